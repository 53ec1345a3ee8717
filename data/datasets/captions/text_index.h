/// Which of many texts equals a given one. For data/ only.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/checksum.h"

namespace tagalign::data {

/// Numbers of texts by their hashes: about 11 bytes a text, wherever the texts themselves lie.
/// Immutable once made; safe from several threads when `TextOf` is.
template <class TextOf>
class TextIndex {
 public:
  struct Found {
    std::size_t number = 0;
    bool is_ambiguous = false;  ///< several have this text; `number` is the one that was kept
  };

  /// text_of(i) gives text i of `count` < 2³¹, the same at every call; empty ones are left out.
  /// Of equal ones the first is kept, or the last.
  TextIndex(std::size_t count, TextOf text_of, bool keep_last = false)
      : text_of_(std::move(text_of)), slots_(std::bit_ceil(count * 2 + 2)) {
    for (std::size_t i = 0; i < count; ++i) insert(i, keep_last);
  }

  std::optional<Found> find(std::string_view text) const {
    if (text.empty()) return std::nullopt;
    const std::uint32_t slot = slots_[place_of(text)];
    if (slot == 0) return std::nullopt;
    return Found{(slot & ~kAmbiguous) - 1, (slot & kAmbiguous) != 0};
  }

 private:
  static constexpr std::uint32_t kAmbiguous = 1u << 31;

  /// Of the slot that holds the text, or of the free one where it belongs.
  std::size_t place_of(std::string_view text) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = digest64(as_bytes(text)) & mask;
    while (slots_[at] != 0 && text_of_((slots_[at] & ~kAmbiguous) - 1) != text)
      at = (at + 1) & mask;
    return at;
  }

  void insert(std::size_t number, bool keep_last) {
    const std::string_view text = text_of_(number);
    if (text.empty()) return;
    std::uint32_t& slot = slots_[place_of(text)];
    const auto own = static_cast<std::uint32_t>(number + 1);
    if (slot == 0) {
      slot = own;
    } else {
      slot = (keep_last ? own : slot) | kAmbiguous;
    }
  }

  TextOf text_of_;
  std::vector<std::uint32_t> slots_;  ///< number + 1; 0: free
};

}  // namespace tagalign::data
