// Links a relocatable ELF object in place: its sections lie in the file as they may lie in memory, and compiled code
// refers to nothing outside them (what it calls stands in a table, BlurServices), so all there is to do is to apply its
// relocations. Before: the code generator or the cache; after: entry points. Every number read from the object is
// checked against its length, each time it is read, since relocations may overwrite what was checked before.
// Source: Tool Interface Standard, ELF 1.2; System V ABI, AMD64 supplement, table 4.9.
#include "compiler/backend/object.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_SECTIONS = 256 };

// A relocation stores symbol + addend, less its own address if it is relative, in so many bytes.
typedef struct {
  uint32_t type, bytes;
  bool is_relative;
} RelocationKind;

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
static const RelocationKind relocation_kinds[] = {
    {R_X86_64_PC32, 4, true},
    {R_X86_64_PLT32, 4, true}, // the function is here: no table of links is needed
    {R_X86_64_PC64, 8, true},
    {R_X86_64_64, 8, false},
};
#else
#error "object.c: the relocations of this machine are not known yet"
#endif

bool object_map(ObjectImage *image, size_t mapped) {
  void *bytes = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  *image = (ObjectImage){0};
  if (bytes == MAP_FAILED) return false;
  image->bytes = bytes;
  image->mapped = mapped;
  return true;
}

void object_unmap(ObjectImage *image) {
  if (image->bytes) munmap(image->bytes, image->mapped);
  *image = (ObjectImage){0};
}

// ---- reading

static bool inside(const ObjectImage *image, uint64_t offset, uint64_t bytes) {
  return bytes <= image->length && offset <= image->length - bytes;
}

static bool read_bytes(const ObjectImage *image, uint64_t offset, void *into, size_t bytes) {
  if (!inside(image, offset, bytes)) return false;
  memcpy(into, image->bytes + offset, bytes);
  return true;
}

static bool read_header(const ObjectImage *image, Elf64_Ehdr *header) {
  static const unsigned char identity[] = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
  return read_bytes(image, 0, header, sizeof *header) && !memcmp(header->e_ident, identity, sizeof identity) &&
         header->e_type == ET_REL && header->e_machine == MACHINE && header->e_shentsize == sizeof(Elf64_Shdr) &&
         header->e_shnum <= MOST_SECTIONS;
}

static bool read_section(const ObjectImage *image, uint64_t number, Elf64_Shdr *section) {
  Elf64_Ehdr header;
  return read_header(image, &header) && number < header.e_shnum && header.e_shoff <= image->length &&
         read_bytes(image, header.e_shoff + number * sizeof *section, section, sizeof *section) &&
         (section->sh_type == SHT_NOBITS || inside(image, section->sh_offset, section->sh_size));
}

// Of code and constants: a section that takes part in the running program. Constants may stand in a section that is
// called writable (emit_math.c hides them so from the optimizer); nothing writes them, and nothing can.
static bool is_loaded(const Elf64_Shdr *section) { return (section->sh_flags & SHF_ALLOC) && section->sh_size; }

static bool read_loaded_section(const ObjectImage *image, uint64_t number, Elf64_Shdr *section) {
  return read_section(image, number, section) && is_loaded(section) && section->sh_type == SHT_PROGBITS;
}

static bool read_symbol(const ObjectImage *image, const Elf64_Shdr *table, uint64_t number, Elf64_Sym *symbol) {
  return table->sh_type == SHT_SYMTAB && number < table->sh_size / sizeof *symbol &&
         read_bytes(image, table->sh_offset + number * sizeof *symbol, symbol, sizeof *symbol);
}

// Where the symbol is, as an offset in the image.
static bool find_symbol(const ObjectImage *image, const Elf64_Sym *symbol, uint64_t *offset) {
  Elf64_Shdr section;
  if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= SHN_LORESERVE ||
      !read_loaded_section(image, symbol->st_shndx, &section) || symbol->st_value > section.sh_size)
    return false;
  *offset = section.sh_offset + symbol->st_value;
  return true;
}

// ---- linking

static const char *check_section(const Elf64_Shdr *section) {
  if (!is_loaded(section)) return NULL;
  if (section->sh_type != SHT_PROGBITS) return "a section of a kind that is not known";
  if (section->sh_flags & (SHF_TLS | SHF_COMPRESSED)) return "a section that is not code or constants";
  if (section->sh_addralign > 1 && section->sh_offset % section->sh_addralign) return "a section off its alignment";
  return NULL;
}

