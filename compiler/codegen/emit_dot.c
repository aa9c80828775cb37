// Products whose factors both lie along k: vectors along k for small tiles of m and n, sums across the lanes at the
// end, c staged for the epilogue. For narrow layers, where a tile of vectors along n would be mostly empty.
#include "compiler/codegen/product.h"

static LLVMValueRef sum_lanes(Builder *b, LLVMValueRef x) {
  if (!build_is_vector(x)) return x;
  for (int half = b->lanes / 2; half > 0; half /= 2) {
    int lanes[64];
    for (int i = 0; i < b->lanes; i++) lanes[i] = i < half ? i + half : i;
    x = build_add(b, x, build_shuffle(b, x, x, lanes, b->lanes));
  }
  return build_extract(b, x, 0);
}

typedef struct {
  int64_t rows, columns;         // of a tile
  bool is_vector;                // along k
  const EmitRange *band, *strip; // of m and n that is staged
  int64_t stride[2];             // of the stage, elements
} Dots;

static void dot_tile(Emitter *e, const Product *p, const Dots *dots, EmitPoint *point, LLVMValueRef row,
                     LLVMValueRef column, int rows, int columns) {
  Builder *b = &e->b;
  LLVMValueRef sum[16], a[4], one = build_scalar(b, 0);
  int64_t unit = dots->is_vector ? b->lanes : 1, whole = p->depth / unit * unit;
  LLVMTypeRef type = dots->is_vector ? b->vector : b->element;
  for (int i = 0; i < rows * columns; i++) sum[i] = dots->is_vector ? build_zero_vector(b) : one;
  LLVMValueRef a_row = product_advance(b, p->a_start, row, p->a_stride[0]);
  LLVMValueRef b_column = product_advance(b, p->b_start, column, p->b_stride[1]);
  for (int part = 0; part < 2; part++) {
    EmitLoop loop;
    LLVMValueRef k = build_index(b, whole), inside = NULL;
    if (part == 0 && whole == 0) continue;
    if (part == 1 && whole == p->depth) continue;
    if (part == 0) {
      emit_loop_begin(e, point, &loop, IR_NONE, build_index(b, 0), k, unit, false, sum, rows * columns);
      k = loop.index;
    } else {
      LLVMValueRef lanes[64];
      for (int i = 0; i < b->lanes; i++)
        lanes[i] = LLVMConstInt(LLVMInt1TypeInContext(b->context), whole + i < p->depth, 0);
      inside = LLVMConstVector(lanes, (unsigned)b->lanes);
    }
    for (int r = 0; r < rows; r++) {
      LLVMValueRef at =
          product_advance(b, build_byte_offset(b, a_row, build_index(b, r * p->a_stride[0])), k, p->a_stride[1]);
      a[r] = build_load(b, type, at);
      if (inside) a[r] = build_select(b, inside, a[r], build_zero_vector(b));
    }
    for (int c = 0; c < columns; c++) {
      LLVMValueRef at =
          product_advance(b, build_byte_offset(b, b_column, build_index(b, c * p->b_stride[1])), k, p->b_stride[0]);
      LLVMValueRef factor = build_load(b, type, at);
      if (inside) factor = build_select(b, inside, factor, build_zero_vector(b));
      for (int r = 0; r < rows; r++) sum[r * columns + c] = build_fma(b, a[r], factor, sum[r * columns + c]);
    }
    if (part == 0) emit_loop_end(e, point, &loop, sum);
  }
  LLVMValueRef place = p->stage;
  place = product_advance(b, place, LLVMBuildNSWSub(b->builder, row, dots->band->start, ""),
                          dots->stride[0] * b->element_bytes);
  place = product_advance(b, place, LLVMBuildNSWSub(b->builder, column, dots->strip->start, ""),
                          dots->stride[1] * b->element_bytes);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < columns; c++) {
      int64_t offset = (r * dots->stride[0] + c * dots->stride[1]) * b->element_bytes;
      build_store(b, sum_lanes(b, sum[r * columns + c]), build_byte_offset(b, place, build_index(b, offset)));
    }
}

