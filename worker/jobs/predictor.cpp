#include "worker/jobs/predictor.h"

#include <utility>

#include "base/format.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/tensor_adapter.h"
#include "worker/jobs/frozen_clip.h"

namespace tagalign::jobs {
namespace {

/// Kind and depth of the projector in a checkpoint, told by its names.
Result<model::ProjectorShape> shape_of(const checkpoint::NamedTensors& tensors, std::int64_t width,
                                       const std::string& path) {
  const std::string prefix = "projector.projector.";
  int layers = 0;
  while (tensors.contains(format("{}net.{}.gate.gate", prefix, layers)) ||
         tensors.contains(format("{}net.{}.conv.gate.gate", prefix, layers)))
    ++layers;
  if (layers > 0) return model::ProjectorShape{model::ProjectorKind::kGDecoder, layers, width};
  while (tensors.contains(format("{}{}.norm1.weight", prefix, layers))) ++layers;
  if (layers > 0) return model::ProjectorShape{model::ProjectorKind::kTransformer, layers, width};
  return invalid_argument(
      format("checkpoint {}: it holds no projector (no tensor below {})", path, prefix));
}

Status load_projector_of(Rank& rank, const std::string& path, Predictor& predictor) {
  TA_ASSIGN_OR_RETURN(const auto manifest, checkpoint::read_manifest(rank.files, path));
  TA_ASSIGN_OR_RETURN(auto data, checkpoint::load(rank.files, manifest));
  const auto tensors = checkpoint::to_tensors(std::move(data));
  TA_ASSIGN_OR_RETURN(const auto shape,
                      shape_of(tensors, predictor.vision.shape().vision_width, path));
  predictor.projector = model::make_projector(shape, predictor.vision.projection(), 0);
  model::StateDict weights;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with("projector.")) weights[name] = tensor;
  }
  TA_RETURN_IF_ERROR(model::load_projector(*predictor.projector, weights)
                         .with_context(format("checkpoint {}", path)));
  if (manifest.position.model_digest != predictor.digest) {
    return invalid_argument(
        format("checkpoint {}: it was trained on other CLIP weights (expected {}, found {})", path,
               predictor.digest, manifest.position.model_digest));
  }
  predictor.projector->to(rank.device);
  predictor.digest += "+" + manifest.digest;
  predictor.step = manifest.position.step;
  return ok_status();
}

}  // namespace

Result<Predictor> load_predictor(Rank& rank, const config::EvaluateConfig& config) {
  TA_ASSIGN_OR_RETURN(auto clip, load_clip(rank, config.clip.weights));
  TA_ASSIGN_OR_RETURN(const auto attention,
                      model::vision_attention_from_name(config.clip.attention));
  Predictor predictor{
      std::move(clip.vision), std::move(clip.text), nullptr, attention, clip.digest, 0};
  if (!config.checkpoint.empty())
    TA_RETURN_IF_ERROR(load_projector_of(rank, config.checkpoint, predictor));
  return predictor;
}

}  // namespace tagalign::jobs
