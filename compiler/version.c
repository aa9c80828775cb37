// The compiler's version.
#include "blur/compiler.h"
const char *blur_version(void) { return "0.1.0"; }
