// Where a derivative has an edge: the operations of a rule that have none somewhere, with the place where they are
// written and the convention that holds there (operations.def); and the surrogates, whose derivative is declared.
// Listed apart are those that the rule itself differentiates with f', and those that only a derivative of the whole
// step meets. What depends on neither a variable nor the argument of a derivative is left out: it is constant.
#include "compiler/semantics/checker.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  const CheckedExpression *value;
  bool on_variable, on_argument;
} Visited;

typedef struct {
  const char *what, *convention;
  Span span;
  bool in_derivative; // of f'
} Edge;

typedef struct {
  const CheckedRule *rule;
  Visited *visited; // a hash table by address
  size_t count, size;
  Edge *edges;
  size_t edge_count, edge_capacity;
} Edges;

static Visited *find_visited(Edges *edges, const CheckedExpression *value) {
  size_t slot = ((uintptr_t)value >> 4) * 0x9e3779b97f4a7c15u >> 20 & (edges->size - 1);
  while (edges->visited[slot].value && edges->visited[slot].value != value) slot = (slot + 1) & (edges->size - 1);
  return &edges->visited[slot];
}

static void *checked_memory(void *memory) {
  if (!memory) abort();
  return memory;
}

static void grow_visited(Edges *edges) {
  if (edges->count * 2 < edges->size) return;
  Visited *old = edges->visited;
  size_t old_size = edges->size;
  edges->size = old_size ? 2 * old_size : 256;
  edges->visited = checked_memory(calloc(edges->size, sizeof(Visited)));
  for (size_t i = 0; i < old_size; i++)
    if (old[i].value) *find_visited(edges, old[i].value) = old[i];
  free(old);
}

static void add_edge(Edges *edges, const char *what, const char *convention, Span span, bool in_derivative) {
  if (!span.file) return;
  for (size_t i = 0; i < edges->edge_count; i++) {
    Edge *edge = &edges->edges[i];
    if (edge->span.file != span.file || edge->span.start != span.start || strcmp(edge->what, what) != 0) continue;
    edge->in_derivative = edge->in_derivative || in_derivative;
    return;
  }
  if (edges->edge_count == edges->edge_capacity) {
    edges->edge_capacity = edges->edge_capacity ? 2 * edges->edge_capacity : 32;
    edges->edges = checked_memory(realloc(edges->edges, edges->edge_capacity * sizeof(Edge)));
  }
  edges->edges[edges->edge_count++] = (Edge){what, convention, span, in_derivative};
}

static const char *convention_of(const CheckedExpression *value) {
  if (value->kind == CHECKED_REDUCE) {
    if (value->reduction == REDUCE_ARGMAX) return "0";
    bool extreme = value->reduction == REDUCE_MAXIMUM || value->reduction == REDUCE_MINIMUM;
    return extreme ? "to the first of equal elements" : NULL;
  }
  if (value->kind != CHECKED_OPERATION) return NULL;
  const CheckedExpression *second = value->operand[1];
  if (value->operation == OP_POWER && second->kind == CHECKED_NUMBER && second->number >= 1) return NULL;
  return ir_operation_edge(value->operation);
}

static const char *name_of(const CheckedExpression *value) {
  if (value->kind == CHECKED_REDUCE) return ir_reduction_name(value->reduction);
  return value->operation == OP_SELECT ? "if" : ir_operation_name(value->operation);
}

static Visited visit(Edges *edges, const CheckedExpression *value) {
  grow_visited(edges);
  Visited *slot = find_visited(edges, value);
  if (slot->value) return *slot;
  edges->count++;
  *slot = (Visited){.value = value}; // a node is never below itself
  Visited result = {.value = value}, first = {0};
  bool stopped = value->kind == CHECKED_OPERATION && value->operation == OP_STOP; // no derivative comes further
  bool declared = value->kind == CHECKED_OPERATION && value->operation == OP_SURROGATE;
  for (int i = 0; i < IR_MAX_OPERANDS && value->operand[i] && !stopped; i++) {
    if (declared && i != 1) continue; // what is declared is not computed
    Visited operand = visit(edges, value->operand[i]);
    if (i == 0) first = operand;
    result.on_variable = result.on_variable || operand.on_variable;
    result.on_argument = result.on_argument || operand.on_argument;
  }
  if (value->kind == CHECKED_READ && edges->rule->variables.items[value->variable].kind >= CHECKED_NEURON)
    result.on_variable = true;
  if (value->kind == CHECKED_LET_READ) result.on_variable = true;
  if (value->kind == CHECKED_ARGUMENT) result.on_argument = true;
  if (value->kind == CHECKED_GRADIENT) result.on_argument = false;
  // A choice has an edge only where its condition changes with what is differentiated.
  const Visited *through = value->kind == CHECKED_OPERATION && value->operation == OP_SELECT ? &first : &result;
  const char *convention = convention_of(value);
  if (convention && value->operation != OP_STOP && (through->on_variable || through->on_argument))
    add_edge(edges, name_of(value), convention, value->span, through->on_argument);
  *find_visited(edges, value) = result;
  return result;
}

// ---- printing

static int print_place(Span span, Text *out) { // its width
  Position position = source_position(span.file, span.start);
  size_t start = out->length;
  text_add(out, "%s:%u:%u", span.file->path, position.line, position.column);
  return (int)(out->length - start);
}

static bool print_edges(const Edges *edges, bool in_derivative, const char *title, Text *out) {
  int widest = -1;
  Text place = {0};
  for (size_t i = 0; i < edges->edge_count; i++) {
    if (edges->edges[i].in_derivative != in_derivative) continue;
    int width = print_place(edges->edges[i].span, &place);
    if (width > widest) widest = width;
  }
  text_free(&place);
  if (widest >= 0) text_add(out, "%s\n", title);
  for (size_t i = 0; i < edges->edge_count; i++) {
    const Edge *edge = &edges->edges[i];
    if (edge->in_derivative != in_derivative) continue;
    text_add(out, "  ");
    int width = print_place(edge->span, out);
    text_add(out, "%*s  %-8s %s\n", widest - width, "", edge->what, edge->convention);
  }
  return widest >= 0;
}

static void print_surrogates(const CheckedRule *rule, Text *out) {
  if (rule->surrogates.count) text_add(out, "derivatives that are declared, not computed\n");
  for (size_t i = 0; i < rule->surrogates.count; i++) {
    const CheckedSurrogate *surrogate = &rule->surrogates.items[i];
    const Span span = surrogate->slope;
    text_add(out, "  ");
    print_place(span, out);
    text_add(out, " %s' is `%.*s`\n", surrogate->name, (int)(span.end - span.start), span.file->text + span.start);
  }
}

void checked_print_edges(const CheckedRule *rule, Text *out) {
  Edges edges = {.rule = rule};
  for (size_t b = 0; b < rule->blocks.count; b++)
    for (const CheckedStatement *s = rule->blocks.items[b].statements; s; s = s->next)
      visit(&edges, s->is_let ? rule->lets.items[s->let].value : s->value);
  if (rule->prediction) visit(&edges, rule->prediction);
  bool any = print_edges(&edges, true, "edges of the derivatives taken with f'", out);
  print_edges(&edges, false,
              any ? "further edges, of a derivative of the whole step" : "edges of a derivative of the whole step",
              out);
  print_surrogates(rule, out);
  free(edges.visited);
  free(edges.edges);
}
