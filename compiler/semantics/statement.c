// Statements of a block: assignments, lets and `if` on constants. The right side may have no axis that the left lacks;
// a range on the left becomes one statement an element. Called by steps.c.
#include "compiler/semantics/checker.h"
#include "compiler/syntax/syntax.h"

#include <string.h>

// ---- the smallest part of the right side that has an axis which is one too many

static CheckedExpression *check_silently(Checker *checker, const AstExpression *ast) {
  DiagnosticSink *sink = checker->sink, scratch = {.arena = checker->arena};
  checker->sink = &scratch;
  CheckedExpression *value = check_expression(checker, ast);
  checker->sink = sink;
  return value;
}

static bool has_axes(Checker *checker, const AstExpression *ast, RuleAxisSet axes) {
  CheckedExpression *value = check_silently(checker, ast);
  return !node_is_error(checker, value) && (value->axes & axes);
}

enum { MAX_FACTORS = 64, MAX_SEARCH = 100 };

static bool is_product(const AstExpression *ast) {
  return ast->kind == EXPRESSION_BINARY && ast->binary.op == OPERATOR_MULTIPLY;
}

typedef struct {
  Span span;
  RuleAxisSet axes;
} Excess;

static Excess locate_excess(Checker *checker, const AstExpression *ast, RuleAxisSet excess, int depth) {
  Excess whole = {ast->span, check_silently(checker, ast)->axes};
  if (depth > MAX_SEARCH) return whole;
  if (ast->kind == EXPRESSION_UNARY) return locate_excess(checker, ast->binary.left, excess, depth + 1);
  if (ast->kind == EXPRESSION_BINARY && (ast->binary.op == OPERATOR_ADD || ast->binary.op == OPERATOR_SUBTRACT)) {
    bool left = has_axes(checker, ast->binary.left, excess), right = has_axes(checker, ast->binary.right, excess);
    if (left && right) return whole;
    return locate_excess(checker, left ? ast->binary.left : ast->binary.right, excess, depth + 1);
  }
  if (!is_product(ast)) return whole;
  const AstExpression *factors[MAX_FACTORS]; // from the last to the first
  int count = 0;
  const AstExpression *rest = ast;
  for (; is_product(rest) && count < MAX_FACTORS - 1; rest = rest->binary.left) factors[count++] = rest->binary.right;
  factors[count++] = rest;
  int last = 0, first = count - 1;
  while (last < count && !has_axes(checker, factors[last], excess)) last++;
  while (first > last && !has_axes(checker, factors[first], excess)) first--;
  if (last >= count) return whole;
  if (first == last) return locate_excess(checker, factors[first], excess, depth + 1);
  Excess run = {span_join(factors[first]->span, factors[last]->span), 0};
  for (int i = last; i <= first; i++) run.axes |= check_silently(checker, factors[i])->axes;
  return run;
}

// A tree's place leaves out the parentheses around it: takes in those that the text in between opens or closes.
static Span with_parentheses(Span span) {
  if (!span.file) return span;
  const char *text = span.file->text;
  int opened = 0, closed = 0;
  for (uint32_t i = span.start; i < span.end; i++) {
    if (text[i] == '(') opened++;
    if (text[i] != ')') continue;
    if (opened) opened--;
    else closed++;
  }
  for (uint32_t end = span.end; opened && end < span.file->length && (text[end] == ' ' || text[end] == ')'); end++)
    if (text[end] == ')') {
      span.end = end + 1;
      opened--;
    }
  for (uint32_t start = span.start; closed && start > 0 && (text[start - 1] == ' ' || text[start - 1] == '('); start--)
    if (text[start - 1] == '(') {
      span.start = start - 1;
      closed--;
    }
  return span;
}

static const char *source_text(Checker *checker, Span span) {
  if (!span.file || span.end < span.start || span.end - span.start > 200) return NULL;
  return arena_copy(checker->arena, span.file->text + span.start, span.end - span.start);
}

// What brings some of these axes into a value: its first `let`, or else a variable that is declared with axes of its
// own. -1: none.
typedef struct {
  int let, variable;
} AxisSource;

static bool has_declared_axes(const Checker *checker, int variable) {
  const Entry *entry = checker->facts[variable].entry;
  return entry && entry->variable && entry->variable->has_axes;
}

