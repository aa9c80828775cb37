// Tasks of two variables, and the sinusoid, generated without end: sample number i of a stream is a function of (key,
// stream, i) alone. Definitions as users read them: docs/language/tasks.md; listed by `blur tasks`. Before: data.c,
// which draws a task; after: gather.c.
#include "runtime/data/generators.h"

#include "base/hash.h"
#include "base/philox.h"

#include <math.h>
#include <string.h>

// ---- points

// Uniform in (-1, 1), 32 bits of it.
static double between(uint32_t word) { return ((double)word + 0.5) * 0x1p-31 - 1; }
// Uniform in (0, 1).
static double share(uint32_t word) { return ((double)word + 0.5) * 0x1p-32; }

// ---- classes on the square: whether a point is of class 1

static bool and_of(double x1, double x2) { return x1 > 0 && x2 > 0; }
static bool or_of(double x1, double x2) { return x1 > 0 || x2 > 0; }
static bool xor_of(double x1, double x2) { return (x1 > 0) != (x2 > 0); }
static bool nxor_of(double x1, double x2) { return (x1 > 0) == (x2 > 0); }
static bool circle(double x1, double x2) { return x1 * x1 + x2 * x2 < 2 / 3.14159265358979323846; }
static bool small_circle(double x1, double x2) { return (x1 - 0.4) * (x1 - 0.4) + (x2 - 0.4) * (x2 - 0.4) < 0.25; }
static bool pie_slice(double x1, double x2) {
  return x1 * x1 + x2 * x2 < 1 && fabs(x2) < 1.7320508075688772 * x1; // tan 60 degrees
}
static bool cross(double x1, double x2) { return fabs(x1) < 0.3 || fabs(x2) < 0.3; }
static bool triangle(double x1, double x2) { return x2 < 1 - 2 * fabs(x1); }

static int in_square(const Generator *generator, const GeneratorTask *task, GeneratorDraw draw, float *x, float *y) {
  (void)task, (void)y;
  x[0] = (float)between(draw.word[0]);
  x[1] = (float)between(draw.word[1]);
  return generator->inside((double)x[0], (double)x[1]);
}

// ---- classes by their means and noise

static void add_noise(const GeneratorTask *task, GeneratorDraw draw, double x1, double x2, float *x) {
  x[0] = (float)(x1 + task->noise * draw.normal[0]);
  x[1] = (float)(x2 + task->noise * draw.normal[1]);
}

static int two_moons(const Generator *generator, const GeneratorTask *task, GeneratorDraw draw, float *x, float *y) {
  (void)generator, (void)y;
  int label = draw.word[0] & 1;
  double cosine, sine;
  circle_point(share(draw.word[1]) / 2, &cosine, &sine);
  if (label) add_noise(task, draw, 0.5 - cosine, 0.25 - sine, x);
  else add_noise(task, draw, cosine - 0.5, sine - 0.25, x);
  return label;
}

static int five_blobs(const Generator *generator, const GeneratorTask *task, GeneratorDraw draw, float *x, float *y) {
  (void)generator, (void)y;
  int label = (int)((uint64_t)draw.word[0] * 5 >> 32);
  double cosine, sine;
  circle_point(label / 5.0, &cosine, &sine);
  add_noise(task, draw, 0.7 * cosine, 0.7 * sine, x);
  return label;
}

// ---- regression

static int sinusoid(const Generator *generator, const GeneratorTask *task, GeneratorDraw draw, float *x, float *y) {
  (void)generator;
  x[0] = (float)(5 * between(draw.word[0]));
  double turns = ((double)x[0] - task->phase) / 6.28318530717958647693, cosine, sine;
  circle_point(turns - floor(turns), &cosine, &sine);
  y[0] = (float)(task->amplitude * sine);
  return -1;
}

// ---- the table

