// Generated tasks: their table, and one sample of one. Private to the runtime.
#ifndef BLUR_DATA_GENERATORS_H
#define BLUR_DATA_GENERATORS_H

#include "base/philox.h"
#include "blur/runtime.h"

enum { GENERATOR_MOST_INPUTS = 2, GENERATOR_PARTS = 3 };
// The samples of a part that is evaluated; training has no end.
enum { GENERATOR_EVALUATED = 10000 };

// One part of one task drawn.
typedef struct {
  uint64_t key, stream, noise_stream;
  double noise;            // deviation
  double amplitude, phase; // of the sinusoid
} GeneratorTask;

// What one sample is made of: two words of its block, and a pair of normal numbers where the task has noise.
typedef struct {
  uint32_t word[2];
  double normal[2];
} GeneratorDraw;

typedef struct Generator Generator;
struct Generator {
  BlurGenerator about;
  // Fills x and, in regression, y; returns the class, or -1 in regression.
  int (*sample)(const Generator *generator, const GeneratorTask *task, GeneratorDraw draw, float *x, float *y);
  bool (*inside)(double x1, double x2); // of the tasks on the square: whether a point is of class 1
};

typedef struct {
  float x[GENERATOR_MOST_INPUTS], y;
  int label;
} GeneratorSample;

const Generator *generator_named(const char *name); // NULL if there is none
// The parts of the task that `seed` draws, by BlurPart.
void generator_draw(const Generator *generator, double noise, uint64_t seed, GeneratorTask tasks[GENERATOR_PARTS]);
// x has GENERATOR_MOST_INPUTS numbers, y one.
int generator_sample(const Generator *generator, const GeneratorTask *task, int64_t sample, float *x, float *y);
// Samples first ... first + count - 1, at most PHILOX_BLOCKS: the same, many times faster.
void generator_samples(const Generator *generator, const GeneratorTask *task, int64_t first, int count,
                       GeneratorSample *samples);

#endif
