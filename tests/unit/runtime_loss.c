// The losses against closed forms.
#include "blur/runtime.h"

#include <criterion/criterion.h>
#include <math.h>

static void near(double value, double expected) {
  cr_assert(fabs(value - expected) <= 1e-14 * fmax(1, fabs(expected)), "%.17g, not %.17g", value, expected);
}

Test(loss, cross_entropy) {
  double equal[10] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3}, y[10] = {-1, -1, 1, -1, -1, -1, -1, -1, -1, -1};
  near(blur_loss_value(BLUR_LOSS_CROSS_ENTROPY, 1, 10, equal, y), log(10));
  double h[4] = {0, log(3), 0, log(3)}, z[4] = {1, -1, -1, 1}; // shares 1/4 and 3/4
  near(blur_loss_value(BLUR_LOSS_CROSS_ENTROPY, 2, 2, h, z), (log(4) + log(4.0 / 3)) / 2);
  double large[2] = {2000, -2000}; // no overflow: -log(e^-2000 / (e^2000 + e^-2000)) = 4000
  near(blur_loss_value(BLUR_LOSS_CROSS_ENTROPY, 1, 2, large, z + 2), 4000);
  double bad[2] = {NAN, 1};
  cr_assert(isnan(blur_loss_value(BLUR_LOSS_CROSS_ENTROPY, 1, 2, bad, z)));
}

Test(loss, of_differences_and_margins) {
  double h[4] = {0.5, -2, 3, 0}, y[4] = {1, 1, -1, -1};
  near(blur_loss_value(BLUR_LOSS_SQUARED_ERROR, 2, 2, h, y), (0.25 + 9 + 16 + 1) / 4);
  near(blur_loss_value(BLUR_LOSS_SQUARED_ERROR, 4, 1, h, y), (0.25 + 9 + 16 + 1) / 4);
  near(blur_loss_value(BLUR_LOSS_HINGE, 2, 2, h, y), (0.5 + 3 + 4 + 1) / 4);
  near(blur_loss_value(BLUR_LOSS_LOGISTIC, 2, 2, h, y),
       (log(1 + exp(-0.5)) + log(1 + exp(2)) + log(1 + exp(3)) + log(2)) / 4);
  double far[2] = {-1000, 1000}, up[2] = {1, 1};
  near(blur_loss_value(BLUR_LOSS_LOGISTIC, 1, 2, far, up), 500);
  double bad[1] = {NAN};
  for (BlurLoss loss = BLUR_LOSS_SQUARED_ERROR; loss <= BLUR_LOSS_HINGE; loss++)
    cr_assert(isnan(blur_loss_value(loss, 1, 1, bad, up)));
}

Test(loss, names) {
  static const char *const names[] = {"cross_entropy", "squared_error", "logistic", "hinge"};
  for (int i = 0; i < 4; i++) {
    BlurLoss loss;
    cr_assert(blur_loss_from_name(names[i], &loss));
    cr_assert_str_eq(blur_loss_name(loss), names[i]);
  }
  BlurLoss loss;
  cr_assert_not(blur_loss_from_name("mse", &loss));
}
