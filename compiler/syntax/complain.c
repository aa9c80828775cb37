// Messages for what the grammar could not read, in the user's terms. A message is chosen by the first line of the table
// `complaints` that fits: what stands there, what stood before, in which construct. Called by the parser with the
// unexpected token and the kinds it would have taken.
#include "compiler/syntax/habits.h"
#include "compiler/syntax/parser_state.h"
#include "parser.h"

#include <string.h>

// ---- the place of an error

typedef enum { PLACE_FILE, PLACE_RULE, PLACE_VARIABLES, PLACE_BLOCK, PLACE_STEPS, PLACE_VALUE, PLACE_EXPERIMENT } Place;

typedef struct {
  Parser *parser;
  ExpectedKinds expected;
  size_t at;     // the unexpected token
  size_t start;  // first token of its declaration, statement or entry
  size_t opener; // the bracket it stands in; `count` if none
  Place place;   // what the enclosing braces hold
  const Token *token, *before;
  bool expects_value;
  Span span;
} Failure;

static const Token *token_at(const Failure *failure, size_t at) {
  const TokenList *tokens = &failure->parser->tokens;
  return &tokens->items[at < tokens->count ? at : tokens->count - 1];
}

static bool expects(const Failure *failure, int kind) {
  for (size_t i = 0; i < failure->expected.count; i++)
    if (failure->expected.kinds[i] == kind) return true;
  return false;
}

static bool is_name(int kind) { return kind >= TOKEN_NAME && kind <= TOKEN_DERIVATIVE; }

static bool ends_line(int kind) { return kind == TOKEN_SEPARATOR || kind == TOKEN_CLOSE_BRACE || kind == TOKEN_END; }

static bool begins_value(int kind) {
  return is_name(kind) || kind == TOKEN_PRIMED || kind == TOKEN_NUMBER || kind == TOKEN_OPEN_PAREN ||
         kind == TOKEN_OPEN_AXES || kind == TOKEN_OPEN_BRACKET || kind == TOKEN_STRING;
}

static bool ends_value(int kind) {
  return is_name(kind) || kind == TOKEN_NUMBER || kind == TOKEN_CLOSE_PAREN || kind == TOKEN_CLOSE_BRACKET;
}

static bool text_begins(const Parser *parser, const Token *token, char sign) {
  return token->start < parser->source->length && parser->source->text[token->start] == sign;
}

static bool is_comparison(int kind) { return kind >= TOKEN_LESS && kind <= TOKEN_NOT_EQUAL; }

static bool is_operator(int kind) {
  return (kind >= TOKEN_POWER && kind <= TOKEN_NOT_EQUAL) || kind == TOKEN_AND || kind == TOKEN_OR;
}

static bool is_block_word(int kind) {
  return (kind >= TOKEN_INPUT && kind <= TOKEN_UPDATE) || kind == TOKEN_PASS || kind == TOKEN_AT;
}

// What the braces that open at `opener` hold, told by the word before them.
static Place place_of(const Failure *failure, size_t opener) {
  const Token *items = failure->parser->tokens.items;
  if (items[opener].kind == TOKEN_OPEN_STEPS) return PLACE_STEPS;
  if (items[opener].kind == TOKEN_OPEN_SETTINGS) return PLACE_EXPERIMENT;
  size_t start = opener;
  int depth = 0;
  while (start > 0) { // back to the first token of the declaration or statement
    int kind = items[start - 1].kind;
    if (kind_is_closer(kind)) depth++;
    else if (kind_is_opener(kind) && depth-- == 0) break;
    else if (kind == TOKEN_SEPARATOR && depth == 0) break;
    start--;
  }
  switch (items[start].kind) {
  case TOKEN_RULE: return PLACE_RULE;
  case TOKEN_NEURON:
  case TOKEN_SYNAPSE:
  case TOKEN_GENOME:
  case TOKEN_SIGNAL: return start + 1 == opener ? PLACE_VARIABLES : PLACE_VALUE;
  case TOKEN_STEP:
  case TOKEN_REPEAT: return PLACE_STEPS;
  case TOKEN_INPUT:
  case TOKEN_FORWARD:
  case TOKEN_FEEDBACK:
  case TOKEN_BACKWARD:
  case TOKEN_UPDATE: return start + 1 == opener ? PLACE_BLOCK : PLACE_VALUE;
  case TOKEN_PASS:
  case TOKEN_AT: return PLACE_BLOCK;
  case TOKEN_IF:
    // Declarations or statements: as the braces around.
    for (size_t outer = start, inner = 0; outer > 0; outer--) {
      int kind = items[outer - 1].kind;
      if (kind_is_closer(kind)) inner++;
      else if (kind_is_opener(kind) && inner-- == 0) return place_of(failure, outer - 1);
    }
    return PLACE_RULE;
  default: return PLACE_VALUE;
  }
}

