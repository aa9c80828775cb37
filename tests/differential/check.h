// One generated rule: JIT against interpreter, in double and float, on every CPU level, by one thread and two.
#ifndef BLUR_TESTS_CHECK_H
#define BLUR_TESTS_CHECK_H

#include "blur/compiler.h"
#include "tests/differential/generate.h"

#include <stdbool.h>

enum { CHECK_PRECISIONS = 2 }; // double, float

// What is compiled.
typedef struct {
  int precision; // -1: both
  BlurCpu cpu;   // BLUR_CPU_NATIVE: every level that this machine has
  int threads;   // 0: 1 and 2
} CheckChoice;

typedef enum { CHECK_AGREES, CHECK_NO_RULE, CHECK_FAILS } CheckVerdict;

typedef struct {
  CheckVerdict verdict;
  bool dull;                                  // the interpreter's numbers are not finite, constant or saturated
  int variables, undecided[CHECK_PRECISIONS]; // all; those that are not compared
  CheckChoice failing;
  char what[1200];
} CheckResult;

// In a process of its own: what ends it, or hangs, is a failure like any other. `silent`: without its messages.
CheckResult check_case(const GeneratedCase *generated, uint64_t seed, const CheckChoice *choice, bool silent);
// Compiles a small rule for every level, so that later processes find the code generator ready.
void check_warm_up(void);

#endif
