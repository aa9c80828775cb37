// Loading by specification: a generated task, a folder of images, or a file with a table or arrays. Before:
// specification.c and places.c; after: data_finish.
#include "runtime/data/samples.h"

#include "base/file.h"
#include "base/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const size_t file_limit = (size_t)1 << 33;

static bool load_generated(DataStore *store, const Generator *generator, const DataSpecification *specification,
                           BlurStatus *status) {
  const BlurGenerator *about = &generator->about;
  if (!specification_fits(specification, SOURCE_GENERATED, status)) return false;
  if (specification->noise >= 0 && about->noise == 0)
    return status_fail(status, BLUR_FAILED_USAGE, "data `%s`: the task has no noise", store->name);
  store->generator = generator;
  store->inputs = about->inputs;
  store->outputs = about->outputs;
  store->classes = about->classes;
  store->noise = specification->noise >= 0 ? specification->noise : about->noise;
  for (int part = 0; part < DATA_PARTS; part++)
    store->part[part].samples = part == BLUR_TRAIN ? INT64_MAX : GENERATOR_EVALUATED;
  return true;
}

// ---- files

typedef struct {
  char *bytes; // and a closing NUL
  size_t length;
} Content;

static bool is_idx(const Content *content) {
  return content->length >= 4 && content->bytes[0] == 0 && content->bytes[1] == 0 && content->bytes[2] == 8;
}

static bool is_array(const Content *content) {
  return content->length >= 6 && (memcmp(content->bytes, "\x93NUMPY", 6) == 0 ||
                                  memcmp(content->bytes, "PK\3\4", 4) == 0 || memcmp(content->bytes, "PK\5\6", 4) == 0);
}

static bool read_samples(const char *path, const Content *content, TableShape shape, Samples *train, Samples *test,
                         BlurStatus *status) {
  if (is_array(content))
    return arrays_read(path, (const unsigned char *)content->bytes, content->length, shape, train, test, status);
  const char *dot = strrchr(path, '.');
  if (dot && (strcmp(dot, ".npz") == 0 || strcmp(dot, ".npy") == 0))
    return status_fail(status, BLUR_FAILED_INPUT, "%s is no file of NumPy: it does not begin as an .npz or .npy does",
                       path);
  return csv_read(path, content->bytes, content->length, shape, train, status);
}

// `test=FILE`: a second file, whose samples of training or only ones are the test's.
static bool read_test(const DataSpecification *specification, TableShape shape, Samples *test, BlurStatus *status) {
  Content content;
  content.bytes = file_read_plain(specification->test, file_limit, &content.length, status);
  if (!content.bytes) return false;
  samples_free(test);
  bool done = read_samples(specification->test, &content, shape, test, NULL, status);
  free(content.bytes);
  return done;
}

static bool load_table(BlurData *data, const DataSpecification *specification, const char *path, Content *content,
                       BlurStatus *status) {
  DataStore *store = data->store;
  Samples train = {0}, test = {0};
  TableShape shape = {.target = specification->target, .inputs = -1};
  if (is_idx(content))
    return status_fail(status, BLUR_FAILED_INPUT, "%s is one IDX file: give the folder that has its labels too", path);
  bool done = read_samples(path, content, shape, &train, &test, status) &&
              (!*specification->test || read_test(specification, shape, &test, status));
  bool has_test = test.samples > 0;
  done = done && samples_store(store, &train, &test, specification, status);
  samples_free(&train);
  samples_free(&test);
  if (!done) return false;
  if (!has_test) return data_split_off_test(data, specification->split, specification->split_count, status);
  return !specification->split_count || data_split_by(data, specification->split, specification->split_count, status);
}

