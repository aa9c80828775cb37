// One mistake, one error: single mutations of the library's files, as a slip of the hand makes them. Each mutant is a
// valid program, or is rejected with exactly one error.
//
// Where: the error, or a note of it, points within two lines of the mutation.
//   noted      what is left at the mutation is right by itself, and another line contradicts it (`neuron a[7]` where
//              others take 2 states; a second `forward`; `b1q` declared, `b1` used; a declaration that is gone): the
//              error stands there, and a note of it shows the declaration, or where its kin are declared. Their number
//              has a bound
//   elsewhere  the note misses the mutation by more lines, but the error is about what the mutation took. None of the
//              mutants that are always made; a few of more
#include "tests/support/expectation.h"
#include "tests/support/library_loader.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MUTANTS = 1800, MOST_TOKENS = 4096, MOST_FILES = 128, REACH = 2 };

// ---- the files, and their tokens (by a scanner of its own)

typedef struct {
  size_t start, end;
} Piece;

typedef struct {
  char path[4096];
  char *text;
  Piece tokens[MOST_TOKENS];
  size_t count, lines;
} File;

static File *files[MOST_FILES];
static size_t file_count;

static void scan(File *file) {
  const char *text = file->text;
  for (size_t i = 0; text[i];) {
    if (text[i] == '\n') file->lines++;
    if (isspace((unsigned char)text[i])) {
      i++;
      continue;
    }
    if (text[i] == '#') {
      i += strcspn(text + i, "\n");
      continue;
    }
    size_t start = i;
    if (isalnum((unsigned char)text[i]) || text[i] == '_') {
      bool number = isdigit((unsigned char)text[i]);
      while (isalnum((unsigned char)text[i]) || text[i] == '_' ||
             (number && text[i] == '.' && isdigit((unsigned char)text[i + 1])) ||
             (number && text[i] == '-' && text[i - 1] == 'e'))
        i++;
      while (text[i] == '\'') i++;
    } else if (strncmp(text + i, "<-", 2) == 0 || strncmp(text + i, "..", 2) == 0 || strncmp(text + i, "==", 2) == 0 ||
               strncmp(text + i, "<=", 2) == 0 || strncmp(text + i, ">=", 2) == 0) {
      i += 2;
    } else {
      i++;
    }
    cr_assert_lt(file->count, MOST_TOKENS);
    file->tokens[file->count++] = (Piece){start, i};
  }
}

static void add_file(const char *path, void *context) {
  (void)context;
  File *file = calloc(1, sizeof *file);
  snprintf(file->path, sizeof file->path, "%s", path);
  FILE *stream = fopen(path, "rb");
  cr_assert_not_null(stream);
  enum { MOST = 1 << 16 };
  file->text = malloc(MOST);
  file->text[fread(file->text, 1, MOST - 1, stream)] = 0;
  fclose(stream);
  scan(file);
  files[file_count++] = file;
}

// ---- mutants

typedef struct {
  const char *kind;
  char *text;
  size_t place;  // byte where the mutation is
  char name[64]; // the identifier that was taken away, or ""
} Mutant;

static uint32_t state;
static uint32_t draw(uint32_t below) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % below;
}

static char *spliced(const File *file, size_t start, size_t end, const char *replacement) {
  size_t length = strlen(file->text), added = strlen(replacement);
  char *text = malloc(length + added + 1);
  memcpy(text, file->text, start);
  memcpy(text + start, replacement, added);
  memcpy(text + start + added, file->text + end, length - end + 1);
  return text;
}

static bool token_is(const File *file, size_t i, const char *word) {
  const Piece *token = &file->tokens[i];
  return token->end - token->start == strlen(word) &&
         memcmp(file->text + token->start, word, token->end - token->start) == 0;
}

static bool is_identifier(const File *file, size_t i) {
  char c = file->text[file->tokens[i].start];
  return isalpha((unsigned char)c) || c == '_';
}

