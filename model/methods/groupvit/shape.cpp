#include "model/methods/groupvit/shape.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/format.h"
#include "model/clip/random_tensors.h"
#include "model/clip/towers.h"
#include "model/clip/weights.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kContext = 77;
constexpr std::int64_t kVocabulary = 49408;
constexpr std::int64_t kTextHeadWidth = 64;
constexpr std::int64_t kMlpRatio = 4;
constexpr std::int64_t kChannels = 3;
constexpr double kDeviation = 0.02;

/// A tensor before the first step.
struct Initial {
  enum class Kind { kZero, kOne, kNormal, kUniform, kCount };
  std::vector<std::int64_t> shape;
  Kind kind = Kind::kZero;
  double scale = 0;  ///< standard deviation, or half the width of an interval around 0
};
using Kind = Initial::Kind;

/// All but the text tower and the scales, by name.
class Tensors {
 public:
  explicit Tensors(const GroupVitShape& shape) : image_(shape.config.image) {
    const std::int64_t patch = image_.patch_size, side = shape.image_size / patch;
    const std::string encoder = "img_encoder.";
    const double bound = 1.0 / std::sqrt(static_cast<double>(kChannels * patch * patch));
    all_[encoder + "pos_embed"] = {{1, side * side, image_.width}, Kind::kNormal, kDeviation};
    all_[encoder + "patch_embed.proj.weight"] = {
        {image_.width, kChannels, patch, patch}, Kind::kUniform, bound};
    all_[encoder + "patch_embed.proj.bias"] = {{image_.width}, Kind::kUniform, bound};
    norm(encoder + "patch_embed.norm", image_.width);
    norm(encoder + "norm", image_.width);
    for (std::size_t s = 0; s < image_.depths.size(); ++s)
      stage(s, format("{}layers.{}.", encoder, s));
    projector("img_projector.", image_.width, shape.config);
    projector("text_projector.", shape.config.text.width, shape.config);
  }

  const std::map<std::string, Initial>& all() const { return all_; }

 private:
  void linear(const std::string& name, std::int64_t to, std::int64_t from) {
    all_[name + ".weight"] = {{to, from}, Kind::kNormal, kDeviation};
    all_[name + ".bias"] = {{to}};
  }

  void norm(const std::string& name, std::int64_t width) {
    all_[name + ".weight"] = {{width}, Kind::kOne};
    all_[name + ".bias"] = {{width}};
  }

  void mlp(const std::string& name, std::int64_t to, std::int64_t hidden, std::int64_t from) {
    linear(name + ".fc1", hidden, from);
    linear(name + ".fc2", to, hidden);
  }

  void channel_mlp(const std::string& name) {
    mlp(name, image_.width, kMlpRatio * image_.width, image_.width);
  }

  void cross_attention(const std::string& name) {
    for (const char* part : {".q_proj", ".k_proj", ".v_proj", ".proj"})
      linear(name + part, image_.width, image_.width);
  }

  void block(const std::string& name) {
    norm(name + ".norm1", image_.width);
    linear(name + ".attn.qkv", 3 * image_.width, image_.width);
    linear(name + ".attn.proj", image_.width, image_.width);
    norm(name + ".norm2", image_.width);
    channel_mlp(name + ".mlp");
  }

  /// Its group tokens, the projector of an earlier stage's, and the grouping block.
  void grouping(std::size_t number, const std::string& name) {
    const std::int64_t width = image_.width, hidden = width / 2, groups = image_.groups[number];
    const bool first = number == 0;
    all_[name + "group_token"] = {
        {1, groups, width}, first ? Kind::kNormal : Kind::kZero, kDeviation};
    if (!first) {
      norm(name + "group_projector.0", width);
      mlp(name + "group_projector.1", groups, hidden, image_.groups[number - 1]);
    }
    const std::string down = name + "downsample.", pre = down + "pre_assign_attn.";
    for (const char* each : {"norm_tokens", "norm_post_tokens", "norm_x", "norm_new_x"})
      norm(down + each, width);
    mlp(down + "mlp_inter", groups, hidden, groups);
    channel_mlp(down + "mlp_channels");
    for (const char* each : {"norm_post", "norm2"}) norm(pre + each, width);
    cross_attention(pre + "attn");
    channel_mlp(pre + "mlp");
    cross_attention(down + "assign");
  }

