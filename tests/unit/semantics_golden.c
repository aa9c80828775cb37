// Every file of tests/golden/semantics says in its first lines what the checker must report, and where: no more, no
// less.
//   #! error 10:26 E0212
#include "compiler/semantics/checked.h"
#include "compiler/source/library.h"
#include "compiler/syntax/syntax.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
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

static void add_expected(const char *text, Text *out) {
  for (const char *line = text; !strncmp(line, "#! ", 3); line = strchr(line, '\n') + 1)
    text_add_bytes(out, line, (size_t)(strchr(line, '\n') + 1 - line));
}

// Sorted by place, as they are rendered; the files' own lines are in this order, too.
static void add_found(const DiagnosticSink *sink, const SourceFile *source, Text *out) {
  uint64_t last = 0;
  for (size_t shown = 0; shown < sink->items.count; shown++) {
    const Diagnostic *next = NULL;
    for (size_t i = 0; i < sink->items.count; i++) {
      const Diagnostic *item = &sink->items.items[i];
      uint64_t key = ((uint64_t)item->span.start + 1) << 16 | i;
      if (key > last &&
          (!next || key < (((uint64_t)next->span.start + 1) << 16 | (uint64_t)(next - sink->items.items))))
        next = item;
    }
    if (!next) break;
    last = ((uint64_t)next->span.start + 1) << 16 | (uint64_t)(next - sink->items.items);
    Position place = next->span.file ? source_position(next->span.file, next->span.start) : (Position){0, 0};
    text_add(out, "#! %s %u:%u %s\n", next->severity == SEVERITY_ERROR ? "error" : "warning", place.line, place.column,
             next->span.file == source ? diagnostic_code_name(next->code) : "in another file");
  }
}

static void check_golden(const char *path) {
  FILE *file = fopen(path, "rb");
  cr_assert_not_null(file, "%s", path);
  static char bytes[1 << 16];
  size_t length = fread(bytes, 1, sizeof bytes - 1, file);
  fclose(file);
  bytes[length] = 0;
  Arena *arena = arena_create();
  DiagnosticSink sink = {.arena = arena};
  Library library = {arena, &sink};
  ModuleLoader loader = {&library, load};
  SourceFile *source = source_from_bytes(arena, path, bytes, length);
  const AstFile *ast = parse_file(arena, source, &sink);
  bool fine = check_file(arena, ast, &loader, &sink);
  Text expected = {0}, found = {0}, rendered = {0};
  add_expected(bytes, &expected);
  add_found(&sink, source, &found);
  diagnostics_render(&sink, &rendered, false);
  cr_expect(!strcmp(text_get(&expected), text_get(&found)), "%s:\nexpected\n%sfound\n%s\n%s", path, text_get(&expected),
            text_get(&found), text_get(&rendered));
  cr_expect_eq(fine, sink.errors == 0);
  for (size_t i = 0; i < sink.items.count; i++) { // each says how to mend it, or explains itself
    const char *title, *explanation = diagnostic_explanation(diagnostic_code_name(sink.items.items[i].code), &title);
    cr_expect(explanation && strlen(explanation) > 60, "%s", path);
  }
  text_free(&expected);
  text_free(&found);
  text_free(&rendered);
  arena_destroy(arena);
}

Test(semantics_golden, every_file) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  DIR *folder = opendir(SOURCE_DIR "/tests/golden/semantics");
  cr_assert_not_null(folder);
  int count = 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (!strstr(entry->d_name, ".blur")) continue;
    char path[1000];
    snprintf(path, sizeof path, SOURCE_DIR "/tests/golden/semantics/%s", entry->d_name);
    check_golden(path);
    count++;
  }
  closedir(folder);
  cr_expect_geq(count, 70);
}
