// Finds the code generator's module and opens it. Places, the first that has the file: BLUR_CODEGEN (the file itself),
// the folder blur/ beside the library that holds this code, ../lib/blur from the running program (so it is in the build
// tree and when installed), the folder that the build was configured to install to.
#include "compiler/backend/generator.h"

#include "backend_identity.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "libblur_codegen.so"
enum { MOST_PLACES = 3 };

// The file's folder, with this path from there added; NULL where the file's path is not known.
static const char *beside(Arena *arena, const char *file, const char *path) {
  const char *slash = file ? strrchr(file, '/') : NULL;
  return slash ? arena_format(arena, "%.*s/%s", (int)(slash - file), file, path) : NULL;
}

static const char *program_file(Arena *arena) {
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  return length > 0 ? arena_copy(arena, path, (size_t)length) : NULL;
}

static size_t list_places(Arena *arena, const char *places[MOST_PLACES]) {
  static const char here;
  size_t count = 0;
  Dl_info self;
  char library[PATH_MAX];
  const char *program = program_file(arena);
  bool in_library = dladdr(&here, &self) && realpath(self.dli_fname, library) && (!program || strcmp(library, program));
  if (in_library && (places[count] = beside(arena, library, "blur"))) count++;
  if ((places[count] = beside(arena, program, BLUR_CODEGEN_FROM_COMMAND))) count++;
  places[count++] = BLUR_CODEGEN_INSTALLED;
  return count;
}

static const CodeGenerator *open_file(Arena *arena, const char *path, const char **error) {
  void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL); // never closed: LLVM does not expect to be
  const CodeGenerator *generator = module ? dlsym(module, GENERATOR_SYMBOL) : NULL;
  if (!generator) {
    *error = arena_format(arena, "cannot open the code generator: %s; install blur again, or give it more memory",
                          dlerror());
  } else if (strcmp(generator->identity, BACKEND_IDENTITY)) {
    *error = arena_format(arena, "the code generator %s belongs to another build of blur; install blur again", path);
    generator = NULL;
  }
  return generator;
}

static const CodeGenerator *search(Arena *arena, const char **error) {
  const char *chosen = getenv("BLUR_CODEGEN");
  if (chosen && *chosen) return open_file(arena, chosen, error);
  const char *places[MOST_PLACES];
  size_t count = list_places(arena, places);
  Text where = {0};
  const CodeGenerator *found = NULL;
  *error = NULL;
  for (size_t i = 0; i < count && !found; i++) {
    const char *path = arena_format(arena, "%s/" FILE_NAME, places[i]);
    if (access(path, F_OK) == 0) found = open_file(arena, path, error);
    text_add(&where, "%s%s", !i ? "" : i + 1 < count ? ", " : " or ", places[i]);
  }
  if (!found && !*error)
    *error = arena_format(arena,
                          "the code generator is missing: no " FILE_NAME
                          " in %s; install blur again, or name the file in BLUR_CODEGEN",
                          text_get(&where));
  text_free(&where);
  return found;
}

const CodeGenerator *generator_open(Arena *arena, const char **error) {
  static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
  static const CodeGenerator *opened;
  pthread_mutex_lock(&gate);
  if (!opened) opened = search(arena, error);
  pthread_mutex_unlock(&gate);
  return opened;
}
