// How far the rules of an experiment lie apart. Their seeds are paired, the same synapses and batches for every rule,
// so that the difference of two rules is taken seed by seed: its interval leaves out what the seeds have in common. As
// a table, to the first rule; as JSON, of all pairs. Beside: experiment_tell.c, and experiment_files.c, which writes
// them.
#include "cli/experiment.h"
#include "cli/session.h"

#include <inttypes.h>
#include <stdio.h>

bool experiment_has_differences(const Experiment *experiment) {
  size_t rows = 0;
  for (size_t e = 0; e < experiment->entry_count; e++) rows += experiment_has_scores(experiment, e);
  return rows > 1 && experiment->fields->seeds > 1;
}

static void tell_row(const Experiment *experiment, size_t entry, size_t other) {
  printf("%-*s  %-*s", experiment->rule_width, experiment->entries[entry].rule->rule, experiment->setting_width,
         experiment_label(experiment, entry));
  int64_t pairs = 0;
  for (size_t c = 0; c < experiment->columns; c++) {
    BlurInterval here = blur_study_difference(experiment->study, entry, other, experiment->column[c]);
    if (here.n + here.diverged) pairs = here.n; // not yet evaluated: the pairs of the step before
    metrics_tell_difference(here, experiment_score_scale(experiment), experiment_score_digits(experiment));
  }
  printf("  %5" PRId64 "\n", pairs);
}

void experiment_tell_differences(const Experiment *experiment) {
  if (!experiment_has_differences(experiment)) return;
  size_t first = 0;
  while (!experiment_has_scores(experiment, first)) first++;
  const char *label = experiment_label(experiment, first);
  printf("\ndifference to %s%s%s: mean over the seeds, each rule on the same ones, and 95 %% interval\n",
         experiment->entries[first].rule->rule, *label ? ", " : "", label);
  experiment_tell_columns(experiment);
  printf("  %5s\n", "pairs");
  for (size_t e = first + 1; e < experiment->entry_count; e++)
    if (experiment_has_scores(experiment, e)) tell_row(experiment, e, first);
}

void experiment_json_differences(const Experiment *experiment) {
  if (!experiment_has_differences(experiment)) return;
  const int64_t *steps;
  size_t points = blur_study_steps(experiment->study, &steps);
  for (size_t e = 0; e < experiment->entry_count; e++)
    for (size_t other = 0; other < e; other++)
      for (size_t p = 0; p < points; p++) {
        BlurInterval difference = blur_study_difference(experiment->study, e, other, p);
        if (difference.n + difference.diverged == 0) continue;
        experiment_json_begin(experiment, "difference", e, experiment_label(experiment, e));
        printf(", \"other_rule\": ");
        print_json_string(experiment->entries[other].rule->rule);
        printf(", \"other_setting\": ");
        print_json_string(experiment_label(experiment, other));
        printf(", \"step\": %" PRId64, steps[p]);
        experiment_json_number(experiment_score_name(experiment), difference.mean);
        experiment_json_number("half", difference.half);
        printf(", \"n\": %" PRId64 ", \"diverged\": %" PRId64 "}\n", difference.n, difference.diverged);
      }
}
