// Constants: an expression in a place where only constants may stand folds to a number or a truth value. The
// expressions are checked like all others (expression.c), so that constants know every function of the language and of
// the library.
#include "compiler/semantics/checker.h"

#include <math.h>

// The node of a constant expression; NULL after a report. One that does not fold is left to the caller.
static CheckedExpression *constant_node(Checker *checker, const AstExpression *ast, const char *what) {
  Place place = checker->place;
  Environment environment = checker->environment;
  checker->place = (Place){.kind = PLACE_CONSTANT, .name = what};
  CheckedExpression *value = check_expression(checker, ast);
  checker->place = place;
  checker->environment = environment;
  return node_is_error(checker, value) ? NULL : value;
}

bool constant_number(Checker *checker, const AstExpression *ast, const char *what, double *number, bool *is_truth) {
  *number = 0;
  *is_truth = false;
  const CheckedExpression *value = constant_node(checker, ast, what);
  if (!value) return false;
  if (value->kind != CHECKED_NUMBER) {
    REPORT(checker, not_constant, ast->span, what);
    return false;
  }
  *number = value->number;
  *is_truth = value->is_truth;
  if (isfinite(value->number)) return true;
  REPORT(checker, constant_not_finite, ast->span, isnan(value->number) ? "not a number" : "infinite");
  return false;
}

bool constant_integer(Checker *checker, const AstExpression *ast, const char *what, int64_t *integer) {
  const CheckedExpression *value = constant_node(checker, ast, what);
  if (!value) return false;
  double number = value->number;
  bool is_number = value->kind == CHECKED_NUMBER && !value->is_truth;
  if (is_number && number == floor(number) && fabs(number) <= 1e9) {
    *integer = (int64_t)number;
    return true;
  }
  Diagnostic *diagnostic = REPORT(checker, index_kind, ast->span, what);
  if (is_number) diagnostic_label(checker->sink, diagnostic, "%.17g", number);
  return false;
}

// Evaluates a declared constant when it is first asked for.
bool constant_of_entry(Checker *checker, Entry *entry, Span asked_at) {
  entry->used = true;
  if (entry->state == CONSTANT_DONE) return true;
  if (entry->state == CONSTANT_FAILED) return false;
  if (entry->state == CONSTANT_RUNNING) {
    Diagnostic *diagnostic = REPORT(checker, constant_cycle, entry->name.span, entry->name.text);
    diagnostic_note(checker->sink, diagnostic, asked_at, "its value is asked for here");
    entry->state = CONSTANT_FAILED;
    return false;
  }
  Environment environment = checker->environment;
  Call *call = checker->call;
  checker->environment = (Environment){NULL, entry->file, entry->in_rule};
  checker->call = NULL;
  entry->state = CONSTANT_RUNNING;
  bool fine = constant_number(checker, entry->value, "a constant", &entry->number, &entry->is_truth);
  entry->state = fine && entry->state == CONSTANT_RUNNING ? CONSTANT_DONE : CONSTANT_FAILED;
  checker->environment = environment;
  checker->call = call;
  return entry->state == CONSTANT_DONE;
}
