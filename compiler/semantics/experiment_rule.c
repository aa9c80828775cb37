// The rules of an experiment with their settings: single values, `sweep(...)`, `tune(low .. high, count)`. Each rule is
// checked as it is everywhere (check.c) with the first value of each setting; the further ones are checked against what
// that tells: numbers of the genome by their range, everything else by checking the rule again.
#include "compiler/semantics/experiment.h"

#include <math.h>
#include <string.h>

// ---- which rule

static const AstRule *rule_in(const AstFile *file, const char *name) {
  for (const AstRule *rule = file ? file->rules : NULL; rule; rule = rule->next)
    if (rule->name.text && strcmp(rule->name.text, name) == 0) return rule;
  return NULL;
}

static bool find_rule(ExperimentCheck *check, const AstExpression *ast, CheckedContender *contender) {
  Checker *checker = check->checker;
  const AstName *module = &ast->name.qualifier, *name = &ast->name.name;
  contender->span = ast->span;
  contender->name = text_of_span(checker->arena, ast->span);
  contender->file = check->made->file;
  if (module->text) {
    contender->file = check->modules->load(check->modules->context, module->text, name->text, ast->span);
    if (!contender->file) return false;
  }
  contender->ast = rule_in(contender->file, name->text);
  if (contender->ast) return true;
  Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_unknown_rule, ast->span, contender->name);
  enum { MOST = 200 };
  const char *names[MOST];
  size_t count = 0;
  for (const AstRule *rule = contender->file->rules; rule && count < MOST; rule = rule->next)
    if (rule->name.text) names[count++] = rule->name.text;
  const char *near = near_name(name->text, names, count);
  if (near) diagnostic_fix(checker->sink, diagnostic, name->span, "%s", near);
  else if (!module->text && check->modules->load(check->modules->context, "std", name->text, (Span){0}))
    diagnostic_fix(checker->sink, diagnostic, name->span, "std.%s", name->text);
  else diagnostic_help(checker->sink, diagnostic, "`blur rules` lists the library, whose rules are named `std.NAME`");
  return false;
}

// ---- values of a setting

static void add_value(ExperimentCheck *check, CheckedSetting *setting, const AstExpression *ast, const char *text,
                      double number) {
  Arena *arena = check->checker->arena;
  size_t count = setting->count++;
  const char **texts = ARENA_ARRAY(arena, const char *, setting->count);
  const AstExpression **expressions = ARENA_ARRAY(arena, const AstExpression *, setting->count);
  double *numbers = ARENA_ARRAY(arena, double, setting->count);
  if (count > 0) {
    memcpy(texts, setting->texts, count * sizeof *texts);
    memcpy(expressions, setting->expressions, count * sizeof *expressions);
    memcpy(numbers, setting->numbers, count * sizeof *numbers);
  }
  if (!isnan(number)) { // constants of the experiment's file mean nothing in the file of the rule
    AstExpression *folded = ARENA_NEW(arena, AstExpression);
    *folded = (AstExpression){.kind = EXPRESSION_NUMBER, .span = ast->span, .depth = 1, .number = number};
    ast = folded;
  }
  texts[count] = text;
  expressions[count] = ast;
  numbers[count] = number;
  setting->texts = texts;
  setting->expressions = expressions;
  setting->numbers = numbers;
}

static void add_written(ExperimentCheck *check, CheckedSetting *setting, const AstExpression *ast) {
  double number;
  if (!take_constant(check, ast, &number)) number = NAN;
  add_value(check, setting, ast, text_of_span(check->checker->arena, ast->span), number);
}

static bool report_form(ExperimentCheck *check, Span span, const char *problem) {
  Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_choice, span, problem);
  diagnostic_help(check->checker->sink, diagnostic,
                  "write `lr = sweep(0.01, 0.1, 1)` or `lr = tune(0.001 .. 1, 9) on validation at 100`");
  return false;
}

// On a scale of logarithms where the range spans a factor of ten or more: equal steps would all lie at its upper end.
static bool take_tune(ExperimentCheck *check, CheckedSetting *setting, const AstValue *value) {
  double low, high, count;
  if (!take_constant(check, value->first, &low) || !take_constant(check, value->last, &high) || !(low < high))
    return report_form(check, span_join(value->first->span, value->last->span),
                       "`tune` takes a range of numbers that goes up");
  if (!value->rest || value->rest->next || !take_constant(check, value->rest, &count) || count != floor(count) ||
      count < 2 || count > EXPERIMENT_RUNS)
    return report_form(check, value->rest ? value->rest->span : value->span,
                       arena_format(check->checker->arena,
                                    "`tune` takes, after the range, the number of values to try, from 2 to %d",
                                    EXPERIMENT_RUNS));
  setting->tuned = true;
  bool logarithmic = low > 0 && high >= 10 * low;
  for (int i = 0; i < (int)count; i++) {
    double share = i / (count - 1);
    double number = logarithmic ? exp(log(low) + share * (log(high) - log(low))) : low + share * (high - low);
    if (i == 0) number = low;
    if (i + 1 == (int)count) number = high;
    add_value(check, setting, value->first, arena_format(check->checker->arena, "%.4g", number), number);
  }
  return true;
}

