#include "worker/jobs/evaluate_job.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <optional>

#include "base/format.h"
#include "base/log.h"
#include "base/version.h"
#include "data/image.h"
#include "data/segmentation_dataset.h"
#include "model/clip/tokenizer.h"
#include "model/segmentation.h"
#include "worker/jobs/predictor.h"
#include "worker/jobs/result_file.h"

namespace tagalign::jobs {
namespace {

using protocol::EvaluationResult;

/// Everything that changes a prediction, readable, as it is recorded with each score.
std::string protocol_text(const config::EvaluateConfig& config,
                          const config::SegmentationDataConfig& dataset, bool has_projector) {
  std::string text = format(
      "{} attention={} scale={:g} bias={:g} clip_weight={:g} short_side={} long_side_max={} "
      "window={} stride={}",
      config.protocol, config.clip.attention, config.scale, config.bias,
      has_projector ? config.clip_weight : 1.0, dataset.short_side, dataset.long_side_max,
      dataset.window, dataset.stride);
  if (dataset.background) text += format(" background={:g}", dataset.background_threshold);
  if (dataset.reduce_zero_label) text += " reduce_zero_label";
  if (config.runtime.precision != "fp32") text += " precision=" + config.runtime.precision;
  text += " templates=" + config.templates.front() +
          (config.templates.size() > 1 ? format(" (+{})", config.templates.size() - 1) : "");
  return text;
}

model::SegmentationOptions segmentation_options(const config::EvaluateConfig& config,
                                                const config::SegmentationDataConfig& dataset,
                                                model::VisionAttention attention) {
  return {.attention = attention,
          .scale = config.scale,
          .bias = config.bias,
          .clip_weight = config.clip_weight,
          .background = dataset.background,
          .background_threshold = dataset.background_threshold,
          .window = dataset.window,
          .stride = dataset.stride};
}

/// One data set's evaluation by all ranks.
class DatasetEvaluation {
 public:
  DatasetEvaluation(Rank& rank, const config::EvaluateConfig& config,
                    const config::SegmentationDataConfig& options, const Predictor& predictor,
                    const model::Tokenizer& tokenizer)
      : rank_(rank),
        config_(config),
        options_(options),
        predictor_(predictor),
        tokenizer_(tokenizer) {}

  Result<JobEnd> run() {
    TA_ASSIGN_OR_RETURN(dataset_, data::SegmentationDataset::open(rank_.files, dataset_options()));
    TA_ASSIGN_OR_RETURN(auto result, named_result());
    TA_ASSIGN_OR_RETURN(const bool known, known_already(result));
    if (!known) {
      TA_ASSIGN_OR_RETURN(const JobEnd end, compute(result));
      if (end != JobEnd::kFinished) return end;
    }
    if (!rank_.is_first()) return JobEnd::kFinished;
    if (!known) TA_RETURN_IF_ERROR(write_result(rank_.files, config_.output, result));
    const auto reported = rank_.reporter.result(result);
    if (!reported.ok())
      return reported.with_context(format("result of {} on {}", result.method, result.dataset));
    return JobEnd::kFinished;
  }

 private:
  data::SegmentationDatasetOptions dataset_options() const {
    const Path root = options_.root;
    return {.name = options_.name,
            .images = root / options_.images,
            .labels = root / options_.labels,
            .classes = root / options_.classes,
            .ignore_index = options_.ignore_index,
            .reduce_zero_label = options_.reduce_zero_label};
  }

  Result<EvaluationResult> named_result() {
    EvaluationResult result;
    result.method = config_.method;
    result.step = predictor_.step;
    result.dataset = options_.name;
    std::string digest;
    if (rank_.is_first()) {
      TA_ASSIGN_OR_RETURN(digest, dataset_->digest(rank_.files));
    }
    TA_ASSIGN_OR_RETURN(const auto digests, rank_.group.all_gather_strings(digest));
    result.dataset_digest = digests[0];
    result.weights_digest = predictor_.digest;
    result.protocol = protocol_text(config_, options_, predictor_.projector != nullptr);
    result.code_version = kVersion;
    result.classes = dataset_->classes();
    result.key = content_key(result);
    return result;
  }

  /// The first rank looks; all follow it.
  Result<bool> known_already(EvaluationResult& result) {
    std::string known = "no";
    if (rank_.is_first()) {
      auto stored = read_result(rank_.files, config_.output, result.key);
      if (stored.ok() && predictions_present()) {
        result = std::move(*stored);
        known = "yes";
      } else if (!stored.ok() && stored.status().code() == ErrorCode::kDataLoss) {
        rank_.reporter.notice(stored.status().message());
      }
    }
    TA_ASSIGN_OR_RETURN(const auto answers, rank_.group.all_gather_strings(known));
    return answers[0] == "yes";
  }

  Path prediction_folder() const {
    return Path(config_.output) / "predictions" /
           format("{}-step-{}", config_.method, predictor_.step) / options_.name;
  }
  bool predictions_present() const {
    return config_.save_predictions == 0 || rank_.files.exists(prediction_folder());
  }

