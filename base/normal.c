// Normal numbers of a Philox stream by Box-Muller, many at a time: sqrt(-2 ln(1 - u)) times cos and sin of 2 pi v, u
// and v from one block. Logarithm, sine and cosine are written out, by the series below, in plain multiplications and
// additions (no fma), so that vectors of any width and a single number give the same bits on every machine; errors stay
// below 4 ulp. Sources: Box and Muller 1958; ln m = 2 artanh((m-1)/(m+1)) on [1/sqrt 2, sqrt 2]; Taylor on [-pi/4,
// pi/4].
#include "base/philox.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { LANES = PHILOX_BLOCKS }; // pairs a call

static inline uint32_t high_half(uint32_t a, uint32_t b) { return (uint32_t)(((uint64_t)a * b) >> 32); }

static inline double logarithm(double x) { // of a normal number above 0
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  double exponent = (double)((int32_t)(bits >> 52) - 1023);
  bits = (bits & 0xFFFFFFFFFFFFFu) | 0x3FF0000000000000u;
  double m;
  memcpy(&m, &bits, sizeof m);
  double above = m > 1.4142135623730951 ? 1.0 : 0.0;
  m = m - 0.5 * above * m;
  exponent = exponent + above;
  double s = (m - 1) / (m + 1), z = s * s;
  double series = 1.0 / 21;
  series = series * z + 1.0 / 19;
  series = series * z + 1.0 / 17;
  series = series * z + 1.0 / 15;
  series = series * z + 1.0 / 13;
  series = series * z + 1.0 / 11;
  series = series * z + 1.0 / 9;
  series = series * z + 1.0 / 7;
  series = series * z + 1.0 / 5;
  series = series * z + 1.0 / 3;
  return exponent * 0.6931471805599453 + (2 * s + 2 * s * (z * series));
}

// cos and sin of 2 pi v, v in [0, 1).
static inline void circle(double v, double *cosine, double *sine) {
  double turn = 4 * v, quadrant = (double)(int32_t)(turn + 0.5);
  double a = (turn - quadrant) * 1.5707963267948966, z = a * a;
  double s = 1.0 / 355687428096000.0, c = 1.0 / 20922789888000.0; // 1/17!, 1/16!
  s = s * z - 1.0 / 1307674368000.0;
  c = c * z - 1.0 / 87178291200.0;
  s = s * z + 1.0 / 6227020800.0;
  c = c * z + 1.0 / 479001600.0;
  s = s * z - 1.0 / 39916800.0;
  c = c * z - 1.0 / 3628800.0;
  s = s * z + 1.0 / 362880.0;
  c = c * z + 1.0 / 40320.0;
  s = s * z - 1.0 / 5040.0;
  c = c * z - 1.0 / 720.0;
  s = s * z + 1.0 / 120.0;
  c = c * z + 1.0 / 24.0;
  s = s * z - 1.0 / 6.0;
  s = a + a * (z * s);
  c = 1 - 0.5 * z + z * z * c;
  double half = quadrant > 1.5 ? quadrant - 2 : quadrant, swap = half == 1 ? 1.0 : 0.0; // quadrant is 0 ... 4
  double s_sign = quadrant > 3.5 ? 1.0 : quadrant > 1.5 ? -1.0 : 1.0;
  double c_sign = quadrant > 2.5 ? 1.0 : quadrant > 0.5 ? -1.0 : 1.0;
  *cosine = c_sign * (swap * s + (1 - swap) * c);
  *sine = s_sign * (swap * c + (1 - swap) * s);
}

