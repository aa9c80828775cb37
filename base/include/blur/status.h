// What a function that can fail says about it: a code, which is also the command's exit code, and one message that
// names what is wrong, where, and how to mend it. Public: part of the runtime's and the base library's interface.
#ifndef BLUR_STATUS_H
#define BLUR_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  BLUR_DONE = 0,
  BLUR_FAILED_INPUT = 1,       // the input is wrong
  BLUR_FAILED_USAGE = 2,       // the call or the command line is wrong
  BLUR_FAILED_ENVIRONMENT = 3, // a file, memory or a library failed
  BLUR_DIVERGED = 4,           // training met a number that is not finite
} BlurStatusCode;

typedef struct {
  BlurStatusCode code;
  char message[1000]; // UTF-8, one sentence or two, without a closing newline; cut where it would not fit
} BlurStatus;

#ifdef __cplusplus
}
#endif
#endif
