// The fields of meta-learning: `meta`, `unroll`, `objective`, `meta_test`, and which fields belong to it or to training
// alone. Numbers go into BlurMetaOptions as the runtime takes them. Before: experiment_field.c, experiment_data.c and
// experiment_net.c, which read values, tasks and networks.
#include "compiler/semantics/experiment.h"

#include <string.h>

// ---- which fields stand together

static void refuse_training(ExperimentCheck *check, const AstField *const *found) {
  static const struct {
    FieldId id;
    const char *instead;
  } fields[] = {
      {FIELD_steps, "the steps of a network are `unroll 10`, the meta-steps `meta adam { steps = 10000 }`"},
      {FIELD_against, "leave it out; an experiment without `meta` compares the rule with others afterwards"},
      {FIELD_seeds, "genomes side by side are `meta adam { population = 8 }`, networks of each `replicas = 1`"},
      {FIELD_measure, "leave it out; an experiment without `meta` measures the rule afterwards"},
  };
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    const AstField *field = found[fields[i].id];
    if (!field) continue;
    Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_of_training, field->name.span, field->name.text);
    diagnostic_note(check->checker->sink, diagnostic, found[FIELD_meta]->name.span, "it is learned by this");
    diagnostic_help(check->checker->sink, diagnostic, "%s", fields[i].instead);
  }
}

static void refuse_meta(ExperimentCheck *check, const AstField *const *found) {
  static const FieldId fields[] = {FIELD_tasks, FIELD_meta_test};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    const AstField *field = found[fields[i]];
    if (!field) continue;
    Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_without_meta, field->name.span, field->name.text);
    diagnostic_help(check->checker->sink, diagnostic,
                    fields[i] == FIELD_tasks ? "add `meta adam { lr = 1e-3, steps = 10000 }`; or train on one of "
                                               "them: `data fashion_mnist`"
                                             : "add `meta adam { lr = 1e-3, steps = 10000 }`, or leave it out");
  }
}

void refuse_other_fields(ExperimentCheck *check, const AstField *const *found, size_t unknown) {
  const AstField *data = found[FIELD_data], *tasks = found[FIELD_tasks];
  if (found[FIELD_meta]) refuse_training(check, found);
  else if (!check->is_partial && unknown == 0) refuse_meta(check, found); // one of these may be meant for `meta`
  if (!data || !tasks) return;
  bool data_first = data->name.span.start < tasks->name.span.start;
  const AstField *first = data_first ? data : tasks, *second = data_first ? tasks : data;
  Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_data_and_tasks, second->name.span);
  diagnostic_note(check->checker->sink, diagnostic, first->name.span, "the other stands here");
  diagnostic_help(check->checker->sink, diagnostic, "write all in `tasks { ... }`, or the only one as `data`");
}

// ---- meta

static const char *const optimizer_names[] = {
    [BLUR_META_ADAM] = "adam", [BLUR_META_RMSPROP] = "rmsprop", [BLUR_META_SGD] = "sgd", [BLUR_META_CMA] = "cma"};
enum { OPTIMIZERS = sizeof optimizer_names / sizeof *optimizer_names };

#define OF_GRADIENTS                                                                                                   \
  { [BLUR_META_ADAM] = true, [BLUR_META_RMSPROP] = true, [BLUR_META_SGD] = true }

