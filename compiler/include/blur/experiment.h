// blur, experiments: `experiment NAME { ... }` of a file, read and checked. What is trained how often on what; running
// it is the business of blur/study.h. Nothing here touches data: where the file leaves something to them (the network's
// ends, the loss), a field says so.
//
//   BlurReport *report = blur_report_create();
//   BlurExperiment *experiment = blur_experiment_load("compare.blur", NULL, 0, report);
//   const BlurExperimentFields *fields = blur_experiment_fields(experiment);
//   BlurRule *rule = blur_experiment_rule(experiment, 0, NULL, BLUR_LOSS_CROSS_ENTROPY, report);
#ifndef BLUR_EXPERIMENT_H
#define BLUR_EXPERIMENT_H

#include "blur/meta_options.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BlurExperiment BlurExperiment;

// One setting of a rule. With several values it is swept (each is run) or tuned (one is chosen).
typedef struct {
  const char *name;
  bool is_genome; // a number of the genome: can be set in a compiled program
  bool tuned;
  int64_t tune_step; // at which it is chosen
  size_t count;
  const char *const *texts; // [count] values as shown
  const double *numbers;    // [count] NAN where a value is no number
} BlurExperimentSetting;

typedef struct {
  const char *rule; // as written: "std.adam"
  const char *name; // for blur_rule_load: "std.adam", and "compare.blur:mine" of a rule of the experiment's file
  size_t settings;
  const BlurExperimentSetting *setting;
  const char *genome;      // a genome file (blur/genome.h), as written; NULL: none
  const char *genome_path; // where it is: a relative path is meant from the folder of the experiment's file
} BlurExperimentRule;

// A number a layer, followed through training.
typedef struct {
  const char *name;
  int64_t every;        // steps between measurements; 0: with each evaluation
  bool is_cosine;       // between what a step of the rule changes in a synapse variable, and a step of a reference rule
  BlurKind kind;        // BLUR_NEURON: at each layer of neurons, BLUR_SYNAPSE: of synapses
  const char *variable; // of the measuring rule, which holds the number after a step; of a cosine: of both rules
} BlurExperimentMeasure;

typedef struct {
  int layers;
  const int64_t *units; // [layers] 0: as the data have it
} BlurExperimentNet;

// What else a learned genome is tried on.
typedef struct {
  const char *name;                // "": none is given
  size_t tasks;                    // 0: those of the experiment
  const char *const *task;         // for blur_data_load
  size_t nets;                     // 0: that of the experiment
  const BlurExperimentNet *net;    //
  int64_t unroll, every, networks; // steps; meta-steps between tests (0: at the end alone); fresh networks a task
} BlurExperimentMetaTest;

typedef struct {
  const char *name, *path; // path: of the file
  size_t rules;            // the first is that of the field `rule`, the others those of `against`
  const BlurExperimentRule *rule;
  int layers;
  const int64_t *units; // [layers] 0: as the data have it
  const char *data;     // for blur_data_load; NULL: see has_meta
  int64_t batch;
  int64_t steps,
      eval_every;     // steps 0: see has_meta, or an unroll alone is described; eval_every 0: after the last step alone
  bool on_validation; // evaluated on the validation part, not on test
  int64_t seeds, first_seed;
  int threads;   // 0: all
  bool has_loss; // else: cross-entropy, with one output squared error
  BlurLoss loss;
  BlurPrecision precision;
  size_t measures;
  const BlurExperimentMeasure *measure;
  bool has_meta;           // a genome is learned: `data`, `steps` and what belongs to them may be missing
  BlurMetaOptions meta;    // unroll and objective also without has_meta; unroll_first 0: no unroll is given
  size_t tasks;            // of has_meta: at least one, which is `data` where that is given
  const char *const *task; // for blur_data_load
  size_t meta_tests;
  const BlurExperimentMetaTest *meta_test;
} BlurExperimentFields;

// Whether `name` ("path", "path:NAME") means an experiment: the file can be read and holds one, and NAME, if given, is
// no rule of it alone. Reports nothing.
bool blur_experiment_exists(const char *name);
// The experiment `path:NAME`, or the last of the file, with fields replaced by `settings` (names are paths: "steps",
// "data.batch", "rule.lr"). The caller's, to be destroyed after the rules made from it. NULL: see the report.
BlurExperiment *blur_experiment_load(const char *name, const BlurSetting *settings, size_t setting_count,
                                     BlurReport *report);
void blur_experiment_destroy(BlurExperiment *experiment);
const BlurExperimentFields *blur_experiment_fields(const BlurExperiment *experiment);
// Rule number `rule`, with the values `choice` [settings] of its settings (NULL: the first of each). The caller's.
// NULL: see the report.
BlurRule *blur_experiment_rule(const BlurExperiment *experiment, size_t rule, const size_t *choice, BlurLoss loss,
                               BlurReport *report);

// Whether a measure is taken of rule number `rule`: those of `against` may lack what it reads.
bool blur_experiment_measures(const BlurExperiment *experiment, size_t rule, size_t measure);
// A rule with the variables of rule number `rule`, whose step leaves all of them as they are, neurons included, and
// evaluates the expressions that are measured of it; NULL also where there are none. To be compiled with all_live.
BlurRule *blur_experiment_measuring_rule(const BlurExperiment *experiment, size_t rule, const size_t *choice,
                                         BlurLoss loss, BlurReport *report);
// The reference rule of a cosine, with the functions of rule number `rule` where it has such parameters.
BlurRule *blur_experiment_reference_rule(const BlurExperiment *experiment, size_t rule, size_t measure,
                                         const size_t *choice, BlurLoss loss, BlurReport *report);

// The table of all fields, as text for a terminal or in Markdown; the caller's to free(). NULL: no memory.
char *blur_experiment_help(bool markdown);

#ifdef __cplusplus
}
#endif
#endif
