// Functions of numbers as straight-line code on vectors, without calls. Polynomials are near-minimax fits (Chebyshev)
// of the stated expression on the stated interval. Largest errors, measured against long double over dense ranges
// (tests/unit/emit_math.c), in units in the last place, float / double, with fma (without, up to half as much again):
//
//   exp 1.0 / 0.9, expm1 1.5 / 1.7, log 0.8 / 0.8, log1p 2.3 / 2.2, tanh 4.1 / 2.5, sigmoid 1.9 / 1.9,
//   softplus 2.4 / 2.6, erf 2.6 / 3.9, pow 1 / 4, sin and cos 1.5 / 2.2 to |x| = 1e5
//
// Beyond 1e5 the error of sin and cos grows as |x| 2^-53 (what rounding x to a double costs as well); the result stays
// within [-1, 1]. Nan and infinity come out as in the C library; subnormal results may be less exact, or 0.
//
// Sources: Cody and Waite, Software Manual for the Elementary Functions (1980), for the reductions; Dekker (1971) for
// exact products; tanh for float is a rational fit of degree 13 over 6, clamped where the result rounds to 1.
#include "compiler/codegen/emit.h"

#include <stdio.h>

typedef struct {
  int mantissa, bias;    // bits of the mantissa, bias of the exponent
  double rounder;        // 1.5 * 2^mantissa: adding it rounds to an integer in the low bits
  double ln2[2];         // ln 2 in a short and a small part
  double exp_range[2];   // outside, exp is 0 or infinite
  double exp_normal;     // below, exp is subnormal
  double expm1_range[2]; // outside, expm1 is -1 or infinite
  double smallest, lift; // smallest normal number; a power of two that makes subnormals normal
  int lift_bits;
  int exp_terms, log_terms, sin_terms, cos_terms, erf_terms, erfc_terms;
  const double *exp, *log, *sin, *cos, *erf, *erfc;
  double erfc_middle, erfc_half; // the interval of erfc's fit
} MathTable;

static const MathTable table_float = {
    .mantissa = 23,
    .bias = 127,
    .rounder = 0x1.8p23,
    .ln2 = {0x1.62ep-1, 0x1.0bfbe8e7bcd5ep-15},
    .exp_range = {-105, 90},
    .exp_normal = -87.3,
    .expm1_range = {-30, 89},
    .smallest = 0x1p-126,
    .lift = 0x1p32,
    .lift_bits = 32,
    // (e^r - 1 - r) / r^2, |r| <= ln 2 / 2
    .exp_terms = 5,
    .exp = (const double[]){0.5, 0.1666657685, 0.04166655444, 0.008363202972, 0.001392621347},
    // (ln((1 + s) / (1 - s)) / s - 2) / s^2 in s^2 <= 0.02945
    .log_terms = 4,
    .log = (const double[]){0.6666666655, 0.40000122, 0.2855080255, 0.2333096405},
    // (sin r / r - 1) / r^2 and (cos r - 1 + r^2 / 2) / r^4 in r^2, |r| <= pi / 4
    .sin_terms = 3,
    .sin = (const double[]){-0.1666666465, 0.008332745938, -0.0001958738732},
    .cos_terms = 3,
    .cos = (const double[]){0.04166666465, -0.00138883007, 2.454743746e-5},
    // erf x / x - 1 in x^2 <= 1; ln erfc x on 1 .. 4
    .erf_terms = 7,
    .erf = (const double[]){0.128379166, -0.3761262667, 0.1128359472, -0.02685421201, 0.005189087423, -0.0008016864287,
                            7.875875063e-5},
    .erfc_terms = 9,
    .erfc = (const double[]){-7.806815273, -8.029021011, -2.123760833, -0.03664757804, 0.01096184922, -0.003190305413,
                             0.0008803970815, -0.0002274995038, 4.195840012e-5},
    .erfc_middle = 2.5,
    .erfc_half = 1.5,
};

