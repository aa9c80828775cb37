// The check of an experiment, field by field. Values: experiment_field.c; rules: experiment_rule.c; data:
// experiment_data.c; networks: experiment_net.c; meta-learning: experiment_meta.c. Before: the syntax tree, where an
// experiment is fields of phrases that may hold anything.
#include "compiler/semantics/experiment.h"

#include <string.h>

// ---- fields

static void take_eval(ExperimentCheck *check, const AstPhrase *phrase) {
  FieldId parts[] = {FIELD_eval_every, FIELD_eval_on};
  const AstClause *found[2];
  int word = 0;
  take_clauses(check, "eval", phrase, parts, 2, found);
  if (!found[0] && !found[1] && !phrase->clauses) report_field_value(check, FIELD_eval, phrase->span);
  if (found[0]) take_count(check, FIELD_eval_every, &found[0]->value, found[0]->span, &check->made->eval_every);
  if (found[1] && take_word(check, FIELD_eval_on, &found[1]->value, found[1]->span, &word) && word == 1) {
    check->made->on_validation = true;
    check->made->on_validation_span = found[1]->span;
  }
}

static void take_steps(ExperimentCheck *check, const AstField *field) {
  const AstPhrase *phrase = field->phrases, *eval = NULL;
  take_clauses(check, "steps", phrase, NULL, 0, NULL);
  refuse_settings(check, FIELD_steps, phrase);
  take_count(check, FIELD_steps, &phrase->value, phrase->span, &check->made->steps);
  for (const AstPhrase *next = phrase->next; next; next = next->next) {
    const char *word = plain_name_of(&next->value);
    if (!word || strcmp(word, "eval") != 0) {
      Span span = next->value.kind == VALUE_NONE ? next->span : next->value.span;
      Diagnostic *diagnostic =
          EXPERIMENT_REPORT(check, experiment_unknown_part, span, "steps", text_of_span(check->checker->arena, span));
      const char *const only = "eval";
      if (word && near_name(word, &only, 1)) diagnostic_fix(check->checker->sink, diagnostic, span, "eval");
      else diagnostic_help(check->checker->sink, diagnostic, "write `steps 100, eval every 5 on test`");
    } else if (eval) {
      report_twice(check, next->span, "eval", eval->span);
    } else {
      eval = next;
      refuse_settings(check, FIELD_eval, next);
      take_eval(check, next);
    }
  }
}

static void take_seeds(ExperimentCheck *check, const AstPhrase *phrase) {
  FieldId parts[] = {FIELD_seeds_from};
  const AstClause *found[1];
  take_clauses(check, "seeds", phrase, parts, 1, found);
  refuse_settings(check, FIELD_seeds, phrase);
  take_count(check, FIELD_seeds, &phrase->value, phrase->span, &check->made->seeds);
  if (found[0]) take_count(check, FIELD_seeds_from, &found[0]->value, found[0]->span, &check->made->first_seed);
}

static void take_plain(ExperimentCheck *check, FieldId id, const AstPhrase *phrase) {
  CheckedExperiment *made = check->made;
  int word = 0;
  take_clauses(check, experiment_fields[id].path, phrase, NULL, 0, NULL);
  refuse_settings(check, id, phrase);
  if (id == FIELD_threads) take_count(check, id, &phrase->value, phrase->span, &made->threads);
  if (id == FIELD_loss && take_word(check, id, &phrase->value, phrase->span, &word)) made->loss = word;
  if (id == FIELD_precision && take_word(check, id, &phrase->value, phrase->span, &word)) made->is_double = word == 1;
}

static void take_field(ExperimentCheck *check, FieldId id, const AstField *field) {
  const AstPhrase *phrase = field->phrases;
  if (id == FIELD_steps) {
    take_steps(check, field);
    return;
  }
  if (phrase->next && id != FIELD_against) {
    report_field_value(check, id, phrase->next->span);
    return;
  }
  switch (id) {
  case FIELD_rule:
  case FIELD_against:
    for (; phrase; phrase = phrase->next) take_rule(check, phrase);
    break;
  case FIELD_net: take_net(check, id, phrase, &check->made->net); break;
  case FIELD_data: take_data(check, phrase, &check->made->data, &check->made->batch); break;
  case FIELD_tasks:
    if (phrase->value.kind != VALUE_NONE || phrase->clauses) report_field_value(check, id, phrase->span);
    else take_tasks(check, id, phrase, &check->made->tasks);
    break;
  case FIELD_meta: take_meta(check, phrase); break;
  case FIELD_unroll: take_unroll(check, phrase); break;
  case FIELD_objective: take_objective(check, phrase); break;
  case FIELD_meta_test: take_meta_test(check, phrase); break;
  case FIELD_measure: take_measure(check, phrase); break;
  case FIELD_seeds: take_seeds(check, phrase); break;
  default: take_plain(check, id, phrase); break;
  }
}

// ---- the whole

static bool is_repeatable(FieldId id) { return id == FIELD_measure || id == FIELD_meta_test; }

