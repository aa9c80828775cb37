// blur, the runtime: runs a compiled program (blur/compiler.h) as a network, on threads, on data, and keeps it on disk.
//
//   BlurPool *pool = blur_pool_create(0, &status);
//   BlurNetwork *network = blur_network_create(program, pool, seed, &status);
//   BlurData *data = blur_data_load("fashion_mnist", &status);
//   BlurTraining *training = blur_training_create(network, data, BLUR_LOSS_CROSS_ENTROPY, seed, &status);
//   blur_training_run(training, 469, &status) && blur_training_evaluate(training, BLUR_TEST, &evaluation, &status);
//
// Functions that can fail return false or NULL and fill *status (blur/status.h; NULL is allowed); they leave it alone
// when they succeed. An object may be used by one thread at a time. Whatever a create, load or open function returns is
// the caller's, to be given to the destroy function of its type, which takes NULL; what an object is made from must
// outlive it. Shape letters: B samples of a batch, I inputs, O outputs.
#ifndef BLUR_RUNTIME_H
#define BLUR_RUNTIME_H

#include "blur/compiler.h"
#include "blur/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- threads

typedef struct BlurPool BlurPool;
typedef void BlurTask(void *context, int64_t thread, int64_t threads);

// `threads` of 0: as many as this process may use CPUs. The caller is thread 0; the others spin for a moment and then
// sleep while there is nothing to do, and take no signals. Fails (environment) if the system gives no more threads.
BlurPool *blur_pool_create(int threads, BlurStatus *status);
void blur_pool_destroy(BlurPool *pool);
int blur_pool_threads(const BlurPool *pool);
// Runs the task once on every thread and returns when all are done. Must not be called from within a task.
void blur_pool_run(BlurPool *pool, BlurTask *task, void *context);
// What compiled code calls: a barrier of the pool's threads, and products by OpenBLAS on the calling thread alone.
// Valid as long as the pool.
const BlurServices *blur_pool_services(BlurPool *pool);

// ---- networks

typedef struct BlurNetwork BlurNetwork;

// One network's memory, with genome, synapses and persistent variables at their initial values. Every element is drawn
// from (seed, name, layer, index in the variable's dense order), so it depends neither on precision, layout, threads
// nor on what is dead. `orthogonal`: Q of a normal matrix's QR (Mezzadri 2007), the unit neuron's row 0. The step
// counter is 0.
BlurNetwork *blur_network_create(const BlurProgram *program, BlurPool *pool, uint64_t seed, BlurStatus *status);
void blur_network_destroy(BlurNetwork *network);
const BlurProgram *blur_network_program(const BlurNetwork *network);
// All initial values anew; other neuron variables zero; step counter 0.
bool blur_network_reset(BlurNetwork *network, uint64_t seed, BlurStatus *status);
// Initial values that are made of genome values (`synapse w ~ normal(0, scale)`) are made at reset, from the genome's
// own initial values. After other genome values have been set: once more, from those as they are now; of the same
// draws, and not those of genome values themselves.
bool blur_network_reset_from_genome(BlurNetwork *network, BlurStatus *status);

// The program's variable of that kind, name and layer (-1: one for the network), or NULL. BLUR_X, BLUR_Y and
// BLUR_PREDICTION are found by kind alone. It belongs to the program.
const BlurVariable *blur_network_find(const BlurNetwork *network, BlurKind kind, const char *name, int layer);
size_t blur_variable_count(const BlurVariable *variable); // numbers: the product of its extents
// Whether no state of it (any: some state of it, or a state's row of the unit neuron) is stored, since nothing reads
// it.
bool blur_variable_is_dead(const BlurVariable *variable);
bool blur_variable_has_dead_states(const BlurVariable *variable);

// Whole variables as dense row-major arrays [states...][axes...]: neurons [.., B, unit], synapses [.., pre, post], the
// unit neuron's row last in pre. `values` has blur_variable_count numbers and is the caller's. Dead states are read as
// 0 and not written. A float32 program rounds what is written.
void blur_network_get(const BlurNetwork *network, const BlurVariable *variable, double *values);
void blur_network_set(BlurNetwork *network, const BlurVariable *variable, const double *values);

