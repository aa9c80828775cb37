// blur curl RULE --net ...: whether a rule's update is the gradient of anything, by the antisymmetric part of its
// Jacobian. Steps and arrays are those of blur step.
#include "blur/curl.h"
#include "base/near_name.h"
#include "cli/step.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_VARIABLES = 2048, MOST_NUMBERS = 4096 };
static const double rounding = 1e-9; // of a symmetric Jacobian in float64

typedef struct {
  Step step;
  const BlurVariable *chosen[MOST_VARIABLES];
  size_t count, numbers;
} Curl;

// ---- what is chosen

// Whether `name` stands in the list "w,v".
static bool is_listed(const char *list, const char *name) {
  size_t length = strlen(name);
  for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
    if (!strncmp(at, name, length) && (at[length] == ',' || !at[length])) return true;
  return false;
}

static bool can_be_chosen(const BlurVariable *variable) {
  return variable->adjoint && variable->kind != BLUR_GENOME && variable->kind != BLUR_LOSS;
}

// Every word of the list must be a variable that a step changes.
static bool check_list(const Curl *curl, const char *list) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(curl->step.session.program, &variables);
  char word[STEP_MAX_NAME];
  for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
    size_t length = strcspn(at, ","), named = 0;
    snprintf(word, sizeof word, "%.*s", (int)length, at);
    const char *candidates[64];
    size_t candidate_count = 0;
    for (size_t i = 0; i < count; i++) {
      if (!can_be_chosen(&variables[i])) continue;
      named += strcmp(variables[i].name, word) == 0;
      if (candidate_count < 64) candidates[candidate_count++] = variables[i].name;
    }
    if (named) continue;
    const char *near = near_name(word, candidates, candidate_count);
    complain(curl->step.session.arguments, "the rule has no synapse, persistent neuron or signal `%s`%s%s%s", word,
             near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
    return false;
  }
  return true;
}

static int choose(Curl *curl) {
  const Arguments *arguments = curl->step.session.arguments;
  const char *list = arguments->value[OPTION_variables];
  const BlurVariable *variables;
  size_t count = blur_program_variables(curl->step.session.program, &variables);
  if (list && !check_list(curl, list)) return EXIT_INPUT;
  for (size_t i = 0; i < count && curl->count < MOST_VARIABLES; i++) {
    bool wanted = list ? is_listed(list, variables[i].name) : variables[i].kind == BLUR_SYNAPSE;
    if (!wanted || !can_be_chosen(&variables[i])) continue;
    curl->chosen[curl->count++] = &variables[i];
    curl->numbers += blur_variable_count(&variables[i]);
  }
  if (curl->numbers > 0 && curl->numbers <= MOST_NUMBERS) return EXIT_DONE;
  if (curl->numbers)
    complain(arguments,
             "the update changes %zu numbers, and the Jacobian is for at most %d: a smaller network, or fewer "
             "--variables",
             curl->numbers, MOST_NUMBERS);
  else complain(arguments, "the rule has no synapses: name what its steps change by --variables");
  return EXIT_INPUT;
}

// ---- the result

static void print_names(const Curl *curl, bool chosen) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(curl->step.session.program, &variables), printed = 0;
  for (size_t i = 0; i < count; i++) {
    bool is_chosen = false, again = false;
    for (size_t c = 0; c < curl->count; c++) is_chosen |= curl->chosen[c] == &variables[i];
    for (size_t j = 0; j < i; j++) again |= variables[j].adjoint && !strcmp(variables[j].name, variables[i].name);
    if (!variables[i].adjoint || variables[i].kind == BLUR_LOSS || again || is_chosen != chosen) continue;
    printf("%s%s", printed++ ? ", " : "", variables[i].name);
  }
  if (!printed) printf("nothing");
}

