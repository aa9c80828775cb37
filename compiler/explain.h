// The parts of `blur explain RULE`: explain.c writes the rule, explain_network.c what it costs on a network.
#ifndef BLUR_COMPILER_EXPLAIN_H
#define BLUR_COMPILER_EXPLAIN_H

#include "base/text.h"
#include "blur/compiler.h"

// False: the report says why the rule does not compile for this network.
bool explain_network(const BlurRule *rule, const BlurOptions *options, BlurReport *report, Text *out);

#endif
