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

// The buffer that a buffer comes from in the end.
static const IrBufferInfo *root_of(const IrProgram *program, const IrBufferInfo *buffer) {
  while (buffer->origin != IR_NONE && &program->buffers.items[buffer->origin] != buffer)
    buffer = &program->buffers.items[buffer->origin];
  return buffer;
}

// Which element of that buffer an element is here.
static int64_t root_element(const IrBufferInfo *root, const IrBufferInfo *buffer, int64_t element) {
  int64_t at = 0, stride = 1;
  int own = buffer->dimensions - 1;
  for (int d = root->dimensions - 1; d >= 0; d--) {
    bool split = d < buffer->states && buffer->state[d] >= 0;
    int64_t index = split ? buffer->state[d] : element % buffer->extent[own];
    if (!split) element /= buffer->extent[own--];
    at += index * stride;
    stride *= root->extent[d];
  }
  return at;
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

static double **start(Arena *arena, const IrProgram *program, unsigned seed) {
  double **storage = ARENA_ARRAY(arena, double *, program->buffers.count + 1);
  for (size_t i = 0; i < program->buffers.count; i++) {
    const IrBufferInfo *buffer = &program->buffers.items[i];
    int64_t elements = ir_buffer_elements(buffer);
    const IrBufferInfo *root = root_of(program, buffer);
    storage[i] = ARENA_ARRAY(arena, double, elements);
    for (int64_t j = 0; j < elements; j++)
      storage[i][j] = buffer->live_in ? draw(root->name, root_element(root, buffer, j), seed) : (double)NAN;
  }
  return storage;
}

double **ir_run(Arena *arena, const IrProgram *program, unsigned seed) {
  double **storage = start(arena, program, seed);
  ir_interpret(program, storage, 3, 0);
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
    if (!buffer->live_out || buffer->role == ROLE_TANGENT) continue;
    int64_t elements = ir_buffer_elements(buffer);
    const IrBufferInfo *root = root_of(after, buffer);
    const double *expected = storage_of(before, before_storage, root->name);
    if (!expected) return (double)INFINITY;
    double scale = 1;
    for (int64_t j = 0; j < elements; j++)
      if (isfinite(expected[root_element(root, buffer, j)]))
        scale = fmax(scale, fabs(expected[root_element(root, buffer, j)]));
    for (int64_t j = 0; j < elements; j++) {
      double x = expected[root_element(root, buffer, j)], y = after_storage[i][j];
      ++*compared;
      if (x == y || (isnan(x) && isnan(y))) continue;
      if (!isfinite(x) || !isfinite(y)) return (double)INFINITY;
      worst = fmax(worst, fabs(x - y) / scale);
    }
  }
  return worst;
}

// ---- adjoints

// The buffer of `program` that an adjoint ("w.1.adjoint", state 1 of w) belongs to, and the place of its first element
// there; -1: none.
static int adjoint_of(const IrProgram *program, const IrBufferInfo *adjoint, int64_t *first) {
  size_t length = strlen(adjoint->name) - strlen(".adjoint");
  for (int s = 0; s < adjoint->states; s++)
    while (adjoint->name[--length] != '.') continue;
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    if (strlen(buffer->name) != length || strncmp(buffer->name, adjoint->name, length) != 0) continue;
    *first = 0;
    for (int s = 0; s < adjoint->states; s++) *first = *first * buffer->extent[s] + adjoint->state[s];
    *first *= ir_buffer_elements(adjoint);
    return (int)b;
  }
  return -1;
}

// The sum of what lives out of `program`, weighted by the adjoints that live into `reverse`, where one element that
// lives in is moved.
static double weighted_outcome(const IrProgram *program, const IrProgram *reverse, double *const *weights, int moved,
                               int64_t element, double distance, unsigned seed) {
  Arena *arena = arena_create();
  double **storage = start(arena, program, seed), sum = 0;
  storage[moved][element] += distance;
  ir_interpret(program, storage, 3, 0);
  for (size_t i = 0; i < reverse->buffers.count; i++) {
    const IrBufferInfo *adjoint = &reverse->buffers.items[i];
    int64_t first;
    if (adjoint->role != ROLE_ADJOINT || !adjoint->live_in) continue;
    int of = adjoint_of(program, adjoint, &first);
    for (int64_t j = 0; j < ir_buffer_elements(adjoint) && of >= 0; j++) sum += weights[i][j] * storage[of][first + j];
  }
  arena_destroy(arena);
  return sum;
}

double ir_run_adjoint_error(const IrProgram *program, const IrProgram *reverse, unsigned seed, int64_t *compared) {
  Arena *arena = arena_create();
  double **storage = ir_run(arena, reverse, seed), worst = 0, h = 1e-4;
  *compared = 0;
  for (size_t i = 0; i < reverse->buffers.count; i++) {
    const IrBufferInfo *after = &reverse->buffers.items[i];
    if (after->role != ROLE_ADJOINT || !after->live_out) continue;
    int64_t first;
    int of = adjoint_of(program, after->origin == IR_NONE ? after : &reverse->buffers.items[after->origin], &first);
    for (int64_t j = 0; j < ir_buffer_elements(after); j++, ++*compared) {
      double near = weighted_outcome(program, reverse, storage, of, first + j, h, seed) -
                    weighted_outcome(program, reverse, storage, of, first + j, -h, seed);
      double far = weighted_outcome(program, reverse, storage, of, first + j, 2 * h, seed) -
                   weighted_outcome(program, reverse, storage, of, first + j, -2 * h, seed);
      double expected = (8 * near - far) / (12 * h), error = fabs(storage[i][j] - expected) / (1 + fabs(expected));
      worst = error >= 0 ? fmax(worst, error) : (double)INFINITY;
    }
  }
  arena_destroy(arena);
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
