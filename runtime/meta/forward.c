// Unrolls in forward mode: how the loss changes along one direction. Each step runs after its tangent program, which
// finds the variables as they were and leaves them.
#include "runtime/meta/unroll.h"

#include "base/status.h"

#include <inttypes.h>
#include <math.h>

// The tangent of the loss after so many steps, times its weight; the weighted loss is added to *loss.
static double run_query(BlurUnroll *unroll, BlurBatch *batch, void *context, int64_t steps, double *loss) {
  BlurNetwork *query = unroll->query;
  double value = 0, tangent = 0;
  if (query != unroll->network) {
    unroll_hand_values(unroll);
    unroll_clear(query, &unroll->query_tangents);
    for (size_t i = 0; i < unroll->network->variable_count; i++) {
      const BlurVariable *own = &unroll->network->variables[i], *other = unroll_counterpart(unroll, own);
      if (!other) continue;
      blur_network_get_tangent(unroll->network, own, unroll->exchanged);
      blur_network_set_tangent(query, other, unroll->exchanged);
    }
  }
  batch(context, query, 2 * unroll->steps - steps);
  network_run(query, NETWORK_QUERY_TANGENT, NULL, NULL);
  blur_network_get(query, query->loss, &value);
  blur_network_get_tangent(query, query->loss, &tangent);
  *loss += unroll->weight * value;
  return unroll->weight * tangent;
}

bool blur_unroll_forward(BlurUnroll *unroll, BlurBatch *batch, void *context, const double *const *direction,
                         double *loss, double *derivative, BlurStatus *status) {
  BlurNetwork *network = unroll->network;
  int64_t start = network->steps;
  if (!blur_program_has_tangent(network->program) || !blur_program_has_tangent(unroll->query->program))
    return status_fail(status, BLUR_FAILED_INPUT, "the program has no tangents: compile it with BlurOptions.tangent");
  *loss = *derivative = 0;
  unroll_copy_state(unroll, 0, true);
  unroll_clear(network, &unroll->tangents);
  for (size_t i = 0; direction && i < network->variable_count; i++)
    if (direction[i]) blur_network_set_tangent(network, &network->variables[i], direction[i]);
  for (int64_t steps = 0; steps <= unroll->steps; steps++) {
    if (unroll_counts(unroll, steps)) *derivative += run_query(unroll, batch, context, steps, loss);
    if (steps == unroll->steps) break;
    batch(context, network, steps);
    if (direction) network_run(network, NETWORK_TANGENT, NULL, NULL);
    network_run(network, NETWORK_STEP, NULL, NULL);
  }
  unroll_rewind(unroll, start);
  if (isfinite(*loss) && isfinite(*derivative)) return true;
  return status_fail(status, BLUR_DIVERGED, "diverged: the %s up to step %" PRId64 " is not finite",
                     isfinite(*loss) ? "change of the loss" : "loss", start + unroll->steps);
}