static const MathTable table_double = {
    .mantissa = 52,
    .bias = 1023,
    .rounder = 0x1.8p52,
    .ln2 = {0x1.62e42fefap-1, 0x1.cf79abc9e3b3ap-40},
    .exp_range = {-746, 710},
    .exp_normal = -708.3,
    .expm1_range = {-50, 710},
    .smallest = 0x1p-1022,
    .lift = 0x1p64,
    .lift_bits = 64,
    .exp_terms = 11,
    .exp =
        (const double[]){0.5, 0.16666666666666671, 0.0416666666666666698, 0.00833333333332611205,
                         0.00138888888888837318, 0.000198412698749012592, 0.0000248015873256053228,
                         2.75572552979696444e-6, 2.75572735701021397e-7, 2.51052595384484934e-8, 2.0914717341716376e-9},
    .log_terms = 8,
    .log = (const double[]){0.666666666666666665, 0.400000000000008797, 0.285714285708019569, 0.222222223920890079,
                            0.181817956000607924, 0.153862418819385955, 0.132687147923480967, 0.130872361966596223},
    .sin_terms = 6,
    .sin = (const double[]){-0.166666666666666646, 0.00833333333333092457, -0.000198412698367224359,
                            2.75573160838257406e-6, -2.50511279459656386e-8, 1.59178486651219391e-10},
    .cos_terms = 6,
    .cos = (const double[]){0.0416666666666666654, -0.00138888888888873823, 0.0000248015872987430806,
                            -2.75573172600147074e-7, 2.08761438292139369e-9, -1.13824568658404824e-11},
    .erf_terms = 12,
    .erf = (const double[]){0.12837916709551257, -0.376126389031835404, 0.112837916709450063, -0.0268661706432377704,
                            0.00522397760711642273, -0.000854832597538969208, 0.000120552949048397079,
                            -0.0000149247369074196603, 1.64474247033173624e-6, -1.62084838018717059e-7,
                            1.37200645467776856e-8, -7.79589882700214224e-10},
    .erfc_terms = 24,
    .erfc = (const double[]){-14.112437402148174,      -18.1652489709129772,     -6.04220659213885989,
                             -0.0816509097178122078,   0.034128411075984803,     -0.0143845483300340557,
                             0.00595370454670730062,   -0.00237399728718577836,  0.000893575902216764975,
                             -0.000307819490051535243, 0.0000909048170772076247, -0.0000184749350133494131,
                             -1.49175926868424288e-6,  4.56748228287393029e-6,   -3.38799065110362707e-6,
                             1.91424749726789288e-6,   -9.67831163943711781e-7,  3.90180391702755535e-7,
                             -7.64411331566817956e-8,  2.00375114308128216e-8,   -3.76304010737294533e-8,
                             4.23999824309261508e-9,   1.80193472575838654e-8,   -7.1596774245395752e-9},
    .erfc_middle = 3.5,
    .erfc_half = 2.5,
};

static const double log2_of_e = 1.442695040888963407;
static const double two_over_pi = 0.6366197723675813431;
static const double half_pi[3] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69};

static const MathTable *table_of(Builder *b) { return b->is_double ? &table_double : &table_float; }

// A coefficient as a whole vector in memory. With sixteen registers of 32 bytes, the code generator would broadcast
// each into a register of its own outside the loop, and then shuffle registers; from memory it is an operand of the
// fma.
static LLVMValueRef coefficient(Builder *b, double number, LLVMValueRef like) {
  LLVMTypeRef type = LLVMTypeOf(like);
  bool is_vector = LLVMGetTypeKind(type) == LLVMVectorTypeKind;
  if (!is_vector || (int)LLVMGetVectorSize(type) * b->element_bytes != 32 || !b->has_fma)
    return build_number(b, number, like);
  char name[64];
  snprintf(name, sizeof name, "number.%d.%a", b->element_bytes, number);
  LLVMValueRef place = LLVMGetNamedGlobal(b->module, name);
  if (!place) {
    place = LLVMAddGlobal(b->module, type, name);
    LLVMSetInitializer(place, build_number(b, number, like));
    LLVMSetLinkage(place, LLVMInternalLinkage); // not constant: it would be folded back
    LLVMSetAlignment(place, 32);
  }
  LLVMValueRef load = LLVMBuildLoad2(b->builder, type, place, "");
  LLVMSetAlignment(load, 32);
  return load;
}

static LLVMValueRef horner(Builder *b, LLVMValueRef x, const double *c, int count, int step) {
  int last = (count - 1) / step * step;
  LLVMValueRef sum = coefficient(b, c[last], x);
  for (int i = last - step; i >= 0; i -= step) sum = build_fma(b, sum, x, coefficient(b, c[i], x));
  return sum;
}

