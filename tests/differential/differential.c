// JIT against interpreter on generated rules over all constructs, each compiled in double and float for every CPU level
// of this machine (check.c says how they are compared); a failing rule is made smaller and printed as a script.
//   differential [--first N] [--count N] [--jobs N] [--show SEED] [--script FILE --net 4-3-2 --batch 5]
// Default: 200 rules from 1, or 2000 with BLUR_TEST_LONG set; a job for each CPU. All 200 together use every construct.
#include "tests/differential/check.h"
#include "tests/differential/coverage.h"
#include "tests/differential/shrink.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_CANDIDATES = 600, CASES = 200, LONG_CASES = 2000 };

static const CheckChoice everything = {-1, BLUR_CPU_NATIVE, 0};

// ---- failures

typedef struct {
  uint64_t seed;
  CheckChoice only;
} Failing;

static bool still_fails(const GeneratedCase *candidate, void *context) {
  const Failing *failing = context;
  return check_case(candidate, failing->seed, &failing->only, true).verdict == CHECK_FAILS;
}

static void report_failure(uint64_t seed, const CheckResult *result) {
  GeneratedCase generated;
  generate_case(seed, &generated);
  printf("seed %llu: %s\n", (unsigned long long)seed, result->what);
  Failing failing = {seed, result->failing};
  if (result->verdict == CHECK_FAILS) shrink_case(&generated, still_fails, &failing, MOST_CANDIDATES);
  printf("%s  net ", text_get(&generated.script));
  for (int l = 0; l < generated.layers; l++) printf("%s%lld", l ? "-" : "", (long long)generated.units[l]);
  printf(", batch %lld; again: differential --first %llu --count 1\n", (long long)generated.batch,
         (unsigned long long)seed);
  fflush(stdout);
  generated_free(&generated);
}

// ---- cases, dealt to processes one by one

typedef struct {
  _Atomic uint64_t next;
  CheckResult results[];
} Shared;

static void work(Shared *shared, uint64_t first, uint64_t cases) {
  for (uint64_t i; (i = atomic_fetch_add(&shared->next, 1)) < cases;) {
    GeneratedCase generated;
    generate_case(first + i, &generated);
    shared->results[i] = check_case(&generated, first + i, &everything, cases > 1);
    generated_free(&generated);
  }
}

static Shared *check_all(uint64_t first, uint64_t cases, int jobs) {
  size_t bytes = sizeof(Shared) + cases * sizeof(CheckResult);
  Shared *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    perror("differential");
    exit(3);
  }
  for (uint64_t i = 0; i < cases; i++)
    shared->results[i] = (CheckResult){.verdict = CHECK_NO_RULE, .what = "its process ended"};
  check_warm_up();
  fflush(stdout);
  for (int job = 0; job < jobs; job++) {
    pid_t child = fork();
    if (child < 0) perror("differential");
    if (child) continue;
    work(shared, first, cases);
    _exit(0);
  }
  while (wait(NULL) > 0) continue;
  return shared;
}

// ---- constructs

// False if one is missing.
static bool print_coverage(uint64_t first, uint64_t cases) {
  int uses[MOST_CONSTRUCTS] = {0};
  bool complete = true;
  for (uint64_t seed = first; seed < first + cases; seed++) {
    GeneratedCase generated;
    generate_case(seed, &generated);
    for (int c = 0; c < coverage_constructs(); c++) uses[c] += coverage_uses(text_get(&generated.script), c);
    generated_free(&generated);
  }
  for (int c = 0; c < coverage_constructs(); c++) {
    printf("  %-27s%5d%s", coverage_name(c), uses[c], c % 3 == 2 || c + 1 == coverage_constructs() ? "\n" : "");
    complete = complete && uses[c] > 0;
  }
  return complete;
}

static int run(uint64_t first, uint64_t cases, int jobs) {
  Shared *shared = check_all(first, cases, jobs);
  uint64_t variables = 0, undecided[CHECK_PRECISIONS] = {0}, cases_with[CHECK_PRECISIONS] = {0}, dull = 0, failed = 0;
  for (uint64_t i = 0; i < cases; i++) {
    const CheckResult *result = &shared->results[i];
    variables += (uint64_t)result->variables;
    for (int p = 0; p < CHECK_PRECISIONS; p++) {
      undecided[p] += (uint64_t)result->undecided[p];
      cases_with[p] += result->undecided[p] > 0;
    }
    dull += result->dull;
    failed += result->verdict != CHECK_AGREES;
    if (result->verdict != CHECK_AGREES) report_failure(first + i, result);
  }
  bool complete = print_coverage(first, cases) || cases < CASES;
  printf("%llu generated rules, %llu variables; decided by rounding and not compared: %llu in double (in %llu rules), "
         "%llu in float (in %llu); %llu rules not finite, constant or saturated\n",
         (unsigned long long)cases, (unsigned long long)variables, (unsigned long long)undecided[0],
         (unsigned long long)cases_with[0], (unsigned long long)undecided[1], (unsigned long long)cases_with[1],
         (unsigned long long)dull);
  bool enough = undecided[0] * 20 <= variables && undecided[1] * 20 <= variables && dull * 10 <= cases;
  if (!enough) printf("too many say nothing: the generator must make better rules\n");
  if (!complete) printf("a construct is in no rule\n");
  int others = !enough + !complete;
  printf("%llu passed, %llu failed\n", (unsigned long long)(cases - failed),
         (unsigned long long)failed + (unsigned)others);
  return failed || others ? 1 : 0;
}

static int check_script(const char *path, const char *net, int64_t batch, uint64_t seed) {
  GeneratedCase script = {.batch = batch};
  char line[4096];
  FILE *file = fopen(path, "r");
  if (!file) {
    perror(path);
    return 3;
  }
  while (fgets(line, sizeof line, file)) text_add_bytes(&script.script, line, strlen(line));
  fclose(file);
  for (char *end = NULL; script.layers < 6 && net; net = *end == '-' ? end + 1 : NULL)
    script.units[script.layers++] = strtoll(net, &end, 10);
  CheckResult result = check_case(&script, seed, &everything, false);
  printf("%s\n%d variables; decided by rounding: %d in double, %d in float\n",
         result.verdict == CHECK_AGREES ? "agrees" : result.what, result.variables, result.undecided[0],
         result.undecided[1]);
  generated_free(&script);
  return result.verdict != CHECK_AGREES;
}

int main(int count, char **arguments) {
  uint64_t first = 1, cases = getenv("BLUR_TEST_LONG") ? LONG_CASES : CASES;
  int jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
  const char *script = NULL, *net = "3-2";
  int64_t batch = 4;
  for (int i = 1; i + 1 < count; i += 2) {
    uint64_t number = strtoull(arguments[i + 1], NULL, 10);
    if (!strcmp(arguments[i], "--first")) first = number;
    else if (!strcmp(arguments[i], "--count")) cases = number;
    else if (!strcmp(arguments[i], "--jobs")) jobs = (int)number;
    else if (!strcmp(arguments[i], "--script")) script = arguments[i + 1];
    else if (!strcmp(arguments[i], "--net")) net = arguments[i + 1];
    else if (!strcmp(arguments[i], "--batch")) batch = (int64_t)number;
    else if (!strcmp(arguments[i], "--show")) {
      GeneratedCase generated;
      generate_case(number, &generated);
      printf("%s", text_get(&generated.script));
      generated_free(&generated);
      return 0;
    }
  }
  if (script) return check_script(script, net, batch, first);
  // Memory that a compilation frees is used by the next one, not given back: a tenth of all time.
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  return run(first, cases, jobs);
}
