// Builders of expressions and statements. Depth is bounded here, so that every later stage may recurse.
// Called by grammar/blur.y; declarations are made in build_declarations.c.
#include "compiler/syntax/build.h"

#include "compiler/syntax/habits.h"

#include <string.h>

AstName syntax_name_of(Parser *parser, Span span) {
  return (AstName){arena_copy(parser->arena, span.file->text + span.start, span.end - span.start), span};
}

void syntax_append_name(Parser *parser, NameList *list, AstName name) {
  AstNameList *entry = ARENA_NEW(parser->arena, AstNameList);
  entry->name = name;
  LIST_APPEND(list, entry);
}

// ---- depth

static uint32_t deeper(uint32_t depth, const AstExpression *below) {
  return below && below->depth > depth ? below->depth : depth;
}

static uint32_t depth_of_list(const AstExpression *list) {
  uint32_t depth = 0;
  for (; list; list = list->next) depth = deeper(depth, list);
  return depth;
}

static uint32_t depth_of_indices(const AstIndex *index) {
  uint32_t depth = 0;
  for (; index; index = index->next) depth = deeper(deeper(depth, index->value), index->range_end);
  return depth;
}

AstExpression *syntax_error(Parser *parser, Span span) {
  AstExpression *expression = ARENA_NEW(parser->arena, AstExpression);
  *expression = (AstExpression){.kind = EXPRESSION_ERROR, .span = span, .depth = 1};
  return expression;
}

// Sets the depth from that of the parts below; too deep an expression becomes an error in place.
static AstExpression *with_depth(Parser *parser, AstExpression *expression, uint32_t below) {
  expression->depth = below + 1;
  if (expression->depth <= EXPRESSION_DEPTH_LIMIT) return expression;
  if (!parser->too_long)
    diagnostic_report(parser->sink, DIAGNOSTIC_expression_too_long, expression->span, (int)EXPRESSION_DEPTH_LIMIT);
  parser->too_long = true;
  return syntax_error(parser, expression->span);
}

// ---- expressions

AstExpression *syntax_expression(Parser *parser, ExpressionKind kind, Span span) {
  AstExpression *expression = ARENA_NEW(parser->arena, AstExpression);
  expression->kind = kind;
  expression->span = span;
  expression->depth = 1;
  return expression;
}

AstExpression *syntax_name(Parser *parser, AstName qualifier, AstName name, Span span) {
  AstExpression *expression = syntax_expression(parser, EXPRESSION_NAME, span);
  expression->name.qualifier = qualifier;
  expression->name.name = name;
  return expression;
}

AstExpression *syntax_index(Parser *parser, AstExpression *base, IndexList indices, Span span) {
  AstExpression *expression = syntax_expression(parser, EXPRESSION_INDEX, span);
  expression->index.base = base;
  expression->index.indices = indices.first;
  return with_depth(parser, expression, deeper(depth_of_indices(indices.first), base));
}

AstExpression *syntax_call(Parser *parser, AstName function, int primes, IndexList brackets, ArgumentList arguments,
                           Span span) {
  AstExpression *expression = syntax_expression(parser, EXPRESSION_CALL, span);
  expression->call.function = function;
  expression->call.primes = primes;
  expression->call.brackets = brackets.first;
  expression->call.axes = arguments.axes.first;
  expression->call.has_colon = arguments.has_colon;
  expression->call.arguments = arguments.arguments.first;
  uint32_t brackets_depth = depth_of_indices(brackets.first);
  uint32_t arguments_depth = depth_of_list(arguments.arguments.first);
  return with_depth(parser, expression, brackets_depth > arguments_depth ? brackets_depth : arguments_depth);
}