// c[0] + c[1] x + ...; long ones as even and odd powers side by side, which halves the wait.
static LLVMValueRef polynomial(Builder *b, LLVMValueRef x, const double *c, int count) {
  if (count < 5) return horner(b, x, c, count, 1);
  LLVMValueRef square = build_mul(b, x, x);
  return build_fma(b, horner(b, square, c + 1, count - 1, 2), x, horner(b, square, c, count, 2));
}

static LLVMValueRef plus(Builder *b, LLVMValueRef x, double y) { return build_add(b, x, build_number(b, y, x)); }
static LLVMValueRef times(Builder *b, LLVMValueRef x, double y) { return build_mul(b, x, build_number(b, y, x)); }
static LLVMValueRef is(Builder *b, LLVMRealPredicate predicate, LLVMValueRef x, double y) {
  return build_compare(b, predicate, x, build_number(b, y, x));
}
static LLVMValueRef choose(Builder *b, LLVMValueRef condition, double chosen, LLVMValueRef otherwise) {
  return build_select(b, condition, build_number(b, chosen, otherwise), otherwise);
}
// Held inside; nan passes.
static LLVMValueRef at_least(Builder *b, LLVMValueRef x, double low) {
  return choose(b, is(b, LLVMRealOLT, x, low), low, x);
}
static LLVMValueRef at_most(Builder *b, LLVMValueRef x, double high) {
  return choose(b, is(b, LLVMRealOGT, x, high), high, x);
}

static LLVMValueRef bits_add(Builder *b, LLVMValueRef x, int64_t number) {
  return LLVMBuildAdd(b->builder, x, build_integer(b, number, x), "");
}

// 2^n from n as an integer of the element's width; n must be the exponent of a normal number.
static LLVMValueRef power_of_two(Builder *b, const MathTable *t, LLVMValueRef n) {
  LLVMValueRef biased = bits_add(b, n, t->bias);
  return build_from_bits(b, LLVMBuildShl(b->builder, biased, build_integer(b, t->mantissa, n), ""));
}

// x = n ln 2 + r: r, and n as an integer.
static LLVMValueRef reduce_exp(Builder *b, const MathTable *t, LLVMValueRef x, LLVMValueRef *n) {
  LLVMValueRef rounded = build_fma(b, x, build_number(b, log2_of_e, x), build_number(b, t->rounder, x));
  LLVMValueRef count = plus(b, rounded, -t->rounder);
  *n = LLVMBuildSub(b->builder, build_to_bits(b, rounded), build_to_bits(b, build_number(b, t->rounder, x)), "");
  LLVMValueRef r = build_fma(b, count, build_number(b, -t->ln2[0], x), x);
  return build_fma(b, count, build_number(b, -t->ln2[1], x), r);
}

// e^r - 1 for small r
static LLVMValueRef small_expm1(Builder *b, const MathTable *t, LLVMValueRef r) {
  return build_fma(b, build_mul(b, r, r), polynomial(b, r, t->exp, t->exp_terms), r);
}

static LLVMValueRef emit_exp(Builder *b, LLVMValueRef x) {
  const MathTable *t = table_of(b);
  LLVMValueRef n, r = reduce_exp(b, t, at_most(b, at_least(b, x, t->exp_range[0]), t->exp_range[1]), &n);
  LLVMValueRef p = plus(b, small_expm1(b, t, r), 1);
  // In two factors, so that infinity and subnormal numbers come out.
  LLVMValueRef half = LLVMBuildLShr(b->builder, bits_add(b, n, 4096), build_integer(b, 1, n), "");
  half = bits_add(b, half, -2048);
  LLVMValueRef rest = LLVMBuildSub(b->builder, n, half, "");
  return build_mul(b, build_mul(b, p, power_of_two(b, t, half)), power_of_two(b, t, rest));
}

// e^x for x <= 0; what would be subnormal is 0.
static LLVMValueRef falling_exp(Builder *b, LLVMValueRef x) {
  const MathTable *t = table_of(b);
  LLVMValueRef n, r = reduce_exp(b, t, at_least(b, x, t->exp_normal), &n);
  LLVMValueRef result = build_mul(b, plus(b, small_expm1(b, t, r), 1), power_of_two(b, t, n));
  return choose(b, is(b, LLVMRealOLT, x, t->exp_normal), 0, result);
}

