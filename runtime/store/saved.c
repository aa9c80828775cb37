// Networks on disk: docs/language/saved-networks.md. The file's checksum (base/npz.h) covers each of its bits; what
// this file checks beside is that description, arrays and rule fit each other.
#include "runtime/train/training.h"

#include "base/npz.h"
#include "base/status.h"
#include "base/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1, MAX_LAYERS = 4096 };
static const char about_name[] = "blur.json";

static void name_of(const BlurVariable *variable, char *name, size_t room) {
  static const char *const kinds[] = {
      [BLUR_NEURON] = "neuron", [BLUR_SYNAPSE] = "synapse", [BLUR_GENOME] = "genome", [BLUR_SIGNAL] = "signal"};
  if (variable->layer >= 0) snprintf(name, room, "%s.%s.%d", kinds[variable->kind], variable->name, variable->layer);
  else snprintf(name, room, "%s.%s", kinds[variable->kind], variable->name);
}

// ---- saving

typedef struct {
  size_t count;
  NpzEntry *entries;
  char (*names)[256];
  double **values;
} Entries;

static void free_entries(Entries *entries) {
  for (size_t i = 0; entries->values && i < entries->count; i++) free(entries->values[i]);
  free(entries->entries);
  free(entries->names);
  free(entries->values);
}

// All kept variables with a live state; the names of those with a dead one go into `dead`.
static bool collect(const BlurNetwork *network, Entries *entries, json_t *dead) {
  size_t most = network->variable_count + 1;
  *entries = (Entries){.entries = calloc(most, sizeof *entries->entries),
                       .names = calloc(most, sizeof *entries->names),
                       .values = calloc(most, sizeof *entries->values)};
  if (!entries->entries || !entries->names || !entries->values) return false;
  for (size_t i = 0; i < network->variable_count; i++) {
    const BlurVariable *variable = &network->variables[i];
    if (!network_keeps(variable)) continue;
    char *name = entries->names[entries->count];
    name_of(variable, name, sizeof *entries->names);
    if (blur_variable_has_dead_states(variable)) json_array_append_new(dead, json_string(name));
    if (blur_variable_is_dead(variable)) continue;
    double *values = malloc(blur_variable_count(variable) * sizeof *values + 1);
    if (!values) return false;
    blur_network_get(network, variable, values);
    entries->values[entries->count] = values;
    entries->entries[entries->count++] = (NpzEntry){.name = name,
                                                    .float32 = network->element == 4,
                                                    .dimensions = variable->dimensions,
                                                    .extent = variable->extent,
                                                    .values = values};
  }
  return true;
}

// What the classes are called; empty where they are called by their numbers.
static json_t *names_of(const BlurData *data) {
  json_t *names = json_array();
  for (int label = 0; label < blur_data_classes(data) && blur_data_class_name(data, label); label++)
    json_array_append_new(names, json_string(blur_data_class_name(data, label)));
  return names;
}

// What a file says beside its arrays; takes `dead` and `set` over.
static json_t *describe(const BlurNetwork *network, const BlurTraining *training, const char *rule, json_t *set,
                        json_t *dead) {
  const int64_t *units;
  int layers = blur_program_layers(network->program, &units);
  json_t *list = json_array();
  for (int i = 0; i < layers; i++) json_array_append_new(list, json_integer((json_int_t)units[i]));
  // A seed has 64 bits without sign: it is kept as text, which every reader of JSON leaves as it is.
  char seed[24], hash[24];
  snprintf(seed, sizeof seed, "%" PRIu64, training ? training->seed : network->seed);
  snprintf(hash, sizeof hash, "%016" PRIx64, blur_program_rule_hash(network->program));
  return json_pack(
      "{s:i, s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:o, s:i, s:o}", "format", FORMAT, "rule", rule,
      "rule_hash", hash, "settings", set, "units", list, "batch", (json_int_t)blur_program_batch(network->program),
      "steps", (json_int_t)network->steps, "position", (json_int_t)(training ? training->position : 0), "seed", seed,
      "data", training ? blur_data_name(training->data) : "", "precision", network->element == 4 ? "float" : "double",
      "loss", blur_loss_name(training ? training->loss : BLUR_LOSS_CROSS_ENTROPY), "dead", dead, "classes",
      training ? blur_data_classes(training->data) : -1, "class_names",
      training ? names_of(training->data) : json_array());
}

bool blur_network_save(const BlurNetwork *network, const BlurTraining *training, const char *rule, const char *path,
                       BlurStatus *status) {
  return blur_network_save_set(network, training, rule, NULL, 0, path, status);
}

