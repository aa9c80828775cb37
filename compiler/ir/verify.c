// Checks that a program is well-formed: run after every pass, and on text that a user typed. The first fault found is
// told in one sentence. What every later stage relies on is written down here and nowhere else.
#include "compiler/ir/order.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// How far a carried buffer is: the list of statements that starts it (a repeat stands there), whether the repeat's body
// has assigned its next value, and whether that body has ended.
typedef struct {
  int start, next;
  bool ended;
} Round;

typedef struct {
  IrProgram *program;
  const char *fault;
  jmp_buf found;
  bool *checked;  // values
  bool *assigned; // buffers that hold something
  bool *counts;   // buffers that count a repeat here
  Round *round;   // of carried buffers
  int lists;      // of statements, met so far
  int64_t rounds; // of the innermost repeat, 0 outside of all
} Verifier;

static _Noreturn void fault(Verifier *verifier, const char *format, ...) __attribute__((format(printf, 2, 3)));
static _Noreturn void fault(Verifier *verifier, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  verifier->fault = arena_format_list(verifier->program->arena, format, arguments);
  va_end(arguments);
  longjmp(verifier->found, 1);
}

static const int64_t most_elements = (int64_t)1 << 48;

static int compare_names(const void *left, const void *right) {
  return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void check_unique(Verifier *verifier, const char **names, size_t count, const char *what, const char *many) {
  for (size_t i = 0; i < count; i++)
    if (!names[i] || !*names[i]) fault(verifier, "%s %zu has no name", what, i);
  if (count > 1) qsort(names, count, sizeof *names, compare_names);
  for (size_t i = 1; i < count; i++)
    if (strcmp(names[i - 1], names[i]) == 0) fault(verifier, "there are two %s '%s'", many, names[i]);
}

static void check_axes(Verifier *verifier) {
  IrProgram *program = verifier->program;
  size_t count = program->axes.count;
  if (count > IR_MAX_AXES) fault(verifier, "the program has %zu axes, more than %d", count, IR_MAX_AXES);
  const char **names = ARENA_ARRAY(program->arena, const char *, count + 1);
  for (size_t i = 0; i < count; i++) {
    const IrAxisInfo *axis = &program->axes.items[i];
    names[i] = axis->name;
    if (axis->extent < 1 || axis->extent > most_elements)
      fault(verifier, "the axis '%s' has the extent %lld", axis->name, (long long)axis->extent);
    if ((unsigned)axis->kind > AXIS_KIND_UNIT) fault(verifier, "the axis '%s' is of no kind", axis->name);
  }
  check_unique(verifier, names, count, "axis", "axes");
}

static void check_buffers(Verifier *verifier) {
  IrProgram *program = verifier->program;
  size_t count = program->buffers.count;
  const char **names = ARENA_ARRAY(program->arena, const char *, count + 1);
  for (size_t i = 0; i < count; i++) {
    const IrBufferInfo *buffer = &program->buffers.items[i];
    names[i] = buffer->name;
    if ((unsigned)buffer->role > ROLE_TANGENT) fault(verifier, "the buffer '%s' has no role", buffer->name);
    if (buffer->dimensions < 0 || buffer->dimensions > IR_MAX_DIMENSIONS)
      fault(verifier, "the buffer '%s' has %d dimensions", buffer->name, buffer->dimensions);
    if (buffer->states < 0 || buffer->states > IR_MAX_DIMENSIONS)
      fault(verifier, "the buffer '%s' has %d states", buffer->name, buffer->states);
    if (buffer->origin < IR_NONE || buffer->origin >= (int32_t)count)
      fault(verifier, "the buffer '%s' is of a buffer that does not exist", buffer->name);
    if (buffer->carried && buffer->live_in)
      fault(verifier, "the buffer '%s' is carried, but holds a value before the program", buffer->name);
    if (buffer->rounds && (buffer->rounds < 0 || buffer->live_in || buffer->live_out || buffer->carried))
      fault(verifier, "the buffer '%s' is a tape, but lives on", buffer->name);
    int64_t elements = buffer->rounds ? buffer->rounds : 1;
    for (int j = 0; j < buffer->dimensions; j++) {
      if (buffer->extent[j] < 1 || buffer->extent[j] > most_elements / elements)
        fault(verifier, "the buffer '%s' has the extent %lld in dimension %d", buffer->name,
              (long long)buffer->extent[j], j);
      if ((unsigned)buffer->kind[j] > AXIS_KIND_UNIT)
        fault(verifier, "the buffer '%s' has a dimension of no kind", buffer->name);
      elements *= buffer->extent[j];
    }
  }
  check_unique(verifier, names, count, "buffer", "buffers");
}

// ---- values

static bool is_axis(const IrProgram *program, IrAxis axis) { return axis >= 0 && axis < (IrAxis)program->axes.count; }

static bool is_buffer(const IrProgram *program, IrBuffer buffer) {
  return buffer >= 0 && buffer < (IrBuffer)program->buffers.count;
}

// Axes among the indices; every one must fit its dimension.
static IrAxisSet check_index(Verifier *verifier, const IrBufferInfo *buffer, const IrIndex *index) {
  const IrProgram *program = verifier->program;
  IrAxisSet axes = 0;
  for (int i = 0; i < buffer->dimensions; i++) {
    if (index[i].axis == IR_NONE) {
      if (index[i].constant < 0 || index[i].constant >= buffer->extent[i])
        fault(verifier, "'%s' has no element %d in dimension %d", buffer->name, index[i].constant, i);
      continue;
    }
    if (!is_axis(program, index[i].axis)) fault(verifier, "'%s' is indexed by no axis", buffer->name);
    const IrAxisInfo *axis = &program->axes.items[index[i].axis];
    if (axis->extent != buffer->extent[i])
      fault(verifier, "'%s' has the extent %lld in dimension %d, but the axis '%s' has %lld", buffer->name,
            (long long)buffer->extent[i], i, axis->name, (long long)axis->extent);
    axes |= ir_axis_bit(index[i].axis);
  }
  return axes;
}

static void want(Verifier *verifier, IrValue operand, bool is_truth, const char *user) {
  if (verifier->program->values.items[operand].is_truth != is_truth)
    fault(verifier, "an operand of '%s' is %s", user, is_truth ? "a number, not a truth value" : "a truth value");
}

static void check_operands(Verifier *verifier, const IrValueInfo *info) {
  const char *name = ir_operation_name(info->operation);
  bool logical = info->operation == OP_NOT || info->operation == OP_NUMBER_OF || info->operation == OP_AND ||
                 info->operation == OP_OR;
  for (int i = 0; i < ir_operation_arity(info->operation); i++)
    want(verifier, info->operand[i], logical || (info->operation == OP_SELECT && i == 0), name);
}

// The axes of its element, which has a number below 2^32.
static IrAxisSet check_noise(Verifier *verifier, const IrValueInfo *info) {
  const IrProgram *program = verifier->program;
  if (info->draw != 'n' && info->draw != 'u') fault(verifier, "noise is of no distribution");
  if (info->place >= IR_MAX_PLACES || info->layer < -1 || info->layer > 4094)
    fault(verifier, "noise is drawn at place %u for layer %d", info->place, info->layer);
  if (info->dimensions < 0 || info->dimensions > IR_MAX_DIMENSIONS)
    fault(verifier, "noise has %d dimensions", info->dimensions);
  want(verifier, info->operand[0], false, "noise");
  if (program->values.items[info->operand[0]].axes) fault(verifier, "the iteration of noise is no scalar");
  IrAxisSet axes = 0;
  int64_t elements = 1;
  for (int i = 0; i < info->dimensions; i++) {
    IrIndex index = info->index[i];
    if (info->extent[i] < 1 || elements > ((int64_t)1 << 32) / info->extent[i])
      fault(verifier, "noise has the extent %d in dimension %d", info->extent[i], i);
    elements *= info->extent[i];
    if (index.axis != IR_NONE && !is_axis(program, index.axis)) fault(verifier, "noise is drawn along no axis");
    int64_t most = index.axis == IR_NONE ? (int64_t)index.constant + 1 : program->axes.items[index.axis].extent;
    if (most < 1 || most > info->extent[i])
      fault(verifier, "noise has %d elements in dimension %d, but is asked for %lld", info->extent[i], i,
            (long long)most);
    axes |= ir_axis_bit(index.axis);
  }
  return axes;
}

static void check_value(Verifier *verifier, IrValue value) {
  IrProgram *program = verifier->program;
  const IrValueInfo *info = &program->values.items[value];
  IrAxisSet axes = 0;
  bool is_truth = false;
  if ((unsigned)info->kind > VALUE_ARGUMENT) fault(verifier, "value %d is of no kind", value);
  if (info->kind == VALUE_OPERATION && (unsigned)info->operation >= OP_COUNT)
    fault(verifier, "value %d is no operation", value);
  for (int i = 0; i < ir_value_operands(info); i++) {
    if (info->operand[i] < 0 || info->operand[i] >= value)
      fault(verifier, "value %d has an operand that does not come before it", value);
    axes |= program->values.items[info->operand[i]].axes;
  }
  switch (info->kind) {
  case VALUE_CONSTANT: is_truth = info->is_truth; break;
  case VALUE_STEP: break;
  case VALUE_POSITION:
    if (!is_axis(program, info->axis)) fault(verifier, "a position is along no axis");
    axes = ir_axis_bit(info->axis);
    break;
  case VALUE_READ:
    if (!is_buffer(program, info->buffer)) fault(verifier, "a read is of no buffer");
    axes = check_index(verifier, &program->buffers.items[info->buffer], info->index);
    break;
  case VALUE_OPERATION:
    is_truth = ir_operation_is_truth(info->operation);
    check_operands(verifier, info);
    break;
  case VALUE_REDUCE:
    if ((unsigned)info->reduction > REDUCE_ARGMAX) fault(verifier, "value %d is no reduction", value);
    want(verifier, info->operand[0], false, ir_reduction_name(info->reduction));
    if (!info->reduced) fault(verifier, "a reduction binds no axis");
    if (program->axes.count < IR_MAX_AXES && info->reduced >> program->axes.count)
      fault(verifier, "a reduction binds an axis that does not exist");
    if (info->reduction == REDUCE_ARGMAX && (info->reduced & (info->reduced - 1)))
      fault(verifier, "argmax binds more than one axis");
    axes &= ~info->reduced;
    break;
  case VALUE_NOISE: axes = check_noise(verifier, info); break;
  case VALUE_ARGUMENT: fault(verifier, "argument %d is left in the program", info->argument);
  }
  if (info->axes != axes) fault(verifier, "value %d claims other axes than it has", value);
  if (info->is_truth != is_truth) fault(verifier, "value %d is wrong about being a truth value", value);
}

static void check_reads(Verifier *verifier, IrValue root) {
  IrProgram *program = verifier->program;
  IrOrder order = ir_order(program, root, NULL, NULL);
  IrBuffer unset = IR_NONE, passed = IR_NONE, tape = IR_NONE;
  for (size_t i = 0; i < order.count; i++) {
    const IrValueInfo *info = &program->values.items[order.values[i]];
    if (info->kind != VALUE_READ) continue;
    const Round *round = &verifier->round[info->buffer];
    if (!verifier->assigned[info->buffer]) unset = info->buffer;
    if (round->next && !round->ended) passed = info->buffer;
    int64_t rounds = program->buffers.items[info->buffer].rounds;
    if (rounds && rounds != verifier->rounds) tape = info->buffer;
  }
  ir_order_free(&order);
  if (tape != IR_NONE) fault(verifier, "'%s' is read outside of its rounds", program->buffers.items[tape].name);
  if (unset != IR_NONE)
    fault(verifier, "'%s' is read before anything is assigned to it", program->buffers.items[unset].name);
  if (passed != IR_NONE)
    fault(verifier, "'%s' is read in a repeat after its next value is assigned", program->buffers.items[passed].name);
}

// ---- statements

static void check_assignment(Verifier *verifier, const IrStatement *statement) {
  IrProgram *program = verifier->program;
  if (!is_buffer(program, statement->target)) fault(verifier, "a statement assigns to no buffer");
  const IrBufferInfo *target = &program->buffers.items[statement->target];
  if (target->role == ROLE_INPUT || target->role == ROLE_GENOME)
    fault(verifier, "'%s' is assigned to, but is constant", target->name);
  if (target->rounds && target->rounds != verifier->rounds)
    fault(verifier, "'%s' is assigned outside of its rounds", target->name);
  IrAxisSet axes = check_index(verifier, target, statement->index), seen = 0;
  for (int i = 0; i < target->dimensions; i++) {
    IrAxisSet axis = ir_axis_bit(statement->index[i].axis);
    if (seen & axis)
      fault(verifier, "the axis '%s' stands twice on the left, in '%s'",
            program->axes.items[statement->index[i].axis].name, target->name);
    seen |= axis;
  }
  if (statement->value < 0 || (size_t)statement->value >= program->values.count)
    fault(verifier, "'%s' is assigned no value", target->name);
  // All values below were checked, operands first, so what the statement reaches is sound.
  const IrValueInfo *value = &program->values.items[statement->value];
  if (value->is_truth) fault(verifier, "'%s' is assigned a truth value", target->name);
  for (IrAxis axis = 0; axis < (IrAxis)program->axes.count; axis++)
    if (value->axes & ~axes & ir_axis_bit(axis))
      fault(verifier, "'%s' is assigned a value with the axis '%s', which the left lacks", target->name,
            program->axes.items[axis].name);
}

// Values are checked when a statement reaches them: what passes have left behind need not be sound.
static void check_reached(Verifier *verifier, IrValue root) {
  if (root < 0 || (size_t)root >= verifier->program->values.count) return;
  IrProgram *program = verifier->program;
  size_t depth = 0, capacity = 64;
  IrValue *stack = ARENA_ARRAY(program->arena, IrValue, capacity);
  stack[depth++] = root;
  while (depth > 0) {
    IrValue value = stack[--depth];
    if (verifier->checked[value]) continue;
    verifier->checked[value] = true;
    check_value(verifier, value);
    if (depth + IR_MAX_OPERANDS > capacity) {
      size_t old = capacity;
      stack = arena_grow(program->arena, stack, old, &capacity, sizeof *stack);
    }
    const IrValueInfo *info = &program->values.items[value];
    for (int i = 0; i < ir_value_operands(info); i++) stack[depth++] = info->operand[i];
  }
}

// A carried buffer is assigned before a repeat and in its body, whole.
static void check_round(Verifier *verifier, const IrStatement *statement, int list, int outer) {
  const IrBufferInfo *target = &verifier->program->buffers.items[statement->target];
  Round *round = &verifier->round[statement->target];
  for (int i = 0; i < target->dimensions; i++)
    if (statement->index[i].axis == IR_NONE) fault(verifier, "'%s' is carried, but not assigned whole", target->name);
  if (!round->start) {
    round->start = list;
  } else {
    if (round->next) fault(verifier, "'%s' is carried, but assigned more than twice", target->name);
    if (round->start != outer) fault(verifier, "'%s' is carried, but assigned twice outside of a repeat", target->name);
    round->next = list;
  }
}

static void check_statements(Verifier *verifier, const IrStatement *statements, int depth, int outer);

// A counter is a scalar that means something in its repeat only, and that nothing else assigns there.
static void check_repeat(Verifier *verifier, const IrStatement *repeat, int depth, int list) {
  IrProgram *program = verifier->program;
  if (repeat->count < 0) fault(verifier, "a repeat runs %lld times", (long long)repeat->count);
  if (repeat->counter != IR_NONE) {
    if (!is_buffer(program, repeat->counter)) fault(verifier, "a repeat counts in no buffer");
    const IrBufferInfo *counter = &program->buffers.items[repeat->counter];
    if (counter->dimensions) fault(verifier, "a repeat counts in '%s', which is no scalar", counter->name);
    if (verifier->counts[repeat->counter]) fault(verifier, "'%s' counts two repeats at once", counter->name);
    verifier->assigned[repeat->counter] = verifier->counts[repeat->counter] = true;
  }
  int64_t outside = verifier->rounds;
  verifier->rounds = repeat->count;
  check_statements(verifier, repeat->body, depth + 1, list);
  verifier->rounds = outside;
  if (repeat->counter != IR_NONE) verifier->assigned[repeat->counter] = verifier->counts[repeat->counter] = false;
}

// `outer`: the list that the repeat stands in.
static void check_statements(Verifier *verifier, const IrStatement *statements, int depth, int outer) {
  IrProgram *program = verifier->program;
  int list = ++verifier->lists;
  if (depth > 1000) fault(verifier, "repeats are nested more than 1000 deep");
  for (const IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_REPEAT) {
      check_repeat(verifier, statement, depth, list);
      continue;
    }
    if (statement->kind != IR_STATEMENT_ASSIGN) fault(verifier, "a statement is of no kind");
    check_reached(verifier, statement->value);
    check_assignment(verifier, statement);
    check_reads(verifier, statement->value);
    if (verifier->counts[statement->target])
      fault(verifier, "'%s' is assigned to while it counts", program->buffers.items[statement->target].name);
    if (program->buffers.items[statement->target].carried) check_round(verifier, statement, list, outer);
    verifier->assigned[statement->target] = true;
  }
  for (size_t b = 0; b < program->buffers.count; b++) {
    Round *round = &verifier->round[b];
    if (round->next == list) round->ended = true;
  }
}

const char *ir_verify(IrProgram *program) {
  Verifier *verifier = ARENA_NEW(program->arena, Verifier);
  verifier->program = program;
  verifier->checked = ARENA_ARRAY(program->arena, bool, program->values.count + 1);
  verifier->assigned = ARENA_ARRAY(program->arena, bool, program->buffers.count + 1);
  verifier->counts = ARENA_ARRAY(program->arena, bool, program->buffers.count + 1);
  verifier->round = ARENA_ARRAY(program->arena, Round, program->buffers.count + 1);
  if (setjmp(verifier->found) != 0) return verifier->fault;
  check_axes(verifier);
  check_buffers(verifier);
  for (size_t i = 0; i < program->buffers.count; i++) verifier->assigned[i] = program->buffers.items[i].live_in;
  check_statements(verifier, program->statements, 0, 0);
  for (size_t i = 0; i < program->buffers.count; i++)
    if (program->buffers.items[i].live_out && !verifier->assigned[i])
      fault(verifier, "'%s' is wanted after the program, but nothing is assigned to it",
            program->buffers.items[i].name);
  return NULL;
}
