// See order.h. A work list and a small hash table of what was seen; memory is malloc'd since orders are short-lived.
#include "compiler/ir/order.h"

#include <stdio.h>
#include <stdlib.h>

static void *resized(void *items, size_t bytes) {
  void *bigger = realloc(items, bytes);
  if (!bigger) {
    fprintf(stderr, "blur: out of memory (%zu bytes asked for)\n", bytes);
    exit(3);
  }
  return bigger;
}

int ir_value_operands(const IrValueInfo *info) {
  if (info->kind == VALUE_OPERATION) return ir_operation_arity(info->operation);
  return info->kind == VALUE_REDUCE || info->kind == VALUE_NOISE ? 1 : 0;
}

static size_t hash_of(IrValue value) { return (size_t)((uint64_t)(uint32_t)value * 0x9E3779B97F4A7C15u >> 20); }

// The slot of `value`: its own, or the empty one where it belongs.
static size_t slot_of(const IrOrder *order, IrValue value) {
  size_t slot = hash_of(value) & (order->places_size - 1);
  while (order->places[slot] && order->values[order->places[slot] - 1] != value)
    slot = (slot + 1) & (order->places_size - 1);
  return slot;
}

static void rebuild_table(IrOrder *order, size_t size) {
  order->places = resized(order->places, size * sizeof(int32_t));
  order->places_size = size;
  for (size_t i = 0; i < size; i++) order->places[i] = 0;
  for (size_t i = 0; i < order->count; i++) order->places[slot_of(order, order->values[i])] = (int32_t)i + 1;
}

static void add(IrOrder *order, IrValue value) {
  if (2 * order->count >= order->places_size) rebuild_table(order, order->places_size ? 2 * order->places_size : 64);
  size_t slot = slot_of(order, value);
  if (order->places[slot]) return;
  if (order->count == order->capacity) {
    order->capacity = order->capacity ? 2 * order->capacity : 32;
    order->values = resized(order->values, order->capacity * sizeof(IrValue));
  }
  order->values[order->count++] = value;
  order->places[slot] = (int32_t)order->count;
}

static int compare(const void *left, const void *right) {
  IrValue x = *(const IrValue *)left, y = *(const IrValue *)right;
  return (x > y) - (x < y);
}

IrOrder ir_order(const IrProgram *program, IrValue root, IrDescend *descend, void *context) {
  IrOrder order = {0};
  add(&order, root);
  for (size_t next = 0; next < order.count; next++) { // the list is its own queue
    IrValue value = order.values[next];
    if (descend && !descend(program, value, context)) continue;
    const IrValueInfo *info = &program->values.items[value];
    int operands = ir_value_operands(info);
    for (int i = 0; i < operands; i++) add(&order, info->operand[i]);
  }
  qsort(order.values, order.count, sizeof(IrValue), compare);
  rebuild_table(&order, order.places_size);
  return order;
}

size_t ir_order_place(const IrOrder *order, IrValue value) { return (size_t)order->places[slot_of(order, value)] - 1; }

bool ir_order_has(const IrOrder *order, IrValue value) { return order->places[slot_of(order, value)] != 0; }

void ir_order_free(IrOrder *order) {
  free(order->values);
  free(order->places);
  *order = (IrOrder){0};
}
