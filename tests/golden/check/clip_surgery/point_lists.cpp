#include "tests/golden/check/clip_surgery/point_lists.h"

#include <algorithm>
#include <cmath>
#include <regex>

#include "tests/golden/check/clip_surgery/bounds.h"

namespace tagalign::golden::clip_surgery {
namespace {

using model::PointPrompt;

std::vector<PointPrompt> points_of(const Json& list) {
  std::vector<PointPrompt> points;
  for (std::size_t i = 0; i < list.at(0).size(); ++i) {
    const Json& place = list.at(0)[i];
    points.push_back({place.at(0), place.at(1), list.at(1).at(i).get<int>() == 1});
  }
  return points;
}

/// The score of the cell in whose middle a point lies; nullopt for none.
std::optional<float> score_at(const model::PointCells& cells, const PointPrompt& point,
                              model::ImageSize image) {
  for (std::size_t cell = 0; cell < cells.scores.size(); ++cell) {
    if (cells.point(static_cast<std::int64_t>(cell), image, point.inside) == point)
      return cells.scores[cell];
  }
  return std::nullopt;
}

}  // namespace

std::optional<model::PointOptions> point_options(const std::string& key, const std::string& name) {
  static const std::regex kOptions(R"(\.t([0-9.]+)\.down(\d+))");
  std::smatch match;
  if (!key.starts_with(name)) return std::nullopt;
  const std::string rest = key.substr(name.size());
  if (!std::regex_match(rest, match, kOptions)) return std::nullopt;
  return model::PointOptions{.threshold = std::stod(match[1]), .shrink = std::stoi(match[2])};
}

void PointLists::compare(const std::string& key, const std::vector<PointPrompt>& found,
                         const at::Tensor& scores, const model::PointOptions& options) {
  const auto stored = expected_.find(key);
  if (stored == expected_.end()) return;
  ++lists_;
  const std::vector<PointPrompt> expected = points_of(*stored);
  if (found == expected) return;
  const auto tied = [&](const PointPrompt& a, const PointPrompt& b) {
    if (a == b) return true;
    if (!scores.defined()) return false;
    const model::PointCells cells = model::point_cells(scores, options.shrink);
    const auto left = score_at(cells, a, image_), right = score_at(cells, b, image_);
    return left && right && a.inside == b.inside && std::abs(*left - *right) < kTie;
  };
  if (std::ranges::equal(found, expected, tied)) return;
  ++differing_;
  if (first_.empty()) first_ = key;
}

void PointLists::say(const std::string& quantity, Report& report) const {
  report.counted(quantity, lists_, differing_, 0, kPoints,
                 first_.empty() ? first_ : "first: " + first_);
}

}  // namespace tagalign::golden::clip_surgery
