#include "runtime/train/batch.h"

// Where x or y is; what the rule never reads is not stored.
static GatherTarget target_of(const BlurNetwork *network, const BlurVariable *variable) {
  const BlurPiece *piece = &variable->piece[0];
  if (piece->offset < 0) return (GatherTarget){0};
  return (GatherTarget){network->memory + piece->offset, network->element, piece->stride[0], piece->stride[1]};
}

void batch_gather(void *context, int64_t thread, int64_t threads) {
  const Batch *batch = context;
  const BlurNetwork *network = batch->network;
  int64_t first = batch->batch * thread / threads, end = batch->batch * (thread + 1) / threads;
  gather_batch(batch->data, batch->part, batch->rows, first, end, batch->outputs, target_of(network, network->x),
               target_of(network, network->y));
}
