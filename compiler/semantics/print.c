// --stage=checked: a checked rule as text: its variables, then every statement with the axes of its value. Operations
// are written as calls, in the names of operations.def; a value that stands in two places is written out in both.
#include "compiler/semantics/checker.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_PRINTED = 20000 };
typedef struct {
  const CheckedExpression *value;
  int uses, number; // number: of its line, once it is written
} Use;

typedef struct {
  const CheckedRule *rule;
  Text *out;
  int budget;
  Use *uses; // of the current statement: a hash table by address
  size_t use_count, use_size;
  int lines;
  bool leaves_genome_open; // says nothing of the values that the genome begins with
} Printer;

static void print_axes(Printer *printer, RuleAxisSet axes) {
  const char *separator = "";
  text_add(printer->out, "{");
  for (RuleAxis axis = 0; axis < 64; axis++)
    if (axes & axis_bit(axis)) {
      text_add(printer->out, "%s%s", separator, printer->rule->axes.items[axis].name);
      separator = ", ";
    }
  text_add(printer->out, "}");
}

static void print_list(Printer *printer, RuleAxisSet axes) {
  const char *separator = "";
  for (RuleAxis axis = 0; axis < 64; axis++)
    if (axes & axis_bit(axis)) {
      text_add(printer->out, "%s%s", separator, printer->rule->axes.items[axis].name);
      separator = ", ";
    }
}

static void print_indices(Printer *printer, const CheckedIndex *index, int count) {
  for (int i = 0; i < count; i++) {
    text_add(printer->out, i ? "," : "[");
    if (index[i].is_axis) text_add(printer->out, "%s", printer->rule->axes.items[index[i].axis].name);
    else text_add(printer->out, "%lld", (long long)index[i].constant);
  }
  if (count) text_add(printer->out, "]");
}

// ---- values that stand in several places

static Use *find_use(Printer *printer, const CheckedExpression *value) {
  size_t slot = ((uintptr_t)value >> 4) * 0x9e3779b97f4a7c15u >> 20 & (printer->use_size - 1);
  while (printer->uses[slot].value && printer->uses[slot].value != value) slot = (slot + 1) & (printer->use_size - 1);
  return &printer->uses[slot];
}

static void grow_uses(Printer *printer) {
  if (printer->use_count * 2 < printer->use_size) return;
  Use *old = printer->uses;
  size_t old_size = printer->use_size;
  printer->use_size = old_size ? 2 * old_size : 64;
  printer->uses = calloc(printer->use_size, sizeof(Use));
  if (!printer->uses) abort();
  for (size_t i = 0; i < old_size; i++)
    if (old[i].value) *find_use(printer, old[i].value) = old[i];
  free(old);
}

static void count_uses(Printer *printer, const CheckedExpression *value) {
  grow_uses(printer);
  Use *use = find_use(printer, value);
  if (use->uses++) return;
  use->value = value;
  printer->use_count++;
  for (int i = 0; i < IR_MAX_OPERANDS; i++)
    if (value->operand[i]) count_uses(printer, value->operand[i]);
}

static bool is_large(const CheckedExpression *value) { return node_of(value)->depth > 3; }

static void print_expression(Printer *printer, const CheckedExpression *value);

static void print_shared(Printer *printer, const CheckedExpression *value) {
  Use *use = find_use(printer, value);
  if (use->number || !is_large(value)) return;
  for (int i = 0; i < IR_MAX_OPERANDS; i++)
    if (value->operand[i]) print_shared(printer, value->operand[i]);
  if (use->uses < 2) {
    use->number = -1;
    return;
  }
  text_add(printer->out, "    %%%d = ", printer->lines + 1);
  use->number = 0;
  print_expression(printer, value);
  use->number = ++printer->lines;
  text_add(printer->out, "\n");
}

static const char *const side_names[] = {"", "pre.", "post.", "", "output.", "pre2.", "post2."};

static void print_variable_use(Printer *printer, int variable, CheckedSide side, const CheckedIndex *index,
                               const RuleAxis *renamed) {
  const CheckedVariable *info = &printer->rule->variables.items[variable];
  text_add(printer->out, "%s%s", side_names[side], info->name);
  print_indices(printer, index, info->states);
  const char *separator = "[";
  for (int i = 0; i < info->axes; i++) {
    RuleAxis axis = variable_axis_at(info->axis[i], side);
    if (renamed[i] == axis) continue;
    text_add(printer->out, "%s%s=%s", separator, printer->rule->axes.items[axis].name,
             printer->rule->axes.items[renamed[i]].name);
    separator = ",";
  }
  if (*separator == ',') text_add(printer->out, "]");
}

