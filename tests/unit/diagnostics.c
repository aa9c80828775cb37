// How diagnostics look, as text and as JSON, and what the sink keeps of them.
#include "compiler/source/diagnostics.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

typedef struct {
  Arena *arena;
  DiagnosticSink sink;
  SourceFile *source;
} Fixture;

static Fixture fixture(const char *path, const char *text) {
  Fixture made = {.arena = arena_create()};
  made.sink.arena = made.arena;
  made.source = source_from_bytes(made.arena, path, text, strlen(text));
  return made;
}

// The place of the first `word` in the text.
static Span at(const Fixture *made, const char *word) {
  const char *found = strstr(made->source->text, word);
  cr_assert_not_null(found, "%s", word);
  uint32_t start = (uint32_t)(found - made->source->text);
  return (Span){made->source, start, start + (uint32_t)strlen(word)};
}

static void expect_rendered(Fixture *made, const char *expected) {
  Text text = {0};
  diagnostics_render(&made->sink, &text, false);
  cr_expect_str_eq(text_get(&text), expected);
  text_free(&text);
  arena_destroy(made->arena);
}

Test(diagnostics, label_notes_and_help) {
  Fixture made = fixture("rule.blur", "\n\n\n\n\n\n\n\n\n\n\n\n\n  update   w <- w - lr * pre.h * post.g\n");
  Diagnostic *diagnostic =
      diagnostic_report(&made.sink, DIAGNOSTIC_syntax_unexpected, at(&made, "pre.h * post.g"), "axis");
  diagnostic_label(&made.sink, diagnostic, "{batch, %s, post}", "pre");
  diagnostic_note(&made.sink, diagnostic, (Span){0}, "`w` is {pre, post}");
  diagnostic_help(&made.sink, diagnostic, "sum over the batch: `sum(batch: pre.h * post.g)`");
  expect_rendered(&made, "error[E0101]: unexpected axis\n"
                         "  --> rule.blur:14:26\n"
                         "   |\n"
                         "14 |   update   w <- w - lr * pre.h * post.g\n"
                         "   |                          ^^^^^^^^^^^^^^ {batch, pre, post}\n"
                         "   = `w` is {pre, post}\n"
                         "   = sum over the batch: `sum(batch: pre.h * post.g)`\n");
}

Test(diagnostics, notes_with_places_and_fixes) {
  Fixture made = fixture("a.blur", "first line\nsecond line");
  Diagnostic *diagnostic =
      diagnostic_report(&made.sink, DIAGNOSTIC_syntax_unexpected, at(&made, "line\nsecond"), "end");
  diagnostic_note(&made.sink, diagnostic, at(&made, "second"), "opened here");
  diagnostic_fix(&made.sink, diagnostic, (Span){made.source, 5, 5}, ";");
  expect_rendered(&made, "error[E0101]: unexpected end\n"
                         " --> a.blur:1:7\n"
                         "  |\n"
                         "1 | first line\n"
                         "  |       ^^^^\n"
                         "  = insert `;`\n"
                         "note: opened here\n"
                         " --> a.blur:2:1\n"
                         "  |\n"
                         "2 | second line\n"
                         "  | ^^^^^^\n");
}

Test(diagnostics, tabs_wide_letters_and_control_characters) {
  Fixture made = fixture("a.blur", "a\tb\xCE\xB7\xE6\xBC\xA2\x1B[31m wrong\r\n");
  diagnostic_report(&made.sink, DIAGNOSTIC_syntax_unexpected, at(&made, "wrong"), "\x1B[31m`x`\n");
  expect_rendered(&made, "error[E0101]: unexpected \xEF\xBF\xBD[31m`x` \n"
                         " --> a.blur:1:12\n"
                         "  |\n"
                         "1 | a   b\xCE\xB7\xE6\xBC\xA2\xEF\xBF\xBD[31m wrong\n"
                         "  |               ^^^^^\n");
}

