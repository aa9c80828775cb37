// The networks of an experiment: `net in -> 256 -> out`, and those of a meta-test; and whether the data fit their ends,
// as far as these are known by their name. Before: experiment_data.c.
#include "compiler/semantics/experiment.h"

#include <math.h>
#include <string.h>

enum { MOST_LAYERS = 1024 };

static void report_net(ExperimentCheck *check, Span span, const char *problem) {
  Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_net, span, problem);
  diagnostic_help(check->checker->sink, diagnostic,
                  "write the layers from the inputs to the outputs: `net in -> 256 -> out`");
}

// `784-256-10`, as --net has it, is read as a difference: proposes the arrows.
static bool report_difference(ExperimentCheck *check, const AstExpression *ast) {
  Text chain = {0};
  const AstExpression *links[64];
  size_t count = 0;
  for (; ast->kind == EXPRESSION_BINARY && ast->binary.op == OPERATOR_SUBTRACT && count < 62; ast = ast->binary.left)
    links[count++] = ast->binary.right;
  if (count == 0) return false;
  links[count++] = ast;
  Arena *arena = check->checker->arena;
  Span whole = span_join(links[count - 1]->span, links[0]->span);
  for (size_t i = count; i-- > 0;) text_add(&chain, "%s%s", text_of_span(arena, links[i]->span), i ? " -> " : "");
  Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_net, whole, "its layers are parted by `->`");
  diagnostic_fix(check->checker->sink, diagnostic, whole, "%s", text_get(&chain));
  text_free(&chain);
  return true;
}

// Units of one layer; 0 for `in` and `out`; -1 after a report.
static int64_t take_units(ExperimentCheck *check, const AstExpression *ast, bool first, bool last) {
  AstValue value = {.kind = VALUE_EXPRESSION, .first = (AstExpression *)(uintptr_t)ast};
  const char *word = plain_name_of(&value);
  bool is_in = word && strcmp(word, "in") == 0, is_out = word && strcmp(word, "out") == 0;
  if ((is_in && first) || (is_out && last)) return 0;
  double number;
  if (is_in) report_net(check, ast->span, "`in` stands for the inputs of the data, so it is the first layer");
  else if (is_out) report_net(check, ast->span, "`out` stands for the outputs of the data, so it is the last layer");
  else if (take_constant(check, ast, &number) && number == floor(number) && number >= 1 && number <= 16777216)
    return (int64_t)number;
  else report_net(check, ast->span, "a layer has 1 to 16777216 units");
  return -1;
}

// `(64 x 4)`, which the grammar reads as a call whose name stands between its two arguments.
static bool is_repeated(const AstExpression *link) {
  return link->kind == EXPRESSION_CALL && link->call.function.span.start > link->span.start;
}

// Layers that a link of the chain stands for; 0 after a report.
static int layers_of(ExperimentCheck *check, const AstExpression *link) {
  double times = 1;
  if (!is_repeated(link)) return 1;
  const AstExpression *number = link->call.arguments->next;
  bool right = strcmp(link->call.function.text, "x") == 0 && take_constant(check, number, &times) &&
               times == floor(times) && times >= 1 && times <= MOST_LAYERS;
  if (!right) report_net(check, link->span, "layers that are alike are written `(64 x 4)`: 4 layers of 64 units");
  return right ? (int)times : 0;
}

