// Expressions: from the text's tree to nodes with their free axes. Every name is resolved here; calls are functions.c,
// reductions reductions.c. An expression with an error is the error node, which silences everything built on it.
#include "compiler/semantics/checker.h"
#include "compiler/syntax/syntax.h"

#include <string.h>

enum { MAX_EXPRESSION_DEPTH = 1000 };

Span base_span(const AstExpression *name_or_index) {
  return name_or_index->kind == EXPRESSION_INDEX ? name_or_index->index.base->span : name_or_index->span;
}

// ---- names

static const char *kind_name(const CheckedVariable *variable) {
  static const char *const names[] = {"the input",          "the target",     "a neuron variable",
                                      "a synapse variable", "a genome value", "a signal"};
  static const char *const scoped[] = {"a genome value", "a genome value of each layer",
                                       "a genome value of each neuron", "a genome value of each synapse"};
  return variable->kind == CHECKED_GENOME ? scoped[variable->scope] : names[variable->kind];
}

// From which side a variable is seen here, by its qualifier and by the block. False after reporting.
bool check_side(Checker *checker, const AstExpression *ast, int variable, CheckedSide *side) {
  const CheckedVariable *info = &checker->rule->variables.items[variable];
  const char *qualifier = ast->name.qualifier.text;
  PlaceKind place = checker->place.kind;
  if (place == PLACE_ANYWHERE) return false;
  if (qualifier && !checked_on_neurons(info)) {
    if (checker->facts[variable].unseen) return false;
    Diagnostic *diagnostic = REPORT(checker, side_of_other, ast->span, info->name, kind_name(info), qualifier);
    diagnostic_help(checker->sink, diagnostic, "write `%s`", info->name);
    diagnostic_fix(checker->sink, diagnostic, span_join(ast->name.qualifier.span, ast->name.name.span), "%s",
                   info->name);
    return false;
  }
  if (info->kind == CHECKED_SIGNAL && place >= PLACE_ONE_LAYER) {
    *side = SIDE_OWN;
    return true;
  }
  if (info->kind == CHECKED_GENOME && (info->scope == SCOPE_NONE || info->scope == SCOPE_PER_LAYER)) {
    *side = SIDE_OWN;
    bool of_layer = info->scope == SCOPE_PER_LAYER;
    if (of_layer ? place == PLACE_SYNAPSES || checker->place.sees_layer_genome
                 : place >= PLACE_ONE_LAYER || checker->place.sees_genome)
      return true;
    if (place == PLACE_CONSTANT && !checker->place.sees_genome) {
      REPORT(checker, not_constant, ast->span, checker->place.name);
      return false;
    }
    Diagnostic *diagnostic = REPORT(checker, not_visible, ast->span, info->name, checker->place.name);
    diagnostic_note(checker->sink, diagnostic, info->span, "`%s` has a value for each layer of synapses", info->name);
    diagnostic_help(checker->sink, diagnostic,
                    place == PLACE_ONE_LAYER ? "read it in the blocks of synapse layers: `forward`, `update`, passes"
                                             : "leave out `per layer`, or give this a value for each layer, too");
    return false;
  }
  if (place == PLACE_CONSTANT || place == PLACE_INITIAL) {
    Diagnostic *diagnostic = place == PLACE_CONSTANT
                                 ? REPORT(checker, not_constant, ast->span, checker->place.name)
                                 : REPORT(checker, initial_not_scalar, ast->span, checker->place.name);
    diagnostic_note(checker->sink, diagnostic, info->span, "`%s` is %s", info->name, kind_name(info));
    return false;
  }
  if (checked_is_synaptic(info)) {
    *side = SIDE_OWN;
    if (place == PLACE_SYNAPSES) return true;
    checker->facts[variable].unseen = true;
    Diagnostic *diagnostic = REPORT(checker, not_visible, ast->span, info->name, checker->place.name);
    diagnostic_help(checker->sink, diagnostic, "synapses are seen in `forward`, `backward`, `update` and passes");
    return false;
  }
  if (qualifier && !strcmp(qualifier, "output")) {
    *side = SIDE_OUTPUT;
    return true;
  }
  static const struct {
    const char *name;
    CheckedSide side;
  } sides[] = {{"pre", SIDE_PRE}, {"post", SIDE_POST}, {"pre2", SIDE_PRE2}, {"post2", SIDE_POST2}};
  size_t found = 0;
  while (qualifier && found < 4 && strcmp(qualifier, sides[found].name) != 0) found++;
  if (found == 4) {
    Diagnostic *diagnostic = REPORT(checker, unknown_side, ast->name.qualifier.span, qualifier);
    const char *near = near_axis(checker, qualifier);
    bool is_side = near && strcmp(near, "batch") != 0 && strcmp(near, "unit") != 0;
    if (is_side) diagnostic_fix(checker->sink, diagnostic, ast->name.qualifier.span, "%s", near);
    diagnostic_help(checker->sink, diagnostic,
                    is_side
                        ? "did you mean `%s`?"
                        : "the sides are `pre`, `post` and `output`; `pre2` and `post2` are second indices over them",
                    near);
    return false;
  }
  if (place == PLACE_SYNAPSES) {
    if (qualifier) {
      *side = sides[found].side;
      return true;
    }
    Diagnostic *diagnostic = REPORT(checker, missing_side, ast->span, info->name, checker->place.name);
    diagnostic_help(checker->sink, diagnostic, "write `pre.%s` for the layer below or `post.%s` for the layer above",
                    info->name, info->name);
    return false;
  }
  if (!qualifier) {
    *side = SIDE_UNIT;
    return true;
  }
  Diagnostic *diagnostic = REPORT(checker, side_in_one_layer, ast->span, checker->place.name, qualifier);
  diagnostic_help(checker->sink, diagnostic, "write `%s`", info->name);
  diagnostic_fix(checker->sink, diagnostic, span_join(ast->name.qualifier.span, ast->name.name.span), "%s", info->name);
  return false;
}

