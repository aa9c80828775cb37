// blur grad FILE[:NAME]: the gradient that an experiment's unroll and objective mean, by the genome of its first rule:
// by the adjoint, by forward mode and by central differences, side by side, and how perturbations grow along the
// unroll. One task, one seed; batches as training draws them.
#include "cli/gradient.h"
#include "cli/rule_genome.h"
#include "cli/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failed(const Gradient *gradient, const BlurStatus *status) {
  if (gradient->terminal) fprintf(stderr, "\r\033[K");
  complain(gradient->arguments, "%s", status->message);
  return (int)status->code;
}

// ---- what the command line and the file say

static bool options_fit(const Arguments *arguments) {
  static const struct {
    OptionName option;
    const char *name, *field;
  } instead[] = {{OPTION_net, "net", "net"}, {OPTION_batch, "batch", "data.batch"}, {OPTION_loss, "loss", "loss"}};
  for (size_t i = 0; i < sizeof instead / sizeof *instead; i++) {
    if (!option_given(arguments, instead[i].option)) continue;
    complain(arguments,
             "an experiment says --%s itself; for another value: --set %s=%s; a rule of the file is FILE:RULE",
             instead[i].name, instead[i].field, arguments->value[instead[i].option]);
    return false;
  }
  if (!option_given(arguments, OPTION_in)) return true;
  complain(arguments, "--in is for the arrays of a single rule; an experiment brings its data");
  return false;
}

static int read_options(Gradient *gradient) {
  const Arguments *arguments = gradient->arguments;
  const BlurExperimentFields *fields = gradient->fields;
  int64_t seed;
  if (!network_options(arguments, false, 0, 0, &gradient->options) ||
      !option_integer(arguments, OPTION_seed, 0, INT64_MAX, fields->first_seed, &seed) ||
      !option_integer(arguments, OPTION_steps, 1, INT32_MAX, fields->meta.unroll_first, &gradient->steps))
    return EXIT_USAGE;
  bool is_interpreted = gradient->options.engine == BLUR_ENGINE_INTERPRET; // always in double
  if (is_interpreted || !option_given(arguments, OPTION_precision)) gradient->options.precision = BLUR_DOUBLE;
  gradient->seed = (uint64_t)seed;
  if (gradient->steps > 0) return EXIT_DONE;
  complain(arguments, "through how many steps? the experiment has no line `unroll 10`: add one, or say --steps 10");
  return EXIT_USAGE;
}

static void fit_to_data(Gradient *gradient) {
  const BlurExperimentFields *fields = gradient->fields;
  int last = fields->layers - 1;
  int64_t *units = gradient->units = network_units(fields->layers, fields->units, gradient->data);
  gradient->loss = fields->meta.has_loss ? fields->meta.loss
                   : fields->has_loss    ? fields->loss
                                         : blur_data_loss(gradient->data, units[last]);
  gradient->options.layers = fields->layers;
  gradient->options.units = units;
  gradient->options.batch = fields->has_meta ? fields->meta.batch : fields->batch;
  gradient->options.adjoint = gradient->options.tangent = true;
  gradient->options.query_loss = gradient->loss;
}

// ---- unrolls

// Batches of steps are those of training; a query after n steps is number 2 steps - n: a later batch, or the one that
// the step before it learned from.
void gradient_batch(void *context, BlurNetwork *network, int64_t number) {
  const GradientRun *run = context;
  (void)network; // it is the training's
  bool is_query = number >= run->gradient->steps;
  if (is_query && run->gradient->fields->meta.on_train) number = 2 * run->gradient->steps - number - 1;
  blur_training_show(run->training, number);
}

bool gradient_open(const Gradient *gradient, const BlurProgram *program, GradientRun *run, BlurStatus *status) {
  const BlurMetaOptions *meta = &gradient->fields->meta;
  *run = (GradientRun){.gradient = gradient,
                       .network = blur_network_create(program, gradient->pool, gradient->seed, status)};
  if (!run->network || !rule_genome_put(&gradient->fields->rule[0], gradient->genome, run->network, status))
    return false;
  run->training = blur_training_create(run->network, gradient->data, gradient->loss, gradient->seed, status);
  if (!run->training) return false;
  run->unroll = blur_unroll_create(run->network, NULL, gradient->steps, gradient->memory, status);
  return run->unroll && blur_unroll_set_objective(run->unroll, meta->at_every, meta->at_from, status);
}

void gradient_close(GradientRun *run) {
  blur_unroll_destroy(run->unroll);
  blur_training_destroy(run->training);
  blur_network_destroy(run->network);
  *run = (GradientRun){0};
}

// ---- work

static void watch(void *context, size_t done, size_t of) {
  const Gradient *gradient = context;
  if (gradient->terminal) fprintf(stderr, "\r\033[K%zu of %zu numbers of the genome", done, of);
}

