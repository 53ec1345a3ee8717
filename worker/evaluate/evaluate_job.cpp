#include "worker/evaluate/evaluate_job.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <optional>
#include <utility>

#include "base/format.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/version.h"
#include "configs/schema/methods/template_sets.h"
#include "data/datasets/segmentation_loader.h"
#include "data/image/image.h"
#include "model/inference/segmentation.h"
#include "model/torch_threads.h"
#include "worker/datasets/dataset_options.h"
#include "worker/evaluate/evaluation_protocol.h"
#include "worker/evaluate/image_crew.h"
#include "worker/evaluate/image_ranking.h"
#include "worker/evaluate/image_tally.h"
#include "worker/evaluate/prediction_files.h"
#include "worker/evaluate/predictor.h"
#include "worker/evaluate/refinement.h"
#include "worker/evaluate/result_file.h"
#include "worker/rank/precision.h"

namespace tagalign::jobs {
namespace {

using wire::EvaluationResult;

/// On a GPU, which a single one leaves idle.
constexpr int kWindowsPerPass = 8;

const data::ColorStatistics& colors_of(config::PixelStatistics pixels) {
  if (pixels == config::PixelStatistics::kClip) return data::kClipColors;
  return pixels == config::PixelStatistics::kClipRounded ? data::kClipRoundedColors
                                                         : data::kImageNetColors;
}

/// One data set's evaluation by all ranks.
class DatasetEvaluation {
 public:
  DatasetEvaluation(Rank& rank, const config::EvaluateConfig& config,
                    const config::SegmentationDataConfig& options, const Predictor& predictor)
      : rank_(rank),
        config_(config),
        options_(options),
        settings_(config::dataset_settings(config, options)),
        label_(config::row_label(config)),
        predictor_(predictor),
        kept_(rank.files,
              Path(config.output) / "predictions" / format("{}-step-{}", label_, predictor.step),
              options.name) {}

  Result<JobEnd> run() {
    rank_.enter(wire::Phase::kLoad);
    TA_ASSIGN_OR_RETURN(plan_, plan_evaluation(config_, options_, *predictor_.model, attention()));
    TA_ASSIGN_OR_RETURN(dataset_, data::SegmentationDataset::open(
                                      rank_.files, dataset_options(options_, options_.root)));
    const std::size_t classes = dataset_->classes().size(),
                      prompts = settings_.class_prompts.size();
    if (prompts != 0 && prompts != classes) {
      return invalid_argument(
          format("{}: class_prompts: expected one for each of {} classes, found {}", options_.name,
                 classes, prompts));
    }
    TA_RETURN_IF_ERROR(check_class_count(options_, classes));
    if (rank_.is_first()) say_notices();
    TA_RETURN_IF_ERROR(name_results());
    TA_ASSIGN_OR_RETURN(const bool known, known_already());
    if (!known) {
      TA_ASSIGN_OR_RETURN(const JobEnd end, compute());
      if (end != JobEnd::kFinished) return end;
    }
    rank_.enter(wire::Phase::kSave);
    TA_RETURN_IF_ERROR(rank_.first_decides([&] { return hand_over(); }));
    return JobEnd::kFinished;
  }

 private:
  model::AttentionWay attention() const {
    const bool frozen = predictor_.clip != nullptr && predictor_.clip->form.has_value();
    return frozen ? predictor_.clip->form->attention : model::AttentionWay::kFused;
  }

  void say_notices() {
    for (const std::string& notice : plan_.notices) rank_.reporter.notice(notice);
    if (!options_.background && dataset_->classes().front() == "background") {
      rank_.reporter.notice(
          format("{}: its first class is called background and gets a prompt like any other; set "
                 "background: true for a constant score",
                 options_.name));
    }
  }

  /// All results of this data set, without counts.
  Status name_results() {
    TA_ASSIGN_OR_RETURN(const std::string digest,
                        rank_.first_decides([&] { return dataset_->digest(rank_.files); }));
    for (const auto& settings : plan_.protocols) {
      EvaluationResult& result = results_.emplace_back();
      result.method = label_;
      result.step = predictor_.step;
      result.dataset = options_.name;
      result.dataset_digest = digest;
      result.weights_digest = predictor_.digest;
      result.protocol = settings;
      result.code_version = kVersion;
      result.classes = dataset_->classes();
      result.key = content_key(result);
    }
    return ok_status();
  }

  Result<bool> known_already() {
    return rank_.first_decides(
        [&]() -> Result<bool> { return predictions_present() && all_stored(); });
  }

