// The arrays that steps start from: x, y, genome, synapses of --in, checked against the network; what they leave open
// is drawn from the seed. Before: the command line; after: step.c, grad.c.
#include "cli/step.h"
#include "cli/table.h"

#include "base/memory.h"
#include "base/philox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t stream_x = 1, stream_y = 2; // of the drawn inputs

static const char *kind_name(BlurKind kind) {
  switch (kind) {
  case BLUR_NEURON: return "neuron";
  case BLUR_SYNAPSE: return "synapse";
  case BLUR_GENOME: return "genome";
  case BLUR_SIGNAL: return "signal";
  default: return NULL;
  }
}

bool step_array_name(const BlurVariable *variable, const char *prefix, char name[STEP_MAX_NAME]) {
  const char *kind = kind_name(variable->kind);
  if (!kind) return false;
  if (variable->layer < 0) snprintf(name, STEP_MAX_NAME, "%s%s.%s", prefix, kind, variable->name);
  else snprintf(name, STEP_MAX_NAME, "%s%s.%s.%d", prefix, kind, variable->name, variable->layer);
  return true;
}

static const NpzArray *take(Step *step, const char *name) {
  const NpzArray *array = npz_find(&step->input, name);
  if (array) step->used[array - step->input.arrays] = true;
  return array && array->values ? array : NULL;
}

static void shape_text(int dimensions, const int64_t *extent, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "(");
  for (int i = 0; i < dimensions && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? ", " : "", extent[i]);
  if (used < size) snprintf(text + used, size - used, ")");
}

// ---- inputs

// x or y or a query: (steps, batch, units), or (batch, units) for one batch.
static bool check_batches(const Step *step, const NpzArray *array, int64_t units, bool may_have_steps,
                          const char *what) {
  bool right = array->dimensions == 2 || (may_have_steps && array->dimensions == 3);
  if (right && array->count && array->extent[array->dimensions - 1] == units) return true;
  char shape[200];
  shape_text(array->dimensions, array->extent, shape, sizeof shape);
  complain(step->session.arguments, "%s has the shape %s; wanted is (%sbatch, %" PRId64 "), for %s of --net",
           array->name, shape, may_have_steps ? "steps, " : "", units, what);
  return false;
}

static int64_t batch_of(const NpzArray *array) { return array->extent[array->dimensions - 2]; }
static int64_t steps_of(const NpzArray *array) { return array->dimensions == 3 ? array->extent[0] : 1; }

static bool agree(const Step *step, const NpzArray *left, const NpzArray *right) {
  if (!left || !right || (batch_of(left) == batch_of(right) && steps_of(left) == steps_of(right))) return true;
  char one[200], other[200];
  shape_text(left->dimensions, left->extent, one, sizeof one);
  shape_text(right->dimensions, right->extent, other, sizeof other);
  complain(step->session.arguments, "%s %s and %s %s differ in steps or samples", left->name, one, right->name, other);
  return false;
}

static void draw_x(Step *step, int64_t batches) {
  int64_t count = batches * step->batch * step->inputs;
  philox_normals(step->session.seed, stream_x, 0, (size_t)count, step->x);
}

// One class of each sample, or a number where there is one output.
static void draw_y(Step *step, int64_t batches) {
  for (int64_t sample = 0; sample < batches * step->batch; sample++) {
    double *y = step->y + sample * step->outputs;
    int64_t right = (int64_t)philox_below(step->session.seed, stream_y, (uint64_t)sample, (uint64_t)step->outputs);
    for (int64_t i = 0; i < step->outputs; i++) y[i] = i == right ? 1 : -1;
    if (step->outputs == 1) y[0] = philox_normal(step->session.seed, stream_y, (uint64_t)sample);
  }
}

