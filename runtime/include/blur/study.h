// blur, studies: rules against each other, each trained from several seeds, evaluated at the same steps.
//
// A contender is a rule as it is reported: one candidate, or several of which the one with the highest mean score on
// the validation part is chosen first (BLUR_TEST takes no part in that). The score is the accuracy; in regression R^2.
// Seeds are paired: seed s gives every contender the same initial synapses (by name) and the same batches. Runs are
// spread over the threads, one network a thread as far as there are enough; results do not depend on their number.
#ifndef BLUR_STUDY_H
#define BLUR_STUDY_H

#include "blur/genome.h"
#include "blur/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *name;
  double value; // of all its elements
} BlurGenomeNumber;

// What is measured of a network at some steps of its training: a number a layer, after the step.
typedef struct {
  int64_t every;  // after every so many steps; 0: with each evaluation
  bool is_cosine; // of the angle between what the step changed in a synapse variable and what a step of a reference
                  // program changes from the same synapses on the same batch; behind the layers' numbers stands that of
                  // all layers together
  BlurKind kind;  // of the variable: BLUR_NEURON (a number a layer of neurons, from the input layer) or BLUR_SYNAPSE
  const char *variable;
} BlurMeasure;

// A compiled program with genome values of its own: many candidates may share one program.
typedef struct {
  const BlurProgram *program; // where something is measured: with all_live
  size_t numbers;
  const BlurGenomeNumber *number;
  // [measures] NULL: not measured of it. Of a cosine: the reference; else a program with the same variables (neurons
  // persistent), whose step leaves the number in the measure's variable.
  const BlurProgram *const *measuring;
  const BlurGenome *genome; // put into each network, those of the names in `kept` apart; NULL: none
  size_t kept_count;
  const char *const *kept;
} BlurCandidate;

typedef struct {
  size_t candidates; // at least 1; more: one is chosen
  const BlurCandidate *candidate;
  int64_t choose_at; // the step it is chosen at
} BlurContender;

typedef struct BlurStudy BlurStudy;

typedef enum {
  BLUR_STUDY_PROGRESS,
  BLUR_STUDY_EVALUATED,
  BLUR_STUDY_MEASURED,
  BLUR_STUDY_DIVERGED,
  BLUR_STUDY_CHOSEN
} BlurStudyEventKind;

typedef struct {
  BlurStudyEventKind kind;
  size_t contender, candidate;
  int64_t seed;
  bool choosing;             // a run that a candidate is chosen by, not one that is reported
  BlurPart part;             // EVALUATED
  BlurEvaluation evaluation; // EVALUATED
  size_t measure, values;    // MEASURED: which, and its numbers
  int64_t step;              // MEASURED
  const double *value;       // MEASURED: [values]
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
  size_t measures;
  const BlurMeasure *measure;
  // Called by any of the threads, one at a time; NULL: not wanted.
  void (*watch)(void *context, const BlurStudyEvent *event);
  void *context;
} BlurStudyOptions;

typedef struct {
  int64_t step;
  double loss, score; // after a divergence: NAN, and 0, as of a network that predicts nothing
} BlurStudyPoint;

// One reported run.
typedef struct {
  bool started, diverged;
  int64_t diverged_at;         // the step
  size_t points;               // evaluations that are done: all, unless interrupted
  const BlurStudyPoint *point; // [points], at the study's steps
} BlurStudyRun;

// Options, programs, genomes and data must outlive the study. Fails (input) where a network does not fit the data, or a
// genome its program.
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
// The candidate that was chosen, -1 while none is; `score` [candidates], if not NULL, becomes the mean validation score
// of each (NAN where not all of its runs are done).
int64_t blur_study_chosen(const BlurStudy *study, size_t contender, const double **score);
// The validation score of one of the runs that a candidate is chosen by; NAN: not done.
double blur_study_trial(const BlurStudy *study, size_t contender, size_t candidate, int64_t seed);

// A mean over seeds with its 95 % confidence interval mean -+ half by Student's t: half is t * s / sqrt(n), NAN for
// n = 1.
typedef struct {
  double mean, half;
  int64_t n, diverged; // runs counted, and those of them that had diverged
} BlurInterval;
BlurInterval blur_interval(int64_t n, const double *values);
BlurInterval blur_study_score(const BlurStudy *study, size_t contender, size_t point);
BlurInterval blur_study_loss(const BlurStudy *study, size_t contender, size_t point); // of runs that have not diverged
// How far the score of a contender lies above that of another: the mean over the seeds of the differences seed by seed.
// Seeds in which one of the two has diverged are no part of it; `diverged` has their number. n = 0: no seed is left.
BlurInterval blur_study_difference(const BlurStudy *study, size_t contender, size_t other, size_t point);
// The steps of a measure, ascending; the numbers that it has at each (0: it is measured of no contender). NAN: not
// measured, or no angle.
size_t blur_study_measure_steps(const BlurStudy *study, size_t measure, const int64_t **steps, size_t *values);
// [points * values] of one run, as far as it came: *points is set. NULL: not measured of this contender.
const double *blur_study_measured(const BlurStudy *study, size_t contender, int64_t seed, size_t measure,
                                  size_t *points);
BlurInterval blur_study_measure(const BlurStudy *study, size_t contender, size_t measure, size_t point, size_t value);
// The value that a |Student's t| of `freedom` degrees exceeds with probability 1 - share.
double blur_student_bound(double share, int64_t freedom);

#ifdef __cplusplus
}
#endif
#endif
