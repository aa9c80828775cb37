// unroll_states: small state axes disappear. Every state of a variable becomes a buffer of its own over its large axes
// only, a statement over state indices becomes one statement a state, a sum over states becomes additions. Genome
// arrays without axes of neurons stay as they are, read at constant elements: scalars. Large state axes stay: loops, or
// axes of products. Before: contract (sums over states are already in the cheapest place). After: version. Never
// changes: the order of effects; a statement's right side is still evaluated before it takes effect.
#include "compiler/passes/passes.h"

#include <stdlib.h>
#include <string.h>

enum { SMALL = 8 }; // states: up to these, sums are short, and many states known to be zero

typedef struct {
  IrProgram *program;
  IrBuffer **split; // [original buffer] -> its per-state buffers, row-major over the small states; NULL: not split
  size_t original_count;
} Unroll;

bool unroll_keeps(int64_t extent) { return extent > SMALL; }

static int state_dimensions(const IrBufferInfo *buffer) {
  int count = 0;
  while (count < buffer->dimensions && buffer->kind[count] == AXIS_KIND_STATE) count++;
  return count;
}

bool unroll_splits(const IrBufferInfo *buffer) {
  int states = state_dimensions(buffer);
  if (buffer->role == ROLE_GENOME && states == buffer->dimensions) return false;
  for (int d = 0; d < states; d++)
    if (!unroll_keeps(buffer->extent[d])) return true;
  return false;
}

static void split_buffer(Unroll *unroll, IrBuffer original) {
  IrProgram *program = unroll->program;
  IrBufferInfo whole = program->buffers.items[original];
  if (!unroll_splits(&whole)) return;
  int states = state_dimensions(&whole);
  int64_t pieces = 1;
  for (int d = 0; d < states; d++)
    if (!unroll_keeps(whole.extent[d])) pieces *= whole.extent[d];
  IrBuffer *split = ARENA_ARRAY(program->arena, IrBuffer, pieces);
  for (int64_t piece = 0; piece < pieces; piece++) {
    IrBufferInfo part = whole;
    Text name = {0};
    text_add(&name, "%s", whole.name);
    int64_t rest = piece, below = pieces;
    part.states = states;
    part.dimensions = 0;
    for (int d = 0; d < whole.dimensions; d++) {
      if (d >= states || unroll_keeps(whole.extent[d])) {
        if (d < states) part.state[d] = -1;
        part.kind[part.dimensions] = whole.kind[d];
        part.extent[part.dimensions] = whole.extent[d];
        part.dimension_name[part.dimensions++] = whole.dimension_name[d];
        continue;
      }
      below /= whole.extent[d];
      part.state[d] = (int32_t)(rest / below);
      rest %= below;
      text_add(&name, ".%d", part.state[d]);
    }
    part.name = arena_copy(program->arena, name.bytes, name.length);
    text_free(&name);
    part.origin = original;
    split[piece] = ir_buffer(program, part);
  }
  unroll->split[original] = split;
  program->buffers.items[original].live_in = program->buffers.items[original].live_out = false;
}

// The per-state buffer that constant state indices name, and what is left of the index.
static IrBuffer piece_of(const Unroll *unroll, IrBuffer buffer, const IrIndex *index, IrIndex *rest) {
  const IrBufferInfo *whole = &unroll->program->buffers.items[buffer];
  int states = state_dimensions(whole), left = 0;
  int64_t piece = 0;
  for (int d = 0; d < whole->dimensions; d++)
    if (d < states && !unroll_keeps(whole->extent[d])) piece = piece * whole->extent[d] + index[d].constant;
    else rest[left++] = index[d];
  return unroll->split[buffer][piece];
}

static bool is_small(const IrProgram *program, IrAxis axis) {
  const IrAxisInfo *info = &program->axes.items[axis];
  return info->kind == AXIS_KIND_STATE && !unroll_keeps(info->extent);
}

