// The table of passes, for the driver, `blur pass` and the golden tests.
#include "compiler/passes/passes.h"

#include <string.h>

const Pass pass_table[] = {
    {"simplify", "algebra on values: constants folded, factors that do not vary taken out of sums", pass_simplify},
    {"contract", "sums of products over several axes, nested in the cheapest order", pass_contract},
    {"unroll_states", "every state of a variable a buffer of its own, sums over states written out",
     pass_unroll_states},
    {"version", "every assignment a new buffer, so that a read means the same wherever it stands", pass_version},
    {"propagate", "known constants and copies in the place of reads", pass_propagate},
    {"hoist", "what a repeat computes alike in every iteration computed before it", pass_hoist},
    {"multiply_add", "x*y + z as one operation, rounded once", pass_multiply_add},
    {"dead", "assignments that nothing reads dropped", pass_dead},
    {"share", "values with a sum in them that a statement uses several times as temporaries", pass_share},
    {"adjoint", "the program's reverse: derivatives of what it leaves to derivatives of what it finds", pass_adjoint},
    {"tangent", "how all that the program computes changes with what lives in", pass_tangent},
};
const size_t pass_count = sizeof pass_table / sizeof *pass_table;

const Pass *pass_find(const char *name) {
  for (size_t i = 0; i < pass_count; i++)
    if (!strcmp(pass_table[i].name, name)) return &pass_table[i];
  return NULL;
}
