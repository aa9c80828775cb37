// Checkpoints of a meta-learning run: a folder with the last few, written every so often and whenever the run ends; and
// going on from one. Beside the state of the run (blur_meta_put) they hold the log.
#include "cli/meta.h"
#include "cli/session.h"

#include "base/status.h"
#include "base/text.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT = 3 };                          // of a run in its folder
enum { CHECK = 3, MEMBER = 5, TESTED = 3 }; // columns of "log.checks", "log.members", "log.tests"
static const double usual_pause = 600;      // seconds

// ---- what a run is, and its state

static void add_facts(const Meta *meta, BlurCheckpoint *checkpoint) {
  blur_meta_describe(meta->meta, checkpoint);
  blur_checkpoint_fact(checkpoint, BLUR_FACT_MADE_BY, "blur", blur_version());
  blur_checkpoint_fact(checkpoint, BLUR_FACT_NOTE, "experiment", meta->fields->name);
  blur_checkpoint_fact(checkpoint, BLUR_FACT_NOTE, "file", meta->fields->path);
  blur_checkpoint_fact(checkpoint, BLUR_FACT_NOTE, "rule", meta->fields->rule[0].rule);
}

static bool put_tests(const Meta *meta, BlurCheckpoint *checkpoint, BlurStatus *status) {
  double *tests = calloc(meta->tested_scores * TESTED + 1, sizeof *tests);
  if (!tests) return status_fail_memory(status, "the log", (double)meta->tested_scores * TESTED * sizeof *tests);
  for (size_t i = 0; i < meta->tested_scores; i++) {
    tests[i * TESTED] = (double)meta->tested_score[i].step;
    tests[i * TESTED + 1] = (double)meta->tested_score[i].place;
    tests[i * TESTED + 2] = meta->tested_score[i].score;
  }
  char *names = meta_test_names(meta);
  blur_checkpoint_put(checkpoint, "log.tests", meta->tested_scores, TESTED, tests);
  blur_checkpoint_fact(checkpoint, BLUR_FACT_NOTE, "tests", names);
  free(names);
  free(tests);
  return true;
}

// Those of a file that has had other tests since are left.
static bool take_tests(Meta *meta, const BlurCheckpoint *checkpoint, BlurStatus *status) {
  size_t count = blur_checkpoint_rows(checkpoint, "log.tests");
  double *tests = calloc(count * TESTED + 1, sizeof *tests);
  char *names = meta_test_names(meta);
  const char *then = blur_checkpoint_fact_of(checkpoint, "tests");
  bool right = tests && blur_checkpoint_get(checkpoint, "log.tests", count, TESTED, tests, status);
  for (size_t i = 0; right && then && strcmp(then, names) == 0 && i < count; i++) {
    MetaTested tested = {(int64_t)tests[i * TESTED], (size_t)tests[i * TESTED + 1], tests[i * TESTED + 2]};
    right =
        meta_log_test(meta, &tested) || status_fail_memory(status, "the log", (double)count * TESTED * sizeof *tests);
  }
  free(names);
  free(tests);
  return right;
}

static bool put_log(const Meta *meta, BlurCheckpoint *checkpoint, BlurStatus *status) {
  size_t population = (size_t)meta->fields->meta.population;
  double *checks = calloc(meta->checks * CHECK + 1, sizeof *checks);
  double *members = calloc(meta->checks * population * MEMBER + 1, sizeof *members), *at = members;
  double seconds = session_clock() - meta->started;
  bool right = checks && members;
  for (size_t c = 0; right && c < meta->checks; c++) {
    checks[c * CHECK] = (double)meta->check[c].step;
    checks[c * CHECK + 1] = (double)meta->check[c].unroll;
    checks[c * CHECK + 2] = meta->check[c].best;
    for (size_t m = 0; m < population; m++) {
      const BlurMetaMember *member = &meta->check[c].member[m];
      *at++ = member->loss;
      *at++ = member->norm;
      *at++ = member->score;
      *at++ = (double)member->skipped;
      *at++ = member->lost;
    }
  }
  if (right) {
    blur_checkpoint_put(checkpoint, "log.checks", meta->checks, CHECK, checks);
    blur_checkpoint_put(checkpoint, "log.members", meta->checks * population, MEMBER, members);
    blur_checkpoint_put(checkpoint, "log.seconds", 1, 1, &seconds);
  }
  free(checks);
  free(members);
  return right || status_fail_memory(status, "the log", (double)(meta->checks * population) * MEMBER * sizeof *members);
}

