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

// ---- consequences: one mistake is one error

// What the error takes away the trust in: nothing, the declaration that it stands in, or that of the name it is about.
typedef enum { BLAME_NOTHING, BLAME_ITSELF, BLAME_NAME } Blame;

static Blame blame_of(DiagnosticCode code) {
  switch (code) {
  case DIAGNOSTIC_declared_twice:
  case DIAGNOSTIC_bias_without_pre:
  case DIAGNOSTIC_bad_like:
  case DIAGNOSTIC_bad_axes:
  case DIAGNOSTIC_initial_lost:
  case DIAGNOSTIC_attribute_misplaced: return BLAME_ITSELF;
  case DIAGNOSTIC_not_assignable:
  case DIAGNOSTIC_side_of_other:
  case DIAGNOSTIC_function_as_value:
  case DIAGNOSTIC_not_a_function: return BLAME_NAME;
  default: return BLAME_NOTHING;
  }
}

static Span line_of(Span span) {
  const SourceFile *file = span.file;
  uint32_t line = source_line(file, span.start), end = line < file->lines ? file->line_starts[line] : file->length;
  return (Span){file, file->line_starts[line - 1], end};
}

Entry *checker_entry_at(Checker *checker, Span span) {
  if (!span.file) return NULL;
  static const char *const sides[] = {"pre.", "post.", "output."};
  const char *text = span.file->text + span.start;
  for (int i = 0; i < 3; i++)
    if (!strncmp(text, sides[i], strlen(sides[i]))) text += strlen(sides[i]);
  size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
  return name_table_find(&checker->names, arena_copy(checker->arena, text, length));
}

// Is the declaration of the name that the error stands at worth a look?
static bool is_about_declared(DiagnosticCode code) {
  return code == DIAGNOSTIC_not_constant || code == DIAGNOSTIC_index_missing || code == DIAGNOSTIC_index_count;
}

static void note_declaration(Checker *checker, Diagnostic *diagnostic) {
  if (!is_about_declared(diagnostic->code)) return;
  const Entry *entry = checker_entry_at(checker, diagnostic->span);
  if (entry && entry->name.span.file == diagnostic->span.file && entry->name.span.start != diagnostic->span.start)
    diagnostic_note(checker->sink, diagnostic, entry->name.span, "declared here");
  if (entry) note_origin(checker, diagnostic, entry);
}

// The rest of the statement is not judged, nor what else is said about names of a declaration that cannot be right.
static void note_consequences(Checker *checker, const Diagnostic *diagnostic) {
  DiagnosticSink *sink = checker->sink;
  bool declares = checker->place.kind == PLACE_CONSTANT || checker->place.kind == PLACE_INITIAL;
  if (!declares) diagnostic_mute(sink, MUTED_ALL);
  if (!diagnostic->span.file) return;
  Blame blame = blame_of(diagnostic->code);
  if (blame == BLAME_ITSELF || (blame == BLAME_NAME && declares))
    diagnostic_damage(sink, line_of(diagnostic->span), true);
  const Entry *entry = blame == BLAME_NAME ? checker_entry_at(checker, diagnostic->span) : NULL;
  if (entry) diagnostic_damage(sink, line_of(entry->name.span), true);
  const Call *call = checker->call; // its text is judged again at every call
  if (call && call->entry->declaration && call->entry->declaration->span.file == diagnostic->span.file)
    diagnostic_damage(sink, call->entry->declaration->span, false);
  bool wrong_block = diagnostic->code == DIAGNOSTIC_not_visible || diagnostic->code == DIAGNOSTIC_side_in_one_layer;
  if (wrong_block && !declares) diagnostic_damage(sink, checker->place.block, false);
}

void checker_doubt_readers(Checker *checker, Span declaration) {
  DiagnosticSink *sink = checker->sink;
  if (sink->muted == MUTED_NONE && diagnostic_is_damaged(sink, declaration)) diagnostic_mute(sink, MUTED_ALL_BUT_NAMES);
}

void checker_unknown_name_told(Checker *checker, Span span) {
  if (checker->place.kind == PLACE_CONSTANT || checker->place.kind == PLACE_INITIAL)
    diagnostic_damage(checker->sink, line_of(span), true);
  else if (checker->sink->muted == MUTED_NONE) diagnostic_mute(checker->sink, MUTED_ALL_BUT_NAMES);
}

Diagnostic *checker_report_finish(Checker *checker, Diagnostic *diagnostic) {
  if (!diagnostic->help) diagnostic->help = usual_help(diagnostic->code);
  if (diagnostic == &checker->sink->scratch || diagnostic->severity != SEVERITY_ERROR) return diagnostic;
  note_declaration(checker, diagnostic);
  note_consequences(checker, diagnostic);
  return diagnostic;
}

Diagnostic *checker_calls(Checker *checker, Diagnostic *diagnostic) {
  int shown = 0;
  for (const Call *call = checker->call; call && shown < 3; call = call->outer, shown++)
    diagnostic_note(checker->sink, diagnostic, call->span, "in this call of `%s`", call->entry->name.text);
  return checker_report_finish(checker, diagnostic);
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
