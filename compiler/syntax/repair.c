// One slip of the hand, one error. Where a text has several errors of syntax, the smallest change of its tokens is
// looked for with which it parses, or has at least two errors less: a bracket or word too many, missing, exchanged or
// misplaced, a line too many, a line's beginning missing. What the change mends is then reported as one error, and the
// tree is that of the mended text. After Burke and Fisher, A practical method for LR and LL syntactic error diagnosis
// and recovery (1987), whose trial parse has here the whole file as its horizon. Before: parse.c, which calls this
// after a parse with errors.
#include "compiler/syntax/repair.h"
#include "parser.h"

#include <stdlib.h>
#include <string.h>

enum {
  MOST_ERRORS = 24,  // a text with more is broken in many places
  NEAR = 1,          // lines around an error in which single tokens are changed
  NEAR_TOKENS = 400, // of them, at most
  RANKED_TOKENS = 40 // single tokens that are changed into others
};

typedef struct {
  const Parser *failed;
  const TokenList *raw;
  bool balanced;                // its brackets pair up
  bool *near;                   // by token: on a line with an error, or next to one
  size_t ranked[RANKED_TOKENS]; // tokens by their distance to an error
  size_t ranked_count;
  size_t budget;      // tokens that trials may still read
  size_t best_errors; // of the best change so far
  Repair best;
  TokenList edited; // the tokens of a trial
} Search;

// ---- changes

// The tokens with a change made.
static void make_change(const Search *search, const Repair *change, TokenList *out) {
  out->count = 0;
  const Token *items = search->raw->items;
  for (size_t i = 0; i < search->raw->count; i++) {
    if (i == change->at) {
      for (size_t k = 0; k < change->inserted_count; k++) {
        uint32_t place = items[i].start;
        Token token = {.kind = change->inserted[k], .start = place, .end = place};
        if (change->borrowed != SIZE_MAX && token.kind == TOKEN_NAME) {
          token.start = items[change->borrowed].start;
          token.end = items[change->borrowed].end;
          token.borrows = true;
          token.place = place;
        }
        token.first_on_line = k == 0 && items[i].first_on_line;
        token_push(out, token);
      }
      if (change->rescans) scan_part(search->failed, items[i].start + 1, items[i].end, out);
      if (change->swaps) {
        size_t other = i + (items[i + 1].kind == TOKEN_NEWLINE ? 2 : 1);
        Token first = items[other], second = items[i];
        first.first_on_line = items[i].first_on_line;
        second.first_on_line = items[other].first_on_line;
        token_push(out, first);
        if (other > i + 1) token_push(out, items[i + 1]);
        token_push(out, second);
        i = other;
        continue;
      }
    }
    if (i >= change->at && i < change->at + change->removed) continue;
    token_push(out, items[i]);
    if (i == change->at && change->inserted_count && !change->removed) out->items[out->count - 1].first_on_line = false;
  }
}

static bool brackets_pair_up(const TokenList *tokens) {
  int open[NESTING_LIMIT];
  size_t depth = 0;
  for (size_t i = 0; i < tokens->count; i++) {
    int kind = tokens->items[i].kind;
    if (kind_is_opener(kind)) {
      if (depth == NESTING_LIMIT) return false;
      open[depth++] = kind;
    }
    if (!kind_is_closer(kind)) continue;
    if (depth == 0) return false;
    int opener = open[--depth];
    int closer = opener == TOKEN_OPEN_PAREN     ? TOKEN_CLOSE_PAREN
                 : opener == TOKEN_OPEN_BRACKET ? TOKEN_CLOSE_BRACKET
                                                : TOKEN_CLOSE_BRACE;
    if (closer != kind) return false;
  }
  return depth == 0;
}

// Is the error one of those that the text has without a change?
static bool is_known(const Search *search, const Diagnostic *error) {
  const DiagnosticSink *sink = search->failed->sink;
  for (size_t i = search->failed->first_report; i < sink->items.count; i++)
    if (sink->items.items[i].code == error->code && sink->items.items[i].span.start == error->span.start) return true;
  return false;
}

