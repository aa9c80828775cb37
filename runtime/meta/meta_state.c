// The state of a meta-learning run between two meta-steps, into a checkpoint and back: docs/language/checkpoints.md has
// the arrays. What a meta-step draws (networks, batches, noise) follows from the seed and its number, so that seed and
// number are all there is to keep of it.
#include "base/status.h"
#include "base/text.h"
#include "runtime/meta/meta.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- whose it is

static void fact(BlurCheckpoint *checkpoint, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void fact(BlurCheckpoint *checkpoint, const char *name, const char *format, ...) {
  char value[400];
  va_list list;
  va_start(list, format);
  vsnprintf(value, sizeof value, format, list);
  va_end(list);
  blur_checkpoint_fact(checkpoint, BLUR_FACT_BINDING, name, value);
}

static void fact_number(BlurCheckpoint *checkpoint, const char *name, double value) {
  Text text = {0};
  text_add_number(&text, value);
  blur_checkpoint_fact(checkpoint, BLUR_FACT_BINDING, name, text_get(&text));
  text_free(&text);
}

static void fact_count(BlurCheckpoint *checkpoint, const char *name, int64_t value) {
  fact(checkpoint, name, "%" PRId64, value);
}

static void describe_task(BlurCheckpoint *checkpoint, const BlurMetaTask *task, size_t number) {
  const int64_t *units;
  int layers = blur_program_layers(task->program, &units);
  char name[32], net[256] = "";
  for (int i = 0; i < layers; i++) {
    size_t used = strlen(net);
    snprintf(net + used, sizeof net - used, "%s%" PRId64, i ? "-" : "", units[i]);
  }
  snprintf(name, sizeof name, "task %zu", number + 1);
  fact(checkpoint, name, "%s on %s with %s", blur_data_name(task->data), net, blur_loss_name(task->loss));
}

void blur_meta_describe(const BlurMeta *meta, BlurCheckpoint *checkpoint) {
  static const char *const optimizers[] = {"adam", "rmsprop", "sgd", "cma"};
  static const char *const restarts[] = {"none", "ipop", "bipop"};
  static const char *const schedules[] = {"constant", "linear", "cosine"};
  static const char *const gradients[] = {"adjoint", "es", "pes", "nres"};
  static const char *const policies[] = {"skip", "restart", "stop"};
  const BlurMetaOptions *o = &meta->options;
  fact(checkpoint, "seed", "%" PRIu64, meta->setup.seed);
  fact(checkpoint, "equations", "%016" PRIx64, blur_program_rule_hash(meta->setup.task[0].program));
  for (size_t t = 0; t < meta->setup.tasks; t++) describe_task(checkpoint, &meta->setup.task[t], t);
  fact(checkpoint, "meta", "%s", optimizers[o->optimizer]);
  fact_number(checkpoint, "meta.lr", o->rate);
  fact_number(checkpoint, "meta.b1", o->beta1);
  fact_number(checkpoint, "meta.b2", o->beta2);
  fact_number(checkpoint, "meta.eps", o->epsilon);
  fact_number(checkpoint, "meta.momentum", o->momentum);
  fact_number(checkpoint, "meta.clip", o->clip);
  fact(checkpoint, "meta.gradient", "%s", gradients[o->gradient]);
  if (o->gradient != BLUR_META_ADJOINT) {
    fact_number(checkpoint, "meta.deviation", o->deviation);
    fact_count(checkpoint, "meta.pairs", o->pairs);
    fact_count(checkpoint, "meta.window", o->window);
  }
  if (o->optimizer == BLUR_META_CMA) {
    fact_number(checkpoint, "meta.sigma", o->sigma);
    fact_count(checkpoint, "meta.candidates", o->candidates);
    fact(checkpoint, "meta.scale", "%s", o->scale_one ? "one" : "start");
    fact(checkpoint, "meta.covariance", "%s", o->diagonal ? "diagonal" : "full");
    fact(checkpoint, "meta.restarts", "%s", restarts[o->restarts]);
    fact_count(checkpoint, "meta.most_restarts", o->most_restarts);
    fact_count(checkpoint, "meta.run_steps", o->run_steps);
    fact(checkpoint, "meta.noise", "%s", o->noise ? "measured" : "ignored");
    fact(checkpoint, "objective of", "%s", o->of_accuracy ? "accuracy" : "loss");
    fact_count(checkpoint, "objective.batches", o->queries);
  }
  fact(checkpoint, "meta.schedule", "%s", schedules[o->schedule]);
  fact_count(checkpoint, "meta.warmup", o->warmup);
  fact_number(checkpoint, "meta.last", o->last);
  // A constant rate does not know the last meta-step, so that such a run can be made longer.
  if (o->schedule != BLUR_META_CONSTANT) fact_count(checkpoint, "meta.steps", o->steps);
  fact_count(checkpoint, "meta.population", o->population);
  fact_count(checkpoint, "meta.replicas", o->replicas);
  fact_count(checkpoint, "meta.batch", o->batch);
  fact_count(checkpoint, "meta.every", o->every);
  fact_count(checkpoint, "meta.networks", o->networks);
  fact(checkpoint, "meta.nan", "%s", policies[o->policy]);
  fact_count(checkpoint, "meta.patience", o->patience);
  fact(checkpoint, "unroll", "%" PRId64 " .. %" PRId64 " by %" PRId64 " every %" PRId64, o->unroll_first,
       o->unroll_last, o->unroll_by, o->unroll_every);
  fact(checkpoint, "objective", "at every %" PRId64 " from %" PRId64 " on %s", o->at_every, o->at_from,
       o->on_train ? "train" : "query");
  fact(checkpoint, "precision", "%s", meta->desk[0].station[0].network->element == 4 ? "float" : "double");
  blur_checkpoint_fact(checkpoint, BLUR_FACT_MADE_BY, "processor", blur_cpu_name(blur_cpu_best()));
}

// ---- out

// Columns of "meta.run" and, for each genome, of "meta.members".
enum { RUN_STEP, RUN_UNROLL, RUN_CHECKED, RUN_CHOSEN, RUN_TESTED, RUN_SCORE, RUN_BEST_STEP, RUN_BEST_UNROLL, RUN };
enum { OF_MOMENTS, OF_BAD, OF_RESTARTED, OF_LOSS, OF_NORM, OF_COUNTED, OF_TOLD, OF_SKIPPED = OF_TOLD + 3, OF_LOST, OF };

static void run_out(const BlurMeta *meta, double run[RUN]) {
  run[RUN_STEP] = (double)meta->step;
  run[RUN_UNROLL] = (double)meta->unroll;
  run[RUN_CHECKED] = (double)meta->checked;
  run[RUN_CHOSEN] = (double)meta->chosen;
  run[RUN_TESTED] = (double)meta->tested;
  run[RUN_SCORE] = meta->best_score;
  run[RUN_BEST_STEP] = (double)meta->best_step;
  run[RUN_BEST_UNROLL] = (double)meta->best_unroll;
}

static void member_out(const Member *member, const BlurMetaMember *told, double of[OF]) {
  of[OF_MOMENTS] = (double)member->optimizer.steps;
  of[OF_BAD] = (double)member->bad;
  of[OF_RESTARTED] = member->restarted;
  of[OF_LOSS] = member->loss;
  of[OF_NORM] = member->norm;
  of[OF_COUNTED] = (double)member->counted;
  of[OF_TOLD] = told->loss;
  of[OF_TOLD + 1] = told->norm;
  of[OF_TOLD + 2] = told->score;
  of[OF_SKIPPED] = (double)told->skipped;
  of[OF_LOST] = told->lost;
}

// The arrays that have a row of numbers a genome.
enum { GENOMES, GOOD, SEEN, FIRST, SECOND, ARRAYS };
static const char *const array_names[ARRAYS] = {"meta.genomes", "meta.good", "meta.seen", "optimizer.first",
                                                "optimizer.second"};

static double *array_in(const Member *member, int array) {
  double *arrays[ARRAYS] = {member->genome, member->good, member->seen, member->optimizer.first,
                            member->optimizer.second};
  return arrays[array];
}

bool blur_meta_put(const BlurMeta *meta, BlurCheckpoint *checkpoint, BlurStatus *status) {
  size_t population = (size_t)meta->options.population, count = meta->vector.count;
  double *rows = calloc(population * (count > OF ? count : OF), sizeof *rows), run[RUN];
  if (!rows) return status_fail_memory(status, "a checkpoint", (double)(population * count) * sizeof *rows);
  run_out(meta, run);
  blur_checkpoint_put(checkpoint, "meta.run", 1, RUN, run);
  for (size_t m = 0; m < population; m++) member_out(&meta->members[m], &meta->told[m], rows + m * OF);
  blur_checkpoint_put(checkpoint, "meta.members", population, OF, rows);
  for (int a = 0; a < ARRAYS; a++) {
    for (size_t m = 0; m < population; m++)
      memcpy(rows + m * count, array_in(&meta->members[m], a), count * sizeof *rows);
    blur_checkpoint_put(checkpoint, array_names[a], population, count, rows);
  }
  blur_checkpoint_put(checkpoint, "meta.best", 1, count, meta->best);
  free(rows);
  return perturb_put(meta, checkpoint, status) && search_put(meta, checkpoint, status);
}

// ---- back

static bool is_count(double value, int64_t most) {
  return value >= 0 && value <= (double)most && trunc(value) == value;
}

static bool run_back(BlurMeta *meta, const double run[RUN], BlurStatus *status) {
  const BlurMetaOptions *options = &meta->options;
  const int64_t far = (int64_t)1 << 52;
  if (!is_count(run[RUN_STEP], far) || !is_count(run[RUN_CHECKED], far) || !is_count(run[RUN_BEST_STEP], far) ||
      !is_count(run[RUN_UNROLL], options->unroll_last) || run[RUN_UNROLL] < 1 ||
      !is_count(run[RUN_BEST_UNROLL], options->unroll_last) || !is_count(run[RUN_CHOSEN], options->population - 1) ||
      !is_count(run[RUN_TESTED], far))
    return status_fail(status, BLUR_FAILED_INPUT, "the checkpoint is damaged: `meta.run` holds no state of a run");
  if (run[RUN_STEP] > (double)options->steps)
    return status_fail(status, BLUR_FAILED_INPUT,
                       "the checkpoint is of meta-step %.0f, and this run ends at %" PRId64 "; raise meta.steps",
                       run[RUN_STEP], options->steps);
  meta->step = (int64_t)run[RUN_STEP];
  meta->unroll = (int64_t)run[RUN_UNROLL];
  meta->checked = (int64_t)run[RUN_CHECKED];
  meta->chosen = (size_t)run[RUN_CHOSEN];
  meta->tested = (size_t)run[RUN_TESTED];
  meta->best_score = run[RUN_SCORE];
  meta->best_step = (int64_t)run[RUN_BEST_STEP];
  meta->best_unroll = (int64_t)run[RUN_BEST_UNROLL];
  meta->begun = true;
  return true;
}

static void member_back(Member *member, BlurMetaMember *told, const double of[OF]) {
  member->optimizer.steps = (int64_t)of[OF_MOMENTS];
  member->bad = (int64_t)of[OF_BAD];
  member->restarted = of[OF_RESTARTED] != 0;
  member->loss = of[OF_LOSS];
  member->norm = of[OF_NORM];
  member->counted = (int64_t)of[OF_COUNTED];
  *told = (BlurMetaMember){of[OF_TOLD], of[OF_TOLD + 1], of[OF_TOLD + 2], (int64_t)of[OF_SKIPPED], of[OF_LOST] != 0};
}

static bool arrays_back(BlurMeta *meta, const BlurCheckpoint *checkpoint, double *rows, BlurStatus *status) {
  size_t population = (size_t)meta->options.population, count = meta->vector.count;
  for (int a = 0; a < ARRAYS; a++) {
    if (!blur_checkpoint_get(checkpoint, array_names[a], population, count, rows, status)) return false;
    for (size_t m = 0; m < population; m++)
      memcpy(array_in(&meta->members[m], a), rows + m * count, count * sizeof *rows);
  }
  if (!blur_checkpoint_get(checkpoint, "meta.members", population, OF, rows, status)) return false;
  for (size_t m = 0; m < population; m++) member_back(&meta->members[m], &meta->told[m], rows + m * OF);
  return blur_checkpoint_get(checkpoint, "meta.best", 1, count, meta->best, status);
}

bool blur_meta_take(BlurMeta *meta, const BlurCheckpoint *checkpoint, BlurStatus *status) {
  size_t population = (size_t)meta->options.population, count = meta->vector.count;
  double *rows = calloc(population * (count > OF ? count : OF), sizeof *rows), run[RUN];
  if (!rows) return status_fail_memory(status, "a checkpoint", (double)(population * count) * sizeof *rows);
  bool right = blur_checkpoint_get(checkpoint, "meta.run", 1, RUN, run, status) &&
               arrays_back(meta, checkpoint, rows, status) && run_back(meta, run, status) &&
               meta_make_unrolls(meta, status) && perturb_take(meta, checkpoint, status) &&
               search_take(meta, checkpoint, status);
  free(rows);
  return right;
}
