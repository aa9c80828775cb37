// A checked experiment: fields read, rules checked with their settings, values within their ranges; and what the files
// experiment_*.c share. The fields are the lines of experiment.def. Knows neither data nor runtime: a network's ends
// and the samples are theirs. After this stage: compiler/experiment.c hands it to the runtime.
#ifndef BLUR_SEMANTICS_EXPERIMENT_H
#define BLUR_SEMANTICS_EXPERIMENT_H

#include "blur/meta_options.h"
#include "compiler/semantics/checker.h"
#include "compiler/syntax/syntax.h"

typedef enum {
  FIELD_KIND_RULE,
  FIELD_KIND_RULES,
  FIELD_KIND_NET,
  FIELD_KIND_DATA,
  FIELD_KIND_COUNT,
  FIELD_KIND_NUMBER,
  FIELD_KIND_POSITIVE, // a number above 0
  FIELD_KIND_SHARE,    // a number from 0 on, below 1
  FIELD_KIND_SPLIT,
  FIELD_KIND_CLASSES,
  FIELD_KIND_TEXT,
  FIELD_KIND_WORD,
  FIELD_KIND_CLAUSES,
  FIELD_KIND_MEASURE,
  FIELD_KIND_TASKS,
  FIELD_KIND_NETS,
  FIELD_KIND_FORM // words of its own
} FieldKind;

typedef enum {
#define FIELD(id, path, kind, takes, low, high, fallback, meaning) FIELD_##id,
#include "compiler/semantics/experiment.def"
#undef FIELD
  FIELD_COUNT
} FieldId;

typedef struct {
  const char *path;
  FieldKind kind;
  const char *takes;
  int64_t low, high;
  const char *fallback, *meaning;
} FieldInfo;
extern const FieldInfo experiment_fields[FIELD_COUNT];
// "a whole number from 1 to 512"
const char *field_takes(Arena *arena, const FieldInfo *field);

enum { EXPERIMENT_RUNS = 1000 }; // settings of one rule that are run, at most

// One setting of a rule: its values, more than one where it is swept or tuned.
typedef struct {
  const char *name;
  Span span;
  bool is_genome; // a single number of the genome: no value needs a compilation of its own
  bool tuned;
  int64_t tune_step; // 0: the last
  size_t count;
  const char **texts;                // as shown
  const AstExpression **expressions; // a NUMBER where it is a constant
  double *numbers;                   // NAN where it is none
} CheckedSetting;

typedef struct {
  const char *name; // as written: "std.adam", "mine"
  Span span;
  const AstFile *file;
  const AstRule *ast;
  ARENA_LIST(CheckedSetting) settings;
  const char *genome, *genome_path; // a genome file as written, and where it is; NULL: none
  const CheckedRule *rule;          // with the first value of each
  bool *measured;                   // [measures] whether the rule has what the measure reads
} CheckedContender;

// Where a measure is a number: at each layer of neurons, or of synapses.
typedef enum { MEASURE_NEURONS, MEASURE_SYNAPSES, MEASURE_COSINE } CheckedMeasureKind;

// `measure NAME = expression every N`, or `= cosine(update w, RULE)`: the angle between what a step changes in w and
// what a step of that rule would change from the same synapses on the same batch.
typedef struct {
  const char *name;
  Span span;
  CheckedMeasureKind kind;
  int64_t every;                 // 0: with each evaluation
  const AstExpression *value;    // of an expression
  const char *synapse;           // of a cosine
  const CheckedContender *other; // of a cosine
} CheckedMeasure;

// A set of data. What is known of it by its name is held against the ends of the network.
typedef struct {
  const char *place; // then options: "mnist:size=14,classes=0..4"; NULL: not given
  Span span;
  const char *set;         // its name, if it is a known one; else NULL
  int64_t inputs, classes; // of a known one, as the options have it; classes 0: regression to one number
  bool has_validation;     // split off the training part, or generated
} CheckedData;
typedef ARENA_LIST(CheckedData) CheckedTasks;

typedef struct {
  int layers;
  int64_t *units; // 0: as the data have it
  Span *spans;
} CheckedNet;
typedef ARENA_LIST(CheckedNet) CheckedNets;

typedef struct {
  const char *name; // "": none
  Span span;
  CheckedTasks tasks; // none: those of the experiment
  CheckedNets nets;   // none: that of the experiment
  int64_t unroll, every, networks;
} CheckedMetaTest;

typedef struct {
  const char *name;
  Span span;
  const AstFile *file;
  ARENA_LIST(CheckedContender) contenders; // `rule`, then those of `against`
  ARENA_LIST(CheckedMeasure) measures;
  CheckedNet net;
  CheckedData data;
  int64_t batch;
  int64_t steps, eval_every; // eval_every 0: the last step alone
  bool on_validation;
  Span on_validation_span;
  int64_t seeds, first_seed, threads; // threads 0: all
  int loss;                           // TaskLoss; -1: by the outputs
  bool is_double;
  bool has_meta;
  BlurMetaOptions meta; // unroll and objective also where `meta` is not given; unroll_first 0: no unroll
  CheckedTasks tasks;   // of meta-learning: at least one; `data` is the only one where no others are given
  ARENA_LIST(CheckedMetaTest) meta_tests;
} CheckedExperiment;

// Checks an experiment of the file. `is_partial`: the file has errors of syntax. NULL if there was an error.
CheckedExperiment *check_experiment(Arena *arena, const AstFile *file, const AstExperiment *experiment, bool is_partial,
                                    const ModuleLoader *modules, DiagnosticSink *sink);
// All of a file. True if there was no error.
bool check_experiments(Arena *arena, const AstFile *file, bool is_partial, const ModuleLoader *modules,
                       DiagnosticSink *sink);
