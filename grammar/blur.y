// The grammar of .blur, LALR(1). Tokens come from grammar/blur.re by way of compiler/syntax/layout.c, which has dropped
// the newlines that end nothing; the actions call the builders of compiler/syntax/build.h.
//
// Errors: complain.c writes the message; then the token RECOVERED stands at the next separator or closing brace of the
// same braces, and the `error RECOVERED` productions take it: one for each kind of list, and one behind each closing
// brace that something may follow, since there the parser would otherwise fall back to the list inside the braces.
// Productions marked `/* reported */` understand a mistake, and are no part of the language.
//
// docs/language/grammar.md is made from this file and its `// ----` headings: `./dev grammar` after a change.
%code requires {
#include "compiler/syntax/build.h"
}
%code provides {
int blur_lex(BLUR_STYPE *value, Span *location, Parser *parser);
}
%code {
#define YYLLOC_DEFAULT(current, right, count)                                                                          \
  do {                                                                                                                 \
    if (count) (current) = span_join(YYRHSLOC(right, 1), YYRHSLOC(right, count));                                      \
    else (current) = (Span){YYRHSLOC(right, 0).file, YYRHSLOC(right, 0).end, YYRHSLOC(right, 0).end};                  \
  } while (0)
#define YYMAXDEPTH 10000

// Bison calls this only where its stack is full: syntax errors go to yyreport_syntax_error.
static void blur_error(const Span *location, Parser *parser, const char *message) {
  (void)message;
  diagnostic_report(parser->sink, DIAGNOSTIC_syntax_too_deep, *location, NESTING_LIMIT);
}
}

%define api.pure full
%define api.prefix {blur_}
%define api.token.prefix {TOKEN_}
%define api.value.type union
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations
%parse-param {Parser *parser}
%lex-param {Parser *parser}

// Which text this is, and where an error was left behind.
%token START_FILE START_EXPRESSION START_FIELD RECOVERED END
// Words that are never names.
%token RULE CONST FN NEURON SYNAPSE GENOME SIGNAL
%token <AstName> INPUT FORWARD FEEDBACK BACKWARD UPDATE
%token PREDICT PASS AT REPEAT USE LET IF THEN ELSE AND OR NOT
// Words in their place, names elsewhere.
%token <AstName> NAME BIAS PERSISTENT LIKE PER IN LOG FROZEN DERIVATIVE
// Words by their place alone: `step` before a brace, `all` after a pass's direction, `experiment` at the level of the
// file; in an experiment the first word of a field, and those that begin a clause (`every 5`, `on test`).
%token STEP ALL EXPERIMENT
%token <AstName> FIELD CLAUSE
%token <PrimedName> PRIMED
%token <double> NUMBER
%token STRING
%token ARROW ASSIGN TILDE COMMA DOT RANGE COLON TO POWER
%token PLUS MINUS TIMES DIVIDE LESS LESS_EQUAL GREATER GREATER_EQUAL EQUAL NOT_EQUAL
// `(` before `axes :` is OPEN_AXES, `{` after predict is OPEN_STEPS, `{` of an experiment or of settings in it is
// OPEN_SETTINGS.
%token OPEN_PAREN OPEN_AXES CLOSE_PAREN OPEN_BRACKET CLOSE_BRACKET OPEN_BRACE OPEN_STEPS OPEN_SETTINGS CLOSE_BRACE
// From the scanner to the layout only: NEWLINE, SEMICOLON; the grammar sees SEPARATOR.
%token NEWLINE SEMICOLON SEPARATOR

// Behind `if c { ... }` an error is taken there, before the `if` counts as whole.
%precedence WHOLE_IF
%precedence error
%precedence ELSE
%left OR
%left AND
%precedence NOT
%nonassoc LESS LESS_EQUAL GREATER GREATER_EQUAL EQUAL NOT_EQUAL ARROW
%left PLUS MINUS
%left TIMES DIVIDE
%precedence NEGATION
%right POWER

