// blur train RULE --net ... --data ...: trains a network and tells how it goes: a progress line on a terminal, a line
// an evaluation elsewhere, an object an evaluation with --json. Ctrl-C ends after the step it is in, and saves; so does
// output that nobody takes. A file with an experiment is run by experiment.c.
#include "base/file.h"
#include "cli/experiment.h"
#include "cli/session.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ENDLESS_STEPS = 1000 };

typedef struct {
  Session session;
  BlurTraining *training;
  int64_t first_step, last_step;   // counted over all runs of this network
  int64_t eval_every;              // 0: each epoch
  BlurEvaluation evaluation, best; // the last one, and that of the best metric
  int64_t evaluations;
  bool terminal, json;
  double started, rate; // steps a second
} Train;

static int64_t samples(const Train *train) { return blur_data_samples(train->session.data, BLUR_TRAIN); }
static bool endless(const Train *train) { return blur_data_is_endless(train->session.data); }

// The step after `position` samples at which the next epoch ends.
static int64_t epoch_end(const Train *train, int64_t step) {
  int64_t batch = train->session.options.batch, count = samples(train);
  int64_t epochs = step * batch / count + 1;
  return (epochs * count + batch - 1) / batch;
}

static int read_lengths(Train *train) {
  const Arguments *arguments = train->session.arguments;
  int64_t steps, epochs;
  if (!option_integer(arguments, OPTION_steps, 1, INT64_MAX / 2, 0, &steps) ||
      !option_integer(arguments, OPTION_epochs, 1, 1000000, 1, &epochs) ||
      !option_integer(arguments, OPTION_eval_every, 1, INT64_MAX / 2, 0, &train->eval_every))
    return EXIT_USAGE;
  if (steps && option_given(arguments, OPTION_epochs)) {
    complain(arguments, "--steps or --epochs, not both");
    return EXIT_USAGE;
  }
  if (endless(train)) { // no epochs there
    if (option_given(arguments, OPTION_epochs)) {
      complain(arguments, "%s is generated without end: --steps instead of --epochs",
               blur_data_name(train->session.data));
      return EXIT_USAGE;
    }
    if (!steps) steps = ENDLESS_STEPS;
    if (!train->eval_every) train->eval_every = (steps + 9) / 10;
  }
  train->first_step = blur_network_steps(train->session.network);
  int64_t batch = train->session.options.batch;
  train->last_step = train->first_step + (steps ? steps : (epochs * samples(train) + batch - 1) / batch);
  return EXIT_DONE;
}

// ---- telling

static void clear_line(const Train *train) {
  if (train->terminal) printf("\r\033[K");
}

static void tell_start(const Train *train) {
  const Session *session = &train->session;
  if (train->json) return;
  BlurCost cost = blur_program_cost(session->program);
  printf("%s on %s: ", blur_rule_name(session->rule), blur_data_name(session->data));
  print_units(session->options.layers, session->options.units);
  printf(", batch %" PRId64 ", %d thread%s, %s in %.0f ms\n", session->options.batch, blur_pool_threads(session->pool),
         blur_pool_threads(session->pool) == 1 ? "" : "s", cost.from_cache ? "from the cache" : "compiled",
         1e3 * cost.compile_seconds);
  if (blur_program_uses_batch_statistics(session->program))
    printf("the prediction uses batch statistics: test samples are predicted in batches of %" PRId64 "\n",
           session->options.batch);
  fflush(stdout);
}

static void tell_evaluation(const Train *train) {
  const BlurEvaluation *e = &train->evaluation;
  double seconds = session_clock() - train->started;
  if (train->json) {
    printf("{\"step\": %" PRId64 ", ", e->step);
    if (!endless(train)) printf("\"epoch\": %.10g, ", e->epoch);
    metrics_tell_json(e, "test_");
    printf(", \"seconds\": %.6f}\n", seconds);
  } else {
    clear_line(train);
    printf("step %7" PRId64 "  ", e->step);
    if (!endless(train)) printf("epoch %6.2f  ", e->epoch);
    metrics_tell(e);
    printf("  %8.1f steps/s  %6.1f s\n", train->rate, seconds);
  }
  fflush(stdout);
}

static void tell_progress(const Train *train, int64_t step) {
  if (!train->terminal) return;
  double left = train->rate > 0 ? (double)(train->last_step - step) / train->rate : 0;
  printf("\r\033[Kstep %" PRId64 " of %" PRId64 "  %.0f steps/s  %.0f s left", step, train->last_step, train->rate,
         left);
  if (train->evaluations) {
    printf("  ");
    metrics_tell(&train->evaluation);
  }
  fflush(stdout);
}

// ---- working

static bool evaluate(Train *train, BlurStatus *status) {
  if (!blur_training_evaluate(train->training, BLUR_TEST, &train->evaluation, status)) return false;
  if (!train->evaluations++ || metrics_are_better(&train->evaluation, &train->best)) train->best = train->evaluation;
  tell_evaluation(train);
  return true;
}

// After several evaluations: the best of them.
static void tell_best(const Train *train) {
  if (train->json || train->evaluations < 2) return;
  printf("best: ");
  metrics_tell(&train->best);
  printf(" at step %" PRId64 "\n", train->best.step);
}

static int64_t next_evaluation(const Train *train, int64_t step) {
  int64_t next = train->eval_every ? (step / train->eval_every + 1) * train->eval_every : epoch_end(train, step);
  return next < train->last_step ? next : train->last_step;
}

