// The scanner of .blur: bytes to tokens, one call for a whole text. What a newcomer writes from another language (`**`,
// `&&`, `//`, `:=`) is reported here and understood as its counterpart, so that the parser does not stumble over it.
// Sentinel: the NUL beyond the text; a NUL within it is an error. After this stage: compiler/syntax/balance.c.
#include "compiler/source/ordered.h"
#include "compiler/syntax/habits.h"
#include "compiler/syntax/parser_state.h"
#include "parser.h"

#include <string.h>

typedef struct {
  Parser *parser;
  TokenList *out;
  const char *text, *cursor, *limit, *marker;
  bool first_on_line;
} Scanner;

// ---- reports

static Span here(const Scanner *scanner, const char *start) {
  return parser_span(scanner->parser, (uint32_t)(start - scanner->text), (uint32_t)(scanner->cursor - scanner->text));
}

static const char *copy_of(const Scanner *scanner, const char *start, const char *end) {
  size_t length = (size_t)(end - start);
  return arena_copy(scanner->parser->arena, start, length > 60 ? 60 : length);
}

// Does what begins here touch something that was told already? One slip (`.0.1`) makes one report.
static bool touches_report(const Scanner *scanner, const char *start) {
  const DiagnosticSink *sink = scanner->parser->sink;
  if (sink->items.count <= scanner->parser->first_report) return false;
  const Diagnostic *last = &sink->items.items[sink->items.count - 1];
  return last->span.file == scanner->parser->source && last->span.end == (uint32_t)(start - scanner->text);
}

static Diagnostic *report_foreign(Scanner *scanner, DiagnosticCode code, const char *start, const char *replacement) {
  Parser *parser = scanner->parser;
  if (touches_report(scanner, start)) return &parser->sink->scratch;
  const char *written = copy_of(scanner, start, scanner->cursor);
  Diagnostic *diagnostic = diagnostic_report(parser->sink, code, here(scanner, start), written);
  if (replacement) diagnostic_fix(parser->sink, diagnostic, here(scanner, start), "%s", replacement);
  return diagnostic;
}

// True once there is so much of it that the text is no .blur.
static bool count_garbage(Scanner *scanner, Span first) {
  if (++scanner->parser->garbage <= GARBAGE_LIMIT) return false;
  parser_give_up(scanner->parser, first);
  return true;
}

// ---- characters outside ASCII

typedef struct {
  int32_t point;
  int kind; // the token it stands for; 0: a space
  const char *replacement, *name;
} LookAlike;

static const LookAlike look_alikes[] = {
    {0x00A0, 0, " ", "a no-break space"},
    {0x2003, 0, " ", "a wide space"},
    {0x200B, 0, "", "a space of no width"},
    {0x3000, 0, " ", "a wide space"},
    {0x2212, TOKEN_MINUS, "-", "a minus sign of typography"},
    {0x2013, TOKEN_MINUS, "-", "a dash"},
    {0x2014, TOKEN_MINUS, "-", "a dash"},
    {0x00D7, TOKEN_TIMES, "*", "a multiplication sign"},
    {0x00B7, TOKEN_TIMES, "*", "a multiplication dot"},
    {0x22C5, TOKEN_TIMES, "*", "a multiplication dot"},
    {0x00F7, TOKEN_DIVIDE, "/", "a division sign"},
    {0x2264, TOKEN_LESS_EQUAL, "<=", "a sign of comparison"},
    {0x2265, TOKEN_GREATER_EQUAL, ">=", "a sign of comparison"},
    {0x2260, TOKEN_NOT_EQUAL, "!=", "a sign of comparison"},
    {0x2190, TOKEN_ARROW, "<-", "an arrow"},
    {0x223C, TOKEN_TILDE, "~", "a tilde of typography"},
    {0x2026, TOKEN_RANGE, "..", "an ellipsis"},
    {0x2032, 0, "'", "a prime of typography"},
    {0x2019, 0, "'", "a quotation mark of typography"},
};

typedef struct {
  int32_t point;
  const char *name;
} Letter;

