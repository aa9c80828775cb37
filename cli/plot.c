// Pictures of curves: see plot.h. All lengths are points (1/72 inch); a PNG has three pixels a point. The palette is
// that of M. Okabe and K. Ito, Color Universal Design (2008), which people with any color vision tell apart.
#include "cli/plot.h"
#include "cli/plot_cairo.h"

#include "base/file.h"
#include "base/text.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- cairo

CairoFunctions cairo_functions;

// ISO C has no cast from an object's address to a function's; POSIX promises that the bytes are the same.
static bool find(void *library, const char *name, void *function) {
  void *found = dlsym(library, name);
  memcpy(function, &found, sizeof found);
  return found != NULL;
}

bool plot_possible(BlurStatus *status) {
  if (cairo_functions.create) return true;
  void *library = dlopen("libcairo.so.2", RTLD_NOW | RTLD_LOCAL);
  bool whole = library != NULL;
#define FUNCTION(name) whole = whole && find(library, "cairo_" #name, &cairo_functions.name);
  CAIRO_FUNCTIONS(FUNCTION)
#undef FUNCTION
  if (whole) return true;
  cairo_functions.create = NULL;
  return status_fail(status, BLUR_FAILED_ENVIRONMENT,
                     "pictures are drawn by libcairo.so.2, which cannot be opened; install it (Debian: libcairo2), or "
                     "write the numbers alone: --out FILE.csv");
}

// ---- looks

typedef struct {
  double red, green, blue;
} Color;

static const Color palette[] = {{0, 0.447, 0.698},     {0.835, 0.369, 0}, {0, 0.620, 0.451}, {0.800, 0.475, 0.655},
                                {0.337, 0.706, 0.914}, {0.902, 0.624, 0}, {0.25, 0.25, 0.25}};
enum { COLORS = sizeof palette / sizeof *palette };
static const struct {
  int count;
  double length[4];
} dashes[] = {{0, {0}}, {2, {5, 2}}, {2, {1.5, 1.8}}, {4, {6, 2, 1.5, 2}}};
enum { DASHES = sizeof dashes / sizeof *dashes };

static const double panel_width = 330, full_height = 210, flat_height = 110, margin = 10, gap = 16, font_size = 9,
                    small_size = 8, label_gap = 5, tick_length = 3, legend_line = 20, legend_step = 14,
                    pixels_a_point = 3;

typedef struct {
  cairo_t *cairo;
  double left, top, panel_height; // of the current panel's axes
  double x_low, x_high, y_low, y_high;
} Drawing;

static void color(Drawing *drawing, Color color, double alpha) {
  CAIRO(set_source_rgba)(drawing->cairo, color.red, color.green, color.blue, alpha);
}

static void gray(Drawing *drawing, double shade) { CAIRO(set_source_rgba)(drawing->cairo, shade, shade, shade, 1); }

static double text_width(Drawing *drawing, const char *text) {
  cairo_text_extents_t extents;
  CAIRO(text_extents)(drawing->cairo, text, &extents);
  return extents.x_advance;
}

// `share` of the text's width lies left of x.
static void put_text(Drawing *drawing, double x, double y, double share, const char *text) {
  CAIRO(move_to)(drawing->cairo, x - share * text_width(drawing, text), y);
  CAIRO(show_text)(drawing->cairo, text);
  CAIRO(new_path)(drawing->cairo);
}

static void segment(Drawing *drawing, double x0, double y0, double x1, double y1) {
  CAIRO(move_to)(drawing->cairo, x0, y0);
  CAIRO(line_to)(drawing->cairo, x1, y1);
  CAIRO(stroke)(drawing->cairo);
}

// ---- scales

// A step of 1, 2 or 5 times a power of ten that parts the range into at most `most` intervals.
static double tick_step(double range, int most) {
  double power = pow(10, floor(log10(range / most)));
  static const double steps[] = {1, 2, 5, 10};
  for (int i = 0; i < 4; i++)
    if (range / (steps[i] * power) <= most + 1e-9) return steps[i] * power;
  return 10 * power;
}

static void tick_text(char *out, size_t room, double value, double step) {
  int digits = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
  if (fabs(value) < step * 1e-6) value = 0;
  if (digits > 6) snprintf(out, room, "%.3g", value);
  else snprintf(out, room, "%.*f", digits, value);
}

static void widen(double *low, double *high, double value) {
  if (!isfinite(value)) return;
  if (!(*low <= value)) *low = value;
  if (!(*high >= value)) *high = value;
}

