// Shared by the files of this folder: the state of one check, the names in scope, and the functions that the files
// offer one another. The way of a rule: merge.c (inheritance, overrides, chosen declarations) -> variables.c -> steps.c
// (which blocks run) -> statement.c for every block (expression.c, brackets.c, functions.c, reductions.c, noise.c,
// bias.c on nodes.c and indices.c) -> warnings.c -> CheckedRule.
#ifndef BLUR_SEMANTICS_CHECKER_H
#define BLUR_SEMANTICS_CHECKER_H

#include "compiler/semantics/checked.h"

// ---- names

typedef struct FileScope FileScope;
typedef enum { ENTRY_CONST, ENTRY_FUNCTION, ENTRY_VARIABLE } EntryKind;
typedef enum { CONSTANT_UNKNOWN, CONSTANT_RUNNING, CONSTANT_DONE, CONSTANT_FAILED } ConstantState;

// A declared name of a rule or of a file.
typedef struct {
  EntryKind kind;
  AstName name;
  FileScope *file; // where it is written: the names its text sees
  bool in_rule;    // its text sees the rule's names too
  int depth;       // 0: the oldest base rule; the rule itself is the last
  bool used, names_checked, setting_applied;
  const AstExpression *value;        // CONST
  ConstantState state;               // CONST
  double number;                     // CONST
  bool is_truth;                     // CONST
  const AstDeclaration *declaration; // FUNCTION
  const void *origin;                // the node of the text that declares it
  const AstVariable *variable;       // VARIABLE
  CheckedKind variable_kind;         // VARIABLE
  int index;                         // VARIABLE: into rule->variables; -1 before it is made
  const AstExpression *set_value;    // VARIABLE: an initial value from outside, or NULL
} Entry;

typedef struct {
  ARENA_LIST(Entry *) items; // in the order of declaration
  uint32_t *slots;           // hash table: index + 1
  size_t slot_count;
} NameTable;

struct FileScope {
  const AstFile *file;
  NameTable names; // its functions and constants, and those it uses
  FileScope *next;
};

// A function as a value: one of the language's own, or a declared one.
typedef struct {
  const char *name;
  int operation; // IrOperation, or -1
  int arity;     // of the operation
  int reduction; // BuiltinReduction, or -1
} BuiltinFunction;
typedef enum {
  BUILTIN_SUM,
  BUILTIN_PRODUCT,
  BUILTIN_MAXIMUM,
  BUILTIN_MINIMUM,
  BUILTIN_ARGMAX,
  BUILTIN_MEAN,
  BUILTIN_VARIANCE,
  BUILTIN_NORM
} BuiltinReduction;
typedef struct {
  const BuiltinFunction *builtin; // or
  Entry *entry;                   // never an alias; both NULL: no function
} FunctionValue;

typedef enum { LOCAL_VALUE, LOCAL_LET, LOCAL_INDEX, LOCAL_AXES, LOCAL_FUNCTION, LOCAL_ANY } LocalKind;
// A name inside braces, a function, a reduction or a statement. ANY: a parameter of a function that nobody calls.
typedef struct Local Local;
struct Local {
  LocalKind kind;
  AstName name;
  bool used;
  CheckedExpression *value; // VALUE: with `indices` own state indices, in order
  int indices;
  RuleAxis index_axis[IR_MAX_DIMENSIONS];
  int let;                // LET: into rule->lets
  CheckedIndex index;     // INDEX
  RuleAxisSet axes;       // AXES
  FunctionValue function; // FUNCTION
  int level;              // number of locals below it
  Local *next;
};

typedef struct {
  Local *locals;
  FileScope *file;
  bool in_rule;
} Environment;

// Where an expression stands: decides what it may see.
typedef enum { PLACE_CONSTANT, PLACE_INITIAL, PLACE_ONE_LAYER, PLACE_SYNAPSES, PLACE_ANYWHERE } PlaceKind;
typedef struct {
  PlaceKind kind;
  const char *name; // "forward", "the initial value of `w`"
  Span block;       // all of the block; {0} elsewhere
  bool sees_x, sees_y;
  bool sees_genome, sees_layer_genome; // an initial value: of the network; of its synapse layer
} Place;

// ---- nodes: what a CheckedExpression of this folder really is

