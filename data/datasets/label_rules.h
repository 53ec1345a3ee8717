/// What a stored label map may hold: the one judgement for evaluation and check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/image/image.h"

namespace tagalign::data {

enum class LabelEncoding : std::uint8_t {
  kIndex,  ///< grey or palette PNG: the stored index
  kRgb16,  ///< RGB PNG: R + 256·G (ImageNet-S)
};

struct LabelRules {
  std::size_t classes = 0;
  int ignore_index = 255;
  bool reduce_zero_label = false;  ///< stored ids are 0 (ignored), 1 … classes
  LabelEncoding encoding = LabelEncoding::kIndex;
};

struct LabelFault {
  enum class Kind : std::uint8_t { kEncoding, kId };
  Kind kind = Kind::kId;
  std::string text;  ///< "expected 0 … 2 or 255, found 3 at x 2, y 1 (2 pixels in all)"
};

/// `png`: the bytes that `stored` was decoded from. Nothing: the map can be scored.
std::optional<LabelFault> find_label_fault(std::string_view png, const LabelMap& stored,
                                           const LabelRules& rules);

/// 0 becomes ignore_index, ids above 0 move down by one; ignored ones stay.
void reduce_zero_label(LabelMap& label, int ignore_index);

}  // namespace tagalign::data
