// The interpreter: what a program means, in double precision; every pass and all emitted code is held against it.
//
// A value is a tensor over its free axes. For each statement the values it reaches are visited operands first; one that
// is used more than once, or by something with more axes, is computed once into a dense array; the rest is computed
// element by element inside its user, by a tape: a list of values in order. Large intermediates (the body of a matrix
// product) are therefore never stored. Sums run over their bound axes in row-major order, plainly.
//
// It can be asked to compute less exactly: each result that may be rounded is rounded to fewer bits, or moved by a
// random part of itself (Monte Carlo arithmetic: Parker 1997). What that changes much is decided by rounding, on any
// machine.
#include "base/philox.h"
#include "compiler/ir/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t most_elements = (int64_t)1 << 22; // of one array
static const int64_t most_in_total = (int64_t)1 << 26; // of all arrays of a statement

// Where an element of a dense array lies, given the position along every axis.
typedef struct {
  const double *start;
  int count;
  const IrAxis *axis;
  const int64_t *stride;
} Access;

typedef struct {
  size_t place;
  size_t operand[IR_MAX_OPERANDS]; // entries of the same tape
} TapeEntry;

typedef struct {
  size_t count;
  TapeEntry *entries;
  double *results;
} Tape;

typedef struct {
  const IrValueInfo *info;
  bool is_stored; // `access` finds it: a read, or computed before its users
  Access access;
  Tape body; // REDUCE: computes the body at one position
} Node;

typedef struct {
  const IrProgram *program;
  double *const *storage;
  double step;
  uint64_t seed;
  IrInexactness *inexact;
  Arena *arena; // of the statement
  IrOrder order;
  Node *nodes;
  int64_t position[IR_MAX_AXES]; // where we are along each axis
  int64_t round;                 // of the innermost repeat: where tapes are read and written
} Machine;

static int64_t elements_of(const IrProgram *program, IrAxisSet axes) {
  int64_t elements = 1;
  for (IrAxis axis = 0; axis < IR_MAX_AXES; axis++) {
    if (!(axes & ir_axis_bit(axis))) continue;
    int64_t extent = program->axes.items[axis].extent;
    if (elements > INT64_MAX / extent) return INT64_MAX;
    elements *= extent;
  }
  return elements;
}

static int list_axes(IrAxisSet axes, IrAxis *list) {
  int count = 0;
  for (IrAxis axis = 0; axis < IR_MAX_AXES; axis++)
    if (axes & ir_axis_bit(axis)) list[count++] = axis;
  return count;
}

// Moves on to the next position, the last axis fastest; false, and all at 0 again, after the last one.
static bool advance(Machine *machine, const IrAxis *axes, int count) {
  for (int i = count - 1; i >= 0; i--) {
    if (++machine->position[axes[i]] < machine->program->axes.items[axes[i]].extent) return true;
    machine->position[axes[i]] = 0;
  }
  return false;
}

static double load(const Machine *machine, const Access *access) {
  int64_t offset = 0;
  for (int i = 0; i < access->count; i++) offset += machine->position[access->axis[i]] * access->stride[i];
  return access->start[offset];
}

// ---- at one position

static double reduce(Machine *machine, Node *node);

// `iteration` and the step count from 0.
static double draw(const Machine *machine, const IrValueInfo *info, double iteration) {
  int64_t element = 0;
  for (int i = 0; i < info->dimensions; i++) {
    IrIndex index = info->index[i];
    element = element * info->extent[i] + (index.axis == IR_NONE ? index.constant : machine->position[index.axis]);
  }
  return philox_noise(machine->seed, info->place, info->layer, (uint32_t)element, (uint32_t)(int64_t)machine->step,
                      (uint32_t)(int64_t)iteration, info->draw);
}

// `exact` as it may be rounded.
static double round_off(const Machine *machine, double exact) {
  IrInexactness *inexact = machine->inexact;
  if (inexact->bits) {
    int exponent;
    double part = frexp(exact, &exponent);
    if (isfinite(exact)) exact = ldexp(nearbyint(ldexp(part, inexact->bits)), exponent - inexact->bits);
  }
  if (inexact->unit != 0) exact *= 1 + inexact->unit * (2 * philox_uniform(0, 0, inexact->draws++) - 1);
  return exact;
}

// Operations whose results are operands, truths or whole numbers: nothing to round.
static bool is_exact(IrOperation operation) {
  switch (operation) {
  case OP_NEGATE:
  case OP_ABS:
  case OP_SIGN:
  case OP_FLOOR:
  case OP_RELU:
  case OP_STOP:
  case OP_NUMBER_OF:
  case OP_MINIMUM:
  case OP_MAXIMUM:
  case OP_SELECT:
  case OP_CLAMP:
  case OP_SURROGATE: return true;
  default: return ir_operation_is_truth(operation);
  }
}