static const char *apply(const ObjectImage *image, const Elf64_Shdr *target, const Elf64_Shdr *symbols,
                         const Elf64_Rela *relocation) {
  Elf64_Sym symbol;
  uint64_t offset;
  if (!read_symbol(image, symbols, ELF64_R_SYM(relocation->r_info), &symbol) || !find_symbol(image, &symbol, &offset))
    return "a reference to nothing that is here";
  for (size_t i = 0; i < sizeof relocation_kinds / sizeof *relocation_kinds; i++) {
    const RelocationKind *kind = &relocation_kinds[i];
    if (kind->type != ELF64_R_TYPE(relocation->r_info)) continue;
    if (target->sh_size < kind->bytes || relocation->r_offset > target->sh_size - kind->bytes)
      return "a reference outside its section";
    unsigned char *place = image->bytes + target->sh_offset + relocation->r_offset;
    uint64_t value = (uint64_t)(uintptr_t)image->bytes + offset + (uint64_t)relocation->r_addend;
    if (kind->is_relative) value -= (uint64_t)(uintptr_t)place;
    int64_t distance = (int64_t)value;
    if (kind->bytes == 4 && distance != (int32_t)distance) return "a reference that reaches too far";
    memcpy(place, &value, kind->bytes); // little-endian, as the identity says
    return NULL;
  }
  return "a reference of a kind that is not known";
}

static const char *apply_all(const ObjectImage *image, const Elf64_Shdr *section) {
  Elf64_Shdr target, symbols;
  if (!read_section(image, section->sh_info, &target)) return "references of no section";
  if (!is_loaded(&target)) return NULL; // of notes, for debuggers
  if (section->sh_type == SHT_REL || target.sh_type != SHT_PROGBITS) return "references of a kind that is not known";
  if (!read_section(image, section->sh_link, &symbols)) return "no table of symbols";
  for (uint64_t i = 0; i < section->sh_size / sizeof(Elf64_Rela); i++) {
    Elf64_Rela relocation;
    if (!read_bytes(image, section->sh_offset + i * sizeof relocation, &relocation, sizeof relocation))
      return "references outside the object";
    const char *problem = apply(image, &target, &symbols, &relocation);
    if (problem) return problem;
  }
  return NULL;
}

const char *object_link(ObjectImage *image) {
  Elf64_Ehdr header;
  Elf64_Shdr section;
  const char *problem = NULL;
  if (image->length > image->mapped || !read_header(image, &header)) return "not an object of this machine";
  for (uint64_t i = 0; i < header.e_shnum && !problem; i++)
    problem = read_section(image, i, &section) ? check_section(&section) : "a section outside the object";
  for (uint64_t i = 0; i < header.e_shnum && !problem; i++) {
    if (!read_section(image, i, &section)) problem = "a section outside the object";
    else if (section.sh_type == SHT_RELA || section.sh_type == SHT_REL) problem = apply_all(image, &section);
  }
  if (problem) return problem;
  if (mprotect(image->bytes, image->mapped, PROT_READ | PROT_EXEC)) return "the system refuses executable memory";
  __builtin___clear_cache((char *)image->bytes, (char *)image->bytes + image->length);
  return NULL;
}

// ---- functions

static bool has_name(const ObjectImage *image, const Elf64_Shdr *names, const Elf64_Sym *symbol, const char *name) {
  size_t length = strlen(name) + 1;
  return names->sh_type == SHT_STRTAB && length <= names->sh_size && symbol->st_name <= names->sh_size - length &&
         !memcmp(image->bytes + names->sh_offset + symbol->st_name, name, length);
}

void *object_function(const ObjectImage *image, const char *name) {
  Elf64_Ehdr header;
  Elf64_Shdr table, names, home;
  Elf64_Sym symbol;
  uint64_t offset;
  if (!read_header(image, &header)) return NULL;
  for (uint64_t i = 0; i < header.e_shnum; i++) {
    if (!read_section(image, i, &table) || table.sh_type != SHT_SYMTAB || !read_section(image, table.sh_link, &names))
      continue;
    for (uint64_t number = 0; read_symbol(image, &table, number, &symbol); number++) {
      if (ELF64_ST_BIND(symbol.st_info) != STB_GLOBAL || ELF64_ST_TYPE(symbol.st_info) != STT_FUNC ||
          !has_name(image, &names, &symbol, name) || !find_symbol(image, &symbol, &offset))
        continue;
      if (read_section(image, symbol.st_shndx, &home) && (home.sh_flags & SHF_EXECINSTR) && offset < image->length)
        return image->bytes + offset;
    }
  }
  return NULL;
}
