#include "model/clip/weights.h"

#include <ATen/core/grad_mode.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/format.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kHeadWidth = 64;

std::string shape_text(const at::Tensor& tensor) {
  return format("[{}]", fmt::join(tensor.sizes().begin(), tensor.sizes().end(), ", "));
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return format("[{}]", fmt::join(shape, ", "));
}

Status bad_tensor(const std::string& name, const std::string& expected, const at::Tensor& found) {
  return invalid_argument(format("reading CLIP weights: tensor '{}' should have shape {}, found {}",
                                 name, expected, shape_text(found)));
}

/// " ('vision_model.…' and so on)": tells whose names they are.
std::string first_names(const StateDict& weights) {
  constexpr std::size_t kCharsMax = 80;
  if (weights.empty()) return "";
  std::string shown = weights.begin()->first.substr(0, kCharsMax);
  std::ranges::replace_if(
      shown, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return format(" ('{}' and so on)", shown);
}

/// The named tensor, when it has `dims` axes of at least one entry.
Result<at::Tensor> find_tensor(const StateDict& weights, const std::string& name,
                               std::int64_t dims) {
  const auto found = weights.find(name);
  if (found == weights.end()) {
    return invalid_argument(
        format("reading CLIP weights: tensor '{}' is missing among {} tensors{}; expected a state "
               "dict with OpenAI's names",
               name, weights.size(), first_names(weights)));
  }
  if (found->second.dim() != dims || found->second.numel() == 0) {
    return bad_tensor(name, format("of {} axes", dims), found->second);
  }
  return found->second;
}

std::int64_t count_blocks(const StateDict& weights, const std::string& prefix) {
  std::int64_t count = 0;
  while (weights.contains(format("{}resblocks.{}.attn.in_proj_weight", prefix, count))) ++count;
  return count;
}

Result<std::int64_t> head_count(const std::string& name, std::int64_t width) {
  if (width % kHeadWidth == 0) return width / kHeadWidth;
  return invalid_argument(
      format("reading CLIP weights: tensor '{}' gives width {}, expected a multiple of {} (one "
             "attention head)",
             name, width, kHeadWidth));
}

Status check_shapes(const StateDict& weights, const std::vector<TensorSpec>& specs) {
  for (const TensorSpec& spec : specs) {
    TA_ASSIGN_OR_RETURN(
        const at::Tensor tensor,
        find_tensor(weights, spec.name, static_cast<std::int64_t>(spec.shape.size())));
    if (tensor.sizes() != at::IntArrayRef(spec.shape)) {
      return bad_tensor(spec.name, shape_text(spec.shape), tensor);
    }
  }
  return ok_status();
}

void append_layer_norm(std::vector<TensorSpec>& specs, const std::string& name,
                       std::int64_t width) {
  specs.push_back({name + ".weight", {width}});
  specs.push_back({name + ".bias", {width}});
}

void append_blocks(std::vector<TensorSpec>& specs, const std::string& prefix, std::int64_t layers,
                   std::int64_t width) {
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string block = format("{}resblocks.{}.", prefix, i);
    specs.push_back({block + "attn.in_proj_weight", {3 * width, width}});
    specs.push_back({block + "attn.in_proj_bias", {3 * width}});
    specs.push_back({block + "attn.out_proj.weight", {width, width}});
    specs.push_back({block + "attn.out_proj.bias", {width}});
    append_layer_norm(specs, block + "ln_1", width);
    specs.push_back({block + "mlp.c_fc.weight", {4 * width, width}});
    specs.push_back({block + "mlp.c_fc.bias", {4 * width}});
    specs.push_back({block + "mlp.c_proj.weight", {width, 4 * width}});
    specs.push_back({block + "mlp.c_proj.bias", {width}});
    append_layer_norm(specs, block + "ln_2", width);
  }
}

}  // namespace

std::vector<TensorSpec> vision_tensor_specs(const ClipShape& shape) {
  const std::int64_t width = shape.vision_width;
  std::vector<TensorSpec> specs = {
      {"visual.class_embedding", {width}},
      {"visual.positional_embedding", {1 + shape.grid * shape.grid, width}},
      {"visual.proj", {width, shape.embed_dim}},
      {"visual.conv1.weight", {width, 3, shape.patch_size, shape.patch_size}}};
  append_layer_norm(specs, "visual.ln_pre", width);
  append_blocks(specs, "visual.transformer.", shape.vision_layers, width);
  append_layer_norm(specs, "visual.ln_post", width);
  return specs;
}