static void print_expression(Printer *printer, const CheckedExpression *value) {
  static const char *const scalars[] = {"first",   "last",   "layer",   "layers",     "step",     "fan_in",
                                        "fan_out", "inputs", "outputs", "batch_size", "training", "bias"};
  static const char *const reductions[] = {"sum", "prod", "max", "min", "argmax"};
  Text *out = printer->out;
  if (printer->budget-- <= 0) {
    text_add(out, "...");
    return;
  }
  const Use *use = printer->use_size ? find_use(printer, value) : NULL;
  if (use && use->number > 0) {
    text_add(out, "%%%d", use->number);
    return;
  }
  switch (value->kind) {
  case CHECKED_NUMBER:
    if (value->is_truth) text_add(out, "%s", value->number != 0 ? "true" : "false");
    else text_add_number(out, value->number);
    break;
  case CHECKED_BUILTIN: text_add(out, "%s", scalars[value->scalar]); break;
  case CHECKED_POSITION: text_add(out, "position(%s)", printer->rule->axes.items[value->axis].name); break;
  case CHECKED_COUNTER: text_add(out, "%s", printer->rule->counters.items[value->counter].name); break;
  case CHECKED_READ: print_variable_use(printer, value->variable, value->side, value->index, value->renamed); break;
  case CHECKED_LET_READ:
    text_add(out, "%s", printer->rule->lets.items[value->let].name);
    print_indices(printer, value->index, printer->rule->lets.items[value->let].indices);
    break;
  case CHECKED_OPERATION:
    text_add(out, "%s(", ir_operation_name(value->operation));
    for (int i = 0; i < IR_MAX_OPERANDS && value->operand[i]; i++) {
      if (i) text_add(out, ", ");
      print_expression(printer, value->operand[i]);
    }
    text_add(out, ")");
    break;
  case CHECKED_REDUCE:
  case CHECKED_COUNT:
    text_add(out, "%s%s(", value->kind == CHECKED_COUNT ? "count" : reductions[value->reduction],
             value->with_bias ? "+unit" : "");
    print_list(printer, value->reduced);
    if (value->kind == CHECKED_REDUCE) {
      text_add(out, ": ");
      print_expression(printer, value->operand[0]);
    }
    text_add(out, ")");
    break;
  case CHECKED_NOISE:
    text_add(out, "%s%u(", value->draw == 'n' ? "normal" : "uniform", value->place);
    print_list(printer, value->reduced);
    for (int i = 0; i < value->dimensions; i++) {
      if (i || value->reduced) text_add(out, ", ");
      if (value->index[i].is_axis) text_add(out, "%s", printer->rule->axes.items[value->index[i].axis].name);
      else text_add(out, "%lld", (long long)value->index[i].constant);
    }
    text_add(out, ")");
    break;
  case CHECKED_ARGUMENT: text_add(out, "$%d", value->argument); break;
  case CHECKED_GRADIENT:
    text_add(out, "gradient($%d = ", value->argument);
    print_expression(printer, value->operand[1]);
    text_add(out, ": ");
    print_expression(printer, value->operand[0]);
    text_add(out, ")");
    break;
  }
}

static void print_initial(Printer *printer, const CheckedVariable *variable) {
  Text *out = printer->out;
  if (variable->initial_kind == INITIAL_NONE) return;
  if (variable->initial_kind == INITIAL_DRAW) {
    text_add(out, " ~ %s(", variable->draw == 'n' ? "normal" : variable->draw == 'u' ? "uniform" : "orthogonal");
    if (variable->first) print_expression(printer, variable->first);
    if (variable->second) {
      text_add(out, ", ");
      print_expression(printer, variable->second);
    }
    text_add(out, ")");
    return;
  }
  text_add(out, " = ");
  if (!variable->constants) {
    if (variable->first) print_expression(printer, variable->first);
    return;
  }
  int64_t count = 1;
  for (int i = 0; i < variable->states; i++) count *= variable->extent[i];
  text_add(out, "[");
  for (int64_t i = 0; i < count && i < 64; i++) {
    if (i) text_add(out, ", ");
    text_add_number(out, variable->constants[i]);
  }
  text_add(out, count > 64 ? ", ...]" : "]");
}

void checked_print_range(const CheckedVariable *variable, Text *out) {
  if (variable->kind == CHECKED_GENOME && (isfinite(variable->low) || isfinite(variable->high))) {
    text_add(out, " in (");
    text_add_number(out, variable->low);
    text_add(out, ", ");
    text_add_number(out, variable->high);
    text_add(out, ")");
  }
  text_add(out, "%s%s", variable->logarithmic ? " log" : "", variable->frozen ? " frozen" : "");
}

