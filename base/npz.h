// NumPy's array files: .npz (a zip of .npy members, stored or deflated) and single .npy, read and written without
// NumPy. Formats: numpy.lib.format (versions 1 to 3) and PKWARE's APPNOTE, of which stored and deflated members without
// zip64. All values pass through double: exact for float32, and for integers up to 2^53.
#ifndef BLUR_BASE_NPZ_H
#define BLUR_BASE_NPZ_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { NPZ_MAX_DIMENSIONS = 8 };

typedef struct {
  char *name; // without ".npy"; "arr_0" for a plain .npy file
  int dimensions;
  int64_t extent[NPZ_MAX_DIMENSIONS];
  size_t count;                  // product of the extents; 1 without dimensions
  double *values;                // row-major (C order), whatever the file's order was
  bool was_float32, was_integer; // integers and bool
  char *text; // a .json member (name with its ending): its text, NUL-terminated; `values` is NULL then
  size_t text_length;
} NpzArray;

typedef struct {
  size_t count;
  NpzArray *arrays; // in the file's order
  bool is_sealed;   // npz_write made it, and not one bit has changed since
} NpzFile;

// Reads float (4, 8 bytes), integer (1 to 8 bytes) and bool arrays, little-endian, C or Fortran order. Members whose
// name does not end in .npy are skipped. Damaged, hostile, too large (2 GiB of values) files fail with a message; in a
// file that npz_write made, any changed bit is seen.
// `file` is the caller's (npz_free) after true, empty after false.
bool npz_read(const char *path, NpzFile *file, BlurStatus *status);
// The same from memory; `name` stands for the path in messages.
bool npz_decode(const char *name, const unsigned char *bytes, size_t length, NpzFile *file, BlurStatus *status);
// A zip that npz_write did not make, be its members readable or not.
bool npz_is_unsealed(const char *path);
void npz_free(NpzFile *file);
const NpzArray *npz_find(const NpzFile *file, const char *name); // NULL if there is none

typedef struct {
  const char *name; // without ".npy"
  bool float32;     // stored as f4 instead of f8: exact if the values are float32 numbers
  bool integer;     // stored as i8: exact if the values are integers below 2^53
  int dimensions;   // at most NPZ_MAX_DIMENSIONS
  const int64_t *extent;
  const double *values; // row-major
  const char *text;     // not NULL: a member of text instead, `name` with its ending (.json)
} NpzEntry;

// Writes all entries (stored, C order), and a checksum of the whole file as the zip's comment, so that a reader sees
// the old file or the new one (file_write).
bool npz_write(const char *path, const NpzEntry *entries, size_t count, BlurStatus *status);

#endif
