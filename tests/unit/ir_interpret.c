// The interpreter against values computed by hand (or written down from tables): every operation, every reduction, the
// binding of axes, the order of effects.
#include "base/philox.h"
#include "tests/support/ir_run.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BUFFERS = 8, MOST_ELEMENTS = 64 };

// Runs a program whose buffers start with `given` (row after row, in the order of the buffers), returns buffer `which`.
static double *run_inexactly(Arena *arena, const char *text, const double *given, const char *which,
                             IrInexactness *inexact) {
  IrProgram *program = ir_run_parse(arena, text);
  double **storage = ARENA_ARRAY(arena, double *, program->buffers.count);
  double *result = NULL;
  for (size_t i = 0; i < program->buffers.count; i++) {
    const IrBufferInfo *buffer = &program->buffers.items[i];
    int64_t elements = ir_buffer_elements(buffer);
    storage[i] = ARENA_ARRAY(arena, double, elements);
    for (int64_t j = 0; buffer->live_in && j < elements; j++) storage[i][j] = *given++;
    if (strcmp(buffer->name, which) == 0) result = storage[i];
  }
  ir_interpret_inexactly(program, storage, 7, 0, inexact);
  return result;
}

static double *run(Arena *arena, const char *text, const double *given, const char *which) {
  return run_inexactly(arena, text, given, which, &(IrInexactness){0});
}

static bool same(double x, double y) {
  if (isnan(x) || isnan(y)) return isnan(x) && isnan(y);
  return x == y || fabs(x - y) <= 1e-15 * fmax(1, fabs(y));
}

#define N ((double)NAN)
#define I ((double)INFINITY)

