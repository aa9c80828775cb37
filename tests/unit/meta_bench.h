// What the tests of meta-learning share: two tasks, xor and and, on 2-5-1, squared error, and options that take one
// meta-step of gradient descent.
#ifndef BLUR_TESTS_META_BENCH_H
#define BLUR_TESTS_META_BENCH_H

#include "blur/meta.h"
#include "training.h"

enum { BATCH = 16 };

typedef struct {
  Rig rig;
  BlurData *data[2];
  BlurMetaTask task[2];
  BlurMetaOptions options;
  BlurMetaSetup setup;
} Bench;

static inline Bench bench_open(const char *rule, BlurSetting setting, BlurPrecision precision) {
  static const int64_t units[] = {2, 5, 1};
  static const char *const names[] = {"xor", "and"};
  Bench bench = {.rig = rig_open((RigOptions){.rule = rule,
                                              .settings = {setting},
                                              .layers = 3,
                                              .units = units,
                                              .batch = BATCH,
                                              .precision = precision,
                                              .loss = BLUR_LOSS_SQUARED_ERROR,
                                              .adjoint = true})};
  for (int i = 0; i < 2; i++) {
    bench.data[i] = blur_data_load(names[i], NULL);
    cr_assert_not_null(bench.data[i]);
    bench.task[i] = (BlurMetaTask){bench.data[i], bench.rig.program, BLUR_LOSS_SQUARED_ERROR};
  }
  bench.options = (BlurMetaOptions){.optimizer = BLUR_META_SGD,
                                    .rate = 0.1,
                                    .beta1 = 0.9,
                                    .beta2 = 0.999,
                                    .epsilon = 1e-8,
                                    .steps = 1,
                                    .population = 1,
                                    .replicas = 2,
                                    .batch = BATCH,
                                    .every = 1,
                                    .networks = 2,
                                    .patience = 3,
                                    .unroll_first = 3,
                                    .unroll_last = 3};
  return bench;
}

static inline void bench_close(Bench *bench) {
  for (int i = 0; i < 2; i++) blur_data_destroy(bench->data[i]);
  rig_close(&bench->rig);
}

#endif
