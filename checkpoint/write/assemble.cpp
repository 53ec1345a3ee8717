#include "checkpoint/write/assemble.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/format.h"
#include "checkpoint/format/safetensors_header.h"

namespace tagalign::checkpoint {
namespace {

/// A tensor, and the rank that was the first to say what it is.
struct Gathered {
  TensorRecord record;
  std::size_t rank = 0;
};

Status add_part(std::map<std::string, Gathered>& tensors, const SavedPart& part, std::size_t rank) {
  Gathered& tensor =
      tensors.try_emplace(part.name, Gathered{{part.name, part.dtype, part.shape, {}}, rank})
          .first->second;
  if (tensor.record.dtype != part.dtype || tensor.record.shape != part.shape) {
    return invalid_argument(
        format("tensor '{}' is of another type or shape on rank {} than on rank {}; all ranks must "
               "save parts of the same tensor",
               part.name, rank, tensor.rank));
  }
  if (part.begin < part.end)
    tensor.record.slices.push_back({rank, part.begin, part.end, part.blocks});
  return ok_status();
}

Status check_gapless(const TensorRecord& tensor) {
  std::uint64_t next = 0;
  const auto gap = [&](std::uint64_t end) {
    return invalid_argument(format(
        "tensor '{}': no rank saves elements {} to {}; the parts of all ranks must make it up",
        tensor.name, next, end - 1));
  };
  for (const SliceRecord& slice : tensor.slices) {
    if (slice.begin > next) return gap(slice.begin);
    if (slice.begin < next) {
      return invalid_argument(
          format("tensor '{}': rank {} saves elements {} to {}, which another rank saves, too; the "
                 "parts must not overlap",
                 tensor.name, slice.shard, slice.begin, std::min(slice.end, next) - 1));
    }
    next = slice.end;
  }
  const std::uint64_t elements = *element_count(tensor.shape);
  return next == elements ? ok_status() : gap(elements);
}

}  // namespace

Result<ManifestContent> assemble(const RunPosition& position,
                                 const std::vector<ShardReport>& shards) {
  std::map<std::string, Gathered> tensors;
  ManifestContent content;
  content.position = position;
  for (std::size_t rank = 0; rank < shards.size(); ++rank) {
    content.shards.push_back({shards[rank].bytes, shards[rank].digest});
    for (const SavedPart& part : shards[rank].parts)
      TA_RETURN_IF_ERROR(add_part(tensors, part, rank));
  }
  for (auto& [name, tensor] : tensors) {
    std::ranges::sort(tensor.record.slices, {}, &SliceRecord::begin);
    TA_RETURN_IF_ERROR(check_gapless(tensor.record));
    content.tensors.push_back(std::move(tensor.record));
  }
  std::ranges::sort(content.tensors, laid_before<TensorRecord>);
  return content;
}

}  // namespace tagalign::checkpoint
