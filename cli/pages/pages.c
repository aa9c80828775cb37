// blur_pages FOLDER: writes FOLDER/man/man1/*.1 and the completions of bash, zsh and fish where their shells look for
// them below share/.
#include "cli/pages/pages.h"

#include "base/file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

const char *blur_version(void); // compiler/version.c

WordKind word_kind(const char *placeholder) {
  if (strcmp(placeholder, "[DATA]") == 0) return WORD_DATA;
  placeholder += *placeholder == '[';
  if (strncmp(placeholder, "show", 4) == 0) return WORD_RUNS;
  if (strncmp(placeholder, "RULE", 4) == 0) return WORD_RULE;
  if (strcmp(placeholder, "FILE...") == 0) return WORD_RULE_FILE; // an operand
  if (strncmp(placeholder, "FILE", 4) == 0) return WORD_FILE;
  if (strncmp(placeholder, "PASS", 4) == 0) return WORD_PASS;
  if (strcmp(placeholder, "NAME") == 0) return WORD_DATA;
  return WORD_OTHER;
}

static bool make_folders(char *path) {
  for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = 0;
    bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
    *slash = '/';
    if (!made) return false;
  }
  return true;
}

static bool write_page(const char *folder, const char *name, Text *text) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  BlurStatus status = {0};
  bool written = make_folders(path) && file_write(path, text_get(text), text->length, &status);
  if (!written) fprintf(stderr, "blur_pages: %s: %s\n", path, *status.message ? status.message : strerror(errno));
  text_free(text);
  *text = (Text){0};
  return written;
}

int main(int count, char **words) {
  if (count != 2) {
    fprintf(stderr, "usage: blur_pages FOLDER\n");
    return 2;
  }
  Text text = {0};
  manual_of_all(&text);
  bool done = write_page(words[1], "man/man1/blur.1", &text);
  for (int i = 0; i < COMMAND_COUNT; i++) {
    char name[64];
    snprintf(name, sizeof name, "man/man1/blur-%s.1", command_table[i].name);
    manual_of_command((CommandName)i, &text);
    done = write_page(words[1], name, &text) && done;
  }
  completion_bash(&text);
  done = write_page(words[1], "bash-completion/completions/blur", &text) && done;
  completion_zsh(&text);
  done = write_page(words[1], "zsh/site-functions/_blur", &text) && done;
  completion_fish(&text);
  done = write_page(words[1], "fish/vendor_completions.d/blur.fish", &text) && done;
  return done ? 0 : 3;
}