Test(ir_interpret, every_operation) {
  static const struct {
    const char *value;
    double x, y, z, expected;
  } cases[] = {
      {"neg(x[])", 3, 0, 0, -3},
      {"exp(x[])", 0.7, 0, 0, 2.0137527074704766},
      {"exp(x[])", 1000, 0, 0, I},
      {"log(x[])", 0.7, 0, 0, -0.35667494393873245},
      {"log(x[])", 0, 0, 0, -I},
      {"log(x[])", -1, 0, 0, N},
      {"log1p(x[])", 0.7, 0, 0, 0.5306282510621704},
      {"log1p(x[])", 1e-20, 0, 0, 1e-20},
      {"expm1(x[])", 0.7, 0, 0, 1.0137527074704766},
      {"expm1(x[])", 1e-20, 0, 0, 1e-20},
      {"sqrt(x[])", 0.7, 0, 0, 0.8366600265340756},
      {"sqrt(x[])", -1, 0, 0, N},
      {"rsqrt(x[])", 0.7, 0, 0, 1.1952286093343936},
      {"rsqrt(x[])", 0, 0, 0, I},
      {"abs(x[])", -2.5, 0, 0, 2.5},
      {"abs(x[])", N, 0, 0, N},
      {"sign(x[])", -2.5, 0, 0, -1},
      {"sign(x[])", 2.5, 0, 0, 1},
      {"sign(x[])", 0, 0, 0, 0},
      {"sign(x[])", N, 0, 0, N},
      {"floor(x[])", -2.5, 0, 0, -3},
      {"tanh(x[])", 0.7, 0, 0, 0.6043677771171636},
      {"tanh(x[])", -800, 0, 0, -1},
      {"sigmoid(x[])", 0.7, 0, 0, 0.6681877721681662},
      {"sigmoid(x[])", -1000, 0, 0, 0},
      {"relu(x[])", 2, 0, 0, 2},
      {"relu(x[])", -2, 0, 0, 0},
      {"relu(x[])", N, 0, 0, N},
      {"softplus(x[])", 0.7, 0, 0, 1.103186048885458},
      {"softplus(x[])", 1000, 0, 0, 1000},
      {"softplus(x[])", -1000, 0, 0, 0},
      {"softplus(x[])", N, 0, 0, N},
      {"erf(x[])", 0.7, 0, 0, 0.6778011938374184},
      {"sin(x[])", 0.7, 0, 0, 0.644217687237691},
      {"cos(x[])", 0.7, 0, 0, 0.7648421872844885},
      {"stop(x[])", 5, 0, 0, 5},
      {"number(not(lt(x[], y[])))", 1, 2, 0, 0},
      {"number(not(lt(x[], y[])))", 2, 1, 0, 1},
      {"add(x[], y[])", 2, 3, 0, 5},
      {"sub(x[], y[])", 2, 3, 0, -1},
      {"mul(x[], y[])", 2, 3, 0, 6},
      {"mul(x[], y[])", 0, I, 0, N},
      {"div(x[], y[])", 3, 2, 0, 1.5},
      {"div(x[], y[])", 1, 0, 0, I},
      {"pow(x[], y[])", 0.7, -2.5, 0, 2.43924205986611},
      {"pow(x[], y[])", -2, 3, 0, -8},
      {"pow(x[], y[])", -2, 0.5, 0, N},
      {"min(x[], y[])", 2, 3, 0, 2},
      {"min(x[], y[])", N, 3, 0, N},
      {"min(x[], y[])", 3, N, 0, N},
      {"max(x[], y[])", 2, 3, 0, 3},
      {"max(x[], y[])", N, 3, 0, N},
      {"max(x[], y[])", 3, N, 0, N},
      {"mod(x[], y[])", -5.5, 2, 0, 0.5},
      {"mod(x[], y[])", 5.5, -2, 0, -0.5},
      {"number(lt(x[], y[]))", 2, 2, 0, 0},
      {"number(lt(x[], y[]))", 1, 2, 0, 1},
      {"number(le(x[], y[]))", 2, 2, 0, 1},
      {"number(le(x[], y[]))", 3, 2, 0, 0},
      {"number(gt(x[], y[]))", 2, 2, 0, 0},
      {"number(gt(x[], y[]))", 3, 2, 0, 1},
      {"number(ge(x[], y[]))", 2, 2, 0, 1},
      {"number(ge(x[], y[]))", 1, 2, 0, 0},
      {"number(eq(x[], y[]))", 2, 2, 0, 1},
      {"number(eq(x[], y[]))", N, N, 0, 0},
      {"number(ne(x[], y[]))", 2, 2, 0, 0},
      {"number(ne(x[], y[]))", N, N, 0, 1},
      {"number(lt(x[], y[]))", N, 1, 0, 0},
      {"number(and(lt(x[], y[]), lt(y[], z[])))", 1, 2, 3, 1},
      {"number(and(lt(x[], y[]), lt(y[], z[])))", 1, 2, 2, 0},
      {"number(or(lt(x[], y[]), lt(y[], z[])))", 1, 2, 0, 1},
      {"number(or(lt(x[], y[]), lt(y[], z[])))", 3, 2, 2, 0},
      {"select(lt(x[], 0), y[], z[])", -1, 5, N, 5},
      {"select(lt(x[], 0), y[], z[])", 1, I, 6, 6},
      {"clamp(x[], y[], z[])", 5, -1, 1, 1},
      {"clamp(x[], y[], z[])", -5, -1, 1, -1},
      {"clamp(x[], y[], z[])", 0.25, -1, 1, 0.25},
      {"clamp(x[], y[], z[])", N, -1, 1, N},
      {"fma(x[], y[], z[])", 2, 3, 4, 10},
      {"surrogate(x[], y[], z[])", 2, 3, 4, 2},
      {"step", 0, 0, 0, 7},
      {"-2.5", 0, 0, 0, -2.5},
  };
  bool seen[OP_COUNT] = {false};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Arena *arena = arena_create();
    char *text = arena_format(arena,
                              "program p\nbuffer x genome in []\nbuffer y genome in []\nbuffer z genome in []\n"
                              "buffer r output out []\nr[] <- %s\n",
                              cases[i].value);
    double given[] = {cases[i].x, cases[i].y, cases[i].z};
    double result = *run(arena, text, given, "r");
    cr_assert(same(result, cases[i].expected), "%s of %g, %g, %g is %.17g, not %.17g", cases[i].value, cases[i].x,
              cases[i].y, cases[i].z, result, cases[i].expected);
    for (int operation = 0; operation < OP_COUNT; operation++) {
      const char *name = ir_operation_name((IrOperation)operation), *at = strstr(cases[i].value, name);
      if (at && at[strlen(name)] == '(') seen[operation] = true;
    }
    arena_destroy(arena);
  }
  for (int operation = 0; operation < OP_COUNT; operation++)
    cr_assert(seen[operation], "%s is not tested", ir_operation_name((IrOperation)operation));
}

Test(ir_interpret, fma_rounds_once) {
  Arena *arena = arena_create();
  double x = 1 + 0x1p-30, given[] = {x, -1 - 0x1p-29};
  double result = *run(arena,
                       "program p\nbuffer x genome in []\nbuffer z genome in []\nbuffer r output out []\n"
                       "r[] <- fma(x[], x[], z[])\n",
                       given, "r");
  cr_assert_eq(result, 0x1p-60); // (1 + e)^2 - 1 - 2e; rounded twice it would be 0
  arena_destroy(arena);
}

