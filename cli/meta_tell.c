// What a meta-learning run tells: what it is about to do and what that takes, a line of progress on a terminal, a line
// a check, a table a test; with --json an object a check, a test, a restart.
#include "cli/meta.h"
#include "cli/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_regression(const MetaTasks *tasks, size_t task) {
  return blur_data_classes(tasks->task[task].data) == 0;
}

static double score_scale(const Meta *meta) { return is_regression(&meta->tasks, 0) ? 1 : 100; }

static void clear_line(const Meta *meta) {
  if (meta->terminal) printf("\r\033[K");
}

static void tell_bytes(double bytes) {
  if (bytes < 1e6) printf("%.0f kB", bytes / 1e3);
  else if (bytes < 1e9) printf("%.1f MB", bytes / 1e6);
  else printf("%.2f GB", bytes / 1e9);
}

// ---- before the run

static void tell_unroll(const BlurMetaOptions *options) {
  printf("%" PRId64, options->unroll_first);
  if (options->unroll_last > options->unroll_first)
    printf(" to %" PRId64 " (%" PRId64 " more every %" PRId64 " meta-steps)", options->unroll_last, options->unroll_by,
           options->unroll_every);
}

// The genomes of a meta-step: of CMA-ES the candidates of its first generation.
static int64_t genomes_of(const Meta *meta) {
  const BlurEvolution *evolution = blur_meta_evolution(meta->meta);
  return evolution ? (int64_t)blur_evolution_population(evolution) : meta->fields->meta.population;
}

const char *meta_norm_name(const Meta *meta) {
  return meta->fields->meta.optimizer == BLUR_META_CMA ? "sigma" : "gradient";
}

void meta_tell_head(const Meta *meta) {
  const BlurMetaOptions *options = &meta->fields->meta;
  BlurMetaCost cost = blur_meta_cost(meta->meta);
  BlurMetaBest best = blur_meta_best(meta->meta);
  if (meta->json && meta->resumed) {
    printf("{\"event\": \"resume\", \"step\": %" PRId64 ", \"file\": ", meta->kept_step);
    print_json_string(meta->resumed);
    printf("}\n");
  }
  if (meta->json) return;
  printf("%s: a genome of %zu number%s for %s, on ", meta->fields->name, cost.genome, cost.genome == 1 ? "" : "s",
         meta->fields->rule[0].rule);
  for (size_t t = 0; t < meta->tasks.count; t++)
    printf("%s%s (%s)", t ? ", " : "", meta->tasks.name[t].data, meta->tasks.name[t].net);
  int64_t genomes = genomes_of(meta), networks = genomes * (int64_t)meta->tasks.count * options->replicas;
  printf("\n%" PRId64 " meta-steps, each through ", options->steps);
  tell_unroll(options);
  printf(" steps of %" PRId64 " network%s: %" PRId64 " genome%s x %zu task%s x %" PRId64 " replica%s, batch %" PRId64
         "\n",
         networks, networks == 1 ? "" : "s", genomes, genomes == 1 ? "" : "s", meta->tasks.count,
         meta->tasks.count == 1 ? "" : "s", options->replicas, options->replicas == 1 ? "" : "s", options->batch);
  printf("a meta-step: %.0f steps forward at most, ", cost.steps);
  tell_bytes((double)cost.bytes);
  printf(", %d network%s at a time on %d thread%s\n\n", cost.at_once, cost.at_once == 1 ? "" : "s", cost.threads,
         cost.threads == 1 ? "" : "s");
  if (meta->resumed)
    printf("goes on from %s: %" PRId64 " meta-steps done, best score %.*f%s of meta-step %" PRId64 "\n\n",
           meta->resumed, meta->kept_step, score_scale(meta) > 1 ? 2 : 3, score_scale(meta) * best.score,
           score_scale(meta) > 1 ? " %" : "", best.step);
  printf("meta-step    T  genome        loss  %10s     score  mean score   best    skipped\n", meta_norm_name(meta));
  fflush(stdout);
}

