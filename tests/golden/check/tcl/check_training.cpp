/// Group tcl.training: trajectories of the official trainer, step by step, and its schedule.
#include <ATen/ATen.h>

#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "base/format.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/reference_checkpoint.h"
#include "tests/golden/check/tcl/bounds.h"
#include "tests/golden/check/tcl/checks.h"
#include "tests/golden/check/tcl/first_step.h"
#include "tests/golden/check/tcl/models.h"
#include "tests/golden/check/tcl/sampled.h"
#include "tests/golden/check/tcl/training_run.h"

namespace tagalign::golden::tcl {
namespace {

constexpr char kFacts[] = "training/training.json";
constexpr char kSchedule[] = "training/lr_schedule.json";

/// Ours by the official names.
const std::map<std::string, std::string> kLossNames = {
    {"area_loss", "area"},  {"neg_area_loss", "other_area"},  {"tclf_loss", "feature"},
    {"tcli_loss", "image"}, {"tv_img_loss", "map_variation"}, {"tv_mask_loss", "mask_variation"}};

class RunCheck {
 public:
  RunCheck(Folder& folder, Report& report, const TrainingInputs& inputs, std::string name,
           const Json& info, TensorFile& golden)
      : folder_(folder),
        report_(report),
        inputs_(inputs),
        name_(std::move(name)),
        info_(info),
        golden_(golden),
        plan_(plan_of(info, inputs.clip.vision.shape().vision_layers)) {}

  void run() {
    std::optional<model::ReferenceFile> resumed;
    if (!info_.at("resumed_from").is_null()) {
      resumed = read_checkpoint(info_.at("resumed_from"));
      if (!resumed) return;
      plan_.resume = &*resumed;
    }
    Tensors noise;
    for (const std::string& stored : golden_.names()) {
      if (stored.ends_with(".noise")) noise[stored] = *golden_.find(stored);
    }
    plan_.noise = &noise;
    const auto records = run_training_steps(inputs_, plan_);
    if (!records.ok()) return report_.failed(name_, records.status().message());
    check_groups(records->front());
    for (std::size_t r = 0; r < records->size(); ++r) check_logs(r, (*records)[r]);
    for (const std::string& stored : golden_.names()) check_stored(stored, *records);
    check_first_step(report_, name_, inputs_, plan_, golden_);
  }

 private:
  bool has_variation() const { return plan_.method.smoothness_weight > 0; }

  std::optional<model::ReferenceFile> read_checkpoint(const std::string& run) {
    const std::string path = format("checkpoints/checkpoint_{}.pth", run);
    auto archive = open_archive(folder_, report_, path);
    if (!archive) return std::nullopt;
    const auto method = model::find_method(config::TclTraining::kName);
    auto file = (*method)->weights->read_reference(*archive);
    if (file.ok()) return std::move(file).value();
    report_.failed(name_ + " " + path, file.status().message());
    return std::nullopt;
  }

  /// Which parameters decay, and which do not.
  void check_groups(const RankRecord& record) {
    std::set<std::string> decaying, others;
    for (const auto& parameter : record.parameters)
      (model::has_weight_decay(parameter) ? decaying : others).insert(parameter.name);
    for (const Json& group : info_.at("param_groups")) {
      const bool decays = group.at("weight_decay").get<double>() > 0;
      const std::set<std::string> names = group.at("names");
      report_.equal(format("{} parameters {} decay", name_, decays ? "with" : "without"),
                    Json(decays ? decaying : others).dump(), Json(names).dump());
    }
  }

  void check_logs(std::size_t rank, const RankRecord& record) {
    const Json& logs = info_.at("log_per_rank_float32").at(rank);
    for (std::size_t i = 0; i < logs.size() && i < record.steps.size(); ++i) {
      const Json& log = logs.at(i);
      const StepRecord& step = record.steps[i];
      const std::string quantity = format("{} rank{} step{} ", name_, rank, log.at("step").dump());
      for (const auto& [official, own] : kLossNames) {
        if (log.contains(official))
          report_.number(quantity + official, step.losses.at(own), log.at(official),
                         bounds::kTrainingLoss);
      }
      report_.number(quantity + "total", step.total, log.at("total"), bounds::kTrainingLoss);
      report_.number(quantity + "gradient norm", step.gradient_norm,
                     log.at("grad_norm_before_clip"), bounds::kGradientNorm);
      report_.number(quantity + "lr", step.lr, log.at("lr"), bounds::kLearningRate);
    }
  }

