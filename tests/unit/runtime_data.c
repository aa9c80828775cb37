// Data sets: IDX files plain, compressed and damaged, their places and options, resizing, targets, the order of
// samples, and batches in every layout.
#include "directory.h"
#include "runtime/data/data.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { TRAIN = 12, TEST_SAMPLES = 5, ROWS = 4, COLUMNS = 6, INPUTS = ROWS * COLUMNS };

static void make_data_directory(void) {
  make_directory();
  setenv("BLUR_DATA", directory, 1);
}
TestSuite(data, .init = make_data_directory, .fini = remove_directory);

static unsigned char pixel(int64_t sample, int64_t place) { return (unsigned char)(sample * 37 + place * 11); }
static unsigned char label_of(int64_t sample) { return (unsigned char)(sample * 7 % 4); }

static void put_file(const char *folder, const char *name, const unsigned char *bytes, size_t length) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", directory, folder);
  mkdir(path, 0777);
  snprintf(path, sizeof path, "%s/%s/%s", directory, folder, name);
  if (strstr(name, ".gz")) {
    gzFile file = gzopen(path, "wb");
    cr_assert(gzwrite(file, bytes, (unsigned)length) == (int)length);
    gzclose(file);
  } else {
    FILE *file = fopen(path, "wb");
    cr_assert(fwrite(bytes, 1, length, file) == length);
    fclose(file);
  }
}

static size_t make_images(unsigned char *bytes, int64_t samples) {
  memcpy(bytes, (unsigned char[]){0, 0, 8, 3, 0, 0, 0, (unsigned char)samples, 0, 0, 0, ROWS, 0, 0, 0, COLUMNS}, 16);
  for (int64_t i = 0; i < samples * INPUTS; i++) bytes[16 + i] = pixel(i / INPUTS, i % INPUTS);
  return 16 + (size_t)samples * INPUTS;
}

static size_t make_labels(unsigned char *bytes, int64_t samples) {
  memcpy(bytes, (unsigned char[]){0, 0, 8, 1, 0, 0, 0, (unsigned char)samples}, 8);
  for (int64_t i = 0; i < samples; i++) bytes[8 + i] = label_of(i);
  return 8 + (size_t)samples;
}

// A whole set whose files end in `ending`; the test's part is called `test`.
static void make_set(const char *folder, const char *prefix, const char *test, const char *ending) {
  unsigned char bytes[16 + TRAIN * INPUTS];
  char name[256];
  for (int part = 0; part < 2; part++) {
    int64_t samples = part ? TEST_SAMPLES : TRAIN;
    const char *part_name = part ? test : "train";
    snprintf(name, sizeof name, "%s%s-images-idx3-ubyte%s", prefix, part_name, ending);
    put_file(folder, name, bytes, make_images(bytes, samples));
    snprintf(name, sizeof name, "%s%s-labels-idx1-ubyte%s", prefix, part_name, ending);
    put_file(folder, name, bytes, make_labels(bytes, samples));
  }
}

static BlurData *load(const char *specification) {
  BlurStatus status = {0};
  BlurData *data = blur_data_load(specification, &status);
  cr_assert(data, "%s: %s", specification, status.message);
  return data;
}

static void expect_failure(const char *specification, BlurStatusCode code, const char *part) {
  BlurStatus status = {0};
  cr_assert_null(blur_data_load(specification, &status));
  cr_assert_eq(status.code, code, "%d: %s", status.code, status.message);
  cr_assert(strstr(status.message, part), "%s", status.message);
}

static void check_whole(const BlurData *data) {
  cr_assert_eq(blur_data_inputs(data), INPUTS);
  cr_assert_eq(blur_data_classes(data), 4);
  cr_assert_eq(blur_data_samples(data, BLUR_TRAIN), TRAIN);
  cr_assert_eq(blur_data_samples(data, BLUR_TEST), TEST_SAMPLES);
  double x[INPUTS];
  for (int64_t sample = 0; sample < TRAIN; sample++) {
    blur_data_row(data, BLUR_TRAIN, sample, x);
    for (int64_t i = 0; i < INPUTS; i++) cr_assert_eq(x[i], pixel(sample, i) / 255.0);
    cr_assert_eq(blur_data_label(data, BLUR_TRAIN, sample), label_of(sample));
  }
}

