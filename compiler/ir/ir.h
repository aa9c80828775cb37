// The tensor IR: what one step (or one prediction) of one rule on one network computes.
//
// A program is a list of statements, run in order: each assigns a value to a buffer, element by element over the
// axes of the target. Values are expressions over named axes (index variables): a DAG, hash-consed, of elementwise
// operations, reads of buffers, constants, positions and reductions. Everything is sized: an axis has an extent.
//
//   axis batch 128            buffer w0 synapse "w" layer 0 [c:4, unit0:784, unit1:256]
//   a1[c, batch, unit1] <- tanh(sum(unit0: mul(w0[c, unit0, unit1], ...)))
//
// A reduction binds its axes in its body, lexically: inside its body the axis is the reduction's own, outside (in the
// same expression) the same axis id may be free. A value's axes are its free ones. A read refers to the content of the
// buffer when its statement runs; after the pass `version` every buffer is assigned at most once, so reads are
// timeless; only what goes round a repeat is assigned twice (`carried`), and tapes once a round (`rounds`). Scalars
// have no axes. Truth values are made by comparisons; buffers hold reals only.
#ifndef BLUR_IR_IR_H
#define BLUR_IR_IR_H

#include "base/arena.h"
#include "base/text.h"
#include "compiler/source/source.h"

#include <stdbool.h>
#include <stdint.h>

typedef int32_t IrAxis;   // index into program->axes
typedef int32_t IrBuffer; // index into program->buffers
typedef int32_t IrValue;  // index into program->values; IR_NONE: no value
enum { IR_NONE = -1, IR_MAX_DIMENSIONS = 8, IR_MAX_OPERANDS = 3, IR_MAX_AXES = 64, IR_MAX_PLACES = 1 << 20 };

// What an axis runs over: decides layouts and costs, not meaning.
typedef enum { AXIS_KIND_STATE, AXIS_KIND_BATCH, AXIS_KIND_UNIT } IrAxisKind;

typedef struct {
  const char *name; // unique in the program: "batch", "unit0", "c", "d.1"
  IrAxisKind kind;
  int64_t extent;
} IrAxisInfo;

// Roles. INPUT x and y; NEURON, SYNAPSE, SIGNAL: variables of the network, kept between steps where persistent;
// GENOME: constants of the step; TEMPORARY: lets, and what passes introduce; OUTPUT: the prediction, a loss; ADJOINT:
// the derivative of a loss by a variable; TANGENT: a change of a variable.
typedef enum {
  ROLE_INPUT,
  ROLE_NEURON,
  ROLE_SYNAPSE,
  ROLE_GENOME,
  ROLE_SIGNAL,
  ROLE_TEMPORARY,
  ROLE_OUTPUT,
  ROLE_ADJOINT,
  ROLE_TANGENT
} IrRole;

typedef struct {
  const char *name;     // unique in the program: "a1", "w0", "w0.bias", "nu", "x", "y", "prediction"
  const char *variable; // the user's name: "a", "w", "nu"; NULL for temporaries
  int layer;            // neuron layer 0..L or synapse layer 0..L-1; -1 where there is none
  IrRole role;
  bool is_bias;  // the unit neuron's row of a synapse variable, a buffer of its own: no pre dimension
  bool live_in;  // holds a value before the program: inputs, genome, synapses, persistent variables
  bool live_out; // its value after the program is wanted
  // Goes round a repeat: assigned before it, and once more in its body, where nothing reads it afterwards. In the body
  // a read means the value at the start of the iteration, after the repeat that of the last one.
  bool carried;
  // A tape: where not 0, the buffer has a place a round of a repeat that runs so often. Statements directly in such a
  // repeat's body read and assign the place of the round that runs; others cannot.
  int64_t rounds;
  // For buffers that unroll_states split or version renamed: which element of which variable this is.
  int32_t origin; // buffer it came from (its program input or output slot), IR_NONE: itself
  int states;     // number of entries in `state`: the leading dimensions of the origin that are states
  int32_t state[IR_MAX_DIMENSIONS]; // the element; -1: this dimension is kept
  int dimensions;
  IrAxisKind kind[IR_MAX_DIMENSIONS]; // what each dimension runs over
  int64_t extent[IR_MAX_DIMENSIONS];
  const char *dimension_name[IR_MAX_DIMENSIONS]; // for printing: "c", "batch", "unit0"
} IrBufferInfo;

