// `--set PATH=VALUE` for an experiment: the value is parsed as it would stand in the file and takes the place of what
// stands there. Paths are those of experiment.def; below a rule, the names of its settings (`rule.lr`,
// `std.momentum.lr`). Before: the syntax tree; after: the check, which sees no difference.
#include "compiler/semantics/experiment.h"

#include <string.h>

typedef struct {
  Arena *arena;
  AstExperiment *experiment;
  const char *path, *value;
  DiagnosticSink *sink;
} Override;

static Span path_span(const Override *override) {
  const char *text = arena_format(override->arena, "%s=%s", override->path, override->value);
  SourceFile *source = source_from_bytes(override->arena, "--set", text, strlen(text));
  return (Span){source, 0, (uint32_t)strlen(override->path)};
}

static bool report_path(const Override *override) {
  Diagnostic *diagnostic =
      diagnostic_report(override->sink, DIAGNOSTIC_experiment_unknown_field, path_span(override), override->path);
  const char *names[FIELD_COUNT];
  for (FieldId id = 0; id < FIELD_COUNT; id++) names[id] = experiment_fields[id].path;
  const char *near = near_name(override->path, names, FIELD_COUNT);
  if (strcmp(override->path, "eval") == 0)
    diagnostic_help(override->sink, diagnostic, "its parts are set: `--set eval.every=5`, `--set eval.on=validation`");
  else if (strcmp(override->path, "measure.every") == 0)
    diagnostic_help(override->sink, diagnostic,
                    "nothing is measured; `--set \"measure=norm = norm2(pre, post: w)\"` does");
  else if (near) diagnostic_help(override->sink, diagnostic, "did you mean `--set %s=%s`?", near, override->value);
  else
    diagnostic_help(
        override->sink, diagnostic,
        "a field is set by its name (`--set steps=200`), a part of it behind a point (`--set data.batch=64`, "
        "`--set rule.lr=0.1`)");
  return false;
}

// The value as a field: "steps 200". NULL after a report.
static AstField *parse(const Override *override, const char *before) {
  const char *text = arena_format(override->arena, "%s%s", before, override->value);
  const char *path = arena_format(override->arena, "--set %s", override->path);
  SourceFile *source = source_from_bytes(override->arena, path, text, strlen(text));
  AstField *field = parse_field(override->arena, source, override->sink);
  return field && field->phrases ? field : NULL;
}

static AstField *find_field(const Override *override, const char *name) {
  for (AstField *field = override->experiment->fields; field; field = field->next)
    if (strcmp(field->name.text, name) == 0) return field;
  return NULL;
}

// A whole field: what else stands behind the value of `steps`, and in the braces of `data`, stays.
static bool set_field(const Override *override, const char *name) {
  AstField *made = parse(override, arena_format(override->arena, "%s ", name));
  if (!made) return false;
  AstField *old = find_field(override, name);
  if (!old) {
    made->next = override->experiment->fields;
    override->experiment->fields = made;
    return true;
  }
  AstPhrase *phrase = made->phrases, *before = old->phrases;
  if (before && strcmp(name, "steps") == 0 && !phrase->next) phrase->next = before->next;
  if (before && strcmp(name, "data") == 0 && !phrase->has_settings) {
    phrase->has_settings = before->has_settings;
    phrase->settings = before->settings;
  }
  if (before && strcmp(name, "seeds") == 0 && !phrase->clauses) phrase->clauses = before->clauses;
  old->phrases = phrase;
  return true;
}

// `measure=NAME = EXPRESSION`: the measure of this name, which keeps its `every` where none is given, or one more.
static bool set_measure(const Override *override) {
  AstField *made = parse(override, "measure ");
  if (!made) return false;
  AstPhrase *phrase = made->phrases;
  AstField **at = &override->experiment->fields;
  for (; *at; at = &(*at)->next) {
    AstPhrase *old = strcmp((*at)->name.text, "measure") == 0 ? (*at)->phrases : NULL;
    if (!old || !old->name.text || !phrase->name.text || strcmp(old->name.text, phrase->name.text) != 0) continue;
    if (!phrase->clauses) phrase->clauses = old->clauses;
    (*at)->phrases = phrase;
    return true;
  }
  *at = made;
  return true;
}

