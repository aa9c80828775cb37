// Checks a schedule against its contract (schedule.h): what the emitter may rely on. Run after schedule_program in
// tests and in debug builds; every sentence names the kernel and what is wrong with it.
#include "compiler/passes/schedule_verify.h"

static IrAxis contiguous_axis(const ScheduleVerifier *verifier, IrBuffer buffer, const IrIndex *index) {
  for (int d = 0; d < buffer_info(verifier, buffer)->dimensions; d++)
    if (verifier->schedule->plans[buffer].stride[d] == 1) return index[d].axis;
  return IR_NONE;
}

const KernelStatement *verify_maker(const ScheduleVerifier *verifier, const VerifyMaker *maker,
                                    const KernelOperation **operation) {
  *operation = &verifier->schedule->kernels[maker->kernel].operations[maker->operation];
  return &(*operation)->statements[maker->statement];
}

// ---- reads

bool verify_precedes(const VerifyMaker *maker, const VerifyPlace *place) {
  return maker->operation < place->operation ||
         (maker->operation == place->operation && place->statement != SIZE_MAX && maker->statement < place->statement);
}

bool verify_within_block(const Kernel *kernel, const KernelOperation *made_in, const IrIndex *made,
                         const KernelOperation *read_in, const IrIndex *read, int dimensions) {
  if (!kernel->extent) return true;
  for (int d = 0; d < dimensions; d++)
    if (made[d].axis != IR_NONE && made[d].axis == made_in->block_axis)
      return read[d].axis != IR_NONE && read[d].axis == read_in->block_axis;
  return false;
}

bool verify_before_overwritten(const ScheduleVerifier *verifier, const IrValueInfo *read, const VerifyPlace *place,
                               const VerifyMaker *next) {
  const KernelOperation *made_in;
  const KernelStatement *made = verify_maker(verifier, next, &made_in);
  int dimensions = buffer_info(verifier, read->buffer)->dimensions;
  if (place->operation < next->operation)
    return verify_within_block(&verifier->schedule->kernels[place->kernel], made_in, made->index, place->in,
                               read->index, dimensions);
  return place->operation == next->operation && place->statement != SIZE_MAX && place->statement <= next->statement &&
         !place->reduced && schedule_same_index(read->index, made->index, dimensions);
}

// A read of what an operation of the same kernel makes.
static void check_read_of(ScheduleVerifier *verifier, const IrValueInfo *read, const VerifyPlace *place,
                          const VerifyMaker *maker) {
  const Kernel *kernel = &verifier->schedule->kernels[place->kernel];
  const IrBufferInfo *info = buffer_info(verifier, read->buffer);
  const KernelOperation *made_in;
  const KernelStatement *made = verify_maker(verifier, maker, &made_in);
  if (!verify_precedes(maker, place)) {
    bool goes_round = info->carried && verify_before_overwritten(verifier, read, place, maker);
    if (!goes_round) FAIL(verifier, "kernel \"%s\" reads %s before it is assigned", kernel->name, info->name);
    return;
  }
  if (maker->operation == place->operation &&
      (place->reduced || !schedule_same_index(read->index, made->index, info->dimensions)))
    FAIL(verifier, "kernel \"%s\" reads other elements of %s in the operation that assigns it", kernel->name,
         info->name);
  if (!verify_within_block(kernel, made_in, made->index, place->in, read->index, info->dimensions))
    FAIL(verifier, "kernel \"%s\" reads %s across blocks", kernel->name, info->name);
}

// Where each block runs all iterations, what goes round must stay in the block.
static void check_round(ScheduleVerifier *verifier, const IrValueInfo *read, const VerifyPlace *place) {
  const Schedule *schedule = verifier->schedule;
  for (size_t l = 0; l < schedule->loop_count; l++) {
    const ScheduleLoop *loop = &schedule->loops[l];
    if (!loop->by_block || loop->first_kernel != place->kernel) continue;
    IrBuffer next = read->buffer; // carried, and copied at the end of an iteration; or renamed
    for (size_t i = 0; i < schedule->rename_count; i++)
      if (schedule->renames[i].at_end && schedule->renames[i].to == read->buffer) next = schedule->renames[i].from;
    for (int m = 0; m < verifier->life[next].makers; m++) {
      const VerifyMaker *maker = &verifier->life[next].maker[m];
      if (maker->kernel != place->kernel) continue;
      const KernelOperation *made_in;
      const KernelStatement *made = verify_maker(verifier, maker, &made_in);
      const Kernel *kernel = &schedule->kernels[place->kernel];
      if (!verify_within_block(kernel, made_in, made->index, place->in, read->index,
                               buffer_info(verifier, next)->dimensions))
        FAIL(verifier, "kernel \"%s\" reads %s of other blocks, which are at other iterations", kernel->name,
             buffer_info(verifier, read->buffer)->name);
    }
  }
}

