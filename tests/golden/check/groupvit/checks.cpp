#include "tests/golden/check/groupvit/checks.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "base/format.h"
#include "configs/schema/methods/template_sets.h"
#include "model/methods/groupvit/groupvit.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/groupvit/models.h"
#include "tests/golden/check/sources.h"

namespace tagalign::golden::groupvit {
namespace {

constexpr char kTokenizer[] = "text/tokenizer.json";
constexpr char kClassTokens[] = "text/class_tokens.safetensors";
constexpr char kRuns[] = "inference/inference.json";
constexpr char kCheckpointOf[] = "tiny";  ///< the model that the official code saved

std::optional<model::GroupVitTowers> towers_of(GroupedModels& models, Report& report,
                                               const std::string& name) {
  const auto weights = models.weights(name);
  const Json* sizes = models.sizes(name);
  if (!weights || sizes == nullptr) return std::nullopt;
  const auto config = std::get<config::GroupVitEvaluation>(models.method().config(*sizes));
  auto towers = model::groupvit_towers(*weights, config, at::kCPU);
  if (towers.ok()) return std::move(towers).value();
  report.failed("weights " + name, towers.status().message());
  return std::nullopt;
}

/// Strings to ids, and prompts of classes to ids.
void check_tokens(Folder& folder, Report& report, const GroupVit& method) {
  const Json* facts = folder.json(kTokenizer);
  if (facts == nullptr) return;
  const int context = facts->at("context_length").get<int>();
  const auto strings = facts->at("strings").get<std::vector<std::string>>();
  const auto ids = method.tokenizer().encode_padded(strings, context);
  for (std::size_t i = 0; i < strings.size(); ++i) {
    const auto from = ids.begin() + static_cast<std::ptrdiff_t>(i) * context;
    report.equal(format("token ids of string {}", i),
                 Json(std::vector<std::int64_t>(from, from + context)).dump(),
                 facts->at("ids").at(i).dump());
  }
  for (const auto& [name, prompts] : facts->at("templates").items()) {
    const auto* ours = config::find_template_set(name);
    if (ours == nullptr)
      report.not_compared("templates " + name, "the product has no set of this name");
    else
      report.equal("templates " + name, Json(*ours).dump(), prompts.dump());
  }
}

/// Names of sets behind "class_token_ids.".
void check_class_tokens(Folder& folder, Report& report, const GroupVit& method) {
  TensorFile* stored = folder.tensors(kClassTokens);
  const Json* runs = folder.json(kRuns);
  if (stored == nullptr || runs == nullptr) return;
  const auto classes = runs->at("classes").get<std::vector<std::string>>();
  for (const std::string& entry : stored->names()) {
    const auto* prompts = config::find_template_set(entry.substr(entry.find('.') + 1));
    if (prompts == nullptr) {
      report.failed(entry, "the product has no set of this name");
      continue;
    }
    std::vector<std::string> texts;
    for (const std::string& name : classes) {
      for (std::string text : *prompts) texts.push_back(text.replace(text.find("{}"), 2, name));
    }
    const at::Tensor& expected = *stored->find(entry);
    const auto ids = at::tensor(method.tokenizer().encode_padded(texts), at::kLong)
                         .view({expected.size(0), expected.size(1), -1})
                         .slice(2, 0, expected.size(2));
    report.deviation(entry, deviation_of(ids, expected), {});
  }
}

/// text/NAME.safetensors
void check_tower(Folder& folder, Report& report, GroupedModels& models, const std::string& name) {
  TensorFile* file = folder.tensors(format("text/{}.safetensors", name));
  const auto towers = towers_of(models, report, name);
  const Json* runs = folder.json(kRuns);
  if (file == nullptr || !towers || runs == nullptr) return;
  const at::Tensor ids = file->find("token_ids")->to(at::kLong);
  const model::GroupVitText& text = towers->text;
  Tensors found = {{"pooled", text.tower.encode(ids)}, {"text_x", text.encode(ids)}};
  text.tower.encode_sequence(ids, [&](std::int64_t block, const at::Tensor& x, const at::Tensor&) {
    found[format("block{}", block)] = x;
  });
  for (const std::string& entry : file->names()) {
    const std::string quantity = format("{} {}", name, entry);
    if (entry == "token_ids") continue;
    const at::Tensor& expected = *file->find(entry);
    if (entry.starts_with("class_embedding.")) {
      const auto* prompts = config::find_template_set(entry.substr(entry.find('.') + 1));
      GroupedModel* model = models.find(name);
      if (prompts == nullptr || model == nullptr) continue;
      const auto rows = model->model->embed_classes(runs->at("classes"), *prompts, 1).rows;
      report.deviation(quantity, deviation_of(rows, expected), models.method().class_embedding());
    } else if (!found.contains(entry)) {
      report.failed(quantity, "our tower shows no such quantity");
    } else {
      at::Tensor ours = found.at(entry);
      if (ours.dim() == 3)  // the first texts and positions are kept
        ours = ours.slice(0, 0, expected.size(0)).slice(1, 0, expected.size(1));
      report.deviation(quantity, deviation_of(ours, expected), scaled_bound(1e-5));
    }
  }
}

}  // namespace

std::optional<GroupVit> GroupVit::create(Folder& folder, Report& report) {
  auto tokenizer = load_tokenizer(folder, report);
  if (!tokenizer) return std::nullopt;
  return GroupVit(std::move(*tokenizer));
}

config::EvaluationMethod GroupVit::config(const Json& sizes) const {
  return config::GroupVitEvaluation{.heads = sizes.at("vh").get<int>()};
}

void check_text(Folder& folder, Report& report) {
  const at::NoGradGuard no_grad;
  const auto method = GroupVit::create(folder, report);
  if (!method) return;
  check_tokens(folder, report, *method);
  check_class_tokens(folder, report, *method);
  GroupedModels models(folder, report, *method);
  for (const std::string& name : models.names()) check_tower(folder, report, models, name);
}

/// The sizes that the tensors tell, against those of the JSON.
void check_weights(Folder& folder, Report& report) {
  const auto method = GroupVit::create(folder, report);
  if (!method) return;
  GroupedModels models(folder, report, *method);
  for (const std::string& name : models.names()) {
    const Json* sizes = models.sizes(name);
    const auto towers = towers_of(models, report, name);
    if (sizes == nullptr || !towers) continue;
    const auto depths = sizes->at("depths").get<std::vector<std::int64_t>>();
    std::int64_t blocks = 0;
    for (const std::int64_t depth : depths) blocks += depth;
    const auto number = [&](const char* key, std::int64_t found) {
      report.equal(format("{} {}", name, key), found, sizes->at(key).get<std::int64_t>());
    };
    report.equal(name + " blocks", static_cast<std::int64_t>(towers->image.encoder.blocks()),
                 blocks);
    report.equal(name + " groupings", static_cast<std::int64_t>(towers->image.encoder.groupings()),
                 static_cast<std::int64_t>(sizes->at("go").size()));
    number("vw", towers->image.encoder.width());
    number("patch", towers->image.encoder.patch());
    number("E", towers->image.projection.embedding());
    number("tw", towers->text.tower.shape().text_width);
    number("tl", towers->text.tower.shape().text_layers);
    number("text_heads", towers->text.tower.shape().text_heads);
    number("vocabulary", towers->text.tower.shape().vocabulary);
    number("context_length", towers->text.tower.shape().context);
  }
}

void check_images(Folder& folder, Report& report) {
  const auto method = GroupVit::create(folder, report);
  if (!method) return;
  GroupedModels models(folder, report, *method);
  check_grouped_images(folder, report, models, {});
}

void check_inference(Folder& folder, Report& report) {
  const auto method = GroupVit::create(folder, report);
  if (!method) return;
  GroupedModels models(folder, report, *method);
  check_grouped_inference(folder, report, models);
}

void check_checkpoints(Folder& folder, Report& report) {
  const auto method = GroupVit::create(folder, report);
  if (!method) return;
  GroupedModels models(folder, report, *method);
  check_grouped_checkpoint(folder, report, models, kCheckpointOf);
}

}  // namespace tagalign::golden::groupvit
