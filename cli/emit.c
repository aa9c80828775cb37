// blur emit RULE --stage=...: prints a stage of a rule's compilation.
#include "cli/command.h"

#include <stdlib.h>

int command_emit(const Arguments *arguments) {
  BlurOptions options;
  BlurLoss loss;
  if (!exactly_one_operand(arguments, "a rule")) return EXIT_USAGE;
  if (!network_options(arguments, false, 0, 0, &options)) return EXIT_USAGE;
  int code = EXIT_USAGE;
  if (option_loss(arguments, options.units ? options.units[options.layers - 1] : 0, &loss)) {
    const char *stage = option_given(arguments, OPTION_stage) ? arguments->value[OPTION_stage] : "ir";
    BlurReport *report = blur_report_create();
    char *text = blur_emit(arguments->operand[0], arguments->settings, arguments->setting_count, loss, stage,
                           options.units ? &options : NULL, report);
    if (text) print_text(text);
    free(text);
    code = report_finish(arguments, report);
    blur_report_destroy(report);
  }
  free((void *)(uintptr_t)options.units);
  return code;
}
