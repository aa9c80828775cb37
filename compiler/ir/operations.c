// The tables of the operations and reductions, and what each operation computes in double precision: the meaning that
// constant folding and the interpreter share and that emitted code must match.
#include "compiler/ir/words.h"

#include <math.h>
#include <string.h>

typedef struct {
  const char *name;
  int arity;
  bool is_truth;
  double cost;
  const char *meaning;
} OperationInfo;

static const OperationInfo operations[OP_COUNT] = {
#define OPERATION(name, printed, operands, truth, cost, meaning)                                                       \
  [OP_##name] = {printed, operands, truth, cost, meaning},
#include "compiler/ir/operations.def"
#undef OPERATION
};

const char *ir_operation_name(IrOperation operation) { return operations[operation].name; }
int ir_operation_arity(IrOperation operation) { return operations[operation].arity; }
bool ir_operation_is_truth(IrOperation operation) { return operations[operation].is_truth; }
double ir_operation_cost(IrOperation operation) { return operations[operation].cost; }

double ir_flops(const IrValueInfo *info) {
  enum { NOISE = 60 }; // ten rounds of two wide products, a logarithm and a cosine
  return info->kind == VALUE_OPERATION ? operations[info->operation].cost : info->kind == VALUE_NOISE ? NOISE : 0;
}

const char *ir_operation_edge(IrOperation operation) {
  static const char word[] = "derivative ";
  const char *edge = strstr(operations[operation].meaning, word);
  return edge ? edge + strlen(word) : NULL;
}

const char *ir_reduction_name(IrReduction reduction) {
  static const char *const names[] = {
      [REDUCE_SUM] = "sum",     [REDUCE_PRODUCT] = "prod",  [REDUCE_MAXIMUM] = "max",
      [REDUCE_MINIMUM] = "min", [REDUCE_ARGMAX] = "argmax",
  };
  return names[reduction];
}

// The first when equal; a nan passes.
static double smaller(double x, double y) { return isnan(x) || isnan(y) ? x + y : y < x ? y : x; }
static double larger(double x, double y) { return isnan(x) || isnan(y) ? x + y : y > x ? y : x; }

double ir_evaluate(IrOperation operation, double x, double y, double z) {
  switch (operation) {
  case OP_NEGATE: return -x;
  case OP_EXP: return exp(x);
  case OP_LOG: return log(x);
  case OP_LOG1P: return log1p(x);
  case OP_EXPM1: return expm1(x);
  case OP_SQRT: return sqrt(x);
  case OP_RSQRT: return 1 / sqrt(x);
  case OP_ABS: return fabs(x);
  case OP_SIGN: return isnan(x) ? x : (double)((x > 0) - (x < 0));
  case OP_FLOOR: return floor(x);
  case OP_TANH: return tanh(x);
  case OP_SIGMOID: return 1 / (1 + exp(-x));
  case OP_RELU: return isnan(x) || x > 0 ? x : 0;
  case OP_SOFTPLUS: return isnan(x) ? x : fmax(x, 0) + log1p(exp(-fabs(x))); // no overflow where e^x would
  case OP_ERF: return erf(x);
  case OP_SIN: return sin(x);
  case OP_COS: return cos(x);
  case OP_STOP: return x;
  case OP_NOT: return x == 0;
  case OP_NUMBER_OF: return x;
  case OP_ADD: return x + y;
  case OP_SUBTRACT: return x - y;
  case OP_MULTIPLY: return x * y;
  case OP_DIVIDE: return x / y;
  case OP_POWER: return pow(x, y);
  case OP_MINIMUM: return smaller(x, y);
  case OP_MAXIMUM: return larger(x, y);
  case OP_MODULO: return x - y * floor(x / y);
  case OP_LESS: return x < y;
  case OP_LESS_EQUAL: return x <= y;
  case OP_GREATER: return x > y;
  case OP_GREATER_EQUAL: return x >= y;
  case OP_EQUAL: return x == y;
  case OP_NOT_EQUAL: return x != y;
  case OP_AND: return x != 0 && y != 0;
  case OP_OR: return x != 0 || y != 0;
  case OP_SELECT: return x != 0 ? y : z;
  case OP_CLAMP: return smaller(larger(x, y), z);
  case OP_SURROGATE: return x;
  case OP_FMA: return fma(x, y, z);
  case OP_COUNT: break;
  }
  return NAN;
}

const char *const words_axis_kind[WORDS_AXIS_KINDS] = {"state", "batch", "unit"};
const char *const words_role[WORDS_ROLES] = {"input",     "neuron", "synapse", "genome", "signal",
                                             "temporary", "output", "adjoint", "tangent"};
