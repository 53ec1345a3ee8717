/// BERT's tokenizer for lower-case text (Devlin et al., 2019): cleaned, without accents, split at
/// blanks and punctuation, then cut greedily into the longest pieces of a vocabulary.
///
/// Immutable after load(); encode() may be called from several threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::model {

/// XXH3-128 of vocab.txt of bert-base-uncased: 30522 lines of 231508 bytes. README.md beside this
/// file has its SHA-256.
inline constexpr char kBertBaseUncasedDigest[] = "4ebd318f06b4db41a857f65d9522027c";

class WordPieceTokenizer {
 public:
  /// `vocabulary` is BERT's vocab.txt, a piece a line. kNotFound says where to get it;
  /// kInvalidArgument when its XXH3-128 is not `digest` (hex; empty: any), or a special is missing.
  static Result<WordPieceTokenizer> load(FileSystem& files, const Path& vocabulary,
                                         const std::string& digest);

  /// [CLS], at most length_max − 2 pieces, [SEP]; without padding. [MASK] and the other specials
  /// that `text` holds stay pieces of their own.
  std::vector<std::int64_t> encode(std::string_view text, std::size_t length_max = 512) const;

  std::int64_t padding() const { return padding_; }
  std::int64_t size() const { return size_; }

 private:
  WordPieceTokenizer() = default;
  void add_text(std::u32string_view text, std::vector<std::int64_t>& ids) const;
  void add_word(std::u32string_view word, std::vector<std::int64_t>& ids) const;

  std::unordered_map<std::string, std::int64_t> pieces_;
  std::vector<std::pair<std::string, std::int64_t>> specials_;
  std::int64_t start_ = 0, end_ = 0, padding_ = 0, unknown_ = 0, size_ = 0;
};

}  // namespace tagalign::model
