// The batches of an unroll, which is gone through forward and in reverse, kept as they lie in a network's x and y: to
// put one back is a copy, where it fits into little memory. Private to the runtime.
#ifndef BLUR_META_BATCH_MEMORY_H
#define BLUR_META_BATCH_MEMORY_H

#include "runtime/network/network.h"

typedef struct {
  char *bytes; // [batches][x, then y]; NULL: they do not fit
  bool *has;   // [batches]
  int64_t batches;
  size_t x_bytes, y_bytes; // of one
} BatchMemory;

// For so many batches of a network, in at most `most` bytes; kept empty where they would take more. False: no memory.
bool batch_memory_open(BatchMemory *memory, const BlurNetwork *network, int64_t batches, size_t most,
                       BlurStatus *status);
void batch_memory_close(BatchMemory *memory);
void batch_memory_clear(BatchMemory *memory);
void batch_memory_keep(BatchMemory *memory, const BlurNetwork *network, int64_t number);
// False: it is not there.
bool batch_memory_put(const BatchMemory *memory, BlurNetwork *network, int64_t number);

#endif
