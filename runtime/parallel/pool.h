// Threads for work that comes in pieces. Private to the runtime.
#ifndef BLUR_PARALLEL_POOL_H
#define BLUR_PARALLEL_POOL_H

#include "blur/runtime.h"

#include <stddef.h>

// A pool of a thread a job, of `threads` (0: as blur_pool_create) at most. *all: these in number; where there are fewer
// jobs, each may have a pool of *all / blur_pool_threads of its own.
BlurPool *pool_for_jobs(int threads, size_t jobs, int *all, BlurStatus *status);

#endif
