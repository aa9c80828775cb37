// The numbers of an experiment as NumPy arrays, `--out FILE.npz`: step [points], seed [seeds], accuracy (in regression
// r2) and loss [rules][seeds][points], diverged_at [rules][seeds]; measure.NAME [rules][seeds][points][layers] and its
// steps; rules.json says which rule and setting each row of the first axis is. NaN stands where there is no number.
#include "cli/experiment.h"

#include "base/npz.h"
#include "base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

// Entries under way: what they point to is theirs until free_arrays().
typedef struct {
  NpzEntry *entries;
  Text *names;
  int64_t (*extents)[4];
  size_t count;
} Arrays;

static double *add_array(Arrays *arrays, const char *before, const char *name, const char *after, int dimensions,
                         const int64_t *extent) {
  size_t at = arrays->count, count = 1;
  for (int d = 0; d < dimensions; d++) {
    arrays->extents[at][d] = extent[d];
    count *= (size_t)extent[d];
  }
  double *values = calloc(count + 1, sizeof *values);
  if (!values) return NULL;
  for (size_t i = 0; i < count; i++) values[i] = NAN;
  text_add(&arrays->names[at], "%s%s%s", before, name, after);
  arrays->entries[at] = (NpzEntry){
      .name = text_get(&arrays->names[at]), .dimensions = dimensions, .extent = arrays->extents[at], .values = values};
  arrays->count++;
  return values;
}

static bool add_steps(Arrays *arrays, const char *before, const char *name, const char *after, const int64_t *steps,
                      int64_t count) {
  double *values = add_array(arrays, before, name, after, 1, &count);
  for (int64_t i = 0; values && i < count; i++) values[i] = (double)steps[i];
  if (values) arrays->entries[arrays->count - 1].integer = true;
  return values != NULL;
}

static bool add_evaluations(const Experiment *experiment, Arrays *arrays) {
  const int64_t *steps;
  int64_t seeds = experiment->fields->seeds, points = (int64_t)blur_study_steps(experiment->study, &steps);
  const int64_t extent[3] = {(int64_t)experiment->entry_count, seeds, points};
  if (!add_steps(arrays, "", "step", "", steps, points)) return false;
  double *seed = add_array(arrays, "", "seed", "", 1, &seeds);
  double *score = add_array(arrays, "", experiment_score_name(experiment), "", 3, extent);
  double *loss = add_array(arrays, "", "loss", "", 3, extent);
  double *diverged = add_array(arrays, "", "diverged_at", "", 2, extent);
  if (!seed || !score || !loss || !diverged) return false;
  arrays->entries[1].integer = true;
  for (int64_t s = 0; s < seeds; s++) seed[s] = (double)(experiment->fields->first_seed + s);
  for (int64_t row = 0; row < extent[0] * seeds; row++) {
    BlurStudyRun run = blur_study_result(experiment->study, (size_t)(row / seeds), row % seeds);
    if (run.diverged) diverged[row] = (double)run.diverged_at;
    for (size_t p = 0; p < run.points; p++) {
      score[row * points + (int64_t)p] = run.point[p].score;
      loss[row * points + (int64_t)p] = run.point[p].loss;
    }
  }
  return true;
}

static bool add_measure(const Experiment *experiment, size_t measure, Arrays *arrays) {
  const int64_t *steps;
  size_t values, points = blur_study_measure_steps(experiment->study, measure, &steps, &values);
  if (values == 0 || points == 0) return true; // measured of no rule
  const char *name = experiment->fields->measure[measure].name;
  int64_t seeds = experiment->fields->seeds;
  const int64_t extent[4] = {(int64_t)experiment->entry_count, seeds, (int64_t)points, (int64_t)values};
  if (!add_steps(arrays, "measure.", name, ".step", steps, (int64_t)points)) return false;
  double *numbers = add_array(arrays, "measure.", name, "", 4, extent);
  if (!numbers) return false;
  for (int64_t row = 0; row < extent[0] * seeds; row++) {
    size_t done;
    const double *run = blur_study_measured(experiment->study, (size_t)(row / seeds), row % seeds, measure, &done);
    for (size_t i = 0; run && i < done * values; i++) numbers[(size_t)row * points * values + i] = run[i];
  }
  return true;
}

static char *list_rules(const Experiment *experiment) {
  json_t *list = json_array();
  for (size_t e = 0; e < experiment->entry_count; e++)
    json_array_append_new(list, json_pack("{s:s, s:s}", "rule", experiment->entries[e].rule->rule, "setting",
                                          experiment_label(experiment, e)));
  char *text = json_dumps(list, JSON_INDENT(2));
  json_decref(list);
  return text;
}

static void free_arrays(Arrays *arrays) {
  for (size_t i = 0; i < arrays->count; i++) {
    free((void *)(uintptr_t)arrays->entries[i].values);
    text_free(&arrays->names[i]);
  }
  free(arrays->entries);
  free(arrays->names);
  free(arrays->extents);
}

bool experiment_write_arrays(const Experiment *experiment, const char *path, BlurStatus *status) {
  size_t most = 6 + 2 * experiment->fields->measures;
  Arrays arrays = {.entries = calloc(most, sizeof *arrays.entries),
                   .names = calloc(most, sizeof *arrays.names),
                   .extents = calloc(most, sizeof *arrays.extents)};
  char *rules = list_rules(experiment);
  bool right = arrays.entries && arrays.names && arrays.extents && rules && add_evaluations(experiment, &arrays);
  for (size_t m = 0; right && m < experiment->fields->measures; m++) right = add_measure(experiment, m, &arrays);
  if (right) {
    arrays.entries[arrays.count] = (NpzEntry){.name = "rules.json", .text = rules};
    right = npz_write(path, arrays.entries, arrays.count + 1, status);
  } else {
    status_fail(status, BLUR_FAILED_ENVIRONMENT, "out of memory for %s", path);
  }
  free_arrays(&arrays);
  free(rules);
  return right;
}
