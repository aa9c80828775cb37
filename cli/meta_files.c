// What a meta-learning run leaves on disk: the best genome, written whenever a better one is found; a log of all checks
// as CSV, and a picture of it.
#include "cli/meta.h"
#include "cli/plot.h"
#include "cli/table.h"

#include "base/file.h"
#include "base/text.h"
#include "blur/genome.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool meta_open_files(Meta *meta, BlurStatus *status) {
  const char *out = meta->arguments->value[OPTION_out], *save = meta->arguments->value[OPTION_save];
  if (save && !file_can_write(save, status)) return false;
  if (save) meta->save = strdup(save);
  if (!out) return true;
  if (!path_ends_with(out, ".svg") && !path_ends_with(out, ".png") && !path_ends_with(out, ".csv"))
    return status_fail(status, BLUR_FAILED_USAGE,
                       "the log goes to a picture (FILE.svg, FILE.png) with its numbers beside it, or to a table "
                       "(FILE.csv), not to %s",
                       out);
  Text table = {0};
  text_add(&table, "%.*s.csv", (int)(strlen(out) - 4), out);
  meta->table_path = table.bytes;
  if (!path_ends_with(out, ".csv")) meta->picture_path = strdup(out);
  return (!meta->picture_path || (plot_possible(status) && file_can_write(meta->picture_path, status))) &&
         file_can_write(meta->table_path, status);
}

void meta_close_files(Meta *meta) {
  free(meta->save);
  free(meta->picture_path);
  free(meta->table_path);
  for (size_t c = 0; c < meta->checks; c++) free(meta->check[c].member);
  free(meta->check);
  free(meta->tested_score);
}

// ---- the genome

// The rule's settings that are no numbers of its genome are part of what the genome means.
static BlurSetting *settings_of(const BlurExperimentRule *rule, size_t *count) {
  BlurSetting *settings = calloc(rule->settings + 1, sizeof *settings);
  *count = 0;
  for (size_t i = 0; settings && i < rule->settings; i++)
    if (!rule->setting[i].is_genome)
      settings[(*count)++] = (BlurSetting){rule->setting[i].name, rule->setting[i].texts[0]};
  return settings;
}

static void add_notes(const Meta *meta, const BlurMetaBest *best, BlurGenome *genome) {
  Text note = {0};
  text_add(&note, "learned by blur meta %s, experiment %s, seed %" PRId64 "\n", meta->fields->path, meta->fields->name,
           meta->seed);
  text_add(&note, "of meta-step %" PRId64 " of %" PRId64 ", score %.6g after %" PRId64 " steps, on", best->step,
           meta->fields->meta.steps, best->score, best->unroll);
  for (size_t t = 0; t < meta->tasks.count; t++)
    text_add(&note, "%s %s (%s)", t ? "," : "", meta->tasks.name[t].data, meta->tasks.name[t].net);
  blur_genome_add_note(genome, text_get(&note));
  text_free(&note);
}

static BlurGenome *make_genome(const Meta *meta, BlurStatus *status) {
  BlurMetaBest best = blur_meta_best(meta->meta);
  const BlurProgram *program = meta->tasks.task[0].program;
  const BlurExperimentRule *rule = &meta->fields->rule[0];
  const BlurVariable *variables;
  size_t count = blur_program_variables(program, &variables), genomes = 0, settings;
  const double **values = calloc(count + 1, sizeof *values), *at = best.genome;
  for (size_t i = 0; values && i < count; i++) {
    if (variables[i].kind != BLUR_GENOME) continue;
    values[genomes++] = at;
    at += blur_variable_count(&variables[i]);
  }
  BlurSetting *setting = settings_of(rule, &settings);
  BlurGenome *genome =
      values && setting ? blur_genome_create(program, values, rule->name, setting, settings, status) : NULL;
  if (genome) add_notes(meta, &best, genome);
  free(setting);
  free(values);
  return genome;
}

bool meta_save_genome(Meta *meta, BlurStatus *status) {
  if (!meta->save) return true;
  BlurGenome *genome = make_genome(meta, status);
  bool right = genome && blur_genome_write(genome, meta->save, status);
  blur_genome_destroy(genome);
  return right;
}

char *meta_genome_text(Meta *meta) {
  BlurGenome *genome = make_genome(meta, NULL);
  char *text = genome ? blur_genome_text(genome) : NULL;
  blur_genome_destroy(genome);
  return text;
}

