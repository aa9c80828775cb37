// The genome values of a program as one vector of numbers: what a meta-optimizer moves. Private to the runtime.
#ifndef BLUR_META_GENOME_VECTOR_H
#define BLUR_META_GENOME_VECTOR_H

#include "blur/runtime.h"

typedef struct {
  const BlurVariable *variable; // of the program that the vector was made of
  size_t offset, count;
} GenomePart;

typedef struct {
  size_t parts;
  GenomePart *part;
  size_t count, learned; // numbers in all, and those that are not frozen
} GenomeVector;

// To be destroyed. False: no memory.
bool genome_vector_of(GenomeVector *vector, const BlurProgram *program, BlurStatus *status);
void genome_vector_destroy(GenomeVector *vector);
// Whether a program has the same genome. False: which value differs.
bool genome_vector_fits(const GenomeVector *vector, const BlurProgram *program, BlurStatus *status);

void genome_vector_get(const GenomeVector *vector, const BlurNetwork *network, double *values);
void genome_vector_put(const GenomeVector *vector, BlurNetwork *network, const double *values);
// And what is made of genome values follows.
bool genome_vector_set(const GenomeVector *vector, BlurNetwork *network, const double *values, BlurStatus *status);
// The derivative that an unroll has left in the network's adjoints, through initial values too; 0 for what is frozen.
bool genome_vector_gradient(const GenomeVector *vector, const BlurNetwork *network, double *gradient,
                            BlurStatus *status);

// An optimizer sees the logarithm of a value that is declared so. The numbers as they are seen, and back, within their
// ranges; a gradient becomes one by the numbers seen.
void genome_vector_see(const GenomeVector *vector, const double *values, double *seen);
void genome_vector_unsee(const GenomeVector *vector, const double *seen, double *values);
void genome_vector_see_gradient(const GenomeVector *vector, const double *values, double *gradient);

#endif
