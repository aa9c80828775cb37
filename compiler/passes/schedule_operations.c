// operations: the nodes of one kernel become loop nests and products. Elementwise nodes that use a product element by
// element join it as epilogue; loop nests over the same axes are merged where no statement needs another's elements
// elsewhere. Before: fuse has chosen the nodes. After: plan chooses places.
#include "compiler/passes/schedule_internal.h"

#include <string.h>

typedef struct {
  KernelOperation result;
  NodeKind kind;     // PRODUCT; MAP and REDUCE: a loop nest
  IrAxisSet reduced; // REDUCE
  IndexList nodes;   // its statements, as positions in the draft; the product's own first
} Draft;

typedef struct {
  Scheduler *scheduler;
  const NodeOrder *order;
  const KernelDraft *kernel;
  ARENA_LIST(Draft) drafts;
  size_t *draft_of;  // [position in the kernel]
  int32_t *position; // [node]: its position in the kernel, or -1
} Builder;

static const ScheduleNode *node_at(const Builder *builder, int32_t position) {
  return &builder->scheduler->nodes.items[builder->kernel->items[position].node];
}

// ---- loop order

// The axis that most of the memory a node touches is contiguous in: the vectorized one.
IrAxis schedule_loop_vector(const Scheduler *scheduler, const ScheduleNode *node, const IndexList *reads) {
  const IrProgram *program = scheduler->program;
  if (node->kind == NODE_MAP) return schedule_vector_axis(scheduler, node->statement.target, node->statement.index);
  IrAxis best = IR_NONE;
  int best_axes = 0;
  for (size_t i = 0; i < reads->count; i++) {
    const IrValueInfo *read = &program->values.items[reads->items[i]];
    int axes = __builtin_popcountll(read->axes);
    IrAxis axis = schedule_vector_axis(scheduler, read->buffer, read->index);
    if (axis == IR_NONE || axes <= best_axes || !(node->all_axes & ir_axis_bit(axis))) continue;
    best = axis;
    best_axes = axes;
  }
  if (best != IR_NONE || !node->all_axes) return best;
  return (IrAxis)(63 - __builtin_clzll(node->all_axes));
}

// Loops over the axes that the target and `wanted` have, in the order of the target's memory.
static void order_free_loops(const Scheduler *scheduler, const ScheduleNode *node, IrAxisSet wanted,
                             KernelOperation *loop) {
  const IrBufferInfo *target = &scheduler->program->buffers.items[node->statement.target];
  const int64_t *stride = scheduler->plans[node->statement.target].stride;
  bool used[IR_MAX_DIMENSIONS] = {false};
  for (int i = 0; i < target->dimensions; i++) {
    int best = -1;
    for (int d = 0; d < target->dimensions; d++)
      if (!used[d] && (best < 0 || stride[d] > stride[best])) best = d;
    used[best] = true;
    IrAxis axis = node->statement.index[best].axis;
    if (wanted & ir_axis_bit(axis)) loop->loop[loop->loops++] = axis;
  }
}

// Free axes in the order of the target's memory, then bound ones, last the vectorized one.
static void order_loops(const Scheduler *scheduler, const ScheduleNode *node, const IndexList *reads,
                        KernelOperation *loop) {
  IrAxis vector = schedule_loop_vector(scheduler, node, reads);
  order_free_loops(scheduler, node, node->axes & ~ir_axis_bit(vector), loop);
  IrAxisSet bound = node->all_axes & ~node->axes;
  for (; bound; bound &= bound - 1) {
    IrAxis axis = (IrAxis)__builtin_ctzll(bound);
    if (axis != vector && loop->loops < IR_MAX_DIMENSIONS - 1) loop->loop[loop->loops++] = axis;
  }
  if (vector != IR_NONE) loop->loop[loop->loops++] = vector;
}

// ---- joining

