// Data in files of arrays and tables: what is read, what becomes a class, how parts are cut, and what is told about
// files that are wrong.
#include "base/npz.h"
#include "base/philox.h"
#include "directory.h"
#include "runtime/data/data.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

TestSuite(files, .init = make_directory, .fini = remove_directory);

static void put_bytes(const char *name, const void *bytes, size_t length) {
  FILE *file = fopen(path_of(name), "wb");
  cr_assert(file && fwrite(bytes, 1, length, file) == length);
  fclose(file);
}
static void put_text(const char *name, const char *text) { put_bytes(name, text, strlen(text)); }

static BlurData *load(const char *name) {
  BlurStatus status = {0};
  BlurData *data = blur_data_load(path_of(name), &status);
  cr_assert(data, "%s: %s", name, status.message);
  return data;
}

static void expect_failure(const char *name, const char *part) {
  BlurStatus status = {0};
  cr_assert_null(blur_data_load(path_of(name), &status), "%s", part);
  cr_assert(status.code == BLUR_FAILED_INPUT || status.code == BLUR_FAILED_USAGE, "%d: %s", status.code,
            status.message);
  cr_assert(strstr(status.message, part), "%s (wanted: %s)", status.message, part);
}

// All samples of all parts in the file's order: sample i of the whole is what the fixed shuffle dealt out.
typedef struct {
  BlurPart part;
  int64_t sample;
} Dealt;
static Dealt dealt(int64_t count, int64_t train, int64_t original) {
  uint32_t order[64];
  cr_assert(count <= 64);
  blur_data_shuffle(0x73706C6974, 0, count, order);
  for (int64_t i = 0; i < count; i++)
    if (order[i] == original) return i < train ? (Dealt){BLUR_TRAIN, i} : (Dealt){BLUR_TEST, i - train};
  cr_assert(false);
  return (Dealt){0};
}

// ---- CSV

static void check_csv(const char *text, const double *x, const char *const *classes, const double *y) {
  put_text("table.csv", text);
  BlurData *data = load("table.csv:split=3"); // 3 of 5 samples for training
  cr_assert(blur_data_samples(data, BLUR_TRAIN) == 3 && blur_data_samples(data, BLUR_TEST) == 2, "%s", text);
  cr_assert_eq(blur_data_inputs(data), 2, "%s", text);
  for (int64_t i = 0; i < 5; i++) {
    Dealt at = dealt(5, 3, i);
    double row[2], target;
    blur_data_row(data, at.part, at.sample, row);
    for (int j = 0; j < 2; j++) cr_assert_eq(row[j], (double)(float)x[2 * i + j], "%s", text);
    if (classes) {
      int label = blur_data_label(data, at.part, at.sample);
      cr_assert_str_eq(blur_data_class_name(data, label), classes[i]);
      for (int64_t k = 0; k < 5; k++) { // names are in the labels' order
        int other = blur_data_label(data, dealt(5, 3, k).part, dealt(5, 3, k).sample);
        if (other < label) cr_assert_neq(strcmp(blur_data_class_name(data, other), classes[i]), 0);
      }
    } else {
      cr_assert_eq(blur_data_classes(data), 0);
      blur_data_target(data, at.part, at.sample, 1, &target);
      cr_assert_eq(target, (double)(float)y[i]);
    }
  }
  blur_data_destroy(data);
}

Test(files, csv_in_all_dresses) {
  static const double x[10] = {1, 2, 3, -4, 0.5, 1e-3, 7, 8, 9, 10}, y[5] = {0.5, 1, 2, -3.25, 1e10};
  static const char *const numbers[] = {"3", "10", "3", "-1", "10"}, *const words[] = {"b", "a,\"c\n", "b", "b", "x y"};
  check_csv("1,2,3\n3,-4,10\n.5,1e-3,3\n7,8,-1\n9,10,10\n", x, numbers, NULL);
  check_csv("1,2,3\n3,-4,10\n.5,1e-3,3\n7,8,-1\n9,10,10", x, numbers, NULL); // no end of the last line
  check_csv("a,b,c\r\n1,2,3\r\n3,-4,10\r\n.5,1e-3,3\r\n7,8,-1\r\n9,10,10\r\n", x, numbers, NULL);
  check_csv("\xEF\xBB\xBF"
            "a;b;c\n1;2;3\n3;-4;10\n.5;1e-3;3\n\n\n7;8;-1\n9;10;10\n\n",
            x, numbers, NULL);
  check_csv("# of 2026\n\"a\"\t\"b\"\tc\n1\t2\t3\n3\t-4\t10\n# here\n.5\t1e-3\t3\n7\t8\t-1\n9\t10\t10\n", x, numbers,
            NULL);
  check_csv(" 1, 2 ,3\n3 ,-4,10\n+.5,0.001,3\n\"7\",8,-1\n9,\"10\",10\n", x, numbers, NULL);
  check_csv("1,2,.5\n3,-4,1\n.5,1e-3,2\n7,8,-3.25\n9,10,1e10\n", x, NULL, y);
  check_csv("1,2,b\n3,-4,\"a,\"\"c\n\"\n.5,1e-3,b\n7,8,\"b\"\n9,10,x y\n", x, words, NULL);
}