// 2 (2^(n-1) (e^r - 1) + (2^(n-1) - 1/2))
static LLVMValueRef emit_expm1(Builder *b, LLVMValueRef x) {
  const MathTable *t = table_of(b);
  LLVMValueRef n, r = reduce_exp(b, t, at_most(b, at_least(b, x, t->expm1_range[0]), t->expm1_range[1]), &n);
  LLVMValueRef p = small_expm1(b, t, r), scale = power_of_two(b, t, bits_add(b, n, -1));
  LLVMValueRef result = times(b, build_fma(b, scale, p, plus(b, scale, -0.5)), 2);
  return build_select(b, is(b, LLVMRealOEQ, x, 0), x, result);
}

// x = 2^e m, sqrt(1/2) <= m < sqrt(2): m - 1, and e as a number. For positive finite x.
static LLVMValueRef split_number(Builder *b, const MathTable *t, LLVMValueRef x, LLVMValueRef *exponent) {
  LLVMValueRef is_small = is(b, LLVMRealOLT, x, t->smallest);
  x = build_select(b, is_small, times(b, x, t->lift), x);
  LLVMValueRef bits = build_to_bits(b, x), root = build_to_bits(b, build_number(b, 0.70710678118654752440, x));
  LLVMValueRef above = LLVMBuildSub(b->builder, bits, root, "");
  // The shift is of a positive number; what was added for that is taken off after it.
  int64_t bias = t->bias + 1;
  LLVMValueRef shift = build_integer(b, t->mantissa, bits);
  above = bits_add(b, above, (int64_t)((uint64_t)bias << t->mantissa));
  LLVMValueRef e = bits_add(b, LLVMBuildLShr(b->builder, above, shift, ""), -bias);
  LLVMValueRef mantissa =
      build_from_bits(b, LLVMBuildSub(b->builder, bits, LLVMBuildShl(b->builder, e, shift, ""), ""));
  LLVMValueRef rounder = build_number(b, t->rounder, x);
  LLVMValueRef number = build_from_bits(b, LLVMBuildAdd(b->builder, e, build_to_bits(b, rounder), ""));
  *exponent = build_sub(b, number, rounder);
  *exponent = build_select(b, is_small, plus(b, *exponent, -t->lift_bits), *exponent);
  return plus(b, mantissa, -1);
}

static LLVMValueRef emit_log(Builder *b, LLVMValueRef x) {
  const MathTable *t = table_of(b);
  LLVMValueRef e, f = split_number(b, t, x, &e);
  LLVMValueRef s = build_div(b, f, plus(b, f, 2)), z = build_mul(b, s, s);
  LLVMValueRef r = build_mul(b, z, polynomial(b, z, t->log, t->log_terms));
  LLVMValueRef half_square = build_mul(b, times(b, f, 0.5), f);
  // e ln2 + (f - (f^2/2 - (s (f^2/2 + r) + e ln2_low)))
  LLVMValueRef low = build_fma(b, s, build_add(b, half_square, r), times(b, e, t->ln2[1]));
  LLVMValueRef result = build_sub(b, f, build_sub(b, half_square, low));
  result = build_fma(b, e, build_number(b, t->ln2[0], x), result);
  result = build_select(b, is(b, LLVMRealOEQ, x, __builtin_inf()), x, result);
  result = build_select(b, is(b, LLVMRealULT, x, 0), build_number(b, __builtin_nan(""), x), result);
  return choose(b, is(b, LLVMRealOEQ, x, 0), -__builtin_inf(), result);
}

// log(u) x / (u - 1), u = 1 + x rounded: the rounding cancels (Kahan).
static LLVMValueRef emit_log1p(Builder *b, LLVMValueRef x) {
  LLVMValueRef u = plus(b, x, 1), d = plus(b, u, -1);
  LLVMValueRef result = build_mul(b, emit_log(b, u), build_div(b, x, d));
  LLVMValueRef itself = LLVMBuildOr(b->builder, is(b, LLVMRealOEQ, d, 0), is(b, LLVMRealOEQ, x, __builtin_inf()), "");
  return build_select(b, itself, x, result);
}

// t = e^(-2|x|) - 1: |tanh x| = -t / (t + 2)
static LLVMValueRef tanh_double(Builder *b, LLVMValueRef x) {
  LLVMValueRef t = emit_expm1(b, times(b, build_abs(b, x), -2));
  return build_copysign(b, build_div(b, build_negate(b, t), plus(b, t, 2)), x);
}

