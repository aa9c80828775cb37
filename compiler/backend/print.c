// --stage=llvm and --stage=asm: what jit.c compiles, as text.
#include "compiler/backend/jit.h"

#include <string.h>

const char *backend_print(Arena *arena, BlurCpu cpu_level, const BackendUnit *units, size_t unit_count, bool assembly,
                          const char **error) {
  const BackendCpu *cpu = backend_cpu(cpu_level);
  EmitPlan *plan = canonical_plan(arena, &cpu->target, units, unit_count);
  *error = NULL;
  LLVMTargetMachineRef machine = jit_target_machine(arena, cpu, error);
  if (!machine) return NULL;
  LLVMContextRef context = LLVMContextCreate();
  LLVMModuleRef module = jit_module(arena, context, machine, plan, error);
  const char *text = NULL;
  if (module && assembly) {
    char *message = NULL;
    LLVMMemoryBufferRef buffer = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, module, LLVMAssemblyFile, &message, &buffer)) {
      *error = arena_format(arena, "%s", message);
      LLVMDisposeMessage(message);
    } else {
      text = arena_copy(arena, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
      LLVMDisposeMemoryBuffer(buffer);
    }
  } else if (module) {
    char *message = LLVMPrintModuleToString(module);
    text = arena_copy(arena, message, strlen(message));
    LLVMDisposeMessage(message);
  }
  if (module) LLVMDisposeModule(module);
  LLVMContextDispose(context);
  LLVMDisposeTargetMachine(machine);
  return text;
}
