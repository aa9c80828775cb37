// Sets of images: labels and images in IDX files. Before: places.c finds the files; after: split.c.
#include "runtime/data/data.h"

#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static bool load_part(DataStore *store, BlurPart which, const char *image_path, const char *label_path,
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
  if (fits && which == BLUR_TEST && !specification->size && inputs != store->inputs)
    fits = status_fail(status, BLUR_FAILED_INPUT, "%s: its images have %lld numbers, those for training %lld",
                       image_path, (long long)inputs, (long long)store->inputs);
  if (fits) {
    DataPart *part = &store->part[which];
    *part = (DataPart){.samples = images.extent[0], .bytes = take_values(&images), .labels = take_values(&labels)};
    select_classes(specification, part, inputs);
    store->inputs = specification->size ? specification->size * specification->size : inputs;
    if (part->samples == 0)
      fits = status_fail(status, BLUR_FAILED_INPUT, "%s: no sample has one of the classes asked for", label_path);
    else if (specification->size) fits = resize_part(part, &images, specification->size, status);
  }
  free(images.content);
  free(labels.content);
  return fits;
}

static int class_count(const DataStore *store) {
  int highest = 0;
  for (int part = 0; part < DATA_PARTS; part++)
    for (int64_t i = 0; i < store->part[part].samples; i++)
      if (store->part[part].labels[i] > highest) highest = store->part[part].labels[i];
  return highest + 1;
}

// Each chosen class has a sample.
static bool has_classes(const DataStore *store, const DataSpecification *specification, BlurStatus *status) {
  bool seen[DATA_MAX_CLASSES] = {false};
  for (int part = 0; part < DATA_PARTS; part++)
    for (int64_t i = 0; i < store->part[part].samples; i++) seen[store->part[part].labels[i]] = true;
  for (int i = 0; i < specification->class_count; i++)
    if (!seen[i])
      return status_fail(status, BLUR_FAILED_INPUT, "data `%s`: no sample has the label %d", store->name,
                         specification->classes[i]);
  return true;
}

// Chosen classes are called by their labels.
static bool name_classes(DataStore *store, const DataSpecification *specification, BlurStatus *status) {
  store->class_names = calloc((size_t)store->classes, sizeof *store->class_names);
  for (int i = 0; store->class_names && i < store->classes; i++) {
    char name[16];
    snprintf(name, sizeof name, "%d", specification->classes[i]);
    if (!(store->class_names[i] = strdup(name))) return status_fail_memory(status, "classes", 64);
  }
  return store->class_names || status_fail_memory(status, "classes", 2048);
}

bool images_load(BlurData *data, const DataSpecification *specification, const char *folder, BlurStatus *status) {
  DataFiles files;
  DataStore *store = data->store;
  if (!places_files(specification, folder, &files, status) ||
      !load_part(store, BLUR_TRAIN, files.path[0], files.path[1], specification, status) ||
      !load_part(store, BLUR_TEST, files.path[2], files.path[3], specification, status))
    return false;
  store->classes = specification->class_count ? specification->class_count : class_count(store);
  if (specification->class_count &&
      !(has_classes(store, specification, status) && name_classes(store, specification, status)))
    return false;
  return !specification->split_count || data_split_by(data, specification->split, specification->split_count, status);
}

bool images_load_inputs(DataStore *store, const DataSpecification *specification, const char *path,
                        unsigned char *bytes, size_t length, BlurStatus *status) {
  Idx images;
  if (!idx_parse(path, bytes, length, &images, status)) return false;
  bool done = true;
  if (images.dimensions < 2 || (specification->size && images.dimensions != 3))
    done = status_fail(status, BLUR_FAILED_INPUT, "%s holds no images: it has %d dimensions", path, images.dimensions);
  if (done) {
    DataPart *part = &store->part[BLUR_TEST];
    store->inputs = (int64_t)images.count / images.extent[0];
    *part = (DataPart){.samples = images.extent[0], .bytes = take_values(&images)};
    if (specification->size) {
      store->inputs = specification->size * specification->size;
      done = resize_part(part, &images, specification->size, status);
    }
  }
  free(images.content);
  return done;
}