#define TABLE "program p\naxis batch:2\naxis unit u:3\nbuffer x input in [batch:2, unit u:3]\n"

static void expect(const char *text, const double *given, const double *expected, int count) {
  Arena *arena = arena_create();
  double *result = run(arena, text, given, "r");
  for (int i = 0; i < count; i++)
    cr_assert(same(result[i], expected[i]), "element %d of\n%s is %.17g, not %.17g", i, text, result[i], expected[i]);
  arena_destroy(arena);
}

Test(ir_interpret, every_reduction) {
  static const double x[] = {1, 4, -2, 5, 0.5, 5};
  expect(TABLE "buffer r output out [batch:2]\nr[batch] <- sum(u: x[batch, u])\n", x, (double[]){3, 10.5}, 2);
  expect(TABLE "buffer r output out [batch:2]\nr[batch] <- prod(u: x[batch, u])\n", x, (double[]){-8, 12.5}, 2);
  expect(TABLE "buffer r output out [batch:2]\nr[batch] <- max(u: x[batch, u])\n", x, (double[]){4, 5}, 2);
  expect(TABLE "buffer r output out [batch:2]\nr[batch] <- min(u: x[batch, u])\n", x, (double[]){-2, 0.5}, 2);
  expect(TABLE "buffer r output out [batch:2]\nr[batch] <- argmax(u: x[batch, u])\n", x, (double[]){1, 0}, 2);
  expect(TABLE "buffer r output out [unit u:3]\nr[u] <- sum(batch: x[batch, u])\n", x, (double[]){6, 4.5, 3}, 3);
  expect(TABLE "buffer r output out []\nr[] <- sum(batch, u: x[batch, u])\n", x, (double[]){13.5}, 1);
  expect(TABLE "buffer r output out []\nr[] <- max(batch, u: x[batch, u])\n", x, (double[]){5}, 1);
}

Test(ir_interpret, nan_in_reductions) {
  static const double x[] = {1, NAN, 2, 3, 4, NAN};
  expect(TABLE "buffer r output out [batch:2]\nr[batch] <- max(u: x[batch, u])\n", x, (double[]){N, N}, 2);
  expect(TABLE "buffer r output out [batch:2]\nr[batch] <- min(u: x[batch, u])\n", x, (double[]){N, N}, 2);
  expect(TABLE "buffer r output out [batch:2]\nr[batch] <- sum(u: x[batch, u])\n", x, (double[]){N, N}, 2);
  expect(TABLE "buffer r output out [batch:2]\nr[batch] <- argmax(u: x[batch, u])\n", x, (double[]){2, 1}, 2);
}

Test(ir_interpret, an_axis_that_the_body_lacks_counts) {
  static const double x[] = {1, 2, 3, 4, 5, 6};
  expect(TABLE "buffer r output out [batch:2]\nr[batch] <- sum(u: x[batch, 0])\n", x, (double[]){3, 12}, 2);
  expect(TABLE "buffer r output out []\nr[] <- sum(batch, u: 2)\n", x, (double[]){12}, 1);
  expect(TABLE "buffer r output out []\nr[] <- prod(u: 2)\n", x, (double[]){8}, 1);
}

// The same axis free outside and bound inside, also where both are the very same value.
Test(ir_interpret, reductions_bind_lexically) {
  static const double x[] = {1, 2, 3, 4, 5, 6};
  expect(TABLE "buffer r output out [batch:2, unit u:3]\n%0 = exp(x[batch, u])\nr[batch, u] <- div(%0, sum(u: %0))\n",
         x,
         (double[]){0.09003057317038046, 0.24472847105479767, 0.6652409557748219, 0.09003057317038046,
                    0.24472847105479767, 0.6652409557748219},
         6);
  expect(TABLE "buffer r output out [unit u:3]\nr[u] <- mul(x[0, u], sum(u: add(x[0, u], max(u: x[1, u]))))\n", x,
         (double[]){24, 48, 72}, 3); // sum(x0) + 3 * 6
}

