// What the files meta*.c share: a meta-learning run on its way from an experiment's file to a genome.
#ifndef BLUR_CLI_META_H
#define BLUR_CLI_META_H

#include "blur/experiment.h"
#include "blur/meta.h"
#include "cli/command.h"
#include "cli/record.h"

// A task on a network, as it is reported.
typedef struct {
  const char *data; // as written
  char *net;        // "2-20-1"
} MetaName;

// Data, networks and programs of a list of tasks, or of tasks times networks.
typedef struct {
  size_t count;
  BlurMetaTask *task;
  MetaName *name;
} MetaTasks;

typedef struct {
  BlurProgram *program;
  int layers;
  int64_t *units;
  BlurLoss loss;
  bool adjoint;
} MetaProgram;

// A check, as the log has it.
typedef struct {
  int64_t step, unroll;
  double best;            // score of the best genome so far
  BlurMetaMember *member; // [population]
} MetaCheck;

// The mean score of a task in a test, as the record has it.
typedef struct {
  int64_t step;
  size_t place; // of the task among those of all tests
  double score;
} MetaTested;

typedef struct {
  const Arguments *arguments;
  BlurReport *report;
  BlurExperiment *experiment;
  const BlurExperimentFields *fields;
  int64_t seed, threads, stop; // stop: meta-steps to end after, 0: all
  size_t memory;
  BlurData **data; // loaded, each specification once
  size_t data_count;
  MetaProgram *programs; // compiled, each once
  size_t program_count;
  MetaTasks tasks;
  MetaTasks *tested; // of each meta_test
  BlurMetaTest *tests;
  BlurMeta *meta;
  BlurPool *pool;     // of the two networks below
  BlurNetwork *start; // with the genome that all begin with, or NULL
  bool json, terminal;
  double started, told;          // clock: of the run, of the last line of progress
  int64_t told_step, rated_step; // the last meta-step, and that of the last line of progress
  double rate;                   // meta-steps a second
  MetaCheck *check;              // [checks]
  size_t checks;
  MetaTested *tested_score; // [tested_scores]
  size_t tested_scores;
  char *save, *picture_path, *table_path; // NULL: not wanted
  BlurStatus unsaved;                     // the first failure to write the genome while running
  char *folder;                           // of checkpoints; NULL: none are kept
  bool made_folder, not_kept;             // it was not there before; a checkpoint could not be written
  int64_t pause_steps;                    // between checkpoints; 0: none
  double pause_seconds;                   // likewise
  int64_t kept_step;                      // of the last checkpoint; -1: there is none
  double kept_at;                         // clock
  char *resumed;                          // the checkpoint that this run goes on from, or NULL
  double seconds_before;                  // that the run took before it
  Record *record;                         // NULL: none is kept
  char token[RECORD_TOKEN];               // that it is found again by
  size_t best_curve, test_curve;          // in it: the best genome's; the first of the tests
} Meta;

// meta_tasks.c: loads data, compiles programs. EXIT_DONE, or the code after a message or with the report filled.
int meta_open_tasks(Meta *meta);
void meta_close_tasks(Meta *meta);

// meta_tell.c
void meta_tell_head(const Meta *meta);
void meta_watch(void *meta, const BlurMetaEvent *event);
void meta_tell_end(Meta *meta, bool diverged);
const char *meta_norm_name(const Meta *meta); // of BlurMetaMember.norm

// meta_files.c: the genome, the log and its picture
bool meta_open_files(Meta *meta, BlurStatus *status);
void meta_close_files(Meta *meta);
bool meta_save_genome(Meta *meta, BlurStatus *status);
char *meta_genome_text(Meta *meta); // the best genome as its file has it; the caller's to free(), NULL: no memory
bool meta_log(Meta *meta, const BlurMetaEvent *event, double best); // false: no memory
bool meta_log_test(Meta *meta, const MetaTested *tested);           // likewise
bool meta_write_log(Meta *meta, BlurStatus *status);

// meta_checkpoint.c. EXIT_DONE, or the code after a message.
int meta_open_checkpoints(Meta *meta);
void meta_close_checkpoints(Meta *meta);
bool meta_rest(void *meta, int64_t step, bool ends, BlurStatus *status);

// meta_record.c
void meta_record_begin(Meta *meta);
char *meta_test_names(const Meta *meta); // a line a task of each test; the caller's to free()
void meta_record_event(Meta *meta, const BlurMetaEvent *event);
void meta_record_end(Meta *meta, const char *ending, const char *message);

#endif
