// Experiments behind the public BlurExperiment: finds the file, applies --set, checks, and hands out rules with chosen
// settings. See blur/experiment.h. Before: compiler/semantics/experiment.h.
#include "blur/experiment.h"

#include "compiler/rule.h"
#include "compiler/semantics/experiment.h"

#include <stdlib.h>
#include <string.h>

struct BlurExperiment {
  Arena *arena;
  const CheckedExperiment *checked;
  BlurExperimentFields fields;
};

// ---- finding

// The path, and the name behind its last colon; NULL: none is given.
static const char *split_name(Arena *arena, const char *name, const char **wanted) {
  const char *colon = strrchr(name, ':');
  *wanted = colon && colon[1] && !strchr(colon, '/') ? colon + 1 : NULL;
  return *wanted ? arena_copy(arena, name, (size_t)(colon - name)) : name;
}

static AstExperiment *find_in(const AstFile *file, const char *wanted) {
  AstExperiment *found = NULL;
  for (AstExperiment *experiment = file->experiments; experiment; experiment = experiment->next)
    if (!wanted || strcmp(experiment->name.text, wanted) == 0) found = experiment;
  return found;
}

bool blur_experiment_exists(const char *name) {
  if (strncmp(name, "std.", 4) == 0) return false;
  Arena *arena = arena_create();
  DiagnosticSink sink = {.arena = arena};
  const char *wanted, *path = split_name(arena, name, &wanted);
  const SourceFile *source = source_read(arena, path, &sink);
  const AstFile *file = source ? parse_file(arena, source, &sink) : NULL;
  bool found = file && file->experiments;
  for (const AstRule *rule = found && wanted ? file->rules : NULL; rule; rule = rule->next)
    if (rule->name.text && strcmp(rule->name.text, wanted) == 0 && !find_in(file, wanted)) found = false;
  arena_destroy(arena);
  return found;
}

static AstExperiment *find(Arena *arena, const char *name, const AstFile **file, BlurReport *report) {
  const char *wanted, *path = split_name(arena, name, &wanted);
  size_t errors = report->sink.errors;
  const SourceFile *source = source_read(arena, path, &report->sink);
  if (!source) {
    report->environment = true;
    return NULL;
  }
  *file = parse_file(arena, source, &report->sink);
  if (report->sink.errors > errors) return NULL;
  AstExperiment *found = find_in(*file, wanted);
  if (found) return found;
  enum { MOST = 100 };
  const char *names[MOST];
  size_t count = 0;
  for (const AstExperiment *one = (*file)->experiments; one && count < MOST; one = one->next)
    names[count++] = one->name.text;
  Diagnostic *problem = diagnostic_report(&report->sink, DIAGNOSTIC_no_such_experiment, (Span){0}, path,
                                          wanted ? wanted : "NAME { ... }");
  const char *near = wanted ? near_name(wanted, names, count) : NULL;
  if (near) diagnostic_help(&report->sink, problem, "did you mean `%s:%s`?", path, near);
  else if (count) diagnostic_help(&report->sink, problem, "its last one is `%s`", names[count - 1]);
  return NULL;
}

// ---- what is shown of it

static void show_rules(BlurExperiment *experiment) {
  const CheckedExperiment *checked = experiment->checked;
  Arena *arena = experiment->arena;
  BlurExperimentRule *rules = ARENA_ARRAY(arena, BlurExperimentRule, checked->contenders.count + 1);
  for (size_t r = 0; r < checked->contenders.count; r++) {
    const CheckedContender *contender = &checked->contenders.items[r];
    BlurExperimentSetting *settings = ARENA_ARRAY(arena, BlurExperimentSetting, contender->settings.count + 1);
    for (size_t i = 0; i < contender->settings.count; i++) {
      const CheckedSetting *from = &contender->settings.items[i];
      settings[i] = (BlurExperimentSetting){.name = from->name,
                                            .is_genome = from->is_genome,
                                            .tuned = from->tuned,
                                            .tune_step = from->tune_step ? from->tune_step : checked->steps,
                                            .count = from->count,
                                            .texts = from->texts,
                                            .numbers = from->numbers};
    }
    bool is_own = contender->file == checked->file;
    const char *own = is_own ? arena_format(arena, "%s:%s", checked->file->source->path, contender->name) : NULL;
    rules[r] = (BlurExperimentRule){.rule = contender->name,
                                    .name = is_own ? own : contender->name,
                                    .settings = contender->settings.count,
                                    .setting = settings,
                                    .genome = contender->genome,
                                    .genome_path = contender->genome_path};
  }
  experiment->fields.rules = checked->contenders.count;
  experiment->fields.rule = rules;
}