static const Letter greek[] = {
    {0x3B1, "alpha"},  {0x3B2, "beta"}, {0x3B3, "gamma"},   {0x3B4, "delta"}, {0x3B5, "epsilon"}, {0x3B6, "zeta"},
    {0x3B7, "eta"},    {0x3B8, "theta"}, {0x3BA, "kappa"},  {0x3BB, "lambda"}, {0x3BC, "mu"},     {0xB5, "mu"},
    {0x3BD, "nu"},     {0x3BE, "xi"},   {0x3C0, "pi"},      {0x3C1, "rho"},   {0x3C3, "sigma"},   {0x3C4, "tau"},
    {0x3C6, "phi"},    {0x3C7, "chi"},  {0x3C8, "psi"},     {0x3C9, "omega"}, {0x394, "Delta"},   {0x3A3, "Sigma"},
};

static const LookAlike *look_alike_of(int32_t point) {
  for (size_t i = 0; i < sizeof look_alikes / sizeof *look_alikes; i++)
    if (look_alikes[i].point == point) return &look_alikes[i];
  return NULL;
}

static const char *greek_name(int32_t point) {
  for (size_t i = 0; i < sizeof greek / sizeof *greek; i++)
    if (greek[i].point == point) return greek[i].name;
  return NULL;
}

static bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// A word with letters outside ASCII, from `start`; the cursor stands at the first of them. It is taken as a name.
static bool scan_foreign_word(Scanner *scanner, const char *start) {
  Text spelled = {0};
  text_add_bytes(&spelled, start, (size_t)(scanner->cursor - start));
  bool all_known = true;
  while (scanner->cursor < scanner->limit) {
    if (is_name_byte(*scanner->cursor)) {
      text_add_bytes(&spelled, scanner->cursor++, 1);
      continue;
    }
    size_t taken;
    int32_t point = utf8_decode(scanner->cursor, (size_t)(scanner->limit - scanner->cursor), &taken);
    if (point < 0x80 || look_alike_of(point)) break;
    const char *name = greek_name(point);
    if (name) text_add(&spelled, "%s", name);
    else all_known = false;
    scanner->cursor += taken;
  }
  Diagnostic *diagnostic = report_foreign(scanner, DIAGNOSTIC_name_not_ascii, start, NULL);
  if (all_known)
    diagnostic_fix(scanner->parser->sink, diagnostic, here(scanner, start), "%s", text_get(&spelled));
  else diagnostic_help(scanner->parser->sink, diagnostic, "write the name with the letters a-z, A-Z, digits and `_`");
  text_free(&spelled);
  return !count_garbage(scanner, here(scanner, start));
}

// The cursor stands at a byte that no token begins with. Sets `kind` where it was understood (0: skip it).
// False: give up.
static bool scan_stray(Scanner *scanner, int *kind) {
  Parser *parser = scanner->parser;
  const char *start = scanner->cursor;
  *kind = 0;
  size_t taken;
  int32_t point = utf8_decode(start, (size_t)(scanner->limit - start), &taken);
  const LookAlike *alike = look_alike_of(point);
  if (alike) {
    scanner->cursor += taken;
    Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_look_alike_character, here(scanner, start),
                                               alike->name, alike->replacement);
    diagnostic_fix(parser->sink, diagnostic, here(scanner, start), "%s", alike->replacement);
    *kind = alike->kind;
    return !count_garbage(scanner, here(scanner, start));
  }
  if (point >= 0x80) {
    if (!scan_foreign_word(scanner, start)) return false;
    *kind = TOKEN_NAME;
    return true;
  }
  if (point < 0 || point == 0) { // a run of the same trouble is one report
    bool is_nul = point == 0;
    while (scanner->cursor < scanner->limit) {
      int32_t next = utf8_decode(scanner->cursor, (size_t)(scanner->limit - scanner->cursor), &taken);
      if (is_nul ? next != 0 : next >= 0) break;
      scanner->cursor += taken;
    }
    diagnostic_report(parser->sink, is_nul ? DIAGNOSTIC_text_nul : DIAGNOSTIC_text_not_utf8, here(scanner, start));
    return !count_garbage(scanner, here(scanner, start));
  }
  while (scanner->cursor < scanner->limit && *scanner->cursor == *start) scanner->cursor++;
  const char *shown = point < 0x20 || point == 0x7F ? arena_format(parser->arena, "\\x%02x", (unsigned)point)
                                                    : arena_copy(parser->arena, start, 1);
  if (!touches_report(scanner, start)) {
    Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_stray_character, here(scanner, start), shown);
    const char *own = habit_sign(shown);
    if (own) diagnostic_help(parser->sink, diagnostic, "%s", own);
  }
  return !count_garbage(scanner, here(scanner, start));
}

// ---- numbers, comments and texts of other languages

