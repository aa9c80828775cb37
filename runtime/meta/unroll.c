// Unrolls: steps of a network, a query, and the derivative of the query's loss by the network as it stood before, by
// reversing one step after the other (blur/runtime.h, "derivatives"). What a reverse step needs is the state before it,
// kept in snapshots or computed again (revolve.h). Computing again gives the same bits, so snapshots change nothing.
#include "runtime/meta/unroll.h"

#include "base/status.h"
#include "runtime/meta/revolve.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- ranges of memory

static int compare_ranges(const void *left, const void *right) {
  const UnrollRange *x = left, *y = right;
  return (x->offset > y->offset) - (x->offset < y->offset);
}

static void add_range(UnrollRanges *list, const BlurNetwork *network, int64_t offset, int axes, const int64_t *extent,
                      const int64_t *stride) {
  if (offset < 0) return;
  int64_t last = 0;
  for (int a = 0; a < axes; a++) last += (extent[a] - 1) * stride[a];
  list->items[list->count++] = (UnrollRange){(size_t)offset, (size_t)(last + 1) * network->element};
}

static void add_pieces(UnrollRanges *list, const BlurNetwork *network, const BlurVariable *variable,
                       const BlurPiece *pieces) {
  int axes = variable->dimensions - variable->states, pre = variable->bias_dimension - variable->states;
  int64_t extent[BLUR_MAX_DIMENSIONS] = {0};
  for (int a = 0; a < axes; a++) extent[a] = variable->extent[variable->states + a];
  for (size_t piece = 0; piece < variable->pieces; piece++) {
    if (variable->has_bias) {
      int64_t rows = extent[pre];
      extent[pre] = 1;
      add_range(list, network, pieces[piece].bias_offset, axes, extent, pieces[piece].bias_stride);
      extent[pre] = rows - 1;
      add_range(list, network, pieces[piece].offset, axes, extent, pieces[piece].stride);
      extent[pre] = rows;
    } else {
      add_range(list, network, pieces[piece].offset, axes, extent, pieces[piece].stride);
    }
  }
}

// In order, those that touch or overlap joined.
static void join_ranges(UnrollRanges *list) {
  size_t kept = 0;
  qsort(list->items, list->count, sizeof *list->items, compare_ranges);
  for (size_t i = 0; i < list->count; i++) {
    UnrollRange *last = kept ? &list->items[kept - 1] : NULL, next = list->items[i];
    if (last && next.offset <= last->offset + last->bytes + 64) { // rows' padding is copied too
      size_t end = next.offset + next.bytes;
      if (end > last->offset + last->bytes) last->bytes = end - last->offset;
    } else {
      list->items[kept++] = next;
    }
  }
  list->count = kept;
  for (size_t i = 0; i < kept; i++) list->bytes += list->items[i].bytes;
}

typedef enum { RANGES_OF_STATE, RANGES_OF_ADJOINTS, RANGES_OF_TANGENTS } RangesOf;

static bool list_ranges(UnrollRanges *list, const BlurNetwork *network, RangesOf of) {
  size_t pieces = 0;
  for (size_t i = 0; i < network->variable_count; i++) pieces += network->variables[i].pieces;
  list->items = calloc(2 * pieces + 1, sizeof *list->items);
  if (!list->items) return false;
  for (size_t i = 0; i < network->variable_count; i++) {
    const BlurVariable *variable = &network->variables[i];
    bool changes = network_keeps(variable) && variable->kind != BLUR_GENOME;
    if (of == RANGES_OF_STATE && changes) add_pieces(list, network, variable, variable->piece);
    if (of == RANGES_OF_ADJOINTS && variable->adjoint) add_pieces(list, network, variable, variable->adjoint);
    if (of == RANGES_OF_TANGENTS && variable->tangent) add_pieces(list, network, variable, variable->tangent);
  }
  join_ranges(list);
  return true;
}

typedef struct {
  const BlurUnroll *unroll;
  char *snapshot;
  bool store;
} Copy;