Test(ir_interpret, positions_and_constant_indices) {
  static const double x[] = {1, 2, 3, 4, 5, 6};
  expect(TABLE "buffer r output out [unit u:3, batch:2]\nr[u, batch] <- add(mul(position(u), 10), position(batch))\n",
         x, (double[]){0, 1, 10, 11, 20, 21}, 6);
  expect(TABLE "axis unit v:3\nbuffer r output out [unit u:3, unit v:3]\n"
               "r[u, v] <- select(lt(position(u), position(v)), x[1, v], x[0, 2])\n",
         x, (double[]){3, 5, 6, 3, 3, 6, 3, 3, 3}, 9);
}

Test(ir_interpret, diagonals) {
  static const double x[] = {1, 2, 3, 4};
  expect("program p\naxis state c:2\naxis state d:2\nbuffer x genome in [state c:2, state d:2]\nbuffer r output out "
         "[state c:2]\nr[c] <- add(mul(x[c, c], 10), sum(c: x[c, c]))\n",
         x, (double[]){15, 45}, 2);
}

Test(ir_interpret, a_right_side_is_evaluated_whole) {
  static const double x[] = {1, 2, 3};
  // Every element reads all of the old ones: in place, element after element, would give other numbers.
  expect("program p\naxis unit u:3\nbuffer r neuron in out [unit u:3]\nr[u] <- sub(sum(u: r[u]), r[u])\n", x,
         (double[]){5, 4, 3}, 3);
  expect("program p\naxis unit u:3\nbuffer r neuron in out [unit u:3]\nr[0] <- r[2]\nr[u] <- add(r[u], r[0])\n", x,
         (double[]){6, 5, 6}, 3);
}

Test(ir_interpret, transposed_targets_and_broadcasts) {
  static const double x[] = {1, 2, 3, 4, 5, 6};
  expect(TABLE "buffer r output out [unit u:3, batch:2]\nr[u, batch] <- x[batch, u]\n", x, (double[]){1, 4, 2, 5, 3, 6},
         6);
  expect(TABLE "buffer r output out [batch:2, unit u:3]\nr[batch, u] <- x[batch, 1]\n", x, (double[]){2, 2, 2, 5, 5, 5},
         6);
}

Test(ir_interpret, repeats_run_in_order_and_count) {
  static const double x[] = {1};
  expect("program p\nbuffer r neuron in out []\nbuffer i temporary []\nbuffer j temporary []\n"
         "repeat 3 counter i {\n  repeat 2 counter j {\n    r[] <- add(mul(r[], 2), add(i[], j[]))\n  }\n}\n",
         x, (double[]){((((((1 * 2 + 0) * 2 + 1) * 2 + 1) * 2 + 2) * 2 + 2) * 2 + 3)}, 1);
  expect("program p\nbuffer r neuron in out []\nrepeat 0 {\n  r[] <- 5\n}\n", x, (double[]){1}, 1);
}

// Large bodies are computed element by element, some through values that are stored; all ways must agree.
// The element's number, the step (7) and the iteration name a draw; a sum over it is the sum of its elements.
static double run_fewer_bits(Arena *arena, const char *value, const double *given, int bits) {
  const char *text = arena_format(arena, TABLE "buffer r output out []\nr[] <- %s\n", value);
  return *run_inexactly(arena, text, given, "r", &(IrInexactness){.bits = bits});
}

Test(ir_interpret, fewer_bits) {
  static const double x[] = {1, 0x1p-9, 0x1p-9, 3, -2, 7};
  Arena *arena = arena_create();
  cr_assert_eq(run_fewer_bits(arena, "add(x[0, 0], x[0, 1])", x, 10), 1 + 0x1p-9);
  cr_assert_eq(run_fewer_bits(arena, "add(x[0, 0], x[0, 1])", x, 8), 1);
  cr_assert_eq(run_fewer_bits(arena, "sum(u: x[0, u])", x, 0), 1 + 0x1p-8);
  cr_assert_eq(run_fewer_bits(arena, "sum(u: x[0, u])", x, 8), 1);        // each partial sum
  cr_assert_eq(run_fewer_bits(arena, "mul(x[1, 0], x[1, 2])", x, 2), 24); // 21 between 16 and 24
  cr_assert_eq(run_fewer_bits(arena, "max(x[1, 0], x[1, 2])", x, 2), 7);  // an operand as it is
  cr_assert_eq(run_fewer_bits(arena, "select(lt(add(x[0, 0], x[0, 1]), 1.001), 5, 6)", x, 8), 5);
  cr_assert_eq(run_fewer_bits(arena, "select(lt(add(x[0, 0], x[0, 1]), 1.001), 5, 6)", x, 0), 6);
  arena_destroy(arena);
}

