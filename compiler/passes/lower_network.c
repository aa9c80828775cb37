// The pass `lower`, axes and buffers: what a rule's named axes, state indices and variables are in the program of one
// network, and which networks a program can be made for.
#include "compiler/passes/lower_context.h"

#include <string.h>

// Bounds of what a program can be made for. The axes leave room for those that later passes introduce.
enum { MAX_LAYERS = 1024, MAX_LOWERED_AXES = 48 };
static const int64_t MAX_UNITS = (int64_t)1 << 24, MAX_ELEMENTS = (int64_t)1 << 34;

// ---- which networks

static const char *const KIND_NAMES[] = {"x", "y", "neuron", "synapse", "genome value", "signal"};

static int64_t axis_extent(const LowerNetwork *network, bool on_synapses, int layer, RuleAxis axis) {
  int last = network->layers - 1;
  int here = layer < 0 ? 0 : layer, above = here + 1 > last ? last : here + 1;
  switch (axis) {
  case RULE_AXIS_BATCH: return network->batch;
  case RULE_AXIS_PRE:
  case RULE_AXIS_PRE2: return network->units[here];
  case RULE_AXIS_POST:
  case RULE_AXIS_POST2: return network->units[on_synapses ? above : here];
  case RULE_AXIS_OUTPUT: return network->units[last];
  default: return network->units[here];
  }
}

// Elements of a variable on one layer; more than MAX_ELEMENTS reads as MAX_ELEMENTS + 1.
static int64_t variable_elements(const LowerNetwork *network, const CheckedVariable *variable, int layer) {
  int64_t elements = 1;
  for (int i = 0; i < variable->states + variable->axes; i++) {
    int64_t extent = i < variable->states ? variable->extent[i]
                                          : axis_extent(network, checked_on_synapses(variable), layer,
                                                        variable->axis[i - variable->states]);
    if (extent > 0 && elements > MAX_ELEMENTS / extent) return MAX_ELEMENTS + 1;
    elements *= extent;
  }
  return elements;
}

bool lower_check_sizes(const LowerNetwork *network, DiagnosticSink *sink) {
  Span nowhere = {0};
  if (network->layers < 2 || network->layers > MAX_LAYERS) {
    Diagnostic *diagnostic = diagnostic_report(sink, DIAGNOSTIC_network_layers, nowhere, network->layers);
    diagnostic_help(sink, diagnostic, "name the inputs and the outputs and what is between, as in `--net 784-256-10`");
    return false;
  }
  if (network->batch < 1 || network->batch > MAX_UNITS) {
    diagnostic_report(sink, DIAGNOSTIC_network_batch, nowhere, (long long)network->batch);
    return false;
  }
  for (int layer = 0; layer < network->layers; layer++) {
    if (network->units[layer] >= 1 && network->units[layer] <= MAX_UNITS) continue;
    diagnostic_report(sink, DIAGNOSTIC_network_units, nowhere, layer, (long long)network->units[layer]);
    return false;
  }
  return true;
}

bool lower_check_network(const CheckedRule *rule, const LowerNetwork *network, DiagnosticSink *sink) {
  if (!lower_check_sizes(network, sink)) return false;
  int64_t total = 0;
  for (size_t i = 0; i < rule->variables.count; i++) {
    const CheckedVariable *variable = &rule->variables.items[i];
    int layers = checked_on_neurons(variable)    ? network->layers
                 : checked_on_synapses(variable) ? network->layers - 1
                                                 : 1;
    for (int layer = 0; layer < layers; layer++) {
      total += variable_elements(network, variable, layer);
      if (total <= MAX_ELEMENTS) continue;
      diagnostic_report(sink, DIAGNOSTIC_network_large, variable->span, KIND_NAMES[variable->kind], variable->name,
                        layer, (long long)MAX_ELEMENTS);
      return false;
    }
  }
  return true;
}

// ---- axes

static IrAxis new_axis(Lowering *lowering, const char *name, IrAxisKind kind, int64_t extent) {
  IrProgram *program = lowering->program;
  if (program->axes.count < MAX_LOWERED_AXES) return ir_axis(program, name, kind, extent);
  if (!lowering->failed && lowering->sink)
    diagnostic_report(lowering->sink, DIAGNOSTIC_network_axes, lowering->rule->span, MAX_LOWERED_AXES);
  lowering->failed = true;
  for (IrAxis axis = 0; (size_t)axis < program->axes.count; axis++)
    if (program->axes.items[axis].kind == kind) return axis;
  return 0;
}

// One axis a size and parity: the two sides of a synapse layer always differ.
static void make_unit_axes(Lowering *lowering) {
  const LowerNetwork *network = lowering->network;
  for (int layer = 0; layer < network->layers; layer++) {
    IrAxis axis = IR_NONE;
    for (int other = layer - 2; other >= 0 && axis == IR_NONE; other -= 2)
      if (network->units[other] == network->units[layer]) axis = lowering->unit_axis[other];
    if (axis == IR_NONE) {
      char *name = arena_format(lowering->program->arena, "unit%lld", (long long)network->units[layer]);
      axis = new_axis(lowering, name, AXIS_KIND_UNIT, network->units[layer]);
    }
    lowering->unit_axis[layer] = axis;
  }
}

