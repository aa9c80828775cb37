// TensorBoard's event files: records in TFRecord's framing (length, its checksum, bytes, their checksum; CRC-32C,
// masked), each a protocol buffer `Event` with a wall time, a step and a summary of scalars. Written by the formats'
// descriptions alone: tensorflow/core/lib/io/record_writer.h, core/util/event.proto, core/framework/summary.proto.
#include "cli/runs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- CRC-32C: polynomial 0x1EDC6F41, reflected (RFC 3720, 12.1)

static uint32_t crc32c(const char *bytes, size_t length) {
  uint32_t crc = 0xFFFFFFFFu;
  for (size_t i = 0; i < length; i++) {
    crc ^= (unsigned char)bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0x82F63B78u & (0u - (crc & 1)));
  }
  return ~crc;
}

// A checksum of bytes that hold a checksum says little: it is turned and moved.
static uint32_t masked(const char *bytes, size_t length) {
  uint32_t crc = crc32c(bytes, length);
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

// ---- protocol buffers

static void add_little(Text *out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) {
    char byte = (char)(value >> (8 * i));
    text_add_bytes(out, &byte, 1);
  }
}

static void add_variable(Text *out, uint64_t value) { // seven bits a byte, the lowest first
  for (; value >= 0x80; value >>= 7) add_little(out, value | 0x80, 1);
  add_little(out, value, 1);
}

typedef enum { WIRE_VARIABLE = 0, WIRE_DOUBLE = 1, WIRE_BYTES = 2, WIRE_FLOAT = 5 } Wire;

static void add_tag(Text *out, int field, Wire wire) { add_variable(out, (uint64_t)field << 3 | wire); }

static void add_double(Text *out, int field, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  add_tag(out, field, WIRE_DOUBLE);
  add_little(out, bits, 8);
}

static void add_float(Text *out, int field, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  add_tag(out, field, WIRE_FLOAT);
  add_little(out, bits, 4);
}

static void add_bytes(Text *out, int field, const char *bytes, size_t length) {
  add_tag(out, field, WIRE_BYTES);
  add_variable(out, length);
  text_add_bytes(out, bytes, length);
}

// ---- records

static void add_record(Text *file, const Text *event) {
  Text length = {0};
  add_little(&length, event->length, 8);
  text_add_bytes(file, length.bytes, length.length);
  add_little(file, masked(length.bytes, length.length), 4);
  text_add_bytes(file, event->bytes, event->length);
  add_little(file, masked(event->bytes, event->length), 4);
  text_free(&length);
}

// Fields of Event: wall_time 1, step 2, file_version 3, summary 5; of Summary: value 1; of Value: tag 1,
// simple_value 2.
static void add_version(Text *file, double at) {
  static const char version[] = "brain.Event:2";
  Text event = {0};
  add_double(&event, 1, at);
  add_bytes(&event, 3, version, sizeof version - 1);
  add_record(file, &event);
  text_free(&event);
}

static void add_scalar(Text *file, const char *tag, const RunPoint *point) {
  Text value = {0}, summary = {0}, event = {0};
  add_bytes(&value, 1, tag, strlen(tag));
  add_float(&value, 2, (float)point->value);
  add_bytes(&summary, 1, value.bytes, value.length);
  add_double(&event, 1, point->at);
  add_tag(&event, 2, WIRE_VARIABLE);
  add_variable(&event, (uint64_t)point->step);
  add_bytes(&event, 5, summary.bytes, summary.length);
  add_record(file, &event);
  text_free(&value);
  text_free(&summary);
  text_free(&event);
}

typedef struct {
  const char *tag;
  const RunPoint *point;
} Scalar;

static int by_step(const void *left, const void *right) {
  const Scalar *a = left, *b = right;
  if (a->point->step != b->point->step) return a->point->step < b->point->step ? -1 : 1;
  return a->tag == b->tag ? 0 : strcmp(a->tag, b->tag);
}

char *event_file(const Run *run, const RunCurve *curves, size_t count, size_t *length) {
  Text file = {0};
  size_t scalars = 0, all = 0;
  for (size_t c = 0; c < count; c++) all += curves[c].count;
  Scalar *scalar = must(calloc(all + 1, sizeof *scalar));
  for (size_t c = 0; c < count; c++)
    for (size_t p = 0; p < curves[c].count; p++)
      if (isfinite(curves[c].points[p].value)) scalar[scalars++] = (Scalar){curves[c].name, &curves[c].points[p]};
  qsort(scalar, scalars, sizeof *scalar, by_step);
  add_version(&file, run->started);
  for (size_t i = 0; i < scalars; i++) add_scalar(&file, scalar[i].tag, scalar[i].point);
  free(scalar);
  *length = file.length;
  return file.bytes;
}

char *event_file_name(const Run *run) {
  Text name = {0};
  text_add(&name, "events.out.tfevents.%lld.%s.blur", (long long)run->started, run->host);
  return name.bytes;
}
