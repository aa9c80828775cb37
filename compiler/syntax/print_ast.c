// The syntax tree as indented text, one node a line, in the order of the text: `blur emit --stage=ast`, golden tests.
// Deep trees are printed by recursion: the parser bounds their depth.
#include "compiler/syntax/print.h"

typedef struct {
  Text *out;
  int depth;
} Printer;

static void line(Printer *printer) { text_add(printer->out, "%*s", printer->depth * 2, ""); }
static void end(Printer *printer) { text_add(printer->out, "\n"); }

static void print_expression(Printer *printer, const char *label, const AstExpression *expression);

static void print_list(Printer *printer, const AstExpression *list) {
  printer->depth++;
  for (; list; list = list->next) print_expression(printer, "", list);
  printer->depth--;
}

static void print_indices(Printer *printer, const AstIndex *list) {
  printer->depth++;
  for (const AstIndex *index = list; index; index = index->next) {
    const char *label = index->is_range ? (index->range_end ? "range from " : "range on from ") : "";
    if (index->axis.text) {
      line(printer);
      text_add(printer->out, "axis %s is\n", index->axis.text);
      printer->depth++;
    }
    print_expression(printer, label, index->value);
    if (index->range_end) print_expression(printer, "range to ", index->range_end);
    if (index->axis.text) printer->depth--;
  }
  printer->depth--;
}

static void print_statements(Printer *printer, const AstStatement *statement);

static void print_head(Printer *printer, const AstExpression *expression) {
  switch (expression->kind) {
  case EXPRESSION_NUMBER:
    text_add(printer->out, "number ");
    text_add_number(printer->out, expression->number);
    break;
  case EXPRESSION_NAME:
    text_add(printer->out, "name ");
    expression_print(expression, printer->out);
    break;
  case EXPRESSION_INDEX:
    text_add(printer->out, "index ");
    expression_print(expression->index.base, printer->out);
    break;
  case EXPRESSION_CALL:
    text_add(printer->out, "call %s", expression->call.function.text);
    for (int i = 0; i < expression->call.primes; i++) text_add(printer->out, "'");
    if (expression->call.has_colon) {
      text_add(printer->out, " over ");
      name_list_print(expression->call.axes, printer->out);
    }
    break;
  case EXPRESSION_UNARY:
  case EXPRESSION_BINARY:
    text_add(printer->out, "%s %s", expression->kind == EXPRESSION_UNARY ? "unary" : "binary",
             operator_text(expression->binary.op));
    break;
  case EXPRESSION_IF: text_add(printer->out, "if"); break;
  case EXPRESSION_BLOCK: text_add(printer->out, "block"); break;
  case EXPRESSION_VECTOR: text_add(printer->out, "vector"); break;
  case EXPRESSION_ERROR: text_add(printer->out, "error"); break;
  }
}

static void print_expression(Printer *printer, const char *label, const AstExpression *expression) {
  line(printer);
  text_add(printer->out, "%s", label);
  print_head(printer, expression);
  end(printer);
  printer->depth++;
  switch (expression->kind) {
  case EXPRESSION_INDEX:
    printer->depth--;
    print_indices(printer, expression->index.indices);
    printer->depth++;
    break;
  case EXPRESSION_CALL:
    if (expression->call.brackets) {
      line(printer);
      text_add(printer->out, "brackets\n");
      print_indices(printer, expression->call.brackets);
    }
    printer->depth--;
    print_list(printer, expression->call.arguments);
    printer->depth++;
    break;
  case EXPRESSION_UNARY: print_expression(printer, "", expression->binary.left); break;
  case EXPRESSION_BINARY:
    print_expression(printer, "", expression->binary.left);
    print_expression(printer, "", expression->binary.right);
    break;
  case EXPRESSION_IF:
    print_expression(printer, "", expression->choice.condition);
    print_expression(printer, "then ", expression->choice.yes);
    print_expression(printer, "else ", expression->choice.no);
    break;
  case EXPRESSION_BLOCK:
    print_statements(printer, expression->block.statements);
    print_expression(printer, "value ", expression->block.value);
    break;
  case EXPRESSION_VECTOR:
    printer->depth--;
    print_list(printer, expression->vector.elements);
    printer->depth++;
    break;
  default: break;
  }
  printer->depth--;
}

static void print_bracket_names(Printer *printer, const AstNameList *names) {
  if (!names) return;
  text_add(printer->out, "[");
  name_list_print(names, printer->out);
  text_add(printer->out, "]");
}

