// How perturbations grow along an unroll: the largest singular value of the Jacobian of a step, and of all steps
// together, by what lives from step to step. Where the product is large, a gradient through the steps tells of
// rounding.
#ifndef BLUR_GROWTH_H
#define BLUR_GROWTH_H

#include "blur/runtime.h"

typedef struct {
  double value;       // the most that a small change of the state grows by, in the Euclidean norm
  int64_t iterations; // products with the Jacobian and with its transpose
  bool converged;     // to 1e-6 of itself; else the value is a lower bound
} BlurSingularValue;

typedef struct {
  size_t numbers;            // of the state: synapses, persistent neurons and signals, as far as they are stored
  BlurSingularValue product; // of all steps of the unroll
  const double *path;        // [steps + 1] where it grows: the norm of a change that grows nearly as much (as power
                             // iteration finds it), before the steps (1) and after each
} BlurGrowth;

// The genome and the batches stay as they are. Of steps `steps` [count], rising, from 0, into `of_step` [count]. The
// caller frees the result by blur_growth_destroy. The singular values come by Golub and Kahan's bidiagonalization
// (power iteration that keeps what it has seen) from the step's tangent and adjoint programs: options.adjoint and
// options.tangent. The network is left as it was, but for adjoints and tangents. NULL for want of memory, and with
// BLUR_DIVERGED where a Jacobian is not finite.
BlurGrowth *blur_growth_create(BlurUnroll *unroll, BlurBatch *batch, void *context, size_t count, const int64_t *steps,
                               BlurSingularValue *of_step, BlurStatus *status);
void blur_growth_destroy(BlurGrowth *growth);

#endif
