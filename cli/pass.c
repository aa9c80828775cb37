// blur pass NAME: runs one pass on the programs whose IR text standard input has.
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_IR_BYTES = 64 << 20 };

// The whole of standard input; NULL after a message.
static char *read_input(const Arguments *arguments, size_t *length) {
  size_t capacity = 1 << 16;
  char *text = malloc(capacity);
  *length = 0;
  while (text) {
    size_t got = fread(text + *length, 1, capacity - *length, stdin);
    *length += got;
    if (*length < capacity) break;
    if (capacity >= MAX_IR_BYTES) {
      complain(arguments, "standard input has more than %d MiB", MAX_IR_BYTES >> 20);
      free(text);
      return NULL;
    }
    char *bigger = realloc(text, capacity *= 2);
    if (!bigger) free(text);
    text = bigger;
  }
  if (text && ferror(stdin)) {
    complain(arguments, "standard input could not be read: %s", strerror(errno));
    free(text);
    return NULL;
  }
  if (!text) complain(arguments, "out of memory");
  return text;
}

int command_pass(const Arguments *arguments) {
  const char *const *names, *const *summaries;
  size_t count = blur_pass_names(&names, &summaries);
  if (!arguments->operand_count) {
    for (size_t i = 0; i < count; i++) printf("%-16s %s\n", names[i], summaries[i]);
    return EXIT_DONE;
  }
  if (!exactly_one_operand(arguments, "a pass")) return EXIT_USAGE;
  const char *name = arguments->operand[0];
  bool known = false;
  for (size_t i = 0; i < count; i++) known |= strcmp(names[i], name) == 0;
  size_t length = 0;
  char *input = known ? read_input(arguments, &length) : NULL; // nobody is to type for a pass that is none
  if (known && !input) return EXIT_ENVIRONMENT;
  BlurReport *report = blur_report_create();
  char *text = blur_run_pass(name, input ? input : "", length, report);
  if (text) print_text(text);
  free(text);
  free(input);
  int code = report_finish(arguments, report);
  blur_report_destroy(report);
  return known ? code : EXIT_USAGE;
}
