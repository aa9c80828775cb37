// Measures the float32 multiply-add peak: twelve independent chains of vector multiply-adds, enough to fill two units
// with a latency of four or five cycles each, and few enough for sixteen registers. One kernel a vector width; compiled
// with -ffp-contract=fast (cmake/command.cmake), so that x * y + z becomes one instruction where the machine has one.
#include "cli/peak.h"

#include <pthread.h>
#include <time.h>

enum { CHAINS = 12, RUNS = 25, MAX_THREADS = 1024 };
static const double run_seconds = 0.004;

#if defined(__x86_64__)
#define FOR_LEVEL(features) __attribute__((target(features), noinline))
#else
#define FOR_LEVEL(features) __attribute__((noinline))
#endif

// The result depends on every chain, so none can be left out.
#define KERNEL(name, width, features)                                                                                  \
  FOR_LEVEL(features) static float name(long rounds) {                                                                 \
    typedef float Vector __attribute__((vector_size(4 * (width))));                                                    \
    Vector sum[CHAINS], factor, term, total = {0};                                                                     \
    for (int j = 0; j < (width); j++) {                                                                                \
      factor[j] = 0.999f;                                                                                              \
      term[j] = 1e-3f;                                                                                                 \
    }                                                                                                                  \
    for (int i = 0; i < CHAINS; i++) sum[i] = term * (float)i;                                                         \
    for (long round = 0; round < rounds; round++) {                                                                    \
      _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * factor + term;                       \
    }                                                                                                                  \
    for (int i = 0; i < CHAINS; i++) total += sum[i];                                                                  \
    float result = 0;                                                                                                  \
    for (int j = 0; j < (width); j++) result += total[j];                                                              \
    return result;                                                                                                     \
  }

KERNEL(peak_x86_64, 4, "sse2")
KERNEL(peak_avx2, 8, "avx2,fma")
KERNEL(peak_avx512, 16, "avx512f")

static const struct {
  float (*kernel)(long rounds);
  int width;
} levels[] = {
    [BLUR_CPU_X86_64] = {peak_x86_64, 4},
    [BLUR_CPU_AVX2] = {peak_avx2, 8},
    [BLUR_CPU_AVX512] = {peak_avx512, 16},
};

typedef struct {
  BlurCpu cpu;
  long rounds;
  pthread_barrier_t *start;
  double rate[RUNS]; // flops a second of each run
  float result;
} PeakThread;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void *measure_runs(void *context) {
  PeakThread *thread = context;
  for (int run = 0; run < RUNS; run++) {
    pthread_barrier_wait(thread->start);
    double before = now();
    thread->result += levels[thread->cpu].kernel(thread->rounds);
    thread->rate[run] = 2.0 * levels[thread->cpu].width * CHAINS * (double)thread->rounds / (now() - before);
  }
  return NULL;
}

double peak_measure(BlurCpu cpu, int threads) {
  if (cpu == BLUR_CPU_NATIVE) cpu = blur_cpu_best();
  if (threads < 1 || threads > MAX_THREADS) return 0;
  volatile float sink = 0;
  long rounds = 1000;
  for (double seconds = 0; seconds < run_seconds; rounds *= 2) { // how long is a run?
    double before = now();
    sink += levels[cpu].kernel(rounds);
    seconds = now() - before;
  }
  static PeakThread work[MAX_THREADS];
  static pthread_t started[MAX_THREADS];
  static pthread_barrier_t start;
  if (pthread_barrier_init(&start, NULL, (unsigned)threads)) return 0;
  for (int i = 0; i < threads; i++) work[i] = (PeakThread){.cpu = cpu, .rounds = rounds, .start = &start};
  for (int i = 1; i < threads; i++)
    if (pthread_create(&started[i], NULL, measure_runs, &work[i])) return 0; // those started wait for ever, harmlessly
  measure_runs(&work[0]);
  for (int i = 1; i < threads; i++) pthread_join(started[i], NULL);
  pthread_barrier_destroy(&start);
  double best = 0;
  for (int run = 0; run < RUNS; run++) {
    double sum = 0;
    for (int i = 0; i < threads; i++) sum += work[i].rate[run];
    if (sum > best) best = sum;
  }
  for (int i = 0; i < threads; i++) sink += work[i].result;
  (void)sink;
  return best;
}
