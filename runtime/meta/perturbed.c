// Moved genomes: see perturb.h.
#include "base/philox.h"
#include "base/status.h"
#include "runtime/meta/perturb.h"
#include "runtime/meta/unroll.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void perturb_draw(const GenomeVector *vector, uint64_t key, double deviation, double *moves) {
  for (size_t p = 0; p < vector->parts; p++) {
    const GenomePart *part = &vector->part[p];
    for (size_t i = part->offset; i < part->offset + part->count; i++)
      moves[i] = part->variable->frozen ? 0 : deviation * philox_normal(key, 0, i);
  }
}

void perturb_move(const GenomeVector *vector, const double *genome, const double *moves, double sign, double *room,
                  double *moved) {
  genome_vector_see(vector, genome, room);
  for (size_t i = 0; i < vector->count; i++) room[i] += sign * moves[i];
  memcpy(moved, genome, vector->count * sizeof *moved); // what is frozen
  genome_vector_unsee(vector, room, moved);
}

// ---- of a whole unroll

static bool moved_loss(const PerturbedUnroll *perturbed, const double *genome, double *loss, BlurStatus *status) {
  double none;
  BlurStatus diverged = {0};
  if (!genome_vector_set(perturbed->vector, perturbed->unroll->network, genome, status)) return false;
  if (blur_unroll_forward(perturbed->unroll, perturbed->batch, perturbed->context, NULL, loss, &none, &diverged))
    return true;
  *loss = NAN;
  if (diverged.code == BLUR_DIVERGED) return true;
  if (status) *status = diverged;
  return false;
}

bool perturbed_gradient(const PerturbedUnroll *perturbed, const double *genome, double *mean, double *error,
                        BlurStatus *status) {
  const GenomeVector *vector = perturbed->vector;
  size_t count = vector->count;
  double *moves = calloc(3 * count + 1, sizeof *moves), *room = moves + count, *moved = room + count;
  if (!moves) return status_fail_memory(status, "moved genomes", 3 * (double)count * sizeof *moves);
  memset(mean, 0, count * sizeof *mean);
  memset(error, 0, count * sizeof *error);
  bool right = true;
  for (int64_t pair = 0; right && pair < perturbed->pairs; pair++) {
    double loss[2] = {0, 0};
    perturb_draw(vector, philox_mix(perturbed->seed, (uint64_t)pair), perturbed->deviation, moves);
    for (int side = 0; right && side < 2; side++) {
      perturb_move(vector, genome, moves, side ? -1 : 1, room, moved);
      right = moved_loss(perturbed, moved, &loss[side], status);
    }
    double share = (loss[0] - loss[1]) / (2 * perturbed->deviation * perturbed->deviation);
    for (size_t i = 0; i < count; i++) { // mean and squares by Welford's sums
      double sample = share * moves[i], before = sample - mean[i];
      mean[i] += before / (double)(pair + 1);
      error[i] += before * (sample - mean[i]);
    }
  }
  double pairs = (double)perturbed->pairs;
  for (size_t i = 0; i < count; i++) error[i] = pairs > 1 ? sqrt(error[i] / (pairs - 1) / pairs) : NAN;
  free(moves);
  return right;
}