static CheckedExpression *read_variable(Checker *checker, const AstExpression *name, const AstIndex *indices,
                                        Entry *entry, Span span) {
  if (entry->index < 0) return checker->error; // its declaration has been reported
  int variable = entry->index;
  CheckedSide side;
  entry->used = true;
  if (!check_side(checker, name, variable, &side)) {
    checker->facts[variable].read = true;
    return checker->error;
  }
  const CheckedVariable *info = &checker->rule->variables.items[variable];
  checker_doubt_readers(checker, info->span);
  CheckedIndex index[IR_MAX_DIMENSIONS] = {0};
  RuleAxis renamed[IR_MAX_DIMENSIONS];
  if (!check_replacements(checker, &indices, info, side, renamed) ||
      !check_indices(checker, indices, info->states, info->name, span, info->extent, index)) {
    checker->facts[variable].read = true;
    return checker->error;
  }
  return node_read(checker, variable, side, index, renamed, span);
}

static CheckedExpression *read_local(Checker *checker, Local *local, const AstIndex *indices, Span span) {
  local->used = true;
  switch (local->kind) {
  case LOCAL_ANY: return checker->error;
  case LOCAL_INDEX:
    if (indices) break;
    return local->index.is_axis ? node_position(checker, local->index.axis, span)
                                : node_number(checker, (double)local->index.constant, false, span);
  case LOCAL_AXES: {
    if (indices) break;
    if (!local->axes || (local->axes & (local->axes - 1))) {
      Diagnostic *diagnostic = REPORT(checker, position_of_axes, span, local->name.text);
      diagnostic_help(checker->sink, diagnostic, "call the function with one axis");
      return checker->error;
    }
    return node_position(checker, (RuleAxis)__builtin_ctzll(local->axes), span);
  }
  case LOCAL_FUNCTION: {
    Diagnostic *diagnostic = REPORT(checker, function_as_value, span, local->name.text);
    diagnostic_help(checker->sink, diagnostic, "call it: `%s(...)`", local->name.text);
    return checker->error;
  }
  case LOCAL_VALUE:
  case LOCAL_LET: {
    CheckedIndex index[IR_MAX_DIMENSIONS] = {0};
    int64_t extents[IR_MAX_DIMENSIONS];
    int count = local->kind == LOCAL_LET ? checker->rule->lets.items[local->let].indices : local->indices;
    for (int i = 0; i < count; i++) {
      extents[i] = local->kind == LOCAL_LET
                       ? checker->rule->axes.items[checker->rule->lets.items[local->let].index[i]].extent
                       : checker->indices[local->index_axis[i]].extent;
      if (!extents[i]) {
        report_extent_unknown(checker, local->index_axis[i]);
        return checker->error;
      }
    }
    if (!check_replacements(checker, &indices, NULL, SIDE_OWN, NULL) ||
        !check_indices(checker, indices, count, local->name.text, span, extents, index))
      return checker->error;
    if (local->kind == LOCAL_LET) return node_let(checker, local->let, index, span);
    CheckedExpression *value = local->value;
    // Through fresh names first, so that u[j,i] of u[i,j] does not mix them up.
    RuleAxis fresh[IR_MAX_DIMENSIONS];
    for (int i = 0; i < count && count > 1; i++) {
      if (!bind_index(checker, checker->indices[local->index_axis[i]].name, &fresh[i])) return checker->error;
      checker->indexed = (Indexed){0};
      index_extent(checker, fresh[i], extents[i], span);
      value = node_substitute(checker, value, local->index_axis[i], (CheckedIndex){true, fresh[i], 0});
    }
    for (int i = 0; i < count; i++)
      value = node_substitute(checker, value, count > 1 ? fresh[i] : local->index_axis[i], index[i]);
    return value;
  }
  }
  Diagnostic *diagnostic = report_index_count(checker, span, local->name.text, 0, indices);
  diagnostic_help(checker->sink, diagnostic, "write `%s` without brackets", local->name.text);
  return checker->error;
}

