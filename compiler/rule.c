// From the name of a rule to a checked rule: finds the file, parses it, picks the rule, checks it with the settings.
#include "compiler/rule.h"

#include "base/hash.h"
#include "base/text.h"
#include "compiler/semantics/experiment.h"
#include "compiler/source/library.h"
#include "compiler/syntax/syntax.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const AstFile *load_module(void *context, const char *module, const char *item, Span asked_at) {
  RuleModules *modules = context;
  if (strcmp(module, "std")) {
    Diagnostic *problem = diagnostic_report(&modules->report->sink, DIAGNOSTIC_unknown_module, asked_at, module);
    diagnostic_help(&modules->report->sink, problem,
                    "the library is `std`: `use std.norm`, `rule mine like std.backprop`");
    return NULL;
  }
  for (size_t i = 0; i < modules->names.count; i++)
    if (!strcmp(modules->names.items[i], item)) return modules->files.items[i];
  const SourceFile *source = library_find(modules->arena, item);
  const AstFile *file = source ? parse_file(modules->arena, source, &modules->report->sink) : NULL;
  if (!file && diagnostic_is_damaged(&modules->report->sink, asked_at)) return NULL; // told: it is no name at all
  if (!file && asked_at.file) {
    const char *const *names;
    size_t count = library_names(modules->arena, &names);
    Diagnostic *problem = diagnostic_report(&modules->report->sink, DIAGNOSTIC_unknown_library_item, asked_at, item);
    const char *near = near_name(item, names, count);
    if (near) diagnostic_help(&modules->report->sink, problem, "did you mean `std.%s`?", near);
    else diagnostic_help(&modules->report->sink, problem, "`blur rules` lists the library");
    return NULL;
  }
  ARENA_PUSH(modules->arena, &modules->names, arena_copy(modules->arena, item, strlen(item)));
  ARENA_PUSH(modules->arena, &modules->files, file);
  return file;
}

ModuleLoader rule_modules(RuleModules *modules) { return (ModuleLoader){modules, load_module}; }

static const AstRule *rule_named(const AstFile *file, const char *name) {
  for (const AstRule *rule = file->rules; rule; rule = rule->next)
    if (rule->name.text && !strcmp(rule->name.text, name)) return rule;
  return NULL;
}

static void report_missing_rule(const AstFile *file, const char *path, const char *wanted, BlurReport *report) {
  size_t count = 0;
  for (const AstRule *rule = file->rules; rule; rule = rule->next) count++;
  const char **names = ARENA_ARRAY(report->arena, const char *, count + 1);
  Text all = {0};
  count = 0;
  for (const AstRule *rule = file->rules; rule; rule = rule->next) {
    if (!rule->name.text) continue;
    text_add(&all, "%s%s", count ? ", " : "", rule->name.text);
    names[count++] = rule->name.text;
  }
  Diagnostic *problem = diagnostic_report(&report->sink, DIAGNOSTIC_no_such_rule, (Span){0}, path, wanted);
  const char *near = near_name(wanted, names, count);
  if (near) diagnostic_help(&report->sink, problem, "did you mean `%s:%s`?", path, near);
  else if (count) diagnostic_help(&report->sink, problem, "its rules are: %s", text_get(&all));
  text_free(&all);
}

// There is no such file, but the library has this name or one like it: `adam` of `std.adam`. Reports it.
static bool missing_as_library(Arena *arena, const char *path, BlurReport *report) {
  if (access(path, F_OK) == 0) return false;
  const char *const *names;
  size_t count = library_names(arena, &names);
  const char *near = near_name(path, names, count);
  if (!near) return false;
  Diagnostic *problem = diagnostic_report(&report->sink, DIAGNOSTIC_file_missing, (Span){0}, path);
  diagnostic_help(&report->sink, problem, "did you mean `std.%s` of the library?", near);
  return true;
}

// The file that a name of a rule leads to, and the rule `wanted` in it; NULL: any.
static const SourceFile *find_source(Arena *arena, const char *name, const char **wanted, BlurReport *report) {
  *wanted = NULL;
  if (!strncmp(name, "std.", 4)) {
    *wanted = name + 4;
    const SourceFile *source = library_find(arena, *wanted);
    if (source) return source;
    const char *const *names;
    size_t count = library_names(arena, &names);
    Diagnostic *problem = diagnostic_report(&report->sink, DIAGNOSTIC_unknown_library_item, (Span){0}, *wanted);
    const char *near = near_name(*wanted, names, count);
    if (near) diagnostic_help(&report->sink, problem, "did you mean `std.%s`?", near);
    else diagnostic_help(&report->sink, problem, "`blur rules` lists the library");
    return NULL;
  }
  const char *colon = strrchr(name, ':');
  const char *path = name;
  if (colon && colon[1] && !strchr(colon, '/')) {
    path = arena_copy(arena, name, (size_t)(colon - name));
    *wanted = colon + 1;
  }
  const SourceFile *source = missing_as_library(arena, path, report) ? NULL : source_read(arena, path, &report->sink);
  if (!source) report->environment = true;
  return source;
}

