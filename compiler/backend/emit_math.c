#include "compiler/backend/emit.h"
LLVMValueRef emit_math(Builder *b, IrOperation operation, LLVMValueRef x, LLVMValueRef y) {
  (void)b;
  (void)operation;
  (void)y;
  return x;
}