static void find_ranges(Drawing *drawing, const PlotPanel *panel) {
  drawing->x_low = drawing->x_high = drawing->y_low = drawing->y_high = NAN;
  for (size_t c = 0; c < panel->curves; c++)
    for (size_t p = 0; p < panel->curve[c].points; p++) {
      const PlotPoint *point = &panel->curve[c].point[p];
      widen(&drawing->x_low, &drawing->x_high, point->x);
      widen(&drawing->y_low, &drawing->y_high, point->y);
      widen(&drawing->y_low, &drawing->y_high, point->low);
      widen(&drawing->y_low, &drawing->y_high, point->high);
    }
  if (isnan(drawing->x_low)) drawing->x_low = 0, drawing->x_high = 1;
  if (drawing->x_low > 0 && drawing->x_low < 0.5 * drawing->x_high) drawing->x_low = 0; // steps count from there
  if (isnan(drawing->y_low)) drawing->y_low = 0, drawing->y_high = 1;
  if (drawing->x_low == drawing->x_high) drawing->x_low -= 0.5 * fabs(drawing->x_high) + 0.5, drawing->x_high *= 1.5;
  if (drawing->y_low == drawing->y_high) drawing->y_low -= 0.5, drawing->y_high += 0.5;
  double pad = 0.04 * (drawing->y_high - drawing->y_low);
  drawing->y_low -= pad;
  drawing->y_high += pad;
}

static double at_x(const Drawing *drawing, double x) {
  return drawing->left + panel_width * (x - drawing->x_low) / (drawing->x_high - drawing->x_low);
}

static double at_y(const Drawing *drawing, double y) {
  return drawing->top + drawing->panel_height * (drawing->y_high - y) / (drawing->y_high - drawing->y_low);
}

// ---- one panel

enum { MOST_X_TICKS = 8, MOST_Y_TICKS = 6, MOST_FLAT_TICKS = 4 };

static double widest_tick(Drawing *drawing) {
  double step = tick_step(drawing->y_high - drawing->y_low, MOST_Y_TICKS), widest = 0;
  for (double y = ceil(drawing->y_low / step) * step; y <= drawing->y_high; y += step) {
    char text[32];
    tick_text(text, sizeof text, y, step);
    widest = fmax(widest, text_width(drawing, text));
  }
  return widest;
}

static void draw_axes(Drawing *drawing, const PlotPanel *panel, bool lowest) {
  cairo_t *cairo = drawing->cairo;
  double right = drawing->left + panel_width, bottom = drawing->top + drawing->panel_height;
  char text[32];
  CAIRO(set_font_size)(cairo, font_size);
  double y_step = tick_step(drawing->y_high - drawing->y_low, panel->is_flat ? MOST_FLAT_TICKS : MOST_Y_TICKS);
  for (double y = ceil(drawing->y_low / y_step) * y_step; y <= drawing->y_high; y += y_step) {
    gray(drawing, 0.9);
    CAIRO(set_line_width)(cairo, 0.6);
    segment(drawing, drawing->left, at_y(drawing, y), right, at_y(drawing, y));
    gray(drawing, 0.15);
    tick_text(text, sizeof text, y, y_step);
    put_text(drawing, drawing->left - tick_length - 3, at_y(drawing, y) + 0.35 * font_size, 1, text);
  }
  CAIRO(set_line_width)(cairo, 0.8);
  double x_step = tick_step(drawing->x_high - drawing->x_low, MOST_X_TICKS);
  for (double x = ceil(drawing->x_low / x_step) * x_step; x <= drawing->x_high + 1e-9 * x_step; x += x_step) {
    gray(drawing, 0.3);
    segment(drawing, at_x(drawing, x), bottom, at_x(drawing, x), bottom + tick_length);
    gray(drawing, 0.15);
    tick_text(text, sizeof text, x, x_step);
    put_text(drawing, at_x(drawing, x), bottom + tick_length + font_size + 1, 0.5, text);
  }
  gray(drawing, 0.3);
  segment(drawing, drawing->left, drawing->top, drawing->left, bottom);
  segment(drawing, drawing->left, bottom, right, bottom);
  gray(drawing, 0.15);
  if (lowest) put_text(drawing, drawing->left + panel_width / 2, bottom + 2.6 * font_size + 6, 0.5, panel->x_label);
  CAIRO(save)(cairo);
  CAIRO(translate)(cairo, margin + font_size, drawing->top + drawing->panel_height / 2);
  CAIRO(rotate)(cairo, -acos(0));
  put_text(drawing, 0, 0, 0.5, panel->y_label);
  CAIRO(restore)(cairo);
}

static void draw_band(Drawing *drawing, const PlotCurve *curve) {
  cairo_t *cairo = drawing->cairo;
  for (size_t first = 0, end; first < curve->points; first = end + 1) { // runs of points that have one
    for (end = first; end < curve->points && isfinite(curve->point[end].low); end++) continue;
    if (end - first < 2) continue;
    for (size_t p = first; p < end; p++)
      CAIRO(line_to)(cairo, at_x(drawing, curve->point[p].x), at_y(drawing, curve->point[p].high));
    for (size_t p = end; p-- > first;)
      CAIRO(line_to)(cairo, at_x(drawing, curve->point[p].x), at_y(drawing, curve->point[p].low));
    CAIRO(close_path)(cairo);
    color(drawing, palette[curve->color % COLORS], 0.17);
    CAIRO(fill)(cairo);
  }
}

