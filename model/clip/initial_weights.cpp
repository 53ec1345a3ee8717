#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "model/clip/random_tensors.h"
#include "model/clip/towers.h"
#include "model/clip/weights.h"

namespace tagalign::model {
namespace {

/// How OpenAI's model class leaves a tensor before training.
struct Draw {
  enum class Kind { kZero, kOne, kNormal, kUniform } kind = Kind::kZero;
  double scale = 0;  ///< standard deviation, or half the width of a uniform interval around 0
};

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> ends) {
  for (std::string_view end : ends) {
    if (name.ends_with(end)) return true;
  }
  return false;
}

double inverse_root(std::int64_t n) {
  return 1.0 / std::sqrt(static_cast<double>(n));
}

/// Vision blocks keep torch's defaults: Xavier-uniform in_proj, U(±1/√fan_in)
/// for the linear layers.
Draw vision_draw(const std::string& name, const ClipShape& shape) {
  const std::int64_t width = shape.vision_width;
  if (name.ends_with("attn.in_proj_weight")) {
    return {Draw::Kind::kUniform, std::sqrt(6.0 / static_cast<double>(4 * width))};
  }
  if (name == "visual.conv1.weight") {
    return {Draw::Kind::kUniform, inverse_root(3 * shape.patch_size * shape.patch_size)};
  }
  if (name.ends_with("attn.out_proj.weight")) return {Draw::Kind::kUniform, inverse_root(width)};
  if (name.find(".mlp.c_fc.") != std::string::npos) {
    return {Draw::Kind::kUniform, inverse_root(width)};
  }
  if (name.find(".mlp.c_proj.") != std::string::npos) {
    return {Draw::Kind::kUniform, inverse_root(4 * width)};
  }
  return {Draw::Kind::kNormal, inverse_root(width)};  // class, positions, proj
}

Draw text_draw(const std::string& name, const ClipShape& shape) {
  const std::int64_t width = shape.text_width;
  const double projection_std = inverse_root(width) * inverse_root(2 * shape.text_layers);
  if (name == "token_embedding.weight") return {Draw::Kind::kNormal, 0.02};
  if (name == "positional_embedding") return {Draw::Kind::kNormal, 0.01};
  if (name.ends_with("mlp.c_fc.weight")) return {Draw::Kind::kNormal, inverse_root(2 * width)};
  if (ends_with_any(name, {"attn.out_proj.weight", "mlp.c_proj.weight"})) {
    return {Draw::Kind::kNormal, projection_std};
  }
  if (name.ends_with("mlp.c_fc.bias")) return {Draw::Kind::kUniform, inverse_root(width)};
  if (name.ends_with("mlp.c_proj.bias")) return {Draw::Kind::kUniform, inverse_root(4 * width)};
  return {Draw::Kind::kNormal, inverse_root(width)};  // in_proj_weight, text_projection
}

Draw initial_draw(const std::string& name, const ClipShape& shape) {
  if (ends_with_any(name, {"attn.in_proj_bias", "attn.out_proj.bias"})) return {};
  const bool layer_norm = name.find("ln_") != std::string::npos;
  if (layer_norm) return {name.ends_with(".weight") ? Draw::Kind::kOne : Draw::Kind::kZero, 0};
  return name.starts_with("visual.") ? vision_draw(name, shape) : text_draw(name, shape);
}

at::Tensor drawn_tensor(const TensorSpec& spec, const Draw& draw, std::uint64_t seed) {
  switch (draw.kind) {
    case Draw::Kind::kZero:
      return at::zeros(spec.shape);
    case Draw::Kind::kOne:
      return at::ones(spec.shape);
    case Draw::Kind::kNormal:
      return normal_tensor({seed, spec.name}, spec.shape, draw.scale);
    case Draw::Kind::kUniform:
      return uniform_tensor({seed, spec.name}, spec.shape, draw.scale);
  }
  return {};
}

StateDict drawn_tensors(const std::vector<TensorSpec>& specs, const ClipShape& shape,
                        std::uint64_t seed) {
  StateDict weights;
  for (const TensorSpec& spec : specs)
    weights.emplace(spec.name, drawn_tensor(spec, initial_draw(spec.name, shape), seed));
  return weights;
}

}  // namespace

StateDict initial_text_weights(const ClipShape& shape, std::uint64_t seed) {
  return drawn_tensors(text_tensor_specs(shape), shape, seed);
}

StateDict initial_clip_weights(const ClipShape& shape, std::uint64_t seed) {
  StateDict weights = drawn_tensors(vision_tensor_specs(shape), shape, seed);
  weights.merge(initial_text_weights(shape, seed));
  weights.emplace("logit_scale", at::scalar_tensor(std::log(1.0 / 0.07)));
  return weights;
}

}  // namespace tagalign::model
