// The command line as tables, from commands.def, options.def and choices.def: read by the parser and its help, and by
// the generator of the manual's pages and of the shells' completions (cli/pages).
#ifndef BLUR_CLI_TABLES_H
#define BLUR_CLI_TABLES_H

#include "cli/command.h"

typedef struct {
  const char *name, *operands, *summary, *details;
} CommandInfo;
extern const CommandInfo command_table[COMMAND_COUNT];

typedef struct {
  const char *name, *argument; // argument: NULL for a flag
  const char *shown;           // the default as shown, or NULL
  unsigned commands;
  const char *help;
  const char *const *choices; // the words it takes, closed by NULL; or NULL
} OptionInfo;
extern const OptionInfo option_table[OPTION_COUNT];

// An option with an argument that may be left out, "[FILE]": --name or --name=FILE.
static inline bool option_is_open(int option) {
  return option_table[option].argument && *option_table[option].argument == '[';
}

static inline bool command_takes(CommandName command, int option) {
  return option_table[option].commands >> command & 1;
}

// What an option means for one command, and its default there as shown (or NULL).
const char *option_help(CommandName command, int option);
const char *option_shown(CommandName command, int option);

// Facts of the whole command that help, manual and documentation repeat.
typedef struct {
  const char *name, *meaning;
} Fact;
extern const Fact exit_codes[], environment_variables[]; // closed by a NULL name

#endif
