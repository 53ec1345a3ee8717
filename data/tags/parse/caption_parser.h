/// From a caption to the tags that training needs: objects, and attributes of objects.
///
///   Result<std::unique_ptr<const Vocabulary>> vocabulary = Vocabulary::open(files, wordnet, lists);
///   CaptionTags tags = CaptionParser(**vocabulary).parse("a red car by the sea");
///   // objects {"car", "sea"}, attributes {{"red", "car"}}
///
/// Stages, each a header of this folder: plain text, segments of words, a reading for each word,
/// noun phrases with their names, what is absent, attributes. A caption in another language, or
/// without content, has no tags. No model, no chance: the same caption gives the same tags on
/// every machine. Costs some 0.05 ms a caption. The paper's own parser was never published
/// (arXiv 2312.14149, section 3.1, says only that nouns and adjectives are extracted).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/tags/words/vocabulary.h"

namespace tagalign::data {

struct Attribute {
  std::string attribute;
  std::string object;  ///< one of the caption's objects
  bool operator==(const Attribute&) const = default;
};

struct CaptionTags {
  std::vector<std::string> objects;   ///< in the order of the caption, each once
  std::vector<Attribute> attributes;  ///< likewise
  bool english = true;
};

/// Borrows the vocabulary. Remembers words that it has met, so one thread at a time; many parsers
/// may share a vocabulary.
class CaptionParser {
 public:
  explicit CaptionParser(const Vocabulary& vocabulary)
      : vocabulary_(vocabulary), words_(vocabulary.words()) {}

  CaptionTags parse(std::string_view caption);

  /// Somebody else's tag as this parser would write it: singular, a compound of WordNet or its head
  /// alone. Empty for what the stop list drops; an unknown word stays, in small letters.
  std::string normal_object(std::string_view tag);
  /// In small letters, without accents and signs.
  std::string normal_attribute(std::string_view tag) const;

 private:
  const Vocabulary& vocabulary_;
  WordMemory words_;
};

}  // namespace tagalign::data