  void stage(std::size_t number, const std::string& name) {
    for (int i = 0; i < image_.depths[number]; ++i) block(format("{}blocks.{}", name, i));
    if (number < image_.groups.size()) grouping(number, name);
  }

  void convolution(const std::string& name, std::int64_t to, std::int64_t from) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(from));
    all_[name + ".weight"] = {{to, from, 1}, Kind::kUniform, bound};
    all_[name + ".bias"] = {{to}, Kind::kUniform, bound};
  }

  void projector(const std::string& name, std::int64_t from,
                 const config::GroupVitTraining& config) {
    convolution(name + "linear_hidden.0", config.projector_width, from);
    const std::string statistics = name + "linear_hidden.1";
    norm(statistics, config.projector_width);
    all_[statistics + ".running_mean"] = {{config.projector_width}};
    all_[statistics + ".running_var"] = {{config.projector_width}, Kind::kOne};
    all_[statistics + ".num_batches_tracked"] = {{}, Kind::kCount};
    convolution(name + "linear_out", config.embed_dim, config.projector_width);
  }

  const config::GroupVitImage& image_;
  std::map<std::string, Initial> all_;
};

at::Tensor drawn(const std::string& name, const Initial& initial, std::uint64_t seed) {
  switch (initial.kind) {
    case Kind::kZero:
      return at::zeros(initial.shape);
    case Kind::kOne:
      return at::ones(initial.shape);
    case Kind::kNormal:
      return normal_tensor({seed, name}, initial.shape, initial.scale);
    case Kind::kUniform:
      return uniform_tensor({seed, name}, initial.shape, initial.scale);
    case Kind::kCount:
      return at::zeros(initial.shape, at::kLong);
  }
  return {};
}

ClipShape text_shape(const config::GroupVitTraining& config) {
  ClipShape shape;
  shape.text_width = shape.embed_dim = config.text.width;
  shape.text_layers = config.text.layers;
  shape.text_heads = config.text.width / kTextHeadWidth;
  shape.context = kContext;
  shape.vocabulary = kVocabulary;
  return shape;
}

/// The tower has none, see groupvit.cpp.
constexpr char kProjection[] = "text_projection";

std::string text_name(const std::string& name) {
  return "text_encoder." + name;
}

}  // namespace

TensorShapes groupvit_shapes(const GroupVitShape& shape) {
  TensorShapes shapes = {{"logit_scale", {}}};
  const Tensors tensors(shape);
  for (const auto& [name, initial] : tensors.all()) shapes[name] = initial.shape;
  for (const TensorSpec& spec : text_tensor_specs(text_shape(shape.config))) {
    if (spec.name != kProjection) shapes[text_name(spec.name)] = spec.shape;
  }
  return shapes;
}

StateDict initial_groupvit_weights(const GroupVitShape& shape, std::uint64_t seed) {
  StateDict weights;
  const Tensors tensors(shape);
  for (const auto& [name, initial] : tensors.all()) weights[name] = drawn(name, initial, seed);
  for (const auto& [name, tensor] : initial_text_weights(text_shape(shape.config), seed)) {
    if (name != kProjection) weights[text_name(name)] = tensor;
  }
  const double scale = std::log(1.0 / shape.config.temperature);
  weights["logit_scale"] = at::scalar_tensor(scale);
  if (shape.config.noun_prompts > 0) weights["multi_label_logit_scale"] = at::scalar_tensor(scale);
  return weights;
}

}  // namespace tagalign::model
