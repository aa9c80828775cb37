// Studies: many trainings, spread over threads, their evaluations kept by contender and seed. See blur/study.h. First
// every candidate of a contender that has several is trained and measured on the validation part, then each contender's
// candidate is trained and reported. A job is one training (study_job.c); threads take the next one when they are done.
#include "runtime/train/study.h"

#include "base/status.h"
#include "runtime/parallel/pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- telling

void study_tell(BlurStudy *study, BlurStudyEvent event, int64_t more_steps) {
  pthread_mutex_lock(&study->lock);
  study->steps_done += more_steps;
  event.done = study->steps_planned ? (double)study->steps_done / (double)study->steps_planned : 0;
  if (study->options.watch) study->options.watch(study->options.context, &event);
  pthread_mutex_unlock(&study->lock);
}

BlurStudyEvent study_event(const StudyJob *job, BlurStudyEventKind kind) {
  return (BlurStudyEvent){.kind = kind,
                          .contender = job->contender,
                          .candidate = job->candidate,
                          .seed = job->seed,
                          .choosing = job->choosing};
}

static void fail(BlurStudy *study, const BlurStatus *status) {
  pthread_mutex_lock(&study->lock);
  if (!study->failed) study->failure = *status;
  study->failed = true;
  pthread_mutex_unlock(&study->lock);
  atomic_store(&study->interrupted, true);
}

// ---- all jobs

static void work(void *context, int64_t thread, int64_t threads) {
  BlurStudy *study = context;
  (void)thread, (void)threads;
  BlurStatus status;
  StudyDesk desk;
  bool open = study_open_desk(study, &desk, &status);
  if (!open) fail(study, &status);
  while (open && !atomic_load(&study->interrupted)) {
    size_t next = atomic_fetch_add(&study->next_job, 1);
    if (next >= study->job_count) break;
    if (!study_run_job(study, &desk, &study->jobs[next], &status)) fail(study, &status);
  }
  study_close_desk(study, &desk);
}

static void add_job(BlurStudy *study, size_t contender, size_t candidate, int64_t seed, bool choosing) {
  study->jobs[study->job_count++] = (StudyJob){contender, candidate, seed, choosing};
}

static bool run_jobs(BlurStudy *study, BlurStatus *status) {
  if (study->job_count == 0) return true;
  int threads;
  BlurPool *all = pool_for_jobs(study->options.threads, study->job_count, &threads, status);
  if (!all) return false;
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
    for (size_t s = 0; s < seeds; s++) sum += study->trial_score[contender][c * seeds + s];
    study->mean_score[contender][c] = sum / (double)seeds;
    all_done = all_done && !isnan(sum);
    if (best < 0 || study->mean_score[contender][c] > study->mean_score[contender][best]) best = (int64_t)c;
  }
  if (!all_done) return;
  study->chosen[contender] = best;
  StudyJob job = {.contender = contender, .candidate = (size_t)best};
  study_tell(study, study_event(&job, BLUR_STUDY_CHOSEN), 0);
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

static size_t largest_variable(const BlurProgram *program) {
  const BlurVariable *variables;
  size_t count = program ? blur_program_variables(program, &variables) : 0, largest = 1;
  for (size_t i = 0; i < count; i++)
    if (blur_variable_count(&variables[i]) > largest) largest = blur_variable_count(&variables[i]);
  return largest;
}

// Over all layers.
static size_t synapses_of(const BlurProgram *program, const char *name) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(program, &variables), all = 0;
  for (size_t i = 0; i < count; i++)
    if (variables[i].kind == BLUR_SYNAPSE && strcmp(variables[i].name, name) == 0)
      all += blur_variable_count(&variables[i]);
  return all;
}

