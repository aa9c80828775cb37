// plan: where every buffer lives. Variables keep one place between steps and programs; a variable's next value takes
// the place of the last. What one operation alone uses stays in registers, what one kernel's blocks use in scratch,
// everything else in the network's memory; places of temporaries are used again when their last reader is done, or the
// last loop that reads them. Before:
// operations. After: the backend.
#include "compiler/passes/schedule_internal.h"

#include <string.h>

enum { ALIGNMENT = 64 };

// ---- the table that the programs of one network share

typedef struct {
  const char *name;
  BufferPlan plan;
} PlanEntry;

struct PlanTable {
  Arena *arena;
  ARENA_LIST(PlanEntry) entries;
  int64_t end;
};

PlanTable *plan_table_create(Arena *arena) {
  PlanTable *table = ARENA_NEW(arena, PlanTable);
  table->arena = arena;
  return table;
}

const BufferPlan *plan_table_find(const PlanTable *table, const char *buffer_name) {
  for (size_t i = 0; i < table->entries.count; i++)
    if (!strcmp(table->entries.items[i].name, buffer_name)) return &table->entries.items[i].plan;
  return NULL;
}

void plan_table_add(PlanTable *table, const char *buffer_name, BufferPlan plan) {
  PlanEntry entry = {arena_copy(table->arena, buffer_name, strlen(buffer_name)), plan};
  ARENA_PUSH(table->arena, &table->entries, entry);
}

int64_t plan_table_end(const PlanTable *table) { return table->end; }

void plan_table_reserve(PlanTable *table, int64_t end) {
  if (end > table->end) table->end = end;
}

// ---- use

typedef struct {
  bool made, read;
  size_t first_kernel, last_kernel;
  size_t first_operation, last_operation; // of the kernel, where it is one only
} Use;

typedef struct {
  Scheduler *scheduler;
  Schedule *schedule;
  Use *use;        // [home]: of all that lies there
  bool *has_place; // [home]
  bool *is_shared; // [home]: by several buffers
} Planner;

static IrBuffer home_of(const Planner *planner, IrBuffer buffer) { return planner->scheduler->home[buffer]; }

static void note_use(Planner *planner, IrBuffer buffer, size_t kernel, size_t operation, bool made) {
  Use *use = &planner->use[home_of(planner, buffer)];
  if (!use->made && !use->read) {
    use->first_kernel = use->last_kernel = kernel;
    use->first_operation = use->last_operation = operation;
  }
  if (kernel < use->first_kernel) use->first_kernel = kernel;
  if (kernel > use->last_kernel) use->last_kernel = kernel;
  if (operation < use->first_operation) use->first_operation = operation;
  if (operation > use->last_operation) use->last_operation = operation;
  if (made) use->made = true;
  else use->read = true;
}

static void find_uses(Planner *planner) {
  const Schedule *schedule = planner->schedule;
  const IrProgram *program = schedule->program;
  for (size_t k = 0; k < schedule->kernel_count; k++)
    for (size_t o = 0; o < schedule->kernels[k].operation_count; o++) {
      const KernelOperation *operation = &schedule->kernels[k].operations[o];
      IndexList reads = {0};
      if (operation->kind == KERNEL_PRODUCT) {
        ARENA_PUSH(planner->scheduler->arena, &reads, operation->a);
        ARENA_PUSH(planner->scheduler->arena, &reads, operation->b);
      }
      for (size_t s = 0; s < operation->statement_count; s++) {
        note_use(planner, operation->statements[s].target, k, o, true);
        schedule_collect_reads(planner->scheduler, operation->statements[s].value, &reads);
      }
      for (size_t r = 0; r < reads.count; r++)
        note_use(planner, program->values.items[reads.items[r]].buffer, k, o, false);
    }
}

// What is made before a loop and used in it is needed until the loop ends. A tape is filled from the first round on.
static void extend_uses(Planner *planner) {
  const Schedule *schedule = planner->schedule;
  for (size_t l = schedule->loop_count; l-- > 0;) { // inner before outer
    const ScheduleLoop *loop = &schedule->loops[l];
    for (size_t b = 0; b < schedule->program->buffers.count; b++) {
      Use *use = &planner->use[b];
      if (use->made && use->first_kernel < loop->first_kernel && use->last_kernel >= loop->first_kernel &&
          use->last_kernel < loop->kernel_end)
        use->last_kernel = loop->kernel_end - 1;
      bool fills = use->made && use->first_kernel >= loop->first_kernel && use->first_kernel < loop->kernel_end &&
                   use->last_kernel >= loop->kernel_end;
      if (fills && schedule->program->buffers.items[b].rounds) use->first_kernel = loop->first_kernel;
    }
  }
}

