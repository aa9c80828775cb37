// The Jacobian of an update, row by row in reverse mode, and how far from symmetric it is. See blur/curl.h.
#include "blur/curl.h"

#include "base/status.h"
#include "runtime/network/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  BlurCurl result;
  double *jacobian, *scale, *weighted, *entries; // entries: of one row, then of all of A
  double *ratio, *weight;                        // [variables, variables]: what blocks say of their scales
  size_t *start;                                 // of each variable, and the end
  size_t variables;
} Work;

// ---- the Jacobian

static void clear_adjoints(BlurNetwork *network, const double *zeros) {
  for (size_t i = 0; i < network->variable_count; i++)
    if (network->variables[i].adjoint) blur_network_set_adjoint(network, &network->variables[i], zeros);
}

static void fill_row(BlurNetwork *network, const BlurVariable *const *chosen, Work *work, size_t variable, size_t at,
                     const double *zeros) {
  size_t row = work->start[variable] + at, count = work->result.count;
  clear_adjoints(network, zeros);
  memset(work->entries, 0, blur_variable_count(chosen[variable]) * sizeof(double));
  work->entries[at] = 1;
  blur_network_set_adjoint(network, chosen[variable], work->entries);
  blur_network_get_adjoint(network, chosen[variable], work->entries);
  if (work->entries[at] == 0) return; // dead: it has no place, and no step changes it
  network_run(network, NETWORK_ADJOINT, NULL, NULL);
  for (size_t v = 0; v < work->variables; v++)
    blur_network_get_adjoint(network, chosen[v], work->jacobian + row * count + work->start[v]);
  work->jacobian[row * count + row] -= 1; // of the update, not of what it leaves
}

// ---- how far from symmetric

static int compare(const void *left, const void *right) {
  double x = *(const double *)left, y = *(const double *)right;
  return (x > y) - (x < y);
}

static BlurAsymmetry asymmetry(const double *jacobian, size_t count, double *entries) {
  double largest = 0, square = 0, odd_square = 0, odd_largest = 0;
  size_t pairs = 0;
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < count; j++) {
      double entry = jacobian[i * count + j], odd = fabs(entry - jacobian[j * count + i]) / 2;
      square += entry * entry;
      odd_square += odd * odd;
      largest = fmax(largest, fabs(entry));
      odd_largest = fmax(odd_largest, odd);
      if (j > i) entries[pairs++] = odd;
    }
  BlurAsymmetry found = {0};
  if (largest == 0) return found;
  found.largest = odd_largest / largest;
  found.norm = sqrt(odd_square / square);
  if (!pairs) return found;
  qsort(entries, pairs, sizeof *entries, compare);
  found.median = entries[pairs / 2] / largest;
  found.upper = entries[(size_t)(0.9 * (double)(pairs - 1))] / largest;
  found.farthest = entries[(size_t)(0.99 * (double)(pairs - 1))] / largest;
  return found;
}

// What blocks a and b say of their scales: D_a J_ab = D_b J_ba' where D_a / D_b = |J_ba| / |J_ab|. The weight is what
// they have in common; 0 where they contradict each other.
static void compare_blocks(Work *work, size_t a, size_t b) {
  size_t count = work->result.count;
  double common = 0, above = 0, below = 0;
  for (size_t i = work->start[a]; i < work->start[a + 1]; i++)
    for (size_t j = work->start[b]; j < work->start[b + 1]; j++) {
      double x = work->jacobian[i * count + j], y = work->jacobian[j * count + i];
      common += x * y;
      below += x * x;
      above += y * y;
    }
  size_t at = a * work->variables + b;
  work->weight[at] = common > 0 ? common : 0;
  work->ratio[at] = below > 0 && above > 0 ? 0.5 * (log(above) - log(below)) : 0;
}

