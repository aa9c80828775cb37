// Genomes: what is written is read again to the last bit, what does not fit is told name by name, damaged files with
// their line; what is put into a network decides its steps and initial values.
#include "blur/genome.h"
#include "tests/unit/training.h"

#include "base/philox.h"
#include "tests/unit/directory.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

TestSuite(genome, .init = make_directory, .fini = remove_directory);

static void put_bytes(const char *name, const char *bytes, size_t length) {
  FILE *file = fopen(path_of(name), "wb");
  cr_assert(file && fwrite(bytes, 1, length, file) == length);
  fclose(file);
}

static BlurGenome *read_text(const char *text) {
  BlurStatus status = {0};
  put_bytes("given.genome", text, strlen(text));
  BlurGenome *genome = blur_genome_read(path_of("given.genome"), &status);
  cr_assert(genome, "%s", status.message);
  return genome;
}

// The message without the file's folder.
static const char *told(const BlurStatus *status) {
  size_t length = strlen(directory);
  bool here = strncmp(status->message, directory, length) == 0;
  return status->message + (here ? length + 1 : 0);
}

static void expect_refused(const char *text, size_t length, const char *message) {
  BlurStatus status = {0};
  put_bytes("bad.genome", text, length);
  cr_assert_null(blur_genome_read(path_of("bad.genome"), &status), "%s", message);
  cr_assert_eq(status.code, BLUR_FAILED_INPUT);
  cr_assert_str_eq(told(&status), message);
}

// Every scope, with states and a unit neuron's row.
static Rig open_scoped(const char *k, const int64_t *units) {
  char *path = rule_file(
      "rule scoped {\n const k = 2\n fn act = tanh\n neuron h[k]\n synapse w[k] bias = 0\n"
      " genome f = 1 in (0, 2), tau = 3 frozen\n genome nu[k,k] ~ normal(0, 1)\n genome eta[k] per layer = 0.1\n"
      " genome b[k] per neuron = 0.5\n genome A bias per synapse ~ normal(0, 1)\n input h[0] <- x\n"
      " forward post.h[c] <- act(f * tau * post.b[c] + sum(pre, d: A * w[c] * nu[c,d] * pre.h[d]))\n"
      " update w[c] <- w[c] + eta[c]\n predict h[0]\n}\n");
  Rig rig = rig_open((RigOptions){.rule = path,
                                  .settings = {{"k", k}},
                                  .layers = 3,
                                  .units = units,
                                  .batch = 2,
                                  .engine = BLUR_ENGINE_INTERPRET,
                                  .precision = BLUR_DOUBLE,
                                  .all_live = true});
  unlink(path);
  free(path);
  return rig;
}
static const int64_t small[] = {2, 3, 1};

// ---- files

// Any bits that are a finite number, among them the smallest, the largest and both zeros.
static double any_number(uint64_t number) {
  static const double edges[] = {
      0.0,   -0.0, DBL_MIN, DBL_MAX, -DBL_MAX, 4.9406564584124654e-324, 1.0 / 3, 0.1 + 0.2, 1e22, 123456789012345680,
      -1e-5, 0.98};
  if (number < sizeof edges / sizeof *edges) return edges[number];
  for (uint64_t again = 0;; again++) {
    uint64_t bits = philox_mix(number, again);
    double value;
    memcpy(&value, &bits, sizeof value);
    if (isfinite(value)) return value;
  }
}

