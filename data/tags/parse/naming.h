/// The tag of a run of words: its head, or the compound that ends there.
#pragma once

#include <string>
#include <vector>

#include "data/tags/parse/tokens.h"

namespace tagalign::data {

/// Tokens [begin, end) of a segment.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct Naming {
  std::string tag;   ///< empty: nothing that can be outlined
  Span words{0, 0};  ///< those of the tag
};

bool is_noun(const Token& token);
/// Colours, materials and patterns: before a noun, behind it, or alone.
bool is_surface(const Token& token, const TagLists& lists);

class Namer {
 public:
  explicit Namer(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  /// The object of the run: words of the image's kind at its end are looked through, names and
  /// unknown words at its end give way to the noun before. `capitals_tell`: in this caption a
  /// capital marks a name.
  Naming name(const Segment& segment, Span run, bool capitals_tell) const;
  /// As WordNet and the list of compounds write them; empty when they are none.
  std::string compound(const Segment& segment, Span words) const;
  /// Are two words in a row a compound? `second` is a base form.
  bool is_compound(const std::string& first, const std::string& second) const {
    return !first.empty() && !known_compound({first, second}, true).empty();
  }
  /// British or plural ways to write a tag become one.
  std::string spelled(std::string_view tag) const;

 private:
  enum class Kind { kVisible, kDead, kNone };
  Kind judge(const Segment& segment, Span words, const std::string& text) const;
  bool is_literal(const Token& token) const;
  bool unknown(const Token& token) const;
  bool names_place(const Segment& segment, Span run) const;
  Naming compound_before(const Segment& segment, Span run) const;
  bool is_a_model(const Segment& segment, Span run, std::size_t head) const;
  bool is_a_name(const Segment& segment, Span run, std::size_t head) const;

  std::string single(const Segment& segment, std::size_t at) const;
  std::string known_compound(const std::vector<std::string>& words, bool literal) const;

  const Vocabulary& vocabulary_;
};

}  // namespace tagalign::data