static IrAxisSet state_axes(const IrProgram *program) {
  IrAxisSet set = 0;
  for (size_t axis = 0; axis < program->axes.count; axis++)
    if (is_small(program, (IrAxis)axis)) set |= ir_axis_bit((IrAxis)axis);
  return set;
}

static IrAxis lowest_axis(IrAxisSet set) { return (IrAxis)__builtin_ctzll(set); }

static IrValue combine(IrProgram *program, IrReduction reduction, IrValue first, IrValue second) {
  static const IrOperation operation[] = {[REDUCE_SUM] = OP_ADD,
                                          [REDUCE_PRODUCT] = OP_MULTIPLY,
                                          [REDUCE_MAXIMUM] = OP_MAXIMUM,
                                          [REDUCE_MINIMUM] = OP_MINIMUM};
  return ir_operation(program, operation[reduction], first, second, IR_NONE);
}

// The position of the first largest of `body` at axis = 0, 1, ...
static IrValue unrolled_argmax(IrProgram *program, IrValue body, IrAxis axis, int64_t extent) {
  IrValue best = ir_substitute_axis(program, body, axis, (IrIndex){IR_NONE, 0});
  IrValue position = ir_constant(program, 0);
  for (int32_t element = 1; element < extent; element++) {
    IrValue here = ir_substitute_axis(program, body, axis, (IrIndex){IR_NONE, element});
    IrValue larger = ir_operation(program, OP_GREATER, here, best, IR_NONE);
    position = ir_operation(program, OP_SELECT, larger, ir_constant(program, element), position);
    best = ir_operation(program, OP_SELECT, larger, here, best);
  }
  return position;
}

// Bottom-up: reductions over state axes become chains of operations. Reads of split buffers are replaced at the end,
// when all their state indices are constants.
static IrValue unroll_reduction(void *context, IrProgram *program, IrValue value) {
  (void)context;
  IrValueInfo info = program->values.items[value];
  if (info.kind != VALUE_REDUCE) return value;
  IrAxisSet states = info.reduced & state_axes(program);
  if (!states) return value;
  IrValue body = info.operand[0];
  IrAxisSet others = info.reduced & ~states;
  if (others) body = ir_reduce(program, info.reduction, others, body);
  for (; states; states &= states - 1) {
    IrAxis axis = lowest_axis(states);
    int64_t extent = program->axes.items[axis].extent;
    if (info.reduction == REDUCE_ARGMAX) return unrolled_argmax(program, body, axis, extent);
    IrValue total = IR_NONE;
    for (int32_t element = 0; element < extent; element++) {
      IrValue here = ir_substitute_axis(program, body, axis, (IrIndex){IR_NONE, element});
      total = element == 0 ? here : combine(program, info.reduction, total, here);
    }
    body = total;
  }
  return body;
}

static IrValue replace_read(void *context, IrProgram *program, IrValue value) {
  const Unroll *unroll = context;
  IrValueInfo info = program->values.items[value];
  if (info.kind != VALUE_READ || (size_t)info.buffer >= unroll->original_count || !unroll->split[info.buffer])
    return value;
  IrIndex rest[IR_MAX_DIMENSIONS] = {{0}};
  IrBuffer piece = piece_of(unroll, info.buffer, info.index, rest);
  return ir_read(program, piece, rest);
}

typedef struct {
  IrBuffer target;
  IrIndex index[IR_MAX_DIMENSIONS];
  IrValue value;
} Piece;

