#include "worker/jobs/predictor.h"

#include <utility>

#include "base/format.h"
#include "worker/jobs/frozen_clip.h"
#include "worker/jobs/model_choices.h"
#include "worker/jobs/trained_weights.h"

namespace tagalign::jobs {
namespace {

Status load_projector_of(Rank& rank, const std::string& path, Predictor& predictor) {
  const std::string where = format("checkpoint {}", path);
  TA_ASSIGN_OR_RETURN(const auto trained, read_trained_weights(rank.files, path));
  const auto& clip = predictor.vision.shape();
  if (trained.shape.width != clip.vision_width) {
    return invalid_argument(format("{}: its projector has width {}, the CLIP weights have {}",
                                   where, trained.shape.width, clip.vision_width));
  }
  const std::string& trained_on = trained.position.model_digest;  // empty: the source does not say
  if (!trained_on.empty() && trained_on != predictor.digest) {
    return invalid_argument(
        format("{}: it was trained on other CLIP weights (expected {}, found {})", where,
               predictor.digest, trained_on));
  }
  predictor.projector = model::make_projector(trained.shape, predictor.vision.projection(), 0);
  model::StateDict weights;
  for (const auto& [name, tensor] : trained.tensors) {
    if (name.starts_with("projector.")) weights[name] = tensor;
  }
  TA_RETURN_IF_ERROR(model::load_projector(*predictor.projector, weights).with_context(where));
  predictor.projector->to(rank.device);
  predictor.digest += "+" + trained.digest;
  predictor.step = trained.position.step;
  return ok_status();
}

}  // namespace

Result<Predictor> load_predictor(Rank& rank, const config::EvaluateConfig& config) {
  TA_ASSIGN_OR_RETURN(auto clip, load_clip(rank, config.clip.weights));
  Predictor predictor{std::move(clip.vision),
                      std::move(clip.text),
                      nullptr,
                      vision_attention(config.clip.attention),
                      clip.digest,
                      0};
  if (!config.checkpoint.empty())
    TA_RETURN_IF_ERROR(load_projector_of(rank, config.checkpoint, predictor));
  return predictor;
}

}  // namespace tagalign::jobs
