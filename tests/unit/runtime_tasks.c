// Generated tasks: class shares against areas in closed form, points against the definitions, best lines against values
// worked out by hand, streams that depend on the seed or do not, and training on them.
#include "runtime/data/data.h"
#include "tests/unit/training.h"

#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

static BlurData *load(const char *specification) {
  BlurStatus status = {0};
  BlurData *data = blur_data_load(specification, &status);
  cr_assert(data, "%s: %s", specification, status.message);
  return data;
}

static void expect_failure(const char *specification, const char *part) {
  BlurStatus status = {0};
  cr_assert_null(blur_data_load(specification, &status));
  cr_assert_eq(status.code, BLUR_FAILED_USAGE, "%d: %s", status.code, status.message);
  cr_assert(strstr(status.message, part), "%s", status.message);
}

// Whether a sample mean of `count` numbers with that variance is where it should be: within 5 deviations.
static void check_mean(const char *name, double sum, double expected, double variance, int64_t count) {
  double mean = sum / (double)count;
  cr_assert_float_eq(mean, expected, 5 * sqrt(variance / (double)count), "%s: %g, not %g", name, mean, expected);
}

static bool in_small_circle(double a, double b) { return hypot(a - 0.4, b - 0.4) < 0.5; }
static bool in_slice(double a, double b) { return hypot(a, b) < 1 && fabs(atan2(b, a)) < pi / 3; }
static bool in_cross(double a, double b) { return fmin(fabs(a), fabs(b)) < 0.3; }
static bool in_triangle(double a, double b) { // left of the edges (-1, -1) (1, -1), (1, -1) (0, 1), (0, 1) (-1, -1)
  return b > -1 && -1 * (b + 1) - 2 * (a - 1) > 0 && -1 * (b - 1) + 2 * a > 0;
}
static bool both(double a, double b) { return fmin(a, b) > 0; }
static bool either(double a, double b) { return fmax(a, b) > 0; }
static bool differ(double a, double b) { return a * b < 0; }
static bool agree(double a, double b) { return a * b > 0; }
static bool in_circle(double a, double b) { return hypot(a, b) < sqrt(2 / pi); }

// The share of class 1, as the area over 4, and every label by a second formula.
Test(tasks, squares) {
  enum { N = 40000 };
  static const struct {
    const char *name;
    double share;
    bool (*inside)(double, double);
  } tasks[] = {
      {"and", 0.25, both},
      {"or", 0.75, either},
      {"xor", 0.5, differ},
      {"nxor", 0.5, agree},
      {"circle", 0.5, in_circle},
      {"small_circle", 3.14159265358979 / 16, in_small_circle},
      {"pie_slice", 3.14159265358979 / 12, in_slice},
      {"cross", 1 - 0.7 * 0.7, in_cross},
      {"triangle", 0.5, in_triangle},
  };
  for (size_t t = 0; t < sizeof tasks / sizeof *tasks; t++) {
    const char *name = tasks[t].name;
    BlurData *data = load(name);
    cr_assert(blur_data_inputs(data) == 2 && blur_data_outputs(data) == 1 && blur_data_classes(data) == 2);
    cr_assert(blur_data_is_endless(data) && blur_data_samples(data, BLUR_TRAIN) == INT64_MAX);
    cr_assert(blur_data_samples(data, BLUR_TEST) == 10000 && blur_data_samples(data, BLUR_VALIDATION) == 10000);
    double ones = 0, sum[2] = {0}, squares[2] = {0}, product = 0;
    for (int i = 0; i < N; i++) {
      double x[2], y;
      blur_data_row(data, BLUR_TRAIN, i, x);
      int label = blur_data_label(data, BLUR_TRAIN, i);
      cr_assert(fabs(x[0]) <= 1 && fabs(x[1]) <= 1);
      cr_assert_eq(label, tasks[t].inside(x[0], x[1]), "%s: (%.9g, %.9g)", name, x[0], x[1]);
      blur_data_target(data, BLUR_TRAIN, i, 1, &y);
      cr_assert_eq(y, label ? 1 : -1);
      ones += label;
      product += x[0] * x[1];
      for (int j = 0; j < 2; j++) {
        sum[j] += x[j];
        squares[j] += x[j] * x[j];
      }
    }
    check_mean(name, ones, tasks[t].share, tasks[t].share * (1 - tasks[t].share), N);
    for (int j = 0; j < 2; j++) {
      check_mean(name, sum[j], 0, 1.0 / 3, N);
      check_mean(name, squares[j], 1.0 / 3, 4.0 / 45, N);
    }
    check_mean(name, product, 0, 1.0 / 9, N);
    blur_data_destroy(data);
  }
}

