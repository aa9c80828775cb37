// The library of rules (stdlib/*.blur): where its files are found, what they are called.
// Looked for, first hit wins, item by item: the folder BLUR_STDLIB; share/blur/stdlib beside the command's bin/ (the
// build tree links it to the source tree); the folder chosen when installing; the copy inside this library.
#ifndef BLUR_SOURCE_LIBRARY_H
#define BLUR_SOURCE_LIBRARY_H

#include "compiler/source/source.h"

// The text of the item (`activation` for stdlib/activation.blur), NUL-terminated, in the arena, with its length and the
// path it came from ("std/activation.blur" for the inner copy). NULL if there is none; an item that is no identifier,
// or a file of more than 4 MiB, is none. `path` may be NULL.
const char *library_text(Arena *arena, const char *item, size_t *length, const char **path);

// The same as a source file, named "std/ITEM.blur" in messages wherever it was found; NULL if there is none.
static inline SourceFile *library_find(Arena *arena, const char *item) {
  size_t length = 0;
  const char *text = library_text(arena, item, &length, NULL);
  return text ? source_from_bytes(arena, arena_format(arena, "std/%s.blur", item), text, length) : NULL;
}

// The names of all items ("activation", "adam", ...), sorted, in the arena.
size_t library_names(Arena *arena, const char *const **names);

// The item that declares a function (`decay` for `decayed`), in the arena; NULL if none does. A look at first words.
const char *library_module_of(Arena *arena, const char *function);

// Does this text hold `rule NAME`? (A look at the lines' first words, for lists; the parser decides what a rule is.)
bool library_text_has_rule(const char *text, const char *name);

// The embedded copy, made by cmake/embed.cmake.
typedef struct {
  const char *name, *text;
  size_t length;
} LibraryItem;
extern const LibraryItem library_embedded[];
extern const size_t library_embedded_count;

#endif
