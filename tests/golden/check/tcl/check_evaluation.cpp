/// Group tcl.evaluation: a part of a split end to end, from photographs to metrics.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "data/datasets/segmentation_dataset.h"
#include "model/inference/kernels/predict.h"
#include "tests/golden/check/evaluation.h"
#include "tests/golden/check/inference_runs.h"
#include "tests/golden/check/tcl/bounds.h"
#include "tests/golden/check/tcl/checks.h"
#include "tests/golden/check/tcl/models.h"

namespace tagalign::golden::tcl {
namespace {

using data::SegmentationDataset;
using model::SegmentationCounts;

constexpr char kFacts[] = "evaluation/evaluation.json";

/// The file keeps what a class's accuracy follows from, not the accuracy itself.
Json with_accuracy(Json facts) {
  if (facts.contains("Acc")) return facts;
  const auto intersect = facts.at("area_intersect").get<std::vector<double>>();
  const auto label = facts.at("area_label").get<std::vector<double>>();
  Json accuracy = Json::array();
  for (std::size_t i = 0; i < label.size(); ++i)
    accuracy.push_back(label[i] > 0 ? Json(intersect.at(i) / label[i]) : Json(nullptr));
  facts["Acc"] = accuracy;
  return facts;
}

class RunCheck {
 public:
  RunCheck(Folder& folder, Report& report, const model::DenseModel& model, const Json& info,
           std::string name)
      : folder_(folder),
        report_(report),
        model_(model),
        info_(info),
        facts_(info.at("runs").at(name)),
        name_(std::move(name)) {}

  void run() {
    const auto dataset = open();
    if (!dataset) return;
    const auto size = facts_.at("images").get<std::size_t>();
    if (dataset->size() < size) return report_.missing(name_, "the split has fewer photographs");
    check_name("first_image", dataset->item_name(0));
    check_name("last_image", dataset->item_name(size - 1));
    const auto counts = evaluate(*dataset, size);
    if (!counts.ok()) return report_.failed(name_, counts.status().message());
    const auto labelled = facts_.at("area_label").get<std::vector<double>>();
    const double pixels = std::accumulate(labelled.begin(), labelled.end(), 0.0);
    compare_counts(name_, *counts, with_accuracy(facts_),
                   {{.absolute = bounds::kAreaShare * pixels}, bounds::kMetric}, report_);
    report_.not_compared(name_ + " float64", "the reference's own error");
  }

 private:
  void check_name(const char* key, const std::string& found) {
    report_.equal(name_ + " " + key, found,
                  Path(facts_.at(key).get<std::string>()).stem().string());
  }

  std::optional<SegmentationDataset> open() {
    const std::string split = info_.at("split");
    const auto images = folder_.photograph("images/" + split);
    const auto labels = folder_.photograph("labels/" + split);
    if (!images || !labels) return std::nullopt;
    auto dataset = SegmentationDataset::open(
        posix_file_system(), {.name = name_,
                              .images = *images,
                              .labels = *labels,
                              .ignore_index = facts_.value("ignore_index", 255),
                              .reduce_zero_label = facts_.at("reduce_zero_label").get<bool>(),
                              .class_names = facts_.at("classes")});
    if (dataset.ok()) return std::move(dataset).value();
    report_.failed(name_, dataset.status().message());
    return std::nullopt;
  }

  /// The first `size` photographs, dealt to as many threads as there are cores.
  Result<SegmentationCounts> evaluate(const SegmentationDataset& dataset, std::size_t size) {
    const Run run = run_of(facts_, info_);
    std::vector<std::string> classes = facts_.at("classes");
    SegmentationCounts all(classes.size());
    if (run.threshold) classes.erase(classes.begin());
    const at::Tensor text = embed(model_, classes, run.templates, report_);
    if (!text.defined()) return invalid_argument("no embedding of the classes");
    const Prediction prediction(model_, text, run);
    const std::size_t threads = std::max(1u, std::thread::hardware_concurrency());
    std::vector<Result<SegmentationCounts>> parts(threads, all);
    std::vector<std::thread> running;
    for (std::size_t t = 0; t < threads; ++t) {
      running.emplace_back([&, t] {
        at::set_num_threads(1);
        for (std::size_t i = t; i < size && parts[t].ok(); i += threads) {
          if (const Status s = count(dataset, i, prediction, *parts[t]); !s.ok()) parts[t] = s;
        }
      });
    }
    for (std::thread& thread : running) thread.join();
    for (const auto& part : parts) {
      TA_RETURN_IF_ERROR(part.status());
      all.merge(*part);
    }
    return all;
  }

  Status count(const SegmentationDataset& dataset, std::size_t index, const Prediction& prediction,
               SegmentationCounts& counts) const {
    const at::NoGradGuard no_grad;
    TA_ASSIGN_OR_RETURN(const auto sample, dataset.read(posix_file_system(), index));
    const data::Size size =
        network_size({sample.image.width, sample.image.height}, info_.at("img_scale"));
    const auto resized = data::resize_bilinear_opencv(sample.image, size.width, size.height);
    const at::Tensor scores =
        prediction.scores(network_input(resized), {sample.image.height, sample.image.width});
    model::count_predictions(scores, sample.label.ids, dataset.ignore_index(), counts);
    return ok_status();
  }

  Folder& folder_;
  Report& report_;
  const model::DenseModel& model_;
  const Json& info_;
  const Json& facts_;
  std::string name_;
};

}  // namespace

void check_evaluation(Folder& folder, Report& report) {
  const at::NoGradGuard no_grad;
  const auto clip = load_clip(folder, report);
  TensorFile* trained = folder.tensors(kWeights);
  const Json* info = folder.json(kFacts);
  if (clip == nullptr || trained == nullptr || info == nullptr) return;
  const auto model = load_model(*clip, trained->all(), report);
  if (model == nullptr) return;
  for (const auto& [name, facts] : info->at("runs").items())
    RunCheck(folder, report, *model, *info, name).run();
}

}  // namespace tagalign::golden::tcl
