// Small named helpers over the LLVM C API, and the state that all emission shares. Numbers are scalars or vectors of
// the schedule's precision; every helper takes either and gives the same kind back.
#ifndef BLUR_CODEGEN_BUILDER_H
#define BLUR_CODEGEN_BUILDER_H

#include "compiler/passes/schedule.h"

#include <llvm-c/Core.h>

// What is being written and for which machine.
typedef struct {
  LLVMContextRef context;
  LLVMModuleRef module;
  LLVMBuilderRef builder;
  LLVMValueRef function;
  LLVMTypeRef index, pointer, nothing; // i64, ptr, void
  LLVMTypeRef element, integer;        // float or double, and the integer of the same width
  LLVMTypeRef vector;                  // `lanes` elements
  int element_bytes, lanes;
  bool is_double, has_fma, has_floor; // has_floor: rounding is an instruction (SSE4.1 and later)
} Builder;

void builder_open(Builder *b, LLVMContextRef context, LLVMModuleRef module);
void builder_close(Builder *b);
// Sets the precision and the vector length of what follows.
void builder_set_precision(Builder *b, const ScheduleTarget *target, int element_bytes);

// ---- types and constants. `like`: a value, scalar or vector, whose shape the result has.
bool build_is_vector(LLVMValueRef x);
LLVMTypeRef build_shape(Builder *b, LLVMTypeRef scalar, LLVMValueRef like);
LLVMValueRef build_number(Builder *b, double number, LLVMValueRef like); // element constant in the shape of `like`
LLVMValueRef build_scalar(Builder *b, double number);
LLVMValueRef build_integer(Builder *b, int64_t number, LLVMValueRef like); // of the element's width
LLVMValueRef build_index(Builder *b, int64_t number);                      // i64
LLVMValueRef build_zero_vector(Builder *b);
LLVMValueRef build_splat(Builder *b, LLVMValueRef scalar);  // a vector of `lanes`
LLVMValueRef build_lane_numbers(Builder *b, bool as_index); // 0, 1, 2, ... as elements, or as i64
bool build_constant_index(LLVMValueRef x, int64_t *number); // x is a constant i64

// ---- arithmetic on elements: exactly these operations, nothing contracted or reordered.
LLVMValueRef build_add(Builder *b, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef build_sub(Builder *b, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef build_mul(Builder *b, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef build_div(Builder *b, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef build_fma(Builder *b, LLVMValueRef x, LLVMValueRef y, LLVMValueRef z); // mul and add where there is no fma
LLVMValueRef build_negate(Builder *b, LLVMValueRef x);
LLVMValueRef build_abs(Builder *b, LLVMValueRef x);
LLVMValueRef build_sqrt(Builder *b, LLVMValueRef x);
LLVMValueRef build_floor(Builder *b, LLVMValueRef x);
LLVMValueRef build_copysign(Builder *b, LLVMValueRef magnitude, LLVMValueRef sign);
LLVMValueRef build_minimum(Builder *b, LLVMValueRef x, LLVMValueRef y); // nan passes; the first when equal
LLVMValueRef build_maximum(Builder *b, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef build_is_nan(Builder *b, LLVMValueRef x);
LLVMValueRef build_compare(Builder *b, LLVMRealPredicate predicate, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef build_select(Builder *b, LLVMValueRef condition, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef build_to_bits(Builder *b, LLVMValueRef x);
LLVMValueRef build_from_bits(Builder *b, LLVMValueRef bits);
LLVMValueRef build_index_to_number(Builder *b, LLVMValueRef index);

// ---- indices and memory
LLVMValueRef build_index_add(Builder *b, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef build_index_mul(Builder *b, LLVMValueRef x, int64_t factor);
LLVMValueRef build_index_min(Builder *b, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef build_byte_offset(Builder *b, LLVMValueRef pointer, LLVMValueRef bytes);
LLVMValueRef build_load(Builder *b, LLVMTypeRef type, LLVMValueRef pointer); // element-aligned
void build_store(Builder *b, LLVMValueRef value, LLVMValueRef pointer);
void build_store_masked(Builder *b, LLVMValueRef value, LLVMValueRef pointer, LLVMValueRef mask);
void build_prefetch(Builder *b, LLVMValueRef pointer);                    // advice: its cache line will be wanted soon
LLVMValueRef build_stack(Builder *b, LLVMTypeRef element, int64_t count); // in the entry block, aligned to 64 bytes
LLVMValueRef build_extract(Builder *b, LLVMValueRef vector, int lane);
LLVMValueRef build_insert(Builder *b, LLVMValueRef vector, LLVMValueRef scalar, int lane);
LLVMValueRef build_shuffle(Builder *b, LLVMValueRef x, LLVMValueRef y, const int *lanes, int count);
LLVMBasicBlockRef build_block(Builder *b, const char *name);

#endif
