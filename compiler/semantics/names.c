// Names: the tables of a rule and of its files, the language's own names, look-up by scope, and proposals of near
// names. Scopes, from the inside: locals (parameters, lets, indices), the rule, its file, the library's functions, the
// language.
#include "compiler/semantics/checker.h"
#include "compiler/source/library.h"
#include "compiler/syntax/habits.h"

#include <string.h>

// ---- tables

static uint32_t hash_name(const char *name) {
  uint32_t hash = 2166136261u;
  for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
  return hash;
}

Entry *name_table_find(const NameTable *table, const char *name) {
  if (!table->slot_count) return NULL;
  for (size_t slot = hash_name(name) & (table->slot_count - 1);; slot = (slot + 1) & (table->slot_count - 1)) {
    if (!table->slots[slot]) return NULL;
    Entry *entry = table->items.items[table->slots[slot] - 1];
    if (!strcmp(entry->name.text, name)) return entry;
  }
}

static void insert_slot(NameTable *table, uint32_t item) {
  size_t slot = hash_name(table->items.items[item]->name.text) & (table->slot_count - 1);
  while (table->slots[slot]) slot = (slot + 1) & (table->slot_count - 1);
  table->slots[slot] = item + 1;
}

void name_table_add(Arena *arena, NameTable *table, Entry *entry) {
  ARENA_PUSH(arena, &table->items, entry);
  if (table->items.count * 2 > table->slot_count) {
    table->slot_count = table->slot_count ? table->slot_count * 2 : 32;
    table->slots = ARENA_ARRAY(arena, uint32_t, table->slot_count);
    for (uint32_t i = 0; i < table->items.count; i++) insert_slot(table, i);
  } else insert_slot(table, (uint32_t)table->items.count - 1);
}

// ---- the language's own names

static const BuiltinFunction builtin_functions[] = {{"exp", OP_EXP, 1, -1},
                                                    {"log", OP_LOG, 1, -1},
                                                    {"log1p", OP_LOG1P, 1, -1},
                                                    {"expm1", OP_EXPM1, 1, -1},
                                                    {"sqrt", OP_SQRT, 1, -1},
                                                    {"rsqrt", OP_RSQRT, 1, -1},
                                                    {"abs", OP_ABS, 1, -1},
                                                    {"sign", OP_SIGN, 1, -1},
                                                    {"floor", OP_FLOOR, 1, -1},
                                                    {"mod", OP_MODULO, 2, -1},
                                                    {"tanh", OP_TANH, 1, -1},
                                                    {"sigmoid", OP_SIGMOID, 1, -1},
                                                    {"relu", OP_RELU, 1, -1},
                                                    {"softplus", OP_SOFTPLUS, 1, -1},
                                                    {"erf", OP_ERF, 1, -1},
                                                    {"sin", OP_SIN, 1, -1},
                                                    {"cos", OP_COS, 1, -1},
                                                    {"pow", OP_POWER, 2, -1},
                                                    {"clamp", OP_CLAMP, 3, -1},
                                                    {"stop", OP_STOP, 1, -1},
                                                    {"min", OP_MINIMUM, 2, BUILTIN_MINIMUM},
                                                    {"max", OP_MAXIMUM, 2, BUILTIN_MAXIMUM},
                                                    {"sum", -1, 1, BUILTIN_SUM},
                                                    {"prod", -1, 1, BUILTIN_PRODUCT},
                                                    {"mean", -1, 1, BUILTIN_MEAN},
                                                    {"var", -1, 1, BUILTIN_VARIANCE},
                                                    {"norm2", -1, 1, BUILTIN_NORM},
                                                    {"argmax", -1, 1, BUILTIN_ARGMAX}};
static const char *const axis_names[] = {"batch", "pre", "post", "unit", "output", "pre2", "post2"};
static const char *const scalar_names[] = {"first",   "last",   "layer",   "layers",     "step",     "fan_in",
                                           "fan_out", "inputs", "outputs", "batch_size", "training", "bias"};
static const char *const other_names[] = {"true",   "false",   "x",          "y",  "task_loss",
                                          "normal", "uniform", "orthogonal", "eye"};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static int position_in(const char *const *names, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (!strcmp(names[i], name)) return (int)i;
  return -1;
}

int name_of_axis(const char *name) { return position_in(axis_names, COUNT(axis_names), name); }
int name_of_scalar(const char *name) { return position_in(scalar_names, COUNT(scalar_names), name); }

