// From buffers to variables: one BlurVariable a rule's variable and layer, with the place of each of its states, and
// the initial values evaluated for the layer.
#include "compiler/plan.h"

#include "compiler/passes/lower.h"
#include "compiler/passes/passes.h"

#include <math.h>
#include <string.h>

typedef struct {
  Arena *arena;
  const CheckedRule *rule;
  const BlurOptions *options;
  bool split, adjoint, tangent; // adjoint, tangent: there are such programs
  int element_bytes;
  PlanPlace *place;
  void *context;
} Plan;

static const CheckedVariable *declared(const CheckedRule *rule, const char *name) {
  for (size_t i = 0; i < rule->variables.count; i++)
    if (!strcmp(rule->variables.items[i].name, name)) return &rule->variables.items[i];
  return NULL;
}

// The layer that part `part` of a variable's initial values is of.
static int layer_of(const BlurVariable *variable, const CheckedVariable *declaration, size_t part) {
  return declaration->scope == SCOPE_PER_LAYER ? (int)part : variable->layer;
}

// A number of an initializer, of each part; NULL where one number holds for all. A program where it reads genome
// values.
static const double *evaluate(const Plan *plan, const CheckedVariable *declaration, const BlurVariable *variable,
                              const CheckedExpression *expression, const PlanInitial *initial,
                              const IrProgram **programs, const IrProgram **adjoints, const IrProgram **tangents,
                              double *number) {
  LowerNetwork network = {
      .layers = plan->options->layers, .units = plan->options->units, .batch = plan->options->batch};
  *number = 0;
  if (!expression) return NULL;
  double *parts = ARENA_ARRAY(plan->arena, double, initial->layers);
  for (size_t part = 0; part < initial->layers; part++) {
    int layer = layer_of(variable, declaration, part);
    if (lower_initial(plan->rule, &network, declaration, layer, expression, &parts[part])) continue;
    programs[part] = lower_initial_program(plan->arena, plan->rule, &network, declaration, layer, expression);
    if (plan->adjoint) {
      IrProgram *adjoint = lower_initial_program(plan->arena, plan->rule, &network, declaration, layer, expression);
      pass_version(adjoint);
      pass_adjoint(adjoint);
      adjoints[part] = adjoint;
    }
    if (plan->tangent) {
      IrProgram *tangent = lower_initial_program(plan->arena, plan->rule, &network, declaration, layer, expression);
      pass_version(tangent);
      pass_tangent(tangent);
      tangents[part] = tangent;
    }
  }
  *number = parts[0];
  if (initial->layers == 1) return NULL;
  double *values = ARENA_ARRAY(plan->arena, double, variable->pieces);
  for (size_t piece = 0; piece < variable->pieces; piece++)
    values[piece] = parts[piece / (variable->pieces / initial->layers)];
  return values;
}

static PlanInitial initial_values(const Plan *plan, const CheckedVariable *declaration, BlurVariable *variable) {
  PlanInitial initial = {.layers = declaration->scope == SCOPE_PER_LAYER ? (size_t)variable->extent[0] : 1};
  variable->initial = BLUR_INITIAL_ZERO;
  variable->low = declaration->kind == CHECKED_GENOME ? declaration->low : -INFINITY;
  variable->high = declaration->kind == CHECKED_GENOME ? declaration->high : INFINITY;
  variable->scope = (BlurScope)declaration->scope; // 0 where it is no genome value
  variable->logarithmic = declaration->logarithmic;
  variable->frozen = declaration->frozen;
  if (declaration->initial_kind == INITIAL_NONE) return initial;
  initial.first = ARENA_ARRAY(plan->arena, const IrProgram *, initial.layers);
  initial.second = ARENA_ARRAY(plan->arena, const IrProgram *, initial.layers);
  initial.first_adjoint = ARENA_ARRAY(plan->arena, const IrProgram *, initial.layers);
  initial.second_adjoint = ARENA_ARRAY(plan->arena, const IrProgram *, initial.layers);
  initial.first_tangent = ARENA_ARRAY(plan->arena, const IrProgram *, initial.layers);
  initial.second_tangent = ARENA_ARRAY(plan->arena, const IrProgram *, initial.layers);
  variable->values = evaluate(plan, declaration, variable, declaration->first, &initial, initial.first,
                              initial.first_adjoint, initial.first_tangent, &variable->first);
  variable->second_values = evaluate(plan, declaration, variable, declaration->second, &initial, initial.second,
                                     initial.second_adjoint, initial.second_tangent, &variable->second);
  variable->initial_rank = declaration->initial_rank;
  variable->initial = declaration->initial_kind == INITIAL_VALUE ? BLUR_INITIAL_VALUE
                      : declaration->draw == 'n'                 ? BLUR_INITIAL_NORMAL
                      : declaration->draw == 'u'                 ? BLUR_INITIAL_UNIFORM
                                                                 : BLUR_INITIAL_ORTHOGONAL;
  if (!declaration->constants) return initial;
  double *values = ARENA_ARRAY(plan->arena, double, variable->pieces);
  size_t count = variable->pieces / initial.layers;
  for (size_t piece = 0; piece < variable->pieces; piece++) values[piece] = declaration->constants[piece % count];
  variable->values = values;
  return initial;
}