  bool all_stored() {
    bool complete = true;
    for (const EvaluationResult& result : results_) {
      const auto stored = read_result(rank_.files, config_.output, result.key);
      complete &= stored.ok();
      if (!stored.ok() && stored.status().code() == ErrorCode::kDataLoss) {
        rank_.reporter.notice(stored.status().message());
      }
    }
    return complete;
  }

  bool predictions_present() const { return config_.save_predictions == 0 || kept_.present(); }

  /// Each result, to disk if it is not there yet, and to the agent.
  Status hand_over() {
    for (const EvaluationResult& fresh : results_) {
      const auto stored = read_result(rank_.files, config_.output, fresh.key);
      if (!stored.ok()) {
        if (fresh.union_.empty()) return stored.status();  // it was there a moment ago
        TA_RETURN_IF_ERROR(write_result(rank_.files, config_.output, fresh));
      }
      const EvaluationResult& result = stored.ok() ? *stored : fresh;
      const auto reported = rank_.reporter.result(result);
      if (!reported.ok()) {
        return reported.with_context(format("result of {} on {}", result.method, result.dataset));
      }
    }
    return ok_status();
  }

  Result<JobEnd> compute() {
    const at::NoGradGuard no_grad;
    const AutocastScope autocast(config_.runtime.precision, rank_.device);
    const auto text = predictor_.model->embed_classes(prompted_classes(),
                                                      config::expand_templates(settings_.templates),
                                                      static_cast<int>(threads()));
    const auto refinement = make_refinement(settings_.refine);
    const auto scorer =
        predictor_.model->scorer(text, {options_.name, refinement.get(), options_.background});
    if (rank_.device.is_cuda()) plan_.options.windows_per_pass = kWindowsPerPass;
    const model::Segmenter segmenter(*scorer, plan_.options);
    const ImageTally tally(segmenter, plan_.sweep, tally_options(scorer->label_rule()));
    std::vector<Tallies> tallies(threads(),
                                 Tallies(results_.size(), Tally(dataset_->classes().size())));
    data::SegmentationLoader loader(rank_.files, *dataset_, loader_options());
    rank_.enter(wire::Phase::kImage);
    const ImageCrewCalls calls{
        .work =
            [&](int thread, data::EvaluationImage& image) {
              TA_RETURN_IF_ERROR(
                  count_image(tally, image, tallies[static_cast<std::size_t>(thread)]));
              return is_saved(image) ? keep_extras(*scorer, image) : ok_status();
            },
        .bytes = [&](const data::EvaluationImage& image) { return score_bytes(segmenter, image); },
        .stop_requested = [&] { return rank_.reporter.stop_requested().has_value(); },
        .done = [&](std::size_t index) { say_progress(index + 1); }};
    TA_ASSIGN_OR_RETURN(
        const bool finished,
        work_on_images(loader, {static_cast<int>(threads()), limits::kScoreBytesMax}, calls));
    rank_.enter(wire::Phase::kWait);
    for (std::size_t i = 1; i < tallies.size(); ++i) {
      for (std::size_t result = 0; result < results_.size(); ++result) {
        tallies[0][result].counts.merge(tallies[i][result].counts);
        tallies[0][result].ranking.merge(tallies[i][result].ranking);
      }
    }
    return merge(tallies[0], !finished);
  }

  ImageTallyOptions tally_options(model::LabelRule rule) const {
    return {.classes = dataset_->classes().size(),
            .ignore_index = options_.ignore_index,
            .rule = rule,
            .multilabel = config_.multilabel,
            .background = options_.background};
  }

  data::SegmentationLoaderOptions loader_options() const {
    const config::EvaluationPreset preset = config::preset_of(config_.method);
    return {.short_side = settings_.short_side,
            .squash = preset.resize == config::ImageResize::kSquash,
            .colors = colors_of(preset.pixels),
            .long_side_max = options_.long_side_max,
            .first = static_cast<std::size_t>(rank_.group.rank()),
            .stride = static_cast<std::size_t>(rank_.group.size()),
            .ahead = static_cast<std::size_t>(config_.read_ahead)};
  }

  /// What stands for each class in the prompts; a background that is no text is left out.
  std::vector<std::string> prompted_classes() const {
    auto prompts = settings_.class_prompts.empty() ? dataset_->classes() : settings_.class_prompts;
    if (options_.background && predictor_.model->background() != model::BackgroundRule::kAtEnd)
      prompts.erase(prompts.begin());
    return prompts;
  }

  /// A GPU is kept busy by one.
  std::size_t threads() const {
    return rank_.device.is_cuda() ? 1 : static_cast<std::size_t>(config_.runtime.threads_per_rank);
  }

