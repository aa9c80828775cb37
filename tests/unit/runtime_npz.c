// .npz and .npy: a file that NumPy wrote (data/arrays.npz, by data/make_arrays.py), round trips, and hostile files.
#include "base/file.h"
#include "base/npz.h"
#include "directory.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned char *numpy_file(size_t *length) {
  BlurStatus status;
  unsigned char *bytes = (unsigned char *)file_read(SOURCE_DIR "/tests/unit/data/arrays.npz", 1 << 20, length, &status);
  cr_assert(bytes);
  return bytes;
}

TestSuite(npz, .init = make_directory, .fini = remove_directory);

static void expect(const NpzFile *file, const char *name, int dimensions, const int64_t *extent, const double *values) {
  const NpzArray *array = npz_find(file, name);
  cr_assert(array, "%s", name);
  cr_assert_eq(array->dimensions, dimensions, "%s", name);
  for (int d = 0; d < dimensions; d++) cr_assert_eq(array->extent[d], extent[d], "%s", name);
  for (size_t i = 0; i < array->count; i++) cr_assert_eq(array->values[i], values[i], "%s[%zu]", name, i);
}

Test(npz, reads_what_numpy_wrote) {
  NpzFile file;
  BlurStatus status;
  cr_assert(npz_read(SOURCE_DIR "/tests/unit/data/arrays.npz", &file, &status), "%s", status.message);
  cr_assert_eq(file.count, 10);
  expect(&file, "float32", 2, (int64_t[]){2, 3}, (double[]){1.5, -2.25, 3, 4, 5, (double)1e-30f});
  double sevenths[24];
  for (int i = 0; i < 24; i++) sevenths[i] = (double)i / 7;
  expect(&file, "float64_fortran", 3, (int64_t[]){2, 3, 4}, sevenths);
  expect(&file, "int32", 1, (int64_t[]){2}, (double[]){-7, 2147483647});
  expect(&file, "int64", 2, (int64_t[]){2, 1}, (double[]){-9007199254740992, 9007199254740992});
  expect(&file, "bytes", 1, (int64_t[]){3}, (double[]){0, 127, 255});
  expect(&file, "truth", 1, (int64_t[]){3}, (double[]){1, 0, 1});
  expect(&file, "scalar", 0, NULL, (double[]){0.1});
  expect(&file, "empty", 2, (int64_t[]){0, 5}, NULL);
  double many[2000];
  for (int i = 0; i < 2000; i++) many[i] = i % 50;
  expect(&file, "many", 1, (int64_t[]){2000}, many);
  cr_assert(npz_find(&file, "float32")->was_float32 && !npz_find(&file, "scalar")->was_float32);
  cr_assert_str_eq(npz_find(&file, "note.json")->text, "{\"made\": \"by hand\"}");
  cr_assert_null(npz_find(&file, "absent"));
  npz_free(&file);
}

Test(npz, round_trip) {
  double wide[6] = {0.1, -INFINITY, 1e308, 5e-324, -0.0, 3}, narrow[2] = {(double)0.1f, (double)16777217.0f}, one = 42;
  NpzEntry entries[] = {
      {.name = "synapse.w.0", .dimensions = 2, .extent = (int64_t[]){2, 3}, .values = wide},
      {.name = "narrow", .float32 = true, .dimensions = 1, .extent = (int64_t[]){2}, .values = narrow},
      {.name = "one", .values = &one},
      {.name = "empty", .dimensions = 1, .extent = (int64_t[]){0}},
      {.name = "about.json", .text = "{}"},
  };
  BlurStatus status;
  cr_assert(npz_write(path_of("a.npz"), entries, 5, &status), "%s", status.message);
  NpzFile file;
  cr_assert(npz_read(path_of("a.npz"), &file, &status), "%s", status.message);
  cr_assert_eq(file.count, 5);
  for (size_t i = 0; i < 4; i++)
    expect(&file, entries[i].name, entries[i].dimensions, entries[i].extent, entries[i].values);
  cr_assert(signbit(npz_find(&file, "synapse.w.0")->values[4]));
  cr_assert_str_eq(npz_find(&file, "about.json")->text, "{}");
  npz_free(&file);
}

