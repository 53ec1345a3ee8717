/// Which elements of which tensor each rank writes. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/tensors.h"

namespace tagalign::checkpoint {

/// Elements begin … end-1 (row-major, of the whole tensor) of tensor number `tensor`.
struct Slice {
  std::size_t tensor = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool operator==(const Slice&) const = default;
};

/// One rank of those that save together.
struct Seat {
  int rank = 0;
  int world = 1;
};

/// True when the rank holds this tensor, or the part of one, alone.
bool is_sharded(const TensorView& tensor);

/// What the rank writes, in laying order, no slice empty. The tensors that all ranks hold, laid end to
/// end, are cut into `world` ranges whose sizes differ by less than two elements; cuts fall between
/// elements, and every element is in exactly one range. Of a sharded tensor each rank writes what it has.
std::vector<Slice> plan_shard(const std::vector<TensorView>& laid, const Seat& seat);

/// The bytes of `slice` in the view that it is a slice of.
ByteSpan slice_bytes(const TensorView& tensor, const Slice& slice);

/// Name of a slice inside its shard: NAME when it is the whole tensor, else "NAME[begin:end]".
std::string slice_name(const std::string& tensor, std::uint64_t begin, std::uint64_t end,
                       std::uint64_t elements);
/// True for names that slice_name() could have made from another: they cannot be saved.
bool looks_like_slice(const std::string& name);

}  // namespace tagalign::checkpoint
