// blur, genome files: the numbers that a rule's equations leave to learning, as a text that a person can read and edit.
// docs/language/genomes.md has the format.
//
//   BlurGenome *genome = blur_genome_read("best.genome", &status);
//   const BlurGenomeInfo *info = blur_genome_info(genome);
//   BlurRule *rule = blur_rule_load(info->rule, info->settings, info->setting_count, loss, report);
//   ... blur_compile, blur_network_create ...
//   blur_genome_put(genome, network, NULL, 0, &status);
//
// Functions that can fail return false or NULL and fill *status, as those of blur/runtime.h do. What create, of_network
// and read return is the caller's, to be given to blur_genome_destroy.
#ifndef BLUR_GENOME_H
#define BLUR_GENOME_H

#include "blur/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BlurGenome BlurGenome;

// A genome value; of one `per neuron` or `per synapse`, that of one layer.
typedef struct {
  const char *name;
  BlurScope scope;
  int layer;                           // -1: one array for the network
  int states, dimensions;              // as those of a BlurVariable: `per layer`, the first dimension is the layer
  int64_t extent[BLUR_MAX_DIMENSIONS]; // [dimensions]
  const double *values;                // dense, row-major
} BlurGenomeArray;

typedef struct {
  const char *rule;              // as loaded: "std.blur"
  uint64_t hash;                 // blur_rule_equations_hash; 0: the file does not say
  size_t setting_count;          // that the rule was loaded with, those of genome values apart
  const BlurSetting *settings;   //
  size_t note_count;             // where it comes from, a line each
  const char *const *notes;      //
  size_t array_count;            //
  const BlurGenomeArray *arrays; // in the order of the rule, or of the file
} BlurGenomeInfo;

// From the genome values of a rule on a network: values[i] (dense) is that of the program's i-th variable of kind
// BLUR_GENOME. `rule` and `settings` are those that the program's rule was loaded by; all is copied. Fails (usage)
// where a name or a setting is not one line of text.
BlurGenome *blur_genome_create(const BlurProgram *program, const double *const *values, const char *rule,
                               const BlurSetting *settings, size_t setting_count, BlurStatus *status);
// The same of the values in a network, as exact as its precision; what is dead there has its initial values.
BlurGenome *blur_genome_of_network(const BlurNetwork *network, const char *rule, const BlurSetting *settings,
                                   size_t setting_count, BlurStatus *status);
void blur_genome_destroy(BlurGenome *genome);
// One more note; a text of several lines is as many notes.
void blur_genome_add_note(BlurGenome *genome, const char *note);
const BlurGenomeInfo *blur_genome_info(const BlurGenome *genome); // belongs to the genome, until the next note
// The array of that name and layer (-1: one for the network), or NULL.
const BlurGenomeArray *blur_genome_find(const BlurGenome *genome, const char *name, int layer);

// Reads and checks a file; messages name file and line. Writes one: it changes whole or not at all, and what is read
// again has the same bits.
BlurGenome *blur_genome_read(const char *path, BlurStatus *status);
bool blur_genome_write(const BlurGenome *genome, const char *path, BlurStatus *status);
char *blur_genome_text(const BlurGenome *genome); // what it writes; the caller's to free()

// What does not fit: all names, extents and scopes in which the genome and the program's rule and network differ, as a
// sentence. The caller's to free(); NULL: it fits.
char *blur_genome_difference(const BlurGenome *genome, const BlurProgram *program);
// What fits and may still be a mistake: the genome was made for other equations than the program's, whose rule was
// loaded as `rule`. A sentence, the caller's to free(); NULL: nothing to tell.
char *blur_genome_doubt(const BlurGenome *genome, const BlurProgram *program, const char *rule);
// Whether blur_genome_put would succeed in a network of the program.
bool blur_genome_check(const BlurGenome *genome, const BlurProgram *program, const char *const *except,
                       size_t except_count, BlurStatus *status);
// Puts the values into a network, those of the names in `except` (NULL: none) left as they are there. In a network that
// has made no step, what initial values make of genome values follows (blur_network_reset_from_genome). Fails (input),
// with nothing changed, where the genome does not fit, and where values are not finite, also in the network's
// precision, or out of the range that the rule declares.
bool blur_genome_put(const BlurGenome *genome, BlurNetwork *network, const char *const *except, size_t except_count,
                     BlurStatus *status);

#ifdef __cplusplus
}
#endif
#endif
