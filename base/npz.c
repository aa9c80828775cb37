// See npz.h. Reading takes the zip's central directory as the truth about its members; nothing is allocated from a size
// that the file only claims: a deflated member cannot grow by more than 1032 times, and all values by more than a
// limit.
#include "base/npz.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

// A file that npz_write made ends in the zip's comment: this, and the FNV-1a of everything before it, in hexadecimal.
static const char seal_prefix[] = "blur checksum ";
enum { SEAL_PREFIX = sizeof seal_prefix - 1, SEAL = SEAL_PREFIX + 16 };

static void write_seal(const unsigned char *bytes, size_t length, char seal[SEAL + 1]) {
  snprintf(seal, SEAL + 1, "%s%016" PRIx64, seal_prefix, hash_bytes(HASH_START, bytes, length));
}

static const size_t file_limit = (size_t)1 << 32;  // bytes of a file
static const size_t value_limit = (size_t)1 << 28; // numbers in all arrays of a file: 2 GiB as double

// ---- numbers in bytes, little-endian

static uint32_t get16(const unsigned char *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8; }
static uint32_t get32(const unsigned char *at) { return get16(at) | get16(at + 2) << 16; }
static uint64_t get64(const unsigned char *at) { return get32(at) | (uint64_t)get32(at + 4) << 32; }

static double get_float32(const unsigned char *at) {
  uint32_t bits = get32(at);
  float value;
  memcpy(&value, &bits, 4);
  return (double)value;
}

static double get_float64(const unsigned char *at) {
  uint64_t bits = get64(at);
  double value;
  memcpy(&value, &bits, 8);
  return value;
}

static double get_bool(const unsigned char *at) { return at[0] != 0; }
static double get_unsigned8(const unsigned char *at) { return at[0]; }
static double get_signed8(const unsigned char *at) { return (int8_t)at[0]; }
static double get_unsigned16(const unsigned char *at) { return get16(at); }
static double get_signed16(const unsigned char *at) { return (int16_t)get16(at); }
static double get_unsigned32(const unsigned char *at) { return get32(at); }
static double get_signed32(const unsigned char *at) { return (int32_t)get32(at); }
static double get_unsigned64(const unsigned char *at) { return (double)get64(at); }
static double get_signed64(const unsigned char *at) { return (double)(int64_t)get64(at); }

typedef struct {
  const char *code; // as in the header's descr, without its byte order
  size_t bytes;
  double (*get)(const unsigned char *at);
} Type;

static const Type types[] = {
    {"f4", 4, get_float32},  {"f8", 8, get_float64},    {"b1", 1, get_bool},     {"u1", 1, get_unsigned8},
    {"i1", 1, get_signed8},  {"u2", 2, get_unsigned16}, {"i2", 2, get_signed16}, {"u4", 4, get_unsigned32},
    {"i4", 4, get_signed32}, {"u8", 8, get_unsigned64}, {"i8", 8, get_signed64},
};

// ---- the .npy header: a Python dictionary, {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }

typedef struct {
  const Type *type;
  bool fortran;
  int dimensions;
  int64_t extent[NPZ_MAX_DIMENSIONS];
  size_t count;
} Header;

typedef struct {
  const char *at, *end;
} Scanner;

static void skip_blanks(Scanner *scanner) {
  while (scanner->at < scanner->end && (*scanner->at == ' ' || *scanner->at == '\n' || *scanner->at == '\t'))
    scanner->at++;
}

static bool take(Scanner *scanner, const char *word) {
  skip_blanks(scanner);
  size_t length = strlen(word);
  if ((size_t)(scanner->end - scanner->at) < length || memcmp(scanner->at, word, length) != 0) return false;
  scanner->at += length;
  return true;
}

