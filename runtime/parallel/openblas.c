// See openblas.h.
#include "runtime/parallel/openblas.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

// ISO C has no cast from an object's address to a function's; POSIX promises that the bytes are the same.
void openblas_find(void *library, const char *name, void *function) {
  void *found = dlsym(library, name);
  memcpy(function, &found, sizeof found);
}

void *openblas_open(const char *name, const char *other_name) {
  void (*set_threads)(int) = NULL;
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) library = dlopen(other_name, RTLD_NOW | RTLD_LOCAL);
  if (!library) return NULL;
  // Found also where the library only depends on OpenBLAS.
  openblas_find(library, "openblas_set_num_threads", &set_threads);
  if (set_threads) set_threads(1); // the pool's threads are enough
  return library;
}