static void locate(Failure *failure) {
  const Token *items = failure->parser->tokens.items;
  failure->opener = failure->parser->tokens.count;
  size_t i = failure->at;
  int depth = 0;
  bool start_found = false;
  failure->start = 0;
  while (i > 0) {
    int kind = items[i - 1].kind;
    if (kind_is_closer(kind)) depth++;
    else if (kind_is_opener(kind) && depth-- == 0) {
      bool brace = kind == TOKEN_OPEN_BRACE || kind == TOKEN_OPEN_STEPS || kind == TOKEN_OPEN_SETTINGS;
      if (failure->opener == failure->parser->tokens.count) failure->opener = i - 1;
      if (brace) {
        if (!start_found) failure->start = i;
        failure->place = place_of(failure, i - 1);
        return;
      }
      depth = 0;
    } else if (kind == TOKEN_SEPARATOR && depth == 0 && !start_found) {
      failure->start = i;
      start_found = true;
    }
    i--;
  }
  failure->place = failure->parser->start_kind == TOKEN_START_FIELD ? PLACE_EXPERIMENT : PLACE_FILE;
}

// The end of what the error makes unreadable, or the first brace in it.
static uint32_t end_of_construct(const Failure *failure) {
  size_t resume = parser_resume_after(failure->parser, failure->at), i = failure->at;
  while (i < resume && token_at(failure, i)->kind != TOKEN_OPEN_BRACE) i++;
  return token_at(failure, i)->start;
}

// Has something in the same construct been reported? Then this error is its consequence.
static bool is_consequence(const Failure *failure) {
  const DiagnosticSink *sink = failure->parser->sink;
  uint32_t from = token_at(failure, failure->start)->start, to = end_of_construct(failure);
  for (size_t i = failure->parser->first_report; i < sink->items.count; i++) {
    const Diagnostic *diagnostic = &sink->items.items[i];
    if (diagnostic->span.file != failure->parser->source || diagnostic->severity != SEVERITY_ERROR) continue;
    if (diagnostic->span.start >= from && diagnostic->span.start <= to) return true;
  }
  if (parser_bracket_blamed(failure->parser, failure->token->start)) return true;
  return failure->token->inserted || (failure->before && failure->before->inserted);
}

// ---- helpers of messages

static Diagnostic *report(const Failure *failure, DiagnosticCode code) {
  return diagnostic_report(failure->parser->sink, code, failure->span,
                           token_described(failure->parser, failure->token));
}

// Where what is missing should stand: behind the token before, if the next one is on a line further down.
static Span place_of_missing(const Failure *failure) {
  int kind = failure->token->kind;
  bool next_entry = kind_is_reserved(kind) && kind != TOKEN_ELSE && kind != TOKEN_THEN;
  if (!failure->before || !failure->token->first_on_line || !(next_entry || is_name(kind) || ends_line(kind)))
    return failure->span;
  return parser_span(failure->parser, failure->before->end, failure->before->end);
}

static void help(const Failure *failure, Diagnostic *diagnostic, const char *text) {
  diagnostic_help(failure->parser->sink, diagnostic, "%s", text);
}

// The text from token `from` to before token `to`, on one line and not too long; else "...".
static const char *text_between(const Failure *failure, size_t from, size_t to) {
  enum { LONGEST = 40 };
  if (from >= to) return "...";
  uint32_t start = token_at(failure, from)->start, end = token_at(failure, to - 1)->end;
  const char *text = failure->parser->source->text + start;
  if (end - start > LONGEST || memchr(text, '\n', end - start)) return "...";
  return arena_copy(failure->parser->arena, text, end - start);
}

// ---- the complaints: each returns false if it does not fit

static const char *const rule_words[] = {"const", "fn",      "neuron",   "synapse",  "genome", "signal",
                                         "input", "forward", "feedback", "backward", "update", "predict",
                                         "pass",  "at",      "step",     "use",      "if"};
static const char *const file_words[] = {"rule", "fn", "const", "use", "experiment"};

// Does `(5 x 3)` stand before the unexpected token?
static bool is_repeated_link(const Failure *failure) {
  if (failure->before->kind != TOKEN_CLOSE_PAREN || failure->at < failure->start + 5) return false;
  const Token *name = token_at(failure, failure->at - 3);
  return is_name(name->kind) && token_at(failure, failure->at - 5)->kind == TOKEN_OPEN_PAREN &&
         strcmp(token_text(failure->parser, name), "x") == 0;
}