  Result<JobEnd> compute(EvaluationResult& result) {
    const at::NoGradGuard no_grad;
    auto prompts = dataset_->classes();
    if (options_.background) prompts.erase(prompts.begin());
    const auto text =
        model::class_embeddings(predictor_.text, tokenizer_, prompts, config_.templates);  // [N, E]
    const model::Segmenter segmenter(predictor_.vision, predictor_.projector.get(), text,
                                     segmentation_options(config_, options_, predictor_.attention));
    model::SegmentationCounts counts(dataset_->classes().size());
    const auto world = static_cast<std::size_t>(rank_.group.size());
    for (auto i = static_cast<std::size_t>(rank_.group.rank()); i < dataset_->size(); i += world) {
      if (rank_.reporter.stop_requested()) return JobEnd::kSavedAndLeft;
      TA_RETURN_IF_ERROR(count_image(segmenter, i, counts));
      say_progress(i + 1);
    }
    return merge(counts, result);
  }

  Status count_image(const model::Segmenter& segmenter, std::size_t index,
                     model::SegmentationCounts& counts) {
    TA_ASSIGN_OR_RETURN(const auto sample, dataset_->read(rank_.files, index));
    const auto size = data::keep_ratio_size({sample.image.width, sample.image.height},
                                            options_.short_side, options_.long_side_max);
    const auto resized = data::resize_bilinear_opencv(sample.image, size.width, size.height);
    auto planar = data::normalize_planar(resized);
    const auto image =
        at::from_blob(planar.data(), {3, size.height, size.width}, at::kFloat).to(rank_.device);
    const model::ImageSize original{sample.image.height, sample.image.width};
    const auto pixels = static_cast<std::size_t>(sample.image.width) *
                        static_cast<std::size_t>(sample.image.height);
    if (sample.label.ids.size() != pixels) {
      return invalid_argument(format("{}: image {} is {}x{}, its label {}x{}", options_.name,
                                     sample.name, sample.image.width, sample.image.height,
                                     sample.label.width, sample.label.height));
    }
    segmenter.count(image, original, sample.label.ids, options_.ignore_index, counts);
    if (index >= static_cast<std::size_t>(config_.save_predictions)) return ok_status();
    return save_prediction(sample.name,
                           segmenter.label_map(image, original.height, original.width));
  }

  Status save_prediction(const std::string& name, const at::Tensor& labels) {
    constexpr std::int64_t kGreyLevels = 256;
    if (static_cast<std::int64_t>(dataset_->classes().size()) > kGreyLevels) {
      return unsupported(
          format("save_predictions: {} has {} classes, a grey PNG holds {}; set it to 0",
                 options_.name, dataset_->classes().size(), kGreyLevels));
    }
    const auto bytes = labels.to(at::kCPU, at::kByte).contiguous();  // [H, W]
    const auto* values = bytes.const_data_ptr<std::uint8_t>();
    const data::Image grey{.width = static_cast<int>(bytes.size(1)),
                           .height = static_cast<int>(bytes.size(0)),
                           .channels = 1,
                           .pixels = {values, values + bytes.numel()}};
    TA_RETURN_IF_ERROR(rank_.files.create_directories(prediction_folder()));
    return rank_.files.write_durable(prediction_folder() / (Path(name).stem().string() + ".png"),
                                     data::encode_png(grey));
  }

  void say_progress(std::size_t done) {
    const auto text = format("evaluate: {} on {}, image {} of {}", config_.method, options_.name,
                             done, dataset_->size());
    rank_.reporter.progress(done, dataset_->size(), text);
    constexpr std::size_t kSayEvery = 50;
    if (rank_.is_first() && done % kSayEvery == 1) log_info("{}", text);
  }

  Result<JobEnd> merge(const model::SegmentationCounts& counts, EvaluationResult& result) {
    const std::size_t n = counts.intersect.size();
    std::vector<std::uint64_t> all;
    for (const auto* part : {&counts.intersect, &counts.predicted, &counts.labelled})
      all.insert(all.end(), part->begin(), part->end());
    TA_RETURN_IF_ERROR(rank_.group.all_reduce_sum_u64(all));
    const auto part = [&](std::size_t k) {
      return std::vector<std::uint64_t>(all.begin() + static_cast<std::ptrdiff_t>(k * n),
                                        all.begin() + static_cast<std::ptrdiff_t>((k + 1) * n));
    };
    result.intersect = part(0);
    result.predicted = part(1);
    result.labelled = part(2);
    result.union_.resize(n);
    for (std::size_t c = 0; c < n; ++c)
      result.union_[c] = result.predicted[c] + result.labelled[c] - result.intersect[c];
    result.images = dataset_->size();
    return JobEnd::kFinished;
  }

  Rank& rank_;
  const config::EvaluateConfig& config_;
  const config::SegmentationDataConfig& options_;
  const Predictor& predictor_;
  const model::Tokenizer& tokenizer_;
  std::optional<data::SegmentationDataset> dataset_;
};

}  // namespace

Result<JobEnd> run_evaluate(Rank& rank, const config::EvaluateConfig& config) {
  const at::NoGradGuard no_grad;
  TA_ASSIGN_OR_RETURN(const auto tokenizer,
                      model::Tokenizer::load(rank.files, model::default_vocabulary()));
  TA_ASSIGN_OR_RETURN(const auto predictor, load_predictor(rank, config));
  for (const auto& dataset : config.datasets) {
    TA_ASSIGN_OR_RETURN(const JobEnd end,
                        DatasetEvaluation(rank, config, dataset, predictor, tokenizer).run());
    if (end != JobEnd::kFinished) return end;
  }
  return JobEnd::kFinished;
}

}  // namespace tagalign::jobs
