// adjoint: from a program to its reverse. Expects versions (every buffer assigned once, whole). After it the program
// holds the forward statements and behind them, in reverse order, statements for the derivatives of a loss:
//
//   buffer "w0.0.adjoint" in out: before the program the derivative of the loss by w0.0 as the program leaves it,
//   after it the derivative by w0.0 as the program finds it; so for every variable that lives in (synapses, genome,
//   persistent neurons, signals). What the program does not assign keeps what it had: contributions add up. A genome
//   array that is read element by element has a buffer an element ("nu.0.1.adjoint").
//   A scalar of role OUTPUT ("loss") is an objective: "loss.adjoint" in is the weight that it is differentiated with.
//
// A repeat is reversed by a repeat that counts down (adjoint_repeat.c).
//
// Of a statement t <- f(a, b, ...) with the adjoint T of t, each distinct read r of a buffer gets the contribution
// gradient of sum(T * f) by r (differentiate.c); a buffer's adjoint is the sum of its contributions, stored when the
// statement that makes the buffer is reached, and so is every adjoint of an inner value that a reduction makes (the sum
// over post of T * w): what follows from it then shares one matrix product. Nothing of batch x pre x post is stored.
// Griewank and Walther, Evaluating Derivatives (2008), chapter 3. The passes of the list run again afterwards: what the
// reverse statements do not need of the forward ones is dead.
#include "compiler/ir/order.h"
#include "compiler/passes/adjoint_internal.h"
#include "compiler/passes/passes.h"

#include <string.h>

static const IrValueInfo *info_of(const IrProgram *program, IrValue value) { return &program->values.items[value]; }

static IrValue operate(IrProgram *program, IrOperation operation, IrValue x, IrValue y) {
  return ir_operation(program, operation, x, y, IR_NONE);
}

static bool is_objective(const IrBufferInfo *buffer) {
  return buffer->live_out && buffer->role == ROLE_OUTPUT && buffer->dimensions == 0;
}

// ---- before the sweep: which buffers have an adjoint, and in how many cells

static bool reads_active(const Adjoint *adjoint, IrValue value) {
  const IrProgram *program = adjoint->program;
  IrOrder order = ir_order(program, value, NULL, NULL);
  bool found = false;
  for (size_t i = 0; i < order.count && !found; i++) {
    const IrValueInfo *info = info_of(program, order.values[i]);
    found = info->kind == VALUE_READ && adjoint->of[info->buffer].active;
  }
  ir_order_free(&order);
  return found;
}

static int state_dimensions(const IrBufferInfo *buffer) {
  int count = 0;
  while (count < buffer->dimensions && buffer->kind[count] == AXIS_KIND_STATE) count++;
  return count;
}

// States that a read names by an axis, and what statements make, are not split.
static void find_indexed(Adjoint *adjoint, const IrStatement *statements) {
  const IrProgram *program = adjoint->program;
  for (const IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_REPEAT) {
      find_indexed(adjoint, statement->body);
      continue;
    }
    adjoint->of[statement->target].split = 0;
    IrOrder order = ir_order(program, statement->value, NULL, NULL);
    for (size_t i = 0; i < order.count; i++) {
      const IrValueInfo *read = info_of(program, order.values[i]);
      if (read->kind != VALUE_READ) continue;
      AdjointBuffer *of = &adjoint->of[read->buffer];
      for (int d = 0; d < of->split; d++)
        if (read->index[d].axis != IR_NONE) of->split = 0;
    }
    ir_order_free(&order);
  }
}