const AstFile *rule_file(Arena *arena, const char *name, BlurReport *report) {
  const char *wanted;
  const SourceFile *source = find_source(arena, name, &wanted, report);
  size_t errors = report->sink.errors;
  const AstFile *file = source ? parse_file(arena, source, &report->sink) : NULL;
  return report->sink.errors > errors ? NULL : file;
}

bool rule_find(Arena *arena, const char *name, const AstFile **file, const AstRule **rule, BlurReport *report) {
  const char *wanted;
  const SourceFile *source = find_source(arena, name, &wanted, report);
  if (!source) return false;
  size_t errors = report->sink.errors;
  *file = parse_file(arena, source, &report->sink);
  if (report->sink.errors > errors) return false;
  if (!(*file)->rules) {
    Diagnostic *problem = diagnostic_report(&report->sink, DIAGNOSTIC_no_rule_in_file, (Span){0}, source->path);
    diagnostic_help(&report->sink, problem, "a rule is `rule NAME { ... }`; `blur rules` lists the library's");
    return false;
  }
  // Without a name: the last rule of the file, since rules build on the ones before them.
  *rule = (*file)->rules;
  if (wanted) {
    *rule = rule_named(*file, wanted);
    if (!*rule) report_missing_rule(*file, source->path, wanted, report);
  } else {
    while ((*rule)->next) *rule = (*rule)->next;
  }
  return *rule != NULL;
}

BlurRule *blur_rule_load(const char *name, const BlurSetting *settings, size_t setting_count, BlurLoss loss,
                         BlurReport *report) {
  Arena *arena = arena_create();
  const AstFile *file = NULL;
  const AstRule *ast = NULL;
  CheckedRule *checked = NULL;
  RuleModules modules = {.arena = arena, .report = report};
  if (rule_find(arena, name, &file, &ast, report)) {
    RuleOverride *overrides = ARENA_ARRAY(arena, RuleOverride, setting_count + 1);
    for (size_t i = 0; i < setting_count; i++)
      overrides[i] = (RuleOverride){arena_copy(arena, settings[i].name, strlen(settings[i].name)),
                                    arena_copy(arena, settings[i].value, strlen(settings[i].value))};
    ModuleLoader loader = rule_modules(&modules);
    checked = check_rule(arena, file, ast, overrides, setting_count, (TaskLoss)loss, &loader, &report->sink);
  }
  report_keep(report, arena);
  if (!checked) {
    arena_destroy(arena);
    return NULL;
  }
  BlurRule *rule = ARENA_NEW(arena, BlurRule);
  *rule = (BlurRule){arena, file, checked};
  return rule;
}

void blur_rule_destroy(BlurRule *rule) {
  if (rule) arena_destroy(rule->arena);
}

const char *blur_rule_name(const BlurRule *rule) { return rule->checked->name; }

// Of the text below the line with the rule's name.
static uint64_t hash_below_name(const char *text) {
  const char *meaning = strchr(text, '\n');
  uint64_t hash = hash_text(meaning ? meaning + 1 : "");
  return hash ? hash : 1;
}

uint64_t blur_rule_hash(const BlurRule *rule) {
  Text text = {0};
  checked_print(rule->checked, &text);
  uint64_t hash = hash_below_name(text_get(&text));
  text_free(&text);
  return hash;
}

uint64_t blur_rule_equations_hash(const BlurRule *rule) {
  Text text = {0};
  checked_print_equations(rule->checked, &text);
  uint64_t hash = hash_below_name(text_get(&text));
  text_free(&text);
  return hash;
}

bool blur_check_file(const char *path, BlurReport *report) {
  size_t errors = report->sink.errors;
  const SourceFile *source = source_read(report->arena, path, &report->sink);
  if (!source) {
    report->environment = true;
    return false;
  }
  const AstFile *file = parse_file(report->arena, source, &report->sink);
  bool is_partial = report->sink.errors > errors;
  // Errors of syntax do not hide those of meaning: what was read is checked as well.
  RuleModules modules = {.arena = report->arena, .report = report};
  ModuleLoader loader = rule_modules(&modules);
  check_file(report->arena, file, &loader, &report->sink);
  check_experiments(report->arena, file, is_partial, &loader, &report->sink);
  return report->sink.errors == errors;
}