static bool take_quoted(Scanner *scanner, char *out, size_t room) {
  skip_blanks(scanner);
  if (scanner->at == scanner->end || (*scanner->at != '\'' && *scanner->at != '"')) return false;
  char quote = *scanner->at++;
  size_t length = 0;
  while (scanner->at < scanner->end && *scanner->at != quote && length + 1 < room) out[length++] = *scanner->at++;
  out[length] = 0;
  return scanner->at < scanner->end && *scanner->at++ == quote;
}

static bool take_shape(Scanner *scanner, Header *header, const char **problem) {
  if (!take(scanner, "(")) return false;
  while (!take(scanner, ")")) {
    if (header->dimensions == NPZ_MAX_DIMENSIONS) {
      *problem = "it has more than 8 dimensions";
      return false;
    }
    skip_blanks(scanner);
    int64_t extent = 0;
    const char *start = scanner->at;
    while (scanner->at < scanner->end && *scanner->at >= '0' && *scanner->at <= '9' && extent < INT64_MAX / 16)
      extent = extent * 10 + (*scanner->at++ - '0');
    if (scanner->at == start) return false;
    header->extent[header->dimensions++] = extent;
    if (!take(scanner, ",")) return take(scanner, ")");
  }
  return true;
}

static bool set_type(Header *header, const char *descr, const char **problem) {
  const Type *type = NULL;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(descr + 1, types[i].code) == 0) type = &types[i];
  if (type && (descr[0] == '<' || descr[0] == '|' || descr[0] == '=')) {
    header->type = type;
    return true;
  }
  switch (descr[1]) {
  case 'O': *problem = "it holds Python objects; make it anew of numbers: numpy.array(..., dtype='float64')"; break;
  case 'c': *problem = "its numbers are complex; save array.real and array.imag apart"; break;
  case 'S':
  case 'U': *problem = "it holds text; give numbers in its place"; break;
  case 'M':
  case 'm': *problem = "it holds dates; give numbers in their place"; break;
  default:
    *problem = type ? "its numbers are big-endian; convert it with array.astype('<f8')"
                    : "its type is none of float32, float64, integers, bool; convert it with array.astype('<f8')";
  }
  return false;
}

static bool scan_header(Scanner *scanner, Header *header, const char **problem) {
  char key[32], descr[32] = "";
  bool has_shape = false, has_order = false;
  if (!take(scanner, "{")) return false;
  while (!take(scanner, "}")) {
    if (!take_quoted(scanner, key, sizeof key) || !take(scanner, ":")) return false;
    if (strcmp(key, "descr") == 0 && !header->type) {
      if (!take_quoted(scanner, descr, sizeof descr)) {
        if (take(scanner, "[")) *problem = "it is a structured array; save its fields one by one";
        return false;
      }
      if (!set_type(header, descr, problem)) return false;
    } else if (strcmp(key, "fortran_order") == 0 && !has_order) {
      has_order = true;
      header->fortran = take(scanner, "True");
      if (!header->fortran && !take(scanner, "False")) return false;
    } else if (strcmp(key, "shape") == 0 && !has_shape) {
      has_shape = true;
      if (!take_shape(scanner, header, problem)) return false;
    } else {
      return false;
    }
    if (!take(scanner, ",")) return take(scanner, "}") && header->type && has_shape && has_order;
  }
  return header->type && has_shape && has_order;
}

// Row-major values out of column-major bytes: index (i0, i1, ...) is at i0 + extent0 * (i1 + extent1 * (...)).
static void read_fortran(const Header *header, const unsigned char *bytes, double *values) {
  int64_t index[NPZ_MAX_DIMENSIONS] = {0};
  for (size_t i = 0; i < header->count; i++) {
    size_t place = 0;
    for (int d = header->dimensions - 1; d >= 0; d--) place = place * (size_t)header->extent[d] + (size_t)index[d];
    values[i] = header->type->get(bytes + place * header->type->bytes);
    for (int d = header->dimensions - 1; d >= 0 && ++index[d] == header->extent[d]; d--) index[d] = 0;
  }
}

