// `blur explain RULE`: the rule in the user's words (variables with their axes, equations, genome), and what it costs
// on a network: flops, bytes, memory, and what is dead there.
#include "compiler/driver.h"
#include "compiler/plan.h"
#include "compiler/rule.h"

#include <stdlib.h>
#include <string.h>

static const char *const axis_names[] = {"batch", "pre", "post", "unit", "output", "pre2", "post2"};

static void print_axes(const CheckedVariable *variable, Text *out) {
  text_add(out, "{");
  const char *separator = "";
  for (int s = 0; s < variable->states; s++, separator = ", ")
    text_add(out, "%s%lld states", separator, (long long)variable->extent[s]);
  for (int a = 0; a < variable->axes; a++, separator = ", ")
    text_add(out, "%s%s", separator, axis_names[variable->axis[a]]);
  text_add(out, "}%s%s", variable->bias ? " and the unit neuron's row" : "",
           variable->persistent ? ", persistent" : "");
}

static void print_variables(const CheckedRule *rule, CheckedKind kind, const char *title, Text *out) {
  bool any = false;
  for (size_t i = 0; i < rule->variables.count; i++) {
    const CheckedVariable *variable = &rule->variables.items[i];
    if (variable->kind != kind) continue;
    if (!any) text_add(out, "%s\n", title);
    any = true;
    text_add(out, "  %-10s ", variable->name);
    print_axes(variable, out);
    text_add(out, "\n");
  }
}

// The text of a place, its white space folded to single blanks.
static void print_source(Span span, Text *out) {
  bool blank = false;
  for (uint32_t i = span.start; span.file && i < span.end; i++) {
    char c = span.file->text[i];
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      blank = true;
      continue;
    }
    if (blank) text_add(out, " ");
    blank = false;
    text_add_bytes(out, &c, 1);
  }
}

static void print_equations(const CheckedRule *rule, Text *out) {
  text_add(out, "equations\n");
  for (size_t b = 0; b < rule->blocks.count; b++) {
    const CheckedBlock *block = &rule->blocks.items[b];
    text_add(out, "  ");
    checked_print_heading(block, out);
    text_add(out, "\n");
    Span shown = {0};
    for (const CheckedStatement *s = block->statements; s; s = s->next) {
      if (s->span.file == shown.file && s->span.start == shown.start) continue; // a range is several statements
      shown = s->span;
      text_add(out, "    ");
      print_source(s->span, out);
      text_add(out, "\n");
    }
  }
  if (rule->has_own_step) {
    text_add(out, "  step\n    ");
    checked_print_steps(rule, rule->step, out);
    text_add(out, "\n");
  }
  text_add(out, "  predict\n    ");
  if (rule->has_own_step) {
    checked_print_steps(rule, rule->predict_steps, out);
    text_add(out, rule->predict_steps ? "; " : "");
  }
  if (rule->prediction) print_source(rule->prediction->span, out);
  text_add(out, "%s\n", rule->predicts_with_batch_statistics ? "   (uses statistics of the batch)" : "");
}

static void print_genome(const CheckedRule *rule, Text *out) {
  long long numbers = 0, frozen = 0;
  for (size_t i = 0; i < rule->variables.count; i++) {
    const CheckedVariable *variable = &rule->variables.items[i];
    if (variable->kind != CHECKED_GENOME) continue;
    long long elements = 1;
    for (int s = 0; s < variable->states; s++) elements *= variable->extent[s];
    numbers += elements;
    if (variable->frozen) frozen += elements;
  }
  text_add(out, "genome size %lld%s\n", numbers, numbers == 1 ? " number" : " numbers");
  if (frozen) text_add(out, "  of which frozen %lld\n", frozen);
}

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

