// Matrix products by OpenBLAS, for float64 and as a check of the compiler's own.
#ifndef BLUR_PARALLEL_PRODUCTS_H
#define BLUR_PARALLEL_PRODUCTS_H

#include <stdint.h>

// c [m, n] = a [m, k] b [k, n], all row-major with a stride between rows; `transpose_a`: a is stored [k, m], and so b
// [n, k]. Runs on the calling thread alone. OpenBLAS is loaded at the first call, not at the start of every command
// (3.5 ms); where it is missing, plain loops compute the same.
void products_float(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                    const float *b, int64_t ldb, float *c, int64_t ldc);
void products_double(int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const double *a, int64_t lda,
                     const double *b, int64_t ldb, double *c, int64_t ldc);

#endif