// In an experiment: what stands beside a value without a comma, often a misspelled word of a clause.
static bool in_experiment(Failure *failure) {
  static const char *const clause_words[] = {"every", "on", "at", "from", "by", "genome"};
  if (failure->place != PLACE_EXPERIMENT || !failure->before || failure->at == failure->start) return false;
  if (expects(failure, TOKEN_TO) && is_repeated_link(failure)) { // where no network is
    Span link = parser_span(failure->parser, token_at(failure, failure->at - 5)->start, failure->before->end);
    Diagnostic *diagnostic = diagnostic_report(failure->parser->sink, DIAGNOSTIC_experiment_net, link,
                                               "layers that are alike stand between others");
    help(failure, diagnostic, "write `in -> (64 x 4) -> out`; a product is `64 * 4`");
    return true;
  }
  if (!begins_value(failure->token->kind) || !expects(failure, TOKEN_CLAUSE)) return false;
  Parser *parser = failure->parser;
  Diagnostic *diagnostic =
      diagnostic_report(parser->sink, DIAGNOSTIC_experiment_phrase, failure->span,
                        token_described(parser, failure->before), token_described(parser, failure->token));
  const char *near =
      near_name(token_text(parser, failure->token), clause_words, sizeof clause_words / sizeof *clause_words);
  if (token_at(failure, failure->at + 1)->kind == TOKEN_ASSIGN)
    diagnostic_fix(parser->sink, diagnostic, parser_span(parser, failure->before->end, failure->before->end), ",");
  else if (near) diagnostic_fix(parser->sink, diagnostic, failure->span, "%s", near);
  else
    help(failure, diagnostic, "entries are parted by commas, fields by new lines: `steps 100, eval every 5 on test`");
  return true;
}

// Has the line of the file that ends with this token been reported?
static bool item_told(const Failure *failure, size_t last) {
  const Parser *parser = failure->parser;
  uint32_t line = source_line(parser->source, token_at(failure, last)->start);
  for (size_t i = parser->first_report; i < parser->sink->items.count; i++)
    if (source_line(parser->source, parser->sink->items.items[i].span.start) == line) return true;
  return false;
}

// The first token of the indented lines that stand right above the unexpected token, line by line; it, if there is
// none.
static size_t first_of_run(const Failure *failure) {
  const SourceFile *source = failure->parser->source;
  size_t first = failure->at;
  for (size_t i = failure->at; i-- > 0;) {
    const Token *token = token_at(failure, i);
    uint32_t line = source_line(source, token->start), below = source_line(source, token_at(failure, first)->start);
    if (line + 1 < below) break;
    if (token->first_on_line && token->start == source->line_starts[line - 1]) break; // not indented
    if (token->first_on_line) first = i;
  }
  return first;
}

static bool outside_rule(Failure *failure) {
  int kind = failure->token->kind;
  bool in_rule_only = (kind >= TOKEN_NEURON && kind <= TOKEN_AT) || kind == TOKEN_STEP || kind == TOKEN_IF;
  if (failure->place != PLACE_FILE || failure->at != failure->start || !in_rule_only) return false;
  bool another = failure->parser->outside + 1 == failure->at; // one rule without its head has many declarations
  failure->parser->outside = parser_resume_after(failure->parser, failure->at);
  if (another && failure->at > 1) return true;
  if (failure->at >= 2 && item_told(failure, failure->at - 2)) return true; // `def r():` in the place of `rule r {`
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_outside_rule);
  help(failure, diagnostic, "put it between the braces of a rule: `rule NAME { ... }`");
  size_t first = first_of_run(failure);
  if (first < failure->at)
    diagnostic_note(failure->parser->sink, diagnostic, token_span(failure->parser, token_at(failure, first)),
                    "does the rule begin here?");
  return true;
}

static bool line_told(const Failure *failure, DiagnosticCode code) {
  const Parser *parser = failure->parser;
  uint32_t line = source_line(parser->source, failure->token->start);
  for (size_t i = parser->first_report; i < parser->sink->items.count; i++) {
    const Diagnostic *diagnostic = &parser->sink->items.items[i];
    if (diagnostic->code == code && source_line(parser->source, diagnostic->span.start) == line) return true;
  }
  return false;
}

static bool unknown_word(Failure *failure) {
  bool in_rule = failure->place == PLACE_RULE, in_file = failure->place == PLACE_FILE;
  if (failure->at != failure->start || !is_name(failure->token->kind) || (!in_rule && !in_file)) return false;
  Parser *parser = failure->parser;
  const Token *after = token_at(failure, failure->at + 1);
  const char *text = token_text(parser, failure->token);
  bool equation = after->kind == TOKEN_ARROW || after->kind == TOKEN_DOT || after->kind == TOKEN_OPEN_BRACKET;
  if (in_rule && equation) {
    Diagnostic *diagnostic = report(failure, DIAGNOSTIC_statement_outside_block);
    help(failure, diagnostic, "say when it happens: `forward post.h <- ...`, `update w <- ...`");
    return true;
  }
  if (in_file && ++parser->garbage > GARBAGE_LIMIT) {
    parser_give_up(parser, failure->span);
    return true;
  }
  if (line_told(failure, DIAGNOSTIC_unknown_word)) return true; // `neur;n h`: one word in two
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_unknown_word);
  const char *meant = in_rule ? habit_word(text, rule_words, sizeof rule_words / sizeof *rule_words)
                              : habit_word(text, file_words, sizeof file_words / sizeof *file_words);
  if (strcmp(text, "step") == 0) {
    help(failure, diagnostic, "the order of a step stands in braces: `step { input; forward; update }`");
  } else if (meant) {
    diagnostic_fix(parser->sink, diagnostic, failure->span, "%s", meant);
    diagnostic_help(parser->sink, diagnostic, "did you mean `%s`?", meant);
  } else if (in_rule && (after->kind == TOKEN_ASSIGN || after->kind == TOKEN_TILDE)) {
    help(failure, diagnostic, "say what it is: `const`, `fn`, `neuron`, `synapse` or `genome` stands before the name");
  } else if (in_rule) {
    help(failure, diagnostic,
         "a rule holds declarations (const, fn, neuron, synapse, genome, signal), blocks (input, forward, feedback, "
         "backward, update, pass, at), step, predict, and if");
  } else {
    help(failure, diagnostic, "a file holds `rule NAME { ... }`, `experiment NAME { ... }`, `fn`, `const` and `use`");
  }
  return true;
}

