// Gradients of a genome without derivatives: losses of networks whose genomes are moved to both sides by normal numbers
// e of deviation s, e (L(g + e) - L(g - e)) / 2 s^2, on the same initial synapses, batches and noise.
//
//   es    the whole unroll in each meta-step
//   pes   a window of it in each, the moved networks live on; the sum of all e of theirs so far takes the place of e
//         (persistent evolution strategies, Vicol, Metz and Sohl-Dickstein 2021, eq. 9)
//   nres  as pes, but one e for the whole life of two networks (noise-reusing evolution strategies, Li et al. 2023)
//
// All three are gradients of the objective smoothed by the normal distribution; windows are as many times larger as
// there are windows, so that their mean over an unroll is that of es. Networks that live on begin at different windows:
// the first life of each is shorter. Numbers are moved as the optimizer sees them, within their ranges.
#include "runtime/meta/perturb.h"
#include "base/philox.h"
#include "base/status.h"
#include "runtime/meta/meta.h"
#include "runtime/meta/unroll.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- networks that live on

static int64_t window_of(const BlurMeta *meta) {
  int64_t window = meta->options.window ? meta->options.window : (meta->unroll + 9) / 10;
  return window < meta->unroll ? window : meta->unroll;
}

static int64_t windows_of(const BlurMeta *meta) { return (meta->unroll + window_of(meta) - 1) / window_of(meta); }

static size_t job_count(const BlurMeta *meta) {
  return (size_t)(meta->options.population * meta->options.replicas) * meta->setup.tasks;
}

static size_t task_of(const BlurMeta *meta, size_t job) {
  size_t replicas = (size_t)meta->options.replicas;
  return job % (meta->setup.tasks * replicas) / replicas;
}

bool perturb_open(BlurMeta *meta, BlurStatus *status) {
  size_t pairs = (size_t)meta->options.pairs, count = job_count(meta) * pairs, numbers = meta->vector.count;
  perturb_close(meta);
  meta->cost.steps = 2.0 * (double)count * (double)meta->unroll;
  if (meta->options.gradient == BLUR_META_ES) return true;
  meta->cost.steps = 2.0 * (double)count * (double)window_of(meta);
  meta->life = calloc(count, sizeof *meta->life);
  if (!meta->life) return status_fail_memory(status, "networks that live on", (double)count * sizeof *meta->life);
  meta->lives = count;
  for (size_t i = 0; i < count; i++) {
    size_t bytes = meta->desk[0].station[task_of(meta, i / pairs)].unroll->state.bytes;
    Life *life = &meta->life[i];
    life->bytes = bytes;
    life->state = calloc(2 * bytes + 1, 1);
    life->moved = calloc(numbers, sizeof *life->moved);
    if (!life->state || !life->moved)
      return status_fail_memory(status, "networks that live on", 2 * (double)bytes * (double)count);
    int64_t windows = 1 + (int64_t)i % windows_of(meta);
    life->end = windows < windows_of(meta) ? windows * window_of(meta) : meta->unroll;
    meta->cost.bytes += 2 * bytes + numbers * sizeof *life->moved;
  }
  return true;
}

void perturb_close(BlurMeta *meta) {
  for (size_t i = 0; i < meta->lives; i++) {
    free(meta->life[i].state);
    free(meta->life[i].moved);
  }
  free(meta->life);
  meta->life = NULL;
  meta->lives = 0;
}

static void end_life(const BlurMeta *meta, Life *life) {
  life->at = 0;
  life->number++;
  life->end = meta->unroll;
  memset(life->moved, 0, meta->vector.count * sizeof *life->moved);
}

// ---- a pair

static double run_window(const Place *place, int64_t from, int64_t to) {
  BlurUnroll *unroll = place->station->unroll;
  BlurNetwork *network = place->station->network;
  double loss = 0;
  for (int64_t step = from; step < to; step++) {
    meta_put_batch((void *)(uintptr_t)place, network, step);
    blur_network_step(network);
    if (unroll_counts(unroll, step + 1))
      loss += unroll_query(unroll, meta_put_batch, (void *)(uintptr_t)place, step + 1, 0);
  }
  return loss;
}

