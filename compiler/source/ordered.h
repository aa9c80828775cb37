// Shared by the two renderers: the diagnostics of a sink in order of file (as first met) and place, and text made safe.
#ifndef BLUR_SOURCE_ORDERED_H
#define BLUR_SOURCE_ORDERED_H

#include "compiler/source/diagnostics.h"

// `count` pointers in the sink's arena.
const Diagnostic **diagnostics_ordered(const DiagnosticSink *sink);
// Decodes the character at `bytes` (at least one byte is left): its code point, or -1 where the bytes are not UTF-8.
// Sets the number of bytes it takes (1 if invalid).
int32_t utf8_decode(const char *bytes, size_t left, size_t *taken);

#endif
