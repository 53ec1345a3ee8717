#include "tests/golden/check/ovsegmentor/checks.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "base/checksum.h"
#include "base/format.h"
#include "configs/schema/methods/template_sets.h"
#include "model/methods/ovsegmentor/ovsegmentor.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/ovsegmentor/models.h"

namespace tagalign::golden::ovsegmentor {
namespace {

constexpr char kVocabulary[] = "text/vocab.txt";
constexpr char kTokenizer[] = "text/tokenizer.json";
constexpr char kRuns[] = "inference/inference.json";
constexpr char kCheckpointOf[] = "tiny";  ///< the model that the official code saved
constexpr std::size_t kLengthMax = 512;
constexpr std::size_t kShortLengthMax = 77;

std::optional<model::OvSegmentorTowers> towers_of(GroupedModels& models, Report& report,
                                                  const std::string& name) {
  const auto weights = models.weights(name);
  const Json* sizes = models.sizes(name);
  if (!weights || sizes == nullptr) return std::nullopt;
  const auto config = std::get<config::OvSegmentorEvaluation>(models.method().config(*sizes));
  auto towers = model::ovsegmentor_towers(*weights, config, at::kCPU);
  if (towers.ok()) return std::move(towers).value();
  report.failed("weights " + name, towers.status().message());
  return std::nullopt;
}

std::optional<model::WordPieceTokenizer> load_tokenizer(Report& report, const OvSegmentor& method) {
  auto tokenizer = model::WordPieceTokenizer::load(posix_file_system(), method.vocabulary(), "");
  if (tokenizer.ok()) return std::move(tokenizer).value();
  report.failed("vocabulary", tokenizer.status().message());
  return std::nullopt;
}

/// Rows of ids that are padded to `length`.
Json padded(std::vector<std::int64_t> ids, std::size_t length, std::int64_t padding) {
  ids.resize(length, padding);
  return ids;
}

void check_templates(Report& report, const Json& templates) {
  for (const auto& [name, prompts] : templates.items()) {
    const auto* ours = config::find_template_set(name);
    if (ours == nullptr)
      report.not_compared("templates " + name, "the product has no set of this name");
    else
      report.equal("templates " + name, Json(*ours).dump(), prompts.dump());
  }
}

void check_tokens(Folder& folder, Report& report, const OvSegmentor& method) {
  const Json* facts = folder.json(kTokenizer);
  const auto tokenizer = load_tokenizer(report, method);
  if (facts == nullptr || !tokenizer) return;
  report.equal("vocabulary_size", tokenizer->size(),
               facts->at("vocabulary_size").get<std::int64_t>());
  const auto strings = facts->at("strings").get<std::vector<std::string>>();
  for (std::size_t i = 0; i < strings.size(); ++i) {
    report.equal(format("token ids of string {}", i),
                 Json(tokenizer->encode(strings[i], kLengthMax)).dump(),
                 facts->at("ids").at(i).dump());
  }
  // Of some of the strings, cut to 77: which ones follows from the rows.
  const Json& rows = facts->at("ids_max_length_77");
  for (std::size_t row = 0; row < rows.size(); ++row) {
    bool found = false;
    for (const std::string& text : strings) {
      found = found || padded(tokenizer->encode(text, kShortLengthMax), kShortLengthMax,
                              tokenizer->padding()) == rows.at(row);
    }
    report.equal(format("ids_max_length_77 row {}", row), found ? "of a string" : "of none",
                 "of a string");
  }
  check_templates(report, facts->at("templates"));
}

/// text/NAME.safetensors
class TowerCheck {
 public:
  TowerCheck(Report& report, GroupedModels& models, std::string name, TensorFile& file)
      : report_(report), models_(models), name_(std::move(name)), file_(file) {}

  void run(const model::OvSegmentorText& text, const std::vector<std::string>& classes) {
    const model::TokenBatch batch{file_.find("batch.input_ids")->to(at::kLong),
                                  file_.find("batch.attention_mask")->to(at::kBool)};
    Tensors found;
    const at::Tensor last =
        text.tower.encode(batch.ids, batch.mask, [&](std::size_t number, const at::Tensor& x) {
          found[format("hidden_state_{}", number)] = x;
        });
    found["text_x_before_proj"] = last.select(1, 0);
    found["text_x"] = text.encode(batch);
    found["text_feat_after_proj"] = text.projection.forward(last);
    for (const std::string& entry : file_.names()) {
      if (entry.starts_with("batch.")) continue;
      if (entry.starts_with("class_embedding."))
        compare_classes(entry, classes);
      else if (found.contains(entry))
        compare(entry, found.at(entry), bound_of(entry));
      else
        report_.failed(name_ + " " + entry, "our tower shows no such quantity");
    }
  }