// This thread's share of a snapshot, taken or put back.
static void copy_share(void *context, int64_t thread, int64_t threads) {
  const Copy *copy = context;
  const UnrollRanges *state = &copy->unroll->state;
  size_t first = state->bytes / (size_t)threads * (size_t)thread, at = 0;
  size_t end = thread + 1 == threads ? state->bytes : state->bytes / (size_t)threads * (size_t)(thread + 1);
  for (size_t i = 0; i < state->count; i++) {
    size_t from = at > first ? at : first, to = at + state->items[i].bytes < end ? at + state->items[i].bytes : end;
    char *memory = copy->unroll->network->memory + state->items[i].offset + (from - at);
    if (from < to && copy->store) memcpy(copy->snapshot + from, memory, to - from);
    else if (from < to) memcpy(memory, copy->snapshot + from, to - from);
    at += state->items[i].bytes;
  }
}

void unroll_copy(BlurUnroll *unroll, char *at, bool store) {
  Copy copy = {unroll, at, store};
  if (unroll->network->alone) copy_share(&copy, 0, 1);
  else blur_pool_run(unroll->network->pool, copy_share, &copy);
}

void unroll_copy_state(BlurUnroll *unroll, int64_t snapshot, bool store) {
  unroll_copy(unroll, unroll->snapshots + (size_t)snapshot * unroll->state.bytes, store);
}

void unroll_rewind(BlurUnroll *unroll, int64_t start) {
  unroll_copy_state(unroll, 0, false);
  blur_network_set_steps(unroll->network, start);
}

// ---- making one

static size_t network_bytes(const BlurNetwork *network) {
  size_t scratch = network->scratch_bytes * (size_t)blur_pool_threads(network->pool);
  return network_allocated(network->memory_bytes) + network_allocated(scratch);
}

static bool plan_memory(BlurUnroll *unroll, size_t memory, int64_t most, BlurStatus *status) {
  size_t fixed = network_bytes(unroll->network), each = unroll->state.bytes ? unroll->state.bytes : 1;
  if (unroll->query != unroll->network) fixed += network_bytes(unroll->query);
  BlurUnrollCost *cost = &unroll->cost;
  cost->least_bytes = fixed + network_allocated(each);
  cost->snapshots = most;
  if (memory && memory < cost->least_bytes)
    return status_fail(status, BLUR_FAILED_INPUT,
                       "%zu bytes are too little memory for this unroll: the network and one snapshot of its state "
                       "need %zu",
                       memory, cost->least_bytes);
  if (memory && (memory - fixed) / each < (size_t)most) cost->snapshots = (int64_t)((memory - fixed) / each);
  while (memory && cost->snapshots > 1 && network_allocated(each * (size_t)cost->snapshots) > memory - fixed)
    cost->snapshots--;
  cost->steps = revolve_advances(unroll->steps + 1, cost->snapshots);
  cost->bytes = fixed + network_allocated(each * (size_t)cost->snapshots);
  return true;
}

BlurUnroll *unroll_create(BlurNetwork *network, BlurNetwork *query, int64_t steps, size_t memory, int64_t most,
                          BlurStatus *status) {
  if (!blur_program_has_adjoint(network->program) || (query && !blur_program_has_adjoint(query->program))) {
    status_fail(status, BLUR_FAILED_INPUT, "the program has no derivatives: compile it with BlurOptions.adjoint");
    return NULL;
  }
  BlurUnroll *unroll = calloc(1, sizeof *unroll);
  if (!unroll) {
    status_fail_memory(status, "an unroll", sizeof *unroll);
    return NULL;
  }
  *unroll = (BlurUnroll){.network = network, .query = query ? query : network, .steps = steps, .weight = 1};
  size_t largest = 1;
  for (size_t i = 0; i < network->variable_count; i++) {
    size_t count = blur_variable_count(&network->variables[i]);
    if (count > largest) largest = count;
  }
  bool done = list_ranges(&unroll->state, network, RANGES_OF_STATE) &&
              list_ranges(&unroll->adjoints, network, RANGES_OF_ADJOINTS) &&
              list_ranges(&unroll->query_adjoints, unroll->query, RANGES_OF_ADJOINTS) &&
              list_ranges(&unroll->tangents, network, RANGES_OF_TANGENTS) &&
              list_ranges(&unroll->query_tangents, unroll->query, RANGES_OF_TANGENTS);
  if (done && !plan_memory(unroll, memory, most, status)) {
    blur_unroll_destroy(unroll);
    return NULL;
  }
  size_t snapshots = (size_t)unroll->cost.snapshots;
  unroll->stored = done ? calloc(snapshots, sizeof *unroll->stored) : NULL;
  unroll->snapshots = done ? network_allocate(snapshots * unroll->state.bytes) : NULL;
  unroll->exchanged = unroll->query != network ? calloc(2 * largest, sizeof(double)) : NULL;
  if (unroll->stored && unroll->snapshots && (unroll->exchanged || unroll->query == network)) return unroll;
  status_fail_memory(status, "the snapshots of an unroll", (double)snapshots * (double)unroll->state.bytes);
  blur_unroll_destroy(unroll);
  return NULL;
}

