// What step, train, predict and bench have in common: a rule, compiled for a network, with memory and threads.
#ifndef BLUR_CLI_SESSION_H
#define BLUR_CLI_SESSION_H

#include "blur/runtime.h"
#include "cli/command.h"

typedef struct {
  const Arguments *arguments;
  BlurReport *report;
  BlurRule *rule;
  BlurProgram *program;
  BlurPool *pool;
  BlurNetwork *network;
  BlurSaved *saved;      // of --load, or NULL
  const char *rule_name; // the operand, or what the saved network was trained by
  BlurSetting *settings; // those of the saved network, then those of --set
  size_t setting_count;
  BlurOptions options;
  BlurLoss loss;
  uint64_t seed;
} Session;

// Opens the file of --load, reads the options (what the command line leaves open comes from that file), and starts the
// threads. Each function returns EXIT_DONE, or the code to end with after a message; session_close is due either way.
int session_open(Session *session, const Arguments *arguments);
// Loads the rule, compiles it as session->options say, and makes the network.
int session_compile(Session *session);
// Puts the saved network's values into this one; genome values of --set stay as set.
int session_restore(Session *session, BlurTraining *training);
void session_close(Session *session);

// Prints a runtime's failure; returns its exit code.
int session_failed(const Session *session, const BlurStatus *status);
double session_clock(void); // seconds, monotonic

// Ctrl-C and SIGTERM interrupt this training (NULL: none); what was set before comes back with the second call.
void session_interrupts(BlurTraining *training);

#endif
