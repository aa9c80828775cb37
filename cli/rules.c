// blur rules: the library, each file with its first line.
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>

static void list(const Arguments *arguments, const char *kind, const char *const *names, size_t count, bool *first) {
  for (size_t i = 0; i < count; i++) {
    char *summary = blur_library_summary(names[i]);
    if (option_given(arguments, OPTION_json)) {
      printf("%s\n  {\"name\": ", *first ? "[" : ",");
      print_json_string(names[i]);
      printf(", \"kind\": \"%s\", \"summary\": ", kind);
      print_json_string(summary ? summary : "");
      printf("}");
    } else {
      printf("%s%s%-28s %s\n", i ? "" : kind, i ? "" : "s:\n", names[i], summary ? summary : "");
    }
    *first = false;
    free(summary);
  }
}

int command_rules(const Arguments *arguments) {
  if (arguments->operand_count) {
    complain(arguments, "no operands are wanted; `blur explain %s` tells about one rule", arguments->operand[0]);
    return EXIT_USAGE;
  }
  const char *const *names;
  bool first = true;
  size_t count = blur_library_rules(&names);
  list(arguments, "rule", names, count, &first);
  if (!option_given(arguments, OPTION_json)) printf("\n");
  count = blur_library_modules(&names);
  list(arguments, "module", names, count, &first);
  if (option_given(arguments, OPTION_json)) printf("%s\n]\n", first ? "[" : "");
  return EXIT_DONE;
}
