// blur explain RULE | CODE | experiment | --index: what a rule computes, what diagnostics mean, which fields an
// experiment has.
#include "blur/experiment.h"
#include "cli/command.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool looks_like_code(const char *word) {
  if (!strchr("EWew", word[0]) || strlen(word) != 5) return false;
  for (int i = 1; i < 5; i++)
    if (!isdigit((unsigned char)word[i])) return false;
  return true;
}

static int explain_rule(const Arguments *arguments, const BlurOptions *options, BlurLoss loss) {
  BlurReport *report = blur_report_create();
  BlurRule *rule = blur_rule_load(arguments->operand[0], arguments->settings, arguments->setting_count, loss, report);
  char *text = rule ? blur_explain_rule(rule, options->units ? options : NULL, report) : NULL;
  if (text) print_text(text);
  free(text);
  blur_rule_destroy(rule);
  int code = report_finish(arguments, report);
  blur_report_destroy(report);
  return code;
}

static int print_index(const Arguments *arguments) {
  if (arguments->operand_count) {
    complain(arguments, "--index stands alone");
    return EXIT_USAGE;
  }
  char *text = blur_explain_index();
  print_text(text);
  free(text);
  return EXIT_DONE;
}

int command_explain(const Arguments *arguments) {
  if (option_given(arguments, OPTION_index)) return print_index(arguments);
  if (!exactly_one_operand(arguments, "a rule, or a code such as E0212,")) return EXIT_USAGE;
  const char *what = arguments->operand[0];
  if (strcmp(what, "experiment") == 0) {
    char *text = blur_experiment_help(false);
    if (text) print_text(text);
    free(text);
    return EXIT_DONE;
  }
  if (looks_like_code(what)) {
    char code[8];
    snprintf(code, sizeof code, "%c%s", toupper((unsigned char)what[0]), what + 1);
    const char *title, *text = blur_explain_code(code, &title);
    if (!text) {
      complain(arguments, "there is no diagnostic %s; `blur explain --index` lists them", code);
      return EXIT_USAGE;
    }
    printf("%s %s: %s\n\n%s%s", code[0] == 'E' ? "error" : "warning", code, title, text,
           text[0] && text[strlen(text) - 1] == '\n' ? "" : "\n");
    return EXIT_DONE;
  }
  BlurOptions options;
  BlurLoss loss;
  if (!network_options(arguments, false, 0, 0, &options)) return EXIT_USAGE;
  int code = EXIT_USAGE;
  if (option_loss(arguments, options.units ? options.units[options.layers - 1] : 0, &loss))
    code = explain_rule(arguments, &options, loss);
  free((void *)(uintptr_t)options.units);
  return code;
}