static void check_read(ScheduleVerifier *verifier, const IrValueInfo *read, const VerifyPlace *place, void *context) {
  (void)context;
  const Schedule *schedule = verifier->schedule;
  const Kernel *kernel = &schedule->kernels[place->kernel];
  const IrBufferInfo *info = buffer_info(verifier, read->buffer);
  const VerifyLife *life = &verifier->life[read->buffer];
  const BufferPlan *plan = &schedule->plans[read->buffer];
  if (plan->place == PLACE_COUNTER) {
    const ScheduleLoop *loop = &schedule->loops[plan->offset];
    if (place->kernel < loop->first_kernel || place->kernel >= loop->kernel_end)
      FAIL(verifier, "kernel \"%s\" reads %s outside of its repeat", kernel->name, info->name);
    return;
  }
  if (plan->place == PLACE_NOWHERE)
    FAIL(verifier, "kernel \"%s\" reads %s, which has no place", kernel->name, info->name);
  for (int m = 0; m < life->makers; m++)
    if (life->maker[m].kernel == place->kernel) check_read_of(verifier, read, place, &life->maker[m]);
    else if (!info->carried && life->maker[m].kernel > place->kernel)
      FAIL(verifier, "kernel \"%s\" reads %s before it is assigned", kernel->name, info->name);
  if (info->carried) check_round(verifier, read, place);
}

// Reductions stand at the root of a statement only (check_loop).
static void visit_value(ScheduleVerifier *verifier, IrValue value, VerifyPlace place, VerifyVisit *visit,
                        void *context) {
  place.reduced = value_info(verifier, value)->kind == VALUE_REDUCE;
  IrOrder order = ir_order(verifier->program, value, NULL, NULL);
  for (size_t i = 0; i < order.count; i++)
    if (value_info(verifier, order.values[i])->kind == VALUE_READ)
      visit(verifier, value_info(verifier, order.values[i]), &place, context);
  ir_order_free(&order);
}

void verify_visit_kernel_reads(ScheduleVerifier *verifier, size_t k, VerifyVisit *visit, void *context) {
  const Kernel *kernel = &verifier->schedule->kernels[k];
  for (size_t o = 0; o < kernel->operation_count; o++) {
    const KernelOperation *operation = &kernel->operations[o];
    VerifyPlace place = {k, o, SIZE_MAX, operation, false};
    if (operation->kind == KERNEL_PRODUCT) {
      visit_value(verifier, operation->a, place, visit, context);
      visit_value(verifier, operation->b, place, visit, context);
    }
    for (size_t s = 0; s < operation->statement_count; s++) {
      place.statement = s;
      visit_value(verifier, operation->statements[s].value, place, visit, context);
    }
  }
}

void verify_visit_reads(ScheduleVerifier *verifier, VerifyVisit *visit, void *context) {
  for (size_t k = 0; k < verifier->schedule->kernel_count; k++) verify_visit_kernel_reads(verifier, k, visit, context);
}

// ---- operations

static bool has_reduction(const ScheduleVerifier *verifier, IrValue value) {
  IrOrder order = ir_order(verifier->program, value, NULL, NULL);
  bool found = false;
  for (size_t i = 0; i < order.count; i++) found |= value_info(verifier, order.values[i])->kind == VALUE_REDUCE;
  ir_order_free(&order);
  return found;
}

static IrAxisSet target_axes(const ScheduleVerifier *verifier, const KernelStatement *statement) {
  IrAxisSet axes = 0;
  for (int d = 0; d < buffer_info(verifier, statement->target)->dimensions; d++)
    axes |= ir_axis_bit(statement->index[d].axis);
  return axes;
}