Test(genome, what_is_written_is_read_to_the_last_bit) {
  Rig rig = open_scoped("2", small);
  const BlurVariable *variables;
  size_t count = blur_program_variables(rig.program, &variables), genomes = 0;
  double *values[32];
  uint64_t next = 0;
  for (size_t i = 0; i < count; i++) {
    if (variables[i].kind != BLUR_GENOME) continue;
    size_t numbers = blur_variable_count(&variables[i]);
    values[genomes] = malloc(numbers * sizeof(double));
    for (size_t j = 0; j < numbers; j++) values[genomes][j] = any_number(next++);
    genomes++;
  }
  cr_assert_eq(genomes, 4 + 3 + 2); // f, tau, nu, eta; b of three layers of neurons; A of two of synapses
  const BlurSetting settings[] = {{"k", "2"}, {"f", "1.5"}, {"act", "tanh"}};
  BlurStatus status = {0};
  BlurGenome *made =
      blur_genome_create(rig.program, (const double *const *)values, "rules/my own.blur:scoped", settings, 3, &status);
  cr_assert(made, "%s", status.message);
  blur_genome_add_note(made, "experiment figure5, meta-step 12000\nscore 0.91 # of 8");
  cr_assert(blur_genome_write(made, path_of("bits.genome"), &status), "%s", status.message);
  BlurGenome *read = blur_genome_read(path_of("bits.genome"), &status);
  cr_assert(read, "%s", status.message);
  const BlurGenomeInfo *info = blur_genome_info(read);
  cr_assert_str_eq(info->rule, "rules/my own.blur:scoped");
  cr_assert_eq(info->hash, blur_rule_equations_hash(rig.rule));
  cr_assert_eq(info->setting_count, 2); // f is in the genome
  cr_assert_str_eq(info->settings[0].name, "k");
  cr_assert_str_eq(info->settings[1].value, "tanh");
  cr_assert_eq(info->note_count, 2);
  cr_assert_str_eq(info->notes[1], "score 0.91 # of 8");
  cr_assert_eq(info->array_count, genomes);
  for (size_t i = 0, g = 0; i < count; i++) {
    if (variables[i].kind != BLUR_GENOME) continue;
    const BlurGenomeArray *array = blur_genome_find(read, variables[i].name, variables[i].layer);
    cr_assert(array, "%s.%d", variables[i].name, variables[i].layer);
    cr_assert_eq(array, &info->arrays[g]);
    cr_assert_eq(array->scope, variables[i].scope);
    cr_assert_eq(array->states, variables[i].states);
    cr_assert_eq(array->dimensions, variables[i].dimensions);
    cr_assert_arr_eq(array->extent, variables[i].extent, (size_t)array->dimensions * sizeof(int64_t));
    cr_assert_arr_eq(array->values, values[g], blur_variable_count(&variables[i]) * sizeof(double));
    free(values[g++]);
  }
  blur_genome_destroy(made);
  blur_genome_destroy(read);
  rig_close(&rig);
}

// Rows longer than a line, and lists of them.
Test(genome, long_rows_are_read_again) {
  const int64_t units[] = {40, 30, 1};
  Rig rig = open_scoped("2", units);
  BlurStatus status = {0};
  BlurGenome *made = blur_genome_of_network(rig.network, "scoped.blur", NULL, 0, &status);
  cr_assert(made && blur_genome_write(made, path_of("long.genome"), &status), "%s", status.message);
  BlurGenome *read = blur_genome_read(path_of("long.genome"), &status);
  cr_assert(read, "%s", status.message);
  size_t numbers;
  double *A = values_of(&rig, BLUR_GENOME, "A", 0, &numbers);
  cr_assert_eq(numbers, 41 * 30);
  cr_assert_arr_eq(blur_genome_find(read, "A", 0)->values, A, numbers * sizeof(double));
  free(A);
  FILE *file = fopen(path_of("long.genome"), "r");
  char line[1000];
  while (fgets(line, sizeof line, file)) cr_assert_leq(strlen(line), 110, "%s", line);
  fclose(file);
  blur_genome_destroy(made);
  blur_genome_destroy(read);
  rig_close(&rig);
}

#define HEAD "blur genome 1\nrule std.blur\n"