%type <AstName> name block_word place scope
%type <AstExpression *> expression reference indexed target link
%type <ExpressionList> expressions extents
%type <IndexList> indices
%type <AstIndex *> index
%type <ArgumentList> arguments
%type <NameList> names bracket_names
%type <ParameterList> parameters axes
%type <StatementList> statements statement_list body items else_statements
%type <AstStatement *> statement item if_statement
%type <VariableList> variables variable_groups group
%type <AstVariable *> variable variable_head
%type <StepList> steps step_list
%type <AstStep *> step
%type <DeclarationList> declarations declaration_list declaration constants functions uses else_declarations shared
%type <AstDeclaration *> constant function use if_declaration
%type <DeclarationKind> variable_word
%type <BlockKind> block_kind
%type <bool> all
%type <FieldList> fields field_list
%type <AstField *> field
%type <PhraseList> phrases settings setting_list
%type <AstPhrase *> phrase
%type <ClauseList> clauses clause_list
%type <AstClause *> clause
%type <AstValue> value chain

%%

start:
    START_FILE file END
  | START_EXPRESSION expression END { parser->expression = $expression; syntax_report_range_outside_target(parser); }
  | START_EXPRESSION error RECOVERED END
  | START_FIELD field END { parser->field = $field; }
  | START_FIELD error RECOVERED END
  ;

// ---- files and rules

file: %empty | file_items ;
file_items:
    file_item
  | file_items SEPARATOR file_item
  | file_items error RECOVERED { yyerrok; }
  ;
file_item:
    RULE name OPEN_BRACE declarations CLOSE_BRACE {
      syntax_rule(parser, $name, (AstName){0}, (AstName){0}, $declarations, @$);
    }
  | RULE name[own] LIKE name[base] OPEN_BRACE declarations CLOSE_BRACE {
      syntax_rule(parser, $own, (AstName){0}, $base, $declarations, @$);
    }
  | RULE name[own] LIKE name[module] DOT name[base] OPEN_BRACE declarations CLOSE_BRACE {
      syntax_rule(parser, $own, $module, $base, $declarations, @$);
    }
  | shared { syntax_into_file(parser, $shared); }
  | EXPERIMENT name OPEN_SETTINGS fields CLOSE_BRACE { syntax_experiment(parser, $name, $fields, @$); }
  | error RECOVERED { yyerrok; }
  ;

// What may stand in a rule and outside.
shared:
    CONST constants { $$ = $constants; syntax_report_range_outside_target(parser); }
  | FN functions { $$ = $functions; syntax_report_range_outside_target(parser); }
  | USE uses { $$ = $uses; }
  ;

// ---- experiments: fields of phrases, whose meaning compiler/semantics/experiment.def gives

fields: %empty { $$ = (FieldList){0}; } | field_list ;
field_list:
    field { $$ = (FieldList){$field, $field}; }
  | field_list[list] SEPARATOR field { $$ = $list; LIST_APPEND(&$$, $field); }
  | field_list[list] SEPARATOR error RECOVERED { $$ = $list; yyerrok; }
  | field_list[list] error RECOVERED { $$ = $list; yyerrok; }
  | error RECOVERED { $$ = (FieldList){0}; yyerrok; }
  ;
field:
    FIELD { $$ = syntax_field(parser, $FIELD, (PhraseList){0}, @$); }
  | FIELD phrases { $$ = syntax_field(parser, $FIELD, $phrases, @$); }
  ;
phrases:
    phrase { $$ = (PhraseList){$phrase, $phrase}; }
  | phrases[list] COMMA phrase { $$ = $list; LIST_APPEND(&$$, $phrase); }
  ;
phrase:
    value clauses { $$ = syntax_phrase(parser, (AstName){0}, $value, NULL, $clauses, @$); }
  | value settings clauses { $$ = syntax_phrase(parser, (AstName){0}, $value, &$settings, $clauses, @$); }
  | settings clauses { $$ = syntax_phrase(parser, (AstName){0}, (AstValue){0}, &$settings, $clauses, @$); }
  | clause_list { $$ = syntax_phrase(parser, (AstName){0}, (AstValue){0}, NULL, $clause_list, @$); }
  | name ASSIGN value clauses { $$ = syntax_phrase(parser, $name, $value, NULL, $clauses, @$); }
  | name ASSIGN clause_list { $$ = syntax_phrase(parser, $name, (AstValue){0}, NULL, $clause_list, @$); }
  ;