static void print_statements(Printer *printer, const AstStatement *statement) {
  for (; statement; statement = statement->next) {
    line(printer);
    switch (statement->kind) {
    case STATEMENT_ASSIGN:
      text_add(printer->out, "assign\n");
      printer->depth++;
      print_expression(printer, "", statement->assign.target);
      print_expression(printer, "", statement->assign.value);
      printer->depth--;
      break;
    case STATEMENT_LET:
      text_add(printer->out, "let %s", statement->let.name.text);
      print_bracket_names(printer, statement->let.indices);
      end(printer);
      printer->depth++;
      print_expression(printer, "", statement->let.value);
      printer->depth--;
      break;
    case STATEMENT_IF:
      text_add(printer->out, "if\n");
      printer->depth++;
      print_expression(printer, "condition ", statement->choice.condition);
      line(printer);
      text_add(printer->out, "yes\n");
      printer->depth++;
      print_statements(printer, statement->choice.yes);
      printer->depth--;
      if (statement->choice.no) {
        line(printer);
        text_add(printer->out, "no\n");
        printer->depth++;
        print_statements(printer, statement->choice.no);
        printer->depth--;
      }
      printer->depth--;
      break;
    case STATEMENT_ERROR: text_add(printer->out, "error\n"); break;
    }
  }
}

static void print_variables(Printer *printer, const AstVariable *variable) {
  static const char *const scopes[] = {
      [SCOPE_PER_LAYER] = "layer", [SCOPE_PER_NEURON] = "neuron", [SCOPE_PER_SYNAPSE] = "synapse"};
  for (; variable; variable = variable->next) {
    line(printer);
    text_add(printer->out, "variable %s", variable->name.text);
    if (variable->extents) {
      text_add(printer->out, "[");
      for (const AstExpression *extent = variable->extents; extent; extent = extent->next) {
        if (extent != variable->extents) text_add(printer->out, ", ");
        expression_print(extent, printer->out);
      }
      text_add(printer->out, "]");
    }
    if (variable->has_axes) {
      text_add(printer->out, " (");
      name_list_print(variable->axes, printer->out);
      text_add(printer->out, ")");
    }
    if (variable->like.text) text_add(printer->out, " like %s", variable->like.text);
    if (variable->bias) text_add(printer->out, " bias");
    if (variable->persistent) text_add(printer->out, " persistent");
    if (variable->scope != SCOPE_NONE) text_add(printer->out, " per %s", scopes[variable->scope]);
    if (variable->logarithmic) text_add(printer->out, " log");
    if (variable->frozen) text_add(printer->out, " frozen");
    end(printer);
    printer->depth++;
    if (variable->initial)
      print_expression(printer, variable->initial_kind == INITIAL_DRAW ? "~ " : "= ", variable->initial);
    if (variable->low) {
      print_expression(printer, "low ", variable->low);
      print_expression(printer, "high ", variable->high);
    }
    printer->depth--;
  }
}

static void print_steps(Printer *printer, const AstStep *step) {
  for (; step; step = step->next) {
    line(printer);
    if (step->name.text) {
      text_add(printer->out, "run %s\n", step->name.text);
      continue;
    }
    text_add(printer->out, "repeat%s%s\n", step->counter.text ? " " : "", step->counter.text ? step->counter.text : "");
    printer->depth++;
    print_expression(printer, "count ", step->count);
    print_steps(printer, step->body);
    printer->depth--;
  }
}

static void print_function(Printer *printer, const AstDeclaration *declaration) {
  text_add(printer->out, "fn %s", declaration->name.text);
  print_bracket_names(printer, declaration->function.indices);
  if (declaration->function.is_alias) {
    text_add(printer->out, " alias");
  } else {
    text_add(printer->out, "(");
    if (declaration->function.has_axes) {
      name_list_print(declaration->function.axes, printer->out);
      text_add(printer->out, ": ");
    }
    name_list_print(declaration->function.parameters, printer->out);
    text_add(printer->out, ")");
  }
  end(printer);
  printer->depth++;
  print_expression(printer, "", declaration->function.body);
  if (declaration->function.derivative) print_expression(printer, "derivative ", declaration->function.derivative);
  printer->depth--;
}

static void print_block_head(Printer *printer, const AstDeclaration *declaration) {
  static const char *const places[] = {[AT_INPUT] = "input", [AT_OUTPUT] = "output", [AT_EACH] = "each"};
  if (declaration->block.kind == BLOCK_PASS)
    text_add(printer->out, "pass %s %s%s\n", declaration->name.text, declaration->block.is_up ? "up" : "down",
             declaration->block.all ? " all" : "");
  else if (declaration->block.kind == BLOCK_AT)
    text_add(printer->out, "at %s %s\n", places[declaration->block.place], declaration->name.text);
  else text_add(printer->out, "block %s\n", declaration->name.text);
}

