// See record.h. Before: a run's events; after: cli/runs.c.
#include "cli/record.h"
#include "cli/runs_schema.h"
#include "cli/session.h"
#include "cli/tables.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_AT_START = 200, WAIT_AT_END = 2000 }; // milliseconds for a lock of another process
enum { MOST_WAITING = 1 << 20 };                  // points
static const double rest_seconds = 1;             // between two writings
static const size_t longest_text = (size_t)1 << 24;

typedef struct {
  char *name;
  int64_t id; // in the database; 0: not yet
} Curve;

typedef struct {
  size_t curve;
  int64_t step;
  double value, at;
} Point;

typedef struct {
  int64_t step;
  double score;
  char *text;
} KeptGenome;

struct Record {
  const Arguments *arguments;
  char *path, *text, *settings; // of the database; of the experiment's file; of --set
  RecordFacts facts;            // with copies of the words
  char token[RECORD_TOKEN];
  int64_t from; // the step that the run goes on from, -1: it is new
  sqlite3 *database;
  sqlite3_stmt *add_curve, *find_curve, *add_point, *add_genome, *progress;
  int64_t run; // its id; 0: not there yet
  bool given_up;
  Curve *curves;
  size_t curve_count;
  Point *points;
  size_t point_count, point_room;
  KeptGenome *genomes;
  size_t genome_count;
  int64_t step;
  double score, started, flushed; // started, flushed: clock
};

// ---- where

static bool is_none(const char *word) { return !*word || strcmp(word, "none") == 0; }

char *record_path(const Arguments *arguments) {
  const char *given = arguments->value[OPTION_runs], *variable = getenv("BLUR_RUNS");
  if (!given) given = variable;
  if (given) return is_none(given) ? NULL : must(strdup(given));
  const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
  Text path = {0};
  if (data && *data) text_add(&path, "%s/blur/runs.db", data);
  else if (home && *home) text_add(&path, "%s/.local/share/blur/runs.db", home);
  return path.bytes;
}

static void make_folders(const char *path) {
  char *folder = must(strdup(path));
  for (char *slash = folder; (slash = strchr(slash + 1, '/'));) {
    *slash = 0;
    mkdir(folder, 0777); // what cannot be made is told when the database is opened
    *slash = '/';
  }
  free(folder);
}

// ---- the database

static double wall_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void disconnect(Record *record) {
  sqlite3_stmt **statements[] = {&record->add_curve, &record->find_curve, &record->add_point, &record->add_genome,
                                 &record->progress};
  for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
    sqlite3_finalize(*statements[i]);
    *statements[i] = NULL;
  }
  sqlite3_close(record->database);
  record->database = NULL;
}

static void tell(const Record *record, const char *what, const char *why) {
  complain(record->arguments,
           "warning: %s %s: %s; --runs FILE chooses another place, --runs none goes without a record", what,
           record->path, why);
}

// A result that is none: a lock is waited for, all else ends the record.
static bool fail(Record *record, int result) {
  if (record->database && !sqlite3_get_autocommit(record->database))
    sqlite3_exec(record->database, "ROLLBACK", NULL, NULL, NULL);
  if ((result & 0xFF) == SQLITE_BUSY || (result & 0xFF) == SQLITE_LOCKED) return false;
  tell(record, record->run ? "the record of this run is cut short in" : "this run leaves no record in",
       record->database ? sqlite3_errmsg(record->database) : sqlite3_errstr(result));
  record->given_up = true;
  return false;
}

static int execute(Record *record, const char *text) { return sqlite3_exec(record->database, text, NULL, NULL, NULL); }

