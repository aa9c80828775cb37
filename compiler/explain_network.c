// What a rule costs on a network: its kernels with their flops and bytes, the memory of its variables, and what is dead
// there. Compiles as far as the schedule, and no further.
#include "compiler/explain.h"

#include "compiler/driver.h"
#include "compiler/plan.h"
#include "compiler/rule.h"

#include <string.h>

// ---- places

static bool place_of(void *context, const char *name, int64_t *offset, int64_t *stride) {
  const Schedule *const *schedules = context;
  memset(stride, 0, sizeof(int64_t) * IR_MAX_DIMENSIONS);
  for (int which = 0; which < 2; which++) {
    const IrProgram *program = schedules[which]->program;
    for (size_t b = 0; b < program->buffers.count; b++) {
      const IrBufferInfo *buffer = &program->buffers.items[b];
      if (!buffer->live_in && !buffer->live_out) continue;
      bool named = !strcmp(buffer->name, name) ||
                   (buffer->origin != IR_NONE && !strcmp(program->buffers.items[buffer->origin].name, name));
      if (!named || schedules[which]->plans[b].place != PLACE_MEMORY) continue;
      *offset = schedules[which]->plans[b].offset;
      return true;
    }
  }
  return false;
}

// ---- dead values

static void print_dead_name(const char *name, int layer, size_t dead, size_t states, bool *any, Text *out) {
  text_add(out, "%s%s of layer %d", *any ? ", " : "  dead, neither computed nor stored: ", name, layer);
  if (dead < states) text_add(out, " (%zu of %zu states)", dead, states);
  *any = true;
}

typedef struct {
  int64_t assigned, kept; // states
} NeuronStates;

// Neurons begin a step at zero: that is no value which somebody computes.
static bool is_zero(const IrProgram *program, IrValue value) {
  const IrValueInfo *info = &program->values.items[value];
  return info->kind == VALUE_CONSTANT && info->number == 0;
}

// Counts the states of a neuron variable on its layer that `program` assigns. A state has several versions.
static void count_states(const IrProgram *program, const IrBufferInfo *variable, bool kept, NeuronStates *states) {
  int64_t counted[64]; // states, as one number
  size_t count = 0;
  for (const IrStatement *s = program->statements; s; s = s->next) {
    if (s->kind != IR_STATEMENT_ASSIGN || is_zero(program, s->value)) continue;
    const IrBufferInfo *target = &program->buffers.items[s->target];
    if (target->role != ROLE_NEURON || target->layer != variable->layer || !target->variable ||
        strcmp(target->variable, variable->variable) != 0)
      continue;
    int64_t state = 0;
    for (int i = 0; i < target->states; i++) state = state * 65536 + target->state[i];
    size_t known = 0;
    while (known < count && counted[known] != state) known++;
    if (known < count || count == sizeof counted / sizeof *counted) continue;
    counted[count++] = state;
    if (kept) states->kept++;
    else states->assigned++;
  }
}

// Neuron variables whose values nothing reads, told by the passes that find them.
static void print_dead_neurons(DriverPrograms *programs, const BlurOptions *options, bool *any, Text *out) {
  static const char *const passes[] = {"unroll_states", "version"};
  IrProgram *both[] = {programs->step, programs->predict};
  for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
    for (int which = 0; which < 2; which++) pass_find(passes[i])->run(both[which]);
  if (!options->all_live) dead_variables(programs->step, programs->predict);
  const IrProgram *lowered = programs->lowered_step;
  NeuronStates *states = ARENA_ARRAY(programs->arena, NeuronStates, lowered->buffers.count);
  for (int kept = 0; kept < 2; kept++) {
    if (kept) pass_find("dead")->run(programs->step);
    for (size_t b = 0; b < lowered->buffers.count; b++)
      if (lowered->buffers.items[b].role == ROLE_NEURON)
        count_states(programs->step, &lowered->buffers.items[b], kept, &states[b]);
  }
  for (size_t b = 0; b < lowered->buffers.count; b++) {
    const IrBufferInfo *buffer = &lowered->buffers.items[b];
    int64_t dead = states[b].assigned - states[b].kept;
    if (dead > 0) print_dead_name(buffer->variable, buffer->layer, (size_t)dead, (size_t)states[b].assigned, any, out);
  }
}

static void print_dead_synapses(const VariablePlan *plan, bool *any, Text *out) {
  for (size_t i = 0; i < plan->count; i++) {
    const BlurVariable *variable = &plan->variables[i];
    if (variable->kind != BLUR_SYNAPSE) continue;
    size_t dead = 0;
    for (size_t p = 0; p < variable->pieces; p++) dead += variable->piece[p].offset < 0;
    if (dead) print_dead_name(variable->name, variable->layer, dead, variable->pieces, any, out);
  }
}

// ---- memory

static double bytes_of(const BlurVariable *variable, int element_bytes) {
  double elements = 1, live = 0;
  for (int d = variable->states; d < variable->dimensions; d++) elements *= (double)variable->extent[d];
  for (size_t p = 0; p < variable->pieces; p++) live += variable->piece[p].offset >= 0;
  return elements * live * element_bytes;
}

