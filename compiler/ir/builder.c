// Builds programs: axes, buffers, hash-consed values and statements; the stage between lowering (which calls this) and
// the passes (which rebuild values with it). Equal values get the same number, so a value is a DAG with all sharing
// found.
#include "compiler/ir/ir.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

// ---- names

static char *clean_name(Arena *arena, const char *name) {
  char *clean = arena_copy(arena, name && *name ? name : "t", strlen(name && *name ? name : "t"));
  for (char *c = clean; *c; c++)
    if (!isalnum((unsigned char)*c) && *c != '.' && *c != '_' && *c != '\'') *c = '_';
  return isdigit((unsigned char)*clean) ? arena_format(arena, "_%s", clean) : clean;
}

static uint64_t hash_text(const char *text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
  return hash ^ hash >> 29;
}

static const char **name_slot(const IrProgram *program, const char *name) {
  size_t slot = hash_text(name) & (program->names_size - 1);
  while (program->names[slot] && strcmp(program->names[slot], name) != 0) slot = (slot + 1) & (program->names_size - 1);
  return &program->names[slot];
}

static const char *unique_buffer_name(IrProgram *program, const char *name) {
  if (2 * program->buffers.count >= program->names_size) {
    const char **old = program->names;
    size_t old_size = program->names_size;
    program->names_size = old_size ? 2 * old_size : 64;
    program->names = ARENA_ARRAY(program->arena, const char *, program->names_size);
    for (size_t i = 0; i < old_size; i++)
      if (old[i]) *name_slot(program, old[i]) = old[i];
  }
  const char *clean = clean_name(program->arena, name), *unique = clean;
  for (int suffix = 2; *name_slot(program, unique); suffix++)
    unique = arena_format(program->arena, "%s.%d", clean, suffix);
  return *name_slot(program, unique) = unique;
}

static const char *unique_axis_name(IrProgram *program, const char *name) {
  const char *clean = clean_name(program->arena, name), *unique = clean;
  for (int suffix = 1;; suffix++) {
    size_t i = 0;
    while (i < program->axes.count && strcmp(program->axes.items[i].name, unique) != 0) i++;
    if (i == program->axes.count) return unique;
    unique = arena_format(program->arena, "%s.%d", clean, suffix);
  }
}

// ---- programs, axes, buffers

IrProgram *ir_program_create(Arena *arena, const char *name) {
  IrProgram *program = ARENA_NEW(arena, IrProgram);
  program->arena = arena;
  program->name = clean_name(arena, name);
  program->last = &program->statements;
  return program;
}

IrAxis ir_axis(IrProgram *program, const char *name, IrAxisKind kind, int64_t extent) {
  IrAxisInfo info = {unique_axis_name(program, name), kind, extent};
  ARENA_PUSH(program->arena, &program->axes, info);
  return (IrAxis)program->axes.count - 1;
}

IrBuffer ir_buffer(IrProgram *program, IrBufferInfo info) {
  static const char *const kind_names[] = {"state", "batch", "unit"};
  info.name = unique_buffer_name(program, info.name);
  for (int i = 0; i < info.dimensions; i++)
    info.dimension_name[i] =
        info.dimension_name[i] ? clean_name(program->arena, info.dimension_name[i]) : kind_names[info.kind[i]];
  ARENA_PUSH(program->arena, &program->buffers, info);
  return (IrBuffer)program->buffers.count - 1;
}

static void add_dimension(const IrProgram *program, IrBufferInfo *info, IrAxis axis, IrIndex *index) {
  const IrAxisInfo *axis_info = &program->axes.items[axis];
  if (info->dimensions == IR_MAX_DIMENSIONS) return;
  index[info->dimensions] = (IrIndex){axis, 0};
  info->kind[info->dimensions] = axis_info->kind;
  info->extent[info->dimensions] = axis_info->extent;
  info->dimension_name[info->dimensions++] = axis_info->name;
}