static int run_once(sqlite3_stmt *statement) {
  int result = sqlite3_step(statement);
  sqlite3_reset(statement);
  return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

static int one_number(Record *record, const char *text, const char *word, int64_t *number) {
  sqlite3_stmt *statement;
  int result = sqlite3_prepare_v2(record->database, text, -1, &statement, NULL);
  if (result != SQLITE_OK) return result;
  if (word) sqlite3_bind_text(statement, 1, word, -1, SQLITE_STATIC);
  result = sqlite3_step(statement);
  if (result == SQLITE_ROW) *number = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

static int prepare(Record *record) {
  struct {
    sqlite3_stmt **statement;
    const char *text;
  } all[] = {
      {&record->add_curve, "INSERT OR IGNORE INTO curves(run, name) VALUES(?1, ?2)"},
      {&record->find_curve, "SELECT id FROM curves WHERE run = ?1 AND name = ?2"},
      {&record->add_point, "INSERT OR REPLACE INTO points(curve, step, value, at) VALUES(?1, ?2, ?3, ?4)"},
      {&record->add_genome, "INSERT OR REPLACE INTO genomes(run, step, score, text) VALUES(?1, ?2, ?3, ?4)"},
      {&record->progress, "UPDATE runs SET told = ?2, seconds = ?3, step = ?4, score = ?5 WHERE id = ?1"},
  };
  int result = SQLITE_OK;
  for (size_t i = 0; result == SQLITE_OK && i < sizeof all / sizeof *all; i++)
    result = sqlite3_prepare_v2(record->database, all[i].text, -1, all[i].statement, NULL);
  return result;
}

static int connect(Record *record) {
  int64_t format = 0;
  make_folders(record->path);
  int result = sqlite3_open_v2(record->path, &record->database,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL);
  if (result != SQLITE_OK) return result;
  sqlite3_busy_timeout(record->database, WAIT_AT_START);
  result = one_number(record, "PRAGMA user_version", NULL, &format);
  if (result == SQLITE_OK && format > RUNS_FORMAT) {
    tell(record, "this run leaves no record in", "a newer version of blur made it");
    record->given_up = true;
    return SQLITE_OK;
  }
  // Readers do not wait for writers, nor writers for the disk; a power failure may cost the last records, not the file.
  if (result == SQLITE_OK) result = execute(record, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  if (result == SQLITE_OK && format == 0) {
    result = execute(record, "BEGIN IMMEDIATE; " RUNS_TABLES " PRAGMA user_version = 1; COMMIT");
  }
  return result == SQLITE_OK ? prepare(record) : result;
}

// ---- the run's own line

static int add_run(Record *record) {
  static const char text[] =
      "INSERT INTO runs(token, command, experiment, file, rules, text, settings, genome, seed, steps, version, host, "
      "processor, threads, process, started, told, seconds, resumed, step, score_name, ending) VALUES(?1, ?2, ?3, ?4, "
      "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?16, 0, 0, 0, ?17, 'running')";
  const RecordFacts *facts = &record->facts;
  char seed[24], host[256] = "";
  sqlite3_stmt *add;
  int result = sqlite3_prepare_v2(record->database, text, -1, &add, NULL);
  if (result != SQLITE_OK) return result;
  snprintf(seed, sizeof seed, "%" PRIu64, facts->seed);
  gethostname(host, sizeof host - 1);
  const char *words[] = {record->token,
                         command_table[record->arguments->command].name,
                         facts->experiment,
                         facts->file,
                         facts->rules,
                         record->text,
                         record->settings,
                         facts->genome,
                         seed};
  for (int i = 0; i < 9; i++)
    if (words[i]) sqlite3_bind_text(add, i + 1, words[i], -1, SQLITE_STATIC);
  sqlite3_bind_int64(add, 10, facts->steps);
  sqlite3_bind_text(add, 11, blur_version(), -1, SQLITE_STATIC);
  sqlite3_bind_text(add, 12, host, -1, SQLITE_STATIC);
  sqlite3_bind_text(add, 13, blur_cpu_name(blur_cpu_best()), -1, SQLITE_STATIC);
  sqlite3_bind_int(add, 14, facts->threads);
  sqlite3_bind_int64(add, 15, getpid());
  sqlite3_bind_double(add, 16, wall_clock() - (session_clock() - record->started));
  sqlite3_bind_text(add, 17, facts->score_name, -1, SQLITE_STATIC);
  result = run_once(add);
  sqlite3_finalize(add);
  if (result == SQLITE_OK) record->run = sqlite3_last_insert_rowid(record->database);
  return result;
}

// A run that goes on: what lies beyond its checkpoint is learned again.
static int continue_run(Record *record) {
  Text text = {0};
  text_add(&text,
           "DELETE FROM points WHERE step > %" PRId64 " AND curve IN (SELECT id FROM curves WHERE run = %" PRId64 ");"
           "DELETE FROM genomes WHERE step > %" PRId64 " AND run = %" PRId64 ";"
           "UPDATE runs SET ending = 'running', message = NULL, resumed = resumed + 1, process = %d, steps = %" PRId64
           ", threads = %d WHERE id = %" PRId64,
           record->from, record->run, record->from, record->run, (int)getpid(), record->facts.steps,
           record->facts.threads, record->run);
  int result = execute(record, text_get(&text));
  text_free(&text);
  return result;
}

// The run's line in the database; false: not now, or never.
static bool begin(Record *record) {
  if (record->given_up) return false;
  if (record->run) return true;
  int result = record->database ? SQLITE_OK : connect(record);
  if (record->given_up) return false;
  if (result == SQLITE_OK) result = execute(record, "BEGIN IMMEDIATE");
  if (result == SQLITE_OK && record->from >= 0)
    result = one_number(record, "SELECT id FROM runs WHERE token = ?1", record->token, &record->run);
  if (result == SQLITE_OK) result = record->run ? continue_run(record) : add_run(record);
  if (result == SQLITE_OK) result = execute(record, "COMMIT");
  if (result == SQLITE_OK) return true;
  record->run = 0;
  fail(record, result);
  disconnect(record);
  return false;
}

static char *settings_of(const Arguments *arguments) {
  Text text = {0};
  for (size_t i = 0; i < arguments->setting_count; i++)
    text_add(&text, "%s=%s\n", arguments->settings[i].name, arguments->settings[i].value);
  return text.bytes ? text.bytes : must(strdup(""));
}

static void draw_token(char token[RECORD_TOKEN]) {
  unsigned char bytes[(RECORD_TOKEN - 1) / 2];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) {
    uint64_t apart[2] = {(uint64_t)(wall_clock() * 1e9), (uint64_t)getpid()};
    memcpy(bytes, apart, sizeof bytes);
  }
  for (size_t i = 0; i < sizeof bytes; i++) snprintf(token + 2 * i, 3, "%02x", bytes[i]);
}

Record *record_begin(const Arguments *arguments, const RecordFacts *facts, char token[RECORD_TOKEN], int64_t step) {
  char *path = record_path(arguments);
  bool is_new = !*token;
  if (is_new) draw_token(token);
  if (!path) return NULL;
  Record *record = must(calloc(1, sizeof *record));
  size_t length;
  *record = (Record){.arguments = arguments,
                     .path = path,
                     .text = file_read(facts->file, longest_text, &length, NULL),
                     .settings = settings_of(arguments),
                     .facts = *facts,
                     .from = is_new ? -1 : step,
                     .score = NAN,
                     .started = session_clock()};
  if (!record->text) record->text = must(strdup("")); // a pipe
  record->facts.rules = must(strdup(facts->rules));
  memcpy(record->token, token, RECORD_TOKEN);
  record->flushed = record->started;
  begin(record);
  return record;
}

// ---- what is told on the way

size_t record_curve(Record *record, const char *name) {
  if (!record) return 0;
  if ((record->curve_count & (record->curve_count - 1)) == 0)
    record->curves =
        must(realloc(record->curves, (record->curve_count ? 2 * record->curve_count : 1) * sizeof *record->curves));
  record->curves[record->curve_count] = (Curve){must(strdup(name)), 0};
  return record->curve_count++;
}

void record_point(Record *record, size_t curve, int64_t step, double value) {
  if (!record || record->given_up || record->point_count >= MOST_WAITING) return;
  if (record->point_count == record->point_room) {
    record->point_room = record->point_room ? 2 * record->point_room : 256;
    record->points = must(realloc(record->points, record->point_room * sizeof *record->points));
  }
  record->points[record->point_count++] = (Point){curve, step, value, wall_clock()};
  if (step > record->step) record->step = step;
}

void record_genome(Record *record, int64_t step, double score, const char *text) {
  if (!record || record->given_up) return;
  record->genomes = must(realloc(record->genomes, (record->genome_count + 1) * sizeof *record->genomes));
  record->genomes[record->genome_count++] = (KeptGenome){step, score, must(strdup(text))};
}

void record_progress(Record *record, int64_t step, double score) {
  if (!record) return;
  record->step = step;
  record->score = score;
}

// ---- writing

static int find_curve(Record *record, Curve *curve) {
  if (curve->id) return SQLITE_OK;
  sqlite3_bind_int64(record->add_curve, 1, record->run);
  sqlite3_bind_text(record->add_curve, 2, curve->name, -1, SQLITE_STATIC);
  int result = run_once(record->add_curve);
  if (result != SQLITE_OK) return result;
  sqlite3_bind_int64(record->find_curve, 1, record->run);
  sqlite3_bind_text(record->find_curve, 2, curve->name, -1, SQLITE_STATIC);
  result = sqlite3_step(record->find_curve);
  if (result == SQLITE_ROW) curve->id = sqlite3_column_int64(record->find_curve, 0);
  sqlite3_reset(record->find_curve);
  return result == SQLITE_ROW ? SQLITE_OK : result;
}

static int write_point(Record *record, const Point *point) {
  int result = find_curve(record, &record->curves[point->curve]);
  if (result != SQLITE_OK) return result;
  sqlite3_bind_int64(record->add_point, 1, record->curves[point->curve].id);
  sqlite3_bind_int64(record->add_point, 2, point->step);
  sqlite3_bind_double(record->add_point, 3, point->value); // NaN becomes NULL
  sqlite3_bind_double(record->add_point, 4, point->at);
  return run_once(record->add_point);
}

// A large genome takes the place of those before it.
static int write_genome(Record *record, const KeptGenome *genome) {
  enum { LARGE = 1 << 16 };
  if (strlen(genome->text) >= LARGE) {
    Text text = {0};
    text_add(&text, "DELETE FROM genomes WHERE run = %" PRId64, record->run);
    int result = execute(record, text_get(&text));
    text_free(&text);
    if (result != SQLITE_OK) return result;
  }
  sqlite3_bind_int64(record->add_genome, 1, record->run);
  sqlite3_bind_int64(record->add_genome, 2, genome->step);
  sqlite3_bind_double(record->add_genome, 3, genome->score);
  sqlite3_bind_text(record->add_genome, 4, genome->text, -1, SQLITE_STATIC);
  return run_once(record->add_genome);
}

static int write_progress(Record *record) {
  sqlite3_bind_int64(record->progress, 1, record->run);
  sqlite3_bind_double(record->progress, 2, wall_clock());
  sqlite3_bind_double(record->progress, 3, record->facts.seconds_before + session_clock() - record->started);
  sqlite3_bind_int64(record->progress, 4, record->step);
  sqlite3_bind_double(record->progress, 5, record->score);
  return run_once(record->progress);
}

// All that waits, in one transaction; false: it still waits, or the record is given up.
static bool write_all(Record *record) {
  if (!begin(record)) return false;
  int result = execute(record, "BEGIN IMMEDIATE");
  for (size_t i = 0; result == SQLITE_OK && i < record->point_count; i++)
    result = write_point(record, &record->points[i]);
  for (size_t i = 0; result == SQLITE_OK && i < record->genome_count; i++)
    result = write_genome(record, &record->genomes[i]);
  if (result == SQLITE_OK) result = write_progress(record);
  if (result == SQLITE_OK) result = execute(record, "COMMIT");
  if (result != SQLITE_OK) {
    for (size_t i = 0; i < record->curve_count; i++) record->curves[i].id = 0; // perhaps rolled back
    return fail(record, result);
  }
  record->point_count = 0;
  while (record->genome_count) free(record->genomes[--record->genome_count].text);
  return true;
}

void record_flush(Record *record, bool now) {
  if (!record || record->given_up) return;
  double clock = session_clock();
  if (!now && clock - record->flushed < rest_seconds) return;
  record->flushed = clock;
  if (record->database) sqlite3_busy_timeout(record->database, 0); // a run waits for nobody
  write_all(record);
}

static void write_ending(Record *record, const char *ending, const char *message) {
  sqlite3_stmt *statement;
  int result = sqlite3_prepare_v2(record->database, "UPDATE runs SET ending = ?2, message = ?3 WHERE id = ?1", -1,
                                  &statement, NULL);
  if (result == SQLITE_OK) {
    sqlite3_bind_int64(statement, 1, record->run);
    sqlite3_bind_text(statement, 2, ending, -1, SQLITE_STATIC);
    if (message) sqlite3_bind_text(statement, 3, message, -1, SQLITE_STATIC);
    result = run_once(statement);
    sqlite3_finalize(statement);
  }
  if (result != SQLITE_OK) fail(record, result);
}

void record_end(Record *record, const char *ending, const char *message) {
  if (!record) return;
  if (!record->given_up) {
    if (record->database) sqlite3_busy_timeout(record->database, WAIT_AT_END);
    if (write_all(record)) write_ending(record, ending, message);
    else if (!record->given_up) tell(record, "the record of this run is not whole in", "the database is locked");
  }
  disconnect(record);
  for (size_t i = 0; i < record->curve_count; i++) free(record->curves[i].name);
  for (size_t i = 0; i < record->genome_count; i++) free(record->genomes[i].text);
  free(record->curves);
  free(record->points);
  free(record->genomes);
  free(record->path);
  free(record->text);
  free(record->settings);
  free((void *)(uintptr_t)record->facts.rules);
  free(record);
}
