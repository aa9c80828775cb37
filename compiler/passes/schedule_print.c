// The schedule as text (--stage=kernels): places first, then every kernel with its operations and statements.
//
//   place w0 memory 64 stride 16 1
//   kernel 0 "forward 0: a1" blocks 8 of 32 flops 1.5e+06 bytes 4e+05
//     product outer a1.0.sum[batch, unit1] m batch n unit1 k unit0 cut unit1
//       a x[batch, unit0]  b w0[unit0, unit1]
//       a1.v1[batch, unit1] <- tanh(argument)
//
// The kernels of a repeat stand in braces: "repeat 20 counter i {", or "repeat 20 by block {" where each block runs all
// iterations; what takes the place of what at its start and at the end of an iteration follows.
#include "compiler/passes/schedule.h"

#include <string.h>

static const char *const place_names[] = {[PLACE_NOWHERE] = "nowhere",
                                          [PLACE_MEMORY] = "memory",
                                          [PLACE_SCRATCH] = "scratch",
                                          [PLACE_REGISTER] = "register",
                                          [PLACE_COUNTER] = "counter"};
static const char *const form_names[] = {[PRODUCT_OUTER] = "outer", [PRODUCT_DOT] = "dot", [PRODUCT_BLAS] = "blas"};

static void print_plan(const Schedule *schedule, size_t buffer, Text *out) {
  const IrBufferInfo *info = &schedule->program->buffers.items[buffer];
  const BufferPlan *plan = &schedule->plans[buffer];
  if (plan->place == PLACE_NOWHERE) return;
  text_add(out, "place %s %s", info->name, place_names[plan->place]);
  if (plan->place == PLACE_COUNTER) {
    text_add(out, " of loop %lld", (long long)plan->offset);
  } else if (plan->place != PLACE_REGISTER) {
    text_add(out, " %lld", (long long)plan->offset);
    if (info->dimensions) text_add(out, " stride");
    for (int d = 0; d < info->dimensions; d++) text_add(out, " %lld", (long long)plan->stride[d]);
    if (plan->round_bytes) text_add(out, " rounds %lld bytes apart", (long long)plan->round_bytes);
    if (plan->blocked_dimension >= 0) text_add(out, " blocked %s", info->dimension_name[plan->blocked_dimension]);
  }
  text_add(out, "\n");
}

static const char *axis_name(const Schedule *schedule, IrAxis axis) {
  return axis == IR_NONE ? "-" : schedule->program->axes.items[axis].name;
}

static void print_statement(const Schedule *schedule, const KernelStatement *statement, const char *indent, Text *out) {
  const IrBufferInfo *target = &schedule->program->buffers.items[statement->target];
  text_add(out, "%s    %s", indent, target->name);
  for (int d = 0; d < target->dimensions; d++) {
    text_add(out, d ? ", " : "[");
    if (statement->index[d].axis == IR_NONE) text_add(out, "%d", statement->index[d].constant);
    else text_add(out, "%s", axis_name(schedule, statement->index[d].axis));
  }
  text_add(out, "%s <- ", target->dimensions ? "]" : "");
  ir_print_value(schedule->program, statement->value, out);
  text_add(out, "\n");
}

static void print_operation(const Schedule *schedule, const KernelOperation *operation, const char *indent, Text *out) {
  if (operation->kind == KERNEL_LOOP) {
    text_add(out, "%s  loop", indent);
    for (int i = 0; i < operation->loops; i++) text_add(out, " %s", axis_name(schedule, operation->loop[i]));
  } else {
    text_add(out, "%s  product %s m %s n %s k %s", indent, form_names[operation->form],
             axis_name(schedule, operation->m), axis_name(schedule, operation->n), axis_name(schedule, operation->k));
    for (int i = 0; i < operation->loops; i++)
      text_add(out, "%s%s", i ? " " : " over ", axis_name(schedule, operation->loop[i]));
    if (operation->pack_b) text_add(out, " pack %lld", (long long)operation->pack_offset);
  }
  if (operation->block_axis != IR_NONE) text_add(out, " cut %s", axis_name(schedule, operation->block_axis));
  text_add(out, "\n");
  if (operation->kind == KERNEL_PRODUCT) {
    text_add(out, "%s    argument 0 <- ", indent);
    ir_print_value(schedule->program, operation->a, out);
    text_add(out, " . ");
    ir_print_value(schedule->program, operation->b, out);
    text_add(out, "\n");
  }
  for (size_t i = 0; i < operation->statement_count; i++)
    print_statement(schedule, &operation->statements[i], indent, out);
}

static void print_kernel(const Schedule *schedule, size_t k, const char *indent, Text *out) {
  const Kernel *kernel = &schedule->kernels[k];
  int64_t blocks = kernel->extent ? (kernel->extent + kernel->block_size - 1) / kernel->block_size : 1;
  text_add(out, "%skernel %zu \"%s\"", indent, k, kernel->name);
  if (kernel->extent) text_add(out, " blocks %lld of %lld", (long long)blocks, (long long)kernel->block_size);
  text_add(out, " flops %.4g bytes %.4g\n", kernel->flops, kernel->bytes);
  for (size_t i = 0; i < kernel->operation_count; i++) print_operation(schedule, &kernel->operations[i], indent, out);
}

static void print_loop(const Schedule *schedule, size_t l, const char *indent, Text *out) {
  const ScheduleLoop *loop = &schedule->loops[l];
  const IrBufferInfo *buffers = schedule->program->buffers.items;
  text_add(out, "%srepeat %lld ", indent, (long long)loop->count);
  if (loop->backward) text_add(out, "backward ");
  if (loop->counter != IR_NONE) text_add(out, "counter %s ", buffers[loop->counter].name);
  text_add(out, "%s{\n", loop->by_block ? "by block " : "");
  for (size_t i = 0; i < schedule->rename_count; i++) {
    const ScheduleRename *rename = &schedule->renames[i];
    if (rename->loop != l) continue;
    text_add(out, "%s  %s %s is %s\n", indent, rename->at_end ? "next" : "first", buffers[rename->to].name,
             buffers[rename->from].name);
  }
}

void schedule_print(const Schedule *schedule, Text *out) {
  enum { DEEPEST = 30 };
  char indent[2 * DEEPEST + 1] = "";
  text_add(out, "schedule %s element %d target %s memory %lld scratch %lld flops %.4g bytes %.4g\n",
           schedule->program->name, schedule->element_bytes, schedule->target.name, (long long)schedule->memory_bytes,
           (long long)schedule->scratch_bytes, schedule->flops, schedule->bytes);
  for (size_t b = 0; b < schedule->program->buffers.count; b++) print_plan(schedule, b, out);
  for (size_t k = 0; k < schedule->kernel_count; k++) {
    for (size_t l = 0; l < schedule->loop_count; l++) {
      if (schedule->loops[l].first_kernel != k) continue;
      print_loop(schedule, l, indent, out);
      if (strlen(indent) < 2 * DEEPEST) strcat(indent, "  ");
    }
    print_kernel(schedule, k, indent, out);
    for (size_t l = 0; l < schedule->loop_count; l++) {
      if (schedule->loops[l].kernel_end != k + 1) continue;
      indent[strlen(indent) < 2 ? 0 : strlen(indent) - 2] = '\0';
      text_add(out, "%s}\n", indent);
    }
  }
}
