// blur check FILE...: all errors and warnings of rule files.
#include "cli/command.h"

#include <stdio.h>

int command_check(const Arguments *arguments) {
  if (!arguments->operand_count) {
    complain(arguments, "a file is needed");
    return EXIT_USAGE;
  }
  BlurReport *report = blur_report_create();
  for (size_t i = 0; i < arguments->operand_count; i++) blur_check_file(arguments->operand[i], report);
  if (option_given(arguments, OPTION_json)) print_text(blur_report_json(report));
  int code = report_finish(arguments, report);
  blur_report_destroy(report);
  return code;
}