typedef struct {
  uint64_t seed, key; // of the networks, of the moves
  Life *life;         // NULL: they live no longer than this
  int64_t from, to;
} Pair;

static Pair pair_of(const BlurMeta *meta, size_t job, size_t pair) {
  size_t index = job * (size_t)meta->options.pairs + pair, jobs = job_count(meta);
  if (!meta->life) {
    size_t number = (size_t)meta->step * jobs + job;
    return (Pair){meta_key(meta, DRAW_UNROLL, number), philox_mix(meta_key(meta, DRAW_MOVES, number), pair), NULL, 0,
                  meta->unroll};
  }
  Life *life = &meta->life[index];
  uint64_t number = (uint64_t)life->number << 24 ^ (uint64_t)meta->unroll;
  int64_t to = life->at + window_of(meta);
  Pair made = {philox_mix(meta_key(meta, DRAW_LIFE, index), number),
               philox_mix(meta_key(meta, DRAW_MOVES, index), number), life, life->at,
               to < meta->unroll ? to : meta->unroll};
  if (meta->options.gradient == BLUR_META_PES) made.key = philox_mix(made.key, (uint64_t)life->at);
  return made;
}

// Both losses of a pair; false: a failure that ends the run.
static bool run_pair(const Place *place, size_t member, const Pair *pair, double loss[2], BlurStatus *status) {
  const BlurMeta *meta = place->meta;
  BlurNetwork *network = place->station->network;
  if (pair->from > 0) meta_begin_batches(place, pair->seed);
  perturb_draw(&meta->vector, pair->key, meta->options.deviation, place->desk->moves);
  for (int side = 0; side < 2; side++) {
    char *state = pair->life ? pair->life->state + (size_t)side * pair->life->bytes : NULL;
    perturb_move(&meta->vector, meta->members[member].genome, place->desk->moves, side ? -1 : 1, place->desk->moved,
                 place->desk->genome);
    if (pair->from == 0) {
      if (!meta_begin_network(place, pair->seed, status) ||
          !genome_vector_set(&meta->vector, network, place->desk->genome, status))
        return false;
    } else {
      network_set_seed(network, pair->seed);
      unroll_copy(place->station->unroll, state, false);
      blur_network_set_steps(network, pair->from);
      genome_vector_put(&meta->vector, network, place->desk->genome);
    }
    loss[side] = run_window(place, pair->from, pair->to);
    if (state) unroll_copy(place->station->unroll, state, true);
  }
  return true;
}

bool perturb_run(BlurMeta *meta, const Place *place, size_t member, size_t job, BlurStatus *status) {
  size_t count = meta->vector.count;
  double *moves = place->desk->moves, *gradient = meta->gradient + job * count, pairs = (double)meta->options.pairs,
         mean = 0;
  double scale = meta->life ? (double)windows_of(meta) : 1, deviation = meta->options.deviation;
  memset(gradient, 0, count * sizeof *gradient);
  for (int64_t p = 0; p < meta->options.pairs; p++) {
    Pair pair = pair_of(meta, job, (size_t)p);
    double loss[2];
    if (!run_pair(place, member, &pair, loss, status)) return false;
    double share = scale * (loss[0] - loss[1]) / (2 * deviation * deviation * pairs);
    mean += scale * (loss[0] + loss[1]) / (2 * pairs);
    if (pair.life && meta->options.gradient == BLUR_META_PES)
      for (size_t i = 0; i < count; i++) moves[i] = pair.life->moved[i] += moves[i];
    for (size_t i = 0; i < count; i++) gradient[i] += share * moves[i];
    if (!pair.life) continue;
    pair.life->at = pair.to;
    if (pair.to >= pair.life->end || !isfinite(share)) end_life(meta, pair.life);
  }
  meta->loss[job] = mean; // NaN or infinite: the genome's meta-step is left out
  return true;
}