Test(genome, a_file_written_by_hand) {
  BlurGenome *genome = read_text("blur genome 1 # by hand\r\n\r\n# nothing yet\n  rule   std.blur  \r\nset k = 4\n"
                                 "note\nnote a = b\ngenome { f=.5, eta = -1e-3 # the gate\n\n"
                                 " nu [ 2 , 2 ] = [ [1,2] , # above\n # between\n [3 , 4] ]\n"
                                 "set = 1\nr per layer = [1, 2]\n"
                                 "b[1] per neuron, layer 0 = [[5, 6, 7]]\nb[1] per neuron , layer  1=[[8]]\n}\n# end");
  const BlurGenomeInfo *info = blur_genome_info(genome);
  cr_assert_str_eq(info->rule, "std.blur");
  cr_assert_eq(info->hash, 0);
  cr_assert_eq(info->note_count, 1);
  cr_assert_str_eq(info->notes[0], "a = b");
  cr_assert_str_eq(info->settings[0].value, "4");
  cr_assert_eq(info->array_count, 7);
  cr_assert_eq(blur_genome_find(genome, "f", -1)->values[0], 0.5);
  cr_assert_eq(blur_genome_find(genome, "eta", -1)->values[0], -0.001);
  cr_assert_eq(blur_genome_find(genome, "nu", -1)->values[2], 3);
  cr_assert_eq(blur_genome_find(genome, "set", -1)->dimensions, 0);
  cr_assert_eq(blur_genome_find(genome, "r", -1)->scope, BLUR_SCOPE_LAYER);
  const BlurGenomeArray *b = blur_genome_find(genome, "b", 0);
  cr_assert_eq(b->scope, BLUR_SCOPE_NEURON);
  cr_assert_eq(b->states, 1);
  cr_assert_eq(b->extent[1], 3);
  cr_assert_eq(blur_genome_find(genome, "b", 1)->values[0], 8);
  cr_assert_null(blur_genome_find(genome, "b", 2));
  blur_genome_destroy(genome);
}

