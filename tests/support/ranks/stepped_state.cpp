#include "tests/support/ranks/stepped_state.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tagalign::testing_support {
namespace {

using checkpoint::ByteBuffer;
using checkpoint::DType;

/// Byte `at` onwards of the tensor at that step. Words of SplitMix64 (Steele et al., OOPSLA 2014).
void fill(std::span<std::byte> bytes, std::uint64_t step, std::uint64_t tensor, std::uint64_t at) {
  const auto word_at = [&](std::uint64_t index) {
    std::uint64_t z = index * 0x9E37'79B9'7F4A'7C15 + step * 0xD1B5'4A32'D192'ED03 + (tensor << 56);
    z = (z ^ z >> 30) * 0xBF58'476D'1CE4'E5B9;
    z = (z ^ z >> 27) * 0x94D0'49BB'1331'11EB;
    return z ^ z >> 31;
  };
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::uint64_t word = word_at((at + done) / 8);
    const std::size_t skip = (at + done) % 8;
    const std::size_t count = std::min(8 - skip, bytes.size() - done);
    std::memcpy(bytes.data() + done, reinterpret_cast<const std::byte*>(&word) + skip, count);
    done += count;
  }
}

struct Shape {
  const char* name;
  DType dtype;
  std::vector<std::int64_t> shape;
  bool sharded = false;
};

std::vector<Shape> shapes(std::uint64_t bytes) {
  const auto rows = static_cast<std::int64_t>(bytes / 2 / 4 / 64);
  const auto odd = static_cast<std::int64_t>(bytes / 2 / 4 / 2 + 1);
  return {{"weight", DType::kF32, {rows, 64}},
          {"half", DType::kBF16, {1001}},
          {"step", DType::kI64, {}},
          {"flags", DType::kBool, {3}},
          {"first_moment", DType::kF32, {odd}, true},
          {"second_moment", DType::kF32, {odd}, true},
          {"nothing", DType::kF32, {0, 8}}};
}

std::uint64_t elements(const Shape& shape) {
  std::uint64_t count = 1;
  for (const std::int64_t extent : shape.shape) count *= static_cast<std::uint64_t>(extent);
  return count;
}

}  // namespace

SteppedState::SteppedState(int rank, int world, std::uint64_t bytes) {
  for (const Shape& shape : shapes(bytes)) {
    const std::uint64_t count = elements(shape);
    const auto cut = [&](int at) {
      return count * static_cast<std::uint64_t>(at) / static_cast<std::uint64_t>(world);
    };
    const std::uint64_t begin = shape.sharded ? cut(rank) : 0;
    const std::uint64_t end = shape.sharded ? cut(rank + 1) : count;
    parts_.push_back({shape.name, shape.dtype, shape.shape, begin,
                      ByteBuffer((end - begin) * checkpoint::dtype_bytes(shape.dtype))});
  }
}

void SteppedState::become(std::uint64_t step) {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    fill(part.bytes.span(), step, i, part.begin * checkpoint::dtype_bytes(part.dtype));
  }
}

std::vector<checkpoint::TensorView> SteppedState::views() const {
  std::vector<checkpoint::TensorView> views;
  for (const Part& part : parts_)
    views.push_back({part.name, part.dtype, part.shape, part.bytes.span(), part.begin});
  return views;
}

bool SteppedState::is_state(const checkpoint::TensorMap& tensors, std::uint64_t step,
                            std::uint64_t bytes) {
  SteppedState whole(0, 1, bytes);
  whole.become(step);
  return tensors.size() == whole.parts_.size() &&
         std::ranges::all_of(whole.parts_, [&](const Part& part) {
           const auto found = tensors.find(part.name);
           return found != tensors.end() && found->second.dtype == part.dtype &&
                  found->second.shape == part.shape && found->second.bytes == part.bytes;
         });
}

checkpoint::RunPosition SteppedState::position(std::uint64_t step) {
  checkpoint::RunPosition position;
  position.step = step;
  position.samples = step * 32;
  position.seed = 7;
  position.global_batch = 32;
  position.dataset_digest = "data";
  position.config_digest = "config";
  position.model_digest = "model";
  position.scalars = {{"loss_scale", 1.0 / (1.0 + static_cast<double>(step))}};
  return position;
}

}  // namespace tagalign::testing_support