static double compute(Machine *machine, const Tape *tape) {
  double *results = tape->results;
  for (size_t i = 0; i < tape->count; i++) {
    const TapeEntry *entry = &tape->entries[i];
    Node *node = &machine->nodes[entry->place];
    if (node->is_stored) {
      results[i] = load(machine, &node->access);
      continue;
    }
    switch (node->info->kind) {
    case VALUE_CONSTANT: results[i] = node->info->number; break;
    case VALUE_STEP: results[i] = machine->step; break;
    case VALUE_POSITION: results[i] = (double)machine->position[node->info->axis]; break;
    case VALUE_OPERATION:
      results[i] = ir_evaluate(node->info->operation, results[entry->operand[0]], results[entry->operand[1]],
                               results[entry->operand[2]]);
      if (!is_exact(node->info->operation)) results[i] = round_off(machine, results[i]);
      break;
    case VALUE_REDUCE: results[i] = reduce(machine, node); break;
    case VALUE_NOISE: results[i] = round_off(machine, draw(machine, node->info, results[entry->operand[0]])); break;
    case VALUE_READ:
    case VALUE_ARGUMENT: results[i] = NAN; break; // reads are stored; arguments are in no finished program
    }
  }
  return results[tape->count - 1];
}

// The bound axes are the reduction's own: what they are outside is kept aside.
static double reduce(Machine *machine, Node *node) {
  IrReduction reduction = node->info->reduction;
  IrAxis axes[IR_MAX_AXES];
  int64_t outside[IR_MAX_AXES];
  int count = list_axes(node->info->reduced, axes);
  for (int i = 0; i < count; i++) {
    outside[i] = machine->position[axes[i]];
    machine->position[axes[i]] = 0;
  }
  double result = compute(machine, &node->body), largest_at = 0;
  while (advance(machine, axes, count)) {
    double element = compute(machine, &node->body);
    switch (reduction) {
    case REDUCE_SUM: result = round_off(machine, result + element); break;
    case REDUCE_PRODUCT: result = round_off(machine, result * element); break;
    case REDUCE_MAXIMUM: result = ir_evaluate(OP_MAXIMUM, result, element, 0); break;
    case REDUCE_MINIMUM: result = ir_evaluate(OP_MINIMUM, result, element, 0); break;
    case REDUCE_ARGMAX: // a nan is larger than nothing, and nothing is larger than a nan
      if (element > result) {
        result = element;
        largest_at = (double)machine->position[axes[0]];
      }
      break;
    }
  }
  for (int i = 0; i < count; i++) machine->position[axes[i]] = outside[i];
  return reduction == REDUCE_ARGMAX ? largest_at : result;
}

// ---- preparing a statement

static bool is_inside_tape(const IrProgram *program, IrValue value, void *context) {
  const Machine *machine = context;
  const Node *node = &machine->nodes[ir_order_place(&machine->order, value)];
  (void)program;
  return !node->is_stored && (node->info->kind == VALUE_OPERATION || node->info->kind == VALUE_NOISE);
}

static Tape make_tape(Machine *machine, IrValue root) {
  IrOrder inside = ir_order(machine->program, root, is_inside_tape, machine);
  Tape tape = {inside.count, ARENA_ARRAY(machine->arena, TapeEntry, inside.count),
               ARENA_ARRAY(machine->arena, double, inside.count)};
  for (size_t i = 0; i < inside.count; i++) {
    TapeEntry *entry = &tape.entries[i];
    entry->place = ir_order_place(&machine->order, inside.values[i]);
    if (!is_inside_tape(machine->program, inside.values[i], machine)) continue;
    const IrValueInfo *info = machine->nodes[entry->place].info;
    for (int j = 0; j < ir_value_operands(info); j++) entry->operand[j] = ir_order_place(&inside, info->operand[j]);
  }
  ir_order_free(&inside);
  return tape;
}

static Access access_read(Machine *machine, const IrValueInfo *info) {
  const IrBufferInfo *buffer = &machine->program->buffers.items[info->buffer];
  IrAxis *axes = ARENA_ARRAY(machine->arena, IrAxis, IR_MAX_DIMENSIONS);
  int64_t *strides = ARENA_ARRAY(machine->arena, int64_t, IR_MAX_DIMENSIONS);
  int64_t stride = 1, offset = 0;
  int count = 0;
  for (int i = buffer->dimensions - 1; i >= 0; i--) {
    if (info->index[i].axis == IR_NONE) {
      offset += info->index[i].constant * stride;
    } else {
      axes[count] = info->index[i].axis;
      strides[count++] = stride;
    }
    stride *= buffer->extent[i];
  }
  if (buffer->rounds) offset += machine->round * stride;
  return (Access){machine->storage[info->buffer] + offset, count, axes, strides};
}

// Computes a node at every position of its free axes.
static void store_node(Machine *machine, size_t place) {
  const IrProgram *program = machine->program;
  Node *node = &machine->nodes[place];
  IrAxis axes[IR_MAX_AXES];
  int count = list_axes(node->info->axes, axes);
  int64_t *strides = ARENA_ARRAY(machine->arena, int64_t, count + 1), elements = 1;
  for (int i = count - 1; i >= 0; i--) {
    strides[i] = elements;
    elements *= program->axes.items[axes[i]].extent;
  }
  double *array = ARENA_ARRAY(machine->arena, double, elements);
  Tape tape = make_tape(machine, machine->order.values[place]);
  for (int64_t i = 0; i < elements; i++) {
    array[i] = compute(machine, &tape);
    advance(machine, axes, count);
  }
  IrAxis *kept = ARENA_ARRAY(machine->arena, IrAxis, count + 1);
  memcpy(kept, axes, sizeof(IrAxis) * (size_t)count);
  node->access = (Access){array, count, kept, strides};
  node->is_stored = true;
}

