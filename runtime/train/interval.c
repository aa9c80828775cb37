// Means over seeds with confidence intervals by Student's t. The distribution's integral has a finite sum for whole
// degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4), in the angle whose tangent is t / sqrt(freedom).
#include "blur/study.h"

#include <math.h>

// P(|t| < sqrt(freedom) * tan(angle))
static double share_within(double angle, int64_t freedom) {
  double sine = sin(angle), cosine = cos(angle), square = cosine * cosine, sum = 0;
  bool odd = freedom % 2 == 1;
  double term = odd ? cosine : 1;
  for (int64_t k = odd ? 1 : 0; k <= freedom - 2; k += 2) {
    sum += term;
    term *= square * (double)(k + 1) / (double)(k + 2);
  }
  return odd ? (angle + sine * sum) * 2 / acos(-1) : sine * sum;
}

double blur_student_bound(double share, int64_t freedom) {
  double low = 0, high = acos(0);
  for (int halving = 0; halving < 60; halving++) {
    double middle = 0.5 * (low + high);
    if (share_within(middle, freedom) < share) low = middle;
    else high = middle;
  }
  return sqrt((double)freedom) * tan(0.5 * (low + high));
}

BlurInterval blur_interval(int64_t n, const double *values) {
  BlurInterval interval = {.mean = NAN, .half = NAN, .n = n};
  if (n < 1) return interval;
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) sum += values[i];
  interval.mean = sum / (double)n;
  if (n < 2) return interval;
  for (int64_t i = 0; i < n; i++) squares += (values[i] - interval.mean) * (values[i] - interval.mean);
  interval.half = blur_student_bound(0.95, n - 1) * sqrt(squares / (double)(n - 1) / (double)n);
  return interval;
}
