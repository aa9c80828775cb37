// The text form: what is printed is read back as the same program; what cannot be read is refused with its line.
#include "tests/support/ir_run.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char full[] = "program step\n"
                           "\n"
                           "axis batch:4\n"
                           "axis state c:2\n"
                           "axis state d:2\n"
                           "axis unit unit0:3\n"
                           "axis unit unit1:5\n"
                           "\n"
                           "buffer x input \"x\" in [batch:4, unit unit0:3]\n"
                           "buffer a0 neuron \"a\" layer 0 out [state c:2, batch:4, unit unit0:3]\n"
                           "buffer w0 synapse \"w\" layer 0 in out [state c:2, unit unit0:3, unit unit1:5]\n"
                           "buffer w0.bias synapse \"w\" layer 0 bias in [state c:2, unit unit1:5]\n"
                           "buffer w0.1 synapse \"w\" layer 0 out of w0 state 1 [unit unit0:3, unit unit1:5]\n"
                           "buffer nu genome \"nu\" in [state c:2, state d:2]\n"
                           "buffer early signal out of late [batch:4]\n"
                           "buffer late temporary of w0 state 1, 0 [batch:4]\n"
                           "buffer i temporary []\n"
                           "buffer p output out [batch:4]\n"
                           "\n"
                           "block \"input\"\n"
                           "a0[0, batch, unit0] <- x[batch, unit0]\n"
                           "a0[1, batch, unit0] <- -0.1\n"
                           "\n"
                           "block \"forward 0\"\n"
                           "%0 = tanh(a0[0, batch, 2])\n"
                           "%1 = mul(%0, step)\n"
                           "late[batch] <- add(select(lt(%1, 0), %1, %0), sum(c, unit0: a0[c, batch, unit0]))\n"
                           "repeat 3 counter i {\n"
                           "  early[batch] <- add(late[batch], i[])\n"
                           "\n"
                           "  block \"inner\"\n"
                           "  repeat 2 {\n"
                           "    late[batch] <- max(late[batch], max(unit0: a0[0, batch, unit0]))\n"
                           "  }\n"
                           "}\n"
                           "\n"
                           "block\n"
                           "w0.1[unit0, unit1] <- w0[1, unit0, unit1]\n"
                           "p[batch] <- argmax(unit0: mul(position(unit0), inf))\n";

static char *printed(const IrProgram *program) {
  Text text = {0};
  ir_print(program, &text);
  char *copy = arena_copy(program->arena, text.bytes, text.length);
  text_free(&text);
  return copy;
}

Test(ir_text, reads_what_it_prints) {
  Arena *arena = arena_create();
  IrProgram *program = ir_run_parse(arena, full);
  cr_assert_str_eq(printed(program), full);
  arena_destroy(arena);
}

Test(ir_text, keeps_every_attribute) {
  Arena *arena = arena_create();
  IrProgram *program = ir_run_parse(arena, full);
  cr_assert_str_eq(program->name, "step");
  cr_assert_eq(program->axes.count, 5);
  cr_assert_eq(program->axes.items[1].kind, AXIS_KIND_STATE);
  cr_assert_eq(program->axes.items[4].extent, 5);
  const IrBufferInfo *bias = &program->buffers.items[3], *part = &program->buffers.items[4],
                     *early = &program->buffers.items[6], *late = &program->buffers.items[7];
  cr_assert_str_eq(bias->name, "w0.bias");
  cr_assert_str_eq(bias->variable, "w");
  cr_assert(bias->is_bias && bias->live_in && !bias->live_out);
  cr_assert_eq(bias->role, ROLE_SYNAPSE);
  cr_assert_eq(bias->layer, 0);
  cr_assert_eq(bias->origin, IR_NONE);
  cr_assert_eq(part->origin, 2);
  cr_assert_eq(part->states, 1);
  cr_assert_eq(part->state[0], 1);
  cr_assert_eq(part->dimensions, 2);
  cr_assert_eq(part->kind[0], AXIS_KIND_UNIT);
  cr_assert_str_eq(part->dimension_name[1], "unit1");
  cr_assert_eq(early->origin, 7);
  cr_assert_eq(early->role, ROLE_SIGNAL);
  cr_assert_eq(early->layer, -1);
  cr_assert_null(early->variable);
  cr_assert_eq(late->states, 2);
  cr_assert_eq(late->state[0], 1);
  const IrStatement *statement = program->statements;
  cr_assert_str_eq(statement->block, "input");
  statement = statement->next->next;
  cr_assert_str_eq(statement->block, "forward 0");
  statement = statement->next;
  cr_assert_eq(statement->kind, IR_STATEMENT_REPEAT);
  cr_assert_eq(statement->count, 3);
  cr_assert_eq(statement->counter, 8);
  cr_assert_str_eq(statement->body->next->block, "inner");
  cr_assert_null(statement->next->block);
  arena_destroy(arena);
}

