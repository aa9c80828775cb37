// Samples in memory, the tasks drawn from them, and the pieces that load them. Private to the runtime.
#ifndef BLUR_DATA_DATA_H
#define BLUR_DATA_DATA_H

#include "blur/runtime.h"
#include "runtime/data/generators.h"

#include <stdatomic.h>

enum { DATA_MAX_CLASSES = 256, DATA_PARTS = 3 };

typedef struct {
  int64_t samples; // of a generated part there is nothing else
  uint8_t *bytes;  // [samples, inputs], to be divided by 255; NULL where there are floats
  float *floats;   // [samples, inputs]
  uint8_t *labels; // NULL in regression, and where they are unknown
  float *targets;  // [samples, outputs] in regression
} DataPart;

// What all tasks drawn from one specification share; counted by `users`.
typedef struct {
  atomic_int users;
  char *name;
  int64_t inputs;     // of the samples as they are stored
  int64_t outputs;    // of a real target
  int classes;        // 0: regression
  char **class_names; // [classes], or NULL: they are called by their numbers
  DataPart part[DATA_PARTS];
  const Generator *generator; // or NULL
  double noise;
  bool permute_labels, permute_inputs;
  int64_t project; // inputs after the projection; 0: none
} DataStore;

struct BlurData {
  DataStore *store;
  uint8_t label_of[DATA_MAX_CLASSES]; // the label that a stored label becomes
  uint32_t *input_of;                 // [store->inputs]: the stored input that an input is; NULL: the same
  float *projection;                  // [store->inputs, project]; NULL: none
  GeneratorTask generated[GENERATOR_PARTS];
};

// ---- data.c

// An empty store and a task of it; NULL: no memory. The store belongs to the task. `name` is copied.
BlurData *data_create_empty(const char *name, BlurStatus *status);
// Once the store is filled: makes room for what is drawn, and draws from seed 0. False: no memory.
bool data_finish(BlurData *data, BlurStatus *status);
// A sample of a generated part, its inputs and label not yet permuted. Returns the label; -1 in regression.
int data_generate(const BlurData *data, BlurPart part, int64_t sample, float *x, float *y);
// The room that the numbers and labels of a part take is given back.
void data_free_part(DataPart *part);

// ---- split.c: `split=` of a specification. `split` has `count` numbers: counts, or shares where below 1.
bool data_split_by(BlurData *data, const double *split, int count, BlurStatus *status);
// The same for data without a test part, which is cut off first: 80 %, or what one of three numbers says.
bool data_split_off_test(BlurData *data, const double *split, int count, BlurStatus *status);

// ---- idx.c: one file of bytes in the IDX format, plain or gzip

typedef struct {
  int dimensions;
  int64_t extent[4];
  size_t count;
  unsigned char *content;      // the caller's to free()
  const unsigned char *values; // in content
} Idx;
bool idx_read(const char *path, Idx *idx, BlurStatus *status);
// The same of a content, which it takes over. `path` is named in messages.
bool idx_parse(const char *path, unsigned char *bytes, size_t length, Idx *idx, BlurStatus *status);

// ---- resize.c: means over areas, or between the nearest inputs where an image grows

// [rows, columns] bytes to [size, size] shares of 255; resize_numbers: numbers to numbers.
typedef struct ImageResize ImageResize;
ImageResize *resize_create(int64_t rows, int64_t columns, int64_t size); // NULL: no memory
void resize_image(const ImageResize *resize, const unsigned char *image, float *out);
void resize_numbers(const ImageResize *resize, const float *image, float *out);
void resize_destroy(ImageResize *resize);

// ---- specification.c: "fashion_mnist:size=14,classes=0..4"

typedef enum { SOURCE_IMAGES = 1, SOURCE_GENERATED = 2, SOURCE_TABLE = 4 } DataSource; // bits of sets
typedef enum { TARGETS_AS_THEY_ARE, TARGETS_AS_CLASSES, TARGETS_AS_NUMBERS } TargetsAs;

typedef struct {
  char place[1024]; // name or path
  unsigned given;   // bit i: option i of the table was given
  int64_t size;     // 0: as it is
  int class_count;  // 0: all
  uint8_t classes[DATA_MAX_CLASSES];
  char prefix[256];
  int split_count; // numbers in `split`
  double split[3];
  bool permute_labels, permute_inputs;
  int64_t project; // 0: none
  double noise;    // -1: not given
  char target[256];
  char test[1024]; // path; "": none
  double scale;    // 0: not given
  TargetsAs as;
  // For predictions, not part of the text: the classes of the network, -1: open; their names, or NULL.
  int known_classes;
  const char *const *known_names;
} DataSpecification;
bool specification_parse(const char *text, DataSpecification *specification, BlurStatus *status);
// Whether the options that were given are for this kind of data.
bool specification_fits(const DataSpecification *specification, DataSource source, BlurStatus *status);

// ---- places.c: where a set's files are

// The folder or file of a name or path.
bool places_find(const DataSpecification *specification, char *path, size_t room, bool *is_folder, BlurStatus *status);
// The four files: images and labels of training, images and labels of the test.
typedef struct {
  char path[4][4096];
} DataFiles;
bool places_files(const DataSpecification *specification, const char *folder, DataFiles *files, BlurStatus *status);

// ---- images.c

bool images_load(BlurData *data, const DataSpecification *specification, const char *folder, BlurStatus *status);
// The images of one file as the test part, without labels. Takes `bytes` over.
bool images_load_inputs(DataStore *store, const DataSpecification *specification, const char *path,
                        unsigned char *bytes, size_t length, BlurStatus *status);

// ---- gather.c: samples into a network's x and y

// Where x (or y) of a network is: element (b, i) at base + (b*batch_stride + i*unit_stride) elements.
typedef struct {
  char *base;
  size_t element;
  int64_t batch_stride, unit_stride;
} GatherTarget;
// Samples `rows[first..end)` of a part, as numbers, into samples first..end of the target.
void gather_rows(const BlurData *data, BlurPart part, const int64_t *rows, int64_t first, int64_t end,
                 GatherTarget target);
void gather_targets(const BlurData *data, BlurPart part, const int64_t *rows, int64_t first, int64_t end,
                    int64_t outputs, GatherTarget target);
// Both at once, the faster way where samples are generated; base NULL: not wanted.
void gather_batch(const BlurData *data, BlurPart part, const int64_t *rows, int64_t first, int64_t end, int64_t outputs,
                  GatherTarget x, GatherTarget y);
// Inputs start..start+count of one sample, as floats: what gather_rows rounds or widens.
void gather_inputs(const BlurData *data, BlurPart part, int64_t sample, int64_t start, int64_t count, float *to);

#endif
