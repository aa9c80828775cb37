// Golden files of the checker: each says in its first lines what must be reported (expectation.h), and every code of a
// part of the catalogue is shown by one of them.
#ifndef BLUR_TESTS_GOLDEN_H
#define BLUR_TESTS_GOLDEN_H

#include "tests/support/expectation.h"
#include "tests/support/library_loader.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *folder;
  size_t files; // at least so many, and one
  bool (*check)(Arena *arena, const AstFile *file, const ModuleLoader *loader, DiagnosticSink *sink); // false: errors
  bool loader_reports;                                                                                // see Library
  bool (*belongs)(const char *code); // whether the code is of this part
  DiagnosticCode elsewhere[2];       // codes that no file can cause, tested elsewhere
  int elsewhere_count;
  bool seen[DIAGNOSTIC_COUNT];
} Golden;

static inline void golden_check_file(const char *path, void *context) {
  Golden *golden = context;
  Arena *arena = arena_create();
  DiagnosticSink sink = {.arena = arena};
  Library library = {arena, &sink, golden->loader_reports};
  SourceFile *source = source_read(arena, path, &sink);
  cr_assert_not_null(source, "%s", path);
  const AstFile *file = parse_file(arena, source, &sink);
  cr_expect_eq(sink.errors, 0, "%s: errors of syntax", path);
  bool fine = golden->check(arena, file, &(ModuleLoader){&library, library_load}, &sink);
  cr_expect_eq(fine, sink.errors == 0, "%s", path);
  cr_expect_gt(sink.items.count, 0, "%s", path);
  Text differences = {0};
  cr_expect_eq(expectation_compare(source, &sink, &differences), 0, "%s:\n%s", path, text_get(&differences));
  text_free(&differences);
  for (size_t i = 0; i < sink.items.count; i++) golden->seen[sink.items.items[i].code] = true;
  arena_destroy(arena);
}

static inline void golden_check(Golden *golden) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  cr_expect_gt(expectation_files(golden->folder, ".blur", golden_check_file, golden), golden->files);
  for (int code = 0; code < DIAGNOSTIC_COUNT; code++) {
    const char *name = diagnostic_code_name((DiagnosticCode)code);
    if (!golden->belongs(name)) continue;
    const char *title, *explanation = diagnostic_explanation(name, &title);
    cr_expect(explanation && strlen(explanation) > 80, "%s is not explained", name);
    bool elsewhere = false;
    for (int i = 0; i < golden->elsewhere_count; i++) elsewhere |= golden->elsewhere[i] == (DiagnosticCode)code;
    cr_expect(golden->seen[code] || elsewhere, "no file of %s shows %s", golden->folder, name);
  }
}

#endif
