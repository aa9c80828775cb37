// See status.h.
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool status_fail(BlurStatus *status, BlurStatusCode code, const char *format, ...) {
  if (!status) return false;
  va_list arguments;
  va_start(arguments, format);
  // Through a buffer of its own: the arguments may point into the message (a caller that adds where it happened).
  char message[sizeof status->message];
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  memcpy(status->message, message, sizeof message);
  status->code = code;
  return false;
}

bool status_fail_system(BlurStatus *status, const char *action, const char *path) {
  int reason = errno;
  return status_fail(status, BLUR_FAILED_ENVIRONMENT, "cannot %s %s: %s", action, path, strerror(reason));
}

bool status_fail_memory(BlurStatus *status, const char *what, double bytes) {
  return status_fail(status, BLUR_FAILED_ENVIRONMENT, "out of memory: %s needs %.1f MB", what, bytes / 1e6);
}