// `f(x)` and `norm[c](z)`: what stands before the parenthesis was read as a variable.
AstExpression *syntax_call_of_indexed(Parser *parser, AstExpression *callee, ArgumentList arguments, Span span) {
  if (callee->kind == EXPRESSION_ERROR) return callee;
  IndexList brackets = {0};
  if (callee->kind == EXPRESSION_INDEX) {
    brackets.first = callee->index.indices;
    callee = callee->index.base;
  }
  if (callee->name.qualifier.text) {
    const char *qualifier = callee->name.qualifier.text, *name = callee->name.name.text;
    const char *own = habit_function(name);
    if (habit_is_module(qualifier) || own) { // `torch.tanh(z)`, `z.detach()`
      Diagnostic *foreign = diagnostic_report(parser->sink, DIAGNOSTIC_unknown_function, callee->span,
                                              arena_format(parser->arena, "%s.%s", qualifier, name));
      diagnostic_help(parser->sink, foreign, own ? "%s" : "a function is called by its name alone: `%s(...)`",
                      own ? own : name);
      return syntax_error(parser, span);
    }
    Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_qualified_call, callee->span,
                                               callee->name.qualifier.text, callee->name.name.text);
    diagnostic_help(parser->sink, diagnostic,
                    "a product needs its sign: `%s.%s * (...)`; a function of a module is made known by `use`",
                    callee->name.qualifier.text, callee->name.name.text);
    return syntax_error(parser, span);
  }
  return syntax_call(parser, callee->name.name, 0, brackets, arguments, span);
}

AstExpression *syntax_unary(Parser *parser, Operator op, Span op_span, AstExpression *operand, Span span) {
  AstExpression *expression = syntax_expression(parser, EXPRESSION_UNARY, span);
  expression->binary.op = op;
  expression->binary.op_span = op_span;
  expression->binary.left = operand;
  return with_depth(parser, expression, operand->depth);
}

AstExpression *syntax_binary(Parser *parser, Operator op, Span op_span, AstExpression *left, AstExpression *right,
                             Span span) {
  AstExpression *expression = syntax_expression(parser, EXPRESSION_BINARY, span);
  expression->binary.op = op;
  expression->binary.op_span = op_span;
  expression->binary.left = left;
  expression->binary.right = right;
  return with_depth(parser, expression, deeper(left->depth, right));
}

static const char *short_source(Parser *parser, Span span) {
  enum { LONGEST = 40 };
  uint32_t length = span.end - span.start;
  if (length > LONGEST || memchr(span.file->text + span.start, '\n', length)) return NULL;
  return arena_copy(parser->arena, span.file->text + span.start, length);
}

AstExpression *syntax_power(Parser *parser, Span op_span, AstExpression *left, AstExpression *right, Span span) {
  AstName written = syntax_name_of(parser, op_span);
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_power_operator, op_span, written.text);
  Span whole = span_join(left->span, right->span);
  const char *base = short_source(parser, left->span), *exponent = short_source(parser, right->span);
  if (base && exponent) diagnostic_fix(parser->sink, diagnostic, whole, "pow(%s, %s)", base, exponent);
  else diagnostic_help(parser->sink, diagnostic, "write `pow(base, exponent)`");
  ExpressionList arguments = {left, left};
  LIST_APPEND(&arguments, right);
  return syntax_call(parser, (AstName){"pow", op_span}, 0, (IndexList){0}, (ArgumentList){.arguments = arguments},
                     span);
}

// `a <-b` in an expression: meant as a < -b.
AstExpression *syntax_arrow_comparison(Parser *parser, Span op_span, AstExpression *left, AstExpression *right,
                                       Span span) {
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_arrow_in_expression, op_span);
  diagnostic_fix(parser->sink, diagnostic, op_span, "< -");
  AstExpression *negated = syntax_unary(parser, OPERATOR_NEGATE, op_span, right, right->span);
  return syntax_binary(parser, OPERATOR_LESS, op_span, left, negated, span);
}

AstExpression *syntax_choice(Parser *parser, AstExpression *condition, AstExpression *yes, AstExpression *no,
                             Span span) {
  AstExpression *expression = syntax_expression(parser, EXPRESSION_IF, span);
  expression->choice.condition = condition;
  expression->choice.yes = yes;
  expression->choice.no = no;
  return with_depth(parser, expression, deeper(deeper(condition->depth, yes), no));
}