 private:
  static Tolerance bound_of(const std::string& entry) {
    const bool projected = entry == "text_x" || entry == "text_feat_after_proj";
    return scaled_bound(projected ? 3e-5 : 1e-5);
  }
  void compare(const std::string& entry, const at::Tensor& found, const Tolerance& tolerance) {
    report_.deviation(name_ + " " + entry, deviation_of(found, *file_.find(entry)), tolerance);
  }
  void compare_classes(const std::string& entry, const std::vector<std::string>& classes) {
    const auto* prompts = config::find_template_set(entry.substr(entry.find('.') + 1));
    GroupedModel* model = models_.find(name_);
    if (prompts == nullptr || model == nullptr) return;
    compare(entry, model->model->embed_classes(classes, *prompts, 1).rows,
            models_.method().class_embedding());
  }

  Report& report_;
  GroupedModels& models_;
  std::string name_;
  TensorFile& file_;
};

}  // namespace

OvSegmentor::OvSegmentor(Folder& folder, Report&) {
  const auto path = folder.file(kVocabulary);
  if (!path) return;
  vocabulary_ = path->string();
  if (const auto digest = digest_file(posix_file_system(), *path); digest.ok())
    digest_ = digest->hex();
}

config::EvaluationMethod OvSegmentor::config(const Json& sizes) const {
  return config::OvSegmentorEvaluation{.heads = sizes.at("vh").get<int>(),
                                       .text_heads = sizes.at("th").get<int>(),
                                       .vocabulary = vocabulary_,
                                       .vocabulary_digest = digest_};
}

/// The README has a bound for a factor of the cosines below its cap and one at it, 100.
Tolerance OvSegmentor::score(double logit_scale) const {
  constexpr double kCap = 100.0;
  return {.absolute = logit_scale < kCap ? 1e-4 : 6e-4};
}

void check_text(Folder& folder, Report& report) {
  const at::NoGradGuard no_grad;
  const OvSegmentor method(folder, report);
  check_tokens(folder, report, method);
  const Json* runs = folder.json(kRuns);
  if (runs == nullptr) return;
  GroupedModels models(folder, report, method);
  for (const std::string& name : models.names()) {
    TensorFile* file = folder.tensors(format("text/{}.safetensors", name));
    const auto towers = towers_of(models, report, name);
    if (file == nullptr || !towers) continue;
    TowerCheck(report, models, name, *file).run(towers->text, runs->at("classes"));
  }
}

/// The sizes that the tensors tell, against those of the JSON.
void check_weights(Folder& folder, Report& report) {
  const OvSegmentor method(folder, report);
  GroupedModels models(folder, report, method);
  for (const std::string& name : models.names()) {
    const Json* sizes = models.sizes(name);
    const auto towers = towers_of(models, report, name);
    if (sizes == nullptr || !towers) continue;
    const auto number = [&](const char* key, std::int64_t found) {
      report.equal(format("{} {}", name, key), found, sizes->at(key).get<std::int64_t>());
    };
    number("vw", towers->image.encoder.width());
    number("patch", towers->image.encoder.patch());
    number("E", towers->image.projection.embedding());
    number("tw", towers->text.tower.width());
    number("tl", static_cast<std::int64_t>(towers->text.tower.blocks()));
    number("vocabulary", towers->text.tower.vocabulary());
    number("text_positions", towers->text.tower.positions());
  }
}

void check_images(Folder& folder, Report& report) {
  const OvSegmentor method(folder, report);
  GroupedModels models(folder, report, method);
  std::map<std::string, std::string> renamed = {
      {"image_x_before_proj", "image_x_before_projector"}};
  for (const char* key :
       {"grouping.norm_tokens", "grouping.projected_group_tokens", "grouping.pre_assign_attn",
        "grouping.assign", "grouping.output", "assign.soft", "assign.hard", "assign.q", "assign.k"})
    renamed[key] = std::string("stage0.") + key;
  constexpr int kStages = 2, kBlocksMax = 64;
  for (int stage = 0; stage < kStages; ++stage) {
    for (int block = 0; block < kBlocksMax; ++block)
      renamed[format("layer{}.block{}", stage, block)] = format("stage{}.block{}", stage, block);
  }
  check_grouped_images(folder, report, models, renamed);
}

void check_inference(Folder& folder, Report& report) {
  const OvSegmentor method(folder, report);
  GroupedModels models(folder, report, method);
  check_grouped_inference(folder, report, models);
}

void check_checkpoints(Folder& folder, Report& report) {
  const OvSegmentor method(folder, report);
  GroupedModels models(folder, report, method);
  check_grouped_checkpoint(folder, report, models, kCheckpointOf);
}

}  // namespace tagalign::golden::ovsegmentor
