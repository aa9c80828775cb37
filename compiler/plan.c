// From buffers to variables: one BlurVariable a rule's variable and layer, with the place of each of its states, and
// the initial values evaluated for the layer.
#include "compiler/plan.h"

#include "compiler/passes/lower.h"

#include <math.h>
#include <string.h>

typedef struct {
  Arena *arena;
  const CheckedRule *rule;
  const BlurOptions *options;
  bool split;
  int element_bytes;
  PlanPlace *place;
  void *context;
} Plan;

static const CheckedVariable *declared(const CheckedRule *rule, const char *name) {
  for (size_t i = 0; i < rule->variables.count; i++)
    if (!strcmp(rule->variables.items[i].name, name)) return &rule->variables.items[i];
  return NULL;
}

// A number of an initializer at one layer; NAN if it is no constant (it reads a genome value).
static double evaluate(const Plan *plan, const CheckedVariable *declaration, const CheckedExpression *expression,
                       int layer) {
  LowerNetwork network = {plan->options->layers, plan->options->units, plan->options->batch, false};
  double number = 0;
  if (!expression) return 0;
  return lower_initial(plan->rule, &network, declaration, layer, expression, &number) ? number : NAN;
}

static void initial_values(const Plan *plan, const CheckedVariable *declaration, BlurVariable *variable) {
  variable->initial = BLUR_INITIAL_ZERO;
  variable->low = declaration->kind == CHECKED_GENOME ? declaration->low : -INFINITY;
  variable->high = declaration->kind == CHECKED_GENOME ? declaration->high : INFINITY;
  variable->logarithmic = declaration->logarithmic;
  variable->frozen = declaration->frozen;
  if (declaration->initial_kind == INITIAL_NONE) return;
  variable->first = evaluate(plan, declaration, declaration->first, variable->layer);
  variable->second = evaluate(plan, declaration, declaration->second, variable->layer);
  if (declaration->initial_kind == INITIAL_VALUE) {
    variable->initial = BLUR_INITIAL_VALUE;
    if (declaration->constants) {
      double *values = ARENA_ARRAY(plan->arena, double, variable->pieces);
      memcpy(values, declaration->constants, variable->pieces * sizeof *values);
      variable->values = values;
    }
    return;
  }
  variable->initial = declaration->draw == 'n'   ? BLUR_INITIAL_NORMAL
                      : declaration->draw == 'u' ? BLUR_INITIAL_UNIFORM
                                                 : BLUR_INITIAL_ORTHOGONAL;
}

static const char *piece_name(const Plan *plan, const char *buffer, const BlurVariable *variable, size_t piece) {
  Text name = {0};
  text_add(&name, "%s", buffer);
  size_t below = variable->pieces, rest = piece;
  for (int d = 0; d < variable->states; d++) {
    below /= (size_t)variable->extent[d];
    text_add(&name, ".%zu", rest / below);
    rest %= below;
  }
  const char *copy = arena_copy(plan->arena, name.bytes, name.length);
  text_free(&name);
  return copy;
}

// The place of one state of a buffer whose states are leading dimensions, or which was split by state.
static bool piece_place(const Plan *plan, const IrBufferInfo *buffer, const BlurVariable *variable, size_t piece,
                        int64_t *offset, int64_t *stride) {
  bool split = plan->split && buffer->role != ROLE_GENOME && variable->states;
  if (split) return plan->place(plan->context, piece_name(plan, buffer->name, variable, piece), offset, stride);
  int64_t all[IR_MAX_DIMENSIONS] = {0};
  if (!plan->place(plan->context, buffer->name, offset, all)) return false;
  size_t below = variable->pieces, rest = piece;
  for (int d = 0; d < variable->states; d++) {
    below /= (size_t)variable->extent[d];
    *offset += (int64_t)(rest / below) * all[d] * plan->element_bytes;
    rest %= below;
  }
  for (int d = variable->states; d < buffer->dimensions; d++) stride[d - variable->states] = all[d];
  return true;
}

static const IrBufferInfo *bias_row(const IrProgram *program, const IrBufferInfo *buffer) {
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *other = &program->buffers.items[b];
    if (other->is_bias && other->layer == buffer->layer && other->role == buffer->role && other->variable &&
        !strcmp(other->variable, buffer->variable))
      return other;
  }
  return NULL;
}

