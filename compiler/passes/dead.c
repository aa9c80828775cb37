// dead: assignments to buffers that nothing reads and that need not outlive the program are dropped; what goes round a
// repeat but is not read there is read behind it as the last iteration made it. The runtime's variables are a question
// across steps: dead_variables finds the synapse states that neither a prediction nor the update of a live variable
// ever reads. Before: propagate, simplify. After: schedule.
#include "compiler/ir/order.h"
#include "compiler/passes/passes.h"

#include <string.h>

void ir_mark_reads(const IrProgram *program, IrValue value, bool *seen, bool *live) {
  if (seen[value]) return;
  seen[value] = true;
  const IrValueInfo *info = &program->values.items[value];
  if (info->kind == VALUE_READ) live[info->buffer] = true;
  for (int i = 0; i < ir_value_operands(info); i++) ir_mark_reads(program, info->operand[i], seen, live);
}

// Marks what a live statement reads, from the last statement back to the first. A repeat's body may read what a
// statement further down assigns, an iteration before: repeated until nothing is added.
static bool mark_list(const IrProgram *program, const IrStatement *statements, bool *marked, bool *seen, bool *live) {
  Arena *arena = arena_create();
  ARENA_LIST(const IrStatement *) list = {0};
  for (const IrStatement *s = statements; s; s = s->next) ARENA_PUSH(arena, &list, s);
  bool grown = false;
  for (size_t i = list.count; i-- > 0;) {
    const IrStatement *s = list.items[i];
    if (s->kind == IR_STATEMENT_REPEAT) {
      grown |= mark_list(program, s->body, marked, seen, live);
    } else if (live[s->target] && !marked[s->value]) {
      marked[s->value] = grown = true;
      ir_mark_reads(program, s->value, seen, live);
    }
  }
  arena_destroy(arena);
  return grown;
}

// `live` holds the roots.
static void mark_live(const IrProgram *program, bool *live) {
  Arena *arena = arena_create();
  bool *marked = ARENA_ARRAY(arena, bool, program->values.count + 1);
  bool *seen = ARENA_ARRAY(arena, bool, program->values.count + 1);
  bool nested = false;
  for (const IrStatement *s = program->statements; s; s = s->next) nested |= s->kind == IR_STATEMENT_REPEAT;
  while (mark_list(program, program->statements, marked, seen, live) && nested) continue;
  arena_destroy(arena);
}

// Returns where the next statement would be linked.
static IrStatement **drop_dead(IrStatement **link, const bool *live) {
  while (*link) {
    IrStatement *s = *link;
    if (s->kind == IR_STATEMENT_REPEAT) drop_dead(&s->body, live);
    bool kept = s->kind == IR_STATEMENT_REPEAT ? s->body != NULL : live[s->target];
    if (kept) link = &s->next;
    else *link = s->next;
  }
  return link;
}

// ---- what goes round a repeat, but is not read in it

typedef struct {
  const IrStatement **next; // [buffer]: carried, not read in its repeat: what assigns its next value there
  bool *started, *reads;    // [buffer]: assigned before its repeat; read in the repeat at hand
  bool *seen;               // [value]
} Uncarry;

static void mark_body(const IrProgram *program, const IrStatement *statements, Uncarry *uncarry) {
  for (const IrStatement *s = statements; s; s = s->next)
    if (s->kind == IR_STATEMENT_REPEAT) mark_body(program, s->body, uncarry);
    else ir_mark_reads(program, s->value, uncarry->seen, uncarry->reads);
}

// A temporary takes the place of what is wanted after the program.
static void become(IrBufferInfo *made, const IrBufferInfo *wanted) {
  made->variable = wanted->variable;
  made->layer = wanted->layer;
  made->role = wanted->role;
  made->is_bias = wanted->is_bias;
  made->origin = wanted->origin;
  made->states = wanted->states;
  memcpy(made->state, wanted->state, sizeof made->state);
}

// What the last iteration makes can be read behind the repeat under its own name. It is wanted after the program then
// instead of what it is the next value of: another version of the variable, or a temporary.
static bool replaces(IrProgram *program, const IrStatement *next) {
  IrBufferInfo *carried = &program->buffers.items[next->target];
  const IrValueInfo *value = &program->values.items[next->value];
  if (ir_copied_value(program, next, next->index) == IR_NONE) return false;
  if (!carried->live_out) return true;
  if (value->kind != VALUE_READ) return false;
  IrBufferInfo *made = &program->buffers.items[value->buffer];
  bool is_temporary = made->role == ROLE_TEMPORARY && made->origin == IR_NONE;
  if (made->live_in || made->live_out || made->carried || made->rounds ||
      (made->origin != carried->origin && !is_temporary) || made->dimensions != carried->dimensions)
    return false;
  for (int d = 0; d < made->dimensions; d++)
    if (value->index[d].axis != next->index[d].axis) return false;
  if (is_temporary) become(made, carried);
  made->live_out = true;
  carried->live_out = false;
  return true;
}

