// The record of a run in a database of runs (docs/language/runs.md): written while it goes on, read by `blur runs`.
// Nothing that goes wrong here stops or slows a run. What a locked database cannot take now waits for the next time;
// what goes wrong for good is told once, as a warning.
#ifndef BLUR_CLI_RECORD_H
#define BLUR_CLI_RECORD_H

#include "cli/command.h"

typedef struct Record Record;

enum { RECORD_TOKEN = 33 };

typedef struct {
  const char *experiment, *file, *rules, *score_name;
  const char *genome; // that it began with, or NULL
  uint64_t seed;
  int64_t steps;
  int threads;
  double seconds_before; // that it took before it went on
} RecordFacts;

// The database of runs: --runs, $BLUR_RUNS, else $XDG_DATA_HOME/blur/runs.db; the caller's to free(). NULL: `none`, or
// there is no place for one.
char *record_path(const Arguments *arguments);

// `token` is what the run is found again by: empty for a new one, whose token is put there. A run with a token goes on
// from `step`: what it recorded beyond is dropped. NULL: no record is wanted; the functions below do nothing then.
Record *record_begin(const Arguments *arguments, const RecordFacts *facts, char token[RECORD_TOKEN], int64_t step);
// Names a curve, "genome 0/score"; a number for each, from 0 up.
size_t record_curve(Record *record, const char *name);
// A point of a curve; one that is there at this step is replaced.
void record_point(Record *record, size_t curve, int64_t step, double value);
// A genome as its file has it.
void record_genome(Record *record, int64_t step, double score, const char *text);
void record_progress(Record *record, int64_t step, double score);
// Writes what waits, where the last time is a second ago, or `now`.
void record_flush(Record *record, bool now);
// `ending`: "done", "stopped", "interrupted", "diverged", "failed".
void record_end(Record *record, const char *ending, const char *message);

#endif
