// A generated rule in one engine: made, fed with numbers of a seed, run, and what it then holds written down.
#ifndef BLUR_TESTS_ENGINE_H
#define BLUR_TESTS_ENGINE_H

#include "blur/runtime.h"
#include "tests/differential/generate.h"

#include <stdbool.h>

typedef struct {
  BlurProgram *program;
  BlurPool *pool;
  BlurNetwork *network;
} Engine;

// Of the options, `layers`, `units`, `batch`, `all_live` and `no_cache` are filled in here. False: see the report.
bool engine_open(Engine *engine, const BlurRule *rule, const GeneratedCase *generated, BlurOptions options,
                 BlurReport *report);
void engine_close(Engine *engine);

typedef struct {
  BlurKind kind;
  char name[16];
  int layer;
  bool undecided; // not compared
  size_t count;
  double *values;
} Recorded;

typedef struct {
  size_t count;
  Recorded *variables;
} Record;

// Two steps and a prediction from the start. Whatever goes in is moved by a random part of it, at most `perturbation`.
Record engine_run(Engine *engine, uint64_t seed, double perturbation, int threads);
void record_free(Record *record);

typedef struct {
  double difference; // the largest, relative to the variable's largest entry
  BlurKind kind;
  const char *variable; // whose it is
  int layer;
  size_t element;
  double values[2];
} Difference;
Difference record_compare(const Record *reference, const Record *other);
// Marks variables of `reference` that are as far from the other's, or further, as undecided.
void record_decide(Record *reference, const Record *other, double far);
// Whether all numbers are finite, and those of the prediction are not all the same or all 1 or -1.
bool record_tells_something(const Record *record);

#endif