// Settings that not every optimizer has.
static const struct {
  FieldId id;
  bool is_of[OPTIMIZERS];
} own_settings[] = {
    {FIELD_meta_b1, {[BLUR_META_ADAM] = true}},
    {FIELD_meta_b2, {[BLUR_META_ADAM] = true, [BLUR_META_RMSPROP] = true}},
    {FIELD_meta_eps, {[BLUR_META_ADAM] = true, [BLUR_META_RMSPROP] = true}},
    {FIELD_meta_momentum, {[BLUR_META_SGD] = true}},
    {FIELD_meta_lr, OF_GRADIENTS},
    {FIELD_meta_clip, OF_GRADIENTS},
    {FIELD_meta_gradient, OF_GRADIENTS},
    {FIELD_meta_deviation, OF_GRADIENTS},
    {FIELD_meta_pairs, OF_GRADIENTS},
    {FIELD_meta_window, OF_GRADIENTS},
    {FIELD_meta_schedule, OF_GRADIENTS},
    {FIELD_meta_warmup, OF_GRADIENTS},
    {FIELD_meta_last, OF_GRADIENTS},
    {FIELD_meta_nan, OF_GRADIENTS},
    {FIELD_meta_patience, OF_GRADIENTS},
    {FIELD_meta_sigma, {[BLUR_META_CMA] = true}},
    {FIELD_meta_scale, {[BLUR_META_CMA] = true}},
    {FIELD_meta_covariance, {[BLUR_META_CMA] = true}},
    {FIELD_meta_restarts, {[BLUR_META_CMA] = true}},
    {FIELD_meta_most_restarts, {[BLUR_META_CMA] = true}},
    {FIELD_meta_run_steps, {[BLUR_META_CMA] = true}},
    {FIELD_meta_noise, {[BLUR_META_CMA] = true}},
};

// Takes them out of `found`.
static void refuse_others_settings(ExperimentCheck *check, BlurMetaOptimizer optimizer, FieldPart *found) {
  for (size_t i = 0; i < sizeof own_settings / sizeof *own_settings; i++) {
    FieldPart *part = &found[own_settings[i].id];
    if (!part->value || own_settings[i].is_of[optimizer]) continue;
    Text owners = {0};
    for (int o = 0; o < OPTIMIZERS; o++)
      if (own_settings[i].is_of[o]) text_add(&owners, "%s`%s`", owners.length ? " and " : "", optimizer_names[o]);
    const char *reason = arena_format(check->checker->arena, "it is a setting of %s, and the optimizer is `%s`",
                                      text_get(&owners), optimizer_names[optimizer]);
    Diagnostic *diagnostic = EXPERIMENT_REPORT(check, meta_setting, part->name.span, part->name.text, reason);
    diagnostic_help(check->checker->sink, diagnostic, "leave it out");
    part->value = NULL;
    text_free(&owners);
  }
}

// Numbers of genomes that are moved, beside a gradient without them.
static void refuse_moves(ExperimentCheck *check, BlurMetaGradient gradient, const FieldPart *found) {
  static const FieldId fields[] = {FIELD_meta_deviation, FIELD_meta_pairs, FIELD_meta_window};
  bool has_windows = gradient == BLUR_META_PES || gradient == BLUR_META_NRES;
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    const FieldPart *part = &found[fields[i]];
    bool is_window = fields[i] == FIELD_meta_window;
    if (!part->value || has_windows || (gradient == BLUR_META_ES && !is_window)) continue;
    const char *reason = is_window ? "it is a number of `pes` and `nres`" : "it is a number of `es`, `pes` and `nres`";
    Diagnostic *diagnostic = EXPERIMENT_REPORT(check, meta_setting, part->name.span, part->name.text, reason);
    diagnostic_help(check->checker->sink, diagnostic, "leave it out, or add `gradient = nres`");
  }
}

static void take_meta_numbers(ExperimentCheck *check, const FieldPart *found) {
  BlurMetaOptions *meta = &check->made->meta;
  const struct {
    FieldId id;
    double *number;
  } numbers[] = {{FIELD_meta_lr, &meta->rate},    {FIELD_meta_b1, &meta->beta1},
                 {FIELD_meta_b2, &meta->beta2},   {FIELD_meta_eps, &meta->epsilon},
                 {FIELD_meta_clip, &meta->clip},  {FIELD_meta_momentum, &meta->momentum},
                 {FIELD_meta_last, &meta->last},  {FIELD_meta_deviation, &meta->deviation},
                 {FIELD_meta_sigma, &meta->sigma}};
  const struct {
    FieldId id;
    int64_t *count;
  } counts[] = {{FIELD_meta_steps, &meta->steps},         {FIELD_meta_population, &meta->population},
                {FIELD_meta_replicas, &meta->replicas},   {FIELD_meta_batch, &meta->batch},
                {FIELD_meta_warmup, &meta->warmup},       {FIELD_meta_every, &meta->every},
                {FIELD_meta_networks, &meta->networks},   {FIELD_meta_patience, &meta->patience},
                {FIELD_meta_pairs, &meta->pairs},         {FIELD_meta_window, &meta->window},
                {FIELD_meta_run_steps, &meta->run_steps}, {FIELD_meta_most_restarts, &meta->most_restarts}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    const FieldPart *part = &found[numbers[i].id];
    if (part->value) take_number(check, numbers[i].id, part->value, part->span, numbers[i].number);
  }
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    const FieldPart *part = &found[counts[i].id];
    if (part->value) take_count(check, counts[i].id, part->value, part->span, counts[i].count);
  }
}

