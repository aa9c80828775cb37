// Makes the brackets of a text balance before it is parsed, so that one forgotten brace is one error. Where something
// is not closed, the closing bracket is put where the indentation of the text, or a word that only begins a line, says
// it should stand; what closes nothing is dropped. Before: the scanner. After: layout.c.
#include "compiler/syntax/parser_state.h"
#include "parser.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  Token token;
  size_t line;          // number of the line it stands on
  uint32_t line_indent; // of that line
  uint32_t body_indent; // of the first line after it, 0 until known
} OpenBracket;

typedef struct {
  Parser *parser;
  const TokenList *in;
  TokenList *out;
  OpenBracket open[NESTING_LIMIT];
  size_t depth;
  size_t missing, surplus;     // braces, over the whole text
  uint32_t blamed_line;        // a line with a report about ( ) [ ]: more of them there are its consequences
  size_t open_after;           // number of tokens of `in` behind which an opening brace is put; 0: none
  size_t line, line_start;     // of the current token; line_start: index in `out` of the line's first token
  uint32_t line_place, indent; // of the line: its first token's place
} Balance;

static int closer_of(int opener) {
  return opener == TOKEN_OPEN_PAREN     ? TOKEN_CLOSE_PAREN
         : opener == TOKEN_OPEN_BRACKET ? TOKEN_CLOSE_BRACKET
                                        : TOKEN_CLOSE_BRACE;
}

static const char *closer_text(int opener) {
  return opener == TOKEN_OPEN_PAREN ? ")" : opener == TOKEN_OPEN_BRACKET ? "]" : "}";
}

static uint32_t indent_of(const Parser *parser, const Token *token) {
  uint32_t line = source_line(parser->source, token->start);
  return token->start - parser->source->line_starts[line - 1];
}

static OpenBracket *top(Balance *balance) { return balance->depth ? &balance->open[balance->depth - 1] : NULL; }

static bool top_is_brace(Balance *balance) {
  return balance->depth == 0 || top(balance)->token.kind == TOKEN_OPEN_BRACE;
}

// One slip with ( ) [ ] makes several of them meet the wrong partner: a line has one report of that kind.
static bool blamed_already(Balance *balance, uint32_t place) {
  uint32_t line = source_line(balance->parser->source, place);
  bool already = line == balance->blamed_line;
  balance->blamed_line = line;
  return already;
}

// Has the scanner met something that is no token between these places? It may have been the bracket that is missing, or
// may have swallowed it: that counts up to the end of the last line.
static bool scanner_told_between(const Parser *parser, uint32_t from, uint32_t to) {
  const DiagnosticSink *sink = parser->sink;
  const char *text = parser->source->text;
  to += (uint32_t)strcspn(text + to, "\n");
  for (size_t i = parser->first_report; i < parser->scanned_reports && i < sink->items.count; i++) {
    const Diagnostic *diagnostic = &sink->items.items[i];
    if (diagnostic->severity == SEVERITY_ERROR && diagnostic->span.start >= from && diagnostic->span.start <= to)
      return true;
  }
  return false;
}

// Puts the closing bracket of the innermost open one at index `at` of the output, after the token before it.
static void insert_closer(Balance *balance, size_t at) {
  Parser *parser = balance->parser;
  TokenList *out = balance->out;
  OpenBracket *open = top(balance);
  while (at > 0 && out->items[at - 1].kind == TOKEN_NEWLINE) at--;
  uint32_t place = at > 0 ? out->items[at - 1].end : 0;
  Token closer = {.kind = closer_of(open->token.kind), .start = place, .end = place, .inserted = true};
  token_push(out, closer);
  memmove(&out->items[at + 1], &out->items[at], (out->count - 1 - at) * sizeof(Token));
  out->items[at] = closer;

  balance->depth--;
  if (open->token.kind != TOKEN_OPEN_BRACE && blamed_already(balance, place)) return;
  if (scanner_told_between(parser, open->token.start, place)) return;
  const char *text = closer_text(open->token.kind);
  Diagnostic *diagnostic =
      diagnostic_report(parser->sink, DIAGNOSTIC_bracket_not_closed, parser_span(parser, place, place), text);
  diagnostic_note(parser->sink, diagnostic, token_span(parser, &open->token), "opened here");
  diagnostic_fix(parser->sink, diagnostic, parser_span(parser, place, place), "%s", text);
}

