// See session.h. Before: the command's arguments; after: the command's own work on the network.
#include "cli/session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// The settings that the rule is loaded with: a name that --set gives again is not taken from the saved network, or from
// the genome.
static int join_settings(Session *session) {
  const Arguments *arguments = session->arguments;
  const BlurSetting *brought = NULL;
  size_t count = 0;
  if (session->saved) {
    brought = blur_saved_info(session->saved)->settings;
    count = blur_saved_info(session->saved)->setting_count;
  } else if (session->genome) {
    brought = blur_genome_info(session->genome)->settings;
    count = blur_genome_info(session->genome)->setting_count;
  }
  session->settings = calloc(arguments->setting_count + count + 1, sizeof *session->settings);
  if (!session->settings) return EXIT_ENVIRONMENT;
  for (size_t i = 0; i < count; i++) {
    bool again = false;
    for (size_t j = 0; j < arguments->setting_count; j++)
      again |= strcmp(arguments->settings[j].name, brought[i].name) == 0;
    if (!again) session->settings[session->setting_count++] = brought[i];
  }
  for (size_t j = 0; j < arguments->setting_count; j++)
    session->settings[session->setting_count++] = arguments->settings[j];
  return EXIT_DONE;
}

// What the command line leaves open comes from the saved network.
static int take_from_saved(Session *session) {
  const Arguments *arguments = session->arguments;
  const BlurSavedInfo *info = blur_saved_info(session->saved);
  if (!session->options.units) {
    int64_t *units = malloc(sizeof *units * (size_t)info->layers);
    if (!units) return EXIT_ENVIRONMENT;
    memcpy(units, info->units, sizeof *units * (size_t)info->layers);
    session->options.units = units;
    session->options.layers = info->layers;
  }
  if (!option_given(arguments, OPTION_batch)) session->options.batch = info->batch;
  if (!option_given(arguments, OPTION_precision)) session->options.precision = info->precision;
  if (!option_given(arguments, OPTION_loss)) session->loss = info->loss;
  if (!option_given(arguments, OPTION_seed)) session->seed = info->seed;
  if (!session->rule_name) session->rule_name = info->rule;
  return EXIT_DONE;
}

// --data; else, for a command that works on data, what the saved network was trained on.
static int open_data(Session *session) {
  const Arguments *arguments = session->arguments;
  const char *name = arguments->value[OPTION_data];
  bool wanted = arguments->command == COMMAND_train ||
                (arguments->command == COMMAND_predict && !option_given(arguments, OPTION_input));
  if (!name && wanted && session->saved) name = blur_saved_info(session->saved)->data;
  if (!name || !*name) return EXIT_DONE;
  BlurStatus status;
  session->data = blur_data_load(name, &status);
  return session->data ? EXIT_DONE : session_failed(session, &status);
}

// The loss that suits data and network, if the command line names none.
static bool choose_loss(Session *session) {
  int64_t outputs = session->options.units ? session->options.units[session->options.layers - 1] : 0;
  if (!session->data || option_given(session->arguments, OPTION_loss))
    return option_loss(session->arguments, outputs, &session->loss);
  session->loss = blur_data_loss(session->data, outputs);
  return true;
}

int session_open(Session *session, const Arguments *arguments) {
  *session = (Session){.arguments = arguments};
  const char *path = arguments->value[OPTION_load];
  int64_t threads, seed;
  BlurStatus status;
  if (!option_integer(arguments, OPTION_threads, 1, 1024, 0, &threads) ||
      !option_integer(arguments, OPTION_seed, 0, INT64_MAX, 0, &seed))
    return EXIT_USAGE;
  if (!arguments->operand_count && !path && !option_given(arguments, OPTION_genome)) {
    complain(arguments, "a rule is needed: a path, path:rule, or std.NAME");
    return EXIT_USAGE;
  }
  session->seed = (uint64_t)seed;
  session->report = blur_report_create();
  int code = session_open_genome(session);
  if (!code && path && !(session->saved = blur_saved_open(path, &status))) code = session_failed(session, &status);
  if (!code) code = open_data(session);
  if (code) return code;
  int64_t in = session->data ? blur_data_inputs(session->data) : 0,
          out = session->data ? blur_data_outputs(session->data) : 0;
  if (!network_options(arguments, path == NULL, in, out, &session->options) || !choose_loss(session)) return EXIT_USAGE;
  if (arguments->operand_count) session->rule_name = arguments->operand[0];
  if (session->saved && (code = take_from_saved(session))) return code;
  if (session->genome && !session->rule_name) session->rule_name = blur_genome_info(session->genome)->rule;
  if (session->data) blur_data_redraw(session->data, session->seed);
  if (join_settings(session) != EXIT_DONE) return EXIT_ENVIRONMENT;
  session->pool = blur_pool_create((int)threads, &status);
  return session->pool ? EXIT_DONE : session_failed(session, &status);
}

