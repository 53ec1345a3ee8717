// Group groupvit.training: one step of one rank, from the recorded draws to what AdamW leaves of
// parameters and running statistics.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "model/methods/groupvit/training.h"
#include "model/training/optimizer.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/groupvit/checks.h"
#include "tests/golden/check/groupvit/models.h"

namespace tagalign::golden::groupvit {
namespace {

constexpr char kFacts[] = "training/training.json";
constexpr char kIndex[] = "training/sample_index.safetensors";
constexpr char kModel[] = "tiny";  ///< the model that every run starts from
constexpr char kPromptScale[] = "multi_label_logit_scale";
constexpr Tolerance kLoss{.relative = 2e-5};
constexpr Tolerance kActivation = scaled_bound(2e-5);
constexpr Tolerance kStatistic = scaled_bound(1e-5);
constexpr Tolerance kNorm{.relative = 5e-5};
constexpr Tolerance kClearParameter{.absolute = 2e-6};

class RunCheck {
 public:
  RunCheck(Report& report, TensorFile& file, TensorFile& index, std::string name, const Json& run)
      : report_(report), file_(file), index_(index), name_(std::move(name)), run_(run) {}

  void run(model::GroupVitTrainer& trainer) {
    Tensors seen;
    const auto found = trainer.loss(batch(), [&](const std::string& name, const at::Tensor& value) {
      if (value.requires_grad()) value.retain_grad();
      seen[name] = value;
    });
    for (const at::Tensor& x : {found.image_pooled, found.image_x, found.text_pooled, found.text_x})
      x.retain_grad();
    found.total.backward();
    seen["image_pooled"] = found.image_pooled;
    seen["image_x"] = found.image_x;
    seen["text_pooled"] = found.text_pooled;
    seen["text_x"] = found.text_x;
    compare("loss", found.caption, kLoss);
    compare("total", found.total, kLoss);
    if (found.prompts.defined()) compare("multi_label_loss", found.prompts, kLoss);
    for (const auto& [name, value] : seen) check_activation(name, value);
    check_update(trainer);
  }

 private:
  const at::Tensor& stored(const std::string& name) { return *file_.find("step0." + name); }
  bool has(const std::string& name) const { return file_.has("step0." + name); }

  model::GroupVitBatch batch() {
    at::Tensor tokens = stored("token_ids").to(at::kLong);
    if (tokens.dim() == 2) tokens = tokens.unsqueeze(1);  // without noun prompts
    model::GroupVitBatch batch{stored("images").to(at::kFloat), tokens, {}};
    for (int stage = 0; has(format("stage{}.gumbel", stage)); ++stage)
      batch.draws.noise.push_back(stored(format("stage{}.gumbel", stage)).squeeze(1));
    if (has("drop_path_uniform")) {
      batch.draws.drops =
          model::drop_paths(stored("drop_path_uniform"), run_.at("drop").get<double>());
    }
    return batch;
  }

  void compare(const std::string& name, const at::Tensor& found, const Tolerance& tolerance) {
    const at::Tensor& expected = stored(name);
    report_.deviation(format("{} {}", name_, name),
                      deviation_of(found.detach().view_as(expected), expected), tolerance);
  }

  void check_activation(const std::string& name, const at::Tensor& value) {
    const std::string hard = "assign.hard";
    if (name.ends_with(hard)) {
      const std::string key = name.substr(0, name.size() - hard.size()) + "hard";
      if (has(key)) compare(key, value, {});
      return;
    }
    if (has(name)) compare(name, value, kActivation);
    const std::string gradient = "grad_of." + name;
    if (!has(gradient)) return;
    constexpr double kSmallest = 1e-3;
    const double largest = stored(gradient).abs().max().item<double>();
    compare(gradient, value.grad(), {.absolute = 2e-4 * std::max(largest, kSmallest)});
  }

  /// The stored entries of a large tensor, in the order of the index.
  at::Tensor sampled(const std::string& name, const at::Tensor& tensor,
                     const at::Tensor& expected) {
    const at::Tensor flat = tensor.detach().flatten();
    if (flat.numel() == expected.numel()) return flat;
    const at::Tensor* rows = index_.has(name) ? index_.find(name) : nullptr;
    return rows == nullptr ? flat : flat.index_select(0, rows->to(at::kLong));
  }