// Words that begin a declaration or a statement and stand nowhere in an expression.
static bool begins_line(int kind) {
  return kind_is_reserved(kind) && kind != TOKEN_IF && kind != TOKEN_THEN && kind != TOKEN_ELSE && kind != TOKEN_AND &&
         kind != TOKEN_OR && kind != TOKEN_NOT;
}

// Is what stands since the line's start, up to the `<-` or `=` that comes now, the left side of an equation?
static bool line_is_left_side(const Balance *balance) {
  enum { LONGEST = 64 }; // tokens
  const Token *items = balance->out->items;
  size_t i = balance->line_start, end = balance->out->count;
  if (i >= end || end - i > LONGEST || items[i].kind < TOKEN_NAME || items[i].kind > TOKEN_DERIVATIVE) return false;
  i++;
  if (i + 1 < end && items[i].kind == TOKEN_DOT) i += 2;
  if (i < end && items[i].kind == TOKEN_OPEN_BRACKET)
    while (i < end && items[i++].kind != TOKEN_CLOSE_BRACKET) continue;
  return i == end;
}

// Does the rest of the line close the innermost bracket? Then the `;` at index i is what is wrong.
static bool line_closes(const Balance *balance, size_t i) {
  enum { FAR = 200 }; // tokens
  size_t depth = 1, end = i + FAR < balance->in->count ? i + FAR : balance->in->count;
  for (; i < end; i++) {
    int kind = balance->in->items[i].kind;
    if (kind == TOKEN_NEWLINE || kind == TOKEN_ARROW) return false;
    if (kind_is_opener(kind)) depth++;
    if (kind_is_closer(kind) && --depth == 0) return kind != TOKEN_CLOSE_BRACE;
  }
  return false;
}

// Without the closing bracket at index i, does the rest of the line close the innermost one as it should be?
static bool rest_closes(Balance *balance, size_t i) {
  enum { FAR = 200 }; // tokens
  size_t depth = 0, end = i + FAR < balance->in->count ? i + FAR : balance->in->count;
  for (i++; i < end && balance->in->items[i].kind != TOKEN_NEWLINE; i++) {
    int kind = balance->in->items[i].kind;
    if (kind_is_opener(kind)) depth++;
    if (kind_is_closer(kind) && depth-- == 0) return kind == closer_of(top(balance)->token.kind);
  }
  return false;
}

// Does the line that begins at index i lack the brace that a later one closes? What follows is deeper than the line,
// and holds a closing brace too many, or such a brace stands below its beginning.
static bool lacks_opening_brace(const Balance *balance, size_t i) {
  const Token *items = balance->in->items;
  int word = items[i].kind;
  bool takes_braces = word == TOKEN_RULE || word == TOKEN_GENOME || (word >= TOKEN_INPUT && word <= TOKEN_UPDATE);
  if (balance->surplus == 0 || !takes_braces) return false;
  for (size_t j = i; items[j].kind != TOKEN_NEWLINE; j++)
    if (items[j].kind == TOKEN_OPEN_BRACE || items[j].kind == TOKEN_END) return false;
  size_t depth = 0;
  for (size_t j = i + 1; items[j].kind != TOKEN_END; j++) {
    uint32_t indent = items[j].first_on_line ? indent_of(balance->parser, &items[j]) : UINT32_MAX;
    bool outside = indent <= balance->indent;
    if (outside && (items[j].kind != TOKEN_CLOSE_BRACE || indent < balance->indent)) return false;
    if (items[j].kind == TOKEN_OPEN_BRACE) depth++;
    if (items[j].kind == TOKEN_CLOSE_BRACE && depth-- == 0) return true;
    if (outside) return false;
  }
  return false;
}