const BuiltinFunction *name_of_builtin(const char *name) {
  for (size_t i = 0; i < COUNT(builtin_functions); i++)
    if (!strcmp(builtin_functions[i].name, name)) return &builtin_functions[i];
  return NULL;
}

bool name_is_reserved(const char *name) {
  return name_of_axis(name) >= 0 || name_of_scalar(name) >= 0 || name_of_builtin(name) ||
         position_in(other_names, COUNT(other_names), name) >= 0;
}

// ---- axes

bool axis_is_visible(const Checker *checker, RuleAxis axis) {
  if (axis >= RULE_AXIS_FIRST_STATE) return true;
  switch (checker->place.kind) {
  case PLACE_ONE_LAYER: return axis == RULE_AXIS_BATCH || axis == RULE_AXIS_UNIT || axis == RULE_AXIS_OUTPUT;
  case PLACE_SYNAPSES: return axis != RULE_AXIS_UNIT; // pre2 and post2 among them
  case PLACE_ANYWHERE: return true;
  default: return false;
  }
}

const char *near_axis(const Checker *checker, const char *name) {
  const char *candidates[RULE_AXIS_FIRST_STATE];
  size_t count = 0;
  for (RuleAxis axis = RULE_AXIS_BATCH; axis < RULE_AXIS_FIRST_STATE; axis++)
    if (axis_is_visible(checker, axis)) candidates[count++] = axis_name(checker, axis);
  return near_name(name, candidates, count);
}

const char *axis_name(const Checker *checker, RuleAxis axis) {
  return axis < RULE_AXIS_FIRST_STATE ? axis_names[axis] : checker->indices[axis].name.text;
}

const char *axis_set_text(Checker *checker, RuleAxisSet axes) {
  const char *text = "";
  for (RuleAxis axis = 0; axis < 64; axis++)
    if (axes & axis_bit(axis))
      text = arena_format(checker->arena, "%s%s%s", text, *text ? ", " : "", axis_name(checker, axis));
  return arena_format(checker->arena, "{%s}", text);
}

// ---- files and the library

static void add_file_declaration(Checker *checker, FileScope *scope, const AstDeclaration *declaration) {
  if (declaration->kind != DECLARATION_CONST && declaration->kind != DECLARATION_FUNCTION) return;
  const char *name = declaration->name.text;
  if (!name) return;
  if (name_is_reserved(name)) {
    diagnostic_help(checker->sink, REPORT(checker, builtin_name, declaration->name.span, name), "choose another name");
    return;
  }
  Entry *other = name_table_find(&scope->names, name);
  if (other) {
    Diagnostic *diagnostic = REPORT(checker, declared_twice, declaration->name.span, name);
    diagnostic_note(checker->sink, diagnostic, other->name.span, "declared here before");
    return;
  }
  Entry *entry = ARENA_NEW(checker->arena, Entry);
  *entry = (Entry){.kind = declaration->kind == DECLARATION_CONST ? ENTRY_CONST : ENTRY_FUNCTION,
                   .name = declaration->name,
                   .file = scope,
                   .value = declaration->kind == DECLARATION_CONST ? declaration->constant.value : NULL,
                   .declaration = declaration};
  name_table_add(checker->arena, &scope->names, entry);
}

// A file of the library; `reported` where the loader has said why there is none.
const AstFile *module_load(Checker *checker, const char *module, const char *item, Span asked_at, bool *reported) {
  size_t errors = checker->sink->errors;
  const AstFile *file = checker->modules && checker->modules->load
                            ? checker->modules->load(checker->modules->context, module, item, asked_at)
                            : NULL;
  *reported = checker->sink->errors > errors || (!file && report_stands_at(checker, asked_at));
  return file;
}

// The functions and constants of a used file become names of the file that uses it.
void file_scope_use(Checker *checker, FileScope *scope, const AstDeclaration *use) {
  if (!use->use.module.text || !use->use.item.text) return;
  bool reported;
  const AstFile *file = module_load(checker, use->use.module.text, use->use.item.text, use->span, &reported);
  if (!file) {
    if (reported) return;
    Diagnostic *diagnostic = REPORT(checker, unknown_use, use->span, use->use.module.text, use->use.item.text);
    diagnostic_help(checker->sink, diagnostic, "`blur rules` lists the library");
    return;
  }
  FileScope *used = file_scope(checker, file);
  for (size_t i = 0; i < used->names.items.count; i++)
    if (!name_table_find(&scope->names, used->names.items.items[i]->name.text))
      name_table_add(checker->arena, &scope->names, used->names.items.items[i]);
}

