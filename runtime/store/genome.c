// Genomes: made from programs and networks, compared with them, put into them. See blur/genome.h; files: genome_read.c,
// genome_write.c.
#include "runtime/store/genome.h"

#include "base/status.h"
#include "base/text.h"
#include "runtime/network/network.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const genome_scopes[] = {[BLUR_SCOPE_NETWORK] = "",
                                     [BLUR_SCOPE_LAYER] = "layer",
                                     [BLUR_SCOPE_NEURON] = "neuron",
                                     [BLUR_SCOPE_SYNAPSE] = "synapse"};

const char genome_magic[] = "blur genome ";

// ---- making

BlurGenome *genome_new(const char *path) {
  Arena *arena = arena_create();
  BlurGenome *genome = ARENA_NEW(arena, BlurGenome);
  *genome = (BlurGenome){.arena = arena, .path = path ? arena_copy(arena, path, strlen(path)) : NULL};
  return genome;
}

void genome_finish(BlurGenome *genome) {
  genome->info = (BlurGenomeInfo){.rule = genome->rule,
                                  .hash = genome->hash,
                                  .setting_count = genome->settings.count,
                                  .settings = genome->settings.items,
                                  .note_count = genome->notes.count,
                                  .notes = genome->notes.items,
                                  .array_count = genome->arrays.count,
                                  .arrays = genome->arrays.items};
}

const char *genome_line(BlurGenome *genome, const char *text, size_t length) {
  char *line = arena_copy(genome->arena, text, length);
  for (char *at = line; *at; at++)
    if (*at == '\n' || *at == '\r') *at = ' ';
  return line;
}

void blur_genome_destroy(BlurGenome *genome) {
  if (genome) arena_destroy(genome->arena);
}

const BlurGenomeInfo *blur_genome_info(const BlurGenome *genome) { return &genome->info; }

const BlurGenomeArray *blur_genome_find(const BlurGenome *genome, const char *name, int layer) {
  for (size_t i = 0; i < genome->arrays.count; i++) {
    const BlurGenomeArray *array = &genome->arrays.items[i];
    if (array->layer == layer && strcmp(array->name, name) == 0) return array;
  }
  return NULL;
}

void blur_genome_add_note(BlurGenome *genome, const char *note) {
  for (size_t length; *note; note += length + (note[length] != 0)) {
    length = strcspn(note, "\n");
    if (length) ARENA_PUSH(genome->arena, &genome->notes, genome_line(genome, note, length));
  }
  genome_finish(genome);
}

static BlurGenomeArray array_of(const BlurVariable *variable) {
  BlurGenomeArray array = {.name = variable->name,
                           .scope = variable->scope,
                           .layer = variable->layer,
                           .states = variable->states,
                           .dimensions = variable->dimensions};
  memcpy(array.extent, variable->extent, sizeof array.extent);
  return array;
}

static bool is_genome_of(const BlurProgram *program, const char *name) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(program, &variables);
  for (size_t i = 0; i < count; i++)
    if (variables[i].kind == BLUR_GENOME && strcmp(variables[i].name, name) == 0) return true;
  return false;
}

BlurGenome *blur_genome_create(const BlurProgram *program, const double *const *values, const char *rule,
                               const BlurSetting *settings, size_t setting_count, BlurStatus *status) {
  if (strpbrk(rule, "\r\n")) {
    status_fail(status, BLUR_FAILED_USAGE, "the name of the rule has a line break in it: no genome file can hold it");
    return NULL;
  }
  BlurGenome *genome = genome_new(NULL);
  Arena *arena = genome->arena;
  genome->rule = arena_copy(arena, rule, strlen(rule));
  genome->hash = blur_program_equations_hash(program);
  for (size_t i = 0; i < setting_count; i++) {
    if (is_genome_of(program, settings[i].name)) continue;
    const char *name = arena_copy(arena, settings[i].name, strlen(settings[i].name));
    const char *value = genome_line(genome, settings[i].value, strlen(settings[i].value));
    ARENA_PUSH(arena, &genome->settings, (BlurSetting){name, value});
  }
  const BlurVariable *variables;
  size_t count = blur_program_variables(program, &variables);
  for (size_t i = 0; i < count; i++) {
    if (variables[i].kind != BLUR_GENOME) continue;
    size_t bytes = blur_variable_count(&variables[i]) * sizeof(double);
    double *copy = arena_allocate(arena, bytes);
    memcpy(copy, *values++, bytes);
    BlurGenomeArray array = array_of(&variables[i]);
    array.name = arena_copy(arena, array.name, strlen(array.name));
    array.values = copy;
    ARENA_PUSH(arena, &genome->arrays, array);
  }
  genome_finish(genome);
  return genome;
}