int64_t lower_named_extent(const Lowering *lowering, RuleAxis axis) {
  return axis_extent(lowering->network, lowering->on_synapses, lowering->layer, axis);
}

static IrAxis find_axis(const Lowering *lowering, IrAxisKind kind, int64_t extent, IrAxisSet avoid) {
  const IrProgram *program = lowering->program;
  for (IrAxis axis = 0; (size_t)axis < program->axes.count; axis++) {
    const IrAxisInfo *info = &program->axes.items[axis];
    if (info->kind == kind && info->extent == extent && !(avoid & ir_axis_bit(axis))) return axis;
  }
  return IR_NONE;
}

// The second index over a layer: another axis of its size.
static IrAxis second_axis(Lowering *lowering, RuleAxis named) {
  IrAxis *slot = &lowering->second_axis[named == RULE_AXIS_POST2];
  if (*slot != IR_NONE) return *slot;
  IrAxisSet avoid = lowering->output_axis == IR_NONE ? 0 : ir_axis_bit(lowering->output_axis);
  avoid |= ir_axis_bit(lowering->unit_axis[lowering->layer]);
  if (lowering->layer + 1 < lowering->network->layers) avoid |= ir_axis_bit(lowering->unit_axis[lowering->layer + 1]);
  for (int i = 0; i < 2; i++)
    if (lowering->second_axis[i] != IR_NONE) avoid |= ir_axis_bit(lowering->second_axis[i]);
  int64_t extent = lower_named_extent(lowering, named);
  *slot = find_axis(lowering, AXIS_KIND_UNIT, extent, avoid);
  if (*slot == IR_NONE) *slot = new_axis(lowering, named == RULE_AXIS_PRE2 ? "pre2" : "post2", AXIS_KIND_UNIT, extent);
  return *slot;
}

IrIndex lower_axis(Lowering *lowering, RuleAxis axis) {
  IrIndex index = {.axis = IR_NONE};
  int layer = lowering->layer, above = layer + 1;
  switch (axis) {
  case RULE_AXIS_BATCH: index.axis = lowering->batch_axis; break;
  case RULE_AXIS_POST:
    index.axis = lowering->unit_axis[lowering->on_synapses && above < lowering->network->layers ? above : layer];
    break;
  case RULE_AXIS_PRE:
  case RULE_AXIS_UNIT: index.axis = lowering->unit_axis[layer]; break;
  case RULE_AXIS_OUTPUT:
    if (lowering->output_axis == IR_NONE)
      lowering->output_axis = new_axis(lowering, "output", AXIS_KIND_UNIT, lower_named_extent(lowering, axis));
    index.axis = lowering->output_axis;
    break;
  case RULE_AXIS_PRE2:
  case RULE_AXIS_POST2: index.axis = second_axis(lowering, axis); break;
  default: index = lowering->index[axis];
  }
  return index;
}

IrAxis lower_state_axis(Lowering *lowering, const char *name, int64_t extent, IrAxisSet avoid) {
  IrAxis found = find_axis(lowering, AXIS_KIND_STATE, extent, avoid);
  return found != IR_NONE ? found : new_axis(lowering, name, AXIS_KIND_STATE, extent);
}

IrAxis lower_index_axis(Lowering *lowering, RuleAxis axis, IrAxisSet avoid) {
  const CheckedAxis *info = &lowering->rule->axes.items[axis];
  return lower_state_axis(lowering, info->name, info->extent, avoid);
}

IrAxisSet lower_axis_set(Lowering *lowering, RuleAxisSet axes) {
  IrAxisSet set = 0;
  for (int i = 0; i < 64; i++) {
    if (!(axes >> i & 1) || (i == RULE_AXIS_PRE && lowering->in_unit_row)) continue;
    IrIndex index = lower_axis(lowering, (RuleAxis)i);
    if (index.axis != IR_NONE) set |= ir_axis_bit(index.axis);
  }
  return set;
}

void lower_move(Lowering *lowering, bool on_synapses, int layer) {
  lowering->on_synapses = on_synapses;
  lowering->layer = layer;
  lowering->in_unit_row = false;
  lowering->second_axis[0] = lowering->second_axis[1] = IR_NONE;
  for (size_t i = 0; i < lowering->rule->lets.count; i++) lowering->lets[i] = (LowerLet){IR_NONE, IR_NONE};
  lower_forget(lowering);
}

// ---- buffers

static const IrRole ROLES[] = {ROLE_INPUT, ROLE_INPUT, ROLE_NEURON, ROLE_SYNAPSE, ROLE_GENOME, ROLE_SIGNAL};

