// Tables of numbers as text (RFC 4180): fields apart by commas, semicolons or tabs (whichever the first line has
// first), quoted where they hold one of these; empty lines and lines that begin with # are left out. The first line is
// a header if none of its fields is a number. Wrong fields are told with line and column.
#include "runtime/data/samples.h"

#include "base/status.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *path;
  char *at, *end;
  int64_t line, row_line; // of `at`; of the row that was read last
  char delimiter;
  char **fields;
  int64_t count, room; // fields of the row, and of the list
  char **header;       // [count], copies; NULL: none
  int64_t columns;
  BlurStatus *status;
} Csv;

// What a message quotes of a field: a line of it at most.
static int quoted_length(const char *field) {
  int length = 0;
  while (length < 60 && (unsigned char)field[length] >= ' ') length++;
  return length;
}

static bool fail_at(Csv *csv, int64_t column, const char *problem, const char *field) {
  char name[80] = "";
  const char *header = csv->header && column < csv->columns ? csv->header[column] : NULL;
  if (header) snprintf(name, sizeof name, " (`%.*s`)", quoted_length(header), header);
  return status_fail(csv->status, BLUR_FAILED_INPUT, "%s, line %" PRId64 ", column %" PRId64 "%s: %s%.*s%s", csv->path,
                     csv->row_line, column + 1, name, field ? "`" : "", field ? quoted_length(field) : 0,
                     field ? field : "", problem);
}

// ---- rows

static bool add_field(Csv *csv, char *field) {
  if (csv->count == csv->room) {
    int64_t room = csv->room ? csv->room * 2 : 64;
    char **fields = realloc(csv->fields, (size_t)room * sizeof *fields);
    if (!fields) return status_fail_memory(csv->status, csv->path, (double)room * 8);
    csv->fields = fields;
    csv->room = room;
  }
  csv->fields[csv->count++] = field;
  return true;
}

// The field at csv->at without its quotes, closed by NUL; *last says whether it ends the line.
static bool take_field(Csv *csv, bool *last) {
  char *field = csv->at, *to = field;
  if (csv->at < csv->end && *csv->at == '"') {
    for (csv->at++;; csv->at++) {
      if (csv->at == csv->end) return fail_at(csv, csv->count, "its quote is never closed", NULL);
      if (*csv->at == '\n') csv->line++;
      if (*csv->at == '"' && csv->at + 1 < csv->end && csv->at[1] == '"') csv->at++;
      else if (*csv->at == '"') break;
      *to++ = *csv->at;
    }
    csv->at++;
  } else {
    while (csv->at < csv->end && *csv->at != csv->delimiter && *csv->at != '\n') csv->at++;
    to = csv->at;
    if (to > field && to[-1] == '\r') to--;
  }
  if (csv->at < csv->end && *csv->at == '\r') csv->at++;
  *last = csv->at == csv->end || *csv->at == '\n';
  if (!*last && *csv->at != csv->delimiter)
    return fail_at(csv, csv->count, "there is more after its closing quote", NULL);
  if (csv->at < csv->end) {
    csv->line += *csv->at == '\n';
    csv->at++;
  }
  *to = 0;
  return add_field(csv, field);
}

// The next row with something in it; *end: there is none.
static bool next_row(Csv *csv, bool *end) {
  for (;;) {
    while (csv->at < csv->end && (*csv->at == '\n' || *csv->at == '\r')) csv->line += *csv->at++ == '\n';
    if (csv->at == csv->end || *csv->at != '#') break;
    while (csv->at < csv->end && *csv->at != '\n') csv->at++;
  }
  *end = csv->at == csv->end;
  csv->count = 0;
  csv->row_line = csv->line;
  for (bool last = *end; !last;)
    if (!take_field(csv, &last)) return false;
  return true;
}

// ---- numbers

static bool parse_number(const char *field, double *number) {
  char *end;
  *number = strtod(field, &end);
  if (end == field) return false;
  while (isspace((unsigned char)*end)) end++;
  return *end == 0;
}

static bool is_integer(const char *field) {
  while (isspace((unsigned char)*field)) field++;
  field += *field == '-' || *field == '+';
  size_t digits = strspn(field, "0123456789");
  const char *rest = field + digits;
  while (isspace((unsigned char)*rest)) rest++;
  return digits > 0 && digits < 16 && *rest == 0;
}

static bool take_number(Csv *csv, int64_t column, double *number) {
  const char *field = csv->fields[column];
  if (!*field) return fail_at(csv, column, "the field is empty; fill it, or leave the line out", NULL);
  if (!parse_number(field, number)) return fail_at(csv, column, "` is no number", field);
  if (!isfinite(*number) || !isfinite((float)*number)) return fail_at(csv, column, "` is no finite number", field);
  return true;
}

// ---- columns

static void find_delimiter(Csv *csv) {
  csv->delimiter = ',';
  bool quoted = false;
  const char *start = csv->at;
  while (start < csv->end && (*start == '#' || *start == '\n' || *start == '\r')) { // lines that are left out
    while (start < csv->end && *start != '\n') start++;
    start += start < csv->end;
  }
  for (const char *at = start; at < csv->end && (quoted || *at != '\n'); at++) {
    if (*at == '"') quoted = !quoted;
    if (quoted || (*at != ',' && *at != ';' && *at != '\t')) continue;
    csv->delimiter = *at;
    return;
  }
}