// Values of a network's variable, and where nothing is stored what it would begin with. False: no memory.
static bool values_of(const BlurNetwork *network, const BlurVariable *variable, double *values) {
  blur_network_get(network, variable, values);
  if (!blur_variable_has_dead_states(variable)) return true;
  size_t count = blur_variable_count(variable), elements = count / variable->pieces;
  double *initial = malloc(count * sizeof *initial);
  bool done = initial && network_initial_values(network, variable, initial);
  for (size_t i = 0; done && i < count; i++) {
    int64_t index[BLUR_MAX_DIMENSIONS] = {0};
    network_unravel(variable, i % elements, index);
    if (!network_row(network, variable, i / elements, index).at) values[i] = initial[i];
  }
  free(initial);
  return done;
}

BlurGenome *blur_genome_of_network(const BlurNetwork *network, const char *rule, const BlurSetting *settings,
                                   size_t setting_count, BlurStatus *status) {
  size_t count = 0;
  double **values = calloc(network->variable_count + 1, sizeof *values);
  bool whole = values != NULL;
  for (size_t i = 0; whole && i < network->variable_count; i++) {
    const BlurVariable *variable = &network->variables[i];
    if (variable->kind != BLUR_GENOME) continue;
    values[count] = malloc(blur_variable_count(variable) * sizeof **values + 1);
    whole = values[count] && values_of(network, variable, values[count]);
    count++;
  }
  BlurGenome *genome = NULL;
  if (!whole) status_fail_memory(status, "the genome", (double)network->memory_bytes);
  else
    genome = blur_genome_create(network->program, (const double *const *)values, rule, settings, setting_count, status);
  for (size_t i = 0; i < count; i++) free(values[i]);
  free(values);
  return genome;
}

// ---- comparing

GenomeBrackets genome_brackets(const BlurGenomeArray *array) {
  int first = array->scope == BLUR_SCOPE_LAYER;
  return (GenomeBrackets){first, array->states - first};
}

// The arrays of one value: from `first` on those of the same name.
static size_t layers_from(const BlurGenomeArray *arrays, size_t count, size_t first) {
  size_t end = first + 1;
  while (end < count && strcmp(arrays[end].name, arrays[first].name) == 0) end++;
  return end - first;
}

static size_t find_name(const BlurGenomeArray *arrays, size_t count, const char *name) {
  size_t i = 0;
  while (i < count && strcmp(arrays[i].name, name) != 0) i++;
  return i;
}

static void add_extents(Text *text, const BlurGenomeArray *array, int from, int to, const char *between) {
  for (int d = from; d < to; d++) text_add(text, "%s%" PRId64, d > from ? between : "", array->extent[d]);
}

// "nu[2,2]", "eta per layer (3 layers)", "b[2] per neuron (4, 6, 3)", "A per synapse (5 x 6, 6 x 3)".
static void add_signature(Text *text, const BlurGenomeArray *arrays, size_t layers) {
  const BlurGenomeArray *lowest = &arrays[0];
  GenomeBrackets own = genome_brackets(lowest);
  text_add(text, "`%s", lowest->name);
  if (own.count) {
    text_add(text, "[");
    add_extents(text, lowest, own.first, own.first + own.count, ",");
    text_add(text, "]");
  }
  if (lowest->scope != BLUR_SCOPE_NETWORK) text_add(text, " per %s", genome_scopes[lowest->scope]);
  text_add(text, "`");
  if (lowest->scope == BLUR_SCOPE_LAYER)
    text_add(text, " (%" PRId64 " layer%s)", lowest->extent[0], lowest->extent[0] == 1 ? "" : "s");
  if (lowest->layer < 0) return;
  for (size_t i = 0; i < layers; i++) {
    text_add(text, i ? ", " : " (");
    if (arrays[i].layer != (int)i) text_add(text, "layer %d: ", arrays[i].layer);
    add_extents(text, &arrays[i], arrays[i].states, arrays[i].dimensions, " x ");
  }
  text_add(text, ")");
}

