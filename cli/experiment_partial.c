// What an interrupted experiment has not come to: runs by which a value is chosen, with what they have shown so far,
// and rules without an evaluation. Beside: experiment_tell.c, whose table has the evaluations.
#include "cli/experiment.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

bool experiment_has_scores(const Experiment *experiment, size_t entry) {
  for (int64_t seed = 0; seed < experiment->fields->seeds; seed++)
    if (blur_study_result(experiment->study, entry, seed).points > 0) return true;
  return false;
}

static int64_t runs_begun(const Experiment *experiment, size_t entry) {
  int64_t begun = 0;
  for (int64_t seed = 0; seed < experiment->fields->seeds; seed++)
    begun += blur_study_result(experiment->study, entry, seed).started;
  return begun;
}

// The runs of a candidate that are done, and their mean.
static int64_t trials_of(const Experiment *experiment, size_t entry, size_t candidate, double *mean) {
  int64_t done = 0;
  *mean = 0;
  for (int64_t seed = 0; seed < experiment->fields->seeds; seed++) {
    double score = blur_study_trial(experiment->study, entry, candidate, seed);
    if (isnan(score)) continue;
    done++;
    *mean += score;
  }
  if (done) *mean /= (double)done;
  return done;
}

static void tell_choosing(const Experiment *experiment, size_t entry) {
  const Entry *of = &experiment->entries[entry];
  int64_t done = 0, seeds = experiment->fields->seeds;
  double mean;
  for (size_t c = 0; c < of->contender.candidates; c++) done += trials_of(experiment, entry, c, &mean);
  printf("%" PRId64 " of %" PRId64 " runs to choose by\n", done, seeds * (int64_t)of->contender.candidates);
  for (size_t c = 0; c < of->contender.candidates; c++) {
    int64_t runs = trials_of(experiment, entry, c, &mean);
    if (!runs) continue;
    printf("    %s: %.*f%s, mean validation %s at step %" PRId64 " of %" PRId64 " seed%s\n", of->choices[c],
           experiment_score_digits(experiment), experiment_score_scale(experiment) * mean,
           experiment->is_regression ? "" : " %", experiment->is_regression ? "R^2" : "accuracy",
           of->contender.choose_at, runs, runs == 1 ? "" : "s");
  }
}

void experiment_tell_partial(const Experiment *experiment) {
  bool begun = false;
  for (size_t e = 0; e < experiment->entry_count; e++) {
    if (experiment_has_scores(experiment, e)) continue;
    const char *label = experiment_label(experiment, e);
    printf("%s%s%s%s: ", begun ? "" : "\nnot evaluated yet\n", experiment->entries[e].rule->rule, *label ? ", " : "",
           label);
    begun = true;
    if (blur_study_chosen(experiment->study, e, NULL) < 0) tell_choosing(experiment, e);
    else printf("%" PRId64 " of %" PRId64 " runs begun\n", runs_begun(experiment, e), experiment->fields->seeds);
  }
}