static void report_number(Scanner *scanner, const char *start) {
  Parser *parser = scanner->parser;
  const char *letter = start;
  while (letter < scanner->cursor && ((*letter >= '0' && *letter <= '9') || *letter == '.')) letter++;
  bool grouped = true;
  Text plain = {0};
  for (const char *c = start; c < scanner->cursor; c++) {
    if (*c != '_' && *c != '.' && (*c < '0' || *c > '9')) grouped = false;
    if (*c != '_') text_add_bytes(&plain, c, 1);
  }
  Diagnostic *diagnostic = report_foreign(scanner, DIAGNOSTIC_number_malformed, start, NULL);
  if (grouped) diagnostic_fix(parser->sink, diagnostic, here(scanner, start), "%s", text_get(&plain));
  else if ((*letter == 'e' || *letter == 'E') && letter + 1 == scanner->cursor)
    diagnostic_help(parser->sink, diagnostic, "an exponent needs digits: `%s3` or `%s-3`", copy_of(scanner, start, scanner->cursor),
                    copy_of(scanner, start, scanner->cursor));
  else if (*letter == 'x' && letter + 1 < scanner->cursor && strspn(letter + 1, "0123456789") >= (size_t)(scanner->cursor - letter - 1))
    diagnostic_help(parser->sink, diagnostic, "layers that are alike are written `(%s x %s)`, a product `%s * %s`",
                    copy_of(scanner, start, letter), copy_of(scanner, letter + 1, scanner->cursor),
                    copy_of(scanner, start, letter), copy_of(scanner, letter + 1, scanner->cursor));
  else
    diagnostic_help(parser->sink, diagnostic, "a product needs its sign: `%s * %s`; a name begins with a letter",
                    copy_of(scanner, start, letter), copy_of(scanner, letter, scanner->cursor));
  text_free(&plain);
}

static void skip_line(Scanner *scanner) {
  while (scanner->cursor < scanner->limit && *scanner->cursor != '\n') scanner->cursor++;
}

static void skip_block_comment(Scanner *scanner, const char *start) {
  const char *end = scanner->cursor;
  while (end < scanner->limit && !(end[0] == '*' && end[1] == '/')) end++;
  if (end == scanner->limit) {
    diagnostic_report(scanner->parser->sink, DIAGNOSTIC_comment_unterminated, here(scanner, start));
    skip_line(scanner);
    return;
  }
  report_foreign(scanner, DIAGNOSTIC_foreign_comment, start, NULL);
  scanner->cursor = end + 2;
}

static void emit(Scanner *scanner, int kind, const char *start, int primes) {
  if (kind == TOKEN_NEWLINE && scanner->first_on_line) return; // empty lines say nothing
  token_push(scanner->out, (Token){.kind = kind,
                                   .start = (uint32_t)(start - scanner->text),
                                   .end = (uint32_t)(scanner->cursor - scanner->text),
                                   .primes = primes,
                                   .first_on_line = scanner->first_on_line});
  scanner->first_on_line = kind == TOKEN_NEWLINE;
}

// ---- one token: false at the end, or when the text is given up

