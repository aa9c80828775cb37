// Schedules against the interpreter: a program is run as its text says and, optimized and scheduled, kernel by kernel
// with blocks in random order. The programs are written here as text, layer by layer, from the equations of the rules.
#include "compiler/passes/passes.h"
#include "compiler/passes/schedule_internal.h"
#include "tests/support/schedule_check.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- programs as text

typedef struct {
  int layers;
  int64_t units[5], batch;
  int states;
  bool standardize, all_live;
} Net;

static void declare(const Net *net, Text *text) {
  text_add(text, "program step\n\naxis batch:%lld\n", (long long)net->batch);
  for (int l = 0; l < net->layers; l++) text_add(text, "axis unit u%d:%lld\n", l, (long long)net->units[l]);
  text_add(text, "axis state c:%d\naxis state d:%d\naxis state e:%d\n\n", net->states, net->states, net->states);
  text_add(text, "buffer x input in [batch batch:%lld, unit u0:%lld]\n", (long long)net->batch,
           (long long)net->units[0]);
  text_add(text, "buffer y input in [batch batch:%lld, unit u:%lld]\n", (long long)net->batch,
           (long long)net->units[net->layers - 1]);
}

static void declare_layer(const Net *net, const char *name, const char *flags, int layer, bool states, Text *text) {
  text_add(text, "buffer %s%d neuron \"%s\" layer %d %s [", name, layer, name, layer, flags);
  if (states) text_add(text, "state c:%d, ", net->states);
  text_add(text, "batch batch:%lld, unit u%d:%lld]\n", (long long)net->batch, layer, (long long)net->units[layer]);
}

static void declare_synapse(const Net *net, const char *name, int layer, bool states, Text *text) {
  for (int bias = 0; bias < 2; bias++) {
    text_add(text, "buffer %s%d%s synapse \"%s\" layer %d %s in out [", name, layer, bias ? ".bias" : "", name, layer,
             bias ? "bias" : "");
    if (states) text_add(text, "state c:%d, ", net->states);
    if (!bias) text_add(text, "unit u%d:%lld, ", layer, (long long)net->units[layer]);
    text_add(text, "unit u%d:%lld]\n", layer + 1, (long long)net->units[layer + 1]);
  }
}

// Backpropagation with a sigmoid, squared error and biases.
static void write_backprop(const Net *net, Text *text) {
  declare(net, text);
  const char *flags = net->all_live ? "out" : "";
  for (int l = 0; l < net->layers; l++)
    declare_layer(net, "h", flags, l, false, text), declare_layer(net, "g", flags, l, false, text);
  for (int l = 0; l + 1 < net->layers; l++) declare_synapse(net, "w", l, false, text);
  text_add(text, "buffer lr genome \"lr\" in []\n");
  for (int l = 0; l + 1 < net->layers; l++)
    text_add(text, "buffer z%d temporary [batch batch:%lld, unit u%d:%lld]\n", l, (long long)net->batch, l + 1,
             (long long)net->units[l + 1]);
  text_add(text, "\nh0[batch, u0] <- x[batch, u0]\ng0[batch, u0] <- 0\n");
  int last = net->layers - 1;
  for (int l = 0; l < last; l++) {
    text_add(text, "block \"forward %d\"\n", l);
    text_add(text, "z%d[batch, u%d] <- add(sum(u%d: mul(w%d[u%d, u%d], h%d[batch, u%d])), w%d.bias[u%d])\n", l, l + 1,
             l, l, l, l + 1, l, l, l, l + 1);
    if (l + 1 == last) {
      text_add(text, "h%d[batch, u%d] <- z%d[batch, u%d]\n", l + 1, l + 1, l, l + 1);
      text_add(text, "g%d[batch, u%d] <- 1\n", l + 1, l + 1);
    } else {
      text_add(text, "h%d[batch, u%d] <- sigmoid(z%d[batch, u%d])\n", l + 1, l + 1, l, l + 1);
      text_add(text, "%%0 = sigmoid(z%d[batch, u%d])\n", l, l + 1);
      text_add(text, "g%d[batch, u%d] <- mul(%%0, sub(1, %%0))\n", l + 1, l + 1);
    }
  }
  text_add(text, "block \"feedback\"\n");
  text_add(text, "g%d[batch, u%d] <- div(mul(g%d[batch, u%d], mul(2, sub(h%d[batch, u%d], y[batch, u%d]))), %lld)\n",
           last, last, last, last, last, last, last, (long long)net->batch);
  for (int l = last - 1; l > 0; l--) {
    text_add(text, "block \"backward %d\"\n", l);
    text_add(text, "g%d[batch, u%d] <- mul(g%d[batch, u%d], sum(u%d: mul(w%d[u%d, u%d], g%d[batch, u%d])))\n", l, l, l,
             l, l + 1, l, l, l + 1, l + 1, l + 1);
  }
  for (int l = 0; l < last; l++) {
    text_add(text, "block \"update %d\"\n", l);
    text_add(text,
             "w%d[u%d, u%d] <- sub(w%d[u%d, u%d], mul(lr[], sum(batch: mul(h%d[batch, u%d], g%d[batch, u%d]))))\n", l,
             l, l + 1, l, l, l + 1, l, l, l + 1, l + 1);
    text_add(text, "w%d.bias[u%d] <- sub(w%d.bias[u%d], mul(lr[], sum(batch: g%d[batch, u%d])))\n", l, l + 1, l, l + 1,
             l + 1, l + 1);
  }
}

