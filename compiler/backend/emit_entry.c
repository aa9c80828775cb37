// Modules: kernels as internal functions of base pointers, and the entry points that call them in order, each thread
// with its share of the blocks and a barrier after each kernel. Before: canonical.c decided which kernels share a
// function.
#include "compiler/backend/emit.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static void add_attribute(LLVMContextRef context, LLVMValueRef function, const char *name) {
  unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
  LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                          LLVMCreateEnumAttribute(context, kind, 0));
}

// void kernel(scratch, services, first block, end block, base...)
static LLVMTypeRef kernel_type(Arena *arena, const Builder *b, size_t bases) {
  LLVMTypeRef *types = ARENA_ARRAY(arena, LLVMTypeRef, 4 + bases);
  types[0] = types[1] = b->pointer;
  types[2] = types[3] = b->index;
  for (size_t i = 0; i < bases; i++) types[4 + i] = b->pointer;
  return LLVMFunctionType(b->nothing, types, (unsigned)(4 + bases), 0);
}

static void emit_operations(Emitter *e) {
  const Kernel *kernel = e->kernel;
  for (size_t i = 0; i < kernel->operation_count && !e->error; i++) {
    e->operation = &kernel->operations[i];
    if (e->operation->kind == KERNEL_LOOP) emit_loop_operation(e, e->operation);
    else emit_product_operation(e, e->operation);
  }
}

static int64_t block_count(const Kernel *kernel) {
  return kernel->extent > 0 ? (kernel->extent + kernel->block_size - 1) / kernel->block_size : 1;
}

// The loop over the thread's blocks.
static void emit_blocks(Emitter *e, LLVMValueRef first, LLVMValueRef end) {
  Builder *b = &e->b;
  const Kernel *kernel = e->kernel;
  if (block_count(kernel) == 1) {
    e->block_start = build_index(b, 0);
    e->block_stop = build_index(b, kernel->extent);
    emit_operations(e);
    return;
  }
  EmitPoint point = emit_point(e);
  EmitLoop loop;
  emit_loop_begin(e, &point, &loop, IR_NONE, first, end, 1, false, NULL, 0);
  e->block_start = build_index_mul(b, loop.index, kernel->block_size);
  e->block_stop = build_index_add(b, e->block_start, build_index(b, kernel->block_size));
  if (kernel->extent % kernel->block_size)
    e->block_stop = build_index_min(b, e->block_stop, build_index(b, kernel->extent));
  emit_operations(e);
  emit_loop_end(e, &point, &loop, NULL);
}

static LLVMValueRef emit_kernel(Emitter *e, const PlannedKernel *planned, size_t number) {
  Builder *b = &e->b;
  e->schedule = planned->schedule;
  e->program = planned->schedule->program;
  e->kernel = planned->kernel;
  e->bases = &planned->bases;
  e->seen = ARENA_ARRAY(e->arena, uint32_t, e->program->values.count);
  e->seen_stamp = 0;
  builder_set_precision(b, &planned->schedule->target, planned->schedule->element_bytes);
  char name[32];
  snprintf(name, sizeof name, "kernel.%zu", number);
  LLVMValueRef function = LLVMAddFunction(b->module, name, kernel_type(e->arena, b, planned->bases.count));
  LLVMSetLinkage(function, LLVMInternalLinkage);
  add_attribute(b->context, function, "nounwind");
  add_attribute(b->context, function, "noinline");
  b->function = function;
  LLVMBasicBlockRef entry = build_block(b, "entry"), start = build_block(b, "start");
  LLVMPositionBuilderAtEnd(b->builder, start);
  e->scratch = LLVMGetParam(function, 0);
  e->services = LLVMGetParam(function, 1);
  e->base = ARENA_ARRAY(e->arena, LLVMValueRef, planned->bases.count + 1);
  for (size_t i = 0; i < planned->bases.count; i++) e->base[i] = LLVMGetParam(function, (unsigned)(4 + i));
  emit_blocks(e, LLVMGetParam(function, 2), LLVMGetParam(function, 3));
  LLVMBuildRetVoid(b->builder);
  LLVMPositionBuilderAtEnd(b->builder, entry);
  LLVMBuildBr(b->builder, start);
  return function;
}

// ---- entry points

typedef struct {
  LLVMValueRef memory, scratch, services, thread, threads;
} EntryArguments;

