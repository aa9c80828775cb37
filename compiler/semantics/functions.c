// Calls: functions are inlined, each call once for the same arguments (so that functions which call functions twice do
// not grow exponentially). An argument is its checked node: since expressions have no effects, that is the tensor
// "fixed where it is written". f' is the gradient of the function's inlined body with respect to a placeholder for its
// first argument.
#include "compiler/semantics/checker.h"

#include <string.h>

enum { MAX_PARAMETERS = 16, MAX_CALL_DEPTH = 64, MAX_CALLS = 10000 };

typedef struct {
  int parameters, axes, indices;
  CheckedExpression *value[MAX_PARAMETERS]; // NULL: a function
  FunctionValue function[MAX_PARAMETERS];
  RuleAxisSet axis[MAX_PARAMETERS];
  CheckedIndex index[MAX_PARAMETERS];
} Arguments;

struct Memo {
  const Entry *entry;
  int primes;
  Arguments arguments;
  CheckedExpression *result;
  Memo *next;
};

// ---- axes and indices of a call

// Names before the colon: axes that are visible, axis parameters; in a reduction (`may_bind`) new state indices, too.
bool check_axes(Checker *checker, const AstNameList *names, bool may_bind, RuleAxisSet *axes) {
  *axes = 0;
  for (const AstNameList *item = names; item; item = item->next) {
    const char *name = item->name.text;
    RuleAxisSet bits = 0;
    Local *local = scope_find_local(checker, name);
    int axis = name_of_axis(name);
    if (local && local->kind == LOCAL_ANY) return false;
    if (local && local->kind == LOCAL_AXES) {
      local->used = true;
      bits = local->axes;
    } else if (local && local->kind == LOCAL_INDEX && !may_bind && local->index.is_axis) {
      local->used = true;
      bits = axis_bit(local->index.axis);
    } else if (local || (axis < 0 && scope_find_entry(checker, name))) {
      Diagnostic *diagnostic = REPORT(checker, shadowed_name, item->name.span, name);
      Entry *entry = local ? NULL : scope_find_entry(checker, name);
      diagnostic_note(checker->sink, diagnostic, local ? local->name.span : entry->name.span, "its first meaning");
      diagnostic_help(checker->sink, diagnostic, "a reduction binds an index of its own: choose another name");
      return false;
    } else if (axis >= 0 && axis_is_visible(checker, (RuleAxis)axis)) bits = axis_bit((RuleAxis)axis);
    else if (axis >= 0 || !may_bind || name_is_reserved(name)) {
      Diagnostic *diagnostic = REPORT(checker, unknown_axis, item->name.span, name, checker->place.name);
      const char *near = axis < 0 ? near_axis(checker, name) : NULL;
      if (near) {
        diagnostic_help(checker->sink, diagnostic, "did you mean `%s`?", near);
        diagnostic_fix(checker->sink, diagnostic, item->name.span, "%s", near);
      } else if (checker->place.kind == PLACE_ONE_LAYER)
        diagnostic_help(checker->sink, diagnostic, "the axes here are `batch`, `unit` and `output`");
      else if (checker->place.kind == PLACE_SYNAPSES)
        diagnostic_help(checker->sink, diagnostic,
                        "the axes here are `batch`, `pre`, `post`, `output`, `pre2` and `post2`");
      return false;
    } else {
      RuleAxis bound;
      Local *index = scope_add_local(checker, LOCAL_INDEX, item->name);
      if (!index || !bind_index(checker, item->name, &bound)) return false;
      index->index = (CheckedIndex){true, bound, 0};
      bits = axis_bit(bound);
    }
    if (*axes & bits) {
      REPORT(checker, index_repeated, item->name.span, name);
      return false;
    }
    *axes |= bits;
  }
  return true;
}

static int name_count(const AstNameList *names) {
  int count = 0;
  for (; names; names = names->next) count++;
  return count;
}