// ---- while it runs

static void tell_progress(Meta *meta, const BlurMetaEvent *event) {
  double now = session_clock(), since = now - meta->told;
  meta->told_step = event->step;
  if (!meta->terminal || since < 0.2) return;
  if (meta->told > 0 && since > 0) {
    double rate = (double)(event->step - meta->rated_step) / since;
    meta->rate = meta->rate > 0 ? 0.9 * meta->rate + 0.1 * rate : rate;
  }
  meta->rated_step = event->step;
  meta->told = now;
  double left = meta->rate > 0 ? (double)(meta->fields->meta.steps - event->step) / meta->rate : 0;
  printf("\r\033[Kmeta-step %" PRId64 " of %" PRId64 "  T %" PRId64 "  %.1f meta-steps/s  %.0f s left", event->step,
         meta->fields->meta.steps, event->unroll, meta->rate, left);
  fflush(stdout);
}

static void check_totals(const Meta *meta, const BlurMetaEvent *event, double *mean, int64_t *skipped) {
  *mean = 0;
  *skipped = 0;
  for (int64_t m = 0; m < meta->fields->meta.population; m++) {
    *mean += event->member[m].score / (double)meta->fields->meta.population;
    *skipped += event->member[m].skipped;
  }
}

static void json_check(const Meta *meta, const BlurMetaEvent *event) {
  printf("{\"event\": \"check\", \"step\": %" PRId64 ", \"unroll\": %" PRId64 ", \"seconds\": %.3f, \"genomes\": [",
         event->step, event->unroll, session_clock() - meta->started);
  for (int64_t m = 0; m < meta->fields->meta.population; m++) {
    const BlurMetaMember *member = &event->member[m];
    printf("%s{\"genome\": %" PRId64, m ? ", " : "", m);
    print_json_number("loss", member->loss);
    print_json_number(meta_norm_name(meta), member->norm);
    print_json_number("score", member->score);
    printf(", \"skipped\": %" PRId64 ", \"lost\": %s}", member->skipped, member->lost ? "true" : "false");
  }
  printf("]");
  print_json_number("best_score", blur_meta_best(meta->meta).score);
  printf("}\n");
}

static void tell_check(Meta *meta, const BlurMetaEvent *event) {
  const BlurMetaMember *member = &event->member[event->which];
  double mean, scale = score_scale(meta);
  int64_t skipped;
  check_totals(meta, event, &mean, &skipped);
  clear_line(meta);
  printf("%9" PRId64 " %4" PRId64 "  %6zu  %10.4g  %10.3g  %8.*f    %8.*f  %-4s  %9" PRId64 "\n", event->step,
         event->unroll, event->which, metrics_told(member->loss), metrics_told(member->norm), scale > 1 ? 2 : 3,
         scale * member->score, scale > 1 ? 2 : 3, scale * mean, event->is_best ? "kept" : "", skipped);
}

// ---- tests

static void json_test(const Meta *meta, const BlurMetaEvent *event) {
  const MetaTasks *tasks = &meta->tested[event->which];
  const BlurMetaTest *test = &meta->tests[event->which];
  for (size_t t = 0; t < tasks->count; t++) {
    BlurInterval interval = blur_interval(test->networks, event->score + t * (size_t)test->networks);
    printf("{\"event\": \"test\", \"test\": ");
    print_json_string(meta->fields->meta_test[event->which].name);
    printf(", \"step\": %" PRId64 ", \"data\": ", event->step);
    print_json_string(tasks->name[t].data);
    printf(", \"net\": ");
    print_json_string(tasks->name[t].net);
    printf(", \"steps\": %" PRId64, test->steps);
    print_json_number("score", interval.mean);
    print_json_number("half", interval.half);
    printf(", \"n\": %" PRId64 ", \"scores\": [", interval.n);
    for (int64_t n = 0; n < test->networks; n++)
      printf("%s%.9g", n ? ", " : "", event->score[t * (size_t)test->networks + (size_t)n]);
    printf("]}\n");
  }
}

