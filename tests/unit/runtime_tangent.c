// Compiled forward mode: against reverse mode (u' J v = v' J' u; the derivative along a direction is the gradient's
// part in it), against the interpreter, over the library's rules and those of tests/rules; through initial values; for
// queries of another size; the same bits on any number of threads.
#include "training.h"

#include "runtime/network/network.h"

#include <criterion/parameterized.h>
#include <glob.h>
#include <math.h>
#include <string.h>

enum { BATCH = 5, INPUTS = 4, OUTPUTS = 3, STEPS = 3 };
static const int64_t units[] = {INPUTS, 6, OUTPUTS};

// A number between -1 and 1 that depends on its names alone.
static double spread(uint64_t a, uint64_t b) {
  uint64_t z = (a + 1) * 0x9e3779b97f4a7c15u + b * 0xd1342543de82ef95u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (double)((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1;
}

static void set_batch(void *context, BlurNetwork *network, int64_t step) {
  const int64_t batch = blur_program_batch(blur_network_program(network));
  double *x = calloc((size_t)(batch * INPUTS), sizeof *x), *y = calloc((size_t)(batch * OUTPUTS), sizeof *y);
  (void)context;
  for (int64_t b = 0; b < batch; b++) {
    int64_t sample = b % BATCH;
    for (int64_t i = 0; i < INPUTS; i++) x[b * INPUTS + i] = spread((uint64_t)(step * 31 + sample), (uint64_t)i);
    for (int64_t o = 0; o < OUTPUTS; o++) y[b * OUTPUTS + o] = o == (step + sample) % OUTPUTS ? 1 : -1;
  }
  blur_network_set(network, blur_network_find(network, BLUR_X, NULL, -1), x);
  blur_network_set(network, blur_network_find(network, BLUR_Y, NULL, -1), y);
  free(x);
  free(y);
}

static Rig make(RigOptions options) {
  options.layers = 3;
  options.units = units;
  options.adjoint = options.tangent = true;
  options.seed = 3;
  if (!options.batch) options.batch = BATCH;
  return rig_open(options);
}

static bool is_derived(const BlurVariable *variable) { return variable->adjoint && variable->kind != BLUR_LOSS; }

// Away from zeros, where roots have kinks.
static void move_values(const Rig *rig) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(rig->program, &variables);
  for (size_t i = 0; i < count; i++) {
    if (!is_derived(&variables[i]) || variables[i].kind == BLUR_GENOME) continue;
    size_t elements = blur_variable_count(&variables[i]);
    double *values = calloc(elements + 1, sizeof *values);
    blur_network_get(rig->network, &variables[i], values);
    bool zero = true;
    for (size_t j = 0; j < elements; j++) zero &= values[j] == 0;
    for (size_t j = 0; j < elements && zero; j++) values[j] = 0.25 + 0.15 * spread(100 + i, j);
    blur_network_set(rig->network, &variables[i], values);
    free(values);
  }
}

typedef struct {
  double **of; // [variables]
  size_t count;
} Direction;

static Direction open_direction(const Rig *rig, BlurKind only, uint64_t salt) { // `only`: BLUR_LOSS: all kinds
  const BlurVariable *variables;
  Direction direction = {.count = blur_program_variables(rig->program, &variables)};
  direction.of = calloc(direction.count, sizeof *direction.of);
  for (size_t i = 0; i < direction.count; i++) {
    if (!is_derived(&variables[i]) || (only != BLUR_LOSS && variables[i].kind != only)) continue;
    size_t elements = blur_variable_count(&variables[i]);
    direction.of[i] = calloc(elements + 1, sizeof **direction.of);
    for (size_t j = 0; j < elements; j++) direction.of[i][j] = spread(salt + i, j);
  }
  return direction;
}

static void close_direction(Direction *direction) {
  for (size_t i = 0; i < direction->count; i++) free(direction->of[i]);
  free(direction->of);
}

// The direction's part of the adjoints, and what it is a sum of in size.
static double along(const Rig *rig, const Direction *direction, double *size) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(rig->program, &variables);
  double sum = 0;
  *size = 0;
  for (size_t i = 0; i < count; i++) {
    if (!direction->of[i]) continue;
    size_t elements = blur_variable_count(&variables[i]);
    double *adjoint = calloc(elements + 1, sizeof *adjoint);
    blur_network_get_adjoint(rig->network, &variables[i], adjoint);
    for (size_t j = 0; j < elements; j++) {
      sum += adjoint[j] * direction->of[i][j];
      *size += fabs(adjoint[j] * direction->of[i][j]);
    }
    free(adjoint);
  }
  return sum;
}

typedef struct {
  double forward, reverse, size, loss;
} Derivative;

