// blur predict RULE --load FILE: predictions of a saved network for the test part of a data set, or for an array of
// --in.
#include "base/npz.h"
#include "cli/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  Session session;
  BlurData *data; // the session's, where they are predicted
  NpzFile input, context_file;
  const NpzArray *x, *y, *context; // of --in and --context
  int64_t samples, inputs, outputs, batch;
  double *h, *targets; // [samples][O]; targets NULL where there are none
  uint32_t *order;     // the order in which samples fill batches
} Predict;

static bool has_shape(const Predict *predict, const NpzArray *array, int64_t units, const char *path,
                      const char *name) {
  const Arguments *arguments = predict->session.arguments;
  if (!array || !array->values) {
    complain(arguments, "%s has no array `%s`", path, name);
    return false;
  }
  if (array->dimensions == 2 && array->extent[1] == units && array->extent[0] > 0) return true;
  complain(arguments, "`%s` in %s is to have the shape (samples, %" PRId64 ")", name, path, units);
  return false;
}

// The samples: the array x (and y) of --in, or the test part of --data.
static int open_samples(Predict *predict) {
  Session *session = &predict->session;
  const Arguments *arguments = session->arguments;
  const char *in = arguments->value[OPTION_in], *data = arguments->value[OPTION_data];
  BlurStatus status;
  if (in && data) {
    complain(arguments, "--in or --data, not both");
    return EXIT_USAGE;
  }
  if (in) {
    if (!npz_read(in, &predict->input, &status)) return session_failed(session, &status);
    predict->x = npz_find(&predict->input, "x");
    predict->y = npz_find(&predict->input, "y");
    if (!has_shape(predict, predict->x, predict->inputs, in, "x")) return EXIT_INPUT;
    if (predict->y && !has_shape(predict, predict->y, predict->outputs, in, "y")) return EXIT_INPUT;
    predict->samples = predict->x->extent[0];
    if (predict->y && predict->y->extent[0] != predict->samples) {
      complain(arguments, "`x` and `y` in %s differ in samples", in);
      return EXIT_INPUT;
    }
  } else {
    const char *name = data ? data : blur_saved_info(session->saved)->data;
    if (!*name) {
      complain(arguments, "samples are needed: --data NAME or --in FILE.npz");
      return EXIT_USAGE;
    }
    predict->data = session->data;
    if (blur_data_inputs(predict->data) != predict->inputs ||
        blur_data_classes(predict->data) > (predict->outputs == 1 ? 2 : predict->outputs)) {
      complain(arguments,
               "%s has %" PRId64 " inputs and %d classes; the network has %" PRId64 " and %" PRId64 " outputs", name,
               blur_data_inputs(predict->data), blur_data_classes(predict->data), predict->inputs, predict->outputs);
      return EXIT_INPUT;
    }
    predict->samples = blur_data_samples(predict->data, BLUR_TEST);
    if (!predict->samples) {
      complain(arguments, "%s has no test samples", name);
      return EXIT_INPUT;
    }
  }
  return EXIT_DONE;
}

// --context, wanted where the prediction depends on the samples beside.
static int open_context(Predict *predict) {
  Session *session = &predict->session;
  const Arguments *arguments = session->arguments;
  const char *path = arguments->value[OPTION_context];
  BlurStatus status;
  bool statistics = blur_program_uses_batch_statistics(session->program);
  if (path) {
    if (!npz_read(path, &predict->context_file, &status)) return session_failed(session, &status);
    predict->context = npz_find(&predict->context_file, "x");
    return has_shape(predict, predict->context, predict->inputs, path, "x") ? EXIT_DONE : EXIT_INPUT;
  }
  if (!statistics) return EXIT_DONE;
  if (predict->samples < 2) {
    complain(arguments,
             "%s standardizes over the batch, and one sample has no spread; give others beside it: --context FILE.npz",
             session->rule_name);
    return EXIT_INPUT;
  }
  if (!option_given(arguments, OPTION_json))
    fprintf(stderr, "blur predict: %s uses batch statistics: samples are predicted in batches of %" PRId64 "\n",
            session->rule_name, predict->batch);
  return EXIT_DONE;
}

static void read_sample(const Predict *predict, int64_t sample, double *x) {
  if (predict->data) blur_data_row(predict->data, BLUR_TEST, sample, x);
  else memcpy(x, predict->x->values + sample * predict->inputs, (size_t)predict->inputs * sizeof *x);
}

// Fills batches in `order`, the last one from the front; with a context: each sample alone among the context's.
static bool predict_all(Predict *predict) {
  BlurNetwork *network = predict->session.network;
  const BlurVariable *vx = blur_network_find(network, BLUR_X, NULL, -1);
  const BlurVariable *vh = blur_network_find(network, BLUR_PREDICTION, NULL, -1);
  int64_t inputs = predict->inputs, outputs = predict->outputs, own = predict->context ? 1 : predict->batch;
  double *x = calloc((size_t)(predict->batch * inputs), sizeof *x);
  double *h = calloc((size_t)(predict->batch * outputs), sizeof *h);
  for (int64_t start = 0; x && h && start < predict->samples; start += own) {
    for (int64_t row = 0; row < predict->batch; row++) {
      if (row < own) read_sample(predict, predict->order[(start + row) % predict->samples], x + row * inputs);
      else
        memcpy(x + row * inputs, predict->context->values + (row - own) % predict->context->extent[0] * inputs,
               (size_t)inputs * sizeof *x);
    }
    blur_network_set(network, vx, x);
    blur_network_predict(network);
    blur_network_get(network, vh, h);
    for (int64_t row = 0; row < own && start + row < predict->samples; row++)
      memcpy(predict->h + predict->order[start + row] * outputs, h + row * outputs, (size_t)outputs * sizeof *h);
  }
  bool right = x && h;
  free(x);
  free(h);
  return right;
}

