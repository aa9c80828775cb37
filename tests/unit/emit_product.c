// PRODUCT operations against the interpreter: every form, layout, kind of block and epilogue, at odd sizes.
#include "emit_support.h"

// c = a b, then a light or a heavy epilogue.
static const char program[] =
    "program step\naxis unit m:%d\naxis unit n:%d\naxis unit k:%d\nbuffer a input in [unit m:%d, unit k:%d]\n"
    "buffer b input in [unit k:%d, unit n:%d]\nbuffer bias genome in [unit n:%d]\nbuffer row genome in [unit m:%d]\n"
    "buffer c temporary out [unit m:%d, unit n:%d]\nbuffer d temporary out [unit m:%d, unit n:%d]\n"
    "buffer e temporary out [unit m:%d, unit n:%d]\n"
    "c[m, n] <- sum(k: mul(a[m, k], b[k, n]))\nd[m, n] <- fma(c[m, n], 2, bias[n])\n"
    "e[m, n] <- div(mul(d[m, n], add(row[m], bias[n])), sqrt(add(1, mul(mul(c[m, n], c[m, n]), abs(bias[n])))))\n";

typedef struct {
  int m, n, k, statements;
  ProductForm form;
  int a_along, b_along, c_along; // the contiguous dimension
  int block;                     // 0 none, 1 along m, 2 along n
  int64_t block_size;
} Case;

static void check(const Case *c, BlurCpu cpu, int bytes, uint64_t seed) {
  char text[4096], what[256];
  int m = c->m, n = c->n, k = c->k;
  snprintf(text, sizeof text, program, m, n, k, m, k, k, n, n, m, m, n, m, n, m, n);
  snprintf(what, sizeof what, "%dx%dx%d form %d, %d statements, along %d %d %d, block %d of %ld", m, n, k, c->form,
           c->statements, c->a_along, c->b_along, c->c_along, c->block, (long)c->block_size);
  Harness h;
  harness_open(&h, text, cpu, bytes);
  harness_contiguous(&h, "a", c->a_along);
  harness_contiguous(&h, "b", c->b_along);
  for (int i = 0; i < 3; i++) harness_contiguous(&h, (const char *[]){"c", "d", "e"}[i], c->c_along);
  harness_kernel(&h, c->block == 1 ? m : c->block == 2 ? n : 0, c->block_size);
  harness_product(&h,
                  c->block == 1   ? "m"
                  : c->block == 2 ? "n"
                                  : NULL,
                  0, (size_t)c->statements, c->form, "m", "n", "k");
  if (c->statements < 3)
    harness_loop(&h,
                 c->block == 1   ? "m"
                 : c->block == 2 ? "n"
                                 : NULL,
                 (size_t)c->statements, (size_t)(3 - c->statements), "m n");
  HarnessRun run = harness_run(&h, seed, c->form == PRODUCT_BLAS ? 1 : 3, false);
  harness_compare(&h, &run, bytes == 8 ? 1e-12 : 2e-5, what);
  harness_free(&h, &run);
  harness_close(&h);
}

static void check_random(ProductForm form, int cases, uint64_t seed) {
  HARNESS_EACH(cpu, bytes)
  for (int i = 0; i < cases; i++) {
    uint64_t random = harness_random(&seed);
    Case c = {.m = 1 + (int)(random % 70),
              .n = 1 + (int)(random / 70 % 70),
              .k = 1 + (int)(random / 4900 % 70),
              .statements = 1 + (int)(random / 343000 % 3),
              .form = form};
    random = harness_random(&seed);
    c.a_along = random & 1;
    c.b_along = random >> 1 & 1;
    c.c_along = (random >> 2 & 3) ? 1 : 0;
    c.block = (int)((random >> 4) % 3);
    c.block_size = c.block == 2 && random >> 8 & 3 ? 16 << (random >> 10 & 1) : 1 + (int)((random >> 12) % 30);
    if (form == PRODUCT_BLAS) {
      c.block = 0;
      c.c_along = 1;
    }
    check(&c, cpu, bytes, seed);
  }
}