bool blur_network_save_set(const BlurNetwork *network, const BlurTraining *training, const char *rule,
                           const BlurSetting *settings, size_t setting_count, const char *path, BlurStatus *status) {
  Entries entries;
  json_t *dead = json_array();
  if (!collect(network, &entries, dead)) {
    free_entries(&entries);
    json_decref(dead);
    return status_fail_memory(status, path, (double)network->memory_bytes * 2);
  }
  json_t *set = json_array();
  for (size_t i = 0; i < setting_count; i++)
    json_array_append_new(set, json_pack("[s, s]", settings[i].name, settings[i].value));
  json_t *about = json_array_size(set) == setting_count ? describe(network, training, rule, set, dead) : NULL;
  if (!about) {
    free_entries(&entries);
    return status_fail(status, BLUR_FAILED_USAGE,
                       "cannot write %s: the name of its rule, of its data or a setting is not valid UTF-8", path);
  }
  char *text = json_dumps(about, JSON_INDENT(1));
  json_decref(about);
  bool done = text != NULL;
  if (done) {
    entries.entries[entries.count] = (NpzEntry){.name = about_name, .text = text};
    done = npz_write(path, entries.entries, entries.count + 1, status);
  } else {
    status_fail_memory(status, path, 1e4);
  }
  free(text);
  free_entries(&entries);
  return done;
}

// ---- opening

struct BlurSaved {
  char *path;
  NpzFile file;
  json_t *about;
  int64_t *units;
  BlurSetting *settings;
  const char **class_names;
  BlurSavedInfo info;
};

void blur_saved_close(BlurSaved *saved) {
  if (!saved) return;
  json_decref(saved->about);
  npz_free(&saved->file);
  free(saved->units);
  free(saved->settings);
  free((void *)(uintptr_t)saved->class_names);
  free(saved->path);
  free(saved);
}

const BlurSavedInfo *blur_saved_info(const BlurSaved *saved) { return &saved->info; }

static bool damaged(const BlurSaved *saved, BlurStatus *status) {
  return status_fail(status, BLUR_FAILED_INPUT, "%s is damaged: its description and its arrays do not agree",
                     saved->path);
}

static bool read_units(BlurSaved *saved, const json_t *list) {
  size_t layers = json_array_size(list);
  if (layers < 2 || layers > MAX_LAYERS || !(saved->units = calloc(layers, sizeof *saved->units))) return false;
  for (size_t i = 0; i < layers; i++) {
    saved->units[i] = (int64_t)json_integer_value(json_array_get(list, i));
    if (saved->units[i] < 1) return false;
  }
  saved->info.layers = (int)layers;
  saved->info.units = saved->units;
  return true;
}

// Pairs of name and value; the strings belong to the description.
static bool read_settings(BlurSaved *saved, const json_t *list) {
  size_t count = json_array_size(list);
  if (!(saved->settings = calloc(count + 1, sizeof *saved->settings))) return false;
  for (size_t i = 0; i < count; i++) {
    const json_t *pair = json_array_get(list, i);
    BlurSetting setting = {json_string_value(json_array_get(pair, 0)), json_string_value(json_array_get(pair, 1))};
    if (!setting.name || !setting.value) return false;
    saved->settings[i] = setting;
  }
  saved->info.settings = saved->settings;
  saved->info.setting_count = count;
  return true;
}

// The strings belong to the description.
static bool read_classes(BlurSaved *saved) {
  const json_t *list = json_object_get(saved->about, "class_names");
  size_t count = json_array_size(list);
  BlurSavedInfo *info = &saved->info;
  info->classes = (int)json_integer_value(json_object_get(saved->about, "classes"));
  if (info->classes < -1 || (count > 0 && (int64_t)count != info->classes)) return false;
  if (count == 0) return true;
  if (!(saved->class_names = calloc(count, sizeof *saved->class_names))) return false;
  for (size_t i = 0; i < count; i++)
    if (!(saved->class_names[i] = json_string_value(json_array_get(list, i)))) return false;
  info->class_names = saved->class_names;
  return true;
}

static bool read_description(BlurSaved *saved, BlurStatus *status) {
  int format = 0;
  json_t *units;
  json_int_t batch, steps, position;
  const char *seed, *precision, *loss;
  if (json_unpack(saved->about, "{s:i}", "format", &format) == 0 && format > FORMAT)
    return status_fail(status, BLUR_FAILED_INPUT,
                       "%s was saved by a newer version of blur (format %d, this one reads %d)", saved->path, format,
                       FORMAT);
  BlurSavedInfo *info = &saved->info;
  if (format < 1 ||
      json_unpack(saved->about, "{s:s, s:o, s:I, s:I, s:I, s:s, s:s, s:s, s:s}", "rule", &info->rule, "units", &units,
                  "batch", &batch, "steps", &steps, "position", &position, "seed", &seed, "data", &info->data,
                  "precision", &precision, "loss", &loss) != 0 ||
      !read_units(saved, units) || !read_settings(saved, json_object_get(saved->about, "settings")) ||
      !read_classes(saved) || !blur_loss_from_name(loss, &info->loss) || batch < 1 || steps < 0 || position < 0)
    return damaged(saved, status);
  info->batch = (int64_t)batch;
  info->steps = (int64_t)steps;
  info->position = (int64_t)position;
  info->seed = strtoull(seed, NULL, 10);
  const char *hash = json_string_value(json_object_get(saved->about, "rule_hash"));
  info->rule_hash = hash ? strtoull(hash, NULL, 16) : 0;
  info->precision = strcmp(precision, "double") == 0 ? BLUR_DOUBLE : BLUR_FLOAT;
  return true;
}