// The logarithms of the scales by weighted least squares, one after the other until they stay; the first is 1.
static void find_scales(Work *work) {
  enum { MOST_ROUNDS = 1000 };
  for (size_t a = 0; a < work->variables; a++)
    for (size_t b = 0; b < work->variables; b++)
      if (a != b) compare_blocks(work, a, b);
  double moved = 1;
  for (int round = 0; round < MOST_ROUNDS && moved > 1e-15; round++) {
    moved = 0;
    for (size_t a = 1; a < work->variables; a++) {
      double sum = 0, weights = 0;
      for (size_t b = 0; b < work->variables; b++) {
        size_t at = a * work->variables + b; // of a with itself: weight 0
        sum += work->weight[at] * (work->scale[b] + work->ratio[at]);
        weights += work->weight[at];
      }
      double next = weights > 0 ? sum / weights : 0;
      moved = fmax(moved, fabs(next - work->scale[a]));
      work->scale[a] = next;
    }
  }
  for (size_t a = 0; a < work->variables; a++) work->scale[a] = exp(work->scale[a]);
}

// D^1/2 J D^-1/2, which is symmetric where D J is, and keeps the diagonal.
static void weigh(Work *work) {
  size_t count = work->result.count;
  for (size_t a = 0; a < work->variables; a++)
    for (size_t b = 0; b < work->variables; b++) {
      double factor = sqrt(work->scale[a] / work->scale[b]);
      for (size_t i = work->start[a]; i < work->start[a + 1]; i++)
        for (size_t j = work->start[b]; j < work->start[b + 1]; j++)
          work->weighted[i * count + j] = factor * work->jacobian[i * count + j];
    }
}

// ---- all of it

static bool allocate(Work *work, const BlurVariable *const *chosen, const BlurNetwork *network, double **zeros,
                     BlurStatus *status) {
  work->start = calloc(work->variables + 1, sizeof *work->start);
  work->scale = calloc(work->variables + 1, sizeof *work->scale);
  work->ratio = calloc(work->variables * work->variables + 1, sizeof(double));
  work->weight = calloc(work->variables * work->variables + 1, sizeof(double));
  size_t most = 1;
  for (size_t i = 0; i < network->variable_count; i++) {
    size_t count = blur_variable_count(&network->variables[i]);
    if (network->variables[i].adjoint && count > most) most = count;
  }
  for (size_t v = 0; work->start && v < work->variables; v++)
    work->start[v + 1] = work->start[v] + blur_variable_count(chosen[v]);
  size_t count = work->result.count = work->start ? work->start[work->variables] : 0;
  work->jacobian = calloc(count * count + 1, sizeof(double));
  work->weighted = calloc(count * count + 1, sizeof(double));
  work->entries = calloc(count * count + most, sizeof(double));
  *zeros = calloc(most, sizeof(double));
  if (work->start && work->scale && work->ratio && work->weight && work->jacobian && work->weighted && work->entries &&
      *zeros)
    return true;
  return status_fail_memory(status, "a Jacobian", 3.0 * (double)count * (double)count * sizeof(double));
}

BlurCurl *blur_curl_create(BlurNetwork *network, const BlurVariable *const *chosen, size_t variables,
                           BlurStatus *status) {
  Work *work = calloc(1, sizeof *work);
  double *zeros = NULL;
  if (!work) {
    status_fail_memory(status, "a Jacobian", sizeof *work);
    return NULL;
  }
  work->variables = variables;
  bool done = allocate(work, chosen, network, &zeros, status);
  for (size_t v = 0; done && v < variables; v++)
    for (size_t at = 0; at < blur_variable_count(chosen[v]); at++) fill_row(network, chosen, work, v, at, zeros);
  free(zeros);
  if (!done) {
    blur_curl_destroy(&work->result);
    return NULL;
  }
  size_t count = work->result.count;
  for (size_t i = 0; i < count * count; i++) {
    if (isfinite(work->jacobian[i])) {
      work->result.entry = fmax(work->result.entry, fabs(work->jacobian[i]));
      continue;
    }
    status_fail(status, BLUR_DIVERGED, "the Jacobian of the update is not finite");
    blur_curl_destroy(&work->result);
    return NULL;
  }
  work->result.plain = asymmetry(work->jacobian, count, work->entries);
  find_scales(work);
  weigh(work);
  work->result.scaled = asymmetry(work->weighted, count, work->entries);
  work->result.jacobian = work->jacobian;
  work->result.scale = work->scale;
  return &work->result;
}

void blur_curl_destroy(BlurCurl *curl) {
  if (!curl) return;
  Work *work = (Work *)(void *)curl; // the result is the work's first member
  free(work->start);
  free(work->scale);
  free(work->ratio);
  free(work->weight);
  free(work->jacobian);
  free(work->weighted);
  free(work->entries);
  free(work);
}
