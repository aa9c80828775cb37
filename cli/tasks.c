// blur tasks: lists the generated tasks, each with the accuracy of the larger class and of the best line. blur tasks
// NAME: samples of a task, or of any data, as CSV on standard output, or into a file of --out.
#include "base/npz.h"
#include "base/status.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWN_TASKS = 500, MOST_SAMPLES = 10000000 };

// ---- the list

// In regression the mean over tasks of the first seeds: each has its own amplitude and phase.
static bool baseline_of(BlurData *data, BlurBaseline *baseline, BlurStatus *status) {
  if (blur_data_classes(data)) return blur_data_baseline(data, baseline, status);
  *baseline = (BlurBaseline){0};
  for (uint64_t seed = 0; seed < DRAWN_TASKS; seed++) {
    BlurBaseline one;
    blur_data_redraw(data, seed);
    if (!blur_data_baseline(data, &one, status)) return false;
    baseline->constant += one.constant / DRAWN_TASKS;
    baseline->linear += one.linear / DRAWN_TASKS;
  }
  return true;
}

static void tell_json(const BlurGenerator *task, const BlurBaseline *baseline) {
  printf("{\"name\": \"%s\", \"inputs\": %d, \"outputs\": %d, \"classes\": %d, ", task->name, task->inputs,
         task->outputs, task->classes);
  printf(task->classes ? "\"majority_accuracy\": %.5f, \"linear_accuracy\": %.5f, "
                       : "\"constant_mse\": %.5f, \"linear_mse\": %.5f, ",
         baseline->constant, baseline->linear);
  printf("\"noise\": %g, \"points\": ", task->noise);
  print_json_string(task->points);
  printf(", \"definition\": ");
  print_json_string(task->definition);
  printf("}\n");
}

static void tell_row(const BlurGenerator *task, const BlurBaseline *baseline) {
  char net[32];
  snprintf(net, sizeof net, "%d-...-%d", task->inputs, task->outputs);
  printf("%-13s %-8s ", task->name, net);
  if (task->classes) printf("%7.1f %% %7.1f %%  ", 100 * baseline->constant, 100 * baseline->linear);
  else printf("mse %5.2f mse %5.2f  ", baseline->constant, baseline->linear);
  printf("%s\n", task->definition);
}

static int list_tasks(const Arguments *arguments) {
  bool json = option_given(arguments, OPTION_json);
  const char *points = "";
  if (!json) printf("%-13s %-8s %9s %9s  %s\n", "task", "net", "majority", "best line", "class 1, or y");
  for (size_t i = 0; i < blur_generator_count(); i++) {
    const BlurGenerator *task = blur_generator(i);
    BlurBaseline baseline;
    BlurStatus status;
    BlurData *data = blur_data_load(task->name, &status);
    if (!data || !baseline_of(data, &baseline, &status)) {
      complain(arguments, "%s", status.message);
      blur_data_destroy(data);
      return (int)status.code;
    }
    if (!json && strcmp(points, task->points) != 0) printf("  %s:\n", task->points);
    points = task->points;
    if (json) tell_json(task, &baseline);
    else tell_row(task, &baseline);
    fflush(stdout);
    blur_data_destroy(data);
  }
  return EXIT_DONE;
}

// ---- samples

// Columns x1, x2, ..., then y, the number of the class as the network has it, or y1, y2, ...
static Table *make_table(const BlurData *data, BlurPart part, int64_t samples) {
  int64_t inputs = blur_data_inputs(data), outputs = blur_data_classes(data) ? 1 : blur_data_outputs(data);
  Table *table = table_create(samples, inputs + outputs);
  if (!table) return NULL;
  for (int64_t i = 0; i < inputs; i++) table_name(table, i, "x", i + 1);
  for (int64_t i = 0; i < outputs; i++) table_name(table, inputs + i, "y", outputs > 1 ? i + 1 : 0);
  for (int64_t sample = 0; sample < samples; sample++) {
    double *row = table->values + sample * table->columns;
    blur_data_row(data, part, sample, row);
    if (blur_data_classes(data)) row[inputs] = blur_data_label(data, part, sample);
    else blur_data_target(data, part, sample, outputs, row + inputs);
  }
  return table;
}

