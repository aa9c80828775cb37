// Builders of declarations: functions, variables with their attributes, passes, rules. Called by grammar/blur.y.
#include "compiler/syntax/build.h"

#include <string.h>

AstDeclaration *syntax_declaration(Parser *parser, DeclarationKind kind, AstName name, Span span) {
  AstDeclaration *declaration = ARENA_NEW(parser->arena, AstDeclaration);
  declaration->kind = kind;
  declaration->name = name;
  declaration->span = span;
  return declaration;
}

AstDeclaration *syntax_function(Parser *parser, AstName name, NameList indices, ParameterList parameters,
                                AstExpression *body, AstExpression *derivative, Span span) {
  AstDeclaration *declaration = syntax_declaration(parser, DECLARATION_FUNCTION, name, span);
  bool plain_name = body->kind == EXPRESSION_NAME && !body->name.qualifier.text;
  declaration->function.is_alias = !parameters.present && !indices.first && plain_name;
  declaration->function.indices = indices.first;
  declaration->function.axes = parameters.axes.first;
  declaration->function.has_axes = parameters.has_colon;
  declaration->function.parameters = parameters.names.first;
  declaration->function.body = body;
  declaration->function.derivative = derivative;
  if (!parameters.present && !declaration->function.is_alias && body->kind != EXPRESSION_ERROR) {
    Diagnostic *diagnostic =
        diagnostic_report(parser->sink, DIAGNOSTIC_function_without_parameters, name.span, name.text);
    diagnostic_help(parser->sink, diagnostic,
                    "name what it takes, `fn %s(x) = ...`; a number is `const %s = ...`, another name for a function "
                    "is `fn %s = tanh`",
                    name.text, name.text, name.text);
  }
  return declaration;
}

AstDeclaration *syntax_pass(Parser *parser, AstName name, AstName direction, bool all, AstStatement *body, Span span) {
  AstDeclaration *declaration = syntax_declaration(parser, DECLARATION_BLOCK, name, span);
  declaration->block.kind = BLOCK_PASS;
  declaration->block.is_up = strcmp(direction.text, "up") == 0;
  declaration->block.all = all;
  declaration->block.statements = body;
  if (!declaration->block.is_up && strcmp(direction.text, "down") != 0) {
    Diagnostic *diagnostic =
        diagnostic_report(parser->sink, DIAGNOSTIC_pass_direction, direction.span, name.text, direction.text);
    diagnostic_help(parser->sink, diagnostic, "write `pass %s up` (from the input) or `pass %s down` (from the output)",
                    name.text, name.text);
  }
  return declaration;
}

AstDeclaration *syntax_at(Parser *parser, AstName place, AstName name, AstStatement *body, Span span) {
  AstDeclaration *declaration = syntax_declaration(parser, DECLARATION_BLOCK, name, span);
  declaration->block.kind = BLOCK_AT;
  declaration->block.statements = body;
  static const char *const places[] = {[AT_INPUT] = "input", [AT_OUTPUT] = "output", [AT_EACH] = "each"};
  for (AtPlace i = AT_INPUT; i <= AT_EACH; i++)
    if (strcmp(place.text, places[i]) == 0) {
      declaration->block.place = i;
      return declaration;
    }
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_at_place, place.span, place.text);
  const char *near = near_name(place.text, places, 3);
  if (near) diagnostic_fix(parser->sink, diagnostic, place.span, "%s", near);
  else diagnostic_help(parser->sink, diagnostic, "write `at input`, `at output` or `at each`, then a name");
  return declaration;
}

void syntax_into_file(Parser *parser, DeclarationList declarations) {
  DeclarationList all = {parser->file->declarations, parser->last_declaration};
  LIST_JOIN(&all, declarations);
  parser->file->declarations = all.first;
  parser->last_declaration = all.last;
}

void syntax_rule(Parser *parser, AstName name, AstName base_module, AstName base, DeclarationList declarations,
                 Span span) {
  AstRule *rule = ARENA_NEW(parser->arena, AstRule);
  *rule = (AstRule){
      .name = name, .base_module = base_module, .base = base, .span = span, .declarations = declarations.first};
  if (parser->last_rule) parser->last_rule->next = rule;
  else parser->file->rules = rule;
  parser->last_rule = rule;
}

// ---- variables

AstVariable *syntax_variable(Parser *parser, AstName name, Span span) {
  AstVariable *variable = ARENA_NEW(parser->arena, AstVariable);
  variable->name = name;
  variable->span = span;
  return variable;
}

static void report_twice(Parser *parser, AstVariable *variable, Span attribute, const char *what) {
  Diagnostic *diagnostic =
      diagnostic_report(parser->sink, DIAGNOSTIC_attribute_twice, attribute, variable->name.text, what);
  diagnostic_help(parser->sink, diagnostic, "leave one of them");
}

