// The unit neuron. A synapse with `bias` has one more row on its pre side, where every neuron reads 1. What `pre` runs
// over is decided by who binds it: a reduction, by the synapses in its body (inner reductions over pre apart); the left
// side of an assignment, by its target. Here: that nobody mixes synapses with and without the row, and that act(1) is
// no surprise.
#include "compiler/semantics/checker.h"

static const char *variable_name(const Checker *checker, int variable) {
  return variable >= 0 ? checker->rule->variables.items[variable].name : "?";
}

static void note_variable(Checker *checker, Diagnostic *diagnostic, int variable, const char *what) {
  if (variable < 0) return;
  const CheckedVariable *info = &checker->rule->variables.items[variable];
  diagnostic_note(checker->sink, diagnostic, info->span, "`%s` %s", info->name, what);
}

static bool has_own_axes(const CheckedVariable *variable) {
  return variable->axes != 2 || variable->axis[0] != RULE_AXIS_PRE || variable->axis[1] != RULE_AXIS_POST;
}

static void report_mixed(Checker *checker, Span span, int with, int without) {
  Diagnostic *diagnostic =
      REPORT(checker, bias_mixed, span, variable_name(checker, with), variable_name(checker, without));
  note_variable(checker, diagnostic, with, "has the row of the unit neuron (`bias`)");
  note_variable(checker, diagnostic, without, "has not");
  if (without >= 0 && checker->rule->variables.items[without].kind == CHECKED_GENOME)
    diagnostic_help(checker->sink, diagnostic, "declare it with the row, too: `genome %s bias per synapse`",
                    variable_name(checker, without));
  else if (without >= 0 && has_own_axes(&checker->rule->variables.items[without]))
    diagnostic_help(checker->sink, diagnostic, "give it the row, too: `bias` behind the axes of `%s`",
                    variable_name(checker, without));
  else
    diagnostic_help(checker->sink, diagnostic, "declare it with the row, too: `synapse %s like %s`",
                    variable_name(checker, without), variable_name(checker, with));
}

static void warn_function(Checker *checker, const Node *node) {
  Diagnostic *diagnostic = REPORT(checker, neuron_in_function, node->function_span);
  note_variable(checker, diagnostic, node->bias_variable,
                "has `bias`: its `pre` includes the unit neuron, which reads 1");
  diagnostic_help(checker->sink, diagnostic, "if that is not meant: `if bias then 1 else ...`");
}

void bias_check_reduction(Checker *checker, const CheckedExpression *body, Span span) {
  if (!body) return;
  const Node *node = node_of(body);
  if (!(node->flags & NODE_BIAS_SYNAPSE)) return;
  if (node->flags & NODE_PLAIN_SYNAPSE) report_mixed(checker, span, node->bias_variable, node->plain_variable);
  else if (node->flags & NODE_NEURON_IN_FUNCTION) warn_function(checker, node);
}

void bias_check_assignment(Checker *checker, int variable, CheckedSide side, const CheckedExpression *value,
                           Span span) {
  const CheckedVariable *target = &checker->rule->variables.items[variable];
  if (target->kind != CHECKED_SYNAPSE || side != SIDE_OWN || node_is_error(checker, value)) return;
  const Node *node = node_of(value);
  if (target->bias && (node->flags & NODE_PLAIN_SYNAPSE)) report_mixed(checker, span, variable, node->plain_variable);
  else if (!target->bias && (node->flags & NODE_BIAS_SYNAPSE))
    report_mixed(checker, span, node->bias_variable, variable);
  else if (target->bias && (node->flags & NODE_NEURON_IN_FUNCTION)) {
    Node copy = *node;
    copy.bias_variable = variable;
    warn_function(checker, &copy);
  }
}
