// Between schedule_verify.c (operations and reads) and schedule_verify_places.c (what shares memory).
#ifndef BLUR_PASSES_SCHEDULE_VERIFY_H
#define BLUR_PASSES_SCHEDULE_VERIFY_H

#include "compiler/ir/order.h"
#include "compiler/passes/schedule_internal.h"

typedef struct {
  size_t kernel, operation, statement;
} VerifyMaker;

// Who assigns a buffer: one statement; what goes round may be assigned before its repeat and in its body.
typedef struct {
  int makers;
  VerifyMaker maker[2];
} VerifyLife;

typedef struct {
  const Schedule *schedule;
  IrProgram *program;
  VerifyLife *life; // [buffer]
  const char *error;
} ScheduleVerifier;

// Where a read stands.
typedef struct {
  size_t kernel, operation, statement; // statement: SIZE_MAX for the operands of a product
  const KernelOperation *in;
  bool reduced; // inside a reduction
} VerifyPlace;

#define FAIL(verifier, ...)                                                                                            \
  do {                                                                                                                 \
    if (!(verifier)->error) (verifier)->error = arena_format((verifier)->program->arena, __VA_ARGS__);                 \
  } while (0)

static inline const IrBufferInfo *buffer_info(const ScheduleVerifier *verifier, IrBuffer buffer) {
  return &verifier->program->buffers.items[buffer];
}
static inline const IrValueInfo *value_info(const ScheduleVerifier *verifier, IrValue value) {
  return &verifier->program->values.items[value];
}

const KernelStatement *verify_maker(const ScheduleVerifier *verifier, const VerifyMaker *maker,
                                    const KernelOperation **operation);
// Of one kernel: whether the maker is done, in its block, where the read stands.
bool verify_precedes(const VerifyMaker *maker, const VerifyPlace *place);
// What one block of the reading operation sees of a buffer made in the same kernel must be made by the same block.
bool verify_within_block(const Kernel *kernel, const KernelOperation *made_in, const IrIndex *made,
                         const KernelOperation *read_in, const IrIndex *read, int dimensions);
// A read is harmless if it is done before its element is overwritten by `next`, in the same kernel, in every block.
bool verify_before_overwritten(const ScheduleVerifier *verifier, const IrValueInfo *read, const VerifyPlace *place,
                               const VerifyMaker *next);
typedef void VerifyVisit(ScheduleVerifier *verifier, const IrValueInfo *read, const VerifyPlace *place, void *context);
void verify_visit_kernel_reads(ScheduleVerifier *verifier, size_t k, VerifyVisit *visit, void *context);
void verify_visit_reads(ScheduleVerifier *verifier, VerifyVisit *visit, void *context);

void verify_places(ScheduleVerifier *verifier);

#endif
