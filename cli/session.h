// What step, train, predict and bench have in common: a rule, compiled for a network, with memory and threads.
#ifndef BLUR_CLI_SESSION_H
#define BLUR_CLI_SESSION_H

#include "blur/genome.h"
#include "blur/study.h"
#include "cli/command.h"

typedef struct {
  const Arguments *arguments;
  BlurReport *report;
  BlurRule *rule;
  BlurProgram *program;
  BlurPool *pool;
  BlurNetwork *network;
  BlurSaved *saved;      // of --load, or NULL
  BlurGenome *genome;    // of --genome, or NULL
  BlurData *data;        // of --data, or what the saved network was trained on; NULL where the command needs none
  const char *rule_name; // the operand, or what the saved network was trained by, or the genome made for
  BlurSetting *settings; // those of the saved network or the genome, then those of --set
  size_t setting_count;
  BlurOptions options;
  BlurLoss loss;
  uint64_t seed;
} Session;

// Opens the file of --load or of --genome, loads the data, which the seed draws, reads the options (what the command
// line leaves open comes from that file, what it says by the words `in` and `out` from the data), and starts the
// threads. Each function returns EXIT_DONE, or the code to end with after a message; session_close is due either way.
int session_open(Session *session, const Arguments *arguments);
// Loads the rule, compiles it as session->options say, and makes the network, with the values of --genome.
int session_compile(Session *session);
// The network as session_compile made it.
int session_reset(Session *session);
// Puts the saved network's values into this one; genome values of --set stay as set.
int session_restore(Session *session, BlurTraining *training);
void session_close(Session *session);

// Prints a runtime's failure; returns its exit code.
int session_failed(const Session *session, const BlurStatus *status);
double session_clock(void); // seconds, monotonic

// ---- session_genome.c

// Opens the file of --genome, if there is one.
int session_open_genome(Session *session);
// Whether the genome fits the compiled rule; tells what may be a mistake.
int session_check_genome(const Session *session);
// Puts its values into a network of the session's program; genome values of --set stay as set.
bool session_put_genome(const Session *session, BlurNetwork *network, BlurStatus *status);

// ---- metrics.c

// "loss 0.12345  accuracy 98.00 %", or "loss 0.12345  mse 0.12345  R^2 0.9876".
void metrics_tell(const BlurEvaluation *evaluation);
// "loss": 0.12345, "test_accuracy": 0.98, or "test_mse" and "test_r2"; `prefix` is "test_" here.
void metrics_tell_json(const BlurEvaluation *evaluation, const char *prefix);
// A number as it is told: C's libraries print some NaN as -nan.
double metrics_told(double number);
// The accuracy is higher, or equal and the loss lower; in regression the squared error is lower.
bool metrics_are_better(const BlurEvaluation *evaluation, const BlurEvaluation *than);

// " 12.34 ± 0.56 " times `scale`, in 17 columns; "-" where n is 0.
void metrics_tell_interval(BlurInterval interval, double scale, int digits);
void metrics_tell_difference(BlurInterval interval, double scale, int digits); // the same with its sign

// ---- interrupts

// Ctrl-C, SIGTERM and a closed terminal call `interrupt` once (from a signal handler); a second one ends the process.
// What was set before comes back with a second call, with NULL.
void command_interrupts(void (*interrupt)(void *object), void *object);
// Until a call with NULL the same signals print `last_words` and end the process at once, with EXIT_INTERRUPTED: for
// the time in which there is nothing to keep yet.
void command_interrupts_end(const char *last_words);

#endif
