// The tables of a database of runs: record.c writes them, runs*.c read them. docs/language/runs.md describes them.
#ifndef BLUR_CLI_RUNS_SCHEMA_H
#define BLUR_CLI_RUNS_SCHEMA_H

enum { RUNS_FORMAT = 1 }; // PRAGMA user_version

#define RUNS_TABLES                                                                                                    \
  "CREATE TABLE IF NOT EXISTS runs(id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, "                 \
  "command TEXT NOT NULL, experiment TEXT NOT NULL, file TEXT NOT NULL, rules TEXT NOT NULL, text TEXT NOT NULL, "     \
  "settings TEXT NOT NULL, genome TEXT, seed TEXT NOT NULL, steps INTEGER NOT NULL, version TEXT NOT NULL, "           \
  "host TEXT NOT NULL, processor TEXT NOT NULL, threads INTEGER NOT NULL, process INTEGER NOT NULL, "                  \
  "started REAL NOT NULL, told REAL NOT NULL, seconds REAL NOT NULL, resumed INTEGER NOT NULL, step INTEGER NOT "      \
  "NULL, "                                                                                                             \
  "score REAL, score_name TEXT NOT NULL, ending TEXT NOT NULL, message TEXT);"                                         \
  "CREATE TABLE IF NOT EXISTS curves(id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs(id), "               \
  "name TEXT NOT NULL, UNIQUE(run, name));"                                                                            \
  "CREATE TABLE IF NOT EXISTS points(curve INTEGER NOT NULL REFERENCES curves(id), step INTEGER NOT NULL, "            \
  "value REAL, at REAL NOT NULL, PRIMARY KEY(curve, step)) WITHOUT ROWID;"                                             \
  "CREATE TABLE IF NOT EXISTS genomes(run INTEGER NOT NULL REFERENCES runs(id), step INTEGER NOT NULL, score REAL, "   \
  "text TEXT NOT NULL, PRIMARY KEY(run, step)) WITHOUT ROWID;"

#endif
