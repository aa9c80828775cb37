// Initial values. Element i (dense order) of variable (name, layer) is draw i of the stream of that name, so nothing
// but the seed and the rule decides it; draws of dead elements are left out, not shifted.
#include "runtime/network/network.h"

#include "base/hash.h"
#include "base/philox.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  BlurNetwork *network;
  const BlurVariable *variable;
  uint64_t stream;
} Draw;

static size_t piece_elements(const BlurVariable *variable) {
  return variable->pieces ? blur_variable_count(variable) / variable->pieces : 0;
}

// The axis indices of element `place` of a piece.
static void unravel(const BlurVariable *variable, size_t place, int64_t *index) {
  for (int d = variable->dimensions - 1; d >= variable->states; d--) {
    index[d - variable->states] = (int64_t)(place % (size_t)variable->extent[d]);
    place /= (size_t)variable->extent[d];
  }
}

static double draw_value(const Draw *draw, size_t piece, size_t element, uint64_t *pair, double normal[2]) {
  const BlurVariable *variable = draw->variable;
  switch (variable->initial) {
  case BLUR_INITIAL_VALUE: return variable->values ? variable->values[piece] : variable->first;
  case BLUR_INITIAL_NORMAL:
    if (*pair != element / 2) philox_normal_pair(draw->network->seed, draw->stream, *pair = element / 2, normal);
    return variable->first + variable->second * normal[element % 2];
  case BLUR_INITIAL_UNIFORM:
    return variable->first +
           (variable->second - variable->first) * philox_uniform(draw->network->seed, draw->stream, element);
  default: return 0;
  }
}

// This thread's share of a variable: a range of its dense order.
static void draw_share(void *context, int64_t thread, int64_t threads) {
  const Draw *draw = context;
  const BlurVariable *variable = draw->variable;
  size_t count = blur_variable_count(variable), elements = piece_elements(variable);
  size_t first = count / (size_t)threads * (size_t)thread;
  size_t end = thread + 1 == threads ? count : count / (size_t)threads * (size_t)(thread + 1);
  uint64_t pair = UINT64_MAX;
  double normal[2] = {0};
  int axes = variable->dimensions - variable->states;
  int64_t index[BLUR_MAX_DIMENSIONS] = {0};
  if (first < end) unravel(variable, first % elements, index);
  for (size_t i = first; i < end; i++) {
    size_t piece = i / elements;
    char *at = network_element(draw->network, variable, piece, index);
    if (at) network_write(draw->network, at, draw_value(draw, piece, i, &pair, normal));
    for (int a = axes - 1; a >= 0 && ++index[a] == variable->extent[variable->states + a]; a--) index[a] = 0;
  }
}

// Orthogonal matrices: of each state, pre x post without the unit neuron's row, which is 0; of a value that has only
// states, the states themselves.
static bool draw_orthogonal(const Draw *draw) {
  const BlurVariable *variable = draw->variable;
  bool of_states = variable->dimensions == variable->states;
  size_t count = blur_variable_count(variable), matrices = of_states ? 1 : variable->pieces, size = count / matrices;
  size_t columns = variable->dimensions ? (size_t)variable->extent[variable->dimensions - 1] : 1;
  size_t rows = size / columns, unit_rows = variable->has_bias ? rows / (size_t)variable->extent[variable->states] : 0;
  double *values = calloc(count, sizeof *values);
  if (!values) return false;
  bool done = true;
  for (size_t i = 0; i < matrices; i++) {
    double *matrix = values + i * size;
    size_t drawn = (rows - unit_rows) * columns;
    for (size_t j = 0; j < drawn; j++) matrix[j] = philox_normal(draw->network->seed, draw->stream, i * size + j);
    done = done && orthogonal_of(matrix, (int64_t)(rows - unit_rows), (int64_t)columns, variable->first);
  }
  blur_network_set(draw->network, variable, values);
  free(values);
  return done;
}

bool network_initialize(BlurNetwork *network) {
  for (size_t i = 0; i < network->variable_count; i++) {
    const BlurVariable *variable = &network->variables[i];
    if (!network_keeps(variable) || blur_variable_count(variable) == 0) continue;
    // The layer of -1 is 0 here.
    uint64_t stream = philox_mix(hash_text(variable->name), (uint64_t)(variable->layer + 1));
    Draw draw = {network, variable, stream};
    if (variable->initial == BLUR_INITIAL_ORTHOGONAL) {
      if (!draw_orthogonal(&draw)) return false;
    } else if (blur_variable_count(variable) < 4096) {
      draw_share(&draw, 0, 1);
    } else {
      blur_pool_run(network->pool, draw_share, &draw);
    }
  }
  return true;
}