static void find_axis_source(const Checker *checker, CheckedExpression *value, RuleAxisSet axes, uint32_t mark,
                             AxisSource *source) {
  Node *node = node_of(value);
  if (node->mark == mark || !(value->axes & axes)) return;
  node->mark = mark;
  if (value->kind == CHECKED_LET_READ && source->let < 0) source->let = value->let;
  if (value->kind == CHECKED_READ && source->variable < 0 && has_declared_axes(checker, value->variable))
    source->variable = value->variable;
  for (int i = 0; i < IR_MAX_OPERANDS && value->operand[i]; i++)
    find_axis_source(checker, value->operand[i], axes, mark, source);
}

// Has an error told about the axes of the target, or of what brings the excess in? Else it will have.
static bool axes_told(Checker *checker, RuleAxisSet excess, AxisSource source, const Entry *target) {
  DiagnosticSink *sink = checker->sink;
  if (source.let >= 0 && !(excess & ~checker->let_facts[source.let].blamed)) return true;
  if (source.let >= 0 && diagnostic_is_damaged(sink, checker->rule->lets.items[source.let].value->span)) return true;
  const int variables[] = {source.variable, target && target->variable ? target->index : -1};
  for (int i = 0; i < 2; i++)
    if (variables[i] >= 0 && checker->facts[variables[i]].axes_told) return true;
  for (int i = 0; i < 2; i++)
    if (variables[i] >= 0 && has_declared_axes(checker, variables[i])) checker->facts[variables[i]].axes_told = true;
  if (source.let >= 0) checker->let_facts[source.let].blamed |= excess;
  return false;
}

static void report_excess(Checker *checker, const AstExpression *ast, CheckedExpression *value, RuleAxisSet allowed,
                          const char *name) {
  RuleAxisSet excess = value->axes & ~allowed;
  if (report_unbound_axis(checker)) return;
  AxisSource source = {-1, -1};
  find_axis_source(checker, value, excess, ++checker->next_mark, &source);
  const Entry *target = name_table_find(&checker->names, strrchr(name, '.') ? strrchr(name, '.') + 1 : name);
  if (axes_told(checker, excess, source, target)) return;
  Excess place = locate_excess(checker, ast, excess, 0);
  place.span = with_parentheses(place.span);
  const char *quoted = "", *list = "";
  int count = 0;
  for (RuleAxis axis = 0; axis < 64; axis++)
    if (excess & axis_bit(axis)) {
      quoted = arena_format(checker->arena, "%s%s`%s`", quoted, count ? ", " : "", axis_name(checker, axis));
      list = arena_format(checker->arena, "%s%s%s", list, count ? ", " : "", axis_name(checker, axis));
      count++;
    }
  const char *subject = arena_format(checker->arena, "%s %s", count > 1 ? "axes" : "axis", quoted);
  Diagnostic *diagnostic = REPORT(checker, axis_missing_on_left, place.span, subject, name);
  diagnostic_label(checker->sink, diagnostic, "%s", axis_set_text(checker, place.axes));
  diagnostic_note(checker->sink, diagnostic, (Span){0}, "`%s` is %s", name, axis_set_text(checker, allowed));
  if (target && target->variable && target->variable->has_axes)
    diagnostic_note(checker->sink, diagnostic, target->name.span, "declared with these axes here");
  if (source.let >= 0) {
    const CheckedLet *let = &checker->rule->lets.items[source.let];
    diagnostic_note(checker->sink, diagnostic, let->value->span, "`%s` has been made here", let->name);
  } else if (source.variable >= 0) {
    const CheckedVariable *variable = &checker->rule->variables.items[source.variable];
    diagnostic_note(checker->sink, diagnostic, variable->span, "`%s` is declared with its axes here", variable->name);
  }
  const char *text = source_text(checker, place.span);
  const char *what = count > 1                             ? "these axes"
                     : excess == axis_bit(RULE_AXIS_BATCH) ? "the batch"
                                                           : arena_format(checker->arena, "`%s`", list);
  if (!text) {
    diagnostic_help(checker->sink, diagnostic, "sum over %s: `sum(%s: ...)`", what, list);
    return;
  }
  diagnostic_help(checker->sink, diagnostic, "sum over %s: `sum(%s: %s)`", what, list, text);
  diagnostic_fix(checker->sink, diagnostic, place.span, "sum(%s: %s)", list, text);
}