static void note_name(const File *file, size_t i, Mutant *mutant) {
  const Piece *token = &file->tokens[i];
  if (is_identifier(file, i))
    snprintf(mutant->name, sizeof mutant->name, "%.*s", (int)(token->end - token->start), file->text + token->start);
}

static void delete_token(const File *file, Mutant *mutant) {
  size_t i = draw((uint32_t)file->count);
  mutant->place = file->tokens[i].start;
  note_name(file, i, mutant);
  mutant->text = spliced(file, file->tokens[i].start, file->tokens[i].end, "");
}

static void duplicate_token(const File *file, Mutant *mutant) {
  const Piece *token = &file->tokens[draw((uint32_t)file->count)];
  char copy[128];
  snprintf(copy, sizeof copy, "%.*s ", (int)(token->end - token->start), file->text + token->start);
  mutant->place = token->start;
  mutant->text = spliced(file, token->start, token->start, copy);
}

static void swap_tokens(const File *file, Mutant *mutant) {
  size_t i = draw((uint32_t)file->count - 1);
  const Piece *first = &file->tokens[i], *second = first + 1;
  char swapped[512];
  snprintf(swapped, sizeof swapped, "%.*s%.*s%.*s", (int)(second->end - second->start), file->text + second->start,
           (int)(second->start - first->end), file->text + first->end, (int)(first->end - first->start),
           file->text + first->start);
  mutant->place = first->start;
  note_name(file, is_identifier(file, i) ? i : i + 1, mutant);
  mutant->text = spliced(file, first->start, second->end, swapped);
}

static void rename_identifier(const File *file, Mutant *mutant) {
  size_t i;
  do i = draw((uint32_t)file->count);
  while (!is_identifier(file, i));
  const Piece *token = &file->tokens[i];
  char renamed[128];
  const char *text = file->text + token->start;
  int length = (int)(token->end - token->start);
  switch (draw(3)) {
  case 0: snprintf(renamed, sizeof renamed, "%.*sq", length, text); break;         // a letter too many
  case 1: snprintf(renamed, sizeof renamed, "q%.*s", length - 1, text + 1); break; // another first letter
  default: snprintf(renamed, sizeof renamed, "zeta"); break;                       // another name
  }
  if (length == 1 && renamed[0] == 'q' && !renamed[1]) renamed[0] = 'k' + (char)draw(3);
  mutant->place = token->start;
  note_name(file, i, mutant);
  mutant->text = spliced(file, token->start, token->end, renamed);
}

static size_t line_start(const File *file, size_t line) {
  size_t i = 0;
  for (; line > 0; line--) i += strcspn(file->text + i, "\n") + 1;
  return i;
}

static void drop_line(const File *file, Mutant *mutant) {
  size_t start, length;
  do {
    start = line_start(file, draw((uint32_t)file->lines));
    length = strcspn(file->text + start, "\n");
  } while (length == 0 || file->text[start] == '#');
  mutant->place = start;
  strcpy(mutant->name, "*"); // any name that stood there
  mutant->text = spliced(file, start, start + length + (file->text[start + length] == '\n'), "");
}

static void repeat_line(const File *file, Mutant *mutant) {
  drop_line(file, mutant);
  free(mutant->text);
  char line[4096];
  snprintf(line, sizeof line, "%.*s\n", (int)strcspn(file->text + mutant->place, "\n"), file->text + mutant->place);
  *mutant->name = 0;
  mutant->text = spliced(file, mutant->place, mutant->place, line);
}

// Replaces one of `words`, where the file has one, by another of them.
static void exchange(const File *file, const char *const *words, uint32_t count, Mutant *mutant) {
  for (int attempt = 0; attempt < 1000; attempt++) {
    size_t i = draw((uint32_t)file->count);
    for (uint32_t w = 0; w < count; w++) {
      if (!token_is(file, i, words[w])) continue;
      const char *other = words[(w + 1 + draw(count - 1)) % count];
      mutant->place = file->tokens[i].start;
      note_name(file, i, mutant);
      mutant->text = spliced(file, file->tokens[i].start, file->tokens[i].end, other);
      return;
    }
  }
  delete_token(file, mutant);
}