// One pass of the bidirectional rule (Sandler et al. 2021, eq. 5 or 6) on one synapse layer: neurons `to` from `from`.
static void write_pass(const Net *net, const char *synapse, int layer, int from, int to, bool bias, Text *text) {
  long long batch = net->batch;
  text_add(text, "%%0 = add(mul(f[], a%d[c, batch, u%d]), mul(eta[], ", to, to);
  const char *mix = synapse[0] == 'w' ? "nu" : "mu";
  if (bias) text_add(text, "add(");
  text_add(text, "sum(u%d, d: mul(mul(%s%d[c, u%d, u%d], %s[c, d]), a%d[d, batch, u%d]))", from, synapse, layer, layer,
           layer + 1, mix, from, from);
  if (bias) text_add(text, ", sum(d: mul(%s%d.bias[c, u%d], %s[c, d])))", synapse, layer, layer + 1, mix);
  text_add(text, "))\n");
  if (net->standardize) {
    text_add(text, "%%1 = div(sum(batch: %%0), %lld)\n", batch);
    text_add(text, "%%2 = sub(%%0, %%1)\n");
    text_add(text, "%%3 = div(sum(batch: mul(%%2, %%2)), %lld)\n", batch);
    text_add(text, "%%4 = add(mul(gain[c], mul(%%2, rsqrt(add(%%3, 1e-05)))), shift[c])\n");
    text_add(text, "a%d[c, batch, u%d] <- tanh(%%4)\n", to, to);
  } else {
    text_add(text, "a%d[c, batch, u%d] <- tanh(%%0)\n", to, to);
  }
}

static void write_synapse_update(const Net *net, const char *synapse, int layer, Text *text) {
  int pre = layer, post = layer + 1;
  bool upward = synapse[0] == 'w';
  int first = upward ? pre : post, second = upward ? post : pre;
  (void)net;
  text_add(
      text,
      "%s%d[c, u%d, u%d] <- add(mul(fw[], %s%d[c, u%d, u%d]), mul(etaw[], sum(batch, e, d: mul(mul(a%d[e, batch, u%d], "
      "pm[e, c]), mul(qm[c, d], a%d[d, batch, u%d])))))\n",
      synapse, layer, pre, post, synapse, layer, pre, post, first, first, second, second);
  text_add(
      text,
      "%s%d.bias[c, u%d] <- add(mul(fw[], %s%d.bias[c, u%d]), mul(etaw[], sum(batch, e, d: mul(pm[e, c], mul(qm[c, d], "
      "a%d[d, batch, u%d])))))\n",
      synapse, layer, post, synapse, layer, post, post, post);
}

