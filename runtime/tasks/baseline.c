// What a task asks for at least: the accuracy of the larger class and of the best line (of the best linear classifier,
// for more classes); in regression the mean squared errors of the best constant and of the best line. Fitted on one
// large sample, measured on another: `blur tasks` shows them beside the definitions.
#include "runtime/data/data.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 100000, REAL_POINTS = 5000, FEWER_POINTS = 20000, BINS = 8192, DIRECTIONS = 180, FINER = 20 };

typedef struct {
  float (*x)[2];
  int8_t *label;
  float *y;
} Sample;

// The line cos(angle) x1 + sin(angle) x2 > threshold; above it is class 1, or class 0.
typedef struct {
  double angle, threshold;
  bool above_is_1;
  int64_t right; // points of the sample
} Line;

static bool draw_sample(const BlurData *data, BlurPart part, Sample *sample) {
  int64_t points = blur_data_classes(data) ? POINTS : REAL_POINTS;
  *sample = (Sample){malloc(POINTS * sizeof *sample->x), malloc(POINTS), malloc(POINTS * sizeof *sample->y)};
  if (!sample->x || !sample->label || !sample->y) return false;
  for (int64_t i = 0; i < points; i++) {
    sample->y[i] = 0;
    sample->label[i] = (int8_t)data_generate(data, part, i, sample->x[i], &sample->y[i]);
  }
  return true;
}

static void free_sample(Sample *sample) {
  free(sample->x);
  free(sample->label);
  free(sample->y);
}

// ---- two classes: a line in one of many directions, at the best of all thresholds

// Counts how far the points of class 1 outnumber those of class 0 in each bin of the projection, and tries the bins'
// edges.
static void try_direction(const Sample *sample, int64_t points, double angle, double reach, Line *best) {
  int32_t surplus[BINS] = {0};
  double cosine = cos(angle), sine = sin(angle), scale = BINS / (2 * reach);
  int64_t ones = 0;
  for (int64_t i = 0; i < points; i++) {
    double along = cosine * (double)sample->x[i][0] + sine * (double)sample->x[i][1];
    surplus[(int)((along + reach) * scale)] += sample->label[i] ? 1 : -1;
    ones += sample->label[i];
  }
  // Right, if class 1 is above edge b: the ones minus the surplus of the bins below it.
  int64_t below = 0;
  for (int b = 0; b <= BINS; b++) {
    int64_t right = ones - below;
    if (right > best->right) *best = (Line){angle, b / scale - reach, true, right};
    if (points - right > best->right) *best = (Line){angle, b / scale - reach, false, points - right};
    if (b < BINS) below += surplus[b];
  }
}

static Line fit_line(const Sample *sample) {
  static const double half_turn = 3.14159265358979323846;
  double reach = 0;
  for (int64_t i = 0; i < POINTS; i++) reach = fmax(reach, hypot((double)sample->x[i][0], (double)sample->x[i][1]));
  reach *= 1.000001; // no projection falls behind the last bin
  Line coarse = {0}, best = {0};
  for (int i = 0; i < DIRECTIONS; i++) try_direction(sample, FEWER_POINTS, half_turn * i / DIRECTIONS, reach, &coarse);
  for (int i = -FINER; i <= FINER; i++)
    try_direction(sample, POINTS, coarse.angle + half_turn * i / (DIRECTIONS * FINER), reach, &best);
  return best;
}

static double accuracy_of_line(const Sample *sample, const Line *line) {
  int64_t right = 0;
  for (int64_t i = 0; i < POINTS; i++) {
    double along = cos(line->angle) * (double)sample->x[i][0] + sin(line->angle) * (double)sample->x[i][1];
    right += (along > line->threshold) == (sample->label[i] == line->above_is_1);
  }
  return (double)right / POINTS;
}

// ---- more classes: the nearest mean, which is linear, and the best there is for equal round clouds of equal shares

static double accuracy_of_means(const Sample *fitted, const Sample *measured, int classes) {
  double mean[DATA_MAX_CLASSES][3] = {{0}};
  for (int64_t i = 0; i < POINTS; i++) {
    double *of = mean[fitted->label[i]];
    of[0] += (double)fitted->x[i][0];
    of[1] += (double)fitted->x[i][1];
    of[2]++;
  }
  int64_t right = 0;
  for (int64_t i = 0; i < POINTS; i++) {
    int nearest = 0;
    double least = INFINITY;
    for (int c = 0; c < classes; c++) {
      double distance = hypot((double)measured->x[i][0] - mean[c][0] / mean[c][2],
                              (double)measured->x[i][1] - mean[c][1] / mean[c][2]);
      if (distance < least) nearest = c;
      least = fmin(least, distance);
    }
    right += nearest == measured->label[i];
  }
  return (double)right / POINTS;
}

static double accuracy_of_larger(const Sample *sample) {
  int64_t counts[DATA_MAX_CLASSES] = {0}, most = 0;
  for (int64_t i = 0; i < POINTS; i++)
    if (++counts[sample->label[i]] > most) most++;
  return (double)most / POINTS;
}

// ---- regression on one input: least squares

static void squared_errors(const Sample *fitted, const Sample *measured, double *constant, double *line) {
  double x = 0, y = 0, xx = 0, xy = 0;
  for (int64_t i = 0; i < REAL_POINTS; i++) {
    x += (double)fitted->x[i][0] / REAL_POINTS;
    y += (double)fitted->y[i] / REAL_POINTS;
  }
  for (int64_t i = 0; i < REAL_POINTS; i++) {
    xx += ((double)fitted->x[i][0] - x) * ((double)fitted->x[i][0] - x);
    xy += ((double)fitted->x[i][0] - x) * ((double)fitted->y[i] - y);
  }
  *constant = *line = 0;
  for (int64_t i = 0; i < REAL_POINTS; i++) {
    double off = (double)measured->y[i] - y, rest = off - xy / xx * ((double)measured->x[i][0] - x);
    *constant += off * off / REAL_POINTS;
    *line += rest * rest / REAL_POINTS;
  }
}

bool blur_data_baseline(const BlurData *data, BlurBaseline *baseline, BlurStatus *status) {
  if (!blur_data_is_endless(data))
    return status_fail(status, BLUR_FAILED_USAGE, "data `%s` is no generated task", blur_data_name(data));
  Sample fitted = {0}, measured = {0};
  int classes = blur_data_classes(data);
  bool done = draw_sample(data, BLUR_VALIDATION, &fitted) && draw_sample(data, BLUR_TEST, &measured);
  if (!done) {
    status_fail_memory(status, "a sample", 2.0 * POINTS * 13);
  } else if (classes == 0) {
    squared_errors(&fitted, &measured, &baseline->constant, &baseline->linear);
  } else {
    baseline->constant = accuracy_of_larger(&measured);
    if (classes == 2) {
      Line line = fit_line(&fitted);
      baseline->linear = accuracy_of_line(&measured, &line);
    } else {
      baseline->linear = accuracy_of_means(&fitted, &measured, classes);
    }
  }
  free_sample(&fitted);
  free_sample(&measured);
  return done;
}