std::vector<TensorSpec> text_tensor_specs(const ClipShape& shape) {
  const std::int64_t width = shape.text_width;
  std::vector<TensorSpec> specs = {{"positional_embedding", {shape.context, width}},
                                   {"text_projection", {width, shape.embed_dim}}};
  append_blocks(specs, "transformer.", shape.text_layers, width);
  specs.push_back({"token_embedding.weight", {shape.vocabulary, width}});
  append_layer_norm(specs, "ln_final", width);
  return specs;
}

Status infer_vision_shape(const StateDict& weights, ClipShape& shape) {
  const std::string conv_name = "visual.conv1.weight";
  TA_ASSIGN_OR_RETURN(const at::Tensor conv, find_tensor(weights, conv_name, 4));
  shape.vision_width = conv.size(0);
  shape.patch_size = conv.size(2);
  TA_ASSIGN_OR_RETURN(shape.vision_heads, head_count(conv_name, shape.vision_width));
  const std::string positions_name = "visual.positional_embedding";
  TA_ASSIGN_OR_RETURN(const at::Tensor positions, find_tensor(weights, positions_name, 2));
  shape.grid = std::llround(std::sqrt(static_cast<double>(positions.size(0) - 1)));
  if (shape.grid < 1 || shape.grid * shape.grid + 1 != positions.size(0)) {
    return bad_tensor(positions_name, "[1 + a square number, width]", positions);
  }
  TA_ASSIGN_OR_RETURN(const at::Tensor proj, find_tensor(weights, "visual.proj", 2));
  shape.embed_dim = proj.size(1);
  shape.vision_layers = count_blocks(weights, "visual.transformer.");
  if (shape.vision_layers == 0) {
    return find_tensor(weights, "visual.transformer.resblocks.0.attn.in_proj_weight", 2).status();
  }
  return check_shapes(weights, vision_tensor_specs(shape));
}

Status infer_text_shape(const StateDict& weights, ClipShape& shape) {
  const std::string embedding_name = "token_embedding.weight";
  TA_ASSIGN_OR_RETURN(const at::Tensor embedding, find_tensor(weights, embedding_name, 2));
  shape.vocabulary = embedding.size(0);
  shape.text_width = embedding.size(1);
  TA_ASSIGN_OR_RETURN(shape.text_heads, head_count(embedding_name, shape.text_width));
  TA_ASSIGN_OR_RETURN(const at::Tensor positions, find_tensor(weights, "positional_embedding", 2));
  shape.context = positions.size(0);
  TA_ASSIGN_OR_RETURN(const at::Tensor projection, find_tensor(weights, "text_projection", 2));
  shape.embed_dim = projection.size(1);
  shape.text_layers = count_blocks(weights, "transformer.");
  if (shape.text_layers == 0) {
    return find_tensor(weights, "transformer.resblocks.0.attn.in_proj_weight", 2).status();
  }
  return check_shapes(weights, text_tensor_specs(shape));
}

Result<ClipShape> infer_clip_shape(const StateDict& weights) {
  ClipShape shape;
  TA_RETURN_IF_ERROR(infer_vision_shape(weights, shape));
  const std::int64_t vision_embed_dim = shape.embed_dim;
  TA_RETURN_IF_ERROR(infer_text_shape(weights, shape));
  if (shape.embed_dim != vision_embed_dim) {
    return bad_tensor("text_projection",
                      format("[{}, {}] as visual.proj has", shape.text_width, vision_embed_dim),
                      weights.at("text_projection"));
  }
  return shape;
}

Result<Parameters> copy_tensors(const StateDict& weights, const std::vector<TensorSpec>& specs) {
  TA_RETURN_IF_ERROR(check_shapes(weights, specs));
  Parameters copies;
  copies.reserve(specs.size());
  for (const TensorSpec& spec : specs) {
    const at::Tensor& source = weights.at(spec.name);
    copies.push_back(
        {spec.name, source.detach()
                        .to(at::kCPU, at::kFloat, /*non_blocking=*/false, /*copy=*/true)
                        .contiguous()});
  }
  return copies;
}

StateDict by_name(const Parameters& tensors) {
  StateDict named;
  for (const Parameter& parameter : tensors) named.emplace(parameter.name, parameter.tensor);
  return named;
}

void move_tensors(const Parameters& tensors, at::Device device) {
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : tensors) {
    parameter.tensor.set_data(parameter.tensor.to(device));
  }
}

}  // namespace tagalign::model
