// See metrics.h. Mean loss; accuracy for classes; for real targets the mean squared error, and R^2 with the targets'
// variance from one pass, about the first target so that a large mean cancels nothing.
#include "runtime/train/metrics.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>

Metrics metrics_begin(BlurLoss loss, bool regression, int64_t outputs, double *sums) {
  return (Metrics){.loss = loss, .regression = regression, .outputs = outputs, .sums = sums};
}

static bool is_right(const double *h, const double *y, int64_t outputs) {
  if (outputs == 1) return (h[0] > 0) == (y[0] > 0);
  int64_t best = 0;
  for (int64_t i = 1; i < outputs; i++)
    if (h[i] > h[best]) best = i;
  return y[best] > 0;
}

static void add_squares(Metrics *metrics, const double *h, const double *y) {
  int64_t outputs = metrics->outputs;
  double *first = metrics->sums, *sum = first + outputs, *squares = sum + outputs;
  for (int64_t i = 0; i < outputs; i++) {
    if (metrics->samples == 0) {
      first[i] = y[i];
      sum[i] = squares[i] = 0;
    }
    double off = y[i] - first[i];
    metrics->error += (h[i] - y[i]) * (h[i] - y[i]);
    sum[i] += off;
    squares[i] += off * off;
  }
}

void metrics_add(Metrics *metrics, int64_t samples, const double *h, const double *y) {
  if (samples == 0) return;
  metrics->loss_sum += blur_loss_value(metrics->loss, samples, metrics->outputs, h, y) * (double)samples;
  for (int64_t sample = 0; sample < samples; sample++, h += metrics->outputs, y += metrics->outputs) {
    if (metrics->regression) add_squares(metrics, h, y);
    else metrics->right += is_right(h, y, metrics->outputs);
    metrics->samples++;
  }
}

void metrics_end(const Metrics *metrics, BlurEvaluation *evaluation) {
  double samples = (double)metrics->samples, spread = 0;
  const double *sum = metrics->sums + metrics->outputs, *squares = sum + metrics->outputs;
  for (int64_t i = 0; metrics->regression && i < metrics->outputs; i++)
    spread += squares[i] - sum[i] * sum[i] / samples;
  evaluation->samples = metrics->samples;
  evaluation->loss = metrics->loss_sum / samples;
  evaluation->accuracy = metrics->regression ? NAN : (double)metrics->right / samples;
  evaluation->squared_error = metrics->regression ? metrics->error / (samples * (double)metrics->outputs) : NAN;
  evaluation->r2 = metrics->regression ? 1 - metrics->error / spread : NAN;
}

bool blur_evaluation_of(BlurLoss loss, bool regression, int64_t samples, int64_t outputs, const double *h,
                        const double *y, BlurEvaluation *evaluation, BlurStatus *status) {
  double *sums = calloc((size_t)outputs * 3, sizeof *sums);
  if (!sums) return status_fail_memory(status, "an evaluation", (double)outputs * 24);
  Metrics metrics = metrics_begin(loss, regression, outputs, sums);
  metrics_add(&metrics, samples, h, y);
  *evaluation = (BlurEvaluation){0};
  metrics_end(&metrics, evaluation);
  free(sums);
  return true;
}

double metrics_score(const BlurEvaluation *evaluation) {
  return isnan(evaluation->accuracy) ? evaluation->r2 : evaluation->accuracy;
}