// ---- the left side

typedef struct {
  int variable;
  CheckedSide side;
  RuleAxisSet axes;
  CheckedIndex index[IR_MAX_DIMENSIONS];
  bool is_range[IR_MAX_DIMENSIONS];
  int64_t from[IR_MAX_DIMENSIONS], to[IR_MAX_DIMENSIONS]; // of a range, `to` included
} Target;

static bool target_variable(Checker *checker, const AstExpression *ast, Target *target) {
  const AstExpression *name = ast->kind == EXPRESSION_INDEX ? ast->index.base : ast;
  if (name->kind != EXPRESSION_NAME || !name->name.name.text) {
    if (name->kind != EXPRESSION_ERROR) REPORT(checker, not_assignable, ast->span, "this", "on the left of `<-`");
    return false;
  }
  const char *text = name->name.name.text;
  Local *local = name->name.qualifier.text ? NULL : scope_find_local(checker, text);
  Entry *entry = local ? NULL : scope_find_entry(checker, text);
  if (!local && !entry && !name_is_reserved(text)) {
    report_unknown_name(checker, name->name.name.span, text, false);
    return false;
  }
  bool is_variable = entry && entry->kind == ENTRY_VARIABLE && entry->variable_kind != CHECKED_GENOME;
  if (!is_variable) {
    if ((local && local->kind == LOCAL_ANY) || name_is_refused(checker, text)) return false;
    const char *quoted = arena_format(checker->arena, "`%s`", text);
    const char *what = local ? "it is fixed where it is written (`let`)"
                       : entry && entry->kind == ENTRY_VARIABLE
                           ? "it is a genome value, constant while a network learns"
                       : entry && entry->kind == ENTRY_CONST ? "it is a constant"
                       : entry                               ? "it is a function"
                                                             : "it is given";
    Diagnostic *diagnostic = REPORT(checker, not_assignable, ast->span, quoted, what);
    if (local || entry)
      diagnostic_note(checker->sink, diagnostic, local ? local->name.span : entry->name.span, "declared here");
    diagnostic_help(checker->sink, diagnostic, "neuron and synapse variables can be assigned");
    return false;
  }
  if (entry->index < 0) return false;
  target->variable = entry->index;
  checker->facts[entry->index].written = true;
  entry->used = true;
  checker_doubt_readers(checker, entry->name.span);
  if (!check_side(checker, name, entry->index, &target->side)) return false;
  if (target->side == SIDE_OUTPUT) {
    Diagnostic *diagnostic =
        REPORT(checker, not_assignable, ast->span, arena_format(checker->arena, "`output.%s`", text),
               "the last layer is only read here");
    diagnostic_help(checker->sink, diagnostic, "assign it in `feedback`, or as `post.%s`", text);
    return false;
  }
  if (target->side == SIDE_PRE2 || target->side == SIDE_POST2) {
    const char *qualifier = target->side == SIDE_PRE2 ? "pre" : "post";
    Diagnostic *diagnostic =
        REPORT(checker, not_assignable, ast->span, arena_format(checker->arena, "`%s2.%s`", qualifier, text),
               "a second index is only read");
    diagnostic_help(checker->sink, diagnostic, "assign `%s.%s`", qualifier, text);
    return false;
  }
  return true;
}

static bool target_range(Checker *checker, const AstIndex *index, const char *name, int64_t extent, int64_t *from,
                         int64_t *to) {
  if (!constant_integer(checker, index->value, "the start of a range", from)) return false;
  *to = extent - 1;
  if (index->range_end && !constant_integer(checker, index->range_end, "the end of a range", to)) return false;
  int64_t bad = *from < 0 || *from > extent ? *from : *to >= extent || *to < -1 ? *to : -1;
  if (*from < 0 || bad >= 0) {
    Diagnostic *diagnostic =
        REPORT(checker, index_out_of_range, index->span, (long long)(*from < 0 ? *from : bad), name, (long long)extent);
    diagnostic_help(checker->sink, diagnostic, "ranges are inclusive: `%s[%lld..%lld]` is all of it", name, 0LL,
                    (long long)(extent - 1));
    return false;
  }
  return true;
}

