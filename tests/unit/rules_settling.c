// Rules whose neurons settle before synapses change: what they are known for, on small tasks. Gradients are central
// differences of the loss of the rule's own predictions. Single steps: tests/reference/rules.
#include "tests/unit/behaviour.h"

// ---- rules that follow a gradient

// The loss of one sample's prediction.
typedef double SampleLoss(const double *prediction, const double *y, int64_t outputs);

static double half_square(const double *prediction, const double *y, int64_t outputs) {
  double sum = 0;
  for (int64_t o = 0; o < outputs; o++) sum += 0.5 * (y[o] - prediction[o]) * (y[o] - prediction[o]);
  return sum;
}

// The same towards 0 and 1 for -1 and 1.
static double half_square_of_classes(const double *prediction, const double *y, int64_t outputs) {
  double target[8];
  for (int64_t o = 0; o < outputs; o++) target[o] = y[o] > 0;
  return half_square(prediction, target, outputs);
}

// log cosh z - y z for the prediction tanh z: its derivative by z is tanh z - y, what contrastive Hebbian learning
// sees.
static double matching(const double *prediction, const double *y, int64_t outputs) {
  double sum = 0;
  for (int64_t o = 0; o < outputs; o++)
    sum += -0.5 * log1p(-prediction[o] * prediction[o]) - y[o] * atanh(prediction[o]);
  return sum;
}

enum { SMALL_BATCH = 5, SMALL_LAYERS = 4, MOST_NUMBERS = 256 };
static const int64_t small_units[SMALL_LAYERS] = {6, 7, 5, 3};

typedef struct {
  Rig rig;
  double x[SMALL_BATCH * 6], y[SMALL_BATCH * 3];
} Small;

static double mean_loss(Small *small, SampleLoss *loss) {
  double prediction[SMALL_BATCH * 3], sum = 0;
  predict(&small->rig, small->x, prediction);
  for (int s = 0; s < SMALL_BATCH; s++) sum += loss(prediction + 3 * s, small->y + 3 * s, 3) / SMALL_BATCH;
  return sum;
}

// All synapses w and c, layer by layer; returns how many.
static size_t synapses(Small *small, double *values) {
  size_t count = 0;
  for (int layer = 0; layer + 1 < SMALL_LAYERS; layer++)
    for (const char *name = "w"; name; name = *name == 'w' ? "c" : NULL) {
      const BlurVariable *variable = find(&small->rig, BLUR_SYNAPSE, name, layer);
      blur_network_get(small->rig.network, variable, values + count);
      count += blur_variable_count(variable);
    }
  cr_assert_leq(count, (size_t)MOST_NUMBERS);
  return count;
}

// Their gradient by central differences of the loss of what the rule predicts.
static void differences(Small *small, SampleLoss *loss, double *gradient) {
  size_t at = 0;
  const double h = 1e-5;
  for (int layer = 0; layer + 1 < SMALL_LAYERS; layer++)
    for (const char *name = "w"; name; name = *name == 'w' ? "c" : NULL) {
      const BlurVariable *variable = find(&small->rig, BLUR_SYNAPSE, name, layer);
      double values[MOST_NUMBERS];
      blur_network_get(small->rig.network, variable, values);
      for (size_t i = 0; i < blur_variable_count(variable); i++) {
        double old = values[i], above, below;
        values[i] = old + h, blur_network_set(small->rig.network, variable, values), above = mean_loss(small, loss);
        values[i] = old - h, blur_network_set(small->rig.network, variable, values), below = mean_loss(small, loss);
        values[i] = old, blur_network_set(small->rig.network, variable, values);
        gradient[at++] = (above - below) / (2 * h);
      }
    }
}

static Small open_small(const char *rule, const BlurSetting settings[4]) {
  Small small = {.rig = open_rig(rule, SMALL_LAYERS, small_units, SMALL_BATCH, 3, settings)};
  state = 5;
  for (int s = 0; s < SMALL_BATCH; s++) {
    for (int i = 0; i < 6; i++) small.x[s * 6 + i] = 0.5 + 0.5 * draw();
    for (int o = 0; o < 3; o++) small.y[s * 3 + o] = o == s % 3 ? 1 : -1;
  }
  return small;
}

// The cosine between one step of the rule and the way down.
static double agreement(Small *small, SampleLoss *loss) {
  double before[MOST_NUMBERS], after[MOST_NUMBERS], gradient[MOST_NUMBERS];
  size_t count = synapses(small, before);
  differences(small, loss, gradient);
  step(&small->rig, small->x, small->y);
  synapses(small, after);
  for (size_t i = 0; i < count; i++) after[i] = before[i] - after[i];
  return cosine(after, gradient, count);
}

