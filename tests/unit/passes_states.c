// unroll_states, version, propagate, multiply_add and dead change no value: the interpreter gives the same live outputs
// before and after each of them.
#include "compiler/passes/passes.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const step_of_two_states =
    "program step\n\naxis batch:3\naxis unit unit0:4\naxis unit unit1:2\naxis state c:2\naxis state d:2\n\n"
    "buffer x input in [batch:3, unit unit0:4]\n"
    "buffer nu genome \"nu\" in [state c:2, state d:2]\n"
    "buffer a0 neuron \"a\" layer 0 [state c:2, batch:3, unit unit0:4]\n"
    "buffer a1 neuron \"a\" layer 1 [state c:2, batch:3, unit unit1:2]\n"
    "buffer w0 synapse \"w\" layer 0 in out [state c:2, unit unit0:4, unit unit1:2]\n"
    "buffer v0 synapse \"v\" layer 0 in out [state c:2, unit unit0:4, unit unit1:2]\n\n"
    "block \"forward 0\"\n"
    "a0[c, batch, unit0] <- 0\n"
    "a1[c, batch, unit1] <- 0\n"
    "a0[0, batch, unit0] <- x[batch, unit0]\n"
    "a1[c, batch, unit1] <- tanh(sum(unit0, d: mul(mul(w0[c, unit0, unit1], nu[c, d]), a0[d, batch, unit0])))\n"
    "block \"update 0\"\n"
    "w0[c, unit0, unit1] <- add(w0[c, unit0, unit1], sum(batch, d: mul(a0[d, batch, unit0], a1[d, batch, unit1])))\n"
    // each new state reads both old ones: right sides are evaluated before any takes effect
    "v0[c, unit0, unit1] <- add(max(d: v0[d, unit0, unit1]), sum(d: mul(nu[c, d], v0[d, unit0, unit1])))\n"
    "v0[0, unit0, unit1] <- sub(v0[1, unit0, unit1], mul(position(unit0), argmax(d: v0[d, unit0, unit1])))\n";

static IrProgram *parsed(Arena *arena, const char *text) {
  const char *error = NULL;
  IrProgram *program = ir_parse(arena, text, strlen(text), &error);
  cr_assert_not_null(program, "%s", error);
  return program;
}

// The variable that a buffer is (a part or a version of), and where its elements start in it.
static IrBuffer root_of(const IrProgram *program, IrBuffer buffer, int64_t *start) {
  *start = 0;
  const IrBufferInfo *info = &program->buffers.items[buffer];
  IrBuffer root = buffer;
  while (program->buffers.items[root].origin != IR_NONE) root = program->buffers.items[root].origin;
  const IrBufferInfo *whole = &program->buffers.items[root];
  int64_t piece = 0;
  for (int s = 0; s < info->states; s++) piece = piece * whole->extent[s] + info->state[s];
  *start = piece * ir_buffer_elements(info);
  return root;
}

// Runs a program whose inputs are a fixed function of variable and element; collects its outputs by root buffer's name.
static void outputs(const IrProgram *program, const char *variable, double *result) {
  double *storage[200] = {0};
  size_t count = program->buffers.count;
  for (size_t b = 0; b < count; b++) {
    int64_t start, elements = ir_buffer_elements(&program->buffers.items[b]);
    storage[b] = calloc((size_t)elements + 1, sizeof(double));
    IrBuffer root = root_of(program, (IrBuffer)b, &start);
    if (!program->buffers.items[b].live_in) continue;
    for (int64_t i = 0; i < elements; i++)
      storage[b][i] = sin(1.7 * (double)(start + i) + program->buffers.items[root].name[0]);
  }
  ir_interpret(program, storage, 0, 0);
  for (size_t b = 0; b < count; b++) {
    int64_t start, elements = ir_buffer_elements(&program->buffers.items[b]);
    const char *root = program->buffers.items[root_of(program, (IrBuffer)b, &start)].name;
    if (program->buffers.items[b].live_out && !strcmp(root, variable))
      memcpy(result + start, storage[b], sizeof(double) * (size_t)elements);
  }
  for (size_t b = 0; b < count; b++) free(storage[b]);
}

Test(passes_states, values_stay_the_same_after_each_pass) {
  static const char *const passes[] = {"unroll_states", "version", "propagate", "multiply_add", "dead"};
  Arena *arena = arena_create();
  IrProgram *program = parsed(arena, step_of_two_states);
  double before[2][16] = {{0}};
  outputs(program, "w0", before[0]);
  outputs(program, "v0", before[1]);
  for (size_t p = 0; p < sizeof passes / sizeof *passes; p++) {
    pass_find(passes[p])->run(program);
    cr_assert_null(ir_verify(program), "after %s: %s", passes[p], ir_verify(program));
    double after[2][16] = {{0}};
    outputs(program, "w0", after[0]);
    outputs(program, "v0", after[1]);
    for (int v = 0; v < 2; v++)
      for (int i = 0; i < 16; i++)
        cr_assert_float_eq(before[v][i], after[v][i], 1e-14, "after %s: element %d of variable %d", passes[p], i, v);
  }
  arena_destroy(arena);
}

Test(passes_states, zero_neurons_and_copies_leave_no_statement) {
  static const char *const passes[] = {"unroll_states", "version", "propagate", "dead"};
  Arena *arena = arena_create();
  IrProgram *program = parsed(arena, step_of_two_states);
  for (size_t p = 0; p < sizeof passes / sizeof *passes; p++) pass_find(passes[p])->run(program);
  int statements = 0;
  for (const IrStatement *s = program->statements; s; s = s->next) statements++;
  // a1 (2 states), w0 (2), v0 (2), then v0's state 0 once more
  cr_assert_eq(statements, 7);
  arena_destroy(arena);
}

Test(passes_states, what_no_prediction_needs_is_dead) {
  static const char *const predict_text =
      "program predict\n\naxis batch:3\naxis unit unit0:4\naxis unit unit1:2\n\n"
      "buffer x input in [batch:3, unit unit0:4]\n"
      "buffer w0 synapse \"w\" layer 0 in [state c:2, unit unit0:4, unit unit1:2]\n"
      "buffer prediction output out [batch:3, unit unit1:2]\n\n"
      "block \"predict\"\n"
      "prediction[batch, unit1] <- sum(unit0: mul(w0[0, unit0, unit1], x[batch, unit0]))\n";
  static const char *const passes[] = {"unroll_states", "version", "propagate"};
  Arena *arena = arena_create();
  IrProgram *step = parsed(arena, step_of_two_states), *predict = parsed(arena, predict_text);
  for (size_t p = 0; p < sizeof passes / sizeof *passes; p++) {
    pass_find(passes[p])->run(step);
    pass_find(passes[p])->run(predict);
  }
  dead_variables(step, predict);
  // w's state 0 is predicted from; its update reads a's states, whose forward pass reads w's state 1; v feeds nothing.
  for (size_t b = 0; b < step->buffers.count; b++) {
    const IrBufferInfo *buffer = &step->buffers.items[b];
    if (buffer->variable && !strcmp(buffer->variable, "v")) cr_assert(!buffer->live_out, "%s", buffer->name);
    if (!strcmp(buffer->name, "w0.0.v1")) cr_assert(buffer->live_out);
  }
  arena_destroy(arena);
}
