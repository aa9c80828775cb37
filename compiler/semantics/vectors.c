// `let z = [p, q, r]`: z is over a state index of its own, one element a state; `[[p, q], [r, s]]` over two. The value
// is a choice by the index's position, which lowering settles where z is read with a known index. Called by the two
// kinds of `let` (statement.c, expression.c); nowhere else does a vector stand as a value.
#include "compiler/semantics/checker.h"

enum { MAX_ELEMENTS = 256 };

static int64_t element_count(const AstExpression *vector) {
  int64_t count = 0;
  for (const AstExpression *element = vector->vector.elements; element; element = element->next) count++;
  return count;
}

static CheckedExpression *report_shape(Checker *checker, const AstExpression *ast, const char *name) {
  Diagnostic *diagnostic = REPORT(checker, vector_shape, ast->span, name);
  diagnostic_help(checker->sink, diagnostic, "give every row the same number of elements");
  return checker->error;
}

static CheckedExpression *choose_element(Checker *checker, const AstExpression *ast, const char *name, int64_t *extents,
                                         const RuleAxis *axes, int depth) {
  if (ast->kind == EXPRESSION_ERROR) return checker->error;
  if ((ast->kind == EXPRESSION_VECTOR) != (depth > 0)) return report_shape(checker, ast, name);
  if (depth == 0) return check_number(checker, ast);
  if (element_count(ast) != *extents) return report_shape(checker, ast, name);
  CheckedExpression *values[MAX_ELEMENTS];
  int64_t count = 0;
  bool fine = true;
  for (const AstExpression *element = ast->vector.elements; element; element = element->next) {
    values[count] = choose_element(checker, element, name, extents + 1, axes + 1, depth - 1);
    fine = fine && !node_is_error(checker, values[count++]);
  }
  if (!fine) return checker->error;
  CheckedExpression *value = values[--count], *position = node_position(checker, *axes, ast->span);
  while (count-- > 0) {
    CheckedExpression *number = node_number(checker, (double)count, false, ast->span);
    CheckedExpression *is_here = node_operation(checker, OP_EQUAL, position, number, NULL, ast->span);
    value = node_operation(checker, OP_SELECT, is_here, values[count], value, ast->span);
  }
  return value;
}

CheckedExpression *check_let_value(Checker *checker, const AstStatement *let, RuleAxis *axes, int *count) {
  const AstExpression *ast = let->let.value;
  if (!ast || ast->kind != EXPRESSION_VECTOR) return check_expression(checker, ast);
  int64_t extents[IR_MAX_DIMENSIONS];
  int first = *count;
  for (const AstExpression *part = ast; part && part->kind == EXPRESSION_VECTOR; part = part->vector.elements) {
    int64_t extent = element_count(part);
    if (extent < 1 || extent > MAX_ELEMENTS || *count == IR_MAX_DIMENSIONS) {
      REPORT(checker, rule_too_large, part->span, "a vector has 1 to 256 elements, and at most 8 indices");
      return checker->error;
    }
    if (!bind_index(checker, let->let.name, &axes[*count])) return checker->error;
    checker->indexed = (Indexed){0};
    index_extent(checker, axes[*count], extent, part->span);
    extents[(*count)++ - first] = extent;
  }
  return choose_element(checker, ast, let->let.name.text, extents, axes + first, *count - first);
}
