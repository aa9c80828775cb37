// The inline functions against the C library in long double, over dense ranges, in units in the last place; and at the
// edges: zeros, infinities, nan, overflow.
#include "emit_support.h"

enum { POINTS = 4096, ROUNDS = 24 };

typedef struct {
  const char *name;
  long double (*reference)(long double);
  double low, high;
  double float_error, double_error; // largest, in units in the last place
} Function;

static long double sigmoid_reference(long double x) { return 1 / (1 + expl(-x)); }
static long double softplus_reference(long double x) { return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x)); }

static const Function functions[] = {
    {"exp", expl, -80, 85, 1.5, 1.5},
    {"exp", expl, -700, 700, 0, 1.5},
    {"expm1", expm1l, -20, 20, 2.5, 2.5},
    {"expm1", expm1l, -1e-3, 1e-3, 1.5, 1.5},
    {"log", logl, 1e-30, 3, 1.5, 1.5},
    {"log", logl, 0.9, 1.1, 1.5, 1.5},
    {"log", logl, 1, 1e30, 1.5, 1.5},
    {"log1p", log1pl, -0.999, 2, 3, 3},
    {"log1p", log1pl, -1e-5, 1e-5, 3, 3},
    {"log1p", log1pl, 0, 1e6, 3, 3},
    {"tanh", tanhl, -10, 10, 5.5, 3.5},
    {"tanh", tanhl, -0.01, 0.01, 3, 3.5},
    {"sigmoid", sigmoid_reference, -80, 80, 3, 3},
    {"softplus", softplus_reference, -80, 80, 4, 4},
    {"erf", erfl, -1.2, 1.2, 3.5, 5.5},
    {"erf", erfl, -6.5, 6.5, 3.5, 5.5},
    {"sin", sinl, -1, 1, 2, 2.5},
    {"sin", sinl, -100, 100, 2, 2.5},
    {"sin", sinl, -1e5, 1e5, 2, 2.5},
    {"cos", cosl, -100, 100, 2, 2.5},
    {"cos", cosl, -1e5, 1e5, 2, 2.5},
};

static BackendCode *compile(Harness *h, const char *text, BlurCpu cpu, int bytes) {
  harness_open(h, text, cpu, bytes);
  harness_loop(h, NULL, 0, h->statements, "u");
  harness_lay_out(h);
  BackendUnit unit = {"step", &h->schedule, 0};
  const char *error;
  bool from_cache;
  BackendCode *code = backend_compile(h->arena, cpu, &unit, 1, false, &from_cache, &error);
  cr_assert(code, "%s", error);
  return code;
}

static double error_in_places(double got, long double expected, int bytes) {
  long double place = bytes == 8 ? nextafter(fabs((double)expected), INFINITY) - fabs((double)expected)
                                 : nextafterf(fabsf((float)expected), INFINITY) - fabsf((float)expected);
  return (double)(fabsl((long double)got - expected) / place);
}

static double largest_error(const Function *f, BlurCpu cpu, int bytes) {
  char text[256];
  snprintf(text, sizeof text,
           "program step\naxis unit u:%d\nbuffer x input in [unit u:%d]\nbuffer y temporary out [unit u:%d]\n"
           "y[u] <- %s(x[u])\n",
           POINTS, POINTS, POINTS, f->name);
  Harness h;
  BackendCode *code = compile(&h, text, cpu, bytes);
  char *memory = aligned_alloc(64, (size_t)(h.schedule.memory_bytes + 63) / 64 * 64);
  double largest = 0;
  uint64_t seed = 1;
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < POINTS; i++) {
      double part = (double)(harness_random(&seed) >> 11) * 0x1p-53;
      harness_set(&h, memory, 0, i, f->low + (f->high - f->low) * part);
    }
    backend_entry(code, "step")(memory, NULL, NULL, 0, 1);
    for (int i = 0; i < POINTS; i++) {
      long double expected = f->reference(harness_get(&h, memory, 0, i));
      double error = error_in_places(harness_get(&h, memory, 1, i), expected, bytes);
      if (!(error <= largest)) largest = error;
    }
  }
  free(memory);
  backend_destroy(code);
  harness_close(&h);
  return largest;
}

Test(emit_math, dense_ranges) {
  HARNESS_EACH(cpu, bytes)
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    double allowed = bytes == 8 ? functions[i].double_error : functions[i].float_error;
    if (allowed == 0) continue;
    double error = largest_error(&functions[i], cpu, bytes);
    if (getenv("EMIT_MATH_PRINT"))
      printf("%-8s %-8s %d [%g, %g]: %.2f\n", functions[i].name, blur_cpu_name(cpu), bytes, functions[i].low,
             functions[i].high, error);
    cr_expect(error <= allowed, "%s on %g .. %g, %s, %d bytes: %g places", functions[i].name, functions[i].low,
              functions[i].high, blur_cpu_name(cpu), bytes, error);
  }
}

static const double edges[] = {0,     -0.0, INFINITY, -INFINITY, NAN,    1,   -1,   1000,
                               -1000, 1e30, -1e30,    1e-30,     -1e-30, 9.5, -9.5, 800};
enum { EDGES = sizeof edges / sizeof *edges };

