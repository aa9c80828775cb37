// `--set PATH=VALUE` for an experiment: the value is parsed as it would stand in the file and takes the place of what
// stands there. Paths are those of experiment.def; below a rule, the names of its settings (`rule.lr`,
// `std.momentum.lr`); a path into a field that may stand several times is for all of them, with a name in the middle
// for that one (`meta_test.held_out.networks`). Before: the syntax tree;
// after: the check, which sees no difference.
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

static FieldId path_id(const char *path) {
  for (FieldId id = 0; id < FIELD_COUNT; id++)
    if (strcmp(experiment_fields[id].path, path) == 0) return id;
  return FIELD_COUNT;
}

static const char *path_parent(const Override *override) {
  return arena_copy(override->arena, override->path, strcspn(override->path, "."));
}

static bool report_path(const Override *override) {
  Diagnostic *diagnostic =
      diagnostic_report(override->sink, DIAGNOSTIC_experiment_unknown_field, path_span(override), override->path);
  const char *names[FIELD_COUNT], *parent = path_parent(override);
  const char *parts = strchr(override->path, '.') ? experiment_field_list(override->arena, parent) : "";
  size_t count = 0, before = *parts ? strlen(parent) + 1 : 0; // a part is near to a part of the same field
  for (FieldId id = 0; id < FIELD_COUNT; id++) {
    const char *path = experiment_fields[id].path;
    if (strncmp(path, override->path, before) == 0) names[count++] = path + before;
  }
  const char *near = near_name(override->path + before, names, count);
  if (strcmp(override->path, "eval") == 0)
    diagnostic_help(override->sink, diagnostic, "its parts are set: `--set eval.every=5`, `--set eval.on=validation`");
  else if (strcmp(override->path, "measure.every") == 0)
    diagnostic_help(override->sink, diagnostic,
                    "nothing is measured; `--set \"measure=norm = norm2(pre, post: w)\"` does");
  else if (path_id(override->path) < FIELD_COUNT)
    diagnostic_help(override->sink, diagnostic, "the experiment has no `%s` that this is a part of", parent);
  else if (near)
    diagnostic_help(override->sink, diagnostic, "did you mean `--set %.*s%s=%s`?", (int)before, override->path, near,
                    override->value);
  else if (*parts) diagnostic_help(override->sink, diagnostic, "what `%s` has is %s", parent, parts);
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

// The fields that say the same as this one: what is learned is one set of data or several tasks.
static void remove_other(const Override *override, const char *name) {
  bool is_data = strcmp(name, "data") == 0, is_tasks = strcmp(name, "tasks") == 0;
  if (!is_data && !is_tasks) return;
  for (AstField **at = &override->experiment->fields; *at;)
    if (strcmp((*at)->name.text, is_data ? "tasks" : "data") == 0) *at = (*at)->next;
    else at = &(*at)->next;
}

// A whole field: what else stands behind the value of `steps`, of a range of `unroll`, and in the braces of `data`,
// `meta` and `objective`, stays.
static bool set_field(const Override *override, const char *name) {
  AstField *made = parse(override, arena_format(override->arena, "%s ", name));
  if (!made) return false;
  remove_other(override, name);
  AstField *old = find_field(override, name);
  if (!old) {
    made->next = override->experiment->fields;
    override->experiment->fields = made;
    return true;
  }
  AstPhrase *phrase = made->phrases, *before = old->phrases;
  if (before && strcmp(name, "steps") == 0 && !phrase->next) phrase->next = before->next;
  bool keeps = strcmp(name, "data") == 0 || strcmp(name, "meta") == 0 || strcmp(name, "objective") == 0;
  bool is_range = strcmp(name, "unroll") == 0 && phrase->value.kind == VALUE_RANGE;
  if (before && keeps && !phrase->has_settings) {
    phrase->has_settings = before->has_settings;
    phrase->settings = before->settings;
  }
  if (before && (is_range || strcmp(name, "seeds") == 0) && !phrase->clauses) phrase->clauses = before->clauses;
  old->phrases = phrase;
  return true;
}

// The name of one of several: `measure NAME = ...`, `meta_test NAME { ... }`; "" where a test has none.
static const char *name_of_several(const char *field, const AstPhrase *phrase) {
  if (strcmp(field, "measure") == 0) return phrase->name.text;
  return phrase->value.kind == VALUE_NONE ? "" : plain_name_of(&phrase->value);
}

// No field of several has this name: those that there are.
static bool report_name(const Override *override, const char *field_name, const char *name) {
  Diagnostic *diagnostic =
      diagnostic_report(override->sink, DIAGNOSTIC_experiment_unknown_field, path_span(override), override->path);
  const char *names = "";
  for (AstField *field = override->experiment->fields; field; field = field->next) {
    const char *own = strcmp(field->name.text, field_name) == 0 && field->phrases
                          ? name_of_several(field_name, field->phrases)
                          : NULL;
    if (own && *own) names = arena_format(override->arena, "%s%s`%s`", names, *names ? ", " : "", own);
  }
  if (*names)
    diagnostic_help(override->sink, diagnostic, "no `%s` is called `%s`; there are %s", field_name, name, names);
  else diagnostic_help(override->sink, diagnostic, "no `%s` is called `%s`", field_name, name);
  return false;
}

// `measure=NAME = EXPRESSION`, `meta_test=NAME { ... }`: that of this name, or one more. A measure keeps its `every`
// where none is given.
static bool set_one_of_several(const Override *override, const char *field) {
  AstField *made = parse(override, arena_format(override->arena, "%s ", field));
  if (!made) return false;
  AstPhrase *phrase = made->phrases;
  const char *name = name_of_several(field, phrase);
  AstField **at = &override->experiment->fields;
  for (; *at; at = &(*at)->next) {
    AstPhrase *old = strcmp((*at)->name.text, field) == 0 ? (*at)->phrases : NULL;
    const char *old_name = old ? name_of_several(field, old) : NULL;
    if (!old_name || !name || strcmp(old_name, name) != 0) continue;
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

// The file behind a rule; a path needs no quotation marks here.
static bool set_genome(const Override *override, AstPhrase *phrase) {
  Override quoted = *override;
  if (*quoted.value != '"') quoted.value = arena_format(override->arena, "\"%s\"", override->value);
  return set_clause(&quoted, phrase, "genome");
}

static bool is_plain(const AstPhrase *phrase, const char *name) {
  const char *word = phrase->name.text ? NULL : plain_name_of(&phrase->value);
  return word && strcmp(word, name) == 0;
}

// Whether nothing is left of a phrase without the clauses of this word.
static bool drop_clauses(AstPhrase *phrase, const char *word) {
  if (phrase->name.text || phrase->value.kind != VALUE_NONE || !phrase->clauses) return false;
  for (AstClause **at = &phrase->clauses; *at;)
    if (strcmp((*at)->word.text, word) == 0) *at = (*at)->next;
    else at = &(*at)->next;
  return !phrase->clauses;
}

// What says this part in the braces of a phrase: `lr = 0.1`, `tasks { ... }`, `every 5`, `at = every 2, mean from 5`.
static void drop_part(AstPhrase *owner, const char *name) {
  for (AstPhrase **at = &owner->settings; *at;) {
    AstPhrase *phrase = *at;
    bool is_it = phrase->name.text ? strcmp(phrase->name.text, name) == 0 : is_plain(phrase, name);
    if (!is_it && !drop_clauses(phrase, name)) {
      at = &phrase->next;
      continue;
    }
    *at = phrase->next;
    if (*at && strcmp(name, "at") == 0 && is_plain(*at, "mean")) *at = (*at)->next;
  }
}

static bool set_part(const Override *override, AstPhrase *owner, FieldId id, const char *name) {
  bool in_braces = experiment_fields[id].kind == FIELD_KIND_TASKS || experiment_fields[id].kind == FIELD_KIND_NETS;
  AstField *made = parse(override, arena_format(override->arena, in_braces ? "set %s " : "set %s = ", name));
  if (!made) return false;
  drop_part(owner, name);
  owner->has_settings = true;
  AstPhrase **end = &owner->settings;
  while (*end) end = &(*end)->next;
  *end = made->phrases;
  return true;
}

// `measure.every`, `meta_test.every`, `meta.lr`, `objective.at`, `unroll.by`: in all fields of this name, or in the
// one of several that is called `only`.
static bool set_parts(const Override *override, FieldId id, const char *field_name, const char *only,
                      const char *name) {
  bool found = false, is_clause = strcmp(field_name, "measure") == 0 || strcmp(field_name, "unroll") == 0;
  for (AstField *field = override->experiment->fields; field; field = field->next) {
    if (strcmp(field->name.text, field_name) != 0 || !field->phrases) continue;
    const char *own = only ? name_of_several(field_name, field->phrases) : NULL;
    if (only && (!own || strcmp(own, only) != 0)) continue;
    bool fine = is_clause ? set_clause(override, field->phrases, name) : set_part(override, field->phrases, id, name);
    if (!fine) return false;
    found = true;
  }
  return found || (only ? report_name(override, field_name, only) : report_path(override));
}

// `meta_test.held_out.networks`, `measure.norm.every`: a part of one of several.
static bool is_part_of_one(const Override *override, FieldId *id, const char **only) {
  const char *field = path_parent(override), *middle = override->path + strlen(field), *last = strrchr(middle, '.');
  if ((strcmp(field, "measure") != 0 && strcmp(field, "meta_test") != 0) || !last || last == middle) return false;
  *id = path_id(arena_format(override->arena, "%s%s", field, last));
  *only = arena_copy(override->arena, middle + 1, (size_t)(last - middle - 1));
  return *id < FIELD_COUNT;
}

// `objective.at` also where the file says nothing of the objective.
static bool set_objective_part(const Override *override, FieldId id, const char *name) {
  if (!find_field(override, "objective")) {
    const char *text = "objective { }";
    AstField *made =
        parse_field(override->arena, source_from_bytes(override->arena, "--set", text, strlen(text)), override->sink);
    if (!made) return false;
    made->next = override->experiment->fields;
    override->experiment->fields = made;
  }
  return set_parts(override, id, "objective", NULL, name);
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
  const char *dot = strchr(path, '.'), *setting = NULL, *only;
  FieldId id = path_id(path);
  if (id == FIELD_measure || id == FIELD_meta_test) return set_one_of_several(&override, path);
  if (id == FIELD_objective_at || id == FIELD_objective_on) return set_objective_part(&override, id, dot + 1);
  static const char *const with_parts[] = {"measure", "meta_test", "meta", "unroll"};
  for (size_t i = 0; i < sizeof with_parts / sizeof *with_parts; i++)
    if (dot && id < FIELD_COUNT && strcmp(path_parent(&override), with_parts[i]) == 0)
      return set_parts(&override, id, with_parts[i], NULL, dot + 1);
  if (is_part_of_one(&override, &id, &only))
    return set_parts(&override, id, path_parent(&override), only, strrchr(path, '.') + 1);
  if (!dot) return id < FIELD_COUNT && id != FIELD_eval ? set_field(&override, path) : report_path(&override);
  AstPhrase *rule = find_rule_phrase(&override, &setting);
  if (rule && strcmp(setting, "genome") == 0) return set_genome(&override, rule);
  if (rule) return set_setting(&override, rule, setting);
  if (id == FIELD_eval_every || id == FIELD_eval_on) return set_eval(&override, dot + 1);
  AstField *field = find_field(&override, arena_copy(arena, path, (size_t)(dot - path)));
  if (id == FIELD_COUNT || !field || !field->phrases) return report_path(&override);
  if (id == FIELD_seeds_from) return set_clause(&override, field->phrases, dot + 1);
  return strncmp(path, "data.", 5) == 0 ? set_setting(&override, field->phrases, dot + 1) : report_path(&override);
}
