// The checker: what a rule becomes. Rules are written here as text; what they must become is said by hand.
#include "blur/compiler.h"
#include "compiler/semantics/checked.h"
#include "compiler/source/library.h"
#include "compiler/syntax/syntax.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  Arena *arena;
  DiagnosticSink sink;
  ModuleLoader loader;
  struct {
    const char *item;
    const AstFile *file;
  } loaded[32];
  size_t loaded_count;
} Bench;

static const AstFile *load(void *context, const char *module, const char *item, Span asked_at) {
  (void)asked_at;
  Bench *bench = context;
  if (strcmp(module, "std") != 0) return NULL;
  for (size_t i = 0; i < bench->loaded_count; i++)
    if (!strcmp(bench->loaded[i].item, item)) return bench->loaded[i].file;
  SourceFile *source = library_find(bench->arena, item);
  if (!source) return NULL;
  const AstFile *file = parse_file(bench->arena, source, &bench->sink);
  bench->loaded[bench->loaded_count].item = item;
  bench->loaded[bench->loaded_count++].file = file;
  return file;
}

static Bench bench_make(void) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  Bench bench = {.arena = arena_create()};
  bench.sink.arena = bench.arena;
  return bench;
}

static CheckedRule *check_with(Bench *bench, const char *text, const RuleOverride *overrides, size_t count,
                               TaskLoss loss) {
  bench->loader = (ModuleLoader){bench, load};
  const AstFile *file =
      parse_file(bench->arena, source_from_bytes(bench->arena, "test.blur", text, strlen(text)), &bench->sink);
  const AstRule *last = file->rules;
  while (last && last->next) last = last->next;
  cr_assert_not_null(last);
  return check_rule(bench->arena, file, last, overrides, count, loss, &bench->loader, &bench->sink);
}

static CheckedRule *check_text(Bench *bench, const char *text) {
  return check_with(bench, text, NULL, 0, LOSS_CROSS_ENTROPY);
}

static void expect_clean(Bench *bench) {
  Text text = {0};
  diagnostics_render(&bench->sink, &text, false);
  cr_expect(bench->sink.errors + bench->sink.warnings == 0, "%s", text_get(&text));
  text_free(&text);
}

static const CheckedVariable *variable(const CheckedRule *rule, const char *name) {
  for (size_t i = 0; i < rule->variables.count; i++)
    if (!strcmp(rule->variables.items[i].name, name)) return &rule->variables.items[i];
  return NULL;
}

static const CheckedStatement *statement(const CheckedRule *rule, const char *block, int position) {
  for (size_t i = 0; i < rule->blocks.count; i++) {
    if (strcmp(rule->blocks.items[i].name, block) != 0) continue;
    const CheckedStatement *found = rule->blocks.items[i].statements;
    for (; found && position > 0; position--) found = found->next;
    return found;
  }
  return NULL;
}

static const char *only_code(const Bench *bench) {
  return bench->sink.items.count == 1 ? diagnostic_code_name(bench->sink.items.items[0].code) : "not one diagnostic";
}

#define AXIS(name) ((RuleAxisSet)1 << RULE_AXIS_##name)

