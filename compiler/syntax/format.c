// The formatter: one canonical layout for a text that parses. It moves line breaks and spaces alone: the tokens that
// the grammar sees, and the comments, are compared before and after, and a difference is a defect that changes nothing.
// A text is formatted until it stays the same, so that formatting twice is formatting once.
#include "compiler/syntax/format.h"
#include "parser.h"

#include <stdlib.h>
#include <string.h>

// ---- pieces

bool piece_opens_list(const Piece *piece) {
  return piece->kind == TOKEN_OPEN_BRACE || piece->kind == TOKEN_OPEN_STEPS || piece->kind == TOKEN_OPEN_SETTINGS;
}

bool piece_begins_rule(const Format *format, size_t i) {
  const Piece *piece = piece_at(format, i);
  return piece->begins && piece->opener == PIECE_NONE && (piece->kind == TOKEN_RULE || piece->kind == TOKEN_EXPERIMENT);
}

size_t piece_token_after(const Format *format, size_t i) {
  for (i++; i < format->pieces.count; i++)
    if (piece_at(format, i)->kind != PIECE_COMMENT) return i;
  return PIECE_NONE;
}

size_t piece_token_before(const Format *format, size_t i) {
  while (i-- > 0)
    if (piece_at(format, i)->kind != PIECE_COMMENT) return i;
  return PIECE_NONE;
}

static uint32_t characters(const char *text, uint32_t length) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < length; i++) count += ((unsigned char)text[i] & 0xC0) != 0x80;
  return count;
}

static Piece *add_piece(Format *format, int kind, uint32_t start, uint32_t end, uint32_t newlines) {
  const SourceFile *source = format->source;
  Piece piece = {.kind = kind, .text = source->text + start, .length = end - start};
  piece.width = characters(piece.text, piece.length);
  piece.line = source_line(source, start);
  uint32_t line_start = source->line_starts[piece.line - 1];
  piece.column = characters(source->text + line_start, start - line_start);
  piece.newlines = newlines < 2 ? newlines : 2;
  piece.opener = piece.entry = PIECE_NONE;
  ARENA_PUSH(format->arena, &format->pieces, piece);
  return &format->pieces.items[format->pieces.count - 1];
}

// The comments between `start` and `end`; the line breaks behind the last of them.
static uint32_t add_comments(Format *format, uint32_t start, uint32_t end) {
  const char *text = format->source->text;
  uint32_t newlines = 0;
  for (uint32_t i = start; i < end; i++) {
    if (text[i] == '\n') newlines++;
    if (text[i] != '#') continue;
    uint32_t stop = i;
    while (stop < end && text[stop] != '\n') stop++;
    uint32_t last = stop;
    while (last > i && strchr(" \t\r\f", text[last - 1])) last--;
    add_piece(format, PIECE_COMMENT, i, last, newlines);
    newlines = 0;
    i = stop - 1;
  }
  return newlines;
}

static void collect(Format *format, const TokenList *tokens) {
  uint32_t end = 0; // of the last token
  bool separated = false, list_opened = true;
  for (size_t i = 0; i < tokens->count; i++) {
    const Token *token = &tokens->items[i];
    if (token->kind == TOKEN_SEPARATOR) {
      separated = true;
      continue;
    }
    uint32_t newlines = add_comments(format, end, token->start);
    if (token->kind == TOKEN_END) break;
    Piece *piece = add_piece(format, token->kind, token->start, token->end, newlines);
    piece->spaced = token->start > end;
    piece->separated = separated;
    piece->begins = separated || list_opened;
    list_opened = piece_opens_list(piece);
    separated = false;
    end = token->end;
  }
}

// ---- printing

static void print_pieces(const Format *format, Text *out) {
  uint32_t column = 0;
  for (size_t i = 0; i < format->pieces.count; i++) {
    const Piece *piece = piece_at(format, i);
    if (piece->breaks) {
      if (i > 0) text_add(out, piece->blank ? "\n\n" : "\n");
      column = 0;
    } else if (piece->separated) {
      text_add(out, ";");
      column++;
    }
    text_add(out, "%*s", (int)(piece->at > column ? piece->at - column : 0), "");
    text_add_bytes(out, piece->text, piece->length);
    column = piece->at + piece->width;
  }
  if (format->pieces.count > 0) text_add(out, "\n");
}

// ---- once, and until nothing changes

// Tokens and comments of a text; NULL if it cannot be read.
static Format *read_pieces(Arena *arena, const SourceFile *source) {
  DiagnosticSink sink = {.arena = arena};
  Parser parser = {.arena = arena, .source = source, .sink = &sink};
  Format *format = ARENA_NEW(arena, Format);
  *format = (Format){.arena = arena, .source = source};
  bool usable = parser_prepare(&parser) && sink.errors == 0;
  if (usable) collect(format, &parser.tokens);
  free(parser.tokens.items);
  return usable ? format : NULL;
}

static void format_once(Format *format, bool keep_lined_up, Text *out) {
  format->keep_lined_up = keep_lined_up;
  format_lines(format);
  format_spaces(format);
  do format_columns(format);
  while (format_open_wide_lines(format));
  print_pieces(format, out);
}

// The next token, or the next comment, from piece i on; the number of pieces if there is none.
static size_t next_of(const Format *format, size_t i, bool comment) {
  while (i < format->pieces.count && (piece_at(format, i)->kind == PIECE_COMMENT) != comment) i++;
  return i;
}

// The same tokens in the same order, and the same comments: a brace that is drawn up may pass a comment.
static bool same_pieces(const Format *before, const Format *after) {
  for (int comment = 0; comment < 2; comment++) {
    size_t i = next_of(before, 0, comment), j = next_of(after, 0, comment);
    for (; i < before->pieces.count && j < after->pieces.count;
         i = next_of(before, i + 1, comment), j = next_of(after, j + 1, comment)) {
      const Piece *left = piece_at(before, i), *right = piece_at(after, j);
      if (left->kind != right->kind || left->separated != right->separated || left->length != right->length ||
          memcmp(left->text, right->text, left->length) != 0)
        return false;
    }
    if (i < before->pieces.count || j < after->pieces.count) return false;
  }
  return true;
}

const char *format_source(const SourceFile *source, Text *out) {
  enum { WITH_COLUMNS = 8, ROUNDS = 32 };
  Arena *first_arena = arena_create(), *arena = arena_create();
  const Format *original = read_pieces(first_arena, source);
  const char *problem = original ? NULL : "the text has errors";
  const SourceFile *last = source;
  for (int round = 0; !problem; round++) {
    Text text = {0};
    Format *format = read_pieces(arena, last);
    if (!format || (round > 0 && !same_pieces(original, format))) {
      problem = "formatting changed a token or a comment";
      break;
    }
    format_once(format, round < WITH_COLUMNS, &text);
    bool stable = text.length == last->length && memcmp(text_get(&text), last->text, text.length) == 0;
    Arena *next = arena_create();
    last = source_from_bytes(next, source->path, text_get(&text), text.length);
    text_free(&text);
    arena_destroy(arena);
    arena = next;
    if (stable) break;
    if (round == ROUNDS) problem = "formatting does not come to rest";
  }
  if (!problem) text_add_bytes(out, last->text, last->length);
  arena_destroy(arena);
  arena_destroy(first_arena);
  return problem;
}
