// A network in training. Private to the runtime.
#ifndef BLUR_TRAIN_TRAINING_H
#define BLUR_TRAIN_TRAINING_H

#include "blur/runtime.h"
#include "runtime/train/batch.h"

#include <stdatomic.h>

struct BlurTraining {
  BlurNetwork *network;
  const BlurData *data;
  BlurLoss loss;
  uint64_t seed;
  int64_t batch, outputs;
  int64_t position; // samples drawn so far: the next is number position % samples of shuffle position / samples
  atomic_bool interrupted;
  uint32_t *order; // [samples of the training part], NULL where it has no end: shuffle number `shuffle`
  int64_t shuffle; // -1: none yet
  int64_t *rows;   // [batch]: the samples of the batch at hand
  BlurPart part;   // that they are of
  // The copy that a divergence is found from: the network and position as they were at some earlier step.
  char *copy;
  int64_t copy_steps, copy_position;
  uint64_t copy_writes;
  // For evaluations.
  uint32_t *test_order;          // [the larger part's samples]
  double *predictions, *targets; // [B, O]
  double *sums;                  // [3, O]: of the targets, for regression
};

// Whether such a network learns such data with this loss; false: what does not fit.
bool training_fits(const BlurNetwork *network, const BlurData *data, BlurLoss loss, BlurStatus *status);

#endif
