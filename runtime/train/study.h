// A study while it runs. Private to the runtime.
#ifndef BLUR_TRAIN_STUDY_H
#define BLUR_TRAIN_STUDY_H

#include "blur/study.h"

#include <pthread.h>
#include <stdatomic.h>

// One training of one candidate from one seed.
typedef struct {
  size_t contender, candidate;
  int64_t seed; // from 0
  bool choosing;
} StudyJob;

typedef struct {
  bool started, diverged;
  int64_t diverged_at;
  size_t points;
  BlurStudyPoint *point;
  size_t *measured; // [measures] points that are done
  double **value;   // [measures] of [points, values]; NULL: not measured of it
} StudyResult;

// When a measure is taken, and how many numbers it is.
typedef struct {
  int64_t *steps; // [points]
  size_t points, values;
} StudyMeasure;

// What a thread keeps from job to job.
typedef struct {
  BlurPool *pool;
  BlurNetwork *network;
  BlurNetwork **measuring; // [measures]
  double *room[4];         // each as large as the largest variable of any program
} StudyDesk;

struct BlurStudy {
  BlurStudyOptions options;
  int64_t *steps; // [points] of the evaluations
  size_t points;
  StudyMeasure *measures; // [measures]
  size_t largest;         // numbers of the largest variable
  size_t all_layers;      // numbers of the largest synapse variable over all layers of it
  StudyResult *reported;  // [contenders, seeds]
  double **trial_score;   // [contenders] of [candidates, seeds], NAN until done; NULL where nothing is chosen
  double **mean_score;    // [contenders] of [candidates]
  int64_t *chosen;        // [contenders]
  // While running.
  StudyJob *jobs;
  size_t job_count;
  atomic_size_t next_job;
  atomic_bool interrupted;
  bool failed;
  BlurStatus failure;
  int inner_threads;
  pthread_mutex_t lock; // of watch, failure, steps_done
  int64_t steps_done, steps_planned;
};

// study.c
void study_tell(BlurStudy *study, BlurStudyEvent event, int64_t more_steps);
BlurStudyEvent study_event(const StudyJob *job, BlurStudyEventKind kind);

// study_job.c
bool study_open_desk(BlurStudy *study, StudyDesk *desk, BlurStatus *status); // to be closed either way
void study_close_desk(BlurStudy *study, StudyDesk *desk);
bool study_run_job(BlurStudy *study, StudyDesk *desk, const StudyJob *job, BlurStatus *status);

// measure.c: the numbers of measure `m` of a network after its step `steps`, into `values`. What a cosine needs of the
// network before that step is kept by study_before, called one step earlier.
bool study_before(BlurStudy *study, StudyDesk *desk, const BlurCandidate *candidate, size_t m, BlurStatus *status);
bool study_measure(BlurStudy *study, StudyDesk *desk, const BlurCandidate *candidate, size_t m, double *values,
                   BlurStatus *status);

#endif
