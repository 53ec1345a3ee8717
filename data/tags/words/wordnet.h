/// WordNet 3.0 as a table of words: what a word may be, how often it is that, and what it names.
///
/// Source: the dict files of Princeton's WordNet (wndb(5)), as Debian's wordnet-base installs them.
/// Read once, some 150,000 words, about 0.3 s and 40 MB. Immutable afterwards; safe from any
/// thread. Words are lower case, their parts separated by blanks.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::data {

/// Lets a map of strings be asked with a view.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};
template <class Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

enum class WordClass : std::uint8_t { kNoun, kVerb, kAdjective, kAdverb };
inline constexpr std::size_t kWordClasses = 4;

struct WordEntry {
  std::array<bool, kWordClasses> is{};
  /// Occurrences in the texts that WordNet's authors read sense by sense (cntlist.rev).
  std::array<std::uint32_t, kWordClasses> counts{};
  /// Lexicographer's files of the first noun senses that are no names (lexnames(5)), 0 for none.
  std::array<std::uint8_t, 2> fields{};
  bool proper = false;  ///< a noun that is only a name, written with a capital

  bool is_a(WordClass c) const { return is[static_cast<std::size_t>(c)]; }
  std::uint32_t count(WordClass c) const { return counts[static_cast<std::size_t>(c)]; }
};

class WordNet {
 public:
  /// Where Debian's package puts it.
  static constexpr const char* kUsualFolder = "/usr/share/wordnet";

  /// kNotFound names the package that brings the files; kInvalidArgument a line that is none.
  static Result<WordNet> open(FileSystem& files, const Path& folder);

  /// Null for a word that is not there.
  const WordEntry* find(std::string_view word) const;
  /// Base forms of an irregular one: geese → goose. Empty for all others.
  std::span<const std::string> irregular(WordClass word_class, std::string_view form) const;
  const TextMap<WordEntry>& words() const { return words_; }

 private:
  WordNet() = default;
  Status read_index(FileSystem& files, const Path& folder, WordClass word_class);
  Status read_exceptions(FileSystem& files, const Path& folder, WordClass word_class);
  Status read_counts(FileSystem& files, const Path& folder);

  TextMap<WordEntry> words_;
  std::array<TextMap<std::vector<std::string>>, kWordClasses> irregular_;
};

/// Is one of the first two noun senses an animal, artefact, body part, food, natural
/// object, person, plant or substance?
bool names_something_visible(const WordEntry& entry);
/// Written with a capital, and no kind of thing either (Frisbee, Jeep): a person, a place, a people.
bool names_one(const WordEntry& entry);
/// … an animal, food or plant: then a colour or size before it may belong to the kind (polar bear).
bool names_a_kind(const WordEntry& entry);
/// The same of either of the first two senses.
bool may_be_a_kind(const WordEntry& entry);

}  // namespace tagalign::data
