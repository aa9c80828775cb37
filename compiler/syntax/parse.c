// The entry points of parsing, and the bridge between the prepared tokens and the parser that Bison makes.
#include "compiler/syntax/build.h"
#include "parser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NUMBER = 400 }; // characters

// Called by the generated parser for each token: first the one that selects the start symbol, after an error RECOVERED.
int blur_lex(BLUR_STYPE *value, Span *location, Parser *parser) {
  if (!parser->started) {
    parser->started = true;
    *location = parser_span(parser, 0, 0);
    return parser->start_kind;
  }
  if (parser->recovering) {
    parser->recovering = false;
    parser->next = parser->resume;
    uint32_t place = parser->tokens.items[parser->next].start;
    *location = parser_span(parser, place, place);
    return parser->gave_up || parser->stuck ? 0 : TOKEN_RECOVERED;
  }
  if (parser->next >= parser->tokens.count) return 0;
  const Token *token = &parser->tokens.items[parser->next++];
  *location = token_span(parser, token);
  if (token->kind == TOKEN_NUMBER) {
    bool readable = token->end - token->start <= LONGEST_NUMBER;
    value->TOKEN_NUMBER = readable ? strtod(parser->source->text + token->start, NULL) : 0;
    if (!readable || isinf(value->TOKEN_NUMBER))
      diagnostic_report(parser->sink, DIAGNOSTIC_number_too_large, *location, token_described(parser, token));
  } else if (token->kind == TOKEN_PRIMED) {
    Span bare = parser_span(parser, token->start, token->end - (uint32_t)token->primes);
    value->TOKEN_PRIMED = (PrimedName){syntax_name_of(parser, bare), token->primes};
  } else if ((token->kind >= TOKEN_NAME && token->kind <= TOKEN_DERIVATIVE) || token->kind == TOKEN_FIELD ||
             token->kind == TOKEN_CLAUSE || (token->kind >= TOKEN_INPUT && token->kind <= TOKEN_UPDATE)) {
    value->TOKEN_NAME = syntax_name_of(parser, *location);
  }
  return token->kind;
}

static Parser begin(Arena *arena, const SourceFile *source, DiagnosticSink *sink, int start_kind) {
  return (Parser){.arena = arena,
                  .source = source,
                  .sink = sink,
                  .start_kind = start_kind,
                  .first_report = sink->items.count,
                  .first_errors = sink->errors,
                  .first_warnings = sink->warnings};
}

AstFile *parse_file(Arena *arena, const SourceFile *source, DiagnosticSink *sink) {
  Parser parser = begin(arena, source, sink, TOKEN_START_FILE);
  parser.file = ARENA_NEW(arena, AstFile);
  parser.file->source = source;
  if (parser_prepare(&parser)) {
    blur_parse(&parser);
    bool empty = !parser.file->rules && !parser.file->declarations && !parser.file->experiments;
    if (empty && sink->errors == parser.first_errors) {
      Diagnostic *diagnostic = diagnostic_report(sink, DIAGNOSTIC_file_empty, parser_span(&parser, 0, 0), source->path);
      diagnostic_help(sink, diagnostic, "a script begins like this: `rule NAME {`");
    }
  }
  free(parser.tokens.items);
  return parser.file;
}

AstExpression *parse_expression(Arena *arena, const SourceFile *source, DiagnosticSink *sink) {
  Parser parser = begin(arena, source, sink, TOKEN_START_EXPRESSION);
  if (parser_prepare(&parser)) blur_parse(&parser);
  free(parser.tokens.items);
  return sink->errors == parser.first_errors ? parser.expression : NULL;
}

AstField *parse_field(Arena *arena, const SourceFile *source, DiagnosticSink *sink) {
  Parser parser = begin(arena, source, sink, TOKEN_START_FIELD);
  if (parser_prepare(&parser)) blur_parse(&parser);
  free(parser.tokens.items);
  return sink->errors == parser.first_errors ? parser.field : NULL;
}
