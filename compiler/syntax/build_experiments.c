// Builders of experiments: fields, phrases, clauses. Called by grammar/blur.y; what they mean is checked by semantics.
#include "compiler/syntax/build.h"

void syntax_experiment(Parser *parser, AstName name, FieldList fields, Span span) {
  AstExperiment *experiment = ARENA_NEW(parser->arena, AstExperiment);
  *experiment = (AstExperiment){.name = name, .span = span, .fields = fields.first};
  if (parser->last_experiment) parser->last_experiment->next = experiment;
  else parser->file->experiments = experiment;
  parser->last_experiment = experiment;
}

AstField *syntax_field(Parser *parser, AstName name, PhraseList phrases, Span span) {
  AstField *field = ARENA_NEW(parser->arena, AstField);
  *field = (AstField){.name = name, .span = span, .phrases = phrases.first};
  return field;
}

AstPhrase *syntax_phrase(Parser *parser, AstName name, AstValue value, const PhraseList *settings, ClauseList clauses,
                         Span span) {
  AstPhrase *phrase = ARENA_NEW(parser->arena, AstPhrase);
  *phrase = (AstPhrase){.name = name,
                        .span = span,
                        .value = value,
                        .has_settings = settings != NULL,
                        .settings = settings ? settings->first : NULL,
                        .clauses = clauses.first};
  syntax_report_range_outside_target(parser);
  return phrase;
}

AstClause *syntax_clause(Parser *parser, AstName word, AstValue value, Span span) {
  AstClause *clause = ARENA_NEW(parser->arena, AstClause);
  *clause = (AstClause){.word = word, .value = value, .span = span};
  return clause;
}

AstName syntax_text_of(Parser *parser, Span span) {
  const char *text = span.file->text;
  uint32_t start = span.start + 1, end = span.end > start && text[span.end - 1] == '"' ? span.end - 1 : span.end;
  return (AstName){arena_copy(parser->arena, text + start, end - start), span};
}

// The name before a parenthesis, which the grammar reads as it reads a variable.
static bool take_function(Parser *parser, AstExpression *function, AstName *name) {
  if (function->kind == EXPRESSION_NAME && !function->name.qualifier.text) {
    *name = function->name.name;
    return true;
  }
  if (function->kind != EXPRESSION_ERROR)
    diagnostic_report(parser->sink, DIAGNOSTIC_syntax_unexpected, function->span,
                      syntax_name_of(parser, function->span).text);
  return false;
}

AstValue syntax_range_call(Parser *parser, AstExpression *function, AstExpression *low, AstExpression *high,
                           ExpressionList rest, Span span) {
  AstValue value = {.kind = VALUE_RANGE_CALL, .span = span, .first = low, .last = high, .rest = rest.first};
  if (!take_function(parser, function, &value.name)) value.kind = VALUE_ERROR;
  return value;
}

AstValue syntax_update_call(Parser *parser, AstExpression *function, AstExpression *target, AstPhrase *other,
                            Span span) {
  AstValue value = {.kind = VALUE_UPDATE_CALL, .span = span, .first = target, .other = other};
  if (!take_function(parser, function, &value.name)) value.kind = VALUE_ERROR;
  return value;
}

AstExpression *syntax_repeated_link(Parser *parser, AstExpression *units, AstName word, AstExpression *times,
                                    Span span) {
  units->next = times;
  ArgumentList both = {.arguments = {units, times}};
  return syntax_call(parser, word, 0, (IndexList){0}, both, span);
}
