// A construct is found in a rule's text, whatever the generator meant to write.
#include "tests/differential/coverage.h"

#include <fnmatch.h>
#include <stddef.h>

static const struct {
  const char *name, *pattern; // of fnmatch, anywhere in the text
} constructs[] = {
    {"neuron", "neuron a"},
    {"states", "neuron a[0-9]\\[k\\]"},
    {"large state axis", "neuron a[0-9]\\[n\\]"},
    {"persistent", "persistent"},
    {"one a neuron (unit)", "(unit)"},
    {"synapse, bias", " bias ~"},
    {"synapse (post)", "synapse * (post)"},
    {"synapse (output, pre)", "(output, pre)"},
    {"synapse (post, post2)", "(post, post2)"},
    {"synapse (pre, pre2)", "(pre, pre2)"},
    {"trace of a sample", "(batch, pre, post)"},
    {"like", " like w"},
    {"signal", "signal r[0-9]"},
    {"signal (batch)", "signal r* (batch)"},
    {"genome", "genome g"},
    {"per layer", "per layer"},
    {"per neuron", "per neuron"},
    {"per synapse", "per synapse"},
    {"uniform initial values", "~ uniform"},
    {"orthogonal initial values", "~ orthogonal"},
    {"initial values of genome", "~ normal(0, g"},
    {"forward", "  forward {"},
    {"backward", "  backward {"},
    {"feedback", "  feedback {"},
    {"update", "  update {"},
    {"pass up", "  pass [a-z0-9]* up"},
    {"pass down", "  pass [a-z0-9]* down"},
    {"pass all", " all {"},
    {"at input", "at input"},
    {"at output", "at output"},
    {"at each", "at each"},
    {"step", "  step {"},
    {"predict with blocks", "  predict {"},
    {"repeat", "repeat [0-9]"},
    {"repeat with index", "repeat p"},
    {"repeat in repeat", "\n      repeat "},
    {"range on the left", "..\\] <-"},
    {"let", "    let z"},
    {"let with index", "let u[0-9]*\\["},
    {"vector", "let z[0-9]* = \\["},
    {"if, then, else", "(if *then"},
    {"if of statements", "    if k"},
    {"position of an index", "(if c[0-9]* == 0"},
    {"position of an axis", "post2 <= post"},
    {"axis in place of another", "post=post2"},
    {"output axis", "output."},
    {"post2 axis", "post2."},
    {"pre2 axis", "pre2."},
    {"x", "<- *x"},
    {"y", "[ (*-]y[ )\n]"},
    {"first, last", "last then"},
    {"bias as a truth", "if bias"},
    {"fan_in, fan_out", "fan_"},
    {"layer, layers", "layer/layers"},
    {"step counter", "step/"},
    {"training", "if training"},
    {"normal noise", "normal([a-z]"},
    {"uniform noise", "uniform([a-z]"},
    {"function of one's own", "own([!x]"},
    {"f'", "own'("},
    {"f''", "own''("},
    {"function with an index", "norm\\[c[0-9]"},
    {"function with axes", "spread([a-z]"},
    {"f' of a function with axes", "energy'("},
    {"gradient of a loss", "squared_error'("},
    {"surrogate", "spike([!x]"},
    {"f' of a surrogate", "spike'("},
    {"stop", "stop("},
    {"sum", "sum("},
    {"mean", "mean([a-z]"},
    {"var", "var("},
    {"max", "[!t]max([a-z]*: "},
    {"min", "min([a-z]*: "},
    {"prod", "prod("},
    {"norm2", "norm2("},
    {"argmax", "argmax("},
    {"standardize", "standardize(batch: [!z]"},
    {"softmax", "softmax("},
    {"layernorm", "layernorm("},
    {"floor, sign, mod", "[fsm][lio][ogd][on(]"},
};
enum { COUNT = sizeof constructs / sizeof *constructs };
_Static_assert((int)COUNT <= (int)MOST_CONSTRUCTS, "the table of constructs is longer than its users expect");

int coverage_constructs(void) { return COUNT; }
const char *coverage_name(int construct) { return constructs[construct].name; }

bool coverage_uses(const char *script, int construct) {
  char pattern[80] = "*";
  size_t length = 1;
  for (const char *c = constructs[construct].pattern; *c; c++) pattern[length++] = *c;
  pattern[length] = '*';
  pattern[length + 1] = 0;
  return fnmatch(pattern, script, 0) == 0;
}