// Without noise on the half circles, at angles whose cosine has the mean 0 and the square's mean 1/2; noise adds its
// variance.
Test(tasks, two_moons) {
  enum { N = 40000 };
  for (int noisy = 0; noisy < 2; noisy++) {
    BlurData *data = load(noisy ? "two_moons:noise=0.3" : "two_moons:noise=0");
    double ones = 0, along[2] = {0}, squares[2] = {0}, up[2] = {0}, count[2] = {0};
    for (int i = 0; i < N; i++) {
      double x[2];
      blur_data_row(data, BLUR_TRAIN, i, x);
      int label = blur_data_label(data, BLUR_TRAIN, i);
      double cosine = label ? 0.5 - x[0] : x[0] + 0.5, sine = label ? 0.25 - x[1] : x[1] + 0.25;
      if (!noisy) {
        cr_assert_float_eq(hypot(cosine, sine), 1, 1e-6);
        cr_assert(sine > -1e-6);
      }
      ones += label;
      count[label]++;
      along[label] += cosine;
      squares[label] += cosine * cosine;
      up[label] += sine;
    }
    check_mean("share", ones, 0.5, 0.25, N);
    double extra = noisy ? 0.09 : 0;
    for (int label = 0; label < 2; label++) {
      check_mean("cos", along[label], 0, 0.5 + extra, (int64_t)count[label]);
      check_mean("cos^2", squares[label], 0.5 + extra, 0.125 + 2 * extra + 2 * extra * extra, (int64_t)count[label]);
      check_mean("sin", up[label], 2 / pi, 0.5 - 4 / pi / pi + extra, (int64_t)count[label]);
    }
    blur_data_destroy(data);
  }
}

Test(tasks, five_blobs) {
  enum { N = 50000 };
  BlurData *data = load("five_blobs");
  cr_assert(blur_data_inputs(data) == 2 && blur_data_outputs(data) == 5 && blur_data_classes(data) == 5);
  double count[5] = {0}, sum[5][2] = {{0}}, squares[5][2] = {{0}};
  for (int i = 0; i < N; i++) {
    double x[2], y[5];
    blur_data_row(data, BLUR_TRAIN, i, x);
    int label = blur_data_label(data, BLUR_TRAIN, i);
    blur_data_target(data, BLUR_TRAIN, i, 5, y);
    for (int c = 0; c < 5; c++) cr_assert_eq(y[c], c == label ? 1 : -1);
    count[label]++;
    for (int j = 0; j < 2; j++) {
      double off = x[j] - 0.7 * (j ? sin(2 * pi * label / 5) : cos(2 * pi * label / 5));
      sum[label][j] += off;
      squares[label][j] += off * off;
    }
  }
  for (int c = 0; c < 5; c++) {
    check_mean("share", count[c], 0.2, 0.16, N);
    for (int j = 0; j < 2; j++) {
      check_mean("mean", sum[c][j], 0, 0.04, (int64_t)count[c]);
      check_mean("variance", squares[c][j], 0.04, 2 * 0.04 * 0.04, (int64_t)count[c]);
    }
  }
  blur_data_destroy(data);
}

