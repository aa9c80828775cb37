// The entry points of parsing, and the bridge between the prepared tokens and the parser that Bison makes.
#include "compiler/syntax/build.h"
#include "compiler/syntax/repair.h"
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
    value->TOKEN_NAME = syntax_name_of(parser, parser_span(parser, token->start, token->end));
    value->TOKEN_NAME.span = *location;
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

// ---- files, with one error for one slip

// The statement, declaration or entry that holds this place.
static Span entry_around(const Parser *parser, uint32_t place) {
  const TokenList *tokens = &parser->tokens;
  size_t at = 0, depth = 0;
  while (at + 1 < tokens->count && tokens->items[at].end < place) at++;
  size_t first = at, last = at;
  while (first > 0) {
    int kind = tokens->items[first - 1].kind;
    bool list = kind == TOKEN_OPEN_BRACE || kind == TOKEN_OPEN_STEPS || kind == TOKEN_OPEN_SETTINGS;
    if (kind_is_closer(kind)) depth++;
    else if (kind_is_opener(kind) && (depth > 0 || list) && depth-- == 0) break;
    else if (kind == TOKEN_SEPARATOR && depth == 0) break;
    first--;
  }
  for (depth = 0; last + 1 < tokens->count; last++) {
    int kind = tokens->items[last].kind;
    if (kind_is_opener(kind)) depth++;
    if (kind_is_closer(kind) && depth > 0) depth--;
    else if (depth == 0 && (kind == TOKEN_SEPARATOR || kind == TOKEN_CLOSE_BRACE)) break;
  }
  return parser_span(parser, tokens->items[first].start, tokens->items[last].start);
}

// Complaints of the builders about what a construct holds.
static bool is_about_content(DiagnosticCode code) {
  return code == DIAGNOSTIC_function_without_parameters || code == DIAGNOSTIC_draw_unknown ||
         code == DIAGNOSTIC_value_not_last || code == DIAGNOSTIC_block_without_value ||
         code == DIAGNOSTIC_scope_unknown || code == DIAGNOSTIC_range_outside_target;
}

// They are consequences where the same entry has an error of its form.
static void drop_consequences(Parser *parser) {
  DiagnosticSink *sink = parser->sink;
  for (size_t i = parser->first_report; i < sink->items.count; i++) {
    if (!is_about_content(sink->items.items[i].code)) continue;
    Span entry = entry_around(parser, sink->items.items[i].span.start);
    bool drop = false;
    for (size_t j = parser->first_report; j < sink->items.count && !drop; j++) {
      const Diagnostic *other = &sink->items.items[j];
      drop = other->severity == SEVERITY_ERROR && !is_about_content(other->code) && other->span.start >= entry.start &&
             other->span.start <= entry.end;
    }
    if (!drop) continue;
    memmove(&sink->items.items[i], &sink->items.items[i + 1], (--sink->items.count - i) * sizeof(Diagnostic));
    sink->errors--;
    i--;
  }
}

static void parse_raw_tokens(Parser *parser, const TokenList *raw) {
  parser->file = ARENA_NEW(parser->arena, AstFile);
  parser->file->source = parser->source;
  if (!parser_lay_out(parser, raw)) return;
  blur_parse(parser);
  if (parser->sink->errors > parser->first_errors + 1) drop_consequences(parser);
}

size_t parse_tokens_on_trial(const Parser *failed, const TokenList *raw, DiagnosticSink *sink, size_t limit,
                             size_t *unread) {
  Parser trial = begin(sink->arena, failed->source, sink, failed->start_kind);
  trial.error_limit = limit;
  parse_raw_tokens(&trial, raw);
  free(trial.tokens.items);
  *unread = trial.unread;
  return sink->errors;
}

typedef ARENA_LIST(Diagnostic) DiagnosticList;

static bool stands_in(const DiagnosticList *list, const Diagnostic *wanted) {
  for (size_t i = 0; i < list->count; i++)
    if (list->items[i].code == wanted->code && list->items[i].span.start == wanted->span.start) return true;
  return false;
}

