// A network's memory and its steps; the compiled program (blur/compiler.h) says where each variable lies. See
// blur/runtime.h.
#include "runtime/network/network.h"

#include "base/memory.h"
#include "base/philox.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// Steps below this many operations run on one thread: about 10 us, of which fork, join and barriers would take most.
static const double operations_to_share = 1e6;
// The same for networks that are differentiated: a reverse step meets several times more often for its work.
static const double reverse_operations_to_share = 8e6;

static const uint64_t noise_stream = 0x6E6F697365; // apart from the streams of initial values and shuffles

static void no_barrier(void *pool, int64_t thread) { (void)pool, (void)thread; }

static const size_t huge_page = (size_t)2 << 20;

static size_t alignment_of(size_t bytes) { return bytes >= 2 * huge_page ? huge_page : 64; }

size_t network_allocated(size_t bytes) {
  size_t alignment = alignment_of(bytes), rounded = (bytes + alignment - 1) / alignment * alignment;
  return rounded ? rounded : alignment;
}

char *network_allocate(size_t bytes) {
  size_t rounded = network_allocated(bytes);
  char *memory = aligned_alloc(alignment_of(bytes), rounded);
  if (!memory) return NULL;
  if (alignment_of(bytes) == huge_page) madvise(memory, rounded, MADV_HUGEPAGE); // advice: nothing depends on it
  else memory_prepare(memory, rounded);
  return memory;
}

static void write_step(BlurNetwork *network) {
  if (!network->step || network->step->piece[0].offset < 0) return;
  double steps = (double)network->steps;
  network_write_row(network, (NetworkRow){network->memory + network->step->piece[0].offset, 0, 1}, &steps);
}

BlurNetwork *blur_network_create(const BlurProgram *program, BlurPool *pool, uint64_t seed, BlurStatus *status) {
  BlurNetwork *network = calloc(1, sizeof *network);
  if (!network) {
    status_fail_memory(status, "a network", sizeof *network);
    return NULL;
  }
  network->program = program;
  network->pool = pool;
  network->services = *blur_pool_services(pool);
  BlurCost cost = blur_program_cost(program);
  network->alone = blur_pool_threads(pool) == 1 || cost.step_flops < operations_to_share ||
                   (blur_program_has_adjoint(program) && cost.adjoint_flops < reverse_operations_to_share);
  if (network->alone) network->services.barrier = no_barrier;
  network->element = blur_program_element(program);
  network->memory_bytes = blur_program_memory(program);
  network->scratch_bytes = (blur_program_scratch(program) + 4095) / 4096 * 4096;
  size_t threads = (size_t)blur_pool_threads(pool);
  network->memory = network_allocate(network->memory_bytes);
  network->scratch = network_allocate(network->scratch_bytes * threads);
  if (!network->memory || !network->scratch) {
    status_fail_memory(status, "the network",
                       (double)network->memory_bytes + (double)(network->scratch_bytes * threads));
    blur_network_destroy(network);
    return NULL;
  }
  memset(network->scratch, 0, network->scratch_bytes * threads); // memory is zeroed by blur_network_reset
  network->variable_count = blur_program_variables(program, &network->variables);
  network->x = blur_network_find(network, BLUR_X, NULL, -1);
  network->y = blur_network_find(network, BLUR_Y, NULL, -1);
  network->prediction = blur_network_find(network, BLUR_PREDICTION, NULL, -1);
  network->step = blur_network_find(network, BLUR_STEP, NULL, -1);
  network->loss = blur_network_find(network, BLUR_LOSS, NULL, -1);
  if (!blur_network_reset(network, seed, status)) {
    blur_network_destroy(network);
    return NULL;
  }
  return network;
}

void blur_network_destroy(BlurNetwork *network) {
  if (!network) return;
  free(network->memory);
  free(network->scratch);
  free(network);
}

const BlurProgram *blur_network_program(const BlurNetwork *network) { return network->program; }

void network_set_seed(BlurNetwork *network, uint64_t seed) {
  network->seed = seed;
  network->services.seed = philox_mix(seed, noise_stream);
}

bool blur_network_reset(BlurNetwork *network, uint64_t seed, BlurStatus *status) {
  memset(network->memory, 0, network->memory_bytes);
  network_set_seed(network, seed);
  blur_network_set_steps(network, 0);
  return network_initialize(network, false) ||
         status_fail_memory(status, "initial values", (double)network->memory_bytes);
}

