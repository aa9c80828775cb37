// PRODUCT operations: c[m, n] = sum over k of a[m, k] * b[k, n], then the epilogue on c.
//
// OUTER form (register tiles; BLIS, Van Zee and van de Geijn 2015, without the packing of a):
//
//   for panels of n, a few vectors wide          b's panel packed where its rows are far apart or lie along k
//     for rows of m that fit the first cache     only where c is staged
//       for stretches of k                       only where b's panel exceeds the second cache
//         for tiles: rows x vectors accumulators
//           for k: c += broadcast(a) * b
//
// A light epilogue works on the accumulators. Otherwise c is staged: tiles go to a small panel on the stack, and the
// epilogue runs over it as a loop nest (emit_loop.c), so that activations are emitted once and not once a tile.
// DOT form: vectors along k for small tiles of m and n, sums across the lanes, staged. BLAS: one call through services.
#include "compiler/backend/emit.h"

#include <stddef.h>

enum {
  MAX_ROWS = 16,
  MAX_VECTORS = 6,
  LIGHT_EPILOGUE = 8,     // operations an element that are worth a copy in every tile
  STAGE_BYTES = 16 << 10, // of c
  PACK_REUSE = 4          // tiles of rows that pay for packing b
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
  int rows_of_width[MAX_VECTORS + 1]; // tile rows for each panel width
  int width;                          // vectors of a whole panel
} Product;

// ---- operands

static int64_t stride_along(const Emitter *e, IrValue read, IrAxis axis) {
  const IrValueInfo *info = &e->program->values.items[read];
  const BufferPlan *plan = &e->schedule->plans[info->buffer];
  int64_t stride = 0;
  for (int d = 0; d < e->program->buffers.items[info->buffer].dimensions; d++)
    if (axis != IR_NONE && info->index[d].axis == axis) stride += plan->stride[d];
  return stride * e->b.element_bytes;
}

// The operand's address at index 0 of m, n and k.
static LLVMValueRef start_of(Emitter *e, const Product *p, IrValue read) {
  EmitPoint point = emit_point(e);
  IrAxis axes[3] = {p->m, p->n, p->k};
  for (int i = 0; i < 3; i++)
    if (axes[i] != IR_NONE) emit_push(e, &point, axes[i], build_index(&e->b, 0));
  const IrValueInfo *info = &e->program->values.items[read];
  int64_t stride;
  return emit_address(e, &point, info->buffer, info->index, &stride);
}

static LLVMValueRef advance(Builder *b, LLVMValueRef pointer, LLVMValueRef index, int64_t stride) {
  return build_byte_offset(b, pointer, build_index_mul(b, index, stride));
}

// ---- epilogues

static IrAxisSet statement_axes(const Emitter *e, const KernelStatement *statement) {
  IrAxisSet axes = 0;
  for (int d = 0; d < e->program->buffers.items[statement->target].dimensions; d++)
    if (statement->index[d].axis != IR_NONE) axes |= ir_axis_bit(statement->index[d].axis);
  return axes;
}

static bool contiguous_along(const Emitter *e, const KernelStatement *statement, IrAxis axis) {
  const BufferPlan *plan = &e->schedule->plans[statement->target];
  if (plan->place == PLACE_REGISTER || plan->place == PLACE_NOWHERE) return true;
  for (int d = 0; d < e->program->buffers.items[statement->target].dimensions; d++)
    if (axis != IR_NONE && statement->index[d].axis == axis) return plan->stride[d] == 1;
  return false;
}

// Few elementwise operations on whole vectors along n: done on the accumulators.
static bool is_light(Emitter *e, const Product *p) {
  IrAxisSet all = (p->m == IR_NONE ? 0 : ir_axis_bit(p->m)) | (p->n == IR_NONE ? 0 : ir_axis_bit(p->n));
  int64_t weight = 0;
  for (size_t i = 0; i < p->operation->statement_count; i++) {
    const KernelStatement *statement = &p->operation->statements[i];
    if (e->program->values.items[statement->value].kind == VALUE_REDUCE) return false;
    if (statement_axes(e, statement) != all || !contiguous_along(e, statement, p->n)) return false;
    weight += emit_weight(e, statement->value, all);
  }
  bool cuts_vectors = p->operation->block_axis == p->n && e->kernel->block_size % e->b.lanes != 0 &&
                      e->kernel->extent > e->kernel->block_size;
  return weight <= LIGHT_EPILOGUE && !cuts_vectors;
}

