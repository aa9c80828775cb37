// The pass `lower`, expressions: a checked expression on one layer becomes a value of the program. Choices on constants
// (`if last then p else q`) lower only the chosen side; `pre` in the unit neuron's row is gone: neuron variables read 1
// there, synapses their bias row.
#include "compiler/passes/lower_context.h"

#include <string.h>

// ---- memory of what was lowered: an expression may be used many times

typedef struct {
  const CheckedExpression *expression;
  bool in_unit_row;
  int indices; // of its free state indices: what they stand for
  IrIndex *index;
  IrValue value;
} MemoEntry;

struct LowerMemo {
  MemoEntry *entries; // hash table, expression NULL: free
  size_t count, size;
};

void lower_forget(Lowering *lowering) {
  if (lowering->memo && lowering->memo->count)
    memset(lowering->memo->entries, 0, lowering->memo->size * sizeof(MemoEntry));
  if (lowering->memo) lowering->memo->count = 0;
}

static size_t memo_hash(const CheckedExpression *expression, bool in_unit_row) {
  uint64_t hash = ((uint64_t)(uintptr_t)expression ^ in_unit_row) * 0x9E3779B97F4A7C15u;
  return (size_t)(hash ^ hash >> 32);
}

static void memo_insert(LowerMemo *memo, MemoEntry entry) {
  size_t slot = memo_hash(entry.expression, entry.in_unit_row) & (memo->size - 1);
  while (memo->entries[slot].expression) slot = (slot + 1) & (memo->size - 1);
  memo->entries[slot] = entry;
  memo->count++;
}

static void memo_grow(Lowering *lowering) {
  LowerMemo *memo = lowering->memo;
  if (!memo) memo = lowering->memo = ARENA_NEW(lowering->scratch, LowerMemo);
  if (2 * memo->count < memo->size) return;
  MemoEntry *old = memo->entries;
  size_t old_size = memo->size;
  memo->size = old_size ? 2 * old_size : 256;
  memo->entries = ARENA_ARRAY(lowering->scratch, MemoEntry, memo->size);
  memo->count = 0;
  for (size_t i = 0; i < old_size; i++)
    if (old[i].expression) memo_insert(memo, old[i]);
}

static int free_indices(const Lowering *lowering, const CheckedExpression *expression, IrIndex *index) {
  int count = 0;
  for (int axis = RULE_AXIS_FIRST_STATE; axis < 64; axis++)
    if (expression->axes >> axis & 1) index[count++] = lowering->index[axis];
  return count;
}

static bool same_indices(const IrIndex *x, const IrIndex *y, int count) {
  for (int i = 0; i < count; i++)
    if (x[i].axis != y[i].axis || (x[i].axis == IR_NONE && x[i].constant != y[i].constant)) return false;
  return true;
}

static const MemoEntry *memo_find(const Lowering *lowering, const CheckedExpression *expression, const IrIndex *index,
                                  int indices) {
  const LowerMemo *memo = lowering->memo;
  size_t slot = memo_hash(expression, lowering->in_unit_row) & (memo->size - 1);
  for (; memo->entries[slot].expression; slot = (slot + 1) & (memo->size - 1)) {
    const MemoEntry *entry = &memo->entries[slot];
    if (entry->expression == expression && entry->in_unit_row == lowering->in_unit_row && entry->indices == indices &&
        same_indices(entry->index, index, indices))
      return entry;
  }
  return NULL;
}

// ---- leaves

static IrValue scalar_or_truth(Lowering *lowering, const CheckedExpression *expression, bool truth) {
  return expression->is_truth ? ir_truth(lowering->program, truth) : ir_constant(lowering->program, truth);
}

