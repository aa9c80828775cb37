// blur emit RULE --stage=...: prints a stage of a rule's compilation.
#include "cli/command.h"

#include <stdlib.h>
#include <string.h>

int command_emit(const Arguments *arguments) {
  BlurOptions options;
  BlurLoss loss;
  if (!exactly_one_operand(arguments, "a rule")) return EXIT_USAGE;
  if (!network_options(arguments, false, 0, 0, &options)) return EXIT_USAGE;
  if (!options.units) { // a small network stands in
    static const int64_t few[] = {4, 3, 2};
    int64_t *units = malloc(sizeof few);
    if (!units) return EXIT_ENVIRONMENT;
    memcpy(units, few, sizeof few);
    options.units = units;
    options.layers = 3;
    if (!option_given(arguments, OPTION_batch)) options.batch = 8;
  }
  int code = EXIT_USAGE;
  if (option_loss(arguments, options.units[options.layers - 1], &loss)) {
    const char *stage = option_given(arguments, OPTION_stage) ? arguments->value[OPTION_stage] : "ir";
    BlurReport *report = blur_report_create();
    char *text =
        blur_emit(arguments->operand[0], arguments->settings, arguments->setting_count, loss, stage, &options, report);
    if (text) print_text(text);
    free(text);
    code = report_finish(arguments, report);
    blur_report_destroy(report);
  }
  free((void *)(uintptr_t)options.units);
  return code;
}
