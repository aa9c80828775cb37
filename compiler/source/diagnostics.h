// Diagnostics: collected in a sink, never printed where they arise; the compiler goes on after each.
// Every code, severity, message format and long explanation is one line of diagnostics.def.
#ifndef BLUR_SOURCE_DIAGNOSTICS_H
#define BLUR_SOURCE_DIAGNOSTICS_H

#include "base/near_name.h"
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

// A part of a text that was not understood, as an error says. `names`: what it declares is in doubt as well.
typedef struct {
  Span span;
  bool names;
} DamagedSpan;

// Of the codes E02xx: none; all but unknown names; all.
typedef enum { MUTED_NONE, MUTED_ALL_BUT_NAMES, MUTED_ALL } MutedCodes;

// Start with `DiagnosticSink sink = {.arena = arena};`.
struct DiagnosticSink {
  Arena *arena;
  ARENA_LIST(Diagnostic) items;
  ARENA_LIST(DamagedSpan) damaged; // diagnostic_damage
  MutedCodes muted;                // diagnostic_mute
  bool doubtful_blocks;            // diagnostic_doubt_blocks
  size_t errors, warnings;
  Diagnostic scratch; // what a report returns that is not kept
};

// Adds a diagnostic; the message is the code's format with the arguments. The same code at the same place is reported
// once; so is, of the codes about names and meaning (E02xx), the same message at several places: the others become
// notes. Returned pointer: valid until the next report; use it with the three functions below. After 100 errors the
// rest is counted, not kept (a scratch diagnostic is returned).
Diagnostic *diagnostic_report(DiagnosticSink *sink, DiagnosticCode code, Span span, ...);
// Consequences of an error are not told. What stands in a damaged place is not judged by E02xx, nor what is about a
// name in it (`names`), nor the texts that a damaged one builds on. An equation with an error is not judged further
// (muted). Where braces or blocks are in doubt, what a block sees is not.
void diagnostic_damage(DiagnosticSink *sink, Span span, bool names);
bool diagnostic_is_damaged(const DiagnosticSink *sink, Span span);
// The words of damaged declarations of a file, in the arena: their number.
size_t diagnostic_damaged_words(const DiagnosticSink *sink, const SourceFile *file, const char **words, size_t limit);
void diagnostic_mute(DiagnosticSink *sink, MutedCodes muted);
void diagnostic_doubt_blocks(DiagnosticSink *sink);
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

#endif