// When each measure is taken, and how many numbers it is: the layers of the first network that it is measured of.
static bool allocate_measures(BlurStudy *study) {
  const BlurStudyOptions *options = &study->options;
  study->measures = calloc(options->measures + 1, sizeof *study->measures);
  study->largest = 1;
  for (size_t m = 0; study->measures && m < options->measures; m++) {
    StudyMeasure *taken = &study->measures[m];
    int64_t every = options->measure[m].every;
    if (every == 0) {
      taken->points = study->points;
      taken->steps = calloc(taken->points + 1, sizeof *taken->steps);
      if (taken->steps) memcpy(taken->steps, study->steps, taken->points * sizeof *taken->steps);
    } else {
      taken->points = (size_t)(options->steps / every);
      taken->steps = calloc(taken->points + 1, sizeof *taken->steps);
      for (size_t p = 0; taken->steps && p < taken->points; p++) taken->steps[p] = (int64_t)(p + 1) * every;
    }
    if (!taken->steps) return false;
  }
  for (size_t c = 0; c < options->contenders; c++)
    for (size_t i = 0; i < options->contender[c].candidates; i++) {
      const BlurCandidate *candidate = &options->contender[c].candidate[i];
      size_t largest = largest_variable(candidate->program);
      if (largest > study->largest) study->largest = largest;
      const int64_t *units;
      int layers = blur_program_layers(candidate->program, &units);
      for (size_t m = 0; candidate->measuring && m < options->measures; m++) {
        if (!candidate->measuring[m]) continue;
        bool is_cosine = options->measure[m].is_cosine;
        study->measures[m].values =
            (size_t)(options->measure[m].kind == BLUR_NEURON || is_cosine ? layers : layers - 1);
        largest = largest_variable(candidate->measuring[m]);
        if (largest > study->largest) study->largest = largest;
        size_t all = is_cosine ? synapses_of(candidate->measuring[m], options->measure[m].variable) : 0;
        if (all > study->all_layers) study->all_layers = all;
      }
    }
  return study->measures != NULL;
}

static bool allocate_measured(BlurStudy *study, StudyResult *result, const BlurContender *contender) {
  size_t measures = study->options.measures;
  result->measured = calloc(measures + 1, sizeof *result->measured);
  result->value = calloc(measures + 1, sizeof *result->value);
  if (!result->measured || !result->value) return false;
  for (size_t m = 0; m < measures; m++) {
    bool any = false;
    for (size_t i = 0; i < contender->candidates; i++)
      any = any || (contender->candidate[i].measuring && contender->candidate[i].measuring[m]);
    if (!any) continue;
    result->value[m] = calloc(study->measures[m].points * study->measures[m].values + 1, sizeof(double));
    if (!result->value[m]) return false;
  }
  return true;
}

static bool allocate_results(BlurStudy *study) {
  const BlurStudyOptions *options = &study->options;
  size_t seeds = (size_t)options->seeds, most = 0;
  study->reported = calloc(options->contenders * seeds, sizeof *study->reported);
  study->trial_score = calloc(options->contenders, sizeof *study->trial_score);
  study->mean_score = calloc(options->contenders, sizeof *study->mean_score);
  study->chosen = calloc(options->contenders, sizeof *study->chosen);
  if (!study->reported || !study->trial_score || !study->mean_score || !study->chosen) return false;
  for (size_t r = 0; r < options->contenders * seeds; r++) {
    study->reported[r].point = calloc(study->points, sizeof *study->reported[r].point);
    if (!study->reported[r].point) return false;
    if (!allocate_measured(study, &study->reported[r], &options->contender[r / seeds])) return false;
  }
  for (size_t c = 0; c < options->contenders; c++) {
    const BlurContender *contender = &options->contender[c];
    size_t candidates = contender->candidates;
    study->steps_planned += options->steps * options->seeds;
    most += (candidates > 1 ? candidates : 1) * seeds;
    if (candidates <= 1) continue;
    study->chosen[c] = -1;
    study->steps_planned += contender->choose_at * options->seeds * (int64_t)candidates;
    study->trial_score[c] = calloc(candidates * seeds, sizeof(double));
    study->mean_score[c] = calloc(candidates, sizeof(double));
    if (!study->trial_score[c] || !study->mean_score[c]) return false;
    for (size_t i = 0; i < candidates * seeds; i++) study->trial_score[c][i] = NAN;
    for (size_t i = 0; i < candidates; i++) study->mean_score[c][i] = NAN;
  }
  study->jobs = calloc(most, sizeof *study->jobs);
  return study->jobs != NULL;
}

static bool genomes_fit(const BlurStudyOptions *options, BlurStatus *status) {
  for (size_t c = 0; c < options->contenders; c++)
    for (size_t i = 0; i < options->contender[c].candidates; i++) {
      const BlurCandidate *candidate = &options->contender[c].candidate[i];
      if (candidate->genome &&
          !blur_genome_check(candidate->genome, candidate->program, candidate->kept, candidate->kept_count, status))
        return false;
    }
  return true;
}

BlurStudy *blur_study_create(const BlurStudyOptions *options, BlurStatus *status) {
  if (options->contenders < 1 || options->steps < 1 || options->seeds < 1) {
    status_fail(status, BLUR_FAILED_USAGE, "a study has at least one contender, one step and one seed");
    return NULL;
  }
  if (!genomes_fit(options, status)) return NULL;
  BlurStudy *study = calloc(1, sizeof *study);
  if (study) {
    study->options = *options;
    pthread_mutex_init(&study->lock, NULL);
  }
  if (study && allocate_steps(study) && allocate_measures(study) && allocate_results(study)) return study;
  status_fail_memory(status, "a study", (double)options->contenders * (double)options->seeds * 64);
  blur_study_destroy(study);
  return NULL;
}

