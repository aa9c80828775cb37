// Pictures of curves with bands, one panel below the other, in SVG or PNG; drawn by cairo (cairographics.org), which is
// opened when a picture is made: the command runs without it.
#ifndef BLUR_CLI_PLOT_H
#define BLUR_CLI_PLOT_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  double x, y, low, high; // the band from low to high; NAN: none here
} PlotPoint;

typedef struct {
  const char *label;  // in the legend; NULL: none (another curve with this color has it)
  size_t color, dash; // numbers of the palette and of the dash patterns, from 0; both begin anew at their ends
  size_t points;
  const PlotPoint *point; // by ascending x
} PlotCurve;

typedef struct {
  const char *x_label, *y_label;
  bool is_flat; // half as high
  size_t curves;
  const PlotCurve *curve;
} PlotPanel;

typedef struct {
  size_t panels;
  const PlotPanel *panel;
  const char *note; // below the legend, in gray; NULL: none
} Plot;

// Writes the picture; the ending of `path` (.svg or .png) says which. The file changes whole or not at all. False:
// cairo is missing (environment), or the file cannot be written.
bool plot_write(const Plot *plot, const char *path, BlurStatus *status);
bool plot_possible(BlurStatus *status); // whether cairo is there

#endif
