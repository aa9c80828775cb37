// Runs a schedule block by block, statement by statement, point by point.
#include "tests/support/schedule_run.h"

#include "base/philox.h"
#include "compiler/ir/ir.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
  const Schedule *schedule;
  double *memory, *scratch, *registers; // registers: one a buffer, at the current point
  double step, argument;
  double *counters; // one a loop
  unsigned seed;    // of the order of blocks
  int64_t position[IR_MAX_AXES];
  const Kernel *kernel;
  const KernelOperation *operation;
  int64_t block_start, block_end;
} Run;

static const IrValueInfo *value_info(const Run *run, IrValue value) {
  return &run->schedule->program->values.items[value];
}

static double *element(Run *run, IrBuffer buffer, const IrIndex *index) {
  const BufferPlan *plan = &run->schedule->plans[buffer];
  if (plan->place == PLACE_REGISTER) return &run->registers[buffer];
  if (plan->place == PLACE_COUNTER) return &run->counters[plan->offset];
  int64_t at = plan->offset / run->schedule->element_bytes;
  for (int d = 0; d < run->schedule->program->buffers.items[buffer].dimensions; d++) {
    int64_t position = index[d].axis == IR_NONE ? index[d].constant : run->position[index[d].axis];
    if (plan->place == PLACE_SCRATCH && plan->blocked_dimension == d) position -= run->block_start;
    at += position * plan->stride[d];
  }
  return plan->place == PLACE_SCRATCH ? &run->scratch[at] : &run->memory[at];
}

static void axis_range(const Run *run, IrAxis axis, int64_t *start, int64_t *end) {
  bool cut = axis != IR_NONE && axis == run->operation->block_axis;
  *start = cut ? run->block_start : 0;
  *end = cut ? run->block_end : axis == IR_NONE ? 1 : run->schedule->program->axes.items[axis].extent;
}

static double evaluate(Run *run, IrValue value);

static double reduce(Run *run, const IrValueInfo *info, IrAxisSet axes) {
  static const double start[] = {
      [REDUCE_SUM] = 0, [REDUCE_PRODUCT] = 1, [REDUCE_MAXIMUM] = -INFINITY, [REDUCE_MINIMUM] = INFINITY};
  if (!axes) return evaluate(run, info->operand[0]);
  IrAxis axis = (IrAxis)__builtin_ctzll(axes);
  int64_t saved = run->position[axis], extent = run->schedule->program->axes.items[axis].extent;
  double total = info->reduction == REDUCE_ARGMAX ? -INFINITY : start[info->reduction], best = 0;
  for (int64_t i = 0; i < extent; i++) {
    run->position[axis] = i;
    double x = reduce(run, info, axes & (axes - 1));
    if (info->reduction == REDUCE_SUM) total += x;
    else if (info->reduction == REDUCE_PRODUCT) total *= x;
    else if (info->reduction == REDUCE_MINIMUM) total = isnan(x) || x < total ? x : total;
    else if (isnan(x) || x > total) total = x, best = (double)i;
  }
  run->position[axis] = saved;
  return info->reduction == REDUCE_ARGMAX ? best : total;
}

static double evaluate(Run *run, IrValue value) {
  const IrValueInfo *info = value_info(run, value);
  double x[IR_MAX_OPERANDS] = {0};
  switch (info->kind) {
  case VALUE_CONSTANT: return info->number;
  case VALUE_STEP: return run->step;
  case VALUE_POSITION: return (double)run->position[info->axis];
  case VALUE_READ: return *element(run, info->buffer, info->index);
  case VALUE_ARGUMENT: return run->argument;
  case VALUE_NOISE: {
    int64_t drawn = 0;
    for (int d = 0; d < info->dimensions; d++) {
      IrIndex at = info->index[d];
      drawn = drawn * info->extent[d] + (at.axis == IR_NONE ? at.constant : run->position[at.axis]);
    }
    return philox_noise(0, info->place, info->layer, (uint32_t)drawn, (uint32_t)(int64_t)run->step,
                        (uint32_t)(int64_t)evaluate(run, info->operand[0]), info->draw);
  }
  case VALUE_REDUCE: return reduce(run, info, info->reduced);
  case VALUE_OPERATION:
    for (int i = 0; i < ir_operation_arity(info->operation); i++) x[i] = evaluate(run, info->operand[i]);
    return ir_evaluate(info->operation, x[0], x[1], x[2]);
  }
  return NAN;
}

static void assign(Run *run, const KernelStatement *statement) {
  *element(run, statement->target, statement->index) = evaluate(run, statement->value);
}

// Every point of the loops that the statements' targets have.
static void run_loop(Run *run, int depth) {
  const KernelOperation *operation = run->operation;
  if (depth == operation->loops) {
    for (size_t s = 0; s < operation->statement_count; s++) assign(run, &operation->statements[s]);
    return;
  }
  IrAxis axis = operation->loop[depth];
  const IrValueInfo *first = value_info(run, operation->statements[0].value);
  if (first->kind == VALUE_REDUCE && (first->reduced & ir_axis_bit(axis))) {
    run_loop(run, depth + 1);
    return;
  }
  int64_t start, end;
  axis_range(run, axis, &start, &end);
  for (int64_t i = start; i < end; i++) {
    run->position[axis] = i;
    run_loop(run, depth + 1);
  }
}

