// Variables of a rule: extents, axes, initial values and ranges, from their merged declarations. Initial values are
// scalar expressions of constants and of the network's sizes, or one number an element of the states.
#include "compiler/semantics/checker.h"

#include <math.h>
#include <string.h>

enum { MAX_EXTENT = 4096, MAX_ELEMENTS = 1 << 20, MAX_VARIABLES = 100000 };

static const char *initial_name(Checker *checker, const char *variable) {
  return arena_format(checker->arena, "the initial value of `%s`", variable);
}

// ---- states and axes

static bool check_extents(Checker *checker, const AstVariable *ast, CheckedVariable *variable) {
  int64_t elements = 1;
  for (const AstExpression *extent = ast->extents; extent; extent = extent->next) {
    double number;
    bool is_truth;
    if (variable->states == IR_MAX_DIMENSIONS - 2) {
      diagnostic_help(checker->sink, REPORT(checker, rule_too_large, extent->span, "more than 6 state axes"),
                      "declare fewer states");
      return false;
    }
    if (!constant_number(checker, extent, "a number of states", &number, &is_truth)) return false;
    if (is_truth || number != floor(number) || number < 1 || number > MAX_EXTENT) {
      Diagnostic *diagnostic = REPORT(checker, bad_extent, extent->span, variable->name);
      diagnostic_label(checker->sink, diagnostic, is_truth ? "a truth value" : "%.17g", number);
      diagnostic_help(checker->sink, diagnostic, "a number of states is a whole number from 1 to 4096");
      return false;
    }
    variable->extent[variable->states++] = (int64_t)number;
    elements *= (int64_t)number;
    if (elements > MAX_ELEMENTS) {
      Diagnostic *diagnostic =
          REPORT(checker, rule_too_large, extent->span, "a variable with more than a million states");
      diagnostic_help(checker->sink, diagnostic, "declare fewer states");
      return false;
    }
  }
  return true;
}

static void set_axes(CheckedVariable *variable, RuleAxis first, RuleAxis second) {
  variable->axes = 2;
  variable->axis[0] = first;
  variable->axis[1] = second;
}

static bool check_declared_axes(Checker *checker, const AstVariable *ast, CheckedVariable *variable) {
  if (!ast->has_axes) {
    if (variable->kind == CHECKED_NEURON) set_axes(variable, RULE_AXIS_BATCH, RULE_AXIS_UNIT);
    if (checked_is_synaptic(variable)) set_axes(variable, RULE_AXIS_PRE, RULE_AXIS_POST);
    if (variable->kind == CHECKED_GENOME && variable->scope == SCOPE_PER_NEURON) {
      variable->axes = 1;
      variable->axis[0] = RULE_AXIS_UNIT;
    }
    return true;
  }
  RuleAxisSet allowed = variable->kind == CHECKED_NEURON ? axis_bit(RULE_AXIS_BATCH) | axis_bit(RULE_AXIS_UNIT)
                        : variable->kind == CHECKED_SYNAPSE
                            ? axis_bit(RULE_AXIS_BATCH) | axis_bit(RULE_AXIS_PRE) | axis_bit(RULE_AXIS_POST) |
                                  axis_bit(RULE_AXIS_OUTPUT) | axis_bit(RULE_AXIS_PRE2) | axis_bit(RULE_AXIS_POST2)
                        : variable->kind == CHECKED_SIGNAL ? axis_bit(RULE_AXIS_BATCH) | axis_bit(RULE_AXIS_OUTPUT)
                                                           : 0;
  RuleAxisSet seen = 0;
  for (const AstNameList *item = ast->axes; item; item = item->next) {
    int axis = name_of_axis(item->name.text);
    if (axis < 0 || !(allowed & ~seen & axis_bit((RuleAxis)axis))) {
      Diagnostic *diagnostic = REPORT(checker, bad_axes, item->name.span, variable->name, item->name.text);
      diagnostic_help(
          checker->sink, diagnostic,
          variable->kind == CHECKED_NEURON ? "the axes of a neuron variable are `batch` and `unit`"
          : variable->kind == CHECKED_SYNAPSE
              ? "the axes of a synapse variable are `batch`, `pre`, `post`, `output`, `pre2` and `post2`, each once"
          : variable->kind == CHECKED_SIGNAL
              ? "a signal is one for the network; its axes are `batch` and `output`"
              : "a genome value has states, as in `%s[2]`, and a scope: `per layer`, `per neuron`, `per "
                "synapse`",
          variable->name);
      return false;
    }
    if (variable->states + variable->axes == IR_MAX_DIMENSIONS) {
      diagnostic_help(checker->sink,
                      REPORT(checker, rule_too_large, item->name.span, "a variable with more than 8 axes and states"),
                      "declare fewer of them");
      return false;
    }
    seen |= axis_bit((RuleAxis)axis);
    variable->axis[variable->axes++] = (RuleAxis)axis;
  }
  for (int i = 0; i < variable->axes; i++) { // a second index where there is no first: a slip
    RuleAxis first = variable->axis[i] == RULE_AXIS_PRE2    ? RULE_AXIS_PRE
                     : variable->axis[i] == RULE_AXIS_POST2 ? RULE_AXIS_POST
                                                            : variable->axis[i];
    if (seen & axis_bit(first)) continue;
    const AstNameList *item = ast->axes;
    for (int j = 0; j < i; j++) item = item->next;
    Diagnostic *diagnostic = REPORT(checker, bad_axes, item->name.span, variable->name, item->name.text);
    diagnostic_help(checker->sink, diagnostic, "it is a second index over the neurons of `%s`: name that one, too",
                    axis_name(checker, first));
    return false;
  }
  return true;
}

