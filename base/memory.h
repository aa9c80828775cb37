// Advice to the system about memory that will be written whole.
#ifndef BLUR_BASE_MEMORY_H
#define BLUR_BASE_MEMORY_H

#include <stddef.h>

// Gives fresh memory its pages in one call instead of by a fault a page, which costs ten times as much on a virtual
// machine. Advice: contents stay, nothing depends on it.
void memory_prepare(void *start, size_t bytes);

#endif
