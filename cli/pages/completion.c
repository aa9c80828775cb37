// Completions: of commands, of each command's options, of the words that an option takes, of rules and files.
#include "blur/runtime.h"
#include "cli/pages/pages.h"

#include <string.h>

// The codes of diagnostics, out of their page.
#define LIST_CODES "sed -n 's/^### \\([EW][0-9]*\\).*/\\1/p'"

// In single quotes, as all three shells read them; zsh's lists part name and text by a colon.
static void add_quoted(Text *out, const char *text, const char *escaped) {
  for (const char *c = text; *c; c++) {
    if (*c == '\'') text_add(out, "'\\''");
    else if (strchr(escaped, *c)) text_add(out, "\\%c", *c);
    else text_add_bytes(out, c, 1);
  }
}

static void add_choices(Text *out, const char *const *words) {
  for (int i = 0; words[i]; i++) text_add(out, "%s%s", i ? " " : "", words[i]);
}

// The option takes a file, or words that are known here.
static bool is_file_option(const OptionInfo *option) {
  return option->argument && word_kind(option->argument) == WORD_FILE;
}

static bool is_data_option(const OptionInfo *option) {
  return option->argument && word_kind(option->argument) == WORD_DATA;
}

// Fashion-MNIST, what comes with blur, and the generated tasks.
static void add_data(Text *out) {
  text_add(out, "fashion_mnist digits");
  for (size_t i = 0; i < blur_generator_count(); i++) text_add(out, " %s", blur_generator(i)->name);
}

static WordKind operand_kind(CommandName command) { return word_kind(command_table[command].operands); }

// ---- bash

static void bash_values(Text *out) {
  text_add(out, "  case $previous in\n");
  for (int i = 0; i < OPTION_COUNT; i++) {
    const OptionInfo *option = &option_table[i];
    if (!option->argument || option_is_open(i)) continue; // the word behind one that is open is an operand
    text_add(out, "    --%s) ", option->name);
    if (option->choices[0]) {
      text_add(out, "COMPREPLY=($(compgen -W '");
      add_choices(out, option->choices);
      text_add(out, "' -- \"$current\")) ;;\n");
    } else if (is_data_option(option)) {
      text_add(out, "COMPREPLY=($(compgen -W '");
      add_data(out);
      text_add(out, "' -- \"$current\") $(_blur_samples \"$current\")) ;;\n");
    } else {
      text_add(out, "%s ;;\n", is_file_option(option) ? "COMPREPLY=($(compgen -f -- \"$current\"))" : "COMPREPLY=()");
    }
  }
  text_add(out, "    *) return 1 ;;\n  esac\n  return 0\n");
}

