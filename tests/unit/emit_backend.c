// The backend as a whole: what reaches machine code on every level, code shared between operations, threads and
// barriers, and the object cache with sound, damaged, foreign and missing files.
#include "emit_support.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *assembly(Harness *h, BlurCpu cpu) {
  harness_lay_out(h);
  BackendUnit unit = {"step", &h->schedule, 0};
  const char *error;
  const char *text = backend_print(h->arena, cpu, &unit, 1, true, &error);
  cr_assert(text, "%s", error);
  return text;
}

static int count(const char *text, const char *word) {
  int found = 0;
  for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) found++;
  return found;
}

// Compiled code must call nothing by name: each function of numbers on each level, all of them also as scalars.
Test(emit_backend, no_calls_outside) {
  const char *program =
      "program step\naxis unit u:37\naxis unit v:1\nbuffer x input in [unit u:37]\nbuffer s input in []\n"
      "buffer y temporary out [unit u:37]\nbuffer t temporary out []\n"
      "y[u] <- add(exp(x[u]), add(log(x[u]), add(log1p(x[u]), add(expm1(x[u]), add(tanh(x[u]), add(sigmoid(x[u]), "
      "add(softplus(x[u]), add(erf(x[u]), add(sin(x[u]), add(cos(x[u]), add(pow(x[u], s[]), add(mod(x[u], s[]), "
      "fma(floor(x[u]), rsqrt(x[u]), sqrt(abs(x[u])))))))))))))))\n"
      "t[] <- add(exp(s[]), add(log(s[]), add(tanh(s[]), add(erf(s[]), add(sin(s[]), add(pow(s[], s[]), "
      "fma(floor(s[]), sigmoid(s[]), mod(s[], 3))))))))\n";
  for (BlurCpu cpu = BLUR_CPU_X86_64; cpu <= BLUR_CPU_AVX512; cpu++)
    for (int bytes = 4; bytes <= 8; bytes += 4) {
      Harness h;
      harness_open(&h, program, cpu, bytes);
      harness_loop(&h, NULL, 0, 1, "u");
      harness_loop(&h, NULL, 1, 1, "");
      const char *text = assembly(&h, cpu);
      cr_expect_eq(count(text, "@PLT"), 0, "%s, %d bytes", blur_cpu_name(cpu), bytes);
      cr_expect_eq(count(text, "@GOTPCREL"), 0, "%s, %d bytes", blur_cpu_name(cpu), bytes);
      harness_close(&h);
    }
}

static const char product[] =
    "program step\naxis unit m:128\naxis unit n:256\naxis unit k:784\n"
    "buffer a input in [unit m:128, unit k:784]\nbuffer b input in [unit k:784, unit n:256]\n"
    "buffer c temporary out [unit m:128, unit n:256]\nc[m, n] <- sum(k: mul(a[m, k], b[k, n]))\n";

// The tiles of the table of machines: whole registers of the level, none spilled inside the loop over k.
Test(emit_backend, tiles_fit_the_registers) {
  static const struct {
    BlurCpu cpu;
    const char *registers, *multiply_add;
    int at_least;
  } levels[] = {{BLUR_CPU_X86_64, "xmm", "mulps", 8},
                {BLUR_CPU_AVX2, "ymm", "vfmadd", 12},
                {BLUR_CPU_AVX512, "zmm", "vfmadd", 24}};
  for (size_t i = 0; i < 3; i++) {
    Harness h;
    harness_open(&h, product, levels[i].cpu, 4);
    harness_product(&h, NULL, 0, 1, PRODUCT_OUTER, "m", "n", "k");
    const char *text = assembly(&h, levels[i].cpu);
    cr_expect_gt(count(text, levels[i].registers), 0);
    // Loops are the stretches between labels; find the one with most multiply-adds.
    int most = 0, spills = 0;
    for (const char *label = strstr(text, "\n.LBB"); label; label = strstr(label + 1, "\n.LBB")) {
      const char *end = strstr(label + 1, "\n.LBB");
      char *part = end ? strndup(label, (size_t)(end - label)) : strdup(label);
      int here = count(part, levels[i].multiply_add);
      if (here > most) {
        most = here;
        spills = count(part, "-byte Spill") + count(part, "-byte Reload") + count(part, "-byte Folded");
      }
      free(part);
    }
    cr_expect_geq(most, levels[i].at_least, "%d multiply-adds, %s", most, blur_cpu_name(levels[i].cpu));
    cr_expect_eq(spills, 0, "%s: %d spills", blur_cpu_name(levels[i].cpu), spills);
    harness_close(&h);
  }
}

static const char states[] =
    "program step\naxis unit u:50\naxis state c:3\nbuffer x input in [state c:3, unit u:50]\n"
    "buffer y temporary out [state c:3, unit u:50]\nbuffer g genome in [state c:3]\n"
    "y[0, u] <- mul(g[0], x[0, u])\ny[1, u] <- mul(g[1], x[1, u])\ny[2, u] <- mul(g[2], x[2, u])\n";

