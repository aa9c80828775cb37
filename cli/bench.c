// blur bench RULE...: time a step (median), its flops, its share of this machine's measured peak; with --data, accuracy
// by step; with --unroll in place of that a meta-gradient (bench_unroll.c). A table, or an object a rule with --json.
#include "cli/bench.h"

#include "base/philox.h"
#include "cli/peak.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TIMES = 20000, MIN_TIMES = 10, MAX_POINTS = 200, WARM_STEPS = 3, CHECK_STEPS = 64 };

typedef struct {
  double seconds, flops, compile_seconds, peak;
  bool from_cache;
  BenchUnroll unroll; // steps: 0 where a step was measured
  size_t points;
  BlurEvaluation point[MAX_POINTS];
} Measured;

static int compare_times(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

double bench_median(double *times, size_t count) {
  qsort(times, count, sizeof *times, compare_times);
  return times[count / 2];
}

bool bench_fill_batch(const Session *session, BlurNetwork *network) {
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
static bool time_steps(Session *session, double *median) {
  double *times = calloc(MAX_TIMES, sizeof *times);
  if (!times || !bench_fill_batch(session, session->network)) {
    free(times);
    return false;
  }
  for (int i = 0; i < WARM_STEPS; i++) blur_network_step(session->network);
  size_t count = 0;
  bool done = true;
  double start = session_clock();
  while (done && count < MAX_TIMES && (count < MIN_TIMES || session_clock() - start < bench_seconds)) {
    double before = session_clock();
    blur_network_step(session->network);
    times[count++] = session_clock() - before;
    if (count % CHECK_STEPS == 0 && !blur_network_is_finite(session->network, NULL)) {
      done = session_reset(session) == EXIT_DONE;
      if (done) blur_network_step(session->network);
    }
  }
  *median = bench_median(times, count);
  free(times);
  return done;
}

// Trains from the start and evaluates every so many steps.
static int measure_accuracy(Session *session, int64_t steps, int64_t every, Measured *measured) {
  BlurStatus status;
  int reset = session_reset(session);
  if (reset) return reset;
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
  printf(", \"batch\": %" PRId64 ", \"threads\": %d, \"%s\": %.9g, \"flops\": %.9g, \"peak_share\": %.6g",
         session->options.batch, blur_pool_threads(session->pool),
         measured->unroll.steps ? "gradient_seconds" : "step_seconds", measured->seconds, measured->flops,
         measured->flops / measured->seconds / measured->peak);
  if (measured->unroll.steps)
    printf(", \"unroll\": %" PRId64 ", \"networks\": %" PRId64 ", \"snapshots\": %" PRId64
           ", \"resident_bytes\": %zu, \"diverged\": %s",
           measured->unroll.steps, measured->unroll.networks, measured->unroll.snapshots, measured->unroll.resident,
           measured->unroll.diverged ? "true" : "false");
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
  printf("%-28s %10.4f %10.2f %10.1f %8.1f %%", session->rule_name, 1e3 * measured->seconds, 1e-6 * measured->flops,
         1e-9 * measured->flops / measured->seconds, 100 * measured->flops / measured->seconds / measured->peak);
  if (measured->unroll.steps) printf(" %9.1f", 1e-6 * (double)measured->unroll.resident);
  printf(" %9.0f%s%s\n", 1e3 * measured->compile_seconds, measured->from_cache ? " (cached)" : "",
         measured->unroll.diverged ? " (not finite)" : "");
  for (size_t i = 0; i < measured->points; i++) {
    printf("    step %7" PRId64 "  ", measured->point[i].step);
    metrics_tell(&measured->point[i]);
    printf("\n");
  }
  fflush(stdout);
}

static void tell_head(const Session *session, const BenchUnroll *unroll, double peak, double peak_one) {
  int threads = blur_pool_threads(session->pool);
  BlurCpu cpu = session->options.cpu == BLUR_CPU_NATIVE ? blur_cpu_best() : session->options.cpu;
  printf("%s, batch %" PRId64 ", %d thread%s, %s; measured peak %.0f GFLOP/s", session->arguments->value[OPTION_net],
         session->options.batch, threads, threads == 1 ? "" : "s", blur_cpu_name(cpu), 1e-9 * peak);
  if (threads > 1) printf(", of one thread %.0f", 1e-9 * peak_one);
  if (unroll->steps) printf("\nmeta-gradients of %" PRId64 " steps", unroll->steps);
  if (unroll->networks > 1) printf(", of %" PRId64 " networks side by side", unroll->networks);
  printf("\n%-28s %10s %10s %10s %10s", "rule", unroll->steps ? "ms" : "ms a step", "Mflop", "GFLOP/s", "of peak");
  if (unroll->steps) printf(" %9s", "MB");
  printf(" %9s\n", "compile ms");
}

// ---- working

// The peak of all threads; the first rule's table begins with it.
static int begin_table(const Session *session, const BenchUnroll *unroll, double *peak) {
  int threads = blur_pool_threads(session->pool);
  double precision = session->options.precision == BLUR_DOUBLE ? 0.5 : 1; // half as many numbers a vector
  *peak = precision * peak_measure(session->options.cpu, threads);
  if (*peak == 0) {
    complain(session->arguments, "no threads to measure the peak with");
    return EXIT_ENVIRONMENT;
  }
  if (!option_given(session->arguments, OPTION_json))
    tell_head(session, unroll, *peak, threads > 1 ? precision * peak_measure(session->options.cpu, 1) : *peak);
  return EXIT_DONE;
}

static int measure_unroll(Session *session, Measured *measured) {
  blur_network_destroy(session->network); // its memory would not be among what is measured
  session->network = NULL;
  int code = bench_unroll_measure(session, &measured->unroll);
  measured->seconds = measured->unroll.seconds;
  measured->flops = measured->unroll.flops;
  return code;
}

static int measure_step(Session *session, Measured *measured) {
  measured->flops = blur_program_cost(session->program).step_flops;
  if (time_steps(session, &measured->seconds)) return EXIT_DONE;
  complain(session->arguments, "out of memory");
  return EXIT_ENVIRONMENT;
}

// NULL as rule: that of --genome.
static int bench_rule(const Arguments *arguments, const char *rule, Measured *measured) {
  Session session;
  int64_t steps, every;
  int code = session_open(&session, arguments);
  if (rule) session.rule_name = rule;
  if (!code && (!option_integer(arguments, OPTION_steps, 1, INT64_MAX / 2, 469, &steps) ||
                !option_integer(arguments, OPTION_eval_every, 1, INT64_MAX / 2, (steps + 4) / 5, &every) ||
                !bench_unroll_options(arguments, &measured->unroll)))
    code = EXIT_USAGE;
  if (!code && measured->peak == 0) code = begin_table(&session, &measured->unroll, &measured->peak);
  session.options.adjoint = measured->unroll.steps > 0;
  session.options.query_loss = session.loss;
  if (!code) code = session_compile(&session);
  if (!code) code = measured->unroll.steps ? measure_unroll(&session, measured) : measure_step(&session, measured);
  if (!code) {
    BlurCost cost = blur_program_cost(session.program);
    measured->compile_seconds = cost.compile_seconds;
    measured->from_cache = cost.from_cache;
    if (session.data) code = measure_accuracy(&session, steps, every, measured);
  }
  if (!code || code == EXIT_DIVERGED) {
    if (option_given(arguments, OPTION_json)) tell_json(&session, measured);
    else tell_row(&session, measured);
  }
  session_close(&session);
  return code;
}

int command_bench(const Arguments *arguments) {
  bool by_genome = !arguments->operand_count && option_given(arguments, OPTION_genome);
  if (!arguments->operand_count && !by_genome) {
    complain(arguments, "a rule is needed");
    return EXIT_USAGE;
  }
  int code = EXIT_DONE;
  double peak = 0; // measured once, before the first rule
  size_t rules = by_genome ? 1 : arguments->operand_count;
  for (size_t i = 0; i < rules && (!code || code == EXIT_DIVERGED); i++) {
    Measured measured = {.peak = peak};
    int one = bench_rule(arguments, by_genome ? NULL : arguments->operand[i], &measured);
    if (one) code = one;
    peak = measured.peak;
  }
  return code;
}
