// Checkpoints: facts and arrays in a file of arrays whose checksum covers each bit (base/npz.h). See blur/checkpoint.h;
// folders of them: checkpoint_folder.c.
#include "runtime/store/checkpoint.h"

#include "base/hash.h"
#include "base/npz.h"
#include "base/status.h"
#include "base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1 };
static const char about_name[] = "checkpoint.json";
static const char *const kinds[] = {
    [BLUR_FACT_BINDING] = "run", [BLUR_FACT_MADE_BY] = "made_by", [BLUR_FACT_NOTE] = "notes"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static BlurCheckpoint *create(const char *path) {
  Arena *arena = arena_create();
  BlurCheckpoint *checkpoint = ARENA_NEW(arena, BlurCheckpoint);
  checkpoint->arena = arena;
  checkpoint->path = arena_copy(arena, path, strlen(path));
  return checkpoint;
}

BlurCheckpoint *blur_checkpoint_create(void) { return create("the checkpoint"); }

void blur_checkpoint_destroy(BlurCheckpoint *checkpoint) {
  if (checkpoint) arena_destroy(checkpoint->arena);
}

static char *copied(BlurCheckpoint *checkpoint, const char *text) {
  return arena_copy(checkpoint->arena, text, strlen(text));
}

// ---- facts and arrays

void blur_checkpoint_fact(BlurCheckpoint *checkpoint, BlurFactKind kind, const char *name, const char *value) {
  ARENA_PUSH(checkpoint->arena, &checkpoint->facts,
             (CheckpointFact){kind, copied(checkpoint, name), copied(checkpoint, value)});
}

static const CheckpointFact *find_fact(const BlurCheckpoint *checkpoint, const char *name) {
  for (size_t i = 0; i < checkpoint->facts.count; i++)
    if (strcmp(checkpoint->facts.items[i].name, name) == 0) return &checkpoint->facts.items[i];
  return NULL;
}

const char *blur_checkpoint_fact_of(const BlurCheckpoint *checkpoint, const char *name) {
  const CheckpointFact *fact = find_fact(checkpoint, name);
  return fact ? fact->value : NULL;
}

void blur_checkpoint_put(BlurCheckpoint *checkpoint, const char *name, size_t rows, size_t columns,
                         const double *values) {
  double *copy = ARENA_ARRAY(checkpoint->arena, double, rows *columns + 1);
  if (rows > 0 && columns > 0) memcpy(copy, values, rows * columns * sizeof *copy);
  ARENA_PUSH(checkpoint->arena, &checkpoint->arrays, (CheckpointArray){copied(checkpoint, name), rows, columns, copy});
}

static const CheckpointArray *find_array(const BlurCheckpoint *checkpoint, const char *name) {
  for (size_t i = 0; i < checkpoint->arrays.count; i++)
    if (strcmp(checkpoint->arrays.items[i].name, name) == 0) return &checkpoint->arrays.items[i];
  return NULL;
}

bool blur_checkpoint_get(const BlurCheckpoint *checkpoint, const char *name, size_t rows, size_t columns,
                         double *values, BlurStatus *status) {
  const CheckpointArray *array = find_array(checkpoint, name);
  if (!array)
    return status_fail(status, BLUR_FAILED_INPUT, "%s lacks `%s`: it is no checkpoint of such a run", checkpoint->path,
                       name);
  if (array->rows != rows || array->columns != columns)
    return status_fail(status, BLUR_FAILED_INPUT, "%s has %zu x %zu numbers in `%s`, not %zu x %zu", checkpoint->path,
                       array->rows, array->columns, name, rows, columns);
  if (rows > 0 && columns > 0) memcpy(values, array->values, rows * columns * sizeof *values);
  return true;
}

size_t blur_checkpoint_rows(const BlurCheckpoint *checkpoint, const char *name) {
  const CheckpointArray *array = find_array(checkpoint, name);
  return array ? array->rows : 0;
}

// ---- whose it is

uint64_t checkpoint_run(const BlurCheckpoint *checkpoint) {
  uint64_t hash = HASH_START;
  for (size_t i = 0; i < checkpoint->facts.count; i++) {
    const CheckpointFact *fact = &checkpoint->facts.items[i];
    if (fact->kind != BLUR_FACT_BINDING) continue;
    hash = hash_bytes(hash, fact->name, strlen(fact->name) + 1);
    hash = hash_bytes(hash, fact->value, strlen(fact->value) + 1);
  }
  return hash;
}

char *blur_checkpoint_difference(const BlurCheckpoint *checkpoint, const BlurCheckpoint *own, BlurFactKind kind,
                                 const char *there) {
  Text text = {0};
  const char *separator = "";
  for (size_t i = 0; i < own->facts.count; i++) {
    const CheckpointFact *fact = &own->facts.items[i];
    if (fact->kind != kind) continue;
    const char *value = blur_checkpoint_fact_of(checkpoint, fact->name);
    if (value && strcmp(value, fact->value) == 0) continue;
    if (!*separator) text_add(&text, "%s has ", there);
    if (value) text_add(&text, "%s%s %s, not %s", separator, fact->name, value, fact->value);
    else text_add(&text, "%sno %s, not %s", separator, fact->name, fact->value);
    separator = "; ";
  }
  for (size_t i = 0; i < checkpoint->facts.count; i++) {
    const CheckpointFact *fact = &checkpoint->facts.items[i];
    if (fact->kind != kind || find_fact(own, fact->name)) continue;
    text_add(&text, "%s%s%s %s, which is not wanted", *separator ? separator : there, *separator ? "" : " has ",
             fact->name, fact->value);
    separator = "; ";
  }
  return text.bytes;
}

// ---- files

static char *describe(const BlurCheckpoint *checkpoint) {
  json_t *about = json_pack("{s:i}", "format", FORMAT);
  for (int kind = 0; kind < KINDS; kind++) {
    json_t *list = json_object();
    for (size_t i = 0; i < checkpoint->facts.count; i++)
      if ((int)checkpoint->facts.items[i].kind == kind)
        json_object_set_new(list, checkpoint->facts.items[i].name, json_string(checkpoint->facts.items[i].value));
    json_object_set_new(about, kinds[kind], list);
  }
  char *text = json_dumps(about, JSON_INDENT(1));
  json_decref(about);
  return text;
}

bool blur_checkpoint_write(const BlurCheckpoint *checkpoint, const char *path, BlurStatus *status) {
  size_t count = checkpoint->arrays.count;
  NpzEntry *entries = calloc(count + 1, sizeof *entries);
  int64_t(*extent)[2] = calloc(count + 1, sizeof *extent);
  char *text = describe(checkpoint);
  bool done = entries && extent && text;
  if (done) entries[0] = (NpzEntry){.name = about_name, .text = text};
  for (size_t i = 0; done && i < count; i++) {
    const CheckpointArray *array = &checkpoint->arrays.items[i];
    extent[i][0] = (int64_t)array->rows;
    extent[i][1] = (int64_t)array->columns;
    entries[i + 1] = (NpzEntry){.name = array->name, .dimensions = 2, .extent = extent[i], .values = array->values};
  }
  done = done ? npz_write(path, entries, count + 1, status) : status_fail_memory(status, path, 1e4);
  free(text);
  free(extent);
  free(entries);
  return done;
}

static bool read_facts(BlurCheckpoint *checkpoint, const NpzArray *about, BlurStatus *status) {
  json_t *json = json_loadb(about->text, about->text_length, 0, NULL), *value;
  int format = 0;
  bool right = json && json_unpack(json, "{s:i}", "format", &format) == 0 && format >= 1;
  if (right && format > FORMAT)
    right = status_fail(status, BLUR_FAILED_INPUT,
                        "%s was written by a newer version of blur (format %d, this one reads %d)", checkpoint->path,
                        format, FORMAT);
  else if (!right)
    status_fail(status, BLUR_FAILED_INPUT, "%s is damaged: its description cannot be read", checkpoint->path);
  for (int kind = 0; right && kind < KINDS; kind++) {
    const char *name;
    json_object_foreach(json_object_get(json, kinds[kind]), name, value) if (json_is_string(value))
        blur_checkpoint_fact(checkpoint, (BlurFactKind)kind, name, json_string_value(value));
  }
  json_decref(json);
  return right;
}

BlurCheckpoint *blur_checkpoint_read(const char *path, BlurStatus *status) {
  NpzFile file;
  if (!npz_read(path, &file, status)) return NULL;
  BlurCheckpoint *checkpoint = create(path);
  const NpzArray *about = npz_find(&file, about_name);
  bool done = false;
  if (!about || !about->text)
    status_fail(status, BLUR_FAILED_INPUT, "%s is no checkpoint: it has no %s", path, about_name);
  else if (!file.is_sealed)
    status_fail(status, BLUR_FAILED_INPUT, "%s has lost its checksum: another program wrote it anew", path);
  else done = read_facts(checkpoint, about, status);
  for (size_t i = 0; done && i < file.count; i++) {
    const NpzArray *array = &file.arrays[i];
    if (array->text) continue;
    if (array->dimensions == 2)
      blur_checkpoint_put(checkpoint, array->name, (size_t)array->extent[0], (size_t)array->extent[1], array->values);
    else
      done = status_fail(status, BLUR_FAILED_INPUT, "%s is damaged: `%s` has %d dimensions, not 2", path, array->name,
                         array->dimensions);
  }
  npz_free(&file);
  if (done) return checkpoint;
  blur_checkpoint_destroy(checkpoint);
  return NULL;
}
