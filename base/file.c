// See file.h.
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static bool read_all(int file, char *bytes, size_t length, size_t *got) {
  *got = 0;
  while (*got < length) {
    ssize_t part = read(file, bytes + *got, length - *got);
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return false;
    if (part == 0) break;
    *got += (size_t)part;
  }
  return true;
}

char *file_read(const char *path, size_t limit, size_t *length, BlurStatus *status) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    status_fail_system(status, "open", path);
    return NULL;
  }
  struct stat about;
  char *bytes = NULL;
  if (fstat(file, &about) != 0) {
    status_fail_system(status, "read", path);
  } else if (!S_ISREG(about.st_mode)) {
    status_fail(status, BLUR_FAILED_ENVIRONMENT, "cannot read %s: it is %s, not a file", path,
                S_ISDIR(about.st_mode) ? "a directory" : "a device or a pipe");
  } else if ((unsigned long long)about.st_size > limit) {
    status_fail(status, BLUR_FAILED_INPUT, "%s is too large: %lld bytes, at most %zu are read", path,
                (long long)about.st_size, limit);
  } else if (!(bytes = malloc((size_t)about.st_size + 1))) {
    status_fail_memory(status, path, (double)about.st_size);
  } else if (!read_all(file, bytes, (size_t)about.st_size, length)) {
    status_fail_system(status, "read", path);
    free(bytes);
    bytes = NULL;
  } else {
    bytes[*length] = 0;
  }
  close(file);
  return bytes;
}

unsigned char *file_decompress(const char *path, const unsigned char *bytes, size_t length, size_t limit,
                               size_t *content_length, BlurStatus *status) {
  z_stream stream = {0};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) { // 16: a gzip header is expected, its CRC is checked
    status_fail_memory(status, "zlib", 1e5);
    return NULL;
  }
  size_t capacity = length < limit / 8 ? length * 8 + 1024 : limit, used = 0, taken = 0;
  unsigned char *content = malloc(capacity ? capacity : 1);
  int result = content ? Z_OK : Z_MEM_ERROR;
  while (result == Z_OK) {
    if (used == capacity && capacity < limit) {
      size_t larger = capacity < limit / 2 ? capacity * 2 : limit;
      unsigned char *moved = realloc(content, larger);
      if (!moved) {
        result = Z_MEM_ERROR;
        break;
      }
      content = moved;
      capacity = larger;
    }
    size_t in = length - taken < 1u << 30 ? length - taken : 1u << 30;
    size_t out = capacity - used < 1u << 30 ? capacity - used : 1u << 30;
    stream.next_in = (Bytef *)(bytes + taken);
    stream.avail_in = (uInt)in;
    stream.next_out = content + used;
    stream.avail_out = (uInt)out;
    result = inflate(&stream, Z_NO_FLUSH);
    taken += in - stream.avail_in;
    used += out - stream.avail_out;
    // Streams one after the other are one content (RFC 1952, 2.2).
    if (result == Z_STREAM_END && length - taken >= 2 && !memcmp(bytes + taken, "\x1F\x8B", 2))
      result = inflateReset(&stream);
    if (result == Z_OK && in - stream.avail_in == 0 && out - stream.avail_out == 0) result = Z_BUF_ERROR;
  }
  inflateEnd(&stream);
  size_t rest = taken;
  while (result == Z_STREAM_END && rest < length && bytes[rest] == 0) rest++; // zeros may fill a block
  if (result == Z_STREAM_END && rest == length) {
    *content_length = used;
    return content;
  }
  free(content);
  if (result == Z_STREAM_END) {
    status_fail(status, BLUR_FAILED_INPUT,
                "%s is damaged: after its gzip stream, from byte %zu on, is something else; %s", path, taken,
                "fetch it again");
  } else if (result == Z_MEM_ERROR) {
    status_fail_memory(status, path, (double)capacity);
  } else if (result == Z_BUF_ERROR && used == limit) {
    status_fail(status, BLUR_FAILED_INPUT, "%s is too large: at most %zu bytes are decompressed", path, limit);
  } else if (result == Z_BUF_ERROR) {
    status_fail(status, BLUR_FAILED_INPUT, "%s is cut short: its gzip stream ends after %zu bytes; fetch it again",
                path, length);
  } else {
    status_fail(status, BLUR_FAILED_INPUT, "%s is damaged: no valid gzip stream near byte %zu; fetch it again", path,
                taken);
  }
  return NULL;
}

