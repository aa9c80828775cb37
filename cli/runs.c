// blur runs: the recorded runs of experiments: their list, one of them, two compared. Export: runs_export.c; reading
// the database: runs_read.c; what is in it comes from record.c.
#include "cli/runs.h"
#include "cli/record.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// ---- how things are told

static void add_time(Text *out, double seconds) {
  if (seconds < 120) text_add(out, "%.1f s", seconds);
  else if (seconds < 7200) text_add(out, "%.1f min", seconds / 60);
  else text_add(out, "%.1f h", seconds / 3600);
}

static void add_date(Text *out, double at) {
  time_t whole = (time_t)at;
  struct tm local;
  char text[32] = "-";
  if (localtime_r(&whole, &local)) strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local);
  text_add(out, "%s", text);
}

static void add_score(Text *out, const Run *run) {
  if (isnan(run->score)) text_add(out, "-");
  else if (strcmp(run->score_name, "accuracy") == 0) text_add(out, "%.2f %%", 100 * run->score);
  else text_add(out, "%.4g", run->score);
}

static void add_value(Text *out, double value) {
  if (isnan(value)) text_add(out, "-");
  else text_add(out, "%.6g", value);
}

// A table whose columns are as wide as their cells; texts on the left, numbers on the right.
enum { MOST_COLUMNS = 10 };
typedef struct {
  int columns;
  bool right[MOST_COLUMNS];
  char **cells; // [rows, columns]
  size_t count;
} Cells;

static void add_cell(Cells *cells, Text *text) {
  cells->cells = must(realloc(cells->cells, (cells->count + 1) * sizeof *cells->cells));
  cells->cells[cells->count++] = must(strdup(text_get(text)));
  text_free(text);
  *text = (Text){0};
}

static void add_words(Cells *cells, const char *const *words) {
  Text text = {0};
  for (int c = 0; c < cells->columns; c++) {
    text_add(&text, "%s", words[c]);
    add_cell(cells, &text);
  }
}

static void print_cells(Cells *cells) {
  int width[MOST_COLUMNS] = {0};
  for (size_t i = 0; i < cells->count; i++) {
    int length = (int)strlen(cells->cells[i]);
    if (length > width[i % (size_t)cells->columns]) width[i % (size_t)cells->columns] = length;
  }
  for (size_t i = 0; i < cells->count; i++) {
    int column = (int)(i % (size_t)cells->columns);
    bool last = column + 1 == cells->columns;
    if (cells->right[column]) printf("%*s", width[column], cells->cells[i]);
    else printf("%-*s", last ? 0 : width[column], cells->cells[i]);
    printf("%s", last ? "\n" : "  ");
    free(cells->cells[i]);
  }
  free(cells->cells);
  *cells = (Cells){0};
}

// ---- the list

static void tell_list(const Run *list, size_t count) {
  Cells cells = {.columns = 9, .right = {true, false, false, false, true, true, true, true, false}};
  add_words(&cells, (const char *const[]){"run", "started", "command", "experiment", "seed", "steps", "score", "time",
                                          "ending"});
  for (size_t i = 0; i < count; i++) {
    const Run *run = &list[i];
    Text text = {0};
    text_add(&text, "%" PRId64, run->id);
    add_cell(&cells, &text);
    add_date(&text, run->started);
    add_cell(&cells, &text);
    text_add(&text, "%s", run->command);
    add_cell(&cells, &text);
    text_add(&text, "%s", run->experiment);
    add_cell(&cells, &text);
    text_add(&text, "%s", run->seed);
    add_cell(&cells, &text);
    if (run->step < run->steps) text_add(&text, "%" PRId64 " of ", run->step);
    text_add(&text, "%" PRId64, run->steps);
    add_cell(&cells, &text);
    add_score(&text, run);
    add_cell(&cells, &text);
    add_time(&text, run->seconds);
    add_cell(&cells, &text);
    text_add(&text, "%s", run->ending);
    add_cell(&cells, &text);
  }
  print_cells(&cells);
}

static void json_list(const Run *list, size_t count) {
  Text text = {0};
  text_add(&text, "[");
  for (size_t i = 0; i < count; i++) {
    text_add(&text, "%s", i ? ",\n " : "");
    runs_add_json(&text, &list[i], NULL, 0, NULL);
  }
  text_add(&text, "]\n");
  print_text(text_get(&text));
  text_free(&text);
}

// ---- one run

