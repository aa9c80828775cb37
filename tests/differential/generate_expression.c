// Expressions of generated rules: they respect axes, state indices, the unit neuron's row and the place of a block.
// Bounded functions keep values in a sane range.
#include "tests/differential/generate_internal.h"

#include <stdio.h>
#include <string.h>

static Context with_axis(Context context, int axis) {
  context.axes |= axis;
  return context;
}

static Context with_index(Generator *g, Context context, States states, char name[8]) {
  generate_fresh(g, 'c', name);
  strcpy(context.index[context.indices].name, name);
  context.index[context.indices++].states = states;
  return context;
}

void generate_states(Generator *g, const Context *context, States states) {
  if (states == NO_STATES) return;
  for (int i = context->indices; i-- > 0;)
    if (context->index[i].states == states && generate_chance(g, 80)) {
      generate_text(g, "[%s]", context->index[i].name);
      return;
    }
  generate_text(g, "[%d]", generate_below(g, g->states[states]));
}

static void number(Generator *g) { generate_text(g, "%.3g", 0.1 + 0.01 * generate_below(g, 150)); }

// ---- leaves

// The side of a layer on which a variable of neurons may be read; 0: none.
static int readable_side(Generator *g, const Context *context, int must) {
  static const int sides[] = {PRE, POST, UNIT, OUTPUT, PRE2, POST2};
  int possible[6], count = 0;
  for (int i = 0; i < 6; i++)
    if (context->axes & sides[i] && (!must || sides[i] & must)) possible[count++] = sides[i];
  return count ? possible[generate_below(g, count)] : 0;
}

static const char *side_name(int side) {
  return side == PRE      ? "pre."
         : side == POST   ? "post."
         : side == OUTPUT ? "output."
         : side == PRE2   ? "pre2."
         : side == POST2  ? "post2."
                          : "";
}

// "w[post=post2]": with a second axis in the place of the first.
static bool read_second(Generator *g, const Context *context, const Variable *variable, int must) {
  int second = context->axes & (PRE2 | POST2);
  if (must) second &= must;
  else if (generate_chance(g, 60)) return false;
  if (!second || second == (PRE2 | POST2)) return false;
  if (~context->axes & (second == POST2 ? PRE : POST)) return false;
  generate_text(g, "%s[", variable->name);
  if (variable->states) generate_text(g, "%d, ", generate_below(g, g->states[variable->states]));
  generate_text(g, second == POST2 ? "post=post2]" : "pre=pre2]");
  return true;
}

// False: it cannot be read here, or lacks the wanted axis.
static bool read_variable(Generator *g, const Context *context, const Variable *variable, int must) {
  int beside = variable->axes & BATCH;
  switch (variable->kind) {
  case NEURON: {
    if (beside & ~context->axes) return false;
    int side = readable_side(g, context, must & beside ? 0 : must);
    if (!side) return false;
    generate_text(g, "%s%s", side_name(side), variable->name);
    break;
  }
  case SYNAPSE:
    if (!context->on_synapses) return false;
    if (variable->axes == (PRE | POST) && read_second(g, context, variable, must)) return true;
    if (variable->axes & ~context->axes || (must && !(variable->axes & must))) return false;
    generate_text(g, "%s", variable->name);
    break;
  case SIGNAL:
    if (variable->axes & ~context->axes || (must && !(variable->axes & must))) return false;
    generate_text(g, "%s", variable->name);
    break;
  case GENOME:
    if (variable->scope == 'n') {
      int side = readable_side(g, context, must);
      if (!side) return false;
      generate_text(g, "%s%s", side_name(side), variable->name);
    } else {
      int axes = variable->scope == 's' ? PRE | POST : 0;
      if ((variable->scope && !context->on_synapses) || axes & ~context->axes || (must && !(axes & must))) return false;
      generate_text(g, "%s", variable->name);
    }
    break;
  }
  generate_states(g, context, variable->states);
  return true;
}