static bool let_outside_block(Failure *failure) {
  if (failure->token->kind != TOKEN_LET || failure->at != failure->start ||
      (failure->place != PLACE_RULE && failure->place != PLACE_FILE))
    return false;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_statement_outside_block);
  help(failure, diagnostic, "`let` stands in a block, as in `forward { let z = ... }`; a fixed number is `const`");
  return true;
}

static bool declaration_in_block(Failure *failure) {
  int kind = failure->token->kind;
  bool declares = (kind >= TOKEN_RULE && kind <= TOKEN_USE) || kind == TOKEN_STEP;
  bool inside = failure->place == PLACE_BLOCK || failure->place == PLACE_VALUE || failure->place == PLACE_VARIABLES;
  if (failure->place == PLACE_RULE && kind == TOKEN_RULE) inside = true;
  if (failure->at != failure->start || !declares || !inside) return false;
  Parser *parser = failure->parser;
  if (parser->blamed == failure->opener + 1) return true;
  parser->blamed = failure->opener + 1;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_declaration_in_block);
  if (failure->opener < parser->tokens.count)
    diagnostic_note(parser->sink, diagnostic, token_span(parser, token_at(failure, failure->opener)),
                    "is this brace closed where it should be?");
  return true;
}

static bool operator_begins_line(Failure *failure) {
  if (failure->at != failure->start && !(failure->before && failure->before->kind == TOKEN_SEPARATOR)) return false;
  if (!is_operator(failure->token->kind) || !failure->token->first_on_line) return false;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_line_begins_with_operator);
  help(failure, diagnostic, "end the line before with the operator, or put the whole expression in parentheses");
  return true;
}

static bool prime_without_call(Failure *failure) {
  if (!failure->before || failure->before->kind != TOKEN_PRIMED) return false;
  Parser *parser = failure->parser;
  const char *text = token_text(parser, failure->before);
  Diagnostic *diagnostic =
      diagnostic_report(parser->sink, DIAGNOSTIC_prime_without_call, token_span(parser, failure->before), text);
  diagnostic_help(parser->sink, diagnostic, "apply it: `%s(z)`", text);
  return true;
}

static bool comparison_chained(Failure *failure) {
  if (!is_comparison(failure->token->kind) || !failure->before || !ends_value(failure->before->kind)) return false;
  if (failure->at == failure->start || expects(failure, TOKEN_ARROW)) return false;
  bool chained = false;
  int depth = 0;
  for (size_t i = failure->at; i > failure->start && !chained; i--) {
    int kind = token_at(failure, i - 1)->kind;
    if (kind_is_closer(kind)) depth++;
    else if (kind_is_opener(kind) && depth-- == 0) break;
    if (depth == 0 && is_comparison(kind)) chained = true;
  }
  if (!chained) return false;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_comparison_chained);
  help(failure, diagnostic, "join two comparisons with `and`: `a < b and b < c`");
  return true;
}

static bool then_in_statement(Failure *failure) {
  if (failure->token->kind != TOKEN_THEN || expects(failure, TOKEN_THEN) || !expects(failure, TOKEN_OPEN_BRACE))
    return false;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_then_in_statement);
  help(failure, diagnostic,
       "choose the value, `w <- if c then p else q`, or put the choices in braces: `if c { ... } else { ... }`");
  return true;
}

static bool missing_then(Failure *failure) {
  if (!expects(failure, TOKEN_THEN)) return false;
  Parser *parser = failure->parser;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_missing_then);
  if (failure->token->kind == TOKEN_OPEN_BRACE)
    help(failure, diagnostic, "a value is chosen without braces: `if c then p else q`");
  else if (failure->token->kind == TOKEN_COLON || ends_line(failure->token->kind))
    help(failure, diagnostic, "write `if c then p else q`");
  else
    diagnostic_fix(parser->sink, diagnostic, parser_span(parser, failure->token->start, failure->token->start),
                   "then ");
  return true;
}