// 0, the default, where nothing is given; -1 after a report.
static int take_meta_word(ExperimentCheck *check, FieldId id, const FieldPart *found) {
  int word = 0;
  if (found[id].value && !take_word(check, id, found[id].value, found[id].span, &word)) return -1;
  return word;
}

// What is said of CMA-ES. Its population are candidates of a generation; what is learned is one genome, their mean.
static void take_cma(ExperimentCheck *check, const FieldPart *found) {
  BlurMetaOptions *meta = &check->made->meta;
  const FieldPart *population = &found[FIELD_meta_population], *most = &found[FIELD_meta_most_restarts];
  int scale = take_meta_word(check, FIELD_meta_scale, found);
  int covariance = take_meta_word(check, FIELD_meta_covariance, found);
  int restarts = take_meta_word(check, FIELD_meta_restarts, found);
  meta->noise = take_meta_word(check, FIELD_meta_noise, found) == 1;
  meta->scale_one = scale == 1;
  meta->diagonal = covariance == 1;
  if (restarts >= 0) meta->restarts = (BlurMetaRestarts)restarts;
  if (most->value && restarts == BLUR_META_ONE_RUN) {
    Diagnostic *diagnostic =
        EXPERIMENT_REPORT(check, meta_setting, most->name.span, "most_restarts", "a single run has none");
    diagnostic_help(check->checker->sink, diagnostic, "leave it out, or add `restarts = bipop`");
  }
  meta->candidates = population->value ? meta->population : 0;
  meta->population = 1;
  if (meta->candidates == 1 || meta->candidates == 2) {
    Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_value, population->span, "population",
                                               "a whole number from 3 to 4096 with `cma`");
    diagnostic_help(check->checker->sink, diagnostic, "leave it out for as many candidates as suit the genome");
  }
}

void take_meta(ExperimentCheck *check, const AstPhrase *phrase) {
  BlurMetaOptions *meta = &check->made->meta;
  DiagnosticSink *sink = check->checker->sink;
  FieldPart found[FIELD_COUNT] = {0};
  int optimizer = 0;
  take_clauses(check, "meta", phrase, NULL, 0, NULL);
  take_parts(check, "meta", phrase->settings, found);
  if (take_word(check, FIELD_meta, &phrase->value, phrase->span, &optimizer)) {
    meta->optimizer = (BlurMetaOptimizer)optimizer;
    refuse_others_settings(check, meta->optimizer, found);
  }
  if (meta->optimizer == BLUR_META_RMSPROP) meta->beta2 = 0.99;
  take_meta_numbers(check, found);
  if (meta->optimizer == BLUR_META_CMA) take_cma(check, found);
  int gradient = take_meta_word(check, FIELD_meta_gradient, found);
  if (gradient >= 0) {
    meta->gradient = (BlurMetaGradient)gradient;
    check->gradient_span = found[FIELD_meta_gradient].span;
    refuse_moves(check, meta->gradient, found);
  }
  int schedule = take_meta_word(check, FIELD_meta_schedule, found);
  int policy = take_meta_word(check, FIELD_meta_nan, found);
  if (schedule >= 0) meta->schedule = (BlurMetaSchedule)schedule;
  if (policy >= 0) meta->policy = (BlurMetaPolicy)policy;
  const FieldPart *last = &found[FIELD_meta_last], *warmup = &found[FIELD_meta_warmup];
  if (last->value && schedule == BLUR_META_CONSTANT) {
    Diagnostic *diagnostic =
        EXPERIMENT_REPORT(check, meta_setting, last->name.span, "last", "a constant learning rate ends where it began");
    diagnostic_help(sink, diagnostic, "leave it out, or add `schedule = cosine`");
  }
  if (warmup->value && meta->warmup > meta->steps) {
    Diagnostic *diagnostic =
        EXPERIMENT_REPORT(check, experiment_beyond, warmup->span, (long long)meta->warmup, (long long)meta->steps);
    diagnostic_help(sink, diagnostic, "the warm-up is a part of the meta-steps: `warmup = %lld`",
                    (long long)(meta->steps / 20));
  }
  const AstField *data = NULL;
  for (const AstField *field = check->ast->fields; field; field = field->next)
    if (strcmp(field->name.text, "data") == 0) data = field;
  for (const AstPhrase *setting = data && data->phrases ? data->phrases->settings : NULL; setting;
       setting = setting->next)
    if (found[FIELD_meta_batch].value && setting->name.text && strcmp(setting->name.text, "batch") == 0)
      report_twice(check, found[FIELD_meta_batch].name.span, "batch", setting->name.span);
}

