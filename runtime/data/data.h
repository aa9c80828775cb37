// Labelled samples in memory, and the pieces that load them. Private to the runtime.
#ifndef BLUR_DATA_DATA_H
#define BLUR_DATA_DATA_H

#include "blur/runtime.h"

typedef struct {
  int64_t samples;
  uint8_t *bytes; // [samples, inputs], to be divided by 255; NULL where there are floats
  float *floats;  // [samples, inputs]
  uint8_t *labels;
} DataPart;

struct BlurData {
  char *name;
  int64_t inputs;
  int classes;
  DataPart part[2]; // BLUR_TRAIN, BLUR_TEST
};

// ---- idx.c: one file of bytes in the IDX format, plain or gzip

typedef struct {
  int dimensions;
  int64_t extent[4];
  size_t count;
  unsigned char *content;      // the caller's to free()
  const unsigned char *values; // in content
} Idx;
bool idx_read(const char *path, Idx *idx, BlurStatus *status);

// ---- resize.c: averaging over areas

// [rows, columns] bytes to [size, size] shares of 255: each output is the mean over the area of the input that it
// covers.
typedef struct ImageResize ImageResize;
ImageResize *resize_create(int64_t rows, int64_t columns, int64_t size); // NULL: no memory
void resize_image(const ImageResize *resize, const unsigned char *image, float *out);
void resize_destroy(ImageResize *resize);

// ---- specification.c: "fashion_mnist:size=14,classes=0..4", and where it is

enum { DATA_MAX_CLASSES = 256 };
typedef struct {
  char place[1024]; // name or folder
  int64_t size;     // 0: as it is
  int class_count;  // 0: all
  uint8_t classes[DATA_MAX_CLASSES];
  char prefix[256];
} DataSpecification;
bool specification_parse(const char *text, DataSpecification *specification, BlurStatus *status);
// The folder of a name or path.
bool specification_folder(const DataSpecification *specification, char *folder, size_t room, BlurStatus *status);
// The four files: images and labels of training, images and labels of the test.
typedef struct {
  char path[4][4096];
} DataFiles;
bool specification_files(const DataSpecification *specification, const char *folder, DataFiles *files,
                         BlurStatus *status);

// ---- gather.c: rows into a network's x

// Where x (or y) of a network is: element (b, i) at base + (b*batch_stride + i*unit_stride) elements.
typedef struct {
  char *base;
  size_t element;
  int64_t batch_stride, unit_stride;
} GatherTarget;
// Rows `rows[first..end)` of a part, as numbers, into samples first..end of the target.
void gather_rows(const BlurData *data, BlurPart part, const uint32_t *rows, int64_t first, int64_t end,
                 GatherTarget target);
void gather_targets(const BlurData *data, BlurPart part, const uint32_t *rows, int64_t first, int64_t end,
                    int64_t outputs, GatherTarget target);

#endif