static void change_axis(const File *file, Mutant *mutant) {
  static const char *const axes[] = {"batch", "pre", "post", "unit"};
  exchange(file, axes, 4, mutant);
}

static void change_sign(const File *file, Mutant *mutant) {
  static const char *const signs[] = {"+", "*", "<-", "=", ":", ",", "~", "-", "/", "<", ".", ".."};
  exchange(file, signs, 12, mutant);
}

static void change_word(const File *file, Mutant *mutant) {
  static const char *const words[] = {"neuron",  "synapse",  "genome",   "const",  "fn",      "input",
                                      "forward", "feedback", "backward", "update", "predict", "let",
                                      "if",      "then",     "else",     "like",   "rule"};
  exchange(file, words, 17, mutant);
}

static void add_bracket(const File *file, Mutant *mutant) {
  static const char *const brackets[] = {"(", ")", "[", "]", "{", "}"};
  mutant->place = file->tokens[draw((uint32_t)file->count)].start;
  mutant->text = spliced(file, mutant->place, mutant->place, brackets[draw(6)]);
}

static void add_sign(const File *file, Mutant *mutant) {
  static const char *const signs[] = {"?", ";", "@", ",", ":", "*", ".", "'", "\"", "1", "x "};
  mutant->place = file->tokens[draw((uint32_t)file->count)].start;
  mutant->text = spliced(file, mutant->place, mutant->place, signs[draw(11)]);
}

static void change_index(const File *file, Mutant *mutant) {
  for (int attempt = 0; attempt < 1000; attempt++) {
    size_t i = 1 + draw((uint32_t)file->count - 1);
    if (!token_is(file, i - 1, "[")) continue;
    mutant->place = file->tokens[i].start;
    mutant->text = spliced(file, file->tokens[i].start, file->tokens[i].end, draw(2) ? "7" : "c");
    return;
  }
  delete_token(file, mutant);
}

// A place inside a token.
static size_t draw_byte(const File *file) {
  const Piece *token = &file->tokens[draw((uint32_t)file->count)];
  return token->start + draw((uint32_t)(token->end - token->start));
}

static void note_name_at(const File *file, Mutant *mutant) {
  for (size_t i = 0; i < file->count; i++)
    if (file->tokens[i].start <= mutant->place && file->tokens[i].end > mutant->place) note_name(file, i, mutant);
}

static void delete_character(const File *file, Mutant *mutant) {
  mutant->place = draw_byte(file);
  note_name_at(file, mutant);
  mutant->text = spliced(file, mutant->place, mutant->place + 1, "");
}

static void double_character(const File *file, Mutant *mutant) {
  mutant->place = draw_byte(file);
  note_name_at(file, mutant);
  const char copy[] = {file->text[mutant->place], 0};
  mutant->text = spliced(file, mutant->place, mutant->place, copy);
}

static void swap_characters(const File *file, Mutant *mutant) {
  do mutant->place = draw_byte(file);
  while (!file->text[mutant->place + 1]);
  note_name_at(file, mutant);
  const char swapped[] = {file->text[mutant->place + 1], file->text[mutant->place], 0};
  mutant->text = spliced(file, mutant->place, mutant->place + 2, swapped);
}

static void change_character(const File *file, Mutant *mutant) {
  static const char others[] = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789_+-*/<>=~:;,.()[]{}'\"#@!?$%&|^ ";
  mutant->place = draw_byte(file);
  note_name_at(file, mutant);
  const char other[] = {others[draw(sizeof others - 1)], 0};
  mutant->text = spliced(file, mutant->place, mutant->place + 1, other);
}

static void break_line(const File *file, Mutant *mutant) {
  mutant->place = file->tokens[draw((uint32_t)file->count)].start;
  mutant->text = spliced(file, mutant->place, mutant->place, "\n");
}

