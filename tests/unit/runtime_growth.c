// Singular values of steps and of unrolls: worked out by hand; against the dense Jacobian, decomposed by Jacobi's
// rotations; and three routes to one gradient, with a kink, with a sample of a large genome.
#include "training.h"

#include "blur/curl.h"
#include "blur/growth.h"
#include "blur/routes.h"

#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

enum { BATCH = 4, STEPS = 4 };

static void set_batch(void *context, BlurNetwork *network, int64_t step) {
  const int64_t *units;
  int layers = blur_program_layers(blur_network_program(network), &units);
  int64_t inputs = units[0], outputs = units[layers - 1], batch = blur_program_batch(blur_network_program(network));
  double *x = calloc((size_t)(batch * inputs), sizeof *x), *y = calloc((size_t)(batch * outputs), sizeof *y);
  const double *sample = context; // one sample of two inputs and an output, for all steps; or NULL
  for (int64_t i = 0; i < batch * inputs; i++) x[i] = sample ? sample[i] : sin((double)(step * 37 + i * 5 + 1));
  for (int64_t i = 0; i < batch * outputs; i++)
    y[i] = sample ? sample[2] : (step + i / outputs) % outputs == i % outputs ? 1 : -1;
  blur_network_set(network, blur_network_find(network, BLUR_X, NULL, -1), x);
  blur_network_set(network, blur_network_find(network, BLUR_Y, NULL, -1), y);
  free(x);
  free(y);
}

static Rig make(const char *rule, int64_t inputs, int64_t hidden, int64_t outputs, int64_t batch) {
  int64_t units[] = {inputs, hidden, outputs}, shallow[] = {inputs, outputs};
  return rig_open((RigOptions){.rule = rule,
                               .layers = hidden ? 3 : 2,
                               .units = hidden ? units : shallow,
                               .batch = batch,
                               .precision = BLUR_DOUBLE,
                               .loss = BLUR_LOSS_SQUARED_ERROR,
                               .adjoint = true,
                               .tangent = true,
                               .seed = 3});
}

static BlurUnroll *unroll_of(const Rig *rig, int64_t steps) {
  BlurStatus status = {0};
  BlurUnroll *unroll = blur_unroll_create(rig->network, NULL, steps, 0, &status);
  cr_assert_not_null(unroll, "%s", status.message);
  return unroll;
}

// h = w x + b on one sample: the step's Jacobian is I - 2 lr z z', z = (x, 1). Here |z|^2 = 6 and lr = 0.5: its
// singular values are 1, 1 and 5, and those of three such steps 1, 1 and 125.
static const char linear[] = "rule linear {\n neuron h, g\n synapse w bias = 0.1\n genome lr = 0.5\n input h <- x\n"
                             " forward post.h <- sum(pre: w * pre.h)\n feedback g <- 2 * (h - y) / batch_size\n"
                             " update w <- w - lr * sum(batch: pre.h * post.g)\n predict h\n}\n";

Test(growth, by_hand) {
  char *path = rule_file(linear);
  Rig rig = make(path, 2, 0, 1, 1);
  BlurUnroll *unroll = unroll_of(&rig, 3);
  double sample[] = {1, 2, 3};
  int64_t steps[] = {0, 2};
  BlurSingularValue values[2];
  BlurStatus status = {0};
  BlurGrowth *growth = blur_growth_create(unroll, set_batch, sample, 2, steps, values, &status);
  cr_assert_not_null(growth, "%s", status.message);
  BlurSingularValue product = growth->product;
  cr_expect_eq(growth->numbers, 3);
  for (int t = 0; t <= 3; t++) // a share of the change along z grows, the rest stays
    cr_expect(growth->path[t] >= 0.999 * pow(5, t) && growth->path[t] <= pow(5, t) + 1e-9, "after %d steps %.12g", t,
              growth->path[t]);
  blur_growth_destroy(growth);
  cr_expect(fabs(values[0].value - 5) < 1e-9 && fabs(values[1].value - 5) < 1e-9, "%.12g", values[0].value);
  cr_expect(fabs(product.value - 125) < 1e-7, "%.12g", product.value);
  cr_expect(values[0].converged && product.converged);
  cr_expect_eq(blur_network_steps(rig.network), 0);
  blur_unroll_destroy(unroll);
  rig_close(&rig);
  unlink(path);
  free(path);
}

