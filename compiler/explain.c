// `blur explain RULE`: the rule in the user's words. Variables with their axes and values, equations with the axes of
// what they assign, the genome's size, what the prediction depends on, and where derivatives have edges.
#include "compiler/explain.h"

#include "compiler/rule.h"

#include <math.h>
#include <string.h>

enum { AXES_COLUMN = 60 }; // longer equations push only their own axes

// ---- variables

static void print_axes(const CheckedRule *rule, const CheckedVariable *variable, Text *out) {
  text_add(out, "{");
  const char *separator = "";
  for (int s = 0; s < variable->states; s++, separator = ", ")
    text_add(out, "%s%lld states", separator, (long long)variable->extent[s]);
  for (int a = 0; a < variable->axes; a++, separator = ", ")
    text_add(out, "%s%s", separator, rule->axes.items[variable->axis[a]].name);
  text_add(out, "}%s%s", variable->bias ? " and the unit neuron's row" : "",
           variable->persistent ? ", persistent" : "");
}

// The text of a place, its white space folded to single blanks.
static void print_source(Span span, Text *out) {
  bool blank = false, comment = false;
  for (uint32_t i = span.start; span.file && i < span.end; i++) {
    char c = span.file->text[i];
    comment = (comment || c == '#') && c != '\n';
    if (comment || c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      blank = true;
      continue;
    }
    if (blank) text_add(out, " ");
    blank = false;
    text_add_bytes(out, &c, 1);
  }
}

static void print_constants(const CheckedVariable *variable, Text *out) {
  enum { MOST = 8 };
  int64_t count = 1;
  for (int s = 0; s < variable->states; s++) count *= variable->extent[s];
  text_add(out, " = [");
  for (int64_t i = 0; i < count && i < MOST; i++) {
    if (i) text_add(out, ", ");
    text_add_number(out, variable->constants[i]);
  }
  text_add(out, count > MOST ? ", ...]" : "]");
}

static void print_initial(const CheckedVariable *variable, Text *out) {
  if (variable->initial_kind == INITIAL_VALUE && variable->constants) {
    print_constants(variable, out);
  } else if (variable->initial_kind == INITIAL_VALUE && variable->first) {
    text_add(out, " = ");
    print_source(variable->first->span, out);
  } else if (variable->initial_kind == INITIAL_DRAW) {
    text_add(out, " ~ %s(", variable->draw == 'n' ? "normal" : variable->draw == 'u' ? "uniform" : "orthogonal");
    if (variable->first) print_source(variable->first->span, out);
    if (variable->second) text_add(out, ", ");
    if (variable->second) print_source(variable->second->span, out);
    text_add(out, ")");
  }
  checked_print_range(variable, out);
}

static void print_variables(const CheckedRule *rule, CheckedKind kind, const char *title, Text *out) {
  bool any = false;
  for (size_t i = 0; i < rule->variables.count; i++) {
    const CheckedVariable *variable = &rule->variables.items[i];
    if (variable->kind != kind) continue;
    if (!any) text_add(out, "%s\n", title);
    any = true;
    text_add(out, "  %-10s ", variable->name);
    print_axes(rule, variable, out);
    print_initial(variable, out);
    text_add(out, "\n");
  }
}

static void print_genome_size(const CheckedRule *rule, Text *out) {
  static const char *const scopes[] = {[SCOPE_NONE] = "numbers",
                                       [SCOPE_PER_LAYER] = "for every synapse layer",
                                       [SCOPE_PER_NEURON] = "for every neuron",
                                       [SCOPE_PER_SYNAPSE] = "for every synapse"};
  long long numbers[4] = {0}, frozen = 0;
  for (size_t i = 0; i < rule->variables.count; i++) {
    const CheckedVariable *variable = &rule->variables.items[i];
    if (variable->kind != CHECKED_GENOME) continue;
    long long elements = 1;
    for (int s = 0; s < variable->states; s++) elements *= variable->extent[s];
    numbers[variable->scope] += elements;
    if (variable->frozen) frozen += elements;
  }
  text_add(out, "genome size %lld%s", numbers[SCOPE_NONE], numbers[SCOPE_NONE] == 1 ? " number" : " numbers");
  for (int scope = SCOPE_PER_LAYER; scope <= SCOPE_PER_SYNAPSE; scope++)
    if (numbers[scope]) text_add(out, ", %lld %s", numbers[scope], scopes[scope]);
  text_add(out, "\n");
  if (frozen) text_add(out, "  of which frozen %lld\n", frozen);
}