static Derivative derive(const Rig *rig, BlurNetwork *query, const Direction *direction, int64_t every) {
  BlurStatus status = {0};
  Derivative found = {0};
  double loss;
  BlurUnroll *unroll = blur_unroll_create(rig->network, query, STEPS, 0, &status);
  cr_assert_not_null(unroll, "%s", status.message);
  cr_assert(blur_unroll_set_objective(unroll, every, 0, &status));
  cr_assert(blur_unroll_run(unroll, set_batch, NULL, &found.loss, &status), "%s", status.message);
  cr_assert(blur_unroll_forward(unroll, set_batch, NULL, (const double *const *)direction->of, &loss, &found.forward,
                                &status),
            "%s", status.message);
  cr_expect(fabs(loss - found.loss) <= 1e-6 * (1 + fabs(loss)), "another loss: %.9g, %.9g", loss, found.loss);
  cr_expect_eq(blur_network_steps(rig->network), 0);
  found.reverse = along(rig, direction, &found.size);
  blur_unroll_destroy(unroll);
  return found;
}

// ---- every rule

typedef struct {
  char rule[256];
} Item;

ParameterizedTestParameters(tangent, rules) {
  enum { MOST_ITEMS = 96 };
  static Item items[MOST_ITEMS];
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  const char *const *names;
  size_t count = 0, rules = blur_library_rules(&names);
  for (size_t i = 0; i < rules && count < MOST_ITEMS; i++)
    snprintf(items[count++].rule, sizeof items->rule, "%s", names[i]);
  static glob_t found;
  glob(SOURCE_DIR "/tests/rules/*.blur", 0, NULL, &found);
  cr_assert(found.gl_pathc > 0);
  for (size_t i = 0; i < found.gl_pathc && count < MOST_ITEMS; i++)
    snprintf(items[count++].rule, sizeof items->rule, "%s", found.gl_pathv[i]);
  return cr_make_param_array(Item, items, count);
}

// u' (J v) by the step's tangents, v' (J' u) by its adjoints, J the Jacobian of one step.
static void check_transpose(const Item *item, Rig *rig) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(rig->program, &variables);
  Direction v = open_direction(rig, BLUR_LOSS, 1), u = open_direction(rig, BLUR_LOSS, 1000);
  set_batch(NULL, rig->network, 0);
  double forward = 0, size;
  for (size_t i = 0; i < count; i++) {
    if (!v.of[i]) continue;
    blur_network_set_tangent(rig->network, &variables[i], v.of[i]);
    blur_network_set_adjoint(rig->network, &variables[i], u.of[i]);
    blur_network_get_tangent(rig->network, &variables[i], v.of[i]); // without what has no place
    blur_network_get_adjoint(rig->network, &variables[i], u.of[i]);
  }
  network_run(rig->network, NETWORK_TANGENT, NULL, NULL);
  network_run(rig->network, NETWORK_ADJOINT, NULL, NULL);
  double reverse = along(rig, &v, &size);
  for (size_t i = 0; i < count; i++) {
    if (!u.of[i]) continue;
    size_t elements = blur_variable_count(&variables[i]);
    double *tangent = calloc(elements + 1, sizeof *tangent);
    blur_network_get_tangent(rig->network, &variables[i], tangent);
    for (size_t j = 0; j < elements; j++) forward += tangent[j] * u.of[i][j];
    free(tangent);
  }
  cr_expect(fabs(forward - reverse) <= 1e-12 * size, "%s: u' J v = %.15g, v' J' u = %.15g", item->rule, forward,
            reverse);
  close_direction(&u);
  close_direction(&v);
}

ParameterizedTest(Item *item, tangent, rules) {
  double of_interpreter = NAN;
  for (int way = 0; way < 4; way++) { // interpreted; compiled; with what is dead; in float
    Rig rig = make((RigOptions){.rule = item->rule,
                                .engine = way == 0 ? BLUR_ENGINE_INTERPRET : BLUR_ENGINE_JIT,
                                .precision = way == 3 ? BLUR_FLOAT : BLUR_DOUBLE,
                                .all_live = way == 2});
    move_values(&rig);
    if (way < 3) check_transpose(item, &rig);
    Direction direction = open_direction(&rig, BLUR_LOSS, 7);
    Derivative found = derive(&rig, NULL, &direction, 0);
    double tolerance = way == 3 ? 2e-4 : 1e-12;
    if (way == 0) of_interpreter = found.forward;
    cr_expect(fabs(found.forward - found.reverse) <= tolerance * found.size, "%s, way %d: forward %.15g, reverse %.15g",
              item->rule, way, found.forward, found.reverse);
    cr_expect(fabs(found.forward - of_interpreter) <= 100 * tolerance * found.size,
              "%s, way %d: compiled %.15g, interpreted %.15g", item->rule, way, found.forward, of_interpreter);
    close_direction(&direction);
    rig_close(&rig);
  }
}

// ---- what else there is

Test(tangent, mean_of_losses_and_queries_of_another_size) {
  Rig rig = make((RigOptions){.rule = "std.momentum", .precision = BLUR_DOUBLE});
  Rig larger = make((RigOptions){.rule = "std.momentum", .precision = BLUR_DOUBLE, .batch = 4 * BATCH});
  Direction direction = open_direction(&rig, BLUR_LOSS, 7);
  for (int64_t every = 0; every < 2; every++) {
    Derivative own = derive(&rig, NULL, &direction, every), found = derive(&rig, larger.network, &direction, every);
    cr_expect(fabs(own.forward - own.reverse) <= 1e-12 * own.size, "%.15g, not %.15g", own.forward, own.reverse);
    cr_expect(fabs(found.forward - own.forward) <= 1e-12 * own.size, "another size: %.15g, not %.15g", found.forward,
              own.forward); // the same samples, four times
  }
  close_direction(&direction);
  rig_close(&larger);
  rig_close(&rig);
}

