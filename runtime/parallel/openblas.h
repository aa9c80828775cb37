// OpenBLAS and what stands on it, opened when something first needs it, not at the start of every command (3.5 ms).
#ifndef BLUR_PARALLEL_OPENBLAS_H
#define BLUR_PARALLEL_OPENBLAS_H

// NULL: it is not installed. Whatever runs in it runs on the calling thread alone.
void *openblas_open(const char *library, const char *other_name);
// Puts the function's address into the pointer to a function that `function` points to; NULL: it has none.
void openblas_find(void *library, const char *name, void *function);

#endif
