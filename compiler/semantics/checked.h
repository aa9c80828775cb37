// A checked rule: names resolved, constants evaluated, overrides applied, functions inlined, axes and state extents
// inferred and verified. Independent of a network: axes are symbolic (batch, pre, post, ...). Made by semantics, read
// by passes/lower.c, which instantiates it for each layer of one network.
#ifndef BLUR_SEMANTICS_CHECKED_H
#define BLUR_SEMANTICS_CHECKED_H

#include "compiler/ir/ir.h"
#include "compiler/source/diagnostics.h"
#include "compiler/syntax/ast.h"

// Named axes have fixed numbers; state indices and own axes follow (checked->axes[i]).
typedef enum {
  RULE_AXIS_BATCH,
  RULE_AXIS_PRE,
  RULE_AXIS_POST,
  RULE_AXIS_UNIT,
  RULE_AXIS_OUTPUT,
  RULE_AXIS_PRE2,
  RULE_AXIS_POST2,
  RULE_AXIS_FIRST_STATE
} RuleAxis;
typedef uint64_t RuleAxisSet; // bit i: axis i

typedef struct {
  const char *name;
  int64_t extent; // of a state index; 0 for the named axes
  Span span;
} CheckedAxis;

typedef enum { CHECKED_X, CHECKED_Y, CHECKED_NEURON, CHECKED_SYNAPSE, CHECKED_GENOME, CHECKED_SIGNAL } CheckedKind;

typedef struct CheckedExpression CheckedExpression;

typedef struct {
  const char *name;
  CheckedKind kind;
  Span span;
  int states;                        // number of state dimensions
  int64_t extent[IR_MAX_DIMENSIONS]; // of each
  // Its other axes, in the user's order: neuron {batch, unit}, synapse {pre, post}, genome none, or as declared.
  int axes;
  RuleAxis axis[IR_MAX_DIMENSIONS];
  bool bias, persistent;
  InitialKind initial_kind;
  // VALUE: `value` (may be indexed by the state axes in value_axis, e.g. from a matrix literal or eye(k)).
  // DRAW: draw 'n' normal(mean, deviation), 'u' uniform(low, high), 'o' orthogonal(gain), parameters first, second.
  // All are scalar expressions of constants, genome values, fan_in, fan_out, layer, layers, inputs, outputs,
  // batch_size.
  char draw;
  CheckedExpression *first, *second; // VALUE: first
  double *constants;                 // VALUE by literal: one number an element of the state axes, else NULL
  double low, high;                  // genome range; -inf, inf if absent
  bool logarithmic, frozen;
  GenomeScope scope; // a value for the network, each synapse layer, neuron {unit}, or synapse {pre, post}
  bool used;         // read by some equation
  bool in_initial;   // genome: initial values are made of it
  int initial_rank;  // 0: made of constants; else one above the genome values that its initial value reads
} CheckedVariable;

// Whether it has a value for each synapse layer, or for each neuron layer.
static inline bool checked_on_synapses(const CheckedVariable *variable) {
  return variable->kind == CHECKED_SYNAPSE ||
         (variable->kind == CHECKED_GENOME &&
          (variable->scope == SCOPE_PER_LAYER || variable->scope == SCOPE_PER_SYNAPSE));
}
static inline bool checked_on_neurons(const CheckedVariable *variable) {
  return variable->kind == CHECKED_NEURON || (variable->kind == CHECKED_GENOME && variable->scope == SCOPE_PER_NEURON);
}
// Whether it has rows on the pre side, and so a say about the unit neuron's.
static inline bool checked_is_synaptic(const CheckedVariable *variable) {
  return variable->kind == CHECKED_SYNAPSE ||
         (variable->kind == CHECKED_GENOME && variable->scope == SCOPE_PER_SYNAPSE);
}

