// Near names, for "did you mean": the distance counts letters inserted, left out, replaced, and neighbours exchanged
// (optimal string alignment). Capitals in place of small letters, however many, count once: `ReLU`, `relu`.
#include "base/near_name.h"

#include <string.h>

enum { LONGEST_NAME = 63 };

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
  size_t rows[3][LONGEST_NAME + 1];
  size_t *before = rows[0], *above = rows[1], *row = rows[2];
  for (size_t j = 0; j <= b_length; j++) above[j] = j;
  for (size_t i = 1; i <= a_length; i++) {
    row[0] = i;
    for (size_t j = 1; j <= b_length; j++) {
      row[j] = smaller(smaller(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = smaller(row[j], before[j - 2] + 1);
    }
    size_t *oldest = before;
    before = above;
    above = row;
    row = oldest;
  }
  return above[b_length];
}

static void fold_case(const char *name, size_t length, char folded[static LONGEST_NAME]) {
  for (size_t i = 0; i < length; i++) folded[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
}

static size_t name_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
  char a_folded[LONGEST_NAME], b_folded[LONGEST_NAME];
  fold_case(a, a_length, a_folded);
  fold_case(b, b_length, b_folded);
  size_t distance = edit_distance(a, a_length, b, b_length);
  return distance ? smaller(distance, edit_distance(a_folded, a_length, b_folded, b_length) + 1) : 0;
}

const char *near_name(const char *name, const char *const *candidates, size_t count) {
  size_t length = strlen(name);
  if (length == 0 || length > LONGEST_NAME) return NULL;
  size_t limit = length / 3 > 1 ? length / 3 : 1;
  const char *best = NULL;
  size_t best_distance = limit + 1;
  for (size_t i = 0; i < count; i++) {
    size_t candidate_length = strlen(candidates[i]);
    if (candidate_length > LONGEST_NAME || candidate_length + limit < length || length + limit < candidate_length)
      continue;
    size_t distance = name_distance(name, length, candidates[i], candidate_length);
    // A name of one letter is near to every other: only a change of case counts.
    if (length == 1 && candidate_length == 1 && ((name[0] ^ candidates[i][0]) & ~0x20)) continue;
    if (distance < best_distance && distance < smaller(length + 1, candidate_length + 1)) {
      best = candidates[i];
      best_distance = distance;
    }
  }
  return best;
}

const char *begun_name(const char *name, const char *const *candidates, size_t count) {
  size_t length = strlen(name);
  const char *only = NULL;
  for (size_t i = 0; length >= 2 && i < count; i++) {
    if (strncmp(name, candidates[i], length) != 0) continue;
    if (only) return NULL;
    only = candidates[i];
  }
  return only;
}