Test(genome, damaged_files) {
  static const struct {
    const char *text, *message;
  } files[] = {
      {"", "bad.genome is no genome file: its first line is not `blur genome 1`"},
      {"rule blur {", "bad.genome is no genome file: its first line is not `blur genome 1`"},
      {"PK\003\004", "bad.genome is no genome file but a zip, as of a saved network (--load) or of arrays (--in)"},
      {"blur genome 2\n", "bad.genome was written by a newer version of blur (format 2, this one reads 1)"},
      {"blur genome one\n", "bad.genome:1: the first line of a genome file is `blur genome 1`"},
      {"blur genome 1\n", "bad.genome:2: the file ends before `genome {`: it is cut short"},
      {HEAD, "bad.genome:3: the file ends before `genome {`: it is cut short"},
      {HEAD "genome\n", "bad.genome:3: after `genome` stands `{`"},
      {HEAD "genome {\n f = 1\n", "bad.genome:5: the file ends before the `}` of `genome {`: it is cut short"},
      {"blur genome 1\ngenome {}\n",
       "bad.genome:2: the rule is missing: write `rule std.blur`, or its path, before `genome {`"},
      {HEAD "rule std.adam\n", "bad.genome:3: a second `rule`; leave one of them"},
      {HEAD "hash 12\n", "bad.genome:3: `hash` takes 16 hexadecimal digits; the line may be left out"},
      {HEAD "set k\n", "bad.genome:3: `set` takes a name, `=` and a value, as in `set k = 4`"},
      {HEAD "set k = 4\nset k = 4\n", "bad.genome:4: `k` is set twice; leave one of them"},
      {HEAD "f = 1\n", "bad.genome:3: `f = 1` is no line of a genome file: before `genome {` stand `rule`, `hash`, "
                       "`set` and `note`"},
      {HEAD "genome {\n f = 1 2\n}\n", "bad.genome:4: `2` stands behind a value; write one value a line"},
      {HEAD "genome {\n f =\n}\n", "bad.genome:5: a number is missing before `}`"},
      {HEAD "genome {\n f = 1,5x\n}\n", "bad.genome:4: `5x` is no value: write `NAME = NUMBER`, or `}` at the end"},
      {HEAD "genome {\n f = 1.2.3\n}\n", "bad.genome:4: `1.2.3` is no number"},
      {HEAD "genome {\n f = 0x10\n}\n", "bad.genome:4: `0x10` is no number"},
      {HEAD "genome {\n f = nan\n}\n", "bad.genome:4: `nan` is not finite; write a number"},
      {HEAD "genome {\n f = -1e999\n}\n", "bad.genome:4: `-1e999` is too large for a number"},
      {HEAD "genome {\n f\n}\n", "bad.genome:4: `=` and the value of `f` are missing"},
      {HEAD "genome {\n f = 1\n g = 2\n f = 3\n}\n", "bad.genome:6: `f` stands in line 4 before; leave one of them"},
      {HEAD "genome {\n nu[2] = [1, 2, 3]\n}\n", "bad.genome:4: the values of `nu` are 3, and its name says 2"},
      {HEAD "genome {\n nu = [1, 2]\n}\n", "bad.genome:4: the values of `nu` are 2, and its name says a single number"},
      {HEAD "genome {\n nu[2] per layer = [1, 2]\n}\n",
       "bad.genome:4: the values of `nu` are 2, and its name says layers x 2"},
      {HEAD "genome {\n A[2] per synapse, layer 0 = 1\n}\n",
       "bad.genome:4: the values of `A` are a single number, and its name says 2 x pre x post"},
      {HEAD "genome {\n nu[2,2] = [[1, 2],\n [3]]\n}\n",
       "bad.genome:5: a list of 1 beside lists of 2 in `nu`; make them equally long"},
      {HEAD "genome {\n nu[2,2] = [[1, 2], 3]\n}\n",
       "bad.genome:4: the lists of `nu` are not nested alike; put as many brackets around each number"},
      {HEAD "genome {\n nu[2] = [1, 2\n f = 1\n}\n",
       "bad.genome:5: `f = 1` stands in a list of `nu`, where `,` or `]` belongs"},
      {HEAD "genome {\n nu[2] = [1, 2",
       "bad.genome:4: a list of `nu` that is never closed: the file is cut short, or a `]` is missing"},
      {HEAD "genome {\n nu[2] = [1, ]\n}\n", "bad.genome:4: a number is missing before `]`"},
      {HEAD "genome {\n nu[0] = []\n}\n", "bad.genome:4: in brackets behind `nu` stand whole numbers, as in `nu[2,2]`"},
      {HEAD "genome {\n nu[2 = 1\n}\n", "bad.genome:4: the `]` behind `nu` is missing"},
      {HEAD "genome {\n b per net = 1\n}\n", "bad.genome:4: after `per` stands `layer`, `neuron` or `synapse`"},
      {HEAD "genome {\n b per neuron = [1]\n}\n",
       "bad.genome:4: an array for each layer is wanted: `b per neuron, layer 0 = [...]`"},
      {HEAD "genome {\n b per neuron, layer 0 = [1]\n b per neuron, layer 0 = [1]\n}\n",
       "bad.genome:5: `b` stands in line 4 before; leave one of them"},
      {HEAD "genome {\n b per neuron, layer 1 = [1]\n b per neuron, layer 0 = [1]\n}\n",
       "bad.genome:5: the layers of `b` stand one below the other, from the lowest to the highest"},
      {HEAD "genome {\n b per neuron, layer 0 = [1]\n b[1] per neuron, layer 1 = [[1]]\n}\n",
       "bad.genome:5: `b` has other states or another scope than its layer in line 4"},
      {HEAD "genome {\n}\nf = 1\n", "bad.genome:5: `f = 1` stands behind the `}` of `genome {`"},
  };
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    expect_refused(files[i].text, strlen(files[i].text), files[i].message);
  static const char zero[] = HEAD "genome {\n f = 1\n\0 g = 2\n}\n";
  expect_refused(zero, sizeof zero - 1, "bad.genome:5: a NUL byte: the file is damaged; fetch it again");
}

