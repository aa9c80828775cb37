// What an experiment says of meta-learning: plain numbers. The compiler reads them (blur/experiment.h), the runtime
// goes by them (blur/meta.h). docs/language/experiments.md has a line for each.
#ifndef BLUR_META_OPTIONS_H
#define BLUR_META_OPTIONS_H

#include "blur/compiler.h"

#ifdef __cplusplus
extern "C" {
#endif

// CMA (blur/evolve.h) needs no gradient: a meta-step is one of its generations.
typedef enum { BLUR_META_ADAM, BLUR_META_RMSPROP, BLUR_META_SGD, BLUR_META_CMA } BlurMetaOptimizer;

// Of CMA: whether the end of a run is followed by another one, with growing populations.
typedef enum { BLUR_META_ONE_RUN, BLUR_META_IPOP, BLUR_META_BIPOP } BlurMetaRestarts;

// How the gradient of a genome is computed: in reverse through all steps, or from the losses of genomes that are moved
// to both sides (runtime/meta/perturb.c): of whole unrolls (es), or of windows of networks that live on from meta-step
// to meta-step (pes, nres).
typedef enum { BLUR_META_ADJOINT, BLUR_META_ES, BLUR_META_PES, BLUR_META_NRES } BlurMetaGradient;

// The learning rate from the end of the warm-up to the last meta-step.
typedef enum { BLUR_META_CONSTANT, BLUR_META_LINEAR, BLUR_META_COSINE } BlurMetaSchedule;

// A meta-step whose loss or gradient is not finite changes nothing and is counted. A genome that had `patience` of them
// one after the other: goes on from its last good values with a fresh optimizer (skip), is replaced by the best of the
// population (restart), or ends the run (stop). Where all genomes are in that state the run has diverged.
typedef enum { BLUR_META_SKIP, BLUR_META_RESTART, BLUR_META_STOP } BlurMetaPolicy;

typedef struct {
  BlurMetaOptimizer optimizer;
  double rate;                  // lr
  double beta1, beta2, epsilon; // b1, b2, eps: of Adam; RMSprop has b2 and eps
  double momentum;              // of SGD
  double clip;                  // the norm that a genome's gradient is scaled down to; 0: never
  BlurMetaGradient gradient;    //
  double deviation;             // of the moves, but for the adjoint
  int64_t pairs;                // moved genomes, two by two, for each network in a meta-step
  int64_t window;               // steps of a network in a meta-step, of pes and nres; 0: a tenth of the unroll
  BlurMetaSchedule schedule;    //
  int64_t warmup;               // meta-steps in which the rate rises from 0
  double last;                  // share of the rate that linear and cosine end at
  int64_t steps;                // meta-steps
  int64_t population;           // genomes side by side, each drawn from a seed of its own; of CMA 1: the mean
  int64_t replicas;             // networks a task and genome in each meta-step
  int64_t batch;                // samples a step
  int64_t every;                // meta-steps between checks: all genomes on fresh networks, the best is kept
  int64_t networks;             // a task, at a check
  BlurMetaPolicy policy;        //
  int64_t patience;             //
  int64_t unroll_first, unroll_last, unroll_by, unroll_every; // steps of an unroll: `first .. last by BY every EVERY`
  bool has_loss;             // else: cross-entropy, with one output squared error, task by task
  BlurLoss loss;             // of the objective
  int64_t at_every, at_from; // the objective is the mean of the losses after every so many steps, from one on;
                             // at_every 0: the loss after the last step
  bool on_train;             // each on the batch that the step before it learned from, not on a fresh one
  // Of CMA.
  double sigma;              // first step size, by the scale of each value
  bool scale_one;            // 1 is the scale of all; else the root mean square of what a value begins with
  int64_t candidates;        // of a generation; 0: as many as suit the genome
  bool diagonal;             // covariance
  BlurMetaRestarts restarts; //
  int64_t most_restarts;     //
  bool noise;                // some candidates learn again; where ranks change too much, sigma grows
  int64_t run_steps;         // most meta-steps of a run; 0: as suits the genome
  bool of_accuracy;          // the objective is 1 - accuracy, in regression 1 - R^2
  int64_t queries;           // batches that each loss or accuracy is of
} BlurMetaOptions;

#ifdef __cplusplus
}
#endif
#endif