// The bidirectional learned rule with state mixing, with or without standardization over the batch.
static void write_blur(const Net *net, Text *text) {
  declare(net, text);
  for (int l = 0; l < net->layers; l++) declare_layer(net, "a", net->all_live ? "out" : "", l, true, text);
  for (int l = 0; l + 1 < net->layers; l++)
    declare_synapse(net, "w", l, true, text), declare_synapse(net, "v", l, true, text);
  static const char *const scalars[] = {"f", "eta", "fw", "etaw"}, *const matrices[] = {"nu", "mu", "pm", "qm"};
  for (int i = 0; i < 4; i++) text_add(text, "buffer %s genome \"%s\" in []\n", scalars[i], scalars[i]);
  for (int i = 0; i < 4; i++)
    text_add(text, "buffer %s genome \"%s\" in [state c:%d, state d:%d]\n", matrices[i], matrices[i], net->states,
             net->states);
  text_add(text, "buffer gain genome \"gain\" in [state c:%d]\nbuffer shift genome \"shift\" in [state c:%d]\n\n",
           net->states, net->states);
  int last = net->layers - 1;
  for (int l = 0; l <= last; l++) text_add(text, "a%d[c, batch, u%d] <- 0\n", l, l);
  text_add(text, "a0[0, batch, u0] <- x[batch, u0]\n");
  for (int l = 0; l < last; l++) {
    text_add(text, "block \"forward %d\"\n", l);
    write_pass(net, "w", l, l, l + 1, true, text);
  }
  text_add(text, "block \"feedback\"\na%d[1, batch, u%d] <- y[batch, u%d]\n", last, last, last);
  for (int l = last - 1; l > 0; l--) {
    text_add(text, "block \"backward %d\"\n", l);
    write_pass(net, "v", l, l + 1, l, false, text);
  }
  for (int l = 0; l < last; l++) {
    text_add(text, "block \"update %d\"\n", l);
    write_synapse_update(net, "w", l, text);
    write_synapse_update(net, "v", l, text);
  }
}

// ---- running both

static void check_net(void (*write)(const Net *net, Text *text), Net net) {
  Text text = {0};
  write(&net, &text);
  for (int blas = 0; blas < 2; blas++)
    for (int element_bytes = 4; element_bytes <= 8; element_bytes += 4) {
      schedule_check_text(text_get(&text), &schedule_wide_target, element_bytes, blas, 2);
      schedule_check_text(text_get(&text), &schedule_narrow_target, element_bytes, blas, 2);
    }
  text_free(&text);
}

static const Net small = {.layers = 3, .units = {4, 6, 3}, .batch = 8, .states = 2};
static const Net deep = {.layers = 4, .units = {5, 7, 6, 3}, .batch = 20, .states = 3};
static const Net curve = {.layers = 3, .units = {2, 20, 1}, .batch = 40, .states = 2};
static const Net wide = {.layers = 4, .units = {70, 64, 50, 10}, .batch = 33, .states = 2};
static const Net same = {.layers = 4, .units = {16, 16, 16, 16}, .batch = 16, .states = 2};

static void check_all(void (*write)(const Net *net, Text *text), bool standardize, bool all_live) {
  const Net nets[] = {small, deep, curve, wide, same};
  for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
    Net net = nets[i];
    net.standardize = standardize;
    net.all_live = all_live;
    check_net(write, net);
  }
}

Test(schedule, backprop) { check_all(write_backprop, false, false); }
Test(schedule, backprop_all_live) { check_all(write_backprop, false, true); }
Test(schedule, blur) { check_all(write_blur, false, false); }
Test(schedule, blur_standardized) { check_all(write_blur, true, false); }
Test(schedule, blur_all_live) { check_all(write_blur, true, true); }

// Real sizes: verified, not run.
static size_t kernels_of(void (*write)(const Net *net, Text *text), Net net) {
  Text text = {0};
  write(&net, &text);
  Arena *arena = arena_create();
  IrProgram *program = schedule_optimized(arena, text_get(&text));
  ScheduleOptions options = {.target = schedule_wide_target, .element_bytes = 4};
  Schedule *schedule = schedule_program(arena, program, &options, plan_table_create(arena));
  Text printed = {0};
  schedule_print(schedule, &printed);
  if (getenv("BLUR_SHOW")) fprintf(stderr, "%s\n", text_get(&printed));
  const char *wrong = schedule_verify(schedule);
  cr_assert_null(wrong, "%s\n%s", wrong, text_get(&printed));
  size_t kernels = schedule->kernel_count;
  text_free(&text);
  text_free(&printed);
  arena_destroy(arena);
  return kernels;
}

static const Net images = {.layers = 4, .units = {784, 256, 128, 10}, .batch = 128, .states = 4};
static const Net points = {.layers = 3, .units = {2, 20, 1}, .batch = 512, .states = 2};

// Each barrier costs half a microsecond: what can be computed block by block shares a kernel.
Test(schedule, real_backprop) { cr_assert_leq(kernels_of(write_backprop, images), 4); }
Test(schedule, real_small_backprop) { cr_assert_leq(kernels_of(write_backprop, points), 2); }
Test(schedule, real_blur) {
  Net net = images;
  net.standardize = true;
  cr_assert_leq(kernels_of(write_blur, net), 6);
}
Test(schedule, real_small_blur) {
  Net net = points;
  net.standardize = true;
  cr_assert_leq(kernels_of(write_blur, net), 3);
}