Test(data, plain_compressed_and_prefixed_sets) {
  make_set("plain", "", "t10k", "");
  make_set("packed", "", "t10k", ".gz");
  make_set("e_mnist", "emnist-letters-", "test", ".gz");
  const char *names[] = {"plain", "packed", "e-mnist"};
  for (int i = 0; i < 3; i++) {
    BlurData *data = load(names[i]);
    check_whole(data);
    cr_assert_str_eq(blur_data_name(data), names[i]);
    blur_data_destroy(data);
  }
  BlurData *data = load(path_of("plain")); // by path
  check_whole(data);
  blur_data_destroy(data);
}

Test(data, several_sets_in_a_folder) {
  make_set("many", "letters-", "test", "");
  make_set("many", "digits-", "test", "");
  expect_failure("many", BLUR_FAILED_INPUT, "prefix=");
  BlurData *data = load("many:prefix=digits-,size=2");
  cr_assert_eq(blur_data_inputs(data), 4);
  blur_data_destroy(data);
  expect_failure("many:prefix=absent-", BLUR_FAILED_ENVIRONMENT, "absent-train-images-idx3-ubyte");
}

Test(data, classes_are_renumbered) {
  make_set("set", "", "t10k", "");
  BlurData *data = load("set,classes=2..3");
  cr_assert_eq(blur_data_classes(data), 2);
  // Labels run 0 3 2 1 0 3 2 1 ...: kept are samples 1, 2, 5, 6, 9, 10.
  cr_assert_eq(blur_data_samples(data, BLUR_TRAIN), 6);
  const int samples[] = {1, 2, 5, 6, 9, 10};
  double x[INPUTS];
  for (int i = 0; i < 6; i++) {
    cr_assert_eq(blur_data_label(data, BLUR_TRAIN, i), i % 2 ? 0 : 1);
    blur_data_row(data, BLUR_TRAIN, i, x);
    cr_assert_eq(x[5], pixel(samples[i], 5) / 255.0);
  }
  blur_data_destroy(data);
  data = load("set:classes=3,0"); // in this order: 3 is the first
  cr_assert_eq(blur_data_samples(data, BLUR_TEST), 3);
  for (int i = 0; i < 3; i++) cr_assert_eq(blur_data_label(data, BLUR_TEST, i), i != 1);
  blur_data_destroy(data);
  expect_failure("set:classes=9", BLUR_FAILED_INPUT, "classes");
}

Test(data, wrong_specifications) {
  make_set("set", "", "t10k", "");
  const char *const wrong[] = {"set:size=0",
                               "set:size=x",
                               "set:size=99999",
                               "set:classes=3..1",
                               "set:classes=1,1",
                               "set:classes=300",
                               "set:classes=1..",
                               "set:size=4;",
                               ":size=3",
                               "",
                               "set:size=4,colour=red",
                               "set:colour=red",
                               "set:permute=rows",
                               "set:split=4/x",
                               "set:split=4/",
                               "set:split=1/2/3/4",
                               "set:project=0",
                               "set:prefix="};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) expect_failure(wrong[i], BLUR_FAILED_USAGE, "an example");
  expect_failure("set:split=5", BLUR_FAILED_USAGE, "two numbers");
  expect_failure("absent", BLUR_FAILED_ENVIRONMENT, directory); // tells where it looked
  expect_failure("/absent/set", BLUR_FAILED_ENVIRONMENT, "/absent/set");
  expect_failure("set,colour=red", BLUR_FAILED_ENVIRONMENT, "set,colour=red"); // taken for a name
}

static const char images_name[] = "train-images-idx3-ubyte", labels_name[] = "train-labels-idx1-ubyte";