static char *signature_of(const BlurGenomeArray *arrays, size_t count, size_t first) {
  Text text = {0};
  add_signature(&text, &arrays[first], layers_from(arrays, count, first));
  return text.bytes;
}

// What one has and the other lacks, each after `before` or a comma. Whether there was any.
static bool add_lacking(Text *text, const char *before, const BlurGenomeArray *has, size_t has_count,
                        const BlurGenomeArray *lacks, size_t lacks_count) {
  const char *separator = before;
  for (size_t i = 0; i < has_count; i += layers_from(has, has_count, i)) {
    if (find_name(lacks, lacks_count, has[i].name) < lacks_count) continue;
    text_add(text, "%s", separator);
    add_signature(text, &has[i], layers_from(has, has_count, i));
    separator = ", ";
  }
  return separator != before;
}

// Those of both that differ, first as the genome has them, then as the rule has.
static void add_different(Text *text, const char *before, const BlurGenomeArray *own, size_t own_count,
                          const BlurGenomeArray *wanted, size_t wanted_count) {
  Text has = {0}, wants = {0};
  for (size_t i = 0; i < wanted_count; i += layers_from(wanted, wanted_count, i)) {
    size_t at = find_name(own, own_count, wanted[i].name);
    if (at == own_count) continue;
    char *mine = signature_of(own, own_count, at), *theirs = signature_of(wanted, wanted_count, i);
    if (strcmp(mine, theirs) != 0) {
      text_add(&has, "%s%s", has.length ? ", " : "", mine);
      text_add(&wants, "%s%s", wants.length ? ", " : "", theirs);
    }
    free(mine);
    free(theirs);
  }
  if (has.length) text_add(text, "%sit has %s where the rule has %s", before, text_get(&has), text_get(&wants));
  text_free(&has);
  text_free(&wants);
}

static const char *called(const BlurGenome *genome) { return genome->path ? genome->path : "the genome"; }

static void add_origin(Text *text, const BlurGenome *genome) {
  text_add(text, ". It was made by %s", genome->rule);
  for (size_t i = 0; i < genome->settings.count; i++)
    text_add(text, "%s%s = %s", i ? ", " : " with ", genome->settings.items[i].name, genome->settings.items[i].value);
}

char *blur_genome_difference(const BlurGenome *genome, const BlurProgram *program) {
  Arena *arena = arena_create();
  const BlurVariable *variables;
  size_t count = blur_program_variables(program, &variables), wanted_count = 0;
  BlurGenomeArray *wanted = ARENA_ARRAY(arena, BlurGenomeArray, count + 1);
  for (size_t i = 0; i < count; i++)
    if (variables[i].kind == BLUR_GENOME) wanted[wanted_count++] = array_of(&variables[i]);
  const BlurGenomeArray *own = genome->arrays.items;
  size_t own_count = genome->arrays.count;
  Text text = {0};
  bool lacks = add_lacking(&text, "it lacks ", wanted, wanted_count, own, own_count);
  bool extra =
      add_lacking(&text, lacks ? "; the rule has no " : "the rule has no ", own, own_count, wanted, wanted_count);
  add_different(&text, lacks || extra ? "; " : "", own, own_count, wanted, wanted_count);
  arena_destroy(arena);
  Text whole = {0};
  if (text.length) {
    text_add(&whole, "%s does not fit this rule and network: %s", called(genome), text_get(&text));
    add_origin(&whole, genome);
  }
  text_free(&text);
  return whole.bytes;
}