// start .. stop in steps of `size`, then of 1; the body is written once for each step.
static void dot_columns(Emitter *e, const Product *p, const Dots *dots, EmitPoint *point, LLVMValueRef row, int rows) {
  Builder *b = &e->b;
  LLVMValueRef start = dots->strip->start, stop = dots->strip->stop;
  LLVMValueRef length = LLVMBuildNSWSub(b->builder, stop, start, "");
  LLVMValueRef whole = LLVMBuildMul(b->builder, LLVMBuildUDiv(b->builder, length, build_index(b, dots->columns), ""),
                                    build_index(b, dots->columns), "");
  LLVMValueRef between = build_index_add(b, start, whole);
  EmitLoop loop;
  emit_loop_begin(e, point, &loop, IR_NONE, start, between, dots->columns, true, NULL, 0);
  dot_tile(e, p, dots, point, row, loop.index, rows, (int)dots->columns);
  emit_loop_end(e, point, &loop, NULL);
  if (dots->columns == 1) return;
  emit_loop_begin(e, point, &loop, IR_NONE, between, stop, 1, true, NULL, 0);
  dot_tile(e, p, dots, point, row, loop.index, rows, 1);
  emit_loop_end(e, point, &loop, NULL);
}

static void dot_rows(Emitter *e, const Product *p, const Dots *dots, EmitPoint *point) {
  Builder *b = &e->b;
  LLVMValueRef start = dots->band->start, stop = dots->band->stop;
  LLVMValueRef length = LLVMBuildNSWSub(b->builder, stop, start, "");
  LLVMValueRef whole = LLVMBuildMul(b->builder, LLVMBuildUDiv(b->builder, length, build_index(b, dots->rows), ""),
                                    build_index(b, dots->rows), "");
  LLVMValueRef between = build_index_add(b, start, whole);
  EmitLoop loop;
  emit_loop_begin(e, point, &loop, IR_NONE, start, between, dots->rows, true, NULL, 0);
  dot_columns(e, p, dots, point, loop.index, (int)dots->rows);
  emit_loop_end(e, point, &loop, NULL);
  if (dots->rows == 1) return;
  emit_loop_begin(e, point, &loop, IR_NONE, between, stop, 1, true, NULL, 0);
  dot_columns(e, p, dots, point, loop.index, 1);
  emit_loop_end(e, point, &loop, NULL);
}

void product_dot(Emitter *e, Product *p) {
  Builder *b = &e->b;
  int64_t bytes = b->element_bytes, lanes = b->lanes;
  Dots dots = {.is_vector = p->a_stride[1] == bytes && p->b_stride[0] == bytes && p->depth > 1};
  dots.rows = p->rows.full < 4 ? p->rows.full : 4;
  dots.columns = p->columns.full < 2                                          ? p->columns.full
                 : e->schedule->target.registers > 16 && p->columns.full >= 4 ? 4
                                                                              : 2;
  // Epilogues run along the axis that the targets are contiguous in.
  int along = 1;
  if (p->n == IR_NONE) along = 0;
  else if (p->m != IR_NONE && p->operation->statement_count > 0)
    along = product_contiguous_along(e, &p->operation->statements[0], p->m) &&
                    !product_contiguous_along(e, &p->operation->statements[0], p->n)
                ? 0
                : 1;
  int64_t strip = p->columns.full < 64 ? p->columns.full : 64;
  int64_t padded = (strip + lanes - 1) / lanes * lanes;
  int64_t band = PRODUCT_STAGE_BYTES / bytes / padded / 4 * 4;
  if (band > p->rows.full) band = p->rows.full;
  int64_t padded_band = (band + lanes - 1) / lanes * lanes;
  dots.stride[along] = 1;
  dots.stride[!along] = along ? padded : padded_band;
  p->stage = build_stack(b, b->element, along ? band * padded : padded_band * strip);
  EmitPoint point = emit_point(e);
  EmitLoop bands, strips;
  emit_loop_begin(e, &point, &bands, IR_NONE, p->rows.start, p->rows.stop, band, false, NULL, 0);
  emit_loop_begin(e, &point, &strips, IR_NONE, p->columns.start, p->columns.stop, strip, false, NULL, 0);
  bool whole_rows = p->rows.full == band && p->rows.last == band,
       whole_columns = p->columns.full == strip && p->columns.last == strip;
  EmitRange ranges[2] = {
      {bands.index, build_index_min(b, build_index_add(b, bands.index, build_index(b, band)), p->rows.stop), band,
       whole_rows ? band : 0},
      {strips.index, build_index_min(b, build_index_add(b, strips.index, build_index(b, strip)), p->columns.stop),
       strip, whole_columns ? strip : 0}};
  dots.band = &ranges[0];
  dots.strip = &ranges[1];
  dot_rows(e, p, &dots, &point);
  product_staged_epilogue(e, p, ranges, dots.stride, along);
  emit_loop_end(e, &point, &strips, NULL);
  emit_loop_end(e, &point, &bands, NULL);
}
