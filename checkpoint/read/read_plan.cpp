#include "checkpoint/read/read_plan.h"

#include <algorithm>

#include "checkpoint/format/safetensors_header.h"
#include "checkpoint/format/shard_plan.h"

namespace tagalign::checkpoint {
namespace {

/// `range` as far as the tensor has elements.
Range clipped(const Range& range, std::uint64_t elements) {
  const std::uint64_t end = std::min(range.end, elements);
  return {std::min(range.begin, end), end};
}

/// What of `slice` lies in `wanted`; `target` is where the tensor's element wanted.begin goes.
SlicePlan plan_slice(const TensorRecord& tensor, const SliceRecord& slice, const Range& wanted,
                     std::byte* target) {
  const std::size_t width = dtype_bytes(tensor.dtype);
  SlicePlan plan{&tensor, &slice, (slice.end - slice.begin) * width};
  const std::uint64_t begin = std::max(slice.begin, wanted.begin);
  const std::uint64_t end = std::min(slice.end, wanted.end);
  if (begin >= end) return plan;
  plan.begin = (begin - slice.begin) * width;
  plan.end = (end - slice.begin) * width;
  if (target != nullptr) plan.target = target + (begin - wanted.begin) * width;
  return plan;
}

void plan_tensor(const TensorRecord& tensor, const Range& wanted, std::byte* target,
                 std::vector<ShardPlan>& shards) {
  const std::uint64_t elements = *element_count(tensor.shape);
  for (const SliceRecord& slice : tensor.slices) {
    shards[slice.shard][slice_name(tensor.name, slice.begin, slice.end, elements)] =
        plan_slice(tensor, slice, wanted, target);
  }
}

}  // namespace

ReadPlan plan_load(const ManifestContent& content, const std::map<std::string, Range>& parts) {
  ReadPlan plan{{}, std::vector<ShardPlan>(content.shards.size())};
  for (const TensorRecord& tensor : content.tensors) {
    const auto part = parts.find(tensor.name);
    const Range wanted =
        clipped(part == parts.end() ? Range{} : part->second, *element_count(tensor.shape));
    const std::size_t bytes = (wanted.end - wanted.begin) * dtype_bytes(tensor.dtype);
    TensorData& data = plan.tensors[tensor.name];
    data = {tensor.dtype, tensor.shape, ByteBuffer(bytes), wanted.begin};
    plan_tensor(tensor, wanted, data.bytes.data(), plan.shards);
  }
  return plan;
}

ReadPlan plan_verification(const ManifestContent& content) {
  ReadPlan plan{{}, std::vector<ShardPlan>(content.shards.size())};
  for (const TensorRecord& tensor : content.tensors) plan_tensor(tensor, {}, nullptr, plan.shards);
  return plan;
}

}  // namespace tagalign::checkpoint
