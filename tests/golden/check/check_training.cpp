// Trajectories of training, tower to AdamW: fresh and resumed from the reference's checkpoints, on
// one rank and on several; learning-rate schedules.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/format.h"
#include "model/inference/segmentation.h"
#include "model/methods/tagalign/reference_checkpoint.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/groups.h"
#include "tests/golden/check/reference_checkpoint.h"
#include "tests/golden/check/sources.h"
#include "tests/golden/check/tolerances.h"
#include "tests/golden/check/training_run.h"

namespace tagalign::golden {
namespace {

constexpr char kInfo[] = "training/training.json";
constexpr char kInputs[] = "training/inputs.safetensors";
constexpr char kSchedules[] = "training/lr_schedules.json";
constexpr char kIndex[] = "sample_index.";

model::ScheduleOptions schedule_of(const std::string& kind, const Json& values) {
  using Kind = model::ScheduleOptions::Kind;
  return {.kind = kind.starts_with("cosine") ? Kind::kCosine : Kind::kConstant,
          .lr = values.at("base_lr"),
          .min_lr = values.at("min_lr"),
          .warmup_steps = values.at("warmup_steps"),
          .total_steps = values.at("total_steps")};
}

void check_schedules(Folder& folder, Report& report) {
  const Json* schedules = folder.json(kSchedules);
  if (schedules == nullptr) return;
  for (const auto& [name, info] : schedules->items()) {
    const auto expected = info.at("lr_used_at_step").get<std::vector<double>>();
    const model::ScheduleOptions options = schedule_of(name, info);
    std::vector<double> actual;
    for (std::size_t step = 0; step < expected.size(); ++step) {
      actual.push_back(model::learning_rate(options, step));
    }
    report.deviation(
        "lr_schedules " + name,
        deviation_of(at::tensor(actual, at::kDouble), at::tensor(expected, at::kDouble)),
        bounds::kLearningRate);
  }
}

/// Projector kind of a run: the run's name up to the first underscore.
std::string kind_of(const std::string& run) {
  return run.substr(0, run.find('_'));
}

std::vector<std::int64_t> batches_of(const Json& log) {
  std::vector<std::int64_t> batches;
  for (const Json& step : log) batches.push_back(step.at("batch").get<std::int64_t>());
  return batches;
}

/// nullopt after a line.
std::optional<RunPlan> plan_of(Folder& folder, Report& report, const std::string& run,
                               const Json& info, std::int64_t width) {
  const Json& train = info.at("config").at("train");
  const Json& adam = train.at("optimizer");
  if (train.at("fp16").get<bool>() || adam.at("name") != "adamw") {
    report.failed(run, "only fp32 with adamw can be compared");
    return std::nullopt;
  }
  const Json* projectors = folder.json("projector/projector.json");
  // "projector/x.safetensors with every gate set to 0"
  const std::string file = info.at("initial_weights").get<std::string>();
  TensorFile* weights = folder.tensors(file.substr(0, file.find(' ')));
  if (projectors == nullptr || weights == nullptr) return std::nullopt;
  const Json& config = projectors->at("configs").at(kind_of(run));
  if (const auto problem = unsupported_projector(config, kind_of(run)); !problem.empty()) {
    report.failed(run, problem);
    return std::nullopt;
  }
  RunPlan plan{.shape = projector_shape(config, kind_of(run), width),
               .projector = weights->all(),
               .zero_gates = info.at("zero_gates").get<bool>(),
               .ranks = info.at("config").at("world").get<int>(),
               .batch_per_rank = info.at("config").at("batch_per_rank").get<int>(),
               .clip_norm = train.at("clip_grad").get<double>(),
               .schedule = schedule_of(train.at("lr_scheduler").at("name"), train),
               .batches = batches_of(info.at("log_per_rank_float32").at(0))};
  plan.optimizer = {.beta1 = adam.at("betas").at(0).get<double>(),
                    .beta2 = adam.at("betas").at(1).get<double>(),
                    .eps = adam.at("eps").get<double>(),
                    .weight_decay = train.at("weight_decay").get<double>()};
  return plan;
}

/// Compares the tensors of one run with its file.
class RunComparison {
 public:
  /// A resumed run is sampled at the entries that the file of the run before it lists.
  RunComparison(Report& report, std::string run, TensorFile& golden, TensorFile& indices)
      : report_(report), run_(std::move(run)), golden_(golden), indices_(indices) {}

