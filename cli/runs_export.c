// blur runs export: metrics of runs as CSV, JSON, or event files of TensorBoard.
#include "cli/runs.h"
#include "cli/table.h"

#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// ---- JSON

static void add_word(Text *out, const char *name, const char *value) {
  text_add(out, ", \"%s\": ", name);
  if (value) text_add_json_string(out, value);
  else text_add(out, "null");
}

static void add_number(Text *out, double value) {
  if (isfinite(value)) text_add_number(out, value);
  else text_add(out, "null");
}

static void add_whole(Text *out, const char *name, int64_t value) { text_add(out, ", \"%s\": %" PRId64, name, value); }

void runs_add_json(Text *out, const Run *run, const RunCurve *curves, size_t count, const char *genome) {
  text_add(out, "{\"run\": %" PRId64, run->id);
  add_word(out, "command", run->command);
  add_word(out, "experiment", run->experiment);
  add_word(out, "file", run->file);
  add_word(out, "rules", run->rules);
  add_word(out, "settings", run->settings);
  add_word(out, "begun_with", run->genome);
  add_word(out, "seed", run->seed);
  add_whole(out, "steps", run->steps);
  add_whole(out, "step", run->step);
  add_word(out, "version", run->version);
  add_word(out, "host", run->host);
  add_word(out, "processor", run->processor);
  add_whole(out, "threads", run->threads);
  text_add(out, ", \"started\": %.3f, \"seconds\": %.3f", run->started, run->seconds);
  add_whole(out, "resumed", run->resumed);
  add_word(out, "ending", run->ending);
  add_word(out, "message", run->message);
  add_word(out, "score_name", run->score_name);
  text_add(out, ", \"score\": ");
  add_number(out, run->score);
  if (!curves) {
    text_add(out, "}");
    return;
  }
  add_word(out, "text", run->text);
  add_word(out, "genome", genome);
  text_add(out, ", \"curves\": {");
  for (size_t c = 0; c < count; c++) {
    text_add(out, "%s", c ? ", " : "");
    text_add_json_string(out, curves[c].name);
    text_add(out, ": [");
    for (size_t p = 0; p < curves[c].count; p++) {
      text_add(out, "%s[%" PRId64 ", ", p ? ", " : "", curves[c].points[p].step);
      add_number(out, curves[c].points[p].value);
      text_add(out, "]");
    }
    text_add(out, "]");
  }
  text_add(out, "}}");
}

// ---- CSV

static void add_quoted(Text *out, const char *value) { // RFC 4180
  text_add(out, "\"");
  for (; *value; value++) text_add(out, *value == '"' ? "\"\"" : "%c", *value);
  text_add(out, "\"");
}

static void add_csv(Text *out, const Run *run, const RunCurve *curves, size_t count) {
  for (size_t c = 0; c < count; c++)
    for (size_t p = 0; p < curves[c].count; p++) {
      text_add(out, "%" PRId64 ",", run->id);
      add_quoted(out, run->experiment);
      text_add(out, ",");
      add_quoted(out, curves[c].name);
      text_add(out, ",%" PRId64 ",", curves[c].points[p].step);
      table_add_number(out, curves[c].points[p].value);
      text_add(out, ",%.3f\n", curves[c].points[p].at);
    }
}

// ---- files

static bool make_folder(const char *path, BlurStatus *status) {
  return mkdir(path, 0777) == 0 || errno == EEXIST || status_fail_system(status, "make the folder", path);
}

// FOLDER/N-NAME/events.out.tfevents...
static bool write_events(const char *folder, const Run *run, const RunCurve *curves, size_t count, BlurStatus *status) {
  Text path = {0};
  text_add(&path, "%s/%" PRId64 "-%s", folder, run->id, run->experiment);
  bool right = make_folder(folder, status) && make_folder(path.bytes, status);
  char *name = event_file_name(run);
  size_t length;
  char *bytes = event_file(run, curves, count, &length);
  text_add(&path, "/%s", name);
  right = right && file_write(path.bytes, bytes, length, status);
  if (right) printf("written: %s\n", path.bytes);
  free(bytes);
  free(name);
  text_free(&path);
  return right;
}

static bool options_fit(const Arguments *arguments) {
  int kinds = option_given(arguments, OPTION_csv) + option_given(arguments, OPTION_json) +
              option_given(arguments, OPTION_tensorboard);
  if (kinds != 1) {
    complain(arguments, "export takes one of --csv, --json and --tensorboard");
    return false;
  }
  if (option_given(arguments, OPTION_tensorboard) && !option_given(arguments, OPTION_out)) {
    complain(arguments, "--tensorboard writes a folder a run: --out FOLDER says where");
    return false;
  }
  return true;
}

int runs_export(const Arguments *arguments, Runs *runs, const Run *list, size_t count) {
  const char *out = arguments->value[OPTION_out];
  bool json = option_given(arguments, OPTION_json), csv = option_given(arguments, OPTION_csv), right = true;
  BlurStatus status;
  if (!options_fit(arguments)) return EXIT_USAGE;
  Text text = {0};
  text_add(&text, "%s", csv ? "run,experiment,curve,step,value,time\n" : json ? "[" : "");
  for (size_t i = 0; right && i < count; i++) {
    size_t curve_count = 0;
    RunCurve *curves = runs_curves(runs, list[i].id, &curve_count, &status);
    right = curves != NULL;
    if (right && csv) add_csv(&text, &list[i], curves, curve_count);
    if (right && json) {
      char *genome = runs_genome(runs, list[i].id);
      text_add(&text, "%s", i ? ",\n " : "");
      runs_add_json(&text, &list[i], curves, curve_count, genome);
      free(genome);
    }
    if (right && !csv && !json) right = write_events(out, &list[i], curves, curve_count, &status);
    runs_free_curves(curves, curve_count);
  }
  if (json) text_add(&text, "]\n");
  if (right && (csv || json)) {
    if (out) right = file_write(out, text_get(&text), text.length, &status);
    else print_text(text_get(&text));
  }
  text_free(&text);
  if (right) return EXIT_DONE;
  complain(arguments, "%s", status.message);
  return (int)status.code;
}