static void insert_opening_brace(Balance *balance, const Token *behind) {
  Parser *parser = balance->parser;
  Span place = parser_span(parser, behind->end, behind->end);
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_brace_not_opened, place);
  diagnostic_fix(parser->sink, diagnostic, place, " {");
  Token opener = {.kind = TOKEN_OPEN_BRACE, .start = behind->end, .end = behind->end, .inserted = true};
  token_push(balance->out, opener);
  if (balance->depth == NESTING_LIMIT) return;
  balance->open[balance->depth++] = (OpenBracket){
      .token = opener, .line = balance->line, .line_indent = balance->indent, .body_indent = balance->indent + 1};
  balance->surplus--;
}

// Where the brace goes: behind the word of a block, at the end of a rule's first line.
static void find_lacking_brace(Balance *balance, size_t i) {
  if (!lacks_opening_brace(balance, i)) return;
  balance->open_after = i + 1;
  if (balance->in->items[i].kind == TOKEN_RULE)
    while (balance->in->items[balance->open_after].kind != TOKEN_NEWLINE) balance->open_after++;
}

// Parentheses and brackets that a new line, or a `;`, shows to be forgotten.
static void close_forgotten_parentheses(Balance *balance, size_t i) {
  const Token *token = &balance->in->items[i];
  if (top_is_brace(balance)) return;
  // No index holds an arrow: `w[c <- 0`.
  bool in_target = token->kind == TOKEN_ARROW && top(balance)->token.kind == TOKEN_OPEN_BRACKET;
  bool here = (token->kind == TOKEN_SEMICOLON && !line_closes(balance, i)) || token->kind == TOKEN_END ||
              (token->first_on_line && begins_line(token->kind));
  bool before_line = (token->kind == TOKEN_ARROW || token->kind == TOKEN_ASSIGN) &&
                     top(balance)->line < balance->line && line_is_left_side(balance);
  if (in_target && !before_line && top(balance)->line == balance->line) insert_closer(balance, balance->out->count);
  if (!here && !before_line) return;
  size_t at = before_line ? balance->line_start : balance->out->count;
  while (!top_is_brace(balance)) {
    insert_closer(balance, at);
    // The closers of one line nest outward: the next goes behind this one.
    at = before_line ? balance->line_start : balance->out->count;
    if (before_line)
      while (at < balance->out->count && balance->out->items[at].inserted) at++;
  }
}

// A line that begins no deeper than the line of an open brace, whose body was deeper, stands outside that brace.
static void close_forgotten_braces(Balance *balance, const Token *token) {
  while (balance->missing > 0 && token->first_on_line && balance->depth > 0 && token->kind != TOKEN_NEWLINE &&
         token->kind != TOKEN_CLOSE_BRACE && token->kind != TOKEN_END) {
    OpenBracket *open = top(balance);
    if (open->token.kind != TOKEN_OPEN_BRACE || open->line == balance->line || balance->indent > open->line_indent ||
        open->body_indent <= open->line_indent)
      return;
    insert_closer(balance, balance->out->count);
    balance->missing--;
  }
}

// The brace at index i would close `open`, but the text goes on inside it: one brace too many stands here.
static bool is_surplus(const Balance *balance, size_t i, const OpenBracket *open) {
  if (balance->surplus == 0) return false;
  for (size_t j = i + 1; j < balance->in->count; j++) {
    const Token *token = &balance->in->items[j];
    if (token->kind == TOKEN_NEWLINE) continue;
    if (token->kind == TOKEN_END || !token->first_on_line) return false;
    uint32_t indent = indent_of(balance->parser, token);
    return token->kind == TOKEN_CLOSE_BRACE ? indent == open->line_indent : indent > open->line_indent;
  }
  return false;
}

