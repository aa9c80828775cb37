// Samples on their way from a file into a store: what the readers of arrays and of CSV have in common. Private to
// runtime/data.
#ifndef BLUR_DATA_SAMPLES_H
#define BLUR_DATA_SAMPLES_H

#include "runtime/data/data.h"

typedef enum {
  TARGETS_NONE,
  TARGETS_INTEGER, // labels
  TARGETS_WORDS,   // labels: y has positions in `words`
  TARGETS_REAL,
} TargetKind;

typedef struct {
  const char *path;
  int64_t samples, inputs, rows, columns; // rows and columns of images, or 0
  float *x;                               // [samples, inputs]
  TargetKind kind;
  int64_t outputs;
  double *y;    // [samples, outputs]; outputs is 1 for labels
  char **words; // [word_count], each once
  int word_count;
} Samples;

void samples_free(Samples *samples);
// The first number of x or y that is not finite, as a message.
bool samples_check(const Samples *samples, BlurStatus *status);

// How a table is told apart into inputs and target.
typedef struct {
  const char *target; // name or number from 1; "": the last column
  int64_t inputs;     // with so many columns there is no target; -1: there is one; 0: only if `target` names one
} TableShape;

// ---- arrays.c: .npz with x and y (and test_x, test_y: then `test` gets samples), .npy with a table
bool arrays_read(const char *path, const unsigned char *bytes, size_t length, TableShape shape, Samples *train,
                 Samples *test, BlurStatus *status);
// ---- csv.c: the text is changed
bool csv_read(const char *path, char *text, size_t length, TableShape shape, Samples *samples, BlurStatus *status);

// ---- samples.c: into a store

// What the labels mean: the classes of these samples, sorted (train, and test where it has samples), or those given.
bool samples_store(DataStore *store, Samples *train, Samples *test, const DataSpecification *specification,
                   BlurStatus *status);

#endif
