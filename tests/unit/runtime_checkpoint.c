// Checkpoints: what is put in comes out to the last bit; a file that is cut or changed anywhere is seen; a folder keeps
// the newest of each run, and the one before is found where the newest is damaged.
#include "base/file.h"
#include "blur/checkpoint.h"
#include "directory.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utime.h>

TestSuite(checkpoint, .init = make_directory, .fini = remove_directory);

static const double odd_numbers[6] = {0.1, -0.0, INFINITY, NAN, 5e-324, -1.7976931348623157e308};

static BlurCheckpoint *make(const char *seed, double step) {
  BlurCheckpoint *checkpoint = blur_checkpoint_create();
  blur_checkpoint_fact(checkpoint, BLUR_FACT_BINDING, "seed", seed);
  blur_checkpoint_fact(checkpoint, BLUR_FACT_BINDING, "meta.lr", "0.1");
  blur_checkpoint_fact(checkpoint, BLUR_FACT_MADE_BY, "processor", "avx2");
  blur_checkpoint_fact(checkpoint, BLUR_FACT_NOTE, "file", "a \"file\"\n");
  blur_checkpoint_put(checkpoint, "meta.step", 1, 1, &step);
  blur_checkpoint_put(checkpoint, "cma.mean", 2, 3, odd_numbers);
  blur_checkpoint_put(checkpoint, "log.empty", 0, 5, NULL);
  return checkpoint;
}

static void write_bytes(const char *path, const char *bytes, size_t length) {
  FILE *file = fopen(path, "wb");
  cr_assert(file && fwrite(bytes, 1, length, file) == length && fclose(file) == 0);
}

Test(checkpoint, round_trip) {
  BlurStatus status = {0};
  BlurCheckpoint *checkpoint = make("7", 50);
  cr_assert(blur_checkpoint_write(checkpoint, path_of("one.npz"), &status), "%s", status.message);
  BlurCheckpoint *back = blur_checkpoint_read(path_of("one.npz"), &status);
  cr_assert(back, "%s", status.message);
  double numbers[6];
  cr_assert(blur_checkpoint_get(back, "cma.mean", 2, 3, numbers, &status), "%s", status.message);
  cr_expect_arr_eq(numbers, odd_numbers, sizeof numbers);
  cr_expect_eq(blur_checkpoint_rows(back, "cma.mean"), 2);
  cr_expect(blur_checkpoint_get(back, "log.empty", 0, 5, numbers, &status));
  cr_expect_str_eq(blur_checkpoint_fact_of(back, "file"), "a \"file\"\n");
  cr_expect_null(blur_checkpoint_difference(back, checkpoint, BLUR_FACT_BINDING, "it"));
  cr_expect_null(blur_checkpoint_fact_of(back, "nothing"));
  cr_expect_not(blur_checkpoint_get(back, "cma.mean", 3, 2, numbers, &status));
  cr_expect_not_null(strstr(status.message, "one.npz has 2 x 3 numbers in `cma.mean`, not 3 x 2"), "%s",
                     status.message);
  cr_expect_not(blur_checkpoint_get(back, "adam.first", 2, 3, numbers, &status));
  cr_expect_not_null(strstr(status.message, "one.npz lacks `adam.first`"), "%s", status.message);
  blur_checkpoint_destroy(back);
  blur_checkpoint_destroy(checkpoint);
}

Test(checkpoint, differences) {
  BlurCheckpoint *one = make("7", 50), *other = make("8", 50);
  blur_checkpoint_fact(other, BLUR_FACT_BINDING, "unroll", "5");
  char *difference = blur_checkpoint_difference(one, other, BLUR_FACT_BINDING, "x.npz");
  cr_expect_str_eq(difference, "x.npz has seed 7, not 8; no unroll, not 5");
  free(difference);
  difference = blur_checkpoint_difference(other, one, BLUR_FACT_BINDING, "y.npz");
  cr_expect_str_eq(difference, "y.npz has seed 8, not 7; unroll 5, which is not wanted");
  free(difference);
  cr_expect_null(blur_checkpoint_difference(one, other, BLUR_FACT_MADE_BY, "x.npz"));
  blur_checkpoint_destroy(one);
  blur_checkpoint_destroy(other);
}

Test(checkpoint, any_damage_is_seen, .timeout = 300) {
  BlurStatus status = {0};
  BlurCheckpoint *checkpoint = make("7", 50);
  cr_assert(blur_checkpoint_write(checkpoint, path_of("one.npz"), &status), "%s", status.message);
  blur_checkpoint_destroy(checkpoint);
  size_t length;
  char *bytes = file_read(path_of("one.npz"), 1 << 20, &length, &status);
  for (size_t cut = 0; cut < length; cut++) {
    write_bytes(path_of("cut.npz"), bytes, cut);
    cr_expect_null(blur_checkpoint_read(path_of("cut.npz"), &status), "cut to %zu bytes", cut);
  }
  for (size_t bit = 0; bit < 8 * length; bit += 13) {
    bytes[bit / 8] ^= (char)(1 << bit % 8);
    write_bytes(path_of("bit.npz"), bytes, length);
    cr_expect_null(blur_checkpoint_read(path_of("bit.npz"), &status), "bit %zu", bit);
    bytes[bit / 8] ^= (char)(1 << bit % 8);
  }
  bytes[length] = 0; // one byte more
  write_bytes(path_of("more.npz"), bytes, length + 1);
  cr_expect_null(blur_checkpoint_read(path_of("more.npz"), &status));
  write_bytes(path_of("same.npz"), bytes, length);
  BlurCheckpoint *sound = blur_checkpoint_read(path_of("same.npz"), &status);
  cr_expect_not_null(sound);
  blur_checkpoint_destroy(sound);
  free(bytes);
}