static bool bind_axes(Checker *checker, const Entry *entry, const AstExpression *ast, Arguments *arguments) {
  const AstNameList *parameters = entry->declaration->function.axes;
  int declared = name_count(parameters), given = name_count(ast->call.axes);
  if ((declared == 0) != (given == 0) || (declared > 1 && declared != given) || declared > MAX_PARAMETERS) {
    Diagnostic *diagnostic = REPORT(checker, function_axes, ast->span, entry->name.text);
    diagnostic_note(checker->sink, diagnostic, entry->name.span,
                    declared > 1    ? "declared with %d axes here"
                    : declared == 1 ? "declared with axes here"
                                    : "declared without axes here",
                    declared);
    if (declared)
      diagnostic_help(checker->sink, diagnostic, "name the axes before a colon: `%s(%s: ...)`", entry->name.text,
                      likely_axis(checker));
    else diagnostic_help(checker->sink, diagnostic, "leave the axes and the colon out: `%s(...)`", entry->name.text);
    return false;
  }
  arguments->axes = declared;
  if (declared == 1) return check_axes(checker, ast->call.axes, false, &arguments->axis[0]);
  const AstNameList *item = ast->call.axes;
  for (int i = 0; i < declared; i++, item = item->next) {
    AstNameList single = {item->name, NULL};
    if (!check_axes(checker, &single, false, &arguments->axis[i])) return false;
  }
  return true;
}

static bool bind_indices(Checker *checker, const Entry *entry, const AstExpression *ast, Arguments *arguments) {
  int declared = name_count(entry->declaration->function.indices), given = 0;
  for (const AstIndex *index = ast->call.brackets; index; index = index->next) given++;
  if (declared != given || declared > MAX_PARAMETERS) {
    Diagnostic *diagnostic = REPORT(checker, function_indices, ast->span, entry->name.text, declared,
                                    declared == 1 ? "index" : "indices", given);
    diagnostic_note(checker->sink, diagnostic, entry->name.span, "declared here");
    if (declared)
      diagnostic_help(checker->sink, diagnostic, "give the state in brackets: `%s[c](...)`", entry->name.text);
    return false;
  }
  for (const AstIndex *index = ast->call.brackets; index; index = index->next) {
    CheckedIndex *out = &arguments->index[arguments->indices++];
    const AstExpression *value = index->value;
    if (index->axis.text || index->is_range || !value) {
      REPORT(checker, index_kind, index->span, "an index of a function");
      return false;
    }
    Local *local = value->kind == EXPRESSION_NAME && !value->name.qualifier.text
                       ? scope_find_local(checker, value->name.name.text)
                       : NULL;
    if (local && local->kind == LOCAL_ANY) return false;
    if (local && local->kind == LOCAL_INDEX) {
      local->used = true;
      *out = local->index;
      continue;
    }
    if (value->kind == EXPRESSION_NAME && !local && !value->name.qualifier.text &&
        !scope_find_entry(checker, value->name.name.text)) {
      Diagnostic *diagnostic = REPORT(checker, unknown_index, value->span, value->name.name.text);
      diagnostic_help(checker->sink, diagnostic,
                      "an index is bound by the left side, by a reduction, by `let` or by a function's brackets");
      return false;
    }
    *out = (CheckedIndex){0};
    if (!constant_integer(checker, value, "an index", &out->constant)) return false;
    if (out->constant < 0) {
      REPORT(checker, index_kind, value->span, "an index");
      return false;
    }
  }
  return true;
}

// ---- arguments

static bool bind_arguments(Checker *checker, const AstExpression *ast, Arguments *arguments) {
  bool fine = true;
  for (const AstExpression *argument = ast->call.arguments; argument; argument = argument->next) {
    if (arguments->parameters == MAX_PARAMETERS) {
      REPORT(checker, rule_too_large, argument->span, "a call with more than 16 arguments");
      return false;
    }
    int i = arguments->parameters++;
    if (argument->kind == EXPRESSION_NAME && !argument->name.qualifier.text && argument->name.name.text) {
      arguments->function[i] = function_of_name(checker, argument->name.name.text);
      if (arguments->function[i].builtin || arguments->function[i].entry) continue;
    }
    arguments->value[i] = check_expression(checker, argument);
    if (node_is_error(checker, arguments->value[i])) fine = false;
  }
  return fine;
}

