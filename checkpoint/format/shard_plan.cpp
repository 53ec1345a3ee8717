#include "checkpoint/format/shard_plan.h"

#include <algorithm>

#include "base/format.h"

namespace tagalign::checkpoint {

std::vector<std::vector<Slice>> plan_shards(const std::vector<TensorView>& laid, int world) {
  TA_CHECK(world > 0);
  std::uint64_t total = 0;
  for (const TensorView& tensor : laid) total += tensor.bytes.size();
  const auto ranks = static_cast<std::uint64_t>(world);
  // total · rank / ranks without overflow
  const auto cut = [&](std::uint64_t rank) {
    return total / ranks * rank + total % ranks * rank / ranks;
  };
  std::vector<std::vector<Slice>> shards(ranks);
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < laid.size(); ++i) {
    const std::uint64_t bytes = laid[i].bytes.size();
    const auto element_at = [&](std::uint64_t position) {
      return std::clamp(position, offset, offset + bytes) - offset;
    };
    for (std::uint64_t rank = 0; rank < ranks; ++rank) {
      const std::uint64_t begin = element_at(cut(rank)) / dtype_bytes(laid[i].dtype);
      const std::uint64_t end = element_at(cut(rank + 1)) / dtype_bytes(laid[i].dtype);
      if (begin < end) shards[rank].push_back({i, begin, end});
    }
    offset += bytes;
  }
  return shards;
}

std::string slice_name(const std::string& tensor, std::uint64_t begin, std::uint64_t end,
                       std::uint64_t elements) {
  return begin == 0 && end == elements ? tensor : format("{}[{}:{}]", tensor, begin, end);
}

bool looks_like_slice(const std::string& name) {
  const std::size_t open = name.rfind('[');
  if (open == std::string::npos || !name.ends_with(']')) return false;
  const std::string inside = name.substr(open + 1, name.size() - open - 2);
  return inside.find(':') != std::string::npos &&
         inside.find_first_not_of("0123456789:") == std::string::npos;
}

}  // namespace tagalign::checkpoint