// "normal(batch, post: 0, 0.5)" over some of the axes.
static bool draw(Generator *g, const Context *context, int must) {
  static const int axes[] = {BATCH, PRE, POST, UNIT};
  static const char *const names[] = {"batch", "pre", "post", "unit"};
  int chosen = 0;
  for (int i = 0; i < 4; i++)
    if (context->axes & axes[i] && (must & axes[i] || generate_chance(g, 60))) chosen |= axes[i];
  if (!chosen || (must && !(chosen & must))) return false;
  generate_text(g, generate_chance(g, 50) ? "normal(" : "uniform(");
  const char *separator = "";
  for (int i = 0; i < 4; i++) {
    if (!(chosen & axes[i])) continue;
    generate_text(g, "%s%s", separator, names[i]);
    separator = ", ";
  }
  generate_text(g, ": %.2g, 0.6)", 0.01 * generate_below(g, 40));
  return true;
}

static void scalar(Generator *g, const Context *context) {
  int choice = generate_below(g, 100);
  if (context->counters && choice < 35)
    generate_text(g, "((1 + %s)/4)", context->counter[generate_below(g, context->counters)]);
  else if (choice < 45) generate_text(g, "g%d", generate_below(g, 2));
  else if (choice < 60 && context->indices) {
    int i = generate_below(g, context->indices);
    bool many = context->index[i].states == MANY;
    if (generate_chance(g, 70)) generate_text(g, "%s[%s]", many ? "hv" : "gv", context->index[i].name);
    else generate_text(g, "(if %s == 0 then 0.7 else g0)", context->index[i].name);
  } else if (choice < 68) generate_text(g, "(if %s then g1 else 0.4)", generate_chance(g, 60) ? "last" : "first");
  else if (choice < 71 && context->on_synapses) generate_text(g, "1/fan_in");
  else if (choice < 72 && context->on_synapses) generate_text(g, "1/(fan_out + batch_size)");
  else if (choice < 74) generate_text(g, "(layer/layers - 0.2)");
  else if (choice < 78) generate_text(g, "step/(1 + step)");
  else if (choice < 82) generate_text(g, "(if training then 0.9 else 0.8)");
  else number(g);
}

void generate_leaf(Generator *g, Context context, int must) {
  for (int attempt = 0; attempt < 40; attempt++) {
    int choice = generate_below(g, 100);
    if (!must && choice < 25) {
      scalar(g, &context);
      return;
    }
    if (g->noise && choice >= 92) {
      if (draw(g, &context, must)) return;
      continue;
    }
    int side = context.axes & UNIT;
    if (context.sees_x && side && context.axes & BATCH && choice < 35) {
      generate_text(g, "x");
      return;
    }
    if (context.sees_y && side && context.axes & BATCH && choice < 35) {
      generate_text(g, "0.5*y");
      return;
    }
    if (read_variable(g, &context, &g->variable[generate_below(g, g->variables)], must)) return;
  }
  scalar(g, &context);
}

// ---- forms

static void wrapped(Generator *g, const char *before, Context context, int depth, const char *after) {
  generate_text(g, "%s", before);
  generate_expression(g, context, depth);
  generate_text(g, "%s", after);
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
                                        {"own''(", ")"},
                                        {"tanh'(", ")"},
                                        {"sigmoid''(", ")"},
                                        {"spike'(", ")"},
                                        {"stop(", ")"},
                                        {"gelu'(", ")"},
                                        {"softplus'(", ")"},
                                        {"pow(0.3 + abs(", "), 1.5)"},
                                        {"clamp(", ", -1.2, 1.3)"},
                                        {"act(", ")"},
                                        {"act'(", ")"},
                                        {"floor(0.5 + ", ")"},
                                        {"sign(", ")"},
                                        {"spike(", ")"},
                                        {"mod(", ", 0.7)"}};
  enum { FORMS = sizeof form / sizeof *form, STEPS = 4 };
  int choice = generate_below(g, FORMS);
  // Steps are kept rare: a comparison is skipped where a perturbation crosses one.
  if (choice >= FORMS - STEPS && generate_chance(g, 85)) choice = 0;
  if (g->smooth && (!strncmp(form[choice][0], "spike", 5) || !strcmp(form[choice][0], "stop("))) choice = 0;
  wrapped(g, form[choice][0], context, depth - 1, form[choice][1]);
}