// An array of the genome whose states are few is split, if its reads name them by constants, as `unroll_states` leaves
// them. All programs of a network must do the same: what only one of them reads by an axis stays whole in all.
static void find_splits(Adjoint *adjoint) {
  enum { MOST_CELLS = 256 };
  const IrProgram *program = adjoint->program;
  for (size_t b = 0; b < adjoint->count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    int states = buffer->states ? 0 : state_dimensions(buffer);
    double cells = 1;
    bool few = true;
    for (int d = 0; d < states; d++) {
      cells *= (double)buffer->extent[d];
      few = few && !unroll_keeps(buffer->extent[d]);
    }
    adjoint->of[b].split = few && cells <= MOST_CELLS ? states : 0;
  }
  find_indexed(adjoint, program->statements);
}
static void make_cells(Adjoint *adjoint, IrBuffer buffer) {
  IrProgram *program = adjoint->program;
  AdjointBuffer *of = &adjoint->of[buffer];
  IrBufferInfo info = program->buffers.items[buffer];
  of->cell_count = 1;
  for (int d = 0; d < of->split; d++) of->cell_count *= (int)info.extent[d];
  of->cells = ARENA_ARRAY(program->arena, AdjointCell, of->cell_count);
  for (int c = 0; c < of->cell_count; c++) {
    AdjointCell *cell = &of->cells[c];
    cell->name = info.name;
    int64_t below = of->cell_count;
    for (int d = 0; d < of->split; d++) {
      below /= info.extent[d];
      cell->name = arena_format(program->arena, "%s.%lld", cell->name, (long long)(c / below % info.extent[d]));
    }
    cell->total = cell->slot = IR_NONE;
  }
}

IrBufferInfo adjoint_cell_buffer(const Adjoint *adjoint, IrBuffer buffer, const AdjointCell *cell, IrRole role) {
  const IrProgram *program = adjoint->program;
  IrBufferInfo info = program->buffers.items[buffer];
  int split = adjoint->of[buffer].split;
  int64_t number = cell - adjoint->of[buffer].cells, below = adjoint->of[buffer].cell_count;
  for (int d = 0; d < split; d++) {
    below /= info.extent[d];
    info.state[info.states++] = (int32_t)(number / below % info.extent[d]);
  }
  info.name = arena_format(program->arena, "%s.adjoint", cell->name);
  info.role = role;
  info.live_in = info.live_out = false;
  info.origin = IR_NONE;
  info.dimensions -= split;
  for (int d = 0; d < info.dimensions; d++) {
    info.kind[d] = info.kind[d + split];
    info.extent[d] = info.extent[d + split];
    info.dimension_name[d] = info.dimension_name[d + split];
  }
  return info;
}

// Axes for a cell that nothing has named yet: one of each kind and extent, all different.
static void choose_index(Adjoint *adjoint, IrBuffer buffer, AdjointCell *cell) {
  IrProgram *program = adjoint->program;
  if (cell->has_index) return;
  IrBufferInfo info = adjoint_cell_buffer(adjoint, buffer, cell, ROLE_ADJOINT);
  IrAxisSet taken = 0;
  for (int d = 0; d < info.dimensions; d++) {
    IrAxis axis = 0;
    for (; axis < (IrAxis)program->axes.count; axis++) {
      const IrAxisInfo *candidate = &program->axes.items[axis];
      if (!(taken & ir_axis_bit(axis)) && candidate->kind == info.kind[d] && candidate->extent == info.extent[d]) break;
    }
    if (axis == (IrAxis)program->axes.count)
      axis = ir_axis(program, info.dimension_name[d], info.kind[d], info.extent[d]);
    taken |= ir_axis_bit(axis);
    cell->index[d] = (IrIndex){axis, 0};
  }
  cell->has_index = true;
}

static void begin_variables(Adjoint *adjoint) {
  IrProgram *program = adjoint->program;
  for (IrBuffer b = 0; (size_t)b < adjoint->count; b++) {
    AdjointBuffer *of = &adjoint->of[b];
    make_cells(adjoint, b);
    if (!adjoint_is_variable(&program->buffers.items[b])) continue;
    of->active = true;
    for (int c = 0; c < of->cell_count; c++) {
      IrBufferInfo info = adjoint_cell_buffer(adjoint, b, &of->cells[c], ROLE_ADJOINT);
      info.live_in = info.live_out = true;
      of->cells[c].slot = ir_buffer(program, info);
    }
  }
}

// What stands before the sweep: the adjoints of what lives out.
static void seed_target(Adjoint *adjoint, const IrStatement *statement) {
  IrProgram *program = adjoint->program;
  const IrBufferInfo *target = &program->buffers.items[statement->target];
  AdjointCell *cell = adjoint->of[statement->target].cells;
  if (cell->has_index) return; // what goes round a repeat is assigned twice
  memcpy(cell->index, statement->index, sizeof cell->index);
  cell->has_index = true;
  IrBuffer variable = adjoint_variable_of(program, statement->target);
  if (variable != IR_NONE && !adjoint->of[variable].split) {
    AdjointCell *before = adjoint->of[variable].cells;
    before->assigned = true;
    cell->total = ir_read(program, before->slot, cell->index);
  } else if (is_objective(target)) {
    IrBufferInfo weight = adjoint_cell_buffer(adjoint, statement->target, cell, ROLE_ADJOINT);
    if (target->origin != IR_NONE) // the objective's own name, not its version's
      weight.name = arena_format(program->arena, "%s.adjoint", program->buffers.items[target->origin].name);
    weight.live_in = true;
    cell->total = ir_read(program, ir_buffer(program, weight), cell->index);
  }
}

