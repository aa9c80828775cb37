// Checks a schedule against its contract (schedule.h): what the emitter may rely on. Run after schedule_program in
// tests and in debug builds; every sentence names the kernel and what is wrong with it.
#include "compiler/passes/schedule.h"

#include <string.h>

typedef struct {
  bool made, read;
  size_t kernel, operation, statement; // where it is made
  size_t last_kernel;                  // that reads it
} Life;

typedef struct {
  const Schedule *schedule;
  IrProgram *program;
  Life *life; // [buffer]
  const char *error;
} Verifier;

typedef struct {
  size_t kernel, operation, statement; // statement: SIZE_MAX for the operands of a product
  const KernelOperation *in;
  const IrIndex *target; // index of the reading statement's target; NULL for operands of a product
  bool reduced;          // inside a reduction
} Place;

#define FAIL(verifier, ...)                                                                                            \
  do {                                                                                                                 \
    if (!(verifier)->error) (verifier)->error = arena_format((verifier)->program->arena, __VA_ARGS__);                 \
  } while (0)

static const IrBufferInfo *buffer_info(const Verifier *verifier, IrBuffer buffer) {
  return &verifier->program->buffers.items[buffer];
}
static const IrValueInfo *value_info(const Verifier *verifier, IrValue value) {
  return &verifier->program->values.items[value];
}
static IrAxisSet bit_of(IrAxis axis) { return axis == IR_NONE ? 0 : ir_axis_bit(axis); }

static bool same_index(const IrIndex *x, const IrIndex *y, int dimensions) {
  for (int d = 0; d < dimensions; d++)
    if (x[d].axis != y[d].axis || (x[d].axis == IR_NONE && x[d].constant != y[d].constant)) return false;
  return true;
}

static IrAxis contiguous_axis(const Verifier *verifier, IrBuffer buffer, const IrIndex *index) {
  for (int d = 0; d < buffer_info(verifier, buffer)->dimensions; d++)
    if (verifier->schedule->plans[buffer].stride[d] == 1) return index[d].axis;
  return IR_NONE;
}

static const KernelStatement *maker(const Verifier *verifier, IrBuffer buffer, const KernelOperation **operation) {
  const Life *life = &verifier->life[buffer];
  *operation = &verifier->schedule->kernels[life->kernel].operations[life->operation];
  return &(*operation)->statements[life->statement];
}

// ---- reads

// What one block of the reading operation sees of a buffer made in the same kernel must be made by the same block.
static bool within_block(const Verifier *verifier, const Kernel *kernel, const KernelOperation *made_in,
                         const IrIndex *made, const KernelOperation *read_in, const IrIndex *read, int dimensions) {
  (void)verifier;
  if (!kernel->extent) return true;
  for (int d = 0; d < dimensions; d++)
    if (made[d].axis != IR_NONE && made[d].axis == made_in->block_axis)
      return read[d].axis != IR_NONE && read[d].axis == read_in->block_axis;
  return false;
}

static void check_read(Verifier *verifier, const IrValueInfo *read, const Place *place) {
  const Kernel *kernel = &verifier->schedule->kernels[place->kernel];
  const IrBufferInfo *info = buffer_info(verifier, read->buffer);
  const Life *life = &verifier->life[read->buffer];
  BufferPlace where = verifier->schedule->plans[read->buffer].place;
  if (where == PLACE_NOWHERE) FAIL(verifier, "kernel \"%s\" reads %s, which has no place", kernel->name, info->name);
  if (!life->made) {
    if (!info->live_in) FAIL(verifier, "kernel \"%s\" reads %s, which nothing assigns", kernel->name, info->name);
    return;
  }
  bool before =
      life->kernel < place->kernel ||
      (life->kernel == place->kernel &&
       (life->operation < place->operation ||
        (life->operation == place->operation && place->statement != SIZE_MAX && life->statement < place->statement)));
  if (!before) {
    FAIL(verifier, "kernel \"%s\" reads %s before it is assigned", kernel->name, info->name);
    return;
  }
  const KernelOperation *made_in;
  const KernelStatement *made = maker(verifier, read->buffer, &made_in);
  bool same_operation = made_in == place->in;
  if (where == PLACE_REGISTER && !same_operation)
    FAIL(verifier, "%s is in registers but is read by another operation", info->name);
  if (where == PLACE_SCRATCH && life->kernel != place->kernel)
    FAIL(verifier, "%s is in scratch but is read by another kernel", info->name);
  if (same_operation && (place->reduced || !same_index(read->index, made->index, info->dimensions)))
    FAIL(verifier, "kernel \"%s\" reads other elements of %s in the operation that assigns it", kernel->name,
         info->name);
  if (life->kernel == place->kernel &&
      !within_block(verifier, kernel, made_in, made->index, place->in, read->index, info->dimensions))
    FAIL(verifier, "kernel \"%s\" reads %s across blocks", kernel->name, info->name);
}

