// Shows a compiler's report and turns it into an exit code.
#include "cli/command.h"

#include <stdio.h>
#include <unistd.h>

int report_finish(const Arguments *arguments, BlurReport *report) {
  (void)arguments;
  const char *text = blur_report_text(report, isatty(STDERR_FILENO) == 1);
  fflush(stdout);
  fputs(text, stderr);
  if (!blur_report_errors(report)) return blur_report_is_environment(report) ? EXIT_ENVIRONMENT : EXIT_DONE;
  return blur_report_is_environment(report) ? EXIT_ENVIRONMENT : EXIT_INPUT;
}