// First, last and best points of a curve: the highest, of losses and norms the lowest.
static bool is_better_low(const char *name) {
  const char *what = strrchr(name, '/');
  return strstr(what ? what : name, "loss") || strstr(what ? what : name, "norm");
}

static const RunPoint *best_point(const RunCurve *curve) {
  const RunPoint *best = NULL;
  double sign = is_better_low(curve->name) ? -1 : 1;
  for (size_t p = 0; p < curve->count; p++)
    if (!isnan(curve->points[p].value) && (!best || sign * curve->points[p].value > sign * best->value))
      best = &curve->points[p];
  return best;
}

static void tell_curves(const RunCurve *curves, size_t count) {
  Cells cells = {.columns = 6, .right = {false, true, true, true, true, true}};
  add_words(&cells, (const char *const[]){"curve", "points", "last step", "last", "best", "at step"});
  for (size_t c = 0; c < count; c++) {
    const RunPoint *best = best_point(&curves[c]), *last = &curves[c].points[curves[c].count - 1];
    Text text = {0};
    text_add(&text, "%s", curves[c].name);
    add_cell(&cells, &text);
    text_add(&text, "%zu", curves[c].count);
    add_cell(&cells, &text);
    text_add(&text, "%" PRId64, last->step);
    add_cell(&cells, &text);
    add_value(&text, last->value);
    add_cell(&cells, &text);
    add_value(&text, best ? best->value : NAN);
    add_cell(&cells, &text);
    if (best) text_add(&text, "%" PRId64, best->step);
    else text_add(&text, "-");
    add_cell(&cells, &text);
  }
  print_cells(&cells);
}

// The facts of a run as names and values; those that a comparison of two looks at.
enum { FACTS = 12 };
static const char *const fact_names[FACTS] = {"command", "experiment", "file",    "rules",     "settings", "begun with",
                                              "seed",    "steps",      "version", "processor", "threads",  "ending"};

static char *fact_of(const Run *run, int fact) {
  Text text = {0};
  const char *words[FACTS] = {run->command, run->experiment, run->file, run->rules, NULL, run->genome, run->seed, NULL,
                              run->version, run->processor,  NULL,      run->ending};
  if (words[fact]) text_add(&text, "%s", words[fact]);
  for (const char *line = run->settings; fact == 4 && *line;) { // a line each
    int length = (int)strcspn(line, "\n");
    text_add(&text, "%s%.*s", line == run->settings ? "" : ", ", length, line);
    line += length + (line[length] == '\n');
  }
  if (fact == 7 && run->step < run->steps) text_add(&text, "%" PRId64 " of ", run->step);
  if (fact == 7) text_add(&text, "%" PRId64, run->steps);
  if (fact == 10) text_add(&text, "%" PRId64, run->threads);
  if (!text.length) text_add(&text, "-");
  return text.bytes;
}

static int show(Runs *runs, const Run *run, const Arguments *arguments, BlurStatus *status) {
  size_t count = 0;
  RunCurve *curves = runs_curves(runs, run->id, &count, status);
  if (!curves) return (int)status->code;
  char *genome = runs_genome(runs, run->id);
  Text text = {0};
  if (option_given(arguments, OPTION_json)) {
    runs_add_json(&text, run, curves, count, genome);
    text_add(&text, "\n");
    print_text(text_get(&text));
  } else {
    for (int f = 0; f < FACTS; f++) {
      char *value = fact_of(run, f);
      printf("%-10s  %s\n", fact_names[f], value);
      free(value);
    }
    if (run->message) printf("%-10s  %s\n", "", run->message);
    text_add(&text, "%-10s  ", "started");
    add_date(&text, run->started);
    text_add(&text, " on %s, ", run->host);
    add_time(&text, run->seconds);
    if (run->resumed) text_add(&text, ", resumed %" PRId64 " time%s", run->resumed, run->resumed == 1 ? "" : "s");
    text_add(&text, "\n%-10s  ", "score");
    add_score(&text, run);
    printf("%s\n\n", text_get(&text));
    if (count) tell_curves(curves, count);
    printf("\n%s", run->text);
    if (genome) printf("\n%s", genome);
  }
  text_free(&text);
  free(genome);
  runs_free_curves(curves, count);
  return EXIT_DONE;
}

// ---- two runs

typedef struct {
  size_t count;
  char **line;
} Lines;

static Lines lines_of(const char *text) {
  Lines lines = {0};
  for (size_t length; *text; text += length + (text[length] == '\n')) {
    length = strcspn(text, "\n");
    lines.line = must(realloc(lines.line, (lines.count + 1) * sizeof *lines.line));
    lines.line[lines.count++] = must(strndup(text, length));
  }
  return lines;
}