// ---- initial values

static CheckedExpression *check_initial_scalar(Checker *checker, const AstExpression *ast,
                                               const CheckedVariable *variable) {
  bool of_network = variable->kind == CHECKED_GENOME && variable->scope == SCOPE_NONE; // goes with it to any network
  checker->place = (Place){.kind = of_network ? PLACE_CONSTANT : PLACE_INITIAL,
                           .name = initial_name(checker, variable->name),
                           .sees_genome = true,
                           .sees_layer_genome = checked_on_synapses(variable)};
  statement_begin(checker);
  CheckedExpression *value = check_number(checker, ast);
  RuleAxis final[64];
  if (node_is_error(checker, value) || !indices_finish(checker, final)) return NULL;
  node_finish(checker, value, final);
  return value;
}

// [[1, 0], [0, 1]]: one number an element, row-major.
static bool fill_literal(Checker *checker, const AstExpression *ast, const CheckedVariable *variable, int dimension,
                         double **out) {
  if (dimension == variable->states) {
    bool is_truth;
    return constant_number(checker, ast, initial_name(checker, variable->name), (*out)++, &is_truth);
  }
  int64_t count = 0;
  if (ast->kind == EXPRESSION_VECTOR)
    for (const AstExpression *element = ast->vector.elements; element; element = element->next) count++;
  if (ast->kind != EXPRESSION_VECTOR || count != variable->extent[dimension]) {
    Diagnostic *diagnostic =
        REPORT(checker, literal_shape, ast->span, variable->name, (long long)variable->extent[dimension]);
    if (ast->kind == EXPRESSION_VECTOR) diagnostic_label(checker->sink, diagnostic, "%lld here", (long long)count);
    diagnostic_note(checker->sink, diagnostic, variable->span, "its states are declared here");
    return false;
  }
  for (const AstExpression *element = ast->vector.elements; element; element = element->next)
    if (!fill_literal(checker, element, variable, dimension + 1, out)) return false;
  return true;
}

static int64_t element_count(const CheckedVariable *variable) {
  int64_t count = 1;
  for (int i = 0; i < variable->states; i++) count *= variable->extent[i];
  return count;
}

