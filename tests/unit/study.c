// A study's measures and results against networks trained one by one: norms and shares counted here, the cosine against
// the gradient of a network with one hidden layer of tanh and cross-entropy, written out.
#include "blur/study.h"
#include "blur/experiment.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { I = 3, J = 4, O = 3, B = 5, SAMPLES = 40, SEEDS = 2 };

static BlurData *make_data(void) {
  static float x[SAMPLES * I];
  static uint8_t labels[SAMPLES];
  for (int i = 0; i < SAMPLES * I; i++) x[i] = (float)((i * 37 + 11) % 64) / 32 - 1;
  for (int i = 0; i < SAMPLES; i++) labels[i] = x[i * I] > 0.2f ? 2 : x[i * I + 1] > 0;
  BlurStatus status;
  BlurData *data = blur_data_create(I, O, SAMPLES, x, labels, SAMPLES, x, labels, &status);
  cr_assert_not_null(data, "%s", status.message);
  return data;
}

// ---- the experiment of set/measured.blur on this data

typedef struct {
  BlurReport *report;
  BlurExperiment *experiment;
  const BlurExperimentFields *fields;
  BlurData *data;
  BlurProgram *program, *expressions, *reference;
  BlurStudy *study;
  BlurGenomeNumber number;
  const BlurProgram *measuring[4];
  BlurCandidate candidate;
  BlurContender contender;
  BlurMeasure measures[4];
} Set;

static BlurProgram *compile(Set *set, BlurRule *rule, BlurEngine engine) {
  static const int64_t units[] = {I, J, O};
  BlurOptions options = {.layers = 3,
                         .units = units,
                         .batch = B,
                         .precision = BLUR_DOUBLE,
                         .engine = engine,
                         .all_live = true,
                         .no_cache = true};
  cr_assert_not_null(rule, "%s", blur_report_text(set->report, false));
  BlurProgram *program = blur_compile(rule, &options, set->report);
  cr_assert_not_null(program, "%s", blur_report_text(set->report, false));
  blur_rule_destroy(rule);
  return program;
}

static void open_set(Set *set, int threads) {
  setenv("BLUR_STDLIB", SOURCE_DIR "/stdlib", 1);
  *set = (Set){.report = blur_report_create(), .data = make_data()};
  set->experiment =
      blur_experiment_load(SOURCE_DIR "/tests/golden/experiments/set/measured.blur", NULL, 0, set->report);
  cr_assert_not_null(set->experiment, "%s", blur_report_text(set->report, false));
  set->fields = blur_experiment_fields(set->experiment);
  cr_assert_eq(set->fields->measures, 4);
  BlurLoss loss = BLUR_LOSS_CROSS_ENTROPY;
  set->program = compile(set, blur_experiment_rule(set->experiment, 0, NULL, loss, set->report), BLUR_ENGINE_INTERPRET);
  set->expressions =
      compile(set, blur_experiment_measuring_rule(set->experiment, 0, NULL, loss, set->report), BLUR_ENGINE_INTERPRET);
  set->reference = compile(set, blur_experiment_reference_rule(set->experiment, 0, 3, NULL, loss, set->report),
                           BLUR_ENGINE_INTERPRET);
  for (int m = 0; m < 4; m++) {
    const BlurExperimentMeasure *measure = &set->fields->measure[m];
    cr_assert(blur_experiment_measures(set->experiment, 0, (size_t)m));
    set->measures[m] = (BlurMeasure){measure->every, measure->is_cosine, measure->kind, measure->variable};
    set->measuring[m] = measure->is_cosine ? set->reference : set->expressions;
  }
  set->candidate = (BlurCandidate){.program = set->program, .measuring = set->measuring};
  set->contender = (BlurContender){1, &set->candidate, 0};
  BlurStudyOptions options = {.data = set->data,
                              .loss = loss,
                              .part = BLUR_TEST,
                              .steps = 6,
                              .eval_every = 4,
                              .seeds = SEEDS,
                              .first_seed = 7,
                              .threads = threads,
                              .contenders = 1,
                              .contender = &set->contender,
                              .measures = 4,
                              .measure = set->measures};
  BlurStatus status;
  set->study = blur_study_create(&options, &status);
  cr_assert(set->study && blur_study_run(set->study, &status), "%s", status.message);
}

