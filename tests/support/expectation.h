// What a golden file expects of the compiler, said in its own first lines:
//   #! error 12:7 E0105 write `<-`
// the severity, the place, the code, and (if given) words that the rendered diagnostic holds.
#ifndef BLUR_TESTS_EXPECTATION_H
#define BLUR_TESTS_EXPECTATION_H

#include "compiler/source/diagnostics.h"

// Compares what was reported for `source` with what it expects, both ways. Adds a line a difference to `differences`,
// then all that was reported; returns the number of differences.
size_t expectation_compare(const SourceFile *source, const DiagnosticSink *sink, Text *differences);
// Calls `visit` for each file of a folder whose name ends so, in the order of the names. Returns their number.
size_t expectation_files(const char *folder, const char *ending, void (*visit)(const char *path, void *context),
                         void *context);

#endif
