// The pass `lower`, initial values: an expression of constants, sizes and genome values becomes a number, or a small
// program that makes it of the genome values. Used by plan.c, for every variable on every layer.
#include "compiler/passes/lower_context.h"

#include <string.h>

static IrBuffer find_buffer(const IrProgram *program, const char *variable) {
  for (size_t i = 0; i < program->buffers.count; i++)
    if (!strcmp(program->buffers.items[i].variable, variable)) return (IrBuffer)i;
  return IR_NONE;
}

IrValue lower_initial_read(Lowering *lowering, const CheckedExpression *expression) {
  const CheckedVariable *variable = lower_variable(lowering, expression->variable);
  IrBuffer buffer = find_buffer(lowering->program, variable->name);
  IrIndex index[IR_MAX_DIMENSIONS];
  for (int i = 0; i < variable->states; i++) index[i] = lower_index(lowering, &expression->index[i]);
  if (buffer == IR_NONE) {
    IrBufferInfo info = {.name = variable->name,
                         .variable = variable->name,
                         .layer = variable->scope == SCOPE_PER_LAYER ? lowering->layer : -1,
                         .role = ROLE_GENOME,
                         .live_in = true,
                         .origin = IR_NONE,
                         .dimensions = variable->states};
    for (int i = 0; i < variable->states; i++) {
      info.kind[i] = AXIS_KIND_STATE;
      info.extent[i] = variable->extent[i];
    }
    buffer = ir_buffer(lowering->program, info);
  }
  return ir_read(lowering->program, buffer, index);
}

// Made without axes and buffers of the network, since it is asked for every variable on every layer.
static IrProgram *lower_value(Arena *arena, Arena *scratch, const CheckedRule *rule, const LowerNetwork *network,
                              const CheckedVariable *variable, int layer, const CheckedExpression *expression,
                              IrValue *value) {
  Lowering lowering = {.rule = rule, .network = network, .scratch = scratch, .training = true, .block = -1};
  lowering.program = ir_program_create(arena, "initial");
  lowering.lets = ARENA_ARRAY(scratch, LowerLet, rule->lets.count + 1);
  lower_move(&lowering, checked_on_synapses(variable), layer < 0 ? 0 : layer);
  *value = lower_expression(&lowering, expression);
  return lowering.program;
}

bool lower_initial(const CheckedRule *rule, const LowerNetwork *network, const CheckedVariable *variable, int layer,
                   const CheckedExpression *expression, double *result) {
  Arena *scratch = arena_create();
  IrValue value;
  const IrProgram *program = lower_value(scratch, scratch, rule, network, variable, layer, expression, &value);
  IrValueInfo node = program->values.items[value];
  *result = node.number;
  arena_destroy(scratch);
  return node.kind == VALUE_CONSTANT;
}

IrProgram *lower_initial_program(Arena *arena, const CheckedRule *rule, const LowerNetwork *network,
                                 const CheckedVariable *variable, int layer, const CheckedExpression *expression) {
  Arena *scratch = arena_create();
  IrValue value;
  IrProgram *program = lower_value(arena, scratch, rule, network, variable, layer, expression, &value);
  IrBufferInfo info = {
      .name = "initial", .variable = "", .layer = -1, .role = ROLE_OUTPUT, .live_out = true, .origin = IR_NONE};
  ir_assign(program, ir_buffer(program, info), NULL, value, expression->span, NULL);
  arena_destroy(scratch);
  return program;
}