static void show_measures(BlurExperiment *experiment) {
  const CheckedExperiment *checked = experiment->checked;
  Arena *arena = experiment->arena;
  BlurExperimentMeasure *measures = ARENA_ARRAY(arena, BlurExperimentMeasure, checked->measures.count + 1);
  for (size_t m = 0; m < checked->measures.count; m++) {
    const CheckedMeasure *from = &checked->measures.items[m];
    bool is_cosine = from->kind == MEASURE_COSINE;
    measures[m] = (BlurExperimentMeasure){.name = from->name,
                                          .every = from->every,
                                          .is_cosine = is_cosine,
                                          .kind = from->kind == MEASURE_NEURONS ? BLUR_NEURON : BLUR_SYNAPSE,
                                          .variable = is_cosine ? from->synapse : measured_variable(arena, from)};
  }
  experiment->fields.measures = checked->measures.count;
  experiment->fields.measure = measures;
}

static const char *const *show_tasks(Arena *arena, const CheckedTasks *tasks) {
  const char **places = ARENA_ARRAY(arena, const char *, tasks->count + 1);
  for (size_t i = 0; i < tasks->count; i++) places[i] = tasks->items[i].place;
  return places;
}

static void show_meta(BlurExperiment *experiment) {
  const CheckedExperiment *checked = experiment->checked;
  Arena *arena = experiment->arena;
  BlurExperimentMetaTest *tests = ARENA_ARRAY(arena, BlurExperimentMetaTest, checked->meta_tests.count + 1);
  for (size_t t = 0; t < checked->meta_tests.count; t++) {
    const CheckedMetaTest *from = &checked->meta_tests.items[t];
    BlurExperimentNet *nets = ARENA_ARRAY(arena, BlurExperimentNet, from->nets.count + 1);
    for (size_t n = 0; n < from->nets.count; n++)
      nets[n] = (BlurExperimentNet){from->nets.items[n].layers, from->nets.items[n].units};
    tests[t] = (BlurExperimentMetaTest){.name = from->name,
                                        .tasks = from->tasks.count,
                                        .task = show_tasks(arena, &from->tasks),
                                        .nets = from->nets.count,
                                        .net = nets,
                                        .unroll = from->unroll,
                                        .every = from->every,
                                        .networks = from->networks};
  }
  experiment->fields.has_meta = checked->has_meta;
  experiment->fields.meta = checked->meta;
  experiment->fields.tasks = checked->tasks.count;
  experiment->fields.task = show_tasks(arena, &checked->tasks);
  experiment->fields.meta_tests = checked->meta_tests.count;
  experiment->fields.meta_test = tests;
}

static void show(BlurExperiment *experiment) {
  const CheckedExperiment *checked = experiment->checked;
  experiment->fields = (BlurExperimentFields){.name = checked->name,
                                              .path = checked->file->source->path,
                                              .layers = checked->net.layers,
                                              .units = checked->net.units,
                                              .data = checked->data.place,
                                              .batch = checked->batch,
                                              .steps = checked->steps,
                                              .eval_every = checked->eval_every,
                                              .on_validation = checked->on_validation,
                                              .seeds = checked->seeds,
                                              .first_seed = checked->first_seed,
                                              .threads = (int)checked->threads,
                                              .has_loss = checked->loss >= 0,
                                              .loss = (BlurLoss)(checked->loss >= 0 ? checked->loss : 0),
                                              .precision = checked->is_double ? BLUR_DOUBLE : BLUR_FLOAT};
  show_rules(experiment);
  show_measures(experiment);
  show_meta(experiment);
}

