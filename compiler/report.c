// Reports: what the public functions hand back instead of printing or aborting.
#include "compiler/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

BlurReport *blur_report_create(void) {
  Arena *arena = arena_create();
  BlurReport *report = ARENA_NEW(arena, BlurReport);
  report->arena = report->sink.arena = arena;
  return report;
}

void blur_report_destroy(BlurReport *report) {
  if (!report) return;
  text_free(&report->text);
  for (size_t i = 0; i < report->kept.count; i++) arena_destroy(report->kept.items[i]);
  arena_destroy(report->arena);
}

void report_keep(BlurReport *report, Arena *arena) {
  arena_retain(arena);
  ARENA_PUSH(report->arena, &report->kept, arena);
}

size_t blur_report_errors(const BlurReport *report) { return report->sink.errors; }
size_t blur_report_warnings(const BlurReport *report) { return report->sink.warnings; }

// Files that cannot be read (E0001 ... E0009) are failures of the environment as well.
bool blur_report_is_environment(const BlurReport *report) { return report->environment; }

void report_environment(BlurReport *report, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = arena_format_list(report->arena, format, arguments);
  va_end(arguments);
  report->environment = true;
  diagnostic_report(&report->sink, DIAGNOSTIC_environment, (Span){0}, text);
}

const char *blur_report_text(BlurReport *report, bool color) {
  report->text.length = 0;
  if (report->text.bytes) report->text.bytes[0] = 0;
  diagnostics_render(&report->sink, &report->text, color);
  return text_get(&report->text);
}

const char *blur_report_json(BlurReport *report) {
  report->text.length = 0;
  if (report->text.bytes) report->text.bytes[0] = 0;
  diagnostics_render_json(&report->sink, &report->text);
  return text_get(&report->text);
}

char *blur_explain_index(void) {
  Text text = {0};
  diagnostics_print_index(&text);
  return text.bytes;
}

const char *blur_explain_code(const char *code, const char **title) { return diagnostic_explanation(code, title); }
