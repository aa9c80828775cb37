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

#endif
