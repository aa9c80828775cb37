// Reads the text form of programs that print.c writes (see there). Recursive descent over one line-oriented text; the
// first error ends it. Names, counts and nesting are checked here so that building never goes wrong; whether the
// program makes sense is verify.c's question.
#include "compiler/ir/words.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  Arena *arena;
  IrProgram *program;
  const char *text, *end;
  const char *at;
  int line, depth;
  const char *error;
  jmp_buf failed;
  ARENA_LIST(IrValue) named;        // the % lines of the statement
  ARENA_LIST(const char *) origins; // by buffer: the name behind `of`, or NULL
  const char *block;
} Parser;

static _Noreturn void fail(Parser *parser, const char *format, ...) __attribute__((format(printf, 2, 3)));
static _Noreturn void fail(Parser *parser, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const char *message = arena_format_list(parser->arena, format, arguments);
  va_end(arguments);
  parser->error = arena_format(parser->arena, "line %d: %s", parser->line, message);
  longjmp(parser->failed, 1);
}

// ---- words

static void skip_blanks(Parser *parser) {
  while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\t' || *parser->at == '\r')) parser->at++;
  if (parser->at < parser->end && *parser->at == '#')
    while (parser->at < parser->end && *parser->at != '\n') parser->at++;
}

static char peek(Parser *parser) {
  skip_blanks(parser);
  return parser->at < parser->end ? *parser->at : '\n';
}

static bool accept(Parser *parser, char character) {
  if (character == '\n' || peek(parser) != character) return false;
  parser->at++;
  return true;
}

static void expect(Parser *parser, char character) {
  if (!accept(parser, character)) fail(parser, "'%c' is missing", character);
}

static bool in_name(char c) { return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '\''; }

// A name in the arena, or NULL if none stands here.
static const char *accept_name(Parser *parser) {
  char first = peek(parser);
  if (!isalpha((unsigned char)first) && first != '_' && first != '.' && first != '\'') return NULL;
  const char *start = parser->at;
  while (parser->at < parser->end && in_name(*parser->at)) parser->at++;
  return arena_copy(parser->arena, start, (size_t)(parser->at - start));
}

static const char *expect_name(Parser *parser, const char *what) {
  const char *name = accept_name(parser);
  if (!name) fail(parser, "%s is missing", what);
  return name;
}

static bool accept_word(Parser *parser, const char *word) {
  const char *back = parser->at, *name = accept_name(parser);
  if (name && strcmp(name, word) == 0) return true;
  parser->at = back;
  return false;
}

static double expect_number(Parser *parser) {
  skip_blanks(parser);
  char digits[64];
  size_t length = 0;
  while (parser->at < parser->end && length < sizeof digits - 1 &&
         (isalnum((unsigned char)*parser->at) || strchr("+-.", *parser->at))) {
    bool exponent = length > 0 && (digits[length - 1] == 'e' || digits[length - 1] == 'E');
    if (length > 0 && (*parser->at == '+' || *parser->at == '-') && !exponent) break;
    digits[length++] = *parser->at++;
  }
  digits[length] = 0;
  char *rest;
  double number = strtod(digits, &rest);
  if (length == 0 || *rest) fail(parser, "'%s' is no number", digits);
  return number;
}

static int64_t expect_whole(Parser *parser, int64_t least, int64_t most) {
  double number = expect_number(parser);
  if (!(number >= (double)least && number <= (double)most) || number != floor(number))
    fail(parser, "a whole number from %lld to %lld is expected", (long long)least, (long long)most);
  return (int64_t)number;
}

static void end_line(Parser *parser) {
  if (peek(parser) != '\n') fail(parser, "something follows the end of the statement: '%c'", *parser->at);
  if (parser->at < parser->end) parser->at++;
  parser->line++;
}

static bool skip_empty_lines(Parser *parser) { // false at the end of the text
  while (parser->at < parser->end && peek(parser) == '\n') {
    if (parser->at == parser->end) break;
    end_line(parser);
  }
  return parser->at < parser->end;
}

