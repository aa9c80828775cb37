// The cache on disk: compiled objects, and plans of memory, by a hash of everything that they depend on. A file is its
// content (objdump reads objects) and a trailer. It is written under a temporary name and renamed, so two processes may
// store at once; one that is damaged, cut off or foreign is ignored and written anew. Places: BLUR_CACHE, else
// XDG_CACHE_HOME/blur, else ~/.cache/blur.
#include "compiler/backend/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

typedef struct { // the last bytes of a file
  char key[CACHE_KEY];
  uint64_t length; // of the content
  uint32_t checksum, reserved;
  char magic[8];
} CacheTrailer;

static const char magic[8] = "blurobj2";

// ---- keys: FNV-1a, 128 bits

__extension__ typedef unsigned __int128 Hash;

CacheHash cache_hash(void) { return (CacheHash){{0x62B821756295C58Du, 0x6C62272E07BB0142u}}; }

void cache_hash_bytes(CacheHash *state, const void *bytes, size_t length) {
  const Hash prime = ((Hash)1 << 88) + 0x13B;
  const unsigned char *at = bytes;
  Hash hash = (Hash)state->word[1] << 64 | state->word[0];
  for (size_t i = 0; i < length; i++) hash = (hash ^ at[i]) * prime;
  state->word[0] = (uint64_t)hash;
  state->word[1] = (uint64_t)(hash >> 64);
}

void cache_hash_text(CacheHash *state, const char *text) { cache_hash_bytes(state, text, strlen(text) + 1); }
void cache_hash_number(CacheHash *state, int64_t number) { cache_hash_bytes(state, &number, sizeof number); }

void cache_key(const CacheHash *state, char key[CACHE_KEY + 1]) {
  for (int i = 0; i < CACHE_KEY; i++)
    key[i] = "0123456789abcdef"[state->word[i < CACHE_KEY / 2] >> (60 - 4 * (i % (CACHE_KEY / 2))) & 15];
  key[CACHE_KEY] = '\0';
}

// ---- places

static bool cache_directory(char *path, size_t size) {
  const char *own = getenv("BLUR_CACHE"), *shared = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  int length = -1;
  if (own && *own) length = snprintf(path, size, "%s", own);
  else if (shared && *shared) length = snprintf(path, size, "%s/blur", shared);
  else if (home && *home) length = snprintf(path, size, "%s/.cache/blur", home);
  return length > 0 && (size_t)length < size;
}

static bool make_directories(char *path) {
  for (char *at = path + 1; *at; at++) {
    if (*at != '/') continue;
    *at = '\0';
    bool failed = mkdir(path, 0777) != 0 && errno != EEXIST;
    *at = '/';
    if (failed) return false;
  }
  return mkdir(path, 0777) == 0 || errno == EEXIST;
}

// ---- files

static bool read_whole(int file, unsigned char *bytes, size_t length) {
  while (length) {
    ssize_t some = read(file, bytes, length);
    if (some < 0 && errno == EINTR) continue;
    if (some <= 0) return false;
    bytes += some;
    length -= (size_t)some;
  }
  return true;
}

static bool is_sound(const char *key, ObjectImage *image) {
  CacheTrailer trailer;
  image->length = image->mapped - sizeof trailer;
  memcpy(&trailer, image->bytes + image->length, sizeof trailer);
  return !memcmp(trailer.magic, magic, sizeof magic) && !memcmp(trailer.key, key, sizeof trailer.key) &&
         trailer.length == image->length && crc32(0, image->bytes, (uInt)image->length) == trailer.checksum;
}

bool cache_load(const char *key, const char *kind, ObjectImage *image) {
  char directory[PATH_MAX], path[PATH_MAX + 64];
  if (!cache_directory(directory, sizeof directory)) return false;
  snprintf(path, sizeof path, "%s/%s.%s", directory, key, kind);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  struct stat status;
  bool sound = fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > (off_t)sizeof(CacheTrailer) &&
               status.st_size < INT32_MAX && object_map(image, (size_t)status.st_size);
  if (sound && !(read_whole(file, image->bytes, image->mapped) && is_sound(key, image))) {
    object_unmap(image);
    sound = false;
  }
  close(file);
  return sound;
}

void cache_store(const char *key, const char *kind, const void *content, size_t length) {
  static _Atomic unsigned counter;
  char directory[PATH_MAX], path[PATH_MAX + 64], temporary[PATH_MAX + 128];
  if (length >= INT32_MAX || !cache_directory(directory, sizeof directory) || !make_directories(directory)) return;
  snprintf(path, sizeof path, "%s/%s.%s", directory, key, kind);
  snprintf(temporary, sizeof temporary, "%s.%ld.%u.tmp", path, (long)getpid(), counter++);
  CacheTrailer trailer = {.length = length, .checksum = (uint32_t)crc32(0, content, (uInt)length)};
  memcpy(trailer.magic, magic, sizeof magic);
  memcpy(trailer.key, key, sizeof trailer.key);
  int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  FILE *file = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
  if (!file) {
    if (descriptor >= 0) close(descriptor);
    return;
  }
  bool written = fwrite(content, 1, length, file) == length && fwrite(&trailer, sizeof trailer, 1, file) == 1;
  written = fclose(file) == 0 && written;
  if (!written || rename(temporary, path) != 0) unlink(temporary);
}
