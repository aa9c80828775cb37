// Source files and places in them. A Span is a small value; everything that the user wrote carries one.
#ifndef BLUR_SOURCE_SOURCE_H
#define BLUR_SOURCE_SOURCE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  const char *path; // as the user named it; "std/norm.blur" for a file of the library
  const char *text; // UTF-8, NUL-terminated beyond `length`
  uint32_t length;
  uint32_t *line_starts; // byte offset of each line
  uint32_t lines;
} SourceFile;

// Half-open range of bytes of one file; {0} means "no place".
typedef struct {
  const SourceFile *file;
  uint32_t start, end;
} Span;

typedef struct {
  uint32_t line, column; // from 1; columns count characters (code points), not bytes
} Position;

// Makes a source of bytes that are copied into the arena.
SourceFile *source_from_bytes(Arena *arena, const char *path, const char *bytes, size_t length);
// Reads a file of at most SOURCE_LIMIT bytes. NULL after reporting why not: missing, a directory, unreadable, too
// large.
typedef struct DiagnosticSink DiagnosticSink;
SourceFile *source_read(Arena *arena, const char *path, DiagnosticSink *sink);
#define SOURCE_LIMIT ((size_t)4 << 20)
// A place is counted as an editor does: a byte order mark at the start of the file is not a character.
uint32_t source_line(const SourceFile *file, uint32_t offset); // the line alone, from 1: fast in long lines, too
Position source_position(const SourceFile *file, uint32_t offset);
Span span_join(Span first, Span last); // one without a place gives the other

#endif
