// Small named helpers over the LLVM C API. Nothing here knows schedules; nothing above calls LLVMBuild* for arithmetic.
#include "compiler/codegen/builder.h"

#include <string.h>

enum { MAX_LANES = 64 };

void builder_open(Builder *b, LLVMContextRef context, LLVMModuleRef module) {
  *b = (Builder){.context = context, .module = module};
  b->builder = LLVMCreateBuilderInContext(context);
  b->index = LLVMInt64TypeInContext(context);
  b->pointer = LLVMPointerTypeInContext(context, 0);
  b->nothing = LLVMVoidTypeInContext(context);
}

void builder_close(Builder *b) { LLVMDisposeBuilder(b->builder); }

void builder_set_precision(Builder *b, const ScheduleTarget *target, int element_bytes) {
  b->is_double = element_bytes == 8;
  b->element_bytes = element_bytes;
  b->lanes = target->vector_bytes / element_bytes;
  b->has_fma = target->has_fma;
  b->has_floor = target->vector_bytes > 16;
  b->element = b->is_double ? LLVMDoubleTypeInContext(b->context) : LLVMFloatTypeInContext(b->context);
  b->integer = b->is_double ? LLVMInt64TypeInContext(b->context) : LLVMInt32TypeInContext(b->context);
  b->vector = LLVMVectorType(b->element, (unsigned)b->lanes);
}

// ---- types and constants

bool build_is_vector(LLVMValueRef x) { return LLVMGetTypeKind(LLVMTypeOf(x)) == LLVMVectorTypeKind; }

LLVMTypeRef build_shape(Builder *b, LLVMTypeRef scalar, LLVMValueRef like) {
  (void)b;
  return build_is_vector(like) ? LLVMVectorType(scalar, LLVMGetVectorSize(LLVMTypeOf(like))) : scalar;
}

static LLVMValueRef in_shape(LLVMValueRef constant, LLVMValueRef like) {
  if (!like || !build_is_vector(like)) return constant;
  LLVMValueRef lanes[MAX_LANES];
  unsigned count = LLVMGetVectorSize(LLVMTypeOf(like));
  for (unsigned i = 0; i < count; i++) lanes[i] = constant;
  return LLVMConstVector(lanes, count);
}

LLVMValueRef build_scalar(Builder *b, double number) { return LLVMConstReal(b->element, number); }

LLVMValueRef build_number(Builder *b, double number, LLVMValueRef like) {
  LLVMTypeRef type = LLVMTypeOf(like);
  if (LLVMGetTypeKind(type) == LLVMVectorTypeKind) type = LLVMGetElementType(type);
  if (LLVMGetTypeKind(type) == LLVMIntegerTypeKind) type = b->element;
  return in_shape(LLVMConstReal(type, number), like);
}

LLVMValueRef build_integer(Builder *b, int64_t number, LLVMValueRef like) {
  LLVMTypeRef type = LLVMTypeOf(like);
  if (LLVMGetTypeKind(type) == LLVMVectorTypeKind) type = LLVMGetElementType(type);
  if (type == LLVMDoubleTypeInContext(b->context)) type = LLVMInt64TypeInContext(b->context);
  if (type == LLVMFloatTypeInContext(b->context)) type = LLVMInt32TypeInContext(b->context);
  return in_shape(LLVMConstInt(type, (unsigned long long)number, 1), like);
}

LLVMValueRef build_index(Builder *b, int64_t number) { return LLVMConstInt(b->index, (unsigned long long)number, 1); }

LLVMValueRef build_zero_vector(Builder *b) { return LLVMConstNull(b->vector); }

LLVMValueRef build_splat(Builder *b, LLVMValueRef scalar) {
  if (build_is_vector(scalar)) return scalar;
  LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), (unsigned)b->lanes);
  if (LLVMIsConstant(scalar)) {
    LLVMValueRef lanes[MAX_LANES];
    for (int i = 0; i < b->lanes; i++) lanes[i] = scalar;
    return LLVMConstVector(lanes, (unsigned)b->lanes);
  }
  LLVMTypeRef mask = LLVMVectorType(LLVMInt32TypeInContext(b->context), (unsigned)b->lanes);
  LLVMValueRef one = LLVMBuildInsertElement(b->builder, LLVMGetPoison(type), scalar, build_index(b, 0), "");
  return LLVMBuildShuffleVector(b->builder, one, LLVMGetPoison(type), LLVMConstNull(mask), "");
}

