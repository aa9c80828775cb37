// Machine code from planned kernels: module, short pass pipeline, object, ORC's LLJIT. A cached object is only linked:
// neither the optimizer nor the code generator runs. Compiled code calls nothing by name, so nothing is resolved.
#include "compiler/backend/jit.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const char triple[] = "x86_64-unknown-linux-gnu";
// The emission already hoists and shares values; this merges equal loads and addresses and hoists what is left.
static const char pipeline[] = "function(early-cse<memssa>,loop-mssa(licm))";

struct BackendCode {
  LLVMOrcLLJITRef jit;
};

static void initialize_target(void) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  // Addresses are emitted in the form that the machine has: reducing their strength only costs time (a quarter of all).
  LLVMParseCommandLineOptions(2, (const char *[]){"blur", "-disable-lsr"}, "");
}

static const char *take_error(Arena *arena, LLVMErrorRef error) {
  char *message = LLVMGetErrorMessage(error);
  const char *copy = arena_copy(arena, message, strlen(message));
  LLVMDisposeErrorMessage(message);
  return copy;
}

static const char *take_message(Arena *arena, char *message) {
  const char *copy = arena_copy(arena, message, strlen(message));
  LLVMDisposeMessage(message);
  return copy;
}

LLVMTargetMachineRef jit_target_machine(Arena *arena, const BackendCpu *cpu, const char **error) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, initialize_target);
  LLVMTargetRef target;
  char *message = NULL;
  if (LLVMGetTargetFromTriple(triple, &target, &message)) {
    *error = take_message(arena, message);
    return NULL;
  }
  return LLVMCreateTargetMachine(target, triple, cpu->llvm_cpu, cpu->llvm_features, LLVMCodeGenLevelDefault,
                                 LLVMRelocPIC, LLVMCodeModelSmall);
}

LLVMModuleRef jit_module(Arena *arena, LLVMContextRef context, LLVMTargetMachineRef machine, const EmitPlan *plan,
                         const char **error) {
  LLVMModuleRef module = LLVMModuleCreateWithNameInContext("blur", context);
  LLVMSetTarget(module, triple);
  LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
  LLVMSetModuleDataLayout(module, layout);
  LLVMDisposeTargetData(layout);
  *error = emit_module(arena, module, plan);
#ifndef NDEBUG
  char *message = NULL;
  if (!*error && LLVMVerifyModule(module, LLVMReturnStatusAction, &message))
    *error = arena_format(arena, "%s", message);
  LLVMDisposeMessage(message);
#endif
  if (!*error) {
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef failed = LLVMRunPasses(module, pipeline, machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (failed) *error = take_error(arena, failed);
  }
  if (!*error) return module;
  LLVMDisposeModule(module);
  return NULL;
}

// The object's bytes (malloc).
static char *compile_object(Arena *arena, LLVMTargetMachineRef machine, const EmitPlan *plan, size_t *length,
                            const char **error) {
  LLVMContextRef context = LLVMContextCreate();
  LLVMModuleRef module = jit_module(arena, context, machine, plan, error);
  char *object = NULL;
  if (module) {
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, module, LLVMObjectFile, &message, &buffer)) {
      *error = take_message(arena, message);
    } else {
      *length = LLVMGetBufferSize(buffer);
      object = malloc(*length);
      if (object) memcpy(object, LLVMGetBufferStart(buffer), *length);
      else *error = "out of memory";
      LLVMDisposeMemoryBuffer(buffer);
    }
    LLVMDisposeModule(module);
  }
  LLVMContextDispose(context);
  return object;
}

// Takes the target machine. The entry points are linked at once, so that a damaged object shows here.
static BackendCode *link_object(Arena *arena, LLVMTargetMachineRef machine, const char *object, size_t length,
                                const BackendUnit *units, size_t unit_count, const char **error) {
  LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
  LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(builder,
                                                LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(machine));
  LLVMOrcLLJITRef jit = NULL;
  LLVMErrorRef failed = LLVMOrcCreateLLJIT(&jit, builder);
  if (failed) {
    *error = take_error(arena, failed);
    return NULL;
  }
  LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(object, length, "blur");
  failed = LLVMOrcLLJITAddObjectFile(jit, LLVMOrcLLJITGetMainJITDylib(jit), buffer);
  for (size_t i = 0; i < unit_count && !failed; i++) {
    LLVMOrcExecutorAddress address;
    failed = LLVMOrcLLJITLookup(jit, &address, units[i].name);
  }
  if (failed) {
    *error = take_error(arena, failed);
    failed = LLVMOrcDisposeLLJIT(jit);
    if (failed) LLVMConsumeError(failed);
    return NULL;
  }
  BackendCode *code = calloc(1, sizeof *code);
  if (code) code->jit = jit;
  else *error = "out of memory";
  return code;
}

static BackendCode *code_from(Arena *arena, const BackendCpu *cpu, const char *object, size_t length,
                              const BackendUnit *units, size_t unit_count, const char **error) {
  LLVMTargetMachineRef machine = jit_target_machine(arena, cpu, error);
  return machine ? link_object(arena, machine, object, length, units, unit_count, error) : NULL;
}

BackendCode *backend_compile(Arena *arena, BlurCpu cpu_level, const BackendUnit *units, size_t unit_count,
                             bool use_cache, bool *from_cache, const char **error) {
  const BackendCpu *cpu = backend_cpu(cpu_level);
  EmitPlan *plan = canonical_plan(arena, &cpu->target, units, unit_count);
  char key[33];
  size_t length = 0;
  *error = NULL;
  *from_cache = false;
  if (use_cache) {
    cache_key(cpu, plan, key);
    char *object = cache_load(key, &length);
    BackendCode *code = object ? code_from(arena, cpu, object, length, units, unit_count, error) : NULL;
    free(object);
    *from_cache = code != NULL;
    if (code) return code;
    *error = NULL;
  }
  LLVMTargetMachineRef machine = jit_target_machine(arena, cpu, error);
  if (!machine) return NULL;
  char *object = compile_object(arena, machine, plan, &length, error);
  LLVMDisposeTargetMachine(machine);
  if (!object) return NULL;
  BackendCode *code = code_from(arena, cpu, object, length, units, unit_count, error);
  if (code && use_cache) cache_store(key, object, length);
  free(object);
  return code;
}

BackendEntry *backend_entry(const BackendCode *code, const char *name) {
  LLVMOrcExecutorAddress address = 0;
  LLVMErrorRef failed = LLVMOrcLLJITLookup(code->jit, &address, name);
  if (failed) {
    LLVMConsumeError(failed);
    return NULL;
  }
  return (BackendEntry *)(uintptr_t)address;
}

void backend_destroy(BackendCode *code) {
  if (!code) return;
  LLVMErrorRef failed = LLVMOrcDisposeLLJIT(code->jit);
  if (failed) LLVMConsumeError(failed);
  free(code);
}
