// blur, checkpoints: the whole state of a long run on disk, so that it goes on to the same bits.
//
// A checkpoint holds facts, which say what run it is of, and arrays of numbers under names "SECTION.NAME", a section
// for each part of the run that has a state (docs/language/checkpoints.md). A folder keeps the last few of each run.
//
//   BlurCheckpoint *checkpoint = blur_checkpoint_create();
//   blur_checkpoint_fact(checkpoint, BLUR_FACT_BINDING, "seed", "7");
//   blur_meta_put(meta, checkpoint);                                  // its state
//   blur_checkpoint_put(checkpoint, "log.loss", rows, 1, losses);     // more of the caller's
//   blur_checkpoint_keep(checkpoint, "learn.checkpoints", 3, &status);
#ifndef BLUR_CHECKPOINT_H
#define BLUR_CHECKPOINT_H

#include "blur/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BlurCheckpoint BlurCheckpoint;

typedef enum {
  BLUR_FACT_BINDING, // a run goes on only where it is the same
  BLUR_FACT_MADE_BY, // where it is another one the run goes on, perhaps not to the same bits
  BLUR_FACT_NOTE     // for people
} BlurFactKind;

BlurCheckpoint *blur_checkpoint_create(void);
void blur_checkpoint_destroy(BlurCheckpoint *checkpoint);

// Facts and arrays are copied. A name stands once in a checkpoint.
void blur_checkpoint_fact(BlurCheckpoint *checkpoint, BlurFactKind kind, const char *name, const char *value);
const char *blur_checkpoint_fact_of(const BlurCheckpoint *checkpoint, const char *name); // NULL: there is none
void blur_checkpoint_put(BlurCheckpoint *checkpoint, const char *name, size_t rows, size_t columns,
                         const double *values);
// Copies an array out; fails (input) where there is none of that name and size.
bool blur_checkpoint_get(const BlurCheckpoint *checkpoint, const char *name, size_t rows, size_t columns,
                         double *values, BlurStatus *status);
// Rows of an array; 0 where there is none.
size_t blur_checkpoint_rows(const BlurCheckpoint *checkpoint, const char *name);

// Names and values of the facts in which two checkpoints differ, as a sentence that begins with `there`, what to call
// the first one: "x.npz has seed 7, not 8". The caller's to free(); NULL: none differs.
char *blur_checkpoint_difference(const BlurCheckpoint *checkpoint, const BlurCheckpoint *own, BlurFactKind kind,
                                 const char *there);

// Files change whole or not at all; any changed bit is seen. What read returns is the caller's.
bool blur_checkpoint_write(const BlurCheckpoint *checkpoint, const char *path, BlurStatus *status);
BlurCheckpoint *blur_checkpoint_read(const char *path, BlurStatus *status);

// ---- a folder of checkpoints

// Writes FOLDER/RUN-NUMBER.npz and removes those of the same run but for the `most` newest. RUN is a hash of the
// binding facts, NUMBER counts up.
bool blur_checkpoint_keep(const BlurCheckpoint *checkpoint, const char *folder, int most, BlurStatus *status);
// Makes the folder where there is none; false where a checkpoint could not be written into it.
bool blur_checkpoint_can_keep(const BlurCheckpoint *checkpoint, const char *folder, BlurStatus *status);
// The newest sound checkpoint in a folder of the run that `own` has the facts of, and its path (the caller's to
// free()). `damaged` hears of each newer one that is none. NULL, and so the path: there is none, and the message says
// what there is instead.
BlurCheckpoint *blur_checkpoint_newest(const BlurCheckpoint *own, const char *folder, char **path,
                                       void (*damaged)(void *context, const char *message), void *context,
                                       BlurStatus *status);

#ifdef __cplusplus
}
#endif
#endif
