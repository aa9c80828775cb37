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

// The values of elements first ... first + count - 1 of the variable's dense order.
static void draw_values(const Draw *draw, size_t first, size_t count, double *values) {
  const BlurVariable *variable = draw->variable;
  size_t elements = piece_elements(variable);
  switch (variable->initial) {
  case BLUR_INITIAL_VALUE:
    for (size_t i = 0; i < count; i++)
      values[i] = variable->values ? variable->values[(first + i) / elements] : variable->first;
    return;
  case BLUR_INITIAL_NORMAL:
    philox_normals(draw->network->seed, draw->stream, first, count, values);
    for (size_t i = 0; i < count; i++) values[i] = variable->first + variable->second * values[i];
    return;
  case BLUR_INITIAL_UNIFORM:
    for (size_t i = 0; i < count; i++)
      values[i] = variable->first +
                  (variable->second - variable->first) * philox_uniform(draw->network->seed, draw->stream, first + i);
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

// Orthogonal matrices: of each state, its axes without the unit neuron's row, which is 0, the last axis the columns; of
// a value that has only states, the states themselves.
static bool draw_orthogonal(const Draw *draw) {
  const BlurVariable *variable = draw->variable;
  bool of_states = variable->dimensions == variable->states;
  size_t count = blur_variable_count(variable), matrices = of_states ? 1 : variable->pieces, size = count / matrices;
  size_t columns = variable->dimensions ? (size_t)variable->extent[variable->dimensions - 1] : 1;
  if (variable->has_bias && variable->bias_dimension == variable->dimensions - 1) columns--;
  double *values = calloc(2 * count, sizeof *values), *matrix = values ? values + count : NULL;
  if (!values) return false;
  bool done = true;
  for (size_t i = 0; i < matrices; i++) {
    size_t drawn = 0;
    int64_t index[BLUR_MAX_DIMENSIONS] = {0};
    for (size_t j = 0; j < size; j++) {
      network_unravel(variable, j, index);
      if (of_states || !network_in_unit_row(variable, index))
        matrix[drawn++] = philox_normal(draw->network->seed, draw->stream, i * size + j);
    }
    done = done && orthogonal_of(matrix, (int64_t)(drawn / columns), (int64_t)columns, variable->first);
    drawn = 0;
    for (size_t j = 0; j < size; j++) {
      network_unravel(variable, j, index);
      if (of_states || !network_in_unit_row(variable, index)) values[i * size + j] = matrix[drawn++];
    }
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
