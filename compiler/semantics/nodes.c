// Nodes: the expressions of a checked rule, made once each (equal nodes of a statement are the same node), with their
// free axes, truth and the facts about `pre` that the unit neuron's rule asks for. Before: expression.c, functions.c,
// reductions.c, noise.c. After: indices.c at the end of a statement, then passes/lower.c.
#include "compiler/semantics/checker.h"

#include <string.h>

enum { MAX_NODES = 200000, MAX_DEPTH = 2000 };

bool node_is_error(const Checker *checker, const CheckedExpression *expression) { return expression == checker->error; }

void statement_begin(Checker *checker) {
  if (checker->table_size > 4096) checker->table_size = 0; // so that a large statement does not slow all later ones
  else if (checker->table_count) memset(checker->table, 0, checker->table_size * sizeof(Node *));
  checker->table_count = 0;
  memset(checker->memos, 0, sizeof checker->memos);
  checker->index_count = 0;
  checker->expression_depth = 0;
  diagnostic_mute(checker->sink, MUTED_NONE);
}

// ---- one node for equal nodes

static uint64_t hash_expression(const CheckedExpression *key) {
  uint64_t hash = 0x9e3779b97f4a7c15u, words[sizeof(CheckedExpression) / 8];
  memcpy(words, key, sizeof words);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    hash = (hash ^ words[i]) * 0xbf58476d1ce4e5b9u;
    hash ^= hash >> 29;
  }
  return hash;
}

static void grow_table(Checker *checker) {
  size_t size = checker->table_size ? checker->table_size * 2 : 512;
  Node **table = ARENA_ARRAY(checker->arena, Node *, size);
  for (size_t i = 0; i < checker->table_size; i++) {
    if (!checker->table[i]) continue;
    size_t slot = checker->table[i]->hash & (size - 1);
    while (table[slot]) slot = (slot + 1) & (size - 1);
    table[slot] = checker->table[i];
  }
  checker->table = table;
  checker->table_size = size;
}

// `key` was zeroed whole before it was filled, so that equal nodes have equal bytes; its span is not part of it.
static Node *intern(Checker *checker, const CheckedExpression *key, Span span, bool *is_new) {
  uint64_t hash = hash_expression(key);
  if (checker->table_count * 2 >= checker->table_size) grow_table(checker);
  size_t slot = hash & (checker->table_size - 1);
  for (; checker->table[slot]; slot = (slot + 1) & (checker->table_size - 1)) {
    Node *node = checker->table[slot];
    if (node->hash != hash) continue;
    CheckedExpression other;
    memcpy(&other, &node->expression, sizeof other);
    memset(&other.span, 0, sizeof other.span);
    if (!memcmp(&other, key, sizeof other)) {
      *is_new = false;
      return node;
    }
  }
  Node *node = ARENA_NEW(checker->arena, Node);
  memcpy(&node->expression, key, sizeof *key);
  node->expression.span = span;
  node->hash = hash;
  node->bias_variable = node->plain_variable = -1;
  node->depth = 1;
  checker->table[slot] = node;
  checker->table_count++;
  *is_new = true;
  for (int i = 0; i < IR_MAX_OPERANDS; i++)
    if (key->operand[i] && node_of(key->operand[i])->depth >= node->depth)
      node->depth = node_of(key->operand[i])->depth + 1;
  if ((++checker->nodes_made > MAX_NODES || node->depth > MAX_DEPTH) && !checker->too_large) {
    checker->too_large = true;
    REPORT_PLAIN(checker, rule_too_large, call_place(checker, span),
                 node->depth > MAX_DEPTH ? "an expression is nested too deeply"
                                         : "its functions expand to too many operations");
  }
  return node;
}

static CheckedExpression *finish_node(Checker *checker, Node *node) {
  return checker->too_large ? checker->error : &node->expression;
}

#define NEW_KEY(key)                                                                                                   \
  CheckedExpression key;                                                                                               \
  memset(&key, 0, sizeof key)