Test(diagnostics, long_lines_are_windowed) {
  char text[1001];
  memset(text, 'x', 1000);
  text[1000] = 0;
  memcpy(text + 500, "wrong", 5);
  Fixture made = fixture("a.blur", text);
  diagnostic_report(&made.sink, DIAGNOSTIC_syntax_unexpected, at(&made, "wrong"), "x");
  Text out = {0};
  diagnostics_render(&made.sink, &out, false);
  const char *line = strstr(text_get(&out), "1 | ");
  cr_assert_not_null(line);
  size_t length = strcspn(line, "\n");
  cr_expect_lt(length, 200);
  cr_expect_eq(strncmp(line + 4, "...", 3), 0);
  cr_expect_eq(strncmp(line + length - 3, "...", 3), 0);
  const char *carets = line + length + 1;
  cr_expect_eq(strstr(line, "wrong") - line, strchr(carets, '^') - carets);
  cr_expect_eq(strspn(strchr(carets, '^'), "^"), 5);
  text_free(&out);
  arena_destroy(made.arena);
}

Test(diagnostics, order_and_end_of_file) {
  Fixture made = fixture("a.blur", "one\ntwo");
  diagnostic_report(&made.sink, DIAGNOSTIC_syntax_unexpected, (Span){made.source, 7, 7}, "end");
  diagnostic_report(&made.sink, DIAGNOSTIC_syntax_unexpected, at(&made, "one"), "one");
  diagnostic_report(&made.sink, DIAGNOSTIC_file_missing, (Span){0}, "b.blur");
  Text out = {0};
  diagnostics_render(&made.sink, &out, false);
  const char *end = strstr(text_get(&out), "a.blur:2:4"), *one = strstr(text_get(&out), "a.blur:1:1");
  cr_expect(one && end && one < end);
  cr_expect_not_null(strstr(text_get(&out), "error[E0001]: there is no file `b.blur`\n"));
  text_free(&out);
  out = (Text){0};
  diagnostics_render(&made.sink, &out, true);
  cr_expect_not_null(strstr(text_get(&out), "\x1b["));
  text_free(&out);
  arena_destroy(made.arena);
}

Test(diagnostics, json) {
  Fixture made = fixture("a\"\x01\xFF.blur", "one\ntw\xC3\xB6 x");
  Diagnostic *diagnostic =
      diagnostic_report(&made.sink, DIAGNOSTIC_syntax_unexpected, at(&made, "x"), "\"\\\x02\xFE\t");
  diagnostic_note(&made.sink, diagnostic, at(&made, "one"), "a note");
  diagnostic_fix(&made.sink, diagnostic, at(&made, "x"), "%s", "y");
  diagnostic_report(&made.sink, DIAGNOSTIC_file_missing, (Span){0}, "b");
  Text out = {0};
  diagnostics_render_json(&made.sink, &out);
  json_t *all = json_loadb(text_get(&out), out.length, 0, NULL);
  cr_assert_not_null(all, "%s", text_get(&out));
  cr_assert_eq(json_array_size(all), 2);
  json_t *first = json_array_get(all, 0);
  cr_expect_str_eq(json_string_value(json_object_get(first, "code")), "E0101");
  cr_expect_str_eq(json_string_value(json_object_get(first, "severity")), "error");
  cr_expect_str_eq(json_string_value(json_object_get(first, "file")), "a\"\x01\xEF\xBF\xBD.blur");
  cr_expect_str_eq(json_string_value(json_object_get(first, "message")), "unexpected \"\\\x02\xEF\xBF\xBD\t");
  cr_expect_eq(json_integer_value(json_object_get(first, "line")), 2);
  cr_expect_eq(json_integer_value(json_object_get(first, "column")), 5);
  cr_expect_eq(json_integer_value(json_object_get(first, "end_column")), 6);
  json_t *note = json_array_get(json_object_get(first, "notes"), 0);
  cr_expect_eq(json_integer_value(json_object_get(note, "line")), 1);
  cr_expect_str_eq(json_string_value(json_object_get(json_object_get(first, "fix"), "text")), "y");
  json_t *second = json_array_get(all, 1);
  cr_expect(json_is_null(json_object_get(second, "file")) && json_is_null(json_object_get(second, "line")));
  cr_expect(json_is_null(json_object_get(second, "fix")) && json_is_null(json_object_get(second, "help")));
  json_decref(all);
  text_free(&out);
  arena_destroy(made.arena);
}

