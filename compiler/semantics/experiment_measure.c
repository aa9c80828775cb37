// Measures of an experiment. An expression is checked and evaluated as what it would be in a rule: a rule is made that
// is like the contender's and whose step assigns the expression to a variable without axes, in a pass over the layers
// of synapses or at each layer of neurons; so names, axes, bias and messages are those of rules. A cosine needs a
// second rule with the same synapses. Before: experiment_rule.c; after: compiler/experiment.c.
#include "compiler/semantics/experiment.h"

#include <string.h>

// ---- which layers an expression is about

typedef bool NameTest(void *context, const char *name);

static bool names_any(const AstExpression *ast, NameTest *test, void *context);

static bool list_names_any(const AstExpression *list, NameTest *test, void *context) {
  for (; list; list = list->next)
    if (names_any(list, test, context)) return true;
  return false;
}

static bool indices_name_any(const AstIndex *index, NameTest *test, void *context) {
  for (; index; index = index->next)
    if (names_any(index->value, test, context) || names_any(index->range_end, test, context)) return true;
  return false;
}

static bool names_any(const AstExpression *ast, NameTest *test, void *context) {
  if (!ast) return false;
  switch (ast->kind) {
  case EXPRESSION_NAME:
    return (ast->name.qualifier.text && test(context, ast->name.qualifier.text)) || test(context, ast->name.name.text);
  case EXPRESSION_INDEX:
    return names_any(ast->index.base, test, context) || indices_name_any(ast->index.indices, test, context);
  case EXPRESSION_CALL:
    for (const AstNameList *axis = ast->call.axes; axis; axis = axis->next)
      if (test(context, axis->name.text)) return true;
    return list_names_any(ast->call.arguments, test, context) || indices_name_any(ast->call.brackets, test, context);
  case EXPRESSION_UNARY:
  case EXPRESSION_BINARY:
    return names_any(ast->binary.left, test, context) ||
           (ast->kind == EXPRESSION_BINARY && names_any(ast->binary.right, test, context));
  case EXPRESSION_IF:
    return names_any(ast->choice.condition, test, context) || names_any(ast->choice.yes, test, context) ||
           names_any(ast->choice.no, test, context);
  case EXPRESSION_BLOCK:
    for (const AstStatement *let = ast->block.statements; let; let = let->next)
      if (let->kind == STATEMENT_LET && names_any(let->let.value, test, context)) return true;
    return names_any(ast->block.value, test, context);
  case EXPRESSION_VECTOR: return list_names_any(ast->vector.elements, test, context);
  case EXPRESSION_NUMBER:
  case EXPRESSION_ERROR: break;
  }
  return false;
}

static const CheckedVariable *variable_of(const CheckedRule *rule, CheckedKind kind, const char *name) {
  for (size_t i = 0; i < rule->variables.count; i++)
    if (rule->variables.items[i].kind == kind && strcmp(rule->variables.items[i].name, name) == 0)
      return &rule->variables.items[i];
  return NULL;
}

static bool is_of_synapses(void *rule, const char *name) {
  static const char *const words[] = {"pre", "post", "pre2", "post2", "bias", "fan_in", "fan_out"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(words[i], name) == 0) return true;
  return variable_of(rule, CHECKED_SYNAPSE, name) != NULL;
}

// ---- the measuring rule

const char *measured_variable(Arena *arena, const CheckedMeasure *measure) {
  return arena_format(arena, "measure_%s", measure->name);
}

static AstDeclaration *add_declaration(Arena *arena, AstRule *rule, AstDeclaration content) {
  AstDeclaration *declaration = ARENA_NEW(arena, AstDeclaration);
  *declaration = content;
  declaration->next = rule->declarations;
  rule->declarations = declaration;
  return declaration;
}

