// Measures of a network in training. An expression is evaluated by a program that has the network's variables: they are
// copied there, and one step of it leaves the number of each layer in a variable without axes. A cosine lets a
// reference program make one step from the synapses as they were before the network's own, on the same batch, and
// compares the two changes. Called by study.c at few steps, so copies go through dense arrays.
#include "runtime/train/study.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static BlurNetwork *open_network(StudyDesk *desk, size_t m, const BlurProgram *program, BlurStatus *status) {
  BlurNetwork *network = desk->measuring[m];
  if (network && blur_network_program(network) == program) return network;
  blur_network_destroy(network);
  return desk->measuring[m] = blur_network_create(program, desk->pool, 0, status);
}

static bool is_data(BlurKind kind) { return kind == BLUR_X || kind == BLUR_Y; }

static bool lasts(BlurKind kind) {
  return kind == BLUR_NEURON || kind == BLUR_SYNAPSE || kind == BLUR_GENOME || kind == BLUR_SIGNAL;
}

// One variable into that of the same kind, name and layer of another network, if it has one. A row for the unit neuron
// that only the other has becomes zero.
static void copy_variable(const BlurNetwork *from, const BlurVariable *variable, BlurNetwork *to, double *room) {
  const BlurVariable *target = blur_network_find(to, variable->kind, variable->name, variable->layer);
  if (!target) return;
  size_t count = blur_variable_count(variable), wanted = blur_variable_count(target);
  bool row_more = !variable->has_bias && target->has_bias;
  if (count != wanted && !row_more) return;
  blur_network_get(from, variable, room);
  if (row_more) {
    // [states][pre][post] to [states][pre + 1][post], from the end.
    size_t states = 1, own, other;
    for (int d = 0; d < variable->states; d++) states *= (size_t)variable->extent[d];
    own = count / states;
    other = wanted / states;
    for (size_t state = states; state-- > 0;) {
      memmove(room + state * other, room + state * own, own * sizeof *room);
      memset(room + state * other + own, 0, (other - own) * sizeof *room);
    }
  }
  blur_network_set(to, target, room);
}

static void copy_variables(const BlurNetwork *from, BlurNetwork *to, bool data_alone, bool synapses_alone,
                           double *room) {
  const BlurVariable *variables;
  size_t count = blur_program_variables(blur_network_program(from), &variables);
  for (size_t i = 0; i < count; i++) {
    BlurKind kind = variables[i].kind;
    bool wanted = data_alone ? is_data(kind) : synapses_alone ? kind == BLUR_SYNAPSE : lasts(kind);
    if (wanted) copy_variable(from, &variables[i], to, room);
  }
}

// ---- expressions

static bool measure_expression(StudyDesk *desk, const BlurMeasure *measure, BlurNetwork *network, size_t count,
                               double *values) {
  copy_variables(desk->network, network, false, false, desk->room[0]);
  blur_network_set_steps(network, blur_network_steps(desk->network) - 1); // as in the step that was made
  blur_network_step(network);
  for (size_t layer = 0; layer < count; layer++) {
    const BlurVariable *variable = blur_network_find(network, measure->kind, measure->variable, (int)layer);
    values[layer] = NAN;
    if (variable && blur_variable_count(variable) == 1) blur_network_get(network, variable, &values[layer]);
  }
  return true;
}

// ---- cosines

bool study_before(BlurStudy *study, StudyDesk *desk, const BlurCandidate *candidate, size_t m, BlurStatus *status) {
  if (!study->options.measure[m].is_cosine || !candidate->measuring[m]) return true;
  BlurNetwork *reference = open_network(desk, m, candidate->measuring[m], status);
  if (!reference || !blur_network_reset(reference, 0, status)) return false;
  copy_variables(desk->network, reference, false, true, desk->room[0]);
  return true;
}

typedef struct {
  double product, own, other; // sums over elements
} Angle;

static double cosine(Angle angle) {
  double lengths = sqrt(angle.own) * sqrt(angle.other);
  return lengths > 0 ? angle.product / lengths : NAN;
}

// Adds up the changes over the elements that both have. room[0], [1]: the reference before and after; [2]: the network
// after.
static Angle compare(StudyDesk *desk, const BlurVariable *own, const BlurVariable *other) {
  size_t states = 1, own_count = blur_variable_count(own), other_count = blur_variable_count(other);
  for (int d = 0; d < own->states; d++) states *= (size_t)own->extent[d];
  Angle angle = {0};
  for (size_t state = 0; state < states; state++)
    for (size_t i = 0; i < own_count / states; i++) {
      size_t at = state * (other_count / states) + i;
      double by_other = desk->room[1][at] - desk->room[0][at];
      double by_own = desk->room[2][state * (own_count / states) + i] - desk->room[0][at];
      angle.product += by_own * by_other;
      angle.own += by_own * by_own;
      angle.other += by_other * by_other;
    }
  return angle;
}

static bool measure_cosine(StudyDesk *desk, const BlurMeasure *measure, BlurNetwork *reference, size_t count,
                           double *values) {
  // The changes of all layers are needed after the one step, so what was before is kept side by side in room[3].
  double *before = desk->room[3];
  for (size_t layer = 0; layer + 1 < count; layer++) {
    const BlurVariable *variable = blur_network_find(reference, BLUR_SYNAPSE, measure->variable, (int)layer);
    if (!variable) continue;
    blur_network_get(reference, variable, before);
    before += blur_variable_count(variable);
  }
  copy_variables(desk->network, reference, true, false, desk->room[0]);
  blur_network_set_steps(reference, blur_network_steps(desk->network) - 1);
  blur_network_step(reference);
  Angle all = {0};
  before = desk->room[3];
  for (size_t layer = 0; layer + 1 < count; layer++) {
    const BlurVariable *own = blur_network_find(desk->network, BLUR_SYNAPSE, measure->variable, (int)layer);
    const BlurVariable *other = blur_network_find(reference, BLUR_SYNAPSE, measure->variable, (int)layer);
    values[layer] = NAN;
    if (!own || !other) continue;
    memcpy(desk->room[0], before, blur_variable_count(other) * sizeof *before);
    before += blur_variable_count(other);
    blur_network_get(reference, other, desk->room[1]);
    blur_network_get(desk->network, own, desk->room[2]);
    Angle angle = compare(desk, own, other);
    values[layer] = cosine(angle);
    all = (Angle){all.product + angle.product, all.own + angle.own, all.other + angle.other};
  }
  values[count - 1] = cosine(all);
  return true;
}

bool study_measure(BlurStudy *study, StudyDesk *desk, const BlurCandidate *candidate, size_t m, double *values,
                   BlurStatus *status) {
  const BlurMeasure *measure = &study->options.measure[m];
  size_t count = study->measures[m].values;
  BlurNetwork *network = open_network(desk, m, candidate->measuring[m], status);
  if (!network) return false;
  return measure->is_cosine ? measure_cosine(desk, measure, network, count, values)
                            : measure_expression(desk, measure, network, count, values);
}