// The derivative of a loss by a variable, as a dense array like its values, for networks whose program has adjoints
// (BlurOptions.adjoint): 0 where nothing has influence.
void blur_network_get_adjoint(const BlurNetwork *network, const BlurVariable *variable, double *values);
void blur_network_set_adjoint(BlurNetwork *network, const BlurVariable *variable, const double *values);
// Adds to `gradient` [variables of the program] (dense, of each genome value; NULL: not wanted) the derivatives through
// the initial values that blur_network_reset made for `made` (`synapse w ~ normal(0, scale)`), from the adjoint of
// `made` by these values, as blur_unroll_run leaves it. The draws are those of the network's seed; values that were set
// since are the caller's to leave out. Fails only for want of memory.
bool blur_network_add_initial_gradient(const BlurNetwork *network, const BlurVariable *made, double *const *gradient,
                                       BlurStatus *status);

// How variables change, to first order, for networks whose program has tangents (BlurOptions.tangent): dense arrays
// like their values, 0 where nothing reads them.
void blur_network_get_tangent(const BlurNetwork *network, const BlurVariable *variable, double *values);
void blur_network_set_tangent(BlurNetwork *network, const BlurVariable *variable, const double *values);
// Adds to `tangent` (dense, of `made`) how the initial values that blur_network_reset made for `made` change as genome
// values change by `direction` [variables of the program] (dense; NULL: no change). The rest as above.
bool blur_network_add_initial_tangent(const BlurNetwork *network, const BlurVariable *made,
                                      const double *const *direction, double *tangent, BlurStatus *status);

// One step on x and y as they are (blur_network_set), on all threads of the pool; then the counter is one higher.
void blur_network_step(BlurNetwork *network);
// Predictions for x into the variable of kind BLUR_PREDICTION [B, O]; changes no synapse, signal or persistent
// variable.
void blur_network_predict(BlurNetwork *network);
int64_t blur_network_steps(const BlurNetwork *network);
void blur_network_set_steps(BlurNetwork *network, int64_t steps);
// Whether all numbers that live from step to step (synapses, genome, persistent variables) are finite. If not, and
// `where` is not NULL: the first variable that is not.
bool blur_network_is_finite(const BlurNetwork *network, const BlurVariable **where);

// ---- data

typedef struct BlurData BlurData;
typedef enum { BLUR_TRAIN, BLUR_TEST, BLUR_VALIDATION } BlurPart;

// Data by specification: NAME or PATH, then options after a colon, apart by commas (docs/language/commands.md, Data):
//   fashion_mnist:size=14,classes=0..4   /data/kmnist:split=50000/10000   iris.csv:target=species   xor
// * A folder of labelled images in IDX files, plain or gzip (yann.lecun.com/exdb/mnist, "file formats"):
//   train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k- or test- likewise, each also with .gz, with a dot for the
//   first dash of the ending, and after a prefix as E-MNIST has it. Numbers are byte / 255.
// * A file: .npz with x, y and, for the test, test_x, test_y (or x_train, y_train, x_test, y_test); .npy or CSV, plain
// or
//   gzip, with the target in the last column. Integers and words are classes, others real targets.
// * A generated task (blur_generator).
// NAME is looked for in BLUR_DATA (a list with colons), $XDG_DATA_HOME/blur, /usr/local/share/datasets,
// /usr/share/datasets and where blur is installed (share/blur/data).
// Fails with what is wrong in which file.
BlurData *blur_data_load(const char *specification, BlurStatus *status);
// From arrays: x [samples, inputs] and labels in 0..classes-1, each for training and for test (copied). `test_samples`
// may be 0.
BlurData *blur_data_create(int64_t inputs, int classes, int64_t train_samples, const float *train_x,
                           const uint8_t *train_labels, int64_t test_samples, const float *test_x,
                           const uint8_t *test_labels, BlurStatus *status);
// The same with real targets, y [samples, outputs].
BlurData *blur_data_create_real(int64_t inputs, int64_t outputs, int64_t train_samples, const float *train_x,
                                const float *train_y, int64_t test_samples, const float *test_x, const float *test_y,
                                BlurStatus *status);
