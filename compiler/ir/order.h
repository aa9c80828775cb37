// The values that a value is made of, operands before their users. Values are append-only, so an operand's number is
// always smaller than its user's: rising numbers are such an order, and no pass needs to recurse.
#ifndef BLUR_IR_ORDER_H
#define BLUR_IR_ORDER_H

#include "compiler/ir/ir.h"

typedef struct {
  IrValue *values; // rising
  size_t count, capacity;
  int32_t *places; // hash table: value -> its place + 1
  size_t places_size;
} IrOrder;

// True if the operands of `value` are to be visited too. NULL: always.
typedef bool IrDescend(const IrProgram *program, IrValue value, void *context);

// Everything that `root` reaches, itself included. Own memory, freed by ir_order_free.
IrOrder ir_order(const IrProgram *program, IrValue root, IrDescend *descend, void *context);
size_t ir_order_place(const IrOrder *order, IrValue value); // its index in values; it must be there
bool ir_order_has(const IrOrder *order, IrValue value);
void ir_order_free(IrOrder *order);

// Number of operands that are values (REDUCE and NOISE have one, READ none).
int ir_value_operands(const IrValueInfo *info);

#endif