// All samples of a task lie on one A sin(x - p) = A cos p sin x - A sin p cos x; A and p are uniform over tasks.
Test(tasks, sinusoid) {
  enum { TASKS = 3000 };
  BlurData *data = load("sinusoid");
  cr_assert(blur_data_inputs(data) == 1 && blur_data_outputs(data) == 1 && blur_data_classes(data) == 0);
  cr_assert_eq(blur_data_label(data, BLUR_TRAIN, 0), -1);
  double amplitudes = 0, phases = 0, amplitude_squares = 0;
  for (int task = 0; task < TASKS; task++) {
    blur_data_redraw(data, (uint64_t)task);
    double x[3], y[3];
    int found = 0;
    for (int i = 0; found < 3; i++) { // the first two must determine it well
      blur_data_row(data, BLUR_TRAIN, i, x + found);
      blur_data_target(data, BLUR_TRAIN, i, 1, y + found);
      if (found != 1 || fabs(sin(x[1] - x[0])) > 0.3) found++;
    }
    double determinant = sin(x[1] - x[0]);
    double a = (y[1] * cos(x[0]) - y[0] * cos(x[1])) / determinant; // A cos p
    double b = (y[1] * sin(x[0]) - y[0] * sin(x[1])) / determinant; // A sin p
    cr_assert_float_eq(a * sin(x[2]) - b * cos(x[2]), y[2], 2e-5);
    for (int i = 0; i < 20; i++) {
      double other, target;
      blur_data_row(data, BLUR_TEST, i, &other);
      blur_data_target(data, BLUR_TEST, i, 1, &target);
      cr_assert(fabs(other) <= 5);
      cr_assert_float_eq(a * sin(other) - b * cos(other), target, 2e-5);
    }
    double amplitude = hypot(a, b);
    cr_assert(amplitude > 0.0999 && amplitude < 5.0001 && b > -1e-4);
    amplitudes += amplitude;
    amplitude_squares += amplitude * amplitude;
    phases += atan2(b, a);
  }
  check_mean("amplitude", amplitudes, 2.55, 4.9 * 4.9 / 12, TASKS);
  check_mean("amplitude^2", amplitude_squares, (125 - 0.001) / 14.7, 60, TASKS);
  check_mean("phase", phases, pi / 2, pi * pi / 12, TASKS);
  blur_data_destroy(data);
}

// ---- best lines

static BlurBaseline baseline_of(const char *specification) {
  BlurData *data = load(specification);
  BlurBaseline baseline;
  BlurStatus status;
  cr_assert(blur_data_baseline(data, &baseline, &status), "%s", status.message);
  blur_data_destroy(data);
  return baseline;
}

// A right point with the probability p is counted over 100,000 points; the line is at most a little off the best one.
static void check_accuracy(const char *name, double measured, double expected) {
  double deviation = sqrt(expected * (1 - expected) / 100000);
  cr_assert(measured < expected + 4 * deviation && measured > expected - 4 * deviation - 0.002, "%s: %g, not %g", name,
            measured, expected);
}

Test(tasks, best_lines) {
  // x1 + x2 > 2/3 loses a triangle of legs 2/3 of the quadrant and gains two of legs 1/3: (2/9 + 1/9) / 4 wrong.
  BlurBaseline baseline = baseline_of("and");
  check_accuracy("and", baseline.constant, 0.75);
  check_accuracy("and", baseline.linear, 11 / 12.0);
  check_accuracy("or", baseline_of("or").linear, 11 / 12.0);
  // The same line on one of the two quadrants of a class: 1 + 2/9 + 1/9 wrong of 4.
  check_accuracy("xor", baseline_of("xor").linear, 2 / 3.0);
  check_accuracy("nxor", baseline_of("nxor").linear, 2 / 3.0);
  // Below x2 = 0 (or left of a side): right on 3 of 4.
  check_accuracy("triangle", baseline_of("triangle").linear, 0.75);
  // Above x1 = t, where the chord of the square, 2, is twice that of the circle, 2 sqrt(r^2 - t^2), lies the other
  // class: that area less twice the circle's segment is won over the half.
  double r = sqrt(2 / pi), t = sqrt(r * r - 0.25);
  double area = 2 * (1 - t), segment = r * r * acos(t / r) - t / 2;
  check_accuracy("circle", baseline_of("circle").linear, 0.5 + (area - 2 * segment) / 4);
  check_accuracy("circle", baseline_of("circle").constant, 0.5);
  check_accuracy("small_circle", baseline_of("small_circle").constant, 1 - pi / 16);
  // The wedge of 36 degrees about a mean, by the trapezoid rule along it.
  double inside = 0, step = 1e-3;
  for (double u = 0; u < 2; u += step)
    inside += step * exp(-pow((u - 0.7) / 0.2, 2) / 2) / (0.2 * sqrt(2 * pi)) * erf(u * tan(pi / 5) / 0.2 / sqrt(2));
  check_accuracy("five_blobs", baseline_of("five_blobs").linear, inside);
}