static bool take_values(ExperimentCheck *check, CheckedSetting *setting, const AstPhrase *phrase) {
  const AstValue *value = &phrase->value;
  bool is_tune = value->kind == VALUE_RANGE_CALL && strcmp(value->name.text, "tune") == 0;
  if (is_tune) {
    FieldId parts[] = {FIELD_tune_on, FIELD_tune_at};
    const AstClause *found[2];
    take_clauses(check, "tune", phrase, parts, 2, found);
    const char *part = found[0] ? plain_name_of(&found[0]->value) : NULL;
    int word;
    if (part && strcmp(part, "test") == 0) {
      Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_tune_on_test, found[0]->span);
      diagnostic_fix(check->checker->sink, diagnostic, found[0]->value.span, "validation");
    } else if (found[0]) {
      take_word(check, FIELD_tune_on, &found[0]->value, found[0]->span, &word);
    }
    if (found[1]) take_count(check, FIELD_tune_at, &found[1]->value, found[1]->span, &setting->tune_step);
    return take_tune(check, setting, value);
  }
  const AstExpression *ast = value->kind == VALUE_EXPRESSION ? value->first : NULL;
  bool is_call = ast && ast->kind == EXPRESSION_CALL && !ast->call.primes;
  if (is_call && strcmp(ast->call.function.text, "tune") == 0) // its clauses are those of a right one
    return report_form(check, ast->span, "`tune` takes a range of numbers, and the number of values to try");
  take_clauses(check, phrase->name.text, phrase, NULL, 0, NULL);
  if (is_call && strcmp(ast->call.function.text, "sweep") == 0) {
    if (!ast->call.arguments || ast->call.has_colon || ast->call.brackets)
      return report_form(check, ast->span, "`sweep` takes values, parted by commas");
    for (const AstExpression *one = ast->call.arguments; one; one = one->next) add_written(check, setting, one);
    return true;
  }
  if (!ast) return value->kind != VALUE_ERROR && report_form(check, phrase->span, "a setting takes a value");
  add_written(check, setting, ast);
  return true;
}

// ---- a genome file: whether it fits is found when the rule is compiled for its network

// A path of the text is meant from the file's folder, one of --set from where the command is run.
static const char *path_of(const ExperimentCheck *check, const AstValue *value) {
  const char *path = value->name.text, *own = check->made->file->source->path, *slash = strrchr(own, '/');
  bool from_folder = value->span.file == check->made->file->source && *path != '/' && slash;
  return from_folder ? arena_format(check->checker->arena, "%.*s/%s", (int)(slash - own), own, path) : path;
}

static void take_genome(ExperimentCheck *check, const AstClause *clause, CheckedContender *contender) {
  const AstValue *value = &clause->value;
  if (value->kind != VALUE_TEXT || !*value->name.text) {
    if (value->kind != VALUE_ERROR)
      report_field_value(check, FIELD_rule_genome, value->kind == VALUE_NONE ? clause->span : value->span);
  } else {
    contender->genome = value->name.text;
    contender->genome_path = path_of(check, value);
  }
}

// ---- checking a rule with its settings

CheckedRule *check_contender(Arena *arena, const CheckedContender *contender, const size_t *choice, TaskLoss loss,
                             const ModuleLoader *modules, DiagnosticSink *sink) {
  RuleSetting *settings = ARENA_ARRAY(arena, RuleSetting, contender->settings.count + 1);
  for (size_t i = 0; i < contender->settings.count; i++) {
    const CheckedSetting *setting = &contender->settings.items[i];
    settings[i] = (RuleSetting){setting->name, setting->span, setting->expressions[choice ? choice[i] : 0]};
  }
  return check_rule_set(arena, contender->file, contender->ast, settings, contender->settings.count, loss, modules,
                        sink);
}

// The same within the check of the experiment. What was wrong before is no concern of the rule, so it gets a sink of
// its own, whose reports are then taken over.
static CheckedRule *check_apart(ExperimentCheck *check, const CheckedContender *contender, const size_t *choice) {
  Checker *checker = check->checker;
  DiagnosticSink own = {.arena = checker->arena, .errors = check->is_partial ? 1 : 0};
  CheckedRule *rule = check_contender(checker->arena, contender, choice, checker->task_loss, check->modules, &own);
  for (size_t i = 0; i < own.items.count; i++) diagnostic_take(checker->sink, &own.items.items[i]);
  return rule;
}

static const CheckedVariable *genome_number(const CheckedRule *rule, const char *name) {
  for (size_t i = 0; i < rule->variables.count; i++) {
    const CheckedVariable *variable = &rule->variables.items[i];
    if (variable->kind == CHECKED_GENOME && strcmp(variable->name, name) == 0)
      return variable->states == 0 ? variable : NULL;
  }
  return NULL;
}