static void binary(Generator *g, Context context, int depth) {
  static const char *const form[][3] = {{"(", " + ", ")"},   {"(", " - ", ")"},
                                        {"(", " * ", ")"},   {"(", " / (1 + abs(", ")))"},
                                        {"min(", ", ", ")"}, {"max(", ", ", ")"}};
  static const int weight[] = {0, 0, 0, 1, 1, 2, 2, 2, 3, 4, 5};
  int choice = weight[generate_below(g, 11)];
  generate_text(g, "%s", form[choice][0]);
  generate_expression(g, context, depth - 1);
  generate_text(g, "%s", form[choice][1]);
  generate_expression(g, context, depth - 1);
  generate_text(g, "%s", form[choice][2]);
}

static void choice_of_two(Generator *g, Context context, int depth) {
  if (context.axes & POST2 && generate_chance(g, 50)) {
    wrapped(g, "(if post2 <= post then ", context, depth - 1, " else ");
    wrapped(g, "", context, depth - 1, ")");
    return;
  }
  wrapped(g, "(if ", context, depth - 2, generate_chance(g, 50) ? " > " : " <= ");
  number(g);
  wrapped(g, " then ", context, depth - 1, " else ");
  wrapped(g, "", context, depth - 1, ")");
}

// A small network of a vector of values: { let z = [p, q]; let u[i] = ...; ... }
static void vector(Generator *g, Context context, int depth) {
  char z[8], u[8], i[8], j[8], k[8];
  generate_fresh(g, 'z', z);
  generate_fresh(g, 'u', u);
  generate_fresh(g, 'i', i);
  generate_fresh(g, 'j', j);
  generate_fresh(g, 'l', k);
  generate_text(g, "{ let %s = [", z);
  generate_expression(g, context, depth - 1);
  wrapped(g, ", ", context, depth - 1, "]; ");
  generate_text(g, "let %s[%s] = tanh(sum(%s: hz[%s,%s]*%s[%s]) + hv[%s]); ", u, i, j, i, j, z, j, i);
  if (generate_chance(g, 40)) {
    char v[8], m[8], n[8];
    generate_fresh(g, 'v', v);
    generate_fresh(g, 'm', m);
    generate_fresh(g, 'n', n);
    generate_text(g, "let %s[%s] = relu(0.3*sum(%s: hm[%s,%s]*%s[%s])); ", v, m, n, m, n, u, n);
    strcpy(u, v);
  }
  generate_text(g, "0.3*sum(%s: hv[%s]*%s[%s]) }", k, k, u, k);
}

