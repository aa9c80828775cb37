// What blur bench's two ways of measuring have in common.
#ifndef BLUR_CLI_BENCH_H
#define BLUR_CLI_BENCH_H

#include "cli/session.h"

static const double bench_seconds = 1.0; // that a measurement takes, if a single run takes less

double bench_median(double *times, size_t count); // puts them in order
// x and y of a network: inputs between 0 and 1, one class a sample. False: no memory.
bool bench_fill_batch(const Session *session, BlurNetwork *network);

// ---- bench_unroll.c

typedef struct {
  int64_t steps, networks; // as asked for
  size_t memory;           // of each network, as asked for; 0: a snapshot a step
  int64_t snapshots;       // of each network
  double seconds, flops;   // of one meta-gradient of every network
  size_t resident;         // bytes: the process at its peak, less what it had before the first network
  bool diverged;           // a loss or derivative was not finite
} BenchUnroll;

// Reads --unroll, --memory and --networks; `steps` is 0 without --unroll. False after a message.
bool bench_unroll_options(const Arguments *arguments, BenchUnroll *unroll);
// Times the meta-gradients of fresh networks of session->program. A single network runs on all threads, several run
// side by side, each on one. Returns an exit code, after a message.
int bench_unroll_measure(const Session *session, BenchUnroll *unroll);

#endif
