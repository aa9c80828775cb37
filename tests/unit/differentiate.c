// ir_gradient against central differences of the interpreter, for every operation and reduction, first and second
// derivatives; and the conventions at the edges, against the values that the language defines.
#include "compiler/ir/ir.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { ROWS = 2, COLUMNS = 3, ELEMENTS = ROWS * COLUMNS };

typedef struct {
  IrProgram *program;
  IrAxis row, column;
  IrBuffer x, constant, scalar, out;
  IrIndex index[2];
} Setting;

typedef IrValue Function(Setting *setting, IrValue z);

static IrValue op1(Setting *s, IrOperation operation, IrValue x) {
  return ir_operation(s->program, operation, x, IR_NONE, IR_NONE);
}
static IrValue op2(Setting *s, IrOperation operation, IrValue x, IrValue y) {
  return ir_operation(s->program, operation, x, y, IR_NONE);
}
static IrValue op3(Setting *s, IrOperation operation, IrValue x, IrValue y, IrValue z) {
  return ir_operation(s->program, operation, x, y, z);
}
static IrValue num(Setting *s, double number) { return ir_constant(s->program, number); }
static IrValue other(Setting *s) { return ir_read(s->program, s->constant, s->index); }
static IrValue reduce(Setting *s, IrReduction reduction, IrAxisSet axes, IrValue body) {
  return ir_reduce(s->program, reduction, axes, body);
}
static IrAxisSet rows(Setting *s) { return ir_axis_bit(s->row); }
static IrAxisSet columns(Setting *s) { return ir_axis_bit(s->column); }

// x[row, column] is the point, constant[row, column] something else, out[row, column] receives.
static Setting begin(Arena *arena) {
  Setting s = {.program = ir_program_create(arena, "test")};
  s.row = ir_axis(s.program, "row", AXIS_KIND_BATCH, ROWS);
  s.column = ir_axis(s.program, "column", AXIS_KIND_STATE, COLUMNS);
  IrBufferInfo info = {.name = "x",
                       .layer = -1,
                       .role = ROLE_INPUT,
                       .live_in = true,
                       .origin = IR_NONE,
                       .dimensions = 2,
                       .kind = {AXIS_KIND_BATCH, AXIS_KIND_STATE},
                       .extent = {ROWS, COLUMNS}};
  s.x = ir_buffer(s.program, info);
  info.name = "constant";
  s.constant = ir_buffer(s.program, info);
  info.name = "out";
  info.role = ROLE_OUTPUT;
  info.live_in = false;
  info.live_out = true;
  s.out = ir_buffer(s.program, info);
  s.index[0] = (IrIndex){.axis = s.row};
  s.index[1] = (IrIndex){.axis = s.column};
  return s;
}

static const double CONSTANT[ELEMENTS] = {0.7, -1.3, 0.4, 1.9, -0.6, 1.1};

// The elements of value(x), of its gradient, or of the gradient of its weighted gradient, for x at a point.
static void evaluate(Function *function, int order, const double *point, double *result) {
  Arena *arena = arena_create();
  Setting s = begin(arena);
  IrAxisSet axes = rows(&s) | columns(&s);
  IrValue value = function(&s, ir_argument(s.program, 0, axes, false));
  if (order >= 1) value = ir_gradient(s.program, value, 0);
  if (order >= 2) value = ir_gradient(s.program, op2(&s, OP_MULTIPLY, value, other(&s)), 0);
  value = ir_substitute_argument(s.program, value, 0, ir_read(s.program, s.x, s.index));
  ir_assign(s.program, s.out, s.index, value, (Span){0}, "test");
  cr_assert_null(ir_verify(s.program), "%s", ir_verify(s.program));
  double x[ELEMENTS], constant[ELEMENTS];
  memcpy(x, point, sizeof x);
  memcpy(constant, CONSTANT, sizeof constant);
  double *storage[] = {x, constant, result};
  ir_interpret(s.program, storage, 0, 0);
  arena_destroy(arena);
}