typedef enum {
  SCALAR_FIRST,
  SCALAR_LAST,
  SCALAR_LAYER,
  SCALAR_LAYERS,
  SCALAR_STEP,
  SCALAR_FAN_IN,
  SCALAR_FAN_OUT,
  SCALAR_INPUTS,
  SCALAR_OUTPUTS,
  SCALAR_BATCH_SIZE,
  SCALAR_TRAINING,
  SCALAR_BIAS
} CheckedScalar;

// From which side a variable is seen. A synapse or genome value: SIDE_OWN. pre.a: SIDE_PRE; in one-layer blocks:
// SIDE_UNIT.
typedef enum { SIDE_OWN, SIDE_PRE, SIDE_POST, SIDE_UNIT, SIDE_OUTPUT, SIDE_PRE2, SIDE_POST2 } CheckedSide;

typedef enum {
  CHECKED_NUMBER,
  CHECKED_BUILTIN,   // scalar
  CHECKED_POSITION,  // of axis
  CHECKED_COUNTER,   // counter: the index of the repeat around the block
  CHECKED_READ,      // variable, side, index (one entry a state dimension), axis renaming (w[post=post2])
  CHECKED_LET_READ,  // let, index
  CHECKED_OPERATION, // operation, operand[]
  CHECKED_REDUCE,    // reduction, reduced, operand[0]; mean, var, norm2 have become sums already, with COUNT
  CHECKED_COUNT,     // number of elements over `reduced` (for mean), bias row included if with_bias
  CHECKED_NOISE,     // a random number: draw, place; `reduced`: its named axes, then `index`, `dimensions` of them
  CHECKED_ARGUMENT,  // inside a gradient's body: the parameter to differentiate by
  CHECKED_GRADIENT   // d(sum of operand[0]) / d ARGUMENT `argument`, at ARGUMENT = operand[1]
} CheckedExpressionKind;

typedef struct {
  bool is_axis;
  RuleAxis axis; // a state index
  int64_t constant;
} CheckedIndex;

struct CheckedExpression {
  CheckedExpressionKind kind;
  Span span;
  RuleAxisSet axes; // free axes
  bool is_truth;
  double number;
  CheckedScalar scalar;
  RuleAxis axis;
  int counter;  // COUNTER: into rule->counters
  int variable; // READ: into rule->variables
  CheckedSide side;
  CheckedIndex index[IR_MAX_DIMENSIONS]; // READ, LET_READ, NOISE
  RuleAxis renamed[IR_MAX_DIMENSIONS];   // READ: the axis each non-state dimension runs over here (w[post=post2])
  int let;                               // LET_READ: into rule->lets
  IrOperation operation;
  CheckedExpression *operand[IR_MAX_OPERANDS];
  IrReduction reduction;
  RuleAxisSet reduced;
  bool with_bias;                    // REDUCE, COUNT over pre: the unit neuron's row takes part
  int argument;                      // ARGUMENT, GRADIENT: unique number
  char draw;                         // NOISE: 'n' mean 0, deviation 1; 'u' in [0, 1)
  uint32_t place;                    // NOISE: its number in the rule's text, each call of a function counted anew
  int dimensions;                    // NOISE: of index
  int32_t extent[IR_MAX_DIMENSIONS]; // NOISE: of a constant index
};

// `let` makes a tensor over all its axes, fixed where it is written. With a free `pre` it has both the rows of the
// neurons and (where some bias synapse exists) the row of the unit neuron; the use decides.
typedef struct {
  const char *name;
  int indices;
  RuleAxis index[IR_MAX_DIMENSIONS]; // its own state indices, in order
  CheckedExpression *value;
} CheckedLet;

typedef struct CheckedStatement CheckedStatement;
struct CheckedStatement {
  bool is_let;
  int let;      // is_let
  int variable; // assignment
  CheckedSide side;
  CheckedIndex index[IR_MAX_DIMENSIONS]; // a range has become one statement an element (order kept)
  RuleAxis renamed[IR_MAX_DIMENSIONS];
  CheckedExpression *value;
  Span span;
  CheckedStatement *next;
};

