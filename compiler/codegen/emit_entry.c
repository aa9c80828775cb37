// Modules: kernels as internal functions of base pointers, and the entry points that call them in order, each thread
// with its share of the blocks and a barrier after each kernel. Before: canonical.c decided which kernels share a
// function.
#include "compiler/codegen/emit.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static void add_attribute(LLVMContextRef context, LLVMValueRef function, const char *name) {
  unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
  LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                          LLVMCreateEnumAttribute(context, kind, 0));
}

// void operation(services, block start, block stop, base...)
static LLVMTypeRef operation_type(Arena *arena, const Builder *b, const EmitBases *bases) {
  LLVMTypeRef *types = ARENA_ARRAY(arena, LLVMTypeRef, 3 + bases->count);
  types[0] = b->pointer;
  types[1] = types[2] = b->index;
  for (size_t i = 0; i < bases->count; i++)
    types[3 + i] = bases->items[i].place == PLACE_COUNTER ? b->index : b->pointer;
  return LLVMFunctionType(b->nothing, types, (unsigned)(3 + bases->count), 0);
}

static LLVMValueRef emit_operation(Emitter *e, const PlannedOperation *planned, size_t number) {
  Builder *b = &e->b;
  if (e->program != planned->schedule->program) {
    e->program = planned->schedule->program;
    e->seen = ARENA_ARRAY(e->arena, uint32_t, e->program->values.count);
    e->seen_stamp = 0;
  }
  e->schedule = planned->schedule;
  e->kernel = planned->kernel;
  e->operation = planned->operation;
  e->bases = &planned->bases;
  builder_set_precision(b, &planned->schedule->target, planned->schedule->element_bytes);
  char name[32];
  snprintf(name, sizeof name, "operation.%zu", number);
  LLVMValueRef function = LLVMAddFunction(b->module, name, operation_type(e->arena, b, &planned->bases));
  LLVMSetLinkage(function, LLVMInternalLinkage);
  add_attribute(b->context, function, "nounwind");
  add_attribute(b->context, function, "noinline");
  b->function = function;
  LLVMBasicBlockRef entry = build_block(b, "entry"), start = build_block(b, "start");
  LLVMPositionBuilderAtEnd(b->builder, start);
  const Kernel *kernel = planned->kernel;
  e->services = LLVMGetParam(function, 0);
  e->block_start = LLVMGetParam(function, 1);
  e->block_stop = LLVMGetParam(function, 2);
  if (canonical_blocks(kernel) == 1) {
    e->block_start = build_index(b, 0);
    e->block_stop = build_index(b, kernel->extent);
  } else if (kernel->extent % kernel->block_size == 0) {
    e->block_stop = build_index_add(b, e->block_start, build_index(b, kernel->block_size));
  }
  e->base = ARENA_ARRAY(e->arena, LLVMValueRef, planned->bases.count + 1);
  for (size_t i = 0; i < planned->bases.count; i++) e->base[i] = LLVMGetParam(function, (unsigned)(3 + i));
  if (planned->operation->kind == KERNEL_LOOP) emit_loop_operation(e, planned->operation);
  else emit_product_operation(e, planned->operation);
  LLVMBuildRetVoid(b->builder);
  LLVMPositionBuilderAtEnd(b->builder, entry);
  LLVMBuildBr(b->builder, start);
  return function;
}

// ---- entry points

typedef struct {
  LLVMValueRef memory, scratch, services, thread, threads;
  LLVMValueRef *iteration; // one a loop, inside it: its number, as tapes and counters have it
  LLVMValueRef round;      // that of the innermost
} EntryArguments;

static void call_operation(Emitter *e, const PlannedOperation *planned, LLVMValueRef function,
                           const EntryArguments *entry, LLVMValueRef start, LLVMValueRef stop) {
  Builder *b = &e->b;
  size_t count = 3 + planned->bases.count;
  LLVMValueRef *arguments = ARENA_ARRAY(e->arena, LLVMValueRef, count);
  arguments[0] = entry->services;
  arguments[1] = start;
  arguments[2] = stop;
  for (size_t i = 0; i < planned->bases.count; i++) {
    const EmitBase *base = &planned->bases.items[i];
    if (base->place == PLACE_COUNTER) {
      arguments[3 + i] = base->buffer == IR_NONE ? build_index(b, base->offset) : entry->iteration[base->offset];
      continue;
    }
    LLVMValueRef from = base->place == PLACE_SCRATCH ? entry->scratch : entry->memory;
    arguments[3 + i] = build_byte_offset(b, from, build_index(b, base->offset));
    if (base->round_bytes)
      arguments[3 + i] = build_byte_offset(b, arguments[3 + i], build_index_mul(b, entry->round, base->round_bytes));
  }
  LLVMBuildCall2(b->builder, operation_type(e->arena, b, &planned->bases), function, arguments, (unsigned)count, "");
}