settings:
    OPEN_SETTINGS CLOSE_BRACE { $$ = (PhraseList){0}; }
  | OPEN_SETTINGS setting_list CLOSE_BRACE { $$ = $setting_list; }
  ;
setting_list:
    phrase { $$ = (PhraseList){$phrase, $phrase}; }
  | setting_list[list] COMMA phrase { $$ = $list; LIST_APPEND(&$$, $phrase); }
  | setting_list[list] SEPARATOR phrase { $$ = $list; LIST_APPEND(&$$, $phrase); }
  | setting_list[list] SEPARATOR error RECOVERED { $$ = $list; yyerrok; }
  | setting_list[list] error RECOVERED { $$ = $list; yyerrok; }
  | error RECOVERED { $$ = (PhraseList){0}; yyerrok; }
  ;
clauses: %empty { $$ = (ClauseList){0}; } | clause_list ;
clause_list:
    clause { $$ = (ClauseList){$clause, $clause}; }
  | clause_list[list] clause { $$ = $list; LIST_APPEND(&$$, $clause); }
  ;
clause:
    CLAUSE { $$ = syntax_clause(parser, $CLAUSE, (AstValue){0}, @$); }
  | CLAUSE value { $$ = syntax_clause(parser, $CLAUSE, $value, @$); }
  ;
value:
    expression { $$ = (AstValue){.kind = VALUE_EXPRESSION, .span = @$, .first = $expression}; }
  | expression[low] RANGE expression[high] {
      $$ = (AstValue){.kind = VALUE_RANGE, .span = @$, .first = $low, .last = $high};
    }
  | chain
  | STRING { $$ = (AstValue){.kind = VALUE_TEXT, .span = @$, .name = syntax_text_of(parser, @$)}; }
  | indexed OPEN_PAREN expression[low] RANGE expression[high] CLOSE_PAREN {
      $$ = syntax_range_call(parser, $indexed, $low, $high, (ExpressionList){0}, @$);
    }
  | indexed OPEN_PAREN expression[low] RANGE expression[high] COMMA expressions CLOSE_PAREN {
      $$ = syntax_range_call(parser, $indexed, $low, $high, $expressions, @$);
    }
  | indexed[own] OPEN_PAREN UPDATE indexed[target] COMMA phrase CLOSE_PAREN {
      $$ = syntax_update_call(parser, $own, $target, $phrase, @$);
    }
  ;
chain: // in -> 256 -> (64 x 4) -> out
    link[first] TO link[next] {
      $first->next = $next;
      $$ = (AstValue){.kind = VALUE_CHAIN, .span = @$, .first = $first, .last = $next};
    }
  | chain[list] TO link[next] {
      $list.last->next = $next;
      $$ = (AstValue){.kind = VALUE_CHAIN, .span = @$, .first = $list.first, .last = $next};
    }
  ;
link:
    expression
  | OPEN_PAREN expression[units] NAME expression[times] CLOSE_PAREN {
      $$ = syntax_repeated_link(parser, $units, $NAME, $times, @$);
    }
  ;

// ---- declarations

declarations: %empty { $$ = (DeclarationList){0}; } | declaration_list ;
declaration_list:
    declaration
  | declaration_list[list] SEPARATOR declaration { $$ = $list; LIST_JOIN(&$$, $declaration); }
  | declaration_list[list] error RECOVERED { $$ = $list; yyerrok; }
  ;

