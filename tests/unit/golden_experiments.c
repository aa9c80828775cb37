// Every file of tests/golden/experiments says in its first lines what the check of experiments must report: the place,
// the code, and how it says to mend it; no more, no less. Every code of experiments is shown by one. And the table of
// fields in the documentation is that of experiment.def.
#include "blur/experiment.h"
#include "blur/runtime.h"
#include "compiler/semantics/experiment.h"
#include "tests/support/golden.h"

#include <stdio.h>

static bool check_all(Arena *arena, const AstFile *file, const ModuleLoader *loader, DiagnosticSink *sink) {
  cr_expect(check_file(arena, file, loader, sink), "errors outside of experiments");
  return check_experiments(arena, file, false, loader, sink);
}

static bool is_of_experiments(const char *code) { return !strncmp(code + 1, "05", 2); }

Test(golden_experiments, every_file_and_every_code) {
  golden_check(&(Golden){.folder = SOURCE_DIR "/tests/golden/experiments",
                         .files = 15,
                         .check = check_all,
                         .loader_reports = true,
                         .belongs = is_of_experiments,
                         .elsewhere = {DIAGNOSTIC_no_such_experiment}, // tests/cli/experiment.test
                         .elsewhere_count = 1});
}

Test(golden_experiments, the_documentation_has_the_table_of_fields) {
  FILE *file = fopen(SOURCE_DIR "/docs/language/experiments.md", "rb");
  cr_assert_not_null(file);
  static char text[1 << 16];
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  char *table = blur_experiment_help(true);
  cr_expect(strstr(text, table), "docs/language/experiments.md lacks this table:\n%s", table);
  free(table);
}

// ---- generated tasks: the checker knows their names, inputs and outputs as the runtime does

Test(golden_experiments, every_generated_task_is_known) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  cr_assert_gt(blur_generator_count(), 5);
  for (size_t g = 0; g < blur_generator_count(); g++) {
    const BlurGenerator *generator = blur_generator(g);
    for (int more = 0; more < 2; more++) { // tuned without a split; then with an input too many
      char text[400];
      snprintf(text, sizeof text,
               "experiment e {\n rule std.backprop { lr = tune(0.1 .. 1, 2) }\n net %d -> 8 -> %d\n data %s\n steps "
               "9\n}\n",
               generator->inputs + more, generator->outputs, generator->name);
      Arena *arena = arena_create();
      DiagnosticSink sink = {.arena = arena};
      Library library = {arena, &sink, true};
      ModuleLoader loader = {&library, library_load};
      SourceFile *source = source_from_bytes(arena, "task", text, strlen(text));
      const AstFile *file = parse_file(arena, source, &sink);
      bool fine = check_experiments(arena, file, sink.errors > 0, &loader, &sink);
      Text rendered = {0};
      diagnostics_render(&sink, &rendered, false);
      cr_expect_eq(fine, !more, "%s", text_get(&rendered));
      cr_expect(!more || strstr(text_get(&rendered), "E0509"), "%s", text);
      text_free(&rendered);
      arena_destroy(arena);
    }
  }
}

// ---- --set

static void expect_fields(const BlurSetting *settings, size_t count, const char *codes, int64_t steps, int64_t every,
                          int64_t batch, int64_t seeds, int64_t first_seed, double rate) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  BlurReport *report = blur_report_create();
  BlurExperiment *experiment =
      blur_experiment_load(SOURCE_DIR "/tests/golden/experiments/set/plain.blur", settings, count, report);
  if (codes) {
    cr_expect_null(experiment);
    cr_expect(strstr(blur_report_text(report, false), codes), "%s", blur_report_text(report, false));
  } else {
    cr_assert_not_null(experiment, "%s", blur_report_text(report, false));
    const BlurExperimentFields *fields = blur_experiment_fields(experiment);
    cr_expect_eq(fields->steps, steps);
    cr_expect_eq(fields->eval_every, every);
    cr_expect_eq(fields->batch, batch);
    cr_expect_eq(fields->seeds, seeds);
    cr_expect_eq(fields->first_seed, first_seed);
    cr_expect_eq(fields->rule[0].setting[fields->rule[0].settings - 1].numbers[0], rate);
  }
  blur_experiment_destroy(experiment);
  blur_report_destroy(report);
}

Test(golden_experiments, fields_set_from_outside) {
  expect_fields(NULL, 0, NULL, 100, 5, 64, 2, 0, 0.25);
  BlurSetting steps = {"steps", "200"};
  expect_fields(&steps, 1, NULL, 200, 5, 64, 2, 0, 0.25);
  BlurSetting many[] = {{"steps", "7, eval every 3"}, {"data.batch", "32"}, {"rule.lr", "0.5"}, {"seeds.from", "9"}};
  expect_fields(many, 4, NULL, 7, 3, 32, 2, 9, 0.5);
  BlurSetting eval = {"eval.every", "2*n"}, seeds = {"seeds", "4"}, by_name = {"std.backprop.lr", "0.125"};
  expect_fields(&eval, 1, NULL, 100, 20, 64, 2, 0, 0.25);
  expect_fields(&seeds, 1, NULL, 100, 5, 64, 4, 0, 0.25);
  expect_fields(&by_name, 1, NULL, 100, 5, 64, 2, 0, 0.125);
  BlurSetting wrong[] = {{"stesp", "3"}, {"steps", "no"}, {"data.bacth", "3"}, {"rule.rate", "3"}, {"steps", "3 3"}};
  static const char *const codes[] = {"did you mean `--set steps=3`", "E0504", "did you mean `--set data.batch=3`",
                                      "E0244", "E0162"};
  for (size_t i = 0; i < 5; i++) expect_fields(&wrong[i], 1, codes[i], 0, 0, 0, 0, 0, 0);
}
