// Golden tests of the passes: every tests/golden/passes/*.ir is a program, then sections
//
//   ---- simplify contract
//   expected text
//
// each: the passes named run on the program, in order, and the result printed; the declarations are compared only if
// the expected text has them (it then begins with "program"). Every pass must also leave a well-formed program that
// computes what the first one did, or, from the pass `adjoint` on, its derivatives. With BLUR_UPDATE_GOLDEN=1 in the
// environment the expected texts are rewritten instead.
#include "compiler/passes/passes.h"
#include "tests/support/ir_run.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char folder[] = SOURCE_DIR "/tests/golden/passes";
static const char fence[] = "---- ";

static char *read_whole(Arena *arena, const char *path) {
  FILE *file = fopen(path, "rb");
  cr_assert_not_null(file, "cannot open %s", path);
  Text text = {0};
  char piece[4096];
  for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0;) text_add_bytes(&text, piece, got);
  fclose(file);
  char *whole = arena_copy(arena, text_get(&text), text.length);
  text_free(&text);
  return whole;
}

// The start of the next line that begins with the fence, or the end of the text.
static char *next_fence(char *text) {
  for (char *line = text; *line; line++) {
    if (!strncmp(line, fence, strlen(fence))) return line;
    line = strchr(line, '\n');
    if (!line) break;
  }
  return text + strlen(text);
}

// Without blank lines at the end.
static char *trimmed(Arena *arena, const char *text, size_t length) {
  while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' ')) length--;
  return arena_copy(arena, text, length);
}

// Runs the passes named in `names` (spaces between) and returns what the program has become, as text.
static const char *run_passes(Arena *arena, const char *path, const char *source, char *names, bool whole) {
  IrProgram *before = ir_run_parse(arena, source), *after = ir_run_parse(arena, source);
  bool reversed = false;
  for (char *name = strtok(names, " \r"); name; name = strtok(NULL, " \r")) {
    const Pass *pass = pass_find(name);
    cr_assert_not_null(pass, "%s: there is no pass '%s'", path, name);
    pass->run(after);
    const char *fault = ir_verify(after);
    cr_assert_null(fault, "%s: after %s %s", path, name, fault);
    int64_t compared;
    reversed |= !strcmp(name, "adjoint");
    double difference =
        reversed ? ir_run_adjoint_error(before, after, 1, &compared)
                 : ir_run_difference(before, ir_run(arena, before, 1), after, ir_run(arena, after, 1), &compared);
    cr_assert(compared > 0 && difference < (reversed ? 1e-9 : 1e-12), "%s: %s changes the result by %g", path, name,
              difference);
  }
  Text text = {0};
  ir_print(after, &text);
  const char *shown = whole ? text_get(&text) : ir_run_statements(text_get(&text));
  char *result = trimmed(arena, shown, strlen(shown));
  text_free(&text);
  return result;
}

// The file's new content; *differences counts the sections that are not as expected.
static Text check_file(Arena *arena, const char *path, int *sections, int *differences) {
  char *text = read_whole(arena, path), *at = next_fence(text);
  char *source = arena_copy(arena, text, (size_t)(at - text));
  Text updated = {0};
  text_add(&updated, "%s", source);
  while (*at) {
    char *line_end = strchr(at, '\n');
    cr_assert_not_null(line_end, "%s: nothing follows the last '----'", path);
    size_t name_length = (size_t)(line_end - at) - strlen(fence);
    char *names = arena_copy(arena, at + strlen(fence), name_length), *shown = arena_copy(arena, names, name_length);
    at = next_fence(line_end + 1);
    char *expected = trimmed(arena, line_end + 1, (size_t)(at - line_end - 1));
    const char *got = run_passes(arena, path, source, names, !strncmp(expected, "program", 7));
    ++*sections;
    if (strcmp(got, expected) != 0) {
      ++*differences;
      fprintf(stderr, "%s: %s: expected\n%s\n\ngot\n%s\n\n", path, shown, expected, got);
    }
    text_add(&updated, "%s%s\n%s\n%s", fence, shown, got, *at ? "\n" : "");
  }
  return updated;
}

Test(passes_golden, every_file) {
  DIR *directory = opendir(folder);
  cr_assert_not_null(directory, "cannot open %s", folder);
  int files = 0, sections = 0, differences = 0;
  for (struct dirent *entry; (entry = readdir(directory));) {
    const char *suffix = strrchr(entry->d_name, '.');
    if (!suffix || strcmp(suffix, ".ir") != 0) continue;
    Arena *arena = arena_create();
    char *path = arena_format(arena, "%s/%s", folder, entry->d_name);
    int own = 0;
    Text updated = check_file(arena, path, &own, &differences);
    cr_assert_gt(own, 0, "%s expects nothing", path);
    if (getenv("BLUR_UPDATE_GOLDEN")) {
      FILE *file = fopen(path, "wb");
      fwrite(updated.bytes, 1, updated.length, file);
      fclose(file);
    }
    text_free(&updated);
    arena_destroy(arena);
    files++;
    sections += own;
  }
  closedir(directory);
  cr_assert_gt(files, 0);
  cr_assert_eq(differences, 0, "%d of %d texts differ", differences, sections);
}
