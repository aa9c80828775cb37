// Checks the places of a schedule: no buffer is written where another one lies that is still needed. Liveness is found
// anew here, kernel by kernel, with an edge back at the end of each repeat; the scheduler has its own. Before:
// schedule_verify.c.
#include "compiler/passes/schedule_verify.h"

#include <string.h>

// ---- liveness: kernels in a row, and between them the starts and ends of repeats, where renames happen

typedef enum { STEP_KERNEL, STEP_START, STEP_END } StepKind;

typedef struct {
  StepKind kind;
  size_t index;                     // of the kernel or the repeat
  size_t back;                      // END: the step at which the next iteration begins
  bool *needs, *makes, *live_after; // [buffer]
} Step;

typedef ARENA_LIST(Step) StepList;

typedef struct {
  ScheduleVerifier *verifier;
  StepList steps;
  size_t *step_of; // [kernel]
} Lives;

static size_t add_step(Lives *lives, StepKind kind, size_t index, size_t back) {
  Arena *arena = lives->verifier->program->arena;
  size_t buffers = lives->verifier->program->buffers.count;
  Step step = {kind,
               index,
               back,
               ARENA_ARRAY(arena, bool, buffers),
               ARENA_ARRAY(arena, bool, buffers),
               ARENA_ARRAY(arena, bool, buffers)};
  const Schedule *schedule = lives->verifier->schedule;
  for (size_t i = 0; i < schedule->rename_count && kind != STEP_KERNEL; i++) {
    const ScheduleRename *rename = &schedule->renames[i];
    if (rename->loop != index || rename->at_end != (kind == STEP_END)) continue;
    step.makes[rename->to] = true;
  }
  ARENA_PUSH(arena, &lives->steps, step);
  return lives->steps.count - 1;
}

static void make_steps(Lives *lives) {
  const Schedule *schedule = lives->verifier->schedule;
  Arena *arena = lives->verifier->program->arena;
  size_t *started = ARENA_ARRAY(arena, size_t, schedule->loop_count + 1);
  lives->step_of = ARENA_ARRAY(arena, size_t, schedule->kernel_count + 1);
  for (size_t k = 0; k < schedule->kernel_count; k++) {
    for (size_t l = 0; l < schedule->loop_count; l++)
      if (schedule->loops[l].first_kernel == k) started[l] = add_step(lives, STEP_START, l, 0);
    lives->step_of[k] = add_step(lives, STEP_KERNEL, k, 0);
    for (size_t l = schedule->loop_count; l-- > 0;)
      if (schedule->loops[l].kernel_end == k + 1) add_step(lives, STEP_END, l, started[l] + 1);
  }
}

static void note_read(ScheduleVerifier *verifier, const IrValueInfo *read, const VerifyPlace *place, void *context) {
  Lives *lives = context;
  const VerifyLife *life = &verifier->life[read->buffer];
  for (int m = 0; m < life->makers; m++)
    if (life->maker[m].kernel == place->kernel && verify_precedes(&life->maker[m], place)) return;
  lives->steps.items[lives->step_of[place->kernel]].needs[read->buffer] = true;
}

// A rename needs what it renames if anything needs that afterwards.
static void find_renamed(const Lives *lives, Step *step) {
  const Schedule *schedule = lives->verifier->schedule;
  for (size_t i = 0; i < schedule->rename_count && step->kind != STEP_KERNEL; i++) {
    const ScheduleRename *rename = &schedule->renames[i];
    if (rename->loop == step->index && rename->at_end == (step->kind == STEP_END) && step->live_after[rename->to])
      step->needs[rename->from] = true;
  }
}

// A tape holds other rounds when one is assigned: it is in use from the start of its repeat on.
static void keep_tapes(const Lives *lives) {
  const ScheduleVerifier *verifier = lives->verifier;
  for (size_t b = 0; b < verifier->program->buffers.count; b++) {
    if (!buffer_info(verifier, (IrBuffer)b)->rounds || !verifier->life[b].makers) continue;
    size_t made = lives->step_of[verifier->life[b].maker[0].kernel], start = made, inside = 0;
    while (start > 0 && (inside || lives->steps.items[start].kind != STEP_START)) {
      if (lives->steps.items[start].kind == STEP_START) inside--;
      if (lives->steps.items[--start].kind == STEP_END) inside++;
    }
    lives->steps.items[made].makes[b] = false;
    lives->steps.items[start].makes[b] = true;
  }
}

static bool live_before(const Step *step, size_t buffer) {
  return step->needs[buffer] || (step->live_after[buffer] && !step->makes[buffer]);
}

