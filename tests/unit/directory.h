// A directory of a test's own, made before it and removed after it: TestSuite(x, .init = make_directory, .fini =
// remove_directory).
#ifndef BLUR_TESTS_DIRECTORY_H
#define BLUR_TESTS_DIRECTORY_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[] = "/tmp/blur-test-XXXXXX";

static inline void make_directory(void) { cr_assert(mkdtemp(directory)); }

static inline void remove_directory(void) {
  char command[64];
  snprintf(command, sizeof command, "rm -r %s", directory);
  cr_assert_eq(system(command), 0);
}

// A path in it, valid until the fourth call after this one.
static inline const char *path_of(const char *name) {
  static char paths[4][512];
  static int next;
  next = (next + 1) % 4;
  snprintf(paths[next], sizeof paths[next], "%s/%s", directory, name);
  return paths[next];
}

#endif