bool take_net(ExperimentCheck *check, FieldId id, const AstPhrase *phrase, CheckedNet *net) {
  Arena *arena = check->checker->arena;
  refuse_settings(check, id, phrase);
  take_clauses(check, "net", phrase, NULL, 0, NULL);
  if (phrase->value.kind == VALUE_EXPRESSION && report_difference(check, phrase->value.first)) return false;
  if (phrase->value.kind != VALUE_CHAIN) {
    report_net(check, phrase->span, "it has two layers at least");
    return false;
  }
  int layers = 0;
  for (const AstExpression *link = phrase->value.first; link && layers <= MOST_LAYERS; link = link->next) {
    int alike = layers_of(check, link);
    if (!alike) return false;
    layers += alike;
  }
  if (layers > MOST_LAYERS) {
    report_net(check, phrase->span, "it has more than 1024 layers");
    return false;
  }
  net->units = ARENA_ARRAY(arena, int64_t, layers);
  net->spans = ARENA_ARRAY(arena, Span, layers);
  bool fine = true;
  for (const AstExpression *link = phrase->value.first; link; link = link->next) {
    bool ends = !is_repeated(link), first = ends && net->layers == 0;
    int64_t units = take_units(check, ends ? link : link->call.arguments, first, ends && link->next == NULL);
    fine = fine && units >= 0;
    for (int times = layers_of(check, link); times > 0; times--) {
      net->spans[net->layers] = link->span;
      net->units[net->layers++] = units;
    }
  }
  return fine;
}

void take_nets(ExperimentCheck *check, const AstPhrase *phrase, CheckedNets *nets) {
  if (!phrase->settings) report_field_value(check, FIELD_meta_test_nets, phrase->span);
  for (const AstPhrase *one = phrase->settings; one; one = one->next) {
    CheckedNet net = {0};
    if (one->name.text) report_field_value(check, FIELD_meta_test_nets, one->span);
    else if (take_net(check, FIELD_meta_test_nets, one, &net)) ARENA_PUSH(check->checker->arena, nets, net);
  }
}

// ---- and the data

// Where several tasks are given, `one_of`, the same network may fit the others.
static void report_end(ExperimentCheck *check, const CheckedNet *net, int layer, const CheckedData *data, int64_t has,
                       const char *what, bool one_of) {
  Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_net_data, net->spans[layer], data->set, (long long)has,
                                             what, layer ? "ends" : "begins", (long long)net->units[layer]);
  if (one_of) diagnostic_note(check->checker->sink, diagnostic, data->span, "this task of several");
  diagnostic_fix(check->checker->sink, diagnostic, net->spans[layer], "%s", layer ? "out" : "in");
}

// Each end is reported once, for the first task that it does not fit.
static void check_net_fits(ExperimentCheck *check, const CheckedNet *net, const CheckedData *data, size_t count) {
  int last = net->layers - 1;
  bool first_fits = true, last_fits = true;
  for (size_t i = 0; net->layers >= 2 && i < count; i++) {
    if (!data[i].set) continue;
    int64_t classes = data[i].classes, inputs = net->units[0], outputs = net->units[last];
    if (first_fits && inputs > 0 && inputs != data[i].inputs) {
      report_end(check, net, 0, &data[i], data[i].inputs, "inputs", count > 1);
      first_fits = false;
    }
    bool one_target = classes == 0 && outputs > 1;
    bool too_few = outputs > 0 && outputs < classes && !(outputs == 1 && classes == 2);
    if (last_fits && (one_target || too_few)) {
      report_end(check, net, last, &data[i], one_target ? 1 : classes, one_target ? "targets" : "classes", count > 1);
      last_fits = false;
    }
  }
}

void check_nets_fit_data(ExperimentCheck *check) {
  const CheckedExperiment *made = check->made;
  const CheckedData *data = made->tasks.count ? made->tasks.items : &made->data;
  size_t count = made->tasks.count ? made->tasks.count : 1;
  check_net_fits(check, &made->net, data, count);
  for (size_t t = 0; t < made->meta_tests.count; t++) {
    const CheckedMetaTest *test = &made->meta_tests.items[t];
    bool own_tasks = test->tasks.count > 0, own_nets = test->nets.count > 0;
    if (!own_tasks && !own_nets) continue;
    size_t nets = own_nets ? test->nets.count : 1;
    for (size_t n = 0; n < nets; n++)
      check_net_fits(check, own_nets ? &test->nets.items[n] : &made->net, own_tasks ? test->tasks.items : data,
                     own_tasks ? test->tasks.count : count);
  }
}
