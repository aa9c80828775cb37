// blur predict RULE --load FILE: predictions of a saved network for the samples of --input, or for the test part of a
// data set. Before: session.c; after: answers.c, which tells them.
#include "cli/answers.h"
#include "cli/session.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  Session session;
  BlurData *input, *context; // of --input and --context
  const BlurData *data;      // what is predicted: its test part
  int64_t samples, inputs, outputs, batch;
  int classes; // that the network predicts; 0: real numbers
  const char *const *class_names;
  double *h, *targets; // [samples][O]
  uint32_t *order;     // the order in which samples fill batches
} Predict;

// ---- samples

static BlurData *load_inputs(const Predict *predict, const char *text, int classes, BlurStatus *status) {
  BlurData *data = blur_data_load_inputs(text, predict->inputs, classes, predict->class_names, status);
  if (data) blur_data_redraw(data, predict->session.seed);
  return data;
}

// What the network was trained to tell: classes, by what names, or numbers.
static void find_classes(Predict *predict) {
  const BlurSavedInfo *info = blur_saved_info(predict->session.saved);
  predict->classes = info->classes;
  predict->class_names = info->class_names;
  if (info->classes < 0) predict->classes = predict->outputs == 1 ? 2 : (int)predict->outputs;
}

static int open_samples(Predict *predict) {
  Session *session = &predict->session;
  const Arguments *arguments = session->arguments;
  const char *input = arguments->value[OPTION_input];
  BlurStatus status;
  if (input && option_given(arguments, OPTION_data)) {
    complain(arguments, "--input or --data, not both");
    return EXIT_USAGE;
  }
  if (input) {
    if (!(predict->input = load_inputs(predict, input, predict->classes, &status)))
      return session_failed(session, &status);
  } else if (!session->data) {
    complain(arguments, "samples are needed: --input FILE, or --data NAME");
    return EXIT_USAGE;
  }
  predict->data = input ? predict->input : session->data;
  predict->samples = blur_data_samples(predict->data, BLUR_TEST);
  const char *name = blur_data_name(predict->data);
  int classes = blur_data_classes(predict->data);
  if ((classes == 0) != (predict->classes == 0)) {
    complain(arguments, "%s has %s, the network predicts %s", name, classes ? "classes" : "real targets",
             classes ? "numbers" : "classes");
    return EXIT_INPUT;
  }
  bool known = blur_data_has_targets(predict->data);
  bool fits = classes ? classes <= (predict->outputs == 1 ? 2 : predict->outputs)
                      : !known || blur_data_outputs(predict->data) == predict->outputs;
  if (blur_data_inputs(predict->data) != predict->inputs || !fits) {
    complain(arguments,
             "%s has %" PRId64 " inputs and %" PRId64 " %s; the network has %" PRId64 " and %" PRId64 " outputs", name,
             blur_data_inputs(predict->data), classes ? (int64_t)classes : blur_data_outputs(predict->data),
             classes ? "classes" : "targets", predict->inputs, predict->outputs);
    return EXIT_INPUT;
  }
  if (predict->samples) return EXIT_DONE;
  complain(arguments, "%s has no test samples", name);
  return EXIT_INPUT;
}

// --context, wanted where the prediction depends on the samples beside.
static int open_context(Predict *predict) {
  Session *session = &predict->session;
  const Arguments *arguments = session->arguments;
  const char *path = arguments->value[OPTION_context];
  BlurStatus status;
  bool statistics = blur_program_uses_batch_statistics(session->program);
  if (path && !(predict->context = load_inputs(predict, path, -1, &status))) return session_failed(session, &status);
  if (statistics && (predict->context ? blur_data_samples(predict->context, BLUR_TEST) : predict->samples) < 2) {
    complain(arguments,
             predict->context ? "%s standardizes over the batch, and %s has one sample, which has no spread; give "
                                "samples as the network was trained on, some dozens of them"
                              : "%s standardizes over the batch, and one sample has no spread; give others beside "
                                "it: --context FILE",
             session->rule_name, path);
    return EXIT_INPUT;
  }
  if (predict->context || !statistics) return EXIT_DONE;
  if (!option_given(arguments, OPTION_json))
    fprintf(stderr, "blur predict: %s uses batch statistics: samples are predicted in batches of %" PRId64 "\n",
            session->rule_name, predict->batch);
  return EXIT_DONE;
}

// ---- predicting

