// The front end on any bytes, as a stranger's file reaches it, with what must hold whatever they are.
#ifndef BLUR_TESTS_FUZZ_FRONT_END_H
#define BLUR_TESTS_FUZZ_FRONT_END_H

#include <stddef.h>

// Takes the bytes for a .blur text: scans, parses, formats, checks; lowers the rules that are right for two small
// networks, runs all passes on them, and the adjoint of the smaller. Ends the process where something does not hold:
//   - every error and warning has a message, and a place inside a text
//   - a text without errors of syntax is formatted; the tree stays the same, and formatting again changes nothing
//   - check says yes exactly if it reports no error
//   - the IR is well-formed after every pass, and reads back as it was printed
void fuzz_front_end(const char *bytes, size_t length);

#endif
