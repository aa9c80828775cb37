// Panels of a product's b, packed on the stack: rows of a panel next to one another, turned where b lies along k.
// Before: emit_outer.c asks for it where b's rows are far apart (they would share few sets of the first cache) or
// turned.
#include "compiler/codegen/product.h"

// One step of a transposition: exchanges the off-diagonal blocks of `size` between rows i and i + size.
static void exchange(Builder *b, LLVMValueRef *rows, int size) {
  int lower[64], upper[64];
  for (int lane = 0; lane < b->lanes; lane++) {
    lower[lane] = lane & size ? b->lanes + lane - size : lane;
    upper[lane] = lane & size ? b->lanes + lane : lane + size;
  }
  for (int i = 0; i < b->lanes; i++) {
    if (i & size) continue;
    LLVMValueRef x = rows[i], y = rows[i + size];
    rows[i] = build_shuffle(b, x, y, lower, b->lanes);
    rows[i + size] = build_shuffle(b, x, y, upper, b->lanes);
  }
}

// b along k: `lanes` columns at a time are read along k and turned. Columns past the end repeat the last.
static void pack_transposed(Emitter *e, const Product *p, LLVMValueRef from, LLVMValueRef column, int width,
                            LLVMValueRef length, EmitPoint *point) {
  Builder *b = &e->b;
  LLVMValueRef last = LLVMBuildNSWSub(b->builder, p->columns.stop, build_index(b, 1), "");
  bool is_unit = p->b_stride[0] == b->element_bytes;
  for (int j = 0; j < width; j++) {
    EmitLoop loop;
    emit_loop_begin(e, point, &loop, IR_NONE, build_index(b, 0), length, b->lanes, false, NULL, 0);
    LLVMValueRef rows[64];
    for (int i = 0; i < b->lanes; i++) {
      LLVMValueRef n = build_index_min(b, build_index_add(b, column, build_index(b, j * b->lanes + i)), last);
      LLVMValueRef at = product_advance(b, product_advance(b, from, n, p->b_stride[1]), loop.index, p->b_stride[0]);
      if (is_unit) {
        rows[i] = build_load(b, b->vector, at);
        continue;
      }
      LLVMValueRef left =
          LLVMBuildNSWSub(b->builder, LLVMBuildNSWSub(b->builder, length, build_index(b, 1), ""), loop.index, "");
      rows[i] = LLVMGetPoison(b->vector);
      for (int lane = 0; lane < b->lanes; lane++) {
        LLVMValueRef k = build_index_min(b, build_index(b, lane), left);
        rows[i] = build_insert(b, rows[i], build_load(b, b->element, product_advance(b, at, k, p->b_stride[0])), lane);
      }
    }
    for (int size = b->lanes / 2; size > 0; size /= 2) exchange(b, rows, size);
    for (int i = 0; i < b->lanes; i++) {
      LLVMValueRef k = build_index_add(b, loop.index, build_index(b, i));
      LLVMValueRef to = product_advance(b, p->pack, k, (int64_t)width * b->lanes * b->element_bytes);
      build_store(b, rows[i], build_byte_offset(b, to, build_index(b, (int64_t)j * b->lanes * b->element_bytes)));
    }
    emit_loop_end(e, point, &loop, NULL);
  }
}

static void pack_copied(Emitter *e, const Product *p, LLVMValueRef from, LLVMValueRef column, int width,
                        LLVMValueRef length, EmitPoint *point) {
  Builder *b = &e->b;
  EmitLoop loop;
  int64_t vector_bytes = (int64_t)b->lanes * b->element_bytes;
  emit_loop_begin(e, point, &loop, IR_NONE, build_index(b, 0), length, 1, false, NULL, 0);
  LLVMValueRef at = product_advance(b, product_advance(b, from, column, p->b_stride[1]), loop.index, p->b_stride[0]);
  LLVMValueRef to = product_advance(b, p->pack, loop.index, width * vector_bytes);
  for (int j = 0; j < width; j++) {
    LLVMValueRef offset = build_index(b, j * vector_bytes);
    build_store(b, build_load(b, b->vector, build_byte_offset(b, at, offset)), build_byte_offset(b, to, offset));
  }
  emit_loop_end(e, point, &loop, NULL);
}

void product_pack(Emitter *e, const Product *p, LLVMValueRef from, LLVMValueRef column, int width, LLVMValueRef length,
                  EmitPoint *point) {
  if (p->b_stride[1] == e->b.element_bytes) pack_copied(e, p, from, column, width, length, point);
  else pack_transposed(e, p, from, column, width, length, point);
}