static char *printed(Arena *arena, const char *text, bool blas) {
  ScheduleOptions options = {.target = schedule_wide_target, .element_bytes = 4, .blas_products = blas};
  Schedule *schedule = schedule_program(arena, schedule_optimized(arena, text), &options, plan_table_create(arena));
  Text out = {0};
  schedule_print(schedule, &out);
  char *copy = arena_copy(arena, text_get(&out), out.length);
  text_free(&out);
  return copy;
}

static const char layer[] = "program step\naxis batch:64\naxis unit u:100\naxis unit v:50\n"
                            "buffer x input in [batch:64, unit u:100]\n"
                            "buffer w synapse \"w\" layer 0 in out [unit u:100, unit v:50]\n"
                            "buffer h neuron \"h\" layer 1 out [batch:64, unit v:50]\n"
                            "block \"forward 0\"\n"
                            "h[batch, v] <- tanh(sum(u: mul(x[batch, u], w[u, v])))\n"
                            "block \"update 0\"\n"
                            "w[u, v] <- sub(w[u, v], sum(batch: mul(x[batch, u], h[batch, v])))\n";

Test(schedule, text) {
  Arena *arena = arena_create();
  const char *text = printed(arena, layer, false);
  const char *kernels = strstr(text, "kernel 0");
  cr_assert_not_null(kernels);
  cr_assert_str_eq(kernels,
                   "kernel 0 \"forward 0: h.v1, w.v1\" blocks 2 of 32 flops 1.317e+06 bytes 1.368e+05\n"
                   "  product outer m batch n v k u cut v\n"
                   "    argument 0 <- x[batch, u] . w[u, v]\n"
                   "    h.v1[batch, v] <- tanh(argument(0: batch, v))\n"
                   "  product outer m u n v k batch cut v\n"
                   "    argument 0 <- x[batch, u] . h.v1[batch, v]\n"
                   "    w.v1[u, v] <- sub(w[u, v], argument(0: u, v))\n",
                   "%s", text);
  // Updated in place, rows of 50 padded to whole cache lines.
  cr_assert(strstr(text, "place w memory 28672 stride 64 1\n") && strstr(text, "place w.v1 memory 28672 stride 64 1\n"),
            "%s", text);
  arena_destroy(arena);
}

// A number that sums over a whole layer: its parts, one a unit, are made in the blocks of what they read, and only
// these are left to a single thread.
Test(schedule, sums_of_everything_have_parts) {
  static const char sums[] = "program step\naxis batch:64\naxis unit u:100\naxis unit v:96\n"
                             "buffer x input in [batch:64, unit u:100]\n"
                             "buffer w synapse \"w\" layer 0 in out [unit u:100, unit v:96]\n"
                             "buffer h neuron \"h\" layer 1 out [batch:64, unit v:96]\n"
                             "buffer g signal \"g\" in out []\nbuffer s signal \"s\" in out []\n"
                             "h[batch, v] <- tanh(sum(u: mul(x[batch, u], w[u, v])))\n"
                             "g[] <- add(g[], sum(batch, v: mul(h[batch, v], h[batch, v])))\n"
                             "s[] <- sub(s[], sum(u, v: abs(w[u, v])))\n";
  Arena *arena = arena_create();
  const char *text = printed(arena, sums, false);
  const char *first = strstr(text, "\nkernel 0 "), *second = first ? strstr(first, "\nkernel 1 ") : NULL;
  cr_assert(first && second, "%s", text);
  const char *parts = strstr(first, "[v] <- sum(batch: mul(h.v1[batch, v], h.v1[batch, v]))"),
             *columns = strstr(first, "[v] <- sum(u: abs(w[u, v]))");
  cr_assert(parts && columns && parts < second && columns < second, "%s", text);
  cr_assert_null(strstr(second, "h.v1["), "one thread goes through a whole layer:\n%s", text);
  schedule_check_text(sums, &schedule_wide_target, 4, false, 2);
  schedule_check_text(sums, &schedule_narrow_target, 8, false, 2);
  for (BlurCpu cpu = BLUR_CPU_X86_64; cpu <= BLUR_CPU_AVX512 && blur_cpu_available(cpu); cpu++)
    schedule_check_compiled(sums, cpu, 2, 2);
  arena_destroy(arena);
}