static void inherit(Node *node, const CheckedExpression *from, uint32_t mask) {
  const Node *other = node_of(from);
  node->flags |= other->flags & mask;
  if (node->bias_variable < 0) node->bias_variable = other->bias_variable;
  if (node->plain_variable < 0) node->plain_variable = other->plain_variable;
  if (!node->function_span.file) node->function_span = other->function_span;
  if (!node->flat_span.file) node->flat_span = other->flat_span;
}

// Inside an inlined function: the place of the call that the user wrote.
Span call_place(const Checker *checker, Span span) {
  for (const Call *call = checker->call; call; call = call->outer) span = call->span;
  return span;
}

// ---- leaves

CheckedExpression *node_number(Checker *checker, double number, bool is_truth, Span span) {
  NEW_KEY(key);
  key.kind = CHECKED_NUMBER;
  key.number = number;
  key.is_truth = is_truth;
  bool is_new;
  return finish_node(checker, intern(checker, &key, span, &is_new));
}

CheckedExpression *node_builtin(Checker *checker, CheckedScalar scalar, Span span) {
  NEW_KEY(key);
  key.kind = CHECKED_BUILTIN;
  key.scalar = scalar;
  key.is_truth = scalar == SCALAR_FIRST || scalar == SCALAR_LAST || scalar == SCALAR_TRAINING || scalar == SCALAR_BIAS;
  if (scalar == SCALAR_BIAS) key.axes = axis_bit(RULE_AXIS_PRE);
  bool is_new;
  Node *node = intern(checker, &key, span, &is_new);
  if (is_new && scalar == SCALAR_BIAS) node->flags = NODE_BIAS_TEST;
  return finish_node(checker, node);
}

CheckedExpression *node_position(Checker *checker, RuleAxis axis, Span span) {
  NEW_KEY(key);
  key.kind = CHECKED_POSITION;
  key.axis = axis;
  key.axes = axis_bit(axis);
  bool is_new;
  return finish_node(checker, intern(checker, &key, span, &is_new));
}

CheckedExpression *node_counter(Checker *checker, int counter, Span span) {
  NEW_KEY(key);
  key.kind = CHECKED_COUNTER;
  key.counter = counter;
  bool is_new;
  return finish_node(checker, intern(checker, &key, span, &is_new));
}

CheckedExpression *node_noise(Checker *checker, char draw, RuleAxisSet named, const RuleAxis *states, int count,
                              Span span) {
  NEW_KEY(key);
  key.kind = CHECKED_NOISE;
  key.draw = draw;
  key.place = checker->next_place++;
  key.reduced = key.axes = named;
  key.dimensions = count;
  for (int i = 0; i < count; i++) {
    key.index[i].is_axis = true;
    key.index[i].axis = states[i];
    key.axes |= axis_bit(states[i]);
  }
  bool is_new;
  return finish_node(checker, intern(checker, &key, span, &is_new));
}

static void copy_indices(CheckedExpression *key, const CheckedIndex *index, int count) {
  for (int i = 0; i < count; i++) {
    key->index[i].is_axis = index[i].is_axis;
    key->index[i].axis = index[i].is_axis ? index[i].axis : 0;
    key->index[i].constant = index[i].is_axis ? 0 : index[i].constant;
    if (index[i].is_axis) key->axes |= axis_bit(index[i].axis);
  }
}

RuleAxis variable_axis_at(RuleAxis declared, CheckedSide side) {
  if (declared != RULE_AXIS_UNIT) return declared;
  switch (side) {
  case SIDE_PRE: return RULE_AXIS_PRE;
  case SIDE_POST: return RULE_AXIS_POST;
  case SIDE_OUTPUT: return RULE_AXIS_OUTPUT;
  case SIDE_PRE2: return RULE_AXIS_PRE2;
  case SIDE_POST2: return RULE_AXIS_POST2;
  default: return RULE_AXIS_UNIT;
  }
}

