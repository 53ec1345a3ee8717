#include "model/clip/tokenizer.h"

#include <unicode/uchar.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/format.h"
#include "base/process.h"
#include "model/clip/byte_pairs.h"
#include "model/clip/text/clean_text.h"
#include "model/clip/text/unicode.h"

namespace tagalign::model {
namespace {

constexpr std::uint64_t kVocabularyFileBytesMax = 16u << 20;
constexpr std::size_t kVocabularyBytesMax = 64u << 20;
constexpr std::size_t kCachedWords = 1u << 16;
constexpr std::size_t kCachedWordBytesMax = 64;
constexpr char kVocabularyName[] = "bpe_simple_vocab_16e6.txt.gz";

Result<std::string> unpack_gzip(std::string packed) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  TA_CHECK(inflateInit2(&stream, kGzipWindow) == Z_OK, "zlib cannot start");
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text(4u << 20, '\0');
  int state = Z_OK;
  while (state == Z_OK && stream.total_out < kVocabularyBytesMax) {
    if (stream.total_out == text.size()) text.resize(2 * text.size());
    stream.next_out = reinterpret_cast<Bytef*>(text.data()) + stream.total_out;
    stream.avail_out = static_cast<uInt>(text.size() - stream.total_out);
    state = inflate(&stream, Z_NO_FLUSH);
  }
  text.resize(stream.total_out);
  inflateEnd(&stream);
  if (state != Z_STREAM_END) return data_loss("not a whole gzip file");
  return text;
}

bool is_letter(char32_t c) {
  return (U_MASK(u_charType(static_cast<UChar32>(c))) & U_GC_L_MASK) != 0;
}
bool is_number(char32_t c) {
  return (U_MASK(u_charType(static_cast<UChar32>(c))) & U_GC_N_MASK) != 0;
}
// The reference's pattern ignores case, by which this mark is a small iota and no member of
// "neither letter nor number"; a letter it is not: it only separates.
constexpr char32_t kIotaBelow = 0x345;
bool is_other(char32_t c) {
  return !is_letter(c) && !is_number(c) && c != kIotaBelow &&
         u_isUWhiteSpace(static_cast<UChar32>(c)) == 0;
}

constexpr std::u32string_view kStartText = U"<|startoftext|>";
constexpr std::u32string_view kEndText = U"<|endoftext|>";

/// Length of "'s", "'re" and the like at the start of `text`, or 0. The reference ignores case, and
/// the long s is an s.
std::size_t contraction_length(std::u32string_view text) {
  if (text.size() < 2 || text[0] != U'\'') return 0;
  for (const std::u32string_view ending : {U"s", U"t", U"re", U"ve", U"m", U"ll", U"d"}) {
    if (text.substr(1).starts_with(ending)) return 1 + ending.size();
  }
  return text[1] == 0x17F ? 2 : 0;
}

template <class Predicate>
std::size_t run_length(std::u32string_view text, Predicate predicate) {
  const auto end = std::find_if_not(text.begin(), text.end(), predicate);
  return static_cast<std::size_t>(end - text.begin());
}

/// Length of the word at the start of a cleaned text, by the alternatives of CLIP's pattern in
/// their order; 0: skip one.
std::size_t word_length(std::u32string_view text) {
  for (const std::u32string_view special : {kStartText, kEndText}) {
    if (text.starts_with(special)) return special.size();
  }
  if (const std::size_t length = contraction_length(text)) return length;
  if (const std::size_t length = run_length(text, is_letter)) return length;
  if (is_number(text[0])) return 1;
  return run_length(text, is_other);
}

}  // namespace

struct Tokenizer::Impl {
  BytePairs pairs;
  mutable std::mutex mutex;
  mutable std::unordered_map<std::string, std::vector<std::int32_t>> cache;

  explicit Impl(BytePairs byte_pairs) : pairs(std::move(byte_pairs)) {}

  std::vector<std::int32_t> encode_word(const std::string& word) const {
    const bool cacheable = word.size() <= kCachedWordBytesMax;
    if (cacheable) {
      const std::lock_guard lock(mutex);
      if (const auto found = cache.find(word); found != cache.end()) return found->second;
    }
    std::vector<std::int32_t> ids = pairs.encode(word);
    if (cacheable) {
      const std::lock_guard lock(mutex);
      if (cache.size() < kCachedWords) cache.emplace(word, ids);
    }
    return ids;
  }
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Result<Tokenizer> Tokenizer::load(FileSystem& files, const Path& vocabulary) {
  const std::string context = format("loading CLIP's vocabulary from '{}'", vocabulary.string());
  auto packed = files.read_file(vocabulary, kVocabularyFileBytesMax);
  if (!packed.ok()) {
    return packed.status().with_context(context + " (set TAGALIGN_VOCABULARY to " +
                                        kVocabularyName + ")");
  }
  auto merge_list = unpack_gzip(std::move(packed).value());
  if (!merge_list.ok()) return merge_list.status().with_context(context);
  auto pairs = BytePairs::parse(*merge_list);
  if (!pairs.ok()) return pairs.status().with_context(context);
  return Tokenizer(std::make_unique<Impl>(std::move(pairs).value()));
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, int context) const {
  TA_CHECK(context >= 2, "a context holds at least start and end of text");
  const auto room = static_cast<std::size_t>(context) - 1;  // the end of text always fits
  const std::u32string cleaned = clean_text(text);
  std::u32string_view rest = cleaned;
  std::vector<std::int32_t> ids = {kStartOfText};
  while (!rest.empty() && ids.size() < room) {
    const std::size_t length = word_length(rest);
    const std::u32string_view word = rest.substr(0, length);
    if (word == kStartText) {
      ids.push_back(kStartOfText);
    } else if (word == kEndText) {
      ids.push_back(kEndOfText);
    } else if (length > 0) {
      const auto pieces = impl_->encode_word(encode_utf8(word));
      ids.insert(ids.end(), pieces.begin(), pieces.end());
    }
    rest.remove_prefix(std::max<std::size_t>(length, 1));
  }
  ids.resize(std::min(ids.size(), room));
  ids.push_back(kEndOfText);
  return ids;
}

std::vector<std::int64_t> Tokenizer::encode_padded(const std::vector<std::string>& texts,
                                                   int context) const {
  const auto width = static_cast<std::size_t>(context);
  std::vector<std::int64_t> padded(texts.size() * width);
  for (std::size_t row = 0; row < texts.size(); ++row) {
    const auto ids = encode(texts[row], context);
    std::copy(ids.begin(), ids.end(), padded.begin() + static_cast<std::ptrdiff_t>(row * width));
  }
  return padded;
}

Path default_vocabulary() {
  if (const char* given = std::getenv("TAGALIGN_VOCABULARY")) return given;
  return self_executable().parent_path() / ".." / "share" / "tagalign" / kVocabularyName;
}

}  // namespace tagalign::model