static bool argument_count(Checker *checker, const AstExpression *ast, const char *name, int wanted,
                           const Entry *declared) {
  int given = 0;
  for (const AstExpression *argument = ast->call.arguments; argument; argument = argument->next) given++;
  if (given == wanted) return true;
  Diagnostic *diagnostic =
      REPORT(checker, argument_count, ast->span, name, wanted, wanted == 1 ? "argument" : "arguments", given);
  if (declared) {
    diagnostic_note(checker->sink, diagnostic, declared->name.span, "declared here");
    const char *parameters = "";
    for (const AstNameList *item = declared->declaration->function.parameters; item; item = item->next)
      parameters = arena_format(checker->arena, "%s%s%s", parameters, *parameters ? ", " : "", item->name.text);
    diagnostic_help(checker->sink, diagnostic, "its parameters are (%s)", parameters);
    return false;
  }
  bool reduces = !strcmp(name, "min") || !strcmp(name, "max");
  diagnostic_help(checker->sink, diagnostic,
                  wanted == 1               ? "write `%s(z)`"
                  : wanted == 2 && !reduces ? "write `%s(p, q)`"
                  : wanted == 2             ? "write `%s(p, q)`; over axes it is `%s(%s: ...)`"
                                            : "write `%s(z, low, high)`",
                  name, name, likely_axis(checker));
  return false;
}

// ---- the body of a declared function

static void check_parameter_names(Checker *checker, Entry *entry) {
  if (entry->names_checked) return;
  entry->names_checked = true;
  Environment outer = checker->environment;
  Call *call = checker->call;
  checker->call = NULL;
  checker->environment = (Environment){NULL, entry->file, entry->in_rule};
  const AstDeclaration *declaration = entry->declaration;
  const AstNameList *lists[] = {declaration->function.indices, declaration->function.axes,
                                declaration->function.parameters};
  for (int i = 0; i < 3; i++)
    for (const AstNameList *item = lists[i]; item; item = item->next) scope_add_local(checker, LOCAL_ANY, item->name);
  checker->environment = outer;
  checker->call = call;
}

static void add_parameter(Checker *checker, Local parameter) {
  Local *local = ARENA_NEW(checker->arena, Local);
  *local = parameter;
  local->next = checker->environment.locals;
  local->level = local->next ? local->next->level + 1 : 1;
  checker->environment.locals = local;
}

static uint64_t functions_hash(const Arguments *arguments) {
  uint64_t hash = 1;
  for (int i = 0; i < arguments->parameters; i++)
    hash = hash * 1000003u ^ (uintptr_t)arguments->function[i].entry ^ (uintptr_t)arguments->function[i].builtin;
  return hash;
}

// `body`: the function's, or its declared derivative.
static CheckedExpression *inline_body(Checker *checker, Entry *entry, const AstExpression *body,
                                      const Arguments *arguments, Span span) {
  uint64_t functions = functions_hash(arguments);
  for (const Call *call = checker->call; call; call = call->outer)
    if (call->entry == entry && call->functions == functions) {
      Diagnostic *diagnostic = REPORT_PLAIN(checker, recursion, entry->name.span, entry->name.text);
      diagnostic_note(checker->sink, diagnostic, span, "it calls itself here");
      diagnostic_help(checker->sink, diagnostic,
                      "functions are written out where they stand, so none may reach itself");
      return checker->error;
    }
  if (checker->call_depth >= MAX_CALL_DEPTH || ++checker->calls_made > MAX_CALLS) {
    REPORT_PLAIN(checker, rule_too_large, call_place(checker, span),
                 checker->call_depth >= MAX_CALL_DEPTH ? "functions call one another more than 64 deep"
                                                       : "more than 10000 calls of functions");
    checker->too_large = true;
    return checker->error;
  }
  check_parameter_names(checker, entry);
  const AstDeclaration *declaration = entry->declaration;
  Environment outer = checker->environment;
  Call call = {entry, span, functions, checker->call};
  checker->environment = (Environment){NULL, entry->file, entry->in_rule};
  int i = 0;
  for (const AstNameList *item = declaration->function.indices; item; item = item->next, i++)
    add_parameter(checker, (Local){.kind = LOCAL_INDEX, .name = item->name, .index = arguments->index[i]});
  i = 0;
  for (const AstNameList *item = declaration->function.axes; item; item = item->next, i++)
    add_parameter(checker, (Local){.kind = LOCAL_AXES, .name = item->name, .axes = arguments->axis[i]});
  i = 0;
  for (const AstNameList *item = declaration->function.parameters; item; item = item->next, i++)
    add_parameter(checker, (Local){.kind = arguments->value[i] ? LOCAL_VALUE : LOCAL_FUNCTION,
                                   .name = item->name,
                                   .value = arguments->value[i],
                                   .function = arguments->function[i]});
  checker->call = &call;
  checker->call_depth++;
  CheckedExpression *result = check_expression(checker, body);
  checker->call_depth--;
  checker->call = call.outer;
  checker->environment = outer;
  return result;
}

