/// Small values for characters of the Basic Multilingual Plane, in pages of 256 characters that
/// exist only where something is set; every other character has the value Value{}.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tagalign::model {

template <class Value>
class CharTable {
 public:
  const Value& operator[](char32_t c) const {
    return c <= kLast ? pages_[page_of_[c / kPageSize]][c % kPageSize] : pages_[0][0];
  }

  /// For setting; `c` lies in the Basic Multilingual Plane.
  Value& at(char32_t c) {
    std::uint16_t& page = page_of_[c / kPageSize];
    if (page == 0) {
      page = static_cast<std::uint16_t>(pages_.size());
      pages_.emplace_back();
    }
    return pages_[page][c % kPageSize];
  }

 private:
  static constexpr char32_t kLast = 0xFFFF;
  static constexpr std::size_t kPageSize = 256;
  std::array<std::uint16_t, (kLast + 1) / kPageSize> page_of_{};
  std::vector<std::array<Value, kPageSize>> pages_{1};  // page 0 stays empty
};

}  // namespace tagalign::model
