// Random orthogonal matrices: the Q of a normal matrix's QR with a positive diagonal of R, which is uniform (Haar)
// among them (Mezzadri, "How to generate random matrices from the classical compact groups", 2007). By Gram-Schmidt,
// each vector twice, which is orthogonal to rounding (Giraud et al., 2005); sums run in a fixed order on every machine.
#include "runtime/network/network.h"

#include <math.h>
#include <stdlib.h>

static double dot(const double *a, const double *b, int64_t count) {
  double sum[8] = {0};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int lane = 0; lane < 8; lane++) sum[lane] += a[i + lane] * b[i + lane];
  for (; i < count; i++) sum[0] += a[i] * b[i];
  return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

bool orthogonal_of(double *matrix, int64_t rows, int64_t columns) {
  bool by_column = rows >= columns;
  int64_t vectors = by_column ? columns : rows, length = by_column ? rows : columns;
  int64_t vector_stride = by_column ? 1 : columns, element_stride = by_column ? columns : 1;
  double *basis = malloc((size_t)(vectors * length) * sizeof *basis + 1); // [vectors][length]
  if (!basis) return false;
  for (int64_t v = 0; v < vectors; v++)
    for (int64_t i = 0; i < length; i++) basis[v * length + i] = matrix[v * vector_stride + i * element_stride];
  for (int64_t v = 0; v < vectors; v++) {
    double *vector = basis + v * length;
    for (int pass = 0; pass < 2; pass++) {
      for (int64_t other = 0; other < v; other++) {
        double share = dot(vector, basis + other * length, length);
        for (int64_t i = 0; i < length; i++) vector[i] -= share * basis[other * length + i];
      }
    }
    double norm = sqrt(dot(vector, vector, length));
    for (int64_t i = 0; i < length; i++) vector[i] /= norm;
  }
  for (int64_t v = 0; v < vectors; v++)
    for (int64_t i = 0; i < length; i++) matrix[v * vector_stride + i * element_stride] = basis[v * length + i];
  free(basis);
  return true;
}
