// blur, the compiler: from a rule's text and a network's sizes to a program that runs its steps.
//
//   BlurReport *report = blur_report_create();
//   BlurRule *rule = blur_rule_load("std.blur", NULL, 0, BLUR_LOSS_CROSS_ENTROPY, report);
//   BlurOptions options = {.layers = 3, .units = (int64_t[]){784, 256, 10}, .batch = 128};
//   BlurProgram *program = blur_compile(rule, &options, report);
//
// Nothing here aborts on input: functions return NULL and the report holds what was wrong. Handles may be used by one
// thread at a time; different handles by different threads.
#ifndef BLUR_COMPILER_H
#define BLUR_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

const char *blur_version(void);

// ---- reports: diagnostics (errors and warnings in the user's text) and failures of the environment

typedef struct BlurReport BlurReport;
BlurReport *blur_report_create(void);
void blur_report_destroy(BlurReport *report);
size_t blur_report_errors(const BlurReport *report);
size_t blur_report_warnings(const BlurReport *report);
// A file, memory or a library failed (exit 3), not the input (exit 1).
bool blur_report_is_environment(const BlurReport *report);
// The report as text; valid until the next call on this report.
const char *blur_report_text(BlurReport *report, bool color);
const char *blur_report_json(BlurReport *report);

// ---- rules

typedef struct BlurRule BlurRule;
typedef struct {
  const char *name, *value;
} BlurSetting; // --set k=4, act=relu, lr=0.1, "nu=[[1,0],[0,1]]"
typedef enum { BLUR_LOSS_CROSS_ENTROPY, BLUR_LOSS_SQUARED_ERROR, BLUR_LOSS_LOGISTIC, BLUR_LOSS_HINGE } BlurLoss;

// `name`: a path ("rule.blur", the file's only or last rule), "path:rule", or "std.name". Parses and checks it with the
// settings. The rule is the caller's (blur_rule_destroy). NULL: see the report.
BlurRule *blur_rule_load(const char *name, const BlurSetting *settings, size_t setting_count, BlurLoss loss,
                         BlurReport *report);
void blur_rule_destroy(BlurRule *rule);
const char *blur_rule_name(const BlurRule *rule);
// A hash of what the rule means: its variables, initial values, equations and orders, with its settings and what it
// inherits and uses. Its name, its files, comments and layout do not count. Never 0.
uint64_t blur_rule_hash(const BlurRule *rule);
// The same without the values that its genome begins with: what a genome is made for (blur/genome.h).
uint64_t blur_rule_equations_hash(const BlurRule *rule);
// Checks a whole file (all its rules). False if it has errors.
bool blur_check_file(const char *path, BlurReport *report);
// The text of a file in the canonical layout; the caller's to free(). *changed: the file looks otherwise. NULL: see the
// report; a file with errors of syntax is not formatted.
char *blur_format_file(const char *path, bool *changed, BlurReport *report);
// Where the library of rules is looked for: BLUR_STDLIB, beside the command, the installed folder; else the embedded
// copy.
size_t blur_library_rules(const char *const **names);   // names of the library's rules, sorted ("std.adam", ...)
size_t blur_library_modules(const char *const **names); // its files of functions ("std.activation", ...)
// The first comment line of a library file ("std.adam"); the caller's to free(). NULL if there is no such file.
char *blur_library_summary(const char *name);

// ---- programs

typedef enum {
  BLUR_NEURON,
  BLUR_SYNAPSE,
  BLUR_GENOME,
  BLUR_SIGNAL,
  BLUR_X,
  BLUR_Y,
  BLUR_PREDICTION,
  BLUR_STEP,
  BLUR_LOSS // of a query; with options.adjoint or options.tangent
} BlurKind;
typedef enum {
  BLUR_INITIAL_ZERO,
  BLUR_INITIAL_VALUE,
  BLUR_INITIAL_NORMAL,
  BLUR_INITIAL_UNIFORM,
  BLUR_INITIAL_ORTHOGONAL
} BlurInitial;
// Of a genome value: a value for the network, for each synapse layer, each neuron, each synapse.
typedef enum { BLUR_SCOPE_NETWORK, BLUR_SCOPE_LAYER, BLUR_SCOPE_NEURON, BLUR_SCOPE_SYNAPSE } BlurScope;
enum { BLUR_MAX_DIMENSIONS = 8 };