FileScope *file_scope(Checker *checker, const AstFile *file) {
  for (FileScope *scope = checker->files; scope; scope = scope->next)
    if (scope->file == file) return scope;
  FileScope *scope = ARENA_NEW(checker->arena, FileScope);
  scope->file = file;
  scope->next = checker->files;
  checker->files = scope; // before the uses: files may use one another
  for (const AstDeclaration *declaration = file->declarations; declaration; declaration = declaration->next)
    add_file_declaration(checker, scope, declaration);
  for (const AstDeclaration *declaration = file->declarations; declaration; declaration = declaration->next)
    if (declaration->kind == DECLARATION_USE) file_scope_use(checker, scope, declaration);
  return scope;
}

// The functions of these files are visible everywhere.
void prelude_load(Checker *checker) {
  static const char *const items[] = {"activation", "norm", "loss"};
  if (checker->prelude_loaded || !checker->modules || !checker->modules->load) return;
  checker->prelude_loaded = true;
  for (size_t i = 0; i < COUNT(items); i++) {
    const AstFile *file = checker->modules->load(checker->modules->context, "std", items[i], (Span){0});
    if (!file) continue;
    FileScope *scope = file_scope(checker, file);
    for (size_t j = 0; j < scope->names.items.count; j++)
      if (!name_table_find(&checker->prelude, scope->names.items.items[j]->name.text))
        name_table_add(checker->arena, &checker->prelude, scope->names.items.items[j]);
  }
}

// ---- look-up

Entry *scope_find_entry(Checker *checker, const char *name) {
  Entry *entry = checker->environment.in_rule ? name_table_find(&checker->names, name) : NULL;
  if (!entry && checker->environment.file) entry = name_table_find(&checker->environment.file->names, name);
  if (!entry) entry = name_table_find(&checker->prelude, name);
  return entry;
}

int name_of_counter(const Checker *checker, const char *name) {
  for (size_t i = 0; checker->environment.in_rule && i < checker->rule->counters.count; i++)
    if (!strcmp(checker->rule->counters.items[i].name, name)) return (int)i;
  return -1;
}

Local *scope_find_local(Checker *checker, const char *name) {
  for (Local *local = checker->environment.locals; local; local = local->next)
    if (!strcmp(local->name.text, name)) return local;
  return NULL;
}

enum { MAX_LOCALS = 1000 };

Local *scope_add_local(Checker *checker, LocalKind kind, AstName name) {
  Local *local = ARENA_NEW(checker->arena, Local);
  *local = (Local){.kind = kind, .name = name, .next = checker->environment.locals};
  local->level = local->next ? local->next->level + 1 : 1;
  Local *hidden = scope_find_local(checker, name.text);
  Entry *entry = hidden ? NULL : scope_find_entry(checker, name.text);
  int counter = hidden || entry ? -1 : name_of_counter(checker, name.text);
  bool is_plain = !strcmp(name.text, "x") || !strcmp(name.text, "y");
  // A parameter or let of a rule may be called as a function of the library that the rule does not use by that name.
  if (entry && !entry->in_rule && entry->file != checker->environment.file) entry = NULL;
  if (!hidden && !entry && name_is_reserved(name.text) && !(is_plain && kind != LOCAL_LET)) {
    diagnostic_help(checker->sink, REPORT(checker, builtin_name, name.span, name.text), "choose another name");
  } else if (hidden || entry || counter >= 0) {
    Diagnostic *diagnostic = REPORT(checker, shadowed_name, name.span, name.text);
    Span first = hidden ? hidden->name.span : entry ? entry->name.span : checker->rule->counters.items[counter].span;
    diagnostic_note(checker->sink, diagnostic, first, "its first meaning");
    diagnostic_help(checker->sink, diagnostic, "choose another name");
  } else if (local->level > MAX_LOCALS) {
    REPORT(checker, rule_too_large, name.span, "more than 1000 names in one block");
    checker->too_large = true;
    return NULL;
  } else {
    checker->environment.locals = local;
    return local;
  }
  // After the report the name is known all the same, so that its uses are not reported again.
  local->kind = hidden && hidden->kind == LOCAL_INDEX ? LOCAL_INDEX : LOCAL_ANY;
  local->index = hidden ? hidden->index : local->index;
  checker->environment.locals = local;
  return NULL;
}

// ---- functions

static Entry *loss_entry(Checker *checker) {
  static const char *const names[] = {"cross_entropy", "squared_error", "logistic", "hinge"};
  return name_table_find(&checker->prelude, names[checker->task_loss]);
}

