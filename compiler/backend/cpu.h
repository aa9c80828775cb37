// A machine as the backend knows it: the schedule's view, and LLVM's names for it.
#ifndef BLUR_BACKEND_CPU_H
#define BLUR_BACKEND_CPU_H

#include "compiler/backend/backend.h"

typedef struct {
  ScheduleTarget target;
  const char *name;     // what --cpu calls it
  const char *llvm_cpu; // scheduling model and base features
  const char *llvm_features;
} BackendCpu;

const BackendCpu *backend_cpu(BlurCpu cpu); // NATIVE: the best that this machine runs

#endif
