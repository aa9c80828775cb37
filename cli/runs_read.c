// Runs out of their database. See runs.h.
#include "cli/runs.h"
#include "cli/runs_schema.h"

#include "base/status.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct Runs {
  sqlite3 *database;
  char *path;
};

enum { WAIT = 5000 }; // milliseconds for a lock

static bool fail(const Runs *runs, BlurStatus *status) {
  return status_fail(status, BLUR_FAILED_ENVIRONMENT, "cannot read the runs in %s: %s", runs->path,
                     sqlite3_errmsg(runs->database));
}

static sqlite3_stmt *prepare(Runs *runs, const char *text, int64_t id, BlurStatus *status) {
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(runs->database, text, -1, &statement, NULL) != SQLITE_OK) {
    fail(runs, status);
    return NULL;
  }
  sqlite3_bind_int64(statement, 1, id);
  return statement;
}

// Closes a statement; false where its last step was none.
static bool finish(Runs *runs, sqlite3_stmt *statement, int result, BlurStatus *status) {
  bool right = result == SQLITE_DONE || fail(runs, status);
  sqlite3_finalize(statement);
  return right;
}

Runs *runs_open(const char *path, bool *exists, BlurStatus *status) {
  *exists = access(path, F_OK) == 0;
  if (!*exists) return NULL;
  Runs *runs = must(calloc(1, sizeof *runs));
  runs->path = must(strdup(path));
  int result = sqlite3_open_v2(path, &runs->database, SQLITE_OPEN_READWRITE, NULL);
  if (result != SQLITE_OK) { // not ours to write
    sqlite3_close(runs->database);
    result = sqlite3_open_v2(path, &runs->database, SQLITE_OPEN_READONLY, NULL);
  }
  sqlite3_busy_timeout(runs->database, WAIT);
  sqlite3_stmt *format = result == SQLITE_OK ? prepare(runs, "PRAGMA user_version", 0, status) : NULL;
  if (format) result = sqlite3_step(format);
  int version = format && result == SQLITE_ROW ? sqlite3_column_int(format, 0) : 0;
  if (format && result != SQLITE_ROW) fail(runs, status);
  sqlite3_finalize(format);
  bool right = result == SQLITE_ROW;
  if (right && version > RUNS_FORMAT)
    right =
        status_fail(status, BLUR_FAILED_INPUT, "%s was made by a newer version of blur (format %d, this one reads %d)",
                    path, version, RUNS_FORMAT);
  else if (right && version == 0) right = status_fail(status, BLUR_FAILED_INPUT, "%s is no database of runs", path);
  else if (!right && !format) fail(runs, status);
  if (right) return runs;
  runs_close(runs);
  return NULL;
}

void runs_close(Runs *runs) {
  if (!runs) return;
  sqlite3_close(runs->database);
  free(runs->path);
  free(runs);
}

static char *word(sqlite3_stmt *statement, int column) {
  const char *text = (const char *)sqlite3_column_text(statement, column);
  return text ? must(strdup(text)) : NULL;
}

static double number(sqlite3_stmt *statement, int column) {
  return sqlite3_column_type(statement, column) == SQLITE_NULL ? NAN : sqlite3_column_double(statement, column);
}

// One that says it runs, on this machine, without a process of its own, was killed.
static void look_for_process(Run *run, int64_t process, const char *host) {
  char own[256] = "";
  gethostname(own, sizeof own - 1);
  if (strcmp(run->ending, "running") != 0 || strcmp(host, own) != 0) return;
  if (kill((pid_t)process, 0) == 0 || errno != ESRCH) return;
  free(run->ending);
  run->ending = must(strdup("killed"));
}

