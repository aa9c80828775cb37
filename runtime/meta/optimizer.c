// Adam: Kingma and Ba 2015, algorithm 1. RMSprop: Tieleman and Hinton 2012. Momentum: Polyak 1964, as v <- m v + g.
#include "runtime/meta/optimizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Optimizer optimizer_create(size_t count) {
  Optimizer optimizer = {calloc(2 * count + 1, sizeof(double)), NULL, 0};
  if (optimizer.first) optimizer.second = optimizer.first + count;
  return optimizer;
}

void optimizer_destroy(Optimizer *optimizer) { free(optimizer->first); }

void optimizer_reset(Optimizer *optimizer, size_t count) {
  memset(optimizer->first, 0, 2 * count * sizeof(double));
  optimizer->steps = 0;
}

void optimizer_copy(Optimizer *to, const Optimizer *from, size_t count) {
  if (to == from) return;
  memcpy(to->first, from->first, 2 * count * sizeof(double));
  to->steps = from->steps;
}

double optimizer_rate(const BlurMetaOptions *options, int64_t step) {
  if (step < options->warmup) return options->rate * (double)(step + 1) / (double)(options->warmup + 1);
  int64_t falling = options->steps - options->warmup;
  double done = falling > 1 ? (double)(step - options->warmup) / (double)(falling - 1) : 0;
  double left = 1;
  if (options->schedule == BLUR_META_LINEAR) left = 1 - done;
  if (options->schedule == BLUR_META_COSINE) left = 0.5 * (1 + cos(3.14159265358979323846 * done));
  return options->rate * (options->last + (1 - options->last) * left);
}

double optimizer_clip(double clip, size_t count, double *gradient) {
  double largest = 0, sum = 0;
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(gradient[i]));
  if (largest == 0) return 0;
  for (size_t i = 0; i < count; i++) sum += gradient[i] / largest * (gradient[i] / largest); // squares may overflow
  double norm = largest * sqrt(sum);
  for (size_t i = 0; clip > 0 && norm > clip && i < count; i++) gradient[i] *= clip / norm;
  return norm;
}

void optimizer_step(Optimizer *optimizer, const BlurMetaOptions *options, double rate, size_t count,
                    const double *gradient, double *numbers) {
  double *m = optimizer->first, *v = optimizer->second;
  optimizer->steps++;
  double first = 1 - pow(options->beta1, (double)optimizer->steps),
         second = 1 - pow(options->beta2, (double)optimizer->steps);
  for (size_t i = 0; i < count; i++) {
    double g = gradient[i];
    switch (options->optimizer) {
    case BLUR_META_ADAM:
      m[i] = options->beta1 * m[i] + (1 - options->beta1) * g;
      v[i] = options->beta2 * v[i] + (1 - options->beta2) * g * g;
      numbers[i] -= rate * (m[i] / first) / (sqrt(v[i] / second) + options->epsilon);
      break;
    case BLUR_META_RMSPROP:
      v[i] = options->beta2 * v[i] + (1 - options->beta2) * g * g;
      numbers[i] -= rate * g / (sqrt(v[i]) + options->epsilon);
      break;
    case BLUR_META_SGD:
      m[i] = options->momentum * m[i] + g;
      numbers[i] -= rate * m[i];
      break;
    case BLUR_META_CMA: break; // goes by no gradient: search.c
    }
  }
}