static void close_set(Set *set) {
  blur_study_destroy(set->study);
  blur_program_destroy(set->program);
  blur_program_destroy(set->expressions);
  blur_program_destroy(set->reference);
  blur_data_destroy(set->data);
  blur_experiment_destroy(set->experiment);
  blur_report_destroy(set->report);
}

// ---- the same, by hand

static void get(const BlurNetwork *network, BlurKind kind, const char *name, int layer, double *values) {
  const BlurVariable *variable = blur_network_find(network, kind, name, layer);
  cr_assert_not_null(variable);
  blur_network_get(network, variable, values);
}

typedef struct {
  double w[2][(J + 1) * J]; // [pre + 1, post] of both layers, the unit neuron's row last
  double change[2][(J + 1) * J];
  double x[B * I], y[B * O], h[3][B * J];
} State;

static double cosine_of(const double *a, const double *b, int count, double *sums) {
  double product = 0, left = 0, right = 0;
  for (int i = 0; i < count; i++) product += a[i] * b[i], left += a[i] * a[i], right += b[i] * b[i];
  sums[0] += product, sums[1] += left, sums[2] += right;
  return product / sqrt(left * right);
}

// Minus the gradient of the mean cross-entropy of softmax(W1' tanh(W0' x)).
static void descent(const State *state, double change[2][(J + 1) * J]) {
  memset(change, 0, 2 * sizeof *change);
  for (int b = 0; b < B; b++) {
    double hidden[J + 1], output[O], total = 0, error[O];
    for (int j = 0; j < J; j++) {
      double z = state->w[0][I * J + j];
      for (int i = 0; i < I; i++) z += state->x[b * I + i] * state->w[0][i * J + j];
      hidden[j] = tanh(z);
    }
    hidden[J] = 1;
    for (int o = 0; o < O; o++) {
      output[o] = 0;
      for (int j = 0; j <= J; j++) output[o] += hidden[j] * state->w[1][j * O + o];
      total += exp(output[o]);
    }
    for (int o = 0; o < O; o++) error[o] = (exp(output[o]) / total - (state->y[b * O + o] > 0)) / B;
    for (int j = 0; j <= J; j++)
      for (int o = 0; o < O; o++) change[1][j * O + o] -= hidden[j] * error[o];
    for (int j = 0; j < J; j++) {
      double back = 0;
      for (int o = 0; o < O; o++) back += state->w[1][j * O + o] * error[o];
      back *= 1 - hidden[j] * hidden[j];
      for (int i = 0; i <= I; i++) change[0][i * J + j] -= (i < I ? state->x[b * I + i] : 1) * back;
    }
  }
}

// The network of a seed after `steps` steps.
static void train(const Set *set, uint64_t seed, int64_t steps, State *state, double *accuracy) {
  BlurStatus status;
  BlurPool *pool = blur_pool_create(1, &status);
  BlurNetwork *network = blur_network_create(set->program, pool, seed, &status);
  BlurTraining *training = blur_training_create(network, set->data, BLUR_LOSS_CROSS_ENTROPY, seed, &status);
  cr_assert_not_null(training, "%s", status.message);
  cr_assert(blur_training_run(training, steps - 1, &status));
  for (int layer = 0; layer < 2; layer++) get(network, BLUR_SYNAPSE, "w", layer, state->w[layer]);
  cr_assert(blur_training_run(training, 1, &status));
  for (int layer = 0; layer < 2; layer++) {
    get(network, BLUR_SYNAPSE, "w", layer, state->change[layer]);
    for (int i = 0; i < (layer ? (J + 1) * O : (I + 1) * J); i++) state->change[layer][i] -= state->w[layer][i];
  }
  for (int layer = 0; layer < 3; layer++) get(network, BLUR_NEURON, "h", layer, state->h[layer]);
  get(network, BLUR_X, NULL, -1, state->x);
  get(network, BLUR_Y, NULL, -1, state->y);
  BlurEvaluation evaluation;
  cr_assert(blur_training_evaluate(training, BLUR_TEST, &evaluation, &status));
  *accuracy = evaluation.accuracy;
  blur_training_destroy(training);
  blur_network_destroy(network);
  blur_pool_destroy(pool);
}