typedef void Visit(Verifier *verifier, const IrValueInfo *read, const Place *place, void *context);

static void visit_reads(Verifier *verifier, IrValue value, Place place, Visit *visit, void *context) {
  const IrValueInfo *info = value_info(verifier, value);
  if (info->kind == VALUE_READ) visit(verifier, info, &place, context);
  if (info->kind == VALUE_REDUCE) {
    place.reduced = true;
    visit_reads(verifier, info->operand[0], place, visit, context);
  }
  if (info->kind == VALUE_OPERATION)
    for (int i = 0; i < ir_operation_arity(info->operation); i++)
      visit_reads(verifier, info->operand[i], place, visit, context);
}

static void visit_all_reads(Verifier *verifier, Visit *visit, void *context) {
  const Schedule *schedule = verifier->schedule;
  for (size_t k = 0; k < schedule->kernel_count; k++)
    for (size_t o = 0; o < schedule->kernels[k].operation_count; o++) {
      const KernelOperation *operation = &schedule->kernels[k].operations[o];
      Place place = {k, o, SIZE_MAX, operation, NULL, false};
      if (operation->kind == KERNEL_PRODUCT) {
        visit_reads(verifier, operation->a, place, visit, context);
        visit_reads(verifier, operation->b, place, visit, context);
      }
      for (size_t s = 0; s < operation->statement_count; s++) {
        place.statement = s;
        place.target = operation->statements[s].index;
        visit_reads(verifier, operation->statements[s].value, place, visit, context);
      }
    }
}

static void visit_check(Verifier *verifier, const IrValueInfo *read, const Place *place, void *context) {
  (void)context;
  check_read(verifier, read, place);
  Life *life = &verifier->life[read->buffer];
  if (!life->read || place->kernel > life->last_kernel) life->last_kernel = place->kernel;
  life->read = true;
}

// ---- operations

static bool has_reduction(const Verifier *verifier, IrValue value) {
  const IrValueInfo *info = value_info(verifier, value);
  if (info->kind == VALUE_REDUCE) return true;
  for (int i = 0; info->kind == VALUE_OPERATION && i < ir_operation_arity(info->operation); i++)
    if (has_reduction(verifier, info->operand[i])) return true;
  return false;
}

static IrAxisSet target_axes(const Verifier *verifier, const KernelStatement *statement) {
  IrAxisSet axes = 0;
  for (int d = 0; d < buffer_info(verifier, statement->target)->dimensions; d++)
    axes |= bit_of(statement->index[d].axis);
  return axes;
}

static void check_loop(Verifier *verifier, const Kernel *kernel, const KernelOperation *operation) {
  IrAxisSet loops = 0;
  for (int i = 0; i < operation->loops; i++) {
    if (loops & bit_of(operation->loop[i])) FAIL(verifier, "kernel \"%s\" loops over one axis twice", kernel->name);
    loops |= bit_of(operation->loop[i]);
  }
  for (size_t s = 0; s < operation->statement_count; s++) {
    const KernelStatement *statement = &operation->statements[s];
    const char *name = buffer_info(verifier, statement->target)->name;
    const IrValueInfo *value = value_info(verifier, statement->value);
    bool reduces = value->kind == VALUE_REDUCE;
    IrAxisSet bound = reduces ? value->reduced : 0;
    if (has_reduction(verifier, reduces ? value->operand[0] : statement->value))
      FAIL(verifier, "kernel \"%s\" has a reduction inside the value of %s", kernel->name, name);
    if ((target_axes(verifier, statement) | bound) != loops || (target_axes(verifier, statement) & bound))
      FAIL(verifier, "kernel \"%s\" does not loop over the axes of %s", kernel->name, name);
    if (kernel->extent && !(target_axes(verifier, statement) & bit_of(operation->block_axis)))
      FAIL(verifier, "kernel \"%s\" assigns %s whole in every block", kernel->name, name);
  }
}