// Brackets of the left side: a new index, a constant, a range.
static bool target_indices(Checker *checker, const AstExpression *ast, Target *target) {
  const CheckedVariable *info = &checker->rule->variables.items[target->variable];
  const AstIndex *first = ast->kind == EXPRESSION_INDEX ? ast->index.indices : NULL;
  int given = 0;
  for (const AstIndex *index = first; index; index = index->next, given++) {
    if (!index->axis.text) continue;
    Diagnostic *diagnostic = REPORT(checker, bad_replacement, index->span, info->name);
    diagnostic_help(checker->sink, diagnostic, "assign `%s` over its own axes, and replace one on the right side",
                    info->name);
    return false;
  }
  if (given != info->states)
    return check_indices(checker, first, info->states, info->name, ast->span, info->extent, target->index);
  int i = 0;
  for (const AstIndex *index = first; index; index = index->next, i++) {
    if (!index->value) return false;
    if (index->is_range) {
      target->is_range[i] = true;
      if (!target_range(checker, index, info->name, info->extent[i], &target->from[i], &target->to[i])) return false;
      continue;
    }
    const AstExpression *value = index->value;
    const char *name = value->kind == EXPRESSION_NAME && !value->name.qualifier.text ? value->name.name.text : NULL;
    Local *local = name ? scope_find_local(checker, name) : NULL;
    Entry *entry = name && !local ? scope_find_entry(checker, name) : NULL;
    if (local && local->kind == LOCAL_INDEX && local->index.is_axis) {
      REPORT(checker, index_repeated, index->span, name);
      return false;
    }
    if (name && !local && (!entry || entry->kind != ENTRY_CONST)) { // binds; a name that is taken is reported there
      RuleAxis axis;
      Local *bound = scope_add_local(checker, LOCAL_INDEX, value->name.name);
      if (!bound || !bind_index(checker, value->name.name, &axis)) return false;
      bound->index = (CheckedIndex){true, axis, 0};
      bound->used = true;
      checker->indexed = (Indexed){info->name, info->span};
      index_extent(checker, axis, info->extent[i], index->span);
      target->index[i] = bound->index;
      target->axes |= axis_bit(axis);
      continue;
    }
    if (!constant_integer(checker, value, "an index on the left side", &target->index[i].constant)) return false;
    if (target->index[i].constant < 0 || target->index[i].constant >= info->extent[i]) {
      report_out_of_range(checker, index->span, target->index[i].constant, info->name, info->extent[i]);
      return false;
    }
  }
  return true;
}

// ---- assignments

static CheckedStatement *add_statement(Checker *checker, CheckedStatement ***last, CheckedStatement content) {
  CheckedStatement *statement = ARENA_NEW(checker->arena, CheckedStatement);
  *statement = content;
  statement->next = NULL;
  **last = statement;
  *last = &statement->next;
  return statement;
}

// Axes that lets bring into the value and that an error has told about.
static RuleAxisSet blamed_axes(const Checker *checker, CheckedExpression *value, uint32_t mark) {
  Node *node = node_of(value);
  if (node->mark == mark) return 0;
  node->mark = mark;
  if (value->kind == CHECKED_LET_READ) return checker->let_facts[value->let].blamed;
  RuleAxisSet axes = 0;
  for (int i = 0; i < IR_MAX_OPERANDS && value->operand[i]; i++) axes |= blamed_axes(checker, value->operand[i], mark);
  return axes & value->axes;
}

static int add_let(Checker *checker, CheckedLet let) {
  int number = (int)checker->rule->lets.count;
  ARENA_PUSH(checker->arena, &checker->rule->lets, let);
  if ((size_t)number >= checker->let_capacity)
    checker->let_facts = arena_grow(checker->arena, checker->let_facts, (size_t)number, &checker->let_capacity,
                                    sizeof *checker->let_facts);
  const Node *node = node_of(let.value);
  RuleAxisSet axes = let.value->axes;
  for (int i = 0; i < let.indices; i++) axes &= ~axis_bit(let.index[i]);
  checker->let_facts[number] = (struct LetFacts){.flags = node->flags,
                                                 .bias_variable = node->bias_variable,
                                                 .plain_variable = node->plain_variable,
                                                 .function_span = node->function_span,
                                                 .axes = axes,
                                                 .doubtful = checker->sink->muted != MUTED_NONE,
                                                 .blamed = blamed_axes(checker, let.value, ++checker->next_mark)};
  return number;
}

