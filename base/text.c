// See text.h.
#include "base/text.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(Text *text, size_t more) {
  if (text->length + more + 1 <= text->capacity) return;
  size_t capacity = text->capacity ? text->capacity : 256;
  while (capacity < text->length + more + 1) capacity *= 2;
  char *bytes = realloc(text->bytes, capacity);
  if (!bytes) {
    fprintf(stderr, "blur: out of memory (%zu bytes asked for)\n", capacity);
    exit(3);
  }
  text->bytes = bytes;
  text->capacity = capacity;
}

void text_add(Text *text, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length > 0) {
    reserve(text, (size_t)length);
    vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
    text->length += (size_t)length;
  }
  va_end(again);
}

void text_add_bytes(Text *text, const char *bytes, size_t length) {
  reserve(text, length);
  memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
  text->bytes[text->length] = 0;
}

const char *text_get(const Text *text) { return text->bytes ? text->bytes : ""; }

void text_free(Text *text) {
  free(text->bytes);
  *text = (Text){0};
}

void text_add_number(Text *text, double number) {
  if (isnan(number)) {
    text_add(text, "nan");
    return;
  }
  if (isinf(number)) {
    text_add(text, number < 0 ? "-inf" : "inf");
    return;
  }
  if (fabs(number) < 1e15 && number == floor(number)) {
    text_add(text, "%.0f", number); // 10, not 1e+01
    return;
  }
  char digits[40];
  // A decimal of up to 15 digits survives its way through a double, so that 15 find it: %g drops the zeros behind it.
  // The numbers next to 0 have fewer digits.
  for (int precision = fabs(number) < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
    snprintf(digits, sizeof digits, "%.*g", precision, number);
    if (strtod(digits, NULL) == number) break;
  }
  text_add(text, "%s", digits);
}

void text_add_json_string(Text *text, const char *string) {
  text_add(text, "\"");
  for (const unsigned char *c = (const unsigned char *)string; *c; c++) {
    if (*c == '"' || *c == '\\') text_add(text, "\\%c", *c);
    else if (*c == '\n') text_add(text, "\\n");
    else if (*c < 0x20) text_add(text, "\\u%04x", *c);
    else text_add_bytes(text, (const char *)c, 1);
  }
  text_add(text, "\"");
}
