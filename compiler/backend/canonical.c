// The canonical text of an operation: what its machine code depends on, and nothing else. Operations of equal text
// share a function (states of one layer, layers of one shape); the texts make the key of the object cache.
#include "compiler/backend/canonical.h"

#include "compiler/ir/order.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_OWN_BASES = 14 };

// Local numbers of an operation's values, buffers or axes, from 1 in the order of appearance. The counter runs on from
// operation to operation; what stands in `given` from before `start` belongs to one before.
typedef struct {
  int32_t *given, start, last;
} LocalNumbers;

typedef struct {
  Arena *arena;
  PlannedOperation *planned;
  const IrProgram *program;
  Text out;
  LocalNumbers value, buffer, axis;
} Canonical;

static LocalNumbers numbers_for(Arena *arena, size_t count) {
  return (LocalNumbers){.given = ARENA_ARRAY(arena, int32_t, count + 1)};
}

static bool has_number(const LocalNumbers *numbers, int32_t which) { return numbers->given[which] > numbers->start; }

static int32_t number_of(LocalNumbers *numbers, int32_t which) {
  if (!has_number(numbers, which)) numbers->given[which] = ++numbers->last;
  return numbers->given[which] - numbers->start;
}

static IrBuffer root_of(const IrProgram *program, IrBuffer buffer) {
  for (int depth = 0; depth < 64 && program->buffers.items[buffer].origin != IR_NONE; depth++) {
    if (program->buffers.items[buffer].origin == buffer) break;
    buffer = program->buffers.items[buffer].origin;
  }
  return buffer;
}

int64_t canonical_blocks(const Kernel *kernel) {
  return kernel->extent > 0 ? (kernel->extent + kernel->block_size - 1) / kernel->block_size : 1;
}

// ---- bases

static bool same_constants(int dimensions, const IrIndex *x, const IrIndex *y) {
  for (int d = 0; d < dimensions; d++)
    if ((x[d].axis == IR_NONE) != (y[d].axis == IR_NONE) || (x[d].axis == IR_NONE && x[d].constant != y[d].constant))
      return false;
  return true;
}

// Bytes from the start of memory or scratch to the buffer's element at the constant indices, the axes at 0.
static int64_t use_offset(const Schedule *schedule, IrBuffer buffer, const IrIndex *index) {
  const BufferPlan *plan = &schedule->plans[buffer];
  int64_t offset = plan->offset;
  for (int d = 0; d < schedule->program->buffers.items[buffer].dimensions; d++)
    if (index[d].axis == IR_NONE) offset += index[d].constant * plan->stride[d] * schedule->element_bytes;
  return offset;
}

int canonical_base(const Schedule *schedule, const EmitBases *bases, IrBuffer buffer, const IrIndex *index,
                   int64_t *distance) {
  BufferPlace place = schedule->plans[buffer].place;
  int dimensions = schedule->program->buffers.items[buffer].dimensions;
  IrBuffer root = place == PLACE_SCRATCH ? IR_NONE : root_of(schedule->program, buffer);
  for (size_t i = 0; i < bases->count; i++) {
    const EmitBase *base = &bases->items[i];
    if (base->place != place) continue;
    if (base->index ? base->buffer != buffer || !same_constants(dimensions, base->index, index) : base->buffer != root)
      continue;
    *distance = use_offset(schedule, buffer, index) - base->offset;
    return (int)i;
  }
  return -1;
}

static int base_number(Canonical *c, IrBuffer buffer, const IrIndex *index, int64_t *distance) {
  const Schedule *schedule = c->planned->schedule;
  int found = canonical_base(schedule, &c->planned->bases, buffer, index, distance);
  if (found >= 0) return found;
  BufferPlace place = schedule->plans[buffer].place;
  EmitBase base = {place, buffer, index, use_offset(schedule, buffer, index), schedule->plans[buffer].round_bytes};
  if (c->planned->bases_shared) {
    base.buffer = place == PLACE_SCRATCH ? IR_NONE : root_of(c->program, buffer);
    base.index = NULL;
    if (place == PLACE_SCRATCH) base.offset = 0;
  }
  ARENA_PUSH(c->arena, &c->planned->bases, base);
  return canonical_base(schedule, &c->planned->bases, buffer, index, distance);
}

// The number of the iteration: an argument of its own.
static int counter_base(Canonical *c, IrBuffer counter) {
  EmitBases *bases = &c->planned->bases;
  for (size_t i = 0; i < bases->count; i++)
    if (bases->items[i].buffer == counter && bases->items[i].place == PLACE_COUNTER) return (int)i;
  EmitBase base = {PLACE_COUNTER, counter, NULL, c->planned->schedule->plans[counter].offset, 0};
  ARENA_PUSH(c->arena, bases, base);
  return (int)bases->count - 1;
}

