// Which newlines end something, and which words mean something by their place. A newline ends a statement except inside
// ( ) and [ ], and after an operator, a comma, `<-`, `=`, `then`, `else`, or a block's word; a line that begins with
// `else` goes on with the line before. Before: balance.c. After: the grammar, which sees separators only where a list
// may have them.
#include "compiler/syntax/habits.h"
#include "compiler/syntax/parser_state.h"
#include "parser.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  size_t opener;     // index in `out`
  size_t conditions; // `if`s whose condition is not over
  bool steps;        // braces of step, repeat or predict: they hold names of blocks
  bool experiment;   // the braces of an experiment: they hold fields
  bool settings;     // braces in an experiment: they hold phrases
  bool in_experiment;
} Level;

typedef struct {
  Parser *parser;
  const TokenList *in;
  TokenList *out;
  Level levels[NESTING_LIMIT + 1]; // of brackets; 0: outside all
  size_t depth;
} Layout;

static Level *level(Layout *layout) { return &layout->levels[layout->depth]; }

// The innermost open bracket, or NULL.
static Token *innermost(Layout *layout) { return layout->depth ? &layout->out->items[level(layout)->opener] : NULL; }

static Token *last_out(Layout *layout, size_t back) {
  return layout->out->count > back ? &layout->out->items[layout->out->count - 1 - back] : NULL;
}

static int last_kind(Layout *layout) { return layout->out->count ? last_out(layout, 0)->kind : TOKEN_OPEN_BRACE; }

static bool kind_continues(int kind) {
  return (kind >= TOKEN_ARROW && kind <= TOKEN_NOT_EQUAL && kind != TOKEN_RANGE) || kind == TOKEN_THEN ||
         kind == TOKEN_ELSE || kind == TOKEN_AND || kind == TOKEN_OR || kind == TOKEN_NOT;
}

static bool kind_opens_list(int kind) {
  return kind == TOKEN_OPEN_BRACE || kind == TOKEN_OPEN_STEPS || kind == TOKEN_OPEN_SETTINGS;
}

static const Token *next_of_substance(const Layout *layout, size_t i) {
  do i++;
  while (layout->in->items[i].kind == TOKEN_NEWLINE);
  return &layout->in->items[i];
}

static void lay_separator(Layout *layout, size_t i) {
  const Token *token = &layout->in->items[i];
  bool newline = token->kind == TOKEN_NEWLINE;
  const Token *bracket = innermost(layout);
  bool in_list = !bracket || kind_opens_list(bracket->kind);
  if (!in_list) { // a `;` in parentheses is left to the grammar's complaint
    if (!newline) token_push(layout->out, *token);
    return;
  }
  int before = last_kind(layout), after = next_of_substance(layout, i)->kind;
  if (layout->out->count == 0 || before == TOKEN_SEPARATOR || kind_opens_list(before)) return;
  if (after == TOKEN_CLOSE_BRACE || after == TOKEN_END || after == TOKEN_SEMICOLON) return;
  if (newline && (kind_continues(before) || after == TOKEN_ELSE || after == TOKEN_OPEN_BRACE)) return;
  bool block_word = before >= TOKEN_INPUT && before <= TOKEN_UPDATE && !level(layout)->steps;
  if (newline && block_word) return; // its equation stands on the next line
  level(layout)->conditions = 0;
  Token separator = *token;
  separator.kind = TOKEN_SEPARATOR;
  token_push(layout->out, separator);
}

static void drop_comma(Layout *layout, const Token *comma) {
  Diagnostic *diagnostic =
      diagnostic_report(layout->parser->sink, DIAGNOSTIC_extra_comma, token_span(layout->parser, comma));
  diagnostic_fix(layout->parser->sink, diagnostic, token_span(layout->parser, comma), "%s", "");
}

static void lay_comma(Layout *layout, size_t i) {
  const Token *token = &layout->in->items[i];
  int before = last_kind(layout), after = next_of_substance(layout, i)->kind;
  bool first = layout->out->count == 0 || kind_is_opener(before) || before == TOKEN_COMMA || before == TOKEN_COLON;
  bool last = kind_is_closer(after) || after == TOKEN_COLON;
  if (first || last) drop_comma(layout, token);
  else token_push(layout->out, *token);
}

