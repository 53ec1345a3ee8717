#include "worker/train/caption_tokens.h"

#include <ATen/ops/zeros.h>

#include <algorithm>

namespace tagalign::jobs {

at::Tensor caption_tokens(const model::Tokenizer& tokenizer,
                          const std::vector<std::string>& captions, std::int64_t context,
                          at::Device device) {
  std::vector<std::vector<std::int32_t>> rows;
  std::size_t longest = 1;
  for (const auto& caption : captions) {
    rows.push_back(tokenizer.encode(caption, static_cast<int>(context)));
    longest = std::max(longest, rows.back().size());
  }
  auto tokens = at::zeros(
      {static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(longest)}, at::kLong);
  auto* target = tokens.data_ptr<std::int64_t>();
  for (const auto& row : rows) {
    std::copy(row.begin(), row.end(), target);
    target += longest;
  }
  return tokens.to(device);
}

}  // namespace tagalign::jobs