// Whether a node may stand in a draft behind what it depends on there: it then sees registers, element by element.
static bool sees_only_own_elements(const Builder *builder, const Draft *draft, int32_t position) {
  const IrProgram *program = builder->scheduler->program;
  const ScheduleNode *node = node_at(builder, position);
  const NodeOrder *order = &builder->order[builder->kernel->items[position].node];
  for (size_t i = 0; i < draft->nodes.count; i++) {
    int32_t other_position = draft->nodes.items[i];
    const ScheduleNode *other = node_at(builder, other_position);
    const NodeOrder *other_order = &builder->order[builder->kernel->items[other_position].node];
    IrBuffer made = other->statement.target;
    for (size_t r = 0; r < order->reads.count; r++) {
      const IrValueInfo *read = &program->values.items[order->reads.items[r]];
      if (read->buffer != made) continue;
      if (draft->kind == NODE_REDUCE) return false;
      if (!schedule_same_index(read->index, other->statement.index, program->buffers.items[made].dimensions))
        return false;
    }
    const IrBuffer *home = builder->scheduler->home;
    IrBuffer target = node->statement.target;
    if (home[made] == home[target] &&
        !schedule_same_index(other->statement.index, node->statement.index, program->buffers.items[made].dimensions))
      return false;
    for (size_t r = 0; r < other_order->reads.count; r++) {
      const IrValueInfo *read = &program->values.items[other_order->reads.items[r]];
      if (home[read->buffer] != home[target]) continue;
      if (other->kind != NODE_MAP) return false;
      int dimensions = program->buffers.items[read->buffer].dimensions;
      if (!schedule_same_index(read->index, node->statement.index, dimensions)) return false;
    }
  }
  return true;
}

static bool reads_target_of(const Builder *builder, int32_t position, int32_t maker) {
  const NodeOrder *order = &builder->order[builder->kernel->items[position].node];
  IrBuffer made = node_at(builder, maker)->statement.target;
  for (size_t r = 0; r < order->reads.count; r++)
    if (builder->scheduler->program->values.items[order->reads.items[r]].buffer == made) return true;
  return false;
}

static IrAxisSet product_axes(const KernelOperation *product) {
  IrAxisSet axes = ir_axis_bit(product->m) | ir_axis_bit(product->n);
  for (int i = 0; i < product->loops; i++) axes |= ir_axis_bit(product->loop[i]);
  return axes;
}

static bool joins_product(const Builder *builder, const Draft *draft, int32_t position) {
  const ScheduleNode *node = node_at(builder, position);
  const KernelOperation *product = &draft->result;
  if (node->kind != NODE_MAP || product->form == PRODUCT_BLAS) return false;
  if (node->axes != product_axes(product) || builder->kernel->items[position].axis != product->block_axis) return false;
  IrAxis vector = schedule_vector_axis(builder->scheduler, node->statement.target, node->statement.index);
  if (product->form == PRODUCT_OUTER && vector != product->n) return false;
  bool uses = false; // the product, or what already uses it
  for (size_t i = 0; i < draft->nodes.count; i++) uses |= reads_target_of(builder, position, draft->nodes.items[i]);
  return uses;
}

static bool joins_loop(const Builder *builder, const Draft *draft, int32_t position, const KernelOperation *loop) {
  const ScheduleNode *node = node_at(builder, position);
  if (node->kind != draft->kind || loop->loops != draft->result.loops) return false;
  if (memcmp(loop->loop, draft->result.loop, sizeof(IrAxis) * (size_t)loop->loops) != 0) return false;
  if (builder->kernel->items[position].axis != draft->result.block_axis) return false;
  return node->kind == NODE_MAP || (node->all_axes & ~node->axes) == draft->reduced;
}

static Draft product_draft(const Builder *builder, int32_t position) {
  const Scheduler *scheduler = builder->scheduler;
  const ScheduleNode *node = node_at(builder, position);
  const KernelDraft *kernel = builder->kernel;
  Draft draft = {.kind = NODE_PRODUCT, .result.kind = KERNEL_PRODUCT};
  KernelOperation *product = &draft.result;
  product->block_axis = kernel->items[position].axis;
  ProductChoice choice = {.form = PRODUCT_BLAS};
  if (scheduler->options->blas_products && !node->outer) {
    product->n = schedule_vector_axis(scheduler, node->statement.target, node->statement.index);
    choice.transposed = node->right_axis != product->n;
  } else {
    choice = schedule_blocked_form(scheduler, node, product->block_axis, kernel->block_size, &product->n);
  }
  order_free_loops(scheduler, node, node->outer, product);
  product->form = choice.form;
  product->pack_b = choice.pack;
  product->k = node->k;
  product->m = choice.transposed ? node->right_axis : node->left_axis;
  product->a = choice.transposed ? node->right : node->left;
  product->b = choice.transposed ? node->left : node->right;
  return draft;
}

