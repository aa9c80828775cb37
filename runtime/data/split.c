// Parts of a set: training and validation out of what the set has for training. The order is that of one fixed shuffle,
// so the same samples are for validation whatever the seed of a run. See blur_data_split.
#include "runtime/data/data.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t split_seed = 0x73706C6974; // "split"

// Samples order[first..first+count) of `from`, copied.
static bool take_samples(const DataStore *store, const DataPart *from, const uint32_t *order, int64_t first,
                         int64_t count, DataPart *to) {
  size_t row = (size_t)store->inputs * (from->bytes ? 1 : sizeof(float)), targets = (size_t)store->outputs;
  *to = (DataPart){.samples = count};
  char *values = malloc((size_t)count * row + 1);
  if (from->bytes) to->bytes = (uint8_t *)values;
  else to->floats = (float *)(void *)values;
  if (from->labels) to->labels = malloc((size_t)count + 1);
  if (from->targets) to->targets = malloc((size_t)count * targets * sizeof(float) + 1);
  if (!values || (from->labels && !to->labels) || (from->targets && !to->targets)) return false;
  const char *stored = from->bytes ? (const char *)from->bytes : (const char *)from->floats;
  for (int64_t i = 0; i < count; i++) {
    int64_t sample = order[first + i];
    memcpy(values + (size_t)i * row, stored + (size_t)sample * row, row);
    if (from->labels) to->labels[i] = from->labels[sample];
    if (from->targets)
      memcpy(to->targets + (size_t)i * targets, from->targets + (size_t)sample * targets, targets * sizeof(float));
  }
  return true;
}

// Deals the training part out, in the order of the fixed shuffle: so many samples for training, for validation, for the
// test. A part that gets none stays as it is.
static bool deal(DataStore *store, int64_t train, int64_t validation, int64_t test, BlurStatus *status) {
  static const BlurPart of[3] = {BLUR_TRAIN, BLUR_VALIDATION, BLUR_TEST};
  const int64_t counts[3] = {train, validation, test};
  DataPart whole = store->part[BLUR_TRAIN], dealt[3] = {{0}};
  uint32_t *order = malloc((size_t)whole.samples * sizeof *order);
  bool done = order != NULL;
  if (done) blur_data_shuffle(split_seed, 0, whole.samples, order);
  for (int64_t i = 0, first = 0; done && i < 3; first += counts[i++])
    if (counts[i]) done = take_samples(store, &whole, order, first, counts[i], &dealt[i]);
  free(order);
  for (int i = 0; i < 3; i++) {
    if (!done) data_free_part(&dealt[i]);
    else if (counts[i]) store->part[of[i]] = dealt[i];
  }
  if (!done) return status_fail_memory(status, "a split", (double)(whole.samples * store->inputs));
  data_free_part(&whole);
  return true;
}

static bool refuse(const DataStore *store, BlurStatus *status) {
  return status_fail(status, BLUR_FAILED_INPUT,
                     "data `%s` has %lld samples for training, too few for this split; each part has at least one",
                     store->name, (long long)store->part[BLUR_TRAIN].samples);
}

bool blur_data_split(BlurData *data, int64_t train, int64_t validation, BlurStatus *status) {
  DataStore *store = data->store;
  int64_t samples = store->part[BLUR_TRAIN].samples;
  if (store->generator)
    return status_fail(status, BLUR_FAILED_USAGE, "data `%s` is generated: it has a validation part of its own",
                       store->name);
  if (atomic_load(&store->users) > 1 || store->part[BLUR_VALIDATION].samples > 0)
    return status_fail(status, BLUR_FAILED_USAGE, "data `%s` is split already, or in use", store->name);
  if (train < 1 || validation < 1 || train > samples || validation > samples - train) return refuse(store, status);
  return deal(store, train, validation, 0, status);
}

static int64_t samples_of(double number, int64_t samples) {
  return (int64_t)floor(number < 1 ? number * (double)samples + 0.5 : number);
}

bool data_split_by(BlurData *data, const double *split, int count, BlurStatus *status) {
  DataStore *store = data->store;
  int64_t samples = store->part[BLUR_TRAIN].samples;
  if (count != 2)
    return status_fail(status, BLUR_FAILED_USAGE,
                       "data `%s` has a test part: `split` has two numbers, for training and validation: "
                       "split=50000/10000",
                       store->name);
  int64_t train = samples_of(split[0], samples), validation = samples_of(split[1], samples);
  if (split[0] < 1 && split[1] < 1 && split[0] + split[1] <= 1 + 1e-9 && train + validation > samples)
    validation = samples - train; // both rounded up
  return blur_data_split(data, train, validation, status);
}

bool data_split_off_test(BlurData *data, const double *split, int count, BlurStatus *status) {
  DataStore *store = data->store;
  int64_t samples = store->part[BLUR_TRAIN].samples;
  if (count == 3) {
    int64_t counts[3], sum = 0;
    for (int i = 0; i < 3; i++) {
      counts[i] = samples_of(split[i], samples);
      if (i == 2 && split[0] + split[1] + split[2] <= 1 + 1e-9 && sum + counts[i] > samples) counts[i] = samples - sum;
      if (counts[i] < 1 || counts[i] > samples - sum) return refuse(store, status);
      sum += counts[i];
    }
    return deal(store, counts[0], counts[1], counts[2], status);
  }
  int64_t train = samples_of(count == 1 ? split[0] : 0.8, samples);
  if (!count && train >= samples)
    return status_fail(status, BLUR_FAILED_INPUT,
                       "data `%s` has no test part and %lld sample%s, too few to take a fifth for one; split=0.5 takes "
                       "half, test=FILE is a file of its own",
                       store->name, (long long)samples, samples == 1 ? "" : "s");
  if (train < 1 || train >= samples) return refuse(store, status);
  return deal(store, train, 0, samples - train, status) && (count < 2 || data_split_by(data, split, count, status));
}
