// CMA-ES over genomes (blur/evolve.h): a meta-step is a generation, whose candidates all learn on the same networks,
// data and batches (search_fit.c). Values are searched as the rule declares them: by their logarithm, within their
// range, frozen or not, each on its scale. The member of the population is the mean of the distribution. A restart
// begins at a genome drawn anew, where none was given.
#include "base/status.h"
#include "runtime/meta/meta.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// What `start` says of the scale of a value: the root mean square of its numbers.
static double scale_of(const BlurMeta *meta, const GenomePart *part, const double *start) {
  double sum = 0;
  if (meta->options.scale_one || part->variable->logarithmic) return 1;
  for (size_t i = 0; i < part->count; i++) sum += start[part->offset + i] * start[part->offset + i];
  return sum > 0 ? sqrt(sum / (double)part->count) : 1;
}

static BlurGene *genes_of(const BlurMeta *meta, const double *start) {
  BlurGene *gene = calloc(meta->vector.count, sizeof *gene);
  for (size_t p = 0; gene && p < meta->vector.parts; p++) {
    const GenomePart *part = &meta->vector.part[p];
    const BlurVariable *variable = part->variable;
    double scale = scale_of(meta, part, start);
    for (size_t i = part->offset; i < part->offset + part->count; i++)
      gene[i] = (BlurGene){.start = fmin(fmax(start[i], variable->low), variable->high),
                           .deviation = scale,
                           .low = variable->low,
                           .high = variable->high,
                           .logarithmic = variable->logarithmic,
                           .frozen = variable->frozen};
  }
  return gene;
}

size_t search_candidates(const BlurMeta *meta) {
  if (meta->options.candidates) return (size_t)meta->options.candidates;
  return (size_t)(4 + 3 * log((double)meta->vector.learned));
}

bool search_open(BlurMeta *meta, BlurStatus *status) {
  const BlurMetaOptions *from = &meta->options;
  BlurEvolutionOptions options = blur_evolution_options();
  BlurGene *gene = genes_of(meta, meta->members[0].genome);
  if (!gene) return status_fail_memory(status, "genes", (double)meta->vector.count * sizeof *gene);
  options.seed = meta_key(meta, DRAW_SEARCH, 0);
  options.sigma = from->sigma;
  options.population = (int64_t)search_candidates(meta);
  options.diagonal = from->diagonal;
  options.restarts = (BlurEvolutionRestarts)from->restarts;
  options.most_restarts = from->most_restarts;
  options.limit[BLUR_STOP_GENERATIONS] = (double)from->run_steps;
  meta->search.evolution = blur_evolution_create(meta->vector.count, gene, &options, status);
  free(gene);
  return meta->search.evolution != NULL;
}

void search_close(BlurMeta *meta) {
  blur_evolution_destroy(meta->search.evolution);
  free(meta->search.value);
}

bool search_is_done(const BlurMeta *meta) { return blur_evolution_is_done(meta->search.evolution); }

static bool make_room(BlurMeta *meta, size_t count, BlurStatus *status) {
  Search *search = &meta->search;
  if (count <= search->capacity) return true;
  size_t networks = meta->setup.tasks * (size_t)meta->options.replicas;
  double *value = calloc(count * (networks + 2), sizeof *value);
  if (!value) return status_fail_memory(status, "a generation", (double)(count * (networks + 2)) * sizeof *value);
  free(search->value);
  search->value = value;
  search->fitness = value + count * networks;
  search->first = search->fitness + count;
  search->capacity = count;
  return true;
}

// The candidates of this generation. The first one of a restart begins at a genome of its own.
static const double *ask(BlurMeta *meta, BlurStatus *status) {
  BlurEvolution *evolution = meta->search.evolution;
  const double *candidates = blur_evolution_ask(evolution, status);
  BlurEvolutionReport report = blur_evolution_report(evolution);
  if (!candidates || report.run == 0 || report.generation > 0 || meta->setup.start) return candidates;
  BlurNetwork *network = meta->desk[0].station[0].network;
  if (!blur_network_reset(network, meta_key(meta, DRAW_GENOME, (uint64_t)report.run), status)) return NULL;
  double *genome = meta->members[0].genome;
  genome_vector_get(&meta->vector, network, genome);
  genome_vector_see(&meta->vector, genome, meta->members[0].seen);
  genome_vector_unsee(&meta->vector, meta->members[0].seen, genome); // within the ranges
  blur_evolution_set_mean(evolution, genome);
  return blur_evolution_ask(evolution, status);
}