// Of the errors that a repair took away, the one that tells it: the nearest. None where the scanner has told already.
static void keep_nearest(Parser *parser, const DiagnosticList *before, const DiagnosticList *after, uint32_t place,
                         DiagnosticList *kept) {
  const SourceFile *source = parser->source;
  const Diagnostic *nearest = NULL;
  uint64_t least = UINT64_MAX;
  uint32_t line = source_line(source, place);
  for (size_t i = 0; i < before->count; i++) {
    const Diagnostic *diagnostic = &before->items[i];
    if (diagnostic->severity != SEVERITY_ERROR || stands_in(after, diagnostic)) continue;
    uint32_t start = diagnostic->span.start, own = source_line(source, start);
    uint64_t lines = own > line ? own - line : line - own, bytes = start > place ? start - place : place - start;
    if ((lines << 32) + bytes >= least) continue;
    least = (lines << 32) + bytes;
    nearest = diagnostic;
  }
  if (nearest) ARENA_PUSH(parser->arena, kept, *nearest);
}

// From a token to the end of the braces that open behind it.
static Span rule_from(const Parser *parser, const TokenList *raw, size_t at) {
  size_t end = at, depth = 0;
  for (; end + 1 < raw->count; end++) {
    if (raw->items[end].kind == TOKEN_OPEN_BRACE) depth++;
    if (raw->items[end].kind == TOKEN_CLOSE_BRACE && --depth == 0) break;
  }
  return parser_span(parser, raw->items[at].start, raw->items[end].end);
}

// Parses; then, as long as one change of the tokens takes several errors away, parses the changed tokens in their
// place, and keeps one error for what the change mended.
static void parse_with_repairs(Parser *parser, TokenList *raw) {
  enum { MOST_REPAIRS = 8 };
  DiagnosticSink *sink = parser->sink;
  const Parser fresh = *parser;
  const size_t scanned = sink->items.count, scan_errors = sink->errors, scan_warnings = sink->warnings;
  DiagnosticList kept = {0};
  size_t budget = REPAIR_BUDGET;
  Span headless = {0}; // a rule whose first line is missing
  parse_raw_tokens(parser, raw);
  for (int round = 0; round < MOST_REPAIRS && !parser->gave_up; round++) {
    Repair repair;
    size_t errors = sink->errors - scan_errors + (scan_errors > parser->first_errors);
    if (!repair_find(parser, raw, errors, &budget, &repair)) break;
    TokenList mended = {0};
    DiagnosticList before = {0}, after = {0};
    for (size_t i = scanned; i < sink->items.count; i++) ARENA_PUSH(parser->arena, &before, sink->items.items[i]);
    repair_make(parser, raw, &repair, &mended);
    uint32_t place = raw->items[repair.at].start;
    if (repair.inserted_count > 0 && kind_is_reserved(repair.inserted[0])) diagnostic_doubt_blocks(sink); // a guess
    if (repair.inserted[0] == TOKEN_RULE) headless = rule_from(parser, &mended, repair.at);
    free(parser->tokens.items);
    *parser = fresh;
    sink->items.count = scanned;
    sink->errors = scan_errors;
    sink->warnings = scan_warnings;
    parse_raw_tokens(parser, &mended);
    for (size_t i = scanned; i < sink->items.count; i++) ARENA_PUSH(parser->arena, &after, sink->items.items[i]);
    Diagnostic told;
    if (parser_scanner_told(parser, place)) {
      // Nothing to add.
    } else if (repair_tell(parser, raw, &repair, &told)) {
      ARENA_PUSH(parser->arena, &kept, told);
    } else {
      keep_nearest(parser, &before, &after, place, &kept);
    }
    free(raw->items);
    *raw = mended;
  }
  for (size_t i = 0; i < kept.count; i++) {
    ARENA_PUSH(sink->arena, &sink->items, kept.items[i]);
    sink->errors++;
  }
  diagnostic_damage(sink, headless, true);
}