// Of one task: variance of A sin(x - p) over (-5, 5), and what a line explains of it.
Test(tasks, best_line_of_a_sinusoid) {
  BlurData *data = load("sinusoid");
  blur_data_redraw(data, 4);
  double x0, x1, y0, y1;
  blur_data_row(data, BLUR_TRAIN, 0, &x0);
  blur_data_row(data, BLUR_TRAIN, 1, &x1);
  blur_data_target(data, BLUR_TRAIN, 0, 1, &y0);
  blur_data_target(data, BLUR_TRAIN, 1, 1, &y1);
  double a = (y1 * cos(x0) - y0 * cos(x1)) / sin(x1 - x0), b = (y1 * sin(x0) - y0 * sin(x1)) / sin(x1 - x0);
  double mean = -b * sin(5) / 5, covariance = a * (sin(5) - 5 * cos(5)) / 5;
  double square = a * a * (0.5 - sin(10) / 20) + b * b * (0.5 + sin(10) / 20);
  double variance = square - mean * mean, rest = variance - covariance * covariance / (25.0 / 3);
  BlurBaseline baseline;
  cr_assert(blur_data_baseline(data, &baseline, NULL));
  cr_assert_float_eq(baseline.constant, variance, 0.06 * variance);
  cr_assert_float_eq(baseline.linear, rest, 0.06 * rest);
  blur_data_destroy(data);
}

// ---- streams

Test(tasks, streams_and_seeds) {
  for (size_t i = 0; i < blur_generator_count(); i++) {
    const BlurGenerator *about = blur_generator(i);
    BlurData *data = load(about->name), *same = load(about->name), *other = blur_data_draw(data, 9, NULL);
    int equal = 0;
    for (int sample = 0; sample < 200; sample++) {
      double x[4][2] = {{0}};
      blur_data_row(data, BLUR_TRAIN, sample, x[0]);
      blur_data_row(same, BLUR_TRAIN, sample, x[1]);
      blur_data_row(other, BLUR_TRAIN, sample, x[2]);
      cr_assert(x[0][0] == x[1][0] && x[0][1] == x[1][1]);
      equal += x[0][0] == x[2][0];
      for (int part = BLUR_TEST; part <= BLUR_VALIDATION; part++) { // whatever the seed
        blur_data_row(data, (BlurPart)part, sample, x[1]);
        blur_data_row(other, (BlurPart)part, sample, x[2]);
        cr_assert(x[1][0] == x[2][0] && x[1][1] == x[2][1]);
        equal += x[0][0] == x[1][0];
        if (part == BLUR_VALIDATION) equal += x[1][0] == x[3][0];
        memcpy(x[3], x[1], sizeof x[3]);
      }
    }
    cr_assert_lt(equal, 3, "%s: %d", about->name, equal);
    blur_data_destroy(data);
    blur_data_destroy(same);
    blur_data_destroy(other);
  }
}