BlurExperiment *blur_experiment_load(const char *name, const BlurSetting *settings, size_t setting_count,
                                     BlurReport *report) {
  Arena *arena = arena_create();
  report_keep(report, arena);
  const AstFile *file = NULL;
  AstExperiment *ast = find(arena, name, &file, report);
  bool fine = ast != NULL;
  for (size_t i = 0; ast && i < setting_count; i++)
    fine &= experiment_override(arena, ast, arena_copy(arena, settings[i].name, strlen(settings[i].name)),
                                arena_copy(arena, settings[i].value, strlen(settings[i].value)), &report->sink);
  RuleModules modules = {.arena = arena, .report = report};
  ModuleLoader loader = rule_modules(&modules);
  CheckedExperiment *checked = fine ? check_experiment(arena, file, ast, false, &loader, &report->sink) : NULL;
  if (!checked) {
    arena_destroy(arena);
    return NULL;
  }
  BlurExperiment *experiment = ARENA_NEW(arena, BlurExperiment);
  experiment->arena = arena;
  experiment->checked = checked;
  show(experiment);
  return experiment;
}

void blur_experiment_destroy(BlurExperiment *experiment) {
  if (experiment) arena_destroy(experiment->arena);
}

const BlurExperimentFields *blur_experiment_fields(const BlurExperiment *experiment) { return &experiment->fields; }

// ---- rules

typedef struct {
  Arena *arena;
  RuleModules modules;
  ModuleLoader loader;
} Room; // of a rule that is being made

static void room_open(Room *room, BlurReport *report) {
  *room = (Room){.arena = arena_create()};
  report_keep(report, room->arena);
  room->modules = (RuleModules){.arena = room->arena, .report = report};
  room->loader = rule_modules(&room->modules);
}

static BlurRule *room_close(Room *room, const AstFile *file, const CheckedRule *checked) {
  if (!checked) {
    arena_destroy(room->arena);
    return NULL;
  }
  BlurRule *made = ARENA_NEW(room->arena, BlurRule);
  *made = (BlurRule){room->arena, file, checked};
  return made;
}

BlurRule *blur_experiment_rule(const BlurExperiment *experiment, size_t rule, const size_t *choice, BlurLoss loss,
                               BlurReport *report) {
  Room room;
  room_open(&room, report);
  const CheckedContender *contender = &experiment->checked->contenders.items[rule];
  return room_close(&room, contender->file,
                    check_contender(room.arena, contender, choice, (TaskLoss)loss, &room.loader, &report->sink));
}

bool blur_experiment_measures(const BlurExperiment *experiment, size_t rule, size_t measure) {
  return experiment->checked->contenders.items[rule].measured[measure];
}

BlurRule *blur_experiment_measuring_rule(const BlurExperiment *experiment, size_t rule, const size_t *choice,
                                         BlurLoss loss, BlurReport *report) {
  Room room;
  room_open(&room, report);
  const CheckedContender *contender = &experiment->checked->contenders.items[rule];
  return room_close(&room, experiment->checked->file,
                    check_measuring_rule(room.arena, experiment->checked, contender, choice, (TaskLoss)loss,
                                         &room.loader, &report->sink));
}

BlurRule *blur_experiment_reference_rule(const BlurExperiment *experiment, size_t rule, size_t measure,
                                         const size_t *choice, BlurLoss loss, BlurReport *report) {
  Room room;
  room_open(&room, report);
  const CheckedMeasure *cosine = &experiment->checked->measures.items[measure];
  return room_close(&room, cosine->other->file,
                    check_reference_rule(room.arena, cosine, &experiment->checked->contenders.items[rule], choice,
                                         (TaskLoss)loss, &room.loader, &report->sink));
}

// ---- help

char *blur_experiment_help(bool markdown) {
  Arena *arena = arena_create();
  Text text = {0};
  if (markdown) text_add(&text, "| field | takes | default | meaning |\n| --- | --- | --- | --- |\n");
  for (FieldId id = 0; id < FIELD_COUNT; id++) {
    const FieldInfo *field = &experiment_fields[id];
    const char *fallback = !field->fallback ? "needed" : *field->fallback ? field->fallback : "";
    if (markdown)
      text_add(&text, "| `%s` | %s | %s | %s |\n", field->path, field_takes(arena, field), fallback, field->meaning);
    else {
      text_add(&text, "%-14s %s%s%s%s\n", field->path, field_takes(arena, field), *fallback ? "; " : "",
               field->fallback && *fallback ? "default: " : "", fallback);
      text_add(&text, "%-14s   %s\n", "", field->meaning);
    }
  }
  arena_destroy(arena);
  if (!text.bytes) return calloc(1, 1);
  return text.bytes;
}
