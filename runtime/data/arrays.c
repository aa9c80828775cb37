// NumPy's arrays as samples. An .npz has x (samples, then any axes) and y (samples), or (samples, targets); test_x and
// test_y, or the names x_train, y_train, x_test, y_test. An .npy is a table, as CSV is.
#include "runtime/data/samples.h"

#include "base/npz.h"
#include "base/status.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// `array` is NULL in a file that is one array.
static bool bad(BlurStatus *status, const char *path, const char *array, const char *problem) {
  if (!array) return status_fail(status, BLUR_FAILED_INPUT, "%s %s", path, problem);
  return status_fail(status, BLUR_FAILED_INPUT, "%s: array `%s` %s", path, array, problem);
}

static const NpzArray *find(const NpzFile *file, const char *const *names) {
  for (; *names; names++) {
    const NpzArray *array = npz_find(file, *names);
    if (array && array->values) return array;
  }
  return NULL;
}

// Three axes are images; so are two with a channel of one.
static void find_image(Samples *samples, const NpzArray *x) {
  int64_t axes[NPZ_MAX_DIMENSIONS];
  int count = 0;
  for (int d = 1; d < x->dimensions; d++)
    if (x->extent[d] != 1 || x->dimensions == 3) axes[count++] = x->extent[d];
  if (count != 2) return;
  samples->rows = axes[0];
  samples->columns = axes[1];
}

static bool take_x(Samples *samples, const NpzArray *x, BlurStatus *status) {
  if (x->dimensions < 2)
    return bad(status, samples->path, x->name, "has one axis; it is to have (samples, inputs), or images");
  if (x->count == 0) return bad(status, samples->path, x->name, "is empty");
  samples->samples = x->extent[0];
  samples->inputs = (int64_t)x->count / samples->samples;
  find_image(samples, x);
  if (!(samples->x = malloc(x->count * sizeof *samples->x)))
    return status_fail_memory(status, samples->path, (double)x->count * 4);
  for (size_t i = 0; i < x->count; i++) samples->x[i] = (float)x->values[i];
  return true;
}

static bool take_y(Samples *samples, const NpzArray *y, BlurStatus *status) {
  if (y->dimensions < 1 || y->dimensions > 2) return bad(status, samples->path, y->name, "is to have one or two axes");
  if (y->extent[0] != samples->samples)
    return status_fail(status, BLUR_FAILED_INPUT, "%s: array `%s` has %" PRId64 " samples, x has %" PRId64,
                       samples->path, y->name, y->extent[0], samples->samples);
  if (y->count == 0) return bad(status, samples->path, y->name, "is empty");
  samples->outputs = y->dimensions == 2 ? y->extent[1] : 1;
  samples->kind = y->was_integer ? TARGETS_INTEGER : TARGETS_REAL;
  if (!(samples->y = malloc(y->count * sizeof *samples->y)))
    return status_fail_memory(status, samples->path, (double)y->count * 8);
  memcpy(samples->y, y->values, y->count * sizeof *samples->y);
  return true;
}

// Rows with a single 1 among 0 or -1 name a class.
static void take_one_hot(Samples *samples) {
  if (samples->outputs < 2 || samples->outputs > DATA_MAX_CLASSES) return;
  double other = samples->y[0] == 1 ? samples->y[1] : samples->y[0];
  if (other != 0 && other != -1) return;
  for (int64_t i = 0; i < samples->samples; i++) {
    int ones = 0;
    for (int64_t j = 0; j < samples->outputs; j++) {
      double value = samples->y[i * samples->outputs + j];
      ones += value == 1;
      if (value != 1 && value != other) return;
    }
    if (ones != 1) return;
  }
  for (int64_t i = 0; i < samples->samples; i++) {
    int64_t hot = 0;
    while (samples->y[i * samples->outputs + hot] != 1) hot++;
    samples->y[i] = (double)hot; // never ahead of what is still to be read
  }
  samples->kind = TARGETS_INTEGER;
  samples->outputs = 1;
}

static bool read_part(const char *path, const NpzArray *x, const NpzArray *y, Samples *samples, BlurStatus *status) {
  *samples = (Samples){.path = path};
  if (!take_x(samples, x, status) || (y && !take_y(samples, y, status))) return false;
  if (!samples_check(samples, status)) return false;
  if (y) take_one_hot(samples);
  return true;
}

