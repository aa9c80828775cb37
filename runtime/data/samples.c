// Samples out of a file into a store: labels to classes, scale, size of images. Before: arrays.c, csv.c; after:
// split.c.
#include "runtime/data/samples.h"

#include "base/status.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void samples_free(Samples *samples) {
  for (int i = 0; i < samples->word_count; i++) free(samples->words[i]);
  free(samples->words);
  free(samples->x);
  free(samples->y);
  *samples = (Samples){.path = samples->path};
}

bool samples_check(const Samples *samples, BlurStatus *status) {
  for (int64_t i = 0; i < samples->samples * samples->inputs; i++)
    if (!isfinite(samples->x[i]))
      return status_fail(status, BLUR_FAILED_INPUT,
                         "%s: input %" PRId64 " of sample %" PRId64
                         " (both from 0) is no finite number; leave such samples out",
                         samples->path, i % samples->inputs, i / samples->inputs);
  for (int64_t i = 0; samples->kind != TARGETS_NONE && i < samples->samples * samples->outputs; i++)
    if (!isfinite((float)samples->y[i]))
      return status_fail(status, BLUR_FAILED_INPUT,
                         "%s: the target of sample %" PRId64 " (from 0) is no finite number; leave such samples out",
                         samples->path, i / samples->outputs);
  return true;
}

// ---- classes

// A label: a number, or a word.
typedef struct {
  double number;
  const char *word;
} Label;

static Label label_of(const Samples *samples, int64_t sample) {
  double y = samples->y[sample];
  return samples->kind == TARGETS_WORDS ? (Label){.word = samples->words[(int)y]} : (Label){.number = y};
}

static int compare(Label left, Label right) {
  if (left.word && right.word) return strcmp(left.word, right.word);
  return (left.number > right.number) - (left.number < right.number);
}

typedef struct {
  int count;
  Label label[DATA_MAX_CLASSES]; // sorted
} Classes;

