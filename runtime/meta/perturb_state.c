// Networks that live on from meta-step to meta-step (perturb.c), into a checkpoint and back:
// docs/language/checkpoints.md has the arrays. Their values go variable by variable, as any network's do: how they lie
// in memory is the program's.
#include "base/status.h"
#include "runtime/meta/meta.h"
#include "runtime/meta/unroll.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIFE_AT, LIFE_END, LIFE_NUMBER, LIFE };

// The numbers of a network that live on.
static size_t state_numbers(const BlurNetwork *network) {
  size_t count = 0;
  for (size_t i = 0; i < network->variable_count; i++)
    if (network_keeps(&network->variables[i]) && network->variables[i].kind != BLUR_GENOME)
      count += blur_variable_count(&network->variables[i]);
  return count;
}

static void move_state(const Station *station, char *state, double *numbers, bool out) {
  BlurNetwork *network = station->network;
  if (out) unroll_copy(station->unroll, state, false);
  for (size_t i = 0; i < network->variable_count; i++) {
    const BlurVariable *variable = &network->variables[i];
    if (!network_keeps(variable) || variable->kind == BLUR_GENOME) continue;
    if (out) blur_network_get(network, variable, numbers);
    else blur_network_set(network, variable, numbers);
    numbers += blur_variable_count(variable);
  }
  if (!out) unroll_copy(station->unroll, state, true);
}

typedef struct {
  size_t lives, numbers; // of one task; of a network
  double *values;        // [lives, 2, numbers]
  char name[32];
} TaskLives;

static size_t task_of_life(const BlurMeta *meta, size_t life) {
  size_t of_task = (size_t)(meta->options.replicas * meta->options.pairs);
  return life / of_task % meta->setup.tasks;
}

static bool open_task(const BlurMeta *meta, size_t task, TaskLives *lives, BlurStatus *status) {
  lives->lives = meta->lives / meta->setup.tasks;
  lives->numbers = state_numbers(meta->desk[0].station[task].network);
  lives->values = calloc(2 * lives->lives * lives->numbers + 1, sizeof *lives->values);
  snprintf(lives->name, sizeof lives->name, "lives.state.%zu", task);
  return lives->values || status_fail_memory(status, "a checkpoint", 2 * (double)(lives->lives * lives->numbers) * 8);
}

static void move_task(const BlurMeta *meta, size_t task, const TaskLives *lives, bool out) {
  double *at = lives->values;
  for (size_t i = 0; i < meta->lives; i++) {
    if (task_of_life(meta, i) != task) continue;
    for (size_t side = 0; side < 2; side++, at += lives->numbers)
      move_state(&meta->desk[0].station[task], meta->life[i].state + side * meta->life[i].bytes, at, out);
  }
}

bool perturb_put(const BlurMeta *meta, BlurCheckpoint *checkpoint, BlurStatus *status) {
  size_t count = meta->vector.count;
  if (!meta->life) return true;
  double *moved = calloc(meta->lives * (count + LIFE), sizeof *moved), *of = moved + meta->lives * count;
  if (!moved) return status_fail_memory(status, "a checkpoint", (double)(meta->lives * count) * sizeof *moved);
  for (size_t i = 0; i < meta->lives; i++) {
    const Life *life = &meta->life[i];
    for (size_t n = 0; n < count; n++) moved[i * count + n] = life->moved[n];
    of[i * LIFE + LIFE_AT] = (double)life->at;
    of[i * LIFE + LIFE_END] = (double)life->end;
    of[i * LIFE + LIFE_NUMBER] = (double)life->number;
  }
  blur_checkpoint_put(checkpoint, "lives.of", meta->lives, LIFE, of);
  blur_checkpoint_put(checkpoint, "lives.moved", meta->lives, count, moved);
  free(moved);
  for (size_t task = 0; task < meta->setup.tasks; task++) {
    TaskLives lives;
    if (!open_task(meta, task, &lives, status)) return false;
    move_task(meta, task, &lives, true);
    blur_checkpoint_put(checkpoint, lives.name, 2 * lives.lives, lives.numbers, lives.values);
    free(lives.values);
  }
  return true;
}

static bool is_step(double value, double most) { return value >= 0 && value <= most && trunc(value) == value; }

static bool lives_back(BlurMeta *meta, const double *moved, const double *of, BlurStatus *status) {
  size_t count = meta->vector.count;
  double most = (double)meta->unroll;
  for (size_t i = 0; i < meta->lives; i++, of += LIFE) {
    Life *life = &meta->life[i];
    if (!is_step(of[LIFE_END], most) || !is_step(of[LIFE_AT], of[LIFE_END]) || !is_step(of[LIFE_NUMBER], 0x1p39))
      return status_fail(status, BLUR_FAILED_INPUT,
                         "the checkpoint is damaged: `lives.of` holds no state of a network");
    life->at = (int64_t)of[LIFE_AT];
    life->end = (int64_t)of[LIFE_END];
    life->number = (int64_t)of[LIFE_NUMBER];
    for (size_t n = 0; n < count; n++) life->moved[n] = moved[i * count + n];
  }
  return true;
}

bool perturb_take(BlurMeta *meta, const BlurCheckpoint *checkpoint, BlurStatus *status) {
  size_t count = meta->vector.count;
  if (!meta->life) return true;
  double *moved = calloc(meta->lives * (count + LIFE), sizeof *moved), *of = moved + meta->lives * count;
  if (!moved) return status_fail_memory(status, "a checkpoint", (double)(meta->lives * count) * sizeof *moved);
  bool right = blur_checkpoint_get(checkpoint, "lives.moved", meta->lives, count, moved, status) &&
               blur_checkpoint_get(checkpoint, "lives.of", meta->lives, LIFE, of, status) &&
               lives_back(meta, moved, of, status);
  free(moved);
  for (size_t task = 0; right && task < meta->setup.tasks; task++) {
    TaskLives lives;
    if (!open_task(meta, task, &lives, status)) return false;
    right = blur_checkpoint_get(checkpoint, lives.name, 2 * lives.lives, lives.numbers, lives.values, status);
    if (right) move_task(meta, task, &lives, false);
    free(lives.values);
  }
  return right;
}