static void join_lines(const File *file, Mutant *mutant) {
  size_t start, length; // of a line without a comment, which would swallow the next
  do {
    start = line_start(file, draw((uint32_t)file->lines - 1));
    length = strcspn(file->text + start, "\n");
  } while (length == 0 || memchr(file->text + start, '#', length));
  mutant->place = start + length;
  mutant->text = spliced(file, mutant->place, mutant->place + 1, " ");
}

typedef void Mutation(const File *file, Mutant *mutant);
static const struct {
  const char *name;
  Mutation *make;
} mutations[] = {
    {"delete a token", delete_token},
    {"double a token", duplicate_token},
    {"swap tokens", swap_tokens},
    {"rename", rename_identifier},
    {"drop a line", drop_line},
    {"repeat a line", repeat_line},
    {"change an axis", change_axis},
    {"change a sign", change_sign},
    {"change a word", change_word},
    {"add a bracket", add_bracket},
    {"add a sign", add_sign},
    {"change an index", change_index},
    {"delete a character", delete_character},
    {"double a character", double_character},
    {"swap characters", swap_characters},
    {"change a character", change_character},
    {"break a line", break_line},
    {"join lines", join_lines},
};
enum { MUTATIONS = sizeof mutations / sizeof *mutations };

// ---- verdicts

static uint32_t distance(uint32_t line, uint32_t other) { return line > other ? line - other : other - line; }

static bool stands_near(const SourceFile *source, Span span, uint32_t line) {
  return span.file == source && distance(source_line(source, span.start), line) <= REACH;
}

static bool says(const Diagnostic *diagnostic, const char *name, int length) {
  char quoted[128], used[128];
  snprintf(quoted, sizeof quoted, "`%.*s`", length, name);
  snprintf(used, sizeof used, "`use std.%.*s`", length, name);
  return strstr(diagnostic->message, quoted) || (diagnostic->help && strstr(diagnostic->help, used));
}

// The error says that the name is missing which the mutation took away, or that what stood in the rule is outside.
static bool is_about(const Diagnostic *diagnostic, const File *file, const Mutant *mutant) {
  if (!*mutant->name || !diagnostic->span.file) return false;
  bool missing = diagnostic->code == DIAGNOSTIC_unknown_name || diagnostic->code == DIAGNOSTIC_unknown_function ||
                 diagnostic->code == DIAGNOSTIC_unknown_block ||
                 diagnostic->code == DIAGNOSTIC_index_missing; // the declaration of the rule that this one is like
  bool rule_gone = !strcmp(mutant->name, "*") && !strncmp(file->text + mutant->place, "rule", 4);
  if (rule_gone && diagnostic->code == DIAGNOSTIC_outside_rule) return true;
  if (!missing) return false;
  if (strcmp(mutant->name, "*") != 0) return says(diagnostic, mutant->name, (int)strlen(mutant->name));
  size_t end = mutant->place + strcspn(file->text + mutant->place, "\n");
  for (size_t i = 0; i < file->count; i++) {
    const Piece *token = &file->tokens[i];
    if (token->start < mutant->place || token->end > end || !is_identifier(file, i)) continue;
    if (says(diagnostic, file->text + token->start, (int)(token->end - token->start))) return true;
  }
  return false;
}

typedef enum { VALID, NEAR, NOTED, ELSEWHERE, CASCADE, ASTRAY, VERDICTS } Verdict;
static const char *const verdict_names[] = {"valid", "near", "noted", "elsewhere", "CASCADE", "ASTRAY"};

typedef struct {
  Arena *arena;
  DiagnosticSink sink;
  SourceFile *source;
} Checked;

static Checked check_text(const File *file, const char *text) {
  Arena *arena = arena_create();
  Checked checked = {.arena = arena, .sink = {.arena = arena}};
  checked.source = source_from_bytes(arena, file->path, text, strlen(text));
  Library library = {arena, &checked.sink, false};
  ModuleLoader loader = {&library, library_load};
  check_file(arena, parse_file(arena, checked.source, &checked.sink), &loader, &checked.sink);
  return checked;
}