static LLVMValueRef tanh_float(Builder *b, LLVMValueRef x) {
  static const double above[] = {0.9999999932795314,     0.13083154548741024,     0.003102998227738976,
                                 1.1144210434783995e-05, -2.0183715733184237e-08, 5.2576268117828264e-11,
                                 -8.435588696602742e-14};
  static const double below[] = {1.0, 0.46416481534675247, 0.024491370019044372, 0.00025447458410819045};
  LLVMValueRef held = at_least(b, at_most(b, x, 9.02), -9.02), z = build_mul(b, held, held);
  LLVMValueRef upper = build_mul(b, held, polynomial(b, z, above, 7));
  return at_least(b, at_most(b, build_div(b, upper, polynomial(b, z, below, 4)), 1), -1);
}

static LLVMValueRef emit_sigmoid(Builder *b, LLVMValueRef x) {
  LLVMValueRef falling = falling_exp(b, build_negate(b, build_abs(b, x)));
  LLVMValueRef above = choose(b, is(b, LLVMRealOGE, x, 0), 1, falling);
  return build_div(b, above, plus(b, falling, 1));
}

// max(x, 0) + log1p(e^-|x|)
static LLVMValueRef emit_softplus(Builder *b, LLVMValueRef x) {
  LLVMValueRef tail = emit_log1p(b, falling_exp(b, build_negate(b, build_abs(b, x))));
  return build_add(b, at_least(b, x, 0), tail);
}

// x + x P(x^2) below 1; else 1 - e^(ln erfc |x|), the logarithm a polynomial
static LLVMValueRef emit_erf(Builder *b, LLVMValueRef x) {
  const MathTable *t = table_of(b);
  LLVMValueRef magnitude = build_abs(b, x);
  LLVMValueRef near = horner(b, build_mul(b, magnitude, magnitude), t->erf, t->erf_terms, 1);
  near = build_fma(b, magnitude, near, magnitude);
  LLVMValueRef held = at_least(b, at_most(b, magnitude, t->erfc_middle + t->erfc_half), t->erfc_middle - t->erfc_half);
  LLVMValueRef u = times(b, plus(b, held, -t->erfc_middle), 1 / t->erfc_half);
  LLVMValueRef tail = falling_exp(b, horner(b, u, t->erfc, t->erfc_terms, 1));
  LLVMValueRef far = build_sub(b, build_number(b, 1, x), tail);
  return build_copysign(b, build_select(b, is(b, LLVMRealOLT, magnitude, 1), near, far), x);
}

// ---- in double for float arguments

static Builder double_builder(const Builder *b) {
  Builder wide = *b;
  wide.is_double = true;
  wide.element_bytes = 8;
  wide.element = LLVMDoubleTypeInContext(b->context);
  wide.integer = LLVMInt64TypeInContext(b->context);
  return wide;
}

static LLVMValueRef widened(Builder *wide, LLVMValueRef x) {
  return LLVMBuildFPExt(wide->builder, x, build_shape(wide, wide->element, x), "");
}

static LLVMValueRef narrowed(Builder *b, LLVMValueRef x) {
  return LLVMBuildFPTrunc(b->builder, x, build_shape(b, b->element, x), "");
}

// ---- sin and cos: x = n pi/2 + r; n mod 4 says which polynomial and which sign

static LLVMValueRef emit_wave(Builder *b, LLVMValueRef x, bool is_cos) {
  Builder wide = double_builder(b);
  LLVMValueRef y = b->is_double ? x : widened(&wide, x);
  LLVMValueRef rounder = build_number(&wide, table_double.rounder, y);
  LLVMValueRef rounded = build_fma(&wide, y, build_number(&wide, two_over_pi, y), rounder);
  LLVMValueRef n = build_sub(&wide, rounded, rounder), r = y;
  for (int i = 0; i < 3; i++) r = build_fma(&wide, n, build_number(&wide, -half_pi[i], y), r);
  r = at_most(&wide, at_least(&wide, r, -0.7854), 0.7854);
  LLVMValueRef quarter = build_to_bits(&wide, rounded);
  if (is_cos) quarter = bits_add(&wide, quarter, 1);
  if (!b->is_double) {
    r = narrowed(b, r);
    quarter = LLVMBuildTrunc(b->builder, quarter, build_shape(b, b->integer, r), "");
  }
  const MathTable *t = table_of(b);
  LLVMValueRef z = build_mul(b, r, r);
  LLVMValueRef sine = build_fma(b, build_mul(b, r, z), polynomial(b, z, t->sin, t->sin_terms), r);
  LLVMValueRef cosine = build_fma(b, z, build_number(b, -0.5, z), build_number(b, 1, z));
  cosine = build_fma(b, build_mul(b, z, z), polynomial(b, z, t->cos, t->cos_terms), cosine);
  LLVMValueRef odd = LLVMBuildAnd(b->builder, quarter, build_integer(b, 1, r), "");
  LLVMValueRef is_odd = LLVMBuildICmp(b->builder, LLVMIntNE, odd, build_integer(b, 0, r), "");
  LLVMValueRef second = LLVMBuildAnd(b->builder, quarter, build_integer(b, 2, r), "");
  LLVMValueRef sign = LLVMBuildShl(b->builder, second, build_integer(b, (b->is_double ? 64 : 32) - 2, r), "");
  LLVMValueRef bits = build_to_bits(b, build_select(b, is_odd, cosine, sine));
  LLVMValueRef result = build_from_bits(b, LLVMBuildXor(b->builder, bits, sign, ""));
  // Infinity has no sine; where x is so large that its neighbours are further apart than a turn, neither.
  return build_select(b, build_is_nan(b, build_sub(b, x, x)), build_number(b, __builtin_nan(""), x), result);
}

