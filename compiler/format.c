// The formatter from outside: a file's text in the canonical layout, or the report that says why it has none.
#include "compiler/driver.h"
#include "compiler/report.h"
#include "compiler/syntax/syntax.h"

#include <stdlib.h>
#include <string.h>

char *blur_format_file(const char *path, bool *changed, BlurReport *report) {
  size_t errors = report->sink.errors;
  const SourceFile *source = source_read(report->arena, path, &report->sink);
  if (!source) {
    report->environment = true;
    return NULL;
  }
  parse_file(report->arena, source, &report->sink);
  if (report->sink.errors > errors) return NULL;
  Text text = {0};
  const char *problem = format_source(source, &text);
  if (problem) driver_internal_error("fmt", problem, NULL);
  *changed = text.length != source->length || memcmp(text_get(&text), source->text, text.length) != 0;
  char *bytes = text.bytes ? text.bytes : calloc(1, 1);
  if (!bytes) driver_internal_error("fmt", "out of memory", NULL);
  return bytes;
}