Test(diagnostics, the_sink_keeps_one_of_a_kind_and_a_hundred_in_all) {
  Fixture made = fixture("a.blur", "0123456789012345678901234567890123456789012345678901234567890123456789"
                                   "0123456789012345678901234567890123456789012345678901234567890123456789");
  for (uint32_t i = 0; i < 120; i++)
    for (int twice = 0; twice < 2; twice++) {
      Diagnostic *diagnostic =
          diagnostic_report(&made.sink, DIAGNOSTIC_syntax_unexpected, (Span){made.source, i, i + 1}, "digit");
      diagnostic_note(&made.sink, diagnostic, (Span){0}, "note %u", i);
    }
  cr_expect_eq(made.sink.items.count, 100);
  cr_expect_eq(made.sink.items.items[99].notes.count, 1);
  cr_expect_geq(made.sink.errors, 120);
  arena_destroy(made.arena);
}

Test(diagnostics, every_code_is_explained) {
  for (int i = 0; i < DIAGNOSTIC_COUNT; i++) {
    const char *name = diagnostic_code_name((DiagnosticCode)i), *title = NULL;
    cr_assert_eq(strlen(name), 5);
    cr_expect((name[0] == 'E' || name[0] == 'W') && strspn(name + 1, "0123456789") == 4);
    const char *explanation = diagnostic_explanation(name, &title);
    cr_expect(explanation && strlen(explanation) > 60, "%s", name);
    cr_expect(title && *title && !strchr(title, '%'), "%s: %s", name, title);
    for (int j = 0; j < i; j++) cr_expect_str_neq(name, diagnostic_code_name((DiagnosticCode)j));
    if (strncmp(name, "E00", 3) == 0 || strncmp(name, "E01", 3) == 0) // these show an example
      cr_expect_not_null(strstr(explanation, "\n\n    "), "%s", name);
  }
  cr_expect_null(diagnostic_explanation("E9999", NULL));
  cr_expect_null(diagnostic_explanation("", NULL));
}

Test(diagnostics, near_names) {
  static const char *const names[] = {"forward", "feedback", "backward", "w", "lr", "standardize"};
  struct {
    const char *written, *meant;
  } cases[] = {
      {"forwrad", "forward"},   {"forward", "forward"},         {"Forward", "forward"}, {"fedback", "feedback"},
      {"bakcwadr", "backward"}, {"standardise", "standardize"}, {"rl", "lr"},           {"W", "w"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *found = near_name(cases[i].written, names, 6);
    cr_assert_not_null(found, "%s", cases[i].written);
    cr_expect_str_eq(found, cases[i].meant);
  }
  cr_expect_null(near_name("momentum", names, 6));
  cr_expect_null(near_name("q", names, 6)); // every letter is near every other
  cr_expect_null(near_name("", names, 6));
  cr_expect_null(near_name("forward", names, 0));
}

Test(source, positions_count_characters) {
  Arena *arena = arena_create();
  SourceFile *source = source_from_bytes(arena, "a",
                                         "\xEF\xBB\xBF"
                                         "ab\n\xCE\xB7x\n\nlast",
                                         15);
  struct {
    uint32_t offset, line, column;
  } cases[] = {{0, 1, 1}, {3, 1, 1},  {4, 1, 2},  {6, 2, 1},  {8, 2, 2},
               {9, 2, 3}, {10, 3, 1}, {11, 4, 1}, {15, 4, 5}, {99, 4, 5}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Position position = source_position(source, cases[i].offset);
    cr_expect_eq(position.line, cases[i].line, "offset %u: line %u", cases[i].offset, position.line);
    cr_expect_eq(position.column, cases[i].column, "offset %u: column %u", cases[i].offset, position.column);
  }
  Span joined = span_join((Span){source, 4, 6}, (Span){source, 1, 5});
  cr_expect(joined.start == 1 && joined.end == 6);
  cr_expect_eq(span_join((Span){0}, joined).start, 1);
  arena_destroy(arena);
}