// What to write instead of a Python line that ends in, or has, a colon: `for l in layers:`. NULL: it is none.
static const char *python_line(const Layout *layout, size_t i) {
  const Token *first = &layout->in->items[i];
  while (first > layout->in->items && !first->first_on_line) first--;
  if (first == &layout->in->items[i]) return NULL;
  return habit_statement(token_text(layout->parser, first));
}

static void lay_colon(Layout *layout, size_t i) {
  Parser *parser = layout->parser;
  const Token *token = &layout->in->items[i];
  Token *bracket = innermost(layout);
  if (bracket && bracket->kind == TOKEN_OPEN_PAREN) {
    bracket->kind = TOKEN_OPEN_AXES;
    token_push(layout->out, *token);
    return;
  }
  if (bracket && bracket->kind == TOKEN_OPEN_BRACKET) {
    Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_slice_with_colon, token_span(parser, token));
    diagnostic_fix(parser->sink, diagnostic, token_span(parser, token), "..");
    Token range = *token;
    range.kind = TOKEN_RANGE;
    token_push(layout->out, range);
    return;
  }
  if (parser_bracket_blamed(parser, token->start) || parser_scanner_told(parser, token->start)) return;
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_colon_misplaced, token_span(parser, token));
  const char *python = python_line(layout, i);
  if (bracket && bracket->kind == TOKEN_OPEN_AXES)
    diagnostic_help(parser->sink, diagnostic, "one colon parts the axes from the values: `sum(pre, d: w[d])`");
  else if (python) diagnostic_help(parser->sink, diagnostic, "%s", python);
  else if (next_of_substance(layout, i)->kind == TOKEN_NUMBER || (bracket && bracket->kind == TOKEN_OPEN_SETTINGS))
    diagnostic_fix(parser->sink, diagnostic, token_span(parser, token), "%s",
                   token->start > 0 && parser->source->text[token->start - 1] == ' ' ? "=" : " =");
  else diagnostic_fix(parser->sink, diagnostic, token_span(parser, token), "%s", "");
}

// `=` in the condition of an `if`.
static void lay_equals(Layout *layout, const Token *token) {
  Token laid = *token;
  if (level(layout)->conditions > 0) {
    Parser *parser = layout->parser;
    Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_equals_in_condition, token_span(parser, token));
    diagnostic_fix(parser->sink, diagnostic, token_span(parser, token), "==");
    laid.kind = TOKEN_EQUAL;
  }
  token_push(layout->out, laid);
}

// `step` begins a block where a declaration may begin and a brace follows.
static bool is_step_block(Layout *layout, size_t i) {
  const Token *token = &layout->in->items[i];
  if (token->end - token->start != 4 || memcmp(layout->parser->source->text + token->start, "step", 4) != 0)
    return false;
  int before = last_kind(layout);
  return (before == TOKEN_SEPARATOR || kind_opens_list(before) || before == TOKEN_CLOSE_BRACE) &&
         next_of_substance(layout, i)->kind == TOKEN_OPEN_BRACE;
}

static bool text_is(const Layout *layout, const Token *token, const char *text) {
  size_t length = strlen(text);
  return token->end - token->start == length && memcmp(layout->parser->source->text + token->start, text, length) == 0;
}

// `all` after `pass NAME up` or `pass NAME down`.
static bool is_all(Layout *layout, const Token *token) {
  const Token *direction = last_out(layout, 0), *pass = last_out(layout, 2);
  return text_is(layout, token, "all") && pass && pass->kind == TOKEN_PASS &&
         (text_is(layout, direction, "up") || text_is(layout, direction, "down"));
}

// ---- experiments

// `experiment` where a rule may begin.
static bool is_experiment(Layout *layout, const Token *token) {
  int before = last_kind(layout);
  bool begins = layout->out->count == 0 || before == TOKEN_SEPARATOR || before == TOKEN_CLOSE_BRACE;
  return layout->depth == 0 && begins && text_is(layout, token, "experiment");
}

static bool is_clause_word(const Layout *layout, const Token *token) {
  static const char *const words[] = {"every", "on", "at", "from", "by", "genome", "unroll"};
  for (size_t w = 0; w < sizeof words / sizeof *words; w++)
    if (text_is(layout, token, words[w])) return true;
  return false;
}

static bool is_word(int kind) {
  bool of_expressions = kind == TOKEN_IF || kind == TOKEN_THEN || kind == TOKEN_ELSE || kind == TOKEN_AND ||
                        kind == TOKEN_OR || kind == TOKEN_NOT;
  return (kind_is_reserved(kind) && !of_expressions) || (kind >= TOKEN_NAME && kind <= TOKEN_DERIVATIVE);
}