IrBuffer ir_temporary(IrProgram *program, const char *name, IrAxisSet axes, const IrIndex *like, int like_dimensions,
                      IrIndex *index) {
  IrBufferInfo info = {.name = name, .layer = -1, .role = ROLE_TEMPORARY, .origin = IR_NONE};
  memset(index, 0, sizeof(IrIndex) * IR_MAX_DIMENSIONS);
  for (int kind = AXIS_KIND_STATE; kind <= AXIS_KIND_UNIT; kind++) {
    IrAxisSet left = 0;
    for (IrAxis axis = 0; (size_t)axis < program->axes.count; axis++)
      if ((int)program->axes.items[axis].kind == kind) left |= axes & ir_axis_bit(axis);
    for (int d = 0; d < like_dimensions; d++) {
      if (like[d].axis == IR_NONE || !(left & ir_axis_bit(like[d].axis))) continue;
      left &= ~ir_axis_bit(like[d].axis);
      add_dimension(program, &info, like[d].axis, index);
    }
    for (; left; left &= left - 1) add_dimension(program, &info, (IrAxis)__builtin_ctzll(left), index);
  }
  return ir_buffer(program, info);
}

int64_t ir_buffer_elements(const IrBufferInfo *buffer) {
  int64_t elements = buffer->rounds ? buffer->rounds : 1;
  for (int i = 0; i < buffer->dimensions; i++) elements *= buffer->extent[i];
  return elements;
}

// ---- values: one of each

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 31;
}

static uint64_t bits_of(double number) {
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  return bits;
}

static uint64_t hash_value(const IrValueInfo *info) {
  uint64_t hash = mix((uint64_t)info->kind + 1, info->is_truth);
  hash = mix(hash, bits_of(info->number));
  hash = mix(hash, (uint64_t)info->axis << 32 ^ (uint32_t)info->buffer);
  for (int i = 0; i < IR_MAX_DIMENSIONS; i++)
    hash = mix(hash, (uint64_t)(uint32_t)info->index[i].axis << 32 ^ (uint32_t)info->index[i].constant);
  hash = mix(hash, (uint64_t)info->operation << 32 ^ (uint64_t)info->reduction);
  for (int i = 0; i < IR_MAX_OPERANDS; i++) hash = mix(hash, (uint32_t)info->operand[i]);
  hash = mix(hash, info->reduced);
  hash = mix(hash, info->axes);
  hash = mix(hash, (uint32_t)info->argument);
  if (info->kind != VALUE_NOISE) return hash;
  hash = mix(hash, (uint64_t)info->place << 32 ^ (uint32_t)info->layer);
  for (int i = 0; i < info->dimensions; i++) hash = mix(hash, (uint32_t)info->extent[i]);
  return mix(hash, (uint64_t)info->draw << 32 ^ (uint32_t)info->dimensions);
}

static bool same_noise(const IrValueInfo *x, const IrValueInfo *y) {
  return x->draw == y->draw && x->place == y->place && x->layer == y->layer && x->dimensions == y->dimensions &&
         memcmp(x->extent, y->extent, sizeof x->extent) == 0;
}

static bool same_value(const IrValueInfo *x, const IrValueInfo *y) {
  return x->kind == y->kind && x->is_truth == y->is_truth && x->axes == y->axes &&
         bits_of(x->number) == bits_of(y->number) && x->axis == y->axis && x->buffer == y->buffer &&
         memcmp(x->index, y->index, sizeof x->index) == 0 && x->operation == y->operation &&
         memcmp(x->operand, y->operand, sizeof x->operand) == 0 && x->reduction == y->reduction &&
         x->reduced == y->reduced && x->argument == y->argument && (x->kind != VALUE_NOISE || same_noise(x, y));
}

static IrValue intern(IrProgram *program, const IrValueInfo *info) {
  if (2 * program->values.count >= program->table_size) {
    program->table_size = program->table_size ? 2 * program->table_size : 256;
    program->table = ARENA_ARRAY(program->arena, int32_t, program->table_size);
    for (size_t i = 0; i < program->values.count; i++) {
      size_t slot = hash_value(&program->values.items[i]) & (program->table_size - 1);
      while (program->table[slot]) slot = (slot + 1) & (program->table_size - 1);
      program->table[slot] = (int32_t)i + 1;
    }
  }
  size_t slot = hash_value(info) & (program->table_size - 1);
  for (; program->table[slot]; slot = (slot + 1) & (program->table_size - 1))
    if (same_value(&program->values.items[program->table[slot] - 1], info)) return program->table[slot] - 1;
  ARENA_PUSH(program->arena, &program->values, *info);
  program->table[slot] = (int32_t)program->values.count;
  return (IrValue)program->values.count - 1;
}