Test(ir_text, shared_parts_keep_text_short) {
  Arena *arena = arena_create();
  IrProgram *program = ir_run_parse(arena, "program p\naxis batch:4\nbuffer x input in [batch:4]\nbuffer y output out "
                                           "[batch:4]\ny[batch] <- x[batch]\n");
  IrValue value = ir_operation(program, OP_EXP, program->statements->value, IR_NONE, IR_NONE);
  for (int i = 0; i < 50; i++) value = ir_operation(program, OP_ADD, value, value, IR_NONE); // 2^50 written out
  for (int i = 0; i < 5000; i++) value = ir_operation(program, OP_TANH, value, IR_NONE, IR_NONE);
  program->statements->value = value;
  char *text = printed(program);
  cr_assert_lt(strlen(text), 60000);
  const char *error;
  IrProgram *again = ir_parse(arena, text, strlen(text), &error);
  cr_assert_not_null(again, "%s", error);
  cr_assert_str_eq(printed(again), text);
  arena_destroy(arena);
}

// Sharing is named by the structure of the statement, not by the history of the program.
Test(ir_text, names_do_not_depend_on_earlier_statements) {
  Arena *arena = arena_create();
  const char *text = "program p\n\naxis batch:4\n\nbuffer x input in [batch:4]\nbuffer y output out [batch:4]\n"
                     "buffer z output out [batch:4]\n\n"
                     "y[batch] <- sin(x[batch])\n"
                     "%0 = cos(x[batch])\n%1 = sin(x[batch])\n"
                     "z[batch] <- add(mul(%0, %0), mul(%1, %1))\n";
  cr_assert_str_eq(printed(ir_run_parse(arena, text)), text);
  arena_destroy(arena);
}

Test(ir_text, noise) {
  Arena *arena = arena_create();
  const char *text = "program p\n\naxis batch:4\naxis unit u:3\n\nbuffer y output out [batch:4, unit u:3]\n"
                     "buffer i temporary []\n\nrepeat 2 counter i {\n"
                     "  y[batch, u] <- add(normal(place 7 layer 0, i[]: batch of 4, u of 4), uniform(place 2, 0))\n"
                     "  y[batch, 2] <- normal(place 7 layer 0, add(i[], 2): batch of 4, 3 of 4)\n}\n";
  IrProgram *program = ir_run_parse(arena, text);
  cr_assert_str_eq(printed(program), text);
  const IrValueInfo *drawn = &program->values.items[program->statements->body->next->value];
  cr_assert(drawn->kind == VALUE_NOISE && drawn->draw == 'n' && drawn->place == 7 && drawn->layer == 0);
  cr_assert(drawn->dimensions == 2 && drawn->index[1].axis == IR_NONE && drawn->index[1].constant == 3);
  cr_assert(drawn->extent[0] == 4 && drawn->extent[1] == 4 && drawn->axes == ir_axis_bit(0));
  arena_destroy(arena);
}

Test(ir_text, numbers_survive) {
  static const char *const numbers[] = {"0",    "-0",  "0.1", "1e-300", "1.7976931348623157e+308",
                                        "-inf", "inf", "nan", "5e-324", "123456789012"};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    Arena *arena = arena_create();
    char *text = arena_format(arena, "program p\n\nbuffer y output out []\n\ny[] <- %s\n", numbers[i]);
    cr_assert_str_eq(printed(ir_run_parse(arena, text)), text);
    arena_destroy(arena);
  }
}

#define HEAD                                                                                                           \
  "program p\naxis batch:4\naxis unit u:3\nbuffer x input in [batch:4, unit u:3]\nbuffer y output [batch:4]\n"

