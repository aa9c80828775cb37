// What an experiment leaves on disk: a picture of accuracy by step, a curve a rule with the band of its confidence
// interval, and beside it the numbers of every run, and the differences of the rules, as CSV (RFC 4180).
#include "cli/experiment.h"
#include "cli/plot.h"
#include "cli/table.h"

#include "base/file.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *joined(const char *left, size_t length, const char *right) {
  char *path = malloc(length + strlen(right) + 1);
  if (path) {
    memcpy(path, left, length);
    strcpy(path + length, right);
  }
  return path;
}

bool experiment_open_files(Experiment *experiment, BlurStatus *status) {
  const char *out = experiment->arguments->value[OPTION_out];
  if (!out) return true;
  bool is_picture = path_ends_with(out, ".svg") || path_ends_with(out, ".png"), is_table = path_ends_with(out, ".csv");
  if (path_ends_with(out, ".npz")) {
    experiment->arrays_path = joined(out, strlen(out), "");
    if (!experiment->arrays_path) return status_fail(status, BLUR_FAILED_ENVIRONMENT, "out of memory");
    return file_can_write(experiment->arrays_path, status);
  }
  if (is_picture || is_table) {
    if (is_picture) experiment->picture_path = joined(out, strlen(out), "");
    experiment->table_path = joined(out, strlen(out) - 4, ".csv");
    experiment->measures_path = joined(out, strlen(out) - 4, ".measures.csv");
    experiment->differences_path = joined(out, strlen(out) - 4, ".differences.csv");
  } else {
    struct stat about;
    const char *slash = strrchr(out, '/'), *dot = strchr(slash ? slash + 1 : out, '.');
    if (dot && stat(out, &about) != 0)
      return status_fail(status, BLUR_FAILED_USAGE,
                         "an experiment writes a picture (FILE.svg, FILE.png), its numbers (FILE.csv, FILE.npz) or a "
                         "folder (FOLDER/), not %s",
                         out);
    if (stat(out, &about) != 0 && mkdir(out, 0777) != 0) return status_fail_system(status, "make the folder", out);
    char *base = joined(out, strlen(out), "/"), *name = base ? joined(base, strlen(base), experiment->fields->name) : 0;
    if (name) {
      experiment->picture_path = joined(name, strlen(name), ".svg");
      experiment->table_path = joined(name, strlen(name), ".csv");
      experiment->measures_path = joined(name, strlen(name), ".measures.csv");
      experiment->differences_path = joined(name, strlen(name), ".differences.csv");
    }
    free(base);
    free(name);
    is_picture = true;
  }
  if (!experiment->table_path || !experiment->measures_path || !experiment->differences_path ||
      (is_picture && !experiment->picture_path))
    return status_fail(status, BLUR_FAILED_ENVIRONMENT, "out of memory");
  return (!is_picture || (plot_possible(status) && file_can_write(experiment->picture_path, status))) &&
         file_can_write(experiment->table_path, status);
}

void experiment_close_files(Experiment *experiment) {
  free(experiment->picture_path);
  free(experiment->table_path);
  free(experiment->measures_path);
  free(experiment->differences_path);
  free(experiment->arrays_path);
}

// ---- the table

static void add_quoted(Text *text, const char *value) {
  text_add(text, "\"");
  for (; *value; value++) text_add(text, *value == '"' ? "\"\"" : "%c", *value);
  text_add(text, "\"");
}

static void add_entry(const Experiment *experiment, size_t entry, Text *text) {
  add_quoted(text, experiment->entries[entry].rule->rule);
  text_add(text, ",");
  add_quoted(text, experiment_label(experiment, entry));
}

static void add_run(const Experiment *experiment, size_t entry, int64_t seed, int64_t step, Text *text) {
  add_entry(experiment, entry, text);
  text_add(text, ",%" PRId64 ",%" PRId64 ",", experiment->fields->first_seed + seed, step);
}

static void add_evaluations(const Experiment *experiment, size_t entry, int64_t seed, Text *text) {
  BlurStudyRun run = blur_study_result(experiment->study, entry, seed);
  for (size_t p = 0; p < run.points; p++) {
    const BlurStudyPoint *point = &run.point[p];
    add_run(experiment, entry, seed, point->step, text);
    text_add(text, "%s,", experiment->fields->on_validation ? "validation" : "test");
    table_add_number(text, point->loss);
    text_add(text, ",");
    table_add_number(text, point->score);
    text_add(text, ",%d\n", run.diverged && point->step >= run.diverged_at);
  }
}

static void add_measured(const Experiment *experiment, size_t entry, int64_t seed, Text *text) {
  for (size_t m = 0; m < experiment->fields->measures; m++) {
    const int64_t *steps;
    size_t values, points;
    blur_study_measure_steps(experiment->study, m, &steps, &values);
    const double *measured = blur_study_measured(experiment->study, entry, seed, m, &points);
    for (size_t i = 0; measured && i < points * values; i++) {
      char name[32];
      experiment_value_name(experiment, m, i % values, name, sizeof name);
      add_run(experiment, entry, seed, steps[i / values], text);
      text_add(text, "%s,%s,", experiment->fields->measure[m].name, name + (strncmp(name, "layer ", 6) ? 0 : 6));
      table_add_number(text, measured[i]);
      text_add(text, "\n");
    }
  }
}

