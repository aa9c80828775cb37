// What work costs: the flops of a value, and a model of the time of products in their forms, in nanoseconds. The model
// only ranks choices; its constants are measurements of one machine (a fused multiply-add of a vector every 0.15 ns).
#include "compiler/ir/order.h"
#include "compiler/passes/schedule_internal.h"

#include <math.h>

static const double vector_multiply_add = 0.15, horizontal_sum = 1.5, packed_element = 0.3,
                    dot_loads = 1.5; // tiles of dot products load twice as much

double schedule_value_cost(const Scheduler *scheduler, IrValue value) {
  IrOrder order = ir_order(scheduler->program, value, NULL, NULL);
  double cost = 0;
  for (size_t i = 0; i < order.count; i++) {
    const IrValueInfo *info = &scheduler->program->values.items[order.values[i]];
    cost += ir_flops(info) + (info->kind == VALUE_REDUCE);
  }
  ir_order_free(&order);
  return cost;
}

ProductChoice schedule_product_form(const Scheduler *scheduler, const ScheduleNode *node, IrAxis n, int64_t m_extent,
                                    int64_t n_extent) {
  const IrProgram *program = scheduler->program;
  const IrValueInfo *target_read = &program->values.items[node->left], *b = &program->values.items[node->right];
  const IrValueInfo *a = target_read;
  ProductChoice choice = {.transposed = node->right_axis != n, .nanoseconds = INFINITY};
  if (choice.transposed) {
    a = b;
    b = target_read;
  }
  IrAxis b_vector = schedule_vector_axis(scheduler, b->buffer, b->index);
  IrAxis a_vector = schedule_vector_axis(scheduler, a->buffer, a->index);
  IrAxis target_vector = schedule_vector_axis(scheduler, node->statement.target, node->statement.index);
  double lanes = scheduler->vector, m = (double)m_extent, columns = (double)n_extent;
  double k = (double)schedule_extent(program, node->k);
  if (target_vector == n && n != IR_NONE && (b_vector == n || b_vector == node->k)) {
    double loads = ceil(m / scheduler->options->target.tile_rows);
    choice.form = PRODUCT_OUTER;
    choice.pack = b_vector != n;
    choice.nanoseconds = (m + loads) * ceil(columns / lanes) * k * vector_multiply_add;
    if (choice.pack) choice.nanoseconds += columns * k * packed_element;
  }
  double dot = m * columns * (ceil(k / lanes) * vector_multiply_add * dot_loads + horizontal_sum);
  if (a_vector == node->k && b_vector == node->k && dot < choice.nanoseconds) {
    choice.form = PRODUCT_DOT;
    choice.pack = false;
    choice.nanoseconds = dot;
  }
  return choice;
}

static ProductChoice cut_form(const Scheduler *scheduler, const ScheduleNode *node, IrAxis n, IrAxis axis,
                              int64_t block_size) {
  IrAxis m = n == node->right_axis ? node->left_axis : node->right_axis;
  int64_t m_extent = schedule_extent(scheduler->program, m), n_extent = schedule_extent(scheduler->program, n);
  if (axis != IR_NONE && m == axis && block_size < m_extent) m_extent = block_size;
  if (axis != IR_NONE && n == axis && block_size < n_extent) n_extent = block_size;
  ProductChoice choice = schedule_product_form(scheduler, node, n, m_extent, n_extent);
  double times = ir_extent(scheduler->program, node->outer);
  if (axis != IR_NONE && (node->outer & ir_axis_bit(axis)))
    times *= (double)block_size / (double)schedule_extent(scheduler->program, axis);
  choice.nanoseconds *= times;
  return choice;
}

ProductChoice schedule_blocked_form(const Scheduler *scheduler, const ScheduleNode *node, IrAxis axis,
                                    int64_t block_size, IrAxis *n) {
  *n = node->right_axis;
  ProductChoice choice = cut_form(scheduler, node, node->right_axis, axis, block_size);
  if (node->left_axis == IR_NONE) return choice;
  ProductChoice swapped = cut_form(scheduler, node, node->left_axis, axis, block_size);
  if (swapped.nanoseconds >= choice.nanoseconds) return choice;
  *n = node->left_axis;
  return swapped;
}
