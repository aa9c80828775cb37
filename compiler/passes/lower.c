// The pass `lower`: CheckedRule (semantics) and a network's sizes -> IrProgram of a step or a prediction. This file
// walks the blocks over the layers and makes statements; axes and buffers are made in lower_network.c, values in
// lower_expression.c. The order of a step: language.md, "Order of a step"; the unit neuron: "Unit neuron".
#include "compiler/passes/lower_context.h"
#include "compiler/passes/passes.h"

#include <string.h>

// ---- sets of what was seen

typedef struct {
  Arena *arena;
  const void **slots;
  size_t count, size;
} PointerSet;

static bool set_insert(PointerSet *set, const void *pointer) { // false: it was there
  if (2 * set->count >= set->size) {
    PointerSet larger = {set->arena, NULL, 0, set->size ? 2 * set->size : 64};
    larger.slots = ARENA_ARRAY(set->arena, const void *, larger.size);
    for (size_t i = 0; i < set->size; i++)
      if (set->slots[i]) set_insert(&larger, set->slots[i]);
    *set = larger;
  }
  uint64_t hash = (uint64_t)(uintptr_t)pointer * 0x9E3779B97F4A7C15u;
  size_t slot = (size_t)(hash ^ hash >> 32) & (set->size - 1);
  for (; set->slots[slot]; slot = (slot + 1) & (set->size - 1))
    if (set->slots[slot] == pointer) return false;
  set->slots[slot] = pointer;
  set->count++;
  return true;
}

// ---- which buffers a value reads, which lets an expression uses

static bool *reads_of(const Lowering *lowering, IrValue value) {
  const IrProgram *program = lowering->program;
  bool *reads = ARENA_ARRAY(lowering->scratch, bool, program->buffers.count + 1);
  ir_mark_reads(program, value, ARENA_ARRAY(lowering->scratch, bool, (size_t)value + 1), reads);
  return reads;
}

static bool uses_let(const CheckedRule *rule, const CheckedExpression *expression, int let, PointerSet *seen) {
  if (!expression || !set_insert(seen, expression)) return false;
  if (expression->kind == CHECKED_LET_READ &&
      (expression->let == let || uses_let(rule, rule->lets.items[expression->let].value, let, seen)))
    return true;
  for (int i = 0; i < IR_MAX_OPERANDS; i++)
    if (uses_let(rule, expression->operand[i], let, seen)) return true;
  return false;
}

// ---- let

static bool is_assigned_then_used(Lowering *lowering, const CheckedStatement *let, const bool *reads) {
  bool changed = false;
  PointerSet seen = {.arena = lowering->scratch};
  for (const CheckedStatement *later = let->next; later; later = later->next) {
    const CheckedExpression *value = later->is_let ? lowering->rule->lets.items[later->let].value : later->value;
    if (changed && uses_let(lowering->rule, value, let->let, &seen)) return true;
    if (later->is_let) continue;
    const CheckedVariable *variable = lower_variable(lowering, later->variable);
    IrBuffer target = lower_buffer(lowering, later->variable, later->side);
    changed = changed || reads[target];
    if (variable->bias)
      changed = changed || reads[*lower_slot(lowering, lowering->bias, later->variable, lowering->layer)];
  }
  return false;
}

static IrBuffer store_let(Lowering *lowering, const CheckedLet *let, bool in_unit_row, Span span, const char *block) {
  IrProgram *program = lowering->program;
  IrBufferInfo info = {.layer = lowering->layer, .role = ROLE_TEMPORARY, .origin = IR_NONE};
  info.name = arena_format(program->arena, "%s%d%s", let->name, lowering->layer, in_unit_row ? ".bias" : "");
  IrIndex index[IR_MAX_DIMENSIONS];
  IrAxisSet taken = 0;
  for (int i = 0; i < let->indices; i++) {
    IrAxis axis = lower_index_axis(lowering, let->index[i], taken);
    taken |= ir_axis_bit(axis);
    lowering->index[let->index[i]] = index[info.dimensions++] = (IrIndex){.axis = axis};
  }
  lowering->in_unit_row = in_unit_row;
  for (int axis = 0; axis < RULE_AXIS_FIRST_STATE; axis++)
    if ((let->value->axes >> axis & 1) && !(in_unit_row && axis == RULE_AXIS_PRE))
      index[info.dimensions++] = lower_axis(lowering, (RuleAxis)axis);
  for (int i = 0; i < info.dimensions; i++) {
    const IrAxisInfo *axis = &program->axes.items[index[i].axis];
    info.kind[i] = axis->kind;
    info.extent[i] = axis->extent;
    info.dimension_name[i] = axis->name;
  }
  IrValue value = lower_expression(lowering, let->value);
  lowering->in_unit_row = false;
  IrBuffer buffer = ir_buffer(program, info);
  ir_assign(program, buffer, index, value, span, block);
  return buffer;
}