static bool take_log(Meta *meta, const BlurCheckpoint *checkpoint, BlurStatus *status) {
  size_t population = (size_t)meta->fields->meta.population, count = blur_checkpoint_rows(checkpoint, "log.checks");
  double *checks = calloc(count * CHECK + 1, sizeof *checks);
  double *members = calloc(count * population * MEMBER + 1, sizeof *members), *at = members;
  BlurMetaMember *told = calloc(population, sizeof *told);
  bool right = checks && members && told;
  if (!right) status_fail_memory(status, "the log", (double)(count * population) * MEMBER * sizeof *members);
  right = right && blur_checkpoint_get(checkpoint, "log.checks", count, CHECK, checks, status) &&
          blur_checkpoint_get(checkpoint, "log.members", count * population, MEMBER, members, status) &&
          blur_checkpoint_get(checkpoint, "log.seconds", 1, 1, &meta->seconds_before, status);
  for (size_t c = 0; right && c < count; c++) {
    for (size_t m = 0; m < population; m++, at += MEMBER)
      told[m] = (BlurMetaMember){at[0], at[1], at[2], (int64_t)at[3], at[4] != 0};
    BlurMetaEvent event = {
        .step = (int64_t)checks[c * CHECK], .unroll = (int64_t)checks[c * CHECK + 1], .member = told};
    right = meta_log(meta, &event, checks[c * CHECK + 2]) ||
            status_fail_memory(status, "the log", (double)population * sizeof *told);
  }
  free(checks);
  free(members);
  free(told);
  return right;
}

// ---- writing

static bool keep(Meta *meta, int64_t step, BlurStatus *status) {
  BlurCheckpoint *checkpoint = blur_checkpoint_create();
  char number[24];
  snprintf(number, sizeof number, "%" PRId64, step);
  add_facts(meta, checkpoint);
  blur_checkpoint_fact(checkpoint, BLUR_FACT_NOTE, "meta-step", number);
  blur_checkpoint_fact(checkpoint, BLUR_FACT_NOTE, "record", meta->token);
  record_flush(meta->record, true);
  bool right = blur_meta_put(meta->meta, checkpoint, status) && put_log(meta, checkpoint, status) &&
               put_tests(meta, checkpoint, status) && blur_checkpoint_keep(checkpoint, meta->folder, KEPT, status);
  blur_checkpoint_destroy(checkpoint);
  if (!right) {
    meta->not_kept = true;
    if (meta->kept_step >= 0)
      return status_fail(status, status->code,
                         "%s; ended after meta-step %" PRId64 ", the checkpoint of %" PRId64 " stays", status->message,
                         step, meta->kept_step);
    return status_fail(status, status->code, "%s; ended after meta-step %" PRId64, status->message, step);
  }
  meta->kept_step = step;
  meta->kept_at = session_clock();
  return true;
}

// SIGUSR1: a checkpoint after this meta-step.
static volatile sig_atomic_t signalled;
static void ask(int number) {
  (void)number;
  signalled = 1;
}

static void listen_to_signal(void) {
  struct sigaction action = {.sa_handler = ask, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGUSR1, &action, NULL);
}

bool meta_rest(void *context, int64_t step, bool ends, BlurStatus *status) {
  Meta *meta = context;
  if (!meta->folder || step == meta->kept_step) return true;
  bool due = ends || signalled || (meta->pause_steps > 0 && step > 0 && step % meta->pause_steps == 0) ||
             (meta->pause_seconds > 0 && session_clock() - meta->kept_at >= meta->pause_seconds);
  if (due) signalled = 0;
  return !due || keep(meta, step, status);
}

// ---- going on

static void tell_damaged(void *context, const char *message) {
  const Meta *meta = context;
  complain(meta->arguments, "warning: %s; it is left out", message);
}

