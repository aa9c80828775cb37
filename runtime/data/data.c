// Data sets in memory: made from arrays or, empty, for a loader; the tasks drawn from them; targets; the order of the
// samples. Before: load.c; after: gather.c, which puts samples into a network.
#include "runtime/data/data.h"

#include "base/hash.h"
#include "base/philox.h"
#include "base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void data_free_part(DataPart *part) {
  free(part->bytes);
  free(part->floats);
  free(part->labels);
  free(part->targets);
  *part = (DataPart){0};
}

void blur_data_destroy(BlurData *data) {
  if (!data) return;
  DataStore *store = data->store;
  if (store && atomic_fetch_sub(&store->users, 1) == 1) {
    for (int part = 0; part < DATA_PARTS; part++) data_free_part(&store->part[part]);
    for (int i = 0; store->class_names && i < store->classes; i++) free(store->class_names[i]);
    free(store->class_names);
    free(store->name);
    free(store);
  }
  free(data->input_of);
  free(data->projection);
  free(data);
}

BlurData *data_create_empty(const char *name, BlurStatus *status) {
  BlurData *data = calloc(1, sizeof *data);
  if (data && (data->store = calloc(1, sizeof *data->store))) {
    atomic_init(&data->store->users, 1);
    if ((data->store->name = strdup(name))) return data;
  }
  status_fail_memory(status, "data", sizeof *data->store);
  blur_data_destroy(data);
  return NULL;
}

// ---- tasks

bool data_finish(BlurData *data, BlurStatus *status) {
  const DataStore *store = data->store;
  size_t weights = (size_t)store->inputs * (size_t)store->project;
  if (store->permute_inputs) data->input_of = malloc((size_t)store->inputs * sizeof *data->input_of);
  if (store->project) data->projection = malloc(weights * sizeof *data->projection);
  if ((store->permute_inputs && !data->input_of) || (store->project && !data->projection))
    return status_fail_memory(status, "permutation and projection", (double)weights * 4 + (double)store->inputs * 4);
  blur_data_redraw(data, 0);
  return true;
}

BlurData *blur_data_draw(const BlurData *data, uint64_t seed, BlurStatus *status) {
  BlurData *drawn = calloc(1, sizeof *drawn);
  if (!drawn) {
    status_fail_memory(status, "data", sizeof *drawn);
    return NULL;
  }
  drawn->store = data->store;
  atomic_fetch_add(&drawn->store->users, 1);
  if (!data_finish(drawn, status)) {
    blur_data_destroy(drawn);
    return NULL;
  }
  blur_data_redraw(drawn, seed);
  return drawn;
}

// Weights of variance 1 / inputs: a projected input has about the mean square of the inputs.
static void draw_projection(BlurData *data, uint64_t key) {
  enum { SOME = 256 };
  size_t count = (size_t)data->store->inputs * (size_t)data->store->project;
  double normals[SOME], scale = 1 / sqrt((double)data->store->inputs);
  for (size_t first = 0; first < count; first += SOME) {
    size_t some = count - first < SOME ? count - first : SOME;
    philox_normals(key, 0, first, some, normals);
    for (size_t i = 0; i < some; i++) data->projection[first + i] = (float)(scale * normals[i]);
  }
}

void blur_data_redraw(BlurData *data, uint64_t seed) {
  const DataStore *store = data->store;
  uint32_t order[DATA_MAX_CLASSES];
  for (uint32_t i = 0; i < DATA_MAX_CLASSES; i++) order[i] = i;
  if (store->permute_labels) blur_data_shuffle(philox_mix(seed, hash_text("permute labels")), 0, store->classes, order);
  for (int i = 0; i < DATA_MAX_CLASSES; i++) data->label_of[i] = (uint8_t)order[i];
  if (data->input_of)
    blur_data_shuffle(philox_mix(seed, hash_text("permute pixels")), 0, store->inputs, data->input_of);
  if (store->generator) generator_draw(store->generator, store->noise, seed, data->generated);
  if (data->projection) draw_projection(data, philox_mix(seed, hash_text("project")));
}