// A batch is gathered in any shares, layout and precision to the same numbers.
Test(tasks, batches) {
  enum { B = 70 };
  int64_t rows[B];
  for (int b = 0; b < B; b++) rows[b] = 1000000000000 + b;
  const char *names[] = {"two_moons", "sinusoid", "xor:permute=both", "five_blobs:project=3"};
  for (int n = 0; n < 4; n++) {
    BlurData *data = load(names[n]);
    blur_data_redraw(data, 3);
    int64_t inputs = blur_data_inputs(data), outputs = blur_data_outputs(data);
    float x[3 * B], y[5 * B];
    double wide[3 * B], row[3], target[5];
    gather_rows(data, BLUR_TRAIN, rows, 0, B, (GatherTarget){(char *)x, 4, inputs, 1});
    gather_rows(data, BLUR_TRAIN, rows, 0, 33, (GatherTarget){(char *)wide, 8, 1, B});
    gather_rows(data, BLUR_TRAIN, rows, 33, B, (GatherTarget){(char *)wide, 8, 1, B});
    gather_targets(data, BLUR_TRAIN, rows, 0, B, outputs, (GatherTarget){(char *)y, 4, outputs, 1});
    for (int way = 0; way < 2; way++) { // both at once: neighbours, and samples here and there
      float both[3 * B], targets[5 * B];
      if (way) rows[40] = 7;
      gather_batch(data, BLUR_TRAIN, rows, 0, B, outputs, (GatherTarget){(char *)both, 4, inputs, 1},
                   (GatherTarget){(char *)targets, 4, outputs, 1});
      for (int i = 0; i < B * inputs; i++) cr_assert(both[i] == x[i] || (way && i / inputs == 40));
      for (int i = 0; i < B * outputs; i++) cr_assert(targets[i] == y[i] || (way && i / outputs == 40));
      blur_data_row(data, BLUR_TRAIN, rows[40], row);
      for (int i = 0; i < inputs; i++) cr_assert_eq((double)both[40 * inputs + i], row[i]);
    }
    rows[40] = rows[39] + 1;
    for (int b = 0; b < B; b++) {
      blur_data_row(data, BLUR_TRAIN, rows[b], row);
      blur_data_target(data, BLUR_TRAIN, rows[b], outputs, target);
      for (int i = 0; i < inputs; i++) cr_assert((double)x[b * inputs + i] == row[i] && wide[b + B * i] == row[i]);
      for (int i = 0; i < outputs; i++) cr_assert_eq((double)y[b * outputs + i], target[i]);
    }
    blur_data_destroy(data);
  }
}

Test(tasks, wrong_options) {
  expect_failure("xor:size=4", "`size` is no option of a generated task");
  expect_failure("xor:split=10/10", "`split`");
  expect_failure("xor:noise=0.1", "no noise");
  expect_failure("two_moons:noise=-1", "`noise` is");
  expect_failure("sinusoid:permute=labels", "no labels");
  BlurData *data = load("xor");
  cr_assert_not(blur_data_split(data, 10, 10, NULL));
  blur_data_destroy(data);
  float x[2] = {0};
  uint8_t labels[2] = {0, 1};
  data = blur_data_create(1, 2, 2, x, labels, 0, NULL, NULL, NULL);
  BlurBaseline baseline;
  cr_assert_not(blur_data_baseline(data, &baseline, NULL));
  blur_data_destroy(data);
}

// ---- training

static const int64_t units[] = {2, 12, 1}, line[] = {1, 1}, wide_line[] = {1, 2};

static RigOptions options_of(const int64_t *net, int layers, int threads) {
  return (RigOptions){.rule = "std.adam",
                      .settings = {{"act", "tanh"}, {"lr", "0.02"}},
                      .layers = layers,
                      .units = net,
                      .batch = 32,
                      .engine = BLUR_ENGINE_INTERPRET,
                      .precision = BLUR_DOUBLE,
                      .loss = BLUR_LOSS_SQUARED_ERROR,
                      .threads = threads,
                      .seed = 5};
}

