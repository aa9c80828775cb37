// Texts that are no rules, or that would exhaust memory or the stack: each gives a clear error, within bounded memory,
// and never a crash.
#include "compiler/syntax/syntax.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  size_t errors, arena;
  char first_code[8];
  uint32_t line, column;
  size_t rules;
} Outcome;

static Outcome parse(const char *bytes, size_t length) {
  Arena *arena = arena_create();
  DiagnosticSink sink = {.arena = arena};
  SourceFile *source = source_from_bytes(arena, "hostile.blur", bytes, length);
  AstFile *file = parse_file(arena, source, &sink);
  Outcome outcome = {.errors = sink.errors};
  for (const AstRule *rule = file->rules; rule; rule = rule->next) outcome.rules++;
  if (sink.items.count > 0) {
    const Diagnostic *first = &sink.items.items[0];
    memcpy(outcome.first_code, diagnostic_code_name(first->code), 6);
    Position place = source_position(source, first->span.start);
    outcome.line = place.line;
    outcome.column = place.column;
  }
  // Both renderings hold whatever the bytes are.
  Text text = {0}, json = {0};
  diagnostics_render(&sink, &text, false);
  diagnostics_render_json(&sink, &json);
  json_t *value = json_loadb(text_get(&json), json.length, 0, NULL);
  cr_assert_not_null(value, "no JSON: %s", text_get(&json));
  cr_assert_eq(json_array_size(value), sink.items.count);
  for (const char *c = text_get(&text); *c; c++) cr_assert((unsigned char)*c >= 0x20 || *c == '\n');
  json_decref(value);
  text_free(&text);
  text_free(&json);
  outcome.arena = arena_bytes(arena);
  arena_destroy(arena);
  cr_assert_lt(outcome.arena, (size_t)200 << 20);
  return outcome;
}

static Outcome parse_text(const char *text) { return parse(text, strlen(text)); }

// `head`, then `unit` repeated, then `tail`.
static Outcome parse_repeated(const char *head, const char *unit, size_t count, const char *tail) {
  Text text = {0};
  text_add(&text, "%s", head);
  for (size_t i = 0; i < count; i++) text_add_bytes(&text, unit, strlen(unit));
  text_add(&text, "%s", tail);
  Outcome outcome = parse(text_get(&text), text.length);
  text_free(&text);
  return outcome;
}

static const char head[] = "rule r {\n  forward post.h <- ";
static const char tail[] = "\n}\n";

Test(hostile_text, nesting) {
  static const char *const openers[] = {"(", "[", "{ let a = ", "f(", "w[", "f(a: ", "if a then (", "[[", "-(", "[{("};
  for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) {
    Outcome outcome = parse_repeated(head, openers[i], 100000, tail);
    cr_expect_eq(outcome.errors, 1, "%s gives %zu", openers[i], outcome.errors);
    cr_expect_str_eq(outcome.first_code, "E0120", "%s", openers[i]);
  }
  // The limit itself: 198 parentheses in the rule's and the call's brackets are read, with one more level not.
  Text text = {0};
  for (int levels = 199; levels <= 200; levels++) {
    text.length = 0;
    text_add(&text, "%s", head);
    for (int i = 0; i < levels; i++) text_add(&text, "(");
    text_add(&text, "1");
    for (int i = 0; i < levels; i++) text_add(&text, ")");
    text_add(&text, "%s", tail);
    Outcome outcome = parse(text_get(&text), text.length);
    cr_expect_eq(outcome.errors, levels == 199 ? 0u : 1u);
  }
  text_free(&text);
}

Test(hostile_text, long_chains) {
  static const char *const units[] = {"1 + ", "1 * ", "-",    "not ", "a and ", "if a then b else ",
                                      "if ",  "2 ^ ", "a <- "};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    Outcome outcome = parse_repeated(head, units[i], 100000, "1\n}\n");
    cr_expect_geq(outcome.errors, 1, "%s", units[i]);
    cr_expect_leq(outcome.errors, 200000, "%s", units[i]);
  }
  cr_expect_str_eq(parse_repeated(head, "1 + ", 1001, "1\n}\n").first_code, "E0121");
  cr_expect_eq(parse_repeated(head, "1 + ", 990, "1\n}\n").errors, 0);
  Outcome words = parse_repeated("rule r {\n", "forward post.h <- 1\n", 200000, "}\n");
  cr_expect_str_eq(words.first_code, "E0008");
  cr_expect_eq(words.errors, 1);
}

Test(hostile_text, repeated_mistakes) {
  static const char *const units[] = {
      "}",  "{",     "(\n",    ")",       "rule ", ";",        ",",    "\n\n", "x <- (\n",
      "'",  "[\n=",  "if\n",   "\"",      "/*",    "0..",      "1.",   "f'",   "pass ",
      ": ", "step{", "a[1\n=", "rule a{", "at\n",  "predict{", "if{}", "#\n",  "1e999 "};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    parse_repeated("", units[i], 60000, "");
    parse_repeated("rule r {\n", units[i], 60000, "\n}\n");
    parse_repeated(head, units[i], 60000, tail);
  }
}