enum {
  NODE_BIAS_SYNAPSE = 1,  // a synapse with `bias` stands in it, over its free `pre`
  NODE_PLAIN_SYNAPSE = 2, // one without
  NODE_PRE_NEURON = 4,    // a neuron variable of the pre side
  NODE_NEURON_IN_FUNCTION = 8,
  NODE_BIAS_TEST = 16,     // the truth value `bias`
  NODE_PRE_STATISTIC = 32, // of such a variable over the samples: its mean, which is 1 where it reads 1
  NODE_PRE_FLAGS = 63,     // all of these end where `pre` is reduced
  NODE_FLAT = 64           // inside: an operation whose derivative is 0 everywhere
};

typedef struct Node Node;
struct Node {
  CheckedExpression expression; // first: a Node is a CheckedExpression
  uint32_t flags;
  int bias_variable, plain_variable; // witnesses of the flags
  Span function_span, flat_span;
  int depth;
  uint32_t mark;
  uint64_t hash;
  CheckedExpression *rewritten; // of substitution `mark`
};

// What has states that are counted by indices: its name, and where it is declared; {0}: something without a name.
typedef struct {
  const char *name;
  Span span;
} Indexed;

// A state index bound somewhere in the current statement.
typedef struct {
  AstName name;
  int64_t extent; // 0: not known yet
  Span extent_span;
  Indexed extent_of;
  bool failed;
} StateIndex;

typedef struct Call Call; // a function that is being inlined
struct Call {
  const Entry *entry;
  Span span;
  uint64_t functions; // hash of its function arguments
  Call *outer;
};

// A declaration that stands for all of its name, and where it is from.
typedef struct {
  const AstDeclaration *declaration; // NULL: none
  FileScope *file;
  int depth;
} Merged;

typedef struct {
  Merged merged;
  const char *name;
  bool runs; // in the step or before the prediction
} MergedBlock;

// The first place where a block reads the index of a repeat.
typedef struct {
  int block, counter; // into rule->blocks, rule->counters
  Span span;
} CounterRead;

typedef struct Memo Memo; // a call that has been inlined in this statement
enum { MEMO_BUCKETS = 256 };

typedef struct {
  Arena *arena;
  DiagnosticSink *sink;
  const ModuleLoader *modules;
  TaskLoss task_loss;
  CheckedRule *rule;
  const AstRule *ast;
  size_t first_errors; // of the sink, when the check of the rule began
  bool is_partial;     // the file has errors of syntax: declarations may be missing

  // names
  NameTable names;
  int depth; // of the rule itself
  FileScope *files;
  NameTable prelude;
  bool prelude_loaded;

  // what merging chose: blocks in the order of a step, then own ones as declared
  ARENA_LIST(MergedBlock) blocks;
  Merged predict, step;
  ARENA_LIST(CounterRead) counter_reads;
  int steps_made;
  int block; // the block that is being checked, into rule->blocks; -1: none
  const RuleOverride *overrides;
  const RuleSetting *settings; // NULL, or what stands in a file: an override each
  size_t override_count;
  bool *override_used;

  // where we are
  Environment environment;
  Place place;
  Call *call;
  int call_depth, expression_depth;

  // the current statement
  Node **table;
  size_t table_count, table_size;
  Memo *memos[MEMO_BUCKETS];
  StateIndex indices[64];
  int index_count;
  int next_argument;
  uint32_t next_place; // of the next draw of noise
  uint32_t next_mark;
  size_t nodes_made, calls_made;
  int64_t conflicts[32]; // pairs of extents that an error has told about
  int conflict_count;
  Indexed indexed; // whose indices are looked at
  bool too_large;
  CheckedExpression *error;

  // about variables and lets, by their number
  struct VariableFacts {
    bool read, written, in_circle;
    bool unseen;    // an error has told that a block does not see it: it may be of the wrong kind
    bool axes_told; // an error has told about the axes it is declared with
    Entry *entry;
  } * facts;
  size_t fact_capacity;
  struct LetFacts {
    uint32_t flags;
    int bias_variable, plain_variable;
    Span function_span;
    bool is_truth;
    bool doubtful;            // it stands on a declaration that an error has told about
    RuleAxisSet axes, blamed; // blamed: axes that an error has told about
  } * let_facts;
  size_t let_capacity;
} Checker;

