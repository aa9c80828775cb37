// blur, studies: rules against each other, each trained from several seeds, evaluated at the same steps.
//
// A contender is a rule as it is reported: one candidate, or several of which the one with the highest mean accuracy on
// the validation part is chosen first (BLUR_TEST takes no part in that). Seeds are paired: seed s gives every contender
// the same initial synapses (by name) and the same batches. Runs are spread over the threads, one network a thread as
// far as there are enough; results do not depend on their number.
#ifndef BLUR_STUDY_H
#define BLUR_STUDY_H

#include "blur/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *name;
  double value; // of all its elements
} BlurGenomeNumber;

// A compiled program with genome values of its own: many candidates may share one program.
typedef struct {
  const BlurProgram *program;
  size_t numbers;
  const BlurGenomeNumber *number;
} BlurCandidate;

typedef struct {
  size_t candidates; // at least 1; more: one is chosen
  const BlurCandidate *candidate;
  int64_t choose_at; // the step it is chosen at
} BlurContender;

typedef struct BlurStudy BlurStudy;

typedef enum { BLUR_STUDY_PROGRESS, BLUR_STUDY_EVALUATED, BLUR_STUDY_DIVERGED, BLUR_STUDY_CHOSEN } BlurStudyEventKind;

typedef struct {
  BlurStudyEventKind kind;
  size_t contender, candidate;
  int64_t seed;
  bool choosing;             // a run that a candidate is chosen by, not one that is reported
  BlurPart part;             // EVALUATED
  BlurEvaluation evaluation; // EVALUATED
  const char *message;       // DIVERGED: what, at which step
  double done;               // share of all steps of the study
} BlurStudyEvent;

typedef struct {
  const BlurData *data;
  BlurLoss loss;
  BlurPart part;             // that is reported
  int64_t steps, eval_every; // eval_every 0: after the last step alone, which is evaluated in any case
  int64_t seeds, first_seed;
  int threads; // 0: as many as this process may use CPUs
  size_t contenders;
  const BlurContender *contender;
  // Called by any of the threads, one at a time; NULL: not wanted.
  void (*watch)(void *context, const BlurStudyEvent *event);
  void *context;
} BlurStudyOptions;

typedef struct {
  int64_t step;
  double loss, accuracy; // after a divergence: NAN, and 0, since what is no number predicts nothing
} BlurStudyPoint;

// One reported run.
typedef struct {
  bool started, diverged;
  int64_t diverged_at;         // the step
  size_t points;               // evaluations that are done: all, unless interrupted
  const BlurStudyPoint *point; // [points], at the study's steps
} BlurStudyRun;

// Options, programs and data must outlive the study. Fails (input) where a network does not fit the data.
BlurStudy *blur_study_create(const BlurStudyOptions *options, BlurStatus *status);
void blur_study_destroy(BlurStudy *study);
// Runs everything. A diverged run is a result, no failure. Returns true also when interrupted.
bool blur_study_run(BlurStudy *study, BlurStatus *status);
// Makes blur_study_run return soon. May be called from a signal handler or another thread.
void blur_study_interrupt(BlurStudy *study);
bool blur_study_interrupted(const BlurStudy *study);

// The steps of the evaluations, ascending.
size_t blur_study_steps(const BlurStudy *study, const int64_t **steps);
BlurStudyRun blur_study_result(const BlurStudy *study, size_t contender, int64_t seed); // seed from 0
// The candidate that was chosen, -1 while none is; `accuracy` [candidates], if not NULL, becomes the mean validation
// accuracy of each (NAN where not all of its runs are done).
int64_t blur_study_chosen(const BlurStudy *study, size_t contender, const double **accuracy);

// A mean over seeds with its 95 % confidence interval mean -+ half by Student's t: half is t * s / sqrt(n), NAN for
// n = 1.
typedef struct {
  double mean, half;
  int64_t n, diverged; // runs counted, and those of them that had diverged
} BlurInterval;
BlurInterval blur_interval(int64_t n, const double *values);
BlurInterval blur_study_accuracy(const BlurStudy *study, size_t contender, size_t point);
BlurInterval blur_study_loss(const BlurStudy *study, size_t contender, size_t point); // of runs that have not diverged
// The value that a |Student's t| of `freedom` degrees exceeds with probability 1 - share.
double blur_student_bound(double share, int64_t freedom);

#ifdef __cplusplus
}
#endif
#endif