LLVMValueRef build_lane_numbers(Builder *b, bool as_index) {
  LLVMValueRef lanes[MAX_LANES];
  for (int i = 0; i < b->lanes; i++) lanes[i] = as_index ? build_index(b, i) : build_scalar(b, i);
  return LLVMConstVector(lanes, (unsigned)b->lanes);
}

bool build_constant_index(LLVMValueRef x, int64_t *number) {
  if (!LLVMIsAConstantInt(x)) return false;
  *number = LLVMConstIntGetSExtValue(x);
  return true;
}

// ---- arithmetic

// A scalar beside a vector is broadcast.
static void match(Builder *b, LLVMValueRef *x, LLVMValueRef *y) {
  if (build_is_vector(*x) && !build_is_vector(*y)) *y = build_splat(b, *y);
  if (build_is_vector(*y) && !build_is_vector(*x)) *x = build_splat(b, *x);
}

LLVMValueRef build_add(Builder *b, LLVMValueRef x, LLVMValueRef y) {
  match(b, &x, &y);
  return LLVMBuildFAdd(b->builder, x, y, "");
}

LLVMValueRef build_sub(Builder *b, LLVMValueRef x, LLVMValueRef y) {
  match(b, &x, &y);
  return LLVMBuildFSub(b->builder, x, y, "");
}

LLVMValueRef build_mul(Builder *b, LLVMValueRef x, LLVMValueRef y) {
  match(b, &x, &y);
  return LLVMBuildFMul(b->builder, x, y, "");
}

LLVMValueRef build_div(Builder *b, LLVMValueRef x, LLVMValueRef y) {
  match(b, &x, &y);
  return LLVMBuildFDiv(b->builder, x, y, "");
}

LLVMValueRef build_negate(Builder *b, LLVMValueRef x) { return LLVMBuildFNeg(b->builder, x, ""); }

static LLVMValueRef intrinsic(Builder *b, const char *name, LLVMTypeRef overload, LLVMValueRef *arguments,
                              unsigned count) {
  unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
  LLVMValueRef function = LLVMGetIntrinsicDeclaration(b->module, id, &overload, 1);
  LLVMTypeRef type = LLVMIntrinsicGetType(b->context, id, &overload, 1);
  return LLVMBuildCall2(b->builder, type, function, arguments, count, "");
}

LLVMValueRef build_fma(Builder *b, LLVMValueRef x, LLVMValueRef y, LLVMValueRef z) {
  match(b, &x, &y);
  match(b, &x, &z);
  match(b, &x, &y);
  if (!b->has_fma) return LLVMBuildFAdd(b->builder, LLVMBuildFMul(b->builder, x, y, ""), z, "");
  return intrinsic(b, "llvm.fma", LLVMTypeOf(x), (LLVMValueRef[]){x, y, z}, 3);
}

LLVMValueRef build_abs(Builder *b, LLVMValueRef x) { return intrinsic(b, "llvm.fabs", LLVMTypeOf(x), &x, 1); }
LLVMValueRef build_sqrt(Builder *b, LLVMValueRef x) { return intrinsic(b, "llvm.sqrt", LLVMTypeOf(x), &x, 1); }

LLVMValueRef build_copysign(Builder *b, LLVMValueRef magnitude, LLVMValueRef sign) {
  match(b, &magnitude, &sign);
  return intrinsic(b, "llvm.copysign", LLVMTypeOf(magnitude), (LLVMValueRef[]){magnitude, sign}, 2);
}

// Without an instruction: |x| + 2^23 - 2^23 rounds to the nearest, then one is taken off where that went up.
LLVMValueRef build_floor(Builder *b, LLVMValueRef x) {
  if (b->has_floor) return intrinsic(b, "llvm.floor", LLVMTypeOf(x), &x, 1);
  LLVMValueRef large = build_number(b, b->is_double ? 0x1p52 : 0x1p23, x), magnitude = build_abs(b, x);
  LLVMValueRef rounded = build_copysign(b, build_sub(b, build_add(b, magnitude, large), large), x);
  LLVMValueRef less = build_sub(b, rounded, build_number(b, 1, x));
  LLVMValueRef floored = build_select(b, build_compare(b, LLVMRealOGT, rounded, x), less, rounded);
  return build_select(b, build_compare(b, LLVMRealOLT, magnitude, large), floored, x);
}

