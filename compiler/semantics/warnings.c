// Warnings about a whole rule: what is declared and never read. What a rule inherits and does not use is dropped
// silently (check.c). And whether the prediction depends on the other samples of its batch.
#include "compiler/semantics/checker.h"

#include <string.h>

void warn_unused(Checker *checker) {
  CheckedRule *rule = checker->rule;
  for (size_t i = 2; i < rule->variables.count; i++) {
    const CheckedVariable *variable = &rule->variables.items[i];
    const struct VariableFacts *facts = &checker->facts[i];
    if (facts->read || facts->entry->depth < checker->depth) continue;
    if (variable->kind == CHECKED_GENOME) {
      Diagnostic *diagnostic = REPORT(checker, genome_unused, variable->span, variable->name);
      diagnostic_help(checker->sink, diagnostic,
                      "remove it: a genome value that nothing reads only costs those who search for one");
    } else {
      Diagnostic *diagnostic = REPORT(checker, never_read, variable->span, variable->name,
                                      facts->written ? "assigned, but never read" : "never used");
      diagnostic_help(checker->sink, diagnostic,
                      facts->written ? "what nothing reads is not computed: remove it, or read it" : "remove it");
    }
  }
  bool reads_x = checker->facts[0].read;
  if (reads_x) return;
  const MergedBlock *input = merged_block(checker, "input");
  Diagnostic *diagnostic = REPORT(checker, input_unused, input ? input->merged.declaration->span : rule->span);
  diagnostic_help(checker->sink, diagnostic, "assign it to a neuron variable: `input h <- x`");
}

// ---- batch statistics: does the slice of the prediction reduce over the batch?

typedef struct {
  const CheckedRule *rule;
  bool *needed; // by variable
  bool *let_needed;
  bool changed, reduces;
} Slice;

static void need(Slice *slice, CheckedExpression *value, uint32_t mark) {
  Node *node = node_of(value);
  if (node->mark == mark) return;
  node->mark = mark;
  if (value->kind == CHECKED_READ && !slice->needed[value->variable])
    slice->needed[value->variable] = slice->changed = true;
  if (value->kind == CHECKED_LET_READ && !slice->let_needed[value->let])
    slice->let_needed[value->let] = slice->changed = true;
  if (value->kind == CHECKED_REDUCE && (value->reduced & axis_bit(RULE_AXIS_BATCH))) slice->reduces = true;
  for (int i = 0; i < IR_MAX_OPERANDS; i++)
    if (value->operand[i]) need(slice, value->operand[i], mark);
}

static void need_in_steps(Slice *slice, const CheckedStep *steps, uint32_t mark) {
  const CheckedRule *rule = slice->rule;
  for (const CheckedStep *step = steps; step; step = step->next) {
    if (step->block < 0) {
      need_in_steps(slice, step->body, mark);
      continue;
    }
    for (const CheckedStatement *statement = rule->blocks.items[step->block].statements; statement;
         statement = statement->next) {
      if (statement->is_let && slice->let_needed[statement->let])
        need(slice, rule->lets.items[statement->let].value, mark);
      if (!statement->is_let && slice->needed[statement->variable]) need(slice, statement->value, mark);
    }
  }
}

bool prediction_uses_batch(Checker *checker) {
  const CheckedRule *rule = checker->rule;
  if (!rule->prediction) return false;
  Slice slice = {.rule = rule,
                 .needed = ARENA_ARRAY(checker->arena, bool, rule->variables.count),
                 .let_needed = ARENA_ARRAY(checker->arena, bool, rule->lets.count + 1)};
  uint32_t mark = ++checker->next_mark; // each value is looked into once: what it needs does not change
  need(&slice, rule->prediction, mark);
  do {
    slice.changed = false;
    need_in_steps(&slice, rule->predict_steps, mark);
  } while (slice.changed);
  return slice.reduces;
}
