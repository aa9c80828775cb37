// This machine's measured peak of float32 multiply-adds: what `blur bench` compares a step with.
#ifndef BLUR_CLI_PEAK_H
#define BLUR_CLI_PEAK_H

#include "blur/compiler.h"

// Flops a second (a multiply-add is two) of `threads` threads at once, at the vector width of `cpu`: the best of
// several short runs of a kernel that holds everything in registers. Takes about 0.1 s. 0 if threads could not be
// started.
double peak_measure(BlurCpu cpu, int threads);

#endif