static bool check_eye(Checker *checker, const AstExpression *ast, CheckedVariable *variable) {
  int64_t size = 0;
  if (!ast->call.arguments || ast->call.arguments->next ||
      !constant_integer(checker, ast->call.arguments, "the size of `eye`", &size)) {
    if (!ast->call.arguments || ast->call.arguments->next)
      REPORT(checker, argument_count, ast->span, "eye", 1, "argument", ast->call.arguments ? 2 : 0);
    return false;
  }
  if (variable->states != 2 || variable->extent[0] != size || variable->extent[1] != size) {
    Diagnostic *diagnostic = REPORT(checker, literal_shape, ast->span, variable->name,
                                    (long long)(variable->states ? variable->extent[0] : 1));
    diagnostic_help(checker->sink, diagnostic, "`eye(k)` is for a variable with states [k,k]");
    return false;
  }
  variable->constants = ARENA_ARRAY(checker->arena, double, size *size);
  for (int64_t i = 0; i < size; i++) variable->constants[i * size + i] = 1;
  return true;
}

static bool is_eye(const AstExpression *ast) {
  return ast->kind == EXPRESSION_CALL && ast->call.function.text && !strcmp(ast->call.function.text, "eye");
}

static bool check_value(Checker *checker, const AstExpression *ast, CheckedVariable *variable) {
  checker->place = (Place){.kind = PLACE_CONSTANT, .name = initial_name(checker, variable->name)};
  variable->initial_kind = INITIAL_VALUE;
  if (is_eye(ast)) return check_eye(checker, ast, variable);
  if (ast->kind == EXPRESSION_VECTOR) {
    double *numbers = ARENA_ARRAY(checker->arena, double, element_count(variable)), *end = numbers;
    if (!variable->states) {
      Diagnostic *diagnostic = REPORT(checker, literal_shape, ast->span, variable->name, 1LL);
      diagnostic_help(checker->sink, diagnostic, "declare its states, as in `%s[2] = [1, 0]`", variable->name);
      return false;
    }
    if (!fill_literal(checker, ast, variable, 0, &end)) return false;
    variable->constants = numbers;
    return true;
  }
  return (variable->first = check_initial_scalar(checker, ast, variable)) != NULL;
}

static bool check_draw(Checker *checker, const AstExpression *ast, CheckedVariable *variable) {
  const char *name = ast->kind == EXPRESSION_CALL ? ast->call.function.text : NULL;
  variable->initial_kind = INITIAL_DRAW;
  variable->draw = !name                         ? 0
                   : !strcmp(name, "normal")     ? 'n'
                   : !strcmp(name, "uniform")    ? 'u'
                   : !strcmp(name, "orthogonal") ? 'o'
                                                 : 0;
  int wanted = variable->draw == 'o' ? 1 : 2, given = 0;
  if (ast->kind == EXPRESSION_ERROR) return false;
  if (variable->draw)
    for (const AstExpression *argument = ast->call.arguments; argument; argument = argument->next) given++;
  if (!variable->draw || given != wanted || ast->call.axes || ast->call.brackets || ast->call.primes) {
    Diagnostic *diagnostic = REPORT(checker, bad_draw, ast->span);
    diagnostic_help(checker->sink, diagnostic,
                    "write `~ normal(mean, deviation)`, `~ uniform(low, high)` or `~ orthogonal(gain)`; a fixed value "
                    "is `= value`");
    return false;
  }
  variable->first = check_initial_scalar(checker, ast->call.arguments, variable);
  if (wanted == 2) variable->second = check_initial_scalar(checker, ast->call.arguments->next, variable);
  return variable->first && (wanted == 1 || variable->second);
}

// Whether other names stand between a variable's and the value that it shares with them.
static bool has_name_between(const CheckedVariable *variable, const AstVariable *ast) {
  const char *text = ast->initial->span.file ? ast->initial->span.file->text : "";
  for (uint32_t i = variable->span.end; i < ast->initial->span.start; i++)
    if (text[i] == ',' && variable->span.file == ast->initial->span.file) return true;
  return false;
}

