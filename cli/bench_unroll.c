// blur bench --unroll: the time of a meta-gradient (steps, a query, and all in reverse), its flops and its memory. The
// batch of every step is the same and lies ready, so nothing but the gradient is measured.
#include "cli/bench.h"

#include "cli/tables.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TIMES = 2000, MIN_TIMES = 5, MAX_NETWORKS = 100000 };

typedef struct {
  BlurPool *pool; // of one thread; NULL where the network runs on the session's
  BlurNetwork *network;
  BlurUnroll *unroll;
} Place;

typedef struct {
  const Session *session;
  Place *places;
  int64_t count;
  atomic_int_fast64_t next; // the place that the next free thread takes
  atomic_bool diverged;
} Work;

// Bytes that /proc/self/status says after a word; 0 where there is no such file.
static size_t resident(const char *word) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  unsigned long kilobytes = 0;
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, word, strlen(word)) == 0) kilobytes = strtoul(line + strlen(word), NULL, 10);
  if (file) fclose(file);
  return (size_t)kilobytes << 10;
}

// Compilation may have taken more than the networks will: the peak begins anew.
static void forget_peak(void) {
  FILE *file = fopen("/proc/self/clear_refs", "w");
  if (!file) return;
  fputs("5", file);
  fclose(file);
}

static void keep_batch(void *context, BlurNetwork *network, int64_t step) { (void)context, (void)network, (void)step; }

static void run_place(Work *work, int64_t place) {
  double loss;
  // What the network is does not matter here: the only failure is that a number is not finite.
  if (!blur_unroll_run(work->places[place].unroll, keep_batch, NULL, &loss, NULL)) atomic_store(&work->diverged, true);
}

static void run_places(void *context, int64_t thread, int64_t threads) {
  (void)thread, (void)threads;
  Work *work = context;
  for (int64_t place; (place = atomic_fetch_add(&work->next, 1)) < work->count;) run_place(work, place);
}

static void run_all(Work *work) {
  if (work->count == 1) {
    run_place(work, 0);
    return;
  }
  atomic_store(&work->next, 0);
  blur_pool_run(work->session->pool, run_places, work);
}

static bool open_place(const Session *session, const BenchUnroll *asked, Place *place, uint64_t number,
                       BlurStatus *status) {
  if (asked->networks > 1 && !(place->pool = blur_pool_create(1, status))) return false;
  place->network =
      blur_network_create(session->program, place->pool ? place->pool : session->pool, session->seed + number, status);
  if (!place->network || !session_put_genome(session, place->network, status)) return false;
  if (!bench_fill_batch(session, place->network)) {
    *status = (BlurStatus){.code = BLUR_FAILED_ENVIRONMENT, .message = "out of memory"};
    return false;
  }
  place->unroll = blur_unroll_create(place->network, NULL, asked->steps, asked->memory, status);
  return place->unroll != NULL;
}

static void time_all(Work *work, BenchUnroll *unroll) {
  static double times[MAX_TIMES];
  size_t count = 0;
  run_all(work); // pages and caches
  for (double start = session_clock();
       count < MAX_TIMES && (count < MIN_TIMES || session_clock() - start < bench_seconds);) {
    double before = session_clock();
    run_all(work);
    times[count++] = session_clock() - before;
  }
  unroll->seconds = bench_median(times, count);
}

bool bench_unroll_options(const Arguments *arguments, BenchUnroll *unroll) {
  static const OptionName of_unrolls[] = {OPTION_memory, OPTION_networks};
  for (size_t i = 0; i < sizeof of_unrolls / sizeof *of_unrolls; i++) {
    if (!option_given(arguments, of_unrolls[i]) || option_given(arguments, OPTION_unroll)) continue;
    complain(arguments, "--%s is about meta-gradients: add --unroll STEPS", option_table[of_unrolls[i]].name);
    return false;
  }
  if (option_given(arguments, OPTION_unroll) && option_given(arguments, OPTION_data)) {
    complain(arguments, "--unroll measures on a batch of its own: leave out --data");
    return false;
  }
  return option_integer(arguments, OPTION_unroll, 1, 1000000, 0, &unroll->steps) &&
         option_bytes(arguments, OPTION_memory, 0, &unroll->memory) &&
         option_integer(arguments, OPTION_networks, 1, MAX_NETWORKS, 1, &unroll->networks);
}

int bench_unroll_measure(const Session *session, BenchUnroll *unroll) {
  BlurStatus status = {0};
  Work work = {.session = session, .count = unroll->networks};
  work.places = calloc((size_t)work.count, sizeof *work.places);
  bool done = work.places != NULL;
  if (!done) complain(session->arguments, "out of memory");
  forget_peak();
  size_t before = resident("VmRSS:");
  for (int64_t i = 0; done && i < work.count; i++) {
    done = open_place(session, unroll, &work.places[i], (uint64_t)i, &status);
    if (!done) session_failed(session, &status);
  }
  if (done) {
    BlurCost cost = blur_program_cost(session->program);
    BlurUnrollCost steps = blur_unroll_cost(work.places[0].unroll);
    time_all(&work, unroll);
    size_t peak = resident("VmHWM:");
    unroll->resident = peak > before ? peak - before : 0;
    unroll->snapshots = steps.snapshots;
    unroll->flops = (double)unroll->networks *
                    (steps.steps * cost.step_flops + cost.query_flops + (double)unroll->steps * cost.adjoint_flops);
    unroll->diverged = atomic_load(&work.diverged);
  }
  for (int64_t i = 0; work.places && i < work.count; i++) {
    blur_unroll_destroy(work.places[i].unroll);
    blur_network_destroy(work.places[i].network);
    blur_pool_destroy(work.places[i].pool);
  }
  free(work.places);
  return done ? EXIT_DONE : status.code ? (int)status.code : EXIT_ENVIRONMENT;
}
