// What --data says: "fashion_mnist:size=14,classes=0..4". See blur_data_load. After: places.c finds the files.
#include "runtime/data/data.h"

#include "base/status.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool wrong(BlurStatus *status, const char *text, const char *problem) {
  return status_fail(status, BLUR_FAILED_USAGE, "data `%s`: %s (an example: fashion_mnist:size=14,classes=0..4)", text,
                     problem);
}

// ---- values. Each takes the text after `key=` and returns what it leaves: a comma or the end, if it is right.

// A number of at most three digits at *at, which moves behind it; -1 if there is none.
static int take_number(const char **at) {
  int number = 0, digits = 0;
  while (**at >= '0' && **at <= '9' && digits < 4) {
    number = number * 10 + (*(*at)++ - '0');
    digits++;
  }
  return digits > 0 && digits < 4 ? number : -1;
}

static const char *take_size(const char *at, DataSpecification *specification) {
  specification->size = take_number(&at);
  return specification->size >= 1 && specification->size <= 512 ? at : NULL;
}

static bool add_classes(const char **at, DataSpecification *specification) { // "3" or "5..9"
  int first = take_number(at), last = first;
  if (first >= 0 && (*at)[0] == '.' && (*at)[1] == '.') {
    *at += 2;
    last = take_number(at);
  }
  if (first < 0 || last < first || last >= DATA_MAX_CLASSES) return false;
  for (int label = first; label <= last; label++) {
    for (int i = 0; i < specification->class_count; i++)
      if (specification->classes[i] == label) return false;
    specification->classes[specification->class_count++] = (uint8_t)label;
  }
  return true;
}

static const char *take_classes(const char *at, DataSpecification *specification) {
  if (!add_classes(&at, specification)) return NULL;
  while (*at == ',' && at[1] >= '0' && at[1] <= '9') { // a further entry of the list, no option
    at++;
    if (!add_classes(&at, specification)) return NULL;
  }
  return at;
}

static const char *take_word(const char *at, char *word, size_t room) {
  size_t length = strcspn(at, ",");
  if (length == 0 || length >= room) return NULL;
  memcpy(word, at, length);
  word[length] = 0;
  return at + length;
}

static const char *take_prefix(const char *at, DataSpecification *specification) {
  return take_word(at, specification->prefix, sizeof specification->prefix);
}

static const char *take_split(const char *at, DataSpecification *specification) {
  for (specification->split_count = 0; specification->split_count < 3;) {
    char *end;
    if (!isdigit((unsigned char)*at)) return NULL;
    double number = strtod(at, &end);
    if (!(number > 0 && number < 1e15)) return NULL;
    specification->split[specification->split_count++] = number;
    at = end;
    if (*at != '/') return at;
    at++;
  }
  return NULL;
}

static const char *take_permute(const char *at, DataSpecification *specification) {
  char word[32];
  at = take_word(at, word, sizeof word);
  if (!at) return NULL;
  bool both = strcmp(word, "both") == 0 || strcmp(word, "labels+pixels") == 0 || strcmp(word, "pixels+labels") == 0;
  specification->permute_labels = both || strcmp(word, "labels") == 0;
  specification->permute_inputs = both || strcmp(word, "pixels") == 0;
  return specification->permute_labels || specification->permute_inputs ? at : NULL;
}

static const char *take_project(const char *at, DataSpecification *specification) {
  char *end;
  if (!isdigit((unsigned char)*at)) return NULL;
  specification->project = strtol(at, &end, 10);
  return specification->project >= 1 && specification->project <= 65536 ? end : NULL;
}

static const char *take_noise(const char *at, DataSpecification *specification) {
  char *end;
  if (!isdigit((unsigned char)*at)) return NULL;
  specification->noise = strtod(at, &end);
  return specification->noise < 1e6 ? end : NULL;
}

static const char *take_target(const char *at, DataSpecification *specification) {
  return take_word(at, specification->target, sizeof specification->target);
}

static const char *take_test(const char *at, DataSpecification *specification) {
  return take_word(at, specification->test, sizeof specification->test);
}

static const char *take_scale(const char *at, DataSpecification *specification) {
  char *end;
  if (!isdigit((unsigned char)*at)) return NULL;
  specification->scale = strtod(at, &end);
  return specification->scale > 0 && specification->scale < 1e30 ? end : NULL;
}