static void free_lines(Lines *lines) {
  for (size_t i = 0; i < lines->count; i++) free(lines->line[i]);
  free(lines->line);
}

// The lines of one text that the other lacks, by the longest common subsequence: "- " of the first, "+ " of the second.
static void tell_text_difference(const char *first, const char *second) {
  enum { MOST_LINES = 4000 };
  Lines a = lines_of(first), b = lines_of(second);
  if (a.count > MOST_LINES || b.count > MOST_LINES) {
    printf("\ntheir texts differ\n");
  } else {
    size_t width = b.count + 1, i = 0, j = 0;
    uint16_t *common = must(calloc((a.count + 1) * width, sizeof *common)); // of what is left
    for (size_t r = a.count; r-- > 0;)
      for (size_t c = b.count; c-- > 0;) {
        uint16_t down = common[(r + 1) * width + c], right = common[r * width + c + 1];
        common[r * width + c] = strcmp(a.line[r], b.line[c]) == 0 ? (uint16_t)(common[(r + 1) * width + c + 1] + 1)
                                : down > right                    ? down
                                                                  : right;
      }
    printf("\n");
    while (i < a.count || j < b.count) {
      if (i < a.count && j < b.count && strcmp(a.line[i], b.line[j]) == 0) i++, j++;
      else if (i < a.count && (j == b.count || common[(i + 1) * width + j] >= common[i * width + j + 1]))
        printf("- %s\n", a.line[i++]);
      else printf("+ %s\n", b.line[j++]);
    }
    free(common);
  }
  free_lines(&a);
  free_lines(&b);
}

static const RunCurve *curve_called(const char *name, const RunCurve *curves, size_t count) {
  for (size_t c = 0; c < count; c++)
    if (strcmp(curves[c].name, name) == 0) return &curves[c];
  return NULL;
}

static void add_best(Cells *cells, const RunCurve *curve) {
  const RunPoint *best = curve ? best_point(curve) : NULL;
  Text text = {0};
  add_value(&text, curve ? curve->points[curve->count - 1].value : NAN);
  add_cell(cells, &text);
  add_value(&text, best ? best->value : NAN);
  add_cell(cells, &text);
}

static void tell_both(const Run *pair[2], RunCurve *const curves[2], const size_t count[2]) {
  Cells cells = {.columns = 5, .right = {false, true, true, true, true}};
  char heads[4][32];
  for (int r = 0; r < 2; r++) {
    snprintf(heads[2 * r], sizeof *heads, "%" PRId64 ": last", pair[r]->id);
    snprintf(heads[2 * r + 1], sizeof *heads, "best");
  }
  add_words(&cells, (const char *const[]){"curve", heads[0], heads[1], heads[2], heads[3]});
  for (int r = 0; r < 2; r++)
    for (size_t c = 0; c < count[r]; c++) {
      const RunCurve *other = curve_called(curves[r][c].name, curves[1 - r], count[1 - r]);
      if (r == 1 && other) continue; // told with the first run's
      Text text = {0};
      text_add(&text, "%s", curves[r][c].name);
      add_cell(&cells, &text);
      add_best(&cells, r == 0 ? &curves[0][c] : NULL);
      add_best(&cells, r == 0 ? other : &curves[1][c]);
    }
  printf("\n");
  print_cells(&cells);
}

static void tell_facts(const Run *pair[2]) {
  Cells cells = {.columns = 3};
  char heads[2][24];
  for (int r = 0; r < 2; r++) snprintf(heads[r], sizeof *heads, "%" PRId64, pair[r]->id);
  add_words(&cells, (const char *const[]){"run", heads[0], heads[1]});
  for (int f = 0; f < FACTS; f++) {
    char *values[2] = {fact_of(pair[0], f), fact_of(pair[1], f)};
    if (strcmp(values[0], values[1]) != 0)
      add_words(&cells, (const char *const[]){fact_names[f], values[0], values[1]});
    free(values[0]);
    free(values[1]);
  }
  for (int what = 0; what < 2; what++) {
    Text text = {0};
    text_add(&text, "%s", what ? "score" : "time");
    add_cell(&cells, &text);
    for (int r = 0; r < 2; r++) {
      if (what) add_score(&text, pair[r]);
      else add_time(&text, pair[r]->seconds);
      add_cell(&cells, &text);
    }
  }
  print_cells(&cells);
}

