// What an experiment tells: a line of progress on a terminal, the values that were chosen, one table whose rows come as
// they are done; with --json an object an evaluation, a choice, an interval.
#include "cli/experiment.h"
#include "cli/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *part_name(BlurPart part) { return part == BLUR_TEST ? "test" : "validation"; }

const char *experiment_score_name(const Experiment *experiment) {
  return experiment->is_regression ? "r2" : "accuracy";
}

double experiment_score_scale(const Experiment *experiment) { return experiment->is_regression ? 1 : 100; }

int experiment_score_digits(const Experiment *experiment) { return experiment->is_regression ? 3 : 2; }

void experiment_value_name(const Experiment *experiment, size_t measure, size_t value, char *out, size_t room) {
  const int64_t *steps;
  size_t values;
  blur_study_measure_steps(experiment->study, measure, &steps, &values);
  if (experiment->measures[measure].is_cosine && value + 1 == values) snprintf(out, room, "all");
  else snprintf(out, room, "layer %zu", value);
}

// ---- json

static void print_value(double value) {
  if (isfinite(value)) printf("%.9g", value);
  else printf("null");
}

void experiment_json_number(const char *name, double value) {
  printf(", \"%s\": ", name);
  print_value(value);
}

static void json_measured(const Experiment *experiment, const BlurStudyEvent *event) {
  experiment_json_number("step", (double)event->step);
  printf(", \"measure\": ");
  print_json_string(experiment->fields->measure[event->measure].name);
  size_t layers = event->values - (experiment->measures[event->measure].is_cosine ? 1 : 0);
  printf(", \"layers\": [");
  for (size_t layer = 0; layer < layers; layer++) {
    printf("%s", layer ? ", " : "");
    print_value(event->value[layer]);
  }
  printf("]");
  if (layers < event->values) experiment_json_number("all", event->value[layers]);
}

void experiment_json_begin(const Experiment *experiment, const char *event, size_t entry, const char *label) {
  printf("{\"event\": \"%s\", \"rule\": ", event);
  print_json_string(experiment->entries[entry].rule->rule);
  printf(", \"setting\": ");
  print_json_string(label);
}

static void json_event(const Experiment *experiment, const BlurStudyEvent *event) {
  const Entry *entry = &experiment->entries[event->contender];
  int64_t seed = experiment->fields->first_seed + event->seed;
  if (event->kind == BLUR_STUDY_PROGRESS) return;
  if (event->kind == BLUR_STUDY_CHOSEN) {
    const double *accuracy;
    blur_study_chosen(experiment->study, event->contender, &accuracy);
    experiment_json_begin(experiment, "chosen", event->contender, entry->labels[event->candidate]);
    printf(", \"step\": %" PRId64 ", \"candidates\": [", entry->contender.choose_at);
    for (size_t c = 0; c < entry->contender.candidates; c++) {
      printf("%s{\"setting\": ", c ? ", " : "");
      print_json_string(entry->labels[c]);
      printf(", \"validation_%s\": ", experiment_score_name(experiment));
      print_value(accuracy[c]);
      printf("}");
    }
    printf("]}\n");
  } else {
    static const char *const names[] = {
        [BLUR_STUDY_DIVERGED] = "diverged", [BLUR_STUDY_MEASURED] = "measure", [BLUR_STUDY_EVALUATED] = "evaluation"};
    experiment_json_begin(experiment, names[event->kind], event->contender, entry->labels[event->candidate]);
    printf(", \"seed\": %" PRId64 ", \"choosing\": %s", seed, event->choosing ? "true" : "false");
    if (event->kind == BLUR_STUDY_DIVERGED) {
      printf(", \"message\": ");
      print_json_string(event->message);
    } else if (event->kind == BLUR_STUDY_MEASURED) {
      json_measured(experiment, event);
    } else {
      printf(", \"part\": \"%s\", \"step\": %" PRId64 ", \"epoch\": %.9g, ", part_name(event->part),
             event->evaluation.step, event->evaluation.epoch);
      metrics_tell_json(&event->evaluation, "");
    }
    printf("}\n");
  }
  fflush(stdout);
}