// ---- dense

// The largest singular value of a dense matrix, by one-sided Jacobi rotations (Hestenes); the matrix is lost.
static double largest_of(double *matrix, size_t n) {
  double largest = 0, turned = 1;
  for (int sweep = 0; sweep < 60 && turned > 1e-14; sweep++) {
    turned = 0;
    for (size_t p = 0; p + 1 < n; p++)
      for (size_t q = p + 1; q < n; q++) {
        double pp = 0, qq = 0, pq = 0;
        for (size_t i = 0; i < n; i++) {
          double x = matrix[i * n + p], y = matrix[i * n + q];
          pp += x * x, qq += y * y, pq += x * y;
        }
        if (fabs(pq) <= 1e-300 || fabs(pq) <= 1e-15 * sqrt(pp * qq)) continue;
        turned = fmax(turned, fabs(pq) / sqrt(pp * qq));
        double zeta = (qq - pp) / (2 * pq), t = (zeta >= 0 ? 1 : -1) / (fabs(zeta) + sqrt(1 + zeta * zeta)),
               c = 1 / sqrt(1 + t * t), s = c * t;
        for (size_t i = 0; i < n; i++) {
          double x = matrix[i * n + p], y = matrix[i * n + q];
          matrix[i * n + p] = c * x - s * y;
          matrix[i * n + q] = s * x + c * y;
        }
      }
  }
  for (size_t q = 0; q < n; q++) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += matrix[i * n + q] * matrix[i * n + q];
    largest = fmax(largest, sqrt(sum));
  }
  return largest;
}

typedef struct {
  char rule[64];
} Item;

ParameterizedTestParameters(growth, dense) {
  static Item items[] = {{"std.blur"}, {"std.adam"},         {"std.momentum"},          {"std.kolen_pollack"},
                         {"std.bcm"},  {"std.three_factor"}, {"std.feedback_alignment"}};
  return cr_make_param_array(Item, items, sizeof items / sizeof *items);
}

// Row by row in reverse mode, as blur curl has it, at each step; the product by multiplication.
ParameterizedTest(Item *item, growth, dense) {
  Rig rig = make(item->rule, 4, 5, 3, BATCH);
  BlurUnroll *unroll = unroll_of(&rig, STEPS);
  int64_t steps[STEPS] = {0, 1, 2, 3};
  BlurSingularValue values[STEPS];
  BlurStatus status = {0};
  size_t chosen_count = 0;
  BlurGrowth *growth = blur_growth_create(unroll, set_batch, NULL, STEPS, steps, values, &status);
  cr_assert_not_null(growth, "%s", status.message);
  BlurSingularValue product = growth->product;
  size_t numbers = growth->numbers;
  cr_expect(growth->path[STEPS] >= 0.95 * product.value && growth->path[STEPS] <= product.value * (1 + 1e-9));
  for (int step = 0; step < STEPS; step++)
    cr_expect(growth->path[step + 1] <= values[step].value * growth->path[step] * (1 + 1e-6),
              "%s: a change grows more than by the largest singular value of step %d", item->rule, step);
  blur_growth_destroy(growth);
  const BlurVariable *variables, *chosen[64];
  size_t count = blur_program_variables(rig.program, &variables);
  for (size_t i = 0; i < count; i++) {
    bool is_state = variables[i].adjoint && variables[i].kind != BLUR_GENOME && variables[i].kind != BLUR_LOSS;
    if (is_state && chosen_count < 64) chosen[chosen_count++] = &variables[i];
  }
  double *all = NULL, *next = NULL;
  size_t n = 0;
  for (int step = 0; step < STEPS; step++) {
    set_batch(NULL, rig.network, step);
    BlurCurl *curl = blur_curl_create(rig.network, chosen, chosen_count, &status);
    cr_assert_not_null(curl, "%s", status.message);
    n = curl->count;
    double *jacobian = malloc(n * n * sizeof *jacobian);
    memcpy(jacobian, curl->jacobian, n * n * sizeof *jacobian);
    blur_curl_destroy(curl);
    for (size_t i = 0; i < n; i++) jacobian[i * n + i] += 1; // of what the step leaves, not of the update
    if (!all) {
      all = calloc(n * n, sizeof *all);
      next = calloc(n * n, sizeof *next);
      memcpy(all, jacobian, n * n * sizeof *all);
    } else {
      for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
          next[i * n + j] = 0;
          for (size_t k = 0; k < n; k++) next[i * n + j] += jacobian[i * n + k] * all[k * n + j];
        }
      memcpy(all, next, n * n * sizeof *all);
    }
    double expected = largest_of(jacobian, n);
    cr_expect(fabs(values[step].value - expected) <= 1e-5 * expected && values[step].converged,
              "%s, step %d: %.9g, not %.9g, in %d", item->rule, step, values[step].value, expected,
              (int)values[step].iterations);
    free(jacobian);
    blur_network_step(rig.network);
  }
  double expected = largest_of(all, n);
  cr_expect(fabs(product.value - expected) <= 1e-5 * expected, "%s, all: %.9g, not %.9g", item->rule, product.value,
            expected);
  cr_expect_leq(numbers, n);
  free(all);
  free(next);
  blur_unroll_destroy(unroll);
  rig_close(&rig);
}

