#include "worker/evaluate/predictor.h"

#include <string>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "base/format.h"
#include "worker/weights/choose_checkpoint.h"
#include "worker/weights/model_choices.h"
#include "worker/weights/trained_digest.h"
#include "worker/weights/trained_weights.h"
#include "worker/weights/weights.h"

namespace tagalign::jobs {
namespace {

void say_notices(Rank& rank, const std::string& checkpoint,
                 const std::vector<std::string>& notices) {
  if (!rank.is_first()) return;
  for (const std::string& notice : notices)
    rank.reporter.notice(about_checkpoint(checkpoint, notice));
}

/// The first rank chooses: in a folder that a training still fills, each could see another newest.
Result<std::string> choose(Rank& rank, const std::string& checkpoint) {
  return rank.first_decides([&]() -> Result<std::string> {
    const auto chosen = choose_checkpoint(rank.files, checkpoint);
    if (!chosen.ok()) return about_checkpoint(checkpoint, chosen.status());
    say_notices(rank, checkpoint, chosen->notices);
    return chosen->path.string();
  });
}

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
  TA_ASSIGN_OR_RETURN(const std::string path, choose(rank, config.checkpoint));
  TA_ASSIGN_OR_RETURN(auto trained, read_trained_weights(rank.files, path));
  say_notices(rank, config.checkpoint, trained.notices);
  if (trained.method->name != name) {
    return invalid_argument(format("{}: it holds weights of method {}, expected those of {}", where,
                                   trained.method->name, name));
  }
  const std::string& trained_on = trained.position.model_digest;  // empty: the source does not say
  if (!clip_digest.empty() && !trained_on.empty() && trained_on != clip_digest) {
    return invalid_argument(
        format("{}: it was trained on other CLIP weights (expected {}, found {})", where,
               clip_digest, trained_on));
  }
  return trained;
}

void add_digest(std::string& digest, const std::string& more) {
  digest += (digest.empty() ? "" : "+") + more;
}

/// Of the files that the method's section names.
Status add_digests(Rank& rank, const config::EvaluateConfig& config, std::string& digest) {
  for (const std::string& path : config::files_of(config.method)) {
    TA_ASSIGN_OR_RETURN(const Digest128 found, digest_file(rank.files, path));
    add_digest(digest, found.hex());
  }
  return ok_status();
}

/// What load_predictor() would put together; `checkpoint` as choose() says.
Result<std::string> digest_of_files(Rank& rank, const config::EvaluateConfig& config,
                                    const std::string& checkpoint) {
  TA_ASSIGN_OR_RETURN(const auto* method, model::find_method(config::method_name(config.method)));
  std::string digest;
  if (method->needs_clip) {
    TA_ASSIGN_OR_RETURN(const Digest128 clip, digest_file(rank.files, config.clip.weights));
    add_digest(digest, clip.hex());
  }
  if (!checkpoint.empty()) {
    TA_ASSIGN_OR_RETURN(const std::string trained, trained_digest(rank.files, checkpoint));
    add_digest(digest, trained);
  }
  TA_RETURN_IF_ERROR(add_digests(rank, config, digest));
  return digest;
}

Status load_frozen(Rank& rank, const config::EvaluateConfig& config, Predictor& predictor) {
  TA_ASSIGN_OR_RETURN(auto clip, load_clip(rank, config.clip.weights));
  TA_RETURN_IF_ERROR(freeze_clip(rank, config.runtime.precision, clip));
  predictor.digest = clip.digest;
  predictor.clip = std::make_unique<FrozenClip>(std::move(clip));
  return ok_status();
}

}  // namespace

Result<Predictor> load_predictor(Rank& rank, const config::EvaluateConfig& config) {
  TA_ASSIGN_OR_RETURN(const auto* method, model::find_method(config::method_name(config.method)));
  TA_ASSIGN_OR_RETURN(auto tokenizer,
                      model::Tokenizer::load(rank.files, model::default_vocabulary()));
  Predictor predictor;
  predictor.tokenizer = std::make_unique<model::Tokenizer>(std::move(tokenizer));
  model::Materials materials{.tokenizer = predictor.tokenizer.get(),
                             .attention = vision_attention(config.clip.attention),
                             .device = rank.device,
                             .files = &rank.files,
                             .read_weights = [&rank](const Path& path) -> Result<model::StateDict> {
                               TA_ASSIGN_OR_RETURN(auto read, load_weights(rank.files, path));
                               return std::move(read.tensors);
                             }};
  if (method->needs_clip) {
    TA_RETURN_IF_ERROR(load_frozen(rank, config, predictor));
    materials.vision = &predictor.clip->vision;
    materials.text = &predictor.clip->text;
  }
  model::StateDict tensors;
  if (config::is_trained(config.method)) {
    TA_ASSIGN_OR_RETURN(auto trained, read_trained(rank, config, predictor.digest));
    tensors = std::move(trained.tensors);
    add_digest(predictor.digest, trained.digest);
    for (const std::string& notice : trained.notices)
      predictor.notices.push_back(about_checkpoint(config.checkpoint, notice));
    predictor.step = trained.position.step;
  }
  TA_RETURN_IF_ERROR(add_digests(rank, config, predictor.digest));
  auto model = method->dense_model(materials, tensors, config.method);
  if (!model.ok()) {
    return model.status().with_context(config::is_trained(config.method)
                                           ? format("checkpoint {}", config.checkpoint)
                                           : format("method {}", method->name));
  }
  predictor.model = std::move(model).value();
  return predictor;
}

Result<bool> has_same_weights(Rank& rank, const config::EvaluateConfig& config,
                              const std::string& digest) {
  std::string checkpoint;
  if (config::is_trained(config.method)) {
    if (config.checkpoint.empty()) return false;
    TA_ASSIGN_OR_RETURN(checkpoint, choose(rank, config.checkpoint));
  }
  return rank.first_decides([&]() -> Result<bool> {
    const auto found = digest_of_files(rank, config, checkpoint);
    return found.ok() && *found == digest;
  });
}

}  // namespace tagalign::jobs
