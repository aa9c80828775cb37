// Data sets in memory: loaded by specification or copied from arrays; targets; the order of the samples.
#include "runtime/data/data.h"

#include "base/philox.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

void blur_data_destroy(BlurData *data) {
  if (!data) return;
  for (int part = 0; part < 2; part++) {
    free(data->part[part].bytes);
    free(data->part[part].floats);
    free(data->part[part].labels);
  }
  free(data->name);
  free(data);
}

// ---- loading

// Keeps the samples whose label is in the list, renumbered by its place there; an empty list keeps all.
static void select_classes(const DataSpecification *specification, DataPart *part, int64_t inputs) {
  if (specification->class_count == 0) return;
  int number[DATA_MAX_CLASSES];
  memset(number, -1, sizeof number);
  for (int i = 0; i < specification->class_count; i++) number[specification->classes[i]] = i;
  int64_t kept = 0;
  for (int64_t i = 0; i < part->samples; i++) {
    if (number[part->labels[i]] < 0) continue;
    part->labels[kept] = (uint8_t)number[part->labels[i]];
    memmove(part->bytes + kept * inputs, part->bytes + i * inputs, (size_t)inputs);
    kept++;
  }
  part->samples = kept;
}

static bool resize_part(DataPart *part, const Idx *images, int64_t size, BlurStatus *status) {
  ImageResize *resize = resize_create(images->extent[1], images->extent[2], size);
  part->floats = malloc((size_t)(part->samples * size * size) * sizeof(float) + 1);
  bool done = resize && part->floats;
  for (int64_t i = 0; done && i < part->samples; i++)
    resize_image(resize, part->bytes + i * images->extent[1] * images->extent[2], part->floats + i * size * size);
  resize_destroy(resize);
  free(part->bytes);
  part->bytes = NULL;
  return done || status_fail_memory(status, "resized images", (double)(part->samples * size * size) * 4);
}

// The values, moved to the front of their allocation, which then belongs to the caller.
static uint8_t *take_values(Idx *idx) {
  uint8_t *bytes = idx->content;
  memmove(bytes, idx->values, idx->count);
  idx->content = NULL;
  return bytes;
}

static bool load_part(BlurData *data, BlurPart which, const char *image_path, const char *label_path,
                      const DataSpecification *specification, BlurStatus *status) {
  Idx images, labels = {0};
  if (!idx_read(image_path, &images, status)) return false;
  bool fits = idx_read(label_path, &labels, status);
  int64_t inputs = images.extent[0] ? (int64_t)images.count / images.extent[0] : 0;
  if (fits && (images.dimensions < 2 || labels.dimensions != 1 || images.extent[0] != labels.extent[0]))
    fits = status_fail(status, BLUR_FAILED_INPUT,
                       "%s and %s do not belong together: %lld images (%d dimensions), %lld labels", image_path,
                       label_path, (long long)images.extent[0], images.dimensions, (long long)labels.extent[0]);
  if (fits && specification->size > 0 && images.dimensions != 3)
    fits = status_fail(status, BLUR_FAILED_INPUT, "%s does not hold images, `size` cannot be set", image_path);
  if (fits && which == BLUR_TEST && !specification->size && inputs != data->inputs)
    fits = status_fail(status, BLUR_FAILED_INPUT, "%s: its images have %lld numbers, those for training %lld",
                       image_path, (long long)inputs, (long long)data->inputs);
  if (fits) {
    DataPart *part = &data->part[which];
    *part = (DataPart){.samples = images.extent[0], .bytes = take_values(&images), .labels = take_values(&labels)};
    select_classes(specification, part, inputs);
    data->inputs = specification->size ? specification->size * specification->size : inputs;
    if (part->samples == 0)
      fits = status_fail(status, BLUR_FAILED_INPUT, "%s: no sample has one of the classes asked for", label_path);
    else if (specification->size) fits = resize_part(part, &images, specification->size, status);
  }
  free(images.content);
  free(labels.content);
  return fits;
}

static int highest_label(const DataPart *part) {
  int highest = -1;
  for (int64_t i = 0; i < part->samples; i++)
    if (part->labels[i] > highest) highest = part->labels[i];
  return highest;
}