declaration:
    shared
  | variable_word variables {
      AstDeclaration *declaration = syntax_declaration(parser, $variable_word, (AstName){0}, @$);
      declaration->variables.variables = $variables.first;
      syntax_report_range_outside_target(parser);
      $$ = (DeclarationList){declaration, declaration};
    }
  | block_kind body {
      AstDeclaration *declaration = syntax_declaration(parser, DECLARATION_BLOCK, syntax_name_of(parser, @block_kind), @$);
      declaration->block.kind = $block_kind;
      declaration->block.statements = $body.first;
      $$ = (DeclarationList){declaration, declaration};
    }
  | PASS name[own] name[direction] all body {
      AstDeclaration *declaration = syntax_pass(parser, $own, $direction, $all, $body.first, @$);
      $$ = (DeclarationList){declaration, declaration};
    }
  | AT place name body {
      AstDeclaration *declaration = syntax_at(parser, $place, $name, $body.first, @$);
      $$ = (DeclarationList){declaration, declaration};
    }
  | STEP OPEN_BRACE steps CLOSE_BRACE {
      AstDeclaration *declaration = syntax_declaration(parser, DECLARATION_STEP, (AstName){0}, @$);
      declaration->step.steps = $steps.first;
      $$ = (DeclarationList){declaration, declaration};
    }
  | PREDICT expression {
      AstDeclaration *declaration = syntax_declaration(parser, DECLARATION_PREDICT, (AstName){0}, @$);
      declaration->predict.value = $expression;
      syntax_report_range_outside_target(parser);
      $$ = (DeclarationList){declaration, declaration};
    }
  | PREDICT OPEN_STEPS steps CLOSE_BRACE expression {
      AstDeclaration *declaration = syntax_declaration(parser, DECLARATION_PREDICT, (AstName){0}, @$);
      declaration->predict.steps = $steps.first;
      declaration->predict.value = $expression;
      syntax_report_range_outside_target(parser);
      $$ = (DeclarationList){declaration, declaration};
    }
  | PREDICT OPEN_STEPS steps CLOSE_BRACE error RECOVERED { $$ = (DeclarationList){0}; yyerrok; }
  | if_declaration { $$ = (DeclarationList){$if_declaration, $if_declaration}; }
  | error RECOVERED { $$ = (DeclarationList){0}; yyerrok; }
  ;

if_declaration:
    IF expression OPEN_BRACE declarations CLOSE_BRACE else_declarations {
      $$ = syntax_declaration(parser, DECLARATION_IF, (AstName){0}, @$);
      $$->choice.condition = $expression;
      $$->choice.yes = $declarations.first;
      $$->choice.no = $else_declarations.first;
      syntax_report_range_outside_target(parser);
    }
  ;
else_declarations:
    %empty %prec WHOLE_IF { $$ = (DeclarationList){0}; }
  | ELSE OPEN_BRACE declarations CLOSE_BRACE { $$ = $declarations; }
  | ELSE if_declaration { $$ = (DeclarationList){$if_declaration, $if_declaration}; }
  | ELSE error RECOVERED { $$ = (DeclarationList){0}; yyerrok; }
  | error RECOVERED { $$ = (DeclarationList){0}; yyerrok; }
  ;

constants:
    constant { $$ = (DeclarationList){$constant, $constant}; }
  | constants[list] COMMA constant { $$ = $list; LIST_APPEND(&$$, $constant); }
  ;
constant:
    name defines expression {
      $$ = syntax_declaration(parser, DECLARATION_CONST, $name, @$);
      $$->constant.value = $expression;
    }
  ;

functions:
    function { $$ = (DeclarationList){$function, $function}; }
  | functions[list] COMMA function { $$ = $list; LIST_APPEND(&$$, $function); }
  ;
function:
    name bracket_names parameters defines expression {
      $$ = syntax_function(parser, $name, $bracket_names, $parameters, $expression, NULL, @$);
    }
  | name bracket_names parameters defines expression[own] DERIVATIVE expression[slope] {
      $$ = syntax_function(parser, $name, $bracket_names, $parameters, $own, $slope, @$);
    }
  ;
bracket_names:
    %empty { $$ = (NameList){0}; }
  | OPEN_BRACKET names CLOSE_BRACKET { $$ = $names; }
  ;
parameters:
    %empty { $$ = (ParameterList){0}; }
  | OPEN_PAREN names CLOSE_PAREN { $$ = (ParameterList){.names = $names, .present = true}; }
  | OPEN_AXES names[axis_names] COLON names[value_names] CLOSE_PAREN {
      $$ = (ParameterList){.axes = $axis_names, .names = $value_names, .has_colon = true, .present = true};
    }
  ;
