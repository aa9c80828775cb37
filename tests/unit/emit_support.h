// Schedules made by hand for the tests of the backend: a program as IR text, its statements put into operations, every
// buffer laid out with padding that holds NaN, and the compiled result compared with the interpreter.
#ifndef BLUR_TESTS_EMIT_SUPPORT_H
#define BLUR_TESTS_EMIT_SUPPORT_H

#include "compiler/backend/backend.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HARNESS_MAX = 64 };
static const uint64_t harness_seed = 0x0123456789ABCDEFu; // of noise

typedef struct {
  Arena *arena;
  IrProgram *program;
  Schedule schedule;
  IrStatement *statement[HARNESS_MAX];
  size_t statements;
  Kernel kernels[HARNESS_MAX];
  KernelOperation operations[HARNESS_MAX];
  size_t operation_count;
  BlurCpu cpu;
} Harness;

static inline IrAxis harness_axis(const Harness *h, const char *name) {
  for (size_t i = 0; name && i < h->program->axes.count; i++)
    if (!strcmp(h->program->axes.items[i].name, name)) return (IrAxis)i;
  return IR_NONE;
}

static inline BufferPlan *harness_plan(Harness *h, const char *name) {
  for (size_t i = 0; i < h->program->buffers.count; i++)
    if (!strcmp(h->program->buffers.items[i].name, name)) return &h->schedule.plans[i];
  cr_assert(false, "no buffer %s", name);
  return NULL;
}

static inline void harness_open(Harness *h, const char *text, BlurCpu cpu, int element_bytes) {
  memset(h, 0, sizeof *h);
  h->arena = arena_create();
  h->cpu = cpu;
  const char *error = NULL;
  h->program = ir_parse(h->arena, text, strlen(text), &error);
  cr_assert(h->program, "%s", error);
  error = ir_verify(h->program);
  cr_assert(!error, "%s", error);
  for (IrStatement *s = h->program->statements; s; s = s->next) h->statement[h->statements++] = s;
  h->schedule = (Schedule){.program = h->program, .element_bytes = element_bytes, .target = *backend_target(cpu)};
  h->schedule.plans = ARENA_ARRAY(h->arena, BufferPlan, h->program->buffers.count);
  h->schedule.kernels = h->kernels;
  for (size_t i = 0; i < h->program->buffers.count; i++)
    h->schedule.plans[i] = (BufferPlan){.place = PLACE_MEMORY, .blocked_dimension = -1, .offset = -1};
}

static inline void harness_close(Harness *h) { arena_destroy(h->arena); }

// Strides: row-major, or with the dimension `contiguous` last; rows padded to 64 bytes.
static inline int64_t harness_strides(Harness *h, IrBuffer buffer, int contiguous) {
  const IrBufferInfo *info = &h->program->buffers.items[buffer];
  BufferPlan *plan = &h->schedule.plans[buffer];
  int64_t row = 64 / h->schedule.element_bytes, size = 1;
  if (info->dimensions == 0) return row;
  if (contiguous < 0) contiguous = info->dimensions - 1;
  plan->stride[contiguous] = 1;
  size = (info->extent[contiguous] + row - 1) / row * row;
  for (int d = info->dimensions - 1; d >= 0; d--) {
    if (d == contiguous) continue;
    plan->stride[d] = size;
    size *= info->extent[d];
  }
  return size;
}

static inline void harness_contiguous(Harness *h, const char *name, int dimension) {
  BufferPlan *plan = harness_plan(h, name);
  harness_strides(h, (IrBuffer)(plan - h->schedule.plans), dimension);
}

// A kernel of the operations that follow; extent 0: not blocked.
static inline void harness_kernel(Harness *h, int64_t extent, int64_t block_size) {
  Kernel *kernel = &h->kernels[h->schedule.kernel_count++];
  *kernel = (Kernel){
      .name = "test", .extent = extent, .block_size = block_size, .operations = h->operations + h->operation_count};
}

static inline KernelOperation *harness_operation(Harness *h, KernelOperationKind kind, const char *block, size_t first,
                                                 size_t count) {
  if (h->schedule.kernel_count == 0) harness_kernel(h, 0, 0);
  KernelOperation *operation = &h->operations[h->operation_count++];
  h->kernels[h->schedule.kernel_count - 1].operation_count++;
  *operation = (KernelOperation){.kind = kind, .block_axis = harness_axis(h, block), .statement_count = count};
  operation->statements = ARENA_ARRAY(h->arena, KernelStatement, count);
  for (size_t i = 0; i < count; i++) {
    const IrStatement *from = h->statement[first + i];
    KernelStatement *to = &operation->statements[i];
    *to = (KernelStatement){.target = from->target, .value = from->value};
    memcpy(to->index, from->index, sizeof to->index);
  }
  return operation;
}