static void add_elements(Checker *checker, const Target *target, CheckedExpression *value, Span span,
                         CheckedStatement ***last) {
  const CheckedVariable *info = &checker->rule->variables.items[target->variable];
  int64_t at[IR_MAX_DIMENSIONS];
  int64_t count = 1;
  for (int i = 0; i < info->states; i++)
    if (target->is_range[i]) {
      at[i] = target->from[i];
      count *= target->to[i] - target->from[i] + 1 > 0 ? target->to[i] - target->from[i] + 1 : 0;
    }
  if (count > 4096) {
    REPORT(checker, rule_too_large, span, "a range of more than 4096 elements");
    return;
  }
  // The right side is evaluated whole before any element changes.
  if (count > 1 && value->kind != CHECKED_NUMBER && node_reads(value, target->variable, ++checker->next_mark)) {
    CheckedLet let = {.name = arena_format(checker->arena, "%s.new", info->name), .value = value};
    CheckedIndex index[IR_MAX_DIMENSIONS] = {0};
    for (int i = 0; i < info->states; i++)
      if (!target->is_range[i] && target->index[i].is_axis) {
        index[let.indices] = target->index[i];
        let.index[let.indices++] = target->index[i].axis;
      }
    int number = add_let(checker, let);
    add_statement(checker, last, (CheckedStatement){.is_let = true, .let = number, .span = span});
    value = node_let(checker, number, index, span);
  }
  for (int64_t n = 0; n < count; n++) {
    CheckedStatement statement = {.variable = target->variable, .side = target->side, .value = value, .span = span};
    memcpy(statement.index, target->index, sizeof statement.index);
    for (int i = 0; i < info->states; i++)
      if (target->is_range[i]) statement.index[i] = (CheckedIndex){.constant = at[i]};
    for (int i = 0; i < info->axes; i++) statement.renamed[i] = variable_axis_at(info->axis[i], target->side);
    add_statement(checker, last, statement);
    for (int i = info->states; i-- > 0;) {
      if (!target->is_range[i]) continue;
      if (++at[i] <= target->to[i]) break;
      at[i] = target->from[i];
    }
  }
}

static void finish_statements(Checker *checker, CheckedStatement *first, const RuleAxis *final) {
  const CheckedExpression *finished = NULL; // the elements of a range share their value
  for (CheckedStatement *statement = first; statement; statement = statement->next) {
    if (statement->is_let) {
      CheckedLet *let = &checker->rule->lets.items[statement->let];
      node_finish(checker, let->value, final);
      for (int i = 0; i < let->indices; i++) let->index[i] = final[let->index[i]];
      continue;
    }
    if (statement->value != finished) node_finish(checker, statement->value, final);
    finished = statement->value;
    for (int i = 0; i < IR_MAX_DIMENSIONS; i++)
      if (statement->index[i].is_axis) statement->index[i].axis = final[statement->index[i].axis];
  }
}

static void check_assignment(Checker *checker, const AstStatement *ast, CheckedStatement ***last) {
  statement_begin(checker);
  Local *outer = checker->environment.locals;
  Target target = {0};
  const AstExpression *left = ast->assign.target;
  bool fine = left && target_variable(checker, left, &target) && target_indices(checker, left, &target);
  if (!fine) { // the right side's own errors are shown all the same, where the left side's indices are known
    if (left && left->kind == EXPRESSION_INDEX)
      for (const AstIndex *index = left->index.indices; index; index = index->next)
        if (index->value && index->value->kind == EXPRESSION_NAME && !index->value->name.qualifier.text &&
            !scope_find_local(checker, index->value->name.name.text) &&
            !scope_find_entry(checker, index->value->name.name.text) && !name_is_reserved(index->value->name.name.text))
          scope_add_local(checker, LOCAL_ANY, index->value->name.name);
    check_expression(checker, ast->assign.value);
    checker->environment.locals = outer;
    return;
  }
  CheckedExpression *value = check_number(checker, ast->assign.value);
  if (!node_is_error(checker, value)) {
    const CheckedVariable *info = &checker->rule->variables.items[target.variable];
    for (int i = 0; i < info->axes; i++) target.axes |= axis_bit(variable_axis_at(info->axis[i], target.side));
    if (value->axes & ~target.axes) {
      const char *side = target.side == SIDE_PRE ? "pre." : target.side == SIDE_POST ? "post." : "";
      report_excess(checker, ast->assign.value, value, target.axes,
                    arena_format(checker->arena, "%s%s", side, info->name));
    } else {
      bias_check_assignment(checker, target.variable, target.side, value, ast->assign.value->span);
      CheckedStatement *first = NULL, **end = &first;
      add_elements(checker, &target, value, ast->span, &end);
      RuleAxis final[64];
      if (indices_finish(checker, final)) {
        finish_statements(checker, first, final);
        **last = first;
        if (first) *last = end;
      }
    }
  }
  checker->environment.locals = outer;
}

