// The gradients of a meta-step: networks are jobs that threads take one after the other, each thread at a desk of its
// own with a network of every task. Where there are fewer networks than threads, each is computed by several.
#include "base/status.h"
#include "runtime/meta/meta.h"
#include "runtime/meta/unroll.h"
#include "runtime/parallel/pool.h"
#include "runtime/train/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const size_t meta_kept_bytes = (size_t)4 << 20; // what a cache may hold

// ---- desks

static bool open_station(const BlurMeta *meta, const Desk *desk, size_t task, Station *station, BlurStatus *status) {
  const BlurMetaTask *of = &meta->setup.task[task];
  int64_t batch = blur_program_batch(of->program);
  const int64_t *units;
  int layers = blur_program_layers(of->program, &units);
  station->outputs = units[layers - 1];
  station->network = blur_network_create(of->program, desk->pool, 0, status);
  station->data = station->network ? blur_data_draw(of->data, 0, status) : NULL;
  if (!station->data || !stream_open(&station->stream, station->data, batch, status)) return false;
  station->rows = calloc((size_t)batch, sizeof *station->rows);
  if (!station->rows) return status_fail_memory(status, "a batch", (double)batch * sizeof(int64_t));
  bool several = meta->options.optimizer == BLUR_META_CMA || meta->options.gradient != BLUR_META_ADJOINT;
  station->fresh = several ? malloc(station->network->memory_bytes) : NULL;
  if (several && !station->fresh)
    return status_fail_memory(status, "a network", (double)station->network->memory_bytes);
  return training_fits(station->network, station->data, of->loss, status);
}

static bool open_desk(const BlurMeta *meta, Desk *desk, int threads, BlurStatus *status) {
  desk->pool = blur_pool_create(threads, status);
  if (!desk->pool) return false;
  desk->station = calloc(meta->setup.tasks, sizeof *desk->station);
  if (!desk->station) return status_fail_memory(status, "networks", (double)meta->setup.tasks * sizeof *desk->station);
  size_t count = meta->vector.count;
  desk->moves = calloc(3 * count, sizeof *desk->moves);
  if (!desk->moves) return status_fail_memory(status, "genomes", 3 * (double)count * sizeof *desk->moves);
  desk->moved = desk->moves + count;
  desk->genome = desk->moved + count;
  for (size_t task = 0; task < meta->setup.tasks; task++)
    if (!open_station(meta, desk, task, &desk->station[task], status)) return false;
  return true;
}

bool meta_open_desks(BlurMeta *meta, BlurStatus *status) {
  bool is_search = meta->options.optimizer == BLUR_META_CMA;
  size_t genomes = is_search ? search_candidates(meta) : (size_t)meta->options.population,
         jobs = genomes * (size_t)meta->options.replicas * meta->setup.tasks;
  int threads;
  meta->pool = pool_for_jobs(meta->setup.threads, jobs, &threads, status);
  if (!meta->pool) return false;
  size_t desks = (size_t)blur_pool_threads(meta->pool);
  meta->cost.threads = threads;
  meta->cost.at_once = (int)desks;
  meta->desk = calloc(desks, sizeof *meta->desk);
  if (!meta->desk) return status_fail_memory(status, "threads", (double)desks * sizeof *meta->desk);
  for (meta->desks = 0; meta->desks < desks; meta->desks++)
    if (!open_desk(meta, &meta->desk[meta->desks], threads / (int)desks, status)) {
      meta->desks++; // as far as it came
      return false;
    }
  return true;
}

void meta_close_desks(BlurMeta *meta) {
  for (size_t d = 0; d < meta->desks; d++) {
    Desk *desk = &meta->desk[d];
    for (size_t task = 0; desk->station && task < meta->setup.tasks; task++) {
      Station *station = &desk->station[task];
      blur_unroll_destroy(station->unroll);
      blur_network_destroy(station->network);
      batch_memory_close(&station->kept);
      stream_close(&station->stream);
      blur_data_destroy(station->data);
      free(station->rows);
      free(station->fresh);
      free(station->values);
    }
    free(desk->station);
    free(desk->moves);
    blur_pool_destroy(desk->pool);
  }
  free(meta->desk);
  blur_pool_destroy(meta->pool);
}

// Whether what is asked for is enough for all that run at a time, each of which has the same share.
static bool memory_is_enough(const BlurMeta *meta, BlurStatus *status) {
  size_t networks = meta->desks * meta->setup.tasks, most = 0;
  for (size_t task = 0; task < meta->setup.tasks; task++) {
    BlurUnroll *least = unroll_create(meta->desk[0].station[task].network, NULL, meta->unroll, 0, 1, status);
    if (!least) return false;
    size_t bytes = blur_unroll_cost(least).least_bytes;
    most = bytes > most ? bytes : most;
    blur_unroll_destroy(least);
  }
  return meta->setup.memory >= most * networks ||
         status_fail(
             status, BLUR_FAILED_INPUT,
             "%zu bytes are too little memory for this run: %zu network%s at hand, with one snapshot each, need %zu",
             meta->setup.memory, networks, networks == 1 ? "" : "s", most * networks);
}