static bool missing_else(Failure *failure) {
  if (!expects(failure, TOKEN_ELSE) || expects(failure, TOKEN_ARROW) == false) return false;
  bool stands_alone = failure->before && failure->before->kind == TOKEN_CLOSE_BRACE;
  if (stands_alone && failure->place != PLACE_VALUE) return false;
  if (!ends_line(failure->token->kind) && !kind_is_closer(failure->token->kind) && failure->token->kind != TOKEN_COMMA)
    return false;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_missing_else);
  help(failure, diagnostic, "both values are named: `if c then p else q`; where nothing should happen, `else 0`");
  return true;
}

static bool reserved_name(Failure *failure) {
  bool wants_name = expects(failure, TOKEN_NAME);
  if (!wants_name || !kind_is_reserved(failure->token->kind) || failure->at == failure->start) return false;
  if (failure->token->first_on_line && failure->expects_value) return false;
  Parser *parser = failure->parser;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_reserved_name);
  const char *text = token_text(parser, failure->token);
  diagnostic_help(parser->sink, diagnostic, "choose another name, such as `%s_value`", text);
  return true;
}

// Does the unexpected token stand second after this word?
static bool follows(const Failure *failure, int word) {
  return failure->at >= 2 && token_at(failure, failure->at - 2)->kind == word;
}

static bool missing_name(Failure *failure) {
  if (!expects(failure, TOKEN_NAME) || failure->expects_value || !failure->before) return false;
  if (failure->place == PLACE_STEPS || failure->at == failure->start) return false;
  if (is_block_word(failure->before->kind) && failure->before->kind != TOKEN_PASS && failure->before->kind != TOKEN_AT)
    return false;
  Parser *parser = failure->parser;
  Diagnostic *diagnostic =
      diagnostic_report(parser->sink, DIAGNOSTIC_missing_name, place_of_missing(failure),
                        token_described(parser, failure->before), token_described(parser, failure->token));
  int kind = failure->before->kind;
  if (failure->token->kind == TOKEN_NUMBER) help(failure, diagnostic, "a name begins with a letter or `_`");
  else if (kind == TOKEN_RULE) help(failure, diagnostic, "write `rule NAME { ... }`");
  else if (kind == TOKEN_PASS) help(failure, diagnostic, "write `pass NAME up { ... }` or `pass NAME down { ... }`");
  else if (kind == TOKEN_AT || follows(failure, TOKEN_AT))
    help(failure, diagnostic, "a block of one layer has a place and a name: `at output NAME { ... }`");
  else if (follows(failure, TOKEN_PASS))
    diagnostic_help(parser->sink, diagnostic, "a pass goes up or down: `pass %s up { ... }`",
                    token_text(parser, failure->before));
  return true;
}

static bool missing_axes(Failure *failure) {
  if (failure->opener >= failure->parser->tokens.count || token_at(failure, failure->opener)->kind != TOKEN_OPEN_AXES)
    return false;
  for (size_t i = failure->opener; i < failure->at; i++)
    if (token_at(failure, i)->kind == TOKEN_COLON) return false;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_axes_are_names);
  help(failure, diagnostic, "names of axes and indices, parted by commas, stand before the colon: `sum(pre, d: w[d])`");
  return true;
}

static bool missing_body(Failure *failure) {
  if (!failure->before || !is_block_word(token_at(failure, failure->start)->kind)) return false;
  const Token *word = token_at(failure, failure->start);
  size_t head = word->kind == TOKEN_PASS || word->kind == TOKEN_AT ? 3 : 1;
  if (failure->at != failure->start + head || failure->place != PLACE_RULE) return false;
  Parser *parser = failure->parser;
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_missing_body, failure->span,
                                             text_between(failure, failure->start, failure->start + head),
                                             token_described(parser, failure->token));
  help(failure, diagnostic, "one equation follows, or several in braces: `update { w <- ...; v <- ... }`");
  return true;
}

static bool missing_prediction(Failure *failure) {
  if (!failure->before || !failure->expects_value) return false;
  const Token *word = token_at(failure, failure->start);
  if (word->kind != TOKEN_PREDICT) return false;
  if (failure->before->kind != TOKEN_PREDICT && failure->before->kind != TOKEN_CLOSE_BRACE) return false;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_missing_prediction);
  help(failure, diagnostic, "name the value that is the prediction: `predict h`, `predict { input; forward } h`");
  return true;
}