// Each field by its line of experiment.def, once; gathers them. Returns how many have a name that no field has.
static size_t sort_fields(ExperimentCheck *check, const AstField **found) {
  DiagnosticSink *sink = check->checker->sink;
  size_t unknown = 0;
  for (const AstField *field = check->ast->fields; field; field = field->next) {
    FieldId id = experiment_field_at(NULL, field->name.text);
    if (id == FIELD_COUNT) {
      unknown++;
      report_unknown_part(check, field->name.span, NULL, field->name.text);
    } else if (id == FIELD_eval) {
      Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_unknown_field, field->name.span, "eval");
      diagnostic_help(sink, diagnostic, "it follows the number of steps: `steps 100, eval every 5 on test`");
    } else if (is_repeatable(id)) {
      found[id] = field;
      if (!field->phrases) report_field_value(check, id, field->name.span);
    } else if (found[id]) {
      Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_field_twice, field->name.span, field->name.text);
      diagnostic_note(sink, diagnostic, found[id]->name.span, "it stands here before");
      diagnostic_help(sink, diagnostic,
                      id == FIELD_rule ? "leave one of them, or compare the two: `against` names the "
                                         "rules that `rule` is compared with"
                                       : "leave one of them");
    } else if (!field->phrases) {
      found[id] = field;
      report_field_value(check, id, field->name.span);
    } else {
      found[id] = field;
    }
  }
  return unknown;
}

// All in one report: it stands at the experiment's name. Not those that `unknown` fields with a wrong name may be.
static void report_missing(ExperimentCheck *check, const AstField **found, size_t unknown) {
  static const char *const examples[FIELD_COUNT] = {
      [FIELD_rule] = "rule std.backprop { lr = 0.1 }",     [FIELD_net] = "net in -> 256 -> out",
      [FIELD_data] = "data fashion_mnist { batch = 128 }", [FIELD_steps] = "steps 100, eval every 5 on test",
      [FIELD_tasks] = "tasks { xor; two_moons }",          [FIELD_unroll] = "unroll 10"};
  bool has_meta = found[FIELD_meta] != NULL, has_unroll = found[FIELD_unroll] || found[FIELD_objective];
  const bool needed[FIELD_COUNT] = {[FIELD_rule] = true,
                                    [FIELD_net] = true,
                                    [FIELD_data] = !has_meta && !found[FIELD_tasks],
                                    [FIELD_tasks] = has_meta && !found[FIELD_data],
                                    [FIELD_steps] = !has_meta && !has_unroll,
                                    [FIELD_unroll] = has_meta};
  Text names = {0}, lines = {0};
  size_t missing = 0;
  for (FieldId id = 0; id < FIELD_COUNT; id++) {
    if (found[id] || !needed[id]) continue;
    missing++;
    text_add(&names, "%s`%s`", names.length ? ", " : "", experiment_fields[id].path);
    text_add(&lines, "%s`%s`", lines.length ? ", " : "", examples[id]);
  }
  const AstName *name = &check->ast->name;
  if (missing > unknown) {
    Diagnostic *diagnostic =
        EXPERIMENT_REPORT(check, experiment_field_missing, name->span, name->text, text_get(&names));
    diagnostic_help(check->checker->sink, diagnostic, "add what is missing, as in %s", text_get(&lines));
  }
  text_free(&names);
  text_free(&lines);
}

CheckedExperiment *check_experiment(Arena *arena, const AstFile *file, const AstExperiment *experiment, bool is_partial,
                                    const ModuleLoader *modules, DiagnosticSink *sink) {
  size_t errors = sink->errors;
  CheckedExperiment *made = ARENA_NEW(arena, CheckedExperiment);
  ExperimentCheck check = {.modules = modules, .ast = experiment, .made = made, .is_partial = is_partial};
  check.checker = checker_create(arena, LOSS_CROSS_ENTROPY, modules, sink);
  check.checker->environment = (Environment){NULL, file_scope(check.checker, file), false};
  made->name = experiment->name.text;
  made->span = experiment->name.span;
  made->file = file;
  begin_meta(made);
  made->batch = 128;
  made->seeds = 5;
  made->loss = -1;
  const AstField *found[FIELD_COUNT] = {0};
  size_t unknown = sort_fields(&check, found);
  made->has_meta = found[FIELD_meta] != NULL;
  if (!is_partial) report_missing(&check, found, unknown);
  refuse_other_fields(&check, found, unknown);
  for (FieldId id = 0; id < FIELD_COUNT; id++)
    if (found[id] && found[id]->phrases && !is_repeatable(id)) take_field(&check, id, found[id]);
  for (const AstField *field = experiment->fields; field; field = field->next) {
    FieldId id = experiment_field_at(NULL, field->name.text);
    if (field->phrases && id < FIELD_COUNT && is_repeatable(id)) take_field(&check, id, field);
  }
  end_meta(&check);
  check_nets_fit_data(&check);
  if (sink->errors == errors) check_tuning(&check);
  if (sink->errors == errors) check_measures(&check);
  if (made->on_validation && made->data.place && !made->data.has_validation) {
    Diagnostic *diagnostic = EXPERIMENT_REPORT(&check, experiment_no_validation, made->on_validation_span, "eval");
    diagnostic_help(sink, diagnostic, "split the training part: `data mnist { split = 50000 / 10000 }`");
  }
  return sink->errors == errors ? made : NULL;
}

bool check_experiments(Arena *arena, const AstFile *file, bool is_partial, const ModuleLoader *modules,
                       DiagnosticSink *sink) {
  enum { ENOUGH_ERRORS = 100 }; // more are not kept
  size_t errors = sink->errors;
  for (const AstExperiment *experiment = file->experiments; experiment && sink->errors < ENOUGH_ERRORS;
       experiment = experiment->next) {
    for (const AstExperiment *other = file->experiments; other != experiment; other = other->next) {
      if (strcmp(other->name.text, experiment->name.text) != 0) continue;
      Diagnostic *diagnostic =
          diagnostic_report(sink, DIAGNOSTIC_declared_twice, experiment->name.span, experiment->name.text);
      diagnostic_note(sink, diagnostic, other->name.span, "declared here before");
      break;
    }
    check_experiment(arena, file, experiment, is_partial, modules, sink);
  }
  return sink->errors == errors;
}
