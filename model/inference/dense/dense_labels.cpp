#include "model/inference/dense/dense_labels.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status.h"
#include "model/inference/dense/score_rows.h"
#include "model/inference/kernels/predict.h"

namespace tagalign::model {
namespace {

/// Pixels whose scores come too close to each other to tell which softmax is the first largest.
class CloseCalls {
 public:
  CloseCalls(std::int64_t channels, LabelRule rule, std::vector<std::uint16_t>& labels)
      : channels_(channels), rule_(rule), labels_(labels) {}

  /// `scores` [channels], behind the constant's where there is one.
  void add(std::size_t pixel, std::optional<float> constant, const float* scores) {
    pixels_.push_back(pixel);
    if (constant) columns_.push_back(*constant);
    columns_.insert(columns_.end(), scores, scores + channels_ - (constant ? 1 : 0));
    if (pixels_.size() == kBatch) decide();
  }

  void decide() {
    if (pixels_.empty()) return;
    const std::size_t count = pixels_.size();
    // Softmax rounds in another way over a single column: there are always several.
    const std::size_t enough = std::max(count, kFewest);
    columns_.resize(enough * static_cast<std::size_t>(channels_));
    const at::Tensor scores =
        at::from_blob(columns_.data(), {static_cast<std::int64_t>(enough), channels_}, at::kFloat)
            .t()
            .contiguous()
            .unsqueeze(2);
    const at::Tensor found = predict_labels(scores, rule_).to(at::kInt).contiguous();
    for (std::size_t i = 0; i < count; ++i)
      labels_[pixels_[i]] = static_cast<std::uint16_t>(found.const_data_ptr<std::int32_t>()[i]);
    pixels_.clear();
    columns_.clear();
  }

 private:
  static constexpr std::size_t kBatch = 4096, kFewest = 64;

  std::int64_t channels_;
  LabelRule rule_;
  std::vector<std::uint16_t>& labels_;
  std::vector<std::size_t> pixels_;
  std::vector<float> columns_;  ///< [pixels, channels]
};

class Labeller {
 public:
  Labeller(std::span<const PlacedMap> windows, const DenseLabelOptions& options)
      : options_(options),
        size_(options.sizes.original),
        grids_(windows),
        rows_(grids_.rows(options.sizes)),
        peaks_(static_cast<std::size_t>(size_.width)),
        scores_(static_cast<std::size_t>(padded_channels(grids_.channels()))),
        highest_(options.highest ? scores_.size() : 0, kNoScore),
        results_(std::max<std::size_t>(options.backgrounds.size(), 1)) {
    const bool constant = !options.backgrounds.empty();
    for (DenseLabels& result : results_) {
      result.labels.resize(static_cast<std::size_t>(size_.height * size_.width));
      calls_.emplace_back(grids_.channels() + (constant ? 1 : 0), options.rule, result.labels);
    }
    if (!constant) return;
    constants_.emplace(windows, options.sizes, options.backgrounds);
    constant_scores_.resize(static_cast<std::size_t>(constants_->padded()));
    constant_highest_.assign(constant_scores_.size(), kNoScore);
  }

  std::vector<DenseLabels> run() {
    for (std::int64_t y = 0; y < size_.height; ++y) label_row(y);
    for (CloseCalls& calls : calls_) calls.decide();
    if (options_.highest) give_highest();
    return std::move(results_);
  }

 private:
  void label_row(std::int64_t y) {
    const RowPair row = rows_.row(y);
    const bool softmax = options_.rule == LabelRule::kSoftmax;
    find_peaks(row, softmax ? kTieMargin : -1.0F, peaks_,
               highest_.empty() ? nullptr : highest_.data());
    std::optional<RowPair> constants;
    if (constants_) constants = constants_->row(y);
    const auto first = static_cast<std::size_t>(y * size_.width);
    for (std::size_t x = 0; x < peaks_.size(); ++x) {
      if (constants) {
        label_before_constants(row, *constants, first, x);
      } else {
        label_pixel(row, first, x);
      }
    }
  }

  void label_pixel(const RowPair& row, std::size_t first, std::size_t x) {
    const PixelPeak& peak = peaks_[x];
    results_[0].labels[first + x] = static_cast<std::uint16_t>(peak.channel);
    if (peak.alone) return;
    blend_pixel(row, x, scores_.data());
    calls_[0].add(first + x, std::nullopt, scores_.data());
  }

  void label_before_constants(const RowPair& row, const RowPair& constants, std::size_t first,
                              std::size_t x) {
    const PixelPeak& peak = peaks_[x];
    blend_pixel(constants, x, constant_scores_.data());
    bool blended = false;
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const float constant = constant_scores_[i];
      constant_highest_[i] = std::max(constant_highest_[i], constant);
      const bool before = constant >= peak.best;
      results_[i].labels[first + x] =
          before ? std::uint16_t{0} : static_cast<std::uint16_t>(peak.channel + 1);
      if (is_sure(peak, constant)) continue;
      if (!std::exchange(blended, true)) blend_pixel(row, x, scores_.data());
      calls_[i].add(first + x, constant, scores_.data());
    }
  }

  bool is_sure(const PixelPeak& peak, float constant) const {
    if (!peak.numbers) return false;
    if (options_.rule == LabelRule::kLargest) return true;
    if (constant > peak.best + kTieMargin) return true;
    return peak.alone && constant < peak.best - kTieMargin;
  }

  void give_highest() {
    for (std::size_t i = 0; i < results_.size(); ++i) {
      std::vector<float>& highest = results_[i].highest;
      if (constants_) highest.push_back(constant_highest_[i]);
      highest.insert(highest.end(), highest_.begin(), highest_.begin() + grids_.channels());
    }
  }

  const DenseLabelOptions& options_;
  const ImageSize size_;
  PlacedGrids grids_;
  ScoreRows rows_;
  std::vector<PixelPeak> peaks_;  ///< of the row
  std::vector<float> scores_;     ///< of one pixel: [c]
  std::vector<float> highest_;    ///< [c]; empty: not wanted
  std::optional<ConstantRows> constants_;
  std::vector<float> constant_scores_, constant_highest_;  ///< of one pixel, and of all
  std::vector<DenseLabels> results_;
  std::vector<CloseCalls> calls_;  ///< of each result
};

}  // namespace

std::vector<DenseLabels> label_pixels(std::span<const PlacedMap> windows,
                                      const DenseLabelOptions& options) {
  return Labeller(windows, options).run();
}

std::uint64_t dense_label_bytes(std::int64_t channels, const DenseSizes& sizes) {
  constexpr std::int64_t kRows = 3;
  return sizeof(float) *
         static_cast<std::uint64_t>(kRows * padded_channels(channels) * sizes.slid.width);
}

}  // namespace tagalign::model
