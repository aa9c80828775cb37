// The abstract syntax tree: what the parser makes of a file, in the order of the text. Nothing is resolved here: names
// are text with a place. All nodes live in the arena of the compilation. Lists are singly linked through `next`.
#ifndef BLUR_SYNTAX_AST_H
#define BLUR_SYNTAX_AST_H

#include "compiler/source/source.h"

typedef struct {
  const char *text;
  Span span;
} AstName;

typedef struct AstNameList AstNameList;
struct AstNameList {
  AstName name;
  AstNameList *next;
};

// ---- expressions

typedef enum {
  EXPRESSION_NUMBER, // 1e-3
  EXPRESSION_NAME,   // w, pre.a, batch, last, loss: qualifier (or none) and name
  EXPRESSION_INDEX,  // base[i, j, post=post2]: base is a NAME
  EXPRESSION_CALL,   // f(x, y), f'(x), norm[c](z), standardize(batch: z), sum(pre, d: w), normal(batch, post: 0, 1)
  EXPRESSION_UNARY,  // -x, not x
  EXPRESSION_BINARY, // + - * / < <= > >= == != and or
  EXPRESSION_IF,     // if c then p else q
  EXPRESSION_BLOCK,  // { let e = exp(z); e / sum(A: e) }: statements (lets) and a value
  EXPRESSION_VECTOR, // [p, q, r]
  EXPRESSION_ERROR   // a place where parsing recovered; checks stay silent about it
} ExpressionKind;

typedef enum {
  OPERATOR_NEGATE,
  OPERATOR_NOT,
  OPERATOR_ADD,
  OPERATOR_SUBTRACT,
  OPERATOR_MULTIPLY,
  OPERATOR_DIVIDE,
  OPERATOR_LESS,
  OPERATOR_LESS_EQUAL,
  OPERATOR_GREATER,
  OPERATOR_GREATER_EQUAL,
  OPERATOR_EQUAL,
  OPERATOR_NOT_EQUAL,
  OPERATOR_AND,
  OPERATOR_OR
} Operator;

typedef struct AstExpression AstExpression;
typedef struct AstStatement AstStatement;
typedef struct AstIndex AstIndex;

// One entry of brackets: `c`, `0`, `d+1` (value), `2..` or `0..2` (range, only on the left), `post=post2` (axis =
// value).
struct AstIndex {
  Span span;
  AstName axis;         // text NULL unless `axis=...`
  AstExpression *value; // first index of a range
  bool is_range;
  AstExpression *range_end; // NULL: open
  AstIndex *next;
};

struct AstExpression {
  ExpressionKind kind;
  Span span;
  AstExpression *next; // in a list of arguments or of vector elements
  uint32_t depth;      // levels of the tree, this one included; the parser keeps it below a limit
  union {
    double number;
    struct {
      AstName qualifier, name;
    } name; // qualifier.text NULL if absent
    struct {
      AstExpression *base;
      AstIndex *indices;
    } index;
    struct {
      AstName function;
      int primes;         // f' 1, f'' 2
      AstIndex *brackets; // norm[c](z); NULL if absent
      AstNameList *axes;  // names before the colon; NULL if absent
      bool has_colon;
      AstExpression *arguments;
    } call;
    struct {
      Operator op;
      Span op_span;
      AstExpression *left, *right;
    } binary; // unary: left only
    struct {
      AstExpression *condition, *yes, *no;
    } choice;
    struct {
      AstStatement *statements;
      AstExpression *value;
    } block;
    struct {
      AstExpression *elements;
    } vector;
  };
};

// ---- statements of a block

typedef enum {
  STATEMENT_ASSIGN, // pre.a[c] <- value; a[2..] <- 0
  STATEMENT_LET,    // let z = value; let u[i] = value
  STATEMENT_IF,     // if constant { ... } else { ... }
  STATEMENT_ERROR
} StatementKind;

struct AstStatement {
  StatementKind kind;
  Span span;
  AstStatement *next;
  union {
    struct {
      AstExpression *target, *value;
    } assign; // target: NAME or INDEX
    struct {
      AstName name;
      AstNameList *indices;
      AstExpression *value;
    } let;
    struct {
      AstExpression *condition;
      AstStatement *yes, *no;
    } choice;
  };
};

// ---- declarations of a rule, in the order of the text

typedef enum {
  DECLARATION_CONST,
  DECLARATION_FUNCTION,
  DECLARATION_NEURON,
  DECLARATION_SYNAPSE,
  DECLARATION_GENOME,
  DECLARATION_SIGNAL,
  DECLARATION_BLOCK,
  DECLARATION_STEP,
  DECLARATION_PREDICT,
  DECLARATION_USE,
  DECLARATION_IF
} DeclarationKind;

typedef enum {
  BLOCK_INPUT,
  BLOCK_FORWARD,
  BLOCK_FEEDBACK,
  BLOCK_BACKWARD,
  BLOCK_UPDATE,
  BLOCK_PASS,
  BLOCK_AT
} BlockKind;
typedef enum { AT_INPUT, AT_OUTPUT, AT_EACH } AtPlace;
typedef enum { INITIAL_NONE, INITIAL_VALUE, INITIAL_DRAW } InitialKind; // none, `= value`, `~ normal(0, 1)`
typedef enum { SCOPE_NONE, SCOPE_PER_LAYER, SCOPE_PER_NEURON, SCOPE_PER_SYNAPSE } GenomeScope;

