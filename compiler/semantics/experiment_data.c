// The fields `data` and `net` of an experiment: where the samples are, as the runtime reads it ("mnist:size=14"), the
// split, and the layers. What is known of a set by its name is held against the network's ends.
#include "compiler/semantics/experiment.h"

#include <math.h>
#include <string.h>

// ---- data

// What goes by these names: images of so many inputs in classes, and the tasks that are generated (docs/language/
// tasks.md), which have a validation part of their own. A folder of the same name may hold something else, which the
// runtime then tells.
static const struct {
  const char *name;
  int64_t inputs, classes; // classes 0: regression to one number
  bool is_generated;
} known_sets[] = {
    {"mnist", 784, 10, false},    {"fashion_mnist", 784, 10, false},
    {"kmnist", 784, 10, false},   {"and", 2, 2, true},
    {"or", 2, 2, true},           {"xor", 2, 2, true},
    {"nxor", 2, 2, true},         {"circle", 2, 2, true},
    {"small_circle", 2, 2, true}, {"pie_slice", 2, 2, true},
    {"cross", 2, 2, true},        {"triangle", 2, 2, true},
    {"two_moons", 2, 2, true},    {"five_blobs", 2, 5, true},
    {"sinusoid", 1, 0, true},
};

static size_t known_set(const char *data) {
  size_t length = strcspn(data, ":"), i = 0;
  while (i < sizeof known_sets / sizeof *known_sets &&
         (strlen(known_sets[i].name) != length || strncmp(known_sets[i].name, data, length) != 0))
    i++;
  return i;
}

// Numbers of samples, or shares of all: `a / b`, or `a / b / c` with a test part, which reads as (a / b) / c.
static bool take_split(ExperimentCheck *check, const AstValue *value, Text *out) {
  enum { MOST = 3 };
  const AstExpression *ast = value->kind == VALUE_EXPRESSION ? value->first : NULL;
  double numbers[MOST], total = 0;
  int count = 0;
  bool fine = ast != NULL, shares = true, counts = true;
  for (bool last = false; fine && !last; count++) {
    last = !(ast->kind == EXPRESSION_BINARY && ast->binary.op == OPERATOR_DIVIDE && count + 1 < MOST);
    double number;
    fine = take_constant(check, last ? ast : ast->binary.right, &number);
    if (!fine) break;
    numbers[count] = number;
    total += number;
    shares = shares && number > 0 && number < 1;
    counts = counts && number >= 1 && number <= 4294967295.0 && number == floor(number);
    ast = last ? ast : ast->binary.left;
  }
  fine = fine && count > 1 && (counts || (shares && total <= 1 + 1e-9));
  if (!fine) {
    report_field_value(check, FIELD_data_split, value->span);
    return false;
  }
  check->made->has_validation = true;
  for (int i = count; i-- > 0;) {
    text_add_number(out, numbers[i]);
    if (i) text_add(out, "/");
  }
  return true;
}

static bool take_label(ExperimentCheck *check, const AstExpression *ast, int64_t *label) {
  double number;
  if (!take_constant(check, ast, &number) || number != floor(number) || number < 0 ||
      number > (double)experiment_fields[FIELD_data_classes].high)
    return false;
  *label = (int64_t)number;
  return true;
}

// `5..9` or `[1, 3, 7]`, as the specification has it.
static bool take_classes(ExperimentCheck *check, const AstValue *value, Text *out) {
  int64_t first, last;
  bool fine = false;
  if (value->kind == VALUE_RANGE) {
    fine = take_label(check, value->first, &first) && take_label(check, value->last, &last) && first <= last;
    if (fine) text_add(out, "%lld..%lld", (long long)first, (long long)last);
    if (fine) check->made->classes = last - first + 1;
  } else if (value->kind == VALUE_EXPRESSION && value->first->kind == EXPRESSION_VECTOR) {
    fine = true;
    bool seen[256] = {false};
    const AstExpression *element = value->first->vector.elements;
    for (int64_t count = 0; fine && element; element = element->next) {
      fine = take_label(check, element, &first) && !seen[first];
      if (!fine) break;
      seen[first] = true;
      text_add(out, "%s%lld", count ? "," : "", (long long)first);
      check->made->classes = ++count;
    }
  }
  if (!fine) report_field_value(check, FIELD_data_classes, value->span);
  return fine;
}

static bool take_text(ExperimentCheck *check, FieldId id, const AstValue *value, Span span, Text *out) {
  const char *text = value->kind == VALUE_TEXT ? value->name.text : plain_name_of(value);
  double number;
  if (text && !strchr(text, ',')) text_add(out, "%s", text);
  else if (value->kind == VALUE_EXPRESSION && take_constant(check, value->first, &number)) text_add_number(out, number);
  else {
    report_field_value(check, id, value->kind == VALUE_NONE ? span : value->span);
    return false;
  }
  return true;
}

static bool take_number(ExperimentCheck *check, FieldId id, const AstValue *value, Span span, Text *out) {
  double number;
  bool fine = value->kind == VALUE_EXPRESSION && take_constant(check, value->first, &number) &&
              number >= (double)experiment_fields[id].low &&
              (number > 0 || experiment_fields[id].kind != FIELD_KIND_POSITIVE) &&
              number <= (double)experiment_fields[id].high;
  if (fine) text_add_number(out, number);
  else report_field_value(check, id, value->kind == VALUE_NONE ? span : value->span);
  return fine;
}

