// What steps leave, as arrays: variables, derivatives, the prediction and its loss. Before: step.c, grad.c; after: the
// .npz file.
#include "cli/step.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool output_open(const Step *step, Output *output, size_t most) {
  *output = (Output){.entries = calloc(most, sizeof *output->entries),
                     .names = calloc(most, sizeof *output->names),
                     .values = calloc(most, sizeof *output->values)};
  if (output->entries && output->names && output->values) return true;
  complain(step->session.arguments, "out of memory");
  return false;
}

void output_close(Output *output) {
  for (size_t i = 0; i < output->count; i++) free(output->values[i]);
  free(output->values);
  free(output->names);
  free(output->entries);
  *output = (Output){0};
}

bool output_add(const Step *step, Output *output, const char *name, int dimensions, const int64_t *extent,
                double *values) {
  if (!values) {
    complain(step->session.arguments, "out of memory for %s", name);
    return false;
  }
  size_t at = output->count++;
  snprintf(output->names[at], STEP_MAX_NAME, "%s", name);
  output->values[at] = values;
  output->entries[at] = (NpzEntry){.name = output->names[at],
                                   .float32 = blur_program_element(step->session.program) == sizeof(float),
                                   .dimensions = dimensions,
                                   .extent = extent,
                                   .values = values};
  return true;
}

// What the genome does through initial values: of those variables that started as the network's seed has them.
static bool add_initial(const Step *step, double *const *gradient) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(step->session.program, &variables);
  BlurStatus status;
  for (size_t i = 0; i < count; i++) {
    char name[STEP_MAX_NAME];
    if (variables[i].kind == BLUR_GENOME || !variables[i].initial_rank) continue;
    if (step_array_name(&variables[i], "", name) && npz_find(&step->input, name)) continue;
    if (!blur_network_add_initial_gradient(step->session.network, &variables[i], gradient, &status)) return false;
  }
  return true;
}

// Whether the values, or the derivatives by them, go out, and under which name.
static bool goes_out(const BlurVariable *variable, bool adjoints, const char *prefix, char name[STEP_MAX_NAME]) {
  return (!adjoints || variable->adjoint) && step_array_name(variable, prefix, name);
}

bool output_add_variables(const Step *step, Output *output, bool adjoints, const char *prefix) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(step->session.program, &variables), next = 0;
  char name[STEP_MAX_NAME];
  double **values = calloc(count + 1, sizeof *values);
  bool done = values != NULL;
  for (size_t i = 0; done && i < count; i++) {
    if (!goes_out(&variables[i], adjoints, prefix, name)) continue;
    done = (values[i] = calloc(blur_variable_count(&variables[i]) + 1, sizeof **values)) != NULL;
    if (done && adjoints) blur_network_get_adjoint(step->session.network, &variables[i], values[i]);
    else if (done) blur_network_get(step->session.network, &variables[i], values[i]);
  }
  done = done && (!adjoints || add_initial(step, values));
  if (!done) complain(step->session.arguments, "out of memory");
  for (; done && next < count; next++)
    if (goes_out(&variables[next], adjoints, prefix, name))
      done = output_add(step, output, name, variables[next].dimensions, variables[next].extent, values[next]);
  for (size_t i = next; values && i < count; i++) free(values[i]); // the others are the output's
  free(values);
  return done;
}

bool output_add_prediction(const Step *step, Output *output, const BlurNetwork *network, int64_t extent[2],
                           const double *loss) {
  extent[0] = blur_program_batch(blur_network_program(network));
  extent[1] = step->outputs;
  double *h = calloc((size_t)(extent[0] * extent[1]), sizeof *h), *copy = loss ? calloc(1, sizeof *copy) : NULL;
  if (h) blur_network_get(network, blur_network_find(network, BLUR_PREDICTION, NULL, -1), h);
  if (copy) *copy = *loss;
  return output_add(step, output, "prediction", 2, extent, h) &&
         (!loss || output_add(step, output, "loss", 0, extent, copy));
}

int output_write(const Step *step, const Output *output) {
  const char *path = step->session.arguments->value[OPTION_out];
  BlurStatus status;
  if (!path || npz_write(path, output->entries, output->count, &status)) return EXIT_DONE;
  return session_failed(&step->session, &status);
}

int step_query_network(Step *step, BlurProgram **program, BlurNetwork **network) {
  Session *session = &step->session;
  BlurOptions options = session->options;
  options.batch = step_query_batch(step);
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