static bool rule_has_bias(const CheckedRule *rule) {
  for (size_t i = 0; i < rule->variables.count; i++)
    if (rule->variables.items[i].bias) return true;
  return false;
}

// A value is written where it is used; only where something it reads is assigned between it gets a buffer.
static void lower_let(Lowering *lowering, const CheckedStatement *statement, const char *block) {
  const CheckedLet *let = &lowering->rule->lets.items[statement->let];
  IrAxisSet taken = 0;
  for (int i = 0; i < let->indices; i++) {
    IrAxis axis = lower_index_axis(lowering, let->index[i], taken);
    taken |= ir_axis_bit(axis);
    lowering->index[let->index[i]] = (IrIndex){.axis = axis};
  }
  bool has_twin = (let->value->axes >> RULE_AXIS_PRE & 1) && rule_has_bias(lowering->rule);
  bool stored = is_assigned_then_used(lowering, statement, reads_of(lowering, lower_expression(lowering, let->value)));
  if (!stored && has_twin) {
    lowering->in_unit_row = true;
    IrValue twin = lower_expression(lowering, let->value);
    lowering->in_unit_row = false;
    stored = is_assigned_then_used(lowering, statement, reads_of(lowering, twin));
  }
  if (!stored) return;
  LowerLet made = {IR_NONE, IR_NONE};
  made.rows = store_let(lowering, let, false, statement->span, block);
  if (has_twin) made.unit_row = store_let(lowering, let, true, statement->span, block);
  lowering->lets[statement->let] = made;
}

// ---- assignment

typedef struct {
  IrBuffer buffer;
  IrIndex index[IR_MAX_DIMENSIONS];
  IrValue value;
} Assignment;

static Assignment lower_assignment(Lowering *lowering, const CheckedStatement *statement, bool in_unit_row) {
  const CheckedVariable *variable = lower_variable(lowering, statement->variable);
  Assignment made = {.buffer = lower_buffer(lowering, statement->variable, statement->side)};
  if (in_unit_row) made.buffer = *lower_slot(lowering, lowering->bias, statement->variable, lowering->layer);
  IrAxisSet taken = 0;
  int dimensions = 0;
  for (int i = 0; i < variable->states; i++) {
    IrIndex index = {.axis = IR_NONE, .constant = (int32_t)statement->index[i].constant};
    if (statement->index[i].is_axis) {
      index.axis = lower_index_axis(lowering, statement->index[i].axis, taken);
      taken |= ir_axis_bit(index.axis);
      lowering->index[statement->index[i].axis] = index;
    }
    made.index[dimensions++] = index;
  }
  for (int i = 0; i < variable->axes; i++) {
    RuleAxis axis = statement->renamed[i];
    if (!(in_unit_row && axis == RULE_AXIS_PRE)) made.index[dimensions++] = lower_axis(lowering, axis);
  }
  lowering->in_unit_row = in_unit_row;
  made.value = lower_expression(lowering, statement->value);
  lowering->in_unit_row = false;
  return made;
}

