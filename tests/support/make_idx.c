// make_idx FOLDER TRAIN TEST: a set of 6 x 6 images in four classes as IDX files: a bright quarter at the class's
// corner, and noise from a linear congruential generator, so that every run makes the same bytes. For the shell tests.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t state = 1;
static uint32_t next(uint32_t limit) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % limit;
}

static void put(FILE *file, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) fputc((int)(number >> shift & 255), file);
}

static int write_part(const char *folder, const char *part, uint32_t count) {
  char path[1000];
  snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", folder, part);
  FILE *images = fopen(path, "wb");
  snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", folder, part);
  FILE *labels = fopen(path, "wb");
  if (!images || !labels) return 1;
  put(images, 0x803);
  put(images, count);
  put(images, 6);
  put(images, 6);
  put(labels, 0x801);
  put(labels, count);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t label = next(4);
    fputc((int)label, labels);
    for (uint32_t y = 0; y < 6; y++)
      for (uint32_t x = 0; x < 6; x++) fputc((int)(next(100) + (y / 3 * 2 + x / 3 == label ? 120 : 0)), images);
  }
  return fclose(images) | fclose(labels);
}

int main(int count, char **words) {
  if (count != 4) return 2;
  return write_part(words[1], "train", (uint32_t)atoi(words[2])) |
         write_part(words[1], "t10k", (uint32_t)atoi(words[3]));
}
