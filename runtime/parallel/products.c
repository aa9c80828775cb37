// See products.h. The functions are found by name, so that nothing but a product needs the library.
#include "runtime/parallel/products.h"

#include "runtime/parallel/openblas.h"

#include <pthread.h>
#include <stddef.h>

// CBLAS's interface: row-major is 101, not transposed 111, transposed 112.
typedef void FloatProduct(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a,
                          int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef void DoubleProduct(int order, int transpose_a, int transpose_b, int m, int n, int k, double alpha,
                           const double *a, int lda, const double *b, int ldb, double beta, double *c, int ldc);
enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

static pthread_once_t loaded = PTHREAD_ONCE_INIT;
static FloatProduct *float_product;
static DoubleProduct *double_product;

static void load(void) {
  void *library = openblas_open("libopenblas.so.0", "libopenblas.so");
  if (!library) return;
  openblas_find(library, "cblas_sgemm", &float_product);
  openblas_find(library, "cblas_dgemm", &double_product);
}

void products_float(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                    const float *b, int64_t ldb, float *c, int64_t ldc) {
  pthread_once(&loaded, load);
  if (float_product) {
    float_product(ROW_MAJOR, transpose_a ? TRANSPOSED : PLAIN, transpose_b ? TRANSPOSED : PLAIN, (int)m, (int)n, (int)k,
                  1, a, (int)lda, b, (int)ldb, 0, c, (int)ldc);
    return;
  }
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++) {
      float sum = 0;
      for (int64_t l = 0; l < k; l++)
        sum += (transpose_a ? a[l * lda + i] : a[i * lda + l]) * (transpose_b ? b[j * ldb + l] : b[l * ldb + j]);
      c[i * ldc + j] = sum;
    }
  }
}

void products_double(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const double *a, int64_t lda,
                     const double *b, int64_t ldb, double *c, int64_t ldc) {
  pthread_once(&loaded, load);
  if (double_product) {
    double_product(ROW_MAJOR, transpose_a ? TRANSPOSED : PLAIN, transpose_b ? TRANSPOSED : PLAIN, (int)m, (int)n,
                   (int)k, 1, a, (int)lda, b, (int)ldb, 0, c, (int)ldc);
    return;
  }
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++) {
      double sum = 0;
      for (int64_t l = 0; l < k; l++)
        sum += (transpose_a ? a[l * lda + i] : a[i * lda + l]) * (transpose_b ? b[j * ldb + l] : b[l * ldb + j]);
      c[i * ldc + j] = sum;
    }
  }
}