// All fields that a kind does not use have these values, so that equal values are equal in every field.
static IrValueInfo blank(IrValueKind kind) {
  IrValueInfo info = {.kind = kind, .axis = IR_NONE, .buffer = IR_NONE};
  for (int i = 0; i < IR_MAX_DIMENSIONS; i++) info.index[i] = (IrIndex){IR_NONE, 0};
  for (int i = 0; i < IR_MAX_OPERANDS; i++) info.operand[i] = IR_NONE;
  return info;
}

// Copies the indices of `dimensions` and blanks the rest; returns the axes among them.
static IrAxisSet copy_index(IrIndex *to, const IrIndex *from, int dimensions) {
  IrAxisSet axes = 0;
  for (int i = 0; i < IR_MAX_DIMENSIONS; i++) {
    to[i] = (IrIndex){IR_NONE, 0};
    if (i >= dimensions) continue;
    if (from[i].axis == IR_NONE) to[i].constant = from[i].constant;
    else to[i].axis = from[i].axis;
    axes |= ir_axis_bit(to[i].axis);
  }
  return axes;
}

IrValue ir_constant(IrProgram *program, double number) {
  IrValueInfo info = blank(VALUE_CONSTANT);
  info.number = isnan(number) ? (double)NAN : number;
  return intern(program, &info);
}

IrValue ir_truth(IrProgram *program, bool truth) {
  IrValueInfo info = blank(VALUE_CONSTANT);
  info.is_truth = true;
  info.number = truth;
  return intern(program, &info);
}

IrValue ir_step(IrProgram *program) {
  IrValueInfo info = blank(VALUE_STEP);
  return intern(program, &info);
}

IrValue ir_position(IrProgram *program, IrAxis axis) {
  IrValueInfo info = blank(VALUE_POSITION);
  info.axis = axis;
  info.axes = ir_axis_bit(axis);
  return intern(program, &info);
}

IrValue ir_read(IrProgram *program, IrBuffer buffer, const IrIndex *index) {
  IrValueInfo info = blank(VALUE_READ);
  info.buffer = buffer;
  info.axes = copy_index(info.index, index, program->buffers.items[buffer].dimensions);
  return intern(program, &info);
}

IrValue ir_argument(IrProgram *program, int argument, IrAxisSet axes, bool is_truth) {
  IrValueInfo info = blank(VALUE_ARGUMENT);
  info.argument = argument;
  info.axes = axes;
  info.is_truth = is_truth;
  return intern(program, &info);
}

static bool is_number(const IrProgram *program, IrValue value, double number) {
  const IrValueInfo *info = &program->values.items[value];
  return info->kind == VALUE_CONSTANT && !info->is_truth && info->number == number;
}

// The known truth of a value: 0, 1, or -1 where it is not known.
static int known_truth(const IrProgram *program, IrValue value) {
  const IrValueInfo *info = &program->values.items[value];
  return info->kind == VALUE_CONSTANT && info->is_truth ? (int)info->number : -1;
}

