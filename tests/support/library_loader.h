// Files of the library for those who check files without the driver.
#ifndef BLUR_TESTS_LIBRARY_LOADER_H
#define BLUR_TESTS_LIBRARY_LOADER_H

#include "compiler/semantics/checked.h"
#include "compiler/source/library.h"
#include "compiler/syntax/syntax.h"

#include <string.h>

typedef struct {
  Arena *arena;
  DiagnosticSink *sink;
  bool reports; // a file that is missing, as the driver does; else the checker says it in its own words
} Library;

// The `load` of a ModuleLoader whose context is a Library.
static inline const AstFile *library_load(void *context, const char *module, const char *item, Span asked_at) {
  Library *library = context;
  SourceFile *source = strcmp(module, "std") ? NULL : library_find(library->arena, item);
  if (!source && library->reports && asked_at.file) {
    Diagnostic *problem = diagnostic_report(library->sink, DIAGNOSTIC_unknown_library_item, asked_at, item);
    diagnostic_help(library->sink, problem, "`blur rules` lists the library");
  }
  return source ? parse_file(library->arena, source, library->sink) : NULL;
}

#endif
