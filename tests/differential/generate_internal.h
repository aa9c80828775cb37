// What generate.c (declarations, blocks, steps) and generate_expression.c (values) share.
#ifndef BLUR_TESTS_GENERATE_INTERNAL_H
#define BLUR_TESTS_GENERATE_INTERNAL_H

#include "tests/differential/generate.h"

#include <stdbool.h>

enum { MOST_VARIABLES = 24, MOST_INDICES = 6, MOST_COUNTERS = 2 };

// Sets of axes, as they are where a block runs.
enum { BATCH = 1, PRE = 2, POST = 4, UNIT = 8, OUTPUT = 16, PRE2 = 32, POST2 = 64 };

typedef enum { NO_STATES, FEW, MANY, STATE_KINDS } States; // k states, n states (more than the compiler writes out)

typedef enum { NEURON, SYNAPSE, SIGNAL, GENOME } Kind;

typedef struct {
  char name[8];
  Kind kind;
  States states;
  int axes;         // of a synapse, a signal; a neuron variable's or a genome's beside its neurons: BATCH or 0
  char scope;       // genome: 0, 'l' layer, 'n' neuron, 's' synapse
  bool lives;       // persistent
  const char *like; // the synapse whose axes and states it has; NULL: its own
} Variable;

typedef struct {
  uint64_t random;
  Text *out;
  int states[STATE_KINDS]; // k, n
  Variable variable[MOST_VARIABLES];
  int variables;
  bool bias; // all synapses with `pre` have the row
  bool smooth;
  int size;                                       // 1 to 3
  int statements;                                 // that may still be written in blocks of the rule's own
  bool noise, own_axes, scopes, signals, vectors; // what this rule may use
  int names;                                      // fresh ones so far
  bool spares_y;                                  // the prediction runs it: no target
} Generator;

// Where an expression stands.
typedef struct {
  int axes; // that it may have
  bool on_synapses;
  int indices; // of states, in scope
  struct {
    char name[8];
    States states;
  } index[MOST_INDICES];
  int counters; // of repeats around
  char counter[MOST_COUNTERS][8];
  bool sees_x, sees_y;
} Context;

int generate_below(Generator *g, int count);
bool generate_chance(Generator *g, int percent);
void generate_text(Generator *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
void generate_fresh(Generator *g, char letter, char name[8]);
void generate_states(Generator *g, const Context *context, States states); // "[c]" or nothing
void generate_expression(Generator *g, Context context, int depth);
// A variable's value, or something else, that has one of these axes.
void generate_leaf(Generator *g, Context context, int axis);
// "sum(pre, c: w[c] * gm[..] * pre.a[c])": what arrives over synapses from the side `axis`; `first`: of the variable
// that the input is written to, so that what is predicted depends on it.
void generate_incoming(Generator *g, Context context, int axis, bool first);

#endif