static void print_dead(const VariablePlan *plan, Text *out) {
  bool any = false;
  for (size_t i = 0; i < plan->count; i++) {
    const BlurVariable *variable = &plan->variables[i];
    if (variable->kind != BLUR_SYNAPSE) continue;
    size_t dead = 0;
    for (size_t p = 0; p < variable->pieces; p++) dead += variable->piece[p].offset < 0;
    if (!dead) continue;
    text_add(out, "%s%s of layer %d", any ? ", " : "  dead, neither computed nor stored: ", variable->name,
             variable->layer);
    if (dead < variable->pieces) text_add(out, " (%zu of %zu states)", dead, variable->pieces);
    any = true;
  }
  text_add(out, any ? "\n" : "  nothing of its synapses is dead\n");
}

// What synapse variables with a number a sample take: easily more than all else together.
static void print_traces(const CheckedRule *rule, const VariablePlan *plan, int element_bytes, Text *out) {
  for (size_t i = 0; i < rule->variables.count; i++) {
    const CheckedVariable *variable = &rule->variables.items[i];
    bool has_batch = false;
    for (int a = 0; a < variable->axes; a++) has_batch = has_batch || variable->axis[a] == RULE_AXIS_BATCH;
    if (variable->kind != CHECKED_SYNAPSE || !has_batch) continue;
    double bytes = 0;
    for (size_t p = 0; p < plan->count; p++) {
      if (plan->variables[p].kind != BLUR_SYNAPSE || strcmp(plan->variables[p].name, variable->name) != 0) continue;
      double layer_bytes = element_bytes;
      for (int d = 0; d < plan->variables[p].dimensions; d++) layer_bytes *= (double)plan->variables[p].extent[d];
      bytes += layer_bytes;
    }
    text_add(out, "  %s has a number a sample: %.4g MB\n", variable->name, bytes / 1e6);
  }
}

char *blur_explain_rule(const BlurRule *rule, const BlurOptions *options, BlurReport *report) {
  const CheckedRule *checked = rule->checked;
  Text out = {0};
  text_add(&out, "rule %s (%s)\n", checked->name, checked->source ? checked->source->path : "");
  print_variables(checked, CHECKED_NEURON, "neurons", &out);
  print_variables(checked, CHECKED_SYNAPSE, "synapses", &out);
  print_variables(checked, CHECKED_SIGNAL, "signals", &out);
  print_variables(checked, CHECKED_GENOME, "genome", &out);
  print_genome(checked, &out);
  print_equations(checked, &out);
  if (options && options->layers) {
    DriverPrograms programs = {.arena = report->arena};
    if (!driver_lower(&programs, checked, options, &report->sink)) {
      text_free(&out);
      return NULL;
    }
    driver_optimize(&programs, options->all_live, NULL, NULL);
    DriverSchedules schedules = driver_schedule(&programs, options);
    text_add(&out, "on ");
    for (int i = 0; i < options->layers; i++) text_add(&out, "%s%lld", i ? "-" : "", (long long)options->units[i]);
    text_add(&out, ", batch %lld\n", (long long)options->batch);
    const Schedule *both[] = {schedules.step, schedules.predict};
    VariablePlan plan = plan_variables(report->arena, checked, programs.lowered_step, programs.lowered_predict, options,
                                       true, schedules.step->element_bytes, place_of, both);
    print_dead(&plan, &out);
    print_traces(checked, &plan, schedules.step->element_bytes, &out);
    text_add(&out, "  a step: %.4g million flops, %.4g MB moved, %zu kernels\n", schedules.step->flops / 1e6,
             schedules.step->bytes / 1e6, schedules.step->kernel_count);
    text_add(&out, "  a prediction: %.4g million flops, %zu kernels\n", schedules.predict->flops / 1e6,
             schedules.predict->kernel_count);
    text_add(&out, "  memory: %.4g MB, and %.4g MB of scratch a thread\n", (double)schedules.step->memory_bytes / 1e6,
             (double)schedules.step->scratch_bytes / 1e6);
  }
  return out.bytes;
}
