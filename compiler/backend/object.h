// Machine code in memory: a relocatable ELF object, linked where it lies. The same for a fresh object and a cached one.
#ifndef BLUR_BACKEND_OBJECT_H
#define BLUR_BACKEND_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  unsigned char *bytes; // page-aligned; the caller fills it before object_link
  size_t length;        // of the object
  size_t mapped;        // of the mapping: the object and whatever follows it in its file
} ObjectImage;

// Zeroed memory for `mapped` bytes. False: no memory.
bool object_map(ObjectImage *image, size_t mapped);
void object_unmap(ObjectImage *image); // an image without memory is allowed

// Resolves the references of the first `length` bytes among each other and makes them executable. NULL, or what is
// wrong with them: nothing that the bytes hold reads or writes outside them.
const char *object_link(ObjectImage *image);
// A global function of a linked object, or NULL.
void *object_function(const ObjectImage *image, const char *name);

#endif
