// The report behind the public BlurReport: a sink of diagnostics, and failures of the environment.
#ifndef BLUR_COMPILER_REPORT_H
#define BLUR_COMPILER_REPORT_H

#include "blur/compiler.h"
#include "compiler/source/diagnostics.h"

struct BlurReport {
  Arena *arena;
  DiagnosticSink sink;
  bool environment;
  Text text;
  ARENA_LIST(Arena *) kept; // arenas of the sources that diagnostics point into
};

// Diagnostics point into sources of `arena`: it lives at least as long as the report.
void report_keep(BlurReport *report, Arena *arena);
// A failure that is not the user's text: a library, memory, the code generator.
void report_environment(BlurReport *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
