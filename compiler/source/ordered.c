// See ordered.h.
#include "compiler/source/ordered.h"

#include <stdlib.h>

static bool comes_before(const DiagnosticSink *sink, const Diagnostic *a, const Diagnostic *b) {
  if (a->span.file == b->span.file) return a->span.start < b->span.start;
  for (size_t i = 0; i < sink->items.count; i++) {
    if (sink->items.items[i].span.file == a->span.file) return true;
    if (sink->items.items[i].span.file == b->span.file) return false;
  }
  return false;
}

// Insertion: at most a few hundred, mostly in order already, and equal places keep the order of their reports.
const Diagnostic **diagnostics_ordered(const DiagnosticSink *sink) {
  const Diagnostic **ordered = ARENA_ARRAY(sink->arena, const Diagnostic *, sink->items.count + 1);
  for (size_t i = 0; i < sink->items.count; i++) {
    const Diagnostic *diagnostic = &sink->items.items[i];
    size_t at = i;
    for (; at > 0 && comes_before(sink, diagnostic, ordered[at - 1]); at--) ordered[at] = ordered[at - 1];
    ordered[at] = diagnostic;
  }
  return ordered;
}

int32_t utf8_decode(const char *bytes, size_t left, size_t *taken) {
  const unsigned char *b = (const unsigned char *)bytes;
  *taken = 1;
  if (b[0] < 0x80) return b[0];
  size_t length = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : 2;
  static const int32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (b[0] < 0xC2 || b[0] > 0xF4 || left < length) return -1;
  int32_t point = b[0] & (0x7F >> length);
  for (size_t i = 1; i < length; i++) {
    if ((b[i] & 0xC0) != 0x80) return -1;
    point = (point << 6) | (b[i] & 0x3F);
  }
  if (point < smallest[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return -1;
  *taken = length;
  return point;
}
