// The pool: every thread runs a task once, barriers hold, and sleeping threads wake; products against plain sums.
#include "blur/runtime.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 3000 };

typedef struct {
  const BlurServices *services;
  int64_t seen[THREADS];
  int64_t value[2][THREADS]; // written in even and odd rounds: one barrier a round is then enough
  atomic_int wrong;
} Rounds;

// In each round every thread adds up what all threads wrote in this round: right only if none is ahead or behind.
static void run_rounds(void *context, int64_t thread, int64_t threads) {
  Rounds *rounds = context;
  for (int64_t round = 0; round < ROUNDS; round++) {
    rounds->value[round % 2][thread] = round * threads + thread;
    rounds->services->barrier(rounds->services->pool, thread);
    int64_t sum = 0;
    for (int64_t other = 0; other < threads; other++) sum += rounds->value[round % 2][other];
    if (sum != threads * threads * round + threads * (threads - 1) / 2) atomic_fetch_add(&rounds->wrong, 1);
  }
  rounds->seen[thread]++;
}

static void check_rounds(int threads, int tasks) {
  BlurPool *pool = blur_pool_create(threads, NULL);
  cr_assert(pool);
  cr_assert_eq(blur_pool_threads(pool), threads);
  Rounds rounds = {.services = blur_pool_services(pool)};
  for (int task = 0; task < tasks; task++) blur_pool_run(pool, run_rounds, &rounds);
  cr_assert_eq(atomic_load(&rounds.wrong), 0);
  for (int thread = 0; thread < threads; thread++) cr_assert_eq(rounds.seen[thread], tasks);
  blur_pool_destroy(pool);
}

Test(pool, barriers_hold_for_one_thread) { check_rounds(1, 2); }
Test(pool, barriers_hold_for_two_threads) { check_rounds(2, 2); }
Test(pool, barriers_hold_for_more_threads_than_cpus) { check_rounds(THREADS, 1); }

static void count(void *context, int64_t thread, int64_t threads) {
  (void)thread, (void)threads;
  atomic_fetch_add((atomic_int *)context, 1);
}

Test(pool, many_short_tasks) {
  BlurPool *pool = blur_pool_create(2, NULL);
  atomic_int done = 0;
  for (int task = 0; task < 20000; task++) blur_pool_run(pool, count, &done);
  cr_assert_eq(atomic_load(&done), 40000);
  blur_pool_destroy(pool);
}

// On one CPU the threads of a pool do not spin: every wait goes through the kernel.
Test(pool, sleeping_threads_wake) {
  cpu_set_t all, one;
  cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
  check_rounds(2, 3);
  check_rounds(THREADS, 3);
}

static void signals_of(void *context, int64_t thread, int64_t threads) {
  (void)threads;
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, NULL, &blocked);
  ((int *)context)[thread] = sigismember(&blocked, SIGINT);
}

Test(pool, only_the_first_thread_takes_signals) {
  BlurPool *pool = blur_pool_create(2, NULL);
  int blocked[2] = {-1, -1};
  blur_pool_run(pool, signals_of, blocked);
  cr_assert(blocked[0] == 0 && blocked[1] == 1);
  blur_pool_destroy(pool);
}

Test(pool, sizes) {
  BlurStatus status = {0};
  cr_assert_null(blur_pool_create(-1, &status));
  cr_assert_eq(status.code, BLUR_FAILED_USAGE);
  cr_assert_null(blur_pool_create(100000, &status));
  BlurPool *pool = blur_pool_create(0, &status);
  cr_assert(pool && blur_pool_threads(pool) >= 1);
  blur_pool_destroy(pool);
  blur_pool_destroy(NULL);
}

// c = a b for each way of storing a [2, 3] and b [3, 2], with rows further apart than they are long.
Test(pool, products) {
  BlurPool *pool = blur_pool_create(1, NULL);
  const BlurServices *services = blur_pool_services(pool);
  double a[8] = {1, 2, 3, 0, 4, 5, 6, 0}, a_across[6] = {1, 4, 2, 5, 3, 6}, b[6] = {7, 8, 9, 10, 11, 12},
         b_across[6] = {7, 9, 11, 8, 10, 12}, expected[4] = {58, 64, 139, 154};
  for (int ways = 0; ways < 4; ways++) {
    bool across_a = ways & 1, across_b = ways & 2;
    double c[6] = {-1, -1, -1, -1, -1, -1};
    float narrow[3][8], c_narrow[6] = {-1, -1, -1, -1, -1, -1};
    for (int i = 0; i < 8; i++) narrow[0][i] = (float)(across_a ? a_across[i % 6] : a[i]);
    for (int i = 0; i < 6; i++) narrow[1][i] = (float)(across_b ? b_across[i] : b[i]);
    services->product_double(across_a, across_b, 2, 2, 3, across_a ? a_across : a, across_a ? 2 : 4,
                             across_b ? b_across : b, across_b ? 3 : 2, c, 3);
    services->product_float(across_a, across_b, 2, 2, 3, narrow[0], across_a ? 2 : 4, narrow[1], across_b ? 3 : 2,
                            c_narrow, 3);
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 2; j++) {
        cr_assert_eq(c[i * 3 + j], expected[i * 2 + j]);
        cr_assert_eq((double)c_narrow[i * 3 + j], expected[i * 2 + j]);
      }
      cr_assert_eq(c[i * 3 + 2], -1);
    }
  }
  blur_pool_destroy(pool);
}
