// Tokens: their list, their places and text, and the way from a source to the tokens that the grammar sees.
#include "compiler/syntax/parser_state.h"
#include "parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void token_push(TokenList *list, Token token) {
  if (list->count == list->capacity) {
    size_t capacity = list->capacity ? list->capacity * 2 : 256;
    Token *items = realloc(list->items, capacity * sizeof(Token));
    if (!items) {
      fprintf(stderr, "blur: out of memory (%zu bytes asked for)\n", capacity * sizeof(Token));
      exit(3);
    }
    list->items = items;
    list->capacity = capacity;
  }
  list->items[list->count++] = token;
}

// Tokens that a repair has exchanged do not follow each other in the text.
Span parser_span(const Parser *parser, uint32_t start, uint32_t end) {
  return (Span){parser->source, start, end > start ? end : start};
}

Span token_span(const Parser *parser, const Token *token) {
  if (token->borrows) return parser_span(parser, token->place, token->place);
  return parser_span(parser, token->start, token->end);
}

const char *token_text(const Parser *parser, const Token *token) {
  return arena_copy(parser->arena, parser->source->text + token->start, token->end - token->start);
}

bool kind_is_opener(int kind) {
  return kind == TOKEN_OPEN_PAREN || kind == TOKEN_OPEN_AXES || kind == TOKEN_OPEN_BRACKET ||
         kind == TOKEN_OPEN_BRACE || kind == TOKEN_OPEN_STEPS || kind == TOKEN_OPEN_SETTINGS;
}

bool kind_is_closer(int kind) {
  return kind == TOKEN_CLOSE_PAREN || kind == TOKEN_CLOSE_BRACKET || kind == TOKEN_CLOSE_BRACE;
}

bool kind_is_reserved(int kind) { return (kind >= TOKEN_RULE && kind <= TOKEN_NOT) || kind == TOKEN_STEP; }

const char *token_described(const Parser *parser, const Token *token) {
  if (token->kind == TOKEN_END) return "the end of the file";
  if (token->kind == TOKEN_SEPARATOR || token->kind == TOKEN_NEWLINE)
    return parser->source->text[token->start] == ';' ? "`;`" : "the end of the line";
  uint32_t length = token->end - token->start;
  if (length > 40) return arena_format(parser->arena, "`%.*s...`", 36, parser->source->text + token->start);
  return arena_format(parser->arena, "`%s`", token_text(parser, token));
}

bool parser_bracket_blamed(const Parser *parser, uint32_t place) {
  uint32_t line = source_line(parser->source, place);
  for (size_t i = parser->first_report; i < parser->sink->items.count; i++) {
    const Diagnostic *diagnostic = &parser->sink->items.items[i];
    bool bracket = diagnostic->code == DIAGNOSTIC_bracket_not_closed ||
                   diagnostic->code == DIAGNOSTIC_bracket_closes_nothing ||
                   diagnostic->code == DIAGNOSTIC_bracket_mismatched;
    if (bracket && source_line(parser->source, diagnostic->span.start) == line) return true;
  }
  return false;
}

bool parser_scanner_told(const Parser *parser, uint32_t place) {
  uint32_t line = source_line(parser->source, place);
  for (size_t i = parser->first_report; i < parser->scanned_reports && i < parser->sink->items.count; i++)
    if (source_line(parser->source, parser->sink->items.items[i].span.start) == line) return true;
  return false;
}

void parser_give_up(Parser *parser, Span first) {
  parser->sink->items.count = parser->first_report;
  parser->sink->errors = parser->first_errors;
  parser->sink->warnings = parser->first_warnings;
  parser->gave_up = true;
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_text_not_blur, first, parser->source->path);
  diagnostic_label(parser->sink, diagnostic, "the first of many places that make no sense");
  diagnostic_help(parser->sink, diagnostic, "a script begins like this: `rule NAME {`");
}

// Binary data, told from its first bytes: text has no control characters to speak of.
static bool looks_binary(const SourceFile *source) {
  enum { SAMPLE = 4096, FEW = 8 };
  size_t length = source->length < SAMPLE ? source->length : SAMPLE, odd = 0;
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)source->text[i];
    odd += byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t' && byte != '\f';
  }
  return odd > FEW && odd * 20 > length;
}

bool parser_scan(Parser *parser, TokenList *raw) {
  const SourceFile *source = parser->source;
  if (source->length > SOURCE_LIMIT) {
    diagnostic_report(parser->sink, DIAGNOSTIC_file_too_large, parser_span(parser, 0, 0), source->path);
    return false;
  }
  if (looks_binary(source)) {
    diagnostic_report(parser->sink, DIAGNOSTIC_text_not_blur, parser_span(parser, 0, 0), source->path);
    return false;
  }
  scan_tokens(parser, raw);
  parser->scanned_reports = parser->sink->items.count;
  return !parser->gave_up;
}

bool parser_lay_out(Parser *parser, const TokenList *raw) {
  TokenList balanced = {0};
  bool usable = balance_brackets(parser, raw, &balanced);
  if (usable) lay_out_tokens(parser, &balanced, &parser->tokens);
  free(balanced.items);
  return usable;
}

bool parser_prepare(Parser *parser) {
  TokenList raw = {0};
  bool usable = parser_scan(parser, &raw) && parser_lay_out(parser, &raw);
  free(raw.items);
  return usable;
}

// "LINE:COLUMN KIND text" a line, as the grammar sees the tokens.
static const char *kind_described(int kind) {
  if (kind_is_reserved(kind) || kind == TOKEN_ALL || kind == TOKEN_EXPERIMENT || kind == TOKEN_FIELD) return "keyword";
  if (kind == TOKEN_NAME || kind == TOKEN_PRIMED) return "name";
  if ((kind >= TOKEN_BIAS && kind <= TOKEN_DERIVATIVE) || kind == TOKEN_CLAUSE) return "word";
  if (kind == TOKEN_NUMBER) return "number";
  if (kind == TOKEN_STRING) return "string";
  if (kind == TOKEN_SEPARATOR) return "separator";
  if (kind == TOKEN_END) return "end";
  return "symbol";
}

void tokens_print(Arena *arena, const SourceFile *source, Text *out) {
  DiagnosticSink sink = {.arena = arena};
  Parser parser = {.arena = arena, .source = source, .sink = &sink};
  if (parser_prepare(&parser)) {
    for (size_t i = 0; i < parser.tokens.count; i++) {
      const Token *token = &parser.tokens.items[i];
      Position position = source_position(source, token->start);
      text_add(out, "%u:%u %s", position.line, position.column, kind_described(token->kind));
      if (token->kind == TOKEN_SEPARATOR) text_add(out, " %s", source->text[token->start] == ';' ? ";" : "\\n");
      else if (token->end > token->start) text_add(out, " %s", token_text(&parser, token));
      text_add(out, "\n");
    }
  }
  free(parser.tokens.items);
}
