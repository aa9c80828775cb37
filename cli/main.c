// The `blur` command: finds the subcommand and calls it. Every subcommand is a file of its own beside this one.
#include "base/near_name.h"
#include "cli/command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  int (*run)(const Arguments *arguments);
} commands[COMMAND_COUNT] = {
#define COMMAND(name, operands, summary, details) {#name, command_##name},
#include "cli/commands.def"
#undef COMMAND
};

static int unknown_command(const char *word) {
  const char *names[COMMAND_COUNT];
  for (int i = 0; i < COMMAND_COUNT; i++) names[i] = commands[i].name;
  const char *near = near_name(word, names, COMMAND_COUNT);
  fprintf(stderr, "blur: there is no command `%s`", word);
  if (near) fprintf(stderr, "; did you mean `%s`?", near);
  fprintf(stderr, "\nRun `blur --help` for the list.\n");
  return EXIT_USAGE;
}

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN); // a closed pipe is a failed write, so that a training still saves;
  signal(SIGXFSZ, SIG_IGN); // so is a file at its limit
  if (count < 2) {
    help_all();
    return finish_output(EXIT_USAGE);
  }
  const char *word = words[1];
  if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) {
    printf("blur %s\n", blur_version());
    return finish_output(EXIT_DONE);
  }
  bool help = strcmp(word, "help") == 0;
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || (help && count == 2)) {
    help_all();
    return finish_output(EXIT_DONE);
  }
  if (help) word = words[2];
  for (int i = 0; i < COMMAND_COUNT; i++) {
    if (strcmp(word, commands[i].name) != 0) continue;
    Arguments arguments;
    int code = EXIT_USAGE;
    if (help) {
      help_command((CommandName)i);
      return finish_output(EXIT_DONE);
    }
    if (arguments_parse(&arguments, (CommandName)i, count - 2, words + 2)) {
      if (option_given(&arguments, OPTION_help)) {
        help_command((CommandName)i);
        code = EXIT_DONE;
      } else {
        code = commands[i].run(&arguments);
      }
    }
    arguments_free(&arguments);
    return finish_output(code);
  }
  return unknown_command(word);
}
