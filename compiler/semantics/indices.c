// State indices of a statement: bound by its left side, by reductions, lets and functions, their extents inferred from
// use. At its end they get axes of the rule, and its nodes are told so; until then nodes.c works with numbers of the
// statement's own.
#include "compiler/semantics/checker.h"

#include <string.h>

bool bind_index(Checker *checker, AstName name, RuleAxis *axis) {
  if (RULE_AXIS_FIRST_STATE + checker->index_count >= 64) {
    if (!checker->too_large) REPORT(checker, rule_too_large, name.span, "a statement binds more than 57 state indices");
    checker->too_large = true;
    return false;
  }
  *axis = (RuleAxis)(RULE_AXIS_FIRST_STATE + checker->index_count++);
  checker->indices[*axis] = (StateIndex){.name = name};
  return true;
}

// A variable with a wrong number of states conflicts with many others, by the same two numbers.
static bool is_new_conflict(Checker *checker, int64_t first, int64_t second) {
  enum { MOST = sizeof checker->conflicts / sizeof *checker->conflicts };
  for (int i = 0; i + 1 < checker->conflict_count; i += 2)
    if ((checker->conflicts[i] == first && checker->conflicts[i + 1] == second) ||
        (checker->conflicts[i] == second && checker->conflicts[i + 1] == first))
      return false;
  if (checker->conflict_count + 2 > MOST) return true;
  checker->conflicts[checker->conflict_count++] = first;
  checker->conflicts[checker->conflict_count++] = second;
  return true;
}

bool index_extent(Checker *checker, RuleAxis axis, int64_t extent, Span span) {
  StateIndex *index = &checker->indices[axis];
  const Indexed of = checker->indexed;
  if (!index->extent) {
    index->extent = extent;
    index->extent_span = span;
    index->extent_of = of;
    return true;
  }
  if (index->extent == extent) return true;
  bool doubtful =
      diagnostic_is_damaged(checker->sink, of.span) || diagnostic_is_damaged(checker->sink, index->extent_of.span);
  if (!index->failed && !doubtful && is_new_conflict(checker, extent, index->extent)) {
    Diagnostic *diagnostic =
        REPORT(checker, extent_conflict, span, index->name.text, (long long)extent, (long long)index->extent);
    diagnostic_label(checker->sink, diagnostic, "%lld states", (long long)extent);
    diagnostic_note(checker->sink, diagnostic, index->extent_span, "%lld states here", (long long)index->extent);
    const Indexed both[] = {of, index->extent_of};
    for (int i = 0; i < 2; i++)
      if (both[i].name && (i == 0 || both[0].span.start != both[1].span.start))
        diagnostic_note(checker->sink, diagnostic, both[i].span, "`%s` is declared here", both[i].name);
    diagnostic_help(checker->sink, diagnostic, "use an index of its own for each number of states");
  }
  index->failed = true;
  return false;
}

void report_extent_unknown(Checker *checker, RuleAxis axis) {
  StateIndex *index = &checker->indices[axis];
  if (!index->failed) {
    Diagnostic *diagnostic = REPORT(checker, extent_unknown, index->name.span, index->name.text);
    const char *near = near_axis(checker, index->name.text);
    if (near) {
      diagnostic_help(checker->sink, diagnostic, "did you mean the axis `%s`?", near);
      diagnostic_fix(checker->sink, diagnostic, index->name.span, "%s", near);
    } else diagnostic_help(checker->sink, diagnostic, "use it as the state of a variable, or leave it out");
  }
  index->failed = true;
}

// An index that is nearly an axis' name, and that nothing gives an extent: it is told instead of what follows from it.
bool report_unbound_axis(Checker *checker) {
  for (int i = 0; i < checker->index_count; i++) {
    RuleAxis axis = (RuleAxis)(RULE_AXIS_FIRST_STATE + i);
    const StateIndex *index = &checker->indices[axis];
    if (index->extent || index->failed || !near_axis(checker, index->name.text)) continue;
    report_extent_unknown(checker, axis);
    return true;
  }
  return false;
}