Test(data, damaged_files) {
  unsigned char bytes[16 + TRAIN * INPUTS];
  make_set("set", "", "t10k", "");
  size_t length = make_images(bytes, TRAIN);
  const struct {
    size_t length, place;
    unsigned char value;
    const char *message;
  } cases[] = {
      {length - 1, 0, 0, "is damaged"}, {15, 0, 0, "cut short"},         {3, 0, 0, "does not begin"},
      {length, 0, 1, "does not begin"}, {length, 2, 13, "another type"}, {length, 3, 9, "dimensions"},
      {length, 3, 0, "dimensions"},     {length, 4, 255, "impossible"},  {length, 7, TRAIN + 1, "is damaged"},
      {length, 7, 0, "no samples"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    make_images(bytes, TRAIN);
    bytes[cases[i].place] = cases[i].value;
    put_file("set", images_name, bytes, cases[i].length);
    expect_failure("set", BLUR_FAILED_INPUT, cases[i].message);
    expect_failure("set", BLUR_FAILED_INPUT, images_name);
  }
  put_file("set", images_name, bytes, make_images(bytes, TRAIN - 1));
  expect_failure("set", BLUR_FAILED_INPUT, "do not belong together");
  unlink(path_of("set/train-images-idx3-ubyte"));
  expect_failure("set", BLUR_FAILED_ENVIRONMENT, images_name);
}

// Every truncation of a compressed file, and every damaged byte of its content, is seen.
Test(data, damaged_compressed_files) {
  make_set("set", "", "t10k", ".gz");
  const char *path = path_of("set/train-labels-idx1-ubyte.gz");
  unsigned char bytes[256];
  FILE *file = fopen(path, "rb");
  size_t length = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  cr_assert(length > 20 && length < sizeof bytes);
  for (size_t cut = 2; cut < length; cut++) {
    file = fopen(path, "wb");
    fwrite(bytes, 1, cut, file);
    fclose(file);
    expect_failure("set", BLUR_FAILED_INPUT, labels_name);
  }
  for (size_t place = 10; place < length; place++) { // behind gzip's header
    bytes[place] ^= 0x10;
    file = fopen(path, "wb");
    fwrite(bytes, 1, length, file);
    fclose(file);
    bytes[place] ^= 0x10;
    expect_failure("set", BLUR_FAILED_INPUT, labels_name);
  }
}

Test(data, resize_halves_by_means_of_four) {
  unsigned char image[28 * 28];
  for (int i = 0; i < 28 * 28; i++) image[i] = (unsigned char)(i * i % 251);
  float out[14 * 14];
  ImageResize *resize = resize_create(28, 28, 14);
  resize_image(resize, image, out);
  for (int r = 0; r < 14; r++) {
    for (int c = 0; c < 14; c++) {
      const unsigned char *at = image + 56 * r + 2 * c;
      cr_assert_eq(out[14 * r + c], (float)((at[0] + at[1] + at[28] + at[29]) / 4.0 / 255));
    }
  }
  resize_destroy(resize);
}

Test(data, resize_keeps_the_mean) {
  unsigned char image[28 * 20];
  double mean = 0;
  for (int i = 0; i < 28 * 20; i++) mean += (image[i] = (unsigned char)(i * 97 % 256)) / 255.0 / (28 * 20);
  static const int64_t sizes[] = {1, 3, 10, 13, 20};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    int64_t size = sizes[s];
    float *out = calloc((size_t)(size * size), sizeof *out);
    ImageResize *resize = resize_create(28, 20, size);
    resize_image(resize, image, out);
    double sum = 0;
    for (int64_t i = 0; i < size * size; i++) sum += (double)out[i];
    cr_assert_float_eq(sum / (double)(size * size), mean, 1e-7);
    resize_destroy(resize);
    free(out);
  }
}

// 2 to 4: centres at -1/4, 1/4, 3/4, 5/4 of the inputs' distance, of which the outer two are beyond the last inputs.
Test(data, resize_enlarges_bilinearly) {
  const float image[4] = {0, 16, 32, 64};
  static const double share[4] = {0, 0.25, 0.75, 1};
  float out[16];
  ImageResize *resize = resize_create(2, 2, 4);
  resize_numbers(resize, image, out);
  for (int r = 0; r < 4; r++) {
    for (int c = 0; c < 4; c++) {
      double above = (1 - share[c]) * 0 + share[c] * 16, below = (1 - share[c]) * 32 + share[c] * 64;
      cr_assert_float_eq((double)out[4 * r + c], (1 - share[r]) * above + share[r] * below, 1e-6);
    }
  }
  resize_destroy(resize);
  resize = resize_create(1, 4, 2); // up along one axis, down along the other
  resize_numbers(resize, image, out);
  for (int r = 0; r < 2; r++) cr_assert(out[2 * r] == 8 && out[2 * r + 1] == 48);
  resize_destroy(resize);
}

