// What an experiment leaves on disk: a picture of accuracy by step, a curve a rule with the band of its confidence
// interval, and beside it the numbers of every run as CSV (RFC 4180).
#include "cli/experiment.h"
#include "cli/plot.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends_with(const char *path, const char *ending) {
  size_t length = strlen(path), tail = strlen(ending);
  return length > tail && strcmp(path + length - tail, ending) == 0;
}

static char *joined(const char *left, size_t length, const char *right) {
  char *path = malloc(length + strlen(right) + 1);
  if (path) {
    memcpy(path, left, length);
    strcpy(path + length, right);
  }
  return path;
}

static bool has_folder(const char *path, BlurStatus *status) {
  const char *slash = strrchr(path, '/');
  char *folder = slash ? joined(path, (size_t)(slash - path + 1), "") : joined(".", 1, "");
  bool right = folder && access(folder, W_OK) == 0;
  if (!right) status_fail(status, BLUR_FAILED_ENVIRONMENT, "nothing can be written to %s: %s", folder, strerror(errno));
  free(folder);
  return right;
}

bool experiment_open_files(Experiment *experiment, BlurStatus *status) {
  const char *out = experiment->arguments->value[OPTION_out];
  if (!out) return true;
  bool is_picture = ends_with(out, ".svg") || ends_with(out, ".png"), is_table = ends_with(out, ".csv");
  if (is_picture || is_table) {
    if (is_picture) experiment->picture_path = joined(out, strlen(out), "");
    experiment->table_path = joined(out, strlen(out) - 4, ".csv");
  } else {
    struct stat about;
    if (stat(out, &about) != 0 && mkdir(out, 0777) != 0)
      return status_fail(status, BLUR_FAILED_ENVIRONMENT, "the folder %s cannot be made: %s", out, strerror(errno));
    char *base = joined(out, strlen(out), "/"), *name = base ? joined(base, strlen(base), experiment->fields->name) : 0;
    if (name) {
      experiment->picture_path = joined(name, strlen(name), ".svg");
      experiment->table_path = joined(name, strlen(name), ".csv");
    }
    free(base);
    free(name);
    is_picture = true;
  }
  if (!experiment->table_path || (is_picture && !experiment->picture_path))
    return status_fail(status, BLUR_FAILED_ENVIRONMENT, "out of memory");
  return (!is_picture || plot_possible(status)) && has_folder(experiment->table_path, status);
}

void experiment_close_files(Experiment *experiment) {
  free(experiment->picture_path);
  free(experiment->table_path);
}

// ---- the table

static void add_quoted(Text *text, const char *value) {
  text_add(text, "\"");
  for (; *value; value++) text_add(text, *value == '"' ? "\"\"" : "%c", *value);
  text_add(text, "\"");
}

static bool write_table(const Experiment *experiment, BlurStatus *status) {
  Text text = {0};
  text_add(&text, "rule,setting,seed,step,part,loss,accuracy,diverged\n");
  for (size_t e = 0; e < experiment->entry_count; e++)
    for (int64_t seed = 0; seed < experiment->fields->seeds; seed++) {
      BlurStudyRun run = blur_study_result(experiment->study, e, seed);
      for (size_t p = 0; p < run.points; p++) {
        const BlurStudyPoint *point = &run.point[p];
        add_quoted(&text, experiment->entries[e].rule->rule);
        text_add(&text, ",");
        add_quoted(&text, experiment_label(experiment, e));
        text_add(&text, ",%" PRId64 ",%" PRId64 ",%s,", experiment->fields->first_seed + seed, point->step,
                 experiment->fields->on_validation ? "validation" : "test");
        if (isfinite(point->loss)) text_add_number(&text, point->loss);
        text_add(&text, ",");
        text_add_number(&text, point->accuracy);
        text_add(&text, ",%d\n", run.diverged && point->step >= run.diverged_at);
      }
    }
  bool right = file_write(experiment->table_path, text_get(&text), text.length, status);
  text_free(&text);
  return right;
}

// ---- the picture

static char *curve_label(const Experiment *experiment, size_t entry) {
  Text text = {0};
  const char *label = experiment_label(experiment, entry);
  text_add(&text, "%s%s%s", experiment->entries[entry].rule->rule, *label ? "  " : "", label);
  return text.bytes;
}

static size_t fill_curve(const Experiment *experiment, size_t entry, PlotPoint *point) {
  const int64_t *steps;
  size_t points = blur_study_steps(experiment->study, &steps), filled = 0;
  for (size_t p = 0; p < points; p++) {
    BlurInterval accuracy = blur_study_accuracy(experiment->study, entry, p);
    if (accuracy.n == 0) continue;
    point[filled++] = (PlotPoint){(double)steps[p], 100 * accuracy.mean, 100 * (accuracy.mean - accuracy.half),
                                  100 * (accuracy.mean + accuracy.half)};
  }
  return filled;
}

static bool write_picture(const Experiment *experiment, BlurStatus *status) {
  const int64_t *steps;
  size_t points = blur_study_steps(experiment->study, &steps), entries = experiment->entry_count;
  PlotCurve *curves = calloc(entries, sizeof *curves);
  PlotPoint *all = calloc(entries * points, sizeof *all);
  bool right = curves && all;
  for (size_t e = 0; right && e < entries; e++)
    curves[e] = (PlotCurve){.label = curve_label(experiment, e),
                            .color = e,
                            .point = &all[e * points],
                            .points = fill_curve(experiment, e, &all[e * points])};
  char note[96] = "";
  if (experiment->fields->seeds > 1)
    snprintf(note, sizeof note, "mean and 95 %% interval of %" PRId64 " seeds", experiment->fields->seeds);
  PlotPanel panel = {.x_label = "step",
                     .y_label = experiment->fields->on_validation ? "validation accuracy (%)" : "test accuracy (%)",
                     .curves = entries,
                     .curve = curves};
  Plot plot = {.panels = 1, .panel = &panel, .note = *note ? note : NULL};
  right = right ? plot_write(&plot, experiment->picture_path, status)
                : status_fail(status, BLUR_FAILED_ENVIRONMENT, "out of memory for the picture");
  for (size_t e = 0; curves && e < entries; e++) free((void *)(uintptr_t)curves[e].label);
  free(curves);
  free(all);
  return right;
}

bool experiment_write_files(const Experiment *experiment, BlurStatus *status) {
  if (experiment->table_path && !write_table(experiment, status)) return false;
  if (experiment->picture_path && !write_picture(experiment, status)) return false;
  if (experiment->json || !experiment->table_path) return true;
  printf("written: %s%s%s\n", experiment->picture_path ? experiment->picture_path : "",
         experiment->picture_path ? ", " : "", experiment->table_path);
  return true;
}
