// Grows a rule from a seed: features and declarations first, then the order of a step, then the blocks that it names.
// Every construct of the language may occur. Statements keep values in a sane range, so that most rules are finite and
// neither constant nor saturated. One statement a line, so that a failing rule can be made smaller (shrink.c).
#include "tests/differential/generate_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SMALL_SEEDS = 200 };

static uint64_t next(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double generated_uniform(uint64_t *state) { return (double)(next(state) >> 11) * 0x1p-53; }

int generate_below(Generator *g, int count) { return (int)(next(&g->random) % (uint64_t)count); }
bool generate_chance(Generator *g, int percent) { return generate_below(g, 100) < percent; }

void generate_text(Generator *g, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char buffer[400];
  int length = vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  text_add_bytes(g->out, buffer, (size_t)length);
}

void generate_fresh(Generator *g, char letter, char name[8]) { snprintf(name, 8, "%c%d", letter, g->names++); }

// ---- variables

static Variable *declare(Generator *g, const char *prefix, Kind kind, int axes) {
  Variable *variable = &g->variable[g->variables];
  *variable = (Variable){.kind = kind, .axes = axes};
  snprintf(variable->name, sizeof variable->name, "%s%d", prefix, g->variables++);
  return variable;
}

static States some_states(Generator *g, int percent) {
  if (!generate_chance(g, percent)) return NO_STATES;
  return g->vectors && generate_chance(g, 30) ? MANY : FEW;
}

static void choose_variables(Generator *g) {
  int neurons = 1 + generate_below(g, g->size), synapses = 1 + generate_below(g, g->size);
  for (int i = 0; i < neurons; i++) {
    Variable *variable = declare(g, "a", NEURON, BATCH);
    variable->states = some_states(g, 60);
    variable->lives = i > 0 && generate_chance(g, 15);
  }
  if (g->own_axes && generate_chance(g, 50)) declare(g, "t", NEURON, 0)->lives = generate_chance(g, 60);
  for (int i = 0; i < synapses; i++) declare(g, "w", SYNAPSE, PRE | POST)->states = some_states(g, 45);
  if (generate_chance(g, 15)) {
    const Variable *first = &g->variable[g->variables - synapses];
    Variable *variable = declare(g, "w", SYNAPSE, PRE | POST);
    variable->states = first->states;
    variable->like = first->name;
  }
  static const int own[] = {POST, OUTPUT | PRE, POST | POST2, PRE | PRE2, BATCH | PRE | POST};
  enum { OWN = sizeof own / sizeof *own };
  int left = g->size + 1; // of them
  for (int i = 0, from = generate_below(g, OWN); i < OWN && g->own_axes; i++) {
    int axes = own[(from + i) % OWN];
    if (generate_chance(g, 40) && left-- > 0)
      declare(g, "s", SYNAPSE, axes)->states = some_states(g, axes & BATCH ? 0 : 25);
  }
  for (int i = 0; i < 2 && g->signals; i++)
    if (generate_chance(g, 60)) declare(g, "r", SIGNAL, i ? BATCH : 0)->states = some_states(g, 20);
  for (int i = 0; i < 3 && g->scopes; i++)
    if (generate_chance(g, 60)) {
      Variable *variable = declare(g, "q", GENOME, 0);
      variable->scope = "lns"[i];
      variable->states = some_states(g, 30);
    }
}

static const char *extent(States states) { return states == MANY ? "[n]" : states == FEW ? "[k]" : ""; }

static void write_axes(Generator *g, int axes) {
  static const char *const names[] = {"batch", "pre", "post", "unit", "output", "pre2", "post2"};
  static const int order[] = {BATCH, OUTPUT, PRE, PRE2, POST, POST2, UNIT};
  static const int place[] = {0, 4, 1, 5, 2, 6, 3};
  const char *separator = " (";
  for (int i = 0; i < 7; i++) {
    if (!(axes & order[i])) continue;
    generate_text(g, "%s%s", separator, names[place[i]]);
    separator = ", ";
  }
  generate_text(g, ")");
}

static const char *some_initial(Generator *g, const Variable *variable) {
  static const char *const initial[] = {" ~ normal(0, g0)", " ~ uniform(-0.8, 0.7)", " ~ normal(0, g0/sqrt(fan_in))",
                                        " ~ orthogonal(0.9)"};
  int choice = generate_below(g, 10);
  if (choice == 3 && variable->axes & BATCH) choice = 9; // no matrix
  return choice < 4 ? initial[choice] : " ~ normal(0, 0.6)";
}

static void write_variable(Generator *g, const Variable *variable) {
  const char *states = extent(variable->states);
  switch (variable->kind) {
  case NEURON:
    generate_text(g, "  neuron %s%s", variable->name, states);
    if (!(variable->axes & BATCH)) generate_text(g, " (unit)");
    if (variable->lives) generate_text(g, " persistent");
    break;
  case SYNAPSE:
    if (variable->like) {
      generate_text(g, "  synapse %s like %s%s", variable->name, variable->like, some_initial(g, variable));
      break;
    }
    generate_text(g, "  synapse %s%s", variable->name, states);
    if (variable->axes != (PRE | POST)) write_axes(g, variable->axes);
    generate_text(g, "%s%s", g->bias && variable->axes & PRE ? " bias" : "", some_initial(g, variable));
    break;
  case SIGNAL:
    generate_text(g, "  signal %s%s", variable->name, states);
    if (variable->axes) write_axes(g, variable->axes);
    break;
  case GENOME:
    generate_text(g, "  genome %s%s%s per %s ~ normal(0, 0.5)", variable->name, states,
                  g->bias && variable->scope == 's' ? " bias" : "",
                  variable->scope == 'l'   ? "layer"
                  : variable->scope == 'n' ? "neuron"
                                           : "synapse");
    break;
  }
  generate_text(g, "\n");
}

static void write_declarations(Generator *g) {
  static const char *const activation[] = {"tanh", "sigmoid", "silu", "relu_tanh", "gelu", "tanh"};
  static const char *const own[] = {"x / (1 + x*x)", "sin(x) * exp(-x*x)", "if x > 0.1 then x else 0.2*tanh(x)",
                                    "{ let e = exp(-abs(x)); x * e }"};
  generate_text(g, "rule generated {\n  const k = %d\n  const n = %d\n", g->states[FEW], g->states[MANY]);
  generate_text(g, "  fn act = %s\n  fn own(x) = %s\n", activation[generate_below(g, 6)], own[generate_below(g, 4)]);
  generate_text(g, "  fn spike(x) = (x > 0) derivative 1/pow(1 + abs(x), 2)\n");
  generate_text(g, "  fn norm[c](z) = gv[c]*standardize(batch: z) + 0.1\n");
  generate_text(g, "  fn spread(A: z) = { let middle = mean(A: z); z - middle }\n");
  generate_text(g, "  fn energy(A: z) = 0.3*sum(A: z*tanh(z))\n");
  for (int i = 0; i < g->variables; i++) write_variable(g, &g->variable[i]);
  generate_text(g, "  genome g0 = 0.8, g1 = -0.6\n  genome gv[k], gm[k,k] ~ normal(0, 0.7)\n");
  if (g->vectors) generate_text(g, "  genome hv[n], hm[n,n], hz[n,2] ~ normal(0, 0.4)\n");
}

// ---- statements

static Context on_synapses(int axes) { return (Context){.axes = axes, .on_synapses = true}; }

// The left side; its index, if it has states, is bound.
static Context target(Generator *g, const Context *where, const char *side, const Variable *variable) {
  Context context = *where;
  generate_text(g, "    %s%s", side, variable->name);
  if (variable->states) {
    generate_fresh(g, 'c', context.index[0].name);
    context.index[0].states = variable->states;
    context.indices = 1;
    generate_text(g, "[%s]", context.index[0].name);
  }
  generate_text(g, " <- ");
  return context;
}

static void read_target(Generator *g, const Context *context, const char *side, const Variable *variable) {
  generate_text(g, "%s%s", side, variable->name);
  if (variable->states) generate_text(g, "[%s]", context->index[0].name);
}

static void value(Generator *g, const char *before, Context context, int depth, const char *after) {
  generate_text(g, "%s", before);
  generate_expression(g, context, depth);
  generate_text(g, "%s", after);
}

// pre.a or post.a, from what arrives from the other side.
static void assign_neuron(Generator *g, Context where, const Variable *variable, bool upward, bool first) {
  const char *side = upward ? "post." : "pre.";
  where.axes = BATCH | (upward ? POST : PRE);
  if (!(variable->axes & BATCH)) { // one number a neuron
    where.axes = upward ? POST : PRE;
    Context context = target(g, &where, side, variable);
    generate_text(g, "0.5*");
    read_target(g, &context, side, variable);
    context.axes |= BATCH;
    value(g, " + 0.5*mean(batch: tanh(", context, 2, "))\n");
    return;
  }
  bool named = generate_chance(g, 25) && !variable->states;
  char name[8];
  if (named) {
    generate_fresh(g, 'z', name);
    generate_text(g, "    let %s = ", name);
    generate_incoming(g, where, upward ? PRE : POST, first);
    generate_text(g, "\n");
  }
  Context context = target(g, &where, side, variable);
  if (variable->lives || generate_chance(g, 25)) {
    generate_text(g, "0.4*");
    read_target(g, &context, side, variable);
    generate_text(g, " + ");
  }
  bool norms = variable->states == FEW && generate_chance(g, 25);
  if (norms) generate_text(g, "act(norm[%s]((", context.index[0].name);
  else generate_text(g, generate_chance(g, 25) ? "act(standardize(batch: (" : "act(((");
  if (named) generate_text(g, "%s", name);
  else generate_incoming(g, context, upward ? PRE : POST, first);
  generate_text(g, "))");
  if (generate_chance(g, 70)) value(g, " + 0.5*", context, g->size, "");
  generate_text(g, ")\n");
}

static void assign_synapse(Generator *g, Context where, const Variable *variable) {
  where.axes = variable->axes;
  Context context = target(g, &where, "", variable), inner = context;
  inner.axes |= BATCH;
  generate_text(g, generate_chance(g, 25) ? "tanh(0.9*" : "(0.9*");
  read_target(g, &context, "", variable);
  if (variable->axes & BATCH) { // a trace of each sample
    value(g, " + 0.2*tanh(", inner, g->size, "))\n");
    return;
  }
  Context first = inner, second = inner;
  first.axes &= variable->axes == (PRE | POST) ? ~POST : inner.axes;
  second.axes &= variable->axes == (PRE | POST) ? ~PRE : inner.axes;
  value(g, " + 0.1*mean(batch: tanh(", first, 1 + generate_below(g, 2), ") * (");
  value(g, "tanh(", second, 1, ")))");
  if (generate_chance(g, 30)) value(g, " + 0.05*tanh(", context, 2, ")");
  generate_text(g, ")\n");
}

static void assign_signal(Generator *g, Context where, const Variable *variable) {
  where.axes = variable->axes;
  Context context = target(g, &where, "", variable), inner = context;
  generate_text(g, "0.6*");
  read_target(g, &context, "", variable);
  const char *unit = where.on_synapses ? "post" : "unit";
  inner.axes = BATCH | (where.on_synapses ? POST : UNIT);
  generate_text(g, variable->axes ? " + 0.4*mean(%s: tanh(" : " + 0.4*mean(batch, %s: tanh(", unit);
  value(g, "", inner, 2, "))\n");
}

static void assign_in_layer(Generator *g, Context where, const Variable *variable) {
  where.axes = BATCH | UNIT;
  if (!(variable->axes & BATCH)) {
    where.axes = UNIT;
    Context context = target(g, &where, "", variable);
    context.axes |= BATCH;
    value(g, "mean(batch: tanh(", context, 2, "))\n");
    return;
  }
  Context context = target(g, &where, "", variable);
  generate_text(g, "0.5*");
  read_target(g, &context, "", variable);
  value(g, " + 0.5*tanh(", context, g->size, ")\n");
}

static const Variable *pick(Generator *g, Kind kind) {
  for (int attempt = 0; attempt < 50; attempt++) {
    const Variable *variable = &g->variable[generate_below(g, g->variables)];
    if (variable->kind == kind) return variable;
  }
  return NULL;
}

// ---- blocks

typedef enum { PASS_UP, PASS_DOWN, AT_INPUT, AT_OUTPUT, AT_EACH, BLOCK_KINDS } BlockKind;

static void write_block(Generator *g, BlockKind kind, const char *name, const Context *around, bool first) {
  static const char *const open[] = {"  pass %s up", "  pass %s down", "  at input %s", "  at output %s",
                                     "  at each %s"};
  Context where = *around;
  where.on_synapses = kind <= PASS_DOWN;
  where.sees_x = kind == AT_INPUT;
  where.sees_y = kind == AT_OUTPUT && !g->spares_y;
  generate_text(g, open[kind], name);
  generate_text(g, kind <= PASS_DOWN && generate_chance(g, 15) ? " all {\n" : " {\n");
  if (first) assign_neuron(g, where, &g->variable[0], true, true);
  for (int statements = 1 + generate_below(g, g->size); statements > 0; statements--) {
    g->statements--;
    bool chosen = generate_chance(g, 6); // while compiling
    if (chosen) generate_text(g, "    if k %s 2 {\n", generate_chance(g, 50) ? ">" : "<=");
    const Variable *neuron = pick(g, NEURON), *synapse = pick(g, SYNAPSE), *signal = pick(g, SIGNAL);
    int choice = generate_below(g, 10);
    if (signal && choice == 0) assign_signal(g, where, signal);
    else if (kind > PASS_DOWN) assign_in_layer(g, where, neuron);
    else if (choice <= 2) assign_synapse(g, where, synapse);
    else assign_neuron(g, where, neuron, (kind == PASS_UP) != generate_chance(g, 15), false);
    if (chosen) generate_text(g, "    }\n");
  }
  generate_text(g, "  }\n");
}

static void write_input(Generator *g) {
  const Variable *first = &g->variable[0];
  generate_text(g, "  input {\n    %s%s <- x\n", first->name, first->states ? "[0]" : "");
  if (first->states && generate_chance(g, 50)) generate_text(g, "    %s[1..] <- 0.1*x\n", first->name);
  generate_text(g, "  }\n");
}

static void write_pass(Generator *g, bool upward) {
  generate_text(g, "  %s {\n", upward ? "forward" : "backward");
  for (int i = 0; i < g->variables; i++)
    if (g->variable[i].kind == NEURON) assign_neuron(g, on_synapses(0), &g->variable[i], upward, upward && i == 0);
  generate_text(g, "  }\n");
}

static void write_update(Generator *g) {
  generate_text(g, "  update {\n");
  bool first = true;
  for (int i = 0; i < g->variables; i++) {
    const Variable *variable = &g->variable[i];
    if (variable->kind == SYNAPSE && !first && generate_chance(g, 40)) continue; // stays as it is
    first = first && variable->kind != SYNAPSE;
    if (variable->kind == SYNAPSE) assign_synapse(g, on_synapses(0), variable);
    if (variable->kind == SIGNAL && generate_chance(g, 50)) assign_signal(g, on_synapses(0), variable);
  }
  generate_text(g, "  }\n");
}

static void write_feedback(Generator *g) {
  const Variable *variable = pick(g, NEURON);
  if (!(variable->axes & BATCH)) variable = &g->variable[0];
  char read[20];
  snprintf(read, sizeof read, "%s%s", variable->name, variable->states ? "[0]" : "");
  generate_text(g, "  feedback {\n    %s%s <- ", variable->name,
                variable->states ? g->states[variable->states] > 1 ? "[1]" : "[0]" : "");
  switch (generate_below(g, 5)) {
  case 0: generate_text(g, "y\n"); break;
  case 1: generate_text(g, "y - %s\n", read); break;
  case 2: generate_text(g, "0.5*y*%s\n", read); break;
  case 3: generate_text(g, "cross_entropy'(unit: %s, y)\n", read); break;
  default: generate_text(g, "squared_error'(unit: %s, y)\n", read); break;
  }
  if (variable->states && g->states[variable->states] > 2 && generate_chance(g, 50))
    generate_text(g, "    %s[2..] <- 0\n", variable->name);
  generate_text(g, "  }\n");
}

// ---- an order of its own: blocks are written where the step names them first

typedef struct {
  Text step, predict;
  bool predicts; // what is written now runs before a prediction, too
  int blocks;
} Order;

static void name_block(Order *order, const char *name, int depth) {
  text_add(&order->step, "%*s%s\n", 4 + 2 * depth, "", name);
  if (order->predicts) text_add(&order->predict, "%*s%s\n", 4 + 2 * depth, "", name);
}

static void write_order(Generator *g, Order *order, const Context *around, int depth, int count) {
  while (count-- > 0 && (g->statements > 0 || depth)) {
    if (depth < MOST_COUNTERS && g->statements > 0 && generate_chance(g, 40)) {
      Context inner = *around;
      char open[40];
      int times = 1 + generate_below(g, 4);
      if (generate_chance(g, 60)) {
        char *counter = inner.counter[inner.counters++];
        generate_fresh(g, 'p', counter);
        snprintf(open, sizeof open, "repeat %s in %d {", counter, times);
      } else {
        snprintf(open, sizeof open, "repeat %d {", times);
      }
      name_block(order, open, depth);
      write_order(g, order, &inner, depth + 1, 1 + generate_below(g, 3));
      name_block(order, "}", depth);
      continue;
    }
    char name[12];
    snprintf(name, sizeof name, "block%d", order->blocks++);
    g->spares_y = order->predicts;
    write_block(g, (BlockKind)generate_below(g, BLOCK_KINDS), name, around, false);
    name_block(order, name, depth);
  }
}

static void write_own_order(Generator *g) {
  Order order = {.predicts = true};
  Context outside = {0};
  write_input(g);
  name_block(&order, "input", 0);
  if (generate_chance(g, 50)) {
    write_pass(g, true);
    name_block(&order, "forward", 0);
  } else {
    g->spares_y = true;
    write_block(g, PASS_UP, "rise", &outside, true);
    name_block(&order, "rise", 0);
  }
  write_order(g, &order, &outside, 0, generate_below(g, 3));
  order.predicts = false;
  if (generate_chance(g, 50)) {
    write_feedback(g);
    name_block(&order, "feedback", 0);
  }
  write_order(g, &order, &outside, 0, 1 + generate_below(g, 2));
  write_update(g);
  name_block(&order, "update", 0);
  generate_text(g, "  step {\n");
  text_add(g->out, "%s", text_get(&order.step));
  generate_text(g, "  }\n  predict {\n");
  text_add(g->out, "%s  }", text_get(&order.predict));
  text_free(&order.step);
  text_free(&order.predict);
}

static void write_usual_order(Generator *g) {
  write_input(g);
  write_pass(g, true);
  write_feedback(g);
  write_pass(g, false);
  write_update(g);
  generate_text(g, "  predict");
}

static void generate(uint64_t seed, GeneratedCase *out, bool smooth) {
  *out = (GeneratedCase){0};
  Generator generator = {.random = seed * 0x2545f4914f6cdd1du + 99, .out = &out->script};
  Generator *g = &generator;
  for (int warm = 0; warm < 3; warm++) next(&g->random);
  g->states[NO_STATES] = 1;
  g->states[FEW] = 1 + generate_below(g, 4);
  g->states[MANY] = 9 + generate_below(g, 4);
  g->smooth = smooth;
  // Most rules are small, those that every run of the tests takes all of them: compiling them takes all the time.
  static const int sizes[] = {1, 1, 1, 1, 1, 1, 2, 3};
  g->size = seed <= SMALL_SEEDS ? 1 : sizes[generate_below(g, 8)];
  g->statements = 3 * g->size;
  g->bias = generate_chance(g, 60);
  g->noise = generate_chance(g, 35);
  g->own_axes = generate_chance(g, 50);
  g->scopes = generate_chance(g, 35);
  g->signals = generate_chance(g, 35);
  g->vectors = generate_chance(g, 30);
  choose_variables(g);
  out->layers = g->size == 1 ? 2 + generate_chance(g, 25) : 2 + generate_below(g, 1 + g->size);
  bool equal = generate_chance(g, 50); // layers of one shape share their code
  for (int l = 0; l < out->layers; l++)
    out->units[l] = equal && l ? out->units[0] : 1 + generate_below(g, generate_chance(g, 20) ? 40 : 9);
  out->batch = 2 + generate_below(g, generate_chance(g, 20) ? 40 : 9);
  write_declarations(g);
  if (generate_chance(g, 60)) write_own_order(g);
  else write_usual_order(g);
  generate_text(g, " %s%s\n}\n", g->variable[0].name, g->variable[0].states ? "[0]" : "");
}

void generate_case(uint64_t seed, GeneratedCase *out) { generate(seed, out, false); }
void generate_smooth_case(uint64_t seed, GeneratedCase *out) { generate(seed, out, true); }

void generated_free(GeneratedCase *generated) { text_free(&generated->script); }
