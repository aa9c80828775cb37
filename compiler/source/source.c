// Source files: bytes from a file or from memory, and the line and column of a place in them. The first stage of all;
// after it comes the scanner. Text is UTF-8; a byte order mark at the start is kept but not counted.
#include "compiler/source/diagnostics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool starts_with_mark(const SourceFile *file) {
  return file->length >= 3 && memcmp(file->text, "\xEF\xBB\xBF", 3) == 0;
}

SourceFile *source_from_bytes(Arena *arena, const char *path, const char *bytes, size_t length) {
  if (length > UINT32_MAX - 1) length = UINT32_MAX - 1;
  SourceFile *file = ARENA_NEW(arena, SourceFile);
  file->path = arena_copy(arena, path, strlen(path));
  file->text = arena_copy(arena, bytes, length);
  file->length = (uint32_t)length;
  uint32_t lines = 1;
  for (uint32_t i = 0; i < file->length; i++) lines += file->text[i] == '\n';
  file->line_starts = ARENA_ARRAY(arena, uint32_t, lines);
  for (uint32_t i = 0; i < file->length; i++)
    if (file->text[i] == '\n') file->line_starts[++file->lines] = i + 1;
  file->lines = lines;
  return file;
}

SourceFile *source_read(Arena *arena, const char *path, DiagnosticSink *sink) {
  Span nowhere = {0};
  struct stat status;
  if (stat(path, &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) diagnostic_report(sink, DIAGNOSTIC_file_missing, nowhere, path);
    else diagnostic_report(sink, DIAGNOSTIC_file_unreadable, nowhere, path, strerror(errno));
    return NULL;
  }
  if (S_ISDIR(status.st_mode)) {
    Diagnostic *diagnostic = diagnostic_report(sink, DIAGNOSTIC_file_is_directory, nowhere, path);
    diagnostic_help(sink, diagnostic, "name a file in it, such as `%s/rule.blur`", path);
    return NULL;
  }
  FILE *stream = fopen(path, "rb");
  if (!stream) {
    diagnostic_report(sink, DIAGNOSTIC_file_unreadable, nowhere, path, strerror(errno));
    return NULL;
  }
  // Read without trusting the size: pipes and devices have none.
  Text text = {0};
  char buffer[65536];
  size_t got;
  while (text.length <= SOURCE_LIMIT && (got = fread(buffer, 1, sizeof buffer, stream)) > 0)
    text_add_bytes(&text, buffer, got);
  int failure = ferror(stream) ? errno : 0;
  fclose(stream);
  SourceFile *file = NULL;
  if (failure) diagnostic_report(sink, DIAGNOSTIC_file_unreadable, nowhere, path, strerror(failure));
  else if (text.length > SOURCE_LIMIT) diagnostic_report(sink, DIAGNOSTIC_file_too_large, nowhere, path);
  else file = source_from_bytes(arena, path, text_get(&text), text.length);
  text_free(&text);
  return file;
}

uint32_t source_line(const SourceFile *file, uint32_t offset) {
  uint32_t low = 0, high = file->lines; // the last line that starts at or before offset
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (file->line_starts[middle] <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}

Position source_position(const SourceFile *file, uint32_t offset) {
  if (offset > file->length) offset = file->length;
  uint32_t low = source_line(file, offset) - 1;
  uint32_t column = 1, start = file->line_starts[low];
  if (low == 0 && starts_with_mark(file)) start = offset < 3 ? offset : 3;
  for (uint32_t i = start; i < offset; i++) column += ((unsigned char)file->text[i] & 0xC0) != 0x80;
  return (Position){low + 1, column};
}

Span span_join(Span first, Span last) {
  if (!first.file) return last;
  if (!last.file || last.file != first.file) return first;
  return (Span){first.file, first.start < last.start ? first.start : last.start,
                first.end > last.end ? first.end : last.end};
}
