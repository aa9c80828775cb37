// The batches of one unroll: samples of the training part in an order drawn for it, each once before any comes again,
// at hand by their number in any order. Private to the runtime.
#ifndef BLUR_META_STREAM_H
#define BLUR_META_STREAM_H

#include "blur/runtime.h"

typedef struct {
  const BlurData *data;
  int64_t batch, batches; // samples of one; how many are asked for
  int64_t samples;        // of the training part; generated ones come in their own order
  uint64_t seed;
  uint32_t *order; // [samples] a permutation whose first `drawn` are those of shuffle `shuffle`
  uint32_t *swaps; // [samples] how it was made of 0, 1, 2, ...
  int64_t drawn, shuffle;
} Stream;

// False: no memory. To be closed.
bool stream_open(Stream *stream, const BlurData *data, int64_t batch, BlurStatus *status);
void stream_close(Stream *stream);
void stream_begin(Stream *stream, uint64_t seed, int64_t batches);
void stream_rows(Stream *stream, int64_t number, int64_t *rows); // [batch]

#endif
