/// All that the parser knows about words: WordNet, the lists, and what follows from both.
///
/// Immutable after open(); safe from any thread. Some 60 MB.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/tags/words/lists.h"
#include "data/tags/words/wordnet.h"
#include "data/tags/words/words.h"

namespace tagalign::data {

class Vocabulary {
 public:
  /// Errors: those of WordNet::open() and TagLists::open().
  static Result<std::unique_ptr<const Vocabulary>> open(FileSystem& files, const Path& wordnet,
                                                        const Path& lists);

  const WordNet& wordnet() const { return wordnet_; }
  const TagLists& lists() const { return lists_; }
  const Words& words() const { return words_; }

  /// Entries of more than one word, by their first; longest first.
  struct Sequence {
    std::vector<std::string> words;
    bool is_preposition = false;  ///< else a phrase to take out
  };
  std::span<const Sequence> sequences(std::string_view first_word) const;

 private:
  Vocabulary(WordNet wordnet, TagLists lists);
  void add_sequences(const WordSet& entries, bool is_preposition);

  WordNet wordnet_;
  TagLists lists_;
  Words words_;
  TextMap<std::vector<Sequence>> sequences_;
};

/// The words of a text, separated by blanks.
std::vector<std::string> split_words(std::string_view text);

}  // namespace tagalign::data