static bool write_rows(const Experiment *experiment, const char *path, const char *head,
                       void (*add)(const Experiment *, size_t, int64_t, Text *), BlurStatus *status) {
  Text text = {0};
  text_add(&text, "%s", head);
  for (size_t e = 0; e < experiment->entry_count; e++)
    for (int64_t seed = 0; seed < experiment->fields->seeds; seed++) add(experiment, e, seed, &text);
  bool right = file_write(path, text_get(&text), text.length, status);
  text_free(&text);
  return right;
}

// Of every pair of rules: how far `rule` lies above `other_rule`, over the seeds in which neither has diverged.
static void add_differences(const Experiment *experiment, size_t entry, size_t other, Text *text) {
  const int64_t *steps;
  size_t points = blur_study_steps(experiment->study, &steps);
  for (size_t p = 0; p < points; p++) {
    BlurInterval difference = blur_study_difference(experiment->study, entry, other, p);
    if (difference.n + difference.diverged == 0) continue;
    add_entry(experiment, entry, text);
    text_add(text, ",");
    add_entry(experiment, other, text);
    text_add(text, ",%" PRId64 ",", steps[p]);
    table_add_number(text, difference.mean);
    text_add(text, ",");
    table_add_number(text, difference.half);
    text_add(text, ",%" PRId64 ",%" PRId64 "\n", difference.n, difference.diverged);
  }
}

static bool write_differences(const Experiment *experiment, BlurStatus *status) {
  Text text = {0};
  text_add(&text, "rule,setting,other_rule,other_setting,step,%s,half,n,diverged\n", experiment_score_name(experiment));
  for (size_t e = 0; e < experiment->entry_count; e++)
    for (size_t other = 0; other < e; other++) add_differences(experiment, e, other, &text);
  bool right = file_write(experiment->differences_path, text_get(&text), text.length, status);
  text_free(&text);
  return right;
}

static bool write_tables(const Experiment *experiment, BlurStatus *status) {
  char head[100];
  snprintf(head, sizeof head, "rule,setting,seed,step,part,loss,%s,diverged\n", experiment_score_name(experiment));
  return write_rows(experiment, experiment->table_path, head, add_evaluations, status) &&
         (!experiment->fields->measures ||
          write_rows(experiment, experiment->measures_path, "rule,setting,seed,step,measure,layer,value\n",
                     add_measured, status)) &&
         (!experiment_has_differences(experiment) || write_differences(experiment, status));
}

// ---- the picture

static char *curve_label(const Experiment *experiment, size_t entry) {
  Text text = {0};
  const char *label = experiment_label(experiment, entry);
  text_add(&text, "%s%s%s", experiment->entries[entry].rule->rule, *label ? "  " : "", label);
  return text.bytes;
}

// Panels and their points, freed together.
typedef struct {
  PlotPanel *panels;
  PlotCurve **curves; // of each panel
  PlotPoint **points;
  size_t count;
} Picture;

static bool add_panel(Picture *picture, size_t curves, size_t points, const char *label) {
  size_t at = picture->count++;
  picture->curves[at] = calloc(curves, sizeof(PlotCurve));
  picture->points[at] = calloc(curves * points + 1, sizeof(PlotPoint));
  picture->panels[at] =
      (PlotPanel){.x_label = "step", .y_label = label, .is_flat = at > 0, .curve = picture->curves[at]};
  return picture->curves[at] && picture->points[at];
}

static PlotPoint point_of(int64_t step, BlurInterval interval) {
  return (PlotPoint){(double)step, interval.mean, interval.mean - interval.half, interval.mean + interval.half};
}

// In per cent; the band ends where shares do.
static PlotPoint share_of(int64_t step, BlurInterval interval) {
  return (PlotPoint){(double)step, 100 * interval.mean, 100 * (interval.mean - fmin(interval.half, interval.mean)),
                     100 * (interval.mean + fmin(interval.half, 1 - interval.mean))};
}

static bool add_scores(const Experiment *experiment, Picture *picture) {
  const int64_t *steps;
  size_t points = blur_study_steps(experiment->study, &steps), at = picture->count;
  const char *label = experiment->is_regression ? experiment->fields->on_validation ? "validation R²" : "test R²"
                      : experiment->fields->on_validation ? "validation accuracy (%)"
                                                          : "test accuracy (%)";
  if (!add_panel(picture, experiment->entry_count, points, label)) return false;
  for (size_t e = 0; e < experiment->entry_count; e++) {
    PlotCurve *curve = &picture->curves[at][picture->panels[at].curves++];
    PlotPoint *room = &picture->points[at][e * points];
    *curve = (PlotCurve){
        .label = experiment_has_scores(experiment, e) ? curve_label(experiment, e) : NULL, .color = e, .point = room};
    for (size_t p = 0; p < points; p++) {
      BlurInterval score = blur_study_score(experiment->study, e, p);
      if (score.n)
        room[curve->points++] = experiment->is_regression ? point_of(steps[p], score) : share_of(steps[p], score);
    }
  }
  return true;
}