// Axes of the rule are shared by name and extent; within a statement every index has an axis of its own.
bool indices_finish(Checker *checker, RuleAxis *final) {
  CheckedRule *rule = checker->rule;
  bool fine = true;
  uint64_t taken = 0;
  for (int i = 0; i < RULE_AXIS_FIRST_STATE; i++) final[i] = (RuleAxis)i;
  for (int i = 0; i < checker->index_count; i++) {
    RuleAxis axis = (RuleAxis)(RULE_AXIS_FIRST_STATE + i);
    StateIndex *index = &checker->indices[axis];
    final[axis] = axis;
    if (index->failed) fine = false;
    if (index->failed || checker->too_large) continue;
    if (!index->extent) {
      fine = false;
      report_extent_unknown(checker, axis);
      continue;
    }
    size_t found = RULE_AXIS_FIRST_STATE;
    for (; found < rule->axes.count; found++)
      if (!(taken >> found & 1) && rule->axes.items[found].extent == index->extent &&
          !strcmp(rule->axes.items[found].name, index->name.text))
        break;
    if (found == 64) {
      fine = false;
      if (!checker->too_large) REPORT(checker, rule_too_large, index->name.span, "it has more than 57 state indices");
      checker->too_large = true;
      continue;
    }
    if (found == rule->axes.count)
      ARENA_PUSH(checker->arena, &rule->axes, (CheckedAxis){index->name.text, index->extent, index->name.span});
    taken |= (uint64_t)1 << found;
    final[axis] = (RuleAxis)found;
  }
  return fine && !checker->too_large;
}

static RuleAxisSet renumber_set(RuleAxisSet axes, const RuleAxis *final) {
  RuleAxisSet result = axes & (axis_bit(RULE_AXIS_FIRST_STATE) - 1);
  for (RuleAxisSet rest = axes & ~result; rest; rest &= rest - 1) result |= axis_bit(final[__builtin_ctzll(rest)]);
  return result;
}

static void finish(CheckedExpression *value, const RuleAxis *final, uint32_t mark) {
  Node *node = node_of(value);
  if (node->mark == mark) return;
  node->mark = mark;
  value->axes = renumber_set(value->axes, final);
  value->reduced = renumber_set(value->reduced, final);
  if (value->kind == CHECKED_POSITION) value->axis = final[value->axis];
  for (int i = 0; i < IR_MAX_DIMENSIONS; i++)
    if (value->index[i].is_axis) value->index[i].axis = final[value->index[i].axis];
  for (int i = 0; i < IR_MAX_OPERANDS; i++)
    if (value->operand[i]) finish(value->operand[i], final, mark);
}

void node_finish(Checker *checker, CheckedExpression *value, const RuleAxis *final) {
  if (!node_is_error(checker, value)) finish(value, final, ++checker->next_mark);
}

bool node_reads(const CheckedExpression *value, int variable, uint32_t mark) {
  Node *node = node_of(value);
  if (node->mark == mark) return false;
  node->mark = mark;
  if (value->kind == CHECKED_READ && value->variable == variable) return true;
  for (int i = 0; i < IR_MAX_OPERANDS; i++)
    if (value->operand[i] && node_reads(value->operand[i], variable, mark)) return true;
  return false;
}

void node_renumber_variables(Checker *checker, CheckedExpression *value, const int *number, uint32_t mark) {
  Node *node = node_of(value);
  if (node->mark == mark || node_is_error(checker, value)) return;
  node->mark = mark;
  if (value->kind == CHECKED_READ) value->variable = number[value->variable];
  for (int i = 0; i < IR_MAX_OPERANDS; i++)
    if (value->operand[i]) node_renumber_variables(checker, value->operand[i], number, mark);
}
