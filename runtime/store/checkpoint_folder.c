// A folder of checkpoints, FOLDER/RUN-NUMBER.npz: of each run the newest few are kept, and the newest sound one is
// found. See blur/checkpoint.h.
#include "runtime/store/checkpoint.h"

#include "base/file.h"
#include "base/status.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RUN_DIGITS = 12, NUMBER_DIGITS = 6, NAME = RUN_DIGITS + 1 + NUMBER_DIGITS + 4, STALE_SECONDS = 3600 };
static const long last_number = 999999;

static void write_run(const BlurCheckpoint *checkpoint, char run[RUN_DIGITS + 1]) {
  snprintf(run, RUN_DIGITS + 1, "%0*" PRIx64, RUN_DIGITS, checkpoint_run(checkpoint) & 0xFFFFFFFFFFFFu);
}

// The number in RUN-NUMBER.npz; -1: another file.
static long number_in(const char *name, const char *end) {
  if (strspn(name, "0123456789abcdef") != RUN_DIGITS || name[RUN_DIGITS] != '-') return -1;
  const char *digits = name + RUN_DIGITS + 1;
  if (strspn(digits, "0123456789") != NUMBER_DIGITS) return -1;
  bool ends = strncmp(digits + NUMBER_DIGITS, ".npz", 4) == 0 && strlen(name) == NAME + strlen(end);
  return ends ? strtol(digits, NULL, 10) : -1;
}

static char *path_of(const char *folder, const char *name) {
  Text text = {0};
  text_add(&text, "%s/%s", folder, name);
  return text.bytes;
}

// ---- what is there

typedef struct {
  char name[NAME + 1];
  long number;
  struct timespec changed;
} Found;

typedef struct {
  Found *found;
  size_t count;
} Listing;

static int newest_first(const void *left, const void *right) {
  const Found *a = left, *b = right;
  if (a->number != b->number) return a->number < b->number ? 1 : -1;
  return strcmp(a->name, b->name);
}

static int latest_first(const void *left, const void *right) {
  const Found *a = left, *b = right;
  if (a->changed.tv_sec != b->changed.tv_sec) return a->changed.tv_sec < b->changed.tv_sec ? 1 : -1;
  if (a->changed.tv_nsec != b->changed.tv_nsec) return a->changed.tv_nsec < b->changed.tv_nsec ? 1 : -1;
  return newest_first(left, right);
}

// What is left of a writing that was killed; of another process it is younger.
static void remove_if_stale(const char *path) {
  struct stat about;
  if (stat(path, &about) == 0 && time(NULL) - about.st_mtime > STALE_SECONDS) unlink(path);
}

// The checkpoints of `run` (NULL: of all runs), the highest number first. False with the folder's message.
static bool list(const char *folder, const char *run, Listing *listing, BlurStatus *status) {
  *listing = (Listing){0};
  DIR *open = opendir(folder);
  if (!open) return status_fail_system(status, "open the folder", folder);
  for (struct dirent *entry; (entry = readdir(open));) {
    if (run && strncmp(entry->d_name, run, RUN_DIGITS) != 0) continue;
    char *path = path_of(folder, entry->d_name);
    if (number_in(entry->d_name, ".XXXXXX") >= 0) remove_if_stale(path);
    long number = number_in(entry->d_name, "");
    struct stat about;
    if (number >= 0 && stat(path, &about) == 0) {
      Found *grown = realloc(listing->found, (listing->count + 1) * sizeof *grown);
      if (grown) {
        listing->found = grown;
        grown[listing->count] = (Found){.number = number, .changed = about.st_mtim};
        memcpy(grown[listing->count++].name, entry->d_name, NAME);
      }
    }
    free(path);
  }
  closedir(open);
  if (listing->count) qsort(listing->found, listing->count, sizeof *listing->found, newest_first);
  return true;
}

// ---- writing

static bool make_folder(const char *folder, BlurStatus *status) {
  struct stat about;
  if (stat(folder, &about) == 0 && S_ISDIR(about.st_mode)) return true;
  return mkdir(folder, 0777) == 0 || status_fail_system(status, "make the folder", folder);
}

bool blur_checkpoint_can_keep(const BlurCheckpoint *checkpoint, const char *folder, BlurStatus *status) {
  char run[RUN_DIGITS + 1];
  write_run(checkpoint, run);
  if (!make_folder(folder, status)) return false;
  char *path = path_of(folder, run);
  bool right = file_can_write(path, status);
  free(path);
  return right;
}

bool blur_checkpoint_keep(const BlurCheckpoint *checkpoint, const char *folder, int most, BlurStatus *status) {
  char run[RUN_DIGITS + 1];
  write_run(checkpoint, run);
  Listing listing;
  if (!make_folder(folder, status) || !list(folder, run, &listing, status)) return false;
  long number = listing.count ? listing.found[0].number + 1 : 1;
  bool right = number <= last_number || status_fail(status, BLUR_FAILED_ENVIRONMENT,
                                                    "%s has no number left for a checkpoint of this run: remove "
                                                    "%s-*.npz there, or choose another folder",
                                                    folder, run);
  Text path = {0};
  text_add(&path, "%s/%s-%0*ld.npz", folder, run, NUMBER_DIGITS, number);
  right = right && blur_checkpoint_write(checkpoint, path.bytes, status);
  text_free(&path);
  for (size_t i = (size_t)most - 1; right && i < listing.count; i++) {
    char *old = path_of(folder, listing.found[i].name);
    unlink(old); // one that stays does no harm
    free(old);
  }
  free(listing.found);
  return right;
}

// ---- finding

// Why none of the run is there: what the latest one of another run has that this one has not.
static void tell_others(const BlurCheckpoint *own, const char *folder, BlurStatus *status) {
  Listing listing;
  if (!list(folder, NULL, &listing, status)) return;
  if (listing.count == 0) {
    status_fail(status, BLUR_FAILED_INPUT, "there is no checkpoint in %s: nothing to go on from", folder);
  } else {
    qsort(listing.found, listing.count, sizeof *listing.found, latest_first);
    char *path = path_of(folder, listing.found[0].name);
    BlurCheckpoint *other = blur_checkpoint_read(path, status);
    char *difference = other ? blur_checkpoint_difference(other, own, BLUR_FACT_BINDING, path) : NULL;
    if (other)
      status_fail(status, BLUR_FAILED_INPUT, "the checkpoints in %s are of other runs: %s", folder,
                  difference ? difference : path);
    free(difference);
    blur_checkpoint_destroy(other);
    free(path);
  }
  free(listing.found);
}

BlurCheckpoint *blur_checkpoint_newest(const BlurCheckpoint *own, const char *folder, char **path,
                                       void (*damaged)(void *context, const char *message), void *context,
                                       BlurStatus *status) {
  char run[RUN_DIGITS + 1];
  write_run(own, run);
  Listing listing;
  BlurCheckpoint *checkpoint = NULL;
  *path = NULL;
  if (!list(folder, run, &listing, status)) return NULL;
  for (size_t i = 0; i < listing.count && !checkpoint; i++) {
    BlurStatus why = {0};
    *path = path_of(folder, listing.found[i].name);
    checkpoint = blur_checkpoint_read(*path, &why);
    if (checkpoint) break;
    if (damaged) damaged(context, why.message);
    free(*path);
    *path = NULL;
  }
  if (!checkpoint && listing.count)
    status_fail(status, BLUR_FAILED_INPUT,
                "none of the %zu checkpoints of this run in %s can be used: begin anew, without --resume",
                listing.count, folder);
  else if (!checkpoint) tell_others(own, folder, status);
  free(listing.found);
  return checkpoint;
}