names:
    name { $$ = (NameList){0}; syntax_append_name(parser, &$$, $name); }
  | names[list] COMMA name { $$ = $list; syntax_append_name(parser, &$$, $name); }
  ;

uses:
    use { $$ = (DeclarationList){$use, $use}; }
  | uses[list] COMMA use { $$ = $list; LIST_APPEND(&$$, $use); }
  ;
use:
    name[module] DOT name[item] {
      $$ = syntax_declaration(parser, DECLARATION_USE, (AstName){0}, @$);
      $$->use.module = $module;
      $$->use.item = $item;
    }
  ;

// ---- variables

variable_word:
    NEURON { $$ = DECLARATION_NEURON; }
  | SYNAPSE { $$ = DECLARATION_SYNAPSE; }
  | GENOME { $$ = DECLARATION_GENOME; }
  | SIGNAL { $$ = DECLARATION_SIGNAL; }
  ;
variables:
    group { $$ = $group; syntax_spread_attributes(&$$); }
  | OPEN_BRACE CLOSE_BRACE { $$ = (VariableList){0}; }
  | OPEN_BRACE variable_groups CLOSE_BRACE { $$ = $variable_groups; }
  ;
variable_groups:
    group { $$ = $group; syntax_spread_attributes(&$$); }
  | variable_groups[list] SEPARATOR group { syntax_spread_attributes(&$group); $$ = $list; LIST_JOIN(&$$, $group); }
  | variable_groups[list] SEPARATOR error RECOVERED { $$ = $list; yyerrok; }
  | variable_groups[list] error RECOVERED { $$ = $list; yyerrok; }
  | error RECOVERED { $$ = (VariableList){0}; yyerrok; }
  ;
group:
    variable { $$ = (VariableList){$variable, $variable}; }
  | group[list] COMMA variable { $$ = $list; LIST_APPEND(&$$, $variable); }
  ;
variable_head:
    name extents axes {
      $$ = syntax_variable(parser, $name, @$);
      $$->extents = $extents.first;
      $$->axes = $axes.names.first;
      $$->has_axes = $axes.present;
    }
  ;
variable:
    variable_head
  | variable_head ARROW expression /* reported */ {
      syntax_report_definition_arrow(parser, @ARROW);
      $$ = $variable_head;
      syntax_variable_initial(parser, $$, INITIAL_VALUE, $expression, @$);
    }
  | variable[own] ASSIGN expression { $$ = $own; syntax_variable_initial(parser, $$, INITIAL_VALUE, $expression, @$); }
  | variable[own] TILDE expression { $$ = $own; syntax_variable_initial(parser, $$, INITIAL_DRAW, $expression, @$); }
  | variable[own] IN OPEN_PAREN expression[low] COMMA expression[high] CLOSE_PAREN {
      $$ = $own;
      syntax_variable_range(parser, $$, $low, $high, @$);
    }
  | variable[own] PER scope { $$ = $own; syntax_variable_scope(parser, $$, $scope, @$); }
  | variable[own] LIKE name { $$ = $own; syntax_variable_like(parser, $$, $name, @$); }
  | variable[own] BIAS { $$ = $own; syntax_variable_word(parser, $$, ATTRIBUTE_BIAS, @BIAS); }
  | variable[own] PERSISTENT { $$ = $own; syntax_variable_word(parser, $$, ATTRIBUTE_PERSISTENT, @PERSISTENT); }
  | variable[own] LOG { $$ = $own; syntax_variable_word(parser, $$, ATTRIBUTE_LOG, @LOG); }
  | variable[own] FROZEN { $$ = $own; syntax_variable_word(parser, $$, ATTRIBUTE_FROZEN, @FROZEN); }
  ;
scope:
    name
  | NEURON { $$ = syntax_name_of(parser, @$); }
  | SYNAPSE { $$ = syntax_name_of(parser, @$); }
  ;
extents:
    %empty { $$ = (ExpressionList){0}; }
  | OPEN_BRACKET expressions CLOSE_BRACKET { $$ = $expressions; }
  ;
