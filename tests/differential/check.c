// Every variable is compared, relative to its largest entry: to 1e-9 in double, to 1e-3 in float. What rounding decides
// is left out: the interpreter runs again with every intermediate result rounded to fewer bits, twice, and once with
// inputs and every result moved by a random part of 1e-12 (float: 1e-6) of it; a variable that this changes by a tenth
// of the tolerance or more is undecided in that precision. The random parts tell what falls apart that should be equal;
// to round keeps equal what is.
#include "tests/differential/check.h"

#include "tests/differential/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSOR_SECONDS = 120, SECONDS = 900 }; // of one case: to compute, and to wait

static const struct {
  BlurPrecision precision;
  const char *name;
  double tolerance, perturbation;
  int bits[2];
} precisions[CHECK_PRECISIONS] = {{BLUR_DOUBLE, "double", 1e-9, 1e-12, {40, 44}},
                                  {BLUR_FLOAT, "float", 1e-3, 1e-6, {20, 24}}};

// The end of a report: errors come after the warnings of the rule.
static const char *report_end(BlurReport *report) {
  const char *text = blur_report_text(report, false);
  size_t length = strlen(text), most = 900;
  return length > most ? text + length - most : text;
}

typedef struct {
  const BlurRule *rule;
  const GeneratedCase *generated;
  uint64_t seed;
  BlurReport *report;
  Record reference;
  CheckResult *result;
} Check;

