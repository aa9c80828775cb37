// LOOP operations against the interpreter: elementwise, reductions along lanes and across them, rounds, blocks,
// layouts.
#include "emit_support.h"

static const int sizes[] = {1, 2, 3, 5, 8, 13, 16, 17, 31, 33, 64, 70};
enum { SIZES = sizeof sizes / sizeof *sizes };

static char *sized(const char *format, int batch, int units) {
  static char text[8192];
  snprintf(text, sizeof text, format, batch, units, batch, units, batch, units, batch, units, batch, units, batch,
           units, batch, units, batch, units);
  return text;
}

Test(emit_loop, elementwise) {
  const char *program =
      "program step\naxis batch:%d\naxis unit u:%d\n"
      "buffer x input in [batch:%d, unit u:%d]\nbuffer y temporary out [batch:%d, unit u:%d]\n"
      "buffer z temporary out [batch:%d, unit u:%d]\n"
      "y[batch, u] <- sub(mul(x[batch, u], 3), div(x[batch, u], add(abs(x[batch, u]), position(u))))\n"
      "z[batch, u] <- select(lt(y[batch, u], 0), max(y[batch, u], -1), add(step, position(batch)))\n";
  HARNESS_EACH(cpu, bytes)
  for (int i = 0; i < SIZES; i++)
    for (int order = 0; order < 4; order++) {
      Harness h;
      harness_open(&h, sized(program, 7, sizes[i]), cpu, bytes);
      if (order & 1) harness_contiguous(&h, "x", 0);
      if (order & 2) harness_contiguous(&h, "z", 0);
      harness_loop(&h, NULL, 0, 2, "batch u");
      harness_check(&h, (uint64_t)i, 1, "elementwise");
      harness_close(&h);
    }
}

// Every reduction over the lanes, and over the rows with the lanes kept.
Test(emit_loop, reductions) {
  const char *program =
      "program step\naxis batch:%d\naxis unit u:%d\nbuffer x input in [batch:%d, unit u:%d]\n"
      "buffer s temporary out [batch:%d]\nbuffer p temporary out [batch:%d]\nbuffer g temporary out [batch:%d]\n"
      "buffer l temporary out [batch:%d]\nbuffer a temporary out [batch:%d]\n"
      "s[batch] <- sum(u: mul(x[batch, u], 2))\np[batch] <- prod(u: x[batch, u])\n"
      "g[batch] <- max(u: x[batch, u])\nl[batch] <- min(u: x[batch, u])\na[batch] <- argmax(u: x[batch, u])\n";
  char text[4096];
  HARNESS_EACH(cpu, bytes)
  for (int i = 0; i < SIZES; i++)
    for (int variant = 0; variant < 3; variant++) {
      int b = variant == 2 ? sizes[i] : 5, u = variant == 2 ? 5 : sizes[i];
      snprintf(text, sizeof text, program, b, u, b, u, b, b, b, b, b);
      Harness h;
      harness_open(&h, text, cpu, bytes);
      if (variant) harness_contiguous(&h, "x", 0); // variant 2: lanes along the batch, the units serial
      harness_loop(&h, NULL, 0, 5, variant == 2 ? "u batch" : "batch u");
      harness_check(&h, (uint64_t)i, 1, "reductions");
      harness_close(&h);
    }
}

// Mean, variance, the normalized value and an activation in one operation: three rounds over the batch.
Test(emit_loop, rounds_of_reductions) {
  const char *program =
      "program step\naxis batch:%d\naxis unit u:%d\nbuffer x input in [batch:%d, unit u:%d]\n"
      "buffer gain genome in [unit u:%d]\nbuffer mean temporary out [unit u:%d]\nbuffer v temporary [unit u:%d]\n"
      "buffer scale temporary out [unit u:%d]\nbuffer sum temporary [unit u:%d]\nbuffer z temporary out [batch:%d, "
      "unit u:%d]\n"
      "sum[u] <- sum(batch: x[batch, u])\nmean[u] <- div(sum[u], %d)\n"
      "v[u] <- sum(batch: mul(sub(x[batch, u], mean[u]), sub(x[batch, u], mean[u])))\n"
      "scale[u] <- div(gain[u], sqrt(add(v[u], 0.1)))\nz[batch, u] <- mul(sub(x[batch, u], mean[u]), scale[u])\n";
  char text[4096];
  HARNESS_EACH(cpu, bytes)
  for (int i = 0; i < SIZES; i++)
    for (int variant = 0; variant < 4; variant++) {
      int b = variant & 1 ? 21 : 4, u = sizes[i];
      snprintf(text, sizeof text, program, b, u, b, u, u, u, u, u, u, b, u, b);
      Harness h;
      harness_open(&h, text, cpu, bytes);
      harness_plan(&h, "v")->place = PLACE_REGISTER;
      harness_plan(&h, "sum")->place = PLACE_REGISTER;
      harness_kernel(&h, variant & 2 ? u : 0, 16);
      harness_loop(&h, variant & 2 ? "u" : NULL, 0, 5, "batch u");
      harness_check(&h, (uint64_t)i, variant & 2 ? 3 : 1, "rounds");
      harness_close(&h);
    }
}

