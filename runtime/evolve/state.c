// The state of a search as bytes: a header, the counts, the block of numbers, the used part of the long histories, and
// the hash of all that. Numbers as they lie in memory: nothing is rounded, and the machine's byte order is part of the
// magic word.
#include "runtime/evolve/evolution.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  uint64_t magic, version;
  uint64_t bytes;    // of the whole
  uint64_t identity; // of genes and options
  uint64_t genes, numbers;
} Header;

static const uint64_t magic = 0x45564F4C5645424C; // "LBEVLOVE" where the lowest byte comes first
enum { VERSION = 1 };

static uint64_t hash_number(uint64_t hash, double number) { return hash_bytes(hash, &number, sizeof number); }

// Of what the search was made from, limits apart: they may be changed while it runs.
static uint64_t identity_of(const BlurEvolution *evolution) {
  const BlurEvolutionOptions *options = &evolution->options;
  uint64_t hash = hash_bytes(HASH_START, &options->seed, sizeof options->seed);
  hash = hash_number(hash, options->sigma);
  hash = hash_number(hash, (double)options->population);
  hash = hash_number(hash, options->diagonal);
  hash = hash_number(hash, (double)options->restarts);
  hash = hash_bytes(hash, evolution->frozen, evolution->genes * sizeof *evolution->frozen);
  for (size_t i = 0; i < evolution->searched; i++) {
    const SearchedGene *gene = &evolution->gene[i];
    const double numbers[] = {(double)gene->index, gene->low,         gene->high,         gene->scale,
                              gene->start,         gene->restart_low, gene->restart_high, gene->logarithmic};
    hash = hash_bytes(hash, numbers, sizeof numbers);
  }
  return hash;
}

static size_t bytes_of(const BlurEvolution *evolution, int64_t long_count) {
  size_t numbers = evolution->numbers + 2 * (size_t)long_count;
  return sizeof(Header) + sizeof(Counts) + numbers * sizeof(double) + sizeof(uint64_t);
}

size_t blur_evolution_state_bytes(const BlurEvolution *evolution) {
  return bytes_of(evolution, evolution->counts.long_count);
}

static char *put(char *to, const void *from, size_t bytes) {
  memcpy(to, from, bytes);
  return to + bytes;
}

void blur_evolution_save(const BlurEvolution *evolution, void *bytes) {
  size_t size = blur_evolution_state_bytes(evolution), history = (size_t)evolution->counts.long_count * sizeof(double);
  Header header = {magic, VERSION, size, identity_of(evolution), evolution->genes, evolution->numbers};
  Counts counts = evolution->counts;
  if (isfinite(evolution->options.limit[BLUR_STOP_SECONDS])) counts.seconds = stops_seconds(evolution);
  char *to = put(bytes, &header, sizeof header);
  to = put(to, &counts, sizeof counts);
  to = put(to, evolution->state, evolution->numbers * sizeof(double));
  to = put(to, evolution->long_best, history);
  to = put(to, evolution->long_median, history);
  uint64_t hash = hash_bytes(HASH_START, bytes, size - sizeof hash);
  put(to, &hash, sizeof hash);
}

static bool is_within(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }

// What a writer of the same version cannot have written is refused, also where the hash is right.
static bool counts_are_right(const BlurEvolution *evolution, const Counts *counts) {
  if (!is_within(counts->long_count, 0, LONG_HISTORY) || !is_within(counts->stops, 0, BLUR_STOPS) ||
      !is_within(counts->short_count, 0, (int64_t)evolution->short_capacity) || !is_within(counts->large_runs, 0, 32) ||
      !is_within(counts->population, evolution->options.population,
                 evolution->options.population << counts->large_runs) ||
      counts->generation < 0 || !(counts->sigma > 0))
    return false;
  for (int64_t s = 0; s < counts->stops; s++)
    if (!is_within(counts->stop_reason[s], 0, BLUR_STOPS - 1)) return false;
  return true;
}

static bool check(const BlurEvolution *evolution, const void *bytes, size_t size, Counts *counts, BlurStatus *status) {
  Header header;
  uint64_t hash;
  if (size < sizeof header + sizeof *counts + sizeof hash)
    return status_fail(status, BLUR_FAILED_INPUT, "the state of a search is cut off: %zu bytes", size);
  memcpy(&header, bytes, sizeof header);
  if (header.magic != magic)
    return status_fail(status, BLUR_FAILED_INPUT,
                       "this is not the state of a search, or one of a machine with another byte order");
  if (header.version != VERSION)
    return status_fail(status, BLUR_FAILED_INPUT,
                       "the state of a search is of version %llu, and this blur reads version %d",
                       (unsigned long long)header.version, VERSION);
  if (header.bytes != size)
    return status_fail(status, BLUR_FAILED_INPUT, "the state of a search is cut off: %zu bytes of %llu", size,
                       (unsigned long long)header.bytes);
  memcpy(&hash, (const char *)bytes + size - sizeof hash, sizeof hash);
  if (hash != hash_bytes(HASH_START, bytes, size - sizeof hash))
    return status_fail(status, BLUR_FAILED_INPUT,
                       "the state of a search is damaged: its checksum is wrong; use an earlier one");
  if (header.genes != evolution->genes)
    return status_fail(status, BLUR_FAILED_INPUT, "the state is of a search over %llu genes, not %zu",
                       (unsigned long long)header.genes, evolution->genes);
  if (header.identity != identity_of(evolution) || header.numbers != evolution->numbers)
    return status_fail(
        status, BLUR_FAILED_INPUT,
        "the state is of another search: its genes, seed, sigma, population, covariance or restarts differ");
  memcpy(counts, (const char *)bytes + sizeof header, sizeof *counts);
  if (!counts_are_right(evolution, counts) || bytes_of(evolution, counts->long_count) != size)
    return status_fail(status, BLUR_FAILED_INPUT, "the state of a search is damaged: its counts make no sense");
  return true;
}

bool blur_evolution_restore(BlurEvolution *evolution, const void *bytes, size_t size, BlurStatus *status) {
  Counts counts;
  if (!check(evolution, bytes, size, &counts, status) ||
      !evolution_make_room(evolution, (size_t)counts.population, status))
    return false;
  const char *from = (const char *)bytes + sizeof(Header) + sizeof counts;
  size_t history = (size_t)counts.long_count * sizeof(double);
  evolution->counts = counts;
  memcpy(evolution->state, from, evolution->numbers * sizeof(double));
  from += evolution->numbers * sizeof(double);
  memcpy(evolution->long_best, from, history);
  memcpy(evolution->long_median, from + history, history);
  evolution->asked = false;
  evolution->clock = stops_clock();
  evolution_set_population(evolution);
  return true;
}