static void fail(Check *check, const CheckChoice *choice, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void fail(Check *check, const CheckChoice *choice, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  check->result->verdict = CHECK_FAILS;
  check->result->failing = *choice;
  vsnprintf(check->result->what, sizeof check->result->what, format, arguments);
  va_end(arguments);
}

static void check_compiled(Check *check, CheckChoice choice) {
  BlurOptions options = {
      .engine = BLUR_ENGINE_JIT, .precision = precisions[choice.precision].precision, .cpu = choice.cpu};
  const char *level = blur_cpu_name(choice.cpu), *precision = precisions[choice.precision].name;
  Engine engine;
  if (!engine_open(&engine, check->rule, check->generated, options, check->report)) {
    fail(check, &choice, "the JIT (%s, %s) refuses it\n%s", level, precision, report_end(check->report));
  } else {
    int first = choice.threads ? choice.threads : 1, last = choice.threads ? choice.threads : 2;
    for (choice.threads = first; choice.threads <= last && check->result->verdict == CHECK_AGREES; choice.threads++) {
      Record record = engine_run(&engine, check->seed, 0, choice.threads);
      Difference d = record_compare(&check->reference, &record);
      if (d.difference > precisions[choice.precision].tolerance)
        fail(check, &choice,
             "JIT (%s, %s, %d threads) differs from the interpreter by %.3g in %s of layer %d: element %zu is %.17g, "
             "not %.17g",
             level, precision, choice.threads, d.difference, d.variable, d.layer, d.element, d.values[1], d.values[0]);
      record_free(&record);
    }
  }
  engine_close(&engine);
}

// Marks in the reference what results of this precision cannot be held against.
static void decide(Check *check, int precision) {
  const int *bits = precisions[precision].bits;
  double perturbation = precisions[precision].perturbation, moves[] = {0, 0, perturbation};
  for (size_t i = 0; i < check->reference.count; i++) check->reference.variables[i].undecided = false;
  for (int way = 0; way < 3; way++) {
    BlurOptions options = {
        .engine = BLUR_ENGINE_INTERPRET, .inexact_bits = way < 2 ? bits[way] : 0, .inexactness = moves[way]};
    Engine engine;
    if (!engine_open(&engine, check->rule, check->generated, options, check->report)) abort();
    Record record = engine_run(&engine, check->seed, moves[way], 1);
    record_decide(&check->reference, &record, precisions[precision].tolerance / 10);
    record_free(&record);
    engine_close(&engine);
  }
  check->result->variables = (int)check->reference.count;
  for (size_t i = 0; i < check->reference.count; i++)
    check->result->undecided[precision] += check->reference.variables[i].undecided;
}

static void check_rule(Check *check, const CheckChoice *only) {
  Engine interpreter;
  if (!engine_open(&interpreter, check->rule, check->generated, (BlurOptions){.engine = BLUR_ENGINE_INTERPRET},
                   check->report)) {
    check->result->verdict = CHECK_NO_RULE;
    snprintf(check->result->what, sizeof check->result->what, "it is no program\n%s", report_end(check->report));
    engine_close(&interpreter);
    return;
  }
  check->result->verdict = CHECK_AGREES;
  check->reference = engine_run(&interpreter, check->seed, 0, 1);
  check->result->dull = !record_tells_something(&check->reference);
  for (int p = 0; p < CHECK_PRECISIONS; p++) {
    if (only->precision >= 0 && p != only->precision) continue;
    decide(check, p);
    for (BlurCpu cpu = BLUR_CPU_X86_64; cpu <= BLUR_CPU_AVX512; cpu++) {
      if (check->result->undecided[p] == check->result->variables || check->result->verdict != CHECK_AGREES ||
          !blur_cpu_available(cpu))
        continue;
      if (only->cpu == BLUR_CPU_NATIVE || cpu == only->cpu) check_compiled(check, (CheckChoice){p, cpu, only->threads});
    }
  }
  record_free(&check->reference);
  engine_close(&interpreter);
}

static CheckResult check_here(const GeneratedCase *generated, uint64_t seed, const CheckChoice *only) {
  CheckResult result = {.verdict = CHECK_NO_RULE};
  char path[] = "/tmp/blur-differential-XXXXXX";
  int file = mkstemp(path);
  size_t length = generated->script.length;
  if (file < 0 || write(file, generated->script.bytes, length) != (ssize_t)length) {
    snprintf(result.what, sizeof result.what, "cannot write %s", path);
    return result;
  }
  close(file);
  BlurReport *report = blur_report_create();
  BlurRule *rule = blur_rule_load(path, NULL, 0, BLUR_LOSS_CROSS_ENTROPY, report);
  unlink(path);
  Check check = {rule, generated, seed, report, {0}, &result};
  if (rule) check_rule(&check, only);
  else snprintf(result.what, sizeof result.what, "it is no rule\n%s", report_end(report));
  blur_rule_destroy(rule);
  blur_report_destroy(report);
  return result;
}

CheckResult check_case(const GeneratedCase *generated, uint64_t seed, const CheckChoice *choice, bool silent) {
  CheckResult result = {.verdict = CHECK_FAILS, .failing = *choice};
  int ends[2];
  fflush(stdout);
  pid_t child = pipe(ends) == 0 ? fork() : -1;
  if (child < 0) {
    perror("differential");
    exit(3);
  }
  if (child == 0) {
    setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = PROCESSOR_SECONDS}, NULL);
    alarm(SECONDS);
    if (silent && !freopen("/dev/null", "w", stderr)) _exit(3);
    CheckResult own = check_here(generated, seed, choice);
    _exit(write(ends[1], &own, sizeof own) == sizeof own ? 0 : 3);
  }
  close(ends[1]);
  ssize_t got = read(ends[0], &result, sizeof result);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (got == (ssize_t)sizeof result) return result;
  result = (CheckResult){.verdict = CHECK_FAILS, .failing = *choice};
  snprintf(result.what, sizeof result.what, WIFSIGNALED(status) ? "signal %d ends the process" : "exit code %d",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  return result;
}

void check_warm_up(void) {
  GeneratedCase small = {.layers = 2, .units = {2, 2}, .batch = 2};
  text_add(&small.script, "rule small {\n  neuron h\n  synapse w ~ normal(0, 1)\n  input h <- x\n"
                          "  forward post.h <- sum(pre: w * pre.h)\n  update w <- 0.5*w\n  predict h\n}\n");
  CheckResult result = check_here(&small, 1, &(CheckChoice){-1, BLUR_CPU_NATIVE, 1});
  if (result.verdict != CHECK_AGREES) printf("the smallest rule: %s\n", result.what);
  generated_free(&small);
}
