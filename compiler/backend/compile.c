// From units to entry points: the plan, its object from the cache or from the code generator, linked in memory. The
// code generator is opened only where the cache has nothing.
#include "compiler/backend/cache.h"
#include "compiler/backend/generator.h"

#include <stdlib.h>
#include <string.h>

struct BackendCode {
  ObjectImage image;
};

// Takes the image. NULL and *error if it does not link or lacks an entry point.
static BackendCode *link_image(Arena *arena, ObjectImage *image, const BackendUnit *units, size_t unit_count,
                               const char **error) {
  const char *problem = object_link(image);
  for (size_t i = 0; i < unit_count && !problem; i++)
    if (!object_function(image, units[i].name)) problem = "an entry point is missing";
  BackendCode *code = problem ? NULL : calloc(1, sizeof *code);
  if (code) {
    code->image = *image;
    return code;
  }
  *error = problem ? arena_format(arena, "compiled code cannot be loaded: %s", problem) : "out of memory";
  object_unmap(image);
  return NULL;
}

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
  char key[CACHE_KEY + 1];
  *error = NULL;
  *from_cache = false;
  if (use_cache) cache_key(cpu, plan, key);
  if (use_cache && cache_load(key, &image)) {
    BackendCode *code = link_image(arena, &image, units, unit_count, error);
    *from_cache = code != NULL;
    if (code) return code;
    *error = NULL;
  }
  if (!generate(arena, cpu, plan, &image, error)) return NULL;
  if (use_cache) cache_store(key, image.bytes, image.length);
  return link_image(arena, &image, units, unit_count, error);
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
