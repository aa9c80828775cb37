// Is a rule the gradient of anything? An update is one exactly where its Jacobian by what it changes is symmetric
// (Sandler et al., "Meta-Learning Bidirectional Update Rules", ICML 2021, figure 2).
#ifndef BLUR_CURL_H
#define BLUR_CURL_H

#include "blur/runtime.h"

typedef struct {
  double largest;  // |A| / max |J|, A = (J - J') / 2: the largest entry of A; 0: a gradient
  double norm;     // ||A|| / ||J||, Frobenius
  double median;   // of the entries of |A| / max |J| beside the diagonal
  double upper;    // 90 % of them lie below
  double farthest; // 99 % of them
} BlurAsymmetry;

typedef struct {
  size_t count;           // of numbers that the update changes: the Jacobian is [count, count]
  double entry;           // max |J|
  BlurAsymmetry plain;    // of J
  BlurAsymmetry scaled;   // of D J, D a positive number for each variable and layer, the most symmetric that there is
  const double *jacobian; // [count, count], row-major: change of the update i by number j; in the order of `chosen`
  const double *scale;    // D: [variables]
} BlurCurl;

// The Jacobian of the next step's update of `chosen` (each a variable with derivatives) by themselves, at the network
// as it is, on the x and y that it holds; all else is held fixed. The network stays as it is but for its adjoints. Its
// program has options.adjoint. NULL with the reason in `status`: no memory, or no numbers. Sizes grow with the square
// of what is chosen, the time with that many reverse steps. The caller frees it by blur_curl_destroy.
BlurCurl *blur_curl_create(BlurNetwork *network, const BlurVariable *const *chosen, size_t variables,
                           BlurStatus *status);
void blur_curl_destroy(BlurCurl *curl);

#endif
