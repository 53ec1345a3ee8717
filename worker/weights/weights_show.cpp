#include "worker/weights/weights_show.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "base/format.h"
#include "base/json_text.h"
#include "checkpoint/tensor_adapter.h"
#include "configs/schema/reading/load.h"
#include "model/clip/towers.h"
#include "model/clip/weights.h"
#include "model/methods/method.h"
#include "worker/weights/trained_weights.h"
#include "worker/weights/weights.h"

namespace tagalign::jobs {
namespace {

using nlohmann::json;
using Names = std::vector<std::string>;

/// What a file holds, whatever it is.
struct Contents {
  std::string container;
  std::string digest;
  model::StateDict tensors;  ///< all that weights can be: without an optimizer's state
  Names not_read;
  Names notices;
  std::optional<TrainedWeights> trained;  ///< when there is a projector
};

/// What a configuration asks of a file.
struct Demands {
  std::optional<config::TrainConfig> train;
  std::optional<bool> is_clip;  ///< named as clip.weights (true) or as checkpoint (false)
};

bool holds_a_method(const model::StateDict& tensors) {
  return std::ranges::any_of(model::all_methods(), [&](const model::Method& method) {
    return method.weights != nullptr && method.weights->layout(method.weights->own(tensors)).ok();
  });
}

const char* container_name(model::WeightsFormat format) {
  if (format == model::WeightsFormat::kTorchZip) return "torch archive";
  return format == model::WeightsFormat::kTorchLegacy ? "torch archive before 1.6" : "safetensors";
}

Result<Contents> read_contents(FileSystem& files, const Path& path) {
  Contents contents;
  if (files.list_directory(path).ok()) {
    TA_ASSIGN_OR_RETURN(contents.trained, read_trained_weights(files, path));
    contents.container = "checkpoint folder";
    contents.digest = contents.trained->digest;
    contents.tensors = contents.trained->tensors;
    contents.notices = contents.trained->notices;
    return contents;
  }
  TA_ASSIGN_OR_RETURN(const auto kind, weights_format_of(files, path));
  TA_ASSIGN_OR_RETURN(auto loaded, load_weights(files, path));
  contents.container = container_name(kind);
  contents.digest = loaded.digest;
  contents.tensors = std::move(loaded.tensors);
  contents.not_read = std::move(loaded.notes.not_read);
  contents.notices = std::move(loaded.notes.notices);
  if (kind != model::WeightsFormat::kSafetensors) {
    TA_ASSIGN_OR_RETURN(const auto archive, open_torch_archive(files, path));
    for (const auto& [name, byte] : archive.pickle().refused)
      contents.not_read.push_back(model::printable(name));
  }
  if (holds_a_method(contents.tensors)) {
    TA_ASSIGN_OR_RETURN(contents.trained, read_trained_weights(files, path));
  }
  return contents;
}

bool is_same_file(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return false;
  return Path(a).lexically_normal() == Path(b).lexically_normal();
}

Result<Demands> demands_of(FileSystem& files, const WeightsShowOptions& options) {
  Demands demands;
  if (options.config.empty()) return demands;
  const auto train =
      config::load_job_config<config::TrainConfig>(files, options.config, options.overrides);
  if (train.ok()) {
    demands.train = *train;
    if (is_same_file(train->clip.weights, options.file)) demands.is_clip = true;
    return demands;
  }
  const auto evaluate =
      config::load_job_config<config::EvaluateConfig>(files, options.config, options.overrides);
  if (!evaluate.ok()) {
    return invalid_argument(
        format("{} configures neither train nor evaluate. As train:\n{}\nAs "
               "evaluate:\n{}",
               options.config, train.status().message(), evaluate.status().message()));
  }
  if (is_same_file(evaluate->clip.weights, options.file)) demands.is_clip = true;
  if (is_same_file(evaluate->checkpoint, options.file)) demands.is_clip = false;
  return demands;
}

model::TensorShapes clip_specs(const model::ClipShape& shape) {
  model::TensorShapes specs = {{"logit_scale", {}}};
  for (const auto& part : {model::vision_tensor_specs(shape), model::text_tensor_specs(shape)}) {
    for (const auto& spec : part) specs[spec.name] = spec.shape;
  }
  return specs;
}

/// Finds what `specs` and `tensors` do not share; `may_be_there` is neither.
class Comparison {
 public:
  void compare(const model::TensorShapes& specs, const model::StateDict& tensors,
               const std::set<std::string>& may_be_there) {
    for (const auto& [name, shape] : specs) {
      const auto found = tensors.find(name);
      if (found == tensors.end()) {
        missing.push_back(name);
      } else if (found->second.sizes() != at::IntArrayRef(shape)) {
        problems.push_back(format("'{}' has the shape [{}], expected [{}]", name,
                                  fmt::join(found->second.sizes().vec(), ", "),
                                  fmt::join(shape, ", ")));
      }
    }
    for (const auto& [name, tensor] : tensors) {
      if (!specs.contains(name) && !may_be_there.contains(name)) unexpected.push_back(name);
    }
  }

