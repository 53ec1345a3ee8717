/// What a single word of a caption may be, each reading with its base form and its weight.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/tags/words/lists.h"
#include "data/tags/words/wordnet.h"

namespace tagalign::data {

/// Parts of speech as far as captions need them.
enum class Tag : std::uint8_t {
  kStop,        ///< comma, or the end of a segment
  kDeterminer,  ///< the, my, this
  kNumber,      ///< 12, three, 4x4
  kPossessive,  ///< 's
  kAdjective,
  kParticiple,  ///< folded
  kGerund,      ///< folding
  kNoun,        ///< singular, or a mass
  kNouns,       ///< plural
  kVerb,        ///< fold
  kVerbThird,   ///< folds
  kVerbPast,    ///< folded
  kAuxiliary,   ///< is, has
  kModal,       ///< can
  kAdverb,
  kPreposition,
  kTo,
  kConjunction,
  kPronoun,
  kRelative,  ///< who, where, as
};
inline constexpr std::size_t kTags = 20;

struct Reading {
  Tag tag = Tag::kNoun;
  double weight = 1;  ///< like an occurrence in a large text
  std::string base;   ///< singular, infinitive
};

/// Readings of words. Borrows both; immutable, safe from any thread. Each call works the word out
/// anew, some microseconds; WordMemory keeps them.
class Words {
 public:
  Words(const WordNet& wordnet, const TagLists& lists);

  /// Never empty: an unknown word is guessed from its ending. `word` is lower case.
  std::vector<Reading> readings(std::string_view word) const;
  /// Singular of a noun, the word itself when it is one; empty when WordNet and the
  /// lists have no such noun.
  std::string singular(std::string_view word) const;
  /// What the word is the plural of, by its ending or WordNet's exceptions; empty for none.
  std::string plural_base(std::string_view word) const;
  /// Is a word, in its base form, something to outline? WordNet's senses and the lists say so.
  bool visible(std::string_view base) const;
  /// Is it, or does it end like a form of, a word of WordNet or of the lists?
  bool known(std::string_view word) const;
  /// The visible noun that a misspelt word means, empty when none is near enough: letters doubled
  /// or not, one letter left out, added, or two exchanged.
  std::string corrected(std::string_view word) const;

 private:
  void add_closed(std::string_view word, std::vector<Reading>& out) const;
  void add_nouns(std::string_view word, std::vector<Reading>& out) const;
  void add_verbs(std::string_view word, std::vector<Reading>& out) const;
  void add_others(std::string_view word, std::vector<Reading>& out) const;
  void add_spelling(const std::string& word, const WordEntry& entry);
  double noun_share(std::string_view base) const;
  std::string verb_base(std::string_view word, std::string_view ending) const;

  const WordNet& wordnet_;
  const TagLists& lists_;
  struct Spelling {
    std::string word;
    std::uint32_t count = 0;
  };
  TextMap<Spelling> spellings_;  ///< a word, without one letter or without doubled ones
};

struct WordFacts {
  std::vector<Reading> readings;
  bool known = false;
};

/// Facts of the words that were asked for, kept for the next time; forgets all of them when they
/// become too many. Borrows the words. For one thread at a time.
class WordMemory {
 public:
  explicit WordMemory(const Words& words) : words_(words) {}

  /// Stays valid until facts() is called with another word.
  const WordFacts& facts(std::string_view word);
  /// Words::corrected(), for a word that is not known.
  std::string corrected(std::string_view word) const { return words_.corrected(word); }

 private:
  const Words& words_;
  TextMap<WordFacts> facts_;
};

}  // namespace tagalign::data
