#include "model/clip/byte_pairs.h"

#include <array>
#include <numeric>
#include <optional>

#include "base/format.h"
#include "model/clip/text/unicode.h"

namespace tagalign::model {
namespace {

constexpr std::string_view kWordEnd = "</w>";
constexpr std::int32_t kByteIds = 256;

/// CLIP numbers bytes by putting the printable ones of Latin-1 first; the others follow in order,
/// written as U+0100 …
struct ByteAlphabet {
  std::array<std::int32_t, 256> id{};
  std::array<char32_t, 256> symbol{};
};

ByteAlphabet make_byte_alphabet() {
  const auto printable = [](int byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
  };
  ByteAlphabet alphabet;
  std::int32_t next_id = 0;
  char32_t next_symbol = 0x100;
  for (const bool pass : {true, false}) {
    for (int byte = 0; byte < 256; ++byte) {
      if (printable(byte) != pass) continue;
      const auto at = static_cast<std::size_t>(byte);
      alphabet.id[at] = next_id++;
      alphabet.symbol[at] = pass ? static_cast<char32_t>(byte) : next_symbol++;
    }
  }
  return alphabet;
}

const ByteAlphabet& byte_alphabet() {
  static const ByteAlphabet alphabet = make_byte_alphabet();
  return alphabet;
}

using Vocabulary = std::unordered_map<std::string, std::int32_t>;

Vocabulary single_byte_vocabulary() {
  Vocabulary vocabulary;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const std::string symbol = encode_utf8({&byte_alphabet().symbol[byte], 1});
    vocabulary.emplace(symbol, byte_alphabet().id[byte]);
    vocabulary.emplace(symbol + std::string(kWordEnd), byte_alphabet().id[byte] + kByteIds);
  }
  return vocabulary;
}

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return (static_cast<std::uint64_t>(left) << 32) | static_cast<std::uint32_t>(right);
}

std::optional<std::string_view> next_line(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

Result<BytePairs> BytePairs::parse(std::string_view merge_list) {
  BytePairs pairs;
  Vocabulary vocabulary = single_byte_vocabulary();
  if (!next_line(merge_list)) return data_loss("the merge list is empty");  // the version line
  for (std::size_t rank = 0; rank < kMerges; ++rank) {
    const auto line = next_line(merge_list);
    if (!line) {
      return data_loss(format("the merge list should hold {} merges, found {}", kMerges, rank));
    }
    const std::size_t space = line->find(' ');
    const auto left = vocabulary.find(std::string(line->substr(0, space)));
    const auto right = space == std::string_view::npos
                           ? vocabulary.end()
                           : vocabulary.find(std::string(line->substr(space + 1)));
    if (left == vocabulary.end() || right == vocabulary.end()) {
      return data_loss(format("line {} of the merge list should name two known pieces, found '{}'",
                              rank + 2, *line));
    }
    const auto id = static_cast<std::int32_t>(rank) + 2 * kByteIds;
    pairs.merges_.emplace(pair_key(left->second, right->second),
                          Merge{static_cast<std::int32_t>(rank), id});
    vocabulary.insert_or_assign(left->first + right->first, id);
  }
  return pairs;
}

void BytePairs::push_candidate(Queue& queue, const std::vector<Piece>& pieces,
                               std::int32_t left) const {
  if (left < 0) return;
  const Piece& piece = pieces[static_cast<std::size_t>(left)];
  if (piece.next < 0) return;
  const std::int32_t right_id = pieces[static_cast<std::size_t>(piece.next)].id;
  const auto found = merges_.find(pair_key(piece.id, right_id));
  if (found == merges_.end()) return;
  queue.push({found->second.rank, left, piece.next, piece.id, right_id});
}

std::vector<std::int32_t> BytePairs::encode(std::string_view word) const {
  constexpr std::int32_t kMerged = -1;
  std::vector<Piece> pieces(word.size());
  const auto count = static_cast<std::int32_t>(word.size());
  for (std::int32_t i = 0; i < count; ++i) {
    const auto byte = static_cast<unsigned char>(word[static_cast<std::size_t>(i)]);
    pieces[static_cast<std::size_t>(i)] = {byte_alphabet().id[byte], i - 1,
                                           i + 1 < count ? i + 1 : -1};
  }
  pieces.back().id += kByteIds;
  Queue queue;
  for (std::int32_t i = 0; i + 1 < count; ++i) push_candidate(queue, pieces, i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Piece& left = pieces[static_cast<std::size_t>(best.left)];
    Piece& right = pieces[static_cast<std::size_t>(best.right)];
    if (left.id != best.left_id || right.id != best.right_id || left.next != best.right) continue;
    left.id = merges_.at(pair_key(left.id, right.id)).id;
    left.next = right.next;
    right.id = kMerged;
    if (left.next >= 0) pieces[static_cast<std::size_t>(left.next)].previous = best.left;
    push_candidate(queue, pieces, left.previous);
    push_candidate(queue, pieces, best.left);
  }
  std::vector<std::int32_t> ids;
  for (std::int32_t i = 0; i >= 0; i = pieces[static_cast<std::size_t>(i)].next) {
    ids.push_back(pieces[static_cast<std::size_t>(i)].id);
  }
  return ids;
}

}  // namespace tagalign::model
