// --net and what else says for which network a rule is compiled. Before: arguments.c; after: the compiler, which says
// what sizes are possible (E0320 to E0322).
#include "cli/tables.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What is wrong with the text of --net, as far as that is seen without knowing what is possible.
typedef enum { NET_IS_RIGHT, NET_IS_NO_LIST, NET_HAS_NO_DATA, NET_IN_INSIDE, NET_OUT_INSIDE } NetProblem;

typedef struct {
  const char *at;
  int64_t in, out;
  int64_t *units; // [MAX_LAYERS]
  int layers;     // further ones are counted, not kept
} NetReader;

static void skip_spaces(NetReader *reader) {
  while (*reader->at == ' ') reader->at++;
}

static bool skip(NetReader *reader, char expected) {
  skip_spaces(reader);
  if (*reader->at != expected) return false;
  reader->at++;
  skip_spaces(reader);
  return true;
}

// A whole number; one beyond `most` counts as that.
static bool read_number(NetReader *reader, int64_t most, int64_t *number) {
  if (*reader->at < '0' || *reader->at > '9') return false;
  for (*number = 0; *reader->at >= '0' && *reader->at <= '9'; reader->at++) {
    *number = *number * 10 + (*reader->at - '0');
    if (*number > most) *number = most;
  }
  return true;
}

// The units of a layer: a number, or one of the words that stand for one.
static NetProblem read_units(NetReader *reader, int64_t *number) {
  static const int64_t most = 1000000000000;
  bool in = strncmp(reader->at, "in", 2) == 0, out = strncmp(reader->at, "out", 3) == 0;
  if (!in && !out) return read_number(reader, most, number) ? NET_IS_RIGHT : NET_IS_NO_LIST;
  reader->at += in ? 2 : 3;
  *number = in ? reader->in : reader->out;
  if (*number < 1) return NET_HAS_NO_DATA;
  return in && reader->layers > 0 ? NET_IN_INSIDE : NET_IS_RIGHT;
}

// One layer, or a group: (256x4).
static NetProblem read_layer(NetReader *reader) {
  bool group = skip(reader, '(');
  int64_t units = 0, times = 1;
  skip_spaces(reader);
  bool in = *reader->at == 'i', out = *reader->at == 'o';
  NetProblem problem = read_units(reader, &units);
  if (problem) return problem;
  if (group && !(skip(reader, 'x') && read_number(reader, INT_MAX / 2, &times) && times > 0 && skip(reader, ')')))
    return NET_IS_NO_LIST;
  if (in && times > 1) return NET_IN_INSIDE;
  for (int64_t i = 0; i < times && reader->layers + i < MAX_LAYERS; i++) reader->units[reader->layers + i] = units;
  reader->layers = (int)(times < INT_MAX / 2 - reader->layers ? reader->layers + times : INT_MAX / 2);
  skip_spaces(reader);
  return out && (*reader->at || times > 1) ? NET_OUT_INSIDE : NET_IS_RIGHT;
}

static NetProblem read_network(NetReader *reader) {
  skip_spaces(reader);
  for (;;) {
    NetProblem problem = read_layer(reader);
    if (problem || !*reader->at) return problem;
    if (!skip(reader, '-')) return NET_IS_NO_LIST;
    skip(reader, '>');
  }
}

static void tell_problem(const Arguments *arguments, NetProblem problem) {
  const char *net = arguments->value[OPTION_net];
  switch (problem) {
  case NET_HAS_NO_DATA:
    complain(arguments, "--net %s: `in` and `out` are those of the data, and there are none", net);
    break;
  case NET_IN_INSIDE: complain(arguments, "--net %s: `in` is the first layer, the inputs of the data", net); break;
  case NET_OUT_INSIDE: complain(arguments, "--net %s: `out` is the last layer, the outputs of the data", net); break;
  default:
    complain(arguments, "--net is the units of two or more layers, as in 784-256-10, in-(256x4)-out, not `%s`", net);
  }
}

