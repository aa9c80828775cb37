// npz show FILE NAME: shape on the first line, then the values, one a line. npz list FILE: the names.
// npz make FILE NAME SHAPE VALUES...: NAME, a shape such as 2x3 (or `scalar`), and numbers separated by commas, again
// and again; too few numbers repeat from the first. npz near A NAME B NAME TOLERANCE: equal to tolerance, relative to
// the largest. npz same A B [TOLERANCE]: every array of A is in B,
// equal to the last bit or to tolerance. For the shell tests.
#include "base/npz.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *message) {
  fprintf(stderr, "npz: %s\n", message);
  return 1;
}

static const NpzArray *find(NpzFile *file, const char *path, const char *name) {
  BlurStatus status;
  if (!npz_read(path, file, &status)) {
    fail(status.message);
    return NULL;
  }
  const NpzArray *array = npz_find(file, name);
  if (!array || !array->values) fprintf(stderr, "npz: %s has no array %s\n", path, name);
  return array && array->values ? array : NULL;
}

static int show(const char *path, const char *name) {
  NpzFile file = {0};
  const NpzArray *array = find(&file, path, name);
  if (array) {
    printf("(");
    for (int i = 0; i < array->dimensions; i++) printf("%s%" PRId64, i ? "," : "", array->extent[i]);
    printf(")\n");
    for (size_t i = 0; i < array->count; i++) printf("%.17g\n", array->values[i]);
  }
  npz_free(&file);
  return array ? 0 : 1;
}

static int list(const char *path) {
  NpzFile file;
  BlurStatus status;
  if (!npz_read(path, &file, &status)) return fail(status.message);
  for (size_t i = 0; i < file.count; i++) printf("%s\n", file.arrays[i].name);
  npz_free(&file);
  return 0;
}

static int near_arrays(char **words) {
  NpzFile one = {0}, other = {0};
  const NpzArray *a = find(&one, words[0], words[1]), *b = find(&other, words[2], words[3]);
  double tolerance = atof(words[4]), largest = 0, difference = 0;
  int result = !a || !b || a->count != b->count;
  for (size_t i = 0; !result && i < a->count; i++) {
    largest = fmax(largest, fabs(b->values[i]));
    difference = fmax(difference, fabs(a->values[i] - b->values[i]));
    if (isnan(a->values[i] - b->values[i])) result = 1;
  }
  if (!result && difference > tolerance * fmax(largest, 1e-30)) result = 1;
  if (result) fprintf(stderr, "npz: %s and %s differ by %g, largest %g\n", words[1], words[3], difference, largest);
  npz_free(&one);
  npz_free(&other);
  return result;
}

// Whether two arrays are equal: to the last bit where the tolerance is 0, else to that much of the largest number.
static bool equal(const NpzArray *a, const NpzArray *b, double tolerance) {
  if (!b || !b->values || a->count != b->count) return false;
  if (tolerance == 0) return memcmp(a->values, b->values, a->count * sizeof(double)) == 0;
  double largest = 0, difference = 0;
  for (size_t i = 0; i < a->count; i++) {
    largest = fmax(largest, fabs(a->values[i]));
    if (!(fabs(a->values[i] - b->values[i]) <= difference)) difference = fabs(a->values[i] - b->values[i]);
  }
  return difference <= tolerance * fmax(largest, 1e-30);
}

static int same(const char *left, const char *right, double tolerance) {
  NpzFile one, other;
  BlurStatus status;
  if (!npz_read(left, &one, &status) || !npz_read(right, &other, &status)) return fail(status.message);
  int result = one.count ? 0 : fail("no arrays");
  for (size_t i = 0; i < one.count; i++) {
    const NpzArray *a = &one.arrays[i];
    if (!a->values || equal(a, npz_find(&other, a->name), tolerance)) continue;
    fprintf(stderr, "npz: %s differs\n", a->name);
    result = 1;
  }
  npz_free(&one);
  npz_free(&other);
  return result;
}

static int make(const char *path, int count, char **words) {
  NpzEntry entries[32] = {0};
  static int64_t extents[32][NPZ_MAX_DIMENSIONS];
  size_t made = 0;
  for (int i = 0; i + 2 < count && made < 32; i += 3, made++) {
    int dimensions = 0;
    size_t elements = 1;
    for (char *at = words[i + 1]; *at >= '0' && *at <= '9' && dimensions < NPZ_MAX_DIMENSIONS; at += *at == 'x') {
      extents[made][dimensions] = strtoll(at, &at, 10);
      elements *= (size_t)extents[made][dimensions++];
    }
    double *values = calloc(elements + 1, sizeof *values);
    if (!values) return fail("out of memory");
    size_t given = 0;
    for (char *at = words[i + 2]; given < elements && *at; at += *at == ',') values[given++] = strtod(at, &at);
    for (size_t j = given; given && j < elements; j++) values[j] = values[j % given];
    entries[made] = (NpzEntry){.name = words[i], .dimensions = dimensions, .extent = extents[made], .values = values};
  }
  BlurStatus status;
  int result = npz_write(path, entries, made, &status) ? 0 : fail(status.message);
  for (size_t i = 0; i < made; i++) free((void *)(uintptr_t)entries[i].values);
  return result;
}

int main(int count, char **words) {
  if (count == 4 && strcmp(words[1], "show") == 0) return show(words[2], words[3]);
  if (count == 3 && strcmp(words[1], "list") == 0) return list(words[2]);
  if (count == 7 && strcmp(words[1], "near") == 0) return near_arrays(words + 2);
  if (count == 4 && strcmp(words[1], "same") == 0) return same(words[2], words[3], 0);
  if (count == 5 && strcmp(words[1], "same") == 0) return same(words[2], words[3], strtod(words[4], NULL));
  if (count >= 6 && strcmp(words[1], "make") == 0) return make(words[2], count - 3, words + 3);
  return fail("show FILE NAME | list FILE | near A NAME B NAME TOLERANCE | same A B [TOLERANCE] | make FILE NAME SHAPE "
              "VALUES...");
}