// ---- from arrays

static bool copy_part(const DataStore *store, DataPart *part, int64_t samples, const float *x, const uint8_t *labels,
                      const float *targets) {
  size_t values = (size_t)(samples * store->inputs) * sizeof(float);
  size_t reals = (size_t)(samples * store->outputs) * sizeof(float);
  *part = (DataPart){.samples = samples, .floats = malloc(values + 1)};
  if (store->classes) part->labels = malloc((size_t)samples + 1);
  else part->targets = malloc(reals + 1);
  if (!part->floats || (!part->labels && !part->targets)) return false;
  if (samples == 0) return true;
  memcpy(part->floats, x, values);
  if (store->classes) memcpy(part->labels, labels, (size_t)samples);
  else memcpy(part->targets, targets, reals);
  return true;
}

static int highest_label(const DataPart *part) {
  int highest = -1;
  for (int64_t i = 0; i < part->samples; i++)
    if (part->labels[i] > highest) highest = part->labels[i];
  return highest;
}

static BlurData *create(int64_t inputs, int64_t outputs, int classes, int64_t train_samples, int64_t test_samples,
                        BlurStatus *status) {
  if (inputs < 1 || train_samples < 1 || test_samples < 0 || train_samples > UINT32_MAX || test_samples > UINT32_MAX ||
      classes < 0 || classes > DATA_MAX_CLASSES || outputs < (classes ? 0 : 1)) {
    status_fail(status, BLUR_FAILED_USAGE, "data of %lld inputs, %d classes, %lld outputs, %lld samples: impossible",
                (long long)inputs, classes, (long long)outputs, (long long)train_samples);
    return NULL;
  }
  BlurData *data = data_create_empty("", status);
  if (!data) return NULL;
  data->store->inputs = inputs;
  data->store->outputs = outputs;
  data->store->classes = classes;
  return data;
}

BlurData *blur_data_create(int64_t inputs, int classes, int64_t train_samples, const float *train_x,
                           const uint8_t *train_labels, int64_t test_samples, const float *test_x,
                           const uint8_t *test_labels, BlurStatus *status) {
  BlurData *data = create(inputs, 0, classes, train_samples, test_samples, status);
  if (!data) return NULL;
  DataStore *store = data->store;
  bool done = copy_part(store, &store->part[BLUR_TRAIN], train_samples, train_x, train_labels, NULL) &&
              copy_part(store, &store->part[BLUR_TEST], test_samples, test_x, test_labels, NULL);
  if (!done) status_fail_memory(status, "data", (double)((train_samples + test_samples) * inputs) * 4);
  for (int part = 0; done && part < 2; part++)
    if (highest_label(&store->part[part]) >= classes)
      done = status_fail(status, BLUR_FAILED_INPUT, "label %d: there are %d classes, numbered from 0",
                         highest_label(&store->part[part]), classes);
  if (done && data_finish(data, status)) return data;
  blur_data_destroy(data);
  return NULL;
}

BlurData *blur_data_create_real(int64_t inputs, int64_t outputs, int64_t train_samples, const float *train_x,
                                const float *train_y, int64_t test_samples, const float *test_x, const float *test_y,
                                BlurStatus *status) {
  BlurData *data = create(inputs, outputs, 0, train_samples, test_samples, status);
  if (!data) return NULL;
  DataStore *store = data->store;
  bool done = copy_part(store, &store->part[BLUR_TRAIN], train_samples, train_x, NULL, train_y) &&
              copy_part(store, &store->part[BLUR_TEST], test_samples, test_x, NULL, test_y);
  if (!done) status_fail_memory(status, "data", (double)((train_samples + test_samples) * (inputs + outputs)) * 4);
  if (done && data_finish(data, status)) return data;
  blur_data_destroy(data);
  return NULL;
}

// ---- looking