// Which states of a buffer are buffers of their own, named by them ("w0.1"); the others are leading dimensions.
typedef enum { NAMED_NONE, NAMED_SMALL, NAMED_ALL } NamedStates;

static bool state_place(const Plan *plan, const IrBufferInfo *buffer, const BlurVariable *variable, size_t piece,
                        NamedStates named, const char *ending, int64_t *offset, int64_t *stride) {
  int64_t all[IR_MAX_DIMENSIONS] = {0}, kept[IR_MAX_DIMENSIONS];
  Text name = {0};
  text_add(&name, "%s", buffer->name);
  size_t below = variable->pieces, rest = piece;
  int dimensions = 0;
  for (int d = 0; d < variable->states; d++) {
    below /= (size_t)variable->extent[d];
    bool is_named = named == NAMED_ALL || (named == NAMED_SMALL && !unroll_keeps(variable->extent[d]));
    if (is_named) text_add(&name, ".%zu", rest / below);
    else kept[dimensions++] = (int64_t)(rest / below);
    rest %= below;
  }
  text_add(&name, "%s", ending);
  bool placed = plan->place(plan->context, text_get(&name), offset, all);
  text_free(&name);
  for (int d = 0; d < dimensions && placed; d++) *offset += kept[d] * all[d] * plan->element_bytes;
  for (int d = variable->states; d < buffer->dimensions && placed; d++)
    stride[d - variable->states] = all[dimensions + d - variable->states];
  return placed;
}

typedef enum { PLACES_OF_VALUES, PLACES_OF_ADJOINTS, PLACES_OF_TANGENTS } PlacesOf;
static const char *const places_ending[] = {"", ".adjoint", ".tangent"};

// The place of one state of a buffer: states that the passes split are buffers of their own. Adjoints of an array of
// the genome may be split all the same (passes/adjoint.c).
static bool piece_place(const Plan *plan, const IrBufferInfo *buffer, const BlurVariable *variable, size_t piece,
                        PlacesOf of, int64_t *offset, int64_t *stride) {
  bool splits = unroll_splits(buffer) && (of != PLACES_OF_VALUES || plan->split);
  if (of == PLACES_OF_ADJOINTS && !splits &&
      state_place(plan, buffer, variable, piece, NAMED_ALL, ".adjoint", offset, stride))
    return true;
  return state_place(plan, buffer, variable, piece, splits ? NAMED_SMALL : NAMED_NONE, places_ending[of], offset,
                     stride);
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

// Of each state, of its values or their derivatives; `pre`: the axis that the unit neuron's row lacks.
static const BlurPiece *places(const Plan *plan, const IrBufferInfo *buffer, const IrBufferInfo *bias, int pre,
                               const BlurVariable *variable, PlacesOf of) {
  BlurPiece *pieces = ARENA_ARRAY(plan->arena, BlurPiece, variable->pieces);
  for (size_t i = 0; i < variable->pieces; i++) {
    BlurPiece *piece = &pieces[i];
    int64_t stride[IR_MAX_DIMENSIONS] = {0};
    if (!piece_place(plan, buffer, variable, i, of, &piece->offset, piece->stride)) piece->offset = -1;
    if (!bias || !piece_place(plan, bias, variable, i, of, &piece->bias_offset, stride)) piece->bias_offset = -1;
    for (int a = 0; bias && a < bias->dimensions; a++) piece->bias_stride[a < pre ? a : a + 1] = stride[a];
  }
  return pieces;
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
  bool has_rows = variable.kind == BLUR_SYNAPSE || variable.kind == BLUR_GENOME;
  const IrBufferInfo *bias = has_rows ? bias_row(program, buffer) : NULL;
  variable.has_bias = bias != NULL;
  int pre = 0; // the axis of the unit neuron's row
  while (bias && declaration && pre < declaration->axes && declaration->axis[pre] != RULE_AXIS_PRE) pre++;
  variable.persistent = declaration && (declaration->persistent || declaration->kind == CHECKED_SYNAPSE ||
                                        declaration->kind == CHECKED_SIGNAL);
  bool is_derived = variable.persistent || variable.kind == BLUR_GENOME;
  variable.piece = places(plan, buffer, bias, pre, &variable, PLACES_OF_VALUES);
  if (plan->adjoint && is_derived) variable.adjoint = places(plan, buffer, bias, pre, &variable, PLACES_OF_ADJOINTS);
  if (plan->tangent && is_derived) variable.tangent = places(plan, buffer, bias, pre, &variable, PLACES_OF_TANGENTS);
  if (bias) {
    variable.bias_dimension = variable.states + pre;
    variable.extent[variable.bias_dimension]++; // pre counts the unit neuron's row
  }
  return variable;
}

// A genome value `per layer` is one variable, the layers its first dimension.
static BlurVariable variable_of_layers(const Plan *plan, const IrProgram *program, const IrBufferInfo *lowest) {
  BlurVariable one = variable_of(plan, program, lowest), all = one;
  size_t layers = (size_t)plan->options->layers - 1;
  BlurPiece *pieces = ARENA_ARRAY(plan->arena, BlurPiece, layers * one.pieces),
            *adjoints = ARENA_ARRAY(plan->arena, BlurPiece, layers * one.pieces),
            *tangents = ARENA_ARRAY(plan->arena, BlurPiece, layers * one.pieces);
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    if (buffer->role != ROLE_GENOME || !buffer->variable || strcmp(buffer->variable, one.name) != 0) continue;
    BlurVariable variable = variable_of(plan, program, buffer);
    size_t first = (size_t)buffer->layer * one.pieces;
    memcpy(&pieces[first], variable.piece, one.pieces * sizeof *pieces);
    if (one.adjoint) memcpy(&adjoints[first], variable.adjoint, one.pieces * sizeof *adjoints);
    if (one.tangent) memcpy(&tangents[first], variable.tangent, one.pieces * sizeof *tangents);
  }
  all.piece = pieces;
  if (one.adjoint) all.adjoint = adjoints;
  if (one.tangent) all.tangent = tangents;
  all.pieces = layers * one.pieces;
  all.layer = -1;
  all.states = one.states + 1;
  all.dimensions = one.dimensions + 1;
  all.extent[0] = (int64_t)layers;
  memcpy(&all.extent[1], one.extent, sizeof(int64_t) * (size_t)one.dimensions);
  return all;
}

