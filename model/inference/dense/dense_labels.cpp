#include "model/inference/dense/dense_labels.h"

#include <ATen/Version.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "base/status.h"
#include "model/inference/dense/score_rows.h"
#include "model/inference/kernels/predict.h"

namespace tagalign::model {
namespace {

/// Floats in one vector of LibTorch's.
std::int64_t torch_lanes() {
  return at::get_cpu_capability().find("512") != std::string::npos ? 16 : 8;
}

/// [1, C, h, w] → [h, w, c].
at::Tensor channels_inside(const at::Tensor& scores) {
  const std::int64_t channels = scores.size(1);
  at::Tensor inside = at::full({scores.size(2), scores.size(3), padded_channels(channels)},
                               kNoScore, scores.options());
  inside.narrow(2, 0, channels).copy_(scores.select(0, 0).permute({1, 2, 0}));
  return inside;
}

WindowGrid place_of(const PlacedMap& window) {
  return {.top = window.top, .left = window.left, .height = window.height, .width = window.width};
}

RowSizes sizes_of(const DenseLabelOptions& options) {
  return {options.slid.height, options.slid.width, options.original.height, options.original.width};
}

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
        channels_(windows.front().map->scores.size(1)),
        rows_(grids(windows), channels_, sizes_of(options), torch_lanes()),
        peaks_(static_cast<std::size_t>(options.original.width)),
        scores_(static_cast<std::size_t>(padded_channels(channels_))),
        highest_(options.highest ? scores_.size() : 0, kNoScore) {
    const std::size_t count = std::max<std::size_t>(options.backgrounds.size(), 1);
    const auto pixels = static_cast<std::size_t>(options.original.height * options.original.width);
    results_.resize(count);
    for (DenseLabels& result : results_) result.labels.resize(pixels);
    const std::int64_t all = channels_ + (options.backgrounds.empty() ? 0 : 1);
    for (DenseLabels& result : results_) calls_.emplace_back(all, options.rule, result.labels);
    if (!options.backgrounds.empty()) set_constants(windows);
  }

  std::vector<DenseLabels> run() {
    for (std::int64_t y = 0; y < options_.original.height; ++y) label_row(y);
    for (CloseCalls& calls : calls_) calls.decide();
    if (options_.highest) give_highest();
    return std::move(results_);
  }

 private:
  std::vector<WindowGrid> grids(std::span<const PlacedMap> windows) {
    std::vector<WindowGrid> grids;
    for (const PlacedMap& window : windows) {
      const at::Tensor& scores = window.map->scores;
      const Padding& p = window.map->padding;
      const at::Tensor& inside = held_.emplace_back(channels_inside(scores));
      WindowGrid grid = place_of(window);
      grid.values = inside.const_data_ptr<float>();
      grid.rows = scores.size(2);
      grid.columns = scores.size(3);
      grid.stretched_height = window.height + p.top + p.bottom;
      grid.stretched_width = window.width + p.left + p.right;
      grid.above = p.top;
      grid.before = p.left;
      grid.channels_last = scores.is_contiguous(at::MemoryFormat::ChannelsLast);
      grids.push_back(grid);
    }
    return grids;
  }

  /// One channel for each background, which are averaged and resized like any other.
  void set_constants(std::span<const PlacedMap> windows) {
    const auto count = static_cast<std::int64_t>(options_.backgrounds.size());
    constants_.assign(static_cast<std::size_t>(padded_channels(count)), 0.0F);
    std::ranges::transform(options_.backgrounds, constants_.begin(),
                           [](double value) { return static_cast<float>(value); });
    std::vector<WindowGrid> grids;
    for (const PlacedMap& window : windows) {
      WindowGrid& grid = grids.emplace_back(place_of(window));
      grid.values = constants_.data();
    }
    constant_rows_.emplace(std::move(grids), count, sizes_of(options_), torch_lanes());
    constant_scores_.resize(constants_.size());
    constant_highest_.assign(constants_.size(), kNoScore);
  }

  void label_row(std::int64_t y) {
    const RowPair row = rows_.row(y);
    const bool softmax = options_.rule == LabelRule::kSoftmax;
    find_peaks(row, softmax ? kTieMargin : -1.0F, peaks_,
               highest_.empty() ? nullptr : highest_.data());
    std::optional<RowPair> constants;
    if (constant_rows_) {
      constants = constant_rows_->row(y);
      // Each is a tensor of one channel to LibTorch.
      constants->order =
          blend_order(1, options_.original.height, options_.original.width, false, torch_lanes());
    }
    const auto first = static_cast<std::size_t>(y * options_.original.width);
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
      if (constant_rows_) highest.push_back(constant_highest_[i]);
      highest.insert(highest.end(), highest_.begin(), highest_.begin() + channels_);
    }
  }

  const DenseLabelOptions& options_;
  std::int64_t channels_;
  std::vector<at::Tensor> held_;  ///< values of the grids
  ScoreRows rows_;
  std::vector<PixelPeak> peaks_;  ///< of the row
  std::vector<float> scores_;     ///< of one pixel: [c]
  std::vector<float> highest_;    ///< [c]; empty: not wanted
  std::vector<float> constants_, constant_scores_, constant_highest_;
  std::optional<ScoreRows> constant_rows_;
  std::vector<DenseLabels> results_;
  std::vector<CloseCalls> calls_;  ///< of each result
};

}  // namespace

std::vector<DenseLabels> label_pixels(std::span<const PlacedMap> windows,
                                      const DenseLabelOptions& options) {
  TA_CHECK(!windows.empty(), "a window");
  return Labeller(windows, options).run();
}

std::uint64_t dense_label_bytes(std::int64_t channels, const DenseLabelOptions& options) {
  constexpr std::uint64_t kRows = 3;
  const auto padded = static_cast<std::uint64_t>(padded_channels(channels));
  const std::uint64_t labels =
      sizeof(std::uint16_t) * std::max<std::uint64_t>(options.backgrounds.size(), 1) *
      static_cast<std::uint64_t>(options.original.height * options.original.width);
  return kRows * sizeof(float) * padded * static_cast<std::uint64_t>(options.slid.width) + labels;
}

}  // namespace tagalign::model
