// The catalogue of diagnostics and the sink that collects them. Every stage of the compiler reports here and goes on;
// source/render.c and source/render_json.c print what was collected.
#include "compiler/source/diagnostics.h"

#include <stdio.h>
#include <string.h>

enum { KEPT_OF_A_SEVERITY = 100 };

typedef struct {
  const char *code_name;
  Severity severity;
  const char *format, *explanation;
} CatalogueEntry;

static const CatalogueEntry catalogue[] = {
#define DIAGNOSTIC(code, name, severity, format, explanation) {code, severity, format, explanation},
#include "compiler/source/diagnostics.def"
#undef DIAGNOSTIC
};

static bool same_span(Span a, Span b) { return a.file == b.file && a.start == b.start && a.end == b.end; }

Diagnostic *diagnostic_report(DiagnosticSink *sink, DiagnosticCode code, Span span, ...) {
  sink->scratch = (Diagnostic){.code = code, .severity = catalogue[code].severity, .span = span, .message = ""};
  for (size_t i = 0; i < sink->items.count; i++)
    if (sink->items.items[i].code == code && span.file && same_span(sink->items.items[i].span, span))
      return &sink->scratch;
  size_t *counter = catalogue[code].severity == SEVERITY_ERROR ? &sink->errors : &sink->warnings;
  if ((*counter)++ >= KEPT_OF_A_SEVERITY) return &sink->scratch;
  va_list arguments;
  va_start(arguments, span);
  sink->scratch.message = arena_format_list(sink->arena, catalogue[code].format, arguments);
  va_end(arguments);
  ARENA_PUSH(sink->arena, &sink->items, sink->scratch);
  return &sink->items.items[sink->items.count - 1];
}

void diagnostic_take(DiagnosticSink *sink, const Diagnostic *diagnostic) {
  size_t before = sink->items.count;
  for (size_t i = 0; i < before; i++)
    if (sink->items.items[i].code == diagnostic->code && same_span(sink->items.items[i].span, diagnostic->span)) return;
  size_t *counter = diagnostic->severity == SEVERITY_ERROR ? &sink->errors : &sink->warnings;
  if ((*counter)++ < KEPT_OF_A_SEVERITY) ARENA_PUSH(sink->arena, &sink->items, *diagnostic);
}

#define FORMAT_TO(destination)                                                                                         \
  do {                                                                                                                 \
    va_list arguments;                                                                                                 \
    va_start(arguments, format);                                                                                       \
    (destination) = arena_format_list(sink->arena, format, arguments);                                                 \
    va_end(arguments);                                                                                                 \
  } while (0)

void diagnostic_label(DiagnosticSink *sink, Diagnostic *diagnostic, const char *format, ...) {
  FORMAT_TO(diagnostic->label);
}

void diagnostic_note(DiagnosticSink *sink, Diagnostic *diagnostic, Span span, const char *format, ...) {
  if (diagnostic == &sink->scratch) return;
  DiagnosticNote note = {.span = span};
  FORMAT_TO(note.text);
  ARENA_PUSH(sink->arena, &diagnostic->notes, note);
}

void diagnostic_help(DiagnosticSink *sink, Diagnostic *diagnostic, const char *format, ...) {
  FORMAT_TO(diagnostic->help);
}

void diagnostic_fix(DiagnosticSink *sink, Diagnostic *diagnostic, Span span, const char *format, ...) {
  diagnostic->fix = span;
  FORMAT_TO(diagnostic->replacement);
}

const char *diagnostic_code_name(DiagnosticCode code) { return catalogue[code].code_name; }

// The message format as a heading: every conversion becomes "...".
static const char *heading(const char *format) {
  static _Thread_local char text[256];
  size_t length = 0;
  for (const char *c = format; *c && length + 4 < sizeof text; c++) {
    if (*c != '%' || c[1] == '%') {
      text[length++] = *c;
      c += *c == '%';
      continue;
    }
    c += 1 + strspn(c + 1, "lz.0123456789");
    memcpy(text + length, "...", 3);
    length += 3;
    if (!*c) break;
  }
  text[length] = 0;
  return text;
}

// An explanation's lines as Markdown: those of its example are indented there, too.
void diagnostics_print_index(Text *out) {
  static const struct {
    const char *prefix, *title;
  } sections[] = {{"E00", "Files and text"},
                  {"E01", "Syntax"},
                  {"E02", "Names, axes, extents"},
                  {"E03", "Networks, names on the command line, the environment"},
                  {"W04", "Warnings"}};
  text_add(out, "# Diagnostics\n\nEvery error and warning of the compiler, with what it means and how to mend it. "
                "`blur explain E0212` prints one of\nthem; this page is `blur explain --index`.\n");
  for (size_t s = 0; s < sizeof sections / sizeof *sections; s++) {
    text_add(out, "\n## %s\n", sections[s].title);
    for (size_t i = 0; i < DIAGNOSTIC_COUNT; i++) {
      if (strncmp(catalogue[i].code_name, sections[s].prefix, strlen(sections[s].prefix)) != 0) continue;
      const char *explanation = catalogue[i].explanation;
      size_t length = strlen(explanation);
      text_add(out, "\n### %s: %s\n\n%s%s", catalogue[i].code_name, heading(catalogue[i].format), explanation,
               length && explanation[length - 1] == '\n' ? "" : "\n");
    }
  }
}

const char *diagnostic_explanation(const char *code_name, const char **title) {
  for (size_t i = 0; i < DIAGNOSTIC_COUNT; i++)
    if (strcmp(catalogue[i].code_name, code_name) == 0) {
      if (title) *title = heading(catalogue[i].format);
      return catalogue[i].explanation;
    }
  return NULL;
}