// 3 to 2: each output covers one and a half inputs, weights 2/3 and 1/3 on either axis.
Test(data, resize_by_a_fraction) {
  unsigned char image[9] = {9, 0, 0, 0, 0, 0, 0, 0, 90};
  float out[4];
  ImageResize *resize = resize_create(3, 3, 2);
  resize_image(resize, image, out);
  const double expected[4] = {4, 0, 0, 40};
  for (int i = 0; i < 4; i++) cr_assert_float_eq((double)out[i], expected[i] / 255, 1e-8);
  resize_destroy(resize);
}

Test(data, targets) {
  float x[4] = {0};
  uint8_t labels[4] = {0, 1, 2, 1};
  BlurData *three = blur_data_create(1, 3, 4, x, labels, 0, NULL, NULL, NULL);
  double y[5];
  blur_data_target(three, BLUR_TRAIN, 3, 5, y);
  cr_assert(y[0] == -1 && y[1] == 1 && y[2] == -1 && y[3] == -1 && y[4] == -1);
  blur_data_destroy(three);
  labels[2] = 0;
  BlurData *two = blur_data_create(1, 2, 4, x, labels, 0, NULL, NULL, NULL);
  blur_data_target(two, BLUR_TRAIN, 1, 1, y);
  cr_assert_eq(y[0], 1);
  blur_data_target(two, BLUR_TRAIN, 0, 1, y);
  cr_assert_eq(y[0], -1);
  blur_data_destroy(two);
  BlurStatus status;
  cr_assert_null(blur_data_create(1, 1, 4, x, labels, 0, NULL, NULL, &status));
  cr_assert(strstr(status.message, "label 1"));
}

Test(data, shuffles_are_permutations) {
  enum { n = 1000 };
  uint32_t first[n], again[n], other[n];
  blur_data_shuffle(5, 0, n, first);
  blur_data_shuffle(5, 0, n, again);
  cr_assert_eq(memcmp(first, again, sizeof first), 0);
  bool seen[n] = {false};
  for (int i = 0; i < n; i++) {
    cr_assert(first[i] < n && !seen[first[i]]);
    seen[first[i]] = true;
  }
  for (int which = 0; which < 2; which++) { // another shuffle, another seed
    blur_data_shuffle(which ? 6 : 5, which ? 0 : 1, n, other);
    int equal = 0;
    for (int i = 0; i < n; i++) equal += first[i] == other[i];
    cr_assert(equal < 10, "%d", equal); // one on average
  }
}

Test(data, all_orders_are_as_likely) {
  int counts[27] = {0};
  for (uint64_t shuffle = 0; shuffle < 6000; shuffle++) {
    uint32_t order[3];
    blur_data_shuffle(1, shuffle, 3, order);
    counts[order[0] * 9 + order[1] * 3 + order[2]]++;
  }
  for (int i = 0; i < 27; i++) cr_assert(counts[i] == 0 || abs(counts[i] - 1000) < 5 * 29, "%d", counts[i]);
}

