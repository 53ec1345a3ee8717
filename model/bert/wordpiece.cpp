#include "model/bert/wordpiece.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/checksum.h"
#include "base/format.h"
#include "model/clip/text/unicode.h"

namespace tagalign::model {
namespace {

constexpr std::uint64_t kVocabularyBytesMax = 64u << 20;
constexpr std::size_t kWordCharactersMax = 100;  ///< longer words are unknown
constexpr std::string_view kContinued = "##";
constexpr char32_t kReplacement = 0xFFFD;
constexpr std::array<std::string_view, 5> kSpecials = {"[PAD]", "[UNK]", "[CLS]", "[SEP]",
                                                       "[MASK]"};

UChar32 icu_char(char32_t c) {
  return static_cast<UChar32>(c);
}
bool has_category(char32_t c, std::uint32_t mask) {
  return (U_MASK(u_charType(icu_char(c))) & mask) != 0;
}

bool is_blank(char32_t c) {
  return u_isUWhiteSpace(icu_char(c)) != 0;
}

/// Controls, formats, private and unassigned characters, but the three blanks among them.
bool is_removed(char32_t c) {
  if (c == U'\t' || c == U'\n' || c == U'\r') return false;
  return c == 0 || c == kReplacement || has_category(c, U_GC_C_MASK);
}

/// All symbols of ASCII count, also those that Unicode calls no punctuation: $, +, <, ^.
bool is_punctuation(char32_t c) {
  const bool ascii = in_range(c, U'!', U'/') || in_range(c, U':', U'@') ||
                     in_range(c, U'[', U'`') || in_range(c, U'{', U'~');
  return ascii || has_category(c, U_GC_P_MASK);
}

/// Ideographs are words of their own; kana and hangul are not.
bool is_ideograph(char32_t c) {
  constexpr std::array<std::pair<char32_t, char32_t>, 8> kRanges = {{{0x4E00, 0x9FFF},
                                                                     {0x3400, 0x4DBF},
                                                                     {0x20000, 0x2A6DF},
                                                                     {0x2A700, 0x2B73F},
                                                                     {0x2B740, 0x2B81F},
                                                                     {0x2B820, 0x2CEAF},
                                                                     {0xF900, 0xFAFF},
                                                                     {0x2F800, 0x2FA1F}}};
  return std::ranges::any_of(
      kRanges, [c](const auto& range) { return in_range(c, range.first, range.second); });
}

/// Lower case, a character at a time: the form of a sigma does not depend on its place.
void append_lower(char32_t c, std::u32string& text) {
  text += lower_case(std::u32string_view(&c, 1));
}

/// `c` decomposed, without its marks, in lower case.
void append_plain(char32_t c, std::u32string& text) {
  UErrorCode error = U_ZERO_ERROR;
  const auto* normal = icu::Normalizer2::getNFDInstance(error);
  TA_CHECK(U_SUCCESS(error), u_errorName(error));
  icu::UnicodeString parts;
  if (normal->getDecomposition(icu_char(c), parts) == 0) parts = icu::UnicodeString(icu_char(c));
  for (std::int32_t i = 0; i < parts.length(); i = parts.moveIndex32(i, 1)) {
    const auto part = static_cast<char32_t>(parts.char32At(i));
    if (!has_category(part, U_GC_MN_MASK)) append_lower(part, text);
  }
}

std::u32string plain_text(std::u32string_view text) {
  std::u32string plain;
  for (const char32_t c : text) {
    if (is_removed(c)) continue;
    if (is_blank(c)) {
      plain += U' ';
    } else if (is_ideograph(c)) {
      plain += U' ';
      append_plain(c, plain);
      plain += U' ';
    } else {
      append_plain(c, plain);
    }
  }
  return plain;
}

Status wrong_vocabulary(const Path& path, const std::string& expected, const std::string& found) {
  return invalid_argument(format(
      "reading the vocabulary {}: expected {}, found {}; take vocab.txt of bert-base-uncased, "
      "or set method.vocabulary_digest to that of the one that the weights were trained with",
      path.string(), expected, found));
}

Result<std::string> read_vocabulary(FileSystem& files, const Path& path,
                                    const std::string& digest) {
  auto text = files.read_file(path, kVocabularyBytesMax);
  if (!text.ok()) {
    return text.status().with_context(
        "reading the vocabulary of BERT (vocab.txt of bert-base-uncased, 30522 lines; set "
        "method.vocabulary to where it lies)");
  }
  const std::string found = digest128(as_bytes(*text)).hex();
  if (!digest.empty() && found != digest)
    return wrong_vocabulary(path, "the XXH3-128 " + digest, found);
  return text;
}

}  // namespace

Result<WordPieceTokenizer> WordPieceTokenizer::load(FileSystem& files, const Path& vocabulary,
                                                    const std::string& digest) {
  TA_ASSIGN_OR_RETURN(const std::string text, read_vocabulary(files, vocabulary, digest));
  WordPieceTokenizer tokenizer;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    std::string piece = text.substr(from, end - from);
    if (piece.ends_with('\r')) piece.pop_back();
    tokenizer.pieces_[piece] = tokenizer.size_++;
    from = end + 1;
  }
  for (const std::string_view special : kSpecials) {
    const auto found = tokenizer.pieces_.find(std::string(special));
    if (found == tokenizer.pieces_.end())
      return wrong_vocabulary(vocabulary, format("the piece {}", special), "none");
    tokenizer.specials_.emplace_back(special, found->second);
  }
  tokenizer.padding_ = tokenizer.specials_[0].second;
  tokenizer.unknown_ = tokenizer.specials_[1].second;
  tokenizer.start_ = tokenizer.specials_[2].second;
  tokenizer.end_ = tokenizer.specials_[3].second;
  return tokenizer;
}

