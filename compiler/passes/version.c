// version: every assignment makes a new buffer, so that afterwards a buffer is assigned at most once and a read means
// the same wherever it stands. The last version of a variable that outlives the program is live_out and names, through
// `origin`, the buffer whose place it must end in. Before: unroll_states. After: propagate.
//
// Round a repeat goes what its body both assigns and reads as an iteration before left it: such a variable gets one
// `carried` buffer, assigned before the repeat and last in its body. What the body only assigns needs none: after the
// repeat it is read as the last iteration made it.
//
//   h[u] <- 0                          h.v1[u] <- 0
//   repeat 20 {                        h.carried[u] <- h.v1[u]
//     h[u] <- add(h[u], g[u])          repeat 20 {
//   }                                    h.v2[u] <- add(h.carried[u], g[u])
//   y[u] <- h[u]                         h.carried[u] <- h.v2[u]
//                                      }
//                                      y.v1[u] <- h.carried[u]
//
// An assignment to some elements only becomes one to all: the others keep what they had. A repeat that never runs goes.
#include "compiler/ir/order.h"
#include "compiler/passes/passes.h"

#include <string.h>

typedef struct {
  IrProgram *program;
  IrBuffer *current; // [buffer before the pass] -> its version now
  bool *holds;       // [buffer before the pass]: something has been assigned to it
  int *assigned;     // [buffer before the pass]: versions so far
  size_t count;
} Versions;

static IrValue read_current(void *context, IrProgram *program, IrValue value) {
  const Versions *versions = context;
  IrValueInfo info = program->values.items[value];
  if (info.kind != VALUE_READ || (size_t)info.buffer >= versions->count) return value;
  IrBuffer now = versions->current[info.buffer];
  return now == info.buffer ? value : ir_read(program, now, info.index);
}

static IrBuffer new_version(Versions *versions, IrBuffer slot, const char *name, bool carried) {
  IrBufferInfo version = versions->program->buffers.items[slot];
  version.name = name;
  version.origin = slot;
  version.live_in = version.live_out = false;
  version.carried = carried;
  return ir_buffer(versions->program, version);
}

static IrBuffer next_version(Versions *versions, IrBuffer slot) {
  const char *name = versions->program->buffers.items[slot].name;
  name = arena_format(versions->program->arena, "%s.v%d", name, ++versions->assigned[slot]);
  return versions->current[slot] = new_version(versions, slot, name, false);
}

// ---- what a repeat carries

typedef struct {
  const IrProgram *program;
  bool *assigned; // [buffer]: in the body
  bool *exposed;  // [buffer]: read there before all of it is assigned
} Exposure;

static bool is_whole(const IrProgram *program, const IrStatement *statement) {
  for (int d = 0; d < program->buffers.items[statement->target].dimensions; d++)
    if (statement->index[d].axis == IR_NONE) return false;
  return true;
}

static void find_exposed(Exposure *exposure, const IrStatement *statements) {
  const IrProgram *program = exposure->program;
  for (const IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_REPEAT) {
      if (statement->counter != IR_NONE) exposure->assigned[statement->counter] = true;
      if (statement->count) find_exposed(exposure, statement->body);
      continue;
    }
    IrOrder order = ir_order(program, statement->value, NULL, NULL);
    for (size_t i = 0; i < order.count; i++) {
      const IrValueInfo *read = &program->values.items[order.values[i]];
      if (read->kind == VALUE_READ && !exposure->assigned[read->buffer]) exposure->exposed[read->buffer] = true;
    }
    ir_order_free(&order);
    if (!is_whole(program, statement) && !exposure->assigned[statement->target])
      exposure->exposed[statement->target] = true;
    exposure->assigned[statement->target] = true;
  }
}

// Axes for all dimensions of a buffer, one each; those that `like` has where they fit.
static void whole_index(IrProgram *program, IrBuffer buffer, const IrIndex *like, IrIndex *index) {
  IrBufferInfo info = program->buffers.items[buffer];
  IrAxisSet taken = 0;
  for (int d = 0; like && d < info.dimensions; d++) taken |= ir_axis_bit(like[d].axis);
  for (int d = 0; d < info.dimensions; d++) {
    index[d] = (IrIndex){IR_NONE, 0};
    if (like && like[d].axis != IR_NONE) index[d].axis = like[d].axis;
    for (IrAxis axis = 0; index[d].axis == IR_NONE && (size_t)axis < program->axes.count; axis++) {
      const IrAxisInfo *known = &program->axes.items[axis];
      if (known->kind == info.kind[d] && known->extent == info.extent[d] && !(taken & ir_axis_bit(axis)))
        index[d].axis = axis;
    }
    if (index[d].axis == IR_NONE)
      index[d].axis = ir_axis(program, info.dimension_name[d], info.kind[d], info.extent[d]);
    taken |= ir_axis_bit(index[d].axis);
  }
}

// The index of an assignment to all of `buffer` among the statements, so that copies read like what is around them.
static const IrIndex *index_in(const IrProgram *program, const IrStatement *statements, IrBuffer buffer) {
  const IrIndex *index = NULL;
  for (const IrStatement *statement = statements; statement && !index; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_REPEAT) index = index_in(program, statement->body, buffer);
    else if (statement->target == buffer && is_whole(program, statement)) index = statement->index;
  }
  return index;
}

// ---- the pass