// The contender's rule with the values that `choice` names (one entry a setting). NULL if there was an error.
CheckedRule *check_contender(Arena *arena, const CheckedContender *contender, const size_t *choice, TaskLoss loss,
                             const ModuleLoader *modules, DiagnosticSink *sink);
// A rule like the contender's whose step is to evaluate the measures that it has, into variables without axes, one a
// layer: `measured_variable` names that of a measure. Its neurons keep what is put into them. NULL if there was an
// error, or where no expression is measured.
CheckedRule *check_measuring_rule(Arena *arena, const CheckedExperiment *experiment, const CheckedContender *contender,
                                  const size_t *choice, TaskLoss loss, const ModuleLoader *modules,
                                  DiagnosticSink *sink);
const char *measured_variable(Arena *arena, const CheckedMeasure *measure);
// The other rule of a cosine, as it is for this contender. NULL if there was an error.
CheckedRule *check_reference_rule(Arena *arena, const CheckedMeasure *measure, const CheckedContender *contender,
                                  const size_t *choice, TaskLoss loss, const ModuleLoader *modules,
                                  DiagnosticSink *sink);
// Puts the value of `--set PATH=VALUE` into the tree. False after a report.
bool experiment_override(Arena *arena, AstExperiment *experiment, const char *path, const char *value,
                         DiagnosticSink *sink);

// ---- shared by the files of experiments

typedef struct {
  Checker *checker; // of constants in the file's scope
  const ModuleLoader *modules;
  const AstExperiment *ast;
  CheckedExperiment *made;
  Span at_span;                      // of the objective: `at = every 2, mean from 5`
  Span gradient_span;                // of `meta`: `gradient = nres`
  Span objective_span, batches_span; // of the objective: `accuracy`, `batches`
  bool is_partial;
} ExperimentCheck;

#define EXPERIMENT_REPORT(check, code, ...) diagnostic_report((check)->checker->sink, DIAGNOSTIC_##code, __VA_ARGS__)

// experiment_field.c: values
FieldId experiment_field_at(const char *parent, const char *name);   // parent NULL: a field; FIELD_COUNT: none
const char *experiment_field_list(Arena *arena, const char *parent); // "`batch`, `split`"
void report_unknown_part(ExperimentCheck *check, Span span, const char *parent, const char *name);
void report_field_value(ExperimentCheck *check, FieldId field, Span span);
bool take_constant(ExperimentCheck *check, const AstExpression *ast, double *number); // silent where it is none
bool take_number(ExperimentCheck *check, FieldId field, const AstValue *value, Span span, double *number);
bool take_count(ExperimentCheck *check, FieldId field, const AstValue *value, Span span, int64_t *count);
bool take_word(ExperimentCheck *check, FieldId field, const AstValue *value, Span span, int *word);
const char *text_of_span(Arena *arena, Span span);
const char *plain_name_of(const AstValue *value); // of a value that is one name; NULL
// The clauses of a phrase, each of which must be a part of `parent`: found[i] is that of the field `fields[i]`, or
// NULL.
void take_clauses(ExperimentCheck *check, const char *parent, const AstPhrase *phrase, const FieldId *fields,
                  size_t count, const AstClause **found);
void refuse_settings(ExperimentCheck *check, FieldId field, const AstPhrase *phrase);
void report_twice(ExperimentCheck *check, Span span, const char *name, Span before);
// What stands in braces, by the field of each: `lr = 0.1`, `every 5`, `tasks { ... }`. Others are reported.
typedef struct {
  AstName name;
  Span span;
  const AstValue *value;   // NULL: not given
  const AstPhrase *phrase; // NULL: `every 5`
  const AstPhrase *more;   // `mean from 5` behind `at = every 2`
} FieldPart;
void take_parts(ExperimentCheck *check, const char *parent, const AstPhrase *settings, FieldPart *found);

// experiment_data.c
// `batch` NULL: a task, which has none of its own.
void take_data(ExperimentCheck *check, const AstPhrase *phrase, CheckedData *data, int64_t *batch);
void take_tasks(ExperimentCheck *check, FieldId field, const AstPhrase *phrase, CheckedTasks *tasks);

// experiment_net.c
bool take_net(ExperimentCheck *check, FieldId field, const AstPhrase *phrase, CheckedNet *net);
void take_nets(ExperimentCheck *check, const AstPhrase *phrase, CheckedNets *nets);
void check_nets_fit_data(ExperimentCheck *check); // of the experiment, and of each test on other tasks and networks

// experiment_meta.c
void begin_meta(CheckedExperiment *made);
void take_meta(ExperimentCheck *check, const AstPhrase *phrase);
void take_unroll(ExperimentCheck *check, const AstPhrase *phrase);
void take_objective(ExperimentCheck *check, const AstPhrase *phrase);
void take_meta_test(ExperimentCheck *check, const AstPhrase *phrase); // when the unroll is known
void end_meta(ExperimentCheck *check);
// What belongs to training where a genome is learned, and what belongs to that where none is. `unknown` fields have a
// wrong name.
void refuse_other_fields(ExperimentCheck *check, const AstField *const *found, size_t unknown);

// experiment_rule.c
void take_rule(ExperimentCheck *check, const AstPhrase *phrase);
void check_tuning(ExperimentCheck *check); // when steps and data are known
// The rule that a phrase names, with its settings, checked; what can be chosen of is refused where `single`. False
// after a report.
bool take_contender(ExperimentCheck *check, FieldId field, const AstPhrase *phrase, bool single,
                    CheckedContender *contender);

// experiment_measure.c
void take_measure(ExperimentCheck *check, const AstPhrase *phrase);
void check_measures(ExperimentCheck *check); // when the rules are known

#endif
