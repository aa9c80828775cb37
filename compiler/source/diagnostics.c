// The catalogue of diagnostics and the sink that collects them. Every stage of the compiler reports here and goes on;
// source/render.c and source/render_json.c print what was collected.
#include "compiler/source/diagnostics.h"

#include <stdio.h>
#include <stdlib.h>
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

// ---- consequences

static bool is_about_meaning(DiagnosticCode code) { return strncmp(catalogue[code].code_name, "E02", 3) == 0; }

static bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Does the word that begins at `word` stand somewhere in the span?
static bool has_word(Span span, Span word) {
  const char *text = word.file->text + word.start;
  size_t length = 0;
  while (word.start + length < word.file->length && is_word_byte(text[length])) length++;
  if (length == 0) return false;
  const char *from = span.file->text + span.start, *end = span.file->text + span.end;
  for (const char *c = from; c + length <= end; c++) {
    if (memcmp(c, text, length) != 0) continue;
    bool begins = c == span.file->text || !is_word_byte(c[-1]);
    if (begins && !is_word_byte(c[length])) return true;
  }
  return false;
}

// The names at a place: `h`, or `pre` and `h` of `pre.h`.
static bool names_word_of(Span damaged, Span span) {
  if (has_word(damaged, span)) return true;
  const char *text = span.file->text;
  uint32_t at = span.start;
  while (at < span.file->length && is_word_byte(text[at])) at++;
  return at < span.file->length && text[at] == '.' && has_word(damaged, (Span){span.file, at + 1, span.end});
}

bool diagnostic_is_damaged(const DiagnosticSink *sink, Span span) {
  for (size_t i = 0; i < sink->damaged.count && span.file; i++) {
    const DamagedSpan *damaged = &sink->damaged.items[i];
    if (damaged->span.file != span.file) continue;
    if (span.start >= damaged->span.start && span.start < damaged->span.end) return true;
    if (damaged->names && names_word_of(damaged->span, span)) return true;
  }
  return false;
}

size_t diagnostic_damaged_words(const DiagnosticSink *sink, const SourceFile *file, const char **words, size_t limit) {
  size_t count = 0;
  for (size_t i = 0; i < sink->damaged.count; i++) {
    const DamagedSpan *damaged = &sink->damaged.items[i];
    if (damaged->span.file != file || !damaged->names) continue;
    const char *text = file->text;
    for (uint32_t start = damaged->span.start, end; start < damaged->span.end && count < limit; start = end + 1) {
      for (end = start; end < damaged->span.end && is_word_byte(text[end]);) end++;
      if (end > start) words[count++] = arena_copy(sink->arena, text + start, end - start);
    }
  }
  return count;
}

// In a text that a damaged one builds on.
static bool is_below_damage(const DiagnosticSink *sink, Span span) {
  for (size_t i = 0; i < sink->damaged.count; i++)
    if (sink->damaged.items[i].span.file == span.file) return false;
  return sink->damaged.count > 0;
}

void diagnostic_damage(DiagnosticSink *sink, Span span, bool names) {
  DamagedSpan damaged = {span, names};
  if (span.file && span.end > span.start) ARENA_PUSH(sink->arena, &sink->damaged, damaged);
}

void diagnostic_mute(DiagnosticSink *sink, MutedCodes muted) { sink->muted = muted; }

void diagnostic_doubt_blocks(DiagnosticSink *sink) { sink->doubtful_blocks = true; }

static bool is_muted(const DiagnosticSink *sink, DiagnosticCode code) {
  switch (code) {
  case DIAGNOSTIC_unknown_name:
  case DIAGNOSTIC_unknown_function: return sink->muted == MUTED_ALL;
  case DIAGNOSTIC_declared_twice:
  case DIAGNOSTIC_unknown_axis:
  case DIAGNOSTIC_missing_side:
  case DIAGNOSTIC_side_in_one_layer:
  case DIAGNOSTIC_not_visible:
  case DIAGNOSTIC_unknown_block:
  case DIAGNOSTIC_no_prediction: return sink->muted != MUTED_NONE || sink->doubtful_blocks;
  default: return sink->muted != MUTED_NONE;
  }
}

