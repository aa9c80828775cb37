// Every file of tests/golden/syntax: it carries the errors it must give, or has a .ast beside it with the tree that it
// must become. Expressions of those trees, and random ones, are printed and read again.
#include "compiler/syntax/syntax.h"
#include "tests/support/expectation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char folder[] = SOURCE_DIR "/tests/golden/syntax";

static char *read_text(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  static char bytes[1 << 17];
  size_t length = fread(bytes, 1, sizeof bytes - 1, file);
  fclose(file);
  bytes[length] = 0;
  return bytes;
}

// ---- printed expressions read back as the same tree

static const char *tree_of(Arena *arena, AstExpression *expression) {
  AstDeclaration constant = {.kind = DECLARATION_CONST, .name.text = "c", .constant.value = expression};
  AstFile file = {.declarations = &constant};
  Text text = {0};
  ast_print(&file, &text);
  const char *copy = arena_copy(arena, text_get(&text), text.length);
  text_free(&text);
  return copy;
}

static void read_again(Arena *arena, AstExpression *expression) {
  Text printed = {0};
  expression_print(expression, &printed);
  DiagnosticSink sink = {.arena = arena};
  SourceFile *source = source_from_bytes(arena, "printed", text_get(&printed), printed.length);
  AstExpression *again = parse_expression(arena, source, &sink);
  cr_assert_not_null(again, "does not parse: %s", text_get(&printed));
  cr_assert_str_eq(tree_of(arena, again), tree_of(arena, expression), "%s", text_get(&printed));
  text_free(&printed);
}

static size_t read_statements_again(Arena *arena, AstStatement *statement) {
  size_t count = 0;
  for (; statement; statement = statement->next) {
    if (statement->kind == STATEMENT_ASSIGN) read_again(arena, statement->assign.value), count++;
    if (statement->kind == STATEMENT_LET) read_again(arena, statement->let.value), count++;
  }
  return count;
}

static size_t read_file_again(Arena *arena, const AstFile *file) {
  size_t count = 0;
  for (AstDeclaration *declaration = file->declarations; declaration; declaration = declaration->next)
    if (declaration->kind == DECLARATION_FUNCTION) read_again(arena, declaration->function.body), count++;
  for (AstRule *rule = file->rules; rule; rule = rule->next)
    for (AstDeclaration *declaration = rule->declarations; declaration; declaration = declaration->next)
      if (declaration->kind == DECLARATION_BLOCK) count += read_statements_again(arena, declaration->block.statements);
  return count;
}

// ---- the files

static void check_tree(Arena *arena, const SourceFile *source, const char *tree_path, const DiagnosticSink *sink,
                       const AstFile *ast) {
  Text tree = {0}, rendered = {0};
  diagnostics_render(sink, &rendered, false);
  cr_expect_eq(sink->errors, 0, "%s:\n%s", source->path, text_get(&rendered));
  ast_print(ast, &tree);
  cr_expect_str_eq(text_get(&tree), read_text(tree_path), "%s", source->path);
  cr_expect_gt(read_file_again(arena, ast), 5);
  text_free(&tree);
  text_free(&rendered);
}

static void check_file_of_folder(const char *path, void *codes) {
  Arena *arena = arena_create();
  DiagnosticSink sink = {.arena = arena};
  SourceFile *source = source_read(arena, path, &sink);
  cr_assert_not_null(source);
  AstFile *ast = parse_file(arena, source, &sink);
  char tree_path[4096];
  snprintf(tree_path, sizeof tree_path, "%.*sast", (int)strlen(path) - 4, path);
  struct stat status;
  if (stat(tree_path, &status) == 0) {
    check_tree(arena, source, tree_path, &sink, ast);
  } else {
    Text differences = {0};
    cr_expect_gt(sink.items.count, 0, "%s", path);
    cr_expect_eq(expectation_compare(source, &sink, &differences), 0, "%s:\n%s", path, text_get(&differences));
    text_free(&differences);
  }
  for (size_t i = 0; i < sink.items.count; i++) ((bool *)codes)[sink.items.items[i].code] = true;
  arena_destroy(arena);
}

Test(golden_syntax, every_file_and_every_code) {
  bool seen[DIAGNOSTIC_COUNT] = {false};
  cr_expect_gt(expectation_files(folder, ".blur", check_file_of_folder, seen), 60);
  for (int code = 0; code < DIAGNOSTIC_COUNT; code++) {
    const char *name = diagnostic_code_name((DiagnosticCode)code);
    if (strncmp(name, "E01", 3) == 0 && code != DIAGNOSTIC_syntax_too_deep && code != DIAGNOSTIC_expression_too_long)
      cr_expect(seen[code], "no file of tests/golden/syntax shows %s", name); // those two: tests/unit/hostile_text.c
  }
}

// ---- random expressions

static uint32_t state;
static uint32_t draw(uint32_t below) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % below;
}

static AstExpression *random_expression(Arena *arena, int depth);

static AstName some_name(void) {
  static const char *const names[] = {"w", "pre", "log", "in", "like", "bias", "z", "step"};
  return (AstName){.text = names[draw(8)]};
}

static AstExpression *random_list(Arena *arena, int depth) {
  AstExpression *first = random_expression(arena, depth);
  if (draw(2)) first->next = random_expression(arena, depth);
  return first;
}

