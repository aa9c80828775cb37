// A program's text run as it stands by the interpreter, and optimized, scheduled and run kernel by kernel: they must
// agree.
#ifndef BLUR_TESTS_SCHEDULE_CHECK_H
#define BLUR_TESTS_SCHEDULE_CHECK_H

#include "compiler/backend/backend.h"

extern const ScheduleTarget schedule_wide_target, schedule_narrow_target;

// The program after the passes that come before the schedule.
IrProgram *schedule_optimized(Arena *arena, const char *text);
// Fails the test unless the schedule is valid and `steps` steps on random inputs give the same live outputs to
// 1e-11 of the largest.
void schedule_check_text(const char *text, const ScheduleTarget *target, int element_bytes, bool blas, int steps);
// The same with the schedule compiled, in double, and run by threads; to 1e-9.
void schedule_check_compiled(const char *text, BlurCpu cpu, int threads, int steps);

#endif