static bool scan_token(Scanner *scanner) {
  Parser *parser = scanner->parser;
  const char *start = scanner->cursor;
  int kind = 0, primes = 0;
  Diagnostic *diagnostic;
  /*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:define:YYCURSOR = "scanner->cursor";
    re2c:define:YYMARKER = "scanner->marker";
    re2c:yych:conversion = 1;
    re2c:yyfill:enable = 0;
    re2c:indent:string = "  ";

    digit = [0-9];
    letter = [A-Za-z_];
    word = letter (letter | digit)*;
    exponent = [eE] [+-]? digit+;

    [ \t\r\f]+  { return true; }
    "#" [^\n\x00]* { return true; }
    "\n"        { kind = TOKEN_NEWLINE; goto done; }
    ";"         { kind = TOKEN_SEMICOLON; goto done; }

    "rule"      { kind = TOKEN_RULE; goto word; }
    "const"     { kind = TOKEN_CONST; goto word; }
    "fn"        { kind = TOKEN_FN; goto word; }
    "neuron"    { kind = TOKEN_NEURON; goto word; }
    "synapse"   { kind = TOKEN_SYNAPSE; goto word; }
    "genome"    { kind = TOKEN_GENOME; goto word; }
    "signal"    { kind = TOKEN_SIGNAL; goto word; }
    "input"     { kind = TOKEN_INPUT; goto word; }
    "forward"   { kind = TOKEN_FORWARD; goto word; }
    "feedback"  { kind = TOKEN_FEEDBACK; goto word; }
    "backward"  { kind = TOKEN_BACKWARD; goto word; }
    "update"    { kind = TOKEN_UPDATE; goto word; }
    "predict"   { kind = TOKEN_PREDICT; goto word; }
    "pass"      { kind = TOKEN_PASS; goto word; }
    "at"        { kind = TOKEN_AT; goto word; }
    "repeat"    { kind = TOKEN_REPEAT; goto word; }
    "use"       { kind = TOKEN_USE; goto word; }
    "let"       { kind = TOKEN_LET; goto word; }
    "if"        { kind = TOKEN_IF; goto word; }
    "then"      { kind = TOKEN_THEN; goto word; }
    "else"      { kind = TOKEN_ELSE; goto word; }
    "and"       { kind = TOKEN_AND; goto word; }
    "or"        { kind = TOKEN_OR; goto word; }
    "not"       { kind = TOKEN_NOT; goto word; }
    "bias"      { kind = TOKEN_BIAS; goto word; }
    "persistent" { kind = TOKEN_PERSISTENT; goto word; }
    "like"      { kind = TOKEN_LIKE; goto word; }
    "per"       { kind = TOKEN_PER; goto word; }
    "in"        { kind = TOKEN_IN; goto word; }
    "log"       { kind = TOKEN_LOG; goto word; }
    "frozen"    { kind = TOKEN_FROZEN; goto word; }
    "derivative" { kind = TOKEN_DERIVATIVE; goto word; }
    word        { kind = TOKEN_NAME; goto word; }
    word "'"+   {
      kind = TOKEN_PRIMED;
      for (const char *c = scanner->cursor - 1; *c == '\''; c--) primes++;
      goto done;
    }

    digit+ ("." digit+)? exponent? { kind = TOKEN_NUMBER; goto done; }
    digit+ ".." { scanner->cursor -= 2; kind = TOKEN_NUMBER; goto done; }
    digit+ "." exponent? {
      const char *point = memchr(start, '.', (size_t)(scanner->cursor - start));
      report_foreign(scanner, DIAGNOSTIC_number_without_fraction, start,
                     arena_format(parser->arena, "%s.0%s", copy_of(scanner, start, point), copy_of(scanner, point + 1, scanner->cursor)));
      kind = TOKEN_NUMBER;
      goto done;
    }
    "." digit+ exponent? {
      report_foreign(scanner, DIAGNOSTIC_number_without_whole, start,
                     arena_format(parser->arena, "0%s", copy_of(scanner, start, scanner->cursor)));
      kind = TOKEN_NUMBER;
      goto done;
    }
    digit+ ("." digit+)? exponent? word {
      report_number(scanner, start);
      kind = TOKEN_NUMBER;
      goto done;
    }

    "\"" [^"\n\x00]* "\"" { kind = TOKEN_STRING; goto done; }
    "\"" [^"\n\x00]* {
      diagnostic_report(parser->sink, DIAGNOSTIC_string_unterminated, here(scanner, start));
      kind = TOKEN_STRING;
      goto done;
    }

    "<-" { kind = TOKEN_ARROW; goto done; }
    "->" { kind = TOKEN_TO; goto done; }
    "="  { kind = TOKEN_ASSIGN; goto done; }
    "~"  { kind = TOKEN_TILDE; goto done; }
    ","  { kind = TOKEN_COMMA; goto done; }
    "."  { kind = TOKEN_DOT; goto done; }
    ".." { kind = TOKEN_RANGE; goto done; }
    ":"  { kind = TOKEN_COLON; goto done; }
    "+"  { kind = TOKEN_PLUS; goto done; }
    "-"  { kind = TOKEN_MINUS; goto done; }
    "*"  { kind = TOKEN_TIMES; goto done; }
    "/"  { kind = TOKEN_DIVIDE; goto done; }
    "<"  { kind = TOKEN_LESS; goto done; }
    "<=" { kind = TOKEN_LESS_EQUAL; goto done; }
    ">"  { kind = TOKEN_GREATER; goto done; }
    ">=" { kind = TOKEN_GREATER_EQUAL; goto done; }
    "==" { kind = TOKEN_EQUAL; goto done; }
    "!=" { kind = TOKEN_NOT_EQUAL; goto done; }
    "("  { kind = TOKEN_OPEN_PAREN; goto done; }
    ")"  { kind = TOKEN_CLOSE_PAREN; goto done; }
    "["  { kind = TOKEN_OPEN_BRACKET; goto done; }
    "]"  { kind = TOKEN_CLOSE_BRACKET; goto done; }
    "{"  { kind = TOKEN_OPEN_BRACE; goto done; }
    "}"  { kind = TOKEN_CLOSE_BRACE; goto done; }

    // Of other languages.
    "**" | "^" { kind = TOKEN_POWER; goto done; }
    "&&" | "&" { report_foreign(scanner, DIAGNOSTIC_foreign_logic, start, "and"); kind = TOKEN_AND; goto done; }
    "||" | "|" { report_foreign(scanner, DIAGNOSTIC_foreign_logic, start, "or"); kind = TOKEN_OR; goto done; }
    "!"        { report_foreign(scanner, DIAGNOSTIC_foreign_logic, start, "not "); kind = TOKEN_NOT; goto done; }
    "<>"       { report_foreign(scanner, DIAGNOSTIC_foreign_comparison, start, "!="); kind = TOKEN_NOT_EQUAL; goto done; }
    "==="      { report_foreign(scanner, DIAGNOSTIC_foreign_comparison, start, "=="); kind = TOKEN_EQUAL; goto done; }
    "=<"       { report_foreign(scanner, DIAGNOSTIC_foreign_comparison, start, "<="); kind = TOKEN_LESS_EQUAL; goto done; }
    "=>"       { report_foreign(scanner, DIAGNOSTIC_foreign_comparison, start, ">="); kind = TOKEN_GREATER_EQUAL; goto done; }
    ":="       { report_foreign(scanner, DIAGNOSTIC_foreign_arrow, start, "<-"); kind = TOKEN_ARROW; goto done; }
    "+=" | "-=" | "*=" | "/=" {
      diagnostic = report_foreign(scanner, DIAGNOSTIC_compound_assignment, start, NULL);
      diagnostic_help(parser->sink, diagnostic, "write the target again: `w <- w %c ...`", *start);
      kind = TOKEN_ARROW;
      goto done;
    }
    "//" {
      report_foreign(scanner, DIAGNOSTIC_foreign_comment, start, "#");
      skip_line(scanner);
      return true;
    }
    "/*"       { skip_block_comment(scanner, start); return true; }

    "\x00" {
      scanner->cursor--;
      if (scanner->cursor >= scanner->limit) return false;
      goto stray;
    }
    * { scanner->cursor--; goto stray; }
  */
stray:
  if (!scan_stray(scanner, &kind)) return false;
  if (kind) emit(scanner, kind, start, 0);
  return true;
word:
  if ((unsigned char)*scanner->cursor >= 0x80) {
    size_t taken;
    int32_t point = utf8_decode(scanner->cursor, (size_t)(scanner->limit - scanner->cursor), &taken);
    if (point >= 0x80 && !look_alike_of(point)) {
      if (!scan_foreign_word(scanner, start)) return false;
      kind = TOKEN_NAME;
    }
  }
done:
  emit(scanner, kind, start, primes);
  return true;
}