static void find_lives(Lives *lives) {
  ScheduleVerifier *verifier = lives->verifier;
  size_t buffers = verifier->program->buffers.count, count = lives->steps.count;
  make_steps(lives);
  count = lives->steps.count;
  for (size_t b = 0; b < buffers; b++)
    for (int m = 0; m < verifier->life[b].makers; m++)
      lives->steps.items[lives->step_of[verifier->life[b].maker[m].kernel]].makes[b] = true;
  keep_tapes(lives);
  verify_visit_reads(verifier, note_read, lives);
  for (bool grown = true; grown && count;) {
    grown = false;
    for (size_t s = count; s-- > 0;) {
      Step *step = &lives->steps.items[s];
      for (size_t b = 0; b < buffers; b++) {
        bool after = s + 1 < count ? live_before(step + 1, b) : verifier->program->buffers.items[b].live_out;
        if (step->kind == STEP_END) after |= live_before(&lives->steps.items[step->back], b);
        if (after && !step->live_after[b]) step->live_after[b] = grown = true;
      }
      find_renamed(lives, step);
    }
    grown &= verifier->schedule->loop_count > 0;
  }
  for (size_t b = 0; b < buffers; b++) {
    const IrBufferInfo *info = buffer_info(verifier, (IrBuffer)b);
    bool counts = verifier->schedule->plans[b].place == PLACE_COUNTER;
    bool needed = count ? live_before(&lives->steps.items[0], b) : info->live_out;
    if (needed && !info->live_in && !counts) FAIL(verifier, "nothing assigns %s before it is needed", info->name);
  }
}

// ---- sizes

static int64_t dimension_extent(const ScheduleVerifier *verifier, IrBuffer buffer, int d) {
  const BufferPlan *plan = &verifier->schedule->plans[buffer];
  if (plan->blocked_dimension != d) return buffer_info(verifier, buffer)->extent[d];
  const Kernel *kernel = &verifier->schedule->kernels[verifier->life[buffer].maker[0].kernel];
  return kernel->block_size < kernel->extent ? kernel->block_size : kernel->extent;
}

// Bytes from the plan's offset to behind the last element.
static int64_t span_of(ScheduleVerifier *verifier, IrBuffer buffer) {
  const IrBufferInfo *info = buffer_info(verifier, buffer);
  const BufferPlan *plan = &verifier->schedule->plans[buffer];
  int64_t last = 0;
  for (int d = 0; d < info->dimensions; d++) {
    int64_t extent = dimension_extent(verifier, buffer, d);
    last += (extent - 1) * plan->stride[d];
    for (int e = 0; e < info->dimensions; e++) // the smaller stride must not run into the larger
      if (plan->stride[e] < plan->stride[d] &&
          dimension_extent(verifier, buffer, e) * plan->stride[e] > plan->stride[d])
        FAIL(verifier, "the strides of %s overlap", info->name);
  }
  int64_t bytes = (last + 1) * verifier->schedule->element_bytes, apart = plan->round_bytes;
  if (info->rounds && apart < bytes) FAIL(verifier, "the rounds of %s overlap", info->name);
  return info->rounds ? (info->rounds - 1) * apart + bytes : bytes;
}

static bool overlap(ScheduleVerifier *verifier, IrBuffer x, IrBuffer y) {
  const BufferPlan *plan = verifier->schedule->plans;
  return plan[x].offset < plan[y].offset + span_of(verifier, y) &&
         plan[y].offset < plan[x].offset + span_of(verifier, x);
}

// ---- memory

typedef struct {
  IrBuffer old;
  VerifyMaker next;
  bool good;
} Update;

static void check_update(ScheduleVerifier *verifier, const IrValueInfo *read, const VerifyPlace *place, void *context) {
  Update *update = context;
  if (read->buffer != update->old) return;
  update->good &= verify_before_overwritten(verifier, read, place, &update->next);
}

static const VerifyMaker *maker_in(const ScheduleVerifier *verifier, IrBuffer buffer, size_t kernel) {
  const VerifyLife *life = &verifier->life[buffer];
  for (int m = 0; m < life->makers; m++)
    if (life->maker[m].kernel == kernel) return &life->maker[m];
  return NULL;
}

static bool comes_first(const VerifyMaker *x, const VerifyMaker *y) {
  return x->operation != y->operation ? x->operation < y->operation : x->statement < y->statement;
}

static void fail_shared(ScheduleVerifier *verifier, IrBuffer x, IrBuffer y) {
  FAIL(verifier, "%s and %s share a place while both are needed", buffer_info(verifier, x)->name,
       buffer_info(verifier, y)->name);
}

// At a step that makes `next`, where `old` lies.
static void check_overwritten(Lives *lives, const Step *step, IrBuffer old, IrBuffer next) {
  ScheduleVerifier *verifier = lives->verifier;
  const Schedule *schedule = verifier->schedule;
  if (step->kind != STEP_KERNEL) { // a rename: what it renames may go on being read until it is overwritten
    for (size_t i = 0; i < schedule->rename_count; i++)
      if (schedule->renames[i].from == old && schedule->renames[i].to == next) return;
    if (step->live_after[old]) fail_shared(verifier, old, next);
    return;
  }
  const VerifyMaker *made_old = maker_in(verifier, old, step->index), *made = maker_in(verifier, next, step->index);
  if (made_old && comes_first(made, made_old)) { // the other way round
    if (step->live_after[next]) fail_shared(verifier, old, next);
    return;
  }
  if (step->live_after[old]) {
    fail_shared(verifier, old, next);
    return;
  }
  Update update = {old, *made, true};
  verify_visit_kernel_reads(verifier, step->index, check_update, &update);
  bool used = made_old || step->needs[old];
  if (!update.good || (used && memcmp(&schedule->plans[old], &schedule->plans[next], sizeof(BufferPlan)) != 0))
    FAIL(verifier, "kernel \"%s\" reads %s, which %s has overwritten", schedule->kernels[step->index].name,
         buffer_info(verifier, old)->name, buffer_info(verifier, next)->name);
}