static IrValue lower_scalar(Lowering *lowering, const CheckedExpression *expression) {
  const LowerNetwork *network = lowering->network;
  int top = network->layers - 1, layer = lowering->layer;
  const int64_t *units = network->units;
  double number = 0;
  switch (expression->scalar) {
  case SCALAR_FIRST: return scalar_or_truth(lowering, expression, layer == 0);
  case SCALAR_LAST: return scalar_or_truth(lowering, expression, layer == (lowering->on_synapses ? top - 1 : top));
  case SCALAR_TRAINING: return scalar_or_truth(lowering, expression, lowering->training);
  case SCALAR_BIAS: return scalar_or_truth(lowering, expression, lowering->in_unit_row);
  case SCALAR_STEP: return ir_step(lowering->program);
  case SCALAR_LAYER: number = layer; break;
  case SCALAR_LAYERS: number = top; break;
  case SCALAR_FAN_IN: number = (double)units[lowering->on_synapses || layer == 0 ? layer : layer - 1]; break;
  case SCALAR_FAN_OUT: number = (double)units[layer < top ? layer + 1 : layer]; break;
  case SCALAR_INPUTS: number = (double)units[0]; break;
  case SCALAR_OUTPUTS: number = (double)units[top]; break;
  case SCALAR_BATCH_SIZE: number = (double)network->batch; break;
  }
  return ir_constant(lowering->program, number);
}

IrIndex lower_index(const Lowering *lowering, const CheckedIndex *index) {
  if (index->is_axis) return lowering->index[index->axis];
  return (IrIndex){.axis = IR_NONE, .constant = (int32_t)index->constant};
}

static IrValue lower_position(Lowering *lowering, RuleAxis axis) {
  if (axis == RULE_AXIS_PRE && lowering->in_unit_row)
    return ir_constant(lowering->program, (double)lower_named_extent(lowering, RULE_AXIS_PRE));
  IrIndex index = lower_axis(lowering, axis);
  return index.axis == IR_NONE ? ir_constant(lowering->program, index.constant)
                               : ir_position(lowering->program, index.axis);
}

// The round of a repeat, from 0.
static IrValue lower_round(Lowering *lowering, LowerRepeat *repeat) {
  if (repeat->statement->counter == IR_NONE) {
    int counter = repeat->step->counter;
    IrBufferInfo info = {.layer = -1, .role = ROLE_TEMPORARY, .origin = IR_NONE};
    info.name = counter < 0 ? "round" : lowering->rule->counters.items[counter].name;
    repeat->statement->counter = ir_buffer(lowering->program, info);
  }
  return ir_read(lowering->program, repeat->statement->counter, NULL);
}

static IrValue lower_counter(Lowering *lowering, int counter) {
  LowerRepeat *repeat = lowering->repeat;
  while (repeat && repeat->step->counter != counter) repeat = repeat->outer;
  return repeat ? lower_round(lowering, repeat) : ir_constant(lowering->program, 0); // there is one: steps.c
}

// How often the block at hand has run before in this step: that of the first rounds, and what each round of the repeats
// around adds. A block that runs in one repeat only counts its rounds.
static IrValue lower_iteration(Lowering *lowering) {
  IrProgram *program = lowering->program;
  if (lowering->block < 0) return ir_constant(program, 0);
  IrValue sum = ir_constant(program, (double)lowering->runs[lowering->block]);
  for (LowerRepeat *repeat = lowering->repeat; repeat; repeat = repeat->outer) {
    IrValue runs = ir_constant(program, (double)lower_runs_of(repeat->step->body, lowering->block));
    IrValue turned = ir_operation(program, OP_MULTIPLY, lower_round(lowering, repeat), runs, IR_NONE);
    bool is_zero = program->values.items[sum].kind == VALUE_CONSTANT && program->values.items[sum].number == 0;
    sum = is_zero ? turned : ir_operation(program, OP_ADD, sum, turned, IR_NONE);
  }
  return sum;
}