static void check_initial(Checker *checker, const Entry *entry, const AstVariable *ast, CheckedVariable *variable) {
  if (entry->set_value) {
    if (entry->set_value->kind == EXPRESSION_VECTOR || variable->kind == CHECKED_GENOME)
      check_value(checker, entry->set_value, variable);
    return;
  }
  if (ast->initial_kind == INITIAL_NONE || !ast->initial) return;
  if (variable->kind == CHECKED_NEURON && !ast->persistent) {
    bool is_zero = ast->initial->kind == EXPRESSION_NUMBER && ast->initial->number == 0; // what it is anyway
    if (is_zero) return;
    Diagnostic *diagnostic = REPORT(checker, initial_lost, ast->initial->span, variable->name);
    diagnostic_help(checker->sink, diagnostic,
                    variable->span.end < ast->initial->span.start && has_name_between(variable, ast)
                        ? "a value holds for all names before it: declare `%s` on a line of its own, or write "
                          "`persistent` after it to keep it between steps"
                        : "write `persistent` after it to keep it between steps, or leave the value out",
                    variable->name);
    return;
  }
  if (ast->initial_kind == INITIAL_VALUE) check_value(checker, ast->initial, variable);
  else check_draw(checker, ast->initial, variable);
}

// ---- ranges of genome values

static void check_range(Checker *checker, const AstVariable *ast, CheckedVariable *variable) {
  variable->low = -INFINITY;
  variable->high = INFINITY;
  variable->logarithmic = ast->logarithmic;
  variable->frozen = ast->frozen;
  bool is_truth;
  checker->place = (Place){.kind = PLACE_CONSTANT, .name = "a range"};
  if (ast->low && !constant_number(checker, ast->low, "a range", &variable->low, &is_truth)) return;
  if (ast->high && !constant_number(checker, ast->high, "a range", &variable->high, &is_truth)) return;
  Span span = ast->low && ast->high ? span_join(ast->low->span, ast->high->span) : ast->name.span;
  if (!(variable->low < variable->high)) {
    REPORT(checker, bad_range, span, variable->name, "its lower end is not below its upper end");
    return;
  }
  const double *values = variable->constants;
  int64_t count = values ? element_count(variable) : 0;
  if (!values && variable->initial_kind == INITIAL_VALUE && variable->first &&
      variable->first->kind == CHECKED_NUMBER) {
    values = &variable->first->number;
    count = 1;
  }
  for (int64_t i = 0; i < count; i++) {
    Span place = variable->first ? variable->first->span : ast->name.span;
    if (values[i] < variable->low || values[i] > variable->high) {
      Diagnostic *diagnostic = REPORT(checker, bad_range, place, variable->name, "its initial value lies outside");
      diagnostic_note(checker->sink, diagnostic, span, "the range");
      return;
    }
    if (variable->logarithmic && values[i] <= 0) {
      REPORT(checker, bad_range, place, variable->name, "a `log` scale needs a value above 0");
      return;
    }
  }
}

// ---- one variable

static void make_variable(Checker *checker, Entry *entry, int depth);