  /// The file may hold only the entries of sample_index.PARAMETER.
  void tensor(const std::string& kind, const std::string& parameter, const at::Tensor& actual,
              const Tolerance& tolerance) {
    const std::string name = kind + "." + parameter;
    used_.insert(name);
    const at::Tensor* expected = golden_.find(name);
    if (expected == nullptr) return;
    at::Tensor part = actual.detach().flatten();
    if (indices_.has(kIndex + parameter)) {
      part = part.index_select(0, indices_.find(kIndex + parameter)->to(at::kLong));
    }
    if (part.numel() == expected->numel()) part = part.reshape(expected->sizes());
    report_.deviation(run_ + " " + name, deviation_of(part, *expected), tolerance);
  }

  void number(const std::string& quantity, double actual, const Json& expected,
              const Tolerance& tolerance) {
    report_.number(run_ + " " + quantity, actual, expected.get<double>(), tolerance);
  }

  /// After all comparisons: quantities of the file that our run does not have.
  void report_rest() {
    for (const std::string& name : golden_.names()) {
      if (!name.starts_with(kIndex) && !used_.contains(name)) {
        report_.failed(run_ + " " + name, "our run has no such quantity");
      }
    }
  }

 private:
  Report& report_;
  std::string run_;
  TensorFile& golden_;
  TensorFile& indices_;
  std::set<std::string> used_;
};

/// Losses and the norm of one rank.
void compare_scalars(RunComparison& comparison, const std::string& step, const StepRecord& ours,
                     const Json& log) {
  comparison.number(step + " lr", ours.lr, log.at("lr"), bounds::kLearningRate);
  comparison.number(step + " cl_loss", ours.cl_loss, log.at("cl_loss"), bounds::kTrainingLoss);
  comparison.number(step + " ce_loss", ours.ce_loss, log.at("ce_loss"), bounds::kTrainingLoss);
  comparison.number(step + " total", ours.total, log.at("total"), bounds::kTrainingLoss);
  comparison.number(step + " grad_norm_before_clip", ours.gradient_norm,
                    log.at("grad_norm_before_clip"), bounds::kTrainingLoss);
}

void compare_gradients(RunComparison& comparison, const std::string& step, const StepRecord& ours,
                       const Json& log) {
  const Tolerance tolerance = bounds::training_gradient(log.at("grad_norm_before_clip"));
  for (const auto& [name, tensor] : ours.gradients) {
    comparison.tensor(step + ".grad", name, tensor, tolerance);
  }
}

/// `lr_sum` is that of the run's steps so far.
void compare_parameters(RunComparison& comparison, const std::string& step, const StepRecord& ours,
                        const Json& log, double lr_sum) {
  const Tolerance tolerance = bounds::parameter(lr_sum);
  const Json& norms = log.at("param_l2");
  for (const auto& [name, tensor] : ours.parameters) {
    comparison.tensor(step + ".param", name, tensor, tolerance);
    // The norm of a single number is that number: no errors cancel in it.
    comparison.number(step + " param_l2 " + name, tensor.to(at::kDouble).norm().item<double>(),
                      norms.at(name), tensor.numel() == 1 ? tolerance : bounds::kParameterNorm);
  }
}

/// After the last step every rank must hold the same bits.
void compare_ranks(Report& report, const std::string& run, const std::vector<RankRecord>& ranks) {
  std::uint64_t values = 0, differing = 0;
  for (std::size_t r = 1; r < ranks.size(); ++r) {
    for (const auto& [name, tensor] : ranks[r].steps.back().parameters) {
      values += static_cast<std::uint64_t>(tensor.numel());
      differing += count_differing(tensor, ranks[0].steps.back().parameters.at(name));
    }
  }
  if (ranks.size() > 1) report.counted(run + " parameters of all ranks", values, differing, 0, {});
}

/// Scalars and parameters of every step, which fresh and resumed runs have. `logs` has a row a
/// rank; the first step is number `first`.
void compare_steps(RunComparison& comparison, const std::vector<RankRecord>& ranks,
                   const Json& logs, std::uint64_t first) {
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    double lr_sum = 0;
    for (std::size_t t = 0; t < ranks[r].steps.size(); ++t) {
      lr_sum += ranks[r].steps[t].lr;
      const std::string step = format("step{}", first + t);
      compare_scalars(comparison, ranks.size() > 1 ? format("rank{}.{}", r, step) : step,
                      ranks[r].steps[t], logs.at(r).at(t));
      if (r == 0) compare_parameters(comparison, step, ranks[r].steps[t], logs.at(r).at(t), lr_sum);
    }
  }
}

/// Moments after the last step.
void compare_moments(RunComparison& comparison, const Tensors& moments) {
  for (const auto& [name, tensor] : moments) {
    const std::string kind = name.starts_with("optimizer.exp_avg_sq.") ? "exp_avg_sq" : "exp_avg";
    comparison.tensor("final." + kind, name.substr(("optimizer." + kind + ".").size()), tensor,
                      bounds::kMoment);
  }
}

void compare_fresh_run(Report& report, const std::string& run, TensorFile& golden,
                       const std::vector<RankRecord>& ranks, const Json& logs) {
  RunComparison comparison(report, run, golden, golden);
  compare_steps(comparison, ranks, logs, 0);
  for (std::size_t t = 0; t < ranks[0].steps.size(); ++t) {
    compare_gradients(comparison, format("step{}", t), ranks[0].steps[t], logs.at(0).at(t));
  }
  compare_moments(comparison, ranks[0].moments);
  compare_ranks(report, run, ranks);
  comparison.report_rest();
}

/// Which parameters there are, how large, and which ones decay.
void check_parameters(Report& report, const std::string& run, const Json& info,
                      const model::Parameters& parameters) {
  Json numel = Json::object();
  std::set<std::string> decaying, others, expected_decaying, expected_others;
  for (const auto& parameter : parameters) {
    numel[parameter.name] = parameter.tensor.numel();
    (model::has_weight_decay(parameter) ? decaying : others).insert(parameter.name);
  }
  for (const Json& group : info.at("param_groups_trainable")) {
    auto& names = group.at("weight_decay").get<double>() > 0 ? expected_decaying : expected_others;
    names = group.at("names").get<std::set<std::string>>();
  }
  report.equal(run + " numel", numel.dump(), info.at("numel").dump());
  report.equal(run + " parameters with weight decay", Json(decaying).dump(),
               Json(expected_decaying).dump());
  report.equal(run + " parameters without weight decay", Json(others).dump(),
               Json(expected_others).dump());
}

/// State to go on from; nullopt after a line.
std::optional<ResumeState> read_resume_state(Folder& folder, Report& report,
                                             const std::string& run) {
  const std::string file = "checkpoints/checkpoint_" + run + "_v1.pth";
  auto archive = open_archive(folder, report, file);
  if (!archive) return std::nullopt;
  auto checkpoint = model::read_reference_checkpoint(*archive);
  if (!checkpoint.ok()) {
    report.failed(file, checkpoint.status().message());
    return std::nullopt;
  }
  if (!checkpoint->optimizer || !checkpoint->steps_done) {
    report.failed(file, "it holds no optimizer or no step");
    return std::nullopt;
  }
  return ResumeState{.parameters = checkpoint->tensors,
                     .moments = checkpoint->optimizer->moments,
                     .steps_done = *checkpoint->steps_done};
}

/// `fresh` is the file of the run that the checkpoint ended.
void check_resumed(Folder& folder, Report& report, const TrainingInputs& inputs,
                   const std::string& run, const Json& info, RunPlan plan, TensorFile& fresh) {
  TensorFile* golden = folder.tensors("training/" + run + "_resumed.safetensors");
  plan.resume = read_resume_state(folder, report, run);
  if (golden == nullptr || !plan.resume) return;
  const Json& log = info.at("resumed_log_float32");
  plan.batches = batches_of(log);
  const std::uint64_t first = plan.resume->steps_done;
  report.equal(run + "_resumed first step", static_cast<std::int64_t>(first),
               log.at(0).at("step").get<std::int64_t>());
  const auto ranks = run_training_steps(inputs, plan);
  if (!ranks.ok()) return report.failed(run + "_resumed", ranks.status().message());
  RunComparison comparison(report, run + "_resumed", *golden, fresh);
  compare_steps(comparison, *ranks, Json::array({log}), first);
  comparison.report_rest();
}

void check_run(Folder& folder, Report& report, const TrainingInputs& inputs, const std::string& run,
               const Json& info) {
  TensorFile* golden = folder.tensors("training/" + run + ".safetensors");
  const auto plan = plan_of(folder, report, run, info, inputs.clip.vision.shape().vision_width);
  if (golden == nullptr || !plan) return;
  const auto ranks = run_training_steps(inputs, *plan);
  if (!ranks.ok()) return report.failed(run, ranks.status().message());
  check_parameters(report, run, info, ranks->at(0).parameters);
  compare_fresh_run(report, run, *golden, *ranks, info.at("log_per_rank_float32"));
  if (info.contains("resumed_log_float32")) {
    check_resumed(folder, report, inputs, run, info, *plan, *golden);
  }
}

/// Captions and tags through tokenizer and text tower, against the stored inputs of the steps.
void check_inputs(Report& report, const TrainingInputs& inputs, const Json& info,
                  TensorFile& golden) {
  for (std::size_t i = 0; i < inputs.captions.size(); ++i) {
    const at::Tensor* stored = golden.find(format("batch{}.token_ids", i));
    if (stored == nullptr) continue;
    const auto context = static_cast<int>(stored->size(1));
    const auto ids = inputs.tokenizer.encode_padded(inputs.captions[i], context);
    report.deviation(format("batch{} token_ids of the captions", i),
                     deviation_of(at::tensor(ids, at::kLong).view({-1, context}), *stored), {});
  }
  const at::Tensor* labels = golden.find("label_embedding");
  if (labels == nullptr) return;
  const at::Tensor ours = model::class_embeddings(inputs.clip.text, inputs.tokenizer,
                                                  info.at("tag_names"), {info.at("tag_template")});
  report.deviation("label_embedding", deviation_of(ours, *labels), bounds::kTextFeatures);
}

void check_runs(Folder& folder, Report& report, const Json& info) {
  TensorFile* golden = folder.tensors(kInputs);
  const auto weights = load_clip_weights(folder, report);
  auto tokenizer = load_tokenizer(folder, report);
  if (golden == nullptr || !weights || !tokenizer) return;
  auto vision = model::VisionTower::create(*weights);
  auto text = model::TextTower::create(*weights);
  if (!vision.ok() || !text.ok()) {
    return report.failed("CLIP", (vision.ok() ? text.status() : vision.status()).message());
  }
  vision->freeze({});  // as the program does
  text->freeze({});
  const jobs::FrozenClip clip{std::move(vision).value(), std::move(text).value(), ""};
  const TrainingInputs inputs{clip, *tokenizer, golden->all(),
                              info.at("captions").get<std::vector<std::vector<std::string>>>()};
  {
    const at::NoGradGuard no_grad;
    check_inputs(report, inputs, info, *golden);
  }
  for (const auto& [run, row] : info.at("runs").items()) {
    check_run(folder, report, inputs, run, row);
  }
}

}  // namespace

void check_training(Folder& folder, Report& report) {
  check_schedules(folder, report);
  const Json* info = folder.json(kInfo);
  if (info == nullptr) return;
  check_runs(folder, report, *info);
  report.not_compared("training.json: log_per_rank_float64, deviation_float32_from_float64",
                      "the reference's own error, from which the tolerances come");
  report.not_compared("training.json: frozen_tensors",
                      "counts the modules of the reference's frozen CLIP after surgery");
  folder.report_other_keys(kInfo, *info, {"tag_names", "tag_template", "captions", "runs"});
}

}  // namespace tagalign::golden
