// Lowers a checked rule to the tensor IR of one network: each statement on each layer becomes one statement of the
// program, state axes kept symbolic, in the order of a step. After semantics/, before passes/ (unroll, version, ...).
//
// A program's buffers: "x" [batch, unit], "y" [batch, unit]; "nu" [states] for a genome value; "a0", "a1", ... a neuron
// variable on each neuron layer; "w0", ... a synapse variable on each synapse layer, with `bias` also "w0.bias", the
// unit neuron's row; "prediction" [batch, unit]. States lead. Both programs of a network name them alike. Axes of units
// are shared by layers of the same size and parity, so that the number of axes does not grow with depth.
#ifndef BLUR_PASSES_LOWER_H
#define BLUR_PASSES_LOWER_H

#include "compiler/ir/ir.h"
#include "compiler/semantics/checked.h"

typedef struct {
  int layers;           // neuron layers, input included
  const int64_t *units; // of each
  int64_t batch;
  bool all_live;       // all neuron variables are wanted after the step, and the genome values that nothing reads
  bool differentiable; // derivatives that rules declare stay known, for the pass `adjoint`
} LowerNetwork;

// True if there can be a network of these sizes; else the reason is in the sink.
bool lower_check_sizes(const LowerNetwork *network, DiagnosticSink *sink);
// True if a program can be made for such a network; else the reason is in the sink.
bool lower_check_network(const CheckedRule *rule, const LowerNetwork *network, DiagnosticSink *sink);

// One step of training. live_out: synapses, persistent variables, and with all_live the neurons. NULL: see the sink.
IrProgram *lower_step(Arena *arena, const CheckedRule *rule, const LowerNetwork *network, DiagnosticSink *sink);

// The blocks before a prediction and `prediction[batch, unit]`, the only live_out. What lives between steps is not
// changed: a block that assigns it works on a copy. NULL: see the sink.
IrProgram *lower_predict(Arena *arena, const CheckedRule *rule, const LowerNetwork *network, DiagnosticSink *sink);

// A prediction and what it costs: `loss`, the mean over the batch of the loss of prediction and y, a scalar of role
// OUTPUT. NULL: see the sink.
IrProgram *lower_query(Arena *arena, const CheckedRule *rule, const LowerNetwork *network, TaskLoss loss,
                       DiagnosticSink *sink);

// The number that an expression of an initial value (`1/sqrt(fan_in)`) has for a variable on a layer: a synapse layer
// for synapses, a neuron layer for neurons, -1 for others. False if it is no constant (it reads a genome value).
bool lower_initial(const CheckedRule *rule, const LowerNetwork *network, const CheckedVariable *variable, int layer,
                   const CheckedExpression *expression, double *number);
// The same as a program, for those that read genome values: `initial[] <- expression`, with the genome values that it
// reads as its inputs (those of the layer where they have one each, else of layer -1).
IrProgram *lower_initial_program(Arena *arena, const CheckedRule *rule, const LowerNetwork *network,
                                 const CheckedVariable *variable, int layer, const CheckedExpression *expression);

#endif