// Batches are the stream in order; their bits, and the network's, are the same for any number of threads.
Test(tasks, training_is_the_stream_in_order) {
  BlurData *data = load("two_moons");
  blur_data_redraw(data, 5);
  double *synapses[2];
  size_t count;
  for (int threads = 1; threads <= 2; threads++) {
    Rig rig = rig_open(options_of(units, 3, threads));
    BlurTraining *training = blur_training_create(rig.network, data, BLUR_LOSS_SQUARED_ERROR, 5, NULL);
    double x[64], row[2];
    for (int step = 0; step < 20; step++) {
      cr_assert(blur_training_run(training, 1, NULL));
      blur_network_get(rig.network, blur_network_find(rig.network, BLUR_X, NULL, -1), x);
      for (int b = 0; b < 32; b++) {
        blur_data_row(data, BLUR_TRAIN, 32 * step + b, row);
        cr_assert(x[2 * b] == row[0] && x[2 * b + 1] == row[1]);
      }
    }
    cr_assert(blur_training_position(training) == 640 && blur_training_epoch(training) == 0);
    BlurEvaluation evaluation;
    BlurStatus status;
    cr_assert_not(blur_training_evaluate(training, BLUR_TRAIN, &evaluation, &status));
    cr_assert_eq(status.code, BLUR_FAILED_USAGE);
    cr_assert(blur_training_evaluate(training, BLUR_VALIDATION, &evaluation, &status));
    cr_assert(evaluation.samples == 10000 && isnan(evaluation.r2) && evaluation.accuracy > 0.5);
    synapses[threads - 1] = values_of(&rig, BLUR_SYNAPSE, "w", 0, &count);
    blur_training_destroy(training);
    rig_close(&rig);
  }
  cr_assert_eq(memcmp(synapses[0], synapses[1], count * sizeof(double)), 0);
  free(synapses[0]);
  free(synapses[1]);
  blur_data_destroy(data);
}

// With h = 0.5 x - 0.25: mean squared error and R^2 by sums over the test stream.
Test(tasks, regression_is_measured) {
  BlurData *data = load("sinusoid");
  blur_data_redraw(data, 1);
  Rig rig = rig_open(options_of(line, 2, 1));
  BlurTraining *training = blur_training_create(rig.network, data, BLUR_LOSS_SQUARED_ERROR, 5, NULL);
  cr_assert(training);
  blur_network_set(rig.network, blur_network_find(rig.network, BLUR_SYNAPSE, "w", 0), (double[]){0.5, -0.25});
  BlurEvaluation evaluation;
  cr_assert(blur_training_evaluate(training, BLUR_TEST, &evaluation, NULL));
  double error = 0, mean = 0, spread = 0, x, y;
  for (int i = 0; i < 10000; i++) {
    blur_data_row(data, BLUR_TEST, i, &x);
    blur_data_target(data, BLUR_TEST, i, 1, &y);
    error += (0.5 * x - 0.25 - y) * (0.5 * x - 0.25 - y) / 10000;
    mean += y / 10000;
  }
  for (int i = 0; i < 10000; i++) {
    blur_data_target(data, BLUR_TEST, i, 1, &y);
    spread += (y - mean) * (y - mean) / 10000;
  }
  cr_assert_float_eq(evaluation.loss, error, 1e-9 * error);
  cr_assert_float_eq(evaluation.squared_error, error, 1e-9 * error);
  cr_assert_float_eq(evaluation.r2, 1 - error / spread, 1e-9 * error / spread);
  cr_assert(isnan(evaluation.accuracy));
  BlurStatus status;
  cr_assert_null(blur_training_create(rig.network, data, BLUR_LOSS_HINGE, 5, &status));
  cr_assert(strstr(status.message, "hinge") && strstr(status.message, "squared_error"), "%s", status.message);
  cr_assert(blur_data_loss(data, 1) == BLUR_LOSS_SQUARED_ERROR);
  blur_training_destroy(training);
  rig_close(&rig);
  rig = rig_open(options_of(wide_line, 2, 1));
  cr_assert_null(blur_training_create(rig.network, data, BLUR_LOSS_SQUARED_ERROR, 5, &status));
  cr_assert(strstr(status.message, "2 outputs") && strstr(status.message, "1 targets"), "%s", status.message);
  rig_close(&rig);
  blur_data_destroy(data);
}