// Softmax of rows, in registers and blocks; the exponentials' buffer is in scratch, relative to the block.
Test(emit_loop, blocks_of_rows) {
  const char *program = "program step\naxis batch:%d\naxis unit u:%d\nbuffer x input in [batch:%d, unit u:%d]\n"
                        "buffer e temporary [batch:%d, unit u:%d]\nbuffer s temporary [batch:%d]\nbuffer y temporary "
                        "out [batch:%d, unit u:%d]\n"
                        "buffer q temporary out []\n"
                        "e[batch, u] <- add(1, mul(x[batch, u], x[batch, u]))\ns[batch] <- sum(u: e[batch, u])\n"
                        "y[batch, u] <- div(e[batch, u], s[batch])\nq[] <- sum(batch, u: y[batch, u])\n";
  char text[4096];
  HARNESS_EACH(cpu, bytes)
  for (int i = 0; i < SIZES; i++)
    for (int block = 1; block <= 8; block += 3) {
      int b = sizes[i], u = sizes[SIZES - 1 - i];
      snprintf(text, sizeof text, program, b, u, b, u, b, u, b, b, u);
      Harness h;
      harness_open(&h, text, cpu, bytes);
      *harness_plan(&h, "e") = (BufferPlan){.place = PLACE_SCRATCH, .offset = -1, .blocked_dimension = 0};
      harness_plan(&h, "s")->place = PLACE_REGISTER;
      harness_kernel(&h, b, block);
      harness_loop(&h, "batch", 0, 3, "batch u");
      harness_kernel(&h, 0, 0);
      harness_loop(&h, NULL, 3, 1, "batch u");
      HarnessRun run = harness_run(&h, (uint64_t)i, 1, false);
      harness_compare(&h, &run, bytes == 8 ? 1e-12 : 2e-5, "softmax");
      harness_free(&h, &run);
      harness_close(&h);
    }
}

// Blocks that cut the vectorized axis in the middle of a vector must leave the next block's elements alone.
Test(emit_loop, blocks_of_odd_columns) {
  HARNESS_EACH(cpu, bytes)
  for (int i = 0; i < SIZES; i++) {
    Harness h;
    harness_open(&h,
                 sized("program step\naxis batch:%d\naxis unit u:%d\nbuffer x input in [batch:%d, unit u:%d]\n"
                       "buffer y temporary out [batch:%d, unit u:%d]\ny[batch, u] <- neg(x[batch, u])\n",
                       3, sizes[i]),
                 cpu, bytes);
    harness_kernel(&h, sizes[i], 5);
    harness_loop(&h, "u", 0, 1, "batch u");
    HarnessRun run = harness_run(&h, 1, 1, false);
    harness_compare(&h, &run, 0, "odd blocks");
    harness_free(&h, &run);
    harness_close(&h);
  }
}

// Operations with truth values and special numbers, lane for lane as the interpreter has them.
Test(emit_loop, special_numbers) {
  const char *program =
      "program step\naxis unit u:16\nbuffer x input in [unit u:16]\nbuffer y input in [unit u:16]\n"
      "buffer a temporary out [unit u:16]\nbuffer b temporary out [unit u:16]\nbuffer c temporary out [unit u:16]\n"
      "buffer d temporary out [unit u:16]\nbuffer e temporary out [unit u:16]\nbuffer f temporary out [unit u:16]\n"
      "buffer g temporary out []\nbuffer k temporary out []\n"
      "a[u] <- relu(x[u])\nb[u] <- min(x[u], y[u])\nc[u] <- max(x[u], y[u])\nd[u] <- clamp(x[u], -1, 1)\n"
      "e[u] <- sign(x[u])\nf[u] <- select(or(lt(x[u], y[u]), not(eq(x[u], y[u]))), floor(x[u]), number(ne(y[u], 1)))\n"
      "g[] <- max(u: x[u])\nk[] <- min(u: y[u])\n";
  const double values[16] = {NAN,  1,   INFINITY, -INFINITY, 0,       -0.0,  3.5,  -3.5,
                             1e30, NAN, 2,        2,         8388609, -0.25, 0.75, -1e-30};
  HARNESS_EACH(cpu, bytes)
  for (int with_nan = 0; with_nan < 2; with_nan++) {
    Harness h;
    harness_open(&h, program, cpu, bytes);
    harness_loop(&h, NULL, 0, 6, "u");
    harness_loop(&h, NULL, 6, 2, "u");
    HarnessRun run = harness_run(&h, 1, 1, false);
    const char *error;
    bool from_cache;
    BackendUnit unit = {"step", &h.schedule, 0};
    BackendCode *code = backend_compile(h.arena, cpu, &unit, 1, false, &from_cache, &error);
    for (IrBuffer buffer = 0; buffer < 2; buffer++)
      for (int j = 0; j < 16; j++) {
        double number = values[(j * (buffer ? 5 : 1) + buffer) % 16];
        if (!with_nan && isnan(number)) number = 7;
        number = (float)number;
        run.dense[buffer][j] = number;
        harness_set(&h, run.memory, buffer, j, number);
      }
    backend_entry(code, "step")(run.memory, run.scratch, NULL, 0, 1);
    ir_interpret(h.program, (double *const *)run.dense, 3, 0);
    harness_compare(&h, &run, 0, "special numbers");
    backend_destroy(code);
    harness_free(&h, &run);
    harness_close(&h);
  }
}
