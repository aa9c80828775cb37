// blur, for embedders: the compiler (rules to programs) and the runtime (programs on threads and data).
#ifndef BLUR_BLUR_H
#define BLUR_BLUR_H

#include "blur/compiler.h"
#include "blur/genome.h"
#include "blur/runtime.h"

#endif
