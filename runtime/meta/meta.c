// A meta-learning run from its first meta-step to its last: see blur/meta.h. Gradients: meta_step.c, perturb.c; CMA-ES:
// search.c; checks and tests: meta_check.c; how a gradient moves a genome: optimizer.c; its state on disk:
// meta_state.c.
#include "runtime/meta/meta.h"

#include "base/philox.h"
#include "base/status.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

uint64_t meta_key(const BlurMeta *meta, MetaDraw purpose, uint64_t number) {
  return philox_mix(philox_mix(meta->setup.seed, (uint64_t)purpose << 32 | 0x6D657461), number);
}

void meta_fail(BlurMeta *meta, const BlurStatus *status) {
  pthread_mutex_lock(&meta->lock);
  if (!meta->failed) meta->failure = *status;
  meta->failed = true;
  pthread_mutex_unlock(&meta->lock);
}

// ---- telling

void meta_tell(BlurMeta *meta, BlurMetaEvent event) {
  event.step = meta->step;
  event.unroll = meta->unroll;
  event.member = meta->told;
  if (meta->setup.watch) meta->setup.watch(meta->setup.context, &event);
}

// ---- making one

static bool make_member(BlurMeta *meta, size_t m, BlurStatus *status) {
  size_t count = meta->vector.count;
  Member *member = &meta->members[m];
  member->genome = calloc(3 * count + 1, sizeof *member->genome);
  member->optimizer = optimizer_create(count);
  if (!member->genome || !member->optimizer.first)
    return status_fail_memory(status, "a genome", 5 * (double)count * sizeof(double));
  member->good = member->genome + count;
  member->seen = member->good + count;
  meta->told[m] = (BlurMetaMember){NAN, NAN, NAN, 0, false};
  if (meta->setup.start) {
    genome_vector_get(&meta->vector, meta->setup.start, member->genome);
  } else {
    BlurNetwork *network = meta->desk[0].station[0].network;
    if (!blur_network_reset(network, meta_key(meta, DRAW_GENOME, m), status)) return false;
    genome_vector_get(&meta->vector, network, member->genome);
  }
  memcpy(member->good, member->genome, count * sizeof *member->good);
  genome_vector_see(&meta->vector, member->genome, member->seen);
  return true;
}

static bool find_genome(BlurMeta *meta, BlurStatus *status) {
  const BlurMetaSetup *setup = &meta->setup;
  if (!genome_vector_of(&meta->vector, setup->task[0].program, status)) return false;
  meta->cost.genome = meta->vector.learned;
  if (!meta->vector.learned)
    return status_fail(status, BLUR_FAILED_INPUT, "the rule has no genome value that is not frozen: nothing to learn");
  for (size_t t = 1; t < setup->tasks; t++)
    if (!genome_vector_fits(&meta->vector, setup->task[t].program, status)) return false;
  for (size_t t = 0; t < setup->tests; t++)
    for (size_t i = 0; i < setup->test[t].tasks; i++)
      if (!genome_vector_fits(&meta->vector, setup->test[t].task[i].program, status)) return false;
  if (setup->start && !genome_vector_fits(&meta->vector, blur_network_program(setup->start), status)) return false;
  return true;
}

static bool make(BlurMeta *meta, BlurStatus *status) {
  size_t population = (size_t)meta->options.population,
         jobs = population * (size_t)meta->options.replicas * meta->setup.tasks;
  if (!find_genome(meta, status) || !meta_open_desks(meta, status)) return false;
  size_t count = meta->vector.count;
  meta->members = calloc(population, sizeof *meta->members);
  meta->told = calloc(population, sizeof *meta->told);
  meta->best = calloc(count, sizeof *meta->best);
  meta->loss = calloc(jobs, sizeof *meta->loss);
  meta->gradient = calloc(jobs * count, sizeof *meta->gradient);
  if (!meta->members || !meta->told || !meta->best || !meta->loss || !meta->gradient)
    return status_fail_memory(status, "the gradients", (double)(jobs * count) * sizeof(double));
  for (size_t m = 0; m < population; m++)
    if (!make_member(meta, m, status)) return false;
  memcpy(meta->best, meta->members[0].genome, count * sizeof *meta->best);
  if (meta->options.optimizer == BLUR_META_CMA && !search_open(meta, status)) return false;
  meta->unroll = meta->options.unroll_last; // the cost is that of the longest
  return meta_make_unrolls(meta, status);
}

