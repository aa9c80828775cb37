// Between print.c, jit.c and cache.c: target machines, optimized modules, and objects.
#ifndef BLUR_BACKEND_JIT_H
#define BLUR_BACKEND_JIT_H

#include "compiler/backend/cpu.h"
#include "compiler/backend/emit.h"

#include <llvm-c/TargetMachine.h>

LLVMTargetMachineRef jit_target_machine(Arena *arena, const BackendCpu *cpu, const char **error); // the caller's
// Emits and optimizes the plan's module in the context; NULL and *error on failure.
LLVMModuleRef jit_module(Arena *arena, LLVMContextRef context, LLVMTargetMachineRef machine, const EmitPlan *plan,
                         const char **error);

// The object cache. A key is 32 hexadecimal digits. cache_load: the object's bytes (malloc), NULL if there is no sound
// one. cache_store: silently does nothing where it cannot write.
void cache_key(const BackendCpu *cpu, const EmitPlan *plan, char key[33]);
char *cache_load(const char *key, size_t *length);
void cache_store(const char *key, const char *object, size_t length);

#endif
