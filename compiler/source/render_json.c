// Diagnostics as JSON for editors: one array of objects, lines and columns from 1. Any bytes in the source give valid
// JSON in UTF-8: control characters are escaped, broken bytes become U+FFFD.
#include "compiler/source/ordered.h"

#include <string.h>

static void add_string(Text *out, const char *text) {
  if (!text) {
    text_add(out, "null");
    return;
  }
  text_add(out, "\"");
  size_t left = strlen(text), taken;
  for (; left > 0; text += taken, left -= taken) {
    int32_t point = utf8_decode(text, left, &taken);
    if (point < 0) text_add(out, "\\ufffd");
    else if (point == '"' || point == '\\') text_add(out, "\\%c", (char)point);
    else if (point < 0x20 || point == 0x7F) text_add(out, "\\u%04x", (unsigned)point);
    else text_add_bytes(out, text, taken);
  }
  text_add(out, "\"");
}

// line, column, end_line, end_column; null without a place.
static void add_range(Text *out, Span span) {
  if (!span.file) {
    text_add(out, "\"line\": null, \"column\": null, \"end_line\": null, \"end_column\": null");
    return;
  }
  Position start = source_position(span.file, span.start), end = source_position(span.file, span.end);
  text_add(out, "\"line\": %u, \"column\": %u, \"end_line\": %u, \"end_column\": %u", start.line, start.column,
           end.line, end.column);
}

static void add_place(Text *out, Span span) {
  text_add(out, "\"file\": ");
  add_string(out, span.file ? span.file->path : NULL);
  text_add(out, ", ");
  add_range(out, span);
}

static void add_diagnostic(Text *out, const Diagnostic *diagnostic) {
  text_add(out, "{\"code\": \"%s\", \"severity\": \"%s\", ", diagnostic_code_name(diagnostic->code),
           diagnostic->severity == SEVERITY_ERROR ? "error" : "warning");
  add_place(out, diagnostic->span);
  text_add(out, ", \"message\": ");
  add_string(out, diagnostic->message);
  text_add(out, ", \"label\": ");
  add_string(out, diagnostic->label);
  text_add(out, ", \"notes\": [");
  for (size_t i = 0; i < diagnostic->notes.count; i++) {
    text_add(out, i ? ", {" : "{");
    add_place(out, diagnostic->notes.items[i].span);
    text_add(out, ", \"message\": ");
    add_string(out, diagnostic->notes.items[i].text);
    text_add(out, "}");
  }
  text_add(out, "], \"help\": ");
  add_string(out, diagnostic->help);
  text_add(out, ", \"fix\": ");
  if (diagnostic->replacement && diagnostic->fix.file) {
    text_add(out, "{");
    add_range(out, diagnostic->fix);
    text_add(out, ", \"text\": ");
    add_string(out, diagnostic->replacement);
    text_add(out, "}");
  } else {
    text_add(out, "null");
  }
  text_add(out, "}");
}

void diagnostics_render_json(const DiagnosticSink *sink, Text *out) {
  const Diagnostic **ordered = diagnostics_ordered(sink);
  text_add(out, "[");
  for (size_t i = 0; i < sink->items.count; i++) {
    text_add(out, i ? ",\n " : "");
    add_diagnostic(out, ordered[i]);
  }
  text_add(out, "]\n");
}