static bool is_folder(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

// The checkpoint that --resume names, or the newest one in the folder; NULL with its message.
static BlurCheckpoint *find(Meta *meta, const BlurCheckpoint *own, const char *place, char **path, BlurStatus *status) {
  if (!*place || is_folder(place))
    return blur_checkpoint_newest(own, *place ? place : meta->folder, path, tell_damaged, meta, status);
  BlurCheckpoint *checkpoint = blur_checkpoint_read(place, status);
  char *difference = checkpoint ? blur_checkpoint_difference(checkpoint, own, BLUR_FACT_BINDING, place) : NULL;
  *path = must(strdup(place));
  if (!difference) return checkpoint;
  status_fail(status, BLUR_FAILED_INPUT, "another run was kept there: %s", difference);
  free(difference);
  blur_checkpoint_destroy(checkpoint);
  return NULL;
}

static bool take(Meta *meta, const BlurCheckpoint *checkpoint, const BlurCheckpoint *own, BlurStatus *status) {
  if (!blur_meta_take(meta->meta, checkpoint, status) || !take_log(meta, checkpoint, status) ||
      !take_tests(meta, checkpoint, status))
    return false;
  char *difference = blur_checkpoint_difference(checkpoint, own, BLUR_FACT_MADE_BY, meta->resumed);
  if (difference) complain(meta->arguments, "warning: %s: the run goes on, perhaps not to the same bits", difference);
  free(difference);
  const char *step = blur_checkpoint_fact_of(checkpoint, "meta-step");
  const char *token = blur_checkpoint_fact_of(checkpoint, "record");
  if (token) snprintf(meta->token, sizeof meta->token, "%s", token);
  meta->kept_step = meta->told_step = meta->rated_step = step ? strtoll(step, NULL, 10) : 0;
  return true;
}

static bool resume(Meta *meta, const BlurCheckpoint *own, BlurStatus *status) {
  const char *place = meta->arguments->value[OPTION_resume];
  if (!*place && !meta->folder)
    return status_fail(status, BLUR_FAILED_USAGE,
                       "--resume goes on from a folder, and --checkpoints none leaves none; "
                       "--resume=FILE names a checkpoint");
  BlurCheckpoint *checkpoint = find(meta, own, place, &meta->resumed, status);
  bool right = checkpoint && take(meta, checkpoint, own, status);
  blur_checkpoint_destroy(checkpoint);
  return right;
}

// A run that begins anew where it could have gone on.
static void tell_kept(const Meta *meta, const BlurCheckpoint *own) {
  char *path = NULL;
  BlurStatus status;
  BlurCheckpoint *checkpoint =
      meta->folder ? blur_checkpoint_newest(own, meta->folder, &path, NULL, NULL, &status) : NULL;
  const char *step = checkpoint ? blur_checkpoint_fact_of(checkpoint, "meta-step") : NULL;
  if (step && strtoll(step, NULL, 10) < meta->fields->meta.steps)
    complain(meta->arguments, "begins anew; --resume would go on from %s, of meta-step %s", path, step);
  if (checkpoint) free(path);
  blur_checkpoint_destroy(checkpoint);
}

// ---- options

// The folder of --checkpoints; else that of --resume, or NAME.checkpoints in this folder.
static void choose_folder(Meta *meta) {
  const char *given = meta->arguments->value[OPTION_checkpoints], *place = meta->arguments->value[OPTION_resume];
  if (given && strcmp(given, "none") == 0) return;
  if (!given && place && is_folder(place)) given = place;
  Text folder = {0};
  if (given) text_add(&folder, "%s", given);
  else text_add(&folder, "%s.checkpoints", meta->fields->name);
  meta->folder = folder.bytes;
}

int meta_open_checkpoints(Meta *meta) {
  const Arguments *arguments = meta->arguments;
  BlurStatus status;
  meta->kept_step = -1;
  meta->pause_seconds = usual_pause;
  if (option_given(arguments, OPTION_checkpoint_every) &&
      !option_pause(arguments, OPTION_checkpoint_every, &meta->pause_steps, &meta->pause_seconds))
    return EXIT_USAGE;
  choose_folder(meta);
  listen_to_signal();
  BlurCheckpoint *own = blur_checkpoint_create();
  add_facts(meta, own);
  int code = EXIT_DONE;
  bool asked = option_given(arguments, OPTION_checkpoints) || option_given(arguments, OPTION_resume);
  if (option_given(arguments, OPTION_resume)) {
    if (!resume(meta, own, &status)) code = (int)status.code;
  } else {
    tell_kept(meta, own);
  }
  bool made = !code && meta->folder && !is_folder(meta->folder);
  if (!code && meta->folder && !blur_checkpoint_can_keep(own, meta->folder, &status)) {
    if (asked) code = (int)status.code;
    else
      complain(arguments, "warning: this run keeps no checkpoints: %s; --checkpoints names a folder", status.message);
    free(meta->folder);
    meta->folder = NULL;
  }
  meta->made_folder = made && meta->folder;
  if (code) complain(arguments, "%s", status.message);
  meta->kept_at = session_clock();
  blur_checkpoint_destroy(own);
  return code;
}

void meta_close_checkpoints(Meta *meta) {
  if (meta->made_folder) rmdir(meta->folder); // where nothing has come into it
  free(meta->folder);
  free(meta->resumed);
}