static bool load_file(BlurData *data, const DataSpecification *specification, BlurStatus *status) {
  char path[4096];
  bool is_folder;
  if (!places_find(specification, path, sizeof path, &is_folder, status)) return false;
  if (is_folder)
    return specification_fits(specification, SOURCE_IMAGES, status) && images_load(data, specification, path, status);
  Content content;
  if (!specification_fits(specification, SOURCE_TABLE, status) ||
      !(content.bytes = file_read_plain(path, file_limit, &content.length, status)))
    return false;
  bool done = load_table(data, specification, path, &content, status);
  free(content.bytes);
  return done;
}

// ---- all of them

static bool check_permutation(const DataStore *store, BlurStatus *status) {
  if (!store->permute_labels || store->classes > 0) return true;
  return status_fail(status, BLUR_FAILED_USAGE, "data `%s`: real targets are no labels to permute", store->name);
}

static BlurData *create(const char *text, DataSpecification *specification, BlurStatus *status) {
  BlurData *data = specification_parse(text, specification, status) ? data_create_empty(text, status) : NULL;
  if (!data) return NULL;
  data->store->permute_labels = specification->permute_labels;
  data->store->permute_inputs = specification->permute_inputs;
  data->store->project = specification->project;
  return data;
}

BlurData *blur_data_load(const char *text, BlurStatus *status) {
  DataSpecification specification;
  BlurData *data = create(text, &specification, status);
  if (!data) return NULL;
  const Generator *generator = generator_named(specification.place);
  bool done = (generator ? load_generated(data->store, generator, &specification, status)
                         : load_file(data, &specification, status)) &&
              check_permutation(data->store, status) && data_finish(data, status);
  if (done) return data;
  blur_data_destroy(data);
  return NULL;
}

// ---- inputs of predictions

static bool other_inputs(const char *path, int64_t inputs, int64_t wanted, BlurStatus *status) {
  return status_fail(status, BLUR_FAILED_INPUT, "%s has %" PRId64 " inputs, the network %" PRId64, path, inputs,
                     wanted);
}

static bool load_inputs(DataStore *store, const DataSpecification *specification, int64_t inputs, BlurStatus *status) {
  Content content;
  const char *path = specification->place;
  if (!specification_fits(specification, SOURCE_TABLE, status) ||
      !(content.bytes = file_read_plain(path, file_limit, &content.length, status)))
    return false;
  store->classes = specification->known_classes < 0 ? 0 : specification->known_classes;
  if (is_idx(&content)) // takes the content over
    return images_load_inputs(store, specification, path, (unsigned char *)content.bytes, content.length, status);
  Samples samples = {0};
  TableShape shape = {.target = specification->target,
                      .inputs = specification->size || specification->project ? 0 : inputs};
  bool done = read_samples(path, &content, shape, &samples, NULL, status);
  if (done && shape.inputs && samples.inputs != inputs) done = other_inputs(path, samples.inputs, inputs, status);
  if (specification->known_classes < 0) samples.kind = TARGETS_NONE;
  done = done && samples_store(store, &samples, NULL, specification, status);
  free(content.bytes);
  samples_free(&samples);
  store->part[BLUR_TEST] = store->part[BLUR_TRAIN];
  store->part[BLUR_TRAIN] = (DataPart){0};
  return done;
}

BlurData *blur_data_load_inputs(const char *text, int64_t inputs, int classes, const char *const *class_names,
                                BlurStatus *status) {
  DataSpecification specification;
  BlurData *data = create(text, &specification, status);
  if (!data) return NULL;
  specification.known_classes = classes;
  specification.known_names = class_names;
  specification.as = classes < 0 ? TARGETS_AS_THEY_ARE : classes > 0 ? TARGETS_AS_CLASSES : TARGETS_AS_NUMBERS;
  bool done = load_inputs(data->store, &specification, inputs, status) && check_permutation(data->store, status) &&
              data_finish(data, status);
  if (done && blur_data_inputs(data) != inputs)
    done = other_inputs(specification.place, blur_data_inputs(data), inputs, status);
  if (done) return data;
  blur_data_destroy(data);
  return NULL;
}