// Bounded in time and memory, whatever stands in the file.
Test(genome, hostile_files, .timeout = 60) {
  enum { MANY = 1000000 };
  static char text[2 * MANY + 200];
  int head = sprintf(text, HEAD "genome {\n f = ");
  memset(text + head, '[', MANY);
  expect_refused(text, (size_t)head + MANY, "bad.genome:4: brackets in more than 8 brackets");
  memset(text + head, '9', MANY);
  expect_refused(text, (size_t)head + MANY, "bad.genome:4: `9999999999999999999999999999999999999999` is no number");
  memset(text + head, 'a', MANY);
  expect_refused(text, (size_t)head + MANY, "bad.genome:4: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` is no number");
  text[head] = '[';
  for (int i = 0; i < MANY; i++) memcpy(text + head + 1 + 2 * i, "1,", 2);
  expect_refused(text, (size_t)head + 1 + 2 * MANY - 1,
                 "bad.genome:4: a list of `f` that is never closed: the file is cut short, or a `]` is missing");
  for (int i = 0; i < MANY / 4; i++) memcpy(text + head - 5 + 4 * i, "f=1\n", 4);
  expect_refused(text, (size_t)head - 5 + MANY, "bad.genome:100004: more than 100000 values");
  BlurStatus status = {0};
  put_bytes("large.genome", HEAD, strlen(HEAD));
  cr_assert_eq(truncate(path_of("large.genome"), (64 << 20) + 1), 0);
  cr_assert_null(blur_genome_read(path_of("large.genome"), &status));
  cr_assert_str_eq(told(&status), "large.genome is too large: 67108865 bytes, at most 67108864 are read");
  cr_assert_null(blur_genome_read(path_of("absent.genome"), &status));
  cr_assert_eq(status.code, BLUR_FAILED_ENVIRONMENT);
}

// ---- rules and networks

#define SCOPED_REST                                                                                                    \
  " nu[2,2] = [[1, 2], [3, 4]]\n eta[2] per layer = [[1, 2], [3, 4]]\n"                                                \
  " b[2] per neuron, layer 0 = [[1, 2], [3, 4]]\n b[2] per neuron, layer 1 = [[1, 2, 3], [4, 5, 6]]\n"                 \
  " b[2] per neuron, layer 2 = [[1], [2]]\n"                                                                           \
  " A per synapse, layer 0 = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]\n A per synapse, layer 1 = [[1], [2], [3], [4]]\n}\n"

Test(genome, put_into_a_network) {
  Rig rig = open_scoped("2", small);
  BlurGenome *genome = read_text(HEAD "genome {\n f = 0.5\n tau = 7\n" SCOPED_REST);
  cr_assert_null(blur_genome_difference(genome, rig.program));
  BlurStatus status = {0};
  const char *const except[] = {"f", "b"};
  cr_assert(blur_genome_put(genome, rig.network, except, 2, &status), "%s", status.message);
  size_t count;
  double *f = values_of(&rig, BLUR_GENOME, "f", -1, &count), *tau = values_of(&rig, BLUR_GENOME, "tau", -1, &count),
         *eta = values_of(&rig, BLUR_GENOME, "eta", -1, &count), *b = values_of(&rig, BLUR_GENOME, "b", 1, &count),
         *A = values_of(&rig, BLUR_GENOME, "A", 0, &count);
  cr_assert_eq(f[0], 1);   // as the rule has it
  cr_assert_eq(tau[0], 7); // frozen
  cr_assert_eq(eta[3], 4);
  cr_assert_eq(b[5], 0.5);
  cr_assert_eq(count, 9);
  cr_assert_eq(A[7], 8); // the unit neuron's row
  double *all[] = {f, tau, eta, b, A};
  for (size_t i = 0; i < 5; i++) free(all[i]);
  blur_genome_destroy(genome);
  rig_close(&rig);
}

// All at once: what is missing, what is too many, other extents, another scope.
Test(genome, what_does_not_fit_is_spelled_out) {
  const int64_t units[] = {4, 3, 1};
  Rig rig = open_scoped("2", units);
  BlurGenome *genome =
      read_text("blur genome 1\nrule std.other\nset k = 4\nset act = relu\ngenome {\n f = 0.5\n p = 1\n"
                " tau[1] = [1]\n eta per neuron, layer 0 = [1]\n q[1] per layer = [[1], [2], [3]]\n"
                " nu[2,3] = [[1, 2, 3], [4, 5, 6]]\n b[2] per neuron, layer 1 = [[1, 2], [3, 4]]\n}\n");
  static const char expected[] =
      "given.genome does not fit this rule and network: it lacks `A per synapse` (5 x 3, 4 x 1); the rule has no `p`, "
      "`q[1] per layer` (3 layers); it has `tau[1]`, `nu[2,3]`, `eta per neuron` (1), `b[2] per neuron` (layer 1: 2) "
      "where the rule has `tau`, `nu[2,2]`, `eta[2] per layer` (2 layers), `b[2] per neuron` (4, 3, 1). It was made by "
      "std.other with k = 4, act = relu";
  char *difference = blur_genome_difference(genome, rig.program);
  cr_assert_str_eq(difference + strlen(directory) + 1, expected);
  BlurStatus status = {0};
  size_t count;
  double *before = values_of(&rig, BLUR_GENOME, "nu", -1, &count);
  cr_assert_not(blur_genome_put(genome, rig.network, NULL, 0, &status));
  cr_assert_eq(status.code, BLUR_FAILED_INPUT);
  cr_assert_str_eq(told(&status), expected);
  double *after = values_of(&rig, BLUR_GENOME, "nu", -1, &count);
  cr_assert_arr_eq(before, after, count * sizeof(double));
  free(before);
  free(after);
  free(difference);
  blur_genome_destroy(genome);
  rig_close(&rig);
}

