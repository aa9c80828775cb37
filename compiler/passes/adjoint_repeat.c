// adjoint, repeats: a repeat is reversed by one that counts down. Before its body is reversed for a round, the body is
// run again, from what went round at that round's start: the forward repeat keeps that on a tape.
//
//   repeat 20 {                          repeat 20 {
//     t <- f(h.carried, w)                 h.tape <- h.carried
//     h.carried <- t                       ...
//   }                                    }
//                                        h.adjoint <- H              # H: adjoint of h.carried, behind the repeat
//                                        w.adjoint.sum <- 0
//                                        repeat 20 backward {
//                                          h.start <- h.tape
//                                          t.again <- f(h.start, w)
//                                          h.adjoint <- gradient of sum(h.adjoint * f) by h.start
//                                          w.adjoint.sum <- w.adjoint.sum + gradient by w
//                                        }
//
// What the body makes and somebody behind the repeat reads is that of the last round: only there it has an adjoint from
// outside. A repeat inside the body is run again with a tape of its own, and reversed in its place.
#include "compiler/ir/order.h"
#include "compiler/passes/adjoint_internal.h"

#include <string.h>

static const IrValueInfo *info_of(const IrProgram *program, IrValue value) { return &program->values.items[value]; }

// ---- what goes round

static bool assigns(const IrStatement *statements, IrBuffer buffer) {
  for (; statements; statements = statements->next)
    if (statements->kind == IR_STATEMENT_ASSIGN && statements->target == buffer) return true;
  return false;
}

// Whether a statement of a body gives what goes round the body its next value (and not a repeat inside its start).
static bool is_next(const IrProgram *program, const IrStatement *body, const IrStatement *statement) {
  if (statement->kind != IR_STATEMENT_ASSIGN || !program->buffers.items[statement->target].carried) return false;
  for (; body; body = body->next)
    if (body->kind == IR_STATEMENT_REPEAT && assigns(body->body, statement->target)) return false;
  return true;
}

static IrBuffer temporary_like(IrProgram *program, IrBuffer buffer, const char *suffix) {
  IrBufferInfo info = program->buffers.items[buffer];
  info.name = arena_format(program->arena, "%s.%s", info.name, suffix);
  info.role = ROLE_TEMPORARY;
  info.live_in = info.live_out = info.carried = false;
  info.origin = IR_NONE;
  info.rounds = 0;
  return ir_buffer(program, info);
}

void adjoint_add_tapes(Adjoint *adjoint, IrStatement *repeat) {
  IrProgram *program = adjoint->program;
  for (const IrStatement *next = repeat->body; next; next = next->next) {
    if (!is_next(program, repeat->body, next)) continue;
    IrBuffer tape = temporary_like(program, next->target, "tape");
    program->buffers.items[tape].rounds = repeat->count;
    adjoint->of[next->target].tape = tape;
    IrStatement *keep = ARENA_NEW(program->arena, IrStatement);
    *keep = *next;
    keep->target = tape;
    keep->value = ir_read(program, next->target, next->index);
    keep->next = repeat->body;
    repeat->body = keep;
  }
}

// ---- the body once more

typedef struct {
  IrBuffer carried, start, next, sum; // in the body: at the start of the round, after it; the adjoint that goes round
  const IrIndex *index;
} Rounding;

typedef struct {
  Adjoint *adjoint;
  const IrStatement *repeat;
  size_t count;                  // of buffers before
  IrBuffer *instead;             // [buffer]: what is read instead
  bool *assigned;                // [buffer]: in the body, or in a repeat inside
  IrBuffer counter;              // of the reverse repeat, IR_NONE: nothing counts
  ARENA_LIST(Rounding) rounding; // what goes round
  IrStatement *before, **before_last;
} Reversal;

static IrValue read_instead(void *context, IrProgram *program, IrValue value) {
  const Reversal *reversal = context;
  const IrValueInfo *info = info_of(program, value);
  if (info->kind != VALUE_READ || (size_t)info->buffer >= reversal->count) return value;
  IrBuffer instead = reversal->instead[info->buffer];
  return instead == IR_NONE ? value : ir_read(program, instead, info->index);
}