BlurSaved *blur_saved_open(const char *path, BlurStatus *status) {
  BlurSaved *saved = calloc(1, sizeof *saved);
  if (!saved || !(saved->path = strdup(path))) {
    free(saved);
    status_fail_memory(status, path, sizeof *saved);
    return NULL;
  }
  bool done = npz_read(path, &saved->file, status);
  if (!done && npz_is_unsealed(path)) { // NumPy turns the description into an array of bytes
    status_fail(status, BLUR_FAILED_INPUT,
                "%s is no network as `blur train --save FILE` writes it: it has no checksum, so another program wrote "
                "it, or wrote it anew",
                path);
  } else if (done) {
    const NpzArray *about = npz_find(&saved->file, about_name);
    if (about && about->text) saved->about = json_loadb(about->text, about->text_length, 0, NULL);
    if (!about) {
      done =
          status_fail(status, BLUR_FAILED_INPUT,
                      "%s is no saved network (it has no %s); `blur train --save FILE` writes one", path, about_name);
    } else if (!saved->file.is_sealed) {
      done = status_fail(status, BLUR_FAILED_INPUT,
                         "%s has lost its checksum: another program wrote it anew; begin from arrays of your own by "
                         "`blur step --in`",
                         path);
    } else {
      done = json_is_object(saved->about) ? read_description(saved, status) : damaged(saved, status);
    }
  }
  if (done) return saved;
  blur_saved_close(saved);
  return NULL;
}

// ---- restoring

static bool was_dead(const BlurSaved *saved, const char *name) {
  json_t *list = json_object_get(saved->about, "dead"), *item;
  size_t i;
  json_array_foreach(list, i, item) if (json_is_string(item) && strcmp(json_string_value(item), name) == 0) return true;
  return false;
}

static bool same_extents(const NpzArray *array, const BlurVariable *variable) {
  return array->dimensions == variable->dimensions &&
         memcmp(array->extent, variable->extent, (size_t)variable->dimensions * sizeof *variable->extent) == 0;
}

static const BlurVariable *variable_of(const BlurNetwork *network, const char *array_name) {
  for (size_t i = 0; i < network->variable_count; i++) {
    char name[256];
    if (!network_keeps(&network->variables[i])) continue;
    name_of(&network->variables[i], name, sizeof name);
    if (strcmp(name, array_name) == 0) return &network->variables[i];
  }
  return NULL;
}

static bool check_fit(const BlurSaved *saved, const BlurNetwork *network, BlurStatus *status) {
  for (size_t i = 0; i < saved->file.count; i++) {
    const NpzArray *array = &saved->file.arrays[i];
    if (array->text) continue;
    const BlurVariable *variable = variable_of(network, array->name);
    if (!variable)
      return status_fail(status, BLUR_FAILED_INPUT, "%s holds `%s`, which this rule lacks: it was saved by rule %s",
                         saved->path, array->name, saved->info.rule);
    if (!same_extents(array, variable))
      return status_fail(status, BLUR_FAILED_INPUT, "%s: `%s` has other extents than in this rule and network",
                         saved->path, array->name);
  }
  for (size_t i = 0; i < network->variable_count; i++) {
    const BlurVariable *variable = &network->variables[i];
    char name[256];
    if (!network_keeps(variable) || blur_variable_is_dead(variable)) continue;
    name_of(variable, name, sizeof name);
    if (!npz_find(&saved->file, name) && !was_dead(saved, name))
      return status_fail(status, BLUR_FAILED_INPUT, "%s lacks `%s`, which this rule has: it was saved by rule %s",
                         saved->path, name, saved->info.rule);
  }
  return true;
}

bool blur_saved_restore(const BlurSaved *saved, BlurNetwork *network, BlurTraining *training, BlurStatus *status) {
  if (!check_fit(saved, network, status)) return false;
  for (size_t i = 0; i < saved->file.count; i++) {
    const NpzArray *array = &saved->file.arrays[i];
    if (!array->text) blur_network_set(network, variable_of(network, array->name), array->values);
  }
  blur_network_set_steps(network, saved->info.steps);
  if (training) {
    training->position = saved->info.position;
    training->seed = saved->info.seed;
    training->shuffle = -1;
  }
  return true;
}
