// Products by register tiles (BLIS, Van Zee and van de Geijn 2015, without the packing of a):
//
//   for panels of n, a few vectors wide          b's panel packed where its rows are far apart or lie along k
//     for rows of m that fit the first cache     only where c is staged
//       for stretches of k                       only where b's panel exceeds the second cache
//         for tiles: rows x vectors accumulators
//           for k: c += broadcast(a) * b
//
// The order of a sum depends on the shape alone: k is never split by threads or blocks.
#include "compiler/codegen/product.h"

#include "compiler/ir/order.h"

enum {
  MAX_ROWS = 16,
  PACK_REUSE = 4,      // tiles of rows that pay for packing b
  PREFETCH_DEPTH = 64, // steps of k behind which a cache line arrives
  PREFETCH_AHEAD = 12, // steps of k that b's lines are asked for before they are wanted
  FAR = 1024           // bytes between lines that no stream announces
};

// ---- the shape of tiles

// Cycles for one k over all tiles of `rows` rows: two multiply-adds and two loads a cycle, four cycles to the result.
static double tile_cycles(int rows, int vectors) {
  double work = rows * vectors / 2.0, loads = (rows + vectors) / 2.0, cycles = 4;
  if (work > cycles) cycles = work;
  if (loads > cycles) cycles = loads;
  return cycles + 0.25;
}

static void tail_rows(int64_t length, int rows, int64_t *whole, int tails[2]) {
  *whole = length / rows;
  int rest = (int)(length % rows);
  tails[0] = rest;
  tails[1] = 0;
  if (rest == 0 || *whole == 0 || 2 * rest >= rows) return;
  --*whole; // two tiles of about the same height rather than a whole and a thin one
  tails[0] = (rest + rows + 1) / 2;
  tails[1] = (rest + rows) / 2;
}

static double column_cycles(int64_t length, int rows, int vectors) {
  int64_t whole;
  int tails[2];
  tail_rows(length, rows, &whole, tails);
  double cycles = (double)whole * tile_cycles(rows, vectors);
  for (int i = 0; i < 2; i++)
    if (tails[i]) cycles += tile_cycles(tails[i], vectors);
  return cycles;
}

static void choose_tiles(Emitter *e, Product *p) {
  const ScheduleTarget *target = &e->schedule->target;
  int64_t length = p->rows.full, vectors = (p->columns.full + e->b.lanes - 1) / e->b.lanes;
  double best_of_width[PRODUCT_MAX_VECTORS + 1] = {0};
  for (int width = 1; width <= PRODUCT_MAX_VECTORS; width++) {
    p->rows_of_width[width] = 1;
    best_of_width[width] = column_cycles(length, 1, width);
    for (int rows = 2; rows <= MAX_ROWS && rows <= length; rows++) {
      int registers = rows * width + width + (target->has_fma ? 1 : 2);
      if (registers > target->registers) break;
      double cycles = column_cycles(length, rows, width);
      bool usual = rows == target->tile_rows && width == target->tile_vectors;
      if (cycles * (usual ? 1 : 1.01) >= best_of_width[width]) continue;
      best_of_width[width] = cycles;
      p->rows_of_width[width] = rows;
    }
  }
  double best = 0;
  for (int width = 1; width <= PRODUCT_MAX_VECTORS; width++) {
    if (width + (target->has_fma ? 2 : 3) + width > target->registers || (width > vectors && width > 1)) break;
    double cycles = (double)(vectors / width) * best_of_width[width];
    if (vectors % width) cycles += best_of_width[vectors % width];
    if (width == target->tile_vectors) cycles *= 0.97;
    if (width > 1 && cycles >= best) continue;
    best = cycles;
    p->width = width;
  }
}

// ---- tiles

typedef struct {
  int width;                                // vectors of this panel
  LLVMValueRef column[PRODUCT_MAX_VECTORS]; // n of each vector
  uint32_t stamp[PRODUCT_MAX_VECTORS];
  int column_level;             // of the point, for the direct epilogue; -1: n is no axis
  LLVMValueRef b_start;         // the panel at k = 0 of the stretch
  int64_t b_stride;             // bytes from k to k + 1
  LLVMValueRef first_k, length; // the stretch
  LLVMValueRef stage_row;       // m of the staged panel's first row
  bool accumulate;              // onto what is staged
} Panel;