// Adds `synapse measure_x () = 0` and `pass measuring_x up { measure_x <- value }`, or the same of neurons.
static void add_measure(Arena *arena, AstRule *rule, AstStep **steps, const CheckedMeasure *measure) {
  bool of_neurons = measure->kind == MEASURE_NEURONS;
  AstName name = {measured_variable(arena, measure), measure->span};
  AstName block_name = {arena_format(arena, "measuring_%s", measure->name), measure->span};
  AstExpression *zero = ARENA_NEW(arena, AstExpression), *target = ARENA_NEW(arena, AstExpression);
  *zero = (AstExpression){.kind = EXPRESSION_NUMBER, .span = measure->span, .depth = 1};
  *target = (AstExpression){.kind = EXPRESSION_NAME, .span = measure->span, .depth = 1, .name.name = name};
  AstVariable *variable = ARENA_NEW(arena, AstVariable);
  *variable = (AstVariable){.name = name,
                            .span = measure->span,
                            .has_axes = true,
                            .persistent = of_neurons,
                            .initial_kind = INITIAL_VALUE,
                            .initial = zero};
  add_declaration(arena, rule,
                  (AstDeclaration){.kind = of_neurons ? DECLARATION_NEURON : DECLARATION_SYNAPSE,
                                   .span = measure->span,
                                   .variables.variables = variable});
  AstStatement *assign = ARENA_NEW(arena, AstStatement);
  *assign = (AstStatement){
      .kind = STATEMENT_ASSIGN, .span = measure->span, .assign = {target, (AstExpression *)(uintptr_t)measure->value}};
  add_declaration(arena, rule,
                  (AstDeclaration){.kind = DECLARATION_BLOCK,
                                   .span = measure->span,
                                   .name = block_name,
                                   .block = {.kind = of_neurons ? BLOCK_AT : BLOCK_PASS,
                                             .is_up = true,
                                             .place = AT_EACH,
                                             .statements = assign}});
  AstStep *step = ARENA_NEW(arena, AstStep);
  *step = (AstStep){.name = block_name, .span = measure->span, .next = *steps};
  *steps = step;
}

// The rule `measuring like RULE { ... }`, first in a copy of the experiment's file, whose functions it sees.
static AstFile *measuring_file(Arena *arena, const CheckedContender *contender, const AstFile *file) {
  AstRule *rule = ARENA_NEW(arena, AstRule);
  *rule = (AstRule){.name = {contender->ast->name.text, contender->span}, .span = contender->span, .next = file->rules};
  bool of_library = contender->file != file;
  rule->base = (AstName){contender->ast->name.text, contender->span};
  rule->name.text = arena_format(arena, "%s measured", contender->name);
  if (of_library) rule->base_module = (AstName){"std", contender->span};
  AstFile *copy = ARENA_NEW(arena, AstFile);
  *copy = (AstFile){.source = file->source, .declarations = file->declarations, .rules = rule};
  return copy;
}

static RuleSetting *settings_of(Arena *arena, const CheckedContender *contender, const size_t *choice, size_t room) {
  RuleSetting *settings = ARENA_ARRAY(arena, RuleSetting, contender->settings.count + room + 1);
  for (size_t i = 0; i < contender->settings.count; i++) {
    const CheckedSetting *setting = &contender->settings.items[i];
    settings[i] = (RuleSetting){setting->name, setting->span, setting->expressions[choice ? choice[i] : 0]};
  }
  return settings;
}

// Errors alone: that nothing of a rule reads what is measured is no fault of its own.
static CheckedRule *check_quietly(Arena *arena, const AstFile *file, const AstRule *rule, const RuleSetting *settings,
                                  size_t count, TaskLoss loss, const ModuleLoader *modules, DiagnosticSink *sink) {
  DiagnosticSink own = {.arena = arena};
  CheckedRule *checked = check_rule_set(arena, file, rule, settings, count, loss, modules, &own);
  for (size_t i = 0; i < own.items.count; i++)
    if (own.items.items[i].severity == SEVERITY_ERROR) diagnostic_take(sink, &own.items.items[i]);
  return checked;
}

static CheckedRule *measuring_rule(Arena *arena, const AstFile *file, const CheckedContender *contender,
                                   const CheckedMeasure *const *measures, size_t count, const size_t *choice,
                                   TaskLoss loss, const ModuleLoader *modules, DiagnosticSink *sink) {
  AstFile *copy = measuring_file(arena, contender, file);
  AstStep *steps = NULL;
  for (size_t i = count; i-- > 0;) add_measure(arena, copy->rules, &steps, measures[i]);
  add_declaration(arena, copy->rules,
                  (AstDeclaration){.kind = DECLARATION_STEP, .span = contender->span, .step.steps = steps});
  CheckedRule *rule = check_quietly(arena, copy, copy->rules, settings_of(arena, contender, choice, 0),
                                    contender->settings.count, loss, modules, sink);
  for (size_t i = 0; rule && i < rule->variables.count; i++)
    if (rule->variables.items[i].kind == CHECKED_NEURON) rule->variables.items[i].persistent = true;
  return rule;
}

