// Eigenvalues and eigenvectors of a symmetric matrix, by LAPACKE's dsyevd. Private to the runtime.
#ifndef BLUR_EVOLVE_EIGEN_H
#define BLUR_EVOLVE_EIGEN_H

#include "blur/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  size_t size;
  double *work;
  int *integers;
  int work_size, integer_size;
} Eigen;

// False: no memory, or no LAPACKE on this machine. To be closed in both cases.
bool eigen_open(Eigen *eigen, size_t size, BlurStatus *status);
void eigen_close(Eigen *eigen);
// The matrix is [size][size], of which the lower triangle counts; `vectors` [size][size] become its eigenvectors, one
// after the other, and `values` [size] their values, the smallest first. False: none were found, or one value is not
// above 0; vectors and values are then of no use.
bool eigen_solve(Eigen *eigen, const double *matrix, double *vectors, double *values);

#endif