// All statements at one vector of accumulators.
static void direct_epilogue(Emitter *e, const Product *p, EmitPoint *point, LLVMValueRef c) {
  size_t before = e->assigned.count;
  e->argument = c;
  for (size_t i = 0; i < p->operation->statement_count; i++) {
    const KernelStatement *statement = &p->operation->statements[i];
    e->assigned_limit = e->assigned.count;
    emit_assign(e, point, statement, emit_value(e, point, statement->value));
    EmitAssigned assigned = {
        .buffer = statement->target, .index = statement->index, .value = statement->value, .is_visible = true};
    ARENA_PUSH(e->arena, &e->assigned, assigned);
  }
  e->assigned.count = e->assigned_limit = before;
  e->argument = NULL;
}

// The epilogue over a staged panel: a loop nest whose last loop is `vectors_along` (0: m, 1: n).
static void staged_epilogue(Emitter *e, const Product *p, const EmitRange ranges[2], const int64_t strides[2],
                            int vectors_along) {
  IrAxis axes[2] = {p->m, p->n};
  EmitNestLoop loops[2];
  int count = 0;
  for (int i = 0; i < 2; i++) {
    int which = i == 0 ? !vectors_along : vectors_along;
    if (axes[which] != IR_NONE) loops[count++] = (EmitNestLoop){axes[which], ranges[which]};
  }
  e->panel = p->stage;
  for (int i = 0; i < 2; i++) {
    e->panel_axis[i] = axes[i];
    e->panel_start[i] = ranges[i].start;
    e->panel_stride[i] = strides[i];
  }
  EmitPoint point = emit_point(e);
  emit_nest(e, &point, p->operation->statements, p->operation->statement_count, loops, count);
}

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
  double best_of_width[MAX_VECTORS + 1] = {0};
  for (int width = 1; width <= MAX_VECTORS; width++) {
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
  for (int width = 1; width <= MAX_VECTORS; width++) {
    if (width + (target->has_fma ? 2 : 3) + width > target->registers || (width > vectors && width > 1)) break;
    double cycles = (double)(vectors / width) * best_of_width[width];
    if (vectors % width) cycles += best_of_width[vectors % width];
    if (width == target->tile_vectors) cycles *= 0.97;
    if (width > 1 && cycles >= best) continue;
    best = cycles;
    p->width = width;
  }
}

// ---- packing b

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
      LLVMValueRef at = advance(b, advance(b, from, n, p->b_stride[1]), loop.index, p->b_stride[0]);
      if (is_unit) {
        rows[i] = build_load(b, b->vector, at);
        continue;
      }
      LLVMValueRef left =
          LLVMBuildNSWSub(b->builder, LLVMBuildNSWSub(b->builder, length, build_index(b, 1), ""), loop.index, "");
      rows[i] = LLVMGetPoison(b->vector);
      for (int lane = 0; lane < b->lanes; lane++) {
        LLVMValueRef k = build_index_min(b, build_index(b, lane), left);
        rows[i] = build_insert(b, rows[i], build_load(b, b->element, advance(b, at, k, p->b_stride[0])), lane);
      }
    }
    for (int size = b->lanes / 2; size > 0; size /= 2) exchange(b, rows, size);
    for (int i = 0; i < b->lanes; i++) {
      LLVMValueRef k = build_index_add(b, loop.index, build_index(b, i));
      LLVMValueRef to = advance(b, p->pack, k, (int64_t)width * b->lanes * b->element_bytes);
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
  LLVMValueRef at = advance(b, advance(b, from, column, p->b_stride[1]), loop.index, p->b_stride[0]);
  LLVMValueRef to = advance(b, p->pack, loop.index, width * vector_bytes);
  for (int j = 0; j < width; j++) {
    LLVMValueRef offset = build_index(b, j * vector_bytes);
    build_store(b, build_load(b, b->vector, build_byte_offset(b, at, offset)), build_byte_offset(b, to, offset));
  }
  emit_loop_end(e, point, &loop, NULL);
}