Test(semantics, backprop) {
  Bench bench = bench_make();
  CheckedRule *rule = check_text(&bench, "rule mine like std.backprop { }");
  expect_clean(&bench);
  cr_assert_not_null(rule);
  cr_expect_str_eq(rule->variables.items[0].name, "x");
  cr_expect_str_eq(rule->variables.items[1].name, "y");
  cr_expect_str_eq(rule->variables.items[2].name, "h");
  cr_expect_str_eq(rule->variables.items[3].name, "g");
  const CheckedVariable *w = variable(rule, "w"), *lr = variable(rule, "lr");
  cr_expect(w->bias && w->draw == 'n' && w->axes == 2 && w->axis[0] == RULE_AXIS_PRE && w->axis[1] == RULE_AXIS_POST);
  cr_expect(w->second->kind == CHECKED_OPERATION && w->second->operation == OP_DIVIDE);
  cr_expect(lr->first->number == 0.5 && lr->low == 0 && lr->high == 10 && lr->logarithmic);
  // let z = sum(pre: w * pre.h), with the row of the unit neuron
  const CheckedStatement *z = statement(rule, "forward", 0);
  cr_assert(z->is_let);
  const CheckedExpression *sum = rule->lets.items[z->let].value;
  cr_expect(sum->kind == CHECKED_REDUCE && sum->reduction == REDUCE_SUM && sum->with_bias);
  cr_expect_eq(sum->reduced, AXIS(PRE));
  cr_expect_eq(sum->axes, AXIS(BATCH) | AXIS(POST));
  // post.g <- if last then 1 else act'(z)
  const CheckedStatement *g = statement(rule, "forward", 2);
  cr_expect(g->side == SIDE_POST && g->value->operation == OP_SELECT);
  cr_expect(g->value->operand[0]->kind == CHECKED_BUILTIN && g->value->operand[0]->scalar == SCALAR_LAST);
  const CheckedExpression *slope = g->value->operand[2];
  cr_expect(slope->kind == CHECKED_GRADIENT && slope->operand[1]->kind == CHECKED_LET_READ);
  cr_expect(slope->operand[0]->operation == OP_SIGMOID && slope->operand[0]->operand[0]->kind == CHECKED_ARGUMENT);
  // the sum over post has no such row, the sum over the batch neither
  const CheckedExpression *down = statement(rule, "backward", 0)->value->operand[1];
  cr_expect(down->kind == CHECKED_REDUCE && down->reduced == AXIS(POST) && !down->with_bias);
  cr_expect_eq(statement(rule, "update", 0)->value->axes, AXIS(PRE) | AXIS(POST));
  cr_expect(!rule->predicts_with_batch_statistics);
  cr_expect_eq(rule->prediction->axes, AXIS(BATCH) | AXIS(UNIT));
  arena_destroy(bench.arena);
}

Test(semantics, blur_with_states) {
  Bench bench = bench_make();
  CheckedRule *rule =
      check_with(&bench, "rule mine like std.blur { }", (RuleOverride[]){{"k", "4"}}, 1, LOSS_CROSS_ENTROPY);
  expect_clean(&bench);
  cr_assert_not_null(rule);
  cr_expect(variable(rule, "a")->states == 1 && variable(rule, "a")->extent[0] == 4);
  cr_expect(variable(rule, "nu")->states == 2 && variable(rule, "nu")->extent[1] == 4);
  cr_expect(rule->predicts_with_batch_statistics);
  // feedback: y, then a range of two elements, in order
  const CheckedStatement *first = statement(rule, "feedback", 0);
  cr_expect(first->index[0].constant == 1 && first->value->kind == CHECKED_READ && first->value->variable == 1);
  cr_expect(statement(rule, "feedback", 1)->index[0].constant == 2 &&
            statement(rule, "feedback", 2)->index[0].constant == 3);
  cr_expect_null(statement(rule, "feedback", 3));
  // forward binds c on the left; its value has it and no other state index
  const CheckedStatement *up = statement(rule, "forward", 0);
  cr_assert(up->index[0].is_axis);
  RuleAxis c = up->index[0].axis;
  cr_expect_eq(up->value->axes, AXIS(BATCH) | AXIS(POST) | (RuleAxisSet)1 << c);
  cr_expect(rule->axes.items[c].extent == 4 && !strcmp(rule->axes.items[c].name, "c"));
  // w gets the row as a target, v as one without has none
  const CheckedExpression *hebb = statement(rule, "update", 0)->value->operand[1]->operand[1];
  cr_expect(hebb->kind == CHECKED_REDUCE && !hebb->with_bias);
  cr_expect_eq(hebb->reduced & AXIS(BATCH), AXIS(BATCH));
  cr_expect_eq(__builtin_popcountll(hebb->reduced), 3);
  arena_destroy(bench.arena);
}