// ---- unroll and objective

static void report_unroll(ExperimentCheck *check, Span span, const char *problem) {
  Diagnostic *diagnostic = EXPERIMENT_REPORT(check, unroll_form, span, problem);
  diagnostic_help(check->checker->sink, diagnostic, "write `unroll 10` or `unroll 10 .. 50 by 5 every 10000`");
}

static bool take_length(ExperimentCheck *check, const AstExpression *ast, int64_t *length) {
  AstValue value = {.kind = VALUE_EXPRESSION, .span = ast->span, .first = (AstExpression *)(uintptr_t)ast};
  return take_count(check, FIELD_unroll, &value, ast->span, length);
}

void take_unroll(ExperimentCheck *check, const AstPhrase *phrase) {
  BlurMetaOptions *meta = &check->made->meta;
  const AstValue *value = &phrase->value;
  FieldId parts[] = {FIELD_unroll_by, FIELD_unroll_every};
  const AstClause *found[2];
  refuse_settings(check, FIELD_unroll, phrase);
  take_clauses(check, "unroll", phrase, parts, 2, found);
  meta->unroll_by = 5;
  if (value->kind == VALUE_RANGE) {
    if (!take_length(check, value->first, &meta->unroll_first) || !take_length(check, value->last, &meta->unroll_last))
      return;
    if (meta->unroll_first > meta->unroll_last) report_unroll(check, value->span, "the range goes down");
    else if (!found[1]) report_unroll(check, phrase->span, "after how many meta-steps it grows is not said");
    if (found[0]) take_count(check, FIELD_unroll_by, &found[0]->value, found[0]->span, &meta->unroll_by);
    if (found[1]) take_count(check, FIELD_unroll_every, &found[1]->value, found[1]->span, &meta->unroll_every);
    return;
  }
  if (!take_count(check, FIELD_unroll, value, phrase->span, &meta->unroll_first)) return;
  meta->unroll_last = meta->unroll_first;
  for (int i = 0; i < 2; i++)
    if (found[i]) report_unroll(check, found[i]->span, "a single length does not grow");
}

// `last`, or `every 2, mean from 5`, whose second part is optional.
static void take_at(ExperimentCheck *check, const FieldPart *at) {
  BlurMetaOptions *meta = &check->made->meta;
  const char *word = plain_name_of(at->value);
  const AstClause *every = at->phrase ? at->phrase->clauses : NULL, *from = at->more ? at->more->clauses : NULL;
  if (!every && !at->more && word && strcmp(word, "last") == 0) return;
  bool is_every = at->value->kind == VALUE_NONE && every && !every->next && strcmp(every->word.text, "every") == 0;
  bool is_from = from && !from->next && strcmp(from->word.text, "from") == 0 && !at->more->has_settings;
  if (!is_every || (at->more && !is_from)) {
    if (at->value->kind != VALUE_ERROR) report_field_value(check, FIELD_objective_at, at->span);
    return;
  }
  if (!take_count(check, FIELD_objective_at, &every->value, every->span, &meta->at_every)) return;
  meta->at_from = meta->at_every;
  if (from) take_count(check, FIELD_objective_at, &from->value, from->span, &meta->at_from);
  check->at_span = at->span;
}

