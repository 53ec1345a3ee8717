#include "worker/evaluate/predictor.h"

#include <utility>

#include "base/format.h"
#include "worker/weights/model_choices.h"
#include "worker/weights/trained_weights.h"

namespace tagalign::jobs {
namespace {

/// What the configuration's method trained, told from other methods' by its tensors.
Result<TrainedWeights> read_trained(Rank& rank, const config::EvaluateConfig& config,
                                    const std::string& clip_digest) {
  const auto name = config::method_name(config.method);
  if (config.checkpoint.empty()) {
    return invalid_argument(
        format("method {} needs a checkpoint, and none is named: set checkpoint, or evaluate the "
               "frozen baseline with method: clip",
               name));
  }
  const std::string where = format("checkpoint {}", config.checkpoint);
  TA_ASSIGN_OR_RETURN(auto trained, read_trained_weights(rank.files, config.checkpoint));
  if (trained.method->name != name) {
    return invalid_argument(format("{}: it holds weights of method {}, expected those of {}", where,
                                   trained.method->name, name));
  }
  const std::string& trained_on = trained.position.model_digest;  // empty: the source does not say
  if (!trained_on.empty() && trained_on != clip_digest) {
    return invalid_argument(
        format("{}: it was trained on other CLIP weights (expected {}, found {})", where,
               clip_digest, trained_on));
  }
  return trained;
}

}  // namespace

Result<Predictor> load_predictor(Rank& rank, const config::EvaluateConfig& config) {
  TA_ASSIGN_OR_RETURN(auto clip, load_clip(rank, config.clip.weights));
  TA_ASSIGN_OR_RETURN(auto tokenizer,
                      model::Tokenizer::load(rank.files, model::default_vocabulary()));
  Predictor predictor;
  predictor.digest = clip.digest;
  predictor.clip = std::make_unique<FrozenClip>(std::move(clip));
  predictor.tokenizer = std::make_unique<model::Tokenizer>(std::move(tokenizer));
  const model::Materials materials{predictor.clip->vision, predictor.clip->text,
                                   predictor.tokenizer.get(),
                                   vision_attention(config.clip.attention), rank.device};
  TA_ASSIGN_OR_RETURN(const auto* method, model::find_method(config::method_name(config.method)));
  model::StateDict tensors;
  if (config::is_trained(config.method)) {
    TA_ASSIGN_OR_RETURN(auto trained, read_trained(rank, config, predictor.digest));
    tensors = std::move(trained.tensors);
    predictor.digest += "+" + trained.digest;
    predictor.step = trained.position.step;
  }
  auto model = method->dense_model(materials, tensors, config.method);
  if (!model.ok()) return model.status().with_context(format("checkpoint {}", config.checkpoint));
  predictor.model = std::move(model).value();
  return predictor;
}

}  // namespace tagalign::jobs