// Over `pre` of a synapse layer the unit neuron always has an element, the last: so draws do not depend on who binds
// `pre`.
static IrValue lower_noise(Lowering *lowering, const CheckedExpression *expression) {
  static const RuleAxis order[] = {RULE_AXIS_BATCH,  RULE_AXIS_PRE,  RULE_AXIS_POST, RULE_AXIS_UNIT,
                                   RULE_AXIS_OUTPUT, RULE_AXIS_PRE2, RULE_AXIS_POST2};
  IrNoise noise = {.draw = expression->draw, .place = expression->place, .layer = lowering->layer};
  double elements = 1;
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    if (!(expression->reduced >> order[i] & 1)) continue;
    int64_t extent = lower_named_extent(lowering, order[i]);
    bool in_row = order[i] == RULE_AXIS_PRE && lowering->in_unit_row;
    noise.index[noise.dimensions] =
        in_row ? (IrIndex){.axis = IR_NONE, .constant = (int32_t)extent} : lower_axis(lowering, order[i]);
    noise.extent[noise.dimensions] = (int32_t)extent + (order[i] == RULE_AXIS_PRE);
    elements *= noise.extent[noise.dimensions++];
  }
  for (int i = 0; i < expression->dimensions; i++) {
    const CheckedIndex *index = &expression->index[i];
    noise.index[noise.dimensions] = lower_index(lowering, index);
    noise.extent[noise.dimensions] =
        index->is_axis ? (int32_t)lowering->rule->axes.items[index->axis].extent : expression->extent[i];
    elements *= noise.extent[noise.dimensions++];
  }
  if (elements <= 0x1p32) return ir_noise(lowering->program, &noise, lower_iteration(lowering));
  if (!lowering->failed && lowering->sink)
    diagnostic_help(lowering->sink,
                    diagnostic_report(lowering->sink, DIAGNOSTIC_network_noise, expression->span, lowering->layer),
                    "draw it over fewer axes");
  lowering->failed = true;
  return ir_constant(lowering->program, 0);
}

static IrValue lower_read(Lowering *lowering, const CheckedExpression *expression) {
  if (!lowering->buffer) return lower_initial_read(lowering, expression);
  const CheckedVariable *variable = lower_variable(lowering, expression->variable);
  IrBuffer buffer = lower_buffer(lowering, expression->variable, expression->side);
  IrIndex index[IR_MAX_DIMENSIONS];
  bool is_unit = false;
  int dimensions = 0;
  for (int i = 0; i < variable->states; i++) index[dimensions++] = lower_index(lowering, &expression->index[i]);
  for (int i = 0; i < variable->axes; i++) {
    RuleAxis axis = expression->renamed[i];
    if (axis == RULE_AXIS_PRE && lowering->in_unit_row) is_unit = true;
    else index[dimensions++] = lower_axis(lowering, axis);
  }
  if (is_unit) {
    if (!checked_is_synaptic(variable)) return ir_constant(lowering->program, 1);
    buffer = *lower_slot(lowering, lowering->bias, expression->variable, lowering->layer);
    // A synapse without the row is never used there: only the unneeded twin of a `let` comes here.
    if (buffer == IR_NONE) return ir_constant(lowering->program, 0);
  }
  return ir_read(lowering->program, buffer, index);
}

// A `let` stands for its value with these indices; one that has a buffer is read from it.
static IrValue lower_let_read(Lowering *lowering, const CheckedExpression *expression) {
  const CheckedLet *let = &lowering->rule->lets.items[expression->let];
  IrIndex index[IR_MAX_DIMENSIONS], saved[IR_MAX_DIMENSIONS];
  for (int i = 0; i < let->indices; i++) index[i] = lower_index(lowering, &expression->index[i]);
  bool has_pre = let->value->axes >> RULE_AXIS_PRE & 1;
  LowerLet stored = lowering->lets[expression->let];
  if (stored.rows != IR_NONE) {
    bool in_unit_row = lowering->in_unit_row && has_pre;
    int dimensions = let->indices;
    for (int axis = 0; axis < RULE_AXIS_FIRST_STATE; axis++)
      if ((let->value->axes >> axis & 1) && !(in_unit_row && axis == RULE_AXIS_PRE))
        index[dimensions++] = lower_axis(lowering, (RuleAxis)axis);
    IrBuffer buffer = in_unit_row ? stored.unit_row : stored.rows;
    return buffer == IR_NONE ? ir_constant(lowering->program, 0) : ir_read(lowering->program, buffer, index);
  }
  for (int i = 0; i < let->indices; i++) saved[i] = lowering->index[let->index[i]];
  for (int i = 0; i < let->indices; i++) lowering->index[let->index[i]] = index[i];
  IrValue value = lower_expression(lowering, let->value);
  for (int i = 0; i < let->indices; i++) lowering->index[let->index[i]] = saved[i];
  return value;
}

// ---- operations

static int known_truth(const Lowering *lowering, IrValue value) {
  const IrValueInfo *node = &lowering->program->values.items[value];
  return node->kind == VALUE_CONSTANT ? node->number != 0 : -1;
}