// Writes the pieces of one statement. A piece whose target is read by a later piece goes through a temporary, so that
// all right sides see the state before the statement.
static void write_pieces(IrProgram *program, const IrStatement *statement, Piece *pieces, size_t count) {
  ARENA_LIST(Piece) copies = {0};
  Arena *scratch = arena_create();
  bool *seen = ARENA_ARRAY(scratch, bool, program->values.count + 1),
       *reads = ARENA_ARRAY(scratch, bool, program->buffers.count + 1);
  bool *read_later = ARENA_ARRAY(scratch, bool, count + 1);
  for (size_t i = count; i-- > 0;) {
    read_later[i] = reads[pieces[i].target];
    ir_mark_reads(program, pieces[i].value, seen, reads);
  }
  for (size_t i = 0; i < count; i++) {
    IrBuffer target = pieces[i].target;
    if (read_later[i]) {
      IrBufferInfo temporary = program->buffers.items[target];
      temporary.name = arena_format(program->arena, "%s.next", temporary.name);
      temporary.variable = NULL;
      temporary.role = ROLE_TEMPORARY;
      temporary.live_in = temporary.live_out = false;
      temporary.origin = IR_NONE;
      target = ir_buffer(program, temporary);
      Piece copy = pieces[i];
      copy.value = ir_read(program, target, pieces[i].index);
      ARENA_PUSH(program->arena, &copies, copy);
    }
    ir_assign(program, target, pieces[i].index, pieces[i].value, statement->span, statement->block);
  }
  for (size_t i = 0; i < copies.count; i++)
    ir_assign(program, copies.items[i].target, copies.items[i].index, copies.items[i].value, statement->span,
              statement->block);
  arena_destroy(scratch);
}

static void unroll_statement(Unroll *unroll, const IrStatement *statement) {
  IrProgram *program = unroll->program;
  IrValue value = ir_rewrite(program, statement->value, unroll_reduction, unroll);
  const IrBufferInfo *target = &program->buffers.items[statement->target];
  int dimensions = target->dimensions;
  ARENA_LIST(Piece) pieces = {0};
  Piece whole = {.target = statement->target, .value = value};
  memcpy(whole.index, statement->index, sizeof whole.index);
  ARENA_PUSH(program->arena, &pieces, whole);
  // One target dimension after the other: each state axis in it is replaced by its elements.
  for (int d = 0; d < dimensions; d++) {
    IrAxis axis = statement->index[d].axis;
    if (axis == IR_NONE || !is_small(program, axis)) continue;
    ARENA_LIST(Piece) next = {0};
    for (size_t i = 0; i < pieces.count; i++)
      for (int32_t element = 0; element < program->axes.items[axis].extent; element++) {
        Piece piece = pieces.items[i];
        IrIndex here = {IR_NONE, element};
        piece.index[d] = here;
        piece.value = ir_substitute_axis(program, piece.value, axis, here);
        ARENA_PUSH(program->arena, &next, piece);
      }
    pieces.items = next.items;
    pieces.count = next.count;
    pieces.capacity = next.capacity;
  }
  for (size_t i = 0; i < pieces.count; i++) {
    Piece *piece = &pieces.items[i];
    piece->value = ir_rewrite(program, piece->value, replace_read, unroll);
    if (unroll->split[statement->target]) {
      IrIndex rest[IR_MAX_DIMENSIONS] = {{0}};
      piece->target = piece_of(unroll, statement->target, piece->index, rest);
      memcpy(piece->index, rest, sizeof rest);
    }
  }
  write_pieces(program, statement, pieces.items, pieces.count);
}

static void unroll_list(Unroll *unroll, const IrStatement *statements) {
  for (const IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_ASSIGN) {
      unroll_statement(unroll, statement);
      continue;
    }
    IrProgram *program = unroll->program;
    IrStatement *repeat = ARENA_NEW(program->arena, IrStatement);
    *repeat = *statement;
    repeat->next = repeat->body = NULL;
    *program->last = repeat;
    IrStatement **after = &repeat->next;
    program->last = &repeat->body;
    unroll_list(unroll, statement->body);
    program->last = after;
  }
}

void pass_unroll_states(IrProgram *program) {
  Unroll unroll = {.program = program, .original_count = program->buffers.count};
  unroll.split = ARENA_ARRAY(program->arena, IrBuffer *, program->buffers.count);
  for (size_t buffer = 0; buffer < unroll.original_count; buffer++) split_buffer(&unroll, (IrBuffer)buffer);
  IrStatement *statements = program->statements;
  program->statements = NULL;
  program->last = &program->statements;
  unroll_list(&unroll, statements);
}