CheckedExpression *node_read(Checker *checker, int variable, CheckedSide side, const CheckedIndex *index,
                             const RuleAxis *renamed, Span span) {
  const CheckedVariable *info = &checker->rule->variables.items[variable];
  NEW_KEY(key);
  key.kind = CHECKED_READ;
  key.variable = variable;
  key.side = side;
  copy_indices(&key, index, info->states);
  for (int i = 0; i < info->axes; i++) {
    key.renamed[i] = renamed ? renamed[i] : variable_axis_at(info->axis[i], side);
    key.axes |= axis_bit(key.renamed[i]);
  }
  bool is_new;
  Node *node = intern(checker, &key, span, &is_new);
  checker->facts[variable].read = true;
  if (is_new && (key.axes & axis_bit(RULE_AXIS_PRE))) {
    if (checked_is_synaptic(info)) {
      node->flags = info->bias ? NODE_BIAS_SYNAPSE : NODE_PLAIN_SYNAPSE;
      *(info->bias ? &node->bias_variable : &node->plain_variable) = variable;
    } else node->flags = NODE_PRE_NEURON;
  }
  return finish_node(checker, node);
}

CheckedExpression *node_let(Checker *checker, int let, const CheckedIndex *index, Span span) {
  const CheckedLet *info = &checker->rule->lets.items[let];
  const struct LetFacts *facts = &checker->let_facts[let];
  if (facts->doubtful && checker->sink->muted == MUTED_NONE) diagnostic_mute(checker->sink, MUTED_ALL_BUT_NAMES);
  NEW_KEY(key);
  key.kind = CHECKED_LET_READ;
  key.let = let;
  key.axes = facts->axes;
  copy_indices(&key, index, info->indices);
  bool is_new;
  Node *node = intern(checker, &key, span, &is_new);
  if (is_new) {
    node->flags = facts->flags;
    node->bias_variable = facts->bias_variable;
    node->plain_variable = facts->plain_variable;
    node->function_span = facts->function_span;
  }
  CheckedExpression *value = finish_node(checker, node);
  if (!facts->is_truth) return value;
  return node_operation(checker, OP_NOT_EQUAL, value, node_number(checker, 0, false, span), NULL, span);
}

// ---- operations

static bool is_truth_operation(IrOperation operation) {
  switch (operation) {
  case OP_NOT:
  case OP_AND:
  case OP_OR:
  case OP_LESS:
  case OP_LESS_EQUAL:
  case OP_GREATER:
  case OP_GREATER_EQUAL:
  case OP_EQUAL:
  case OP_NOT_EQUAL: return true;
  default: return false;
  }
}

// What counts as a function in the unit neuron's rule: f(1) is not 1 there.
static bool is_function(IrOperation operation) {
  switch (operation) {
  case OP_NEGATE:
  case OP_STOP:
  case OP_NUMBER_OF:
  case OP_ADD:
  case OP_SUBTRACT:
  case OP_MULTIPLY:
  case OP_DIVIDE:
  case OP_SELECT: return false;
  default: return !is_truth_operation(operation);
  }
}

CheckedExpression *node_to_number(Checker *checker, CheckedExpression *value) {
  if (node_is_error(checker, value) || !value->is_truth) return value;
  if (value->kind == CHECKED_NUMBER) return node_number(checker, value->number, false, value->span);
  return node_operation(checker, OP_NUMBER_OF, value, NULL, NULL, value->span);
}

static CheckedExpression *fold(Checker *checker, IrOperation operation, CheckedExpression *const *operand, Span span) {
  if (operation == OP_SELECT && operand[0]->kind == CHECKED_NUMBER)
    return operand[0]->number != 0 ? operand[1] : operand[2];
  if (operation == OP_AND || operation == OP_OR)
    for (int i = 0; i < 2; i++)
      if (operand[i]->kind == CHECKED_NUMBER)
        return (operand[i]->number != 0) == (operation == OP_AND) ? operand[1 - i] : operand[i];
  for (int i = 0; i < 3; i++)
    if (operand[i] && operand[i]->kind != CHECKED_NUMBER) return NULL;
  double result = ir_evaluate(operation, operand[0]->number, operand[1] ? operand[1]->number : 0,
                              operand[2] ? operand[2]->number : 0);
  return node_number(checker, result, is_truth_operation(operation), span);
}

