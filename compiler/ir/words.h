// The words of the IR's text form that printer and parser share.
#ifndef BLUR_IR_WORDS_H
#define BLUR_IR_WORDS_H

#include "compiler/ir/ir.h"

enum {
  WORDS_AXIS_KINDS = AXIS_KIND_UNIT + 1,
  WORDS_ROLES = ROLE_TANGENT + 1,
  WORDS_REDUCTIONS = REDUCE_ARGMAX + 1,
  WORDS_MAX_NESTING = 400 // of expressions and of repeats; printed text stays well below it
};

extern const char *const words_axis_kind[WORDS_AXIS_KINDS];
extern const char *const words_role[WORDS_ROLES];

#endif
