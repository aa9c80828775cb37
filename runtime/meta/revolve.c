// See revolve.h. The chain between the newest snapshot and `end` is cut where the sum of what both parts cost is least:
// the part behind the cut gets a snapshot at its beginning, the part before it is reversed afterwards with that
// snapshot free again.
#include "runtime/meta/revolve.h"

double revolve_advances(int64_t stages, int64_t snapshots) {
  double length = (double)stages, s = (double)snapshots, reach = 1, r = 0; // reach = C(s + r, s)
  while (reach < length) {
    r++;
    reach = reach * (s + r) / r;
  }
  return r * length - reach * r / (s + 1); // C(s + r, s + 1) = C(s + r, s) r / (s + 1)
}

// Cost of a chain of `length` cut before its stage number `cut`.
static double cost_of_cut(int64_t length, int64_t snapshots, int64_t cut) {
  return (double)cut + revolve_advances(length - cut, snapshots - 1) + revolve_advances(cut, snapshots);
}

// The cost is convex in the cut (its parts are, in their lengths): the least of the best ones is found by halving.
static int64_t best_cut(int64_t length, int64_t snapshots) {
  int64_t low = 1, high = length - 1;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (cost_of_cut(length, snapshots, middle) <= cost_of_cut(length, snapshots, middle + 1)) high = middle;
    else low = middle + 1;
  }
  return low;
}

Revolve revolve_begin(int64_t stages, int64_t snapshots, int64_t *stored) {
  return (Revolve){.snapshots = snapshots, .stored = stored, .end = stages, .store_next = stages > 1 ? 0 : -1};
}

RevolveAction revolve_next(Revolve *revolve) {
  if (revolve->end == 0) return (RevolveAction){REVOLVE_DONE, 0, 0};
  if (revolve->store_next >= 0) {
    int64_t snapshot = revolve->count++;
    revolve->stored[snapshot] = revolve->here;
    revolve->store_next = -1;
    return (RevolveAction){REVOLVE_STORE, revolve->here, snapshot};
  }
  if (revolve->here + 1 == revolve->end) {
    revolve->end--;
    while (revolve->count && revolve->stored[revolve->count - 1] >= revolve->end && revolve->count > 1)
      revolve->count--;
    RevolveAction reverse = {REVOLVE_REVERSE, revolve->here, 0};
    revolve->here = -1; // what is at hand serves no other stage
    return reverse;
  }
  int64_t newest = revolve->count - 1;
  if (revolve->here < 0) {
    revolve->here = revolve->stored[newest];
    return (RevolveAction){REVOLVE_RESTORE, revolve->here, newest};
  }
  int64_t length = revolve->end - revolve->here, free = revolve->snapshots - revolve->count;
  int64_t cut = free > 0 ? best_cut(length, free + 1) : length - 1;
  if (cut < length - 1) revolve->store_next = revolve->here + cut;
  revolve->here += cut;
  return (RevolveAction){REVOLVE_ADVANCE, revolve->here, 0};
}