LLVMValueRef build_compare(Builder *b, LLVMRealPredicate predicate, LLVMValueRef x, LLVMValueRef y) {
  match(b, &x, &y);
  return LLVMBuildFCmp(b->builder, predicate, x, y, "");
}

LLVMValueRef build_is_nan(Builder *b, LLVMValueRef x) { return LLVMBuildFCmp(b->builder, LLVMRealUNO, x, x, ""); }

LLVMValueRef build_select(Builder *b, LLVMValueRef condition, LLVMValueRef x, LLVMValueRef y) {
  match(b, &x, &y);
  match(b, &x, &condition);
  match(b, &x, &y);
  return LLVMBuildSelect(b->builder, condition, x, y, "");
}

static LLVMValueRef extreme(Builder *b, LLVMRealPredicate second_wins, LLVMValueRef x, LLVMValueRef y) {
  LLVMValueRef result = build_select(b, build_compare(b, second_wins, y, x), y, x);
  if (LLVMIsConstant(y)) return result; // constants in rules are no nan
  return build_select(b, build_is_nan(b, y), y, result);
}

LLVMValueRef build_minimum(Builder *b, LLVMValueRef x, LLVMValueRef y) { return extreme(b, LLVMRealOLT, x, y); }
LLVMValueRef build_maximum(Builder *b, LLVMValueRef x, LLVMValueRef y) { return extreme(b, LLVMRealOGT, x, y); }

static LLVMTypeRef swapped_type(Builder *b, LLVMValueRef x, bool to_bits) {
  LLVMTypeRef type = LLVMTypeOf(x);
  bool is_vector = LLVMGetTypeKind(type) == LLVMVectorTypeKind;
  LLVMTypeRef scalar = is_vector ? LLVMGetElementType(type) : type;
  LLVMTypeRef wide = to_bits ? LLVMInt64TypeInContext(b->context) : LLVMDoubleTypeInContext(b->context);
  LLVMTypeRef narrow = to_bits ? LLVMInt32TypeInContext(b->context) : LLVMFloatTypeInContext(b->context);
  bool is_wide = scalar == LLVMDoubleTypeInContext(b->context) || scalar == LLVMInt64TypeInContext(b->context);
  LLVMTypeRef swapped = is_wide ? wide : narrow;
  return is_vector ? LLVMVectorType(swapped, LLVMGetVectorSize(type)) : swapped;
}

LLVMValueRef build_to_bits(Builder *b, LLVMValueRef x) {
  return LLVMBuildBitCast(b->builder, x, swapped_type(b, x, true), "");
}

LLVMValueRef build_from_bits(Builder *b, LLVMValueRef bits) {
  return LLVMBuildBitCast(b->builder, bits, swapped_type(b, bits, false), "");
}

LLVMValueRef build_index_to_number(Builder *b, LLVMValueRef index) {
  return LLVMBuildSIToFP(b->builder, index, build_shape(b, b->element, index), "");
}

// ---- indices and memory

LLVMValueRef build_index_add(Builder *b, LLVMValueRef x, LLVMValueRef y) {
  int64_t number;
  if (build_constant_index(y, &number) && number == 0) return x;
  if (build_constant_index(x, &number) && number == 0) return y;
  return LLVMBuildNSWAdd(b->builder, x, y, "");
}

LLVMValueRef build_index_mul(Builder *b, LLVMValueRef x, int64_t factor) {
  if (factor == 1) return x;
  if (factor == 0) return build_index(b, 0);
  return LLVMBuildNSWMul(b->builder, x, build_index(b, factor), "");
}

LLVMValueRef build_index_min(Builder *b, LLVMValueRef x, LLVMValueRef y) {
  return LLVMBuildSelect(b->builder, LLVMBuildICmp(b->builder, LLVMIntSLT, x, y, ""), x, y, "");
}