static Run run_of(sqlite3_stmt *s) {
  Run run = {.id = sqlite3_column_int64(s, 0),
             .command = word(s, 1),
             .experiment = word(s, 2),
             .file = word(s, 3),
             .rules = word(s, 4),
             .text = word(s, 5),
             .settings = word(s, 6),
             .genome = word(s, 7),
             .seed = word(s, 8),
             .steps = sqlite3_column_int64(s, 9),
             .version = word(s, 10),
             .host = word(s, 11),
             .processor = word(s, 12),
             .threads = sqlite3_column_int64(s, 13),
             .started = number(s, 14),
             .seconds = number(s, 15),
             .resumed = sqlite3_column_int64(s, 16),
             .step = sqlite3_column_int64(s, 17),
             .score = number(s, 18),
             .score_name = word(s, 19),
             .ending = word(s, 20),
             .message = word(s, 21)};
  look_for_process(&run, sqlite3_column_int64(s, 22), run.host);
  return run;
}

Run *runs_list(Runs *runs, int64_t id, size_t *count, BlurStatus *status) {
  sqlite3_stmt *statement = prepare(
      runs,
      "SELECT id, command, experiment, file, rules, text, settings, genome, seed, steps, version, host, processor, "
      "threads, started, seconds, resumed, step, score, score_name, ending, message, process FROM runs "
      "WHERE ?1 = 0 OR id = ?1 ORDER BY id",
      id, status);
  if (!statement) return NULL;
  Run *list = must(malloc(sizeof *list));
  int result;
  *count = 0;
  while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
    list = must(realloc(list, (*count + 1) * sizeof *list));
    list[(*count)++] = run_of(statement);
  }
  if (finish(runs, statement, result, status)) return list;
  runs_free(list, *count);
  return NULL;
}

void runs_free(Run *list, size_t count) {
  for (size_t i = 0; list && i < count; i++) {
    char *words[] = {list[i].command,   list[i].experiment, list[i].file,   list[i].rules,   list[i].text,
                     list[i].settings,  list[i].genome,     list[i].seed,   list[i].version, list[i].host,
                     list[i].processor, list[i].score_name, list[i].ending, list[i].message};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) free(words[w]);
  }
  free(list);
}

RunCurve *runs_curves(Runs *runs, int64_t id, size_t *count, BlurStatus *status) {
  sqlite3_stmt *statement = prepare(runs,
                                    "SELECT curves.id, name, step, value, at FROM curves JOIN points ON curve = "
                                    "curves.id WHERE run = ?1 ORDER BY curves.id, step",
                                    id, status);
  if (!statement) return NULL;
  RunCurve *curves = must(malloc(sizeof *curves));
  int64_t last = 0;
  size_t room = 0;
  int result;
  *count = 0;
  while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
    if (sqlite3_column_int64(statement, 0) != last) {
      last = sqlite3_column_int64(statement, 0);
      curves = must(realloc(curves, (*count + 1) * sizeof *curves));
      curves[(*count)++] = (RunCurve){.name = word(statement, 1)};
      room = 0;
    }
    RunCurve *curve = &curves[*count - 1];
    if (curve->count == room) {
      room = room ? 2 * room : 16;
      curve->points = must(realloc(curve->points, room * sizeof *curve->points));
    }
    curve->points[curve->count++] =
        (RunPoint){sqlite3_column_int64(statement, 2), number(statement, 3), sqlite3_column_double(statement, 4)};
  }
  if (finish(runs, statement, result, status)) return curves;
  runs_free_curves(curves, *count);
  return NULL;
}

void runs_free_curves(RunCurve *curves, size_t count) {
  for (size_t i = 0; curves && i < count; i++) {
    free(curves[i].name);
    free(curves[i].points);
  }
  free(curves);
}

char *runs_genome(Runs *runs, int64_t id) {
  BlurStatus status;
  sqlite3_stmt *statement =
      prepare(runs, "SELECT text FROM genomes WHERE run = ?1 ORDER BY step DESC LIMIT 1", id, &status);
  char *text = statement && sqlite3_step(statement) == SQLITE_ROW ? word(statement, 0) : NULL;
  sqlite3_finalize(statement);
  return text;
}
