// The text form of programs, read back by parse.c:
//
//   program step
//
//   axis batch:128                    kind (unless it is the name), name, extent
//   axis unit unit0:784
//
//   buffer w0 synapse "w" layer 0 in out [state c:4, unit unit0:784, unit unit1:256]
//   buffer t temporary of w0 state 1, 0 []
//
//   block "forward 0"
//   %0 = tanh(x[batch, 3])            a shared part: stands for its expression wherever it is written
//   a1[0, batch] <- add(%0, sum(unit0: mul(w0[0, unit0, 1], %0)))
//   repeat 20 counter i {
//     ...
//     t[batch] <- normal(place 2 layer 0, i[]: batch of 128, 3 of 4)    noise: iteration, then its element
//   }
//
// What occurs more than once in a statement and is no leaf becomes a % line, so that text stays linear in the size of
// the DAG; so does what is nested too deep to be written, or read, in one piece.
#include "compiler/ir/order.h"
#include "compiler/ir/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const IrProgram *program;
  Text *out;
  IrOrder order;
  int32_t *uses, *name; // by place in the order; name: the number of its % line, -1 for none
} Printing;

static void *allocated(size_t count, size_t bytes) {
  void *items = calloc(count + 1, bytes);
  if (!items) {
    fputs("blur: out of memory\n", stderr);
    exit(3);
  }
  return items;
}

static void add_index(const IrProgram *program, const IrIndex *index, int dimensions, Text *out) {
  text_add(out, "[");
  for (int i = 0; i < dimensions; i++) {
    if (i) text_add(out, ", ");
    if (index[i].axis == IR_NONE) text_add(out, "%d", index[i].constant);
    else text_add(out, "%s", program->axes.items[index[i].axis].name);
  }
  text_add(out, "]");
}

static void add_axes(const IrProgram *program, IrAxisSet axes, Text *out) {
  const char *separator = "";
  for (IrAxis axis = 0; axis < IR_MAX_AXES; axis++) {
    if (!(axes & ir_axis_bit(axis))) continue;
    text_add(out, "%s%s", separator, program->axes.items[axis].name);
    separator = ", ";
  }
}

static void add_operand(Printing *printing, IrValue value);

static void add_expression(Printing *printing, IrValue value) {
  const IrProgram *program = printing->program;
  const IrValueInfo *info = &program->values.items[value];
  Text *out = printing->out;
  switch (info->kind) {
  case VALUE_CONSTANT:
    if (info->is_truth) text_add(out, info->number != 0 ? "true" : "false");
    else text_add_number(out, info->number);
    return;
  case VALUE_STEP: text_add(out, "step"); return;
  case VALUE_POSITION: text_add(out, "position(%s)", program->axes.items[info->axis].name); return;
  case VALUE_READ: {
    const IrBufferInfo *buffer = &program->buffers.items[info->buffer];
    text_add(out, "%s", buffer->name);
    add_index(program, info->index, buffer->dimensions, out);
    return;
  }
  case VALUE_NOISE:
    text_add(out, "%s(place %u", info->draw == 'n' ? "normal" : "uniform", info->place);
    if (info->layer >= 0) text_add(out, " layer %d", info->layer);
    text_add(out, ", ");
    add_operand(printing, info->operand[0]);
    for (int i = 0; i < info->dimensions; i++) {
      text_add(out, i ? ", " : ": ");
      if (info->index[i].axis == IR_NONE) text_add(out, "%d", info->index[i].constant);
      else text_add(out, "%s", program->axes.items[info->index[i].axis].name);
      text_add(out, " of %d", info->extent[i]);
    }
    text_add(out, ")");
    return;
  case VALUE_ARGUMENT:
    text_add(out, "%s(%d%s", info->is_truth ? "truth_argument" : "argument", info->argument, info->axes ? ": " : "");
    add_axes(program, info->axes, out);
    text_add(out, ")");
    return;
  case VALUE_REDUCE:
    text_add(out, "%s(", ir_reduction_name(info->reduction));
    add_axes(program, info->reduced, out);
    text_add(out, ": ");
    add_operand(printing, info->operand[0]);
    text_add(out, ")");
    return;
  case VALUE_OPERATION:
    text_add(out, "%s(", ir_operation_name(info->operation));
    for (int i = 0; i < ir_operation_arity(info->operation); i++) {
      if (i) text_add(out, ", ");
      add_operand(printing, info->operand[i]);
    }
    text_add(out, ")");
    return;
  }
}