// Place and layer of a draw, as base/philox.h packs them.
int64_t canonical_noise_word(const IrValueInfo *noise) { return noise->place | (int64_t)(noise->layer + 1) << 20; }

static int noise_base(Canonical *c, const IrValueInfo *noise) {
  EmitBases *bases = &c->planned->bases;
  EmitBase base = {PLACE_COUNTER, IR_NONE, NULL, canonical_noise_word(noise), 0};
  for (size_t i = 0; i < bases->count; i++)
    if (bases->items[i].place == base.place && bases->items[i].buffer == IR_NONE &&
        bases->items[i].offset == base.offset)
      return (int)i;
  ARENA_PUSH(c->arena, bases, base);
  return (int)bases->count - 1;
}

static int step_base(Canonical *c) {
  EmitBases *bases = &c->planned->bases;
  for (size_t i = 0; i < bases->count; i++)
    if (bases->items[i].buffer == IR_NONE && bases->items[i].place == PLACE_MEMORY) return (int)i;
  EmitBase base = {PLACE_MEMORY, IR_NONE, NULL, c->planned->step_offset, 0};
  ARENA_PUSH(c->arena, bases, base);
  return (int)bases->count - 1;
}

// ---- text

static void write_axis(Canonical *c, IrAxis axis) {
  if (axis == IR_NONE) {
    text_add(&c->out, "-");
    return;
  }
  text_add(&c->out, "i%d:%" PRId64, number_of(&c->axis, axis), c->program->axes.items[axis].extent);
}

static void write_buffer(Canonical *c, IrBuffer buffer, const IrIndex *index) {
  const BufferPlan *plan = &c->planned->schedule->plans[buffer];
  if (plan->place == PLACE_COUNTER) {
    text_add(&c->out, "counter@%d", counter_base(c, buffer));
    return;
  }
  text_add(&c->out, "b%d", number_of(&c->buffer, buffer));
  if (plan->place == PLACE_MEMORY || plan->place == PLACE_SCRATCH) {
    int64_t distance;
    int base = base_number(c, buffer, index, &distance);
    text_add(&c->out, "@%d+%" PRId64, base, distance);
    if (plan->place == PLACE_SCRATCH) text_add(&c->out, "/%d", plan->blocked_dimension);
  } else {
    text_add(&c->out, "@register");
  }
  for (int d = 0; d < c->program->buffers.items[buffer].dimensions; d++) {
    text_add(&c->out, d ? "," : "[");
    bool in_register = plan->place != PLACE_MEMORY && plan->place != PLACE_SCRATCH;
    if (index[d].axis == IR_NONE) text_add(&c->out, "%d", in_register ? index[d].constant : 0);
    else write_axis(c, index[d].axis);
    text_add(&c->out, "*%" PRId64, plan->stride[d]);
  }
  text_add(&c->out, "]");
}

static void write_axes(Canonical *c, IrAxisSet axes) {
  for (IrAxis axis = 0; axis < IR_MAX_AXES; axis++)
    if (axes & ir_axis_bit(axis)) write_axis(c, axis);
}

// Each node is a definition, written once, operands first.
static void write_value(Canonical *c, IrValue value) {
  if (value == IR_NONE || has_number(&c->value, value)) return;
  const IrValueInfo *info = &c->program->values.items[value];
  int operands = ir_value_operands(info);
  for (int i = 0; i < operands; i++) write_value(c, info->operand[i]);
  text_add(&c->out, "v%d=", number_of(&c->value, value));
  switch (info->kind) {
  case VALUE_CONSTANT: text_add(&c->out, "%a", info->number); break;
  case VALUE_STEP: text_add(&c->out, "step@%d", step_base(c)); break;
  case VALUE_POSITION: write_axis(c, info->axis); break;
  case VALUE_READ: write_buffer(c, info->buffer, info->index); break;
  case VALUE_NOISE:
    text_add(&c->out, "noise %c @%d step@%d", info->draw, noise_base(c, info), step_base(c));
    for (int d = 0; d < info->dimensions; d++) {
      text_add(&c->out, " %d:", info->extent[d]);
      if (info->index[d].axis == IR_NONE) text_add(&c->out, "%d", info->index[d].constant);
      else write_axis(c, info->index[d].axis);
    }
    break;
  case VALUE_ARGUMENT:
    text_add(&c->out, "argument%d", info->argument);
    write_axes(c, info->axes);
    break;
  case VALUE_OPERATION: text_add(&c->out, "%s", ir_operation_name(info->operation)); break;
  case VALUE_REDUCE:
    text_add(&c->out, "reduce%d", info->reduction);
    write_axes(c, info->reduced);
    break;
  }
  for (int i = 0; i < operands; i++) text_add(&c->out, " v%d", number_of(&c->value, info->operand[i]));
  text_add(&c->out, "\n");
}