axes:
    %empty { $$ = (ParameterList){0}; }
  | OPEN_PAREN CLOSE_PAREN { $$ = (ParameterList){.present = true}; }
  | OPEN_PAREN names CLOSE_PAREN { $$ = (ParameterList){.names = $names, .present = true}; }
  ;

// ---- blocks

block_kind:
    INPUT { $$ = BLOCK_INPUT; }
  | FORWARD { $$ = BLOCK_FORWARD; }
  | FEEDBACK { $$ = BLOCK_FEEDBACK; }
  | BACKWARD { $$ = BLOCK_BACKWARD; }
  | UPDATE { $$ = BLOCK_UPDATE; }
  ;
all: %empty { $$ = false; } | ALL { $$ = true; } ;
place: INPUT | name ;

body:
    statement { $$ = (StatementList){$statement, $statement}; }
  | OPEN_BRACE statements CLOSE_BRACE { $$ = $statements; }
  ;
statements: %empty { $$ = (StatementList){0}; } | statement_list ;
statement_list:
    statement { $$ = (StatementList){$statement, $statement}; }
  | statement_list[list] SEPARATOR statement { $$ = $list; LIST_APPEND(&$$, $statement); }
  | statement_list[list] SEPARATOR error RECOVERED {
      $$ = $list;
      AstStatement *unknown = syntax_statement(parser, STATEMENT_ERROR, @RECOVERED);
      LIST_APPEND(&$$, unknown);
      yyerrok;
    }
  | statement_list[list] error RECOVERED { $$ = $list; yyerrok; }
  | error RECOVERED {
      AstStatement *unknown = syntax_statement(parser, STATEMENT_ERROR, @RECOVERED);
      $$ = (StatementList){unknown, unknown};
      yyerrok;
    }
  ;
statement:
    target ARROW expression { $$ = syntax_assignment(parser, $target, $expression, @$); }
  | target ASSIGN expression /* reported */ {
      syntax_report_assignment_equals(parser, $target, @ASSIGN);
      $$ = syntax_assignment(parser, $target, $expression, @$);
    }
  | LET name bracket_names defines expression { $$ = syntax_let(parser, $name, $bracket_names, $expression, @$); }
  | if_statement
  ;
target: indexed { $$ = $indexed; parser->range_seen = (Span){0}; } ;
if_statement:
    IF expression OPEN_BRACE statements CLOSE_BRACE else_statements {
      $$ = syntax_statement(parser, STATEMENT_IF, @$);
      $$->choice.condition = $expression;
      $$->choice.yes = $statements.first;
      $$->choice.no = $else_statements.first;
      syntax_report_range_outside_target(parser);
    }
  ;
else_statements:
    %empty %prec WHOLE_IF { $$ = (StatementList){0}; }
  | ELSE OPEN_BRACE statements CLOSE_BRACE { $$ = $statements; }
  | ELSE if_statement { $$ = (StatementList){$if_statement, $if_statement}; }
  | ELSE error RECOVERED { $$ = (StatementList){0}; yyerrok; }
  | error RECOVERED { $$ = (StatementList){0}; yyerrok; }
  ;

// ---- step { ... }, predict { ... }

steps: %empty { $$ = (StepList){0}; } | step_list ;
step_list:
    step { $$ = (StepList){$step, $step}; }
  | step_list[list] SEPARATOR step { $$ = $list; LIST_APPEND(&$$, $step); }
  | step_list[list] SEPARATOR error RECOVERED { $$ = $list; yyerrok; }
  | step_list[list] error RECOVERED { $$ = $list; yyerrok; }
  | error RECOVERED { $$ = (StepList){0}; yyerrok; }
  ;