// The report with this code and message in the same file, which takes another place as a note.
static Diagnostic *same_report(DiagnosticSink *sink, DiagnosticCode code, Span span, const char *message) {
  for (size_t i = 0; i < sink->items.count; i++) {
    Diagnostic *diagnostic = &sink->items.items[i];
    if (diagnostic->code == code && diagnostic->span.file == span.file && !strcmp(diagnostic->message, message))
      return diagnostic;
  }
  return NULL;
}

static void note_another_place(DiagnosticSink *sink, Diagnostic *diagnostic, Span span) {
  enum { MOST = 4 };
  size_t places = 0;
  for (size_t i = 0; i < diagnostic->notes.count; i++) places += !strcmp(diagnostic->notes.items[i].text, "and here");
  if (places < MOST) diagnostic_note(sink, diagnostic, span, "and here");
}

Diagnostic *diagnostic_report(DiagnosticSink *sink, DiagnosticCode code, Span span, ...) {
  sink->scratch = (Diagnostic){.code = code, .severity = catalogue[code].severity, .span = span, .message = ""};
  for (size_t i = 0; i < sink->items.count; i++)
    if (sink->items.items[i].code == code && span.file && same_span(sink->items.items[i].span, span))
      return &sink->scratch;
  if (is_about_meaning(code) &&
      (is_muted(sink, code) || diagnostic_is_damaged(sink, span) || is_below_damage(sink, span)))
    return &sink->scratch;
  size_t *counter = catalogue[code].severity == SEVERITY_ERROR ? &sink->errors : &sink->warnings;
  if (*counter >= KEPT_OF_A_SEVERITY) {
    ++*counter;
    return &sink->scratch;
  }
  va_list arguments;
  va_start(arguments, span);
  sink->scratch.message = arena_format_list(sink->arena, catalogue[code].format, arguments);
  va_end(arguments);
  Diagnostic *same = span.file && is_about_meaning(code) ? same_report(sink, code, span, sink->scratch.message) : NULL;
  if (same) {
    note_another_place(sink, same, span);
    return &sink->scratch;
  }
  ++*counter;
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

static int compare_codes(const void *left, const void *right) {
  return strcmp(catalogue[*(const size_t *)left].code_name, catalogue[*(const size_t *)right].code_name);
}

// An explanation's lines as Markdown: those of its example are indented there, too.
void diagnostics_print_index(Text *out) {
  static const struct {
    const char *prefix, *title;
  } sections[] = {{"E00", "Files and text"},       {"E01", "Syntax"},
                  {"E02", "Names, axes, extents"}, {"E03", "Networks, names on the command line, the environment"},
                  {"E05", "Experiments"},          {"W0", "Warnings"}};
  size_t order[DIAGNOSTIC_COUNT];
  for (size_t i = 0; i < DIAGNOSTIC_COUNT; i++) order[i] = i;
  qsort(order, DIAGNOSTIC_COUNT, sizeof *order, compare_codes);
  text_add(out, "# Diagnostics\n\nEvery error and warning of the compiler, with what it means and how to mend it. "
                "`blur explain E0212` prints one of\nthem; this page is `blur explain --index`.\n");
  for (size_t s = 0; s < sizeof sections / sizeof *sections; s++) {
    text_add(out, "\n## %s\n", sections[s].title);
    for (size_t i = 0; i < DIAGNOSTIC_COUNT; i++) {
      const CatalogueEntry *entry = &catalogue[order[i]];
      if (strncmp(entry->code_name, sections[s].prefix, strlen(sections[s].prefix)) != 0) continue;
      const char *explanation = entry->explanation;
      size_t length = strlen(explanation);
      text_add(out, "\n### %s: %s\n\n%s%s", entry->code_name, heading(entry->format), explanation,
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