// ---- the log

bool meta_log(Meta *meta, const BlurMetaEvent *event, double best) {
  size_t population = (size_t)meta->fields->meta.population, bytes = population * sizeof *event->member;
  MetaCheck *grown = realloc(meta->check, (meta->checks + 1) * sizeof *grown);
  if (!grown) return false;
  meta->check = grown;
  grown[meta->checks] = (MetaCheck){event->step, event->unroll, best, malloc(bytes)};
  if (!grown[meta->checks].member) return false;
  memcpy(grown[meta->checks++].member, event->member, bytes);
  return true;
}

bool meta_log_test(Meta *meta, const MetaTested *tested) {
  MetaTested *grown = realloc(meta->tested_score, (meta->tested_scores + 1) * sizeof *grown);
  if (!grown) return false;
  meta->tested_score = grown;
  grown[meta->tested_scores++] = *tested;
  return true;
}

static bool write_table(const Meta *meta, BlurStatus *status) {
  Text text = {0};
  text_add(&text, "step,unroll,genome,loss,%s,score,skipped,lost\n", meta_norm_name(meta));
  for (size_t c = 0; c < meta->checks; c++)
    for (int64_t m = 0; m < meta->fields->meta.population; m++) {
      const BlurMetaMember *member = &meta->check[c].member[m];
      text_add(&text, "%" PRId64 ",%" PRId64 ",%" PRId64, meta->check[c].step, meta->check[c].unroll, m);
      text_add(&text, ",");
      table_add_number(&text, member->loss);
      text_add(&text, ",");
      table_add_number(&text, member->norm);
      text_add(&text, ",");
      table_add_number(&text, member->score);
      text_add(&text, ",%" PRId64 ",%d\n", member->skipped, member->lost);
    }
  bool right = file_write(meta->table_path, text_get(&text), text.length, status);
  text_free(&text);
  return right;
}

// A curve a genome, of its score or its loss.
static void add_curves(const Meta *meta, bool of_scores, PlotCurve *curves, PlotPoint *points) {
  double scale = of_scores && blur_data_classes(meta->tasks.task[0].data) ? 100 : 1;
  for (size_t m = 0; m < (size_t)meta->fields->meta.population; m++) {
    PlotPoint *point = points + m * meta->checks;
    curves[m] = (PlotCurve){.color = m, .point = point};
    for (size_t c = 0; c < meta->checks; c++) {
      const BlurMetaMember *member = &meta->check[c].member[m];
      double value = of_scores ? scale * member->score : member->loss;
      if (isfinite(value)) point[curves[m].points++] = (PlotPoint){(double)meta->check[c].step, value, NAN, NAN};
    }
  }
}

static bool write_picture(const Meta *meta, BlurStatus *status) {
  bool regression = blur_data_classes(meta->tasks.task[0].data) == 0;
  size_t population = (size_t)meta->fields->meta.population;
  PlotCurve *curves = calloc(2 * population, sizeof *curves);
  PlotPoint *points = calloc(2 * population * meta->checks + 1, sizeof *points);
  bool right = curves && points;
  if (right) add_curves(meta, true, curves, points);
  if (right) add_curves(meta, false, curves + population, points + population * meta->checks);
  PlotPanel panels[] = {{"meta-step", regression ? "R²" : "accuracy (%)", false, population, curves},
                        {"meta-step", "loss", true, population, curves + population}};
  char note[96];
  snprintf(note, sizeof note, "%zu genome%s, scored after the steps of an unroll on networks of their own", population,
           population == 1 ? "" : "s");
  Plot plot = {.panels = 2, .panel = panels, .note = note};
  right = right ? plot_write(&plot, meta->picture_path, status)
                : status_fail(status, BLUR_FAILED_ENVIRONMENT, "out of memory for the picture");
  free(curves);
  free(points);
  return right;
}

bool meta_write_log(Meta *meta, BlurStatus *status) {
  if (meta->table_path && !write_table(meta, status)) return false;
  if (meta->picture_path && !write_picture(meta, status)) return false;
  if (meta->json) return true;
  const char *paths[] = {meta->save, meta->picture_path, meta->table_path}, *separator = "written: ";
  for (size_t i = 0; i < 3; i++) {
    if (!paths[i]) continue;
    printf("%s%s", separator, paths[i]);
    separator = ", ";
  }
  if (*separator == ',') printf("\n");
  return true;
}
