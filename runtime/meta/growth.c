// Singular values of steps of an unroll. See blur/growth.h. Golub and Kahan, "Calculating the singular values and
// pseudo-inverse of a matrix", 1965; Paige's form, without reorthogonalization: what that loses are copies of values
// that have already been found, and only the largest is wanted.
#include "blur/growth.h"

#include "base/philox.h"
#include "base/status.h"
#include "runtime/meta/unroll.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ITERATIONS = 100 };
static const double tolerance = 1e-6;

typedef struct {
  BlurGrowth result;
  BlurUnroll *unroll;
  BlurBatch *batch;
  void *context;
  const BlurVariable **variable; // of the state
  size_t variables, numbers;
  bool *stored;                // [numbers]
  double *left, *right, *next; // [numbers] u, v and what becomes of them
  double *path;                // [steps + 1]
} Growth;

typedef void Apply(Growth *growth, const double *from, double *to);

// ---- the state as one vector

static void put(Growth *growth, const double *from, bool tangents) {
  for (size_t i = 0, at = 0; i < growth->variables; at += blur_variable_count(growth->variable[i++]))
    (tangents ? blur_network_set_tangent : blur_network_set_adjoint)(growth->unroll->network, growth->variable[i],
                                                                     from + at);
}

static void take(Growth *growth, double *to, bool tangents) {
  for (size_t i = 0, at = 0; i < growth->variables; at += blur_variable_count(growth->variable[i++]))
    (tangents ? blur_network_get_tangent : blur_network_get_adjoint)(growth->unroll->network, growth->variable[i],
                                                                     to + at);
  for (size_t i = 0; i < growth->numbers; i++)
    if (!growth->stored[i]) to[i] = 0;
}

// The Euclidean norm; NaN and infinity stay.
static double norm_of(const double *vector, size_t count) {
  double largest = 0, sum = 0;
  for (size_t i = 0; i < count; i++) largest = isnan(vector[i]) ? NAN : fmax(largest, fabs(vector[i]));
  if (!(largest > 0) || !isfinite(largest)) return largest;
  for (size_t i = 0; i < count; i++) sum += vector[i] / largest * (vector[i] / largest);
  return largest * sqrt(sum);
}

// ---- Jacobians: of the step at hand, and of all

static void step_forward(Growth *growth, const double *from, double *to) {
  put(growth, from, true);
  network_run(growth->unroll->network, NETWORK_TANGENT, NULL, NULL);
  take(growth, to, true);
}

static void step_back(Growth *growth, const double *from, double *to) {
  put(growth, from, false);
  network_run(growth->unroll->network, NETWORK_ADJOINT, NULL, NULL);
  take(growth, to, false);
}

static void all_forward(Growth *growth, const double *from, double *to) {
  BlurUnroll *unroll = growth->unroll;
  int64_t start = unroll->network->steps;
  unroll_copy_state(unroll, 0, true);
  put(growth, from, true);
  growth->path[0] = 1;
  if (to != from) memcpy(to, from, growth->numbers * sizeof *to);
  for (int64_t step = 0; step < unroll->steps; step++) {
    growth->batch(growth->context, unroll->network, step);
    network_run(unroll->network, NETWORK_TANGENT, NULL, NULL);
    network_run(unroll->network, NETWORK_STEP, NULL, NULL);
    take(growth, to, true);
    growth->path[step + 1] = norm_of(to, growth->numbers);
  }
  unroll_rewind(unroll, start);
}

static void reverse_step(void *visitor, int64_t steps) {
  Growth *growth = visitor;
  if (steps == growth->unroll->steps) {
    put(growth, growth->next, false);
    return;
  }
  growth->batch(growth->context, growth->unroll->network, steps);
  network_run(growth->unroll->network, NETWORK_ADJOINT, NULL, NULL);
}

static void all_back(Growth *growth, const double *from, double *to) {
  if (from != growth->next) memcpy(growth->next, from, growth->numbers * sizeof *from);
  unroll_sweep(growth->unroll, growth->batch, growth->context, reverse_step, growth);
  take(growth, to, false);
}

// ---- the largest singular value

