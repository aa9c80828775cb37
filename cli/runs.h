// What the files runs*.c share: the database of runs, opened to be read.
#ifndef BLUR_CLI_RUNS_H
#define BLUR_CLI_RUNS_H

#include "base/status.h"
#include "base/text.h"
#include "cli/command.h"

typedef struct {
  int64_t id, steps, step, resumed, threads;
  char *command, *experiment, *file, *rules, *text, *settings, *genome, *seed, *version, *host, *processor;
  char *score_name, *ending, *message; // genome, message: NULL where there is none
  double started, seconds, score;      // started: seconds since 1970; score: NAN where there is none
} Run;

// Ascending by step; the value is NAN where it was not finite.
typedef struct {
  int64_t step;
  double value, at; // at: seconds since 1970
} RunPoint;

typedef struct {
  char *name;
  size_t count;
  RunPoint *points;
} RunCurve;

typedef struct Runs Runs;

// runs_read.c. NULL: no database there (false in *exists), or it cannot be read.
Runs *runs_open(const char *path, bool *exists, BlurStatus *status);
void runs_close(Runs *runs);
// All runs, or that one of them; ascending. NULL: see status.
Run *runs_list(Runs *runs, int64_t id, size_t *count, BlurStatus *status);
void runs_free(Run *list, size_t count);
RunCurve *runs_curves(Runs *runs, int64_t id, size_t *count, BlurStatus *status);
void runs_free_curves(RunCurve *curves, size_t count);
// The last genome of a run, as its file has it; the caller's to free(). NULL: none.
char *runs_genome(Runs *runs, int64_t id);

// runs_export.c: `list` of the runs that are meant; an exit code.
int runs_export(const Arguments *arguments, Runs *runs, const Run *list, size_t count);
// One run as JSON, with its curves; `genome` and `text` are left out where they are NULL.
void runs_add_json(Text *out, const Run *run, const RunCurve *curves, size_t count, const char *genome);

// event_file.c: a file of scalars for TensorBoard
char *event_file(const Run *run, const RunCurve *curves, size_t count, size_t *length);
char *event_file_name(const Run *run);

#endif
