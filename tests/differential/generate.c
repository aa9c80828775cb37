// Grows a rule from a seed: declarations first, then expressions that respect axes, state indices and the unit neuron's
// row. Values are kept in a sane range by bounded functions, so that most rules are finite and neither constant nor
// saturated.
#include "tests/differential/generate.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MOST_VARIABLES = 4 };

typedef struct {
  char name[8];
  bool has_states;
} Variable;

typedef struct {
  uint64_t random;
  Text *out;
  int states; // k; variables have k states or none
  Variable neuron[MOST_VARIABLES], synapse[MOST_VARIABLES];
  int neurons, synapses;
  bool bias;          // all synapses share it
  int depth_of_names; // state indices in use: c, d, e
} Generator;

// Where an expression stands: which axes it may have, and which state index is bound (0: none).
typedef struct {
  bool batch, pre, post, unit;
  char state;
} Context;

static uint64_t next(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double generated_uniform(uint64_t *state) { return (double)(next(state) >> 11) * 0x1p-53; }

static int below(Generator *g, int count) { return (int)(next(&g->random) % (uint64_t)count); }
static bool chance(Generator *g, int percent) { return below(g, 100) < percent; }

static void expression(Generator *g, Context context, int depth);

static void state_index(Generator *g, Context context) {
  if (context.state && chance(g, 80)) text_add(g->out, "[%c]", context.state);
  else text_add(g->out, "[%d]", below(g, g->states));
}

static void number(Generator *g) { text_add(g->out, "%.3g", 0.1 + 0.01 * below(g, 150)); }

static void neuron(Generator *g, Context context) {
  const Variable *variable = &g->neuron[below(g, g->neurons)];
  if (!context.unit) text_add(g->out, context.pre ? "pre." : "post.");
  text_add(g->out, "%s", variable->name);
  if (variable->has_states) state_index(g, context);
}

static void leaf(Generator *g, Context context) {
  int choice = below(g, 100);
  bool can_read_neurons = context.batch && (context.pre || context.post || context.unit);
  if (can_read_neurons && choice < 70) neuron(g, context);
  else if (choice < 80) text_add(g->out, "g%d", below(g, 2));
  else if (choice < 88 && context.state) text_add(g->out, "gv[%c]", context.state);
  else if (choice < 91 && context.state) text_add(g->out, "(if %c == 0 then 0.7 else g0)", context.state);
  else if (choice < 94) text_add(g->out, "(if last then g1 else 0.4)");
  else if (choice < 96 && !context.unit) text_add(g->out, "1/fan_in");
  else number(g);
}

static void wrapped(Generator *g, const char *before, Context context, int depth, const char *after) {
  text_add(g->out, "%s", before);
  expression(g, context, depth);
  text_add(g->out, "%s", after);
}

static void unary(Generator *g, Context context, int depth) {
  static const char *const form[][2] = {{"tanh(", ")"},
                                        {"sigmoid(", ")"},
                                        {"relu(", ")"},
                                        {"sin(", ")"},
                                        {"cos(", ")"},
                                        {"erf(", ")"},
                                        {"softplus(", ")"},
                                        {"exp(-abs(", "))"},
                                        {"sqrt(0.1 + abs(", "))"},
                                        {"rsqrt(0.5 + abs(", "))"},
                                        {"log(1.5 + abs(", "))"},
                                        {"log1p(abs(", "))"},
                                        {"expm1(-abs(", "))"},
                                        {"abs(", ")"},
                                        {"-(", ")"},
                                        {"gelu(", ")"},
                                        {"silu(", ")"},
                                        {"own(", ")"},
                                        {"own'(", ")"},
                                        {"tanh'(", ")"},
                                        {"sigmoid'(", ")"},
                                        {"gelu'(", ")"},
                                        {"softplus'(", ")"},
                                        {"pow(0.3 + abs(", "), 1.5)"},
                                        {"clamp(", ", -1.2, 1.3)"},
                                        {"floor(0.5 + ", ")"},
                                        {"sign(", ")"},
                                        {"mod(", ", 0.7)"},
                                        {"act(", ")"},
                                        {"act'(", ")"}};
  int choice = below(g, (int)(sizeof form / sizeof *form));
  // Steps are kept rare: a comparison is skipped where a perturbation crosses one.
  if (choice >= 25 && choice <= 27 && chance(g, 80)) choice = 0;
  wrapped(g, form[choice][0], context, depth - 1, form[choice][1]);
}

static void binary(Generator *g, Context context, int depth) {
  static const char *const form[][3] = {{"(", " + ", ")"},   {"(", " - ", ")"},
                                        {"(", " * ", ")"},   {"(", " / (1 + abs(", ")))"},
                                        {"min(", ", ", ")"}, {"max(", ", ", ")"}};
  static const int weight[] = {0, 0, 0, 1, 1, 2, 2, 2, 3, 4, 5};
  int choice = weight[below(g, 11)];
  text_add(g->out, "%s", form[choice][0]);
  expression(g, context, depth - 1);
  text_add(g->out, "%s", form[choice][1]);
  expression(g, context, depth - 1);
  text_add(g->out, "%s", form[choice][2]);
}

static void choice_of_two(Generator *g, Context context, int depth) {
  wrapped(g, "(if ", context, depth - 2, chance(g, 50) ? " > " : " <= ");
  number(g);
  wrapped(g, " then ", context, depth - 1, " else ");
  wrapped(g, "", context, depth - 1, ")");
}

static void reduction(Generator *g, Context context, int depth) {
  static const char *const over_batch[] = {"mean(batch: ",      "var(batch: ",         "max(batch: ",    "min(batch: ",
                                           "norm2(batch: 0.3*", "standardize(batch: ", "0.1*sum(batch: "};
  static const char *const over_units[] = {"mean(unit: ", "softmax(unit: ", "var(unit: ", "max(unit: "};
  int choice = below(g, 10);
  if (choice < 5 && context.batch) wrapped(g, over_batch[below(g, 7)], context, depth - 1, ")");
  else if (choice < 7 && context.unit) wrapped(g, over_units[below(g, 4)], context, depth - 1, ")");
  else if (g->depth_of_names < 3) {
    char name = (char)('c' + g->depth_of_names++);
    Context inner = context;
    inner.state = name;
    if (context.state && chance(g, 60)) text_add(g->out, "sum(%c: gm[%c,%c]*", name, context.state, name);
    else text_add(g->out, chance(g, 80) ? "sum(%c: gv[%c]*" : "max(%c: gv[%c]*", name, name);
    wrapped(g, "", inner, depth - 1, ")");
    g->depth_of_names--;
  } else leaf(g, context);
}

static void expression(Generator *g, Context context, int depth) {
  int choice = depth <= 0 ? 0 : below(g, 100);
  if (choice < 18) leaf(g, context);
  else if (choice < 48) unary(g, context, depth);
  else if (choice < 78) binary(g, context, depth);
  else if (choice < 84) choice_of_two(g, context, depth);
  else reduction(g, context, depth);
}

// What arrives over the synapses: a sum of products over one side, as every rule has it. `first`: from the variable
// that the input is written to, so that what is predicted depends on it.
static void incoming(Generator *g, bool upward, char state, bool first) {
  const Variable *weight = &g->synapse[upward ? 0 : below(g, g->synapses)];
  const Variable *source = &g->neuron[first ? 0 : below(g, g->neurons)];
  const char *side = upward ? "pre" : "post";
  bool mixes = source->has_states && chance(g, 75);
  char bound = (char)(state ? state + 1 : 'c');
  text_add(g->out, "sum(%s", side);
  if (mixes) text_add(g->out, ", %c", bound);
  text_add(g->out, ": %s", weight->name);
  if (weight->has_states && state) text_add(g->out, "[%c]", state);
  else if (weight->has_states) text_add(g->out, "[%d]", below(g, g->states));
  if (mixes && state) text_add(g->out, " * gm[%c,%c]", state, bound);
  else if (mixes) text_add(g->out, " * gv[%c]", bound);
  text_add(g->out, " * %s.%s", side, source->name);
  if (mixes) text_add(g->out, "[%c]", bound);
  else if (source->has_states) text_add(g->out, "[%d]", first ? 0 : below(g, g->states));
  text_add(g->out, ")");
}

static void target(Generator *g, const char *side, const Variable *variable) {
  text_add(g->out, "    %s%s%s <- ", side, variable->name, variable->has_states ? "[c]" : "");
  g->depth_of_names = variable->has_states ? 1 : 0;
}

static void pass_block(Generator *g, bool upward) {
  text_add(g->out, "  %s {\n", upward ? "forward" : "backward");
  for (int n = 0; n < g->neurons; n++) {
    const Variable *variable = &g->neuron[n];
    const char *brackets = variable->has_states ? "[c]" : "";
    char state = variable->has_states ? 'c' : 0;
    Context context = {.batch = true, .pre = !upward, .post = upward, .state = state};
    if (chance(g, 30)) {
      text_add(g->out, "    let z%d%s = %s", n, brackets, state ? "gv[c] * " : "");
      incoming(g, upward, state, upward && n == 0);
      text_add(g->out, "\n");
      target(g, upward ? "post." : "pre.", variable);
      text_add(g->out, "act(z%d%s", n, brackets);
    } else {
      target(g, upward ? "post." : "pre.", variable);
      text_add(g->out, chance(g, 30) ? "act(standardize(batch: " : "act((");
      incoming(g, upward, state, upward && n == 0);
      text_add(g->out, ")");
    }
    if (chance(g, 70)) wrapped(g, " + 0.5*", context, 3, "");
    text_add(g->out, ")\n");
  }
  text_add(g->out, "  }\n");
}

static void update_block(Generator *g) {
  text_add(g->out, "  update {\n");
  for (int s = 0; s < g->synapses; s++) {
    const Variable *variable = &g->synapse[s];
    const char *brackets = variable->has_states ? "[c]" : "";
    char state = variable->has_states ? 'c' : 0;
    Context before = {.batch = true, .pre = true, .state = state},
            after = {.batch = true, .post = true, .state = state};
    target(g, "", variable);
    text_add(g->out, chance(g, 25) ? "tanh(" : "(");
    text_add(g->out, "0.95*%s%s + 0.1*mean(batch: (", variable->name, brackets);
    wrapped(g, "", before, 2, ") * (");
    wrapped(g, "", after, 2, ")");
    if (chance(g, 20)) text_add(g->out, " - 0.1*%s%s", variable->name, brackets);
    text_add(g->out, ")");
    if (chance(g, 30)) text_add(g->out, " - 0.05*%s%s*abs(%s%s)", variable->name, brackets, variable->name, brackets);
    text_add(g->out, ")\n");
  }
  text_add(g->out, "  }\n");
}

static void declare(Generator *g) {
  static const char *const activation[] = {"tanh", "sigmoid", "silu", "relu_tanh", "gelu", "tanh"};
  static const char *const own[] = {"x / (1 + x*x)", "sin(x) * exp(-x*x)", "if x > 0.1 then x else 0.2*tanh(x)",
                                    "{ let e = exp(-abs(x)); x * e }"};
  text_add(g->out, "rule generated {\n  const k = %d\n  fn act = %s\n", g->states, activation[below(g, 6)]);
  text_add(g->out, "  fn own(x) = %s\n  neuron ", own[below(g, 4)]);
  for (int n = 0; n < g->neurons; n++)
    text_add(g->out, "%s%s%s", n ? ", " : "", g->neuron[n].name, g->neuron[n].has_states ? "[k]" : "");
  text_add(g->out, "\n");
  for (int s = 0; s < g->synapses; s++)
    text_add(g->out, "  synapse %s%s%s ~ normal(0, 0.6)\n", g->synapse[s].name, g->synapse[s].has_states ? "[k]" : "",
             g->bias ? " bias" : "");
  text_add(g->out, "  genome {\n    g0 = 0.8, g1 = -0.6\n    gv[k], gm[k,k] ~ normal(0, 0.7)\n  }\n");
}

static void feedback_block(Generator *g) {
  text_add(g->out, "  feedback {\n");
  for (int n = 0; n < g->neurons; n++) {
    const Variable *variable = &g->neuron[n];
    if (n < g->neurons - 1) {
      if (!chance(g, 30)) continue;
      Context context = {.batch = true, .unit = true, .state = (char)(variable->has_states ? 'c' : 0)};
      target(g, "", variable);
      wrapped(g, "", context, 2, "\n");
      continue;
    }
    char read[16];
    snprintf(read, sizeof read, "%s%s", variable->name, variable->has_states ? "[0]" : "");
    text_add(g->out, "    %s%s <- ", variable->name, variable->has_states ? (g->states > 1 ? "[1]" : "[0]") : "");
    switch (below(g, 5)) {
    case 0: text_add(g->out, "y\n"); break;
    case 1: text_add(g->out, "y - %s\n", read); break;
    case 2: text_add(g->out, "0.5*y*%s\n", read); break;
    case 3: text_add(g->out, "cross_entropy'(unit: %s, y)\n", read); break;
    default: text_add(g->out, "squared_error'(unit: %s, y)\n", read); break;
    }
    if (variable->has_states && g->states > 2 && chance(g, 50)) text_add(g->out, "    %s[2..] <- 0\n", variable->name);
  }
  text_add(g->out, "  }\n");
}

void generate_case(uint64_t seed, GeneratedCase *out) {
  *out = (GeneratedCase){0};
  Generator generator = {.random = seed * 0x2545f4914f6cdd1du + 99, .out = &out->script};
  Generator *g = &generator;
  for (int warm = 0; warm < 3; warm++) next(&g->random);
  g->states = 1 + below(g, 4);
  g->neurons = 1 + below(g, 3);
  g->synapses = 1 + below(g, 3);
  g->bias = chance(g, 60);
  for (int n = 0; n < g->neurons; n++) {
    snprintf(g->neuron[n].name, sizeof g->neuron[n].name, "a%d", n);
    g->neuron[n].has_states = chance(g, 60);
  }
  for (int s = 0; s < g->synapses; s++) {
    snprintf(g->synapse[s].name, sizeof g->synapse[s].name, "w%d", s);
    g->synapse[s].has_states = chance(g, 50);
  }
  out->layers = 2 + below(g, 4);
  for (int l = 0; l < out->layers; l++) out->units[l] = 1 + below(g, chance(g, 20) ? 40 : 9);
  out->batch = 2 + below(g, chance(g, 20) ? 40 : 9);
  declare(g);
  const Variable *first = &g->neuron[0];
  text_add(g->out, "  input %s%s <- x\n", first->name, first->has_states ? "[0]" : "");
  pass_block(g, true);
  feedback_block(g);
  pass_block(g, false);
  update_block(g);
  text_add(g->out, "  predict %s%s\n}\n", first->name, first->has_states ? "[0]" : "");
}

void generated_free(GeneratedCase *generated) { text_free(&generated->script); }