static BlurVariable variable_of(const Plan *plan, const IrProgram *program, const IrBufferInfo *buffer) {
  BlurVariable variable = {.name = buffer->variable, .layer = buffer->layer, .low = -INFINITY, .high = INFINITY};
  const CheckedVariable *declaration = NULL;
  switch (buffer->role) {
  case ROLE_NEURON: variable.kind = BLUR_NEURON; break;
  case ROLE_SYNAPSE: variable.kind = BLUR_SYNAPSE; break;
  case ROLE_GENOME: variable.kind = BLUR_GENOME; break;
  case ROLE_SIGNAL: variable.kind = BLUR_SIGNAL; break;
  case ROLE_OUTPUT: variable.kind = BLUR_PREDICTION; break;
  default: variable.kind = buffer->name[0] == 'x' ? BLUR_X : BLUR_Y; break;
  }
  if (!variable.name) variable.name = buffer->name;
  if (variable.kind == BLUR_NEURON || variable.kind == BLUR_SYNAPSE || variable.kind == BLUR_GENOME ||
      variable.kind == BLUR_SIGNAL)
    declaration = declared(plan->rule, variable.name);
  variable.dimensions = buffer->dimensions;
  variable.pieces = 1;
  for (int d = 0; d < buffer->dimensions; d++) {
    variable.extent[d] = buffer->extent[d];
    if (buffer->kind[d] != AXIS_KIND_STATE) continue;
    variable.states++;
    variable.pieces *= (size_t)buffer->extent[d];
  }
  const IrBufferInfo *bias = variable.kind == BLUR_SYNAPSE ? bias_row(program, buffer) : NULL;
  variable.has_bias = bias != NULL;
  int pre = 0; // the axis of the unit neuron's row
  while (bias && declaration && pre < declaration->axes && declaration->axis[pre] != RULE_AXIS_PRE) pre++;
  variable.persistent = declaration && (declaration->persistent || declaration->kind == CHECKED_SYNAPSE ||
                                        declaration->kind == CHECKED_SIGNAL);
  BlurPiece *pieces = ARENA_ARRAY(plan->arena, BlurPiece, variable.pieces);
  for (size_t i = 0; i < variable.pieces; i++) {
    BlurPiece *piece = &pieces[i];
    int64_t stride[IR_MAX_DIMENSIONS] = {0};
    if (!piece_place(plan, buffer, &variable, i, &piece->offset, piece->stride)) piece->offset = -1;
    if (!bias || !piece_place(plan, bias, &variable, i, &piece->bias_offset, stride)) piece->bias_offset = -1;
    for (int a = 0; bias && a < bias->dimensions; a++) piece->bias_stride[a < pre ? a : a + 1] = stride[a];
  }
  variable.piece = pieces;
  if (bias) {
    variable.bias_dimension = variable.states + pre;
    variable.extent[variable.bias_dimension]++; // pre counts the unit neuron's row
  }
  if (declaration) initial_values(plan, declaration, &variable);
  return variable;
}

static bool is_variable(const IrBufferInfo *buffer) {
  return buffer->role != ROLE_TEMPORARY && !buffer->is_bias && buffer->origin == IR_NONE;
}

VariablePlan plan_variables(Arena *arena, const CheckedRule *rule, const IrProgram *lowered_step,
                            const IrProgram *lowered_predict, const BlurOptions *options, bool split, int element_bytes,
                            PlanPlace *place, void *context) {
  Plan plan = {arena, rule, options, split, element_bytes, place, context};
  ARENA_LIST(BlurVariable) variables = {0};
  for (size_t b = 0; b < lowered_step->buffers.count; b++)
    if (is_variable(&lowered_step->buffers.items[b]))
      ARENA_PUSH(arena, &variables, variable_of(&plan, lowered_step, &lowered_step->buffers.items[b]));
  for (size_t b = 0; b < lowered_predict->buffers.count; b++)
    if (lowered_predict->buffers.items[b].role == ROLE_OUTPUT)
      ARENA_PUSH(arena, &variables, variable_of(&plan, lowered_predict, &lowered_predict->buffers.items[b]));
  BlurPiece *counter = ARENA_NEW(arena, BlurPiece); // the step counter: the first element of memory
  counter->bias_offset = -1;
  ARENA_PUSH(arena, &variables,
             (BlurVariable){.name = "step", .kind = BLUR_STEP, .layer = -1, .pieces = 1, .piece = counter});
  return (VariablePlan){variables.items, variables.count};
}
