// The verifier: a good program passes, each kind of fault is found and named.
#include "tests/support/ir_run.h"

#include <criterion/criterion.h>
#include <string.h>

#define HEAD                                                                                                           \
  "program p\naxis batch:4\naxis unit u:3\naxis unit v:5\nbuffer x input in [batch:4, unit u:3]\n"                     \
  "buffer g genome in []\nbuffer y output out [batch:4]\nbuffer t temporary [unit u:3, unit u:3]\n"                    \
  "buffer s temporary []\nbuffer c temporary carried []\n"                                                             \
  "buffer k temporary rounds 2 []\n"
#define GOOD HEAD "y[batch] <- sum(u: x[batch, u])\n"

static const char *verdict(Arena *arena, const char *text) {
  const char *error = NULL;
  IrProgram *program = ir_parse(arena, text, strlen(text), &error);
  cr_assert_not_null(program, "%s", error);
  return ir_verify(program);
}

Test(ir_verify, good_programs_pass) {
  static const char *const good[] = {
      GOOD,
      "program empty\n",
      HEAD "t[u, 1] <- position(u)\ny[batch] <- t[2, 1]\n",
      HEAD "y[batch] <- sum(u: 1)\n",
      HEAD "s[] <- 0\nrepeat 2 counter s {\ny[batch] <- s[]\n}\n",
      HEAD "c[] <- 0\nrepeat 2 {\ny[batch] <- c[]\nc[] <- 1\n}\ny[batch] <- c[]\n",
      HEAD "repeat 2 {\nk[] <- 1\n}\nrepeat 2 backward {\ny[batch] <- k[]\n}\n",
      HEAD "y[batch] <- select(and(lt(g[], 1), not(eq(step, 0))), number(ge(g[], 0)), 2)\n",
  };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    Arena *arena = arena_create();
    const char *fault = verdict(arena, good[i]);
    cr_assert_null(fault, "%s", fault);
    arena_destroy(arena);
  }
}