typedef enum {
  VALUE_CONSTANT,  // number
  VALUE_STEP,      // the builtin scalar `step`: how many steps this network has made, from 0
  VALUE_POSITION,  // the position along `axis`, as a number
  VALUE_READ,      // buffer[index...]
  VALUE_OPERATION, // elementwise
  VALUE_REDUCE,    // over `reduced` axes
  VALUE_NOISE,     // a random number, the same wherever it stands: decided by the seed, place, layer, element, step and
                   // the iteration in operand[0]
  VALUE_ARGUMENT   // a placeholder while differentiating; never in a finished program
} IrValueKind;

typedef enum {
#define OPERATION(name, printed, operands, truth, cost, meaning) OP_##name,
#include "compiler/ir/operations.def"
#undef OPERATION
  OP_COUNT
} IrOperation;

// ARGMAX: position (a number) along the single reduced axis of the first largest element.
typedef enum { REDUCE_SUM, REDUCE_PRODUCT, REDUCE_MAXIMUM, REDUCE_MINIMUM, REDUCE_ARGMAX } IrReduction;

// One dimension of a read or of a target: an axis, or a constant element.
typedef struct {
  IrAxis axis; // IR_NONE: `constant`
  int32_t constant;
} IrIndex;

typedef uint64_t IrAxisSet; // bit i: axis i (a program has at most 64 axes after lowering; checked)

typedef struct {
  IrValueKind kind;
  bool is_truth;
  IrAxisSet axes;                    // free axes
  double number;                     // CONSTANT
  IrAxis axis;                       // POSITION
  IrBuffer buffer;                   // READ
  IrIndex index[IR_MAX_DIMENSIONS];  // READ; NOISE: its element, `dimensions` indices into `extent`, row-major
  IrOperation operation;             // OPERATION
  IrValue operand[IR_MAX_OPERANDS];  // OPERATION; REDUCE: operand[0] is the body
  IrReduction reduction;             // REDUCE
  IrAxisSet reduced;                 // REDUCE: the bound axes
  int argument;                      // ARGUMENT: its number
  char draw;                         // NOISE: 'n' mean 0, deviation 1; 'u' in [0, 1)
  uint32_t place;                    // NOISE: where in the rule's text, below IR_MAX_PLACES
  int layer;                         // NOISE: the layer it is drawn for, -1: none
  int dimensions;                    // NOISE
  int32_t extent[IR_MAX_DIMENSIONS]; // NOISE: of each dimension; may be more than its axis has (the unit neuron's row)
} IrValueInfo;

typedef enum { IR_STATEMENT_ASSIGN, IR_STATEMENT_REPEAT } IrStatementKind;
typedef struct IrStatement IrStatement;
struct IrStatement {
  IrStatementKind kind;
  IrBuffer target;
  IrIndex index[IR_MAX_DIMENSIONS]; // every axis at most once; their union contains value's axes
  IrValue value;
  Span span;         // of the rule's statement, for messages and line tables
  const char *block; // "forward 0", "update 1": for dumps
  int64_t count;     // REPEAT: times, and its body and counter buffer (IR_NONE if unused)
  bool backward;     // REPEAT: from the last round to the first
  IrBuffer counter;
  IrStatement *body;
  IrStatement *next;
};

typedef struct {
  Arena *arena;
  const char *name; // "step", "predict"
  ARENA_LIST(IrAxisInfo) axes;
  ARENA_LIST(IrBufferInfo) buffers;
  ARENA_LIST(IrValueInfo) values;
  IrStatement *statements, **last; // last: where the next statement is linked
  // hash table of values
  int32_t *table;
  size_t table_size;
  // hash table of buffer names
  const char **names;
  size_t names_size;
} IrProgram;

