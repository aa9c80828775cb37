// An unroll takes some thousand samples of perhaps a million. So the shuffle (Fisher and Yates, from the front) goes as
// far as that, and is undone by its swaps before the next one: its cost is that of the samples taken.
#include "runtime/meta/stream.h"

#include "base/philox.h"
#include "base/status.h"

#include <stdlib.h>

static const uint64_t shuffle_salt = 0x6D657461; // apart from what else the seed draws

bool stream_open(Stream *stream, const BlurData *data, int64_t batch, BlurStatus *status) {
  *stream = (Stream){.data = data, .batch = batch, .samples = blur_data_samples(data, BLUR_TRAIN), .shuffle = -1};
  if (blur_data_is_endless(data)) return true;
  stream->order = calloc((size_t)stream->samples, sizeof *stream->order);
  stream->swaps = calloc((size_t)stream->samples, sizeof *stream->swaps);
  if (!stream->order || !stream->swaps)
    return status_fail_memory(status, "an order of samples", (double)stream->samples * 8);
  for (int64_t i = 0; i < stream->samples; i++) stream->order[i] = (uint32_t)i;
  return true;
}

void stream_close(Stream *stream) {
  free(stream->order);
  free(stream->swaps);
}

static void swap(uint32_t *order, int64_t i, int64_t j) {
  uint32_t kept = order[i];
  order[i] = order[j];
  order[j] = kept;
}

static void draw(Stream *stream, int64_t shuffle, int64_t count) {
  for (int64_t i = stream->drawn; i-- > 0;) swap(stream->order, i, stream->swaps[i]);
  for (int64_t i = 0; i < count; i++) {
    stream->swaps[i] = (uint32_t)(i + (int64_t)philox_below(stream->seed ^ shuffle_salt, (uint64_t)shuffle, (uint64_t)i,
                                                            (uint64_t)(stream->samples - i)));
    swap(stream->order, i, stream->swaps[i]);
  }
  stream->drawn = count;
  stream->shuffle = shuffle;
}

void stream_begin(Stream *stream, uint64_t seed, int64_t batches) {
  stream->seed = seed;
  stream->batches = batches;
  stream->shuffle = -1;
}

void stream_rows(Stream *stream, int64_t number, int64_t *rows) {
  for (int64_t b = 0; b < stream->batch; b++) {
    int64_t position = number * stream->batch + b;
    if (!stream->order) {
      rows[b] = position;
      continue;
    }
    int64_t shuffle = position / stream->samples, all = stream->batches * stream->batch;
    if (shuffle != stream->shuffle) {
      int64_t last = all - shuffle * stream->samples;
      draw(stream, shuffle, last < stream->samples ? last : stream->samples);
    }
    rows[b] = stream->order[position % stream->samples];
  }
}