static void tell_head(const Gradient *gradient, const BlurUnroll *unroll) {
  if (gradient->json) return;
  const BlurExperimentFields *fields = gradient->fields;
  printf("%s: %s on %s, ", fields->name, fields->rule[0].rule, gradient->task);
  print_units(gradient->options.layers, gradient->units);
  printf(", batch %" PRId64 ", seed %" PRIu64 ", in %s\n", gradient->options.batch, gradient->seed,
         gradient->options.precision == BLUR_DOUBLE ? "float64" : "float32");
  BlurUnrollCost cost = blur_unroll_cost(unroll);
  printf("%" PRId64 " step%s: %.0f forward for the adjoint, %" PRId64 " snapshot%s, %.1f MB\n", gradient->steps,
         gradient->steps == 1 ? "" : "s", cost.steps, cost.snapshots, cost.snapshots == 1 ? "" : "s",
         (double)cost.bytes / 1e6);
  fflush(stdout); // before the work
}

static bool measure_growth(Gradient *gradient, GradientRun *run, BlurStatus *status) {
  int64_t most = GRADIENT_MOST_STEPS, steps = gradient->steps;
  gradient->measured = (size_t)(steps < most ? steps : most);
  for (int64_t i = 0; i < (int64_t)gradient->measured; i++)
    gradient->step[i] = steps <= most ? i : i * (steps - 1) / (most - 1);
  if (gradient->terminal) fprintf(stderr, "\r\033[Kgrowth along the unroll");
  gradient->growth = blur_growth_create(run->unroll, gradient_batch, run, gradient->measured, gradient->step,
                                        gradient->of_step, status);
  if (gradient->terminal) fprintf(stderr, "\r\033[K");
  return gradient->growth != NULL;
}

static int measure(Gradient *gradient, GradientRun *run, BlurStatus *status) {
  if (!gradient_open(gradient, gradient->program, run, status)) return (int)status->code;
  tell_head(gradient, run->unroll);
  gradient->routes =
      blur_routes_create(run->unroll, gradient_batch, run, GRADIENT_MOST_NUMBERS, watch, gradient, status);
  if (gradient->terminal) fprintf(stderr, "\r\033[K%d pairs of moved genomes", GRADIENT_PAIRS);
  if (gradient->routes &&
      !blur_routes_move(gradient->routes, GRADIENT_PAIRS, gradient->fields->meta.deviation, gradient->seed, status))
    return (int)status->code;
  if (!gradient->routes || !measure_growth(gradient, run, status)) return (int)status->code;
  return gradient_measure_digits(gradient, status);
}

static int tell(const Gradient *gradient) {
  const char *path = gradient->arguments->value[OPTION_out];
  BlurStatus status;
  if (gradient->json) {
    gradient_tell_json(gradient);
  } else {
    printf("loss %.9g\n\n", gradient->routes->loss);
    gradient_tell(gradient);
  }
  return !path || gradient_write(gradient, path, &status) ? EXIT_DONE : failed(gradient, &status);
}

static int work(Gradient *gradient) {
  const Arguments *arguments = gradient->arguments;
  BlurStatus status;
  int64_t threads;
  if (!options_fit(arguments) || !option_integer(arguments, OPTION_threads, 1, 1024, 0, &threads) ||
      !option_bytes(arguments, OPTION_memory, 0, &gradient->memory))
    return EXIT_USAGE;
  gradient->report = blur_report_create();
  gradient->experiment =
      blur_experiment_load(arguments->operand[0], arguments->settings, arguments->setting_count, gradient->report);
  if (!gradient->experiment) return report_finish(arguments, gradient->report);
  const BlurExperimentFields *fields = gradient->fields = blur_experiment_fields(gradient->experiment);
  int code = read_options(gradient);
  if (code) return code;
  gradient->task = fields->data ? fields->data : fields->task[0];
  gradient->data = blur_data_load(gradient->task, &status);
  if (!gradient->data) return failed(gradient, &status);
  blur_data_redraw(gradient->data, gradient->seed);
  fit_to_data(gradient);
  gradient->rule = blur_experiment_rule(gradient->experiment, 0, NULL, gradient->loss, gradient->report);
  if (gradient->rule) gradient->program = blur_compile(gradient->rule, &gradient->options, gradient->report);
  code = report_finish(arguments, gradient->report);
  if (!gradient->program || code) return code ? code : EXIT_INPUT;
  gradient->pool = blur_pool_create(threads ? (int)threads : fields->threads, &status);
  if (!gradient->pool) return failed(gradient, &status);
  code = rule_genome_open(arguments, &fields->rule[0], gradient->program, &gradient->genome);
  if (code) return code;
  GradientRun run = {0};
  status = (BlurStatus){0};
  code = measure(gradient, &run, &status);
  gradient_close(&run);
  if (!code) return tell(gradient);
  return status.code ? failed(gradient, &status) : code;
}

int gradient_run(const Arguments *arguments) {
  Gradient gradient = {.arguments = arguments, .json = option_given(arguments, OPTION_json)};
  gradient.terminal = !gradient.json && isatty(STDERR_FILENO) == 1;
  command_interrupts_end("\nblur grad: interrupted; there is nothing to write\n");
  int code = work(&gradient);
  command_interrupts_end(NULL);
  blur_routes_destroy(gradient.routes);
  blur_growth_destroy(gradient.growth);
  blur_pool_destroy(gradient.pool);
  blur_program_destroy(gradient.program);
  blur_genome_destroy(gradient.genome);
  blur_rule_destroy(gradient.rule);
  blur_data_destroy(gradient.data);
  free(gradient.units);
  blur_experiment_destroy(gradient.experiment);
  blur_report_destroy(gradient.report);
  return code;
}
