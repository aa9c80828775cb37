// The object cache on disk, private to the backend.
#ifndef BLUR_BACKEND_CACHE_H
#define BLUR_BACKEND_CACHE_H

#include "compiler/backend/canonical.h"
#include "compiler/backend/cpu.h"
#include "compiler/backend/object.h"

enum { CACHE_KEY = 32 }; // hexadecimal digits

void cache_key(const BackendCpu *cpu, const EmitPlan *plan, char key[CACHE_KEY + 1]);
// The object of that key, not yet linked; false if there is no sound one.
bool cache_load(const char *key, ObjectImage *image);
// Silently does nothing where it cannot write.
void cache_store(const char *key, const unsigned char *object, size_t length);

#endif
