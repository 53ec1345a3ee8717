#include "data/tags/words/vocabulary.h"

#include <algorithm>
#include <sstream>

namespace tagalign::data {

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

Vocabulary::Vocabulary(WordNet wordnet, TagLists lists)
    : wordnet_(std::move(wordnet)), lists_(std::move(lists)), words_(wordnet_, lists_) {
  add_sequences(lists_.prepositions, true);
  add_sequences(lists_.phrases, false);
  for (auto& [first, all] : sequences_) {
    std::sort(all.begin(), all.end(), [](const Sequence& a, const Sequence& b) {
      return a.words.size() != b.words.size() ? a.words.size() > b.words.size() : a.words < b.words;
    });
  }
}

void Vocabulary::add_sequences(const WordSet& entries, bool is_preposition) {
  for (const std::string& entry : entries) {
    std::string plain = entry;
    std::replace(plain.begin(), plain.end(), '-', ' ');
    auto words = split_words(plain);
    if (words.size() < 2) continue;
    auto& all = sequences_[words.front()];
    all.push_back({std::move(words), is_preposition});
  }
}

std::span<const Vocabulary::Sequence> Vocabulary::sequences(std::string_view first_word) const {
  const auto found = sequences_.find(first_word);
  if (found == sequences_.end()) return {};
  return found->second;
}

Result<std::unique_ptr<const Vocabulary>> Vocabulary::open(FileSystem& files, const Path& wordnet,
                                                           const Path& lists) {
  TA_ASSIGN_OR_RETURN(TagLists all_lists, TagLists::open(files, lists));
  TA_ASSIGN_OR_RETURN(WordNet all_words, WordNet::open(files, wordnet));
  return std::unique_ptr<const Vocabulary>(
      new Vocabulary(std::move(all_words), std::move(all_lists)));
}

}  // namespace tagalign::data
