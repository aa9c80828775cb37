// The tables of compiler/syntax/habits.h.
#include "compiler/syntax/habits.h"

#include "base/near_name.h"

#include <string.h>

typedef struct {
  const char *foreign, *own;
} Habit;

static const char *own_of(const Habit *habits, size_t count, const char *foreign) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(foreign, habits[i].foreign) == 0) return habits[i].own;
  return NULL;
}

#define OWN_OF(habits, foreign) own_of(habits, sizeof(habits) / sizeof *(habits), foreign)

// ---- words of declarations

static const Habit words_of_declarations[] = {
    {"def", "fn"},       {"func", "fn"},          {"function", "fn"},
    {"var", "let"},      {"weight", "synapse"},   {"weights", "synapse"},
    {"param", "genome"}, {"parameter", "genome"}, {"parameters", "genome"},
    {"state", "neuron"}, {"import", "use"},       {"include", "use"},
    {"init", "input"},   {"output", "predict"},   {"constant", "const"},
    {"class", "rule"},   {"return", "predict"},
};

const char *habit_word(const char *text, const char *const *words, size_t count) {
  const char *near = near_name(text, words, count), *own = near ? NULL : OWN_OF(words_of_declarations, text);
  for (size_t i = 0; own && i < count; i++)
    if (strcmp(words[i], own) == 0) near = words[i];
  return near;
}

// ---- functions

#define PRODUCT    "a product over an axis is a sum, whatever the shapes: `sum(pre: w * pre.h)`"
#define NO_SHAPE   "axes have names and stand in no order: nothing is transposed or reshaped"
#define NOISE      "noise names its axes: `normal(batch, post: 0, 1)`, `uniform(batch, post: 0, 1)`"
#define CHOICE     "a value is chosen by `if c then p else q`"
#define NUMBER     "a number is as wide as it needs to be: write `0` or `1`"
#define VECTOR     "states side by side are `[p, q]`"
#define DERIVATIVE "the derivative of a function is `f'(z)`"

static const Habit functions[] = {
    {"matmul", PRODUCT},
    {"mm", PRODUCT},
    {"bmm", PRODUCT},
    {"dot", PRODUCT},
    {"einsum", PRODUCT},
    {"outer", "an outer product is a product of two values with different axes: `pre.h * post.g`"},
    {"transpose", NO_SHAPE},
    {"permute", NO_SHAPE},
    {"reshape", NO_SHAPE},
    {"view", NO_SHAPE},
    {"flatten", NO_SHAPE},
    {"squeeze", NO_SHAPE},
    {"unsqueeze", NO_SHAPE},
    {"expand", NO_SHAPE},
    {"randn", NOISE},
    {"rand", NOISE},
    {"random", NOISE},
    {"randn_like", NOISE},
    {"rand_like", NOISE},
    {"dropout", "keep with the chance p: `(uniform(batch, post: 0, 1) < p) * z / p`"},
    {"where", CHOICE},
    {"zeros", NUMBER},
    {"ones", NUMBER},
    {"zeros_like", NUMBER},
    {"ones_like", NUMBER},
    {"cat", VECTOR},
    {"concat", VECTOR},
    {"concatenate", VECTOR},
    {"stack", VECTOR},
    {"detach", "a value with derivative 0 is `stop(z)`"},
    {"stop_gradient", "a value with derivative 0 is `stop(z)`"},
    {"grad", DERIVATIVE},
    {"backward", DERIVATIVE},
    {"item", "a value without axes is a number: use it as it is"},
    {"clip", "did you mean `clamp`?"},
    {"power", "did you mean `pow`?"},
    {"square", "write `z * z`"},
    {"ln", "did you mean `log`?"},
    {"heaviside", "a comparison is 0 or 1 where a number is needed: `(z > 0)`"},
    {"std", "write `sqrt(var(batch: z))`"},
    {"logsumexp", "did you mean `log_sum_exp`?"},
    {"mse_loss", "did you mean `squared_error(unit: h, y)`?"},
};

const char *habit_function(const char *name) { return OWN_OF(functions, name); }

// ---- names

#define TRUTH "a comparison, `first`, `last`, `training` are truth values as they stand: `if last then p else q`"

static const Habit names[] = {
    {"True", TRUTH},
    {"False", TRUTH},
    {"true", TRUTH},
    {"false", TRUTH},
    {"T", NO_SHAPE},
    {"target", "the target is `y`, seen in `feedback` and `at output`"},
    {"targets", "the target is `y`, seen in `feedback` and `at output`"},
    {"label", "the target is `y`, seen in `feedback` and `at output`"},
    {"labels", "the target is `y`, seen in `feedback` and `at output`"},
};

const char *habit_name(const char *name) { return OWN_OF(names, name); }

// ---- signs

static const Habit signs[] = {
    {"@", PRODUCT},       {"?", CHOICE},       {"%", "a remainder is `mod(p, q)`"},
    {"&", "write `and`"}, {"|", "write `or`"}, {"!", "write `not`"},
};

const char *habit_sign(const char *sign) { return OWN_OF(signs, sign); }

// ---- words that begin a statement

#define LOOP "every block runs on all its layers by itself; what is done again is `repeat 20 { ... }`, in `step`"
#define RULE "a rule is `rule NAME { ... }`, a function `fn f(z) = ...`"

static const Habit statements[] = {
    {"for", LOOP},
    {"while", LOOP},
    {"def", RULE},
    {"class", RULE},
    {"if", "a value is chosen by `if c then p else q`; constants choose statements: `if k > 1 { ... } else { ... }`"},
    {"with", "what runs without a derivative is `stop(z)`"},
};

const char *habit_statement(const char *word) { return OWN_OF(statements, word); }

// ---- what stands around a function

static bool is_one_of(const char *name, const char *const *words, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(name, words[i]) == 0) return true;
  return false;
}

bool habit_is_module(const char *name) {
  static const char *const modules[] = {"torch", "F", "nn", "np", "numpy", "jnp", "jax", "tf", "math", "functional"};
  return is_one_of(name, modules, sizeof modules / sizeof *modules);
}

bool habit_is_axis_argument(const char *name) {
  static const char *const arguments[] = {"dim", "axis", "dims", "axes", "keepdim", "keepdims"};
  return is_one_of(name, arguments, sizeof arguments / sizeof *arguments);
}