static CheckedExpression *read_scalar(Checker *checker, CheckedScalar scalar, const char *name, Span span) {
  PlaceKind place = checker->place.kind;
  bool fixed = scalar != SCALAR_STEP && scalar != SCALAR_TRAINING && scalar != SCALAR_BIAS;
  if (place == PLACE_CONSTANT) {
    Diagnostic *diagnostic = REPORT(checker, not_constant, span, checker->place.name);
    diagnostic_help(checker->sink, diagnostic, "`%s` is known only when a network is there", name);
    return checker->error;
  }
  if ((place == PLACE_INITIAL && !fixed) ||
      (place == PLACE_ONE_LAYER && (scalar == SCALAR_FAN_IN || scalar == SCALAR_FAN_OUT || scalar == SCALAR_BIAS))) {
    Diagnostic *diagnostic = REPORT(checker, not_visible, span, name, checker->place.name);
    if (place == PLACE_ONE_LAYER)
      diagnostic_help(checker->sink, diagnostic, "it belongs to a synapse layer: `forward`, `backward`, `update`");
    return checker->error;
  }
  return node_builtin(checker, scalar, span);
}

// x and y: where they are seen, and what they are.
static CheckedExpression *read_data(Checker *checker, bool is_x, Span span) {
  if (checker->place.kind == PLACE_ANYWHERE) return checker->error;
  if (is_x ? checker->place.sees_x : checker->place.sees_y)
    return node_read(checker, is_x ? 0 : 1, SIDE_UNIT, (CheckedIndex[IR_MAX_DIMENSIONS]){{0}}, NULL, span);
  Diagnostic *diagnostic = REPORT(checker, not_visible, span, is_x ? "x" : "y", checker->place.name);
  diagnostic_help(checker->sink, diagnostic,
                  is_x ? "the input `x` is seen in `input`: keep it in a neuron variable"
                       : "the target `y` is seen in `feedback`: keep it in a neuron variable");
  return checker->error;
}