static FunctionValue resolve_function(Checker *checker, const char *name, bool in_rule, const FileScope *file,
                                      int depth) {
  FunctionValue none = {0};
  if (depth > 32) return none;
  Entry *entry = in_rule ? name_table_find(&checker->names, name) : NULL;
  if (!entry && file) entry = name_table_find(&file->names, name);
  if (!entry) entry = name_table_find(&checker->prelude, name);
  if (!entry) {
    if (!strcmp(name, "task_loss")) return (FunctionValue){.entry = loss_entry(checker)};
    return (FunctionValue){.builtin = name_of_builtin(name)};
  }
  if (entry->kind != ENTRY_FUNCTION) return none;
  entry->used = true;
  if (!entry->declaration->function.is_alias) return (FunctionValue){.entry = entry};
  const AstExpression *body = entry->declaration->function.body;
  if (!body || body->kind != EXPRESSION_NAME || body->name.qualifier.text || !body->name.name.text) return none;
  // `fn act = act` in a rule: the one of the file or of the library.
  bool same = !strcmp(body->name.name.text, name);
  if (same && !entry->in_rule) {
    Entry *library = name_table_find(&checker->prelude, name);
    if (library == entry) return none;
    return resolve_function(checker, name, false, NULL, depth + 1);
  }
  return resolve_function(checker, body->name.name.text, entry->in_rule && !same, entry->file, depth + 1);
}

FunctionValue function_of_name(Checker *checker, const char *name) {
  Local *local = scope_find_local(checker, name);
  if (local) {
    if (local->kind != LOCAL_FUNCTION) return (FunctionValue){0};
    local->used = true;
    return local->function;
  }
  return resolve_function(checker, name, checker->environment.in_rule, checker->environment.file, 0);
}

// ---- proposals

static const char *nearest_name(Checker *checker, const char *name, bool functions_only) {
  enum { LIMIT = 1000 };
  if (checker->sink->errors > 100) return NULL;
  const char *candidates[LIMIT];
  size_t count = 0;
  for (Local *local = checker->environment.locals; local && count < LIMIT; local = local->next)
    if (!functions_only || local->kind == LOCAL_FUNCTION) candidates[count++] = local->name.text;
  const NameTable *tables[3] = {checker->environment.in_rule ? &checker->names : NULL,
                                checker->environment.file ? &checker->environment.file->names : NULL,
                                &checker->prelude};
  for (int t = 0; t < 3; t++)
    for (size_t i = 0; tables[t] && i < tables[t]->items.count && count < LIMIT; i++) {
      Entry *entry = tables[t]->items.items[i];
      if ((t < 2 || functions_only) && (!functions_only || entry->kind == ENTRY_FUNCTION))
        candidates[count++] = entry->name.text;
    }
  if (functions_only) {
    for (size_t i = 0; i < COUNT(builtin_functions) && count < LIMIT; i++)
      candidates[count++] = builtin_functions[i].name;
  } else {
    for (size_t i = 0; i < COUNT(scalar_names) && count < LIMIT; i++) candidates[count++] = scalar_names[i];
    for (size_t i = 0; i < COUNT(axis_names) && count < LIMIT; i++)
      if (axis_is_visible(checker, (RuleAxis)i)) candidates[count++] = axis_names[i];
  }
  return near_name(name, candidates, count);
}

// Names that are nothing's slip of the pen are most often declarations that were forgotten together, or the name that
// one should have had which is there twice: one error. True if the name joined an earlier one.
bool name_is_refused(const Checker *checker, const char *name) {
  for (size_t i = 0; i < checker->sink->items.count; i++) {
    const Diagnostic *other = &checker->sink->items.items[i];
    size_t length = other->span.end - other->span.start;
    if (other->code == DIAGNOSTIC_builtin_name && other->span.file && strlen(name) == length &&
        !memcmp(other->span.file->text + other->span.start, name, length))
      return true;
  }
  return false;
}

static const char *habit_of(const char *name, bool is_function) {
  return is_function ? habit_function(name) : habit_name(name);
}

// Is the unknown name that was told a word of another language? It stands for itself, and no other joins it.
static bool tells_habit(const Checker *checker, const Diagnostic *diagnostic) {
  Span span = diagnostic->span;
  const char *name = arena_copy(checker->arena, span.file->text + span.start, span.end - span.start);
  return habit_of(name, diagnostic->code == DIAGNOSTIC_unknown_function) != NULL;
}