static void note_assigned(Reversal *reversal, const IrStatement *statements) {
  for (; statements; statements = statements->next)
    if (statements->kind == IR_STATEMENT_REPEAT) note_assigned(reversal, statements->body);
    else reversal->assigned[statements->target] = true;
}

static bool is_active(const Adjoint *adjoint, IrBuffer buffer) {
  return (size_t)buffer < adjoint->count && adjoint->of[buffer].active;
}

static IrBuffer copy_of(Reversal *reversal, IrBuffer buffer, const IrIndex *index) {
  Adjoint *adjoint = reversal->adjoint;
  if (reversal->instead[buffer] != IR_NONE) return reversal->instead[buffer];
  IrBuffer copy = temporary_like(adjoint->program, buffer, "again");
  adjoint->program->buffers.items[copy].carried = adjoint->program->buffers.items[buffer].carried;
  adjoint_enter(adjoint, copy, index, is_active(adjoint, buffer));
  return reversal->instead[buffer] = copy;
}

static void copy_list(Reversal *reversal, const IrStatement *statements);

static void copy_statement(Reversal *reversal, const IrStatement *statement) {
  IrProgram *program = reversal->adjoint->program;
  IrBuffer target = IR_NONE;
  if (program->buffers.items[statement->target].rounds) return; // a tape that the body above keeps: of this repeat
  for (size_t i = 0; i < reversal->rounding.count; i++)
    if (reversal->rounding.items[i].carried == statement->target) target = reversal->rounding.items[i].next;
  if (target == IR_NONE) target = copy_of(reversal, statement->target, statement->index);
  IrValue value = ir_rewrite(program, statement->value, read_instead, reversal);
  ir_assign(program, target, statement->index, value, statement->span, statement->block);
}

static void copy_repeat(Reversal *reversal, const IrStatement *statement) {
  IrProgram *program = reversal->adjoint->program;
  IrBuffer counter = IR_NONE;
  if (statement->counter != IR_NONE)
    counter = reversal->instead[statement->counter] = temporary_like(program, statement->counter, "again");
  IrStatement *copy = ir_repeat(program, statement->count, counter, statement->span, statement->block);
  copy->backward = statement->backward;
  program->last = &copy->body;
  copy_list(reversal, statement->body);
  program->last = &copy->next;
  adjoint_add_tapes(reversal->adjoint, copy);
}

static void copy_list(Reversal *reversal, const IrStatement *statements) {
  for (; statements; statements = statements->next)
    if (statements->kind == IR_STATEMENT_REPEAT) copy_repeat(reversal, statements);
    else copy_statement(reversal, statements);
}

// What goes round: read from the tape at the start of the body, and with an adjoint that goes round the other way.
static void begin_rounds(Reversal *reversal) {
  Adjoint *adjoint = reversal->adjoint;
  IrProgram *program = adjoint->program;
  for (const IrStatement *next = reversal->repeat->body; next; next = next->next) {
    if (!is_next(program, reversal->repeat->body, next)) continue;
    IrBuffer carried = next->target;
    Rounding rounding = {.carried = carried, .sum = IR_NONE, .index = next->index};
    bool active = is_active(adjoint, carried);
    rounding.start = reversal->instead[carried] = temporary_like(program, carried, "start");
    rounding.next = temporary_like(program, carried, "next");
    adjoint_enter(adjoint, rounding.start, next->index, active);
    adjoint_enter(adjoint, rounding.next, next->index, active);
    if (active) {
      rounding.sum = temporary_like(program, carried, "adjoint");
      program->buffers.items[rounding.sum].carried = true;
      adjoint->of[rounding.next].cells->total = ir_read(program, rounding.sum, next->index);
    }
    ARENA_PUSH(program->arena, &reversal->rounding, rounding);
    ir_assign(program, rounding.start, next->index, ir_read(program, adjoint->of[carried].tape, next->index),
              next->span, next->block);
  }
}