static void add_operand(Printing *printing, IrValue value) {
  int32_t name = printing->name[ir_order_place(&printing->order, value)];
  if (name >= 0) text_add(printing->out, "%%%d", name);
  else add_expression(printing, value);
}

// Decides which values get a % line: uses[] becomes 2 or more for them. Nesting counts from the last named value down.
static void choose_named(Printing *printing) {
  const IrOrder *order = &printing->order;
  int32_t *height = allocated(order->count, sizeof(int32_t));
  for (size_t i = 0; i < order->count; i++) {
    const IrValueInfo *info = &printing->program->values.items[order->values[i]];
    for (int j = 0; j < ir_value_operands(info); j++) printing->uses[ir_order_place(order, info->operand[j])]++;
  }
  for (size_t i = 0; i < order->count; i++) {
    const IrValueInfo *info = &printing->program->values.items[order->values[i]];
    int operands = ir_value_operands(info);
    for (int j = 0; j < operands; j++) {
      size_t place = ir_order_place(order, info->operand[j]);
      if (height[place] >= height[i]) height[i] = height[place] + 1;
    }
    if (operands == 0) printing->uses[i] = 0;
    if (height[i] >= WORDS_MAX_NESTING / 2) printing->uses[i] = 2;
    if (printing->uses[i] > 1) height[i] = 0;
  }
  free(height);
}

typedef struct {
  IrValue value;
  int next; // the operand to visit next
} Visit;

// Prints the % lines in the order in which a reader from left to right needs them, which depends on the structure
// alone.
static void add_named(Printing *printing, IrValue root, const char *indent, const char *line_end) {
  const IrOrder *order = &printing->order;
  Visit *stack = allocated(order->count, sizeof(Visit));
  bool *seen = allocated(order->count, sizeof(bool));
  size_t depth = 0;
  int32_t names = 0;
  stack[depth++] = (Visit){root, 0};
  seen[ir_order_place(order, root)] = true;
  while (depth > 0) {
    Visit *top = &stack[depth - 1];
    const IrValueInfo *info = &printing->program->values.items[top->value];
    if (top->next < ir_value_operands(info)) {
      IrValue operand = info->operand[top->next++];
      size_t place = ir_order_place(order, operand);
      if (!seen[place]) stack[depth++] = (Visit){operand, 0};
      seen[place] = true;
      continue;
    }
    IrValue value = top->value;
    depth--;
    size_t place = ir_order_place(order, value);
    if (printing->uses[place] < 2 || value == root) continue;
    text_add(printing->out, "%s%%%d = ", indent, names);
    add_expression(printing, value);
    text_add(printing->out, "%s", line_end);
    printing->name[place] = names++;
  }
  free(stack);
  free(seen);
}

static Printing begin(const IrProgram *program, IrValue value, Text *out, const char *indent, const char *line_end) {
  Printing printing = {program, out, ir_order(program, value, NULL, NULL), NULL, NULL};
  printing.uses = allocated(printing.order.count, sizeof(int32_t));
  printing.name = allocated(printing.order.count, sizeof(int32_t));
  for (size_t i = 0; i < printing.order.count; i++) printing.name[i] = -1;
  choose_named(&printing);
  add_named(&printing, value, indent, line_end);
  return printing;
}

static void end(Printing *printing) {
  free(printing->uses);
  free(printing->name);
  ir_order_free(&printing->order);
}