// ---- folders

static int files_in(const char *folder, char *newest, char *oldest) {
  DIR *open = opendir(folder);
  int count = 0;
  *newest = 0;
  *oldest = '~';
  oldest[1] = 0;
  for (struct dirent *entry; (entry = readdir(open));) {
    if (entry->d_name[0] == '.') continue;
    count++;
    if (strcmp(entry->d_name, newest) > 0) strcpy(newest, entry->d_name);
    if (strcmp(entry->d_name, oldest) < 0) strcpy(oldest, entry->d_name);
  }
  closedir(open);
  return count;
}

static void keep(const char *seed, double step) {
  BlurStatus status = {0};
  BlurCheckpoint *checkpoint = make(seed, step);
  cr_assert(blur_checkpoint_keep(checkpoint, path_of("kept"), 3, &status), "%s", status.message);
  blur_checkpoint_destroy(checkpoint);
}

static char heard[4096];
static void hear(void *context, const char *message) {
  (void)context;
  strncat(heard, message, sizeof heard - strlen(heard) - 1);
}

// The step of the newest sound checkpoint of this run; -1: none, with the message.
static double newest(const char *seed, BlurStatus *status) {
  char *path = NULL;
  double step = -1;
  BlurCheckpoint *own = make(seed, 0);
  BlurCheckpoint *checkpoint = blur_checkpoint_newest(own, path_of("kept"), &path, hear, NULL, status);
  if (checkpoint) cr_expect(blur_checkpoint_get(checkpoint, "meta.step", 1, 1, &step, status));
  if (checkpoint) free(path);
  blur_checkpoint_destroy(checkpoint);
  blur_checkpoint_destroy(own);
  return step;
}

Test(checkpoint, folders_keep_three) {
  char last[300], first[300], path[900];
  BlurStatus status = {0};
  for (int step = 1; step <= 12; step++) {
    keep("7", step);
    cr_expect_eq(files_in(path_of("kept"), last, first), step < 3 ? step : 3);
    cr_expect_eq(newest("7", &status), step);
  }
  cr_expect_not_null(strstr(last, "-000012.npz"), "%s", last);
  cr_expect_not_null(strstr(first, "-000010.npz"), "%s", first);
  // The newest is damaged, then the one before, then all.
  snprintf(path, sizeof path, "%s/%s", path_of("kept"), last);
  char *number = strstr(path, "-0000");
  for (int damaged = 12; damaged >= 10; damaged--) {
    snprintf(number, 12, "-%06d.npz", damaged);
    *heard = 0;
    cr_assert_eq(truncate(path, damaged == 12 ? 1000 : 0), 0);
    cr_expect_eq(newest("7", &status), damaged > 10 ? damaged - 1 : -1);
    cr_expect_not_null(strstr(heard, number), "%s", heard);
  }
  cr_expect_not_null(strstr(status.message, "none of the 3 checkpoints of this run"), "%s", status.message);
  keep("7", 13); // goes on above them
  cr_expect_eq(newest("7", &status), 13);
}

Test(checkpoint, folders_hold_several_runs) {
  char last[300], first[300], path[900];
  BlurStatus status = {0};
  cr_expect_eq(newest("7", &status), -1);
  cr_expect_not_null(strstr(status.message, "cannot open the folder"), "%s", status.message);
  for (int step = 1; step <= 4; step++) keep("7", step);
  cr_expect_eq(newest("8", &status), -1);
  cr_expect_not_null(strstr(status.message, "are of other runs"), "%s", status.message);
  cr_expect_not_null(strstr(status.message, "has seed 7, not 8"), "%s", status.message);
  for (int step = 1; step <= 4; step++) keep("8", 10 * step);
  cr_expect_eq(files_in(path_of("kept"), last, first), 6);
  cr_expect_eq(newest("7", &status), 4);
  cr_expect_eq(newest("8", &status), 40);
  // What a killed writing left goes when it is old, and is never taken for a checkpoint.
  int leftovers = 0;
  for (int old = 0; old < 2; old++) {
    snprintf(path, sizeof path, "%s/%.12s-000099.npz.abcDE%d", path_of("kept"), last, old);
    write_bytes(path, "half", 4);
    struct utimbuf yesterday = {0, 0};
    if (old) cr_assert_eq(utime(path, &yesterday), 0);
  }
  newest("7", &status);
  newest("8", &status);
  DIR *open = opendir(path_of("kept"));
  for (struct dirent *entry; (entry = readdir(open));) leftovers += strstr(entry->d_name, "abcDE") != NULL;
  closedir(open);
  cr_expect_eq(leftovers, 1);
}