bool meta_make_unrolls(BlurMeta *meta, BlurStatus *status) {
  if (meta->options.optimizer == BLUR_META_CMA) return fit_open(meta, status);
  bool reversed = meta->options.gradient == BLUR_META_ADJOINT;
  size_t share = meta->setup.memory / (meta->desks * meta->setup.tasks);
  meta->cost.bytes = 0;
  meta->cost.steps = 0;
  meta->batches = 2 * meta->unroll + 1;
  if (meta->setup.memory && !memory_is_enough(meta, status)) return false;
  for (size_t d = 0; d < meta->desks; d++)
    for (size_t task = 0; task < meta->setup.tasks; task++) {
      Station *station = &meta->desk[d].station[task];
      blur_unroll_destroy(station->unroll);
      station->unroll = unroll_create(station->network, NULL, meta->unroll, share, reversed ? meta->unroll : 1, status);
      if (!station->unroll ||
          !blur_unroll_set_objective(station->unroll, meta->options.at_every, meta->options.at_from, status))
        return false;
      batch_memory_close(&station->kept);
      if (!batch_memory_open(&station->kept, station->network, meta->unroll + 1, meta_kept_bytes, status)) return false;
      station->is_drawn = false;
      BlurUnrollCost cost = blur_unroll_cost(station->unroll);
      meta->cost.bytes += cost.bytes + (station->fresh ? station->network->memory_bytes : 0);
      if (d == 0) meta->cost.steps += cost.steps * (double)(meta->options.population * meta->options.replicas);
    }
  return reversed || perturb_open(meta, status);
}

// ---- one network

void meta_begin_batches(const Place *place, uint64_t seed) {
  Station *station = place->station;
  station->is_drawn = false;
  blur_data_redraw(station->data, seed);
  stream_begin(&station->stream, seed, place->meta->batches);
  batch_memory_clear(&station->kept);
}

bool meta_begin_network(const Place *place, uint64_t seed, BlurStatus *status) {
  Station *station = place->station;
  BlurNetwork *network = station->network;
  if (station->is_drawn && station->drawn == seed) {
    memcpy(network->memory, station->fresh, network->memory_bytes);
    network_set_seed(network, seed);
    blur_network_set_steps(network, 0);
    return true;
  }
  meta_begin_batches(place, seed);
  if (!blur_network_reset(network, seed, status)) return false;
  if (!station->fresh) return true;
  memcpy(station->fresh, network->memory, network->memory_bytes);
  station->drawn = seed;
  station->is_drawn = true;
  return true;
}

void meta_gather(const Place *place, int64_t number) {
  Station *station = place->station;
  BlurNetwork *network = station->network;
  if (batch_memory_put(&station->kept, network, number)) return;
  stream_rows(&station->stream, number, station->rows);
  Batch batch = {network, station->data, BLUR_TRAIN, station->rows, station->stream.batch, station->outputs};
  if (blur_pool_threads(place->desk->pool) == 1) batch_gather(&batch, 0, 1);
  else blur_pool_run(place->desk->pool, batch_gather, &batch);
  batch_memory_keep(&station->kept, network, number);
}

// Number n < T: the batch of step n. 2 T - n: that of the query after n steps, a fresh one or the one that the step
// before learned from.
void meta_put_batch(void *context, BlurNetwork *network, int64_t number) {
  const Place *place = context;
  (void)network; // it is the station's
  if (number >= place->meta->unroll && place->meta->options.on_train) number = 2 * place->meta->unroll - number - 1;
  meta_gather(place, number);
}

static bool run_network(BlurMeta *meta, const Desk *desk, size_t job, BlurStatus *status) {
  size_t replicas = (size_t)meta->options.replicas, tasks = meta->setup.tasks, jobs_of_member = tasks * replicas;
  size_t member = job / jobs_of_member, task = job % jobs_of_member / replicas;
  size_t jobs = jobs_of_member * (size_t)meta->options.population;
  Station *station = &desk->station[task];
  uint64_t seed = meta_key(meta, DRAW_UNROLL, (uint64_t)meta->step * jobs + job);
  meta->loss[job] = NAN;
  if (meta->told[member].lost) return true;
  Place place = {meta, desk, station};
  if (meta->options.gradient != BLUR_META_ADJOINT) return perturb_run(meta, &place, member, job, status);
  if (!meta_begin_network(&place, seed, status) ||
      !genome_vector_set(&meta->vector, station->network, meta->members[member].genome, status))
    return false;
  double loss;
  BlurStatus diverged = {0};
  if (!blur_unroll_run(station->unroll, meta_put_batch, &place, &loss, &diverged)) {
    if (diverged.code == BLUR_DIVERGED) return true;
    if (status) *status = diverged;
    return false;
  }
  meta->loss[job] = loss;
  return genome_vector_gradient(&meta->vector, station->network, meta->gradient + job * meta->vector.count, status);
}

// ---- all of them

static void work(void *context, int64_t thread, int64_t threads) {
  BlurMeta *meta = context;
  size_t jobs = (size_t)(meta->options.population * meta->options.replicas) * meta->setup.tasks;
  BlurStatus status = {0};
  (void)threads;
  for (size_t job; (job = atomic_fetch_add(&meta->next, 1)) < jobs;)
    if (!run_network(meta, &meta->desk[thread], job, &status)) meta_fail(meta, &status);
}

bool meta_gradients(BlurMeta *meta, BlurStatus *status) {
  atomic_store(&meta->next, 0);
  blur_pool_run(meta->pool, work, meta);
  if (meta->failed && status) *status = meta->failure;
  return !meta->failed;
}