bool blur_network_reset_from_genome(BlurNetwork *network, BlurStatus *status) {
  network->writes++;
  return network_initialize(network, true) ||
         status_fail_memory(status, "initial values", (double)network->memory_bytes);
}

const BlurVariable *blur_network_find(const BlurNetwork *network, BlurKind kind, const char *name, int layer) {
  bool by_kind = kind == BLUR_X || kind == BLUR_Y || kind == BLUR_PREDICTION || kind == BLUR_STEP || kind == BLUR_LOSS;
  for (size_t i = 0; i < network->variable_count; i++) {
    const BlurVariable *variable = &network->variables[i];
    if (variable->kind != kind) continue;
    if (by_kind || (variable->layer == layer && strcmp(variable->name, name) == 0)) return variable;
  }
  return NULL;
}

size_t blur_variable_count(const BlurVariable *variable) {
  size_t count = 1;
  for (int d = 0; d < variable->dimensions; d++) count *= (size_t)variable->extent[d];
  return count;
}

static bool piece_is_dead(const BlurVariable *variable, size_t piece) {
  return variable->piece[piece].offset < 0 && variable->piece[piece].bias_offset < 0;
}

bool blur_variable_is_dead(const BlurVariable *variable) {
  for (size_t piece = 0; piece < variable->pieces; piece++)
    if (!piece_is_dead(variable, piece)) return false;
  return true;
}

bool blur_variable_has_dead_states(const BlurVariable *variable) {
  for (size_t piece = 0; piece < variable->pieces; piece++) {
    bool row_is_dead = variable->has_bias && variable->piece[piece].bias_offset < 0;
    if (variable->piece[piece].offset < 0 || row_is_dead) return true;
  }
  return false;
}

bool network_keeps(const BlurVariable *variable) {
  switch (variable->kind) {
  case BLUR_GENOME:
  case BLUR_SYNAPSE: return true;
  case BLUR_NEURON:
  case BLUR_SIGNAL: return variable->persistent;
  default: return false;
  }
}

bool network_in_unit_row(const BlurVariable *variable, const int64_t *index) {
  int pre = variable->bias_dimension;
  return variable->has_bias && index[pre - variable->states] == variable->extent[pre] - 1;
}

// Where an element of a piece is, or NULL if it is dead.
static char *element_at(const BlurNetwork *network, const BlurVariable *variable, size_t piece, const int64_t *index) {
  const BlurPiece *place = &variable->piece[piece];
  int axes = variable->dimensions - variable->states;
  int64_t offset = place->offset, elements = 0;
  bool in_row = network_in_unit_row(variable, index);
  if (in_row) offset = place->bias_offset;
  const int64_t *stride = in_row ? place->bias_stride : place->stride;
  for (int a = 0; a < axes; a++) elements += index[a] * stride[a];
  return offset < 0 ? NULL : network->memory + offset + elements * (int64_t)network->element;
}

NetworkRow network_row(const BlurNetwork *network, const BlurVariable *variable, size_t piece, const int64_t *index) {
  const BlurPiece *place = &variable->piece[piece];
  int last = variable->dimensions - variable->states - 1;
  bool in_row = network_in_unit_row(variable, index),
       ends_apart = variable->has_bias && variable->bias_dimension == variable->dimensions - 1;
  NetworkRow row = {element_at(network, variable, piece, index), 0, 1};
  if (last < 0) return row;
  row.count = variable->extent[variable->dimensions - 1] - index[last];
  if (ends_apart && !in_row) row.count--; // the unit neuron's element
  row.stride = (in_row ? place->bias_stride : place->stride)[last] * (ptrdiff_t)network->element;
  return row;
}

void network_write_row(const BlurNetwork *network, NetworkRow row, const double *values) {
  if (!row.at) return;
  if (network->element == 4) {
    for (int64_t i = 0; i < row.count; i++) {
      float narrow = (float)values[i];
      memcpy(row.at + i * row.stride, &narrow, sizeof narrow);
    }
  } else {
    for (int64_t i = 0; i < row.count; i++) memcpy(row.at + i * row.stride, &values[i], sizeof *values);
  }
}