// `member` is NULL in a file that is one array.
static bool bad_member(BlurStatus *status, const char *file, const char *member, const char *problem) {
  if (!member) return status_fail(status, BLUR_FAILED_INPUT, "%s cannot be read: %s", file, problem);
  return status_fail(status, BLUR_FAILED_INPUT, "%s: array `%s` cannot be read: %s", file, member, problem);
}

// One .npy, `bytes` its whole content, into `array`. *total counts the numbers of the file.
static bool decode_array(const char *file, const char *member, const unsigned char *bytes, size_t length,
                         NpzArray *array, size_t *total, BlurStatus *status) {
  if (length < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
    return bad_member(status, file, member, "it does not begin as a .npy array");
  bool wide = bytes[6] >= 2;
  size_t start = wide ? 12 : 10;
  if (bytes[6] < 1 || bytes[6] > 3) return bad_member(status, file, member, "unknown version of the .npy format");
  if (length < start) return bad_member(status, file, member, "it is cut short");
  size_t header_length = wide ? get32(bytes + 8) : get16(bytes + 8);
  if (header_length > length - start) return bad_member(status, file, member, "it is cut short in its header");
  Header header = {0};
  Scanner scanner = {(const char *)bytes + start, (const char *)bytes + start + header_length};
  const char *problem = "its header is damaged";
  if (!scan_header(&scanner, &header, &problem)) return bad_member(status, file, member, problem);
  header.count = 1;
  for (int d = 0; d < header.dimensions; d++) {
    if (header.extent[d] != 0 && header.count > value_limit / (uint64_t)header.extent[d])
      return bad_member(status, file, member, "it is too large (at most 2 GiB as float64)");
    header.count *= (size_t)header.extent[d];
  }
  if (header.count > value_limit - *total)
    return bad_member(status, file, member, "the file is too large (at most 2 GiB as float64)");
  if ((length - start - header_length) / header.type->bytes < header.count)
    return bad_member(status, file, member, "it is cut short: its shape asks for more numbers than it has");
  *total += header.count;
  array->values = malloc(header.count ? header.count * sizeof(double) : 1);
  if (!array->values) return status_fail_memory(status, file, (double)header.count * 8);
  const unsigned char *data = bytes + start + header_length;
  if (header.fortran && header.dimensions > 1) read_fortran(&header, data, array->values);
  else
    for (size_t i = 0; i < header.count; i++) array->values[i] = header.type->get(data + i * header.type->bytes);
  array->dimensions = header.dimensions;
  memcpy(array->extent, header.extent, sizeof array->extent);
  array->count = header.count;
  array->was_float32 = header.type->get == get_float32;
  array->was_integer = header.type->get != get_float32 && header.type->get != get_float64;
  return true;
}

// ---- zip, reading

typedef struct {
  const char *name;
  size_t name_length;
  uint32_t flags, method, crc, compressed, size, local;
} Member;

static const unsigned char *find_end_record(const unsigned char *bytes, size_t length) {
  if (length < 22) return NULL;
  for (size_t back = 22; back <= length && back <= 22 + 65535; back++) {
    const unsigned char *at = bytes + length - back;
    if (get32(at) == 0x06054b50 && get16(at + 20) == back - 22) return at;
  }
  return NULL;
}

// The member's content, checked against its size and CRC; malloc'ed, or NULL with *problem.
static unsigned char *extract(const unsigned char *bytes, size_t length, const Member *member, const char **problem) {
  *problem = "its place in the file is damaged";
  if (length < 30 || member->local > length - 30 || get32(bytes + member->local) != 0x04034b50) return NULL;
  size_t start = (size_t)member->local + 30 + get16(bytes + member->local + 26) + get16(bytes + member->local + 28);
  if (start > length || member->compressed > length - start) return NULL;
  *problem = "its size is damaged";
  if (member->method == 0 && member->size != member->compressed) return NULL;
  if (member->method == 8 && member->size / 1032 > member->compressed) return NULL;
  unsigned char *content = malloc((size_t)member->size + 1); // and a closing NUL
  *problem = "out of memory";
  if (!content) return NULL;
  bool whole = true;
  if (member->method == 0) {
    memcpy(content, bytes + start, member->size);
  } else {
    z_stream stream = {0};
    whole = inflateInit2(&stream, -15) == Z_OK;
    if (whole) {
      stream.next_in = (Bytef *)(bytes + start);
      stream.avail_in = member->compressed;
      stream.next_out = content;
      stream.avail_out = member->size;
      whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0;
      inflateEnd(&stream);
    }
  }
  content[member->size] = 0;
  if (whole && crc32_z(0, content, member->size) == member->crc) return content;
  *problem = "its content is damaged (the checksum does not match)";
  free(content);
  return NULL;
}

static bool ends_in(const Member *member, const char *ending) {
  size_t length = strlen(ending);
  return member->name_length >= length && memcmp(member->name + member->name_length - length, ending, length) == 0;
}

static bool decode_member(const char *file, const unsigned char *bytes, size_t length, const Member *member,
                          NpzFile *out, size_t *total, BlurStatus *status) {
  bool text = ends_in(member, ".json");
  if (!text && !ends_in(member, ".npy")) return true;
  NpzArray *array = &out->arrays[out->count];
  *array = (NpzArray){.name = strndup(member->name, member->name_length - (text ? 0 : 4))};
  if (!array->name) return status_fail_memory(status, file, (double)member->name_length);
  out->count++;
  for (size_t i = 0; i + 1 < out->count; i++)
    if (strcmp(out->arrays[i].name, array->name) == 0)
      return bad_member(status, file, array->name, "it is there twice");
  if (member->flags & 1) return bad_member(status, file, array->name, "it is encrypted");
  if (member->method != 0 && member->method != 8)
    return bad_member(status, file, array->name, "it is neither stored nor deflated; save it with numpy.savez");
  const char *problem;
  unsigned char *content = extract(bytes, length, member, &problem);
  if (!content) return bad_member(status, file, array->name, problem);
  if (text) {
    array->text = (char *)content;
    array->text_length = member->size;
    return true;
  }
  bool done = decode_array(file, array->name, content, member->size, array, total, status);
  free(content);
  return done;
}

static bool has_seal(const unsigned char *end_record) {
  return get16(end_record + 20) == SEAL && !memcmp(end_record + 22, seal_prefix, SEAL_PREFIX);
}

static bool check_seal(const char *name, const unsigned char *bytes, const unsigned char *end, NpzFile *file,
                       BlurStatus *status) {
  char seal[SEAL + 1];
  file->is_sealed = has_seal(end);
  if (!file->is_sealed) return true;
  write_seal(bytes, (size_t)(end + 22 - bytes), seal);
  return !memcmp(end + 22, seal, SEAL) ||
         status_fail(status, BLUR_FAILED_INPUT,
                     "%s is damaged: its checksum does not match what it holds; take a copy of it, or write it anew",
                     name);
}

static bool decode_zip(const char *name, const unsigned char *bytes, size_t length, NpzFile *file, BlurStatus *status) {
  const unsigned char *end = find_end_record(bytes, length);
  if (!end)
    return status_fail(status, BLUR_FAILED_INPUT,
                       "%s is no .npz or .npy file, or it is cut short: the list of its arrays is missing", name);
  if (!check_seal(name, bytes, end, file, status)) return false;
  size_t count = get16(end + 10), size = get32(end + 12), offset = get32(end + 16), total = 0;
  if (count == 0xFFFF || offset == 0xFFFFFFFF)
    return status_fail(status, BLUR_FAILED_INPUT, "%s is a zip64 file (4 GiB or more), which is not supported", name);
  if (offset > length || size > length - offset)
    return status_fail(status, BLUR_FAILED_INPUT, "%s is damaged: the list of its arrays lies outside", name);
  file->arrays = calloc(count ? count : 1, sizeof *file->arrays);
  if (!file->arrays) return status_fail_memory(status, name, (double)(count * sizeof *file->arrays));
  const unsigned char *at = bytes + offset, *stop = at + size;
  for (size_t i = 0; i < count; i++) {
    if (stop - at < 46 || get32(at) != 0x02014b50 || (size_t)(stop - at) - 46 < get16(at + 28))
      return status_fail(status, BLUR_FAILED_INPUT, "%s is damaged: the list of its arrays ends after %zu of %zu", name,
                         i, count);
    Member member = {(const char *)at + 46, get16(at + 28), get16(at + 8),  get16(at + 10),
                     get32(at + 16),        get32(at + 20), get32(at + 24), get32(at + 42)};
    if (!decode_member(name, bytes, length, &member, file, &total, status)) return false;
    size_t step = 46 + (size_t)get16(at + 28) + get16(at + 30) + get16(at + 32);
    at = step < (size_t)(stop - at) ? at + step : stop;
  }
  return true;
}

void npz_free(NpzFile *file) {
  for (size_t i = 0; i < file->count; i++) {
    free(file->arrays[i].name);
    free(file->arrays[i].values);
    free(file->arrays[i].text);
  }
  free(file->arrays);
  *file = (NpzFile){0};
}

bool npz_decode(const char *name, const unsigned char *bytes, size_t length, NpzFile *file, BlurStatus *status) {
  *file = (NpzFile){0};
  bool done;
  if (length >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0) {
    size_t total = 0;
    file->arrays = calloc(1, sizeof *file->arrays);
    if (!file->arrays) return status_fail_memory(status, name, sizeof *file->arrays);
    file->count = 1;
    file->arrays[0].name = strdup("arr_0");
    done = file->arrays[0].name ? decode_array(name, NULL, bytes, length, &file->arrays[0], &total, status)
                                : status_fail_memory(status, name, 6);
  } else {
    done = decode_zip(name, bytes, length, file, status);
  }
  if (!done) npz_free(file);
  return done;
}

bool npz_read(const char *path, NpzFile *file, BlurStatus *status) {
  *file = (NpzFile){0};
  size_t length;
  char *bytes = file_read(path, file_limit, &length, status);
  if (!bytes) return false;
  bool done = npz_decode(path, (const unsigned char *)bytes, length, file, status);
  free(bytes);
  return done;
}

bool npz_is_unsealed(const char *path) {
  BlurStatus status;
  size_t length;
  char *bytes = file_read(path, file_limit, &length, &status);
  const unsigned char *end = bytes ? find_end_record((const unsigned char *)bytes, length) : NULL;
  bool unsealed = end && !has_seal(end);
  free(bytes);
  return unsealed;
}

const NpzArray *npz_find(const NpzFile *file, const char *name) {
  for (size_t i = 0; i < file->count; i++)
    if (strcmp(file->arrays[i].name, name) == 0) return &file->arrays[i];
  return NULL;
}

// ---- zip, writing

static void put(Text *out, uint64_t value, int bytes) {
  char little[8];
  for (int i = 0; i < bytes; i++) little[i] = (char)(value >> (8 * i));
  text_add_bytes(out, little, (size_t)bytes);
}

static void add_header(Text *out, const NpzEntry *entry) {
  Text shape = {0};
  for (int d = 0; d < entry->dimensions; d++) text_add(&shape, "%s%lld", d ? ", " : "", (long long)entry->extent[d]);
  Text header = {0};
  text_add(&header, "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }",
           entry->integer   ? "<i8"
           : entry->float32 ? "<f4"
                            : "<f8",
           text_get(&shape), entry->dimensions == 1 ? "," : "");
  while ((10 + header.length + 1) % 64 != 0) text_add_bytes(&header, " ", 1);
  text_add_bytes(&header, "\n", 1);
  text_add_bytes(out, "\x93NUMPY\x01\x00", 8);
  put(out, header.length, 2);
  text_add_bytes(out, header.bytes, header.length);
  text_free(&shape);
  text_free(&header);
}

static void add_values(Text *out, const NpzEntry *entry, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint64_t wide;
    uint32_t narrow;
    float single = (float)entry->values[i];
    memcpy(&wide, &entry->values[i], 8);
    memcpy(&narrow, &single, 4);
    if (entry->integer) put(out, (uint64_t)(int64_t)entry->values[i], 8);
    else put(out, entry->float32 ? narrow : wide, entry->float32 ? 4 : 8);
  }
}

