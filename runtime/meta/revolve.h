// The order in which a chain of stages is reversed with few snapshots: Griewank and Walther, Algorithm 799: Revolve
// (ACM TOMS 26, 2000). Reversing a stage needs the state before it; states come from snapshots and from running stages
// again. With s snapshots, a chain of up to C(s + r, s) stages is reversed with no stage run more than r times.
#ifndef BLUR_META_REVOLVE_H
#define BLUR_META_REVOLVE_H

#include <stdint.h>

typedef enum {
  REVOLVE_STORE,   // the state at hand, which is that before `stage`, into `snapshot`
  REVOLVE_RESTORE, // the state before `stage` from `snapshot`
  REVOLVE_ADVANCE, // run stages until the state at hand is that before `stage`
  REVOLVE_REVERSE, // `stage`, whose state is at hand
  REVOLVE_DONE
} RevolveKind;

typedef struct {
  RevolveKind kind;
  int64_t stage, snapshot;
} RevolveAction;

typedef struct {
  int64_t snapshots;  // at least 1
  int64_t *stored;    // [snapshots]: the stage that each holds the state of, rising
  int64_t count;      // snapshots in use
  int64_t here, end;  // the state at hand is that before `here`; stages from `end` on are reversed
  int64_t store_next; // the stage that the advance under way leads to a snapshot of, or -1
} Revolve;

// `stored` is the caller's array of `snapshots` entries. The state at hand is that before stage 0.
Revolve revolve_begin(int64_t stages, int64_t snapshots, int64_t *stored);
RevolveAction revolve_next(Revolve *revolve);

// How many times stages are run forward in all: r l - C(s + r, s + 1) for l stages, s snapshots and the smallest r with
// C(s + r, s) >= l. The last stage, reversed where it stands, and the reversals themselves are not counted.
double revolve_advances(int64_t stages, int64_t snapshots);

#endif
