// The order of snapshots: every stage is reversed once, last to first, with the state before it at hand; the number of
// stages run forward is the binomial one of Griewank and Walther, and no order needs fewer (dynamic programming).
#include "runtime/meta/revolve.h"

#include <criterion/criterion.h>

enum { MOST = 80 };

// Plays the actions on a chain whose state before stage i is the number i; returns how many stages were run forward.
static int64_t play(int64_t stages, int64_t snapshots) {
  int64_t stored[MOST], held[MOST], here = 0, reversed = stages, run = 0;
  Revolve revolve = revolve_begin(stages, snapshots, stored);
  for (RevolveAction action; (action = revolve_next(&revolve)).kind != REVOLVE_DONE;) {
    cr_assert(action.stage >= 0 && action.stage < stages);
    switch (action.kind) {
    case REVOLVE_STORE:
      cr_assert(action.snapshot >= 0 && action.snapshot < snapshots);
      cr_assert_eq(action.stage, here);
      held[action.snapshot] = here;
      break;
    case REVOLVE_RESTORE:
      cr_assert_eq(held[action.snapshot], action.stage);
      here = action.stage;
      break;
    case REVOLVE_ADVANCE:
      cr_assert_gt(action.stage, here);
      run += action.stage - here;
      here = action.stage;
      break;
    default: cr_assert_eq(action.stage, here); cr_assert_eq(action.stage, --reversed);
    }
  }
  cr_assert_eq(reversed, 0, "%d stages, %d snapshots: %d left", (int)stages, (int)snapshots, (int)reversed);
  return run;
}

Test(revolve, known_counts) {
  // C(8, 4) = 70 stages are what 4 snapshots reach with every stage run at most 4 times.
  cr_expect_eq(revolve_advances(70, 4), 224);
  cr_expect_eq(play(70, 4), 224);
  cr_expect_eq(play(70, 1), 70 * 69 / 2); // always from the beginning
  cr_expect_eq(play(70, 69), 69);         // everything kept
  cr_expect_eq(play(40, 79), 39);         // more than there is to keep
  cr_expect_eq(play(1, 1), 0);
  cr_expect_eq(play(2, 1), 1);
}

Test(revolve, fewest_of_all) {
  static int64_t fewest[MOST + 1][7]; // [stages][snapshots]
  for (int64_t snapshots = 1; snapshots <= 6; snapshots++)
    for (int64_t stages = 1; stages <= MOST; stages++) {
      int64_t best = stages * (stages - 1) / 2;
      for (int64_t cut = 1; cut < stages && snapshots > 1; cut++) {
        int64_t cost = cut + fewest[stages - cut][snapshots - 1] + fewest[cut][snapshots];
        if (cost < best) best = cost;
      }
      fewest[stages][snapshots] = best;
      cr_expect_eq(revolve_advances(stages, snapshots), (double)best, "%d stages, %d snapshots", (int)stages,
                   (int)snapshots);
      cr_expect_eq(play(stages, snapshots), best, "%d stages, %d snapshots", (int)stages, (int)snapshots);
    }
}
