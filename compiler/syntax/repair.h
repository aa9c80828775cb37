// Single changes of a text's tokens that explain several errors of syntax at once.
#ifndef BLUR_SYNTAX_REPAIR_H
#define BLUR_SYNTAX_REPAIR_H

#include "compiler/syntax/parser_state.h"

// At token `at`: `removed` tokens go, `inserted` come before it.
typedef struct {
  size_t at, removed;
  int inserted[3]; // TOKEN_... kinds
  size_t inserted_count;
  size_t borrowed; // an inserted name reads as this token does
  bool swaps;      // the token changes places with the next
  bool rescans;    // the token is a text: what stands behind its quotation mark is read as tokens
  bool is_line;    // a whole line goes, or its beginning comes
} Repair;

// The first change with which the text has no error, or the one with the fewest, at least two fewer than `errors`.
// `budget`: tokens that trials may still read; REPAIR_BUDGET for all repairs of a text: less than a tenth of a second,
// and still less under a fuzzer, whose texts nearly all have errors.
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { REPAIR_BUDGET = 8000 };
#else
enum { REPAIR_BUDGET = 400000 };
#endif
bool repair_find(const Parser *failed, const TokenList *raw, size_t errors, size_t *budget, Repair *repair);
void repair_make(const Parser *failed, const TokenList *raw, const Repair *repair, TokenList *out);

// The error that a repair of brackets or lines amounts to. False: it is better told by what the parser said.
bool repair_tell(const Parser *parser, const TokenList *raw, const Repair *repair, Diagnostic *told);

// parse.c: the errors of these tokens, into the sink; counting ends at `limit`. `unread`: as in Parser.
size_t parse_tokens_on_trial(const Parser *failed, const TokenList *raw, DiagnosticSink *sink, size_t limit,
                             size_t *unread);

#endif