// The values beyond the first.
static bool check_values(ExperimentCheck *check, CheckedContender *contender, size_t which) {
  Checker *checker = check->checker;
  CheckedSetting *setting = &contender->settings.items[which];
  const CheckedVariable *variable = genome_number(contender->rule, setting->name);
  size_t numbers = 0;
  for (size_t i = 0; i < setting->count; i++) numbers += isnan(setting->numbers[i]) ? 0 : 1;
  setting->is_genome = variable && numbers == setting->count;
  if (setting->tuned && !setting->is_genome) {
    Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_tune_value, setting->span, setting->name);
    diagnostic_help(checker->sink, diagnostic, "`%s = sweep(...)` runs each value of a list", setting->name);
    return false;
  }
  size_t errors = checker->sink->errors;
  size_t *choice = ARENA_ARRAY(checker->arena, size_t, contender->settings.count);
  for (size_t i = 1; i < setting->count; i++) {
    choice[which] = i;
    if (!setting->is_genome) {
      check_apart(check, contender, choice);
    } else if (setting->numbers[i] < variable->low || setting->numbers[i] > variable->high) {
      Diagnostic *diagnostic = EXPERIMENT_REPORT(check, bad_range, setting->expressions[i]->span, setting->name,
                                                 arena_format(checker->arena, "%s lies outside", setting->texts[i]));
      diagnostic_help(checker->sink, diagnostic, "take values from %g to %g", variable->low, variable->high);
    }
  }
  return checker->sink->errors == errors;
}

static void take_setting(ExperimentCheck *check, const AstPhrase *phrase, bool single, CheckedContender *contender) {
  Checker *checker = check->checker;
  CheckedSetting made = {.name = phrase->name.text, .span = phrase->name.span};
  if (!made.name) {
    report_form(check, phrase->span, "a setting is a name, `=` and a value");
    return;
  }
  for (size_t i = 0; i < contender->settings.count; i++) {
    if (strcmp(contender->settings.items[i].name, made.name) != 0) continue;
    report_twice(check, made.span, made.name, contender->settings.items[i].span);
  }
  if (!take_values(check, &made, phrase)) return;
  if (single && made.count > 1) {
    Diagnostic *diagnostic =
        EXPERIMENT_REPORT(check, experiment_choice, phrase->span, "here a setting has a single value");
    diagnostic_help(checker->sink, diagnostic, "write `%s = %s`", made.name, made.texts[0]);
  }
  ARENA_PUSH(checker->arena, &contender->settings, made);
}

bool take_contender(ExperimentCheck *check, FieldId id, const AstPhrase *phrase, bool single,
                    CheckedContender *contender) {
  Checker *checker = check->checker;
  const AstExpression *ast = phrase->value.kind == VALUE_EXPRESSION ? phrase->value.first : NULL;
  if (!ast || ast->kind != EXPRESSION_NAME) {
    if (!ast || ast->kind != EXPRESSION_ERROR) report_field_value(check, id, phrase->span);
    return false;
  }
  FieldId parts[] = {FIELD_rule_genome};
  const AstClause *genome;
  take_clauses(check, "rule", phrase, parts, 1, &genome);
  if (genome) take_genome(check, genome, contender);
  size_t errors = checker->sink->errors;
  bool found = find_rule(check, ast, contender);
  for (const AstPhrase *setting = phrase->settings; setting; setting = setting->next)
    take_setting(check, setting, single, contender);
  int64_t runs = 1;
  for (size_t i = 0; i < contender->settings.count && runs <= EXPERIMENT_RUNS; i++)
    runs *= (int64_t)contender->settings.items[i].count;
  if (runs > EXPERIMENT_RUNS) {
    Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_too_many, phrase->span, EXPERIMENT_RUNS);
    diagnostic_help(checker->sink, diagnostic,
                    "every value of one setting is run with every value of the others: take fewer");
  }
  if (!found || checker->sink->errors > errors) return false;
  contender->rule = check_apart(check, contender, NULL);
  for (size_t i = 0; contender->rule && i < contender->settings.count; i++) check_values(check, contender, i);
  return contender->rule && checker->sink->errors == errors;
}

void take_rule(ExperimentCheck *check, const AstPhrase *phrase) {
  CheckedContender contender = {0};
  FieldId id = check->made->contenders.count ? FIELD_against : FIELD_rule;
  if (take_contender(check, id, phrase, false, &contender))
    ARENA_PUSH(check->checker->arena, &check->made->contenders, contender);
}

void check_tuning(ExperimentCheck *check) {
  CheckedExperiment *made = check->made;
  DiagnosticSink *sink = check->checker->sink;
  for (size_t c = 0; c < made->contenders.count; c++) {
    CheckedContender *contender = &made->contenders.items[c];
    for (size_t i = 0; i < contender->settings.count; i++) {
      CheckedSetting *setting = &contender->settings.items[i];
      if (!setting->tuned) continue;
      if (!made->data.has_validation) {
        Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_no_validation, setting->span, "tune");
        diagnostic_help(sink, diagnostic, "split the training part: `data mnist { split = 50000 / 10000 }`");
      }
      if (made->steps && setting->tune_step > made->steps) {
        Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_beyond, setting->span,
                                                   (long long)setting->tune_step, (long long)made->steps);
        diagnostic_help(sink, diagnostic, "choose at that step or before, as in `at %lld`", (long long)made->steps);
      }
    }
  }
}
