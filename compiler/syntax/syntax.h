// Text to syntax tree. Source: grammar/blur.re (tokens), grammar/blur.y (grammar).
#ifndef BLUR_SYNTAX_SYNTAX_H
#define BLUR_SYNTAX_SYNTAX_H

#include "base/text.h"
#include "compiler/source/diagnostics.h"
#include "compiler/syntax/ast.h"

// Parses a whole file with recovery: all syntax errors are in the sink, the tree holds what could be understood.
// Never NULL. Bounded: nesting deeper than 200 and files above 4 MiB are errors.
AstFile *parse_file(Arena *arena, const SourceFile *source, DiagnosticSink *sink);
// One expression, as in `--set act=relu`, `--set "nu=[[1,0],[1,0]]"`. NULL after an error.
AstExpression *parse_expression(Arena *arena, const SourceFile *source, DiagnosticSink *sink);
// One field of an experiment, as in `--set steps=200`, whose text is then `steps 200`. NULL after an error.
AstField *parse_field(Arena *arena, const SourceFile *source, DiagnosticSink *sink);

void tokens_print(Arena *arena, const SourceFile *source, Text *out); // --stage=tokens: "LINE:COLUMN KIND text" a line
void ast_print(const AstFile *file, Text *out);                       // --stage=ast: an indented tree, stable
void expression_print(const AstExpression *expression, Text *out);    // as source text, minimal parentheses

// The canonical layout of a text that parses without an error (format.c). NULL, or what is wrong with the formatter.
const char *format_source(const SourceFile *source, Text *out);

#endif
