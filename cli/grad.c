// blur grad RULE --net ... --in A.npz --out B.npz: as blur step, and the derivative of the query's loss after the steps
// by the genome and by everything that the network held before them, exact, through all steps. A file with an
// experiment is the business of grad_experiment.c.
#include "cli/gradient.h"
#include "cli/step.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  Step *step;
  Output output;
  bool failed; // memory
} RuleGradient;

// At the query the network is as the steps have left it: that is what goes out beside the derivatives.
static void set_batch(void *context, BlurNetwork *network, int64_t number) {
  RuleGradient *gradient = context;
  if (number == gradient->step->steps)
    gradient->failed = !output_add_variables(gradient->step, &gradient->output, false, "");
  step_set_batch(gradient->step, network, number);
}

static void print_cost(const Step *step, const BlurUnrollCost *cost) {
  if (option_given(step->session.arguments, OPTION_json)) return;
  printf("%" PRId64 " step%s and a query: %.0f step%s forward, %" PRId64 " in reverse, %" PRId64
         " snapshot%s, %.1f MB\n",
         step->steps, step->steps == 1 ? "" : "s", cost->steps, cost->steps == 1 ? "" : "s", step->steps,
         cost->snapshots, cost->snapshots == 1 ? "" : "s", (double)cost->bytes / 1e6);
  fflush(stdout); // before the run
}

static void print_result(const Step *step, const BlurUnrollCost *cost, double loss) {
  if (!option_given(step->session.arguments, OPTION_json)) {
    printf("steps %" PRId64 "  loss %.9g\n", step->steps, metrics_told(loss));
    return;
  }
  printf("{\"steps\": %" PRId64 ", \"loss\": ", step->steps);
  if (isfinite(loss)) printf("%.17g", loss);
  else printf("null");
  printf(", \"forward_steps\": %.0f, \"snapshots\": %" PRId64 ", \"bytes\": %zu}\n", cost->steps, cost->snapshots,
         cost->bytes);
}

static int run(RuleGradient *gradient, BlurUnroll *unroll, BlurNetwork *query) {
  Step *step = gradient->step;
  Session *session = &step->session;
  const BlurVariable *variables;
  BlurUnrollCost cost = blur_unroll_cost(unroll);
  BlurStatus status = {0};
  double loss = 0;
  int64_t extent[2];
  if (!output_open(step, &gradient->output, 2 * blur_program_variables(session->program, &variables) + 2))
    return EXIT_ENVIRONMENT;
  print_cost(step, &cost);
  bool done = blur_unroll_run(unroll, set_batch, gradient, &loss, &status);
  if (!done && status.code != BLUR_DIVERGED) return session_failed(session, &status);
  if (gradient->failed || !output_add_variables(step, &gradient->output, true, "d.") ||
      !output_add_prediction(step, &gradient->output, query ? query : session->network, extent, &loss))
    return EXIT_ENVIRONMENT;
  int code = output_write(step, &gradient->output);
  if (code) return code;
  print_result(step, &cost, loss);
  return done ? EXIT_DONE : session_failed(session, &status);
}

static int differentiate(Step *step) {
  Session *session = &step->session;
  size_t memory;
  if (!option_bytes(session->arguments, OPTION_memory, 0, &memory)) return EXIT_USAGE;
  if (step->query_x && !step->query_y) {
    complain(session->arguments, "query_x has no query_y beside it: a loss needs targets");
    return EXIT_INPUT;
  }
  BlurProgram *program = NULL;
  BlurNetwork *query = NULL;
  int code = step_query_batch(step) == step->batch ? EXIT_DONE : step_query_network(step, &program, &query);
  BlurStatus status;
  BlurUnroll *unroll = code ? NULL : blur_unroll_create(session->network, query, step->steps, memory, &status);
  RuleGradient gradient = {.step = step};
  if (unroll) code = run(&gradient, unroll, query);
  else if (!code) code = session_failed(session, &status);
  output_close(&gradient.output);
  blur_unroll_destroy(unroll);
  blur_network_destroy(query);
  blur_program_destroy(program);
  return code;
}

int command_grad(const Arguments *arguments) {
  if (arguments->operand_count == 1 && blur_experiment_exists(arguments->operand[0])) return gradient_run(arguments);
  Step step = {0};
  int code = step_open(&step, arguments, true);
  if (!code) code = differentiate(&step);
  step_close(&step);
  return code;
}
