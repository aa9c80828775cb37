// See ir_run.h.
#include "tests/support/ir_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

IrProgram *ir_run_parse(Arena *arena, const char *text) {
  const char *error;
  IrProgram *program = ir_parse(arena, text, strlen(text), &error);
  if (program) error = ir_verify(program);
  if (!error) return program;
  fprintf(stderr, "not a good program: %s\n%s\n", error, text);
  abort();
}

// The buffer that a buffer comes from in the end, and which of its elements is the first one here.
static const IrBufferInfo *root_of(const IrProgram *program, const IrBufferInfo *buffer, int64_t *first) {
  const IrBufferInfo *root = buffer;
  while (root->origin != IR_NONE && &program->buffers.items[root->origin] != root)
    root = &program->buffers.items[root->origin];
  *first = 0;
  if (root->dimensions != buffer->dimensions + buffer->states) return root; // not split
  int64_t piece = 0;
  for (int i = 0; i < buffer->states; i++) piece = piece * root->extent[i] + buffer->state[i];
  *first = piece * ir_buffer_elements(buffer);
  return root;
}

// In (-1, 1), and not small: no sum is nearly 0 by chance of a single factor.
static double draw(const char *name, int64_t element, unsigned seed) {
  uint64_t state = 0x9E3779B97F4A7C15u * (seed + 1) ^ (uint64_t)element * 0xD1B54A32D192ED03u;
  for (const char *c = name; *c; c++) state = (state ^ (unsigned char)*c) * 0x100000001b3u;
  for (int i = 0; i < 3; i++) {
    state ^= state >> 33;
    state *= 0xff51afd7ed558ccdu;
  }
  double uniform = (double)(state >> 11) / 9007199254740992.0;
  return uniform < 0.5 ? 0.1 + 1.8 * uniform : -0.1 - 1.8 * (uniform - 0.5);
}

double **ir_run(Arena *arena, const IrProgram *program, unsigned seed) {
  double **storage = ARENA_ARRAY(arena, double *, program->buffers.count + 1);
  for (size_t i = 0; i < program->buffers.count; i++) {
    const IrBufferInfo *buffer = &program->buffers.items[i];
    int64_t elements = ir_buffer_elements(buffer), first;
    const IrBufferInfo *root = root_of(program, buffer, &first);
    storage[i] = ARENA_ARRAY(arena, double, elements);
    for (int64_t j = 0; j < elements; j++)
      storage[i][j] = buffer->live_in ? draw(root->name, first + j, seed) : (double)NAN;
  }
  ir_interpret(program, storage, 3);
  return storage;
}

static const double *storage_of(const IrProgram *program, double *const *storage, const char *name) {
  for (size_t i = 0; i < program->buffers.count; i++)
    if (strcmp(program->buffers.items[i].name, name) == 0) return storage[i];
  return NULL;
}

double ir_run_difference(const IrProgram *before, double *const *before_storage, const IrProgram *after,
                         double *const *after_storage, int64_t *compared) {
  double worst = 0;
  *compared = 0;
  for (size_t i = 0; i < after->buffers.count; i++) {
    const IrBufferInfo *buffer = &after->buffers.items[i];
    if (!buffer->live_out) continue;
    int64_t elements = ir_buffer_elements(buffer), first;
    const double *expected = storage_of(before, before_storage, root_of(after, buffer, &first)->name);
    if (!expected) return (double)INFINITY;
    double scale = 1;
    for (int64_t j = 0; j < elements; j++)
      if (isfinite(expected[first + j])) scale = fmax(scale, fabs(expected[first + j]));
    for (int64_t j = 0; j < elements; j++) {
      double x = expected[first + j], y = after_storage[i][j];
      ++*compared;
      if (x == y || (isnan(x) && isnan(y))) continue;
      if (!isfinite(x) || !isfinite(y)) return (double)INFINITY;
      worst = fmax(worst, fabs(x - y) / scale);
    }
  }
  return worst;
}

const char *ir_run_statements(const char *printed) {
  const char *rest = printed;
  for (const char *line = printed; *line;) {
    const char *end = strchr(line, '\n');
    const char *next = end ? end + 1 : line + strlen(line);
    if (!strncmp(line, "program ", 8) || !strncmp(line, "axis ", 5) || !strncmp(line, "buffer ", 7)) rest = next;
    line = next;
  }
  while (*rest == '\n') rest++;
  return rest;
}
