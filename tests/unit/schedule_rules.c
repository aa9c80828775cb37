// Every rule of the library, scheduled for several networks, against the interpreter.
#include "compiler/driver.h"
#include "compiler/rule.h"
#include "tests/support/schedule_check.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void check_on_network(const char *name, const BlurOptions *network) {
  BlurReport *report = blur_report_create();
  BlurRule *rule = blur_rule_load(name, NULL, 0, BLUR_LOSS_CROSS_ENTROPY, report);
  cr_assert(rule, "%s", blur_report_text(report, false));
  Arena *arena = arena_create();
  DriverPrograms programs = {.arena = arena};
  report_keep(report, arena);
  bool lowered = driver_lower(&programs, rule->checked, network, &report->sink);
  cr_assert(lowered, "%s", blur_report_text(report, false));
  const IrProgram *both[] = {programs.lowered_step, programs.lowered_predict};
  for (int i = 0; i < 2; i++) {
    Text text = {0};
    ir_print(both[i], &text);
    schedule_check_text(text_get(&text), &schedule_wide_target, 4, false, 2);
    schedule_check_text(text_get(&text), &schedule_narrow_target, 8, i == 0, 2);
    text_free(&text);
  }
  arena_destroy(arena);
  blur_rule_destroy(rule);
  blur_report_destroy(report);
}

static void check_library(const BlurOptions *network) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  const char *const *names;
  size_t count = blur_library_rules(&names);
  cr_assert(count > 8);
  for (size_t i = 0; i < count; i++) check_on_network(names[i], network);
}

Test(schedule_rules, small) {
  check_library(&(BlurOptions){.layers = 3, .units = (int64_t[]){4, 6, 3}, .batch = 8, .all_live = true});
}
Test(schedule_rules, curve) { check_library(&(BlurOptions){.layers = 3, .units = (int64_t[]){2, 20, 1}, .batch = 40}); }
Test(schedule_rules, wide) {
  check_library(&(BlurOptions){.layers = 4, .units = (int64_t[]){60, 33, 50, 10}, .batch = 30});
}
