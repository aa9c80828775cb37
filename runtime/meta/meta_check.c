// Checks and tests: networks from fresh synapses, trained by a genome for some steps and scored as any other training
// is (blur_training_evaluate). A check scores on the validation part, where the data have none on the training part:
// the test part takes no part in any choice.
#include "base/philox.h"
#include "base/status.h"
#include "runtime/meta/meta.h"
#include "runtime/train/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool train(const BlurMeta *meta, Trial *trial, BlurNetwork *network, const BlurData *data, BlurStatus *status) {
  BlurTraining *training = blur_training_create(network, data, trial->task->loss, trial->seed, status);
  BlurEvaluation evaluation;
  bool right = training && blur_training_run(training, meta->trial_steps, status) &&
               blur_training_evaluate(training, trial->part, &evaluation, status);
  if (right) trial->loss = evaluation.loss;
  if (right) trial->score = metrics_score(&evaluation);
  blur_training_destroy(training);
  return right;
}

static bool run_trial(const BlurMeta *meta, const Desk *desk, Trial *trial, BlurStatus *status) {
  trial->score = 0;
  trial->loss = NAN;
  BlurNetwork *network = blur_network_create(trial->task->program, desk->pool, trial->seed, status);
  BlurData *data = network ? blur_data_draw(trial->task->data, trial->seed, status) : NULL;
  BlurStatus diverged = {0};
  bool right = data && genome_vector_set(&meta->vector, network, trial->genome, status);
  if (right && !train(meta, trial, network, data, &diverged) && diverged.code != BLUR_DIVERGED) {
    if (status) *status = diverged;
    right = false;
  }
  blur_data_destroy(data);
  blur_network_destroy(network);
  return right;
}

static void work(void *context, int64_t thread, int64_t threads) {
  BlurMeta *meta = context;
  BlurStatus status = {0};
  (void)threads;
  for (size_t trial; (trial = atomic_fetch_add(&meta->next, 1)) < meta->trial_count;)
    if (!run_trial(meta, &meta->desk[thread], &meta->trials[trial], &status)) meta_fail(meta, &status);
}

bool meta_run_trials(BlurMeta *meta, Trial *trials, size_t count, int64_t steps, BlurStatus *status) {
  meta->trials = trials;
  meta->trial_count = count;
  meta->trial_steps = steps;
  atomic_store(&meta->next, 0);
  blur_pool_run(meta->pool, work, meta);
  if (meta->failed && status) *status = meta->failure;
  return !meta->failed;
}

// ---- checks

static BlurPart check_part(const BlurData *data) {
  return blur_data_samples(data, BLUR_VALIDATION) > 0 ? BLUR_VALIDATION : BLUR_TRAIN;
}

// The scores of several genomes, all on the same networks.
static bool score(BlurMeta *meta, size_t genomes, const double *const *genome, double *scores, BlurStatus *status) {
  size_t networks = (size_t)meta->options.networks, each = meta->setup.tasks * networks, count = genomes * each;
  Trial *trials = calloc(count, sizeof *trials);
  if (!trials) return status_fail_memory(status, "a check", (double)count * sizeof *trials);
  for (size_t i = 0; i < count; i++) {
    const BlurMetaTask *task = &meta->setup.task[i % each / networks];
    trials[i] = (Trial){.task = task,
                        .genome = genome[i / each],
                        .seed = meta_key(meta, DRAW_CHECK, i % each),
                        .part = check_part(task->data)};
  }
  bool right = meta_run_trials(meta, trials, count, meta->unroll, status);
  for (size_t g = 0; g < genomes; g++) {
    scores[g] = 0;
    for (size_t i = 0; i < each; i++) scores[g] += trials[g * each + i].score / (double)each;
  }
  free(trials);
  return right;
}

static void tell_member(BlurMeta *meta, size_t m, double of_score) {
  Member *member = &meta->members[m];
  BlurMetaMember *told = &meta->told[m];
  double counted = (double)member->counted;
  told->score = of_score;
  told->loss = member->counted ? member->loss / counted : NAN;
  told->norm = member->counted ? member->norm / counted : NAN;
  if (member->counted) memcpy(member->good, member->genome, meta->vector.count * sizeof *member->good);
  member->loss = member->norm = 0;
  member->counted = 0;
}

static void keep_best(BlurMeta *meta, const double *genome, double of_score, int64_t step) {
  if (genome != meta->best) memcpy(meta->best, genome, meta->vector.count * sizeof *genome);
  meta->best_score = of_score;
  meta->best_unroll = meta->unroll;
  meta->best_step = step;
}

bool meta_check(BlurMeta *meta, size_t *best, BlurStatus *status) {
  size_t population = (size_t)meta->options.population;
  const double **genome = calloc(population + 1, sizeof *genome);
  double *scores = calloc(population + 1, sizeof *scores);
  bool right = genome && scores;
  if (!right) status_fail_memory(status, "a check", (double)population * 16);
  for (size_t m = 0; right && m < population; m++) genome[m] = meta->members[m].genome;
  // A score after fewer steps of learning cannot be compared: the best so far is scored again.
  bool again = meta->best_unroll > 0 && meta->best_unroll != meta->unroll;
  if (right) genome[population] = meta->best;
  right = right && score(meta, population + again, genome, scores, status);
  if (right) {
    *best = 0;
    for (size_t m = 0; m < population; m++) {
      tell_member(meta, m, scores[m]);
      if (scores[m] > scores[*best]) *best = m;
    }
    if (again) keep_best(meta, meta->best, scores[population], meta->best_step);
    bool is_best = meta->best_unroll == 0 || scores[*best] > meta->best_score;
    if (is_best) keep_best(meta, genome[*best], scores[*best], meta->step);
  }
  free(genome);
  free(scores);
  return right;
}

// ---- tests

bool blur_meta_test(BlurMeta *meta, const double *genome, const BlurMetaTest *test, double *scores, double *losses,
                    BlurStatus *status) {
  size_t networks = (size_t)test->networks, count = test->tasks * networks;
  Trial *trials = calloc(count + 1, sizeof *trials);
  if (!trials) return status_fail_memory(status, "a test", (double)count * sizeof *trials);
  for (size_t i = 0; i < count; i++)
    trials[i] = (Trial){.task = &test->task[i / networks],
                        .genome = genome,
                        .seed = meta_key(meta, DRAW_TEST, i % networks),
                        .part = BLUR_TEST};
  bool right = meta_run_trials(meta, trials, count, test->steps, status);
  for (size_t i = 0; i < count; i++) {
    scores[i] = trials[i].score;
    losses[i] = trials[i].loss;
  }
  free(trials);
  return right;
}