// Errors of the text with this change; more than `limit` are not counted. A change that brings in an error of its own,
// told or not, mends nothing: it hides others behind a larger one, and counts as one beyond the limit.
static size_t errors_with(Search *search, const Repair *change, size_t limit) {
  make_change(search, change, &search->edited);
  bool possible = brackets_pair_up(&search->edited);
  size_t cost = search->edited.count / (possible ? 1 : 8);
  search->budget = search->budget > cost ? search->budget - cost : 0;
  if (!possible) return limit + 1;
  Arena *arena = arena_create();
  DiagnosticSink sink = {.arena = arena};
  size_t unread, errors = parse_tokens_on_trial(search->failed, &search->edited, &sink, limit + 1, &unread);
  if (unread > search->failed->unread) errors = limit + 1;
  for (size_t i = 0; i < sink.items.count && errors <= limit; i++) {
    const Diagnostic *left = &sink.items.items[i];
    if (left->severity == SEVERITY_ERROR && !is_known(search, left)) errors = limit + 1;
  }
  arena_destroy(arena);
  return errors;
}

// Tries a change; true: nothing better can come.
static bool try_change(Search *search, Repair change) {
  if (search->best_errors == 0 || search->budget == 0) return true;
  size_t limit = search->best_errors - 1;
  size_t errors = errors_with(search, &change, limit);
  if (errors > limit) return false;
  search->best_errors = errors;
  search->best = change;
  return errors == 0;
}

// ---- kinds of changes

static Repair at_token(size_t at) { return (Repair){.at = at, .borrowed = SIZE_MAX}; }

static Repair inserting(size_t at, int kind) {
  Repair change = at_token(at);
  change.inserted[change.inserted_count++] = kind;
  return change;
}

static const int brackets[] = {TOKEN_OPEN_PAREN,    TOKEN_CLOSE_PAREN, TOKEN_OPEN_BRACKET,
                               TOKEN_CLOSE_BRACKET, TOKEN_OPEN_BRACE,  TOKEN_CLOSE_BRACE};
enum { BRACKETS = sizeof brackets / sizeof *brackets };

static bool is_bracket(int kind) { return kind_is_opener(kind) || kind_is_closer(kind); }

static bool is_brace(int kind) { return kind == TOKEN_OPEN_BRACE || kind == TOKEN_CLOSE_BRACE; }

static bool put_instead(Search *search, size_t at, int kind) {
  Repair change = inserting(at, kind);
  change.removed = 1;
  change.borrowed = search->best.borrowed;
  return try_change(search, change);
}

// A bracket too many: near an error any, elsewhere a brace, which can be told wrong only far behind it.
static bool remove_brackets(Search *search, bool near) {
  for (size_t i = 0; i + 1 < search->raw->count; i++) {
    int kind = search->raw->items[i].kind;
    if (search->near[i] != near || !(near ? is_bracket(kind) : is_brace(kind))) continue;
    Repair change = at_token(i);
    change.removed = 1;
    if (try_change(search, change)) return true;
  }
  return false;
}

// A bracket missing: near an error anywhere, elsewhere a brace at the end of a line.
static bool insert_brackets(Search *search, bool near) {
  for (size_t i = 0; i < search->raw->count; i++) {
    if (search->near[i] != near) continue;
    int kind = search->raw->items[i].kind;
    bool line_ends = kind == TOKEN_NEWLINE || kind == TOKEN_END;
    for (int b = 0; b < BRACKETS; b++)
      if ((near || (line_ends && is_brace(brackets[b]))) && try_change(search, inserting(i, brackets[b]))) return true;
    Repair parameter = inserting(i, TOKEN_OPEN_PAREN); // `fn fz) = z`: the parenthesis and the space before it
    parameter.inserted[parameter.inserted_count++] = TOKEN_NAME;
    parameter.borrowed = search->best.borrowed;
    if (near && (kind == TOKEN_CLOSE_PAREN || kind == TOKEN_COMMA) && try_change(search, parameter)) return true;
  }
  return false;
}

// A bracket that should be another, or another token that should be a bracket, or the other way round.
static bool exchange_brackets(Search *search) {
  static const int others[] = {TOKEN_NAME, TOKEN_TIMES, TOKEN_COMMA};
  for (size_t i = 0; i + 1 < search->raw->count; i++) {
    int kind = search->raw->items[i].kind;
    if (!search->near[i] || kind == TOKEN_NEWLINE) continue;
    for (int b = 0; b < BRACKETS; b++)
      if (brackets[b] != kind && put_instead(search, i, brackets[b])) return true;
    for (int k = 0; k < 3 && is_bracket(kind); k++)
      if (put_instead(search, i, others[k])) return true;
  }
  return false;
}

static bool swap_neighbours(Search *search) {
  for (size_t i = 0; i + 3 < search->raw->count; i++) {
    if (!search->near[i] || search->raw->items[i].kind == TOKEN_NEWLINE) continue;
    Repair change = at_token(i);
    change.swaps = true;
    if (try_change(search, change)) return true;
  }
  return false;
}

