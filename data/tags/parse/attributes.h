/// Which words of a tagged segment describe which phrase.
#pragma once

#include <string>
#include <vector>

#include "data/tags/parse/phrases.h"

namespace tagalign::data {

struct PhraseAttribute {
  std::string attribute;
  std::size_t phrase = 0;  ///< its number in the segment
};
struct SegmentAttributes {
  std::vector<PhraseAttribute> own;  ///< of phrases of this segment
  /// Words that stand alone, as behind a product's name: "Armchair, navy blue". They belong to the
  /// caption's first object, when there is one and nothing happens in the caption.
  std::vector<std::string> alone;
  /// What "it" is said to be: "it turned out green". They belong to the object before the segment.
  std::vector<std::string> of_it;
};

/// Adjectives, participles and materials before the noun, colours behind it, predicates, "made of".
/// A phrase that turns out to be a material ("of straw") is marked absent.
SegmentAttributes find_attributes(const Segment& segment, const Vocabulary& vocabulary,
                                  std::vector<NounPhrase>& phrases);

}  // namespace tagalign::data