static void call_kernel(Emitter *e, const PlannedKernel *planned, LLVMValueRef function, const EntryArguments *entry) {
  Builder *b = &e->b;
  const Kernel *kernel = planned->kernel;
  LLVMValueRef next = LLVMBuildAdd(b->builder, entry->thread, build_index(b, 1), "");
  LLVMValueRef blocks = build_index(b, block_count(kernel));
  LLVMValueRef first =
      LLVMBuildUDiv(b->builder, LLVMBuildMul(b->builder, blocks, entry->thread, ""), entry->threads, "");
  LLVMValueRef end = LLVMBuildUDiv(b->builder, LLVMBuildMul(b->builder, blocks, next, ""), entry->threads, "");
  LLVMValueRef mine = kernel->extent > 0 ? LLVMBuildICmp(b->builder, LLVMIntSLT, first, end, "")
                                         : LLVMBuildICmp(b->builder, LLVMIntEQ, entry->thread, build_index(b, 0), "");
  size_t count = 4 + planned->bases.count;
  LLVMValueRef *arguments = ARENA_ARRAY(e->arena, LLVMValueRef, count);
  arguments[0] = entry->scratch;
  arguments[1] = entry->services;
  arguments[2] = first;
  arguments[3] = end;
  LLVMBasicBlockRef run = build_block(b, "run"), after = build_block(b, "after");
  LLVMBuildCondBr(b->builder, mine, run, after);
  LLVMPositionBuilderAtEnd(b->builder, run);
  for (size_t i = 0; i < planned->bases.count; i++)
    arguments[4 + i] = build_byte_offset(b, entry->memory, build_index(b, planned->bases.items[i].offset));
  LLVMBuildCall2(b->builder, kernel_type(e->arena, b, planned->bases.count), function, arguments, (unsigned)count, "");
  LLVMBuildBr(b->builder, after);
  LLVMPositionBuilderAtEnd(b->builder, after);
}

// services->barrier(services->pool, thread), where there are several threads.
static void meet(Emitter *e, const EntryArguments *entry) {
  Builder *b = &e->b;
  LLVMBasicBlockRef wait = build_block(b, "wait"), after = build_block(b, "met");
  LLVMValueRef alone = LLVMBuildICmp(b->builder, LLVMIntEQ, entry->threads, build_index(b, 1), "");
  LLVMBuildCondBr(b->builder, alone, after, wait);
  LLVMPositionBuilderAtEnd(b->builder, wait);
  LLVMValueRef pool =
      LLVMBuildLoad2(b->builder, b->pointer,
                     build_byte_offset(b, entry->services, build_index(b, (int64_t)offsetof(BlurServices, pool))), "");
  LLVMValueRef barrier = LLVMBuildLoad2(
      b->builder, b->pointer,
      build_byte_offset(b, entry->services, build_index(b, (int64_t)offsetof(BlurServices, barrier))), "");
  LLVMTypeRef type = LLVMFunctionType(b->nothing, (LLVMTypeRef[]){b->pointer, b->index}, 2, 0);
  LLVMBuildCall2(b->builder, type, barrier, (LLVMValueRef[]){pool, entry->thread}, 2, "");
  LLVMBuildBr(b->builder, after);
  LLVMPositionBuilderAtEnd(b->builder, after);
}

static void emit_entry(Emitter *e, const BackendUnit *unit, const PlannedKernel *planned, LLVMValueRef *functions) {
  Builder *b = &e->b;
  LLVMTypeRef types[5] = {b->pointer, b->pointer, b->pointer, b->index, b->index};
  b->function = LLVMAddFunction(b->module, unit->name, LLVMFunctionType(b->nothing, types, 5, 0));
  add_attribute(b->context, b->function, "nounwind");
  LLVMPositionBuilderAtEnd(b->builder, build_block(b, "entry"));
  EntryArguments entry = {LLVMGetParam(b->function, 0), LLVMGetParam(b->function, 1), LLVMGetParam(b->function, 2),
                          LLVMGetParam(b->function, 3), LLVMGetParam(b->function, 4)};
  for (size_t k = 0; k < unit->schedule->kernel_count; k++) {
    call_kernel(e, &planned[k], functions[planned[k].function], &entry);
    // Two in a row that one and the same thread runs need no barrier between them.
    const Kernel *here = &unit->schedule->kernels[k], *next = k + 1 < unit->schedule->kernel_count ? here + 1 : NULL;
    bool same_thread = next && block_count(here) == 1 && block_count(next) == 1 && !here->extent == !next->extent;
    if (!same_thread) meet(e, &entry);
  }
  LLVMBuildRetVoid(b->builder);
}

const char *emit_module(Arena *arena, LLVMModuleRef module, const EmitPlan *plan) {
  Emitter e = {.arena = arena};
  builder_open(&e.b, LLVMGetModuleContext(module), module);
  LLVMValueRef *functions = ARENA_ARRAY(arena, LLVMValueRef, plan->kernels.count + 1);
  for (size_t k = 0; k < plan->kernels.count && !e.error; k++)
    if (plan->kernels.items[k].function == k) functions[k] = emit_kernel(&e, &plan->kernels.items[k], k);
  const PlannedKernel *planned = plan->kernels.items;
  for (size_t u = 0; u < plan->unit_count && !e.error; u++) {
    emit_entry(&e, &plan->units[u], planned, functions);
    planned += plan->units[u].schedule->kernel_count;
  }
  builder_close(&e.b);
  return e.error;
}