static void check_product(Verifier *verifier, const Kernel *kernel, const KernelOperation *operation) {
  const IrValueInfo *a = value_info(verifier, operation->a), *b = value_info(verifier, operation->b);
  if (a->kind != VALUE_READ || b->kind != VALUE_READ) {
    FAIL(verifier, "kernel \"%s\" multiplies what is not stored", kernel->name);
    return;
  }
  if (a->axes != (bit_of(operation->m) | bit_of(operation->k)) ||
      b->axes != (bit_of(operation->k) | bit_of(operation->n)) || operation->n == IR_NONE || operation->k == IR_NONE)
    FAIL(verifier, "kernel \"%s\": the operands' axes are not m, k and k, n", kernel->name);
  IrAxis a_axis = contiguous_axis(verifier, a->buffer, a->index),
         b_axis = contiguous_axis(verifier, b->buffer, b->index);
  bool fits = true;
  if (operation->form == PRODUCT_OUTER) fits = b_axis == (operation->pack_b ? operation->k : operation->n);
  if (operation->form == PRODUCT_DOT) fits = a_axis == operation->k && b_axis == operation->k;
  if (operation->form == PRODUCT_BLAS)
    fits = !kernel->extent && (a_axis == operation->k || a_axis == operation->m) &&
           (b_axis == operation->k || b_axis == operation->n) && operation->statement_count == 1;
  if (!fits) FAIL(verifier, "kernel \"%s\": the operands do not lie as the product's form wants", kernel->name);
  if (kernel->extent && operation->block_axis != operation->m && operation->block_axis != operation->n)
    FAIL(verifier, "kernel \"%s\" cuts a product along neither m nor n", kernel->name);
  for (size_t s = 0; s < operation->statement_count; s++) {
    const KernelStatement *statement = &operation->statements[s];
    const char *name = buffer_info(verifier, statement->target)->name;
    if (has_reduction(verifier, statement->value)) FAIL(verifier, "the epilogue of %s reduces", name);
    if (target_axes(verifier, statement) != (bit_of(operation->m) | bit_of(operation->n)))
      FAIL(verifier, "the epilogue of %s has other axes than the product", name);
    bool stored = verifier->schedule->plans[statement->target].place != PLACE_REGISTER;
    if (operation->form != PRODUCT_DOT && stored &&
        contiguous_axis(verifier, statement->target, statement->index) != operation->n)
      FAIL(verifier, "%s is not contiguous along n of the product that assigns it", name);
  }
}

static void check_operations(Verifier *verifier) {
  const Schedule *schedule = verifier->schedule;
  for (size_t k = 0; k < schedule->kernel_count; k++) {
    const Kernel *kernel = &schedule->kernels[k];
    if (kernel->extent && kernel->block_size < 1) FAIL(verifier, "kernel \"%s\" has empty blocks", kernel->name);
    for (size_t o = 0; o < kernel->operation_count; o++) {
      const KernelOperation *operation = &kernel->operations[o];
      bool cut = operation->block_axis != IR_NONE;
      if (cut != (kernel->extent != 0) ||
          (cut && verifier->program->axes.items[operation->block_axis].extent != kernel->extent))
        FAIL(verifier, "kernel \"%s\" has an operation that its blocks do not cut", kernel->name);
      if (operation->kind == KERNEL_LOOP) check_loop(verifier, kernel, operation);
      else check_product(verifier, kernel, operation);
    }
  }
}

// ---- places

