// Shared by the printers of the syntax tree.
#ifndef BLUR_SYNTAX_PRINT_H
#define BLUR_SYNTAX_PRINT_H

#include "compiler/syntax/syntax.h"

const char *operator_text(Operator op);                   // "+", "and"
void name_list_print(const AstNameList *list, Text *out); // a, b
void index_list_print(const AstIndex *list, Text *out);   // [c, 2.., post=post2]

#endif