// Divides by the norm, which is returned.
static double normalize(double *vector, size_t count) {
  double norm = norm_of(vector, count);
  for (size_t i = 0; i < count && norm > 0 && isfinite(norm); i++) vector[i] /= norm;
  return norm;
}

// That of the bidiagonal matrix [count, count + 1] with `diagonal` and `beside` above it: the root of the largest
// eigenvalue of B B', found by bisection (Sturm sequences).
static double of_bidiagonal(const double *diagonal, const double *beside, int count) {
  double scale = 0;
  for (int i = 0; i < count; i++) scale = fmax(scale, fmax(fabs(diagonal[i]), fabs(beside[i])));
  if (scale == 0) return 0;
  double low = 0, high = 4; // Gershgorin, of the matrix over `scale`
  while (high - low > 1e-15 * high) {
    double middle = 0.5 * (low + high), pivot = 1;
    bool above = false; // an eigenvalue lies above
    if (middle <= low || middle >= high) break;
    for (int i = 0; i < count && !above; i++) {
      double a = diagonal[i] / scale, b = beside[i] / scale,
             off = i ? beside[i - 1] / scale * (diagonal[i] / scale) : 0;
      pivot = middle - (a * a + b * b) - (i ? off * off / pivot : 0);
      above = pivot <= 0;
    }
    if (above) low = middle;
    else high = middle;
  }
  return scale * sqrt(high);
}

// A random change of norm 1.
static void start_vector(Growth *growth) {
  for (size_t i = 0; i < growth->numbers; i++)
    growth->right[i] = growth->stored[i] ? philox_normal(1, 0x67726F777468, i) : 0;
  normalize(growth->right, growth->numbers);
}

static BlurSingularValue largest_value(Growth *growth, Apply *forward, Apply *back) {
  double diagonal[MOST_ITERATIONS], beside[MOST_ITERATIONS], before = 0;
  double *u = growth->left, *v = growth->right, *next = growth->next;
  BlurSingularValue found = {.converged = growth->numbers == 0};
  int settled = 0;
  start_vector(growth);
  for (int k = 0; k < MOST_ITERATIONS && !found.converged; k++) {
    forward(growth, v, next); // J v - beta u
    for (size_t i = 0; k && i < growth->numbers; i++) next[i] -= beside[k - 1] * u[i];
    memcpy(u, next, growth->numbers * sizeof *u);
    diagonal[k] = normalize(u, growth->numbers);
    memcpy(next, u, growth->numbers * sizeof *u);
    back(growth, next, next); // J' u - alpha v
    for (size_t i = 0; i < growth->numbers; i++) next[i] -= diagonal[k] * v[i];
    memcpy(v, next, growth->numbers * sizeof *v);
    beside[k] = normalize(v, growth->numbers);
    found.iterations = k + 1;
    if (!isfinite(diagonal[k]) || !isfinite(beside[k])) {
      found.value = NAN;
      return found;
    }
    found.value = of_bidiagonal(diagonal, beside, k + 1);
    settled = fabs(found.value - before) <= tolerance * found.value ? settled + 1 : 0;
    bool exhausted = diagonal[k] <= 1e-13 * found.value || beside[k] <= 1e-13 * found.value;
    found.converged = exhausted || settled == 3;
    before = found.value;
  }
  return found;
}

// The way of a change that grows by all steps nearly as much as any: power iteration until it does, or gains no more.
static void find_path(Growth *growth) {
  enum { MOST_ROUNDS = 30 };
  double before = 0, *end = &growth->path[growth->unroll->steps];
  start_vector(growth);
  for (int round = 0; round < MOST_ROUNDS; round++) {
    all_forward(growth, growth->right, growth->next);
    if (!(*end<0.999 * growth->result.product.value && * end> 1.001 * before)) return;
    before = *end;
    all_back(growth, growth->next, growth->next);
    memcpy(growth->right, growth->next, growth->numbers * sizeof *growth->right);
    normalize(growth->right, growth->numbers);
  }
}

// ---- all of it