static double total(Function *function, const double *point) {
  Arena *arena = arena_create();
  Setting s = begin(arena);
  IrValue value = function(&s, ir_read(s.program, s.x, s.index));
  IrAxisSet axes = s.program->values.items[value].axes;
  ir_assign(s.program, s.out, (IrIndex[]){{IR_NONE, 0}, {IR_NONE, 0}}, ir_reduce(s.program, REDUCE_SUM, axes, value),
            (Span){0}, "test");
  double x[ELEMENTS], constant[ELEMENTS], result[ELEMENTS] = {0};
  memcpy(x, point, sizeof x);
  memcpy(constant, CONSTANT, sizeof constant);
  double *storage[] = {x, constant, result};
  ir_interpret(s.program, storage, 0, 0);
  arena_destroy(arena);
  return result[0];
}

static double weighted_gradient(Function *function, const double *point) {
  double gradient[ELEMENTS], sum = 0;
  evaluate(function, 1, point, gradient);
  for (int i = 0; i < ELEMENTS; i++) sum += CONSTANT[i] * gradient[i];
  return sum;
}

static void check_order(const char *name, Function *function, int order, const double *point) {
  double gradient[ELEMENTS], step = 1e-5;
  evaluate(function, order, point, gradient);
  for (int i = 0; i < ELEMENTS; i++) {
    double ends[2];
    for (int end = 0; end < 2; end++) {
      double moved[ELEMENTS];
      memcpy(moved, point, sizeof moved);
      moved[i] += end ? step : -step;
      ends[end] = order == 1 ? total(function, moved) : weighted_gradient(function, moved);
    }
    double expected = (ends[1] - ends[0]) / (2 * step);
    cr_expect(fabs(gradient[i] - expected) <= 1e-7 * (1 + fabs(expected)), "%s, order %d, element %d: %.12g, not %.12g",
              name, order, i, gradient[i], expected);
  }
}

static const double MIXED[ELEMENTS] = {0.3, -0.8, 1.2, -1.7, 0.55, 2.1};
static const double POSITIVE[ELEMENTS] = {0.3, 0.8, 1.2, 1.7, 0.55, 2.1};
static const double WITH_ZEROS[ELEMENTS] = {0, -0.8, 1.2, -1.7, 0, 0};

static void check(const char *name, Function *function, const double *point) {
  check_order(name, function, 1, point);
  check_order(name, function, 2, point);
}

#define FUNCTION(name, body)                                                                                           \
  static IrValue name(Setting *s, IrValue z) {                                                                         \
    (void)s;                                                                                                           \
    return body;                                                                                                       \
  }

// ---- operations

