// The command line: the tables turned into a parser and into help. Before: main.c; after: the
// commands.
#include "base/near_name.h"
#include "cli/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- parsing

static bool unknown_option(const Arguments *arguments, const char *word, size_t length) {
  char name[64];
  snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), word);
  const char *names[OPTION_COUNT];
  size_t count = 0;
  for (int i = 0; i < OPTION_COUNT; i++)
    if (command_takes(arguments->command, i)) names[count++] = option_table[i].name;
  const char *near = near_name(name, names, count), *command = command_table[arguments->command].name;
  fprintf(stderr, "blur %s: there is no option `--%s`", command, name);
  if (!near) near = begun_name(name, names, count);
  if (near) fprintf(stderr, "; did you mean `--%s`?", near);
  fprintf(stderr, "\nRun `blur %s --help` for the list.\n", command);
  return false;
}

static bool add_setting(Arguments *arguments, const char *text) {
  const char *equals = strchr(text, '=');
  if (!equals || equals == text || !equals[1]) {
    complain(arguments, "--set wants NAME=VALUE, as in --set lr=0.1, not `%s`", text);
    return false;
  }
  char *name = strndup(text, (size_t)(equals - text));
  if (!name) abort();
  arguments->settings[arguments->setting_count++] = (BlurSetting){name, equals + 1};
  return true;
}

bool arguments_parse(Arguments *arguments, CommandName command, int count, char **words) {
  *arguments = (Arguments){.command = command};
  arguments->operand = calloc((size_t)count + 1, sizeof *arguments->operand);
  arguments->settings = calloc((size_t)count + 1, sizeof *arguments->settings);
  if (!arguments->operand || !arguments->settings) {
    complain(arguments, "out of memory");
    return false;
  }
  bool only_operands = false;
  for (int i = 0; i < count; i++) {
    const char *word = words[i];
    if (!only_operands && strcmp(word, "--") == 0) {
      only_operands = true;
      continue;
    }
    if (!only_operands && strcmp(word, "-h") == 0) word = "--help";
    if (only_operands || strncmp(word, "--", 2) != 0) {
      arguments->operand[arguments->operand_count++] = word;
      continue;
    }
    const char *name = word + 2;
    size_t length = strcspn(name, "=");
    int option = 0;
    while (option < OPTION_COUNT && !(command_takes(command, option) && strlen(option_table[option].name) == length &&
                                      strncmp(option_table[option].name, name, length) == 0))
      option++;
    if (option == OPTION_COUNT) return unknown_option(arguments, name, length);
    const char *value = name[length] ? name + length + 1 : NULL;
    if (!option_table[option].argument) {
      if (value) {
        complain(arguments, "--%s takes no value", option_table[option].name);
        return false;
      }
      value = "";
    } else if (option_is_open(option) && !value) {
      value = "";
    } else {
      if (!value && i + 1 < count) value = words[++i];
      if (!value || !*value) {
        complain(arguments, "--%s wants a value: --%s %s", option_table[option].name, option_table[option].name,
                 option_table[option].argument);
        return false;
      }
    }
    if (option == OPTION_set && !add_setting(arguments, value)) return false;
    arguments->value[option] = value;
  }
  return true;
}

void arguments_free(Arguments *arguments) {
  for (size_t i = 0; i < arguments->setting_count; i++) free((void *)(uintptr_t)arguments->settings[i].name);
  free(arguments->settings);
  free(arguments->operand);
}

// ---- help

void help_all(void) {
  printf("blur %s: a compiler for neural update rules\n\nUsage: blur COMMAND [OPTIONS]\n\nCommands:\n", blur_version());
  for (int i = 0; i < COMMAND_COUNT; i++) printf("  %-8s %s\n", command_table[i].name, command_table[i].summary);
  printf("\nA RULE is a path (rule.blur), one rule of a file (path:rule), or one of the library (std.adam).\n"
         "`blur COMMAND --help` lists a command's options. `blur --version` prints the version.\n\nExit codes:\n");
  for (const Fact *fact = exit_codes; fact->name; fact++) printf("  %-3s %s\n", fact->name, fact->meaning);
}

// Prints words at a left margin, breaking lines before column 100.
static void print_wrapped(const char *text, int margin, int column) {
  for (bool first = true; *text; first = false) {
    int length = (int)strcspn(text, " ");
    if (!first && column + 1 + length > 100) {
      printf("\n%*s", margin, "");
      column = margin;
    } else if (!first) {
      putchar(' ');
      column++;
    }
    printf("%.*s", length, text);
    column += length;
    text += length;
    text += strspn(text, " ");
  }
  putchar('\n');
}

void help_command(CommandName command) {
  printf("blur %s %s%s[OPTIONS]: %s\n\n", command_table[command].name, command_table[command].operands,
         *command_table[command].operands ? " " : "", command_table[command].summary);
  print_wrapped(command_table[command].details, 0, 0);
  printf("\nOptions:\n");
  for (int i = 0; i < OPTION_COUNT; i++) {
    if (!command_takes(command, i)) continue;
    char left[64], text[512];
    const char *argument = option_table[i].argument ? option_table[i].argument : "";
    if (option_is_open(i)) snprintf(left, sizeof left, "--%s[=%s", option_table[i].name, argument + 1);
    else snprintf(left, sizeof left, "--%s%s%s", option_table[i].name, *argument ? " " : "", argument);
    const char *shown = option_shown(command, i);
    snprintf(text, sizeof text, "%s%s%s", option_help(command, i), shown ? "; default: " : "", shown ? shown : "");
    printf("  %-22s ", left);
    print_wrapped(text, 25, 25);
  }
}