// Samples to predict, of one file: all are its test part, there is no training part. A file as of blur_data_load, or
// one of images in the IDX format; targets may be missing: a table without them has `inputs` columns, one with them one
// more (or `target=`). `classes`: of the network, 0 in regression, -1 to leave targets unread; `class_names`: what they
// are called, or NULL: numbers.
BlurData *blur_data_load_inputs(const char *specification, int64_t inputs, int classes, const char *const *class_names,
                                BlurStatus *status);
void blur_data_destroy(BlurData *data);

// Cuts the training part in two: `train` samples stay, `validation` others become BLUR_VALIDATION. Which ones depends
// on the number of samples alone, not on any seed: shuffle number 0 of the seed 0x73706C6974 (blur_data_shuffle) puts
// them in order, the first are for training, the next for validation, further ones are left out. Fails, with nothing
// changed, where there are too few, where there is a validation part already, and after blur_data_draw.
bool blur_data_split(BlurData *data, int64_t train, int64_t validation, BlurStatus *status);
// One of the tasks that the specification describes: what is random about it (permutations, projection, the training
// samples of a generated task, its amplitude and phase) is drawn from `seed`. It shares the samples of `data`, which
// may be destroyed before it. What load and create give is drawn from seed 0. Fails only for want of memory.
BlurData *blur_data_draw(const BlurData *data, uint64_t seed, BlurStatus *status);
// The same in place: draws anew, allocates nothing.
void blur_data_redraw(BlurData *data, uint64_t seed);

const char *blur_data_name(const BlurData *data); // the specification it was loaded by; "" for arrays
int64_t blur_data_inputs(const BlurData *data);
// Of a network for it: one for two classes, as many as there are classes, or as many as there are real targets.
int64_t blur_data_outputs(const BlurData *data);
int blur_data_classes(const BlurData *data); // 0: regression, the targets are real numbers
// What a class is called in the file, or NULL where it has no name but its number.
const char *blur_data_class_name(const BlurData *data, int label);
bool blur_data_has_targets(const BlurData *data); // false only for inputs without
// Whether its training samples are generated without end.
bool blur_data_is_endless(const BlurData *data);
// The loss that suits a network of so many outputs: cross_entropy; squared_error for a single one and in regression.
BlurLoss blur_data_loss(const BlurData *data, int64_t outputs);
int64_t blur_data_samples(const BlurData *data, BlurPart part); // 0: there is no such part; INT64_MAX: without end
int blur_data_label(const BlurData *data, BlurPart part,
                    int64_t sample); // in 0..classes-1; -1 in regression and where it is unknown
void blur_data_row(const BlurData *data, BlurPart part, int64_t sample, double *x); // x [I]
// Its target: +1 for its class, -1 for the others and for spare outputs. One output and two classes: label 1 is +1,
// label 0 is -1. In regression the real target. y [O]
void blur_data_target(const BlurData *data, BlurPart part, int64_t sample, int64_t outputs, double *y);
// The order of the samples in shuffle number `shuffle` of `seed`: a permutation of 0..samples-1 (Fisher-Yates on
// Philox).
void blur_data_shuffle(uint64_t seed, uint64_t shuffle, int64_t samples, uint32_t *order);

// ---- generated tasks (docs/language/tasks.md). Sample i of a part is a function of (seed, task, part, i): the same
// bits for any batch and number of threads. Test and validation, of 10,000 samples each, have a key of their own that
// no seed changes.

typedef struct {
  const char *name;
  int inputs, outputs;
  int classes;            // 0: regression
  double noise;           // default deviation; 0: it has none
  const char *points;     // how x is drawn
  const char *definition; // what is class 1, or the target
} BlurGenerator;
size_t blur_generator_count(void);
const BlurGenerator *blur_generator(size_t number); // 0..count-1

