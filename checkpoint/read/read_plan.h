/// Which bytes of which shard a load reads, and where they go. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/format/manifest.h"
#include "checkpoint/load.h"
#include "checkpoint/tensors.h"

namespace tagalign::checkpoint {

/// One slice of a tensor. Numbers are bytes from the slice's start.
struct SlicePlan {
  const TensorRecord* tensor = nullptr;  ///< of the manifest, which must outlive the plan
  const SliceRecord* slice = nullptr;
  std::uint64_t bytes = 0;  ///< all of it
  std::uint64_t begin = 0;  ///< what is asked for: begin … end-1, or nothing
  std::uint64_t end = 0;
  std::byte* target = nullptr;  ///< where byte `begin` goes; null: it is read to be checked only

  bool is_read() const { return begin < end; }
};

/// Every slice that the shard holds, by its name there.
using ShardPlan = std::map<std::string, SlicePlan>;

struct ReadPlan {
  TensorMap tensors;
  std::vector<ShardPlan> shards;
};

/// Tensors of the right size, not filled yet, and how they are to be filled.
ReadPlan plan_load(const ManifestContent& content, const std::map<std::string, Range>& parts);
/// Reads everything and hands out nothing.
ReadPlan plan_verification(const ManifestContent& content);

}  // namespace tagalign::checkpoint