Test(emit_product, outer) { check_random(PRODUCT_OUTER, 60, 1); }
Test(emit_product, dot) { check_random(PRODUCT_DOT, 40, 2); }
Test(emit_product, library) { check_random(PRODUCT_BLAS, 30, 3); }

Test(emit_product, long_sums) {
  HARNESS_EACH(cpu, bytes)
  for (int statements = 1; statements <= 3; statements += 2)
    for (int along = 0; along < 2; along++) {
      Case c = {.m = 13, .n = 19, .k = 4500, .statements = statements, .a_along = 1, .b_along = along, .c_along = 1};
      char text[4096];
      snprintf(text, sizeof text, program, 13, 19, 4500, 13, 4500, 4500, 19, 19, 13, 13, 19, 13, 19, 13, 19);
      Harness h;
      harness_open(&h, text, cpu, bytes);
      harness_contiguous(&h, "b", c.b_along);
      harness_product(&h, NULL, 0, (size_t)statements, PRODUCT_OUTER, "m", "n", "k");
      if (statements == 1) harness_loop(&h, NULL, 1, 2, "m n");
      HarnessRun run = harness_run(&h, 5, 1, false);
      harness_compare(&h, &run, bytes == 8 ? 1e-11 : 3e-3, "long sums");
      harness_free(&h, &run);
      harness_close(&h);
    }
}

// Tall bands: more rows than one stage holds.
Test(emit_product, many_rows) {
  HARNESS_EACH(cpu, bytes)
  for (int along = 0; along < 2; along++) {
    Case c = {.m = 1001, .n = 19, .k = 7, .statements = 3, .a_along = along, .b_along = 1, .c_along = 1};
    check(&c, cpu, bytes, 7);
    c.form = PRODUCT_DOT;
    c.b_along = 0;
    check(&c, cpu, bytes, 8);
    c.c_along = 0;
    check(&c, cpu, bytes, 9);
  }
}

// A vector times a matrix, a matrix times a vector, and two vectors.
Test(emit_product, vectors) {
  HARNESS_EACH(cpu, bytes)
  for (int size = 1; size < 70; size += 9)
    for (int variant = 0; variant < 5; variant++)
      for (int form = PRODUCT_OUTER; form <= PRODUCT_BLAS; form++) {
        char text[2048];
        int k = 1 + size * 7 % 33;
        bool none = variant == 4;
        const char *index = none ? "" : "n", *other = variant < 2 ? "k, n" : "n, k";
        snprintf(text, sizeof text,
                 none ? "program step\naxis unit k:%d\nbuffer a input in [unit k:%d]\nbuffer b input in [unit k:%d]\n"
                        "buffer c temporary out []\nbuffer d temporary out []\nc[] <- sum(k: mul(a[k], b[k]))\nd[] <- "
                        "mul(c[], 3)\n"
                 : variant < 2 ? "program step\naxis unit k:%d\naxis unit n:%d\nbuffer a input in [unit k:%d]\nbuffer "
                                 "b input in [unit k:%d, unit n:%d]\n"
                                 "buffer c temporary out [unit n:%d]\nbuffer d temporary out [unit n:%d]\n"
                                 "c[n] <- sum(k: mul(a[k], b[k, n]))\nd[n] <- mul(c[n], 3)\n"
                               : "program step\naxis unit k:%d\naxis unit n:%d\nbuffer a input in [unit k:%d]\nbuffer "
                                 "b input in [unit k:%d, unit n:%d]\n"
                                 "buffer c temporary out [unit n:%d]\nbuffer d temporary out [unit n:%d]\n"
                                 "c[n] <- sum(k: mul(b[k, n], a[k]))\nd[n] <- mul(c[n], 3)\n",
                 k, none ? k : size, k, k, size, size, size);
        (void)index;
        (void)other;
        Harness h;
        harness_open(&h, text, cpu, bytes);
        if (variant & 1) harness_contiguous(&h, "b", 0);
        harness_product(&h, NULL, 0, 2, (ProductForm)form, variant >= 2 && !none ? "n" : NULL, variant < 2 ? "n" : NULL,
                        "k");
        char what[64];
        snprintf(what, sizeof what, "vectors %d, variant %d, form %d", size, variant, form);
        harness_check(&h, (uint64_t)size, 1, what);
        harness_close(&h);
      }
}