static const char *take_as(const char *at, DataSpecification *specification) {
  char word[32];
  at = take_word(at, word, sizeof word);
  if (!at) return NULL;
  specification->as = strcmp(word, "classes") == 0      ? TARGETS_AS_CLASSES
                      : strcmp(word, "regression") == 0 ? TARGETS_AS_NUMBERS
                                                        : TARGETS_AS_THEY_ARE;
  return specification->as ? at : NULL;
}

// ---- options

enum { SOURCE_FILES = SOURCE_IMAGES | SOURCE_TABLE, SOURCE_ANY = SOURCE_FILES | SOURCE_GENERATED };
static const struct {
  const char *key;
  unsigned sources;
  const char *(*take)(const char *at, DataSpecification *specification);
  const char *problem;
} options[] = {
    {"size=", SOURCE_FILES, take_size, "`size` is a number from 1 to 512"},
    {"classes=", SOURCE_FILES, take_classes,
     "`classes` are different labels from 0 to 255: a range 5..9 or a list 1,3,7"},
    {"prefix=", SOURCE_IMAGES, take_prefix, "`prefix` is the beginning of the files' names, of at most 255 bytes"},
    {"split=", SOURCE_FILES, take_split, "`split` is numbers of samples or shares: 50000/10000 or 0.9/0.1"},
    {"permute=", SOURCE_ANY, take_permute, "`permute` is labels, pixels or both"},
    {"project=", SOURCE_ANY, take_project, "`project` is a number of inputs from 1 to 65536"},
    {"target=", SOURCE_TABLE, take_target, "`target` is the name or the number of a column"},
    {"test=", SOURCE_TABLE, take_test, "`test` is the path of a file"},
    {"scale=", SOURCE_TABLE, take_scale, "`scale` is a number above 0, that all inputs are divided by"},
    {"as=", SOURCE_TABLE, take_as, "`as` is classes or regression"},
    {"noise=", SOURCE_GENERATED, take_noise, "`noise` is a deviation from 0 on"},
};
enum { OPTIONS = sizeof options / sizeof *options };

static int option_at(const char *at) {
  for (int i = 0; i < OPTIONS; i++)
    if (strncmp(at, options[i].key, strlen(options[i].key)) == 0) return i;
  return -1;
}

// Where the options begin: a colon before `word=`, a comma before one of the keys, or the end.
static const char *find_options(const char *text) {
  for (const char *at = text; *at; at++) {
    if (*at == ',' && option_at(at + 1) >= 0) return at;
    if (*at != ':') continue;
    const char *word = at + 1;
    while (islower((unsigned char)*word) || *word == '_') word++;
    if (word > at + 1 && *word == '=') return at;
  }
  return text + strlen(text);
}

bool specification_parse(const char *text, DataSpecification *specification, BlurStatus *status) {
  *specification = (DataSpecification){.noise = -1, .known_classes = -1};
  const char *at = find_options(text);
  size_t length = (size_t)(at - text);
  if (length == 0) return wrong(status, text, "it names no set");
  if (length >= sizeof specification->place) return wrong(status, text, "its name is too long");
  memcpy(specification->place, text, length);
  while (*at) { // a colon or comma
    int option = option_at(++at);
    if (option < 0)
      return wrong(status, text,
                   "its options are size, classes, prefix, split, permute, project, target, test, scale, as, noise");
    specification->given |= 1u << option;
    at = options[option].take(at + strlen(options[option].key), specification);
    if (!at) return wrong(status, text, options[option].problem);
    if (*at && *at != ',') return wrong(status, text, "options stand apart by commas");
  }
  return true;
}

bool specification_fits(const DataSpecification *specification, DataSource source, BlurStatus *status) {
  const char *kind = source == SOURCE_GENERATED ? "a generated task"
                     : source == SOURCE_TABLE   ? "a file of samples"
                                                : "a folder of images";
  for (int i = 0; i < OPTIONS; i++) {
    if (!(specification->given >> i & 1) || options[i].sources & source) continue;
    return status_fail(status, BLUR_FAILED_USAGE, "data `%s`: `%.*s` is no option of %s", specification->place,
                       (int)strlen(options[i].key) - 1, options[i].key, kind);
  }
  return true;
}
