// The cache on disk: objects (compile.c) and plans of memory (compiler/memory_plan.c), by keys.
#ifndef BLUR_BACKEND_CACHE_H
#define BLUR_BACKEND_CACHE_H

#include "compiler/backend/object.h"

#include <stdint.h>

enum { CACHE_KEY = 32 }; // hexadecimal digits

// A key in the making: a hash of everything that the content depends on.
typedef struct {
  uint64_t word[2];
} CacheHash;
CacheHash cache_hash(void);
void cache_hash_bytes(CacheHash *hash, const void *bytes, size_t length);
void cache_hash_text(CacheHash *hash, const char *text);
void cache_hash_number(CacheHash *hash, int64_t number);
void cache_key(const CacheHash *hash, char key[CACHE_KEY + 1]);

// The content of that key and kind ("o", "plan"), in an image not linked; false if there is no sound one.
bool cache_load(const char *key, const char *kind, ObjectImage *image);
// Silently does nothing where it cannot write.
void cache_store(const char *key, const char *kind, const void *content, size_t length);

#endif
