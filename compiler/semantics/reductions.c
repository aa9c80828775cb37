// Reductions: `sum(pre, d: body)` removes axes and binds state indices in its body. mean, var and norm2 become sums
// here: mean = sum / count; var = sum((z - mean)^2) / count, without Bessel's correction; norm2 = sqrt(sum(z^2)).
#include "compiler/semantics/checker.h"

#include <string.h>

CheckedExpression *make_reduction(Checker *checker, BuiltinReduction reduction, RuleAxisSet axes,
                                  CheckedExpression *body, Span span) {
  if (node_is_error(checker, body)) return body;
  body = node_to_number(checker, body);
  if (node_is_error(checker, body)) return body;
  bias_check_reduction(checker, axes & axis_bit(RULE_AXIS_PRE) ? body : NULL, span);
  CheckedExpression *count = NULL;
  if (reduction == BUILTIN_MEAN || reduction == BUILTIN_VARIANCE) count = node_count(checker, axes, body, span);
  switch (reduction) {
  case BUILTIN_SUM: return node_reduce(checker, REDUCE_SUM, axes, body, span);
  case BUILTIN_PRODUCT: return node_reduce(checker, REDUCE_PRODUCT, axes, body, span);
  case BUILTIN_MAXIMUM: return node_reduce(checker, REDUCE_MAXIMUM, axes, body, span);
  case BUILTIN_MINIMUM: return node_reduce(checker, REDUCE_MINIMUM, axes, body, span);
  case BUILTIN_ARGMAX: return node_reduce(checker, REDUCE_ARGMAX, axes, body, span);
  case BUILTIN_MEAN: break;
  case BUILTIN_VARIANCE: {
    CheckedExpression *sum = node_reduce(checker, REDUCE_SUM, axes, body, span);
    CheckedExpression *mean = node_operation(checker, OP_DIVIDE, sum, count, NULL, span);
    CheckedExpression *difference = node_operation(checker, OP_SUBTRACT, body, mean, NULL, span);
    body = node_operation(checker, OP_MULTIPLY, difference, difference, NULL, span);
    break;
  }
  case BUILTIN_NORM: {
    CheckedExpression *square = node_operation(checker, OP_MULTIPLY, body, body, NULL, span);
    return node_operation(checker, OP_SQRT, node_reduce(checker, REDUCE_SUM, axes, square, span), NULL, NULL, span);
  }
  }
  return node_operation(checker, OP_DIVIDE, node_reduce(checker, REDUCE_SUM, axes, body, span), count, NULL, span);
}

// A reduction over an axis that its body lacks only counts: nearly always a slip.
static void warn_absent_axis(Checker *checker, const AstExpression *ast, RuleAxisSet axes,
                             const CheckedExpression *body) {
  if (node_is_error(checker, body) || checker->call) return;
  for (const AstNameList *item = ast->call.axes; item; item = item->next) {
    int axis = name_of_axis(item->name.text);
    if (axis < 0 || !(axes & ~body->axes & axis_bit((RuleAxis)axis))) continue;
    Diagnostic *diagnostic = REPORT(checker, absent_axis, item->name.span, item->name.text);
    diagnostic_label(checker->sink, diagnostic, "the body has %s", axis_set_text(checker, body->axes));
    diagnostic_help(checker->sink, diagnostic, "leave `%s` out, or check the body", item->name.text);
  }
}

const char *likely_axis(const Checker *checker) {
  const char *block = checker->place.name ? checker->place.name : "";
  return checker->place.kind == PLACE_ONE_LAYER ? "unit"
         : strstr(block, "forward")             ? "pre"
         : strstr(block, "backward")            ? "post"
                                                : "batch";
}

CheckedExpression *check_reduction(Checker *checker, const AstExpression *ast, BuiltinReduction reduction) {
  const char *name = ast->call.function.text;
  if (ast->call.brackets) {
    REPORT(checker, function_indices, ast->span, name, 0, "indices", 1);
    return checker->error;
  }
  if (!ast->call.axes) {
    Diagnostic *diagnostic = REPORT(checker, function_axes, ast->span, name);
    diagnostic_help(checker->sink, diagnostic, "name the axes before a colon: `%s(%s: ...)`", name,
                    likely_axis(checker));
    return checker->error;
  }
  const AstExpression *argument = ast->call.arguments;
  if (!argument || argument->next) {
    int given = 0;
    for (; argument; argument = argument->next) given++;
    REPORT(checker, argument_count, ast->span, name, 1, "argument", given);
    return checker->error;
  }
  Local *outer = checker->environment.locals;
  RuleAxisSet axes;
  CheckedExpression *result = checker->error;
  if (check_axes(checker, ast->call.axes, true, &axes)) {
    CheckedExpression *body = check_expression(checker, argument);
    if (reduction == BUILTIN_ARGMAX && (axes & (axes - 1))) REPORT(checker, argmax_axes, ast->span);
    else {
      warn_absent_axis(checker, ast, axes, body);
      result = make_reduction(checker, reduction, axes, body, ast->span);
    }
  }
  checker->environment.locals = outer;
  return result;
}
