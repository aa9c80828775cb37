// Genome files are read, docs/language/genomes.md: a few lines of where it comes from, then `genome { ... }` with a
// value a line, written as in a rule. Whatever stands in a file, time and memory are bounded by its length. After:
// genome.c.
#include "runtime/store/genome.h"

#include "base/file.h"
#include "base/status.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 64 << 20, MAX_LINES = 10000, MAX_ARRAYS = 100000, MAX_LAYER = 4095 };

typedef struct {
  BlurGenome *genome;
  const char *at, *end; // a NUL stands at the end, and nowhere before
  int64_t line;
  ARENA_LIST(int64_t) lines; // of the arrays
  double *numbers;           // of the value that is read
  size_t count, room;
  BlurStatus *status;
} Reader;

__attribute__((format(printf, 3, 4))) static bool fail_at(Reader *reader, int64_t line, const char *format, ...) {
  char message[600];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return status_fail(reader->status, BLUR_FAILED_INPUT, "%s:%" PRId64 ": %s", reader->genome->path, line, message);
}

// What a message quotes of the text at `at`: at most a short line of it.
static int quoted_length(const char *at) {
  int length = 0;
  while (length < 40 && (unsigned char)at[length] >= ' ') length++;
  while (length > 0 && at[length - 1] == ' ') length--;
  return length;
}