BlurUnroll *blur_unroll_create(BlurNetwork *network, BlurNetwork *query, int64_t steps, size_t memory,
                               BlurStatus *status) {
  return unroll_create(network, query, steps, memory, steps > 0 ? steps : 1, status);
}

void blur_unroll_destroy(BlurUnroll *unroll) {
  if (!unroll) return;
  free(unroll->state.items);
  free(unroll->adjoints.items);
  free(unroll->query_adjoints.items);
  free(unroll->tangents.items);
  free(unroll->query_tangents.items);
  free(unroll->snapshots);
  free(unroll->stored);
  free(unroll->exchanged);
  free(unroll);
}

BlurUnrollCost blur_unroll_cost(const BlurUnroll *unroll) { return unroll->cost; }

bool objective_counts(int64_t every, int64_t from, int64_t last, int64_t steps) {
  if (every == 0) return steps == last;
  return steps > 0 && steps >= from && steps % every == 0;
}

int64_t objective_losses(int64_t every, int64_t from, int64_t last) {
  int64_t losses = 0;
  for (int64_t steps = 0; steps <= last; steps++) losses += objective_counts(every, from, last, steps);
  return losses;
}

bool unroll_counts(const BlurUnroll *unroll, int64_t steps) {
  return objective_counts(unroll->every, unroll->from, unroll->steps, steps);
}

bool blur_unroll_set_objective(BlurUnroll *unroll, int64_t every, int64_t from, BlurStatus *status) {
  int64_t losses = objective_losses(every, from, unroll->steps);
  if (losses) {
    unroll->every = every;
    unroll->from = from;
    unroll->weight = 1.0 / (double)losses;
    return true;
  }
  return status_fail(status, BLUR_FAILED_USAGE,
                     "an objective after every %" PRId64 " steps from step %" PRId64 " on takes no loss in %" PRId64
                     " steps",
                     every, from, unroll->steps);
}

// ---- running it

void unroll_clear(BlurNetwork *network, const UnrollRanges *ranges) {
  for (size_t i = 0; i < ranges->count; i++)
    memset(network->memory + ranges->items[i].offset, 0, ranges->items[i].bytes);
}

const BlurVariable *unroll_counterpart(const BlurUnroll *unroll, const BlurVariable *variable) {
  if (!network_keeps(variable)) return NULL;
  const BlurVariable *other = blur_network_find(unroll->query, variable->kind, variable->name, variable->layer);
  return other && blur_variable_count(other) == blur_variable_count(variable) ? other : NULL;
}

void unroll_hand_values(BlurUnroll *unroll) {
  for (size_t i = 0; i < unroll->network->variable_count; i++) {
    const BlurVariable *own = &unroll->network->variables[i], *other = unroll_counterpart(unroll, own);
    if (!other) continue;
    blur_network_get(unroll->network, own, unroll->exchanged);
    blur_network_set(unroll->query, other, unroll->exchanged);
  }
  blur_network_set_steps(unroll->query, unroll->network->steps);
}

