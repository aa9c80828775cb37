// Noise in compiled code against base/philox.h, through the interpreter: every level of the machine, float and double,
// as vectors along each axis and as scalars, in repeats.
#include "emit_support.h"
#include "tests/support/schedule_check.h"

static const char draws[] =
    "program p\naxis batch:5\naxis unit u:37\naxis unit v:40\nbuffer n temporary [batch:5, unit u:37]\n"
    "buffer m temporary [batch:5, unit u:37]\nbuffer w temporary [unit u:37, unit v:40]\n"
    "buffer s temporary [unit u:37]\nbuffer g genome in []\n\n"
    "n[batch, u] <- normal(place 7 layer 2, 4: batch of 5, u of 38)\n"
    "m[batch, u] <- add(mul(g[], uniform(place 7, 4: batch of 5, u of 38)), normal(place 7 layer 2, 5))\n"
    "w[u, v] <- add(normal(place 1048575 layer 4000, 16777215: v of 40, u of 37), uniform(place 9, 0: 3 of 4, u of "
    "37))\n"
    "s[u] <- add(normal(place 0, 0: u of 4000000), sum(v: mul(w[u, v], uniform(place 1, 0: v of 40))))\n";

Test(emit_noise, draws_are_those_of_philox) {
  HARNESS_EACH(cpu, bytes) {
    Harness h;
    harness_open(&h, draws, cpu, bytes);
    harness_contiguous(&h, "m", 0);
    harness_loop(&h, NULL, 0, 1, "batch u");
    harness_loop(&h, NULL, 1, 1, "u batch");
    harness_loop(&h, NULL, 2, 1, "u v");
    KernelOperation *sum = harness_loop(&h, NULL, 3, 1, "u v");
    // The body of the sum alone is what a reduction may hold.
    const IrValueInfo *added = &h.program->values.items[sum->statements[0].value];
    sum->statements[0].value = h.statement[3]->value = added->operand[1];
    harness_check(&h, 5, 1, "noise");
    harness_close(&h);
  }
}

// A neuron that noise moves, round by round; a mask that two statements read; a draw that nothing changes.
Test(emit_noise, repeats_draw_anew) {
  static const char text[] =
      "program step\naxis batch:40\naxis unit u:30\nbuffer x input in [batch:40, unit u:30]\n"
      "buffer w synapse \"w\" layer 0 in out [unit u:30]\nbuffer h neuron \"h\" layer 0 out [batch:40, unit u:30]\n"
      "buffer i temporary []\nbuffer j temporary []\n"
      "h[batch, u] <- x[batch, u]\n"
      "repeat 3 counter i {\n"
      "repeat 2 counter j {\n"
      "h[batch, u] <- mul(h[batch, u], add(1, mul(0.1, normal(place 3 layer 0, add(mul(2, i[]), j[]): batch of 40, u "
      "of 31))))\n"
      "}\n"
      "h[batch, u] <- add(h[batch, u], mul(number(lt(uniform(place 5, 0: u of 31), 0.5)), w[u]))\n"
      "w[u] <- add(w[u], mul(0.01, sum(batch: mul(h[batch, u], normal(place 9, i[]: batch of 40)))))\n"
      "}\n";
  for (BlurCpu cpu = BLUR_CPU_X86_64; cpu <= BLUR_CPU_AVX512 && blur_cpu_available(cpu); cpu++)
    schedule_check_compiled(text, cpu, 2, 3);
  schedule_check_text(text, &schedule_wide_target, 4, false, 3);
}
