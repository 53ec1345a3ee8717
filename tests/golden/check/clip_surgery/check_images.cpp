#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <set>

#include "base/format.h"
#include "data/image/pillow.h"
#include "model/inference/kernels/predict.h"
#include "model/inference/segmentation.h"
#include "model/methods/clip_surgery/surgery.h"
#include "tests/golden/check/clip_surgery/bounds.h"
#include "tests/golden/check/clip_surgery/parts.h"
#include "tests/golden/check/clip_surgery/point_lists.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/images.h"
#include "tests/golden/check/inference_runs.h"

namespace tagalign::golden::clip_surgery {
namespace {

using config::ClipSurgeryEvaluation;
using config::SurgeryArgmax;
using config::SurgeryRanking;
using model::DenseScorer;
using model::ImageSize;
using Names = std::vector<std::string>;

constexpr char kStep[] = "#step";

/// A photograph squashed to one of the folder's sides.
struct Input {
  std::string name;  ///< "0016E5_07965.64"
  at::Tensor image;  // [3, S, S]
  ImageSize original;
  at::Tensor features;  // [1, L, E]
};

/// The scores after feature surgery of all tokens as the product gives them: the image's, then the
/// patches': [1, L, Q]. One class a text.
at::Tensor surgery_rows(const DenseScorer& scorer, const Input& input) {
  const std::array<model::ScoreVariant, 1> only = {};
  const at::Tensor map = scorer.maps(input.image.unsqueeze(0), only).front().scores;
  const at::Tensor patches = map.flatten(2).transpose(1, 2);  // [1, P, Q]
  if (scorer.classes() != scorer.channels()) return patches;
  const at::Tensor cls =
      scorer.score_finish()->image_scores(input.image, at::zeros({scorer.channels(), 1, 1}));
  return at::cat({cls.view({1, 1, -1}), patches}, 1);
}

at::Tensor labels_of(const DenseScorer& scorer, const Input& input) {
  const auto preset = ClipSurgeryEvaluation::preset();
  const model::Segmenter segmenter(scorer, {.window = preset.window, .stride = preset.stride});
  at::Tensor labels;
  segmenter.sweep_scores(input.image, input.original, {{1.0}, {}},
                         [&](std::size_t, const at::Tensor& scores) {
                           labels = model::predict_labels(scores, scorer.label_rule());
                         });
  return labels;
}

class ImagesCheck {
 public:
  ImagesCheck(Folder& folder, const Clip& clip, const Json& facts, Report& report)
      : folder_(folder), clip_(clip), facts_(facts), report_(report) {}

  void run() {
    file_ = folder_.tensors(std::string(kFolder) + "surgery.safetensors");
    if (file_ == nullptr) return;
    for (std::size_t i = 0; i < facts_.at("images").size(); ++i) {
      const std::string photograph = facts_.at("images")[i];
      const std::string stem = Path(photograph).stem().string();
      const Json& size = facts_.at("original_size_wh")[i];
      for (const Json& side : facts_.at("sizes")) {
        if (file_->has(format("{}.{}.image_features", stem, side.get<int>())))
          compare_image(photograph, stem, side, {size[1], size[0]});
      }
    }
  }

 private:
  void line(const std::string& name, const at::Tensor& found, const Tolerance& tolerance) {
    compare_tensor(report_, name, found, *file_, name, tolerance);
  }

  void compare_image(const std::string& photograph, const std::string& stem, int side,
                     ImageSize original) {
    const std::string path = format("{}resized_{}_{}.png", kFolder, stem, side);
    const auto squashed = load_image(folder_, path, data::ReadAs::kEvaluation, report_);
    if (!squashed) return;
    compare_resize(photograph, path, *squashed);
    Input input{format("{}.{}", stem, side), network_input(*squashed, data::kClipColors), original};
    input.features = model::surgery_features(clip_.vision, input.image.unsqueeze(0));
    line(input.name + ".image_features", input.features, kScores);
    for (const auto& [list, classes] : facts_.at("class_lists").items())
      compare_list(input, list, classes.get<Names>());
    for (const Json& text : facts_.at("single_texts")) compare_single(input, text);
    if (facts_.contains("combined")) compare_combined(input, facts_.at("combined"));
  }

  /// Pillow's resize of the photograph, wherever it lies below the folder of photographs.
  void compare_resize(const std::string& photograph, const std::string& path,
                      const data::Image& expected) {
    std::string relative = "images/val/" + photograph;
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder_.photos(), ignored)) {
      if (entry.path().filename() == photograph)
        relative = entry.path().lexically_relative(folder_.photos()).string();
    }
    const auto found = folder_.photograph(relative);
    if (!found) return;
    const auto image = data::read_image(posix_file_system(), *found, data::ReadAs::kTraining);
    if (!image.ok()) return report_.failed(path, image.status().message());
    golden::compare_images(path,
                           data::resize_bicubic_pillow(*image, expected.width, expected.height),
                           expected, kBytes, report_);
  }

  const Texts& texts_of(const Names& classes) {
    auto& known = texts_[classes];
    if (known == nullptr) known = std::make_unique<Texts>(clip_, classes);
    return *known;
  }

