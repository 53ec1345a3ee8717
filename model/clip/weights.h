/// Which tensors a CLIP consists of: names and shapes in OpenAI's order, for loading,
/// checking and drawing weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/clip/towers.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

struct TensorSpec {
  std::string name;
  std::vector<std::int64_t> shape;
};

/// The tensors below "visual.", and all others but logit_scale.
std::vector<TensorSpec> vision_tensor_specs(const ClipShape& shape);
std::vector<TensorSpec> text_tensor_specs(const ClipShape& shape);

/// One half of infer_clip_shape: fills the fields of that tower and embed_dim.
Status infer_vision_shape(const StateDict& weights, ClipShape& shape);
Status infer_text_shape(const StateDict& weights, ClipShape& shape);

/// Copies in fp32, in the order of `specs`. kInvalidArgument names a tensor that is missing
/// or has another shape.
Result<Parameters> copy_tensors(const StateDict& weights, const std::vector<TensorSpec>& specs);

StateDict by_name(const Parameters& tensors);

/// Moves the tensors themselves: handles elsewhere on the same tensors follow.
void move_tensors(const Parameters& tensors, at::Device device);

}  // namespace tagalign::model