// Number of tokens of the line that begins at i, its end included.
static size_t line_length(const Search *search, size_t i) {
  size_t length = 0;
  while (i + length + 1 < search->raw->count) {
    int kind = search->raw->items[i + length++].kind;
    if (kind == TOKEN_NEWLINE) break;
  }
  return length;
}

static bool begins_line(const Search *search, size_t i) {
  return search->raw->items[i].kind != TOKEN_NEWLINE && (i == 0 || search->raw->items[i - 1].kind == TOKEN_NEWLINE);
}

static bool is_same_token(const Search *search, const Token *left, const Token *right) {
  const char *text = search->failed->source->text;
  uint32_t length = left->end - left->start;
  return left->kind == right->kind && length == right->end - right->start &&
         memcmp(text + left->start, text + right->start, length) == 0;
}

static bool is_as_deep(const Search *search, size_t left, size_t right) {
  const SourceFile *source = search->failed->source;
  return source_position(source, search->raw->items[left].start).column ==
         source_position(source, search->raw->items[right].start).column;
}

// A line that says what the one before said.
static bool remove_repeated_lines(Search *search) {
  size_t before = SIZE_MAX;
  for (size_t i = 0; i + 1 < search->raw->count; i++) {
    if (!begins_line(search, i)) continue;
    size_t length = line_length(search, i);
    bool same = before != SIZE_MAX && before + length == i && is_as_deep(search, before, i);
    for (size_t k = 0; same && k + 1 < length; k++)
      same = is_same_token(search, &search->raw->items[before + k], &search->raw->items[i + k]);
    before = i;
    if (!same) continue;
    Repair change = at_token(i);
    change.removed = length;
    change.is_line = true;
    if (try_change(search, change)) return true;
  }
  return false;
}

// The line that began a rule, a block or a group is missing: `rule NAME {`, `forward {`.
static bool insert_heads(Search *search) {
  static const int heads[][3] = {{TOKEN_RULE, TOKEN_NAME, TOKEN_OPEN_BRACE},
                                 {TOKEN_FORWARD, TOKEN_OPEN_BRACE, 0},
                                 {TOKEN_GENOME, TOKEN_OPEN_BRACE, 0},
                                 {TOKEN_RULE, TOKEN_NAME, TOKEN_LIKE}};
  for (size_t i = 0; i < search->raw->count; i++) {
    if (!search->near[i] || !begins_line(search, i)) continue;
    for (size_t h = 0; h < 3; h++) {
      Repair change = at_token(i);
      for (int k = 0; k < 3 && heads[h][k]; k++) change.inserted[change.inserted_count++] = heads[h][k];
      change.borrowed = search->best.borrowed;
      change.is_line = true;
      if (try_change(search, change)) return true;
    }
  }
  return false;
}

// A quotation mark that nothing closes has swallowed the rest of its line.
static bool open_texts(Search *search) {
  for (size_t i = 0; i < search->raw->count; i++) {
    if (search->raw->items[i].kind != TOKEN_STRING || !search->near[i]) continue;
    Repair change = at_token(i);
    change.removed = 1;
    change.rescans = true;
    if (try_change(search, change)) return true;
  }
  return false;
}

// Other tokens that are often missing, or stand where another should; the first begin lines.
static const int words[] = {TOKEN_UPDATE, TOKEN_GENOME, TOKEN_NEURON,  TOKEN_FN,   TOKEN_CONST,
                            TOKEN_LET,    TOKEN_IF,     TOKEN_PREDICT, TOKEN_RULE, TOKEN_USE};
static const int signs[] = {TOKEN_NAME, TOKEN_TIMES, TOKEN_COMMA, TOKEN_COLON,   TOKEN_ASSIGN, TOKEN_ARROW, TOKEN_TILDE,
                            TOKEN_DOT,  TOKEN_RANGE, TOKEN_THEN,  TOKEN_NEWLINE, TOKEN_ELSE,   TOKEN_LIKE,  TOKEN_BIAS};
enum { WORDS = sizeof words / sizeof *words, SIGNS = sizeof signs / sizeof *signs };

static bool put_words(Search *search) {
  for (size_t i = 0; i + 1 < search->raw->count; i++) {
    if (!search->near[i] || !begins_line(search, i)) continue;
    for (int w = 0; w < WORDS; w++)
      for (size_t removed = 0; removed < 2; removed++) {
        if (removed && words[w] == search->raw->items[i].kind) continue;
        Repair change = inserting(i, words[w]);
        change.removed = removed;
        if (try_change(search, change)) return true;
      }
  }
  return false;
}