static bool missing_value(Failure *failure) {
  if (!failure->expects_value || !failure->before) return false;
  int kind = failure->token->kind;
  bool closes = ends_line(kind) || kind_is_closer(kind) || kind == TOKEN_COMMA || is_operator(kind) ||
                kind == TOKEN_THEN || kind == TOKEN_ELSE || kind == TOKEN_ASSIGN || kind == TOKEN_ARROW ||
                kind == TOKEN_RANGE || kind == TOKEN_TILDE || (kind_is_reserved(kind) && failure->token->first_on_line);
  if (!closes) return false;
  Parser *parser = failure->parser;
  Diagnostic *diagnostic =
      diagnostic_report(parser->sink, DIAGNOSTIC_missing_value, place_of_missing(failure),
                        token_described(parser, failure->before), token_described(parser, failure->token));
  if (kind == TOKEN_RANGE) help(failure, diagnostic, "a range begins with its first index: `a[0..2]`, `a[2..]`");
  else if (kind == TOKEN_PLUS) help(failure, diagnostic, "a number has no plus sign before it");
  return true;
}

// `repeat { relax }`: the braces have been read as the count.
static bool repeat_without_count(Failure *failure) {
  const Token *word = token_at(failure, failure->start), *brace = token_at(failure, failure->start + 1);
  if (word->kind != TOKEN_REPEAT || !text_begins(failure->parser, brace, '{')) return false;
  Parser *parser = failure->parser;
  Span place = parser_span(parser, word->start, brace->start + 1);
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_missing_value, place, "`repeat`", "`{`");
  help(failure, diagnostic, "say how often: `repeat 20 { ... }`, `repeat i in 20 { ... }`");
  return true;
}

// `rule = std.adam`: fields of an experiment have no sign behind their word.
static bool field_with_sign(Failure *failure) {
  if (failure->place != PLACE_EXPERIMENT || failure->token->kind != TOKEN_ASSIGN || !failure->before) return false;
  if (failure->at != failure->start + 1 || expects(failure, TOKEN_ASSIGN)) return false;
  Parser *parser = failure->parser;
  const char *word = token_text(parser, failure->before);
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_equals_in_expression);
  diagnostic_help(parser->sink, diagnostic, "what a field is follows its word: `%s ...`", word);
  diagnostic_fix(parser->sink, diagnostic, failure->span, "%s", "");
  return true;
}

// `==` where a definition has `=`.
static bool definition_compares(Failure *failure) {
  if (failure->token->kind != TOKEN_EQUAL || !expects(failure, TOKEN_ASSIGN)) return false;
  bool assigns = expects(failure, TOKEN_ARROW) && failure->place == PLACE_BLOCK;
  Parser *parser = failure->parser;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_definition_compares);
  diagnostic_fix(parser->sink, diagnostic, failure->span, "%s", assigns ? "<-" : "=");
  return true;
}

static bool missing_assignment(Failure *failure) {
  if (!expects(failure, TOKEN_ARROW) || !expects(failure, TOKEN_ASSIGN) || failure->place == PLACE_VARIABLES)
    return false;
  const Token *first = token_at(failure, failure->start);
  if (first->kind >= TOKEN_NEURON && first->kind <= TOKEN_SIGNAL) return false;
  Parser *parser = failure->parser;
  size_t target = failure->start;
  if (is_block_word(first->kind)) target += first->kind == TOKEN_PASS || first->kind == TOKEN_AT ? 3 : 1;
  bool defines = first->kind == TOKEN_LET || first->kind == TOKEN_CONST || first->kind == TOKEN_FN ||
                 token_at(failure, target)->kind == TOKEN_LET;
  if (defines) {
    const char *text = text_between(
        failure, token_at(failure, target)->kind == TOKEN_LET ? target + 1 : failure->start + 1, failure->at);
    Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_missing_definition, failure->span, text,
                                               token_described(parser, failure->token));
    if (first->kind == TOKEN_FN) help(failure, diagnostic, "write `fn name(x) = ...` or `fn name = tanh`");
    return true;
  }
  if (failure->token->kind == TOKEN_OPEN_PAREN || failure->token->kind == TOKEN_OPEN_AXES) {
    Diagnostic *diagnostic = report(failure, DIAGNOSTIC_target_not_variable);
    help(failure, diagnostic, "the left side is a variable: `post.h <- ...`, `w[c] <- ...`");
    return true;
  }
  diagnostic_report(parser->sink, DIAGNOSTIC_missing_assignment, failure->span,
                    text_between(failure, target, failure->at), token_described(parser, failure->token));
  return true;
}

static bool target_is_value(Failure *failure) {
  bool begins = failure->place == PLACE_BLOCK && failure->at == failure->start && begins_value(failure->token->kind);
  if (failure->token->kind != TOKEN_ARROW && !begins) return false;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_target_not_variable);
  help(failure, diagnostic, "the left side is a variable: `post.h <- ...`, `w[c] <- ...`");
  return true;
}

static bool equals_in_expression(Failure *failure) {
  if (failure->token->kind != TOKEN_ASSIGN || !failure->before || !ends_value(failure->before->kind)) return false;
  bool names_axis = habit_is_axis_argument(token_text(failure->parser, failure->before));
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_equals_in_expression);
  help(failure, diagnostic,
       names_axis ? "axes have names and stand before a colon: `mean(batch: ...)`, `sum(pre: ...)`"
                  : "two values are compared by `==`; definitions stand on lines of their own");
  return true;
}

