// What the tests of the library's behaviour share: numbers drawn, a rule on a small network, variables in and out.
#ifndef BLUR_TESTS_BEHAVIOUR_H
#define BLUR_TESTS_BEHAVIOUR_H

#include "tests/unit/training.h"

#include <math.h>
#include <string.h>

static uint32_t state; // of the numbers drawn

static inline double draw(void) { // in -1..1
  state = state * 1664525u + 1013904223u;
  return (double)(state >> 8) / 8388608.0 - 1;
}

static inline double draw_normal(void) { // by the sum of 12
  double sum = 0;
  for (int i = 0; i < 12; i++) sum += draw();
  return sum / 2;
}

static inline const BlurVariable *find(const Rig *rig, BlurKind kind, const char *name, int layer) {
  const BlurVariable *variable = blur_network_find(rig->network, kind, name, layer);
  cr_assert_not_null(variable, "%s.%d", name ? name : "", layer);
  return variable;
}

static inline void set(Rig *rig, BlurKind kind, const char *name, int layer, const double *values) {
  blur_network_set(rig->network, find(rig, kind, name, layer), values);
}

static inline void get(Rig *rig, BlurKind kind, const char *name, int layer, double *values) {
  blur_network_get(rig->network, find(rig, kind, name, layer), values);
}

static inline void set_batch(Rig *rig, const double *x, const double *y) {
  set(rig, BLUR_X, NULL, -1, x);
  if (y && blur_network_find(rig->network, BLUR_Y, NULL, -1)) set(rig, BLUR_Y, NULL, -1, y);
}

static inline void step(Rig *rig, const double *x, const double *y) {
  set_batch(rig, x, y);
  blur_network_step(rig->network);
}

// prediction [B][O]
static inline void predict(Rig *rig, const double *x, double *prediction) {
  set(rig, BLUR_X, NULL, -1, x);
  blur_network_predict(rig->network);
  get(rig, BLUR_PREDICTION, NULL, -1, prediction);
}

static inline double cosine(const double *a, const double *b, size_t count) {
  double product = 0, length_a = 0, length_b = 0;
  for (size_t i = 0; i < count; i++) {
    product += a[i] * b[i];
    length_a += a[i] * a[i];
    length_b += b[i] * b[i];
  }
  return product / sqrt(length_a * length_b);
}

static inline Rig open_rig(const char *rule, int layers, const int64_t *units, int64_t batch, uint64_t seed,
                           const BlurSetting settings[4]) {
  RigOptions options = {.rule = rule,
                        .layers = layers,
                        .units = units,
                        .batch = batch,
                        .engine = BLUR_ENGINE_JIT,
                        .precision = BLUR_DOUBLE,
                        .loss = BLUR_LOSS_CROSS_ENTROPY,
                        .seed = seed};
  for (int i = 0; settings && i < 4 && settings[i].name; i++) options.settings[i] = settings[i];
  return rig_open(options);
}

#endif