Test(files, csv_targets_are_chosen) {
  put_text("t.csv", "id,kind,size\n1,a,5\n2,b,6\n3,a,7\n4,b,8\n5,a,9\n");
  BlurData *data = load("t.csv:target=kind");
  cr_assert(blur_data_classes(data) == 2 && blur_data_outputs(data) == 1 && blur_data_inputs(data) == 2);
  blur_data_destroy(data);
  data = load("t.csv:target=2,split=0.5"); // 2.5 are 3
  cr_assert(blur_data_classes(data) == 2 && blur_data_samples(data, BLUR_TRAIN) == 3);
  blur_data_destroy(data);
  put_text("n.csv", "1,2,3\n1,2,4\n1,2,5\n1,2,6\n1,2,7\n");
  data = load("n.csv:target=3,as=regression,scale=2");
  cr_assert(blur_data_classes(data) == 0 && blur_data_outputs(data) == 1);
  double row[2];
  blur_data_row(data, BLUR_TRAIN, 0, row);
  cr_assert(row[0] == 0.5 && row[1] == 1);
  blur_data_destroy(data);
  data = load("n.csv:classes=5,3,split=0.5"); // two samples are left, called by their labels
  cr_assert(blur_data_classes(data) == 2 && blur_data_samples(data, BLUR_TRAIN) == 1);
  cr_assert(strcmp(blur_data_class_name(data, 0), "5") == 0 && strcmp(blur_data_class_name(data, 1), "3") == 0);
  blur_data_destroy(data);
  expect_failure("n.csv:classes=5,9", "no sample has the label 9");
  expect_failure("n.csv:target=4", "1..3");
  expect_failure("t.csv:target=colour", "colour");
  expect_failure("t.csv", "line 2, column 2 (`kind`): `a` is no number");
  expect_failure("t.csv:target=kind,as=regression", "words");
  expect_failure("n.csv:noise=1", "`noise` is no option of a file of samples");
}

