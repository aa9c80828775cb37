// The builder: one number for equal values, exact folding, names, substitution without capture, costs.
#include "compiler/ir/order.h"
#include "tests/support/ir_run.h"

#include <criterion/criterion.h>
#include <math.h>

typedef struct {
  Arena *arena;
  IrProgram *program;
  IrAxis batch, unit, other;
  IrBuffer x, s;
} Fixture;

static Fixture fixture(void) {
  Fixture f = {.arena = arena_create()};
  f.program = ir_program_create(f.arena, "test");
  f.batch = ir_axis(f.program, "batch", AXIS_KIND_BATCH, 4);
  f.unit = ir_axis(f.program, "unit", AXIS_KIND_UNIT, 3);
  f.other = ir_axis(f.program, "other", AXIS_KIND_UNIT, 3);
  f.x = ir_buffer(f.program, (IrBufferInfo){.name = "x",
                                            .layer = -1,
                                            .live_in = true,
                                            .origin = IR_NONE,
                                            .dimensions = 2,
                                            .kind = {AXIS_KIND_BATCH, AXIS_KIND_UNIT},
                                            .extent = {4, 3}});
  f.s = ir_buffer(f.program, (IrBufferInfo){.name = "s", .layer = -1, .live_in = true, .origin = IR_NONE});
  return f;
}

static IrValue read_x(const Fixture *f, IrAxis batch, IrAxis unit) {
  return ir_read(f->program, f->x, (IrIndex[]){{batch, 0}, {unit, 0}});
}

static IrValue operate(const Fixture *f, IrOperation operation, IrValue x, IrValue y) {
  return ir_operation(f->program, operation, x, y, IR_NONE);
}

static void expect_text(const Fixture *f, IrValue value, const char *expected) {
  Text text = {0};
  ir_print_value(f->program, value, &text);
  cr_assert_str_eq(text_get(&text), expected);
  text_free(&text);
}

Test(ir_builder, equal_values_have_one_number) {
  Fixture f = fixture();
  IrValue x = read_x(&f, f.batch, f.unit);
  cr_assert_eq(x, read_x(&f, f.batch, f.unit));
  cr_assert_neq(x, read_x(&f, f.batch, f.other));
  IrValue sum = operate(&f, OP_ADD, x, ir_constant(f.program, 2));
  for (int i = 0; i < 5000; i++) // the table grows
    operate(&f, OP_ADD, x, ir_constant(f.program, i + 10));
  cr_assert_eq(sum, operate(&f, OP_ADD, x, ir_constant(f.program, 2)));
  cr_assert_neq(ir_constant(f.program, 0.0), ir_constant(f.program, -0.0));
  cr_assert_eq(ir_constant(f.program, NAN), ir_constant(f.program, -NAN));
  arena_destroy(f.arena);
}

Test(ir_builder, unused_index_entries_do_not_matter) {
  Fixture f = fixture();
  IrIndex index[] = {{f.batch, 77}, {f.unit, 99}, {5, 5}};
  cr_assert_eq(ir_read(f.program, f.x, index), read_x(&f, f.batch, f.unit));
  arena_destroy(f.arena);
}

Test(ir_builder, axes_are_the_free_ones) {
  Fixture f = fixture();
  IrValue x = read_x(&f, f.batch, f.unit);
  cr_assert_eq(f.program->values.items[x].axes, ir_axis_bit(f.batch) | ir_axis_bit(f.unit));
  IrValue sum = ir_reduce(f.program, REDUCE_SUM, ir_axis_bit(f.unit), x);
  cr_assert_eq(f.program->values.items[sum].axes, ir_axis_bit(f.batch));
  cr_assert_eq(f.program->values.items[operate(&f, OP_MULTIPLY, sum, x)].axes,
               ir_axis_bit(f.batch) | ir_axis_bit(f.unit));
  cr_assert_eq(ir_reduce(f.program, REDUCE_SUM, 0, x), x);
  arena_destroy(f.arena);
}

Test(ir_builder, folds_what_is_exact) {
  Fixture f = fixture();
  IrProgram *p = f.program;
  IrValue x = read_x(&f, f.batch, f.unit), one = ir_constant(p, 1), two = ir_constant(p, 2);
  cr_assert_eq(operate(&f, OP_ADD, one, one), two);
  cr_assert_eq(operate(&f, OP_MULTIPLY, x, one), x);
  cr_assert_eq(operate(&f, OP_MULTIPLY, one, x), x);
  cr_assert_eq(operate(&f, OP_DIVIDE, x, one), x);
  cr_assert_eq(operate(&f, OP_NEGATE, operate(&f, OP_NEGATE, x, IR_NONE), IR_NONE), x);
  IrValue yes = operate(&f, OP_LESS, one, two), no = operate(&f, OP_LESS, two, one);
  cr_assert_eq(yes, ir_truth(p, true));
  cr_assert_eq(ir_operation(p, OP_SELECT, yes, x, two), x);
  cr_assert_eq(ir_operation(p, OP_SELECT, no, x, two), two);
  IrValue unknown = operate(&f, OP_LESS, x, one);
  cr_assert_eq(ir_operation(p, OP_SELECT, unknown, x, x), x);
  cr_assert_eq(operate(&f, OP_AND, yes, unknown), unknown);
  cr_assert_eq(operate(&f, OP_AND, unknown, no), no);
  cr_assert_eq(operate(&f, OP_OR, no, unknown), unknown);
  cr_assert_eq(operate(&f, OP_OR, unknown, yes), yes);
  cr_assert_eq(operate(&f, OP_NUMBER_OF, yes, IR_NONE), one);
  // Not exact, or not known to be finite: left to passes.
  expect_text(&f, operate(&f, OP_MULTIPLY, ir_constant(p, 0), x), "mul(0, x[batch, unit])");
  expect_text(&f, operate(&f, OP_SUBTRACT, x, x), "sub(x[batch, unit], x[batch, unit])");
  arena_destroy(f.arena);
}