// `and` and `or` are also tasks: `data and { batch = 64 }`, where an operator cannot stand.
static bool is_task_word(Layout *layout, int kind) {
  int before = last_kind(layout);
  bool begins = before == TOKEN_FIELD || before == TOKEN_SEPARATOR || before == TOKEN_COMMA || kind_opens_list(before);
  return (kind == TOKEN_AND || kind == TOKEN_OR) && begins;
}

// In an experiment no word is reserved: the first of a line is a field, some begin clauses, the others are names.
static int word_of_experiment(Layout *layout, size_t i) {
  const Token *token = &layout->in->items[i];
  int before = last_kind(layout);
  bool first = layout->out->count == 0 || before == TOKEN_SEPARATOR || kind_opens_list(before);
  if (level(layout)->experiment && first) return TOKEN_FIELD;
  bool setting = next_of_substance(layout, i)->kind == TOKEN_ASSIGN;
  return !setting && is_clause_word(layout, token) ? TOKEN_CLAUSE : TOKEN_NAME;
}

// A brace in an experiment holds settings, unless it stands where a value does.
static bool opens_settings(Layout *layout) {
  const Token *before = last_out(layout, 1);
  if (layout->depth == 0 && before && before->kind == TOKEN_EXPERIMENT) return true;
  int last = last_kind(layout);
  return level(layout)->in_experiment && !kind_continues(last) && !kind_is_opener(last);
}

static void lay_to(Layout *layout, Token *token) {
  if (level(layout)->in_experiment) return;
  Parser *parser = layout->parser;
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_foreign_arrow, token_span(parser, token), "->");
  diagnostic_fix(parser->sink, diagnostic, token_span(parser, token), "<-");
  token->kind = TOKEN_ARROW;
}

static void open_level(Layout *layout, int kind, bool steps) {
  bool settings = kind == TOKEN_OPEN_SETTINGS, outside = !level(layout)->in_experiment;
  bool in_experiment = settings || !outside;
  layout->levels[++layout->depth] = (Level){.opener = layout->out->count - 1,
                                            .steps = steps,
                                            .experiment = settings && outside,
                                            .settings = settings && !outside,
                                            .in_experiment = in_experiment};
}

static void lay_token(Layout *layout, size_t i) {
  Token token = layout->in->items[i];
  if ((level(layout)->experiment || level(layout)->settings) &&
      (is_word(token.kind) || is_task_word(layout, token.kind)))
    token.kind = word_of_experiment(layout, i);
  switch (token.kind) {
  case TOKEN_NEWLINE:
  case TOKEN_SEMICOLON: lay_separator(layout, i); return;
  case TOKEN_COMMA: lay_comma(layout, i); return;
  case TOKEN_COLON: lay_colon(layout, i); return;
  case TOKEN_ASSIGN: lay_equals(layout, &token); return;
  case TOKEN_NAME:
    if (is_step_block(layout, i)) token.kind = TOKEN_STEP;
    else if (is_all(layout, &token)) token.kind = TOKEN_ALL;
    else if (is_experiment(layout, &token)) token.kind = TOKEN_EXPERIMENT;
    break;
  case TOKEN_TO: lay_to(layout, &token); break;
  case TOKEN_OPEN_BRACE:
    level(layout)->conditions = 0;
    if (last_kind(layout) == TOKEN_PREDICT) token.kind = TOKEN_OPEN_STEPS;
    else if (opens_settings(layout)) token.kind = TOKEN_OPEN_SETTINGS;
    break;
  case TOKEN_THEN:
    if (level(layout)->conditions > 0) level(layout)->conditions--;
    break;
  case TOKEN_IF: level(layout)->conditions++; break;
  default: break;
  }
  if (kind_is_closer(token.kind) && layout->depth > 0) layout->depth--;
  bool steps = token.kind == TOKEN_OPEN_STEPS || last_kind(layout) == TOKEN_STEP || level(layout)->steps;
  token_push(layout->out, token);
  if (kind_is_opener(token.kind)) open_level(layout, token.kind, steps);
}

void lay_out_tokens(Parser *parser, const TokenList *in, TokenList *out) {
  Layout layout = {.parser = parser, .in = in, .out = out};
  layout.levels[0].experiment = layout.levels[0].in_experiment = parser->start_kind == TOKEN_START_FIELD;
  for (size_t i = 0; i < in->count; i++) lay_token(&layout, i);
}
