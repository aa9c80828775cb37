// See memory.h.
#include "base/memory.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void memory_prepare(void *start, size_t bytes) {
#ifdef MADV_POPULATE_WRITE // Linux 5.14
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = ((uintptr_t)start + page - 1) & ~(page - 1),
            end = ((uintptr_t)start + bytes) & ~(page - 1);
  if (first < end) madvise((char *)start + (first - (uintptr_t)start), end - first, MADV_POPULATE_WRITE);
#else
  (void)start, (void)bytes;
#endif
}