static void json_intervals(const Experiment *experiment) {
  const int64_t *steps;
  size_t points = blur_study_steps(experiment->study, &steps);
  for (size_t e = 0; e < experiment->entry_count; e++)
    for (size_t p = 0; p < points; p++) {
      BlurInterval accuracy = blur_study_score(experiment->study, e, p);
      if (accuracy.n == 0) continue;
      experiment_json_begin(experiment, "interval", e, experiment_label(experiment, e));
      printf(", \"step\": %" PRId64, steps[p]);
      experiment_json_number(experiment_score_name(experiment), accuracy.mean);
      experiment_json_number("half", accuracy.half);
      experiment_json_number("loss", blur_study_loss(experiment->study, e, p).mean);
      printf(", \"n\": %" PRId64 ", \"diverged\": %" PRId64 "}\n", accuracy.n, accuracy.diverged);
    }
}

// ---- the table

static void clear_line(const Experiment *experiment) {
  if (experiment->terminal) printf("\r\033[K");
}

static int longer(int width, const char *text) {
  int length = (int)strlen(text);
  return length > width ? length : width;
}

// Evaluations shown as columns: at a quarter and at half of the steps, and the last.
static void choose_columns(Experiment *experiment) {
  const int64_t *steps;
  size_t points = blur_study_steps(experiment->study, &steps);
  experiment->columns = 0;
  for (int64_t quarter = 1; quarter <= 4; quarter *= 2) {
    size_t point = points - 1;
    while (point > 0 && 4 * steps[point - 1] >= quarter * experiment->fields->steps) point--;
    if (experiment->columns == 0 || experiment->column[experiment->columns - 1] != point)
      experiment->column[experiment->columns++] = point;
  }
}

void experiment_tell_columns(const Experiment *experiment) {
  const int64_t *steps;
  blur_study_steps(experiment->study, &steps);
  printf("%-*s  %-*s", experiment->rule_width, "rule", experiment->setting_width, "setting");
  for (size_t c = 0; c < experiment->columns; c++) {
    char head[32];
    snprintf(head, sizeof head, "step %" PRId64, steps[experiment->column[c]]);
    printf("  %-15s", head);
  }
}

static void tell_table_head(Experiment *experiment) {
  experiment->rule_width = 4;
  experiment->setting_width = 7;
  for (size_t e = 0; e < experiment->entry_count; e++) {
    experiment->rule_width = longer(experiment->rule_width, experiment->entries[e].rule->rule);
    experiment->setting_width = longer(experiment->setting_width, experiment_label(experiment, e));
  }
  printf("\n%s %s, mean and 95 %% confidence interval (Student's t)\n",
         experiment->fields->on_validation ? "validation" : "test",
         experiment->is_regression ? "R^2" : "accuracy in %");
  experiment_tell_columns(experiment);
  printf("  %5s  %8s\n", "n", "diverged");
}

static void tell_row(const Experiment *experiment, size_t entry) {
  printf("%-*s  %-*s", experiment->rule_width, experiment->entries[entry].rule->rule, experiment->setting_width,
         experiment_label(experiment, entry));
  BlurInterval last = {0};
  for (size_t c = 0; c < experiment->columns; c++) {
    BlurInterval here = blur_study_score(experiment->study, entry, experiment->column[c]);
    if (here.n) last = here;
    metrics_tell_interval(here, experiment_score_scale(experiment), experiment_score_digits(experiment));
  }
  printf("  %5" PRId64 "  %8" PRId64 "\n", last.n, last.diverged);
}

static bool is_complete(const Experiment *experiment, size_t entry) {
  const int64_t *steps;
  size_t points = blur_study_steps(experiment->study, &steps);
  return blur_study_score(experiment->study, entry, points - 1).n == experiment->fields->seeds;
}

// Rows in their order, as far as all before them are done.
static void tell_rows(Experiment *experiment, bool all) {
  while (experiment->told < experiment->entry_count && (all || is_complete(experiment, experiment->told))) {
    size_t entry = experiment->told++;
    if (!experiment_has_scores(experiment, entry)) continue; // told below, by experiment_partial.c
    clear_line(experiment);
    if (!experiment->rule_width) tell_table_head(experiment);
    tell_row(experiment, entry);
  }
}