static void check_loop(ScheduleVerifier *verifier, const Kernel *kernel, const KernelOperation *operation) {
  IrAxisSet loops = 0;
  for (int i = 0; i < operation->loops; i++) {
    if (loops & ir_axis_bit(operation->loop[i]))
      FAIL(verifier, "kernel \"%s\" loops over one axis twice", kernel->name);
    loops |= ir_axis_bit(operation->loop[i]);
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
    if (kernel->extent && !(target_axes(verifier, statement) & ir_axis_bit(operation->block_axis)))
      FAIL(verifier, "kernel \"%s\" assigns %s whole in every block", kernel->name, name);
  }
}

static void check_product(ScheduleVerifier *verifier, const Kernel *kernel, const KernelOperation *operation) {
  const IrValueInfo *a = value_info(verifier, operation->a), *b = value_info(verifier, operation->b);
  if (a->kind != VALUE_READ || b->kind != VALUE_READ) {
    FAIL(verifier, "kernel \"%s\" multiplies what is not stored", kernel->name);
    return;
  }
  IrAxisSet m = ir_axis_bit(operation->m), n = ir_axis_bit(operation->n), k = ir_axis_bit(operation->k), outer = 0;
  for (int i = 0; i < operation->loops; i++) outer |= ir_axis_bit(operation->loop[i]);
  if ((a->axes & ~outer) != (m | k) || (b->axes & ~outer) != (k | n) || !n || !k || (outer & (m | n | k)))
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
  if (kernel->extent && !(ir_axis_bit(operation->block_axis) & (m | n | outer)))
    FAIL(verifier, "kernel \"%s\" cuts a product along none of its target's axes", kernel->name);
  for (size_t s = 0; s < operation->statement_count; s++) {
    const KernelStatement *statement = &operation->statements[s];
    const char *name = buffer_info(verifier, statement->target)->name;
    if (has_reduction(verifier, statement->value)) FAIL(verifier, "the epilogue of %s reduces", name);
    if (target_axes(verifier, statement) != (m | n | outer))
      FAIL(verifier, "the epilogue of %s has other axes than the product", name);
    bool stored = verifier->schedule->plans[statement->target].place != PLACE_REGISTER;
    if (operation->form != PRODUCT_DOT && stored &&
        contiguous_axis(verifier, statement->target, statement->index) != operation->n)
      FAIL(verifier, "%s is not contiguous along n of the product that assigns it", name);
  }
}

static void check_operations(ScheduleVerifier *verifier) {
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

// ---- the whole

static void find_makers(ScheduleVerifier *verifier) {
  const Schedule *schedule = verifier->schedule;
  for (size_t k = 0; k < schedule->kernel_count; k++)
    for (size_t o = 0; o < schedule->kernels[k].operation_count; o++)
      for (size_t s = 0; s < schedule->kernels[k].operations[o].statement_count; s++) {
        IrBuffer target = schedule->kernels[k].operations[o].statements[s].target;
        VerifyLife *life = &verifier->life[target];
        if (life->makers == (buffer_info(verifier, target)->carried ? 2 : 1)) {
          FAIL(verifier, "%s is assigned twice", buffer_info(verifier, target)->name);
          continue;
        }
        life->maker[life->makers++] = (VerifyMaker){k, o, s};
      }
}

static void check_loops(ScheduleVerifier *verifier) {
  const Schedule *schedule = verifier->schedule;
  for (size_t l = 0; l < schedule->loop_count; l++) {
    const ScheduleLoop *loop = &schedule->loops[l], *outer = l ? loop - 1 : NULL;
    if (loop->first_kernel >= loop->kernel_end || loop->kernel_end > schedule->kernel_count || loop->count < 1)
      FAIL(verifier, "repeat %zu has no kernels", l);
    if (outer && (loop->first_kernel < outer->first_kernel ||
                  (loop->first_kernel < outer->kernel_end && loop->kernel_end > outer->kernel_end)))
      FAIL(verifier, "repeat %zu is not inside the one around it", l);
    if (loop->by_block && loop->kernel_end != loop->first_kernel + 1)
      FAIL(verifier, "repeat %zu runs several kernels by block", l);
  }
}

const char *schedule_verify(const Schedule *schedule) {
  ScheduleVerifier verifier = {.schedule = schedule, .program = schedule->program};
  verifier.life = ARENA_ARRAY(schedule->program->arena, VerifyLife, schedule->program->buffers.count);
  find_makers(&verifier);
  check_loops(&verifier);
  check_operations(&verifier);
  if (!verifier.error) verify_visit_reads(&verifier, check_read, NULL);
  if (!verifier.error) verify_places(&verifier);
  return verifier.error;
}
