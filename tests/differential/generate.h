// Generated rules: random but well-formed rules, networks and settings, the same for the same seed.
#ifndef BLUR_TESTS_GENERATE_H
#define BLUR_TESTS_GENERATE_H

#include "base/text.h"

#include <stdint.h>

typedef struct {
  Text script; // one rule named `generated`
  int layers;  // neuron layers
  int64_t units[6];
  int64_t batch;
} GeneratedCase;

void generate_case(uint64_t seed, GeneratedCase *out); // may use every construct of the language
// Every construct but functions whose declared derivative is not their own, and `stop`: what derivatives by differences
// can be held against.
void generate_smooth_case(uint64_t seed, GeneratedCase *out);
void generated_free(GeneratedCase *generated);
// A stream of numbers for whoever fills arrays: uniform in [0, 1), from a state that it advances.
double generated_uniform(uint64_t *state);

#endif
