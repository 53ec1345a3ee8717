/// Lists of points against those of the folder's JSON: [[[x, y], …], [label, …]].
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/methods/clip_surgery/points.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::clip_surgery {

/// Of a key "NAME.t0.6.down1"; nullopt for a key of another name.
std::optional<model::PointOptions> point_options(const std::string& key, const std::string& name);

/// Lists that make one line together.
class PointLists {
 public:
  PointLists(const Json& expected, model::ImageSize image) : expected_(expected), image_(image) {}

  /// `scores` [P] are those of the list's text; undefined where it has several. Two cells whose
  /// scores are as good as equal may stand for each other.
  void compare(const std::string& key, const std::vector<model::PointPrompt>& found,
               const at::Tensor& scores, const model::PointOptions& options);
  void say(const std::string& quantity, Report& report) const;

 private:
  const Json& expected_;
  model::ImageSize image_;
  std::uint64_t lists_ = 0, differing_ = 0;
  std::string first_;  ///< that differs
};

}  // namespace tagalign::golden::clip_surgery