Test(genome, values_out_of_range_are_named) {
  Rig rig = open_scoped("2", small);
  BlurGenome *genome = read_text(HEAD "genome {\n f = 2.5\n tau = 7\n" SCOPED_REST);
  BlurStatus status = {0};
  cr_assert_not(blur_genome_put(genome, rig.network, NULL, 0, &status));
  cr_assert_str_eq(told(&status), "given.genome: `f` is 2.5, out of the range (0, 2) that the rule declares");
  const char *const except[] = {"f"};
  cr_assert(blur_genome_put(genome, rig.network, except, 1, &status), "%s", status.message);
  blur_genome_destroy(genome);
  // Not finite, which no file can hold: from values.
  double f = 1, tau = 1, nu[4] = {1, 2, NAN, 4}, eta[4] = {INFINITY}, b[3][6] = {{0}}, A[2][9] = {{0}};
  const double *values[] = {&f, &tau, nu, eta, b[0], b[1], b[2], A[0], A[1]};
  genome = blur_genome_create(rig.program, values, "std.x", NULL, 0, &status);
  const BlurVariable *variables;
  size_t at = 0, count = blur_program_variables(rig.program, &variables);
  static const char *const order[] = {"f", "tau", "nu", "eta", "b", "b", "b", "A", "A"};
  for (size_t i = 0; i < count; i++)
    if (variables[i].kind == BLUR_GENOME) cr_assert_str_eq(variables[i].name, order[at++]);
  cr_assert_not(blur_genome_put(genome, rig.network, NULL, 0, &status));
  cr_assert_str_eq(status.message,
                   "the genome: `nu[1,0]` is nan, which is not finite; `eta[0,0]` is inf, which is not finite");
  blur_genome_destroy(genome);
  rig_close(&rig);
}

static Rig open_text(const char *text, const char *setting, const char *value, BlurPrecision precision) {
  char *path = rule_file(text);
  static const int64_t units[] = {3, 2};
  Rig rig = rig_open((RigOptions){
      .rule = path, .settings = {{setting, value}}, .layers = 2, .units = units, .batch = 2, .precision = precision});
  unlink(path);
  free(path);
  return rig;
}

static const char linear[] = "rule linear {\n fn act = tanh\n neuron h\n synapse w ~ normal(0, scale)\n"
                             " genome scale = 1, spare = 7\n input h <- x\n"
                             " forward post.h <- act(sum(pre: w * pre.h))\n"
                             " update w <- w + 0*scale\n predict h\n}\n";

// Initial values follow while no step is made; then the network is left as it learned.
Test(genome, initial_values_follow) {
  Rig rig = open_text(linear, NULL, NULL, BLUR_DOUBLE);
  BlurGenome *genome = read_text(HEAD "genome {\n scale = 4\n spare = 1\n}\n");
  size_t count;
  double *before = values_of(&rig, BLUR_SYNAPSE, "w", 0, &count);
  BlurStatus status = {0};
  cr_assert(blur_genome_put(genome, rig.network, NULL, 0, &status), "%s", status.message);
  double *after = values_of(&rig, BLUR_SYNAPSE, "w", 0, &count);
  for (size_t i = 0; i < count; i++) cr_assert_eq(after[i], 4 * before[i]); // exact: a power of two
  blur_network_set_steps(rig.network, 1);
  double learned[6] = {1, 2, 3, 4, 5, 6};
  blur_network_set(rig.network, blur_network_find(rig.network, BLUR_SYNAPSE, "w", 0), learned);
  cr_assert(blur_genome_put(genome, rig.network, NULL, 0, &status), "%s", status.message);
  double *kept = values_of(&rig, BLUR_SYNAPSE, "w", 0, &count);
  cr_assert_arr_eq(kept, learned, sizeof learned);
  free(before);
  free(after);
  free(kept);
  blur_genome_destroy(genome);
  rig_close(&rig);
}