static void take_option(ExperimentCheck *check, FieldId id, const AstPhrase *setting, Text *options) {
  const FieldInfo *field = &experiment_fields[id];
  const char *name = field->path + strlen("data.");
  const AstValue *value = &setting->value;
  int64_t count;
  int word;
  size_t before = options->length;
  text_add(options, "%c%s=", before ? ',' : ':', name);
  bool fine = true;
  switch (field->kind) {
  case FIELD_KIND_NUMBER:
  case FIELD_KIND_POSITIVE: fine = take_number(check, id, value, setting->span, options); break;
  case FIELD_KIND_SPLIT: fine = take_split(check, value, options); break;
  case FIELD_KIND_CLASSES: fine = take_classes(check, value, options); break;
  case FIELD_KIND_WORD:
    fine = take_word(check, id, value, setting->span, &word);
    if (fine) text_add(options, "%s", plain_name_of(value));
    break;
  case FIELD_KIND_TEXT: fine = take_text(check, id, value, setting->span, options); break;
  default:
    fine = take_count(check, id, value, setting->span, &count);
    if (fine) text_add(options, "%lld", (long long)count);
    if (fine && id == FIELD_data_batch) check->made->batch = count;
    if (fine && id == FIELD_data_size) check->made->side = count;
    if (fine && id == FIELD_data_project) check->made->projected = count;
  }
  if (!fine || id == FIELD_data_batch) options->length = before;
  if (options->bytes) options->bytes[options->length] = 0;
}

void take_data(ExperimentCheck *check, const AstPhrase *phrase) {
  CheckedExperiment *made = check->made;
  const char *place = phrase->value.kind == VALUE_TEXT ? phrase->value.name.text : plain_name_of(&phrase->value);
  made->data_span = phrase->value.kind == VALUE_NONE ? phrase->span : phrase->value.span;
  if (!place || !*place) report_field_value(check, FIELD_data, made->data_span);
  take_clauses(check, "data", phrase, NULL, 0, NULL);
  Text options = {0};
  const AstPhrase *seen[FIELD_COUNT] = {0};
  for (const AstPhrase *setting = phrase->settings; setting; setting = setting->next) {
    FieldId id = setting->name.text ? experiment_field_at("data", setting->name.text) : FIELD_COUNT;
    if (id == FIELD_COUNT) {
      report_unknown_part(check, setting->name.text ? setting->name.span : setting->span, "data",
                          setting->name.text ? setting->name.text : text_of_span(check->checker->arena, setting->span));
    } else if (seen[id]) {
      Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_field_twice, setting->name.span, setting->name.text);
      diagnostic_note(check->checker->sink, diagnostic, seen[id]->name.span, "it stands here before");
      diagnostic_help(check->checker->sink, diagnostic, "leave one of them");
    } else {
      seen[id] = setting;
      take_clauses(check, experiment_fields[id].path, setting, NULL, 0, NULL);
      take_option(check, id, setting, &options);
    }
  }
  if (place) {
    made->data = arena_format(check->checker->arena, "%s%s", place, text_get(&options));
    size_t set = known_set(made->data);
    if (set < sizeof known_sets / sizeof *known_sets && known_sets[set].is_generated) made->has_validation = true;
  }
  text_free(&options);
}

// ---- net

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

void take_net(ExperimentCheck *check, const AstPhrase *phrase) {
  CheckedExperiment *made = check->made;
  Arena *arena = check->checker->arena;
  refuse_settings(check, FIELD_net, phrase);
  take_clauses(check, "net", phrase, NULL, 0, NULL);
  if (phrase->value.kind == VALUE_EXPRESSION && report_difference(check, phrase->value.first)) return;
  if (phrase->value.kind != VALUE_CHAIN) {
    report_net(check, phrase->span, "it has two layers at least");
    return;
  }
  int layers = 0;
  for (const AstExpression *link = phrase->value.first; link && layers <= MOST_LAYERS; link = link->next) {
    int alike = layers_of(check, link);
    if (!alike) return;
    layers += alike;
  }
  if (layers > MOST_LAYERS) {
    report_net(check, phrase->span, "it has more than 1024 layers");
    return;
  }
  made->units = ARENA_ARRAY(arena, int64_t, layers);
  made->unit_spans = ARENA_ARRAY(arena, Span, layers);
  for (const AstExpression *link = phrase->value.first; link; link = link->next) {
    bool ends = !is_repeated(link), first = ends && made->layers == 0;
    int64_t units = take_units(check, ends ? link : link->call.arguments, first, ends && link->next == NULL);
    for (int times = layers_of(check, link); times > 0; times--) {
      made->unit_spans[made->layers] = link->span;
      made->units[made->layers++] = units;
    }
  }
}

// ---- both

static void report_end(ExperimentCheck *check, int layer, const char *set, int64_t has, const char *what) {
  int64_t units = check->made->units[layer];
  Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_net_data, check->made->unit_spans[layer], set,
                                             (long long)has, what, layer ? "ends" : "begins", (long long)units);
  diagnostic_fix(check->checker->sink, diagnostic, check->made->unit_spans[layer], "%s", layer ? "out" : "in");
}

void check_net_fits_data(ExperimentCheck *check) {
  const CheckedExperiment *made = check->made;
  size_t set = made->data ? known_set(made->data) : SIZE_MAX;
  if (!made->data || made->layers < 2 || set == sizeof known_sets / sizeof *known_sets) return;
  int64_t inputs = made->projected ? made->projected : made->side ? made->side * made->side : known_sets[set].inputs;
  int64_t classes = made->classes ? made->classes : known_sets[set].classes;
  int64_t outputs = made->units[made->layers - 1];
  if (made->units[0] > 0 && made->units[0] != inputs) report_end(check, 0, known_sets[set].name, inputs, "inputs");
  if (classes == 0 && outputs > 1) report_end(check, made->layers - 1, known_sets[set].name, 1, "targets");
  else if (outputs > 0 && outputs < classes && !(outputs == 1 && classes == 2))
    report_end(check, made->layers - 1, known_sets[set].name, classes, "classes");
}
