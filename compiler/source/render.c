// Diagnostics as text for people: the message, where it is, the source line with carets under the span, notes and help.
// Columns are those of a terminal: tabs are spread to the next multiple of four, wide characters take two.
#include "compiler/source/ordered.h"

#include <stdio.h>
#include <string.h>

enum { TAB_STOP = 4, LONG_LINE = 200, WINDOW_BEFORE = 60, WINDOW_AFTER = 120 };

typedef struct {
  Text *out;
  const char *bold, *error, *warning, *frame, *off; // ANSI sequences, or ""
} Style;

static Style style_of(Text *out, bool color) {
  if (!color) return (Style){out, "", "", "", "", ""};
  return (Style){out, "\x1b[1m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[0m"};
}

static int terminal_width(int32_t point) {
  if (point >= 0x300 && point <= 0x36F) return 0; // combining marks
  bool wide = (point >= 0x1100 && point <= 0x115F) || (point >= 0x2E80 && point <= 0xA4CF) ||
              (point >= 0xAC00 && point <= 0xD7A3) || (point >= 0xF900 && point <= 0xFAFF) ||
              (point >= 0xFE30 && point <= 0xFE6F) || (point >= 0xFF00 && point <= 0xFF60) ||
              (point >= 0x1F300 && point <= 0x1FAFF) || (point >= 0x20000 && point <= 0x3FFFD);
  return wide ? 2 : 1;
}

// One character of a source line; control characters and broken bytes appear as U+FFFD, so that no file can
// send commands to a terminal. Returns the width it took; prints nothing if `out` is NULL.
static int add_character(Text *out, int32_t point, const char *bytes, size_t taken, int column) {
  if (point == '\t') {
    int width = TAB_STOP - column % TAB_STOP;
    if (out) text_add(out, "%*s", width, "");
    return width;
  }
  bool control = point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x202A && point <= 0x202E) ||
                 (point >= 0x2066 && point <= 0x2069);
  if (control) {
    if (out) text_add(out, "\xEF\xBF\xBD");
    return 1;
  }
  if (out) text_add_bytes(out, bytes, taken);
  return terminal_width(point);
}

// Text of a message: what it quotes from the file may hold anything.
static void add_safely(Text *out, const char *text) {
  size_t left = strlen(text), taken;
  for (; left > 0; text += taken, left -= taken) {
    int32_t point = utf8_decode(text, left, &taken);
    add_character(out, point == '\n' || point == '\t' ? ' ' : point, point == '\n' || point == '\t' ? " " : text, taken,
                  0);
  }
}

static int digits_of(uint32_t number) {
  int digits = 1;
  while (number >= 10) number /= 10, digits++;
  return digits;
}

// The part of line [start, end) that is shown for a span that begins at `at`.
static void choose_window(const SourceFile *file, uint32_t at, uint32_t *start, uint32_t *end) {
  if (*end - *start <= LONG_LINE) return;
  uint32_t first = at - *start > WINDOW_BEFORE ? at - WINDOW_BEFORE : *start;
  uint32_t last = *end - at > WINDOW_AFTER ? at + WINDOW_AFTER : *end;
  while (first > *start && ((unsigned char)file->text[first] & 0xC0) == 0x80) first--;
  while (last < *end && ((unsigned char)file->text[last] & 0xC0) == 0x80) last++;
  *start = first;
  *end = last;
}

static void add_excerpt(const Style *style, Span span, const char *label, const char *caret_style, int gutter) {
  const SourceFile *file = span.file;
  uint32_t offset = span.start > file->length ? file->length : span.start;
  Position position = source_position(file, offset);
  uint32_t line_start = file->line_starts[position.line - 1];
  uint32_t line_end = position.line < file->lines ? file->line_starts[position.line] - 1 : file->length;
  if (line_end > line_start && file->text[line_end - 1] == '\r') line_end--;
  if (line_start == 0 && line_end >= 3 && memcmp(file->text, "\xEF\xBB\xBF", 3) == 0) line_start = 3;
  if (offset > line_end) offset = line_end; // the line's own end
  if (offset < line_start) offset = line_start;

  text_add(style->out, "%s%*s-->%s %s:%u:%u\n", style->frame, gutter, "", style->off, file->path, position.line,
           position.column);
  text_add(style->out, "%s%*s |%s\n", style->frame, gutter, "", style->off);
  text_add(style->out, "%s%*u |%s ", style->frame, gutter, position.line, style->off);

  uint32_t window_start = line_start, window_end = line_end;
  choose_window(file, offset, &window_start, &window_end);
  int column = 0, caret_start = 0, caret_end = 0;
  if (window_start > line_start) {
    text_add(style->out, "...");
    column = 3;
  }
  caret_start = caret_end = column;
  size_t taken;
  for (uint32_t i = window_start; i < window_end; i += (uint32_t)taken) {
    int32_t point = utf8_decode(file->text + i, window_end - i, &taken);
    if (i <= offset) caret_start = caret_end = column;
    column += add_character(style->out, point, file->text + i, taken, column);
    if (i < span.end) caret_end = column;
    if (i < offset) caret_start = caret_end = column;
  }
  if (window_end < line_end) text_add(style->out, "...");
  text_add(style->out, "\n%s%*s |%s %*s%s^", style->frame, gutter, "", style->off, caret_start, "", caret_style);
  for (int i = caret_start + 1; i < caret_end; i++) text_add(style->out, "^");
  if (label) {
    text_add(style->out, " ");
    add_safely(style->out, label);
  }
  text_add(style->out, "%s\n", style->off);
}