// ---- derivatives

typedef CheckedExpression *Body(Checker *checker, const void *function, const Arguments *arguments, Span span);

static void note_surrogate(Checker *checker, const Entry *entry) {
  const AstExpression *slope = entry->declaration->function.derivative;
  for (size_t i = 0; i < checker->rule->surrogates.count; i++)
    if (checker->rule->surrogates.items[i].slope.start == slope->span.start &&
        checker->rule->surrogates.items[i].slope.file == slope->span.file)
      return;
  ARENA_PUSH(checker->arena, &checker->rule->surrogates, (CheckedSurrogate){entry->name.text, slope->span});
}

static CheckedExpression *declared_body(Checker *checker, const void *function, const Arguments *arguments, Span span) {
  Entry *entry = (Entry *)(uintptr_t)function;
  const AstDeclaration *declaration = entry->declaration;
  CheckedExpression *value = inline_body(checker, entry, declaration->function.body, arguments, span);
  if (!declaration->function.derivative || !arguments->parameters || !arguments->value[0]) return value;
  note_surrogate(checker, entry);
  CheckedExpression *at = node_to_number(checker, arguments->value[0]);
  CheckedExpression *slope =
      node_to_number(checker, inline_body(checker, entry, declaration->function.derivative, arguments, span));
  if (node_is_error(checker, value) || node_is_error(checker, at) || node_is_error(checker, slope))
    return checker->error;
  RuleAxisSet lost = at->axes & ~value->axes;
  if (!lost) return node_operation(checker, OP_SURROGATE, value, at, slope, span);
  Diagnostic *diagnostic = REPORT(checker, surrogate_axes, span, entry->name.text, axis_set_text(checker, lost));
  diagnostic_note(checker->sink, diagnostic, declaration->function.derivative->span, "its declared derivative");
  diagnostic_help(checker->sink, diagnostic,
                  "declare the derivative of a function without axes, and reduce outside of it");
  return checker->error;
}

static CheckedExpression *operation_body(Checker *checker, const void *function, const Arguments *arguments,
                                         Span span) {
  const BuiltinFunction *builtin = function;
  return node_operation(checker, (IrOperation)builtin->operation, arguments->value[0], arguments->value[1],
                        arguments->value[2], span);
}

static CheckedExpression *reduction_body(Checker *checker, const void *function, const Arguments *arguments,
                                         Span span) {
  const BuiltinFunction *builtin = function;
  return make_reduction(checker, (BuiltinReduction)builtin->reduction, arguments->axis[0], arguments->value[0], span);
}

// The body with `primes` derivatives by the first argument. Without axes the derivative is elementwise: the placeholder
// then has all axes of the value.
static CheckedExpression *derive(Checker *checker, Body *body, const void *function, const Arguments *given, int primes,
                                 Span span) {
  if (!primes) return body(checker, function, given, span);
  Arguments arguments = *given;
  CheckedExpression *at = node_to_number(checker, given->value[0]);
  if (node_is_error(checker, at)) return at;
  CheckedExpression *argument = NULL, *value = NULL;
  RuleAxisSet axes = at->axes;
  for (int attempt = 0; attempt < 2; attempt++) {
    argument = node_argument(checker, at, axes, at->span);
    if (node_is_error(checker, argument)) return argument;
    arguments.value[0] = argument;
    value = node_to_number(checker, derive(checker, body, function, &arguments, primes - 1, span));
    if (node_is_error(checker, value)) return value;
    if (given->axes || !(value->axes & ~axes)) break;
    axes |= value->axes;
  }
  if (node_of(value)->flags & NODE_FLAT) {
    Diagnostic *diagnostic = REPORT(checker, zero_derivative, span);
    diagnostic_note(checker->sink, diagnostic, node_of(value)->flat_span,
                    "its derivative is 0 here, wherever there is one");
    diagnostic_help(checker->sink, diagnostic, "if that is meant, write `stop(...)` around it");
  }
  return node_gradient(checker, value, argument, at, span);
}

// ---- calls

static size_t arguments_hash(const Entry *entry, int primes, const Arguments *arguments) {
  uint64_t hash = (uintptr_t)entry ^ (uint64_t)primes;
  for (int i = 0; i < arguments->parameters; i++) hash = (hash ^ (uintptr_t)arguments->value[i]) * 0x9e3779b97f4a7c15u;
  return (size_t)(hash >> 32);
}

