// Studies: many trainings, spread over threads, their evaluations kept by contender and seed. See blur/study.h. First
// every candidate of a contender that has several is trained and measured on the validation part, then each contender's
// candidate is trained and reported. A job is one training; threads take the next one when they are done.
#include "runtime/train/study.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// What a thread keeps from job to job.
typedef struct {
  BlurPool *pool;
  BlurNetwork *network;
} Desk;

// ---- telling

static void tell(BlurStudy *study, BlurStudyEvent event) {
  if (!study->options.watch) return;
  event.done = study->steps_planned ? (double)study->steps_done / (double)study->steps_planned : 0;
  study->options.watch(study->options.context, &event);
}

static void tell_locked(BlurStudy *study, BlurStudyEvent event, int64_t more_steps) {
  pthread_mutex_lock(&study->lock);
  study->steps_done += more_steps;
  tell(study, event);
  pthread_mutex_unlock(&study->lock);
}

static void fail(BlurStudy *study, const BlurStatus *status) {
  pthread_mutex_lock(&study->lock);
  if (!study->failed) study->failure = *status;
  study->failed = true;
  pthread_mutex_unlock(&study->lock);
  atomic_store(&study->interrupted, true);
}

static BlurStudyEvent event_of(const StudyJob *job, BlurStudyEventKind kind) {
  return (BlurStudyEvent){.kind = kind,
                          .contender = job->contender,
                          .candidate = job->candidate,
                          .seed = job->seed,
                          .choosing = job->choosing};
}

// ---- one training

static void set_genome(BlurNetwork *network, const BlurGenomeNumber *number, double *room) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(blur_network_program(network), &variables);
  for (size_t i = 0; i < count; i++) {
    if (variables[i].kind != BLUR_GENOME || strcmp(variables[i].name, number->name) != 0) continue;
    for (size_t j = 0; j < blur_variable_count(&variables[i]); j++) room[j] = number->value;
    blur_network_set(network, &variables[i], room);
  }
}

static size_t largest_genome(const BlurProgram *program) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(program, &variables), largest = 1;
  for (size_t i = 0; i < count; i++)
    if (variables[i].kind == BLUR_GENOME && blur_variable_count(&variables[i]) > largest)
      largest = blur_variable_count(&variables[i]);
  return largest;
}

