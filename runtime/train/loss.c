// The losses that tasks are measured by, in double. Their derivatives are the rules' business (stdlib).
#include "blur/runtime.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {
    [BLUR_LOSS_CROSS_ENTROPY] = "cross_entropy",
    [BLUR_LOSS_SQUARED_ERROR] = "squared_error",
    [BLUR_LOSS_LOGISTIC] = "logistic",
    [BLUR_LOSS_HINGE] = "hinge",
};

const char *blur_loss_name(BlurLoss loss) { return names[loss]; }

bool blur_loss_from_name(const char *name, BlurLoss *loss) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(names[i], name) != 0) continue;
    *loss = (BlurLoss)i;
    return true;
  }
  return false;
}

// - sum of log softmax(h) over the outputs with y > 0. A NaN or infinity among h gives NaN.
static double cross_entropy(int64_t outputs, const double *h, const double *y) {
  double highest = -INFINITY, total = 0, loss = 0;
  for (int64_t i = 0; i < outputs; i++)
    if (!(h[i] <= highest)) highest = h[i];
  for (int64_t i = 0; i < outputs; i++) total += exp(h[i] - highest);
  for (int64_t i = 0; i < outputs; i++)
    if (y[i] > 0) loss += highest + log(total) - h[i];
  return loss;
}

// log(1 + exp(-m)) without overflow.
static double logistic(double margin) { return fmax(-margin, 0) + log1p(exp(-fabs(margin))); }

double blur_loss_value(BlurLoss loss, int64_t samples, int64_t outputs, const double *h, const double *y) {
  double sum = 0;
  for (int64_t sample = 0; sample < samples; sample++, h += outputs, y += outputs) {
    if (loss == BLUR_LOSS_CROSS_ENTROPY) {
      sum += cross_entropy(outputs, h, y);
      continue;
    }
    double part = 0;
    for (int64_t i = 0; i < outputs; i++) {
      double margin = y[i] * h[i];
      switch (loss) {
      case BLUR_LOSS_LOGISTIC: part += isnan(margin) ? margin : logistic(margin); break;
      case BLUR_LOSS_HINGE: part += isnan(margin) ? margin : fmax(0, 1 - margin); break;
      default: part += (h[i] - y[i]) * (h[i] - y[i]); break;
      }
    }
    sum += part / (double)outputs;
  }
  return sum / (double)samples;
}