// A closing bracket: the token is pushed, unless it closes nothing.
static void close_bracket(Balance *balance, size_t i) {
  Parser *parser = balance->parser;
  const Token *token = &balance->in->items[i];
  bool is_brace = token->kind == TOKEN_CLOSE_BRACE;
  size_t match = balance->depth; // one more than the index of what it closes; 0: nothing
  while (match > 0 && closer_of(balance->open[match - 1].token.kind) != token->kind) {
    if (!is_brace && balance->open[match - 1].token.kind == TOKEN_OPEN_BRACE) match = 1;
    match--;
  }
  if (match == 0 && !is_brace && !top_is_brace(balance) && !rest_closes(balance, i)) { // `(` and `]`: a slip
    OpenBracket *open = top(balance);
    const char *needed = closer_text(open->token.kind);
    balance->blamed_line = (uint32_t)balance->line;
    Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_bracket_mismatched, token_span(parser, token),
                                               token_text(parser, token), token_text(parser, &open->token));
    diagnostic_note(parser->sink, diagnostic, token_span(parser, &open->token), "opened here");
    diagnostic_fix(parser->sink, diagnostic, token_span(parser, token), "%s", needed);
    Token closer = *token;
    closer.kind = closer_of(open->token.kind);
    token_push(balance->out, closer);
    balance->depth--;
    return;
  }
  if (match == 0 || (is_brace && is_surplus(balance, i, &balance->open[match - 1]))) {
    if (!is_brace && blamed_already(balance, token->start)) return;
    if (scanner_told_between(parser, balance->line_place, token->start)) return;
    Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_bracket_closes_nothing,
                                               token_span(parser, token), token_text(parser, token));
    diagnostic_fix(parser->sink, diagnostic, token_span(parser, token), "%s", "");
    if (is_brace && balance->surplus > 0) balance->surplus--;
    return;
  }
  while (balance->depth > match) insert_closer(balance, balance->out->count);
  token_push(balance->out, *token);
  balance->depth--;
}

static void count_braces(Balance *balance) {
  size_t depth = 0;
  for (size_t i = 0; i < balance->in->count; i++) {
    if (balance->in->items[i].kind == TOKEN_OPEN_BRACE) depth++;
    if (balance->in->items[i].kind != TOKEN_CLOSE_BRACE) continue;
    if (depth > 0) depth--;
    else balance->surplus++;
  }
  balance->missing = depth;
}

static void begin_line(Balance *balance, const Token *token) {
  balance->line = source_line(balance->parser->source, token->start);
  balance->indent = indent_of(balance->parser, token);
  balance->line_start = balance->out->count;
  balance->line_place = token->start;
  OpenBracket *open = top(balance);
  if (open && open->body_indent == 0 && open->line != balance->line) open->body_indent = balance->indent;
}

bool balance_brackets(Parser *parser, const TokenList *in, TokenList *out) {
  Balance balance = {.parser = parser, .in = in, .out = out};
  count_braces(&balance);
  for (size_t i = 0; i < in->count; i++) {
    const Token *token = &in->items[i];
    bool first = token->first_on_line && token->kind != TOKEN_NEWLINE;
    if (first) begin_line(&balance, token);
    close_forgotten_parentheses(&balance, i);
    close_forgotten_braces(&balance, token);
    if (first && top_is_brace(&balance)) find_lacking_brace(&balance, i);
    if (kind_is_closer(token->kind)) {
      close_bracket(&balance, i);
      continue;
    }
    if (token->kind == TOKEN_END)
      while (balance.depth > 0) insert_closer(&balance, out->count);
    token_push(out, *token);
    if (balance.open_after == i + 1) insert_opening_brace(&balance, token);
    if (!kind_is_opener(token->kind)) continue;
    if (balance.depth == NESTING_LIMIT) {
      diagnostic_report(parser->sink, DIAGNOSTIC_syntax_too_deep, token_span(parser, token), (int)NESTING_LIMIT);
      return false;
    }
    bool body_here = in->items[i + 1].kind != TOKEN_NEWLINE; // then it counts as deeper than its line
    balance.open[balance.depth++] = (OpenBracket){.token = *token,
                                                  .line = balance.line,
                                                  .line_indent = balance.indent,
                                                  .body_indent = body_here ? balance.indent + 1 : 0};
  }
  return true;
}