// An object a sample: {"sample": 0, "x": [0.5, -1], "y": 1}
static void print_lines(const BlurData *data, const Table *table) {
  int64_t inputs = blur_data_inputs(data);
  bool several = table->columns > inputs + 1;
  for (int64_t sample = 0; sample < table->rows; sample++) {
    const double *row = table->values + sample * table->columns;
    printf("{\"sample\": %" PRId64 ", \"x\": [", sample);
    for (int64_t i = 0; i < inputs; i++) printf("%s%.9g", i ? ", " : "", row[i]);
    printf(several ? "], \"y\": [" : "], \"y\": ");
    for (int64_t i = inputs; i < table->columns; i++) printf("%s%.9g", i > inputs ? ", " : "", row[i]);
    printf(several ? "]}\n" : "}\n");
  }
}

static bool write_arrays(const BlurData *data, const Table *table, const char *path, BlurStatus *status) {
  int64_t inputs = blur_data_inputs(data), outputs = table->columns - inputs;
  double *x = calloc((size_t)(table->rows * inputs), sizeof *x),
         *y = calloc((size_t)(table->rows * outputs), sizeof *y);
  bool done = x && y;
  for (int64_t row = 0; done && row < table->rows; row++) {
    const double *from = table->values + row * table->columns;
    memcpy(x + row * inputs, from, (size_t)inputs * sizeof *x);
    memcpy(y + row * outputs, from + inputs, (size_t)outputs * sizeof *y);
  }
  const int64_t x_extent[2] = {table->rows, inputs}, y_extent[2] = {table->rows, outputs};
  bool classes = blur_data_classes(data) > 0;
  const NpzEntry entries[2] = {{.name = "x", .float32 = true, .dimensions = 2, .extent = x_extent, .values = x},
                               {.name = "y",
                                .float32 = true,
                                .integer = classes,
                                .dimensions = classes ? 1 : 2,
                                .extent = y_extent,
                                .values = y}};
  done = done ? npz_write(path, entries, 2, status) : status_fail_memory(status, path, (double)table->rows * 8);
  free(x);
  free(y);
  return done;
}

static int export_samples(const Arguments *arguments) {
  size_t part;
  int64_t seed, samples;
  if (!option_word(arguments, OPTION_part, BLUR_TRAIN, &part) ||
      !option_integer(arguments, OPTION_seed, 0, INT64_MAX, 0, &seed) ||
      !option_integer(arguments, OPTION_samples, 1, MOST_SAMPLES, 1000, &samples))
    return EXIT_USAGE;
  BlurStatus status;
  BlurData *data = blur_data_load(arguments->operand[0], &status);
  if (!data) {
    complain(arguments, "%s", status.message);
    return (int)status.code;
  }
  blur_data_redraw(data, (uint64_t)seed);
  int64_t most = blur_data_samples(data, (BlurPart)part);
  if (samples > most && !option_given(arguments, OPTION_samples)) samples = most;
  const char *out = arguments->value[OPTION_out];
  int code = EXIT_DONE;
  Table *table = samples <= most && samples > 0 ? make_table(data, (BlurPart)part, samples) : NULL;
  if (samples > most || samples == 0) {
    complain(arguments, "%s has %" PRId64 " samples for %s", arguments->operand[0], most,
             option_table[OPTION_part].choices[part]);
    code = EXIT_INPUT;
  } else if (!table) {
    complain(arguments, "out of memory for %" PRId64 " samples", samples);
    code = EXIT_ENVIRONMENT;
  } else if (!out && option_given(arguments, OPTION_json)) {
    print_lines(data, table);
  } else if (!out) {
    table_print(table);
  } else if (!table_can_write(out, &status) ||
             !(table_is_csv(out) ? table_write(table, out, &status) : write_arrays(data, table, out, &status))) {
    complain(arguments, "%s", status.message);
    code = (int)status.code;
  }
  table_destroy(table);
  blur_data_destroy(data);
  return code;
}

int command_tasks(const Arguments *arguments) {
  if (!arguments->operand_count) return list_tasks(arguments);
  return exactly_one_operand(arguments, "a task") ? export_samples(arguments) : EXIT_USAGE;
}