// Replaces the value by a temporary of the target's shape, assigned now.
static void hold_value(Lowering *lowering, Assignment *assignment, Span span, const char *block) {
  IrProgram *program = lowering->program;
  IrBufferInfo target = program->buffers.items[assignment->buffer];
  IrBufferInfo info = {.layer = target.layer, .role = ROLE_TEMPORARY, .origin = IR_NONE};
  info.name = arena_format(program->arena, "%s.new", target.name);
  IrIndex index[IR_MAX_DIMENSIONS];
  for (int i = 0; i < target.dimensions; i++) {
    if (assignment->index[i].axis == IR_NONE) continue;
    info.kind[info.dimensions] = target.kind[i];
    info.extent[info.dimensions] = target.extent[i];
    info.dimension_name[info.dimensions] = target.dimension_name[i];
    index[info.dimensions++] = assignment->index[i];
  }
  IrBuffer buffer = ir_buffer(program, info);
  ir_assign(program, buffer, index, assignment->value, span, block);
  assignment->value = ir_read(program, buffer, index);
}

static void emit(Lowering *lowering, const Assignment *assignment, Span span, const char *block) {
  ir_assign(lowering->program, assignment->buffer, assignment->index, assignment->value, span, block);
}

// A synapse with `bias` has two buffers; both get their new values from what was before either.
static void lower_assign(Lowering *lowering, const CheckedStatement *statement, bool clamps, const char *block) {
  const CheckedVariable *variable = lower_variable(lowering, statement->variable);
  bool is_clamped = clamps && lowering->on_synapses && lowering->layer == 0 && variable->kind == CHECKED_NEURON &&
                    statement->side == SIDE_PRE;
  if (is_clamped) return;
  Assignment rows = lower_assignment(lowering, statement, false);
  if (!variable->bias) {
    emit(lowering, &rows, statement->span, block);
    return;
  }
  Assignment unit = lower_assignment(lowering, statement, true);
  bool unit_reads_rows = reads_of(lowering, unit.value)[rows.buffer];
  bool rows_read_unit = reads_of(lowering, rows.value)[unit.buffer];
  if (unit_reads_rows && rows_read_unit) hold_value(lowering, &unit, statement->span, block);
  bool unit_first = unit_reads_rows && !rows_read_unit;
  emit(lowering, unit_first ? &unit : &rows, statement->span, block);
  emit(lowering, unit_first ? &rows : &unit, statement->span, block);
}

// ---- blocks

static void lower_block_on(Lowering *lowering, const CheckedBlock *block, bool on_synapses, int layer) {
  if (lowering->failed) return;
  lower_move(lowering, on_synapses, layer);
  const char *name = arena_format(lowering->program->arena, "%s %d", block->name, layer);
  for (const CheckedStatement *statement = block->statements; statement; statement = statement->next) {
    if (statement->is_let) lower_let(lowering, statement, name);
    else lower_assign(lowering, statement, !block->all, name);
  }
}

static void lower_upward(Lowering *lowering, const CheckedBlock *block) {
  for (int layer = 0; layer + 1 < lowering->network->layers; layer++) lower_block_on(lowering, block, true, layer);
}

static void lower_downward(Lowering *lowering, const CheckedBlock *block) {
  for (int layer = lowering->network->layers - 2; layer >= 0; layer--) lower_block_on(lowering, block, true, layer);
}

static void lower_block(Lowering *lowering, const CheckedBlock *block) {
  int last = lowering->network->layers - 1;
  switch (block->kind) {
  case BLOCK_INPUT: lower_block_on(lowering, block, false, 0); break;
  case BLOCK_FEEDBACK: lower_block_on(lowering, block, false, last); break;
  case BLOCK_FORWARD:
  case BLOCK_UPDATE: lower_upward(lowering, block); break;
  case BLOCK_BACKWARD: lower_downward(lowering, block); break;
  case BLOCK_PASS:
    if (block->is_up) lower_upward(lowering, block);
    else lower_downward(lowering, block);
    break;
  case BLOCK_AT:
    for (int layer = 0; layer <= last; layer++)
      if (block->place == AT_EACH || layer == (block->place == AT_INPUT ? 0 : last))
        lower_block_on(lowering, block, false, layer);
    break;
  }
}

int64_t lower_runs_of(const CheckedStep *steps, int block) {
  int64_t runs = 0;
  for (const CheckedStep *step = steps; step; step = step->next)
    runs += step->block < 0 ? step->count * lower_runs_of(step->body, block) : step->block == block;
  return runs;
}