// An assignment to some elements as one to all of them.
static void assign_whole(Versions *versions, IrStatement *statement) {
  IrProgram *program = versions->program;
  IrIndex index[IR_MAX_DIMENSIONS];
  whole_index(program, statement->target, statement->index, index);
  IrValue chosen = IR_NONE;
  for (int d = 0; d < program->buffers.items[statement->target].dimensions; d++) {
    if (statement->index[d].axis != IR_NONE) continue;
    IrValue here = ir_operation(program, OP_EQUAL, ir_position(program, index[d].axis),
                                ir_constant(program, statement->index[d].constant), IR_NONE);
    chosen = chosen == IR_NONE ? here : ir_operation(program, OP_AND, chosen, here, IR_NONE);
  }
  IrValue before = versions->holds[statement->target] ? ir_read(program, versions->current[statement->target], index)
                                                      : ir_constant(program, 0);
  statement->value = ir_operation(program, OP_SELECT, chosen, statement->value, before);
  memcpy(statement->index, index, sizeof index);
}

static IrStatement *make_copy(Versions *versions, IrBuffer target, IrValue value, const IrIndex *index,
                              const IrStatement *near) {
  IrStatement *copy = ARENA_NEW(versions->program->arena, IrStatement);
  *copy = (IrStatement){.target = target, .value = value, .span = near->span, .block = near->block};
  copy->counter = IR_NONE;
  memcpy(copy->index, index, sizeof copy->index);
  return copy;
}

static IrStatement **version_list(Versions *versions, IrStatement **link);

static IrStatement **end_of(IrStatement **link) {
  while (*link) link = &(*link)->next;
  return link;
}

// Versions a repeat; returns where the statement after it is linked.
static IrStatement **version_repeat(Versions *versions, IrStatement **link) {
  IrProgram *program = versions->program;
  IrStatement *repeat = *link;
  Arena *scratch = arena_create();
  size_t buffers = program->buffers.count;
  Exposure exposure = {program, ARENA_ARRAY(scratch, bool, buffers), ARENA_ARRAY(scratch, bool, buffers)};
  if (repeat->counter != IR_NONE) exposure.assigned[repeat->counter] = true;
  find_exposed(&exposure, repeat->body);
  IrBuffer *carried = ARENA_ARRAY(scratch, IrBuffer, versions->count);
  IrIndex(*index)[IR_MAX_DIMENSIONS] = (void *)ARENA_ARRAY(scratch, IrIndex, versions->count * IR_MAX_DIMENSIONS);
  for (size_t slot = 0; slot < versions->count; slot++) {
    carried[slot] = IR_NONE;
    if (!exposure.assigned[slot] || !exposure.exposed[slot] || (IrBuffer)slot == repeat->counter) continue;
    whole_index(program, (IrBuffer)slot, index_in(program, repeat->body, (IrBuffer)slot), index[slot]);
    IrValue start =
        versions->holds[slot] ? ir_read(program, versions->current[slot], index[slot]) : ir_constant(program, 0);
    const char *name = arena_format(program->arena, "%s.carried", program->buffers.items[slot].name);
    carried[slot] = versions->current[slot] = new_version(versions, (IrBuffer)slot, name, true);
    versions->holds[slot] = true;
    IrStatement *copy = make_copy(versions, carried[slot], start, index[slot], repeat);
    copy->next = repeat;
    *link = copy;
    link = &copy->next;
  }
  if (repeat->counter != IR_NONE) {
    IrBuffer slot = repeat->counter;
    versions->holds[slot] = true;
    repeat->counter = next_version(versions, slot);
  }
  IrStatement **end = version_list(versions, &repeat->body);
  for (size_t slot = 0; slot < versions->count; slot++) {
    if (carried[slot] == IR_NONE || versions->current[slot] == carried[slot]) continue;
    *end =
        make_copy(versions, carried[slot], ir_read(program, versions->current[slot], index[slot]), index[slot], repeat);
    end = end_of(end);
    versions->current[slot] = carried[slot];
  }
  arena_destroy(scratch);
  return &repeat->next;
}

static IrStatement **version_list(Versions *versions, IrStatement **link) {
  IrProgram *program = versions->program;
  while (*link) {
    IrStatement *statement = *link;
    if (statement->kind == IR_STATEMENT_REPEAT) {
      if (statement->count) link = version_repeat(versions, link);
      else *link = statement->next;
      continue;
    }
    // The program's values are a DAG that only grows: rewriting makes new values and leaves the old ones.
    statement->value = ir_rewrite(program, statement->value, read_current, versions);
    IrBuffer slot = statement->target;
    if (!is_whole(program, statement)) assign_whole(versions, statement);
    statement->target = next_version(versions, slot);
    versions->holds[slot] = true;
    link = &statement->next;
  }
  return link;
}

void pass_version(IrProgram *program) {
  size_t count = program->buffers.count;
  Versions versions = {.program = program, .count = count};
  versions.current = ARENA_ARRAY(program->arena, IrBuffer, count);
  versions.holds = ARENA_ARRAY(program->arena, bool, count);
  versions.assigned = ARENA_ARRAY(program->arena, int, count);
  for (size_t buffer = 0; buffer < count; buffer++) {
    versions.current[buffer] = (IrBuffer)buffer;
    versions.holds[buffer] = program->buffers.items[buffer].live_in;
  }
  program->last = version_list(&versions, &program->statements);
  for (size_t slot = 0; slot < count; slot++) {
    if (!program->buffers.items[slot].live_out || versions.current[slot] == (IrBuffer)slot) continue;
    program->buffers.items[slot].live_out = false;
    program->buffers.items[versions.current[slot]].live_out = true;
  }
}
