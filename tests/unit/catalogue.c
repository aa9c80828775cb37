// The catalogue of diagnostics: every code is explained, with an example that is right, and shown by a golden test, or
// by a test that is named here. The page of all of them is up to date.
#include "blur/compiler.h"
#include "compiler/source/diagnostics.h"
#include "compiler/syntax/syntax.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Codes that no file of rules can cause by itself: the test that does, and what it says there.
static const struct {
  const char *code, *file, *text;
} elsewhere[] = {
    {"E0001", "tests/cli/check.test", "missing.blur"},   {"E0002", "tests/cli/check.test", "folder.blur"},
    {"E0003", "tests/cli/check.test", "closed.blur"},    {"E0004", "tests/cli/check.test", "head -c 10000000"},
    {"E0005", "tests/unit/hostile_text.c", "E0005"},     {"E0008", "tests/unit/hostile_text.c", "E0008"},
    {"E0120", "tests/unit/hostile_text.c", "E0120"},     {"E0121", "tests/unit/hostile_text.c", "E0121"},
    {"E0163", "tests/golden/syntax/many.blur", "E0163"}, {"E0244", "tests/cli/codes.test", "E0244"},
    {"E0245", "tests/cli/codes.test", "E0245"},          {"E0301", "tests/cli/codes.test", "E0301"},
    {"E0302", "tests/cli/codes.test", "E0302"},          {"E0303", "tests/cli/codes.test", "E0303"},
    {"E0304", "tests/cli/codes.test", "E0304"},          {"E0305", "tests/cli/codes.test", "E0305"},
    {"E0306", "tests/cli/codes.test", "E0306"},          {"E0307", "tests/cli/codes.test", "E0307"},
    {"E0308", "tests/cli/codes.test", "E0308"},          {"E0320", "tests/cli/codes.test", "E0320"},
    {"E0321", "tests/cli/codes.test", "E0321"},          {"E0322", "tests/cli/codes.test", "E0322"},
    {"E0323", "tests/cli/codes.test", "E0323"},          {"E0324", "tests/cli/codes.test", "E0324"},
    {"E0309", "tests/cli/language.test", "E0309"},       {"E0325", "tests/cli/codes.test", "E0325"},
    {"E0516", "tests/cli/codes.test", "E0516"},
};

static char *read_file(const char *path) {
  char full[4096];
  snprintf(full, sizeof full, "%s/%s", SOURCE_DIR, path);
  FILE *file = fopen(full, "rb");
  if (!file) return NULL;
  enum { MOST = 1 << 20 };
  char *bytes = malloc(MOST);
  bytes[fread(bytes, 1, MOST - 1, file)] = 0;
  fclose(file);
  return bytes;
}

static bool has_golden_file(const char *code) {
  static const char *const folders[] = {"/tests/golden/syntax", "/tests/golden/semantics", "/tests/golden/experiments"};
  for (int i = 0; i < 3; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s%s", SOURCE_DIR, folders[i]);
    DIR *folder = opendir(path);
    cr_assert_not_null(folder);
    bool found = false;
    for (struct dirent *entry; (entry = readdir(folder));) found = found || strncmp(entry->d_name, code, 5) == 0;
    closedir(folder);
    if (found) return true;
  }
  return false;
}

static bool is_tested_elsewhere(const char *code) {
  for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
    if (strcmp(elsewhere[i].code, code) != 0) continue;
    char *text = read_file(elsewhere[i].file);
    bool found = text && strstr(text, elsewhere[i].text);
    free(text);
    return found;
  }
  return false;
}

// ---- examples: the indented lines of an explanation

static bool parses(const char *before, const char *text, const char *after) {
  Arena *arena = arena_create();
  DiagnosticSink sink = {.arena = arena};
  Text all = {0};
  text_add(&all, "%s%s%s", before, text, after);
  parse_file(arena, source_from_bytes(arena, "example", text_get(&all), all.length), &sink);
  text_free(&all);
  arena_destroy(arena);
  return sink.errors == 0;
}

