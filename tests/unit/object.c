// The loader of objects: sound ones run; cut, damaged and hostile ones give a reason and touch nothing outside their
// bytes, which lie between pages that nobody may touch.
#include "emit_support.h"

#include "compiler/backend/generator.h"
#include "compiler/backend/object.h"

#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

static const char text[] =
    "program step\naxis unit u:5\nbuffer x input in [unit u:5]\nbuffer y temporary out [unit u:5]\n"
    "y[u] <- fma(x[u], 3, 0.25)\n";

// A small object of one entry, "step", and where its x and y lie.
static unsigned char *small_object(Harness *h, size_t *length) {
  const BackendCpu *cpu = backend_cpu(BLUR_CPU_X86_64);
  harness_open(h, text, BLUR_CPU_X86_64, 4);
  harness_loop(h, NULL, 0, 1, "u");
  harness_lay_out(h);
  BackendUnit unit = {"step", &h->schedule, 0};
  const char *error = NULL;
  const CodeGenerator *generator = generator_open(h->arena, &error);
  cr_assert(generator, "%s", error);
  unsigned char *object =
      generator->object(h->arena, cpu, canonical_plan(h->arena, &cpu->target, &unit, 1), length, &error);
  cr_assert(object, "%s", error);
  return object;
}

// An image of `length` bytes that ends where a forbidden page begins: padded in front of that with its own end.
typedef struct {
  ObjectImage image;
  unsigned char *pages;
  size_t page, all;
} Guarded;