// The index of a repeat: a number, in the blocks that run in its body (steps.c sees to that).
static CheckedExpression *read_counter(Checker *checker, int counter, const char *name, Span span) {
  PlaceKind place = checker->place.kind;
  if (place == PLACE_ANYWHERE) return checker->error;
  if (checker->block < 0) {
    Diagnostic *diagnostic = place == PLACE_CONSTANT ? REPORT(checker, not_constant, span, checker->place.name)
                                                     : REPORT(checker, not_visible, span, name, checker->place.name);
    diagnostic_note(checker->sink, diagnostic, checker->rule->counters.items[counter].span, "the index of a repeat");
    diagnostic_help(checker->sink, diagnostic, "it is seen in the blocks that run in the body of its `repeat`");
    return checker->error;
  }
  size_t i = 0;
  while (i < checker->counter_reads.count && (checker->counter_reads.items[i].block != checker->block ||
                                              checker->counter_reads.items[i].counter != counter))
    i++;
  if (i == checker->counter_reads.count)
    ARENA_PUSH(checker->arena, &checker->counter_reads, (CounterRead){checker->block, counter, span});
  return node_counter(checker, counter, span);
}

static CheckedExpression *check_name(Checker *checker, const AstExpression *name, const AstIndex *indices, Span span) {
  const char *text = name->name.name.text, *qualifier = name->name.qualifier.text;
  if (!text) return checker->error;
  Local *local = qualifier ? NULL : scope_find_local(checker, text);
  if (local) return read_local(checker, local, indices, span);
  Entry *entry = scope_find_entry(checker, text);
  if (entry && qualifier && entry->kind != ENTRY_VARIABLE) entry = NULL;
  if (entry) {
    if (entry->kind == ENTRY_VARIABLE) return read_variable(checker, name, indices, entry, span);
    if (indices) {
      Diagnostic *diagnostic = report_index_count(checker, span, text, 0, indices);
      diagnostic_help(checker->sink, diagnostic, "write `%s` without brackets", text);
      return checker->error;
    }
    if (entry->kind == ENTRY_CONST)
      return constant_of_entry(checker, entry, span) ? node_number(checker, entry->number, entry->is_truth, span)
                                                     : checker->error;
    entry->used = true;
    Diagnostic *diagnostic = REPORT(checker, function_as_value, span, text);
    diagnostic_help(checker->sink, diagnostic, "call it: `%s(...)`", text);
    return checker->error;
  }
  if (!qualifier && !indices) {
    int counter = name_of_counter(checker, text);
    if (counter >= 0) return read_counter(checker, counter, text, span);
    int scalar = name_of_scalar(text), axis = name_of_axis(text);
    if (scalar >= 0) return read_scalar(checker, (CheckedScalar)scalar, text, span);
    if (!strcmp(text, "true") || !strcmp(text, "false")) return node_number(checker, text[0] == 't', true, span);
    if (!strcmp(text, "x") || !strcmp(text, "y")) return read_data(checker, text[0] == 'x', span);
    if (axis >= 0 && axis_is_visible(checker, (RuleAxis)axis))
      return checker->place.kind == PLACE_ANYWHERE ? checker->error : node_position(checker, (RuleAxis)axis, span);
    if (axis >= 0) {
      Diagnostic *diagnostic = REPORT(checker, unknown_axis, span, text, checker->place.name);
      if (checker->place.kind >= PLACE_ONE_LAYER)
        diagnostic_help(checker->sink, diagnostic,
                        checker->place.kind == PLACE_ONE_LAYER
                            ? "the axes here are `batch`, `unit` and `output`"
                            : "the axes here are `batch`, `pre`, `post`, `output`, `pre2` and `post2`");
      return checker->error;
    }
    if (name_is_reserved(text)) {
      Diagnostic *diagnostic = REPORT(checker, function_as_value, span, text);
      diagnostic_help(checker->sink, diagnostic, "call it: `%s(...)`", text);
      return checker->error;
    }
  }
  report_unknown_name(checker, name->name.name.span, text, false);
  return checker->error;
}

