// The code generator: LLVM, and the emission that is written for it (compiler/codegen). It is a module of its own,
// opened when something is to be compiled or printed, so that a process without such need starts without LLVM.
#ifndef BLUR_BACKEND_GENERATOR_H
#define BLUR_BACKEND_GENERATOR_H

#include "compiler/backend/canonical.h"
#include "compiler/backend/cpu.h"

// The one symbol that the module exports, under the name of GENERATOR_SYMBOL. Both sides share memory: they must be
// built from the same sources, which `identity` (BACKEND_IDENTITY) says.
typedef struct {
  const char *identity;
  // The plan as a relocatable object: its bytes (the caller's to free). NULL and *error (in the arena) on failure.
  unsigned char *(*object)(Arena *arena, const BackendCpu *cpu, const EmitPlan *plan, size_t *length,
                           const char **error);
  // The plan as LLVM IR or as assembly, in the arena. NULL and *error on failure.
  const char *(*text)(Arena *arena, const BackendCpu *cpu, const EmitPlan *plan, bool assembly, const char **error);
} CodeGenerator;

#define GENERATOR_SYMBOL "blur_code_generator"
extern const CodeGenerator blur_code_generator; // in the module

// Finds and opens the module, once a process. NULL and *error (in the arena) where it is missing or foreign.
const CodeGenerator *generator_open(Arena *arena, const char **error);

#endif
