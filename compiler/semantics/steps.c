// Blocks, and the order in which they run: the default one, or the rule's `step`; the blocks before a prediction; the
// prediction itself. A block that is inherited and never run is dropped unseen. The index of a repeat is a name of the
// rule: a number in each block that reads it, which then runs only inside repeats of that name.
#include "compiler/semantics/checker.h"
#include "compiler/syntax/syntax.h"

#include <math.h>
#include <string.h>

static const char *const standard_names[] = {"input", "forward", "feedback", "backward", "update"};
enum { STANDARD_BLOCKS = 5, BEFORE_PREDICTION = 2, MAX_STEPS = 4096 };
static const double MAX_RUNS = 1e9; // of one block in a step: iterations have 32-bit numbers

// ---- the indices of repeats, known before the blocks are checked

static void declare_counter(Checker *checker, AstName name) {
  if (name_of_counter(checker, name.text) >= 0) return;
  const Entry *entry = scope_find_entry(checker, name.text);
  if (entry && !entry->in_rule && entry->file != checker->environment.file) entry = NULL; // the library's
  if (entry) {
    Diagnostic *diagnostic = REPORT(checker, shadowed_name, name.span, name.text);
    diagnostic_note(checker->sink, diagnostic, entry->name.span, "its first meaning");
    diagnostic_help(checker->sink, diagnostic, "choose another name");
  } else if (name_is_reserved(name.text)) {
    diagnostic_help(checker->sink, REPORT(checker, builtin_name, name.span, name.text), "choose another name");
  }
  ARENA_PUSH(checker->arena, &checker->rule->counters, (CheckedCounter){name.text, name.span});
}

static void survey(Checker *checker, const AstStep *steps) {
  for (const AstStep *step = steps; step; step = step->next) {
    if (!step->name.text) {
      if (step->counter.text) declare_counter(checker, step->counter);
      survey(checker, step->body);
      continue;
    }
    MergedBlock *block = merged_block(checker, step->name.text);
    if (block) block->runs = true;
  }
}

static void survey_standard(Checker *checker, int count) {
  for (int i = 0; i < count; i++) {
    MergedBlock *block = merged_block(checker, standard_names[i]);
    if (block) block->runs = true;
  }
}

// ---- blocks

static void check_block(Checker *checker, const MergedBlock *merged) {
  const AstDeclaration *declaration = merged->merged.declaration;
  BlockKind kind = declaration->block.kind;
  AtPlace at = declaration->block.place;
  bool one_layer = kind == BLOCK_INPUT || kind == BLOCK_FEEDBACK || kind == BLOCK_AT;
  checker->environment = (Environment){NULL, merged->merged.file, true};
  checker->place = (Place){.kind = one_layer ? PLACE_ONE_LAYER : PLACE_SYNAPSES,
                           .name = arena_format(checker->arena, "`%s`", merged->name),
                           .block = declaration->span,
                           .sees_x = kind == BLOCK_INPUT || (kind == BLOCK_AT && at == AT_INPUT),
                           .sees_y = kind == BLOCK_FEEDBACK || (kind == BLOCK_AT && at == AT_OUTPUT)};
  CheckedBlock block = {.kind = kind,
                        .name = merged->name,
                        .is_up = kind == BLOCK_FORWARD || (kind == BLOCK_PASS && declaration->block.is_up),
                        .all = kind == BLOCK_PASS && declaration->block.all,
                        .place = at,
                        .span = declaration->span};
  checker->block = (int)checker->rule->blocks.count;
  check_statements(checker, declaration->block.statements, &block.statements);
  checker->block = -1;
  ARENA_PUSH(checker->arena, &checker->rule->blocks, block);
}

static bool is_wanted(const Checker *checker, const MergedBlock *block) {
  return !checker->too_large && (block->runs || block->merged.depth == checker->depth);
}

static int find_block(const CheckedRule *rule, const char *name) {
  for (size_t i = 0; i < rule->blocks.count; i++)
    if (!strcmp(rule->blocks.items[i].name, name)) return (int)i;
  return -1;
}

