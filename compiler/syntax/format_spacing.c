// The space between two neighbours on a line. Around `+ - * /` the author's choice of a space or none stays, since
// `pre.a[e]*pm[e,c] * qm[c,d]*post.a[d]` shows what belongs together; everything else has one canonical form.
#include "compiler/syntax/format.h"
#include "parser.h"

static bool is_word(int kind) { return kind >= TOKEN_NAME && kind <= TOKEN_DERIVATIVE; }

static bool ends_value(const Format *format, const Piece *piece) {
  if (piece->kind == TOKEN_CLOSE_BRACE) return piece_at(format, piece->partner)->kind != TOKEN_OPEN_STEPS;
  return is_word(piece->kind) || piece->kind == TOKEN_NUMBER || piece->kind == TOKEN_STRING ||
         piece->kind == TOKEN_CLOSE_PAREN || piece->kind == TOKEN_CLOSE_BRACKET;
}

static bool is_arithmetic(int kind) { return kind >= TOKEN_POWER && kind <= TOKEN_DIVIDE; }

// `w[c]`, not `[p, q]`.
static bool is_index_bracket(const Format *format, size_t open) {
  size_t before = piece_token_before(format, open);
  if (piece_at(format, open)->kind != TOKEN_OPEN_BRACKET || before == PIECE_NONE) return false;
  int kind = piece_at(format, before)->kind;
  return (is_word(kind) && kind != TOKEN_DERIVATIVE) || kind == TOKEN_PRIMED;
}

// Single names and numbers between commas: `nu[c,d]`, but `w[post=post2, 0]`.
static bool has_short_entries(const Format *format, size_t open) {
  for (size_t i = open + 1; i < piece_at(format, open)->partner; i++) {
    int kind = piece_at(format, i)->kind;
    if (!is_word(kind) && kind != TOKEN_NUMBER && kind != TOKEN_COMMA) return false;
  }
  return true;
}

typedef struct {
  const Format *format;
  size_t before, i; // two tokens that follow each other
  bool head;        // in a declaration of variables, before the initial value of one
} Gap;

static bool in_index(const Gap *gap) {
  size_t open = piece_at(gap->format, gap->i)->opener;
  return open != PIECE_NONE && is_index_bracket(gap->format, open);
}

// A sign, with nothing before it to subtract from.
static bool is_sign(const Format *format, size_t i) {
  if (piece_at(format, i)->kind != TOKEN_MINUS && piece_at(format, i)->kind != TOKEN_PLUS) return false;
  size_t before = piece_token_before(format, i), after = piece_token_after(format, i);
  if (before == PIECE_NONE || after == PIECE_NONE || piece_at(format, i)->begins) return true;
  if (piece_at(format, before)->kind == TOKEN_DERIVATIVE) // a word or a name
    return piece_at(format, i)->spaced && !piece_at(format, after)->spaced;
  return !ends_value(format, piece_at(format, before));
}

static bool is_wide(const Format *format, size_t operation) {
  size_t after = piece_token_after(format, operation);
  return piece_at(format, operation)->spaced || (after != PIECE_NONE && piece_at(format, after)->spaced);
}

static bool space_before_paren(const Gap *gap) {
  const Piece *before = piece_at(gap->format, gap->before);
  bool names = is_word(before->kind) || before->kind == TOKEN_PRIMED || before->kind == TOKEN_CLOSE_BRACKET;
  return !names || gap->head;
}

static bool space_between(const Gap *gap) {
  const Format *format = gap->format;
  const Piece *before = piece_at(format, gap->before), *piece = piece_at(format, gap->i);
  int left = before->kind, right = piece->kind;
  if (right == TOKEN_COMMA || right == TOKEN_COLON || right == TOKEN_SEMICOLON) return false;
  if (left == TOKEN_DOT || right == TOKEN_DOT) return false;
  if (left == TOKEN_OPEN_PAREN || left == TOKEN_OPEN_AXES || left == TOKEN_OPEN_BRACKET) return false;
  if (right == TOKEN_CLOSE_PAREN || right == TOKEN_CLOSE_BRACKET) return false;
  if (left == TOKEN_COMMA) return !(in_index(gap) && has_short_entries(format, piece->opener));
  if (left == TOKEN_COLON) return true;
  if (piece_opens_list(before) && right == TOKEN_CLOSE_BRACE) return false;
  if (is_sign(format, gap->before)) return is_sign(format, gap->i);
  if (is_arithmetic(left)) return is_wide(format, gap->before);
  if (is_sign(format, gap->i)) return true;
  if (is_arithmetic(right)) return is_wide(format, gap->i);
  if (left == TOKEN_RANGE) return !in_index(gap) && is_wide(format, gap->before);
  if (right == TOKEN_RANGE) return !in_index(gap) && is_wide(format, gap->i);
  if (left == TOKEN_ASSIGN || right == TOKEN_ASSIGN) return !in_index(gap);
  if (right == TOKEN_OPEN_PAREN || right == TOKEN_OPEN_AXES) return space_before_paren(gap);
  if (right == TOKEN_OPEN_BRACKET) return !is_index_bracket(format, gap->i);
  return true;
}

// ---- declarations of variables: `theta (unit)`, `in (0, 1)`, but `= f(x)`

typedef struct {
  bool group;     // the braces hold variables: `genome { ... }`
  bool variables; // this entry declares variables
  bool head;      // before the initial value of one of them
} Level;

static bool declares_variables(const Piece *piece) {
  return piece->begins && piece->kind >= TOKEN_NEURON && piece->kind <= TOKEN_SIGNAL;
}

void format_spaces(Format *format) {
  Level levels[NESTING_LIMIT + 1] = {0};
  size_t depth = 0, before = PIECE_NONE;
  for (size_t i = 0; i < format->pieces.count; i++) {
    Piece *piece = piece_at(format, i);
    if (piece->kind == PIECE_COMMENT) {
      piece->space = FORMAT_COMMENT_GAP;
      continue;
    }
    Level *level = &levels[depth];
    if (piece->begins) level->variables = level->head = level->group || declares_variables(piece);
    if (before != PIECE_NONE) {
      bool range = level->variables && piece_at(format, before)->kind == TOKEN_IN;
      Gap gap = {format, before, i, level->head || range};
      piece->space = space_between(&gap);
    }
    if (piece->kind == TOKEN_ASSIGN || piece->kind == TOKEN_TILDE) level->head = false;
    if (piece->kind == TOKEN_COMMA) level->head = level->variables;
    if (kind_is_closer(piece->kind)) depth--;
    if (kind_is_opener(piece->kind)) {
      bool group = before != PIECE_NONE && declares_variables(piece_at(format, before)) && piece_opens_list(piece);
      levels[++depth] = (Level){.group = group};
    }
    before = i;
  }
}