BlurMeta *blur_meta_create(const BlurMetaSetup *setup, BlurStatus *status) {
  const BlurMetaOptions *options = setup->options;
  if (setup->tasks < 1 || options->population < 1 || options->replicas < 1 || options->steps < 1 ||
      options->every < 1 || (options->gradient && (options->pairs < 1 || !(options->deviation > 0))) ||
      options->networks < 1 || options->unroll_first < 1 || options->unroll_last < options->unroll_first) {
    status_fail(status, BLUR_FAILED_USAGE,
                "meta-learning takes at least one task, genome, replica, meta-step, and step of an unroll");
    return NULL;
  }
  BlurMeta *meta = calloc(1, sizeof *meta);
  if (!meta) {
    status_fail_memory(status, "meta-learning", sizeof *meta);
    return NULL;
  }
  meta->setup = *setup;
  meta->options = *options;
  meta->best_score = NAN;
  pthread_mutex_init(&meta->lock, NULL);
  if (make(meta, status)) return meta;
  blur_meta_destroy(meta);
  return NULL;
}

void blur_meta_destroy(BlurMeta *meta) {
  if (!meta) return;
  perturb_close(meta);
  search_close(meta);
  meta_close_desks(meta);
  for (int64_t m = 0; meta->members && m < meta->options.population; m++) {
    free(meta->members[m].genome);
    optimizer_destroy(&meta->members[m].optimizer);
  }
  genome_vector_destroy(&meta->vector);
  free(meta->members);
  free(meta->told);
  free(meta->best);
  free(meta->loss);
  free(meta->gradient);
  pthread_mutex_destroy(&meta->lock);
  free(meta);
}

BlurMetaCost blur_meta_cost(const BlurMeta *meta) { return meta->cost; }
void blur_meta_interrupt(BlurMeta *meta) { atomic_store(&meta->interrupted, true); }
bool blur_meta_interrupted(const BlurMeta *meta) { return atomic_load(&meta->interrupted); }

BlurMetaBest blur_meta_best(const BlurMeta *meta) {
  return (BlurMetaBest){meta->best, meta->best_step, meta->best_unroll, meta->best_score};
}

const BlurEvolution *blur_meta_evolution(const BlurMeta *meta) { return meta->search.evolution; }

const double *blur_meta_genome(const BlurMeta *meta, size_t member) { return meta->members[member].genome; }

void blur_meta_to_network(const BlurMeta *meta, const double *genome, BlurNetwork *network) {
  genome_vector_set(&meta->vector, network, genome, NULL);
}

// ---- a meta-step

// The mean gradient over a member's networks, by its numbers as they are seen; false: not finite.
static bool mean_gradient(const BlurMeta *meta, size_t m, double *loss, double *gradient) {
  size_t count = meta->vector.count, networks = meta->setup.tasks * (size_t)meta->options.replicas;
  bool is_finite = true;
  *loss = 0;
  memset(gradient, 0, count * sizeof *gradient);
  for (size_t n = m * networks; n < (m + 1) * networks; n++) {
    is_finite = is_finite && isfinite(meta->loss[n]);
    *loss += meta->loss[n] / (double)networks;
    for (size_t i = 0; is_finite && i < count; i++) gradient[i] += meta->gradient[n * count + i] / (double)networks;
  }
  if (is_finite && meta->options.gradient == BLUR_META_ADJOINT)
    genome_vector_see_gradient(&meta->vector, meta->members[m].genome, gradient);
  for (size_t i = 0; is_finite && i < count; i++) is_finite = isfinite(gradient[i]);
  return is_finite;
}