static const char *expect_quoted(Parser *parser) {
  expect(parser, '"');
  const char *start = parser->at;
  while (parser->at < parser->end && *parser->at != '"' && *parser->at != '\n') parser->at++;
  const char *text = arena_copy(parser->arena, start, (size_t)(parser->at - start));
  expect(parser, '"');
  return text;
}

// The place of `name` in a list of words, -1 if it is not among them.
static int find_word(const char *name, const char *const *words, int count) {
  for (int i = 0; name && i < count; i++)
    if (strcmp(words[i], name) == 0) return i;
  return -1;
}

// ---- axes, buffers and indices

static IrAxis find_axis(const IrProgram *program, const char *name) {
  for (size_t i = 0; i < program->axes.count; i++)
    if (strcmp(program->axes.items[i].name, name) == 0) return (IrAxis)i;
  return IR_NONE;
}

static IrAxis expect_axis(Parser *parser) {
  const char *name = expect_name(parser, "the name of an axis");
  IrAxis axis = find_axis(parser->program, name);
  if (axis == IR_NONE) fail(parser, "there is no axis '%s'", name);
  return axis;
}

static IrBuffer find_buffer(const IrProgram *program, const char *name) {
  for (size_t i = 0; i < program->buffers.count; i++)
    if (strcmp(program->buffers.items[i].name, name) == 0) return (IrBuffer)i;
  return IR_NONE;
}

static IrBuffer expect_buffer(Parser *parser, const char *name) {
  IrBuffer buffer = find_buffer(parser->program, name);
  if (buffer == IR_NONE) fail(parser, "there is no buffer '%s'", name);
  return buffer;
}

// [kind] name : extent
static void read_dimension(Parser *parser, IrAxisKind *kind, const char **name, int64_t *extent) {
  const char *first = expect_name(parser, "a dimension");
  int word = find_word(first, words_axis_kind, WORDS_AXIS_KINDS);
  const char *second = accept_name(parser);
  if (word < 0) fail(parser, "'%s' is none of state, batch, unit", first);
  *kind = (IrAxisKind)word;
  *name = second ? second : first;
  expect(parser, ':');
  *extent = expect_whole(parser, 0, (int64_t)1 << 40);
}

static void read_axis(Parser *parser) {
  IrAxisKind kind;
  const char *name;
  int64_t extent;
  read_dimension(parser, &kind, &name, &extent);
  if (find_axis(parser->program, name) != IR_NONE) fail(parser, "there are two axes '%s'", name);
  if (parser->program->axes.count == IR_MAX_AXES) fail(parser, "more than %d axes", IR_MAX_AXES);
  ir_axis(parser->program, name, kind, extent);
}

static void read_states(Parser *parser, IrBufferInfo *info) {
  do {
    if (info->states == IR_MAX_DIMENSIONS) fail(parser, "more than %d states", IR_MAX_DIMENSIONS);
    bool kept = accept(parser, '*');
    info->state[info->states++] = kept ? -1 : (int32_t)expect_whole(parser, 0, INT32_MAX);
  } while (accept(parser, ','));
}

static void read_buffer(Parser *parser) {
  IrBufferInfo info = {.layer = -1, .origin = IR_NONE};
  const char *origin = NULL;
  info.name = expect_name(parser, "the name of the buffer");
  if (find_buffer(parser->program, info.name) != IR_NONE) fail(parser, "there are two buffers '%s'", info.name);
  const char *role = expect_name(parser, "the role of the buffer");
  int word = find_word(role, words_role, WORDS_ROLES);
  if (word < 0) fail(parser, "'%s' is no role", role);
  info.role = (IrRole)word;
  if (peek(parser) == '"') info.variable = expect_quoted(parser);
  if (accept_word(parser, "layer")) info.layer = (int)expect_whole(parser, 0, INT32_MAX);
  info.is_bias = accept_word(parser, "bias");
  info.live_in = accept_word(parser, "in");
  info.live_out = accept_word(parser, "out");
  info.carried = accept_word(parser, "carried");
  if (accept_word(parser, "rounds")) info.rounds = expect_whole(parser, 1, (int64_t)1 << 40);
  if (accept_word(parser, "of")) origin = expect_name(parser, "the buffer that this one is of");
  if (accept_word(parser, "state")) read_states(parser, &info);
  expect(parser, '[');
  while (peek(parser) != ']') {
    if (info.dimensions == IR_MAX_DIMENSIONS) fail(parser, "more than %d dimensions", IR_MAX_DIMENSIONS);
    if (info.dimensions) expect(parser, ',');
    int i = info.dimensions++;
    read_dimension(parser, &info.kind[i], &info.dimension_name[i], &info.extent[i]);
  }
  expect(parser, ']');
  ir_buffer(parser->program, info);
  ARENA_PUSH(parser->arena, &parser->origins, origin);
}

