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

// How to mend what the system refused, where there is something to say.
static const struct {
  int reason;
  const char *action; // NULL: any
  const char *mend;
} mends[] = {
    {ENOENT, "write", "make its folder first"},
    {ENOENT, "make the folder", "make the folder above it first"},
    {ENOENT, NULL, "check the path"},
    {ENOTDIR, NULL, "a part of the path is a file, not a folder"},
    {EISDIR, NULL, "name a file in it"},
    {EACCES, "write", "change its permissions or its folder's, or choose another place"},
    {EACCES, NULL, "change its permissions, or ask who owns it"},
    {EPERM, NULL, "change its permissions, or ask who owns it"},
    {EROFS, NULL, "choose another place"},
    {ENOSPC, NULL, "make room there, or choose another place"},
    {EDQUOT, NULL, "make room within your quota, or choose another place"},
    {EFBIG, NULL, "raise the limit on the size of files (ulimit -f), or choose another place"},
    {EMFILE, NULL, "raise the limit on open files (ulimit -n)"},
    {ENAMETOOLONG, NULL, "choose a shorter name"},
    {EIO, NULL, "the disk may be failing: keep a copy of what is on it"},
};

bool status_fail_system(BlurStatus *status, const char *action, const char *path) {
  int reason = errno;
  const char *mend = NULL;
  for (size_t i = 0; i < sizeof mends / sizeof *mends && !mend; i++)
    if (mends[i].reason == reason && (!mends[i].action || !strcmp(mends[i].action, action))) mend = mends[i].mend;
  return status_fail(status, BLUR_FAILED_ENVIRONMENT, "cannot %s %s: %s%s%s", action, path, strerror(reason),
                     mend ? "; " : "", mend ? mend : "");
}

bool status_fail_memory(BlurStatus *status, const char *what, double bytes) {
  return status_fail(status, BLUR_FAILED_ENVIRONMENT, "out of memory: %s needs %.1f MB", what, bytes / 1e6);
}