static AstIndex *random_indices(Arena *arena, int depth) {
  AstIndex *index = ARENA_NEW(arena, AstIndex);
  index->value = random_expression(arena, depth);
  if (draw(4) == 0) index->axis = some_name();
  return index;
}

static AstExpression *random_expression(Arena *arena, int depth) {
  AstExpression *e = ARENA_NEW(arena, AstExpression);
  e->kind = depth == 0 ? (ExpressionKind)draw(2) : (ExpressionKind)draw(EXPRESSION_ERROR);
  switch (e->kind) {
  case EXPRESSION_NUMBER: e->number = draw(2) ? draw(100) : draw(1000000) * 1.1e-9; break;
  case EXPRESSION_NAME:
    e->name.name = some_name();
    if (draw(3) == 0) e->name.qualifier = some_name();
    break;
  case EXPRESSION_INDEX:
    e->index.base = ARENA_NEW(arena, AstExpression);
    e->index.base->kind = EXPRESSION_NAME;
    e->index.base->name.name = some_name();
    e->index.indices = random_indices(arena, depth - 1);
    break;
  case EXPRESSION_CALL:
    e->call.function = some_name();
    e->call.primes = (int)draw(3);
    if (draw(3) == 0) e->call.brackets = random_indices(arena, depth - 1);
    e->call.arguments = random_list(arena, depth - 1);
    if (draw(2)) {
      e->call.has_colon = true;
      e->call.axes = ARENA_NEW(arena, AstNameList);
      e->call.axes->name = some_name();
    }
    break;
  case EXPRESSION_UNARY:
    e->binary.op = draw(2) ? OPERATOR_NEGATE : OPERATOR_NOT;
    e->binary.left = random_expression(arena, depth - 1);
    break;
  case EXPRESSION_BINARY:
    e->binary.op = (Operator)(OPERATOR_ADD + draw(OPERATOR_OR - OPERATOR_ADD + 1));
    e->binary.left = random_expression(arena, depth - 1);
    e->binary.right = random_expression(arena, depth - 1);
    break;
  case EXPRESSION_IF:
    e->choice.condition = random_expression(arena, depth - 1);
    e->choice.yes = random_expression(arena, depth - 1);
    e->choice.no = random_expression(arena, depth - 1);
    break;
  case EXPRESSION_BLOCK: {
    AstStatement *let = ARENA_NEW(arena, AstStatement);
    let->kind = STATEMENT_LET;
    let->let.name = some_name();
    let->let.value = random_expression(arena, depth - 1);
    if (draw(2)) e->block.statements = let;
    e->block.value = random_expression(arena, depth - 1);
    break;
  }
  case EXPRESSION_VECTOR: e->vector.elements = random_list(arena, depth - 1); break;
  case EXPRESSION_ERROR: break;
  }
  return e;
}

Test(golden_syntax, random_expressions_read_back) {
  for (uint32_t seed = 0; seed < 3000; seed++) {
    Arena *arena = arena_create();
    state = seed;
    read_again(arena, random_expression(arena, 1 + (int)(seed % 5)));
    arena_destroy(arena);
  }
}

Test(golden_syntax, precedence) {
  // Fully bracketed by hand, from the table of docs/language: both must be one tree.
  static const char *const pairs[][2] = {
      {"a or b and not c < d + e * -f(x)", "a or (b and (not (c < (d + (e * (-(f(x))))))))"},
      {"a - b - c / d / e", "(a - b) - ((c / d) / e)"},
      {"if a then b else c + d", "if a then b else (c + d)"},
      {"1 + if a then b else c + d", "1 + (if a then b else (c + d))"},
      {"-a * b", "(-a) * b"},
      {"not a == b", "not (a == b)"},
      {"if a then if b then c else d else e", "if a then (if b then c else d) else e"},
  };
  Arena *arena = arena_create();
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    const char *trees[2];
    for (int side = 0; side < 2; side++) {
      DiagnosticSink sink = {.arena = arena};
      const char *text = pairs[i][side];
      AstExpression *expression = parse_expression(arena, source_from_bytes(arena, "e", text, strlen(text)), &sink);
      cr_assert_not_null(expression, "%s", text);
      trees[side] = tree_of(arena, expression);
    }
    cr_expect_str_eq(trees[0], trees[1]);
  }
  arena_destroy(arena);
}

Test(golden_syntax, tokens) {
  static const char text[] = "rule r {\n  a[2..] <- 0..2; b' = 1.5e3\n  step { input }\n}\n";
  Arena *arena = arena_create();
  Text out = {0};
  tokens_print(arena, source_from_bytes(arena, "t", text, sizeof text - 1), &out);
  cr_expect_str_eq(text_get(&out),
                   "1:1 keyword rule\n1:6 name r\n1:8 symbol {\n2:3 name a\n2:4 symbol [\n2:5 number 2\n"
                   "2:6 symbol ..\n2:8 symbol ]\n2:10 symbol <-\n2:13 number 0\n2:14 symbol ..\n"
                   "2:16 number 2\n2:17 separator ;\n2:19 name b'\n2:22 symbol =\n2:24 number 1.5e3\n"
                   "2:29 separator \\n\n3:3 keyword step\n3:8 symbol {\n3:10 keyword input\n"
                   "3:16 symbol }\n4:1 symbol }\n5:1 end\n");
  text_free(&out);
  arena_destroy(arena);
}
