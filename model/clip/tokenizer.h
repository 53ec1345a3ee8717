/// CLIP's byte-pair tokenizer (TERMS.md, reference §1): clean, lower-case, split, merge.
///
/// Immutable after load(); encode() may be called from several threads (its cache
/// is internal and locked).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::model {

class Tokenizer {
 public:
  /// `vocabulary` is bpe_simple_vocab_16e6.txt.gz; its merge count is checked.
  static Result<Tokenizer> load(FileSystem& files, const Path& vocabulary);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  /// Start of text, at most context − 2 pieces, end of text; without padding. Bytes that are
  /// not UTF-8 become U+FFFD.
  std::vector<std::int32_t> encode(std::string_view text, int context = 77) const;
  /// Row-major [texts.size(), context], zero padded.
  std::vector<std::int64_t> encode_padded(const std::vector<std::string>& texts,
                                          int context = 77) const;

  static constexpr std::int32_t kStartOfText = 49406;
  static constexpr std::int32_t kEndOfText = 49407;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The vocabulary beside the running program (bin/../share/tagalign), or $TAGALIGN_VOCABULARY.
Path default_vocabulary();

}  // namespace tagalign::model
