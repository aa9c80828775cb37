// What an evaluation measures, batch by batch. Private to the runtime.
#ifndef BLUR_TRAIN_METRICS_H
#define BLUR_TRAIN_METRICS_H

#include "blur/runtime.h"

typedef struct {
  BlurLoss loss;
  bool regression;
  int64_t outputs, samples, right;
  double loss_sum, error; // sums over samples; of (h - y)^2
  double *sums; // [3, O]: the first target; sums over samples of its distance from that one, and of its square
} Metrics;

// `sums` has 3 * outputs numbers and is the caller's.
Metrics metrics_begin(BlurLoss loss, bool regression, int64_t outputs, double *sums);
void metrics_add(Metrics *metrics, int64_t samples, const double *h, const double *y);
// samples, loss, accuracy, squared_error, r2.
void metrics_end(const Metrics *metrics, BlurEvaluation *evaluation);
// What rules and genomes are compared by: the accuracy, in regression R^2.
double metrics_score(const BlurEvaluation *evaluation);

#endif