// ---- the order

typedef struct Running Running; // a repeat around the steps at hand
struct Running {
  int counter;
  const Running *outer;
};

static bool standard_block(const char *name) {
  for (size_t i = 0; i < sizeof standard_names / sizeof *standard_names; i++)
    if (!strcmp(standard_names[i], name)) return true;
  return false;
}

static void report_unknown_block(Checker *checker, const AstStep *step) {
  // The block of this kind that is missing may be one that an error has told about.
  bool standard = standard_block(step->name.text);
  if (checker->is_partial || (standard && checker->sink->errors > checker->first_errors)) return;
  Diagnostic *diagnostic = REPORT(checker, unknown_block, step->name.span, step->name.text);
  diagnostic_doubt_blocks(checker->sink); // one of those that are there may be the missing one
  enum { LIMIT = 100 };
  const char *names[LIMIT];
  size_t count = checker->blocks.count < LIMIT ? checker->blocks.count : LIMIT;
  for (size_t i = 0; i < count; i++) names[i] = checker->blocks.items[i].name;
  const char *near = near_name(step->name.text, names, count);
  if (near) {
    diagnostic_help(checker->sink, diagnostic, "did you mean `%s`?", near);
    diagnostic_fix(checker->sink, diagnostic, step->name.span, "%s", near);
  } else {
    diagnostic_help(checker->sink, diagnostic, "name a block of the rule: `forward`, or what `pass` and `at` declare");
    note_kin_of_block(checker, diagnostic, step);
  }
}

// What a block reads of the repeats around it must be there.
static void check_counters_of(Checker *checker, const AstStep *step, int block, const Running *running) {
  for (size_t i = 0; i < checker->counter_reads.count; i++) {
    const CounterRead *read = &checker->counter_reads.items[i];
    if (read->block != block) continue;
    const Running *around = running;
    while (around && around->counter != read->counter) around = around->outer;
    if (around) continue;
    const char *name = checker->rule->counters.items[read->counter].name;
    Diagnostic *diagnostic = REPORT(checker, repeat_index_missing, step->span, step->name.text, name);
    diagnostic_note(checker->sink, diagnostic, read->span, "`%s` is read here", name);
    diagnostic_help(checker->sink, diagnostic, "run it inside `repeat %s in ... { }`", name);
  }
}

static bool repeat_count(Checker *checker, const AstStep *step, double around, int64_t *count) {
  double number;
  bool is_truth;
  if (!step->count || step->count->kind == EXPRESSION_ERROR) return false;
  if (!constant_number(checker, step->count, "the number of times that a `repeat` runs", &number, &is_truth))
    return false;
  if (is_truth || number != floor(number) || number < 0 || number * around > MAX_RUNS) {
    Diagnostic *diagnostic = REPORT(checker, bad_repeat, step->count->span);
    if (is_truth) diagnostic_label(checker->sink, diagnostic, "a truth value");
    else if (around > 1) diagnostic_label(checker->sink, diagnostic, "%.17g, in repeats of %.17g", number, around);
    else diagnostic_label(checker->sink, diagnostic, "%.17g", number);
    diagnostic_help(checker->sink, diagnostic, "write a whole number, as in `repeat 20 { ... }`");
    return false;
  }
  *count = (int64_t)number;
  return true;
}

static CheckedStep *check_steps(Checker *checker, const AstStep *ast, const Running *running, double around);

static CheckedStep *check_repeat(Checker *checker, const AstStep *ast, const Running *running, double around) {
  int counter = ast->counter.text ? name_of_counter(checker, ast->counter.text) : -1;
  for (const Running *outer = running; outer && counter >= 0; outer = outer->outer)
    if (outer->counter == counter) {
      Diagnostic *diagnostic = REPORT(checker, shadowed_name, ast->counter.span, ast->counter.text);
      diagnostic_note(checker->sink, diagnostic, checker->rule->counters.items[counter].span, "its first meaning");
      diagnostic_help(checker->sink, diagnostic, "choose another name");
    }
  int64_t count = 1;
  bool fine = repeat_count(checker, ast, around, &count);
  Running inside = {counter, running};
  CheckedStep *body = check_steps(checker, ast->body, &inside, around * (double)(count > 1 ? count : 1));
  if (!fine || !body || !count) return NULL;
  CheckedStep *step = ARENA_NEW(checker->arena, CheckedStep);
  *step = (CheckedStep){.block = -1, .count = count, .counter = counter, .body = body, .span = ast->span};
  return step;
}

