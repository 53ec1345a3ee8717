/// Chooses one reading for each word of a segment.
#pragma once

#include "data/tags/parse/tokens.h"

namespace tagalign::data {

/// Sets tag and base of every token: the likeliest chain of readings, a word's weights times those
/// of neighbours (a hidden Markov model whose transitions are set by hand). Cost: words × readings².
void choose_tags(Segment& segment, const Vocabulary& vocabulary, WordMemory& words);

}  // namespace tagalign::data