static inline KernelOperation *harness_loop(Harness *h, const char *block, size_t first, size_t count,
                                            const char *axes) {
  KernelOperation *operation = harness_operation(h, KERNEL_LOOP, block, first, count);
  char *copy = arena_copy(h->arena, axes, strlen(axes)), *rest = NULL;
  for (char *name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
    operation->loop[operation->loops++] = harness_axis(h, name);
  return operation;
}

// The first statement is c[m, n] <- sum(k: mul(a, b)); it and those after it become the epilogue.
static inline KernelOperation *harness_product(Harness *h, const char *block, size_t first, size_t count,
                                               ProductForm form, const char *m, const char *n, const char *k) {
  KernelOperation *operation = harness_operation(h, KERNEL_PRODUCT, block, first, count);
  operation->form = form;
  operation->m = harness_axis(h, m);
  operation->n = harness_axis(h, n);
  operation->k = harness_axis(h, k);
  IrValueInfo sum = h->program->values.items[h->statement[first]->value];
  IrValueInfo product = h->program->values.items[sum.operand[0]];
  operation->a = product.operand[0];
  operation->b = product.operand[1];
  IrAxisSet axes = 0;
  if (m) axes |= ir_axis_bit(operation->m);
  if (n) axes |= ir_axis_bit(operation->n);
  operation->statements[0].value = ir_argument(h->program, 0, axes, false);
  return operation;
}

static inline uint64_t harness_random(uint64_t *state) {
  *state += 0x9E3779B97F4A7C15u;
  uint64_t x = *state;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

static inline int64_t harness_place(const IrBufferInfo *info, const BufferPlan *plan, int64_t element) {
  int64_t place = 0;
  for (int d = info->dimensions - 1; d >= 0; d--) {
    place += element % info->extent[d] * plan->stride[d];
    element /= info->extent[d];
  }
  return place;
}

static inline void harness_barrier(void *pool, int64_t thread) {
  (void)thread;
  ++*(int64_t *)pool;
}

static inline double harness_get(const Harness *h, const char *memory, IrBuffer buffer, int64_t element) {
  const BufferPlan *plan = &h->schedule.plans[buffer];
  int64_t place = harness_place(&h->program->buffers.items[buffer], plan, element);
  return h->schedule.element_bytes == 8 ? ((const double *)(memory + plan->offset))[place]
                                        : ((const float *)(memory + plan->offset))[place];
}

static inline void harness_set(const Harness *h, char *memory, IrBuffer buffer, int64_t element, double number) {
  const BufferPlan *plan = &h->schedule.plans[buffer];
  int64_t place = harness_place(&h->program->buffers.items[buffer], plan, element);
  if (h->schedule.element_bytes == 8) ((double *)(memory + plan->offset))[place] = number;
  else ((float *)(memory + plan->offset))[place] = (float)number;
}

#define HARNESS_PRODUCT(name, type)                                                                                    \
  static inline void name(int ta, int tb, int64_t m, int64_t n, int64_t k, const type *a, int64_t lda, const type *b,  \
                          int64_t ldb, type *c, int64_t ldc) {                                                         \
    for (int64_t i = 0; i < m; i++)                                                                                    \
      for (int64_t j = 0; j < n; j++) {                                                                                \
        double sum = 0;                                                                                                \
        for (int64_t l = 0; l < k; l++)                                                                                \
          sum += (double)(ta ? a[l * lda + i] : a[i * lda + l]) * (double)(tb ? b[j * ldb + l] : b[l * ldb + j]);      \
        c[i * ldc + j] = (type)sum;                                                                                    \
      }                                                                                                                \
  }
HARNESS_PRODUCT(harness_product_float, float)
HARNESS_PRODUCT(harness_product_double, double)

typedef struct {
  char *memory, *scratch;
  double **dense; // the interpreter's result, one a buffer
  int64_t barriers;
  bool from_cache;
} HarnessRun;

static inline void harness_lay_out(Harness *h) {
  if (h->schedule.memory_bytes) return;
  int64_t end[2] = {64, 0};
  for (size_t i = 0; i < h->program->buffers.count; i++) {
    BufferPlan *plan = &h->schedule.plans[i];
    int contiguous = -1;
    for (int d = 0; d < h->program->buffers.items[i].dimensions; d++)
      if (plan->stride[d] == 1) contiguous = d;
    int64_t size = harness_strides(h, (IrBuffer)i, contiguous) * h->schedule.element_bytes;
    if (plan->offset >= 0) continue;
    plan->offset = end[plan->place == PLACE_SCRATCH];
    end[plan->place == PLACE_SCRATCH] += (size + 63) / 64 * 64 + 64;
  }
  h->schedule.memory_bytes = end[0];
  h->schedule.scratch_bytes = end[1] + (1 << 20);
}

// Lays out, fills inputs from the seed, compiles and runs as `threads` threads one after the other, and interprets.
static inline HarnessRun harness_run(Harness *h, uint64_t seed, int threads, bool use_cache) {
  HarnessRun run = {0};
  harness_lay_out(h);
  run.memory = aligned_alloc(64, (size_t)(h->schedule.memory_bytes + 63) / 64 * 64);
  run.scratch = aligned_alloc(64, (size_t)(h->schedule.scratch_bytes + 63) / 64 * 64);
  memset(run.memory, 0xFF, (size_t)h->schedule.memory_bytes);
  memset(run.scratch, 0xFF, (size_t)h->schedule.scratch_bytes);
  run.dense = calloc(h->program->buffers.count, sizeof(double *));
  for (size_t i = 0; i < h->program->buffers.count; i++) {
    const IrBufferInfo *info = &h->program->buffers.items[i];
    int64_t elements = ir_buffer_elements(info);
    run.dense[i] = calloc((size_t)elements, sizeof(double));
    for (int64_t j = 0; j < elements; j++) {
      if (!info->live_in) continue;
      float number = (float)((double)(harness_random(&seed) >> 11) * 0x1p-53 * 4 - 2);
      run.dense[i][j] = number;
      harness_set(h, run.memory, (IrBuffer)i, j, number);
    }
  }
  if (h->schedule.element_bytes == 8) *(double *)run.memory = 3;
  else *(float *)run.memory = 3;
  BackendUnit unit = {"step", &h->schedule, 0};
  const char *error = NULL;
  BackendCode *code = backend_compile(h->arena, h->cpu, &unit, 1, use_cache, &run.from_cache, &error);
  cr_assert(code, "%s", error);
  BlurServices services = {.pool = &run.barriers,
                           .barrier = harness_barrier,
                           .product_float = harness_product_float,
                           .product_double = harness_product_double,
                           .seed = harness_seed};
  BackendEntry *step = backend_entry(code, "step");
  cr_assert(step);
  for (int t = 0; t < threads; t++) step(run.memory, run.scratch, &services, t, threads);
  backend_destroy(code);
  ir_interpret(h->program, (double *const *)run.dense, 3, harness_seed);
  return run;
}

static inline void harness_free(Harness *h, HarnessRun *run) {
  for (size_t i = 0; i < h->program->buffers.count; i++) free(run->dense[i]);
  free(run->dense);
  free(run->memory);
  free(run->scratch);
}

// Every element in memory of what the program computes, against the interpreter.
static inline void harness_compare(Harness *h, const HarnessRun *run, double tolerance, const char *what) {
  for (size_t i = 0; i < h->program->buffers.count; i++) {
    const IrBufferInfo *info = &h->program->buffers.items[i];
    if (h->schedule.plans[i].place != PLACE_MEMORY) continue;
    for (int64_t j = 0; j < ir_buffer_elements(info); j++) {
      double expected = run->dense[i][j], got = harness_get(h, run->memory, (IrBuffer)i, j);
      bool same =
          isnan(expected) ? isnan(got) : expected == got || fabs(got - expected) <= tolerance * (1 + fabs(expected));
      cr_assert(same, "%s, %s, %d bytes, %s[%ld]: %.17g instead of %.17g", what, blur_cpu_name(h->cpu),
                h->schedule.element_bytes, info->name, (long)j, got, expected);
    }
  }
}

static inline void harness_check(Harness *h, uint64_t seed, int threads, const char *what) {
  HarnessRun run = harness_run(h, seed, threads, false);
  harness_compare(h, &run, h->schedule.element_bytes == 8 ? 1e-12 : 2e-5, what);
  harness_free(h, &run);
}

// For every level that this machine runs, and both precisions.
#define HARNESS_EACH(cpu, bytes)                                                                                       \
  for (BlurCpu cpu = BLUR_CPU_X86_64; cpu <= BLUR_CPU_AVX512 && blur_cpu_available(cpu); cpu++)                        \
    for (int bytes = 4; bytes <= 8; bytes += 4)

#endif