static CheckedStep *check_steps(Checker *checker, const AstStep *ast, const Running *running, double around) {
  CheckedStep *first = NULL, **last = &first;
  for (; ast; ast = ast->next) {
    CheckedStep *step = NULL;
    if (!ast->name.text) {
      step = check_repeat(checker, ast, running, around);
    } else if (!merged_block(checker, ast->name.text)) {
      report_unknown_block(checker, ast);
    } else {
      int block = find_block(checker->rule, ast->name.text);
      if (block < 0) continue; // its check was given up
      check_counters_of(checker, ast, block, running);
      step = ARENA_NEW(checker->arena, CheckedStep);
      *step = (CheckedStep){.block = block, .counter = -1, .span = ast->span};
    }
    if (!step) continue;
    if (++checker->steps_made > MAX_STEPS) {
      Diagnostic *diagnostic =
          REPORT(checker, rule_too_large, ast->span, "more than 4096 blocks are named in its steps");
      diagnostic_help(checker->sink, diagnostic, "write `repeat n { ... }` instead of naming blocks again");
      checker->too_large = true;
      return first;
    }
    *last = step;
    last = &step->next;
  }
  return first;
}

static CheckedStep *standard_steps(Checker *checker, int count) {
  AstStep *steps = ARENA_ARRAY(checker->arena, AstStep, count);
  AstStep *first = NULL, **last = &first;
  for (int i = 0; i < count; i++) {
    const MergedBlock *block = merged_block(checker, standard_names[i]);
    if (!block) continue;
    Span span = block->merged.declaration->span;
    steps[i] = (AstStep){.name = {standard_names[i], span}, .span = span};
    *last = &steps[i];
    last = &steps[i].next;
  }
  return check_steps(checker, first, NULL, 1);
}

void survey_steps(Checker *checker) {
  const AstDeclaration *step = checker->step.declaration, *predict = checker->predict.declaration;
  checker->environment = (Environment){NULL, checker->step.file, true};
  if (step) survey(checker, step->step.steps);
  else survey_standard(checker, STANDARD_BLOCKS);
  checker->environment.file = checker->predict.file;
  if (predict && predict->predict.steps) survey(checker, predict->predict.steps);
  else survey_standard(checker, BEFORE_PREDICTION);
}

void check_blocks(Checker *checker) {
  CheckedRule *rule = checker->rule;
  const AstDeclaration *step = checker->step.declaration;
  for (int i = 0; i < STANDARD_BLOCKS; i++) {
    const MergedBlock *block = merged_block(checker, standard_names[i]);
    if (block && is_wanted(checker, block)) check_block(checker, block);
  }
  for (size_t i = 0; i < checker->blocks.count; i++) {
    const MergedBlock *block = &checker->blocks.items[i];
    if (block->merged.declaration->block.kind > BLOCK_UPDATE && is_wanted(checker, block)) check_block(checker, block);
  }
  if (checker->too_large) return;
  checker->environment = (Environment){NULL, checker->step.file, true};
  rule->has_own_step = step != NULL;
  rule->step = step ? check_steps(checker, step->step.steps, NULL, 1) : standard_steps(checker, STANDARD_BLOCKS);
}

// A block of the rule itself that never runs: what it says has no effect.
void warn_blocks(Checker *checker) {
  for (size_t i = 0; i < checker->blocks.count; i++) {
    const MergedBlock *block = &checker->blocks.items[i];
    if (block->runs || block->merged.depth < checker->depth) continue;
    const AstDeclaration *declaration = block->merged.declaration;
    Span span = declaration->name.span.file ? declaration->name.span : declaration->span;
    Diagnostic *diagnostic = REPORT(checker, block_never_run, span, block->name);
    diagnostic_help(checker->sink, diagnostic,
                    checker->step.declaration ? "name it in `step`, or remove it"
                                              : "say by `step { ... }` when it runs, or remove it");
  }
}

