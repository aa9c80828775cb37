// Values of an experiment's fields: whole numbers, words, clauses, each checked as its line of experiment.def says.
// Used by experiment.c and what it calls.
#include "compiler/semantics/experiment.h"

#include <math.h>
#include <string.h>

const FieldInfo experiment_fields[FIELD_COUNT] = {
#define FIELD(id, path, kind, takes, low, high, fallback, meaning)                                                     \
  {path, FIELD_KIND_##kind, takes, low, high, fallback, meaning},
#include "compiler/semantics/experiment.def"
#undef FIELD
};

// ---- names

// What stands after `parent.` in a field's path, or NULL if it is no part of it.
static const char *part_name(const FieldInfo *field, const char *parent) {
  if (!parent) return strchr(field->path, '.') ? NULL : field->path;
  size_t length = strlen(parent);
  return strncmp(field->path, parent, length) == 0 && field->path[length] == '.' ? field->path + length + 1 : NULL;
}

FieldId experiment_field_at(const char *parent, const char *name) {
  for (FieldId id = 0; id < FIELD_COUNT; id++) {
    const char *part = part_name(&experiment_fields[id], parent);
    if (part && strcmp(part, name) == 0) return id;
  }
  return FIELD_COUNT;
}

static size_t part_names(const char *parent, const char **names) {
  size_t count = 0;
  for (FieldId id = 0; id < FIELD_COUNT; id++) {
    const char *part = part_name(&experiment_fields[id], parent);
    bool of_its_own = parent || experiment_fields[id].kind != FIELD_KIND_CLAUSES; // `eval` follows the steps
    if (part && of_its_own) names[count++] = part;
  }
  return count;
}

const char *experiment_field_list(Arena *arena, const char *parent) {
  const char *names[FIELD_COUNT];
  size_t count = part_names(parent, names);
  Text list = {0};
  for (size_t i = 0; i < count; i++) text_add(&list, "%s`%s`", i ? ", " : "", names[i]);
  const char *copy = arena_copy(arena, text_get(&list), list.length);
  text_free(&list);
  return copy;
}

void report_unknown_part(ExperimentCheck *check, Span span, const char *parent, const char *name) {
  DiagnosticSink *sink = check->checker->sink;
  Diagnostic *diagnostic = parent ? EXPERIMENT_REPORT(check, experiment_unknown_part, span, parent, name)
                                  : EXPERIMENT_REPORT(check, experiment_unknown_field, span, name);
  const char *names[FIELD_COUNT];
  size_t count = part_names(parent, names);
  const char *near = near_name(name, names, count);
  if (near && strcmp(near, name) == 0) diagnostic_help(sink, diagnostic, "it stands in the braces of `%s`", parent);
  else if (near) diagnostic_fix(sink, diagnostic, span, "%s", near);
  else if (count == 0) diagnostic_help(sink, diagnostic, "leave it out");
  else
    diagnostic_help(sink, diagnostic, parent ? "what it has is %s" : "the fields are %s",
                    experiment_field_list(check->checker->arena, parent));
}

const char *text_of_span(Arena *arena, Span span) {
  return arena_copy(arena, span.file->text + span.start, span.end - span.start);
}

const char *plain_name_of(const AstValue *value) {
  const AstExpression *ast = value->kind == VALUE_EXPRESSION ? value->first : NULL;
  return ast && ast->kind == EXPRESSION_NAME && !ast->name.qualifier.text ? ast->name.name.text : NULL;
}

// ---- values

const char *field_takes(Arena *arena, const FieldInfo *field) {
  if (field->kind == FIELD_KIND_POSITIVE)
    return arena_format(arena, "%s above %lld, at most %lld", field->takes, (long long)field->low,
                        (long long)field->high);
  if (field->kind == FIELD_KIND_SHARE)
    return arena_format(arena, "%s from %lld on, below %lld", field->takes, (long long)field->low,
                        (long long)field->high);
  if (field->kind != FIELD_KIND_COUNT && field->kind != FIELD_KIND_NUMBER) return field->takes;
  return arena_format(arena, "%s from %lld to %lld", field->takes, (long long)field->low, (long long)field->high);
}

void report_field_value(ExperimentCheck *check, FieldId id, Span span) {
  const FieldInfo *field = &experiment_fields[id];
  Arena *arena = check->checker->arena;
  const char *takes = field_takes(arena, field);
  if (field->kind == FIELD_KIND_WORD && strchr(takes, ',')) takes = arena_format(arena, "one of %s", takes);
  const char *dot = strrchr(field->path, '.');
  Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_value, span, dot ? dot + 1 : field->path, takes);
  diagnostic_help(check->checker->sink, diagnostic, "%s", field->meaning);
}

void report_twice(ExperimentCheck *check, Span span, const char *name, Span before) {
  Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_field_twice, span, name);
  diagnostic_note(check->checker->sink, diagnostic, before, "it stands here before");
  diagnostic_help(check->checker->sink, diagnostic, "leave one of them");
}

bool take_constant(ExperimentCheck *check, const AstExpression *ast, double *number) {
  Checker *checker = check->checker;
  DiagnosticSink *sink = checker->sink, silent = {.arena = checker->arena};
  bool is_truth = false;
  checker->sink = &silent;
  bool fine = constant_number(checker, ast, "a value of an experiment", number, &is_truth) && !is_truth;
  checker->sink = sink;
  return fine;
}

