// blur rules: the library, each file with its first line.
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int longest(const char *const *names, size_t count) {
  size_t length = 0;
  for (size_t i = 0; i < count; i++)
    if (strlen(names[i]) > length) length = strlen(names[i]);
  return (int)length;
}

static void list(const Arguments *arguments, const char *kind, const char *const *names, size_t count, int width,
                 bool *first) {
  for (size_t i = 0; i < count; i++) {
    char *summary = blur_library_summary(names[i]);
    if (option_given(arguments, OPTION_json)) {
      printf("%s\n  {\"name\": ", *first ? "[" : ",");
      print_json_string(names[i]);
      printf(", \"kind\": \"%s\", \"summary\": ", kind);
      print_json_string(summary ? summary : "");
      printf("}");
    } else {
      printf("%s%s%-*s %s\n", i ? "" : kind, i ? "" : "s:\n", width, names[i], summary ? summary : "");
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
  const char *const *names, *const *modules;
  bool first = true;
  size_t count = blur_library_rules(&names), module_count = blur_library_modules(&modules);
  int width = longest(names, count), other = longest(modules, module_count);
  if (other > width) width = other;
  list(arguments, "rule", names, count, width, &first);
  if (!option_given(arguments, OPTION_json)) printf("\n");
  list(arguments, "module", modules, module_count, width, &first);
  if (option_given(arguments, OPTION_json)) printf("%s\n]\n", first ? "[" : "");
  return EXIT_DONE;
}