static bool put_sign(Search *search, size_t at, int sign, size_t removed) {
  if (removed && sign == search->raw->items[at].kind) return false;
  Repair change = inserting(at, sign);
  change.removed = removed;
  change.borrowed = search->best.borrowed;
  return try_change(search, change);
}

// Tokens taken away, put between two, or exchanged: those nearest to an error first.
static bool change_signs(Search *search) {
  for (size_t k = 0; k < search->ranked_count; k++) {
    Repair change = at_token(search->ranked[k]);
    change.removed = 1;
    if (try_change(search, change)) return true;
  }
  for (size_t removed = 0; removed < 2; removed++)
    for (size_t k = 0; k < search->ranked_count; k++)
      for (int s = 0; s < SIGNS; s++)
        if (put_sign(search, search->ranked[k], signs[s], removed)) return true;
  return false;
}

// ---- the search

static void mark_line(Search *search, uint32_t line) {
  const SourceFile *source = search->failed->source;
  for (size_t i = 0; i < search->raw->count; i++) {
    uint32_t own = source_line(source, search->raw->items[i].start);
    if (own + NEAR >= line && own <= line + NEAR) search->near[i] = true;
  }
}

// Tokens near an error, or near what an error points to.
static void mark_near(Search *search) {
  const DiagnosticSink *sink = search->failed->sink;
  for (size_t d = search->failed->first_report; d < sink->items.count; d++) {
    const Diagnostic *diagnostic = &sink->items.items[d];
    if (diagnostic->span.file != search->failed->source) continue;
    mark_line(search, source_line(diagnostic->span.file, diagnostic->span.start));
    for (size_t n = 0; n < diagnostic->notes.count; n++)
      if (diagnostic->notes.items[n].span.file == search->failed->source)
        mark_line(search, source_line(search->failed->source, diagnostic->notes.items[n].span.start));
  }
  size_t marked = 0;
  for (size_t i = 0; i < search->raw->count; i++) {
    if (search->near[i] && ++marked > NEAR_TOKENS) search->near[i] = false;
  }
}

static uint32_t distance_to_errors(const Search *search, size_t token) {
  const DiagnosticSink *sink = search->failed->sink;
  uint32_t place = search->raw->items[token].start, least = UINT32_MAX;
  for (size_t d = search->failed->first_report; d < sink->items.count; d++) {
    const Span span = sink->items.items[d].span;
    if (span.file != search->failed->source) continue;
    uint32_t distance = place > span.start ? place - span.start : span.start - place;
    if (distance < least) least = distance;
  }
  return least;
}

// The nearest, by insertion into a short list.
static void rank_tokens(Search *search) {
  uint32_t distances[RANKED_TOKENS];
  for (size_t i = 0; i + 1 < search->raw->count; i++) {
    if (!search->near[i]) continue;
    uint32_t distance = distance_to_errors(search, i);
    size_t k = search->ranked_count;
    if (k == RANKED_TOKENS && distances[--k] <= distance) continue;
    if (search->ranked_count < RANKED_TOKENS) search->ranked_count++;
    for (; k > 0 && distances[k - 1] > distance; k--) {
      distances[k] = distances[k - 1];
      search->ranked[k] = search->ranked[k - 1];
    }
    distances[k] = distance;
    search->ranked[k] = i;
  }
}

static void search_changes(Search *search) {
  if (open_texts(search) || remove_repeated_lines(search)) return;
  if (!search->balanced) {
    if (remove_brackets(search, true) || insert_brackets(search, true) || exchange_brackets(search)) return;
    if (remove_brackets(search, false) || insert_brackets(search, false)) return;
  }
  if (insert_heads(search) || swap_neighbours(search)) return;
  if (!search->balanced) return; // no other token mends brackets
  if (!put_words(search)) change_signs(search);
}

