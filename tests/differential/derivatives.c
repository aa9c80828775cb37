// Adjoints of generated rules against central differences, in the float64 interpreter: for each seed the gradient of a
// loss after T = 1, 3, 10 steps by every synapse and genome variable, along a random direction of each. Directions in
// which a difference steps over a kink (several widths disagree) are left out and counted.
//   derivatives [--first N] [--count N]     (default: 25 from 1, or 500 with BLUR_TEST_LONG set)
#include "tests/differential/generate.h"
#include "tests/support/adjoint_run.h"

static const double tolerance = 1e-6;

typedef struct {
  int compared, kinks, failed, dull;
} Tally;

static void fill(AdjointRun *a, uint64_t *random) {
  for (size_t b = 0; b < a->run->step->buffers.count; b++) {
    const IrBufferInfo *buffer = &a->run->step->buffers.items[b];
    int64_t elements = ir_buffer_elements(buffer);
    double scale = buffer->role == ROLE_GENOME ? 1.4 : 1.0 / sqrt((double)buffer->extent[buffer->states]);
    if (adjoint_run_is_variable(buffer))
      for (int64_t i = 0; i < elements; i++) a->initial[b][i] = scale * (generated_uniform(random) - 0.5) * 2;
  }
}

static double *drawn(Arena *arena, int64_t count, uint64_t *random, bool as_targets) {
  double *values = ARENA_ARRAY(arena, double, count);
  for (int64_t i = 0; i < count; i++) {
    double number = 2 * generated_uniform(random) - 1;
    values[i] = !as_targets ? number : number > 0 ? 1 : -1;
  }
  return values;
}

static void check_steps(AdjointRun *a, uint64_t seed, const GeneratedCase *generated, int64_t steps, uint64_t *random,
                        Tally *tally) {
  a->steps = steps;
  AdjointCheck check = adjoint_run_check(a, random, generated_uniform);
  tally->compared += check.compared;
  tally->kinks += check.kinks;
  if (!isfinite(adjoint_run_loss(a))) tally->dull++;
  else if (!(check.worst <= tolerance)) {
    printf("seed %llu, T = %lld: error %.3g in %s\n%s", (unsigned long long)seed, (long long)steps, check.worst,
           check.where, text_get((Text *)(uintptr_t)&generated->script));
    tally->failed++;
  }
}

static void check_seed(uint64_t seed, Tally *tally) {
  GeneratedCase generated;
  generate_case(seed, &generated);
  char net[128] = "";
  for (int l = 0; l < generated.layers; l++)
    snprintf(net + strlen(net), sizeof net - strlen(net), "%s%lld", l ? "-" : "", (long long)generated.units[l]);
  RuleRun *run = rule_run_open(text_get(&generated.script), "-", net, generated.batch, LOSS_CROSS_ENTROPY);
  AdjointRun *a = run ? adjoint_run_open(run, (TaskLoss)(seed % 2), true) : NULL;
  if (!a) {
    printf("seed %llu: cannot be lowered\n%s", (unsigned long long)seed, text_get(&generated.script));
    tally->failed++;
  } else {
    uint64_t random = seed * 77;
    fill(a, &random);
    a->x = drawn(run->arena, ADJOINT_RUN_MOST_STEPS * a->batch * a->inputs, &random, false);
    a->y = drawn(run->arena, ADJOINT_RUN_MOST_STEPS * a->batch * a->outputs, &random, true);
    a->query_x = drawn(run->arena, a->batch * a->inputs, &random, false);
    a->query_y = drawn(run->arena, a->batch * a->outputs, &random, true);
    static const int64_t steps[] = {1, 3, 10};
    for (int i = 0; i < 3; i++) check_steps(a, seed, &generated, steps[i], &random, tally);
  }
  rule_run_close(run);
  generated_free(&generated);
}

int main(int count, char **arguments) {
  uint64_t first = 1, cases = getenv("BLUR_TEST_LONG") ? 500 : 25;
  for (int i = 1; i + 1 < count; i += 2) {
    uint64_t number = strtoull(arguments[i + 1], NULL, 10);
    if (!strcmp(arguments[i], "--first")) first = number;
    else if (!strcmp(arguments[i], "--count")) cases = number;
  }
  Tally tally = {0};
  for (uint64_t seed = first; seed < first + cases; seed++) check_seed(seed, &tally);
  printf("%llu generated rules, T = 1, 3, 10: %d directions compared, %d left out at kinks, %d unrolls not finite\n",
         (unsigned long long)cases, tally.compared, tally.kinks, tally.dull);
  bool enough = tally.kinks * 5 <= tally.compared && (uint64_t)tally.dull * 5 <= 3 * cases;
  if (!enough) printf("too little is compared: the generator must make smoother rules\n");
  int failed = tally.failed + (enough ? 0 : 1);
  printf("%llu passed, %d failed\n", (unsigned long long)(3 * cases) - (unsigned long long)tally.failed, failed);
  return failed ? 1 : 0;
}
