// Shrinking by text: lines and blocks in braces go, brackets become what they hold or a number, layers go, sizes fall;
// whatever still fails is kept, until nothing more can be taken away.
#include "tests/differential/shrink.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  GeneratedCase *failing;
  ShrinkTest *fails;
  void *context;
  int left;
} Shrinker;

// Takes the candidate's place if it fails; else frees it.
static bool accept(Shrinker *shrinker, GeneratedCase *candidate) {
  if (shrinker->left-- > 0 && shrinker->fails(candidate, shrinker->context)) {
    generated_free(shrinker->failing);
    *shrinker->failing = *candidate;
    return true;
  }
  generated_free(candidate);
  return false;
}

// The case with text[from .. to) replaced.
static bool try_text(Shrinker *shrinker, size_t from, size_t to, const char *by) {
  const Text *text = &shrinker->failing->script;
  GeneratedCase candidate = *shrinker->failing;
  candidate.script = (Text){0};
  text_add_bytes(&candidate.script, text->bytes, from);
  text_add(&candidate.script, "%s", by);
  text_add_bytes(&candidate.script, text->bytes + to, text->length - to);
  return accept(shrinker, &candidate);
}

// The place behind the bracket that closes the one at `open`; 0: none.
static size_t closing(const Text *text, size_t open) {
  int depth = 0;
  for (size_t i = open; i < text->length; i++) {
    depth += text->bytes[i] == '(' || text->bytes[i] == '{' || text->bytes[i] == '[';
    depth -= text->bytes[i] == ')' || text->bytes[i] == '}' || text->bytes[i] == ']';
    if (depth == 0) return i + 1;
  }
  return 0;
}

static size_t line_end(const Text *text, size_t at) {
  while (at < text->length && text->bytes[at] != '\n') at++;
  return at < text->length ? at + 1 : at;
}

// Lines from the last to the first, with the block that they open.
static bool drop_lines(Shrinker *shrinker) {
  bool any = false;
  for (size_t at = shrinker->failing->script.length; at-- > 0 && shrinker->left > 0;) {
    const Text *text = &shrinker->failing->script;
    if (at >= text->length || (at > 0 && text->bytes[at - 1] != '\n')) continue;
    size_t end = line_end(text, at), last = end;
    while (last > at && isspace((unsigned char)text->bytes[last - 1])) last--;
    if (last > at && text->bytes[last - 1] == '{') {
      size_t close = closing(text, last - 1);
      if (!close) continue;
      if (try_text(shrinker, at, line_end(text, close), "")) {
        any = true;
        continue;
      }
      // A repeat: its body alone.
      char *body = strndup(text->bytes + end, close - 1 - end);
      any |= strncmp(text->bytes + at, "rule", 4) != 0 && try_text(shrinker, at, line_end(text, close), body);
      free(body);
      continue;
    }
    any |= try_text(shrinker, at, end, "");
  }
  return any;
}

static bool is_name(char c) { return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '\''; }

// Calls and parentheses become a number, or what they hold.
static bool simplify_brackets(Shrinker *shrinker) {
  bool any = false;
  for (size_t at = 0; at < shrinker->failing->script.length && shrinker->left > 0; at++) {
    const Text *text = &shrinker->failing->script;
    if (text->bytes[at] != '(') continue;
    size_t close = closing(text, at), start = at;
    if (!close) continue;
    while (start > 0 && is_name(text->bytes[start - 1])) start--;
    bool changed = try_text(shrinker, start, close, "0.5");
    if (!changed && start < at) changed = try_text(shrinker, start, at, "");
    if (!changed) { // the last operand alone, or without the first
      text = &shrinker->failing->script;
      for (size_t i = close - 2; i > at && !changed && text->bytes[i] != '\n'; i--)
        if (text->bytes[i] == ' ' && i + 1 < close && strchr("+-*/", text->bytes[i + 1]))
          changed = try_text(shrinker, i, close - 1, "");
    }
    any |= changed;
    if (changed) at = start ? start - 1 : 0;
  }
  return any;
}

static bool shrink_network(Shrinker *shrinker) {
  bool any = false;
  for (int l = 0; l < shrinker->failing->layers && shrinker->failing->layers > 2; l++) {
    GeneratedCase candidate = *shrinker->failing;
    candidate.script = (Text){0};
    text_add(&candidate.script, "%s", text_get(&shrinker->failing->script));
    candidate.layers--;
    for (int i = l; i < candidate.layers; i++) candidate.units[i] = candidate.units[i + 1];
    if (accept(shrinker, &candidate)) any = true, l--;
  }
  for (int l = -1; l < shrinker->failing->layers; l++) // -1: the batch
    for (int64_t size = l < 0 ? 2 : 1;;) {
      int64_t now = l < 0 ? shrinker->failing->batch : shrinker->failing->units[l];
      if (size >= now) break;
      GeneratedCase candidate = *shrinker->failing;
      candidate.script = (Text){0};
      text_add(&candidate.script, "%s", text_get(&shrinker->failing->script));
      *(l < 0 ? &candidate.batch : &candidate.units[l]) = size;
      if (accept(shrinker, &candidate)) any = true;
      size = size + 1 + (now - size) / 2;
    }
  return any;
}

void shrink_case(GeneratedCase *failing, ShrinkTest *fails, void *context, int most) {
  Shrinker shrinker = {failing, fails, context, most};
  bool any = true;
  while (any && shrinker.left > 0) {
    any = drop_lines(&shrinker);
    any |= shrink_network(&shrinker);
    any |= simplify_brackets(&shrinker);
  }
}
