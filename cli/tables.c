// See tables.h.
#include "cli/tables.h"

const CommandInfo command_table[COMMAND_COUNT] = {
#define COMMAND(name, operands, summary, details) {#name, operands, summary, details},
#include "cli/commands.def"
#undef COMMAND
};

static const char *const choices[OPTION_COUNT][16] = {
#define CHOICES(option, ...) [OPTION_##option] = {__VA_ARGS__, NULL},
#include "cli/choices.def"
#undef CHOICES
};

const OptionInfo option_table[OPTION_COUNT] = {
#define OPTION(id, name, argument, shown, commands, help) {name, argument, shown, commands, help, choices[OPTION_##id]},
#include "cli/options.def"
#undef OPTION
};

static const struct {
  CommandName command;
  OptionName option;
  const char *shown, *help;
} own_help[] = {
#define HELP(command, option, shown, help) {COMMAND_##command, OPTION_##option, shown, help},
#include "cli/option_help.def"
#undef HELP
};
enum { OWN_HELP = sizeof own_help / sizeof *own_help };

const char *option_help(CommandName command, int option) {
  for (int i = 0; i < OWN_HELP; i++)
    if (own_help[i].command == command && (int)own_help[i].option == option) return own_help[i].help;
  return option_table[option].help;
}

const char *option_shown(CommandName command, int option) {
  for (int i = 0; i < OWN_HELP; i++)
    if (own_help[i].command == command && (int)own_help[i].option == option) return own_help[i].shown;
  return option_table[option].shown;
}

const Fact exit_codes[] = {
    {"0", "done"},
    {"1", "the input is wrong: a rule with errors, arrays that do not fit"},
    {"2", "the command line is wrong"},
    {"3", "the environment failed: a file, memory, a library"},
    {"4", "training diverged: a number that is not finite"},
    {"70", "a defect of blur itself; the message says what to report"},
    {"130", "ended by Ctrl-C, after saving if --save was given"},
    {"141", "nobody reads the output any longer, as in `blur rules | head -1`; without a message"},
    {NULL, NULL},
};

const Fact environment_variables[] = {
    {"BLUR_STDLIB", "a folder whose files come before the library's"},
    {"BLUR_DATA", "folders of datasets, parted by colons"},
    {"BLUR_CODEGEN", "the code generator's file, where it is not beside the command"},
    {"BLUR_RUNS", "the database of runs; none: they leave no record"},
    {"XDG_DATA_HOME",
     "data sets are looked for in blur/ there, and runs are recorded in blur/runs.db; default: ~/.local/share"},
    {"TMPDIR", "where a trained network is saved when the disk of its own place is full; default: /tmp"},
    {"XDG_CACHE_HOME", "compiled steps are kept in blur/ there, default: ~/.cache; --no-cache goes without"},
    {NULL, NULL},
};