static bool find_unread(IrProgram *program, const IrStatement *statements, bool in_repeat, Uncarry *uncarry) {
  bool found = false;
  for (const IrStatement *s = statements; s; s = s->next) {
    if (s->kind == IR_STATEMENT_REPEAT) {
      found |= find_unread(program, s->body, true, uncarry);
      continue;
    }
    if (!program->buffers.items[s->target].carried) continue;
    bool is_next = in_repeat && uncarry->started[s->target];
    uncarry->started[s->target] = true;
    if (!is_next) continue;
    __builtin_memset(uncarry->seen, 0, program->values.count);
    __builtin_memset(uncarry->reads, 0, program->buffers.count);
    mark_body(program, statements, uncarry);
    if (uncarry->reads[s->target] || !replaces(program, s)) continue;
    uncarry->next[s->target] = s;
    found = true;
  }
  return found;
}

static IrValue read_next(void *context, IrProgram *program, IrValue value) {
  const Uncarry *uncarry = context;
  IrValueInfo info = program->values.items[value];
  const IrStatement *next = info.kind == VALUE_READ ? uncarry->next[info.buffer] : NULL;
  return next ? ir_copied_value(program, next, info.index) : value;
}

static void read_all_next(IrProgram *program, IrStatement *statements, Uncarry *uncarry) {
  for (IrStatement *s = statements; s; s = s->next)
    if (s->kind == IR_STATEMENT_REPEAT) read_all_next(program, s->body, uncarry);
    else s->value = ir_rewrite(program, s->value, read_next, uncarry);
}

// True if something that went round does so no longer.
static bool uncarry_unread(IrProgram *program) {
  Arena *arena = arena_create();
  size_t buffers = program->buffers.count;
  Uncarry uncarry = {ARENA_ARRAY(arena, const IrStatement *, buffers), ARENA_ARRAY(arena, bool, buffers),
                     ARENA_ARRAY(arena, bool, buffers), ARENA_ARRAY(arena, bool, program->values.count)};
  bool found = find_unread(program, program->statements, false, &uncarry);
  if (found) read_all_next(program, program->statements, &uncarry);
  arena_destroy(arena);
  return found;
}

void pass_dead(IrProgram *program) {
  bool again;
  do {
    bool *live = ARENA_ARRAY(program->arena, bool, program->buffers.count);
    for (size_t b = 0; b < program->buffers.count; b++) live[b] = program->buffers.items[b].live_out;
    mark_live(program, live);
    program->last = drop_dead(&program->statements, live);
    again = uncarry_unread(program);
  } while (again);
}

static IrBuffer buffer_named(const IrProgram *program, const char *name) {
  for (size_t b = 0; b < program->buffers.count; b++)
    if (!__builtin_strcmp(program->buffers.items[b].name, name)) return (IrBuffer)b;
  return IR_NONE;
}

// The slot a version belongs to: the buffer that holds the variable between steps.
static IrBuffer slot_of(const IrProgram *program, IrBuffer buffer) {
  const IrBufferInfo *info = &program->buffers.items[buffer];
  return info->live_in || info->origin == IR_NONE ? buffer : info->origin;
}

void dead_variables(IrProgram *step, const IrProgram *predict) {
  size_t count = step->buffers.count;
  bool *wanted = ARENA_ARRAY(step->arena, bool, count); // slots whose value after the step matters
  bool *live = ARENA_ARRAY(step->arena, bool, count);
  bool *predicted = ARENA_ARRAY(predict->arena, bool, predict->buffers.count);
  for (size_t b = 0; b < predict->buffers.count; b++) predicted[b] = predict->buffers.items[b].live_out;
  mark_live(predict, predicted);
  for (size_t b = 0; b < predict->buffers.count; b++) {
    IrBuffer slot = predicted[b] && predict->buffers.items[b].live_in
                        ? buffer_named(step, predict->buffers.items[b].name)
                        : IR_NONE;
    if (slot != IR_NONE) wanted[slot] = true;
  }
  for (bool grown = true; grown;) { // a variable is live if a live variable's next value reads it
    grown = false;
    for (size_t b = 0; b < count; b++) {
      const IrBufferInfo *info = &step->buffers.items[b];
      live[b] = info->live_out && wanted[slot_of(step, (IrBuffer)b)];
    }
    mark_live(step, live);
    for (size_t b = 0; b < count; b++)
      if (live[b] && step->buffers.items[b].live_in && !wanted[b]) wanted[b] = grown = true;
  }
  for (size_t b = 0; b < count; b++) {
    IrBufferInfo *info = &step->buffers.items[b];
    bool is_variable = info->role == ROLE_SYNAPSE || info->role == ROLE_NEURON || info->role == ROLE_SIGNAL;
    if (is_variable && info->live_out && !wanted[slot_of(step, (IrBuffer)b)]) info->live_out = false;
  }
}
