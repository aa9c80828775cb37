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

// ---- meta-learning: what the fields become, by hand from tests/golden/experiments/set/learned.blur

#define LEARNED SOURCE_DIR "/tests/golden/experiments/set/learned.blur"

typedef void Look(const BlurExperimentFields *fields);

static void look_at(const char *name, const BlurSetting *settings, size_t count, Look *look) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  BlurReport *report = blur_report_create();
  BlurExperiment *experiment = blur_experiment_load(name, settings, count, report);
  cr_assert_not_null(experiment, "%s: %s", name, blur_report_text(report, false));
  look(blur_experiment_fields(experiment));
  blur_experiment_destroy(experiment);
  blur_report_destroy(report);
}

static void look_at_all(const BlurExperimentFields *fields) {
  const BlurMetaOptions *meta = &fields->meta;
  cr_expect(fields->has_meta && !fields->data && fields->steps == 0);
  cr_assert_eq(fields->tasks, 3);
  cr_expect_str_eq(fields->task[0], "and");
  cr_expect_str_eq(fields->task[1], "fashion_mnist:size=14,classes=0..4,split=50000/10000");
  cr_expect_str_eq(fields->task[2], "two_moons:noise=0.2");
  cr_expect_eq(meta->optimizer, BLUR_META_RMSPROP);
  cr_expect_eq(meta->rate, 5e-4);
  cr_expect_eq(meta->beta2, 0.9);
  cr_expect_eq(meta->epsilon, 1e-6);
  cr_expect_eq(meta->clip, 0);
  cr_expect_eq(meta->schedule, BLUR_META_COSINE);
  cr_expect_eq(meta->warmup, 100);
  cr_expect_eq(meta->last, 0.25);
  cr_expect_eq(meta->steps, 90000);
  cr_expect_eq(meta->population, 3);
  cr_expect_eq(meta->replicas, 2);
  cr_expect_eq(meta->batch, 32);
  cr_expect_eq(meta->every, 700);
  cr_expect_eq(meta->networks, 6);
  cr_expect_eq(meta->policy, BLUR_META_RESTART);
  cr_expect_eq(meta->patience, 9);
  cr_expect(meta->unroll_first == 10 && meta->unroll_last == 50 && meta->unroll_by == 5 && meta->unroll_every == 10000);
  cr_expect(meta->has_loss && meta->loss == BLUR_LOSS_CROSS_ENTROPY);
  cr_expect(meta->at_every == 2 && meta->at_from == 5 && meta->on_train);
  cr_assert_eq(fields->meta_tests, 2);
  const BlurExperimentMetaTest *first = &fields->meta_test[0], *second = &fields->meta_test[1];
  cr_expect_str_eq(first->name, "");
  cr_assert_eq(first->tasks, 1);
  cr_expect_str_eq(first->task[0], "fashion_mnist:size=28");
  cr_assert_eq(first->nets, 2);
  cr_expect(first->net[0].layers == 3 && first->net[0].units[1] == 512 && first->net[0].units[2] == 0);
  cr_expect(first->net[1].layers == 4 && first->net[1].units[1] == 20 && first->net[1].units[2] == 20);
  cr_expect(first->unroll == 100 && first->every == 1000 && first->networks == 100);
  cr_expect_str_eq(second->name, "held_out");
  cr_assert_eq(second->tasks, 2);
  cr_expect_str_eq(second->task[1], "or");
  cr_expect(second->nets == 0 && second->unroll == 30 && second->every == 0 && second->networks == 7);
}