static int read_batches(Step *step) {
  const Arguments *arguments = step->session.arguments;
  BlurOptions *options = &step->session.options;
  step->inputs = options->units[0];
  step->outputs = options->units[options->layers - 1];
  const NpzArray *x = take(step, "x"), *y = take(step, "y");
  step->query_x = take(step, "query_x");
  step->query_y = take(step, "query_y");
  if ((x && !check_batches(step, x, step->inputs, true, "the inputs")) ||
      (y && !check_batches(step, y, step->outputs, true, "the outputs")) || !agree(step, x, y) ||
      (step->query_x && !check_batches(step, step->query_x, step->inputs, false, "the inputs")) ||
      (step->query_y && !check_batches(step, step->query_y, step->outputs, false, "the outputs")) ||
      !agree(step, step->query_x, step->query_y))
    return EXIT_INPUT;
  const NpzArray *given = x ? x : y;
  step->batch = given ? batch_of(given) : options->batch;
  if (given && option_given(arguments, OPTION_batch) && options->batch != step->batch) {
    complain(arguments, "--batch %" PRId64 ", but %s has batches of %" PRId64, options->batch, given->name,
             step->batch);
    return EXIT_INPUT;
  }
  options->batch = step->batch;
  int64_t held = given ? steps_of(given) : INT64_MAX;
  step->same_batch = given && given->dimensions == 2;
  int64_t usual = given ? held : arguments->command == COMMAND_curl ? 0 : 1;
  if (!option_integer(arguments, OPTION_steps, 0, 1000000000, usual, &step->steps)) return EXIT_USAGE;
  if (step->steps > held && !step->same_batch) {
    complain(arguments, "--steps %" PRId64 ", but %s holds %" PRId64, step->steps, given->name, held);
    return EXIT_INPUT;
  }
  int64_t batches = step->same_batch || step->steps == 0 ? 1 : step->steps;
  size_t x_count = (size_t)(batches * step->batch * step->inputs),
         y_count = (size_t)(batches * step->batch * step->outputs);
  step->x = calloc(x_count, sizeof *step->x);
  step->y = calloc(y_count, sizeof *step->y);
  if (!step->x || !step->y) {
    complain(arguments, "out of memory for %" PRId64 " batches", batches);
    return EXIT_ENVIRONMENT;
  }
  memory_prepare(step->x, x_count * sizeof *step->x);
  if (x) memcpy(step->x, x->values, x_count * sizeof *step->x);
  else draw_x(step, batches);
  if (y) memcpy(step->y, y->values, y_count * sizeof *step->y);
  else draw_y(step, batches);
  return EXIT_DONE;
}

static bool in_range(const Step *step, const BlurVariable *variable, const NpzArray *array) {
  for (size_t i = 0; i < array->count; i++) {
    if (array->values[i] >= variable->low && array->values[i] <= variable->high) continue; // nan is not
    complain(step->session.arguments, "%s holds %.9g; the rule has the range (%.9g, %.9g)", array->name,
             array->values[i], variable->low, variable->high);
    return false;
  }
  return true;
}

// genome.NAME, genome.NAME.LAYER; or synapse.NAME.LAYER, and persistent neuron.NAME.LAYER and signal.NAME.
static int set_kind(Step *step, bool genome) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(step->session.program, &variables);
  for (size_t i = 0; i < count; i++) {
    const BlurVariable *variable = &variables[i];
    char name[STEP_MAX_NAME];
    bool is_of_kind = variable->kind == BLUR_GENOME ? genome : !genome && variable->persistent;
    if (!is_of_kind || !step_array_name(variable, "", name)) continue;
    const NpzArray *array = take(step, name);
    if (!array) continue;
    bool fits = array->dimensions == variable->dimensions;
    for (int d = 0; fits && d < variable->dimensions; d++) fits = array->extent[d] == variable->extent[d];
    if (!fits) {
      char given[200], wanted[200];
      shape_text(array->dimensions, array->extent, given, sizeof given);
      shape_text(variable->dimensions, variable->extent, wanted, sizeof wanted);
      complain(step->session.arguments, "%s has the shape %s; the rule's has %s", name, given, wanted);
      return EXIT_INPUT;
    }
    if (genome && !in_range(step, variable, array)) return EXIT_INPUT;
    blur_network_set(step->session.network, variable, array->values);
  }
  return EXIT_DONE;
}