// Of the same file; what rules say of each other's names they say for themselves.
static bool in_other_rule(const Checker *checker, Span span) {
  Span rule = checker->ast ? checker->ast->span : (Span){0};
  return rule.file == span.file && (span.start < rule.start || span.end > rule.end);
}

static bool joins_other_error(Checker *checker, Span span, const char *name, const char *near) {
  const char *quoted = arena_format(checker->arena, "`%s`", name);
  const char *text = near ? arena_format(checker->arena, "nor is there %s: did you mean `%s`?", quoted, near)
                          : arena_format(checker->arena, "nor is there %s", quoted);
  for (size_t i = 0; i < checker->sink->items.count; i++) {
    Diagnostic *first = &checker->sink->items.items[i];
    if (first->span.file != span.file || first->replacement || in_other_rule(checker, first->span)) continue;
    bool unknown = first->code == DIAGNOSTIC_unknown_name || first->code == DIAGNOSTIC_unknown_function;
    bool doubled = first->code == DIAGNOSTIC_shadowed_name || first->code == DIAGNOSTIC_declared_twice ||
                   first->code == DIAGNOSTIC_builtin_name;
    if ((!unknown && (!doubled || near)) || tells_habit(checker, first)) continue;
    if (strstr(first->message, quoted)) return false; // this name itself
    for (size_t n = 0; n < first->notes.count; n++)
      if (!strcmp(first->notes.items[n].text, text)) return true;
    diagnostic_note(checker->sink, first, span, "%s", text);
    return true;
  }
  return false;
}

// Is the name nearly one of a declaration that an error has told about, or a function that a `use` with an error may
// have meant to bring in?
static bool may_be_told(const Checker *checker, Span span, const char *name, bool is_function) {
  const DiagnosticSink *sink = checker->sink;
  for (size_t i = 0; i < sink->items.count && is_function; i++)
    if (sink->items.items[i].code == DIAGNOSTIC_unknown_use && sink->items.items[i].span.file == span.file) return true;
  enum { LIMIT = 100 };
  const char *words[LIMIT];
  size_t count = diagnostic_damaged_words(sink, span.file, words, LIMIT);
  return near_name(name, words, count) != NULL;
}

// A function of the library that no `use` has brought in.
static bool propose_module(Checker *checker, Diagnostic *diagnostic, const char *name) {
  const char *module = library_module_of(checker->arena, name);
  if (module)
    diagnostic_help(checker->sink, diagnostic, "the library has it: write `use std.%s` outside of the rule", module);
  return module != NULL;
}

void report_unknown_name(Checker *checker, Span span, const char *name, bool is_function) {
  enum { SHORT = 3 }; // a shorter name is near to too many
  const char *near = nearest_name(checker, name, is_function);
  bool slip = near && strlen(name) >= SHORT;
  const Entry *entry = near ? scope_find_entry(checker, near) : NULL;
  // After an error of syntax the declaration may be what could not be read: only a slip of the pen is told then.
  if (checker->is_partial && (!slip || strlen(name) <= SHORT || !(entry || scope_find_local(checker, near)))) return;
  DiagnosticCode code = is_function ? DIAGNOSTIC_unknown_function : DIAGNOSTIC_unknown_name;
  const char *habit = slip ? NULL : habit_of(name, is_function);
  if (name_is_refused(checker, name)) return;
  if (!habit && joins_other_error(checker, span, name, slip ? near : NULL)) return;
  if (may_be_told(checker, span, name, is_function)) return;
  Diagnostic *diagnostic = diagnostic_report(checker->sink, code, span, name);
  if (diagnostic == &checker->sink->scratch) return;
  checker_unknown_name_told(checker, span);
  if (habit) {
    diagnostic_help(checker->sink, diagnostic, "%s", habit);
    return;
  }
  if (near) diagnostic_help(checker->sink, diagnostic, "did you mean `%s`?", near);
  if (near && slip) diagnostic_fix(checker->sink, diagnostic, span, "%s", near);
  if (entry && entry->name.span.file == span.file)
    diagnostic_note(checker->sink, diagnostic, entry->name.span, "`%s` is declared here", near);
  if (near || (is_function && propose_module(checker, diagnostic, name))) return;
  note_kin_of_name(checker, diagnostic, name, is_function);
  if (!checker->environment.in_rule && name_table_find(&checker->names, name))
    diagnostic_help(checker->sink, diagnostic,
                    "`%s` is a name of the rule, which a function outside does not see: give it as an argument", name);
}