void take_objective(ExperimentCheck *check, const AstPhrase *phrase) {
  BlurMetaOptions *meta = &check->made->meta;
  FieldPart found[FIELD_COUNT] = {0};
  int word = 0;
  take_clauses(check, "objective", phrase, NULL, 0, NULL);
  take_parts(check, "objective", phrase->settings, found);
  if (phrase->value.kind == VALUE_NONE && !phrase->has_settings && !phrase->clauses)
    report_field_value(check, FIELD_objective, phrase->span);
  if (phrase->value.kind != VALUE_NONE && take_word(check, FIELD_objective, &phrase->value, phrase->span, &word)) {
    meta->of_accuracy = word > BLUR_LOSS_HINGE;
    meta->has_loss = !meta->of_accuracy;
    if (meta->has_loss) meta->loss = (BlurLoss)word;
    check->objective_span = phrase->value.span;
  }
  const FieldPart *batches = &found[FIELD_objective_batches];
  if (batches->value && take_count(check, FIELD_objective_batches, batches->value, batches->span, &meta->queries))
    check->batches_span = batches->name.span;
  if (found[FIELD_objective_at].value) take_at(check, &found[FIELD_objective_at]);
  const FieldPart *on = &found[FIELD_objective_on];
  if (on->value && take_word(check, FIELD_objective_on, on->value, on->span, &word)) meta->on_train = word == 1;
}

// ---- tests

void take_meta_test(ExperimentCheck *check, const AstPhrase *phrase) {
  CheckedExperiment *made = check->made;
  const char *name = plain_name_of(&phrase->value);
  FieldPart found[FIELD_COUNT] = {0};
  CheckedMetaTest test = {.name = name ? name : "",
                          .span = name ? phrase->value.span : phrase->span,
                          .unroll = made->meta.unroll_last,
                          .networks = 100};
  if (!name && phrase->value.kind != VALUE_NONE) {
    if (phrase->value.kind != VALUE_ERROR) report_field_value(check, FIELD_meta_test, phrase->value.span);
    return;
  }
  take_clauses(check, "meta_test", phrase, NULL, 0, NULL);
  for (size_t t = 0; t < made->meta_tests.count; t++) {
    if (strcmp(made->meta_tests.items[t].name, test.name) != 0) continue;
    Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_field_twice, test.span, name ? name : "meta_test");
    diagnostic_note(check->checker->sink, diagnostic, made->meta_tests.items[t].span, "it stands here before");
    diagnostic_help(check->checker->sink, diagnostic, "give it a name of its own: `meta_test held_out { ... }`");
    break;
  }
  take_parts(check, "meta_test", phrase->settings, found);
  const FieldPart *tasks = &found[FIELD_meta_test_tasks], *nets = &found[FIELD_meta_test_nets];
  if (tasks->phrase) take_tasks(check, FIELD_meta_test_tasks, tasks->phrase, &test.tasks);
  if (nets->phrase) take_nets(check, nets->phrase, &test.nets);
  const struct {
    FieldId id;
    int64_t *count;
  } counts[] = {{FIELD_meta_test_unroll, &test.unroll},
                {FIELD_meta_test_every, &test.every},
                {FIELD_meta_test_networks, &test.networks}};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    const FieldPart *part = &found[counts[i].id];
    if (part->value) take_count(check, counts[i].id, part->value, part->span, counts[i].count);
  }
  ARENA_PUSH(check->checker->arena, &made->meta_tests, test);
}

// ---- the whole

void begin_meta(CheckedExperiment *made) {
  made->meta = (BlurMetaOptions){.rate = 1e-3,
                                 .beta1 = 0.9,
                                 .beta2 = 0.999,
                                 .epsilon = 1e-8,
                                 .momentum = 0.9,
                                 .clip = 10,
                                 .steps = 10000,
                                 .population = 8,
                                 .sigma = 0.3,
                                 .most_restarts = 9,
                                 .queries = 1,
                                 .replicas = 1,
                                 .networks = 10,
                                 .patience = 50,
                                 .deviation = 0.01,
                                 .pairs = 4};
}