typedef struct {
  double constant; // accuracy of the larger class; in regression the mean squared error of the best constant
  double linear;   // of the best line, or the best linear classifier
} BlurBaseline;
// Of a generated task: fitted on the first 100,000 points of the validation stream, measured on as many of the test
// stream. The best line is that of 41 directions, at the best of 8,192 thresholds, around the best of 180 on the first
// 20,000 points; for more than two classes, the nearest mean. Regression takes 5,000 points and least squares. Fails
// for other data (usage) and for want of memory.
bool blur_data_baseline(const BlurData *data, BlurBaseline *baseline, BlurStatus *status);

// ---- losses and accuracy, of predictions h and targets y, both [samples, O]

// Mean over the samples. cross_entropy: -log softmax(h) at y > 0. squared_error: mean over outputs of (h - y)^2.
// logistic: mean over outputs of log(1 + exp(-y h)). hinge: mean over outputs of max(0, 1 - y h).
double blur_loss_value(BlurLoss loss, int64_t samples, int64_t outputs, const double *h, const double *y);
// "cross_entropy", ...; and back: false if there is none of that name.
const char *blur_loss_name(BlurLoss loss);
bool blur_loss_from_name(const char *name, BlurLoss *loss);

// ---- training

typedef struct BlurTraining BlurTraining;

// Batches of the program's size in shuffled order, the next shuffle after the last sample; `seed` names the shuffles.
// Generated samples come in their own order, each once. Fails (input) where inputs or outputs of network and data, or
// loss and data, do not fit.
BlurTraining *blur_training_create(BlurNetwork *network, const BlurData *data, BlurLoss loss, uint64_t seed,
                                   BlurStatus *status);
void blur_training_destroy(BlurTraining *training);
// Runs `steps` steps, fewer if interrupted. Allocates nothing. Fails with BLUR_DIVERGED where a synapse, genome value
// or persistent variable stops being finite: the network then is as after the first such step, which the message names
// (found by running the last steps again from a copy).
bool blur_training_run(BlurTraining *training, int64_t steps, BlurStatus *status);
// Puts the batch that step number `step` (from 0) of a training from the start sees into x and y; the training stands
// where it stood.
void blur_training_show(BlurTraining *training, int64_t step);
// Makes blur_training_run return after the step it is in. May be called from a signal handler or another thread.
void blur_training_interrupt(BlurTraining *training);
bool blur_training_interrupted(const BlurTraining *training);
int64_t blur_training_position(const BlurTraining *training); // samples seen so far
// The same over the samples of the training set; 0 where it has no end.
double blur_training_epoch(const BlurTraining *training);

typedef struct {
  int64_t step;    // steps done before
  double epoch;    // passes over the training data before
  int64_t samples; // that were counted
  double loss;     // mean over them
  double accuracy; // share predicted right: the largest output, or the sign of a single one; NaN in regression
  // Regression (NaN for classes): mean over samples and outputs of (h - y)^2, and 1 - sum (h - y)^2 / sum (y - mean)^2,
  // the mean that of each output over the samples.
  double squared_error, r2;
} BlurEvaluation;

// Predicts a whole part, in batches shuffled by the seed, the last filled up from the front; each sample counts once.
// Training goes on with the same bits as without it. Fails with BLUR_DIVERGED if a prediction is not finite.
bool blur_training_evaluate(BlurTraining *training, BlurPart part, BlurEvaluation *evaluation, BlurStatus *status);

// The same of given predictions and targets, both [samples, O]: `step` and `epoch` are 0. Fails for want of memory.
bool blur_evaluation_of(BlurLoss loss, bool regression, int64_t samples, int64_t outputs, const double *h,
                        const double *y, BlurEvaluation *evaluation, BlurStatus *status);

// ---- derivatives: of the loss of a query after some steps, by everything that the network held before them. Networks
// are of programs with BlurOptions.adjoint.

typedef struct BlurUnroll BlurUnroll;
// Puts the batch (x, y) of step 0 .. steps - 1 of an unroll into the network, or that of a query: the one after n steps
// is number 2 steps - n, the last one number `steps`. The same may be asked for several times and must give the same.
typedef void BlurBatch(void *context, BlurNetwork *network, int64_t step);

typedef struct {
  int64_t snapshots;  // states that are kept
  double steps;       // that a run makes forward, those made again included; each of the unroll's is reversed once
  size_t bytes;       // in all: networks, scratch memory of their threads, snapshots
  size_t least_bytes; // the same with one snapshot
} BlurUnrollCost;