  /// "[rankR.]stepT.{grad,param}.NAME" and "[rankR.]final.{exp_avg,exp_avg_sq,step}.NAME"
  void check_stored(const std::string& stored, const std::vector<RankRecord>& records) {
    static const std::regex kStep(R"((?:rank([0-9]+)\.)?step([0-9]+)\.(grad|param)\.(.+))");
    static const std::regex kFinal(R"((?:rank([0-9]+)\.)?final\.(exp_avg|exp_avg_sq|step)\.(.+))");
    std::smatch match;
    const auto rank = [&] { return match[1].matched ? std::stoul(match[1]) : std::size_t{0}; };
    if (std::regex_match(stored, match, kStep)) {
      const auto start = info_.at("config").at("train").at("start_step").get<std::size_t>();
      const StepRecord& step = records.at(rank()).steps.at(std::stoul(match[2]) - start);
      const bool gradient = match[3] == "grad";
      check_tensor(stored, match[4], gradient ? step.gradients : step.parameters, match[4],
                   gradient ? gradient_bound() : parameter_bound());
    } else if (std::regex_match(stored, match, kFinal)) {
      const RankRecord& record = records.at(rank());
      if (match[2] == "step") return check_count(stored, match[3], record);
      check_tensor(stored, match[3], record.moments,
                   format("optimizer.{}.{}", match[2].str(), match[3].str()), gradient_bound());
    }
  }

  void check_tensor(const std::string& stored, const std::string& name, const Tensors& ours,
                    const std::string& key, const Tolerance& tolerance) {
    const auto found = ours.find(key);
    if (found == ours.end())
      return report_.missing(name_ + " " + stored, "our run has no such tensor");
    compare_tensor(report_, name_ + " " + stored, sampled(found->second, golden_, name), golden_,
                   stored, tolerance);
  }

  void check_count(const std::string& stored, const std::string& name, const RankRecord& record) {
    const std::uint64_t first = record.late.names.contains(name) ? record.late.first_step : 0;
    report_.equal(name_ + " " + stored, static_cast<std::int64_t>(record.steps_done - first),
                  static_cast<std::int64_t>(golden_.find(stored)->item<double>()));
  }

  Tolerance gradient_bound() const {
    return has_variation() ? bounds::kVariationGradient : bounds::kTrainingGradient;
  }
  Tolerance parameter_bound() const {
    return has_variation() ? bounds::kVariationParameter : bounds::kParameter;
  }

  Folder& folder_;
  Report& report_;
  const TrainingInputs& inputs_;
  std::string name_;
  const Json& info_;
  TensorFile& golden_;
  RunPlan plan_;
};

void check_schedule(Folder& folder, Report& report) {
  const Json* facts = folder.json(kSchedule);
  if (facts == nullptr) return;
  for (const auto& [name, info] : facts->items()) {
    const model::ScheduleOptions options{.kind = model::ScheduleOptions::Kind::kCosine,
                                         .lr = info.at("base_lr_after_scaling"),
                                         .min_lr = info.at("min_lr_after_scaling"),
                                         .warmup_steps = info.at("warmup_steps"),
                                         .total_steps = info.at("total_steps")};
    for (const auto& [step, rate] : info.at("lr_used_at_step").items()) {
      report.number(format("lr_schedule {} step {}", name, step),
                    model::learning_rate(options, std::stoull(step)), rate,
                    {.absolute = bounds::kLearningRate.relative * options.lr});
    }
  }
}

}  // namespace

void check_training(Folder& folder, Report& report) {
  check_schedule(folder, report);
  const auto clip = load_clip(folder, report);
  const Json* facts = folder.json(kFacts);
  TensorFile* images = folder.tensors("training/inputs.safetensors");
  TensorFile* masker = folder.tensors(kWeights);
  if (clip == nullptr || facts == nullptr || images == nullptr || masker == nullptr) return;
  const TrainingInputs inputs{*clip, images->all(), facts->at("captions"), masker->all()};
  for (const auto& [name, info] : facts->at("runs").items()) {
    TensorFile* golden = folder.tensors(format("training/{}.safetensors", name));
    if (golden != nullptr) RunCheck(folder, report, inputs, name, info, *golden).run();
  }
}

}  // namespace tagalign::golden::tcl
