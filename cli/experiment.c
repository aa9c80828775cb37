// blur train FILE[:NAME] where that is an experiment: checks it, opens the data, compiles the rules, runs the study,
// tells the table. Ctrl-C ends it with what is done so far.
#include "cli/experiment.h"
#include "cli/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Options that a field of the experiment says.
static const struct {
  OptionName option;
  const char *name, *field;
} fields_instead[] = {
    {OPTION_steps, "steps", "steps"},
    {OPTION_batch, "batch", "data.batch"},
    {OPTION_eval_every, "eval-every", "eval.every"},
    {OPTION_seed, "seed", "seeds.from"},
    {OPTION_loss, "loss", "loss"},
    {OPTION_precision, "precision", "precision"},
    {OPTION_data, "data", "data"},
    {OPTION_genome, "genome", "rule.genome"},
};
static const struct {
  OptionName option;
  const char *name;
} without_meaning[] = {{OPTION_epochs, "epochs"},
                       {OPTION_save, "save"},
                       {OPTION_load, "load"},
                       {OPTION_cpu, "cpu"},
                       {OPTION_products, "products"}};

static bool options_fit(const Arguments *arguments) {
  for (size_t i = 0; i < sizeof fields_instead / sizeof *fields_instead; i++) {
    if (!option_given(arguments, fields_instead[i].option)) continue;
    complain(arguments, "an experiment says --%s itself; to run it with another value: --set %s=%s",
             fields_instead[i].name, fields_instead[i].field, arguments->value[fields_instead[i].option]);
    return false;
  }
  for (size_t i = 0; i < sizeof without_meaning / sizeof *without_meaning; i++) {
    if (!option_given(arguments, without_meaning[i].option)) continue;
    complain(arguments, "--%s is for training one network by a rule, not for an experiment", without_meaning[i].name);
    return false;
  }
  return true;
}

static int failed(const Experiment *experiment, const BlurStatus *status) {
  complain(experiment->arguments, "%s", status->message);
  return (int)status->code;
}

// The network's ends and the loss, as far as the file leaves them to the data.
static int fit_to_data(Experiment *experiment) {
  const BlurExperimentFields *fields = experiment->fields;
  int last = fields->layers - 1;
  experiment->units = network_units(fields->layers, fields->units, experiment->data);
  experiment->loss = fields->has_loss ? fields->loss : blur_data_loss(experiment->data, experiment->units[last]);
  experiment->is_regression = blur_data_classes(experiment->data) == 0;
  experiment->measures = calloc(fields->measures + 1, sizeof *experiment->measures);
  for (size_t m = 0; experiment->measures && m < fields->measures; m++) {
    const BlurExperimentMeasure *measure = &fields->measure[m];
    experiment->measures[m] = (BlurMeasure){measure->every, measure->is_cosine, measure->kind, measure->variable};
  }
  if (!experiment->measures) return EXIT_ENVIRONMENT;
  return EXIT_DONE;
}

static void interrupt(void *study) { blur_study_interrupt(study); }

// All runs diverged: then the experiment did, too.
static bool all_diverged(const Experiment *experiment) {
  for (size_t e = 0; e < experiment->entry_count; e++)
    for (int64_t seed = 0; seed < experiment->fields->seeds; seed++)
      if (!blur_study_result(experiment->study, e, seed).diverged) return false;
  return true;
}

static const char *ending_of(const Experiment *experiment) {
  if (blur_study_interrupted(experiment->study)) return "interrupted";
  return all_diverged(experiment) ? "diverged" : "done";
}

