// One gradient by three routes: by the adjoint, by forward mode, and by central differences. The first two are derived
// apart from each other, the third knows nothing of derivatives: where they agree, the gradient is right. A fourth, by
// genomes moved at random, shows what evolution strategies make of it.
#ifndef BLUR_ROUTES_H
#define BLUR_ROUTES_H

#include "blur/runtime.h"

typedef struct {
  const BlurVariable *variable; // of the genome
  size_t count;
  double scale;                       // what errors are relative to: the largest entry of its gradient, and at least
                                      // 1e-6 of the largest of all
  const double *value, *adjoint;      // [count]
  const double *forward, *difference; // [count] NaN where they were not taken
  const bool *trusted;                // [count] the difference was taken, and agrees with itself
  const double *moved,
      *chance; // [count] by blur_routes_move: the mean over its pairs, and its standard error; else NULL
} BlurRoutesVariable;

typedef struct {
  double loss;
  size_t numbers;                         // of the genome
  size_t taken;                           // of these, by all three routes
  size_t trusted;                         // of these, with a difference that tells something
  double forward_error, difference_error; // the largest, from the adjoint; of differences those that are trusted
  int64_t pairs;                          // of moved genomes: 0, or as told to blur_routes_move
  double deviation;                       //
  double cosine;                          // of their gradient and the adjoint's, by the numbers as they are moved
  size_t within;                          // numbers within two standard errors of the adjoint
  size_t variables;
  const BlurRoutesVariable *variable;
} BlurRoutes;

// The gradient of the unroll's loss by all genome values, through initial values that are made of them, too: the
// network is as blur_network_reset left it, other genome values may be set (then blur_network_reset_from_genome). Its
// program has options.adjoint and options.tangent. Forward mode and differences take at most `most` numbers, evenly
// spread over the genome. A difference is of fourth order, (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h, of widths that
// are halved until two agree; it is not trusted where none do, or where the loss has a kink. `watch` (may be NULL) is
// told how many numbers are done. The network is left as it was. NULL with the reason in `status`: no memory, diverged.
typedef void BlurRoutesWatch(void *context, size_t done, size_t of);
BlurRoutes *blur_routes_create(BlurUnroll *unroll, BlurBatch *batch, void *context, size_t most, BlurRoutesWatch *watch,
                               void *watch_context, BlurStatus *status);
// One more route, which needs no derivative: losses of genomes moved to both sides by normal numbers e, e (L+ - L-) / 2
// s^2 (blur/meta_options.h: BLUR_META_NRES over a whole unroll, where it is BLUR_META_ES). Values with a logarithmic
// scale are moved on it. The unroll, batches and context of blur_routes_create are used once more.
bool blur_routes_move(BlurRoutes *routes, int64_t pairs, double deviation, uint64_t seed, BlurStatus *status);
void blur_routes_destroy(BlurRoutes *routes);

#endif
