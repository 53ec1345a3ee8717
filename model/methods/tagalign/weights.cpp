#include <ATen/ops/zeros.h>

#include <utility>
#include <variant>

#include "base/format.h"
#include "model/methods/tagalign/reference_checkpoint.h"
#include "model/methods/tagalign/reference_names.h"
#include "model/methods/tagalign/tagalign.h"

namespace tagalign::model {
namespace {

/// A training goes on with attributes or without, as it began.
std::string architecture_text(const ProjectorShape& shape, bool attributes) {
  return format("{}, {} {}, width {}{}",
                shape.kind == ProjectorKind::kGDecoder ? "gdecoder" : "transformer", shape.layers,
                shape.layers == 1 ? "layer" : "layers", shape.width,
                attributes ? ", attributes" : "");
}

const config::TagAlignTraining& section(const config::TrainConfig& config) {
  return std::get<config::TagAlignTraining>(config.method);
}

Result<ReferenceFile> read_reference(TorchArchive& archive) {
  TA_ASSIGN_OR_RETURN(ReferenceCheckpoint checkpoint, read_reference_checkpoint(archive));
  ReferenceFile file{.tensors = std::move(checkpoint.tensors),
                     .naming = naming_name(checkpoint.naming),
                     .steps_done = checkpoint.steps_done,
                     .schedule_position = checkpoint.schedule_position,
                     .next_lr = checkpoint.next_lr,
                     .moments = std::nullopt};
  if (checkpoint.optimizer) {
    file.moments = {.tensors = std::move(checkpoint.optimizer->moments),
                    .updates = checkpoint.optimizer->updates};
  }
  return file;
}

std::string naming(const StateDict& tensors) {
  return naming_name(naming_of(tensors));
}

Result<StateDict> respelled(const StateDict& own, const std::string& naming) {
  TA_ASSIGN_OR_RETURN(const Naming wanted, naming_from_name(naming));
  TA_ASSIGN_OR_RETURN(const ProjectorShape shape, projector_shape_of(own));
  return renamed(own, wanted, shape.kind);
}

Result<WeightLayout> layout(const StateDict& own) {
  TA_ASSIGN_OR_RETURN(const ProjectorShape shape, projector_shape_of(own));
  return WeightLayout{.architecture = architecture_text(shape, own.contains(kAttributeScale)),
                      .width = shape.width,
                      .embedding = own.at("projector.clip_proj.proj").size(1)};
}

Result<std::string> asked(const config::TrainConfig& config, const WeightLayout& found) {
  const auto shape = tagalign_projector_shape(section(config).projector, found.width);
  return architecture_text(shape, config::learns_attributes(config.method));
}

Result<TensorShapes> shapes(const StateDict& own, const config::TrainConfig* config) {
  TA_ASSIGN_OR_RETURN(const WeightLayout found, layout(own));
  TA_ASSIGN_OR_RETURN(auto shape, projector_shape_of(own));
  if (config != nullptr) shape = tagalign_projector_shape(section(*config).projector, found.width);
  const ClipProjection frozen{.ln_weight = at::zeros({shape.width}),
                              .ln_bias = at::zeros({shape.width}),
                              .proj = at::zeros({shape.width, found.embedding})};
  TensorShapes shapes = {{"cl_loss.logit_scale", {}}, {"ce_loss.logit_scale", {}}};
  const bool attributes =
      config != nullptr ? config::learns_attributes(config->method) : own.contains(kAttributeScale);
  if (attributes) shapes[kAttributeScale] = {};
  const auto projector = make_projector(shape, frozen, 0);
  for (const auto& parameter : projector->parameters())
    shapes[parameter.name] = parameter.tensor.sizes().vec();
  return shapes;
}

}  // namespace

const WeightNames kTagAlignWeights{.is_own = is_exported,
                                   .own = exported_tensors,
                                   .optional = {"label_embedding"},
                                   .naming = naming,
                                   .respelled = respelled,
                                   .layout = layout,
                                   .asked = asked,
                                   .shapes = shapes,
                                   .read_reference = read_reference};

}  // namespace tagalign::model
