// One training of a study: a candidate's network from one seed, its steps in pieces between which measures and
// evaluations are made. Called by study.c on its threads.
#include "runtime/train/study.h"

#include "base/status.h"
#include "runtime/train/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// ---- what a thread works with

bool study_open_desk(BlurStudy *study, StudyDesk *desk, BlurStatus *status) {
  *desk = (StudyDesk){0};
  desk->measuring = calloc(study->options.measures + 1, sizeof *desk->measuring);
  bool whole = desk->measuring != NULL;
  // The last room holds a variable of all layers: no more of them than a program may have.
  size_t largest = study->largest, wide = study->options.measures ? study->all_layers : 1;
  for (size_t i = 0; whole && i < sizeof desk->room / sizeof *desk->room; i++) {
    desk->room[i] = calloc(i == 3 ? wide : largest, sizeof(double));
    whole = desk->room[i] != NULL;
  }
  if (!whole) return status_fail_memory(status, "measures", (double)(3 * largest + wide) * sizeof(double));
  desk->pool = blur_pool_create(study->inner_threads, status);
  return desk->pool != NULL;
}

void study_close_desk(BlurStudy *study, StudyDesk *desk) {
  for (size_t m = 0; desk->measuring && m < study->options.measures; m++) blur_network_destroy(desk->measuring[m]);
  for (size_t i = 0; i < sizeof desk->room / sizeof *desk->room; i++) free(desk->room[i]);
  free(desk->measuring);
  blur_network_destroy(desk->network);
  blur_pool_destroy(desk->pool);
}

static void set_genome(StudyDesk *desk, const BlurGenomeNumber *number) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(blur_network_program(desk->network), &variables);
  for (size_t i = 0; i < count; i++) {
    if (variables[i].kind != BLUR_GENOME || strcmp(variables[i].name, number->name) != 0) continue;
    for (size_t j = 0; j < blur_variable_count(&variables[i]); j++) desk->room[0][j] = number->value;
    blur_network_set(desk->network, &variables[i], desk->room[0]);
  }
}

static bool prepare(StudyDesk *desk, const BlurCandidate *candidate, uint64_t seed, BlurStatus *status) {
  if (desk->network && blur_network_program(desk->network) == candidate->program) {
    if (!blur_network_reset(desk->network, seed, status)) return false;
  } else {
    blur_network_destroy(desk->network);
    desk->network = blur_network_create(candidate->program, desk->pool, seed, status);
    if (!desk->network) return false;
  }
  if (candidate->genome &&
      !blur_genome_put(candidate->genome, desk->network, candidate->kept, candidate->kept_count, status))
    return false;
  for (size_t i = 0; i < candidate->numbers; i++) set_genome(desk, &candidate->number[i]);
  return !candidate->numbers || blur_network_reset_from_genome(desk->network, status);
}

// ---- steps

typedef struct {
  BlurStudy *study;
  StudyDesk *desk;
  const StudyJob *job;
  const BlurCandidate *candidate;
  BlurTraining *training;
  StudyResult *result; // of a run that is reported
  BlurStatus *status;
} Run;

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Steps up to `to`, in pieces of about a twentieth of a second. False: see the status, or interrupted.
static bool run_to(const Run *run, int64_t to) {
  int64_t chunk = 1;
  while (blur_network_steps(run->desk->network) < to) {
    if (atomic_load(&run->study->interrupted)) return false;
    int64_t before = blur_network_steps(run->desk->network);
    if (chunk > to - before) chunk = to - before;
    double start = seconds_now();
    bool right = blur_training_run(run->training, chunk, run->status);
    double seconds = seconds_now() - start;
    study_tell(run->study, study_event(run->job, BLUR_STUDY_PROGRESS), blur_network_steps(run->desk->network) - before);
    if (!right) return false;
    chunk = seconds > 0 && seconds < 1e3 ? (int64_t)(0.05 * (double)chunk / seconds) + 1 : 1;
  }
  return true;
}

static void tell_divergence(const Run *run) {
  BlurStudyEvent event = study_event(run->job, BLUR_STUDY_DIVERGED);
  event.message = run->status->message;
  study_tell(run->study, event, 0);
}

static bool evaluate(const Run *run, BlurPart part, BlurEvaluation *evaluation) {
  if (!blur_training_evaluate(run->training, part, evaluation, run->status)) return false;
  BlurStudyEvent event = study_event(run->job, BLUR_STUDY_EVALUATED);
  event.part = part;
  event.evaluation = *evaluation;
  study_tell(run->study, event, 0);
  return true;
}

