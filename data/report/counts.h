/// Counts of values between bounds, and of captions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tagalign::data {

/// Counts between bounds.
struct Histogram {
  std::string unit;
  std::vector<std::uint64_t> bounds;  ///< lower ends, the first is 0
  std::vector<std::uint64_t> counts;  ///< one a bound

  void add(std::uint64_t value);
  /// Of another with the same bounds.
  void add(const Histogram& other);
};
Histogram empty_histogram(std::string unit, std::vector<std::uint64_t> bounds);

/// Captions of one origin: beside the images, or of one file.
struct CaptionCounts {
  std::uint64_t captions = 0;
  std::uint64_t equal = 0;  ///< that equal an earlier one, byte by byte; empty ones left out
  std::uint64_t chinese =
      0;  ///< with a character of U+4E00 … U+9FFF, as the reference looks for it
  std::map<std::string, std::uint64_t> scripts;  ///< script_name() of script_of()
  Histogram lengths;                             ///< in characters
};

/// Counts texts that equal an earlier one, by digests: 8 bytes a text. One thread.
class EqualTexts {
 public:
  /// Empty texts are no twins.
  void add(std::string_view text);
  std::uint64_t finish();

 private:
  std::vector<std::uint64_t> digests_;
};

/// Those that equal an earlier one.
std::uint64_t count_equal(std::vector<std::uint64_t> digests);

/// One thread. 8 bytes a caption.
class CaptionCounter {
 public:
  CaptionCounter();
  void add(std::string_view caption);
  CaptionCounts finish();

 private:
  CaptionCounts counts_;
  EqualTexts texts_;
};

}  // namespace tagalign::data