static void move(BlurMeta *meta, size_t m, double loss, double *gradient) {
  Member *member = &meta->members[m];
  size_t count = meta->vector.count;
  double norm = optimizer_clip(meta->options.clip, count, gradient);
  optimizer_step(&member->optimizer, &meta->options, optimizer_rate(&meta->options, meta->step), count, gradient,
                 member->seen);
  genome_vector_unsee(&meta->vector, member->seen, member->genome);
  genome_vector_see(&meta->vector, member->genome, member->seen); // within the ranges
  member->loss += loss;
  member->norm += norm;
  member->counted++;
  member->bad = 0;
  member->restarted = false;
}

// A genome begins anew at given numbers.
static void place(BlurMeta *meta, size_t m, const double *genome) {
  Member *member = &meta->members[m];
  if (genome != member->genome) memcpy(member->genome, genome, meta->vector.count * sizeof *genome);
  genome_vector_see(&meta->vector, member->genome, member->seen);
  optimizer_reset(&member->optimizer, meta->vector.count);
  member->bad = 0;
}

static void skip(BlurMeta *meta, size_t m) {
  Member *member = &meta->members[m];
  meta->told[m].skipped++;
  if (++member->bad < meta->options.patience) return;
  if (member->restarted || meta->options.policy == BLUR_META_STOP) {
    meta->told[m].lost = true;
    return;
  }
  place(meta, m, meta->options.policy == BLUR_META_SKIP || meta->best_unroll == 0 ? member->good : meta->best);
  member->restarted = true;
  meta_tell(meta, (BlurMetaEvent){.kind = BLUR_META_RESTARTED, .which = m});
}

static bool all_lost(const BlurMeta *meta) {
  for (int64_t m = 0; m < meta->options.population; m++) {
    if (!meta->told[m].lost) return false;
    if (meta->options.policy == BLUR_META_STOP) return true;
  }
  return true;
}

static bool meta_step(BlurMeta *meta, double *gradient, BlurStatus *status) {
  bool is_search = meta->search.evolution != NULL;
  if (is_search ? !search_step(meta, status) : !meta_gradients(meta, status)) return false;
  for (size_t m = 0; !is_search && m < (size_t)meta->options.population; m++) {
    double loss;
    if (meta->told[m].lost) continue;
    if (mean_gradient(meta, m, &loss, gradient)) move(meta, m, loss, gradient);
    else skip(meta, m);
  }
  meta->step++;
  meta_tell(meta, (BlurMetaEvent){.kind = BLUR_META_STEPPED});
  if (is_search) search_tell_end(meta);
  return true;
}

// ---- the run

static int64_t unroll_at(const BlurMetaOptions *options, int64_t step) {
  if (options->unroll_every < 1 || options->unroll_by < 1) return options->unroll_first;
  int64_t longer = options->unroll_first + step / options->unroll_every * options->unroll_by;
  return longer < options->unroll_last ? longer : options->unroll_last;
}

static bool check(BlurMeta *meta, BlurStatus *status) {
  if (meta->search.evolution && meta->step > 0 && !search_look_at_mean(meta, status)) return false;
  if (!meta_check(meta, &meta->chosen, status)) return false;
  meta->checked = meta->step;
  meta_tell(meta, (BlurMetaEvent){
                      .kind = BLUR_META_CHECKED, .which = meta->chosen, .is_best = meta->best_step == meta->step});
  return true;
}

// The unroll becomes longer: all genomes become the best one, with its moments. Their networks differ from here on.
static bool lengthen(BlurMeta *meta, int64_t unroll, BlurStatus *status) {
  size_t best = meta->chosen;
  const Member *from = &meta->members[best];
  for (size_t m = 0; m < (size_t)meta->options.population; m++) {
    Member *member = &meta->members[m];
    size_t bytes = meta->vector.count * sizeof *member->genome;
    if (m == best) continue;
    memcpy(member->genome, from->genome, bytes);
    memcpy(member->seen, from->seen, bytes);
    memcpy(member->good, from->good, bytes);
    optimizer_copy(&member->optimizer, &from->optimizer, meta->vector.count);
    member->bad = 0;
    member->restarted = meta->told[m].lost = false;
  }
  meta->unroll = unroll;
  meta_tell(meta, (BlurMetaEvent){.kind = BLUR_META_LONGER, .which = best});
  return meta_make_unrolls(meta, status);
}