// `pre.h - mean(batch: pre.h)`, which is 0 for the unit neuron.
static bool is_centred(const CheckedExpression *value, const CheckedExpression *mean) {
  return (node_of(value)->flags & NODE_PRE_NEURON) && (node_of(mean)->flags & NODE_PRE_STATISTIC);
}

CheckedExpression *node_operation(Checker *checker, IrOperation operation, CheckedExpression *x, CheckedExpression *y,
                                  CheckedExpression *z, Span span) {
  CheckedExpression *operand[3] = {x, y, z};
  for (int i = 0; i < 3; i++)
    if (operand[i] && node_is_error(checker, operand[i])) return checker->error;
  bool truths = operation == OP_NOT || operation == OP_AND || operation == OP_OR || operation == OP_NUMBER_OF;
  bool both = operation == OP_SELECT && y->is_truth && z->is_truth;
  for (int i = 0; i < 3; i++)
    if (operand[i] && !truths && !(operation == OP_SELECT && i == 0)) operand[i] = node_to_number(checker, operand[i]);
  for (int i = 0; i < 3; i++)
    if (operand[i] && node_is_error(checker, operand[i])) return checker->error;
  CheckedExpression *folded = fold(checker, operation, operand, span);
  if (!folded) {
    NEW_KEY(key);
    key.kind = CHECKED_OPERATION;
    key.operation = operation;
    key.is_truth = is_truth_operation(operation);
    for (int i = 0; i < 3; i++)
      if ((key.operand[i] = operand[i])) key.axes |= operand[i]->axes;
    bool is_new;
    Node *node = intern(checker, &key, span, &is_new);
    if (is_new) {
      for (int i = 0; i < 3; i++)
        if (operand[i]) inherit(node, operand[i], operation == OP_SURROGATE && i == 0 ? ~(uint32_t)NODE_FLAT : ~0u);
      bool function = is_function(operation) || (operation == OP_SUBTRACT && is_centred(operand[0], operand[1]));
      if (function && (node->flags & NODE_PRE_NEURON) && !(node->flags & NODE_NEURON_IN_FUNCTION)) {
        node->flags |= NODE_NEURON_IN_FUNCTION;
        node->function_span = call_place(checker, span);
      }
      // `if bias then 1 else act(pre.h)`: the rule says what the unit neuron's row reads.
      if (operation == OP_SELECT && (node_of(operand[0])->flags & NODE_BIAS_TEST))
        node->flags &= ~(uint32_t)(NODE_NEURON_IN_FUNCTION | NODE_BIAS_TEST);
      if (operation == OP_SIGN || operation == OP_FLOOR) {
        node->flags |= NODE_FLAT;
        node->flat_span = span;
      }
    }
    folded = finish_node(checker, node);
  }
  if (both && !node_is_error(checker, folded))
    return node_operation(checker, OP_NOT_EQUAL, folded, node_number(checker, 0, false, span), NULL, span);
  return folded;
}

// ---- reductions, gradients

static void inherit_reduced(Node *node, const CheckedExpression *body, RuleAxisSet axes) {
  bool over_pre = axes & axis_bit(RULE_AXIS_PRE);
  node->expression.axes = body->axes & ~axes;
  if (!over_pre) {
    inherit(node, body, ~0u);
    // A function of a sum over the samples, as of a gradient, is a function of the synapse, not of the unit neuron.
    RuleAxisSet samples = axis_bit(RULE_AXIS_BATCH), of_neuron = samples | axis_bit(RULE_AXIS_PRE);
    if ((axes & samples) && (node->flags & NODE_PRE_NEURON) && !(body->axes & ~of_neuron))
      node->flags |= NODE_PRE_STATISTIC;
    if (axes & samples) node->flags &= ~(uint32_t)NODE_PRE_NEURON;
  } else {
    node->flags |= node_of(body)->flags & NODE_FLAT;
    node->flat_span = node_of(body)->flat_span;
  }
}