static LLVMValueRef stage_place(Emitter *e, const Product *p, const Panel *panel, LLVMValueRef row, int r, int j) {
  Builder *b = &e->b;
  LLVMValueRef relative = LLVMBuildNSWSub(b->builder, row, panel->stage_row, "");
  int64_t bytes = (int64_t)b->lanes * b->element_bytes;
  LLVMValueRef start = product_advance(b, p->stage, relative, panel->width * bytes);
  return build_byte_offset(b, start, build_index(b, (r * panel->width + j) * bytes));
}

// The point of a tile's row and vector.
static EmitPoint within_tile(Emitter *e, const Product *p, const Panel *panel, const EmitPoint *point, LLVMValueRef row,
                             int r, int j) {
  EmitPoint at = *point;
  at.vector_axis = p->n;
  if (p->m != IR_NONE) {
    at.level[at.depth - 1].index = build_index_add(&e->b, row, build_index(&e->b, r));
    at.level[at.depth - 1].stamp = emit_stamp(e);
  }
  at.level[panel->column_level].index = panel->column[j];
  at.level[panel->column_level].stamp = p->m == IR_NONE ? emit_stamp(e) : panel->stamp[j];
  return at;
}

static bool is_prefetched(const Emitter *e, const IrBuffer *buffers, int count, IrBuffer buffer) {
  const BufferPlan *plan = &e->schedule->plans[buffer];
  for (int i = 0; i < count; i++)
    if (e->schedule->plans[buffers[i]].offset == plan->offset) return true;
  return plan->place != PLACE_MEMORY;
}

// What the epilogue reads and writes lies a row apart, in lines that no stream announces: they are asked for before the
// sum is made.
static void prefetch_tile(Emitter *e, const Product *p, const Panel *panel, const EmitPoint *point, LLVMValueRef row,
                          int rows) {
  enum { MOST = 8 };
  IrBuffer buffers[MOST];
  int count = 0;
  for (size_t i = 0; i < p->operation->statement_count; i++) {
    const KernelStatement *statement = &p->operation->statements[i];
    IrOrder order = ir_order(e->program, statement->value, NULL, NULL);
    for (size_t v = 0; v <= order.count; v++) { // the last: the target
      const IrValueInfo *info = v < order.count ? &e->program->values.items[order.values[v]] : NULL;
      if (info && (info->kind != VALUE_READ || info->axes != (ir_axis_bit(p->m) | ir_axis_bit(p->n)))) continue;
      IrBuffer buffer = info ? info->buffer : statement->target;
      const IrIndex *index = info ? info->index : statement->index;
      if (count == MOST || is_prefetched(e, buffers, count, buffer)) continue;
      buffers[count++] = buffer;
      for (int r = 0; r < rows; r++)
        for (int j = 0; j < panel->width; j++) {
          int64_t stride;
          EmitPoint at = within_tile(e, p, panel, point, row, r, j);
          build_prefetch(&e->b, emit_address(e, &at, buffer, index, &stride));
        }
    }
    ir_order_free(&order);
  }
}