// For dumps: the name that the rule gives an index of this extent.
static const char *index_name(const CheckedRule *rule, const CheckedVariable *variable, int dimension) {
  int before = 0; // dimensions of the same extent
  for (int i = 0; i < dimension; i++) before += variable->extent[i] == variable->extent[dimension];
  for (size_t axis = RULE_AXIS_FIRST_STATE; axis < rule->axes.count; axis++)
    if (rule->axes.items[axis].extent == variable->extent[dimension] && before-- == 0)
      return rule->axes.items[axis].name;
  return "state";
}

static IrBuffer make_buffer(Lowering *lowering, int number, int layer, bool is_bias) {
  const CheckedVariable *variable = lower_variable(lowering, number);
  Arena *arena = lowering->program->arena;
  bool on_synapses = checked_on_synapses(variable);
  bool lives = variable->kind == CHECKED_SYNAPSE || variable->kind == CHECKED_SIGNAL || variable->persistent;
  IrBufferInfo info = {.variable = variable->name,
                       .layer = layer,
                       .role = ROLES[variable->kind],
                       .is_bias = is_bias,
                       .live_in = lives || variable->kind != CHECKED_NEURON,
                       .origin = IR_NONE};
  bool wanted = lowering->network->all_live && (variable->kind == CHECKED_NEURON || variable->kind == CHECKED_GENOME);
  info.live_out = lowering->training && (lives || variable->in_initial || wanted);
  info.name = layer < 0 || variable->kind == CHECKED_X || variable->kind == CHECKED_Y
                  ? variable->name
                  : arena_format(arena, "%s%d%s", variable->name, layer, is_bias ? ".bias" : "");
  for (int i = 0; i < variable->states; i++) {
    int slot = info.dimensions++;
    info.kind[slot] = AXIS_KIND_STATE;
    info.extent[slot] = variable->extent[i];
    info.dimension_name[slot] = index_name(lowering->rule, variable, i);
  }
  lowering->on_synapses = on_synapses;
  lowering->layer = layer < 0 ? 0 : layer;
  lowering->second_axis[0] = lowering->second_axis[1] = IR_NONE;
  for (int i = 0; i < variable->axes; i++) {
    if (is_bias && variable->axis[i] == RULE_AXIS_PRE) continue;
    IrIndex index = lower_axis(lowering, variable->axis[i]);
    const IrAxisInfo *axis = &lowering->program->axes.items[index.axis];
    int slot = info.dimensions++;
    info.kind[slot] = axis->kind;
    info.extent[slot] = axis->extent;
    info.dimension_name[slot] = axis->name;
  }
  return ir_buffer(lowering->program, info);
}

static void make_buffers(Lowering *lowering) {
  int layers = lowering->network->layers;
  for (int number = 0; (size_t)number < lowering->rule->variables.count; number++) {
    const CheckedVariable *variable = lower_variable(lowering, number);
    bool by_layer = checked_on_neurons(variable) || checked_on_synapses(variable);
    int own_layer = variable->kind == CHECKED_X ? 0 : variable->kind == CHECKED_Y ? layers - 1 : -1;
    for (int layer = 0; layer < layers; layer++) {
      IrBuffer *slot = lower_slot(lowering, lowering->buffer, number, layer);
      IrBuffer *bias = lower_slot(lowering, lowering->bias, number, layer);
      *bias = IR_NONE;
      if (!by_layer) {
        *slot = layer == 0 ? make_buffer(lowering, number, own_layer, false) : slot[-1];
        continue;
      }
      bool exists = checked_on_neurons(variable) || layer + 1 < layers;
      *slot = exists ? make_buffer(lowering, number, layer, false) : IR_NONE;
      if (exists && variable->bias) *bias = make_buffer(lowering, number, layer, true);
    }
  }
}

int lower_layer_of(const Lowering *lowering, CheckedSide side) {
  if (side == SIDE_OUTPUT) return lowering->network->layers - 1;
  return side == SIDE_POST || side == SIDE_POST2 ? lowering->layer + 1 : lowering->layer;
}

IrBuffer lower_buffer(const Lowering *lowering, int variable, CheckedSide side) {
  return *lower_slot(lowering, lowering->buffer, variable, lower_layer_of(lowering, side));
}

bool lower_begin(Lowering *lowering, Arena *arena, const char *name) {
  size_t layers = (size_t)lowering->network->layers, slots = lowering->rule->variables.count * layers;
  lowering->program = ir_program_create(arena, name);
  lowering->buffer = ARENA_ARRAY(lowering->scratch, IrBuffer, slots);
  lowering->bias = ARENA_ARRAY(lowering->scratch, IrBuffer, slots);
  lowering->unit_axis = ARENA_ARRAY(lowering->scratch, IrAxis, layers);
  lowering->lets = ARENA_ARRAY(lowering->scratch, LowerLet, lowering->rule->lets.count + 1);
  lowering->output_axis = lowering->second_axis[0] = lowering->second_axis[1] = IR_NONE;
  lowering->batch_axis = new_axis(lowering, "batch", AXIS_KIND_BATCH, lowering->network->batch);
  make_unit_axes(lowering);
  make_buffers(lowering);
  return !lowering->failed;
}