void completion_bash(Text *out) {
  text_add(out, "# bash completion of blur. Made from cli/commands.def, options.def and choices.def by blur_pages.\n"
                "_blur_samples() { # folders, and files of samples\n"
                "  compgen -d -- \"$1\"\n  compgen -f -X '!*.npz' -- \"$1\"\n  compgen -f -X '!*.npy' -- \"$1\"\n"
                "  compgen -f -X '!*.csv' -- \"$1\"\n  compgen -f -X '!*.csv.gz' -- \"$1\"\n}\n\n"
                "_blur_values() { # an option's value; fails where the word before is no option that takes one\n"
                "  local previous=$1 current=$2\n");
  bash_values(out);
  text_add(out, "}\n\n_blur_operands() {\n  local command=$1 current=$2 blur=$3\n  case $command in\n");
  for (int i = 0; i < COMMAND_COUNT; i++) {
    WordKind kind = operand_kind((CommandName)i);
    if (kind == WORD_RULE)
      text_add(out,
               "    %s) COMPREPLY=($(compgen -W \"%s$(\"$blur\" rules 2>/dev/null | sed -n "
               "'s/^\\(std\\.[a-z0-9_]*\\).*/\\1/p')\" -- "
               "\"$current\") $(compgen -f -X '!*.blur' -- \"$current\") $(compgen -d -- \"$current\")) ;;\n",
               command_table[i].name,
               i == COMMAND_explain ? "experiment $(\"$blur\" explain --index | " LIST_CODES ") " : "");
    if (kind == WORD_RULE_FILE)
      text_add(out, "    %s) COMPREPLY=($(compgen -f -X '!*.blur' -- \"$current\") $(compgen -d -- \"$current\")) ;;\n",
               command_table[i].name);
    if (kind == WORD_PASS)
      text_add(
          out,
          "    %s) COMPREPLY=($(compgen -W \"$(\"$blur\" pass 2>/dev/null | sed 's/ .*//')\" -- \"$current\")) ;;\n",
          command_table[i].name);
    if (kind == WORD_RUNS)
      text_add(out, "    %s) COMPREPLY=($(compgen -W 'show compare export' -- \"$current\")) ;;\n",
               command_table[i].name);
  }
  text_add(out, "    tasks) COMPREPLY=($(compgen -W '");
  add_data(out);
  text_add(out, "' -- \"$current\") $(_blur_samples \"$current\")) ;;\n");
  text_add(out, "    help) COMPREPLY=($(compgen -W '");
  for (int i = 0; i < COMMAND_COUNT; i++) text_add(out, "%s%s", i ? " " : "", command_table[i].name);
  text_add(out, "' -- \"$current\")) ;;\n  esac\n}\n\n_blur() {\n"
                "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
                "  COMPREPLY=()\n"
                "  if ((COMP_CWORD == 1)); then\n    COMPREPLY=($(compgen -W '");
  for (int i = 0; i < COMMAND_COUNT; i++) text_add(out, "%s ", command_table[i].name);
  text_add(out, "help --help --version' -- \"$current\"))\n    return\n  fi\n"
                "  if [[ $current == = ]]; then current=; elif [[ $previous == = ]]; then "
                "previous=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
                "  _blur_values \"$previous\" \"$current\" && return\n"
                "  if [[ $current != -* ]]; then\n"
                "    _blur_operands \"${COMP_WORDS[1]}\" \"$current\" \"${COMP_WORDS[0]}\"\n    return\n  fi\n"
                "  case ${COMP_WORDS[1]} in\n");
  for (int i = 0; i < COMMAND_COUNT; i++) {
    text_add(out, "    %s) COMPREPLY=($(compgen -W '", command_table[i].name);
    const char *separator = "";
    for (int o = 0; o < OPTION_COUNT; o++) {
      if (!command_takes((CommandName)i, o)) continue;
      text_add(out, "%s--%s", separator, option_table[o].name);
      separator = " ";
    }
    text_add(out, "' -- \"$current\")) ;;\n");
  }
  text_add(out, "  esac\n}\ncomplete -o filenames -F _blur blur\n");
}

// ---- zsh

static void zsh_option(Text *out, CommandName command, int number) {
  const OptionInfo *option = &option_table[number];
  text_add(out, " \\\n        '%s--%s%s[", strcmp(option->name, "set") == 0 ? "*" : "", option->name,
           option_is_open(number) ? "=-"
           : option->argument     ? "="
                                  : "");
  add_quoted(out, option_help(command, number), "[]:\\");
  text_add(out, "]");
  if (option->argument) {
    text_add(out, option_is_open(number) ? "::" : ":");
    add_quoted(out, option->argument, "[]:\\");
    text_add(out, ":");
    if (option->choices[0]) {
      text_add(out, "(");
      add_choices(out, option->choices);
      text_add(out, ")");
    } else if (is_file_option(option)) {
      text_add(out, "_files");
    } else if (is_data_option(option)) {
      text_add(out, "_blur_data");
    }
  }
  text_add(out, "'");
}