// `memory`: the most bytes for networks and snapshots, 0: enough for a snapshot a step. States that are not kept are
// computed again, in the order of Griewank and Walther's Revolve; the gradient is the same to the last bit. `query`:
// a network of the same rule and units for query batches of another size, or NULL. Fails (input) if the memory is less
// than the least possible, which the message names.
BlurUnroll *blur_unroll_create(BlurNetwork *network, BlurNetwork *query, int64_t steps, size_t memory,
                               BlurStatus *status);
void blur_unroll_destroy(BlurUnroll *unroll);
BlurUnrollCost blur_unroll_cost(const BlurUnroll *unroll);
// The loss becomes the mean of those of queries after `every`, 2 `every`, ... steps, as far as these are `from` or
// more; `every` 0: of the one after the last step, as it is at first. Fails (usage) where that is none.
bool blur_unroll_set_objective(BlurUnroll *unroll, int64_t every, int64_t from, BlurStatus *status);
// Runs the steps from the network as it is, the query, and all in reverse. The network then is as it was before, with
// the gradient in its adjoints (blur_network_get_adjoint). Fails with BLUR_DIVERGED where the loss or a derivative is
// not finite. Allocates nothing.
bool blur_unroll_run(BlurUnroll *unroll, BlurBatch *batch, void *context, double *loss, BlurStatus *status);
// The same in forward mode, for programs that have BlurOptions.tangent, too: how the loss changes as the network before
// the steps changes by `direction` [variables of the program] (dense; NULL: no change). One number, at the cost of two
// to three times the steps, in memory that does not grow with them. `direction` NULL: the loss alone. Leaves tangents
// as after the steps, all else as it was.
bool blur_unroll_forward(BlurUnroll *unroll, BlurBatch *batch, void *context, const double *const *direction,
                         double *loss, double *derivative, BlurStatus *status);

// ---- networks on disk: a .npz that NumPy opens: synapse.NAME.LAYER, genome.NAME, neuron.NAME.LAYER and signal.NAME
// (persistent ones), dense as blur_network_get gives them, float32 or float64 as computed, and a member blur.json with
// the rest.

typedef struct BlurSaved BlurSaved;

typedef struct {
  const char *rule;   // as loaded: "std.adam"
  uint64_t rule_hash; // blur_rule_hash of what it then meant; 0: the file does not say
  size_t setting_count;
  const BlurSetting *settings; // that the rule was loaded with
  int layers;                  // entries of units
  const int64_t *units;
  int64_t batch, steps, position;
  uint64_t seed;                  // of the shuffles
  const char *data;               // blur_data_name
  int classes;                    // blur_data_classes; -1: saved without a training
  const char *const *class_names; // [classes], blur_data_class_name; NULL: they have none
  BlurPrecision precision;
  BlurLoss loss;
} BlurSavedInfo;

// Writes the network, and where its training stands; `training` may be NULL. The file changes whole or not at all.
// `rule` and `settings` are kept for BlurSavedInfo: what loads the same rule again.
bool blur_network_save_set(const BlurNetwork *network, const BlurTraining *training, const char *rule,
                           const BlurSetting *settings, size_t setting_count, const char *path, BlurStatus *status);
// The same for a rule without settings.
bool blur_network_save(const BlurNetwork *network, const BlurTraining *training, const char *rule, const char *path,
                       BlurStatus *status);
// Reads and checks a file. A damaged one, or one of a newer format, fails.
BlurSaved *blur_saved_open(const char *path, BlurStatus *status);
void blur_saved_close(BlurSaved *saved);
const BlurSavedInfo *blur_saved_info(const BlurSaved *saved); // belongs to `saved`
// Puts the saved values into a network of the same rule and units, and the position into its training (NULL: not
// needed): going on gives the same bits as never having stopped. Fails, with nothing changed, where they do not fit.
bool blur_saved_restore(const BlurSaved *saved, BlurNetwork *network, BlurTraining *training, BlurStatus *status);

#ifdef __cplusplus
}
#endif
#endif
