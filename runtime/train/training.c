// Training: batches in shuffled order, steps, and the watch over numbers that stop being finite. See blur/runtime.h.
//
// The watch looks at all synapses only every so many steps, and keeps a copy of the network from the last look. When
// one fails, the steps since then are run again from the copy, with a look after each: steps are deterministic, so this
// finds the first bad one at next to no cost for the others.
#include "runtime/train/training.h"

#include "base/status.h"
#include "runtime/train/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_BETWEEN_LOOKS = 64 };

static const uint64_t shuffle_salt = 0x7472616E00000000; // keeps the shuffles apart from what else the seed draws

bool training_fits(const BlurNetwork *network, const BlurData *data, BlurLoss loss, BlurStatus *status) {
  if (!network->x || !network->y || !network->prediction)
    return status_fail(status, BLUR_FAILED_INPUT, "the rule has no input, target or prediction to train by");
  const int64_t *units;
  int layers = blur_program_layers(network->program, &units), classes = blur_data_classes(data);
  int64_t inputs = units[0], outputs = units[layers - 1];
  if (inputs != blur_data_inputs(data))
    return status_fail(status, BLUR_FAILED_INPUT,
                       "the network has %" PRId64 " inputs, the data %" PRId64 ": begin the network with %" PRId64,
                       inputs, blur_data_inputs(data), blur_data_inputs(data));
  if (classes == 0 && outputs != blur_data_outputs(data))
    return status_fail(status, BLUR_FAILED_INPUT,
                       "the network has %" PRId64 " outputs, the data %" PRId64
                       " targets: end the network with %" PRId64,
                       outputs, blur_data_outputs(data), blur_data_outputs(data));
  if (outputs < classes && !(outputs == 1 && classes == 2))
    return status_fail(status, BLUR_FAILED_INPUT,
                       "the network has %" PRId64 " outputs, the data %d classes: end the network with %" PRId64,
                       outputs, classes, blur_data_outputs(data));
  if (classes == 0 && loss != BLUR_LOSS_SQUARED_ERROR)
    return status_fail(status, BLUR_FAILED_INPUT, "the data have real targets, not classes: %s does not fit, %s does",
                       blur_loss_name(loss), blur_loss_name(BLUR_LOSS_SQUARED_ERROR));
  if (outputs == 1 && loss == BLUR_LOSS_CROSS_ENTROPY)
    return status_fail(status, BLUR_FAILED_INPUT,
                       "cross_entropy wants an output a class; with one output take squared_error, logistic or hinge");
  return true;
}

BlurTraining *blur_training_create(BlurNetwork *network, const BlurData *data, BlurLoss loss, uint64_t seed,
                                   BlurStatus *status) {
  if (!training_fits(network, data, loss, status)) return NULL;
  BlurTraining *training = calloc(1, sizeof *training);
  if (!training) {
    status_fail_memory(status, "training", sizeof *training);
    return NULL;
  }
  const int64_t *units;
  int layers = blur_program_layers(network->program, &units);
  *training = (BlurTraining){.network = network,
                             .data = data,
                             .loss = loss,
                             .seed = seed,
                             .batch = blur_program_batch(network->program),
                             .outputs = units[layers - 1],
                             .shuffle = -1,
                             .copy_steps = -1};
  int64_t train = blur_data_is_endless(data) ? 0 : blur_data_samples(data, BLUR_TRAIN), most = train;
  for (BlurPart part = BLUR_TEST; part <= BLUR_VALIDATION; part++)
    if (blur_data_samples(data, part) > most) most = blur_data_samples(data, part);
  size_t outputs = (size_t)(training->batch * training->outputs);
  training->order = calloc((size_t)train + 1, sizeof(uint32_t));
  training->test_order = calloc((size_t)most, sizeof(uint32_t));
  training->rows = calloc((size_t)training->batch, sizeof(int64_t));
  training->predictions = calloc(outputs, sizeof(double));
  training->targets = calloc(outputs, sizeof(double));
  training->sums = calloc((size_t)training->outputs * 3, sizeof(double));
  training->copy = malloc(network->memory_bytes);
  if (training->order && training->test_order && training->rows && training->predictions && training->targets &&
      training->sums && training->copy)
    return training;
  status_fail_memory(status, "training", (double)network->memory_bytes + (double)(train + most) * 4);
  blur_training_destroy(training);
  return NULL;
}

void blur_training_destroy(BlurTraining *training) {
  if (!training) return;
  free(training->order);
  free(training->test_order);
  free(training->rows);
  free(training->predictions);
  free(training->targets);
  free(training->sums);
  free(training->copy);
  free(training);
}

void blur_training_interrupt(BlurTraining *training) { atomic_store(&training->interrupted, true); }
bool blur_training_interrupted(const BlurTraining *training) { return atomic_load(&training->interrupted); }
int64_t blur_training_position(const BlurTraining *training) { return training->position; }

double blur_training_epoch(const BlurTraining *training) {
  if (blur_data_is_endless(training->data)) return 0;
  return (double)training->position / (double)blur_data_samples(training->data, BLUR_TRAIN);
}

// ---- batches

static void next_rows(BlurTraining *training) {
  int64_t samples = blur_data_samples(training->data, BLUR_TRAIN);
  bool endless = blur_data_is_endless(training->data);
  training->part = BLUR_TRAIN;
  for (int64_t b = 0; b < training->batch; b++, training->position++) {
    if (endless) {
      training->rows[b] = training->position;
      continue;
    }
    int64_t shuffle = training->position / samples;
    if (shuffle != training->shuffle) {
      blur_data_shuffle(training->seed ^ shuffle_salt, (uint64_t)shuffle, samples, training->order);
      training->shuffle = shuffle;
    }
    training->rows[b] = training->order[training->position % samples];
  }
}