static CheckedExpression *call_declared(Checker *checker, Entry *entry, const AstExpression *ast) {
  entry->used = true;
  if (!entry->declaration->function.body) return checker->error;
  Arguments arguments;
  memset(&arguments, 0, sizeof arguments);
  bool fine = bind_axes(checker, entry, ast, &arguments);
  fine = bind_indices(checker, entry, ast, &arguments) && fine;
  if (!argument_count(checker, ast, entry->name.text, name_count(entry->declaration->function.parameters), entry))
    return checker->error;
  fine = bind_arguments(checker, ast, &arguments) && fine;
  if (!fine) return checker->error;
  int primes = ast->call.primes;
  if (primes && (!arguments.parameters || !arguments.value[0])) {
    REPORT(checker, no_derivative, ast->span, entry->name.text);
    return checker->error;
  }
  Memo **bucket = &checker->memos[arguments_hash(entry, primes, &arguments) % MEMO_BUCKETS];
  for (const Memo *memo = *bucket; memo; memo = memo->next)
    if (memo->entry == entry && memo->primes == primes && !memcmp(&memo->arguments, &arguments, sizeof arguments))
      return memo->result;
  Memo *memo = ARENA_NEW(checker->arena, Memo);
  memo->entry = entry;
  memo->primes = primes;
  memcpy(&memo->arguments, &arguments, sizeof arguments);
  uint32_t places = checker->next_place;
  memo->result = derive(checker, declared_body, entry, &arguments, primes, ast->span);
  if (checker->next_place != places) return memo->result; // what draws noise draws anew at each call
  memo->next = *bucket;
  *bucket = memo;
  return memo->result;
}

static CheckedExpression *call_operation(Checker *checker, const BuiltinFunction *builtin, const AstExpression *ast) {
  if (ast->call.brackets) {
    REPORT(checker, function_indices, ast->span, builtin->name, 0, "indices", 1);
    return checker->error;
  }
  if (ast->call.has_colon || ast->call.axes) {
    Diagnostic *diagnostic = REPORT(checker, function_axes, ast->span, builtin->name);
    diagnostic_help(checker->sink, diagnostic, "`%s` works element by element: leave the axes and the colon out",
                    builtin->name);
    return checker->error;
  }
  if (!argument_count(checker, ast, builtin->name, builtin->arity, NULL)) return checker->error;
  Arguments arguments;
  memset(&arguments, 0, sizeof arguments);
  for (const AstExpression *argument = ast->call.arguments; argument; argument = argument->next)
    arguments.value[arguments.parameters++] = check_number(checker, argument);
  for (int i = 0; i < arguments.parameters; i++)
    if (node_is_error(checker, arguments.value[i])) return checker->error;
  return derive(checker, operation_body, builtin, &arguments, ast->call.primes, ast->span);
}

static CheckedExpression *call_reduction(Checker *checker, const BuiltinFunction *builtin, const AstExpression *ast) {
  if (!ast->call.primes) return check_reduction(checker, ast, (BuiltinReduction)builtin->reduction);
  Arguments arguments;
  memset(&arguments, 0, sizeof arguments);
  arguments.axes = arguments.parameters = 1;
  if (!ast->call.axes || !argument_count(checker, ast, builtin->name, 1, NULL)) {
    REPORT(checker, no_derivative, ast->span, builtin->name);
    return checker->error;
  }
  if (!check_axes(checker, ast->call.axes, false, &arguments.axis[0])) return checker->error;
  arguments.value[0] = check_number(checker, ast->call.arguments);
  if (node_is_error(checker, arguments.value[0])) return checker->error;
  if (builtin->reduction == BUILTIN_ARGMAX) {
    REPORT(checker, no_derivative, ast->span, builtin->name);
    return checker->error;
  }
  return derive(checker, reduction_body, builtin, &arguments, ast->call.primes, ast->span);
}

