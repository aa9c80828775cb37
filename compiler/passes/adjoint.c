// adjoint: from a program to its reverse. Expects versions (every buffer assigned once, whole). After it the program
// holds the forward statements and behind them, in reverse order, statements for the derivatives of a loss:
//
//   buffer "w0.0.adjoint" in out: before the program the derivative of the loss by w0.0 as the program leaves it,
//   after it the derivative by w0.0 as the program finds it; so for every variable that lives in (synapses, genome,
//   persistent neurons, signals). What the program does not assign keeps what it had: contributions add up. A genome
//   array that is read element by element has a buffer an element ("nu.0.1.adjoint").
//   A scalar of role OUTPUT ("loss") is an objective: "loss.adjoint" in is the weight that it is differentiated with.
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

// The adjoint of a buffer, or of one state of it.
typedef struct {
  const char *name;                 // of the buffer, and of the state
  IrIndex index[IR_MAX_DIMENSIONS]; // the axes that `total` is told by: one a dimension after the split states
  bool has_index;
  IrValue total; // sum of the contributions so far, IR_NONE: none
  IrBuffer slot; // of a variable: "w0.0.adjoint"; IR_NONE
  bool assigned; // the program makes a new value of the variable
} Cell;

typedef struct {
  Cell *cells;
  int cell_count;
  int split;   // leading dimensions that are states, each combination a cell of its own
  bool active; // what it holds depends on a variable
} BufferAdjoint;

typedef struct {
  IrProgram *program;
  BufferAdjoint *of; // [buffer of the forward statements]
  size_t count;
  const IrStatement *statement; // being reversed
  const char *block;
} Adjoint;

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

// An array of states (of the genome) that all reads name by constants is split.
static void find_splits(Adjoint *adjoint) {
  enum { MOST_CELLS = 256 };
  const IrProgram *program = adjoint->program;
  for (size_t b = 0; b < adjoint->count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    int states = buffer->states ? 0 : state_dimensions(buffer);
    double cells = 1;
    for (int d = 0; d < states; d++) cells *= (double)buffer->extent[d];
    adjoint->of[b].split = cells <= MOST_CELLS ? states : 0;
  }
  for (const IrStatement *statement = program->statements; statement; statement = statement->next) {
    adjoint->of[statement->target].split = 0;
    IrOrder order = ir_order(program, statement->value, NULL, NULL);
    for (size_t i = 0; i < order.count; i++) {
      const IrValueInfo *read = info_of(program, order.values[i]);
      if (read->kind != VALUE_READ) continue;
      BufferAdjoint *of = &adjoint->of[read->buffer];
      for (int d = 0; d < of->split; d++)
        if (read->index[d].axis != IR_NONE) of->split = 0;
    }
    ir_order_free(&order);
  }
}

static void make_cells(Adjoint *adjoint, IrBuffer buffer) {
  IrProgram *program = adjoint->program;
  BufferAdjoint *of = &adjoint->of[buffer];
  IrBufferInfo info = program->buffers.items[buffer];
  of->cell_count = 1;
  for (int d = 0; d < of->split; d++) of->cell_count *= (int)info.extent[d];
  of->cells = ARENA_ARRAY(program->arena, Cell, of->cell_count);
  for (int c = 0; c < of->cell_count; c++) {
    Cell *cell = &of->cells[c];
    cell->name = info.name;
    int64_t below = of->cell_count;
    for (int d = 0; d < of->split; d++) {
      below /= info.extent[d];
      cell->name = arena_format(program->arena, "%s.%lld", cell->name, (long long)(c / below % info.extent[d]));
    }
    cell->total = cell->slot = IR_NONE;
  }
}

// The buffer of a cell's adjoint: what is left of the buffer's dimensions.
static IrBufferInfo cell_buffer(const Adjoint *adjoint, IrBuffer buffer, const Cell *cell, IrRole role) {
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
static void choose_index(Adjoint *adjoint, IrBuffer buffer, Cell *cell) {
  IrProgram *program = adjoint->program;
  if (cell->has_index) return;
  IrBufferInfo info = cell_buffer(adjoint, buffer, cell, ROLE_ADJOINT);
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
    BufferAdjoint *of = &adjoint->of[b];
    make_cells(adjoint, b);
    if (!adjoint_is_variable(&program->buffers.items[b])) continue;
    of->active = true;
    for (int c = 0; c < of->cell_count; c++) {
      IrBufferInfo info = cell_buffer(adjoint, b, &of->cells[c], ROLE_ADJOINT);
      info.live_in = info.live_out = true;
      of->cells[c].slot = ir_buffer(program, info);
    }
  }
}

// What stands before the sweep: the adjoints of what lives out.
static void seed_target(Adjoint *adjoint, const IrStatement *statement) {
  IrProgram *program = adjoint->program;
  const IrBufferInfo *target = &program->buffers.items[statement->target];
  Cell *cell = adjoint->of[statement->target].cells;
  memcpy(cell->index, statement->index, sizeof cell->index);
  cell->has_index = true;
  IrBuffer variable = adjoint_variable_of(program, statement->target);
  if (variable != IR_NONE && !adjoint->of[variable].split) {
    Cell *before = adjoint->of[variable].cells;
    before->assigned = true;
    cell->total = ir_read(program, before->slot, cell->index);
  } else if (is_objective(target)) {
    IrBufferInfo weight = cell_buffer(adjoint, statement->target, cell, ROLE_ADJOINT);
    if (target->origin != IR_NONE) // the objective's own name, not its version's
      weight.name = arena_format(program->arena, "%s.adjoint", program->buffers.items[target->origin].name);
    weight.live_in = true;
    cell->total = ir_read(program, ir_buffer(program, weight), cell->index);
  }
}