static bool prepare(BlurStudy *study, Desk *desk, const BlurCandidate *candidate, uint64_t seed, BlurStatus *status) {
  (void)study;
  if (desk->network && blur_network_program(desk->network) == candidate->program) {
    if (!blur_network_reset(desk->network, seed, status)) return false;
  } else {
    blur_network_destroy(desk->network);
    desk->network = blur_network_create(candidate->program, desk->pool, seed, status);
    if (!desk->network) return false;
  }
  double *room = calloc(largest_genome(candidate->program), sizeof *room);
  if (!room) return status_fail_memory(status, "genome values", sizeof *room);
  for (size_t i = 0; i < candidate->numbers; i++) set_genome(desk->network, &candidate->number[i], room);
  free(room);
  return true;
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Steps up to `to`, in pieces of about a twentieth of a second. False: see the status, or interrupted.
static bool run_to(BlurStudy *study, const StudyJob *job, BlurNetwork *network, BlurTraining *training, int64_t to,
                   BlurStatus *status) {
  int64_t chunk = 1;
  while (blur_network_steps(network) < to) {
    if (atomic_load(&study->interrupted)) return false;
    int64_t before = blur_network_steps(network);
    if (chunk > to - before) chunk = to - before;
    double start = seconds_now();
    bool right = blur_training_run(training, chunk, status);
    double seconds = seconds_now() - start;
    BlurStudyEvent event = event_of(job, BLUR_STUDY_PROGRESS);
    tell_locked(study, event, blur_network_steps(network) - before);
    if (!right) return false;
    chunk = seconds > 0 && seconds < 1e3 ? (int64_t)(0.05 * (double)chunk / seconds) + 1 : 1;
  }
  return true;
}

static void tell_divergence(BlurStudy *study, const StudyJob *job, const BlurStatus *status) {
  BlurStudyEvent event = event_of(job, BLUR_STUDY_DIVERGED);
  event.message = status->message;
  tell_locked(study, event, 0);
}

static bool evaluate(BlurStudy *study, const StudyJob *job, BlurTraining *training, BlurPart part,
                     BlurEvaluation *evaluation, BlurStatus *status) {
  if (!blur_training_evaluate(training, part, evaluation, status)) return false;
  BlurStudyEvent event = event_of(job, BLUR_STUDY_EVALUATED);
  event.part = part;
  event.evaluation = *evaluation;
  tell_locked(study, event, 0);
  return true;
}

// A candidate's run to the step at which it is chosen. Diverged: it predicts nothing.
static bool run_trial(BlurStudy *study, const StudyJob *job, BlurNetwork *network, BlurTraining *training,
                      BlurStatus *status) {
  double *accuracy =
      &study->trial_accuracy[job->contender][job->candidate * (size_t)study->options.seeds + (size_t)job->seed];
  BlurEvaluation evaluation;
  *status = (BlurStatus){0};
  bool right = run_to(study, job, network, training, study->options.contender[job->contender].choose_at, status) &&
               evaluate(study, job, training, BLUR_VALIDATION, &evaluation, status);
  if (right) *accuracy = evaluation.accuracy;
  if (right || status->code == BLUR_DONE) return true; // done, or interrupted
  if (status->code != BLUR_DIVERGED) return false;
  *accuracy = 0;
  tell_divergence(study, job, status);
  return true;
}

static bool run_reported(BlurStudy *study, const StudyJob *job, BlurNetwork *network, BlurTraining *training,
                         BlurStatus *status) {
  StudyResult *result = &study->reported[job->contender * (size_t)study->options.seeds + (size_t)job->seed];
  result->started = true;
  *status = (BlurStatus){0};
  for (; result->points < study->points; result->points++) {
    BlurEvaluation evaluation;
    if (!run_to(study, job, network, training, study->steps[result->points], status) ||
        !evaluate(study, job, training, study->options.part, &evaluation, status))
      break;
    result->point[result->points] =
        (BlurStudyPoint){study->steps[result->points], evaluation.loss, evaluation.accuracy};
  }
  if (result->points == study->points || status->code == BLUR_DONE) return true;
  if (status->code != BLUR_DIVERGED) return false;
  result->diverged = true;
  result->diverged_at = blur_network_steps(network);
  for (; result->points < study->points; result->points++)
    result->point[result->points] = (BlurStudyPoint){study->steps[result->points], NAN, 0};
  tell_divergence(study, job, status);
  return true;
}

static bool run_job(BlurStudy *study, Desk *desk, const StudyJob *job, BlurStatus *status) {
  const BlurStudyOptions *options = &study->options;
  const BlurCandidate *candidate = &options->contender[job->contender].candidate[job->candidate];
  uint64_t seed = (uint64_t)(options->first_seed + job->seed);
  if (!prepare(study, desk, candidate, seed, status)) return false;
  BlurData *task = blur_data_draw(options->data, seed, status);
  BlurTraining *training = task ? blur_training_create(desk->network, task, options->loss, seed, status) : NULL;
  bool right = training && (job->choosing ? run_trial : run_reported)(study, job, desk->network, training, status);
  blur_training_destroy(training);
  blur_data_destroy(task);
  return right;
}

static void work(void *context, int64_t thread, int64_t threads) {
  BlurStudy *study = context;
  (void)thread, (void)threads;
  BlurStatus status;
  Desk desk = {.pool = blur_pool_create(study->inner_threads, &status)};
  if (!desk.pool) fail(study, &status);
  while (desk.pool && !atomic_load(&study->interrupted)) {
    size_t next = atomic_fetch_add(&study->next_job, 1);
    if (next >= study->job_count) break;
    if (!run_job(study, &desk, &study->jobs[next], &status)) fail(study, &status);
  }
  blur_network_destroy(desk.network);
  blur_pool_destroy(desk.pool);
}

// ---- all of them

static void add_job(BlurStudy *study, size_t contender, size_t candidate, int64_t seed, bool choosing) {
  study->jobs[study->job_count++] = (StudyJob){contender, candidate, seed, choosing};
}

static bool run_jobs(BlurStudy *study, BlurStatus *status) {
  if (study->job_count == 0) return true;
  BlurPool *all = blur_pool_create(study->options.threads, status);
  if (!all) return false;
  int threads = blur_pool_threads(all);
  if (study->job_count < (size_t)threads) { // few networks: several threads each
    blur_pool_destroy(all);
    all = blur_pool_create((int)study->job_count, status);
    if (!all) return false;
  }
  study->inner_threads = threads / blur_pool_threads(all);
  atomic_store(&study->next_job, 0);
  blur_pool_run(all, work, study);
  blur_pool_destroy(all);
  return !study->failed;
}

// The candidate with the highest mean; of equal ones the first.
static void choose(BlurStudy *study, size_t contender) {
  const BlurContender *from = &study->options.contender[contender];
  size_t seeds = (size_t)study->options.seeds;
  int64_t best = -1;
  bool all_done = true;
  for (size_t c = 0; c < from->candidates; c++) {
    double sum = 0;
    for (size_t s = 0; s < seeds; s++) sum += study->trial_accuracy[contender][c * seeds + s];
    study->mean_accuracy[contender][c] = sum / (double)seeds;
    all_done = all_done && !isnan(sum);
    if (best < 0 || study->mean_accuracy[contender][c] > study->mean_accuracy[contender][best]) best = (int64_t)c;
  }
  if (!all_done) return;
  study->chosen[contender] = best;
  StudyJob job = {.contender = contender, .candidate = (size_t)best};
  tell_locked(study, event_of(&job, BLUR_STUDY_CHOSEN), 0);
}

bool blur_study_run(BlurStudy *study, BlurStatus *status) {
  const BlurStudyOptions *options = &study->options;
  study->job_count = 0;
  for (size_t c = 0; c < options->contenders; c++)
    for (size_t i = 0; options->contender[c].candidates > 1 && i < options->contender[c].candidates; i++)
      for (int64_t seed = 0; seed < options->seeds; seed++) add_job(study, c, i, seed, true);
  bool right = run_jobs(study, status);
  for (size_t c = 0; right && c < options->contenders; c++)
    if (options->contender[c].candidates > 1) choose(study, c);
  study->job_count = 0;
  for (size_t c = 0; right && c < options->contenders; c++)
    for (int64_t seed = 0; study->chosen[c] >= 0 && seed < options->seeds; seed++)
      add_job(study, c, (size_t)study->chosen[c], seed, false);
  if (right && !blur_study_interrupted(study)) right = run_jobs(study, status);
  if (study->failed && status) *status = study->failure;
  return right;
}

void blur_study_interrupt(BlurStudy *study) { atomic_store(&study->interrupted, true); }
bool blur_study_interrupted(const BlurStudy *study) { return atomic_load(&study->interrupted); }

// ---- making one

static bool allocate_steps(BlurStudy *study) {
  int64_t steps = study->options.steps, every = study->options.eval_every;
  if (every <= 0 || every > steps) every = steps;
  study->points = (size_t)((steps + every - 1) / every);
  study->steps = calloc(study->points, sizeof *study->steps);
  for (size_t p = 0; study->steps && p < study->points; p++)
    study->steps[p] = p + 1 < study->points ? (int64_t)(p + 1) * every : steps;
  return study->steps != NULL;
}

static bool allocate_results(BlurStudy *study) {
  const BlurStudyOptions *options = &study->options;
  size_t seeds = (size_t)options->seeds, most = 0;
  study->reported = calloc(options->contenders * seeds, sizeof *study->reported);
  study->trial_accuracy = calloc(options->contenders, sizeof *study->trial_accuracy);
  study->mean_accuracy = calloc(options->contenders, sizeof *study->mean_accuracy);
  study->chosen = calloc(options->contenders, sizeof *study->chosen);
  if (!study->reported || !study->trial_accuracy || !study->mean_accuracy || !study->chosen) return false;
  for (size_t r = 0; r < options->contenders * seeds; r++) {
    study->reported[r].point = calloc(study->points, sizeof *study->reported[r].point);
    if (!study->reported[r].point) return false;
  }
  for (size_t c = 0; c < options->contenders; c++) {
    const BlurContender *contender = &options->contender[c];
    size_t candidates = contender->candidates;
    study->steps_planned += options->steps * options->seeds;
    most += (candidates > 1 ? candidates : 1) * seeds;
    if (candidates <= 1) continue;
    study->chosen[c] = -1;
    study->steps_planned += contender->choose_at * options->seeds * (int64_t)candidates;
    study->trial_accuracy[c] = calloc(candidates * seeds, sizeof(double));
    study->mean_accuracy[c] = calloc(candidates, sizeof(double));
    if (!study->trial_accuracy[c] || !study->mean_accuracy[c]) return false;
    for (size_t i = 0; i < candidates * seeds; i++) study->trial_accuracy[c][i] = NAN;
    for (size_t i = 0; i < candidates; i++) study->mean_accuracy[c][i] = NAN;
  }
  study->jobs = calloc(most, sizeof *study->jobs);
  return study->jobs != NULL;
}

BlurStudy *blur_study_create(const BlurStudyOptions *options, BlurStatus *status) {
  if (options->contenders < 1 || options->steps < 1 || options->seeds < 1) {
    status_fail(status, BLUR_FAILED_USAGE, "a study has at least one contender, one step and one seed");
    return NULL;
  }
  BlurStudy *study = calloc(1, sizeof *study);
  if (study) {
    study->options = *options;
    pthread_mutex_init(&study->lock, NULL);
  }
  if (study && allocate_steps(study) && allocate_results(study)) return study;
  status_fail_memory(status, "a study", (double)options->contenders * (double)options->seeds * 64);
  blur_study_destroy(study);
  return NULL;
}

void blur_study_destroy(BlurStudy *study) {
  if (!study) return;
  size_t contenders = study->options.contenders, seeds = (size_t)study->options.seeds;
  for (size_t r = 0; study->reported && r < contenders * seeds; r++) free(study->reported[r].point);
  for (size_t c = 0; study->trial_accuracy && c < contenders; c++) free(study->trial_accuracy[c]);
  for (size_t c = 0; study->mean_accuracy && c < contenders; c++) free(study->mean_accuracy[c]);
  free(study->reported);
  free(study->trial_accuracy);
  free(study->mean_accuracy);
  free(study->chosen);
  free(study->steps);
  free(study->jobs);
  pthread_mutex_destroy(&study->lock);
  free(study);
}

// ---- results

size_t blur_study_steps(const BlurStudy *study, const int64_t **steps) {
  *steps = study->steps;
  return study->points;
}

static const StudyResult *result_at(const BlurStudy *study, size_t contender, int64_t seed) {
  return &study->reported[contender * (size_t)study->options.seeds + (size_t)seed];
}

BlurStudyRun blur_study_result(const BlurStudy *study, size_t contender, int64_t seed) {
  const StudyResult *result = result_at(study, contender, seed);
  return (BlurStudyRun){result->started, result->diverged, result->diverged_at, result->points, result->point};
}

int64_t blur_study_chosen(const BlurStudy *study, size_t contender, const double **accuracy) {
  if (accuracy) *accuracy = study->mean_accuracy[contender];
  return study->chosen[contender];
}

static BlurInterval interval_of(const BlurStudy *study, size_t contender, size_t point, bool of_loss) {
  double *values = calloc((size_t)study->options.seeds, sizeof *values);
  int64_t n = 0, diverged = 0;
  for (int64_t seed = 0; values && seed < study->options.seeds; seed++) {
    const StudyResult *result = result_at(study, contender, seed);
    if (result->points <= point) continue;
    bool lost = result->diverged && result->point[point].step >= result->diverged_at;
    diverged += lost;
    if (of_loss && lost) continue;
    values[n++] = of_loss ? result->point[point].loss : result->point[point].accuracy;
  }
  BlurInterval interval = blur_interval(n, values);
  interval.diverged = diverged;
  free(values);
  return interval;
}

BlurInterval blur_study_accuracy(const BlurStudy *study, size_t contender, size_t point) {
  return interval_of(study, contender, point, false);
}

BlurInterval blur_study_loss(const BlurStudy *study, size_t contender, size_t point) {
  return interval_of(study, contender, point, true);
}
