// blur fmt FILE...: formats rule files in place. A file with errors stays as it is.
#include "base/file.h"
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int worse(int first, int second) { return first > second ? first : second; }

static int replace_file(const Arguments *arguments, const char *path, const char *text) {
  BlurStatus status = {0};
  bool written = file_write(path, text, strlen(text), &status);
  if (!written) complain(arguments, "%s", status.message);
  return written ? EXIT_DONE : EXIT_ENVIRONMENT;
}

static int format_file(const Arguments *arguments, const char *path, BlurReport *report) {
  bool changed = false;
  char *text = blur_format_file(path, &changed, report);
  if (!text) return EXIT_INPUT;
  int code = EXIT_DONE;
  if (option_given(arguments, OPTION_check)) {
    if (changed) printf("%s\n", path);
    if (changed) code = EXIT_INPUT;
  } else if (option_given(arguments, OPTION_stdout)) {
    print_text(text);
  } else if (changed) {
    code = replace_file(arguments, path, text);
  }
  free(text);
  return code;
}

int command_fmt(const Arguments *arguments) {
  if (!arguments->operand_count) {
    complain(arguments, "a file is needed");
    return EXIT_USAGE;
  }
  if (option_given(arguments, OPTION_check) && option_given(arguments, OPTION_stdout)) {
    complain(arguments, "--check and --stdout exclude each other");
    return EXIT_USAGE;
  }
  BlurReport *report = blur_report_create();
  int code = EXIT_DONE;
  for (size_t i = 0; i < arguments->operand_count; i++)
    code = worse(code, format_file(arguments, arguments->operand[i], report));
  code = worse(code, report_finish(arguments, report));
  blur_report_destroy(report);
  return code;
}