// ---- building (builder.c). Values are folded only where the result is exact and obvious: constants, x * 1, x / 1,
// --x, choices by a known truth. Names get a suffix where they are taken, and '_' for characters that the text form
// lacks.
IrProgram *ir_program_create(Arena *arena, const char *name);
IrAxis ir_axis(IrProgram *program, const char *name, IrAxisKind kind,
               int64_t extent);                            // a new axis; makes the name unique
IrBuffer ir_buffer(IrProgram *program, IrBufferInfo info); // a new buffer; makes the name unique
// A new temporary over `axes` (states, batch, units; axes of one kind in the order that `like`, an index, has them) and
// the index that names its elements by these axes.
IrBuffer ir_temporary(IrProgram *program, const char *name, IrAxisSet axes, const IrIndex *like, int like_dimensions,
                      IrIndex *index);
IrValue ir_constant(IrProgram *program, double number);
IrValue ir_truth(IrProgram *program, bool truth); // a known truth value; folded away by whatever uses it
IrValue ir_step(IrProgram *program);
IrValue ir_position(IrProgram *program, IrAxis axis);
IrValue ir_read(IrProgram *program, IrBuffer buffer, const IrIndex *index);
IrValue ir_operation(IrProgram *program, IrOperation operation, IrValue x, IrValue y,
                     IrValue z); // IR_NONE where unused
IrValue ir_reduce(IrProgram *program, IrReduction reduction, IrAxisSet axes, IrValue body);
IrValue ir_argument(IrProgram *program, int argument, IrAxisSet axes, bool is_truth);
typedef struct {
  char draw; // as in IrValueInfo
  uint32_t place;
  int layer, dimensions;
  IrIndex index[IR_MAX_DIMENSIONS];
  int32_t extent[IR_MAX_DIMENSIONS];
} IrNoise;
IrValue ir_noise(IrProgram *program, const IrNoise *noise, IrValue iteration);
IrNoise ir_noise_of(const IrValueInfo *info);
IrStatement *ir_assign(IrProgram *program, IrBuffer target, const IrIndex *index, IrValue value, Span span,
                       const char *block);
// Links a repeat statement; set program->last to &statement->body to fill it, then to &statement->next to go on after
// it.
IrStatement *ir_repeat(IrProgram *program, int64_t count, IrBuffer counter, Span span, const char *block);
static inline IrAxisSet ir_axis_bit(IrAxis axis) { return axis >= 0 && axis < IR_MAX_AXES ? (IrAxisSet)1 << axis : 0; }
// `value` with free axes replaced (by an axis or a constant position: reads index it, positions become it) and reads of
// arguments replaced. `from` axes that are rebound by an inner reduction stay as they are there; if a replacement would
// be captured by an inner reduction over the same axis, that reduction is given another axis. For arguments: a
// replacement's axes that the argument has too are meant to be bound by the reductions around it; its other axes are
// not captured. An argument whose axes are renamed stays an argument over the new axes: substitute arguments first.
IrValue ir_substitute_axis(IrProgram *program, IrValue value, IrAxis from, IrIndex to);
// An axis like `axis` that is none of `forbidden`: one that the program has, if any, so that their number stays small.
IrAxis ir_axis_like(IrProgram *program, IrAxis axis, IrAxisSet forbidden);
IrValue ir_substitute_argument(IrProgram *program, IrValue value, int argument, IrValue replacement);
// `value` (an operation or a reduction) with its operands replaced; the same value if none changed.
IrValue ir_with_operands(IrProgram *program, IrValue value, const IrValue *operand);
// Rebuilds `value` bottom-up, each rebuilt node passed to `rewrite` (which returns it or another).
typedef IrValue IrRewrite(void *context, IrProgram *program, IrValue value);
IrValue ir_rewrite(IrProgram *program, IrValue value, IrRewrite *rewrite, void *context);
// Surrogates become their values: for programs that nobody differentiates any more.
void ir_drop_surrogates(IrProgram *program);
double ir_cost(const IrProgram *program, const IrStatement *statements); // flops of one run, reductions included
double ir_value_cost(const IrProgram *program, IrValue value);           // each value once over its free axes
double ir_extent(const IrProgram *program, IrAxisSet axes);              // product of the extents