static void print_variable(Printer *printer, const CheckedVariable *variable) {
  static const char *const kinds[] = {"x", "y", "neuron", "synapse", "genome", "signal"};
  Text *out = printer->out;
  text_add(out, "  %s %s", kinds[variable->kind], variable->name);
  for (int i = 0; i < variable->states; i++) text_add(out, "%s%lld", i ? "," : "[", (long long)variable->extent[i]);
  if (variable->states) text_add(out, "]");
  if (variable->axes) {
    text_add(out, " {");
    for (int i = 0; i < variable->axes; i++)
      text_add(out, "%s%s", i ? ", " : "", printer->rule->axes.items[variable->axis[i]].name);
    text_add(out, "}");
  }
  if (variable->bias) text_add(out, " bias");
  if (variable->kind != CHECKED_GENOME || !printer->leaves_genome_open) print_initial(printer, variable);
  if (variable->persistent) text_add(out, " persistent");
  static const char *const scopes[] = {"", " per layer", " per neuron", " per synapse"};
  text_add(out, "%s", scopes[variable->scope]);
  checked_print_range(variable, out);
  if (!variable->used) text_add(out, " unused");
  text_add(out, "\n");
}

static void print_statement(Printer *printer, const CheckedStatement *statement) {
  Text *out = printer->out;
  const CheckedExpression *value =
      statement->is_let ? printer->rule->lets.items[statement->let].value : statement->value;
  printer->budget = MAX_PRINTED;
  count_uses(printer, value);
  print_shared(printer, value);
  text_add(out, "    ");
  if (statement->is_let) {
    const CheckedLet *let = &printer->rule->lets.items[statement->let];
    text_add(out, "let %s", let->name);
    CheckedIndex index[IR_MAX_DIMENSIONS] = {0};
    for (int i = 0; i < let->indices; i++) index[i] = (CheckedIndex){true, let->index[i], 0};
    print_indices(printer, index, let->indices);
    text_add(out, " = ");
  } else {
    print_variable_use(printer, statement->variable, statement->side, statement->index, statement->renamed);
    text_add(out, " <- ");
  }
  print_expression(printer, value);
  text_add(out, "  ");
  print_axes(printer, value->axes);
  text_add(out, "\n");
  free(printer->uses);
  printer->uses = NULL;
  printer->use_count = printer->use_size = 0;
  printer->lines = 0;
}

void checked_print_steps(const CheckedRule *rule, const CheckedStep *steps, Text *out) {
  for (const CheckedStep *step = steps; step; step = step->next) {
    if (step != steps) text_add(out, "; ");
    if (step->block >= 0) text_add(out, "%s", rule->blocks.items[step->block].name);
    else {
      const char *counter = step->counter >= 0 ? rule->counters.items[step->counter].name : NULL;
      text_add(out, "repeat %s%s%lld { ", counter ? counter : "", counter ? " in " : "", (long long)step->count);
      checked_print_steps(rule, step->body, out);
      text_add(out, " }");
    }
  }
}

void checked_print_axes(const CheckedRule *rule, RuleAxisSet axes, Text *out) {
  Printer printer = {.rule = rule, .out = out};
  print_axes(&printer, axes);
}

void checked_print_heading(const CheckedBlock *block, Text *out) {
  static const char *const places[] = {"input", "output", "each"};
  if (block->kind == BLOCK_PASS) text_add(out, "pass ");
  if (block->kind == BLOCK_AT) text_add(out, "at %s ", places[block->place]);
  text_add(out, "%s", block->name);
  if (block->kind == BLOCK_PASS) text_add(out, " %s%s", block->is_up ? "up" : "down", block->all ? " all" : "");
}

static void print_block(Printer *printer, const CheckedBlock *block) {
  text_add(printer->out, "  ");
  checked_print_heading(block, printer->out);
  text_add(printer->out, "\n");
  for (const CheckedStatement *statement = block->statements; statement; statement = statement->next)
    print_statement(printer, statement);
}

static void print_rule(const CheckedRule *rule, bool leaves_genome_open, Text *out) {
  Printer printer = {.rule = rule, .out = out, .budget = MAX_PRINTED, .leaves_genome_open = leaves_genome_open};
  text_add(out, "rule %s\n", rule->name);
  for (size_t i = 2; i < rule->variables.count; i++) {
    printer.budget = MAX_PRINTED;
    print_variable(&printer, &rule->variables.items[i]);
  }
  for (size_t i = 0; i < rule->blocks.count; i++) print_block(&printer, &rule->blocks.items[i]);
  if (rule->has_own_step) {
    text_add(out, "  step ");
    checked_print_steps(rule, rule->step, out);
    text_add(out, "\n");
  }
  text_add(out, "  predict ");
  checked_print_steps(rule, rule->predict_steps, out);
  if (rule->prediction) {
    if (rule->predict_steps) text_add(out, "; ");
    printer.budget = MAX_PRINTED;
    print_expression(&printer, rule->prediction);
    text_add(out, "  ");
    print_axes(&printer, rule->prediction->axes);
  }
  text_add(out, rule->predicts_with_batch_statistics ? "  with batch statistics\n" : "\n");
}

void checked_print(const CheckedRule *rule, Text *out) { print_rule(rule, false, out); }

void checked_print_equations(const CheckedRule *rule, Text *out) { print_rule(rule, true, out); }