static void lower_steps(Lowering *lowering, const CheckedStep *steps);

// A region that runs several times; its counter is a buffer only where a block reads it.
static void lower_repeat(Lowering *lowering, const CheckedStep *step) {
  IrProgram *program = lowering->program;
  IrStatement **before = program->last;
  IrStatement *repeat = ir_repeat(program, step->count, IR_NONE, step->span, "repeat");
  LowerRepeat inside = {repeat, step, lowering->repeat};
  size_t blocks = lowering->rule->blocks.count;
  int64_t *before_it = ARENA_ARRAY(lowering->scratch, int64_t, blocks + 1);
  memcpy(before_it, lowering->runs, blocks * sizeof *before_it);
  program->last = &repeat->body;
  lowering->repeat = &inside;
  lower_steps(lowering, step->body);
  lowering->repeat = inside.outer;
  for (size_t block = 0; block < blocks; block++)
    lowering->runs[block] = before_it[block] + step->count * (lowering->runs[block] - before_it[block]);
  program->last = &repeat->next;
  if (repeat->body) return;
  *before = NULL; // nothing in it runs on this network
  program->last = before;
}

static void lower_steps(Lowering *lowering, const CheckedStep *steps) {
  for (const CheckedStep *step = steps; step; step = step->next) {
    if (step->block < 0) {
      lower_repeat(lowering, step);
      continue;
    }
    lowering->block = step->block;
    lower_block(lowering, &lowering->rule->blocks.items[step->block]);
    lowering->runs[step->block]++;
  }
}

// ---- the start of a step

// The axes of all dimensions of a buffer, for a statement on the whole of it.
static void whole_index(Lowering *lowering, int number, int layer, bool is_bias, IrIndex *index) {
  const CheckedVariable *variable = lower_variable(lowering, number);
  IrBuffer buffer = *lower_slot(lowering, is_bias ? lowering->bias : lowering->buffer, number, layer);
  IrBufferInfo info = lowering->program->buffers.items[buffer];
  lower_move(lowering, variable->kind == CHECKED_SYNAPSE, layer);
  IrAxisSet taken = 0;
  int dimension = 0;
  for (; dimension < variable->states; dimension++) {
    IrAxis axis = lower_state_axis(lowering, info.dimension_name[dimension], info.extent[dimension], taken);
    taken |= ir_axis_bit(axis);
    index[dimension] = (IrIndex){.axis = axis};
  }
  for (int i = 0; i < variable->axes; i++)
    if (!(is_bias && variable->axis[i] == RULE_AXIS_PRE)) index[dimension++] = lower_axis(lowering, variable->axis[i]);
}

static void start_from_zero(Lowering *lowering) {
  IrIndex index[IR_MAX_DIMENSIONS];
  IrValue zero = ir_constant(lowering->program, 0);
  for (int number = 0; (size_t)number < lowering->rule->variables.count; number++) {
    const CheckedVariable *variable = lower_variable(lowering, number);
    if (variable->kind != CHECKED_NEURON || variable->persistent) continue;
    for (int layer = 0; layer < lowering->network->layers; layer++) {
      whole_index(lowering, number, layer, false, index);
      IrBuffer buffer = *lower_slot(lowering, lowering->buffer, number, layer);
      ir_assign(lowering->program, buffer, index, zero, variable->span, "start");
    }
  }
}

static bool steps_assign(const CheckedRule *rule, const CheckedStep *steps, int variable) {
  for (const CheckedStep *step = steps; step; step = step->next) {
    if (step->block < 0) {
      if (steps_assign(rule, step->body, variable)) return true;
      continue;
    }
    for (const CheckedStatement *statement = rule->blocks.items[step->block].statements; statement;
         statement = statement->next)
      if (!statement->is_let && statement->variable == variable) return true;
  }
  return false;
}