Test(ir_builder, names_are_unique_and_printable) {
  Fixture f = fixture();
  IrBuffer again = ir_buffer(f.program, (IrBufferInfo){.name = "x", .origin = IR_NONE});
  cr_assert_str_eq(f.program->buffers.items[again].name, "x.2");
  IrBuffer third = ir_buffer(f.program, (IrBufferInfo){.name = "x", .origin = IR_NONE});
  cr_assert_str_eq(f.program->buffers.items[third].name, "x.3");
  IrBuffer odd = ir_buffer(f.program, (IrBufferInfo){.name = "2 [x]", .origin = IR_NONE});
  cr_assert_str_eq(f.program->buffers.items[odd].name, "_2__x_");
  IrAxis axis = ir_axis(f.program, "unit", AXIS_KIND_UNIT, 3);
  cr_assert_str_eq(f.program->axes.items[axis].name, "unit.1");
  arena_destroy(f.arena);
}

Test(ir_builder, substitution_follows_free_axes) {
  Fixture f = fixture();
  IrProgram *p = f.program;
  IrValue x = read_x(&f, f.batch, f.unit);
  IrValue value = operate(&f, OP_ADD, operate(&f, OP_MULTIPLY, x, ir_position(p, f.unit)),
                          ir_reduce(p, REDUCE_SUM, ir_axis_bit(f.unit), x));
  expect_text(&f, ir_substitute_axis(p, value, f.unit, (IrIndex){f.other, 0}),
              "add(mul(x[batch, other], position(other)), sum(unit: x[batch, unit]))");
  expect_text(&f, ir_substitute_axis(p, value, f.unit, (IrIndex){IR_NONE, 2}),
              "add(mul(x[batch, 2], 2), sum(unit: x[batch, unit]))");
  cr_assert_eq(ir_substitute_axis(p, value, f.other, (IrIndex){f.unit, 0}), value);
  arena_destroy(f.arena);
}

Test(ir_builder, substitution_does_not_capture) {
  Fixture f = fixture();
  IrProgram *p = f.program;
  // sum(other: x[batch, unit] * x[batch, other]) with unit -> other
  IrValue sum = ir_reduce(p, REDUCE_SUM, ir_axis_bit(f.other),
                          operate(&f, OP_MULTIPLY, read_x(&f, f.batch, f.unit), read_x(&f, f.batch, f.other)));
  IrValue moved = ir_substitute_axis(p, sum, f.unit, (IrIndex){f.other, 0});
  cr_assert_eq(p->values.items[moved].axes, ir_axis_bit(f.batch) | ir_axis_bit(f.other));
  expect_text(&f, moved, "sum(other.1: mul(x[batch, other], x[batch, other.1]))");
  // Again: the axis made above is free for use here.
  size_t axes = p->axes.count;
  IrValue tanh_sum = ir_reduce(p, REDUCE_MAXIMUM, ir_axis_bit(f.other),
                               operate(&f, OP_ADD, read_x(&f, f.batch, f.unit), read_x(&f, f.batch, f.other)));
  expect_text(&f, ir_substitute_axis(p, tanh_sum, f.unit, (IrIndex){f.other, 0}),
              "max(other.1: add(x[batch, other], x[batch, other.1]))");
  cr_assert_eq(p->axes.count, axes);
  arena_destroy(f.arena);
}

Test(ir_builder, arguments_are_bound_by_the_reductions_around_them) {
  Fixture f = fixture();
  IrProgram *p = f.program;
  // fn total(A: z) = sum(A: z): the argument's own axis is meant.
  IrValue argument = ir_argument(p, 0, ir_axis_bit(f.unit), false);
  IrValue total = ir_reduce(p, REDUCE_SUM, ir_axis_bit(f.unit), argument);
  expect_text(&f, ir_substitute_argument(p, total, 0, read_x(&f, f.batch, f.unit)), "sum(unit: x[batch, unit])");
  // A scalar argument inside a sum over unit, replaced by something that happens to vary along unit: not captured.
  IrValue scalar = ir_argument(p, 1, 0, false);
  IrValue scaled =
      ir_reduce(p, REDUCE_SUM, ir_axis_bit(f.unit), operate(&f, OP_MULTIPLY, scalar, read_x(&f, f.batch, f.unit)));
  expect_text(&f, ir_substitute_argument(p, scaled, 1, ir_position(p, f.unit)),
              "sum(other: mul(position(unit), x[batch, other]))");
  arena_destroy(f.arena);
}