Test(schedule, products_of_the_library_stand_alone) {
  Arena *arena = arena_create();
  const char *text = printed(arena, layer, true);
  cr_assert(strstr(text, "  product blas m batch n v k u\n") && strstr(text, "  product blas m u n v k batch\n"), "%s",
            text);
  cr_assert_null(strstr(text, "product outer"), "%s", text);
  arena_destroy(arena);
}

// Two variables that need each other's old values: one is updated in place, the other gets a copy at the end.
Test(schedule, variables_that_need_each_other) {
  static const char exchange[] = "program step\naxis unit u:20\naxis unit v:20\n"
                                 "buffer a synapse \"a\" layer 0 in out [unit u:20, unit v:20]\n"
                                 "buffer b synapse \"b\" layer 0 in out [unit u:20, unit v:20]\n"
                                 "buffer t temporary [unit u:20, unit v:20]\n"
                                 "t[u, v] <- sum(v: mul(b[u, v], 3))\n"
                                 "b[u, v] <- add(b[v, u], a[u, v])\n"
                                 "a[u, v] <- sub(a[v, u], t[u, v])\n";
  schedule_check_text(exchange, &schedule_wide_target, 4, false, 2);
  schedule_check_text(exchange, &schedule_narrow_target, 8, false, 2);
}

// A network that relaxes: `w` and `act(h)` as in predictive coding (Whittington and Bogacz 2017), 20 rounds.
static const char relaxing[] =
    "program step\naxis batch:%d\naxis unit u0:%d\naxis unit u1:%d\naxis unit u2:%d\n"
    "buffer x input in [batch:%d, unit u0:%d]\nbuffer y input in [batch:%d, unit u2:%d]\n"
    "buffer h neuron \"h\" layer 1 out [batch:%d, unit u1:%d]\nbuffer e1 neuron \"e\" layer 1 [batch:%d, unit u1:%d]\n"
    "buffer e2 neuron \"e\" layer 2 [batch:%d, unit u2:%d]\n"
    "buffer w0 synapse \"w\" layer 0 in out [unit u0:%d, unit u1:%d]\n"
    "buffer w1 synapse \"w\" layer 1 in out [unit u1:%d, unit u2:%d]\nbuffer i temporary []\n"
    "h[batch, u1] <- sum(u0: mul(w0[u0, u1], x[batch, u0]))\n"
    "repeat 20 counter i {\n"
    "e1[batch, u1] <- sub(h[batch, u1], sum(u0: mul(w0[u0, u1], x[batch, u0])))\n"
    "e2[batch, u2] <- sub(y[batch, u2], sum(u1: mul(w1[u1, u2], tanh(h[batch, u1]))))\n"
    "%%0 = tanh(h[batch, u1])\n"
    "h[batch, u1] <- add(h[batch, u1], mul(div(1, add(10, i[])), sub(mul(sub(1, mul(%%0, %%0)), sum(u2: mul(w1[u1, "
    "u2], "
    "e2[batch, u2]))), e1[batch, u1])))\n}\n"
    "w0[u0, u1] <- add(w0[u0, u1], mul(0.01, sum(batch: mul(x[batch, u0], e1[batch, u1]))))\n"
    "w1[u1, u2] <- add(w1[u1, u2], mul(0.01, sum(batch: mul(tanh(h[batch, u1]), e2[batch, u2]))))\n";

static char *relaxing_network(Arena *arena, int batch, int u0, int u1, int u2) {
  return arena_format(arena, relaxing, batch, u0, u1, u2, batch, u0, batch, u2, batch, u1, batch, u1, batch, u2, u0, u1,
                      u1, u2);
}

Test(schedule, repeats) {
  Arena *arena = arena_create();
  for (int element_bytes = 4; element_bytes <= 8; element_bytes += 4) {
    schedule_check_text(relaxing_network(arena, 20, 6, 5, 3), &schedule_wide_target, element_bytes, false, 2);
    schedule_check_text(relaxing_network(arena, 70, 60, 64, 10), &schedule_narrow_target, element_bytes, false, 2);
    schedule_check_text(relaxing_network(arena, 20, 60, 50, 10), &schedule_wide_target, element_bytes, true, 2);
  }
  arena_destroy(arena);
}