static void look_at_defaults(const BlurExperimentFields *fields) {
  const BlurMetaOptions *meta = &fields->meta;
  cr_expect(fields->has_meta);
  cr_assert_eq(fields->tasks, 1);
  cr_expect_str_eq(fields->task[0], "xor:noise=0.1");
  cr_expect_eq(meta->optimizer, BLUR_META_ADAM);
  cr_expect(meta->rate == 1e-3 && meta->beta1 == 0.9 && meta->beta2 == 0.999 && meta->epsilon == 1e-8);
  cr_expect_eq(meta->clip, 10);
  cr_expect(meta->schedule == BLUR_META_CONSTANT && meta->warmup == 0 && meta->last == 0);
  cr_expect(meta->steps == 10000 && meta->every == 500);
  cr_expect(meta->population == 8 && meta->replicas == 1 && meta->networks == 10);
  cr_expect_eq(meta->batch, 64, "that of the data");
  cr_expect(meta->policy == BLUR_META_SKIP && meta->patience == 50);
  cr_expect(meta->unroll_first == 10 && meta->unroll_last == 10);
  cr_expect(meta->has_loss && meta->loss == BLUR_LOSS_HINGE, "the loss of the field `loss`");
  cr_expect(meta->at_every == 0 && !meta->on_train);
  cr_assert_eq(fields->meta_tests, 1);
  const BlurExperimentMetaTest *test = &fields->meta_test[0];
  cr_expect_str_eq(test->name, "flipped");
  cr_expect(!test->tasks && !test->nets && test->unroll == 10 && test->every == 0 && test->networks == 100);
}

static void look_at_gradient(const BlurExperimentFields *fields) {
  const BlurMetaOptions *meta = &fields->meta;
  cr_expect(!fields->has_meta && fields->steps == 0 && fields->tasks == 0);
  cr_expect_str_eq(fields->data, "xor");
  cr_expect(meta->unroll_first == 12 && meta->unroll_last == 12);
  cr_expect(meta->has_loss && meta->loss == BLUR_LOSS_SQUARED_ERROR);
  cr_expect(meta->at_every == 3 && meta->at_from == 3);
}

Test(golden_experiments, fields_of_meta_learning) {
  look_at(LEARNED, NULL, 0, look_at_all);
  look_at(LEARNED ":by_default", NULL, 0, look_at_defaults);
  look_at(LEARNED ":gradient", NULL, 0, look_at_gradient);
}

static void look_at_set(const BlurExperimentFields *fields) {
  const BlurMetaOptions *meta = &fields->meta;
  cr_expect(meta->steps == 200 && meta->every == 700 && meta->population == 3, "what is not set stays");
  cr_expect_eq(meta->optimizer, BLUR_META_RMSPROP);
  cr_expect(meta->unroll_first == 20 && meta->unroll_last == 40 && meta->unroll_by == 10 &&
            meta->unroll_every == 10000);
  cr_expect(meta->at_every == 0 && meta->on_train && meta->loss == BLUR_LOSS_HINGE);
  cr_assert_eq(fields->tasks, 2);
  cr_expect_str_eq(fields->task[1], "or");
  cr_assert_eq(fields->meta_tests, 3);
  const BlurExperimentMetaTest *tests = fields->meta_test;
  cr_expect(tests[0].every == 5 && tests[1].every == 5 && tests[2].every == 5, "of all tests");
  cr_expect(tests[0].unroll == 100 && tests[0].nets == 1 && tests[0].net[0].layers == 2);
  cr_assert_eq(tests[1].tasks, 1);
  cr_expect_str_eq(tests[1].task[0], "cross");
  cr_expect_eq(tests[1].networks, 100, "the whole test is replaced");
  cr_expect_str_eq(tests[2].name, "more");
}

static void look_at_data(const BlurExperimentFields *fields) {
  cr_assert_eq(fields->tasks, 1);
  cr_expect_str_eq(fields->task[0], "circle");
  cr_expect_eq(fields->meta.at_from, 8);
  cr_expect_eq(fields->meta.unroll_last, 8);
  cr_expect(fields->meta_test[0].unroll == 3 && fields->meta_test[1].unroll == 3);
}