// One state of a variable: element (i, j) is at `offset` + (i*stride[0] + j*stride[1]) * element size, where the axes
// are the variable's axes after its states. The unit neuron's row of a synapse variable (the last index of pre) is
// apart.
typedef struct {
  int64_t offset; // bytes from the start of the network's memory; -1: dead, not stored
  int64_t stride[BLUR_MAX_DIMENSIONS];
  int64_t bias_offset;                      // -1: none, or dead
  int64_t bias_stride[BLUR_MAX_DIMENSIONS]; // like stride; that of pre is 0
} BlurPiece;

typedef struct {
  const char *name;
  BlurKind kind;
  int layer;  // neuron: 0 = input layer; synapse: 0 = lowest; genome values with a scope likewise; -1: one for the
              // network
  int states; // leading dimensions that are states; of a genome value `per layer` the first one is the synapse layer
  int dimensions;                      // states included; batch before neuron, pre before post
  int64_t extent[BLUR_MAX_DIMENSIONS]; // pre counts the unit neuron's row if has_bias
  bool has_bias, persistent;
  int bias_dimension; // has_bias: the dimension of pre, whose last index is the unit neuron's row
  size_t pieces;      // product of the state extents, row-major
  const BlurPiece *piece;
  const BlurPiece *adjoint; // with options.adjoint: where the derivative of a loss by each piece is; -1: it is 0. NULL:
                            // none (x, y, prediction, neurons that are not persistent)
  const BlurPiece *tangent; // likewise with options.tangent: where the change of each piece is
  BlurInitial initial;      // of genome values, synapses and persistent variables
  double first, second;     // value; or mean and deviation; or low and high; or gain
  const double *values, *second_values; // `first` and `second` of each piece where they differ, else NULL
  int initial_rank; // 0: these are the numbers. Else blur_program_initial makes them of genome values of lower ranks
  BlurScope scope;  // genome
  double low, high; // genome: range, +-inf where open
  bool logarithmic, frozen;
} BlurVariable;

typedef enum { BLUR_ENGINE_JIT, BLUR_ENGINE_INTERPRET } BlurEngine;
typedef enum { BLUR_FLOAT, BLUR_DOUBLE } BlurPrecision;
typedef enum { BLUR_CPU_NATIVE, BLUR_CPU_X86_64, BLUR_CPU_AVX2, BLUR_CPU_AVX512 } BlurCpu;
typedef enum { BLUR_PRODUCTS_OWN, BLUR_PRODUCTS_OPENBLAS } BlurProducts;

typedef struct {
  int layers; // number of entries of units: neuron layers, input included; at least 2
  const int64_t *units;
  int64_t batch;
  BlurEngine engine;
  BlurPrecision precision; // the interpreter always computes in double
  // The interpreter keeps `inexact_bits` bits of each result (0: those of double) and moves it by a random part, at
  // most `inexactness` of it. What comes out much different is decided by rounding, in every engine.
  int inexact_bits;
  double inexactness;
  BlurCpu cpu;
  BlurProducts products;
  bool all_live;       // nothing that the rule writes counts as dead (blur step)
  bool adjoint;        // derivatives through steps too: blur_program_adjoint, blur_program_query
  bool tangent;        // the same in forward mode: blur_program_tangent, blur_program_query_tangent
  BlurLoss query_loss; // of queries
  bool no_cache;       // neither read nor write the object cache
} BlurOptions;

// What compiled code calls; made by the runtime (blur_pool_services). All pointers must be valid.
typedef struct {
  void *pool;
  void (*barrier)(void *pool, int64_t thread);
  void (*product_float)(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                        const float *b, int64_t ldb, float *c, int64_t ldc);
  void (*product_double)(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const double *a,
                         int64_t lda, const double *b, int64_t ldb, double *c, int64_t ldc);
  uint64_t seed; // names the noise that steps draw: one of each network
} BlurServices;

// Whether there can be a network of so many layers, units and samples. False: see the report.
bool blur_network_is_possible(const BlurOptions *options, BlurReport *report);

typedef struct BlurProgram BlurProgram;
// The program is the caller's (blur_program_destroy) and outlives the rule. NULL: see the report.
BlurProgram *blur_compile(const BlurRule *rule, const BlurOptions *options, BlurReport *report);
void blur_program_destroy(BlurProgram *program);