static int64_t dimension_extent(const Verifier *verifier, IrBuffer buffer, int d) {
  const BufferPlan *plan = &verifier->schedule->plans[buffer];
  if (plan->blocked_dimension != d) return buffer_info(verifier, buffer)->extent[d];
  const Kernel *kernel = &verifier->schedule->kernels[verifier->life[buffer].kernel];
  return kernel->block_size < kernel->extent ? kernel->block_size : kernel->extent;
}

// Bytes from the plan's offset to behind the last element.
static int64_t span_of(Verifier *verifier, IrBuffer buffer) {
  const IrBufferInfo *info = buffer_info(verifier, buffer);
  const BufferPlan *plan = &verifier->schedule->plans[buffer];
  int64_t last = 0;
  for (int d = 0; d < info->dimensions; d++) {
    int64_t extent = dimension_extent(verifier, buffer, d);
    last += (extent - 1) * plan->stride[d];
    for (int e = 0; e < info->dimensions; e++) // the smaller stride must not run into the larger
      if (plan->stride[e] < plan->stride[d] &&
          dimension_extent(verifier, buffer, e) * plan->stride[e] > plan->stride[d])
        FAIL(verifier, "the strides of %s overlap", info->name);
  }
  return (last + 1) * verifier->schedule->element_bytes;
}

static bool overlap(Verifier *verifier, IrBuffer x, IrBuffer y) {
  const BufferPlan *plan = verifier->schedule->plans;
  return plan[x].offset < plan[y].offset + span_of(verifier, y) &&
         plan[y].offset < plan[x].offset + span_of(verifier, x);
}

typedef struct {
  IrBuffer old, next;
} Update;

// A read of `old` is harmless if it is done before its element is overwritten by `next`, in every block.
static void check_update_read(Verifier *verifier, const IrValueInfo *read, const Place *place, void *context) {
  const Update *update = context;
  if (read->buffer != update->old) return;
  const Life *next = &verifier->life[update->next];
  const KernelOperation *made_in;
  const KernelStatement *made = maker(verifier, update->next, &made_in);
  const Kernel *kernel = &verifier->schedule->kernels[place->kernel];
  int dimensions = buffer_info(verifier, update->old)->dimensions;
  bool good = place->kernel < next->kernel;
  if (place->kernel == next->kernel && place->operation < next->operation)
    good = within_block(verifier, kernel, made_in, made->index, place->in, read->index, dimensions);
  if (place->kernel == next->kernel && place->operation == next->operation)
    good = place->statement != SIZE_MAX && place->statement <= next->statement && !place->reduced &&
           same_index(read->index, made->index, dimensions);
  if (!good)
    FAIL(verifier, "kernel \"%s\" reads %s, which %s has overwritten", kernel->name,
         buffer_info(verifier, update->old)->name, buffer_info(verifier, update->next)->name);
}

static size_t end_of_life(const Verifier *verifier, IrBuffer buffer) {
  const Life *life = &verifier->life[buffer];
  if (buffer_info(verifier, buffer)->live_out) return SIZE_MAX;
  return life->read ? life->last_kernel : life->made ? life->kernel : 0;
}

static void check_memory(Verifier *verifier, IrBuffer x, IrBuffer y) {
  if (!overlap(verifier, x, y)) return;
  const Life *lx = &verifier->life[x], *ly = &verifier->life[y];
  const char *names[] = {buffer_info(verifier, x)->name, buffer_info(verifier, y)->name};
  if (!ly->made) { // y was there before
    IrBuffer other = x;
    x = y;
    y = other;
    lx = &verifier->life[x];
    ly = &verifier->life[y];
  }
  if (!ly->made) {
    FAIL(verifier, "%s and %s share a place", names[0], names[1]);
    return;
  }
  if (lx->made && lx->kernel > ly->kernel) {
    const Life *swap = lx;
    IrBuffer other = x;
    lx = ly, ly = swap;
    x = y, y = other;
  }
  size_t end = end_of_life(verifier, x);
  if (end < ly->kernel && end != SIZE_MAX) return;
  if (!lx->made && memcmp(&verifier->schedule->plans[x], &verifier->schedule->plans[y], sizeof(BufferPlan)) == 0 &&
      !buffer_info(verifier, x)->live_out) {
    Update update = {x, y};
    visit_all_reads(verifier, check_update_read, &update);
    return;
  }
  FAIL(verifier, "%s and %s share a place while both are needed", names[0], names[1]);
}

