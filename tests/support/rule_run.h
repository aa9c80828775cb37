// Runs a rule through the float64 interpreter, as lowered (no pass in between): what tests hold everything else
// against. Arrays are dense, axes in the order state, batch, neuron / state, pre (the unit neuron's row last), post.
#ifndef BLUR_TESTS_RULE_RUN_H
#define BLUR_TESTS_RULE_RUN_H

#include "compiler/passes/lower.h"
#include "compiler/source/library.h"
#include "compiler/syntax/syntax.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  Arena *arena;
  DiagnosticSink sink;
  CheckedRule *rule;
  LowerNetwork network;
  IrProgram *step, *predict;
  double **step_storage, **predict_storage;
  double steps_made;
  IrInexactness inexact; // of steps
} RuleRun;

static inline const AstFile *rule_run_parse(RuleRun *run, const char *item) {
  SourceFile *source = library_find(run->arena, item);
  if (!source) return NULL;
  size_t errors = run->sink.errors;
  const AstFile *file = parse_file(run->arena, source, &run->sink);
  return run->sink.errors == errors ? file : NULL;
}

static inline const AstFile *rule_run_load(void *context, const char *module, const char *item, Span asked_at) {
  (void)asked_at;
  return strcmp(module, "std") == 0 ? rule_run_parse(context, item) : NULL;
}

static inline double **rule_run_storage(Arena *arena, const IrProgram *program) {
  double **storage = ARENA_ARRAY(arena, double *, program->buffers.count);
  for (size_t i = 0; i < program->buffers.count; i++)
    storage[i] = ARENA_ARRAY(arena, double, ir_buffer_elements(&program->buffers.items[i]));
  return storage;
}

static inline const CheckedVariable *rule_run_variable(const RuleRun *run, const char *name) {
  for (size_t i = 0; i < run->rule->variables.count; i++)
    if (!strcmp(run->rule->variables.items[i].name, name)) return &run->rule->variables.items[i];
  return NULL;
}

// Values by literal or constant expression; draws stay zero.
static inline void rule_run_initial(RuleRun *run) {
  for (size_t i = 0; i < run->step->buffers.count; i++) {
    const IrBufferInfo *buffer = &run->step->buffers.items[i];
    const CheckedVariable *variable = buffer->variable ? rule_run_variable(run, buffer->variable) : NULL;
    double number = 0;
    if (!variable || !buffer->live_in || variable->initial_kind != INITIAL_VALUE) continue;
    int64_t elements = ir_buffer_elements(buffer);
    if (variable->constants) memcpy(run->step_storage[i], variable->constants, (size_t)elements * sizeof(double));
    else if (lower_initial(run->rule, &run->network, variable, buffer->layer, variable->first, &number))
      for (int64_t e = 0; e < elements; e++) run->step_storage[i][e] = number;
  }
}

// `rule`: "std.NAME" or a rule's text; `settings`: "k=2,act=relu" or "-"; `net`: "4-6-3". NULL after printing what was
// wrong.
static inline RuleRun *rule_run_open(const char *rule, const char *settings, const char *net, int64_t batch,
                                     TaskLoss loss) {
  Arena *arena = arena_create();
  RuleRun *run = ARENA_NEW(arena, RuleRun);
  run->arena = arena;
  run->sink.arena = arena;
  int64_t *units = ARENA_ARRAY(arena, int64_t, strlen(net) + 1);
  for (char *rest = arena_copy(arena, net, strlen(net)), *part; (part = strsep(&rest, "-"));)
    units[run->network.layers++] = strtoll(part, NULL, 10);
  run->network.units = units;
  run->network.batch = batch;
  RuleOverride *overrides = ARENA_ARRAY(arena, RuleOverride, strlen(settings) + 1);
  size_t count = 0;
  for (char *rest = arena_copy(arena, settings, strlen(settings)), *part; (part = strsep(&rest, ","));) {
    char *value = strchr(part, '=');
    if (!value) continue;
    *value = 0;
    overrides[count++] = (RuleOverride){part, value + 1};
  }
  const AstFile *file = NULL;
  if (strncmp(rule, "std.", 4) == 0) file = rule_run_parse(run, rule + 4);
  else file = parse_file(arena, source_from_bytes(arena, "test.blur", rule, strlen(rule)), &run->sink);
  const AstRule *last = file ? file->rules : NULL;
  while (last && last->next) last = last->next;
  ModuleLoader modules = {run, rule_run_load};
  if (last) run->rule = check_rule(arena, file, last, overrides, count, loss, &modules, &run->sink);
  if (run->rule) run->step = lower_step(arena, run->rule, &run->network, &run->sink);
  if (run->step) run->predict = lower_predict(arena, run->rule, &run->network, &run->sink);
  if (run->predict) {
    run->step_storage = rule_run_storage(arena, run->step);
    run->predict_storage = rule_run_storage(arena, run->predict);
    rule_run_initial(run);
    return run;
  }
  Text text = {0};
  diagnostics_render(&run->sink, &text, false);
  fprintf(stderr, "%s %s: cannot be lowered\n%s", rule, settings, text_get(&text));
  text_free(&text);
  arena_destroy(arena);
  return NULL;
}

