// Every file of tests/golden/semantics says in its first lines what the checker must report: the place, the code, and
// how it says to mend it; no more, no less. Every code of the checker that a file can cause is shown by one.
#include "compiler/semantics/checked.h"
#include "compiler/source/library.h"
#include "compiler/syntax/syntax.h"
#include "tests/support/expectation.h"

#include <criterion/criterion.h>
#include <string.h>

typedef struct {
  Arena *arena;
  DiagnosticSink *sink;
} Library;

static const AstFile *load(void *context, const char *module, const char *item, Span asked_at) {
  (void)asked_at;
  Library *library = context;
  SourceFile *source = strcmp(module, "std") ? NULL : library_find(library->arena, item);
  return source ? parse_file(library->arena, source, library->sink) : NULL;
}

static void check_golden(const char *path, void *codes) {
  Arena *arena = arena_create();
  DiagnosticSink sink = {.arena = arena};
  Library library = {arena, &sink};
  ModuleLoader loader = {&library, load};
  SourceFile *source = source_read(arena, path, &sink);
  cr_assert_not_null(source, "%s", path);
  const AstFile *file = parse_file(arena, source, &sink);
  cr_expect_eq(sink.errors, 0, "%s: errors of syntax", path);
  bool fine = check_file(arena, file, &loader, &sink);
  cr_expect_eq(fine, sink.errors == 0, "%s", path);
  cr_expect_gt(sink.items.count, 0, "%s", path);
  Text differences = {0};
  cr_expect_eq(expectation_compare(source, &sink, &differences), 0, "%s:\n%s", path, text_get(&differences));
  text_free(&differences);
  for (size_t i = 0; i < sink.items.count; i++) ((bool *)codes)[sink.items.items[i].code] = true;
  arena_destroy(arena);
}

Test(golden_semantics, every_file_and_every_code) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  bool seen[DIAGNOSTIC_COUNT] = {false};
  cr_expect_gt(expectation_files(SOURCE_DIR "/tests/golden/semantics", ".blur", check_golden, seen), 70);
  for (int code = 0; code < DIAGNOSTIC_COUNT; code++) {
    const char *name = diagnostic_code_name((DiagnosticCode)code);
    if (strncmp(name, "E02", 3) != 0 && strncmp(name, "W04", 3) != 0) continue;
    const char *title, *explanation = diagnostic_explanation(name, &title);
    cr_expect(explanation && strlen(explanation) > 80, "%s is not explained", name);
    if (code == DIAGNOSTIC_unknown_setting || code == DIAGNOSTIC_bad_setting) continue; // tests/unit/semantics.c
    cr_expect(seen[code], "no file of tests/golden/semantics shows %s", name);
  }
}
