// How far a gradient can be trusted in the precision that an experiment trains in, and what follows for its unroll. In
// float32 that is measured: against the same gradient in float64. In float64 it is what reverse and forward mode, which
// round apart from each other, agree to. Each further step takes as many digits as perturbations grow by.
#include "cli/gradient.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const double digits_wanted = 2; // of a gradient that an optimizer can follow
enum { FEWEST_STEPS = 3 };             // an unroll that is still one

// What the experiment trains in, or was asked for here.
static bool is_float(const Gradient *gradient) {
  return gradient->fields->precision == BLUR_FLOAT || gradient->options.precision == BLUR_FLOAT;
}

static double digits_of_precision(const Gradient *gradient) {
  return -log10(is_float(gradient) ? (double)FLT_EPSILON / 2 : DBL_EPSILON / 2);
}

// Of a number with this error, relative to it: none to all that the precision has.
static double digits_of(const Gradient *gradient, double error) {
  double all = digits_of_precision(gradient);
  return error > 0 ? fmin(fmax(-log10(error), 0), all) : all;
}

// The difference of two gradients over the exact one, in the Euclidean norm.
static double difference(const BlurRoutes *one, const BlurRoutes *other, const BlurRoutes *exact) {
  double apart = 0, size = 0;
  for (size_t v = 0; v < one->variables; v++)
    for (size_t i = 0; i < one->variable[v].count; i++) {
      double distance = one->variable[v].adjoint[i] - other->variable[v].adjoint[i];
      apart += distance * distance;
      size += exact->variable[v].adjoint[i] * exact->variable[v].adjoint[i];
    }
  return size > 0 ? sqrt(apart / size) : 0;
}

int gradient_measure_digits(Gradient *gradient, BlurStatus *status) {
  if (!is_float(gradient)) {
    gradient->digits = digits_of(gradient, gradient->routes->forward_error);
    return EXIT_DONE;
  }
  bool is_exact = gradient->options.precision == BLUR_DOUBLE; // what has been computed
  BlurOptions options = gradient->options;
  options.precision = is_exact ? BLUR_FLOAT : BLUR_DOUBLE;
  options.engine = BLUR_ENGINE_JIT;
  options.tangent = false;
  BlurProgram *program = blur_compile(gradient->rule, &options, gradient->report);
  GradientRun run = {0};
  BlurRoutes *other = NULL;
  bool opened = program && gradient_open(gradient, program, &run, status);
  if (opened) other = blur_routes_create(run.unroll, gradient_batch, &run, 0, NULL, NULL, status);
  const BlurRoutes *exact = is_exact ? gradient->routes : other;
  gradient->digits = other ? digits_of(gradient, difference(gradient->routes, other, exact)) : 0;
  bool diverges = opened && !other && status->code == BLUR_DIVERGED && is_exact; // in float32 alone: no digit is right
  blur_routes_destroy(other);
  gradient_close(&run);
  blur_program_destroy(program);
  if (!program) return report_finish(gradient->arguments, gradient->report);
  return other || diverges ? EXIT_DONE : (int)status->code;
}

const char *gradient_precision(const Gradient *gradient) { return is_float(gradient) ? "float32" : "float64"; }

double gradient_growth_a_step(const Gradient *gradient) {
  int64_t half = gradient->steps / 2;
  return pow(gradient->growth->path[gradient->steps] / gradient->growth->path[half],
             1 / (double)(gradient->steps - half));
}

// The longest unroll so far whose perturbations leave as many digits as are wanted.
static int64_t longest_unroll(const Gradient *gradient) {
  double all = digits_of_precision(gradient);
  int64_t steps = 0;
  while (steps < gradient->steps && all - log10(gradient->growth->path[steps + 1]) >= digits_wanted) steps++;
  return steps;
}

void gradient_advice(const Gradient *gradient, char *out, size_t room) {
  bool enough = gradient->digits >= digits_wanted;
  double each = gradient_growth_a_step(gradient), more = (gradient->digits - digits_wanted) / log10(each);
  int64_t fewer = longest_unroll(gradient);
  int digits = (int)gradient->digits, used = 0;
  const char *precision = gradient_precision(gradient);
  if (enough) used = snprintf(out, room, "%d digits of this gradient are right in %s", digits, precision);
  else if (digits) used = snprintf(out, room, "only %d digit of this gradient is right in %s", digits, precision);
  else used = snprintf(out, room, "no digit of this gradient is right in %s", precision);
  if (used < 0 || (size_t)used >= room) return;
  out += used;
  room -= (size_t)used;
  if (enough && (each <= 1 + 1e-6 || more > 1e6))
    snprintf(out, room, ", and perturbations do not grow any more: longer unrolls keep them");
  else if (enough)
    snprintf(out, room, "; as perturbations grow, %.0f are left after about %.0f steps", digits_wanted,
             floor((double)gradient->steps + more));
  else if (fewer >= FEWEST_STEPS && fewer < gradient->steps)
    snprintf(out, room, ": unroll at most %" PRId64 " steps%s, or learn the genome by evolution", fewer,
             is_float(gradient) ? ", compute in double" : "");
  else snprintf(out, room, ": learn the genome by evolution%s", is_float(gradient) ? ", or compute in double" : "");
}
