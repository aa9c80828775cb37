// blur step RULE --net ... --in A.npz --out B.npz: exact steps on given arrays, in any engine and precision; what the
// arrays leave open is drawn from the seed. For checks, and for users of NumPy.
#include "base/file.h"
#include "base/memory.h"
#include "base/npz.h"
#include "base/philox.h"
#include "cli/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 256 };
static const uint64_t stream_x = 1, stream_y = 2; // of the drawn inputs

typedef struct {
  Session session;
  NpzFile input;
  bool *used; // of input.arrays
  int64_t steps, batch, inputs, outputs;
  double *x, *y;   // [steps][B][I], [steps][B][O]
  bool same_batch; // x and y hold one batch for all steps
  const NpzArray *query_x, *query_y;
} Step;

static const char *kind_name(BlurKind kind) {
  switch (kind) {
  case BLUR_NEURON: return "neuron";
  case BLUR_SYNAPSE: return "synapse";
  case BLUR_GENOME: return "genome";
  case BLUR_SIGNAL: return "signal";
  default: return NULL;
  }
}

// "synapse.w.0", "genome.lr"; false for x, y, and their like.
static bool array_name(const BlurVariable *variable, char name[MAX_NAME]) {
  const char *kind = kind_name(variable->kind);
  if (!kind) return false;
  if (variable->layer < 0) snprintf(name, MAX_NAME, "%s.%s", kind, variable->name);
  else snprintf(name, MAX_NAME, "%s.%s.%d", kind, variable->name, variable->layer);
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
  if (!option_integer(arguments, OPTION_steps, 0, 1000000000, given ? held : 1, &step->steps)) return EXIT_USAGE;
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

// genome.NAME, genome.NAME.LAYER; or synapse.NAME.LAYER, and persistent neuron.NAME.LAYER and signal.NAME.
static int set_kind(Step *step, bool genome) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(step->session.program, &variables);
  for (size_t i = 0; i < count; i++) {
    const BlurVariable *variable = &variables[i];
    char name[MAX_NAME];
    bool is_of_kind = variable->kind == BLUR_GENOME ? genome : !genome && variable->persistent;
    if (!is_of_kind || !array_name(variable, name)) continue;
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

// A name that the rule lacks is told one by one, others in a line.
static void warn_unused(const Step *step) {
  size_t others = 0;
  const char *first = NULL;
  for (size_t i = 0; i < step->input.count; i++) {
    const char *name = step->input.arrays[i].name;
    if (step->used[i]) continue;
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

// ---- outputs

typedef struct {
  NpzEntry *entries;
  char (*names)[MAX_NAME];
  double **values;
  size_t count;
  double prediction_loss;
} Output;

static bool add_entry(const Step *step, Output *output, const char *name, int dimensions, const int64_t *extent,
                      double *values) {
  if (!values) {
    complain(step->session.arguments, "out of memory for %s", name);
    return false;
  }
  size_t at = output->count++;
  snprintf(output->names[at], MAX_NAME, "%s", name);
  output->values[at] = values;
  output->entries[at] = (NpzEntry){.name = output->names[at],
                                   .float32 = blur_program_element(step->session.program) == sizeof(float),
                                   .dimensions = dimensions,
                                   .extent = extent,
                                   .values = values};
  return true;
}

static bool collect_variables(const Step *step, Output *output) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(step->session.program, &variables);
  for (size_t i = 0; i < count; i++) {
    char name[MAX_NAME];
    if (!array_name(&variables[i], name)) continue;
    double *values = calloc(blur_variable_count(&variables[i]) + 1, sizeof *values);
    if (values) blur_network_get(step->session.network, &variables[i], values);
    if (!add_entry(step, output, name, variables[i].dimensions, variables[i].extent, values)) return false;
  }
  return true;
}

// A network of the same rule for batches of another size, with the trained values.
static int compile_for_query(Step *step, int64_t batch, BlurProgram **program, BlurNetwork **network) {
  Session *session = &step->session;
  BlurOptions options = session->options;
  options.batch = batch;
  BlurStatus status;
  *program = blur_compile(session->rule, &options, session->report);
  if (!*program) return report_finish(session->arguments, session->report);
  *network = blur_network_create(*program, session->pool, session->seed, &status);
  if (!*network) return session_failed(session, &status);
  const BlurVariable *variables;
  size_t count = blur_program_variables(session->program, &variables);
  for (size_t i = 0; i < count; i++) {
    const BlurVariable *from = &variables[i];
    if (from->kind != BLUR_SYNAPSE && from->kind != BLUR_GENOME && !from->persistent) continue;
    const BlurVariable *to = blur_network_find(*network, from->kind, from->name, from->layer);
    if (!to || blur_variable_count(to) != blur_variable_count(from)) {
      complain(session->arguments, "%s has a value a sample: the query needs batches of %" PRId64 " too", from->name,
               step->batch);
      return EXIT_INPUT;
    }
    double *values = calloc(blur_variable_count(from) + 1, sizeof *values);
    if (!values) return EXIT_ENVIRONMENT;
    blur_network_get(session->network, from, values);
    blur_network_set(*network, to, values);
    free(values);
  }
  blur_network_set_steps(*network, blur_network_steps(session->network));
  return EXIT_DONE;
}

// Prediction and loss on the query; without one, on the last batch.
static int predict_query(Step *step, Output *output, int64_t extent[2]) {
  Session *session = &step->session;
  int64_t last = step->same_batch || step->steps == 0 ? 0 : step->steps - 1;
  const double *x = step->x + last * step->batch * step->inputs, *y = step->y + last * step->batch * step->outputs;
  int64_t batch = step->batch;
  if (step->query_x) {
    x = step->query_x->values;
    y = step->query_y ? step->query_y->values : NULL;
    batch = batch_of(step->query_x);
  }
  BlurProgram *program = NULL;
  BlurNetwork *network = session->network, *other = NULL;
  int code = EXIT_DONE;
  if (batch != step->batch) {
    code = compile_for_query(step, batch, &program, &other);
    network = other;
  }
  if (!code) {
    blur_network_set(network, blur_network_find(network, BLUR_X, NULL, -1), x);
    blur_network_predict(network);
    double *h = calloc((size_t)(batch * step->outputs), sizeof *h), *loss = calloc(1, sizeof *loss);
    extent[0] = batch;
    extent[1] = step->outputs;
    if (h) blur_network_get(network, blur_network_find(network, BLUR_PREDICTION, NULL, -1), h);
    if (h && loss && y) *loss = output->prediction_loss = blur_loss_value(session->loss, batch, step->outputs, h, y);
    if (!add_entry(step, output, "prediction", 2, extent, h)) code = EXIT_ENVIRONMENT;
    if (!y) free(loss);
    else if (!add_entry(step, output, "loss", 0, extent, loss)) code = EXIT_ENVIRONMENT;
  }
  blur_network_destroy(other);
  blur_program_destroy(program);
  return code;
}

static int write_output(Step *step) {
  const BlurVariable *variables;
  size_t most = blur_program_variables(step->session.program, &variables) + 2;
  Output output = {.entries = calloc(most, sizeof *output.entries),
                   .names = calloc(most, sizeof *output.names),
                   .values = calloc(most, sizeof *output.values)};
  const char *path = step->session.arguments->value[OPTION_out];
  int64_t extent[2];
  int code = EXIT_ENVIRONMENT;
  if (!output.entries || !output.names || !output.values) complain(step->session.arguments, "out of memory");
  else if (!path || collect_variables(step, &output)) code = predict_query(step, &output, extent);
  BlurStatus status;
  if (!code && path && !npz_write(path, output.entries, output.count, &status))
    code = session_failed(&step->session, &status);
  if (!code) {
    if (!option_given(step->session.arguments, OPTION_json))
      printf("steps %" PRId64 "  loss %.9g\n", step->steps, output.prediction_loss);
    else if (isfinite(output.prediction_loss))
      printf("{\"steps\": %" PRId64 ", \"loss\": %.17g}\n", step->steps, output.prediction_loss);
    else printf("{\"steps\": %" PRId64 ", \"loss\": null}\n", step->steps);
  }
  for (size_t i = 0; i < output.count; i++) free(output.values[i]);
  free(output.values);
  free(output.names);
  free(output.entries);
  return code;
}

// ---- the steps

static int run_steps(Step *step) {
  BlurNetwork *network = step->session.network;
  const BlurVariable *x = blur_network_find(network, BLUR_X, NULL, -1),
                     *y = blur_network_find(network, BLUR_Y, NULL, -1);
  const BlurVariable *where;
  int code = EXIT_DONE;
  for (int64_t i = 0; i < step->steps; i++) {
    int64_t at = step->same_batch ? 0 : i;
    blur_network_set(network, x, step->x + at * step->batch * step->inputs);
    if (y) blur_network_set(network, y, step->y + at * step->batch * step->outputs);
    blur_network_step(network);
    if (code || blur_network_is_finite(network, &where)) continue;
    complain(step->session.arguments, "diverged: %s holds a number that is not finite after step %" PRId64, where->name,
             i + 1);
    code = EXIT_DIVERGED;
  }
  return code;
}

static int work(Step *step) {
  Session *session = &step->session;
  const Arguments *arguments = session->arguments;
  if (!exactly_one_operand(arguments, "a rule")) return EXIT_USAGE;
  int code = session_open(session, arguments);
  if (code) return code;
  const char *path = arguments->value[OPTION_in];
  const char *out = arguments->value[OPTION_out];
  BlurStatus status;
  if (path && !npz_read(path, &step->input, &status)) return session_failed(session, &status);
  if (out && !file_can_write(out, &status)) return session_failed(session, &status);
  step->used = calloc(step->input.count + 1, sizeof *step->used);
  if (!step->used) return EXIT_ENVIRONMENT;
  session->options.all_live = true;
  code = read_batches(step);
  if (!code) code = session_compile(session);
  if (!code) code = set_variables(step);
  if (code) return code;
  warn_unused(step);
  int diverged = run_steps(step);
  code = write_output(step);
  return code ? code : diverged;
}

int command_step(const Arguments *arguments) {
  Step step = {0};
  step.session.arguments = arguments;
  int code = work(&step);
  free(step.x);
  free(step.y);
  free(step.used);
  npz_free(&step.input);
  session_close(&step.session);
  return code;
}
