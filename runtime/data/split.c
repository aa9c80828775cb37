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
  size_t row = (size_t)store->inputs * (from->bytes ? 1 : sizeof(float));
  *to = (DataPart){.samples = count, .labels = malloc((size_t)count + 1)};
  char *values = malloc((size_t)count * row + 1);
  if (from->bytes) to->bytes = (uint8_t *)values;
  else to->floats = (float *)(void *)values;
  if (!values || !to->labels) return false;
  const char *stored = from->bytes ? (const char *)from->bytes : (const char *)from->floats;
  for (int64_t i = 0; i < count; i++) {
    int64_t sample = order[first + i];
    memcpy(values + (size_t)i * row, stored + (size_t)sample * row, row);
    to->labels[i] = from->labels[sample];
  }
  return true;
}

bool blur_data_split(BlurData *data, int64_t train, int64_t validation, BlurStatus *status) {
  DataStore *store = data->store;
  DataPart *whole = &store->part[BLUR_TRAIN], parts[2] = {{0}, {0}};
  if (store->generator)
    return status_fail(status, BLUR_FAILED_USAGE, "data `%s` is generated: it has a validation part of its own",
                       store->name);
  if (atomic_load(&store->users) > 1 || store->part[BLUR_VALIDATION].samples > 0)
    return status_fail(status, BLUR_FAILED_USAGE, "data `%s` is split already, or in use", store->name);
  if (train < 1 || validation < 1 || train > whole->samples || validation > whole->samples - train)
    return status_fail(status, BLUR_FAILED_INPUT,
                       "data `%s` has %lld samples for training: they cannot be split into %lld and %lld", store->name,
                       (long long)whole->samples, (long long)train, (long long)validation);
  uint32_t *order = malloc((size_t)whole->samples * sizeof *order);
  bool done = order != NULL;
  if (done) {
    blur_data_shuffle(split_seed, 0, whole->samples, order);
    done = take_samples(store, whole, order, 0, train, &parts[0]) &&
           take_samples(store, whole, order, train, validation, &parts[1]);
  }
  free(order);
  if (!done) {
    data_free_part(&parts[0]);
    data_free_part(&parts[1]);
    return status_fail_memory(status, "a split", (double)((train + validation) * store->inputs));
  }
  data_free_part(whole);
  *whole = parts[0];
  store->part[BLUR_VALIDATION] = parts[1];
  return true;
}

static int64_t samples_of(double number, int64_t samples) {
  return (int64_t)floor(number < 1 ? number * (double)samples + 0.5 : number);
}

bool data_split_by(BlurData *data, const double *split, int count, BlurStatus *status) {
  int64_t samples = data->store->part[BLUR_TRAIN].samples;
  if (count != 2)
    return status_fail(status, BLUR_FAILED_USAGE,
                       "data `%s`: `split` has two numbers here, for training and validation: split=50000/10000",
                       data->store->name);
  int64_t train = samples_of(split[0], samples), validation = samples_of(split[1], samples);
  if (split[0] < 1 && split[1] < 1 && split[0] + split[1] <= 1 + 1e-9 && train + validation > samples)
    validation = samples - train; // both rounded up
  return blur_data_split(data, train, validation, status);
}