BlurData *blur_data_load(const char *specification_text, BlurStatus *status) {
  DataSpecification specification;
  char folder[2048];
  DataFiles files;
  if (!specification_parse(specification_text, &specification, status) ||
      !specification_folder(&specification, folder, sizeof folder, status) ||
      !specification_files(&specification, folder, &files, status))
    return NULL;
  BlurData *data = calloc(1, sizeof *data);
  if (!data || !(data->name = strdup(specification_text))) {
    free(data);
    status_fail_memory(status, "data", sizeof *data);
    return NULL;
  }
  if (!load_part(data, BLUR_TRAIN, files.path[0], files.path[1], &specification, status) ||
      !load_part(data, BLUR_TEST, files.path[2], files.path[3], &specification, status)) {
    blur_data_destroy(data);
    return NULL;
  }
  int train = highest_label(&data->part[BLUR_TRAIN]), test = highest_label(&data->part[BLUR_TEST]);
  data->classes = specification.class_count ? specification.class_count : (train > test ? train : test) + 1;
  return data;
}

// ---- from arrays

static bool copy_part(DataPart *part, int64_t samples, int64_t inputs, const float *x, const uint8_t *labels) {
  *part = (DataPart){.samples = samples,
                     .floats = malloc((size_t)(samples * inputs) * sizeof(float) + 1),
                     .labels = malloc((size_t)samples + 1)};
  if (!part->floats || !part->labels) return false;
  if (samples == 0) return true;
  memcpy(part->floats, x, (size_t)(samples * inputs) * sizeof(float));
  memcpy(part->labels, labels, (size_t)samples);
  return true;
}

BlurData *blur_data_create(int64_t inputs, int classes, int64_t train_samples, const float *train_x,
                           const uint8_t *train_labels, int64_t test_samples, const float *test_x,
                           const uint8_t *test_labels, BlurStatus *status) {
  if (inputs < 1 || classes < 1 || classes > DATA_MAX_CLASSES || train_samples < 1 || test_samples < 0 ||
      train_samples > UINT32_MAX || test_samples > UINT32_MAX) {
    status_fail(status, BLUR_FAILED_USAGE, "data of %lld inputs, %d classes, %lld samples: impossible",
                (long long)inputs, classes, (long long)train_samples);
    return NULL;
  }
  BlurData *data = calloc(1, sizeof *data);
  if (data) *data = (BlurData){.name = strdup(""), .inputs = inputs, .classes = classes};
  if (!data || !data->name || !copy_part(&data->part[BLUR_TRAIN], train_samples, inputs, train_x, train_labels) ||
      !copy_part(&data->part[BLUR_TEST], test_samples, inputs, test_x, test_labels)) {
    status_fail_memory(status, "data", (double)((train_samples + test_samples) * inputs) * 4);
    blur_data_destroy(data);
    return NULL;
  }
  for (int part = 0; part < 2; part++) {
    if (highest_label(&data->part[part]) < classes) continue;
    status_fail(status, BLUR_FAILED_INPUT, "label %d: there are %d classes, numbered from 0",
                highest_label(&data->part[part]), classes);
    blur_data_destroy(data);
    return NULL;
  }
  return data;
}

// ---- looking

const char *blur_data_name(const BlurData *data) { return data->name; }
int64_t blur_data_inputs(const BlurData *data) { return data->inputs; }
int blur_data_classes(const BlurData *data) { return data->classes; }
int64_t blur_data_samples(const BlurData *data, BlurPart part) { return data->part[part].samples; }
const uint8_t *blur_data_labels(const BlurData *data, BlurPart part) { return data->part[part].labels; }

void blur_data_row(const BlurData *data, BlurPart part, int64_t sample, double *x) {
  const DataPart *from = &data->part[part];
  for (int64_t i = 0; i < data->inputs; i++) {
    int64_t at = sample * data->inputs + i;
    x[i] = from->bytes ? (double)from->bytes[at] / 255 : (double)from->floats[at];
  }
}

void blur_data_target(const BlurData *data, int label, int64_t outputs, double *y) {
  if (outputs == 1 && data->classes == 2) {
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