static void set_line(Drawing *drawing, const PlotCurve *curve) {
  // Where colors come back, dashes tell the curves apart.
  size_t dash = (curve->dash + curve->color / COLORS) % DASHES;
  color(drawing, palette[curve->color % COLORS], 1);
  CAIRO(set_line_width)(drawing->cairo, 1.5);
  CAIRO(set_dash)(drawing->cairo, dashes[dash].length, dashes[dash].count, 0);
}

static void draw_curve(Drawing *drawing, const PlotCurve *curve) {
  enum { FEW = 8 }; // points that are marked one by one
  cairo_t *cairo = drawing->cairo;
  set_line(drawing, curve);
  bool pen_down = false;
  for (size_t p = 0; p < curve->points; p++) {
    double x = at_x(drawing, curve->point[p].x), y = at_y(drawing, curve->point[p].y);
    if (!isfinite(y)) pen_down = false;
    else if (pen_down) CAIRO(line_to)(cairo, x, y);
    else CAIRO(move_to)(cairo, x, y), pen_down = true;
  }
  CAIRO(stroke)(cairo);
  CAIRO(set_dash)(cairo, NULL, 0, 0);
  for (size_t p = 0; curve->points <= FEW && p < curve->points; p++) {
    const PlotPoint *point = &curve->point[p];
    if (!isfinite(point->y)) continue;
    CAIRO(arc)(cairo, at_x(drawing, point->x), at_y(drawing, point->y), 2.2, 0, 4 * acos(0));
    CAIRO(fill)(cairo);
    if (curve->points > 1 || !isfinite(point->low)) continue; // a single point has its interval as a bar
    CAIRO(set_line_width)(cairo, 1);
    segment(drawing, at_x(drawing, point->x), at_y(drawing, point->low), at_x(drawing, point->x),
            at_y(drawing, point->high));
  }
}

static double last_value(const PlotCurve *curve) {
  for (size_t p = curve->points; p-- > 0;)
    if (isfinite(curve->point[p].y)) return curve->point[p].y;
  return -INFINITY;
}

// The labels from the top down as the curves end.
static size_t legend_order(const PlotPanel *panel, size_t *order) {
  size_t count = 0;
  for (size_t c = 0; c < panel->curves; c++) {
    if (!panel->curve[c].label) continue;
    size_t at = count++;
    for (; at > 0 && last_value(&panel->curve[order[at - 1]]) < last_value(&panel->curve[c]); at--)
      order[at] = order[at - 1];
    order[at] = c;
  }
  return count;
}

static double legend_width(Drawing *drawing, const Plot *plot) {
  double widest = 0;
  CAIRO(set_font_size)(drawing->cairo, small_size);
  if (plot->note) widest = text_width(drawing, plot->note);
  CAIRO(set_font_size)(drawing->cairo, font_size);
  for (size_t i = 0; i < plot->panels; i++)
    for (size_t c = 0; c < plot->panel[i].curves; c++)
      if (plot->panel[i].curve[c].label)
        widest = fmax(widest, legend_line + label_gap + text_width(drawing, plot->panel[i].curve[c].label));
  return widest;
}

static void draw_legend(Drawing *drawing, const PlotPanel *panel, const size_t *order, size_t count, const char *note) {
  double left = drawing->left + panel_width + gap, y = drawing->top + font_size;
  CAIRO(set_font_size)(drawing->cairo, font_size);
  for (size_t i = 0; i < count; i++, y += legend_step) {
    const PlotCurve *curve = &panel->curve[order[i]];
    set_line(drawing, curve);
    segment(drawing, left, y - 0.33 * font_size, left + legend_line, y - 0.33 * font_size);
    CAIRO(set_dash)(drawing->cairo, NULL, 0, 0);
    gray(drawing, 0.15);
    put_text(drawing, left + legend_line + label_gap, y, 0, curve->label);
  }
  if (!note) return;
  CAIRO(set_font_size)(drawing->cairo, small_size);
  gray(drawing, 0.45);
  put_text(drawing, left, y + 4, 0, note);
}

// ---- the whole

