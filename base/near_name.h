// Names that are nearly another, for "did you mean".
#ifndef BLUR_BASE_NEAR_NAME_H
#define BLUR_BASE_NEAR_NAME_H

#include <stddef.h>

// The candidate nearest to `name` by edit distance, or NULL if none is near (distance <= max(1, length/3)).
const char *near_name(const char *name, const char *const *candidates, size_t count);
// The only candidate that begins with `name`, of two letters or more; or NULL.
const char *begun_name(const char *name, const char *const *candidates, size_t count);

#endif
