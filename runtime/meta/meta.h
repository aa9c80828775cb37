// A meta-learning run. Private to the runtime.
#ifndef BLUR_META_META_H
#define BLUR_META_META_H

#include "blur/meta.h"
#include "runtime/meta/batch_memory.h"
#include "runtime/meta/genome_vector.h"
#include "runtime/meta/optimizer.h"
#include "runtime/meta/stream.h"

#include <pthread.h>
#include <stdatomic.h>

// One genome of the population.
typedef struct {
  double *genome; // [count] its numbers
  double *good;   // [count] those of the last check at which its loss was finite
  double *seen;   // [count] as its optimizer has them
  Optimizer optimizer;
  int64_t bad;       // meta-steps in a row that changed nothing
  bool restarted;    // and no good one since
  double loss, norm; // sums since the last check
  int64_t counted;   // meta-steps in them
} Member;

// What a thread keeps for a task: a network, its unroll, and where its batches come from.
typedef struct {
  BlurNetwork *network;
  BlurUnroll *unroll;
  BlurData *data;
  Stream stream;
  BatchMemory kept; // batches 0 .. T
  int64_t *rows;    // [batch]
  int64_t outputs;  // of the network
  // Where several genomes learn on the same.
  char *fresh;    // [memory_bytes] the network after its reset; NULL: each is reset
  bool is_drawn;  // data, batches and the copy are those of a seed
  uint64_t drawn; // this one
  double *values; // of CMA: room for predictions [B, O], targets [B, O] and sums [3, O]
} Station;

typedef struct {
  BlurPool *pool; // of its networks
  Station *station;
  double *moves, *moved, *genome; // [count] where genomes are moved
} Desk;

// Two networks with genomes moved to both sides, which live on from meta-step to meta-step.
typedef struct {
  char *state;     // [2][bytes] what lives from step to step
  size_t bytes;    //
  double *moved;   // [count] the sum of the moves of this life so far
  int64_t at, end; // steps done, and those after which this life ends
  int64_t number;  // lives before
} Life;

// A network to be trained and scored: for a check or a test.
typedef struct {
  const BlurMetaTask *task;
  const double *genome;
  uint64_t seed;
  BlurPart part;
  double score, loss;
} Trial;

// What numbers are drawn for.
typedef enum {
  DRAW_GENOME = 1,
  DRAW_UNROLL,
  DRAW_CHECK,
  DRAW_TEST,
  DRAW_MOVES,
  DRAW_LIFE,
  DRAW_SEARCH,
  DRAW_AGAIN
} MetaDraw;

// CMA-ES over genomes.
typedef struct {
  BlurEvolution *evolution; // NULL: the optimizer is another one
  const double *candidate;  // [count][numbers of a genome] those that learn now
  size_t count;
  MetaDraw purpose; // and the meta-step decide what they learn on
  int64_t generation;
  size_t capacity; // candidates that there is room for
  double *value;   // [tasks, replicas, capacity]
  double *fitness; // [capacity]
  double *first;   // [capacity] the fitness of a generation, while some of it learns again
} Search;

struct BlurMeta {
  BlurMetaSetup setup;
  BlurMetaOptions options;
  GenomeVector vector;
  Member *members;
  BlurMetaMember *told; // [population]
  int64_t unroll;       // steps of an unroll now
  int64_t batches;      // that a network takes at most
  BlurPool *pool;       // a thread a desk
  size_t desks;
  Desk *desk;
  BlurMetaCost cost;
  // The best genome.
  double *best;
  double best_score;
  int64_t best_step, best_unroll;
  // While running.
  int64_t step;
  bool begun;       // the genomes of the beginning are checked
  int64_t checked;  // meta-step of the last check
  size_t chosen;    // the best member then
  size_t tested;    // tests that are done at this meta-step, or not due
  double *gradient; // [population, tasks, replicas, count]
  double *loss;     // [population, tasks, replicas]; NAN: not finite
  size_t lives;     // population x tasks x replicas x pairs, of pes and nres
  Life *life;
  Search search;
  Trial *trials;
  size_t trial_count;
  int64_t trial_steps;
  atomic_size_t next;
  atomic_bool interrupted;
  pthread_mutex_t lock; // of failure
  bool failed;
  BlurStatus failure;
};

// A key for what is drawn for `purpose` at `number`, apart from all others.
uint64_t meta_key(const BlurMeta *meta, MetaDraw purpose, uint64_t number);
void meta_fail(BlurMeta *meta, const BlurStatus *status);
void meta_tell(BlurMeta *meta, BlurMetaEvent event);

// meta_step.c
extern const size_t meta_kept_bytes; // of batches that a station keeps
bool meta_open_desks(BlurMeta *meta, BlurStatus *status);
void meta_close_desks(BlurMeta *meta);
bool meta_make_unrolls(BlurMeta *meta, BlurStatus *status); // of meta->unroll steps
// Gradients and losses of all networks of meta-step `meta->step`.
bool meta_gradients(BlurMeta *meta, BlurStatus *status);

typedef struct {
  const BlurMeta *meta;
  const Desk *desk;
  Station *station;
} Place;

// The data and batches of one network, drawn from its seed.
void meta_begin_batches(const Place *place, uint64_t seed);
// These, and the network as blur_network_reset leaves it.
bool meta_begin_network(const Place *place, uint64_t seed, BlurStatus *status);
// Batch `number` of the station's data, into its network.
void meta_gather(const Place *place, int64_t number);
// A BlurBatch, whose context is the place.
void meta_put_batch(void *place, BlurNetwork *network, int64_t number);

// perturb.c: the gradient of a network by moved genomes, by its numbers as they are seen.
bool perturb_open(BlurMeta *meta, BlurStatus *status);
void perturb_close(BlurMeta *meta);
bool perturb_run(BlurMeta *meta, const Place *place, size_t member, size_t job, BlurStatus *status);
// perturb_state.c: the networks that live on, into a checkpoint and back; nothing where there are none.
bool perturb_put(const BlurMeta *meta, BlurCheckpoint *checkpoint, BlurStatus *status);
bool perturb_take(BlurMeta *meta, const BlurCheckpoint *checkpoint, BlurStatus *status);

// search.c: CMA-ES over genomes; search_fit.c: what a genome is worth
bool search_open(BlurMeta *meta, BlurStatus *status);
void search_close(BlurMeta *meta);
size_t search_candidates(const BlurMeta *meta); // of a generation, in the first run
bool search_is_done(const BlurMeta *meta);
bool search_step(BlurMeta *meta, BlurStatus *status); // a generation
void search_tell_end(BlurMeta *meta);                 // of its run, if it has come to its end
// The mean's objective and the step size become those of the one member.
bool search_look_at_mean(BlurMeta *meta, BlurStatus *status);
bool search_put(const BlurMeta *meta, BlurCheckpoint *checkpoint, BlurStatus *status);
bool search_take(BlurMeta *meta, const BlurCheckpoint *checkpoint, BlurStatus *status);
bool fit_open(BlurMeta *meta, BlurStatus *status); // for unrolls of meta->unroll steps
// The objective of each candidate of `meta->search`: mean over tasks and replicas, NaN where one diverges.
bool fit_all(BlurMeta *meta, BlurStatus *status);

// meta_check.c: all of `trials`, trained for `steps`
bool meta_run_trials(BlurMeta *meta, Trial *trials, size_t count, int64_t steps, BlurStatus *status);
// Scores all genomes, and keeps the best. *best: of the members.
bool meta_check(BlurMeta *meta, size_t *best, BlurStatus *status);

#endif