static bool copy_like(Checker *checker, const AstVariable *ast, CheckedVariable *variable, int depth) {
  Entry *other = name_table_find(&checker->names, ast->like.text);
  if (!other || other->kind != ENTRY_VARIABLE || other->variable_kind != CHECKED_SYNAPSE ||
      variable->kind != CHECKED_SYNAPSE || depth > 32) {
    Diagnostic *diagnostic = REPORT(checker, bad_like, ast->like.span, variable->name, ast->like.text);
    if (other && depth <= 32) diagnostic_note(checker->sink, diagnostic, other->name.span, "declared here");
    if (!other) {
      enum { LIMIT = 200 };
      const char *names[LIMIT];
      size_t count = 0;
      for (size_t i = 0; i < checker->names.items.count && count < LIMIT; i++)
        if (checker->names.items.items[i]->variable_kind == CHECKED_SYNAPSE)
          names[count++] = checker->names.items.items[i]->name.text;
      const char *near = near_name(ast->like.text, names, count);
      if (near) {
        diagnostic_help(checker->sink, diagnostic, "did you mean `%s`?", near);
        diagnostic_fix(checker->sink, diagnostic, ast->like.span, "%s", near);
      }
    }
    return false;
  }
  if (other->index < 0) make_variable(checker, other, depth + 1);
  if (other->index < 0) return false;
  const CheckedVariable *model = &checker->rule->variables.items[other->index];
  variable->states = model->states;
  variable->axes = model->axes;
  memcpy(variable->extent, model->extent, sizeof variable->extent);
  memcpy(variable->axis, model->axis, sizeof variable->axis);
  variable->bias = model->bias;
  if (ast->bias && !model->bias) {
    REPORT(checker, bias_without_pre, ast->bias_span.file ? ast->bias_span : ast->name.span, variable->name,
           arena_format(checker->arena, "`%s`, which it is like, has no row of the unit neuron", model->name));
    return false;
  }
  if (ast->extents || ast->has_axes) {
    Diagnostic *diagnostic = REPORT(checker, bad_like, ast->like.span, variable->name, ast->like.text);
    diagnostic_help(checker->sink, diagnostic,
                    "`like` takes the states and axes of `%s`: leave its own out, or leave `like` out%s",
                    ast->like.text, model->bias ? " and write `bias`" : "");
    return false;
  }
  return true;
}

static void push_variable(Checker *checker, Entry *entry, CheckedVariable variable) {
  int index = (int)checker->rule->variables.count;
  ARENA_PUSH(checker->arena, &checker->rule->variables, variable);
  if ((size_t)index >= checker->fact_capacity)
    checker->facts =
        arena_grow(checker->arena, checker->facts, (size_t)index, &checker->fact_capacity, sizeof *checker->facts);
  checker->facts[index] = (struct VariableFacts){.entry = entry};
  if (entry) entry->index = index;
}

// What is said of another kind of variables.
static void check_attributes(Checker *checker, const AstVariable *ast, CheckedKind kind) {
  static const char *const kinds[] = {"", "", "a neuron variable", "a synapse variable", "a genome value", "a signal"};
  const char *what = ast->persistent && kind != CHECKED_NEURON ? "persistent"
                     : kind == CHECKED_GENOME                  ? NULL
                     : ast->logarithmic                        ? "on a `log` scale"
                     : ast->frozen                             ? "frozen"
                     : ast->low || ast->high                   ? "given a range"
                     : ast->scope != SCOPE_NONE                ? "given a scope"
                                                               : NULL;
  if (!what) return;
  const char *subject = arena_format(checker->arena, "`%s` is %s", ast->name.text, kinds[kind]);
  Diagnostic *diagnostic = REPORT(checker, attribute_misplaced, ast->span, subject, what);
  diagnostic_help(checker->sink, diagnostic,
                  !ast->persistent || kind == CHECKED_NEURON ? "this is said of genome values"
                  : kind == CHECKED_GENOME                   ? "leave it out: genome values are constant"
                                                             : "leave it out: it is kept from step to step without it");
}