char *blur_genome_doubt(const BlurGenome *genome, const BlurProgram *program, const char *rule) {
  bool same_name = strcmp(genome->rule, rule) == 0;
  if (genome->hash == blur_program_equations_hash(program) || (!genome->hash && same_name)) return NULL;
  Text text = {0};
  if (same_name)
    text_add(&text,
             "%s was made for other equations than those of %s as it is here: its text, its settings or the loss have "
             "changed",
             called(genome), rule);
  else text_add(&text, "%s was made for the rule %s, and %s is another", called(genome), genome->rule, rule);
  return text.bytes;
}

// ---- putting

static bool is_excepted(const char *name, const char *const *except, size_t except_count) {
  for (size_t i = 0; i < except_count; i++)
    if (strcmp(name, except[i]) == 0) return true;
  return false;
}

// "nu[1,0]", "b[3] of layer 1".
static void add_element(Text *text, const BlurGenomeArray *array, size_t element) {
  int64_t index[BLUR_MAX_DIMENSIONS];
  for (int d = array->dimensions - 1; d >= 0; d--) {
    index[d] = (int64_t)(element % (size_t)array->extent[d]);
    element /= (size_t)array->extent[d];
  }
  text_add(text, "`%s", array->name);
  for (int d = 0; d < array->dimensions; d++) text_add(text, "%s%" PRId64, d ? "," : "[", index[d]);
  text_add(text, array->dimensions ? "]`" : "`");
  if (array->layer >= 0) text_add(text, " of layer %d", array->layer);
}

// Tells of the first value of an array that the variable cannot have.
static void check_values(const BlurGenomeArray *array, const BlurVariable *variable, bool is_float, Text *problems) {
  for (size_t i = 0; i < blur_variable_count(variable); i++) {
    double value = array->values[i];
    bool fits = !is_float || isfinite((float)value);
    if (isfinite(value) && fits && value >= variable->low && value <= variable->high) continue;
    if (problems->length) text_add(problems, "; ");
    add_element(problems, array, i);
    text_add(problems, " is ");
    text_add_number(problems, value);
    if (!isfinite(value)) {
      text_add(problems, ", which is not finite");
    } else if (!fits) {
      text_add(problems, ", too large in float: --precision double");
    } else {
      text_add(problems, ", out of the range (");
      text_add_number(problems, variable->low);
      text_add(problems, ", ");
      text_add_number(problems, variable->high);
      text_add(problems, ") that the rule declares");
    }
    return;
  }
}

bool blur_genome_check(const BlurGenome *genome, const BlurProgram *program, const char *const *except,
                       size_t except_count, BlurStatus *status) {
  char *difference = blur_genome_difference(genome, program);
  if (difference) {
    status_fail(status, BLUR_FAILED_INPUT, "%s", difference);
    free(difference);
    return false;
  }
  Text problems = {0};
  const BlurVariable *variables;
  size_t count = blur_program_variables(program, &variables);
  for (size_t i = 0; i < count; i++) {
    if (variables[i].kind != BLUR_GENOME || is_excepted(variables[i].name, except, except_count)) continue;
    check_values(blur_genome_find(genome, variables[i].name, variables[i].layer), &variables[i],
                 blur_program_element(program) == 4, &problems);
  }
  bool fits = problems.length == 0;
  if (!fits) status_fail(status, BLUR_FAILED_INPUT, "%s: %s", called(genome), text_get(&problems));
  text_free(&problems);
  return fits;
}

bool blur_genome_put(const BlurGenome *genome, BlurNetwork *network, const char *const *except, size_t except_count,
                     BlurStatus *status) {
  if (!blur_genome_check(genome, network->program, except, except_count, status)) return false;
  for (size_t i = 0; i < network->variable_count; i++) {
    const BlurVariable *variable = &network->variables[i];
    if (variable->kind != BLUR_GENOME || is_excepted(variable->name, except, except_count)) continue;
    blur_network_set(network, variable, blur_genome_find(genome, variable->name, variable->layer)->values);
  }
  return network->steps > 0 || blur_network_reset_from_genome(network, status);
}