// For each place: is it to be stored? What has one user with the same axes is computed there instead.
static bool *choose_stored(const Machine *machine, IrAxisSet root_axes) {
  const IrProgram *program = machine->program;
  const IrOrder *order = &machine->order;
  bool *stored = ARENA_ARRAY(machine->arena, bool, order->count);
  int *uses = ARENA_ARRAY(machine->arena, int, order->count);
  IrAxisSet *user_axes = ARENA_ARRAY(machine->arena, IrAxisSet, order->count);
  user_axes[order->count - 1] = root_axes;
  for (size_t i = order->count; i-- > 0;) { // users first
    const IrValueInfo *info = machine->nodes[i].info;
    for (int j = 0; j < ir_value_operands(info); j++) {
      size_t operand = ir_order_place(order, info->operand[j]);
      uses[operand]++;
      user_axes[operand] |= info->axes | info->reduced;
    }
  }
  int64_t total = 0;
  for (size_t i = 0; i < order->count; i++) {
    const IrValueInfo *info = machine->nodes[i].info;
    if (ir_value_operands(info) == 0) continue;
    if (info->kind == VALUE_OPERATION && uses[i] <= 1 && user_axes[i] == info->axes) continue;
    int64_t elements = elements_of(program, info->axes);
    if (elements > most_elements || total + elements > most_in_total) continue;
    total += elements;
    stored[i] = true;
  }
  return stored;
}

static void assign(const Machine *like, const IrStatement *statement) {
  Machine copy = *like, *machine = &copy;
  const IrProgram *program = machine->program;
  double *const *storage = machine->storage;
  machine->arena = arena_create();
  machine->order = ir_order(program, statement->value, NULL, NULL);
  machine->nodes = ARENA_ARRAY(machine->arena, Node, machine->order.count);
  for (size_t i = 0; i < machine->order.count; i++)
    machine->nodes[i].info = &program->values.items[machine->order.values[i]];
  const IrBufferInfo *target = &program->buffers.items[statement->target];
  IrAxis axes[IR_MAX_DIMENSIONS];
  int64_t strides[IR_MAX_DIMENSIONS], stride = 1, offset = 0, elements = 1;
  IrAxisSet axis_set = 0;
  int count = 0;
  for (int i = target->dimensions - 1; i >= 0; i--) {
    const IrIndex *index = &statement->index[i];
    if (index->axis == IR_NONE) {
      offset += index->constant * stride;
    } else {
      axes[count] = index->axis;
      strides[count++] = stride;
      axis_set |= ir_axis_bit(index->axis);
      elements *= target->extent[i];
    }
    stride *= target->extent[i];
  }
  if (target->rounds) offset += machine->round * stride;
  bool *stored = choose_stored(machine, axis_set);
  for (size_t i = 0; i < machine->order.count; i++) {
    Node *node = &machine->nodes[i];
    if (node->info->kind == VALUE_READ) {
      node->access = access_read(machine, node->info);
      node->is_stored = true;
    }
    if (node->info->kind == VALUE_REDUCE) node->body = make_tape(machine, node->info->operand[0]);
    if (stored[i]) store_node(machine, i);
  }
  Tape tape = make_tape(machine, statement->value);
  double *whole = ARENA_ARRAY(machine->arena, double, elements); // the target may be read: first all, then write
  for (int64_t i = 0; i < elements; i++) {
    whole[i] = compute(machine, &tape);
    advance(machine, axes, count);
  }
  for (int64_t i = 0; i < elements; i++) {
    int64_t at = offset;
    for (int j = 0; j < count; j++) at += machine->position[axes[j]] * strides[j];
    storage[statement->target][at] = whole[i];
    advance(machine, axes, count);
  }
  ir_order_free(&machine->order);
  arena_destroy(machine->arena);
}

static void run(const Machine *machine, const IrStatement *statements) {
  for (const IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_ASSIGN) {
      assign(machine, statement);
      continue;
    }
    Machine inside = *machine;
    for (int64_t i = 0; i < statement->count; i++) {
      inside.round = statement->backward ? statement->count - 1 - i : i;
      if (statement->counter != IR_NONE) *machine->storage[statement->counter] = (double)inside.round;
      run(&inside, statement->body);
    }
  }
}

void ir_interpret(const IrProgram *program, double *const *storage, double step, uint64_t seed) {
  ir_interpret_inexactly(program, storage, step, seed, &(IrInexactness){0});
}

void ir_interpret_inexactly(const IrProgram *program, double *const *storage, double step, uint64_t seed,
                            IrInexactness *inexact) {
  run(&(Machine){.program = program, .storage = storage, .step = step, .seed = seed, .inexact = inexact},
      program->statements);
}