// As numpy.save writes it: the header ends in a newline, on a multiple of 64 bytes.
Test(npz, header_has_numpy_s_form) {
  double values[3] = {1, 2, 3};
  BlurStatus status;
  NpzEntry entry = {.name = "x", .dimensions = 1, .extent = (int64_t[]){3}, .values = values};
  cr_assert(npz_write(path_of("x.npz"), &entry, 1, &status));
  size_t length;
  char *bytes = file_read(path_of("x.npz"), 1 << 20, &length, &status);
  cr_assert(bytes);
  const char *npy = bytes + 30 + strlen("x.npy");
  static const char start[] = "\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3,), } ";
  cr_assert_eq(memcmp(npy, start, sizeof start - 1), 0);
  cr_assert_eq(npy[127], '\n');
  cr_assert_eq(memcmp(npy + 128, values, sizeof values), 0); // little-endian machine
  free(bytes);
}

Test(npz, every_truncation_fails) {
  size_t length;
  unsigned char *bytes = numpy_file(&length);
  for (size_t cut = 0; cut < length; cut++) {
    unsigned char *part = malloc(cut ? cut : 1); // its own block: the sanitizer sees a read past its end
    memcpy(part, bytes, cut);
    NpzFile file;
    BlurStatus status = {0};
    cr_assert_not(npz_decode("cut.npz", part, cut, &file, &status), "%zu bytes", cut);
    cr_assert_eq(status.code, BLUR_FAILED_INPUT);
    cr_assert(strstr(status.message, "cut.npz"));
    cr_assert(file.count == 0 && file.arrays == NULL);
    free(part);
  }
  free(bytes);
}

// Any one byte changed: the file is refused, or what it still names holds the right numbers.
Test(npz, every_damaged_byte_is_seen) {
  size_t length;
  unsigned char *bytes = numpy_file(&length);
  NpzFile whole;
  BlurStatus status;
  cr_assert(npz_decode("whole", bytes, length, &whole, &status));
  int refused = 0;
  for (size_t place = 0; place < length; place++) {
    for (int change = 0; change < 3; change++) {
      unsigned char old = bytes[place];
      bytes[place] = (unsigned char)(old ^ (unsigned char[]){0xFF, 0x01, 0x80}[change]);
      NpzFile file;
      if (npz_decode("damaged", bytes, length, &file, &status)) {
        for (size_t i = 0; i < whole.count; i++) {
          const NpzArray *array = npz_find(&file, whole.arrays[i].name);
          if (!array || array->text) continue;
          cr_assert_eq(array->count, whole.arrays[i].count);
          for (size_t j = 0; j < array->count; j++) cr_assert_eq(array->values[j], whole.arrays[i].values[j]);
        }
        npz_free(&file);
      } else {
        refused++;
      }
      bytes[place] = old;
    }
  }
  cr_assert(refused > 2500, "%d", refused); // all the data bytes at least
  npz_free(&whole);
  free(bytes);
}

static unsigned char *plain_array(const char *header, size_t data, size_t *length) {
  size_t header_length = strlen(header);
  *length = 10 + header_length + data;
  unsigned char *bytes = calloc(1, *length);
  memcpy(bytes, "\x93NUMPY\x01\x00", 8);
  bytes[8] = (unsigned char)header_length;
  bytes[9] = (unsigned char)(header_length >> 8);
  memcpy(bytes + 10, header, header_length);
  return bytes;
}