// One declared variable: `a[k]`, `w[k] bias ~ normal(0, 0.1)`, `nu[k,k]`, `theta (unit) = 0 persistent`, `m like w =
// 0`.
typedef struct AstVariable AstVariable;
struct AstVariable {
  AstName name;
  Span span;
  AstExpression *extents; // list: the state extents; NULL: none
  AstNameList *axes;      // (output, pre); NULL: the default axes
  bool has_axes;
  bool bias, persistent;
  Span bias_span;
  AstName like; // text NULL if absent
  // An initializer, range or scope covers all names since the last one: the parser copies it to each of them.
  InitialKind initial_kind;
  AstExpression *initial;    // VALUE: the value; DRAW: a CALL of normal, uniform, orthogonal
  AstExpression *low, *high; // genome: `in (lo, hi)`; NULL if absent
  bool logarithmic, frozen;
  GenomeScope scope;
  AstVariable *next;
};

typedef struct AstStep AstStep; // an entry of step { ... } or predict { ... }: a block's name, or repeat
struct AstStep {
  AstName name;         // of a block; text NULL for a repeat
  AstName counter;      // repeat i in 20; text NULL if absent
  AstExpression *count; // repeat
  AstStep *body;        // repeat
  Span span;
  AstStep *next;
};

typedef struct AstDeclaration AstDeclaration;
struct AstDeclaration {
  DeclarationKind kind;
  Span span;
  AstDeclaration *next;
  AstName name;
  union {
    struct {
      AstExpression *value;
    } constant;
    struct { // fn f[c, d](A: x, g) = body, or fn act = tanh (alias: is_alias, body is a NAME)
      bool is_alias;
      AstNameList *indices, *axes, *parameters;
      bool has_axes;
      AstExpression *body;
      AstExpression *derivative; // of `derivative EXPR`, or NULL
    } function;
    struct {
      AstVariable *variables;
    } variables; // neuron, synapse, genome, signal
    struct {
      BlockKind kind;
      bool is_up, all; // pass: up or down
      AtPlace place;   // at
      AstStatement *statements;
    } block; // name: of a pass or at block; otherwise the keyword
    struct {
      AstStep *steps;
    } step;
    struct {
      AstStep *steps;
      AstExpression *value;
    } predict; // steps NULL: the default
    struct {
      AstName module, item;
    } use; // use std.norm: module "std", item "norm"
    struct {
      AstExpression *condition;
      AstDeclaration *yes, *no;
    } choice;
  };
};

typedef struct AstRule AstRule;
struct AstRule {
  AstName name;
  AstName base_module, base; // rule A like std.B: module "std" (NULL: this file), base "B"; base.text NULL if absent
  Span span;
  AstDeclaration *declarations;
  AstRule *next;
};

// ---- experiments: fields of phrases. What each may hold is checked by semantics (experiment.def), not by the grammar.

typedef enum {
  VALUE_NONE,
  VALUE_EXPRESSION,  // 100, mnist, 50000 / 10000, sweep(0.01, 0.1): first
  VALUE_RANGE,       // 0 .. 4: first, last
  VALUE_CHAIN,       // in -> 256 -> out: first is a list
  VALUE_TEXT,        // "figure5.genome": name
  VALUE_RANGE_CALL,  // tune(0.001 .. 1, 9): name, first, last, rest (a list)
  VALUE_UPDATE_CALL, // cosine(update w, std.backprop): name, first (w), other
  VALUE_ERROR        // reported; checks stay silent about it
} AstValueKind;

typedef struct AstPhrase AstPhrase;
typedef struct {
  AstValueKind kind;
  Span span;
  AstName name;
  AstExpression *first, *last, *rest;
  AstPhrase *other;
} AstValue;

typedef struct AstClause AstClause;
struct AstClause { // every 5, on test, genome "figure5.genome"
  AstName word;
  Span span;
  AstValue value; // NONE where nothing follows
  AstClause *next;
};

struct AstPhrase { // 100; eval every 5 on test; std.momentum { lr = tune(0.001 .. 1, 9) on validation at 100 }
  AstName name;    // before `=`; text NULL if absent
  Span span;
  AstValue value;
  bool has_settings;
  AstPhrase *settings; // in braces
  AstClause *clauses;
  AstPhrase *next;
};

typedef struct AstField AstField;
struct AstField {
  AstName name;
  Span span;
  AstPhrase *phrases;
  AstField *next;
};

typedef struct AstExperiment AstExperiment;
struct AstExperiment {
  AstName name;
  Span span;
  AstField *fields;
  AstExperiment *next;
};

// Functions and `use` may stand outside rules, at the level of the file.
typedef struct {
  const SourceFile *source;
  AstDeclaration *declarations; // fn, const, use of the file
  AstRule *rules;
  AstExperiment *experiments;
} AstFile;

#endif
