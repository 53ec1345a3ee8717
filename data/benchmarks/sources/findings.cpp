#include "data/benchmarks/sources/findings.h"

#include <algorithm>

#include "base/status.h"

namespace tagalign::data {
namespace {

struct Names {
  FindingKind kind;
  std::string_view name;
  std::string_view title;
};

constexpr Names kNames[] = {
    {FindingKind::kCount, "count", "other number of images than expected"},
    {FindingKind::kMissingImage, "missing-image", "missing images"},
    {FindingKind::kMissingLabel, "missing-label", "images without a label"},
    {FindingKind::kBadLine, "bad-line", "lines of the list that do not fit"},
    {FindingKind::kExtraFile, "extra-file", "files that do not belong there"},
    {FindingKind::kUnreadableImage, "unreadable-image", "images that cannot be read"},
    {FindingKind::kUnreadableLabel, "unreadable-label", "labels that cannot be read"},
    {FindingKind::kSizeMismatch, "size-mismatch", "labels of another size than their image"},
    {FindingKind::kWrongEncoding, "wrong-encoding", "labels stored in another way than expected"},
    {FindingKind::kIdOutOfRange, "id-out-of-range", "labels with ids outside the range"},
    {FindingKind::kNothingToScore, "nothing-to-score", "nothing to score"},
    {FindingKind::kClassList, "class-list", "class lists that are refused"},
};

const Names& names_of(FindingKind kind) {
  const auto* found = std::find_if(std::begin(kNames), std::end(kNames),
                                   [&](const Names& names) { return names.kind == kind; });
  TA_CHECK(found != std::end(kNames));
  return *found;
}

}  // namespace

std::string_view finding_name(FindingKind kind) {
  return names_of(kind).name;
}

std::string_view finding_title(FindingKind kind) {
  return names_of(kind).title;
}

}  // namespace tagalign::data