// ---- pow: |x|^y = e^(y ln|x|), the logarithm and the product in two parts where the result is double

typedef struct {
  LLVMValueRef high, low;
} Pair;

static Pair exact_product(Builder *b, LLVMValueRef x, LLVMValueRef y) {
  LLVMValueRef p = build_mul(b, x, y);
  if (b->has_fma) return (Pair){p, build_fma(b, x, y, build_negate(b, p))};
  LLVMValueRef parts[2][2], factors[2] = {x, y};
  for (int i = 0; i < 2; i++) { // upper halves of the mantissas
    LLVMValueRef mask = build_integer(b, (int64_t)0xFFFFFFFFF8000000, factors[i]);
    parts[i][0] = build_from_bits(b, LLVMBuildAnd(b->builder, build_to_bits(b, factors[i]), mask, ""));
    parts[i][1] = build_sub(b, factors[i], parts[i][0]);
  }
  LLVMValueRef error = build_sub(b, build_mul(b, parts[0][0], parts[1][0]), p);
  error = build_add(b, error, build_mul(b, parts[0][0], parts[1][1]));
  error = build_add(b, error, build_mul(b, parts[0][1], parts[1][0]));
  return (Pair){p, build_add(b, error, build_mul(b, parts[0][1], parts[1][1]))};
}

static Pair exact_sum(Builder *b, LLVMValueRef x, LLVMValueRef y) {
  LLVMValueRef sum = build_add(b, x, y), part = build_sub(b, sum, x);
  LLVMValueRef error = build_add(b, build_sub(b, x, build_sub(b, sum, part)), build_sub(b, y, part));
  return (Pair){sum, error};
}

static Pair log_pair(Builder *b, LLVMValueRef x) {
  const MathTable *t = &table_double;
  LLVMValueRef e, f = split_number(b, t, x, &e);
  LLVMValueRef above = plus(b, f, 2), lost = build_sub(b, f, plus(b, above, -2));
  LLVMValueRef s = build_div(b, f, above), z = build_mul(b, s, s);
  Pair back = exact_product(b, s, above);
  LLVMValueRef rest = build_sub(b, build_sub(b, f, back.high), back.low);
  rest = build_div(b, build_sub(b, rest, build_mul(b, s, lost)), above);
  LLVMValueRef tail = build_mul(b, build_mul(b, s, z), polynomial(b, z, t->log, t->log_terms));
  Pair sum = exact_sum(b, times(b, e, t->ln2[0]), times(b, s, 2));
  LLVMValueRef low = build_add(b, build_add(b, tail, times(b, rest, 2)), build_add(b, sum.low, times(b, e, t->ln2[1])));
  LLVMValueRef high = build_add(b, sum.high, low);
  return (Pair){high, build_sub(b, low, build_sub(b, high, sum.high))};
}

