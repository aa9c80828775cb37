// What `blur step` and `blur grad` have in common: steps on given arrays, and everything as arrays afterwards.
#ifndef BLUR_CLI_STEP_H
#define BLUR_CLI_STEP_H

#include "base/npz.h"
#include "cli/session.h"

enum { STEP_MAX_NAME = 256 };

typedef struct {
  Session session;
  NpzFile input;
  bool *used; // of input.arrays
  int64_t steps, batch, inputs, outputs;
  double *x, *y;   // [steps][B][I], [steps][B][O]
  bool same_batch; // x and y hold one batch for all steps
  const NpzArray *query_x, *query_y;
} Step;

// Arrays on their way to --out.
typedef struct {
  NpzEntry *entries;
  char (*names)[STEP_MAX_NAME];
  double **values;
  size_t count;
} Output;

// ---- step_input.c

// From the command line to a network with the given values: reads --in, checks and draws what it leaves open, compiles
// the rule (with `adjoint`: for derivatives) and sets the variables. Returns an exit code; step_close is due either
// way.
int step_open(Step *step, const Arguments *arguments, bool adjoint);
void step_close(Step *step);
// "synapse.w.0", "genome.lr" after `prefix`; false for x, y, and their like.
bool step_array_name(const BlurVariable *variable, const char *prefix, char name[STEP_MAX_NAME]);
// The batch of a step, or that of the query (`number` = steps). Without a query in --in that is the last batch; *y is
// NULL where the query has none.
void step_batch(const Step *step, int64_t number, const double **x, const double **y);
void step_set_batch(const Step *step, BlurNetwork *network, int64_t number);
int64_t step_query_batch(const Step *step); // its samples

// ---- step_output.c: each returns false after a message

bool output_open(const Step *step, Output *output, size_t most);
void output_close(Output *output);
// Takes `values` (allocated; NULL is "out of memory").
bool output_add(const Step *step, Output *output, const char *name, int dimensions, const int64_t *extent,
                double *values);
// All variables of the network as they are, or (`adjoints`) their derivatives, names after `prefix`.
bool output_add_variables(const Step *step, Output *output, bool adjoints, const char *prefix);
// The prediction that the network holds (its shape goes into `extent`, which must last), and the loss if `loss` is not
// NULL.
bool output_add_prediction(const Step *step, Output *output, const BlurNetwork *network, int64_t extent[2],
                           const double *loss);
// Writes --out, if it was given. An exit code.
int output_write(const Step *step, const Output *output);
// A network of the same rule for the query's batches, with the same values; both are the caller's. An exit code.
int step_query_network(Step *step, BlurProgram **program, BlurNetwork **network);

#endif