static CheckedExpression *report_no_function(Checker *checker, const AstExpression *ast) {
  const char *name = ast->call.function.text;
  Span span = ast->call.function.span;
  Local *local = scope_find_local(checker, name);
  if (local && local->kind == LOCAL_ANY) {
    local->used = true;
    for (const AstExpression *argument = ast->call.arguments; argument; argument = argument->next)
      check_expression(checker, argument);
    return checker->error;
  }
  Entry *entry = local ? NULL : scope_find_entry(checker, name);
  if (!strcmp(name, "normal") || !strcmp(name, "uniform")) return check_noise(checker, ast);
  if (!strcmp(name, "orthogonal") || !strcmp(name, "eye")) {
    Diagnostic *diagnostic = REPORT(checker, not_visible, span, name, checker->place.name);
    diagnostic_help(checker->sink, diagnostic, "it stands only as an initial value");
  } else if (entry && entry->kind == ENTRY_FUNCTION && entry->declaration->function.is_alias) {
    const AstExpression *body = entry->declaration->function.body;
    if (!body || body->kind == EXPRESSION_ERROR) return checker->error;
    if (body->kind != EXPRESSION_NAME) {
      Diagnostic *diagnostic = REPORT(checker, not_a_function, body->span, "this value");
      diagnostic_help(checker->sink, diagnostic, "give the name of a function, or its parameters: `fn %s(x) = ...`",
                      name);
      return checker->error;
    }
    // A path of names that ends nowhere, or in itself.
    const char *target = body->name.name.text;
    Environment outer = checker->environment;
    checker->environment = (Environment){NULL, entry->file, entry->in_rule};
    Entry *other = target ? scope_find_entry(checker, target) : NULL;
    if (target && !other && strcmp(target, "task_loss") != 0) {
      report_unknown_name(checker, body->span, target, true);
    } else if (target && other && other->kind == ENTRY_FUNCTION) {
      REPORT_PLAIN(checker, recursion, entry->name.span, name);
    } else if (target) {
      Diagnostic *diagnostic =
          REPORT_PLAIN(checker, not_a_function, body->span, arena_format(checker->arena, "`%s`", target));
      if (other) diagnostic_note(checker->sink, diagnostic, other->name.span, "declared here");
    }
    checker->environment = outer;
  } else if (local || entry || name_is_reserved(name)) {
    Diagnostic *diagnostic = REPORT(checker, not_a_function, span, arena_format(checker->arena, "`%s`", name));
    if (local) diagnostic_note(checker->sink, diagnostic, local->name.span, "declared here");
    if (entry) diagnostic_note(checker->sink, diagnostic, entry->name.span, "declared here");
    if (!ast->call.has_colon) diagnostic_help(checker->sink, diagnostic, "for a product write `%s * (...)`", name);
    if (entry) entry->used = true;
  } else {
    report_unknown_name(checker, span, name, true);
  }
  return checker->error;
}

CheckedExpression *check_call(Checker *checker, const AstExpression *ast) {
  if (!ast->call.function.text) return checker->error;
  FunctionValue function = function_of_name(checker, ast->call.function.text);
  if (ast->call.primes > 3) {
    REPORT(checker, no_derivative, ast->span, ast->call.function.text);
    return checker->error;
  }
  if (function.entry) return call_declared(checker, function.entry, ast);
  if (!function.builtin) return report_no_function(checker, ast);
  const BuiltinFunction *builtin = function.builtin;
  bool reduces = builtin->reduction >= 0 && (builtin->operation < 0 || ast->call.has_colon || ast->call.axes);
  return reduces ? call_reduction(checker, builtin, ast) : call_operation(checker, builtin, ast);
}

// ---- functions that nobody calls: their names are checked, with every parameter standing for anything

void check_unused_function(Checker *checker, Entry *entry) {
  if (entry->kind != ENTRY_FUNCTION || entry->used) return;
  statement_begin(checker);
  checker->environment = (Environment){NULL, entry->file, entry->in_rule};
  checker->place = (Place){.kind = PLACE_ANYWHERE, .name = "a function"};
  const AstDeclaration *declaration = entry->declaration;
  if (declaration->function.is_alias) {
    FunctionValue function = function_of_name(checker, entry->name.text);
    AstExpression call = {.kind = EXPRESSION_CALL, .span = declaration->span};
    call.call.function = entry->name;
    if (!function.entry && !function.builtin) report_no_function(checker, &call);
    return;
  }
  entry->names_checked = true;
  const AstNameList *lists[] = {declaration->function.indices, declaration->function.axes,
                                declaration->function.parameters};
  for (int i = 0; i < 3; i++)
    for (const AstNameList *item = lists[i]; item; item = item->next) scope_add_local(checker, LOCAL_ANY, item->name);
  check_expression(checker, declaration->function.body);
  if (declaration->function.derivative) check_expression(checker, declaration->function.derivative);
}