  Names missing, unexpected, problems;
};

bool looks_like_clip(const model::StateDict& tensors) {
  return tensors.contains("visual.conv1.weight") || tensors.contains("token_embedding.weight");
}

std::string clip_text(const model::ClipShape& s) {
  return format(
      "ViT/{} (width {}, {} layers, {} heads, {} px), text width {}, {} layers, {} heads, context "
      "{}, vocabulary {}, embedding {}",
      s.patch_size, s.vision_width, s.vision_layers, s.vision_heads, s.image_size(), s.text_width,
      s.text_layers, s.text_heads, s.context, s.vocabulary, s.embed_dim);
}

void judge_clip(const Contents& contents, json& card, Comparison& comparison) {
  const auto shape = model::infer_clip_shape(contents.tensors);
  if (!shape.ok()) {
    comparison.problems.push_back(shape.status().message());
    return;
  }
  card["clip"] = clip_text(*shape);
  comparison.compare(clip_specs(*shape), contents.tensors,
                     {"input_resolution", "context_length", "vocab_size"});
}

/// The frozen CLIP of the reference's checkpoints, and the optimiser's state of ours.
bool stands_beside_projector(const std::string& name) {
  return name.starts_with("clip_image_encoder.") || name.starts_with("clip_text_encoder.") ||
         name.starts_with("optimizer.");
}

Status judge_trained(const Contents& contents, const Demands& demands, json& card,
                     Comparison& comparison) {
  const TrainedWeights& trained = *contents.trained;
  const model::WeightNames& names = *trained.method->weights;
  card["projector"] = trained.layout.architecture;
  card["naming"] = trained.naming;
  if (trained.position.step > 0) card["step"] = trained.position.step;
  if (!trained.position.model_digest.empty()) card["clip_digest"] = trained.position.model_digest;
  card["optimizer"] = !trained.moments.empty();
  const bool same_method =
      demands.train && config::method_name(demands.train->method) == trained.method->name;
  if (demands.train && !same_method) {
    comparison.problems.push_back(format("the configuration trains {}, the file holds {}",
                                         config::method_name(demands.train->method),
                                         trained.method->name));
  }
  if (same_method) {
    TA_ASSIGN_OR_RETURN(const auto asked, names.asked(*demands.train, trained.layout));
    if (asked != trained.layout.architecture) {
      comparison.problems.push_back(format("the configuration asks for {}, the file holds {}",
                                           asked, trained.layout.architecture));
    }
  }
  TA_ASSIGN_OR_RETURN(const auto shapes,
                      names.shapes(trained.tensors, same_method ? &*demands.train : nullptr));
  comparison.compare(shapes, trained.tensors, {std::string(names.optional)});
  if (looks_like_clip(contents.tensors)) return ok_status();  // judge_clip() has named the rest
  for (const auto& [name, tensor] : contents.tensors) {
    if (!names.is_own(name) && !stands_beside_projector(name)) {
      comparison.unexpected.push_back(name);
    }
  }
  return ok_status();
}

void count_tensors(const model::StateDict& tensors, json& card) {
  std::map<std::string, std::size_t> types;
  std::uint64_t parameters = 0, bytes = 0;
  json list = json::array();
  for (const auto& [name, tensor] : tensors) {
    const std::string type = c10::toString(tensor.scalar_type());
    ++types[type];
    parameters += static_cast<std::uint64_t>(tensor.numel());
    bytes += tensor.nbytes();
    list.push_back({{"name", name}, {"type", type}, {"shape", tensor.sizes().vec()}});
  }
  card["types"] = types;
  card["parameters"] = parameters;
  card["bytes"] = bytes;
  card["tensors"] = std::move(list);
}

}  // namespace

Result<WeightsCard> describe_weights(FileSystem& files, const WeightsShowOptions& options) {
  TA_ASSIGN_OR_RETURN(const Demands demands, demands_of(files, options));
  TA_ASSIGN_OR_RETURN(const Contents contents, read_contents(files, options.file));
  json card = {{"file", options.file},
               {"container", contents.container},
               {"digest", contents.digest},
               {"clip", nullptr},
               {"projector", nullptr},
               {"naming", nullptr},
               {"step", nullptr},
               {"clip_digest", nullptr},
               {"optimizer", false},
               {"not_read", contents.not_read},
               {"notices", contents.notices}};
  count_tensors(contents.tensors, card);
  Comparison comparison;
  const bool is_clip = looks_like_clip(contents.tensors);
  if (is_clip) judge_clip(contents, card, comparison);
  if (contents.trained) TA_RETURN_IF_ERROR(judge_trained(contents, demands, card, comparison));
  if (!is_clip && !contents.trained)
    comparison.problems.push_back("neither a CLIP nor a projector of TagAlign");
  if (demands.is_clip == true && !is_clip)
    comparison.problems.push_back("the configuration names it as clip.weights; it holds no CLIP");
  if (demands.is_clip == false && !contents.trained)
    comparison.problems.push_back(
        "the configuration names it as checkpoint; it holds no projector");
  card["missing"] = comparison.missing;
  card["unexpected"] = comparison.unexpected;
  card["problems"] = comparison.problems;
  const bool fits =
      comparison.missing.empty() && comparison.unexpected.empty() && comparison.problems.empty();
  card["fits"] = fits;
  return WeightsCard{json_text(card), fits};
}

}  // namespace tagalign::jobs
