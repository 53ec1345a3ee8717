#include "model/methods/groupvit/groupvit.h"

#include <ATen/ops/eye.h>
#include <ATen/ops/from_blob.h>

#include <memory>
#include <utility>
#include <variant>

#include "base/format.h"
#include "model/clip/weights.h"

namespace tagalign::model {
namespace {

constexpr std::string_view kTextPrefix = "text_encoder.";

/// CLIP's names, which the text tower's are behind their prefix. It has no projection of its own:
/// the identity stands in its place.
StateDict text_tensors(const StateDict& tensors) {
  StateDict named;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(kTextPrefix)) named[name.substr(kTextPrefix.size())] = tensor;
  }
  const auto norm = named.find("ln_final.weight");
  if (norm != named.end() && norm->second.dim() == 1)
    named["text_projection"] = at::eye(norm->second.size(0));
  return named;
}

/// Takes the text tower from the source as CLIP's text tower names and shapes it: [vocabulary, W]
/// and so on, of the sizes that the tensors tell.
void take_text(TensorSource& source) {
  const std::string prefix(kTextPrefix);
  ClipShape shape;
  const at::Tensor tokens = source.take(prefix + "token_embedding.weight", {kAnySize, kAnySize});
  shape.vocabulary = tokens.size(0);
  shape.embed_dim = shape.text_width = tokens.size(1);
  shape.context =
      source.take(prefix + "positional_embedding", {kAnySize, shape.text_width}).size(0);
  shape.text_layers = source.count(prefix + "transformer.resblocks.", "ln_1.weight");
  for (const TensorSpec& spec : text_tensor_specs(shape)) {
    if (spec.name != "text_projection") source.take(prefix + spec.name, spec.shape);
  }
}

/// All but the text tower itself; what does not fit is said by the source.
std::pair<GroupTower, GroupProjection> take_towers(TensorSource& source, std::int64_t heads) {
  GroupTower image = GroupTower::take(source, heads);
  take_text(source);
  const std::int64_t text_width =
      source.take(std::string(kTextPrefix) + "ln_final.weight", {kAnySize}).size(0);
  auto text = GroupProjection::take(source, "text_projector.", text_width);
  if (text.embedding() != image.projection.embedding()) {
    source.refuse(
        format("its projectors end in different widths: expected one joint embedding, "
               "found {} of images and {} of text",
               image.projection.embedding(), text.embedding()));
  }
  return {std::move(image), std::move(text)};
}

}  // namespace

at::Tensor GroupVitText::encode(const at::Tensor& token_ids) const {
  return projection.forward(tower.encode(token_ids));
}

Result<GroupVitTowers> groupvit_towers(const StateDict& tensors,
                                       const config::GroupVitEvaluation& config, at::Device device,
                                       StateDict* trained) {
  TensorSource source(tensors, device, trained != nullptr);
  auto [image, projection] = take_towers(source, config.heads);
  if (source.has("multi_label_logit_scale")) source.take("multi_label_logit_scale", {});
  TA_RETURN_IF_ERROR(source.status());
  auto tower = TextTower::create(text_tensors(tensors));
  if (!tower.ok()) return tower.status().with_context("its text tower");
  tower->to(device);
  if (trained != nullptr) {
    *trained = source.taken();
    for (const Parameter& parameter : tower->parameters()) {
      if (parameter.name != "text_projection")
        (*trained)[std::string(kTextPrefix) + parameter.name] =
            parameter.tensor.requires_grad_(true);
    }
  }
  return GroupVitTowers{std::move(image), {std::move(tower).value(), std::move(projection)}};
}

TensorShapes groupvit_shapes(const StateDict& own) {
  TensorSource source(own, at::kCPU);
  take_towers(source, /*heads=*/1);
  return source.shapes();
}

Result<std::unique_ptr<DenseModel>> groupvit_model(const Materials& materials,
                                                   const StateDict& trained,
                                                   const config::EvaluationMethod& config) {
  const auto& own = std::get<config::GroupVitEvaluation>(config);
  TA_ASSIGN_OR_RETURN(GroupVitTowers towers, groupvit_towers(trained, own, materials.device));
  const auto text = std::make_shared<const GroupVitText>(std::move(towers.text));
  const auto encode = [text, tokenizer = materials.tokenizer,
                       device = materials.device](const std::vector<std::string>& prompts) {
    const std::int64_t context = text->tower.shape().context;
    std::vector<std::int64_t> ids = tokenizer->encode_padded(prompts, static_cast<int>(context));
    const at::Tensor tokens =
        at::from_blob(ids.data(), {static_cast<std::int64_t>(prompts.size()), context}, at::kLong);
    return text->encode(tokens.to(device, at::kLong, false, /*copy=*/true));
  };
  std::vector<MethodSetting> settings = {{"kept_classes", format("{}", own.kept_classes)}};
  return make_group_model({.tower = std::move(towers.image),
                           .encode_prompts = encode,
                           .kept_classes = own.kept_classes,
                           .settings = std::move(settings)});
}

}  // namespace tagalign::model