static void resolve_origins(Parser *parser) {
  for (size_t i = 0; i < parser->origins.count; i++)
    if (parser->origins.items[i])
      parser->program->buffers.items[i].origin = expect_buffer(parser, parser->origins.items[i]);
}

static void read_index(Parser *parser, IrBuffer buffer, IrIndex *index) {
  const IrBufferInfo *info = &parser->program->buffers.items[buffer];
  expect(parser, '[');
  for (int i = 0; i < info->dimensions; i++) {
    if (i) expect(parser, ',');
    index[i] = (IrIndex){IR_NONE, 0};
    if (isdigit((unsigned char)peek(parser))) index[i].constant = (int32_t)expect_whole(parser, 0, INT32_MAX);
    else index[i].axis = expect_axis(parser);
  }
  if (peek(parser) != ']') fail(parser, "'%s' has %d dimensions", info->name, info->dimensions);
  expect(parser, ']');
}

// ---- values

static IrValue read_value(Parser *parser);

static IrAxisSet read_axes(Parser *parser) {
  IrAxisSet axes = 0;
  do axes |= ir_axis_bit(expect_axis(parser));
  while (accept(parser, ','));
  return axes;
}

static IrValue read_argument(Parser *parser, bool is_truth) {
  int number = (int)expect_whole(parser, 0, INT32_MAX);
  return ir_argument(parser->program, number, accept(parser, ':') ? read_axes(parser) : 0, is_truth);
}

// place P [layer L], ITERATION [: AXIS of N, ...]
static IrValue read_noise(Parser *parser, char draw) {
  IrNoise noise = {.draw = draw, .layer = -1};
  if (!accept_word(parser, "place")) fail(parser, "'place' is missing");
  noise.place = (uint32_t)expect_whole(parser, 0, IR_MAX_PLACES - 1);
  if (accept_word(parser, "layer")) noise.layer = (int)expect_whole(parser, 0, INT32_MAX);
  expect(parser, ',');
  IrValue iteration = read_value(parser);
  if (!accept(parser, ':')) return ir_noise(parser->program, &noise, iteration);
  do {
    if (noise.dimensions == IR_MAX_DIMENSIONS) fail(parser, "more than %d dimensions", IR_MAX_DIMENSIONS);
    int i = noise.dimensions++;
    noise.index[i] = (IrIndex){IR_NONE, 0};
    if (isdigit((unsigned char)peek(parser))) noise.index[i].constant = (int32_t)expect_whole(parser, 0, INT32_MAX);
    else noise.index[i].axis = expect_axis(parser);
    if (!accept_word(parser, "of")) fail(parser, "'of' is missing");
    noise.extent[i] = (int32_t)expect_whole(parser, 1, INT32_MAX);
  } while (accept(parser, ','));
  return ir_noise(parser->program, &noise, iteration);
}

static IrValue read_operation(Parser *parser, IrOperation operation) {
  IrValue operand[IR_MAX_OPERANDS] = {IR_NONE, IR_NONE, IR_NONE};
  for (int i = 0; i < ir_operation_arity(operation); i++) {
    if (i) expect(parser, ',');
    operand[i] = read_value(parser);
  }
  return ir_operation(parser->program, operation, operand[0], operand[1], operand[2]);
}