static bool is_product_operand(const Planner *planner, IrBuffer buffer) {
  const Schedule *schedule = planner->schedule;
  const IrProgram *program = schedule->program;
  for (size_t k = 0; k < schedule->kernel_count; k++)
    for (size_t o = 0; o < schedule->kernels[k].operation_count; o++) {
      const KernelOperation *operation = &schedule->kernels[k].operations[o];
      if (operation->kind == KERNEL_PRODUCT && (program->values.items[operation->a].buffer == buffer ||
                                                program->values.items[operation->b].buffer == buffer))
        return true;
    }
  return false;
}

// ---- sizes

static int64_t buffer_bytes(const Planner *planner, IrBuffer buffer, const BufferPlan *plan, int64_t blocked_extent) {
  const IrBufferInfo *info = &planner->schedule->program->buffers.items[buffer];
  int64_t last = 0;
  for (int d = 0; d < info->dimensions; d++) {
    int64_t extent = d == plan->blocked_dimension ? blocked_extent : info->extent[d];
    if (plan->stride[d] == 1) extent = schedule_padded(planner->scheduler, extent);
    last += (extent - 1) * plan->stride[d];
  }
  return schedule_round_up((last + 1) * planner->schedule->element_bytes, ALIGNMENT);
}

// Strides in scratch: the same order of dimensions, the blocked one only as long as a block.
static void scratch_strides(const Planner *planner, IrBuffer buffer, BufferPlan *plan, int64_t blocked_extent) {
  const IrBufferInfo *info = &planner->schedule->program->buffers.items[buffer];
  bool done[IR_MAX_DIMENSIONS] = {false};
  int64_t memory_stride[IR_MAX_DIMENSIONS], stride = 1;
  memcpy(memory_stride, plan->stride, sizeof memory_stride);
  for (int i = 0; i < info->dimensions; i++) {
    int next = -1;
    for (int d = info->dimensions - 1; d >= 0; d--)
      if (!done[d] && (next < 0 || memory_stride[d] < memory_stride[next])) next = d;
    done[next] = true;
    plan->stride[next] = stride;
    int64_t extent = next == plan->blocked_dimension ? blocked_extent : info->extent[next];
    stride *= i == 0 ? schedule_padded(planner->scheduler, extent) : extent;
    if (i == 0 && stride * planner->schedule->element_bytes % 1024 == 0)
      stride += ALIGNMENT / planner->schedule->element_bytes;
  }
}

// ---- variables

static void place_variables(Planner *planner) {
  IrProgram *program = planner->schedule->program;
  PlanTable *table = planner->scheduler->fixed;
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *info = &program->buffers.items[b];
    IrBuffer home = home_of(planner, (IrBuffer)b);
    const Use *use = &planner->use[home];
    if (planner->has_place[home]) continue;
    if (!(info->live_in && use->read) && !(info->live_out && (use->made || info->live_in))) continue;
    const char *name = program->buffers.items[schedule_slot(program, (IrBuffer)b)].name;
    const BufferPlan *known = plan_table_find(table, name);
    BufferPlan *plan = &planner->scheduler->plans[home];
    if (known) {
      *plan = *known;
    } else {
      plan->place = PLACE_MEMORY;
      plan->blocked_dimension = -1;
      plan->offset = schedule_round_up(plan_table_end(table), ALIGNMENT);
      plan_table_reserve(table, plan->offset + buffer_bytes(planner, home, plan, 0));
      plan_table_add(table, name, *plan);
    }
    planner->has_place[home] = true;
  }
}

// ---- temporaries

typedef struct {
  int64_t offset, bytes;
  size_t first, last; // in use from the first to the last of these kernels or operations
} Interval;

typedef ARENA_LIST(Interval) IntervalList;

// The lowest offset from `base` where nothing lives at the same time.
static int64_t fit(Arena *arena, IntervalList *taken, int64_t base, int64_t bytes, size_t first, size_t last) {
  int64_t offset = base;
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t i = 0; i < taken->count; i++) {
      const Interval *other = &taken->items[i];
      bool together = first <= other->last && other->first <= last;
      bool overlap = offset < other->offset + other->bytes && other->offset < offset + bytes;
      if (!together || !overlap) continue;
      offset = other->offset + other->bytes;
      moved = true;
    }
  }
  Interval interval = {offset, bytes, first, last};
  ARENA_PUSH(arena, taken, interval);
  return offset;
}

static int blocked_dimension(const Planner *planner, IrBuffer buffer, const Kernel *kernel) {
  for (size_t o = 0; o < kernel->operation_count && kernel->extent; o++)
    for (size_t s = 0; s < kernel->operations[o].statement_count; s++) {
      const KernelStatement *statement = &kernel->operations[o].statements[s];
      if (statement->target != buffer) continue;
      for (int d = 0; d < planner->schedule->program->buffers.items[buffer].dimensions; d++)
        if (statement->index[d].axis != IR_NONE && statement->index[d].axis == kernel->operations[o].block_axis)
          return d;
    }
  return -1;
}

static int64_t block_extent(const Kernel *kernel) {
  return kernel->block_size < kernel->extent ? kernel->block_size : kernel->extent;
}