// A setting in the braces of a phrase.
static bool set_setting(const Override *override, AstPhrase *phrase, const char *name) {
  AstField *made = parse(override, arena_format(override->arena, "set %s = ", name));
  if (!made) return false;
  AstPhrase *setting = made->phrases;
  phrase->has_settings = true;
  for (AstPhrase **at = &phrase->settings;; at = &(*at)->next) {
    if (*at && (!(*at)->name.text || strcmp((*at)->name.text, name) != 0)) continue;
    setting->next = *at ? (*at)->next : NULL;
    *at = setting;
    return true;
  }
}

// A clause behind a phrase: `eval.every`, `seeds.from`.
static bool set_clause(const Override *override, AstPhrase *phrase, const char *word) {
  AstField *made = parse(override, arena_format(override->arena, "set %s ", word));
  AstClause *clause = made ? made->phrases->clauses : NULL;
  if (!clause) return false;
  for (AstClause **at = &phrase->clauses;; at = &(*at)->next) {
    if (*at && strcmp((*at)->word.text, word) != 0) continue;
    clause->next = *at ? (*at)->next : NULL;
    *at = clause;
    return true;
  }
}

// `measure.every`: of all measures.
static bool set_measures_every(const Override *override) {
  bool found = false;
  for (AstField *field = override->experiment->fields; field; field = field->next) {
    if (strcmp(field->name.text, "measure") != 0 || !field->phrases) continue;
    if (!set_clause(override, field->phrases, "every")) return false;
    found = true;
  }
  return found || report_path(override);
}

static bool set_eval(const Override *override, const char *word) {
  AstField *steps = find_field(override, "steps");
  if (!steps || !steps->phrases) return report_path(override);
  AstPhrase *phrase = steps->phrases;
  while (phrase->next && !(plain_name_of(&phrase->value) && strcmp(plain_name_of(&phrase->value), "eval") == 0))
    phrase = phrase->next;
  if (phrase == steps->phrases || !plain_name_of(&phrase->value)) { // none yet
    SourceFile *source = source_from_bytes(override->arena, "--set", "set eval", strlen("set eval"));
    AstField *made = parse_field(override->arena, source, override->sink);
    if (!made) return false;
    phrase->next = made->phrases;
    phrase = phrase->next;
  }
  return set_clause(override, phrase, word);
}

// `rule.lr`, `std.momentum.lr`, `mine.lr`: the phrase of the rule, and what follows its name.
static AstPhrase *find_rule_phrase(const Override *override, const char **setting) {
  static const char *const fields[] = {"rule", "against"};
  const char *dot = strrchr(override->path, '.');
  if (!dot) return NULL;
  *setting = dot + 1;
  const char *rule = arena_copy(override->arena, override->path, (size_t)(dot - override->path));
  AstField *own = find_field(override, "rule");
  if (strcmp(rule, "rule") == 0) return own ? own->phrases : NULL;
  for (size_t i = 0; i < 2; i++) {
    AstField *field = find_field(override, fields[i]);
    for (AstPhrase *phrase = field ? field->phrases : NULL; phrase; phrase = phrase->next)
      if (phrase->value.kind == VALUE_EXPRESSION && phrase->value.first->kind == EXPRESSION_NAME &&
          strcmp(text_of_span(override->arena, phrase->value.span), rule) == 0)
        return phrase;
  }
  return NULL;
}

bool experiment_override(Arena *arena, AstExperiment *experiment, const char *path, const char *value,
                         DiagnosticSink *sink) {
  Override override = {arena, experiment, path, value, sink};
  const char *dot = strchr(path, '.'), *setting = NULL;
  FieldId id = FIELD_COUNT;
  for (FieldId i = 0; i < FIELD_COUNT; i++)
    if (strcmp(experiment_fields[i].path, path) == 0) id = i;
  if (id == FIELD_measure) return set_measure(&override);
  if (id == FIELD_measure_every) return set_measures_every(&override);
  if (!dot) return id < FIELD_COUNT && id != FIELD_eval ? set_field(&override, path) : report_path(&override);
  AstPhrase *rule = find_rule_phrase(&override, &setting);
  if (rule) return set_setting(&override, rule, setting);
  if (id == FIELD_eval_every || id == FIELD_eval_on) return set_eval(&override, dot + 1);
  AstField *field = find_field(&override, arena_copy(arena, path, (size_t)(dot - path)));
  if (id == FIELD_COUNT || !field || !field->phrases) return report_path(&override);
  if (id == FIELD_seeds_from) return set_clause(&override, field->phrases, dot + 1);
  return strncmp(path, "data.", 5) == 0 ? set_setting(&override, field->phrases, dot + 1) : report_path(&override);
}