step:
    block_word { $$ = ARENA_NEW(parser->arena, AstStep); *$$ = (AstStep){.name = $block_word, .span = @$}; }
  | REPEAT expression OPEN_BRACE steps CLOSE_BRACE {
      $$ = ARENA_NEW(parser->arena, AstStep);
      *$$ = (AstStep){.count = $expression, .body = $steps.first, .span = @$};
      syntax_report_range_outside_target(parser);
    }
  | REPEAT name IN expression OPEN_BRACE steps CLOSE_BRACE {
      $$ = ARENA_NEW(parser->arena, AstStep);
      *$$ = (AstStep){.counter = $name, .count = $expression, .body = $steps.first, .span = @$};
      syntax_report_range_outside_target(parser);
    }
  ;
block_word: name | INPUT | FORWARD | FEEDBACK | BACKWARD | UPDATE ;

// ---- expressions

expression:
    IF expression[condition] THEN expression[yes] ELSE expression[no] {
      $$ = syntax_choice(parser, $condition, $yes, $no, @$);
    }
  | expression[l] OR expression[r] { $$ = syntax_binary(parser, OPERATOR_OR, @OR, $l, $r, @$); }
  | expression[l] AND expression[r] { $$ = syntax_binary(parser, OPERATOR_AND, @AND, $l, $r, @$); }
  | NOT expression[r] { $$ = syntax_unary(parser, OPERATOR_NOT, @NOT, $r, @$); }
  | expression[l] LESS expression[r] { $$ = syntax_binary(parser, OPERATOR_LESS, @LESS, $l, $r, @$); }
  | expression[l] LESS_EQUAL expression[r] { $$ = syntax_binary(parser, OPERATOR_LESS_EQUAL, @LESS_EQUAL, $l, $r, @$); }
  | expression[l] GREATER expression[r] { $$ = syntax_binary(parser, OPERATOR_GREATER, @GREATER, $l, $r, @$); }
  | expression[l] GREATER_EQUAL expression[r] {
      $$ = syntax_binary(parser, OPERATOR_GREATER_EQUAL, @GREATER_EQUAL, $l, $r, @$);
    }
  | expression[l] EQUAL expression[r] { $$ = syntax_binary(parser, OPERATOR_EQUAL, @EQUAL, $l, $r, @$); }
  | expression[l] NOT_EQUAL expression[r] { $$ = syntax_binary(parser, OPERATOR_NOT_EQUAL, @NOT_EQUAL, $l, $r, @$); }
  | expression[l] ARROW expression[r] /* reported */ { $$ = syntax_arrow_comparison(parser, @ARROW, $l, $r, @$); }
  | expression[l] PLUS expression[r] { $$ = syntax_binary(parser, OPERATOR_ADD, @PLUS, $l, $r, @$); }
  | expression[l] MINUS expression[r] { $$ = syntax_binary(parser, OPERATOR_SUBTRACT, @MINUS, $l, $r, @$); }
  | expression[l] TIMES expression[r] { $$ = syntax_binary(parser, OPERATOR_MULTIPLY, @TIMES, $l, $r, @$); }
  | expression[l] DIVIDE expression[r] { $$ = syntax_binary(parser, OPERATOR_DIVIDE, @DIVIDE, $l, $r, @$); }
  | expression[l] POWER expression[r] /* reported */ { $$ = syntax_power(parser, @POWER, $l, $r, @$); }
  | MINUS expression[r] %prec NEGATION { $$ = syntax_unary(parser, OPERATOR_NEGATE, @MINUS, $r, @$); }
  | NUMBER { $$ = syntax_expression(parser, EXPRESSION_NUMBER, @$); $$->number = $NUMBER; }
  | indexed
  | indexed arguments { $$ = syntax_call_of_indexed(parser, $indexed, $arguments, @$); }
  | PRIMED arguments {
      $$ = syntax_call(parser, $PRIMED.name, $PRIMED.primes, (IndexList){0}, $arguments, @$);
    }
  | PRIMED OPEN_BRACKET indices CLOSE_BRACKET arguments {
      $$ = syntax_call(parser, $PRIMED.name, $PRIMED.primes, $indices, $arguments, @$);
    }
  | OPEN_PAREN expression[own] CLOSE_PAREN { $$ = $own; }
  | OPEN_BRACKET expressions CLOSE_BRACKET { $$ = syntax_vector(parser, $expressions, @$); }
  | OPEN_BRACE items CLOSE_BRACE { $$ = syntax_block(parser, $items, @$); }
  ;