// Genome values first: the initial values of others may be made of them.
static int set_variables(Step *step) {
  BlurStatus status;
  int code = set_kind(step, true);
  if (!code && !blur_network_reset_from_genome(step->session.network, &status))
    code = session_failed(&step->session, &status);
  return code ? code : set_kind(step, false);
}

// What --out holds beside what --in takes: a step's result may be the next one's beginning.
static bool is_result(const Step *step, const char *name) {
  if (strcmp(name, "prediction") == 0 || strcmp(name, "loss") == 0) return true;
  const BlurVariable *variables;
  size_t count = blur_program_variables(step->session.program, &variables);
  for (size_t i = 0; i < count; i++) {
    char own[STEP_MAX_NAME];
    if (variables[i].kind == BLUR_NEURON && step_array_name(&variables[i], "", own) && strcmp(own, name) == 0)
      return true;
  }
  return false;
}

// A name that the rule lacks is told one by one, others in a line.
static void warn_unused(const Step *step) {
  size_t others = 0;
  const char *first = NULL;
  for (size_t i = 0; i < step->input.count; i++) {
    const char *name = step->input.arrays[i].name;
    if (step->used[i] || is_result(step, name)) continue;
    if (strncmp(name, "genome.", 7) == 0 || strncmp(name, "synapse.", 8) == 0 || strncmp(name, "neuron.", 7) == 0 ||
        strncmp(name, "signal.", 7) == 0) {
      complain(step->session.arguments, "warning: the rule on this network has no %s", name);
      continue;
    }
    if (!others++) first = name;
  }
  if (others == 1) complain(step->session.arguments, "warning: the array %s is not used", first);
  if (others > 1) complain(step->session.arguments, "warning: %zu arrays are not used (%s, ...)", others, first);
}

// ---- batches

int64_t step_query_batch(const Step *step) { return step->query_x ? batch_of(step->query_x) : step->batch; }

void step_batch(const Step *step, int64_t number, const double **x, const double **y) {
  int64_t last = step->same_batch || step->steps == 0 ? 0 : step->steps - 1;
  int64_t at = step->same_batch || number > last ? last : number;
  *x = step->x + at * step->batch * step->inputs;
  *y = step->y + at * step->batch * step->outputs;
  if (number < step->steps || !step->query_x) return;
  *x = step->query_x->values;
  *y = step->query_y ? step->query_y->values : NULL;
}

void step_set_batch(const Step *step, BlurNetwork *network, int64_t number) {
  const double *x, *y;
  step_batch(step, number, &x, &y);
  const BlurVariable *target = blur_network_find(network, BLUR_Y, NULL, -1);
  blur_network_set(network, blur_network_find(network, BLUR_X, NULL, -1), x);
  if (target && y) blur_network_set(network, target, y);
}

// ---- all of it

int step_open(Step *step, const Arguments *arguments, bool adjoint) {
  Session *session = &step->session;
  session->arguments = arguments;
  bool is_named = arguments->operand_count == 0 && option_given(arguments, OPTION_genome);
  if (!is_named && !exactly_one_operand(arguments, "a rule")) return EXIT_USAGE;
  int code = session_open(session, arguments);
  if (code) return code;
  const char *path = arguments->value[OPTION_in];
  const char *out = arguments->value[OPTION_out];
  BlurStatus status;
  if (path && !npz_read(path, &step->input, &status)) return session_failed(session, &status);
  if (out && !table_can_write_arrays(out, &status)) return session_failed(session, &status);
  step->used = calloc(step->input.count + 1, sizeof *step->used);
  if (!step->used) return EXIT_ENVIRONMENT;
  session->options.all_live = true;
  session->options.adjoint = adjoint;
  session->options.query_loss = session->loss;
  if (arguments->command == COMMAND_curl) session->options.precision = BLUR_DOUBLE; // symmetric to rounding
  code = read_batches(step);
  if (!code) code = session_compile(session);
  if (!code) code = set_variables(step);
  if (!code) warn_unused(step);
  return code;
}

void step_close(Step *step) {
  free(step->x);
  free(step->y);
  free(step->used);
  npz_free(&step->input);
  session_close(&step->session);
}
