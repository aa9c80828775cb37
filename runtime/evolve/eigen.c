// See eigen.h.
#include "runtime/evolve/eigen.h"

#include "base/status.h"
#include "runtime/parallel/openblas.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// LAPACKE_dsyevd_work: by columns is 102.
typedef int Solver(int order, char vectors, char triangle, int n, double *a, int lda, double *w, double *work,
                   int work_size, int *integers, int integer_size);
enum { BY_COLUMN = 102 };

static pthread_once_t loaded = PTHREAD_ONCE_INIT;
static Solver *solver;

static void load(void) {
  void *library = openblas_open("liblapacke.so.3", "liblapacke.so");
  if (library) openblas_find(library, "LAPACKE_dsyevd_work", &solver);
}

bool eigen_open(Eigen *eigen, size_t size, BlurStatus *status) {
  *eigen = (Eigen){.size = size};
  pthread_once(&loaded, load);
  if (!solver)
    return status_fail(
        status, BLUR_FAILED_ENVIRONMENT,
        "the eigen-solver of CMA-ES is LAPACKE, which is not installed; install it (Debian: liblapacke), "
        "or search with a diagonal covariance");
  eigen->work_size = (int)(1 + 6 * size + 2 * size * size); // what dsyevd asks for
  eigen->integer_size = (int)(3 + 5 * size);
  eigen->work = calloc((size_t)eigen->work_size, sizeof *eigen->work);
  eigen->integers = calloc((size_t)eigen->integer_size, sizeof *eigen->integers);
  if (!eigen->work || !eigen->integers)
    return status_fail_memory(status, "an eigen-solver", (double)eigen->work_size * sizeof(double));
  return true;
}

void eigen_close(Eigen *eigen) {
  free(eigen->work);
  free(eigen->integers);
}

bool eigen_solve(Eigen *eigen, const double *matrix, double *vectors, double *values) {
  int n = (int)eigen->size;
  memcpy(vectors, matrix, eigen->size * eigen->size * sizeof *matrix);
  // A lower triangle by rows is an upper one by columns.
  int failed = solver(BY_COLUMN, 'V', 'U', n, vectors, n, values, eigen->work, eigen->work_size, eigen->integers,
                      eigen->integer_size);
  return !failed && isfinite(values[n - 1]) && values[0] > 0;
}