indexed:
    reference
  | reference OPEN_BRACKET indices CLOSE_BRACKET { $$ = syntax_index(parser, $reference, $indices, @$); }
  ;
reference:
    name { $$ = syntax_name(parser, (AstName){0}, $name, @$); }
  | name[qualifier] DOT name[own] { $$ = syntax_name(parser, $qualifier, $own, @$); }
  ;

arguments:
    OPEN_PAREN CLOSE_PAREN { $$ = (ArgumentList){0}; }
  | OPEN_PAREN expressions CLOSE_PAREN { $$ = (ArgumentList){.arguments = $expressions}; }
  | OPEN_AXES names COLON expressions CLOSE_PAREN {
      $$ = (ArgumentList){.axes = $names, .arguments = $expressions, .has_colon = true};
    }
  ;
expressions:
    expression { $$ = (ExpressionList){$expression, $expression}; }
  | expressions[list] COMMA expression { $$ = $list; LIST_APPEND(&$$, $expression); }
  ;

indices:
    index { $$ = (IndexList){$index, $index}; }
  | indices[list] COMMA index { $$ = $list; LIST_APPEND(&$$, $index); }
  ;
index:
    expression { $$ = syntax_index_entry(parser, $expression, false, NULL, @$); }
  | expression[low] RANGE { $$ = syntax_index_entry(parser, $low, true, NULL, @$); }
  | expression[low] RANGE expression[high] { $$ = syntax_index_entry(parser, $low, true, $high, @$); }
  | name ASSIGN expression { $$ = syntax_index_entry(parser, $expression, false, NULL, @$); $$->axis = $name; }
  ;

// The inside of a block expression: lets, then the value.
items:
    item { $$ = (StatementList){$item, $item}; }
  | items[list] SEPARATOR item { $$ = $list; LIST_APPEND(&$$, $item); }
  | items[list] SEPARATOR error RECOVERED {
      $$ = $list;
      AstStatement *unknown = syntax_statement(parser, STATEMENT_ERROR, @RECOVERED);
      LIST_APPEND(&$$, unknown);
      yyerrok;
    }
  | items[list] error RECOVERED {
      $$ = $list;
      AstStatement *unknown = syntax_statement(parser, STATEMENT_ERROR, @RECOVERED);
      LIST_APPEND(&$$, unknown);
      yyerrok;
    }
  | error RECOVERED {
      AstStatement *unknown = syntax_statement(parser, STATEMENT_ERROR, @RECOVERED);
      $$ = (StatementList){unknown, unknown};
      yyerrok;
    }
  ;
item:
    LET name bracket_names defines expression { $$ = syntax_let(parser, $name, $bracket_names, $expression, @$); }
  | expression { $$ = syntax_block_value(parser, $expression, @$); }
  ;

// `=`; an arrow in its place is understood, and reported.
defines: ASSIGN | ARROW /* reported */ { syntax_report_definition_arrow(parser, @ARROW); } ;

name: NAME | BIAS | PERSISTENT | LIKE | PER | IN | LOG | FROZEN | DERIVATIVE ;

%%

static int yyreport_syntax_error(const yypcontext_t *context, Parser *parser) {
  enum { MOST = 100 };
  yysymbol_kind_t symbols[MOST];
  int count = yypcontext_expected_tokens(context, symbols, MOST);
  if (count < 0) return count;
  int kinds[MOST];
  ExpectedKinds expected = {kinds, 0};
  for (int kind = TOKEN_START_FILE; kind <= TOKEN_SEPARATOR; kind++)
    for (int i = 0; i < count; i++)
      if (YYTRANSLATE(kind) == symbols[i]) kinds[expected.count++] = kind;
  parser_complain(parser, parser->next - 1, expected);
  parser->stuck = parser->last_failure == parser->next; // the same token twice: no production takes it
  parser->last_failure = parser->next;
  parser->recovering = true;
  parser->resume = parser_resume_after(parser, parser->next - 1);
  parser->unread += 1 + parser->resume - (parser->next - 1);
  return 0;
}