// ---- lets

static void check_let(Checker *checker, const AstStatement *ast, CheckedStatement ***last) {
  statement_begin(checker);
  Local *outer = checker->environment.locals;
  CheckedLet let = {.name = ast->let.name.text};
  for (const AstNameList *item = ast->let.indices; item; item = item->next) {
    if (let.indices == IR_MAX_DIMENSIONS) {
      REPORT(checker, rule_too_large, item->name.span, "more than 8 state indices");
      break;
    }
    RuleAxis axis;
    Local *local = scope_add_local(checker, LOCAL_INDEX, item->name);
    if (!bind_index(checker, item->name, &axis)) break;
    if (local) local->index = (CheckedIndex){true, axis, 0};
    let.index[let.indices++] = axis;
  }
  CheckedExpression *value = check_let_value(checker, ast, let.index, &let.indices);
  checker->environment.locals = outer;
  bool is_truth = !node_is_error(checker, value) && value->is_truth;
  value = node_to_number(checker, value);
  RuleAxis final[64];
  bool fine = !node_is_error(checker, value) && indices_finish(checker, final);
  Local *local = scope_add_local(checker, fine ? LOCAL_LET : LOCAL_ANY, ast->let.name);
  if (!fine) return;
  node_finish(checker, value, final);
  for (int i = 0; i < let.indices; i++) let.index[i] = final[let.index[i]];
  let.value = value;
  int number = add_let(checker, let);
  checker->let_facts[number].is_truth = is_truth;
  if (local) local->let = number;
  add_statement(checker, last, (CheckedStatement){.is_let = true, .let = number, .span = ast->span});
}

// ---- all of a block

static void check_list(Checker *checker, const AstStatement *first, CheckedStatement ***last);

static void warn_unused_lets(Checker *checker, const Local *outer) {
  if (checker->sink->errors) return; // its use may be what was wrong
  for (const Local *local = checker->environment.locals; local && local != outer; local = local->next) {
    if (local->kind != LOCAL_LET || local->used) continue;
    diagnostic_help(checker->sink, REPORT(checker, let_unused, local->name.span, local->name.text),
                    "remove it, or use it");
  }
}

static void check_choice_statement(Checker *checker, const AstStatement *ast, CheckedStatement ***last) {
  statement_begin(checker);
  Local *outer = checker->environment.locals;
  CheckedExpression *condition = check_expression(checker, ast->choice.condition);
  if (node_is_error(checker, condition)) return;
  if (condition->kind != CHECKED_NUMBER) {
    Diagnostic *diagnostic = REPORT(checker, condition_not_constant, ast->choice.condition->span);
    diagnostic_help(checker->sink, diagnostic, "to choose a value: `if ... then p else q` on the right side");
  } else if (!condition->is_truth) {
    diagnostic_help(checker->sink, REPORT(checker, truth_needed, ast->choice.condition->span),
                    "compare it: `... != 0`");
  } else {
    check_list(checker, condition->number != 0 ? ast->choice.yes : ast->choice.no, last);
    warn_unused_lets(checker, outer);
  }
  checker->environment.locals = outer;
}

static void check_list(Checker *checker, const AstStatement *first, CheckedStatement ***last) {
  for (const AstStatement *statement = first; statement && !checker->too_large; statement = statement->next) {
    switch (statement->kind) {
    case STATEMENT_ASSIGN: check_assignment(checker, statement, last); break;
    case STATEMENT_LET: check_let(checker, statement, last); break;
    case STATEMENT_IF: check_choice_statement(checker, statement, last); break;
    case STATEMENT_ERROR: break;
    }
  }
}

void check_statements(Checker *checker, const AstStatement *first, CheckedStatement **statements) {
  check_list(checker, first, &statements);
  warn_unused_lets(checker, NULL);
}