// Begins a repeat's loop around `point`; its number is noted in `entry`.
static void begin_repeat(Emitter *e, EmitPoint *point, EmitLoop *loop, const Schedule *schedule, size_t l,
                         EntryArguments *entry) {
  Builder *b = &e->b;
  int64_t count = schedule->loops[l].count;
  emit_loop_begin(e, point, loop, IR_NONE, build_index(b, 0), build_index(b, count), 1, false, NULL, 0);
  LLVMValueRef number = loop->index;
  if (schedule->loops[l].backward) number = LLVMBuildNSWSub(b->builder, build_index(b, count - 1), number, "");
  entry->iteration[l] = entry->round = number;
}

// The thread's blocks of the kernel, first .. end, its operations in each; `loop`: over and over (SIZE_MAX: once).
static void run_blocks(Emitter *e, const Kernel *kernel, const PlannedOperation *planned, LLVMValueRef *functions,
                       EntryArguments *entry, LLVMValueRef first, LLVMValueRef end, size_t loop) {
  Builder *b = &e->b;
  LLVMValueRef start = build_index(b, 0), stop = build_index(b, kernel->extent);
  EmitPoint point = emit_point(e);
  EmitLoop blocks, iterations;
  bool several = canonical_blocks(kernel) > 1, repeats = loop != SIZE_MAX;
  if (several) {
    emit_loop_begin(e, &point, &blocks, IR_NONE, first, end, 1, false, NULL, 0);
    start = build_index_mul(b, blocks.index, kernel->block_size);
    stop = build_index_min(b, build_index_add(b, start, build_index(b, kernel->block_size)), stop);
  }
  if (repeats) {
    begin_repeat(e, &point, &iterations, planned->schedule, loop, entry);
  }
  for (size_t i = 0; i < kernel->operation_count; i++)
    call_operation(e, &planned[i], functions[planned[i].function], entry, start, stop);
  if (repeats) emit_loop_end(e, &point, &iterations, NULL);
  if (several) emit_loop_end(e, &point, &blocks, NULL);
}

