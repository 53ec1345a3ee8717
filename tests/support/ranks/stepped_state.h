/// A state whose every byte follows from the step, so that whoever loads it can tell
/// whether it is right.
///
/// Of all kinds that a training has: replicated tensors of several types, one that is longer than a
/// block, a sharded one of which each rank holds its part, one without elements.
#pragma once

#include <cstdint>
#include <vector>

#include "checkpoint/run_position.h"
#include "checkpoint/tensors.h"

namespace tagalign::testing_support {

class SteppedState {
 public:
  /// What rank `rank` of `world` holds; about `bytes` over all ranks. Filled by become().
  SteppedState(int rank, int world, std::uint64_t bytes);

  /// In place, as an optimiser writes.
  void become(std::uint64_t step);
  std::vector<checkpoint::TensorView> views() const;
  /// Are `tensors` all of the state at `step`, to the bit?
  static bool is_state(const checkpoint::TensorMap& tensors, std::uint64_t step,
                       std::uint64_t bytes);
  static checkpoint::RunPosition position(std::uint64_t step);

 private:
  struct Part {
    std::string name;
    checkpoint::DType dtype;
    std::vector<std::int64_t> shape;
    std::uint64_t begin;
    checkpoint::ByteBuffer bytes;
  };
  std::vector<Part> parts_;
};

}  // namespace tagalign::testing_support