// In a line of declarations: a value without `=`, an attribute misspelled, names without a comma.
static bool missing_in_declaration(Failure *failure) {
  static const char *const attributes[] = {"bias", "like", "per", "persistent", "in", "log", "frozen"};
  const Token *first = token_at(failure, failure->start);
  bool declares = failure->place == PLACE_VARIABLES || (first->kind >= TOKEN_NEURON && first->kind <= TOKEN_SIGNAL);
  if (!declares || !failure->before || failure->at <= failure->start + 1 || failure->token->first_on_line) return false;
  if (!begins_value(failure->token->kind) || failure->expects_value) return false;
  Parser *parser = failure->parser;
  Span between = parser_span(parser, failure->before->end, failure->before->end);
  if (!is_name(failure->token->kind)) {
    if (!expects(failure, TOKEN_ASSIGN) || failure->token->kind != TOKEN_NUMBER) return false;
    Diagnostic *diagnostic =
        diagnostic_report(parser->sink, DIAGNOSTIC_missing_definition, failure->span,
                          token_text(parser, failure->before), token_described(parser, failure->token));
    diagnostic_fix(parser->sink, diagnostic, between, " =");
    return true;
  }
  if (failure->token->kind != TOKEN_NAME || !expects(failure, TOKEN_COMMA)) return false;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_missing_separator);
  const char *near = habit_word(token_text(parser, failure->token), attributes, sizeof attributes / sizeof *attributes);
  if (near) {
    diagnostic_help(parser->sink, diagnostic, "did you mean `%s`?", near);
    diagnostic_fix(parser->sink, diagnostic, failure->span, "%s", near);
  } else {
    diagnostic_help(parser->sink, diagnostic, "names are parted by commas, declarations by new lines or `;`");
    diagnostic_fix(parser->sink, diagnostic, between, ",");
  }
  return true;
}

// `mean(batch pre.h)`: is the name before the unexpected token an axis behind the parenthesis of a call?
static bool stands_for_axes(const Failure *failure) {
  static const char *const axes[] = {"batch", "pre", "post", "unit", "output", "pre2", "post2"};
  size_t opener = failure->opener;
  if (opener == 0 || opener + 2 > failure->at || token_at(failure, opener)->kind != TOKEN_OPEN_PAREN ||
      !is_name(token_at(failure, opener - 1)->kind) || failure->before->kind != TOKEN_NAME)
    return false;
  const char *text = token_text(failure->parser, failure->before);
  for (size_t i = 0; i < sizeof axes / sizeof *axes; i++)
    if (strcmp(text, axes[i]) == 0) return true;
  return false;
}

// `p if c else q`, `(a * b).mean(0)`: a choice, and a call, as Python writes them.
static bool python_form(Failure *failure) {
  if (!failure->before || failure->at == failure->start || !ends_value(failure->before->kind)) return false;
  int kind = failure->token->kind;
  bool choice = kind == TOKEN_IF && !failure->token->first_on_line, call = kind == TOKEN_DOT;
  if (!choice && !call) return false;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_syntax_unexpected);
  if (choice) {
    help(failure, diagnostic, "the condition comes first: `if c then p else q`");
  } else {
    const Token *name = token_at(failure, failure->at + 1);
    const char *text = is_name(name->kind) ? token_text(failure->parser, name) : "sum";
    const char *own = habit_function(text);
    if (!own) own = habit_name(text);
    diagnostic_help(failure->parser->sink, diagnostic,
                    own ? "%s" : "a function stands before its values: `%s(batch: ...)`", own ? own : text);
  }
  return true;
}

static bool missing_separator(Failure *failure) {
  if (!failure->before || failure->at == failure->start) return false;
  int kind = failure->token->kind;
  bool word = kind_is_reserved(kind) && kind != TOKEN_THEN && kind != TOKEN_ELSE;
  bool side_by_side = begins_value(kind) && (ends_value(failure->before->kind) || expects(failure, TOKEN_SEPARATOR));
  if (!word && !side_by_side && failure->before->kind != TOKEN_CLOSE_BRACE) return false;
  if (!expects(failure, TOKEN_SEPARATOR) && !expects(failure, TOKEN_COMMA)) return false;
  if (!word && expects(failure, TOKEN_PLUS)) { // two values side by side
    Parser *parser = failure->parser;
    Diagnostic *diagnostic =
        diagnostic_report(parser->sink, DIAGNOSTIC_missing_operator, failure->span,
                          token_described(parser, failure->before), token_described(parser, failure->token));
    help(failure, diagnostic,
         stands_for_axes(failure) ? "a colon parts the axes from the values: `sum(pre: ...)`"
         : expects(failure, TOKEN_COMMA) && !expects(failure, TOKEN_SEPARATOR)
             ? "a product needs its sign `*`; values are parted by `,`"
             : "a product needs its sign `*`; two equations are parted by a new line or `;`");
    return true;
  }
  if (!expects(failure, TOKEN_SEPARATOR)) return false;
  Parser *parser = failure->parser;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_missing_separator);
  Span place = parser_span(parser, failure->before->end, failure->before->end);
  diagnostic_fix(parser->sink, diagnostic, place, ";");
  return true;
}

