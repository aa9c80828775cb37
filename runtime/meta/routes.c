// A gradient by the genome, by three routes. See blur/routes.h.
#include "blur/routes.h"

#include "base/status.h"
#include "runtime/meta/perturb.h"
#include "runtime/meta/unroll.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  BlurRoutesVariable shown;
  size_t number; // of the program's variables
  double *value, *adjoint, *forward, *difference;
  bool *trusted;
} Genome;

typedef struct {
  BlurRoutes result;
  BlurUnroll *unroll;
  BlurBatch *batch;
  void *context;
  size_t count; // variables of the program
  const BlurVariable *variables;
  Genome *genome;
  BlurRoutesVariable *shown;
  double **room;            // [count] a dense array of each genome variable, and of what is made of genome values
  const double **direction; // [count] these, or NULL
  GenomeVector vector;      // of blur_routes_move, as the next two
  double *moved, *chance;   // [numbers]
} Work;

static bool is_made(const BlurVariable *variable) {
  return variable->initial_rank && variable->kind != BLUR_GENOME && network_keeps(variable);
}

// ---- the loss at other genome values

// The genome variable becomes room[number], with the initial values that are made of it. False: no memory.
static bool set_genome(Work *work, const Genome *genome) {
  blur_network_set(work->unroll->network, genome->shown.variable, work->room[genome->number]);
  return blur_network_reset_from_genome(work->unroll->network, NULL);
}

// NaN where it is not finite.
static double loss_moved(Work *work, const Genome *genome, size_t at, double distance) {
  double *values = work->room[genome->number], loss, none;
  memcpy(values, genome->value, genome->shown.count * sizeof *values);
  values[at] += distance;
  bool right = set_genome(work, genome) &&
               blur_unroll_forward(work->unroll, work->batch, work->context, NULL, &loss, &none, NULL);
  return right ? loss : NAN;
}

// The widest width: a power of two, so that moving rounds little, about 1/500 of the number, and not less than small
// numbers allow, whose own size comes with finer widths; inside the value's range.
static double first_width(const Genome *genome, size_t at) {
  double value = genome->value[at], width = exp2(floor(log2(fmax(fabs(value), 1e-2))) - 9);
  const BlurVariable *variable = genome->shown.variable;
  for (int i = 0; i < 40 && (value + 2 * width >= variable->high || value - 2 * width <= variable->low); i++)
    width /= 2;
  return width;
}

// The width is halved until two differences agree: then the finer one is far better than their disagreement says. A
// kink at the value itself shows in the second difference over the width, which tends to 0 elsewhere.
static void take_difference(Work *work, Genome *genome, size_t at) {
  enum { FEW_LEVELS = 10, MOST_LEVELS = 40 };
  double width = first_width(genome, at), scale = genome->shown.scale, before = NAN, best = INFINITY, bend_before = NAN;
  double far[2] = {loss_moved(work, genome, at, 2 * width), loss_moved(work, genome, at, -2 * width)};
  bool smooth = false;
  for (int level = 0; level < MOST_LEVELS && !(best <= 1e-9 * scale); level++, width /= 2) {
    if (level >= FEW_LEVELS && width < fabs(genome->value[at]) * 0x1p-13) break;
    double near[2] = {loss_moved(work, genome, at, width), loss_moved(work, genome, at, -width)};
    double difference = (8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * width);
    double bend = fabs(near[0] - 2 * work->result.loss + near[1]) / width;
    if (fabs(difference - before) < best) {
      best = fabs(difference - before);
      genome->difference[at] = difference;
      smooth = bend <= 0.75 * bend_before || bend <= 1e-5 * scale;
    }
    before = difference;
    bend_before = bend;
    memcpy(far, near, sizeof far);
  }
  genome->trusted[at] = best <= 1e-5 * scale && smooth;
  memcpy(work->room[genome->number], genome->value, genome->shown.count * sizeof *genome->value);
  set_genome(work, genome);
}

// ---- the other routes