std::vector<std::int64_t> WordPieceTokenizer::encode(std::string_view text,
                                                     std::size_t length_max) const {
  TA_CHECK(length_max >= 2, "room for [CLS] and [SEP]");
  std::vector<std::int64_t> ids = {start_};
  while (!text.empty()) {
    std::size_t first = text.size(), length = 0;
    std::int64_t id = 0;
    for (const auto& [special, number] : specials_) {
      const std::size_t at = text.find(special);
      if (at < first) first = at, length = special.size(), id = number;
    }
    add_text(decode_utf8(text.substr(0, first)), ids);
    if (length > 0) ids.push_back(id);
    text.remove_prefix(first + length);
  }
  ids.resize(std::min(ids.size(), length_max - 1));
  ids.push_back(end_);
  return ids;
}

/// Words and punctuation marks of a text without specials.
void WordPieceTokenizer::add_text(std::u32string_view text, std::vector<std::int64_t>& ids) const {
  const std::u32string plain = plain_text(text);
  const std::u32string_view all = plain;
  std::size_t from = 0;
  for (std::size_t i = 0; i <= all.size(); ++i) {
    const bool ends = i == all.size(), mark = !ends && is_punctuation(all[i]);
    if (!ends && !mark && !is_blank(all[i])) continue;
    add_word(all.substr(from, i - from), ids);
    if (mark) add_word(all.substr(i, 1), ids);
    from = i + 1;
  }
}

void WordPieceTokenizer::add_word(std::u32string_view word, std::vector<std::int64_t>& ids) const {
  if (word.empty()) return;
  if (word.size() > kWordCharactersMax) return ids.push_back(unknown_);
  std::vector<std::int64_t> found;
  for (std::size_t from = 0; from < word.size();) {
    std::size_t length = word.size() - from;
    auto piece = pieces_.end();
    for (; length > 0 && piece == pieces_.end(); --length) {
      const std::string start = from == 0 ? "" : std::string(kContinued);
      piece = pieces_.find(start + encode_utf8(word.substr(from, length)));
    }
    if (piece == pieces_.end()) return ids.push_back(unknown_);
    found.push_back(piece->second);
    from += length + 1;
  }
  ids.insert(ids.end(), found.begin(), found.end());
}

}  // namespace tagalign::model