Test(semantics, range_of_the_library_is_empty_for_two_states) {
  Bench bench = bench_make();
  CheckedRule *rule = check_text(&bench, "rule mine like std.blur { }");
  cr_assert_not_null(rule);
  cr_expect_not_null(statement(rule, "feedback", 0));
  cr_expect_null(statement(rule, "feedback", 1));
  arena_destroy(bench.arena);
}

Test(semantics, every_rule_of_the_library) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  const char *const *names;
  size_t count = blur_library_rules(&names);
  cr_assert_gt(count, 20);
  for (size_t i = 0; i < count; i++)
    for (TaskLoss loss = LOSS_CROSS_ENTROPY; loss <= LOSS_HINGE; loss++) {
      Bench bench = bench_make();
      char text[100];
      snprintf(text, sizeof text, "rule mine like %s { }", names[i]);
      cr_expect_not_null(check_with(&bench, text, NULL, 0, loss), "%s", names[i]);
      expect_clean(&bench);
      arena_destroy(bench.arena);
    }
}

Test(semantics, settings) {
  Bench bench = bench_make();
  RuleOverride settings[] = {{"act", "relu"}, {"lr", "0.1"}};
  CheckedRule *rule = check_with(&bench, "rule mine like std.backprop { }", settings, 2, LOSS_CROSS_ENTROPY);
  cr_assert_not_null(rule);
  cr_expect_eq(variable(rule, "lr")->first->number, 0.1);
  cr_expect_eq(statement(rule, "forward", 1)->value->operand[2]->operation, OP_RELU);
  arena_destroy(bench.arena);
}

Test(semantics, setting_a_function_of_the_library) {
  Bench bench = bench_make();
  CheckedRule *rule =
      check_with(&bench, "rule mine like std.blur_family { }",
                 (RuleOverride[]){{"receive", "multiplicative"}, {"seen", "unit_length"}, {"nu", "[[1, 2], [3, 4]]"}},
                 3, LOSS_CROSS_ENTROPY);
  expect_clean(&bench);
  cr_assert_not_null(rule);
  cr_expect(variable(rule, "nu")->initial_kind == INITIAL_VALUE && variable(rule, "nu")->constants[2] == 3);
  arena_destroy(bench.arena);
}

static void expect_setting(const char *name, const char *value, const char *code) {
  Bench bench = bench_make();
  cr_expect_null(
      check_with(&bench, "rule mine like std.backprop { }", (RuleOverride[]){{name, value}}, 1, LOSS_CROSS_ENTROPY));
  cr_expect_str_eq(only_code(&bench), code, "--set %s=%s", name, value);
  arena_destroy(bench.arena);
}

Test(semantics, settings_that_fail) {
  expect_setting("rate", "0.1", "E0244");
  expect_setting("act", "0.5", "E0245");
  expect_setting("h", "1", "E0245");
  expect_setting("act", "rely", "E0202");
  expect_setting("lr", "pre.h", "E0221");
  expect_setting("lr", "20", "E0247");
}

Test(semantics, merging_keeps_the_order_and_drops_what_is_unused) {
  Bench bench = bench_make();
  CheckedRule *rule = check_text(
      &bench,
      "rule base {\n"
      "  const k = 2\n  neuron h, old\n  synapse w = 0\n  genome p = 1, q = 2\n"
      "  input h <- x\n  forward { post.old <- 1; post.h <- post.old + p * q * sum(pre: w * pre.h) }\n  predict h }\n"
      "rule mine like base {\n  genome r = k, p[k] = 3\n"
      "  forward post.h <- r * sum(pre: w * pre.h) * sum(d: p[d])\n  const k = 3 }");
  cr_assert_not_null(rule);
  expect_clean(&bench);
  static const char *const names[] = {"x", "y", "h", "w", "p", "r"};
  cr_assert_eq(rule->variables.count, 6);
  for (size_t i = 0; i < 6; i++) cr_expect_str_eq(rule->variables.items[i].name, names[i]);
  cr_expect_eq(variable(rule, "p")->extent[0], 3);
  cr_expect_eq(variable(rule, "r")->first->number, 3);
  const CheckedExpression *value = statement(rule, "forward", 0)->value;
  cr_expect_eq(value->operand[0]->operand[0]->variable, 5); // r after the renumbering
  arena_destroy(bench.arena);
}