CheckedRule *check_measuring_rule(Arena *arena, const CheckedExperiment *experiment, const CheckedContender *contender,
                                  const size_t *choice, TaskLoss loss, const ModuleLoader *modules,
                                  DiagnosticSink *sink) {
  const CheckedMeasure **measures = ARENA_ARRAY(arena, const CheckedMeasure *, experiment->measures.count + 1);
  size_t count = 0;
  for (size_t m = 0; m < experiment->measures.count; m++)
    if (contender->measured[m] && experiment->measures.items[m].kind != MEASURE_COSINE)
      measures[count++] = &experiment->measures.items[m];
  if (count == 0) return NULL;
  return measuring_rule(arena, experiment->file, contender, measures, count, choice, loss, modules, sink);
}

// ---- cosines

static Checker *merged(Arena *arena, const CheckedContender *contender, const RuleSetting *settings, size_t count,
                       TaskLoss loss, const ModuleLoader *modules, DiagnosticSink *sink) {
  Checker *checker = checker_create(arena, loss, modules, sink);
  checker_set(checker, settings, count);
  return merge_rule(checker, contender->file, contender->ast) ? checker : NULL;
}

// The function that a parameter of the rule stands for, by a name that the library knows; NULL: there is no such
// parameter.
static const char *function_name(Checker *checker, const char *parameter) {
  const Entry *entry = name_table_find(&checker->names, parameter);
  if (!entry || entry->kind != ENTRY_FUNCTION) return NULL;
  checker->environment = (Environment){NULL, entry->file, true};
  FunctionValue function = function_of_name(checker, parameter);
  return function.builtin ? function.builtin->name : function.entry ? function.entry->name.text : NULL;
}

// `act` and `loss` are the same in both, unless the measure sets them.
static size_t adopt_functions(Arena *arena, Checker *own, Checker *other, Span span, RuleSetting *settings,
                              size_t count) {
  size_t set = count;
  for (size_t i = 0; i < other->names.items.count; i++) {
    const Entry *entry = other->names.items.items[i];
    if (entry->kind != ENTRY_FUNCTION || !entry->declaration->function.is_alias) continue;
    bool given = false;
    for (size_t j = 0; j < set; j++) given |= strcmp(settings[j].name, entry->name.text) == 0;
    const char *name = given ? NULL : function_name(own, entry->name.text);
    if (!name) continue;
    AstExpression *value = ARENA_NEW(arena, AstExpression);
    *value = (AstExpression){.kind = EXPRESSION_NAME, .span = span, .depth = 1, .name.name = {name, span}};
    settings[count++] = (RuleSetting){entry->name.text, span, value};
  }
  return count;
}

CheckedRule *check_reference_rule(Arena *arena, const CheckedMeasure *measure, const CheckedContender *contender,
                                  const size_t *choice, TaskLoss loss, const ModuleLoader *modules,
                                  DiagnosticSink *sink) {
  const CheckedContender *other = measure->other;
  DiagnosticSink silent = {.arena = arena};
  Checker *own = merged(arena, contender, settings_of(arena, contender, choice, 0), contender->settings.count, loss,
                        modules, &silent);
  Checker *theirs =
      merged(arena, other, settings_of(arena, other, NULL, 0), other->settings.count, loss, modules, &silent);
  if (!own || !theirs) return NULL;
  RuleSetting *settings = settings_of(arena, other, NULL, theirs->names.items.count);
  size_t count = adopt_functions(arena, own, theirs, measure->span, settings, other->settings.count);
  DiagnosticSink scratch = {.arena = arena};
  CheckedRule *rule = check_quietly(arena, other->file, other->ast, settings, count, loss, modules, &scratch);
  if (rule) return rule;
  const char *function = scratch.items.count ? scratch.items.items[0].message : "";
  Diagnostic *diagnostic =
      diagnostic_report(sink, DIAGNOSTIC_measure_function, measure->span, other->name, contender->name, function);
  diagnostic_help(sink, diagnostic, "set its functions: `cosine(update %s, %s { act = tanh })`", measure->synapse,
                  other->name);
  return NULL;
}

