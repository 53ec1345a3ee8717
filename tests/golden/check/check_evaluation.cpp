/// Group evaluation: whole data sets end to end, from photographs to metrics.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/format.h"
#include "data/datasets/segmentation_dataset.h"
#include "model/inference/kernels/predict.h"
#include "tests/golden/check/evaluation.h"
#include "tests/golden/check/groups.h"
#include "tests/golden/check/inference_runs.h"
#include "tests/golden/check/tolerances.h"

namespace tagalign::golden {
namespace {

using data::SegmentationDataset;
using model::SegmentationCounts;

/// One run of evaluation_vN.json over the photographs of its split.
class RunCheck {
 public:
  RunCheck(Folder& folder, Report& report, Models& models, const Json& info,
           const std::string& name)
      : folder_(folder),
        report_(report),
        models_(models),
        info_(info),
        facts_(info.at("runs").at(name)),
        name_(info.at("protocol").get<std::string>() + " " + name) {}

  void run() {
    const auto dataset = open();
    if (!dataset) return;
    compare_listing(*dataset);
    const auto counts = evaluate(*dataset);
    if (!counts) return;
    const auto labelled = facts_.at("area_label").get<std::vector<double>>();
    const double pixels = std::accumulate(labelled.begin(), labelled.end(), 0.0);
    compare_counts(name_, *counts, facts_,
                   {{.absolute = bounds::kAreaShare * pixels}, bounds::kMetric}, report_);
    compare_rounded(*counts);
    report_.not_compared(name_ + " sha256_of_all_label_maps_uint8_in_order",
                         "one pixel on a tie changes it; the areas are compared");
    report_.not_compared(name_ + " float64", "the reference's own error");
  }

 private:
  std::vector<std::string> classes() const { return facts_.at("classes"); }
  RunName run_name() const {
    return {.text = name_,
            .projector = facts_.at("projector"),
            .clip_weight = facts_.at("clip_w"),
            .background = !facts_.at("bg_thresh").is_null(),
            .templates = info_.at("template")};
  }

  /// nullopt after a line.
  std::optional<SegmentationDataset> open() {
    const std::string split = info_.at("split");
    const auto images = folder_.photograph("images/" + split);
    const auto labels = folder_.photograph("labels/" + split);
    if (!images || !labels) return std::nullopt;
    auto dataset = SegmentationDataset::open(
        posix_file_system(), {.name = name_,
                              .images = *images,
                              .labels = *labels,
                              .ignore_index = facts_.at("ignore_index").get<int>(),
                              .reduce_zero_label = facts_.at("reduce_zero_label").get<bool>(),
                              .class_names = classes()});
    if (dataset.ok()) return std::move(dataset).value();
    report_.failed(name_, dataset.status().message());
    return std::nullopt;
  }

  void compare_listing(const SegmentationDataset& dataset) {
    report_.equal(name_ + " images", static_cast<std::int64_t>(dataset.size()),
                  facts_.at("images").get<std::int64_t>());
    const auto name = [&](const char* key, std::size_t index) {
      report_.equal(name_ + " " + key, dataset.item_name(index),
                    Path(facts_.at(key).get<std::string>()).stem().string());
    };
    name("first_image", 0);
    name("last_image", dataset.size() - 1);
  }

  /// As similarity_scores() and sweep_of() read it.
  Json run_facts() const {
    Json facts = info_;
    facts["bg_thresh"] = facts_.at("bg_thresh");
    const std::string inference =
        format("inference/inference_{}.json", info_.at("protocol").get<std::string>());
    if (folder_.has(inference)) {
      if (const Json* scores = folder_.json(inference))
        facts["scale_bias"] = scores->at("scale_bias");
    }
    return facts;
  }

  /// All photographs, dealt to as many threads as there are cores; nullopt after a line.
  std::optional<SegmentationCounts> evaluate(const SegmentationDataset& dataset) {
    const RunName run = run_name();
    std::vector<std::string> prompts = classes();
    if (run.background) prompts.erase(prompts.begin());
    const auto prediction = models_.predict(run, prompts, run_facts());
    if (!prediction) return std::nullopt;
    const std::size_t threads = std::max(1u, std::thread::hardware_concurrency());
    std::vector<Result<SegmentationCounts>> parts(threads, SegmentationCounts(classes().size()));
    std::vector<std::thread> running;
    for (std::size_t t = 0; t < threads; ++t) {
      running.emplace_back([&, t] {
        at::set_num_threads(1);
        parts[t] = count_share(dataset, *prediction, t, threads);
      });
    }
    for (std::thread& thread : running) thread.join();
    return merge(parts);
  }

  /// Images first, first + step, …
  Result<SegmentationCounts> count_share(const SegmentationDataset& dataset,
                                         const Prediction& prediction, std::size_t first,
                                         std::size_t step) const {
    const at::NoGradGuard no_grad;
    SegmentationCounts counts(classes().size());
    for (std::size_t i = first; i < dataset.size(); i += step) {
      TA_ASSIGN_OR_RETURN(const auto sample, dataset.read(posix_file_system(), i));
      const data::Size size =
          network_size({sample.image.width, sample.image.height}, info_.at("img_scale"));
      const auto resized = data::resize_bilinear_opencv(sample.image, size.width, size.height);
      const at::Tensor scores =
          prediction.scores(network_input(resized), {sample.image.height, sample.image.width});
      model::count_predictions(scores, sample.label.ids, dataset.ignore_index(), counts);
    }
    return counts;
  }

  std::optional<SegmentationCounts> merge(const std::vector<Result<SegmentationCounts>>& parts) {
    SegmentationCounts all(classes().size());
    for (const auto& part : parts) {
      if (!part.ok()) {
        report_.failed(name_, part.status().message());
        return std::nullopt;
      }
      all.merge(*part);
    }
    return all;
  }

  /// As the official code prints them, in per cent with two decimals: a last digit may turn.
  void compare_rounded(const SegmentationCounts& counts) {
    const auto official = facts_.find("official_rounded");
    if (official == facts_.end()) return;
    const auto shares = mean_scores(counts);
    for (const auto& [key, value] : official->items()) {
      const auto found = shares.find(key);
      if (found == shares.end()) {
        report_.not_compared(name_ + " official_rounded " + key, "this program does not know it");
        continue;
      }
      report_.number(name_ + " official_rounded " + key, std::round(found->second * 1e4) / 1e4,
                     value, bounds::kRoundedMetric);
    }
  }

  Folder& folder_;
  Report& report_;
  Models& models_;
  const Json& info_;
  const Json& facts_;
  std::string name_;
};

}  // namespace

void check_evaluation(Folder& folder, Report& report) {
  compare_metric_cases(folder, report);
  auto models = Models::load(folder, report);
  if (!models) return;
  for (const char* protocol : {"v1", "v3"}) {
    const Json* info = folder.json(format("evaluation/evaluation_{}.json", protocol));
    if (info == nullptr) continue;
    for (const auto& [name, facts] : info->at("runs").items())
      RunCheck(folder, report, *models, *info, name).run();
  }
}

}  // namespace tagalign::golden