// True if some buffer has become active. What goes round a repeat may make what stands further up active.
static bool seed_list(Adjoint *adjoint, const IrStatement *statements) {
  bool grown = false;
  for (const IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_REPEAT) {
      grown |= seed_list(adjoint, statement->body);
      continue;
    }
    seed_target(adjoint, statement);
    bool *active = &adjoint->of[statement->target].active;
    if (*active || !reads_active(adjoint, statement->value)) continue;
    *active = grown = true;
  }
  return grown;
}

void adjoint_enter(Adjoint *adjoint, IrBuffer buffer, const IrIndex *index, bool active) {
  IrProgram *program = adjoint->program;
  if ((size_t)buffer >= adjoint->count) {
    size_t count = 2 * (size_t)buffer + 1;
    AdjointBuffer *grown = ARENA_ARRAY(program->arena, AdjointBuffer, count);
    memcpy(grown, adjoint->of, adjoint->count * sizeof *grown);
    adjoint->of = grown;
    adjoint->count = count;
  }
  adjoint->of[buffer] = (AdjointBuffer){.active = active, .tape = IR_NONE};
  make_cells(adjoint, buffer);
  AdjointCell *cell = adjoint->of[buffer].cells;
  memcpy(cell->index, index, sizeof cell->index);
  cell->has_index = true;
}

// ---- contributions

void adjoint_assign(Adjoint *adjoint, IrBuffer target, const IrIndex *index, IrValue value) {
  Span span = adjoint->statement ? adjoint->statement->span : (Span){0};
  ir_assign(adjoint->program, target, index, value, span, adjoint->block);
}

static IrAxisSet index_axes(const IrIndex *index, int dimensions) {
  IrAxisSet axes = 0;
  for (int d = 0; d < dimensions; d++) axes |= ir_axis_bit(index[d].axis);
  return axes;
}

// `value`, told by the axes of a read's index, told by those of the cell. Through a temporary where axes change places,
// a state is named by a constant, or an axis stands twice (then only the diagonal gets something).
static IrValue told_by_cell(Adjoint *adjoint, const AdjointCell *cell, const IrIndex *index, int dimensions,
                            IrValue value) {
  IrProgram *program = adjoint->program;
  bool same = true;
  for (int d = 0; d < dimensions; d++) same = same && index[d].axis == cell->index[d].axis;
  if (same) return value;
  IrIndex own[IR_MAX_DIMENSIONS], there[IR_MAX_DIMENSIONS];
  IrAxisSet axes = index_axes(index, dimensions);
  IrBuffer held =
      ir_temporary(program, arena_format(program->arena, "%s.adjoint.moved", cell->name), axes, index, dimensions, own);
  adjoint_assign(adjoint, held, own, value);
  IrValue here = IR_NONE;
  for (int d = 0; d < dimensions; d++) {
    IrIndex to = cell->index[d];
    IrValue place = IR_NONE;
    bool first = true;
    for (int e = 0; e < d; e++) first = first && index[e].axis != index[d].axis;
    if (index[d].axis == IR_NONE) place = ir_constant(program, index[d].constant);
    else if (first)
      for (int e = 0; e < program->buffers.items[held].dimensions; e++)
        if (own[e].axis == index[d].axis) there[e] = to;
    for (int e = 0; index[d].axis != IR_NONE && !first && e < d && place == IR_NONE; e++)
      if (index[e].axis == index[d].axis) place = ir_position(program, cell->index[e].axis);
    if (place == IR_NONE) continue;
    IrValue equal = operate(program, OP_EQUAL, ir_position(program, to.axis), place);
    here = here == IR_NONE ? equal : operate(program, OP_AND, here, equal);
  }
  IrValue moved = ir_read(program, held, there);
  return here == IR_NONE ? moved : ir_operation(program, OP_SELECT, here, moved, ir_constant(program, 0));
}

