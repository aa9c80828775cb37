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
static void convert_stored(const DataPart *part, int64_t start, int64_t count, size_t element, void *to) {
  if (part->bytes && element == 4) bytes_to_float(part->bytes + start, to, count);
  else if (part->bytes) bytes_to_double(part->bytes + start, to, count);
  else if (element == 4) floats_to_float(part->floats + start, to, count);
  else floats_to_double(part->floats + start, to, count);
}

static void fetch_row(const DataPart *part, int64_t row, int64_t inputs) {
  if (part->bytes) fetch(part->bytes + row * inputs, inputs);
  else if (part->floats) fetch(part->floats + row * inputs, inputs * 4);
}

// ---- generated, permuted and projected inputs

// A sample as it is stored, or generated into `own`.
typedef struct {
  const uint8_t *bytes;
  const float *floats;
  float own[GENERATOR_MOST_INPUTS];
} Row;

static void find_row(const BlurData *data, BlurPart which, int64_t sample, Row *row) {
  const DataStore *store = data->store;
  const DataPart *part = &store->part[which];
  float y;
  row->bytes = part->bytes ? part->bytes + sample * store->inputs : NULL;
  row->floats = part->floats ? part->floats + sample * store->inputs : row->own;
  if (store->generator) data_generate(data, which, sample, row->own, &y);
}

static inline float input_of(const Row *row, int64_t input) {
  return row->bytes ? (float)row->bytes[input] / 255 : row->floats[input];
}

// `count` (at most 64) projected inputs from `start`: sums over all inputs, in the inputs' order; images are mostly
// zeros.
static void project(const BlurData *data, const Row *row, int64_t start, int64_t count, float *restrict to) {
  const DataStore *store = data->store;
  for (int64_t n = 0; n < count; n++) to[n] = 0;
  for (int64_t i = 0; i < store->inputs; i++) {
    float value = input_of(row, data->input_of ? data->input_of[i] : i);
    const float *restrict weight = data->projection + i * store->project + start;
    if (value == 0) continue;
    for (int64_t n = 0; n < count; n++) to[n] += value * weight[n];
  }
}

void gather_inputs(const BlurData *data, BlurPart part, int64_t sample, int64_t start, int64_t count, float *to) {
  Row row;
  find_row(data, part, sample, &row);
  if (data->projection) {
    for (int64_t done = 0; done < count; done += 64)
      project(data, &row, start + done, count - done < 64 ? count - done : 64, to + done);
  } else {
    for (int64_t i = 0; i < count; i++) to[i] = input_of(&row, data->input_of ? data->input_of[start + i] : start + i);
  }
}