CheckedExpression *node_reduce(Checker *checker, IrReduction reduction, RuleAxisSet axes, CheckedExpression *body,
                               Span span) {
  if (node_is_error(checker, body)) return body;
  body = node_to_number(checker, body);
  if (node_is_error(checker, body)) return body;
  NEW_KEY(key);
  key.kind = CHECKED_REDUCE;
  key.reduction = reduction;
  key.reduced = axes;
  key.operand[0] = body;
  key.axes = body->axes & ~axes;
  key.with_bias = (axes & axis_bit(RULE_AXIS_PRE)) && (node_of(body)->flags & NODE_BIAS_SYNAPSE);
  bool is_new;
  Node *node = intern(checker, &key, span, &is_new);
  if (is_new) inherit_reduced(node, body, axes);
  return finish_node(checker, node);
}

CheckedExpression *node_count(Checker *checker, RuleAxisSet axes, const CheckedExpression *body, Span span) {
  if (node_is_error(checker, body)) return checker->error;
  NEW_KEY(key);
  key.kind = CHECKED_COUNT;
  key.reduced = axes;
  key.with_bias = (axes & axis_bit(RULE_AXIS_PRE)) && (node_of(body)->flags & NODE_BIAS_SYNAPSE);
  bool is_new;
  return finish_node(checker, intern(checker, &key, span, &is_new));
}

CheckedExpression *node_argument(Checker *checker, const CheckedExpression *actual, RuleAxisSet axes, Span span) {
  NEW_KEY(key);
  key.kind = CHECKED_ARGUMENT;
  key.argument = checker->next_argument++;
  key.axes = axes;
  bool is_new;
  Node *node = intern(checker, &key, span, &is_new);
  inherit(node, actual, NODE_PRE_FLAGS);
  return finish_node(checker, node);
}

CheckedExpression *node_gradient(Checker *checker, CheckedExpression *body, CheckedExpression *argument,
                                 CheckedExpression *at, Span span) {
  if (node_is_error(checker, body) || node_is_error(checker, argument) || node_is_error(checker, at))
    return checker->error;
  NEW_KEY(key);
  key.kind = CHECKED_GRADIENT;
  key.argument = argument->argument;
  key.operand[0] = body;
  key.operand[1] = at;
  key.axes = argument->axes;
  bool is_new;
  Node *node = intern(checker, &key, span, &is_new);
  if (is_new) {
    inherit(node, body, NODE_PRE_FLAGS);
    inherit(node, at, NODE_PRE_FLAGS);
    if (!(key.axes & axis_bit(RULE_AXIS_PRE))) node->flags &= ~(uint32_t)NODE_PRE_FLAGS;
    if ((node->flags & NODE_PRE_NEURON) && !(node->flags & NODE_NEURON_IN_FUNCTION)) {
      node->flags |= NODE_NEURON_IN_FUNCTION;
      node->function_span = call_place(checker, span);
    }
  }
  return finish_node(checker, node);
}

// ---- substitution of a state index: `let u[i] = ...` inside an expression, read as u[j]

