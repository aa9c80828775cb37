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
} StudyResult;

struct BlurStudy {
  BlurStudyOptions options;
  int64_t *steps; // [points] of the evaluations
  size_t points;
  StudyResult *reported;   // [contenders, seeds]
  double **trial_accuracy; // [contenders] of [candidates, seeds], NAN until done; NULL where nothing is chosen
  double **mean_accuracy;  // [contenders] of [candidates]
  int64_t *chosen;         // [contenders]
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

#endif
