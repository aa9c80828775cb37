// simplify and contract on random programs: the interpreter gives the same before and after, costs fall, running a pass
// again changes nothing. Programs are drawn as text, so that a failure prints what reproduces it.
#include "compiler/passes/passes.h"
#include "tests/support/ir_run.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char head[] =
    "program random\naxis batch:5\naxis state c:2\naxis state d:2\naxis unit pre:4\naxis unit "
    "post:3\naxis unit post2:3\n"
    "buffer x neuron in [batch:5, unit pre:4]\nbuffer a neuron in [state c:2, batch:5, unit "
    "pre:4]\nbuffer y neuron in [batch:5, unit post:3]\n"
    "buffer w synapse in [state c:2, unit pre:4, unit post:3]\nbuffer l synapse in [unit post:3, "
    "unit post2:3]\nbuffer nu genome in [state c:2, state d:2]\nbuffer s genome in []\n"
    "buffer r synapse out [state c:2, unit pre:4, unit post:3]\nbuffer q neuron out [batch:5, "
    "unit post:3]\nbuffer p output out [batch:5, unit pre:4, unit post:3]\nbuffer t output out "
    "[]\n\n";

enum { BATCH, C, D, PRE, POST, POST2, AXES };
static const char *const axis_names[AXES] = {"batch", "c", "d", "pre", "post", "post2"};

typedef struct {
  unsigned state;
  Text *out;
} Draw;

static unsigned draw(Draw *random, unsigned below) {
  random->state = random->state * 1664525u + 1013904223u;
  return (random->state >> 8) % below;
}

// One of the axes in `set` for which `like` holds, or none (-1).
static int draw_axis(Draw *random, unsigned set, unsigned like) {
  unsigned possible = set & like;
  if (!possible) return -1;
  for (;;) {
    int axis = (int)draw(random, AXES);
    if (possible >> axis & 1) return axis;
  }
}

static void add_leaf(Draw *random, unsigned set) {
  static const struct {
    const char *name;
    int dimensions;
    unsigned like[3]; // axes with the dimension's extent
  } buffers[] = {
      {"x", 2, {1 << BATCH, 1 << PRE}},
      {"a", 3, {1 << C | 1 << D, 1 << BATCH, 1 << PRE}},
      {"y", 2, {1 << BATCH, 1 << POST | 1 << POST2}},
      {"w", 3, {1 << C | 1 << D, 1 << PRE, 1 << POST | 1 << POST2}},
      {"l", 2, {1 << POST | 1 << POST2, 1 << POST | 1 << POST2}},
      {"nu", 2, {1 << C | 1 << D, 1 << C | 1 << D}},
      {"s", 0, {0}},
  };
  static const char *const constants[] = {"0", "1", "2", "0.5", "-1", "-3", "0.1"};
  if (draw(random, 6) == 0) {
    text_add(random->out, "%s", constants[draw(random, sizeof constants / sizeof *constants)]);
    return;
  }
  int which = (int)draw(random, sizeof buffers / sizeof *buffers);
  text_add(random->out, "%s[", buffers[which].name);
  for (int i = 0; i < buffers[which].dimensions; i++) {
    int axis = draw_axis(random, set, buffers[which].like[i]);
    if (axis >= 0) text_add(random->out, "%s%s", i ? ", " : "", axis_names[axis]);
    else text_add(random->out, "%s%u", i ? ", " : "", draw(random, 2));
  }
  text_add(random->out, "]");
}

// A value over axes of `set`. Bounded operations keep it of ordinary size.
static void add_value(Draw *random, unsigned set, int depth) {
  static const struct {
    const char *open;
    int operands;
    const char *close;
  } forms[] = {
      {"mul(", 2, ")"},
      {"mul(", 2, ")"},
      {"mul(", 2, ")"},
      {"add(", 2, ")"},
      {"sub(", 2, ")"},
      {"neg(", 1, ")"},
      {"tanh(", 1, ")"},
      {"div(", 2, ", 3)"},
      {"max(", 2, ")"},
      {"abs(", 1, ")"},
      {"pow(", 1, ", 2)"},
      {"stop(", 1, ")"},
      {"select(lt(s[], ", 3, ")"},
      {"fma(", 3, ")"},
  };
  unsigned choice = draw(random, 10);
  if (depth == 0 || choice == 0) {
    add_leaf(random, set);
  } else if (choice <= 3) { // a reduction, mostly a sum, sometimes over an axis that is free outside
    static const char *const reductions[] = {"sum", "sum", "sum", "sum", "sum", "max", "min"};
    unsigned bound = 0;
    for (unsigned count = 1 + draw(random, 2); count > 0; count--) bound |= 1u << draw(random, AXES);
    text_add(random->out, "%s(", reductions[draw(random, 7)]);
    const char *separator = "";
    for (int axis = 0; axis < AXES; axis++) {
      if (!(bound >> axis & 1)) continue;
      text_add(random->out, "%s%s", separator, axis_names[axis]);
      separator = ", ";
    }
    text_add(random->out, ": ");
    add_value(random, set | bound, depth - 1);
    text_add(random->out, ")");
  } else {
    int which = (int)draw(random, sizeof forms / sizeof *forms);
    text_add(random->out, "%s", forms[which].open);
    bool is_select = forms[which].operands == 3 && forms[which].open[0] == 's';
    bool is_division = !strncmp(forms[which].open, "div", 3) && draw(random, 2);
    for (int i = 0; i < forms[which].operands; i++) {
      if (is_division && i == 1) {
        text_add(random->out, ", add(2, abs(");
        add_value(random, set, depth - 1);
        text_add(random->out, "))");
        continue;
      }
      if (!strncmp(forms[which].open, "div", 3) && i == 1) continue; // by 3
      if (i) text_add(random->out, "%s", is_select && i == 1 ? "), " : ", ");
      if (is_select && i == 0) add_leaf(random, 0);
      else add_value(random, set, depth - 1);
    }
    text_add(random->out, "%s", is_division ? ")" : forms[which].close);
  }
}