  void compare_list(const Input& input, const std::string& list, const Names& classes) {
    const Texts& texts = texts_of(classes);
    const std::string name = input.name + "." + list;
    const at::Tensor cosines = at::matmul(input.features, texts.rows().slice(0, 0, -1).t());
    line(name + ".cosine", cosines, kScores);
    const auto by_cosine = texts.scorer({.ranking = SurgeryRanking::kSoftmax});
    const auto by_surgery = texts.scorer({.argmax = SurgeryArgmax::kSurgery});
    const at::Tensor rows = surgery_rows(*by_surgery, input);
    line(name + ".surgery", rows, kScores);
    const at::Tensor none = at::zeros({cosines.size(2), 1, 1});
    line(name + ".multilabel_softmax100",
         by_cosine->score_finish()->image_scores(input.image, none), kSoftmax);
    line(name + ".multilabel_surgery", by_surgery->score_finish()->image_scores(input.image, none),
         kRanking);
    const auto evidence = by_surgery->evidence(input.image, input.original);
    compare_maps(name, evidence->maps);
    compare_labels(name + ".argmax_cosine", labels_of(*by_cosine, input));
    compare_labels(name + ".argmax_surgery", labels_of(*by_surgery, input));
    compare_labels(
        name + ".argmax_minmax_cosine",
        model::enlarged(model::unit_maps(cosines[0].slice(0, 1)), input.original).argmax(0));
    compare_labels(name + ".argmax_minmax_surgery", evidence->maps.argmax(0));
    PointLists lists(facts_.at("points"), input.original);
    for (std::size_t i = 0; i < classes.size(); ++i) {
      lists.compare(name + "." + classes[i], evidence->points[i],
                    rows[0].slice(0, 1).select(1, static_cast<std::int64_t>(i)), {});
    }
    lists.say("points " + name, report_);
  }

  /// maps [N, H, W] against NAME.map#stepN [H', W', N] and their sums, where they are stored.
  void compare_maps(const std::string& name, const at::Tensor& maps) {
    for (const std::string& tensor : file_->names()) {
      if (!tensor.starts_with(name + ".map" + kStep)) continue;
      const std::int64_t step = std::stoll(tensor.substr(tensor.find(kStep) + sizeof(kStep) - 1));
      line(tensor,
           maps.slice(1, 0, std::nullopt, step).slice(2, 0, std::nullopt, step).permute({1, 2, 0}),
           kMaps);
    }
    if (!file_->has(name + ".map_sums")) return;
    const double pixels = static_cast<double>(maps.size(1) * maps.size(2));
    line(name + ".map_sums", maps.to(at::kDouble).sum({1, 2}),
         {.absolute = kMaps.absolute * pixels});
  }

  void compare_labels(const std::string& name, const at::Tensor& labels) {
    const auto expected = load_label(folder_, format("{}labels/{}.png", kFolder, name), report_);
    if (!expected) return;
    std::vector<std::int64_t> ids(expected->ids.begin(), expected->ids.end());
    const at::Tensor truth =
        at::from_blob(ids.data(), {expected->height, expected->width}, at::kLong);
    if (labels.sizes() != truth.sizes()) return report_.failed("labels " + name, "another size");
    report_.counted("labels " + name, ids.size(), count_differing(labels.to(at::kLong), truth), 0,
                    kLabels);
  }

  /// A data set of one class.
  void compare_single(const Input& input, const std::string& text) {
    const Texts& texts = texts_of({text});
    const std::string name = input.name + ".single." + text;
    const auto scorer = texts.scorer({.argmax = SurgeryArgmax::kSurgery});
    const at::Tensor rows = surgery_rows(*scorer, input);
    line(name + ".surgery", rows, kScores);
    compare_maps(name, scorer->evidence(input.image, input.original)->maps);
    PointLists lists(facts_.at("points"), input.original);
    for (const auto& [key, ignored] : facts_.at("points").items()) {
      const auto options = point_options(key, name);
      if (!options) continue;
      const auto own =
          texts.scorer({.point_threshold = options->threshold, .point_shrink = options->shrink});
      lists.compare(key, own->evidence(input.image, input.original)->points.front(),
                    rows[0].slice(0, 1).select(1, 0), *options);
    }
    lists.say("points " + name, report_);
  }

  /// A class of several texts, "car+road".
  void compare_combined(const Input& input, const std::string& text) {
    const auto scorer = texts_of({text}).scorer({.argmax = SurgeryArgmax::kSurgery});
    const at::Tensor rows = surgery_rows(*scorer, input)[0];  // [P, Q]
    line(input.name + ".combined.mean", model::unit_maps(rows).mean(1), kMaps);
    PointLists lists(facts_.at("points"), input.original);
    const std::string name = format("{}.combined.{}", input.name, text);
    lists.compare(name, scorer->evidence(input.image, input.original)->points.front(), {}, {});
    lists.say("points " + name, report_);
  }

  Folder& folder_;
  const Clip& clip_;
  const Json& facts_;
  Report& report_;
  TensorFile* file_ = nullptr;
  std::map<Names, std::unique_ptr<Texts>> texts_;
};

}  // namespace

void compare_images(Folder& folder, const Clip& clip, const Json& facts, Report& report) {
  ImagesCheck(folder, clip, facts, report).run();
}

}  // namespace tagalign::golden::clip_surgery
