// The whole check, in order: merge, variables, blocks, prediction, functions that nobody calls, warnings; then what is
// inherited and unused is dropped and the rule is complete.
#include "compiler/semantics/checker.h"

#include <string.h>

Checker *checker_create(Arena *arena, TaskLoss task_loss, const ModuleLoader *modules, DiagnosticSink *sink) {
  Checker *checker = ARENA_NEW(arena, Checker);
  checker->arena = arena;
  checker->sink = sink;
  checker->modules = modules;
  checker->task_loss = task_loss;
  checker->block = -1;
  checker->error = &ARENA_NEW(arena, Node)->expression;
  checker->error->kind = CHECKED_NUMBER;
  checker->rule = ARENA_NEW(arena, CheckedRule);
  static const char *const names[] = {"batch", "pre", "post", "unit", "output", "pre2", "post2"};
  for (int i = 0; i < RULE_AXIS_FIRST_STATE; i++)
    ARENA_PUSH(arena, &checker->rule->axes, (CheckedAxis){.name = names[i]});
  prelude_load(checker);
  return checker;
}

// ---- dropping what is inherited and unused

static void renumber_statements(Checker *checker, CheckedStatement *first, const int *number, uint32_t mark) {
  for (CheckedStatement *statement = first; statement; statement = statement->next) {
    if (statement->is_let) continue;
    statement->variable = number[statement->variable];
    node_renumber_variables(checker, statement->value, number, mark);
  }
}

static void drop_unused(Checker *checker) {
  CheckedRule *rule = checker->rule;
  int *number = ARENA_ARRAY(checker->arena, int, rule->variables.count);
  int kept = 0;
  for (size_t i = 0; i < rule->variables.count; i++) {
    const struct VariableFacts *facts = &checker->facts[i];
    bool inherited = facts->entry && facts->entry->depth < checker->depth;
    number[i] = kept;
    if (inherited && !facts->read && !facts->written) continue;
    rule->variables.items[kept] = rule->variables.items[i];
    rule->variables.items[kept++].used = facts->read;
  }
  if ((size_t)kept == rule->variables.count) return;
  rule->variables.count = (size_t)kept;
  uint32_t mark = ++checker->next_mark;
  for (int i = 0; i < kept; i++) {
    const CheckedVariable *variable = &rule->variables.items[i];
    if (variable->first) node_renumber_variables(checker, variable->first, number, mark);
    if (variable->second) node_renumber_variables(checker, variable->second, number, mark);
  }
  for (size_t i = 0; i < rule->lets.count; i++)
    node_renumber_variables(checker, rule->lets.items[i].value, number, mark);
  for (size_t i = 0; i < rule->blocks.count; i++)
    renumber_statements(checker, rule->blocks.items[i].statements, number, mark);
  if (rule->prediction) node_renumber_variables(checker, rule->prediction, number, mark);
}

// ---- the two entrances

static CheckedRule *check(Checker *checker, const AstFile *file, const AstRule *ast) {
  size_t errors = checker->first_errors = checker->sink->errors;
  checker->ast = ast;
  checker->rule->name = ast->name.text ? ast->name.text : "";
  checker->rule->source = file->source;
  checker->rule->span = ast->name.span.file ? ast->name.span : ast->span;
  diagnostic_mute(checker->sink, MUTED_NONE);
  bool merged = merge_rule(checker, file, ast);
  diagnostic_mute(checker->sink, MUTED_NONE);
  if (!merged) return NULL;
  report_unused_settings(checker);
  survey_steps(checker);
  make_variables(checker);
  check_blocks(checker);
  diagnostic_mute(checker->sink, MUTED_NONE);
  if (!checker->too_large) check_prediction(checker);
  diagnostic_mute(checker->sink, MUTED_NONE);
  for (size_t i = 0; i < checker->names.items.count && !checker->too_large; i++) {
    Entry *entry = checker->names.items.items[i];
    if (entry->depth < checker->depth) continue;
    if (entry->kind == ENTRY_FUNCTION) check_unused_function(checker, entry);
    if (entry->kind == ENTRY_CONST) constant_of_entry(checker, entry, entry->name.span);
  }
  if (checker->sink->errors > errors || checker->too_large) return NULL;
  if (checker->is_partial) return NULL; // what looks unused may be used where the text could not be read
  warn_unused(checker);
  warn_blocks(checker);
  checker->rule->predicts_with_batch_statistics = prediction_uses_batch(checker);
  drop_unused(checker);
  return checker->rule;
}

CheckedRule *check_rule(Arena *arena, const AstFile *file, const AstRule *rule, const RuleOverride *overrides,
                        size_t override_count, TaskLoss task_loss, const ModuleLoader *modules, DiagnosticSink *sink) {
  Checker *checker = checker_create(arena, task_loss, modules, sink);
  checker->overrides = overrides;
  checker->override_count = override_count;
  checker->override_used = ARENA_ARRAY(arena, bool, override_count + 1);
  checker->is_partial = sink->errors > 0;
  return check(checker, file, rule);
}

void checker_set(Checker *checker, const RuleSetting *settings, size_t count) {
  RuleOverride *overrides = ARENA_ARRAY(checker->arena, RuleOverride, count + 1);
  for (size_t i = 0; i < count; i++) overrides[i].name = settings[i].name;
  checker->overrides = overrides;
  checker->settings = settings;
  checker->override_count = count;
  checker->override_used = ARENA_ARRAY(checker->arena, bool, count + 1);
}

CheckedRule *check_rule_set(Arena *arena, const AstFile *file, const AstRule *rule, const RuleSetting *settings,
                            size_t setting_count, TaskLoss task_loss, const ModuleLoader *modules,
                            DiagnosticSink *sink) {
  Checker *checker = checker_create(arena, task_loss, modules, sink);
  checker_set(checker, settings, setting_count);
  checker->is_partial = sink->errors > 0;
  return check(checker, file, rule);
}

bool check_file(Arena *arena, const AstFile *file, const ModuleLoader *modules, DiagnosticSink *sink) {
  size_t errors = sink->errors;
  bool is_partial = errors > 0;
  enum { ENOUGH_ERRORS = 100 }; // more are not kept
  for (const AstRule *rule = file->rules; rule && sink->errors < ENOUGH_ERRORS; rule = rule->next) {
    Checker *checker = checker_create(arena, LOSS_CROSS_ENTROPY, modules, sink);
    checker->is_partial = is_partial;
    for (const AstRule *other = file->rules; other != rule; other = other->next) {
      if (!other->name.text || !rule->name.text || strcmp(other->name.text, rule->name.text) != 0) continue;
      Diagnostic *diagnostic = REPORT(checker, declared_twice, rule->name.span, rule->name.text);
      diagnostic_note(sink, diagnostic, other->name.span, "declared here before");
      break;
    }
    check(checker, file, rule);
  }
  Checker *checker = checker_create(arena, LOSS_CROSS_ENTROPY, modules, sink);
  checker->is_partial = is_partial;
  FileScope *scope = file_scope(checker, file);
  for (size_t i = 0; i < scope->names.items.count && !checker->too_large; i++) {
    Entry *entry = scope->names.items.items[i];
    if (entry->file != scope) continue;
    if (entry->kind == ENTRY_FUNCTION) check_unused_function(checker, entry);
    else constant_of_entry(checker, entry, entry->name.span);
  }
  return sink->errors == errors;
}