// The body is one kernel of blocks of samples that need nothing of each other; the large product stands before it.
Test(schedule, a_repeat_runs_by_block) {
  static const int sizes[][4] = {{512, 2, 20, 1}, {128, 784, 256, 10}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Arena *arena = arena_create();
    IrProgram *program =
        schedule_optimized(arena, relaxing_network(arena, sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]));
    ScheduleOptions options = {.target = schedule_wide_target, .element_bytes = 4};
    Schedule *schedule = schedule_program(arena, program, &options, plan_table_create(arena));
    cr_assert_null(schedule_verify(schedule));
    cr_assert_eq(schedule->loop_count, 1);
    const ScheduleLoop *loop = &schedule->loops[0];
    cr_assert(loop->by_block && loop->count == 20 && loop->kernel_end == loop->first_kernel + 1);
    cr_assert_gt(schedule->kernels[loop->first_kernel].extent, schedule->kernels[loop->first_kernel].block_size);
    cr_assert_leq(schedule->kernel_count, 5);
    double products = 2.0 * sizes[i][0] * sizes[i][2] * (2 * sizes[i][1] + 41 * sizes[i][3]);
    double elements = 20.0 * sizes[i][0] * sizes[i][2];
    cr_assert_geq(schedule->flops, products);
    cr_assert_leq(schedule->flops, products + 60 * elements);
    cr_assert_eq(schedule_times(schedule, loop->first_kernel), 20);
    // A read of what another block makes is seen.
    schedule->kernels[loop->first_kernel].operations[0].block_axis = IR_NONE;
    cr_assert_not_null(schedule_verify(schedule));
    arena_destroy(arena);
  }
}

Test(schedule, text_of_a_repeat) {
  static const char counting[] = "program step\naxis batch:64\nbuffer x input in [batch:64]\n"
                                 "buffer h neuron out [batch:64]\nbuffer i temporary []\nbuffer j temporary []\n"
                                 "h[batch] <- x[batch]\nrepeat 3 counter i {\nrepeat 2 counter j {\n"
                                 "h[batch] <- tanh(add(h[batch], add(i[], j[])))\n}\n"
                                 "h[batch] <- mul(2, div(h[batch], sum(batch: abs(h[batch]))))\n}\n";
  Arena *arena = arena_create();
  const char *text = printed(arena, counting, false);
  cr_assert_str_eq(strstr(text, "kernel 0"),
                   "kernel 0 \"step: h.carried\" blocks 2 of 32 flops 0 bytes 512\n"
                   "  loop batch cut batch\n"
                   "    h.carried[batch] <- x[batch]\n"
                   "repeat 3 counter i.v1 {\n"
                   "  next h.carried is h.v3\n"
                   "  repeat 2 counter j.v1 by block {\n"
                   "    next h.carried.2 is h.v2\n"
                   "    first h.carried.2 is h.carried\n"
                   "    kernel 1 \"step: h.v2\" flops 768 bytes 1024\n"
                   "      loop batch\n"
                   "        h.v2[batch] <- tanh(add(h.carried.2[batch], add(i.v1[], j.v1[])))\n"
                   "  }\n"
                   "  kernel 2 \"step: h.v3\" flops 448 bytes 1280\n"
                   "    loop batch\n"
                   "      h.v3.sum <- sum(batch: abs(h.carried.2[batch]))\n"
                   "    loop batch\n"
                   "      h.v3[batch] <- mul(div(2, h.v3.sum[]), h.carried.2[batch])\n"
                   "}\n",
                   "%s", text);
  arena_destroy(arena);
}

Test(schedule, the_verifier_sees_mistakes) {
  Arena *arena = arena_create();
  ScheduleOptions options = {.target = schedule_wide_target, .element_bytes = 4};
  Schedule *schedule = schedule_program(arena, schedule_optimized(arena, layer), &options, plan_table_create(arena));
  cr_assert_null(schedule_verify(schedule));
  Kernel *kernel = &schedule->kernels[0];
  KernelOperation *first = &kernel->operations[0], *second = &kernel->operations[1], swap = *first;
  *first = *second, *second = swap;
  cr_assert_not_null(schedule_verify(schedule), "an operation before what it reads");
  *second = *first, *first = swap;
  second->block_axis = second->m; // a cut along rows: columns of h come from other blocks
  kernel->extent = 100;
  cr_assert_not_null(schedule_verify(schedule), "reads across blocks");
  kernel->extent = 50;
  second->block_axis = second->n;
  cr_assert_null(schedule_verify(schedule));
  IrBuffer target = first->statements[0].target;
  schedule->plans[target].offset = schedule->plans[schedule->program->values.items[first->a].buffer].offset;
  cr_assert_not_null(schedule_verify(schedule), "two live buffers in one place");
  arena_destroy(arena);
}
