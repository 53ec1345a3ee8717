/// Both inference protocols against the reference: embeddings, windows, averages, label maps. The
/// projectors are those that the reference trained; only resized photographs are read.
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>

#include "data/image.h"
#include "model/segmentation.h"
#include "tests/support/golden_reader.h"
#include "tests/support/golden_weights.h"

namespace tagalign::model {
namespace {

using testing::max_deviation;
using testing::read_golden_tensors;
using Tensors = std::map<std::string, at::Tensor>;

constexpr double kScoreBound = 1e-5;
constexpr double kLabelShare = 1e-4;  // of the pixels may fall on the other side of a tie
constexpr std::int64_t kHeight = 360, kWidth = 480;
const std::vector<std::string> kPhotos = {"0016E5_07965", "0016E5_08039", "0016E5_08135"};

template <class T>
T unwrap(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().message();
  return std::move(result).value();
}

/// "gdecoder.clip_w0.3.background.simple"
struct RunName {
  std::string text;
  bool transformer() const { return text.starts_with("transformer"); }
  double clip_weight() const { return std::stod(text.substr(text.find("clip_w") + 6, 3)); }
  bool background() const { return text.find(".background.") != std::string::npos; }
  std::string embedding() const {
    const std::string templates = text.substr(text.rfind('.') + 1);
    return "text_embedding." + templates + (background() ? ".background" : ".nobackground");
  }
};

std::vector<RunName> runs_of(const nlohmann::json& info) {
  std::vector<RunName> runs;
  const std::string first = "." + kPhotos[0] + ".png";
  for (const auto& [name, share] : info.at("label_disagreement_float32_vs_float64").items()) {
    if (name.ends_with(first)) runs.push_back({name.substr(0, name.size() - first.size())});
  }
  return runs;
}

at::Tensor network_input(const data::Image& image) {
  std::vector<float> planar = data::normalize_planar(image);
  return at::from_blob(planar.data(), {3, image.height, image.width}, at::kFloat).clone();
}

data::Image read_png(const std::string& relative) {
  return unwrap(data::decode_image(testing::read_golden_bytes(relative), data::ReadAs::kEvaluation,
                                   relative));
}

class InferenceGolden : public ::testing::TestWithParam<std::string> {
 protected:
  /// Not in the constructor: the fixtures may be absent.
  void load() {
    const std::string protocol = GetParam();
    info_ = testing::read_golden_json("inference/inference_" + protocol + ".json");
    scores_ = read_golden_tensors("inference/scores_" + protocol + ".safetensors");
    vision_ = std::make_unique<VisionTower>(
        unwrap(VisionTower::create(read_golden_tensors("clip/clip_tiny.safetensors"))));
    gdecoder_ = trained(ProjectorKind::kGDecoder, 2, "checkpoint_gdecoder_v1");
    transformer_ = trained(ProjectorKind::kTransformer, 1, "checkpoint_transformer_v1");
  }

  std::unique_ptr<Projector> trained(ProjectorKind kind, int layers, const std::string& file) {
    auto projector = make_projector({kind, layers, 128}, vision_->projection(), 1);
    const Status status =
        load_projector(*projector, testing::read_golden_weights("checkpoints/" + file + ".pth.gz"));
    EXPECT_TRUE(status.ok()) << status.message();
    return projector;
  }

  SegmentationOptions options(double clip_weight, bool background) const {
    SegmentationOptions options;
    options.rule = GetParam() == "v3" ? ScoreRule::kSoftmax : ScoreRule::kSigmoid;
    options.scale = info_.at("scale_bias")[0];
    options.clip_weight = clip_weight;
    options.background = background;
    options.background_threshold = info_.at("bg_thresh");
    options.window = 64;
    options.stride = 32;
    return options;
  }

  Segmenter segmenter(const RunName& run) const {
    return {*vision_, run.transformer() ? transformer_.get() : gdecoder_.get(),
            scores_.at(run.embedding()), options(run.clip_weight(), run.background())};
  }

  void expect_labels(const at::Tensor& labels, const std::string& name) const {
    const std::string file = "inference/labels_" + GetParam() + "/" + name + ".png";
    const data::LabelMap map =
        unwrap(data::decode_label_png(testing::read_golden_bytes(file), file));
    std::vector<std::int32_t> ids(map.ids.begin(), map.ids.end());
    const at::Tensor expected = at::from_blob(ids.data(), {map.height, map.width}, at::kInt);
    ASSERT_EQ(labels.sizes(), expected.sizes()) << name;
    const double share =
        static_cast<double>(labels.to(at::kInt).ne(expected).sum().item<std::int64_t>()) /
        static_cast<double>(expected.numel());
    EXPECT_LE(share, kLabelShare) << name;
  }

