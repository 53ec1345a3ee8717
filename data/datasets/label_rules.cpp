#include "data/datasets/label_rules.h"

#include "base/counted.h"
#include "base/format.h"

namespace tagalign::data {
namespace {

/// The colour type in a PNG's header says that pixels are RGB, with or without alpha.
bool is_rgb_png(std::string_view bytes) {
  constexpr std::size_t kColourTypeAt = 25;
  constexpr char kRgb = 2, kRgba = 6;
  return bytes.size() > kColourTypeAt &&
         (bytes[kColourTypeAt] == kRgb || bytes[kColourTypeAt] == kRgba);
}

std::string encoding_text(bool found_rgb) {
  return found_rgb
             ? "expected a grey or palette PNG of class indices, found RGB; label_encoding rgb16 "
               "reads R + 256·G, colours must be turned into indices"
             : "expected RGB (label_encoding rgb16: R + 256·G), found grey or palette";
}

}  // namespace

std::optional<LabelFault> find_label_fault(std::string_view png, const LabelMap& stored,
                                           const LabelRules& rules) {
  const bool rgb = is_rgb_png(png);
  if (rgb != (rules.encoding == LabelEncoding::kRgb16))
    return LabelFault{LabelFault::Kind::kEncoding, encoding_text(rgb)};
  const std::size_t end = rules.classes + (rules.reduce_zero_label ? 1 : 0);
  std::size_t first = 0, wrong = 0;
  for (std::size_t i = 0; i < stored.ids.size(); ++i) {
    if (stored.ids[i] < end || stored.ids[i] == rules.ignore_index) continue;
    if (wrong++ == 0) first = i;
  }
  if (wrong == 0) return std::nullopt;
  const auto width = static_cast<std::size_t>(stored.width);
  return LabelFault{LabelFault::Kind::kId,
                    format("expected 0 … {} or {}, found {} at x {}, y {} ({} in all)", end - 1,
                           rules.ignore_index, stored.ids[first], first % width, first / width,
                           counted(wrong, "pixel"))};
}

void reduce_zero_label(LabelMap& label, int ignore_index) {
  for (std::uint16_t& id : label.ids) {
    if (id == 0)
      id = static_cast<std::uint16_t>(ignore_index);
    else if (id != ignore_index)
      --id;
  }
}

}  // namespace tagalign::data