// ---- contributions

static void assign(Adjoint *adjoint, IrBuffer target, const IrIndex *index, IrValue value) {
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
static IrValue told_by_cell(Adjoint *adjoint, const Cell *cell, const IrIndex *index, int dimensions, IrValue value) {
  IrProgram *program = adjoint->program;
  bool same = true;
  for (int d = 0; d < dimensions; d++) same = same && index[d].axis == cell->index[d].axis;
  if (same) return value;
  IrIndex own[IR_MAX_DIMENSIONS], there[IR_MAX_DIMENSIONS];
  IrAxisSet axes = index_axes(index, dimensions);
  IrBuffer held =
      ir_temporary(program, arena_format(program->arena, "%s.adjoint.moved", cell->name), axes, index, dimensions, own);
  assign(adjoint, held, own, value);
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
  BufferAdjoint *of = &adjoint->of[read.buffer];
  const IrBufferInfo *buffer = &program->buffers.items[read.buffer];
  int cell_number = 0, dimensions = buffer->dimensions - of->split;
  for (int d = 0; d < of->split; d++) cell_number = cell_number * (int)buffer->extent[d] + read.index[d].constant;
  Cell *cell = &of->cells[cell_number];
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
  assign(adjoint, buffer, index, value);
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

static void reverse_statement(Adjoint *adjoint, const IrStatement *statement) {
  IrProgram *program = adjoint->program;
  Cell *cell = adjoint->of[statement->target].cells;
  if (cell->total == IR_NONE || !adjoint->of[statement->target].active) return;
  adjoint->statement = statement;
  adjoint->block = arena_format(program->arena, "adjoint of %s", statement->block ? statement->block : "step");
  IrValue total = cell->total, seed = total;
  if (!is_scaled_read(program, total)) {
    seed = store(adjoint, arena_format(program->arena, "%s.adjoint", cell->name), total);
    if (ir_is_sparse(program, total)) seed = guarded(program, seed);
  }
  IrAxisSet lost = info_of(program, seed)->axes & ~info_of(program, statement->value)->axes;
  IrAxisSet all = index_axes(statement->index, program->buffers.items[statement->target].dimensions);
  double copies = ir_extent(program, all & ~info_of(program, statement->value)->axes & ~info_of(program, seed)->axes);
  seed = ir_reduce(program, REDUCE_SUM, lost, seed);
  if (copies != 1) seed = operate(program, OP_MULTIPLY, ir_constant(program, copies), seed);
  IrValue result = ir_read(program, statement->target, statement->index);
  if (info_of(program, statement->value)->axes != all) result = statement->value;
  IrReverse reverse = {.context = adjoint, .is_wanted = is_active, .found = add_contribution, .hold = store_reductions};
  ir_reverse(program, statement->value, result, seed, &reverse);
}

// ---- after the sweep

static void finish_cell(Adjoint *adjoint, IrBuffer buffer, Cell *cell) {
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
  assign(adjoint, ir_buffer(program, version), cell->index, total);
}

// The forward statements make temporaries now: only what the reverse ones read of them is wanted.
static void retire_forward(Adjoint *adjoint, const IrStatement *statement) {
  IrBufferInfo *target = &adjoint->program->buffers.items[statement->target];
  if (target->role == ROLE_OUTPUT) return;
  target->role = ROLE_TEMPORARY;
  target->live_out = false;
  target->origin = IR_NONE;
}

void pass_adjoint(IrProgram *program) {
  if (!adjoint_is_reversible(program)) return;
  adjoint_prepare(program);
  Adjoint adjoint = {.program = program, .count = program->buffers.count};
  adjoint.of = ARENA_ARRAY(program->arena, BufferAdjoint, adjoint.count);
  find_splits(&adjoint);
  begin_variables(&adjoint);
  size_t count = 0;
  for (const IrStatement *statement = program->statements; statement; statement = statement->next) {
    adjoint.of[statement->target].active = reads_active(&adjoint, statement->value);
    seed_target(&adjoint, statement);
    count++;
  }
  const IrStatement **forward = ARENA_ARRAY(program->arena, const IrStatement *, count);
  count = 0;
  for (const IrStatement *statement = program->statements; statement; statement = statement->next)
    forward[count++] = statement;
  for (size_t i = count; i-- > 0;) reverse_statement(&adjoint, forward[i]);
  adjoint.statement = NULL;
  adjoint.block = "adjoints";
  for (IrBuffer b = 0; (size_t)b < adjoint.count; b++)
    for (int c = 0; c < adjoint.of[b].cell_count; c++) finish_cell(&adjoint, b, &adjoint.of[b].cells[c]);
  for (size_t i = 0; i < count; i++) retire_forward(&adjoint, forward[i]);
  for (size_t b = 0; b < adjoint.count; b++)
    if (adjoint_is_variable(&program->buffers.items[b])) program->buffers.items[b].live_out = false;
  ir_drop_surrogates(program);
  program->name = arena_format(program->arena, "%s.adjoint", program->name);
}