static int compare(Runs *runs, const Run *pair[2], const Arguments *arguments, BlurStatus *status) {
  RunCurve *curves[2] = {0};
  size_t count[2] = {0};
  bool right = true;
  for (int r = 0; right && r < 2; r++) right = (curves[r] = runs_curves(runs, pair[r]->id, &count[r], status));
  if (right && option_given(arguments, OPTION_json)) {
    Text text = {0};
    for (int r = 0; r < 2; r++) {
      text_add(&text, "%s", r ? ",\n " : "[");
      runs_add_json(&text, pair[r], curves[r], count[r], NULL);
    }
    text_add(&text, "]\n");
    print_text(text_get(&text));
    text_free(&text);
  } else if (right) {
    tell_facts(pair);
    if (strcmp(pair[0]->text, pair[1]->text) != 0) tell_text_difference(pair[0]->text, pair[1]->text);
    tell_both(pair, curves, count);
  }
  for (int r = 0; r < 2; r++) runs_free_curves(curves[r], count[r]);
  return right ? EXIT_DONE : (int)status->code;
}

// ---- the command

static const Run *find_run(const Arguments *arguments, const char *number, const Run *list, size_t count) {
  char *end;
  errno = 0;
  long long id = strtoll(number, &end, 10);
  for (size_t i = 0; !errno && *number && !*end && i < count; i++)
    if (list[i].id == id) return &list[i];
  complain(arguments, "there is no run `%s`; `blur runs` lists them", number);
  return NULL;
}

// Those that the operands name, or all; NULL after a message.
static Run *choose(const Arguments *arguments, const Run *list, size_t count, size_t *chosen) {
  size_t wanted = arguments->operand_count - 1;
  Run *chosen_runs = must(calloc(count + wanted + 1, sizeof *chosen_runs));
  *chosen = wanted ? wanted : count;
  if (!wanted) memcpy(chosen_runs, list, count * sizeof *list);
  for (size_t i = 0; i < wanted; i++) {
    const Run *run = find_run(arguments, arguments->operand[i + 1], list, count);
    if (!run) {
      free(chosen_runs);
      return NULL;
    }
    chosen_runs[i] = *run;
  }
  return chosen_runs;
}

static int answer(Runs *runs, const Run *list, size_t count, const Arguments *arguments) {
  const char *verb = arguments->operand_count ? arguments->operand[0] : "";
  size_t wanted = arguments->operand_count ? arguments->operand_count - 1 : 0, chosen;
  bool is_show = strcmp(verb, "show") == 0, is_compare = strcmp(verb, "compare") == 0,
       is_export = strcmp(verb, "export") == 0;
  if (*verb && !is_show && !is_compare && !is_export) {
    complain(arguments, "show, compare or export, not `%s`", verb);
    return EXIT_USAGE;
  }
  if ((is_show && wanted != 1) || (is_compare && wanted != 2)) {
    complain(arguments, is_show ? "show takes the number of a run: blur runs show 3"
                                : "compare takes the numbers of two runs: blur runs compare 3 4");
    return EXIT_USAGE;
  }
  if (!*verb) {
    if (option_given(arguments, OPTION_json)) json_list(list, count);
    else tell_list(list, count);
    return EXIT_DONE;
  }
  Run *meant = choose(arguments, list, count, &chosen);
  if (!meant) return EXIT_INPUT;
  BlurStatus status = {0};
  int code = is_show      ? show(runs, meant, arguments, &status)
             : is_compare ? compare(runs, (const Run *[]){&meant[0], &meant[1]}, arguments, &status)
                          : runs_export(arguments, runs, meant, chosen);
  free(meant);
  if (status.code) complain(arguments, "%s", status.message);
  return code;
}

int command_runs(const Arguments *arguments) {
  char *path = record_path(arguments);
  if (!path) {
    complain(arguments, "no database of runs is named: --runs FILE, or BLUR_RUNS");
    return EXIT_USAGE;
  }
  BlurStatus status = {0};
  bool exists;
  size_t count = 0;
  Runs *runs = runs_open(path, &exists, &status);
  Run *list = runs ? runs_list(runs, 0, &count, &status) : NULL;
  int code = EXIT_DONE;
  if (!exists) {
    complain(arguments, "there is no database of runs at %s yet; blur train FILE and blur meta FILE make one", path);
    code = EXIT_INPUT;
  } else if (!list) {
    complain(arguments, "%s", status.message);
    code = (int)status.code;
  } else {
    code = answer(runs, list, count, arguments);
  }
  runs_free(list, count);
  runs_close(runs);
  free(path);
  return code;
}
