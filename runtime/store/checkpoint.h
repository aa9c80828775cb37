// What checkpoint.c and checkpoint_folder.c share. Private to the runtime.
#ifndef BLUR_STORE_CHECKPOINT_H
#define BLUR_STORE_CHECKPOINT_H

#include "blur/checkpoint.h"

#include "base/arena.h"

typedef struct {
  BlurFactKind kind;
  const char *name, *value;
} CheckpointFact;

typedef struct {
  const char *name;
  size_t rows, columns;
  const double *values;
} CheckpointArray;

struct BlurCheckpoint {
  Arena *arena;     // of all that follows
  const char *path; // as it is called in messages
  ARENA_LIST(CheckpointFact) facts;
  ARENA_LIST(CheckpointArray) arrays;
};

// What runs that go on from each other have in common: a hash of the binding facts.
uint64_t checkpoint_run(const BlurCheckpoint *checkpoint);

#endif
