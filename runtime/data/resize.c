// Images of another size by averaging over areas: output o of N covers the interval [o, o+1) * n/N of the n inputs, and
// weighs each input by the share of the interval that it fills. Both axes one after the other; the mean of the image
// stays.
#include "runtime/data/data.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
  int64_t first, count; // inputs that the output covers
  const double *weight;
} Cover;

struct ImageResize {
  int64_t rows, columns, size;
  Cover *down, *across; // [size] each
  double *weights;
  double *half; // [size, columns]: rows averaged
};

static double *cover_axis(Cover *covers, int64_t inputs, int64_t outputs, double *weight) {
  double scale = (double)inputs / (double)outputs;
  for (int64_t o = 0; o < outputs; o++) {
    // The ends as exact fractions: o * inputs / outputs.
    int64_t first = o * inputs / outputs, last = ((o + 1) * inputs + outputs - 1) / outputs;
    covers[o] = (Cover){first, last - first, weight};
    for (int64_t i = first; i < last; i++) {
      double low = fmax((double)i, (double)(o * inputs) / (double)outputs);
      double high = fmin((double)(i + 1), (double)((o + 1) * inputs) / (double)outputs);
      *weight++ = (high - low) / scale;
    }
  }
  return weight;
}

ImageResize *resize_create(int64_t rows, int64_t columns, int64_t size) {
  ImageResize *resize = calloc(1, sizeof *resize);
  if (!resize) return NULL;
  *resize = (ImageResize){.rows = rows, .columns = columns, .size = size};
  resize->down = calloc((size_t)size * 2, sizeof(Cover));
  resize->weights = calloc((size_t)(rows + columns + 4 * size), sizeof(double)); // each output adds two to the inputs
  resize->half = calloc((size_t)(size * columns), sizeof(double));
  if (!resize->down || !resize->weights || !resize->half) {
    resize_destroy(resize);
    return NULL;
  }
  resize->across = resize->down + size;
  double *rest = cover_axis(resize->down, rows, size, resize->weights);
  cover_axis(resize->across, columns, size, rest);
  return resize;
}

void resize_image(const ImageResize *resize, const unsigned char *image, float *out) {
  int64_t columns = resize->columns;
  for (int64_t o = 0; o < resize->size; o++) {
    const Cover *cover = &resize->down[o];
    double *half = resize->half + o * columns;
    for (int64_t c = 0; c < columns; c++) half[c] = 0;
    for (int64_t i = 0; i < cover->count; i++) {
      const unsigned char *row = image + (cover->first + i) * columns;
      for (int64_t c = 0; c < columns; c++) half[c] += cover->weight[i] * row[c];
    }
    for (int64_t p = 0; p < resize->size; p++) {
      const Cover *across = &resize->across[p];
      double sum = 0;
      for (int64_t i = 0; i < across->count; i++) sum += across->weight[i] * half[across->first + i];
      *out++ = (float)(sum / 255);
    }
  }
}

void resize_destroy(ImageResize *resize) {
  if (!resize) return;
  free(resize->down);
  free(resize->weights);
  free(resize->half);
  free(resize);
}