Test(npz, headers_of_plain_arrays) {
  static const struct {
    const char *header;
    size_t data;
    const char *problem;
  } cases[] = {
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", 48, NULL},
      {"{\"shape\": (), 'descr': '|u1', 'fortran_order': True}", 1, NULL},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", 47, "cut short"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", 48, "too large"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (0, 999999999999999999999999), }", 0, "header is damaged"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (-2, 3), }", 48, "header is damaged"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 8, "8 dimensions"},
      {"{'descr': '>f8', 'fortran_order': False, 'shape': (1,), }", 8, "big-endian"},
      {"{'descr': '<c16', 'fortran_order': False, 'shape': (1,), }", 16, "array.real"},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 16, "Python objects"},
      {"{'descr': '<f2', 'fortran_order': False, 'shape': (1,), }", 2, "astype"},
      {"{'descr': '', 'fortran_order': False, 'shape': (1,), }", 2, "astype"},
      {"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", 16, "structured"},
      {"{'descr': '<f8', 'fortran_order': False}", 8, "header is damaged"},
      {"{'descr': '<f8', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", 8, "header is damaged"},
      {"{'descr': '<f8", 8, "header is damaged"},
      {"", 8, "header is damaged"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t length;
    unsigned char *bytes = plain_array(cases[i].header, cases[i].data, &length);
    NpzFile file;
    BlurStatus status;
    bool done = npz_decode("x.npy", bytes, length, &file, &status);
    cr_assert_eq(done, cases[i].problem == NULL, "%s", cases[i].header);
    if (done) cr_assert_not_null(npz_find(&file, "arr_0"));
    else cr_assert(strstr(status.message, cases[i].problem), "%s: %s", cases[i].header, status.message);
    npz_free(&file);
    free(bytes);
  }
}

// A deflated member may claim 4 GiB: refused before anything of that size is allocated.
Test(npz, claimed_sizes_are_not_believed) {
  size_t length;
  unsigned char *bytes = numpy_file(&length);
  size_t patched = 0;
  for (size_t i = 0; i + 46 < length; i++) {
    if (memcmp(bytes + i, "PK\x01\x02", 4) != 0) continue;
    if (bytes[i + 10] == 8) memset(bytes + i + 24, 0xF0, 4), patched++;
  }
  cr_assert_eq(patched, 2);
  NpzFile file;
  BlurStatus status;
  cr_assert_not(npz_decode("bomb.npz", bytes, length, &file, &status));
  cr_assert(strstr(status.message, "size is damaged"), "%s", status.message);
  free(bytes);
}

Test(npz, a_failed_write_keeps_the_old_file) {
  double value = 1;
  NpzEntry entry = {.name = "x", .values = &value};
  BlurStatus status;
  char missing[256];
  snprintf(missing, sizeof missing, "%s/absent/a.npz", directory);
  cr_assert_not(npz_write(missing, &entry, 1, &status));
  cr_assert_eq(status.code, BLUR_FAILED_ENVIRONMENT);
  cr_assert(strstr(status.message, missing) && strstr(status.message, strerror(ENOENT)), "%s", status.message);
  cr_assert_not(npz_write(directory, &entry, 1, &status)); // a directory
  cr_assert(strstr(status.message, strerror(EISDIR)), "%s", status.message);
  cr_assert_not(npz_write("/dev/full", &entry, 1, &status)); // a full disk
  cr_assert(strstr(status.message, strerror(ENOSPC)), "%s", status.message);
  cr_assert(access("/dev/full", F_OK) == 0);
  cr_assert_not(npz_read(directory, &(NpzFile){0}, &status));
  cr_assert(strstr(status.message, "a directory"), "%s", status.message);
}

Test(npz, writing_replaces_and_leaves_no_other_file) {
  double value = 1;
  NpzEntry entry = {.name = "x", .values = &value};
  BlurStatus status;
  for (int i = 0; i < 3; i++, value++) cr_assert(npz_write(path_of("only.npz"), &entry, 1, &status));
  NpzFile file;
  cr_assert(npz_read(path_of("only.npz"), &file, &status));
  cr_assert_eq(file.arrays[0].values[0], 3);
  npz_free(&file);
  char command[128];
  snprintf(command, sizeof command, "test \"$(ls -A %s)\" = only.npz", directory);
  cr_assert_eq(system(command), 0);
}
