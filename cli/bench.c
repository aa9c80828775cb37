// blur bench RULE...: time a step (median), its flops, its share of this machine's measured peak; with --data, accuracy
// by step. A table, or an object a rule with --json.
#include "base/philox.h"
#include "cli/peak.h"
#include "cli/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TIMES = 20000, MIN_TIMES = 10, MAX_POINTS = 200, WARM_STEPS = 3, CHECK_STEPS = 64 };
static const double budget_seconds = 1.0;

typedef struct {
  double seconds, flops, compile_seconds, peak;
  bool from_cache;
  size_t points;
  BlurEvaluation point[MAX_POINTS];
} Measured;

static int compare_times(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

// Inputs between 0 and 1, one class a sample.
static bool fill_batch(const Session *session) {
  BlurNetwork *network = session->network;
  int64_t inputs = session->options.units[0], outputs = session->options.units[session->options.layers - 1];
  int64_t batch = session->options.batch;
  double *x = calloc((size_t)(batch * inputs), sizeof *x), *y = calloc((size_t)(batch * outputs), sizeof *y);
  if (x && y) {
    for (int64_t i = 0; i < batch * inputs; i++) x[i] = philox_uniform(session->seed, 1, (uint64_t)i);
    for (int64_t i = 0; i < batch * outputs; i++) y[i] = -1;
    for (int64_t i = 0; i < batch; i++) {
      uint64_t right = philox_below(session->seed, 2, (uint64_t)i, (uint64_t)(outputs > 1 ? outputs : 2));
      if (right < (uint64_t)outputs) y[i * outputs + (int64_t)right] = 1;
    }
    const BlurVariable *vx = blur_network_find(network, BLUR_X, NULL, -1),
                       *vy = blur_network_find(network, BLUR_Y, NULL, -1);
    if (vx) blur_network_set(network, vx, x);
    if (vy) blur_network_set(network, vy, y);
  }
  bool right = x && y;
  free(x);
  free(y);
  return right;
}

// Median time of single steps. The same batch again and again may drive a network out of range: it then starts anew.
static bool time_steps(const Session *session, double *median) {
  double *times = calloc(MAX_TIMES, sizeof *times);
  if (!times || !fill_batch(session)) {
    free(times);
    return false;
  }
  for (int i = 0; i < WARM_STEPS; i++) blur_network_step(session->network);
  size_t count = 0;
  double start = session_clock();
  while (count < MAX_TIMES && (count < MIN_TIMES || session_clock() - start < budget_seconds)) {
    double before = session_clock();
    blur_network_step(session->network);
    times[count++] = session_clock() - before;
    if (count % CHECK_STEPS == 0 && !blur_network_is_finite(session->network, NULL)) {
      blur_network_reset(session->network, session->seed, NULL);
      blur_network_step(session->network);
    }
  }
  qsort(times, count, sizeof *times, compare_times);
  *median = times[count / 2];
  free(times);
  return true;
}

// Trains from the start and evaluates every so many steps.
static int measure_accuracy(const Session *session, int64_t steps, int64_t every, Measured *measured) {
  BlurStatus status;
  blur_network_reset(session->network, session->seed, NULL);
  BlurTraining *training = blur_training_create(session->network, session->data, session->loss, session->seed, &status);
  int code = training ? EXIT_DONE : session_failed(session, &status);
  for (int64_t done = 0; !code && done < steps && measured->points < MAX_POINTS;) {
    int64_t more = done + every < steps ? every : steps - done;
    BlurEvaluation evaluation;
    if (!blur_training_run(training, more, &status) ||
        !blur_training_evaluate(training, BLUR_TEST, &evaluation, &status)) {
      code = session_failed(session, &status);
      break;
    }
    done += more;
    measured->point[measured->points++] = evaluation;
  }
  blur_training_destroy(training);
  return code;
}

// ---- telling

static void tell_json(const Session *session, const Measured *measured) {
  static const char *const precisions[] = {"float", "double"};
  const Arguments *arguments = session->arguments;
  BlurCpu cpu = session->options.cpu == BLUR_CPU_NATIVE ? blur_cpu_best() : session->options.cpu;
  printf("{\"rule\": ");
  print_json_string(session->rule_name);
  printf(", \"net\": ");
  print_json_string(arguments->value[OPTION_net]);
  printf(", \"batch\": %" PRId64 ", \"threads\": %d, \"step_seconds\": %.9g, \"flops\": %.9g, \"peak_share\": %.6g",
         session->options.batch, blur_pool_threads(session->pool), measured->seconds, measured->flops,
         measured->flops / measured->seconds / measured->peak);
  printf(
      ", \"peak_flops\": %.6g, \"cpu\": \"%s\", \"precision\": \"%s\", \"compile_seconds\": %.6g, \"from_cache\": %s",
      measured->peak, blur_cpu_name(cpu), precisions[session->options.precision], measured->compile_seconds,
      measured->from_cache ? "true" : "false");
  if (measured->points) {
    printf(", \"accuracy\": [");
    for (size_t i = 0; i < measured->points; i++) {
      printf("%s{\"step\": %" PRId64 ", ", i ? ", " : "", measured->point[i].step);
      metrics_tell_json(&measured->point[i], "test_");
      printf("}");
    }
    printf("]");
  }
  printf("}\n");
  fflush(stdout);
}

static void tell_row(const Session *session, const Measured *measured) {
  printf("%-28s %10.4f %10.2f %10.1f %8.1f %% %9.0f%s\n", session->rule_name, 1e3 * measured->seconds,
         1e-6 * measured->flops, 1e-9 * measured->flops / measured->seconds,
         100 * measured->flops / measured->seconds / measured->peak, 1e3 * measured->compile_seconds,
         measured->from_cache ? " (cached)" : "");
  for (size_t i = 0; i < measured->points; i++) {
    printf("    step %7" PRId64 "  ", measured->point[i].step);
    metrics_tell(&measured->point[i]);
    printf("\n");
  }
  fflush(stdout);
}

static void tell_head(const Session *session, double peak, double peak_one) {
  int threads = blur_pool_threads(session->pool);
  BlurCpu cpu = session->options.cpu == BLUR_CPU_NATIVE ? blur_cpu_best() : session->options.cpu;
  printf("%s, batch %" PRId64 ", %d thread%s, %s; measured peak %.0f GFLOP/s", session->arguments->value[OPTION_net],
         session->options.batch, threads, threads == 1 ? "" : "s", blur_cpu_name(cpu), 1e-9 * peak);
  if (threads > 1) printf(", of one thread %.0f", 1e-9 * peak_one);
  printf("\n%-28s %10s %10s %10s %10s %9s\n", "rule", "ms a step", "Mflop", "GFLOP/s", "of peak", "compile ms");
}

// ---- working

static int bench_rule(const Arguments *arguments, const char *rule, double *peak) {
  Session session;
  int64_t steps, every;
  int code = session_open(&session, arguments);
  session.rule_name = rule;
  if (!code && (!option_integer(arguments, OPTION_steps, 1, INT64_MAX / 2, 469, &steps) ||
                !option_integer(arguments, OPTION_eval_every, 1, INT64_MAX / 2, (steps + 4) / 5, &every)))
    code = EXIT_USAGE;
  if (!code && *peak == 0) { // measured once, before the first rule
    int threads = blur_pool_threads(session.pool);
    double precision = session.options.precision == BLUR_DOUBLE ? 0.5 : 1; // half as many numbers a vector
    *peak = precision * peak_measure(session.options.cpu, threads);
    if (*peak == 0) {
      complain(arguments, "no threads to measure the peak with");
      code = EXIT_ENVIRONMENT;
    } else if (!option_given(arguments, OPTION_json)) {
      tell_head(&session, *peak, threads > 1 ? precision * peak_measure(session.options.cpu, 1) : *peak);
    }
  }
  if (!code) code = session_compile(&session);
  Measured *measured = calloc(1, sizeof *measured);
  if (!code && (!measured || !time_steps(&session, &measured->seconds))) {
    complain(arguments, "out of memory");
    code = EXIT_ENVIRONMENT;
  }
  if (!code) {
    BlurCost cost = blur_program_cost(session.program);
    measured->flops = cost.step_flops;
    measured->compile_seconds = cost.compile_seconds;
    measured->from_cache = cost.from_cache;
    measured->peak = *peak;
    if (session.data) code = measure_accuracy(&session, steps, every, measured);
  }
  if (!code || code == EXIT_DIVERGED) {
    if (option_given(arguments, OPTION_json)) tell_json(&session, measured);
    else tell_row(&session, measured);
  }
  free(measured);
  session_close(&session);
  return code;
}

int command_bench(const Arguments *arguments) {
  if (!arguments->operand_count) {
    complain(arguments, "a rule is needed");
    return EXIT_USAGE;
  }
  int code = EXIT_DONE;
  double peak = 0;
  for (size_t i = 0; i < arguments->operand_count && (!code || code == EXIT_DIVERGED); i++) {
    int one = bench_rule(arguments, arguments->operand[i], &peak);
    if (one) code = one;
  }
  return code;
}