// One tile of `rows` rows from `row` on; the point's innermost level is m's, if m is an axis.
static void tile(Emitter *e, const Product *p, const Panel *panel, EmitPoint *point, LLVMValueRef row, int rows) {
  Builder *b = &e->b;
  LLVMValueRef carried[MAX_ROWS * PRODUCT_MAX_VECTORS + 2];
  int width = panel->width, count = rows * width;
  if (!p->is_staged && p->m != IR_NONE && p->depth >= PREFETCH_DEPTH) prefetch_tile(e, p, panel, point, row, rows);
  for (int i = 0; i < count; i++)
    carried[i] = panel->accumulate ? build_load(b, b->vector, stage_place(e, p, panel, row, i / width, i % width))
                                   : build_zero_vector(b);
  LLVMValueRef a =
      product_advance(b, product_advance(b, p->a_start, row, p->a_stride[0]), panel->first_k, p->a_stride[1]);
  carried[count] = a;
  carried[count + 1] = panel->b_start;
  EmitLoop loop;
  emit_loop_begin(e, point, &loop, IR_NONE, build_index(b, 0), panel->length, 1, false, carried, count + 2);
  LLVMValueRef vectors[PRODUCT_MAX_VECTORS];
  int64_t bytes = (int64_t)b->lanes * b->element_bytes;
  for (int j = 0; j < width; j++)
    vectors[j] = build_load(b, b->vector, build_byte_offset(b, carried[count + 1], build_index(b, j * bytes)));
  if (!p->is_packed && p->depth >= PREFETCH_DEPTH && panel->b_stride >= FAR)
    for (int j = 0; j < width; j++)
      build_prefetch(
          b, build_byte_offset(b, carried[count + 1], build_index(b, PREFETCH_AHEAD * panel->b_stride + j * bytes)));
  for (int r = 0; r < rows; r++) {
    LLVMValueRef at = build_byte_offset(b, carried[count], build_index(b, r * p->a_stride[0]));
    LLVMValueRef factor = build_splat(b, build_load(b, b->element, at));
    for (int j = 0; j < width; j++) carried[r * width + j] = build_fma(b, factor, vectors[j], carried[r * width + j]);
  }
  carried[count] = build_byte_offset(b, carried[count], build_index(b, p->a_stride[1]));
  carried[count + 1] = build_byte_offset(b, carried[count + 1], build_index(b, panel->b_stride));
  emit_loop_end(e, point, &loop, carried);
  if (p->is_staged) {
    for (int i = 0; i < count; i++) build_store(b, carried[i], stage_place(e, p, panel, row, i / width, i % width));
    return;
  }
  for (int i = 0; i < count; i++) {
    EmitPoint at = within_tile(e, p, panel, point, row, i / width, i % width);
    product_direct_epilogue(e, p, &at, carried[i]);
  }
}

static void tail_tiles(Emitter *e, const Product *p, const Panel *panel, EmitPoint *point, LLVMValueRef row,
                       const int tails[2]) {
  Builder *b = &e->b;
  if (tails[0] == tails[1]) {
    EmitLoop loop;
    LLVMValueRef stop = build_index_add(b, row, build_index(b, 2 * tails[0]));
    emit_loop_begin(e, point, &loop, p->m, row, stop, tails[0], false, NULL, 0);
    tile(e, p, panel, point, loop.index, tails[0]);
    emit_loop_end(e, point, &loop, NULL);
    return;
  }
  for (int i = 0; i < 2 && tails[i]; i++) {
    if (p->m != IR_NONE) emit_push(e, point, p->m, row);
    tile(e, p, panel, point, row, tails[i]);
    if (p->m != IR_NONE) point->depth--;
    row = build_index_add(b, row, build_index(b, tails[i]));
  }
}

// All tiles of the rows start .. stop, whose number is one of `lengths`.
static void tiles(Emitter *e, const Product *p, const Panel *panel, EmitPoint *point, LLVMValueRef start,
                  LLVMValueRef stop, const int64_t *lengths, int length_count) {
  Builder *b = &e->b;
  int rows = p->rows_of_width[panel->width];
  LLVMValueRef length = LLVMBuildNSWSub(b->builder, stop, start, ""), whole_rows = NULL;
  bool may_be_none = false, any = false;
  for (int i = 0; i < length_count; i++) {
    int64_t whole;
    int tails[2];
    tail_rows(lengths[i], rows, &whole, tails);
    may_be_none |= whole == 0;
    any |= whole > 0;
    LLVMValueRef is_it = LLVMBuildICmp(b->builder, LLVMIntEQ, length, build_index(b, lengths[i]), "");
    LLVMValueRef own = build_index(b, whole * rows);
    whole_rows = whole_rows ? LLVMBuildSelect(b->builder, is_it, own, whole_rows, "") : own;
  }
  LLVMValueRef between = build_index_add(b, start, whole_rows);
  if (any && p->m == IR_NONE) {
    tile(e, p, panel, point, start, 1);
  } else if (any) {
    EmitLoop loop;
    emit_loop_begin(e, point, &loop, p->m, start, between, rows, may_be_none, NULL, 0);
    tile(e, p, panel, point, loop.index, rows);
    emit_loop_end(e, point, &loop, NULL);
  }
  for (int i = 0; i < length_count; i++) {
    int64_t whole;
    int tails[2];
    tail_rows(lengths[i], rows, &whole, tails);
    if (!tails[0]) continue;
    if (length_count == 1) {
      tail_tiles(e, p, panel, point, between, tails);
      continue;
    }
    LLVMBasicBlockRef run = build_block(b, "tail"), after = build_block(b, "after");
    LLVMValueRef is_it = LLVMBuildICmp(b->builder, LLVMIntEQ, length, build_index(b, lengths[i]), "");
    LLVMValueRef branch = LLVMBuildCondBr(b->builder, is_it, run, after);
    point->level[point->depth - 1].before = branch;
    LLVMPositionBuilderAtEnd(b->builder, run);
    emit_push(e, point, IR_NONE, NULL); // what is emitted here is not seen after
    tail_tiles(e, p, panel, point, between, tails);
    point->depth--;
    LLVMBuildBr(b->builder, after);
    LLVMPositionBuilderAtEnd(b->builder, after);
    point->level[point->depth - 1].before = NULL;
  }
}