// ---- before the repeat, and what it leaves

static void assign_before(Reversal *reversal, IrBuffer target, const IrIndex *index, IrValue value) {
  IrProgram *program = reversal->adjoint->program;
  IrStatement **last = program->last;
  program->last = reversal->before_last;
  adjoint_assign(reversal->adjoint, target, index, value);
  reversal->before_last = program->last;
  program->last = last;
}

// Adjoints that others behind the repeat have given to what its body makes are those of its last round.
static void seed_last_round(Reversal *reversal) {
  Adjoint *adjoint = reversal->adjoint;
  IrProgram *program = adjoint->program;
  for (IrBuffer b = 0; (size_t)b < reversal->count; b++) {
    if (!reversal->assigned[b] || !is_active(adjoint, b) || program->buffers.items[b].rounds) continue;
    IrValue total = adjoint->of[b].cells->total;
    bool goes_round = false;
    for (size_t i = 0; i < reversal->rounding.count; i++) goes_round |= reversal->rounding.items[i].carried == b;
    if (total == IR_NONE || goes_round) continue;
    if (reversal->counter == IR_NONE) {
      IrBufferInfo counter = {.name = "round", .role = ROLE_TEMPORARY, .layer = -1, .origin = IR_NONE};
      reversal->counter = ir_buffer(program, counter);
    }
    const IrIndex *index = adjoint->of[b].cells->index;
    IrBuffer given = temporary_like(program, b, "adjoint.last");
    assign_before(reversal, given, index, total);
    IrValue is_last = ir_operation(program, OP_EQUAL, ir_read(program, reversal->counter, index),
                                   ir_constant(program, (double)(reversal->repeat->count - 1)), IR_NONE);
    adjoint->of[reversal->instead[b]].cells->total =
        ir_operation(program, OP_SELECT, is_last, ir_read(program, given, index), ir_constant(program, 0));
  }
}

typedef struct {
  IrBuffer buffer;
  int cell;
  IrValue total; // before the repeat is reversed
} Outer;

typedef ARENA_LIST(Outer) OuterList;

static void find_outer(Reversal *reversal, const IrStatement *statements, bool *seen, OuterList *outer) {
  Adjoint *adjoint = reversal->adjoint;
  IrProgram *program = adjoint->program;
  for (; statements; statements = statements->next) {
    if (statements->kind == IR_STATEMENT_REPEAT) {
      find_outer(reversal, statements->body, seen, outer);
      continue;
    }
    IrOrder order = ir_order(program, statements->value, NULL, NULL);
    for (size_t i = 0; i < order.count; i++) {
      const IrValueInfo *read = info_of(program, order.values[i]);
      if (read->kind != VALUE_READ || !is_active(adjoint, read->buffer)) continue;
      if (seen[read->buffer] || reversal->assigned[read->buffer]) continue;
      seen[read->buffer] = true;
      for (int c = 0; c < adjoint->of[read->buffer].cell_count; c++) {
        AdjointCell *cell = &adjoint->of[read->buffer].cells[c];
        ARENA_PUSH(program->arena, outer, ((Outer){read->buffer, c, cell->total}));
        cell->total = IR_NONE;
      }
    }
    ir_order_free(&order);
  }
}

typedef struct {
  IrBuffer carried, next;
  const IrIndex *index;
} Copy;

typedef ARENA_LIST(Copy) CopyList;

// `value` becomes what goes round next: stored here, copied at the end of the body when all others are stored.
static void store_next(Reversal *reversal, IrBuffer carried, const IrIndex *index, IrValue value, CopyList *copies) {
  IrProgram *program = reversal->adjoint->program;
  Copy copy = {carried, temporary_like(program, carried, "next"), index};
  adjoint_assign(reversal->adjoint, copy.next, index, value);
  ARENA_PUSH(program->arena, copies, copy);
}