static IrValue tanh_to_exp(void *context, IrProgram *program, IrValue value) {
  ++*(int *)context;
  IrValueInfo info = program->values.items[value];
  if (info.kind == VALUE_OPERATION && info.operation == OP_TANH)
    return ir_operation(program, OP_EXP, info.operand[0], IR_NONE, IR_NONE);
  return value;
}

Test(ir_builder, rewriting_sees_every_value_once) {
  Fixture f = fixture();
  IrValue value = operate(&f, OP_TANH, read_x(&f, f.batch, f.unit), IR_NONE);
  for (int i = 0; i < 60; i++) value = operate(&f, OP_MULTIPLY, value, value); // 2^60 paths
  int seen = 0;
  IrValue changed = ir_rewrite(f.program, value, tanh_to_exp, &seen);
  cr_assert_eq(seen, 62);
  cr_assert_neq(changed, value);
  IrOrder order = ir_order(f.program, changed, NULL, NULL);
  cr_assert_eq(order.count, 62);
  cr_assert_eq(f.program->values.items[order.values[1]].operation, OP_EXP);
  ir_order_free(&order);
  arena_destroy(f.arena);
}

// One draw is one value; its element follows substitution, its extents stay.
Test(ir_builder, noise) {
  Fixture f = fixture();
  IrNoise noise = {'n', 3, 0, 2, {{f.batch, 0}, {f.unit, 0}}, {4, 4}};
  IrValue zero = ir_constant(f.program, 0), drawn = ir_noise(f.program, &noise, zero);
  cr_assert_eq(drawn, ir_noise(f.program, &noise, zero));
  cr_assert_eq(f.program->values.items[drawn].axes, ir_axis_bit(f.batch) | ir_axis_bit(f.unit));
  expect_text(&f, ir_substitute_axis(f.program, drawn, f.unit, (IrIndex){f.other, 0}),
              "normal(place 3 layer 0, 0: batch of 4, other of 4)");
  expect_text(&f, ir_substitute_axis(f.program, drawn, f.unit, (IrIndex){IR_NONE, 3}),
              "normal(place 3 layer 0, 0: batch of 4, 3 of 4)");
  IrNoise other = noise;
  other.place = 4;
  cr_assert_neq(drawn, ir_noise(f.program, &other, zero));
  other = noise;
  other.draw = 'u';
  cr_assert_neq(drawn, ir_noise(f.program, &other, zero));
  other = noise;
  other.extent[1] = 3;
  cr_assert_neq(drawn, ir_noise(f.program, &other, zero));
  cr_assert_neq(drawn, ir_noise(f.program, &noise, ir_constant(f.program, 1)));
  arena_destroy(f.arena);
}

Test(ir_builder, deep_values_need_no_stack) {
  Fixture f = fixture();
  IrValue value = read_x(&f, f.batch, f.unit);
  for (int i = 0; i < 300000; i++) value = operate(&f, OP_TANH, value, IR_NONE);
  int seen = 0;
  ir_rewrite(f.program, value, tanh_to_exp, &seen);
  cr_assert_eq(seen, 300001);
  arena_destroy(f.arena);
}

Test(ir_builder, cost_counts_each_value_over_its_axes) {
  Fixture f = fixture();
  IrProgram *p = f.program;
  // sum(unit: x * x): 12 products, 12 additions; tanh of it over batch: 4 * 10.
  IrValue x = read_x(&f, f.batch, f.unit);
  IrValue sum = ir_reduce(p, REDUCE_SUM, ir_axis_bit(f.unit), operate(&f, OP_MULTIPLY, x, x));
  IrValue value = operate(&f, OP_TANH, sum, IR_NONE);
  IrBuffer target = ir_buffer(
      p, (IrBufferInfo){.name = "y", .origin = IR_NONE, .dimensions = 1, .kind = {AXIS_KIND_BATCH}, .extent = {4}});
  ir_assign(p, target, (IrIndex[]){{f.batch, 0}}, value, (Span){0}, NULL);
  cr_assert_float_eq(ir_cost(p, p->statements), 64, 0);
  IrStatement *repeat = ir_repeat(p, 5, IR_NONE, (Span){0}, NULL);
  p->last = &repeat->body;
  ir_assign(p, target, (IrIndex[]){{f.batch, 0}}, value, (Span){0}, NULL);
  p->last = &repeat->next;
  cr_assert_float_eq(ir_cost(p, p->statements), 64 + 5 * 64, 0);
  arena_destroy(f.arena);
}