static int run(Experiment *experiment) {
  const BlurExperimentFields *fields = experiment->fields;
  BlurStatus status;
  BlurStudyOptions options = {.data = experiment->data,
                              .loss = experiment->loss,
                              .part = fields->on_validation ? BLUR_VALIDATION : BLUR_TEST,
                              .steps = fields->steps,
                              .eval_every = fields->eval_every,
                              .seeds = fields->seeds,
                              .first_seed = fields->first_seed,
                              .threads = experiment->threads,
                              .contenders = experiment->entry_count,
                              .contender = experiment->contenders,
                              .measures = fields->measures,
                              .measure = experiment->measures,
                              .watch = experiment_watch,
                              .context = experiment};
  experiment->study = blur_study_create(&options, &status);
  if (!experiment->study) return failed(experiment, &status);
  experiment->started = session_clock();
  command_interrupts(interrupt, experiment->study);
  experiment_tell_head(experiment);
  experiment_record_begin(experiment);
  bool right = blur_study_run(experiment->study, &status);
  experiment_record_end(experiment, right ? ending_of(experiment) : "failed", right ? NULL : status.message);
  command_interrupts(NULL, NULL);
  if (!right) return failed(experiment, &status);
  experiment_tell_end(experiment);
  if (!experiment_write_files(experiment, &status)) return failed(experiment, &status);
  if (blur_study_interrupted(experiment->study)) {
    if (ferror(stdout) && output_is_abandoned()) return EXIT_CLOSED_PIPE;
    if (ferror(stdout)) {
      complain(experiment->arguments, "standard output could not be written; these results are partial");
      return EXIT_ENVIRONMENT;
    }
    complain(experiment->arguments, "interrupted: these results are partial");
    return EXIT_INTERRUPTED;
  }
  return all_diverged(experiment) ? EXIT_DIVERGED : EXIT_DONE;
}

static int work(Experiment *experiment) {
  const Arguments *arguments = experiment->arguments;
  int64_t threads;
  if (!options_fit(arguments) || !option_integer(arguments, OPTION_threads, 1, 1024, 0, &threads)) return EXIT_USAGE;
  experiment->report = blur_report_create();
  experiment->experiment =
      blur_experiment_load(arguments->operand[0], arguments->settings, arguments->setting_count, experiment->report);
  if (!experiment->experiment) return report_finish(arguments, experiment->report);
  experiment->fields = blur_experiment_fields(experiment->experiment);
  const BlurExperimentFields *fields = experiment->fields;
  if (fields->has_meta || fields->steps == 0) {
    if (fields->has_meta)
      complain(arguments, "the experiment `%s` learns a genome: run it with `blur meta %s`", fields->name,
               arguments->operand[0]);
    else
      complain(arguments, "the experiment `%s` has no steps to train: add `steps 100`, or --set steps=100",
               fields->name);
    return EXIT_INPUT;
  }
  experiment->threads = threads ? (int)threads : fields->threads;
  BlurStatus status;
  BlurPool *pool = blur_pool_create(experiment->threads, &status);
  if (!pool) return failed(experiment, &status);
  experiment->threads = blur_pool_threads(pool);
  blur_pool_destroy(pool);
  if (!experiment_open_files(experiment, &status)) return failed(experiment, &status);
  experiment->data = blur_data_load(experiment->fields->data, &status);
  if (!experiment->data) return failed(experiment, &status);
  int code = fit_to_data(experiment);
  if (!code) code = experiment_open_genomes(experiment);
  if (code) return code;
  bool made = experiment_make_entries(experiment);
  code = report_finish(arguments, experiment->report);
  if (!made || code) return code ? code : EXIT_INPUT;
  return run(experiment);
}

int experiment_run(const Arguments *arguments) {
  Experiment experiment = {.arguments = arguments,
                           .json = option_given(arguments, OPTION_json),
                           .terminal = isatty(STDOUT_FILENO) == 1 && !option_given(arguments, OPTION_json)};
  command_interrupts_end("\nblur train: interrupted before the first step; there is nothing to write\n");
  int code = work(&experiment);
  command_interrupts_end(NULL);
  experiment_close_files(&experiment);
  blur_study_destroy(experiment.study);
  experiment_free_entries(&experiment);
  experiment_close_genomes(&experiment);
  blur_data_destroy(experiment.data);
  free(experiment.units);
  free(experiment.measures);
  blur_experiment_destroy(experiment.experiment);
  blur_report_destroy(experiment.report);
  text_free(&experiment.lost);
  return code;
}