static void print_declarations(Printer *printer, const AstDeclaration *declaration) {
  static const char *const variable_words[] = {[DECLARATION_NEURON] = "neuron",
                                               [DECLARATION_SYNAPSE] = "synapse",
                                               [DECLARATION_GENOME] = "genome",
                                               [DECLARATION_SIGNAL] = "signal"};
  for (; declaration; declaration = declaration->next) {
    line(printer);
    switch (declaration->kind) {
    case DECLARATION_CONST:
      text_add(printer->out, "const %s\n", declaration->name.text);
      printer->depth++;
      print_expression(printer, "", declaration->constant.value);
      break;
    case DECLARATION_FUNCTION:
      print_function(printer, declaration);
      printer->depth++;
      break;
    case DECLARATION_NEURON:
    case DECLARATION_SYNAPSE:
    case DECLARATION_GENOME:
    case DECLARATION_SIGNAL:
      text_add(printer->out, "%s\n", variable_words[declaration->kind]);
      printer->depth++;
      print_variables(printer, declaration->variables.variables);
      break;
    case DECLARATION_BLOCK:
      print_block_head(printer, declaration);
      printer->depth++;
      print_statements(printer, declaration->block.statements);
      break;
    case DECLARATION_STEP:
      text_add(printer->out, "step\n");
      printer->depth++;
      print_steps(printer, declaration->step.steps);
      break;
    case DECLARATION_PREDICT:
      text_add(printer->out, "predict\n");
      printer->depth++;
      print_steps(printer, declaration->predict.steps);
      print_expression(printer, "", declaration->predict.value);
      break;
    case DECLARATION_USE:
      text_add(printer->out, "use %s.%s\n", declaration->use.module.text, declaration->use.item.text);
      printer->depth++;
      break;
    case DECLARATION_IF:
      text_add(printer->out, "if\n");
      printer->depth++;
      print_expression(printer, "condition ", declaration->choice.condition);
      line(printer);
      text_add(printer->out, "yes\n");
      printer->depth++;
      print_declarations(printer, declaration->choice.yes);
      printer->depth--;
      if (declaration->choice.no) {
        line(printer);
        text_add(printer->out, "no\n");
        printer->depth++;
        print_declarations(printer, declaration->choice.no);
        printer->depth--;
      }
      break;
    }
    printer->depth--;
  }
}

// ---- experiments

static void print_phrases(Printer *printer, const AstPhrase *phrase);

static void print_value(Printer *printer, const AstValue *value) {
  static const char *const words[] = {[VALUE_RANGE] = "range",
                                      [VALUE_CHAIN] = "chain",
                                      [VALUE_TEXT] = "text",
                                      [VALUE_RANGE_CALL] = "range call",
                                      [VALUE_UPDATE_CALL] = "update call"};
  if (value->kind == VALUE_NONE || value->kind == VALUE_ERROR) return;
  if (value->kind == VALUE_EXPRESSION) {
    print_expression(printer, "", value->first);
    return;
  }
  line(printer);
  text_add(printer->out, "%s%s%s\n", words[value->kind], value->name.text ? " " : "",
           value->name.text ? value->name.text : "");
  printer->depth++;
  if (value->kind == VALUE_CHAIN) {
    printer->depth--;
    print_list(printer, value->first);
    printer->depth++;
  } else {
    if (value->first) print_expression(printer, "", value->first);
    if (value->last) print_expression(printer, "", value->last);
  }
  for (const AstExpression *rest = value->rest; rest; rest = rest->next) print_expression(printer, "", rest);
  if (value->other) print_phrases(printer, value->other);
  printer->depth--;
}

static void print_phrases(Printer *printer, const AstPhrase *phrase) {
  for (; phrase; phrase = phrase->next) {
    line(printer);
    text_add(printer->out, "phrase%s%s\n", phrase->name.text ? " " : "", phrase->name.text ? phrase->name.text : "");
    printer->depth++;
    print_value(printer, &phrase->value);
    if (phrase->has_settings) {
      line(printer);
      text_add(printer->out, "settings\n");
      printer->depth++;
      print_phrases(printer, phrase->settings);
      printer->depth--;
    }
    for (const AstClause *clause = phrase->clauses; clause; clause = clause->next) {
      line(printer);
      text_add(printer->out, "clause %s\n", clause->word.text);
      printer->depth++;
      print_value(printer, &clause->value);
      printer->depth--;
    }
    printer->depth--;
  }
}

static void print_experiment(Printer *printer, const AstExperiment *experiment) {
  line(printer);
  text_add(printer->out, "experiment %s\n", experiment->name.text);
  printer->depth++;
  for (const AstField *field = experiment->fields; field; field = field->next) {
    line(printer);
    text_add(printer->out, "field %s\n", field->name.text);
    printer->depth++;
    print_phrases(printer, field->phrases);
    printer->depth--;
  }
  printer->depth--;
}

void ast_print(const AstFile *file, Text *out) {
  Printer printer = {.out = out};
  text_add(out, "file\n");
  printer.depth++;
  print_declarations(&printer, file->declarations);
  for (const AstRule *rule = file->rules; rule; rule = rule->next) {
    line(&printer);
    text_add(out, "rule %s", rule->name.text);
    if (rule->base.text)
      text_add(out, " like %s%s%s", rule->base_module.text ? rule->base_module.text : "",
               rule->base_module.text ? "." : "", rule->base.text);
    end(&printer);
    printer.depth++;
    print_declarations(&printer, rule->declarations);
    printer.depth--;
  }
  for (const AstExperiment *experiment = file->experiments; experiment; experiment = experiment->next)
    print_experiment(&printer, experiment);
}