#define SQUARE "x uniform in (-1, 1) x (-1, 1)"
static const Generator generators[] = {
    {{"and", 2, 1, 2, 0, SQUARE, "x1 > 0 and x2 > 0"}, in_square, and_of},
    {{"or", 2, 1, 2, 0, SQUARE, "x1 > 0 or x2 > 0"}, in_square, or_of},
    {{"xor", 2, 1, 2, 0, SQUARE, "x1 x2 < 0"}, in_square, xor_of},
    {{"nxor", 2, 1, 2, 0, SQUARE, "x1 x2 > 0"}, in_square, nxor_of},
    {{"circle", 2, 1, 2, 0, SQUARE, "x1^2 + x2^2 < 2/pi"}, in_square, circle},
    {{"small_circle", 2, 1, 2, 0, SQUARE, "(x1 - 0.4)^2 + (x2 - 0.4)^2 < 0.25"}, in_square, small_circle},
    {{"pie_slice", 2, 1, 2, 0, SQUARE, "x1^2 + x2^2 < 1 and |x2| < sqrt(3) x1"}, in_square, pie_slice},
    {{"cross", 2, 1, 2, 0, SQUARE, "|x1| < 0.3 or |x2| < 0.3"}, in_square, cross},
    {{"triangle", 2, 1, 2, 0, SQUARE, "x2 < 1 - 2 |x1|"}, in_square, triangle},
    {{"two_moons", 2, 1, 2, 0.1, "t uniform in (0, pi), noise normal(0, 0.1) on both inputs",
      "+1: (0.5 - cos t, 0.25 - sin t) + noise; -1: (cos t - 0.5, sin t - 0.25) + noise"},
     two_moons,
     NULL},
    {{"five_blobs", 2, 5, 5, 0.2, "noise normal(0, 0.2) on both inputs",
      "class c: 0.7 (cos 2 pi c/5, sin 2 pi c/5) + noise"},
     five_blobs,
     NULL},
    {{"sinusoid", 1, 1, 0, 0, "x uniform in (-5, 5)", "y = A sin(x - p); a task draws A from (0.1, 5), p from (0, pi)"},
     sinusoid,
     NULL},
};
enum { GENERATORS = sizeof generators / sizeof *generators };

size_t blur_generator_count(void) { return GENERATORS; }
const BlurGenerator *blur_generator(size_t number) { return &generators[number].about; }

const Generator *generator_named(const char *name) {
  for (size_t i = 0; i < GENERATORS; i++)
    if (strcmp(generators[i].about.name, name) == 0) return &generators[i];
  return NULL;
}

// ---- drawing

// What is evaluated is the same whatever the seed of a run.
static const uint64_t fixed_seed = 0x6669786564; // "fixed"

void generator_draw(const Generator *generator, double noise, uint64_t seed, GeneratorTask tasks[GENERATOR_PARTS]) {
  uint64_t name = hash_text(generator->about.name), own = philox_mix(seed, name);
  for (int part = 0; part < GENERATOR_PARTS; part++) {
    tasks[part] = (GeneratorTask){.key = part == BLUR_TRAIN ? own : philox_mix(fixed_seed, name),
                                  .stream = (uint64_t)part,
                                  .noise_stream = 16 + (uint64_t)part,
                                  .noise = noise,
                                  .amplitude = 0.1 + 4.9 * philox_uniform(own, 32, 0),
                                  .phase = 3.14159265358979323846 * philox_uniform(own, 32, 1)};
  }
}

int generator_sample(const Generator *generator, const GeneratorTask *task, int64_t sample, float *x, float *y) {
  PhiloxBlock block = philox_block(task->key, (uint64_t)sample, task->stream);
  GeneratorDraw draw = {{block.word[0], block.word[1]}, {0, 0}};
  for (int i = 0; generator->about.noise > 0 && i < 2; i++)
    draw.normal[i] = philox_normal(task->key, task->noise_stream, 2 * (uint64_t)sample + (uint64_t)i);
  return generator->sample(generator, task, draw, x, y);
}

void generator_samples(const Generator *generator, const GeneratorTask *task, int64_t first, int count,
                       GeneratorSample *samples) {
  uint32_t word[4][PHILOX_BLOCKS];
  double normal[2 * PHILOX_BLOCKS];
  bool noisy = generator->about.noise > 0;
  philox_blocks(task->key, task->stream, (uint64_t)first, word);
  if (noisy) philox_normals(task->key, task->noise_stream, 2 * (uint64_t)first, 2 * (size_t)count, normal);
  for (int i = 0; i < count; i++) {
    GeneratorDraw draw = {{word[0][i], word[1][i]}, {noisy ? normal[2 * i] : 0, noisy ? normal[2 * i + 1] : 0}};
    samples[i].label = generator->sample(generator, task, draw, samples[i].x, &samples[i].y);
  }
}