// Blocks `first` ... `first` + lanes - 1 of a stream, word by word.
static inline __attribute__((always_inline)) void blocks(uint64_t key, uint64_t stream, uint64_t first, int lanes,
                                                         uint32_t word[4][LANES]) {
  uint32_t *c0 = word[0], *c1 = word[1], *c2 = word[2], *c3 = word[3];
  for (int i = 0; i < lanes; i++) {
    c0[i] = (uint32_t)(first + (uint64_t)i);
    c1[i] = (uint32_t)((first + (uint64_t)i) >> 32);
    c2[i] = (uint32_t)stream;
    c3[i] = (uint32_t)(stream >> 32);
  }
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < lanes; i++) {
      uint32_t n0 = high_half(0xCD9E8D57u, c2[i]) ^ c1[i] ^ k0, n2 = high_half(0xD2511F53u, c0[i]) ^ c3[i] ^ k1;
      c1[i] = 0xCD9E8D57u * c2[i];
      c3[i] = 0xD2511F53u * c0[i];
      c0[i] = n0;
      c2[i] = n2;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// Pairs `pair` ... `pair` + lanes - 1 of a stream, into out[2 * lanes].
static inline __attribute__((always_inline)) void draw(uint64_t key, uint64_t stream, uint64_t pair, int lanes,
                                                       double *out) {
  uint32_t word[4][LANES];
  blocks(key, stream, pair, lanes, word);
  double cosine[LANES], sine[LANES];
  for (int i = 0; i < lanes; i++) { // 53 bits each: 27 of one word, 26 of the other
    double u = ((double)(int32_t)(word[0][i] >> 5) * 67108864.0 + (double)(int32_t)(word[1][i] >> 6)) * 0x1p-53;
    double v = ((double)(int32_t)(word[2][i] >> 5) * 67108864.0 + (double)(int32_t)(word[3][i] >> 6)) * 0x1p-53;
    double radius = sqrt(-2 * logarithm(1 - u)); // 1 - u is in (0, 1]: its logarithm is finite
    circle(v, &cosine[i], &sine[i]);
    cosine[i] *= radius;
    sine[i] *= radius;
  }
  for (int i = 0; i < lanes; i++) {
    out[2 * i] = cosine[i];
    out[2 * i + 1] = sine[i];
  }
}

static void draw_plain(uint64_t key, uint64_t stream, uint64_t pair, double *out) {
  draw(key, stream, pair, LANES, out);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void draw_avx2(uint64_t key, uint64_t stream, uint64_t pair, double *out) {
  draw(key, stream, pair, LANES, out);
}

#ifdef __clang__
#define WIDE "avx512f,avx512dq,avx512vl"
#else
#define WIDE "avx512f,avx512dq,avx512vl,prefer-vector-width=512"
#endif
__attribute__((target(WIDE))) static void draw_avx512(uint64_t key, uint64_t stream, uint64_t pair, double *out) {
  draw(key, stream, pair, LANES, out);
}
#endif

static void draw_best(uint64_t key, uint64_t stream, uint64_t pair, double *out) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    draw_avx512(key, stream, pair, out);
    return;
  }
  if (__builtin_cpu_supports("avx2")) {
    draw_avx2(key, stream, pair, out);
    return;
  }
#endif
  draw_plain(key, stream, pair, out);
}

void philox_normals(uint64_t key, uint64_t stream, uint64_t first, size_t count, double *normals) {
  double drawn[2 * LANES];
  while (count > 0) {
    uint64_t pair = first / 2;
    size_t skip = (size_t)(first % 2), some = 2 * LANES - skip < count ? 2 * LANES - skip : count;
    bool whole = some == 2 * LANES;
    draw_best(key, stream, pair, whole ? normals : drawn);
    if (!whole) memcpy(normals, drawn + skip, some * sizeof *normals);
    first += some;
    normals += some;
    count -= some;
  }
}

double philox_normal(uint64_t key, uint64_t stream, uint64_t index) {
  double pair[2];
  draw(key, stream, index / 2, 1, pair);
  return pair[index % 2];
}

double philox_noise(uint64_t seed, uint32_t place, int32_t layer, uint32_t element, uint32_t step, uint32_t iteration,
                    char draw) {
  uint32_t where = place | (uint32_t)(layer + 1) << 20;
  PhiloxBlock block = philox_block(seed, element | (uint64_t)where << 32, step | (uint64_t)iteration << 32);
  if (draw == 'u') return (double)(block.word[0] >> 8) * 0x1p-24;
  double cosine, sine, u = (double)((block.word[0] >> 8) + 1) * 0x1p-24;
  circle((double)(block.word[1] >> 8) * 0x1p-24, &cosine, &sine);
  return sqrt(-2 * logarithm(u)) * cosine;
}

static void blocks_plain(uint64_t key, uint64_t stream, uint64_t first, uint32_t word[4][LANES]) {
  blocks(key, stream, first, LANES, word);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void blocks_avx2(uint64_t key, uint64_t stream, uint64_t first,
                                                        uint32_t word[4][LANES]) {
  blocks(key, stream, first, LANES, word);
}
#endif

void philox_blocks(uint64_t key, uint64_t stream, uint64_t first, uint32_t word[4][PHILOX_BLOCKS]) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2")) {
    blocks_avx2(key, stream, first, word);
    return;
  }
#endif
  blocks_plain(key, stream, first, word);
}

void circle_point(double turns, double *cosine, double *sine) { circle(turns, cosine, sine); }
