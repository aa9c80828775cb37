// See expectation.h.
#include "tests/support/expectation.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 200 };

static const char *const severities[] = {[SEVERITY_ERROR] = "error", [SEVERITY_WARNING] = "warning"};

// One diagnostic as the user sees it.
static void render_alone(const DiagnosticSink *sink, const Diagnostic *diagnostic, Text *out) {
  Diagnostic copy = *diagnostic;
  DiagnosticSink alone = {.arena = sink->arena};
  alone.items.items = &copy;
  alone.items.count = alone.items.capacity = 1;
  diagnostics_render(&alone, out, false);
}

static bool meets(const DiagnosticSink *sink, const Diagnostic *diagnostic, const SourceFile *source,
                  const char *severity, Position place, const char *code, const char *words) {
  if (diagnostic->span.file != source || strcmp(severities[diagnostic->severity], severity) != 0) return false;
  if (strcmp(diagnostic_code_name(diagnostic->code), code) != 0) return false;
  Position found = source_position(source, diagnostic->span.start);
  if (found.line != place.line || found.column != place.column) return false;
  Text rendered = {0};
  render_alone(sink, diagnostic, &rendered);
  bool same = strstr(text_get(&rendered), words) != NULL;
  text_free(&rendered);
  return same;
}

size_t expectation_compare(const SourceFile *source, const DiagnosticSink *sink, Text *differences) {
  bool met[MOST] = {false};
  size_t count = sink->items.count < MOST ? sink->items.count : MOST, failures = 0;
  const char *line = source->text;
  while (strncmp(line, "#! ", 3) == 0) {
    const char *end = line + strcspn(line, "\n");
    char *text = arena_copy(sink->arena, line, (size_t)(end - line)), severity[16], code[16];
    line = *end ? end + 1 : end;
    Position place;
    int taken = 0;
    if (sscanf(text, "#! %15s %u:%u %15s %n", severity, &place.line, &place.column, code, &taken) != 4) {
      text_add(differences, "not understood: %s\n", text);
      failures++;
      continue;
    }
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
      if (met[i] || !meets(sink, &sink->items.items[i], source, severity, place, code, text + taken)) continue;
      met[i] = found = true;
    }
    if (found) continue;
    text_add(differences, "not reported: %s\n", text);
    failures++;
  }
  for (size_t i = 0; i < count; i++) {
    if (met[i]) continue;
    text_add(differences, "not expected:\n");
    render_alone(sink, &sink->items.items[i], differences);
    failures++;
  }
  return failures;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

size_t expectation_files(const char *folder, const char *ending, void (*visit)(const char *path, void *context),
                         void *context) {
  DIR *directory = opendir(folder);
  if (!directory) return 0;
  enum { MOST_FILES = 1000 };
  char *names[MOST_FILES];
  size_t count = 0;
  for (struct dirent *entry; (entry = readdir(directory)) && count < MOST_FILES;) {
    size_t length = strlen(entry->d_name);
    if (length < strlen(ending) || strcmp(entry->d_name + length - strlen(ending), ending) != 0) continue;
    names[count++] = strdup(entry->d_name);
  }
  closedir(directory);
  qsort(names, count, sizeof *names, by_name);
  for (size_t i = 0; i < count; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    visit(path, context);
    free(names[i]);
  }
  return count;
}