static IrValue lower_operation(Lowering *lowering, const CheckedExpression *expression) {
  IrValue operand[IR_MAX_OPERANDS] = {IR_NONE, IR_NONE, IR_NONE};
  operand[0] = lower_expression(lowering, expression->operand[0]);
  int truth = known_truth(lowering, operand[0]);
  switch (expression->operation) {
  case OP_SELECT:
    if (truth >= 0) return lower_expression(lowering, expression->operand[truth ? 1 : 2]);
    break;
  case OP_AND:
  case OP_OR:
    if (truth >= 0 && truth == (expression->operation == OP_OR)) return operand[0];
    break;
  default: break;
  }
  for (int i = 1; i < ir_operation_arity(expression->operation); i++)
    operand[i] = lower_expression(lowering, expression->operand[i]);
  return ir_operation(lowering->program, expression->operation, operand[0], operand[1], operand[2]);
}

// ---- reductions

// Over axes that the body may lack: there it is the same for each element.
static IrValue reduce(Lowering *lowering, IrReduction reduction, IrAxisSet axes, IrValue body) {
  IrProgram *program = lowering->program;
  IrAxisSet present = axes & program->values.items[body].axes;
  double copies = 1;
  for (IrAxis axis = 0; (size_t)axis < program->axes.count; axis++)
    if (axes & ~present & ir_axis_bit(axis)) copies *= (double)program->axes.items[axis].extent;
  if (reduction == REDUCE_ARGMAX && !present) return ir_constant(program, 0);
  IrValue value = ir_reduce(program, reduction, present, body);
  if (copies == 1) return value;
  if (reduction == REDUCE_SUM) return ir_operation(program, OP_MULTIPLY, ir_constant(program, copies), value, IR_NONE);
  if (reduction == REDUCE_PRODUCT) return ir_operation(program, OP_POWER, value, ir_constant(program, copies), IR_NONE);
  return value;
}

// Adds the unit neuron's element to a reduction over the other rows.
static IrValue with_unit_row(Lowering *lowering, IrReduction reduction, IrAxisSet axes, IrValue rows, IrValue body,
                             IrValue unit) {
  IrProgram *program = lowering->program;
  switch (reduction) {
  case REDUCE_SUM: return ir_operation(program, OP_ADD, rows, unit, IR_NONE);
  case REDUCE_PRODUCT: return ir_operation(program, OP_MULTIPLY, rows, unit, IR_NONE);
  case REDUCE_MAXIMUM: return ir_operation(program, OP_MAXIMUM, rows, unit, IR_NONE);
  case REDUCE_MINIMUM: return ir_operation(program, OP_MINIMUM, rows, unit, IR_NONE);
  case REDUCE_ARGMAX: break;
  }
  IrValue largest = reduce(lowering, REDUCE_MAXIMUM, axes, body);
  IrValue is_unit = ir_operation(program, OP_GREATER, unit, largest, IR_NONE);
  IrValue place = ir_constant(program, (double)lower_named_extent(lowering, RULE_AXIS_PRE));
  return ir_operation(program, OP_SELECT, is_unit, place, rows);
}

static IrValue lower_reduce(Lowering *lowering, const CheckedExpression *expression) {
  IrIndex saved[64];
  memcpy(saved, lowering->index, sizeof saved);
  bool saved_row = lowering->in_unit_row, over_pre = expression->reduced >> RULE_AXIS_PRE & 1;
  if (over_pre) lowering->in_unit_row = false;
  IrAxisSet avoid = lower_axis_set(lowering, expression->axes & ~expression->reduced), states = 0;
  for (int axis = RULE_AXIS_FIRST_STATE; axis < 64; axis++) {
    if (!(expression->reduced >> axis & 1)) continue;
    IrAxis own = lower_index_axis(lowering, (RuleAxis)axis, avoid | states);
    states |= ir_axis_bit(own);
    lowering->index[axis] = (IrIndex){.axis = own};
  }
  RuleAxisSet named = expression->reduced & (((RuleAxisSet)1 << RULE_AXIS_FIRST_STATE) - 1);
  IrAxisSet axes = states | lower_axis_set(lowering, named);
  IrValue body = lower_expression(lowering, expression->operand[0]);
  IrValue value = reduce(lowering, expression->reduction, axes, body);
  if (over_pre && expression->with_bias) {
    lowering->in_unit_row = true;
    IrValue unit = lower_expression(lowering, expression->operand[0]);
    IrAxisSet others = axes & ~ir_axis_bit(lower_axis(lowering, RULE_AXIS_PRE).axis);
    if (others) unit = reduce(lowering, expression->reduction, others, unit);
    value = with_unit_row(lowering, expression->reduction, axes, value, body, unit);
  }
  lowering->in_unit_row = saved_row;
  memcpy(lowering->index, saved, sizeof saved);
  return value;
}

