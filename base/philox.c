// See philox.h. The round and its constants are those of the paper, table 2 and section 3.3.
#include "base/philox.h"

PhiloxBlock philox_block(uint64_t key, uint64_t counter_low, uint64_t counter_high) {
  uint32_t c0 = (uint32_t)counter_low, c1 = (uint32_t)(counter_low >> 32);
  uint32_t c2 = (uint32_t)counter_high, c3 = (uint32_t)(counter_high >> 32);
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return (PhiloxBlock){{c0, c1, c2, c3}};
}

static double uniform_of(uint32_t high, uint32_t low) { return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53; }

double philox_uniform(uint64_t key, uint64_t stream, uint64_t index) {
  PhiloxBlock block = philox_block(key, index, stream);
  return uniform_of(block.word[0], block.word[1]);
}

uint64_t philox_below(uint64_t key, uint64_t stream, uint64_t index, uint64_t limit) {
  // The high half of a 64 x 64 bit product: the bias is at most limit / 2^64.
  PhiloxBlock block = philox_block(key, index, stream);
  uint64_t a = (uint64_t)block.word[0] << 32 | block.word[1];
  uint64_t low = (a & 0xFFFFFFFFu) * (limit & 0xFFFFFFFFu);
  uint64_t middle = (a >> 32) * (limit & 0xFFFFFFFFu) + (low >> 32);
  uint64_t other = (a & 0xFFFFFFFFu) * (limit >> 32) + (middle & 0xFFFFFFFFu);
  return (a >> 32) * (limit >> 32) + (middle >> 32) + (other >> 32);
}

uint64_t philox_mix(uint64_t key, uint64_t more) {
  PhiloxBlock block = philox_block(key, more, 0x626C7572u);
  return (uint64_t)block.word[1] << 32 | block.word[0];
}