AstExpression *syntax_vector(Parser *parser, ExpressionList elements, Span span) {
  AstExpression *expression = syntax_expression(parser, EXPRESSION_VECTOR, span);
  expression->vector.elements = elements.first;
  return with_depth(parser, expression, depth_of_list(elements.first));
}

AstIndex *syntax_index_entry(Parser *parser, AstExpression *value, bool is_range, AstExpression *range_end, Span span) {
  AstIndex *index = ARENA_NEW(parser->arena, AstIndex);
  *index = (AstIndex){.span = span, .value = value, .is_range = is_range, .range_end = range_end};
  if (is_range && !parser->range_seen.file) parser->range_seen = span;
  return index;
}

AstStatement *syntax_block_value(Parser *parser, AstExpression *value, Span span) {
  AstStatement *item = syntax_statement(parser, STATEMENT_LET, span);
  item->let.value = value;
  return item;
}

AstExpression *syntax_block(Parser *parser, StatementList items, Span span) {
  AstExpression *expression = syntax_expression(parser, EXPRESSION_BLOCK, span);
  StatementList lets = {0};
  uint32_t depth = 0;
  for (AstStatement *item = items.first, *next; item; item = next) {
    next = item->next;
    item->next = NULL;
    if (item->kind == STATEMENT_ERROR) return syntax_error(parser, span);
    depth = deeper(depth, item->let.value);
    bool is_value = !item->let.name.text;
    if (is_value && !next) {
      expression->block.statements = lets.first;
      expression->block.value = item->let.value;
      return with_depth(parser, expression, depth);
    }
    if (is_value) {
      Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_value_not_last, item->span);
      diagnostic_help(parser->sink, diagnostic, "give it a name, `let z = ...`, or leave it out");
      return syntax_error(parser, span);
    }
    LIST_APPEND(&lets, item);
  }
  Span end = parser_span(parser, span.end - 1, span.end);
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_block_without_value, end);
  diagnostic_note(parser->sink, diagnostic, parser_span(parser, span.start, span.start + 1), "the block begins here");
  diagnostic_help(parser->sink, diagnostic, "end it with the value: `{ let e = exp(z); e / sum(batch: e) }`");
  return syntax_error(parser, span);
}

// ---- statements

AstStatement *syntax_statement(Parser *parser, StatementKind kind, Span span) {
  AstStatement *statement = ARENA_NEW(parser->arena, AstStatement);
  statement->kind = kind;
  statement->span = span;
  return statement;
}

AstStatement *syntax_assignment(Parser *parser, AstExpression *target, AstExpression *value, Span span) {
  syntax_report_range_outside_target(parser);
  if (target->kind == EXPRESSION_ERROR) return syntax_statement(parser, STATEMENT_ERROR, span);
  AstStatement *statement = syntax_statement(parser, STATEMENT_ASSIGN, span);
  statement->assign.target = target;
  statement->assign.value = value;
  return statement;
}

AstStatement *syntax_let(Parser *parser, AstName name, NameList indices, AstExpression *value, Span span) {
  syntax_report_range_outside_target(parser);
  AstStatement *statement = syntax_statement(parser, STATEMENT_LET, span);
  statement->let.name = name;
  statement->let.indices = indices.first;
  statement->let.value = value;
  return statement;
}

// ---- slips that are understood

void syntax_report_definition_arrow(Parser *parser, Span span) {
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_define_with_arrow, span);
  diagnostic_fix(parser->sink, diagnostic, span, "=");
}

void syntax_report_assignment_equals(Parser *parser, AstExpression *target, Span span) {
  const char *text = short_source(parser, target->span);
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_assign_with_equals, span, text ? text : "...");
  diagnostic_fix(parser->sink, diagnostic, span, "<-");
}

void syntax_report_range_outside_target(Parser *parser) {
  if (parser->range_seen.file) diagnostic_report(parser->sink, DIAGNOSTIC_range_outside_target, parser->range_seen);
  parser->range_seen = (Span){0};
}