// ---- on the way

const char *experiment_short_choice(const Entry *entry, size_t candidate) {
  const char *choice = entry->choices[candidate], *value = strstr(choice, " = ");
  return strchr(choice, ',') || !value ? choice : value + strlen(" = ");
}

static void tell_chosen(const Experiment *experiment, const BlurStudyEvent *event) {
  enum { WIDTH = 100, INDENT = 4 };
  const Entry *entry = &experiment->entries[event->contender];
  const double *accuracy;
  blur_study_chosen(experiment->study, event->contender, &accuracy);
  clear_line(experiment);
  printf("%s: %s has the highest mean validation %s at step %" PRId64 "%s\n", entry->rule->rule,
         entry->choices[event->candidate], experiment->is_regression ? "R^2" : "accuracy", entry->contender.choose_at,
         experiment_at_end(entry, event->candidate) ? "; an end of its range: a better value may lie beyond" : "");
  int column = WIDTH;
  for (size_t c = 0; c < entry->contender.candidates; c++) {
    char text[256];
    int length = snprintf(text, sizeof text, "%s: %.*f%s", experiment_short_choice(entry, c),
                          experiment_score_digits(experiment), experiment_score_scale(experiment) * accuracy[c],
                          experiment->is_regression ? "" : " %");
    if (column + 3 + length > WIDTH) column = printf("%s%*s%s", c ? "\n" : "", INDENT, "", text);
    else column += printf("   %s", text);
  }
  printf("\n");
}

static void tell_progress(const Experiment *experiment, const BlurStudyEvent *event) {
  if (!experiment->terminal) return;
  const Entry *entry = &experiment->entries[event->contender];
  double seconds = session_clock() - experiment->started;
  double left = event->done > 0 ? seconds * (1 - event->done) / event->done : 0;
  const char *label = entry->labels[event->candidate];
  printf("\r\033[K%3.0f %%  %.0f s left  %s%s%s, seed %" PRId64, 100 * event->done, left, entry->rule->rule,
         *label ? ", " : "", label, experiment->fields->first_seed + event->seed);
  if (event->kind == BLUR_STUDY_EVALUATED) {
    printf(": step %" PRId64 ", %s ", event->evaluation.step, part_name(event->part));
    metrics_tell(&event->evaluation);
  }
  fflush(stdout);
}

static void tell_event(Experiment *experiment, const BlurStudyEvent *event) {
  if (experiment->json) {
    json_event(experiment, event);
    return;
  }
  const Entry *entry = &experiment->entries[event->contender];
  if (event->kind == BLUR_STUDY_CHOSEN) tell_chosen(experiment, event);
  if (event->kind == BLUR_STUDY_DIVERGED) {
    const char *label = entry->labels[event->candidate];
    Text line = {0};
    text_add(&line, "%s%s%s, seed %" PRId64 ": %s\n", entry->rule->rule, *label ? ", " : "", label,
             experiment->fields->first_seed + event->seed, event->message);
    clear_line(experiment);
    if (experiment->rule_width) text_add(&experiment->lost, "%s", text_get(&line)); // the table has begun
    else printf("%s", text_get(&line));
    text_free(&line);
  }
  if (event->kind == BLUR_STUDY_PROGRESS || event->kind == BLUR_STUDY_EVALUATED) tell_progress(experiment, event);
  if (!event->choosing && event->kind != BLUR_STUDY_CHOSEN) tell_rows(experiment, false);
  fflush(stdout);
}

// Nobody waits for results that cannot be told: `blur train FILE | head -1` ends.
void experiment_watch(void *context, const BlurStudyEvent *event) {
  Experiment *experiment = context;
  tell_event(experiment, event);
  experiment_record_event(experiment, event);
  if (ferror(stdout)) blur_study_interrupt(experiment->study);
}

