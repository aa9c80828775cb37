// Where the files of a set are: its folder by name or path, and in it the images and labels in the spellings that are
// about. See blur_data_load.
#include "runtime/data/data.h"

#include "base/near_name.h"
#include "base/status.h"
#include "base/text.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- the folder

static bool is_folder(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static bool is_file(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 && !S_ISDIR(about.st_mode);
}

// `root`/NAME, or a file of that name, with _ and - as they are, then all of the one, then all of the other.
static bool found_below(const char *root, const char *name, char *path, size_t room) {
  static const char *const endings[] = {"", ".npz", ".csv", ".csv.gz", ".npy"};
  for (int spelling = 0; spelling < 3; spelling++) {
    for (size_t ending = 0; ending < sizeof endings / sizeof *endings; ending++) {
      int length = snprintf(path, room, "%s/%s%s", root, name, endings[ending]);
      if (length < 0 || (size_t)length >= room) return false;
      for (char *at = path + strlen(root) + 1; *at && spelling > 0; at++)
        if (*at == '_' || *at == '-') *at = spelling == 1 ? '-' : '_';
      if (*endings[ending] ? is_file(path) : is_folder(path)) return true;
    }
  }
  return false;
}

#ifndef BLUR_INSTALLED_DATA
#define BLUR_INSTALLED_DATA "/usr/local/share/blur/data"
#endif

// The folders that sets are looked for in, apart by colons.
static void list_roots(Text *roots) {
  const char *own = getenv("BLUR_DATA"), *user = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
  if (own && *own) text_add(roots, "%s:", own);
  if (user && *user) text_add(roots, "%s/blur:", user);
  else if (home && *home) text_add(roots, "%s/.local/share/blur:", home);
  text_add(roots, "/usr/local/share/datasets:/usr/share/datasets");
  char command[4096];
  ssize_t length = readlink("/proc/self/exe", command, sizeof command - 1);
  command[length > 0 ? length : 0] = 0;
  for (int up = 0; up < 2; up++) { // PREFIX/bin/blur -> PREFIX
    char *slash = strrchr(command, '/');
    if (slash) *slash = 0;
  }
  text_add(roots, ":%s/share/blur/data:%s", command, BLUR_INSTALLED_DATA);
}

// A set by name, or a generated task, that this may be a slip of: `twoo_moons` of `two_moons`. NULL: none.
static const char *name_meant(const char *place) {
  enum { MOST = 64 };
  const char *names[MOST] = {"mnist", "fashion_mnist", "kmnist"};
  size_t count = 3;
  for (size_t i = 0; i < blur_generator_count() && count < MOST; i++) names[count++] = blur_generator(i)->name;
  return near_name(place, names, count);
}

static bool missing(const char *place, const char *roots, BlurStatus *status) {
  const char *dot = strrchr(place, '.');
  if (dot && !strchr(dot, '/') && strlen(dot) <= 4)
    return status_fail(status, BLUR_FAILED_ENVIRONMENT, "no file of data at %s", place);
  if (strchr(place, '/'))
    return status_fail(status, BLUR_FAILED_ENVIRONMENT, "no folder of data at %s; its files should be %s and so on",
                       place, "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz");
  const char *meant = name_meant(place);
  if (meant && strcmp(meant, place) != 0)
    return status_fail(status, BLUR_FAILED_ENVIRONMENT, "no data set `%s` in %s, nor is it a generated task; %s `%s`?",
                       place, roots, "did you mean", meant);
  return status_fail(
      status, BLUR_FAILED_ENVIRONMENT,
      "no data set `%s` in %s, nor is it a generated task (`blur tasks` lists them); install it (Debian: "
      "dataset-fashion-mnist), set BLUR_DATA to the folder above it, or give the path of its folder or file",
      place, roots);
}

bool places_find(const DataSpecification *specification, char *path, size_t room, bool *folder, BlurStatus *status) {
  const char *place = specification->place;
  Text roots = {0};
  list_roots(&roots);
  bool found = false;
  if (!strchr(place, '/') && place[0] != '.' && !is_file(place)) { // a name: no path, nor `.` or `..`
    char *list = strdup(text_get(&roots)), *rest = list;
    for (char *root; !found && list && (root = strsep(&rest, ":"));)
      found = *root && found_below(root, place, path, room);
    free(list);
  }
  if (!found) {
    found = is_file(place) || is_folder(place);
    snprintf(path, room, "%s", place);
  }
  *folder = is_folder(path);
  if (!found) missing(place, text_get(&roots), status);
  text_free(&roots);
  return found;
}

// ---- the files

// The ending of a file of one kind, in the spellings that are about.
static const char *const image_endings[] = {"images-idx3-ubyte.gz", "images-idx3-ubyte", "images.idx3-ubyte.gz",
                                            "images.idx3-ubyte"};
static const char *const label_endings[] = {"labels-idx1-ubyte.gz", "labels-idx1-ubyte", "labels.idx1-ubyte.gz",
                                            "labels.idx1-ubyte"};

static bool find_file(const char *folder, const char *prefix, const char *const *parts, const char *const *endings,
                      char *path, size_t room) {
  struct stat about;
  for (; *parts; parts++) {
    for (int ending = 0; ending < 4; ending++) {
      int length = snprintf(path, room, "%s/%s%s-%s", folder, prefix, *parts, endings[ending]);
      if (length > 0 && (size_t)length < room && stat(path, &about) == 0) return true;
    }
  }
  return false;
}

// The prefix before "train-images..." of the folder's sets, if there is one set only; more: *several lists them.
static bool find_prefix(const char *folder, char *prefix, size_t room, Text *several) {
  DIR *directory = opendir(folder);
  int found = 0;
  *prefix = 0;
  for (struct dirent *entry; directory && (entry = readdir(directory));) {
    const char *train = strstr(entry->d_name, "train-images");
    bool images = false;
    for (int ending = 0; ending < 4; ending++)
      images = images || (train && strcmp(train + strlen("train-"), image_endings[ending]) == 0);
    size_t length = images ? (size_t)(train - entry->d_name) : 0;
    if (!images || length >= room) continue;
    if (found && strlen(prefix) == length && strncmp(prefix, entry->d_name, length) == 0) continue; // plain and .gz
    snprintf(prefix, room, "%.*s", (int)length, entry->d_name);
    text_add(several, "%s%s", found++ ? ", " : "", *prefix ? prefix : "(none)");
  }
  if (directory) closedir(directory);
  return found <= 1;
}

bool places_files(const DataSpecification *specification, const char *folder, DataFiles *files, BlurStatus *status) {
  static const char *const train[] = {"train", NULL}, *const test[] = {"t10k", "test", NULL};
  static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                      "t10k-labels-idx1-ubyte"};
  char prefix[256];
  snprintf(prefix, sizeof prefix, "%s", specification->prefix);
  Text several = {0};
  bool one = *prefix || find_prefix(folder, prefix, sizeof prefix, &several);
  if (!one)
    status_fail(status, BLUR_FAILED_INPUT, "%s holds several sets: choose one by prefix=..., of %s", folder,
                text_get(&several));
  text_free(&several);
  for (int i = 0; one && i < 4; i++) {
    one = find_file(folder, prefix, i < 2 ? train : test, i % 2 ? label_endings : image_endings, files->path[i],
                    sizeof files->path[i]);
    if (!one)
      status_fail(status, BLUR_FAILED_ENVIRONMENT, "no file %s/%s%s (or .gz): the set is not whole", folder, prefix,
                  names[i]);
  }
  return one;
}
