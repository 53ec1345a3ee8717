#include "worker/evaluate/predictor.h"

#include <utility>

#include "base/format.h"
#include "worker/weights/model_choices.h"
#include "worker/weights/trained_weights.h"

namespace tagalign::jobs {
namespace {

Status load_trained(Rank& rank, const std::string& path, const model::Materials& materials,
                    Predictor& predictor) {
  const std::string where = format("checkpoint {}", path);
  TA_ASSIGN_OR_RETURN(const auto trained, read_trained_weights(rank.files, path));
  auto model = trained.method->dense_model(materials, trained.tensors);
  if (!model.ok()) return model.status().with_context(where);
  const std::string& trained_on = trained.position.model_digest;  // empty: the source does not say
  if (!trained_on.empty() && trained_on != predictor.digest) {
    return invalid_argument(
        format("{}: it was trained on other CLIP weights (expected {}, found {})", where,
               predictor.digest, trained_on));
  }
  predictor.model = std::move(model).value();
  predictor.digest += "+" + trained.digest;
  predictor.step = trained.position.step;
  return ok_status();
}

}  // namespace

Result<Predictor> load_predictor(Rank& rank, const config::EvaluateConfig& config) {
  TA_ASSIGN_OR_RETURN(auto clip, load_clip(rank, config.clip.weights));
  const auto attention = vision_attention(config.clip.attention);
  Predictor predictor;
  predictor.digest = clip.digest;
  predictor.clip = std::make_unique<FrozenClip>(std::move(clip));
  const model::Materials materials{predictor.clip->vision, predictor.clip->text, attention,
                                   rank.device};
  if (!config.checkpoint.empty()) {
    TA_RETURN_IF_ERROR(load_trained(rank, config.checkpoint, materials, predictor));
    return predictor;
  }
  TA_ASSIGN_OR_RETURN(const auto* method, model::find_method("clip"));
  TA_ASSIGN_OR_RETURN(predictor.model, method->dense_model(materials, {}));
  return predictor;
}

}  // namespace tagalign::jobs
