// Options with a meaning: numbers, words, networks. Wrong ones get a message that shows a right one.
#include "cli/tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool option_integer(const Arguments *arguments, OptionName option, int64_t low, int64_t high, int64_t fallback,
                    int64_t *number) {
  const char *text = arguments->value[option];
  *number = fallback;
  if (!text) return true;
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno || end == text || *end || value < low || value > high) {
    complain(arguments, "--%s wants a whole number from %lld to %lld, not `%s`", option_table[option].name,
             (long long)low, (long long)high, text);
    return false;
  }
  *number = value;
  return true;
}

bool option_bytes(const Arguments *arguments, OptionName option, size_t fallback, size_t *bytes) {
  const char *text = arguments->value[option];
  *bytes = fallback;
  if (!text) return true;
  static const char units[] = "KMGT";
  char *end;
  errno = 0;
  unsigned long long number = strtoull(text, &end, 10);
  const char *unit = *end ? strchr(units, *end) : NULL;
  int shift = unit ? 10 * (int)(unit - units + 1) : 0;
  bool right = *text >= '0' && *text <= '9' && !errno && number > 0 && (!*end || (unit && !end[1]));
  if (!right || number > SIZE_MAX >> shift) {
    complain(arguments, "--%s wants a number of bytes, as in 512M or 2G, not `%s`", option_table[option].name, text);
    return false;
  }
  *bytes = (size_t)number << shift;
  return true;
}

bool option_word(const Arguments *arguments, OptionName option, size_t fallback, size_t *position) {
  const char *text = arguments->value[option];
  const char *const *words = option_table[option].choices;
  *position = fallback;
  if (!text) return true;
  size_t count = 0;
  for (; words[count]; count++) {
    if (strcmp(words[count], text) != 0) continue;
    *position = count;
    return true;
  }
  char list[256] = "";
  for (size_t i = 0; i < count; i++) {
    size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", words[i]);
  }
  const char *near = near_word(text, words, count);
  if (near)
    complain(arguments, "--%s is %s, not `%s`; did you mean `%s`?", option_table[option].name, list, text, near);
  else complain(arguments, "--%s is %s, not `%s`", option_table[option].name, list, text);
  return false;
}

// ---- networks

enum { MAX_UNITS = 1 << 24 };

static bool read_count(const char **text, int64_t high, int64_t *number) {
  if (**text < '0' || **text > '9') return false;
  *number = 0;
  for (; **text >= '0' && **text <= '9'; (*text)++) {
    *number = *number * 10 + (**text - '0');
    if (*number > high) return false;
  }
  return *number > 0;
}

// A number, or one of the words that stand for one.
static bool read_units(const char **text, int64_t in, int64_t out, int64_t *number) {
  bool first = strncmp(*text, "in", 2) == 0;
  if (!first && strncmp(*text, "out", 3) != 0) return read_count(text, MAX_UNITS, number);
  *text += first ? 2 : 3;
  *number = first ? in : out;
  return *number > 0;
}

static bool skip(const char **text, char expected) {
  while (**text == ' ') (*text)++;
  if (**text != expected) return false;
  (*text)++;
  while (**text == ' ') (*text)++;
  return true;
}

bool parse_network(const char *text, int64_t in, int64_t out, int64_t **units, int *layers) {
  int64_t *list = malloc(MAX_LAYERS * sizeof *list);
  int count = 0;
  bool right = list != NULL;
  while (*text == ' ') text++;
  while (right) {
    bool group = skip(&text, '(');
    int64_t unit = 0, times = 1;
    right = read_units(&text, in, out, &unit);
    if (right && group) right = skip(&text, 'x') && read_count(&text, MAX_LAYERS, &times) && skip(&text, ')');
    right = right && count + times <= MAX_LAYERS;
    for (int64_t i = 0; right && i < times; i++) list[count++] = unit;
    while (*text == ' ') text++;
    if (!right || !*text) break;
    right = skip(&text, '-');
    skip(&text, '>');
  }
  if (!right || count < 2) {
    free(list);
    return false;
  }
  *units = list;
  *layers = count;
  return true;
}

bool network_options(const Arguments *arguments, bool required, int64_t in, int64_t out, BlurOptions *options) {
  *options = (BlurOptions){.batch = 128};
  size_t precision, engine, level, product;
  const char *net = arguments->value[OPTION_net];
  if (!option_integer(arguments, OPTION_batch, 1, 1 << 24, 128, &options->batch) ||
      !option_word(arguments, OPTION_precision, 0, &precision) || !option_word(arguments, OPTION_engine, 0, &engine) ||
      !option_word(arguments, OPTION_cpu, 0, &level) || !option_word(arguments, OPTION_products, 0, &product))
    return false;
  if (!net && required) {
    complain(arguments, "a network is needed: --net 784-256-128-10");
    return false;
  }
  int64_t *units = NULL;
  if (net && !parse_network(net, in, out, &units, &options->layers)) {
    bool words = parse_network(net, 1, 1, &units, &options->layers);
    free(words ? units : NULL);
    if (words) complain(arguments, "--net %s: `in` and `out` are those of the data, and there are none", net);
    else
      complain(arguments, "--net is the units of two or more layers, as in 784-256-10, in-(256x4)-out, not `%s`", net);
    return false;
  }
  options->units = units;
  options->precision = (BlurPrecision)precision;
  options->engine = (BlurEngine)engine;
  options->cpu = (BlurCpu)level;
  options->products = (BlurProducts)product;
  options->no_cache = option_given(arguments, OPTION_no_cache);
  if (options->cpu != BLUR_CPU_NATIVE && !blur_cpu_available(options->cpu)) {
    complain(arguments, "this machine has no %s", option_table[OPTION_cpu].choices[level]);
    free(units);
    options->units = NULL;
    return false;
  }
  return true;
}

bool option_loss(const Arguments *arguments, int64_t outputs, BlurLoss *loss) {
  size_t position;
  if (!option_word(arguments, OPTION_loss, outputs == 1 ? BLUR_LOSS_SQUARED_ERROR : BLUR_LOSS_CROSS_ENTROPY, &position))
    return false;
  *loss = (BlurLoss)position;
  return true;
}

bool exactly_one_operand(const Arguments *arguments, const char *what) {
  if (arguments->operand_count == 1) return true;
  if (arguments->operand_count == 0) complain(arguments, "%s is needed", what);
  else complain(arguments, "one thing at a time: what is `%s`?", arguments->operand[1]);
  return false;
}
