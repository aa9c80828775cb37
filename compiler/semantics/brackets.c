// What stands in brackets after a name: state indices, bound or constant, and axes in the place of others
// (`w[c, post=post2]`). Called by expression.c and statement.c.
#include "compiler/semantics/checker.h"

#include <string.h>

// ---- state indices in brackets

static bool check_index_value(Checker *checker, const AstExpression *ast, const char *name, int64_t extent,
                              CheckedIndex *out) {
  if (ast->kind == EXPRESSION_ERROR) return false;
  if (ast->kind == EXPRESSION_NAME && !ast->name.qualifier.text) {
    const char *text = ast->name.name.text;
    Local *local = scope_find_local(checker, text);
    if (local && local->kind == LOCAL_ANY) return false;
    if (local && local->kind == LOCAL_INDEX) {
      local->used = true;
      *out = local->index;
      if (out->is_axis) return index_extent(checker, out->axis, extent, ast->span);
      if (out->constant < extent) return true;
      report_out_of_range(checker, ast->span, out->constant, name, extent);
      return false;
    }
    Entry *entry = local ? NULL : scope_find_entry(checker, text);
    if (!local && !entry && name_of_axis(text) < 0) {
      if (checker->is_partial) return false;
      Diagnostic *diagnostic = REPORT(checker, unknown_index, ast->span, text);
      diagnostic_help(checker->sink, diagnostic,
                      "an index is bound by the left side (`a[%s] <- ...`), by a reduction (`sum(%s: ...)`), by `let "
                      "u[%s] = ...` or "
                      "by a function's brackets (`fn f[%s](z)`)",
                      text, text, text, text);
      return false;
    }
  }
  int64_t constant;
  if (!constant_integer(checker, ast, "an index", &constant)) return false;
  if (constant < 0 || constant >= extent) {
    report_out_of_range(checker, ast->span, constant, name, extent);
    return false;
  }
  *out = (CheckedIndex){.constant = constant};
  return true;
}

bool check_indices(Checker *checker, const AstIndex *indices, int count, const char *name, Span span,
                   const int64_t *extents, CheckedIndex *out) {
  int given = 0;
  bool fine = true;
  const Local *local = scope_find_local(checker, name);
  const Entry *entry = local ? NULL : name_table_find(&checker->names, name);
  checker->indexed = local   ? (Indexed){name, local->name.span}
                     : entry ? (Indexed){name, entry->name.span}
                             : (Indexed){0};
  for (const AstIndex *index = indices; index; index = index->next, given++) {
    if (index->is_range) {
      REPORT(checker, index_kind, index->span, "an index on the right side");
      return false;
    }
    if (given < count && index->value && !check_index_value(checker, index->value, name, extents[given], &out[given]))
      fine = false;
  }
  if (given == count) return fine;
  if (!given) {
    Diagnostic *diagnostic = REPORT(checker, index_missing, span, name, count, count == 1 ? "axis" : "axes");
    diagnostic_help(checker->sink, diagnostic,
                    count == 1 ? "say which state: `%s[c]` or `%s[0]`" : "say which state: `%s[c,d]` or `%s[0,0]`",
                    name, name);
    return false;
  }
  Diagnostic *diagnostic = report_index_count(checker, span, name, count, indices);
  if (!count)
    diagnostic_help(checker->sink, diagnostic, "write `%s` without brackets, or declare its states: `%s[2]`", name,
                    name);
  return false;
}

// ---- axes in the place of others: w[post=post2]

static RuleAxis second_of(RuleAxis axis) { // the other index over the same layer
  switch (axis) {
  case RULE_AXIS_PRE: return RULE_AXIS_PRE2;
  case RULE_AXIS_POST: return RULE_AXIS_POST2;
  case RULE_AXIS_PRE2: return RULE_AXIS_PRE;
  case RULE_AXIS_POST2: return RULE_AXIS_POST;
  default: return RULE_AXIS_FIRST_STATE;
  }
}

// The axis that a name stands for: one of the language's, or a function's parameter for one.
static int named_axis(Checker *checker, const char *name) {
  Local *local = scope_find_local(checker, name);
  if (local && local->kind == LOCAL_AXES && local->axes && !(local->axes & (local->axes - 1))) {
    local->used = true;
    return __builtin_ctzll(local->axes);
  }
  return local ? -1 : name_of_axis(name);
}

static void report_replacement(Checker *checker, const AstIndex *index, const char *name) {
  Diagnostic *diagnostic = REPORT(checker, bad_replacement, index->span, name);
  diagnostic_help(checker->sink, diagnostic,
                  "`post2` takes the place of `post`, and `pre2` that of `pre`, in a variable that has it: "
                  "`w[post=post2]`");
}

// Splits brackets: `indices` without the replacements of axes, which go into `renamed`. False after reporting.
bool check_replacements(Checker *checker, const AstIndex **indices, const CheckedVariable *variable, CheckedSide side,
                        RuleAxis *renamed) {
  AstIndex *kept = NULL, **last = &kept;
  RuleAxis seen[IR_MAX_DIMENSIONS];
  for (int i = 0; variable && i < variable->axes; i++) seen[i] = renamed[i] = variable_axis_at(variable->axis[i], side);
  for (const AstIndex *index = *indices; index; index = index->next) {
    if (!index->axis.text) {
      *last = ARENA_NEW(checker->arena, AstIndex);
      **last = *index;
      (*last)->next = NULL;
      last = &(*last)->next;
      continue;
    }
    const AstExpression *value = index->value;
    int from = named_axis(checker, index->axis.text), to = -1, slot = 0;
    if (value && value->kind == EXPRESSION_NAME && !value->name.qualifier.text && value->name.name.text)
      to = named_axis(checker, value->name.name.text);
    while (variable && slot < variable->axes && (int)seen[slot] != from) slot++;
    if (!variable || from < 0 || to < 0 || slot == variable->axes || second_of((RuleAxis)from) != (RuleAxis)to) {
      report_replacement(checker, index, variable ? variable->name : "this");
      return false;
    }
    renamed[slot] = (RuleAxis)to;
  }
  for (int i = 0; variable && i < variable->axes; i++)
    for (int j = 0; j < i; j++)
      if (renamed[i] == renamed[j]) {
        REPORT(checker, index_repeated, (*indices)->span, axis_name(checker, renamed[i]));
        return false;
      }
  *indices = kept;
  return true;
}
