// Runs IR programs on random values, so that a program before a pass and after it can be compared: an element has the
// same value in both, whatever the pass has made of the buffers (split by states, renamed by versions).
#ifndef BLUR_TESTS_IR_RUN_H
#define BLUR_TESTS_IR_RUN_H

#include "compiler/ir/ir.h"

// Parses and verifies; fails the test with the message if it cannot.
IrProgram *ir_run_parse(Arena *arena, const char *text);
// Storage of every buffer after one run: [buffer][element]. Elements that live in are drawn from (-1, 1) by `seed` and
// their identity (the buffer that they come from, the element in it), all others start as nan.
double **ir_run(Arena *arena, const IrProgram *program, unsigned seed);
// The largest difference, relative to max(1, largest entry of the buffer), of what lives out of `after` from the same
// elements of `before`; infinity where one is finite and the other is not. *compared: how many elements.
double ir_run_difference(const IrProgram *before, double *const *before_storage, const IrProgram *after,
                         double *const *after_storage, int64_t *compared);
// `reverse` is what the pass `adjoint` has made of `program`: the largest difference, relative to 1 + its size, of each
// adjoint that lives out from the central difference of what lives out of `program`, weighted by the adjoints in.
double ir_run_adjoint_error(const IrProgram *program, const IrProgram *reverse, unsigned seed, int64_t *compared);
// The part of a printed program behind its declarations: statements only.
const char *ir_run_statements(const char *printed);

#endif