static void place_node(Builder *builder, int32_t position) {
  Scheduler *scheduler = builder->scheduler;
  const ScheduleNode *node = node_at(builder, position);
  const NodeOrder *order = &builder->order[builder->kernel->items[position].node];
  KernelOperation loop = {.kind = KERNEL_LOOP,
                          .block_axis = builder->kernel->items[position].axis,
                          .m = IR_NONE,
                          .n = IR_NONE,
                          .k = IR_NONE,
                          .a = IR_NONE,
                          .b = IR_NONE};
  if (node->kind != NODE_PRODUCT) order_loops(scheduler, node, &order->reads, &loop);
  size_t earliest = 0;
  for (size_t i = 0; i < order->before.count; i++) {
    int32_t other = builder->position[order->before.items[i]];
    if (other < 0) continue;
    size_t of = builder->draft_of[other];
    if (!sees_only_own_elements(builder, &builder->drafts.items[of], position)) of++;
    if (of > earliest) earliest = of;
  }
  if (node->kind != NODE_PRODUCT)
    for (size_t i = earliest; i < builder->drafts.count; i++) {
      Draft *draft = &builder->drafts.items[i];
      if (draft->kind == NODE_PRODUCT ? !joins_product(builder, draft, position)
                                      : !joins_loop(builder, draft, position, &loop))
        continue;
      ARENA_PUSH(scheduler->arena, &draft->nodes, position);
      builder->draft_of[position] = i;
      return;
    }
  Draft draft = {.kind = node->kind, .result = loop, .reduced = node->all_axes & ~node->axes};
  if (node->kind == NODE_PRODUCT) draft = product_draft(builder, position);
  ARENA_PUSH(scheduler->arena, &draft.nodes, position);
  builder->draft_of[position] = builder->drafts.count;
  ARENA_PUSH(scheduler->arena, &builder->drafts, draft);
}

// ---- statements

typedef struct {
  IrBuffer buffer;
  IrValue argument;
} Result;

static IrValue read_argument(void *context, IrProgram *program, IrValue value) {
  const Result *result = context;
  const IrValueInfo *info = &program->values.items[value];
  return info->kind == VALUE_READ && info->buffer == result->buffer ? result->argument : value;
}

// Whether a node outside of the draft reads the product, or it outlives the program.
static bool needed_elsewhere(const Builder *builder, const Draft *draft, IrBuffer buffer) {
  const Scheduler *scheduler = builder->scheduler;
  if (scheduler->program->buffers.items[buffer].live_out || schedule_has_twin(scheduler, buffer)) return true;
  for (size_t i = 0; i < scheduler->nodes.count; i++) {
    bool inside = false;
    for (size_t j = 0; j < draft->nodes.count; j++)
      inside |= builder->kernel->items[draft->nodes.items[j]].node == (int32_t)i;
    for (size_t r = 0; r < builder->order[i].reads.count && !inside; r++)
      if (scheduler->program->values.items[builder->order[i].reads.items[r]].buffer == buffer) return true;
  }
  return false;
}

static void write_statements(Builder *builder, Draft *draft) {
  Scheduler *scheduler = builder->scheduler;
  KernelOperation *operation = &draft->result;
  operation->statements = ARENA_ARRAY(scheduler->arena, KernelStatement, draft->nodes.count);
  Result result = {.buffer = IR_NONE};
  for (size_t i = 0; i < draft->nodes.count; i++) {
    KernelStatement statement = node_at(builder, draft->nodes.items[i])->statement;
    if (draft->kind == NODE_PRODUCT && i == 0) {
      const IrValueInfo *product = &scheduler->program->values.items[statement.value];
      result = (Result){statement.target, ir_argument(scheduler->program, 0, product->axes, false)};
      statement.value = result.argument;
      if (draft->nodes.count > 1 && !needed_elsewhere(builder, draft, result.buffer)) continue;
    } else if (draft->kind == NODE_PRODUCT) {
      statement.value = ir_rewrite(scheduler->program, statement.value, read_argument, &result);
    }
    operation->statements[operation->statement_count++] = statement;
  }
}

