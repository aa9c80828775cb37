// Meta-optimizers: from a gradient to a change of the numbers that it is by. Private to the runtime.
#ifndef BLUR_META_OPTIMIZER_H
#define BLUR_META_OPTIMIZER_H

#include "blur/meta_options.h"

typedef struct {
  double *first, *second; // [count] moments: of the gradient (of SGD: its velocity), and of its square
  int64_t steps;          // that they are of
} Optimizer;

Optimizer optimizer_create(size_t count); // first is NULL: no memory
void optimizer_destroy(Optimizer *optimizer);
void optimizer_reset(Optimizer *optimizer, size_t count);
void optimizer_copy(Optimizer *to, const Optimizer *from, size_t count);

// The learning rate of meta-step number `step`, from 0.
double optimizer_rate(const BlurMetaOptions *options, int64_t step);
// Scales the gradient down to the norm `clip` where it is longer (0: never); returns its norm before.
double optimizer_clip(double clip, size_t count, double *gradient);
void optimizer_step(Optimizer *optimizer, const BlurMetaOptions *options, double rate, size_t count,
                    const double *gradient, double *numbers);

#endif