static void run_product(Run *run, int depth) {
  const KernelOperation *product = run->operation;
  if (depth < product->loops) {
    int64_t start, end;
    axis_range(run, product->loop[depth], &start, &end);
    for (int64_t i = start; i < end; i++) {
      run->position[product->loop[depth]] = i;
      run_product(run, depth + 1);
    }
    return;
  }
  int64_t m_start, m_end, n_start, n_end, k_start, k_end;
  axis_range(run, product->m, &m_start, &m_end);
  axis_range(run, product->n, &n_start, &n_end);
  axis_range(run, product->k, &k_start, &k_end);
  for (int64_t m = m_start; m < m_end; m++)
    for (int64_t n = n_start; n < n_end; n++) {
      if (product->m != IR_NONE) run->position[product->m] = m;
      run->position[product->n] = n;
      double total = 0;
      for (int64_t k = k_start; k < k_end; k++) {
        run->position[product->k] = k;
        total += evaluate(run, product->a) * evaluate(run, product->b);
      }
      run->argument = total;
      for (size_t s = 0; s < product->statement_count; s++) assign(run, &product->statements[s]);
    }
}

static void run_block(Run *run, int64_t block) {
  const Schedule *schedule = run->schedule;
  run->block_start = block * run->kernel->block_size;
  run->block_end = run->block_start + run->kernel->block_size;
  if (run->block_end > run->kernel->extent) run->block_end = run->kernel->extent;
  for (int64_t i = 0; i < schedule->scratch_bytes / schedule->element_bytes; i++) run->scratch[i] = NAN;
  for (size_t o = 0; o < run->kernel->operation_count; o++) {
    run->operation = &run->kernel->operations[o];
    if (run->operation->kind == KERNEL_PRODUCT) run_product(run, 0);
    else run_loop(run, 0);
  }
}

// The blocks in random order; `loop`: each block runs all its iterations.
static void run_kernel(Run *run, size_t k, size_t loop) {
  run->kernel = &run->schedule->kernels[k];
  int64_t extent = run->kernel->extent;
  int64_t blocks = extent ? (extent + run->kernel->block_size - 1) / run->kernel->block_size : 1;
  int64_t *order = malloc((size_t)blocks * sizeof *order);
  for (int64_t i = 0; i < blocks; i++) {
    run->seed = run->seed * 1664525u + 1013904223u;
    int64_t j = (int64_t)((run->seed >> 8) % (unsigned)(i + 1));
    order[i] = order[j];
    order[j] = i;
  }
  int64_t times = loop < run->schedule->loop_count ? run->schedule->loops[loop].count : 1;
  for (int64_t i = 0; i < blocks; i++)
    for (int64_t iteration = 0; iteration < times; iteration++) {
      if (loop < run->schedule->loop_count) run->counters[loop] = (double)iteration;
      run_block(run, order[i]);
    }
  free(order);
}

// The kernels first .. end - 1; the loops from `loop` on are those inside.
static void run_range(Run *run, size_t first, size_t end, size_t loop) {
  const Schedule *schedule = run->schedule;
  for (size_t k = first; k < end;) {
    while (loop < schedule->loop_count && schedule->loops[loop].first_kernel < k) loop++;
    const ScheduleLoop *here = &schedule->loops[loop];
    if (loop == schedule->loop_count || here->first_kernel != k || here->by_block) {
      bool by_block = loop < schedule->loop_count && here->first_kernel == k;
      run_kernel(run, k, by_block ? loop : schedule->loop_count);
      k++;
      continue;
    }
    for (int64_t i = 0; i < here->count; i++) {
      run->counters[loop] = (double)i;
      run_range(run, k, here->kernel_end, loop + 1);
    }
    k = here->kernel_end;
  }
}

void schedule_run(const Schedule *schedule, double *memory, double step, unsigned seed) {
  Run run = {.schedule = schedule, .memory = memory, .step = step, .seed = seed};
  run.scratch = malloc((size_t)(schedule->scratch_bytes / schedule->element_bytes + 1) * sizeof(double));
  run.registers = calloc(schedule->program->buffers.count + 1, sizeof(double));
  run.counters = calloc(schedule->loop_count + 1, sizeof(double));
  run_range(&run, 0, schedule->kernel_count, 0);
  free(run.scratch);
  free(run.registers);
  free(run.counters);
}

double *schedule_element(const Schedule *schedule, double *memory, IrBuffer buffer, const int64_t *position) {
  const BufferPlan *plan = &schedule->plans[buffer];
  int64_t at = plan->offset / schedule->element_bytes;
  for (int d = 0; d < schedule->program->buffers.items[buffer].dimensions; d++) at += position[d] * plan->stride[d];
  return &memory[at];
}
