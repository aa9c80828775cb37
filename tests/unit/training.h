// What the tests of networks and training share: a rule from text or the library, compiled for a small network.
#ifndef BLUR_TESTS_TRAINING_H
#define BLUR_TESTS_TRAINING_H

#include "blur/runtime.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
  BlurReport *report;
  BlurRule *rule;
  BlurProgram *program;
  BlurPool *pool;
  BlurNetwork *network;
} Rig;

typedef struct {
  const char *rule;        // "std.backprop"
  BlurSetting settings[4]; // ends at a NULL name
  int layers;
  const int64_t *units;
  int64_t batch;
  BlurEngine engine;
  BlurPrecision precision;
  BlurLoss loss;
  bool all_live, adjoint, tangent;
  int threads;
  uint64_t seed;
} RigOptions;

static inline Rig rig_open(RigOptions options) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  Rig rig = {.report = blur_report_create()};
  size_t settings = 0;
  while (settings < 4 && options.settings[settings].name) settings++;
  rig.rule = blur_rule_load(options.rule, options.settings, settings, options.loss, rig.report);
  cr_assert(rig.rule, "%s", blur_report_text(rig.report, false));
  BlurOptions compile = {.layers = options.layers,
                         .units = options.units,
                         .batch = options.batch,
                         .engine = options.engine,
                         .precision = options.precision,
                         .cpu = BLUR_CPU_NATIVE,
                         .all_live = options.all_live,
                         .adjoint = options.adjoint,
                         .tangent = options.tangent,
                         .query_loss = options.loss,
                         .no_cache = true};
  rig.program = blur_compile(rig.rule, &compile, rig.report);
  cr_assert(rig.program, "%s", blur_report_text(rig.report, false));
  BlurStatus status;
  rig.pool = blur_pool_create(options.threads ? options.threads : 1, &status);
  cr_assert(rig.pool, "%s", status.message);
  rig.network = blur_network_create(rig.program, rig.pool, options.seed, &status);
  cr_assert(rig.network, "%s", status.message);
  return rig;
}

static inline void rig_close(Rig *rig) {
  blur_network_destroy(rig->network);
  blur_pool_destroy(rig->pool);
  blur_program_destroy(rig->program);
  blur_rule_destroy(rig->rule);
  blur_report_destroy(rig->report);
}

// Writes a rule to a file of its own; the path is the caller's to unlink and free.
static inline char *rule_file(const char *text) {
  char *path = strdup("/tmp/blur-rule-XXXXXX.blur");
  int file = mkstemps(path, 5);
  cr_assert(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
  close(file);
  return path;
}

// The whole variable, dense; the caller's to free.
static inline double *values_of(const Rig *rig, BlurKind kind, const char *name, int layer, size_t *count) {
  const BlurVariable *variable = blur_network_find(rig->network, kind, name, layer);
  cr_assert(variable, "%s.%d", name ? name : "", layer);
  *count = blur_variable_count(variable);
  double *values = calloc(*count + 1, sizeof *values);
  blur_network_get(rig->network, variable, values);
  return values;
}

#endif
