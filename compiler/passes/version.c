// version: every assignment makes a new buffer, so that afterwards each buffer is assigned at most once and a read
// means the same wherever it stands. The last version of a variable that outlives the program is live_out and names,
// through `origin`, the buffer whose place it must end in. Before: unroll_states. After: propagate. Programs with
// `repeat` keep the buffers that cross an iteration as they are.
#include "compiler/passes/passes.h"

#include <string.h>

typedef struct {
  IrBuffer *current; // [buffer before the pass] -> its version now
  size_t count;
} Versions;

static IrValue read_current(void *context, IrProgram *program, IrValue value) {
  const Versions *versions = context;
  IrValueInfo info = program->values.items[value];
  if (info.kind != VALUE_READ || (size_t)info.buffer >= versions->count) return value;
  IrBuffer now = versions->current[info.buffer];
  return now == info.buffer ? value : ir_read(program, now, info.index);
}

void pass_version(IrProgram *program) {
  for (const IrStatement *statement = program->statements; statement; statement = statement->next)
    if (statement->kind == IR_STATEMENT_REPEAT) return; // buffers that cross iterations stay mutable
  size_t count = program->buffers.count;
  Versions versions = {ARENA_ARRAY(program->arena, IrBuffer, count), count};
  int *assigned = ARENA_ARRAY(program->arena, int, count);
  for (size_t buffer = 0; buffer < count; buffer++) versions.current[buffer] = (IrBuffer)buffer;
  for (IrStatement *statement = program->statements; statement; statement = statement->next) {
    // The program's values are a DAG that only grows: rewriting makes new values and leaves the old ones.
    statement->value = ir_rewrite(program, statement->value, read_current, &versions);
    IrBuffer slot = statement->target;
    IrBufferInfo version = program->buffers.items[slot];
    version.name = arena_format(program->arena, "%s.v%d", version.name, ++assigned[slot]);
    version.origin = slot;
    version.live_in = version.live_out = false;
    versions.current[slot] = statement->target = ir_buffer(program, version);
  }
  for (size_t slot = 0; slot < count; slot++) {
    if (!program->buffers.items[slot].live_out || versions.current[slot] == (IrBuffer)slot) continue;
    program->buffers.items[slot].live_out = false;
    program->buffers.items[versions.current[slot]].live_out = true;
  }
}
