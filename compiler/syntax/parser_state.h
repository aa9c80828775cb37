// What the scanner, the layout, the grammar's actions and the error messages share while one text is parsed.
// The way: scan_tokens (grammar/blur.re) -> balance_brackets -> lay_out -> blur_parse (grammar/blur.y).
#ifndef BLUR_SYNTAX_PARSER_STATE_H
#define BLUR_SYNTAX_PARSER_STATE_H

#include "compiler/syntax/syntax.h"

enum {
  NESTING_LIMIT = 200,           // brackets inside brackets
  EXPRESSION_DEPTH_LIMIT = 1000, // levels of an expression: bounds the recursion of every later stage
  WORD_LIMIT = 500000,           // tokens of a file
  GARBAGE_LIMIT = 20             // characters, or lines, that are no .blur before the file is given up
};

typedef struct {
  int kind;            // TOKEN_... of the grammar
  uint32_t start, end; // bytes; empty for a bracket that the user forgot
  int primes;          // after a name
  bool first_on_line;
  bool inserted; // not in the text
  bool borrows;  // inserted with the text of another: it stands at `place`
  uint32_t place;
} Token;

// Own memory (malloc), so that a growing array leaves nothing behind in the arena.
typedef struct {
  Token *items;
  size_t count, capacity;
} TokenList;

typedef struct {
  Arena *arena;
  const SourceFile *source;
  DiagnosticSink *sink;
  TokenList tokens; // what the grammar sees
  size_t next;      // index of the token that comes next
  bool started;     // the token that selects the start symbol is out
  int start_kind;   // TOKEN_START_FILE, TOKEN_START_EXPRESSION or TOKEN_START_FIELD
  bool recovering;  // an error was met: the next token is RECOVERED, at `resume`
  size_t resume;
  size_t last_failure; // `next` at the last error
  size_t failures;
  size_t unread;      // tokens that the grammar could not take, and those left out behind them
  size_t error_limit; // of a trial: what comes after so many errors is not read; 0: none
  bool stuck;
  bool gave_up;           // the text is no .blur: nothing more is reported
  size_t garbage;         // characters or lines that count towards GARBAGE_LIMIT
  size_t first_report;    // number of diagnostics in the sink when this text began
  size_t scanned_reports; // number of diagnostics in the sink when it was scanned
  size_t first_errors, first_warnings;
  size_t blamed;   // 1 + index of a brace in which a declaration stood: the next one there is a consequence
  size_t outside;  // where the last declaration outside of a rule ended
  bool too_long;   // an expression too deep was reported
  Span range_seen; // a range `2..` that no target has taken yet
  AstFile *file;
  AstDeclaration *last_declaration; // of the file's lists
  AstRule *last_rule;
  AstExperiment *last_experiment;
  AstExpression *expression;
  AstField *field;
} Parser;

void token_push(TokenList *list, Token token);
Span token_span(const Parser *parser, const Token *token);
Span parser_span(const Parser *parser, uint32_t start, uint32_t end);
const char *token_text(const Parser *parser, const Token *token);

// Scans all of the source. Comments are gone; newlines and `;` are tokens of their own; an END closes the list.
void scan_tokens(Parser *parser, TokenList *out);
// Scans what stands between two places, as far as tokens begin before `end`. Reports nothing.
void scan_part(const Parser *parser, uint32_t start, uint32_t end, TokenList *out);
// Closes what the user left open and drops what closes nothing, with a report for each. False: nesting too deep.
bool balance_brackets(Parser *parser, const TokenList *in, TokenList *out);
// Newlines and `;` become separators where they end something; words that depend on their place get their kind.
void lay_out_tokens(Parser *parser, const TokenList *in, TokenList *out);
// The whole way from text to parser->tokens, and its two halves, which parse.c repairs between. False: a report says
// why there is nothing to parse.
bool parser_prepare(Parser *parser);
bool parser_scan(Parser *parser, TokenList *raw);
bool parser_lay_out(Parser *parser, const TokenList *raw);

// Drops what was reported for this text and says instead that it is no .blur file.
void parser_give_up(Parser *parser, Span first);

// The message for the unexpected token at `at`, where `expected` holds one flag a token kind offset (see complain.c).
typedef struct {
  const int *kinds; // TOKEN_... kinds the grammar would take
  size_t count;
} ExpectedKinds;
void parser_complain(Parser *parser, size_t at, ExpectedKinds expected);
// Where parsing goes on after an error at `at`: the next separator or closing brace of the same braces.
size_t parser_resume_after(const Parser *parser, size_t at);

// Has a bracket on the line of this place been reported? Then what else seems wrong there is its consequence.
bool parser_bracket_blamed(const Parser *parser, uint32_t place);
// Has the scanner reported something on the line of this place?
bool parser_scanner_told(const Parser *parser, uint32_t place);

bool kind_is_opener(int kind);
bool kind_is_closer(int kind);
bool kind_is_reserved(int kind); // words that cannot be names
// "`w`", "`forward`", "the end of the line", "the end of the file"
const char *token_described(const Parser *parser, const Token *token);

#endif