// The folded result, or IR_NONE.
static IrValue fold(IrProgram *program, IrOperation operation, const IrValue *operand, int arity) {
  double number[IR_MAX_OPERANDS] = {0};
  bool constant = true;
  for (int i = 0; i < arity; i++) {
    const IrValueInfo *info = &program->values.items[operand[i]];
    constant = constant && info->kind == VALUE_CONSTANT;
    number[i] = info->number;
  }
  if (constant && operation != OP_SELECT) {
    double result = ir_evaluate(operation, number[0], number[1], number[2]);
    return ir_operation_is_truth(operation) ? ir_truth(program, result != 0) : ir_constant(program, result);
  }
  IrValue x = operand[0], y = arity > 1 ? operand[1] : IR_NONE;
  const IrValueInfo *first = &program->values.items[x];
  switch (operation) {
  case OP_NEGATE:
  case OP_NOT:
    if (first->kind == VALUE_OPERATION && first->operation == operation) return first->operand[0];
    break;
  case OP_MULTIPLY:
    if (is_number(program, x, 1)) return y;
    if (is_number(program, y, 1)) return x;
    break;
  case OP_DIVIDE:
    if (is_number(program, y, 1)) return x;
    break;
  case OP_AND:
  case OP_OR: {
    int decides = operation == OP_OR; // true or y, false and y
    if (known_truth(program, x) >= 0) return known_truth(program, x) == decides ? x : y;
    if (known_truth(program, y) >= 0) return known_truth(program, y) == decides ? y : x;
    break;
  }
  case OP_SELECT:
    if (known_truth(program, x) >= 0) return known_truth(program, x) ? y : operand[2];
    if (y == operand[2]) return y;
    break;
  default: break;
  }
  return IR_NONE;
}

IrValue ir_operation(IrProgram *program, IrOperation operation, IrValue x, IrValue y, IrValue z) {
  int arity = ir_operation_arity(operation);
  IrValueInfo info = blank(VALUE_OPERATION);
  IrValue given[IR_MAX_OPERANDS] = {x, y, z};
  for (int i = 0; i < arity; i++) {
    info.operand[i] = given[i];
    info.axes |= program->values.items[given[i]].axes;
  }
  IrValue folded = fold(program, operation, info.operand, arity);
  if (folded != IR_NONE) return folded;
  info.operation = operation;
  info.is_truth = ir_operation_is_truth(operation);
  return intern(program, &info);
}

IrValue ir_reduce(IrProgram *program, IrReduction reduction, IrAxisSet axes, IrValue body) {
  if (!axes) return body;
  IrValueInfo info = blank(VALUE_REDUCE);
  info.reduction = reduction;
  info.reduced = axes;
  info.operand[0] = body;
  info.axes = program->values.items[body].axes & ~axes;
  return intern(program, &info);
}

IrValue ir_noise(IrProgram *program, const IrNoise *noise, IrValue iteration) {
  IrValueInfo info = blank(VALUE_NOISE);
  info.draw = noise->draw;
  info.place = noise->place;
  info.layer = noise->layer;
  info.dimensions = noise->dimensions;
  memcpy(info.extent, noise->extent, sizeof(int32_t) * (size_t)noise->dimensions);
  info.axes = copy_index(info.index, noise->index, noise->dimensions);
  info.operand[0] = iteration;
  return intern(program, &info);
}

IrNoise ir_noise_of(const IrValueInfo *info) {
  IrNoise noise = {.draw = info->draw, .place = info->place, .layer = info->layer, .dimensions = info->dimensions};
  memcpy(noise.index, info->index, sizeof noise.index);
  memcpy(noise.extent, info->extent, sizeof noise.extent);
  return noise;
}

// ---- statements

static IrStatement *link_statement(IrProgram *program, IrStatementKind kind, Span span, const char *block) {
  IrStatement *statement = ARENA_NEW(program->arena, IrStatement);
  statement->kind = kind;
  statement->span = span;
  statement->block = block;
  statement->target = statement->counter = IR_NONE;
  statement->value = IR_NONE;
  *program->last = statement;
  program->last = &statement->next;
  return statement;
}

IrStatement *ir_assign(IrProgram *program, IrBuffer target, const IrIndex *index, IrValue value, Span span,
                       const char *block) {
  IrStatement *statement = link_statement(program, IR_STATEMENT_ASSIGN, span, block);
  statement->target = target;
  statement->value = value;
  copy_index(statement->index, index, program->buffers.items[target].dimensions);
  return statement;
}

IrStatement *ir_repeat(IrProgram *program, int64_t count, IrBuffer counter, Span span, const char *block) {
  IrStatement *statement = link_statement(program, IR_STATEMENT_REPEAT, span, block);
  statement->count = count;
  statement->counter = counter;
  return statement;
}
