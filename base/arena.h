// An arena: memory of one lifetime, freed at once. Used by the compiler for everything that belongs to one compilation.
#ifndef BLUR_BASE_ARENA_H
#define BLUR_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_create(void);
void arena_destroy(Arena *arena); // NULL is allowed; ends one use
// One more user of the arena: it is freed when each has called arena_destroy.
void arena_retain(Arena *arena);
// Zeroed memory, aligned to 16 bytes, valid until arena_destroy. Never returns NULL: a machine out of memory ends the
// process with a message (exit 3), since no caller could go on.
void *arena_allocate(Arena *arena, size_t bytes);
char *arena_copy(Arena *arena, const char *bytes, size_t length); // adds a closing NUL
char *arena_format(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_format_list(Arena *arena, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
size_t arena_bytes(const Arena *arena); // bytes handed out so far

#define ARENA_NEW(arena, type)          ((type *)arena_allocate((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_allocate((arena), sizeof(type) * (size_t)(count)))

// A growing array in an arena: struct { type *items; size_t count, capacity; }.
#define ARENA_LIST(type)                                                                                               \
  struct {                                                                                                             \
    type *items;                                                                                                       \
    size_t count, capacity;                                                                                            \
  }
void *arena_grow(Arena *arena, void *items, size_t count, size_t *capacity, size_t item_bytes);
#define ARENA_PUSH(arena, list, ...)                                                                                   \
  do {                                                                                                                 \
    if ((list)->count == (list)->capacity)                                                                             \
      (list)->items = arena_grow((arena), (list)->items, (list)->count, &(list)->capacity, sizeof(*(list)->items));    \
    (list)->items[(list)->count++] = __VA_ARGS__;                                                                      \
  } while (0)

#endif
