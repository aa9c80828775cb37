// Large state axes: products for each of their elements, and networks for every synapse, which are never stored whole.
#include "compiler/passes/passes.h"
#include "tests/support/schedule_check.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *network(Arena *arena, int states, int u, int v) {
  // A network of two hidden layers for every synapse: its inputs are the synapse and what it is told (Metz et al.
  // 2019).
  static const char text[] = "program step\naxis unit u:%2$d\naxis unit v:%3$d\naxis state i:%1$d\naxis state j:%1$d\n"
                             "buffer w synapse \"w\" layer 0 in out [unit u:%2$d, unit v:%3$d]\n"
                             "buffer d synapse \"d\" layer 0 in out [unit u:%2$d, unit v:%3$d]\n"
                             "buffer first genome \"first\" in [state j:%1$d, state z:2]\n"
                             "buffer second genome \"second\" in [state i:%1$d, state j:%1$d]\n"
                             "buffer third genome \"third\" in [state o:2, state i:%1$d]\n"
                             "buffer b genome \"b\" in [state i:%1$d]\n\n"
                             "%%0 = relu(add(add(mul(first[j, 0], w[u, v]), mul(first[j, 1], d[u, v])), b[j]))\n"
                             "%%1 = relu(add(sum(j: mul(second[i, j], %%0)), b[i]))\n"
                             "w[u, v] <- sub(w[u, v], mul(mul(0.1, sum(i: mul(third[0, i], %%1))), exp(mul(0.1, sum(i: "
                             "mul(third[1, i], %%1))))))\n";
  Text out = {0};
  for (const char *c = text; *c; c++) { // %N$d and %%
    if (c[0] != '%') {
      text_add_bytes(&out, c, 1);
    } else if (c[1] == '%') {
      text_add(&out, "%%");
      c++;
    } else {
      text_add(&out, "%d", c[1] == '1' ? states : c[1] == '2' ? u : v);
      c += 3;
    }
  }
  char *copy = arena_copy(arena, text_get(&out), out.length);
  text_free(&out);
  return copy;
}

// Mixing of states and products with synapses, one for each state.
static const char mixing[] =
    "program step\naxis batch:12\naxis unit u:30\naxis unit v:20\naxis state c:18\naxis state d:18\naxis state e:2\n"
    "buffer x input in [batch:12, unit u:30]\n"
    "buffer a neuron \"a\" layer 0 [state c:18, batch:12, unit u:30]\n"
    "buffer h neuron \"a\" layer 1 out [state c:18, batch:12, unit v:20]\n"
    "buffer w synapse \"w\" layer 0 in out [state c:18, unit u:30, unit v:20]\n"
    "buffer g synapse \"g\" layer 0 in out [state c:18, state e:2, unit v:20]\n"
    "buffer nu genome \"nu\" in [state c:18, state d:18]\n"
    "buffer pm genome \"pm\" layer 0 in [state c:18, state e:2, unit u:30]\n\n"
    "a[c, batch, u] <- 0\n"
    "a[0, batch, u] <- x[batch, u]\na[7, batch, u] <- add(a[0, batch, u], position(u))\n"
    "h[c, batch, v] <- tanh(sum(u: mul(w[c, u, v], sum(d: mul(nu[c, d], a[d, batch, u])))))\n"
    "h[2, batch, v] <- mul(h[17, batch, v], sum(u: mul(a[0, batch, u], mul(pm[3, 1, u], w[4, u, v]))))\n"
    "w[c, u, v] <- add(w[c, u, v], mul(0.1, sum(batch, d: mul(mul(nu[d, c], a[d, batch, u]), h[c, batch, v]))))\n"
    "g[c, e, v] <- add(g[c, 1, v], sum(u: mul(pm[c, e, u], w[c, u, v])))\n";

Test(schedule_large, agrees_with_the_interpreter) {
  Arena *arena = arena_create();
  const char *texts[] = {mixing, network(arena, 20, 30, 12), network(arena, 9, 3, 40)};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    for (int blas = 0; blas < 2; blas++) {
      schedule_check_text(texts[i], &schedule_wide_target, 4, blas, 2);
      schedule_check_text(texts[i], &schedule_narrow_target, 8, blas, 2);
    }
    for (BlurCpu cpu = BLUR_CPU_X86_64; cpu <= BLUR_CPU_AVX512 && blur_cpu_available(cpu); cpu++)
      schedule_check_compiled(texts[i], cpu, 2, 2);
  }
  arena_destroy(arena);
}

static Schedule *scheduled(Arena *arena, const char *text, const ScheduleTarget *target, const char **printed) {
  ScheduleOptions options = {.target = *target, .element_bytes = 4};
  Schedule *schedule = schedule_program(arena, schedule_optimized(arena, text), &options, plan_table_create(arena));
  Text out = {0};
  schedule_print(schedule, &out);
  *printed = arena_copy(arena, text_get(&out), out.length);
  text_free(&out);
  if (getenv("BLUR_SHOW")) fprintf(stderr, "%s\n", *printed);
  const char *wrong = schedule_verify(schedule);
  cr_assert_null(wrong, "%s\n%s", wrong, *printed);
  return schedule;
}

// [32][784][256] numbers are 26 MB: what is stored are the synapses, and a few rows of each vector in the second cache.
Test(schedule_large, vectors_of_synapses_stay_in_the_cache) {
  const ScheduleTarget *targets[] = {&schedule_wide_target, &schedule_narrow_target};
  for (int i = 0; i < 2; i++) {
    Arena *arena = arena_create();
    const char *printed;
    Schedule *schedule = scheduled(arena, network(arena, 32, 784, 256), targets[i], &printed);
    cr_assert_leq(schedule->memory_bytes, 4 * 784 * 272 * 4, "%s", printed);
    cr_assert_leq(schedule->scratch_bytes, targets[i]->l2_bytes, "%s", printed);
    cr_assert_not_null(strstr(printed, "  product outer m i n v k j over u cut u\n"), "%s", printed);
    arena_destroy(arena);
  }
}

Test(schedule_large, states_are_products_one_each) {
  Arena *arena = arena_create();
  const char *printed;
  scheduled(arena, mixing, &schedule_wide_target, &printed);
  cr_assert_not_null(strstr(printed, " m c n u k d over batch"), "%s", printed);
  cr_assert_not_null(strstr(printed, " m batch n v k u over c"), "%s", printed);
  arena_destroy(arena);
}
