// What newcomers bring along from PyTorch, NumPy and Python, and what is written here instead. Only words for messages:
// nothing of it is understood.
#ifndef BLUR_SYNTAX_HABITS_H
#define BLUR_SYNTAX_HABITS_H

#include <stdbool.h>
#include <stddef.h>

// `words` is the one that `text` means as a word of declarations: a near one, or its counterpart (`def`: `fn`). NULL:
// none.
const char *habit_word(const char *text, const char *const *words, size_t count);
// How to say what the function (`matmul`), the name (`True`), the sign (`@`), or the first word of a line (`for`) says
// elsewhere. NULL: no habit.
const char *habit_function(const char *name);
const char *habit_name(const char *name);
const char *habit_sign(const char *sign);
const char *habit_statement(const char *word);
// A module whose functions are called by their name alone here: `torch`, `np`.
bool habit_is_module(const char *name);
// A named argument that says over which axes: `dim`.
bool habit_is_axis_argument(const char *name);

#endif
