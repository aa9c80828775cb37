// What the parts of the formatter share: the text as a list of pieces, tokens and comments in their order, each with
// its place in the source and the place it gets. The way: format.c collects pieces -> format_lines.c decides where
// lines begin -> format_spacing.c puts spaces between neighbours -> format_columns.c indents and lines up -> format.c
// prints.
#ifndef BLUR_SYNTAX_FORMAT_H
#define BLUR_SYNTAX_FORMAT_H

#include "compiler/syntax/parser_state.h"

enum {
  FORMAT_WIDTH = 120,        // columns that a line of code may take before bodies in it are opened
  FORMAT_INDENT = 2,         // columns a level
  FORMAT_COMMENT_GAP = 2,    // columns before a comment behind code
  FORMAT_COMMENT_REACH = 60, // code that is longer does not push the other comments of its rule to the right
  PIECE_COMMENT = -1
};
#define PIECE_NONE SIZE_MAX

typedef struct {
  int kind; // TOKEN_... of the grammar, or PIECE_COMMENT
  const char *text;
  uint32_t length, width; // in bytes; in characters
  uint32_t line, column;  // in the source; columns in characters, from 0
  uint32_t newlines;      // before it, in the source: 0, 1, or 2 where there is an empty line
  bool spaced;            // something stands between it and the token before, in the source
  bool separated;         // the grammar sees a separator before it
  bool begins;            // the first token of a declaration, statement or another entry of a list in braces
  size_t partner;         // of a bracket: the other one
  size_t opener;          // the innermost bracket it stands in, or PIECE_NONE
  size_t entry;           // the token that begins the entry it belongs to, or PIECE_NONE
  // What was decided.
  bool breaks, blank; // begins a line; after an empty one
  bool block;         // of an opening brace: the body stands on lines of its own, between the braces
  uint32_t space;     // columns before it where it does not begin a line
  size_t group;       // of pieces that stand in one column; 0: none
  uint32_t at;        // column in the output
  size_t line_start;  // the piece that begins its line of the output
} Piece;

typedef struct {
  Arena *arena;
  const SourceFile *source;
  ARENA_LIST(Piece) pieces;
  uint32_t *group_columns; // by group
  size_t groups;           // their number, and 1 for none
  bool keep_lined_up;      // columns of tokens that the author lined up are kept
} Format;

static inline Piece *piece_at(const Format *format, size_t i) { return &format->pieces.items[i]; }
bool piece_opens_list(const Piece *piece);              // `{`
bool piece_begins_rule(const Format *format, size_t i); // a `rule` or an `experiment`, with its body
// The next, or the last, that is no comment; PIECE_NONE if there is none.
size_t piece_token_after(const Format *format, size_t i);
size_t piece_token_before(const Format *format, size_t i);

// Decides which pieces begin lines. Expects the pieces as collected; fills partner, opener, entry, breaks, blank,
// block.
void format_lines(Format *format);
// Opens a body, or parts the statements, in each line that is too wide. False: there is none that could be.
bool format_open_wide_lines(Format *format);
// Fills `space`.
void format_spaces(Format *format);
// Fills `at` and line_start.
void format_columns(Format *format);

#endif
