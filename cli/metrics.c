// How an evaluation is told, by all commands alike: loss, then the accuracy, or in regression the mean squared error
// and the share of the targets' variance that is explained.
#include "cli/session.h"

#include <math.h>
#include <stdio.h>

double metrics_told(double number) { return isnan(number) ? fabs(number) : number; }

void metrics_tell(const BlurEvaluation *evaluation) {
  printf("loss %8.5f  ", metrics_told(evaluation->loss));
  if (!isnan(evaluation->accuracy)) printf("accuracy %6.2f %%", 100 * evaluation->accuracy);
  else printf("mse %8.5f  R^2 %7.4f", metrics_told(evaluation->squared_error), metrics_told(evaluation->r2));
}

static void tell_number(const char *separator, const char *prefix, const char *name, double number) {
  if (isfinite(number)) printf("%s\"%s%s\": %.9g", separator, prefix, name, number);
  else printf("%s\"%s%s\": null", separator, prefix, name);
}

void metrics_tell_json(const BlurEvaluation *evaluation, const char *prefix) {
  tell_number("", "", "loss", evaluation->loss);
  if (!isnan(evaluation->accuracy)) {
    tell_number(", ", prefix, "accuracy", evaluation->accuracy);
  } else {
    tell_number(", ", prefix, "mse", evaluation->squared_error);
    tell_number(", ", prefix, "r2", evaluation->r2);
  }
}

bool metrics_are_better(const BlurEvaluation *evaluation, const BlurEvaluation *than) {
  if (isnan(evaluation->accuracy)) return evaluation->squared_error < than->squared_error;
  if (evaluation->accuracy != than->accuracy) return evaluation->accuracy > than->accuracy;
  return evaluation->loss < than->loss;
}

static void tell_interval(BlurInterval interval, double scale, int digits, bool with_sign) {
  if (interval.n == 0) {
    printf("  %-15s", "-");
    return;
  }
  printf(with_sign ? "  %+6.*f" : "  %6.*f", digits, scale * interval.mean);
  if (isnan(interval.half)) printf("         ");
  else printf(" ± %-6.*f", digits, scale * interval.half);
}

void metrics_tell_interval(BlurInterval interval, double scale, int digits) {
  tell_interval(interval, scale, digits, false);
}

void metrics_tell_difference(BlurInterval interval, double scale, int digits) {
  tell_interval(interval, scale, digits, true);
}