LLVMValueRef build_byte_offset(Builder *b, LLVMValueRef pointer, LLVMValueRef bytes) {
  int64_t number;
  if (build_constant_index(bytes, &number) && number == 0) return pointer;
  return LLVMBuildGEP2(b->builder, LLVMInt8TypeInContext(b->context), pointer, &bytes, 1, "");
}

LLVMValueRef build_load(Builder *b, LLVMTypeRef type, LLVMValueRef pointer) {
  LLVMValueRef load = LLVMBuildLoad2(b->builder, type, pointer, "");
  LLVMSetAlignment(load, (unsigned)b->element_bytes);
  return load;
}

void build_store(Builder *b, LLVMValueRef value, LLVMValueRef pointer) {
  LLVMSetAlignment(LLVMBuildStore(b->builder, value, pointer), (unsigned)b->element_bytes);
}

void build_store_masked(Builder *b, LLVMValueRef value, LLVMValueRef pointer, LLVMValueRef mask) {
  LLVMTypeRef overloads[2] = {LLVMTypeOf(value), b->pointer};
  unsigned id = LLVMLookupIntrinsicID("llvm.masked.store", strlen("llvm.masked.store"));
  LLVMValueRef alignment = LLVMConstInt(LLVMInt32TypeInContext(b->context), (unsigned)b->element_bytes, 0);
  LLVMValueRef arguments[4] = {value, pointer, alignment, mask};
  LLVMBuildCall2(b->builder, LLVMIntrinsicGetType(b->context, id, overloads, 2),
                 LLVMGetIntrinsicDeclaration(b->module, id, overloads, 2), arguments, 4, "");
}

void build_prefetch(Builder *b, LLVMValueRef pointer) {
  unsigned id = LLVMLookupIntrinsicID("llvm.prefetch", strlen("llvm.prefetch"));
  LLVMTypeRef flag = LLVMInt32TypeInContext(b->context);
  // To read, into the first cache, data.
  LLVMValueRef arguments[4] = {pointer, LLVMConstInt(flag, 0, 0), LLVMConstInt(flag, 3, 0), LLVMConstInt(flag, 1, 0)};
  LLVMBuildCall2(b->builder, LLVMIntrinsicGetType(b->context, id, &b->pointer, 1),
                 LLVMGetIntrinsicDeclaration(b->module, id, &b->pointer, 1), arguments, 4, "");
}

LLVMValueRef build_stack(Builder *b, LLVMTypeRef element, int64_t count) {
  LLVMBasicBlockRef here = LLVMGetInsertBlock(b->builder), entry = LLVMGetEntryBasicBlock(b->function);
  LLVMValueRef first = LLVMGetFirstInstruction(entry);
  if (first) LLVMPositionBuilderBefore(b->builder, first);
  else LLVMPositionBuilderAtEnd(b->builder, entry);
  LLVMValueRef place = LLVMBuildAlloca(b->builder, LLVMArrayType2(element, (uint64_t)count), "");
  LLVMSetAlignment(place, 64);
  LLVMPositionBuilderAtEnd(b->builder, here);
  return place;
}

LLVMValueRef build_extract(Builder *b, LLVMValueRef vector, int lane) {
  return LLVMBuildExtractElement(b->builder, vector, build_index(b, lane), "");
}

LLVMValueRef build_insert(Builder *b, LLVMValueRef vector, LLVMValueRef scalar, int lane) {
  return LLVMBuildInsertElement(b->builder, vector, scalar, build_index(b, lane), "");
}

LLVMValueRef build_shuffle(Builder *b, LLVMValueRef x, LLVMValueRef y, const int *lanes, int count) {
  LLVMValueRef mask[MAX_LANES];
  for (int i = 0; i < count; i++)
    mask[i] = LLVMConstInt(LLVMInt32TypeInContext(b->context), (unsigned long long)lanes[i], 0);
  return LLVMBuildShuffleVector(b->builder, x, y, LLVMConstVector(mask, (unsigned)count), "");
}

LLVMBasicBlockRef build_block(Builder *b, const char *name) {
  return LLVMAppendBasicBlockInContext(b->context, b->function, name);
}