static char *random_program(Arena *arena, unsigned seed) {
  Text text = {0};
  Draw random = {seed * 7919u + 1, &text};
  text_add(&text, "%sr[c, pre, post] <- ", head);
  add_value(&random, 1 << C | 1 << PRE | 1 << POST, 5);
  text_add(&text, "\nq[batch, post] <- ");
  add_value(&random, 1 << BATCH | 1 << POST, 6);
  text_add(&text, "\np[batch, pre, post] <- ");
  add_value(&random, 1 << BATCH | 1 << PRE | 1 << POST, 4);
  text_add(&text, "\nt[] <- ");
  add_value(&random, 0, 6);
  text_add(&text, "\n");
  char *copy = arena_copy(arena, text.bytes, text.length);
  text_free(&text);
  return copy;
}

static char *printed(Arena *arena, const IrProgram *program) {
  Text text = {0};
  ir_print(program, &text);
  char *copy = arena_copy(arena, text.bytes, text.length);
  text_free(&text);
  return copy;
}

static void check(unsigned seed, const char *const *passes, int count, int *cheaper) {
  Arena *arena = arena_create();
  char *text = random_program(arena, seed);
  IrProgram *before = ir_run_parse(arena, text), *after = ir_run_parse(arena, text);
  char *as_printed = printed(arena, before);
  cr_assert_str_eq(printed(arena, ir_run_parse(arena, as_printed)), as_printed, "seed %u", seed);
  double cost = ir_cost(after, after->statements);
  for (int i = 0; i < count; i++) {
    pass_find(passes[i])->run(after);
    const char *fault = ir_verify(after);
    cr_assert_null(fault, "seed %u: after %s %s\n%s", seed, passes[i], fault, text);
    double now = ir_cost(after, after->statements);
    if (!strcmp(passes[i], "contract"))
      cr_assert_leq(now, cost, "seed %u: %s costs %g instead of %g\n%s", seed, passes[i], now, cost, text);
    if (now < cost) ++*cheaper;
    cost = now;
  }
  int64_t compared;
  double difference =
      ir_run_difference(before, ir_run(arena, before, seed), after, ir_run(arena, after, seed), &compared);
  cr_assert_eq(compared, 24 + 15 + 60 + 1);
  cr_assert_lt(difference, 1e-12, "seed %u: the result differs by %g\n%s\n%s", seed, difference, text,
               printed(arena, after));
  arena_destroy(arena);
}

enum { PROGRAMS = 1500 };

Test(passes_random, simplify_keeps_the_result) {
  int cheaper = 0;
  for (unsigned seed = 0; seed < PROGRAMS; seed++) check(seed, (const char *const[]){"simplify"}, 1, &cheaper);
  cr_assert_gt(cheaper, PROGRAMS / 2);
}

Test(passes_random, contract_keeps_the_result) {
  int cheaper = 0;
  for (unsigned seed = 0; seed < PROGRAMS; seed++) check(seed, (const char *const[]){"contract"}, 1, &cheaper);
  cr_assert_gt(cheaper, PROGRAMS / 4);
}

Test(passes_random, the_driver_s_order_keeps_the_result) {
  int cheaper = 0;
  for (unsigned seed = 0; seed < PROGRAMS; seed++)
    check(seed, (const char *const[]){"simplify", "contract", "unroll_states", "version", "propagate", "simplify"}, 6,
          &cheaper);
}

Test(passes_random, simplify_reaches_a_fixed_point) {
  for (unsigned seed = 0; seed < PROGRAMS; seed++) {
    Arena *arena = arena_create();
    IrProgram *program = ir_run_parse(arena, random_program(arena, seed));
    pass_simplify(program);
    char *once = printed(arena, program);
    pass_simplify(program);
    cr_assert_str_eq(printed(arena, program), once, "seed %u", seed);
    arena_destroy(arena);
  }
}
