// Finds the files of the rule library: a list of folders, then the embedded copy. Before: nothing; after: the parser.
// The public lists of rules and modules (blur_library_...) are made here too, once a process.
#include "compiler/source/library.h"

#include "blur/compiler.h"

#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef BLUR_INSTALLED_STDLIB
#define BLUR_INSTALLED_STDLIB "/usr/local/share/blur/stdlib"
#endif

enum { MAX_FILE_BYTES = 4 << 20, FOLDERS = 3 };

static bool is_identifier(const char *item) {
  if (!isalpha((unsigned char)*item) && *item != '_') return false;
  for (const char *c = item; *c; c++)
    if (!isalnum((unsigned char)*c) && *c != '_') return false;
  return strlen(item) < 128;
}

// The folders in the order of the search; an entry may be NULL.
static void library_folders(Arena *arena, const char *folders[FOLDERS]) {
  const char *chosen = getenv("BLUR_STDLIB");
  folders[0] = chosen && *chosen ? chosen : NULL;
  folders[1] = NULL;
  char command[4096];
  ssize_t length = readlink("/proc/self/exe", command, sizeof command - 1);
  if (length > 0) {
    command[length] = 0;
    for (int up = 0; up < 2; up++) { // PREFIX/bin/blur -> PREFIX
      char *slash = strrchr(command, '/');
      if (slash) *slash = 0;
    }
    folders[1] = arena_format(arena, "%s/share/blur/stdlib", command);
  }
  folders[2] = BLUR_INSTALLED_STDLIB;
}

// Reads a regular file whole; NULL if it is none, or too large.
static const char *read_whole(Arena *arena, const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  struct stat status;
  char *text = NULL;
  if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= MAX_FILE_BYTES) {
    size_t size = (size_t)status.st_size;
    text = arena_allocate(arena, size + 1);
    *length = fread(text, 1, size, file);
    text[*length] = 0;
    if (ferror(file)) text = NULL;
  }
  fclose(file);
  return text;
}

const char *library_text(Arena *arena, const char *item, size_t *length, const char **path) {
  if (!is_identifier(item)) return NULL;
  const char *folders[FOLDERS];
  library_folders(arena, folders);
  for (int i = 0; i < FOLDERS; i++) {
    if (!folders[i]) continue;
    const char *candidate = arena_format(arena, "%s/%s.blur", folders[i], item);
    const char *text = read_whole(arena, candidate, length);
    if (!text) continue;
    if (path) *path = candidate;
    return text;
  }
  for (size_t i = 0; i < library_embedded_count; i++) {
    if (strcmp(library_embedded[i].name, item) != 0) continue;
    if (path) *path = arena_format(arena, "std/%s.blur", item);
    *length = library_embedded[i].length;
    return library_embedded[i].text;
  }
  return NULL;
}

static int compare_names(const void *left, const void *right) {
  return strcmp(*(const char *const *)left, *(const char *const *)right);
}

size_t library_names(Arena *arena, const char *const **names) {
  ARENA_LIST(const char *) list = {0};
  const char *folders[FOLDERS];
  library_folders(arena, folders);
  for (int i = 0; i < FOLDERS; i++) {
    DIR *folder = folders[i] ? opendir(folders[i]) : NULL;
    if (!folder) continue;
    for (struct dirent *entry; (entry = readdir(folder));) {
      size_t length = strlen(entry->d_name);
      if (length <= 5 || strcmp(entry->d_name + length - 5, ".blur") != 0) continue;
      const char *name = arena_copy(arena, entry->d_name, length - 5);
      if (is_identifier(name)) ARENA_PUSH(arena, &list, name);
    }
    closedir(folder);
  }
  for (size_t i = 0; i < library_embedded_count; i++) ARENA_PUSH(arena, &list, library_embedded[i].name);
  if (list.count) qsort(list.items, list.count, sizeof *list.items, compare_names);
  size_t kept = 0;
  for (size_t i = 0; i < list.count; i++)
    if (!kept || strcmp(list.items[kept - 1], list.items[i]) != 0) list.items[kept++] = list.items[i];
  *names = list.items;
  return kept;
}

bool library_text_has_rule(const char *text, const char *name) {
  size_t length = strlen(name);
  for (const char *line = text; line; line = strchr(line, '\n')) {
    line += strspn(line, " \t\r\n");
    if (strncmp(line, "rule", 4) != 0 || (line[4] != ' ' && line[4] != '\t')) continue;
    const char *word = line + 4 + strspn(line + 4, " \t");
    if (strncmp(word, name, length) == 0 && !isalnum((unsigned char)word[length]) && word[length] != '_') return true;
  }
  return false;
}

static bool text_has_function(const char *text, const char *name) {
  size_t length = strlen(name);
  for (const char *line = text; line; line = strchr(line, '\n')) {
    line += strspn(line, " \t\r\n");
    if (strncmp(line, "fn", 2) != 0 || (line[2] != ' ' && line[2] != '\t')) continue;
    const char *word = line + 2 + strspn(line + 2, " \t");
    if (strncmp(word, name, length) == 0 && (word[length] == '(' || word[length] == '[')) return true;
  }
  return false;
}

const char *library_module_of(Arena *arena, const char *function) {
  const char *const *names;
  size_t count = library_names(arena, &names), length;
  for (size_t i = 0; i < count; i++) {
    const char *text = library_text(arena, names[i], &length, NULL);
    if (text && !library_text_has_rule(text, names[i]) && text_has_function(text, function)) return names[i];
  }
  return NULL;
}

// ---- the public lists, made once; their memory lives as long as the process.

static struct {
  Arena *arena;
  ARENA_LIST(const char *) rules, modules;
} lists;

static void make_lists(void) {
  lists.arena = arena_create();
  const char *const *names;
  size_t count = library_names(lists.arena, &names), length;
  for (size_t i = 0; i < count; i++) {
    const char *text = library_text(lists.arena, names[i], &length, NULL);
    if (!text) continue;
    const char *full = arena_format(lists.arena, "std.%s", names[i]);
    if (library_text_has_rule(text, names[i])) ARENA_PUSH(lists.arena, &lists.rules, full);
    else ARENA_PUSH(lists.arena, &lists.modules, full);
  }
}

static pthread_once_t lists_made = PTHREAD_ONCE_INIT;

size_t blur_library_rules(const char *const **names) {
  pthread_once(&lists_made, make_lists);
  *names = lists.rules.items;
  return lists.rules.count;
}

size_t blur_library_modules(const char *const **names) {
  pthread_once(&lists_made, make_lists);
  *names = lists.modules.items;
  return lists.modules.count;
}

char *blur_library_summary(const char *name) {
  Arena *arena = arena_create();
  size_t length = 0;
  const char *text = strncmp(name, "std.", 4) == 0 ? library_text(arena, name + 4, &length, NULL) : NULL;
  char *summary = NULL;
  if (text) {
    const char *start = text + strspn(text, " \t\r\n");
    if (*start == '#') {
      start += strspn(start, "# \t");
      summary = strndup(start, strcspn(start, "\r\n"));
    } else {
      summary = strdup("");
    }
  }
  arena_destroy(arena);
  return summary;
}