Test(ir_interpret, moved_by_random_parts) {
  static const double x[] = {1, 2, 3, 1, 2, 3};
  static const char text[] = TABLE "buffer r output out [batch:2]\nr[batch] <- sum(u: x[batch, u])\n";
  Arena *arena = arena_create();
  double lowest = 1, highest = -1;
  for (uint64_t draws = 0; draws < 200; draws += 4) {
    const double *r = run_inexactly(arena, text, x, "r", &(IrInexactness){.unit = 0.01, .draws = draws});
    cr_assert_neq(r[0], r[1]); // equals fall apart
    double part = r[0] / 6 - 1;
    cr_assert_leq(fabs(part), 0.01 + 0.01 * (3 * 1.01) / 6); // of the whole, and of 1 + 2
    lowest = fmin(lowest, part);
    highest = fmax(highest, part);
  }
  cr_assert_lt(lowest, -0.007);
  cr_assert_gt(highest, 0.007);
  const double *same = run_inexactly(arena, text, x, "r", &(IrInexactness){.unit = 0.01, .draws = 5});
  cr_assert_eq(same[1], run_inexactly(arena, text, x, "r", &(IrInexactness){.unit = 0.01, .draws = 5})[1]);
  arena_destroy(arena);
}

Test(ir_interpret, noise) {
  Arena *arena = arena_create();
  double *y = run(arena,
                  "program p\naxis batch:2\naxis unit u:3\nbuffer y output out [batch:2, unit u:3]\n"
                  "buffer i temporary []\n"
                  "repeat 3 counter i {\ny[batch, u] <- normal(place 4 layer 1, add(i[], 10): batch of 2, u of 4)\n}\n",
                  NULL, "y");
  for (uint32_t e = 0; e < 6; e++) cr_expect_eq(y[e], philox_noise(0, 4, 1, 4 * (e / 3) + e % 3, 7, 12, 'n'), "%u", e);
  double *s = run(arena,
                  "program p\naxis batch:2\naxis unit u:3\nbuffer s output out [batch:2]\n"
                  "s[batch] <- add(sum(u: uniform(place 5, 0: u of 3, batch of 2)), normal(place 4 layer 1, 12: batch "
                  "of 2, 3 of 4))\n",
                  NULL, "s");
  for (uint32_t b = 0; b < 2; b++) {
    double sum = philox_noise(0, 4, 1, 4 * b + 3, 7, 12, 'n');
    for (uint32_t e = 0; e < 3; e++) sum += philox_noise(0, 5, -1, 2 * e + b, 7, 0, 'u');
    cr_expect(same(s[b], sum), "%g %g", s[b], sum);
  }
  arena_destroy(arena);
}

Test(ir_interpret, large_products) {
  enum { BATCH = 60, PRE = 300, POST = 250 }; // 4.5 million elements in the body: too many to be stored
  Arena *arena = arena_create();
  IrProgram *program = ir_run_parse(
      arena, "program p\naxis batch:60\naxis unit u:300\naxis unit v:250\nbuffer x input in [batch:60, unit u:300]\n"
             "buffer w synapse in [unit u:300, unit v:250]\nbuffer r output out [batch:60, unit v:250]\n"
             "buffer q output out []\n"
             "%0 = tanh(mul(x[batch, u], w[u, v]))\nr[batch, v] <- sum(u: mul(%0, add(%0, max(v: mul(%0, %0)))))\n"
             "q[] <- max(batch, u, v: mul(x[batch, u], w[u, v]))\n");
  double **storage = ir_run(arena, program, 5);
  const double *x = storage[0], *w = storage[1];
  double largest = -1;
  for (int b = 0; b < BATCH; b += 7) {
    double most[PRE], expected[POST] = {0};
    for (int u = 0; u < PRE; u++) {
      most[u] = 0;
      for (int v = 0; v < POST; v++) most[u] = fmax(most[u], pow(tanh(x[b * PRE + u] * w[u * POST + v]), 2));
      for (int v = 0; v < POST; v++) {
        double t = tanh(x[b * PRE + u] * w[u * POST + v]);
        expected[v] += t * (t + most[u]);
      }
    }
    for (int v = 0; v < POST; v++) cr_assert_float_eq(storage[2][b * POST + v], expected[v], 1e-11);
  }
  for (int b = 0; b < BATCH; b++)
    for (int u = 0; u < PRE; u++)
      for (int v = 0; v < POST; v++) largest = fmax(largest, x[b * PRE + u] * w[u * POST + v]);
  cr_assert_eq(*storage[3], largest);
  arena_destroy(arena);
}
