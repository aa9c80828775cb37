// Genome files are written: docs/language/genomes.md. Numbers are as short as they can be while they are read again to
// the last bit (base/text.h). Before: genome.c; the other way: genome_read.c.
#include "runtime/store/genome.h"

#include "base/file.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_WIDTH = 100 };

static void add_name(Text *text, const BlurGenomeArray *array) {
  GenomeBrackets own = genome_brackets(array);
  text_add(text, "  %s", array->name);
  for (int d = 0; d < own.count; d++) text_add(text, "%s%" PRId64, d ? "," : "[", array->extent[own.first + d]);
  if (own.count) text_add(text, "]");
  if (array->scope != BLUR_SCOPE_NETWORK) text_add(text, " per %s", genome_scopes[array->scope]);
  if (array->layer >= 0) text_add(text, ", layer %d", array->layer);
  text_add(text, " = ");
}

typedef struct {
  Text *text;
  const BlurGenomeArray *array;
  const double *at;
  size_t line;   // where it begins in the text
  size_t margin; // of further lines
  bool wraps;
} Writer;

static void break_line(Writer *writer, size_t margin) {
  text_add(writer->text, "\n");
  writer->line = writer->text->length;
  text_add(writer->text, "%*s", (int)margin, "");
}

// Rows one below the other; a long row goes on below its first number.
static void add_values(Writer *writer, int dimension) {
  Text *text = writer->text;
  if (dimension == writer->array->dimensions) {
    text_add_number(text, *writer->at++);
    return;
  }
  bool is_row = dimension + 1 == writer->array->dimensions;
  size_t margin = writer->margin + (size_t)dimension + 1;
  text_add(text, "[");
  for (int64_t i = 0; i < writer->array->extent[dimension]; i++) {
    bool breaks = writer->wraps && (!is_row || text->length - writer->line > LINE_WIDTH - 24);
    if (i) text_add(text, breaks ? "," : ", ");
    if (i && breaks) break_line(writer, margin);
    add_values(writer, dimension + 1);
  }
  text_add(text, "]");
}

static void add_array(Text *text, const BlurGenomeArray *array) {
  enum { SHORT = 50, MATRIX_WIDTH = 60 };
  size_t line = text->length, count = 1;
  for (int d = 0; d < array->dimensions; d++) count *= (size_t)array->extent[d];
  add_name(text, array);
  size_t start = text->length;
  Writer writer = {text, array, array->values, line, start - line, false};
  if (count <= SHORT) add_values(&writer, 0);
  size_t most = array->dimensions > 1 ? MATRIX_WIDTH : LINE_WIDTH;
  if (count > SHORT || text->length - line > most) {
    text->length = start;
    writer.at = array->values;
    writer.wraps = true;
    add_values(&writer, 0);
  }
  text_add(text, "\n");
}

char *blur_genome_text(const BlurGenome *genome) {
  Text text = {0};
  text_add(&text, "%s%d\n\nrule %s\n", genome_magic, GENOME_FORMAT, genome->rule);
  if (genome->hash) text_add(&text, "hash %016" PRIx64 "\n", genome->hash);
  for (size_t i = 0; i < genome->settings.count; i++)
    text_add(&text, "set %s = %s\n", genome->settings.items[i].name, genome->settings.items[i].value);
  for (size_t i = 0; i < genome->notes.count; i++) text_add(&text, "note %s\n", genome->notes.items[i]);
  text_add(&text, "\ngenome {\n");
  for (size_t i = 0; i < genome->arrays.count; i++) add_array(&text, &genome->arrays.items[i]);
  text_add(&text, "}\n");
  return text.bytes;
}

bool blur_genome_write(const BlurGenome *genome, const char *path, BlurStatus *status) {
  char *text = blur_genome_text(genome);
  bool done = file_write(path, text, strlen(text), status);
  free(text);
  return done;
}
