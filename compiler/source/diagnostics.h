// Diagnostics: collected in a sink, never printed where they arise; the compiler goes on after each.
// Every code, severity, message format and long explanation is one line of diagnostics.def.
#ifndef BLUR_SOURCE_DIAGNOSTICS_H
#define BLUR_SOURCE_DIAGNOSTICS_H

#include "base/text.h"
#include "compiler/source/source.h"

typedef enum {
#define DIAGNOSTIC(code, name, severity, format, explanation) DIAGNOSTIC_##name,
#include "compiler/source/diagnostics.def"
#undef DIAGNOSTIC
  DIAGNOSTIC_COUNT
} DiagnosticCode;

typedef enum { SEVERITY_ERROR, SEVERITY_WARNING } Severity;

typedef struct {
  Span span;        // {0} for a note without a place
  const char *text; // in the user's words
} DiagnosticNote;

typedef struct {
  DiagnosticCode code;
  Severity severity;
  Span span;
  const char *message;
  const char *label; // short text behind the carets, or NULL
  ARENA_LIST(DiagnosticNote) notes;
  const char *help;        // how to mend it, or NULL
  Span fix;                // where `replacement` goes; {0} if there is no fix-it
  const char *replacement; // or NULL
} Diagnostic;

// Start with `DiagnosticSink sink = {.arena = arena};`.
struct DiagnosticSink {
  Arena *arena;
  ARENA_LIST(Diagnostic) items;
  size_t errors, warnings;
  Diagnostic scratch; // what a report returns that is not kept
};

// Adds a diagnostic; the message is the code's format with the arguments. The same code at the same place is reported
// once. Returned pointer: valid until the next report; use it with the three functions below. After 100 errors the
// rest is counted, not kept (a scratch diagnostic is returned).
Diagnostic *diagnostic_report(DiagnosticSink *sink, DiagnosticCode code, Span span, ...);
void diagnostic_label(DiagnosticSink *sink, Diagnostic *diagnostic, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diagnostic_note(DiagnosticSink *sink, Diagnostic *diagnostic, Span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diagnostic_help(DiagnosticSink *sink, Diagnostic *diagnostic, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diagnostic_fix(DiagnosticSink *sink, Diagnostic *diagnostic, Span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Takes over what another sink of the same arena holds.
void diagnostic_take(DiagnosticSink *sink, const Diagnostic *diagnostic);

// Rendering, in order of place. `color`: ANSI colors. JSON: one array of objects {code, severity, file, line, column,
// end_line, end_column, message, label, notes: [{...}], help, fix: {line, column, end_line, end_column, text}}.
void diagnostics_render(const DiagnosticSink *sink, Text *out, bool color);
void diagnostics_render_json(const DiagnosticSink *sink, Text *out);

const char *diagnostic_code_name(DiagnosticCode code); // "E0212"
// The long explanation of "E0212" (as in `blur explain E0212`), or NULL. Its title is the message with "..." for
// what differs from place to place; valid until the next call in this thread.
const char *diagnostic_explanation(const char *code_name, const char **title);

void diagnostics_print_index(Text *out); // all explanations, as a page of Markdown

// The candidate nearest to `name` by edit distance, or NULL if none is near (distance <= max(1, length/3)).
const char *near_name(const char *name, const char *const *candidates, size_t count);

#endif