// Contributions to what lies outside add up over the rounds.
static void add_outer(Reversal *reversal, const Outer *outer, CopyList *copies) {
  Adjoint *adjoint = reversal->adjoint;
  IrProgram *program = adjoint->program;
  AdjointCell *cell = &adjoint->of[outer->buffer].cells[outer->cell];
  IrValue round = cell->total;
  cell->total = outer->total;
  if (round == IR_NONE) return;
  IrBufferInfo info = adjoint_cell_buffer(adjoint, outer->buffer, cell, ROLE_TEMPORARY);
  info.name = arena_format(program->arena, "%s.sum", info.name);
  info.carried = true;
  info.rounds = 0;
  IrBuffer sum = ir_buffer(program, info);
  IrValue so_far = ir_read(program, sum, cell->index);
  assign_before(reversal, sum, cell->index, ir_constant(program, 0));
  store_next(reversal, sum, cell->index, ir_operation(program, OP_ADD, so_far, round, IR_NONE), copies);
  cell->total = outer->total == IR_NONE ? so_far : ir_operation(program, OP_ADD, outer->total, so_far, IR_NONE);
}

static void end_rounds(Reversal *reversal, const OuterList *outer) {
  Adjoint *adjoint = reversal->adjoint;
  IrProgram *program = adjoint->program;
  CopyList copies = {0};
  for (size_t i = 0; i < reversal->rounding.count; i++) {
    const Rounding *rounding = &reversal->rounding.items[i];
    if (rounding->sum == IR_NONE) continue;
    AdjointCell *cell = adjoint->of[rounding->carried].cells;
    IrValue zero = ir_constant(program, 0), round = adjoint->of[rounding->start].cells->total;
    assign_before(reversal, rounding->sum, rounding->index, cell->total == IR_NONE ? zero : cell->total);
    store_next(reversal, rounding->sum, rounding->index, round == IR_NONE ? zero : round, &copies);
    cell->total = ir_read(program, rounding->sum, cell->index);
  }
  for (size_t i = 0; i < outer->count; i++) add_outer(reversal, &outer->items[i], &copies);
  for (size_t i = 0; i < copies.count; i++) {
    const Copy *copy = &copies.items[i];
    adjoint_assign(adjoint, copy->carried, copy->index, ir_read(program, copy->next, copy->index));
  }
}

void adjoint_reverse_repeat(Adjoint *adjoint, const IrStatement *repeat) {
  IrProgram *program = adjoint->program;
  Reversal reversal = {.adjoint = adjoint, .repeat = repeat, .count = program->buffers.count, .counter = IR_NONE};
  reversal.before_last = &reversal.before;
  reversal.instead = ARENA_ARRAY(program->arena, IrBuffer, reversal.count);
  reversal.assigned = ARENA_ARRAY(program->arena, bool, reversal.count);
  for (size_t b = 0; b < reversal.count; b++) reversal.instead[b] = IR_NONE;
  note_assigned(&reversal, repeat->body);
  if (repeat->counter != IR_NONE)
    reversal.counter = reversal.instead[repeat->counter] = temporary_like(program, repeat->counter, "again");
  OuterList outer = {0};
  bool *seen = ARENA_ARRAY(program->arena, bool, reversal.count);

  IrStatement **last = program->last, *body = NULL;
  program->last = &body;
  begin_rounds(&reversal);
  IrStatement **copied = program->last;
  copy_list(&reversal, repeat->body);
  adjoint->statement = repeat;
  adjoint->block = arena_format(program->arena, "adjoint of %s", repeat->block ? repeat->block : "repeat");
  seed_last_round(&reversal);
  find_outer(&reversal, repeat->body, seen, &outer);
  adjoint_reverse_list(adjoint, *copied);
  adjoint->statement = repeat;
  adjoint->block = arena_format(program->arena, "adjoint of %s", repeat->block ? repeat->block : "repeat");
  end_rounds(&reversal, &outer);

  program->last = last;
  if (reversal.before) {
    *program->last = reversal.before;
    program->last = reversal.before_last;
  }
  IrStatement *reverse = ir_repeat(program, repeat->count, reversal.counter, repeat->span, adjoint->block);
  reverse->backward = !repeat->backward;
  reverse->body = body;
}