// The adjoints of the query's network are added to the other's.
static void take_adjoints(BlurUnroll *unroll) {
  for (size_t i = 0; i < unroll->network->variable_count; i++) {
    const BlurVariable *own = &unroll->network->variables[i], *other = unroll_counterpart(unroll, own);
    size_t count = blur_variable_count(own);
    if (!other) continue;
    double *sum = unroll->exchanged + count;
    blur_network_get_adjoint(unroll->query, other, unroll->exchanged);
    blur_network_get_adjoint(unroll->network, own, sum);
    for (size_t n = 0; n < count; n++) sum[n] += unroll->exchanged[n];
    blur_network_set_adjoint(unroll->network, own, sum);
  }
}

double unroll_query(BlurUnroll *unroll, BlurBatch *batch, void *context, int64_t steps, double adjoint) {
  BlurNetwork *query = unroll->query;
  bool apart = query != unroll->network;
  double loss = 0;
  if (apart) {
    unroll_hand_values(unroll);
    unroll_clear(query, &unroll->query_adjoints);
  }
  batch(context, query, 2 * unroll->steps - steps);
  blur_network_set_adjoint(query, query->loss, &adjoint);
  network_run(query, NETWORK_QUERY, NULL, NULL);
  blur_network_get(query, query->loss, &loss);
  if (apart) take_adjoints(unroll);
  return unroll->weight * loss;
}

static bool adjoints_are_finite(const BlurNetwork *network, const BlurVariable **where) {
  for (size_t i = 0; i < network->variable_count; i++) {
    *where = &network->variables[i];
    if ((*where)->adjoint && (*where)->kind != BLUR_LOSS && !network_adjoint_is_finite(network, *where)) return false;
  }
  return true;
}

void unroll_sweep(BlurUnroll *unroll, BlurBatch *batch, void *context, UnrollVisit *visit, void *visitor) {
  BlurNetwork *network = unroll->network;
  int64_t start = network->steps, here = 0;
  Revolve revolve = revolve_begin(unroll->steps + 1, unroll->cost.snapshots, unroll->stored);
  for (RevolveAction action; (action = revolve_next(&revolve)).kind != REVOLVE_DONE;) {
    switch (action.kind) {
    case REVOLVE_STORE: unroll_copy_state(unroll, action.snapshot, true); break;
    case REVOLVE_RESTORE:
      unroll_copy_state(unroll, action.snapshot, false);
      here = action.stage;
      blur_network_set_steps(network, start + here);
      break;
    case REVOLVE_ADVANCE:
      for (; here < action.stage; here++) {
        batch(context, network, here);
        blur_network_step(network);
      }
      break;
    case REVOLVE_REVERSE: visit(visitor, action.stage); break;
    case REVOLVE_DONE: break;
    }
  }
}

typedef struct {
  BlurUnroll *unroll;
  BlurBatch *batch;
  void *context;
  double loss;
} Reverse;

static void reverse_step(void *visitor, int64_t steps) {
  Reverse *reverse = visitor;
  BlurUnroll *unroll = reverse->unroll;
  if (steps < unroll->steps) {
    reverse->batch(reverse->context, unroll->network, steps);
    network_run(unroll->network, NETWORK_ADJOINT, NULL, NULL);
  }
  if (unroll_counts(unroll, steps))
    reverse->loss += unroll_query(unroll, reverse->batch, reverse->context, steps, unroll->weight);
}

bool blur_unroll_run(BlurUnroll *unroll, BlurBatch *batch, void *context, double *loss, BlurStatus *status) {
  Reverse reverse = {unroll, batch, context, 0};
  int64_t start = unroll->network->steps;
  unroll_clear(unroll->network, &unroll->adjoints);
  unroll_sweep(unroll, batch, context, reverse_step, &reverse);
  *loss = reverse.loss;
  const BlurVariable *where;
  if (!isfinite(*loss))
    return status_fail(status, BLUR_DIVERGED, "diverged: the loss %s step %" PRId64 " is not finite",
                       unroll->every ? "up to" : "after", start + unroll->steps);
  if (adjoints_are_finite(unroll->network, &where)) return true;
  return status_fail(status, BLUR_DIVERGED, "diverged: the derivative by `%s` is not finite", where->name);
}