#define REPORT(checker, code, ...)                                                                                     \
  checker_calls((checker), diagnostic_report((checker)->sink, DIAGNOSTIC_##code, __VA_ARGS__))
// Without the calls: for what is wrong however it was reached.
#define REPORT_PLAIN(checker, code, ...)                                                                               \
  checker_report_finish((checker), diagnostic_report((checker)->sink, DIAGNOSTIC_##code, __VA_ARGS__))
// How to mend it, and what follows from it (report.c).
Diagnostic *checker_report_finish(Checker *checker, Diagnostic *diagnostic);
// What is said of values that a declaration gives is not told, where an error has told about the declaration.
void checker_doubt_readers(Checker *checker, Span declaration);
void checker_unknown_name_told(Checker *checker, Span span);
Entry *checker_entry_at(Checker *checker,
                        Span span); // what the name at this place, after its side, stands for; or NULL
bool report_stands_at(const Checker *checker, Span span);
Diagnostic *report_index_count(Checker *checker, Span span, const char *name, int declared, const AstIndex *indices);
void report_out_of_range(Checker *checker, Span span, int64_t state, const char *name, int64_t extent);
Diagnostic *checker_calls(Checker *checker, Diagnostic *diagnostic); // notes of the calls that led here

// check.c
Checker *checker_create(Arena *arena, TaskLoss task_loss, const ModuleLoader *modules, DiagnosticSink *sink);
void checker_set(Checker *checker, const RuleSetting *settings, size_t count); // before merge_rule

// names.c
Entry *name_table_find(const NameTable *table, const char *name);
void name_table_add(Arena *arena, NameTable *table, Entry *entry);
Entry *scope_find_entry(Checker *checker, const char *name); // rule, file, library; NULL
Local *scope_find_local(Checker *checker, const char *name);
Local *scope_add_local(Checker *checker, LocalKind kind, AstName name); // NULL after reporting that it hides another
bool name_is_reserved(const char *name);
// Whether an error has told that a declaration may not have this name, which is the language's.
bool name_is_refused(const Checker *checker, const char *name);
void report_unknown_name(Checker *checker, Span span, const char *name, bool is_function); // with a near name
int name_of_axis(const char *name);                                                        // RuleAxis, or -1
int name_of_scalar(const char *name);                                                      // CheckedScalar, or -1
int name_of_counter(const Checker *checker, const char *name); // of a repeat: into rule->counters, or -1
const BuiltinFunction *name_of_builtin(const char *name);      // or NULL
bool axis_is_visible(const Checker *checker, RuleAxis axis);
const char *near_axis(const Checker *checker, const char *name); // of those seen here; NULL
const char *axis_name(const Checker *checker, RuleAxis axis);
const char *axis_set_text(Checker *checker, RuleAxisSet axes); // "{batch, pre}"
FileScope *file_scope(Checker *checker, const AstFile *file);
const AstFile *module_load(Checker *checker, const char *module, const char *item, Span asked_at, bool *reported);
void file_scope_use(Checker *checker, FileScope *scope, const AstDeclaration *use);
void prelude_load(Checker *checker);
// The function that a name stands for, aliases followed; neither builtin nor entry if it is none (silent).
FunctionValue function_of_name(Checker *checker, const char *name);

// merge.c
bool merge_rule(Checker *checker, const AstFile *file, const AstRule *rule);
MergedBlock *merged_block(Checker *checker, const char *name); // NULL: the rule has none
void report_unused_settings(Checker *checker);

// constants.c
bool constant_number(Checker *checker, const AstExpression *ast, const char *what, double *number, bool *is_truth);
bool constant_integer(Checker *checker, const AstExpression *ast, const char *what, int64_t *integer);
bool constant_of_entry(Checker *checker, Entry *entry, Span asked_at);

// nodes.c
static inline Node *node_of(const CheckedExpression *expression) { return (Node *)(uintptr_t)expression; }
static inline RuleAxisSet axis_bit(RuleAxis axis) { return (RuleAxisSet)1 << axis; }
bool node_is_error(const Checker *checker, const CheckedExpression *expression);
CheckedExpression *node_number(Checker *checker, double number, bool is_truth, Span span);
CheckedExpression *node_builtin(Checker *checker, CheckedScalar scalar, Span span);
CheckedExpression *node_position(Checker *checker, RuleAxis axis, Span span);
CheckedExpression *node_counter(Checker *checker, int counter, Span span);
// A draw of its own: over named axes and state indices.
CheckedExpression *node_noise(Checker *checker, char draw, RuleAxisSet named, const RuleAxis *states, int count,
                              Span span);
// `renamed`: the axes of its dimensions after the states; NULL: as seen from the side.
CheckedExpression *node_read(Checker *checker, int variable, CheckedSide side, const CheckedIndex *index,
                             const RuleAxis *renamed, Span span);
CheckedExpression *node_let(Checker *checker, int let, const CheckedIndex *index, Span span);
CheckedExpression *node_operation(Checker *checker, IrOperation operation, CheckedExpression *x, CheckedExpression *y,
                                  CheckedExpression *z, Span span); // converts truth values to numbers where needed
CheckedExpression *node_to_number(Checker *checker, CheckedExpression *value);
CheckedExpression *node_reduce(Checker *checker, IrReduction reduction, RuleAxisSet axes, CheckedExpression *body,
                               Span span);
CheckedExpression *node_count(Checker *checker, RuleAxisSet axes, const CheckedExpression *body, Span span);
// A placeholder with `axes`, which include those of `actual`, and what is known about `actual`.
CheckedExpression *node_argument(Checker *checker, const CheckedExpression *actual, RuleAxisSet axes, Span span);
CheckedExpression *node_gradient(Checker *checker, CheckedExpression *body, CheckedExpression *argument,
                                 CheckedExpression *at, Span span);
CheckedExpression *node_substitute(Checker *checker, CheckedExpression *value, RuleAxis from, CheckedIndex to);
RuleAxis variable_axis_at(RuleAxis declared, CheckedSide side); // `unit` seen from a side
Span call_place(const Checker *checker, Span span); // inside an inlined function: the place of the user's call
void statement_begin(Checker *checker);

// indices.c
bool bind_index(Checker *checker, AstName name, RuleAxis *axis); // a new state index; false: too many
bool index_extent(Checker *checker, RuleAxis axis, int64_t extent, Span span);
void report_extent_unknown(Checker *checker, RuleAxis axis); // once an index
bool report_unbound_axis(Checker *checker);                  // one that is nearly an axis' name; false: there is none
// Gives the statement's state indices their axes in the rule; the map from local to final numbers. False after an
// error.
bool indices_finish(Checker *checker, RuleAxis *final);
void node_finish(Checker *checker, CheckedExpression *value, const RuleAxis *final);
// Whether it reads the variable in a node that was not looked into under this mark before.
bool node_reads(const CheckedExpression *value, int variable, uint32_t mark);
void node_renumber_variables(Checker *checker, CheckedExpression *value, const int *number, uint32_t mark);

// expression.c
CheckedExpression *check_expression(Checker *checker, const AstExpression *ast); // never NULL
CheckedExpression *check_number(Checker *checker, const AstExpression *ast);
// vectors.c: the value of a let; a vector adds an index of its own to `axes`, of which there are *count
CheckedExpression *check_let_value(Checker *checker, const AstStatement *let, RuleAxis *axes, int *count);
bool check_side(Checker *checker, const AstExpression *name, int variable, CheckedSide *side);
Span base_span(const AstExpression *name_or_index);

// noise.c
CheckedExpression *check_noise(Checker *checker, const AstExpression *ast);

// brackets.c
bool check_indices(Checker *checker, const AstIndex *indices, int count, const char *name, Span span,
                   const int64_t *extents, CheckedIndex *out);
bool check_replacements(Checker *checker, const AstIndex **indices, const CheckedVariable *variable, CheckedSide side,
                        RuleAxis *renamed);

// functions.c
CheckedExpression *check_call(Checker *checker, const AstExpression *ast);
void check_unused_function(Checker *checker, Entry *entry);
bool check_axes(Checker *checker, const AstNameList *names, bool may_bind, RuleAxisSet *axes);

// reductions.c
CheckedExpression *check_reduction(Checker *checker, const AstExpression *ast, BuiltinReduction reduction);
// The axis that a reduction of this block takes most often, for proposals.
const char *likely_axis(const Checker *checker);
CheckedExpression *make_reduction(Checker *checker, BuiltinReduction reduction, RuleAxisSet axes,
                                  CheckedExpression *body, Span span);

// bias.c
void bias_check_reduction(Checker *checker, const CheckedExpression *body, Span span);
void bias_check_assignment(Checker *checker, int variable, CheckedSide side, const CheckedExpression *value, Span span);

// statement.c
void check_statements(Checker *checker, const AstStatement *first, CheckedStatement **statements);

// steps.c
void survey_steps(Checker *checker); // which blocks run, and the indices of repeats
void check_blocks(Checker *checker); // and the order in which they run
void check_prediction(Checker *checker);
void warn_blocks(Checker *checker);

// kin.c: notes of an error about what is missing, and where what is there comes from
void note_kin_of_name(Checker *checker, Diagnostic *diagnostic, const char *name, bool is_function);
void note_kin_of_block(Checker *checker, Diagnostic *diagnostic, const AstStep *missing);
void note_origin(Checker *checker, Diagnostic *diagnostic, const Entry *entry); // by `like`, from another rule

// variables.c
void make_variables(Checker *checker);

// warnings.c
void warn_unused(Checker *checker);
bool prediction_uses_batch(Checker *checker);

#endif