void ir_print_value(const IrProgram *program, IrValue value, Text *out) {
  Printing printing = begin(program, value, out, "", "; ");
  add_expression(&printing, value);
  end(&printing);
}

// ---- declarations and statements

static void add_dimension(IrAxisKind kind, const char *name, int64_t extent, Text *out) {
  if (strcmp(words_axis_kind[kind], name) != 0) text_add(out, "%s ", words_axis_kind[kind]);
  text_add(out, "%s:%lld", name, (long long)extent);
}

static void print_buffer(const IrProgram *program, const IrBufferInfo *buffer, Text *out) {
  text_add(out, "buffer %s %s", buffer->name, words_role[buffer->role]);
  if (buffer->variable) text_add(out, " \"%s\"", buffer->variable);
  if (buffer->layer >= 0) text_add(out, " layer %d", buffer->layer);
  if (buffer->is_bias) text_add(out, " bias");
  if (buffer->live_in) text_add(out, " in");
  if (buffer->live_out) text_add(out, " out");
  if (buffer->carried) text_add(out, " carried");
  if (buffer->rounds) text_add(out, " rounds %lld", (long long)buffer->rounds);
  if (buffer->origin != IR_NONE) text_add(out, " of %s", program->buffers.items[buffer->origin].name);
  for (int i = 0; i < buffer->states; i++) {
    text_add(out, i ? ", " : " state ");
    if (buffer->state[i] < 0) text_add(out, "*");
    else text_add(out, "%d", buffer->state[i]);
  }
  text_add(out, " [");
  for (int i = 0; i < buffer->dimensions; i++) {
    if (i) text_add(out, ", ");
    add_dimension(buffer->kind[i], buffer->dimension_name[i], buffer->extent[i], out);
  }
  text_add(out, "]\n");
}

static bool same_text(const char *x, const char *y) { return x == y || (x && y && strcmp(x, y) == 0); }

static void print_statements(const IrProgram *program, const IrStatement *statements, int depth, const char **block,
                             Text *out) {
  char indent[64];
  snprintf(indent, sizeof indent, "%*s", depth < 30 ? 2 * depth : 60, "");
  for (const IrStatement *statement = statements; statement; statement = statement->next) {
    if (!same_text(*block, statement->block)) {
      *block = statement->block;
      if (*block) text_add(out, "\n%sblock \"%s\"\n", indent, *block);
      else text_add(out, "\n%sblock\n", indent);
    }
    if (statement->kind == IR_STATEMENT_REPEAT) {
      text_add(out, "%srepeat %lld ", indent, (long long)statement->count);
      if (statement->backward) text_add(out, "backward ");
      if (statement->counter != IR_NONE) text_add(out, "counter %s ", program->buffers.items[statement->counter].name);
      text_add(out, "{\n");
      print_statements(program, statement->body, depth + 1, block, out);
      text_add(out, "%s}\n", indent);
      continue;
    }
    Printing printing = begin(program, statement->value, out, indent, "\n");
    const IrBufferInfo *target = &program->buffers.items[statement->target];
    text_add(out, "%s%s", indent, target->name);
    add_index(program, statement->index, target->dimensions, out);
    text_add(out, " <- ");
    add_expression(&printing, statement->value);
    text_add(out, "\n");
    end(&printing);
  }
}

void ir_print(const IrProgram *program, Text *out) {
  text_add(out, "program %s\n", program->name);
  if (program->axes.count) text_add(out, "\n");
  for (size_t i = 0; i < program->axes.count; i++) {
    const IrAxisInfo *axis = &program->axes.items[i];
    text_add(out, "axis ");
    add_dimension(axis->kind, axis->name, axis->extent, out);
    text_add(out, "\n");
  }
  if (program->buffers.count) text_add(out, "\n");
  for (size_t i = 0; i < program->buffers.count; i++) print_buffer(program, &program->buffers.items[i], out);
  const char *block = NULL;
  if (program->statements && !program->statements->block) text_add(out, "\n");
  print_statements(program, program->statements, 0, &block, out);
}
