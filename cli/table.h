// Tables of numbers under names, as CSV.
#ifndef BLUR_CLI_TABLE_H
#define BLUR_CLI_TABLE_H

#include "base/status.h"
#include "base/text.h"

#include <stdint.h>

typedef struct {
  int64_t rows, columns;
  char (*names)[64]; // [columns]
  double *values;    // [rows, columns]
  // Columns of words: the word of value v is words[v]; NULL: numbers. The words are the caller's.
  const char *const **words; // [columns]
} Table;

Table *table_create(int64_t rows, int64_t columns); // NULL: no memory
void table_destroy(Table *table);
// The name of a column: a word, and a number after it unless it is 0.
void table_name(Table *table, int64_t column, const char *word, int64_t number);
bool table_is_csv(const char *path); // by its ending
// Whether `path` can be written and its ending is that of a table or of arrays.
bool table_can_write(const char *path, BlurStatus *status);
// The same for arrays alone.
bool table_can_write_arrays(const char *path, BlurStatus *status);
// A line of names, then a line a row; numbers as short as they are exact for float32.
void table_print(const Table *table);
bool table_write(const Table *table, const char *path, BlurStatus *status);

// A number of a CSV, with all its digits; nothing where it is not finite.
void table_add_number(Text *text, double number);

#endif