// What the rule's name and the settings of the saved network mean today, in the loss of that time; 0: nothing.
static uint64_t hash_today(const Session *session) {
  const BlurSavedInfo *info = blur_saved_info(session->saved);
  if (session->rule && !session->arguments->setting_count && session->loss == info->loss)
    return blur_rule_hash(session->rule);
  BlurReport *report = blur_report_create();
  BlurRule *rule = blur_rule_load(session->rule_name, info->settings, info->setting_count, info->loss, report);
  uint64_t hash = rule ? blur_rule_hash(rule) : 0;
  blur_rule_destroy(rule);
  blur_report_destroy(report);
  return hash;
}

// Going on with another rule may be meant: it is told, not refused.
static void warn_of_other_rule(const Session *session) {
  const BlurSavedInfo *info = blur_saved_info(session->saved);
  if (!info->rule_hash || hash_today(session) == info->rule_hash) return;
  const char *file = session->arguments->value[OPTION_load];
  if (strcmp(session->rule_name, info->rule) == 0)
    complain(session->arguments, "warning: the rule %s has changed since %s was saved", info->rule, file);
  else
    complain(session->arguments, "warning: %s was saved by the rule %s, and %s is another", file, info->rule,
             session->rule_name);
}

// Where settings that nobody typed come from.
static void tell_brought_settings(const Session *session) {
  bool is_saved = session->saved != NULL;
  size_t own = session->setting_count - session->arguments->setting_count;
  if (!own) return;
  const char *file = session->arguments->value[is_saved ? OPTION_load : OPTION_genome];
  fprintf(stderr, "blur: the %s in %s brings ", is_saved ? "network" : "genome", file);
  for (size_t i = 0; i < own; i++)
    fprintf(stderr, "%s--set %s=%s", i ? " " : "", session->settings[i].name, session->settings[i].value);
  fprintf(stderr, ": it was %s the rule %s\n", is_saved ? "saved by" : "made for",
          is_saved ? blur_saved_info(session->saved)->rule : blur_genome_info(session->genome)->rule);
}

int session_compile(Session *session) {
  const Arguments *arguments = session->arguments;
  session->rule =
      blur_rule_load(session->rule_name, session->settings, session->setting_count, session->loss, session->report);
  if (session->rule) session->program = blur_compile(session->rule, &session->options, session->report);
  int code = report_finish(arguments, session->report);
  if (!session->rule && session->saved && session->rule_name == blur_saved_info(session->saved)->rule)
    complain(arguments, "the network in %s was trained by `%s`; where that rule is now, write it before --load",
             arguments->value[OPTION_load], session->rule_name);
  else if (!session->rule && session->genome && session->rule_name == blur_genome_info(session->genome)->rule)
    complain(arguments, "the genome in %s was made for `%s`; where that rule is now, write it before --genome",
             arguments->value[OPTION_genome], session->rule_name);
  else if (!session->rule && (session->saved || session->genome)) tell_brought_settings(session);
  if (session->program && session->saved) warn_of_other_rule(session);
  if (!session->program) return code ? code : EXIT_INPUT;
  code = session_check_genome(session);
  if (code) return code;
  BlurStatus status;
  session->network = blur_network_create(session->program, session->pool, session->seed, &status);
  bool done = session->network && session_put_genome(session, session->network, &status);
  return done ? EXIT_DONE : session_failed(session, &status);
}

int session_reset(Session *session) {
  BlurStatus status;
  bool done = blur_network_reset(session->network, session->seed, &status) &&
              session_put_genome(session, session->network, &status);
  return done ? EXIT_DONE : session_failed(session, &status);
}

