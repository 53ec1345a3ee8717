/// An image's class scores, a row of pixels at a time: the maps of its windows, stretched, averaged
/// where windows overlap and resized to the original size, without a map of either size. Free of Torch.
///
/// Axes: C channels, c channels padded (row_kernels.h), H×W the original size. Bits: those of
/// Segmenter::sweep_scores(). Memory: two rows of the slid image. Threads: one.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "model/inference/dense/row_kernels.h"

namespace tagalign::model {

/// A window of the slid image, and what it adds there. Borrows the values.
struct WindowGrid {
  std::int64_t top = 0, left = 0, height = 0, width = 0;  ///< in the slid image
  /// [rows, columns, c]; of no rows: [c], which all pixels of the window have.
  const float* values = nullptr;
  std::int64_t rows = 0, columns = 0;
  /// What the grid covers: the window with some pixels around it.
  std::int64_t stretched_height = 0, stretched_width = 0, above = 0, before = 0;
  bool channels_last = false;  ///< as the map lay in memory
};

struct RowSizes {
  std::int64_t slid_height = 0, slid_width = 0, height = 0, width = 0;
};

class ScoreRows {
 public:
  ScoreRows(std::vector<WindowGrid> windows, std::int64_t channels, const RowSizes& sizes);

  /// What to blend for row `y` of the original; valid until the next call. Cheapest ascending.
  RowPair row(std::int64_t y);

 private:
  struct Averaged {
    std::int64_t row = -1;
    std::vector<float> values;  ///< [slid width, c]
  };

  const float* averaged(std::int64_t row, std::int64_t other);
  void fill(Averaged& slot);
  void add(const WindowGrid& window, Averaged& slot);
  const std::vector<AxisSample>& samples(std::int64_t input, std::int64_t output);

  std::vector<WindowGrid> windows_;
  std::int64_t channels_, padded_;
  RowSizes sizes_;
  std::vector<AxisSample> rows_, columns_;  ///< of the original in the slid image
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<AxisSample>> stretches_;
  std::array<Averaged, 2> slots_;
  std::vector<float> covering_;  ///< windows over each pixel of the row that is filled
};

/// c of so many channels.
std::int64_t padded_channels(std::int64_t channels);

}  // namespace tagalign::model