FUNCTION(f_negate, op2(s, OP_MULTIPLY, op1(s, OP_NEGATE, z), z))
FUNCTION(f_exp, op1(s, OP_EXP, z))
FUNCTION(f_log, op1(s, OP_LOG, z))
FUNCTION(f_log1p, op1(s, OP_LOG1P, z))
FUNCTION(f_expm1, op1(s, OP_EXPM1, z))
FUNCTION(f_sqrt, op1(s, OP_SQRT, z))
FUNCTION(f_rsqrt, op1(s, OP_RSQRT, z))
FUNCTION(f_abs, op2(s, OP_MULTIPLY, op1(s, OP_ABS, z), z))
FUNCTION(f_sign, op2(s, OP_MULTIPLY, op1(s, OP_SIGN, z), z))
FUNCTION(f_floor, op2(s, OP_MULTIPLY, op1(s, OP_FLOOR, z), op1(s, OP_SIN, z)))
FUNCTION(f_tanh, op1(s, OP_TANH, z))
FUNCTION(f_sigmoid, op1(s, OP_SIGMOID, z))
FUNCTION(f_relu, op2(s, OP_MULTIPLY, op1(s, OP_RELU, z), z))
FUNCTION(f_softplus, op1(s, OP_SOFTPLUS, z))
FUNCTION(f_erf, op1(s, OP_ERF, z))
FUNCTION(f_sin, op1(s, OP_SIN, z))
FUNCTION(f_cos, op1(s, OP_COS, z))
FUNCTION(f_number, op2(s, OP_MULTIPLY, op1(s, OP_NUMBER_OF, op2(s, OP_LESS, z, num(s, 0.6))), op1(s, OP_EXP, z)))
FUNCTION(f_add, op2(s, OP_MULTIPLY, op2(s, OP_ADD, z, other(s)), op2(s, OP_ADD, other(s), z)))
FUNCTION(f_subtract, op2(s, OP_MULTIPLY, op2(s, OP_SUBTRACT, z, other(s)), op2(s, OP_SUBTRACT, num(s, 3), z)))
FUNCTION(f_square, op2(s, OP_MULTIPLY, z, z))
FUNCTION(f_product, op2(s, OP_MULTIPLY, op1(s, OP_SIN, z), op2(s, OP_MULTIPLY, other(s), op1(s, OP_EXP, z))))
FUNCTION(f_divide, op2(s, OP_DIVIDE, op1(s, OP_SIN, z), op2(s, OP_ADD, num(s, 3), z)))
FUNCTION(f_power_two, op2(s, OP_POWER, z, num(s, 2)))
FUNCTION(f_power_three, op2(s, OP_POWER, z, num(s, 3)))
FUNCTION(f_power_root, op2(s, OP_POWER, z, num(s, 0.3)))
FUNCTION(f_power_of, op2(s, OP_POWER, num(s, 1.7), z))
FUNCTION(f_power_both, op2(s, OP_POWER, z, op2(s, OP_ADD, z, other(s))))
FUNCTION(f_minimum, op2(s, OP_MINIMUM, op2(s, OP_MULTIPLY, z, z), op1(s, OP_EXP, z)))
FUNCTION(f_maximum, op2(s, OP_MAXIMUM, op2(s, OP_MULTIPLY, z, z), op1(s, OP_EXP, z)))
FUNCTION(f_modulo, op2(s, OP_MULTIPLY, z, op2(s, OP_MODULO, z, op2(s, OP_ADD, num(s, 4), z))))
FUNCTION(f_select, op3(s, OP_SELECT, op2(s, OP_LESS, z, num(s, 0.6)), op1(s, OP_EXP, z), op1(s, OP_SIN, z)))
FUNCTION(f_clamp, op2(s, OP_MULTIPLY, op1(s, OP_SIN, z), op3(s, OP_CLAMP, z, num(s, -0.9), num(s, 1))))
FUNCTION(f_clamp_low, op3(s, OP_CLAMP, other(s), op2(s, OP_MULTIPLY, z, z), num(s, 2)))
FUNCTION(f_clamp_high, op3(s, OP_CLAMP, other(s), num(s, -0.5), op2(s, OP_MULTIPLY, z, z)))
FUNCTION(f_fma, op3(s, OP_FMA, op1(s, OP_SIN, z), z, op1(s, OP_EXP, z)))
FUNCTION(f_cube, op2(s, OP_MULTIPLY, z, op2(s, OP_MULTIPLY, z, z)))

