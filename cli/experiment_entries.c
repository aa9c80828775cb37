// From the rules of an experiment to the contenders of a study: every combination of swept values is an entry, every
// combination of tuned ones a candidate of it. A rule is compiled once for all values of its genome, and once for each
// value of a constant or function. Before: blur/experiment.h; after: blur/study.h.
#include "cli/experiment.h"
#include "cli/rule_genome.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- combinations: a number for each, read as digits, one a setting

typedef enum { SETTING_SWEPT, SETTING_TUNED } SettingSort;

static bool is_of(const BlurExperimentSetting *setting, SettingSort sort) {
  return setting->tuned == (sort == SETTING_TUNED);
}

static size_t combinations(const BlurExperimentRule *rule, SettingSort sort) {
  size_t count = 1;
  for (size_t i = 0; i < rule->settings; i++)
    if (is_of(&rule->setting[i], sort)) count *= rule->setting[i].count;
  return count;
}

// Writes the digits of a combination into `choice`; the last setting changes fastest.
static void choose(const BlurExperimentRule *rule, SettingSort sort, size_t number, size_t *choice) {
  for (size_t i = rule->settings; i-- > 0;) {
    if (!is_of(&rule->setting[i], sort)) continue;
    choice[i] = number % rule->setting[i].count;
    number /= rule->setting[i].count;
  }
}

typedef enum { LABEL_ALL, LABEL_TUNED_ALONE, LABEL_NOT_CHOSEN } LabelKind;

static char *label_of(const BlurExperimentRule *rule, const size_t *choice, LabelKind kind) {
  static const char not_chosen[] = " not chosen";
  size_t room = 1 + (rule->genome ? strlen(rule->genome) + sizeof ", genome " : 0);
  for (size_t i = 0; i < rule->settings; i++)
    room += strlen(rule->setting[i].name) + strlen(rule->setting[i].texts[choice[i]]) + 5 + sizeof not_chosen;
  char *label = must(calloc(room, 1)), *at = label;
  for (size_t i = 0; i < rule->settings; i++) {
    const BlurExperimentSetting *setting = &rule->setting[i];
    const char *separator = at > label ? ", " : "";
    if (kind == LABEL_TUNED_ALONE && !setting->tuned) continue;
    if (kind == LABEL_NOT_CHOSEN && setting->tuned) at += sprintf(at, "%s%s%s", separator, setting->name, not_chosen);
    else at += sprintf(at, "%s%s = %s", separator, setting->name, setting->texts[choice[i]]);
  }
  if (rule->genome && kind != LABEL_TUNED_ALONE) sprintf(at, "%sgenome %s", at > label ? ", " : "", rule->genome);
  return label;
}

// ---- programs

typedef struct {
  const size_t *choice;
  BlurProgram *program;
  const BlurProgram **measuring; // [measures]
} Compiled;                      // of one rule

static bool same_program(const BlurExperimentRule *rule, const size_t *one, const size_t *other) {
  for (size_t i = 0; i < rule->settings; i++)
    if (!rule->setting[i].is_genome && one[i] != other[i]) return false;
  return true;
}

// Compiles and keeps; the rule is done with.
static BlurProgram *keep_program(Experiment *experiment, BlurRule *rule, const BlurOptions *options) {
  BlurProgram *program = rule ? blur_compile(rule, options, experiment->report) : NULL;
  blur_rule_destroy(rule);
  if (!program) return NULL;
  size_t count = experiment->program_count++;
  experiment->programs = must(realloc(experiment->programs, (count + 1) * sizeof(BlurProgram *)));
  return experiment->programs[count] = program;
}

// The programs that measure this one, in double: one for all expressions, evaluated by the reference interpreter, and a
// reference for each cosine. `options` are those of the network.
static bool compile_measuring(Experiment *experiment, size_t rule, const size_t *choice, BlurOptions options,
                              const BlurProgram **measuring) {
  const BlurExperimentFields *fields = experiment->fields;
  const BlurProgram *expressions = NULL;
  options.precision = BLUR_DOUBLE;
  for (size_t m = 0; m < fields->measures; m++) {
    if (!blur_experiment_measures(experiment->experiment, rule, m)) continue;
    if (fields->measure[m].is_cosine) {
      options.engine = BLUR_ENGINE_JIT;
      options.all_live = false;
      measuring[m] = keep_program(
          experiment,
          blur_experiment_reference_rule(experiment->experiment, rule, m, choice, experiment->loss, experiment->report),
          &options);
    } else {
      options.engine = BLUR_ENGINE_INTERPRET;
      options.all_live = true;
      if (!expressions)
        expressions = keep_program(
            experiment,
            blur_experiment_measuring_rule(experiment->experiment, rule, choice, experiment->loss, experiment->report),
            &options);
      measuring[m] = expressions;
    }
    if (!measuring[m]) return false;
  }
  return true;
}

static Compiled compile(Experiment *experiment, size_t rule, const size_t *choice) {
  const BlurExperimentFields *fields = experiment->fields;
  BlurOptions options = {.layers = fields->layers,
                         .units = experiment->units,
                         .batch = fields->batch,
                         .precision = fields->precision,
                         .all_live = fields->measures > 0,
                         .no_cache = option_given(experiment->arguments, OPTION_no_cache)};
  Compiled compiled = {.choice = choice, .measuring = must(calloc(fields->measures + 1, sizeof(BlurProgram *)))};
  compiled.program = keep_program(
      experiment, blur_experiment_rule(experiment->experiment, rule, choice, experiment->loss, experiment->report),
      &options);
  if (compiled.program && (!experiment_genome_fits(experiment, rule, compiled.program) ||
                           !compile_measuring(experiment, rule, choice, options, compiled.measuring)))
    compiled.program = NULL;
  return compiled;
}