Test(hostile_text, not_blur_at_all) {
  static char noise[4000000];
  uint32_t state = 1;
  for (size_t i = 0; i < sizeof noise; i++) {
    state = state * 1664525u + 1013904223u;
    noise[i] = (char)(state >> 24);
  }
  Outcome outcome = parse(noise, sizeof noise);
  cr_expect_eq(outcome.errors, 1);
  cr_expect_str_eq(outcome.first_code, "E0005");
  memset(noise, 0, sizeof noise);
  outcome = parse(noise, sizeof noise);
  cr_expect_eq(outcome.errors, 1);
  cr_expect_str_eq(outcome.first_code, "E0005");
  // Signs without control characters; words of a letter to a friend.
  outcome = parse_repeated("", "@ $ ? \n", 1000, "");
  cr_expect_eq(outcome.errors, 1);
  cr_expect_str_eq(outcome.first_code, "E0005");
  outcome = parse_repeated("", "Dear friend how are you\n", 1000, "");
  cr_expect_eq(outcome.errors, 1);
  cr_expect_str_eq(outcome.first_code, "E0005");
}

Test(hostile_text, plain_matters) {
  cr_expect_str_eq(parse_text("").first_code, "E0009");
  cr_expect_str_eq(parse_text("\n \t\n# only this\n").first_code, "E0009");
  static const char good[] = "rule r {\n\tneuron h\n\tinput h <- x # \xCE\xB7\n\tpredict h\n}\n";
  cr_expect_eq(parse_text(good).errors, 0);
  Text text = {0};
  text_add(&text, "\xEF\xBB\xBF"); // byte order mark, CRLF
  for (const char *c = good; *c; c++) text_add_bytes(&text, *c == '\n' ? "\r\n" : c, *c == '\n' ? 2 : 1);
  cr_expect_eq(parse(text_get(&text), text.length).errors, 0);
  text_free(&text);
  Outcome outcome = parse("rule r {\r\n  neuron 7\r\n}\r\n", 24);
  cr_expect_eq(outcome.errors, 1);
  cr_expect_eq(outcome.line, 2);
  cr_expect_eq(outcome.column, 10);
  outcome = parse("\xEF\xBB\xBFrull r { }", 13);
  cr_expect_eq(outcome.column, 1); // the mark is no character
  outcome = parse("rule r {\n  input h <- x \0 + 1\n  predict h }", 43);
  cr_expect_str_eq(outcome.first_code, "E0006");
  cr_expect_eq(outcome.errors, 1);
}

static void expect_unreadable(const char *path, const char *code) {
  Arena *arena = arena_create();
  DiagnosticSink sink = {.arena = arena};
  cr_expect_null(source_read(arena, path, &sink));
  cr_assert_eq(sink.items.count, 1);
  cr_expect_str_eq(diagnostic_code_name(sink.items.items[0].code), code);
  cr_expect_not_null(strstr(sink.items.items[0].message, path));
  arena_destroy(arena);
}

Test(hostile_text, files) {
  expect_unreadable("/no/such/file.blur", "E0001");
  expect_unreadable("/tmp", "E0002");
  char path[] = "/tmp/blur_hostile_XXXXXX";
  int file = mkstemp(path);
  cr_assert_geq(file, 0);
  static char block[1 << 20];
  memset(block, 'x', sizeof block);
  for (int i = 0; i < 10; i++) cr_assert_eq(write(file, block, sizeof block), (ssize_t)sizeof block);
  expect_unreadable(path, "E0004");
  if (geteuid() != 0) { // root reads everything
    cr_assert_eq(fchmod(file, 0), 0);
    expect_unreadable(path, "E0003");
  }
  close(file);
  unlink(path);
}

// ---- damaged rules

static char rules[1 << 16];
static size_t read_rules(void) {
  FILE *file = fopen(SOURCE_DIR "/tests/golden/syntax/language_rules.blur", "rb");
  cr_assert_not_null(file);
  size_t length = fread(rules, 1, sizeof rules, file);
  fclose(file);
  return length;
}

Test(hostile_text, damaged_rules_never_crash) {
  size_t length = read_rules();
  static char damaged[1 << 17];
  static const char signs[] = "(){}[]<-=,;:\n'\".0#|&!~ \0\x80\xCE\xB7";
  uint32_t state = 7;
  for (int round = 0; round < 3000; round++) {
    memcpy(damaged, rules, length);
    size_t now = length;
    for (int cut = 0; cut < 1 + round % 4; cut++) {
      state = state * 1664525u + 1013904223u;
      size_t at = (state >> 8) % now;
      state = state * 1664525u + 1013904223u;
      switch ((state >> 28) % 4) {
      case 0: damaged[at] = signs[(state >> 8) % (sizeof signs - 1)]; break;
      case 1: memmove(damaged + at, damaged + at + 1, --now - at); break;
      case 2: now = at + 1; break; // cut off
      default:                     // a piece doubled
        memmove(damaged + at + 10, damaged + at, now - at);
        now += 10;
      }
    }
    Outcome outcome = parse(damaged, now);
    cr_assert_leq(outcome.errors, 102);
  }
}

Test(hostile_text, every_prefix_is_an_error_or_whole) {
  size_t length = read_rules();
  for (size_t cut = 0; cut < length; cut++) {
    Outcome outcome = parse(rules, cut);
    cr_assert(outcome.errors > 0 || outcome.rules > 0);
    cr_assert_leq(outcome.errors, 5, "%zu errors after %zu bytes", outcome.errors, cut);
  }
}