static bool is_active(void *context, IrProgram *program, IrValue leaf) {
  const Adjoint *adjoint = context;
  const IrValueInfo *info = info_of(program, leaf);
  return info->kind == VALUE_READ && (size_t)info->buffer < adjoint->count && adjoint->of[info->buffer].active;
}

static void add_contribution(void *context, IrProgram *program, IrValue leaf, IrValue value) {
  Adjoint *adjoint = context;
  IrValueInfo read = *info_of(program, leaf);
  AdjointBuffer *of = &adjoint->of[read.buffer];
  const IrBufferInfo *buffer = &program->buffers.items[read.buffer];
  int cell_number = 0, dimensions = buffer->dimensions - of->split;
  for (int d = 0; d < of->split; d++) cell_number = cell_number * (int)buffer->extent[d] + read.index[d].constant;
  AdjointCell *cell = &of->cells[cell_number];
  const IrIndex *index = read.index + of->split;
  if (!cell->has_index && __builtin_popcountll(index_axes(index, dimensions)) == dimensions) {
    memcpy(cell->index, index, sizeof(IrIndex) * (size_t)dimensions);
    cell->has_index = true;
  }
  choose_index(adjoint, read.buffer, cell);
  value = told_by_cell(adjoint, cell, index, dimensions, value);
  cell->total = cell->total == IR_NONE ? value : operate(program, OP_ADD, cell->total, value);
}

// ---- the sweep

static IrValue store(Adjoint *adjoint, const char *name, IrValue value) {
  IrProgram *program = adjoint->program;
  const IrStatement *statement = adjoint->statement;
  IrIndex index[IR_MAX_DIMENSIONS];
  IrBuffer buffer = ir_temporary(program, name, info_of(program, value)->axes, statement->index,
                                 program->buffers.items[statement->target].dimensions, index);
  adjoint_assign(adjoint, buffer, index, value);
  return ir_read(program, buffer, index);
}

static IrValue store_reductions(void *context, IrProgram *program, IrValue value) {
  Adjoint *adjoint = context;
  if (!adjoint_has_reduction(program, value) || !adjoint_may_store(program, info_of(program, value)->axes))
    return value;
  const char *target = program->buffers.items[adjoint->statement->target].name;
  return store(adjoint, arena_format(program->arena, "%s.adjoint.part", target), value);
}

// An adjoint that is exactly 0 where a condition does not hold stays so, whatever it is multiplied with, also where it
// has been stored.
static IrValue guarded(IrProgram *program, IrValue stored) {
  IrValue zero = ir_constant(program, 0);
  return ir_operation(program, OP_SELECT, operate(program, OP_NOT_EQUAL, stored, zero), stored, zero);
}

// A read, or one times factors without axes: as well computed again as stored.
static bool is_scaled_read(const IrProgram *program, IrValue value) {
  const IrValueInfo *info = info_of(program, value);
  if (info->kind == VALUE_READ || info->kind == VALUE_CONSTANT) return true;
  if (info->kind != VALUE_OPERATION || !info->axes) return false;
  if (info->operation == OP_NEGATE) return is_scaled_read(program, info->operand[0]);
  if (info->operation != OP_MULTIPLY) return false;
  for (int side = 0; side < 2; side++)
    if (!info_of(program, info->operand[side])->axes && !adjoint_has_reduction(program, info->operand[side]))
      return is_scaled_read(program, info->operand[!side]);
  return false;
}

void adjoint_reverse_value(Adjoint *adjoint, const IrStatement *statement, IrValue total) {
  IrProgram *program = adjoint->program;
  const IrBufferInfo *target = &program->buffers.items[statement->target];
  adjoint->statement = statement;
  adjoint->block = arena_format(program->arena, "adjoint of %s", statement->block ? statement->block : "step");
  IrAxisSet all = index_axes(statement->index, target->dimensions);
  bool is_timeless = !target->carried;
  IrValue seed = total;
  if (!is_scaled_read(program, total)) {
    seed = store(adjoint, arena_format(program->arena, "%s.adjoint", target->name), total);
    if (ir_is_sparse(program, total)) seed = guarded(program, seed);
  }
  IrAxisSet own = info_of(program, statement->value)->axes, lost = info_of(program, seed)->axes & ~own;
  double copies = ir_extent(program, all & ~own & ~info_of(program, seed)->axes);
  seed = ir_reduce(program, REDUCE_SUM, lost, seed);
  if (copies != 1) seed = operate(program, OP_MULTIPLY, ir_constant(program, copies), seed);
  IrValue result = statement->value;
  if (is_timeless && own == all) result = ir_read(program, statement->target, statement->index);
  IrReverse reverse = {.context = adjoint, .is_wanted = is_active, .found = add_contribution, .hold = store_reductions};
  ir_reverse(program, statement->value, result, seed, &reverse);
}

