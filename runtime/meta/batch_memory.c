#include "runtime/meta/batch_memory.h"

#include "base/status.h"

#include <stdlib.h>
#include <string.h>

// From the first element to the last, padding between rows included.
static size_t bytes_of(const BlurNetwork *network, const BlurVariable *variable) {
  const BlurPiece *piece = &variable->piece[0];
  if (piece->offset < 0) return 0;
  int64_t last = 0;
  for (int d = 0; d < variable->dimensions; d++) last += (variable->extent[d] - 1) * piece->stride[d];
  return (size_t)(last + 1) * network->element;
}

bool batch_memory_open(BatchMemory *memory, const BlurNetwork *network, int64_t batches, size_t most,
                       BlurStatus *status) {
  *memory = (BatchMemory){
      .batches = batches, .x_bytes = bytes_of(network, network->x), .y_bytes = bytes_of(network, network->y)};
  size_t each = memory->x_bytes + memory->y_bytes;
  if (!each || (size_t)batches > most / each) return true;
  memory->bytes = malloc((size_t)batches * each);
  memory->has = calloc((size_t)batches, sizeof *memory->has);
  if (memory->bytes && memory->has) return true;
  batch_memory_close(memory);
  return status_fail_memory(status, "batches", (double)batches * (double)each);
}

void batch_memory_close(BatchMemory *memory) {
  free(memory->bytes);
  free(memory->has);
  *memory = (BatchMemory){0};
}

void batch_memory_clear(BatchMemory *memory) {
  if (memory->has) memset(memory->has, 0, (size_t)memory->batches * sizeof *memory->has);
}

static char *place(const BatchMemory *memory, int64_t number) {
  return memory->bytes + (size_t)number * (memory->x_bytes + memory->y_bytes);
}

void batch_memory_keep(BatchMemory *memory, const BlurNetwork *network, int64_t number) {
  if (!memory->bytes || number >= memory->batches) return;
  char *at = place(memory, number);
  if (memory->x_bytes) memcpy(at, network->memory + network->x->piece[0].offset, memory->x_bytes);
  if (memory->y_bytes) memcpy(at + memory->x_bytes, network->memory + network->y->piece[0].offset, memory->y_bytes);
  memory->has[number] = true;
}

bool batch_memory_put(const BatchMemory *memory, BlurNetwork *network, int64_t number) {
  if (!memory->bytes || number >= memory->batches || !memory->has[number]) return false;
  const char *at = place(memory, number);
  if (memory->x_bytes) memcpy(network->memory + network->x->piece[0].offset, at, memory->x_bytes);
  if (memory->y_bytes) memcpy(network->memory + network->y->piece[0].offset, at + memory->x_bytes, memory->y_bytes);
  return true;
}