Test(growth, diverges) {
  char *path = rule_file(linear);
  Rig rig = make(path, 2, 0, 1, 1);
  BlurUnroll *unroll = unroll_of(&rig, 3);
  double sample[] = {1e200, 2, 3};
  int64_t steps[] = {0};
  BlurSingularValue value;
  BlurStatus status = {0};
  cr_expect_null(blur_growth_create(unroll, set_batch, sample, 1, steps, &value, &status));
  cr_expect_eq(status.code, BLUR_DIVERGED);
  blur_unroll_destroy(unroll);
  rig_close(&rig);
  unlink(path);
  free(path);
}

// ---- three routes

static BlurRoutes *routes_of(const Rig *rig, int64_t steps, size_t most, void *context) {
  BlurStatus status = {0};
  BlurUnroll *unroll = unroll_of(rig, steps);
  BlurRoutes *routes = blur_routes_create(unroll, set_batch, context, most, NULL, NULL, &status);
  cr_assert_not_null(routes, "%s", status.message);
  blur_unroll_destroy(unroll);
  return routes;
}

static const BlurRoutesVariable *route(const BlurRoutes *routes, const char *name) {
  for (size_t i = 0; i < routes->variables; i++)
    if (!strcmp(routes->variable[i].variable->name, name)) return &routes->variable[i];
  cr_assert(false, "no %s", name);
  return NULL;
}

// As in tests/cli/grad.test: the loss after T steps is e^2 (1 - 12 lr)^2T.
Test(routes, by_hand) {
  char *path = rule_file(linear);
  Rig rig = make(path, 2, 0, 1, 1);
  const BlurVariable *w = blur_network_find(rig.network, BLUR_SYNAPSE, "w", 0),
                     *lr = blur_network_find(rig.network, BLUR_GENOME, "lr", -1);
  double start[] = {0.5, -1, 2}, rate = 0.25, sample[] = {1, 2, 3};
  blur_network_set(rig.network, w, start);
  blur_network_set(rig.network, lr, &rate);
  BlurRoutes *routes = routes_of(&rig, 2, 256, sample);
  const BlurRoutesVariable *found = route(routes, "lr");
  cr_expect_float_eq(routes->loss, 100, 1e-9);
  cr_expect_float_eq(found->adjoint[0], 2400, 1e-8);
  cr_expect_float_eq(found->forward[0], 2400, 1e-8);
  cr_expect_float_eq(found->difference[0], 2400, 1e-4);
  cr_expect(found->trusted[0] && routes->taken == 1 && routes->trusted == 1);
  cr_expect(routes->forward_error < 1e-13 && routes->difference_error < 1e-7, "%g %g", routes->forward_error,
            routes->difference_error);
  blur_routes_destroy(routes);
  blur_network_get(rig.network, lr, &rate);
  cr_expect_eq(rate, 0.25);
  // By moved genomes: e (L+ - L-) / 2 s^2 = (e / s)^2 (2400 + 100 (96 e)^2), whose mean is 2400 (1 + 3 * 384 s^2).
  BlurStatus status = {0};
  BlurUnroll *unroll = unroll_of(&rig, 2);
  routes = blur_routes_create(unroll, set_batch, sample, 0, NULL, NULL, &status);
  cr_assert(blur_routes_move(routes, 4000, 0.001, 3, &status), "%s", status.message);
  found = route(routes, "lr");
  cr_expect(fabs(found->chance[0] - 2400 * sqrt(2. / 4000)) < 3, "%g",
            found->chance[0]); // the deviation of a square is sqrt 2
  cr_expect(fabs(found->moved[0] - 2400) < 3 * found->chance[0], "%g", found->moved[0]);
  cr_expect(routes->cosine > 0.999999 && routes->within <= 1 && routes->pairs == 4000);
  blur_network_get(rig.network, lr, &rate);
  cr_expect_eq(rate, 0.25);
  blur_routes_destroy(routes);
  blur_unroll_destroy(unroll);
  rig_close(&rig);
  unlink(path);
  free(path);
}

