// A network: the memory of one program, and how its steps are run. Private to the runtime.
#ifndef BLUR_NETWORK_NETWORK_H
#define BLUR_NETWORK_NETWORK_H

#include "blur/runtime.h"

struct BlurNetwork {
  const BlurProgram *program;
  BlurPool *pool;
  BlurServices services; // the pool's, or, for a network too small to share, with a barrier for one
  bool alone;            // steps run on the calling thread only
  char *memory;
  size_t memory_bytes;
  char *scratch; // scratch_bytes a thread
  size_t scratch_bytes;
  size_t element; // 4 or 8
  size_t variable_count;
  const BlurVariable *variables;
  const BlurVariable *x, *y, *prediction, *step, *loss; // loss: NULL without derivatives
  int64_t steps;
  uint64_t seed;
  uint64_t writes; // counts changes from outside a training, whose copy of the network they make old
};

// Memory on a cache line, in huge pages where it is large enough to gain from them; the caller's to free(). NULL: none.
char *network_allocate(size_t bytes);
size_t network_allocated(size_t bytes); // what it takes for so many

// Runs one of the program's entry points. `prepare`, if not NULL, runs first on each thread, before a barrier.
typedef enum {
  NETWORK_STEP,
  NETWORK_PREDICT,
  NETWORK_QUERY,
  NETWORK_ADJOINT,
  NETWORK_QUERY_TANGENT,
  NETWORK_TANGENT
} NetworkRun;
void network_run(BlurNetwork *network, NetworkRun what, BlurTask *prepare, void *context);

// Whether an element (of the axes after the states) lies in the unit neuron's row.
bool network_in_unit_row(const BlurVariable *variable, const int64_t *index);
// The elements from `index` (of the axes after the states) on along the last axis, as far as they have one stride; `at`
// is NULL where they are dead.
typedef struct {
  char *at;
  ptrdiff_t stride; // bytes
  int64_t count;    // at least 1
} NetworkRow;
NetworkRow network_row(const BlurNetwork *network, const BlurVariable *variable, size_t piece, const int64_t *index);
void network_write_row(const BlurNetwork *network, NetworkRow row, const double *values);
// The axis indices of element `place` of a piece, in dense order.
void network_unravel(const BlurVariable *variable, size_t place, int64_t *index);

// Whether all derivatives by a variable are finite.
bool network_adjoint_is_finite(const BlurNetwork *network, const BlurVariable *variable);

// The seed of noise and of initial values; values stay as they are.
void network_set_seed(BlurNetwork *network, uint64_t seed);

// The kinds that live from step to step: what is initialized, saved, and watched.
bool network_keeps(const BlurVariable *variable);

// initial.c: all kept variables to their initial values, drawn from network->seed; or only those of others than genome
// values that are made of genome values. False: no memory.
bool network_initialize(BlurNetwork *network, bool from_genome_alone);
// All initial values of a variable that the network keeps, those of what is dead included. False: no memory.
bool network_initial_values(const BlurNetwork *network, const BlurVariable *variable, double *values);

// orthogonal.c: [rows, columns], overwritten by Q, whose columns (rows, if they are fewer) are orthonormal.
// False: no memory.
bool orthogonal_of(double *matrix, int64_t rows, int64_t columns);

#endif
