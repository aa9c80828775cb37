// A growing text: what every printer of the compiler writes to. Own memory, freed by text_free.
#ifndef BLUR_BASE_TEXT_H
#define BLUR_BASE_TEXT_H

#include <stddef.h>

typedef struct {
  char *bytes; // NUL-terminated, never NULL after the first text_add; use text_get
  size_t length, capacity;
} Text;

void text_add(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(Text *text, const char *bytes, size_t length);
const char *text_get(const Text *text); // "" while empty
void text_free(Text *text);
// The shortest decimal that reads back as the same double; "inf", "-inf", "nan" where it is not finite.
void text_add_number(Text *text, double number);
// In quotation marks, with escapes, as JSON has it.
void text_add_json_string(Text *text, const char *string);

#endif