  nlohmann::json info_;
  Tensors scores_;
  std::unique_ptr<VisionTower> vision_;
  std::unique_ptr<Projector> gdecoder_, transformer_;
};

TEST_P(InferenceGolden, FirstPhoto_WindowAverageSoftmax_WithinBound) {
  TA_REQUIRE_GOLDEN("inference/inference_v1.json");
  load();
  const at::Tensor image = network_input(read_png("inference/resized_" + kPhotos[0] + ".png"));
  const Window window = sliding_windows(image.size(1), image.size(2), 64, 32).at(4);
  const at::Tensor crop = image.narrow(1, window.y, 64).narrow(2, window.x, 64).unsqueeze(0);
  const std::vector<RunName> runs = runs_of(info_);
  ASSERT_GE(runs.size(), 9u);
  for (const RunName& run : runs) {
    const Segmenter segmenter = this->segmenter(run);
    const at::Tensor mask = segmenter.window_masks(crop).squeeze(0);
    const auto whole = scores_.find(run.text + ".window4");
    EXPECT_LE(whole != scores_.end() ? max_deviation(mask, whole->second)
                                     : max_deviation(mask.slice(1, 0, {}, 4).slice(2, 0, {}, 4),
                                                     scores_.at(run.text + ".window4#step4")),
              kScoreBound)
        << run.text;
    const at::Tensor average = segmenter.slide(image);
    EXPECT_LE(max_deviation(average.slice(1, 0, {}, 8).slice(2, 0, {}, 8),
                            scores_.at(run.text + ".slide_average#step8")),
              kScoreBound)
        << run.text;
    const at::Tensor softmax = at::softmax(segmenter.scores(image, {kHeight, kWidth}), 0);
    EXPECT_LE(max_deviation(softmax.slice(1, 100, 140, 2).slice(2, 200, 240, 2),
                            scores_.at(run.text + ".softmax_crop_y100_140_x200_240")),
              kScoreBound)
        << run.text;
  }
}

TEST_P(InferenceGolden, ThreePhotos_LabelMaps_DifferInTiesOnly) {
  TA_REQUIRE_GOLDEN("inference/inference_v1.json");
  load();
  for (const std::string& photo : kPhotos) {
    const at::Tensor image = network_input(read_png("inference/resized_" + photo + ".png"));
    for (const RunName& run : runs_of(info_)) {
      expect_labels(segmenter(run).label_map(image, kHeight, kWidth), run.text + "." + photo);
    }
  }
}

TEST_P(InferenceGolden, ImagesSmallerThanTheWindow_LabelMaps_DifferInTiesOnly) {
  TA_REQUIRE_GOLDEN("inference/inference_v1.json");
  load();
  for (const auto& [file, info] : info_.at("small_images").items()) {
    const std::string name = file.substr(0, file.size() - 4);  // "small.wide"
    const std::string kind = name.substr(name.find('.') + 1);  // "wide"
    const data::Image original = read_png("inference/input_" + kind + ".png");
    const std::vector<int> size = info.at("network_input_hw");
    const at::Tensor image =
        network_input(data::resize_bilinear_opencv(original, size[1], size[0]));
    const Segmenter segmenter(*vision_, gdecoder_.get(),
                              scores_.at("text_embedding.simple.nobackground"),
                              options(info.at("clip_w"), false));
    expect_labels(segmenter.label_map(image, original.height, original.width), name);
    if (const auto mask = scores_.find(file + ".window0"); mask != scores_.end()) {
      const Window window = sliding_windows(size[0], size[1], 64, 32).front();
      const at::Tensor crop = image.narrow(1, 0, window.height).narrow(2, 0, window.width);
      EXPECT_LE(max_deviation(segmenter.window_masks(crop.unsqueeze(0)).squeeze(0), mask->second),
                kScoreBound)
          << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Protocols, InferenceGolden, ::testing::Values("v1", "v3"),
                         [](const auto& protocol) { return protocol.param; });

}  // namespace
}  // namespace tagalign::model
