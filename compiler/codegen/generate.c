// The module's entry: planned kernels to LLVM IR, a short pass pipeline, an object or text. After: the backend keeps
// the object and links it (compiler/backend). Only this folder knows LLVM.
#include "compiler/backend/generator.h"
#include "compiler/codegen/emit.h"

#include "backend_identity.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/ErrorHandling.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char triple[] = "x86_64-unknown-linux-gnu";
// The emission already hoists and shares values; this merges equal loads and addresses and hoists what is left.
static const char pipeline[] = "function(early-cse<memssa>,loop-mssa(licm))";

typedef struct {
  LLVMTargetMachineRef machine;
  LLVMContextRef context;
  LLVMModuleRef module;
} Generation;

// std::set_new_handler and llvm::install_bad_alloc_error_handler, which have no names in C: without them LLVM aborts
// where memory is at its end.
void set_new_handler(void (*handler)(void)) __asm__("_ZSt15set_new_handlerPFvvE");
void install_bad_alloc_handler(void (*handler)(void *, const char *, bool),
                               void *context) __asm__("_ZN4llvm31install_bad_alloc_error_handlerEPFvPvPKcbES0_");

static void end_without_memory(void) {
  static const char message[] = "blur: out of memory while compiling; a smaller network or fewer states need less\n";
  if (write(STDERR_FILENO, message, sizeof message - 1) < 0) _exit(3);
  _exit(3); // as arenas do (base/arena.h)
}

static void end_without_memory_for(void *context, const char *what, bool diagnostics) {
  (void)context, (void)what, (void)diagnostics;
  end_without_memory();
}

static void end_at_defect(const char *reason) {
  fprintf(stderr, "blur: internal error in the code generator: %s\nThis is a defect of blur. Please report it.\n",
          reason);
  exit(70);
}

// Before LLVM's own constructors, which allocate.
__attribute__((constructor(101))) static void prepare_for_failure(void) {
  set_new_handler(end_without_memory);
  install_bad_alloc_handler(end_without_memory_for, NULL);
  LLVMInstallFatalErrorHandler(end_at_defect);
}

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

static LLVMTargetMachineRef target_machine(Arena *arena, const BackendCpu *cpu, const char **error) {
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

static void fill_module(Arena *arena, Generation *g, const EmitPlan *plan, const char **error) {
  LLVMSetTarget(g->module, triple);
  LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(g->machine);
  LLVMSetModuleDataLayout(g->module, layout);
  LLVMDisposeTargetData(layout);
  *error = emit_module(arena, g->module, plan);
#ifndef NDEBUG
  char *message = NULL;
  if (!*error && LLVMVerifyModule(g->module, LLVMReturnStatusAction, &message))
    *error = arena_format(arena, "%s", message);
  LLVMDisposeMessage(message);
#endif
  if (*error) return;
  LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
  LLVMErrorRef failed = LLVMRunPasses(g->module, pipeline, g->machine, options);
  LLVMDisposePassBuilderOptions(options);
  if (failed) *error = take_error(arena, failed);
}

// The plan's optimized module. False and *error on failure; `close_generation` either way.
static bool open_generation(Arena *arena, Generation *g, const BackendCpu *cpu, const EmitPlan *plan,
                            const char **error) {
  *g = (Generation){0};
  *error = NULL;
  g->machine = target_machine(arena, cpu, error);
  if (!g->machine) return false;
  g->context = LLVMContextCreate();
  g->module = LLVMModuleCreateWithNameInContext("blur", g->context);
  fill_module(arena, g, plan, error);
  return !*error;
}

static void close_generation(Generation *g) {
  if (g->module) LLVMDisposeModule(g->module);
  if (g->context) LLVMContextDispose(g->context);
  if (g->machine) LLVMDisposeTargetMachine(g->machine);
}

static LLVMMemoryBufferRef write_machine_code(Arena *arena, const Generation *g, LLVMCodeGenFileType type,
                                              const char **error) {
  LLVMMemoryBufferRef buffer = NULL;
  char *message = NULL;
  if (!LLVMTargetMachineEmitToMemoryBuffer(g->machine, g->module, type, &message, &buffer)) return buffer;
  *error = take_message(arena, message);
  return NULL;
}

static unsigned char *generate_object(Arena *arena, const BackendCpu *cpu, const EmitPlan *plan, size_t *length,
                                      const char **error) {
  Generation g;
  unsigned char *object = NULL;
  LLVMMemoryBufferRef buffer = NULL;
  if (open_generation(arena, &g, cpu, plan, error)) buffer = write_machine_code(arena, &g, LLVMObjectFile, error);
  if (buffer) {
    *length = LLVMGetBufferSize(buffer);
    object = malloc(*length);
    if (object) memcpy(object, LLVMGetBufferStart(buffer), *length);
    else *error = "out of memory";
    LLVMDisposeMemoryBuffer(buffer);
  }
  close_generation(&g);
  return object;
}

static const char *generate_text(Arena *arena, const BackendCpu *cpu, const EmitPlan *plan, bool assembly,
                                 const char **error) {
  Generation g;
  const char *text = NULL;
  bool is_open = open_generation(arena, &g, cpu, plan, error);
  if (is_open && assembly) {
    LLVMMemoryBufferRef buffer = write_machine_code(arena, &g, LLVMAssemblyFile, error);
    if (buffer) {
      text = arena_copy(arena, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
      LLVMDisposeMemoryBuffer(buffer);
    }
  } else if (is_open) {
    text = take_message(arena, LLVMPrintModuleToString(g.module));
  }
  close_generation(&g);
  return text;
}

const CodeGenerator blur_code_generator = {BACKEND_IDENTITY, generate_object, generate_text};