int session_restore(Session *session, BlurTraining *training) {
  const Arguments *arguments = session->arguments;
  double **kept = calloc(arguments->setting_count + 1, sizeof *kept);
  if (!kept) return EXIT_ENVIRONMENT;
  for (size_t i = 0; i < arguments->setting_count; i++) {
    const BlurVariable *genome = blur_network_find(session->network, BLUR_GENOME, arguments->settings[i].name, -1);
    if (!genome) continue;
    kept[i] = calloc(blur_variable_count(genome), sizeof **kept);
    if (kept[i]) blur_network_get(session->network, genome, kept[i]);
  }
  BlurStatus status;
  int code = blur_saved_restore(session->saved, session->network, training, &status) ? EXIT_DONE
                                                                                     : session_failed(session, &status);
  for (size_t i = 0; i < arguments->setting_count; i++) {
    if (kept[i] && !code)
      blur_network_set(session->network,
                       blur_network_find(session->network, BLUR_GENOME, arguments->settings[i].name, -1), kept[i]);
    free(kept[i]);
  }
  free(kept);
  return code;
}

void session_close(Session *session) {
  blur_network_destroy(session->network);
  blur_program_destroy(session->program);
  blur_rule_destroy(session->rule);
  blur_pool_destroy(session->pool);
  blur_saved_close(session->saved);
  blur_genome_destroy(session->genome);
  blur_data_destroy(session->data);
  blur_report_destroy(session->report);
  free(session->settings);
  free((void *)(uintptr_t)session->options.units);
  *session = (Session){0};
}

int session_failed(const Session *session, const BlurStatus *status) {
  complain(session->arguments, "%s", status->message);
  return (int)status->code;
}

double session_clock(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void (*volatile interrupt_call)(void *object);
static void *volatile interrupt_object;
static volatile sig_atomic_t interrupted;

// The first asks the work to end well; the second ends the process as if nobody had listened.
static void on_interrupt(int number) {
  static const char told[] = "\nending after this step; once more to end at once, without saving\n";
  if (interrupted) {
    signal(number, SIG_DFL);
    raise(number);
    return;
  }
  interrupted = 1;
  if (isatty(STDERR_FILENO) && write(STDERR_FILENO, told, sizeof told - 1) < 0) interrupted = 1; // nothing to be done
  if (interrupt_call) interrupt_call(interrupt_object);
}

static const char *volatile end_words;

static void on_early_interrupt(int number) {
  (void)number;
  const char *words = end_words;
  ssize_t told = words ? write(STDERR_FILENO, words, strlen(words)) : 0;
  _exit(told < 0 ? EXIT_ENVIRONMENT : EXIT_INTERRUPTED);
}

enum { SIGNALS = 3 };

static void take_signals(void (*handler)(int number), struct sigaction before[SIGNALS]) {
  static const int signals[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
  for (int i = 0; i < SIGNALS; i++) {
    if (!handler) {
      sigaction(signals[i], &before[i], NULL);
      continue;
    }
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(signals[i], &action, &before[i]);
    if (signals[i] == SIGHUP && before[i].sa_handler == SIG_IGN) sigaction(SIGHUP, &before[i], NULL); // nohup
  }
}

void command_interrupts_end(const char *last_words) {
  static struct sigaction before[SIGNALS];
  bool taken = end_words != NULL;
  if (last_words) end_words = last_words;
  if (taken != (last_words != NULL)) take_signals(last_words ? on_early_interrupt : NULL, before);
  end_words = last_words;
}

void command_interrupts(void (*interrupt)(void *object), void *object) {
  static struct sigaction before[SIGNALS];
  sigset_t all, blocked; // what arrives meanwhile is heard by the handler that follows
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &blocked);
  if (interrupt) command_interrupts_end(NULL);
  if (interrupt) {
    interrupt_object = object;
    interrupt_call = interrupt;
    interrupted = 0;
  }
  take_signals(interrupt ? on_interrupt : NULL, before);
  if (!interrupt) interrupt_call = NULL;
  sigprocmask(SIG_SETMASK, &blocked, NULL);
}
