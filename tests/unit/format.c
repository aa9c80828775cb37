// The formatter: golden files; on all rules at hand, on generated ones and on texts with random layout, formatting
// twice is formatting once, and neither the syntax tree nor a comment changes.
#include "compiler/syntax/syntax.h"
#include "tests/differential/generate.h"
#include "tests/support/expectation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  Text tree, comments;
  size_t errors;
} Meaning;

// What formatting must keep, by other means than the formatter's: the printed tree, and the text behind every `#`.
static Meaning meaning_of(const SourceFile *source) {
  Meaning meaning = {0};
  Arena *arena = arena_create();
  DiagnosticSink sink = {.arena = arena};
  ast_print(parse_file(arena, source, &sink), &meaning.tree);
  meaning.errors = sink.errors;
  arena_destroy(arena);
  for (const char *c = source->text; *c; c++) {
    if (*c != '#') continue;
    size_t length = strcspn(c, "\n");
    size_t kept = length;
    while (kept > 0 && strchr(" \t\r", c[kept - 1])) kept--;
    text_add(&meaning.comments, "%.*s\n", (int)kept, c);
    c += length - 1;
  }
  return meaning;
}

static void free_meaning(Meaning *meaning) {
  text_free(&meaning->tree);
  text_free(&meaning->comments);
}

// Formats a text twice, and compares; the caller frees the result, which is NULL if the text has errors.
static char *format_and_check(const char *name, const char *text, size_t length) {
  Arena *arena = arena_create();
  SourceFile *source = source_from_bytes(arena, name, text, length);
  Meaning before = meaning_of(source);
  Text once = {0}, twice = {0};
  char *result = NULL;
  if (before.errors == 0) {
    const char *problem = format_source(source, &once);
    cr_assert_null(problem, "%s: %s\n%s", name, problem, text);
    SourceFile *formatted = source_from_bytes(arena, name, text_get(&once), once.length);
    Meaning after = meaning_of(formatted);
    cr_assert_eq(after.errors, 0, "%s:\n%s", name, text_get(&once));
    cr_assert_str_eq(text_get(&after.tree), text_get(&before.tree), "%s:\n%s", name, text_get(&once));
    cr_assert_str_eq(text_get(&after.comments), text_get(&before.comments), "%s:\n%s", name, text_get(&once));
    cr_assert_null(format_source(formatted, &twice));
    cr_assert_str_eq(text_get(&twice), text_get(&once), "%s", name);
    bool in_comment = false; // whose text is the writer's, tabs and all
    for (const char *c = text_get(&once); *c; c++) {
      in_comment = *c != '\n' && (in_comment || *c == '#');
      cr_assert(*c != ' ' || c[1] != '\n', "%s: space before a line's end", name);
      cr_assert(*c != '\t' || in_comment, "%s: a tab", name);
    }
    cr_assert_null(strstr(text_get(&once), "\n\n\n"), "%s", name);
    result = strdup(text_get(&once));
    free_meaning(&after);
  }
  free_meaning(&before);
  text_free(&once);
  text_free(&twice);
  arena_destroy(arena);
  return result;
}

static char *read_file(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  enum { MOST = 1 << 17 };
  char *bytes = malloc(MOST);
  *length = fread(bytes, 1, MOST - 1, file);
  bytes[*length] = 0;
  fclose(file);
  return bytes;
}

// ---- files

static void check_golden(const char *path, void *context) {
  (void)context;
  size_t length = 0, expected_length = 0;
  char expected_path[4096];
  snprintf(expected_path, sizeof expected_path, "%.*sformatted", (int)strlen(path) - 4, path);
  char *text = read_file(path, &length), *expected = read_file(expected_path, &expected_length);
  cr_assert_not_null(expected, "%s", expected_path);
  char *formatted = format_and_check(path, text, length);
  cr_assert_not_null(formatted, "%s has errors", path);
  cr_expect_str_eq(formatted, expected, "%s becomes\n%s", path, formatted);
  free(text);
  free(expected);
  free(formatted);
}

Test(format, golden_files) {
  cr_expect_gt(expectation_files(SOURCE_DIR "/tests/golden/format", ".blur", check_golden, NULL), 2);
}

static void check_any(const char *path, void *formatted_count) {
  size_t length = 0;
  char *text = read_file(path, &length);
  char *formatted = format_and_check(path, text, length);
  if (formatted) ++*(int *)formatted_count;
  free(text);
  free(formatted);
}

Test(format, every_rule_at_hand) {
  static const char *const folders[] = {"stdlib", "examples", "tests/golden/syntax", "tests/golden/semantics"};
  int formatted = 0;
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", SOURCE_DIR, folders[i]);
    cr_expect_gt(expectation_files(path, ".blur", check_any, &formatted), 0, "%s", path);
  }
  cr_expect_gt(formatted, 90);
}

Test(format, generated_rules) {
  for (uint64_t seed = 0; seed < 300; seed++) {
    GeneratedCase generated;
    generate_case(seed, &generated);
    char *formatted = format_and_check("generated", text_get(&generated.script), generated.script.length);
    cr_assert_not_null(formatted, "seed %llu", (unsigned long long)seed);
    free(formatted);
    generated_free(&generated);
  }
}

// ---- random layout: spaces, line breaks, `;` and comments where they change nothing, and where they do

static uint32_t state;
static uint32_t draw(uint32_t below) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % below;
}

static void add_random_gap(Text *out, char original, uint32_t rarity) {
  static const char *const gaps[] = {
      "\n", "\n\n\n", "  # n\xC3\xB6te\n", "\n      # line\n  # line\n", ";", " ;\n", "\t", "      ", ""};
  uint32_t choice = draw(rarity);
  if (choice < 9 && (choice != 8 || original != '\n')) text_add(out, "%s", gaps[choice]);
  else text_add(out, "%c", original);
}

// One gap of `rarity` / 9 is another one afterwards.
static void shuffle_layout(const char *text, uint32_t rarity, Text *out) {
  for (const char *c = text; *c; c++) {
    if (*c == '#') { // comments stay whole
      size_t length = strcspn(c, "\n");
      text_add(out, "%.*s", (int)length, c);
      c += length - 1;
    } else if (*c == ' ' || *c == '\n') {
      add_random_gap(out, *c, rarity);
    } else {
      if (strchr("{}()[],;+-*/=", *c) && draw(rarity) == 0) text_add(out, draw(3) ? " " : "\n");
      text_add_bytes(out, c, 1);
    }
  }
}

static void check_shuffled(const char *path, void *formatted_count) {
  size_t length = 0;
  char *text = read_file(path, &length);
  for (int variant = 0; variant < 40; variant++) {
    Text shuffled = {0};
    shuffle_layout(text, 100 + 100 * (uint32_t)variant, &shuffled);
    char *formatted = format_and_check(path, text_get(&shuffled), shuffled.length);
    if (formatted) ++*(int *)formatted_count;
    free(formatted);
    text_free(&shuffled);
  }
  free(text);
}

Test(format, random_layout) {
  int formatted = 0;
  state = 1;
  expectation_files(SOURCE_DIR "/stdlib", ".blur", check_shuffled, &formatted);
  expectation_files(SOURCE_DIR "/tests/golden/format", ".blur", check_shuffled, &formatted);
  cr_expect_gt(formatted, 200, "%d", formatted); // many do not parse any more
}

Test(format, texts_with_errors_are_refused) {
  Arena *arena = arena_create();
  Text out = {0};
  cr_expect_not_null(format_source(source_from_bytes(arena, "t", "rule r {", 8), &out));
  cr_expect_eq(out.length, 0);
  arena_destroy(arena);
}
