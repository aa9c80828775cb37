// blur step RULE --net ... --in A.npz --out B.npz: exact steps on given arrays, in any engine and precision; what the
// arrays leave open is drawn from the seed. For checks, and for users of NumPy.
#include "cli/step.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// Prediction and loss on the query.
static int predict_query(Step *step, Output *output, int64_t extent[2], double *loss) {
  BlurProgram *program = NULL;
  BlurNetwork *network = step->session.network, *other = NULL;
  int64_t batch = step_query_batch(step);
  int code = EXIT_DONE;
  if (batch != step->batch) {
    code = step_query_network(step, &program, &other);
    network = other;
  }
  if (!code) {
    const double *x, *y;
    step_batch(step, step->steps, &x, &y);
    step_set_batch(step, network, step->steps);
    blur_network_predict(network);
    double *h = calloc((size_t)(batch * step->outputs), sizeof *h);
    if (h) blur_network_get(network, blur_network_find(network, BLUR_PREDICTION, NULL, -1), h);
    if (h && y) *loss = blur_loss_value(step->session.loss, batch, step->outputs, h, y);
    free(h);
    if (!output_add_prediction(step, output, network, extent, y ? loss : NULL)) code = EXIT_ENVIRONMENT;
  }
  blur_network_destroy(other);
  blur_program_destroy(program);
  return code;
}

static int write_output(Step *step) {
  const BlurVariable *variables;
  size_t most = blur_program_variables(step->session.program, &variables) + 2;
  Output output;
  int64_t extent[2];
  double loss = 0;
  bool has_loss = !step->query_x || step->query_y; // targets were given or drawn
  int code = EXIT_ENVIRONMENT;
  bool wanted = step->session.arguments->value[OPTION_out] != NULL;
  if (output_open(step, &output, most) && (!wanted || output_add_variables(step, &output, false, "")))
    code = predict_query(step, &output, extent, &loss);
  if (!code) code = output_write(step, &output);
  if (!code) {
    bool json = option_given(step->session.arguments, OPTION_json);
    printf(json ? "{\"steps\": %" PRId64 : "steps %" PRId64, step->steps);
    if (has_loss && (!json || isfinite(loss))) printf(json ? ", \"loss\": %.17g" : "  loss %.9g", metrics_told(loss));
    else if (has_loss) printf(", \"loss\": null");
    printf(json ? "}\n" : "\n");
  }
  output_close(&output);
  return code;
}

static int run_steps(Step *step) {
  BlurNetwork *network = step->session.network;
  const BlurVariable *where;
  int code = EXIT_DONE;
  for (int64_t i = 0; i < step->steps; i++) {
    step_set_batch(step, network, i);
    blur_network_step(network);
    if (code || blur_network_is_finite(network, &where)) continue;
    complain(step->session.arguments, "diverged: %s holds a number that is not finite after step %" PRId64, where->name,
             i + 1);
    code = EXIT_DIVERGED;
  }
  return code;
}

int command_step(const Arguments *arguments) {
  Step step = {0};
  int code = step_open(&step, arguments, false);
  if (!code) {
    int diverged = run_steps(&step);
    code = write_output(&step);
    if (!code) code = diverged;
  }
  step_close(&step);
  return code;
}
