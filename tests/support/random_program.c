// See random_program.h.
#include "tests/support/random_program.h"

#include "base/text.h"

#include <stdbool.h>
#include <string.h>

// Of `states` states, `batch` samples, `pre` and `post` neurons.
static void declare(Text *text, int states, int batch, int pre, int post) {
  text_add(text, "axis unit pre:%d\naxis unit post:%d\naxis unit post2:%d\naxis batch:%d\n", pre, post, post, batch);
  text_add(text, "axis state c:%d\naxis state d:%d\n", states, states);
  text_add(text, "buffer x neuron in [batch:%d, unit pre:%d]\n", batch, pre);
  text_add(text, "buffer a neuron in [state c:%d, batch:%d, unit pre:%d]\n", states, batch, pre);
  text_add(text, "buffer y neuron in [batch:%d, unit post:%d]\n", batch, post);
  text_add(text, "buffer w synapse in out [state c:%d, unit pre:%d, unit post:%d]\n", states, pre, post);
  text_add(text, "buffer l synapse in [unit post:%d, unit post2:%d]\n", post, post);
  text_add(text, "buffer nu genome in [state c:%d, state d:%d]\nbuffer s genome in []\n", states, states);
  text_add(text, "buffer r synapse in out [state c:%d, unit pre:%d, unit post:%d]\n", states, pre, post);
  text_add(text, "buffer q neuron in out [batch:%d, unit post:%d]\n", batch, post);
  text_add(text, "buffer p output out [batch:%d, unit pre:%d, unit post:%d]\n", batch, pre, post);
  text_add(text, "buffer t output out []\n\n");
}

enum { BATCH, C, D, PRE, POST, POST2, AXES };
static const char *const axis_names[AXES] = {"batch", "c", "d", "pre", "post", "post2"};

typedef struct {
  unsigned state;
  Text *out;
  int readable; // of the buffers of add_leaf
  int repeats;  // around; the counters i and j may be read
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

enum { GIVEN = 7, VARIABLES = 9, WITH_TEMPORARIES = 14 }; // how many of the buffers that add_leaf has

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
      {"r", 3, {1 << C | 1 << D, 1 << PRE, 1 << POST | 1 << POST2}},
      {"q", 2, {1 << BATCH, 1 << POST | 1 << POST2}},
      {"h", 2, {1 << BATCH, 1 << POST | 1 << POST2}}, // from here on: temporaries
      {"h", 2, {1 << BATCH, 1 << POST | 1 << POST2}},
      {"g", 2, {1 << BATCH, 1 << PRE}},
      {"g", 2, {1 << BATCH, 1 << PRE}},
      {"v", 2, {1 << PRE, 1 << POST | 1 << POST2}},
  };
  static const char *const constants[] = {"0", "1", "2", "0.5", "-1", "-3", "0.1"};
  if (draw(random, 6) == 0) {
    text_add(random->out, "%s", constants[draw(random, sizeof constants / sizeof *constants)]);
    return;
  }
  if (random->repeats && draw(random, 8) == 0) {
    text_add(random->out, "%c[]", 'i' + (int)draw(random, (unsigned)random->repeats));
    return;
  }
  int which = (int)draw(random, (unsigned)random->readable);
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

static char *taken(Arena *arena, Text *text) {
  char *copy = arena_copy(arena, text->bytes, text->length);
  text_free(text);
  return copy;
}

char *random_values(Arena *arena, unsigned seed) {
  Text text = {0};
  Draw random = {.state = seed * 7919u + 1, .out = &text, .readable = GIVEN};
  text_add(&text, "program random\n");
  declare(&text, 2, 5, 4, 3);
  text_add(&text, "r[c, pre, post] <- ");
  add_value(&random, 1 << C | 1 << PRE | 1 << POST, 5);
  text_add(&text, "\nq[batch, post] <- ");
  add_value(&random, 1 << BATCH | 1 << POST, 6);
  text_add(&text, "\np[batch, pre, post] <- ");
  add_value(&random, 1 << BATCH | 1 << PRE | 1 << POST, 4);
  text_add(&text, "\nt[] <- ");
  add_value(&random, 0, 6);
  text_add(&text, "\n");
  return taken(arena, &text);
}