// A network's memory: blur_program_memory bytes, 64-byte aligned, zeroed by the caller; scratch likewise, one a thread.
size_t blur_program_memory(const BlurProgram *program);
size_t blur_program_scratch(const BlurProgram *program);
size_t blur_program_element(const BlurProgram *program); // bytes of a number in memory: 4 or 8
// All variables; x, y, prediction and the step counter among them (kinds BLUR_X, ...; the counter has no dimensions).
size_t blur_program_variables(const BlurProgram *program, const BlurVariable **variables);
// The numbers of a piece of a variable of rank above 0, from the genome values in a network's memory as they are now.
void blur_program_initial(const BlurProgram *program, const BlurVariable *variable, size_t piece, const void *memory,
                          double *first, double *second);
// Their derivatives: adds to `gradient` [variables of the program] (dense, of each genome value; NULL: not wanted) what
// a loss has by it that changes with the two numbers by by_first and by_second. For programs with options.adjoint.
void blur_program_initial_gradient(const BlurProgram *program, const BlurVariable *variable, size_t piece,
                                   const void *memory, double by_first, double by_second, double *const *gradient);
// How the two numbers change to first order as genome values change by `direction` [variables of the program]: each
// dense, NULL for no change. For programs with options.tangent.
void blur_program_initial_tangent(const BlurProgram *program, const BlurVariable *variable, size_t piece,
                                  const double *const *direction, const void *memory, double *first, double *second);
int64_t blur_program_batch(const BlurProgram *program);
int blur_program_layers(const BlurProgram *program, const int64_t **units);
bool blur_program_uses_batch_statistics(const BlurProgram *program);
uint64_t blur_program_rule_hash(const BlurProgram *program);      // blur_rule_hash of what it was compiled from
uint64_t blur_program_equations_hash(const BlurProgram *program); // likewise
typedef struct {
  double step_flops, step_bytes, predict_flops;
  double adjoint_flops, query_flops;         // with options.adjoint
  double tangent_flops, query_tangent_flops; // with options.tangent
  double compile_seconds;
  bool from_cache;
} BlurCost;
BlurCost blur_program_cost(const BlurProgram *program);

// Runs one step, or one prediction, as thread `thread` of `threads`: all of them must call it. x and y (and the step
// counter, which the caller increments) are variables in memory. Allocates nothing.
void blur_program_step(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                       int64_t thread, int64_t threads);
void blur_program_predict(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                          int64_t thread, int64_t threads);

// Of a program with options.adjoint. Adjoints are variables in memory like any other (BlurVariable.adjoint).
// A query predicts for x, puts the loss by y into the variable of kind BLUR_LOSS, and adds its gradient, times the
// adjoint of that variable, to the adjoints of all others.
void blur_program_query(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                        int64_t thread, int64_t threads);
// The reverse of a step: with variables, x, y and the step counter as before the step, adjoints by what the step leaves
// become adjoints by what it finds. Variables stay.
void blur_program_adjoint(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                          int64_t thread, int64_t threads);
bool blur_program_has_adjoint(const BlurProgram *program);

// Of a program with options.tangent. Tangents are variables in memory, too (BlurVariable.tangent): changes, to first
// order. A step's: tangents of what the step finds become those of what it leaves; variables, x, y and the step counter
// are as before the step, and stay. A query's: the change of the loss becomes the tangent of the variable of kind
// BLUR_LOSS.
void blur_program_tangent(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                          int64_t thread, int64_t threads);
void blur_program_query_tangent(const BlurProgram *program, void *memory, void *scratch, const BlurServices *services,
                                int64_t thread, int64_t threads);
bool blur_program_has_tangent(const BlurProgram *program);

// ---- looking inside

// Prints a stage: tokens, ast, checked, ir, the output of each pass (ir:PASS), adjoint, tangent, kernels,
// adjoint:kernels, llvm, asm. Text is the caller's to free(). `options` NULL: a small default network. NULL: see the
// report.
char *blur_emit(const char *rule_name, const BlurSetting *settings, size_t setting_count, BlurLoss loss,
                const char *stage, const BlurOptions *options, BlurReport *report);
char *blur_run_pass(const char *pass, const char *ir_text, size_t length, BlurReport *report);
size_t blur_pass_names(const char *const **names, const char *const **summaries);
char *blur_explain_rule(const BlurRule *rule, const BlurOptions *options, BlurReport *report);
// "E0212"; NULL if there is none. *title (or `title` NULL): its message, with ... for what it names; until the next
// call.
const char *blur_explain_code(const char *code, const char **title);
char *blur_explain_index(void); // all of them as a page of Markdown; the caller's to free()
BlurCpu blur_cpu_best(void);
bool blur_cpu_available(BlurCpu cpu);
const char *blur_cpu_name(BlurCpu cpu); // "x86-64", "avx2", "avx512"

#ifdef __cplusplus
}
#endif
#endif
