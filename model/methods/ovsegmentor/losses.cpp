#include "model/methods/ovsegmentor/losses.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cdist.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/sigmoid.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/status.h"
#include "model/methods/grouping/group_model.h"

namespace tagalign::model {
namespace {

constexpr char kBlock[] = "multimodal_groupingblock.blocks.0";

/// x [B, K, H, W], the masks in the order of `order` [B, K].
at::Tensor reordered(const at::Tensor& x, const at::Tensor& order) {
  return x.gather(1, order.unsqueeze(-1).unsqueeze(-1).expand_as(x));
}

/// From the smallest to the largest value of each mask: 0 … 1.
at::Tensor stretched(const at::Tensor& masks) {
  const at::Tensor flat = masks.flatten(2);  // [B, K, H·W]
  const at::Tensor low = std::get<0>(flat.min(2, true)), high = std::get<0>(flat.max(2, true));
  return (flat - low) / (high - low);
}

/// Shortest augmenting paths with potentials; one row is added at a time.
class Assignment {
 public:
  explicit Assignment(const at::Tensor& cost)
      : size_(static_cast<std::size_t>(cost.size(0))),
        cost_(cost.to(at::kCPU, at::kDouble).contiguous()),
        row_potential_(size_ + 1, 0.0),
        column_potential_(size_ + 1, 0.0),
        row_of_(size_ + 1, size_) {}

  std::vector<std::int64_t> run() {
    for (std::size_t row = 0; row < size_; ++row) add(row);
    std::vector<std::int64_t> columns(size_);
    for (std::size_t column = 0; column < size_; ++column)
      columns[row_of_[column]] = static_cast<std::int64_t>(column);
    return columns;
  }

 private:
  double reduced(std::size_t row, std::size_t column) const {
    return cost_.const_data_ptr<double>()[row * size_ + column] - row_potential_[row] -
           column_potential_[column];
  }

  /// Column `size_` stands for none; row `size_` is unassigned.
  void add(std::size_t row) {
    const double far = std::numeric_limits<double>::infinity();
    std::vector<double> slack(size_, far);
    std::vector<std::size_t> before(size_, size_);
    std::vector<bool> done(size_ + 1, false);
    std::size_t column = size_;
    row_of_[size_] = row;
    do {
      done[column] = true;
      const std::size_t next = step(column, slack, before, done);
      column = next;
    } while (row_of_[column] != size_);
    for (; column != size_; column = before[column]) row_of_[column] = row_of_[before[column]];
    row_of_[size_] = size_;
  }

  /// Shortens the slacks from the row of `column` and returns the nearest column.
  std::size_t step(std::size_t column, std::vector<double>& slack, std::vector<std::size_t>& before,
                   const std::vector<bool>& done) {
    std::size_t nearest = size_;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < size_; ++j) {
      if (done[j]) continue;
      const double found = reduced(row_of_[column], j);
      if (found < slack[j]) slack[j] = found, before[j] = column;
      if (slack[j] < least) least = slack[j], nearest = j;
    }
    TA_CHECK(nearest != size_, "finite costs");
    for (std::size_t j = 0; j <= size_; ++j) {
      if (done[j]) {
        row_potential_[row_of_[j]] += least;
        column_potential_[j] -= least;
      } else if (j < size_) {
        slack[j] -= least;
      }
    }
    return nearest;
  }

  std::size_t size_;
  at::Tensor cost_;  // [K, K]
  std::vector<double> row_potential_, column_potential_;
  std::vector<std::size_t> row_of_;
};

}  // namespace

EntityHead EntityHead::take(TensorSource& source, std::int64_t image_width, std::int64_t text_width,
                            std::int64_t heads) {
  EntityHead head;
  const std::int64_t width = std::min(image_width, text_width);
  head.align_image_ = image_width > width;
  head.align_text_ = text_width > width;
  if (head.align_image_) head.align_ = take_linear(source, "align_proj_img", width, image_width);
  if (head.align_text_) head.align_ = take_linear(source, "align_proj_text", width, text_width);
  const std::string block = kBlock, pre = block + ".pre_assign_attn";
  head.norm_words_ = take_norm(source, block + ".norm_tokens", width);
  head.norm_groups_ = take_norm(source, block + ".norm_x", width);
  head.norm_out_ = take_norm(source, block + ".norm_new_x", width);
  head.cross_ = take_cross_attention(source, pre + ".attn", width, heads);
  head.cross_norm2_ = take_norm(source, pre + ".norm2", width);
  head.cross_norm_post_ = take_norm(source, pre + ".norm_post", width);
  head.cross_mlp_ = take_mlp(source, pre + ".mlp", width, width);
  head.self_ = take_block(source, block + ".post_attn", width, heads);
  take_cross_attention(source, block + ".assign", width, /*heads=*/1);
  head.bridge_ = GroupProjection::take(source, "bridge_projector.", width);
  return head;
}

at::Tensor EntityHead::fuse(const at::Tensor& words, const at::Tensor& groups) const {
  const at::Tensor q = norm_words_.forward(align_text_ ? align_.forward(words) : words);
  const at::Tensor v = norm_groups_.forward(align_image_ ? align_.forward(groups) : groups);
  const at::Tensor crossed = q + cross_.forward(q, v);  // [B, L, min(D, W)]
  const at::Tensor c =
      cross_norm_post_.forward(crossed + cross_mlp_.forward(cross_norm2_.forward(crossed)));
  return norm_out_.forward(self_.forward(c) + c).select(1, 0);
}

std::vector<std::int64_t> least_cost_assignment(const at::Tensor& cost) {
  TA_CHECK(cost.dim() == 2 && cost.size(0) == cost.size(1), "cost [K, K]");
  return Assignment(cost).run();
}

MaskMatch match_masks(const at::Tensor& masks, const at::Tensor& pair_masks) {
  const at::NoGradGuard no_grad;
  const at::Tensor cost =
      at::cdist(unit_rows(masks.flatten(2)), unit_rows(pair_masks.flatten(2)));  // [B, K, K]
  MaskMatch match{at::empty({cost.size(0), cost.size(1)}, at::kLong), {}};
  match.second = at::empty_like(match.first);
  for (std::int64_t b = 0; b < cost.size(0); ++b) {
    const auto columns = least_cost_assignment(cost[b]);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      match.first[b][row] = row;
      match.second[b][row] = columns[i];
    }
  }
  match.first = match.first.to(masks.device());
  match.second = match.second.to(masks.device());
  return match;
}

at::Tensor mask_consistency_loss(const at::Tensor& masks, const at::Tensor& pair_masks,
                                 const MaskMatch& match, double share) {
  const at::Tensor input = stretched(reordered(masks, match.first)).flatten(1);  // [B, K·H·W]
  const at::Tensor likely = at::sigmoid(reordered(pair_masks, match.second)).flatten(2);
  const at::Tensor target =
      likely.ge(std::get<0>(likely.max(2, true)) * share).to(at::kFloat).flatten(1);
  const at::Tensor overlap = (input * target).sum(1);  // [B]
  const at::Tensor dice = 1.0 - (overlap * 2.0 + 1.0) / (input.sum(1) + target.sum(1) + 1.0);
  return dice.sum() / static_cast<double>(masks.size(1));
}

}  // namespace tagalign::model