// Where a label is, or would be.
static int place_of(const Classes *classes, Label label) {
  int low = 0, high = classes->count;
  while (low < high) {
    int middle = (low + high) / 2;
    if (compare(classes->label[middle], label) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

static bool has(const Classes *classes, int place, Label label) {
  return place < classes->count && compare(classes->label[place], label) == 0;
}

static bool collect(Classes *classes, const Samples *samples, BlurStatus *status) {
  for (int64_t i = 0; i < samples->samples; i++) {
    Label label = label_of(samples, i);
    int place = place_of(classes, label);
    if (has(classes, place, label)) continue;
    if (classes->count == DATA_MAX_CLASSES)
      return status_fail(status, BLUR_FAILED_INPUT,
                         "%s has more than 256 classes; `as=regression` takes its targets as "
                         "numbers",
                         samples->path);
    memmove(&classes->label[place + 1], &classes->label[place],
            (size_t)(classes->count++ - place) * sizeof *classes->label);
    classes->label[place] = label;
  }
  return true;
}

static char *name_of(Label label) {
  char number[32];
  if (label.word) return strdup(label.word);
  snprintf(number, sizeof number, "%.0f", label.number);
  return strdup(number);
}

// The class that each place of `classes` becomes, -1 for those left out; the store's names.
static bool choose(DataStore *store, const Classes *classes, const DataSpecification *specification, int *class_of,
                   BlurStatus *status) {
  store->classes = specification->class_count ? specification->class_count : classes->count;
  store->class_names = calloc((size_t)store->classes, sizeof *store->class_names);
  if (!store->class_names) return status_fail_memory(status, "classes", 2048);
  for (int place = 0; place < classes->count; place++) {
    Label label = classes->label[place];
    double number = label.word ? place : label.number; // words are counted in their order
    class_of[place] = specification->class_count ? -1 : place;
    for (int i = 0; i < specification->class_count; i++)
      if (specification->classes[i] == number) class_of[place] = i;
    if (class_of[place] >= 0 && !(store->class_names[class_of[place]] = name_of(label)))
      return status_fail_memory(status, "classes", 64);
  }
  for (int i = 0; i < store->classes; i++)
    if (!store->class_names[i])
      return status_fail(status, BLUR_FAILED_INPUT, "data `%s`: no sample has the label %d", store->name,
                         specification->classes[i]);
  return true;
}

// The class of the network that a label is, by its name; -1: none.
static int known_class(const DataSpecification *specification, Label label) {
  char number[32], *name = (char *)(uintptr_t)label.word;
  if (!name) {
    snprintf(number, sizeof number, "%.0f", label.number);
    name = number;
  }
  for (int i = 0; i < specification->known_classes; i++) {
    char position[16];
    snprintf(position, sizeof position, "%d", i);
    const char *known = specification->known_names ? specification->known_names[i] : position;
    if (strcmp(known, name) == 0) return i;
  }
  return -1;
}

// ---- one part

static bool resize_samples(DataStore *store, Samples *samples, int64_t size, BlurStatus *status) {
  int64_t side = (int64_t)(sqrt((double)samples->inputs) + 0.5);
  if (!samples->rows && side * side == samples->inputs) samples->rows = samples->columns = side;
  if (!samples->rows)
    return status_fail(status, BLUR_FAILED_INPUT,
                       "data `%s`: `size` is for images, and %" PRId64 " inputs are no square", store->name,
                       samples->inputs);
  float *resized = malloc((size_t)(samples->samples * size * size) * sizeof *resized);
  ImageResize *resize = resize_create(samples->rows, samples->columns, size);
  bool done = resized && resize;
  for (int64_t i = 0; done && i < samples->samples; i++)
    resize_numbers(resize, samples->x + i * samples->inputs, resized + i * size * size);
  resize_destroy(resize);
  if (!done) {
    free(resized);
    return status_fail_memory(status, "resized images", (double)(samples->samples * size * size) * 4);
  }
  free(samples->x);
  samples->x = resized;
  samples->inputs = size * size;
  return true;
}

// Labels by their classes; samples of none of them are left out.
static void keep_labelled(Samples *samples, const Classes *classes, const int *class_of, DataPart *part) {
  int64_t kept = 0;
  for (int64_t i = 0; i < samples->samples; i++) {
    int label = class_of[place_of(classes, label_of(samples, i))];
    if (label < 0) continue;
    part->labels[kept] = (uint8_t)label;
    if (kept < i)
      memcpy(samples->x + kept * samples->inputs, samples->x + i * samples->inputs,
             (size_t)samples->inputs * sizeof *samples->x);
    kept++;
  }
  samples->samples = kept;
}

static bool store_part(DataStore *store, DataPart *part, Samples *samples, const DataSpecification *specification,
                       const Classes *classes, const int *class_of, BlurStatus *status) {
  bool labels = samples->kind != TARGETS_NONE && store->classes > 0;
  if (labels) part->labels = malloc((size_t)samples->samples + 1);
  else if (samples->kind != TARGETS_NONE)
    part->targets = malloc((size_t)(samples->samples * samples->outputs) * sizeof(float));
  if (samples->kind != TARGETS_NONE && !part->labels && !part->targets)
    return status_fail_memory(status, samples->path, (double)samples->samples * 4);
  if (labels) keep_labelled(samples, classes, class_of, part);
  for (int64_t i = 0; part->targets && i < samples->samples * samples->outputs; i++)
    part->targets[i] = (float)samples->y[i];
  if (samples->samples == 0)
    return status_fail(status, BLUR_FAILED_INPUT, "%s: no sample has one of the classes asked for", samples->path);
  if (samples->samples > UINT32_MAX)
    return status_fail(status, BLUR_FAILED_INPUT, "%s: more than 2^32 samples", samples->path);
  for (int64_t i = 0; specification->scale != 0 && i < samples->samples * samples->inputs; i++)
    samples->x[i] = (float)((double)samples->x[i] / specification->scale);
  if (specification->size && !resize_samples(store, samples, specification->size, status)) return false;
  part->samples = samples->samples;
  part->floats = samples->x;
  samples->x = NULL;
  store->inputs = samples->inputs;
  return true;
}

// ---- both parts

// What the targets are: as `as` says; else classes where they are integers or words.
static bool choose_kind(Samples *samples, const DataSpecification *specification, BlurStatus *status) {
  if (samples->kind == TARGETS_NONE) return true;
  bool classes = specification->as == TARGETS_AS_CLASSES, numbers = specification->as == TARGETS_AS_NUMBERS;
  if (numbers && samples->kind == TARGETS_WORDS)
    return status_fail(status, BLUR_FAILED_INPUT, "%s: its targets are words: no regression", samples->path);
  if (numbers || (samples->kind == TARGETS_INTEGER && samples->outputs > 1)) samples->kind = TARGETS_REAL;
  if (!classes || samples->kind != TARGETS_REAL) return true;
  for (int64_t i = 0; i < samples->samples * samples->outputs; i++)
    if (samples->outputs > 1 || samples->y[i] != floor(samples->y[i]))
      return status_fail(status, BLUR_FAILED_INPUT,
                         "%s: the target of sample %" PRId64 " (from 0) is no whole number, "
                         "so they are no classes",
                         samples->path, i / samples->outputs);
  samples->kind = TARGETS_INTEGER;
  return true;
}

bool samples_store(DataStore *store, Samples *train, Samples *test, const DataSpecification *specification,
                   BlurStatus *status) {
  Classes classes = {0};
  int class_of[DATA_MAX_CLASSES + 1] = {0};
  bool both = test && test->samples > 0, real;
  if (!choose_kind(train, specification, status) || (both && !choose_kind(test, specification, status))) return false;
  real = train->kind == TARGETS_REAL || (both && test->kind == TARGETS_REAL);
  if (both && train->inputs != test->inputs)
    return status_fail(status, BLUR_FAILED_INPUT, "%s has %" PRId64 " inputs, %s has %" PRId64, test->path,
                       test->inputs, train->path, train->inputs);
  if (both && (train->kind == TARGETS_WORDS) != (test->kind == TARGETS_WORDS))
    return status_fail(status, BLUR_FAILED_INPUT, "%s has words for targets, %s has numbers",
                       train->kind == TARGETS_WORDS ? train->path : test->path,
                       train->kind == TARGETS_WORDS ? test->path : train->path);
  store->outputs = train->outputs;
  if (specification->known_classes >= 0) store->classes = specification->known_classes;
  if (train->kind != TARGETS_NONE && !real) {
    if (!collect(&classes, train, status) || (both && !collect(&classes, test, status))) return false;
    if (specification->known_classes < 0 && !choose(store, &classes, specification, class_of, status)) return false;
    for (int place = 0; specification->known_classes >= 0 && place < classes.count; place++) {
      class_of[place] = known_class(specification, classes.label[place]);
      if (class_of[place] >= 0) continue;
      char *name = name_of(classes.label[place]);
      status_fail(status, BLUR_FAILED_INPUT, "%s: the class `%s` is none that the network knows", train->path, name);
      free(name);
      return false;
    }
  } else if (specification->class_count) {
    return status_fail(status, BLUR_FAILED_INPUT, "data `%s` has no classes to choose from", store->name);
  }
  return store_part(store, &store->part[BLUR_TRAIN], train, specification, &classes, class_of, status) &&
         (!both || store_part(store, &store->part[BLUR_TEST], test, specification, &classes, class_of, status));
}