char *file_read_plain(const char *path, size_t limit, size_t *length, BlurStatus *status) {
  char *bytes = file_read(path, limit, length, status);
  if (!bytes || *length < 2 || memcmp(bytes, "\x1F\x8B", 2) != 0) return bytes;
  char *content = (char *)file_decompress(path, (unsigned char *)bytes, *length, limit, length, status);
  free(bytes);
  if (!content) return NULL;
  char *closed = realloc(content, *length + 1);
  if (!closed) {
    free(content);
    status_fail_memory(status, path, (double)*length);
    return NULL;
  }
  closed[*length] = 0;
  return closed;
}

static bool write_all(int file, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t part = write(file, bytes, length < 1u << 30 ? length : 1u << 30);
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return false;
    bytes += part;
    length -= (size_t)part;
  }
  return true;
}

// A device or a pipe cannot be replaced by a renamed file (and must not be: think of /dev/null).
static bool write_special(const char *path, const void *bytes, size_t length, BlurStatus *status) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return status_fail_system(status, "write", path);
  bool written = write_all(file, bytes, length);
  if (!written) status_fail_system(status, "write", path);
  close(file);
  return written;
}

// ---- files that change whole or not at all

typedef struct {
  char *target, *temporary; // the file itself, through symbolic links; and beside it
  mode_t mode;
  int file;
  sigset_t before; // signals that end the process wait while the temporary file is there
} Replacement;

static void close_replacement(Replacement *replacement, bool keep) {
  if (replacement->file >= 0) close(replacement->file);
  if (replacement->temporary && replacement->file >= 0 && !keep) unlink(replacement->temporary);
  free(replacement->target);
  free(replacement->temporary);
  pthread_sigmask(SIG_SETMASK, &replacement->before, NULL);
}

static bool open_replacement(Replacement *replacement, const char *path, BlurStatus *status) {
  sigset_t ending;
  sigemptyset(&ending);
  const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaddset(&ending, signals[i]);
  *replacement = (Replacement){.file = -1};
  pthread_sigmask(SIG_BLOCK, &ending, &replacement->before);
  struct stat about;
  bool exists = stat(path, &about) == 0;
  replacement->target = exists ? realpath(path, NULL) : strdup(path);
  size_t room = strlen(replacement->target ? replacement->target : path) + 16;
  replacement->temporary = malloc(room);
  if (!replacement->target || !replacement->temporary) {
    status_fail_memory(status, path, (double)room);
    close_replacement(replacement, false);
    return false;
  }
  snprintf(replacement->temporary, room, "%s.XXXXXX", replacement->target);
  mode_t mask = umask(0);
  umask(mask);
  replacement->mode = exists ? about.st_mode & 0777 : 0666 & ~mask; // mkostemp makes it private
  replacement->file = mkostemp(replacement->temporary, O_CLOEXEC);
  if (replacement->file >= 0) return true;
  status_fail_system(status, "write", path);
  close_replacement(replacement, false);
  return false;
}

// The renaming itself must reach the disk: its folder is flushed. Not every file system can; then there is no more to
// do.
static void flush_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
  int file = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (file >= 0) {
    fsync(file);
    close(file);
  }
  free(folder);
}

bool file_write(const char *path, const void *bytes, size_t length, BlurStatus *status) {
  struct stat about;
  if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) return write_special(path, bytes, length, status);
  Replacement replacement;
  if (!open_replacement(&replacement, path, status)) return false;
  bool done = write_all(replacement.file, bytes, length) && fchmod(replacement.file, replacement.mode) == 0 &&
              fsync(replacement.file) == 0 && rename(replacement.temporary, replacement.target) == 0;
  if (done) flush_folder(replacement.target);
  else status_fail_system(status, "write", path);
  close_replacement(&replacement, done);
  return done;
}

bool file_can_write(const char *path, BlurStatus *status) {
  struct stat about;
  if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) {
    if (S_ISDIR(about.st_mode)) errno = EISDIR;
    else if (access(path, W_OK) == 0) return true;
    return status_fail_system(status, "write", path);
  }
  Replacement replacement;
  if (!open_replacement(&replacement, path, status)) return false;
  close_replacement(&replacement, false);
  return true;
}