static void print_asymmetry(const char *what, const BlurAsymmetry *found) {
  printf("%-34s %9.3g %9.3g %9.3g %9.3g %9.3g\n", what, found->norm, found->median, found->upper, found->farthest,
         found->largest);
}

static void print_result(const Curl *curl, const BlurCurl *result) {
  const Step *step = &curl->step;
  printf("update of ");
  print_names(curl, true);
  printf(": %zu numbers, at step %" PRId64 ", on a batch of %" PRId64 "; held fixed: ", result->count, step->steps,
         step->batch);
  print_names(curl, false);
  printf("\n\nantisymmetric part of its Jacobian    of norm    median      90 %%      99 %%   largest\n");
  print_asymmetry("as it is", &result->plain);
  if (curl->count > 1) {
    print_asymmetry("a scale for each layer's variable", &result->scaled);
    printf("scales:");
    for (size_t c = 0; c < curl->count; c++)
      printf(" %s.%d %.4g", curl->chosen[c]->name, curl->chosen[c]->layer, result->scale[c]);
    printf("\n");
  }
  if (result->entry == 0) printf("\nthe update does not change with these numbers\n");
  else if (result->plain.largest < rounding) printf("\nthe update is a gradient\n");
  else if (result->scaled.largest < rounding)
    printf("\nthe update is a gradient with a rate for each layer's variable\n");
  else printf("\nthe update is the gradient of nothing\n");
}

static void print_json(const char *name, const BlurAsymmetry *found) {
  printf(", \"%s\": {\"norm\": %.17g, \"median\": %.17g, \"90\": %.17g, \"99\": %.17g, \"largest\": %.17g}", name,
         found->norm, found->median, found->upper, found->farthest, found->largest);
}

// Leaves only those that the step changes with what was chosen: others (random feedback) are no part of the update.
// True if some went.
static bool drop_unchanged(Curl *curl, const BlurCurl *result) {
  size_t kept = 0, row = 0;
  for (size_t c = 0; c < curl->count; c++) {
    bool changes = false;
    size_t elements = blur_variable_count(curl->chosen[c]);
    for (size_t i = row * result->count; i < (row + elements) * result->count; i++) changes |= result->jacobian[i] != 0;
    row += elements;
    if (changes) curl->chosen[kept++] = curl->chosen[c];
  }
  bool some = kept > 0 && kept < curl->count;
  if (some) curl->count = kept;
  return some;
}

static int measure(Curl *curl) {
  Session *session = &curl->step.session;
  BlurStatus status = {0};
  BlurCurl *result = blur_curl_create(session->network, curl->chosen, curl->count, &status);
  bool chosen_here = !session->arguments->value[OPTION_variables];
  if (result && chosen_here && drop_unchanged(curl, result)) {
    blur_curl_destroy(result);
    result = blur_curl_create(session->network, curl->chosen, curl->count, &status);
  }
  if (!result) return session_failed(session, &status);
  if (option_given(session->arguments, OPTION_json)) {
    printf("{\"numbers\": %zu, \"steps\": %" PRId64 ", \"entry\": %.17g", result->count, curl->step.steps,
           result->entry);
    print_json("plain", &result->plain);
    print_json("scaled", &result->scaled);
    printf("}\n");
  } else print_result(curl, result);
  blur_curl_destroy(result);
  return EXIT_DONE;
}

int command_curl(const Arguments *arguments) {
  Curl *curl = calloc(1, sizeof *curl);
  if (!curl) return EXIT_ENVIRONMENT;
  int code = step_open(&curl->step, arguments, true);
  if (!code) code = choose(curl);
  for (int64_t i = 0; !code && i < curl->step.steps; i++) {
    step_set_batch(&curl->step, curl->step.session.network, i);
    blur_network_step(curl->step.session.network);
  }
  if (!code) {
    step_set_batch(&curl->step, curl->step.session.network, curl->step.steps);
    code = measure(curl);
  }
  step_close(&curl->step);
  free(curl);
  return code;
}