static int distinct(int64_t *lengths, int count, int64_t length) {
  for (int i = 0; i < count; i++)
    if (lengths[i] == length) return count;
  if (length > 0) lengths[count++] = length;
  return count;
}

// Rows one stage high (or all), stretches of k inside, then the epilogue where c is staged.
static void row_bands(Emitter *e, Product *p, Panel *panel, EmitPoint *point) {
  Builder *b = &e->b;
  LLVMValueRef start = p->rows.start, stop = p->rows.stop;
  int64_t lengths[4], whole[2] = {p->rows.full, p->rows.last}, band = p->is_staged ? p->stage_rows : p->rows.full;
  int length_count = 0;
  bool several = p->rows.full > band || p->rows.last > band;
  EmitLoop bands;
  for (int i = 0; i < 2; i++) {
    if (whole[i] >= band) length_count = distinct(lengths, length_count, band);
    length_count = distinct(lengths, length_count, whole[i] % band);
  }
  if (several) {
    emit_loop_begin(e, point, &bands, IR_NONE, start, stop, band, false, NULL, 0);
    start = bands.index;
    stop = build_index_min(b, build_index_add(b, start, build_index(b, band)), stop);
  }
  panel->stage_row = start;
  bool stretched = p->depth > p->stretch;
  LLVMValueRef panel_start = panel->b_start;
  EmitLoop stretches;
  if (stretched) {
    // The stage starts from zero, and every stretch adds to it.
    EmitLoop clear;
    emit_loop_begin(e, point, &clear, IR_NONE, start, stop, 1, false, NULL, 0);
    for (int j = 0; j < panel->width; j++)
      build_store(b, build_zero_vector(b), stage_place(e, p, panel, clear.index, 0, j));
    emit_loop_end(e, point, &clear, NULL);
    emit_loop_begin(e, point, &stretches, IR_NONE, build_index(b, 0), build_index(b, p->depth), p->stretch, false, NULL,
                    0);
    panel->first_k = stretches.index;
    LLVMValueRef left = LLVMBuildNSWSub(b->builder, build_index(b, p->depth), stretches.index, "");
    panel->length = build_index_min(b, left, build_index(b, p->stretch));
    panel->accumulate = true;
    panel->b_start = product_advance(b, panel_start, stretches.index, p->b_stride[0]);
    if (p->is_packed) {
      LLVMValueRef from = product_advance(b, p->b_start, stretches.index, p->b_stride[0]);
      product_pack(e, p, from, panel->column[0], panel->width, panel->length, point);
      panel->b_start = p->pack;
    }
  }
  tiles(e, p, panel, point, start, stop, lengths, length_count);
  if (stretched) emit_loop_end(e, point, &stretches, NULL);
  panel->b_start = panel_start;
  if (p->is_staged) {
    LLVMValueRef end = build_index_add(b, panel->column[0], build_index(b, (int64_t)panel->width * b->lanes));
    int64_t width = (int64_t)panel->width * b->lanes;
    EmitRange ranges[2] = {{start, stop, lengths[0], length_count == 1 ? lengths[0] : 0},
                           {panel->column[0], build_index_min(b, end, p->columns.stop), width, width}};
    if (p->m == IR_NONE) ranges[0] = p->rows;
    product_staged_epilogue(e, p, ranges, (int64_t[]){width, 1}, 1);
  }
  if (several) emit_loop_end(e, point, &bands, NULL);
}