// After NAME( . `max` and `min` are reductions where axes and a colon follow.
static IrValue read_call(Parser *parser, const char *name) {
  if (strcmp(name, "position") == 0) return ir_position(parser->program, expect_axis(parser));
  if (strcmp(name, "normal") == 0) return read_noise(parser, 'n');
  if (strcmp(name, "uniform") == 0) return read_noise(parser, 'u');
  if (strcmp(name, "argument") == 0) return read_argument(parser, false);
  if (strcmp(name, "truth_argument") == 0) return read_argument(parser, true);
  const char *back = parser->at;
  bool axes_follow = accept_name(parser) && (peek(parser) == ':' || peek(parser) == ',');
  while (axes_follow && peek(parser) == ',') {
    accept(parser, ',');
    axes_follow = accept_name(parser) != NULL;
  }
  axes_follow = axes_follow && peek(parser) == ':';
  parser->at = back;
  if (axes_follow) {
    for (int i = 0; i < WORDS_REDUCTIONS; i++) {
      if (strcmp(ir_reduction_name((IrReduction)i), name) != 0) continue;
      IrAxisSet axes = read_axes(parser);
      expect(parser, ':');
      return ir_reduce(parser->program, (IrReduction)i, axes, read_value(parser));
    }
    fail(parser, "there is no reduction '%s'", name);
  }
  for (int i = 0; i < OP_COUNT; i++)
    if (strcmp(ir_operation_name((IrOperation)i), name) == 0) return read_operation(parser, (IrOperation)i);
  fail(parser, "there is no operation '%s'", name);
}

static IrValue read_named_value(Parser *parser) {
  const char *name = expect_name(parser, "a value");
  IrProgram *program = parser->program;
  if (peek(parser) == '[') {
    IrBuffer buffer = expect_buffer(parser, name);
    IrIndex index[IR_MAX_DIMENSIONS];
    read_index(parser, buffer, index);
    return ir_read(program, buffer, index);
  }
  if (accept(parser, '(')) {
    IrValue value = read_call(parser, name);
    expect(parser, ')');
    return value;
  }
  if (strcmp(name, "step") == 0) return ir_step(program);
  if (strcmp(name, "true") == 0) return ir_truth(program, true);
  if (strcmp(name, "false") == 0) return ir_truth(program, false);
  if (strcmp(name, "inf") == 0) return ir_constant(program, (double)INFINITY);
  if (strcmp(name, "nan") == 0) return ir_constant(program, (double)NAN);
  fail(parser, "'%s' is no value (a read is written %s[...])", name, name);
}

static IrValue read_value(Parser *parser) {
  if (++parser->depth > WORDS_MAX_NESTING) fail(parser, "nested more than %d deep", (int)WORDS_MAX_NESTING);
  IrValue value;
  char first = peek(parser);
  if (first == '%') {
    parser->at++;
    int64_t number = expect_whole(parser, 0, INT32_MAX);
    if ((size_t)number >= parser->named.count) fail(parser, "%%%lld is not defined here", (long long)number);
    value = parser->named.items[number];
  } else if (isdigit((unsigned char)first) || first == '-') {
    value = ir_constant(parser->program, expect_number(parser));
  } else {
    value = read_named_value(parser);
  }
  parser->depth--;
  return value;
}

// ---- statements

static void read_statements(Parser *parser, bool in_repeat);

static void read_repeat(Parser *parser) {
  if (++parser->depth > WORDS_MAX_NESTING) fail(parser, "nested more than %d deep", (int)WORDS_MAX_NESTING);
  int64_t count = expect_whole(parser, 0, (int64_t)1 << 40);
  IrBuffer counter = IR_NONE;
  bool backward = accept_word(parser, "backward");
  if (accept_word(parser, "counter")) counter = expect_buffer(parser, expect_name(parser, "the counter"));
  expect(parser, '{');
  end_line(parser);
  IrProgram *program = parser->program;
  IrStatement *statement = ir_repeat(program, count, counter, (Span){0}, parser->block);
  statement->backward = backward;
  program->last = &statement->body;
  read_statements(parser, true);
  program->last = &statement->next;
  parser->depth--;
}