// ---- tiles

typedef struct {
  int width;                        // vectors of this panel
  LLVMValueRef column[MAX_VECTORS]; // n of each vector
  uint32_t stamp[MAX_VECTORS];
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
  LLVMValueRef start = advance(b, p->stage, relative, panel->width * bytes);
  return build_byte_offset(b, start, build_index(b, (r * panel->width + j) * bytes));
}

// One tile of `rows` rows from `row` on; the point's innermost level is m's, if m is an axis.
static void tile(Emitter *e, const Product *p, const Panel *panel, EmitPoint *point, LLVMValueRef row, int rows) {
  Builder *b = &e->b;
  LLVMValueRef carried[MAX_ROWS * MAX_VECTORS + 2];
  int width = panel->width, count = rows * width;
  for (int i = 0; i < count; i++)
    carried[i] = panel->accumulate ? build_load(b, b->vector, stage_place(e, p, panel, row, i / width, i % width))
                                   : build_zero_vector(b);
  LLVMValueRef a = advance(b, advance(b, p->a_start, row, p->a_stride[0]), panel->first_k, p->a_stride[1]);
  carried[count] = a;
  carried[count + 1] = panel->b_start;
  EmitLoop loop;
  emit_loop_begin(e, point, &loop, IR_NONE, build_index(b, 0), panel->length, 1, false, carried, count + 2);
  LLVMValueRef vectors[MAX_VECTORS];
  int64_t bytes = (int64_t)b->lanes * b->element_bytes;
  for (int j = 0; j < width; j++)
    vectors[j] = build_load(b, b->vector, build_byte_offset(b, carried[count + 1], build_index(b, j * bytes)));
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
    EmitPoint at = *point;
    at.vector_axis = p->n;
    if (p->m != IR_NONE) {
      at.level[at.depth - 1].index = build_index_add(b, row, build_index(b, i / width));
      at.level[at.depth - 1].stamp = emit_stamp(e);
    }
    at.level[panel->column_level].index = panel->column[i % width];
    at.level[panel->column_level].stamp = p->m == IR_NONE ? emit_stamp(e) : panel->stamp[i % width];
    direct_epilogue(e, p, &at, carried[i]);
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
    panel->b_start = advance(b, panel_start, stretches.index, p->b_stride[0]);
    if (p->is_packed) {
      LLVMValueRef from = advance(b, p->b_start, stretches.index, p->b_stride[0]);
      if (p->b_stride[1] == b->element_bytes)
        pack_copied(e, p, from, panel->column[0], panel->width, panel->length, point);
      else pack_transposed(e, p, from, panel->column[0], panel->width, panel->length, point);
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
    staged_epilogue(e, p, ranges, (int64_t[]){width, 1}, 1);
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
  panel.b_start = advance(b, p->b_start, column, p->b_stride[1]);
  panel.b_stride = p->b_stride[0];
  if (p->is_packed) {
    panel.b_stride = (int64_t)width * b->lanes * b->element_bytes;
    if (p->depth <= p->stretch) {
      panel.b_start = p->pack;
      if (p->b_stride[1] == b->element_bytes) pack_copied(e, p, p->b_start, column, width, panel.length, point);
      else pack_transposed(e, p, p->b_start, column, width, panel.length, point);
    }
  }
  row_bands(e, p, &panel, point);
}

static void emit_outer(Emitter *e, Product *p) {
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
  p->is_staged = p->depth > p->stretch || !is_light(e, p);
  int rows = p->rows_of_width[p->width];
  bool is_far = p->b_stride[0] % 1024 == 0 || p->b_stride[0] >= 4096;
  p->is_packed = p->b_stride[1] != b->element_bytes || (is_far && p->rows.full >= PACK_REUSE * rows && p->depth >= 16);
  if (p->is_staged) {
    p->stage_rows = STAGE_BYTES / row_bytes / rows * rows;
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

// ---- dot products

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
  LLVMValueRef a_row = advance(b, p->a_start, row, p->a_stride[0]);
  LLVMValueRef b_column = advance(b, p->b_start, column, p->b_stride[1]);
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
      LLVMValueRef at = advance(b, build_byte_offset(b, a_row, build_index(b, r * p->a_stride[0])), k, p->a_stride[1]);
      a[r] = build_load(b, type, at);
      if (inside) a[r] = build_select(b, inside, a[r], build_zero_vector(b));
    }
    for (int c = 0; c < columns; c++) {
      LLVMValueRef at =
          advance(b, build_byte_offset(b, b_column, build_index(b, c * p->b_stride[1])), k, p->b_stride[0]);
      LLVMValueRef factor = build_load(b, type, at);
      if (inside) factor = build_select(b, inside, factor, build_zero_vector(b));
      for (int r = 0; r < rows; r++) sum[r * columns + c] = build_fma(b, a[r], factor, sum[r * columns + c]);
    }
    if (part == 0) emit_loop_end(e, point, &loop, sum);
  }
  LLVMValueRef place = p->stage;
  place =
      advance(b, place, LLVMBuildNSWSub(b->builder, row, dots->band->start, ""), dots->stride[0] * b->element_bytes);
  place = advance(b, place, LLVMBuildNSWSub(b->builder, column, dots->strip->start, ""),
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

static void emit_dot(Emitter *e, Product *p) {
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
    along = contiguous_along(e, &p->operation->statements[0], p->m) &&
                    !contiguous_along(e, &p->operation->statements[0], p->n)
                ? 0
                : 1;
  int64_t strip = p->columns.full < 64 ? p->columns.full : 64;
  int64_t padded = (strip + lanes - 1) / lanes * lanes;
  int64_t band = STAGE_BYTES / bytes / padded / 4 * 4;
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
  staged_epilogue(e, p, ranges, dots.stride, along);
  emit_loop_end(e, &point, &strips, NULL);
  emit_loop_end(e, &point, &bands, NULL);
}

// ---- the library's products

// Where the library can write c: a target that is c itself, contiguous along n. NULL: none.
static const KernelStatement *plain_target(const Emitter *e, const Product *p) {
  for (size_t i = 0; i < p->operation->statement_count; i++) {
    const KernelStatement *statement = &p->operation->statements[i];
    BufferPlace place = e->schedule->plans[statement->target].place;
    if (e->program->values.items[statement->value].kind != VALUE_ARGUMENT ||
        (place != PLACE_MEMORY && place != PLACE_SCRATCH))
      continue;
    if (p->n == IR_NONE || contiguous_along(e, statement, p->n)) return statement;
  }
  return NULL;
}

static bool emit_blas(Emitter *e, Product *p) {
  Builder *b = &e->b;
  int64_t bytes = b->element_bytes, depth = p->depth;
  const KernelStatement *target = plain_target(e, p);
  bool a_plain = p->a_stride[1] == bytes || depth == 1, b_plain = p->b_stride[1] == bytes || p->n == IR_NONE;
  bool a_turned = p->a_stride[0] == bytes, b_turned = p->b_stride[0] == bytes;
  if (!target || !(a_plain || a_turned) || !(b_plain || b_turned) ||
      (p->n == IR_NONE && !b_turned && p->b_stride[0] == 0))
    return false;
  EmitPoint point = emit_point(e);
  IrAxis axes[2] = {p->m, p->n};
  const EmitRange *ranges[2] = {&p->rows, &p->columns};
  for (int i = 0; i < 2; i++)
    if (axes[i] != IR_NONE) emit_push(e, &point, axes[i], ranges[i]->start);
  int64_t stride, c_stride = 0;
  LLVMValueRef c = emit_address(e, &point, target->target, target->index, &stride);
  for (int d = 0; d < e->program->buffers.items[target->target].dimensions; d++)
    if (p->m != IR_NONE && target->index[d].axis == p->m) c_stride = e->schedule->plans[target->target].stride[d];
  LLVMTypeRef flag = LLVMInt32TypeInContext(b->context);
  LLVMTypeRef types[11] = {flag,     flag,       b->index, b->index,   b->index, b->pointer,
                           b->index, b->pointer, b->index, b->pointer, b->index};
  LLVMValueRef m = LLVMBuildNSWSub(b->builder, p->rows.stop, p->rows.start, "");
  LLVMValueRef n = LLVMBuildNSWSub(b->builder, p->columns.stop, p->columns.start, "");
  int64_t a_leading = p->a_stride[a_plain ? 0 : 1] / bytes, b_leading = p->b_stride[b_plain ? 0 : 1] / bytes;
  // A leading dimension must be at least a row's length, also where there is only one row.
  int64_t a_least = a_plain ? depth : p->rows.full, b_least = b_plain ? p->columns.full : depth;
  if (a_leading < a_least) a_leading = a_least;
  if (b_leading < b_least) b_leading = b_least;
  if (c_stride < p->columns.full) c_stride = p->columns.full;
  LLVMValueRef arguments[11] = {LLVMConstInt(flag, !a_plain, 0),
                                LLVMConstInt(flag, !b_plain, 0),
                                m,
                                n,
                                build_index(b, depth),
                                advance(b, p->a_start, p->rows.start, p->a_stride[0]),
                                build_index(b, a_leading),
                                advance(b, p->b_start, p->columns.start, p->b_stride[1]),
                                build_index(b, b_leading),
                                c,
                                build_index(b, c_stride)};
  int64_t field =
      b->is_double ? (int64_t)offsetof(BlurServices, product_double) : (int64_t)offsetof(BlurServices, product_float);
  LLVMValueRef function =
      LLVMBuildLoad2(b->builder, b->pointer, build_byte_offset(b, e->services, build_index(b, field)), "");
  LLVMBuildCall2(b->builder, LLVMFunctionType(b->nothing, types, 11, 0), function, arguments, 11, "");
  if (p->operation->statement_count == 1) return true;
  // The other statements read c where the library wrote it.
  p->stage = c;
  staged_epilogue(e, p, (EmitRange[]){p->rows, p->columns}, (int64_t[]){c_stride, 1}, 1);
  return true;
}

void emit_product_operation(Emitter *e, const KernelOperation *operation) {
  Product p = {.operation = operation,
               .m = operation->m,
               .n = operation->n,
               .k = operation->k,
               .a = operation->a,
               .b = operation->b};
  ProductForm form = operation->form;
  if (e->program->values.items[p.a].kind != VALUE_READ || e->program->values.items[p.b].kind != VALUE_READ) {
    emit_fail(e, "a product's factor is no plain read");
    return;
  }
  // c[m] = sum over k of a[m, k] * b[k] with a contiguous along m: the same with the factors exchanged.
  if (form == PRODUCT_OUTER && p.n == IR_NONE && p.m != IR_NONE && stride_along(e, p.a, p.m) == e->b.element_bytes) {
    p.m = IR_NONE;
    p.n = operation->m;
    p.a = operation->b;
    p.b = operation->a;
  } else if (form == PRODUCT_OUTER && p.n == IR_NONE) {
    form = PRODUCT_DOT;
  }
  p.a_stride[0] = stride_along(e, p.a, p.m);
  p.a_stride[1] = stride_along(e, p.a, p.k);
  p.b_stride[0] = stride_along(e, p.b, p.k);
  p.b_stride[1] = stride_along(e, p.b, p.n);
  p.a_start = start_of(e, &p, p.a);
  p.b_start = start_of(e, &p, p.b);
  p.rows = emit_range(e, p.m);
  p.columns = emit_range(e, p.n);
  p.depth = e->program->axes.items[p.k].extent;
  if (form == PRODUCT_BLAS && emit_blas(e, &p)) return;
  if (form == PRODUCT_DOT) emit_dot(e, &p);
  else emit_outer(e, &p);
}
