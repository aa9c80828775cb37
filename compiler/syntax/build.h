// Builders of the syntax tree for the actions of grammar/blur.y: lists, expressions with their limits, variables.
#ifndef BLUR_SYNTAX_BUILD_H
#define BLUR_SYNTAX_BUILD_H

#include "compiler/syntax/parser_state.h"

// Lists that grow at the end.
typedef struct {
  AstExpression *first, *last;
} ExpressionList;
typedef struct {
  AstIndex *first, *last;
} IndexList;
typedef struct {
  AstNameList *first, *last;
} NameList;
typedef struct {
  AstStatement *first, *last;
} StatementList;
typedef struct {
  AstVariable *first, *last;
} VariableList;
typedef struct {
  AstStep *first, *last;
} StepList;
typedef struct {
  AstDeclaration *first, *last;
} DeclarationList;
typedef struct {
  AstField *first, *last;
} FieldList;
typedef struct {
  AstPhrase *first, *last;
} PhraseList;
typedef struct {
  AstClause *first, *last;
} ClauseList;

#define LIST_APPEND(list, item)                                                                                        \
  do {                                                                                                                 \
    if ((list)->last) (list)->last->next = (item);                                                                     \
    else (list)->first = (item);                                                                                       \
    (list)->last = (item);                                                                                             \
  } while (0)
#define LIST_JOIN(list, more)                                                                                          \
  do {                                                                                                                 \
    if ((list)->last) (list)->last->next = (more).first;                                                               \
    else (list)->first = (more).first;                                                                                 \
    if ((more).last) (list)->last = (more).last;                                                                       \
  } while (0)

// Brackets with names: the head of `fn f[c](A: x, g)`, of a call, of a variable's axes.
typedef struct {
  NameList axes, names;
  bool has_colon, present;
} ParameterList;
typedef struct {
  NameList axes;
  ExpressionList arguments;
  bool has_colon;
} ArgumentList;

typedef struct {
  AstName name;
  int primes;
} PrimedName;

void syntax_append_name(Parser *parser, NameList *list, AstName name);
AstName syntax_name_of(Parser *parser, Span span); // the text of a place as a name

AstExpression *syntax_expression(Parser *parser, ExpressionKind kind, Span span);
AstExpression *syntax_error(Parser *parser, Span span);
// Nodes carry the depth of what is below them; beyond the limit a report is made and an EXPRESSION_ERROR returned.
AstExpression *syntax_name(Parser *parser, AstName qualifier, AstName name, Span span);
AstExpression *syntax_index(Parser *parser, AstExpression *base, IndexList indices, Span span);
AstExpression *syntax_call(Parser *parser, AstName function, int primes, IndexList brackets, ArgumentList arguments,
                           Span span);
AstExpression *syntax_call_of_indexed(Parser *parser, AstExpression *callee, ArgumentList arguments, Span span);
AstExpression *syntax_unary(Parser *parser, Operator op, Span op_span, AstExpression *operand, Span span);
AstExpression *syntax_binary(Parser *parser, Operator op, Span op_span, AstExpression *left, AstExpression *right,
                             Span span);
AstExpression *syntax_power(Parser *parser, Span op_span, AstExpression *left, AstExpression *right, Span span);
AstExpression *syntax_arrow_comparison(Parser *parser, Span op_span, AstExpression *left, AstExpression *right,
                                       Span span);
AstExpression *syntax_choice(Parser *parser, AstExpression *condition, AstExpression *yes, AstExpression *no,
                             Span span);
AstExpression *syntax_block(Parser *parser, StatementList items, Span span);
AstExpression *syntax_vector(Parser *parser, ExpressionList elements, Span span);
AstIndex *syntax_index_entry(Parser *parser, AstExpression *value, bool is_range, AstExpression *range_end, Span span);

AstStatement *syntax_statement(Parser *parser, StatementKind kind, Span span);
AstStatement *syntax_assignment(Parser *parser, AstExpression *target, AstExpression *value, Span span);
AstStatement *syntax_let(Parser *parser, AstName name, NameList indices, AstExpression *value, Span span);
// The last item of a block expression is its value; it travels in the list as a let without a name.
AstStatement *syntax_block_value(Parser *parser, AstExpression *value, Span span);

AstDeclaration *syntax_declaration(Parser *parser, DeclarationKind kind, AstName name, Span span);
AstDeclaration *syntax_function(Parser *parser, AstName name, NameList indices, ParameterList parameters,
                                AstExpression *body, AstExpression *derivative, Span span);
AstDeclaration *syntax_pass(Parser *parser, AstName name, AstName direction, bool all, AstStatement *body, Span span);
AstDeclaration *syntax_at(Parser *parser, AstName place, AstName name, AstStatement *body, Span span);

void syntax_into_file(Parser *parser, DeclarationList declarations);
void syntax_rule(Parser *parser, AstName name, AstName base_module, AstName base, DeclarationList declarations,
                 Span span);

// Experiments (build_experiments.c). `settings` NULL: no braces.
void syntax_experiment(Parser *parser, AstName name, FieldList fields, Span span);
AstField *syntax_field(Parser *parser, AstName name, PhraseList phrases, Span span);
AstPhrase *syntax_phrase(Parser *parser, AstName name, AstValue value, const PhraseList *settings, ClauseList clauses,
                         Span span);
AstClause *syntax_clause(Parser *parser, AstName word, AstValue value, Span span);
AstName syntax_text_of(Parser *parser, Span span); // what stands between the quotation marks
AstValue syntax_range_call(Parser *parser, AstExpression *function, AstExpression *low, AstExpression *high,
                           ExpressionList rest, Span span);
// `(64 x 4)` in a chain: a call of `x` with both.
AstExpression *syntax_repeated_link(Parser *parser, AstExpression *units, AstName word, AstExpression *times,
                                    Span span);
AstValue syntax_update_call(Parser *parser, AstExpression *function, AstExpression *target, AstPhrase *other,
                            Span span);

// Attributes of a variable, gathered in any order.
AstVariable *syntax_variable(Parser *parser, AstName name, Span span);
void syntax_variable_initial(Parser *parser, AstVariable *variable, InitialKind kind, AstExpression *initial,
                             Span span);
void syntax_variable_range(Parser *parser, AstVariable *variable, AstExpression *low, AstExpression *high, Span span);
void syntax_variable_scope(Parser *parser, AstVariable *variable, AstName scope, Span span);
typedef enum { ATTRIBUTE_BIAS, ATTRIBUTE_PERSISTENT, ATTRIBUTE_LOG, ATTRIBUTE_FROZEN } VariableWord;
void syntax_variable_word(Parser *parser, AstVariable *variable, VariableWord word, Span span);
void syntax_variable_like(Parser *parser, AstVariable *variable, AstName like, Span span);
// One line group is whole: initializers, ranges and scopes reach back over the names before them.
void syntax_spread_attributes(VariableList *group);

// `<-` where `=` belongs, in a definition.
void syntax_report_definition_arrow(Parser *parser, Span span);
// `=` where `<-` belongs, in a block.
void syntax_report_assignment_equals(Parser *parser, AstExpression *target, Span span);
// A statement or declaration is whole: a range in it that was no target is an error.
void syntax_report_range_outside_target(Parser *parser);

#endif
