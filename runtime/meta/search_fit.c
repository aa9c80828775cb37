// What a genome is worth: networks from fresh synapses learn by it for an unroll, and the objective is taken of their
// predictions of batches that no step learned from. All candidates of a generation learn on the same: the seed of a
// network is that of the generation, the task and the replica. Jobs are handed out network by network, so that a thread
// draws its data, batches and fresh synapses once for many candidates. Nothing is reversed.
#include "base/status.h"
#include "runtime/meta/meta.h"
#include "runtime/meta/unroll.h"
#include "runtime/train/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t losses_of(const BlurMeta *meta) {
  return objective_losses(meta->options.at_every, meta->options.at_from, meta->unroll);
}

bool fit_open(BlurMeta *meta, BlurStatus *status) {
  int64_t losses = losses_of(meta);
  if (losses == 0) return status_fail(status, BLUR_FAILED_USAGE, "the objective takes no loss within the unroll");
  size_t networks = meta->setup.tasks * (size_t)meta->options.replicas;
  meta->batches = meta->unroll + losses * meta->options.queries;
  meta->cost.bytes = 0;
  meta->cost.steps = (double)(search_candidates(meta) * networks) * (double)meta->unroll;
  for (size_t d = 0; d < meta->desks; d++)
    for (size_t t = 0; t < meta->setup.tasks; t++) {
      Station *station = &meta->desk[d].station[t];
      size_t outputs = (size_t)station->outputs, bytes = station->network->memory_bytes;
      batch_memory_close(&station->kept);
      if (!batch_memory_open(&station->kept, station->network, meta->batches, meta_kept_bytes, status)) return false;
      if (!station->values)
        station->values = calloc((2 * (size_t)station->stream.batch + 3) * outputs, sizeof *station->values);
      if (!station->values) return status_fail_memory(status, "networks", (double)bytes);
      station->is_drawn = false;
      meta->cost.bytes += 2 * bytes;
    }
  return true;
}

// ---- one network

// The objective of predictions of `batches` from number `first` on; NaN: they are not finite.
static double objective(const Place *place, BlurLoss loss, int64_t first, int64_t batches) {
  Station *station = place->station;
  BlurNetwork *network = station->network;
  int64_t batch = station->stream.batch, outputs = station->outputs;
  double *predictions = station->values, *targets = predictions + batch * outputs, *sums = targets + batch * outputs;
  Metrics metrics = metrics_begin(loss, blur_data_classes(station->data) == 0, outputs, sums);
  BlurEvaluation evaluation = {0};
  for (int64_t number = first; number < first + batches; number++) {
    meta_gather(place, number);
    stream_rows(&station->stream, number, station->rows);
    blur_network_predict(network);
    blur_network_get(network, network->prediction, predictions);
    for (int64_t i = 0; i < batch * outputs; i++)
      if (!isfinite(predictions[i])) return NAN;
    for (int64_t b = 0; b < batch; b++)
      blur_data_target(station->data, BLUR_TRAIN, station->rows[b], outputs, targets + b * outputs);
    metrics_add(&metrics, batch, predictions, targets);
  }
  metrics_end(&metrics, &evaluation);
  return place->meta->options.of_accuracy ? 1 - metrics_score(&evaluation) : evaluation.loss;
}

static bool learn(const Place *place, BlurLoss loss, uint64_t seed, const double *genome, double *value,
                  BlurStatus *status) {
  const BlurMeta *meta = place->meta;
  const BlurMetaOptions *options = &meta->options;
  BlurNetwork *network = place->station->network;
  int64_t queries = options->queries, query = meta->unroll;
  if (!meta_begin_network(place, seed, status) || !genome_vector_set(&meta->vector, network, genome, status))
    return false;
  *value = 0;
  for (int64_t step = 0; step < meta->unroll && isfinite(*value); step++) {
    meta_gather(place, step);
    blur_network_step(network);
    if (!objective_counts(options->at_every, options->at_from, meta->unroll, step + 1)) continue;
    *value += options->on_train ? objective(place, loss, step, 1) : objective(place, loss, query, queries);
    query += queries;
  }
  *value /= (double)losses_of(meta);
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
    Place place = {meta, desk, &desk->station[task]};
    uint64_t seed = meta_key(meta, search->purpose, (uint64_t)search->generation * networks + network);
    const double *genome = search->candidate + job % search->count * meta->vector.count;
    if (!learn(&place, meta->setup.task[task].loss, seed, genome, &search->value[job], &status))
      meta_fail(meta, &status);
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