// The objective is a mean over one loss at least, also in the shortest unroll.
static void check_objective(ExperimentCheck *check) {
  const BlurMetaOptions *meta = &check->made->meta;
  bool has_windows = meta->gradient == BLUR_META_PES || meta->gradient == BLUR_META_NRES;
  if (has_windows && !meta->at_every && meta->window != meta->unroll_first) {
    Diagnostic *diagnostic = EXPERIMENT_REPORT(check, windows_without_losses, check->gradient_span);
    diagnostic_help(check->checker->sink, diagnostic, "add `objective { at = every 1 }`, or take `gradient = es`");
  }
  if (!meta->at_every || !meta->unroll_first) return;
  int64_t first = (meta->at_from + meta->at_every - 1) / meta->at_every * meta->at_every;
  if (first <= meta->unroll_first) return;
  Diagnostic *diagnostic =
      EXPERIMENT_REPORT(check, experiment_beyond, check->at_span, (long long)first, (long long)meta->unroll_first);
  diagnostic_help(check->checker->sink, diagnostic,
                  meta->unroll_first == meta->unroll_last
                      ? "take the first loss within the unroll, as in `at = every 1, mean from %lld`"
                      : "take the first loss within the shortest unroll, as in `at = every 1, mean from %lld`",
                  (long long)(meta->unroll_first + 1) / 2);
}

// What has no gradient, and batches in number, are for CMA-ES alone.
static void check_cma_objective(ExperimentCheck *check) {
  const BlurMetaOptions *meta = &check->made->meta;
  bool is_cma = check->made->has_meta && meta->optimizer == BLUR_META_CMA;
  if (meta->of_accuracy && !is_cma) {
    Diagnostic *diagnostic = EXPERIMENT_REPORT(check, meta_setting, check->objective_span, "accuracy",
                                               "it has no gradient, and only `cma` does without one");
    diagnostic_help(check->checker->sink, diagnostic, "write `meta cma { ... }`, or a loss, as in `objective hinge`");
  }
  if (meta->queries < 2 || (is_cma && !meta->on_train)) return;
  Diagnostic *diagnostic =
      EXPERIMENT_REPORT(check, meta_setting, check->batches_span, "batches",
                        is_cma ? "a step learned from one batch (`on = train`)" : "it is a setting of `cma`");
  diagnostic_help(check->checker->sink, diagnostic,
                  is_cma ? "leave it out, or write `on = query`"
                         : "leave it out; `replicas` of `meta` are more networks");
}

// A genome is learned from one start: no value of it is chosen.
static void refuse_choices(ExperimentCheck *check) {
  const CheckedExperiment *made = check->made;
  for (size_t c = 0; c < made->contenders.count; c++) {
    const CheckedContender *contender = &made->contenders.items[c];
    for (size_t i = 0; i < contender->settings.count; i++) {
      const CheckedSetting *setting = &contender->settings.items[i];
      if (setting->count < 2) continue;
      Diagnostic *diagnostic =
          EXPERIMENT_REPORT(check, experiment_of_training, setting->span, setting->tuned ? "tune" : "sweep");
      diagnostic_help(check->checker->sink, diagnostic, "give `%s` one value, from which it is learned: `%s = %s`",
                      setting->name, setting->name, setting->texts[0]);
    }
  }
}

void end_meta(ExperimentCheck *check) {
  CheckedExperiment *made = check->made;
  BlurMetaOptions *meta = &made->meta;
  check_objective(check);
  check_cma_objective(check);
  if (!meta->has_loss && made->loss >= 0) {
    meta->has_loss = true;
    meta->loss = (BlurLoss)made->loss;
  }
  if (!meta->batch) meta->batch = made->batch;
  if (!meta->every) meta->every = meta->steps >= 20 ? meta->steps / 20 : 1;
  if (!made->has_meta) return;
  refuse_choices(check);
  if (made->data.place && made->tasks.count == 0) ARENA_PUSH(check->checker->arena, &made->tasks, made->data);
}