static LLVMValueRef positive_power(Builder *b, LLVMValueRef x, LLVMValueRef y, bool in_parts) {
  if (!in_parts) return emit_exp(b, build_mul(b, y, emit_log(b, x)));
  Pair log = log_pair(b, x), product = exact_product(b, y, log.high);
  LLVMValueRef low = build_fma(b, y, log.low, product.low);
  LLVMValueRef is_sane = is(b, LLVMRealOLT, build_abs(b, product.high), 800);
  low = build_select(b, is_sane, low, build_number(b, 0, low));
  LLVMValueRef whole = emit_exp(b, product.high);
  LLVMValueRef result = build_select(b, is_sane, build_fma(b, whole, low, whole), whole);
  return build_select(b, is(b, LLVMRealOEQ, whole, __builtin_inf()), whole, result);
}

static LLVMValueRef emit_power(Builder *b, LLVMValueRef x, LLVMValueRef y) {
  if (build_is_vector(x) && !build_is_vector(y)) y = build_splat(b, y);
  if (build_is_vector(y) && !build_is_vector(x)) x = build_splat(b, x);
  Builder wide = double_builder(b);
  LLVMValueRef base = b->is_double ? x : widened(&wide, x), exponent = b->is_double ? y : widened(&wide, y);
  Builder *w = &wide;
  LLVMValueRef magnitude = build_abs(w, base);
  LLVMValueRef result = positive_power(w, magnitude, exponent, b->is_double);
  LLVMValueRef rises = is(w, LLVMRealOGT, exponent, 0), falls = is(w, LLVMRealOLT, exponent, 0);
  LLVMValueRef zero = is(w, LLVMRealOEQ, base, 0), infinite = is(w, LLVMRealOEQ, magnitude, __builtin_inf());
  LLVMValueRef to_zero = LLVMBuildOr(b->builder, LLVMBuildAnd(b->builder, zero, rises, ""),
                                     LLVMBuildAnd(b->builder, infinite, falls, ""), "");
  LLVMValueRef to_infinity = LLVMBuildOr(b->builder, LLVMBuildAnd(b->builder, zero, falls, ""),
                                         LLVMBuildAnd(b->builder, infinite, rises, ""), "");
  result = choose(w, to_zero, 0, result);
  result = choose(w, to_infinity, __builtin_inf(), result);
  // Negative bases: odd whole exponents change the sign, broken ones have no result.
  LLVMValueRef is_negative = is(w, LLVMRealOLT, base, 0);
  LLVMValueRef is_whole = build_compare(w, LLVMRealOEQ, build_floor(w, exponent), exponent);
  LLVMValueRef half = times(w, exponent, 0.5);
  LLVMValueRef is_odd =
      LLVMBuildAnd(b->builder, is_whole, build_compare(w, LLVMRealUNE, build_floor(w, half), half), "");
  result = build_select(w, is_odd, build_copysign(w, result, base), result);
  LLVMValueRef broken = LLVMBuildAnd(b->builder, is_negative, LLVMBuildNot(b->builder, is_whole, ""), "");
  result = choose(w, LLVMBuildAnd(b->builder, broken, LLVMBuildNot(b->builder, infinite, ""), ""), __builtin_nan(""),
                  result);
  LLVMValueRef turns = LLVMBuildAnd(b->builder, is(w, LLVMRealOEQ, magnitude, 1),
                                    is(w, LLVMRealOEQ, build_abs(w, exponent), __builtin_inf()), "");
  result = build_select(w, build_is_nan(w, base), base, result);
  LLVMValueRef is_one = LLVMBuildOr(b->builder, is(w, LLVMRealOEQ, exponent, 0), is(w, LLVMRealOEQ, base, 1), "");
  result = choose(w, LLVMBuildOr(b->builder, is_one, turns, ""), 1, result);
  return b->is_double ? result : narrowed(b, result);
}

LLVMValueRef emit_math(Builder *b, IrOperation operation, LLVMValueRef x, LLVMValueRef y) {
  switch (operation) {
  case OP_EXP: return emit_exp(b, x);
  case OP_EXPM1: return emit_expm1(b, x);
  case OP_LOG: return emit_log(b, x);
  case OP_LOG1P: return emit_log1p(b, x);
  case OP_TANH: return b->is_double ? tanh_double(b, x) : tanh_float(b, x);
  case OP_SIGMOID: return emit_sigmoid(b, x);
  case OP_SOFTPLUS: return emit_softplus(b, x);
  case OP_ERF: return emit_erf(b, x);
  case OP_SIN: return emit_wave(b, x, false);
  case OP_COS: return emit_wave(b, x, true);
  case OP_POWER: return emit_power(b, x, y);
  default: return x; // every other operation is elementwise() of emit_value.c
  }
}
