// Genome files that stand behind the rules of an experiment: read before anything is compiled, held against each
// program. Before: experiment.c; after: experiment_entries.c, which hands them to the study.
#include "cli/experiment.h"

#include <stdlib.h>

int experiment_open_genomes(Experiment *experiment) {
  const BlurExperimentFields *fields = experiment->fields;
  experiment->genomes = calloc(fields->rules + 1, sizeof(BlurGenome *));
  experiment->doubted = calloc(fields->rules + 1, sizeof(bool));
  if (!experiment->genomes || !experiment->doubted) return EXIT_ENVIRONMENT;
  for (size_t r = 0; r < fields->rules; r++) {
    BlurStatus status;
    if (!fields->rule[r].genome || (experiment->genomes[r] = blur_genome_read(fields->rule[r].genome_path, &status)))
      continue;
    complain(experiment->arguments, "%s", status.message);
    return (int)status.code;
  }
  return EXIT_DONE;
}

void experiment_close_genomes(Experiment *experiment) {
  for (size_t r = 0; experiment->genomes && r < experiment->fields->rules; r++)
    blur_genome_destroy(experiment->genomes[r]);
  free(experiment->genomes);
  free(experiment->doubted);
}

bool experiment_genome_fits(Experiment *experiment, size_t rule, const BlurProgram *program) {
  const BlurGenome *genome = experiment->genomes[rule];
  if (!genome) return true;
  char *difference = blur_genome_difference(genome, program);
  char *doubt = difference || experiment->doubted[rule]
                    ? NULL
                    : blur_genome_doubt(genome, program, experiment->fields->rule[rule].name);
  if (difference) complain(experiment->arguments, "%s", difference);
  if (doubt) complain(experiment->arguments, "warning: %s", doubt);
  experiment->doubted[rule] |= doubt != NULL;
  bool fits = !difference;
  free(difference);
  free(doubt);
  return fits;
}