Test(semantics, conditions_choose_declarations_statements_and_values) {
  static const char *const text =
      "rule mine {\n  const one = true\n  fn act = tanh\n  neuron h\n"
      "  if one { synapse w = 0 } else { synapse v = 0 }\n"
      "  input h <- x\n"
      "  forward { if act == tanh { post.h <- sum(pre: (if one then w else v) * pre.h) } else { post.h <- nothing } }\n"
      "  predict h }";
  Bench bench = bench_make();
  CheckedRule *rule = check_text(&bench, text);
  expect_clean(&bench);
  cr_assert_not_null(rule);
  cr_expect_not_null(variable(rule, "w"));
  cr_expect_null(variable(rule, "v"));
  arena_destroy(bench.arena);
  bench = bench_make();
  rule = check_with(&bench, text, (RuleOverride[]){{"one", "false"}}, 1, LOSS_CROSS_ENTROPY);
  cr_assert_not_null(rule);
  cr_expect_null(variable(rule, "w"));
  arena_destroy(bench.arena);
}

static double constant(const char *expression) {
  Bench bench = bench_make();
  char text[400];
  snprintf(text, sizeof text,
           "rule mine {\n  const a = %s\n  neuron h\n  genome p = a\n  input h <- p * x\n  predict h }", expression);
  CheckedRule *rule = check_text(&bench, text);
  double value = rule ? variable(rule, "p")->first->number : NAN;
  arena_destroy(bench.arena);
  return value;
}

Test(semantics, constants_are_computed) {
  cr_expect_eq(constant("2 + 3 * 4"), 14);
  cr_expect_eq(constant("-7 / 2"), -3.5);
  cr_expect_eq(constant("mod(-1, 3)"), 2);
  cr_expect_eq(constant("if 2 < 1 or 3 != 4 then 5 else 6"), 5);
  cr_expect_eq(constant("clamp(7, -1, 1)"), 1);
  cr_expect_eq(constant("floor(-0.5)"), -1);
  cr_expect_float_eq(constant("sqrt(2) * exp(1)"), 1.4142135623730951 * 2.718281828459045, 1e-15);
  cr_expect_float_eq(constant("softplus(0) + sigmoid(0)"), 0.6931471805599453 + 0.5, 1e-15);
  cr_expect_float_eq(constant("gelu(1)"), 0.8413447460685429, 1e-15);
}

Test(semantics, functions_that_call_twice_share_their_work) {
  Bench bench = bench_make();
  Text text = {0};
  text_add(&text, "fn f0(z) = z * z\n");
  for (int i = 1; i <= 40; i++) text_add(&text, "fn f%d(z) = f%d(z) + f%d(z)\n", i, i - 1, i - 1);
  text_add(&text, "rule mine {\n  neuron h\n  input h <- f40(x)\n  predict h }");
  CheckedRule *rule = check_text(&bench, text_get(&text));
  expect_clean(&bench);
  cr_assert_not_null(rule);
  int depth = 0; // 40 sums of twice the same node, then the square
  const CheckedExpression *value = statement(rule, "input", 0)->value;
  for (; value->operation == OP_ADD; value = value->operand[0], depth++)
    cr_assert_eq(value->operand[0], value->operand[1]);
  cr_expect_eq(depth, 40);
  text_free(&text);
  arena_destroy(bench.arena);
}