const char *blur_data_name(const BlurData *data) { return data->store->name; }
int64_t blur_data_inputs(const BlurData *data) {
  return data->store->project ? data->store->project : data->store->inputs;
}
int64_t blur_data_outputs(const BlurData *data) {
  int classes = data->store->classes;
  return classes == 0 ? data->store->outputs : classes == 2 ? 1 : classes;
}
int blur_data_classes(const BlurData *data) { return data->store->classes; }
const char *blur_data_class_name(const BlurData *data, int label) {
  for (int i = 0; data->store->class_names && i < data->store->classes; i++)
    if (data->label_of[i] == label) return data->store->class_names[i];
  return NULL;
}
bool blur_data_has_targets(const BlurData *data) {
  const DataPart *test = &data->store->part[BLUR_TEST];
  return data->store->generator || test->samples == 0 || test->labels || test->targets;
}
bool blur_data_is_endless(const BlurData *data) { return data->store->generator != NULL; }
int64_t blur_data_samples(const BlurData *data, BlurPart part) { return data->store->part[part].samples; }

BlurLoss blur_data_loss(const BlurData *data, int64_t outputs) {
  return data->store->classes == 0 || outputs == 1 ? BLUR_LOSS_SQUARED_ERROR : BLUR_LOSS_CROSS_ENTROPY;
}

int data_generate(const BlurData *data, BlurPart part, int64_t sample, float *x, float *y) {
  return generator_sample(data->store->generator, &data->generated[part], sample, x, y);
}

int blur_data_label(const BlurData *data, BlurPart part, int64_t sample) {
  const DataStore *store = data->store;
  float x[GENERATOR_MOST_INPUTS], y;
  if (store->classes == 0 || (!store->generator && !store->part[part].labels)) return -1;
  return data->label_of[store->generator ? data_generate(data, part, sample, x, &y) : store->part[part].labels[sample]];
}

void blur_data_row(const BlurData *data, BlurPart part, int64_t sample, double *x) {
  const DataPart *from = &data->store->part[part];
  int64_t inputs = blur_data_inputs(data);
  if (!from->bytes || data->projection) {
    enum { SOME = 64 };
    float some[SOME];
    for (int64_t start = 0; start < inputs; start += SOME) {
      int64_t count = inputs - start < SOME ? inputs - start : SOME;
      gather_inputs(data, part, sample, start, count, some);
      for (int64_t i = 0; i < count; i++) x[start + i] = (double)some[i];
    }
    return;
  }
  const uint8_t *row = from->bytes + sample * inputs; // byte / 255 as exactly as double has it
  for (int64_t i = 0; i < inputs; i++) x[i] = (double)row[data->input_of ? data->input_of[i] : i] / 255;
}

void blur_data_target(const BlurData *data, BlurPart part, int64_t sample, int64_t outputs, double *y) {
  const DataStore *store = data->store;
  if (store->classes == 0) {
    float x[GENERATOR_MOST_INPUTS], real;
    const float *targets = store->generator ? &real : store->part[part].targets + sample * store->outputs;
    if (store->generator) data_generate(data, part, sample, x, &real);
    for (int64_t i = 0; i < outputs; i++) y[i] = (double)targets[i];
    return;
  }
  int label = blur_data_label(data, part, sample);
  if (outputs == 1 && store->classes == 2) {
    y[0] = label == 1 ? 1 : -1;
    return;
  }
  for (int64_t i = 0; i < outputs; i++) y[i] = i == label ? 1 : -1;
}

void blur_data_shuffle(uint64_t seed, uint64_t shuffle, int64_t samples, uint32_t *order) {
  for (int64_t i = 0; i < samples; i++) order[i] = (uint32_t)i;
  for (int64_t i = samples - 1; i > 0; i--) {
    int64_t other = (int64_t)philox_below(seed, shuffle, (uint64_t)i, (uint64_t)i + 1);
    uint32_t swapped = order[i];
    order[i] = order[other];
    order[other] = swapped;
  }
}