// Draws the plot; with cairo measuring text, the same walk gives the size.
static void layout(Drawing *drawing, const Plot *plot, double *width, double *height, bool draw) {
  double widest = 0, below = 2.6 * font_size + 12;
  size_t most = 1;
  for (size_t i = 0; i < plot->panels; i++) most = plot->panel[i].curves > most ? plot->panel[i].curves : most;
  size_t *order = calloc(most, sizeof *order);
  if (!order) return;
  CAIRO(set_font_size)(drawing->cairo, font_size);
  for (size_t i = 0; i < plot->panels; i++) {
    find_ranges(drawing, &plot->panel[i]);
    widest = fmax(widest, widest_tick(drawing));
  }
  drawing->left = margin + font_size + label_gap + 3 + widest + 3 + tick_length;
  double legend = legend_width(drawing, plot);
  *width = drawing->left + panel_width + (legend > 0 ? gap + legend : 0) + margin;
  double top = margin;
  for (size_t i = 0; i < plot->panels; i++) {
    const PlotPanel *panel = &plot->panel[i];
    bool last = i + 1 == plot->panels;
    size_t labels = legend_order(panel, order);
    double needed = (double)labels * legend_step + (i == 0 && plot->note ? legend_step : 0);
    drawing->top = top;
    drawing->panel_height = panel->is_flat ? flat_height : full_height;
    if (draw) {
      find_ranges(drawing, panel);
      draw_axes(drawing, panel, last);
      CAIRO(save)(drawing->cairo);
      CAIRO(rectangle)(drawing->cairo, drawing->left, drawing->top - 1, panel_width + 4, drawing->panel_height + 2);
      CAIRO(clip)(drawing->cairo);
      for (size_t c = 0; c < panel->curves; c++) draw_band(drawing, &panel->curve[c]);
      for (size_t c = 0; c < panel->curves; c++) draw_curve(drawing, &panel->curve[c]);
      CAIRO(restore)(drawing->cairo);
      draw_legend(drawing, panel, order, labels, i == 0 ? plot->note : NULL);
    }
    top += fmax(drawing->panel_height + (last ? below : 1.6 * font_size + 14), needed + margin);
  }
  *height = top + margin;
  free(order);
}

static void prepare(Drawing *drawing) {
  cairo_font_options_t *options = CAIRO(font_options_create)();
  CAIRO(font_options_set_hint_style)(options, CAIRO_HINT_STYLE_NONE); // the same widths at every size
  CAIRO(font_options_set_hint_metrics)(options, CAIRO_HINT_METRICS_OFF);
  CAIRO(set_font_options)(drawing->cairo, options);
  CAIRO(font_options_destroy)(options);
  CAIRO(select_font_face)(drawing->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  CAIRO(set_line_join)(drawing->cairo, CAIRO_LINE_JOIN_ROUND);
}

static cairo_status_t keep(void *text, const unsigned char *bytes, unsigned length) {
  text_add_bytes(text, (const char *)bytes, length);
  return CAIRO_STATUS_SUCCESS;
}

static void measure(const Plot *plot, double *width, double *height) {
  cairo_surface_t *surface = CAIRO(image_surface_create)(CAIRO_FORMAT_RGB24, 1, 1);
  Drawing drawing = {.cairo = CAIRO(create)(surface)};
  prepare(&drawing);
  layout(&drawing, plot, width, height, false);
  CAIRO(destroy)(drawing.cairo);
  CAIRO(surface_destroy)(surface);
}

bool plot_write(const Plot *plot, const char *path, BlurStatus *status) {
  if (!plot_possible(status)) return false;
  double width = 0, height = 0;
  measure(plot, &width, &height);
  size_t length = strlen(path);
  bool pixels = length > 4 && strcmp(path + length - 4, ".png") == 0;
  double scale = pixels ? pixels_a_point : 1;
  Text bytes = {0};
  cairo_surface_t *surface =
      pixels ? CAIRO(image_surface_create)(CAIRO_FORMAT_RGB24, (int)ceil(scale * width), (int)ceil(scale * height))
             : CAIRO(svg_surface_create_for_stream)(keep, &bytes, width, height);
  Drawing drawing = {.cairo = CAIRO(create)(surface)};
  CAIRO(scale)(drawing.cairo, scale, scale);
  CAIRO(set_source_rgba)(drawing.cairo, 1, 1, 1, 1);
  CAIRO(rectangle)(drawing.cairo, 0, 0, width + 1, height + 1);
  CAIRO(fill)(drawing.cairo);
  prepare(&drawing);
  layout(&drawing, plot, &width, &height, true);
  cairo_status_t problem = CAIRO(status)(drawing.cairo);
  CAIRO(destroy)(drawing.cairo);
  if (pixels && !problem) problem = CAIRO(surface_write_to_png_stream)(surface, keep, &bytes);
  CAIRO(surface_finish)(surface);
  if (!problem) problem = CAIRO(surface_status)(surface);
  CAIRO(surface_destroy)(surface);
  bool right = !problem || status_fail(status, BLUR_FAILED_ENVIRONMENT, "%s could not be drawn: %s", path,
                                       CAIRO(status_to_string)(problem));
  right = right && file_write(path, text_get(&bytes), bytes.length, status);
  text_free(&bytes);
  return right;
}