static void read_row(const BlurNetwork *network, NetworkRow row, double *values) {
  for (int64_t i = 0; i < row.count; i++) {
    float narrow;
    if (!row.at) {
      values[i] = 0;
    } else if (network->element == 4) {
      memcpy(&narrow, row.at + i * row.stride, sizeof narrow);
      values[i] = (double)narrow;
    } else {
      memcpy(&values[i], row.at + i * row.stride, sizeof *values);
    }
  }
}

void network_unravel(const BlurVariable *variable, size_t place, int64_t *index) {
  for (int d = variable->dimensions - 1; d >= variable->states; d--) {
    index[d - variable->states] = (int64_t)(place % (size_t)variable->extent[d]);
    place /= (size_t)variable->extent[d];
  }
}

// Goes through a variable in dense order. Exactly one of the two arrays is not NULL.
static void transfer(const BlurNetwork *network, const BlurVariable *variable, double *read, const double *write) {
  size_t elements = variable->pieces ? blur_variable_count(variable) / variable->pieces : 0;
  for (size_t piece = 0; piece < variable->pieces; piece++) {
    for (size_t i = 0, at; i < elements;) {
      int64_t index[BLUR_MAX_DIMENSIONS] = {0};
      network_unravel(variable, i, index);
      NetworkRow row = network_row(network, variable, piece, index);
      at = piece * elements + i;
      if (read) read_row(network, row, read + at);
      else network_write_row(network, row, write + at);
      i += (size_t)row.count;
    }
  }
}

void blur_network_get(const BlurNetwork *network, const BlurVariable *variable, double *values) {
  transfer(network, variable, values, NULL);
}

void blur_network_set(BlurNetwork *network, const BlurVariable *variable, const double *values) {
  transfer(network, variable, NULL, values);
  network->writes++;
}

// The variable with other places: those of its adjoints, or of its tangents; without any where it has none.
static BlurVariable with_places(const BlurVariable *variable, const BlurPiece *pieces) {
  BlurVariable other = *variable;
  other.piece = pieces;
  return other;
}

static void transfer_at(const BlurNetwork *network, const BlurVariable *variable, const BlurPiece *pieces, double *read,
                        const double *write) {
  BlurVariable other = with_places(variable, pieces);
  if (pieces) transfer(network, &other, read, write);
  else if (read) memset(read, 0, blur_variable_count(variable) * sizeof *read);
}

void blur_network_get_adjoint(const BlurNetwork *network, const BlurVariable *variable, double *values) {
  transfer_at(network, variable, variable->adjoint, values, NULL);
}

void blur_network_set_adjoint(BlurNetwork *network, const BlurVariable *variable, const double *values) {
  transfer_at(network, variable, variable->adjoint, NULL, values);
}

void blur_network_get_tangent(const BlurNetwork *network, const BlurVariable *variable, double *values) {
  transfer_at(network, variable, variable->tangent, values, NULL);
}

void blur_network_set_tangent(BlurNetwork *network, const BlurVariable *variable, const double *values) {
  transfer_at(network, variable, variable->tangent, NULL, values);
}

// ---- steps

typedef struct {
  BlurNetwork *network;
  NetworkRun what;
  BlurTask *prepare;
  void *context;
} Run;

static void run_thread(void *context, int64_t thread, int64_t threads) {
  Run *run = context;
  BlurNetwork *network = run->network;
  if (run->prepare) {
    run->prepare(run->context, thread, threads);
    network->services.barrier(network->services.pool, thread);
  }
  void *scratch = network->scratch + network->scratch_bytes * (size_t)thread;
  static void (*const entry[])(const BlurProgram *, void *, void *, const BlurServices *, int64_t,
                               int64_t) = {[NETWORK_STEP] = blur_program_step,
                                           [NETWORK_PREDICT] = blur_program_predict,
                                           [NETWORK_QUERY] = blur_program_query,
                                           [NETWORK_ADJOINT] = blur_program_adjoint,
                                           [NETWORK_QUERY_TANGENT] = blur_program_query_tangent,
                                           [NETWORK_TANGENT] = blur_program_tangent};
  entry[run->what](network->program, network->memory, scratch, &network->services, thread, threads);
}