void blur_study_destroy(BlurStudy *study) {
  if (!study) return;
  size_t contenders = study->options.contenders, seeds = (size_t)study->options.seeds;
  for (size_t r = 0; study->reported && r < contenders * seeds; r++) {
    StudyResult *result = &study->reported[r];
    for (size_t m = 0; result->value && m < study->options.measures; m++) free(result->value[m]);
    free(result->point);
    free(result->measured);
    free(result->value);
  }
  for (size_t m = 0; study->measures && m < study->options.measures; m++) free(study->measures[m].steps);
  free(study->measures);
  for (size_t c = 0; study->trial_score && c < contenders; c++) free(study->trial_score[c]);
  for (size_t c = 0; study->mean_score && c < contenders; c++) free(study->mean_score[c]);
  free(study->reported);
  free(study->trial_score);
  free(study->mean_score);
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

int64_t blur_study_chosen(const BlurStudy *study, size_t contender, const double **score) {
  if (score) *score = study->mean_score[contender];
  return study->chosen[contender];
}

double blur_study_trial(const BlurStudy *study, size_t contender, size_t candidate, int64_t seed) {
  const double *scores = study->trial_score[contender];
  return scores ? scores[candidate * (size_t)study->options.seeds + (size_t)seed] : (double)NAN;
}

static bool is_lost(const StudyResult *result, size_t point) {
  return result->diverged && result->point[point].step >= result->diverged_at;
}

static BlurInterval interval_of(const BlurStudy *study, size_t contender, size_t point, bool of_loss) {
  double *values = calloc((size_t)study->options.seeds, sizeof *values);
  int64_t n = 0, diverged = 0;
  for (int64_t seed = 0; values && seed < study->options.seeds; seed++) {
    const StudyResult *result = result_at(study, contender, seed);
    if (result->points <= point) continue;
    bool lost = is_lost(result, point);
    diverged += lost;
    if (of_loss && lost) continue;
    values[n++] = of_loss ? result->point[point].loss : result->point[point].score;
  }
  BlurInterval interval = blur_interval(n, values);
  interval.diverged = diverged;
  free(values);
  return interval;
}

BlurInterval blur_study_score(const BlurStudy *study, size_t contender, size_t point) {
  return interval_of(study, contender, point, false);
}

BlurInterval blur_study_loss(const BlurStudy *study, size_t contender, size_t point) {
  return interval_of(study, contender, point, true);
}

BlurInterval blur_study_difference(const BlurStudy *study, size_t contender, size_t other, size_t point) {
  double *values = calloc((size_t)study->options.seeds, sizeof *values);
  int64_t n = 0, diverged = 0;
  for (int64_t seed = 0; values && seed < study->options.seeds; seed++) {
    const StudyResult *one = result_at(study, contender, seed), *two = result_at(study, other, seed);
    if (one->points <= point || two->points <= point) continue;
    if (is_lost(one, point) || is_lost(two, point)) diverged++;
    else values[n++] = one->point[point].score - two->point[point].score;
  }
  BlurInterval interval = blur_interval(n, values);
  interval.diverged = diverged;
  free(values);
  return interval;
}

size_t blur_study_measure_steps(const BlurStudy *study, size_t measure, const int64_t **steps, size_t *values) {
  *steps = study->measures[measure].steps;
  *values = study->measures[measure].values;
  return study->measures[measure].points;
}

const double *blur_study_measured(const BlurStudy *study, size_t contender, int64_t seed, size_t measure,
                                  size_t *points) {
  const StudyResult *result = result_at(study, contender, seed);
  *points = result->measured[measure];
  return result->value[measure];
}

BlurInterval blur_study_measure(const BlurStudy *study, size_t contender, size_t measure, size_t point, size_t value) {
  double *values = calloc((size_t)study->options.seeds, sizeof *values);
  int64_t n = 0;
  for (int64_t seed = 0; values && seed < study->options.seeds; seed++) {
    size_t points, width = study->measures[measure].values;
    const double *measured = blur_study_measured(study, contender, seed, measure, &points);
    if (!measured || points <= point || isnan(measured[point * width + value])) continue;
    values[n++] = measured[point * width + value];
  }
  BlurInterval interval = blur_interval(n, values);
  free(values);
  return interval;
}
