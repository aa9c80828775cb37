// The pool of threads. One mechanism, a meeting of all threads, serves as barrier of compiled code and as start and end
// of a task: whoever comes last lets the others go. Waiting spins for a bounded time (a meeting within a task is
// microseconds away), then sleeps in the kernel (futex), so an idle pool, or one with more threads than CPUs, costs
// nothing.
#include "runtime/parallel/pool.h"

#include "base/status.h"
#include "runtime/parallel/products.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CACHE_LINE = 64, MAX_THREADS = 1024 };

typedef struct {
  _Alignas(CACHE_LINE) atomic_uint arrived;
  _Alignas(CACHE_LINE) atomic_uint round; // changes when all have arrived; what the waiting look at
  atomic_uint asleep;
} Meeting;

typedef struct {
  BlurPool *pool;
  int64_t thread;
  pthread_t handle;
} Worker;

struct BlurPool {
  Meeting start, within, end;
  unsigned threads;
  int spins; // looks at a meeting before sleeping
  bool closing;
  BlurTask *task;
  void *context;
  BlurServices services;
  int started;          // workers whose handle is valid
  pthread_mutex_t gate; // held until `threads` is final: a worker that starts counts on it
  Worker *workers;
};

static void pause_spinning(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void meet(Meeting *meeting, unsigned threads, int spins) {
  unsigned round = atomic_load_explicit(&meeting->round, memory_order_acquire);
  if (atomic_fetch_add_explicit(&meeting->arrived, 1, memory_order_acq_rel) + 1 == threads) {
    atomic_store_explicit(&meeting->arrived, 0, memory_order_relaxed);
    // Sequentially consistent, as are the two below: either the sleeper sees the new round, or we see the sleeper.
    atomic_store(&meeting->round, round + 1);
    if (atomic_load(&meeting->asleep)) syscall(SYS_futex, &meeting->round, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
    return;
  }
  for (int spin = 0; spin < spins; spin++) {
    if (atomic_load_explicit(&meeting->round, memory_order_acquire) != round) return;
    pause_spinning();
  }
  atomic_fetch_add(&meeting->asleep, 1);
  while (atomic_load(&meeting->round) == round)
    syscall(SYS_futex, &meeting->round, FUTEX_WAIT_PRIVATE, round, NULL, NULL, 0);
  atomic_fetch_sub(&meeting->asleep, 1);
}

static void barrier(void *pool, int64_t thread) {
  BlurPool *self = pool;
  (void)thread;
  if (self->threads > 1) meet(&self->within, self->threads, self->spins);
}

static void *work(void *argument) {
  Worker *worker = argument;
  BlurPool *pool = worker->pool;
  pthread_mutex_lock(&pool->gate);
  pthread_mutex_unlock(&pool->gate);
  for (;;) {
    meet(&pool->start, pool->threads, pool->spins);
    if (pool->closing) return NULL;
    pool->task(pool->context, worker->thread, pool->threads);
    meet(&pool->end, pool->threads, pool->spins);
  }
}

static int usable_cpus(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}

// Starts the workers with all signals blocked: Ctrl-C is for the thread that the program began with.
static int start_workers(BlurPool *pool) {
  sigset_t all, before;
  pthread_mutex_lock(&pool->gate);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int problem = 0;
  for (unsigned thread = 1; thread < pool->threads && !problem; thread++) {
    Worker *worker = &pool->workers[thread - 1];
    *worker = (Worker){.pool = pool, .thread = thread};
    problem = pthread_create(&worker->handle, NULL, work, worker);
    if (!problem) pool->started++;
  }
  if (problem) pool->threads = (unsigned)pool->started + 1;
  pthread_mutex_unlock(&pool->gate);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return problem;
}

BlurPool *blur_pool_create(int threads, BlurStatus *status) {
  int cpus = usable_cpus();
  if (threads == 0) threads = cpus;
  if (threads < 0 || threads > MAX_THREADS) {
    status_fail(status, BLUR_FAILED_USAGE, "%d threads: a pool has between 1 and %d", threads, MAX_THREADS);
    return NULL;
  }
  BlurPool *pool = aligned_alloc(CACHE_LINE, sizeof *pool); // the size of an aligned struct is a multiple
  Worker *workers = calloc((size_t)threads, sizeof *workers);
  if (!pool || !workers) {
    status_fail_memory(status, "a pool of threads", (double)sizeof *pool);
    free(pool);
    free(workers);
    return NULL;
  }
  *pool = (BlurPool){.threads = (unsigned)threads, .spins = threads > cpus ? 0 : 4000, .workers = workers};
  pool->services = (BlurServices){
      .pool = pool, .barrier = barrier, .product_float = products_float, .product_double = products_double};
  pthread_mutex_init(&pool->gate, NULL);
  int problem = start_workers(pool);
  if (problem) {
    status_fail(status, BLUR_FAILED_ENVIRONMENT, "cannot start %d threads: %s; ask for fewer", threads,
                strerror(problem));
    blur_pool_destroy(pool);
    return NULL;
  }
  return pool;
}

BlurPool *pool_for_jobs(int threads, size_t jobs, int *all, BlurStatus *status) {
  *all = threads ? threads : usable_cpus();
  bool few = *all > 0 && *all <= MAX_THREADS && jobs < (size_t)*all;
  return blur_pool_create(few ? (int)jobs : *all, status);
}

void blur_pool_destroy(BlurPool *pool) {
  if (!pool) return;
  pool->closing = true;
  if (pool->started) meet(&pool->start, pool->threads, 0);
  for (int i = 0; i < pool->started; i++) pthread_join(pool->workers[i].handle, NULL);
  pthread_mutex_destroy(&pool->gate);
  free(pool->workers);
  free(pool);
}

int blur_pool_threads(const BlurPool *pool) { return (int)pool->threads; }

void blur_pool_run(BlurPool *pool, BlurTask *task, void *context) {
  if (pool->threads == 1) {
    task(context, 0, 1);
    return;
  }
  pool->task = task;
  pool->context = context;
  meet(&pool->start, pool->threads, pool->spins);
  task(context, 0, pool->threads);
  meet(&pool->end, pool->threads, pool->spins);
}

const BlurServices *blur_pool_services(BlurPool *pool) { return &pool->services; }
