// Genomes that are moved to both sides by normal numbers: what the runs of a meta-step (perturb.c) and a gradient shown
// beside others (routes.c) share. Private to the runtime.
#ifndef BLUR_META_PERTURB_H
#define BLUR_META_PERTURB_H

#include "runtime/meta/genome_vector.h"

// Normal numbers of a deviation, decided by the key; 0 for what is frozen. [count]
void perturb_draw(const GenomeVector *vector, uint64_t key, double deviation, double *moves);
// The genome whose numbers, as they are seen, are moved by `sign` times the moves. `room`: [count]
void perturb_move(const GenomeVector *vector, const double *genome, const double *moves, double sign, double *room,
                  double *moved);

typedef struct {
  BlurUnroll *unroll; // its network is as blur_network_reset left it
  BlurBatch *batch;
  void *context;
  const GenomeVector *vector;
  int64_t pairs;
  double deviation;
  uint64_t seed;
} PerturbedUnroll;

// The mean over all pairs of e (L+ - L-) / 2 s^2, by the numbers as they are seen, and its standard error (NaN of one
// pair alone); all are NaN where a moved genome diverges. The network is left with some moved genome.
bool perturbed_gradient(const PerturbedUnroll *perturbed, const double *genome, double *mean, double *error,
                        BlurStatus *status);

#endif