static const double *measured(const Set *set, int64_t seed, size_t measure, size_t point, size_t values) {
  size_t points, width;
  const int64_t *steps;
  cr_assert_gt(blur_study_measure_steps(set->study, measure, &steps, &width), point);
  cr_assert_eq(width, values);
  const double *all = blur_study_measured(set->study, 0, seed, measure, &points);
  cr_assert_gt(points, point);
  return all + point * values;
}

Test(study, measures_are_what_is_counted_by_hand) {
  Set set;
  open_set(&set, 2);
  for (int64_t seed = 0; seed < SEEDS; seed++)
    for (int64_t step = 3; step <= 6; step += 3) {
      State state = {0};
      double accuracy, change[2][(J + 1) * J], sums[3] = {0}, unused[3];
      train(&set, (uint64_t)(7 + seed), step, &state, &accuracy);
      size_t point = (size_t)(step / 3 - 1);
      const double *norm = measured(&set, seed, 0, point, 2), *active = measured(&set, seed, 1, point, 3);
      const double *angle = measured(&set, seed, 3, point, 3);
      for (int layer = 0; layer < 2; layer++) {
        double sum = 0;
        for (int i = 0; i < (layer ? (J + 1) * O : (I + 1) * J); i++)
          sum += pow(state.w[layer][i] + state.change[layer][i], 2);
        cr_expect_float_eq(norm[layer], sqrt(sum), 1e-12);
      }
      static const int units[] = {I, J, O};
      for (int layer = 0; layer < 3; layer++) {
        int count = 0;
        for (int i = 0; i < B * units[layer]; i++) count += state.h[layer][i] > 0.1;
        cr_expect_float_eq(active[layer], (double)count / (B * units[layer]), 1e-12);
      }
      descent(&state, change);
      double below = cosine_of(state.change[0], change[0], (I + 1) * J, sums);
      double above = cosine_of(state.change[1], change[1], (J + 1) * O, sums);
      cosine_of(change[0], change[0], (I + 1) * J, unused);
      cr_expect_float_eq(angle[0], below, 1e-9);
      cr_expect_float_eq(angle[1], above, 1e-9);
      cr_expect_float_eq(above, 1, 1e-9); // feedback alignment changes the last layer by the gradient
      cr_expect_float_eq(angle[2], sums[0] / sqrt(sums[1] * sums[2]), 1e-9);
      cr_expect_lt(fabs(angle[0]), 0.9999); // and the first by something else
    }
  close_set(&set);
}

Test(study, steps_and_evaluations) {
  Set set, other;
  open_set(&set, 2);
  open_set(&other, 1);
  const int64_t *steps;
  cr_assert_eq(blur_study_steps(set.study, &steps), 2);
  cr_expect_eq(steps[0], 4);
  cr_expect_eq(steps[1], 6);
  double scores[SEEDS];
  for (int64_t seed = 0; seed < SEEDS; seed++) {
    State state;
    BlurStudyRun run = blur_study_result(set.study, 0, seed), again = blur_study_result(other.study, 0, seed);
    cr_assert_eq(run.points, 2);
    for (int p = 0; p < 2; p++) {
      train(&set, (uint64_t)(7 + seed), steps[p], &state, &scores[seed]);
      cr_expect_eq(run.point[p].score, scores[seed]);
      cr_expect_eq(run.point[p].loss, again.point[p].loss);
    }
    const double *at_two = measured(&set, seed, 2, 0, 3); // the second step is step 1
    for (int layer = 0; layer < 3; layer++) cr_expect_eq(at_two[layer], 1);
  }
  BlurInterval interval = blur_study_score(set.study, 0, 1);
  cr_expect_float_eq(interval.mean, (scores[0] + scores[1]) / 2, 1e-15);
  cr_expect_float_eq(interval.half, 12.7062047 * fabs(scores[0] - scores[1]) / 2, 1e-6);
  close_set(&set);
  close_set(&other);
}
