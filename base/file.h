// Whole files: read into memory with a limit, written so that a reader sees the old content or the new, never half.
#ifndef BLUR_BASE_FILE_H
#define BLUR_BASE_FILE_H

#include "base/status.h"

#include <stddef.h>

// The content is the caller's to free(); *length bytes and a closing NUL. Directories, and files above `limit` bytes,
// are refused.
char *file_read(const char *path, size_t limit, size_t *length, BlurStatus *status);
// The content of a gzip stream (RFC 1952), at most `limit` bytes; checked against its CRC. The caller's to free().
// `path` is named in messages.
unsigned char *file_decompress(const char *path, const unsigned char *bytes, size_t length, size_t limit,
                               size_t *content_length, BlurStatus *status);
// file_read, and file_decompress where the content is a gzip stream; both within the limit.
char *file_read_plain(const char *path, size_t limit, size_t *length, BlurStatus *status);
// Writes a temporary beside `path`, flushes it to disk and renames it; on failure the old file stays as it was, and no
// temporary stays: signals that would end the process wait until then. The new file has the old one's permissions; a
// symbolic link stays one.
bool file_write(const char *path, const void *bytes, size_t length, BlurStatus *status);
// Whether file_write could begin: for what is written at the end of long work.
bool file_can_write(const char *path, BlurStatus *status);

#endif
