#include "worker/features/caption_passes.h"

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace tagalign::jobs {

std::vector<std::int64_t> pass_lengths(std::int64_t context) {
  std::vector<std::int64_t> lengths;
  for (const std::int64_t length : {16, 24, 32, 48, 64}) {
    if (length < context) lengths.push_back(length);
  }
  lengths.push_back(context);
  return lengths;
}

std::int64_t padded_length(const std::vector<std::int64_t>& lengths, std::size_t tokens) {
  const auto fits = std::ranges::lower_bound(lengths, static_cast<std::int64_t>(tokens));
  TA_CHECK(fits != lengths.end(), "a caption is cut to the context");
  return *fits;
}

std::vector<CaptionPass> plan_passes(const std::vector<TokenRow>& captions,
                                     const std::vector<std::int64_t>& lengths, std::size_t rows) {
  TA_CHECK(rows > 0, "captions in a pass");
  std::vector<CaptionPass> passes;
  for (const std::int64_t length : lengths) {
    CaptionPass pass{.length = length};
    for (std::size_t i = 0; i < captions.size(); ++i) {
      if (padded_length(lengths, captions[i].size()) != length) continue;
      pass.members.push_back(i);
      if (pass.members.size() == rows) passes.push_back(std::exchange(pass, {.length = length}));
    }
    if (!pass.members.empty()) passes.push_back(std::move(pass));
  }
  return passes;
}

}  // namespace tagalign::jobs
