#include "model/methods/resclip/feedback.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/conv1d.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

#include "base/status.h"

namespace tagalign::model {
namespace {

constexpr double kRowSumMin = 1e-8;
/// The smoothing reaches three deviations to either side.
constexpr double kKernelDeviations = 6.0;

/// [H, W]
at::Tensor pixel_queries(const at::Tensor& shares, double threshold) {
  return at::argmax(shares, 0).masked_fill(shares.amax(0).lt(threshold), 0);
}

/// Where each of `steps` + 1 points on the way from patch a to b of an axis lies: [n, n, steps + 1]
/// int64. In fp32 and with halves to even: another rounding takes other ways.
at::Tensor way_points(std::int64_t side, std::int64_t steps) {
  const at::Tensor t = at::linspace(0, 1, steps + 1, at::kFloat);
  const at::Tensor position = at::arange(side, at::kFloat);
  const at::Tensor from = position.view({side, 1, 1});
  const at::Tensor to = position.view({1, side, 1});
  return (from * (1 - t) + to * t).round().to(at::kLong).contiguous();
}

/// The straight ways between the patches of a grid.
class Ways {
 public:
  explicit Ways(const at::Tensor& queries)
      : height_(queries.size(0)),
        width_(queries.size(1)),
        longest_(std::max(height_, width_) - 1),
        queries_(queries),
        rows_(way_points(height_, longest_)),
        columns_(way_points(width_, longest_)),
        ids_(queries_.const_data_ptr<std::int64_t>()),
        row_points_(rows_.const_data_ptr<std::int64_t>()),
        column_points_(columns_.const_data_ptr<std::int64_t>()) {}

  std::int64_t longest() const { return longest_; }
  std::int64_t distance(std::int64_t i, std::int64_t j) const {
    return std::max(std::abs(i / width_ - j / width_), std::abs(i % width_ - j % width_));
  }
  /// Whether all points that count show what patch i shows.
  bool stays(std::int64_t i, std::int64_t j) const {
    const std::int64_t points = longest_ + 1;
    const std::int64_t* row = row_points_ + (i / width_ * height_ + j / width_) * points;
    const std::int64_t* column = column_points_ + (i % width_ * width_ + j % width_) * points;
    const std::int64_t last = distance(i, j);
    for (std::int64_t k = 0; k <= last; ++k) {
      if (ids_[row[k] * width_ + column[k]] != ids_[i]) return false;
    }
    return true;
  }

 private:
  std::int64_t height_, width_, longest_;
  at::Tensor queries_, rows_, columns_;
  const std::int64_t* ids_;
  const std::int64_t *row_points_, *column_points_;
};

/// exp(−d/longest) of d from 0 to `longest`.
std::vector<float> decays(std::int64_t longest) {
  const at::Tensor distance = at::arange(longest + 1, at::kFloat);
  const at::Tensor values =
      at::exp(-distance / static_cast<double>(std::max<std::int64_t>(longest, 1)));
  const float* first = values.const_data_ptr<float>();
  return {first, first + values.numel()};
}

/// [P, P] before the smoothing.
at::Tensor same_query(const at::Tensor& queries, bool delete_same_entity) {
  const std::int64_t count = queries.numel();
  const Ways ways(queries);
  const std::vector<float> decay = decays(ways.longest());
  const std::int64_t* ids = queries.const_data_ptr<std::int64_t>();
  at::Tensor same = at::zeros({count, count}, at::kFloat);
  float* out = same.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < count; ++j, ++out) {
      if (ids[i] != ids[j]) continue;
      const bool whole = !delete_same_entity || ways.stays(i, j);
      *out = whole ? 1.0F : decay[static_cast<std::size_t>(ways.distance(i, j))];
    }
  }
  return same;
}

/// The Gaussian over an odd number of patches, the row's length or a little more at most.
at::Tensor smoothing_kernel(std::int64_t patches, double gaussian_std) {
  const std::int64_t reach =
      std::min(patches, static_cast<std::int64_t>(kKernelDeviations * gaussian_std + 1)) / 2;
  const at::Tensor x = at::arange(-reach, reach + 1, at::kFloat);
  const at::Tensor values = at::exp(-(x * x) / (2 * gaussian_std * gaussian_std));
  return values / values.sum();
}

/// Every row of [P, P], then divided by its sum.
at::Tensor smoothed(const at::Tensor& rows, double gaussian_std) {
  const at::Tensor kernel = smoothing_kernel(rows.size(1), gaussian_std);
  const at::Tensor wide = at::conv1d(rows.unsqueeze(1), kernel.view({1, 1, -1}), /*bias=*/{},
                                     /*stride=*/1, /*padding=*/kernel.numel() / 2)
                              .squeeze(1);
  const at::Tensor positive = at::relu(wide);
  return positive / (positive.sum(1, /*keepdim=*/true) + kRowSumMin);
}

}  // namespace

at::Tensor patch_queries(const at::Tensor& shares, std::int64_t patch, double threshold) {
  TA_CHECK(shares.dim() == 3 && patch > 0, "shares [Q, H, W] and a patch of pixels");
  const at::Tensor pixels = pixel_queries(shares, threshold).to(at::kCPU).contiguous();
  const std::int64_t height = pixels.size(0) / patch, width = pixels.size(1) / patch;
  const std::int64_t* ids = pixels.const_data_ptr<std::int64_t>();
  at::Tensor most = at::zeros({height, width}, at::kLong);
  std::int64_t* out = most.mutable_data_ptr<std::int64_t>();
  std::vector<std::int64_t> votes(static_cast<std::size_t>(shares.size(0)));
  for (std::int64_t index = 0; index < height * width; ++index) {
    std::ranges::fill(votes, 0);
    const std::int64_t* corner =
        ids + index / width * patch * pixels.size(1) + index % width * patch;
    for (std::int64_t y = 0; y < patch; ++y) {
      for (const std::int64_t id : std::span(corner + y * pixels.size(1), std::size_t(patch)))
        ++votes[static_cast<std::size_t>(id)];
    }
    out[index] = std::ranges::max_element(votes) - votes.begin();
  }
  return most;
}

at::Tensor feedback_matrix(const at::Tensor& queries, const FeedbackRule& rule) {
  TA_CHECK(queries.dim() == 2 && queries.is_cpu() && queries.scalar_type() == at::kLong,
           "queries [h, w] int64 on the CPU");
  TA_CHECK(rule.gaussian_std > 0, "a deviation above 0");
  const at::Tensor same = same_query(queries.contiguous(), rule.delete_same_entity);
  at::Tensor all = at::zeros({same.size(0) + 1, same.size(1) + 1}, at::kFloat);
  all.slice(0, 1).slice(1, 1).copy_(smoothed(same, rule.gaussian_std));
  return all;
}

}  // namespace tagalign::model