Test(semantics, functions_as_parameters_and_second_derivatives) {
  Bench bench = bench_make();
  CheckedRule *rule =
      check_text(&bench, "fn twice(f, z) = f(f(z))\n"
                         "rule mine {\n  neuron h, g\n  input { h <- twice(tanh, x); g <- tanh''(h) }\n  predict g }");
  expect_clean(&bench);
  cr_assert_not_null(rule);
  const CheckedExpression *h = statement(rule, "input", 0)->value, *g = statement(rule, "input", 1)->value;
  cr_expect(h->operation == OP_TANH && h->operand[0]->operation == OP_TANH &&
            h->operand[0]->operand[0]->kind == CHECKED_READ);
  cr_expect(g->kind == CHECKED_GRADIENT && g->operand[0]->kind == CHECKED_GRADIENT);
  cr_expect_neq(g->argument, g->operand[0]->argument);
  cr_expect_eq(g->operand[0]->operand[1]->argument, g->argument);
  arena_destroy(bench.arena);
}

Test(semantics, mean_and_variance_count_the_row_of_the_unit_neuron) {
  Bench bench = bench_make();
  CheckedRule *rule = check_text(
      &bench, "rule mine {\n  neuron h\n  synapse w bias = 0\n  input h <- x\n"
              "  forward post.h <- mean(pre: w * pre.h) + mean(pre: pre.h) + var(batch: post.h)\n  predict h }");
  expect_clean(&bench);
  cr_assert_not_null(rule);
  const CheckedExpression *sum = statement(rule, "forward", 0)->value->operand[0];
  const CheckedExpression *with = sum->operand[0], *without = sum->operand[1];
  cr_expect(with->operation == OP_DIVIDE && with->operand[0]->with_bias && with->operand[1]->kind == CHECKED_COUNT &&
            with->operand[1]->with_bias);
  cr_expect(!without->operand[0]->with_bias && !without->operand[1]->with_bias);
  arena_destroy(bench.arena);
}

Test(semantics, the_row_belongs_to_who_binds_pre) {
  Bench bench = bench_make(); // the sum over d is inside; `pre` is bound outside of it
  CheckedRule *rule = check_text(
      &bench, "rule mine {\n  neuron a[2]\n  synapse w[2] bias = 0\n  genome m[2,2] = eye(2)\n  input a[0] <- x\n"
              "  forward post.a[c] <- sum(pre: pre.a[c] * sum(d: m[c,d] * w[d]))\n  predict a[0] }");
  expect_clean(&bench);
  cr_assert_not_null(rule);
  const CheckedExpression *outer = statement(rule, "forward", 0)->value, *inner = outer->operand[0]->operand[1];
  cr_expect(outer->with_bias && outer->reduced == AXIS(PRE));
  cr_expect(inner->kind == CHECKED_REDUCE && !inner->with_bias);
  const CheckedVariable *m = variable(rule, "m");
  cr_expect(m->constants[0] == 1 && m->constants[1] == 0 && m->constants[2] == 0 && m->constants[3] == 1);
  arena_destroy(bench.arena);
}

// A gradient has a row of the unit neuron as every other: to take its sign is no mistake.
Test(semantics, functions_of_sums_over_samples_are_not_warned_of) {
  Bench bench = bench_make();
  check_text(&bench, "rule mine like std.backprop {\n update { let d = sum(batch: pre.h * post.g)\n"
                     " w <- w - lr * (sign(d) + tanh(mean(batch: pre.h))) }\n}");
  expect_clean(&bench);
  arena_destroy(bench.arena);
}

Test(semantics, a_range_reads_what_was_there_before) {
  Bench bench = bench_make();
  CheckedRule *rule = check_text(
      &bench, "rule mine {\n  neuron a[3]\n  input { a[0] <- x; a[0..2] <- sum(d: a[d]) }\n  predict a[1] }");
  expect_clean(&bench);
  cr_assert_not_null(rule);
  const CheckedStatement *let = statement(rule, "input", 1);
  cr_assert(let->is_let);
  for (int i = 0; i < 3; i++) {
    const CheckedStatement *element = statement(rule, "input", 2 + i);
    cr_expect(element->index[0].constant == i && element->value->kind == CHECKED_LET_READ &&
              element->value->let == let->let);
  }
  arena_destroy(bench.arena);
}

