// cairo's functions, found by name when the first picture is drawn. Only headers are needed to build. CAIRO(name) calls
// cairo_name.
#ifndef BLUR_CLI_PLOT_CAIRO_H
#define BLUR_CLI_PLOT_CAIRO_H

#include <cairo-svg.h>
#include <cairo.h>

#define CAIRO_FUNCTIONS(X)                                                                                             \
  X(svg_surface_create_for_stream)                                                                                     \
  X(image_surface_create)                                                                                              \
  X(surface_write_to_png_stream)                                                                                       \
  X(surface_finish)                                                                                                    \
  X(surface_status)                                                                                                    \
  X(surface_destroy)                                                                                                   \
  X(status_to_string)                                                                                                  \
  X(create)                                                                                                            \
  X(status)                                                                                                            \
  X(destroy)                                                                                                           \
  X(save)                                                                                                              \
  X(restore)                                                                                                           \
  X(scale)                                                                                                             \
  X(rotate)                                                                                                            \
  X(translate)                                                                                                         \
  X(set_source_rgba)                                                                                                   \
  X(set_line_width)                                                                                                    \
  X(set_line_join)                                                                                                     \
  X(set_line_cap)                                                                                                      \
  X(set_dash)                                                                                                          \
  X(new_path)                                                                                                          \
  X(move_to)                                                                                                           \
  X(line_to)                                                                                                           \
  X(close_path)                                                                                                        \
  X(rectangle)                                                                                                         \
  X(arc)                                                                                                               \
  X(clip)                                                                                                              \
  X(fill)                                                                                                              \
  X(stroke)                                                                                                            \
  X(select_font_face)                                                                                                  \
  X(set_font_size)                                                                                                     \
  X(text_extents)                                                                                                      \
  X(show_text)                                                                                                         \
  X(font_options_create)                                                                                               \
  X(font_options_set_hint_style)                                                                                       \
  X(font_options_set_hint_metrics)                                                                                     \
  X(font_options_destroy)                                                                                              \
  X(set_font_options)

typedef struct {
#define FUNCTION(name) __typeof__(&cairo_##name) name;
  CAIRO_FUNCTIONS(FUNCTION)
#undef FUNCTION
} CairoFunctions;

extern CairoFunctions cairo_functions;
#define CAIRO(name) cairo_functions.name

#endif