static void read_assignment(Parser *parser, const char *name) {
  IrBuffer target = expect_buffer(parser, name);
  IrIndex index[IR_MAX_DIMENSIONS];
  read_index(parser, target, index);
  expect(parser, '<');
  expect(parser, '-');
  ir_assign(parser->program, target, index, read_value(parser), (Span){0}, parser->block);
  parser->named.count = 0;
}

static void read_statements(Parser *parser, bool in_repeat) {
  while (skip_empty_lines(parser)) {
    if (accept(parser, '}')) {
      if (!in_repeat) fail(parser, "'}' without a repeat");
      end_line(parser);
      return;
    }
    if (accept(parser, '%')) {
      if (expect_whole(parser, 0, INT32_MAX) != (int64_t)parser->named.count)
        fail(parser, "%%%zu is expected here", parser->named.count);
      expect(parser, '=');
      IrValue value = read_value(parser);
      ARENA_PUSH(parser->arena, &parser->named, value);
      end_line(parser);
      continue;
    }
    const char *name = expect_name(parser, "a statement");
    bool is_assignment = peek(parser) == '[';
    if (!is_assignment && strcmp(name, "block") == 0) {
      parser->block = peek(parser) == '"' ? expect_quoted(parser) : NULL;
    } else if (!is_assignment && strcmp(name, "repeat") == 0) {
      read_repeat(parser);
      continue;
    } else {
      read_assignment(parser, name);
    }
    end_line(parser);
  }
  if (in_repeat) fail(parser, "'}' is missing");
}

static void read_program(Parser *parser) {
  if (!skip_empty_lines(parser) || !accept_word(parser, "program")) fail(parser, "'program NAME' is missing");
  parser->program = ir_program_create(parser->arena, expect_name(parser, "the name of the program"));
  end_line(parser);
  while (skip_empty_lines(parser)) {
    if (accept_word(parser, "axis")) read_axis(parser);
    else if (accept_word(parser, "buffer")) read_buffer(parser);
    else break;
    end_line(parser);
  }
  resolve_origins(parser);
  read_statements(parser, false);
  if (parser->named.count) fail(parser, "a statement is missing after %%%zu", parser->named.count - 1);
}

// The next line that begins a program, behind the first one of the text; its end where there is none.
static size_t program_end(const char *text, size_t length) {
  static const char word[] = "program ";
  bool inside = false;
  for (size_t at = 0; at < length;) {
    size_t start = at;
    while (start < length && (text[start] == ' ' || text[start] == '\t')) start++;
    bool begins = length - start >= sizeof word - 1 && !memcmp(text + start, word, sizeof word - 1);
    if (begins && inside) return at;
    inside |= begins;
    const char *newline = memchr(text + at, '\n', length - at);
    at = newline ? (size_t)(newline - text) + 1 : length;
  }
  return length;
}

IrProgram *ir_parse_next(Arena *arena, IrText *text, const char **error) {
  Parser *parser = ARENA_NEW(arena, Parser);
  size_t length = program_end(text->at, text->length);
  parser->arena = arena;
  parser->text = parser->at = text->at;
  parser->end = text->at + length;
  parser->line = text->line;
  *error = NULL;
  if (setjmp(parser->failed)) {
    *error = parser->error;
    return NULL;
  }
  read_program(parser);
  for (size_t i = 0; i < length; i++) text->line += text->at[i] == '\n';
  text->at += length;
  text->length -= length;
  return parser->program;
}

IrProgram *ir_parse(Arena *arena, const char *text, size_t length, const char **error) {
  IrText all = {text, length, 1};
  IrProgram *program = ir_parse_next(arena, &all, error);
  if (!program || !all.length) return program;
  *error = arena_format(arena, "line %d: one program is expected, and here another begins", all.line);
  return NULL;
}