static inline void rule_run_close(RuleRun *run) {
  if (run) arena_destroy(run->arena);
}

static inline int rule_run_find(const IrProgram *program, const char *variable, int layer, bool is_bias) {
  for (size_t i = 0; i < program->buffers.count; i++) {
    const IrBufferInfo *buffer = &program->buffers.items[i];
    if (buffer->variable && !strcmp(buffer->variable, variable) && buffer->layer == layer && buffer->is_bias == is_bias)
      return (int)i;
  }
  return -1;
}

// Copies a variable's array out (get) or in; returns its number of elements, 0 if the rule has no such variable.
static inline int64_t rule_run_copy(RuleRun *run, const char *variable, int layer, double *array, bool get) {
  int rows = rule_run_find(run->step, variable, layer, false), unit = rule_run_find(run->step, variable, layer, true);
  if (rows < 0) return 0;
  const IrBufferInfo *info = &run->step->buffers.items[rows];
  int64_t row_elements = ir_buffer_elements(info), unit_elements = 0, blocks = 1;
  if (unit >= 0) {
    unit_elements = ir_buffer_elements(&run->step->buffers.items[unit]);
    blocks = unit_elements / info->extent[info->dimensions - 1];
  }
  int64_t row_block = row_elements / blocks, unit_block = unit_elements / blocks;
  for (int64_t b = 0; b < blocks; b++) {
    double *part = array + b * (row_block + unit_block);
    for (int side = 0; side < (unit >= 0 ? 2 : 1); side++) {
      int64_t length = side ? unit_block : row_block;
      double *stored = run->step_storage[side ? unit : rows] + b * length;
      double *outside = side ? part + row_block : part;
      memcpy(get ? outside : stored, get ? stored : outside, (size_t)length * sizeof(double));
    }
  }
  return row_elements + unit_elements;
}

static inline void rule_run_step(RuleRun *run, const double *x, const double *y) {
  int inputs = rule_run_find(run->step, "x", 0, false);
  int targets = rule_run_find(run->step, "y", run->network.layers - 1, false);
  const IrBufferInfo *buffers = run->step->buffers.items;
  memcpy(run->step_storage[inputs], x, (size_t)ir_buffer_elements(&buffers[inputs]) * sizeof(double));
  memcpy(run->step_storage[targets], y, (size_t)ir_buffer_elements(&buffers[targets]) * sizeof(double));
  ir_interpret_inexactly(run->step, run->step_storage, run->steps_made++, 0, &run->inexact);
}

// The prediction [batch, outputs]; valid until the next.
static inline const double *rule_run_predict(RuleRun *run, const double *x) {
  const double *prediction = NULL;
  for (size_t i = 0; i < run->predict->buffers.count; i++) {
    const IrBufferInfo *buffer = &run->predict->buffers.items[i];
    size_t bytes = (size_t)ir_buffer_elements(buffer) * sizeof(double);
    int from = buffer->variable ? rule_run_find(run->step, buffer->variable, buffer->layer, buffer->is_bias) : -1;
    if (buffer->role == ROLE_OUTPUT) prediction = run->predict_storage[i];
    else if (buffer->variable && !strcmp(buffer->variable, "x")) memcpy(run->predict_storage[i], x, bytes);
    else if (from >= 0 && buffer->live_in) memcpy(run->predict_storage[i], run->step_storage[from], bytes);
  }
  ir_interpret(run->predict, run->predict_storage, run->steps_made, 0);
  return prediction;
}

#endif