// A synapse variable with the axis batch: easily more than all else together.
static bool has_samples(const CheckedRule *rule, const BlurVariable *variable) {
  for (size_t i = 0; i < rule->variables.count; i++) {
    const CheckedVariable *declared = &rule->variables.items[i];
    if (declared->kind != CHECKED_SYNAPSE || strcmp(declared->name, variable->name) != 0) continue;
    for (int a = 0; a < declared->axes; a++)
      if (declared->axis[a] == RULE_AXIS_BATCH) return true;
  }
  return false;
}

// What stays from step to step, all layers together.
static void print_memory(const CheckedRule *rule, const VariablePlan *plan, int element_bytes, Text *out) {
  for (size_t i = 0; i < plan->count; i++) {
    const BlurVariable *variable = &plan->variables[i];
    bool stays = variable->kind == BLUR_SYNAPSE || variable->kind == BLUR_SIGNAL ||
                 (variable->kind == BLUR_NEURON && variable->persistent);
    bool first = true;
    for (size_t j = 0; j < i; j++)
      if (plan->variables[j].kind == variable->kind && !strcmp(plan->variables[j].name, variable->name)) first = false;
    if (!stays || !first) continue;
    double bytes = 0;
    for (size_t j = i; j < plan->count; j++)
      if (plan->variables[j].kind == variable->kind && !strcmp(plan->variables[j].name, variable->name))
        bytes += bytes_of(&plan->variables[j], element_bytes);
    text_add(out, "    %-10s %10.4g MB%s\n", variable->name, bytes / 1e6,
             has_samples(rule, variable) ? ", a number a sample" : "");
  }
}

// ---- kernels

// "forward 0: h1.v2, g1.v2" without the numbers of versions, which are the compiler's own.
static void print_kernel_name(const char *name, Text *out) {
  for (const char *c = name; *c; c++) {
    if (c[0] == '.' && c[1] == 'v' && c[2] >= '0' && c[2] <= '9') {
      c += 1 + strspn(c + 2, "0123456789");
      continue;
    }
    text_add_bytes(out, c, 1);
  }
}

static void print_kernels(const Schedule *schedule, const char *title, Text *out) {
  enum { NAMES = 48 };
  text_add(out, "  %-*s %12s %12s %12s\n", NAMES, title, "blocks", "Mflop", "MB moved");
  for (size_t k = 0; k < schedule->kernel_count; k++) {
    const Kernel *kernel = &schedule->kernels[k];
    int64_t blocks = kernel->extent ? (kernel->extent + kernel->block_size - 1) / kernel->block_size : 1;
    text_add(out, "    ");
    size_t start = out->length;
    double times = schedule_times(schedule, k);
    if (times > 1) text_add(out, "%g x ", times);
    print_kernel_name(kernel->name, out);
    size_t width = out->length - start;
    if (width > NAMES - 2) text_add(out, "\n    %*s", NAMES - 2, "");
    else text_add(out, "%*s", (int)(NAMES - 2 - width), "");
    text_add(out, " %12lld %12.4g %12.4g\n", (long long)blocks, times * kernel->flops / 1e6,
             times * kernel->bytes / 1e6);
  }
  text_add(out, "    %-*s %12s %12.4g %12.4g\n", NAMES - 2, "together", "", schedule->flops / 1e6,
           schedule->bytes / 1e6);
}

bool explain_network(const BlurRule *rule, const BlurOptions *options, BlurReport *report, Text *out) {
  DriverPrograms programs = {.arena = report->arena}, again = {.arena = report->arena};
  if (!driver_lower(&programs, rule->checked, options, &report->sink) ||
      !driver_lower(&again, rule->checked, options, &report->sink))
    return false;
  driver_optimize(&programs, options->all_live, NULL, NULL);
  DriverSchedules schedules = driver_schedule(&programs, options);
  const Schedule *both[] = {schedules.step, schedules.predict};
  int element_bytes = schedules.step->element_bytes;
  VariablePlan plan =
      plan_variables(report->arena, rule->checked, &programs, options, true, element_bytes, place_of, both);
  text_add(out, "on ");
  for (int i = 0; i < options->layers; i++) text_add(out, "%s%lld", i ? "-" : "", (long long)options->units[i]);
  text_add(out, ", batch %lld\n", (long long)options->batch);
  bool any = false;
  print_dead_synapses(&plan, &any, out);
  print_dead_neurons(&again, options, &any, out);
  text_add(out, any ? "\n" : "  nothing is dead\n");
  print_kernels(schedules.step, "kernels of a step", out);
  print_kernels(schedules.predict, "kernels of a prediction", out);
  int64_t memory = schedules.step->memory_bytes > schedules.predict->memory_bytes ? schedules.step->memory_bytes
                                                                                  : schedules.predict->memory_bytes;
  text_add(out, "  memory %35s %.4g MB, and %.4g MB of scratch a thread; of it\n", "", (double)memory / 1e6,
           (double)schedules.step->scratch_bytes / 1e6);
  print_memory(rule->checked, &plan, element_bytes, out);
  return true;
}