static CheckedExpression *substitute(Checker *checker, CheckedExpression *value, RuleAxis from, CheckedIndex to,
                                     uint32_t mark) {
  if (!(value->axes & axis_bit(from))) return value;
  Node *node = node_of(value);
  if (node->mark == mark) return node->rewritten;
  CheckedExpression *result;
  CheckedIndex index[IR_MAX_DIMENSIONS];
  switch (value->kind) {
  case CHECKED_POSITION:
    result = to.is_axis ? node_position(checker, to.axis, value->span)
                        : node_number(checker, (double)to.constant, false, value->span);
    break;
  case CHECKED_READ:
  case CHECKED_LET_READ: {
    memcpy(index, value->index, sizeof index);
    for (int i = 0; i < IR_MAX_DIMENSIONS; i++)
      if (index[i].is_axis && index[i].axis == from) index[i] = to;
    if (value->kind == CHECKED_READ)
      result = node_read(checker, value->variable, value->side, index, value->renamed, value->span);
    else {
      NEW_KEY(key);
      memcpy(&key, value, sizeof key);
      memset(&key.span, 0, sizeof key.span);
      memset(key.index, 0, sizeof key.index);
      key.axes = value->axes & ~axis_bit(from);
      copy_indices(&key, index, checker->rule->lets.items[value->let].indices);
      bool is_new;
      Node *copy = intern(checker, &key, value->span, &is_new);
      if (is_new) inherit(copy, value, ~0u);
      result = finish_node(checker, copy);
    }
    break;
  }
  case CHECKED_OPERATION: {
    CheckedExpression *operand[3];
    for (int i = 0; i < 3; i++)
      operand[i] = value->operand[i] ? substitute(checker, value->operand[i], from, to, mark) : NULL;
    result = node_operation(checker, value->operation, operand[0], operand[1], operand[2], value->span);
    break;
  }
  case CHECKED_REDUCE:
    result = node_reduce(checker, value->reduction, value->reduced,
                         substitute(checker, value->operand[0], from, to, mark), value->span);
    break;
  case CHECKED_GRADIENT: {
    // The argument has the index as well: with the state fixed or renamed its body is another one.
    NEW_KEY(key);
    memcpy(&key, value, sizeof key);
    memset(&key.span, 0, sizeof key.span);
    key.operand[0] = substitute(checker, value->operand[0], from, to, mark);
    key.operand[1] = substitute(checker, value->operand[1], from, to, mark);
    if (node_is_error(checker, key.operand[0]) || node_is_error(checker, key.operand[1])) return checker->error;
    key.axes = (value->axes & ~axis_bit(from)) | (to.is_axis ? axis_bit(to.axis) : 0);
    bool is_new;
    Node *copy = intern(checker, &key, value->span, &is_new);
    if (is_new) inherit(copy, value, ~0u);
    result = finish_node(checker, copy);
    break;
  }
  case CHECKED_NOISE: {
    NEW_KEY(key);
    memcpy(&key, value, sizeof key);
    memset(&key.span, 0, sizeof key.span);
    memset(key.index, 0, sizeof key.index);
    memcpy(index, value->index, sizeof index);
    for (int i = 0; i < value->dimensions; i++) {
      if (!index[i].is_axis || index[i].axis != from) continue;
      index[i] = to;
      key.extent[i] = to.is_axis ? 0 : (int32_t)checker->indices[from].extent;
    }
    key.axes = value->reduced;
    copy_indices(&key, index, value->dimensions);
    bool is_new;
    result = finish_node(checker, intern(checker, &key, value->span, &is_new));
    break;
  }
  case CHECKED_ARGUMENT: {
    NEW_KEY(key);
    memcpy(&key, value, sizeof key);
    memset(&key.span, 0, sizeof key.span);
    key.axes = (value->axes & ~axis_bit(from)) | (to.is_axis ? axis_bit(to.axis) : 0);
    bool is_new;
    Node *copy = intern(checker, &key, value->span, &is_new);
    if (is_new) inherit(copy, value, ~0u);
    result = finish_node(checker, copy);
    break;
  }
  default: result = value;
  }
  node->mark = mark;
  node->rewritten = result;
  return result;
}

CheckedExpression *node_substitute(Checker *checker, CheckedExpression *value, RuleAxis from, CheckedIndex to) {
  if (node_is_error(checker, value)) return value;
  return substitute(checker, value, from, to, ++checker->next_mark);
}