static IrValue lower_count(Lowering *lowering, const CheckedExpression *expression) {
  double count = 1;
  for (int axis = 0; axis < 64; axis++) {
    if (!(expression->reduced >> axis & 1)) continue;
    if (axis >= RULE_AXIS_FIRST_STATE) count *= (double)lowering->rule->axes.items[axis].extent;
    else
      count *= (double)lower_named_extent(lowering, (RuleAxis)axis) + (axis == RULE_AXIS_PRE && expression->with_bias);
  }
  return ir_constant(lowering->program, count);
}

// ---- derivatives. An argument with the axis `pre` is two: its rows, and its row of the unit neuron.

static IrValue lower_argument(Lowering *lowering, const CheckedExpression *expression, bool in_unit_row) {
  in_unit_row = in_unit_row && (expression->axes >> RULE_AXIS_PRE & 1);
  return ir_argument(lowering->program, 2 * expression->argument + in_unit_row,
                     lower_axis_set(lowering, expression->axes), expression->is_truth);
}

static IrValue lower_gradient(Lowering *lowering, const CheckedExpression *expression) {
  IrProgram *program = lowering->program;
  const CheckedExpression *at = expression->operand[1];
  // The argument's axes, which may be more than those of what stands in its place.
  bool has_pre = expression->axes >> RULE_AXIS_PRE & 1, saved = lowering->in_unit_row;
  int rows = 2 * expression->argument, wanted = rows + (saved && has_pre);
  IrValue value = ir_gradient(program, lower_expression(lowering, expression->operand[0]), wanted);
  for (int row = 0; row <= (int)has_pre; row++) {
    lowering->in_unit_row = has_pre ? row == 1 : saved;
    value = ir_substitute_argument(program, value, rows + row, lower_expression(lowering, at));
  }
  lowering->in_unit_row = saved;
  return value;
}

// ----

static IrValue lower_anew(Lowering *lowering, const CheckedExpression *expression) {
  switch (expression->kind) {
  case CHECKED_NUMBER:
    return expression->is_truth ? ir_truth(lowering->program, expression->number != 0)
                                : ir_constant(lowering->program, expression->number);
  case CHECKED_BUILTIN: return lower_scalar(lowering, expression);
  case CHECKED_POSITION: return lower_position(lowering, expression->axis);
  case CHECKED_COUNTER: return lower_counter(lowering, expression->counter);
  case CHECKED_READ: return lower_read(lowering, expression);
  case CHECKED_LET_READ: return lower_let_read(lowering, expression);
  case CHECKED_OPERATION: return lower_operation(lowering, expression);
  case CHECKED_REDUCE: return lower_reduce(lowering, expression);
  case CHECKED_COUNT: return lower_count(lowering, expression);
  case CHECKED_NOISE: return lower_noise(lowering, expression);
  case CHECKED_ARGUMENT: return lower_argument(lowering, expression, lowering->in_unit_row);
  case CHECKED_GRADIENT: return lower_gradient(lowering, expression);
  }
  return ir_constant(lowering->program, 0);
}

IrValue lower_expression(Lowering *lowering, const CheckedExpression *expression) {
  IrIndex index[64];
  int indices = free_indices(lowering, expression, index);
  memo_grow(lowering);
  const MemoEntry *known = memo_find(lowering, expression, index, indices);
  if (known) return known->value;
  bool in_unit_row = lowering->in_unit_row;
  IrValue value = lower_anew(lowering, expression);
  IrIndex *kept = indices ? ARENA_ARRAY(lowering->scratch, IrIndex, indices) : NULL;
  if (indices) memcpy(kept, index, (size_t)indices * sizeof *kept);
  memo_grow(lowering);
  memo_insert(lowering->memo, (MemoEntry){expression, in_unit_row, indices, kept, value});
  return value;
}
