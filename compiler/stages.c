// Looking inside: every stage of a rule's way as text, single passes on IR text, and what a rule costs.
#include "compiler/driver.h"
#include "compiler/plan.h"
#include "compiler/rule.h"
#include "compiler/source/library.h"
#include "compiler/syntax/syntax.h"

#include <stdlib.h>
#include <string.h>

static const char *const stage_names[] = {"tokens",  "ast",     "checked",         "ir",   "adjoint",
                                          "tangent", "kernels", "adjoint:kernels", "llvm", "asm"};

static char *taken(Text *text) { // the caller frees it
  char *bytes = text->bytes ? text->bytes : calloc(1, 1);
  *text = (Text){0};
  return bytes;
}

static const BlurOptions *or_default(const BlurOptions *options) {
  static const int64_t units[] = {4, 3, 2};
  static const BlurOptions small = {.layers = 3, .units = units, .batch = 8};
  return options && options->layers ? options : &small;
}

typedef struct {
  const char *wanted; // "simplify": the output of the pass of that name, its last run
  Text *out;
} WatchPass;

static void watch_pass(void *context, const char *pass, const IrProgram *program) {
  const WatchPass *watch = context;
  if (strcmp(pass, watch->wanted)) return;
  bool first_of_pair = !strcmp(program->name, "predict");
  if (first_of_pair && watch->out->bytes) watch->out->length = 0, watch->out->bytes[0] = 0;
  if (!first_of_pair && watch->out->length) text_add(watch->out, "\n");
  ir_print(program, watch->out);
}

static void print_both(const IrProgram *first, const IrProgram *second, Text *out) {
  ir_print(first, out);
  text_add(out, "\n");
  ir_print(second, out);
}

// Lowers and optimizes what reverses a step, and a query.
static bool make_adjoint(DriverPrograms *programs, const CheckedRule *checked, const BlurOptions *options,
                         DiagnosticSink *sink) {
  if (!driver_can_reverse(programs, sink) || !driver_lower_adjoint(programs, checked, options, sink)) return false;
  driver_optimize_adjoint(programs, options->all_live, false, NULL, NULL);
  return true;
}

static bool emit_compiled(const CheckedRule *checked, const char *stage, const BlurOptions *options, Text *out,
                          Arena *arena, BlurReport *report) {
  DriverPrograms programs = {.arena = arena};
  if (!driver_lower(&programs, checked, options, &report->sink)) return false;
  if (!strcmp(stage, "ir")) {
    print_both(programs.lowered_step, programs.lowered_predict, out);
    return true;
  }
  if (!strcmp(stage, "adjoint")) {
    if (!make_adjoint(&programs, checked, options, &report->sink)) return false;
    print_both(programs.step_adjoint, programs.query, out);
    return true;
  }
  if (!strcmp(stage, "tangent")) {
    if (!driver_lower_tangent(&programs, checked, options, &report->sink)) return false;
    driver_optimize_tangent(&programs, options->all_live, false);
    print_both(programs.step_tangent, programs.query_tangent, out);
    return true;
  }
  bool one_pass = !strncmp(stage, "ir:", 3);
  WatchPass watch = {one_pass ? stage + 3 : "", out};
  driver_optimize(&programs, options->all_live, watch_pass, &watch);
  if (one_pass && !out->length) { // a pass of adjoints alone
    Diagnostic *problem = diagnostic_report(&report->sink, DIAGNOSTIC_unknown_stage, (Span){0}, stage);
    diagnostic_help(&report->sink, problem,
                    "this pass is none of a step's; `--stage=adjoint` prints a step's derivatives");
    return false;
  }
  if (one_pass) return true;
  bool reverse = !strcmp(stage, "adjoint:kernels");
  if (reverse && !make_adjoint(&programs, checked, options, &report->sink)) return false;
  DriverSchedules schedules = driver_schedule(&programs, options);
  if (reverse || !strcmp(stage, "kernels")) {
    schedule_print(reverse ? schedules.step_adjoint : schedules.step, out);
    text_add(out, "\n");
    schedule_print(reverse ? schedules.query : schedules.predict, out);
    return true;
  }
  BackendUnit units[] = {{"step", schedules.step, 0}, {"predict", schedules.predict, 0}};
  const char *error = NULL;
  const char *text = backend_print(arena, options->cpu, units, 2, !strcmp(stage, "asm"), &error);
  if (!text) {
    report_environment(report, "%s", error ? error : "the code generator failed");
    return false;
  }
  text_add_bytes(out, text, strlen(text));
  return true;
}