static bool allocate(Growth *growth) {
  const BlurNetwork *network = growth->unroll->network;
  growth->variable = calloc(network->variable_count + 1, sizeof *growth->variable);
  for (size_t i = 0; growth->variable && i < network->variable_count; i++) {
    const BlurVariable *variable = &network->variables[i];
    if (!network_keeps(variable) || variable->kind == BLUR_GENOME) continue;
    growth->variable[growth->variables++] = variable;
    growth->numbers += blur_variable_count(variable);
  }
  growth->stored = calloc(growth->numbers + 1, sizeof *growth->stored);
  growth->left = calloc(growth->numbers + 1, sizeof *growth->left);
  growth->right = calloc(growth->numbers + 1, sizeof *growth->right);
  growth->next = calloc(growth->numbers + 1, sizeof *growth->next);
  growth->path = calloc((size_t)growth->unroll->steps + 1, sizeof *growth->path);
  return growth->variable && growth->stored && growth->left && growth->right && growth->next && growth->path;
}

// What has a place for its tangent and for its adjoint; how much that is.
static size_t find_stored(Growth *growth) {
  size_t found = 0;
  for (size_t i = 0; i < growth->numbers; i++) {
    growth->next[i] = 1;
    growth->stored[i] = true;
  }
  put(growth, growth->next, true);
  put(growth, growth->next, false);
  take(growth, growth->left, true);
  take(growth, growth->right, false);
  for (size_t i = 0; i < growth->numbers; i++) {
    growth->stored[i] = growth->left[i] != 0 && growth->right[i] != 0;
    found += growth->stored[i];
  }
  return found;
}

static bool is_finite(BlurSingularValue value, int64_t step, BlurStatus *status) {
  if (isfinite(value.value)) return true;
  return status_fail(status, BLUR_DIVERGED, "diverged: the Jacobian of %s %" PRId64 " is not finite",
                     step < 0 ? "all steps up to step" : "step", step < 0 ? -step : step);
}

static bool measure(Growth *growth, size_t count, const int64_t *steps, BlurSingularValue *of_step,
                    BlurStatus *status) {
  BlurUnroll *unroll = growth->unroll;
  int64_t start = unroll->network->steps, here = 0;
  bool right = true;
  unroll_clear(unroll->network, &unroll->tangents);
  unroll_clear(unroll->network, &unroll->adjoints);
  growth->result.numbers = find_stored(growth);
  unroll_copy_state(unroll, 0, true);
  for (size_t i = 0; i < count && right; i++) {
    for (; here < steps[i]; here++) {
      growth->batch(growth->context, unroll->network, here);
      network_run(unroll->network, NETWORK_STEP, NULL, NULL);
    }
    growth->batch(growth->context, unroll->network, here);
    of_step[i] = largest_value(growth, step_forward, step_back);
    right = is_finite(of_step[i], here, status);
  }
  unroll_rewind(unroll, start);
  if (!right) return false;
  growth->result.product = largest_value(growth, all_forward, all_back);
  growth->result.path = growth->path;
  if (!is_finite(growth->result.product, -unroll->steps, status)) return false;
  find_path(growth);
  return true;
}

BlurGrowth *blur_growth_create(BlurUnroll *unroll, BlurBatch *batch, void *context, size_t count, const int64_t *steps,
                               BlurSingularValue *of_step, BlurStatus *status) {
  if (!blur_program_has_tangent(unroll->network->program)) {
    status_fail(status, BLUR_FAILED_INPUT, "the program has no tangents: compile it with BlurOptions.tangent");
    return NULL;
  }
  Growth *growth = calloc(1, sizeof *growth);
  if (growth) {
    growth->unroll = unroll;
    growth->batch = batch;
    growth->context = context;
  }
  if (!growth || !allocate(growth)) {
    double numbers = growth ? (double)growth->numbers : 0;
    status_fail_memory(status, "the growth of perturbations", 3 * numbers * sizeof(double));
  } else if (measure(growth, count, steps, of_step, status)) {
    return &growth->result;
  }
  if (growth) blur_growth_destroy(&growth->result);
  return NULL;
}

void blur_growth_destroy(BlurGrowth *result) {
  if (!result) return;
  Growth *growth = (Growth *)(void *)result; // the result is its first member
  free(growth->variable);
  free(growth->stored);
  free(growth->left);
  free(growth->right);
  free(growth->next);
  free(growth->path);
  free(growth);
}
