// The record of an experiment: the evaluations and measures of each rule, setting and seed as curves. See record.h.
#include "cli/experiment.h"
#include "cli/record.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum { OF_LOSS, OF_SCORE, OF_MEASURES };

static size_t curves_of_run(const Experiment *experiment, size_t measures) {
  const int64_t *steps;
  size_t curves = OF_MEASURES, values;
  for (size_t m = 0; m < measures; m++) {
    blur_study_measure_steps(experiment->study, m, &steps, &values);
    curves += values;
  }
  return curves;
}

void experiment_record_begin(Experiment *experiment) {
  const BlurExperimentFields *fields = experiment->fields;
  Text rules = {0};
  for (size_t r = 0; r < fields->rules; r++) text_add(&rules, "%s%s", r ? ", " : "", fields->rule[r].rule);
  RecordFacts facts = {.experiment = fields->name,
                       .file = fields->path,
                       .rules = text_get(&rules),
                       .score_name = experiment_score_name(experiment),
                       .seed = (uint64_t)fields->first_seed,
                       .steps = fields->steps,
                       .threads = experiment->threads};
  char token[RECORD_TOKEN] = "";
  experiment->record = record_begin(experiment->arguments, &facts, token, 0);
  text_free(&rules);
  if (!experiment->record) return;
  size_t count = experiment->entry_count * (size_t)fields->seeds * curves_of_run(experiment, fields->measures);
  experiment->curve = must(calloc(count + 1, sizeof *experiment->curve));
}

// The number of a curve, plus one: named when it has its first point, since a setting may have to be chosen first.
static size_t curve_of(Experiment *experiment, size_t entry, int64_t seed, size_t of, const char *what) {
  size_t run = entry * (size_t)experiment->fields->seeds + (size_t)seed;
  size_t *curve = &experiment->curve[run * curves_of_run(experiment, experiment->fields->measures) + of];
  if (!*curve) {
    const char *label = experiment_label(experiment, entry);
    Text name = {0};
    text_add(&name, "%s%s%s, seed %" PRId64 "/%s", experiment->entries[entry].rule->rule, *label ? " " : "", label,
             experiment->fields->first_seed + seed, what);
    *curve = record_curve(experiment->record, text_get(&name)) + 1;
    text_free(&name);
  }
  return *curve - 1;
}

static void record_measured(Experiment *experiment, const BlurStudyEvent *event) {
  size_t before = curves_of_run(experiment, event->measure);
  for (size_t v = 0; v < event->values; v++) {
    char value[32];
    Text what = {0};
    experiment_value_name(experiment, event->measure, v, value, sizeof value);
    text_add(&what, "%s %s", experiment->fields->measure[event->measure].name, value);
    size_t curve = curve_of(experiment, event->contender, event->seed, before + v, text_get(&what));
    record_point(experiment->record, curve, event->step, event->value[v]);
    text_free(&what);
  }
}

void experiment_record_event(Experiment *experiment, const BlurStudyEvent *event) {
  if (!experiment->record || event->choosing) return;
  const BlurEvaluation *evaluation = &event->evaluation;
  if (event->kind == BLUR_STUDY_EVALUATED) {
    size_t loss = curve_of(experiment, event->contender, event->seed, OF_LOSS, "loss");
    size_t score = curve_of(experiment, event->contender, event->seed, OF_SCORE, experiment_score_name(experiment));
    record_point(experiment->record, loss, evaluation->step, evaluation->loss);
    record_point(experiment->record, score, evaluation->step,
                 experiment->is_regression ? evaluation->r2 : evaluation->accuracy);
  }
  if (event->kind == BLUR_STUDY_MEASURED) record_measured(experiment, event);
  record_flush(experiment->record, false);
}

// The score of an experiment: the highest mean of its rules at the last step that all seeds of it have come to.
static void record_score(Experiment *experiment) {
  const int64_t *steps;
  size_t points = blur_study_steps(experiment->study, &steps);
  double score = NAN;
  int64_t step = 0;
  for (size_t e = 0; e < experiment->entry_count; e++)
    for (size_t p = points; p-- > 0;) {
      BlurInterval mean = blur_study_score(experiment->study, e, p);
      if (mean.n < experiment->fields->seeds) continue;
      if (isnan(score) || mean.mean > score) score = mean.mean;
      if (steps[p] > step) step = steps[p];
      break;
    }
  record_progress(experiment->record, step, score);
}

void experiment_record_end(Experiment *experiment, const char *ending, const char *message) {
  if (experiment->record && experiment->study) record_score(experiment);
  record_end(experiment->record, ending, message);
  experiment->record = NULL;
  free(experiment->curve);
  experiment->curve = NULL;
}
