/// What is wrong with a data set, counted by kind, the first ten of each kind by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tagalign::data {

struct Offender {
  std::string file;
  std::string detail;
  auto operator<=>(const Offender&) const = default;
};

enum class FindingKind : std::uint8_t {
  kCount,            ///< not as many images as the benchmark has
  kMissingImage,     ///< listed, or labelled, but not there
  kMissingLabel,     ///< an image without its label
  kBadLine,          ///< of the list: twice, or of another folder
  kExtraFile,        ///< in the folders, but no part of the data set
  kUnreadableImage,  ///< cannot be decoded
  kUnreadableLabel,
  kSizeMismatch,    ///< label and image differ in width or height
  kWrongEncoding,   ///< colours where indices are expected, or the reverse
  kIdOutOfRange,    ///< an id that is neither a class nor ignored
  kNothingToScore,  ///< all labels hold one class of several, beside what is ignored
  kClassList,       ///< the list of classes is none that the evaluation takes
};
/// "missing-label": in JSON.
std::string_view finding_name(FindingKind kind);
/// "images without a label": for people.
std::string_view finding_title(FindingKind kind);

struct Finding {
  FindingKind kind = FindingKind::kCount;
  std::uint64_t count = 0;      ///< files concerned
  std::vector<Offender> first;  ///< by file name, kOffendersNamed at most
};

inline constexpr std::size_t kOffendersNamed = 10;

}  // namespace tagalign::data