// Runs to the last step in chunks of about a tenth of a second, or to the next evaluation.
static bool run(Train *train, BlurStatus *status) {
  double computing = 0;
  int64_t step = train->first_step, next = next_evaluation(train, step), chunk = 1;
  while (step < train->last_step && !blur_training_interrupted(train->training) && !ferror(stdout)) {
    if (chunk > next - step) chunk = next - step;
    double before = session_clock();
    bool right = blur_training_run(train->training, chunk, status);
    int64_t done = blur_network_steps(train->session.network) - step;
    double seconds = session_clock() - before;
    computing += seconds;
    step += done;
    train->rate = computing > 0 ? (double)(step - train->first_step) / computing : 0;
    if (!right) return false;
    chunk = seconds > 0 ? (int64_t)(0.1 * (double)done / seconds) + 1 : chunk * 2;
    if (step == next) {
      if (!evaluate(train, status)) return false;
      next = next_evaluation(train, step);
    }
    tell_progress(train, step);
  }
  return true;
}

static bool save_as(const Train *train, const char *path, BlurStatus *status) {
  const Session *session = &train->session;
  return blur_network_save_set(session->network, train->training, session->rule_name, session->settings,
                               session->setting_count, path, status);
}

// What was learned is not lost for a full disk: there is a folder for temporary files.
static void save_elsewhere(const Train *train) {
  const char *folder = getenv("TMPDIR");
  char path[PATH_MAX];
  BlurStatus status;
  int length = snprintf(path, sizeof path, "%s/blur-%ld.npz", folder && *folder ? folder : "/tmp", (long)getpid());
  if (length < 0 || (size_t)length >= sizeof path) return;
  if (save_as(train, path, &status)) complain(train->session.arguments, "saved instead: %s", path);
  else complain(train->session.arguments, "nothing was saved: %s", status.message);
}

static int save(const Train *train) {
  const char *path = train->session.arguments->value[OPTION_save];
  if (!path) return EXIT_DONE;
  BlurStatus status;
  if (!save_as(train, path, &status)) {
    int code = session_failed(&train->session, &status);
    if (code == EXIT_ENVIRONMENT) save_elsewhere(train);
    return code;
  }
  if (!train->json) printf("saved: %s\n", path);
  return EXIT_DONE;
}

// Tells why the training ended before its last step, if it did.
static int tell_end(const Train *train) {
  const Arguments *arguments = train->session.arguments;
  int64_t steps = blur_network_steps(train->session.network);
  if (blur_training_interrupted(train->training)) {
    complain(arguments, "interrupted after step %" PRId64, steps);
    return EXIT_INTERRUPTED;
  }
  if (!ferror(stdout)) return EXIT_DONE;
  if (output_is_abandoned()) return EXIT_CLOSED_PIPE;
  complain(arguments, "standard output could not be written; ended after step %" PRId64, steps);
  return EXIT_ENVIRONMENT;
}

static void interrupt(void *training) { blur_training_interrupt(training); }

static int work(Train *train) {
  Session *session = &train->session;
  const Arguments *arguments = session->arguments;
  int code = session_open(session, arguments);
  if (!code && !session->data) {
    complain(arguments,
             "data are needed: --data fashion_mnist, a folder of IDX files, or a generated task such as xor");
    code = EXIT_USAGE;
  }
  BlurStatus status;
  const char *path = arguments->value[OPTION_save];
  if (!code && path && !file_can_write(path, &status)) code = session_failed(session, &status);
  if (!code) code = session_compile(session);
  if (code) return code;
  train->training = blur_training_create(session->network, session->data, session->loss, session->seed, &status);
  if (!train->training) return session_failed(session, &status);
  if (session->saved) code = session_restore(session, train->training);
  if (!code) code = read_lengths(train);
  if (code) return code;
  command_interrupts(interrupt, train->training);
  tell_start(train);
  train->started = session_clock();
  bool right = run(train, &status);
  clear_line(train);
  if (right) {
    tell_best(train);
    code = save(train);
  } else {
    code = session_failed(session, &status);
    if (option_given(arguments, OPTION_save)) complain(arguments, "nothing was saved");
  }
  command_interrupts(NULL, NULL);
  int end = tell_end(train);
  return code ? code : end;
}

// An experiment brings network and data with it.
static bool is_experiment(const Arguments *arguments) {
  return arguments->operand_count == 1 && !option_given(arguments, OPTION_net) &&
         !option_given(arguments, OPTION_load) && blur_experiment_exists(arguments->operand[0]);
}

int command_train(const Arguments *arguments) {
  if (arguments->operand_count > 1) {
    exactly_one_operand(arguments, "a rule");
    return EXIT_USAGE;
  }
  command_interrupts_end("\nblur train: interrupted before the first step; there is nothing to save\n");
  if (is_experiment(arguments)) return experiment_run(arguments);
  if (option_given(arguments, OPTION_out)) {
    complain(arguments, "--out is for the picture of an experiment; a trained network is kept by --save FILE");
    return EXIT_USAGE;
  }
  Train train = {.session = {.arguments = arguments},
                 .json = option_given(arguments, OPTION_json),
                 .terminal = isatty(STDOUT_FILENO) == 1 && !option_given(arguments, OPTION_json)};
  int code = work(&train);
  command_interrupts_end(NULL);
  blur_training_destroy(train.training);
  session_close(&train.session);
  return code;
}
