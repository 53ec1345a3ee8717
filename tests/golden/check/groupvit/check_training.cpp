// Group groupvit.training: one step of one or several ranks, from the recorded draws to what AdamW
// leaves of parameters and running statistics, and the words of noun prompts.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <thread>
#include <utility>

#include "base/format.h"
#include "configs/schema/methods/template_sets.h"
#include "model/methods/groupvit/noun_prompts.h"
#include "model/methods/groupvit/training.h"
#include "model/training/optimizer.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/groupvit/checks.h"
#include "tests/golden/check/groupvit/models.h"
#include "worker/collectives/collective_group.h"
#include "worker/gradients/gather_autograd.h"
#include "worker/gradients/gradients.h"

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

/// One rank of a run.
class RunCheck {
 public:
  RunCheck(Report& report, TensorFile& file, TensorFile& index, std::string name, const Json& run,
           int rank)
      : report_(report), file_(file), index_(index), name_(std::move(name)), run_(run) {
    if (run.at("world").get<int>() == 1) return;
    prefixes_ = {format("rank{}.step0.", rank), "rank0.step0."};
    name_ += format(" rank{}", rank);
  }

  /// In a thread of the rank. Gradients are left averaged.
  void step(model::GroupVitTrainer& trainer, const model::GroupVitBatch& batch,
            collectives::CollectiveGroup& group) {
    const model::LossRanks ranks{group.rank(), group.size(), [&](const at::Tensor& rows) {
                                   return jobs::gather_with_gradient(rows, group);
                                 }};
    found_ = trainer.loss(batch, ranks, [&](const std::string& name, const at::Tensor& value) {
      if (value.requires_grad()) value.retain_grad();
      seen_[name] = value;
    });
    seen_["image_pooled"] = found_.image_pooled;
    seen_["image_x"] = found_.image_x;
    seen_["text_pooled"] = found_.text_pooled;
    seen_["text_x"] = found_.text_x;
    for (const char* name : {"image_pooled", "image_x", "text_pooled", "text_x"})
      seen_[name].retain_grad();
    found_.total.backward();
    constexpr double kBucketMib = 4.0;
    averaged_ = jobs::average_gradients(trainer.parameters(), kBucketMib, group);
  }

  void compare_step() {
    if (!averaged_.ok()) report_.failed(name_, averaged_.message());
    compare("loss", found_.caption, kLoss);
    compare("total", found_.total, kLoss);
    if (found_.prompts.defined()) compare("multi_label_loss", found_.prompts, kLoss);
    for (const auto& [name, value] : seen_) check_activation(name, value);
  }

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

 private:
  /// What is the same on all ranks stands with the first.
  std::string key_of(const std::string& name) const {
    for (const std::string& prefix : prefixes_) {
      if (file_.has(prefix + name)) return prefix + name;
    }
    return prefixes_.front() + name;
  }
  const at::Tensor& stored(const std::string& name) { return *file_.find(key_of(name)); }
  bool has(const std::string& name) const { return file_.has(key_of(name)); }

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
  std::vector<std::string> prefixes_ = {"step0."};
  Tensors seen_;
  model::GroupVitTrainer::Loss found_;
  Status averaged_ = ok_status();
};

