// What the files grad_*.c share: the gradient of an experiment by three routes, and how perturbations grow.
#ifndef BLUR_CLI_GRADIENT_H
#define BLUR_CLI_GRADIENT_H

#include "blur/experiment.h"
#include "blur/genome.h"
#include "blur/growth.h"
#include "blur/routes.h"
#include "cli/command.h"

enum { GRADIENT_MOST_NUMBERS = 256, GRADIENT_MOST_STEPS = 20, GRADIENT_PAIRS = 128 };

typedef struct {
  const Arguments *arguments;
  BlurReport *report;
  BlurExperiment *experiment;
  const BlurExperimentFields *fields;
  const char *task; // for blur_data_load
  BlurData *data;
  BlurOptions options;
  int64_t *units;
  BlurLoss loss;
  uint64_t seed;
  int64_t steps;
  size_t memory; // of --memory
  BlurPool *pool;
  BlurRule *rule;
  BlurProgram *program;
  BlurGenome *genome; // of --genome, or of the file's `genome` clause; NULL: the rule's own values
  BlurRoutes *routes;
  BlurGrowth *growth;
  size_t measured; // steps whose growth is known
  int64_t step[GRADIENT_MOST_STEPS];
  BlurSingularValue of_step[GRADIENT_MOST_STEPS];
  double digits; // that are right of the gradient in the experiment's precision
  bool json, terminal;
} Gradient;

// One unroll of a program, from the experiment's seed and on its data.
typedef struct {
  const Gradient *gradient;
  BlurNetwork *network;
  BlurTraining *training; // gives the batches
  BlurUnroll *unroll;
} GradientRun;

// grad_experiment.c: `blur grad FILE[:NAME]`. An exit code.
int gradient_run(const Arguments *arguments);
// To be closed either way. False: see the status.
bool gradient_open(const Gradient *gradient, const BlurProgram *program, GradientRun *run, BlurStatus *status);
void gradient_close(GradientRun *run);
void gradient_batch(void *run, BlurNetwork *network, int64_t number); // a BlurBatch

// grad_digits.c: how many digits of the gradient are right in the experiment's precision. An exit code.
int gradient_measure_digits(Gradient *gradient, BlurStatus *status);
const char *gradient_precision(const Gradient *gradient); // "float32"
// How much perturbations grow in a step, in the second half of the unroll: what goes on beyond it.
double gradient_growth_a_step(const Gradient *gradient);
// What both mean for unrolls, in one sentence.
void gradient_advice(const Gradient *gradient, char *out, size_t room);

// grad_tell.c
void gradient_tell(const Gradient *gradient);      // the three routes, as a table, and the growth
void gradient_tell_json(const Gradient *gradient); // the same as one object

// grad_arrays.c: all numbers as NumPy arrays.
bool gradient_write(const Gradient *gradient, const char *path, BlurStatus *status);

#endif