static IrBuffer copy_buffer(Lowering *lowering, int number, int layer, bool is_bias) {
  IrIndex index[IR_MAX_DIMENSIONS];
  whole_index(lowering, number, layer, is_bias, index);
  IrBuffer original = *lower_slot(lowering, is_bias ? lowering->bias : lowering->buffer, number, layer);
  IrBufferInfo info = lowering->program->buffers.items[original];
  info.name = arena_format(lowering->program->arena, "%s.copy", info.name);
  info.variable = NULL;
  info.role = ROLE_TEMPORARY;
  info.live_in = info.live_out = info.is_bias = false;
  IrBuffer copy = ir_buffer(lowering->program, info);
  Span span = lower_variable(lowering, number)->span;
  ir_assign(lowering->program, copy, index, ir_read(lowering->program, original, index), span, "start");
  return copy;
}

// A prediction changes nothing that lives: what its blocks assign is copied first.
static void protect_living(Lowering *lowering) {
  const CheckedRule *rule = lowering->rule;
  int layers = lowering->network->layers;
  for (int number = 0; (size_t)number < rule->variables.count; number++) {
    const CheckedVariable *variable = lower_variable(lowering, number);
    bool by_layer = variable->kind == CHECKED_SYNAPSE || variable->kind == CHECKED_NEURON;
    bool lives = variable->kind == CHECKED_SYNAPSE || variable->kind == CHECKED_SIGNAL || variable->persistent;
    if (!lives || !steps_assign(rule, rule->predict_steps, number)) continue;
    for (int layer = 0; layer < layers; layer++) {
      IrBuffer *buffer = lower_slot(lowering, lowering->buffer, number, layer);
      IrBuffer *bias = lower_slot(lowering, lowering->bias, number, layer);
      if (*buffer == IR_NONE) continue;
      *buffer = by_layer || layer == 0 ? copy_buffer(lowering, number, layer, false) : buffer[-1];
      if (*bias != IR_NONE) *bias = copy_buffer(lowering, number, layer, true);
    }
  }
}

// ---- programs

static void lower_prediction(Lowering *lowering) {
  IrProgram *program = lowering->program;
  lower_move(lowering, false, lowering->network->layers - 1);
  IrIndex index[] = {lower_axis(lowering, RULE_AXIS_BATCH), lower_axis(lowering, RULE_AXIS_UNIT)};
  IrBufferInfo info = {.name = "prediction",
                       .variable = "prediction",
                       .layer = lowering->layer,
                       .role = ROLE_OUTPUT,
                       .live_out = true,
                       .origin = IR_NONE,
                       .dimensions = 2};
  for (int i = 0; i < 2; i++) {
    const IrAxisInfo *axis = &program->axes.items[index[i].axis];
    info.kind[i] = axis->kind;
    info.extent[i] = axis->extent;
    info.dimension_name[i] = axis->name;
  }
  IrValue value = lower_expression(lowering, lowering->rule->prediction);
  ir_assign(program, ir_buffer(program, info), index, value, lowering->rule->prediction->span, "predict");
}

static IrProgram *lower_program(Arena *arena, const CheckedRule *rule, const LowerNetwork *network,
                                DiagnosticSink *sink, bool training) {
  if (!lower_check_network(rule, network, sink)) return NULL;
  Lowering lowering = {.rule = rule, .network = network, .sink = sink, .scratch = arena_create(), .training = training};
  if (lower_begin(&lowering, arena, training ? "step" : "predict")) {
    start_from_zero(&lowering);
    if (!training) protect_living(&lowering);
    lowering.runs = ARENA_ARRAY(lowering.scratch, int64_t, rule->blocks.count + 1);
    lower_steps(&lowering, training ? rule->step : rule->predict_steps);
    lowering.block = -1;
    if (!training) lower_prediction(&lowering);
  }
  arena_destroy(lowering.scratch);
  if (lowering.failed) return NULL;
  if (rule->surrogates.count && !network->differentiable) ir_drop_surrogates(lowering.program);
  return lowering.program;
}

IrProgram *lower_step(Arena *arena, const CheckedRule *rule, const LowerNetwork *network, DiagnosticSink *sink) {
  return lower_program(arena, rule, network, sink, true);
}

IrProgram *lower_predict(Arena *arena, const CheckedRule *rule, const LowerNetwork *network, DiagnosticSink *sink) {
  return lower_program(arena, rule, network, sink, false);
}