static void report_mutant(const Checked *checked, const File *file, const Mutant *mutant, const char *verdict,
                          Text *report) {
  size_t start = mutant->place, end = mutant->place;
  while (start > 0 && mutant->text[start - 1] != '\n') start--;
  end += strcspn(mutant->text + end, "\n");
  text_add(report, "%s: %s, line %u: %s\n  %.*s\n", verdict, mutant->kind,
           source_line(checked->source, (uint32_t)mutant->place), strrchr(file->path, '/') + 1, (int)(end - start),
           mutant->text + start);
  for (size_t i = 0; i < checked->sink.items.count; i++) {
    const Diagnostic *diagnostic = &checked->sink.items.items[i];
    if (diagnostic->severity != SEVERITY_ERROR) continue;
    Position place =
        diagnostic->span.file ? source_position(diagnostic->span.file, diagnostic->span.start) : (Position){0};
    text_add(report, "    %u:%u %s %s\n", place.line, place.column, diagnostic_code_name(diagnostic->code),
             diagnostic->message);
  }
}

static Verdict judge(const File *file, const Mutant *mutant, Text *report) {
  Checked checked = check_text(file, mutant->text);
  const DiagnosticSink *sink = &checked.sink;
  uint32_t line = source_line(checked.source, (uint32_t)mutant->place);
  Verdict verdict = sink->errors == 0 ? VALID : sink->errors > 1 ? CASCADE : ASTRAY;
  for (size_t i = 0; i < sink->items.count && verdict == ASTRAY; i++) {
    const Diagnostic *diagnostic = &sink->items.items[i];
    if (diagnostic->severity != SEVERITY_ERROR) continue;
    if (is_about(diagnostic, file, mutant)) verdict = ELSEWHERE;
    for (size_t n = 0; n < diagnostic->notes.count; n++)
      if (stands_near(checked.source, diagnostic->notes.items[n].span, line)) verdict = NOTED;
    if (stands_near(checked.source, diagnostic->span, line)) verdict = NEAR;
  }
  if (verdict >= (getenv("BLUR_MUTANTS") ? NOTED : CASCADE))
    report_mutant(&checked, file, mutant, verdict_names[verdict], report);
  arena_destroy(checked.arena);
  return verdict;
}

static Mutant make_mutant(const File *file, int kind, uint32_t seed) {
  state = seed;
  draw(2);
  Mutant mutant = {.kind = mutations[kind].name};
  mutations[kind].make(file, &mutant);
  return mutant;
}

Test(mutations, one_mistake_one_error) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  cr_assert_gt(expectation_files(SOURCE_DIR "/stdlib", ".blur", add_file, NULL), 10);
  const char *more = getenv("BLUR_MUTANTS"); // for a look at more of them
  int wanted = more ? atoi(more) : MUTANTS;
  int counts[VERDICTS] = {0};
  Text report = {0};
  for (int i = 0; i < wanted; i++) {
    const File *file = files[(size_t)(i / MUTATIONS) % file_count];
    Mutant mutant = make_mutant(file, i % MUTATIONS, (uint32_t)i * 7919 + 17);
    counts[judge(file, &mutant, &report)]++;
    free(mutant.text);
  }
  cr_log_info("%d mutants: %d valid, %d near, %d noted, %d elsewhere\n%s", wanted, counts[VALID], counts[NEAR],
              counts[NOTED], counts[ELSEWHERE], text_get(&report));
  cr_expect_gt(counts[NEAR], wanted * 3 / 4);
  cr_expect_leq(counts[NOTED], wanted / 50, "%d of %d mutants have only a note near them", counts[NOTED], wanted);
  cr_expect_leq(counts[ELSEWHERE], more ? wanted / 500 : 0, "%d of %d mutants are told elsewhere", counts[ELSEWHERE],
                wanted);
  cr_expect_eq(counts[CASCADE], 0, "%d mutants have more than one error:\n%s", counts[CASCADE], text_get(&report));
  cr_expect_eq(counts[ASTRAY], 0, "%d mutants are told in the wrong place:\n%s", counts[ASTRAY], text_get(&report));
  text_free(&report);
}