// ---- operators

static CheckedExpression *check_truth(Checker *checker, const AstExpression *ast) {
  CheckedExpression *value = check_expression(checker, ast);
  if (node_is_error(checker, value) || value->is_truth) return value;
  Diagnostic *diagnostic = REPORT(checker, truth_needed, ast->span);
  Text text = {0};
  expression_print(ast, &text);
  if (text.length < 60) diagnostic_help(checker->sink, diagnostic, "compare it: `%s != 0`", text_get(&text));
  else diagnostic_help(checker->sink, diagnostic, "compare it: `... != 0`");
  text_free(&text);
  return checker->error;
}

CheckedExpression *check_number(Checker *checker, const AstExpression *ast) {
  return node_to_number(checker, check_expression(checker, ast));
}

static bool name_is_function(Checker *checker, const AstExpression *ast, FunctionValue *function) {
  if (ast->kind != EXPRESSION_NAME || ast->name.qualifier.text || !ast->name.name.text) return false;
  *function = function_of_name(checker, ast->name.name.text);
  return function->builtin || function->entry;
}

static CheckedExpression *check_binary(Checker *checker, const AstExpression *ast) {
  static const IrOperation operations[] = {
      [OPERATOR_ADD] = OP_ADD,           [OPERATOR_SUBTRACT] = OP_SUBTRACT,
      [OPERATOR_MULTIPLY] = OP_MULTIPLY, [OPERATOR_DIVIDE] = OP_DIVIDE,
      [OPERATOR_LESS] = OP_LESS,         [OPERATOR_LESS_EQUAL] = OP_LESS_EQUAL,
      [OPERATOR_GREATER] = OP_GREATER,   [OPERATOR_GREATER_EQUAL] = OP_GREATER_EQUAL,
      [OPERATOR_EQUAL] = OP_EQUAL,       [OPERATOR_NOT_EQUAL] = OP_NOT_EQUAL,
      [OPERATOR_AND] = OP_AND,           [OPERATOR_OR] = OP_OR};
  Operator op = ast->binary.op;
  FunctionValue left, right;
  // `if act == tanh`: which function a parameter is, is a constant.
  if ((op == OPERATOR_EQUAL || op == OPERATOR_NOT_EQUAL) && name_is_function(checker, ast->binary.left, &left) &&
      name_is_function(checker, ast->binary.right, &right))
    return node_number(checker, (left.builtin == right.builtin && left.entry == right.entry) == (op == OPERATOR_EQUAL),
                       true, ast->span);
  bool truths = op == OPERATOR_AND || op == OPERATOR_OR;
  CheckedExpression *x = truths ? check_truth(checker, ast->binary.left) : check_expression(checker, ast->binary.left);
  // What stands behind a constant `and` or `or` that has decided is not looked at, as in a choice.
  if (truths && x->kind == CHECKED_NUMBER && !node_is_error(checker, x) && (x->number != 0) == (op == OPERATOR_OR))
    return x;
  CheckedExpression *y =
      truths ? check_truth(checker, ast->binary.right) : check_expression(checker, ast->binary.right);
  return node_operation(checker, operations[op], x, y, NULL, ast->span);
}

// A condition on constants chooses: the other side is not looked at (it may name what does not exist then).
static CheckedExpression *check_choice(Checker *checker, const AstExpression *ast) {
  CheckedExpression *condition = check_truth(checker, ast->choice.condition);
  if (!node_is_error(checker, condition) && condition->kind == CHECKED_NUMBER)
    return check_expression(checker, condition->number != 0 ? ast->choice.yes : ast->choice.no);
  CheckedExpression *yes = check_expression(checker, ast->choice.yes);
  CheckedExpression *no = check_expression(checker, ast->choice.no);
  return node_operation(checker, OP_SELECT, condition, yes, no, ast->span);
}

