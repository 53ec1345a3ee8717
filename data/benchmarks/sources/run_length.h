/// Run-length masks as COCO's tools write them: the lengths of alternating runs of 0 and 1,
/// column after column. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tagalign::data {

/// The compressed text: each length (from the third on as the difference to the last but one) as
/// little-endian groups of five bits, 32 marking a further group, offset by '0'. kDataLoss says
/// at which character the text is broken.
Result<std::vector<std::uint32_t>> decode_run_lengths(std::string_view text);

struct MaskSize {
  int height = 0;
  int width = 0;
};
/// Writes `value` wherever the mask is 1; `ids` is row-major, height × width. kDataLoss when the
/// runs do not cover the mask exactly; then some of `ids` may have been written.
Status paint_runs(const std::vector<std::uint32_t>& runs, MaskSize size, std::uint16_t value,
                  std::vector<std::uint16_t>& ids);

}  // namespace tagalign::data
