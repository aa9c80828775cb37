// Expressions as source text with the fewest parentheses that keep their meaning. What is printed parses to the same
// tree; used by `blur explain`, by messages and by --stage=ast for short things.
#include "compiler/syntax/print.h"

static const char *const operator_texts[] = {
    [OPERATOR_NEGATE] = "-",         [OPERATOR_NOT] = "not",       [OPERATOR_ADD] = "+",
    [OPERATOR_SUBTRACT] = "-",       [OPERATOR_MULTIPLY] = "*",    [OPERATOR_DIVIDE] = "/",
    [OPERATOR_LESS] = "<",           [OPERATOR_LESS_EQUAL] = "<=", [OPERATOR_GREATER] = ">",
    [OPERATOR_GREATER_EQUAL] = ">=", [OPERATOR_EQUAL] = "==",      [OPERATOR_NOT_EQUAL] = "!=",
    [OPERATOR_AND] = "and",          [OPERATOR_OR] = "or",
};

const char *operator_text(Operator op) { return operator_texts[op]; }

// How strongly an expression holds together, weakest first.
typedef enum {
  HOLD_IF,
  HOLD_OR,
  HOLD_AND,
  HOLD_NOT,
  HOLD_COMPARISON,
  HOLD_SUM,
  HOLD_PRODUCT,
  HOLD_SIGN,
  HOLD_ATOM
} Hold;

static Hold hold_of_operator(Operator op) {
  switch (op) {
  case OPERATOR_NEGATE: return HOLD_SIGN;
  case OPERATOR_NOT: return HOLD_NOT;
  case OPERATOR_ADD:
  case OPERATOR_SUBTRACT: return HOLD_SUM;
  case OPERATOR_MULTIPLY:
  case OPERATOR_DIVIDE: return HOLD_PRODUCT;
  case OPERATOR_AND: return HOLD_AND;
  case OPERATOR_OR: return HOLD_OR;
  default: return HOLD_COMPARISON;
  }
}

static Hold hold_of(const AstExpression *expression) {
  switch (expression->kind) {
  case EXPRESSION_IF: return HOLD_IF;
  case EXPRESSION_UNARY:
  case EXPRESSION_BINARY: return hold_of_operator(expression->binary.op);
  default: return HOLD_ATOM;
  }
}

static void add_held(const AstExpression *expression, Hold least, Text *out) {
  bool parentheses = hold_of(expression) < least;
  if (parentheses) text_add(out, "(");
  expression_print(expression, out);
  if (parentheses) text_add(out, ")");
}

static void add_list(const AstExpression *list, Text *out) {
  for (const AstExpression *item = list; item; item = item->next) {
    if (item != list) text_add(out, ", ");
    expression_print(item, out);
  }
}

void name_list_print(const AstNameList *list, Text *out) {
  for (const AstNameList *item = list; item; item = item->next)
    text_add(out, "%s%s", item == list ? "" : ", ", item->name.text);
}

void index_list_print(const AstIndex *list, Text *out) {
  text_add(out, "[");
  for (const AstIndex *index = list; index; index = index->next) {
    if (index != list) text_add(out, ", ");
    if (index->axis.text) text_add(out, "%s=", index->axis.text);
    expression_print(index->value, out);
    if (index->is_range) text_add(out, "..");
    if (index->range_end) expression_print(index->range_end, out);
  }
  text_add(out, "]");
}

static void add_call(const AstExpression *call, Text *out) {
  text_add(out, "%s", call->call.function.text);
  for (int i = 0; i < call->call.primes; i++) text_add(out, "'");
  if (call->call.brackets) index_list_print(call->call.brackets, out);
  text_add(out, "(");
  if (call->call.has_colon) {
    name_list_print(call->call.axes, out);
    text_add(out, ": ");
  }
  add_list(call->call.arguments, out);
  text_add(out, ")");
}

static void add_binary(const AstExpression *expression, Text *out) {
  Hold hold = hold_of_operator(expression->binary.op);
  bool comparison = hold == HOLD_COMPARISON;
  add_held(expression->binary.left, comparison ? hold + 1 : hold, out);
  text_add(out, " %s ", operator_texts[expression->binary.op]);
  add_held(expression->binary.right, hold + 1, out);
}

static void add_block(const AstExpression *expression, Text *out) {
  text_add(out, "{ ");
  for (const AstStatement *let = expression->block.statements; let; let = let->next) {
    text_add(out, "let %s", let->let.name.text);
    if (let->let.indices) {
      text_add(out, "[");
      name_list_print(let->let.indices, out);
      text_add(out, "]");
    }
    text_add(out, " = ");
    expression_print(let->let.value, out);
    text_add(out, "; ");
  }
  expression_print(expression->block.value, out);
  text_add(out, " }");
}

void expression_print(const AstExpression *expression, Text *out) {
  switch (expression->kind) {
  case EXPRESSION_NUMBER: text_add_number(out, expression->number); break;
  case EXPRESSION_NAME:
    if (expression->name.qualifier.text) text_add(out, "%s.", expression->name.qualifier.text);
    text_add(out, "%s", expression->name.name.text);
    break;
  case EXPRESSION_INDEX:
    expression_print(expression->index.base, out);
    index_list_print(expression->index.indices, out);
    break;
  case EXPRESSION_CALL: add_call(expression, out); break;
  case EXPRESSION_UNARY:
    text_add(out, expression->binary.op == OPERATOR_NOT ? "not " : "-");
    add_held(expression->binary.left, hold_of_operator(expression->binary.op), out);
    break;
  case EXPRESSION_BINARY: add_binary(expression, out); break;
  case EXPRESSION_IF:
    text_add(out, "if ");
    expression_print(expression->choice.condition, out);
    text_add(out, " then ");
    expression_print(expression->choice.yes, out);
    text_add(out, " else ");
    expression_print(expression->choice.no, out);
    break;
  case EXPRESSION_BLOCK: add_block(expression, out); break;
  case EXPRESSION_VECTOR:
    text_add(out, "[");
    add_list(expression->vector.elements, out);
    text_add(out, "]");
    break;
  case EXPRESSION_ERROR: text_add(out, "<error>"); break;
  }
}