// The parts of a split: disjoint, of the sizes asked for, the same whatever the seed, and in the documented order.
Test(data, a_split_is_the_fixed_shuffle) {
  make_set("set", "", "t10k", "");
  uint32_t order[TRAIN];
  blur_data_shuffle(0x73706C6974, 0, TRAIN, order);
  const char *names[] = {"set:split=7/3", "set:split=0.6/0.25"}; // 7.2 and 3 of 12
  for (int way = 0; way < 3; way++) {
    BlurData *data = load(way < 2 ? names[way] : "set");
    if (way == 2) cr_assert(blur_data_split(data, 7, 3, NULL));
    blur_data_redraw(data, (uint64_t)way);
    cr_assert_eq(blur_data_samples(data, BLUR_TRAIN), 7);
    cr_assert_eq(blur_data_samples(data, BLUR_VALIDATION), 3);
    cr_assert_eq(blur_data_samples(data, BLUR_TEST), TEST_SAMPLES);
    double x[INPUTS];
    for (int i = 0; i < 10; i++) {
      BlurPart part = i < 7 ? BLUR_TRAIN : BLUR_VALIDATION;
      int64_t sample = i < 7 ? i : i - 7;
      blur_data_row(data, part, sample, x);
      for (int j = 0; j < INPUTS; j++) cr_assert_eq(x[j], pixel(order[i], j) / 255.0);
      cr_assert_eq(blur_data_label(data, part, sample), label_of(order[i]));
    }
    BlurStatus status;
    cr_assert_not(blur_data_split(data, 3, 3, &status)); // a second time
    cr_assert_eq(status.code, BLUR_FAILED_USAGE);
    blur_data_destroy(data);
  }
  expect_failure("set:split=10/3", BLUR_FAILED_INPUT, "12 samples");
  expect_failure("set:split=0.9/0.2", BLUR_FAILED_INPUT, "12 samples");
  BlurData *all = load("set:split=0.875/0.125"); // 10.5 and 1.5: both would be rounded up
  cr_assert(blur_data_samples(all, BLUR_TRAIN) == 11 && blur_data_samples(all, BLUR_VALIDATION) == 1);
  blur_data_destroy(all);
}

static bool is_permutation(const int *of, int count) {
  bool seen[256] = {false};
  for (int i = 0; i < count; i++) {
    if (of[i] < 0 || of[i] >= count || seen[of[i]]) return false;
    seen[of[i]] = true;
  }
  return true;
}

// The same permutation of labels and of pixels in all samples of all parts, another one for another seed; the samples
// themselves are shared.
Test(data, permutations_are_drawn) {
  make_set("set", "", "t10k", "");
  BlurData *plain = load("set"), *first = load("set:permute=labels+pixels");
  BlurData *other = blur_data_draw(first, 1, NULL), *again = blur_data_draw(first, 7, NULL);
  blur_data_redraw(again, 0);
  BlurData *tasks[3] = {first, other, again};
  int input_of[3][INPUTS], label_as[3][4];
  for (int task = 0; task < 3; task++) {
    for (int i = 0; i < 4; i++) label_as[task][i] = -1;
    for (int part = 0; part < 2; part++) {
      for (int64_t sample = 0; sample < blur_data_samples(plain, (BlurPart)part); sample++) {
        double before[INPUTS], after[INPUTS];
        blur_data_row(plain, (BlurPart)part, sample, before);
        blur_data_row(tasks[task], (BlurPart)part, sample, after);
        for (int i = 0; i < INPUTS; i++) { // the pixels of a sample all differ
          int from = 0;
          while (from < INPUTS && before[from] != after[i]) from++;
          cr_assert_lt(from, INPUTS);
          if (part == 0 && sample == 0) input_of[task][i] = from;
          cr_assert_eq(input_of[task][i], from);
        }
        int *as = &label_as[task][blur_data_label(plain, (BlurPart)part, sample)];
        int label = blur_data_label(tasks[task], (BlurPart)part, sample);
        cr_assert(*as == -1 || *as == label);
        *as = label;
      }
    }
    cr_assert(is_permutation(input_of[task], INPUTS) && is_permutation(label_as[task], 4));
  }
  cr_assert_eq(memcmp(input_of[0], input_of[2], sizeof *input_of), 0);
  cr_assert_eq(memcmp(label_as[0], label_as[2], sizeof *label_as), 0);
  cr_assert_neq(memcmp(input_of[0], input_of[1], sizeof *input_of), 0);
  BlurStatus status;
  cr_assert_not(blur_data_split(first, 6, 3, &status)); // its samples are shared now
  blur_data_destroy(first);                             // what was drawn from it stays
  blur_data_destroy(plain);
  cr_assert_eq(blur_data_samples(other, BLUR_TRAIN), TRAIN);
  blur_data_destroy(other);
  blur_data_destroy(again);
}

