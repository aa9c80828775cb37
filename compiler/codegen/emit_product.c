// PRODUCT operations: c[m, n] = sum over k of a[m, k] * b[k, n], then the epilogue on c. Here: the operands, the choice
// of the form, both kinds of epilogue, and products handed to the library through services.
//
// A light epilogue works on the accumulators. Otherwise c is staged: tiles go to a small panel on the stack, and the
// epilogue runs over it as a loop nest (emit_loop.c), so that activations are emitted once and not once a tile.
#include "compiler/codegen/product.h"

#include <stddef.h>

enum { LIGHT_EPILOGUE = 8 }; // operations an element that are worth a copy in every tile

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

LLVMValueRef product_advance(Builder *b, LLVMValueRef pointer, LLVMValueRef index, int64_t stride) {
  return build_byte_offset(b, pointer, build_index_mul(b, index, stride));
}

// ---- epilogues

static IrAxisSet statement_axes(const Emitter *e, const KernelStatement *statement) {
  IrAxisSet axes = 0;
  for (int d = 0; d < e->program->buffers.items[statement->target].dimensions; d++)
    if (statement->index[d].axis != IR_NONE) axes |= ir_axis_bit(statement->index[d].axis);
  return axes;
}

bool product_contiguous_along(const Emitter *e, const KernelStatement *statement, IrAxis axis) {
  const BufferPlan *plan = &e->schedule->plans[statement->target];
  if (plan->place == PLACE_REGISTER || plan->place == PLACE_NOWHERE) return true;
  for (int d = 0; d < e->program->buffers.items[statement->target].dimensions; d++)
    if (axis != IR_NONE && statement->index[d].axis == axis) return plan->stride[d] == 1;
  return false;
}

bool product_is_light(Emitter *e, const Product *p) {
  IrAxisSet all = (p->m == IR_NONE ? 0 : ir_axis_bit(p->m)) | (p->n == IR_NONE ? 0 : ir_axis_bit(p->n));
  int64_t weight = 0;
  for (size_t i = 0; i < p->operation->statement_count; i++) {
    const KernelStatement *statement = &p->operation->statements[i];
    if (e->program->values.items[statement->value].kind == VALUE_REDUCE) return false;
    if (statement_axes(e, statement) != all || !product_contiguous_along(e, statement, p->n)) return false;
    weight += emit_weight(e, statement->value, all);
  }
  bool cuts_vectors = p->operation->block_axis == p->n && e->kernel->block_size % e->b.lanes != 0 &&
                      e->kernel->extent > e->kernel->block_size;
  return weight <= LIGHT_EPILOGUE && !cuts_vectors;
}

void product_direct_epilogue(Emitter *e, const Product *p, EmitPoint *point, LLVMValueRef c) {
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

void product_staged_epilogue(Emitter *e, const Product *p, const EmitRange ranges[2], const int64_t strides[2],
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

// ---- the library's products

// Where the library can write c: a target that is c itself, contiguous along n. NULL: none.
static const KernelStatement *plain_target(const Emitter *e, const Product *p) {
  for (size_t i = 0; i < p->operation->statement_count; i++) {
    const KernelStatement *statement = &p->operation->statements[i];
    BufferPlace place = e->schedule->plans[statement->target].place;
    if (e->program->values.items[statement->value].kind != VALUE_ARGUMENT ||
        (place != PLACE_MEMORY && place != PLACE_SCRATCH))
      continue;
    if (p->n == IR_NONE || product_contiguous_along(e, statement, p->n)) return statement;
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
                                product_advance(b, p->a_start, p->rows.start, p->a_stride[0]),
                                build_index(b, a_leading),
                                product_advance(b, p->b_start, p->columns.start, p->b_stride[1]),
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
  product_staged_epilogue(e, p, (EmitRange[]){p->rows, p->columns}, (int64_t[]){c_stride, 1}, 1);
  return true;
}

static void emit_one_product(Emitter *e, const KernelOperation *operation) {
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
  if (form == PRODUCT_DOT) product_dot(e, &p);
  else product_outer(e, &p);
}

void emit_product_operation(Emitter *e, const KernelOperation *operation) {
  EmitLoop loops[IR_MAX_DIMENSIONS];
  e->root = emit_point(e);
  for (int i = 0; i < operation->loops; i++) {
    EmitRange range = emit_range(e, operation->loop[i]);
    emit_loop_begin(e, &e->root, &loops[i], operation->loop[i], range.start, range.stop, 1, false, NULL, 0);
  }
  emit_one_product(e, operation);
  for (int i = operation->loops; i-- > 0;) emit_loop_end(e, &e->root, &loops[i], NULL);
  e->root.depth = 0;
}
