// From units to entry points: the plan, its object from the cache or from the code generator, linked in memory. The
// code generator is opened only where the cache has nothing.
#include "compiler/backend/cache.h"
#include "compiler/backend/generator.h"

#include "backend_identity.h"

#include <stdlib.h>
#include <string.h>

enum { ABI_VERSION = 1 };

struct BackendCode {
  ObjectImage image;
  char key[CACHE_KEY + 1]; // "" where no cache is used
};

static void object_key(const BackendCpu *cpu, const EmitPlan *plan, char key[CACHE_KEY + 1]) {
  CacheHash hash = cache_hash();
  cache_hash_text(&hash, BACKEND_IDENTITY);
  cache_hash_number(&hash, ABI_VERSION);
  cache_hash_text(&hash, cpu->llvm_cpu);
  cache_hash_text(&hash, cpu->llvm_features);
  cache_hash_bytes(&hash, &cpu->target.vector_bytes, sizeof cpu->target.vector_bytes);
  const PlannedOperation *planned = plan->operations.items;
  for (size_t u = 0; u < plan->unit_count; u++) {
    const Schedule *schedule = plan->units[u].schedule;
    cache_hash_text(&hash, plan->units[u].name);
    cache_hash_number(&hash, schedule->target.vector_bytes);
    cache_hash_number(&hash, schedule->target.tile_rows * 64 + schedule->target.tile_vectors);
    cache_hash_number(&hash, schedule->target.registers * 2 + schedule->target.has_fma);
    cache_hash_number(&hash, schedule->target.l1_bytes);
    cache_hash_number(&hash, schedule->target.l2_bytes);
    cache_hash_number(&hash, (int64_t)schedule->loop_count);
    for (size_t l = 0; l < schedule->loop_count; l++) {
      const ScheduleLoop *loop = &schedule->loops[l];
      cache_hash_number(&hash, (int64_t)loop->first_kernel);
      cache_hash_number(&hash, (int64_t)loop->kernel_end);
      cache_hash_number(&hash, loop->count);
      cache_hash_number(&hash, loop->by_block);
      cache_hash_number(&hash, loop->backward);
    }
    cache_hash_number(&hash, (int64_t)schedule->kernel_count);
    for (size_t k = 0; k < schedule->kernel_count; k++) {
      const Kernel *kernel = &schedule->kernels[k];
      cache_hash_number(&hash, kernel->extent);
      cache_hash_number(&hash, kernel->block_size);
      cache_hash_number(&hash, (int64_t)kernel->operation_count);
      for (size_t o = 0; o < kernel->operation_count; o++, planned++) {
        bool is_first = &plan->operations.items[planned->function] == planned;
        if (is_first) cache_hash_bytes(&hash, planned->text, planned->text_length + 1);
        else cache_hash_number(&hash, (int64_t)planned->function);
        for (size_t i = 0; i < planned->bases.count; i++) {
          cache_hash_number(&hash, planned->bases.items[i].place);
          cache_hash_number(&hash, planned->bases.items[i].offset);
          cache_hash_number(&hash, planned->bases.items[i].round_bytes);
        }
      }
    }
  }
  cache_key(&hash, key);
}

// Takes the image. NULL and *problem if it does not link.
static BackendCode *link_image(ObjectImage *image, const char *key, const char **problem) {
  *problem = object_link(image);
  BackendCode *code = *problem ? NULL : calloc(1, sizeof *code);
  if (code) {
    code->image = *image;
    memcpy(code->key, key, strlen(key) + 1);
    return code;
  }
  if (!*problem) *problem = "out of memory";
  object_unmap(image);
  return NULL;
}

BackendCode *backend_load(const char *key) {
  ObjectImage image;
  const char *problem;
  return cache_load(key, "o", &image) ? link_image(&image, key, &problem) : NULL;
}

const char *backend_key(const BackendCode *code) { return code->key; }

static bool generate(Arena *arena, const BackendCpu *cpu, const EmitPlan *plan, ObjectImage *image,
                     const char **error) {
  const CodeGenerator *generator = generator_open(arena, error);
  if (!generator) return false;
  size_t length = 0;
  unsigned char *object = generator->object(arena, cpu, plan, &length, error);
  bool mapped = object && object_map(image, length);
  if (mapped) {
    memcpy(image->bytes, object, length);
    image->length = length;
  } else if (object) {
    *error = "out of memory";
  }
  free(object);
  return mapped;
}

BackendCode *backend_compile(Arena *arena, BlurCpu cpu_level, const BackendUnit *units, size_t unit_count,
                             bool use_cache, bool *from_cache, const char **error) {
  const BackendCpu *cpu = backend_cpu(cpu_level);
  EmitPlan *plan = canonical_plan(arena, &cpu->target, units, unit_count);
  ObjectImage image;
  char key[CACHE_KEY + 1] = "";
  *error = NULL;
  *from_cache = false;
  if (use_cache) object_key(cpu, plan, key);
  BackendCode *code = use_cache ? backend_load(key) : NULL;
  *from_cache = code != NULL;
  if (code || !generate(arena, cpu, plan, &image, error)) return code;
  if (use_cache) cache_store(key, "o", image.bytes, image.length);
  const char *problem = NULL;
  code = link_image(&image, key, &problem);
  if (problem) *error = arena_format(arena, "compiled code cannot be loaded: %s", problem);
  return code;
}

BackendEntry *backend_entry(const BackendCode *code, const char *name) {
  // ISO C has no cast from an object's address to a function's; POSIX promises that the bytes are the same.
  void *found = object_function(&code->image, name);
  BackendEntry *entry;
  memcpy(&entry, &found, sizeof entry);
  return entry;
}

void backend_destroy(BackendCode *code) {
  if (!code) return;
  object_unmap(&code->image);
  free(code);
}

const char *backend_print(Arena *arena, BlurCpu cpu_level, const BackendUnit *units, size_t unit_count, bool assembly,
                          const char **error) {
  const BackendCpu *cpu = backend_cpu(cpu_level);
  *error = NULL;
  const CodeGenerator *generator = generator_open(arena, error);
  if (!generator) return NULL;
  return generator->text(arena, cpu, canonical_plan(arena, &cpu->target, units, unit_count), assembly, error);
}
