// The manual's pages, in the macros of man(7).
#include "cli/pages/pages.h"

#include <ctype.h>
#include <string.h>

// Text for roff: signs that it would read are escaped, and what stands between ` and ` is bold.
static void add_escaped(Text *out, const char *text) {
  bool bold = false, line_begins = true;
  for (const char *c = text; *c; c++) {
    if (line_begins && (*c == '.' || *c == '\'')) text_add(out, "\\&");
    line_begins = *c == '\n';
    if (*c == '`') {
      bold = !bold;
      text_add(out, bold ? "\\fB" : "\\fR");
    } else if (*c == '-') text_add(out, "\\-");
    else if (*c == '\\') text_add(out, "\\e");
    else if (*c == '~') text_add(out, "\\(ti");
    else if (*c == '^') text_add(out, "\\(ha");
    else text_add_bytes(out, c, 1);
  }
  if (bold) text_add(out, "\\fR");
}

static void add_title(Text *out, const char *name) {
  text_add(out, ".\\\" Made from cli/commands.def and cli/options.def by blur_pages.\n.TH ");
  for (const char *c = name; *c; c++)
    if (*c == '-') text_add(out, "\\-");
    else text_add(out, "%c", toupper((unsigned char)*c));
  text_add(out, " 1 \"\" \"blur %s\" \"User Commands\"\n", blur_version());
}

static void add_facts(Text *out, const char *title, const Fact *facts) {
  text_add(out, ".SH %s\n", title);
  for (; facts->name; facts++) {
    text_add(out, ".TP\n.B %s\n", facts->name);
    add_escaped(out, facts->meaning);
    text_add(out, "\n");
  }
}

static void add_rules_paragraph(Text *out) {
  text_add(out, ".PP\n");
  add_escaped(out, "A RULE is a path (`rule.blur`: its only or last rule), one rule of a file (`path:rule`), or one of "
                   "the library (`std.adam`).");
  text_add(out, "\n");
}

void manual_of_all(Text *out) {
  add_title(out, "blur");
  text_add(out, ".SH NAME\nblur \\- a compiler for neural update rules\n.SH SYNOPSIS\n.B blur\n.I COMMAND\n"
                "[\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n");
  add_escaped(
      out, "A rule says what a network does in one step of learning on one batch. blur checks it, compiles it for one "
           "network, and trains that network.");
  text_add(out, "\n");
  add_rules_paragraph(out);
  text_add(out, ".SH COMMANDS\n");
  for (int i = 0; i < COMMAND_COUNT; i++) {
    text_add(out, ".TP\n.BR blur\\-%s (1)\n", command_table[i].name);
    add_escaped(out, command_table[i].summary);
    text_add(out, "\n");
  }
  add_facts(out, "EXIT STATUS", exit_codes);
  add_facts(out, "ENVIRONMENT", environment_variables);
  text_add(out, ".SH EXAMPLES\n.nf\n");
  static const char *const examples[] = {
      "blur check my.blur",
      "blur explain std.backprop --net 784-256-10",
      "blur train std.adam --set act=relu --net 784-256-10 --data fashion_mnist --save trained",
      "blur predict --load trained --data fashion_mnist",
  };
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    add_escaped(out, examples[i]);
    text_add(out, "\n");
  }
  text_add(out, ".fi\n");
}

void manual_of_command(CommandName command, Text *out) {
  const CommandInfo *info = &command_table[command];
  char name[64];
  snprintf(name, sizeof name, "blur-%s", info->name);
  add_title(out, name);
  text_add(out, ".SH NAME\nblur\\-%s \\- ", info->name);
  add_escaped(out, info->summary);
  text_add(out, "\n.SH SYNOPSIS\n.B blur %s\n", info->name);
  if (*info->operands) {
    text_add(out, ".I ");
    add_escaped(out, info->operands);
    text_add(out, "\n");
  }
  text_add(out, "[\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n");
  add_escaped(out, info->details);
  text_add(out, "\n");
  if (strstr(info->operands, "RULE")) add_rules_paragraph(out);
  text_add(out, ".SH OPTIONS\n");
  for (int i = 0; i < OPTION_COUNT; i++) {
    if (!command_takes(command, i)) continue;
    const OptionInfo *option = &option_table[i];
    text_add(out, ".TP\n\\fB\\-\\-");
    add_escaped(out, option->name);
    text_add(out, "\\fR");
    if (option->argument) {
      text_add(out, option_is_open(i) ? "[=\\fI" : " \\fI");
      add_escaped(out, option->argument + option_is_open(i));
      text_add(out, "\\fR");
    }
    text_add(out, "\n");
    add_escaped(out, option_help(command, i));
    if (option_shown(command, i)) {
      text_add(out, "; default: ");
      add_escaped(out, option_shown(command, i));
    }
    text_add(out, "\n");
  }
  add_facts(out, "EXIT STATUS", exit_codes);
  text_add(out, ".SH SEE ALSO\n.BR blur (1)\n");
}