static void look_at_one(const BlurExperimentFields *fields) {
  const BlurExperimentMetaTest *tests = fields->meta_test;
  cr_assert_eq(fields->meta_tests, 2);
  cr_expect(tests[0].networks == 100 && tests[1].networks == 3, "of the named one");
  cr_expect(tests[0].unroll == 100 && tests[1].unroll == 30, "what is not set stays");
  cr_assert(tests[0].tasks == 1 && tests[1].tasks == 1);
  cr_expect_str_eq(tests[1].task[0], "cross");
}

static void look_at_objective(const BlurExperimentFields *fields) {
  cr_expect(fields->meta.at_every == 2 && fields->meta.at_from == 4 && fields->meta.on_train);
  cr_assert_eq(fields->tasks, 2);
  cr_expect_null(fields->data);
}

Test(golden_experiments, fields_of_meta_learning_set_from_outside) {
  const BlurSetting many[] = {{"meta.steps", "200"},
                              {"unroll", "20 .. 40"},
                              {"unroll.by", "10"},
                              {"objective.at", "last"},
                              {"objective", "hinge"},
                              {"tasks", "{ xor; or }"},
                              {"meta_test", "held_out { tasks { cross } }"},
                              {"meta_test", "more { unroll 7 }"},
                              {"meta_test.every", "5"},
                              {"meta_test.nets", "{ in -> out }"}};
  look_at(LEARNED, many, sizeof many / sizeof *many, look_at_set);
  const BlurSetting data[] = {
      {"data", "circle"}, {"unroll", "8"}, {"objective.at", "every 1, mean from 8"}, {"meta_test.unroll", "3"}};
  look_at(LEARNED, data, 4, look_at_data);
  const BlurSetting one[] = {{"meta_test.held_out.networks", "3"}, {"meta_test.held_out.tasks", "{ cross }"}};
  look_at(LEARNED, one, 2, look_at_one);
  const BlurSetting objective[] = {
      {"objective.at", "every 2, mean from 4"}, {"objective.on", "train"}, {"tasks", "{ xor; and }"}};
  look_at(LEARNED ":by_default", objective, 3, look_at_objective);
}

Test(golden_experiments, fields_of_meta_learning_set_wrongly) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  static const struct {
    const char *experiment;
    BlurSetting setting;
    const char *told;
  } cases[] = {
      {":learned", {"meta.stesp", "3"}, "did you mean `--set meta.steps=3`?"},
      {":learned", {"objective.weight", "3"}, "what `objective` has is `at`, `on`, `batches`"},
      {":learned", {"meta", "sgd"}, "`b2` means nothing here: it is a setting of `adam` and `rmsprop`"},
      {":learned", {"meta.population", "5000"}, "`population` takes a whole number from 1 to 4096"},
      {":learned", {"steps", "5"}, "`steps` belongs to training, and here the genome is learned"},
      {":learned", {"data.batch", "5"}, "the experiment has no `data` that this is a part of"},
      {":gradient", {"meta.steps", "5"}, "the experiment has no `meta` that this is a part of"},
      {":gradient", {"tasks", "{ xor }"}, "`tasks` belongs to meta-learning, and the experiment has no `meta`"},
      {":gradient", {"unroll", "2"}, "step 3 lies beyond the last step, 2"},
      {":learned", {"meta_test.heldout.networks", "3"}, "no `meta_test` is called `heldout`; there are `held_out`"},
      {":learned", {"meta_test.held_out.netwroks", "3"}, "netwroks"},
      {":learned", {"measure.norm.every", "3"}, "no `measure` is called `norm`"},
      {":learned", {"objective.at", "first"}, "`at` takes `last`, or `every N, mean from M`"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    BlurReport *report = blur_report_create();
    char name[400];
    snprintf(name, sizeof name, LEARNED "%s", cases[i].experiment);
    cr_expect_null(blur_experiment_load(name, &cases[i].setting, 1, report), "%s", cases[i].setting.name);
    cr_expect(strstr(blur_report_text(report, false), cases[i].told), "%s: %s", cases[i].setting.name,
              blur_report_text(report, false));
    blur_report_destroy(report);
  }
}