typedef struct {
  BlockKind kind;
  const char *name; // "forward", or the name of a pass or at block
  bool is_up, all;  // passes
  AtPlace place;    // at
  Span span;
  CheckedStatement *statements;
} CheckedBlock;

typedef struct CheckedStep CheckedStep;
struct CheckedStep {
  int block;     // into rule->blocks; -1: repeat
  int64_t count; // repeat
  int counter;   // its index, into rule->counters; -1: it has none
  CheckedStep *body, *next;
  Span span;
};

// The index of `repeat i in n`: a number in the blocks that run in its body. Repeats of the same name share it.
typedef struct {
  const char *name;
  Span span;
} CheckedCounter;

// A function whose derivative is declared, not computed, and that an equation uses.
typedef struct {
  const char *name;
  Span slope; // the declared derivative
} CheckedSurrogate;

typedef struct {
  const char *name;
  const SourceFile *source;
  Span span;
  ARENA_LIST(CheckedAxis) axes;
  ARENA_LIST(CheckedVariable) variables; // 0: x {batch, unit}, 1: y {batch, unit}; then as declared
  ARENA_LIST(CheckedLet) lets;
  ARENA_LIST(CheckedCounter) counters;
  ARENA_LIST(CheckedSurrogate) surrogates;
  ARENA_LIST(CheckedBlock) blocks;
  bool has_own_step;
  CheckedStep *step;             // what a step runs (default: input forward feedback backward update, those present)
  CheckedStep *predict_steps;    // what runs before the prediction (default: input forward)
  CheckedExpression *prediction; // axes {batch, unit} of the last layer
  bool predicts_with_batch_statistics; // the prediction's slice reduces over batch
} CheckedRule;

// The loss of the task, for the function parameter `task_loss`.
typedef enum { LOSS_CROSS_ENTROPY, LOSS_SQUARED_ERROR, LOSS_LOGISTIC, LOSS_HINGE } TaskLoss;

typedef struct {
  const char *name, *value; // --set act=relu, --set k=4, --set "lr=0.1": the value is parsed as an expression
} RuleOverride;
// One that stands in a file, as the settings of an experiment do.
typedef struct {
  const char *name;
  Span name_span;
  const AstExpression *value;
} RuleSetting;

// Where `use std.norm` and `rule A like std.B` find files: returns the parsed file of a module's item, or NULL.
typedef struct {
  void *context;
  const AstFile *(*load)(void *context, const char *module, const char *item, Span asked_at);
} ModuleLoader;

// Checks one rule of a file (all errors into the sink, at places in any file involved). NULL if there was an error.
CheckedRule *check_rule(Arena *arena, const AstFile *file, const AstRule *rule, const RuleOverride *overrides,
                        size_t override_count, TaskLoss task_loss, const ModuleLoader *modules, DiagnosticSink *sink);
CheckedRule *check_rule_set(Arena *arena, const AstFile *file, const AstRule *rule, const RuleSetting *settings,
                            size_t setting_count, TaskLoss task_loss, const ModuleLoader *modules,
                            DiagnosticSink *sink);
// Checks everything in a file (each rule, each function not used by any) with defaults. True if there was no error.
bool check_file(Arena *arena, const AstFile *file, const ModuleLoader *modules, DiagnosticSink *sink);
void checked_print_heading(const CheckedBlock *block, Text *out); // "pass relax down"
void checked_print_steps(const CheckedRule *rule, const CheckedStep *steps,
                         Text *out); // "input; repeat 20 { relax }"
// edges.c: the operations without a derivative somewhere, each with its place and what is taken there; surrogates.
void checked_print_range(const CheckedVariable *variable, Text *out); // " in (0, 1) log frozen", or nothing
void checked_print_edges(const CheckedRule *rule, Text *out);
void checked_print_axes(const CheckedRule *rule, RuleAxisSet axes, Text *out); // "{c, batch, post}"
void checked_print(const CheckedRule *rule, Text *out); // --stage=checked: variables, axes, statements with their axes
void checked_print_equations(const CheckedRule *rule, Text *out); // the same, values of the genome left open

#endif