void completion_zsh(Text *out) {
  text_add(
      out,
      "#compdef blur\n# zsh completion of blur. Made from cli/commands.def, options.def and choices.def by "
      "blur_pages.\n\n"
      "_blur_rules() {\n  local -a rules\n"
      "  rules=(${(f)\"$(_call_program rules blur rules 2>/dev/null | sed -n 's/^\\(std\\.[a-z0-9_]*\\).*/\\1/p')\"})\n"
      "  _alternative 'library:rule of the library:($rules)' 'files:file:_files -g \"*.blur\"'\n}\n\n"
      "_blur_passes() {\n  local -a passes\n"
      "  passes=(${(f)\"$(_call_program passes blur pass 2>/dev/null | sed 's/ .*//')\"})\n"
      "  _describe pass passes\n}\n\n_blur_data() {\n  local -a tasks\n  tasks=(");
  add_data(out);
  text_add(out, ")\n  _alternative 'tasks:data:($tasks)' 'files:folder or file:_files -g "
                "\"*.(npz|npy|csv|csv.gz)(-.)\"'\n}\n\n_blur_explain() {\n  local -a codes\n  "
                "codes=(${(f)\"$(_call_program codes blur explain --index 2>/dev/null | " LIST_CODES
                ")\"})\n  _alternative 'what:fields of experiments:(experiment)' 'codes:diagnostic:($codes)' "
                "'rules:rule:_blur_rules'\n}\n\n"
                "_blur() {\n  local -a commands\n  "
                "commands=(\n");
  for (int i = 0; i < COMMAND_COUNT; i++) {
    text_add(out, "    '%s:", command_table[i].name);
    add_quoted(out, command_table[i].summary, ":\\");
    text_add(out, "'\n");
  }
  text_add(out, "  )\n  if ((CURRENT == 2)); then\n    _describe command commands\n    return\n  fi\n"
                "  local command=$words[2]\n  shift words\n  ((CURRENT--))\n  case $command in\n");
  for (int i = 0; i < COMMAND_COUNT; i++) {
    text_add(out, "    %s)\n      _arguments", command_table[i].name);
    for (int o = 0; o < OPTION_COUNT; o++)
      if (command_takes((CommandName)i, o)) zsh_option(out, (CommandName)i, o);
    static const char *const operands[] = {
        [WORD_RULE] = "*:rule:_blur_rules", [WORD_RULE_FILE] = "*:file:_files -g \"*.blur\"",
        [WORD_FILE] = "*:file:_files",      [WORD_PASS] = "*:pass:_blur_passes",
        [WORD_DATA] = "*:data:_blur_data",  [WORD_RUNS] = "*:what:(show compare export)"};
    WordKind kind = operand_kind((CommandName)i);
    const char *operand = i == COMMAND_explain ? "*:rule, code or experiment:_blur_explain" : operands[kind];
    if (kind != WORD_OTHER) text_add(out, " \\\n        '%s'", operand);
    text_add(out, "\n      ;;\n");
  }
  text_add(out, "    help) _describe command commands ;;\n  esac\n}\n\n_blur \"$@\"\n");
}

// ---- fish

static void fish_option(Text *out, CommandName command, int number) {
  const OptionInfo *option = &option_table[number];
  text_add(out, "complete -c blur -n '__fish_seen_subcommand_from %s' -l %s", command_table[command].name,
           option->name);
  if (option->argument && !option_is_open(number))
    text_add(out, is_file_option(option) || is_data_option(option) ? " -r -F" : " -x");
  if (is_data_option(option)) {
    text_add(out, " -a '");
    add_data(out);
    text_add(out, "'");
  }
  if (option->choices[0]) {
    text_add(out, " -a '");
    add_choices(out, option->choices);
    text_add(out, "'");
  }
  text_add(out, " -d '");
  for (const char *c = option_help(command, number); *c; c++)
    text_add(out, *c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
  text_add(out, "'\n");
}

void completion_fish(Text *out) {
  text_add(out, "# fish completion of blur. Made from cli/commands.def, options.def and choices.def by blur_pages.\n"
                "complete -c blur -f\n"
                "complete -c blur -n __fish_use_subcommand -l version -d 'print the version'\n");
  for (int i = 0; i < COMMAND_COUNT; i++) {
    const CommandInfo *command = &command_table[i];
    text_add(out, "complete -c blur -n __fish_use_subcommand -a %s -d '", command->name);
    for (const char *c = command->summary; *c; c++) text_add(out, *c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
    text_add(out, "'\n");
    WordKind kind = operand_kind((CommandName)i);
    if (kind == WORD_RULE)
      text_add(out,
               "complete -c blur -n '__fish_seen_subcommand_from %s' -a '(blur rules 2>/dev/null | string match -r "
               "\"^std[.][a-z0-9_]+\")'\n",
               command->name);
    if (i == COMMAND_explain)
      text_add(out, "complete -c blur -n '__fish_seen_subcommand_from explain' -a 'experiment (blur explain --index "
                    "2>/dev/null | string match -rg \"^### ([EW][0-9]+)\")'\n");
    if (kind == WORD_RULE || kind == WORD_RULE_FILE)
      text_add(out, "complete -c blur -n '__fish_seen_subcommand_from %s' -a '(__fish_complete_suffix .blur)'\n",
               command->name);
    if (kind == WORD_PASS)
      text_add(out,
               "complete -c blur -n '__fish_seen_subcommand_from %s' -a '(blur pass 2>/dev/null | string match -r "
               "\"^[a-z_]+\")'\n",
               command->name);
    if (kind == WORD_RUNS)
      text_add(out, "complete -c blur -n '__fish_seen_subcommand_from %s' -a 'show compare export'\n", command->name);
    if (kind == WORD_DATA) {
      text_add(out, "complete -c blur -n '__fish_seen_subcommand_from %s' -F -a '", command->name);
      add_data(out);
      text_add(out, "'\n");
    }
    for (int o = 0; o < OPTION_COUNT; o++)
      if (command_takes((CommandName)i, o)) fish_option(out, (CommandName)i, o);
  }
}