// ---- entries

// What stands in braces wins over the genome file.
static BlurCandidate make_candidate(const Experiment *experiment, size_t rule_number, const size_t *choice,
                                    const Compiled *compiled) {
  const BlurExperimentRule *rule = &experiment->fields->rule[rule_number];
  BlurGenomeNumber *numbers = must(calloc(rule->settings + 1, sizeof *numbers));
  size_t count = 0;
  for (size_t i = 0; i < rule->settings; i++)
    if (rule->setting[i].is_genome && rule->setting[i].count > 1)
      numbers[count++] = (BlurGenomeNumber){rule->setting[i].name, rule->setting[i].numbers[choice[i]]};
  size_t measures = experiment->fields->measures;
  const BlurProgram **measuring = must(calloc(measures + 1, sizeof *measuring));
  memcpy(measuring, compiled->measuring, measures * sizeof *measuring);
  return (BlurCandidate){.program = compiled->program,
                         .numbers = count,
                         .number = numbers,
                         .measuring = measuring,
                         .genome = experiment->genomes[rule_number],
                         .kept_count = rule->settings,
                         .kept = rule_setting_names(rule)};
}

static int64_t latest_choice(const BlurExperimentRule *rule) {
  int64_t step = 0;
  for (size_t i = 0; i < rule->settings; i++)
    if (rule->setting[i].tuned && rule->setting[i].tune_step > step) step = rule->setting[i].tune_step;
  return step;
}

static bool add_rule(Experiment *experiment, size_t rule_number) {
  const BlurExperimentRule *rule = &experiment->fields->rule[rule_number];
  size_t entries = combinations(rule, SETTING_SWEPT), candidates = combinations(rule, SETTING_TUNED);
  size_t compiled_count = 0;
  Compiled *compiled = must(calloc(entries * candidates, sizeof *compiled));
  size_t *choices = must(calloc(entries * candidates * (rule->settings + 1), sizeof *choices));
  bool right = true;
  experiment->entries =
      must(realloc(experiment->entries, (experiment->entry_count + entries) * sizeof *experiment->entries));
  for (size_t e = 0; right && e < entries; e++) {
    Entry *entry = &experiment->entries[experiment->entry_count++];
    BlurCandidate *made = must(calloc(candidates, sizeof *made));
    *entry = (Entry){.rule = rule, .contender = {.candidate = made, .choose_at = latest_choice(rule)}};
    entry->labels = must(calloc(candidates, sizeof *entry->labels));
    entry->choices = must(calloc(candidates, sizeof *entry->choices));
    for (size_t c = 0; right && c < candidates; c++) {
      size_t *choice = &choices[(e * candidates + c) * (rule->settings + 1)];
      choose(rule, SETTING_SWEPT, e, choice);
      choose(rule, SETTING_TUNED, c, choice);
      size_t known = 0;
      while (known < compiled_count && !same_program(rule, compiled[known].choice, choice)) known++;
      if (known == compiled_count) {
        compiled[compiled_count++] = compile(experiment, rule_number, choice);
        right = compiled[known].program != NULL;
      }
      if (!right) break;
      made[c] = make_candidate(experiment, rule_number, choice, &compiled[known]);
      entry->labels[c] = label_of(rule, choice, LABEL_ALL);
      entry->choices[c] = label_of(rule, choice, LABEL_TUNED_ALONE);
      if (c == 0) entry->open = label_of(rule, choice, LABEL_NOT_CHOSEN);
      entry->contender.candidates = c + 1;
    }
  }
  for (size_t i = 0; i < compiled_count; i++) free(compiled[i].measuring);
  free(compiled);
  free(choices);
  return right;
}

bool experiment_make_entries(Experiment *experiment) {
  for (size_t r = 0; r < experiment->fields->rules; r++)
    if (!add_rule(experiment, r)) return false;
  experiment->contenders = must(calloc(experiment->entry_count, sizeof *experiment->contenders));
  for (size_t e = 0; e < experiment->entry_count; e++) experiment->contenders[e] = experiment->entries[e].contender;
  return true;
}

void experiment_free_entries(Experiment *experiment) {
  for (size_t e = 0; e < experiment->entry_count; e++) {
    Entry *entry = &experiment->entries[e];
    for (size_t c = 0; c < entry->contender.candidates; c++) {
      free((void *)(uintptr_t)entry->contender.candidate[c].number);
      free((void *)(uintptr_t)entry->contender.candidate[c].measuring);
      free((void *)(uintptr_t)entry->contender.candidate[c].kept);
      free(entry->labels[c]);
      free(entry->choices[c]);
    }
    free((void *)(uintptr_t)entry->contender.candidate);
    free(entry->labels);
    free(entry->choices);
    free(entry->open);
  }
  free(experiment->entries);
  free(experiment->contenders);
  for (size_t p = 0; p < experiment->program_count; p++) blur_program_destroy(experiment->programs[p]);
  free(experiment->programs);
}

bool experiment_at_end(const Entry *entry, size_t candidate) {
  const BlurExperimentRule *rule = entry->rule;
  size_t *choice = must(calloc(rule->settings + 1, sizeof *choice));
  choose(rule, SETTING_TUNED, candidate, choice);
  bool at_end = false;
  for (size_t i = 0; i < rule->settings; i++)
    if (rule->setting[i].tuned) at_end |= choice[i] == 0 || choice[i] + 1 == rule->setting[i].count;
  free(choice);
  return at_end;
}

const char *experiment_label(const Experiment *experiment, size_t entry) {
  int64_t chosen = blur_study_chosen(experiment->study, entry, NULL);
  const Entry *of = &experiment->entries[entry];
  return chosen < 0 ? of->open : of->labels[chosen];
}
