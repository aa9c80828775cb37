// The tasks of a meta-learning run: data loaded, and the rule compiled for each network that they need, each once.
#include "cli/meta.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *room(size_t count, size_t size) { return must(calloc(count + 1, size)); }

static BlurData *load(Meta *meta, const char *specification) {
  for (size_t i = 0; i < meta->data_count; i++)
    if (strcmp(blur_data_name(meta->data[i]), specification) == 0) return meta->data[i];
  BlurStatus status;
  BlurData *data = blur_data_load(specification, &status);
  if (data) meta->data[meta->data_count++] = data;
  else complain(meta->arguments, "%s", status.message);
  return data;
}

static BlurProgram *compile(Meta *meta, int layers, const int64_t *units, BlurLoss loss, bool adjoint) {
  const BlurExperimentFields *fields = meta->fields;
  for (size_t i = 0; i < meta->program_count; i++) {
    const MetaProgram *known = &meta->programs[i];
    if (known->layers == layers && known->loss == loss && known->adjoint == adjoint &&
        memcmp(known->units, units, (size_t)layers * sizeof *units) == 0)
      return known->program;
  }
  BlurOptions options = {.layers = layers,
                         .units = units,
                         .batch = fields->meta.batch,
                         .precision = fields->precision,
                         .adjoint = adjoint,
                         .query_loss = loss,
                         .no_cache = option_given(meta->arguments, OPTION_no_cache)};
  BlurRule *rule = blur_experiment_rule(meta->experiment, 0, NULL, loss, meta->report);
  BlurProgram *program = rule ? blur_compile(rule, &options, meta->report) : NULL;
  blur_rule_destroy(rule);
  if (!program) return NULL;
  MetaProgram *made = &meta->programs[meta->program_count++];
  *made = (MetaProgram){program, layers, room((size_t)layers, sizeof *units), loss, adjoint};
  memcpy(made->units, units, (size_t)layers * sizeof *units);
  return program;
}

static char *net_name(int layers, const int64_t *units) {
  Text text = {0};
  for (int i = 0; i < layers; i++) text_add(&text, "%s%" PRId64, i ? "-" : "", units[i]);
  return text.bytes;
}

static int add_task(Meta *meta, MetaTasks *tasks, const char *specification, const BlurExperimentNet *net,
                    bool adjoint) {
  BlurData *data = load(meta, specification);
  if (!data) return EXIT_INPUT;
  int layers = net->layers;
  int64_t *units = network_units(layers, net->units, data);
  BlurLoss loss = meta->fields->meta.has_loss ? meta->fields->meta.loss : blur_data_loss(data, units[layers - 1]);
  BlurProgram *program = compile(meta, layers, units, loss, adjoint);
  tasks->task[tasks->count] = (BlurMetaTask){data, program, loss};
  tasks->name[tasks->count++] = (MetaName){specification, net_name(layers, units)};
  free(units);
  return program ? EXIT_DONE : EXIT_INPUT;
}

// All tasks on all networks: those of the experiment where the list is empty.
static int add_tasks(Meta *meta, MetaTasks *tasks, size_t task_count, const char *const *task, size_t net_count,
                     const BlurExperimentNet *net, bool adjoint) {
  const BlurExperimentFields *fields = meta->fields;
  const BlurExperimentNet own = {fields->layers, fields->units};
  if (!task_count) {
    task_count = fields->tasks;
    task = fields->task;
  }
  if (!net_count) {
    net_count = 1;
    net = &own;
  }
  tasks->task = room(task_count * net_count, sizeof *tasks->task);
  tasks->name = room(task_count * net_count, sizeof *tasks->name);
  for (size_t n = 0; n < net_count; n++)
    for (size_t t = 0; t < task_count; t++) {
      int code = add_task(meta, tasks, task[t], &net[n], adjoint);
      if (code) return code;
    }
  return EXIT_DONE;
}

int meta_open_tasks(Meta *meta) {
  const BlurExperimentFields *fields = meta->fields;
  size_t data = fields->tasks, programs = fields->tasks;
  for (size_t t = 0; t < fields->meta_tests; t++) {
    const BlurExperimentMetaTest *test = &fields->meta_test[t];
    size_t tasks = test->tasks ? test->tasks : fields->tasks;
    data += tasks;
    programs += tasks * (test->nets ? test->nets : 1);
  }
  meta->data = room(data, sizeof *meta->data);
  meta->programs = room(programs, sizeof *meta->programs);
  meta->tested = room(fields->meta_tests, sizeof *meta->tested);
  meta->tests = room(fields->meta_tests, sizeof *meta->tests);
  bool adjoint = fields->meta.optimizer != BLUR_META_CMA;
  int code = add_tasks(meta, &meta->tasks, 0, NULL, 0, NULL, adjoint);
  for (size_t t = 0; !code && t < fields->meta_tests; t++) {
    const BlurExperimentMetaTest *test = &fields->meta_test[t];
    code = add_tasks(meta, &meta->tested[t], test->tasks, test->task, test->nets, test->net, false);
    meta->tests[t] = (BlurMetaTest){.tasks = meta->tested[t].count,
                                    .task = meta->tested[t].task,
                                    .steps = test->unroll,
                                    .every = test->every,
                                    .networks = test->networks};
  }
  return code;
}

static void free_tasks(MetaTasks *tasks) {
  for (size_t i = 0; i < tasks->count; i++) free(tasks->name[i].net);
  free(tasks->task);
  free(tasks->name);
}

void meta_close_tasks(Meta *meta) {
  free_tasks(&meta->tasks);
  for (size_t t = 0; meta->tested && t < meta->fields->meta_tests; t++) free_tasks(&meta->tested[t]);
  for (size_t i = 0; i < meta->program_count; i++) {
    blur_program_destroy(meta->programs[i].program);
    free(meta->programs[i].units);
  }
  for (size_t i = 0; i < meta->data_count; i++) blur_data_destroy(meta->data[i]);
  free(meta->tested);
  free(meta->tests);
  free(meta->programs);
  free(meta->data);
}
