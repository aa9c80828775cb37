// A reference case as a rule and a network of the public interface.
#ifndef BLUR_TESTS_REFERENCE_NETWORK_H
#define BLUR_TESTS_REFERENCE_NETWORK_H

#include "blur/runtime.h"
#include "tests/support/reference_case.h"

#include <stdlib.h>

static inline BlurRule *reference_load(const ReferenceCase *item, BlurLoss *loss, BlurReport *report) {
  static char text[256];
  BlurSetting settings[16];
  size_t count = 0;
  snprintf(text, sizeof text, "%s", item->settings);
  for (char *rest = text, *part; (part = strsep(&rest, ","));) {
    char *value = strchr(part, '=');
    if (!value) continue;
    *value = 0;
    settings[count++] = (BlurSetting){part, value + 1};
  }
  *loss = BLUR_LOSS_CROSS_ENTROPY;
  cr_assert(blur_loss_from_name(item->loss, loss));
  char path[512]; // a rule with a slash is a file of the source tree
  snprintf(path, sizeof path, "%s%s", strchr(item->rule, '/') ? SOURCE_DIR "/" : "", item->rule);
  return blur_rule_load(path, settings, count, *loss, report);
}

// Fills `units` (at most 16); returns their number.
static inline int reference_units(const ReferenceCase *item, int64_t *units) {
  int layers = 0;
  char *end;
  for (const char *text = item->net; layers < 16; text = end + 1) {
    units[layers++] = strtoll(text, &end, 10);
    if (*end != '-') break;
  }
  return layers;
}

// The variable that an array `KIND.NAME.LAYER`, or `KIND.NAME` for one of the whole network, stands for; NULL: none.
static inline const BlurVariable *reference_variable(const BlurNetwork *network, const char *array) {
  static const struct {
    const char *kind;
    BlurKind value;
  } kinds[] = {{"genome", BLUR_GENOME}, {"synapse", BLUR_SYNAPSE}, {"neuron", BLUR_NEURON}, {"signal", BLUR_SIGNAL}};
  char kind[16], name[64];
  int layer = -1;
  if (sscanf(array, "%15[a-z].%63[A-Za-z0-9_].%d", kind, name, &layer) < 2) return NULL;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (!strcmp(kind, kinds[i].kind)) return blur_network_find(network, kinds[i].value, name, layer);
  return NULL;
}

static inline void reference_set_variables(BlurNetwork *network, const NpzFile *file) {
  for (size_t i = 0; i < file->count; i++) {
    const BlurVariable *variable = reference_variable(network, file->arrays[i].name);
    if (variable) blur_network_set(network, variable, file->arrays[i].values);
  }
}

// How a case is computed, and how exactly it must be.
typedef struct {
  char text[96];
  BlurOptions options; // layers, units, batch, query_loss are the case's
  int threads;
  double tolerance;
} ReferenceWay;

typedef void ReferenceRun(const ReferenceCase *item, const ReferenceWay *way, BlurNetwork *network,
                          const NpzFile *file);

// Calls `run` for each of the ways with a network whose variables are those of the case.
static inline void reference_run_ways(const ReferenceCase *item, ReferenceWay *ways, size_t count, ReferenceRun *run) {
  NpzFile file;
  cr_assert(reference_open(item, &file), "%s", item->name);
  BlurReport *report = blur_report_create();
  BlurLoss loss;
  BlurRule *rule = reference_load(item, &loss, report);
  cr_assert_not_null(rule, "%s\n%s", item->name, blur_report_text(report, false));
  int64_t units[16];
  int layers = reference_units(item, units);
  for (size_t i = 0; i < count; i++) {
    ReferenceWay *way = &ways[i];
    way->options.layers = layers;
    way->options.units = units;
    way->options.batch = npz_find(&file, "x")->extent[1];
    way->options.query_loss = loss;
    way->options.no_cache = true;
    BlurStatus status = {0};
    BlurProgram *program = blur_compile(rule, &way->options, report);
    cr_assert_not_null(program, "%s (%s)\n%s", item->name, way->text, blur_report_text(report, false));
    BlurPool *pool = blur_pool_create(way->threads, &status);
    BlurNetwork *network = blur_network_create(program, pool, 1, &status);
    cr_assert_not_null(network, "%s", status.message);
    reference_set_variables(network, &file);
    run(item, way, network, &file);
    blur_network_destroy(network);
    blur_pool_destroy(pool);
    blur_program_destroy(program);
  }
  blur_rule_destroy(rule);
  blur_report_destroy(report);
  npz_free(&file);
}

#endif