static bool take_in_range(ExperimentCheck *check, FieldId id, const AstValue *value, Span span, bool whole,
                          double *number) {
  const FieldInfo *field = &experiment_fields[id];
  double found, low = (double)field->low, high = (double)field->high;
  if (value->kind == VALUE_ERROR || (value->kind == VALUE_EXPRESSION && value->first->kind == EXPRESSION_ERROR))
    return false;
  bool fine = value->kind == VALUE_EXPRESSION && take_constant(check, value->first, &found) && found >= low &&
              found <= high && (field->kind != FIELD_KIND_POSITIVE || found > low) &&
              (field->kind != FIELD_KIND_SHARE || found < high) && (!whole || found == floor(found));
  if (fine) *number = found;
  else report_field_value(check, id, value->kind == VALUE_NONE ? span : value->span);
  return fine;
}

bool take_number(ExperimentCheck *check, FieldId id, const AstValue *value, Span span, double *number) {
  return take_in_range(check, id, value, span, experiment_fields[id].kind == FIELD_KIND_COUNT, number);
}

bool take_count(ExperimentCheck *check, FieldId id, const AstValue *value, Span span, int64_t *count) {
  double number;
  bool fine = take_in_range(check, id, value, span, true, &number);
  if (fine) *count = (int64_t)number;
  return fine;
}

// The words of a WORD field, one after the other: *at moves behind each.
static bool next_word(const char **at, char *word, size_t room) {
  *at += strspn(*at, ", ");
  size_t length = strcspn(*at, ",");
  if (length == 0 || length >= room) return false;
  memcpy(word, *at, length);
  word[length] = 0;
  *at += length;
  return true;
}

bool take_word(ExperimentCheck *check, FieldId id, const AstValue *value, Span span, int *word) {
  const char *name = plain_name_of(value), *at = experiment_fields[id].takes;
  enum { MOST = 16, LONGEST = 64 };
  static char words[MOST][LONGEST];
  const char *candidates[MOST];
  size_t count = 0;
  while (count < MOST && next_word(&at, words[count], LONGEST)) {
    candidates[count] = words[count];
    if (name && strcmp(words[count], name) == 0) {
      *word = (int)count;
      return true;
    }
    count++;
  }
  const char *near = name ? near_name(name, candidates, count) : NULL;
  if (!near) {
    report_field_value(check, id, value->kind == VALUE_NONE ? span : value->span);
    return false;
  }
  Diagnostic *diagnostic =
      EXPERIMENT_REPORT(check, experiment_value, value->span, experiment_fields[id].path,
                        arena_format(check->checker->arena, "one of %s", experiment_fields[id].takes));
  diagnostic_fix(check->checker->sink, diagnostic, value->span, "%s", near);
  return false;
}

void take_clauses(ExperimentCheck *check, const char *parent, const AstPhrase *phrase, const FieldId *fields,
                  size_t count, const AstClause **found) {
  for (size_t i = 0; i < count; i++) found[i] = NULL;
  for (const AstClause *clause = phrase->clauses; clause; clause = clause->next) {
    FieldId id = experiment_field_at(parent, clause->word.text);
    size_t which = 0;
    while (which < count && fields[which] != id) which++;
    if (which == count) {
      report_unknown_part(check, clause->word.span, parent, clause->word.text);
    } else if (found[which]) {
      report_twice(check, clause->word.span, clause->word.text, found[which]->word.span);
    } else {
      found[which] = clause;
    }
  }
}

void refuse_settings(ExperimentCheck *check, FieldId id, const AstPhrase *phrase) {
  if (phrase->has_settings) report_field_value(check, id, phrase->span);
}

// ---- in braces

static void add_part(ExperimentCheck *check, const char *parent, FieldPart part, FieldPart *found) {
  FieldId id = experiment_field_at(parent, part.name.text);
  if (id == FIELD_COUNT) {
    report_unknown_part(check, part.name.span, parent, part.name.text);
  } else if (found[id].value) {
    report_twice(check, part.name.span, part.name.text, found[id].name.span);
  } else {
    found[id] = part;
    if (part.phrase && id != FIELD_objective_at)
      take_clauses(check, experiment_fields[id].path, part.phrase, NULL, 0, NULL);
  }
}

void take_parts(ExperimentCheck *check, const char *parent, const AstPhrase *settings, FieldPart *found) {
  const AstPhrase *before = NULL;
  for (const AstPhrase *phrase = settings; phrase; before = phrase, phrase = phrase->next) {
    const char *word = plain_name_of(&phrase->value);
    FieldPart *at = &found[FIELD_objective_at];
    if (phrase->name.text) {
      add_part(check, parent, (FieldPart){phrase->name, phrase->span, &phrase->value, phrase, NULL}, found);
    } else if (word && phrase->has_settings) {
      AstName name = {word, phrase->value.span};
      add_part(check, parent, (FieldPart){name, phrase->span, &phrase->value, phrase, NULL}, found);
    } else if (word && strcmp(word, "mean") == 0 && before && at->phrase == before) {
      at->more = phrase;
    } else if (phrase->value.kind == VALUE_NONE && !phrase->has_settings && phrase->clauses) {
      for (const AstClause *clause = phrase->clauses; clause; clause = clause->next)
        add_part(check, parent, (FieldPart){clause->word, clause->span, &clause->value, NULL, NULL}, found);
    } else if (word && experiment_field_at(parent, word) < FIELD_COUNT) {
      report_field_value(check, experiment_field_at(parent, word), phrase->span);
    } else if (phrase->value.kind != VALUE_ERROR) {
      report_unknown_part(check, phrase->span, parent, text_of_span(check->checker->arena, phrase->span));
    }
  }
}