static void add_remark(const Style *style, int gutter, const char *text) {
  text_add(style->out, "%s%*s =%s ", style->frame, gutter, "", style->off);
  add_safely(style->out, text);
  text_add(style->out, "\n");
}

static void add_fix(const Style *style, const DiagnosticSink *sink, const Diagnostic *diagnostic, int gutter) {
  const char *replacement = diagnostic->replacement;
  if (!replacement) return;
  // Help that shows the replacement in backquotes has said it already.
  const char *quoted = arena_format(sink->arena, "`%s`", replacement);
  if (diagnostic->help && *replacement && strstr(diagnostic->help, quoted)) return;
  Span fix = diagnostic->fix;
  if (!*replacement && diagnostic->help) return;
  uint32_t length = fix.end - fix.start;
  const char *old = fix.file ? arena_copy(sink->arena, fix.file->text + fix.start, length > 60 ? 60 : length) : "";
  if (!*replacement) add_remark(style, gutter, arena_format(sink->arena, "remove `%s`", old));
  else if (length == 0) add_remark(style, gutter, arena_format(sink->arena, "insert %s", quoted));
  else add_remark(style, gutter, arena_format(sink->arena, "write %s", quoted));
}

static int gutter_of(const Diagnostic *diagnostic) {
  int gutter = 1;
  if (diagnostic->span.file) gutter = digits_of(source_position(diagnostic->span.file, diagnostic->span.start).line);
  for (size_t i = 0; i < diagnostic->notes.count; i++) {
    Span span = diagnostic->notes.items[i].span;
    if (!span.file) continue;
    int digits = digits_of(source_position(span.file, span.start).line);
    if (digits > gutter) gutter = digits;
  }
  return gutter;
}

static void add_diagnostic(const Style *style, const DiagnosticSink *sink, const Diagnostic *diagnostic) {
  bool is_error = diagnostic->severity == SEVERITY_ERROR;
  const char *severity_style = is_error ? style->error : style->warning;
  text_add(style->out, "%s%s[%s]%s%s: ", severity_style, is_error ? "error" : "warning",
           diagnostic_code_name(diagnostic->code), style->off, style->bold);
  add_safely(style->out, diagnostic->message);
  text_add(style->out, "%s\n", style->off);
  int gutter = gutter_of(diagnostic);
  if (diagnostic->span.file) add_excerpt(style, diagnostic->span, diagnostic->label, severity_style, gutter);
  for (size_t i = 0; i < diagnostic->notes.count; i++)
    if (!diagnostic->notes.items[i].span.file) add_remark(style, gutter, diagnostic->notes.items[i].text);
  if (diagnostic->help) add_remark(style, gutter, diagnostic->help);
  add_fix(style, sink, diagnostic, gutter);
  for (size_t i = 0; i < diagnostic->notes.count; i++) {
    const DiagnosticNote *note = &diagnostic->notes.items[i];
    if (!note->span.file) continue;
    text_add(style->out, "%snote%s: ", style->bold, style->off);
    add_safely(style->out, note->text);
    text_add(style->out, "\n");
    add_excerpt(style, note->span, NULL, style->frame, gutter);
  }
}

void diagnostics_render(const DiagnosticSink *sink, Text *out, bool color) {
  Style style = style_of(out, color);
  const Diagnostic **ordered = diagnostics_ordered(sink);
  for (size_t i = 0; i < sink->items.count; i++) {
    if (i > 0) text_add(out, "\n");
    add_diagnostic(&style, sink, ordered[i]);
  }
}
