// The table of machines: what the schedule and the emission know of a processor. Before: nothing; after: the schedule
// takes its tile shapes and cache sizes, jit.c the name and features of the target. LLVM is not touched here.
#include "compiler/backend/cpu.h"

#include <stdlib.h>

// 14 x 2 of 32 registers: 28 accumulators, 2 of b, one broadcast of a. 6 x 2 of 16. Without fma the product needs a
// register of its own: 4 x 2 of 16.
static const BackendCpu machines[] = {
    [BLUR_CPU_X86_64] = {{"x86-64 sse2", 16, 16, false, 32 << 10, 512 << 10, 4, 2}, "x86-64", "x86-64", ""},
    [BLUR_CPU_AVX2] = {{"avx2 fma", 32, 16, true, 32 << 10, 512 << 10, 6, 2},
                       "avx2",
                       "x86-64-v3",
                       "+avx2,+fma,+bmi2,-prefer-256-bit"},
    [BLUR_CPU_AVX512] = {{"avx512", 64, 32, true, 32 << 10, 1 << 20, 14, 2},
                         "avx512",
                         "x86-64-v4",
                         "+avx512f,+avx512bw,+avx512dq,+avx512vl,+fma,-prefer-256-bit"},
};

// BLUR_EMULATE_AVX512 in the environment: code of AVX-512's shapes (64-byte vectors, its tiles and layouts) made of
// AVX2 instructions, so that the tests run on machines without AVX-512. Slow, never chosen by itself.
static const BackendCpu emulated_avx512 = {
    {"avx512 by avx2", 64, 32, true, 32 << 10, 1 << 20, 14, 2}, "avx512 (emulated)", "x86-64-v3", "+avx2,+fma,+bmi2"};

static bool has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}

static bool has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
}

BlurCpu blur_cpu_best(void) {
  __builtin_cpu_init();
  return has_avx512() ? BLUR_CPU_AVX512 : has_avx2() ? BLUR_CPU_AVX2 : BLUR_CPU_X86_64;
}

static bool emulates_avx512(void) { return !has_avx512() && has_avx2() && getenv("BLUR_EMULATE_AVX512"); }

bool blur_cpu_available(BlurCpu cpu) {
  BlurCpu best = blur_cpu_best();
  if (cpu == BLUR_CPU_AVX512 && emulates_avx512()) return true;
  return cpu == BLUR_CPU_NATIVE || (cpu >= BLUR_CPU_X86_64 && cpu <= best);
}

const BackendCpu *backend_cpu(BlurCpu cpu) {
  if (cpu == BLUR_CPU_NATIVE) cpu = blur_cpu_best();
  if (cpu == BLUR_CPU_AVX512 && emulates_avx512()) return &emulated_avx512;
  return &machines[cpu];
}

const ScheduleTarget *backend_target(BlurCpu cpu) { return &backend_cpu(cpu)->target; }
const char *blur_cpu_name(BlurCpu cpu) { return backend_cpu(cpu)->name; }