// A curve an entry and layer: colors as above, dashes by layer, which the legend explains; the rules, too, where no
// panel of scores does.
static bool add_measure(const Experiment *experiment, size_t measure, Picture *picture) {
  enum { GRAY = 6 };
  const int64_t *steps;
  size_t values, points = blur_study_measure_steps(experiment->study, measure, &steps, &values), at = picture->count;
  if (values == 0 || points == 0) return true;
  if (!add_panel(picture, (experiment->entry_count + 1) * values, points, experiment->fields->measure[measure].name))
    return false;
  PlotPanel *panel = &picture->panels[at];
  for (size_t v = 0; v < values; v++) {
    char name[32];
    experiment_value_name(experiment, measure, v, name, sizeof name);
    picture->curves[at][panel->curves++] = (PlotCurve){.label = strdup(name), .color = GRAY, .dash = v};
  }
  for (size_t e = 0; e < experiment->entry_count; e++)
    for (size_t v = 0; v < values; v++) {
      PlotPoint *room = &picture->points[at][(e * values + v) * points];
      PlotCurve *curve = &picture->curves[at][panel->curves++];
      *curve = (PlotCurve){.color = e, .dash = v, .point = room};
      if (at == 0 && v == 0) curve->label = curve_label(experiment, e);
      for (size_t p = 0; p < points; p++) {
        BlurInterval value = blur_study_measure(experiment->study, e, measure, p, v);
        if (value.n) room[curve->points++] = point_of(steps[p], value);
      }
    }
  return true;
}

// What is evaluated at the last step alone has no curve; then the measures stand alone, if there are any.
static bool shows_scores(const Experiment *experiment) {
  const int64_t *steps;
  size_t values;
  bool measured = false;
  for (size_t m = 0; m < experiment->fields->measures; m++)
    if (blur_study_measure_steps(experiment->study, m, &steps, &values) > 1 && values > 0) measured = true;
  return !measured || blur_study_steps(experiment->study, &steps) > 1;
}

static bool write_picture(const Experiment *experiment, BlurStatus *status) {
  size_t most = experiment->fields->measures + 1;
  Picture picture = {.panels = calloc(most, sizeof(PlotPanel)),
                     .curves = calloc(most, sizeof(PlotCurve *)),
                     .points = calloc(most, sizeof(PlotPoint *))};
  bool right = picture.panels && picture.curves && picture.points;
  if (right && shows_scores(experiment)) right = add_scores(experiment, &picture);
  for (size_t m = 0; right && m < experiment->fields->measures; m++) right = add_measure(experiment, m, &picture);
  char note[96] = "";
  if (experiment->fields->seeds > 1)
    snprintf(note, sizeof note, "mean and 95 %% interval of %" PRId64 " seeds", experiment->fields->seeds);
  Plot plot = {.panels = picture.count, .panel = picture.panels, .note = *note ? note : NULL};
  right = right ? plot_write(&plot, experiment->picture_path, status)
                : status_fail(status, BLUR_FAILED_ENVIRONMENT, "out of memory for the picture");
  for (size_t i = 0; i < picture.count; i++) {
    for (size_t c = 0; c < picture.panels[i].curves; c++) free((void *)(uintptr_t)picture.curves[i][c].label);
    free(picture.curves[i]);
    free(picture.points[i]);
  }
  free(picture.panels);
  free(picture.curves);
  free(picture.points);
  return right;
}

bool experiment_write_files(const Experiment *experiment, BlurStatus *status) {
  bool any = false;
  for (size_t e = 0; e < experiment->entry_count; e++) any = any || experiment_has_scores(experiment, e);
  if (!any && (experiment->arrays_path || experiment->table_path)) { // interrupted: what is there stays
    if (!experiment->json)
      printf("not written: %s, since no run has an evaluation\n", experiment->arguments->value[OPTION_out]);
    return true;
  }
  if (experiment->arrays_path && !experiment_write_arrays(experiment, experiment->arrays_path, status)) return false;
  if (experiment->table_path && !write_tables(experiment, status)) return false;
  if (experiment->picture_path && !write_picture(experiment, status)) return false;
  const char *paths[] = {experiment->arrays_path, experiment->picture_path, experiment->table_path,
                         experiment->fields->measures ? experiment->measures_path : NULL,
                         experiment_has_differences(experiment) ? experiment->differences_path : NULL};
  if (experiment->json || (!experiment->arrays_path && !experiment->table_path)) return true;
  const char *separator = "written: ";
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    if (!paths[i]) continue;
    printf("%s%s", separator, paths[i]);
    separator = ", ";
  }
  printf("\n");
  return true;
}