// ---- the kernel

static int64_t points(const Builder *builder, const Draft *draft) {
  IrAxisSet axes = draft->kind == NODE_PRODUCT ? product_axes(&draft->result) : 0;
  int64_t count = 1;
  for (int i = 0; i < draft->result.loops; i++) axes |= ir_axis_bit(draft->result.loop[i]);
  for (; axes; axes &= axes - 1) count *= schedule_extent(builder->scheduler->program, (IrAxis)__builtin_ctzll(axes));
  return count;
}

static void add_cost(const Builder *builder, const Draft *draft, Kernel *kernel) {
  const Scheduler *scheduler = builder->scheduler;
  double elements = (double)points(builder, draft), flops = 0, accesses = 0;
  for (size_t i = 0; i < draft->result.statement_count; i++) {
    const KernelStatement *statement = &draft->result.statements[i];
    IndexList reads = {0};
    schedule_collect_reads(scheduler, statement->value, &reads);
    flops += elements * schedule_value_cost(scheduler, statement->value);
    accesses += elements * (double)(1 + reads.count);
  }
  if (draft->kind == NODE_PRODUCT) {
    double k = (double)schedule_extent(scheduler->program, draft->result.k);
    double m = (double)schedule_extent(scheduler->program, draft->result.m),
           n = (double)schedule_extent(scheduler->program, draft->result.n);
    flops += 2 * elements * k;
    accesses += (m * k + k * n) * elements / (m * n);
  }
  kernel->flops += flops;
  kernel->bytes += accesses * scheduler->options->element_bytes;
}

static const char *kernel_name(const Builder *builder) {
  const Scheduler *scheduler = builder->scheduler;
  const char *block = node_at(builder, 0)->block;
  Text name = {0};
  text_add(&name, "%s", block ? block : "step");
  const char *separator = ": ";
  for (size_t i = 0; i < builder->kernel->count; i++) {
    const IrBufferInfo *target = &scheduler->program->buffers.items[node_at(builder, (int32_t)i)->statement.target];
    if (target->role == ROLE_TEMPORARY) continue;
    if (name.length >= 60) { // there are more
      text_add(&name, ", ...");
      break;
    }
    text_add(&name, "%s%s", separator, target->name);
    separator = ", ";
  }
  const char *copy = arena_copy(scheduler->arena, name.bytes, name.length);
  text_free(&name);
  return copy;
}

Kernel schedule_operations(Scheduler *scheduler, const NodeOrder *order, const KernelDraft *draft) {
  Builder builder = {.scheduler = scheduler, .order = order, .kernel = draft};
  builder.draft_of = ARENA_ARRAY(scheduler->arena, size_t, draft->count);
  builder.position = ARENA_ARRAY(scheduler->arena, int32_t, scheduler->nodes.count);
  for (size_t i = 0; i < scheduler->nodes.count; i++) builder.position[i] = -1;
  for (size_t i = 0; i < draft->count; i++) {
    builder.position[draft->items[i].node] = (int32_t)i;
    place_node(&builder, (int32_t)i);
  }
  Kernel kernel = {.name = kernel_name(&builder), .extent = draft->extent, .block_size = draft->block_size};
  kernel.operation_count = builder.drafts.count;
  kernel.operations = ARENA_ARRAY(scheduler->arena, KernelOperation, builder.drafts.count);
  for (size_t i = 0; i < builder.drafts.count; i++) {
    write_statements(&builder, &builder.drafts.items[i]);
    kernel.operations[i] = builder.drafts.items[i].result;
    add_cost(&builder, &builder.drafts.items[i], &kernel);
  }
  return kernel;
}
