// What a genome is worth: networks from fresh synapses learn by it for an unroll, and the objective is taken of their
// predictions of batches that no step learned from. All candidates of a generation learn on the same: the seed of a
// network is that of the generation, the task and the replica. Jobs are handed out network by network, so that a thread
// draws its data, batches and fresh synapses once for many candidates. Nothing is reversed.
#include "base/status.h"
#include "runtime/meta/meta.h"
#include "runtime/train/batch.h"
#include "runtime/train/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool counts_at(const BlurMeta *meta, int64_t step) {
  const BlurMetaOptions *options = &meta->options;
  if (options->at_every == 0) return step == meta->unroll;
  return step >= options->at_from && step % options->at_every == 0;
}

static int64_t count_of(const BlurMeta *meta) {
  int64_t count = 0;
  for (int64_t step = 1; step <= meta->unroll; step++) count += counts_at(meta, step);
  return count;
}

static int64_t outputs_of(const BlurNetwork *network) {
  const int64_t *units;
  int layers = blur_program_layers(blur_network_program(network), &units);
  return units[layers - 1];
}

bool fit_open(BlurMeta *meta, BlurStatus *status) {
  int64_t counted = count_of(meta), batches = meta->unroll + counted * meta->options.queries;
  if (counted == 0) return status_fail(status, BLUR_FAILED_USAGE, "the objective takes no loss within the unroll");
  size_t networks = meta->setup.tasks * (size_t)meta->options.replicas;
  meta->cost.bytes = 0;
  meta->cost.steps = (double)(search_candidates(meta) * networks) * (double)meta->unroll;
  for (size_t d = 0; d < meta->desks; d++)
    for (size_t t = 0; t < meta->setup.tasks; t++) {
      Station *station = &meta->desk[d].station[t];
      size_t outputs = (size_t)outputs_of(station->network), bytes = station->network->memory_bytes;
      batch_memory_close(&station->kept);
      if (!batch_memory_open(&station->kept, station->network, batches, meta_kept_bytes, status)) return false;
      if (!station->fresh) station->fresh = malloc(bytes);
      if (!station->values)
        station->values = calloc((2 * (size_t)station->stream.batch + 3) * outputs, sizeof *station->values);
      if (!station->fresh || !station->values) return status_fail_memory(status, "networks", (double)bytes);
      station->is_drawn = false;
      meta->cost.bytes += 2 * bytes;
    }
  return true;
}

// ---- one network

typedef struct {
  BlurMeta *meta;
  const Desk *desk;
  Station *station;
  const BlurMetaTask *task;
} Fit;

// As blur_network_reset leaves it for this seed; and the batches that go with it.
static bool begin(const Fit *fit, uint64_t seed, BlurStatus *status) {
  Station *station = fit->station;
  BlurNetwork *network = station->network;
  if (station->is_drawn && station->drawn == seed) {
    memcpy(network->memory, station->fresh, network->memory_bytes);
    network_set_seed(network, seed);
    blur_network_set_steps(network, 0);
    return true;
  }
  station->is_drawn = false;
  if (!blur_network_reset(network, seed, status)) return false;
  memcpy(station->fresh, network->memory, network->memory_bytes);
  blur_data_redraw(station->data, seed);
  stream_begin(&station->stream, seed, fit->meta->unroll + count_of(fit->meta) * fit->meta->options.queries);
  batch_memory_clear(&station->kept);
  station->drawn = seed;
  station->is_drawn = true;
  return true;
}

static void put_batch(const Fit *fit, int64_t number) {
  Station *station = fit->station;
  BlurNetwork *network = station->network;
  stream_rows(&station->stream, number, station->rows);
  if (batch_memory_put(&station->kept, network, number)) return;
  Batch batch = {network, station->data, BLUR_TRAIN, station->rows, station->stream.batch, outputs_of(network)};
  if (blur_pool_threads(fit->desk->pool) == 1) batch_gather(&batch, 0, 1);
  else blur_pool_run(fit->desk->pool, batch_gather, &batch);
  batch_memory_keep(&station->kept, network, number);
}

// The objective of predictions of `batches` from number `first` on; NaN: they are not finite.
static double objective(const Fit *fit, int64_t first, int64_t batches) {
  Station *station = fit->station;
  BlurNetwork *network = station->network;
  int64_t batch = station->stream.batch, outputs = outputs_of(network);
  double *predictions = station->values, *targets = predictions + batch * outputs, *sums = targets + batch * outputs;
  Metrics metrics = metrics_begin(fit->task->loss, blur_data_classes(station->data) == 0, outputs, sums);
  BlurEvaluation evaluation = {0};
  for (int64_t number = first; number < first + batches; number++) {
    put_batch(fit, number);
    blur_network_predict(network);
    blur_network_get(network, network->prediction, predictions);
    for (int64_t i = 0; i < batch * outputs; i++)
      if (!isfinite(predictions[i])) return NAN;
    for (int64_t b = 0; b < batch; b++)
      blur_data_target(station->data, BLUR_TRAIN, station->rows[b], outputs, targets + b * outputs);
    metrics_add(&metrics, batch, predictions, targets);
  }
  metrics_end(&metrics, &evaluation);
  return fit->meta->options.of_accuracy ? 1 - metrics_score(&evaluation) : evaluation.loss;
}

static bool learn(const Fit *fit, uint64_t seed, const double *genome, double *value, BlurStatus *status) {
  const BlurMeta *meta = fit->meta;
  BlurNetwork *network = fit->station->network;
  int64_t queries = meta->options.queries, query = meta->unroll;
  if (!begin(fit, seed, status) || !genome_vector_set(&meta->vector, network, genome, status)) return false;
  *value = 0;
  for (int64_t step = 0; step < meta->unroll && isfinite(*value); step++) {
    put_batch(fit, step);
    blur_network_step(network);
    if (!counts_at(meta, step + 1)) continue;
    *value += meta->options.on_train ? objective(fit, step, 1) : objective(fit, query, queries);
    query += queries;
  }
  *value /= (double)count_of(meta);
  return true;
}

// ---- all of them

static void work(void *context, int64_t thread, int64_t threads) {
  BlurMeta *meta = context;
  Search *search = &meta->search;
  size_t replicas = (size_t)meta->options.replicas, networks = meta->setup.tasks * replicas, job;
  BlurStatus status = {0};
  (void)threads;
  while ((job = atomic_fetch_add(&meta->next, 1)) < networks * search->count) {
    size_t network = job / search->count, task = network / replicas;
    const Desk *desk = &meta->desk[thread];
    Fit fit = {meta, desk, &desk->station[task], &meta->setup.task[task]};
    uint64_t seed = meta_key(meta, search->purpose, (uint64_t)search->generation * networks + network);
    const double *genome = search->candidate + job % search->count * meta->vector.count;
    if (!learn(&fit, seed, genome, &search->value[job], &status)) meta_fail(meta, &status);
  }
}

bool fit_all(BlurMeta *meta, BlurStatus *status) {
  Search *search = &meta->search;
  size_t networks = meta->setup.tasks * (size_t)meta->options.replicas;
  atomic_store(&meta->next, 0);
  blur_pool_run(meta->pool, work, meta);
  if (meta->failed && status) *status = meta->failure;
  for (size_t c = 0; c < search->count; c++) {
    search->fitness[c] = 0;
    for (size_t n = 0; n < networks; n++) search->fitness[c] += search->value[n * search->count + c] / (double)networks;
  }
  return !meta->failed;
}
