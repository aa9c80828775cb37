// The adjoint of steps and losses against central differences in float64: every rule of the library, T = 1, 3, 10, and
// every loss; the adjoint of a step against its tangent.
#include "tests/support/adjoint_run.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glob.h>

enum { BATCH = 5, INPUTS = 4, OUTPUTS = 3 };

static uint64_t mix(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static double uniform(uint64_t *state) { return (double)(mix(state) >> 11) * 0x1p-53; }

typedef struct {
  char rule[64], settings[128];
} Item;

// Beside every rule of the library as it stands.
static const Item variants[] = {
    {"std.backprop", "act=gelu"},
    {"std.backprop", "act=relu,loss=squared_error"},
    {"std.backprop_standardized", "act=tanh"},
    {"std.nesterov", "act=tanh"},
    {"std.adam", "act=tanh"},
    {"std.blur", "k=4"},
    {"std.vsml", "n=9,m=2"},
    {"std.blur_family", "k=2,decay=oja_decay,seen=unit_length,limit=saturated"},
    {"std.blur_family", "k=3,receive=multiplicative,limit=damped"},
    {"std.blur_symmetric_single", "k=2,receive=second_state,norm_up=bare,norm_down=bare"},
};

ParameterizedTestParameters(adjoint, rules) {
  enum { MOST_ITEMS = 128 };
  static Item items[MOST_ITEMS];
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  const char *const *names;
  size_t count = 0, rules = blur_library_rules(&names);
  for (size_t i = 0; i < rules && count < MOST_ITEMS; i++) {
    snprintf(items[count].rule, sizeof items->rule, "%s", names[i]);
    snprintf(items[count++].settings, sizeof items->settings, "-");
  }
  for (size_t i = 0; i < sizeof variants / sizeof *variants && count < MOST_ITEMS; i++) items[count++] = variants[i];
  return cr_make_param_array(Item, items, count);
}

// Genome values stay as the rule has them where it gives numbers; draws and synapses are filled here.
static void fill(AdjointRun *a, uint64_t *random) {
  for (size_t b = 0; b < a->run->step->buffers.count; b++) {
    const IrBufferInfo *buffer = &a->run->step->buffers.items[b];
    if (!adjoint_run_is_variable(buffer)) continue;
    const CheckedVariable *variable = rule_run_variable(a->run, buffer->variable);
    int64_t elements = ir_buffer_elements(buffer);
    for (int64_t i = 0; i < elements; i++) {
      double drawn = 1.4 * uniform(random) - 0.7;
      bool given = variable->initial_kind == INITIAL_VALUE && buffer->role == ROLE_GENOME;
      a->initial[b][i] = given ? a->run->step_storage[b][i] : drawn;
      bool is_mean = variable->initial_kind == INITIAL_VALUE && buffer->role == ROLE_SYNAPSE;
      if (is_mean) a->initial[b][i] = 0.1 + 0.3 * uniform(random); // at 0 a root has a kink
      if (buffer->role == ROLE_GENOME && !strcmp(buffer->variable, "etaw")) a->initial[b][i] = -0.1;
    }
  }
}

typedef struct {
  double x[10 * BATCH * INPUTS], y[10 * BATCH * OUTPUTS], query_x[BATCH * INPUTS], query_y[BATCH * OUTPUTS];
} Arrays;

// A rule on random arrays.
static AdjointRun *open_rule(const char *rule, const char *settings, TaskLoss loss, bool all_passes, uint64_t *random,
                             Arrays *arrays) {
  RuleRun *run = rule_run_open(rule, settings, "4-6-3", BATCH, loss);
  cr_assert_not_null(run);
  AdjointRun *a = adjoint_run_open(run, loss, all_passes);
  cr_assert_not_null(a, "%s", rule);
  for (int i = 0; i < 10 * BATCH * INPUTS; i++) arrays->x[i] = 2 * uniform(random) - 1;
  for (int i = 0; i < BATCH * INPUTS; i++) arrays->query_x[i] = 2 * uniform(random) - 1;
  for (int i = 0; i < 10 * BATCH * OUTPUTS; i++) arrays->y[i] = i % OUTPUTS == i / OUTPUTS % 3 ? 1 : -1;
  for (int i = 0; i < BATCH * OUTPUTS; i++) arrays->query_y[i] = i % OUTPUTS == (i / OUTPUTS + 1) % 3 ? 1 : -1;
  a->x = arrays->x, a->y = arrays->y, a->query_x = arrays->query_x, a->query_y = arrays->query_y;
  fill(a, random);
  return a;
}

static void check(const char *rule, const char *settings, TaskLoss loss, int64_t steps, bool all_passes) {
  uint64_t random = 7;
  Arrays arrays;
  AdjointRun *a = open_rule(rule, settings, loss, all_passes, &random, &arrays);
  a->steps = steps;
  AdjointCheck result = adjoint_run_check(a, &random, uniform);
  cr_expect(result.compared > 0 && result.kinks <= result.compared / 4, "%s %s, T = %d: %d compared, %d kinks", rule,
            settings, (int)steps, result.compared, result.kinks);
  cr_expect(result.worst < 1e-6, "%s %s, T = %d, passes %d: error %.3g, %s", rule, settings, (int)steps, all_passes,
            result.worst, result.where);
  rule_run_close(a->run);
}

// The Jacobian of a step and its transpose, by rules written twice.
static void check_transpose(const char *rule, const char *settings) {
  uint64_t random = 11;
  Arrays arrays;
  AdjointRun *a = open_rule(rule, settings, LOSS_CROSS_ENTROPY, true, &random, &arrays);
  IrProgram *tangent = adjoint_run_tangent(a);
  double error = adjoint_run_transpose_error(a, tangent, &random, uniform);
  cr_expect(error < 1e-12, "%s %s: %.3g", rule, settings, error);
  rule_run_close(a->run);
}

ParameterizedTest(Item *item, adjoint, rules) {
  check_transpose(item->rule, item->settings);
  for (int all_passes = 0; all_passes < 2; all_passes++)
    for (int64_t steps = 1; steps <= 10; steps = steps == 1 ? 3 : steps + 7)
      check(item->rule, item->settings, LOSS_CROSS_ENTROPY, steps, all_passes);
}

// What no rule of the library has: tests/rules.
ParameterizedTestParameters(adjoint, own_rules) {
  static char files[16][256];
  static glob_t found;
  glob(SOURCE_DIR "/tests/rules/*.blur", 0, NULL, &found);
  cr_assert(found.gl_pathc > 0 && found.gl_pathc <= 16);
  for (size_t i = 0; i < found.gl_pathc; i++) snprintf(files[i], sizeof files[i], "%s", found.gl_pathv[i]);
  return cr_make_param_array(char[256], files, found.gl_pathc);
}

ParameterizedTest(char (*file)[256], adjoint, own_rules) {
  Arena *arena = arena_create();
  SourceFile *source = source_read(arena, *file, NULL);
  cr_assert_not_null(source, "%s", *file);
  check_transpose(source->text, "-");
  for (int all_passes = 0; all_passes < 2; all_passes++)
    for (int64_t steps = 1; steps <= 3; steps += 2) check(source->text, "-", LOSS_SQUARED_ERROR, steps, all_passes);
  arena_destroy(arena);
}

Test(adjoint, losses) {
  for (int loss = LOSS_CROSS_ENTROPY; loss <= LOSS_HINGE; loss++)
    for (int all_passes = 0; all_passes < 2; all_passes++) check("std.blur", "k=2", (TaskLoss)loss, 1, all_passes);
}

// A declared derivative is what the adjoint of a step takes, too: z = w x, h = (z > 0), loss (h - y)^2.
Test(adjoint, declared_derivatives) {
  RuleRun *run =
      rule_run_open("rule r {\n fn spike(v) = (v > 0) derivative 1/pow(1 + abs(v), 2)\n neuron h\n synapse w\n"
                    " input h <- x\n forward post.h <- spike(sum(pre: w * pre.h))\n"
                    " update w <- w - sum(batch: spike(pre.h * post.h))\n predict h\n}\n",
                    "-", "1-1", 1, LOSS_SQUARED_ERROR);
  cr_assert_not_null(run);
  for (int all_passes = 0; all_passes < 2; all_passes++) {
    AdjointRun *a = adjoint_run_open(run, LOSS_SQUARED_ERROR, all_passes);
    cr_assert_not_null(a);
    double x[] = {0.5}, y[] = {1}, query_x[] = {2}, query_y[] = {0.25};
    a->x = x, a->y = y, a->query_x = query_x, a->query_y = query_y;
    a->steps = 1;
    int w = rule_run_find(run->step, "w", 0, false);
    a->initial[w][0] = 3;
    // h = 1 in the step, so w becomes 2; then z = 4, h = 1, and d loss / dw = 2 (1 - 0.25) spike'(4) 2.
    cr_expect_float_eq(adjoint_run_loss(a), 0.5625, 1e-12);
    adjoint_run_gradient(a);
    double by_next = 2 * 0.75 * (1 / 25.0) * 2;
    // the next w by this one: 1 - spike'(0.5) 0.5 spike'(1.5) 0.5
    cr_expect_float_eq(a->adjoint[w][0], by_next * (1 - 0.25 / 2.25 / 6.25), 1e-12);
  }
  rule_run_close(run);
}
