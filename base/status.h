// Filling a BlurStatus. Functions that can fail return a bool (or NULL) and take a BlurStatus * last; they write to it
// only when they fail.
#ifndef BLUR_BASE_STATUS_H
#define BLUR_BASE_STATUS_H

#include "blur/status.h"

#include <stdbool.h>

// Always returns false: `return status_fail(status, BLUR_FAILED_INPUT, "...", ...);`. NULL as status is allowed.
bool status_fail(BlurStatus *status, BlurStatusCode code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// For a failed call of the system on `path`: "cannot ACTION PATH: REASON; how to mend it", from errno.
bool status_fail_system(BlurStatus *status, const char *action, const char *path);
bool status_fail_memory(BlurStatus *status, const char *what, double bytes);

#endif
