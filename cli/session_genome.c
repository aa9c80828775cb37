// --genome: the values of a genome file in the network of a session. Precedence: the file, over it --set, over that the
// arrays of --in (step_input.c). See session.h.
#include "cli/session.h"

#include <stdlib.h>

int session_open_genome(Session *session) {
  const Arguments *arguments = session->arguments;
  const char *path = arguments->value[OPTION_genome];
  BlurStatus status;
  if (!path) return EXIT_DONE;
  if (option_given(arguments, OPTION_load)) {
    complain(arguments, "--genome or --load, not both: a saved network brings the genome that it was trained with");
    return EXIT_USAGE;
  }
  session->genome = blur_genome_read(path, &status);
  return session->genome ? EXIT_DONE : session_failed(session, &status);
}

int session_check_genome(const Session *session) {
  if (!session->genome) return EXIT_DONE;
  char *difference = blur_genome_difference(session->genome, session->program);
  char *doubt = difference ? NULL : blur_genome_doubt(session->genome, session->program, session->rule_name);
  if (difference) complain(session->arguments, "%s", difference);
  if (doubt) complain(session->arguments, "warning: %s", doubt);
  int code = difference ? EXIT_INPUT : EXIT_DONE;
  free(difference);
  free(doubt);
  return code;
}

bool session_put_genome(const Session *session, BlurNetwork *network, BlurStatus *status) {
  const Arguments *arguments = session->arguments;
  if (!session->genome) return true;
  const char **set = calloc(arguments->setting_count + 1, sizeof *set);
  if (!set) {
    *status = (BlurStatus){.code = BLUR_FAILED_ENVIRONMENT, .message = "out of memory"};
    return false;
  }
  for (size_t i = 0; i < arguments->setting_count; i++) set[i] = arguments->settings[i].name;
  bool done = blur_genome_put(session->genome, network, set, arguments->setting_count, status);
  free(set);
  return done;
}
