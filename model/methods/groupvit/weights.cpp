#include <fmt/ranges.h>

#include <utility>
#include <variant>

#include "base/format.h"
#include "model/methods/grouping/tensor_source.h"
#include "model/methods/grouping/weight_files.h"
#include "model/methods/groupvit/groupvit.h"
#include "model/methods/groupvit/shape.h"
#include "model/methods/training_checkpoint.h"

namespace tagalign::model {
namespace {

constexpr std::string_view kMoments = "optimizer.";

/// What no other model with groups has: a norm behind the patches, and CLIP's text tower.
bool is_groupvit(const StateDict& tensors) {
  return tensors.contains("img_encoder.patch_embed.norm.weight") ||
         (tensors.contains("text_encoder.positional_embedding") &&
          tensors.contains("text_projector.linear_out.weight"));
}

bool is_own(const std::string& name) {
  for (const std::string_view prefix :
       {"img_encoder.", "text_encoder.", "img_projector.", "text_projector."}) {
    if (name.starts_with(prefix)) return true;
  }
  return name == "logit_scale" || name == "multi_label_logit_scale";
}

/// All tensors of a GroupViT: what it should not hold is named when it is built.
StateDict own_tensors(const StateDict& tensors) {
  if (!is_groupvit(tensors)) return {};
  StateDict own;
  for (const auto& [name, tensor] : tensors) {
    if (!name.starts_with(kMoments)) own[name] = tensor;
  }
  return own;
}

std::string naming(const StateDict&) {
  return "groupvit";
}

Result<StateDict> respelled(const StateDict& own, const std::string& naming) {
  return grouping_files::respelled(own, naming, "groupvit");
}

std::string text_part(std::int64_t layers, std::int64_t width) {
  return format(", text of {} blocks, width {}", layers, width);
}

Result<WeightLayout> layout(const StateDict& own) {
  if (!is_groupvit(own)) {
    return invalid_argument(
        "it holds no GroupViT (neither img_encoder.patch_embed.norm nor text_encoder with "
        "text_projector)");
  }
  WeightLayout layout = grouping_files::layout(own, "groupvit");
  const auto norm = own.find("text_encoder.ln_final.weight");
  if (norm != own.end() && norm->second.dim() == 1) {
    const TensorSource source(own, at::kCPU);
    layout.architecture += text_part(
        source.count("text_encoder.transformer.resblocks.", "ln_1.weight"), norm->second.size(0));
  }
  return layout;
}

const config::GroupVitTraining& section(const config::TrainConfig& config) {
  return std::get<config::GroupVitTraining>(config.method);
}

Result<std::string> asked(const config::TrainConfig& config, const WeightLayout&) {
  const config::GroupVitTraining& method = section(config);
  return format("groupvit, stages of {} blocks, width {}{}", fmt::join(method.image.depths, ", "),
                method.image.width, text_part(method.text.layers, method.text.width));
}

Result<TensorShapes> shapes(const StateDict& own, const config::TrainConfig* config) {
  if (config == nullptr) return groupvit_shapes(own);
  return groupvit_shapes({.config = section(*config), .image_size = config->data.image_size});
}

bool is_trained(const std::string& name) {
  return is_own(name) && !name.ends_with("running_mean") && !name.ends_with("running_var") &&
         !name.ends_with("num_batches_tracked");
}

std::string same_name(const std::string& name) {
  return name;
}

/// The file counts epochs, not steps: those of its optimiser stand for them.
Result<ReferenceFile> read_reference(TorchArchive& archive) {
  TA_ASSIGN_OR_RETURN(ReferenceFile file,
                      grouping_files::read_reference(archive, "groupvit", own_tensors));
  if (file.tensors.empty()) return file;  // another method's, whose optimiser is none of ours
  TA_ASSIGN_OR_RETURN(
      TrainingCheckpoint read,
      read_training_checkpoint(
          archive, {.is_own = is_own, .is_trained = is_trained, .program_name = same_name}));
  if (!read.optimizer) return file;
  file.steps_done = read.optimizer->updates;
  file.moments = {.tensors = std::move(read.optimizer->moments),
                  .updates = read.optimizer->updates};
  return file;
}

}  // namespace

const WeightNames kGroupVitWeights{.is_own = is_own,
                                   .own = own_tensors,
                                   .optional = {"multi_label_logit_scale"},
                                   .naming = naming,
                                   .respelled = respelled,
                                   .layout = layout,
                                   .asked = asked,
                                   .shapes = shapes,
                                   .read_reference = read_reference};

}  // namespace tagalign::model
