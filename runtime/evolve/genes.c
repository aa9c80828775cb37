// From the numbers that a search moves to the values of genes, and back. Bounds: the periodic, linear and at the ends
// quadratic fold of pycma (BoxConstraintsLinQuadTransformation), which is once differentiable everywhere and the
// identity in most of the range. Logarithmic genes are folded as logarithms.
#include "runtime/evolve/evolution.h"

static double margin(double bound, double width) {
  return isfinite(bound) ? fmin(width / 2, fmax(fabs(bound), 1) / 20) : 1;
}

SearchedGene gene_searched(size_t index, const BlurGene *gene) {
  SearchedGene made = {.index = index, .low = gene->low, .high = gene->high, .logarithmic = gene->logarithmic};
  if (gene->logarithmic) {
    made.low = gene->low > 0 ? log(gene->low) : -INFINITY;
    made.high = log(gene->high);
  }
  made.margin_low = margin(made.low, made.high - made.low);
  made.margin_high = margin(made.high, made.high - made.low);
  made.plain = !gene->logarithmic && isinf(made.low) && isinf(made.high);
  made.scale = gene->deviation > 0 ? gene->deviation : 1;
  made.start = gene_coordinate(&made, gene->start);
  made.restart_low = made.restart_high = made.start;
  if (gene->restart_low < gene->restart_high) {
    made.restart_low = gene_coordinate(&made, gene->restart_low);
    made.restart_high = gene_coordinate(&made, gene->restart_high);
  }
  return made;
}

static double fold(const SearchedGene *gene, double x) {
  double low = gene->low, high = gene->high, below = gene->margin_low, above = gene->margin_high;
  if (x < low - 2 * below - (high - low) / 2 || x > high + 2 * above + (high - low) / 2) { // both bounds are finite
    double period = 2 * (high - low + below + above), first = low - 2 * below - (high - low) / 2;
    x -= period * floor((x - first) / period);
  }
  if (x > high + above) x -= 2 * (x - high - above);
  if (x < low - below) x += 2 * (low - below - x);
  if (x < low + below) x = low + (x - (low - below)) * (x - (low - below)) / (4 * below);
  else if (x > high - above) x = high - (x - (high + above)) * (x - (high + above)) / (4 * above);
  return x < low ? low : x > high ? high : x; // rounding
}

double gene_value(const SearchedGene *gene, double coordinate) {
  if (gene->plain) return coordinate;
  double folded = fold(gene, coordinate);
  return gene->logarithmic ? exp(folded) : folded;
}

double gene_coordinate(const SearchedGene *gene, double value) {
  double y = gene->logarithmic ? log(value) : value;
  if (y < gene->low + gene->margin_low)
    return gene->low - gene->margin_low + 2 * sqrt(gene->margin_low * (y - gene->low));
  if (y > gene->high - gene->margin_high)
    return gene->high + gene->margin_high - 2 * sqrt(gene->margin_high * (gene->high - y));
  return y;
}

static const char *problem_of(const BlurGene *gene) {
  if (!isfinite(gene->start)) return "its start is not a finite number";
  if (gene->frozen) return NULL;
  if (isnan(gene->low) || isnan(gene->high))
    return "a bound is not a number; without a bound it is -INFINITY, INFINITY";
  if (gene->low >= gene->high) return "its lower bound is not below its upper one";
  if (gene->start < gene->low || gene->start > gene->high) return "its start is out of its range";
  if (!isfinite(gene->deviation) || gene->deviation < 0) return "its deviation is not above 0, nor 0 for 1";
  if (gene->logarithmic && gene->start <= 0) return "it is logarithmic, and its start is not above 0";
  if (!isfinite(gene->restart_low) || !isfinite(gene->restart_high)) return "where restarts begin is not finite";
  if (gene->restart_low >= gene->restart_high) return NULL;
  if (gene->restart_low < gene->low || gene->restart_high > gene->high) return "restarts begin out of its range";
  if (gene->logarithmic && gene->restart_low <= 0) return "it is logarithmic, and restarts begin at or below 0";
  return NULL;
}

bool genes_check(size_t genes, const BlurGene *gene, BlurStatus *status) {
  for (size_t i = 0; i < genes; i++) {
    const char *problem = problem_of(&gene[i]);
    if (problem) return status_fail(status, BLUR_FAILED_USAGE, "gene %zu: %s", i, problem);
  }
  return true;
}
