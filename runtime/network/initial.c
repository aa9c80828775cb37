// Initial values. Element i (dense order) of variable (name, layer) is draw i of the stream of that name, so nothing
// but the seed and the rule decides it; draws of dead elements are left out, not shifted.
#include "runtime/network/network.h"

#include "base/hash.h"
#include "base/philox.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  const BlurNetwork *network;
  const BlurVariable *variable;
  uint64_t stream;
  const double *first, *second; // of each piece; NULL: the variable's own hold for all
} Draw;

static size_t piece_elements(const BlurVariable *variable) {
  return variable->pieces ? blur_variable_count(variable) / variable->pieces : 0;
}

static double first_of(const Draw *draw, size_t piece) {
  return draw->first ? draw->first[piece] : draw->variable->first;
}

static double second_of(const Draw *draw, size_t piece) {
  return draw->second ? draw->second[piece] : draw->variable->second;
}

// The values of elements start ... start + count - 1, all of one piece, of the variable's dense order.
static void draw_values(const Draw *draw, size_t start, size_t count, double *values) {
  size_t piece = start / piece_elements(draw->variable);
  double first = first_of(draw, piece), second = second_of(draw, piece);
  switch (draw->variable->initial) {
  case BLUR_INITIAL_VALUE:
    for (size_t i = 0; i < count; i++) values[i] = first;
    return;
  case BLUR_INITIAL_NORMAL:
    philox_normals(draw->network->seed, draw->stream, start, count, values);
    for (size_t i = 0; i < count; i++) values[i] = first + second * values[i];
    return;
  case BLUR_INITIAL_UNIFORM:
    for (size_t i = 0; i < count; i++)
      values[i] = first + (second - first) * philox_uniform(draw->network->seed, draw->stream, start + i);
    return;
  default: memset(values, 0, count * sizeof *values);
  }
}

// This thread's share of a variable, some elements at a time, then row by row to their places; dead pieces are skipped.
static void draw_share(void *context, int64_t thread, int64_t threads) {
  enum { MOST = 512 };
  const Draw *draw = context;
  const BlurVariable *variable = draw->variable;
  size_t count = blur_variable_count(variable), elements = piece_elements(variable);
  size_t first = count / (size_t)threads * (size_t)thread;
  size_t end = thread + 1 == threads ? count : count / (size_t)threads * (size_t)(thread + 1);
  double values[MOST];
  for (size_t i = first, some; i < end; i += some) {
    size_t piece = i / elements, rest = (piece + 1) * elements - i;
    const BlurPiece *place = &variable->piece[piece];
    some = end - i < rest ? end - i : rest;
    if (place->offset < 0 && place->bias_offset < 0) continue;
    if (some > MOST) some = MOST;
    draw_values(draw, i, some, values);
    for (size_t j = 0; j < some;) {
      int64_t index[BLUR_MAX_DIMENSIONS] = {0};
      network_unravel(variable, i % elements + j, index);
      NetworkRow row = network_row(draw->network, variable, piece, index);
      if (row.count > (int64_t)(some - j)) row.count = (int64_t)(some - j);
      network_write_row(draw->network, row, values + j);
      j += (size_t)row.count;
    }
  }
}

