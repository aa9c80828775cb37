// blur meta FILE[:NAME]: learns the genome of an experiment's rule by gradients through its learning, tells how it
// goes, keeps the best genome on disk, and tests it on what the experiment names. Ctrl-C ends it with what is done so
// far.
#include "cli/meta.h"
#include "cli/rule_genome.h"
#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failed(const Meta *meta, const BlurStatus *status) {
  complain(meta->arguments, "%s", status->message);
  return (int)status->code;
}

static void interrupt(void *meta) { blur_meta_interrupt(meta); }

// The network that all begin with, where a genome is given.
static int open_start(Meta *meta) {
  const BlurExperimentRule *rule = &meta->fields->rule[0];
  const BlurProgram *program = meta->tasks.task[0].program;
  BlurGenome *genome;
  BlurStatus status;
  meta->pool = blur_pool_create(1, &status);
  if (!meta->pool) return failed(meta, &status);
  int code = rule_genome_open(meta->arguments, rule, program, &genome);
  if (code || !genome) return code;
  meta->start = blur_network_create(program, meta->pool, 0, &status);
  bool right = meta->start && rule_genome_put(rule, genome, meta->start, &status);
  blur_genome_destroy(genome);
  return right ? EXIT_DONE : failed(meta, &status);
}

static int make(Meta *meta) {
  BlurStatus status;
  BlurMetaSetup setup = {.options = &meta->fields->meta,
                         .tasks = meta->tasks.count,
                         .task = meta->tasks.task,
                         .tests = meta->fields->meta_tests,
                         .test = meta->tests,
                         .start = meta->start,
                         .seed = (uint64_t)meta->seed,
                         .threads = (int)meta->threads,
                         .memory = meta->memory,
                         .stop = meta->stop,
                         .watch = meta_watch,
                         .rest = meta_rest,
                         .context = meta};
  meta->meta = blur_meta_create(&setup, &status);
  return meta->meta ? EXIT_DONE : failed(meta, &status);
}

// How the run ended, in words for its record.
static const char *ending_of(const Meta *meta, bool right, const BlurStatus *status) {
  if (!right) return status->code == BLUR_DIVERGED ? "diverged" : "failed";
  if (blur_meta_interrupted(meta->meta)) return "interrupted";
  return meta->told_step < meta->fields->meta.steps ? "stopped" : "done";
}

static int run(Meta *meta) {
  BlurStatus status, other;
  int code = make(meta);
  if (!code) code = meta_open_checkpoints(meta);
  if (code) return code;
  meta->started = session_clock() - meta->seconds_before;
  command_interrupts_end(NULL);
  command_interrupts(interrupt, meta->meta);
  meta_tell_head(meta);
  meta_record_begin(meta);
  bool right = blur_meta_run(meta->meta, &status);
  meta_record_end(meta, ending_of(meta, right, &status), right ? NULL : status.message);
  command_interrupts(NULL, NULL);
  // What is learned outlives a checkpoint that could not be written, where its own file can.
  if (!right && status.code != BLUR_DIVERGED && !meta->not_kept) return failed(meta, &status);
  meta_tell_end(meta, !right && status.code == BLUR_DIVERGED);
  if (!meta_save_genome(meta, &other) || !meta_write_log(meta, &other)) return failed(meta, right ? &other : &status);
  if (!right) return failed(meta, &status);
  if (!blur_meta_interrupted(meta->meta)) return EXIT_DONE;
  if (ferror(stdout) && output_is_abandoned()) return EXIT_CLOSED_PIPE;
  complain(meta->arguments, "interrupted after %lld meta-steps", (long long)meta->told_step);
  if (meta->folder) complain(meta->arguments, "the same command with --resume goes on from %s", meta->folder);
  return EXIT_INTERRUPTED;
}

static int work(Meta *meta) {
  const Arguments *arguments = meta->arguments;
  BlurStatus status;
  if (arguments->operand_count != 1) {
    if (arguments->operand_count == 2 && option_given(arguments, OPTION_resume))
      complain(arguments, "the place to go on from is written --resume=%s", arguments->operand[1]);
    else complain(arguments, "takes one file with an experiment that has `meta`, or FILE:NAME");
    return EXIT_USAGE;
  }
  if (!option_integer(arguments, OPTION_threads, 1, 1024, 0, &meta->threads) ||
      !option_integer(arguments, OPTION_seed, 0, INT64_MAX, 0, &meta->seed) ||
      !option_integer(arguments, OPTION_steps, 1, INT64_MAX, 0, &meta->stop) ||
      !option_bytes(arguments, OPTION_memory, 0, &meta->memory))
    return EXIT_USAGE;
  meta->report = blur_report_create();
  meta->experiment =
      blur_experiment_load(arguments->operand[0], arguments->settings, arguments->setting_count, meta->report);
  if (!meta->experiment) return report_finish(arguments, meta->report);
  meta->fields = blur_experiment_fields(meta->experiment);
  if (!meta->fields->has_meta) {
    complain(arguments,
             "the experiment `%s` has no `meta`, as in `meta adam { steps = 10000 }`; one that trains by a rule as it "
             "is: blur train %s",
             meta->fields->name, arguments->operand[0]);
    return EXIT_INPUT;
  }
  if (!meta->threads) meta->threads = meta->fields->threads;
  if (!meta_open_files(meta, &status)) return failed(meta, &status);
  int code = meta_open_tasks(meta), told = report_finish(arguments, meta->report);
  if (!code && !told) code = open_start(meta);
  return told ? told : code ? code : run(meta);
}

int command_meta(const Arguments *arguments) {
  Meta meta = {.arguments = arguments,
               .json = option_given(arguments, OPTION_json),
               .terminal = isatty(STDOUT_FILENO) == 1 && !option_given(arguments, OPTION_json)};
  command_interrupts_end("\nblur meta: interrupted before the first meta-step; there is nothing to write\n");
  int code = work(&meta);
  command_interrupts_end(NULL);
  blur_meta_destroy(meta.meta);
  blur_network_destroy(meta.start);
  blur_pool_destroy(meta.pool);
  if (meta.fields) meta_close_tasks(&meta);
  meta_close_files(&meta);
  meta_close_checkpoints(&meta);
  blur_experiment_destroy(meta.experiment);
  blur_report_destroy(meta.report);
  return code;
}