static void write_operation(Canonical *c, const KernelOperation *operation) {
  bool is_product = operation->kind == KERNEL_PRODUCT;
  text_add(&c->out, "operation %d block ", operation->kind);
  write_axis(c, operation->block_axis);
  for (int i = 0; i < operation->loops; i++) write_axis(c, operation->loop[i]);
  if (is_product) {
    text_add(&c->out, " form %d pack %d at %" PRId64 " ", operation->form, operation->pack_b, operation->pack_offset);
    write_axis(c, operation->m);
    write_axis(c, operation->n);
    write_axis(c, operation->k);
    text_add(&c->out, "\n");
    write_value(c, operation->a);
    write_value(c, operation->b);
    text_add(&c->out, "v%d v%d", number_of(&c->value, operation->a), number_of(&c->value, operation->b));
  }
  text_add(&c->out, "\n");
  for (size_t i = 0; i < operation->statement_count; i++) {
    const KernelStatement *statement = &operation->statements[i];
    write_value(c, statement->value);
    write_buffer(c, statement->target, statement->index);
    text_add(&c->out, "<-v%d\n", number_of(&c->value, statement->value));
  }
}

// Whether the code depends on where its block begins without cutting an axis itself.
static bool blocked_scratch(const PlannedOperation *planned) {
  for (size_t i = 0; i < planned->schedule->program->buffers.count; i++) {
    const BufferPlan *plan = &planned->schedule->plans[i];
    if (plan->place == PLACE_SCRATCH && plan->blocked_dimension >= 0) return true;
  }
  return false;
}

static void write_plan(Canonical *c) {
  const Kernel *kernel = c->planned->kernel;
  text_add(&c->out, "bytes %d", c->planned->schedule->element_bytes);
  if (c->planned->operation->block_axis != IR_NONE || blocked_scratch(c->planned))
    text_add(&c->out, " extent %" PRId64 " block %" PRId64, kernel->extent, kernel->block_size);
  text_add(&c->out, "\n");
  write_operation(c, c->planned->operation);
}

static void plan_operation(Canonical *c, PlannedOperation *planned) {
  c->planned = planned;
  for (int shared = 0; shared < 2; shared++) {
    c->out.length = 0;
    c->value.start = c->value.last;
    c->buffer.start = c->buffer.last;
    c->axis.start = c->axis.last;
    planned->bases_shared = shared;
    planned->bases = (EmitBases){0};
    write_plan(c);
    if (planned->bases.count <= MAX_OWN_BASES) break;
  }
  planned->text = arena_copy(c->arena, text_get(&c->out), c->out.length);
  planned->text_length = c->out.length;
}

EmitPlan *canonical_plan(Arena *arena, const ScheduleTarget *target, const BackendUnit *units, size_t unit_count) {
  EmitPlan *plan = ARENA_NEW(arena, EmitPlan);
  *plan = (EmitPlan){.target = target, .units = units, .unit_count = unit_count};
  for (size_t u = 0; u < unit_count; u++) {
    const IrProgram *program = units[u].schedule->program;
    Canonical c = {.arena = arena, .program = program};
    c.value = numbers_for(arena, program->values.count);
    c.buffer = numbers_for(arena, program->buffers.count);
    c.axis = numbers_for(arena, program->axes.count);
    for (size_t k = 0; k < units[u].schedule->kernel_count; k++) {
      const Kernel *kernel = &units[u].schedule->kernels[k];
      for (size_t o = 0; o < kernel->operation_count; o++) {
        PlannedOperation planned = {.schedule = units[u].schedule,
                                    .kernel = kernel,
                                    .operation = &kernel->operations[o],
                                    .step_offset = units[u].step_offset,
                                    .function = plan->operations.count};
        plan_operation(&c, &planned);
        for (size_t i = 0; i < plan->operations.count; i++) {
          const PlannedOperation *other = &plan->operations.items[i];
          if (other->text_length != planned.text_length || memcmp(other->text, planned.text, planned.text_length))
            continue;
          planned.function = other->function;
          break;
        }
        ARENA_PUSH(arena, &plan->operations, planned);
      }
    }
    text_free(&c.out);
  }
  return plan;
}