/// All ranks of a run, each in a thread with its own copy of the model.
void check_run(std::vector<RunCheck>& ranks, std::vector<model::GroupVitTrainer>& trainers,
               Report& report, const std::string& name) {
  constexpr std::int64_t kTimeoutMs = 120'000;
  auto groups = collectives::make_thread_groups(static_cast<int>(ranks.size()), kTimeoutMs);
  std::vector<model::GroupVitBatch> batches;
  for (RunCheck& rank : ranks) batches.push_back(rank.batch());
  std::vector<std::string> errors(ranks.size());
  std::vector<std::thread> threads;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    threads.emplace_back([&, r] {
      try {
        ranks[r].step(trainers[r], batches[r], *groups[r]);
      } catch (const std::exception& error) {
        errors[r] = error.what();
        groups[r]->abort(errors[r]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors) {
    if (!error.empty()) return report.failed(name, error);
  }
  for (RunCheck& rank : ranks) rank.compare_step();
  ranks.front().check_update(trainers.front());
}

/// The words and templates that the recorded prompts show, put together again: the same texts, and
/// token ids, if `ids` [B, 1 + K, T] are there.
class PromptCheck {
 public:
  PromptCheck(Report& report, const GroupVit& method, std::string name)
      : report_(report), method_(method), name_(std::move(name)) {}

  /// `texts`: the caption, then its prompts.
  void check(std::size_t caption, const std::vector<std::string>& texts,
             const std::vector<std::string>& words) {
    std::vector<std::string> left = words;
    std::vector<std::string> found = {texts.front()};
    for (std::size_t i = 1; i < texts.size(); ++i) found.push_back(rebuilt(texts[i], left));
    const std::size_t expected = std::min(texts.size() - 1, words.size());
    std::ranges::replace(found, std::string(), texts.front());
    report_.equal(format("{} caption {}", name_, caption), Json(found).dump(), Json(texts).dump());
    report_.equal(format("{} caption {} prompts of words", name_, caption),
                  static_cast<std::int64_t>(words.size() - left.size()),
                  static_cast<std::int64_t>(expected));
  }

  void check_ids(int rank, const std::vector<std::string>& texts, const at::Tensor& ids) {
    const auto ours = at::tensor(method_.tokenizer().encode_padded(texts), at::kLong).view_as(ids);
    report_.deviation(format("{} rank{} token_ids", name_, rank),
                      deviation_of(ours, ids.to(at::kLong)), {});
  }

 private:
  /// Takes its word out of `left`; empty where no word gives the text.
  static std::string rebuilt(const std::string& text, std::vector<std::string>& left) {
    for (auto word = left.begin(); word != left.end(); ++word) {
      for (const std::string& prompt : *config::find_template_set("full")) {
        std::string ours = model::noun_prompt_text(prompt, *word);
        if (ours != text) continue;
        left.erase(word);
        return ours;
      }
    }
    return {};
  }

  Report& report_;
  const GroupVit& method_;
  std::string name_;
};

void check_prompts(Report& report, const GroupVit& method, const Json& facts,
                   const std::string& name, TensorFile& file) {
  const Json& prompts = facts.at("noun_prompts");
  if (!prompts.contains(name)) return;
  PromptCheck check(report, method, name + " noun_prompts");
  const auto texts = prompts.at(name).at("texts").get<std::vector<std::vector<std::string>>>();
  const auto captions = facts.at("captions");
  for (std::size_t i = 0; i < texts.size(); ++i)
    check.check(i, texts[i], captions.at(i).at("tagged_words"));
  const std::int64_t batch = facts.at("runs").at(name).at("B");
  for (int rank = 0; rank < facts.at("runs").at(name).at("world").get<int>(); ++rank) {
    const std::string key = format("rank{}.step0.token_ids", rank);
    const at::Tensor* ids = file.find(file.has(key) ? key : "step0.token_ids");
    std::vector<std::string> own;
    for (std::int64_t i = rank * batch; i < (rank + 1) * batch; ++i) {
      const auto& row = texts.at(static_cast<std::size_t>(i));
      own.insert(own.end(), row.begin(), row.end());
    }
    check.check_ids(rank, own, *ids);
  }
}

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
    TensorFile* file = folder.tensors(format("training/{}.safetensors", name));
    if (file == nullptr) continue;
    model::StateDict own = *weights;
    if (run.at("ml").get<int>() == 0) own.erase(kPromptScale);
    std::vector<model::GroupVitTrainer> trainers;
    std::vector<RunCheck> ranks;
    for (int rank = 0; rank < run.at("world").get<int>(); ++rank) {
      auto trainer = model::GroupVitTrainer::create(own, sizes->at("vh"), at::kCPU);
      if (!trainer.ok()) return report.failed(name, trainer.status().message());
      trainers.push_back(std::move(trainer).value());
      ranks.emplace_back(report, *file, *index, name, run, rank);
    }
    check_run(ranks, trainers, report, name);
    check_prompts(report, *method, *facts, name, *file);
  }
  report.not_compared("lr_schedule",
                      "the reference's drops after its warm-up, ours goes on from it");
}

}  // namespace tagalign::golden::groupvit