static void make_variable(Checker *checker, Entry *entry, int depth) {
  const AstVariable *ast = entry->variable;
  if (entry->index >= 0 || entry->names_checked) return;
  entry->names_checked = depth > 32; // ends a circle of `like`
  if (checker->rule->variables.count >= MAX_VARIABLES) return;
  CheckedVariable variable = {
      .name = ast->name.text, .kind = entry->variable_kind, .span = ast->name.span, .persistent = ast->persistent};
  variable.scope = variable.kind == CHECKED_GENOME ? ast->scope : SCOPE_NONE;
  checker->environment = (Environment){NULL, entry->file, true};
  statement_begin(checker);
  check_attributes(checker, ast, variable.kind);
  bool fine = true;
  if (ast->like.text) fine = copy_like(checker, ast, &variable, depth);
  else {
    fine = check_extents(checker, ast, &variable);
    fine = check_declared_axes(checker, ast, &variable) && fine;
    bool has_pre = false;
    for (int i = 0; i < variable.axes; i++) has_pre = has_pre || variable.axis[i] == RULE_AXIS_PRE;
    variable.bias = ast->bias && has_pre;
    if (ast->bias && !has_pre) {
      REPORT(checker, bias_without_pre, ast->bias_span.file ? ast->bias_span : ast->name.span, variable.name,
             checked_is_synaptic(&variable) ? "it has no axis `pre`" : "it is no synapse variable");
    }
  }
  if (entry->index >= 0 || !fine) return;
  push_variable(checker, entry, variable);
}

// Initial values and ranges, when all variables are known: what they name may be declared further down.
static void finish_variable(Checker *checker, Entry *entry) {
  if (entry->index < 0) return; // its declaration has been reported
  CheckedVariable variable = checker->rule->variables.items[entry->index];
  checker->environment = (Environment){NULL, entry->file, true};
  statement_begin(checker);
  check_initial(checker, entry, entry->variable, &variable);
  check_range(checker, entry->variable, &variable);
  checker->rule->variables.items[entry->index] = variable;
}

// ---- initial values made of genome values

enum { RANK_RUNNING = -1 };

// Ranks what an initial value reads, and thereby the variable; reports a circle once.
static int rank_variable(Checker *checker, int number);

static void rank_reads(Checker *checker, const CheckedExpression *value, int *rank, uint32_t mark) {
  Node *node = value ? node_of(value) : NULL;
  if (!node || node->mark == mark) return;
  node->mark = mark;
  if (value->kind == CHECKED_READ) {
    int other = rank_variable(checker, value->variable);
    checker->rule->variables.items[value->variable].in_initial = true;
    if (other >= *rank) *rank = other + 1;
  }
  for (int i = 0; i < IR_MAX_OPERANDS; i++) rank_reads(checker, value->operand[i], rank, mark);
}

static int rank_variable(Checker *checker, int number) {
  CheckedVariable *variable = &checker->rule->variables.items[number];
  if (variable->initial_rank == RANK_RUNNING) {
    if (!checker->facts[number].in_circle) {
      Diagnostic *diagnostic = REPORT(checker, initial_cycle, variable->span, variable->name);
      diagnostic_note(checker->sink, diagnostic, variable->first->span, "its initial value");
      diagnostic_help(checker->sink, diagnostic, "give one of the genome values in the circle a number");
    }
    checker->facts[number].in_circle = true;
    return 0;
  }
  if (variable->initial_rank) return variable->initial_rank;
  int rank = 0;
  variable->initial_rank = RANK_RUNNING;
  rank_reads(checker, variable->first, &rank, ++checker->next_mark);
  rank_reads(checker, variable->second, &rank, ++checker->next_mark);
  return variable->initial_rank = rank;
}

void make_variables(Checker *checker) {
  for (int y = 0; y < 2; y++) {
    CheckedVariable data = {.name = y ? "y" : "x", .kind = y ? CHECKED_Y : CHECKED_X};
    set_axes(&data, RULE_AXIS_BATCH, RULE_AXIS_UNIT);
    push_variable(checker, NULL, data);
  }
  for (size_t i = 0; i < checker->names.items.count; i++)
    if (checker->names.items.items[i]->kind == ENTRY_VARIABLE) make_variable(checker, checker->names.items.items[i], 0);
  for (size_t i = 0; i < checker->names.items.count; i++)
    if (checker->names.items.items[i]->kind == ENTRY_VARIABLE) finish_variable(checker, checker->names.items.items[i]);
  for (size_t i = 0; i < checker->rule->variables.count; i++) rank_variable(checker, (int)i);
}