void experiment_tell_head(Experiment *experiment) {
  const BlurExperimentFields *fields = experiment->fields;
  choose_columns(experiment);
  if (experiment->json) return;
  printf("%s on %s: ", fields->name, fields->data);
  print_units(fields->layers, experiment->units);
  printf(", batch %" PRId64 ", %zu rule%s", fields->batch, fields->rules, fields->rules == 1 ? "" : "s");
  if (experiment->entry_count > fields->rules) printf(" in %zu settings", experiment->entry_count);
  printf(", %" PRId64 " seed%s, %" PRId64 " step%s, %d thread%s\n", fields->seeds, fields->seeds == 1 ? "" : "s",
         fields->steps, fields->steps == 1 ? "" : "s", experiment->threads, experiment->threads == 1 ? "" : "s");
  for (size_t e = 0; e < experiment->entry_count; e++)
    if (e == 0 || experiment->entries[e].rule != experiment->entries[e - 1].rule)
      if (blur_program_uses_batch_statistics(experiment->contenders[e].candidate[0].program))
        printf("%s predicts with batch statistics: samples are evaluated in batches of %" PRId64 "\n",
               experiment->entries[e].rule->rule, fields->batch);
  fflush(stdout);
}

// ---- measures

// The last measurement that some run has come to; SIZE_MAX: none.
static size_t last_point(const Experiment *experiment, size_t entry, size_t measure) {
  size_t last = 0;
  for (int64_t seed = 0; seed < experiment->fields->seeds; seed++) {
    size_t points;
    if (blur_study_measured(experiment->study, entry, seed, measure, &points) && points > last) last = points;
  }
  return last - 1;
}

// One of the columns of a measure: `text` has `characters`.
static void tell_cell(const char *text, int characters, bool last) {
  enum { WIDTH = 21 };
  printf("  %s%*s", text, last || characters >= WIDTH ? 0 : WIDTH - characters, "");
}

static void tell_measure_head(const Experiment *experiment, size_t measure, size_t values) {
  printf("\n%s\n%-*s  %-*s  %-7s", experiment->fields->measure[measure].name, experiment->rule_width, "rule",
         experiment->setting_width, "setting", "at step");
  for (size_t v = 0; v < values; v++) {
    char name[32];
    experiment_value_name(experiment, measure, v, name, sizeof name);
    tell_cell(name, (int)strlen(name), v + 1 == values);
  }
  printf("\n");
}

static void tell_measure(const Experiment *experiment, size_t measure) {
  const int64_t *steps;
  size_t values;
  size_t points = blur_study_measure_steps(experiment->study, measure, &steps, &values);
  bool begun = false;
  for (size_t e = 0; points && e < experiment->entry_count; e++) {
    size_t point = last_point(experiment, e, measure);
    if (point == SIZE_MAX) continue;
    if (!begun) tell_measure_head(experiment, measure, values);
    begun = true;
    printf("%-*s  %-*s  %-7" PRId64, experiment->rule_width, experiment->entries[e].rule->rule,
           experiment->setting_width, experiment_label(experiment, e), steps[point]);
    for (size_t v = 0; v < values; v++) {
      BlurInterval interval = blur_study_measure(experiment->study, e, measure, point, v);
      char cell[64] = "-";
      int characters = 1;
      if (interval.n) characters = snprintf(cell, sizeof cell, "%.4g", interval.mean);
      if (interval.n && !isnan(interval.half))
        characters = snprintf(cell, sizeof cell, "%.4g ± %.2g", interval.mean, interval.half) - 1;
      tell_cell(cell, characters, v + 1 == values);
    }
    printf("\n");
  }
}

void experiment_tell_end(Experiment *experiment) {
  if (experiment->json) {
    json_intervals(experiment);
    experiment_json_differences(experiment);
  } else {
    tell_rows(experiment, true);
    experiment_tell_differences(experiment);
    printf("%s", experiment->lost.length ? "\n" : "");
    print_text(text_get(&experiment->lost));
    if (blur_study_interrupted(experiment->study)) experiment_tell_partial(experiment);
  }
  for (size_t m = 0; !experiment->json && m < experiment->fields->measures; m++) tell_measure(experiment, m);
  clear_line(experiment);
  fflush(stdout);
}