static bool read_named(const char *path, const NpzFile *file, TableShape shape, Samples *train, Samples *test,
                       BlurStatus *status) {
  static const char *const xs[] = {"x", "x_train", NULL}, *const ys[] = {"y", "y_train", NULL};
  static const char *const test_xs[] = {"test_x", "x_test", NULL}, *const test_ys[] = {"test_y", "y_test", NULL};
  const NpzArray *x = find(file, xs), *y = find(file, ys), *test_x = find(file, test_xs), *test_y = find(file, test_ys);
  if (!x || (!y && shape.inputs < 0))
    return status_fail(status, BLUR_FAILED_INPUT,
                       "%s has no array `%s`: the samples are `x` and `y`, and where there "
                       "is a test part `test_x` and `test_y`",
                       path, x ? "y" : "x");
  if (!read_part(path, x, y, train, status)) return false;
  if (!test || (!test_x && !test_y)) return true;
  if (!test_x || !test_y)
    return status_fail(status, BLUR_FAILED_INPUT, "%s has only one of `test_x` and `test_y`", path);
  if (!read_part(path, test_x, test_y, test, status)) return false;
  if (test->inputs == train->inputs && test->outputs == train->outputs) return true;
  return status_fail(status, BLUR_FAILED_INPUT, "%s: `%s` has other inputs or targets than `%s`", path, test_x->name,
                     x->name);
}

// A table of numbers, its target in a column.
static bool read_table(const char *path, const NpzArray *array, TableShape shape, Samples *samples,
                       BlurStatus *status) {
  *samples = (Samples){.path = path};
  int64_t columns = array->dimensions == 2 ? array->extent[1] : 0, target = -1;
  if (!*shape.target && (shape.inputs == 0 || columns == 0 || columns == shape.inputs)) {
    NpzArray unnamed = *array;
    unnamed.name = NULL;
    return read_part(path, &unnamed, NULL, samples, status);
  }
  if (array->count == 0) return bad(status, path, NULL, "is empty");
  if (*shape.target) {
    char *end;
    target = strtoll(shape.target, &end, 10) - 1;
    if (*end || target < 0 || target >= columns)
      return status_fail(status, BLUR_FAILED_INPUT, "%s has no column `%s`: `target` is a number from 1 to %" PRId64,
                         path, shape.target, columns);
  } else if (shape.inputs < 0 || columns == shape.inputs + 1) {
    target = columns - 1;
  }
  if (columns - (target >= 0) < 1)
    return bad(status, path, NULL, "is to have two axes: samples, and columns of inputs and one target");
  *samples = (Samples){.path = path,
                       .samples = array->extent[0],
                       .inputs = columns - (target >= 0),
                       .outputs = target >= 0,
                       .kind = target >= 0 ? TARGETS_INTEGER : TARGETS_NONE};
  samples->x = malloc(array->count * sizeof *samples->x);
  samples->y = malloc((size_t)samples->samples * sizeof *samples->y);
  if (!samples->x || !samples->y) return status_fail_memory(status, path, (double)array->count * 4);
  float *x = samples->x;
  for (int64_t i = 0; i < (int64_t)array->count; i++) {
    double value = array->values[i];
    if (i % columns != target) {
      *x++ = (float)value;
      continue;
    }
    samples->y[i / columns] = value;
    if (value != floor(value)) samples->kind = TARGETS_REAL;
  }
  return samples_check(samples, status);
}

bool arrays_read(const char *path, const unsigned char *bytes, size_t length, TableShape shape, Samples *train,
                 Samples *test, BlurStatus *status) {
  NpzFile file;
  *train = (Samples){.path = path};
  if (!npz_decode(path, bytes, length, &file, status)) return false;
  bool table = memcmp(bytes, "\x93NUMPY", 6) == 0;
  bool done = table ? read_table(path, &file.arrays[0], shape, train, status)
                    : read_named(path, &file, shape, train, test, status);
  npz_free(&file);
  if (done) return true;
  samples_free(train);
  if (test) samples_free(test);
  return false;
}
