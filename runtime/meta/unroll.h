// What the files of unrolls share: steps forward, in reverse, with tangents (blur/runtime.h, "derivatives").
#ifndef BLUR_META_UNROLL_H
#define BLUR_META_UNROLL_H

#include "runtime/network/network.h"

typedef struct {
  size_t offset, bytes;
} UnrollRange;

typedef struct {
  UnrollRange *items;
  size_t count;
  size_t bytes; // of all
} UnrollRanges;

struct BlurUnroll {
  BlurNetwork *network, *query; // query: the same network, or one for batches of another size
  int64_t steps;
  int64_t every, from;                   // the losses that count: after every so many steps from one on; 0: the last
  double weight;                         // of each: they are as many as its inverse
  UnrollRanges state;                    // what lives from step to step and changes
  UnrollRanges adjoints, query_adjoints; // all adjoints of a network
  UnrollRanges tangents, query_tangents; // and all tangents
  char *snapshots;                       // [snapshot][state.bytes]
  int64_t *stored;
  double *exchanged; // room for the values of any variable, twice, where there are two networks
  BlurUnrollCost cost;
};

// As blur_unroll_create, with at most `most` snapshots: 1 for what is never reversed.
BlurUnroll *unroll_create(BlurNetwork *network, BlurNetwork *query, int64_t steps, size_t memory, int64_t most,
                          BlurStatus *status);
// The state, state.bytes, stored `at` or put back from there.
void unroll_copy(BlurUnroll *unroll, char *at, bool store);
void unroll_copy_state(BlurUnroll *unroll, int64_t snapshot, bool store);
// Back to what snapshot 0 holds: the state before step `start`, which the network's counter then says.
void unroll_rewind(BlurUnroll *unroll, int64_t start);
void unroll_clear(BlurNetwork *network, const UnrollRanges *ranges);
// Whether an objective `every`, `from` (BlurUnroll) of an unroll of `last` steps takes the loss after so many; and how
// many it takes.
bool objective_counts(int64_t every, int64_t from, int64_t last, int64_t steps);
int64_t objective_losses(int64_t every, int64_t from, int64_t last);
// The loss of the query after so many steps, times its weight; its derivative goes into the adjoints, times `adjoint`.
double unroll_query(BlurUnroll *unroll, BlurBatch *batch, void *context, int64_t steps, double adjoint);
// Whether the loss after so many steps counts.
bool unroll_counts(const BlurUnroll *unroll, int64_t steps);
// The values of what lives from step to step, into the query's network.
void unroll_hand_values(BlurUnroll *unroll);
const BlurVariable *unroll_counterpart(const BlurUnroll *unroll, const BlurVariable *variable);

// Through all steps in reverse, with what Revolve needs in between: `visit` is called with the network as it is after
// `steps` steps, for steps = T, T - 1, ... 0. The network then is as it was before.
typedef void UnrollVisit(void *visitor, int64_t steps);
void unroll_sweep(BlurUnroll *unroll, BlurBatch *batch, void *context, UnrollVisit *visit, void *visitor);

#endif