// What the local header and the central directory have in common, from the flags to the length of the extra field.
static void add_common(Text *out, size_t name_length, uint32_t crc, size_t size) {
  put(out, 0, 2);    // flags
  put(out, 0, 2);    // stored
  put(out, 0, 2);    // time: midnight
  put(out, 0x21, 2); // date: 1980-01-01, so that equal content gives equal files
  put(out, crc, 4);
  put(out, size, 4);
  put(out, size, 4);
  put(out, name_length, 2);
  put(out, 0, 2);
}

static void add_member(Text *file, Text *directory, const char *name, const char *ending, const Text *content) {
  size_t local = file->length, name_length = strlen(name) + strlen(ending);
  uint32_t crc = (uint32_t)crc32_z(0, (const unsigned char *)text_get(content), content->length);
  put(file, 0x04034b50, 4);
  put(file, 20, 2); // version of zip that is needed
  add_common(file, name_length, crc, content->length);
  text_add(file, "%s%s", name, ending);
  text_add_bytes(file, text_get(content), content->length);
  put(directory, 0x02014b50, 4);
  put(directory, 20, 2);
  put(directory, 20, 2);
  add_common(directory, name_length, crc, content->length);
  put(directory, 0, 2); // comment
  put(directory, 0, 2); // disk
  put(directory, 0, 2); // attributes
  put(directory, 0, 4);
  put(directory, local, 4);
  text_add(directory, "%s%s", name, ending);
}