static void panel_of(Emitter *e, Product *p, EmitPoint *point, LLVMValueRef column, int width) {
  Builder *b = &e->b;
  Panel panel = {.width = width, .column_level = point->depth - 1, .first_k = build_index(b, 0)};
  panel.length = build_index(b, p->depth);
  for (int j = 0; j < width; j++) {
    panel.column[j] = build_index_add(b, column, build_index(b, (int64_t)j * b->lanes));
    panel.stamp[j] = emit_stamp(e);
  }
  panel.b_start = product_advance(b, p->b_start, column, p->b_stride[1]);
  panel.b_stride = p->b_stride[0];
  if (p->is_packed) {
    panel.b_stride = (int64_t)width * b->lanes * b->element_bytes;
    if (p->depth <= p->stretch) {
      panel.b_start = p->pack;
      product_pack(e, p, p->b_start, column, width, panel.length, point);
    }
  }
  row_bands(e, p, &panel, point);
}

void product_outer(Emitter *e, Product *p) {
  Builder *b = &e->b;
  const ScheduleTarget *target = &e->schedule->target;
  int64_t lanes = b->lanes, vector_bytes = lanes * b->element_bytes;
  choose_tiles(e, p);
  int64_t row_bytes = p->width * vector_bytes;
  p->stretch = target->l2_bytes / 4 / row_bytes / lanes * lanes;
  if (p->depth > p->stretch) { // of about the same length
    int64_t count = (p->depth + p->stretch - 1) / p->stretch;
    p->stretch = ((p->depth + count - 1) / count + lanes - 1) / lanes * lanes;
  }
  p->is_staged = p->depth > p->stretch || !product_is_light(e, p);
  int rows = p->rows_of_width[p->width];
  bool is_far = p->b_stride[0] % 1024 == 0 || p->b_stride[0] >= 4096;
  p->is_packed = p->b_stride[1] != b->element_bytes || (is_far && p->rows.full >= PACK_REUSE * rows && p->depth >= 16);
  if (p->is_staged) {
    p->stage_rows = PRODUCT_STAGE_BYTES / row_bytes / rows * rows;
    if (p->stage_rows > p->rows.full) p->stage_rows = p->rows.full;
    p->stage = build_stack(b, b->vector, p->stage_rows * p->width);
  }
  if (p->is_packed) {
    int64_t deep = p->depth < p->stretch ? (p->depth + lanes - 1) / lanes * lanes : p->stretch;
    p->pack = build_stack(b, b->vector, deep * p->width);
  }
  // Whole panels, then the narrower one that is left: its width may differ in the last block.
  EmitPoint point = emit_point(e);
  int64_t vectors[2] = {(p->columns.full + lanes - 1) / lanes, (p->columns.last + lanes - 1) / lanes};
  bool is_fixed = vectors[0] == vectors[1];
  LLVMValueRef length = LLVMBuildNSWSub(b->builder, p->columns.stop, p->columns.start, "");
  LLVMValueRef is_last = LLVMBuildICmp(b->builder, LLVMIntEQ, length, build_index(b, p->columns.last), "");
  LLVMValueRef whole = build_index(b, vectors[0] / p->width * p->width * lanes);
  if (!is_fixed)
    whole = LLVMBuildSelect(b->builder, is_last, build_index(b, vectors[1] / p->width * p->width * lanes), whole, "");
  LLVMValueRef between = build_index_add(b, p->columns.start, whole);
  if (vectors[0] >= p->width) {
    EmitLoop loop;
    emit_loop_begin(e, &point, &loop, p->n, p->columns.start, between, p->width * lanes, vectors[1] < p->width, NULL,
                    0);
    panel_of(e, p, &point, loop.index, p->width);
    emit_loop_end(e, &point, &loop, NULL);
  }
  for (int i = 0; i < (is_fixed ? 1 : 2); i++) {
    int width = (int)(vectors[i] % p->width);
    if (!width) continue;
    LLVMBasicBlockRef after = NULL;
    if (!is_fixed) {
      LLVMBasicBlockRef run = build_block(b, "narrow");
      after = build_block(b, "after");
      if (i) LLVMBuildCondBr(b->builder, is_last, run, after);
      else LLVMBuildCondBr(b->builder, is_last, after, run);
      LLVMPositionBuilderAtEnd(b->builder, run);
    }
    EmitPoint narrow = emit_point(e);
    emit_push(e, &narrow, p->n, between);
    panel_of(e, p, &narrow, between, width);
    if (!after) continue;
    LLVMBuildBr(b->builder, after);
    LLVMPositionBuilderAtEnd(b->builder, after);
  }
}
