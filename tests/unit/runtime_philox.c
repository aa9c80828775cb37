// Philox4x32-10 against the known answers published with it (Random123, kat_vectors), and the distributions drawn of
// it.
#include "base/hash.h"
#include "base/philox.h"

#include <criterion/criterion.h>
#include <math.h>

static void check_block(uint64_t key, uint64_t low, uint64_t high, const uint32_t expected[4]) {
  PhiloxBlock block = philox_block(key, low, high);
  for (int i = 0; i < 4; i++) cr_assert_eq(block.word[i], expected[i], "word %d: %08x", i, block.word[i]);
}

Test(philox, known_answers) {
  check_block(0, 0, 0, (uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  check_block(UINT64_MAX, UINT64_MAX, UINT64_MAX, (uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  // Counter and key are the digits of pi: 243f6a88 85a308d3 13198a2e 03707344, a4093822 299f31d0.
  check_block(0x299f31d0a4093822u, 0x85a308d3243f6a88u, 0x0370734413198a2eu,
              (uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

Test(philox, uniform_is_the_block_s_first_53_bits) {
  // 0x6627e8d5e169c58d >> 11, over 2^53.
  cr_assert_eq(philox_uniform(0, 0, 0), (double)(0x6627e8d5e169c58dull >> 11) / 9007199254740992.0);
}

Test(philox, moments) {
  enum { n = 200000 };
  double uniform[2] = {0}, normal[4] = {0};
  for (int i = 0; i < n; i++) {
    double u = philox_uniform(7, 3, (uint64_t)i), z = philox_normal(7, 4, (uint64_t)i);
    cr_assert(u >= 0 && u < 1 && isfinite(z));
    uniform[0] += u / n;
    uniform[1] += u * u / n;
    for (int power = 0; power < 4; power++) normal[power] += pow(z, power + 1) / n;
  }
  // Bounds are five deviations of the mean of n draws: 5 * sqrt(variance of the power / n).
  double root = sqrt(n);
  cr_assert_float_eq(uniform[0], 0.5, 5 * sqrt(1.0 / 12) / root);
  cr_assert_float_eq(uniform[1], 1.0 / 3, 5 * sqrt(4.0 / 45) / root);
  cr_assert_float_eq(normal[0], 0, 5 / root);
  cr_assert_float_eq(normal[1], 1, 5 * sqrt(2) / root);
  cr_assert_float_eq(normal[2], 0, 5 * sqrt(15) / root);
  cr_assert_float_eq(normal[3], 3, 5 * sqrt(96) / root);
}

Test(philox, below_covers_its_range_evenly) {
  int counts[6] = {0};
  for (uint64_t i = 0; i < 60000; i++) {
    uint64_t draw = philox_below(1, 2, i, 6);
    cr_assert(draw < 6);
    counts[draw]++;
  }
  for (int i = 0; i < 6; i++) cr_assert(abs(counts[i] - 10000) < 5 * 92, "%d", counts[i]); // sqrt(60000 * 5/36) = 91.3
  cr_assert_eq(philox_below(1, 2, 3, 1), 0);
  // The high half of the product with 2^63 is the draw halved: a check of the 128-bit arithmetic.
  PhiloxBlock block = philox_block(9, 5, 8);
  cr_assert_eq(philox_below(9, 8, 5, (uint64_t)1 << 63), ((uint64_t)block.word[0] << 32 | block.word[1]) >> 1);
}

// Each of the six numbers that name a draw of noise changes it, in the counter words that the header says.
Test(philox, noise_follows_its_formula) {
  double sum = 0, squares = 0;
  for (uint32_t i = 0; i < 20000; i++) {
    PhiloxBlock block = philox_block(11, i | (uint64_t)(3 | 8 << 20) << 32, 5 | (uint64_t)2 << 32);
    cr_assert_eq(philox_noise(11, 3, 7, i, 5, 2, 'u'), (block.word[0] >> 8) / 16777216.0);
    double angle = 6.283185307179586476925286766559 * ((block.word[1] >> 8) / 16777216.0);
    double expected = sqrt(-2 * log(((block.word[0] >> 8) + 1) / 16777216.0)) * cos(angle);
    double found = philox_noise(11, 3, 7, i, 5, 2, 'n');
    cr_assert_float_eq(found, expected, 1e-14);
    sum += found;
    squares += found * found;
  }
  cr_expect_float_eq(sum / 20000, 0, 5 / sqrt(20000));
  cr_expect_float_eq(squares / 20000, 1, 5 * sqrt(2) / sqrt(20000));
  double first = philox_noise(1, 0, -1, 0, 0, 0, 'u');
  cr_expect_neq(first, philox_noise(2, 0, -1, 0, 0, 0, 'u'));
  cr_expect_neq(first, philox_noise(1, 1, -1, 0, 0, 0, 'u'));
  cr_expect_neq(first, philox_noise(1, 0, 0, 0, 0, 0, 'u'));
  cr_expect_neq(first, philox_noise(1, 0, -1, 1, 0, 0, 'u'));
  cr_expect_neq(first, philox_noise(1, 0, -1, 0, 1, 0, 'u'));
  cr_expect_neq(first, philox_noise(1, 0, -1, 0, 0, 1, 'u'));
}

Test(hash, known_answers) {
  // FNV-1a, 64 bits, from the algorithm's own page.
  cr_assert_eq(hash_text(""), 0xcbf29ce484222325u);
  cr_assert_eq(hash_text("a"), 0xaf63dc4c8601ec8cu);
  cr_assert_eq(hash_text("foobar"), 0x85944171f73967e8u);
}

Test(runtime_philox, normal_numbers_of_a_range_are_those_of_its_indices_and_follow_the_formula) {
  double range[300];
  philox_normals(5, 9, 3, 300, range); // begins within a pair and crosses blocks
  for (uint64_t i = 0; i < 300; i++) {
    uint64_t index = 3 + i;
    cr_assert_eq(range[i], philox_normal(5, 9, index));
    PhiloxBlock block = philox_block(5, index / 2, 9);
    long double u = ((long double)(block.word[0] >> 5) * 67108864 + (block.word[1] >> 6)) * 0x1p-53L;
    long double v = ((long double)(block.word[2] >> 5) * 67108864 + (block.word[3] >> 6)) * 0x1p-53L;
    long double radius = sqrtl(-2 * logl(1 - u)), angle = 6.283185307179586476925286766559L * v;
    cr_assert_float_eq(range[i], (double)(radius * (index % 2 ? sinl(angle) : cosl(angle))), 4e-15);
  }
}

Test(philox, blocks_together_are_those_one_by_one) {
  uint32_t word[4][PHILOX_BLOCKS];
  uint64_t first = 0xFFFFFFF0u; // the counter's low word wraps on the way
  philox_blocks(0x0123456789abcdefu, 77, first, word);
  for (uint64_t i = 0; i < PHILOX_BLOCKS; i++) {
    PhiloxBlock block = philox_block(0x0123456789abcdefu, first + i, 77);
    for (int j = 0; j < 4; j++) cr_assert_eq(word[j][i], block.word[j]);
  }
}
