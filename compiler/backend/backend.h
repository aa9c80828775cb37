// The backend: schedules to machine code, through the object cache or the code generator (compiler/codegen).
#ifndef BLUR_BACKEND_BACKEND_H
#define BLUR_BACKEND_BACKEND_H

#include "blur/compiler.h"
#include "compiler/passes/schedule.h"

// Compiled code: called by every thread; `memory` the network's, `scratch` the thread's. The step counter and all
// variables are at the plan's offsets. Code calls nothing but what `services` points to.
typedef void BackendEntry(void *memory, void *scratch, const BlurServices *services, int64_t thread, int64_t threads);

typedef struct {
  const char *name; // entry point: "step", "predict"
  const Schedule *schedule;
  int64_t step_offset; // bytes: where VALUE_STEP is read from (one element of the schedule's precision)
} BackendUnit;

typedef struct BackendCode BackendCode;

// Machines (cpu.c): the table of targets; native detection by CPUID through LLVM-free code.
const ScheduleTarget *backend_target(BlurCpu cpu);

// Compiles the units into one object, or takes it from the cache. NULL and *error (in the arena) on failure.
BackendCode *backend_compile(Arena *arena, BlurCpu cpu, const BackendUnit *units, size_t unit_count, bool use_cache,
                             bool *from_cache, const char **error);
// The same code again, by the key that `backend_key` gave ("" where no cache was used). NULL if the cache lost it.
BackendCode *backend_load(const char *key);
const char *backend_key(const BackendCode *code);
BackendEntry *backend_entry(const BackendCode *code, const char *name); // NULL if there is none
void backend_destroy(BackendCode *code);

// --stage=llvm, --stage=asm: text in the arena; NULL and *error on failure.
const char *backend_print(Arena *arena, BlurCpu cpu, const BackendUnit *units, size_t unit_count, bool assembly,
                          const char **error);

#endif
