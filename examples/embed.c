// The library from C: compiles a rule for a network, trains it on the exclusive or, reads what it learned.
//   cc embed.c $(pkg-config --cflags --libs blur) -o embed
#include <blur/runtime.h>
#include <stdio.h>

int main(void) {
  const double x[] = {0, 0, 0, 1, 1, 0, 1, 1}, y[] = {-1, 1, 1, -1}; // [batch 4][inputs 2], [batch 4][outputs 1]
  const BlurSetting settings[] = {{"act", "tanh"}, {"lr", "0.3"}};
  BlurReport *report = blur_report_create();
  BlurRule *rule = blur_rule_load("std.backprop", settings, 2, BLUR_LOSS_SQUARED_ERROR, report);
  BlurOptions options = {.layers = 3, .units = (int64_t[]){2, 8, 1}, .batch = 4};
  BlurProgram *program = rule ? blur_compile(rule, &options, report) : NULL;
  if (!program) {
    fputs(blur_report_text(report, false), stderr);
    return 1;
  }
  BlurStatus status;
  BlurPool *pool = blur_pool_create(1, &status);
  BlurNetwork *network = pool ? blur_network_create(program, pool, 1, &status) : NULL;
  if (!network) {
    fprintf(stderr, "%s\n", status.message);
    return 1;
  }
  blur_network_set(network, blur_network_find(network, BLUR_X, NULL, -1), x);
  blur_network_set(network, blur_network_find(network, BLUR_Y, NULL, -1), y);
  for (int step = 0; step < 2000; step++) blur_network_step(network);
  double prediction[4], w[3 * 8];
  blur_network_predict(network);
  blur_network_get(network, blur_network_find(network, BLUR_PREDICTION, NULL, -1), prediction);
  blur_network_get(network, blur_network_find(network, BLUR_SYNAPSE, "w", 0), w);
  for (int i = 0; i < 4; i++) printf("%g xor %g: %+.3f\n", x[2 * i], x[2 * i + 1], prediction[i]);
  printf("w.0[0][0] = %+.3f\n", w[0]);
  blur_network_destroy(network);
  blur_pool_destroy(pool);
  blur_program_destroy(program);
  blur_rule_destroy(rule);
  blur_report_destroy(report);
}
