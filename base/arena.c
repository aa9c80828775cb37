// Blocks of doubling size in a list; allocation moves a cursor. A block is zeroed once and given out once.
#include "base/arena.h"

#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Block Block;
struct Block {
  Block *next;
  size_t used, size;
  _Alignas(16) unsigned char bytes[];
};

struct Arena {
  Block *block;
  size_t total;
  size_t users;
};

static void out_of_memory(size_t bytes) {
  fprintf(stderr, "blur: out of memory (%zu bytes asked for)\n", bytes);
  exit(3);
}

enum { FIRST_BLOCK = 16 << 10, LARGEST_BLOCK = 256 << 10, PREPARED_BLOCK = 64 << 10 };

static Block *add_block(Arena *arena, size_t at_least) {
  size_t size = arena->block ? arena->block->size * 2 : FIRST_BLOCK;
  if (size > LARGEST_BLOCK) size = LARGEST_BLOCK;
  if (size < at_least) size = at_least;
  Block *block = malloc(sizeof(Block) + size);
  if (!block) out_of_memory(size);
  if (size >= PREPARED_BLOCK) memory_prepare(block, sizeof(Block) + size);
  memset(block, 0, sizeof(Block) + size);
  block->next = arena->block;
  block->size = size;
  arena->block = block;
  return block;
}

Arena *arena_create(void) {
  Arena *arena = calloc(1, sizeof(Arena));
  if (!arena) out_of_memory(sizeof(Arena));
  arena->users = 1;
  return arena;
}

void arena_destroy(Arena *arena) {
  if (!arena || --arena->users) return;
  for (Block *block = arena->block, *next; block; block = next) {
    next = block->next;
    free(block);
  }
  free(arena);
}

void arena_retain(Arena *arena) { arena->users++; }

void *arena_allocate(Arena *arena, size_t bytes) {
  if (bytes > SIZE_MAX / 2) out_of_memory(bytes);
  bytes = (bytes + 15) & ~(size_t)15;
  Block *block = arena->block;
  if (!block || block->size - block->used < bytes) block = add_block(arena, bytes);
  void *result = block->bytes + block->used;
  block->used += bytes;
  arena->total += bytes;
  return result;
}

char *arena_copy(Arena *arena, const char *bytes, size_t length) {
  char *copy = arena_allocate(arena, length + 1);
  if (length) memcpy(copy, bytes, length);
  return copy;
}

char *arena_format_list(Arena *arena, const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  char *text = arena_allocate(arena, (size_t)(length < 0 ? 0 : length) + 1);
  if (length > 0) vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return text;
}

char *arena_format(Arena *arena, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = arena_format_list(arena, format, arguments);
  va_end(arguments);
  return text;
}

size_t arena_bytes(const Arena *arena) { return arena->total; }

void *arena_grow(Arena *arena, void *items, size_t count, size_t *capacity, size_t item_bytes) {
  *capacity = *capacity ? *capacity * 2 : 8;
  void *bigger = arena_allocate(arena, *capacity * item_bytes);
  if (count) memcpy(bigger, items, count * item_bytes);
  return bigger;
}