static int width_of(const MetaTasks *tasks, bool nets, int width) {
  for (size_t t = 0; t < tasks->count; t++) {
    int length = (int)strlen(nets ? tasks->name[t].net : tasks->name[t].data);
    if (length > width) width = length;
  }
  return width;
}

// The mean over tasks of each network's place in the list: n means, as many as there are networks a task.
static BlurInterval mean_over_tasks(const MetaTasks *tasks, const BlurMetaTest *test, const double *score) {
  size_t networks = (size_t)test->networks;
  double *means = calloc(networks + 1, sizeof *means);
  for (size_t t = 0; means && t < tasks->count; t++)
    for (size_t n = 0; n < networks; n++) means[n] += score[t * networks + n] / (double)tasks->count;
  BlurInterval interval = means ? blur_interval(test->networks, means) : (BlurInterval){NAN, NAN, 0, 0};
  free(means);
  return interval;
}

static void tell_test(const Meta *meta, const BlurMetaEvent *event) {
  const MetaTasks *tasks = &meta->tested[event->which];
  const BlurMetaTest *test = &meta->tests[event->which];
  const char *name = meta->fields->meta_test[event->which].name;
  int data = width_of(tasks, false, 4), net = width_of(tasks, true, 3);
  bool mixed = false, baselines = false;
  for (size_t t = 0; t < tasks->count; t++) {
    mixed |= is_regression(tasks, t) != is_regression(tasks, 0);
    baselines |= blur_data_is_endless(tasks->task[t].data) && !is_regression(tasks, t);
  }
  clear_line(meta);
  printf("\n%s%s%" PRId64 " fresh networks a task, after %" PRId64 " steps: %s on the test part, mean and 95 %% "
         "confidence interval%s\n",
         name, *name ? ": " : "", test->networks, test->steps, is_regression(tasks, 0) ? "R^2" : "accuracy in %",
         mixed ? " (of regressions R^2)" : "");
  printf("%-*s  %-*s  %-15s  diverged%s\n", data, "data", net, "net", "score",
         baselines ? "  larger class  best line" : "");
  for (size_t t = 0; t < tasks->count; t++) {
    const double *score = event->score + t * (size_t)test->networks, *loss = event->loss + t * (size_t)test->networks;
    int64_t diverged = 0;
    for (int64_t n = 0; n < test->networks; n++) diverged += isnan(loss[n]);
    printf("%-*s  %-*s", data, tasks->name[t].data, net, tasks->name[t].net);
    bool real = is_regression(tasks, t);
    metrics_tell_interval(blur_interval(test->networks, score), real ? 1 : 100, real ? 3 : 2);
    printf("  %8" PRId64, diverged);
    BlurBaseline baseline;
    if (blur_data_is_endless(tasks->task[t].data) && !is_regression(tasks, t) &&
        blur_data_baseline(tasks->task[t].data, &baseline, NULL))
      printf("  %12.2f  %9.2f", 100 * baseline.constant, 100 * baseline.linear);
    printf("\n");
  }
  if (tasks->count > 1 && !mixed) {
    BlurInterval mean = mean_over_tasks(tasks, test, event->score);
    double scale = is_regression(tasks, 0) ? 1 : 100;
    int digits = scale > 1 ? 2 : 3;
    printf("%-*s  %-*s  %6.*f", data, "mean", net, "", digits, scale * mean.mean);
    if (!isnan(mean.half)) printf(" ± %.*f", digits, scale * mean.half);
    printf("\n");
  }
}

// ---- runs of CMA-ES

static void json_run(const BlurMetaEvent *event) {
  printf("{\"event\": \"run_end\", \"step\": %" PRId64 ", \"run\": %" PRId64 ", \"population\": %zu, \"follows\": %s",
         event->step, event->run->run, event->run->population, event->follows ? "true" : "false");
  printf(", \"stops\": [");
  for (size_t s = 0; s < event->stops; s++) {
    printf("%s{\"reason\": \"%s\"", s ? ", " : "", blur_stop_name(event->stop[s].reason));
    print_json_number("value", event->stop[s].value);
    print_json_number("limit", event->stop[s].limit);
    printf("}");
  }
  printf("]}\n");
}

