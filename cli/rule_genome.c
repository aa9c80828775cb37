#include "cli/rule_genome.h"

#include <stdlib.h>

const char **rule_setting_names(const BlurExperimentRule *rule) {
  const char **names = must(calloc(rule->settings + 1, sizeof *names));
  for (size_t i = 0; i < rule->settings; i++) names[i] = rule->setting[i].name;
  return names;
}

int rule_genome_open(const Arguments *arguments, const BlurExperimentRule *rule, const BlurProgram *program,
                     BlurGenome **genome) {
  const char *path = arguments->value[OPTION_genome];
  BlurStatus status;
  *genome = NULL;
  if (!path) path = rule->genome_path;
  if (!path) return EXIT_DONE;
  *genome = blur_genome_read(path, &status);
  if (!*genome) {
    complain(arguments, "%s", status.message);
    return (int)status.code;
  }
  char *doubt = blur_genome_doubt(*genome, program, rule->name);
  if (doubt) complain(arguments, "warning: %s", doubt);
  free(doubt);
  return EXIT_DONE;
}

bool rule_genome_put(const BlurExperimentRule *rule, const BlurGenome *genome, BlurNetwork *network,
                     BlurStatus *status) {
  if (!genome) return true;
  const char **kept = rule_setting_names(rule);
  bool done = blur_genome_put(genome, network, kept, rule->settings, status);
  free(kept);
  return done;
}
