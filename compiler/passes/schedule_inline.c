// inline: temporaries of the rule (`let`) that one statement reads, element by element, disappear into it, and copies
// of a temporary into a variable become its assignment. Before: dead, the last pass on the IR (every buffer is assigned
// at most once, so a read means the same wherever it stands). After: normalize.
#include "compiler/ir/order.h"
#include "compiler/passes/schedule_internal.h"

typedef struct {
  IrBuffer buffer;
  IrValue value; // what stands for a read of it
} Inlining;

static IrValue inline_read(void *context, IrProgram *program, IrValue value) {
  const Inlining *inlining = context;
  const IrValueInfo *info = &program->values.items[value];
  return info->kind == VALUE_READ && info->buffer == inlining->buffer ? inlining->value : value;
}

static bool contains_reduction(const Scheduler *scheduler, IrValue value) {
  IrOrder order = ir_order(scheduler->program, value, NULL, NULL);
  bool found = false;
  for (size_t i = 0; i < order.count; i++)
    found |= scheduler->program->values.items[order.values[i]].kind == VALUE_REDUCE;
  ir_order_free(&order);
  return found;
}

typedef struct {
  size_t statements; // that read the buffer
  IrStatement *reader;
  const IrStatement *list; // the first statement of the list where the reader stands
  IrValue read;
  bool several; // different indices
} Readers;

static void find_readers(Scheduler *scheduler, IrStatement *statements, Readers *readers) {
  IrProgram *program = scheduler->program;
  for (IrStatement *statement = statements; statement; statement = statement->next) {
    if (statement->kind == IR_STATEMENT_REPEAT) {
      find_readers(scheduler, statement->body, readers);
      continue;
    }
    IndexList reads = {0};
    schedule_collect_reads(scheduler, statement->value, &reads);
    for (size_t i = 0; i < reads.count; i++) {
      Readers *of = &readers[program->values.items[reads.items[i]].buffer];
      if (of->reader != statement) of->statements++;
      if (of->reader && of->read != reads.items[i]) of->several = true;
      of->reader = statement;
      of->list = statements;
      of->read = reads.items[i];
    }
  }
}

// Whether a statement from `between` up to `end`, in program order, assigns what one of the buffers read lies in.
static bool overwrites(Scheduler *scheduler, const IndexList *reads, const IrStatement *between,
                       const IrStatement *end) {
  IrProgram *program = scheduler->program;
  for (; between && between != end; between = between->next) {
    if (between->kind == IR_STATEMENT_REPEAT) {
      if (overwrites(scheduler, reads, between->body, NULL)) return true;
      continue;
    }
    for (size_t i = 0; i < reads->count; i++) {
      IrBuffer read = program->values.items[reads->items[i]].buffer;
      if (between->target != read && schedule_slot(program, between->target) == schedule_slot(program, read))
        return true;
    }
  }
  return false;
}

// A read of a variable that the program overwrites must not move behind that.
static bool reads_overwritten(Scheduler *scheduler, IrValue value, const IrStatement *between, const IrStatement *end) {
  IndexList reads = {0};
  schedule_collect_reads(scheduler, value, &reads);
  return overwrites(scheduler, &reads, between, end);
}

// Copies of a temporary into its only reader's target disappear, and elementwise temporaries read once move into the
// reader. Both only where the reader stands in the same list, and not into what goes round a repeat: its next value is
// assigned together with others.
static void inline_list(Scheduler *scheduler, IrStatement **list, Readers *readers) {
  IrProgram *program = scheduler->program;
  const IrStatement *first = *list;
  for (IrStatement **link = list; *link;) {
    IrStatement *statement = *link;
    if (statement->kind == IR_STATEMENT_REPEAT) {
      inline_list(scheduler, &statement->body, readers);
      link = &statement->next;
      continue;
    }
    const IrBufferInfo *target = &program->buffers.items[statement->target];
    Readers of = readers[statement->target];
    bool temporary = target->role == ROLE_TEMPORARY && !target->live_out && !target->live_in && !target->carried;
    bool once = of.statements == 1 && !of.several && of.reader != statement && of.list == first &&
                !program->buffers.items[of.reader->target].carried;
    if (temporary && once &&
        schedule_same_index(program->values.items[of.read].index, statement->index, target->dimensions)) {
      bool copied = of.reader->value == of.read &&
                    schedule_same_index(of.reader->index, statement->index, target->dimensions) &&
                    program->buffers.items[of.reader->target].dimensions == target->dimensions;
      if (copied) { // x <- t, t <- value: x <- value, here
        statement->target = of.reader->target;
        IrStatement **other = link;
        while (*other != of.reader) other = &(*other)->next;
        *other = of.reader->next;
        continue;
      }
      if (!contains_reduction(scheduler, statement->value) &&
          !reads_overwritten(scheduler, statement->value, statement->next, of.reader)) {
        Inlining inlining = {statement->target, statement->value};
        of.reader->value = ir_rewrite(program, of.reader->value, inline_read, &inlining);
        *link = statement->next;
        continue;
      }
    }
    link = &statement->next;
  }
}

void schedule_inline(Scheduler *scheduler) {
  // Moving a statement changes who reads its operands, but those have been looked at before it: counted once is enough.
  Readers *readers = ARENA_ARRAY(scheduler->arena, Readers, scheduler->program->buffers.count);
  find_readers(scheduler, scheduler->program->statements, readers);
  inline_list(scheduler, &scheduler->program->statements, readers);
}
