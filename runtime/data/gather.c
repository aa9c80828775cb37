// A batch: rows of a data set as numbers in the layout that the compiled program wants for x, and targets for y. Runs
// on all threads, each its share of the samples, before every step: at 784 inputs and 128 samples a few microseconds.
#include "runtime/data/data.h"

// The rows to come are far apart in memory: fetch them while this one is converted.
static void fetch(const void *row, int64_t bytes) {
  for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch((const char *)row + at);
}

static void bytes_to_float(const uint8_t *restrict from, float *restrict to, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = (float)from[i] / 255;
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

// `count` numbers from number `start` of the part, in a piece.
static void convert(const DataPart *part, int64_t start, int64_t count, size_t element, void *to) {
  if (part->bytes && element == 4) bytes_to_float(part->bytes + start, to, count);
  else if (part->bytes) bytes_to_double(part->bytes + start, to, count);
  else if (element == 4) floats_to_float(part->floats + start, to, count);
  else floats_to_double(part->floats + start, to, count);
}

static void fetch_row(const DataPart *part, int64_t row, int64_t inputs) {
  if (part->bytes) fetch(part->bytes + row * inputs, inputs);
  else fetch(part->floats + row * inputs, inputs * 4);
}

// ---- other layouts (units far apart, samples mostly contiguous): through tiles, so that whole cache lines are written

enum { TILE_SAMPLES = 16, TILE_UNITS = 64 };

static void scatter_floats(const float *tile, float *to, int64_t samples, int64_t units, GatherTarget target) {
  for (int64_t i = 0; i < units; i++)
    for (int64_t b = 0; b < samples; b++)
      to[i * target.unit_stride + b * target.batch_stride] = tile[b * TILE_UNITS + i];
}

static void scatter_doubles(const double *tile, double *to, int64_t samples, int64_t units, GatherTarget target) {
  for (int64_t i = 0; i < units; i++)
    for (int64_t b = 0; b < samples; b++)
      to[i * target.unit_stride + b * target.batch_stride] = tile[b * TILE_UNITS + i];
}

static void gather_tile(const DataPart *part, int64_t inputs, const uint32_t *rows, int64_t first, int64_t samples,
                        GatherTarget target) {
  double tile[TILE_SAMPLES * TILE_UNITS];
  for (int64_t unit = 0; unit < inputs; unit += TILE_UNITS) {
    int64_t units = inputs - unit < TILE_UNITS ? inputs - unit : TILE_UNITS;
    for (int64_t b = 0; b < samples; b++)
      convert(part, (int64_t)rows[first + b] * inputs + unit, units, target.element,
              (char *)tile + (size_t)(b * TILE_UNITS) * target.element);
    char *to = target.base + (first * target.batch_stride + unit * target.unit_stride) * (int64_t)target.element;
    if (target.element == 4) scatter_floats((float *)(void *)tile, (float *)(void *)to, samples, units, target);
    else scatter_doubles(tile, (double *)(void *)to, samples, units, target);
  }
}

void gather_rows(const BlurData *data, BlurPart part, const uint32_t *rows, int64_t first, int64_t end,
                 GatherTarget target) {
  const DataPart *from = &data->part[part];
  int64_t inputs = data->inputs;
  if (target.unit_stride != 1) {
    for (int64_t sample = first; sample < end; sample += TILE_SAMPLES)
      gather_tile(from, inputs, rows, sample, end - sample < TILE_SAMPLES ? end - sample : TILE_SAMPLES, target);
    return;
  }
  for (int64_t sample = first; sample < end; sample++) {
    if (sample + 2 < end) fetch_row(from, rows[sample + 2], inputs);
    char *to = target.base + sample * target.batch_stride * (int64_t)target.element;
    convert(from, (int64_t)rows[sample] * inputs, inputs, target.element, to);
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