static bool take_adjoints(Work *work, BlurStatus *status) {
  BlurNetwork *network = work->unroll->network;
  double largest = 0;
  if (!blur_unroll_run(work->unroll, work->batch, work->context, &work->result.loss, status)) return false;
  for (size_t i = 0; i < work->count; i++)
    if (work->variables[i].kind == BLUR_GENOME) blur_network_get_adjoint(network, &work->variables[i], work->room[i]);
  for (size_t i = 0; i < work->count; i++)
    if (is_made(&work->variables[i]) &&
        !blur_network_add_initial_gradient(network, &work->variables[i], work->room, status))
      return false;
  for (size_t g = 0; g < work->result.variables; g++) {
    Genome *genome = &work->genome[g];
    memcpy(genome->adjoint, work->room[genome->number], genome->shown.count * sizeof *genome->adjoint);
    for (size_t at = 0; at < genome->shown.count; at++)
      genome->shown.scale = fmax(genome->shown.scale, fabs(genome->adjoint[at]));
    largest = fmax(largest, genome->shown.scale);
  }
  for (size_t g = 0; g < work->result.variables; g++)
    work->genome[g].shown.scale = fmax(work->genome[g].shown.scale, 1e-6 * largest);
  return true;
}

static bool take_forward(Work *work, Genome *genome, size_t at, BlurStatus *status) {
  double loss;
  for (size_t i = 0; i < work->count; i++) work->direction[i] = NULL;
  memset(work->room[genome->number], 0, genome->shown.count * sizeof(double));
  work->room[genome->number][at] = 1;
  work->direction[genome->number] = work->room[genome->number];
  for (size_t i = 0; i < work->count; i++) {
    if (!is_made(&work->variables[i])) continue;
    memset(work->room[i], 0, blur_variable_count(&work->variables[i]) * sizeof(double));
    if (!blur_network_add_initial_tangent(work->unroll->network, &work->variables[i], work->direction, work->room[i],
                                          status))
      return false;
  }
  for (size_t i = 0; i < work->count; i++)
    if (is_made(&work->variables[i])) work->direction[i] = work->room[i];
  return blur_unroll_forward(work->unroll, work->batch, work->context, work->direction, &loss, &genome->forward[at],
                             status);
}

// ---- all of them

static double *numbers(size_t count, double fill) {
  double *made = malloc((count + 1) * sizeof *made);
  for (size_t i = 0; made && i < count; i++) made[i] = fill;
  return made;
}

static bool allocate(Work *work) {
  work->room = calloc(work->count + 1, sizeof *work->room);
  work->direction = calloc(work->count + 1, sizeof *work->direction);
  work->genome = calloc(work->count + 1, sizeof *work->genome);
  work->shown = calloc(work->count + 1, sizeof *work->shown);
  if (!work->room || !work->direction || !work->genome || !work->shown) return false;
  for (size_t i = 0; i < work->count; i++) {
    const BlurVariable *variable = &work->variables[i];
    size_t count = blur_variable_count(variable);
    if (variable->kind != BLUR_GENOME && !is_made(variable)) continue;
    if (!(work->room[i] = numbers(count, 0))) return false;
    if (variable->kind != BLUR_GENOME) continue;
    Genome *genome = &work->genome[work->result.variables++];
    *genome = (Genome){.number = i, .value = numbers(count, 0), .adjoint = numbers(count, 0)};
    genome->forward = numbers(count, NAN);
    genome->difference = numbers(count, NAN);
    genome->trusted = calloc(count + 1, sizeof *genome->trusted);
    if (!genome->value || !genome->adjoint || !genome->forward || !genome->difference || !genome->trusted) return false;
    genome->shown = (BlurRoutesVariable){.variable = variable,
                                         .count = count,
                                         .value = genome->value,
                                         .adjoint = genome->adjoint,
                                         .forward = genome->forward,
                                         .difference = genome->difference,
                                         .trusted = genome->trusted};
    blur_network_get(work->unroll->network, variable, genome->value);
    work->result.numbers += count;
  }
  return true;
}

static bool take_all(Work *work, size_t most, BlurRoutesWatch *watch, void *watch_context, BlurStatus *status) {
  BlurRoutes *result = &work->result;
  size_t taken = result->numbers < most ? result->numbers : most, number = 0;
  for (size_t g = 0; g < result->variables; g++) {
    Genome *genome = &work->genome[g];
    double scale = genome->shown.scale > 0 ? genome->shown.scale : 1;
    for (size_t at = 0; at < genome->shown.count; at++, number++) {
      if ((number + 1) * taken / result->numbers == number * taken / result->numbers) continue;
      if (!take_forward(work, genome, at, status)) return false;
      take_difference(work, genome, at);
      result->taken++;
      result->trusted += genome->trusted[at];
      double forward = fabs(genome->forward[at] - genome->adjoint[at]) / scale,
             difference = fabs(genome->difference[at] - genome->adjoint[at]) / scale;
      result->forward_error = fmax(result->forward_error, forward);
      if (genome->trusted[at]) result->difference_error = fmax(result->difference_error, difference);
      if (watch) watch(watch_context, result->taken, taken);
    }
  }
  return true;
}