Test(differentiate, operations) {
  struct {
    const char *name;
    Function *function;
    const double *point;
  } cases[] = {{"neg", f_negate, MIXED},
               {"exp", f_exp, MIXED},
               {"log", f_log, POSITIVE},
               {"log1p", f_log1p, POSITIVE},
               {"expm1", f_expm1, MIXED},
               {"sqrt", f_sqrt, POSITIVE},
               {"rsqrt", f_rsqrt, POSITIVE},
               {"abs", f_abs, MIXED},
               {"sign", f_sign, MIXED},
               {"floor", f_floor, MIXED},
               {"tanh", f_tanh, MIXED},
               {"sigmoid", f_sigmoid, MIXED},
               {"relu", f_relu, MIXED},
               {"softplus", f_softplus, MIXED},
               {"erf", f_erf, MIXED},
               {"sin", f_sin, MIXED},
               {"cos", f_cos, MIXED},
               {"number", f_number, MIXED},
               {"add", f_add, MIXED},
               {"sub", f_subtract, MIXED},
               {"square", f_square, MIXED},
               {"mul", f_product, MIXED},
               {"div", f_divide, MIXED},
               {"pow 2", f_power_two, MIXED},
               {"pow 3", f_power_three, MIXED},
               {"pow 0.3", f_power_root, POSITIVE},
               {"1.7 pow", f_power_of, MIXED},
               {"pow both", f_power_both, POSITIVE},
               {"min", f_minimum, MIXED},
               {"max", f_maximum, MIXED},
               {"mod", f_modulo, MIXED},
               {"select", f_select, MIXED},
               {"clamp", f_clamp, MIXED},
               {"clamp low", f_clamp_low, MIXED},
               {"clamp high", f_clamp_high, MIXED},
               {"fma", f_fma, MIXED},
               {"cube", f_cube, MIXED}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(cases[i].name, cases[i].function, cases[i].point);
}

// ---- reductions, broadcasts, nesting

FUNCTION(r_sum,
         op2(s, OP_MULTIPLY, op1(s, OP_SIN, reduce(s, REDUCE_SUM, rows(s), op2(s, OP_MULTIPLY, z, z))), other(s)))
FUNCTION(r_sum_twice, op1(s, OP_SIN,
                          reduce(s, REDUCE_SUM, rows(s),
                                 op1(s, OP_EXP, reduce(s, REDUCE_SUM, columns(s), op2(s, OP_MULTIPLY, z, other(s)))))))
FUNCTION(r_product, op2(s, OP_MULTIPLY, z, reduce(s, REDUCE_PRODUCT, columns(s), op1(s, OP_SIN, z))))
FUNCTION(r_product_all, reduce(s, REDUCE_PRODUCT, rows(s) | columns(s), op2(s, OP_ADD, z, other(s))))
FUNCTION(r_maximum, op2(s, OP_MULTIPLY, z, reduce(s, REDUCE_MAXIMUM, columns(s), op2(s, OP_MULTIPLY, z, other(s)))))
FUNCTION(r_maximum_all, op2(s, OP_MULTIPLY, z, reduce(s, REDUCE_MAXIMUM, rows(s) | columns(s), op1(s, OP_SIN, z))))
FUNCTION(r_minimum, op2(s, OP_MULTIPLY, z, reduce(s, REDUCE_MINIMUM, rows(s), op2(s, OP_MULTIPLY, z, other(s)))))
FUNCTION(r_argmax, op2(s, OP_MULTIPLY, op1(s, OP_SIN, z), reduce(s, REDUCE_ARGMAX, columns(s), z)))

static IrValue mean(Setting *s, IrAxisSet axes, double count, IrValue z) {
  return op2(s, OP_DIVIDE, reduce(s, REDUCE_SUM, axes, z), num(s, count));
}

static IrValue r_standardize(Setting *s, IrValue z) {
  IrValue distance = op2(s, OP_SUBTRACT, z, mean(s, columns(s), COLUMNS, z));
  IrValue variance = mean(s, columns(s), COLUMNS, op2(s, OP_MULTIPLY, distance, distance));
  IrValue standard = op2(s, OP_DIVIDE, distance, op1(s, OP_SQRT, op2(s, OP_ADD, variance, num(s, 1e-5))));
  return op2(s, OP_MULTIPLY, other(s), op1(s, OP_TANH, standard));
}

static IrValue r_cross_entropy(Setting *s, IrValue z) {
  IrValue top = op1(s, OP_STOP, reduce(s, REDUCE_MAXIMUM, columns(s), z));
  IrValue exponentials = op1(s, OP_EXP, op2(s, OP_SUBTRACT, z, top));
  IrValue sum = op2(s, OP_ADD, top, op1(s, OP_LOG, reduce(s, REDUCE_SUM, columns(s), exponentials)));
  IrValue is_true = op1(s, OP_NUMBER_OF, op2(s, OP_GREATER, other(s), num(s, 0.5)));
  return reduce(s, REDUCE_SUM, columns(s), op2(s, OP_MULTIPLY, is_true, op2(s, OP_SUBTRACT, sum, z)));
}

// The same axis bound within a reduction over it, and free outside.
static IrValue r_nested(Setting *s, IrValue z) {
  IrValue inner = reduce(s, REDUCE_SUM, rows(s), op1(s, OP_SIN, z));
  IrValue outer = reduce(s, REDUCE_SUM, rows(s), op2(s, OP_MULTIPLY, op1(s, OP_EXP, z), inner));
  return op2(s, OP_MULTIPLY, z, op2(s, OP_MULTIPLY, outer, inner));
}

// The body lacks the axis: each of its elements is the same.
static IrValue r_absent(Setting *s, IrValue z) {
  IrValue inner = reduce(s, REDUCE_SUM, rows(s), op1(s, OP_SIN, z));
  IrValue sum = ir_reduce(s->program, REDUCE_SUM, rows(s), inner);
  IrValue product = ir_reduce(s->program, REDUCE_PRODUCT, rows(s), inner);
  IrValue largest = ir_reduce(s->program, REDUCE_MAXIMUM, rows(s) | columns(s), op2(s, OP_MULTIPLY, inner, inner));
  return op2(s, OP_ADD, op2(s, OP_MULTIPLY, sum, product), largest);
}

Test(differentiate, reductions) {
  struct {
    const char *name;
    Function *function;
    const double *point;
  } cases[] = {{"sum", r_sum, MIXED},
               {"sum twice", r_sum_twice, MIXED},
               {"prod", r_product, MIXED},
               {"prod with zeros", r_product, WITH_ZEROS},
               {"prod all", r_product_all, MIXED},
               {"max", r_maximum, MIXED},
               {"max all", r_maximum_all, MIXED},
               {"min", r_minimum, MIXED},
               {"argmax", r_argmax, MIXED},
               {"standardize", r_standardize, MIXED},
               {"cross entropy", r_cross_entropy, MIXED},
               {"nested", r_nested, MIXED},
               {"absent axis", r_absent, MIXED}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(cases[i].name, cases[i].function, cases[i].point);
}

// ---- the edges: language.md, "Derivatives at the edge"

FUNCTION(e_relu, op1(s, OP_RELU, z))
FUNCTION(e_abs, op1(s, OP_ABS, z))
FUNCTION(e_stop, op2(s, OP_MULTIPLY, z, op1(s, OP_STOP, z)))
FUNCTION(e_minimum, op2(s, OP_MINIMUM, op2(s, OP_MULTIPLY, num(s, 2), z), z))
FUNCTION(e_maximum, op2(s, OP_MAXIMUM, op2(s, OP_MULTIPLY, num(s, 2), z), z))
FUNCTION(e_first, reduce(s, REDUCE_MAXIMUM, columns(s), z))
FUNCTION(e_first_of_all, reduce(s, REDUCE_MINIMUM, rows(s) | columns(s), z))
FUNCTION(e_norm, op1(s, OP_SQRT, reduce(s, REDUCE_SUM, columns(s), op2(s, OP_MULTIPLY, z, z))))
FUNCTION(e_log, op3(s, OP_SELECT, op2(s, OP_GREATER, z, num(s, 0)), op1(s, OP_LOG, z), num(s, 0)))
FUNCTION(e_exp,
         op3(s, OP_SELECT, op2(s, OP_LESS, z, num(s, 1)), op1(s, OP_EXP, op2(s, OP_MULTIPLY, num(s, 2000), z)), z))
FUNCTION(e_log_sum, op3(s, OP_SELECT, op2(s, OP_LESS, other(s), num(s, 100)), z,
                        op1(s, OP_LOG, reduce(s, REDUCE_SUM, rows(s) | columns(s), z))))

static void check_edge(const char *name, Function *function, int order, const double *point, const double *expected) {
  double gradient[ELEMENTS];
  evaluate(function, order, point, gradient);
  for (int i = 0; i < ELEMENTS; i++)
    cr_expect(gradient[i] == expected[i], "%s, order %d, element %d: %g, not %g", name, order, i, gradient[i],
              expected[i]);
}

Test(differentiate, edges) {
  const double zero[ELEMENTS] = {0}, ones[ELEMENTS] = {1, 1, 1, 1, 1, 1}, twos[ELEMENTS] = {2, 2, 2, 2, 2, 2};
  check_edge("relu", e_relu, 1, zero, zero);
  check_edge("abs", e_abs, 1, zero, zero);
  check_edge("stop", e_stop, 1, twos, twos);
  check_edge("min", e_minimum, 1, zero, twos);
  check_edge("max", e_maximum, 1, zero, twos);
  check_edge("sqrt", f_sqrt, 1, zero, zero);
  check_edge("sqrt", f_sqrt, 2, zero, zero);
  check_edge("rsqrt", f_rsqrt, 1, zero, zero);
  check_edge("pow", f_power_root, 1, zero, zero);
  check_edge("pow", f_power_root, 2, zero, zero);
  check_edge("norm", e_norm, 1, zero, zero);
  check_edge("norm", e_norm, 2, zero, zero);
  check_edge("max of equals", e_first, 1, ones, (double[]){1, 0, 0, 1, 0, 0});
  check_edge("min of all equals", e_first_of_all, 1, ones, (double[]){1, 0, 0, 0, 0, 0});
  check_edge("log not chosen", e_log, 1, (double[]){0, -1, 2, 0, 4, -3}, (double[]){0, 0, 0.5, 0, 0.25, 0});
  check_edge("log not chosen", e_log, 2, (double[]){0, -1, 2, 0, 2, -3},
             (double[]){0, 0, -0.25 * CONSTANT[2], 0, -0.25 * CONSTANT[4], 0});
  check_edge("exp not chosen", e_exp, 1, twos, ones);
  check_edge("log of a sum not chosen", e_log_sum, 1, zero, ones);
}

static void check_print(Function *function, const char *expected) {
  Arena *arena = arena_create();
  Setting s = begin(arena);
  Text text = {0};
  ir_print_value(s.program, ir_gradient(s.program, function(&s, ir_argument(s.program, 0, rows(&s), false)), 0), &text);
  cr_expect_str_eq(text_get(&text), expected, "%s, not %s", text_get(&text), expected);
  text_free(&text);
  arena_destroy(arena);
}

FUNCTION(p_square_relu, op1(s, OP_RELU, op2(s, OP_MULTIPLY, num(s, 3), z)))

// The results are what one would write by hand.
Test(differentiate, forms) {
  Arena *arena = arena_create();
  Setting s = begin(arena);
  IrValue z = ir_argument(s.program, 0, rows(&s), false);
  struct {
    Function *function;
    IrValue expected;
  } cases[] = {
      {f_exp, op1(&s, OP_EXP, z)},
      {f_tanh, op2(&s, OP_SUBTRACT, num(&s, 1), op2(&s, OP_MULTIPLY, op1(&s, OP_TANH, z), op1(&s, OP_TANH, z)))},
      {f_sigmoid,
       op2(&s, OP_MULTIPLY, op1(&s, OP_SIGMOID, z), op2(&s, OP_SUBTRACT, num(&s, 1), op1(&s, OP_SIGMOID, z)))},
      {e_relu, op3(&s, OP_SELECT, op2(&s, OP_GREATER, z, num(&s, 0)), num(&s, 1), num(&s, 0))},
      {p_square_relu, op3(&s, OP_SELECT, op2(&s, OP_GREATER, op2(&s, OP_MULTIPLY, num(&s, 3), z), num(&s, 0)),
                          num(&s, 3), num(&s, 0))},
      {f_square, op2(&s, OP_MULTIPLY, num(&s, 2), z)},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Text text = {0};
    ir_print_value(s.program, cases[i].expected, &text);
    check_print(cases[i].function, text_get(&text));
    text_free(&text);
  }
  arena_destroy(arena);
}