// The text of the attribute alone: what stands between the variable so far and the end of `span`.
static Span attribute_span(const AstVariable *variable, Span span) {
  Span attribute = {span.file, variable->span.end, span.end};
  while (attribute.start < attribute.end && strchr(" \t\r\n", attribute.file->text[attribute.start])) attribute.start++;
  return attribute;
}

void syntax_variable_initial(Parser *parser, AstVariable *variable, InitialKind kind, AstExpression *initial,
                             Span span) {
  Span attribute = attribute_span(variable, span);
  variable->span = span;
  if (variable->initial_kind != INITIAL_NONE) report_twice(parser, variable, attribute, "an initial value");
  static const char *const draws[] = {"normal", "uniform", "orthogonal"};
  if (kind == INITIAL_DRAW && initial->kind != EXPRESSION_ERROR &&
      !parser_bracket_blamed(parser, initial->span.start)) {
    bool known = false;
    for (size_t i = 0; i < 3; i++)
      known |= initial->kind == EXPRESSION_CALL && strcmp(initial->call.function.text, draws[i]) == 0;
    if (!known) {
      Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_draw_unknown, initial->span);
      const char *near = initial->kind == EXPRESSION_CALL ? near_name(initial->call.function.text, draws, 3) : NULL;
      if (near) diagnostic_fix(parser->sink, diagnostic, initial->call.function.span, "%s", near);
      else diagnostic_help(parser->sink, diagnostic, "a value that is not drawn is given by `=`");
      initial = syntax_error(parser, initial->span);
    }
  }
  variable->initial_kind = kind;
  variable->initial = initial;
}

void syntax_variable_range(Parser *parser, AstVariable *variable, AstExpression *low, AstExpression *high, Span span) {
  Span attribute = attribute_span(variable, span);
  variable->span = span;
  if (variable->low) report_twice(parser, variable, attribute, "a range");
  variable->low = low;
  variable->high = high;
}

void syntax_variable_scope(Parser *parser, AstVariable *variable, AstName scope, Span span) {
  static const char *const scopes[] = {"layer", "neuron", "synapse"};
  Span attribute = attribute_span(variable, span);
  variable->span = span;
  if (variable->scope != SCOPE_NONE) report_twice(parser, variable, attribute, "a scope");
  for (size_t i = 0; i < 3; i++)
    if (strcmp(scope.text, scopes[i]) == 0) {
      variable->scope = (GenomeScope)(SCOPE_PER_LAYER + i);
      return;
    }
  Diagnostic *diagnostic = diagnostic_report(parser->sink, DIAGNOSTIC_scope_unknown, scope.span, scope.text);
  const char *near = near_name(scope.text, scopes, 3);
  if (near) diagnostic_fix(parser->sink, diagnostic, scope.span, "%s", near);
}

void syntax_variable_word(Parser *parser, AstVariable *variable, VariableWord word, Span span) {
  bool *flag = word == ATTRIBUTE_BIAS         ? &variable->bias
               : word == ATTRIBUTE_PERSISTENT ? &variable->persistent
               : word == ATTRIBUTE_LOG        ? &variable->logarithmic
                                              : &variable->frozen;
  static const char *const words[] = {"`bias`", "`persistent`", "`log`", "`frozen`"};
  if (*flag) report_twice(parser, variable, span, words[word]);
  *flag = true;
  if (word == ATTRIBUTE_BIAS) variable->bias_span = span;
  variable->span = span_join(variable->span, span);
}

void syntax_variable_like(Parser *parser, AstVariable *variable, AstName like, Span span) {
  Span attribute = attribute_span(variable, span);
  variable->span = span;
  if (variable->like.text) report_twice(parser, variable, attribute, "`like`");
  variable->like = like;
}

static bool is_open(const AstVariable *variable) {
  return variable->initial_kind == INITIAL_NONE && !variable->low && variable->scope == SCOPE_NONE &&
         !variable->logarithmic && !variable->frozen;
}

void syntax_spread_attributes(VariableList *group) {
  AstVariable *first_open = NULL;
  for (AstVariable *variable = group->first; variable; variable = variable->next) {
    if (is_open(variable)) {
      if (!first_open) first_open = variable;
      continue;
    }
    for (AstVariable *before = first_open; before && before != variable; before = before->next) {
      before->initial_kind = variable->initial_kind;
      before->initial = variable->initial;
      before->low = variable->low;
      before->high = variable->high;
      before->logarithmic = variable->logarithmic;
      before->frozen = variable->frozen;
      before->scope = variable->scope;
    }
    first_open = NULL;
  }
}
