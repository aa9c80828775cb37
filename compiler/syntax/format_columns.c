// Columns: where lines are indented to, and what stands below each other. Lined up are the first operands of the
// declarations of a rule (`neuron  h`, `synapse w`), those of its blocks, the comments behind code, and what the author
// lined up with extra spaces in two lines that follow each other.
#include "compiler/syntax/format.h"
#include "parser.h"

#include <string.h>

// ---- groups of pieces that share a column

static size_t new_group(Format *format) { return format->groups++; }

// Words in whose run the operands stand below each other: declarations, blocks, all lines of an experiment.
typedef enum { RUN_NONE, RUN_DECLARATIONS, RUN_BLOCKS, RUN_EXPERIMENT } Run;

static bool in_experiment(const Format *format, const Piece *piece) {
  if (piece->opener == PIECE_NONE) return false;
  size_t entry = piece_at(format, piece->opener)->entry;
  return entry != PIECE_NONE && piece_begins_rule(format, entry) && piece_at(format, entry)->kind != TOKEN_RULE;
}

static Run run_of(const Format *format, const Piece *piece) {
  if (piece->opener == PIECE_NONE) return RUN_NONE; // of a file: each stands for itself
  if (in_experiment(format, piece)) return RUN_EXPERIMENT;
  if ((piece->kind >= TOKEN_INPUT && piece->kind <= TOKEN_PREDICT) || piece->kind == TOKEN_STEP) return RUN_BLOCKS;
  if (piece->kind >= TOKEN_CONST && piece->kind <= TOKEN_SIGNAL) return RUN_DECLARATIONS;
  return RUN_NONE;
}

// The operand of the word at `i`, where it is one that is lined up; else PIECE_NONE.
static size_t operand_of(const Format *format, size_t i) {
  const Piece *word = piece_at(format, i);
  if (!word->begins || !word->breaks || run_of(format, word) == RUN_NONE || i + 1 == format->pieces.count)
    return PIECE_NONE;
  const Piece *operand = piece_at(format, i + 1);
  if (operand->kind == PIECE_COMMENT || operand->breaks || operand->separated || operand->block ||
      operand->opener != word->opener)
    return PIECE_NONE;
  return i + 1;
}

static void group_operands(Format *format) {
  struct {
    Run run;
    size_t group;
  } levels[NESTING_LIMIT + 1] = {0};
  size_t depth = 0;
  for (size_t i = 0; i < format->pieces.count; i++) {
    const Piece *piece = piece_at(format, i);
    if (piece->breaks && piece->blank) levels[depth].run = RUN_NONE;
    if (piece->begins) {
      Run run = run_of(format, piece);
      if (run == RUN_NONE || run != levels[depth].run) levels[depth].group = run == RUN_NONE ? 0 : new_group(format);
      levels[depth].run = run;
      size_t operand = operand_of(format, i);
      if (operand != PIECE_NONE) piece_at(format, operand)->group = levels[depth].group;
    }
    if (kind_is_closer(piece->kind)) depth--;
    if (kind_is_opener(piece->kind)) levels[++depth].run = RUN_NONE;
  }
}

// ---- what the author lined up

static bool can_line_up(const Format *format, size_t i) {
  const Piece *piece = piece_at(format, i);
  return piece->kind != PIECE_COMMENT && !piece->breaks && piece->newlines == 0 && i > 0 &&
         operand_of(format, i - 1) != i;
}

static bool has_extra_space(const Format *format, size_t i) {
  const Piece *piece = piece_at(format, i), *before = piece_at(format, i - 1);
  return piece->column > before->column + before->width + 1 + piece->separated; // a `;` is no piece
}

// Moves `cursor` along its source line to this column: columns grow on both lines. The piece there, or PIECE_NONE.
static size_t piece_in_column(const Format *format, size_t *cursor, uint32_t column) {
  if (*cursor == PIECE_NONE) return PIECE_NONE;
  uint32_t line = piece_at(format, *cursor)->line;
  while (piece_at(format, *cursor)->column < column && piece_at(format, *cursor + 1)->line == line) ++*cursor;
  return piece_at(format, *cursor)->column == column ? *cursor : PIECE_NONE;
}

static bool lined_up(const Format *format, size_t i, size_t above) {
  return piece_at(format, above)->kind == piece_at(format, i)->kind && can_line_up(format, i) &&
         can_line_up(format, above) && (has_extra_space(format, i) || has_extra_space(format, above));
}

static void group_lined_up(Format *format) {
  enum { REACH = 2 }; // lines: `forward` and `backward` often have `feedback` between them
  size_t lines[REACH + 1] = {PIECE_NONE, PIECE_NONE, PIECE_NONE}; // [d]: the first piece of the source line d above
  size_t cursors[REACH + 1];
  for (size_t i = 0; i < format->pieces.count; i++) {
    Piece *piece = piece_at(format, i);
    if (i == 0 || piece->line != piece_at(format, i - 1)->line) {
      for (size_t d = REACH; d > 0; d--) {
        lines[d] = lines[d - 1];
        if (lines[d] != PIECE_NONE && piece_at(format, lines[d])->line + d != piece->line) lines[d] = PIECE_NONE;
        cursors[d] = lines[d];
      }
      lines[0] = i;
    }
    for (size_t d = 1; d <= REACH && !piece->group; d++) {
      size_t above = piece_in_column(format, &cursors[d], piece->column);
      if (above == PIECE_NONE || !lined_up(format, i, above)) continue;
      Piece *other = piece_at(format, above);
      if (!other->group) other->group = new_group(format);
      piece->group = other->group;
    }
  }
}

