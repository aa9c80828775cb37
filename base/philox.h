// Philox4x32-10, a counter-based random generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011):
// each (key, counter) gives four 32-bit words, without state. Whoever draws chooses what names the draw, so results do
// not depend on order, layout, or threads.
#ifndef BLUR_BASE_PHILOX_H
#define BLUR_BASE_PHILOX_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t word[4];
} PhiloxBlock;

PhiloxBlock philox_block(uint64_t key, uint64_t counter_low, uint64_t counter_high);

// Blocks `first` ... `first` + 63 of a stream, that is philox_block(key, first + i, stream), word by word: many times
// faster than one by one.
enum { PHILOX_BLOCKS = 64 };
void philox_blocks(uint64_t key, uint64_t stream, uint64_t first, uint32_t word[4][PHILOX_BLOCKS]);

// One draw of a stream, named by (key, stream, index); the same name always gives the same number.
double philox_uniform(uint64_t key, uint64_t stream, uint64_t index); // in [0, 1), 53 random bits
// Mean 0, deviation 1: Box-Muller in double, one block for the two numbers of indices 2 i and 2 i + 1; the same bits on
// every machine (normal.c). `philox_normals` gives those of indices first ... first + count - 1, many times faster.
double philox_normal(uint64_t key, uint64_t stream, uint64_t index);
void philox_normals(uint64_t key, uint64_t stream, uint64_t first, size_t count, double *normals);
// One draw of noise in a step: a block of key `seed` and counter words (element, place | (layer + 1) << 20, step,
// iteration), its first words w0 and w1. 'u': (w0 >> 8) 2^-24, in [0, 1). 'n': sqrt(-2 ln u) cos(2 pi v) with
// u = ((w0 >> 8) + 1) 2^-24 in (0, 1] and v = (w1 >> 8) 2^-24, which float32 holds exactly, too. place < 2^20,
// -1 <= layer < 4095.
double philox_noise(uint64_t seed, uint32_t place, int32_t layer, uint32_t element, uint32_t step, uint32_t iteration,
                    char draw);
// cos and sin of 2 pi `turns`, in [0, 1): the same bits on every machine.
void circle_point(double turns, double *cosine, double *sine);
uint64_t philox_below(uint64_t key, uint64_t stream, uint64_t index, uint64_t limit); // in [0, limit), limit >= 1

// A key made of two: for streams named by more than two numbers.
uint64_t philox_mix(uint64_t key, uint64_t more);

#endif