// Their fitness, on networks that purpose and meta-step decide.
static bool fit(BlurMeta *meta, const double *candidates, size_t count, MetaDraw purpose, int64_t step,
                BlurStatus *status) {
  Search *search = &meta->search;
  if (!make_room(meta, count, status)) return false;
  search->candidate = candidates;
  search->count = count;
  search->purpose = purpose;
  search->generation = step;
  return fit_all(meta, status);
}

// Some of the candidates learn again, on other networks; what that does to their ranks is told.
static bool look_at_noise(BlurMeta *meta, const double *candidates, size_t count, BlurStatus *status) {
  Search *search = &meta->search;
  memcpy(search->first, search->fitness, count * sizeof *search->first);
  if (!fit(meta, candidates, blur_evolution_noise_candidates(search->evolution), DRAW_AGAIN, meta->step, status))
    return false;
  blur_evolution_tell_noise(search->evolution, search->first, search->fitness);
  memcpy(search->fitness, search->first, count * sizeof *search->first);
  return true;
}

bool search_step(BlurMeta *meta, BlurStatus *status) {
  Search *search = &meta->search;
  Member *member = &meta->members[0];
  const double *candidates = ask(meta, status);
  size_t count = blur_evolution_population(search->evolution);
  if (!candidates || !fit(meta, candidates, count, DRAW_UNROLL, meta->step, status) ||
      (meta->options.noise && !look_at_noise(meta, candidates, count, status)) ||
      !blur_evolution_tell(search->evolution, search->fitness, status))
    return false;
  blur_evolution_mean(search->evolution, member->genome);
  genome_vector_see(&meta->vector, member->genome, member->seen);
  meta->told[0].skipped = blur_evolution_report(search->evolution).not_finite;
  return true;
}

void search_tell_end(BlurMeta *meta) {
  BlurEvolutionStop stop[BLUR_STOPS];
  BlurEvolutionReport report = blur_evolution_report(meta->search.evolution);
  size_t stops = blur_evolution_stops(meta->search.evolution, stop);
  if (stops == 0) return;
  meta_tell(
      meta,
      (BlurMetaEvent){
          .kind = BLUR_META_RUN_ENDED, .run = &report, .stops = stops, .stop = stop, .follows = !search_is_done(meta)});
}

bool search_look_at_mean(BlurMeta *meta, BlurStatus *status) {
  Search *search = &meta->search;
  Member *member = &meta->members[0];
  if (!fit(meta, member->genome, 1, DRAW_UNROLL, meta->step - 1, status)) return false;
  blur_evolution_tell_mean(search->evolution, search->fitness[0]);
  member->loss = search->fitness[0];
  member->norm = blur_evolution_report(search->evolution).sigma;
  member->counted = 1;
  return true;
}

// ---- on disk: the bytes of the evolution's state, four in a number

enum { WORD = 4 };

bool search_put(const BlurMeta *meta, BlurCheckpoint *checkpoint, BlurStatus *status) {
  if (!meta->search.evolution) return true;
  size_t bytes = blur_evolution_state_bytes(meta->search.evolution), words = bytes / WORD;
  char *state = calloc(bytes, 1);
  double *numbers = calloc(words, sizeof *numbers);
  if (state && numbers) {
    blur_evolution_save(meta->search.evolution, state);
    for (size_t i = 0; i < words; i++) {
      uint32_t word;
      memcpy(&word, state + i * WORD, WORD);
      numbers[i] = word;
    }
    blur_checkpoint_put(checkpoint, "cma.state", words, 1, numbers);
  }
  bool right = state && numbers;
  free(state);
  free(numbers);
  return right || status_fail_memory(status, "a checkpoint", 3 * (double)bytes);
}

bool search_take(BlurMeta *meta, const BlurCheckpoint *checkpoint, BlurStatus *status) {
  if (!meta->search.evolution) return true;
  size_t words = blur_checkpoint_rows(checkpoint, "cma.state");
  char *state = calloc(words + 1, WORD);
  double *numbers = calloc(words + 1, sizeof *numbers);
  bool right = state && numbers;
  if (!right) status_fail_memory(status, "a checkpoint", 3 * WORD * (double)words);
  right = right && blur_checkpoint_get(checkpoint, "cma.state", words, 1, numbers, status);
  for (size_t i = 0; right && i < words; i++) {
    uint32_t word = (uint32_t)numbers[i];
    memcpy(state + i * WORD, &word, WORD);
  }
  right = right && blur_evolution_restore(meta->search.evolution, state, words * WORD, status);
  free(state);
  free(numbers);
  return right;
}