static void tell_run(const Meta *meta, const BlurMetaEvent *event) {
  clear_line(meta);
  printf("%9" PRId64 " %4" PRId64 "  run %" PRId64 " of %zu candidates ends by ", event->step, event->unroll,
         event->run->run, event->run->population);
  for (size_t s = 0; s < event->stops; s++)
    printf("%s%s %.3g (limit %.3g)", s ? ", " : "", blur_stop_name(event->stop[s].reason), event->stop[s].value,
           event->stop[s].limit);
  printf(event->follows ? "; another one follows\n" : "; no other follows\n");
}

// ---- events

void meta_watch(void *context, const BlurMetaEvent *event) {
  Meta *meta = context;
  BlurStatus status;
  switch (event->kind) {
  case BLUR_META_STEPPED: tell_progress(meta, event); return;
  case BLUR_META_CHECKED:
    if (meta->json) json_check(meta, event);
    else tell_check(meta, event);
    if (!meta_log(meta, event, blur_meta_best(meta->meta).score) && meta->unsaved.code == BLUR_DONE)
      meta->unsaved = (BlurStatus){BLUR_FAILED_ENVIRONMENT, "out of memory for the log"};
    // A genome that is on disk outlives whatever ends the run; that it cannot be written is told once, at the end.
    if (event->is_best && meta->unsaved.code == BLUR_DONE && !meta_save_genome(meta, &status)) meta->unsaved = status;
    break;
  case BLUR_META_LONGER: break; // the next check shows it
  case BLUR_META_RESTARTED:
    clear_line(meta);
    if (meta->json)
      printf("{\"event\": \"restart\", \"step\": %" PRId64 ", \"genome\": %zu}\n", event->step, event->which);
    else
      printf("%9" PRId64 " %4" PRId64 "  %6zu  no finite gradient for %" PRId64 " meta-steps: it goes on from %s\n",
             event->step, event->unroll, event->which, meta->fields->meta.patience,
             meta->fields->meta.policy == BLUR_META_RESTART ? "the best genome" : "its last good values");
    break;
  case BLUR_META_TESTED:
    if (meta->json) json_test(meta, event);
    else tell_test(meta, event);
    break;
  case BLUR_META_RUN_ENDED:
    if (meta->json) json_run(event);
    else tell_run(meta, event);
    break;
  }
  meta_record_event(meta, event);
  fflush(stdout);
  if (ferror(stdout)) blur_meta_interrupt(meta->meta); // nobody listens: end as after Ctrl-C
}

void meta_tell_end(Meta *meta, bool diverged) {
  BlurMetaBest best = blur_meta_best(meta->meta);
  double seconds = session_clock() - meta->started, scale = score_scale(meta);
  clear_line(meta);
  if (meta->json) {
    printf("{\"event\": \"end\", \"steps\": %" PRId64 ", \"seconds\": %.3f, \"diverged\": %s, \"best_step\": %" PRId64
           ", \"best_unroll\": %" PRId64,
           meta->told_step, seconds, diverged ? "true" : "false", best.step, best.unroll);
    print_json_number("best_score", best.score);
    printf("}\n");
  } else {
    printf("\nbest genome: score %.*f%s after %" PRId64 " steps, of meta-step %" PRId64 "; %" PRId64
           " meta-steps in %.1f s\n",
           scale > 1 ? 2 : 3, scale * best.score, scale > 1 ? " %" : "", best.unroll, best.step, meta->told_step,
           seconds);
    if (meta->stop && meta->told_step < meta->fields->meta.steps && !blur_meta_interrupted(meta->meta) && !diverged)
      printf("stopped after %" PRId64 " of %" PRId64 " meta-steps%s\n", meta->told_step, meta->fields->meta.steps,
             meta->folder ? "; the same command with --resume goes on" : "");
  }
  fflush(stdout);
}
