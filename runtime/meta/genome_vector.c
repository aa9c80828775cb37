#include "runtime/meta/genome_vector.h"

#include "base/status.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool genome_vector_of(GenomeVector *vector, const BlurProgram *program, BlurStatus *status) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(program, &variables);
  *vector = (GenomeVector){.part = calloc(count + 1, sizeof *vector->part)};
  for (size_t i = 0; vector->part && i < count; i++) {
    if (variables[i].kind != BLUR_GENOME) continue;
    size_t numbers = blur_variable_count(&variables[i]);
    vector->part[vector->parts++] = (GenomePart){&variables[i], vector->count, numbers};
    vector->count += numbers;
    if (!variables[i].frozen) vector->learned += numbers;
  }
  return vector->part || status_fail_memory(status, "a genome", (double)vector->count * 8);
}

void genome_vector_destroy(GenomeVector *vector) {
  free(vector->part);
  *vector = (GenomeVector){0};
}

static bool are_alike(const BlurVariable *a, const BlurVariable *b) {
  if (a->dimensions != b->dimensions || a->states != b->states) return false;
  return memcmp(a->extent, b->extent, (size_t)a->dimensions * sizeof *a->extent) == 0;
}

static const BlurVariable *find(const BlurProgram *program, const BlurVariable *wanted) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(program, &variables);
  for (size_t i = 0; i < count; i++)
    if (variables[i].kind == BLUR_GENOME && variables[i].layer == wanted->layer &&
        strcmp(variables[i].name, wanted->name) == 0)
      return &variables[i];
  return NULL;
}

bool genome_vector_fits(const GenomeVector *vector, const BlurProgram *program, BlurStatus *status) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(program, &variables), genome = 0;
  for (size_t i = 0; i < count; i++) genome += variables[i].kind == BLUR_GENOME;
  for (size_t p = 0; p < vector->parts; p++) {
    const BlurVariable *own = vector->part[p].variable, *other = find(program, own);
    if (other && are_alike(own, other) && genome == vector->parts) continue;
    return status_fail(status, BLUR_FAILED_INPUT,
                       "the genome value `%s` is another one in networks of other sizes (it is per layer, neuron or "
                       "synapse): one genome needs networks of the same layers",
                       own->name);
  }
  return true;
}

static const BlurVariable *variable_in(const BlurNetwork *network, const GenomePart *part) {
  return blur_network_find(network, BLUR_GENOME, part->variable->name, part->variable->layer);
}

void genome_vector_get(const GenomeVector *vector, const BlurNetwork *network, double *values) {
  for (size_t p = 0; p < vector->parts; p++)
    blur_network_get(network, variable_in(network, &vector->part[p]), values + vector->part[p].offset);
}

void genome_vector_put(const GenomeVector *vector, BlurNetwork *network, const double *values) {
  for (size_t p = 0; p < vector->parts; p++)
    blur_network_set(network, variable_in(network, &vector->part[p]), values + vector->part[p].offset);
}

bool genome_vector_set(const GenomeVector *vector, BlurNetwork *network, const double *values, BlurStatus *status) {
  genome_vector_put(vector, network, values);
  return blur_network_reset_from_genome(network, status);
}

bool genome_vector_gradient(const GenomeVector *vector, const BlurNetwork *network, double *gradient,
                            BlurStatus *status) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(blur_network_program(network), &variables);
  memset(gradient, 0, vector->count * sizeof *gradient);
  bool made = false;
  for (size_t i = 0; i < count; i++) made |= variables[i].kind != BLUR_GENOME && variables[i].initial_rank > 0;
  double **of = made ? calloc(count, sizeof *of) : NULL;
  if (made && !of) return status_fail_memory(status, "a gradient", (double)count * sizeof *of);
  for (size_t p = 0; p < vector->parts; p++) {
    const GenomePart *part = &vector->part[p];
    if (part->variable->frozen) continue;
    const BlurVariable *value = variable_in(network, part);
    blur_network_get_adjoint(network, value, gradient + part->offset);
    if (made) of[value - variables] = gradient + part->offset;
  }
  bool right = true;
  for (size_t i = 0; made && right && i < count; i++)
    if (variables[i].kind != BLUR_GENOME && variables[i].initial_rank > 0)
      right = blur_network_add_initial_gradient(network, &variables[i], of, status);
  free(of);
  return right;
}

// ---- as it is seen

void genome_vector_see(const GenomeVector *vector, const double *values, double *seen) {
  for (size_t p = 0; p < vector->parts; p++)
    for (size_t i = vector->part[p].offset; i < vector->part[p].offset + vector->part[p].count; i++)
      seen[i] = vector->part[p].variable->logarithmic ? log(values[i]) : values[i];
}

void genome_vector_unsee(const GenomeVector *vector, const double *seen, double *values) {
  for (size_t p = 0; p < vector->parts; p++) {
    const BlurVariable *variable = vector->part[p].variable;
    for (size_t i = vector->part[p].offset; i < vector->part[p].offset + vector->part[p].count; i++) {
      if (variable->frozen) continue;
      double value = variable->logarithmic ? exp(seen[i]) : seen[i];
      values[i] = value < variable->low ? variable->low : value > variable->high ? variable->high : value;
    }
  }
}

void genome_vector_see_gradient(const GenomeVector *vector, const double *values, double *gradient) {
  for (size_t p = 0; p < vector->parts; p++)
    for (size_t i = vector->part[p].offset; i < vector->part[p].offset + vector->part[p].count; i++)
      if (vector->part[p].variable->logarithmic) gradient[i] *= values[i]; // dL/d(log v) = v dL/dv
}