static void place_scratch(Planner *planner) {
  Schedule *schedule = planner->schedule;
  Arena *arena = planner->scheduler->arena;
  for (size_t k = 0; k < schedule->kernel_count; k++) {
    Kernel *kernel = &schedule->kernels[k];
    IntervalList taken = {0};
    for (size_t b = 0; b < schedule->program->buffers.count; b++) {
      const Use *use = &planner->use[b];
      BufferPlan *plan = &planner->scheduler->plans[b];
      if (planner->has_place[b] || planner->is_shared[b] || !use->made || use->first_kernel != k ||
          use->last_kernel != k || schedule->program->buffers.items[b].rounds)
        continue;
      planner->has_place[b] = true;
      if (use->first_operation == use->last_operation && !is_product_operand(planner, (IrBuffer)b)) {
        plan->place = PLACE_REGISTER;
        continue;
      }
      plan->place = PLACE_SCRATCH;
      plan->blocked_dimension = blocked_dimension(planner, (IrBuffer)b, kernel);
      scratch_strides(planner, (IrBuffer)b, plan, block_extent(kernel));
      int64_t bytes = buffer_bytes(planner, (IrBuffer)b, plan, block_extent(kernel));
      plan->offset = fit(arena, &taken, 0, bytes, use->first_operation, use->last_operation);
    }
    for (size_t o = 0; o < kernel->operation_count; o++) {
      KernelOperation *operation = &kernel->operations[o];
      if (operation->kind != KERNEL_PRODUCT || !operation->pack_b) continue;
      int64_t columns = (int64_t)schedule->target.tile_vectors * planner->scheduler->vector;
      int64_t bytes = schedule_extent(schedule->program, operation->k) * columns * schedule->element_bytes;
      operation->pack_offset = fit(arena, &taken, 0, schedule_round_up(bytes, ALIGNMENT), o, o);
    }
    for (size_t i = 0; i < taken.count; i++)
      if (taken.items[i].offset + taken.items[i].bytes > schedule->scratch_bytes)
        schedule->scratch_bytes = taken.items[i].offset + taken.items[i].bytes;
  }
}

static void place_memory(Planner *planner) {
  Schedule *schedule = planner->schedule;
  int64_t base = schedule_round_up(plan_table_end(planner->scheduler->fixed), ALIGNMENT);
  IntervalList taken = {0};
  schedule->memory_bytes = base;
  for (size_t b = 0; b < schedule->program->buffers.count; b++) {
    const Use *use = &planner->use[b];
    BufferPlan *plan = &planner->scheduler->plans[b];
    if (planner->has_place[b] || !use->made || home_of(planner, (IrBuffer)b) != (IrBuffer)b) continue;
    planner->has_place[b] = true;
    int64_t bytes = buffer_bytes(planner, (IrBuffer)b, plan, 0), rounds = schedule->program->buffers.items[b].rounds;
    if (rounds) {
      plan->round_bytes = bytes;
      bytes *= rounds;
    }
    plan->place = PLACE_MEMORY;
    plan->offset = fit(planner->scheduler->arena, &taken, base, bytes, use->first_kernel, use->last_kernel);
    if (plan->offset + bytes > schedule->memory_bytes) schedule->memory_bytes = plan->offset + bytes;
  }
  plan_table_reserve(planner->scheduler->fixed, schedule->memory_bytes);
}

// What shares a place has one plan; counters are arguments.
static void copy_plans(Planner *planner) {
  const Schedule *schedule = planner->schedule;
  BufferPlan *plans = planner->scheduler->plans;
  for (size_t b = 0; b < schedule->program->buffers.count; b++)
    if (home_of(planner, (IrBuffer)b) != (IrBuffer)b) plans[b] = plans[home_of(planner, (IrBuffer)b)];
  for (size_t l = 0; l < schedule->loop_count; l++)
    if (schedule->loops[l].counter != IR_NONE)
      plans[schedule->loops[l].counter] =
          (BufferPlan){.place = PLACE_COUNTER, .offset = (int64_t)l, .blocked_dimension = -1};
}

void schedule_plan(Scheduler *scheduler, Schedule *schedule) {
  size_t buffers = schedule->program->buffers.count;
  Planner planner = {.scheduler = scheduler, .schedule = schedule};
  planner.use = ARENA_ARRAY(scheduler->arena, Use, buffers);
  planner.has_place = ARENA_ARRAY(scheduler->arena, bool, buffers);
  planner.is_shared = ARENA_ARRAY(scheduler->arena, bool, buffers);
  for (size_t b = 0; b < buffers; b++)
    if (scheduler->home[b] != (IrBuffer)b) planner.is_shared[scheduler->home[b]] = true;
  find_uses(&planner);
  extend_uses(&planner);
  place_variables(&planner);
  place_scratch(&planner);
  place_memory(&planner);
  copy_plans(&planner);
  schedule->plans = scheduler->plans;
}