// A value that no equation reads is not stored in the network, and is in its genome all the same.
Test(genome, of_a_network_with_dead_values) {
  Rig rig = open_text(linear, NULL, NULL, BLUR_FLOAT);
  const BlurVariable *spare = blur_network_find(rig.network, BLUR_GENOME, "spare", -1);
  cr_assert(spare && blur_variable_is_dead(spare));
  double scale = 0.1;
  blur_network_set(rig.network, blur_network_find(rig.network, BLUR_GENOME, "scale", -1), &scale);
  BlurStatus status = {0};
  BlurGenome *genome = blur_genome_of_network(rig.network, "linear.blur", NULL, 0, &status);
  cr_assert(genome, "%s", status.message);
  cr_assert_eq(blur_genome_find(genome, "spare", -1)->values[0], 7);
  cr_assert_eq(blur_genome_find(genome, "scale", -1)->values[0], (double)0.1f);
  blur_genome_destroy(genome);
  genome = read_text(HEAD "genome {\n scale = 1e300\n spare = 1\n}\n");
  cr_assert_not(blur_genome_put(genome, rig.network, NULL, 0, &status));
  cr_assert_str_eq(told(&status), "given.genome: `scale` is 1e+300, too large in float: --precision double");
  blur_genome_destroy(genome);
  cr_assert_null(blur_genome_of_network(rig.network, "two\nlines", NULL, 0, &status));
  cr_assert_eq(status.code, BLUR_FAILED_USAGE);
  rig_close(&rig);
}

// The hash leaves out what the genome begins with, and nothing else; the name counts where the hash differs.
Test(genome, other_equations_are_doubted) {
  Rig rig = open_text(linear, NULL, NULL, BLUR_FLOAT), started = open_text(linear, "scale", "0.5", BLUR_FLOAT),
      changed = open_text(linear, "act", "sigmoid", BLUR_FLOAT);
  cr_assert_eq(blur_program_equations_hash(rig.program), blur_program_equations_hash(started.program));
  cr_assert_neq(blur_program_rule_hash(rig.program), blur_program_rule_hash(started.program));
  cr_assert_neq(blur_program_equations_hash(rig.program), blur_program_equations_hash(changed.program));
  BlurStatus status = {0};
  BlurGenome *genome = blur_genome_of_network(rig.network, "linear.blur", NULL, 0, &status);
  cr_assert_null(blur_genome_doubt(genome, started.program, "linear.blur"));
  cr_assert_null(blur_genome_doubt(genome, started.program, "./linear.blur"));
  char *doubt = blur_genome_doubt(genome, changed.program, "linear.blur");
  cr_assert_str_eq(doubt, "the genome was made for other equations than those of linear.blur as it is here: its text, "
                          "its settings or the loss have changed");
  free(doubt);
  doubt = blur_genome_doubt(genome, changed.program, "other.blur");
  cr_assert_str_eq(doubt, "the genome was made for the rule linear.blur, and other.blur is another");
  free(doubt);
  blur_genome_destroy(genome);
  genome = read_text("blur genome 1\nrule linear.blur\ngenome {\n scale = 1\n spare = 1\n}\n"); // without a hash
  cr_assert_null(blur_genome_doubt(genome, changed.program, "linear.blur"));
  doubt = blur_genome_doubt(genome, changed.program, "other.blur");
  cr_assert_not_null(doubt);
  free(doubt);
  blur_genome_destroy(genome);
  rig_close(&rig);
  rig_close(&started);
  rig_close(&changed);
}