// Genome values that make initial values; one that is read by nothing else; one that the loss has a kink at.
Test(routes, initial_values_and_kinks) {
  char *path = rule_file("rule made like std.backprop {\n"
                         "  synapse w bias ~ normal(shift, scale / sqrt(fan_in))\n"
                         "  genome  scale = 0.8, shift = 0.1, bent = 0.5, unread = 2\n"
                         "  forward { let z = max(bent, 0.5) * sum(pre: w * pre.h)\n"
                         "            post.h <- if last then z else act(z)\n"
                         "            post.g <- if last then 1 else act'(z) }\n}\n");
  Rig rig = make(path, 4, 5, 3, BATCH);
  BlurRoutes *routes = routes_of(&rig, 2, 256, NULL);
  for (size_t i = 0; i < 3; i++) {
    static const char *const names[] = {"scale", "shift", "lr"};
    const BlurRoutesVariable *found = route(routes, names[i]);
    cr_expect(found->adjoint[0] != 0 && found->trusted[0], "%s: %g", names[i], found->adjoint[0]);
    cr_expect(fabs(found->forward[0] - found->adjoint[0]) <= 1e-12 * found->scale, "%s: %.15g, not %.15g", names[i],
              found->forward[0], found->adjoint[0]);
    cr_expect(fabs(found->difference[0] - found->adjoint[0]) <= 1e-7 * found->scale, "%s: %.15g, not %.15g", names[i],
              found->difference[0], found->adjoint[0]);
  }
  const BlurRoutesVariable *bent = route(routes, "bent"), *unread = route(routes, "unread");
  cr_expect(bent->adjoint[0] != 0 && !bent->trusted[0], "the kink is not seen: %g, %g", bent->adjoint[0],
            bent->difference[0]);
  cr_expect(unread->adjoint[0] == 0 && unread->forward[0] == 0 && fabs(unread->difference[0]) < 1e-9);
  cr_expect_eq(routes->taken, routes->trusted + 1);
  blur_routes_destroy(routes);
  rig_close(&rig);
  unlink(path);
  free(path);
}

Test(routes, sample_of_a_large_genome) {
  Rig rig = make("std.abcd", 4, 5, 3, BATCH); // four numbers a synapse
  BlurRoutes *routes = routes_of(&rig, 2, 10, NULL);
  size_t taken = 0;
  for (size_t v = 0; v < routes->variables; v++)
    for (size_t i = 0; i < routes->variable[v].count; i++)
      if (!isnan(routes->variable[v].forward[i])) taken++;
  cr_expect(routes->numbers > 100 && routes->taken == 10 && taken == 10, "%zu of %zu", taken, routes->numbers);
  cr_expect(routes->trusted > 0 && routes->forward_error < 1e-12 && routes->difference_error < 1e-6, "%g %g",
            routes->forward_error, routes->difference_error);
  blur_routes_destroy(routes);
  rig_close(&rig);
}
