// Noise: `normal(batch, post: mean, deviation)` and `uniform(batch, post: low, high)` draw a number for each element of
// the axes named. Each place of the text, with each call of a function that leads there, is a draw of its own; a draw
// is a value, the same wherever its `let` is read. What the distribution is made of are ordinary operations around it.
#include "compiler/semantics/checker.h"

#include <string.h>

static CheckedExpression *report_place(Checker *checker, const AstExpression *ast) {
  bool is_constant = checker->place.kind == PLACE_CONSTANT;
  Diagnostic *diagnostic = REPORT(checker, noise_place, ast->span, checker->place.name);
  diagnostic_help(checker->sink, diagnostic,
                  is_constant && !checker->place.sees_genome
                      ? "noise is drawn in the blocks of a rule"
                      : "an initial value is drawn by `~`: `w ~ %s(...)`; noise is drawn in the blocks of a rule",
                  ast->call.function.text);
  return checker->error;
}

static bool check_form(Checker *checker, const AstExpression *ast) {
  const char *name = ast->call.function.text;
  bool is_normal = !strcmp(name, "normal");
  int given = 0;
  for (const AstExpression *argument = ast->call.arguments; argument; argument = argument->next) given++;
  if (ast->call.brackets) {
    REPORT(checker, function_indices, ast->span, name, 0, "indices", 1);
    return false;
  }
  if (!ast->call.axes) {
    Diagnostic *diagnostic = REPORT(checker, noise_axes, ast->span);
    diagnostic_help(checker->sink, diagnostic, "name the axes before a colon: `%s(%s: 0, 1)`", name,
                    checker->place.kind == PLACE_ONE_LAYER ? "batch, unit" : "batch, post");
    return false;
  }
  if (given == 2) return true;
  Diagnostic *diagnostic = REPORT(checker, argument_count, ast->span, name, 2, "arguments", given);
  diagnostic_help(checker->sink, diagnostic,
                  is_normal ? "its mean and its deviation: `normal(batch, post: 0, 1)`"
                            : "its lower and its upper end: `uniform(batch, post: 0, 1)`");
  return false;
}

// A state index with a known state adds no element: the place tells the draws apart.
static bool check_drawn_axes(Checker *checker, const AstExpression *ast, RuleAxisSet *named, RuleAxis *states,
                             int *count) {
  *named = 0;
  *count = 0;
  for (const AstNameList *item = ast->call.axes; item; item = item->next) {
    Local *local = scope_find_local(checker, item->name.text);
    if (local && local->kind == LOCAL_INDEX && !local->index.is_axis) {
      local->used = true;
      continue;
    }
    RuleAxisSet axes;
    AstNameList single = {item->name, NULL};
    if (!check_axes(checker, &single, false, &axes)) return false;
    RuleAxisSet so_far = *named;
    for (int i = 0; i < *count; i++) so_far |= axis_bit(states[i]);
    if (axes & so_far) {
      REPORT(checker, index_repeated, item->name.span, item->name.text);
      return false;
    }
    for (RuleAxis axis = 0; axis < 64; axis++) {
      if (!(axes & axis_bit(axis))) continue;
      if (axis < RULE_AXIS_FIRST_STATE) *named |= axis_bit(axis);
      else if (*count < IR_MAX_DIMENSIONS) states[(*count)++] = axis;
    }
  }
  if (__builtin_popcountll(*named) + *count <= IR_MAX_DIMENSIONS) return true;
  REPORT(checker, rule_too_large, ast->span, "noise over more than 8 axes");
  return false;
}

static bool is_number(const CheckedExpression *value, double number) {
  return value->kind == CHECKED_NUMBER && value->number == number;
}

// first + factor * drawn
static CheckedExpression *scaled(Checker *checker, CheckedExpression *first, CheckedExpression *factor,
                                 CheckedExpression *drawn, Span span) {
  if (!is_number(factor, 1)) drawn = node_operation(checker, OP_MULTIPLY, factor, drawn, NULL, span);
  return is_number(first, 0) ? drawn : node_operation(checker, OP_ADD, first, drawn, NULL, span);
}

CheckedExpression *check_noise(Checker *checker, const AstExpression *ast) {
  bool is_normal = !strcmp(ast->call.function.text, "normal");
  if (ast->call.primes) {
    REPORT(checker, no_derivative, ast->span, ast->call.function.text);
    return checker->error;
  }
  if (checker->place.kind < PLACE_ONE_LAYER) return report_place(checker, ast);
  if (!check_form(checker, ast)) return checker->error;
  RuleAxisSet named;
  RuleAxis states[IR_MAX_DIMENSIONS];
  int count;
  bool fine = check_drawn_axes(checker, ast, &named, states, &count);
  CheckedExpression *first = check_number(checker, ast->call.arguments);
  CheckedExpression *second = check_number(checker, ast->call.arguments->next);
  if (!fine || node_is_error(checker, first) || node_is_error(checker, second)) return checker->error;
  if (checker->place.kind == PLACE_ANYWHERE) return checker->error; // a function that nobody calls
  CheckedExpression *drawn = node_noise(checker, is_normal ? 'n' : 'u', named, states, count, ast->span);
  if (is_normal) return scaled(checker, first, second, drawn, ast->span);
  return scaled(checker, first, node_operation(checker, OP_SUBTRACT, second, first, NULL, ast->span), drawn, ast->span);
}
