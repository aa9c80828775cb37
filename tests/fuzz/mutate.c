// Mutations of whole words, beside libFuzzer's of bytes: texts that are nearly right reach further than the parser. A
// word is taken away, doubled, moved, exchanged with another or with one of another place of the text; or a line is.
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t length, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t most, unsigned seed);

typedef struct {
  size_t start, end;
} Piece;

enum { MOST_PIECES = 4096, LONGEST = 256 };

static size_t draw(unsigned *state, size_t below) {
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 8) % below;
}

static size_t split_words(const uint8_t *bytes, size_t length, Piece *pieces) {
  size_t count = 0;
  for (size_t i = 0; i < length && count < MOST_PIECES;) {
    if (isspace(bytes[i])) {
      i++;
      continue;
    }
    size_t start = i++;
    if (isalnum(bytes[start]) || bytes[start] == '_')
      while (i < length && (isalnum(bytes[i]) || bytes[i] == '_')) i++;
    else if (i < length && memchr("<-.=>", bytes[start], 5) && memchr("-.=>", bytes[i], 4)) i++;
    pieces[count++] = (Piece){start, i};
  }
  return count;
}

static size_t split_lines(const uint8_t *bytes, size_t length, Piece *pieces) {
  size_t count = 0;
  for (size_t start = 0; start < length && count < MOST_PIECES;) {
    const uint8_t *newline = memchr(bytes + start, '\n', length - start);
    size_t end = newline ? (size_t)(newline - bytes) + 1 : length;
    pieces[count++] = (Piece){start, end};
    start = end;
  }
  return count;
}

// bytes[place.start, place.end) becomes `text`. Returns the new length; the old one if there is no room.
static size_t replace(uint8_t *bytes, size_t length, size_t most, Piece place, const uint8_t *text, size_t size) {
  size_t left = length - (place.end - place.start);
  if (left + size > most) return length;
  memmove(bytes + place.start + size, bytes + place.end, length - place.end);
  memcpy(bytes + place.start, text, size);
  return left + size;
}

static size_t change_piece(uint8_t *bytes, size_t length, size_t most, unsigned *state, bool lines) {
  static Piece pieces[MOST_PIECES];
  size_t count = lines ? split_lines(bytes, length, pieces) : split_words(bytes, length, pieces);
  if (count < 2) return length;
  Piece here = pieces[draw(state, count)], there = pieces[draw(state, count)];
  uint8_t copy[LONGEST];
  size_t size = there.end - there.start;
  if (size + 1 > LONGEST) return length;
  memcpy(copy, bytes + there.start, size);
  if (!lines) copy[size] = ' ';
  switch (draw(state, 3)) {
  case 0: return replace(bytes, length, most, here, copy, 0);
  case 1: return replace(bytes, length, most, here, copy, size);
  default: return replace(bytes, length, most, (Piece){here.start, here.start}, copy, size + !lines);
  }
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t most, unsigned seed) {
  unsigned state = seed;
  if (draw(&state, 3) == 0) return LLVMFuzzerMutate(bytes, length, most);
  for (size_t changes = 1 + draw(&state, 3); changes > 0; changes--)
    length = change_piece(bytes, length, most, &state, draw(&state, 4) == 0);
  return length;
}
