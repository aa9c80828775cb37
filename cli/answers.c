// See answers.h.
#include "cli/answers.h"

#include "base/npz.h"
#include "cli/command.h"
#include "cli/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// The predicted class: the largest output; of a single one: 1 where it is positive.
static int64_t chosen(const Answers *answers, int64_t sample) {
  const double *h = answers->h + sample * answers->outputs;
  int64_t best = 0;
  if (answers->outputs == 1) return h[0] > 0;
  for (int64_t i = 1; i < answers->outputs; i++)
    if (h[i] > h[best]) best = i;
  return best;
}

static const char *name_of(const Answers *answers, int64_t class_number) {
  return answers->class_names && class_number < answers->classes ? answers->class_names[class_number] : NULL;
}

static void print_json(const Answers *answers, int64_t sample) {
  const double *h = answers->h + sample * answers->outputs;
  printf("{\"sample\": %" PRId64, sample);
  if (answers->classes) {
    int64_t best = chosen(answers, sample);
    printf(", \"class\": %" PRId64, best);
    if (name_of(answers, best)) {
      printf(", \"name\": ");
      print_json_string(name_of(answers, best));
    }
  }
  printf(", \"outputs\": [");
  for (int64_t i = 0; i < answers->outputs; i++) printf(isfinite(h[i]) ? "%s%.9g" : "%snull", i ? ", " : "", h[i]);
  printf("]}\n");
}

static void print_line(const Answers *answers, int64_t sample) {
  const double *h = answers->h + sample * answers->outputs;
  printf("sample %" PRId64 " ", sample);
  if (answers->classes) {
    int64_t best = chosen(answers, sample);
    if (name_of(answers, best)) printf(" class %s ", name_of(answers, best));
    else printf(" class %" PRId64 " ", best);
  }
  for (int64_t i = 0; i < answers->outputs; i++) printf(" %.6g", h[i]);
  printf("\n");
}

void answers_print(const Answers *answers, bool json) {
  for (int64_t sample = 0; sample < answers->samples; sample++)
    if (json) print_json(answers, sample);
    else print_line(answers, sample);
}

// ---- files

static bool write_table(const Answers *answers, const char *path, BlurStatus *status) {
  int64_t first = answers->classes > 0, outputs = answers->outputs;
  int64_t words = outputs > 2 ? outputs : 2;
  Table *table = table_create(answers->samples, first + outputs);
  const char **names = calloc((size_t)words, sizeof *names);
  if (!table || !names) {
    table_destroy(table);
    free(names);
    return status_fail_memory(status, path, (double)(answers->samples * outputs) * 8);
  }
  // Spare outputs have no name: then all are told by number.
  bool named = answers->class_names && words == answers->classes;
  for (int64_t i = 0; named && i < words; i++) names[i] = answers->class_names[i];
  if (first) table_name(table, 0, "class", 0);
  if (first && named) table->words[0] = names;
  for (int64_t i = 0; i < outputs; i++) table_name(table, first + i, "h", outputs > 1 ? i + 1 : 0);
  for (int64_t sample = 0; sample < answers->samples; sample++) {
    double *row = table->values + sample * table->columns;
    if (first) row[0] = (double)chosen(answers, sample);
    for (int64_t i = 0; i < outputs; i++) row[first + i] = answers->h[sample * outputs + i];
  }
  bool done = table_write(table, path, status);
  table_destroy(table);
  free(names);
  return done;
}

bool answers_write(const Answers *answers, const char *path, BlurStatus *status) {
  if (table_is_csv(path)) return write_table(answers, path, status);
  double *classes = calloc((size_t)answers->samples, sizeof *classes);
  if (!classes) return status_fail_memory(status, path, (double)answers->samples * 8);
  for (int64_t sample = 0; sample < answers->samples; sample++) classes[sample] = (double)chosen(answers, sample);
  const int64_t extent[2] = {answers->samples, answers->outputs};
  const NpzEntry entries[2] = {
      {.name = "prediction", .float32 = answers->float32, .dimensions = 2, .extent = extent, .values = answers->h},
      {.name = "class", .integer = true, .dimensions = 1, .extent = extent, .values = classes}};
  bool done = npz_write(path, entries, answers->classes ? 2 : 1, status);
  free(classes);
  return done;
}