// What keeps the synapses of one rule from being those of the other; NULL: nothing.
static const char *difference(const CheckedVariable *own, const CheckedVariable *other) {
  if (!own) return "the latter has no synapse variable of that name";
  if (own->states != other->states || own->axes != other->axes) return "the latter has it with other axes or states";
  for (int i = 0; i < own->states; i++)
    if (own->extent[i] != other->extent[i]) return "the latter has it with another number of states";
  for (int i = 0; i < own->axes; i++)
    if (own->axis[i] != other->axis[i]) return "the latter has it with other axes";
  if (own->bias && !other->bias) return "the latter has it with a row for the unit neuron, which the former has not";
  return NULL;
}

static bool check_cosine(ExperimentCheck *check, const CheckedContender *contender, const CheckedMeasure *measure,
                         DiagnosticSink *sink) {
  const CheckedVariable *other = variable_of(measure->other->rule, CHECKED_SYNAPSE, measure->synapse);
  const char *problem = !other ? "the former has no synapse variable of that name"
                               : difference(variable_of(contender->rule, CHECKED_SYNAPSE, measure->synapse), other);
  // Whatever else both have is the same, too.
  const CheckedRule *rule = measure->other->rule;
  for (size_t i = 0; !problem && i < rule->variables.count; i++) {
    const CheckedVariable *theirs = &rule->variables.items[i];
    const CheckedVariable *own =
        theirs->kind == CHECKED_SYNAPSE ? variable_of(contender->rule, CHECKED_SYNAPSE, theirs->name) : NULL;
    if (own && difference(own, theirs)) problem = "the latter differs from it in another synapse variable";
  }
  if (problem) {
    Diagnostic *diagnostic = diagnostic_report(sink, DIAGNOSTIC_measure_synapse, measure->span, measure->synapse,
                                               measure->other->name, contender->name, problem);
    diagnostic_help(sink, diagnostic,
                    "compare with a rule of your own that has the same synapses and changes them by the gradient");
    return false;
  }
  return check_reference_rule(check->checker->arena, measure, contender, NULL, check->checker->task_loss,
                              check->modules, sink) != NULL;
}

// ---- the field

static void take_cosine(ExperimentCheck *check, const AstPhrase *phrase, CheckedMeasure *measure) {
  const AstValue *value = &phrase->value;
  Arena *arena = check->checker->arena;
  measure->kind = MEASURE_COSINE;
  measure->span = value->span;
  bool is_name = value->first->kind == EXPRESSION_NAME && !value->first->name.qualifier.text;
  if (strcmp(value->name.text, "cosine") != 0 || !is_name) {
    Diagnostic *diagnostic = EXPERIMENT_REPORT(check, measure_form, value->span);
    diagnostic_help(check->checker->sink, diagnostic, "write `cosine(update w, std.backprop)`");
    measure->name = NULL;
    return;
  }
  CheckedContender *other = ARENA_NEW(arena, CheckedContender);
  measure->synapse = value->first->name.name.text;
  measure->other = other;
  if (!take_contender(check, FIELD_measure, value->other, true, other)) measure->name = NULL;
}

// `cosine(w, std.backprop)`: the word `update` is missing.
static bool is_plain_cosine(ExperimentCheck *check, const AstExpression *value) {
  bool is_call = value->kind == EXPRESSION_CALL && value->call.function.text;
  if (!is_call || strcmp(value->call.function.text, "cosine") != 0) return false;
  Diagnostic *diagnostic = EXPERIMENT_REPORT(check, measure_form, value->span);
  diagnostic_help(check->checker->sink, diagnostic, "it compares updates: `cosine(update w, std.backprop)`");
  return true;
}

