// What all commands print alike: complaints, reports, JSON strings; and the check that what was printed has arrived.
#include "cli/tables.h"

#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void complain(const Arguments *arguments, const char *format, ...) {
  va_list list;
  va_start(list, format);
  fflush(stdout);
  fprintf(stderr, "blur %s: ", command_table[arguments->command].name);
  vfprintf(stderr, format, list);
  fputc('\n', stderr);
  va_end(list);
}

void *must(void *memory) {
  if (memory) return memory;
  fprintf(stderr, "blur: out of memory\n");
  exit(EXIT_ENVIRONMENT);
}

bool path_ends_with(const char *path, const char *ending) {
  size_t length = strlen(path), tail = strlen(ending);
  return length > tail && strcmp(path + length - tail, ending) == 0;
}

void print_text(const char *text) { fputs(text, stdout); }

bool output_is_abandoned(void) {
  struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
  return poll(&output, 1, 0) == 1 && (output.revents & POLLERR);
}

int finish_output(int code) {
  errno = 0;
  bool failed = ferror(stdout) != 0;
  if (fflush(stdout) != 0) failed = true;
  if (!failed || code != EXIT_DONE) return code;
  if (output_is_abandoned()) return EXIT_CLOSED_PIPE;
  fprintf(stderr, "blur: standard output could not be written%s%s\n", errno ? ": " : "", errno ? strerror(errno) : "");
  return EXIT_ENVIRONMENT;
}

void print_json_string(const char *text) {
  Text json = {0};
  text_add_json_string(&json, text);
  fputs(text_get(&json), stdout);
  text_free(&json);
}

void print_json_number(const char *name, double number) {
  printf(", \"%s\": ", name);
  if (isfinite(number)) printf("%.17g", number);
  else printf("null");
}
