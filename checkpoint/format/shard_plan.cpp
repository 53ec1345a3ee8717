#include "checkpoint/format/shard_plan.h"

#include <algorithm>

#include "base/format.h"
#include "checkpoint/format/safetensors_header.h"

namespace tagalign::checkpoint {

bool is_sharded(const TensorView& tensor) {
  return tensor.sharded || tensor.bytes.size() != tensor_bytes(tensor.dtype, tensor.shape);
}

std::vector<Slice> plan_shard(const std::vector<TensorView>& laid, const Seat& seat) {
  TA_CHECK(seat.rank >= 0 && seat.rank < seat.world);
  std::uint64_t total = 0;
  for (const TensorView& tensor : laid) total += is_sharded(tensor) ? 0 : tensor.bytes.size();
  const auto world = static_cast<std::uint64_t>(seat.world);
  const auto rank = static_cast<std::uint64_t>(seat.rank);
  // total · number / world without overflow
  const auto cut = [&](std::uint64_t number) {
    return total / world * number + total % world * number / world;
  };
  std::vector<Slice> slices;
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < laid.size(); ++i) {
    const std::uint64_t bytes = laid[i].bytes.size();
    const std::size_t width = dtype_bytes(laid[i].dtype);
    Slice slice{i, laid[i].begin, laid[i].begin + bytes / width};
    if (!is_sharded(laid[i])) {
      slice.begin = (std::clamp(cut(rank), offset, offset + bytes) - offset) / width;
      slice.end = (std::clamp(cut(rank + 1), offset, offset + bytes) - offset) / width;
      offset += bytes;
    }
    if (slice.begin < slice.end) slices.push_back(slice);
  }
  return slices;
}

ByteSpan slice_bytes(const TensorView& tensor, const Slice& slice) {
  const std::size_t width = dtype_bytes(tensor.dtype);
  return tensor.bytes.subspan((slice.begin - tensor.begin) * width,
                              (slice.end - slice.begin) * width);
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