// Fills batches in `order`, the last one from the front; with a context: each sample alone among the context's.
static bool predict_all(Predict *predict) {
  BlurNetwork *network = predict->session.network;
  const BlurVariable *vx = blur_network_find(network, BLUR_X, NULL, -1);
  const BlurVariable *vh = blur_network_find(network, BLUR_PREDICTION, NULL, -1);
  int64_t inputs = predict->inputs, outputs = predict->outputs, own = predict->context ? 1 : predict->batch;
  int64_t others = predict->context ? blur_data_samples(predict->context, BLUR_TEST) : 1;
  double *x = calloc((size_t)(predict->batch * inputs), sizeof *x);
  double *h = calloc((size_t)(predict->batch * outputs), sizeof *h);
  bool right = x && h;
  for (int64_t row = own; right && row < predict->batch; row++)
    blur_data_row(predict->context, BLUR_TEST, (row - own) % others, x + row * inputs);
  for (int64_t start = 0; right && start < predict->samples; start += own) {
    for (int64_t row = 0; row < own; row++)
      blur_data_row(predict->data, BLUR_TEST, predict->order[(start + row) % predict->samples], x + row * inputs);
    blur_network_set(network, vx, x);
    blur_network_predict(network);
    blur_network_get(network, vh, h);
    for (int64_t row = 0; row < own && start + row < predict->samples; row++)
      memcpy(predict->h + predict->order[start + row] * outputs, h + row * outputs, (size_t)outputs * sizeof *h);
  }
  free(x);
  free(h);
  return right;
}

static bool make_arrays(Predict *predict) {
  size_t numbers = (size_t)(predict->samples * predict->outputs);
  predict->h = calloc(numbers, sizeof *predict->h);
  predict->targets = calloc(numbers, sizeof *predict->targets);
  predict->order = calloc((size_t)predict->samples, sizeof *predict->order);
  if (!predict->h || !predict->targets || !predict->order) return false;
  for (int64_t i = 0; i < predict->samples; i++) predict->order[i] = (uint32_t)i;
  if (!predict->input) blur_data_shuffle(predict->session.seed, 0, predict->samples, predict->order);
  for (int64_t i = 0; blur_data_has_targets(predict->data) && i < predict->samples; i++)
    blur_data_target(predict->data, BLUR_TEST, i, predict->outputs, predict->targets + i * predict->outputs);
  return true;
}

static int tell(const Predict *predict) {
  const Session *session = &predict->session;
  const Arguments *arguments = session->arguments;
  bool json = option_given(arguments, OPTION_json);
  const char *out = arguments->value[OPTION_out];
  BlurStatus status;
  Answers answers = {.samples = predict->samples,
                     .outputs = predict->outputs,
                     .h = predict->h,
                     .classes = predict->classes,
                     .class_names = predict->class_names,
                     .float32 = blur_program_element(session->program) == sizeof(float)};
  if (out && !answers_write(&answers, out, &status)) return session_failed(session, &status);
  if (!out && predict->input) answers_print(&answers, json);
  if (!blur_data_has_targets(predict->data)) return EXIT_DONE;
  BlurEvaluation evaluation;
  if (!blur_evaluation_of(session->loss, predict->classes == 0, predict->samples, predict->outputs, predict->h,
                          predict->targets, &evaluation, &status))
    return session_failed(session, &status);
  if (json) printf("{\"samples\": %" PRId64 ", ", predict->samples);
  else printf("%" PRId64 " samples  ", predict->samples);
  if (json) metrics_tell_json(&evaluation, "");
  else metrics_tell(&evaluation);
  printf(json ? "}\n" : "\n");
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
    const char *word = arguments->operand_count ? arguments->operand[0] : NULL, *end = word ? strrchr(word, '.') : NULL;
    if (word && !access(word, R_OK) && !(end && !strcmp(end, ".blur")))
      complain(arguments, "%s is no rule; if it is a saved network: --load %s", word, word);
    else complain(arguments, "a saved network is needed: --load FILE, as `blur train --save FILE` writes it");
    return EXIT_USAGE;
  }
  int code = session_open(session, arguments);
  if (code) return code;
  predict->inputs = session->options.units[0];
  predict->outputs = session->options.units[session->options.layers - 1];
  predict->batch = session->options.batch;
  find_classes(predict);
  code = open_samples(predict);
  const char *out = arguments->value[OPTION_out];
  BlurStatus status;
  if (!code && out && !table_can_write(out, &status)) code = session_failed(session, &status);
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
  blur_data_destroy(predict.input);
  blur_data_destroy(predict.context);
  session_close(&predict.session);
  return code;
}