// The same as numbers of `element` bytes.
static void convert(const BlurData *data, BlurPart which, int64_t sample, int64_t start, int64_t count, size_t element,
                    void *to) {
  enum { SOME = 64 };
  const DataStore *store = data->store;
  if (!data->projection && !data->input_of && !store->generator) {
    convert_stored(&store->part[which], sample * store->inputs + start, count, element, to);
    return;
  }
  if (element == 4) {
    gather_inputs(data, which, sample, start, count, to);
    return;
  }
  for (int64_t done = 0; done < count; done += SOME) {
    float some[SOME];
    int64_t more = count - done < SOME ? count - done : SOME;
    gather_inputs(data, which, sample, start + done, more, some);
    floats_to_double(some, (double *)to + done, more);
  }
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

static void gather_tile(const BlurData *data, BlurPart part, const int64_t *rows, int64_t first, int64_t samples,
                        GatherTarget target) {
  double tile[TILE_SAMPLES * TILE_UNITS];
  int64_t inputs = blur_data_inputs(data);
  for (int64_t unit = 0; unit < inputs; unit += TILE_UNITS) {
    int64_t units = inputs - unit < TILE_UNITS ? inputs - unit : TILE_UNITS;
    for (int64_t b = 0; b < samples; b++)
      convert(data, part, rows[first + b], unit, units, target.element,
              (char *)tile + (size_t)(b * TILE_UNITS) * target.element);
    char *to = target.base + (first * target.batch_stride + unit * target.unit_stride) * (int64_t)target.element;
    if (target.element == 4) scatter_floats((float *)(void *)tile, (float *)(void *)to, samples, units, target);
    else scatter_doubles(tile, (double *)(void *)to, samples, units, target);
  }
}

void gather_rows(const BlurData *data, BlurPart part, const int64_t *rows, int64_t first, int64_t end,
                 GatherTarget target) {
  const DataPart *from = &data->store->part[part];
  if (target.unit_stride != 1) {
    for (int64_t sample = first; sample < end; sample += TILE_SAMPLES)
      gather_tile(data, part, rows, sample, end - sample < TILE_SAMPLES ? end - sample : TILE_SAMPLES, target);
    return;
  }
  int64_t inputs = blur_data_inputs(data);
  for (int64_t sample = first; sample < end; sample++) {
    if (sample + 2 < end) fetch_row(from, rows[sample + 2], data->store->inputs);
    char *to = target.base + sample * target.batch_stride * (int64_t)target.element;
    convert(data, part, rows[sample], 0, inputs, target.element, to);
  }
}

static void put_number(GatherTarget target, int64_t sample, int64_t unit, double number) {
  char *to = target.base + (sample * target.batch_stride + unit * target.unit_stride) * (int64_t)target.element;
  if (target.element == 4) *(float *)(void *)to = (float)number;
  else *(double *)(void *)to = number;
}

void gather_targets(const BlurData *data, BlurPart part, const int64_t *rows, int64_t first, int64_t end,
                    int64_t outputs, GatherTarget target) {
  const DataStore *store = data->store;
  bool one = outputs == 1 && store->classes == 2;
  for (int64_t sample = first; sample < end; sample++) {
    if (store->generator && store->classes == 0) {
      double y;
      blur_data_target(data, part, rows[sample], 1, &y);
      put_number(target, sample, 0, y);
    } else if (store->classes == 0) {
      const float *targets = store->part[part].targets + rows[sample] * outputs;
      for (int64_t i = 0; i < outputs; i++) put_number(target, sample, i, (double)targets[i]);
    } else {
      int64_t label = blur_data_label(data, part, rows[sample]), hot = one ? label - 1 : label;
      for (int64_t i = 0; i < outputs; i++) put_number(target, sample, i, i == hot ? 1 : -1);
    }
  }
}

// ---- generated samples: inputs and targets at once, and neighbours together

static void generate(const BlurData *data, BlurPart part, const int64_t *rows, int count, GeneratorSample *samples) {
  const Generator *generator = data->store->generator;
  bool neighbours = true;
  for (int i = 1; i < count && neighbours; i++) neighbours = rows[i] == rows[0] + i;
  if (neighbours) {
    generator_samples(generator, &data->generated[part], rows[0], count, samples);
    return;
  }
  for (int i = 0; i < count; i++)
    samples[i].label = generator_sample(generator, &data->generated[part], rows[i], samples[i].x, &samples[i].y);
}

static void put_target(const BlurData *data, const GeneratorSample *from, int64_t sample, int64_t outputs,
                       GatherTarget y) {
  int classes = data->store->classes;
  if (classes == 0) {
    put_number(y, sample, 0, (double)from->y);
    return;
  }
  int64_t label = data->label_of[from->label], hot = outputs == 1 && classes == 2 ? label - 1 : label;
  for (int64_t i = 0; i < outputs; i++) put_number(y, sample, i, i == hot ? 1 : -1);
}

static void gather_generated(const BlurData *data, BlurPart part, const int64_t *rows, int64_t first, int64_t end,
                             int64_t outputs, GatherTarget x, GatherTarget y) {
  int64_t inputs = data->store->inputs;
  for (int64_t start = first; start < end; start += PHILOX_BLOCKS) {
    GeneratorSample samples[PHILOX_BLOCKS];
    int count = (int)(end - start < PHILOX_BLOCKS ? end - start : PHILOX_BLOCKS);
    generate(data, part, rows + start, count, samples);
    for (int i = 0; i < count; i++) {
      for (int64_t j = 0; x.base && j < inputs; j++)
        put_number(x, start + i, j, (double)samples[i].x[data->input_of ? data->input_of[j] : j]);
      if (y.base) put_target(data, &samples[i], start + i, outputs, y);
    }
  }
}

void gather_batch(const BlurData *data, BlurPart part, const int64_t *rows, int64_t first, int64_t end, int64_t outputs,
                  GatherTarget x, GatherTarget y) {
  if (data->store->generator && !data->projection) {
    gather_generated(data, part, rows, first, end, outputs, x, y);
    return;
  }
  if (x.base) gather_rows(data, part, rows, first, end, x);
  if (y.base) gather_targets(data, part, rows, first, end, outputs, y);
}
