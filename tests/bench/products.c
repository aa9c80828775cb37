// The backend's matrix products alone, on one thread: GFLOP/s and share of the measured multiply-add peak, beside
// OpenBLAS (single-threaded, its own choice of kernel; OPENBLAS_CORETYPE overrides). Lower quartiles of short runs. Run
// by hand:
//   build/release/bench/products [double] [x86-64 | avx2 | avx512] [only=NAME]
#include "cli/peak.h"
#include "compiler/backend/backend.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void openblas_set_num_threads(int threads);

// c[m, n] = sum over k; `turned`: which of a and b lie the other way round (along m, along k).
typedef struct {
  const char *name;
  int m, n, k;
  int a_turned, b_turned;
  ProductForm form;
  const char *epilogue; // "" or a function of c
} Shape;

static const Shape shapes[] = {
    {"up 784-256", 128, 256, 784, 0, 0, PRODUCT_OUTER, ""},
    {"up 784-256, tanh", 128, 256, 784, 0, 0, PRODUCT_OUTER, "tanh"},
    {"down 784-256", 128, 784, 256, 0, 1, PRODUCT_OUTER, ""},
    {"down 784-256, turned copy", 128, 784, 256, 0, 0, PRODUCT_OUTER, ""},
    {"update 784-256", 784, 256, 128, 1, 0, PRODUCT_OUTER, ""},
    {"up 256-128", 128, 128, 256, 0, 0, PRODUCT_OUTER, ""},
    {"down 256-128", 128, 256, 128, 0, 1, PRODUCT_OUTER, ""},
    {"update 256-128", 256, 128, 128, 1, 0, PRODUCT_OUTER, ""},
    {"up 128-10", 128, 10, 128, 0, 0, PRODUCT_OUTER, ""},
    {"down 128-10", 128, 128, 10, 0, 1, PRODUCT_OUTER, ""},
    {"update 128-10", 128, 10, 128, 1, 0, PRODUCT_OUTER, ""},
    {"up 2-20, batch 512", 512, 20, 2, 0, 0, PRODUCT_OUTER, ""},
    {"down 2-20, batch 512", 512, 2, 20, 0, 1, PRODUCT_DOT, ""},
    {"update 2-20, batch 512", 2, 20, 512, 1, 0, PRODUCT_OUTER, ""},
    {"up 2-20, features first", 20, 512, 2, 1, 0, PRODUCT_OUTER, ""},
    {"update 2-20, features first", 2, 20, 512, 0, 1, PRODUCT_DOT, ""},
    {"up 20-1, batch 512", 512, 1, 20, 0, 1, PRODUCT_DOT, ""},
    {"update 20-1, features first", 20, 1, 512, 0, 1, PRODUCT_DOT, ""},
    {"1024^3", 1024, 1024, 1024, 0, 0, PRODUCT_OUTER, ""},
    {"2048^3", 2048, 2048, 2048, 0, 0, PRODUCT_OUTER, ""},
};

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); // on one thread: other work on the machine does not count
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int by_value(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

typedef struct {
  const Shape *shape;
  BackendEntry *step;
  char *memory, *scratch;
  const BufferPlan *plans;
  int bytes;
} Work;

static void run_own(const Work *w) { w->step(w->memory, w->scratch, NULL, 0, 1); }

static void run_library(const Work *w) {
  const Shape *s = w->shape;
  const void *a = w->memory + w->plans[0].offset, *b = w->memory + w->plans[1].offset;
  void *c = w->memory + w->plans[2].offset;
  int lda = (int)w->plans[0].stride[s->a_turned], ldb = (int)w->plans[1].stride[s->b_turned],
      ldc = (int)w->plans[2].stride[0];
  CBLAS_TRANSPOSE ta = s->a_turned ? CblasTrans : CblasNoTrans, tb = s->b_turned ? CblasTrans : CblasNoTrans;
  if (w->bytes == 4) cblas_sgemm(CblasRowMajor, ta, tb, s->m, s->n, s->k, 1, a, lda, b, ldb, 0, c, ldc);
  else cblas_dgemm(CblasRowMajor, ta, tb, s->m, s->n, s->k, 1, a, lda, b, ldb, 0, c, ldc);
}

static double gigaflops(const Work *w, void (*run)(const Work *)) {
  double flops = 2.0 * w->shape->m * w->shape->n * w->shape->k, times[15];
  run(w);
  double start = seconds();
  run(w);
  long repeats = (long)(0.003 / (seconds() - start + 1e-9)) + 1;
  for (int i = 0; i < 15; i++) {
    start = seconds();
    for (long j = 0; j < repeats; j++) run(w);
    times[i] = (seconds() - start) / (double)repeats;
  }
  qsort(times, 15, sizeof *times, by_value);
  return flops / times[3] * 1e-9;
}

static int64_t place(BufferPlan *plan, const IrBufferInfo *info, int turned, int bytes, int64_t offset) {
  int64_t row = 64 / bytes, length = (info->extent[!turned] + row - 1) / row * row;
  *plan = (BufferPlan){.place = PLACE_MEMORY, .offset = offset, .blocked_dimension = -1};
  plan->stride[!turned] = 1;
  plan->stride[turned] = length;
  return offset + (length * info->extent[turned] * bytes + 127) / 64 * 64;
}

static void measure(const Shape *s, BlurCpu cpu, int bytes, double peak) {
  char text[1024], value[64];
  Arena *arena = arena_create();
  snprintf(value, sizeof value, *s->epilogue ? "%s(argument(0: m, n))" : "argument(0: m, n)%s", s->epilogue);
  snprintf(text, sizeof text,
           "program step\naxis unit m:%d\naxis unit n:%d\naxis unit k:%d\n"
           "buffer a input in [unit m:%d, unit k:%d]\nbuffer b input in [unit k:%d, unit n:%d]\n"
           "buffer c temporary out [unit m:%d, unit n:%d]\nc[m, n] <- sum(k: mul(a[m, k], b[k, n]))\nc[m, n] <- %s\n",
           s->m, s->n, s->k, s->m, s->k, s->k, s->n, s->m, s->n, value);
  const char *error = NULL;
  IrProgram *program = ir_parse(arena, text, strlen(text), &error);
  if (!program) {
    fprintf(stderr, "%s\n", error);
    exit(1);
  }
  BufferPlan plans[3];
  int64_t end = place(&plans[0], &program->buffers.items[0], s->a_turned, bytes, 0);
  end = place(&plans[1], &program->buffers.items[1], s->b_turned, bytes, end);
  end = place(&plans[2], &program->buffers.items[2], 0, bytes, end);
  const IrStatement *sum = program->statements, *epilogue = sum->next;
  IrValueInfo product = program->values.items[program->values.items[sum->value].operand[0]];
  KernelStatement statement = {.target = epilogue->target, .value = epilogue->value};
  memcpy(statement.index, epilogue->index, sizeof statement.index);
  KernelOperation operation = {.kind = KERNEL_PRODUCT,
                               .block_axis = IR_NONE,
                               .form = s->form,
                               .m = 0,
                               .n = 1,
                               .k = 2,
                               .a = product.operand[0],
                               .b = product.operand[1],
                               .statement_count = 1,
                               .statements = &statement};
  Kernel kernel = {.name = s->name, .operation_count = 1, .operations = &operation};
  Schedule schedule = {.program = program,
                       .element_bytes = bytes,
                       .target = *backend_target(cpu),
                       .plans = plans,
                       .kernel_count = 1,
                       .kernels = &kernel,
                       .memory_bytes = end};
  BackendUnit unit = {"step", &schedule, 0};
  bool from_cache;
  BackendCode *code = backend_compile(arena, cpu, &unit, 1, false, &from_cache, &error);
  if (!code) {
    fprintf(stderr, "%s\n", error);
    exit(1);
  }
  Work work = {s,    backend_entry(code, "step"), aligned_alloc(4096, (size_t)(end + 4095) / 4096 * 4096), NULL, plans,
               bytes};
  work.scratch = aligned_alloc(64, 1 << 24);
  for (int64_t i = 0; i < end / bytes; i++)
    if (bytes == 4) ((float *)work.memory)[i] = (float)(i % 13) * 0.1f;
    else ((double *)work.memory)[i] = (double)(i % 13) * 0.1;
  double own = gigaflops(&work, run_own), library = gigaflops(&work, run_library);
  printf("%-28s %5d x %4d x %4d %8.1f %5.0f %% %10.1f %5.0f %%\n", s->name, s->m, s->n, s->k, own, 100 * own / peak,
         library, 100 * library / peak);
  free(work.memory);
  free(work.scratch);
  backend_destroy(code);
  arena_destroy(arena);
}

int main(int count, char **words) {
  BlurCpu cpu = blur_cpu_best();
  int bytes = 4;
  const char *only = NULL;
  for (int i = 1; i < count; i++) {
    if (!strncmp(words[i], "only=", 5)) only = words[i] + 5;
    if (!strcmp(words[i], "double")) bytes = 8;
    for (BlurCpu level = BLUR_CPU_X86_64; level <= BLUR_CPU_AVX512; level++)
      if (!strcmp(words[i], blur_cpu_name(level)) && blur_cpu_available(level)) cpu = level;
  }
  openblas_set_num_threads(1);
  double peak = 0;
  for (int i = 0; i < 8; i++) {
    double run = peak_measure(cpu, 1) * 1e-9 * 4 / bytes;
    if (run > peak) peak = run;
  }
  printf("%s, %s, one thread, measured peak %.1f GFLOP/s\n", blur_cpu_name(cpu), bytes == 4 ? "float" : "double", peak);
  printf("%-28s %20s %8s %7s %10s\n", "product", "M x N x K", "GFLOP/s", "of peak", "OpenBLAS");
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (!only || strstr(shapes[i].name, only)) measure(&shapes[i], cpu, bytes, peak);
  return 0;
}
