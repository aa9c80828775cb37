// Confidence intervals: Student's bounds against printed tables (M. Abramowitz and I. Stegun, table 26.10, and NIST's
// e-Handbook, 1.3.6.7.2), intervals and paired differences against
// sums done by hand.
#include "runtime/train/study.h"

#include <criterion/criterion.h>
#include <math.h>

Test(interval, bounds_of_students_t) {
  static const struct {
    int64_t freedom;
    double share, bound;
  } table[] = {{1, 0.95, 12.706}, {2, 0.95, 4.303},   {3, 0.95, 3.182},  {4, 0.95, 2.776},  {5, 0.95, 2.571},
               {7, 0.95, 2.365},  {9, 0.95, 2.262},   {10, 0.95, 2.228}, {19, 0.95, 2.093}, {30, 0.95, 2.042},
               {60, 0.95, 2.000}, {100, 0.95, 1.984}, {1, 0.9, 6.314},   {8, 0.99, 3.355},  {120, 0.99, 2.617}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    cr_expect_float_eq(blur_student_bound(table[i].share, table[i].freedom), table[i].bound, 5.1e-4, "%lld: %.6f",
                       (long long)table[i].freedom, blur_student_bound(table[i].share, table[i].freedom));
  cr_expect_float_eq(blur_student_bound(0.95, 9999), 1.9602, 1e-4); // the normal distribution's 1.95996, nearly
  // Closed forms: tan(pi*0.95/2) for one degree, 0.95*sqrt(2/(1-0.95^2)) for two.
  cr_expect_float_eq(blur_student_bound(0.95, 1), tan(acos(0) * 0.95), 1e-9);
  cr_expect_float_eq(blur_student_bound(0.95, 2), 0.95 * sqrt(2 / (1 - 0.95 * 0.95)), 1e-9);
}

Test(interval, means_and_halves) {
  BlurInterval interval = blur_interval(4, (double[]){1, 2, 3, 4});
  cr_expect_eq(interval.n, 4);
  cr_expect_float_eq(interval.mean, 2.5, 1e-15);
  cr_expect_float_eq(interval.half, 3.182446305 * sqrt(5.0 / 3) / 2, 1e-8);
  interval = blur_interval(1, (double[]){7});
  cr_expect_eq(interval.mean, 7);
  cr_expect(isnan(interval.half));
  interval = blur_interval(3, (double[]){0.5, 0.5, 0.5});
  cr_expect_eq(interval.half, 0);
  cr_expect(isnan(blur_interval(0, NULL).mean));
}

// Six seeds of two contenders, evaluated at steps 5 and 10. Seed 2 of the second has diverged at step 8, seed 4 of the
// first never came to step 10.
Test(interval, differences_are_paired) {
  enum { SEEDS = 6, POINTS = 2 };
  static const double one[SEEDS] = {0.5, 0.9, 0.8, 0.7, 0, 0.6}, two[SEEDS] = {0.4, 0.6, 0, 0.5, 0.3, 0.2};
  BlurStudyPoint points[2][SEEDS][POINTS];
  StudyResult results[2][SEEDS];
  for (int c = 0; c < 2; c++)
    for (int s = 0; s < SEEDS; s++) {
      points[c][s][0] = (BlurStudyPoint){.step = 5, .score = c ? 0.1 : 0.1 * (s + 1)};
      points[c][s][1] = (BlurStudyPoint){.step = 10, .score = c ? two[s] : one[s]};
      results[c][s] = (StudyResult){.started = true, .points = POINTS, .point = points[c][s]};
    }
  results[1][2].diverged = true;
  results[1][2].diverged_at = 8;
  results[0][4].points = 1;
  BlurStudy study = {.options = {.seeds = SEEDS, .contenders = 2}, .points = POINTS, .reported = results[0]};
  // 0.1, 0.3, 0.2, 0.4: the mean is 0.25, the squares of what is left 0.0225, 0.0025, 0.0025, 0.0225.
  BlurInterval difference = blur_study_difference(&study, 0, 1, 1), back = blur_study_difference(&study, 1, 0, 1);
  cr_expect_eq(difference.n, 4);
  cr_expect_eq(difference.diverged, 1);
  cr_expect_float_eq(difference.mean, 0.25, 1e-15);
  cr_expect_float_eq(difference.half, 3.182446305 * sqrt(0.05 / 3) / 2, 1e-9);
  cr_expect_float_eq(back.mean, -0.25, 1e-15);
  cr_expect_eq(back.half, difference.half);
  // Before: 0, 0.1, ..., 0.5, of all six seeds.
  difference = blur_study_difference(&study, 0, 1, 0);
  cr_expect_eq(difference.n, 6);
  cr_expect_eq(difference.diverged, 0);
  cr_expect_float_eq(difference.mean, 0.25, 1e-15);
  cr_expect_float_eq(difference.half, 2.570581836 * sqrt(0.175 / 5) / sqrt(6), 1e-9);
}
