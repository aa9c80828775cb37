// blur in a program of your own: a rule compiled for a network, stepped, its arrays written and read. Learns exclusive
// or.
//   cc embed.c $(pkg-config --cflags --libs blur) -o embed
#include <blur/blur.h>
#include <stdio.h>

static void put(BlurNetwork *network, BlurKind kind, const double *values) {
  blur_network_set(network, blur_network_find(network, kind, NULL, -1), values);
}

int main(void) {
  const BlurSetting settings[] = {{"act", "tanh"}, {"lr", "0.3"}};
  const BlurOptions options = {.layers = 3, .units = (int64_t[]){2, 8, 1}, .batch = 4};
  BlurReport *report = blur_report_create();
  BlurRule *rule = blur_rule_load("std.backprop", settings, 2, BLUR_LOSS_SQUARED_ERROR, report);
  BlurProgram *program = rule ? blur_compile(rule, &options, report) : NULL;
  if (!program) return fputs(blur_report_text(report, false), stderr), 1;
  BlurStatus status;
  BlurPool *pool = blur_pool_create(1, &status);
  BlurNetwork *network = pool ? blur_network_create(program, pool, 1, &status) : NULL;
  if (!network) return fprintf(stderr, "%s\n", status.message), (int)status.code;

  put(network, BLUR_X, (double[]){0, 0, 0, 1, 1, 0, 1, 1}); // [batch 4, inputs 2]
  put(network, BLUR_Y, (double[]){-1, 1, 1, -1});           // [batch 4, outputs 1]
  for (int step = 0; step < 500; step++) blur_network_step(network);
  blur_network_predict(network);

  double h[4], w[8 + 1]; // predictions; synapses of the upper layer, [pre 8 + unit neuron, post 1]
  blur_network_get(network, blur_network_find(network, BLUR_PREDICTION, NULL, -1), h);
  blur_network_get(network, blur_network_find(network, BLUR_SYNAPSE, "w", 1), w);
  for (int i = 0; i < 4; i++) printf("%d xor %d: %+.3f\n", i / 2, i % 2, h[i]);
  printf("bias of the output: %+.3f\n", w[8]);
  blur_network_destroy(network);
  blur_pool_destroy(pool);
  blur_program_destroy(program);
  blur_rule_destroy(rule);
  blur_report_destroy(report);
}
