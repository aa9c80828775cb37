// The gradient of an experiment as a table: a line a number of the genome, of large arrays the lines in which the
// routes differ most, then the growth along the unroll; or all of it as one JSON object.
#include "cli/gradient.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SHOWN = 8, WORST_SHOWN = 4, NAME_ROOM = 128 };

// "nu[0,1]", of one layer "A.1[3,4]".
static void entry_name(const BlurVariable *variable, size_t at, char *out) {
  size_t used = (size_t)snprintf(out, NAME_ROOM, variable->layer < 0 ? "%s" : "%s.%d", variable->name, variable->layer);
  size_t below = blur_variable_count(variable);
  for (int d = 0; d < variable->dimensions && used < NAME_ROOM; d++) {
    below /= (size_t)variable->extent[d];
    used += (size_t)snprintf(out + used, NAME_ROOM - used, "%c%zu", d ? ',' : '[', at / below);
    at %= below;
  }
  if (variable->dimensions && used < NAME_ROOM) snprintf(out + used, NAME_ROOM - used, "]");
}

static double forward_error(const BlurRoutesVariable *of, size_t at) {
  return fabs(of->forward[at] - of->adjoint[at]) / (of->scale > 0 ? of->scale : 1);
}

static double difference_error(const BlurRoutesVariable *of, size_t at) { // 0 where it is not trusted
  return of->trusted[at] ? fabs(of->difference[at] - of->adjoint[at]) / (of->scale > 0 ? of->scale : 1) : 0;
}

// ---- the table

static void tell_entry(const BlurRoutesVariable *of, size_t at) {
  char name[NAME_ROOM];
  entry_name(of->variable, at, name);
  if (blur_variable_is_dead(of->variable)) printf("%-16s %12s ", name, "never read");
  else printf("%-16s %12.6g ", name, of->value[at]);
  printf("%16.9g %16.9g %16.9g%s %12.5g +- %.2g\n", of->adjoint[at], of->forward[at], of->difference[at],
         of->trusted[at] ? "  " : " ?", of->moved[at], of->chance[at]);
}

static void tell_large(const BlurRoutesVariable *of) {
  size_t shown[WORST_SHOWN], count = 0, taken = 0;
  double forward = 0, difference = 0;
  for (size_t at = 0; at < of->count; at++) {
    if (isnan(of->forward[at])) continue;
    double error = fmax(forward_error(of, at), difference_error(of, at));
    size_t place = count < WORST_SHOWN ? count++ : WORST_SHOWN - 1;
    taken++;
    forward = fmax(forward, forward_error(of, at));
    difference = fmax(difference, difference_error(of, at));
    if (taken > WORST_SHOWN && error <= fmax(forward_error(of, shown[place]), difference_error(of, shown[place])))
      continue;
    for (; place > 0; place--) { // the worst first
      size_t above = shown[place - 1];
      if (error <= fmax(forward_error(of, above), difference_error(of, above))) break;
      shown[place] = above;
    }
    shown[place] = at;
  }
  for (size_t i = 0; i < count; i++) tell_entry(of, shown[i]);
  char name[NAME_ROOM];
  const BlurVariable *variable = of->variable;
  snprintf(name, sizeof name, variable->layer < 0 ? "%s" : "%s.%d", variable->name, variable->layer);
  printf("%-16s %zu numbers, %zu compared: forward within %.2g, differences within %.2g\n", name, of->count, taken,
         forward, difference);
}

static void tell_routes(const BlurRoutes *routes) {
  printf("%-16s %12s %16s %16s %16s   %12s\n", "genome", "value", "adjoint", "forward", "difference", "nres");
  for (size_t v = 0; v < routes->variables; v++) {
    const BlurRoutesVariable *of = &routes->variable[v];
    bool all = of->count <= MOST_SHOWN && routes->taken == routes->numbers;
    for (size_t at = 0; all && at < of->count; at++) tell_entry(of, at);
    if (!all) tell_large(of);
  }
  if (routes->taken < routes->numbers)
    printf("forward mode and differences took %zu of the %zu numbers, evenly spread\n", routes->taken, routes->numbers);
  printf("largest distance from the adjoint, relative to the largest derivative by the same value: forward %.2g, "
         "differences %.2g\n",
         routes->forward_error, routes->difference_error);
  printf("nres: %" PRId64
         " pairs of genomes moved by a deviation of %g: %zu of %zu numbers within two standard errors of the "
         "adjoint, cosine of the two gradients %.3f\n",
         routes->pairs, routes->deviation, routes->within, routes->numbers, routes->cosine);
  if (routes->trusted < routes->taken)
    printf("? %zu of %zu differences do not agree with themselves (a kink, or rounding) and are left out\n",
           routes->taken - routes->trusted, routes->taken);
}

