// Merging: a rule, the rules it is `like`, and the settings from outside become one table of names and one block of
// each kind. Declarations merge by name in the base's order, new ones last; blocks are replaced whole; `if` on
// constants chooses. Constants and defaults are evaluated when they are first asked for, so after all overrides.
#include "compiler/semantics/checker.h"
#include "compiler/syntax/syntax.h"

#include <string.h>

enum { MAX_CHAIN = 64 };
typedef struct {
  const AstRule *rule;
  FileScope *file;
} ChainLink;

// ---- the chain of base rules

static const AstRule *find_rule(const AstFile *file, const char *name) {
  const AstRule *found = NULL;
  for (const AstRule *rule = file->rules; rule; rule = rule->next)
    if (rule->name.text && *rule->name.text == *name && !strcmp(rule->name.text, name)) found = rule;
  return found;
}

static void report_unknown_base(Checker *checker, const AstRule *rule, const AstFile *file) {
  if (checker->is_partial) return;
  Diagnostic *diagnostic = REPORT(checker, unknown_base, rule->base.span, rule->base.text);
  const char *candidates[64];
  size_t count = 0;
  for (const AstRule *other = file ? file->rules : NULL; other && count < 64; other = other->next)
    if (other->name.text && other != rule) candidates[count++] = other->name.text;
  const char *near = near_name(rule->base.text, candidates, count);
  if (near) {
    diagnostic_help(checker->sink, diagnostic, "did you mean `%s`?", near);
    diagnostic_fix(checker->sink, diagnostic, rule->base.span, "%s", near);
  } else if (!rule->base_module.text) {
    diagnostic_help(checker->sink, diagnostic, "a rule of the library is named `std.%s`", rule->base.text);
  } else diagnostic_help(checker->sink, diagnostic, "`blur rules` lists the library");
}

static size_t collect_chain(Checker *checker, const AstFile *file, const AstRule *rule, ChainLink *chain) {
  size_t count = 0;
  while (rule) {
    for (size_t i = 0; i < count; i++)
      if (chain[i].rule == rule) { // at the last link of the circle in the text, whichever rule is checked
        for (size_t j = i + 1; j < count; j++)
          if (chain[j].rule->base.span.start > rule->base.span.start) rule = chain[j].rule;
        REPORT(checker, inheritance_cycle, rule->base.span, rule->name.text);
        return 0;
      }
    if (count == MAX_CHAIN) {
      Diagnostic *diagnostic =
          REPORT(checker, rule_too_large, chain[0].rule->base.span, "more than 64 rules are like one another in a row");
      diagnostic_help(checker->sink, diagnostic, "let a rule further down stand alone");
      return 0;
    }
    chain[count++] = (ChainLink){rule, file_scope(checker, file)};
    if (!rule->base.text) return count;
    const AstFile *base_file = file;
    bool reported = false;
    if (rule->base_module.text)
      base_file = module_load(checker, rule->base_module.text, rule->base.text, rule->base.span, &reported);
    const AstRule *base = base_file ? find_rule(base_file, rule->base.text) : NULL;
    if (!base) {
      if (!reported) report_unknown_base(checker, rule, rule->base_module.text ? NULL : base_file);
      return 0;
    }
    rule = base;
    file = base_file;
  }
  return count;
}

// ---- names of the rule

static const RuleOverride *find_override(Checker *checker, const char *name) {
  const RuleOverride *found = NULL;
  for (size_t i = 0; i < checker->override_count; i++)
    if (!strcmp(checker->overrides[i].name, name)) {
      checker->override_used[i] = true;
      found = &checker->overrides[i];
    }
  return found;
}

static const AstExpression *parse_setting(Checker *checker, const RuleOverride *override) {
  if (checker->settings) return checker->settings[override - checker->overrides].value;
  const char *path = arena_format(checker->arena, "--set %s", override->name);
  SourceFile *source = source_from_bytes(checker->arena, path, override->value, strlen(override->value));
  return parse_expression(checker->arena, source, checker->sink);
}

// A setting replaces the value of a constant, the function of a parameter, the initial value of a genome value.
static void apply_setting(Checker *checker, Entry *entry) {
  if (entry->setting_applied) return;
  entry->setting_applied = true;
  const RuleOverride *override = find_override(checker, entry->name.text);
  if (!override) return;
  const AstExpression *value = parse_setting(checker, override);
  if (!value) return;
  if (entry->kind == ENTRY_CONST) {
    entry->value = value;
  } else if (entry->kind == ENTRY_FUNCTION) {
    if (value->kind != EXPRESSION_NAME || value->name.qualifier.text) {
      Diagnostic *diagnostic = REPORT(checker, bad_setting, value->span, entry->name.text, "is a function");
      diagnostic_help(checker->sink, diagnostic, "give the name of a function: `--set %s=relu`", entry->name.text);
      return;
    }
    AstDeclaration *alias = ARENA_NEW(checker->arena, AstDeclaration);
    *alias = (AstDeclaration){.kind = DECLARATION_FUNCTION, .span = value->span, .name = entry->name};
    alias->function.is_alias = true;
    alias->function.body = (AstExpression *)(uintptr_t)value;
    entry->declaration = alias;
    // Its name may be one of the rule or of the library.
    if (!function_of_name(checker, value->name.name.text).entry &&
        !function_of_name(checker, value->name.name.text).builtin)
      report_unknown_name(checker, value->span, value->name.name.text, true);
  } else if (entry->variable_kind == CHECKED_GENOME) {
    entry->set_value = value;
  } else {
    Diagnostic *diagnostic =
        REPORT(checker, bad_setting, value->span, entry->name.text, "is a variable of the network");
    diagnostic_help(checker->sink, diagnostic, "constants, functions and genome values can be set");
  }
}