static bool is_declaring(int kind) {
  return (kind >= TOKEN_CONST && kind <= TOKEN_SIGNAL) || kind == TOKEN_LET || kind == TOKEN_USE || kind == TOKEN_RULE;
}

static bool is_block_word(int kind) { return (kind >= TOKEN_INPUT && kind <= TOKEN_AT) || kind == TOKEN_STEP; }

// Does the entry that begins at this place declare names, by its word, or as part of `genome { ... }` or of a rule?
static bool entry_declares(const Parser *parser, const Diagnostic *diagnostic, uint32_t place) {
  const TokenList *tokens = &parser->tokens;
  size_t at = 0, depth = 0;
  while (at + 1 < tokens->count && tokens->items[at].start < place) at++;
  const int own = tokens->items[at].kind;
  if (is_declaring(own)) return true;
  if (is_block_word(own) && diagnostic->code == DIAGNOSTIC_missing_assignment) return true; // `update w bias ~ 0`
  for (; at > 0; at--) {
    int kind = tokens->items[at - 1].kind;
    if (kind_is_closer(kind)) depth++;
    if (kind_is_opener(kind) && depth-- == 0) break;
  }
  if (at < 2) return false;
  int word = tokens->items[at - 2].kind; // before the brace
  return is_declaring(word) || (word >= TOKEN_NAME && word <= TOKEN_DERIVATIVE && !is_block_word(own));
}

static bool is_about_braces(const Diagnostic *diagnostic) {
  const Span span = diagnostic->span;
  switch (diagnostic->code) {
  case DIAGNOSTIC_bracket_not_closed:
  case DIAGNOSTIC_bracket_not_opened: return strchr(diagnostic->message, '{') || strchr(diagnostic->message, '}');
  case DIAGNOSTIC_bracket_closes_nothing:
  case DIAGNOSTIC_bracket_never_closed: return strchr("{}", span.file->text[span.start]) != NULL;
  case DIAGNOSTIC_brace_not_opened:
  case DIAGNOSTIC_declaration_in_block:
  case DIAGNOSTIC_unknown_word:
  case DIAGNOSTIC_statement_outside_block: return true;
  default: return false;
  }
}

// What errors of syntax stand in is not judged by later stages.
static void mark_damage(Parser *parser) {
  DiagnosticSink *sink = parser->sink;
  for (size_t i = parser->first_report; i < sink->items.count && parser->tokens.count > 0; i++) {
    const Diagnostic *diagnostic = &sink->items.items[i];
    if (diagnostic->severity != SEVERITY_ERROR || diagnostic->span.file != parser->source) continue;
    Span entry = entry_around(parser, diagnostic->span.start);
    diagnostic_damage(sink, entry, entry_declares(parser, diagnostic, entry.start));
    if (diagnostic->code == DIAGNOSTIC_bracket_not_closed && diagnostic->notes.count > 0) {
      entry = entry_around(parser, diagnostic->notes.items[0].span.start); // where it was opened
      diagnostic_damage(sink, entry, entry_declares(parser, diagnostic, entry.start));
    }
    if (is_about_braces(diagnostic)) diagnostic_doubt_blocks(sink);
  }
}

AstFile *parse_file(Arena *arena, const SourceFile *source, DiagnosticSink *sink) {
  Parser parser = begin(arena, source, sink, TOKEN_START_FILE);
  TokenList raw = {0};
  if (parser_scan(&parser, &raw)) {
    parse_with_repairs(&parser, &raw);
    mark_damage(&parser);
    bool empty = !parser.file->rules && !parser.file->declarations && !parser.file->experiments;
    if (empty && sink->errors == parser.first_errors) {
      Diagnostic *diagnostic = diagnostic_report(sink, DIAGNOSTIC_file_empty, parser_span(&parser, 0, 0), source->path);
      diagnostic_help(sink, diagnostic, "a script begins like this: `rule NAME {`");
    }
  }
  free(raw.items);
  free(parser.tokens.items);
  if (!parser.file) {
    parser.file = ARENA_NEW(arena, AstFile);
    parser.file->source = source;
  }
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