static bool known_stage(const char *stage) {
  if (!strncmp(stage, "ir:", 3)) return pass_find(stage + 3) != NULL;
  for (size_t i = 0; i < sizeof stage_names / sizeof *stage_names; i++)
    if (!strcmp(stage, stage_names[i])) return true;
  return false;
}

char *blur_emit(const char *rule_name, const BlurSetting *settings, size_t setting_count, BlurLoss loss,
                const char *stage, const BlurOptions *options, BlurReport *report) {
  if (!known_stage(stage)) {
    Diagnostic *problem = diagnostic_report(&report->sink, DIAGNOSTIC_unknown_stage, (Span){0}, stage);
    const char *near = near_name(stage, stage_names, sizeof stage_names / sizeof *stage_names);
    if (!strncmp(stage, "ir:", 3)) diagnostic_help(&report->sink, problem, "`blur pass` lists the passes");
    else if (near) diagnostic_help(&report->sink, problem, "did you mean `%s`?", near);
    else
      diagnostic_help(&report->sink, problem,
                      "the stages are tokens, ast, checked, ir, ir:PASS, adjoint, tangent, kernels, adjoint:kernels, "
                      "llvm, asm");
    return NULL;
  }
  Text out = {0};
  if (!strcmp(stage, "tokens") || !strcmp(stage, "ast")) {
    const AstFile *file = rule_file(report->arena, rule_name, report);
    if (!file) return NULL;
    if (!strcmp(stage, "tokens")) tokens_print(report->arena, file->source, &out);
    else ast_print(file, &out);
    return taken(&out);
  }
  BlurRule *rule = blur_rule_load(rule_name, settings, setting_count, loss, report);
  if (!rule) return NULL;
  bool done = true;
  if (!strcmp(stage, "checked")) checked_print(rule->checked, &out);
  else {
    BlurOptions with_loss = *or_default(options);
    with_loss.query_loss = loss;
    done = emit_compiled(rule->checked, stage, &with_loss, &out, report->arena, report);
  }
  blur_rule_destroy(rule);
  if (done) return taken(&out);
  text_free(&out);
  return NULL;
}

char *blur_run_pass(const char *name, const char *ir_text, size_t length, BlurReport *report) {
  const Pass *pass = pass_find(name);
  if (!pass) {
    const char *const *names, *const *summaries;
    size_t count = blur_pass_names(&names, &summaries);
    Diagnostic *problem = diagnostic_report(&report->sink, DIAGNOSTIC_unknown_pass, (Span){0}, name);
    const char *near = near_name(name, names, count);
    if (near) diagnostic_help(&report->sink, problem, "did you mean `%s`?", near);
    else diagnostic_help(&report->sink, problem, "`blur pass` lists the passes");
    return NULL;
  }
  IrText input = {ir_text, length, 1};
  Text out = {0};
  do {
    const char *error = NULL;
    IrProgram *program = ir_parse_next(report->arena, &input, &error);
    if (program) error = ir_verify(program);
    if (error) {
      diagnostic_report(&report->sink, DIAGNOSTIC_bad_ir, (Span){0}, error);
      text_free(&out);
      return NULL;
    }
    pass->run(program);
    error = ir_verify(program);
    if (error) driver_internal_error(name, error, program);
    if (out.length) text_add(&out, "\n");
    ir_print(program, &out);
  } while (input.length);
  return taken(&out);
}

size_t blur_pass_names(const char *const **names, const char *const **summaries) {
  enum { MOST = 64 };
  static const char *name_list[MOST], *summary_list[MOST];
  size_t count = pass_count < MOST ? pass_count : MOST;
  for (size_t i = 0; i < count; i++) {
    name_list[i] = pass_table[i].name;
    summary_list[i] = pass_table[i].summary;
  }
  *names = name_list;
  *summaries = summary_list;
  return count;
}