// ---- the prediction

// What is asked for by a prediction is not known to it.
static void check_target_unseen(Checker *checker, const CheckedStep *steps, uint32_t mark) {
  for (const CheckedStep *step = steps; step; step = step->next) {
    if (step->block < 0) {
      check_target_unseen(checker, step->body, mark);
      continue;
    }
    const CheckedBlock *block = &checker->rule->blocks.items[step->block];
    for (const CheckedStatement *statement = block->statements; statement; statement = statement->next) {
      const CheckedExpression *value =
          statement->is_let ? checker->rule->lets.items[statement->let].value : statement->value;
      if (!node_reads(value, 1, mark)) continue;
      Diagnostic *diagnostic = REPORT(checker, prediction_sees_target, step->span, block->name);
      diagnostic_note(checker->sink, diagnostic, statement->span, "it reads `y` here");
      diagnostic_help(checker->sink, diagnostic, "leave `%s` out of the steps of `predict`", block->name);
      return;
    }
  }
}

static bool check_prediction_steps(Checker *checker, const AstDeclaration *declaration) {
  CheckedRule *rule = checker->rule;
  if (declaration->predict.steps) {
    rule->predict_steps = check_steps(checker, declaration->predict.steps, NULL, 1);
    check_target_unseen(checker, rule->predict_steps, ++checker->next_mark);
    return true;
  }
  rule->predict_steps = standard_steps(checker, BEFORE_PREDICTION);
  if (!checker->step.declaration || merged_block(checker, "forward") || checker->is_partial) return true;
  Diagnostic *diagnostic = REPORT(checker, predict_steps_missing, declaration->span);
  diagnostic_note(checker->sink, diagnostic, checker->step.declaration->span, "the rule's own order");
  diagnostic_help(checker->sink, diagnostic, "name them: `predict { input; ... } value`");
  return false;
}

void check_prediction(Checker *checker) {
  CheckedRule *rule = checker->rule;
  const AstDeclaration *declaration = checker->predict.declaration;
  if (!declaration && (checker->is_partial || checker->sink->errors > checker->first_errors)) return;
  if (!declaration) {
    Span whole = checker->ast->span, name = checker->ast->name.span; // told where the prediction is missing: at the end
    if (whole.file && whole.end > whole.start) whole.start = whole.end - 1;
    Diagnostic *diagnostic = REPORT(checker, no_prediction, whole.file ? whole : rule->span, rule->name);
    diagnostic_help(checker->sink, diagnostic, "say what the last layer answers: `predict h`");
    if (name.file) diagnostic_note(checker->sink, diagnostic, name, "the rule begins here");
    return;
  }
  statement_begin(checker);
  checker->environment = (Environment){NULL, checker->predict.file, true};
  checker->place = (Place){.kind = PLACE_ONE_LAYER, .name = "`predict`"};
  check_prediction_steps(checker, declaration);
  if (!declaration->predict.value) return;
  CheckedExpression *value = check_number(checker, declaration->predict.value);
  if (node_is_error(checker, value)) return;
  RuleAxisSet allowed = axis_bit(RULE_AXIS_BATCH) | axis_bit(RULE_AXIS_UNIT);
  if (value->axes & ~allowed || !(value->axes & axis_bit(RULE_AXIS_UNIT))) {
    Diagnostic *diagnostic =
        REPORT(checker, prediction_axes, declaration->predict.value->span, axis_set_text(checker, value->axes));
    diagnostic_help(checker->sink, diagnostic,
                    "one number a sample and output: a neuron variable of the last layer, as in `predict h`");
    return;
  }
  RuleAxis final[64];
  if (!indices_finish(checker, final)) return;
  node_finish(checker, value, final);
  rule->prediction = value;
}
