// Hashes: FNV-1a of 64 bits for names and contents; CRC-32 (as in zip and gzip) comes from zlib.
#ifndef BLUR_BASE_HASH_H
#define BLUR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START 0xcbf29ce484222325u

// Goes on from `hash`: hash_bytes(hash_bytes(HASH_START, a, n), b, m) is the hash of a followed by b.
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length);
uint64_t hash_text(const char *text);

#endif