Test(emit_math, edges) {
  static const struct {
    const char *name;
    long double (*reference)(long double);
  } all[] = {{"exp", expl},
             {"expm1", expm1l},
             {"log", logl},
             {"log1p", log1pl},
             {"tanh", tanhl},
             {"sigmoid", sigmoid_reference},
             {"softplus", softplus_reference},
             {"erf", erfl}};
  HARNESS_EACH(cpu, bytes)
  for (size_t f = 0; f < sizeof all / sizeof *all; f++) {
    char text[256];
    snprintf(text, sizeof text,
             "program step\naxis unit u:16\nbuffer x input in [unit u:16]\nbuffer y temporary out [unit u:16]\n"
             "y[u] <- %s(x[u])\n",
             all[f].name);
    Harness h;
    BackendCode *code = compile(&h, text, cpu, bytes);
    char *memory = aligned_alloc(64, (size_t)(h.schedule.memory_bytes + 63) / 64 * 64);
    for (int i = 0; i < EDGES; i++) harness_set(&h, memory, 0, i, edges[i]);
    backend_entry(code, "step")(memory, NULL, NULL, 0, 1);
    for (int i = 0; i < EDGES; i++) {
      double x = harness_get(&h, memory, 0, i), got = harness_get(&h, memory, 1, i);
      double expected = (double)all[f].reference(x);
      if (bytes == 4) expected = (float)expected;
      double tolerance = (bytes == 8 ? 1e-15 : 1e-6) * (fabs(expected) < 1e300 ? fabs(expected) : 1) + 1e-37;
      cr_expect(isnan(expected) ? isnan(got) : got == expected || fabs(got - expected) <= tolerance,
                "%s(%g), %s, %d bytes: %g instead of %g", all[f].name, x, blur_cpu_name(cpu), bytes, got, expected);
    }
    free(memory);
    backend_destroy(code);
    harness_close(&h);
  }
}

// Waves of huge arguments stay in range, and have no value at infinity.
Test(emit_math, huge_angles) {
  const char *text = "program step\naxis unit u:16\nbuffer x input in [unit u:16]\nbuffer y temporary out [unit u:16]\n"
                     "buffer z temporary out [unit u:16]\ny[u] <- sin(x[u])\nz[u] <- cos(x[u])\n";
  HARNESS_EACH(cpu, bytes) {
    Harness h;
    BackendCode *code = compile(&h, text, cpu, bytes);
    char *memory = aligned_alloc(64, (size_t)(h.schedule.memory_bytes + 63) / 64 * 64);
    for (int i = 0; i < 16; i++)
      harness_set(&h, memory, 0, i, i == 15 ? INFINITY : i == 14 ? NAN : pow(10, 2 * i + 1) * 1.2345);
    backend_entry(code, "step")(memory, NULL, NULL, 0, 1);
    for (int i = 0; i < 16; i++)
      for (IrBuffer wave = 1; wave <= 2; wave++) {
        double x = harness_get(&h, memory, 0, i), got = harness_get(&h, memory, wave, i);
        if (i >= 14) cr_expect(isnan(got));
        else cr_expect(fabs(got) <= 1.0000001, "%g at %g", got, x);
        if (i < 5) cr_expect_float_eq(got, wave == 1 ? sin(x) : cos(x), fabs(x) * 0x1p-50 + 1e-6 * (bytes == 4));
      }
    free(memory);
    backend_destroy(code);
    harness_close(&h);
  }
}

Test(emit_math, power) {
  const char *text =
      "program step\naxis unit u:4096\nbuffer x input in [unit u:4096]\nbuffer y input in [unit u:4096]\n"
      "buffer z temporary out [unit u:4096]\nz[u] <- pow(x[u], y[u])\n";
  static const double bases[] = {0,        -0.0,      1,   -1,     2,   -2, 0.5,       -0.5,
                                 INFINITY, -INFINITY, NAN, 1e-300, 3.7, -8, 1.0000001, 10};
  static const double exponents[] = {0, 1, -1, 2, 3, -3, 0.5, -0.5, 2.5, INFINITY, -INFINITY, NAN, 100, 1e6, -7, 4};
  HARNESS_EACH(cpu, bytes) {
    Harness h;
    BackendCode *code = compile(&h, text, cpu, bytes);
    char *memory = aligned_alloc(64, (size_t)(h.schedule.memory_bytes + 63) / 64 * 64);
    uint64_t seed = 3;
    for (int i = 0; i < POINTS; i++) {
      double x = exp((double)(harness_random(&seed) >> 11) * 0x1p-53 * 20 - 10);
      double y = ((double)(harness_random(&seed) >> 11) * 0x1p-53 * 2 - 1) * (bytes == 8 ? 50 : 8);
      harness_set(&h, memory, 0, i, i < 256 ? bases[i % 16] : x);
      harness_set(&h, memory, 1, i, i < 256 ? exponents[i / 16] : y);
    }
    backend_entry(code, "step")(memory, NULL, NULL, 0, 1);
    for (int i = 0; i < POINTS; i++) {
      double x = harness_get(&h, memory, 0, i), y = harness_get(&h, memory, 1, i), got = harness_get(&h, memory, 2, i);
      long double exact = powl(x, y);
      double expected = bytes == 8 ? (double)exact : (float)exact;
      bool same = isnan(expected) ? isnan(got) : got == expected;
      if (!same && isfinite(expected))
        same = error_in_places(got, exact, bytes) <= (bytes == 8 ? 4 : 1.5) || fabs(expected) < 1e-300;
      cr_expect(same, "pow(%.17g, %.17g), %s, %d bytes: %.17g instead of %.17g", x, y, blur_cpu_name(cpu), bytes, got,
                expected);
    }
    free(memory);
    backend_destroy(code);
    harness_close(&h);
  }
}