bool npz_write(const char *path, const NpzEntry *entries, size_t count, BlurStatus *status) {
  Text file = {0}, directory = {0};
  bool fits = count < 0xFFFF;
  for (size_t i = 0; i < count && fits; i++) {
    size_t numbers = 1;
    for (int d = 0; d < entries[i].dimensions; d++) numbers *= (size_t)entries[i].extent[d];
    Text content = {0};
    if (entries[i].text) {
      text_add(&content, "%s", entries[i].text);
    } else {
      add_header(&content, &entries[i]);
      add_values(&content, &entries[i], numbers);
    }
    fits = content.length + file.length < 0xFFFF0000u && strlen(entries[i].name) < 60000;
    if (fits) add_member(&file, &directory, entries[i].name, entries[i].text ? "" : ".npy", &content);
    text_free(&content);
  }
  bool done = false;
  if (!fits) {
    status_fail(status, BLUR_FAILED_INPUT, "cannot write %s: an .npz file holds at most 4 GiB", path);
  } else {
    size_t offset = file.length, size = directory.length;
    text_add_bytes(&file, text_get(&directory), size);
    put(&file, 0x06054b50, 4);
    put(&file, 0, 2);
    put(&file, 0, 2);
    put(&file, count, 2);
    put(&file, count, 2);
    put(&file, size, 4);
    put(&file, offset, 4);
    put(&file, SEAL, 2);
    char seal[SEAL + 1];
    write_seal((const unsigned char *)file.bytes, file.length, seal);
    text_add_bytes(&file, seal, SEAL);
    done = file_write(path, file.bytes, file.length, status);
  }
  text_free(&file);
  text_free(&directory);
  return done;
}