static bool is_variable(const IrBufferInfo *buffer) {
  return buffer->role != ROLE_TEMPORARY && !buffer->is_bias && buffer->origin == IR_NONE;
}

// A variable that the rule does not have: one number.
static BlurVariable scalar_of(const Plan *plan, const char *name, BlurKind kind, const char *buffer) {
  BlurVariable variable = {.name = name, .kind = kind, .layer = -1, .pieces = 1};
  BlurPiece *place = ARENA_ARRAY(plan->arena, BlurPiece, 3); // as in PlacesOf
  for (int which = 0; which < 3; which++) {
    const char *array = arena_format(plan->arena, "%s%s", buffer ? buffer : "", places_ending[which]);
    place[which].bias_offset = -1;
    if (buffer && !plan->place(plan->context, array, &place[which].offset, place[which].stride))
      place[which].offset = -1;
  }
  variable.piece = place;
  if (buffer && plan->adjoint) variable.adjoint = place + PLACES_OF_ADJOINTS;
  if (buffer && plan->tangent) variable.tangent = place + PLACES_OF_TANGENTS;
  return variable;
}

VariablePlan plan_variables(Arena *arena, const CheckedRule *rule, const DriverPrograms *programs,
                            const BlurOptions *options, bool split, int element_bytes, PlanPlace *place,
                            void *context) {
  Plan plan = {arena, rule, options, split, programs->query, programs->query_tangent, element_bytes, place, context};
  const IrProgram *query = programs->query ? programs->query : programs->query_tangent;
  ARENA_LIST(BlurVariable) variables = {0};
  ARENA_LIST(PlanInitial) initials = {0};
  for (int which = 0; which < 2; which++) {
    const IrProgram *program = which ? programs->lowered_predict : programs->lowered_step;
    for (size_t b = 0; b < program->buffers.count; b++) {
      const IrBufferInfo *buffer = &program->buffers.items[b];
      if (which ? buffer->role != ROLE_OUTPUT : !is_variable(buffer)) continue;
      const CheckedVariable *declaration = buffer->variable ? declared(rule, buffer->variable) : NULL;
      bool of_layers = declaration && declaration->scope == SCOPE_PER_LAYER;
      if (of_layers && buffer->layer > 0) continue;
      BlurVariable variable =
          of_layers ? variable_of_layers(&plan, program, buffer) : variable_of(&plan, program, buffer);
      bool has_initial = declaration && declaration->kind != CHECKED_X && declaration->kind != CHECKED_Y;
      PlanInitial initial = has_initial ? initial_values(&plan, declaration, &variable) : (PlanInitial){0};
      ARENA_PUSH(arena, &variables, variable);
      ARENA_PUSH(arena, &initials, initial);
    }
  }
  for (size_t b = 0; query && b < query->buffers.count; b++) {
    const IrBufferInfo *buffer = &query->buffers.items[b];
    if (buffer->role != ROLE_OUTPUT || buffer->dimensions || buffer->origin != IR_NONE) continue;
    ARENA_PUSH(arena, &variables, scalar_of(&plan, "loss", BLUR_LOSS, buffer->name));
    ARENA_PUSH(arena, &initials, (PlanInitial){0});
  }
  ARENA_PUSH(arena, &variables, scalar_of(&plan, "step", BLUR_STEP, NULL)); // the first element of memory
  ARENA_PUSH(arena, &initials, (PlanInitial){0});
  return (VariablePlan){variables.items, initials.items, variables.count};
}
