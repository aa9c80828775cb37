// What every subcommand of `blur` sees: its parsed arguments, and the few things they all do. Commands are the lines of
// commands.def, options those of options.def; each command is a function command_NAME in a file of its own.
#ifndef BLUR_CLI_COMMAND_H
#define BLUR_CLI_COMMAND_H

#include "blur/runtime.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Exit codes (docs/language/commands.md).
enum {
  EXIT_DONE = 0,
  EXIT_INPUT = 1,
  EXIT_USAGE = 2,
  EXIT_ENVIRONMENT = 3,
  EXIT_DIVERGED = 4,
  EXIT_INTERRUPTED = 130,
  EXIT_CLOSED_PIPE = 141 // what the shell tells of a command that SIGPIPE ended
};

typedef enum {
#define COMMAND(name, operands, summary, details) COMMAND_##name,
#include "cli/commands.def"
#undef COMMAND
  COMMAND_COUNT
} CommandName;

#define BIT(name) (1u << COMMAND_##name)
#define FOR_NETWORK                                                                                                    \
  (BIT(emit) | BIT(explain) | BIT(step) | BIT(grad) | BIT(curl) | BIT(train) | BIT(predict) | BIT(bench))
#define FOR_RULE   FOR_NETWORK
#define FOR_RUN    (BIT(step) | BIT(grad) | BIT(curl) | BIT(train) | BIT(predict) | BIT(bench))
#define FOR_DATA   (BIT(train) | BIT(predict) | BIT(bench))
#define FOR_RECORD (BIT(train) | BIT(meta) | BIT(runs))
#define FOR_SEED   (BIT(meta) | BIT(step) | BIT(grad) | BIT(curl) | BIT(train) | BIT(bench) | BIT(tasks))

typedef enum {
#define OPTION(id, name, argument, shown, commands, help) OPTION_##id,
#include "cli/options.def"
#undef OPTION
  OPTION_COUNT
} OptionName;

typedef struct {
  CommandName command;
  const char *value[OPTION_COUNT]; // as typed; NULL: not given; a flag: ""
  BlurSetting *settings;           // of --set, in order
  size_t setting_count;
  const char **operand;
  size_t operand_count;
} Arguments;

#define COMMAND(name, operands, summary, details) int command_##name(const Arguments *arguments);
#include "cli/commands.def"
#undef COMMAND

// ---- arguments.c: parsing and help

// Parses what follows the command's name. Returns false after a message on stderr. --help is value[OPTION_help].
bool arguments_parse(Arguments *arguments, CommandName command, int count, char **words);
void arguments_free(Arguments *arguments);
void help_all(void);
void help_command(CommandName command);

// ---- values.c: options with a meaning. Each returns false after a message on stderr (then exit with EXIT_USAGE).

static inline bool option_given(const Arguments *arguments, OptionName option) {
  return arguments->value[option] != NULL;
}
bool option_integer(const Arguments *arguments, OptionName option, int64_t low, int64_t high, int64_t fallback,
                    int64_t *number);
// A number of bytes: 1000, 64K, 512M, 2G (powers of 1024).
bool option_bytes(const Arguments *arguments, OptionName option, size_t fallback, size_t *bytes);
// A number of steps (500: *seconds is 0) or a time (30s, 10m, 2h: *steps is 0), of an option that is given.
bool option_pause(const Arguments *arguments, OptionName option, int64_t *steps, double *seconds);
// One of the option's words (choices.def); its position.
bool option_word(const Arguments *arguments, OptionName option, size_t fallback, size_t *position);
// --loss, or what suits `outputs` (0: unknown).
bool option_loss(const Arguments *arguments, int64_t outputs, BlurLoss *loss);
bool exactly_one_operand(const Arguments *arguments, const char *what);

// ---- network.c

enum { MAX_LAYERS = 1024 };
// --net, --batch, --precision, --cpu, --products, --no-cache, --engine as far as the command has them. --net is
// "784-(256x4)-10", or "784 -> (256x4) -> 10": {784, 256, 256, 256, 256, 10}; its words `in` and `out` stand for these
// numbers, 0 where there are no data. `options->units` is the caller's to free; NULL where --net is absent and not
// `required`. Returns false after a message.
bool network_options(const Arguments *arguments, bool required, int64_t in, int64_t out, BlurOptions *options);

// Units of each layer, with the ends that the data give where they are 0; the caller's to free.
int64_t *network_units(int layers, const int64_t *units, const BlurData *data);
void print_units(int layers, const int64_t *units); // "784-256-10"

// ---- output.c

// A message on stderr: "blur COMMAND: ...".
void complain(const Arguments *arguments, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The report on stderr (as JSON on stdout with --json) and the exit code that it means; 0 if it holds no error.
int report_finish(const Arguments *arguments, BlurReport *report);
// Memory that was asked for, or the end of the command with EXIT_ENVIRONMENT.
void *must(void *memory);
bool path_ends_with(const char *path, const char *ending); // and has more
// Prints a whole text on stdout.
void print_text(const char *text);
// Flushes stdout. If it could not be written: EXIT_CLOSED_PIPE without a word where nobody reads it any longer,
// EXIT_ENVIRONMENT with a message elsewhere (a full disk). Else, and after another failure, `code`.
int finish_output(int code);
// Whether stdout is a pipe whose reader has gone.
bool output_is_abandoned(void);
void print_json_string(const char *text);
// `, "name": number` to the last bit, null where it is not finite.
void print_json_number(const char *name, double number);

#endif