// Orthogonal matrices of gain 1: of each state, its axes without the unit neuron's row, which is 0, the last axis the
// columns; of a value that has only states, the last two of them. `values`: dense, 0 before; `matrix`: as many.
static bool draw_orthogonal(const BlurNetwork *network, const BlurVariable *variable, uint64_t stream, double *values,
                            double *matrix) {
  bool of_states = variable->dimensions == variable->states;
  int last = variable->dimensions - 1;
  size_t columns = last >= 0 ? (size_t)variable->extent[last] : 1;
  size_t count = blur_variable_count(variable), size = of_states ? columns : piece_elements(variable);
  if (of_states && last > 0) size *= (size_t)variable->extent[last - 1];
  if (variable->has_bias && variable->bias_dimension == last) columns--;
  bool done = true;
  for (size_t start = 0; start < count; start += size) {
    size_t drawn = 0;
    int64_t index[BLUR_MAX_DIMENSIONS] = {0};
    for (size_t j = 0; j < size; j++) {
      network_unravel(variable, j, index);
      if (of_states || !network_in_unit_row(variable, index))
        matrix[drawn++] = philox_normal(network->seed, stream, start + j);
    }
    done = done && orthogonal_of(matrix, (int64_t)(drawn / columns), (int64_t)columns);
    drawn = 0;
    for (size_t j = 0; j < size; j++) {
      network_unravel(variable, j, index);
      if (of_states || !network_in_unit_row(variable, index)) values[start + j] = matrix[drawn++];
    }
  }
  return done;
}

// `values`: of all elements.
static bool draw_matrices(const Draw *draw, double *values) {
  size_t count = blur_variable_count(draw->variable), elements = piece_elements(draw->variable);
  double *matrix = malloc(count * sizeof *matrix);
  memset(values, 0, count * sizeof *values);
  bool done = matrix && draw_orthogonal(draw->network, draw->variable, draw->stream, values, matrix);
  for (size_t i = 0; done && i < count; i++) values[i] *= first_of(draw, i / elements);
  free(matrix);
  return done;
}

static bool set_orthogonal(BlurNetwork *network, const Draw *draw) {
  double *values = malloc(blur_variable_count(draw->variable) * sizeof *values);
  bool done = values && draw_matrices(draw, values);
  if (done) blur_network_set(network, draw->variable, values);
  free(values);
  return done;
}

// The numbers of each piece, where a piece has numbers of its own. False: no memory.
static bool find_numbers(Draw *draw, double **numbers) {
  const BlurVariable *variable = draw->variable;
  draw->first = variable->values;
  draw->second = variable->second_values;
  *numbers = NULL;
  if (!variable->initial_rank) return true;
  double *first = *numbers = malloc(2 * variable->pieces * sizeof *first), *second = first + variable->pieces;
  if (!first) return false;
  for (size_t piece = 0; piece < variable->pieces; piece++)
    blur_program_initial(draw->network->program, variable, piece, draw->network->memory, &first[piece], &second[piece]);
  draw->first = first;
  draw->second = second;
  return true;
}

static uint64_t stream_of(const BlurVariable *variable) { // the layer of -1 is 0 here
  return philox_mix(hash_text(variable->name), (uint64_t)(variable->layer + 1));
}

static bool initialize(BlurNetwork *network, const BlurVariable *variable) {
  if (!network_keeps(variable) || blur_variable_count(variable) == 0) return true;
  Draw draw = {.network = network, .variable = variable, .stream = stream_of(variable)};
  double *numbers;
  bool done = find_numbers(&draw, &numbers);
  if (done && variable->initial == BLUR_INITIAL_ORTHOGONAL) done = set_orthogonal(network, &draw);
  else if (done && blur_variable_count(variable) < 4096) draw_share(&draw, 0, 1);
  else if (done) blur_pool_run(network->pool, draw_share, &draw);
  free(numbers);
  return done;
}

bool network_initial_values(const BlurNetwork *network, const BlurVariable *variable, double *values) {
  size_t count = blur_variable_count(variable), elements = piece_elements(variable);
  Draw draw = {.network = network, .variable = variable, .stream = stream_of(variable)};
  double *numbers;
  if (count == 0) return true;
  bool done = find_numbers(&draw, &numbers);
  if (done && variable->initial == BLUR_INITIAL_ORTHOGONAL) done = draw_matrices(&draw, values);
  else if (done)
    for (size_t start = 0; start < count; start += elements) draw_values(&draw, start, elements, values + start);
  free(numbers);
  return done;
}