// ---- comments behind code: one column a rule

static void group_comments(Format *format) {
  size_t group = 0;
  uint32_t end = 0; // of the code on the line
  for (size_t i = 0; i < format->pieces.count; i++) {
    Piece *piece = piece_at(format, i);
    if (piece->begins && piece->opener == PIECE_NONE && piece->breaks &&
        (group == 0 || piece->blank || piece_begins_rule(format, i)))
      group = new_group(format);
    if (piece->kind != PIECE_COMMENT) end = piece->at + piece->width;
    else if (!piece->breaks && end <= FORMAT_COMMENT_REACH) piece->group = group;
  }
}

// ---- indentation

// Of entries in the list that the brace at `open` begins.
static uint32_t body_column(const Format *format, size_t open) {
  if (open == PIECE_NONE) return 0;
  const Piece *brace = piece_at(format, open);
  return brace->block ? piece_at(format, brace->line_start)->at + FORMAT_INDENT : piece_at(format, open + 1)->at;
}

// The piece on the source line just above piece i that begins at the same column, in the output's line above, too.
static size_t piece_above(const Format *format, size_t i) {
  const Piece *piece = piece_at(format, i);
  for (size_t j = i; j-- > 0 && piece_at(format, j)->line + 1 >= piece->line;)
    if (piece_at(format, j)->line + 1 == piece->line && piece_at(format, j)->column == piece->column) return j;
  return PIECE_NONE;
}

// Of a line that goes on with an entry: below what it stood below, else as far to the right as it was.
static uint32_t continuation_column(const Format *format, size_t i) {
  const Piece *piece = piece_at(format, i);
  size_t before = piece_token_before(format, i);
  const Piece *last = piece_at(format, before);
  if (kind_is_opener(last->kind) && !piece_opens_list(last)) // `sum(` ends a line
    return piece_at(format, last->line_start)->at + FORMAT_INDENT;
  if (piece->entry == PIECE_NONE || piece->entry >= i) return body_column(format, piece->opener);
  const Piece *entry = piece_at(format, piece->entry);
  if (piece->kind == TOKEN_ELSE && last->kind == TOKEN_CLOSE_BRACE) return entry->at;
  int64_t least = (int64_t)entry->at + FORMAT_INDENT, column = (int64_t)entry->at + piece->column - entry->column;
  size_t above = piece_above(format, i);
  if (above != PIECE_NONE) column = piece_at(format, above)->at;
  return (uint32_t)(column > least ? column : least);
}

static uint32_t comment_column(const Format *format, size_t i) {
  const Piece *comment = piece_at(format, i);
  if (i > 0) { // goes on with the comment above
    const Piece *above = piece_at(format, i - 1);
    if (above->kind == PIECE_COMMENT && above->line + 1 == comment->line && above->column == comment->column)
      return above->at;
  }
  size_t next = piece_token_after(format, i);
  bool in_list = comment->opener == PIECE_NONE || piece_opens_list(piece_at(format, comment->opener));
  bool between = next == PIECE_NONE || piece_at(format, next)->begins || kind_is_closer(piece_at(format, next)->kind);
  return in_list && between ? body_column(format, comment->opener) : continuation_column(format, i);
}

static uint32_t indentation(const Format *format, size_t i) {
  const Piece *piece = piece_at(format, i);
  if (piece->kind == PIECE_COMMENT) return comment_column(format, i);
  if (kind_is_closer(piece->kind)) {
    const Piece *open = piece_at(format, piece->partner);
    return piece_at(format, open->line_start)->at;
  }
  if (piece->begins) return body_column(format, piece->opener);
  return continuation_column(format, i);
}

// ---- places

static void place(Format *format) {
  size_t line_start = 0;
  uint32_t end = 0; // of the piece before
  for (size_t i = 0; i < format->pieces.count; i++) {
    Piece *piece = piece_at(format, i);
    if (piece->breaks) {
      line_start = i;
      piece->at = indentation(format, i);
    } else {
      piece->at = end + (piece->separated ? 2 : piece->space);
      if (piece->group && format->group_columns[piece->group] > piece->at)
        piece->at = format->group_columns[piece->group];
    }
    piece->line_start = line_start;
    end = piece->at + piece->width;
  }
}

// Moves each group to the rightmost of its pieces; true if one moved.
static bool move_groups(Format *format) {
  bool moved = false;
  for (size_t i = 0; i < format->pieces.count; i++) {
    const Piece *piece = piece_at(format, i);
    if (!piece->group || piece->breaks || format->group_columns[piece->group] >= piece->at) continue;
    format->group_columns[piece->group] = piece->at;
    moved = true;
  }
  return moved;
}

void format_columns(Format *format) {
  enum { ROUNDS = 50 }; // groups push each other to the right, line by line; more than this is no text of an author
  for (size_t i = 0; i < format->pieces.count; i++) piece_at(format, i)->group = 0;
  format->groups = 1;
  group_operands(format);
  if (format->keep_lined_up) group_lined_up(format);
  size_t most = 3 * format->pieces.count + 2; // a piece begins at most one group of each kind
  if (!format->group_columns) format->group_columns = ARENA_ARRAY(format->arena, uint32_t, most);
  memset(format->group_columns, 0, most * sizeof(uint32_t));
  for (int round = 0; round < ROUNDS; round++) {
    place(format);
    if (!move_groups(format)) break;
  }
  group_comments(format);
  for (int round = 0; round < ROUNDS; round++) {
    place(format);
    if (!move_groups(format)) break;
  }
}