// ---- the other way round: two mistakes far from each other are two errors

// What a mutation changed: text[start, end) of the file became the mutant's text[start, end + grown).
typedef struct {
  size_t start, end, new_end;
} Edit;

static Edit edit_of(const File *file, const Mutant *mutant) {
  size_t length = strlen(file->text), new_length = strlen(mutant->text);
  Edit edit = {0, length, new_length};
  while (file->text[edit.start] && file->text[edit.start] == mutant->text[edit.start]) edit.start++;
  while (edit.end > edit.start && edit.new_end > edit.start &&
         file->text[edit.end - 1] == mutant->text[edit.new_end - 1])
    edit.end--, edit.new_end--;
  return edit;
}

// The file with both mutations, the first of which stands before the second. NULL: they touch.
static char *both(const File *file, const Mutant *first, const Mutant *second) {
  Edit a = edit_of(file, first), b = edit_of(file, second);
  if (a.end >= b.start) return NULL;
  Text text = {0};
  text_add_bytes(&text, first->text, a.new_end);
  text_add_bytes(&text, file->text + a.end, b.start - a.end);
  text_add_bytes(&text, second->text + b.start, strlen(second->text) - b.start);
  char *joined = strdup(text_get(&text));
  text_free(&text);
  return joined;
}

static bool error_near(const Checked *checked, uint32_t line) {
  for (size_t i = 0; i < checked->sink.items.count; i++) {
    const Diagnostic *diagnostic = &checked->sink.items.items[i];
    if (diagnostic->severity == SEVERITY_ERROR && stands_near(checked->source, diagnostic->span, line)) return true;
  }
  return false;
}

// How often both are told. Not always: what one mistake makes unreadable hides the other (a declaration of names that
// the other is about, the braces around it).
Test(mutations, two_mistakes_two_errors) {
  enum { PAIRS = 100, APART = 2 * REACH + 1 };
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  cr_assert_gt(expectation_files(SOURCE_DIR "/stdlib", ".blur", add_file, NULL), 10);
  int pairs = 0, one_told = 0, both_told = 0;
  Text unused = {0};
  for (uint32_t i = 0; pairs < PAIRS; i++) {
    const File *file = files[i % file_count];
    Mutant a = make_mutant(file, (int)(i % MUTATIONS), i * 7919 + 5);
    Mutant b = make_mutant(file, (int)(i / MUTATIONS % MUTATIONS), i * 104729 + 11);
    const Mutant *first = a.place < b.place ? &a : &b, *second = first == &a ? &b : &a;
    bool rejected = judge(file, first, &unused) == NEAR && judge(file, second, &unused) == NEAR;
    char *text = rejected ? both(file, first, second) : NULL;
    if (text) {
      Checked checked = check_text(file, text);
      uint32_t line = source_line(checked.source, (uint32_t)first->place);
      uint32_t other = source_line(checked.source, (uint32_t)(second->place + strlen(text) - strlen(second->text)));
      if (other >= line + APART) {
        bool near_first = error_near(&checked, line), near_second = error_near(&checked, other);
        pairs++;
        one_told += near_first || near_second;
        both_told += near_first && near_second;
      }
      arena_destroy(checked.arena);
    }
    free(text);
    free(a.text);
    free(b.text);
  }
  cr_log_info("%d pairs: %d both told, %d one at least", pairs, both_told, one_told);
  cr_expect_geq(one_told, pairs * 99 / 100);
  cr_expect_geq(both_told, pairs * 2 / 3, "of %d pairs of mistakes, only %d are told both", pairs, both_told);
  text_free(&unused);
}
