// What the files experiment*.c share: an experiment on its way from the file to its table.
#ifndef BLUR_CLI_EXPERIMENT_H
#define BLUR_CLI_EXPERIMENT_H

#include "base/text.h"
#include "blur/experiment.h"
#include "blur/study.h"
#include "cli/command.h"
#include "cli/record.h"

// A rule as it is reported: one line of the table.
typedef struct {
  const BlurExperimentRule *rule;
  BlurContender contender;
  char **labels;  // [candidates] the settings: "lr = 0.1, act = relu"; "" where there are none
  char **choices; // [candidates] the tuned ones alone
  char *open;     // the settings while the tuned ones are not chosen: "act = relu, lr not chosen"
} Entry;

typedef struct {
  const Arguments *arguments;
  BlurReport *report;
  BlurExperiment *experiment;
  const BlurExperimentFields *fields;
  BlurData *data;
  int64_t *units;
  BlurLoss loss;
  bool is_regression;
  int threads;
  BlurGenome **genomes; // [fields->rules] NULL: none
  bool *doubted;        // [fields->rules] what may be a mistake is told once
  BlurProgram **programs;
  size_t program_count;
  Entry *entries;
  size_t entry_count;
  BlurContender *contenders; // of the entries, side by side
  BlurMeasure *measures;
  BlurStudy *study;
  bool json, terminal;
  double started;
  size_t told; // rows of the table that are printed
  Text lost;   // divergences that are told below the table
  int rule_width, setting_width;
  size_t columns, column[8];                                                        // evaluations shown in the table
  char *picture_path, *table_path, *measures_path, *differences_path, *arrays_path; // NULL: not wanted
  Record *record;                                                                   // NULL: none is kept
  size_t *curve; // of it: [entries, seeds, ...] numbers plus one, 0: not named yet
} Experiment;

// experiment_genome.c: the genome files of the rules; an exit code, after a message
int experiment_open_genomes(Experiment *experiment);
void experiment_close_genomes(Experiment *experiment);
// Whether that of a rule fits its program. False after a message.
bool experiment_genome_fits(Experiment *experiment, size_t rule, const BlurProgram *program);

// experiment_entries.c: rules times settings, each rule compiled once. False after a message or in the report.
bool experiment_make_entries(Experiment *experiment);
void experiment_free_entries(Experiment *experiment);
// The label of an entry: that of the chosen candidate; while none is, it says so.
const char *experiment_label(const Experiment *experiment, size_t entry);

// Whether a candidate has a value at an end of the range that it was tuned over.
bool experiment_at_end(const Entry *entry, size_t candidate);

// experiment_arrays.c: all numbers as NumPy arrays.
bool experiment_write_arrays(const Experiment *experiment, const char *path, BlurStatus *status);

// experiment_tell.c
void experiment_tell_head(Experiment *experiment);
void experiment_watch(void *experiment, const BlurStudyEvent *event);
void experiment_tell_end(Experiment *experiment);
void experiment_tell_columns(const Experiment *experiment); // the head of a table, as far as its steps
// The beginning of an object, and a number of it; null where it is not finite.
void experiment_json_begin(const Experiment *experiment, const char *event, size_t entry, const char *label);
void experiment_json_number(const char *name, double value);

// experiment_differences.c: how far the rules lie apart, seed by seed; where there are several rules and seeds
bool experiment_has_differences(const Experiment *experiment);
void experiment_tell_differences(const Experiment *experiment);
void experiment_json_differences(const Experiment *experiment);

// experiment_record.c
void experiment_record_begin(Experiment *experiment);
void experiment_record_event(Experiment *experiment, const BlurStudyEvent *event);
void experiment_record_end(Experiment *experiment, const char *ending, const char *message);

// experiment_partial.c: of an interrupted experiment, what has not come to an evaluation, and how far it came
bool experiment_has_scores(const Experiment *experiment, size_t entry);
void experiment_tell_partial(const Experiment *experiment);

// "accuracy", in regression "r2"; and the factor and digits that it is told with.
const char *experiment_score_name(const Experiment *experiment);
double experiment_score_scale(const Experiment *experiment);
int experiment_score_digits(const Experiment *experiment);
// The value alone where a single setting is tuned.
const char *experiment_short_choice(const Entry *entry, size_t candidate);
// "layer 0", "all" of a value of a measure.
void experiment_value_name(const Experiment *experiment, size_t measure, size_t value, char *out, size_t room);

// experiment_files.c: what --out asks for, looked at before anything runs, and written at the end
bool experiment_open_files(Experiment *experiment, BlurStatus *status);
bool experiment_write_files(const Experiment *experiment, BlurStatus *status);
void experiment_close_files(Experiment *experiment);

// experiment.c: runs the experiment that the operand names.
int experiment_run(const Arguments *arguments);

#endif