// A projection is one linear map of the pixels, the same for all samples; its weights have the variance 1 / inputs. The
// map is read off the unit vectors.
Test(data, projections_are_linear) {
  enum { N = 150, I = 90 };
  float *units = calloc(I * I, sizeof *units);
  for (int i = 0; i < I; i++) units[i * I + i] = 1;
  unsigned char *bytes = malloc(16 + I * I);
  memcpy(bytes, (unsigned char[]){0, 0, 8, 3, 0, 0, 0, I, 0, 0, 0, 1, 0, 0, 0, I}, 16);
  for (int i = 0; i < I * I; i++) bytes[16 + i] = units[i] > 0 ? 255 : 0;
  put_file("units", "train-images-idx3-ubyte", bytes, 16 + I * I);
  for (int i = 0; i < I * I; i++) bytes[16 + i] = (unsigned char)(i * 7);
  put_file("units", "t10k-images-idx3-ubyte", bytes, 16 + I * I);
  unsigned char label_bytes[8 + I] = {0, 0, 8, 1, 0, 0, 0, I};
  put_file("units", "train-labels-idx1-ubyte", label_bytes, sizeof label_bytes);
  put_file("units", "t10k-labels-idx1-ubyte", label_bytes, sizeof label_bytes);
  BlurData *data = load("units:project=150");
  cr_assert_eq(blur_data_inputs(data), N);
  double *weight = calloc(I * N, sizeof *weight), out[N], sum = 0, squares = 0;
  for (int i = 0; i < I; i++) {
    blur_data_row(data, BLUR_TRAIN, i, weight + i * N);
    for (int n = 0; n < N; n++) {
      sum += weight[i * N + n];
      squares += weight[i * N + n] * weight[i * N + n];
    }
  }
  cr_assert_float_eq(sum / (I * N), 0, 4 / sqrt(I * I * N));             // 4 deviations of the mean
  cr_assert_float_eq(squares / (I * N) * I, 1, 5 * sqrt(2.0 / (I * N))); // and of the variance
  for (int sample = 0; sample < 3; sample++) {
    blur_data_row(data, BLUR_TEST, sample, out);
    for (int n = 0; n < N; n++) {
      double expected = 0;
      for (int i = 0; i < I; i++) expected += (unsigned char)((sample * I + i) * 7) / 255.0 * weight[i * N + n];
      cr_assert_float_eq(out[n], expected, 1e-5);
    }
  }
  float narrow[2 * N];
  double wide[2 * N];
  gather_rows(data, BLUR_TEST, (int64_t[]){1, 2}, 0, 2, (GatherTarget){(char *)narrow, 4, 1, 2}); // columns
  gather_rows(data, BLUR_TEST, (int64_t[]){1, 2}, 0, 2, (GatherTarget){(char *)wide, 8, N, 1});
  for (int n = 0; n < N; n++) cr_assert(narrow[2 * n + 1] == (float)out[n] && wide[N + n] == out[n]);
  BlurData *other = blur_data_draw(data, 1, NULL);
  blur_data_row(other, BLUR_TRAIN, 0, out);
  for (int n = 0; n < N; n++) cr_assert_neq(out[n], weight[n]);
  blur_data_destroy(data);
  blur_data_destroy(other);
  free(weight);
  free(units);
  free(bytes);
}