  std::uint64_t score_bytes(const model::Segmenter& segmenter,
                            const data::EvaluationImage& image) const {
    return segmenter.bytes({image.resized.height, image.resized.width},
                           {image.original.height, image.original.width}, plan_.sweep,
                           config_.multilabel);
  }

  bool is_saved(const data::EvaluationImage& image) const {
    return image.index < static_cast<std::size_t>(config_.save_predictions);
  }
  /// Normalised: [3, H, W].
  at::Tensor pixels_of(data::EvaluationImage& image) const {
    return at::from_blob(image.planar.data(), {3, image.resized.height, image.resized.width},
                         at::kFloat)
        .to(rank_.device);
  }

  Status count_image(const ImageTally& tally, data::EvaluationImage& image,
                     Tallies& tallies) const {
    ImageTally::Keep keep;
    if (is_saved(image))
      keep = [&](const auto& labels) { return kept_.keep_prediction(image.name, labels); };
    return tally.add(pixels_of(image), image, keep, tallies);
  }

  Status keep_extras(const model::DenseScorer& scorer, data::EvaluationImage& image) const {
    return kept_.keep_extras(scorer, image, pixels_of(image), dataset_->classes());
  }

  void say_progress(std::size_t done) {
    const auto text =
        format("evaluate: {} on {}, image {} of {}", label_, options_.name, done, dataset_->size());
    rank_.reporter.progress(done, dataset_->size(), text);
    constexpr std::size_t kSayEvery = 50;
    if (rank_.is_first() && done % kSayEvery == 1) log_info("{}", text);
  }

  /// Adds the counts of all ranks and puts them into the results, unless a rank stopped early:
  /// then all ranks leave.
  Result<JobEnd> merge(const Tallies& tallies, bool stopped) {
    std::vector<std::uint64_t> all = {stopped ? 1U : 0U};
    for (const auto& [counts, ranking] : tallies) {
      for (const auto* part : {&counts.intersect, &counts.predicted, &counts.labelled})
        all.insert(all.end(), part->begin(), part->end());
    }
    TA_RETURN_IF_ERROR(rank_.group.all_reduce_sum_u64(all));
    const std::size_t n = dataset_->classes().size();
    auto next = all.begin();
    if (*next++ > 0) return JobEnd::kSavedAndLeft;
    const auto take = [&] {
      const auto begin = std::exchange(next, next + static_cast<std::ptrdiff_t>(n));
      return std::vector<std::uint64_t>(begin, next);
    };
    for (EvaluationResult& result : results_) {
      result.intersect = take();
      result.predicted = take();
      result.labelled = take();
      result.union_.resize(n);
      for (std::size_t c = 0; c < n; ++c)
        result.union_[c] = result.predicted[c] + result.labelled[c] - result.intersect[c];
      result.images = dataset_->size();
    }
    if (config_.multilabel) TA_RETURN_IF_ERROR(merge_rankings(tallies));
    return JobEnd::kFinished;
  }

  Status merge_rankings(const Tallies& tallies) {
    for (std::size_t i = 0; i < results_.size(); ++i) {
      TA_ASSIGN_OR_RETURN(const auto parts,
                          rank_.group.all_gather_strings(tallies[i].ranking.pack()));
      ImageRanking whole(dataset_->classes().size());
      for (const std::string& part : parts) whole.merge_packed(part);
      results_[i].average_precision = whole.average_precision();
    }
    return ok_status();
  }

  Rank& rank_;
  const config::EvaluateConfig& config_;
  const config::SegmentationDataConfig& options_;
  config::DatasetSettings settings_;
  std::string label_;
  const Predictor& predictor_;
  PredictionFiles kept_;
  EvaluationPlan plan_;
  std::vector<EvaluationResult> results_;  ///< [plan_.sweep.size()]
  std::optional<data::SegmentationDataset> dataset_;
};

}  // namespace

Result<JobEnd> run_evaluate(Rank& rank, const config::EvaluateConfig& config) {
  PredictorShelf shelf;
  return run_evaluate(rank, config, shelf);
}

Result<JobEnd> run_evaluate(Rank& rank, const config::EvaluateConfig& config,
                            PredictorShelf& shelf) {
  const at::NoGradGuard no_grad;
  model::keep_torch_on_calling_threads();
  TA_ASSIGN_OR_RETURN(const Predictor* predictor, shelf.get(rank, config));
  for (const auto& dataset : config.datasets) {
    TA_ASSIGN_OR_RETURN(const JobEnd end,
                        DatasetEvaluation(rank, config, dataset, *predictor).run());
    if (end != JobEnd::kFinished) return end;
  }
  return JobEnd::kFinished;
}

}  // namespace tagalign::jobs