static void check_pair(Lives *lives, IrBuffer x, IrBuffer y) {
  for (size_t s = 0; s < lives->steps.count; s++) {
    const Step *step = &lives->steps.items[s];
    if (step->makes[y]) check_overwritten(lives, step, x, y);
    if (step->makes[x]) check_overwritten(lives, step, y, x);
  }
}

static void check_memory(Lives *lives) {
  ScheduleVerifier *verifier = lives->verifier;
  const Schedule *schedule = verifier->schedule;
  size_t buffers = verifier->program->buffers.count;
  for (size_t b = 0; b < buffers; b++) {
    const BufferPlan *plan = &schedule->plans[b];
    if (plan->place != PLACE_MEMORY && plan->place != PLACE_SCRATCH) continue;
    int64_t end = plan->place == PLACE_MEMORY ? schedule->memory_bytes : schedule->scratch_bytes;
    if (plan->offset < 0 || plan->offset % 64 || plan->offset + span_of(verifier, (IrBuffer)b) > end)
      FAIL(verifier, "%s lies outside of its memory", buffer_info(verifier, (IrBuffer)b)->name);
    for (size_t c = 0; c < b && plan->place == PLACE_MEMORY; c++) {
      if (schedule->plans[c].place != PLACE_MEMORY || !overlap(verifier, (IrBuffer)b, (IrBuffer)c)) continue;
      const IrBufferInfo *infos = verifier->program->buffers.items;
      if (infos[b].live_in && infos[c].live_in) FAIL(verifier, "%s and %s share a place", infos[c].name, infos[b].name);
      check_pair(lives, (IrBuffer)b, (IrBuffer)c);
    }
  }
  for (size_t i = 0; i < schedule->rename_count; i++) {
    const ScheduleRename *rename = &schedule->renames[i];
    if (memcmp(&schedule->plans[rename->from], &schedule->plans[rename->to], sizeof(BufferPlan)) != 0)
      FAIL(verifier, "%s does not lie where %s does", buffer_info(verifier, rename->to)->name,
           buffer_info(verifier, rename->from)->name);
  }
}

// ---- scratch

// What lies in scratch, by kernel; and the last operation of the kernel that uses each.
typedef struct {
  size_t *last; // [buffer]
} ScratchUse;

static void visit_scratch(ScheduleVerifier *verifier, const IrValueInfo *read, const VerifyPlace *place,
                          void *context) {
  ScratchUse *use = context;
  bool here = verifier->life[read->buffer].maker[0].kernel == place->kernel;
  if (here && place->operation > use->last[read->buffer]) use->last[read->buffer] = place->operation;
}

static void check_scratch(ScheduleVerifier *verifier) {
  const Schedule *schedule = verifier->schedule;
  size_t buffers = verifier->program->buffers.count;
  Arena *arena = verifier->program->arena;
  ScratchUse use = {ARENA_ARRAY(arena, size_t, buffers + 1)};
  IrBuffer *first = ARENA_ARRAY(arena, IrBuffer, schedule->kernel_count + 1), // [kernel], then one behind the other
      *next = ARENA_ARRAY(arena, IrBuffer, buffers + 1);
  for (size_t k = 0; k < schedule->kernel_count; k++) first[k] = IR_NONE;
  for (size_t b = 0; b < buffers; b++) use.last[b] = verifier->life[b].maker[0].operation;
  verify_visit_reads(verifier, visit_scratch, &use);
  for (size_t b = 0; b < buffers; b++) {
    const VerifyMaker *made = &verifier->life[b].maker[0];
    if (schedule->plans[b].place != PLACE_SCRATCH) continue;
    for (IrBuffer c = first[made->kernel]; c != IR_NONE; c = next[c])
      if (made->operation <= use.last[c] && verifier->life[c].maker[0].operation <= use.last[b] &&
          overlap(verifier, (IrBuffer)b, c))
        FAIL(verifier, "%s and %s share scratch while both are needed", buffer_info(verifier, (IrBuffer)b)->name,
             buffer_info(verifier, c)->name);
    next[b] = first[made->kernel];
    first[made->kernel] = (IrBuffer)b;
  }
}

void verify_places(ScheduleVerifier *verifier) {
  Lives lives = {.verifier = verifier};
  find_lives(&lives);
  if (!verifier->error) check_memory(&lives);
  if (!verifier->error) check_scratch(verifier);
}