void network_run(BlurNetwork *network, NetworkRun what, BlurTask *prepare, void *context) {
  Run run = {network, what, prepare, context};
  if (network->alone) run_thread(&run, 0, 1);
  else blur_pool_run(network->pool, run_thread, &run);
  if (what != NETWORK_STEP) return;
  network->steps++;
  write_step(network);
}

void blur_network_step(BlurNetwork *network) {
  network_run(network, NETWORK_STEP, NULL, NULL);
  network->writes++;
}

void blur_network_predict(BlurNetwork *network) { network_run(network, NETWORK_PREDICT, NULL, NULL); }

int64_t blur_network_steps(const BlurNetwork *network) { return network->steps; }

void blur_network_set_steps(BlurNetwork *network, int64_t steps) {
  network->steps = steps;
  network->writes++;
  write_step(network);
}

// ---- watching for numbers that are not finite: their exponent is all ones

static bool row_is_finite(const char *at, size_t element, int64_t count, int64_t stride) {
  uint64_t bad = 0;
  if (element == 4) {
    uint32_t found = 0;
    const uint32_t *bits = (const uint32_t *)(const void *)at;
    if (stride == 1)
      for (int64_t i = 0; i < count; i++) found |= (uint32_t)((bits[i] & 0x7F800000u) == 0x7F800000u);
    else
      for (int64_t i = 0; i < count; i++) found |= (uint32_t)((bits[i * stride] & 0x7F800000u) == 0x7F800000u);
    bad = found;
  } else {
    const uint64_t infinity = (uint64_t)0x7FF << 52, *bits = (const uint64_t *)(const void *)at;
    for (int64_t i = 0; i < count; i++) bad |= (uint64_t)((bits[i * stride] & infinity) == infinity);
  }
  return !bad;
}

// Elements of `extent`, along the axis of the smallest stride.
static bool array_is_finite(const BlurNetwork *network, int64_t offset, int axes, const int64_t *extent,
                            const int64_t *stride) {
  if (offset < 0) return true;
  size_t element = network->element;
  if (axes == 0) return row_is_finite(network->memory + offset, element, 1, 1);
  int inner = axes - 1;
  int64_t rows = 1, index[BLUR_MAX_DIMENSIONS] = {0};
  for (int a = 0; a < axes; a++)
    if (stride[a] == 1) inner = a;
  for (int a = 0; a < axes; a++)
    if (a != inner) rows *= extent[a];
  for (int64_t row = 0; row < rows; row++) {
    int64_t start = 0;
    for (int a = 0; a < axes; a++) start += index[a] * stride[a];
    const char *at = network->memory + offset + start * (int64_t)element;
    if (!row_is_finite(at, element, extent[inner], stride[inner])) return false;
    for (int a = axes - 1; a >= 0; a--) {
      if (a == inner) continue;
      if (++index[a] < extent[a]) break;
      index[a] = 0;
    }
  }
  return true;
}

static bool piece_is_finite(const BlurNetwork *network, const BlurVariable *variable, size_t piece) {
  const BlurPiece *place = &variable->piece[piece];
  int axes = variable->dimensions - variable->states, pre = variable->bias_dimension - variable->states;
  int64_t extent[BLUR_MAX_DIMENSIONS] = {0};
  for (int a = 0; a < axes; a++) extent[a] = variable->extent[variable->states + a];
  if (variable->has_bias) extent[pre]--;
  if (!array_is_finite(network, place->offset, axes, extent, place->stride)) return false;
  if (!variable->has_bias) return true;
  extent[pre] = 1;
  return array_is_finite(network, place->bias_offset, axes, extent, place->bias_stride);
}

bool network_adjoint_is_finite(const BlurNetwork *network, const BlurVariable *variable) {
  BlurVariable adjoint = with_places(variable, variable->adjoint);
  for (size_t piece = 0; adjoint.piece && piece < adjoint.pieces; piece++)
    if (!piece_is_finite(network, &adjoint, piece)) return false;
  return true;
}

bool blur_network_is_finite(const BlurNetwork *network, const BlurVariable **where) {
  for (size_t i = 0; i < network->variable_count; i++) {
    const BlurVariable *variable = &network->variables[i];
    if (!network_keeps(variable)) continue;
    for (size_t piece = 0; piece < variable->pieces; piece++) {
      if (piece_is_finite(network, variable, piece)) continue;
      if (where) *where = variable;
      return false;
    }
  }
  return true;
}