Test(ir_verify, text_with_faults) {
  static const struct {
    const char *text, *fault;
  } cases[] = {
      {"program p\naxis batch:0\n", "the axis 'batch' has the extent 0"},
      {"program p\nbuffer b input [unit u:0]\n", "the buffer 'b' has the extent 0 in dimension 0"},
      {"program p\nbuffer b input [unit u:1000000000, unit v:1000000000]\n",
       "the buffer 'b' has the extent 1000000000 in dimension 1"},
      {HEAD "y[batch] <- x[batch, v]\n", "'x' has the extent 3 in dimension 1, but the axis 'v' has 5"},
      {HEAD "y[batch] <- x[batch, 3]\n", "'x' has no element 3 in dimension 1"},
      {HEAD "y[9] <- 1\n", "'y' has no element 9 in dimension 0"},
      {HEAD "y[batch] <- x[batch, u]\n", "'y' is assigned a value with the axis 'u', which the left lacks"},
      {HEAD "t[u, u] <- 1\n", "the axis 'u' stands twice on the left, in 't'"},
      {HEAD "x[batch, u] <- 1\n", "'x' is assigned to, but is constant"},
      {HEAD "g[] <- 1\n", "'g' is assigned to, but is constant"},
      {HEAD "y[batch] <- lt(g[], 1)\n", "'y' is assigned a truth value"},
      {HEAD "y[batch] <- add(lt(g[], 1), 1)\n", "an operand of 'add' is a truth value"},
      {HEAD "y[batch] <- not(g[])\n", "an operand of 'not' is a number, not a truth value"},
      {HEAD "y[batch] <- select(g[], 1, 2)\n", "an operand of 'select' is a number, not a truth value"},
      {HEAD "y[batch] <- sum(u: lt(x[batch, u], 1))\n", "an operand of 'sum' is a truth value"},
      {HEAD "y[batch] <- argmax(u, v: x[batch, u])\n", "argmax binds more than one axis"},
      {HEAD "y[batch] <- normal(place 1, g[]: batch of 3)\n",
       "noise has 3 elements in dimension 0, but is asked for 4"},
      {HEAD "y[batch] <- uniform(place 1, 0: batch of 4, 5 of 5)\n",
       "noise has 5 elements in dimension 1, but is asked for 6"},
      {HEAD "y[batch] <- uniform(place 1, 0: batch of 1000000, 5 of 5000)\n",
       "noise has the extent 5000 in dimension 1"},
      {HEAD "y[batch] <- normal(place 1, x[batch, 0]: batch of 4)\n", "the iteration of noise is no scalar"},
      {HEAD "y[batch] <- normal(place 1, lt(g[], 0): batch of 4)\n", "an operand of 'noise' is a truth value"},
      {HEAD "y[batch] <- normal(place 1 layer 5000, 0)\n", "noise is drawn at place 1 for layer 5000"},
      {HEAD "y[batch] <- argument(3: batch)\n", "argument 3 is left in the program"},
      {HEAD "y[batch] <- 0\nrepeat 2 counter s {\ny[batch] <- s[]\n}\ny[batch] <- s[]\n",
       "'s' is read before anything is assigned to it"},
      {HEAD "y[batch] <- 0\nrepeat 2 counter s {\ns[] <- 0\n}\n", "'s' is assigned to while it counts"},
      {HEAD "y[batch] <- 0\nrepeat 2 counter s {\nrepeat 2 counter s {\ny[batch] <- s[]\n}\n}\n",
       "'s' counts two repeats at once"},
      {HEAD "c[] <- 0\nrepeat 2 {\nc[] <- 1\ny[batch] <- c[]\n}\n",
       "'c' is read in a repeat after its next value is assigned"},
      {HEAD "y[batch] <- 0\nc[] <- 0\nc[] <- 1\n", "'c' is carried, but assigned twice outside of a repeat"},
      {HEAD "y[batch] <- 0\nc[] <- 0\nrepeat 2 {\nc[] <- 1\n}\nc[] <- 2\n",
       "'c' is carried, but assigned more than twice"},
      {HEAD "repeat 2 {\nk[] <- 1\n}\ny[batch] <- k[]\n", "'k' is read outside of its rounds"},
      {HEAD "y[batch] <- 0\nrepeat 2 {\nrepeat 3 {\nk[] <- 1\n}\n}\n", "'k' is assigned outside of its rounds"},
      {"program p\nbuffer k temporary in rounds 2 []\n", "the buffer 'k' is a tape, but lives on"},
      {HEAD "y[batch] <- s[]\n", "'s' is read before anything is assigned to it"},
      {HEAD "y[batch] <- add(y[batch], 1)\n", "'y' is read before anything is assigned to it"},
      {HEAD "repeat 2 counter t {\n}\n", "a repeat counts in 't', which is no scalar"},
      {HEAD, "'y' is wanted after the program, but nothing is assigned to it"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Arena *arena = arena_create();
    const char *fault = verdict(arena, cases[i].text);
    cr_assert_not_null(fault, "no fault found in\n%s", cases[i].text);
    cr_assert_str_eq(fault, cases[i].fault);
    arena_destroy(arena);
  }
}

// Faults that text cannot have: a pass made them.
typedef struct {
  Arena *arena;
  IrProgram *program;
  IrValueInfo *sum, *read;
} Broken;

static Broken broken(void) {
  Broken b = {.arena = arena_create()};
  b.program = ir_run_parse(b.arena, GOOD);
  b.sum = &b.program->values.items[b.program->statements->value];
  b.read = &b.program->values.items[b.sum->operand[0]];
  return b;
}

#define FAULT(name, change, expected)                                                                                  \
  Test(ir_verify, name) {                                                                                              \
    Broken b = broken();                                                                                               \
    change;                                                                                                            \
    const char *fault = ir_verify(b.program);                                                                          \
    cr_assert_not_null(fault);                                                                                         \
    cr_assert_str_eq(fault, expected);                                                                                 \
    arena_destroy(b.arena);                                                                                            \
  }

FAULT(operand_after_user, b.sum->operand[0] = 1000, "value 1 has an operand that does not come before it")
FAULT(operand_missing, b.sum->operand[0] = IR_NONE, "value 1 has an operand that does not come before it")
FAULT(wrong_axes, b.sum->axes = 0, "value 1 claims other axes than it has")
FAULT(wrong_truth, b.sum->is_truth = true, "value 1 is wrong about being a truth value")
FAULT(no_kind, b.sum->kind = 99, "value 1 is of no kind")
FAULT(no_operation, (b.sum->kind = VALUE_OPERATION, b.sum->operation = OP_COUNT), "value 1 is no operation")
FAULT(no_reduction, b.sum->reduction = 99, "value 1 is no reduction")
FAULT(binds_nothing, b.sum->reduced = 0, "a reduction binds no axis")
FAULT(binds_unknown, b.sum->reduced |= ir_axis_bit(40), "a reduction binds an axis that does not exist")
FAULT(reads_nothing, b.read->buffer = 77, "a read is of no buffer")
FAULT(index_unknown, b.read->index[0].axis = 40, "'x' is indexed by no axis")
FAULT(position_unknown, (b.read->kind = VALUE_POSITION, b.read->axis = 40), "a position is along no axis")
FAULT(target_unknown, b.program->statements->target = 50, "a statement assigns to no buffer")
FAULT(value_unknown, b.program->statements->value = 5000, "'y' is assigned no value")
FAULT(statement_unknown, b.program->statements->kind = 9, "a statement is of no kind")
FAULT(same_buffer_name, b.program->buffers.items[1].name = "x", "there are two buffers 'x'")
FAULT(same_axis_name, b.program->axes.items[1].name = "batch", "there are two axes 'batch'")
FAULT(no_name, b.program->buffers.items[1].name = NULL, "buffer 1 has no name")
FAULT(bad_origin, b.program->buffers.items[1].origin = 50, "the buffer 'g' is of a buffer that does not exist")
FAULT(bad_dimensions, b.program->buffers.items[1].dimensions = 9, "the buffer 'g' has 9 dimensions")
FAULT(bad_states, b.program->buffers.items[1].states = -1, "the buffer 'g' has -1 states")
FAULT(bad_role, b.program->buffers.items[1].role = 70, "the buffer 'g' has no role")
FAULT(bad_axis_kind, b.program->axes.items[1].kind = 70, "the axis 'u' is of no kind")

Test(ir_verify, too_many_axes) {
  Broken b = broken();
  for (int i = 0; i < 70; i++) ir_axis(b.program, "n", AXIS_KIND_UNIT, 2);
  cr_assert_str_eq(ir_verify(b.program), "the program has 73 axes, more than 64");
  arena_destroy(b.arena);
}

Test(ir_verify, negative_repeat) {
  Broken b = broken();
  ir_repeat(b.program, -1, IR_NONE, (Span){0}, NULL);
  cr_assert_str_eq(ir_verify(b.program), "a repeat runs -1 times");
  arena_destroy(b.arena);
}

// What passes leave behind need not be sound.
Test(ir_verify, unreached_values_do_not_matter) {
  Broken b = broken();
  ir_argument(b.program, 0, 0, false);
  cr_assert_null(ir_verify(b.program));
  arena_destroy(b.arena);
}
