// blur, meta-learning: genomes learned by exact gradients through whole learning processes.
//
// A meta-step draws, for each genome of the population, each task and each replica, a network from fresh initial
// synapses, runs it for some steps of its rule on fresh batches, takes the loss, and goes back through all of it to the
// genome. The mean gradient, clipped, moves the genome by Adam, RMSprop or gradient descent with momentum (Sandler et
// al. 2021; numbers: blur/meta_options.h). Or CMA-ES (blur/evolve.h): a meta-step is a generation, all its candidates
// learn on the same networks, data and batches, forward alone; the one genome of the population is the mean. Every so
// often all genomes are checked on networks of their own, and the best one is kept. Networks are spread over the
// threads; results do not depend on how many there are.
//
//   BlurMeta *meta = blur_meta_create(&setup, &status);
//   if (!blur_meta_run(meta, &status)) ...          // BLUR_DIVERGED: the best genome so far is kept
//   blur_meta_best(meta, &best);
//   blur_meta_to_network(meta, best.genome, network);
#ifndef BLUR_META_H
#define BLUR_META_H

#include "blur/checkpoint.h"
#include "blur/evolve.h"
#include "blur/meta_options.h"
#include "blur/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BlurMeta BlurMeta;

typedef struct {
  const BlurData *data; // its random part (permutations, samples of a generated task) is drawn anew for each network
  const BlurProgram *program; // of the rule, for a network that fits the data; for training by gradients: with adjoints
  BlurLoss loss;              // that evaluations report; a program's own is BlurOptions.query_loss
} BlurMetaTask;

// A test of the best genome: fresh networks on each task, trained for `steps`, scored on the test part.
typedef struct {
  size_t tasks;
  const BlurMetaTask *task;
  int64_t steps;
  int64_t every;    // meta-steps between tests; 0: at the end alone
  int64_t networks; // a task
} BlurMetaTest;

// The score of a network is its accuracy, in regression R^2; that of one that diverges is 0.
typedef struct {
  double loss, norm; // means over the meta-steps since the last check, of the objective and of the gradient's norm
                     // before it is clipped; NAN: there was none. Of CMA: the mean's objective on what the last
                     // generation learned on, and the step size
  double score;      // mean over tasks and networks
  int64_t skipped;   // meta-steps so far whose loss or gradient was not finite
  bool lost;         // not moved any longer: BlurMetaPolicy
} BlurMetaMember;

typedef enum {
  BLUR_META_STEPPED,   // a meta-step is done
  BLUR_META_CHECKED,   // all genomes were scored
  BLUR_META_LONGER,    // the unroll has become longer; all genomes go on from the best of them
  BLUR_META_RESTARTED, // a genome could not go on: BlurMetaPolicy
  BLUR_META_TESTED,
  BLUR_META_RUN_ENDED // of CMA: a run has come to its end
} BlurMetaEventKind;

typedef struct {
  BlurMetaEventKind kind;
  int64_t step, unroll;         // meta-steps done, steps of an unroll
  const BlurMetaMember *member; // [population]
  size_t which;                 // CHECKED: the member with the highest score; RESTARTED: the member; TESTED: the test
  bool is_best;                 // CHECKED: it is the best genome so far
  const double *score, *loss;   // TESTED: [tasks, networks]
  // RUN_ENDED: the run, why it ended, and whether another one follows; else the whole ends with this meta-step.
  const BlurEvolutionReport *run;
  size_t stops;
  const BlurEvolutionStop *stop; // [stops]
  bool follows;
} BlurMetaEvent;

typedef struct {
  const BlurMetaOptions *options;
  size_t tasks;
  const BlurMetaTask *task; // the genomes of their programs have the same names, extents and scopes
  size_t tests;
  const BlurMetaTest *test;
  const BlurNetwork *start; // all genomes begin with those of this network; NULL: each is drawn from the seed
  uint64_t seed;
  int threads;   // 0: as many as this process may use CPUs
  size_t memory; // the most bytes for all networks and snapshots of unrolls; 0: a snapshot a step
  int64_t stop;  // returns after this meta-step, as if interrupted then, tests that are due done; 0: after the last
  void (*watch)(void *context, const BlurMetaEvent *event); // on the thread that runs it; NULL: not wanted
  // Between two meta-steps, when a checkpoint can be taken (blur_meta_put), `ends`: for the last time. False, with its
  // status, ends the run. NULL: not wanted.
  bool (*rest)(void *context, int64_t step, bool ends, BlurStatus *status);
  void *context; // of both
} BlurMetaSetup;

// Programs, which with CMA need no derivatives, and data must outlive it. Fails (input) where a network does not fit
// its data, where the tasks' genomes differ, where there is nothing to learn, and where the memory is too little, which
// the message says how much.
BlurMeta *blur_meta_create(const BlurMetaSetup *setup, BlurStatus *status);
void blur_meta_destroy(BlurMeta *meta);

// What is run at a time, for the longest unroll.
typedef struct {
  size_t genome;        // numbers of a genome that are learned
  int threads, at_once; // networks that run side by side
  size_t bytes;         // of all their memory and snapshots
  double steps;         // steps forward of one meta-step, those made again included; as many in reverse as unrolls have
} BlurMetaCost;
BlurMetaCost blur_meta_cost(const BlurMeta *meta);

// Runs all meta-steps, checks and tests; returns true also when interrupted. BLUR_DIVERGED: no genome can go on.
bool blur_meta_run(BlurMeta *meta, BlurStatus *status);
// Makes blur_meta_run return after the meta-step it is in, without the tests that are still due. May be called from a
// signal handler.
void blur_meta_interrupt(BlurMeta *meta);
bool blur_meta_interrupted(const BlurMeta *meta);
// Of CMA: what is searched with; NULL with other optimizers.
const BlurEvolution *blur_meta_evolution(const BlurMeta *meta);

// The facts that a run goes by (blur/checkpoint.h): seed, tasks with their rule, options.
void blur_meta_describe(const BlurMeta *meta, BlurCheckpoint *checkpoint);
// The state of the run: arrays "meta.NAME" and "optimizer.NAME". To be called from `rest`, or when no run is going on.
bool blur_meta_put(const BlurMeta *meta, BlurCheckpoint *checkpoint, BlurStatus *status);
// Takes it over from a checkpoint with the same binding facts; then blur_meta_run goes on from there. Where it fails,
// the run is to be destroyed.
bool blur_meta_take(BlurMeta *meta, const BlurCheckpoint *checkpoint, BlurStatus *status);

typedef struct {
  const double *genome; // its numbers: those of a program's variables of kind BLUR_GENOME, dense, one after the other
  int64_t step, unroll; // of the check that it was the best of
  double score;
} BlurMetaBest;
BlurMetaBest blur_meta_best(const BlurMeta *meta);
// The genome of a member as it is now, in the same order.
const double *blur_meta_genome(const BlurMeta *meta, size_t member);
// Puts a genome into a network of one of the programs, as its genome values.
void blur_meta_to_network(const BlurMeta *meta, const double *genome, BlurNetwork *network);
// Runs a test now: `score` and `loss` are [tasks, networks], NAN the loss of a network that diverged.
bool blur_meta_test(BlurMeta *meta, const double *genome, const BlurMetaTest *test, double *score, double *loss,
                    BlurStatus *status);

#ifdef __cplusplus
}
#endif
#endif