// Keeps the row at hand as the header, if it is one.
static bool take_header(Csv *csv, bool *is_header) {
  double number;
  *is_header = true;
  for (int64_t i = 0; i < csv->count; i++)
    if (parse_number(csv->fields[i], &number)) *is_header = false;
  csv->columns = csv->count;
  if (!*is_header) return true;
  char **header = calloc(csv->count > 0 ? (size_t)csv->count : 1, sizeof *header);
  for (int64_t i = 0; header && i < csv->count; i++) header[i] = csv->fields[i]; // they stay: the text is not moved
  csv->header = header;
  return header || status_fail_memory(csv->status, csv->path, (double)csv->count * 8);
}

// The column of the target; -1: there is none.
static bool find_target(Csv *csv, TableShape shape, int64_t *target) {
  *target = -1;
  if (!*shape.target) {
    if (shape.inputs < 0 || (shape.inputs > 0 && csv->columns == shape.inputs + 1)) *target = csv->columns - 1;
    return true;
  }
  for (int64_t i = 0; csv->header && i < csv->columns; i++)
    if (strcmp(csv->header[i], shape.target) == 0) *target = i;
  double number;
  if (*target < 0 && parse_number(shape.target, &number) && number >= 1 && number <= (double)csv->columns &&
      number == floor(number))
    *target = (int64_t)number - 1;
  if (*target >= 0) return true;
  return status_fail(csv->status, BLUR_FAILED_INPUT,
                     "%s has no column `%s`: `target` is a name of its header or 1..%" PRId64, csv->path, shape.target,
                     csv->columns);
}

// The target's field as a number, or as the position of its word among those before.
static bool take_target(Csv *csv, Samples *samples, int64_t column, double *y) {
  const char *field = csv->fields[column];
  double number;
  if (samples->samples == 0) samples->kind = !*field || parse_number(field, &number) ? TARGETS_INTEGER : TARGETS_WORDS;
  if (samples->kind != TARGETS_WORDS) {
    if (!is_integer(field)) samples->kind = TARGETS_REAL;
    return take_number(csv, column, y);
  }
  if (!*field) return fail_at(csv, column, "the class is missing", NULL);
  for (int i = 0; i < samples->word_count; i++) {
    *y = i;
    if (strcmp(samples->words[i], field) == 0) return true;
  }
  if (samples->word_count == DATA_MAX_CLASSES)
    return fail_at(csv, column, "` is class number 257; at most 256 classes are possible", field);
  if (!samples->words && !(samples->words = calloc(DATA_MAX_CLASSES, sizeof *samples->words)))
    return status_fail_memory(csv->status, csv->path, 2048);
  *y = samples->word_count;
  samples->words[samples->word_count] = strdup(field);
  return samples->words[samples->word_count++] || status_fail_memory(csv->status, csv->path, 64);
}

static bool add_sample(Csv *csv, Samples *samples, int64_t target, int64_t *room) {
  if (csv->count != csv->columns)
    return status_fail(csv->status, BLUR_FAILED_INPUT,
                       "%s, line %" PRId64 ": it has %" PRId64 " columns, the lines before have %" PRId64, csv->path,
                       csv->row_line, csv->count, csv->columns);
  if (samples->samples == *room) {
    *room = *room ? *room * 2 : 256;
    float *x = realloc(samples->x, (size_t)(*room * samples->inputs) * sizeof *x + 1);
    if (x) samples->x = x;
    double *y = realloc(samples->y, (size_t)*room * sizeof *y);
    if (y) samples->y = y;
    if (!x || !y) return status_fail_memory(csv->status, csv->path, (double)(*room * csv->columns) * 4);
  }
  float *x = samples->x + samples->samples * samples->inputs;
  for (int64_t column = 0; column < csv->columns; column++) {
    double number = 0;
    if (column == target) {
      if (!take_target(csv, samples, column, &samples->y[samples->samples])) return false;
    } else {
      if (!take_number(csv, column, &number)) return false;
      *x++ = (float)number;
    }
  }
  samples->samples++;
  return true;
}

static bool read_rows(Csv *csv, TableShape shape, Samples *samples) {
  bool end, is_header;
  int64_t target, room = 0;
  if (!next_row(csv, &end)) return false;
  if (end) return status_fail(csv->status, BLUR_FAILED_INPUT, "%s holds no lines", csv->path);
  if (!take_header(csv, &is_header) || !find_target(csv, shape, &target)) return false;
  samples->inputs = csv->columns - (target >= 0);
  samples->outputs = target >= 0;
  if (samples->inputs == 0)
    return status_fail(csv->status, BLUR_FAILED_INPUT,
                       "%s, line %" PRId64 ": a single column is the target; where are "
                       "the inputs?",
                       csv->path, csv->row_line);
  if (is_header && !next_row(csv, &end)) return false;
  while (!end)
    if (!add_sample(csv, samples, target, &room) || !next_row(csv, &end)) return false;
  return samples->samples > 0 ||
         status_fail(csv->status, BLUR_FAILED_INPUT, "%s holds a header, but no samples", csv->path);
}

bool csv_read(const char *path, char *text, size_t length, TableShape shape, Samples *samples, BlurStatus *status) {
  *samples = (Samples){.path = path};
  Csv csv = {.path = path, .at = text, .end = text + length, .line = 1, .status = status};
  if (memchr(text, 0, length))
    return status_fail(status, BLUR_FAILED_INPUT, "%s is no text: it holds a byte that is 0", path);
  if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) csv.at += 3; // a byte order mark
  find_delimiter(&csv);
  bool done = read_rows(&csv, shape, samples);
  free(csv.fields);
  free(csv.header);
  if (!done) samples_free(samples);
  return done;
}