Test(tangent, threads_change_nothing) {
  double expected = NAN;
  for (int threads = 1; threads <= 3; threads++) {
    Rig rig =
        make((RigOptions){.rule = "std.blur", .settings = {{"k", "3"}}, .batch = BATCH * 1024, .threads = threads});
    Direction direction = open_direction(&rig, BLUR_LOSS, 7);
    double found = derive(&rig, NULL, &direction, 0).forward;
    if (threads == 1) expected = found;
    cr_expect_eq(found, expected, "%d threads: %.17g, not %.17g", threads, found, expected);
    close_direction(&direction);
    rig_close(&rig);
  }
}

// The genome makes initial values: what it changes of them comes in as their tangents, or out of their adjoints.
Test(tangent, through_initial_values) {
  char *path = rule_file("rule made like std.backprop {\n"
                         "  synapse w bias ~ normal(shift, scale / sqrt(fan_in)), b (post) ~ uniform(-width, 2*width)\n"
                         "  synapse o ~ orthogonal(gain), c (post) = start * (1 + layer)\n"
                         "  signal  level = exp(loud)\n"
                         "  genome  scale = 0.8, shift = 0.1, width = 0.3, gain = 1.5, loud = 0.4\n"
                         "  genome  start = 0.2 per layer\n"
                         "  forward { let z = sum(pre: w * pre.h) + sum(pre: o * pre.h) + b + level * c\n"
                         "            post.h <- if last then z else act(z)\n"
                         "            post.g <- if last then 1 else act'(z) }\n}\n");
  Rig rig = make((RigOptions){.rule = path, .precision = BLUR_DOUBLE});
  Direction direction = open_direction(&rig, BLUR_GENOME, 7), gradient = open_direction(&rig, BLUR_GENOME, 7);
  const BlurVariable *variables;
  size_t count = blur_program_variables(rig.program, &variables);
  BlurStatus status = {0};
  for (size_t i = 0; i < count; i++) {
    if (!is_derived(&variables[i]) || variables[i].kind == BLUR_GENOME) continue;
    direction.of[i] = calloc(blur_variable_count(&variables[i]) + 1, sizeof(double));
    cr_assert(blur_network_add_initial_tangent(rig.network, &variables[i], (const double *const *)direction.of,
                                               direction.of[i], &status));
  }
  Derivative found = derive(&rig, NULL, &direction, 0);
  cr_expect(fabs(found.forward - found.reverse) <= 1e-12 * found.size);
  for (size_t i = 0; i < count; i++)
    if (gradient.of[i]) blur_network_get_adjoint(rig.network, &variables[i], gradient.of[i]);
  for (size_t i = 0; i < count; i++)
    if (is_derived(&variables[i]) && variables[i].kind != BLUR_GENOME)
      cr_assert(blur_network_add_initial_gradient(rig.network, &variables[i], gradient.of, &status));
  double sum = 0, through_steps = 0;
  for (size_t i = 0; i < count; i++) {
    if (!gradient.of[i]) continue;
    double of_genome = 0, *adjoint = calloc(blur_variable_count(&variables[i]) + 1, sizeof *adjoint);
    blur_network_get_adjoint(rig.network, &variables[i], adjoint);
    for (size_t j = 0; j < blur_variable_count(&variables[i]); j++) {
      of_genome += gradient.of[i][j] * direction.of[i][j];
      through_steps += adjoint[j] * direction.of[i][j];
    }
    cr_expect(of_genome != 0, "%s has no influence", variables[i].name);
    sum += of_genome;
    free(adjoint);
  }
  cr_expect(fabs(sum - found.forward) <= 1e-12 * found.size, "%.15g, not %.15g", found.forward, sum);
  cr_expect(fabs(through_steps - found.forward) > 1e-3 * found.size, "initial values change nothing");
  close_direction(&gradient);
  close_direction(&direction);
  rig_close(&rig);
  unlink(path);
  free(path);
}

Test(tangent, program_without_tangents) {
  Rig rig =
      rig_open((RigOptions){.rule = "std.backprop", .layers = 3, .units = units, .batch = BATCH, .adjoint = true});
  BlurStatus status = {0};
  double loss, derivative;
  const BlurVariable *variables;
  const double **none = calloc(blur_program_variables(rig.program, &variables), sizeof *none);
  BlurUnroll *unroll = blur_unroll_create(rig.network, NULL, 1, 0, &status);
  cr_expect_not(blur_program_has_tangent(rig.program));
  cr_expect_not(blur_unroll_forward(unroll, set_batch, NULL, none, &loss, &derivative, &status));
  cr_expect_eq(status.code, BLUR_FAILED_INPUT);
  free(none);
  blur_unroll_destroy(unroll);
  rig_close(&rig);
}
