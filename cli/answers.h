// What a network answers to samples: printed, or written as arrays or a table.
#ifndef BLUR_CLI_ANSWERS_H
#define BLUR_CLI_ANSWERS_H

#include "base/status.h"

#include <stdint.h>

typedef struct {
  int64_t samples, outputs;
  const double *h;                // [samples, O]
  int classes;                    // 0: the outputs are the answer
  const char *const *class_names; // or NULL: numbers
  bool float32;
} Answers;

// A line a sample: its class and the outputs, or JSON.
void answers_print(const Answers *answers, bool json);
// .csv: columns class and h1, h2, ...; else .npz: `prediction` (samples, O), and `class` (samples).
bool answers_write(const Answers *answers, const char *path, BlurStatus *status);

#endif
