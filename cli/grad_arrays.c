// The gradient of an experiment as NumPy arrays, `--out FILE.npz`: genome.NAME, d.genome.NAME by the adjoint,
// forward.genome.NAME and difference.genome.NAME (NaN where they were not taken), trusted.genome.NAME (0 or 1),
// nres.genome.NAME and nres_error.genome.NAME (by moved genomes), loss;
// growth.step, growth.value, growth.product, growth.path (blur/growth.h).
#include "base/npz.h"
#include "base/status.h"
#include "cli/gradient.h"
#include "cli/step.h"

#include <stdlib.h>

enum { ARRAYS_OF_A_VALUE = 7, OTHER_ARRAYS = 5 };

bool gradient_write(const Gradient *gradient, const char *path, BlurStatus *status) {
  const BlurRoutes *routes = gradient->routes;
  size_t most = ARRAYS_OF_A_VALUE * routes->variables + OTHER_ARRAYS, count = 0, of_trusted = 0;
  NpzEntry *entries = calloc(most, sizeof *entries);
  char(*names)[STEP_MAX_NAME] = calloc(most, sizeof *names);
  double *trusted = calloc(routes->numbers + 1, sizeof *trusted), steps[GRADIENT_MOST_STEPS],
         values[GRADIENT_MOST_STEPS];
  int64_t measured = (int64_t)gradient->measured, points = gradient->steps + 1;
  bool right = entries && names && trusted;
  for (size_t v = 0; right && v < routes->variables; v++) {
    const BlurRoutesVariable *of = &routes->variable[v];
    for (size_t i = 0; i < of->count; i++) trusted[of_trusted + i] = of->trusted[i];
    const char *prefix[ARRAYS_OF_A_VALUE] = {"", "d.", "forward.", "difference.", "trusted.", "nres.", "nres_error."};
    const double *of_route[ARRAYS_OF_A_VALUE] = {
        of->value, of->adjoint, of->forward, of->difference, trusted + of_trusted, of->moved, of->chance};
    for (int a = 0; a < ARRAYS_OF_A_VALUE; a++) {
      if (!step_array_name(of->variable, prefix[a], names[count])) continue;
      entries[count] = (NpzEntry){.name = names[count],
                                  .integer = of_route[a] == trusted + of_trusted,
                                  .dimensions = of->variable->dimensions,
                                  .extent = of->variable->extent,
                                  .values = of_route[a]};
      count++;
    }
    of_trusted += of->count;
  }
  for (size_t i = 0; i < gradient->measured; i++) {
    steps[i] = (double)gradient->step[i];
    values[i] = gradient->of_step[i].value;
  }
  if (right) {
    entries[count++] = (NpzEntry){.name = "loss", .values = &routes->loss};
    entries[count++] =
        (NpzEntry){.name = "growth.step", .integer = true, .dimensions = 1, .extent = &measured, .values = steps};
    entries[count++] = (NpzEntry){.name = "growth.value", .dimensions = 1, .extent = &measured, .values = values};
    entries[count++] =
        (NpzEntry){.name = "growth.path", .dimensions = 1, .extent = &points, .values = gradient->growth->path};
    entries[count++] = (NpzEntry){.name = "growth.product", .values = &gradient->growth->product.value};
    right = npz_write(path, entries, count, status);
  } else status_fail_memory(status, "the arrays", (double)routes->numbers * sizeof(double));
  free(entries);
  free(names);
  free(trusted);
  return right;
}