static void add_entry(Checker *checker, Entry content) {
  const char *name = content.name.text;
  if (!name) return;
  if (name_is_reserved(name)) {
    diagnostic_help(checker->sink, REPORT(checker, builtin_name, content.name.span, name), "choose another name");
    return;
  }
  Entry *same = name_table_find(&checker->names, name);
  if (same && same->origin == content.origin) return; // met in the first pass
  if (same && same->depth > content.depth) return;
  if (same && same->depth == content.depth) {
    Diagnostic *diagnostic = REPORT(checker, declared_twice, content.name.span, name);
    diagnostic_note(checker->sink, diagnostic, same->name.span, "declared here before");
    return;
  }
  Entry *outer = name_table_find(&content.file->names, name);
  if (!outer) outer = name_table_find(&checker->prelude, name);
  if (outer && content.kind != ENTRY_FUNCTION) {
    Diagnostic *diagnostic = REPORT(checker, shadowed_name, content.name.span, name);
    diagnostic_note(checker->sink, diagnostic, outer->name.span, "its first meaning");
    diagnostic_help(checker->sink, diagnostic, "choose another name");
  }
  if (same) *same = content;
  else {
    same = ARENA_NEW(checker->arena, Entry);
    *same = content;
    name_table_add(checker->arena, &checker->names, same);
  }
}

static bool is_named(const AstDeclaration *declaration) {
  return declaration->kind == DECLARATION_CONST || declaration->kind == DECLARATION_FUNCTION;
}

static void add_named(Checker *checker, const AstDeclaration *declaration, FileScope *file, int depth) {
  bool is_constant = declaration->kind == DECLARATION_CONST;
  add_entry(checker, (Entry){.kind = is_constant ? ENTRY_CONST : ENTRY_FUNCTION,
                             .name = declaration->name,
                             .file = file,
                             .in_rule = true,
                             .depth = depth,
                             .value = is_constant ? declaration->constant.value : NULL,
                             .declaration = declaration,
                             .origin = declaration,
                             .index = -1});
}

static void add_variables(Checker *checker, const AstDeclaration *declaration, CheckedKind kind, FileScope *file,
                          int depth) {
  for (const AstVariable *variable = declaration->variables.variables; variable; variable = variable->next)
    add_entry(checker, (Entry){.kind = ENTRY_VARIABLE,
                               .name = variable->name,
                               .file = file,
                               .in_rule = true,
                               .depth = depth,
                               .variable = variable,
                               .origin = variable,
                               .variable_kind = kind,
                               .index = -1});
}

// Blocks, `step` and `predict`: the newest of its name stands for all; false if it was there already.
static bool choose(Checker *checker, Merged *slot, const AstDeclaration *declaration, const char *name, FileScope *file,
                   int depth, const char *help) {
  if (slot->declaration && slot->depth == depth) {
    DiagnosticSink *sink = checker->sink;
    bool doubtful =
        diagnostic_is_damaged(sink, declaration->span) || diagnostic_is_damaged(sink, slot->declaration->span);
    if (doubtful) return false; // it may be no such block at all
    Span span = declaration->name.span.file ? declaration->name.span : declaration->span;
    Diagnostic *diagnostic = REPORT(checker, declared_twice, span, name);
    diagnostic_note(checker->sink, diagnostic, slot->declaration->span, "declared here before");
    diagnostic_help(checker->sink, diagnostic, "%s", help);
    diagnostic_damage(checker->sink, declaration->span, false);
    diagnostic_damage(checker->sink, slot->declaration->span, false); // either may be the one that was meant otherwise
    diagnostic_doubt_blocks(checker->sink);
    return false;
  }
  *slot = (Merged){declaration, file, depth};
  return true;
}

MergedBlock *merged_block(Checker *checker, const char *name) {
  for (size_t i = 0; i < checker->blocks.count; i++)
    if (!strcmp(checker->blocks.items[i].name, name)) return &checker->blocks.items[i];
  return NULL;
}