char *random_program(Arena *arena, unsigned seed) {
  Text text = {0};
  Draw random = {.state = seed * 7919u + 1, .out = &text, .readable = VARIABLES};
  int batch = 2 + (int)draw(&random, 24), pre = 2 + (int)draw(&random, 20), post = 2 + (int)draw(&random, 20);
  text_add(&text, "program random\n");
  declare(&text, seed % 3 ? 2 : 18, batch, pre, post);
  for (int i = 0; i < 3; i++) {
    text_add(&text, "\nr[c, pre, post] <- tanh(");
    add_value(&random, 1 << C | 1 << PRE | 1 << POST, 4);
    text_add(&text, ")");
    text_add(&text, "\nq[batch, post] <- tanh(");
    add_value(&random, 1 << BATCH | 1 << POST, 5);
    text_add(&text, ")");
    text_add(&text, "\nw[c, pre, post] <- tanh(");
    add_value(&random, 1 << C | 1 << PRE | 1 << POST, 3);
    text_add(&text, ")");
  }
  text_add(&text, "\np[batch, pre, post] <- tanh(");
  add_value(&random, 1 << BATCH | 1 << PRE | 1 << POST, 3);
  text_add(&text, ")");
  text_add(&text, "\nt[] <- tanh(");
  add_value(&random, 0, 4);
  text_add(&text, ")");
  text_add(&text, "\n");
  return taken(arena, &text);
}

// Statements on all that may be assigned, some of them in repeats.
static void add_statements(Draw *random, int count) {
  static const struct {
    const char *target;
    unsigned axes;
    int depth;
  } forms[] = {{"r[c, pre, post]", 1 << C | 1 << PRE | 1 << POST, 3},
               {"w[c, pre, post]", 1 << C | 1 << PRE | 1 << POST, 3},
               {"q[batch, post]", 1 << BATCH | 1 << POST, 4},
               {"h[batch, post]", 1 << BATCH | 1 << POST, 4},
               {"h[batch, post]", 1 << BATCH | 1 << POST, 2},
               {"g[batch, pre]", 1 << BATCH | 1 << PRE, 4},
               {"g[batch, pre]", 1 << BATCH | 1 << PRE, 2},
               {"v[pre, post]", 1 << PRE | 1 << POST, 3},
               {"t[]", 0, 4}};
  while (count-- > 0) {
    if (random->repeats < 2 && draw(random, 5) == 0) {
      text_add(random->out, "repeat %u counter %c {\n", 1 + draw(random, 4), 'i' + random->repeats++);
      add_statements(random, 1 + (int)draw(random, 4));
      text_add(random->out, "}\n");
      random->repeats--;
      continue;
    }
    int which = (int)draw(random, sizeof forms / sizeof *forms);
    text_add(random->out, "%s <- ", forms[which].target);
    bool plain = draw(random, 4) == 0 && which >= 2 && which <= 6; // a copy, or nearly
    if (!plain) text_add(random->out, "tanh(");
    add_value(random, forms[which].axes, plain ? (int)draw(random, 2) : forms[which].depth);
    text_add(random->out, plain ? "\n" : ")\n");
  }
}

char *random_repeats(Arena *arena, unsigned seed) {
  Text text = {0};
  Draw random = {.state = seed * 104729u + 5, .out = &text, .readable = WITH_TEMPORARIES};
  int batch = 2 + (int)draw(&random, 40), pre = 2 + (int)draw(&random, 20), post = 2 + (int)draw(&random, 20);
  text_add(&text,
           "program random\nbuffer i temporary []\nbuffer j temporary []\n"
           "buffer h temporary [batch:%d, unit post:%d]\nbuffer g temporary [batch:%d, unit pre:%d]\n"
           "buffer v temporary [unit pre:%d, unit post:%d]\n",
           batch, post, batch, pre, pre, post);
  declare(&text, seed % 3 ? 2 : 18, batch, pre, post);
  text_add(&text, "h[batch, post] <- 0\ng[batch, pre] <- x[batch, pre]\nv[pre, post] <- 1\nt[] <- 0\n");
  add_statements(&random, 3 + (int)draw(&random, 6));
  text_add(&text, "p[batch, pre, post] <- tanh(mul(h[batch, post], add(g[batch, pre], v[pre, post])))\n");
  return taken(arena, &text);
}
