// What is missing has kin: declarations of its kind, beside which it would stand. Told with an error about a name that
// is none and near to none, since most often its declaration is what is missing.
#include "compiler/semantics/checker.h"

#include <string.h>

typedef enum { KIN_NEURON, KIN_FUNCTION, KIN_CONSTANT, KIN_ANY } Kin;

// Does a side stand before the name? Then it is a neuron variable's.
static bool has_side(Span span) {
  static const char *const sides[] = {"pre.", "post.", "output.", "pre2.", "post2."};
  for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
    size_t length = strlen(sides[i]);
    if (span.start >= length && !memcmp(span.file->text + span.start - length, sides[i], length)) return true;
  }
  return false;
}

static bool is_kin(const Entry *entry, Kin kin) {
  switch (kin) {
  case KIN_NEURON: return entry->kind == ENTRY_VARIABLE && entry->variable_kind == CHECKED_NEURON;
  case KIN_FUNCTION: return entry->kind == ENTRY_FUNCTION;
  case KIN_CONSTANT: return entry->kind == ENTRY_CONST;
  case KIN_ANY: return entry->kind == ENTRY_VARIABLE;
  }
  return false;
}

static bool stands_in(Span inner, Span outer) {
  return inner.file == outer.file && inner.start >= outer.start && inner.end <= outer.end;
}

// The last of its kind that the rule declares itself, else the first of all that it declares; {0}: none.
static Span place_of_kin(const Checker *checker, Kin kin, bool *alike) {
  Span first = {0}, last = {0};
  for (size_t i = 0; checker->ast && i < checker->names.items.count; i++) {
    const Entry *entry = checker->names.items.items[i];
    Span span = entry->name.span;
    if (!stands_in(span, checker->ast->span)) continue;
    if (!first.file || span.start < first.start) first = span;
    if (is_kin(entry, kin) && (!last.file || span.start > last.start)) last = span;
  }
  *alike = last.file != NULL;
  return *alike ? last : first;
}

void note_kin_of_name(Checker *checker, Diagnostic *diagnostic, const char *name, bool is_function) {
  if (!checker->environment.in_rule || !checker->ast || !stands_in(diagnostic->span, checker->ast->span)) return;
  Kin kin = is_function                             ? KIN_FUNCTION
            : has_side(diagnostic->span)            ? KIN_NEURON
            : checker->place.kind == PLACE_CONSTANT ? KIN_CONSTANT
                                                    : KIN_ANY;
  static const char *const how[] = {"`neuron %s`", "`fn %s(z) = ...`", "`const %s = ...`",
                                    "`synapse %s = 0`, `genome %s = 1`, `let %s = ...`"};
  static const char *const what[] = {"neuron variables", "functions", "constants", "variables"};
  if (!diagnostic->help) {
    const char *declaration = arena_format(checker->arena, how[kin], name, name, name);
    diagnostic_help(checker->sink, diagnostic, "is its declaration missing? %s", declaration);
  }
  bool alike;
  Span place = place_of_kin(checker, kin, &alike);
  if (!place.file || place.file != diagnostic->span.file) return;
  if (alike) diagnostic_note(checker->sink, diagnostic, place, "the rule's %s are declared here", what[kin]);
  else diagnostic_note(checker->sink, diagnostic, place, "the rule's declarations begin here");
}

// The block that runs next, which most often stands beside it; else the last pass.
void note_kin_of_block(Checker *checker, Diagnostic *diagnostic, const AstStep *missing) {
  const char *next = missing->next ? missing->next->name.text : NULL;
  Span next_to = {0}, last = {0};
  for (size_t i = 0; checker->ast && i < checker->blocks.count; i++) {
    const AstDeclaration *declaration = checker->blocks.items[i].merged.declaration;
    if (!declaration || !stands_in(declaration->span, checker->ast->span)) continue;
    BlockKind kind = declaration->block.kind;
    if (kind != BLOCK_PASS && kind != BLOCK_AT) continue;
    Span name = declaration->name.span;
    if (next && !strcmp(next, checker->blocks.items[i].name)) next_to = name;
    if (kind == BLOCK_PASS && (!last.file || name.start > last.start)) last = name;
  }
  Span place = next_to.file ? next_to : last;
  if (place.file && place.file == diagnostic->span.file)
    diagnostic_note(checker->sink, diagnostic, place, "a block is declared as here");
}

void note_origin(Checker *checker, Diagnostic *diagnostic, const Entry *entry) {
  const AstRule *rule = checker->ast;
  if (!rule || !rule->base.text || rule->base.span.file != diagnostic->span.file) return;
  if (entry->in_rule && !stands_in(entry->name.span, rule->span))
    diagnostic_note(checker->sink, diagnostic, rule->base.span, "`%s` comes with this rule", entry->name.text);
}
