// What every report of this folder gets: how to mend it, where the place of the report does not say it better, and the
// calls of functions that led there.
#include "compiler/semantics/checker.h"

#include <string.h>

static const char *usual_help(DiagnosticCode code) {
  switch (code) {
  case DIAGNOSTIC_declared_twice: return "keep one of them; a rule that is `like` another may declare its names again";
  case DIAGNOSTIC_index_kind: return "write a bound index (`a[c]`), or a constant such as `a[k-1]`";
  case DIAGNOSTIC_index_repeated: return "name it once";
  case DIAGNOSTIC_not_constant: return "constants are numbers, `const` names, and what functions make of them";
  case DIAGNOSTIC_constant_cycle: return "give one of the constants in the circle a number";
  case DIAGNOSTIC_no_derivative: return "the first argument of a derivative is a value, as in `act'(z)`";
  case DIAGNOSTIC_bias_without_pre: return "leave `bias` out, or declare a synapse variable with the axis `pre`";
  case DIAGNOSTIC_bad_like: return "name another synapse variable: `synapse m like w = 0`";
  case DIAGNOSTIC_inheritance_cycle: return "let one of these rules stand alone, without `like`";
  case DIAGNOSTIC_initial_not_scalar:
    return "constants, genome values of the network, `fan_in`, `fan_out` and `layer` may stand in it";
  case DIAGNOSTIC_literal_shape:
    return "one number a state, in one pair of brackets a state axis: `[[1, 0], [0, 1]]` for [2,2]";
  case DIAGNOSTIC_rule_too_large: return "name a value by `let` instead of writing it out again";
  case DIAGNOSTIC_bad_range: return "write `in (low, high)` with the initial value between them";
  case DIAGNOSTIC_constant_not_finite: return "look for a division by zero or the logarithm of zero";
  case DIAGNOSTIC_argmax_axes: return "name one axis, as in `argmax(unit: h)`";
  case DIAGNOSTIC_recursion: return "functions are written out where they stand, so none may reach itself";
  default: return NULL;
  }
}

Diagnostic *checker_report_finish(Diagnostic *diagnostic) {
  if (!diagnostic->help) diagnostic->help = usual_help(diagnostic->code);
  return diagnostic;
}

Diagnostic *checker_calls(Checker *checker, Diagnostic *diagnostic) {
  int shown = 0;
  for (const Call *call = checker->call; call && shown < 3; call = call->outer, shown++)
    diagnostic_note(checker->sink, diagnostic, call->span, "in this call of `%s`", call->entry->name.text);
  return checker_report_finish(diagnostic);
}

// Was this code reported at this place already (by another check of the same text)?
bool report_stands_at(const Checker *checker, Span span) {
  for (size_t i = 0; i < checker->sink->items.count; i++) {
    const Span *other = &checker->sink->items.items[i].span;
    if (other->file == span.file && other->start == span.start && other->end == span.end) return true;
  }
  return false;
}

void report_out_of_range(Checker *checker, Span span, int64_t state, const char *name, int64_t extent) {
  Diagnostic *diagnostic = REPORT(checker, index_out_of_range, span, (long long)state, name, (long long)extent);
  diagnostic_help(checker->sink, diagnostic,
                  extent == 1 ? "its only state is `%s[0]`" : "its states are `%s[0]` to `%s[%lld]`", name, name,
                  (long long)(extent - 1));
}

Diagnostic *report_index_count(Checker *checker, Span span, const char *name, int declared, const AstIndex *indices) {
  int given = 0;
  for (; indices; indices = indices->next) given++;
  const char *has = !declared       ? "no states"
                    : declared == 1 ? "one state axis"
                                    : arena_format(checker->arena, "%d state axes", declared);
  const char *stands = given == 1 ? "one index stands" : arena_format(checker->arena, "%d indices stand", given);
  return REPORT(checker, index_count, span, name, has, stands);
}
