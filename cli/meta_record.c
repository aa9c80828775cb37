// The record of a meta-learning run: its checks and tests as curves, its best genomes. See record.h.
#include "cli/meta.h"
#include "cli/record.h"

#include "base/text.h"
#include "blur/study.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OF_LOSS, OF_GRADIENT, OF_SCORE, OF_MEMBER };

// "held_out/circle 2-6-1": a task of a test.
static void add_test_name(Text *name, const Meta *meta, size_t test, size_t task) {
  const char *called = meta->fields->meta_test[test].name;
  const MetaName *of = &meta->tested[test].name[task];
  text_add(name, "%s/%s %s", *called ? called : "test", of->data, of->net);
}

char *meta_test_names(const Meta *meta) {
  Text names = {0};
  text_add(&names, "%s", "");
  for (size_t test = 0; test < meta->fields->meta_tests; test++)
    for (size_t task = 0; task < meta->tested[test].count; task++) {
      add_test_name(&names, meta, test, task);
      text_add(&names, "\n");
    }
  return names.bytes ? names.bytes : must(strdup(""));
}

static void name_curves(Meta *meta) {
  const char *names[OF_MEMBER] = {"loss", "gradient norm", "score"};
  if (meta->fields->meta.optimizer == BLUR_META_CMA) names[OF_GRADIENT] = meta_norm_name(meta);
  for (int64_t m = 0; m < meta->fields->meta.population; m++)
    for (int of = 0; of < OF_MEMBER; of++) {
      char name[64];
      snprintf(name, sizeof name, "genome %" PRId64 "/%s", m, names[of]);
      record_curve(meta->record, name); // number OF_MEMBER * m + of
    }
  meta->best_curve = record_curve(meta->record, "best genome/score");
  meta->test_curve = meta->best_curve + 1;
  for (size_t test = 0; test < meta->fields->meta_tests; test++)
    for (size_t task = 0; task < meta->tested[test].count; task++) {
      Text name = {0};
      add_test_name(&name, meta, test, task);
      record_curve(meta->record, text_get(&name));
      text_free(&name);
    }
}

static void record_check(Meta *meta, const MetaCheck *check) {
  for (size_t m = 0; m < (size_t)meta->fields->meta.population; m++) {
    record_point(meta->record, OF_MEMBER * m + OF_LOSS, check->step, check->member[m].loss);
    record_point(meta->record, OF_MEMBER * m + OF_GRADIENT, check->step, check->member[m].norm);
    record_point(meta->record, OF_MEMBER * m + OF_SCORE, check->step, check->member[m].score);
  }
  record_point(meta->record, meta->best_curve, check->step, check->best);
}

static void record_tested(Meta *meta, const MetaTested *tested) {
  record_point(meta->record, meta->test_curve + tested->place, tested->step, tested->score);
}

static void record_best(Meta *meta) {
  BlurMetaBest best = blur_meta_best(meta->meta);
  char *text = meta->record ? meta_genome_text(meta) : NULL;
  if (text) record_genome(meta->record, best.step, best.score, text);
  free(text);
}

void meta_record_begin(Meta *meta) {
  const BlurExperimentFields *fields = meta->fields;
  RecordFacts facts = {.experiment = fields->name,
                       .file = fields->path,
                       .rules = fields->rule[0].rule,
                       .score_name = blur_data_classes(meta->tasks.task[0].data) ? "accuracy" : "r2",
                       .genome = meta->arguments->value[OPTION_genome],
                       .seed = (uint64_t)meta->seed,
                       .steps = fields->meta.steps,
                       .threads = blur_meta_cost(meta->meta).threads,
                       .seconds_before = meta->seconds_before};
  meta->record = record_begin(meta->arguments, &facts, meta->token, meta->told_step);
  if (!meta->record) return;
  name_curves(meta);
  if (!meta->resumed) return;
  // What the checkpoint knows may have been lost here.
  for (size_t c = 0; c < meta->checks; c++) record_check(meta, &meta->check[c]);
  for (size_t t = 0; t < meta->tested_scores; t++) record_tested(meta, &meta->tested_score[t]);
  record_best(meta);
  record_progress(meta->record, meta->told_step, blur_meta_best(meta->meta).score);
  record_flush(meta->record, true);
}

static void keep_test(Meta *meta, const BlurMetaEvent *event) {
  size_t place = 0, networks = (size_t)meta->tests[event->which].networks;
  for (size_t t = 0; t < event->which; t++) place += meta->tested[t].count;
  for (size_t task = 0; task < meta->tested[event->which].count; task++) {
    BlurInterval interval = blur_interval((int64_t)networks, event->score + task * networks);
    MetaTested tested = {event->step, place + task, interval.mean};
    if (meta_log_test(meta, &tested)) record_tested(meta, &tested);
  }
}

void meta_record_event(Meta *meta, const BlurMetaEvent *event) {
  if (event->kind == BLUR_META_CHECKED && meta->checks) record_check(meta, &meta->check[meta->checks - 1]);
  if (event->kind == BLUR_META_CHECKED && event->is_best) record_best(meta);
  if (event->kind == BLUR_META_TESTED) keep_test(meta, event);
  record_progress(meta->record, event->step, blur_meta_best(meta->meta).score);
  record_flush(meta->record, false);
}

void meta_record_end(Meta *meta, const char *ending, const char *message) {
  record_progress(meta->record, meta->told_step, blur_meta_best(meta->meta).score);
  record_end(meta->record, ending, message);
  meta->record = NULL;
}
