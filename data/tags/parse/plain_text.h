/// A caption's bytes as plain ASCII text: entities, accents, typographic signs,
/// addresses and file names resolved.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "data/tags/words/lists.h"

namespace tagalign::data {

struct PlainText {
  std::string text;  ///< case kept; U+2013 and its like became " - "
  std::size_t latin_letters = 0;
  std::size_t other_letters = 0;  ///< of another script; left out of the text
};

/// Never fails: bytes that are not UTF-8 and signs that mean nothing become blanks.
PlainText plain_text(std::string_view caption, const TagLists& lists);

}  // namespace tagalign::data
