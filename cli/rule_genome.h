// The genome that an experiment's rule begins with: the file of --genome, or of the clause behind the rule. What stands
// in the rule's braces wins over it.
#ifndef BLUR_CLI_RULE_GENOME_H
#define BLUR_CLI_RULE_GENOME_H

#include "blur/experiment.h"
#include "blur/genome.h"
#include "cli/command.h"

// The names in the braces of a rule, rule->settings of them; the caller's to free.
const char **rule_setting_names(const BlurExperimentRule *rule);
// Reads it, and tells what may be a mistake; *genome is NULL where none is meant. EXIT_DONE, or a code after a message.
int rule_genome_open(const Arguments *arguments, const BlurExperimentRule *rule, const BlurProgram *program,
                     BlurGenome **genome);
// Into a network; NULL: nothing to do.
bool rule_genome_put(const BlurExperimentRule *rule, const BlurGenome *genome, BlurNetwork *network,
                     BlurStatus *status);

#endif