static void run_kernel(Emitter *e, const Kernel *kernel, const PlannedOperation *planned, LLVMValueRef *functions,
                       EntryArguments *entry, size_t loop) {
  Builder *b = &e->b;
  LLVMValueRef next = LLVMBuildAdd(b->builder, entry->thread, build_index(b, 1), "");
  LLVMValueRef blocks = build_index(b, canonical_blocks(kernel));
  LLVMValueRef first =
      LLVMBuildUDiv(b->builder, LLVMBuildMul(b->builder, blocks, entry->thread, ""), entry->threads, "");
  LLVMValueRef end = LLVMBuildUDiv(b->builder, LLVMBuildMul(b->builder, blocks, next, ""), entry->threads, "");
  LLVMValueRef mine = kernel->extent > 0 ? LLVMBuildICmp(b->builder, LLVMIntSLT, first, end, "")
                                         : LLVMBuildICmp(b->builder, LLVMIntEQ, entry->thread, build_index(b, 0), "");
  LLVMBasicBlockRef run = build_block(b, "run"), after = build_block(b, "after");
  LLVMBuildCondBr(b->builder, mine, run, after);
  LLVMPositionBuilderAtEnd(b->builder, run);
  run_blocks(e, kernel, planned, functions, entry, first, end, loop);
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

// Two kernels in a row that one and the same thread runs need no barrier between them.
static bool same_thread(const Kernel *x, const Kernel *y) {
  return canonical_blocks(x) == 1 && canonical_blocks(y) == 1 && !x->extent == !y->extent;
}

// Whether threads must meet after a kernel: another thread may be in what runs next, also around a repeat.
static bool must_meet(const Schedule *schedule, size_t k) {
  const Kernel *here = &schedule->kernels[k];
  if (k + 1 == schedule->kernel_count || !same_thread(here, here + 1)) return true;
  for (size_t l = 0; l < schedule->loop_count; l++) {
    const ScheduleLoop *loop = &schedule->loops[l];
    if (loop->kernel_end == k + 1 && !loop->by_block && !same_thread(here, &schedule->kernels[loop->first_kernel]))
      return true;
  }
  return false;
}

// Of the repeat around a kernel that has no other inside (one by block aside, which notes its own).
static LLVMValueRef innermost_number(const Schedule *schedule, size_t k, const EntryArguments *entry) {
  LLVMValueRef number = NULL;
  for (size_t l = 0; l < schedule->loop_count; l++) // outer before inner
    if (schedule->loops[l].first_kernel <= k && k < schedule->loops[l].kernel_end && !schedule->loops[l].by_block)
      number = entry->iteration[l];
  return number;
}

static void emit_kernels(Emitter *e, const Schedule *schedule, const PlannedOperation *planned, LLVMValueRef *functions,
                         EntryArguments *entry) {
  EmitLoop *loops = ARENA_ARRAY(e->arena, EmitLoop, schedule->loop_count + 1);
  for (size_t k = 0; k < schedule->kernel_count; k++) {
    size_t by_block = SIZE_MAX;
    for (size_t l = 0; l < schedule->loop_count; l++) {
      const ScheduleLoop *loop = &schedule->loops[l];
      if (loop->first_kernel != k) continue;
      if (loop->by_block) {
        by_block = l;
        continue;
      }
      EmitPoint point = emit_point(e); // nothing is emitted at it: repeats may be nested deeper than points reach
      begin_repeat(e, &point, &loops[l], schedule, l, entry);
    }
    entry->round = innermost_number(schedule, k, entry);
    run_kernel(e, &schedule->kernels[k], planned, functions, entry, by_block);
    planned += schedule->kernels[k].operation_count;
    if (must_meet(schedule, k)) meet(e, entry);
    for (size_t l = schedule->loop_count; l-- > 0;)
      if (schedule->loops[l].kernel_end == k + 1 && !schedule->loops[l].by_block) {
        EmitPoint point = emit_point(e);
        emit_loop_end(e, &point, &loops[l], NULL);
      }
  }
}

static void emit_entry(Emitter *e, const BackendUnit *unit, const PlannedOperation *planned, LLVMValueRef *functions) {
  Builder *b = &e->b;
  LLVMTypeRef types[5] = {b->pointer, b->pointer, b->pointer, b->index, b->index};
  b->function = LLVMAddFunction(b->module, unit->name, LLVMFunctionType(b->nothing, types, 5, 0));
  add_attribute(b->context, b->function, "nounwind");
  LLVMPositionBuilderAtEnd(b->builder, build_block(b, "entry"));
  EntryArguments entry = {LLVMGetParam(b->function, 0),
                          LLVMGetParam(b->function, 1),
                          LLVMGetParam(b->function, 2),
                          LLVMGetParam(b->function, 3),
                          LLVMGetParam(b->function, 4),
                          ARENA_ARRAY(e->arena, LLVMValueRef, unit->schedule->loop_count),
                          NULL};
  emit_kernels(e, unit->schedule, planned, functions, &entry);
  LLVMBuildRetVoid(b->builder);
}

const char *emit_module(Arena *arena, LLVMModuleRef module, const EmitPlan *plan) {
  Emitter e = {.arena = arena};
  builder_open(&e.b, LLVMGetModuleContext(module), module);
  LLVMValueRef *functions = ARENA_ARRAY(arena, LLVMValueRef, plan->operations.count + 1);
  for (size_t i = 0; i < plan->operations.count && !e.error; i++)
    if (plan->operations.items[i].function == i) functions[i] = emit_operation(&e, &plan->operations.items[i], i);
  const PlannedOperation *planned = plan->operations.items;
  for (size_t u = 0; u < plan->unit_count && !e.error; u++) {
    emit_entry(&e, &plan->units[u], planned, functions);
    for (size_t k = 0; k < plan->units[u].schedule->kernel_count; k++)
      planned += plan->units[u].schedule->kernels[k].operation_count;
  }
  builder_close(&e.b);
  return e.error;
}