Test(ir_text, refuses_with_the_line) {
  static const struct {
    const char *text, *error;
  } cases[] = {
      {"", "line 1: 'program NAME' is missing"},
      {"nonsense", "line 1: 'program NAME' is missing"},
      {"program p\naxis batch", "line 2: ':' is missing"},
      {"program p\naxis large u:3", "line 2: 'large' is none of state, batch, unit"},
      {"program p\naxis batch:4\naxis batch:4", "line 3: there are two axes 'batch'"},
      {"program p\naxis batch:-4", "line 2: a whole number from 0 to 1099511627776 is expected"},
      {"program p\nbuffer b wrong []", "line 2: 'wrong' is no role"},
      {"program p\nbuffer b input []\nbuffer b input []", "line 3: there are two buffers 'b'"},
      {"program p\nbuffer b input of c []\n", "line 3: there is no buffer 'c'"},
      {"program p\nbuffer b input [batch:1, batch:1, batch:1, batch:1, batch:1, batch:1, batch:1, batch:1, batch:1]",
       "line 2: more than 8 dimensions"},
      {HEAD "y[batch] <- q[batch]", "line 6: there is no buffer 'q'"},
      {HEAD "y[batch] <- x[batch]", "line 6: ',' is missing"},
      {HEAD "y[batch] <- x[batch, u, u]", "line 6: 'x' has 2 dimensions"},
      {HEAD "y[batch] <- x[batch, v]", "line 6: there is no axis 'v'"},
      {HEAD "y[batch] <- add(x[batch, 0])", "line 6: ',' is missing"},
      {HEAD "y[batch] <- exp(x[batch, 0], 1)", "line 6: ')' is missing"},
      {HEAD "y[batch] <- frobnicate(1)", "line 6: there is no operation 'frobnicate'"},
      {HEAD "y[batch] <- mean(u: 1)", "line 6: there is no reduction 'mean'"},
      {HEAD "y[batch] <- x", "line 6: 'x' is no value (a read is written x[...])"},
      {HEAD "y[batch] <- %0", "line 6: %0 is not defined here"},
      {HEAD "%1 = 3", "line 6: %0 is expected here"},
      {HEAD "%0 = 3\n", "line 7: a statement is missing after %0"},
      {HEAD "y[batch] <- 1 2", "line 6: something follows the end of the statement: '2'"},
      {HEAD "y[batch] <- 1.2.3", "line 6: '1.2.3' is no number"},
      {HEAD "y[batch] = 1", "line 6: '<' is missing"},
      {HEAD "repeat 3 {\ny[batch] <- 1\n", "line 8: '}' is missing"},
      {HEAD "}", "line 6: '}' without a repeat"},
      {HEAD "repeat 3 counter k {\n}", "line 6: there is no buffer 'k'"},
      {HEAD "\001", "line 6: a statement is missing"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Arena *arena = arena_create();
    const char *error = NULL;
    cr_assert_null(ir_parse(arena, cases[i].text, strlen(cases[i].text), &error), "%s", cases[i].text);
    cr_assert_str_eq(error, cases[i].error);
    arena_destroy(arena);
  }
}

Test(ir_text, endless_nesting_is_refused) {
  Arena *arena = arena_create();
  Text text = {0};
  text_add(&text, HEAD "y[batch] <- ");
  for (int i = 0; i < 100000; i++) text_add(&text, "exp(");
  const char *error = NULL;
  cr_assert_null(ir_parse(arena, text.bytes, text.length, &error));
  cr_assert_str_eq(error, "line 6: nested more than 400 deep");
  text_free(&text);
  text_add(&text, HEAD);
  for (int i = 0; i < 100000; i++) text_add(&text, "repeat 1 {\n");
  cr_assert_null(ir_parse(arena, text.bytes, text.length, &error));
  cr_assert_str_eq(error, "line 406: nested more than 400 deep");
  text_free(&text);
  arena_destroy(arena);
}

// Cut anywhere, and with any byte changed, text is read or refused, never worse.
Test(ir_text, damaged_text_is_harmless) {
  size_t length = strlen(full);
  unsigned state = 1;
  for (size_t i = 0; i < 3 * length; i++) {
    Arena *arena = arena_create();
    char *text = arena_copy(arena, full, length);
    state = state * 1664525u + 1013904223u;
    size_t cut = i < length ? i : length;
    if (i >= length) text[i % length] = (char)(state >> 24);
    const char *error = NULL;
    IrProgram *program = ir_parse(arena, text, cut, &error);
    cr_assert((program == NULL) == (error != NULL));
    if (program) ir_verify(program);
    arena_destroy(arena);
  }
}
