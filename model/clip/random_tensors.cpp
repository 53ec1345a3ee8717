#include "model/clip/random_tensors.h"

#include <ATen/ops/empty.h>

#include "base/checksum.h"
#include "base/random.h"

namespace tagalign::model {
namespace {

template <class Draw>
at::Tensor filled(DrawKey key, at::IntArrayRef shape, Draw draw) {
  RandomStream stream({key.seed, digest64(as_bytes(key.name)), 0}, StreamPurpose::kInitialise);
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* values = tensor.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) values[i] = static_cast<float>(draw(stream));
  return tensor;
}

}  // namespace

at::Tensor normal_tensor(DrawKey key, at::IntArrayRef shape, double std) {
  return filled(key, shape, [std](RandomStream& stream) { return std * stream.normal(); });
}

at::Tensor uniform_tensor(DrawKey key, at::IntArrayRef shape, double bound) {
  return filled(key, shape, [bound](RandomStream& s) { return s.uniform(-bound, bound); });
}

}  // namespace tagalign::model