static bool use_form(Failure *failure) {
  if (token_at(failure, failure->start)->kind != TOKEN_USE) return false;
  Diagnostic *diagnostic = diagnostic_report(failure->parser->sink, DIAGNOSTIC_use_form, place_of_missing(failure),
                                             token_described(failure->parser, failure->token));
  help(failure, diagnostic, "name the module and what is used of it: `use std.norm`");
  return true;
}

static const char *friendly(int kind) {
  switch (kind) {
  case TOKEN_SEPARATOR: return "a new line";
  case TOKEN_END: return "the end of the file";
  case TOKEN_NAME: return "a name";
  case TOKEN_NUMBER: return "a value";
  case TOKEN_COMMA: return "`,`";
  case TOKEN_ASSIGN: return "`=`";
  case TOKEN_COLON: return "`:`";
  case TOKEN_OPEN_BRACE: return "`{`";
  case TOKEN_CLOSE_BRACE: return "`}`";
  case TOKEN_CLOSE_PAREN: return "`)`";
  case TOKEN_CLOSE_BRACKET: return "`]`";
  case TOKEN_OPEN_PAREN: return "`(`";
  case TOKEN_THEN: return "`then`";
  case TOKEN_ELSE: return "`else`";
  case TOKEN_IN: return "`in`";
  case TOKEN_PLUS: return "an operator";
  default: return NULL;
  }
}

static bool anything(Failure *failure) {
  Parser *parser = failure->parser;
  Diagnostic *diagnostic = report(failure, DIAGNOSTIC_syntax_unexpected);
  Text list = {0};
  size_t count = 0;
  bool value = failure->expects_value;
  for (size_t i = 0; i < failure->expected.count; i++) {
    int kind = failure->expected.kinds[i];
    const char *name = friendly(kind);
    bool part_of_value = value && (kind == TOKEN_NAME || kind == TOKEN_OPEN_PAREN || kind == TOKEN_OPEN_BRACE);
    bool any_name = kind == TOKEN_IN && expects(failure, TOKEN_NAME);
    if (!name || part_of_value || any_name) continue;
    text_add(&list, "%s%s", count ? ", " : "", name);
    count++;
  }
  if (count > 0 && count <= 5) diagnostic_label(parser->sink, diagnostic, "expected %s", text_get(&list));
  text_free(&list);
  return true;
}

typedef bool (*Complaint)(Failure *failure);
static const Complaint complaints[] = {
    repeat_without_count,
    field_with_sign,
    in_experiment,
    outside_rule,
    unknown_word,
    let_outside_block,
    declaration_in_block,
    operator_begins_line,
    prime_without_call,
    comparison_chained,
    use_form,
    missing_axes,
    then_in_statement,
    missing_then,
    missing_else,
    missing_prediction,
    missing_body,
    definition_compares,
    missing_assignment,
    reserved_name,
    missing_value,
    missing_name,
    equals_in_expression,
    target_is_value,
    missing_in_declaration,
    python_form,
    missing_separator,
    anything,
};

void parser_complain(Parser *parser, size_t at, ExpectedKinds expected) {
  enum { ENOUGH = 100, TOO_MANY = 400 }; // a list that nobody reads to its end; errors, consequences among them
  if (parser->gave_up) return;
  if (parser->error_limit && parser->sink->errors >= parser->error_limit) parser->gave_up = true;
  if (parser->sink->errors >= ENOUGH || ++parser->failures > TOO_MANY) {
    parser->gave_up = true;
    return;
  }
  Failure failure = {.parser = parser, .expected = expected, .at = at};
  failure.token = token_at(&failure, at);
  failure.before = at > 0 ? token_at(&failure, at - 1) : NULL;
  failure.expects_value = expects(&failure, TOKEN_NUMBER);
  failure.span = token_span(parser, failure.token);
  locate(&failure);
  if (is_consequence(&failure)) return;
  for (size_t i = 0; !complaints[i](&failure); i++) continue;
}

size_t parser_resume_after(const Parser *parser, size_t at) {
  size_t depth = 0;
  for (size_t i = at; i < parser->tokens.count; i++) {
    int kind = parser->tokens.items[i].kind;
    if (depth == 0 && ends_line(kind)) return i;
    if (kind_is_opener(kind)) depth++;
    if (kind_is_closer(kind) && depth > 0) depth--;
  }
  return parser->tokens.count - 1;
}
