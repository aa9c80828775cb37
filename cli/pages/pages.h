// The parts of blur_pages, a program of the build: it writes the manual's pages and the shells' completions from the
// tables that --help is made from.
#ifndef BLUR_CLI_PAGES_H
#define BLUR_CLI_PAGES_H

#include "base/text.h"
#include "cli/tables.h"

#include <stdio.h>

void manual_of_all(Text *out);                          // blur.1
void manual_of_command(CommandName command, Text *out); // blur-COMMAND.1
void completion_bash(Text *out);
void completion_zsh(Text *out);
void completion_fish(Text *out);

// What an operand or an option's argument is, told by its placeholder.
typedef enum { WORD_OTHER, WORD_RULE, WORD_RULE_FILE, WORD_FILE, WORD_PASS, WORD_DATA, WORD_RUNS } WordKind;
WordKind word_kind(const char *placeholder);

#endif