// The batch at hand, as network_run takes it.
static Batch batch_of(const BlurTraining *training) {
  return (Batch){training->network, training->data, training->part, training->rows, training->batch, training->outputs};
}

// ---- steps and the watch

static void keep_copy(BlurTraining *training) {
  BlurNetwork *network = training->network;
  memcpy(training->copy, network->memory, network->memory_bytes);
  training->copy_steps = network->steps;
  training->copy_position = training->position;
  training->copy_writes = network->writes;
}

static void step(BlurTraining *training) {
  next_rows(training);
  Batch batch = batch_of(training);
  network_run(training->network, NETWORK_STEP, batch_gather, &batch);
}

void blur_training_show(BlurTraining *training, int64_t step) {
  int64_t position = training->position;
  training->position = step * training->batch;
  next_rows(training);
  training->position = position;
  Batch batch = batch_of(training);
  if (training->network->alone) batch_gather(&batch, 0, 1);
  else blur_pool_run(training->network->pool, batch_gather, &batch);
  training->network->writes++;
}

// Some number is not finite: goes back to the copy and on to the step where that begins.
static bool report_divergence(BlurTraining *training, BlurStatus *status) {
  BlurNetwork *network = training->network;
  int64_t last = network->steps;
  const BlurVariable *where = NULL;
  memcpy(network->memory, training->copy, network->memory_bytes);
  network->steps = training->copy_steps;
  training->position = training->copy_position;
  while (network->steps < last && blur_network_is_finite(network, &where)) step(training);
  blur_network_is_finite(network, &where);
  training->copy_steps = -1;
  if (!where) return status_fail(status, BLUR_DIVERGED, "diverged by step %" PRId64 ", but not when run again", last);
  char layer[32] = "";
  if (where->layer >= 0) snprintf(layer, sizeof layer, " of layer %d", where->layer);
  return status_fail(status, BLUR_DIVERGED,
                     "diverged: after step %" PRId64 ", `%s`%s is no longer finite; try a lower learning rate",
                     network->steps, where->name, layer);
}

bool blur_training_run(BlurTraining *training, int64_t steps, BlurStatus *status) {
  BlurNetwork *network = training->network;
  if (training->copy_steps < 0 || training->copy_writes != network->writes) {
    const BlurVariable *where;
    if (!blur_network_is_finite(network, &where))
      return status_fail(status, BLUR_DIVERGED, "`%s` is not finite before step %" PRId64, where->name,
                         network->steps + 1);
    keep_copy(training);
  }
  for (int64_t i = 0; i < steps && !atomic_load_explicit(&training->interrupted, memory_order_relaxed); i++) {
    step(training);
    if (network->steps - training->copy_steps < STEPS_BETWEEN_LOOKS) continue;
    if (!blur_network_is_finite(network, NULL)) return report_divergence(training, status);
    keep_copy(training);
  }
  return blur_network_is_finite(network, NULL) || report_divergence(training, status);
}

// ---- evaluation

static bool all_finite(const double *values, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    if (!(values[i] - values[i] == 0)) return false;
  return true;
}

// The predictions and targets of the batch at hand.
static void predict(BlurTraining *training) {
  Batch batch = batch_of(training);
  network_run(training->network, NETWORK_PREDICT, batch_gather, &batch);
  blur_network_get(training->network, training->network->prediction, training->predictions);
  for (int64_t b = 0; b < training->batch; b++)
    blur_data_target(training->data, training->part, training->rows[b], training->outputs,
                     training->targets + b * training->outputs);
}

// The samples of a batch in an evaluation: from `first` on, filled up from the front.
static int64_t evaluated_rows(BlurTraining *training, int64_t first, int64_t samples) {
  int64_t counted = samples - first < training->batch ? samples - first : training->batch;
  for (int64_t b = 0; b < training->batch; b++)
    training->rows[b] = training->test_order[b < counted ? first + b : (b - counted) % samples];
  return counted;
}

bool blur_training_evaluate(BlurTraining *training, BlurPart part, BlurEvaluation *evaluation, BlurStatus *status) {
  int64_t samples = blur_data_samples(training->data, part), outputs = training->outputs;
  int64_t steps = training->network->steps;
  *evaluation = (BlurEvaluation){.step = steps, .epoch = blur_training_epoch(training)};
  if (samples == 0 && part == BLUR_VALIDATION)
    return status_fail(status, BLUR_FAILED_INPUT,
                       "the data has no validation samples; `split=50000/10000` cuts some off");
  if (samples == 0) return status_fail(status, BLUR_FAILED_INPUT, "the data has no samples to evaluate on");
  if (samples == INT64_MAX)
    return status_fail(status, BLUR_FAILED_USAGE, "training samples without end cannot all be evaluated");
  // Shuffles of their own, far from those of training: those count up from 0.
  blur_data_shuffle(training->seed ^ shuffle_salt, UINT64_MAX - (uint64_t)part, samples, training->test_order);
  training->part = part;
  Metrics metrics = metrics_begin(training->loss, blur_data_classes(training->data) == 0, outputs, training->sums);
  for (int64_t first = 0; first < samples; first += training->batch) {
    int64_t counted = evaluated_rows(training, first, samples);
    predict(training);
    if (!all_finite(training->predictions, counted * outputs))
      return status_fail(status, BLUR_DIVERGED, "diverged: after step %" PRId64 ", predictions are no longer finite",
                         steps);
    metrics_add(&metrics, counted, training->predictions, training->targets);
  }
  metrics_end(&metrics, evaluation);
  return true;
}
