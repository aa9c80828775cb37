// A batch: rows of a data set as numbers in the layout that the compiled program wants for x, and targets for y. Runs
// on all threads, each its share of the samples, before every step: at 784 inputs and 128 samples a few microseconds.
#include "runtime/data/data.h"

// The rows to come are far apart in memory: fetch them while this one is converted.
static void fetch(const void *row, int64_t bytes) {
  for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch((const char *)row + at);
}

// byte / 255, rounded once: the product in double errs by less than any byte's distance to a tie of float.
static void bytes_to_float(const uint8_t *restrict from, float *restrict to, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = (float)((double)from[i] * (1.0 / 255));
}

static void bytes_to_double(const uint8_t *restrict from, double *restrict to, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = (double)from[i] / 255;
}

static void floats_to_float(const float *restrict from, float *restrict to, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = from[i];
}

static void floats_to_double(const float *restrict from, double *restrict to, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = (double)from[i];
}

enum { CHUNK = 512 }; // numbers converted at a time where they do not go to their places in one piece

// `count` numbers from number `start` of a row, in a piece.
static void convert(const DataPart *part, int64_t start, int64_t count, size_t element, void *to) {
  if (part->bytes && element == 4) bytes_to_float(part->bytes + start, to, count);
  else if (part->bytes) bytes_to_double(part->bytes + start, to, count);
  else if (element == 4) floats_to_float(part->floats + start, to, count);
  else floats_to_double(part->floats + start, to, count);
}

static void scatter(const char *from, char *to, int64_t count, int64_t stride, size_t element) {
  if (element == 4) {
    const float *source = (const float *)(const void *)from;
    float *target = (float *)(void *)to;
    for (int64_t i = 0; i < count; i++) target[i * stride] = source[i];
  } else {
    const double *source = (const double *)(const void *)from;
    double *target = (double *)(void *)to;
    for (int64_t i = 0; i < count; i++) target[i * stride] = source[i];
  }
}

void gather_rows(const BlurData *data, BlurPart part, const uint32_t *rows, int64_t first, int64_t end,
                 GatherTarget target) {
  const DataPart *from = &data->part[part];
  int64_t inputs = data->inputs;
  for (int64_t sample = first; sample < end; sample++) {
    if (sample + 2 < end) {
      int64_t ahead = (int64_t)rows[sample + 2] * inputs;
      if (from->bytes) fetch(from->bytes + ahead, inputs);
      else fetch(from->floats + ahead, inputs * 4);
    }
    int64_t start = (int64_t)rows[sample] * inputs;
    char *to = target.base + sample * target.batch_stride * (int64_t)target.element;
    if (target.unit_stride == 1) {
      convert(from, start, inputs, target.element, to);
      continue;
    }
    for (int64_t at = 0; at < inputs; at += CHUNK) {
      double piece[CHUNK];
      int64_t count = inputs - at < CHUNK ? inputs - at : CHUNK;
      convert(from, start + at, count, target.element, piece);
      scatter((const char *)piece, to + at * target.unit_stride * (int64_t)target.element, count, target.unit_stride,
              target.element);
    }
  }
}

void gather_targets(const BlurData *data, BlurPart part, const uint32_t *rows, int64_t first, int64_t end,
                    int64_t outputs, GatherTarget target) {
  const uint8_t *labels = data->part[part].labels;
  bool one = outputs == 1 && data->classes == 2;
  for (int64_t sample = first; sample < end; sample++) {
    int64_t hot = one ? (labels[rows[sample]] == 1 ? 0 : -1) : labels[rows[sample]];
    char *to = target.base + sample * target.batch_stride * (int64_t)target.element;
    if (target.element == 4)
      for (int64_t i = 0; i < outputs; i++) ((float *)(void *)to)[i * target.unit_stride] = i == hot ? 1 : -1;
    else
      for (int64_t i = 0; i < outputs; i++) ((double *)(void *)to)[i * target.unit_stride] = i == hot ? 1 : -1;
  }
}
