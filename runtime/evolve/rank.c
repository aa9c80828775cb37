// Ranks by heap sort: the order is whole (equals by their place), so the method does not show in it, and nothing is
// allocated, as qsort may.
#include "runtime/evolve/evolution.h"

static bool comes_before(const double *value, size_t a, size_t b) {
  double x = isfinite(value[a]) ? value[a] : INFINITY, y = isfinite(value[b]) ? value[b] : INFINITY;
  return x < y || (x == y && a < b);
}

// The heap has its last at the root, `at` excepted.
static void sink(const double *value, size_t count, size_t *heap, size_t at) {
  size_t moved = heap[at], child;
  while ((child = 2 * at + 1) < count) {
    if (child + 1 < count && comes_before(value, heap[child], heap[child + 1])) child++;
    if (!comes_before(value, moved, heap[child])) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moved;
}

size_t rank_by(const double *value, size_t count, size_t *order) {
  size_t finite = 0;
  for (size_t i = 0; i < count; i++) {
    order[i] = i;
    if (isfinite(value[i])) finite++;
  }
  for (size_t i = count / 2; i-- > 0;) sink(value, count, order, i);
  for (size_t left = count; left-- > 1;) {
    size_t last = order[0];
    order[0] = order[left];
    order[left] = last;
    sink(value, left, order, 0);
  }
  return finite;
}