Test(semantics, lets_with_indices) {
  Bench bench = bench_make();
  CheckedRule *rule = check_text(
      &bench, "fn total[c](p) = { let u[i] = p * i; u[1] + sum(j: u[j] * v[j]) + c }\n"
              "rule mine {\n  neuron a[3]\n  input { let u[i] = x + i; a[c] <- u[c] + u[2] }\n  predict a[1] }");
  cr_expect_null(rule); // total is outside the rule: no v there
  cr_expect_str_eq(only_code(&bench), "E0218");
  arena_destroy(bench.arena);
  bench = bench_make();
  rule = check_text(&bench, "rule mine {\n  neuron a[3]\n  genome q[3] = 2\n  input { let u[i] = x + q[i]; a[c] <- "
                            "u[c] + u[2] }\n  predict a[1] }");
  expect_clean(&bench);
  cr_assert_not_null(rule);
  const CheckedExpression *value = statement(rule, "input", 1)->value;
  cr_expect(value->operand[0]->kind == CHECKED_LET_READ && value->operand[0]->index[0].is_axis);
  cr_expect(!value->operand[1]->index[0].is_axis && value->operand[1]->index[0].constant == 2);
  arena_destroy(bench.arena);
}

Test(semantics, long_and_deep_texts_end_in_a_message) {
  Bench bench = bench_make();
  Text text = {0};
  text_add(&text, "rule mine {\n  neuron h\n  input h <- x");
  for (int i = 0; i < 50000; i++) text_add(&text, " + x");
  text_add(&text, "\n  predict h }");
  cr_expect_null(check_text(&bench, text_get(&text)));
  cr_expect_eq(bench.sink.errors, 1);
  text_free(&text);
  arena_destroy(bench.arena);
  bench = bench_make();
  text = (Text){0};
  text_add(&text, "rule mine {\n  neuron h\n  input {\n");
  for (int i = 0; i < 5000; i++) text_add(&text, "    let a%d = x\n", i);
  text_add(&text, "    h <- a0 }\n  predict h }");
  cr_expect_null(check_text(&bench, text_get(&text)));
  cr_expect_eq(bench.sink.errors, 1);
  text_free(&text);
  arena_destroy(bench.arena);
  bench = bench_make();
  text = (Text){0};
  text_add(&text, "rule mine {\n  neuron h\n  input h <- x\n  step { ");
  for (int i = 0; i < 5000; i++) text_add(&text, "input; ");
  text_add(&text, "input }\n  predict { input } h }");
  cr_expect_null(check_text(&bench, text_get(&text)));
  cr_expect_eq(bench.sink.errors, 1);
  text_free(&text);
  arena_destroy(bench.arena);
}

Test(semantics, printing) {
  Bench bench = bench_make();
  CheckedRule *rule = check_text(
      &bench,
      "rule mine {\n  neuron h\n  synapse w bias ~ normal(0, 1/sqrt(fan_in))\n  genome lr = 0.5 in (0, 10) log\n"
      "  input h <- x\n  forward post.h <- sum(pre: w * pre.h)\n"
      "  update w <- w - lr * mean(batch: pre.h * post.h)\n  predict h }");
  expect_clean(&bench);
  cr_assert_not_null(rule);
  Text text = {0};
  checked_print(rule, &text);
  cr_expect_str_eq(text_get(&text),
                   "rule mine\n"
                   "  neuron h {batch, unit}\n"
                   "  synapse w {pre, post} bias ~ normal(0, div(1, sqrt(fan_in)))\n"
                   "  genome lr = 0.5 in (0, 10) log\n"
                   "  input\n"
                   "    h <- x  {batch, unit}\n"
                   "  forward\n"
                   "    post.h <- sum+unit(pre: mul(w, pre.h))  {batch, post}\n"
                   "  update\n"
                   "    w <- sub(w, mul(lr, div(sum(batch: mul(pre.h, post.h)), count(batch))))  {pre, post}\n"
                   "  predict input; forward; h  {batch, unit}\n");
  text_free(&text);
  arena_destroy(bench.arena);
}