void adjoint_reverse_list(Adjoint *adjoint, const IrStatement *statements) {
  size_t count = 0;
  for (const IrStatement *statement = statements; statement; statement = statement->next) count++;
  const IrStatement **list = ARENA_ARRAY(adjoint->program->arena, const IrStatement *, count + 1);
  count = 0;
  for (const IrStatement *statement = statements; statement; statement = statement->next) list[count++] = statement;
  while (count-- > 0) {
    const IrStatement *statement = list[count];
    if (statement->kind == IR_STATEMENT_REPEAT) {
      adjoint_reverse_repeat(adjoint, statement);
      continue;
    }
    const AdjointBuffer *of = &adjoint->of[statement->target];
    if (of->active && of->cells->total != IR_NONE) adjoint_reverse_value(adjoint, statement, of->cells->total);
  }
}

// ---- after the sweep

static void finish_cell(Adjoint *adjoint, IrBuffer buffer, AdjointCell *cell) {
  IrProgram *program = adjoint->program;
  if (cell->slot == IR_NONE) return;
  if (cell->total == IR_NONE && !cell->assigned) { // it keeps what it has, wherever that is
    program->buffers.items[cell->slot].live_in = program->buffers.items[cell->slot].live_out = false;
    return;
  }
  choose_index(adjoint, buffer, cell);
  IrValue total = cell->total == IR_NONE ? ir_constant(program, 0) : cell->total;
  if (!cell->assigned) total = operate(program, OP_ADD, ir_read(program, cell->slot, cell->index), total);
  IrBufferInfo version = program->buffers.items[cell->slot];
  version.name = arena_format(program->arena, "%s.v1", version.name);
  version.origin = cell->slot;
  version.live_in = false;
  program->buffers.items[cell->slot].live_out = false;
  adjoint_assign(adjoint, ir_buffer(program, version), cell->index, total);
}

void adjoint_retire_values(IrProgram *program, const IrStatement *statements) {
  for (const IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_REPEAT) {
      adjoint_retire_values(program, statement->body);
      continue;
    }
    IrBufferInfo *target = &program->buffers.items[statement->target];
    if (target->role == ROLE_OUTPUT || target->role == ROLE_ADJOINT || target->role == ROLE_TANGENT) continue;
    target->role = ROLE_TEMPORARY;
    target->live_out = false;
    target->origin = IR_NONE;
  }
}

void pass_adjoint(IrProgram *program) {
  if (!adjoint_is_reversible(program)) return;
  adjoint_prepare(program);
  Adjoint adjoint = {.program = program, .count = program->buffers.count};
  adjoint.of = ARENA_ARRAY(program->arena, AdjointBuffer, adjoint.count);
  find_splits(&adjoint);
  begin_variables(&adjoint);
  size_t variables = adjoint.count;
  while (seed_list(&adjoint, program->statements)) continue;
  IrStatement **end = program->last;
  for (IrStatement *statement = program->statements; statement; statement = statement->next)
    if (statement->kind == IR_STATEMENT_REPEAT) adjoint_add_tapes(&adjoint, statement);
  adjoint_reverse_list(&adjoint, program->statements);
  IrStatement *reverse = *end;
  *end = NULL; // the forward statements alone
  adjoint_retire_values(program, program->statements);
  *end = reverse;
  adjoint.statement = NULL;
  adjoint.block = "adjoints";
  for (IrBuffer b = 0; (size_t)b < variables; b++)
    for (int c = 0; c < adjoint.of[b].cell_count; c++) finish_cell(&adjoint, b, &adjoint.of[b].cells[c]);
  for (size_t b = 0; b < variables; b++)
    if (adjoint_is_variable(&program->buffers.items[b])) program->buffers.items[b].live_out = false;
  ir_drop_surrogates(program);
  program->name = arena_format(program->arena, "%s.adjoint", program->name);
}