Test(files, csv_mistakes) {
  static const char *const cases[][2] = {
      {"a,b,c\n1,2,3\n4,5\n", "line 3: it has 2 columns, the lines before have 3"},
      {"a,b,c\n1,2,3\n4,5,6,7\n", "line 3: it has 4 columns"},
      {"a,b,c\n\n1,2,3\n# note\n4,x,6\n", "line 5, column 2 (`b`): `x` is no number"},
      {"1,2,3\n4,,6\n", "line 2, column 2: the field is empty"},
      {"1,2,3\n4,nan,6\n", "line 2, column 2: `nan` is no finite number"},
      {"1,2,3\n4,5,inf\n", "line 2, column 3: `inf` is no finite number"},
      {"1,2,3\n4,1e300,6\n", "`1e300` is no finite number"},
      {"1,2,3\n4,5,red\n", "line 2, column 3: `red` is no number"},
      {"1,2,red\n4,5,\n", "line 2, column 3: the class is missing"},
      {"1,2,red\n4,\"5\n,6\n", "line 2, column 2: its quote is never closed"},
      {"1,2,red\n\"4\"5,3,6\n", "line 2, column 1: there is more after its closing quote"},
      {"\"a\nb\",c,d\nx,1,2\n", "line 3, column 1 (`a`): `x` is no number"}, // the first field is over two lines
      {"", "holds no lines"},
      {"\n\n# nothing\n", "holds no lines"},
      {"a,b,c\n", "no samples"},
      {"1\n2\n", "where are the inputs"},
      {"1,2,3\n", "too few"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    put_text("wrong.csv", cases[i][0]);
    expect_failure("wrong.csv", cases[i][1]);
  }
  put_bytes("wrong.csv", "1,2\0,3\n", 7);
  expect_failure("wrong.csv", "no text");
  BlurStatus status;
  cr_assert_null(blur_data_load(path_of("absent.csv"), &status));
  cr_assert(status.code == BLUR_FAILED_ENVIRONMENT && strstr(status.message, "absent.csv"), "%s", status.message);
}

// Bytes of a table exchanged, taken out and put in: it is read, or refused with a message that names the file.
Test(files, csv_damaged_at_random) {
  static const char table[] =
      "a,\"b \"\"c\"\"\",kind\r\n1,2.5,red\n# note\n3,-4e-3,\"blue,\n\"\n\n5,6,red\n7;8,9\t,red\n";
  static const char marks[] = "\",;\n\r\t#0e-.x \xEF";
  int read = 0;
  for (uint64_t round = 0; round < 3000; round++) {
    char text[2 * sizeof table];
    size_t length = strlen(table);
    memcpy(text, table, length);
    for (uint64_t change = 0; change < 1 + round % 3; change++) {
      size_t at = (size_t)philox_below(round, change, 0, length);
      char mark = marks[philox_below(round, change, 1, sizeof marks - 1)];
      switch (philox_below(round, change, 2, 4)) {
      case 0: text[at] = mark; break;
      case 1: memmove(text + at, text + at + 1, --length - at); break;
      case 2: length = at + 1; break; // cut short
      default: memmove(text + at + 1, text + at, length++ - at); text[at] = mark;
      }
    }
    put_bytes("t.csv", text, length);
    BlurStatus status = {0};
    BlurData *data = blur_data_load(path_of("t.csv:split=1"), &status);
    read += data != NULL;
    if (!data) cr_assert(status.code == BLUR_FAILED_INPUT && strstr(status.message, "t.csv"), "%s", status.message);
    blur_data_destroy(data);
  }
  cr_assert(read > 30 && read < 2970, "%d", read); // both happen
}

Test(files, csv_of_many_classes) {
  char *text = malloc(300 * 32), *to = text;
  for (int i = 0; i < 257; i++) to += sprintf(to, "%d,0,c%d\n", i, i);
  put_text("many.csv", text);
  expect_failure("many.csv", "line 257, column 3: `c256` is class number 257");
  to = text;
  for (int i = 0; i < 257; i++) to += sprintf(to, "%d,0,%d\n", i, i);
  put_text("many.csv", text);
  expect_failure("many.csv", "more than 256 classes");
  free(text);
}

Test(files, csv_compressed_and_with_a_test) {
  gzFile file = gzopen(path_of("packed.csv.gz"), "wb");
  cr_assert(gzputs(file, "x1,x2,y\n1,2,0\n3,4,1\n5,6,0\n") > 0);
  gzclose(file);
  put_text("test.csv", "x1,x2,y\n7,8,2\n");
  char specification[700];
  snprintf(specification, sizeof specification, "packed.csv.gz:test=%s", path_of("test.csv"));
  BlurData *data = load(specification);
  cr_assert(blur_data_samples(data, BLUR_TRAIN) == 3 && blur_data_samples(data, BLUR_TEST) == 1);
  cr_assert(blur_data_classes(data) == 3 && blur_data_label(data, BLUR_TEST, 0) == 2); // of both parts
  blur_data_destroy(data);
  snprintf(specification, sizeof specification, "packed.csv.gz:split=2/1,test=%s", path_of("test.csv"));
  data = load(specification);
  cr_assert(blur_data_samples(data, BLUR_TRAIN) == 2 && blur_data_samples(data, BLUR_VALIDATION) == 1);
  blur_data_destroy(data);
  put_text("test.csv", "x1,y\n7,2\n");
  snprintf(specification, sizeof specification, "packed.csv.gz:test=%s", path_of("test.csv"));
  expect_failure(specification, "1 inputs");
}

// ---- arrays

enum { N = 20 };
static double numbers[4][N * 12];
static const int64_t shape_x[] = {N, 12}, shape_images[] = {N, 3, 4}, shape_y[] = {N}, shape_targets[] = {N, 2},
                     shape_squares[] = {N, 9}, shape_test[] = {5, 12}, shape_test_y[] = {5}, shape_none[] = {0, 12},
                     shape_channel[] = {N, 3, 4, 1};

static NpzEntry entry(const char *name, int dimensions, const int64_t *extent, int which, bool integer) {
  return (NpzEntry){
      .name = name, .integer = integer, .dimensions = dimensions, .extent = extent, .values = numbers[which]};
}

static void put_arrays(const char *name, const NpzEntry *entries, size_t count) {
  BlurStatus status;
  cr_assert(npz_write(path_of(name), entries, count, &status), "%s", status.message);
}

static void fill(void) {
  for (int i = 0; i < N * 12; i++) {
    numbers[0][i] = i / 7.0;
    numbers[1][i] = i % 3;          // labels
    numbers[2][i] = i / 3.0;        // real targets
    numbers[3][i] = i % 2 ? -1 : 1; // two columns: of one class
  }
}

Test(files, arrays_of_classes) {
  fill();
  put_arrays("a.npz", (NpzEntry[]){entry("x", 2, shape_x, 0, false), entry("y", 1, shape_y, 1, true)}, 2);
  BlurData *data = load("a.npz");
  cr_assert(blur_data_inputs(data) == 12 && blur_data_classes(data) == 3 && blur_data_outputs(data) == 3);
  cr_assert(blur_data_samples(data, BLUR_TRAIN) == 16 && blur_data_samples(data, BLUR_TEST) == 4);
  for (int64_t i = 0; i < N; i++) {
    Dealt at = dealt(N, 16, i);
    double x[12];
    blur_data_row(data, at.part, at.sample, x);
    for (int j = 0; j < 12; j++) cr_assert_eq(x[j], (double)(float)numbers[0][i * 12 + j]);
    cr_assert_eq(blur_data_label(data, at.part, at.sample), i % 3);
  }
  blur_data_destroy(data);
  data = load("a.npz:split=10/6/4");
  cr_assert(blur_data_samples(data, BLUR_TRAIN) == 10 && blur_data_samples(data, BLUR_VALIDATION) == 6 &&
            blur_data_samples(data, BLUR_TEST) == 4);
  blur_data_destroy(data);
  data = load("a.npz:split=0.5/0.25/0.25,classes=1..2"); // 13 samples (0, 3, ... are left out): 6.5, 3.25, 3.25
  cr_assert(blur_data_samples(data, BLUR_TRAIN) == 7 && blur_data_samples(data, BLUR_VALIDATION) == 3 &&
            blur_data_samples(data, BLUR_TEST) == 3);
  blur_data_destroy(data);
  data = load("a.npz:split=10/2"); // of the 16 that the test leaves
  cr_assert(blur_data_samples(data, BLUR_TRAIN) == 10 && blur_data_samples(data, BLUR_VALIDATION) == 2 &&
            blur_data_samples(data, BLUR_TEST) == 4);
  blur_data_destroy(data);
  expect_failure("a.npz:split=10/6/5", "20 samples");
  expect_failure("a.npz:size=2", "no square");
  expect_failure("a.npz:prefix=b", "`prefix`");
}

Test(files, arrays_of_real_targets) {
  fill();
  put_arrays("r.npz", (NpzEntry[]){entry("x", 2, shape_x, 0, false), entry("y", 2, shape_targets, 2, false)}, 2);
  BlurData *data = load("r.npz");
  cr_assert(blur_data_classes(data) == 0 && blur_data_outputs(data) == 2);
  cr_assert_eq(blur_data_loss(data, 2), BLUR_LOSS_SQUARED_ERROR);
  int64_t rows[4] = {3, 0, 5, 1};
  float gathered[8];
  gather_targets(data, BLUR_TRAIN, rows, 0, 4, 2, (GatherTarget){(char *)gathered, 4, 2, 1});
  for (int64_t i = 0; i < N; i++) {
    Dealt at = dealt(N, 16, i);
    double y[2];
    blur_data_target(data, at.part, at.sample, 2, y);
    for (int j = 0; j < 2; j++) cr_assert_eq(y[j], (double)(float)numbers[2][i * 2 + j]);
    for (int b = 0; b < 4; b++)
      if (at.part == BLUR_TRAIN && rows[b] == at.sample)
        cr_assert(gathered[2 * b] == (float)y[0] && gathered[2 * b + 1] == (float)y[1]);
  }
  blur_data_destroy(data);
  expect_failure("r.npz:as=classes", "no whole number");
  expect_failure("r.npz:classes=1", "no classes");
  expect_failure("r.npz:permute=labels", "no labels");
}

Test(files, one_of_several_outputs_is_a_class) {
  fill();
  put_arrays("hot.npz", (NpzEntry[]){entry("x", 2, shape_x, 0, false), entry("y", 2, shape_targets, 3, false)}, 2);
  numbers[3][2] = -1; // sample 1 is of class 1
  numbers[3][3] = 1;
  put_arrays("hot.npz", (NpzEntry[]){entry("x", 2, shape_x, 0, false), entry("y", 2, shape_targets, 3, false)}, 2);
  BlurData *data = load("hot.npz");
  cr_assert_eq(blur_data_classes(data), 2);
  for (int64_t i = 0; i < N; i++) {
    Dealt at = dealt(N, 16, i);
    cr_assert_eq(blur_data_label(data, at.part, at.sample), i == 1);
  }
  blur_data_destroy(data);
  data = load("hot.npz:as=regression"); // the file says classes, and now it is a class
  cr_assert_eq(blur_data_classes(data), 0);
  blur_data_destroy(data);
}

Test(files, images_and_a_test_part) {
  fill();
  const NpzEntry named[] = {entry("x_train", 3, shape_images, 0, false), entry("y_train", 1, shape_y, 1, true),
                            entry("x_test", 2, shape_test, 0, false), entry("y_test", 1, shape_test_y, 1, true)};
  put_arrays("k.npz", named, 4);
  BlurData *data = load("k.npz");
  cr_assert(blur_data_samples(data, BLUR_TRAIN) == N && blur_data_samples(data, BLUR_TEST) == 5);
  cr_assert_eq(blur_data_label(data, BLUR_TEST, 4), 1);
  blur_data_destroy(data);
  expect_failure("k.npz:split=1/2/3", "two numbers");
  for (int way = 0; way < 2; way++) { // 3 x 4 to 1 x 1: the mean of 12
    put_arrays("i.npz", (NpzEntry[]){entry("x", way ? 4 : 3, way ? shape_channel : shape_images, 0, false), named[1]},
               1);
    expect_failure("i.npz", "no array `y`");
    NpzEntry y = named[1];
    y.name = "y";
    put_arrays("i.npz", (NpzEntry[]){entry("x", way ? 4 : 3, way ? shape_channel : shape_images, 0, false), y}, 2);
    data = load("i.npz:size=1,scale=4");
    cr_assert_eq(blur_data_inputs(data), 1);
    for (int64_t i = 0; i < N; i++) {
      double x;
      blur_data_row(data, dealt(N, 16, i).part, dealt(N, 16, i).sample, &x);
      cr_assert_float_eq(x, ((double)i * 12 + 5.5) / 7 / 4, 1e-5);
    }
    blur_data_destroy(data);
  }
  NpzEntry y = named[1];
  y.name = "y";
  put_arrays("s.npz", (NpzEntry[]){entry("x", 2, shape_squares, 0, false), y}, 2);
  data = load("s.npz:size=6"); // 9 inputs are 3 x 3
  cr_assert_eq(blur_data_inputs(data), 36);
  blur_data_destroy(data);
}

Test(files, array_mistakes) {
  fill();
  const NpzEntry x = entry("x", 2, shape_x, 0, false), y = entry("y", 1, shape_y, 1, true);
  put_arrays("w.npz", (NpzEntry[]){y}, 1);
  expect_failure("w.npz", "no array `x`");
  put_arrays("w.npz", (NpzEntry[]){x, entry("y", 1, shape_test_y, 1, true)}, 2);
  expect_failure("w.npz", "array `y` has 5 samples, x has 20");
  put_arrays("w.npz", (NpzEntry[]){entry("x", 1, shape_y, 0, false), y}, 2);
  expect_failure("w.npz", "has one axis");
  put_arrays("w.npz", (NpzEntry[]){entry("x", 2, shape_none, 0, false), y}, 2);
  expect_failure("w.npz", "array `x` is empty");
  put_arrays("w.npz", (NpzEntry[]){x, y, entry("test_x", 2, shape_test, 0, false)}, 3);
  expect_failure("w.npz", "only one of");
  put_arrays("w.npz",
             (NpzEntry[]){x, y, entry("test_x", 2, shape_targets, 0, false), entry("test_y", 1, shape_y, 1, true)}, 4);
  expect_failure("w.npz", "`test_x` has other inputs");
  numbers[0][5 * 12 + 3] = NAN;
  put_arrays("w.npz", (NpzEntry[]){x, y}, 2);
  expect_failure("w.npz", "input 3 of sample 5");
  numbers[0][5 * 12 + 3] = 0;
  numbers[2][7] = INFINITY;
  put_arrays("w.npz", (NpzEntry[]){x, entry("y", 1, shape_y, 2, false)}, 2);
  expect_failure("w.npz", "the target of sample 7");
}

// A table in a single array, as numpy.save writes it; the target of whole numbers is a class.
Test(files, a_table_in_one_array) {
  unsigned char bytes[128 + 4 * 3 * 8] = {0};
  const double table[12] = {1, 2, 0, 3, 4, 1, 5, 6, 0, 7, 8, 1};
  memcpy(bytes, "\x93NUMPY\1\0\x76\0", 10);
  memset(bytes + 10, ' ', 118);
  memcpy(bytes + 10, "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 3), }", 59);
  bytes[127] = '\n';
  memcpy(bytes + 128, table, sizeof table);
  put_bytes("t.npy", bytes, sizeof bytes);
  BlurData *data = load("t.npy:split=3");
  cr_assert(blur_data_inputs(data) == 2 && blur_data_classes(data) == 2);
  for (int64_t i = 0; i < 4; i++) {
    Dealt at = dealt(4, 3, i);
    double x[2];
    blur_data_row(data, at.part, at.sample, x);
    cr_assert(x[0] == 2.0 * (double)i + 1 && x[1] == 2.0 * (double)i + 2);
    cr_assert_eq(blur_data_label(data, at.part, at.sample), i % 2);
  }
  blur_data_destroy(data);
  data = load("t.npy:target=1,as=regression,split=3");
  double y, x[2];
  blur_data_target(data, dealt(4, 3, 2).part, dealt(4, 3, 2).sample, 1, &y);
  blur_data_row(data, dealt(4, 3, 2).part, dealt(4, 3, 2).sample, x);
  cr_assert(y == 5 && x[0] == 6 && x[1] == 0);
  blur_data_destroy(data);
  expect_failure("t.npy:target=0", "from 1 to 3");
}

// The digits that come with the project: facts that its users know.
Test(files, digits) {
  setenv("BLUR_DATA", SOURCE_DIR "/examples/data", 1);
  BlurStatus status;
  BlurData *data = blur_data_load("digits:scale=16", &status);
  cr_assert(data, "%s", status.message);
  cr_assert(blur_data_inputs(data) == 64 && blur_data_classes(data) == 10);
  cr_assert(blur_data_samples(data, BLUR_TRAIN) == 1438 && blur_data_samples(data, BLUR_TEST) == 359);
  static const int shares[10] = {178, 182, 177, 183, 181, 182, 181, 179, 174, 180}; // as the repository tells them
  int counts[10] = {0};
  double largest = 0, sum = 0, x[196];
  for (int part = 0; part < 2; part++) {
    for (int64_t i = 0; i < blur_data_samples(data, (BlurPart)part); i++) {
      counts[blur_data_label(data, (BlurPart)part, i)]++;
      blur_data_row(data, (BlurPart)part, i, x);
      for (int j = 0; j < 64; j++) {
        largest = fmax(largest, x[j]);
        sum += x[j] * 16;
      }
    }
  }
  cr_assert_eq(memcmp(counts, shares, sizeof counts), 0);
  cr_assert_eq(largest, 1);
  cr_assert_eq(sum, 561718); // of all pixels
  blur_data_destroy(data);
  data = blur_data_load("digits:scale=16,size=14,classes=3,8", &status);
  cr_assert(blur_data_inputs(data) == 196 && blur_data_classes(data) == 2 && blur_data_outputs(data) == 1);
  cr_assert_eq(blur_data_samples(data, BLUR_TRAIN) + blur_data_samples(data, BLUR_TEST), 183 + 174);
  blur_data_destroy(data);
}

// ---- inputs of predictions

static BlurData *inputs(const char *name, int64_t count, int classes, const char *const *names, const char *message) {
  BlurStatus status = {0};
  BlurData *data = blur_data_load_inputs(path_of(name), count, classes, names, &status);
  cr_assert_eq(data == NULL, message != NULL, "%s: %s", name, status.message);
  if (message) cr_assert(strstr(status.message, message), "%s (wanted: %s)", status.message, message);
  return data;
}

Test(files, inputs_of_predictions) {
  static const char *const names[] = {"red", "green", "blue"};
  put_text("p.csv", "1,2\n3,4\n5,6\n");
  BlurData *data = inputs("p.csv", 2, 3, names, NULL);
  cr_assert(blur_data_samples(data, BLUR_TEST) == 3 && blur_data_samples(data, BLUR_TRAIN) == 0);
  cr_assert(!blur_data_has_targets(data) && blur_data_label(data, BLUR_TEST, 0) == -1);
  double x[2], y[2];
  blur_data_row(data, BLUR_TEST, 2, x); // in the file's order
  cr_assert(x[0] == 5 && x[1] == 6);
  blur_data_destroy(data);
  put_text("p.csv", "a,b,c\n1,2,blue\n3,4,blue\n5,6,red\n");
  data = inputs("p.csv", 2, 3, names, NULL); // numbered as the network does
  cr_assert(blur_data_has_targets(data) && blur_data_label(data, BLUR_TEST, 0) == 2 &&
            blur_data_label(data, BLUR_TEST, 2) == 0);
  blur_data_destroy(data);
  put_text("p.csv", "1,2,pink\n");
  inputs("p.csv", 2, 3, names, "`pink`");
  put_text("p.csv", "1,2,2\n");
  data = inputs("p.csv", 2, 3, NULL, NULL); // without names: by number
  cr_assert_eq(blur_data_label(data, BLUR_TEST, 0), 2);
  blur_data_destroy(data);
  inputs("p.csv", 2, 2, NULL, "class `2`");
  data = inputs("p.csv", 2, 0, NULL, NULL); // regression
  blur_data_target(data, BLUR_TEST, 0, 1, y);
  cr_assert(blur_data_classes(data) == 0 && y[0] == 2);
  blur_data_destroy(data);
  inputs("p.csv", 5, 0, NULL, "3 inputs, the network 5");
  fill();
  put_arrays("p.npz", (NpzEntry[]){entry("x", 2, shape_x, 0, false)}, 1);
  data = inputs("p.npz", 12, 3, NULL, NULL);
  cr_assert(blur_data_samples(data, BLUR_TEST) == N && !blur_data_has_targets(data));
  blur_data_destroy(data);
  const unsigned char images[16 + 8] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 255, 0, 51, 0, 1, 2, 3, 4};
  put_bytes("images-idx3-ubyte", images, sizeof images);
  data = inputs("images-idx3-ubyte", 4, 10, NULL, NULL);
  double pixels[4];
  blur_data_row(data, BLUR_TEST, 0, pixels);
  cr_assert(pixels[0] == 1 && pixels[2] == 0.2 && blur_data_samples(data, BLUR_TEST) == 2);
  blur_data_destroy(data);
  inputs("images-idx3-ubyte", 5, 10, NULL, "4 inputs, the network 5");
  expect_failure("images-idx3-ubyte", "one IDX file");
}

Test(files, real_targets_from_arrays) {
  const float x[6] = {1, 2, 3, 4, 5, 6}, y[6] = {10, 20, 30, 40, 50, 60};
  BlurData *data = blur_data_create_real(1, 2, 3, x, y, 1, x + 4, y + 2, NULL);
  cr_assert(blur_data_outputs(data) == 2 && blur_data_classes(data) == 0 && blur_data_samples(data, BLUR_TEST) == 1);
  cr_assert(blur_data_split(data, 2, 1, NULL));
  double input, target[2];
  for (int i = 0; i < 3; i++) {
    blur_data_row(data, i < 2 ? BLUR_TRAIN : BLUR_VALIDATION, i % 2, &input);
    blur_data_target(data, i < 2 ? BLUR_TRAIN : BLUR_VALIDATION, i % 2, 2, target);
    cr_assert(target[0] == 20 * input - 10 && target[1] == 20 * input);
  }
  blur_data_destroy(data);
}
