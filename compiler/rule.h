// The rule behind the public BlurRule: one checked rule and everything it was made of.
#ifndef BLUR_COMPILER_RULE_H
#define BLUR_COMPILER_RULE_H

#include "blur/compiler.h"
#include "compiler/report.h"
#include "compiler/semantics/checked.h"

struct BlurRule {
  Arena *arena;
  const AstFile *file;
  const CheckedRule *checked;
};

// Finds the file and, in it, the rule that a name means (path, path:rule, std.name). False: the report says why.
bool rule_find(Arena *arena, const char *name, const AstFile **file, const AstRule **rule, BlurReport *report);
// The file alone, which may hold no rule. NULL: the report says why.
const AstFile *rule_file(Arena *arena, const char *name, BlurReport *report);
// The loader of `use std.x` and `rule a like std.b`, reporting into `report`.
typedef struct {
  Arena *arena;
  BlurReport *report;
  ARENA_LIST(const AstFile *) files;
  ARENA_LIST(const char *) names;
} RuleModules;
ModuleLoader rule_modules(RuleModules *modules);

#endif
