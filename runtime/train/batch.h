// A batch on its way from a data set into a network's x and y. Private to the runtime.
#ifndef BLUR_TRAIN_BATCH_H
#define BLUR_TRAIN_BATCH_H

#include "runtime/data/data.h"
#include "runtime/network/network.h"

typedef struct {
  BlurNetwork *network;
  const BlurData *data;
  BlurPart part;
  const int64_t *rows; // [batch] samples of the part
  int64_t batch, outputs;
} Batch;

// This thread's share of it, for network_run or blur_pool_run: `batch` is a Batch.
void batch_gather(void *batch, int64_t thread, int64_t threads);

#endif
