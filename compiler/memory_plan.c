// See memory_plan.h. A plan in the cache is text: the key of its code, the sizes and costs, then a line a place.
#include "compiler/memory_plan.h"

#include "compiler/backend/cache.h"
#include "compiler/backend/cpu.h"

#include "compiler_identity.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void add_place(Arena *arena, MemoryPlan *plan, const char *name, const BufferPlan *from) {
  MemoryPlace place = {.name = name, .offset = from->offset};
  memcpy(place.stride, from->stride, sizeof place.stride);
  ARENA_PUSH(arena, &plan->places, place);
}

// A variable's place is that of the buffer with its name, or of the version that holds its last value.
static void add_places(Arena *arena, MemoryPlan *plan, const Schedule *schedule) {
  const IrProgram *program = schedule->program;
  for (size_t b = 0; b < program->buffers.count; b++) {
    const IrBufferInfo *buffer = &program->buffers.items[b];
    if ((!buffer->live_in && !buffer->live_out) || schedule->plans[b].place != PLACE_MEMORY) continue;
    add_place(arena, plan, buffer->name, &schedule->plans[b]);
    if (buffer->origin != IR_NONE)
      add_place(arena, plan, program->buffers.items[buffer->origin].name, &schedule->plans[b]);
  }
}

static void add_schedule(Arena *arena, MemoryPlan *plan, const Schedule *schedule, double *flops) {
  if (!schedule) return;
  if (schedule->memory_bytes > plan->memory_bytes) plan->memory_bytes = schedule->memory_bytes;
  if (schedule->scratch_bytes > plan->scratch_bytes) plan->scratch_bytes = schedule->scratch_bytes;
  *flops = schedule->flops;
  add_places(arena, plan, schedule);
}

MemoryPlan memory_plan_of(Arena *arena, const DriverSchedules *schedules) {
  MemoryPlan plan = {.step_bytes = schedules->step->bytes};
  add_schedule(arena, &plan, schedules->step, &plan.step_flops);
  add_schedule(arena, &plan, schedules->predict, &plan.predict_flops);
  add_schedule(arena, &plan, schedules->query, &plan.query_flops);
  add_schedule(arena, &plan, schedules->step_adjoint, &plan.adjoint_flops);
  add_schedule(arena, &plan, schedules->query_tangent, &plan.query_tangent_flops);
  add_schedule(arena, &plan, schedules->step_tangent, &plan.tangent_flops);
  return plan;
}

bool memory_plan_place(void *context, const char *name, int64_t *offset, int64_t *stride) {
  const MemoryPlan *plan = context;
  for (size_t i = 0; i < plan->places.count; i++) {
    const MemoryPlace *place = &plan->places.items[i];
    if (strcmp(place->name, name)) continue;
    *offset = place->offset;
    memcpy(stride, place->stride, sizeof place->stride);
    return true;
  }
  return false;
}

// ---- the cache

void memory_plan_key(const DriverPrograms *programs, const BlurOptions *options, char key[MEMORY_PLAN_KEY + 1]) {
  _Static_assert((int)MEMORY_PLAN_KEY == (int)CACHE_KEY, "one length of keys");
  const BackendCpu *cpu = backend_cpu(options->cpu);
  Text text = {0};
  ir_print(programs->step, &text);
  ir_print(programs->predict, &text);
  if (programs->query) {
    ir_print(programs->query, &text);
    ir_print(programs->step_adjoint, &text);
  }
  if (programs->query_tangent) {
    text_add(&text, "tangent\n");
    ir_print(programs->query_tangent, &text);
    ir_print(programs->step_tangent, &text);
  }
  CacheHash hash = cache_hash();
  cache_hash_text(&hash, COMPILER_IDENTITY);
  cache_hash_text(&hash, cpu->name);
  cache_hash_text(&hash, cpu->llvm_features);
  cache_hash_number(&hash, options->precision);
  cache_hash_number(&hash, options->products);
  cache_hash_number(&hash, options->all_live);
  cache_hash_text(&hash, text_get(&text));
  cache_key(&hash, key);
  text_free(&text);
}

void memory_plan_store(const char *key, const MemoryPlan *plan, const BackendCode *code) {
  Text text = {0};
  text_add(&text, "%s %" PRId64 " %" PRId64 " %a %a %a %a %a %a %a\n", backend_key(code), plan->memory_bytes,
           plan->scratch_bytes, plan->step_flops, plan->step_bytes, plan->predict_flops, plan->query_flops,
           plan->adjoint_flops, plan->query_tangent_flops, plan->tangent_flops);
  for (size_t i = 0; i < plan->places.count; i++) {
    const MemoryPlace *place = &plan->places.items[i];
    text_add(&text, "%s %" PRId64, place->name, place->offset);
    for (int d = 0; d < IR_MAX_DIMENSIONS; d++) text_add(&text, " %" PRId64, place->stride[d]);
    text_add(&text, "\n");
  }
  cache_store(key, "plan", text.bytes, text.length);
  text_free(&text);
}

// The words of a plan, one after the other; "" at its end.
static const char *next_word(char **at) {
  char *word = *at + strspn(*at, " \n");
  size_t length = strcspn(word, " \n");
  *at = word + length + (word[length] != 0);
  word[length] = 0;
  return word;
}

static int64_t next_number(char **at) { return strtoll(next_word(at), NULL, 10); }
static double next_real(char **at) { return strtod(next_word(at), NULL); }

BackendCode *memory_plan_load(Arena *arena, const char *key, MemoryPlan *plan) {
  ObjectImage image;
  if (!cache_load(key, "plan", &image)) return NULL;
  char *at = arena_copy(arena, (const char *)image.bytes, image.length);
  object_unmap(&image);
  char code_key[MEMORY_PLAN_KEY + 1] = "";
  const char *word = next_word(&at);
  if (strlen(word) != MEMORY_PLAN_KEY) return NULL;
  memcpy(code_key, word, sizeof code_key);
  *plan = (MemoryPlan){.memory_bytes = next_number(&at)};
  plan->scratch_bytes = next_number(&at);
  plan->step_flops = next_real(&at);
  plan->step_bytes = next_real(&at);
  plan->predict_flops = next_real(&at);
  plan->query_flops = next_real(&at);
  plan->adjoint_flops = next_real(&at);
  plan->query_tangent_flops = next_real(&at);
  plan->tangent_flops = next_real(&at);
  for (word = next_word(&at); *word; word = next_word(&at)) {
    MemoryPlace place = {.name = word, .offset = next_number(&at)};
    for (int d = 0; d < IR_MAX_DIMENSIONS; d++) place.stride[d] = next_number(&at);
    ARENA_PUSH(arena, &plan->places, place);
  }
  return backend_load(code_key);
}