static bool run_test(BlurMeta *meta, size_t t, BlurStatus *status) {
  const BlurMetaTest *test = &meta->setup.test[t];
  size_t count = test->tasks * (size_t)test->networks;
  double *score = calloc(2 * count + 1, sizeof *score);
  if (!score) return status_fail_memory(status, "a test", 2 * (double)count * sizeof *score);
  bool right = blur_meta_test(meta, meta->best, test, score, score + count, status);
  if (right)
    meta_tell(meta, (BlurMetaEvent){.kind = BLUR_META_TESTED, .which = t, .score = score, .loss = score + count});
  free(score);
  return right;
}

static bool is_at_end(const BlurMeta *meta) {
  return meta->step >= meta->options.steps || (meta->search.evolution && search_is_done(meta));
}

// Those that are due at this meta-step and not done.
static bool run_tests(BlurMeta *meta, BlurStatus *status) {
  for (; meta->tested < meta->setup.tests && !blur_meta_interrupted(meta); meta->tested++) {
    int64_t every = meta->setup.test[meta->tested].every;
    bool due = is_at_end(meta) || (every > 0 && meta->step % every == 0);
    if (due && !run_test(meta, meta->tested, status)) return false;
  }
  return true;
}

static bool begin(BlurMeta *meta, BlurStatus *status) {
  int64_t first = unroll_at(&meta->options, 0);
  if (first != meta->unroll) { // they are those of the longest
    meta->unroll = first;
    if (!meta_make_unrolls(meta, status)) return false;
  }
  meta->tested = meta->setup.tests;
  meta->begun = true;
  return check(meta, status);
}

// A meta-step and what is due around it, tests apart.
static bool go_on(BlurMeta *meta, double *gradient, BlurStatus *status) {
  const BlurMetaOptions *options = &meta->options;
  int64_t unroll = unroll_at(options, meta->step);
  if (unroll > meta->unroll) {
    if (meta->checked != meta->step && !check(meta, status)) return false;
    if (!lengthen(meta, unroll, status)) return false;
  }
  if (!meta_step(meta, gradient, status)) return false;
  meta->tested = 0;
  if (all_lost(meta))
    return status_fail(status, BLUR_DIVERGED,
                       "diverged: by meta-step %" PRId64 " no genome has had a finite gradient for %" PRId64
                       " meta-steps; the best one so far is kept, of meta-step %" PRId64
                       "; try a lower rate or a shorter unroll",
                       meta->step, options->patience, meta->best_step);
  bool due = meta->step % options->every == 0 || is_at_end(meta);
  return !due || check(meta, status);
}

static bool run(BlurMeta *meta, double *gradient, BlurStatus *status) {
  const BlurMetaSetup *setup = &meta->setup;
  if (!meta->begun && !begin(meta, status)) return false;
  for (;;) {
    if (!run_tests(meta, status)) return false;
    bool ends = blur_meta_interrupted(meta) || is_at_end(meta) || (setup->stop > 0 && meta->step >= setup->stop);
    if (setup->rest && !setup->rest(setup->context, meta->step, ends, status)) return false;
    if (ends) return true;
    if (!go_on(meta, gradient, status)) return false;
  }
}

bool blur_meta_run(BlurMeta *meta, BlurStatus *status) {
  double *gradient = calloc(meta->vector.count, sizeof *gradient);
  if (!gradient) return status_fail_memory(status, "a gradient", (double)meta->vector.count * sizeof *gradient);
  bool right = run(meta, gradient, status);
  free(gradient);
  return right;
}
