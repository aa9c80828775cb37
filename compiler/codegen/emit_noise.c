// Noise: one block of Philox4x32-10 for each element, in vectors, and the number that base/philox.h makes of it (the
// same words on every machine, the logarithm and cosine of emit_math.c). Source: Salmon et al., Parallel random
// numbers: as easy as 1, 2, 3 (2011), table 2 and section 3.3. Before: emit_value.c, which knows the element.
#include "compiler/codegen/emit.h"

#include <stddef.h>

enum { ROUNDS = 10 };

static LLVMValueRef word(Builder *b, uint32_t number, LLVMValueRef like) {
  return build_integer(b, (int64_t)(int32_t)number, like);
}

// The high and the low half of factor * x, unsigned.
static void multiply(Builder *b, uint32_t factor, LLVMValueRef x, LLVMValueRef *high, LLVMValueRef *low) {
  LLVMTypeRef wide = build_shape(b, LLVMInt64TypeInContext(b->context), x);
  LLVMValueRef product = LLVMBuildZExt(b->builder, x, wide, "");
  product = LLVMBuildMul(b->builder, product, build_integer(b, (int64_t)factor, product), "");
  LLVMValueRef above = LLVMBuildLShr(b->builder, product, build_integer(b, 32, product), "");
  *high = LLVMBuildTrunc(b->builder, above, LLVMTypeOf(x), "");
  *low = LLVMBuildTrunc(b->builder, product, LLVMTypeOf(x), "");
}

static LLVMValueRef add_words(Builder *b, LLVMValueRef x, uint32_t number) {
  return LLVMBuildAdd(b->builder, x, word(b, number, x), "");
}

static LLVMValueRef exclusive(Builder *b, LLVMValueRef x, LLVMValueRef y, LLVMValueRef key) {
  if (build_is_vector(x) || build_is_vector(y)) {
    x = build_splat(b, x);
    y = build_splat(b, y);
    key = build_splat(b, key);
  }
  return LLVMBuildXor(b->builder, LLVMBuildXor(b->builder, x, y, ""), key, "");
}

// The block's first two words. Halves of it that no lane has changed yet stay scalars.
static void philox(Builder *b, const LLVMValueRef counter[4], LLVMValueRef seed, LLVMValueRef words[2]) {
  LLVMTypeRef half = LLVMInt32TypeInContext(b->context);
  LLVMValueRef c[4] = {counter[0], counter[1], counter[2], counter[3]};
  LLVMValueRef k0 = LLVMBuildTrunc(b->builder, seed, half, "");
  LLVMValueRef k1 = LLVMBuildTrunc(b->builder, LLVMBuildLShr(b->builder, seed, build_index(b, 32), ""), half, "");
  for (int round = 0; round < ROUNDS; round++) {
    LLVMValueRef high[2], low[2];
    multiply(b, 0xD2511F53u, c[0], &high[0], &low[0]);
    multiply(b, 0xCD9E8D57u, c[2], &high[1], &low[1]);
    c[0] = exclusive(b, high[1], c[1], k0);
    c[2] = exclusive(b, high[0], c[3], k1);
    c[1] = low[1];
    c[3] = low[0];
    k0 = add_words(b, k0, 0x9E3779B9u);
    k1 = add_words(b, k1, 0xBB67AE85u);
  }
  words[0] = c[0];
  words[1] = c[1];
}

// The upper 24 bits of a word as a number, plus `more`, times 2^-24: exact in float.
static LLVMValueRef fraction(Builder *b, LLVMValueRef x, int more) {
  LLVMValueRef bits = LLVMBuildLShr(b->builder, x, build_integer(b, 8, x), "");
  if (more) bits = LLVMBuildAdd(b->builder, bits, build_integer(b, more, bits), "");
  LLVMValueRef number = LLVMBuildSIToFP(b->builder, bits, build_shape(b, b->element, bits), "");
  return build_mul(b, number, build_number(b, 0x1p-24, number));
}

static LLVMValueRef number_of(Builder *b, char draw, const LLVMValueRef counter[4], LLVMValueRef seed) {
  static const double two_pi = 6.283185307179586477;
  LLVMValueRef words[2];
  philox(b, counter, seed, words);
  if (draw == 'u') return fraction(b, words[0], 0);
  LLVMValueRef u = fraction(b, words[0], 1), v = fraction(b, words[1], 0);
  LLVMValueRef radius = emit_math(b, OP_LOG, u, NULL);
  radius = build_sqrt(b, build_mul(b, radius, build_number(b, -2, radius)));
  // cos 2 pi v = -cos 2 pi (v - 1/2), whose argument is smaller and as exact.
  LLVMValueRef angle = build_mul(b, build_sub(b, v, build_number(b, 0.5, v)), build_number(b, two_pi, v));
  return build_mul(b, radius, build_negate(b, emit_math(b, OP_COS, angle, NULL)));
}

// The row-major number of the element drawn, over the extents of the draw: a word of 32 bits a lane.
static LLVMValueRef drawn_element(Emitter *e, EmitPoint *point, const IrValueInfo *info) {
  Builder *b = &e->b;
  LLVMTypeRef type = LLVMInt32TypeInContext(b->context);
  LLVMValueRef element = build_index(b, 0);
  int64_t stride = 1, along_vector = 0;
  for (int d = info->dimensions - 1; d >= 0; d--) {
    IrAxis axis = info->index[d].axis;
    LLVMValueRef at = axis == IR_NONE ? build_index(b, info->index[d].constant) : emit_axis_index(e, point, axis);
    element = build_index_add(b, element, build_index_mul(b, at, stride));
    if (axis != IR_NONE && axis == point->vector_axis) along_vector += stride;
    stride *= info->extent[d];
  }
  element = LLVMBuildTrunc(b->builder, element, type, "");
  if (!along_vector) return element;
  LLVMValueRef lanes[64];
  for (int i = 0; i < b->lanes; i++) lanes[i] = LLVMConstInt(type, (uint32_t)(i * along_vector), 0);
  return LLVMBuildAdd(b->builder, build_splat(b, element), LLVMConstVector(lanes, (unsigned)b->lanes), "");
}

static LLVMValueRef whole_number(Builder *b, LLVMValueRef number) { // its low word
  LLVMValueRef index = LLVMBuildFPToSI(b->builder, number, b->index, "");
  return LLVMBuildTrunc(b->builder, index, LLVMInt32TypeInContext(b->context), "");
}

LLVMValueRef emit_noise(Emitter *e, EmitPoint *point, const IrValueInfo *info) {
  Builder *b = &e->b;
  LLVMValueRef element = drawn_element(e, point, info);
  LLVMValueRef iteration = whole_number(b, emit_value(e, point, info->operand[0]));
  LLVMValueRef step = whole_number(b, build_load(b, b->element, emit_step_place(e)));
  LLVMValueRef where = emit_argument(e, PLACE_COUNTER, IR_NONE, canonical_noise_word(info));
  where = LLVMBuildTrunc(b->builder, where, LLVMInt32TypeInContext(b->context), "");
  LLVMValueRef field = build_index(b, (int64_t)offsetof(BlurServices, seed));
  LLVMValueRef seed = LLVMBuildLoad2(b->builder, b->index, build_byte_offset(b, e->services, field), "");
  return number_of(b, info->draw, (LLVMValueRef[]){element, where, step, iteration}, seed);
}
