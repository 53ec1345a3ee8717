/// Is a text English?
#pragma once

#include "data/tags/parse/plain_text.h"
#include "data/tags/parse/tokens.h"

namespace tagalign::data {

/// Judges the whole caption by its script, its small words and the share of words that are known.
/// Names and brands are unknown as well: only words in small letters, and in a title all, count.
bool is_english(const PlainText& text, const Tokens& tokens, const Vocabulary& vocabulary,
                WordMemory& words);

/// The same for one segment, which may be in another language than the rest.
bool is_english(const Segment& segment, bool title_case, const Vocabulary& vocabulary,
                WordMemory& words);

}  // namespace tagalign::data