// Whether there can be such a network; else the compiler's message.
static bool sizes_are_possible(const Arguments *arguments, const BlurOptions *options) {
  BlurReport *report = blur_report_create();
  bool possible = blur_network_is_possible(options, report);
  report_finish(arguments, report);
  blur_report_destroy(report);
  return possible;
}

static bool read_net(const Arguments *arguments, int64_t in, int64_t out, BlurOptions *options) {
  NetReader reader = {
      .at = arguments->value[OPTION_net], .in = in, .out = out, .units = calloc(MAX_LAYERS, sizeof(int64_t))};
  NetProblem problem = reader.units ? read_network(&reader) : NET_IS_NO_LIST;
  options->units = reader.units;
  options->layers = reader.layers;
  if (problem) tell_problem(arguments, problem);
  return !problem && sizes_are_possible(arguments, options);
}

// The same where the network comes from elsewhere.
static bool batch_is_possible(const Arguments *arguments, const BlurOptions *options) {
  static const int64_t any[2] = {1, 1};
  BlurOptions with_network = *options;
  with_network.units = any;
  with_network.layers = 2;
  return sizes_are_possible(arguments, &with_network);
}

static bool read_words(const Arguments *arguments, BlurOptions *options) {
  size_t precision, engine, level, product;
  if (!option_word(arguments, OPTION_precision, 0, &precision) || !option_word(arguments, OPTION_engine, 0, &engine) ||
      !option_word(arguments, OPTION_cpu, 0, &level) || !option_word(arguments, OPTION_products, 0, &product))
    return false;
  options->precision = (BlurPrecision)precision;
  options->engine = (BlurEngine)engine;
  options->cpu = (BlurCpu)level;
  options->products = (BlurProducts)product;
  options->no_cache = option_given(arguments, OPTION_no_cache);
  if (options->cpu == BLUR_CPU_NATIVE || blur_cpu_available(options->cpu)) return true;
  complain(arguments, "this machine has no %s", option_table[OPTION_cpu].choices[level]);
  return false;
}

// No network was named: that is told last, where what was named as a rule is none.
static void ask_for_network(const Arguments *arguments) {
  bool right = true;
  for (size_t i = 0; i < arguments->operand_count && right; i++) {
    BlurReport *report = blur_report_create();
    BlurRule *rule = blur_rule_load(arguments->operand[i], NULL, 0, BLUR_LOSS_CROSS_ENTROPY, report);
    right = rule != NULL;
    if (!right) report_finish(arguments, report);
    blur_rule_destroy(rule);
    blur_report_destroy(report);
  }
  if (right) complain(arguments, "a network is needed: --net 784-256-128-10");
}

bool network_options(const Arguments *arguments, bool required, int64_t in, int64_t out, BlurOptions *options) {
  *options = (BlurOptions){.batch = 128};
  bool given = arguments->value[OPTION_net] != NULL;
  if (!option_integer(arguments, OPTION_batch, INT64_MIN, INT64_MAX, 128, &options->batch) ||
      !read_words(arguments, options))
    return false;
  if (!given && required) {
    ask_for_network(arguments);
    return false;
  }
  bool right = given ? read_net(arguments, in, out, options) : batch_is_possible(arguments, options);
  if (right) return true;
  free((void *)(uintptr_t)options->units);
  options->units = NULL;
  return false;
}

int64_t *network_units(int layers, const int64_t *units, const BlurData *data) {
  int64_t *made = must(calloc((size_t)layers, sizeof *made));
  memcpy(made, units, (size_t)layers * sizeof *made);
  if (!made[0]) made[0] = blur_data_inputs(data);
  if (!made[layers - 1]) made[layers - 1] = blur_data_outputs(data);
  return made;
}

void print_units(int layers, const int64_t *units) {
  for (int i = 0; i < layers; i++) printf("%s%" PRId64, i ? "-" : "", units[i]);
}