  void check_update(model::GroupVitTrainer& trainer) {
    model::AdamW adamw(trainer.parameters(), {.beta1 = run_.at("betas").at(0),
                                              .beta2 = run_.at("betas").at(1),
                                              .eps = run_.at("eps"),
                                              .weight_decay = run_.at("weight_decay")});
    const double norm = stored("grad_norm").item<double>();
    for (const auto& [name, tensor] : trainer.parameters()) check_gradient(name, tensor, norm);
    report_.number(name_ + " grad_norm", adamw.clip_gradients(run_.at("clip")), norm, kNorm);
    adamw.step(run_.at("lr"));
    for (const auto& [name, tensor] : trainer.parameters()) check_parameter(name, tensor, norm);
    for (const auto& [name, tensor] : trainer.statistics()) {
      const std::string key = "buffer." + name;
      if (!has(key)) continue;
      const at::Tensor& expected = stored(key);
      report_.deviation(format("{} {}", name_, key),
                        deviation_of(sampled(name, tensor, expected).view_as(expected), expected),
                        kStatistic);
    }
  }

  void check_gradient(const std::string& name, const at::Tensor& tensor, double norm) {
    const std::string key = "grad." + name;
    if (!has(key) || !tensor.grad().defined()) return;
    const at::Tensor& expected = stored(key);
    const double largest = std::max(tensor.grad().abs().max().item<double>(), 1e-3 * norm);
    report_.deviation(
        format("{} {}", name_, key),
        deviation_of(sampled(name, tensor.grad(), expected).view_as(expected), expected),
        {.absolute = 4e-4 * largest});
  }

  /// The first step of Adam is the rate times the sign of the gradient, which is unstable near 0.
  void check_parameter(const std::string& name, const at::Tensor& tensor, double norm) {
    const std::string key = "param." + name;
    if (!has(key)) return;
    const at::Tensor& expected = stored(key);
    const at::Tensor found = sampled(name, tensor, expected).view_as(expected);
    const double rate = run_.at("lr");
    report_.deviation(format("{} {}", name_, key), deviation_of(found, expected),
                      {.absolute = 2.1 * rate});
    if (!has("grad." + name)) return;
    const at::Tensor clear = stored("grad." + name).abs().gt(1e-5 * norm).view_as(expected);
    report_.deviation(format("{} {}, clear gradients", name_, key),
                      deviation_of(found.masked_select(clear), expected.masked_select(clear)),
                      kClearParameter);
  }

  Report& report_;
  TensorFile& file_;
  TensorFile& index_;
  std::string name_;
  const Json& run_;
};

}  // namespace

void check_training(Folder& folder, Report& report) {
  const auto method = GroupVit::create(folder, report);
  const Json* facts = folder.json(kFacts);
  TensorFile* index = folder.tensors(kIndex);
  if (!method || facts == nullptr || index == nullptr) return;
  GroupedModels models(folder, report, *method);
  const auto weights = models.weights(kModel);
  const Json* sizes = models.sizes(kModel);
  if (!weights || sizes == nullptr) return;
  for (const auto& [name, run] : facts->at("runs").items()) {
    if (run.at("world").get<int>() > 1) {
      report.not_compared(name, "the trainer normalises over one rank alone");
      continue;
    }
    TensorFile* file = folder.tensors(format("training/{}.safetensors", name));
    if (file == nullptr) continue;
    model::StateDict own = *weights;
    if (run.at("ml").get<int>() == 0) own.erase(kPromptScale);
    auto trainer = model::GroupVitTrainer::create(own, sizes->at("vh"), at::kCPU);
    if (!trainer.ok())
      report.failed(name, trainer.status().message());
    else
      RunCheck(report, *file, *index, name, run).run(*trainer);
  }
  report.not_compared("noun_prompts, lr_schedule",
                      "words come from a tagger of Python; the schedule drops after its warm-up");
}

}  // namespace tagalign::golden::groupvit