// ---- equations

static RuleAxisSet axes_of_target(const CheckedRule *rule, const CheckedStatement *statement) {
  if (statement->is_let) return rule->lets.items[statement->let].value->axes;
  const CheckedVariable *variable = &rule->variables.items[statement->variable];
  RuleAxisSet axes = 0;
  for (int s = 0; s < variable->states; s++)
    if (statement->index[s].is_axis) axes |= (RuleAxisSet)1 << statement->index[s].axis;
  for (int a = 0; a < variable->axes; a++) axes |= (RuleAxisSet)1 << statement->renamed[a];
  return axes;
}

static void print_equation(const CheckedRule *rule, Span span, RuleAxisSet axes, Text *out) {
  size_t start = out->length;
  text_add(out, "    ");
  print_source(span, out);
  size_t width = out->length - start;
  text_add(out, "%*s  ", (int)(width < AXES_COLUMN ? AXES_COLUMN - width : 0), "");
  checked_print_axes(rule, axes, out);
  text_add(out, "\n");
}

static void print_block(const CheckedRule *rule, const CheckedBlock *block, Text *out) {
  text_add(out, "  ");
  checked_print_heading(block, out);
  text_add(out, "\n");
  Span shown = {0};
  for (const CheckedStatement *s = block->statements; s; s = s->next) {
    if (s->span.file == shown.file && s->span.start == shown.start) continue; // a range is several statements
    shown = s->span;
    print_equation(rule, s->span, axes_of_target(rule, s), out);
  }
}

static void print_equations(const CheckedRule *rule, Text *out) {
  text_add(out, "equations\n");
  for (size_t b = 0; b < rule->blocks.count; b++) print_block(rule, &rule->blocks.items[b], out);
  if (rule->has_own_step) {
    text_add(out, "  step\n    ");
    checked_print_steps(rule, rule->step, out);
    text_add(out, "\n");
  }
  text_add(out, "  predict\n");
  if (rule->has_own_step && rule->predict_steps) {
    text_add(out, "    ");
    checked_print_steps(rule, rule->predict_steps, out);
    text_add(out, "\n");
  }
  if (rule->prediction) print_equation(rule, rule->prediction->span, rule->prediction->axes, out);
  text_add(out, rule->predicts_with_batch_statistics
                    ? "the prediction uses statistics of the batch: it depends on the other samples in it\n"
                    : "the prediction of a sample depends on no other sample of its batch\n");
}

char *blur_explain_rule(const BlurRule *rule, const BlurOptions *options, BlurReport *report) {
  const CheckedRule *checked = rule->checked;
  Text out = {0};
  text_add(&out, "rule %s (%s)\n", checked->name, checked->source ? checked->source->path : "");
  print_variables(checked, CHECKED_NEURON, "neurons", &out);
  print_variables(checked, CHECKED_SYNAPSE, "synapses", &out);
  print_variables(checked, CHECKED_SIGNAL, "signals", &out);
  print_variables(checked, CHECKED_GENOME, "genome", &out);
  print_genome_size(checked, &out);
  print_equations(checked, &out);
  checked_print_edges(checked, &out);
  if (options && options->layers && !explain_network(rule, options, report, &out)) {
    text_free(&out);
    return NULL;
  }
  return out.bytes;
}