const char *ir_operation_name(IrOperation operation);
int ir_operation_arity(IrOperation operation);
bool ir_operation_is_truth(IrOperation operation); // of the result
double ir_operation_cost(IrOperation operation);   // flops an element
double ir_flops(const IrValueInfo *info);          // flops an element of an operation or a draw; 0 for others
// What its derivative is taken to be where it has none: "0 at 0"; NULL if it has one everywhere.
const char *ir_operation_edge(IrOperation operation);
const char *ir_reduction_name(IrReduction reduction);
// What the operation computes, in double precision; truth values are 0 and 1. Unused operands: anything.
double ir_evaluate(IrOperation operation, double x, double y, double z);

// ---- text (print.c, parse.c). print(parse(text)) == text for every text that print made.
void ir_print(const IrProgram *program, Text *out);
void ir_print_value(const IrProgram *program, IrValue value, Text *out); // on one line: "%0 = shared part; value"
IrProgram *ir_parse(Arena *arena, const char *text, size_t length,
                    const char **error); // NULL and *error ("line 3: ...")
// A text of several programs, one a call: reads the first and moves behind it, until `length` is 0.
typedef struct {
  const char *at;
  size_t length;
  int line; // of `at`, from 1
} IrText;
IrProgram *ir_parse_next(Arena *arena, IrText *text, const char **error);

// ---- verification (verify.c): NULL if the program is well-formed, else a sentence (in the arena) that says what is
// wrong.
const char *ir_verify(IrProgram *program);

// ---- differentiation of one value (passes/differentiate.c; used for f' in rules and by the adjoint pass).
// The gradient of the sum of `value` (over all its axes) with respect to ARGUMENT `argument`: a value with that
// argument's axes.
IrValue ir_gradient(IrProgram *program, IrValue value, int argument);
// The gradient of sum(seed * value) with respect to all wanted leaves at once.
typedef struct {
  void *context;
  bool (*is_wanted)(void *context, IrProgram *program, IrValue leaf);              // a READ or an ARGUMENT
  void (*found)(void *context, IrProgram *program, IrValue leaf, IrValue adjoint); // each leaf once, over its axes
  IrValue (*hold)(void *context, IrProgram *program, IrValue adjoint); // may be NULL: of an inner value, before it is
                                                                       // handed on; what to go on with (a temporary)
} IrReverse;
// `result` stands for the value in derivatives that are told by it (a read of where it is stored, or `value`). `seed`
// has no axes but those of `value`.
void ir_reverse(IrProgram *program, IrValue value, IrValue result, IrValue seed, const IrReverse *reverse);

// Whether an adjoint is a choice, or a sum of choices, that is literally 0 on one side.
bool ir_is_sparse(const IrProgram *program, IrValue adjoint);

// ---- interpretation in double precision (interpret.c), the reference for everything else. `storage[b]` points to
// buffer b's elements, dense, row-major. Statements run in order; each right side is evaluated whole before it takes
// effect. `seed` names the noise.
void ir_interpret(const IrProgram *program, double *const *storage, double step, uint64_t seed);
// The same, less exact: every result that may be rounded, partial sums too, keeps `bits` bits (0: all) and is then
// moved by a random part of itself, at most `unit`. What then differs by much more is decided by rounding.
typedef struct {
  int bits;
  double unit;
  uint64_t draws; // that were made: where the random parts begin
} IrInexactness;
void ir_interpret_inexactly(const IrProgram *program, double *const *storage, double step, uint64_t seed,
                            IrInexactness *inexact);
int64_t ir_buffer_elements(const IrBufferInfo *buffer); // of all rounds, one behind the other

#endif