void take_measure(ExperimentCheck *check, const AstPhrase *phrase) {
  CheckedExperiment *made = check->made;
  CheckedMeasure measure = {.name = phrase->name.text, .span = phrase->name.span};
  FieldId parts[] = {FIELD_measure_every};
  const AstClause *found[1];
  take_clauses(check, "measure", phrase, parts, 1, found);
  refuse_settings(check, FIELD_measure, phrase);
  bool is_value = phrase->value.kind == VALUE_EXPRESSION || phrase->value.kind == VALUE_UPDATE_CALL;
  if (!measure.name || !is_value) {
    if (phrase->value.kind != VALUE_ERROR) report_field_value(check, FIELD_measure, phrase->span);
    return;
  }
  if (found[0]) take_count(check, FIELD_measure_every, &found[0]->value, found[0]->span, &measure.every);
  for (size_t m = 0; m < made->measures.count; m++) {
    if (strcmp(made->measures.items[m].name, measure.name) != 0) continue;
    Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_field_twice, phrase->name.span, measure.name);
    diagnostic_help(check->checker->sink, diagnostic, "give it another name");
  }
  if (phrase->value.kind == VALUE_UPDATE_CALL) {
    take_cosine(check, phrase, &measure);
  } else {
    measure.value = phrase->value.first;
    measure.kind = MEASURE_NEURONS;
    for (size_t c = 0; c < made->contenders.count; c++)
      if (names_any(measure.value, is_of_synapses, (void *)(uintptr_t)made->contenders.items[c].rule))
        measure.kind = MEASURE_SYNAPSES;
    if (is_plain_cosine(check, measure.value)) return;
  }
  if (measure.name) ARENA_PUSH(check->checker->arena, &made->measures, measure);
}

// One measure for one rule. False: the sink says why.
static bool check_measure(ExperimentCheck *check, const CheckedContender *contender, const CheckedMeasure *measure,
                          DiagnosticSink *sink) {
  Checker *checker = check->checker;
  if (measure->kind == MEASURE_COSINE) return check_cosine(check, contender, measure, sink);
  return measuring_rule(checker->arena, check->made->file, contender, &measure, 1, NULL, checker->task_loss,
                        check->modules, sink) != NULL;
}

// What the measures are for each rule: a rule that lacks what a measure reads is left out, with a warning; a measure
// that no rule has is an error, told as it is for the first.
typedef struct {
  DiagnosticSink *sinks; // [contender][measure]
  const char **left_out; // [contender]: names
  const char **reason;   // [contender]: of the first of them
} MeasureCheck;

static bool any_has(const CheckedExperiment *made, size_t measure) {
  for (size_t c = 0; c < made->contenders.count; c++)
    if (made->contenders.items[c].measured[measure]) return true;
  return false;
}

static void note_left_out(Arena *arena, const CheckedExperiment *made, MeasureCheck *checked, size_t measure) {
  for (size_t c = 0; c < made->contenders.count; c++) {
    if (made->contenders.items[c].measured[measure]) continue;
    const DiagnosticSink *own = &checked->sinks[c * made->measures.count + measure];
    const char *so_far = checked->left_out[c], *name = made->measures.items[measure].name;
    checked->left_out[c] = so_far ? arena_format(arena, "%s, `%s`", so_far, name) : arena_format(arena, "`%s`", name);
    if (!checked->reason[c] && own->items.count) checked->reason[c] = own->items.items[0].message;
  }
}

void check_measures(ExperimentCheck *check) {
  CheckedExperiment *made = check->made;
  Arena *arena = check->checker->arena;
  DiagnosticSink *sink = check->checker->sink;
  size_t rules = made->contenders.count, measures = made->measures.count;
  MeasureCheck checked = {ARENA_ARRAY(arena, DiagnosticSink, rules * measures + 1),
                          ARENA_ARRAY(arena, const char *, rules + 1), ARENA_ARRAY(arena, const char *, rules + 1)};
  for (size_t c = 0; c < rules; c++) {
    CheckedContender *contender = &made->contenders.items[c];
    contender->measured = ARENA_ARRAY(arena, bool, measures + 1);
    for (size_t m = 0; m < measures; m++) {
      DiagnosticSink *own = &checked.sinks[c * measures + m];
      *own = (DiagnosticSink){.arena = arena};
      contender->measured[m] = check_measure(check, contender, &made->measures.items[m], own);
    }
  }
  for (size_t m = 0; m < measures && rules; m++) {
    if (any_has(made, m)) note_left_out(arena, made, &checked, m);
    else
      for (size_t i = 0; i < checked.sinks[m].items.count; i++) diagnostic_take(sink, &checked.sinks[m].items.items[i]);
  }
  for (size_t c = 0; c < rules; c++) {
    const CheckedContender *contender = &made->contenders.items[c];
    if (!checked.left_out[c]) continue;
    Diagnostic *diagnostic =
        EXPERIMENT_REPORT(check, measure_absent, contender->span, contender->name, checked.left_out[c]);
    if (checked.reason[c]) diagnostic_help(sink, diagnostic, "for this rule: %s", checked.reason[c]);
  }
}