// The predicted class: the largest output; of a single one: 1 where it is positive.
static int64_t chosen(const double *h, int64_t outputs) {
  int64_t best = 0;
  if (outputs == 1) return h[0] > 0;
  for (int64_t i = 1; i < outputs; i++)
    if (h[i] > h[best]) best = i;
  return best;
}

static bool make_arrays(Predict *predict) {
  predict->h = calloc((size_t)(predict->samples * predict->outputs), sizeof *predict->h);
  predict->targets = calloc((size_t)(predict->samples * predict->outputs), sizeof *predict->targets);
  predict->order = calloc((size_t)predict->samples, sizeof *predict->order);
  if (!predict->h || !predict->targets || !predict->order) return false;
  for (int64_t i = 0; i < predict->samples; i++) predict->order[i] = (uint32_t)i;
  if (predict->data) blur_data_shuffle(predict->session.seed, 0, predict->samples, predict->order);
  for (int64_t i = 0; predict->data && i < predict->samples; i++)
    blur_data_target(predict->data, BLUR_TEST, i, predict->outputs, predict->targets + i * predict->outputs);
  if (predict->y)
    memcpy(predict->targets, predict->y->values,
           (size_t)(predict->samples * predict->outputs) * sizeof *predict->targets);
  return true;
}

static void tell_predictions(const Predict *predict, bool json) {
  for (int64_t sample = 0; sample < predict->samples; sample++) {
    const double *h = predict->h + sample * predict->outputs;
    if (json)
      printf("{\"sample\": %" PRId64 ", \"class\": %" PRId64 ", \"outputs\": [", sample, chosen(h, predict->outputs));
    else printf("sample %" PRId64 "  class %" PRId64 " ", sample, chosen(h, predict->outputs));
    for (int64_t i = 0; i < predict->outputs; i++) {
      if (json && i) printf(", ");
      if (json && !isfinite(h[i])) printf("null");
      else printf(json ? "%.9g" : " %.6g", h[i]);
    }
    printf(json ? "]}\n" : "\n");
  }
}

static int tell(const Predict *predict) {
  const Session *session = &predict->session;
  bool json = option_given(session->arguments, OPTION_json), known = predict->data || predict->y;
  const char *out = session->arguments->value[OPTION_out];
  if (out) {
    int64_t extent[2] = {predict->samples, predict->outputs};
    NpzEntry entry = {.name = "prediction",
                      .float32 = blur_program_element(session->program) == sizeof(float),
                      .dimensions = 2,
                      .extent = extent,
                      .values = predict->h};
    BlurStatus status;
    if (!npz_write(out, &entry, 1, &status)) return session_failed(session, &status);
  }
  if (!out && !known) tell_predictions(predict, json);
  if (!known) return EXIT_DONE;
  int64_t right = 0;
  for (int64_t i = 0; i < predict->samples; i++)
    right += chosen(predict->h + i * predict->outputs, predict->outputs) ==
             chosen(predict->targets + i * predict->outputs, predict->outputs);
  double loss = blur_loss_value(session->loss, predict->samples, predict->outputs, predict->h, predict->targets);
  double accuracy = (double)right / (double)predict->samples;
  if (!json) printf("%" PRId64 " samples  loss %.5f  accuracy %.2f %%\n", predict->samples, loss, 100 * accuracy);
  else if (isfinite(loss))
    printf("{\"samples\": %" PRId64 ", \"loss\": %.9g, \"accuracy\": %.9g}\n", predict->samples, loss, accuracy);
  else printf("{\"samples\": %" PRId64 ", \"loss\": null, \"accuracy\": %.9g}\n", predict->samples, accuracy);
  return EXIT_DONE;
}

static int work(Predict *predict) {
  Session *session = &predict->session;
  const Arguments *arguments = session->arguments;
  if (arguments->operand_count > 1) {
    exactly_one_operand(arguments, "a rule");
    return EXIT_USAGE;
  }
  if (!option_given(arguments, OPTION_load)) {
    complain(arguments, "a saved network is needed: --load FILE, as `blur train --save FILE` writes it");
    return EXIT_USAGE;
  }
  int code = session_open(session, arguments);
  if (code) return code;
  predict->inputs = session->options.units[0];
  predict->outputs = session->options.units[session->options.layers - 1];
  predict->batch = session->options.batch;
  code = open_samples(predict);
  if (!code) code = session_compile(session);
  if (!code) code = open_context(predict);
  if (!code) code = session_restore(session, NULL);
  if (code) return code;
  if (!make_arrays(predict) || !predict_all(predict)) {
    complain(arguments, "out of memory for %" PRId64 " samples", predict->samples);
    return EXIT_ENVIRONMENT;
  }
  return tell(predict);
}

int command_predict(const Arguments *arguments) {
  Predict predict = {0};
  predict.session.arguments = arguments;
  int code = work(&predict);
  free(predict.h);
  free(predict.targets);
  free(predict.order);
  npz_free(&predict.input);
  npz_free(&predict.context_file);
  session_close(&predict.session);
  return code;
}