Test(behaviour, equilibrium_propagation_follows_the_gradient) {
  Small small = open_small("std.equilibrium_propagation",
                           (BlurSetting[4]){{"beta", "1e-4"}, {"settling", "300"}, {"nudging", "300"}});
  double found = agreement(&small, half_square_of_classes);
  cr_expect_gt(found, 0.999, "%.6f", found);
  rig_close(&small.rig);
}

// Where the errors inside are small the rule is backpropagation.
Test(behaviour, predictive_coding_follows_the_gradient_of_small_errors) {
  Small small = open_small("std.predictive_coding", (BlurSetting[4]){{"settling", "300"}, {"variance", "200"}});
  double found = agreement(&small, half_square);
  cr_expect_gt(found, 0.999, "%.6f", found);
  rig_close(&small.rig);
}

// Xie and Seung 2003: backpropagation, for weak synapses downward.
Test(behaviour, contrastive_hebbian_follows_the_gradient_where_feedback_is_weak) {
  Small small = open_small("std.contrastive_hebbian",
                           (BlurSetting[4]){{"gamma", "1e-3"}, {"settling", "100"}, {"holding", "100"}});
  for (int i = 0; i < SMALL_BATCH * 3; i++) small.y[i] *= 0.8;
  double found = agreement(&small, matching);
  cr_expect_gt(found, 0.999, "%.6f", found);
  rig_close(&small.rig);
}

// ---- sparse codes

// Foldiak's own task: images of 8 x 8 with each of 16 bars drawn one time in eight. After it each neuron stands for one
// bar and each bar has its neuron; they fire in an eighth of the images, and independently of each other.
enum { SIDE = 8, BARS = 2 * SIDE, IMAGES = 20, TRIALS = 100 };

static void draw_bars(double x[IMAGES][SIDE * SIDE], double bars[IMAGES][BARS]) {
  for (int s = 0; s < IMAGES; s++) {
    for (int bar = 0; bar < BARS; bar++) bars[s][bar] = draw() < -0.75;
    for (int i = 0; i < SIDE * SIDE; i++) x[s][i] = fmax(bars[s][i / SIDE], bars[s][SIDE + i % SIDE]);
  }
}

static double correlation(const double *a, const double *b, int count, int stride) {
  double mean_a = 0, mean_b = 0, product = 0, square_a = 0, square_b = 0;
  for (int s = 0; s < count; s++) mean_a += a[s * stride] / count, mean_b += b[s * stride] / count;
  for (int s = 0; s < count; s++) {
    double deviation_a = a[s * stride] - mean_a, deviation_b = b[s * stride] - mean_b;
    product += deviation_a * deviation_b;
    square_a += deviation_a * deviation_a;
    square_b += deviation_b * deviation_b;
  }
  return square_a > 0 && square_b > 0 ? product / sqrt(square_a * square_b) : 0;
}

Test(behaviour, foldiak_takes_images_of_bars_apart) {
  static double x[IMAGES][SIDE * SIDE], bars[TRIALS * IMAGES][BARS], fired[TRIALS * IMAGES][BARS];
  Rig rig = open_rig("std.foldiak", 2, (int64_t[]){SIDE * SIDE, BARS}, IMAGES, 1,
                     (BlurSetting[4]){{"alpha", "0.5"}, {"beta", "0.1"}, {"gamma", "0.1"}});
  state = 4;
  for (int i = 0; i < 1000; i++) {
    draw_bars(x, bars);
    step(&rig, x[0], NULL);
  }
  for (int trial = 0; trial < TRIALS; trial++) {
    draw_bars(x, bars + trial * IMAGES);
    predict(&rig, x[0], fired[trial * IMAGES]);
  }
  int found[BARS] = {0};
  for (int n = 0; n < BARS; n++) {
    double rate = 0;
    for (int s = 0; s < TRIALS * IMAGES; s++) rate += fired[s][n] / (TRIALS * IMAGES);
    cr_expect(rate > 0.09 && rate < 0.16, "neuron %d fires in %g", n, rate);
    for (int bar = 0; bar < BARS; bar++)
      found[bar] += correlation(&fired[0][n], &bars[0][bar], TRIALS * IMAGES, BARS) > 0.9;
    for (int other = 0; other < n; other++) {
      double together = correlation(&fired[0][n], &fired[0][other], TRIALS * IMAGES, BARS);
      cr_expect(fabs(together) < 0.15, "neurons %d and %d: %g", n, other, together);
    }
  }
  for (int bar = 0; bar < BARS; bar++) cr_expect_eq(found[bar], 1, "bar %d: %d neurons", bar, found[bar]);
  rig_close(&rig);
}