static void check_places(Verifier *verifier) {
  const Schedule *schedule = verifier->schedule;
  size_t buffers = verifier->program->buffers.count;
  for (size_t b = 0; b < buffers; b++) {
    const BufferPlan *plan = &schedule->plans[b];
    if (plan->place != PLACE_MEMORY && plan->place != PLACE_SCRATCH) continue;
    int64_t end = plan->place == PLACE_MEMORY ? schedule->memory_bytes : schedule->scratch_bytes;
    if (plan->offset < 0 || plan->offset % 64 || plan->offset + span_of(verifier, (IrBuffer)b) > end)
      FAIL(verifier, "%s lies outside of its memory", buffer_info(verifier, (IrBuffer)b)->name);
    for (size_t c = 0; c < b && plan->place == PLACE_MEMORY; c++)
      if (schedule->plans[c].place == PLACE_MEMORY) check_memory(verifier, (IrBuffer)b, (IrBuffer)c);
  }
}

typedef struct {
  size_t kernel;
  size_t *first, *last; // [buffer]: operations of this kernel that use it
  bool *used;
} ScratchUse;

static void visit_scratch(Verifier *verifier, const IrValueInfo *read, const Place *place, void *context) {
  (void)verifier;
  ScratchUse *use = context;
  if (place->kernel == use->kernel && place->operation > use->last[read->buffer])
    use->last[read->buffer] = place->operation;
}

static void check_scratch(Verifier *verifier, size_t k) {
  const Schedule *schedule = verifier->schedule;
  size_t buffers = verifier->program->buffers.count;
  Arena *arena = verifier->program->arena;
  ScratchUse use = {k, ARENA_ARRAY(arena, size_t, buffers), ARENA_ARRAY(arena, size_t, buffers), NULL};
  for (size_t b = 0; b < buffers; b++) use.first[b] = use.last[b] = verifier->life[b].operation;
  visit_all_reads(verifier, visit_scratch, &use);
  for (size_t b = 0; b < buffers; b++) {
    if (schedule->plans[b].place != PLACE_SCRATCH || verifier->life[b].kernel != k) continue;
    for (size_t c = 0; c < b; c++)
      if (schedule->plans[c].place == PLACE_SCRATCH && verifier->life[c].kernel == k && use.first[b] <= use.last[c] &&
          use.first[c] <= use.last[b] && overlap(verifier, (IrBuffer)b, (IrBuffer)c))
        FAIL(verifier, "%s and %s share scratch while both are needed", buffer_info(verifier, (IrBuffer)b)->name,
             buffer_info(verifier, (IrBuffer)c)->name);
  }
}

const char *schedule_verify(const Schedule *schedule) {
  Verifier verifier = {.schedule = schedule, .program = schedule->program};
  verifier.life = ARENA_ARRAY(schedule->program->arena, Life, schedule->program->buffers.count);
  for (size_t k = 0; k < schedule->kernel_count; k++)
    for (size_t o = 0; o < schedule->kernels[k].operation_count; o++)
      for (size_t s = 0; s < schedule->kernels[k].operations[o].statement_count; s++) {
        IrBuffer target = schedule->kernels[k].operations[o].statements[s].target;
        if (verifier.life[target].made) FAIL(&verifier, "%s is assigned twice", buffer_info(&verifier, target)->name);
        verifier.life[target] = (Life){.made = true, .kernel = k, .operation = o, .statement = s};
      }
  check_operations(&verifier);
  if (!verifier.error) visit_all_reads(&verifier, visit_check, NULL);
  for (size_t b = 0; b < schedule->program->buffers.count && !verifier.error; b++) {
    const IrBufferInfo *info = buffer_info(&verifier, (IrBuffer)b);
    if (info->live_out && !verifier.life[b].made && !info->live_in) FAIL(&verifier, "nothing assigns %s", info->name);
  }
  if (!verifier.error) check_places(&verifier);
  for (size_t k = 0; k < schedule->kernel_count && !verifier.error; k++) check_scratch(&verifier, k);
  return verifier.error;
}