// x as rows, as columns (batch contiguous), with padding, in both precisions, in shares; against blur_data_row.
Test(data, batches_in_every_layout) {
  enum { N = 300, WIDE = 600, B = 7 }; // wider than a piece of the strided path
  float *x = calloc(N * WIDE, sizeof *x);
  uint8_t *labels = calloc(N, 1);
  for (int i = 0; i < N * WIDE; i++) x[i] = (float)i / 3;
  BlurData *floats = blur_data_create(WIDE, 3, N, x, labels, 0, NULL, NULL, NULL);
  make_set("set", "", "t10k", "");
  BlurData *bytes = load("set");
  const int64_t rows[B] = {3, 0, 11, 5, 5, 2, 9};
  for (int way = 0; way < 8; way++) {
    const BlurData *data = way & 1 ? bytes : floats;
    bool columns = way & 2, wide = way & 4;
    int64_t inputs = blur_data_inputs(data), batch_stride = columns ? 1 : inputs + 5, unit_stride = columns ? B + 2 : 1;
    void *memory = calloc((size_t)((inputs + 5) * (B + 2)), 8);
    GatherTarget target = {memory, wide ? 8 : 4, batch_stride, unit_stride};
    gather_rows(data, BLUR_TRAIN, rows, 0, 3, target);
    gather_rows(data, BLUR_TRAIN, rows, 3, B, target);
    double row[WIDE];
    for (int b = 0; b < B; b++) {
      blur_data_row(data, BLUR_TRAIN, rows[b], row);
      for (int64_t i = 0; i < inputs; i++) {
        int64_t at = b * batch_stride + i * unit_stride;
        if (wide) cr_assert_eq(((double *)memory)[at], row[i]);
        else cr_assert_eq(((float *)memory)[at], (float)row[i]);
      }
    }
    gather_targets(data, BLUR_TRAIN, rows, 0, B, 4, target);
    double y[4];
    for (int b = 0; b < B; b++) {
      blur_data_target(data, BLUR_TRAIN, rows[b], 4, y);
      for (int64_t i = 0; i < 4; i++) {
        int64_t at = b * batch_stride + i * unit_stride;
        cr_assert_eq(wide ? ((double *)memory)[at] : (double)((float *)memory)[at], y[i]);
      }
    }
    free(memory);
  }
  blur_data_destroy(floats);
  blur_data_destroy(bytes);
  free(x);
  free(labels);
}

// All bytes are divided by 255 with one rounding.
Test(data, every_byte_is_rounded_once) {
  unsigned char bytes[16 + 256] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 16, 0, 0, 0, 16},
                           label[9] = {0, 0, 8, 1, 0, 0, 0, 1, 0};
  for (int i = 0; i < 256; i++) bytes[16 + i] = (unsigned char)i;
  put_file("all", "train-images-idx3-ubyte", bytes, sizeof bytes);
  put_file("all", "t10k-images-idx3-ubyte", bytes, sizeof bytes);
  put_file("all", "train-labels-idx1-ubyte", label, sizeof label);
  put_file("all", "t10k-labels-idx1-ubyte", label, sizeof label);
  BlurData *data = load("all");
  float x[256];
  gather_rows(data, BLUR_TRAIN, (int64_t[]){0}, 0, 1, (GatherTarget){(char *)x, 4, 256, 1});
  for (int i = 0; i < 256; i++) cr_assert_eq(x[i], (float)i / 255.0f);
  blur_data_destroy(data);
}

// Facts of Fashion-MNIST that its users know: 6,000 images a class, the first labels, the mean of 0.2860 over all
// pixels.
Test(data, fashion_mnist) {
  if (access("/usr/share/datasets/fashion-mnist", F_OK) != 0) cr_skip("dataset-fashion-mnist is not installed");
  BlurData *data = load("fashion_mnist");
  cr_assert_eq(blur_data_inputs(data), 784);
  cr_assert_eq(blur_data_classes(data), 10);
  cr_assert_eq(blur_data_samples(data, BLUR_TRAIN), 60000);
  cr_assert_eq(blur_data_samples(data, BLUR_TEST), 10000);
  static const uint8_t first[10] = {9, 0, 0, 3, 0, 2, 7, 2, 5, 5};
  int counts[10] = {0};
  double sum = 0, x[784];
  for (int64_t i = 0; i < 60000; i++) {
    int label = blur_data_label(data, BLUR_TRAIN, i);
    if (i < 10) cr_assert_eq(label, first[i]);
    counts[label]++;
    blur_data_row(data, BLUR_TRAIN, i, x);
    for (int j = 0; j < 784; j++) sum += x[j];
  }
  for (int i = 0; i < 10; i++) cr_assert_eq(counts[i], 6000);
  cr_assert_float_eq(sum / (60000.0 * 784), 0.2860, 5e-5);
  blur_data_destroy(data);
}