static void skip_spaces(Reader *reader) {
  while (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\r') reader->at++;
}

// Spaces, comments and ends of lines.
static void skip_lines(Reader *reader) {
  for (;;) {
    skip_spaces(reader);
    if (*reader->at == '#') reader->at += strcspn(reader->at, "\n");
    if (*reader->at != '\n') return;
    reader->at++;
    reader->line++;
  }
}

// The rest of the line without spaces at its ends; of the genome.
static const char *take_rest(Reader *reader) {
  skip_spaces(reader);
  size_t length = strcspn(reader->at, "\n"), used = length;
  while (used > 0 && isspace((unsigned char)reader->at[used - 1])) used--;
  const char *rest = genome_line(reader->genome, reader->at, used);
  reader->at += length;
  return rest;
}

static size_t name_length(const char *at) {
  size_t length = 0;
  while (isalnum((unsigned char)at[length]) || at[length] == '_') length++;
  return isdigit((unsigned char)*at) ? 0 : length;
}

static bool take_word(Reader *reader, const char *word) {
  size_t length = strlen(word);
  if (name_length(reader->at) != length || strncmp(reader->at, word, length) != 0) return false;
  reader->at += length;
  skip_spaces(reader);
  return true;
}

static bool take_sign(Reader *reader, char sign) {
  if (*reader->at != sign) return false;
  reader->at++;
  skip_spaces(reader);
  return true;
}

// A whole number of a few digits, or -1.
static int64_t take_count(Reader *reader) {
  size_t digits = strspn(reader->at, "0123456789");
  if (digits == 0 || digits > 9) return -1;
  int64_t number = strtoll(reader->at, NULL, 10);
  reader->at += digits;
  skip_spaces(reader);
  return number;
}

// ---- where it comes from

static bool take_rule(Reader *reader) {
  if (reader->genome->rule) return fail_at(reader, reader->line, "a second `rule`; leave one of them");
  reader->genome->rule = take_rest(reader);
  return *reader->genome->rule || fail_at(reader, reader->line, "`rule` takes a rule, as in `rule std.blur`");
}

static bool take_hash(Reader *reader) {
  const char *text = take_rest(reader);
  if (reader->genome->hash) return fail_at(reader, reader->line, "a second `hash`; leave one of them");
  if (strlen(text) == 16 && strspn(text, "0123456789abcdefABCDEF") == 16)
    reader->genome->hash = strtoull(text, NULL, 16);
  return reader->genome->hash ||
         fail_at(reader, reader->line, "`hash` takes 16 hexadecimal digits; the line may be left out");
}

static bool take_setting(Reader *reader) {
  BlurGenome *genome = reader->genome;
  const char *name = arena_copy(genome->arena, reader->at, name_length(reader->at));
  reader->at += strlen(name);
  skip_spaces(reader);
  bool fine = *name && take_sign(reader, '=');
  const char *value = fine ? take_rest(reader) : "";
  if (!*value) return fail_at(reader, reader->line, "`set` takes a name, `=` and a value, as in `set k = 4`");
  for (size_t i = 0; i < genome->settings.count; i++)
    if (strcmp(genome->settings.items[i].name, name) == 0)
      return fail_at(reader, reader->line, "`%.*s` is set twice; leave one of them", quoted_length(name), name);
  ARENA_PUSH(genome->arena, &genome->settings, (BlurSetting){name, value});
  return true;
}

static bool take_note(Reader *reader) {
  const char *note = take_rest(reader);
  if (*note) ARENA_PUSH(reader->genome->arena, &reader->genome->notes, note);
  return true;
}

// All lines up to `genome {`.
static bool take_head(Reader *reader) {
  static const struct {
    const char *word;
    bool (*take)(Reader *reader);
  } lines[] = {{"rule", take_rule}, {"hash", take_hash}, {"set", take_setting}, {"note", take_note}};
  for (;;) {
    skip_lines(reader);
    if (take_word(reader, "genome")) break;
    size_t which = 0;
    while (which < 4 && !take_word(reader, lines[which].word)) which++;
    if (reader->at == reader->end)
      return fail_at(reader, reader->line, "the file ends before `genome {`: it is cut short");
    if (which == 4)
      return fail_at(reader, reader->line,
                     "`%.*s` is no line of a genome file: before `genome {` stand `rule`, `hash`, `set` and `note`",
                     quoted_length(reader->at), reader->at);
    if (!lines[which].take(reader)) return false;
    if (reader->genome->settings.count + reader->genome->notes.count > MAX_LINES)
      return fail_at(reader, reader->line, "more than %d settings and notes; leave some out", MAX_LINES);
  }
  if (!reader->genome->rule)
    return fail_at(reader, reader->line, "the rule is missing: write `rule std.blur`, or its path, before `genome {`");
  return take_sign(reader, '{') || fail_at(reader, reader->line, "after `genome` stands `{`");
}

// ---- values

static bool take_number(Reader *reader) {
  enum { LONGEST = 400 };
  size_t length = strcspn(reader->at, " \t\r\n,[]{}#=");
  int quoted = quoted_length(reader->at);
  if (length > 0 && length < (size_t)quoted) quoted = (int)length;
  if (length == 0 || length > LONGEST || strspn(reader->at, "0123456789+-.eE") < length) {
    if (name_length(reader->at) && (strncmp(reader->at, "inf", 3) == 0 || strncmp(reader->at, "nan", 3) == 0))
      return fail_at(reader, reader->line, "`%.*s` is not finite; write a number", quoted, reader->at);
    if (length == 0)
      return quoted ? fail_at(reader, reader->line, "a number is missing before `%.*s`", quoted, reader->at)
                    : fail_at(reader, reader->line, "a number is missing at the end of the line");
    return fail_at(reader, reader->line, "`%.*s` is no number", quoted, reader->at);
  }
  char *end;
  double number = strtod(reader->at, &end);
  if (end != reader->at + length) return fail_at(reader, reader->line, "`%.*s` is no number", quoted, reader->at);
  if (!isfinite(number)) return fail_at(reader, reader->line, "`%.*s` is too large for a number", quoted, reader->at);
  if (reader->count == reader->room) {
    size_t room = reader->room ? 2 * reader->room : 64;
    double *numbers = realloc(reader->numbers, room * sizeof *numbers);
    if (!numbers) return status_fail_memory(reader->status, reader->genome->path, (double)room * sizeof *numbers);
    reader->numbers = numbers;
    reader->room = room;
  }
  reader->numbers[reader->count++] = number;
  reader->at = end;
  return true;
}

// A number, or a list of what is nested alike. The first one of each depth says how many there are.
static bool take_values(Reader *reader, BlurGenomeArray *array, int depth) {
  skip_lines(reader);
  bool is_list = *reader->at == '[';
  if (array->dimensions < 0 && !is_list) array->dimensions = depth;
  if (is_list && array->dimensions < 0 && depth == BLUR_MAX_DIMENSIONS)
    return fail_at(reader, reader->line, "brackets in more than %d brackets", BLUR_MAX_DIMENSIONS);
  if (array->dimensions >= 0 && is_list != (depth < array->dimensions))
    return fail_at(reader, reader->line,
                   "the lists of `%.60s` are not nested alike; put as many brackets around each number", array->name);
  if (!is_list) return take_number(reader);
  int64_t line = reader->line, count = 0;
  do {
    reader->at++; // the bracket, or a comma
    if (!take_values(reader, array, depth + 1)) return false;
    count++;
    skip_lines(reader);
  } while (*reader->at == ',');
  if (reader->at == reader->end)
    return fail_at(reader, line, "a list of `%.60s` that is never closed: the file is cut short, or a `]` is missing",
                   array->name);
  if (*reader->at != ']')
    return fail_at(reader, reader->line, "`%.*s` stands in a list of `%.60s`, where `,` or `]` belongs",
                   quoted_length(reader->at), reader->at, array->name);
  reader->at++;
  if (!array->extent[depth]) array->extent[depth] = count;
  if (array->extent[depth] == count) return true;
  return fail_at(reader, line, "a list of %" PRId64 " beside lists of %" PRId64 " in `%.60s`; make them equally long",
                 count, array->extent[depth], array->name);
}

// `[2,2]` behind a name.
static bool take_brackets(Reader *reader, BlurGenomeArray *array, int64_t *extent) {
  if (*reader->at != '[') return true;
  do {
    reader->at++;
    skip_spaces(reader);
    int64_t count = take_count(reader);
    if (count < 1 || array->states == BLUR_MAX_DIMENSIONS)
      return fail_at(reader, reader->line, "in brackets behind `%.60s` stand whole numbers, as in `nu[2,2]`",
                     array->name);
    extent[array->states++] = count;
  } while (*reader->at == ',');
  return take_sign(reader, ']') || fail_at(reader, reader->line, "the `]` behind `%.60s` is missing", array->name);
}

static bool take_scope(Reader *reader, BlurGenomeArray *array) {
  if (!take_word(reader, "per")) return true;
  for (BlurScope scope = BLUR_SCOPE_LAYER; scope <= BLUR_SCOPE_SYNAPSE; scope++)
    if (take_word(reader, genome_scopes[scope])) array->scope = scope;
  if (array->scope == BLUR_SCOPE_NETWORK)
    return fail_at(reader, reader->line, "after `per` stands `layer`, `neuron` or `synapse`");
  if (array->scope == BLUR_SCOPE_LAYER) return true;
  int64_t layer = take_sign(reader, ',') && take_word(reader, "layer") ? take_count(reader) : -1;
  if (layer < 0 || layer > MAX_LAYER)
    return fail_at(reader, reader->line, "an array for each layer is wanted: `%.60s per %s, layer 0 = [...]`",
                   array->name, genome_scopes[array->scope]);
  array->layer = (int)layer;
  return true;
}

// Whether the values have the extents that the name says.
static bool check_extents(Reader *reader, BlurGenomeArray *array, const int64_t *declared, int64_t line) {
  int first = array->scope == BLUR_SCOPE_LAYER, axes = array->scope == BLUR_SCOPE_NETWORK ? 0 : (int)array->scope - 1;
  int own = array->states;
  bool fits = array->dimensions == first + own + axes;
  for (int d = 0; fits && d < own; d++) fits = array->extent[first + d] == declared[d];
  array->states = first + own;
  if (fits) return true;
  char wanted[300] = "", found[300] = "a single number";
  size_t used = 0;
  if (first) used += (size_t)snprintf(wanted, sizeof wanted, " x layers");
  for (int d = 0; d < own && used < sizeof wanted; d++)
    used += (size_t)snprintf(wanted + used, sizeof wanted - used, " x %" PRId64, declared[d]);
  if (axes && used < sizeof wanted)
    snprintf(wanted + used, sizeof wanted - used, "%s", axes == 1 ? " x neurons" : " x pre x post");
  used = 0;
  for (int d = 0; d < array->dimensions && used < sizeof found; d++)
    used += (size_t)snprintf(found + used, sizeof found - used, "%s%" PRId64, d ? " x " : "", array->extent[d]);
  return fail_at(reader, line, "the values of `%.60s` are %s, and its name says %s", array->name, found,
                 *wanted ? wanted + strlen(" x ") : "a single number");
}

static bool take_array(Reader *reader) {
  BlurGenome *genome = reader->genome;
  int64_t line = reader->line, declared[BLUR_MAX_DIMENSIONS] = {0};
  size_t length = name_length(reader->at);
  if (length == 0)
    return fail_at(reader, line, "`%.*s` is no value: write `NAME = NUMBER`, or `}` at the end",
                   quoted_length(reader->at), reader->at);
  BlurGenomeArray array = {.name = arena_copy(genome->arena, reader->at, length), .layer = -1, .dimensions = -1};
  reader->at += length;
  skip_spaces(reader);
  if (!take_brackets(reader, &array, declared) || !take_scope(reader, &array)) return false;
  if (!take_sign(reader, '=')) return fail_at(reader, line, "`=` and the value of `%.60s` are missing", array.name);
  reader->count = 0;
  if (!take_values(reader, &array, 0) || !check_extents(reader, &array, declared, line)) return false;
  double *values = arena_allocate(genome->arena, reader->count * sizeof *values);
  memcpy(values, reader->numbers, reader->count * sizeof *values);
  array.values = values;
  if (genome->arrays.count == MAX_ARRAYS) return fail_at(reader, line, "more than %d values", MAX_ARRAYS);
  ARENA_PUSH(genome->arena, &genome->arrays, array);
  ARENA_PUSH(genome->arena, &reader->lines, line);
  return true;
}

static bool take_genome(Reader *reader) {
  for (;;) {
    skip_lines(reader);
    if (reader->at == reader->end)
      return fail_at(reader, reader->line, "the file ends before the `}` of `genome {`: it is cut short");
    if (take_sign(reader, '}')) return true;
    if (!take_array(reader)) return false;
    skip_spaces(reader);
    bool ends = take_sign(reader, ',') || *reader->at == '\n' || *reader->at == '#' || *reader->at == '}';
    if (!ends && reader->at < reader->end)
      return fail_at(reader, reader->line, "`%.*s` stands behind a value; write one value a line",
                     quoted_length(reader->at), reader->at);
  }
}

// ---- all of it

typedef struct {
  const BlurGenomeArray *array;
  size_t place;
} Place;

static int compare_places(const void *left, const void *right) {
  const Place *one = left, *other = right;
  int order = strcmp(one->array->name, other->array->name);
  return order ? order : (one->place > other->place) - (one->place < other->place);
}

// Each value once; its layers one after the other.
static bool check_order(Reader *reader) {
  BlurGenome *genome = reader->genome;
  size_t count = genome->arrays.count;
  Place *places = ARENA_ARRAY(genome->arena, Place, count + 1);
  for (size_t i = 0; i < count; i++) places[i] = (Place){&genome->arrays.items[i], i};
  qsort(places, count, sizeof *places, compare_places);
  for (size_t i = 1; i < count; i++) {
    const BlurGenomeArray *before = places[i - 1].array, *array = places[i].array;
    if (strcmp(before->name, array->name) != 0) continue;
    int64_t line = reader->lines.items[places[i].place], first = reader->lines.items[places[i - 1].place];
    if (before->layer < 0 || before->layer == array->layer)
      return fail_at(reader, line, "`%.60s` stands in line %" PRId64 " before; leave one of them", array->name, first);
    GenomeBrackets own = genome_brackets(array), other = genome_brackets(before);
    if (before->scope != array->scope || own.count != other.count ||
        memcmp(array->extent, before->extent, (size_t)own.count * sizeof *array->extent) != 0)
      return fail_at(reader, line, "`%.60s` has other states or another scope than its layer in line %" PRId64,
                     array->name, first);
    if (places[i].place != places[i - 1].place + 1 || before->layer > array->layer)
      return fail_at(reader, line, "the layers of `%.60s` stand one below the other, from the lowest to the highest",
                     array->name);
  }
  return true;
}

// The first line, and that all that follows is text.
static bool take_magic(Reader *reader) {
  const char *path = reader->genome->path;
  if (strncmp(reader->at, "\xEF\xBB\xBF", 3) == 0) reader->at += 3; // what some editors begin a file with
  size_t length = strlen(genome_magic);
  if (strncmp(reader->at, "PK", 2) == 0)
    return status_fail(reader->status, BLUR_FAILED_INPUT,
                       "%s is no genome file but a zip, as of a saved network (--load) or of arrays (--in)", path);
  if (strncmp(reader->at, genome_magic, length) != 0)
    return status_fail(reader->status, BLUR_FAILED_INPUT, "%s is no genome file: its first line is not `%s%d`", path,
                       genome_magic, GENOME_FORMAT);
  reader->at += length;
  int64_t format = take_count(reader);
  if (format > GENOME_FORMAT)
    return status_fail(reader->status, BLUR_FAILED_INPUT,
                       "%s was written by a newer version of blur (format %" PRId64 ", this one reads %d)", path,
                       format, GENOME_FORMAT);
  const char *zero = memchr(reader->at, 0, (size_t)(reader->end - reader->at));
  if (zero) {
    int64_t line = 1;
    for (const char *at = reader->at; at < zero; at++) line += *at == '\n';
    return fail_at(reader, line, "a NUL byte: the file is damaged; fetch it again");
  }
  return (format == GENOME_FORMAT && (*reader->at == '\n' || *reader->at == '#')) ||
         fail_at(reader, 1, "the first line of a genome file is `%s%d`", genome_magic, GENOME_FORMAT);
}

static bool read_genome(Reader *reader) {
  if (!take_magic(reader) || !take_head(reader) || !take_genome(reader)) return false;
  skip_lines(reader);
  if (reader->at < reader->end)
    return fail_at(reader, reader->line, "`%.*s` stands behind the `}` of `genome {`", quoted_length(reader->at),
                   reader->at);
  return check_order(reader);
}

BlurGenome *blur_genome_read(const char *path, BlurStatus *status) {
  size_t length;
  char *bytes = file_read(path, MAX_BYTES, &length, status);
  if (!bytes) return NULL;
  Reader reader = {.genome = genome_new(path), .at = bytes, .end = bytes + length, .line = 1, .status = status};
  bool done = read_genome(&reader);
  if (done) genome_finish(reader.genome);
  free(reader.numbers);
  free(bytes);
  if (done) return reader.genome;
  blur_genome_destroy(reader.genome);
  return NULL;
}
