// What the files of matrix products share: emit_product.c (operands, epilogues, the library's products), emit_outer.c
// (register tiles), emit_pack.c (panels of b), emit_dot.c (dot products).
#ifndef BLUR_CODEGEN_PRODUCT_H
#define BLUR_CODEGEN_PRODUCT_H

#include "compiler/codegen/emit.h"

enum {
  PRODUCT_MAX_VECTORS = 6,       // widest panel
  PRODUCT_STAGE_BYTES = 16 << 10 // of c
};

typedef struct {
  const KernelOperation *operation;
  IrAxis m, n, k;
  IrValue a, b;
  int64_t a_stride[2], b_stride[2]; // bytes: a along m, k; b along k, n
  LLVMValueRef a_start, b_start;    // at index 0 of every axis
  EmitRange rows, columns;
  int64_t depth;   // extent of k
  int64_t stretch; // of k
  bool is_staged, is_packed;
  int64_t stage_rows;
  LLVMValueRef stage, pack;
  int rows_of_width[PRODUCT_MAX_VECTORS + 1]; // tile rows for each panel width
  int width;                                  // vectors of a whole panel
} Product;

// pointer + index * stride, in bytes
LLVMValueRef product_advance(Builder *b, LLVMValueRef pointer, LLVMValueRef index, int64_t stride);
bool product_contiguous_along(const Emitter *e, const KernelStatement *statement, IrAxis axis);
// Few elementwise operations on whole vectors along n: done on the accumulators.
bool product_is_light(Emitter *e, const Product *p);
// All statements at one vector of accumulators.
void product_direct_epilogue(Emitter *e, const Product *p, EmitPoint *point, LLVMValueRef c);
// The epilogue over a staged panel: a loop nest whose last loop is `vectors_along` (0: m, 1: n). Strides in elements.
void product_staged_epilogue(Emitter *e, const Product *p, const EmitRange ranges[2], const int64_t strides[2],
                             int vectors_along);
// `width` vectors from `column` on, `length` values of k from the address `from` (column 0) on, into p->pack.
void product_pack(Emitter *e, const Product *p, LLVMValueRef from, LLVMValueRef column, int width, LLVMValueRef length,
                  EmitPoint *point);
void product_outer(Emitter *e, Product *p);
void product_dot(Emitter *e, Product *p);

#endif
