/// A caption cut into segments of words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/tags/words/vocabulary.h"

namespace tagalign::data {

struct Token {
  std::string text;          ///< lower case; empty for a comma
  bool capital = false;      ///< its first letter was a capital
  bool measure = false;      ///< the number of a measurement: 30 cm, 8x10, size 12
  std::optional<Tag> tag{};  ///< known from its form; else the tagger's choice
  std::string base{};        ///< of the reading that the tagger chose
};
/// Words between two hard breaks: a full stop, a dash, a bracket, a colon. Never empty,
/// never longer than kSegmentTokensMax.
using Segment = std::vector<Token>;
inline constexpr std::size_t kSegmentTokensMax = 60;

struct Tokens {
  std::vector<Segment> segments;
  bool hashtags = false;    ///< some words had a # before them
  bool title_case = false;  ///< capitals say nothing: most words have one
};

/// `text` is that of PlainText.
Tokens cut(std::string_view text, const Vocabulary& vocabulary);

}  // namespace tagalign::data
