// Where lines begin. The author's line breaks stay, with these exceptions: a brace that opens a body stands at the end
// of the line before; a body is on one line, or begins behind its brace and ends before the closing one, or stands on
// lines of its own between the two, as any body does whose closing brace begins a line; empty lines stand one at a
// time, and not beside braces; a line that is too wide has its statements, or the body in it, put on lines of their
// own.
#include "compiler/syntax/format.h"
#include "parser.h"

// ---- braces that move up, with the comments between behind them

static void move_up(Format *format, size_t i, size_t to) {
  Piece moved = *piece_at(format, i);
  for (; i > to; i--) *piece_at(format, i) = *piece_at(format, i - 1);
  moved.newlines = 0;
  *piece_at(format, to) = moved;
}

static void draw_up(Format *format) {
  for (size_t i = 1; i < format->pieces.count; i++) {
    const Piece *piece = piece_at(format, i);
    bool brace = piece_opens_list(piece);
    if (piece->begins && !(brace && piece->separated))
      continue; // a line's break cannot part a brace from what is before
    size_t before = piece_token_before(format, i);
    if (before == PIECE_NONE) continue;
    bool otherwise = piece->kind == TOKEN_ELSE && piece_at(format, before)->kind == TOKEN_CLOSE_BRACE &&
                     (before == 0 || piece_at(format, before)->newlines > 0);
    if (brace || otherwise) move_up(format, i, before + 1);
  }
}

// ---- brackets and entries

static void find_structure(Format *format) {
  enum { MOST = NESTING_LIMIT + 1 };
  size_t openers[MOST], entries[MOST], depth = 0; // [0]: outside all brackets
  openers[0] = entries[0] = PIECE_NONE;
  for (size_t i = 0; i < format->pieces.count; i++) {
    Piece *piece = piece_at(format, i);
    if (kind_is_closer(piece->kind)) {
      piece->partner = openers[depth];
      piece_at(format, piece->partner)->partner = i;
      depth--;
    }
    if (piece->begins) entries[depth] = i;
    piece->opener = openers[depth];
    piece->entry = entries[depth];
    if (!kind_is_opener(piece->kind)) continue;
    entries[depth + 1] = piece_opens_list(piece) ? PIECE_NONE : entries[depth];
    openers[++depth] = i;
  }
}

// ---- bodies

static bool breaks_between(const Format *format, size_t from, size_t to) {
  for (size_t i = from; i <= to; i++)
    if (piece_at(format, i)->breaks) return true;
  return false;
}

// Puts the body of the brace at `open` on lines of its own.
static void open_body(Format *format, size_t open) {
  size_t close = piece_at(format, open)->partner, first = open + 1;
  if (piece_at(format, first)->kind == PIECE_COMMENT && !piece_at(format, first)->breaks) first++;
  piece_at(format, open)->block = true;
  piece_at(format, first)->breaks = true;
  piece_at(format, close)->breaks = true;
}

static void settle_body(Format *format, size_t open) {
  size_t close = piece_at(format, open)->partner;
  if (close == open + 1) {
    piece_at(format, close)->breaks = false;
    return;
  }
  if (!breaks_between(format, open + 1, close)) return;
  size_t first = open + 1;
  if (piece_at(format, first)->kind == PIECE_COMMENT && !piece_at(format, first)->breaks) first++;
  size_t entry = piece_at(format, open)->entry;
  bool of_rule = entry != PIECE_NONE && piece_begins_rule(format, entry);
  bool comment_last = piece_at(format, close - 1)->kind == PIECE_COMMENT;
  if (piece_at(format, first)->breaks || piece_at(format, close)->breaks || of_rule || comment_last)
    open_body(format, open);
}

static void settle_blanks(Format *format) {
  for (size_t i = 0; i < format->pieces.count; i++) {
    Piece *piece = piece_at(format, i);
    bool in_list = piece->opener == PIECE_NONE || piece_opens_list(piece_at(format, piece->opener));
    size_t token = piece->kind == PIECE_COMMENT ? piece_token_after(format, i) : i;
    bool between = token == PIECE_NONE || piece_at(format, token)->begins ||
                   (piece->kind == PIECE_COMMENT && kind_is_closer(piece_at(format, token)->kind));
    bool behind_brace = piece->opener != PIECE_NONE && piece_token_before(format, i) == piece->opener &&
                        (i == piece->opener + 1 || (i == piece->opener + 2 && !piece_at(format, i - 1)->breaks));
    piece->blank = piece->newlines > 1 && i > 0 && in_list && between && !behind_brace;
  }
}

void format_lines(Format *format) {
  draw_up(format);
  find_structure(format);
  for (size_t i = 0; i < format->pieces.count; i++)
    piece_at(format, i)->breaks =
        i == 0 || piece_at(format, i)->newlines > 0 || piece_at(format, i - 1)->kind == PIECE_COMMENT;
  for (size_t i = 0; i < format->pieces.count; i++)
    if (piece_opens_list(piece_at(format, i))) settle_body(format, i);
  settle_blanks(format);
}

// ---- lines that are too wide

// A line break takes the place of the `;` before piece i; not before a brace, which would join the line before.
static bool can_part(const Format *format, size_t i) {
  const Piece *piece = piece_at(format, i);
  return piece->separated && !piece->breaks && !piece_opens_list(piece);
}

static bool open_line(Format *format, size_t start, size_t end) {
  // The outermost statements that stand side by side.
  size_t shallowest = PIECE_NONE;
  int least = 0, depth = 0;
  for (size_t i = start; i < end; i++) {
    if (kind_is_closer(piece_at(format, i)->kind)) depth--;
    if (can_part(format, i) && (shallowest == PIECE_NONE || depth < least)) {
      shallowest = i;
      least = depth;
    }
    if (kind_is_opener(piece_at(format, i)->kind)) depth++;
  }
  if (shallowest != PIECE_NONE) {
    size_t open = piece_at(format, shallowest)->opener;
    for (size_t i = start; i < end; i++)
      if (can_part(format, i) && piece_at(format, i)->opener == open) piece_at(format, i)->breaks = true;
    if (open != PIECE_NONE && open >= start && piece_at(format, open)->partner < end) open_body(format, open);
    return true;
  }
  for (size_t i = start; i < end; i++) {
    const Piece *piece = piece_at(format, i);
    if (!piece_opens_list(piece) || piece->partner >= end || piece->partner == i + 1) continue;
    open_body(format, i);
    return true;
  }
  return false;
}

bool format_open_wide_lines(Format *format) {
  bool opened = false;
  for (size_t start = 0, end; start < format->pieces.count; start = end) {
    uint32_t width = 0;
    for (end = start; end < format->pieces.count && (end == start || !piece_at(format, end)->breaks); end++) {
      const Piece *piece = piece_at(format, end);
      if (piece->kind != PIECE_COMMENT) width = piece->at + piece->width;
    }
    if (width > FORMAT_WIDTH && open_line(format, start, end)) opened = true;
  }
  return opened;
}
