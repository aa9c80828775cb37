// See front_end.h.
#include "tests/fuzz/front_end.h"

#include "compiler/driver.h"
#include "compiler/passes/lower.h"
#include "compiler/rule.h"
#include "compiler/semantics/experiment.h"
#include "compiler/syntax/syntax.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST_HOLD(condition, ...)                                                                                      \
  do {                                                                                                                 \
    if (!(condition)) broken(#condition, __VA_ARGS__);                                                                 \
  } while (0)

static void broken(const char *condition, const char *what, const char *text) {
  fprintf(stderr, "does not hold: %s (%s)\n%s\n", condition, what, text);
  abort();
}

// ---- reports

static void check_span(Span span, const char *message) {
  if (!span.file) return;
  MUST_HOLD(span.start <= span.end, "a place ends before it begins", message);
  MUST_HOLD(span.end <= span.file->length, "a place ends behind its text", message);
}

static void check_reports(const DiagnosticSink *sink) {
  for (size_t i = 0; i < sink->items.count; i++) {
    const Diagnostic *diagnostic = &sink->items.items[i];
    MUST_HOLD(*diagnostic->message, "a report without a message", diagnostic_code_name(diagnostic->code));
    check_span(diagnostic->span, diagnostic->message);
    for (size_t n = 0; n < diagnostic->notes.count; n++)
      check_span(diagnostic->notes.items[n].span, diagnostic->notes.items[n].text);
  }
  Text text = {0};
  diagnostics_render(sink, &text, true);
  diagnostics_render_json(sink, &text);
  text_free(&text);
}

// ---- layout

static size_t count_of(const char *text, char wanted) {
  size_t count = 0;
  for (; *text; text++) count += *text == wanted;
  return count;
}

static void check_layout(Arena *arena, const SourceFile *source, const AstFile *file) {
  Text once = {0}, twice = {0}, before = {0}, after = {0};
  const char *problem = format_source(source, &once);
  MUST_HOLD(!problem, problem, source->text);
  DiagnosticSink sink = {.arena = arena};
  SourceFile *formatted = source_from_bytes(arena, source->path, text_get(&once), once.length);
  const AstFile *again = parse_file(arena, formatted, &sink);
  MUST_HOLD(sink.errors == 0, "the formatted text has errors", text_get(&once));
  ast_print(file, &before);
  ast_print(again, &after);
  MUST_HOLD(!strcmp(text_get(&before), text_get(&after)), "formatting changed the tree", text_get(&once));
  MUST_HOLD(count_of(source->text, '#') == count_of(text_get(&once), '#'), "a comment is lost", text_get(&once));
  problem = format_source(formatted, &twice);
  MUST_HOLD(!problem && !strcmp(text_get(&once), text_get(&twice)), "formatting is not idempotent", text_get(&once));
  text_free(&once);
  text_free(&twice);
  text_free(&before);
  text_free(&after);
}

// ---- programs

static void read_back(const IrProgram *program) {
  Text first = {0}, second = {0};
  ir_print(program, &first);
  Arena *arena = arena_create();
  const char *error = NULL;
  const IrProgram *read = ir_parse(arena, text_get(&first), first.length, &error);
  MUST_HOLD(read, error, text_get(&first));
  ir_print(read, &second);
  MUST_HOLD(!strcmp(text_get(&first), text_get(&second)), "printed IR reads back as something else", text_get(&first));
  arena_destroy(arena);
  text_free(&first);
  text_free(&second);
}

// The driver verifies after each pass, and ends the process where a program is not well-formed.
static void compile(const CheckedRule *rule, const int64_t *units, int layers, DiagnosticSink *sink) {
  BlurOptions options = {.layers = layers, .units = units, .batch = 2};
  LowerNetwork network = {.layers = layers, .units = units, .batch = 2};
  Arena *arena = arena_create();
  DriverPrograms programs = {.arena = arena};
  if (lower_check_network(rule, &network, sink) && driver_lower(&programs, rule, &options, sink)) {
    read_back(programs.step);
    driver_optimize(&programs, false, NULL, NULL);
    read_back(programs.step);
    read_back(programs.predict);
    if (layers == 2 && driver_can_reverse(&programs, sink) && driver_lower_adjoint(&programs, rule, &options, sink))
      driver_optimize_adjoint(&programs, false, false, NULL, NULL);
  }
  arena_destroy(arena);
}

static void check_rules(Arena *arena, const AstFile *file, const ModuleLoader *loader, DiagnosticSink *sink) {
  for (const AstRule *rule = file->rules; rule; rule = rule->next) {
    const CheckedRule *checked = check_rule(arena, file, rule, NULL, 0, LOSS_CROSS_ENTROPY, loader, sink);
    if (!checked) continue;
    Text text = {0};
    checked_print(checked, &text);
    checked_print_edges(checked, &text);
    text_free(&text);
    compile(checked, (const int64_t[]){2, 3, 2}, 3, sink);
    compile(checked, (const int64_t[]){2, 2}, 2, sink);
  }
}

// ---- the way of a file

void fuzz_front_end(const char *bytes, size_t length) {
  BlurReport *report = blur_report_create();
  DiagnosticSink *sink = &report->sink;
  Arena *arena = report->arena;
  SourceFile *source = source_from_bytes(arena, "fuzz.blur", bytes, length);
  Text tokens = {0};
  tokens_print(arena, source, &tokens);
  text_free(&tokens);
  const AstFile *file = parse_file(arena, source, sink);
  MUST_HOLD(file, "no tree", source->text);
  bool parsed = sink->errors == 0;
  if (parsed) check_layout(arena, source, file);
  RuleModules modules = {.arena = arena, .report = report};
  ModuleLoader loader = rule_modules(&modules);
  size_t errors = sink->errors;
  bool right = check_file(arena, file, &loader, sink);
  MUST_HOLD(right == (sink->errors == errors), "check's answer and its errors differ", source->text);
  check_experiments(arena, file, !parsed, &loader, sink);
  check_reports(sink);
  if (sink->errors == 0) check_rules(arena, file, &loader, sink);
  blur_report_destroy(report);
}