BlurRoutes *blur_routes_create(BlurUnroll *unroll, BlurBatch *batch, void *context, size_t most, BlurRoutesWatch *watch,
                               void *watch_context, BlurStatus *status) {
  Work *work = calloc(1, sizeof *work);
  if (!work) {
    status_fail_memory(status, "a gradient", sizeof *work);
    return NULL;
  }
  work->unroll = unroll;
  work->batch = batch;
  work->context = context;
  work->count = blur_program_variables(blur_network_program(unroll->network), &work->variables);
  bool done = allocate(work);
  if (!done) status_fail_memory(status, "a gradient", 4.0 * (double)work->result.numbers * sizeof(double));
  done = done && take_adjoints(work, status) && take_all(work, most, watch, watch_context, status);
  for (size_t g = 0; done && g < work->result.variables; g++) work->shown[g] = work->genome[g].shown;
  work->result.variable = work->shown;
  if (done) return &work->result;
  blur_routes_destroy(&work->result);
  return NULL;
}

// ---- by moved genomes

// A derivative by a number as it is moved becomes one by its value.
static void put_by_value(Work *work, const double *value) {
  for (size_t p = 0; p < work->vector.parts; p++) {
    const GenomePart *part = &work->vector.part[p];
    for (size_t i = part->offset; part->variable->logarithmic && i < part->offset + part->count; i++) {
      work->moved[i] /= value[i];
      work->chance[i] /= fabs(value[i]);
    }
  }
}

static void compare_moved(Work *work, const double *value) {
  BlurRoutes *result = &work->result;
  double product = 0, size = 0, own = 0;
  result->within = 0;
  for (size_t p = 0; p < work->vector.parts; p++) { // in the order of the program's variables, as genome[]
    const GenomePart *part = &work->vector.part[p];
    BlurRoutesVariable *shown = &work->shown[p];
    shown->moved = work->moved + part->offset;
    shown->chance = work->chance + part->offset;
    for (size_t i = 0; i < part->count; i++) {
      double unit = part->variable->logarithmic ? value[part->offset + i] : 1; // of the number as it is moved
      double adjoint = part->variable->frozen ? 0 : unit * shown->adjoint[i], moved = unit * shown->moved[i];
      product += adjoint * moved;
      size += adjoint * adjoint;
      own += moved * moved;
      result->within += !part->variable->frozen && fabs(shown->moved[i] - shown->adjoint[i]) <= 2 * shown->chance[i];
    }
  }
  result->cosine = size > 0 && own > 0 ? product / sqrt(size * own) : 0;
}

bool blur_routes_move(BlurRoutes *routes, int64_t pairs, double deviation, uint64_t seed, BlurStatus *status) {
  Work *work = (Work *)(void *)routes; // the result is the work's first member
  BlurNetwork *network = work->unroll->network;
  if (!genome_vector_of(&work->vector, blur_network_program(network), status)) return false;
  work->moved = calloc(3 * work->vector.count + 1, sizeof *work->moved);
  if (!work->moved) return status_fail_memory(status, "a gradient", 3 * (double)work->vector.count * sizeof(double));
  work->chance = work->moved + work->vector.count;
  double *value = work->chance + work->vector.count;
  genome_vector_get(&work->vector, network, value);
  PerturbedUnroll perturbed = {work->unroll, work->batch, work->context, &work->vector, pairs, deviation, seed};
  bool right = perturbed_gradient(&perturbed, value, work->moved, work->chance, status) &&
               genome_vector_set(&work->vector, network, value, status);
  if (!right) return false;
  put_by_value(work, value);
  compare_moved(work, value);
  routes->pairs = pairs;
  routes->deviation = deviation;
  return true;
}

void blur_routes_destroy(BlurRoutes *routes) {
  if (!routes) return;
  Work *work = (Work *)(void *)routes; // the result is the work's first member
  for (size_t i = 0; work->room && i < work->count; i++) free(work->room[i]);
  for (size_t g = 0; work->genome && g < work->result.variables; g++) {
    free(work->genome[g].value);
    free(work->genome[g].adjoint);
    free(work->genome[g].forward);
    free(work->genome[g].difference);
    free(work->genome[g].trusted);
  }
  genome_vector_destroy(&work->vector);
  free(work->moved);
  free(work->room);
  free(work->direction);
  free(work->genome);
  free(work->shown);
  free(work);
}
