// Options with a meaning: numbers, words, networks. Wrong ones get a message that shows a right one.
#include "base/near_name.h"
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

// Seconds of a unit of time; 0: there is no such unit.
static double unit_of_time(const char *unit) {
  static const struct {
    const char *name;
    double seconds;
  } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp(units[i].name, unit) == 0) return units[i].seconds;
  return 0;
}

bool option_pause(const Arguments *arguments, OptionName option, int64_t *steps, double *seconds) {
  const char *text = arguments->value[option];
  char *end;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  bool right = *text >= '0' && *text <= '9' && !errno && number > 0 && (!*end || unit_of_time(end) > 0);
  if (!right) {
    complain(arguments, "--%s wants a number of steps, as in 500, or a time, as in 30s, 10m or 2h, not `%s`",
             option_table[option].name, text);
    return false;
  }
  *steps = *end ? 0 : number;
  *seconds = *end ? (double)number * unit_of_time(end) : 0;
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
  const char *near = near_name(text, words, count);
  if (near)
    complain(arguments, "--%s is %s, not `%s`; did you mean `%s`?", option_table[option].name, list, text, near);
  else complain(arguments, "--%s is %s, not `%s`", option_table[option].name, list, text);
  return false;
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