// A candidate's run to the step at which it is chosen. Diverged: it predicts nothing.
static bool run_trial(const Run *run) {
  BlurStudy *study = run->study;
  const StudyJob *job = run->job;
  double *score =
      &study->trial_score[job->contender][job->candidate * (size_t)study->options.seeds + (size_t)job->seed];
  BlurEvaluation evaluation;
  bool right =
      run_to(run, study->options.contender[job->contender].choose_at) && evaluate(run, BLUR_VALIDATION, &evaluation);
  if (right) *score = metrics_score(&evaluation);
  if (right || run->status->code == BLUR_DONE) return true; // done, or interrupted
  if (run->status->code != BLUR_DIVERGED) return false;
  *score = 0;
  tell_divergence(run);
  return true;
}

// ---- a run that is reported

// The step that measure m is taken at next; -1: none.
static int64_t next_step(const Run *run, size_t m) {
  const StudyMeasure *measure = &run->study->measures[m];
  size_t done = run->result->measured[m];
  bool is_measured = run->candidate->measuring && run->candidate->measuring[m];
  return is_measured && done < measure->points ? measure->steps[done] : -1;
}

// Where the run stops next: an evaluation, a measure, or the step before a cosine's.
static int64_t next_stop(const Run *run) {
  int64_t now = blur_network_steps(run->desk->network), stop = run->study->steps[run->result->points];
  for (size_t m = 0; m < run->study->options.measures; m++) {
    int64_t at = next_step(run, m);
    if (at < 0) continue;
    if (run->study->options.measure[m].is_cosine && at - 1 > now) at--;
    if (at < stop) stop = at;
  }
  return stop;
}

static bool prepare_cosines(const Run *run) {
  for (size_t m = 0; m < run->study->options.measures; m++)
    if (run->study->options.measure[m].is_cosine && next_step(run, m) == blur_network_steps(run->desk->network) + 1 &&
        !study_before(run->study, run->desk, run->candidate, m, run->status))
      return false;
  return true;
}

static bool measure(const Run *run) {
  for (size_t m = 0; m < run->study->options.measures; m++) {
    if (next_step(run, m) != blur_network_steps(run->desk->network)) continue;
    size_t count = run->study->measures[m].values;
    double *values = &run->result->value[m][run->result->measured[m] * count];
    if (!study_measure(run->study, run->desk, run->candidate, m, values, run->status)) return false;
    BlurStudyEvent event = study_event(run->job, BLUR_STUDY_MEASURED);
    event.measure = m;
    event.values = count;
    event.value = values;
    event.step = blur_network_steps(run->desk->network);
    run->result->measured[m]++;
    study_tell(run->study, event, 0);
  }
  return true;
}

// Measures come before the evaluation at the same step, which writes over the neurons.
static bool run_to_next(const Run *run) {
  StudyResult *result = run->result;
  if (!prepare_cosines(run) || !run_to(run, next_stop(run)) || !measure(run)) return false;
  if (blur_network_steps(run->desk->network) < run->study->steps[result->points]) return true;
  BlurEvaluation evaluation;
  if (!evaluate(run, run->study->options.part, &evaluation)) return false;
  result->point[result->points++] = (BlurStudyPoint){evaluation.step, evaluation.loss, metrics_score(&evaluation)};
  return true;
}

static bool run_reported(const Run *run) {
  StudyResult *result = run->result;
  result->started = true;
  while (result->points < run->study->points && run_to_next(run)) continue;
  if (result->points == run->study->points || run->status->code == BLUR_DONE) return true;
  if (run->status->code != BLUR_DIVERGED) return false;
  result->diverged = true;
  result->diverged_at = blur_network_steps(run->desk->network);
  for (; result->points < run->study->points; result->points++)
    result->point[result->points] = (BlurStudyPoint){run->study->steps[result->points], NAN, 0};
  tell_divergence(run);
  return true;
}

bool study_run_job(BlurStudy *study, StudyDesk *desk, const StudyJob *job, BlurStatus *status) {
  const BlurStudyOptions *options = &study->options;
  const BlurCandidate *candidate = &options->contender[job->contender].candidate[job->candidate];
  uint64_t seed = (uint64_t)(options->first_seed + job->seed);
  *status = (BlurStatus){0};
  if (!prepare(desk, candidate, seed, status)) return false;
  BlurData *task = blur_data_draw(options->data, seed, status);
  Run run = {study, desk, job, candidate, NULL, NULL, status};
  if (task) run.training = blur_training_create(desk->network, task, options->loss, seed, status);
  run.result = &study->reported[job->contender * (size_t)options->seeds + (size_t)job->seed];
  bool right = run.training && (job->choosing ? run_trial(&run) : run_reported(&run));
  blur_training_destroy(run.training);
  blur_data_destroy(task);
  return right;
}