bool repair_find(const Parser *failed, const TokenList *raw, size_t errors, size_t *budget, Repair *repair) {
  enum { FEW_TRIALS = 50 }; // a text that so few exhaust is not looked at
  if (errors < 1 || errors > MOST_ERRORS || raw->count * FEW_TRIALS > *budget) return false;
  Search search = {.failed = failed, .raw = raw, .budget = *budget};
  search.best_errors = errors > 1 ? errors - 1 : 1; // a change explains itself: it must take two errors away
  search.best.borrowed = SIZE_MAX;
  for (size_t i = 0; i < raw->count && search.best.borrowed == SIZE_MAX; i++)
    if (raw->items[i].kind == TOKEN_NAME) search.best.borrowed = i;
  search.balanced = brackets_pair_up(raw);
  search.near = calloc(raw->count + 1, sizeof *search.near);
  if (!search.near) return false;
  mark_near(&search);
  rank_tokens(&search);
  size_t least = search.best_errors;
  bool bracket_hides_more = !search.balanced && failed->unread > 0;
  if (errors > 1 || bracket_hides_more) search_changes(&search);
  else remove_repeated_lines(&search); // what a forgotten brace looks like, too
  bool found = search.best_errors < least;
  if (found) *repair = search.best;
  *budget = search.budget;
  free(search.near);
  free(search.edited.items);
  return found;
}

void repair_make(const Parser *failed, const TokenList *raw, const Repair *repair, TokenList *out) {
  Search search = {.failed = failed, .raw = raw};
  make_change(&search, repair, out);
}

// ---- telling

static const char *bracket_text(int kind) {
  switch (kind) {
  case TOKEN_OPEN_PAREN: return "(";
  case TOKEN_CLOSE_PAREN: return ")";
  case TOKEN_OPEN_BRACKET: return "[";
  case TOKEN_CLOSE_BRACKET: return "]";
  case TOKEN_OPEN_BRACE: return "{";
  default: return "}";
  }
}

// The bracket that a closing one before token `at` would close.
static const Token *open_before(const TokenList *raw, size_t at) {
  size_t depth = 0;
  for (size_t i = at; i-- > 0;) {
    if (kind_is_closer(raw->items[i].kind)) depth++;
    if (kind_is_opener(raw->items[i].kind) && depth-- == 0) return &raw->items[i];
  }
  return NULL;
}

bool repair_tell(const Parser *parser, const TokenList *raw, const Repair *repair, Diagnostic *told) {
  DiagnosticSink sink = {.arena = parser->sink->arena};
  const Token *token = &raw->items[repair->at], *before = repair->at > 0 ? token - 1 : token;
  while (before > raw->items && before->kind == TOKEN_NEWLINE) before--;
  Span span = token_span(parser, token), behind = parser_span(parser, before->end, before->end);
  int inserted = repair->inserted_count == 1 ? repair->inserted[0] : 0;
  Diagnostic *diagnostic;
  if (repair->is_line && repair->removed) {
    const Token *last = &raw->items[repair->at + repair->removed - 1];
    while (last > token && last->kind == TOKEN_NEWLINE) last--;
    diagnostic = diagnostic_report(&sink, DIAGNOSTIC_line_repeated, parser_span(parser, token->start, last->end));
    diagnostic_help(&sink, diagnostic, "remove one of the two");
  } else if (repair->removed == 1 && is_bracket(token->kind) && is_bracket(inserted)) {
    const Token *open = open_before(raw, repair->at);
    diagnostic = diagnostic_report(&sink, DIAGNOSTIC_bracket_mismatched, span, token_text(parser, token),
                                   open ? token_text(parser, open) : "the text before it");
    if (open) diagnostic_note(&sink, diagnostic, token_span(parser, open), "opened here");
    diagnostic_fix(&sink, diagnostic, span, "%s", bracket_text(inserted));
  } else if (repair->removed == 1 && is_bracket(token->kind) && !inserted) {
    DiagnosticCode code =
        kind_is_opener(token->kind) ? DIAGNOSTIC_bracket_never_closed : DIAGNOSTIC_bracket_closes_nothing;
    diagnostic = diagnostic_report(&sink, code, span, token_text(parser, token));
    diagnostic_fix(&sink, diagnostic, span, "%s", "");
  } else if (!repair->removed && kind_is_closer(inserted)) {
    const Token *open = open_before(raw, repair->at);
    diagnostic = diagnostic_report(&sink, DIAGNOSTIC_bracket_not_closed, behind, bracket_text(inserted));
    if (open) diagnostic_note(&sink, diagnostic, token_span(parser, open), "opened here");
    diagnostic_fix(&sink, diagnostic, behind, "%s", bracket_text(inserted));
  } else if (!repair->removed && kind_is_opener(inserted)) {
    diagnostic = diagnostic_report(&sink, DIAGNOSTIC_bracket_not_opened, behind, bracket_text(inserted));
    diagnostic_fix(&sink, diagnostic, behind, "%s", bracket_text(inserted));
  } else {
    return false;
  }
  *told = *diagnostic;
  return true;
}
