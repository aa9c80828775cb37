// json_check [--lines] [PATH=VALUE | PATH]...: is standard input JSON (or a JSON value a line), and does it hold these?
// PATH: keys and positions with dots, `0.rule`; with --lines of the last line. VALUE: compared as printed text. A PATH
// alone must be there, and `PATH=number` means any finite number. Used by the shell tests, which know no JSON.
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *find(json_t *value, const char *path) {
  char word[128];
  while (value && *path) {
    size_t length = strcspn(path, ".=");
    if (length == 0 || length >= sizeof word) return NULL;
    memcpy(word, path, length);
    word[length] = 0;
    value =
        json_is_array(value) ? json_array_get(value, (size_t)strtoul(word, NULL, 10)) : json_object_get(value, word);
    path += length;
    if (*path == '=') break;
    if (*path == '.') path++;
  }
  return value;
}

static bool matches(json_t *value, const char *expected) {
  if (strcmp(expected, "number") == 0) return json_is_number(value) && isfinite(json_number_value(value));
  if (json_is_string(value)) return strcmp(json_string_value(value), expected) == 0;
  char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
  bool same = text && strcmp(text, expected) == 0;
  free(text);
  return same;
}

int main(int count, char **words) {
  bool lines = count > 1 && strcmp(words[1], "--lines") == 0;
  json_t *value = NULL;
  json_error_t error;
  if (lines) {
    char *line = NULL;
    size_t capacity = 0;
    int number = 0;
    while (getline(&line, &capacity, stdin) > 0) {
      json_decref(value);
      value = json_loads(line, JSON_DECODE_ANY, &error);
      number++;
      if (!value) {
        fprintf(stderr, "line %d is no JSON: %s: %s", number, error.text, line);
        return 1;
      }
    }
    free(line);
  } else {
    value = json_loadf(stdin, JSON_DECODE_ANY, &error);
  }
  if (!value) {
    fprintf(stderr, "no JSON: %s\n", lines ? "no line" : error.text);
    return 1;
  }
  for (int i = 1 + lines; i < count; i++) {
    json_t *found = find(value, words[i]);
    const char *equals = strchr(words[i], '=');
    if (found && (!equals || matches(found, equals + 1))) continue;
    char *text = found ? json_dumps(found, JSON_ENCODE_ANY) : NULL;
    fprintf(stderr, "wanted %s, found %s\n", words[i], text ? text : "nothing");
    free(text);
    json_decref(value);
    return 1;
  }
  json_decref(value);
  return 0;
}