static void reduction(Generator *g, Context context, int depth) {
  static const char *const form[] = {
      "mean(%s: ",           "var(%s: ",        "max(%s: ",         "min(%s: ",     "norm2(%s: 0.3*", "0.3*sum(%s: ",
      "prod(%s: 0.9 + 0.1*", "0.1*argmax(%s: ", "standardize(%s: ", "softmax(%s: ", "layernorm(%s: ", "spread(%s: ",
      "energy'(%s: "};
  enum { FORMS = sizeof form / sizeof *form, KEEP_AXIS = 5 }; // the last ones keep it
  static const struct {
    int axis;
    const char *name;
  } over[] = {{BATCH, "batch"},   {PRE, "pre"},     {POST, "post"}, {UNIT, "unit"},
              {OUTPUT, "output"}, {POST2, "post2"}, {PRE2, "pre2"}};
  int which = generate_below(g, 7);
  if (g->own_axes && context.on_synapses && context.axes & (PRE | POST) && generate_chance(g, 25))
    which = context.axes & POST ? 5 : 6;
  int axis = over[which].axis;
  bool exists = axis == BATCH || axis == OUTPUT || (axis == UNIT ? !context.on_synapses : context.on_synapses);
  if (axis == POST2 || axis == PRE2) exists = context.axes & (axis == POST2 ? POST : PRE) && g->own_axes;
  if (axis == OUTPUT && !g->own_axes) exists = false;
  if (!exists || generate_chance(g, 35)) { // over states
    if (context.indices == MOST_INDICES) {
      generate_leaf(g, context, 0);
      return;
    }
    char name[8];
    States states = g->vectors && generate_chance(g, 40) ? MANY : FEW;
    const char *letter = states == MANY ? "h" : "g";
    int same = -1;
    for (int i = 0; i < context.indices; i++)
      if (context.index[i].states == states) same = i;
    Context inner = with_index(g, context, states, name);
    if (same >= 0 && generate_chance(g, 60))
      generate_text(g, "sum(%s: 0.5*%sm[%s,%s]*", name, letter, context.index[same].name, name);
    else generate_text(g, generate_chance(g, 80) ? "sum(%s: 0.5*%sv[%s]*" : "max(%s: %sv[%s]*", name, letter, name);
    wrapped(g, "", inner, depth - 1, ")");
    return;
  }
  bool keeps = context.axes & axis && axis != PRE && axis != PRE2 && axis != POST2;
  int kind = generate_below(g, keeps ? FORMS : FORMS - KEEP_AXIS);
  if (keeps && generate_chance(g, 40)) kind = FORMS - 1 - generate_below(g, KEEP_AXIS);
  char text[64];
  snprintf(text, sizeof text, form[kind], over[which].name);
  Context inner = with_axis(context, axis);
  generate_text(g, "%s(", text);
  generate_leaf(g, inner, axis);
  wrapped(g, ")*(", inner, depth - 2, "))");
}

void generate_expression(Generator *g, Context context, int depth) {
  int choice = depth <= 0 ? 0 : generate_below(g, 100);
  if (choice < 18) generate_leaf(g, context, 0);
  else if (choice < 46) unary(g, context, depth);
  else if (choice < 74) binary(g, context, depth);
  else if (choice < 80) choice_of_two(g, context, depth);
  else if (choice < 85 && g->vectors) vector(g, context, depth);
  else reduction(g, context, depth);
}

static const Variable *any_neuron(Generator *g) {
  for (;;) {
    const Variable *variable = &g->variable[generate_below(g, g->variables)];
    if (variable->kind == NEURON && variable->axes & BATCH) return variable;
  }
}

static const Variable *any_weight(Generator *g) {
  for (;;) {
    const Variable *variable = &g->variable[generate_below(g, g->variables)];
    if (variable->kind == SYNAPSE && variable->axes == (PRE | POST)) return variable;
  }
}

void generate_incoming(Generator *g, Context context, int axis, bool first) {
  const Variable *source = first ? &g->variable[0] : any_neuron(g), *weight = any_weight(g);
  const char *side = axis == PRE ? "pre" : "post";
  char bound[8] = "";
  bool mixes = source->states == FEW && generate_chance(g, 75) && context.indices < MOST_INDICES;
  Context inner = with_axis(context, axis);
  States around = context.indices ? context.index[0].states : NO_STATES;
  if (mixes) inner = with_index(g, inner, FEW, bound);
  generate_text(g, mixes ? "sum(%s, %s: %s" : "sum(%s%s: %s", side, bound, weight->name);
  generate_states(g, &context, weight->states);
  if (mixes && around == FEW) generate_text(g, " * gm[%s,%s]", context.index[0].name, bound);
  else if (mixes) generate_text(g, " * gv[%s]", bound);
  bool by_row = axis == PRE && g->bias && generate_chance(g, 10); // the unit neuron apart
  generate_text(g, by_row ? " * (if bias then 0.6 else act(%s.%s" : " * %s.%s", side, source->name);
  if (mixes) generate_text(g, "[%s]", bound);
  else if (first && source->states) generate_text(g, "[0]"); // where the input is
  else generate_states(g, &inner, source->states);
  generate_text(g, by_row ? ")))" : ")");
}
