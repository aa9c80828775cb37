// A genome: what genome.c makes and compares, genome_read.c reads and genome_write.c writes. Private to the runtime.
#ifndef BLUR_STORE_GENOME_H
#define BLUR_STORE_GENOME_H

#include "blur/genome.h"

#include "base/arena.h"

struct BlurGenome {
  Arena *arena;     // of all that follows
  const char *path; // of the file it was read from, or NULL
  const char *rule;
  uint64_t hash;
  ARENA_LIST(BlurSetting) settings;
  ARENA_LIST(const char *) notes;
  ARENA_LIST(BlurGenomeArray) arrays; // the layers of a value one after the other, ascending
  BlurGenomeInfo info;                // of the above
};

BlurGenome *genome_new(const char *path);
// Makes `info` of the rest.
void genome_finish(BlurGenome *genome);
// A text without line breaks, which become spaces; of the genome.
const char *genome_line(BlurGenome *genome, const char *text, size_t length);

// The dimensions that a name's brackets say: [first, first + count) of the array's.
typedef struct {
  int first, count;
} GenomeBrackets;
GenomeBrackets genome_brackets(const BlurGenomeArray *array);
extern const char *const genome_scopes[]; // "", "layer", "neuron", "synapse"

// The first line of a file: "blur genome 1".
enum { GENOME_FORMAT = 1 };
extern const char genome_magic[];

#endif
