// Shared by the files of the pass `lower`: what is known while one statement is lowered on one layer.
#ifndef BLUR_PASSES_LOWER_CONTEXT_H
#define BLUR_PASSES_LOWER_CONTEXT_H

#include "compiler/passes/lower.h"

// A `let` that had to be given a buffer, on the layer at hand. IR_NONE: it is inlined at its uses.
typedef struct {
  IrBuffer rows, unit_row;
} LowerLet;

typedef struct LowerMemo LowerMemo;

// A repeat around the statement at hand.
typedef struct LowerRepeat LowerRepeat;
struct LowerRepeat {
  IrStatement *statement;
  const CheckedStep *step;
  LowerRepeat *outer;
};

typedef struct {
  const CheckedRule *rule;
  const LowerNetwork *network;
  DiagnosticSink *sink; // may be NULL: nothing is reported
  Arena *scratch;       // dies with the pass
  IrProgram *program;
  bool training, failed;
  IrBuffer *buffer;  // [variable][neuron layer]: of a variable of the network, all entries are the same one; NULL: an
                     // initial value is lowered
  IrBuffer *bias;    // [variable][synapse layer]: the unit neuron's row, IR_NONE: none
  IrAxis *unit_axis; // [neuron layer]
  IrAxis batch_axis, output_axis, second_axis[2]; // second: pre2, post2; IR_NONE until used

  LowerRepeat *repeat; // the innermost around the place
  int block;           // into rule->blocks; -1: none
  int64_t *runs;       // [block]: how often it has run before, in the first round of all repeats around
  // the place
  bool on_synapses; // a synapse layer (pre, post) or a neuron layer (unit)
  int layer;
  bool in_unit_row;  // `pre` stands for the unit neuron
  IrIndex index[64]; // what a rule's axis stands for: an axis of the program or a constant
  LowerLet *lets;
  LowerMemo *memo;
} Lowering;

// ---- lower_network.c: axes and buffers
bool lower_begin(Lowering *lowering, Arena *arena, const char *name);
void lower_move(Lowering *lowering, bool on_synapses, int layer); // to a layer: its named axes
int64_t lower_named_extent(const Lowering *lowering, RuleAxis axis);
IrIndex lower_axis(Lowering *lowering, RuleAxis axis); // what it stands for here
// A state axis outside `avoid`, for an index that is being bound; `name` if it has to be made.
IrAxis lower_state_axis(Lowering *lowering, const char *name, int64_t extent, IrAxisSet avoid);
IrAxis lower_index_axis(Lowering *lowering, RuleAxis axis, IrAxisSet avoid);
IrAxisSet lower_axis_set(Lowering *lowering, RuleAxisSet axes);
IrBuffer lower_buffer(const Lowering *lowering, int variable, CheckedSide side);
int lower_layer_of(const Lowering *lowering, CheckedSide side);

// ---- lower_expression.c
IrValue lower_expression(Lowering *lowering, const CheckedExpression *expression);
IrIndex lower_index(const Lowering *lowering, const CheckedIndex *index);
void lower_forget(Lowering *lowering); // what was lowered on another layer

// ---- lower.c
int64_t lower_runs_of(const CheckedStep *steps, int block); // how often a block runs in them

// ---- lower_initial.c
IrValue lower_initial_read(Lowering *lowering, const CheckedExpression *expression); // of a genome value

static inline const CheckedVariable *lower_variable(const Lowering *lowering, int variable) {
  return &lowering->rule->variables.items[variable];
}

static inline IrBuffer *lower_slot(const Lowering *lowering, IrBuffer *table, int variable, int layer) {
  return &table[(size_t)variable * (size_t)lowering->network->layers + (size_t)(layer < 0 ? 0 : layer)];
}

#endif
