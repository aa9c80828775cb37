// Images of another size, both axes one after the other. Shrinking averages over areas: output o of N covers the
// interval [o, o+1) * n/N of the n inputs, and weighs each input by the share of the interval that it fills; the mean
// of the image stays. Enlarging interpolates: the centre of output o lies at (o + 1/2) n/N - 1/2 between two inputs,
// beyond the last ones at these.
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

static double *cover_areas(Cover *covers, int64_t inputs, int64_t outputs, double *weight) {
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

static double *cover_between(Cover *covers, int64_t inputs, int64_t outputs, double *weight) {
  for (int64_t o = 0; o < outputs; o++) {
    double centre = ((double)o + 0.5) * (double)inputs / (double)outputs - 0.5;
    centre = fmin(fmax(centre, 0), (double)(inputs - 1));
    int64_t first = (int64_t)centre, count = first + 1 < inputs ? 2 : 1;
    covers[o] = (Cover){first, count, weight};
    weight[0] = 1 - (centre - (double)first);
    if (count == 2) weight[1] = centre - (double)first;
    weight += count;
  }
  return weight;
}

static double *cover_axis(Cover *covers, int64_t inputs, int64_t outputs, double *weight) {
  return outputs > inputs ? cover_between(covers, inputs, outputs, weight)
                          : cover_areas(covers, inputs, outputs, weight);
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

// Bytes or numbers, whichever is not NULL.
static void resize(const ImageResize *resize, const unsigned char *bytes, const float *numbers, double scale,
                   float *out) {
  int64_t columns = resize->columns;
  for (int64_t o = 0; o < resize->size; o++) {
    const Cover *cover = &resize->down[o];
    double *half = resize->half + o * columns;
    for (int64_t c = 0; c < columns; c++) half[c] = 0;
    for (int64_t i = 0; i < cover->count; i++) {
      int64_t row = (cover->first + i) * columns;
      for (int64_t c = 0; c < columns; c++)
        half[c] += cover->weight[i] * (bytes ? (double)bytes[row + c] : (double)numbers[row + c]);
    }
    for (int64_t p = 0; p < resize->size; p++) {
      const Cover *across = &resize->across[p];
      double sum = 0;
      for (int64_t i = 0; i < across->count; i++) sum += across->weight[i] * half[across->first + i];
      *out++ = (float)(sum / scale);
    }
  }
}

void resize_image(const ImageResize *by, const unsigned char *image, float *out) { resize(by, image, NULL, 255, out); }
void resize_numbers(const ImageResize *by, const float *image, float *out) { resize(by, NULL, image, 1, out); }

void resize_destroy(ImageResize *resize) {
  if (!resize) return;
  free(resize->down);
  free(resize->weights);
  free(resize->half);
  free(resize);
}
