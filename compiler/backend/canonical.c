// The canonical text of a kernel: what its machine code depends on, and nothing else. Kernels of equal text share a
// function (layers of one shape); the texts of all kernels make the key of the object cache.
#include "compiler/backend/emit.h"

#include <inttypes.h>
#include <string.h>

typedef struct {
  Arena *arena;
  PlannedKernel *planned;
  const IrProgram *program;
  Text *out;
  // Local numbers, in the order of appearance; 0: none yet.
  int32_t *value, *buffer, *axis;
  int32_t values, buffers, axes;
} Canonical;

IrBuffer canonical_root(const IrProgram *program, IrBuffer buffer) {
  for (int depth = 0; depth < 64 && program->buffers.items[buffer].origin != IR_NONE; depth++) {
    if (program->buffers.items[buffer].origin == buffer) break;
    buffer = program->buffers.items[buffer].origin;
  }
  return buffer;
}

static size_t base_number(Canonical *c, IrBuffer root, int64_t offset) {
  EmitBases *bases = &c->planned->bases;
  for (size_t i = 0; i < bases->count; i++)
    if (bases->items[i].root == root) return i;
  EmitBase base = {root, offset};
  ARENA_PUSH(c->arena, bases, base);
  return bases->count - 1;
}

static void write_axis(Canonical *c, IrAxis axis) {
  if (axis == IR_NONE) {
    text_add(c->out, "-");
    return;
  }
  if (!c->axis[axis]) c->axis[axis] = ++c->axes;
  text_add(c->out, "i%d:%" PRId64, c->axis[axis], c->program->axes.items[axis].extent);
}

static void write_buffer(Canonical *c, IrBuffer buffer, const IrIndex *index) {
  const BufferPlan *plan = &c->planned->schedule->plans[buffer];
  if (!c->buffer[buffer]) c->buffer[buffer] = ++c->buffers;
  text_add(c->out, "b%d", c->buffer[buffer]);
  if (plan->place == PLACE_MEMORY) {
    size_t base = base_number(c, canonical_root(c->program, buffer), plan->offset);
    text_add(c->out, "@%zu+%" PRId64, base, plan->offset - c->planned->bases.items[base].offset);
  } else {
    text_add(c->out, "@%s%" PRId64 "/%d", plan->place == PLACE_SCRATCH ? "s" : "r",
             plan->place == PLACE_SCRATCH ? plan->offset : 0, plan->blocked_dimension);
  }
  for (int d = 0; d < c->program->buffers.items[buffer].dimensions; d++) {
    text_add(c->out, d ? "," : "[");
    if (index[d].axis == IR_NONE) text_add(c->out, "%d", index[d].constant);
    else write_axis(c, index[d].axis);
    text_add(c->out, "*%" PRId64, plan->stride[d]);
  }
  text_add(c->out, "]");
}

static void write_axes(Canonical *c, IrAxisSet axes) {
  for (IrAxis axis = 0; axis < IR_MAX_AXES; axis++)
    if (axes & ir_axis_bit(axis)) write_axis(c, axis);
}

// Each node is a definition, written once, operands first.
static void write_value(Canonical *c, IrValue value) {
  if (value == IR_NONE || c->value[value]) return;
  const IrValueInfo *info = &c->program->values.items[value];
  int operands = info->kind == VALUE_OPERATION ? ir_operation_arity(info->operation) : info->kind == VALUE_REDUCE;
  for (int i = 0; i < operands; i++) write_value(c, info->operand[i]);
  c->value[value] = ++c->values;
  text_add(c->out, "v%d=", c->value[value]);
  switch (info->kind) {
  case VALUE_CONSTANT: text_add(c->out, "%a", info->number); break;
  case VALUE_STEP: text_add(c->out, "step@%zu", base_number(c, IR_NONE, c->planned->step_offset)); break;
  case VALUE_POSITION: write_axis(c, info->axis); break;
  case VALUE_READ: write_buffer(c, info->buffer, info->index); break;
  case VALUE_ARGUMENT:
    text_add(c->out, "argument%d", info->argument);
    write_axes(c, info->axes);
    break;
  case VALUE_OPERATION: text_add(c->out, "%s", ir_operation_name(info->operation)); break;
  case VALUE_REDUCE:
    text_add(c->out, "reduce%d", info->reduction);
    write_axes(c, info->reduced);
    break;
  }
  for (int i = 0; i < operands; i++) text_add(c->out, " v%d", c->value[info->operand[i]]);
  text_add(c->out, "\n");
}

static void write_operation(Canonical *c, const KernelOperation *operation) {
  bool is_product = operation->kind == KERNEL_PRODUCT;
  text_add(c->out, "operation %d block ", operation->kind);
  write_axis(c, operation->block_axis);
  for (int i = 0; i < (is_product ? 0 : operation->loops); i++) write_axis(c, operation->loop[i]);
  if (is_product) {
    text_add(c->out, " form %d pack %d at %" PRId64 " ", operation->form, operation->pack_b, operation->pack_offset);
    write_axis(c, operation->m);
    write_axis(c, operation->n);
    write_axis(c, operation->k);
    text_add(c->out, "\n");
    write_value(c, operation->a);
    write_value(c, operation->b);
    text_add(c->out, "v%d v%d", c->value[operation->a], c->value[operation->b]);
  }
  text_add(c->out, "\n");
  for (size_t i = 0; i < operation->statement_count; i++) {
    const KernelStatement *statement = &operation->statements[i];
    write_value(c, statement->value);
    write_buffer(c, statement->target, statement->index);
    text_add(c->out, "<-v%d\n", c->value[statement->value]);
  }
}

static void plan_kernel(Arena *arena, PlannedKernel *planned) {
  const IrProgram *program = planned->schedule->program;
  const Kernel *kernel = planned->kernel;
  Text out = {0};
  Canonical c = {.arena = arena, .planned = planned, .program = program, .out = &out};
  c.value = ARENA_ARRAY(arena, int32_t, program->values.count + 1);
  c.buffer = ARENA_ARRAY(arena, int32_t, program->buffers.count + 1);
  c.axis = ARENA_ARRAY(arena, int32_t, program->axes.count + 1);
  text_add(&out, "bytes %d extent %" PRId64 " block %" PRId64 "\n", planned->schedule->element_bytes, kernel->extent,
           kernel->block_size);
  for (size_t i = 0; i < kernel->operation_count; i++) write_operation(&c, &kernel->operations[i]);
  planned->text = arena_copy(arena, text_get(&out), out.length);
  planned->text_length = out.length;
  text_free(&out);
}

EmitPlan *canonical_plan(Arena *arena, const ScheduleTarget *target, const BackendUnit *units, size_t unit_count) {
  EmitPlan *plan = ARENA_NEW(arena, EmitPlan);
  *plan = (EmitPlan){.target = target, .units = units, .unit_count = unit_count};
  for (size_t u = 0; u < unit_count; u++) {
    for (size_t k = 0; k < units[u].schedule->kernel_count; k++) {
      PlannedKernel planned = {.schedule = units[u].schedule,
                               .kernel = &units[u].schedule->kernels[k],
                               .step_offset = units[u].step_offset,
                               .function = plan->kernels.count};
      plan_kernel(arena, &planned);
      for (size_t i = 0; i < plan->kernels.count; i++) {
        const PlannedKernel *other = &plan->kernels.items[i];
        if (other->text_length != planned.text_length || memcmp(other->text, planned.text, planned.text_length))
          continue;
        planned.function = other->function;
        break;
      }
      ARENA_PUSH(arena, &plan->kernels, planned);
    }
  }
  return plan;
}
