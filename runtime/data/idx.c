// IDX files (yann.lecun.com/exdb/mnist): two zero bytes, a type, the number of dimensions, each extent as four bytes
// with the highest first, then the numbers. Only bytes (type 8) are read: no image set uses another type.
#include "runtime/data/data.h"

#include "base/file.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

static const size_t content_limit = (size_t)1 << 32;

static bool damaged(BlurStatus *status, const char *path, const char *problem) {
  return status_fail(status, BLUR_FAILED_INPUT, "%s is no IDX file of bytes: %s; fetch it again", path, problem);
}

static bool parse(const char *path, const unsigned char *bytes, size_t length, Idx *idx, BlurStatus *status) {
  if (length < 4 || bytes[0] != 0 || bytes[1] != 0) return damaged(status, path, "it does not begin as one");
  if (bytes[2] != 8) return damaged(status, path, "its numbers are of another type");
  if (bytes[3] < 1 || bytes[3] > 4) return damaged(status, path, "it has none or more than 4 dimensions");
  idx->dimensions = bytes[3];
  size_t header = 4 + 4 * (size_t)idx->dimensions;
  if (length < header) return damaged(status, path, "it is cut short");
  idx->count = 1;
  for (int d = 0; d < idx->dimensions; d++) {
    const unsigned char *at = bytes + 4 + 4 * d;
    idx->extent[d] = (int64_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
    if (idx->extent[d] == 0) return damaged(status, path, "it holds no samples");
    if (idx->count > content_limit / (size_t)idx->extent[d]) return damaged(status, path, "its extents are impossible");
    idx->count *= (size_t)idx->extent[d];
  }
  if (length - header != idx->count)
    return status_fail(status, BLUR_FAILED_INPUT,
                       "%s is damaged: its header tells of %zu bytes, %zu are there; fetch it again", path, idx->count,
                       length - header);
  idx->values = bytes + header;
  return true;
}

bool idx_parse(const char *path, unsigned char *bytes, size_t length, Idx *idx, BlurStatus *status) {
  *idx = (Idx){.content = bytes};
  if (parse(path, bytes, length, idx, status)) return true;
  free(bytes);
  *idx = (Idx){0};
  return false;
}

bool idx_read(const char *path, Idx *idx, BlurStatus *status) {
  *idx = (Idx){0};
  size_t length;
  unsigned char *bytes = (unsigned char *)file_read_plain(path, content_limit, &length, status);
  return bytes && idx_parse(path, bytes, length, idx, status);
}