static Guarded guarded(size_t length) {
  Guarded g = {.page = (size_t)sysconf(_SC_PAGESIZE)};
  size_t inner = (length + g.page - 1) / g.page * g.page;
  g.all = inner + 2 * g.page;
  g.pages = mmap(NULL, g.all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  cr_assert(g.pages != MAP_FAILED);
  g.image.bytes = g.pages + g.page;
  g.image.mapped = inner;
  g.image.length = length;
  return g;
}

static void guarded_fill(Guarded *g, const unsigned char *object, size_t length) {
  cr_assert_eq(mprotect(g->image.bytes, g->image.mapped, PROT_READ | PROT_WRITE), 0);
  memset(g->image.bytes, 0, g->image.mapped);
  memcpy(g->image.bytes, object, length);
  g->image.length = length;
}

static void guarded_free(Guarded *g) { munmap(g->pages, g->all); }

// Links and looks up; what comes out lies in the image.
static const char *try_object(Guarded *g, const unsigned char *object, size_t length) {
  guarded_fill(g, object, length);
  const char *problem = object_link(&g->image);
  if (problem) return problem;
  const unsigned char *step = object_function(&g->image, "step");
  if (step) cr_assert(step >= g->image.bytes && step < g->image.bytes + length);
  return step ? NULL : "no entry";
}

Test(object, links_and_runs) {
  Harness h;
  size_t length;
  unsigned char *object = small_object(&h, &length);
  Guarded g = guarded(length);
  cr_assert_null(try_object(&g, object, length));
  cr_expect_null(object_function(&g.image, "ste"));
  cr_expect_null(object_function(&g.image, "steps"));
  cr_expect_null(object_function(&g.image, "operation.0"), "a function of the inside");
  void *found = object_function(&g.image, "step");
  BackendEntry *step;
  memcpy(&step, &found, sizeof step);
  _Alignas(64) float memory[1024] = {0};
  _Alignas(64) char scratch[64];
  for (int i = 0; i < 5; i++) harness_set(&h, (char *)memory, 0, i, i - 1.5);
  step(memory, scratch, &(BlurServices){0}, 0, 1);
  for (int i = 0; i < 5; i++) cr_expect_eq(harness_get(&h, (char *)memory, 1, i), 3 * (i - 1.5) + 0.25);
  guarded_free(&g);
  free(object);
  harness_close(&h);
}

Test(object, cut_at_every_length) {
  Harness h;
  size_t length;
  unsigned char *object = small_object(&h, &length);
  Guarded g = guarded(length);
  for (size_t cut = 0; cut < length; cut++)
    cr_assert(try_object(&g, object, cut), "%zu of %zu bytes are taken for an object", cut, length);
  guarded_free(&g);
  free(object);
  harness_close(&h);
}

Test(object, every_byte_damaged) {
  Harness h;
  size_t length, refused = 0;
  unsigned char *object = small_object(&h, &length);
  Guarded g = guarded(length);
  for (size_t at = 0; at < length; at++) {
    static const unsigned char masks[] = {0xFF, 0x80, 0x01, 0x10};
    for (size_t i = 0; i < sizeof masks; i++) {
      object[at] ^= masks[i];
      refused += try_object(&g, object, length) != NULL;
      object[at] ^= masks[i];
    }
  }
  cr_expect_gt(refused, 0);
  // Many at once, in the tables behind the code, whose numbers are what the loader goes by.
  uint64_t state = 7;
  for (int round = 0; round < 20000; round++) {
    unsigned char *damaged = malloc(length);
    memcpy(damaged, object, length);
    for (int i = 0; i < 4; i++) {
      size_t at = (size_t)(harness_random(&state) % (length - 4));
      damaged[at] = (unsigned char)harness_random(&state);
      if (i == 3) memset(damaged + at, round & 1 ? 0xFF : 0, 4);
    }
    try_object(&g, damaged, length);
    free(damaged);
  }
  guarded_free(&g);
  free(object);
  harness_close(&h);
}

// ---- hostile ones, by the reason they are refused for

typedef struct {
  unsigned char *object;
  size_t length;
  Elf64_Ehdr *header;
  Elf64_Shdr *sections, *code, *relocations, *symbols;
  Elf64_Rela *relocation; // the first
} Parts;

static Parts parts_of(unsigned char *object, size_t length) {
  Parts p = {.object = object, .length = length, .header = (Elf64_Ehdr *)(void *)object};
  p.sections = (Elf64_Shdr *)(void *)(object + p.header->e_shoff);
  for (int i = 0; i < p.header->e_shnum; i++) {
    if (p.sections[i].sh_type == SHT_RELA) p.relocations = &p.sections[i];
    if (p.sections[i].sh_type == SHT_SYMTAB) p.symbols = &p.sections[i];
    if (p.sections[i].sh_flags & SHF_EXECINSTR) p.code = &p.sections[i];
  }
  cr_assert(p.relocations && p.symbols && p.code, "the object refers to its constants");
  p.relocation = (Elf64_Rela *)(void *)(object + p.relocations->sh_offset);
  return p;
}

static void other_machine(Parts *p) { p->header->e_machine = EM_PPC64; }
static void other_kind(Parts *p) { p->header->e_type = ET_DYN; }
static void other_order(Parts *p) { p->object[EI_DATA] = ELFDATA2MSB; }
static void sections_far(Parts *p) { p->header->e_shoff = UINT64_MAX - 63; }
static void sections_many(Parts *p) { p->header->e_shnum = 65000; }
static void code_far(Parts *p) { p->code->sh_offset = UINT64_MAX - 15; }
static void code_long(Parts *p) { p->code->sh_size = UINT64_MAX; }
static void code_crooked(Parts *p) { p->code->sh_offset += 1; }
static void code_missing(Parts *p) { p->code->sh_type = SHT_NOBITS; }
static void code_of_threads(Parts *p) { p->code->sh_flags |= SHF_TLS; }
static void place_far(Parts *p) { p->relocation->r_offset = UINT64_MAX - 3; }
static void place_at_end(Parts *p) { p->relocation->r_offset = p->code->sh_size - 3; }
static void symbol_far(Parts *p) { p->relocation->r_info = ELF64_R_INFO(0xFFFFFFFFu, R_X86_64_PC32); }
static void symbol_none(Parts *p) { p->relocation->r_info = ELF64_R_INFO(0, R_X86_64_PC32); }
static void kind_unknown(Parts *p) {
  p->relocation->r_info = ELF64_R_INFO(ELF64_R_SYM(p->relocation->r_info), R_X86_64_GOTPCREL);
}
static void addend_far(Parts *p) { p->relocation->r_addend = (int64_t)1 << 40; }
static void table_wrong(Parts *p) { p->relocations->sh_link = p->relocations->sh_info; }
static void target_wrong(Parts *p) { p->relocations->sh_info = 60000; }
static void old_style(Parts *p) { p->relocations->sh_type = SHT_REL; }

Test(object, hostile_ones) {
  static const struct {
    void (*change)(Parts *parts);
    const char *reason;
  } cases[] = {
      {other_machine, "not an object of this machine"},
      {other_kind, "not an object of this machine"},
      {other_order, "not an object of this machine"},
      {sections_far, "a section outside the object"},
      {sections_many, "not an object of this machine"},
      {code_far, "a section outside the object"},
      {code_long, "a section outside the object"},
      {code_crooked, "a section off its alignment"},
      {code_missing, "a section of a kind that is not known"},
      {code_of_threads, "a section that is not code or constants"},
      {place_far, "a reference outside its section"},
      {place_at_end, "a reference outside its section"},
      {symbol_far, "a reference to nothing that is here"},
      {symbol_none, "a reference to nothing that is here"},
      {kind_unknown, "a reference of a kind that is not known"},
      {addend_far, "a reference that reaches too far"},
      {table_wrong, "a reference to nothing that is here"},
      {target_wrong, "references of no section"},
      {old_style, "references of a kind that is not known"},
  };
  Harness h;
  size_t length;
  unsigned char *object = small_object(&h, &length), *changed = aligned_alloc(64, (length + 63) / 64 * 64);
  Guarded g = guarded(length);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    memcpy(changed, object, length);
    Parts parts = parts_of(changed, length);
    cases[i].change(&parts);
    const char *reason = try_object(&g, changed, length);
    cr_expect(reason && !strcmp(reason, cases[i].reason), "case %zu: %s", i, reason ? reason : "taken");
  }
  guarded_free(&g);
  free(changed);
  free(object);
  harness_close(&h);
}