// Operations that differ in the state alone are one function, and still right.
Test(emit_backend, states_share_code) {
  HARNESS_EACH(cpu, bytes) {
    Harness h;
    harness_open(&h, states, cpu, bytes);
    for (size_t i = 0; i < 3; i++) harness_loop(&h, NULL, i, 1, "u");
    const char *text = assembly(&h, cpu);
    cr_expect_eq(count(text, "operation.0:\n"), 1);
    cr_expect_eq(count(text, "operation.1:\n") + count(text, "operation.2:\n"), 0);
    harness_check(&h, 1, 1, "states");
    harness_close(&h);
  }
}

// Every thread waits after every kernel, unless it is alone, or the next kernel is the same thread's.
Test(emit_backend, barriers) {
  Harness h;
  harness_open(&h, states, BLUR_CPU_NATIVE, 4);
  harness_kernel(&h, 50, 16);
  harness_loop(&h, "u", 0, 1, "u");
  harness_kernel(&h, 0, 0);
  harness_loop(&h, NULL, 1, 1, "u");
  harness_kernel(&h, 0, 0);
  harness_loop(&h, NULL, 2, 1, "u");
  HarnessRun run = harness_run(&h, 1, 1, false);
  cr_expect_eq(run.barriers, 0);
  harness_free(&h, &run);
  run = harness_run(&h, 1, 3, false); // kernels do not depend on one another here
  cr_expect_eq(run.barriers, 3 * 2);
  harness_compare(&h, &run, 1e-6, "three threads");
  harness_free(&h, &run);
  harness_close(&h);
}

// ---- the cache

static char folder[] = "/tmp/blur_cache_XXXXXX";
static char file[512];

static void set_up(void) {
  cr_assert(mkdtemp(folder));
  setenv("BLUR_CACHE", folder, 1);
}

static int files(void) {
  DIR *directory = opendir(folder);
  int found = 0;
  for (struct dirent *entry; directory && (entry = readdir(directory));)
    if (entry->d_name[0] != '.') {
      found++;
      snprintf(file, sizeof file, "%s/%s", folder, entry->d_name);
    }
  if (directory) closedir(directory);
  return found;
}

static void tear_down(void) {
  chmod(folder, 0700);
  while (files() > 0) unlink(file);
  rmdir(folder);
}

static bool from_cache(int bytes, uint64_t seed) {
  Harness h;
  harness_open(&h, states, BLUR_CPU_NATIVE, bytes);
  harness_loop(&h, NULL, 0, 3, "u");
  HarnessRun run = harness_run(&h, seed, 1, true);
  harness_compare(&h, &run, bytes == 8 ? 1e-12 : 2e-5, "cached");
  bool result = run.from_cache;
  harness_free(&h, &run);
  harness_close(&h);
  return result;
}

Test(emit_backend, cache_hits, .init = set_up, .fini = tear_down) {
  cr_expect(!from_cache(4, 1));
  cr_expect_eq(files(), 1);
  cr_expect(from_cache(4, 2));
  cr_expect(!from_cache(8, 3), "another precision is another object");
  cr_expect_eq(files(), 2);
  cr_expect(from_cache(8, 4) && from_cache(4, 5));
}

Test(emit_backend, cache_damaged, .init = set_up, .fini = tear_down) {
  cr_expect(!from_cache(4, 1));
  cr_assert_eq(files(), 1);
  struct stat status;
  stat(file, &status);
  for (int damage = 0; damage < 5; damage++) {
    FILE *stream = fopen(file, "r+b");
    cr_assert(stream);
    if (damage == 0) fseek(stream, 0, SEEK_SET), fputc('x', stream);                       // another kind of file
    if (damage == 1) fseek(stream, 12, SEEK_SET), fputc('x', stream);                      // another key
    if (damage == 2) fseek(stream, status.st_size / 2, SEEK_SET), fputs("damage", stream); // other code
    fclose(stream);
    if (damage == 3) cr_assert_eq(truncate(file, status.st_size - 1), 0);
    if (damage == 4) cr_assert_eq(truncate(file, 0), 0);
    cr_expect(!from_cache(4, 1), "damage %d is noticed", damage);
    cr_expect(from_cache(4, 2), "and mended");
    cr_expect_eq(files(), 1);
  }
}

Test(emit_backend, cache_out_of_reach, .init = set_up, .fini = tear_down) {
  setenv("BLUR_CACHE", "/proc/no/such/folder", 1);
  cr_expect(!from_cache(4, 1));
  cr_expect(!from_cache(4, 2));
  setenv("BLUR_CACHE", "/dev/null", 1);
  cr_expect(!from_cache(4, 3));
}
