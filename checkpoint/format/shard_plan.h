/// Which elements of which tensor each rank writes. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/tensors.h"

namespace tagalign::checkpoint {

/// Elements begin … end-1 (row-major) of tensor number `tensor`.
struct Slice {
  std::size_t tensor = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool operator==(const Slice&) const = default;
};

/// Cuts the tensors, laid end to end, into `world` ranges whose sizes differ by less than two
/// elements; cuts fall between elements. A rank's slices are in laying order and not empty; every
/// element is in exactly one.
std::vector<std::vector<Slice>> plan_shards(const std::vector<TensorView>& laid, int world);

/// Name of a slice inside its shard: NAME when it is the whole tensor, else "NAME[begin:end]".
std::string slice_name(const std::string& tensor, std::uint64_t begin, std::uint64_t end,
                       std::uint64_t elements);
/// True for names that slice_name() could have made from another: they cannot be saved.
bool looks_like_slice(const std::string& name);

}  // namespace tagalign::checkpoint
