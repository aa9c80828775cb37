// The fields `data` and `tasks` of an experiment: where the samples are, as the runtime reads it ("mnist:size=14"), and
// what is known of a set by its name, which experiment_net.c holds against the network's ends.
#include "compiler/semantics/experiment.h"

#include <math.h>
#include <string.h>

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

typedef struct {
  ExperimentCheck *check;
  CheckedData *data;
  int64_t side, classes, projected; // 0: not given
  Text options;                     // ":size=14,classes=0..4"
} DataTaking;

// Numbers of samples, or shares of all: `a / b`, or `a / b / c` with a test part, which reads as (a / b) / c.
static bool take_split(DataTaking *taking, const AstValue *value, Span span) {
  enum { MOST = 3 };
  const AstExpression *ast = value->kind == VALUE_EXPRESSION ? value->first : NULL;
  double numbers[MOST], total = 0;
  int count = 0;
  bool fine = ast != NULL, shares = true, counts = true;
  for (bool last = false; fine && !last; count++) {
    last = !(ast->kind == EXPRESSION_BINARY && ast->binary.op == OPERATOR_DIVIDE && count + 1 < MOST);
    double number;
    fine = take_constant(taking->check, last ? ast : ast->binary.right, &number);
    if (!fine) break;
    numbers[count] = number;
    total += number;
    shares = shares && number > 0 && number < 1;
    counts = counts && number >= 1 && number <= 4294967295.0 && number == floor(number);
    ast = last ? ast : ast->binary.left;
  }
  fine = fine && count > 1 && (counts || (shares && total <= 1 + 1e-9));
  if (!fine) {
    report_field_value(taking->check, FIELD_data_split, value->kind == VALUE_NONE ? span : value->span);
    return false;
  }
  taking->data->has_validation = true;
  for (int i = count; i-- > 0;) {
    text_add_number(&taking->options, numbers[i]);
    if (i) text_add(&taking->options, "/");
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
static bool take_classes(DataTaking *taking, const AstValue *value, Span span) {
  ExperimentCheck *check = taking->check;
  int64_t first, last;
  bool fine = false;
  if (value->kind == VALUE_RANGE) {
    fine = take_label(check, value->first, &first) && take_label(check, value->last, &last) && first <= last;
    if (fine) text_add(&taking->options, "%lld..%lld", (long long)first, (long long)last);
    if (fine) taking->classes = last - first + 1;
  } else if (value->kind == VALUE_EXPRESSION && value->first->kind == EXPRESSION_VECTOR) {
    fine = true;
    bool seen[256] = {false};
    const AstExpression *element = value->first->vector.elements;
    for (int64_t count = 0; fine && element; element = element->next) {
      fine = take_label(check, element, &first) && !seen[first];
      if (!fine) break;
      seen[first] = true;
      text_add(&taking->options, "%s%lld", count ? "," : "", (long long)first);
      taking->classes = ++count;
    }
  }
  if (!fine) report_field_value(check, FIELD_data_classes, value->kind == VALUE_NONE ? span : value->span);
  return fine;
}

static bool take_text(DataTaking *taking, FieldId id, const AstValue *value, Span span) {
  const char *text = value->kind == VALUE_TEXT ? value->name.text : plain_name_of(value);
  double number;
  if (text && !strchr(text, ',')) text_add(&taking->options, "%s", text);
  else if (value->kind == VALUE_EXPRESSION && take_constant(taking->check, value->first, &number))
    text_add_number(&taking->options, number);
  else {
    report_field_value(taking->check, id, value->kind == VALUE_NONE ? span : value->span);
    return false;
  }
  return true;
}

static void take_option(DataTaking *taking, FieldId id, const FieldPart *part) {
  ExperimentCheck *check = taking->check;
  Text *options = &taking->options;
  double number;
  int word;
  size_t before = options->length;
  text_add(options, "%c%s=", before ? ',' : ':', experiment_fields[id].path + strlen("data."));
  bool fine = false;
  switch (experiment_fields[id].kind) {
  case FIELD_KIND_SPLIT: fine = take_split(taking, part->value, part->span); break;
  case FIELD_KIND_CLASSES: fine = take_classes(taking, part->value, part->span); break;
  case FIELD_KIND_WORD:
    fine = take_word(check, id, part->value, part->span, &word);
    if (fine) text_add(options, "%s", plain_name_of(part->value));
    break;
  case FIELD_KIND_TEXT: fine = take_text(taking, id, part->value, part->span); break;
  default:
    fine = take_number(check, id, part->value, part->span, &number);
    if (fine) text_add_number(options, number);
    if (fine && id == FIELD_data_size) taking->side = (int64_t)number;
    if (fine && id == FIELD_data_project) taking->projected = (int64_t)number;
  }
  if (!fine) options->length = before;
  if (options->bytes) options->bytes[options->length] = 0;
}

static void take_batch(DataTaking *taking, const FieldPart *part, int64_t *batch) {
  if (batch) {
    take_count(taking->check, FIELD_data_batch, part->value, part->span, batch);
    return;
  }
  Diagnostic *diagnostic =
      EXPERIMENT_REPORT(taking->check, experiment_unknown_part, part->name.span, "tasks", part->name.text);
  diagnostic_help(taking->check->checker->sink, diagnostic, "it is the same for all: `meta adam { batch = 64 }`");
}

// In the order of the text, which is that of the options.
static void take_options(DataTaking *taking, const AstPhrase *settings, int64_t *batch) {
  FieldPart found[FIELD_COUNT] = {0};
  take_parts(taking->check, "data", settings, found);
  for (const AstPhrase *setting = settings; setting; setting = setting->next)
    for (FieldId id = 0; id < FIELD_COUNT; id++) {
      if (found[id].phrase != setting) continue;
      if (id == FIELD_data_batch) take_batch(taking, &found[id], batch);
      else take_option(taking, id, &found[id]);
    }
}

// A name that is nearly one of ours may be a folder of the user's all the same.
static void warn_of_slip(ExperimentCheck *check, const char *name, CheckedData *data) {
  enum { KNOWN = sizeof known_sets / sizeof *known_sets, NAMES = KNOWN + 2 };
  const char *names[NAMES] = {"emnist", "digits"};
  for (size_t i = 0; i < KNOWN; i++) names[NAMES - KNOWN + i] = known_sets[i].name;
  const char *near = near_name(name, names, NAMES);
  if (!near || strcmp(near, name) == 0) return;
  Diagnostic *diagnostic = EXPERIMENT_REPORT(check, experiment_data_slip, data->span, name);
  diagnostic_help(check->checker->sink, diagnostic, "did you mean `%s`?", near);
  diagnostic_fix(check->checker->sink, diagnostic, data->span, "%s", near);
  data->has_validation = true; // what it lacks is not told of a set that may not be meant
}

void take_data(ExperimentCheck *check, const AstPhrase *phrase, CheckedData *data, int64_t *batch) {
  DataTaking taking = {.check = check, .data = data};
  const char *place = phrase->value.kind == VALUE_TEXT ? phrase->value.name.text : plain_name_of(&phrase->value);
  data->span = phrase->value.kind == VALUE_NONE ? phrase->span : phrase->value.span;
  if (!place || !*place) report_field_value(check, FIELD_data, data->span);
  take_clauses(check, "data", phrase, NULL, 0, NULL);
  take_options(&taking, phrase->settings, batch);
  if (place) {
    data->place = arena_format(check->checker->arena, "%s%s", place, text_get(&taking.options));
    size_t set = known_set(data->place);
    if (set < sizeof known_sets / sizeof *known_sets) {
      data->set = known_sets[set].name;
      data->inputs = taking.projected ? taking.projected
                     : taking.side    ? taking.side * taking.side
                                      : known_sets[set].inputs;
      data->classes = taking.classes ? taking.classes : known_sets[set].classes;
      if (known_sets[set].is_generated) data->has_validation = true;
    } else if (phrase->value.kind != VALUE_TEXT) {
      warn_of_slip(check, place, data);
    }
  }
  text_free(&taking.options);
}

void take_tasks(ExperimentCheck *check, FieldId id, const AstPhrase *phrase, CheckedTasks *tasks) {
  enum { MOST_TASKS = 1024 };
  size_t count = 0;
  for (const AstPhrase *task = phrase->settings; task; task = task->next) count++;
  if (count == 0 || count > MOST_TASKS) {
    report_field_value(check, id, phrase->span);
    return;
  }
  for (const AstPhrase *task = phrase->settings; task; task = task->next) {
    CheckedData data = {0};
    if (task->name.text) {
      report_field_value(check, id, task->span);
      continue;
    }
    take_data(check, task, &data, NULL);
    ARENA_PUSH(check->checker->arena, tasks, data);
  }
}