static void tell_value(const BlurSingularValue *value) {
  printf("%12.6g%s   %" PRId64 " iteration%s", value->value, value->converged ? "" : " or more", value->iterations,
         value->iterations == 1 ? "" : "s");
}

void gradient_tell(const Gradient *gradient) {
  const BlurGrowth *growth = gradient->growth;
  char advice[256];
  tell_routes(gradient->routes);
  printf("\ngrowth of perturbations of the %zu numbers that live from step to step: the largest singular value\n",
         growth->numbers);
  for (size_t i = 0; i < gradient->measured; i++) {
    printf("step %-11" PRId64, gradient->step[i]);
    tell_value(&gradient->of_step[i]);
    printf("\n");
  }
  printf("all %-12" PRId64, gradient->steps);
  tell_value(&growth->product);
  printf(", in the second half %.6g a step\n", gradient_growth_a_step(gradient));
  gradient_advice(gradient, advice, sizeof advice);
  printf("%s\n", advice);
}

// ---- JSON

static void json_entry(const BlurRoutesVariable *of, size_t at) {
  const BlurVariable *variable = of->variable;
  size_t below = of->count, rest = at;
  printf("{\"name\": \"%s\", \"index\": [", variable->name);
  for (int d = 0; d < variable->dimensions; d++) {
    below /= (size_t)variable->extent[d];
    printf("%s%zu", d ? ", " : "", rest / below);
    rest %= below;
  }
  printf("]");
  if (variable->layer >= 0) printf(", \"layer\": %d", variable->layer);
  print_json_number("value", blur_variable_is_dead(variable) ? NAN : of->value[at]);
  print_json_number("adjoint", of->adjoint[at]);
  print_json_number("forward", of->forward[at]);
  print_json_number("difference", of->difference[at]);
  print_json_number("nres", of->moved[at]);
  print_json_number("nres_error", of->chance[at]);
  printf(", \"trusted\": %s}", of->trusted[at] ? "true" : "false");
}

static void json_value(const BlurSingularValue *value) {
  print_json_number("value", value->value);
  printf(", \"iterations\": %" PRId64 ", \"converged\": %s}", value->iterations, value->converged ? "true" : "false");
}

void gradient_tell_json(const Gradient *gradient) {
  const BlurRoutes *routes = gradient->routes;
  char advice[256];
  bool any = false;
  printf("{\"experiment\": ");
  print_json_string(gradient->fields->name);
  printf(", \"rule\": ");
  print_json_string(gradient->fields->rule[0].rule);
  printf(", \"task\": ");
  print_json_string(gradient->task);
  printf(", \"steps\": %" PRId64 ", \"seed\": %" PRIu64, gradient->steps, gradient->seed);
  print_json_number("loss", routes->loss);
  printf(", \"numbers\": %zu, \"taken\": %zu, \"trusted\": %zu", routes->numbers, routes->taken, routes->trusted);
  print_json_number("forward_error", routes->forward_error);
  print_json_number("difference_error", routes->difference_error);
  printf(", \"nres_pairs\": %" PRId64 ", \"nres_within\": %zu", routes->pairs, routes->within);
  print_json_number("nres_deviation", routes->deviation);
  print_json_number("nres_cosine", routes->cosine);
  printf(", \"genome\": [");
  for (size_t v = 0; v < routes->variables; v++)
    for (size_t at = 0; at < routes->variable[v].count; at++) {
      if (isnan(routes->variable[v].forward[at])) continue; // of a large genome, those that were compared
      if (any) printf(", ");
      any = true;
      json_entry(&routes->variable[v], at);
    }
  printf("], \"growth\": {\"numbers\": %zu, \"steps\": [", gradient->growth->numbers);
  for (size_t i = 0; i < gradient->measured; i++) {
    printf("%s{\"step\": %" PRId64, i ? ", " : "", gradient->step[i]);
    json_value(&gradient->of_step[i]);
  }
  printf("], \"path\": [");
  for (int64_t t = 0; t <= gradient->steps; t++) printf("%s%.9g", t ? ", " : "", gradient->growth->path[t]);
  printf("], \"product\": {\"steps\": %" PRId64, gradient->steps);
  json_value(&gradient->growth->product);
  print_json_number("a_step", gradient_growth_a_step(gradient));
  printf("}, \"precision\": \"%s\"", gradient_precision(gradient));
  print_json_number("digits", gradient->digits);
  gradient_advice(gradient, advice, sizeof advice);
  printf(", \"advice\": ");
  print_json_string(advice);
  printf("}\n");
}
