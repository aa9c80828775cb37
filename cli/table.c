// See table.h. Words with a comma, a quote or an end of line are quoted (RFC 4180).
#include "cli/table.h"

#include "base/file.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

Table *table_create(int64_t rows, int64_t columns) {
  Table *table = calloc(1, sizeof *table);
  if (!table) return NULL;
  *table =
      (Table){rows, columns, calloc((size_t)columns, sizeof *table->names),
              calloc((size_t)(rows * columns), sizeof *table->values), calloc((size_t)columns, sizeof *table->words)};
  if (table->names && table->values && table->words) return table;
  table_destroy(table);
  return NULL;
}

void table_destroy(Table *table) {
  if (!table) return;
  free(table->names);
  free(table->values);
  free((void *)(uintptr_t)table->words);
  free(table);
}

void table_name(Table *table, int64_t column, const char *word, int64_t number) {
  if (number) snprintf(table->names[column], sizeof *table->names, "%s%" PRId64, word, number);
  else snprintf(table->names[column], sizeof *table->names, "%s", word);
}

static bool ends_in(const char *path, const char *ending) {
  size_t length = strlen(path), tail = strlen(ending);
  return length >= tail && strcasecmp(path + length - tail, ending) == 0;
}

bool table_is_csv(const char *path) { return ends_in(path, ".csv"); }

// The file's name has an ending, and it is none of these.
static bool ends_otherwise(const char *path, const char *one, const char *other) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  return strchr(name, '.') && !ends_in(name, one) && !ends_in(name, other);
}

bool table_can_write_arrays(const char *path, BlurStatus *status) {
  if (ends_otherwise(path, ".npz", ".npz"))
    return status_fail(status, BLUR_FAILED_USAGE, "--out writes arrays (FILE.npz), not %s", path);
  return file_can_write(path, status);
}

bool table_can_write(const char *path, BlurStatus *status) {
  if (ends_otherwise(path, ".csv", ".npz"))
    return status_fail(status, BLUR_FAILED_USAGE, "--out writes a table (FILE.csv) or arrays (FILE.npz), not %s", path);
  return file_can_write(path, status);
}

static void add_word(Text *text, const char *word) {
  if (!strpbrk(word, ",\"\n\r")) {
    text_add(text, "%s", word);
    return;
  }
  text_add(text, "\"");
  for (; *word; word++) text_add(text, *word == '"' ? "\"\"" : "%c", *word);
  text_add(text, "\"");
}

static void add_number(Text *text, double number) {
  char digits[40];
  if (!isfinite(number) || (double)(float)number != number) {
    text_add_number(text, number);
    return;
  }
  for (int precision = 1; precision <= 9; precision++) {
    snprintf(digits, sizeof digits, "%.*g", precision, number);
    if (strtof(digits, NULL) == (float)number) break;
  }
  if (strchr(digits, 'e') && fabs(number) < 1e15 && number == floor(number))
    snprintf(digits, sizeof digits, "%.0f", number);
  text_add(text, "%s", digits);
}

static void add_row(Text *text, const Table *table, int64_t row) {
  for (int64_t column = 0; column < table->columns; column++) {
    if (column) text_add(text, ",");
    if (row < 0) {
      add_word(text, table->names[column]);
    } else {
      double value = table->values[row * table->columns + column];
      if (table->words[column]) add_word(text, table->words[column][(int64_t)value]);
      else add_number(text, value);
    }
  }
  text_add(text, "\n");
}

void table_print(const Table *table) {
  for (int64_t row = -1; row < table->rows; row++) {
    Text text = {0};
    add_row(&text, table, row);
    fputs(text_get(&text), stdout);
    text_free(&text);
  }
}

bool table_write(const Table *table, const char *path, BlurStatus *status) {
  Text text = {0};
  for (int64_t row = -1; row < table->rows; row++) add_row(&text, table, row);
  bool done = file_write(path, text_get(&text), text.length, status);
  text_free(&text);
  return done;
}

void table_add_number(Text *text, double number) {
  if (isfinite(number)) text_add_number(text, number);
}