// In rising ranks: what is made of genome values comes after them.
bool network_initialize(BlurNetwork *network, bool from_genome_alone) {
  int highest = 0;
  for (size_t i = 0; i < network->variable_count; i++)
    if (network->variables[i].initial_rank > highest) highest = network->variables[i].initial_rank;
  for (int rank = from_genome_alone; rank <= highest; rank++)
    for (size_t i = 0; i < network->variable_count; i++) {
      const BlurVariable *variable = &network->variables[i];
      if (variable->initial_rank != rank || (from_genome_alone && variable->kind == BLUR_GENOME)) continue;
      if (!initialize(network, variable)) return false;
    }
  return true;
}

// ---- derivatives by what initial values are made of

// What an element changes with, of the two numbers, per unit of each.
static void weights_of(const BlurNetwork *network, const BlurVariable *made, size_t element, const double *orthogonal,
                       double *first, double *second) {
  *first = 1;
  *second = 0;
  switch (made->initial) {
  case BLUR_INITIAL_NORMAL: *second = philox_normal(network->seed, stream_of(made), element); return;
  case BLUR_INITIAL_UNIFORM:
    *second = philox_uniform(network->seed, stream_of(made), element);
    *first = 1 - *second;
    return;
  case BLUR_INITIAL_ORTHOGONAL: *first = orthogonal[element]; return;
  default: return;
  }
}

bool blur_network_add_initial_gradient(const BlurNetwork *network, const BlurVariable *made, double *const *gradient,
                                       BlurStatus *status) {
  size_t count = blur_variable_count(made), elements = piece_elements(made);
  if (!made->initial_rank || !network_keeps(made) || !count) return true;
  double *adjoint = calloc(3 * count, sizeof *adjoint), *orthogonal = adjoint ? adjoint + count : NULL;
  bool done = adjoint != NULL;
  if (done) blur_network_get_adjoint(network, made, adjoint);
  if (done && made->initial == BLUR_INITIAL_ORTHOGONAL)
    done = draw_orthogonal(network, made, stream_of(made), orthogonal, orthogonal + count);
  for (size_t piece = 0; done && piece < made->pieces; piece++) {
    double by_first = 0, by_second = 0;
    for (size_t i = piece * elements; i < (piece + 1) * elements; i++) {
      double first, second;
      weights_of(network, made, i, orthogonal, &first, &second);
      by_first += adjoint[i] * first;
      by_second += adjoint[i] * second;
    }
    blur_program_initial_gradient(network->program, made, piece, network->memory, by_first, by_second, gradient);
  }
  free(adjoint);
  return done || status_fail_memory(status, "a derivative by initial values", 3.0 * (double)count * sizeof(double));
}

bool blur_network_add_initial_tangent(const BlurNetwork *network, const BlurVariable *made,
                                      const double *const *direction, double *tangent, BlurStatus *status) {
  size_t count = blur_variable_count(made), elements = piece_elements(made);
  if (!made->initial_rank || !network_keeps(made) || !count) return true;
  bool is_orthogonal = made->initial == BLUR_INITIAL_ORTHOGONAL;
  double *orthogonal = is_orthogonal ? calloc(2 * count, sizeof *orthogonal) : NULL;
  bool done =
      !is_orthogonal || (orthogonal && draw_orthogonal(network, made, stream_of(made), orthogonal, orthogonal + count));
  for (size_t piece = 0; done && piece < made->pieces; piece++) {
    double of_first, of_second;
    blur_program_initial_tangent(network->program, made, piece, direction, network->memory, &of_first, &of_second);
    if (of_first == 0 && of_second == 0) continue;
    for (size_t i = piece * elements; i < (piece + 1) * elements; i++) {
      double first, second;
      weights_of(network, made, i, orthogonal, &first, &second);
      tangent[i] += of_first * first + of_second * second;
    }
  }
  free(orthogonal);
  return done || status_fail_memory(status, "the change of initial values", 2.0 * (double)count * sizeof(double));
}