static void add_block(Checker *checker, const AstDeclaration *declaration, FileScope *file, int depth) {
  static const char *const names[] = {"input", "forward", "feedback", "backward", "update"};
  bool is_own = declaration->block.kind > BLOCK_UPDATE;
  const char *name = is_own ? declaration->name.text : names[declaration->block.kind];
  if (!name) return;
  MergedBlock *block = merged_block(checker, name);
  if (!block) {
    ARENA_PUSH(checker->arena, &checker->blocks, (MergedBlock){.name = name});
    block = &checker->blocks.items[checker->blocks.count - 1];
  }
  choose(checker, &block->merged, declaration, name, file, depth,
         is_own ? "give one of them another name"
                : "a rule has one block of each kind: put both bodies in one pair of braces");
}

static void add_declarations(Checker *checker, const AstDeclaration *first, FileScope *file, int depth) {
  for (const AstDeclaration *declaration = first; declaration; declaration = declaration->next) {
    switch (declaration->kind) {
    case DECLARATION_CONST:
    case DECLARATION_FUNCTION: add_named(checker, declaration, file, depth); break;
    case DECLARATION_NEURON: add_variables(checker, declaration, CHECKED_NEURON, file, depth); break;
    case DECLARATION_SYNAPSE: add_variables(checker, declaration, CHECKED_SYNAPSE, file, depth); break;
    case DECLARATION_GENOME: add_variables(checker, declaration, CHECKED_GENOME, file, depth); break;
    case DECLARATION_SIGNAL: add_variables(checker, declaration, CHECKED_SIGNAL, file, depth); break;
    case DECLARATION_BLOCK: add_block(checker, declaration, file, depth); break;
    case DECLARATION_STEP:
      choose(checker, &checker->step, declaration, "step", file, depth, "a rule has one order: keep one of them");
      break;
    case DECLARATION_PREDICT:
      choose(checker, &checker->predict, declaration, "predict", file, depth, "a rule predicts one value: keep one");
      break;
    case DECLARATION_USE: file_scope_use(checker, file, declaration); break;
    case DECLARATION_IF: {
      double chosen;
      bool is_truth;
      checker->environment = (Environment){NULL, file, true};
      checker->place = (Place){.kind = PLACE_CONSTANT, .name = "a condition on constants"};
      if (!constant_number(checker, declaration->choice.condition, "the condition of `if` among declarations", &chosen,
                           &is_truth))
        break;
      if (!is_truth) {
        diagnostic_help(checker->sink, REPORT(checker, truth_needed, declaration->choice.condition->span),
                        "compare it: `... != 0`");
        break;
      }
      add_declarations(checker, chosen != 0 ? declaration->choice.yes : declaration->choice.no, file, depth);
      break;
    }
    }
  }
}

static void apply_settings(Checker *checker) {
  for (size_t i = 0; i < checker->names.items.count; i++) {
    checker->environment = (Environment){NULL, checker->names.items.items[i]->file, true};
    apply_setting(checker, checker->names.items.items[i]);
  }
}

bool merge_rule(Checker *checker, const AstFile *file, const AstRule *rule) {
  ChainLink chain[MAX_CHAIN];
  size_t count = collect_chain(checker, file, rule, chain);
  if (!count) return false;
  checker->depth = (int)count - 1;
  // Names that conditions may ask for come first: all constants and functions outside `if`.
  for (size_t i = count; i-- > 0;)
    for (const AstDeclaration *declaration = chain[i].rule->declarations; declaration; declaration = declaration->next)
      if (is_named(declaration)) add_named(checker, declaration, chain[i].file, (int)(count - 1 - i));
  apply_settings(checker);
  for (size_t i = count; i-- > 0;)
    add_declarations(checker, chain[i].rule->declarations, chain[i].file, (int)(count - 1 - i));
  apply_settings(checker);
  return true;
}

void report_unused_settings(Checker *checker) {
  for (size_t i = 0; i < checker->override_count; i++) {
    if (checker->override_used[i]) continue;
    const RuleOverride *override = &checker->overrides[i];
    const char *path = arena_format(checker->arena, "--set %s", override->name);
    SourceFile *source = source_from_bytes(checker->arena, path, override->name, strlen(override->name));
    Span span = checker->settings ? checker->settings[i].name_span : (Span){source, 0, source->length};
    Diagnostic *diagnostic = REPORT(checker, unknown_setting, span, checker->rule->name, override->name);
    enum { LIMIT = 500 };
    const char *candidates[LIMIT];
    size_t found = 0;
    for (size_t j = 0; j < checker->names.items.count && found < LIMIT; j++) {
      Entry *entry = checker->names.items.items[j];
      if (entry->kind != ENTRY_VARIABLE || entry->variable_kind == CHECKED_GENOME)
        candidates[found++] = entry->name.text;
    }
    const char *near = near_name(override->name, candidates, found);
    if (near) diagnostic_help(checker->sink, diagnostic, "did you mean `%s`?", near);
  }
}