void scan_part(const Parser *parser, uint32_t start, uint32_t end, TokenList *out) {
  DiagnosticSink sink = {.arena = parser->arena};
  Parser quiet = {.arena = parser->arena, .source = parser->source, .sink = &sink};
  const char *text = parser->source->text;
  Scanner scanner = {.parser = &quiet, .out = out, .text = text, .cursor = text + start};
  scanner.limit = text + parser->source->length;
  while (scanner.cursor < text + end && scan_token(&scanner)) continue;
}

void scan_tokens(Parser *parser, TokenList *out) {
  const SourceFile *source = parser->source;
  Scanner scanner = {.parser = parser, .out = out, .text = source->text, .first_on_line = true};
  scanner.cursor = source->text;
  scanner.limit = source->text + source->length;
  if (source->length >= 3 && memcmp(source->text, "\xEF\xBB\xBF", 3) == 0) scanner.cursor += 3;
  while (scan_token(&scanner)) {
    if (out->count <= WORD_LIMIT) continue;
    const Token *last = &out->items[out->count - 1];
    diagnostic_report(parser->sink, DIAGNOSTIC_text_too_many_words, token_span(parser, last), (int)WORD_LIMIT);
    parser->gave_up = true;
    break;
  }
  scanner.cursor = scanner.limit;
  emit(&scanner, TOKEN_END, scanner.limit, 0);
}