// { let e = exp(z); e / sum(A: e) }: its names are the nodes themselves, since an expression has no effects.
static void check_inner_let(Checker *checker, const AstStatement *let) {
  Local *outer = checker->environment.locals;
  int count = 0;
  RuleAxis axes[IR_MAX_DIMENSIONS];
  for (const AstNameList *index = let->let.indices; index; index = index->next) {
    if (count == IR_MAX_DIMENSIONS) {
      REPORT(checker, rule_too_large, index->name.span, "more than 8 state indices");
      break;
    }
    Local *local = scope_add_local(checker, LOCAL_INDEX, index->name);
    if (!bind_index(checker, index->name, &axes[count])) break;
    if (local) local->index = (CheckedIndex){true, axes[count], 0};
    count++;
  }
  CheckedExpression *value = check_let_value(checker, let, axes, &count);
  checker->environment.locals = outer;
  Local *local = scope_add_local(checker, node_is_error(checker, value) ? LOCAL_ANY : LOCAL_VALUE, let->let.name);
  if (!local) return;
  local->value = value;
  local->indices = count;
  memcpy(local->index_axis, axes, sizeof axes);
}

static CheckedExpression *check_block_value(Checker *checker, const AstExpression *ast) {
  Local *outer = checker->environment.locals;
  for (const AstStatement *statement = ast->block.statements; statement; statement = statement->next) {
    if (statement->kind == STATEMENT_LET) check_inner_let(checker, statement);
    else if (statement->kind != STATEMENT_ERROR) {
      Diagnostic *diagnostic = REPORT(checker, not_assignable, statement->span, "a variable", "inside an expression");
      diagnostic_help(checker->sink, diagnostic, "an expression in braces holds `let`s and ends with a value");
    }
  }
  CheckedExpression *value = ast->block.value ? check_expression(checker, ast->block.value) : checker->error;
  checker->environment.locals = outer;
  return value;
}

static CheckedExpression *check_kind(Checker *checker, const AstExpression *ast) {
  switch (ast->kind) {
  case EXPRESSION_NUMBER: return node_number(checker, ast->number, false, ast->span);
  case EXPRESSION_NAME: return check_name(checker, ast, NULL, ast->span);
  case EXPRESSION_INDEX:
    if (ast->index.base->kind != EXPRESSION_NAME) break;
    return check_name(checker, ast->index.base, ast->index.indices, ast->span);
  case EXPRESSION_CALL: return check_call(checker, ast);
  case EXPRESSION_UNARY: {
    bool is_not = ast->binary.op == OPERATOR_NOT;
    CheckedExpression *x =
        is_not ? check_truth(checker, ast->binary.left) : check_expression(checker, ast->binary.left);
    return node_operation(checker, is_not ? OP_NOT : OP_NEGATE, x, NULL, NULL, ast->span);
  }
  case EXPRESSION_BINARY: return check_binary(checker, ast);
  case EXPRESSION_IF: return check_choice(checker, ast);
  case EXPRESSION_BLOCK: return check_block_value(checker, ast);
  case EXPRESSION_VECTOR:
    diagnostic_help(checker->sink, REPORT(checker, vector_place, ast->span), "write `let z = [p, q]` and read `z[c]`");
    break;
  case EXPRESSION_ERROR: break;
  }
  return checker->error;
}

CheckedExpression *check_expression(Checker *checker, const AstExpression *ast) {
  if (!ast || checker->too_large) return checker->error;
  if (++checker->expression_depth > MAX_EXPRESSION_DEPTH) {
    REPORT(checker, rule_too_large, ast->span, "an expression is nested too deeply");
    checker->too_large = true;
  }
  CheckedExpression *value = checker->too_large ? checker->error : check_kind(checker, ast);
  checker->expression_depth--;
  return value;
}