// A file, declarations, statements, variables, a step, or a value; or a command.
static bool one_is_right(const char *example) {
  static const char *const around[][2] = {{"", "\n"},
                                          {"rule r {\n", "\n}\n"},
                                          {"rule r {\nforward {\n", "\n}\n}\n"},
                                          {"rule r {\ngenome {\n", "\n}\n}\n"},
                                          {"rule r {\nstep {\n", "\n}\n}\n"},
                                          {"experiment e {\n", "\n}\n"},
                                          {"const c = ", "\n"}};
  for (size_t i = 0; i < sizeof around / sizeof *around; i++)
    if (parses(around[i][0], example, around[i][1])) return true;
  static const char *const commands[] = {"blur ", "chmod ", "iconv ", "experiment "};
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strncmp(example, commands[i], strlen(commands[i])) == 0) return true;
  return false;
}

// Several of them may stand beside each other, with four blanks between.
static bool is_right(const char *example) {
  if (one_is_right(example)) return true;
  const char *gap = strstr(example, "    ");
  if (!gap || gap == example) return false;
  Text first = {0};
  text_add(&first, "%.*s", (int)(gap - example), example);
  bool right = one_is_right(text_get(&first)) && is_right(gap + strspn(gap, " "));
  text_free(&first);
  return right;
}

// Each example line by itself, or all together.
static bool example_is_right(const char *explanation, bool *found) {
  Text all = {0};
  bool each = true;
  for (const char *line = explanation; *line;) {
    size_t length = strcspn(line, "\n");
    if (strncmp(line, "    ", 4) == 0) {
      Text one = {0};
      text_add(&one, "%.*s", (int)length - 4, line + 4);
      each = each && is_right(text_get(&one));
      text_add(&all, "%s\n", text_get(&one));
      text_free(&one);
    }
    line += length + (line[length] == '\n');
  }
  *found = all.length > 0;
  bool right = *found && (each || is_right(text_get(&all)));
  text_free(&all);
  return right;
}

Test(catalogue, every_code_is_explained_and_tested) {
  cr_expect_geq(DIAGNOSTIC_COUNT, 80);
  for (int i = 0; i < DIAGNOSTIC_COUNT; i++) {
    const char *code = diagnostic_code_name((DiagnosticCode)i), *title;
    const char *explanation = diagnostic_explanation(code, &title);
    cr_expect(explanation && strlen(explanation) > 80, "%s is not explained", code);
    bool found = false;
    bool right = example_is_right(explanation, &found);
    cr_expect(found, "%s has no example", code);
    cr_expect(right || !found, "the example of %s does not parse:\n%s", code, explanation);
    cr_expect(has_golden_file(code) || is_tested_elsewhere(code), "no test shows %s", code);
  }
}

// What the command refuses before the compiler sees it.
Test(catalogue, networks) {
  static const int64_t units[] = {3, 0, 2}, right[] = {3, 4, 2};
  static const struct {
    BlurOptions options;
    DiagnosticCode code;
  } cases[] = {
      {{.layers = 1, .units = units, .batch = 4}, DIAGNOSTIC_network_layers},
      {{.layers = 2, .units = units, .batch = 4}, DIAGNOSTIC_network_units},
      {{.layers = 3, .units = right, .batch = 0}, DIAGNOSTIC_network_batch},
  };
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    BlurReport *report = blur_report_create();
    BlurRule *rule = blur_rule_load("std.backprop", NULL, 0, BLUR_LOSS_CROSS_ENTROPY, report);
    cr_assert_not_null(rule);
    cr_expect_null(blur_compile(rule, &cases[i].options, report));
    cr_expect_eq(blur_report_errors(report), 1);
    const char *code = diagnostic_code_name(cases[i].code);
    cr_expect(strstr(blur_report_text(report, false), code), "%s: %s", code, blur_report_text(report, false));
    blur_rule_destroy(rule);
    blur_report_destroy(report);
  }
}

Test(catalogue, passes) {
  BlurReport *report = blur_report_create();
  cr_expect_null(blur_run_pass("contarct", "", 0, report));
  cr_expect(strstr(blur_report_text(report, false), "E0307"));
  cr_expect(strstr(blur_report_text(report, false), "did you mean `contract`?"));
  blur_report_destroy(report);
}

Test(catalogue, the_page_is_up_to_date) {
  Text page = {0};
  diagnostics_print_index(&page);
  char *written = read_file("docs/language/diagnostics.md");
  cr_expect(written && strcmp(written, text_get(&page)) == 0,
            "run: build/release/bin/blur explain --index > docs/language/diagnostics.md");
  free(written);
  text_free(&page);
}
