// One line of a table of cases (tests/reference/cases.txt, tests/reference/rules/cases.txt) and what it is judged by.
#ifndef BLUR_TESTS_REFERENCE_CASE_H
#define BLUR_TESTS_REFERENCE_CASE_H

#include "base/npz.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  char name[64], rule[64], settings[256], net[64], loss[32], steps[32];
  char arrays[512]; // the file with its arrays
} ReferenceCase;

enum { REFERENCE_MAX_CASES = 128 };

// Appends the cases of a table whose arrays are FOLDER/NAME.npz, both in the source tree.
static inline size_t reference_cases(ReferenceCase *cases, size_t count, const char *table, const char *folder) {
  FILE *file = fopen(table, "r");
  char line[1024];
  while (file && count < REFERENCE_MAX_CASES && fgets(line, sizeof line, file)) {
    ReferenceCase *item = &cases[count];
    if (line[0] == '#' || sscanf(line, "%63s %63s %255s %63s %31s %31s", item->name, item->rule, item->settings,
                                 item->net, item->loss, item->steps) != 6)
      continue;
    snprintf(item->arrays, sizeof item->arrays, "%s/%.63s.npz", folder, item->name);
    count++;
  }
  if (file) fclose(file);
  return count;
}

// Those of the bidirectional rule and the optimizers, computed by PyTorch.
static inline size_t reference_vectors(ReferenceCase *cases) {
  return reference_cases(cases, 0, SOURCE_DIR "/tests/reference/cases.txt", SOURCE_DIR "/tests/reference/vectors");
}

// Those of the rest of the library, computed by NumPy.
static inline size_t reference_rules(ReferenceCase *cases, size_t count) {
  return reference_cases(cases, count, SOURCE_DIR "/tests/reference/rules/cases.txt",
                         SOURCE_DIR "/tests/reference/rules");
}

static inline bool reference_open(const ReferenceCase *item, NpzFile *file) {
  return npz_read(item->arrays, file, NULL);
}

// Whether the case has expected values after `step` steps.
static inline bool reference_is_judged(const ReferenceCase *item, int step) {
  char number[16];
  snprintf(number, sizeof number, "%d", step);
  return strstr(item->steps, number) != NULL;
}

// The error relative to the largest expected entry.
static inline double reference_error(const double *found, const double *expected, size_t count) {
  double largest = 1e-12, error = 0;
  for (size_t i = 0; i < count; i++) {
    double difference = fabs(found[i] - expected[i]);
    largest = fmax(largest, fabs(expected[i]));
    if (isnan(difference)) return INFINITY;
    error = fmax(error, difference);
  }
  return error / largest;
}

// Computed here from its definition, not by the library: the mean over the batch.
static inline double reference_loss(const char *name, const double *prediction, const double *y, int64_t batch,
                                    int64_t outputs) {
  double loss = 0;
  for (int64_t b = 0; b < batch; b++) {
    const double *p = prediction + b * outputs, *t = y + b * outputs;
    double top = -INFINITY, sum = 0;
    for (int64_t o = 0; o < outputs; o++) top = fmax(top, p[o]);
    for (int64_t o = 0; o < outputs; o++) sum += exp(p[o] - top);
    for (int64_t o = 0; o < outputs; o++) {
      if (!strcmp(name, "squared_error")) loss += (p[o] - t[o]) * (p[o] - t[o]) / (double)outputs;
      else if (t[o] > 0) loss += top + log(sum) - p[o];
    }
  }
  return loss / (double)batch;
}

#endif
